# replication_crash.tcl - servers that die: replicas and primaries killed under load and within a full
# copy, promotion, restarts, chains; WAIT never lies.
#
# Moments are random; KEEL_REPL_ROUNDS=20 tries more of them (default 1).

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit nodes.tcl]

set rounds [kit::env KEEL_REPL_ROUNDS 1]

proc under_load {primary code} {
    set load [start_mixed_load [node_of $primary port] 60 [randomInt 1000000]]
    after 150
    set failed [catch {uplevel 1 $code} result options]
    set counted [stop_mixed_load $load]
    if {$failed} {return -options $options $result}
    if {![regexp {commands [1-9]\d*} $counted]} {fail "there was no load: $counted"}
}

# Kills a server a moment from now, while the caller goes on.
proc crash_in {ms name} {
    exec sh -c "sleep [expr {$ms / 1000.0}]; kill -9 [node_of $name pid]" >/dev/null 2>/dev/null &
}
proc wait_gone name {
    wait_for_condition 200 20 {![process_is_alive [node_of $name pid]]} else {fail "$name lives"}
    crash $name
}

nodes {p keel {appendonly yes appendfsync no} a keel {} b keel {}} {
    follow a p
    follow b p
    link_up a
    link_up b

    for {set round 1} {$round <= $rounds} {incr round} {
        test "a replica killed under load comes back ($round)" {
            under_load p {
                after [randomInt 300]
                crash a
                revive a --replicaof 127.0.0.1 [node_of p port]
                link_up a
            }
            alike p a b
        }
        test "a primary killed under load comes back, and its replicas with it ($round)" {
            set load [start_mixed_load [node_of p port] 60 [randomInt 1000000]]
            after [expr {150 + [randomInt 300]}]
            crash p
            stop_mixed_load $load
            revive p
            on p set after crash
            link_up a
            link_up b
            alike p a b
        }
    }

    test "killed within a full copy: a replica that dies, a primary that dies" {
        for {set i 0} {$i < 2000} {incr i} {on p set big:$i [string repeat "$i " 200]}
        foreach victim {b p} {
            on b replicaof no one
            on b flushall
            on p config set rdb-key-save-delay 300
            follow b p
            wait_for_condition 200 10 {[field p rdb_bgsave_in_progress] == 1} else {fail "no copy"}
            after [expr {50 + [randomInt 200]}]
            crash $victim
            if {$victim eq "b"} {revive b --replicaof 127.0.0.1 [node_of p port]} else {revive p}
            on p config set rdb-key-save-delay 0
        }
        link_up a
        link_up b
        alike p a b
    }
}

nodes {p keel {} a keel {} b keel {} c keel {}} {
    test "a full copy that fails leaves a replica the data that it had" {
        if {![have_fault_link]} {skip_test "tests/tools/faultlink is not built"}
        for {set i 0} {$i < 1000} {incr i} {on p set key:$i [string repeat "$i " 100]}
        foreach {how kept} {disabled 1 swapdb 1} {
            set link [link_to p]
            on a replicaof no one
            on a flushall
            on a set mine 1
            on a config set repl-diskless-load $how
            $link cut down 8000 refuse
            follow a p $link
            wait_for_condition 200 10 {[dict get [$link count] cuts] == 1} else {fail "no cut"}
            # The replica that it was gives stale answers, of its own data.
            after 100
            assert_equal [on a get mine] 1 $how
            assert_equal [on a dbsize] 1
            assert_error "READONLY*" {on a set other 1}
            $link accept
            link_up a
            assert_equal [on a exists mine] 0
            $link close
        }
        on a config set repl-diskless-load disabled
    }

    test "a chain carries everything on, and heals around a link that died" {
        follow a p
        follow b a
        follow c b
        link_up c
        under_load p {
            after 200
            crash a
            revive a --replicaof 127.0.0.1 [node_of p port]
            link_up a
        }
        link_up b
        link_up c
        alike p a b c
        assert_equal [lindex [on c role] 0] slave
        assert_equal [field c slave_read_only] 1
        assert_error "READONLY*" {on c set x y}
    }

    test "promotion: the others go on from the promoted one without a full copy" {
        follow b p
        follow c p
        alike p a b c
        under_load p {after 200}
        on p config set repl-ping-replica-period 1000
        alike p a b c
        set id [field p master_replid]
        crash p
        # From here on a expires keys of its own, which moves its offset.
        wait_for_condition 50 20 {[field a master_link_status] eq "down"} else {fail "the link stands"}
        set offset [field a master_repl_offset]
        on a replicaof no one
        assert_equal [field a role] master
        assert_equal [field a master_replid2] $id
        assert_equal [field a second_repl_offset] [expr {$offset + 1}]
        set full [field a sync_full]
        set good [field a sync_partial_ok]
        follow b a
        follow c a
        link_up b
        link_up c
        on a set promoted 1
        alike a b c
        assert_equal [field a sync_full] $full
        assert_equal [field a sync_partial_ok] [expr {$good + 2}]
    }

    test "a demoted primary follows the promoted one without a full copy" {
        # b takes over from a while both live; a then follows b. A ping in between would be a's alone,
        # and so would the end of a key be.
        on a config set repl-ping-replica-period 1000
        on a debug set-active-expire 0
        alike a b c
        set full [field b sync_full]
        on b replicaof no one
        follow a b
        follow c b
        on a debug set-active-expire 1
        link_up a
        link_up c
        on b set demoted 1
        alike b a c
        assert_equal [field b sync_full] $full
        assert_equal [field b sync_partial_ok] 2
    }

    test "a primary that comes back with writes that nobody got gives them up" {
        revive p
        on p set mine lost
        on p set other lost
        follow p b
        link_up p
        alike b p a c
        assert_equal [on p exists mine] 0
    }
}

