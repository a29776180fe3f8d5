# persistence.tcl - saving and loading beside the real server, as a markdown table.
#
#     tclsh tests/bench/persistence.tcl                  1,000,000 keys, about a minute
#     tclsh tests/bench/persistence.tcl --keys 5000000   the size that the bars are about
#
# Options of bench.tcl, and --keys N. Best of 3 of each; CPU time is user and system, of all threads,
# from /proc. Items:
#
#     save.cpu       ms of CPU for SAVE of N small strings (DEBUG POPULATE)
#     save.size      bytes of the file
#     load.cpu       ms of CPU from start to the first +PONG, with that file
#     load.time      ms of it on the clock
#     bgsave.memory  KB of parent and child together (PSS), at most, while BGSAVE runs and 16 clients
#                    write at random
#     aof.everysec   CPU ns per SET at pipeline 16 under appendfsync everysec
#     aof.always     SETs per second of 50 clients, one at a time each, under always; the ratio is
#                    the real server's rate over ours, so that less is better everywhere

source [file join [file dirname [file normalize [info script]]] lib.tcl]

array set opt {keys 1000000}
set bars {save.cpu 0.40 save.size 1.0 load.cpu 0.5 load.time 0.5 bgsave.memory 0.8 aof.everysec 0.55
          aof.always 1.0}

proc cpu_ms pid {
    set f [open /proc/$pid/stat]
    set text [read $f]
    close $f
    set fields [split [string range $text [expr {[string last ")" $text] + 2}] end] " "]
    return [expr {([lindex $fields 11] + [lindex $fields 12]) * 10}]
}

proc pss_kb pid {
    if {[catch {open /proc/$pid/smaps_rollup} f]} {return 0}
    set failed [catch {read $f} text]
    close $f
    if {$failed || ![regexp {\nPss:\s+(\d+)} $text -> kb]} {return 0}
    return $kb
}

proc must {server args} {
    set reply [ask $server {*}$args]
    if {[string match -* $reply]} {error "[dict get $server who]: $args: $reply"}
    return $reply
}

proc keep_best {name who value} {
    upvar 1 $name table
    if {![info exists table($who)] || $value < $table($who)} {set table($who) $value}
}

proc measure_save {pair} {
    global opt figures
    foreach who {keel redis} {
        set server [dict get $pair $who]
        set pid [dict get $server pid]
        must $server DEBUG POPULATE $opt(keys) key 0
        for {set i 0} {$i < 3} {incr i} {
            set before [cpu_ms $pid]
            must $server SAVE
            keep_best figures save.cpu,$who [expr {[cpu_ms $pid] - $before}]
        }
        set figures(save.size,$who) [file size [dict get $server dir]/dump.rdb]
    }
}

# Starts a server on the other's file and its own: both load the same bytes.
proc measure_load {pair} {
    global opt scratch figures
    file copy -force [dict get $pair redis dir]/dump.rdb $scratch/load.rdb
    for {set i 0} {$i < 3} {incr i} {
        foreach who {keel redis} {
            set dir $scratch/load-$who-$i
            file mkdir $dir
            file link -hard $dir/dump.rdb $scratch/load.rdb
            set port [free_port]
            set start [clock milliseconds]
            set channel [open "|taskset -c $opt(server_core) [server_command $who $port $dir] \
                > $dir/out 2>@1" w]
            set server [dict create who $who pid [pid $channel] port $port dir $dir \
                channel $channel]
            while {[catch {ask $server PING} reply] || $reply ne "+PONG"} {after 5}
            keep_best figures load.time,$who [expr {[clock milliseconds] - $start}]
            keep_best figures load.cpu,$who [cpu_ms [pid $channel]]
            if {[must $server DBSIZE] ne ":$opt(keys)"} {error "$who has not loaded all"}
            server_stop $server
        }
    }
}

proc measure_bgsave {pair} {
    global opt tool figures
    foreach who {keel redis} {
        set server [dict get $pair $who]
        set load [exec taskset -c $opt(load_core) $tool(load) -p [dict get $server port] -c 16 -P 4 \
            -n 100000000 -r $opt(keys) -t set >/dev/null 2>/dev/null &]
        after 200
        must $server BGSAVE
        set peak 0
        while {[info_field $server persistence rdb_bgsave_in_progress]} {
            set kb [pss_kb [dict get $server pid]]
            catch {foreach child [exec pgrep -P [dict get $server pid]] {incr kb [pss_kb $child]}}
            if {$kb > $peak} {set peak $kb}
            after 20
        }
        exec kill $load
        set figures(bgsave.memory,$who) $peak
    }
}

proc measure_aof {pair} {
    global figures
    foreach {policy pipeline count} {everysec 16 600000 always 1 20000} {
        foreach who {keel redis} {
            set server [dict get $pair $who]
            must $server FLUSHALL
            must $server CONFIG SET appendfsync $policy auto-aof-rewrite-percentage 0 appendonly yes
            while {[info_field $server persistence aof_rewrite_in_progress] ||
                   [info_field $server persistence aof_rewrite_scheduled]} {after 20}
        }
        for {set i 0} {$i < 3} {incr i} {
            foreach who {keel redis} {
                set got [run_load [dict get $pair $who] -P $pipeline -n $count -r 100000 -t set]
                if {$policy eq "everysec"} {
                    keep_best figures aof.everysec,$who \
                        [expr {double([dict get $got cpu_ns]) / $count}]
                } else {
                    keep_best figures aof.always,$who [expr {1.0 / [dict get $got rps]}]
                }
            }
        }
        foreach who {keel redis} {must [dict get $pair $who] CONFIG SET appendonly no}
    }
}

proc table {} {
    global bars figures
    set lines [list "| item | keel | redis | ratio | bar | verdict |" \
        "| --- | ---: | ---: | ---: | --- | --- |"]
    foreach {item bar} $bars {
        if {![info exists figures($item,keel)] || ![info exists figures($item,redis)]} continue
        set ratio [expr {double($figures($item,keel)) / $figures($item,redis)}]
        set shown {}
        foreach who {keel redis} {
            set value $figures($item,$who)
            if {$item eq "aof.always"} {set value [expr {1 / $value}]}
            lappend shown [format %.0f $value]
        }
        # A few bytes of head say which version wrote the file.
        set verdict [expr {$ratio <= $bar + 0.005 ? "ok" : "MISS"}]
        lappend lines "| $item | [join $shown { | }] | [format %.2f $ratio] | <= $bar | $verdict |"
    }
    return [join $lines \n]
}

proc main {argv} {
    global opt
    parse_options $argv
    build_tools
    scratch_open
    set failed [catch {
        set pair [pair_start]
        measure_save $pair
        measure_load $pair
        measure_bgsave $pair
        stop_servers
        set pair [pair_start]
        measure_aof $pair
    } message options]
    stop_all
    puts "[machine_line]; $opt(keys) keys\n\n[table]"
    if {$failed} {puts stderr "persistence: $message"; exit 1}
}

main $argv
