# api_loop.tcl - timers, one-shots, descriptors in the loop, and pointers kept with clients.

start_server [with_module api_loop] {
    proc traced {pattern} {
        set all ""
        wait_for_condition 100 10 {
            [string match $pattern [set all [string trim "$all [r loop.trace]"]]]
        } else {
            fail "'$all' is not '$pattern'"
        }
        return $all
    }

    test "A timer fires once, not before its time" {
        set start [clock milliseconds]
        set id [r loop.timer 100 1 once]
        assert_range [r loop.left $id] 50 100
        traced once
        assert_range [expr {[clock milliseconds] - $start}] 95 500
        assert_equal -1 [r loop.left $id]
        after 120
        r loop.trace
    } {}

    test "A timer fires as long as it says so" {
        set start [clock milliseconds]
        r loop.timer 20 5 tick
        traced "tick tick tick tick tick"
        assert_range [expr {[clock milliseconds] - $start}] 95 600
        after 50
        r loop.trace
    } {}

    test "Timers fire in the order in which they are due" {
        foreach ms {50 10 40 20 30} {r loop.timer $ms 1 at$ms}
        traced "at10 at20 at30 at40 at50"
    }

    test "Timers that are due at once fire in the order in which they were started" {
        set rd [redis_deferring_client]
        foreach i {1 2 3 4 5} {$rd write [formatCommand loop.timer 0 1 n$i]}
        $rd flush
        foreach i {1 2 3 4 5} {$rd read}
        $rd close
        traced "n1 n2 n3 n4 n5"
    }

    test "A stopped timer does not fire" {
        set id [r loop.timer 30 1 never]
        set id2 [r loop.timer 60 1 after]
        assert_equal 1 [r loop.stop $id]
        assert_equal 0 [r loop.stop $id]
        assert_equal after [traced after]
        r loop.stop $id2
    } 0

    test "A timer stops itself, or starts another" {
        r loop.timer 1 100 self self
        r loop.timer 1 1 first another
        after 60
        lsort [r loop.trace]
    } {another first self}

    test "Ids are not used again" {
        set ids {}
        for {set i 0} {$i < 200} {incr i} {
            set id [r loop.timer 100000 1 x]
            lappend ids $id
            assert_equal 1 [r loop.stop $id]
        }
        llength [lsort -unique $ids]
    } 200

    test "Two thousand timers, half of them stopped" {
        set rd [redis_deferring_client]
        for {set i 0} {$i < 2000} {incr i} {
            $rd write [formatCommand loop.timer [expr {200 + $i * 7919 % 97}] 1 .]
        }
        $rd flush
        set ids {}
        for {set i 0} {$i < 2000} {incr i} {lappend ids [$rd read]}
        for {set i 0} {$i < 2000} {incr i 2} {$rd write [formatCommand loop.stop [lindex $ids $i]]}
        $rd flush
        for {set i 0} {$i < 2000} {incr i 2} {assert_equal 1 [$rd read]}
        $rd close
        set n 0
        wait_for_condition 100 20 {[incr n [llength [r loop.trace]]] == 1000} else {fail "$n fired"}
    }

    test "One-shots run after the command that posted them" {
        r loop.post late here
        traced "asked late"
    }

    test "One-shots of another thread, in order and all of them" {
        r loop.post word thread
        traced "asked [string trim [string repeat "word " 100]]"
    }

    test "A one-shot that posts itself does not stop the server" {
        r loop.post me again
        traced "asked me me me me me me"
    }

    test "A descriptor is read when there is something" {
        r loop.pipe open
        r loop.pipe write hello
        traced hello
        r loop.pipe write again
        traced again
    }

    test "A descriptor that is no longer watched is not read, and can be watched again" {
        r loop.pipe end
        r loop.pipe write unseen
        after 30
        assert_equal "" [r loop.trace]
        r loop.pipe again
        traced unseen
    }

    test "A descriptor is written when there is room" {
        r loop.pipe write-watch
        traced writable
        after 20
        r loop.trace
    } {}

    test "Descriptors that cannot be watched" {
        r loop.pipe bad
    } OK

    test "What a callback writes survives the requests of the same turn" {
        set a [redis_client]
        set b [redis_deferring_client]
        set id [$a loop.pushto 0]
        r loop.pushto $id
        for {set i 0} {$i < 5} {incr i} {
            set slow [redis_deferring_client]
            $slow write "[formatCommand loop.pipe write pushed$i][formatCommand debug sleep 0.05]"
            $slow flush
            after 20
            $b echo [string repeat b 300]
            assert_equal pushed$i [$a read]
            assert_equal [string repeat b 300] [$b read]
            assert_equal {OK OK} [list [$slow read] [$slow read]]
            $slow close
        }
        r loop.pushto 0
        $a close
        $b close
        r loop.trace
    } "pushed0 pushed1 pushed2 pushed3 pushed4"

    test "A module that watches or holds timers stays" {
        assert_error "*descriptor*" {r module unload api_loop}
        r loop.pipe close
        traced "*hung-up"
        set id [r loop.timer 100000 1 x]
        assert_error "*timer*" {r module unload api_loop}
        r loop.stop $id
    } 1

    test "A slot is each client's own, empty at first" {
        set a [redis_client]
        set b [redis_client]
        assert_equal {} [$a loop.slot one]
        assert_equal {} [$b loop.slot two]
        assert_equal one [$a loop.slot uno]
        assert_equal uno [$a loop.slot]
        assert_equal two [$b loop.slot]
        assert_equal {} [r loop.slot]
        assert_equal {} [r loop.trace]
        $a close
        traced "free:uno:0"
        $b reset
        assert_equal free:two:0 [r loop.trace]
        assert_equal {} [$b loop.slot three]
        $b close
        traced free:three:0
    }

    test "Slots are freed as their module goes" {
        r loop.slot kept
        assert_equal OK [r module unload api_loop]
        assert_equal OK [r module load [test_module api_loop]]
        r loop.slot
    } {}
}
