# lists.tcl - lists: every command, both forms and the way between them, waits, what goes to the
# journal, and the interface for other modules.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $here .. kit payload.tcl]

set chronicle [file join [file dirname [file normalize $kit::binary]] tests modules chronicle.so]
set lister [file join [file dirname [file normalize $kit::binary]] tests modules lister.so]

proc fill {key args} {
    r del $key
    if {[llength $args]} {r rpush $key {*}$args}
}
proc all key {r lrange $key 0 -1}
proc refused {text args} {
    if {![catch {r {*}$args} error]} {fail "$args: got $error"}
    if {![string match $text $error]} {fail "$args: $error"}
}

start_server {tags {list} overrides {enable-debug-command yes}} {
    # ---- the ends

    test "LPUSH and RPUSH add one after the other and tell the length" {
        list [r rpush l b c] [r lpush l a z] [all l] [r type l] [r llen l]
    } {2 4 {z a b c} list 4}
    test "LPUSHX and RPUSHX only add to what is there" {
        r del l
        list [r lpushx l a] [r rpushx l a] [r exists l] [r rpush l m] [r lpushx l a b] [r rpushx l c d] [all l]
    } {0 0 0 1 3 5 {b a m c d}}
    test "LPOP and RPOP take one, or so many" {
        fill l 1 2 3 4 5 6
        list [r lpop l] [r rpop l] [r lpop l 2] [r rpop l 9] [r exists l]
    } {1 6 {2 3} {5 4} 0}
    test "LPOP of nothing is null, and of no elements an empty array" {
        r del l
        set out [list [r lpop l] [r lpop l 3]]
        fill l a
        lappend out [r lpop l 0] [r rpop l 0] [r llen l]
    } {{} {} {} {} 1}
    test "LPOP's null is that of its kind of reply" {
        set rd [redis_client]
        $rd write "[formatCommand lpop nosuch][formatCommand lpop nosuch 2][formatCommand quit]"
        $rd flush
        set raw [$rd rawread]
        $rd close
        set raw
    } "\$-1\r\n*-1\r\n+OK\r\n"
    test "counts that are none are refused" {
        fill l a
        refused "ERR value is out of range, must be positive" lpop l -1
        refused "ERR value is out of range, must be positive" rpop l abc
        refused "ERR wrong number of arguments for 'lpop' command" lpop l 1 2
    }
    test "every command refuses keys of other types" {
        r set s x
        foreach command {{lpush s a} {rpush s a} {lpushx s a} {rpushx s a} {lpop s} {rpop s 2} {llen s}
            {lindex s 0} {lset s 0 a} {linsert s before a b} {lrem s 0 a} {ltrim s 0 1} {lrange s 0 1}
            {lpos s a} {lmove s l left left} {lmove l s left left} {rpoplpush s l} {lmpop 1 s left}
            {blpop s 1} {brpop l2 s 1} {blmove s l left left 1} {brpoplpush s l 1}
            {blmpop 1 1 s left}} {
            refused "WRONGTYPE Operation against a key holding the wrong kind of value" {*}$command
        }
        list [r get s] [all l]
    } {x a}

    # ---- reading

    test "LINDEX finds elements from both ends" {
        fill l a 2 c
        set out {}
        foreach i {0 1 2 -1 -3 3 -4 9223372036854775807} {lappend out [r lindex l $i]}
        refused "ERR value is not an integer or out of range" lindex l abc
        lappend out [r lindex nosuch abc]
    } {a 2 c c a {} {} {} {}}
    test "LRANGE cuts its range to what is there" {
        fill l a b c d
        list [r lrange l 0 -1] [r lrange l 1 2] [r lrange l -3 -2] [r lrange l -100 100] [r lrange l 3 1] \
            [r lrange l 4 9] [r lrange nosuch 0 -1] [r lrange l -9223372036854775808 9223372036854775807]
    } {{a b c d} {b c} {b c} {a b c d} {} {} {} {a b c d}}
    test "LPOS finds the first, the n-th, several, within a limit, and from the end" {
        fill l a b c 1 2 3 c c
        list [r lpos l c] [r lpos l c rank 2] [r lpos l c rank -1] [r lpos l c count 0] \
            [r lpos l c rank -1 count 2] [r lpos l c count 0 maxlen 7] [r lpos l c rank -1 count 0 maxlen 2] \
            [r lpos l x] [r lpos l x count 0] [r lpos nosuch x] [r lpos l 1] [r lpos l c rank 4] \
            [r lpos l c rank 2 count 1]
    } {2 6 7 {2 6 7} {7 6} {2 6} {7 6} {} {} {} 3 {} 6}
    test "LPOS refuses what makes no sense" {
        refused "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list" lpos l c rank 0
        refused "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807" \
            lpos l c rank -9223372036854775808
        refused "ERR COUNT can't be negative" lpos l c count -1
        refused "ERR MAXLEN can't be negative" lpos l c maxlen -1
        refused "ERR syntax error" lpos l c rank
        refused "ERR value is not an integer or out of range" lpos l c rank x
    }

    # ---- changing

    test "LSET replaces, by elements of any size" {
        fill l a b c
        r lset l 0 [string repeat x 300]
        r lset l -1 12345
        r lset l 1 ""
        refused "ERR index out of range" lset l 3 x
        refused "ERR index out of range" lset l -4 x
        refused "ERR no such key" lset nosuch 0 x
        all l
    } [list [string repeat x 300] {} 12345]
    test "LINSERT puts elements beside others" {
        fill l a c
        set out [list [r linsert l before c b] [r linsert l AFTER c d] [r linsert l before x y] \
            [r linsert nosuch before a b]]
        refused "ERR syntax error" linsert l beside a b
        lappend out [all l]
    } {3 4 -1 0 {a b c d}}
    test "LREM removes the first, the last, all" {
        fill l x 1 x 2 x 3 x
        set out [list [r lrem l 1 x] [all l] [r lrem l -1 x] [all l] [r lrem l 0 x] [all l] [r lrem l 0 x]]
        fill l y y
        lappend out [r lrem l -9223372036854775808 y] [r exists l] [r lrem l 0 y]
    } {1 {1 x 2 x 3 x} 1 {1 x 2 x 3} 2 {1 2 3} 0 2 0 0}
    test "LREM tells integers from text that looks like some" {
        fill l 1 01 +1 1 " 1" 1.0
        list [r lrem l 0 1] [r lrem l 0 01] [all l]
    } {2 1 {+1 { 1} 1.0}}
    test "LTRIM keeps a range, or nothing" {
        set out {}
        foreach {start stop} {1 2  0 -1  -2 -1  5 9  3 1  0 0  -100 1} {
            fill l a b c d
            lappend out [r ltrim l $start $stop] [all l]
        }
        list {*}$out [r ltrim nosuch 0 1]
    } {OK {b c} OK {a b c d} OK {c d} OK {} OK {} OK a OK {a b} OK}

    # ---- between lists

    test "LMOVE takes from either end and puts to either end" {
        set out {}
        foreach from {left right} {
            foreach to {left right} {
                fill a 1 2 3
                fill b x y
                lappend out [r lmove a b $from $to] [all a] [all b]
            }
        }
        set out
    } {1 {2 3} {1 x y} 1 {2 3} {x y 1} 3 {1 2} {3 x y} 3 {1 2} {x y 3}}
    test "LMOVE turns a list around itself" {
        fill a 1 2 3
        list [r lmove a a left right] [all a] [r rpoplpush a a] [all a] [r lmove a a left left] [all a]
    } {1 {2 3 1} 1 {1 2 3} 1 {1 2 3}}
    test "LMOVE of the last element deletes its key, unless it comes back" {
        fill a [string repeat x 1000]
        r del b
        list [r rpoplpush a a] [r llen a] [r rpoplpush a b] [r exists a] [r llen b] [r rpoplpush a b] \
            [r lmove a nosuch left left] [r exists nosuch]
    } [list [string repeat x 1000] 1 [string repeat x 1000] 0 1 {} {} 0]
    test "LMPOP takes from the first list that has something" {
        r del a
        fill b 1 2 3 4
        list [r lmpop 2 a b left] [r lmpop 2 a b right count 2] [r lmpop 2 b a left count 10] \
            [r lmpop 2 a b left] [r exists b]
    } {{b 1} {b {4 3}} {b 2} {} 0}
    test "LMPOP refuses what makes no sense" {
        refused "ERR numkeys should be greater than 0" lmpop 0 a left
        refused "ERR numkeys should be greater than 0" lmpop a a left
        refused "ERR syntax error" lmpop 2 a left
        refused "ERR syntax error" lmpop 1 a top
        refused "ERR syntax error" lmpop 1 a left foo
        refused "ERR syntax error" lmpop 1 a left count 1 count 2
        refused "ERR count should be greater than 0" lmpop 1 a left count 0
        refused "ERR count should be greater than 0" lmpop 1 a left count abc
    }

    # ---- forms

    test "a list is one pack up to the limit, and from half of it on again" {
        foreach {size bytes} {-1 4096 -2 8192 -3 16384 -4 32768 -5 65536} {
            r config set list-max-listpack-size $size
            r del l
            set element [string repeat x 100]
            set fits [expr {($bytes - 7) / 103}]
            for {set i 0} {$i < $fits} {incr i} {r rpush l $element}
            assert_encoding listpack l
            r rpush l $element
            assert_encoding quicklist l
            r rpop l
            assert_encoding quicklist l
            r lpop l [expr {$fits / 2 - 2}]
            assert_encoding quicklist l
            r lpop l 5
            assert_encoding listpack l
        }
        r config set list-max-listpack-size -2
    } OK
    test "a number of elements may be the limit" {
        r config set list-max-listpack-size 4
        fill l a b c d
        assert_encoding listpack l
        r lset l 0 z
        assert_encoding quicklist l
        fill l a b c d
        r linsert l after b x
        assert_encoding quicklist l
        assert_equal [all l] {a b x c d}
        r ltrim l 0 2
        assert_encoding quicklist l
        r lrem l 1 x
        assert_encoding listpack l
        fill l [string repeat x 8186]
        assert_encoding quicklist l
        r config set list-max-listpack-size 128
        r config set list-max-ziplist-size -2
        r config get list-max-*
    } {list-max-listpack-size -2 list-max-ziplist-size -2}
    test "the same elements have the same digest in any form" {
        set digests {}
        foreach {fill depth} {-2 0 1 0 3 1 0 0} {
            r config set list-max-listpack-size $fill list-compress-depth $depth
            r del l
            for {set i 0} {$i < 100} {incr i} {r rpush l $i [string repeat ab $i]}
            lappend digests [r debug digest-value l]
        }
        r config set list-max-listpack-size -2 list-compress-depth 0
        llength [lsort -unique $digests]
    } 1

    # All that can happen to a list, against a list of TCL's.
    proc model_run {ops sizes} {
        set model {}
        r del l
        for {set i 0} {$i < $ops} {incr i} {
            set size [lindex $sizes [expr {int(rand() * [llength $sizes])}]]
            set e [expr {rand() < 0.3 ? int(rand() * 50) - 10 : [string repeat [expr {$i % 10}] $size]}]
            set n [llength $model]
            set at [expr {$n ? int(rand() * $n) : 0}]
            switch -exact -- [expr {int(rand() * 11)}] {
                0 - 1 - 2 {r rpush l $e; lappend model $e}
                3 - 4 {r lpush l $e $i; set model [linsert $model 0 $i $e]}
                5 {if {$n} {r lset l $at $e; lset model $at $e}}
                6 {if {$n} {
                    set pivot [lindex $model $at]
                    set at [lsearch -exact $model $pivot]
                    r linsert l after $pivot $e
                    set model [linsert $model [expr {$at + 1}] $e]
                }}
                7 {if {$n} {assert_equal [r lpop l] [lindex $model 0]; set model [lrange $model 1 end]}}
                8 {if {$n > 30} {
                    assert_equal [r rpop l 7] [lreverse [lrange $model end-6 end]]
                    set model [lrange $model 0 end-7]
                }}
                9 {if {$n} {
                    set gone [lindex $model $at]
                    assert_equal [r lrem l 0 $gone] [llength [lsearch -all -exact $model $gone]]
                    set model [lsearch -all -inline -not -exact $model $gone]
                }}
                10 {if {$n && rand() < 0.1} {
                    r ltrim l 3 -4
                    set model [lrange $model 3 end-3]
                }}
            }
            if {$i % 20 == 0} {
                assert_equal [all l] $model
                if {[llength $model]} {
                    set at [expr {int(rand() * [llength $model])}]
                    assert_equal [r lindex l $at] [lindex $model $at]
                    assert_equal [r lrange l $at [expr {$at + 4}]] [lrange $model $at [expr {$at + 4}]]
                    set last [lsearch -exact [lreverse $model] [lindex $model $at]]
                    assert_equal [r lpos l [lindex $model $at] rank -1] [expr {[llength $model] - 1 - $last}]
                    r copy l copied replace
                    r restore restored 0 [r dump l] replace
                    assert_equal [r debug digest-value l copied restored] \
                        [lrepeat 3 [r debug digest-value l]]
                }
            }
        }
    }
    foreach {fill depth threshold} {-2 0 0 -1 1 0 1 0 0 3 0 0 5 1 0 5 2 0 3 0 40 4 1 40 -1 0 100} {
        test "a list does what a list does: nodes of $fill, depth $depth, plain from $threshold bytes" {
            r config set list-max-listpack-size $fill list-compress-depth $depth
            r debug quicklist-packed-threshold $threshold
            model_run 1200 {1 5 20 60 130}
            if {$fill < 0} {model_run 300 {1000 3000 5000}}
            r debug quicklist-packed-threshold 0
        } OK
    }
    r config set list-max-listpack-size -2 list-compress-depth 0

    test "inner nodes are compressed, and are read and changed all the same" {
        r config set list-compress-depth 1
        foreach rdbcompression {yes no} {
            r config set rdbcompression $rdbcompression
            r del l packed
            for {set i 0} {$i < 3000} {incr i} {r rpush packed [string repeat $i 20]}
            set small [r memory usage packed samples 0]
            r config set list-compress-depth 0
            for {set i 0} {$i < 3000} {incr i} {r rpush l [string repeat $i 20]}
            assert {$small * 2 < [r memory usage l samples 0]}
            assert_equal [all l] [all packed]
            assert_equal [r lindex packed 1500] [string repeat 1500 20]
            r config set list-compress-depth 1
        }
        r config set rdbcompression yes list-compress-depth 0
    } OK

    # ---- as values

    test "payloads that are no lists are refused" {
        foreach body [list "\x12\x01\x02\x0a\x0b\x00\x00\x00\x02\x00\x01\x01\x02\x01\xff" \
            "\x12\x01\x03\x01a" "\x12\x00" "\x01\x00" "\x0a\x00" "\x12\x01\x01\x00" "\x12\x05\x01\x01a" \
            "\x01\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x01a"] {
            refused "ERR Bad data format" restore bad 0 [payload $body]
        }
        r exists bad
    } 0
    test "lists are renamed, copied, moved and expire" {
        fill l a b
        r rename l m
        r copy m l
        r rpush m c
        r move m 10
        r select 10
        set out [all m]
        r del m
        r select 9
        r pexpire l 1
        after 5
        list $out [all l]
    } {{a b c} {}}
    test "a list of a million elements is freed behind the scenes" {
        r debug populate 0
        r del big
        for {set i 0} {$i < 100} {incr i} {
            r rpush big {*}[lrepeat 10000 element:$i]
        }
        set before [s lazyfreed_objects]
        r unlink big
        wait_for_condition 100 10 {[s lazyfreed_objects] == $before + 1} else {fail "not freed"}
    }
    test "a list gives back what it no longer needs" {
        r del l
        r rpush l {*}[lrepeat 3000 0123456789]
        r lpop l 2995
        assert_encoding listpack l
        assert {[r memory usage l] < 500}
    }
    test "elements may be long" {
        r del l
        set large [string repeat 0123456789 500000]
        r rpush l a $large b $large
        list [r llen l] [string equal [r lindex l 1] $large] [r lrem l 0 $large] [all l]
    } {4 1 2 {a b}}
    test "DEBUG QUICKLIST-PACKED-THRESHOLD takes sizes below 4 GB" {
        refused "ERR argument must be a memory value bigger than 1 and smaller than 4gb" \
            debug quicklist-packed-threshold 4gb
        refused "ERR argument must be*" debug quicklist-packed-threshold -1
        refused "ERR argument must be*" debug quicklist-packed-threshold abc
        r debug quicklist-packed-threshold 0
    } OK
}

