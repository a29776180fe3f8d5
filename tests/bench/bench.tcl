# bench.tcl - Keel beside the real server: every promised ratio, as one markdown table.
#
#     tclsh tests/bench/bench.tcl                        everything, about ten minutes
#     tclsh tests/bench/bench.tcl --quick                fewer requests, 3 rounds, two minutes
#     tclsh tests/bench/bench.tcl --only 'cycles.*|start'
#
# Items have names (instr.p16.get, cycles.p1.set, evict.lru, memory.64, scale.10m, allocs.incr,
# syscalls.p16.get, publish.100, start, rss) which --only matches; they are the first column of the table.
#
# Method. 50 connections, values of 3 bytes, 1,000,000 keys, the commands of redis-benchmark. Both
# servers are up at the same time and take turns, round by round; the one that waits costs nothing.
# A server has one core for itself and the load another. A figure is the best of the rounds;
# `noise` is how far the median round was from the best one, of the worse server. Cycles and user
# instructions are `perf stat -p` on the server. Where the machine has no hardware counters, CPU
# time of the server process (user and system, all threads) stands in for cycles, and callgrind
# counts the user instructions; the line over the table says which. CPU time is noisier than a
# counter, so each round is then three turns of a third of the requests: the best turn counts.

source [file join [file dirname [file normalize [info script]]] instr.tcl]

