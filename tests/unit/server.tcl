# server.tcl - TIME, DBSIZE, FLUSHALL, FLUSHDB, SWAPDB, LOLWUT, MEMORY, SHUTDOWN.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

start_server {tags {server} overrides {save {""}}} {
    test "TIME is now, in seconds and microseconds" {
        lassign [r time] seconds microseconds
        assert_range [expr {[clock seconds] - $seconds}] -1 1
        assert_range $microseconds 0 999999
        assert_error "ERR wrong number of arguments for 'time' command" {r time x}
    }

    test "FLUSHDB empties its own database, FLUSHALL all of them" {
        r set a 1
        r select 3
        r set b 2
        r flushdb
        assert_equal [r dbsize] 0
        r select 9
        assert_equal [r dbsize] 1
        r flushall
        assert_equal [r dbsize] 0
        foreach mode {sync async} {
            r set a 1
            assert_equal [r flushall $mode] OK
            r set a 1
            assert_equal [r flushdb $mode] OK
        }
        assert_error "ERR syntax error" {r flushall foo}
        assert_error "ERR syntax error" {r flushdb async sync}
        r dbsize
    } 0

    test "FLUSHALL counts as changes, and those of many keys are freed in the background" {
        r debug populate 10000
        set before [s rdb_changes_since_last_save]
        r flushall async
        assert_morethan_equal [s rdb_changes_since_last_save] [expr {$before + 10000}]
        wait_for_condition 50 100 {[s lazyfree_pending_objects] == 0} else {fail "still freeing"}
        r dbsize
    } 0

    test "SWAPDB exchanges what two databases hold" {
        set other [redis_client]
        r set here nine
        $other select 5
        $other set here five
        r swapdb 9 5
        assert_equal [list [r get here] [$other get here]] {five nine}
        r swapdb 5 9
        $other flushdb
        $other close
        r get here
    } nine

    test "SWAPDB refuses what is no database" {
        assert_error "ERR invalid first DB index" {r swapdb 44444444444 55555}
        assert_error "ERR invalid second DB index" {r swapdb 0 a}
        assert_error "ERR DB index is out of range" {r swapdb 10 55}
        assert_error "ERR DB index is out of range" {r swapdb -1 0}
        r swapdb 0 0
    } OK

    test "LOLWUT ends with the version" {
        assert_match "*Redis ver. 7.2.*\n" [r lolwut]
        assert_match "*Redis ver. 7.2.*\n" [r lolwut version 6 1 2 3]
        assert_error "ERR value is not an integer or out of range" {r lolwut version x}
    }

    test "INFO's text is verbatim in RESP3, as are other texts" {
        set c [redis_client]
        $c hello 3
        foreach command {{info server} lolwut {memory doctor} {client info} {debug htstats 0}} {
            assert_match "=*\r\ntxt:*" [$c raw {*}$command]
        }
        $c close
    }
}

start_server {tags {server memory}} {
    test "MEMORY USAGE grows with the value and knows no missing key" {
        r set small x
        r set large [string repeat x 10000]
        assert_equal [r memory usage nosuch] {}
        set small [r memory usage small]
        assert_range $small 8 100
        assert_range [r memory usage large samples 0] 10000 14000
        assert_error "ERR syntax error" {r memory usage small samples}
        assert_error "ERR syntax error" {r memory usage small samples -1}
        assert_error "ERR syntax error" {r memory usage small foo 1}
        assert_error "ERR value is not an integer or out of range" {
            r memory usage small samples x
        }
    }

    test "MEMORY USAGE touches nothing" {
        set misses [s keyspace_misses]
        r memory usage nosuch
        expr {[s keyspace_misses] - $misses}
    } 0

    test "MEMORY STATS agrees with INFO" {
        r set k v ex 1000
        set stats [r memory stats]
        assert_equal [dict get $stats keys.count] 3
        assert_range [expr {[dict get $stats total.allocated] - [s used_memory]}] -100000 100000
        assert_equal [dict get $stats startup.allocated] [s used_memory_startup]
        assert_morethan [dict get $stats db.9 overhead.hashtable.main] 0
        assert_morethan [dict get $stats db.9 overhead.hashtable.expires] 0
        assert_range [dict get $stats peak.percentage] 1 100
    }

    test "Data counts as such" {
        r flushall
        set before [s used_memory_dataset]
        r debug populate 10000 key 1000
        assert_range [expr {[s used_memory_dataset] - $before}] 10000000 13000000
    }

    test "MEMORY DOCTOR, MALLOC-STATS and PURGE answer" {
        assert_morethan [string length [r memory doctor]] 20
        r memory malloc-stats
        assert_equal [r memory purge] OK
        assert_error "ERR unknown subcommand 'nosuch'. Try MEMORY HELP." {r memory nosuch}
        assert {[lsearch -glob [r memory help] "USAGE*"] >= 0}
    }
}

start_server {tags {server shutdown}} {
    test "SHUTDOWN refuses options that do not go together" {
        foreach options {foo {save nosave} {abort now} {nosave abort}} {
            assert_error "ERR syntax error" {r shutdown {*}$options}
        }
        assert_error "ERR No shutdown in progress." {r shutdown abort}
        r ping
    } PONG

    test "SHUTDOWN ends the server, and its log says so" {
        catch {r shutdown nosave}
        wait_for_condition 50 100 {![process_is_alive [srv 0 pid]]} else {fail "still there"}
        verify_log_message 0 "*User requested shutdown*" 0
        verify_log_message 0 "*ready to exit, bye bye*" 0
    }
}

start_server [list tags {server shutdown} overrides [list loadmodule [test_module lingerer]]] {
    test "A shutdown that is refused is an error, and the log says why" {
        r linger refuse
        assert_error "ERR Errors trying to SHUTDOWN. Check logs." {r shutdown}
        r linger no
    } OK

    test "A shutdown that waits blocks its client, shows in INFO and can be given up" {
        r linger wait
        set c [redis_deferring_client]
        $c shutdown
        $c ping
        wait_for_blocked_clients_count 1
        assert_range [s shutdown_in_milliseconds] 1 60000
        assert_equal [r shutdown abort] OK
        assert_error "ERR Errors trying to SHUTDOWN. Check logs." {$c read}
        assert_equal [$c read] PONG
        $c close
        assert_error "ERR No shutdown in progress." {r shutdown abort}
        verify_log_message 0 "*Shutdown manually aborted*" 0
    }

    test "A client that leaves while its shutdown waits does no harm" {
        set c [redis_deferring_client]
        $c shutdown
        wait_for_blocked_clients_count 1
        $c close
        wait_for_blocked_clients_count 0
        r shutdown abort
    } OK

    test "SHUTDOWN NOW waits for nobody" {
        catch {r shutdown now}
        wait_for_condition 50 100 {![process_is_alive [srv 0 pid]]} else {fail "still there"}
    }
}
