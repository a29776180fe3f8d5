# stats.tcl - slow log, latency and monitors beside the real server: the same entries, shapes and
# lines for the same commands.
#
# Declared differences: DOCTOR's and HELP's texts are our own; times are each server's; levels of
# HISTOGRAM that were reached differ, as they are measured.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]
source [file join $kit::home kit random.tcl]
foreach path [lsort [glob [file join $kit::home interop grammar *.tcl]]] {source $path}

# The shape of a parsed reply: kinds of elements, without what is in them.
proc shape tree {
    lassign $tree type value
    if {$type ni {* % ~ >}} {return $type}
    set out $type
    foreach item $value {lappend out [shape $item]}
    return $out
}

# The slow log of each server after these commands, as lists of id, arguments and name.
proc slowlogs commands {
    foreach level {0 -1} {
        r $level config set slowlog-log-slower-than 0
        r $level slowlog reset
        transcript $level $commands
        r $level config set slowlog-log-slower-than -1
        set log {}
        foreach e [r $level slowlog get -1] {
            assert_equal [llength $e] 6
            lappend log [list [lindex $e 3] [lindex $e 5]]
        }
        lappend out $log
    }
    return $out
}

# The lines that a monitor of each server gets for these commands, without times and addresses.
proc monitored commands {
    foreach level {0 -1} {
        set fd [redis::open_channel [srv $level host] [srv $level port]]
        puts -nonewline $fd [redis::encode monitor]
        flush $fd
        redis::raw_reply_from $fd
        transcript $level $commands
        r $level echo the-end
        set lines {}
        while {![string match "*the-end\"\r\n" [set line [redis::raw_reply_from $fd]]]} {
            regsub {^\+\d+\.\d{6} } $line "" line
            lappend lines [regsub {127\.0\.0\.1:\d+} $line A]
        }
        close $fd
        lappend out $lines
    }
    return $out
}

set typical {
    {set k v} {get k} {incr k} {get} {nosuch} {select 3} {mset a 1 b 2} {select 0}
    {client setname me}
    {multi} {set x 1} {select 2} {get x} {hello 3} {ping} {exec} {multi} {set x 1} {discard}
    {watch k} {unwatch} {multi} {nosuch} {exec} {multi} {monitor} {exec} {auth foo} {auth foo bar}
    {auth a b c} {hello 3 auth default pw} {hello 2 AUTH default pw setname x} {hello 2 auth a}
    {config get save} {config set hz 10 requirepass "" timeout 0} {config set requirepass ""}
    {config resetstat} {command count} {info server} {object help} {client id} {client kill id 0}
    {debug sleep 0} {slowlog get} {latency latest} {dbsize} {wait 0 1} {type k} {object encoding k}
    {expire k 100} {ttl k} {subscribe c} {unsubscribe c} {publish c m} {spublish c m} {time}
    {setex k 1 v} {set k 12 px 1000000} {append k 3} {getex k persist} {incrby n 5}
    {incrbyfloat n 1.5}
    {reset} {ping "a\0b\r\n\t\a\b\"\\ \xff"} {echo ""}
}
set long {}
foreach n {127 128 129 1000} {lappend long [list set k [string repeat x $n]]}
foreach n {30 31 32 33 100} {lappend long [concat del [lrepeat $n k]]}