# Bars: item, command, pipeline, largest ratio Keel / Redis.
set instr_items {
    instr.p16.ping ping 16 0.35   instr.p16.get  get  16 0.35   instr.p16.set set 16 0.40
    instr.p16.mset mset 16 0.50   instr.p16.incr incr 16 0.40
}
set cycle_items {
    cycles.p16.ping ping 16 0.75  cycles.p16.get get 16 0.40    cycles.p16.set set 16 0.50
    cycles.p16.mset mset 16 0.36  cycles.p16.incr incr 16 0.50  cycles.p16.multi multi 16 0.50
    cycles.p1.ping ping 1 0.90    cycles.p1.get  get  1 0.90    cycles.p1.set  set 1 0.90
}
# Bars: item, number (value bytes or keys), largest ratio.
set memory_items {memory.8 8 0.52  memory.32 32 0.58  memory.64 64 0.65  memory.200 200 0.86}
set scale_items  {scale.10k 10000 0.65  scale.10m 10000000 0.33}
# Allocations per command: at most 0, of Keel alone.
set alloc_items  {allocs.get get  allocs.ping ping  allocs.set set  allocs.incr incr}
# Messages: item, listeners, what each sends, requests, largest ratio. One channel, and a pattern each.
set push_items {
    publish.1     1     "SUBSCRIBE ch"      200000 0.6
    publish.100   100   "SUBSCRIBE ch"      20000  0.6
    publish.10k   10000 "SUBSCRIBE ch"      400    0.6
    ppublish.1    1     "PSUBSCRIBE c*"     200000 0.6
    ppublish.100  100   "PSUBSCRIBE c*|%d"  20000  0.6
    ppublish.10k  10000 "PSUBSCRIBE c*|%d"  400    0.6
}
# Commands on collections, pipeline 16: item, requests, command, largest ratio, and what is done before
# each measurement: {command times}, "" for nothing.
set command_items {
    list.lpush    500000 {LPUSH l __data__}  0.60 {{DEL l} 1}
    list.rpush    500000 {RPUSH l __data__}  0.60 {{DEL l} 1}
    list.lpop     500000 {LPOP l}            0.60 {{RPUSH l __data__} 600000}
    list.rpop     500000 {RPOP l}            0.60 {{RPUSH l __data__} 600000}
    list.queue    500000 {LMOVE l l LEFT RIGHT} 0.60 {{RPUSH l __data__} 1000}
    list.range100 50000  {LRANGE l 0 99}     0.55 {{RPUSH l __data__} 1000}
    list.range600 10000  {LRANGE l 0 599}    0.55 {{RPUSH l __data__} 1000}
    list.index.1k   100000 {LINDEX l 500}    1.0 {{RPUSH l __data__} 1000}
    list.index.10k  100000 {LINDEX l 5000}   1.0 {{RPUSH l __data__} 10000}
    list.index.100k 100000 {LINDEX l 50000}  1.0 {{RPUSH l __data__} 100000}
    list.index.1m   100000 {LINDEX l 500000} 1.0 {{RPUSH l __data__} 1000000}
    set.sadd      500000 {SADD s element:__rand_int__} 0.60 {{SADD s element:__rand_int__} 100000}
    set.spop      500000 {SPOP s}            0.60 {{SADD s element:__rand_int__} 600000}
    set.sismember 500000 {SISMEMBER s element:__rand_int__} 0.65 {{SADD s element:__rand_int__} 600000}
    set.srand     500000 {SRANDMEMBER s}     0.65 {{SADD s element:__rand_int__} 600000}
    set.smembers  10000  {SMEMBERS s}        0.60 {{SADD s element:__rand_int__} 1000}
    set.sinter    5000   {SINTER s i}        0.60 {{SADD s __rand_int__} 1000 {SADD i 1 2 3} 1}
    zset.zadd     500000 {ZADD z __rand_int__ element:__rand_int__} 0.65 {{ZADD z __rand_int__ element:__rand_int__} 100000}
    zset.zpopmin  500000 {ZPOPMIN z}         0.55 {{ZADD z __rand_int__ element:__rand_int__} 800000}
    zset.zincrby  500000 {ZINCRBY z 1 element:__rand_int__} 0.65 {{ZADD z __rand_int__ element:__rand_int__} 600000}
    zset.zrank    500000 {ZRANK z element:__rand_int__} 0.65 {{ZADD z __rand_int__ element:__rand_int__} 600000}
    zset.zrange100 50000 {ZRANGE z 0 99}     0.55 {{ZADD z __rand_int__ element:__rand_int__} 10000}
    geo.search    5000   {GEOSEARCH g FROMLONLAT 10 10 BYRADIUS 500 km} 1.0 {{GEOADD g 10.__rand_int__ 10.__rand_int__ element:__rand_int__} 1000}
    hll.pfadd     500000 {PFADD h element:__rand_int__} 0.65 {{DEL h} 1}
    hash.hset     500000 {HSET h element:__rand_int__ __data__} 0.60 {{DEL h} 1}
    hash.hget     500000 {HGET h element:__rand_int__} 0.65 {{HSET h element:__rand_int__ __data__} 200000}
    hash.hincrby  500000 {HINCRBY h element:__rand_int__ 1} 0.60 {{DEL h} 1}
    hash.small    500000 {HSET h f3 __data__} 0.60 {{HSET h f1 a f2 b f3 c f4 d f5 e f6 f f7 g f8 h f9 i f10 j} 1}
    stream.xadd   500000 {XADD s * myfield __data__} 0.60 {{DEL s} 1}
    stream.capped 500000 {XADD s MAXLEN ~ 10000 * myfield __data__} 0.60 {{DEL s} 1}
    stream.range100 30000 {XRANGE s - + COUNT 100} 0.65 {{XADD s * myfield __data__} 1000}
    stream.read10 200000 {XREAD COUNT 10 STREAMS s 0} 0.65 {{XADD s * myfield __data__} 1000}
    stream.group  100000 {XREADGROUP GROUP g c COUNT 2 STREAMS s 18446744073709551615-18446744073709551615} 0.75 {{XGROUP CREATE s g 0 MKSTREAM} 1 {XADD s * myfield __data__} 400000}
    hash.getall10 300000 {HGETALL h}          0.60 {{HSET h f1 a f2 b f3 c f4 d f5 e f6 f f7 g f8 h f9 i f10 j} 1}
}
# Bytes an element: item, elements, command that adds one, largest ratio.
set element_items {
    bytes.list.1m 1000000 {RPUSH l element:__rand_int__} 1.0
    bytes.set.1m  1000000 {SADD s element:__rand_int__} 0.75
    bytes.ints.1m 1000000 {SADD s __rand_int__} 1.0
    bytes.zset.1m 1000000 {ZADD z __rand_int__ element:__rand_int__} 0.75
    bytes.hash.1m 1000000 {HSET h element:__rand_int__ value:__rand_int__} 0.75
    bytes.stream.1m 1000000 {XADD s * field value:__rand_int__} 1.0
    bytes.hash.10 100000 {HSET key:__rand_int__ field:0 value:0 field:1 value:1 field:2 value:2 field:3 value:3 field:4 value:4 field:5 value:5 field:6 value:6 field:7 value:7 field:8 value:8 field:9 value:9} 1.0
}
# A database full to its maxmemory: item, command, policy, largest ratio. Every SET is of a new key.
set full_items {
    evict.lru set allkeys-lru 0.60  evict.lfu set allkeys-lfu 0.60  evict.random set allkeys-random 0.60
}
set call_items   {
    syscalls.p1.ping ping 1  syscalls.p1.get get 1  syscalls.p1.set set 1
    syscalls.p16.ping ping 16  syscalls.p16.get get 16  syscalls.p16.set set 16
}

