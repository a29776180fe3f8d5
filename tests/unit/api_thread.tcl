# api_thread.tcl - threads take turns with the loop and with each other; the background thread.

start_server [with_module api_thread api_journal] {
    r select 0
    proc finished {} {
        wait_for_condition 500 10 {[lindex [r thread.stats] 0] == 0} else {fail "threads still run"}
    }

    test "Threads change the keyspace, one at a time" {
        r thread.incr n 4 500 0
        finished
        assert_equal 2000 [r get n]
        lindex [r thread.stats] 2
    } 0

    test "Threads and busy clients do not starve each other" {
        r del n
        set start [clock milliseconds]
        r thread.incr n 4 100 500
        set commands 0
        while {[lindex [r thread.stats] 0]} {incr commands; r incr m}
        assert_equal 400 [r get n]
        assert_equal $commands [r get m]
        # 200 ms of work under the lock; fair turns let the loop run between.
        assert_morethan $commands 20
        assert_lessthan [expr {[clock milliseconds] - $start}] 5000
    }

    test "A lock that is only tried for" {
        r del n
        r thread.incr n 2 50 0 try
        finished
        r get n
    } 100

    test "A thread's message reaches an idle client at once" {
        set rd [redis_client]
        assert_equal OK [$rd thread.tell hello]
        assert_equal {thread hello} [$rd read]
        for {set i 0} {$i < 20} {incr i} {
            assert_equal OK [$rd thread.tell $i]
            assert_equal "thread $i" [$rd read]
        }
        $rd close
        finished
    }

    test "What threads write is recorded" {
        r journal.arm 1
        r thread.incr j 2 10 0
        finished
        set n 0
        wait_for_condition 50 10 {[incr n [llength [r journal.take]]] == 20} else {fail "$n records"}
        r journal.arm 0
    } OK

    test "Jobs of the background thread run in order, all of them" {
        r thread.jobs 500
        wait_for_condition 300 10 {[lindex [r thread.stats] 1] == 500} else {fail "jobs are left"}
        assert_equal 0 [lindex [r thread.stats] 3]
        r thread.jobs 0
    } 0

    test "The server ends with jobs in the queue, after doing them" {
        r thread.jobs 200
        catch {r shutdown nosave}
        wait_for_condition 100 20 {![is_alive [lindex $::servers end]]} else {fail "it runs on"}
    }
}
