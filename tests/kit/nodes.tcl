# nodes.tcl - several servers that follow each other, by name.
#
#   source nodes.tcl                         (after kit.tcl)
#   nodes {p keel {} a keel {repl-timeout 5} b real {}} {
#       follow a p
#       on p set k v
#       alike p a                            in step, and the same data
#       crash p; revive p                    SIGKILL; again with its files and port
#   }
#
# Kinds: keel is the server under test, real the other one. They come without delays that only a
# person's installation wants; the pairs after the kind are more directives.

source [file join $::kit::home kit faultlink.tcl]

namespace eval node {
    variable of                 ;# name -> server
    variable load_id 0
    variable defaults {
        save {""} repl-diskless-sync yes repl-diskless-sync-delay 0 repl-ping-replica-period 1
        repl-timeout 30 proto-max-bulk-len 1mb shutdown-timeout 0
    }
    array set of {}
}

proc nodes {spec code} {
    foreach {name kind overrides} $spec {
        if {$kind eq "real" && ![kit::have_real_server]} {
            kit::record_skip "nodes {$spec}" "no real server"
            return
        }
    }
    set failed [catch {
        foreach {name kind overrides} $spec {node::start $name $kind $overrides}
        uplevel 1 $code
    } result options]
    # What their logs say last belongs to an error outside of tests.
    if {$failed == 1} {
        kit::record_fail "(nodes, outside of tests)" [dict get $options -errorinfo]
        foreach {name kind overrides} $spec {
            if {[info exists node::of($name)]} {kit::say [kit::server_log_tail $node::of($name)]}
        }
        set failed 0
    }
    foreach {name kind overrides} $spec {node::stop $name}
    if {$failed} {return -options $options $result}
}

proc node::start {name kind overrides} {
    variable of
    variable defaults
    # config_lines come behind the kit's own defaults and replace none: here all are replaced.
    set all [concat $defaults $overrides]
    set options [list overrides [dict merge $all]]
    if {$kind eq "real"} {dict set options binary real}
    set of($name) [start_server $options]
    set ::kit::loose [lsearch -all -inline -not -exact $::kit::loose $of($name)]
    on $name select 0
}

# The nodes' clients are looked up by name, so that `on` goes on after a restart.
proc node::stop name {
    variable of
    if {![info exists of($name)]} return
    kill_server $of($name)
    unset of($name)
}

# on NAME COMMAND ...
proc on {name args} {
    return [[dict get $node::of($name) client] {*}$args]
}
proc node_of {name field} {
    return [dict get $node::of($name) $field]
}
proc field {name field} {
    return [status [node_of $name client] $field]
}

# `via` is a faulty link in front of the other one.
proc follow {name primary {via ""}} {
    set port [expr {$via eq "" ? [node_of $primary port] : [$via port]}]
    on $name replicaof 127.0.0.1 $port
}
proc link_to name {
    return [fault_link 127.0.0.1 [node_of $name port]]
}

proc crash name {
    catch {[node_of $name client] close}
    kit::end_process [node_of $name pid] KILL
}
# With more words for its command line.
proc revive {name args} {
    set srv $node::of($name)
    if {[llength $args]} {dict set srv args $args}
    set srv [kit::launch $srv]
    kit::wait_ready $srv
    set srv [kit::connect $srv]
    set node::of($name) $srv
    on $name select 0
}
proc logged {name pattern} {
    foreach line [split [kit::read_file [node_of $name stdout]] \n] {
        if {[string match $pattern $line]} {return 1}
    }
    return 0
}
proc log_of name {return [kit::read_file [node_of $name stdout]]}

proc link_up {name {seconds 20}} {
    wait_for_condition [expr {$seconds * 50}] 20 {[field $name master_link_status] eq "up"} else {
        fail "$name is not in step with its primary:\n[kit::server_log_tail $node::of($name)]"
    }
}

# The nodes have executed the same stream to its end, those after the first follow, and all hold the
# same data.
proc alike {first args} {
    set deadline [expr {[clock milliseconds] + 30000}]
    set last ""
    while {[clock milliseconds] < $deadline} {
        set last [node::standing $first $args]
        if {$last eq ""} break
        after 20
    }
    if {$last ne ""} {
        foreach name $args {append last \n[kit::server_log_tail $node::of($name) 12]}
        assert_fail $last
    }
    foreach name $args {
        # A key that has expired may go between the two questions, and one that nobody asks for goes
        # when its primary comes across it.
        for {set i 0} {$i < 50} {incr i} {
            set digest [on $first debug digest]
            if {[on $name debug digest] eq $digest} break
            after 100
        }
        if {$i == 50} {
            assert_fail "$first and $name hold different data: [node::differences $first $name]"
        }
    }
    return $digest
}

# "" when all stand at the same offset.
proc node::standing {first others} {
    set offset [field $first master_repl_offset]
    foreach name $others {
        # One INFO, so that its parts are of one moment.
        set info [on $name info replication]
        if {[getInfoProperty $info master_link_status] ne "up"} {return "$name has no link"}
        set its [getInfoProperty $info slave_repl_offset]
        if {$its ne $offset} {return "$first is at $offset, $name at $its"}
        if {[getInfoProperty $info master_replid] ne [field $first master_replid]} {
            return "$name is of another history"
        }
    }
    return ""
}

proc node::differences {first other} {
    set out {}
    set theirs [on $other config get databases]
    for {set db 0} {$db < [lindex $theirs 1]} {incr db} {
        on $first select $db
        on $other select $db
        foreach key [lsort -unique [concat [on $first keys *] [on $other keys *]]] {
            set a [on $first debug digest-value $key]
            set b [on $other debug digest-value $key]
            set e [list [on $first pexpiretime $key] [on $other pexpiretime $key]]
            if {$a ne $b || [lindex $e 0] ne [lindex $e 1]} {
                lappend out "db $db [kit::shown $key 60] ([on $first type $key], [on $other type $key]; $e)"
            }
        }
    }
    on $first select 0
    on $other select 0
    return [join [lrange $out 0 9] "; "]
}

# ---- load ---------------------------------------------------------------------------------------

# Random commands of the grammar from a process of their own, for as long as it is let: to the
# servers at the ports, the next one when one goes or says READONLY. The result is its id.
proc start_mixed_load {ports {seconds 600} {seed 1} args} {
    set script [file join $::kit::home kit mixed_load.tcl]
    set out [tmpfile mixed-load]
    set pid [exec env KEEL_LOAD_STOP=$out.stop [info nameofexecutable] $script $seed $seconds $ports \
        {*}$args >$out 2>@1 &]
    kit::adopt $pid
    set ::node::load($pid) $out
    return $pid
}
# What it has counted: {commands N errors N lost N}.
proc stop_mixed_load pid {
    # Between two batches: what makes both servers' data equal again stands at the end of one.
    close [open $::node::load($pid).stop w]
    for {set i 0} {$i < 300 && [process_is_alive $pid]} {incr i} {after 10}
    kit::end_process $pid KILL
    return [lindex [split [string trim [kit::read_file $::node::load($pid)]] \n] end]
}
