# transactions.tcl - MULTI, EXEC, DISCARD, WATCH and UNWATCH: what is queued, what is refused, what
# runs, and which changes a watch sees.

# The value of one field of CLIENT LIST's line for a client.
proc client_field {id name} {
    regexp "(?:^| )$name=(\[^ \n]*)" [r client list id $id] -> value
    return $value
}

start_server {tags {transactions}} {
    test "EXEC runs what was queued and gives back every reply" {
        r del mylist k
        r set k 1
        r multi
        assert_equal QUEUED [r set k 5]
        assert_equal QUEUED [r incr k]
        assert_equal 1 [llength [list [r ping]]]
        r exec
    } {OK 6 PONG}

    test "Nothing runs before EXEC, and other clients see all of it or nothing" {
        r set k old
        set other [redis_client]
        r multi
        r set k new
        assert_equal old [$other get k]
        r exec
        assert_equal new [$other get k]
        $other close
    }

    test "An empty transaction answers with an empty array" {
        r multi
        r exec
    } {}

    test "DISCARD drops the queue" {
        r set k 1
        r multi
        r set k 2
        r incr k
        assert_equal OK [r discard]
        assert_error "ERR DISCARD without MULTI" {r discard}
        r get k
    } 1

    test "EXEC and DISCARD want a MULTI before them" {
        assert_error "ERR EXEC without MULTI" {r exec}
        assert_error "ERR DISCARD without MULTI" {r discard}
    }

    test "MULTI cannot be nested, and trying does no harm" {
        r multi
        assert_error "ERR MULTI calls can not be nested" {r multi}
        r ping
        r exec
    } PONG

    test "WATCH is not possible inside MULTI, and trying does no harm" {
        r multi
        assert_error "ERR WATCH inside MULTI is not allowed" {r watch x}
        r ping
        r exec
    } PONG

    test "An unknown command while queueing refuses EXEC" {
        r set k 1
        r multi
        r set k 2
        assert_error "ERR unknown command*" {r nosuchcommand}
        assert_equal QUEUED [r set k 3]
        assert_error "EXECABORT Transaction discarded because of previous errors." {r exec}
        assert_equal PONG [r ping]
        r get k
    } 1

    test "A wrong number of arguments while queueing refuses EXEC" {
        r multi
        assert_error "ERR wrong number of arguments for 'set' command" {r set k}
        assert_error "EXECABORT*previous errors." {r exec}
        r multi
        assert_error "ERR wrong number of arguments for 'watch' command" {r watch}
        assert_error "EXECABORT*previous errors." {r exec}
        r multi
        assert_error "ERR unknown subcommand*" {r config nosuch}
        assert_error "EXECABORT*previous errors." {r exec}
    }

    test "DISCARD after an error starts afresh" {
        r multi
        catch {r nosuchcommand}
        r discard
        r multi
        r ping
        r exec
    } PONG

    test "EXEC with an argument is the end of its transaction" {
        r multi
        r set k 99
        assert_error "EXECABORT Transaction discarded because of: wrong number of arguments for\
            'exec' command" {r exec now}
        assert_error "ERR EXEC without MULTI" {r exec}
        assert_error "EXECABORT Transaction discarded because of: wrong number*" {r exec now}
    }

    test "An error while running does not stop the rest" {
        r set k word
        r del n
        set rd [redis_deferring_client]
        $rd multi
        $rd incr k
        $rd incr n
        $rd exec
        assert_equal {OK QUEUED QUEUED} [list [$rd read] [$rd read] [$rd read]]
        catch {$rd read}
        $rd close
        r get n
    } 1

    test "Commands that may not run inside are refused and refuse EXEC" {
        r multi
        assert_error "ERR Command not allowed inside a transaction" {r shutdown}
        assert_error "EXECABORT*previous errors." {r exec}
    }

    test "Arguments are kept byte for byte, long ones too" {
        set bytes "a\0\r\n\xff"
        set long [string repeat "0123456789" 20000]
        r multi
        r set $bytes $bytes
        r set k $long
        r append k x
        r exec
        assert_equal $bytes [r get $bytes]
        assert_equal [string length $long] [expr {[string length [r get k]] - 1}]
        assert_equal "${long}x" [r get k]
    }

    test "Names in capitals, inline requests and a pipeline" {
        set rd [redis_client]
        $rd write "MULTI\r\nSeT k inline\r\nGET k\r\nEXEC\r\nget k\r\n"
        $rd flush
        assert_equal {OK QUEUED QUEUED {OK inline} inline} \
            [list [$rd read] [$rd read] [$rd read] [$rd read] [$rd read]]
        $rd close
    }

    test "Ten thousand commands in one transaction" {
        r del n
        set rd [redis_deferring_client]
        $rd multi
        for {set i 0} {$i < 10000} {incr i} {$rd incr n}
        $rd exec
        for {set i 0} {$i < 10001} {incr i} {$rd read}
        assert_equal 10000 [lindex [$rd read] end]
        $rd close
    }

    test "SELECT inside holds for what follows and after EXEC" {
        r select 9
        r del k
        r select 8
        r del k
        r select 9
        r multi
        r select 8
        r set k eight
        r exec
        assert_equal eight [r get k]
        r select 9
        r get k
    } {}

    test "RESET leaves a transaction, and the watches" {
        set rd [redis_client]
        $rd watch k
        $rd multi
        $rd set k reset
        assert_equal RESET [$rd reset]
        assert_error "ERR EXEC without MULTI" {$rd exec}
        r set k changed
        $rd multi
        $rd ping
        assert_equal PONG [$rd exec]
        $rd close
    }

    test "QUIT inside MULTI closes the connection" {
        set rd [redis_client]
        $rd multi
        assert_equal OK [$rd quit]
        catch {$rd ping} err
        assert_match "*I/O error*" $err
    }

    test "HELLO inside changes the protocol of what follows it" {
        set rd [redis_client]
        $rd write "MULTI\r\nHELLO 3\r\nGET nosuch\r\nEXEC\r\nGET nosuch\r\n"
        $rd flush
        assert_equal {OK QUEUED QUEUED} [list [$rd read] [$rd read] [$rd read]]
        set got [$rd rawread 8]
        assert_equal "*2\r\n%7\r\n" $got
        $rd close
    }

    test "A blocking command inside answers as if its time were up" {
        r multi
        r wait 1 0
        r exec
    } 0

    test "CLIENT REPLY OFF inside drops EXEC's reply and all after it" {
        set rd [redis_deferring_client]
        $rd multi
        $rd client reply off
        $rd set k 1
        $rd exec
        $rd ping
        $rd client reply on
        $rd ping
        foreach want {OK QUEUED QUEUED OK PONG} {assert_equal $want [$rd read]}
        $rd close
    }

    test "CLIENT REPLY ON inside shows EXEC's reply and all after it" {
        set rd [redis_deferring_client]
        $rd client reply off
        $rd multi
        $rd client reply on
        $rd exec
        $rd ping
        foreach want {OK PONG} {assert_equal $want [$rd read]}
        $rd close
    }

    test "CLIENT REPLY SKIP before commands of a transaction" {
        set rd [redis_deferring_client]
        $rd client reply skip
        $rd multi
        $rd set k 1
        $rd client reply skip
        $rd get k
        $rd exec
        # SKIP was queued like the rest: it skips nothing while queueing.
        assert_equal {QUEUED QUEUED QUEUED} [list [$rd read] [$rd read] [$rd read]]
        $rd close
    }

    test "CLIENT LIST shows queue and memory" {
        set rd [redis_client]
        set id [$rd client id]
        assert_equal -1 [client_field $id multi]
        assert_equal 0 [client_field $id multi-mem]
        set before [client_field $id tot-mem]
        $rd multi
        assert_equal 0 [client_field $id multi]
        $rd set k [string repeat x 100000]
        $rd get k
        assert_equal 2 [client_field $id multi]
        assert_equal get [client_field $id cmd]
        assert_match *x* [client_field $id flags]
        assert_range [client_field $id multi-mem] 100000 200000
        assert {[client_field $id tot-mem] - $before >= 100000}
        assert_match "*multi=3*" [lindex [$rd client info] 0][$rd exec]
        assert_equal -1 [client_field $id multi]
        assert_equal 0 [client_field $id multi-mem]
        $rd watch a b c
        assert {[client_field $id multi-mem] > 0}
        r set b 1
        assert_match *d* [client_field $id flags]
        assert_equal 0 [client_field $id multi-mem]
        $rd close
    }

    test "A queue that is longer than a query may be closes its client" {
        r config set client-query-buffer-limit 1mb
        set rd [redis_client]
        $rd multi
        for {set i 0} {$i < 9} {incr i} {$rd set k [string repeat x 100000]}
        assert_equal 9 [llength [$rd exec]]
        $rd multi
        assert_error "*I/O error*" {
            for {set i 0} {$i < 40} {incr i} {$rd set k [string repeat x 100000]}
        }
        assert {$i <= 22}
        assert_equal 1 [s client_query_buffer_limit_disconnections]
        $rd close
        r config set client-query-buffer-limit 1gb
    } OK

    test "A client that goes gives back what it queued and watched" {
        set before [s used_memory]
        for {set i 0} {$i < 20} {incr i} {
            set rd [redis_client]
            $rd watch w$i common
            $rd multi
            $rd set k [string repeat x 100000]
            $rd close
        }
        wait_for_condition 50 20 {[s used_memory] < $before + 500000} else {fail "leaks"}
        r set common 1
    } OK
}

