# propagation.tcl - the stream of writes that replicas get, beside the real server's: the same
# commands to both must leave the same stream, byte for byte, times that the clocks give aside.
#
# Scripted scenarios first, about what is random, depends on time, comes from several clients, or
# changes nothing; then random commands of the grammar (KEEL_INTEROP_SEED, KEEL_INTEROP_OPS).

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $kit::home kit interop.tcl]
source [file join $kit::home kit random.tcl]
foreach path [lsort [glob [file join $here grammar *.tcl]]] {source $path}

namespace eval prop {
    variable streams {}         ;# connections {under-test real} that read what replicas get
    variable marks 0
    variable clients            ;# name -> {fd fd}
    variable seed [kit::env KEEL_INTEROP_SEED [expr {[clock microseconds] % 1000000}]]
    variable ops [kit::env KEEL_INTEROP_OPS 6000]
    array set clients {}
}

# ---- what is compared ---------------------------------------------------------------------------

# Commands of one stream up to the mark, as lists of words; keep-alives left out.
proc prop::until_mark {stream mark} {
    set out {}
    while 1 {
        set words [$stream read]
        set name [string tolower [lindex $words 0]]
        if {$words eq "" || $name eq "ping" || $name eq "replconf"} continue
        if {$name eq "set" && [lindex $words 1] eq "mark:$mark"} break
        lappend out $words
    }
    # A SELECT before the mark is the mark's.
    return $out
}

proc prop::same_word {a b} {
    if {$a eq $b} {return 1}
    # Seconds, milliseconds and ids of the clock's.
    foreach {pattern near} {{^1[6-9]\d{8}$} 3 {^1[6-9]\d{11}$} 3000 {^(1[6-9]\d{11})-\d+$} 3000} {
        if {![regexp $pattern $a x y] || ![regexp $pattern $b z w]} continue
        foreach {p q} [list [expr {$y eq "" ? $x : $y}] [expr {$w eq "" ? $z : $w}]] {
            if {abs($p - $q) <= $near} {return 1}
        }
    }
    return 0
}

# After PXAT times may be far away.
proc prop::same_time {before a b} {
    return [expr {[string equal -nocase $before pxat] && [string is entier -strict $a] &&
        [string is entier -strict $b] && abs($a - $b) <= 3000}]
}

proc prop::same_stream {ours theirs} {
    if {[llength $ours] != [llength $theirs]} {return 0}
    foreach a $ours b $theirs {
        if {[llength $a] != [llength $b]} {return 0}
        set before ""
        foreach x $a y $b {
            if {![same_word $x $y] && ![same_time $before $x $y]} {return 0}
            set before $x
            if {[string match -nocase *expireat [lindex $a 0]]} {set before pxat}
        }
    }
    return 1
}

proc prop::show stream {
    set lines {}
    foreach words $stream {lappend lines [pair::show_command $words]}
    return [join $lines "\n           "]
}

# From where they part.
proc prop::report {ours theirs} {
    set from 0
    while {$from < [llength $ours] && $from < [llength $theirs] &&
           [same_stream [lrange $ours $from $from] [lrange $theirs $from $from]]} {incr from}
    set from [expr {max(0, $from - 2)}]
    return "  keel:    [show [lrange $ours $from $from+8]]\n  real:    [show [lrange $theirs $from $from+8]]"
}

# ---- sending ------------------------------------------------------------------------------------

# Commands to both, over a connection of this name, and their replies away.
proc say_as {name args} {
    variable ::prop::clients
    if {![info exists prop::clients($name)]} {set prop::clients($name) [pair::connect]}
    set bytes ""
    foreach command $args {append bytes [redis::encode $command]}
    foreach fd $prop::clients($name) {puts -nonewline $fd $bytes; flush $fd}
}
proc heard_as {name {count 1}} {
    foreach fd $prop::clients($name) {
        for {set i 0} {$i < $count} {incr i} {redis::raw_reply_from $fd}
    }
}
proc do {args} {
    say_as main {*}$args
    heard_as main [llength $args]
}

