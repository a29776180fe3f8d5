# api_journal.tcl - what a subscriber of the journal gets: records, databases, groups, clients.

start_server [with_module api_journal] {
    # The records since the last time: a list of {db commands-or-flags words...}.
    proc taken {} {
        set out {}
        foreach record [r journal.take] {
            lassign $record db flags client batch resp
            lappend out [list $db [lindex {"" B E BE} $flags] {*}[words_of $resp]]
        }
        return $out
    }
    # The words of a command in protocol form, which must be exact.
    proc words_of resp {
        set at 0
        regexp -start 0 {^\*(\d+)\r\n} $resp head n
        set at [string length $head]
        set words {}
        for {set i 0} {$i < $n} {incr i} {
            if {![regexp {^\$(\d+)\r\n} [string range $resp $at end] head len]} {error "bad $resp"}
            incr at [string length $head]
            lappend words [string range $resp $at [expr {$at + $len - 1}]]
            incr at $len
            assert_equal "\r\n" [string range $resp $at [expr {$at + 1}]]
            incr at 2
        }
        assert_equal $at [string length $resp]
        return $words
    }

    test "Nothing is recorded while no subscriber is armed" {
        r set a 1
        taken
    } {}

    r journal.arm 1

    test "A write is recorded as it was sent, reads are not" {
        r SeT a "x\0\r\ny"
        r get a
        r set b 2 ex 1000
        set got [taken]
        assert_equal [lindex $got 0] [list 9 "" SeT a "x\0\r\ny"]
        # EX is rewritten to an absolute time by the command.
        assert_match {9 {} * b 2 * *} [lindex $got 1]
        assert_equal 2 [llength $got]
    }

    test "An inline request is recorded in protocol form" {
        set rd [redis_client]
        $rd write "select 2\r\nset inline \"a\\x00b\"\r\n"
        $rd flush
        assert_equal {OK OK} [list [$rd read] [$rd read]]
        $rd close
        taken
    } [list [list 2 "" set inline "a\0b"]]

    test "Pipelined writes of several clients and a long argument" {
        set long [string repeat abc 100000]
        set a [redis_deferring_client]
        set b [redis_deferring_client]
        foreach i {1 2 3} {$a set a$i $i}
        $b set long $long
        $b set after 1
        foreach i {1 2 3} {$a read}
        $b read
        $b read
        $a close
        $b close
        set got [taken]
        assert_equal 5 [llength $got]
        assert {[lsearch $got [list 9 "" set long $long]] >= 0}
        assert {[lsearch $got [list 9 "" set a2 2]] >= 0}
        assert_equal $long [r get long]
    }

    test "A failed write and one that changes nothing are not recorded" {
        r del nosuch
        catch {r incr long}
        catch {r set a 1 nosuch}
        r setnx a 5
        taken
    } {}

    test "Records name the client" {
        set rd [redis_client]
        set id [$rd client id]
        $rd set a 1
        assert_equal $id [lindex [r journal.take] 0 2]
        $rd close
    }

    test "A command records something else instead" {
        r journal.set k change words
        r journal.set k words words
        taken
    } {{9 {} SET k words} {9 B SET k words} {9 E SET k words}}

    test "A command records something besides itself, in another database" {
        r journal.set k change also
        taken
    } [list {9 B journal.set k change also} [list 5 E SET k also\0\r\n]]

    test "A forced record, and one that is suppressed" {
        r journal.set k force
        r journal.set k change nothing
        taken
    } {{9 {} journal.set k force}}

    test "A record belongs to the database in which its command began" {
        set rd [redis_client]
        $rd select 4
        $rd journal.set k change select
        $rd set k2 in3
        $rd close
        taken
    } {{4 {} journal.set k change select} {3 {} set k2 in3}}

    test "The middle of a turn is handed over on demand" {
        r journal.set k change words flush words
        set got {}
        foreach record [r journal.take] {lappend got [lindex $record 3]}
        assert_equal 2 [llength $got]
        assert {[lindex $got 0] < [lindex $got 1]}
    }

    test "Nested writes record themselves as one group" {
        r del n
        r journal.take
        assert_equal xxx [r journal.calls n 3]
        taken
    } {{9 B APPEND n x} {9 {} APPEND n x} {9 E APPEND n x}}

    test "A group of one has no bounds" {
        r journal.calls n 1
        taken
    } {{9 {} APPEND n x}}

    test "Writes of a timer are recorded, in a group when it says so" {
        r journal.later later
        wait_for_condition 50 10 {[llength [set got [taken]]] == 2} else {fail "no records: $got"}
        set got
    } {{0 B SET later timer} {0 E DEL later}}

    test "A key that expires is recorded as deleted, before the command that met it" {
        r debug set-active-expire 0
        r set e 1 px 20
        r journal.take
        after 60
        r append e x
        r debug set-active-expire 1
        set got [taken]
        r debug set-active-expire 1
        assert_match {{9 B * e} {9 E append e x}} $got
        assert {[lindex $got 0 2] in {DEL UNLINK}}
    }

    test "Replies that are held back come later, all of them and in order" {
        set start [clock milliseconds]
        set rd [redis_deferring_client]
        r journal.hold 300
        assert_morethan [expr {[clock milliseconds] - $start}] 250
        set start [clock milliseconds]
        $rd journal.hold 300
        for {set i 0} {$i < 100} {incr i} {$rd set held $i; $rd get held}
        $rd read
        assert_morethan [expr {[clock milliseconds] - $start}] 250
        for {set i 0} {$i < 100} {incr i} {
            assert_equal OK [$rd read]
            assert_equal $i [$rd read]
        }
        $rd close
    }

    test "A client that leaves while replies are held" {
        r journal.take
        set rd [redis_deferring_client]
        $rd journal.hold 100
        $rd set left 1
        after 20
        $rd close
        after 150
        assert_equal 1 [r get left]
    }

    test "Disarmed, nothing is recorded any more" {
        r journal.take
        r journal.arm 0
        r set a 1
        r journal.calls n 2
        taken
    } {}

    test "Its module can be unloaded while armed" {
        r journal.arm 1
        r set a 2
        assert_equal OK [r module unload api_journal]
        r set a 3
        r get a
    } 3
}
