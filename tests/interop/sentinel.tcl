# sentinel.tcl - the real Sentinel (redis-check-rdb of redis-tools, started as redis-sentinel) watches
# servers of this tree, and groups with the real server in them, and fails over under load.
#
# Clients count their errors. Writes that WAIT has confirmed must be on the new primary: by one replica
# where the primary has died, as whoever has most takes over; by all where it lives, as until it is told
# it goes on with those that do not.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit nodes.tcl]

# ---- Sentinels ------------------------------------------------------------------------------------

# Three, watching the node as the group "group". {port ...}.
proc start_sentinels {name down_ms} {
    set ports {}
    for {set i 0} {$i < 3} {incr i} {
        set dir [tmpdir sentinel]
        set port [find_available_port]
        set f [open $dir/sentinel.conf w]
        puts $f "port $port\nbind 127.0.0.1\ndir $dir\nprotected-mode no\nlogfile $dir/log"
        puts $f "sentinel monitor group 127.0.0.1 [node_of $name port] 2"
        puts $f "sentinel down-after-milliseconds group $down_ms"
        puts $f "sentinel failover-timeout group 10000\nsentinel parallel-syncs group 2"
        close $f
        set pid [lindex [exec bash -c {exec -a redis-sentinel redis-check-rdb "$0" --sentinel} \
            $dir/sentinel.conf >> $dir/out 2>@1 &] end]
        kit::adopt $pid
        lappend ports $port
        lappend ::sentinels [list $pid $dir]
    }
    foreach port $ports {
        wait_for_condition 100 50 {[kit::ping_line 127.0.0.1 $port] eq "+PONG"} else {
            fail "a sentinel does not start"
        }
    }
    return $ports
}
proc stop_sentinels {} {
    foreach entry $::sentinels {kit::end_process [lindex $entry 0] KILL}
    set ::sentinels {}
}
proc sentinel_logs {} {
    set out ""
    foreach entry $::sentinels {append out [kit::read_file [lindex $entry 1]/log]}
    return $out
}
set sentinels {}

proc ask {port args} {
    set rd [redis 127.0.0.1 $port]
    set failed [catch {$rd {*}$args} reply options]
    $rd close
    return -options $options $reply
}
proc group {port} {return [ask $port sentinel master group]}
proc primary_port ports {
    return [lindex [ask [lindex $ports 0] sentinel get-master-addr-by-name group] 1]
}
# All know each other, both replicas, and find them well.
proc wait_settled {ports replicas} {
    foreach port $ports {
        wait_for_condition 300 100 {
            [dict get [group $port] num-other-sentinels] == 2 && [dict get [group $port] num-slaves] == $replicas
            && [dict get [group $port] flags] eq "master"
        } else {fail "it is not settled: [group $port]\n[sentinel_logs]"}
    }
}
proc node_at {port names} {
    foreach name $names {
        if {[node_of $name port] == $port} {return $name}
    }
}

# ---- a client that counts -------------------------------------------------------------------------

# Writes numbered keys, each with its WAIT for so many, to whom Sentinel names. A process of its own; the result is its
# output's path, whose last line is {written N safe N errors N}; numbers that are safe stand before it.
proc start_counting_client {ports replicas} {
    set script [tmpfile counting.tcl]
    set out [tmpfile counting.out]
    set f [open $script w]
    puts $f [list source [file join $kit::home kit client.tcl]]
    puts $f [list set ports $ports]
    puts $f [list set replicas $replicas]
    puts $f {
        proc connect {} {
            foreach port $::ports {
                catch {
                    set s [redis 127.0.0.1 $port]
                    lassign [$s sentinel get-master-addr-by-name group] host to
                    $s close
                    set rd [redis 127.0.0.1 $to]
                    if {[lindex [$rd role] 0] ne "master"} {$rd close; error "not yet"}
                    # Away from the mixed load, which empties and swaps the others.
                    $rd select 12
                    return $rd
                } rd
                if {[string match "::redis::*" $rd]} {return $rd}
            }
            return ""
        }
        set errors 0
        set rd ""
        for {set i 0} 1 {incr i} {
            while {$rd eq ""} {
                set rd [connect]
                if {$rd eq ""} {after 20}
            }
            if {[catch {
                $rd set safe:$i $i
                if {[$rd wait $replicas 300] >= $replicas} {puts $i; flush stdout}
            }]} {
                puts "error"
                catch {$rd close}
                set rd ""
            }
        }
    }
    close $f
    set pid [exec [info nameofexecutable] $script >$out 2>@1 &]
    kit::adopt $pid
    return [list $pid $out]
}
# {safe-numbers errors}
proc stop_counting_client client {
    lassign $client pid out
    kit::end_process $pid KILL
    set lines [split [string trim [kit::read_file $out]] \n]
    # The last line may be half of one.
    return [list [lsearch -all -inline -regexp [lrange $lines 0 end-1] {^\d+$}] \
        [llength [lsearch -all -exact $lines error]]]
}