set rows {}

# ---- items and rows ----

proc wanted {item} {
    foreach pattern [split $::opt(only) |] {
        if {[string match -nocase $pattern $item]} {return 1}
    }
    return 0
}

# Whether any item of a list with `stride` fields per item is wanted.
proc any_wanted {items stride} {
    for {set i 0} {$i < [llength $items]} {incr i $stride} {
        if {[wanted [lindex $items $i]]} {return 1}
    }
    return 0
}

proc number {x} {
    if {![string is double -strict $x]} {return $x}
    if {$x >= 1000} {return [format %.0f $x]}
    if {$x >= 10 || $x == 0} {return [format %.1f $x]}
    return [format %.3f $x]
}

# Adds a row. `bar` bounds the ratio as it is printed, `max` Keel's own figure; without either
# the row only informs.
proc row {item what keel redis {bar ""} {noise ""} {max ""}} {
    global rows
    set ratio ""
    if {$redis > 0} {set ratio [format %.2f [expr {double($keel) / $redis}]]}
    set verdict ""
    if {$max ne ""} {
        set verdict [expr {$keel <= $max ? "ok" : "MISS"}]
        set bar "0 each"
    } elseif {$bar ne ""} {
        set verdict [expr {$ratio ne "" && $ratio <= $bar ? "ok" : "MISS"}]
        set bar "<= $bar"
    }
    lappend rows [list $item $what [number $keel] [number $redis] $ratio $bar $verdict $noise]
    note "$item: $what:\
        keel [number $keel], redis [number $redis], ratio $ratio $bar $verdict $noise"
}

# Runs `script` in the caller; a failure becomes a row, so that the other items still run.
proc item {name script} {
    global rows
    if {[catch {uplevel 1 $script} message]} {
        set line [lindex [split $message \n] 0]
        lappend rows [list $name "failed: $line" "" "" "" "" MISS ""]
        note "$name: failed: $message"
    }
}

proc requests {type pipeline} {
    set n [expr {$pipeline > 1 ? 1000000 : 300000}]
    if {$::opt(quick)} {set n [expr {$n / 4}]}
    if {![have_perf]} {set n [expr {$n / 3}]}
    return [expr {$type in {mset multi} ? $n / 5 : $n}]
}

# ---- rounds ----

# One run: what it cost per command, as a dict with `cycles` (or `cpu`) and perhaps `instructions`.
proc cost {server type pipeline n keys seed} {
    global opt
    set args [list -P $pipeline -n $n -r $keys --seed $seed -t $type]
    if {$opt(generator) eq "redis-benchmark" && $type ne "multi"} {
        set name [expr {$type eq "ping" ? "ping_mbulk" : $type}]
        set args [list --run -n $n -- redis-benchmark -p [dict get $server port] -c 50 \
                      -P $pipeline -n $n -r $keys -d 3 -t $name -q]
    }
    set run [expr {[have_perf] ? "run_load_counted" : "run_load"}]
    set got [$run $server {*}$args]
    foreach {from to} {cycles cycles instructions instructions cpu_ns cpu} {
        if {[dict exists $got $from]} {
            dict set result $to [expr {double([dict get $got $from]) / $n}]
        }
    }
    return $result
}

