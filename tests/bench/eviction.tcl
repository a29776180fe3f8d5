# eviction.tcl - how well keys are chosen to go, beside the real server: hit ratios and survival.
#
#     tclsh tests/bench/eviction.tcl                       everything, about five minutes
#     tclsh tests/bench/eviction.tcl --quick               shorter rounds, two minutes
#     tclsh tests/bench/eviction.tcl --only 'allkeys-lru|survival*'
#
# Hit ratios: zipf.c reads keys by Zipf's law and writes those that missed, at the same pace and with
# the same keys on both servers, which run at the same time. Each policy is tried twice: with room for
# the same number of keys on both servers, and with the same maxmemory (where Keel keeps more keys).
# The bar is the real server's ratio less one percent, at the same number of keys.
#
# Survival: a database is filled with keys of known age, use or time to live, then half as many
# new ones come. Shown is how much of each tenth of the old ones is left, from those that should go
# first to those that should stay, and of the new ones.

source [file join [file dirname [file normalize [info script]]] lib.tcl]

set universe 100000
set fit 20000
set policies {allkeys-lru allkeys-lfu allkeys-random volatile-lru volatile-lfu volatile-random
    volatile-ttl}

proc wanted {item} {
    foreach pattern [split $::opt(only) |] {
        if {[string match -nocase $pattern $item]} {return 1}
    }
    return 0
}

# Sends commands in one write and throws the replies away, but for errors.
proc send {server commands} {
    set s [socket 127.0.0.1 [dict get $server port]]
    fconfigure $s -translation binary -buffering full -buffersize 1000000
    foreach command $commands {
        puts -nonewline $s "*[llength $command]\r\n"
        foreach word $command {puts -nonewline $s "\$[string length $word]\r\n$word\r\n"}
    }
    flush $s
    foreach command $commands {
        set line [gets $s]
        if {[string match -* $line]} {error "[lindex $command 0]: $line"}
    }
    close $s
}

# The maxmemory that has room for `keys` keys of the load's size.
proc room_for {server keys expire} {
    ask $server CONFIG SET maxmemory 0
    ask $server FLUSHALL
    set size 100
    set tail [expr {$expire ? [list EX 3600] : {}}]
    run_load $server -c 1 -P 100 -r $keys -n $keys -d $size --seq -- \
        SET key:__rand_int__ __data__ {*}$tail
    after 300
    set used [info_field $server memory used_memory]
    ask $server FLUSHALL
    return $used
}

# Both servers under the load at once. {keel ratio redis ratio}.
proc ratios {pair policy seconds expire} {
    global universe tool opt
    foreach who {keel redis} {
        set server [dict get $pair $who]
        ask $server FLUSHALL
        set channel($who) [open "|taskset -c $opt(load_core) $tool(zipf) -p [dict get $server port]\
            -u $universe -w $seconds -m $seconds -e $expire --seed 7 2>@stderr"]
    }
    foreach who {keel redis} {
        set line [gets $channel($who)]
        close $channel($who)
        if {![regexp {ratio=(\S+) errors=0} $line -> ratio($who)]} {error "$who: $line"}
    }
    return [list $ratio(keel) $ratio(redis)]
}

proc size_of {server} {string range [ask $server DBSIZE] 1 end}

proc section_hits {pair} {
    global policies fit opt
    set seconds [expr {$opt(quick) ? 4 : 10}]
    puts "| policy | room | keel keys | redis keys | keel hits | redis hits | difference | verdict |"
    puts "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
    set worst ok
    foreach policy $policies {
        if {![wanted $policy]} continue
        set expire [expr {[string match volatile-* $policy] ? 3600 : 0}]
        foreach who {keel redis} {set room($who) [room_for [dict get $pair $who] $fit $expire]}
        foreach {kind keel redis} [list "$fit keys" $room(keel) $room(redis) \
                                       "[expr {$room(redis) >> 10}] KB" $room(redis) $room(redis)] {
            foreach who {keel redis} {
                set server [dict get $pair $who]
                ask $server CONFIG SET maxmemory-policy $policy
                ask $server CONFIG SET maxmemory [set $who]
            }
            lassign [ratios $pair $policy $seconds $expire] ours theirs
            set verdict [expr {$ours >= $theirs - 0.01 ? "ok" : "MISS"}]
            if {$verdict ne "ok"} {set worst MISS}
            puts [format "| %s | %s | %s | %s | %.2f%% | %.2f%% | %+.2f%% | %s |" $policy $kind \
                      [size_of [dict get $pair keel]] [size_of [dict get $pair redis]] \
                      [expr {100 * $ours}] [expr {100 * $theirs}] [expr {100 * ($ours - $theirs)}] \
                      $verdict]
            flush stdout
        }
    }
    return $worst
}

