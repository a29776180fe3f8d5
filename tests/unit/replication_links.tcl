# replication_links.tcl - replicas behind links that fail: cut at any byte of the handshake, of a full
# copy and of the stream, bytes that arrive turned round, links that hang, slow ones, small backlogs.
#
# Positions are sampled; KEEL_REPL_ROUNDS=20 tries more of them (default 1).

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit nodes.tcl]

set rounds [kit::env KEEL_REPL_ROUNDS 1]
set names {a b c d e f}

# A primary with data of each type, and replicas behind a faulty link each.
proc behind_links {overrides code} {
    if {![have_fault_link]} {
        kit::record_skip "replicas behind faulty links" "tests/tools/faultlink is not built"
        return
    }
    set spec [list p keel [concat {repl-backlog-size 16mb} $overrides]]
    foreach name $::names {lappend spec $name keel $overrides}
    uplevel 1 [list nodes $spec "
        foreach name \$names {set link(\$name) \[link_to p\]}
        $code
        foreach name \$names {\$link(\$name) close}
    "]
}

proc fill {} {
    on p flushall
    set rd [redis 127.0.0.1 [node_of p port]]
    createComplexDataset $rd 300 useexpire
    for {set i 0} {$i < 500} {incr i} {
        on p set key:$i [string repeat "value $i " 50]
    }
    on p rpush list {*}[lrepeat 2000 element]
    on p xadd stream * field value
    on p xgroup create stream group 0
    on p xreadgroup group group me streams stream >
    $rd close
}

# All are cut where their turn comes, and all find in.
proc cut_everyone {way positions {how ""}} {
    global names link
    foreach name $names position $positions {
        set before($name) [dict get [$link($name) count] cuts]
        $link($name) cut $way $position {*}$how
    }
    foreach name $names {
        on $name replicaof no one
        on $name flushall
        follow $name p $link($name)
    }
    on p set during $positions
    alike p {*}$names
    foreach name $names position $positions {
        assert_equal [dict get [$link($name) count] cuts] [expr {$before($name) + 1}] "$way, $position"
    }
}

behind_links {} {
    fill
    follow a p $link(a)
    link_up a
    # What one synchronisation takes, each way.
    regexp {up (\d+) down (\d+)} [$link(a) count] -> asked told
    set size [expr {$told - 200}]

    for {set round 1} {$round <= $rounds} {incr round} {
        test "a link cut within the handshake, bytes from the replica ($round)" {
            set positions {}
            foreach name $names {lappend positions [randomInt [expr {$asked - 40}]]}
            cut_everyone up $positions
        }
        test "a link cut within the handshake, bytes from the primary ($round)" {
            cut_everyone down [list 0 1 [randomInt 40] [randomInt 80] [randomInt 120] 100]
        }
        test "a link cut within a full copy ($round)" {
            set positions {}
            foreach name $names {lappend positions [expr {100 + [randomInt $size]}]}
            cut_everyone down $positions [lindex {"" rst} [expr {$round % 2}]]
        }
    }

    test "a cut of a link in step is healed by the bytes that were missed, and nothing else" {
        alike p {*}$names
        set full [field p sync_full]
        set good [field p sync_partial_ok]
        set bad [field p sync_partial_err]
        for {set round 0} {$round < 1 + $rounds} {incr round} {
            foreach name $names {
                $link($name) cut down [expr {1 + [randomInt 3000]}] [lindex {"" rst} [randomInt 2]]
            }
            for {set i 0} {$i < 60} {incr i} {
                on p set key:[randomInt 500] [string repeat x [randomInt 300]]
                on p lpush list $i
                on p incr counter
            }
            alike p {*}$names
        }
        assert_equal [field p sync_full] $full
        assert_equal [field p sync_partial_ok] [expr {$good + $round * [llength $names]}]
        assert_equal [field p sync_partial_err] $bad
    }

    test "an acknowledgement cut in two does no harm" {
        set before [dict get [$link(a) count] cuts]
        foreach name $names {$link($name) cut up [expr {1 + [randomInt 60]}]}
        on p set after-ack 1
        wait_for_condition 100 50 {[dict get [$link(a) count] cuts] > $before} else {fail "no cut"}
        alike p {*}$names
    }

    test "a byte of the stream that arrives turned round does not stop the others" {
        # It may break the protocol, a command, or a value: what it must not break is a server.
        foreach name {a b c} {$link($name) flip down [randomInt 40]}
        for {set i 0} {$i < 20} {incr i} {on p set flipped:$i $i}
        alike p d e f
        foreach name $names {assert_equal [on $name ping] PONG}
        foreach name {a b c} {
            on $name replicaof no one
            on $name flushall
            on $name replicaof 127.0.0.1 [$link($name) port]
        }
        wait_for_condition 200 20 {[field p connected_slaves] == 6} else {fail "some are missing"}
    }
}

behind_links {repl-timeout 2} {
    fill
    foreach name $names {follow $name p $link($name)}
    foreach name $names {link_up $name}
    alike p {*}$names

    test "a link that hangs in step is given up by both ends after repl-timeout, and healed" {
        set full [field p sync_full]
        foreach name $names {$link($name) hold both}
        for {set i 0} {$i < 100} {incr i} {on p set hang:$i $i}
        wait_for_condition 100 50 {[field a master_link_status] eq "down"} else {fail "a waits still"}
        wait_for_condition 100 50 {[field p connected_slaves] == 0} else {fail "p waits still"}
        foreach name $names {$link($name) flow}
        alike p {*}$names
        assert_equal [field p sync_full] $full "a short hang needs no full copy"
    }

    test "a link that hangs within the handshake or a full copy is given up and made again" {
        foreach name $names {
            on $name replicaof no one
            on $name flushall
        }
        # Bytes go through at this rate for a moment, then none.
        foreach name $names {
            $link($name) rate down [expr {300 + [randomInt 20000]}]
            follow $name p $link($name)
        }
        after 300
        foreach name $names {$link($name) hold both}
        after 2500
        foreach name $names {
            $link($name) flow
            $link($name) rate down 0
        }
        alike p {*}$names
    }

    test "a byte of a full copy that arrives turned round is found by its checksum, and asked for again" {
        set before [field p sync_full]
        if {$::kit::binary eq "real"} {skip_test "the real server ends itself then"}
        foreach name {d e f} {on $name config set repl-diskless-load swapdb}
        foreach name $names {
            on $name replicaof no one
            on $name flushall
            $link($name) flip down [expr {250 + [randomInt 15000]}]
            follow $name p $link($name)
        }
        alike p {*}$names
        assert_morethan_equal [field p sync_full] [expr {$before + 2 * [llength $names] - 2}]
        assert_equal [on a get key:7] [on p get key:7]
    }
}

behind_links {repl-backlog-size 16kb} {
    fill
    foreach name $names {follow $name p $link($name)}
    alike p {*}$names

    test "a cut that outlasts the backlog ends with a full copy" {
        set before [field p sync_partial_err]
        foreach name $names {
            $link($name) refuse
            $link($name) end
        }
        for {set i 0} {$i < 100} {incr i} {on p set outlast:$i [string repeat o 1000]}
        foreach name $names {$link($name) accept}
        alike p {*}$names
        assert_equal [field p sync_partial_err] [expr {$before + [llength $names]}]
    }

    test "links slower than the stream: all come in step again" {
        foreach name $names {$link($name) rate down [expr {20000 + [randomInt 200000]}]}
        set load [start_write_load 127.0.0.1 [node_of p port] 1 "" 100]
        after 1000
        stop_write_load $load
        on p set slow done
        foreach name $names {$link($name) rate down 0}
        alike p {*}$names
        assert_equal [on f get slow] done
    }

    test "links with delays" {
        foreach name $names {$link($name) delay both [randomInt 100]}
        for {set i 0} {$i < 50} {incr i} {on p rpush delayed $i}
        assert_equal [on p wait 6 2000] 6
        alike p {*}$names
        foreach name $names {$link($name) delay both 0}
    }
}
