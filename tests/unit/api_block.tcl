# api_block.tcl - waiting for keys in order of arrival, for time, for threads; ending waits.

start_server [with_module api_block api_journal api_gate] {
    proc blocked n {
        wait_for_condition 100 10 {[lindex [r block.stats] 0] == $n} else {
            fail "[lindex [r block.stats] 0] clients wait, not $n"
        }
    }
    proc freed {} {return [lindex [r block.stats] 1]}
    # A client that waits for keys without end.
    proc waiter args {
        set before [lindex [r block.stats] 0]
        set rd [redis_deferring_client]
        $rd {*}$args
        blocked [expr {$before + 1}]
        return $rd
    }

    test "A key that is there is taken at once" {
        r block.put a 1
        assert_equal {a 1} [r block.take nosuch a 0]
        r exists a
    } 0

    test "A client waits until its key comes" {
        set rd [waiter block.take a 0]
        assert_match {*flags=b*} [r client list]
        assert_equal {1 0} [list [s blocked_clients] [s clients_in_timeout_table]]
        r block.put b 1
        r block.put a hello
        assert_equal {a hello} [$rd read]
        assert_equal PONG [$rd ping; $rd read]
        $rd close
        r exists a
    } 0

    test "Clients are served in order of arrival, one for each value" {
        set clients {}
        for {set i 0} {$i < 5} {incr i} {lappend clients [waiter block.take q 0]}
        for {set i 0} {$i < 5} {incr i} {r block.put q value$i}
        set i 0
        foreach rd $clients {
            assert_equal "q value$i" [$rd read]
            incr i
            $rd close
        }
        blocked 0
    }

    test "Keys are served in the order in which they became ready" {
        set rd [waiter block.take one two three 0]
        r block.put three 3 one 1
        assert_equal {three 3} [$rd read]
        $rd close
        r get one
    } 1

    test "A key given twice counts once" {
        r del one
        set rd [waiter block.take twice twice 0]
        set rd2 [waiter block.take twice 0]
        r block.put twice 1
        assert_equal {twice 1} [$rd read]
        r block.put twice 2
        assert_equal {twice 2} [$rd2 read]
        $rd close
        $rd2 close
    }

    test "A wait belongs to its database" {
        set rd [waiter block.take a 0]
        r select 3
        r block.put a other
        blocked 1
        r select 9
        r block.put a mine
        assert_equal {a mine} [$rd read]
        $rd close
        r select 3
        r del a
        r select 9
    } OK

    test "Swapping databases tries those who wait for what is there then" {
        set rd [waiter block.take swapped 0]
        r select 3
        r block.put swapped 1
        r select 9
        r swapdb 3 9
        assert_equal {swapped 1} [$rd read]
        $rd close
        r swapdb 3 9
    } OK

    test "A pipeline behind a blocked command waits with it, in order" {
        set rd [redis_deferring_client]
        $rd write "[formatCommand block.take a 0][formatCommand ping][formatCommand block.take b 0]"
        $rd write "[formatCommand echo behind]"
        $rd flush
        blocked 1
        $rd write [formatCommand echo later]
        $rd flush
        after 30
        r block.put a 1 b 2
        assert_equal {a 1} [$rd read]
        assert_equal PONG [$rd read]
        assert_equal {b 2} [$rd read]
        assert_equal behind [$rd read]
        assert_equal later [$rd read]
        $rd close
    }

    test "A client puts into its own pipeline what it waited for in another" {
        set rd [redis_deferring_client]
        $rd write "[formatCommand block.put own 1][formatCommand block.take own 0]"
        $rd write "[formatCommand block.take own 50][formatCommand ping]"
        $rd flush
        assert_equal 1 [$rd read]
        assert_equal {own 1} [$rd read]
        assert_equal {} [$rd read]
        assert_equal PONG [$rd read]
        $rd close
    }

    test "A long argument is kept while its client waits" {
        set name [string repeat k 200000]
        set rd [waiter block.take $name 0]
        set rd2 [waiter block.take x$name 0]
        r block.put $name 1
        assert_equal [list $name 1] [$rd read]
        r block.put x$name 2
        assert_equal [list x$name 2] [$rd2 read]
        $rd close
        $rd2 close
    }

    test "Time is up: a null array, in both protocols, and not before" {
        foreach {protocol bytes} {2 "*-1\r\n" 3 "_\r\n"} {
            set rd [redis_client]
            if {$protocol == 3} {$rd hello 3}
            set start [clock milliseconds]
            assert_equal $bytes [$rd raw block.take late 100]
            assert_range [expr {[clock milliseconds] - $start}] 95 400
            $rd close
        }
        blocked 0
    }

    test "Many deadlines, each at its time" {
        set clients {}
        foreach ms {120 40 80 20 100 60} {
            set rd [redis_deferring_client]
            $rd block.take late $ms
            lappend clients $rd $ms
        }
        set start [clock milliseconds]
        foreach {rd ms} $clients {assert_equal {} [$rd read]; $rd close}
        assert_range [expr {[clock milliseconds] - $start}] 80 400
    }

    test "Serving one makes another ready" {
        set c1 [waiter block.pass p1 p2]
        set c2 [waiter block.pass p2 p3]
        set c3 [waiter block.take p3 0]
        r block.put p1 box
        assert_equal p2 [$c1 read]
        assert_equal p3 [$c2 read]
        assert_equal {p3 box} [$c3 read]
        foreach rd [list $c1 $c2 $c3] {$rd close}
        r exists p1 p2 p3
    } 0

    test "Waiting for a key's end" {
        foreach how {{del g} {unlink g} {getdel g} {rename g g2} {pexpire g 1} {flushdb} {flushall}
                     {flushall async} {move g 3} {pexpire g -1} {swapdb 9 5}} {
            r flushall
            r set g 1
            set rd [waiter block.gone g]
            r append g more
            blocked 1
            r {*}$how
            assert_error "UNBLOCKED g is gone" {$rd read}
            $rd close
        }
        r swapdb 9 5
    } OK

    test "A thread names whom to try again" {
        set rd [redis_client]
        set start [clock milliseconds]
        assert_equal {block.thread 3} [$rd block.thread 100 5000]
        assert_range [expr {[clock milliseconds] - $start}] 95 1000
        assert_equal late [$rd block.thread 100 50]
        after 100
        assert_equal PONG [$rd ping]
        $rd close
    }

    test "Fifty threads at once" {
        set clients {}
        for {set i 0} {$i < 50} {incr i} {
            set rd [redis_deferring_client]
            lappend clients $rd
            $rd block.thread [expr {$i % 7}] 5000
        }
        foreach rd $clients {
            assert_equal {block.thread 3} [$rd read]
            $rd close
        }
        blocked 0
    }

    test "Naming an id twice, and one that is gone" {
        set rd [waiter block.id]
        assert_equal 2 [r block.name]
        assert_equal {block.id 1} [$rd read]
        assert_equal 0 [r block.name]
        $rd close
    }

    test "A wait is ended from outside, as if time were up or with an error" {
        set rd [redis_deferring_client]
        $rd block.me
        set id [$rd read]
        assert_equal 0 [r block.end $id]
        $rd block.take a 0
        blocked 1
        assert_equal 1 [r block.end $id]
        assert_equal {} [$rd read]
        $rd block.take a 0
        blocked 1
        assert_equal 1 [r block.end $id "UNBLOCKED by a test"]
        assert_error "UNBLOCKED by a test" {$rd read}
        $rd block.take a 0
        blocked 1
        assert_equal 1 [r client unblock $id]
        assert_equal {} [$rd read]
        $rd block.take a 0
        blocked 1
        assert_equal 1 [r client unblock $id error]
        assert_error "UNBLOCKED client unblocked via CLIENT UNBLOCK" {$rd read}
        assert_equal 0 [r client unblock $id]
        $rd close
    }

    test "A client that leaves takes nothing, and its data is freed" {
        set before [freed]
        set rd [waiter block.take a 0]
        set rd2 [waiter block.take a 0]
        $rd close
        blocked 1
        assert_equal [incr before] [freed]
        r block.put a 1
        assert_equal {a 1} [$rd2 read]
        assert_equal [incr before] [freed]
        $rd2 close
    }

    test "A killed client takes nothing, even when its key comes in the same turn" {
        set rd [redis_deferring_client]
        $rd block.me
        set id [$rd read]
        $rd block.take a 0
        blocked 1
        set rd2 [redis_deferring_client]
        $rd2 write "[formatCommand client kill id $id][formatCommand block.put a 1]"
        $rd2 write [formatCommand get a]
        $rd2 flush
        assert_equal 1 [$rd2 read]
        assert_equal 1 [$rd2 read]
        assert_equal 1 [$rd2 read]
        $rd2 close
        $rd close
        r del a
        blocked 0
    }

    test "Where waiting is not possible it is as if time were up" {
        assert_equal {} [r block.call block.take a 0]
        assert_equal {} [r block.inline block.take a 0]
        assert_equal 0 [lindex [r block.stats] 0]
        r block.put a 1
        assert_equal {a 1} [r block.call block.take a 0]
        r block.put a 2
        assert_equal {a 2} [r block.inline block.take a 0]
    }

    test "A put by a nested call serves who waits" {
        set rd [waiter block.take a 0]
        assert_equal 1 [r block.call block.put a nested]
        assert_equal {a nested} [$rd read]
        $rd block.take a 0
        blocked 1
        assert_equal 1 [r block.inline block.put a inlined]
        assert_equal {a inlined} [$rd read]
        $rd close
    }

    test "Odd retries: none, error, two replies, long ones, no second block" {
        foreach {how reply} {
            none "ERR command 'block.odd' of module 'api_block' did not give exactly one reply"
            error "ODD error"
            two "ERR command 'block.odd' of module 'api_block' did not give exactly one reply"
            late "ERR command 'block.odd' of module 'api_block' did not give exactly one reply"
        } {
            set rd [redis_deferring_client]
            $rd block.odd odd $how
            if {$how ne "late"} {blocked 1}
            r block.put odd 1
            assert_error $reply {$rd read}
            $rd ping
            assert_equal PONG [$rd read]
            $rd close
        }
        set rd [waiter block.odd odd block]
        r block.put odd 1
        assert_equal 0 [$rd read]
        $rd close
        set rd [waiter block.odd odd big]
        r block.put odd 1
        assert_equal 20 [llength [$rd read]]
        $rd close
        r del odd
    }

    test "A retry that says something and then waits on has said nothing" {
        set rd [waiter block.odd odd unsaid]
        r block.put odd 1
        r block.put odd 2
        blocked 1
        set id [lindex [regexp -inline {id=(\d+) [^\n]*cmd=block.odd} [r client list]] 1]
        r client unblock $id error
        assert_error "UNBLOCKED*" {$rd read}
        $rd ping
        assert_equal PONG [$rd read]
        $rd close
    }

    test "A retry that closes its client" {
        set rd [waiter block.odd odd close]
        r block.put odd 1
        blocked 0
        assert_equal PONG [r ping]
        $rd close
    }

    test "A command that blocks and replies has its reply taken back" {
        set rd [waiter block.odd odd replies]
        r block.put odd 1
        assert_error "*exactly one reply*" {$rd read}
        $rd ping
        assert_equal PONG [$rd read]
        $rd close
    }

    test "CLIENT REPLY OFF and SKIP hold for what a blocked command replies later" {
        r del a
        set rd [redis_deferring_client]
        $rd client reply skip
        $rd block.take a 0
        blocked 1
        r block.put a 1
        $rd ping
        assert_equal PONG [$rd read]
        $rd client reply off
        $rd block.take a 0
        blocked 1
        r block.put a 1
        $rd client reply on
        assert_equal OK [$rd read]
        $rd close
    }

    test "A served client's change is recorded after the one that served it" {
        r del a
        r journal.arm 1
        set rd [waiter block.take a 0]
        r block.put a 1
        $rd read
        set got {}
        foreach record [r journal.take] {lappend got [lindex $record 0] [lindex $record 4]}
        r journal.arm 0
        assert_match "9 *block.put* 9 *DEL*" $got
        assert_equal 4 [llength $got]
        $rd close
    }

    test "A blocked command is one call, and seen once, at its end" {
        r config resetstat
        r gate.arm after all
        set rd [waiter block.take a 0]
        r gate.log take
        r gate.log on
        r block.put a 1
        $rd read
        r gate.log off
        r gate.arm after none
        assert_equal {{after block.take a 0} {after block.put a 1}} [lsort -decreasing [r gate.log take]]
        assert_match {calls=1,*rejected_calls=0,failed_calls=0} [cmdrstat block.take r]
        $rd close
    }

    test "A gate is asked again when a key comes" {
        r gate.arm early all
        r gate.arm early none
        set rd [waiter block.take forbidden 0]
        r gate.arm early all
        catch {r block.put other 1}
        r block.call block.put forbidden 1
        assert_error "NOPERM early says no" {$rd read}
        r gate.arm early none
        assert_equal 1 [r get forbidden]
        $rd close
    }

    test "A retry that a gate holds comes later, and its key is for others meanwhile" {
        set rd [redis_deferring_client]
        $rd block.me
        set id [$rd read]
        $rd block.take a 0
        set rd2 [waiter block.take a 0]
        blocked 2
        r gate.arm hold all $id
        r block.put a 1
        assert_equal {a 1} [$rd2 read]
        r block.put a 2
        after 50
        assert_equal 2 [r get a]
        blocked 1
        r gate.arm hold none $id
        assert_equal {a 2} [$rd read]
        $rd ping
        assert_equal PONG [$rd read]
        $rd close
        $rd2 close
    }

    test "A hundred clients and a thousand values" {
        set clients {}
        for {set i 0} {$i < 100} {incr i} {
            set rd [redis_deferring_client]
            lappend clients $rd
            for {set j 0} {$j < 10} {incr j} {$rd write [formatCommand block.take many 0]}
            $rd flush
        }
        blocked 100
        set total 0
        for {set i 0} {$i < 1000} {incr i} {r block.put many $i}
        set seen {}
        foreach rd $clients {
            for {set j 0} {$j < 10} {incr j} {lappend seen [lindex [$rd read] 1]}
            $rd close
        }
        assert_equal 1000 [llength [lsort -unique $seen]]
        blocked 0
    }

    test "Its module stays while clients wait" {
        set rd [waiter block.take a 0]
        assert_error "*blocked clients*" {r module unload api_block}
        r block.put a 1
        $rd read
        $rd close
        r module unload api_block
    } OK
}