start_pair {tags {interop} overrides {slowlog-log-slower-than -1 slowlog-max-len 10000}} {
    foreach {name commands} [list "many commands" $typical "long ones" $long] {
        test "The slow log has the same entries for $name" {
            lassign [slowlogs $commands] ours theirs
            foreach a $ours b $theirs {assert_equal $a $b}
        }
        test "MONITOR shows the same lines for $name" {
            lassign [monitored $commands] ours theirs
            foreach a $ours b $theirs {assert_equal $a $b}
        }
    }

    test "MONITOR and the slow log agree with the real server for random commands" {
        set commands {}
        set seed [clock milliseconds]
        kit::say "seed $seed"
        expr {srand($seed)}
        gen::restrict {string bitmap generic} {}
        while {[llength $commands] < 1500} {
            set command [gen::command]
            # What differs in time or waits is compared elsewhere.
            if {[regexp -nocase {^(wait|randomkey|debug|monitor|quit|reset)} $command]} continue
            lappend commands $command
        }
        lassign [monitored $commands] ours theirs
        foreach a $ours b $theirs {assert_equal $a $b}
        foreach level {0 -1} {r $level flushall}
        lassign [slowlogs $commands] ours theirs
        foreach a $ours b $theirs {assert_equal $a $b}
        llength $ours
    } {1[0-9][0-9][0-9]}

    foreach protocol {2 3} {
        test "Errors and small answers in RESP$protocol" {
            pair::reconnect
            pair::exchange [list [list hello $protocol]]
            same_all {
                {slowlog reset} {slowlog len} {slowlog get} {slowlog get 0} {slowlog get -2}
                {slowlog get a} {slowlog get 1 2} {slowlog get 99999999999999999999} {slowlog}
                {slowlog nosuch} {slowlog len x} {slowlog reset x} {slowlog help x}
                {latency} {latency nosuch} {latency latest x} {latency history} {latency history x}
                {latency history x y} {latency graph} {latency graph x} {latency graph x y}
                {latency reset} {latency reset a b} {latency latest} {latency doctor x}
                {latency histogram nosuch} {latency histogram nosuch nosuch} {latency help x}
                {monitor x}
                {config set slowlog-log-slower-than x} {config set slowlog-log-slower-than -2}
                {config set slowlog-max-len -1} {config set latency-monitor-threshold -1}
                {config set latency-tracking maybe}
            }
        }

        test "Entries and reports have the same shape in RESP$protocol" {
            foreach level {0 -1} {
                r $level config set slowlog-log-slower-than 0
                r $level slowlog reset
                r $level config set latency-monitor-threshold 20
                r $level config resetstat
                r $level debug sleep 0.05
                r $level set k v
                r $level config set slowlog-log-slower-than -1
            }
            pair::reconnect
            pair::exchange [list [list hello $protocol]]
            foreach command {
                {slowlog get} {latency latest} {latency history command} {latency doctor}
                {latency graph command} {latency histogram set}
            } {
                lassign [lindex [pair::exchange [list $command]] 0] - ours theirs
                assert_equal [shape [pair::parse $ours]] [shape [pair::parse $theirs]] $command
            }
            foreach level {0 -1} {
                r $level latency reset
                r $level config set latency-monitor-threshold 0
            }
        }
    }

    test "GRAPH draws the same picture for the same samples" {
        # The one in the middle is in the middle of a step, which is 20 ms.
        foreach ms {60 300 190} {
            foreach level {0 -1} {
                r $level config set latency-monitor-threshold 50
                r $level deferred 1
            }
            # Both in the same second, so that their ages are the same.
            while {[clock milliseconds] % 1000 > 400 || [clock milliseconds] % 1000 < 20} {after 1}
            foreach level {0 -1} {r $level debug sleep [expr {$ms / 1000.0}]}
            foreach level {0 -1} {
                r $level read
                r $level deferred 0
            }
            after 1000
        }
        foreach level {0 -1} name {ours theirs} {
            set $name [r $level latency graph command]
            # Some samples may be some milliseconds longer.
            set $name [regsub -all {\d+ ms} [set $name] "N ms"]
            r $level config set latency-monitor-threshold 0
            r $level latency reset
        }
        assert_equal $ours $theirs
    }

    test "HISTOGRAM has the same commands, counts and levels" {
        foreach level {0 -1} {
            r $level config resetstat
            for {set i 0} {$i < 100} {incr i} {r $level set k v}
            r $level debug sleep 0.0205
            r $level debug sleep 0.0707
            r $level client id
        }
        foreach level {0 -1} name {ours theirs} {
            set all [r $level latency histogram]
            set $name [list [lsort [dict keys $all]] [dict get $all debug] \
                [dict get $all set calls] [lindex [dict get $all set histogram_usec] end]]
        }
        assert_equal $ours $theirs
        same latency histogram nosuch
        foreach level {0 -1} name {ours theirs} {
            set $name [dict keys [r $level latency histogram client]]
        }
        assert_equal $ours $theirs
    }

    test "commandstats and errorstats count the same" {
        foreach level {0 -1} {
            r $level config resetstat
            foreach command {
                {set k v} {incr k} {get} {nosuch} {client nosuch} {client setname "a b"} {select 99}
                {multi} {nosuch} {exec} {multi} {set k v} {incr k} {exec} {exec} {hello 9} {auth x}
                {auth a b} {setrange k -1 x} {config set nosuch 1} {config get}
            } {catch {r $level {*}$command}}
        }
        foreach level {0 -1} name {ours theirs} {
            set $name [regsub -all {usec=\d+,usec_per_call=[\d.]+} [r $level info commandstats] ""]
            set $name [lsort [split [set $name] \n]]
            lappend $name [r $level info errorstats]
        }
        foreach a $ours b $theirs {assert_equal $a $b}
    }
}
