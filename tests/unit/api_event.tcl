# api_event.tcl - hooks: what is told, when, and in which order.

start_server [with_module api_event] {
    proc heard {script} {
        r event.log take
        r event.log on
        uplevel 1 $script
        set got [r event.log take]
        r event.log off
        return $got
    }
    proc only {pattern list} {return [lsearch -all -inline $list $pattern]}

    test "The start was told" {
        lindex [r event.counts] 3
    } 1

    test "A new key, a change, a deletion" {
        r event.classes -1
        assert_equal {{notify 9 a new} {changed 9 a modified} {notify 9 a set}} [heard {r set a 1}]
        assert_equal {{removed 9 a overwritten 1} {changed 9 a modified} {notify 9 a set}} [heard {r set a 2}]
        assert_equal {{changed 9 a modified} {notify 9 a append}} [heard {r append a x}]
        heard {r del a}
    } {{removed 9 a deleted 2x} {changed 9 a modified} {notify 9 a del}}

    test "A hook that is off hears nothing, others do" {
        r event.arm 0
        assert_equal {{notify 9 b new} {notify 9 b set}} [heard {r set b 1}]
        r event.arm 1
        heard {r set b 2}
    } {{removed 9 b overwritten 1} {changed 9 b modified} {notify 9 b set}}

    test "A look that changes nothing, and one that misses" {
        r set a 1
        assert_equal {} [heard {r get a}]
        heard {r get nosuch}
    } {{notify 9 nosuch keymiss}}

    test "A key that expires" {
        r set e value px 10
        after 300
        assert_equal {} [r get e]
        r debug set-active-expire 0
        r set e value px 10
        after 30
        set got [heard {r exists e}]
        r debug set-active-expire 1
        assert_equal {{removed 9 e expired value} {changed 9 e expired} {notify 9 e expired} {second expired}} [lrange $got 0 3]
    }

    test "A key that expires in the background" {
        set got [heard {
            r set e value px 10
            after 300
        }]
        only *expired* $got
    } {{removed 9 e expired value} {changed 9 e expired} {notify 9 e expired} {second expired}}

    test "A key that is renamed over another" {
        r set from 1
        r set to 2
        set got [heard {r rename from to}]
        assert_equal {{removed 9 to overwritten 2}} [only removed* $got]
        assert_equal {{notify 9 from rename_from} {notify 9 to rename_to}} [only "notify * rename*" $got]
        assert {[lsearch $got {changed 9 from *}] >= 0 && [lsearch $got {changed 9 to *}] >= 0}
    }

    test "Classes of notifications are chosen" {
        r event.classes 4
        assert_equal {{notify 9 to del}} [only notify* [heard {r set to 1; r get nosuch; r del to}]]
        r event.classes 0
        assert_equal {} [only notify* [heard {r set to 1; r del to}]]
        r event.classes -1
    } OK

    test "Flushes, with the keys before and without them after" {
        r flushall
        r set a 1
        r set b 1
        assert_equal {{flush 9 before 2} {flush 9 after 0}} [heard {r flushdb}]
        r set a 1
        heard {r flushall async}
    } {{flush -1 before 1} {flush -1 after 0}}

    test "Swapped databases" {
        set got [heard {r swapdb 9 3}]
        r swapdb 9 3
        set got
    } {{swap 9 3}}

    test "Settings that were changed, once all of them are" {
        set got [heard {r config set hz 20 timeout 0}]
        assert_equal {{config hz} {config timeout}} [lsort $got]
        assert_error "*" {r config set hz 20 timeout abc}
        heard {catch {r config set hz 20 timeout abc}}
    } {}

    test "Modules that come and go" {
        set got [heard {
            r module load [test_module api_reply]
            r module unload api_reply
        }]
        only module* $got
    } {{module api_reply 1.0.0 loaded} {module api_reply 1.0.0 goes}}

    test "Clients that come, reset and go" {
        set got [heard {
            set rd [redis_client]
            $rd reset
            $rd close
            after 50
        }]
        assert_equal {{client connected} {client reset} {client gone}} [only client* $got]
    }

    test "Turns and cron ticks" {
        r config set hz 50
        lassign [r event.counts] crons before after
        r ping
        after 200
        lassign [r event.counts] crons2 before2 after2
        assert_range [expr {$crons2 - $crons}] 4 20
        assert_morethan [expr {$before2 - $before}] 3
        assert_range [expr {$after2 - $after - $before2 + $before}] -1 1
    }

    test "CONFIG RESETSTAT" {
        heard {r config resetstat}
    } resetstat

    test "An event that a module sends" {
        heard {r event.send dataset}
    } {{loading 1 dataset}}

    test "A fork child is born and reaped, one at a time" {
        set got [heard {
            assert_equal {1 -1} [r event.fork 7]
            after 200
        }]
        assert_equal {{fork born 0} {fork reaped 7}} [only fork* $got]
    }

    test "A shutdown is refused, by command, by module, by signal" {
        r event.refuse 1
        assert_error "ERR refused: a test refuses" {r event.shutdown}
        assert_error "ERR*" {r shutdown nosave}
        r config set shutdown-on-sigterm default
        exec kill -TERM [srv pid]
        wait_for_log_messages 0 {"*a test refuses*"} 0 50 50
        assert_equal PONG [r ping]
    }

    test "A shutdown that is not refused is told as certain" {
        r event.refuse 0
        set stdout [srv stdout]
        catch {r event.shutdown}
        wait_for_condition 100 20 {![is_alive [lindex $::servers end]]} else {fail "it runs on"}
        count_message_lines $stdout "api_event: the server ends, flags 2"
    } 1
}