# What both streams have since the last mark: {ours theirs}.
proc prop::taken {} {
    variable streams
    variable marks
    do [list set mark:[incr marks] x] [list del mark:$marks]
    set both {}
    foreach stream $streams {
        lappend both [until_mark $stream $marks]
        # The DEL of the mark begins the next part.
        $stream read
    }
    return $both
}

proc prop::begin {} {
    variable clients
    variable streams
    foreach name [array names clients] {
        foreach fd $clients($name) {close $fd}
    }
    array unset clients
    do {select 0} {flushall}
    taken
}

# scenario NAME CODE: the streams are the same.
proc scenario {name code} {
    test "the stream: $name" {
        prop::begin
        uplevel 1 $code
        lassign [prop::taken] ours theirs
        if {![prop::same_stream $ours $theirs]} {fail "the streams differ\n[prop::report $ours $theirs]"}
        if {![llength $theirs] && ![string match "*nothing*" $name]} {fail "there is no stream"}
    }
}

# newer NAME WHY CODE STREAM: 7.2 and later are known to send STREAM, the real server here (7.0)
# something else.
proc newer {name why code stream} {
    test "the stream: $name ($why)" {
        prop::begin
        uplevel 1 $code
        lassign [prop::taken] ours theirs
        if {$::kit::binary eq "real"} {skip_test "of newer versions"}
        if {![prop::same_stream $ours $stream]} {fail "the stream is another one\n[prop::report $ours $stream]"}
        if {[prop::same_stream $ours $theirs]} {fail "the real server does the same"}
    }
}

# ---- random -------------------------------------------------------------------------------------

# Their effects are each server's own choice, or they are about the connection or the server.
set prop::left_out {spop config debug wait waitaof client select hello reset auth blpop brpop blmove
    brpoplpush blmpop bzpopmin bzpopmax bzmpop nosuchcommand subscribe quit}

proc prop::random_batch count {
    variable left_out
    set commands {}
    while {[llength $commands] < $count} {
        set command [gen::command]
        if {[string tolower [lindex $command 0]] in $left_out} continue
        if {[lsearch -nocase $command block] >= 0} continue
        if {[string match -nocase "bitfield * fail *" $command]} continue
        lappend commands $command
        set next [gen::realignment $command]
        if {[llength $next]} {lappend commands $next}
    }
    if {rand() < 0.2} {set commands [list multi {*}$commands exec]}
    return $commands
}

# A stream without what the scenarios list as newer.
proc prop::as_before stream {
    set kept {}
    foreach words $stream {
        lassign $words name second key
        # Rewritten ones are in capitals.
        if {$name eq "XGROUP" && $second in {SETID CREATECONSUMER}} continue
        # A consumer that only newer versions created.
        if {[string match -nocase "xgroup delconsumer" "$name $second"]} continue
        set at [lsearch -nocase $words pxat]
        if {[string equal -nocase $name set] && $at > 2} {
            set words [list SET $second $key PXAT [lindex $words $at+1]]
        }
        lappend kept $words
        # A transaction of one or none is not one.
        set open [lsearch -exact -nocase $kept multi]
        if {[string equal -nocase $name exec] && $open >= 0} {
            if {[llength $kept] - $open < 4} {
                set kept [concat [lrange $kept 0 $open-1] [lrange $kept $open+1 end-1]]
            } else {
                lset kept $open open
            }
        }
    }
    return $kept
}

# Both take the transaction, or neither: newer versions know more commands.
proc prop::taken_alike name {
    variable clients
    foreach fd $clients($name) {
        lappend replies [string range [redis::raw_reply_from $fd] 0 5]
    }
    return [expr {[lindex $replies 0] eq [lindex $replies 1]}]
}