nodes {p keel {save "900 1"} a keel {save "900 1"}} {
    follow a p
    link_up a
    on p set before 1
    alike p a

    test "a replica that is shut down in order goes on after its restart without a full copy" {
        set full [field p sync_full]
        catch {on a shutdown save}
        wait_gone a
        on p set meanwhile 2
        revive a --replicaof 127.0.0.1 [node_of p port]
        link_up a
        alike p a
        assert_equal [on a get meanwhile] 2
        assert_equal [field p sync_full] $full
        assert_equal [field p sync_partial_ok] 1
    }

    test "so do the replicas of a primary that is shut down in order" {
        set id [field p master_replid]
        catch {on p shutdown save}
        wait_gone p
        revive p
        link_up a
        on p set restarted 3
        alike p a
        assert_equal [field p sync_full] 0
        assert_equal [field p sync_partial_ok] 1
        assert_equal [field p master_replid2] $id
    }

    test "one that missed too much gets a full copy" {
        catch {on a shutdown save}
        wait_gone a
        on p config set repl-backlog-size 16kb
        for {set i 0} {$i < 100} {incr i} {on p set outlast:$i [string repeat o 1000]}
        revive a --replicaof 127.0.0.1 [node_of p port]
        link_up a
        alike p a
        assert_equal [field p sync_full] 1
    }
}

# ---- WAIT ---------------------------------------------------------------------------------------

# Writes one after the other, each with its WAIT, until the server dies. The result: the numbers that
# WAIT said `count` replicas have.
proc write_and_wait {name count} {
    set fd [redis::open_channel 127.0.0.1 [node_of $name port]]
    set safe {}
    catch {
        for {set i 0} 1 {incr i} {
            # The key's number tells its value; some writes are several.
            puts -nonewline $fd [redis::encode [list set w:$i $i]][redis::encode [list incr written]]
            puts -nonewline $fd [redis::encode [list wait $count 200]]
            flush $fd
            redis::raw_reply_from $fd
            redis::raw_reply_from $fd
            set reply [string trim [redis::raw_reply_from $fd]]
            if {[string range $reply 1 end] >= $count} {lappend safe $i}
        }
    }
    catch {close $fd}
    return $safe
}

proc lost {name numbers} {
    set lost {}
    foreach i $numbers {
        if {[on $name get w:$i] ne $i} {lappend lost $i}
    }
    return $lost
}

