# replication.tcl - what replicas cost beside the real server, as a markdown table.
#
#     tclsh tests/bench/replication.tcl                  1,000,000 keys, about two minutes
#     tclsh tests/bench/replication.tcl --keys 5000000   the size that the bars are about
#
# Options of bench.tcl, and --keys N. Best of 3 of each (2 of full copies), the two servers by turns. Items:
#
#     set.alone      CPU ns per SET at pipeline 16, nobody following: what the next two build on
#     set.one        the same with one replica in step (a program that throws the stream away)
#     set.three      the same with three
#     apply          CPU ns of a replica per write that it applies; one primary, the real server, has
#                    both servers as its replicas, so that they get the same bytes at the same time
#     sync.time      ms from REPLICAOF to a link that is up, for N keys, each server from its own kind
#     sync.cpu       ms of CPU of both ends together for that
#     stream.memory  bytes of memory for each byte of stream that three replicas have still to get

source [file join [file dirname [file normalize [info script]]] lib.tcl]

array set opt {keys 1000000}
set bars {set.alone - set.one 0.55 set.three 0.55 apply 0.55 sync.time 0.7 sync.cpu - stream.memory -}
set settings {repl-diskless-sync yes repl-diskless-sync-delay 0 repl-diskless-sync-max-replicas 0
    client-output-buffer-limit "replica 0 0 0" repl-ping-replica-period 10}

proc cpu_ms pid {
    set f [open /proc/$pid/stat]
    set text [read $f]
    close $f
    set fields [split [string range $text [expr {[string last ")" $text] + 2}] end] " "]
    # With the children that were waited for: the copy is a child's work.
    return [expr {([lindex $fields 11] + [lindex $fields 12] + [lindex $fields 13] + [lindex $fields 14]) * 10}]
}

proc must {server args} {
    set reply [ask $server {*}$args]
    if {[string match -* $reply]} {error "[dict get $server who]: $args: $reply"}
    return $reply
}

proc start {who} {
    global settings
    set server [server_start $who]
    foreach {name value} $settings {must $server CONFIG SET $name $value}
    return $server
}

proc keep_best {name value} {
    global figures
    if {![info exists figures($name)] || $value < $figures($name)} {set figures($name) $value}
}

# So many sinks behind the server, once they are online; ended by closing the channel.
proc sinks {server count args} {
    global tool opt
    set channel [open "|taskset -c $opt(load_core) $tool(sink) [dict get $server port] $count $args" r+]
    if {[gets $channel] ne "online"} {error "[dict get $server who]: the sinks are not online"}
    for {set i 0} {[count_online $server] < $count} {incr i} {
        if {$i > 200} {error "[dict get $server who] does not count its replicas as online"}
        after 50
    }
    return $channel
}
proc count_online server {
    return [regexp -all {state=online} [ask $server INFO replication]]
}

proc measure_set {} {
    foreach {item count} {set.alone 0 set.one 1 set.three 3} {
        foreach who {keel redis} {
            set pair($who) [start $who]
            run_load $pair($who) -P 16 -n 100000 -r 100000 -t set
            if {$count} {set channel($who) [sinks $pair($who) $count]}
        }
        for {set i 0} {$i < 3} {incr i} {
            foreach who {keel redis} {
                set got [run_load $pair($who) -P 16 -n 600000 -r 100000 -t set]
                keep_best $item,$who [expr {double([dict get $got cpu_ns]) / 600000}]
            }
        }
        foreach who {keel redis} {
            if {$count && [count_online $pair($who)] != $count} {error "$who lost replicas"}
            if {$count} {close $channel($who)}
            server_stop $pair($who)
        }
    }
}

proc link_is_up server {
    return [expr {[info_field $server replication master_link_status] eq "up"}]
}

proc wait_offset {server offset} {
    while {[info_field $server replication slave_repl_offset] < $offset} {after 5}
}