# 10,000 keys, number 0 the first that should go, and then 5,000 new ones. {share of each tenth ...
# of the new ones}.
proc survival {server policy} {
    ask $server CONFIG SET maxmemory 0
    ask $server FLUSHALL
    ask $server CONFIG SET maxmemory-policy $policy
    ask $server SET model [string repeat x 100]
    set payload [dump_of $server model]
    ask $server DEL model
    set commands {}
    for {set i 0} {$i < 10000} {incr i} {
        set ttl [expr {[string match volatile-* $policy] ? 10000000 + 1000 * $i : 0}]
        switch -glob $policy {
            *-lru {set more [list IDLETIME [expr {100000 - 10 * $i}]]}
            *-lfu {set more [list FREQ [expr {$i * 250 / 10000}]]}
            default {set more {}}
        }
        lappend commands [list RESTORE old:$i $ttl $payload {*}$more]
    }
    send $server $commands
    ask $server CONFIG SET maxmemory [info_field $server memory used_memory]
    set commands {}
    for {set i 0} {$i < 5000} {incr i} {
        set ttl [expr {[string match volatile-* $policy] ? {EX 100000} : {}}]
        lappend commands [list SET new:$i [string repeat x 100] {*}$ttl]
    }
    send $server $commands
    ask $server CONFIG SET maxmemory 0
    set result {}
    for {set tenth 0} {$tenth < 10} {incr tenth} {
        set names {}
        for {set i 0} {$i < 1000} {incr i} {lappend names old:[expr {$tenth * 1000 + $i}]}
        lappend result [expr {[string range [ask $server EXISTS {*}$names] 1 end] / 10.0}]
    }
    set names {}
    for {set i 0} {$i < 5000} {incr i} {lappend names new:$i}
    lappend result [expr {[string range [ask $server EXISTS {*}$names] 1 end] / 50.0}]
    return $result
}

proc dump_of {server key} {
    set s [socket 127.0.0.1 [dict get $server port]]
    fconfigure $s -translation binary -buffering none
    puts -nonewline $s "*2\r\n\$4\r\nDUMP\r\n\$[string length $key]\r\n$key\r\n"
    set bytes [read $s [string range [string trimright [gets $s] \r] 1 end]]
    close $s
    return $bytes
}

proc section_survival {pair} {
    global policies
    puts "\n| policy | server | [join {1st 2nd 3rd 4th 5th 6th 7th 8th 9th 10th new} " | "] |"
    puts "| --- | --- |[string repeat " ---: |" 11]"
    foreach policy $policies {
        if {![wanted survival-$policy]} continue
        foreach who {keel redis} {
            set shares {}
            foreach share [survival [dict get $pair $who] $policy] {
                lappend shares [format %.0f%% $share]
            }
            puts "| $policy | $who | [join $shares " | "] |"
            flush stdout
        }
    }
}

proc eviction_main {argv} {
    parse_options $argv
    build_tools
    scratch_open
    set pair [pair_start]
    set verdict [section_hits $pair]
    section_survival $pair
    return $verdict
}

if {[file normalize $argv0] eq [file normalize [info script]]} {
    set failed [catch {eviction_main $argv} verdict]
    stop_all
    if {$failed} {puts stderr "eviction: $verdict"; exit 1}
    exit [expr {$verdict eq "ok" ? 0 : 2}]
}