# Alternates rounds between the servers of a pair, first a run of warm-up each. Returns a dict
# who => list of costs.
proc rounds {pair type pipeline n keys} {
    foreach who {keel redis} {
        run_load [dict get $pair $who] -P $pipeline -n [expr {$n / 4}] -r $keys -t $type
    }
    set rounds [expr {$::opt(rounds) * ([have_perf] ? 1 : 3)}]
    for {set i 0} {$i < $rounds} {incr i} {
        foreach who [expr {$i % 2 ? {redis keel} : {keel redis}}] {
            set server [dict get $pair $who]
            dict lappend result $who [cost $server $type $pipeline $n $keys [expr {$i + 2}]]
        }
    }
    return $result
}

# {keel redis noise}: best of the rounds in `field`, and the distance of the median in percent.
proc best {result field} {
    set worst 0
    foreach who {keel redis} {
        set values {}
        foreach one [dict get $result $who] {lappend values [dict get $one $field]}
        set values [lsort -real $values]
        set low [lindex $values 0]
        set middle [lindex $values [expr {[llength $values] / 2}]]
        lappend figures $low
        set worst [expr {max($worst, 100.0 * ($middle - $low) / $low)}]
    }
    return [list {*}$figures [format "%.1f%%" $worst]]
}

# The row of a cycles item, under the name of what was really measured.
proc cycles_row {item what result bar} {
    set field [expr {[have_perf] ? "cycles" : "cpu"}]
    set unit [expr {[have_perf] ? "cycles" : "CPU ns"}]
    lassign [best $result $field] keel redis noise
    row $item "$unit, $what" $keel $redis $bar $noise
}

# ---- sections ----

proc describe {type pipeline} {
    set name [expr {$type eq "mset" ? "MSET of 10" : [string toupper $type]}]
    return "$name, pipeline $pipeline"
}

# Cycles, and with hardware counters the instructions of the same runs.
proc section_cycles {} {
    global cycle_items instr_items
    set instr {}
    foreach {name type pipeline bar} $instr_items {
        dict set instr $type,$pipeline [list $name $bar]
    }
    set extra [expr {[have_perf] && [any_wanted $instr_items 4]}]
    if {!$extra && ![any_wanted $cycle_items 4]} return
    set pair [pair_start]
    set keys 1000000
    foreach who {keel redis} {populate [dict get $pair $who] $keys}
    foreach {name type pipeline bar} $cycle_items {
        lassign {} instr_name instr_bar
        if {[have_perf] && [dict exists $instr $type,$pipeline]} {
            lassign [dict get $instr $type,$pipeline] instr_name instr_bar
        }
        set instr_too [expr {$instr_name ne "" && [wanted $instr_name]}]
        if {![wanted $name] && !$instr_too} continue
        item $name {
            if {$type eq "incr"} {
                foreach who {keel redis} {populate [dict get $pair $who] $keys incr}
            }
            set result [rounds $pair $type $pipeline [requests $type $pipeline] $keys]
            if {[wanted $name]} {cycles_row $name [describe $type $pipeline] $result $bar}
            if {$instr_too} {
                lassign [best $result instructions] keel redis noise
                row $instr_name "user instructions, [describe $type $pipeline]" \
                    $keel $redis $instr_bar $noise
            }
        }
    }
    stop_servers
}