for {set round 1} {$round <= $rounds} {incr round} {
    nodes {p keel {} a keel {} b keel {}} {
        follow a p
        follow b p
        link_up a
        link_up b

        test "no write that WAIT said all have is lost when the primary dies ($round)" {
            # They follow the stream once they have acknowledged their copy.
            on p set ready 1
            assert_equal [on p wait 2 5000] 2
            crash_in [expr {200 + [randomInt 300]}] p
            set safe [write_and_wait p 2]
            wait_gone p
            assert_morethan [llength $safe] 10
            foreach name {a b} {
                on $name replicaof no one
                assert_equal [lost $name $safe] {} $name
            }
        }

        test "nor one that the replica with the higher offset has ($round)" {
            revive p
            on p flushall
            foreach name {a b} {follow $name p}
            alike p a b
            on p set ready 1
            assert_equal [on p wait 2 5000] 2
            # Whoever is chosen has what one replica acknowledged when it has got most.
            pause_process [node_of b pid]
            crash_in [expr {200 + [randomInt 300]}] p
            set safe [write_and_wait p 1]
            resume_process [node_of b pid]
            wait_gone p
            assert_morethan [llength $safe] 10
            after 100
            set best [expr {[field a slave_repl_offset] >= [field b slave_repl_offset] ? "a" : "b"}]
            on $best replicaof no one
            assert_equal [lost $best $safe] {}
        }
    }
}

nodes {p keel {} a keel {} b keel {}} {
    set link [link_to p]
    follow a p $link
    follow b p
    alike p a b
    on p set ready 1
    on p wait 2 5000

    test "WAIT counts nobody who has not said so" {
        on p set x 1
        assert_equal [on p wait 2 1000] 2
        $link hold down
        on p set x 2
        assert_equal [on p wait 2 100] 1
        assert_equal [on a get x] 1
        $link flow
        assert_equal [on p wait 2 2000] 2
        $link hold up
        on p set x 3
        assert_equal [on p wait 2 100] 1
        # It has it, and nobody can know.
        assert_equal [on a get x] 3
        $link flow
        assert_equal [on p wait 2 2000] 2
    }

    test "WAIT is about the client's own writes, and answers at once when there are none" {
        $link hold down
        on p set x 4
        set other [redis 127.0.0.1 [node_of p port]]
        assert_lessthan [elapsed_ms {assert_equal [$other wait 2 5000] 2}] 1000
        assert_equal [on p wait 2 50] 1
        $other set y 1
        assert_equal [$other wait 2 50] 1
        $link flow
        assert_equal [$other wait 2 2000] 2
        $other close
    }

    test "WAIT after a transaction, and of clients that wait together" {
        set rds {}
        for {set i 0} {$i < 5} {incr i} {
            set rd [redis_deferring_client_by_addr 127.0.0.1 [node_of p port]]
            $rd multi
            $rd set t:$i 1
            $rd incr n
            $rd exec
            foreach _ {1 2 3 4} {$rd read}
            $rd wait 2 3000
            lappend rds $rd
        }
        foreach rd $rds {assert_equal [$rd read] 2; $rd close}
    }

    test "WAIT ends early when it is told so, and when its client leaves" {
        $link hold down
        on p set x 5
        set rd [redis_deferring_client_by_addr 127.0.0.1 [node_of p port]]
        $rd client id
        set id [$rd read]
        $rd set z 1
        $rd read
        $rd wait 2 0
        wait_for_condition 50 20 {[field p blocked_clients] == 1} else {fail "it does not wait"}
        wait_for_condition 50 20 {
            [string match "*state=online,offset=[field p master_repl_offset],*" [on p info replication]]
        } else {fail "b has not acknowledged"}
        assert_equal [on p client unblock $id] 1
        assert_equal [$rd read] 1
        $rd wait 2 0
        wait_for_condition 50 20 {[field p blocked_clients] == 1} else {fail "it does not wait"}
        $rd close
        wait_for_condition 50 20 {[field p blocked_clients] == 0} else {fail "it waits still"}
        $link flow
        alike p a b
    }

    test "a replica refuses WAIT, as it has nothing to wait for" {
        on a wait 1 100
    } "ERR WAIT cannot be used with replica instances*"

    test "too few replicas that are heard of: writes are refused, reads are served" {
        on p config set min-replicas-to-write 2 min-replicas-max-lag 2
        assert_equal [on p set x 6] OK
        $link hold both
        wait_for_condition 100 100 {[catch {on p set x 7} err] && [on p get x] eq "7"} else {fail "it still writes"}
        assert_match "NOREPLICAS*" $err
        assert_equal [on p get x] 7
        assert_equal [field p min_slaves_good_slaves] 1
        $link flow
        wait_for_condition 100 100 {![catch {on p set x 8}]} else {fail "it never writes again"}
        on p config set min-replicas-to-write 0
        alike p a b
    }
    $link close
}