proc measure_apply {} {
    set primary [start redis]
    foreach who {keel redis} {
        set replica($who) [start $who]
        must $replica($who) REPLICAOF 127.0.0.1 [dict get $primary port]
    }
    foreach who {keel redis} {
        while {![link_is_up $replica($who)]} {after 20}
    }
    after 1500
    set writes 1000000
    for {set i 0} {$i < 4} {incr i} {
        foreach who {keel redis} {set before($who) [cpu_ms [dict get $replica($who) pid]]}
        run_load $primary -P 16 -n $writes -r 100000 -t set
        set offset [info_field $primary replication master_repl_offset]
        foreach who {keel redis} {wait_offset $replica($who) $offset}
        foreach who {keel redis} {
            # The first round fills the table.
            if {$i == 0} continue
            keep_best apply,$who \
                [expr {([cpu_ms [dict get $replica($who) pid]] - $before($who)) * 1e6 / $writes}]
        }
    }
    stop_servers
}

proc measure_sync {} {
    global opt
    for {set i 0} {$i < 2} {incr i} {
        foreach who {keel redis} {
            set primary [start $who]
            set replica [start $who]
            must $primary DEBUG POPULATE $opt(keys) key 16
            set cpu 0
            foreach server [list $primary $replica] {incr cpu -[cpu_ms [dict get $server pid]]}
            set start [clock milliseconds]
            must $replica REPLICAOF 127.0.0.1 [dict get $primary port]
            while {[catch {link_is_up $replica} up] || !$up} {after 5}
            keep_best sync.time,$who [expr {[clock milliseconds] - $start}]
            while {[info_field $primary persistence rdb_bgsave_in_progress]} {after 5}
            foreach server [list $primary $replica] {incr cpu [cpu_ms [dict get $server pid]]}
            keep_best sync.cpu,$who $cpu
            if {[must $replica DBSIZE] ne ":$opt(keys)"} {error "$who has not copied all"}
            stop_servers
        }
    }
}

proc measure_memory {} {
    foreach who {keel redis} {
        set server [start $who]
        run_load $server -P 100 -n 100 -r 100 -d 1000 --seq -t set
        set channel [sinks $server 3 stall]
        after 1500
        set bytes -[info_field $server replication master_repl_offset]
        set memory -[info_field $server memory used_memory]
        run_load $server -P 16 -n 60000 -r 100 -d 1000 -t set
        if {[count_online $server] != 3} {error "$who lost replicas"}
        # Sockets took a part of it, and the backlog was there before.
        set bytes [expr {[info_field $server replication master_repl_offset] + $bytes}]
        set memory [expr {[info_field $server memory used_memory] + $memory}]
        keep_best stream.memory,$who [expr {double($memory) / $bytes}]
        close $channel
        server_stop $server
    }
}

proc table {} {
    global bars figures
    set lines [list "| item | keel | redis | ratio | bar | verdict |" \
        "| --- | ---: | ---: | ---: | --- | --- |"]
    foreach {item bar} $bars {
        if {![info exists figures($item,keel)] || ![info exists figures($item,redis)]} continue
        set ratio [expr {double($figures($item,keel)) / $figures($item,redis)}]
        set form [expr {$item eq "stream.memory" ? "%.2f" : "%.0f"}]
        set verdict [expr {$bar eq "-" ? "" : $ratio <= $bar + 0.005 ? "ok" : "MISS"}]
        if {$item eq "stream.memory"} {
            # One copy: no more than a byte for a byte, and the blocks' own.
            set bar "<= 1.1 bytes"
            set verdict [expr {$figures($item,keel) <= 1.1 ? "ok" : "MISS"}]
        } elseif {$bar ne "-"} {
            set bar "<= $bar"
        }
        lappend lines "| $item | [format $form $figures($item,keel)] | [format $form $figures($item,redis)] |\
            [format %.2f $ratio] | $bar | $verdict |"
    }
    return [join $lines \n]
}

proc main {argv} {
    global opt
    parse_options $argv
    build_tools
    scratch_open
    set failed [catch {
        foreach part {set apply memory sync} {
            if {[string match $opt(only) $part]} {measure_$part}
        }
    } message options]
    stop_all
    puts "[machine_line]; $opt(keys) keys\n\n[table]"
    if {$failed} {puts stderr "replication: $message\n[dict get $options -errorinfo]"; exit 1}
}

main $argv