# Instructions by callgrind. One run each: the count repeats to a percent.
proc section_instr {} {
    global instr_items opt
    if {[have_perf] || ![any_wanted $instr_items 4]} return
    set keys [expr {$opt(quick) ? 100000 : 1000000}]
    foreach who {keel redis} {
        item instr.$who {
            set server [cg_start $who]
            cg_populate $server set $keys
            foreach {name type pipeline bar} $instr_items {
                if {![wanted $name]} continue
                item $name {
                    if {$type eq "incr"} {cg_populate $server incr $keys}
                    set n [expr {($type eq "mset" ? 40000 : 200000) / ($opt(quick) ? 4 : 1)}]
                    set counted($who,$name) [lindex [cg_count $server $type $pipeline $n $keys] 0]
                }
            }
        }
        stop_servers
    }
    foreach {name type pipeline bar} $instr_items {
        if {![info exists counted(keel,$name)] || ![info exists counted(redis,$name)]} continue
        row $name "user instructions, [describe $type $pipeline]" \
            $counted(keel,$name) $counted(redis,$name) $bar
    }
}

# The cost of PUBLISH with listeners: best of the rounds, as always. The patterns differ in what they
# allow besides the one channel that is used.
proc section_push {} {
    global push_items opt scratch
    if {![any_wanted $push_items 5]} return
    set pair [pair_start]
    set field [expr {[have_perf] ? "cycles" : "cpu"}]
    set unit [expr {[have_perf] ? "cycles" : "CPU ns"}]
    foreach who {keel redis} {ask [dict get $pair $who] CONFIG SET maxclients 11000}
    foreach {name listeners listen n bar} $push_items {
        if {![wanted $name]} continue
        item $name {
            set listen [string map {c*|%d {[c%d]h}} $listen]
            set result {}
            if {$opt(quick)} {set n [expr {$n / 2}]}
            for {set i 0} {$i < $opt(rounds)} {incr i} {
                foreach who [expr {$i % 2 ? {redis keel} : {keel redis}}] {
                    set run [expr {[have_perf] ? "run_load_counted" : "run_load"}]
                    set conns [expr {$listeners > 1000 ? 4 : 50}]
                    set got [$run [dict get $pair $who] -c $conns -P 16 -w [expr {$n / 4}] -n $n \
                        --listeners $listeners --listen $listen -- PUBLISH ch __data__]
                    set key [expr {[have_perf] ? "cycles" : "cpu_ns"}]
                    dict lappend result $who \
                        [dict create $field [expr {double([dict get $got $key]) / $n}]]
                }
            }
            lassign [best $result $field] keel redis noise
            row $name "$unit, PUBLISH to $listeners of [lindex $listen 0]" $keel $redis $bar $noise
        }
    }
    stop_servers
}

# Commands on collections: best of the rounds, each from the same state.
proc section_commands {} {
    global command_items opt
    if {![any_wanted $command_items 5]} return
    set pair [pair_start]
    set field [expr {[have_perf] ? "cycles" : "cpu_ns"}]
    set unit [expr {[have_perf] ? "cycles" : "CPU ns"}]
    set run [expr {[have_perf] ? "run_load_counted" : "run_load"}]
    foreach {name n command bar before} $command_items {
        if {![wanted $name]} continue
        item $name {
            if {$opt(quick)} {set n [expr {$n / 2}]}
            set result {}
            for {set i 0} {$i < $opt(rounds)} {incr i} {
                foreach who [expr {$i % 2 ? {redis keel} : {keel redis}}] {
                    set server [dict get $pair $who]
                    ask $server FLUSHALL
                    foreach {first times} $before {
                        run_load $server -c 1 -P 100 -n $times -r 100000000 -- {*}$first
                    }
                    set got [run_load_turn $run $server $n $command]
                    dict lappend result $who [dict create $field $got]
                }
            }
            lassign [best $result $field] keel redis noise
            row $name "$unit, $command" $keel $redis $bar $noise
        }
    }
    stop_servers
}