# ---- failing over ---------------------------------------------------------------------------------

# `how` makes the primary go; the result is the new primary's name. Says what clients saw.
proc fail_over {ports names replicas how} {
    set old [node_at [primary_port $ports] $names]
    set client [start_counting_client $ports $replicas]
    set load [start_mixed_load [lmap name $names {node_of $name port}] 100 [randomInt 100000] 5]
    after 700
    set start [clock milliseconds]
    uplevel 1 $how
    wait_for_condition 300 100 {[primary_port $ports] != [node_of $old port]} else {
        fail "nobody took over\n[sentinel_logs]"
    }
    set new [node_at [primary_port $ports] $names]
    wait_for_condition 100 50 {[lindex [on $new role] 0] eq "master"} else {fail "$new is no primary"}
    set took [expr {[clock milliseconds] - $start}]
    after 1000
    lassign [stop_counting_client $client] safe errors
    set counted [stop_mixed_load $load]
    set lost {}
    on $new select 12
    foreach i $safe {
        if {[on $new get safe:$i] ne $i} {lappend lost $i}
    }
    on $new select 0
    kit::say "failover from $old to $new in $took ms: a client with [llength $safe] writes that WAIT had\
        confirmed saw $errors errors and lost [llength $lost]; the load: $counted"
    assert_morethan [llength $safe] 50
    assert_equal $lost {} "writes that WAIT had confirmed"
    # One error is the connection that broke; each refused try before the next primary is another.
    assert_range $errors 0 20
    return $new
}

# A group takes half a minute; KEEL_SENTINEL_GROUPS=all tries more of them.
set groups {{keel real keel}}
if {[kit::env KEEL_SENTINEL_GROUPS ""] eq "all"} {lappend groups {keel keel keel} {real keel keel}}
foreach kinds $groups {
    nodes [list p [lindex $kinds 0] {} a [lindex $kinds 1] {} b [lindex $kinds 2] {}] {
        set names {p a b}
        foreach name {a b} {follow $name p}
        foreach name {a b} {link_up $name}
        set ports [start_sentinels p 1500]

        test "Sentinel finds the group of $kinds" {
            wait_settled $ports 2
            set info [dict create]
            foreach replica [ask [lindex $ports 0] sentinel replicas group] {
                assert_equal [dict get $replica flags] slave
                assert_equal [dict get $replica master-link-status] ok
                assert_equal [dict get $replica slave-priority] 100
            }
            assert_equal [ask [lindex $ports 0] sentinel ckquorum group] \
                "OK 3 usable Sentinels. Quorum and failover authorization can be reached"
        }

        test "a failover that is asked for: $kinds" {
            set new [fail_over $ports $names 2 {ask [lindex $ports 0] sentinel failover group}]
            wait_settled $ports 2
            foreach name $names {
                if {$name ne $new} {link_up $name}
            }
            alike $new {*}[lsearch -all -inline -not -exact $names $new]
        }

        test "a failover of a primary that dies, which comes back as a replica: $kinds" {
            set old [node_at [primary_port $ports] $names]
            set new [fail_over $ports $names 1 {crash $old}]
            revive $old
            wait_for_condition 300 100 {[lindex [on $old role] 0] eq "slave"} else {
                fail "Sentinel did not make it a replica\n[sentinel_logs]"
            }
            set others [lsearch -all -inline -not -exact $names $new]
            foreach name $others {link_up $name}
            alike $new {*}$others
            # It was written to its file what it is now.
            assert_match "*replicaof 127.0.0.1 [node_of $new port]*" [kit::read_file [node_of $old config_file]]
        }
        stop_sentinels
    }
}
