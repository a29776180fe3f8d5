# replication.tcl - replication with the real server at the other end: Keel as its primary, as its
# replica, and chains that mix them. Equal by DEBUG DIGEST under random load of all types.
#
# KEEL_REPL_LOAD_MS is how long the load of each test lasts (default 700).

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit nodes.tcl]

set load_ms [kit::env KEEL_REPL_LOAD_MS 700]
set seed [kit::env KEEL_INTEROP_SEED [expr {[clock microseconds] % 1000000}]]

proc load_on {names {code {}}} {
    global load_ms seed
    set ports [lmap name $names {node_of $name port}]
    set load [start_mixed_load $ports 120 [incr seed]]
    after $load_ms
    set failed [catch {uplevel 1 $code} result options]
    set counted [stop_mixed_load $load]
    if {$failed} {return -options $options $result}
    if {![regexp {commands [1-9]\d*} $counted]} {fail "there was no load: $counted"}
}

# One key of each type and form.
proc fill name {
    set long [string repeat "a long value " 500]
    foreach command [list {set int 12345} {set empty ""} [list set long $long] {rpush list a b 1 2} {sadd ints 1 2 300000} \
            {sadd words a b c 1} {hset hash a 1 b 2} {zadd zset 1 a 2.5 b -inf c} {xadd stream 1-1 a 1 b 2} \
            {xadd stream 2-1 c 3} {xgroup create stream group 0} {xreadgroup group group me count 1 streams stream >} \
            {pfadd hll a b c} {setrange sparse 1000 x} {geoadd geo 13.361389 38.115556 p} {set timed 1 ex 1000}] {
        on $name {*}$command
    }
    for {set i 0} {$i < 600} {incr i} {
        on $name rpush list:large element:$i
        on $name sadd set:large member:$i
        on $name hset hash:large field:$i $i
        on $name zadd zset:large $i.5 member:$i
        on $name xadd stream:large $i-1 f $i
    }
    on $name select 5
    on $name set in-five 1
    on $name select 0
}

foreach {primary replica} {keel real real keel} {
    nodes [list p $primary {repl-backlog-size 64mb} a $replica {} b $replica {}] {
        fill p

        foreach {how diskless load} {disk no disabled socket yes disabled memory yes on-empty-db} {
            test "a full copy from $primary to $replica, by $how" {
                on p config set repl-diskless-sync $diskless
                on a config set repl-diskless-load $load
                on a replicaof no one
                on a flushall
                follow a p
                alike p a
            }
        }

        test "types, encodings and groups arrive from $primary at $replica" {
            foreach key [lsort [on p keys *]] {
                assert_equal [on a type $key] [on p type $key] $key
                set encodings [list [on a object encoding $key] [on p object encoding $key]]
                # Since 7.2 short lists and small sets of strings are listpacks; a string that was
                # changed in place is raw until it is loaded.
                if {[lindex $encodings 0] ne [lindex $encodings 1] && "raw" ni $encodings} {
                    assert {"listpack" in $encodings} "$key: $encodings"
                }
                assert_range [expr {[on p pexpiretime $key] - [on a pexpiretime $key]}] 0 0 $key
            }
            assert_equal [on a xpending stream group] [on p xpending stream group]
            assert_equal [lrange [lindex [on a xinfo groups stream] 0] 0 7] \
                [lrange [lindex [on p xinfo groups stream] 0] 0 7]
        }

        test "random writes go on from $primary to $replica (seed $seed)" {
            follow b p
            link_up b
            load_on p
            alike p a b
        }

        test "a cut is healed by what was missed, $primary to $replica" {
            if {![have_fault_link]} {skip_test "tests/tools/faultlink is not built"}
            set link [link_to p]
            follow a p $link
            link_up a
            set full [field p sync_full]
            set good [field p sync_partial_ok]
            load_on p {
                foreach how {"" rst ""} {
                    $link cut down [randomInt 50000] {*}$how
                    after 300
                }
            }
            alike p a b
            assert_equal [field p sync_full] $full
            assert_morethan [field p sync_partial_ok] $good
            follow a p
            link_up a
            $link close
        }

        test "WAIT of a $primary counts a $replica" {
            on p set x wait
            assert_equal [on p wait 2 3000] 2
            assert_equal [on a get x] wait
        }

        test "a $replica that is promoted is followed by the others and by its $primary, without full copies" {
            # A ping that the primary writes in between would be one that its replica does not have.
            on p config set repl-ping-replica-period 1000
            alike p a b
            set id [field p master_replid]
            on a replicaof no one
            assert_equal [field a master_replid2] $id
            on a set promoted 1
            follow b a
            follow p a
            link_up b
            link_up p
            alike a b p
            assert_equal [field a sync_full] 0
            assert_equal [field a sync_partial_ok] 2
            load_on a
            alike a b p
        }
    }
}

foreach kinds {{keel real keel real} {real keel real keel} {keel keel real real}} {
    set spec {}
    foreach name {p a b c} kind $kinds {lappend spec $name $kind {repl-backlog-size 64mb}}
    nodes $spec {
        test "a chain of [join $kinds { -> }] (seed $seed)" {
            fill p
            follow a p
            follow b a
            follow c b
            link_up c
            load_on p
            alike p a b c
        }
        test "a middle of the chain of [join $kinds { -> }] that dies, and one that is left out" {
            load_on p {
                crash a
                revive a --replicaof 127.0.0.1 [node_of p port]
                link_up a
                crash b
                follow c a
                link_up c
            }
            alike p a c
        }
    }
}

# ---- values of modules ---------------------------------------------------------------------------

set module [file join [file dirname [file normalize $kit::binary]] tests modules rm_type.so]
if {$kit::binary eq "real" || [string match *san-* $kit::binary] || ![file exists $module]} {
    kit::record_skip "values of modules" "a build of the module that both servers can load"
} else {
    foreach {primary replica} {keel real real keel} {
        nodes [list p $primary [list loadmodule $module] a $replica [list loadmodule $module]] {
            test "values of a module go from $primary to $replica, in the copy and in the stream" {
                on p record.set early 5 - -7 0.1 name
                on p record.set wide 18446744073709551615 - 1 -inf [string repeat ab 400]
                on p plain.set plain hello
                follow a p
                alike p a
                on p record.set late 70000 - -70000 1e-300 other
                on p copy early copied
                on p rename wide renamed
                alike p a
                foreach key {early late renamed copied} {
                    assert_equal [on a record.get $key] [on p record.get $key] $key
                }
                assert_equal [on a plain.get plain] hello
                on a replicaof no one
                on a record.set mine 1 - 1 1 x
                follow p a
                alike a p
            }
        }
    }
}