# ---- waiting ----------------------------------------------------------------------------------

start_server {tags {list blocking} overrides {enable-debug-command yes}} {
    proc waiter args {
        set before [s blocked_clients]
        set rd [redis_deferring_client]
        $rd {*}$args
        wait_for_blocked_clients_count [expr {$before + 1}]
        return $rd
    }
    proc answer rd {
        set got [$rd read]
        $rd close
        return $got
    }

    test "what is there is taken at once, from the first key that has it" {
        r rpush b 1 2 3
        r rpush c 9
        list [r blpop a b c 0] [r brpop a b 0] [r blmpop 0 2 a b left count 5] [r blmove c d left left 0] \
            [r brpoplpush d e 0] [all e]
    } {{b 1} {b 3} {b 2} 9 9 9}
    test "a push wakes who waits, in order of arrival" {
        set first [waiter blpop k 0]
        set second [waiter brpop k other 0]
        set third [waiter blmpop 0 1 k right count 2]
        r rpush k 1 2 3 4
        assert_equal [answer $first] {k 1}
        assert_equal [answer $second] {k 4}
        assert_equal [answer $third] {k {3 2}}
        r exists k
    } 0
    test "several keys pushed by one transaction are taken as the command prefers" {
        set rd [waiter blpop k1 k2 0]
        r multi
        r rpush k2 two
        r rpush k1 one
        r exec
        assert_equal [answer $rd] {k1 one}
        list [r lpop k2] [r exists k1]
    } {two 0}
    test "what a transaction takes away again wakes nobody" {
        set rd [waiter blpop k 0]
        r multi
        r rpush k x
        r del k
        r exec
        r multi
        r rpush k x
        r del k
        r set k string
        r exec
        assert_equal [s blocked_clients] 1
        r del k
        r rpush k y
        answer $rd
    } {k y}
    test "keys that come by RENAME, COPY, RESTORE, SORT, LMOVE and SWAPDB are taken" {
        r del src
        foreach how {{rename src k} {copy src k} {restore k 0 @ replace} {sort src by nosort store k}
                     {rpoplpush src k}} {
            r rpush src v
            set dump [r dump src]
            set rd [waiter blpop k 0]
            r {*}[string map [list @ \{$dump\}] $how]
            assert_equal [answer $rd] {k v} $how
            r del src
        }
        set rd [waiter blpop k 0]
        r select 10
        r rpush k other
        r swapdb 9 10
        r select 9
        assert_equal [answer $rd] {k other}
        r swapdb 9 10
    } OK
    test "moves go on along a chain" {
        set last [waiter blpop k3 0]
        set middle [waiter brpoplpush k2 k3 0]
        set first [waiter blmove k1 k2 left right 0]
        r rpush k1 v
        assert_equal [answer $first] v
        assert_equal [answer $middle] v
        assert_equal [answer $last] {k3 v}
        r exists k1 k2 k3
    } 0
    test "a move around one key does not end" {
        set rd [waiter brpoplpush k k 0]
        r rpush k a b
        assert_equal [answer $rd] b
        all k
    } {b a}
    test "a destination of another type is told when it matters" {
        r del k
        r set s x
        set rd [waiter brpoplpush k s 0]
        r rpush k v
        catch {answer $rd} error
        list $error [all k] [r del k s]
    } {{WRONGTYPE Operation against a key holding the wrong kind of value} v 2}
    test "waits end in time, with null" {
        foreach {command null} {
            {blpop k 0.01} *-1 {brpop k k 0.01} *-1 {blmpop 0.01 1 k left} *-1
            {blmove k l left left 0.01} *-1 {brpoplpush k l 0.01} *-1
        } {
            set rd [redis_client]
            $rd write [formatCommand {*}$command]
            $rd write [formatCommand quit]
            $rd flush
            assert_equal [$rd rawread] "$null\r\n+OK\r\n" $command
            $rd close
        }
        s blocked_clients
    } 0
    test "where waiting is not allowed time is up at once" {
        r multi
        r blpop k 0
        r blmove k l left left 0
        r brpoplpush k l 0
        r blmpop 0 1 k left
        r exec
    } {{} {} {} {}}
    test "time-outs that make no sense are refused" {
        foreach {timeout text} {
            -1 "ERR timeout is negative" abc "ERR timeout is not a float or out of range"
            nan "ERR timeout is not a float or out of range" 1e30 "ERR timeout is out of range"
            9223372036854775807 "ERR timeout is out of range" inf "ERR timeout is out of range"
            9223372036854775 "ERR timeout is out of range"
        } {
            refused $text blpop k $timeout
            refused $text brpop k $timeout
            refused $text blmove k l left left $timeout
            refused $text brpoplpush k l $timeout
            refused $text blmpop $timeout 1 k left
        }
    }
    test "CLIENT UNBLOCK ends a wait" {
        set rd [redis_deferring_client]
        $rd client id
        set id [$rd read]
        $rd blpop k 0
        wait_for_blocked_client
        assert_equal [r client unblock $id] 1
        assert_equal [$rd read] {}
        $rd blmove k l left left 0
        wait_for_blocked_client
        assert_equal [r client unblock $id error] 1
        catch {$rd read} error
        $rd close
        set error
    } {UNBLOCKED client unblocked via CLIENT UNBLOCK}
    test "who left gets nothing" {
        set rd [waiter blpop k 0]
        $rd close
        wait_for_blocked_clients_count 0
        r rpush k v
        r lpop k
    } v
    test "one push serves many who wait" {
        set rds {}
        for {set i 0} {$i < 20} {incr i} {lappend rds [waiter blpop k 0]}
        r rpush k {*}[lrepeat 10 x]
        wait_for_blocked_clients_count 10
        r rpush k {*}[lrepeat 15 y]
        set got {}
        foreach rd $rds {lappend got [lindex [answer $rd] 1]}
        list $got [r llen k] [r del k]
    } [list [concat [lrepeat 10 x] [lrepeat 10 y]] 5 1]

    test "Clients that wake each other in a chain all go on before anybody's next command" {
        for {set round 0} {$round < 4} {incr round} {
            r del log
            set chain {}
            for {set i 0} {$i < 8} {incr i} {
                set rd [redis_deferring_client]
                $rd blpop link:$i 0
                $rd rpush log $i
                $rd rpush link:[expr {$i + 1}] x
                $rd rpush log $i-again
                lappend chain $rd
                wait_for_blocked_clients_count [expr {$i + 1}]
            }
            after 120 ;# what stands behind the waits has arrived: small packets wait for others
            r rpush link:0 x
            assert_equal 17 [r rpush log next]
            assert_equal {0 0-again 1 1-again 2 2-again 3 3-again} [r lrange log 0 7]
            foreach rd $chain {$rd close}
            r del link:8
        }
        # So does what stands behind a wait whose time is up.
        set rd [redis_deferring_client]
        r del log
        $rd blpop nosuch 0.05
        $rd rpush log late
        for {set i 0} {$i < 200} {incr i} {r ping}
        assert_equal {} [$rd read]
        assert_equal 1 [$rd read]
        $rd close
        r lrange log 0 -1
    } late
}