# ---- watches ----------------------------------------------------------------------------------

start_server {tags {transactions}} {
    # WATCH key, then what `script` does, then a transaction: 1 when it ran.
    proc survives {key script} {
        r watch $key
        uplevel 1 $script
        r multi
        r ping
        return [expr {[r exec] eq "PONG"}]
    }

    test "EXEC answers null when a watched key changed" {
        r set x 30
        r watch x
        r set x 40
        r multi
        r ping
        assert_equal {} [r exec]
        # The watch is gone with it.
        r set x 30
        r multi
        r ping
        r exec
    } PONG

    test "The null is an array of RESP2 and the null of RESP3" {
        set rd [redis_client]
        foreach {proto want} {2 "*-1\r\n" 3 "_\r\n"} {
            $rd hello $proto
            $rd write "WATCH x\r\nSET x 1\r\nMULTI\r\nEXEC\r\n"
            $rd flush
            foreach i {1 2 3} {$rd read}
            assert_equal $want [$rd rawread [string length $want]]
        }
        $rd close
    }

    test "A transaction runs when nothing watched changed" {
        assert_equal 1 [survives x {}]
        assert_equal 1 [survives x {r get x}]
        assert_equal 1 [survives x {r set other 1}]
        assert_equal 0 [survives x {r append x 1}]
        assert_equal 0 [survives x {r del x}]
        assert_equal 1 [survives x {r del x}]
        assert_equal 0 [survives x {r set x 1 ex 1000}]
        assert_equal 0 [survives x {r persist x}]
        assert_equal 0 [survives x {r expire x 1000}]
        assert_equal 0 [survives x {r rename x y}]
        assert_equal 0 [survives x {r rename y x}]
        assert_equal 0 [survives y {r copy x y}]
        assert_equal 0 [survives x {r move x 5; r select 5; r move x 9; r select 9}]
    }

    test "An error before EXEC wins over a change" {
        r watch x
        r set x 9
        r multi
        catch {r nosuch}
        assert_error "EXECABORT*previous errors." {r exec}
    }

    test "Changes by other clients count, and by the transaction itself do not" {
        set rd [redis_client]
        r watch x
        $rd select 9
        $rd set x 1
        r multi
        r ping
        assert_equal {} [r exec]
        r watch x
        r multi
        r set x 2
        assert_equal OK [r exec]
        r multi
        r ping
        assert_equal PONG [r exec]
        $rd close
    }

    test "Several keys, one of them changed; a key watched twice" {
        assert_equal 0 [survives a {r watch b c; r watch a; r set c 1}]
        assert_equal 1 [survives a {r watch a; r watch a a a}]
        assert_equal 0 [survives a {r watch a; r set a 1}]
    }

    test "UNWATCH and DISCARD forget watches and changes seen" {
        assert_equal 1 [survives x {r set x 1; r unwatch}]
        assert_equal 1 [survives x {r set x 1; r multi; r discard}]
        assert_equal 1 [survives x {r unwatch; r set x 2}]
    }

    test "UNWATCH inside is queued" {
        r multi
        assert_equal QUEUED [r unwatch]
        r exec
    } OK

    test "A watch is of a key in one database" {
        assert_equal 1 [survives x {r select 3; r set x 1; r select 9}]
        assert_equal 0 [survives x {r select 3; r set x 2; r select 9; r set x 1; r select 3}]
        r select 9
    }

    test "A watched key that expires" {
        r debug set-active-expire 0
        r set x 1
        assert_equal 0 [survives x {r pexpire x 5; after 20}]
        r set x 1 px 30
        assert_equal 0 [survives x {after 60}]
        r set x 1 px 30
        assert_equal 0 [survives x {after 60; r get x}]
        r debug set-active-expire 1
        r set x 1 px 30
        assert_equal 0 [survives x {after 300}]
    }

    test "A key past its time as it is watched is as good as missing" {
        r debug set-active-expire 0
        foreach script {{} {r get x} {r del x} {r flushdb} {r flushall} {r swapdb 9 10}} {
            r set x 1 px 1
            after 10
            assert_equal 1 [survives x $script] $script
        }
        foreach script {{r set x 2} {r get x; r set x 2}} {
            r set x 1 px 1
            after 10
            assert_equal 0 [survives x $script] $script
        }
        r debug set-active-expire 1
    }

    test "FLUSHALL and FLUSHDB change keys that are there" {
        foreach flush {flushall flushdb} {
            r set x 30
            assert_equal 0 [survives x {r $flush}] $flush
            assert_equal 1 [survives x {r $flush}] "$flush without the key"
        }
        r set x 1
        assert_equal 1 [survives x {r select 3; r flushdb; r select 9}]
    }

    test "A flush that reaches many watched keys of many clients" {
        set clients {}
        for {set i 0} {$i < 5} {incr i} {
            set rd [redis_client]
            $rd select 9
            for {set k 0} {$k < 50} {incr k} {$rd watch f$k g$i:$k}
            lappend clients $rd
        }
        for {set k 0} {$k < 50} {incr k} {r set f$k 1}
        r flushall
        foreach rd $clients {
            $rd multi
            $rd ping
            assert_equal {} [$rd exec]
            $rd close
        }
    }

    test "SWAPDB changes keys that are in one of the two" {
        r flushall
        assert_equal 1 [survives x {r swapdb 9 10}]
        r set x 1
        assert_equal 0 [survives x {r swapdb 9 10}]
        assert_equal 0 [survives x {r swapdb 9 10}]
        assert_equal 1 [survives x {r swapdb 5 6}]
        r flushall
    }

    test "SWAPDB and keys past their time" {
        r debug set-active-expire 0
        r flushall
        # Missing, then past its time: still missing. Back in time: still so.
        r select 10
        r set x 1 px 1
        after 10
        r select 9
        assert_equal 1 [survives x {r swapdb 9 10}]
        assert_equal 1 [survives x {r swapdb 9 10}]
        # Past its time, then there.
        r set x alive
        r swapdb 9 10
        r del x
        r set x 1 px 1
        after 10
        assert_equal 0 [survives x {r swapdb 9 10}]
        r debug set-active-expire 1
        r flushall
    }

    test "A pause holds EXEC when it would write, and not when it only reads" {
        set rd [redis_deferring_client]
        $rd multi
        $rd set paused 1
        $rd read
        $rd read
        r client pause 100000 write
        $rd exec
        wait_for_blocked_clients_count 1
        r multi
        r get paused
        assert_equal {{}} [r exec]
        r client unpause
        assert_equal OK [$rd read]
        $rd close
    }
}