proc prop::random_run ops {
    variable seed
    expr {srand($seed)}
    begin
    set failures {}
    for {set done 0} {$done < $ops} {incr done 30} {
        set commands [random_batch 30]
        say_as main {*}$commands
        heard_as main [expr {[llength $commands] - 1}]
        set alike [taken_alike main]
        lassign [taken] ours theirs
        set ours [as_before $ours]
        set theirs [as_before $theirs]
        if {!$alike} {begin; continue}
        if {[same_stream $ours $theirs]} continue
        lappend failures "of commands $done.. (seed $seed):\n[report $ours $theirs]"
        if {[llength $failures] == 5} break
        begin
    }
    if {[llength $failures]} {fail "the streams differ\n[join $failures \n]"}
}

# -------------------------------------------------------------------------------------------------

start_pair {overrides {
    save {""} repl-diskless-sync yes repl-diskless-sync-delay 0 repl-ping-replica-period 3600 shutdown-timeout 0
    proto-max-bulk-len 1mb rdbcompression no
} tags {interop}} {
    set prop::streams [list [attach_to_replication_stream 0] [attach_to_replication_stream -1]]

    scenario "writes as they were sent, in any case, inline too" {
        do {set k v} {SeT k2 v2} {APPEND k x} {incr n} {decrby n 5} {lpush l a b} {hset h f v}
        foreach fd $prop::clients(main) {puts -nonewline $fd "set  inline 'a b'\r\n"; flush $fd}
        heard_as main
    }
    scenario "nothing of reads, of errors and of what changes nothing" {
        do {get k} {exists k} {ttl k} {del nosuch} {unlink nosuch} {lpop nosuch} {srem nosuch a}
        do {set str x nosuch} {incr} {persist nosuch} {expire nosuch 10} {hdel nosuch f} {zrem nosuch a}
        do {rename nosuch x} {set} {spop nosuch} {getdel nosuch} {getex nosuch ex 10} {ltrim nosuch 0 1}
        do {setnx} {xack nosuch g 1-1} {lrem nosuch 0 a} {smove nosuch to a} {move nosuch 1} {copy nosuch x}
    }
    scenario "commands that find nothing to change, beside some that do" {
        do {set str 1} {sadd s a b} {hset h f v} {zadd z 1 a} {rpush l a} {expire str 1000}
        do {sadd s a} {srem s nosuch} {hdel h nosuch} {zrem z nosuch} {zadd z 1 a} {zadd z nx 2 a}
        do {setnx str 2} {set str 2 nx} {set new 1 xx} {hsetnx h f w} {lpushx nosuch a} {linsert l before nosuch x}
        do {lrem l 0 nosuch} {ltrim l 0 -1} {setrange str 0 ""} {append str ""} {setbit str 0 0} {hset h f v}
        do {persist str} {persist str} {msetnx str 1 x 2} {renamenx str h} {incrby str 0} {zincrby z 0 a}
        do {zadd z xx 5 nosuch} {lset l 0 a} {getset str 1} {pfadd hll a} {pfadd hll a} {sdiffstore s s nosuch}
        do {sinterstore empty nosuch s} {zunionstore empty 1 nosuch} {sort nosuch store empty}
    }
    scenario "SELECT where the database changes, and only there" {
        do {select 3} {set a 1} {get a} {select 4} {get a} {select 3} {set b 1} {select 0} {set c 1}
        do {move c 5} {copy a b db 3} {swapdb 0 3} {set d 1} {select 3} {set e 1} {flushdb} {select 0}
        do {move nosuch 5} {copy d other db 7} {flushdb async} {flushall} {flushall sync} {dbsize}
    }
    scenario "two clients in different databases" {
        say_as other {select 5} {set x 1}
        heard_as other 2
        do {set y 1}
        say_as other {set z 1}
        heard_as other
        do {set w 1}
    }
    scenario "transactions: one write, several, none, reads only, errors inside" {
        do multi {set a 1} exec
        do multi {set a 1} {incr a} {get a} exec
        do multi exec
        do multi {get a} {exists b} exec
        do multi {set a x} {incr a} {set b 1} exec
        do multi {set a 1} discard
        do multi {set a} {set b 1} exec
        do multi {del nosuch} {set c 1} exec
        do {watch a} multi {set a 2} exec
        do multi {select 2} {set in2 1} {select 0} {set in0 1} exec
        do multi {select 2} exec {set after 1} {select 0}
        do multi {flushall} {set x 1} {swapdb 0 1} exec
    }
    scenario "transactions whose commands are rewritten" {
        do {sadd one m} {set f 1}
        do multi {spop one} {incrbyfloat f 0.5} {expire f 100} {getex f px 5000} {getdel f} exec
        do multi {set k v ex 100} exec
        do multi {sadd two m} {spop two} exec
    }
    scenario "SPOP: the last member, a count of all, of none" {
        do {sadd s m} {spop s} {sadd s a b c} {spop s 3} {sadd s a b c} {spop s 100} {sadd s a} {spop s 0} {spop s 1}
        do {sadd i 7} {spop i 1}
    }
    scenario "expiries are absolute times" {
        do {set a 1} {set b 1} {set c 1} {set d 1} {expire a 1000} {pexpire b 1000000} {expireat c 4000000000}
        do {pexpireat d 4000000000123} {expire a 2000 gt} {expire a 10 gt} {expire b 5000 nx} {expire c 1 lt}
        do {set e 1 ex 1000} {set e 1 px 1000000} {set e 1 exat 4000000000} {SET e 1 PXAT 4000000000123}
        do {setex f 1000 v} {psetex f 1000000 v} {set e 2 keepttl} {set e 2 keepttl get} {persist e} {getset f x}
    }
    newer "SET with a time that needs no rewriting" "7.0 rewrites it all the same" {
        do {set k v pxat 4000000000123} {set k w get pxat 4000000000123} {set k x xx pxat 4000000000123}
    } {{set k v pxat 4000000000123} {set k w get pxat 4000000000123} {set k x xx pxat 4000000000123}}
    scenario "SET with its options" {
        do {set k v nx} {set k v nx} {set k w xx} {set k x get} {set k y xx get} {set k z nx get} {set k a ex 100 get}
        do {set k b keepttl xx} {SET k c PX 100000 XX GET} {set k d exat 4000000000 nx} {set new d exat 4000000000 nx}
        do {set k past exat 1} {set k v px 1000000 get}
    }
    scenario "an expiry in the past is a deletion" {
        do {set a 1} {set b 1} {set c 1} {set d 1} {set g 1} {expire a -1} {pexpire b 0} {expireat c 1} {pexpireat d 1}
        do {getex g exat 1} {set g 1} {getex g pxat 1} {SET h 1 PXAT 1} {expire nosuch -1} {config set lazyfree-lazy-expire yes}
        do {set a 1} {expire a -1} {config set lazyfree-lazy-expire no}
    }
    scenario "GETEX and GETDEL" {
        do {set k v} {getex k} {getex k ex 100} {getex k px 100000} {getex k exat 4000000000} {getex k pxat 4000000000123}
        do {getex k persist} {getex k persist} {getdel k} {getdel k}
    }
    scenario "floats are results" {
        do {incrbyfloat f 0.1} {incrbyfloat f 0.2} {set f 5.0e3} {incrbyfloat f 2.0e2} {hincrbyfloat h f 0.1}
        do {hincrbyfloat h f 1e3} {set t 1 ex 1000} {incrbyfloat t 1.5} {zincrby z 0.1 a} {zadd z incr 1.5 a}
        do {hincrby h n 5} {incrbyfloat f 0}
    }
    scenario "keys that expire: met by a reader" {
        do {debug set-active-expire 0} {set a 1 px 1} {set b 1 px 1} {hset h f v} {pexpire h 1}
        after 20
        do {get a} {mget a b} {hget h f} {exists a b h}
    }
    scenario "keys that expire: met by a writer" {
        do {debug set-active-expire 0} {set a 1 px 1} {set b 1 px 1} {set c 1 px 1} {set d 1 px 1} {set e 1 px 1}
        after 20
        do {set a 2} {incr b} {append c x} {del d} {rename e f} {set g 1 px 1}
        after 20
        do {lpush g x} {debug set-active-expire 1}
    }
    scenario "keys that expire: within a transaction, and several in one command" {
        do {debug set-active-expire 0} {set a 1 px 1} {set b 1 px 1} {set c 1 px 1}
        after 20
        do multi {get a} {set x 1} {incr b} exec {mget c x}
        do {set a 1 px 1} {set b 1 px 1} {set c 1}
        after 20
        do {mget a b c} {debug set-active-expire 1}
    }
    scenario "keys that expire: found by the server" {
        do {set a 1 px 10}
        after 300
        do {set b 1 px 10} {config set lazyfree-lazy-expire yes}
        after 300
        do {config set lazyfree-lazy-expire no}
    }
    scenario "lists: pops, moves, counts" {
        do {rpush l a b c d e f} {lpop l} {rpop l 2} {lmove l m left right} {rpoplpush l m} {lmpop 2 x m left count 2}
        do {lmpop 1 m right} {lmove l l left right} {rpush l x} {ltrim l 1 -1} {linsert l before x y} {lset l 0 z} {lrem l 0 z}
        do {lpop l 100} {lpop l 0} {blpop l 0.01} {rpush l 1 2 3} {blpop l 0} {blmove l l2 left left 0} {brpoplpush l l2 0}
        do {blmpop 0 2 l l2 left count 5} {lpushx l2 a}
    }
    scenario "sorted sets: pops, stores, options" {
        do {zadd z 1 a 2 b 3 c 4 d 5 e} {zpopmin z} {zpopmax z 2} {zmpop 1 z min} {bzpopmin z 0} {zadd z 1 a 2 b 3 c}
        do {bzmpop 0 1 z max count 2} {zadd z gt 5 a} {zadd z gt 1 a} {zadd z nx ch 9 q} {zrangestore d z 0 -1} {zrangestore d z 9 10}
        do {zunionstore u 2 z d} {zinterstore i 2 z u} {zdiffstore f 2 u z} {zremrangebyrank u 0 0} {zremrangebyscore u 100 200}
        do {zremrangebylex u - +} {zrangestore nosuch nosuch 0 -1}
    }
    scenario "blocked pops are pops when they are served" {
        say_as one {blpop l 0}
        say_as two {brpoplpush l to 0}
        say_as three {bzpopmin z 0}
        after 50
        do {rpush l a} {rpush l b} {zadd z 1 m}
        foreach name {one two three} {heard_as $name}
        do {set after 1}
    }
    scenario "blocked pops: of several kinds, by one push, with moves from key to key" {
        say_as one {blmove l mid left right 0}
        after 20
        say_as two {blmpop 0 1 mid left count 5}
        after 20
        do {rpush l a}
        heard_as one
        heard_as two
        say_as one {brpop l 0}
        after 20
        say_as two {blpop l 0}
        after 20
        do {rpush l a b c}
        heard_as one
        heard_as two
        do multi {rpush l x} {rpush k y} exec {del l k}
        say_as one {bzmpop 0 2 y z min count 3}
        after 20
        do {zadd z 1 a 2 b}
        heard_as one
    }
    scenario "blocked pops served by a transaction" {
        say_as one {blpop l 0}
        after 20
        do multi {rpush l a} {set in 1} exec {set after 1}
        heard_as one
    }
    scenario "stores: SORT, GEO, BITOP, PF" {
        do {rpush l 3 1 2} {sort l store s} {sort l by nosort get # store s} {sort nosuch store s} {sort_ro l}
        do {geoadd g 13.361389 38.115556 p 15.087269 37.502669 c} {geosearchstore d g fromlonlat 15 37 byradius 200 km}
        do {georadius g 15 37 200 km store d} {georadius g 15 37 1 m store d} {georadiusbymember g p 300 km storedist d}
        do {set a x} {bitop not n a} {bitop and n nosuch} {setbit a 5 1} {bitfield a set u8 0 1} {bitfield a get u8 0}
        do {pfadd h a b} {pfadd h a} {pfadd h2 c} {pfmerge h3 h h2} {pfcount h} {pfcount h} {pfcount h h2} {pfadd empty} {pfadd empty}
    }
    scenario "sets: stores and moves" {
        do {sadd a 1 2 3} {sadd b 2 3 4} {sinterstore c a b} {sunionstore c a b} {sdiffstore c a b} {sdiffstore c a a}
        do {smove a b 1} {smove a b nosuch} {smove a a 2} {srem a 2 3} {sadd x y} {smove x z y} {sintercard 2 a b}
    }
    scenario "RENAME, COPY, MOVE, RESTORE, OBJECT, TOUCH" {
        do {set a 1 ex 1000} {rename a b} {renamenx b c} {copy c d} {copy c d} {copy c d replace} {move d 3} {touch c} {object freq c}
        set payload [binary format H* 000568656c6c6f0a006372df766534200a]
        do [list restore r 0 $payload] [list restore r 1000000 $payload replace] [list restore r 4000000000123 $payload absttl replace]
        do [list restore r 1 $payload absttl replace] [list restore r 0 $payload idletime 5] [list restore q 0 $payload idletime 5]
        do [list restore r 1 $payload absttl replace] {dump q}
    }
    scenario "streams: ids, trims" {
        do {xadd s * f v} {xadd s 99999999999999-1 f v} {xadd s 99999999999999-* f v} {xadd s nomkstream maxlen 2 * f v}
        do {xadd s maxlen ~ 1 99999999999999-10 f v} {xadd nosuch nomkstream * f v} {xadd t 5 f v} {xadd t 6 f v} {xadd t 7 f v}
        do {xtrim t maxlen 2} {xtrim t maxlen 2} {xtrim t maxlen ~ 1} {xtrim t minid 7} {xadd t minid = 7 8 f v} {xdel t 8} {xdel t 8}
        do {xsetid t 100-1} {xsetid t 100-1 entriesadded 50 maxdeletedid 9-1}
    }
    scenario "streams: groups and consumers" {
        do {xadd s 1-1 f v} {xadd s 2-1 f v} {xadd s 3-1 f v} {xgroup create s g 0} {xgroup create new g $ mkstream}
        do {xgroup createconsumer s g c} {xgroup createconsumer s g c} {xgroup setid s g 0}
        do {xack s g 1-1}
        do {xgroup setid s g 0 entriesread 1} {xgroup delconsumer s g c} {xgroup delconsumer s g nosuch} {xgroup destroy s g}
        do {xgroup destroy s g}
    }
    scenario "streams: what is read for a group without acknowledgements" {
        do {xadd s 1-1 f v} {xadd s 2-1 f v} {xgroup create s g 0} {xgroup createconsumer s g a}
        do {xreadgroup group g a count 1 noack streams s >} {xreadgroup group g b noack streams s >}
        do {xreadgroup group g b streams s 0} {xreadgroup group g a streams s 0}
    }
    scenario "streams: claims" {
        do {xadd s 1-1 f v} {xadd s 2-1 f v} {xadd s 3-1 f v} {xgroup create s g 3-1} {xgroup createconsumer s g a}
        do {xgroup createconsumer s g b} {xclaim s g a 0 1-1 2-1 3-1 force} {xack s g 3-1} {xack s g 3-1}
        do {xclaim s g b 0 1-1} {xclaim s g b 0 1-1 justid} {xclaim s g b 0 1-1 idle 100 retrycount 5} {xclaim s g b 100000 2-1}
        do {xclaim s g b 0 9-9 force} {xclaim s g b 0 3-1 force lastid 3-1} {xautoclaim s g a 0 0} {xautoclaim s g b 0 0 count 1 justid}
        do {xdel s 1-1} {xautoclaim s g a 0 0} {xclaim s g b 0 1-1} {xpending s g}
    }
    newer "streams: what is read for a group goes on as claims, and where the group is then" \
            "7.0 tells no replica how many entries were read" {
        do {xadd s 1-1 f v} {xadd s 2-1 f v} {xgroup create s g 0} {xgroup createconsumer s g a}
        prop::taken
        do {xreadgroup group g a streams s >}
    } [list MULTI [list XCLAIM s g a 0 1-1 TIME [clock milliseconds] RETRYCOUNT 1 FORCE JUSTID LASTID 1-1] \
           [list XCLAIM s g a 0 2-1 TIME [clock milliseconds] RETRYCOUNT 1 FORCE JUSTID LASTID 2-1] \
           {XGROUP SETID s g 2-1 ENTRIESREAD 2} EXEC]
    newer "streams: a consumer who finds nothing" "7.0 makes none" {
        do {xadd s 1-1 f v} {xgroup create s g $} {xadd t 1-1 f v}
        prop::taken
        do {xreadgroup group g a noack streams s >} {xclaim s g b 0 1-1} {xautoclaim s g c 0 0} {set after 1}
    } {{XGROUP CREATECONSUMER s g a} {set after 1}}
    newer "BITFIELD that makes room for what then overflows" "7.0 forgets to tell" {
        do {bitfield b overflow fail set u2 0 100}
    } {{bitfield b overflow fail set u2 0 100}}
    scenario "FLUSHALL, FLUSHDB, SWAPDB of empty databases too" {
        do {flushall} {flushdb} {set a 1} {flushdb} {flushall async} {swapdb 0 1} {swapdb 2 2}
    }
    scenario "messages go on, functions of the connection do not" {
        do {publish ch hello} {PUBLISH ch x} {spublish shard y} {client setname x} {config set hz 11} {ping} {echo x}
        do multi {publish ch in} {set x 1} exec multi {publish ch alone} exec
    }
    scenario "keys that are evicted" {
        for {set i 0} {$i < 50} {incr i} {do [list set key:$i [string repeat x 10000]]}
        prop::taken
        # To the last key: which goes first is each server's own choice.
        do {flushall} {set only [string repeat x 50000]} {config set maxmemory-policy allkeys-lru}
        do {set only x} {config set maxmemory 1} {get only}
        after 200
        do {config set maxmemory 0} {config set maxmemory-policy noeviction}
    }
    scenario "deletions: by DEL, UNLINK, and lazily" {
        do {set a 1} {set b 1} {set c 1} {del a nosuch b} {unlink c} {config set lazyfree-lazy-user-del yes} {set a 1} {del a}
        do {config set lazyfree-lazy-user-del no} {config set lazyfree-lazy-server-del yes} {set a 1} {set b 1} {rename a b}
        do {sadd s 1} {sinterstore s nosuch s} {config set lazyfree-lazy-server-del no}
    }
    scenario "an argument of 100,000 bytes, and one with everything in it" {
        do [list set big [string repeat "0123456789" 10000]] [list set bin "\0\r\n\xff*3\r\n\$3\r\n"] [list append bin ""]
        do [list rpush "" "" "\n"]
    }

    test "random commands leave the same stream (seed $prop::seed)" {
        gen::restrict {bitmap generic list set hash zset stream string hyperloglog geo sort pubsub} {}
        prop::random_run $prop::ops
    }
}