# ---- journal and events -------------------------------------------------------------------------

start_server [list tags {list journal} overrides [list loadmodule $chronicle]] {
    proc heard commands {
        r chronicle.journal
        r chronicle.events
        foreach command $commands {catch {r {*}$command}}
    }
    test "what waits goes to the journal as what does not" {
        r rpush l 1 2 3 4 5 6 7 8 9
        heard {{blpop x l 0} {brpop l 0} {blmpop 0 2 x l left count 2} {lmpop 1 l right}
               {blmove l m left right 0} {brpoplpush l m 0} {lmove l m left left} {lpop l 2} {lmpop 1 x left}}
        r chronicle.journal
    } {{9 LPOP l} {9 RPOP l} {9 LPOP l 2} {9 RPOP l 1} {9 LMOVE l m left right} {9 RPOPLPUSH l m} {9 lmove l m left left} {9 lpop l 2}}
    test "who is served later is journalled behind the push" {
        r del l
        set rd [redis_deferring_client]
        $rd blpop l 0
        wait_for_blocked_client
        heard {{rpush l a b}}
        $rd read
        $rd close
        r chronicle.journal
    } {{9 rpush l a b} {9 LPOP l}}
    test "what changes nothing is not journalled" {
        r del l
        r rpush l a b
        heard {{lpushx no a} {lrem l 0 x} {ltrim l 0 -1} {lpop l 0} {lpop no} {linsert l before x y}
               {lset l 7 x} {lmove no l left left} {blmove no l left left 0.01} {blpop no 0.01} {lmpop 1 no left}}
        r chronicle.journal
    } {}
    test "events are those of the real server" {
        r del l m
        heard {{rpush l a b c} {lpush l z} {lset l 0 y} {linsert l before a x} {lrem l 0 x} {ltrim l 0 2}
               {ltrim l 0 -1} {lpop l} {lmove l m left right} {rpoplpush l m} {lrem m 0 a} {lmpop 1 m left}}
        lsearch -all -inline -not -glob [r chronicle.events] "9 new *"
    } {{9 rpush l} {9 lpush l} {9 lset l} {9 linsert l} {9 lrem l} {9 ltrim l} {9 ltrim l} {9 lpop l} {9 rpush m} {9 lpop l} {9 lpush m} {9 rpop l} {9 del l} {9 lrem m} {9 lpop m} {9 del m}}
}

