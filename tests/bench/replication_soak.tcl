# replication_soak.tcl - replication for minutes under mixed load, with links that fail, servers that die
# and primaries that change: at the end of each round all hold the same data.
#
#     tclsh tests/bench/replication_soak.tcl --minutes 10
#
# Options: --minutes N (10), --kinds "keel real keel real" (the first primary, two replicas of it, one of
# the second's; both servers stand at each end as primaries change), --seed N, --round SECONDS (30).
# A line a round: what was done to it, what the counters of partial and full copies say, the digest.
# Exit status 1 when data differs. KEEL and the rest of the environment as tests/kit.tcl says.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $kit::home kit nodes.tcl]

array set opt [list minutes 10 kinds {keel real keel real} round 30 seed [expr {[clock microseconds] % 1000000}]]
foreach {name value} $argv {
    if {![string match --* $name] || ![info exists opt([string range $name 2 end])]} {
        puts stderr "replication_soak.tcl: unknown option $name"
        exit 2
    }
    set opt([string range $name 2 end]) $value
}
expr {srand($opt(seed))}

set names {p a b c}
set top p                       ;# the primary now
set under {a p b p c b}         ;# who follows whom
array set before {sync_full 0 sync_partial_ok 0 sync_partial_err 0}
array set done {cut 0 hold 0 slow 0 crash 0 switch 0 restart 0}

proc pick list {return [lindex $list [randomInt [llength $list]]]}

# A link in front of each server; whoever follows it comes through that.
proc follow_through {name primary} {
    global link under
    dict set under $name $primary
    follow $name $primary $link($primary)
}

proc misfortune {} {
    global link names top under done before
    set victims [lsearch -all -inline -not -exact $names $top]
    switch -exact -- [pick {cut cut cut cut cut hold slow crash restart switch}] {
        cut {
            $link([pick $names]) cut [pick {up down down down}] [randomInt 200000] [pick {"" rst}]
            incr done(cut)
        }
        hold {
            set l $link([pick [dict values $under]])
            $l hold [pick {up down both}]
            after [pick {100 1000 6000}]
            $l flow
            incr done(hold)
        }
        slow {
            set l $link([pick [dict values $under]])
            $l rate down [expr {10000 + [randomInt 300000]}]
            after [randomInt 3000]
            $l rate down 0
            incr done(slow)
        }
        crash - restart {
            set name [pick $victims]
            # Its counters begin anew.
            foreach field [array names before] {incr before($field) [field $name $field]}
            if {rand() < 0.5} {
                incr done(restart)
                catch {on $name shutdown save}
                for {set i 0} {$i < 200 && [process_is_alive [node_of $name pid]]} {incr i} {after 20}
            } else {
                incr done(crash)
            }
            crash $name
            revive $name --replicaof 127.0.0.1 [$link([dict get $under $name]) port]
        }
        switch {switch_primary}
    }
}

# One that follows the primary takes over, in order: it has all, then it is one, then all follow it.
proc switch_primary {} {
    global link names top under done opt
    stop_load
    set next [pick [lsearch -all -inline [dict keys [dict filter $under value $top]] {[ab]}]]
    alike $top $next
    on $next replicaof no one
    dict unset under $next
    set old $top
    set top $next
    foreach name $names {
        if {$name eq $next} continue
        if {$name eq $old || [dict get $under $name] eq $old} {follow_through $name $next}
    }
    incr done(switch)
    start_load
}

proc start_load {} {
    global top opt running
    set running [start_mixed_load [node_of $top port] 100000 [incr opt(seed)] 1]
}
proc stop_load {} {
    global running commands
    if {[regexp {commands (\d+)} [stop_mixed_load $running] -> n]} {incr commands $n}
}

proc counters {} {
    global names before
    array set sum [array get before]
    foreach name $names {
        foreach field [array names sum] {incr sum($field) [field $name $field]}
    }
    return "full $sum(sync_full) partial $sum(sync_partial_ok) refused $sum(sync_partial_err)"
}

set spec {}
foreach name $names kind $opt(kinds) {
    lappend spec $name $kind {repl-backlog-size 256mb repl-timeout 5 save "900 100000000"
        client-output-buffer-limit "replica 0 0 0"}
}
set status 0
nodes $spec {
    foreach name $names {set link($name) [link_to $name]}
    foreach name {a b c} {follow_through $name [dict get $under $name]}
    foreach name {a b c} {link_up $name 60}
    set start [clock seconds]
    set commands 0
    start_load
    while {[clock seconds] < $start + 60 * $opt(minutes)} {
        set until [expr {[clock seconds] + $opt(round)}]
        while {[clock seconds] < $until} {
            after [randomInt 1500]
            misfortune
        }
        stop_load
        foreach name $names {
            $link($name) flow
            foreach order {{cut both -1} {rate both 0}} {$link($name) {*}$order}
        }
        if {[catch {
            foreach name [dict keys $under] {link_up $name 60}
            alike $top {*}[dict keys $under]
        } digest]} {
            puts "DIFFERENT: $digest"
            set status 1
            break
        }
        puts "[expr {[clock seconds] - $start}] s: primary $top ([lindex $opt(kinds) [lsearch $names $top]]),\
            $commands commands, [counters], [array get done], [on $top dbsize] keys, $digest"
        flush stdout
        start_load
    }
    catch {stop_load}
    foreach name $names {$link($name) close}
}
exit $status