# SET of random keys where one must go for each that comes. Both servers have room for as many.
proc section_full {} {
    global full_items
    if {![any_wanted $full_items 4]} return
    set pair [pair_start]
    set keys 500000
    foreach who {keel redis} {
        set server [dict get $pair $who]
        populate $server $keys
        ask $server CONFIG SET maxmemory [settled_memory $server]
    }
    foreach {name type policy bar} $full_items {
        if {![wanted $name]} continue
        item $name {
            foreach who {keel redis} {ask [dict get $pair $who] CONFIG SET maxmemory-policy $policy}
            set result [rounds $pair $type 16 [requests $type 16] 1000000000]
            cycles_row $name "[describe $type 16], full, $policy" $result $bar
        }
    }
    stop_servers
}

proc run_load_turn {run server n command} {
    set key [expr {$run eq "run_load" ? "cpu_ns" : "cycles"}]
    set got [$run $server -P 16 -n $n -r 100000000 -- {*}$command]
    return [expr {double([dict get $got $key]) / $n}]
}

proc section_elements {} {
    global element_items
    foreach {name n command bar} $element_items {
        if {![wanted $name]} continue
        item $name {
            set pair [pair_start]
            foreach who {keel redis} {
                set server [dict get $pair $who]
                set before [settled_memory $server]
                run_load $server -c 1 -P 100 -n $n -r 100000000 --seed 1 -- {*}$command
                set $who [expr {double([settled_memory $server] - $before) / $n}]
            }
            row $name "bytes per element, $n of them" $keel $redis $bar
        }
        stop_servers
    }
}

# used_memory once it stands still: tables finish growing, buffers of closed clients go.
proc settled_memory {server} {
    set same 0
    set last -1
    for {set i 0} {$i < 100 && $same < 4} {incr i} {
        after 250
        set now [info_field $server memory used_memory]
        set same [expr {$now == $last ? $same + 1 : 0}]
        set last $now
    }
    if {![string is entier -strict $last]} {error "INFO has no used_memory"}
    return $last
}

proc section_memory {} {
    global memory_items
    set keys 500000
    foreach {name size bar} $memory_items {
        if {![wanted $name]} continue
        item $name {
            set pair [pair_start]
            foreach who {keel redis} {
                set server [dict get $pair $who]
                run_load $server -c 1 -P 100 -n $keys -r $keys -d $size --seq -t set
                set $who [expr {double([settled_memory $server]) / $keys}]
            }
            row $name "bytes per key, values of $size" $keel $redis $bar
        }
        stop_servers
    }
}

proc section_scale {} {
    global scale_items opt
    foreach {name keys bar} $scale_items {
        if {![wanted $name] || ($opt(quick) && $keys > 1000000)} continue
        item $name {
            set pair [pair_start]
            foreach who {keel redis} {populate [dict get $pair $who] $keys}
            set result [rounds $pair get 16 [requests get 16] $keys]
            cycles_row $name "GET, pipeline 16, $keys keys" $result $bar
        }
        stop_servers
    }
}

# Allocations per command. What a server allocates in the background (a few a second) is not a
# command's: below one in a thousand commands counts as none.
proc section_allocs {} {
    global alloc_items scratch tool
    if {![any_wanted $alloc_items 2]} return
    set keys 100000
    foreach who {keel redis} {
        set file $scratch/allocs.$who
        set wrap [list env ALLOCCOUNT_FILE=$file LD_PRELOAD=$tool(alloccount)]
        item allocs.$who {
            set server [server_start $who $wrap]
            foreach type {set incr} {populate $server $keys $type}
            foreach {name type} $alloc_items {
                if {![wanted $name]} continue
                item $name {
                    set got [run_load $server -P 16 -w 100000 -n 200000 -r $keys -t $type \
                                 --counter $file]
                    set counted($who,$name) [expr {[dict get $got allocs] / 200000.0}]
                }
            }
        }
        stop_servers
    }
    foreach {name type} $alloc_items {
        if {![info exists counted(keel,$name)] || ![info exists counted(redis,$name)]} continue
        row $name "allocations per [string toupper $type]" \
            $counted(keel,$name) $counted(redis,$name) "" "" 0.001
    }
}