# ---- the interface --------------------------------------------------------------------------------

foreach {fill depth} {-2 0 3 0 3 1} {
    start_server [list tags {list} overrides [list loadmodule $lister list-max-listpack-size $fill \
                                                  list-compress-depth $depth]] {
        test "other modules push, pop, read and change lists (nodes of $fill, depth $depth)" {
            set long [string repeat ab 100]
            r del l
            assert_equal [r lister.length l] 0
            assert_equal [r lister.push l back] 0
            assert_equal [r exists l] 0
            assert_equal [r lister.push l back a 2 c] 3
            assert_equal [r lister.push l front $long 0] 5
            assert_equal [all l] [list 0 $long a 2 c]
            assert_equal [list [r lister.at l 0] [r lister.at l -1] [r lister.at l 1] [r lister.at l 5] \
                [r lister.at l -6] [r lister.at nosuch 0]] [list 0 c $long {} {} {}]
            assert_equal [list [r lister.set l 1 b] [r lister.set l -1 $long] [r lister.set l 5 x] \
                [r lister.set nosuch 0 x]] {1 1 0 0}
            assert_equal [list [r lister.insert l 0 first front] [r lister.insert l -1 last back] \
                [r lister.insert l 2 m back] [r lister.insert l 99 x back]] {1 1 1 0}
            assert_equal [all l] [list first 0 b m a 2 $long last]
            assert_equal [list [r lister.remove l 0] [r lister.remove l -2] [r lister.remove l 99]] {1 1 0}
            assert_equal [list [r lister.pop l front] [r lister.pop l back] [all l]] {0 last {b m a 2}}
            assert_equal [r lister.walk l 0 front] {b m a 2}
            assert_equal [r lister.walk l -1 back] {2 a m b}
            assert_equal [r lister.walk l 2 back] {a m b}
            assert_equal [r lister.walk l 1 front 2] {m a}
            assert_equal [r lister.walk l 9 front] {}
            assert_equal [r lister.walk nosuch 0 front] {}
            while {[r lister.pop l front] ne ""} {}
            assert_equal [r exists l] 0
            r rpush l x
            r lister.remove l 0
            r exists l
        } 0
        test "other modules make lists (nodes of $fill, depth $depth)" {
            set elements {}
            for {set i 0} {$i < 200} {incr i} {lappend elements $i [string repeat x $i]}
            r set l string
            assert_equal [r lister.store l {*}$elements] 400
            assert_equal [r lister.walk l 0 front] $elements
            assert_equal [r lister.walk l 399 back] [lreverse $elements]
            assert_equal [r lister.walk l 200 front 1] 100
            all l
        } [concat {*}[lmap i [lsearch -all [lrepeat 200 x] x] {list $i [string repeat x $i]}]]
        test "and are told when a key holds something else" {
            r set s x
            catch {r lister.push s back a} error
            set error
        } {WRONGTYPE*}
    }
}