start_server {overrides {requirepass secret} tags {transactions}} {
    test "AUTH is queued like others; the unauthenticated cannot begin" {
        assert_error "NOAUTH*" {r multi}
        r auth secret
        r multi
        assert_equal QUEUED [r auth secret]
        r exec
    } OK
}

# ---- the journal ------------------------------------------------------------------------------

start_server [with_module api_journal] {
    # Flags (B, E, BE or nothing) and words of each record since the last time.
    proc recorded {} {
        set out {}
        foreach record [r journal.take] {
            lassign $record db flags client batch resp
            set words [regexp -all -inline {\$\d+\r\n([^\r]*)\r\n} $resp]
            set plain {}
            foreach {all word} $words {lappend plain $word}
            lappend out [list [lindex {"" B E BE} $flags] $db {*}$plain]
        }
        return $out
    }
    r journal.arm 1

    test "The writes of a transaction are recorded as one group" {
        r set x 1
        r multi
        r set a 1
        r get a
        r select 3
        r incr b
        r exec
        r select 9
        recorded
    } {{{} 9 set x 1} {B 9 set a 1} {E 3 incr b}}

    test "One write is recorded without a group, and none not at all" {
        r multi
        r get a
        r set a 2
        r exec
        r multi
        r get a
        r exec
        r multi
        r exec
        r multi
        r set a 3
        r discard
        recorded
    } {{{} 9 set a 2}}

    test "What failed in a transaction is not recorded" {
        r set word abc
        r multi
        r set a 1
        r incr word
        r set b 2
        catch {r exec}
        recorded
    } {{{} 9 set word abc} {B 9 set a 1} {E 9 set b 2}}

    test "Groups of two clients do not run into each other" {
        set rd [redis_deferring_client]
        $rd select 9
        foreach i {1 2} {
            $rd multi
            $rd set a $i
            $rd set b $i
            $rd exec
        }
        for {set i 0} {$i < 9} {incr i} {$rd read}
        $rd close
        recorded
    } {{B 9 set a 1} {E 9 set b 1} {B 9 set a 2} {E 9 set b 2}}
}

# ---- the module -------------------------------------------------------------------------------

start_server {overrides {enable-module-command yes} tags {transactions}} {
    test "Unloading ends transactions and watches; EXEC cannot take its own module away" {
        set rd [redis_client]
        $rd watch a
        $rd multi
        $rd set a 1
        r multi
        r module unload transactions
        assert_error "*EXEC is running*" {r exec}
        r module unload transactions
        assert_error "ERR unknown command*" {$rd exec}
        assert_equal OK [$rd set a 2]
        assert_match "*multi=-1*" [$rd client info]
        r module load transactions
        $rd multi
        $rd get a
        assert_equal 2 [$rd exec]
        $rd close
    }
}