# System calls per 1000 commands, by strace around the measured part.
proc syscalls {server type pipeline} {
    global scratch
    set out $scratch/strace.[dict get $server port]
    set n 32000
    file delete $out
    run_load $server -P $pipeline -w 5000 -n $n -r 100000 -t $type \
        --before "strace -f -c -o $out -p [dict get $server pid] 2> /dev/null & echo $! > $out.pid;\
                  sleep 0.3" \
        --after "p=`cat $out.pid`; kill -TERM \$p;\
                 while kill -0 \$p 2> /dev/null; do sleep 0.05; done"
    set f [open $out]
    set text [read $f]
    close $f
    foreach line [split $text \n] {
        if {[lindex $line end] eq "total"} {return [expr {[lindex $line 3] * 1000.0 / $n}]}
    }
    error "strace gave no total"
}

proc section_syscalls {} {
    global call_items
    if {![any_wanted $call_items 3]} return
    if {![have strace]} {note "syscalls: strace is not installed"; return}
    set pair [pair_start]
    foreach who {keel redis} {populate [dict get $pair $who] 100000}
    foreach {name type pipeline} $call_items {
        if {![wanted $name]} continue
        item $name {
            foreach who {keel redis} {set $who [syscalls [dict get $pair $who] $type $pipeline]}
            row $name "system calls per 1000, [describe $type $pipeline]" $keel $redis
        }
    }
    stop_servers
}

# Both figures come from the same starts: best of 10.
proc section_start {} {
    global tool opt scratch
    if {![wanted start] && ![wanted rss]} return
    item start {
        for {set i 0} {$i < ($opt(quick) ? 5 : 10)} {incr i} {
            foreach who {keel redis} {
                set port [free_port]
                set dir $scratch/$who-$port
                file mkdir $dir
                set line [exec $tool(startup) $port $opt(server_core) $opt(load_core) -- \
                              {*}[server_command $who $port $dir] 2>@stderr]
                regexp {ms=(\S+) rss_kb=(\S+)} $line -> ms kb
                dict lappend result $who [dict create ms $ms kb $kb]
                file delete -force $dir
            }
        }
        foreach {name field what bar} {
            start ms "ms from start to first PONG" 1.2  rss kb "KB resident when idle" 1.0
        } {
            if {![wanted $name]} continue
            lassign [best $result $field] keel redis noise
            row $name $what $keel $redis $bar $noise
        }
    }
}

# ---- the table ----

proc table {} {
    global rows opt
    set counters [expr {[have_perf]
        ? "cycles and user instructions: perf stat -p, hardware counters"
        : "no hardware counters: CPU time (user and system) of the process stands in for cycles,\
           callgrind counts user instructions"}]
    set rounds "$opt(rounds) interleaved rounds[expr {[have_perf] ? "" : " of 3 turns"}]"
    set text "[machine_line]\n\n"
    append text "Redis $::redis_version; 50 connections, best of $rounds,\
        load by $opt(generator); $counters.\n\n"
    append text "| item | measured | keel | redis | ratio | bar | verdict | noise |\n"
    append text "| --- | --- | ---: | ---: | ---: | --- | --- | ---: |\n"
    foreach one $rows {append text "| [join $one { | }] |\n"}
    return $text
}

proc main {argv} {
    global opt redis_version
    parse_options $argv
    build_tools
    scratch_open
    set probe [server_start redis]
    set redis_version [info_field $probe server redis_version]
    server_stop $probe
    foreach section {instr cycles push commands full scale memory elements allocs syscalls start} {
        item $section {section_$section}
        stop_servers
    }
    set text [table]
    puts $text
    if {$opt(table) ne ""} {
        set f [open $opt(table) w]
        puts -nonewline $f $text
        close $f
    }
}

if {[file normalize $argv0] eq [file normalize [info script]]} {
    set failed [catch {main $argv} message options]
    stop_all
    if {$failed} {puts stderr "bench: $message"; exit 1}
}
