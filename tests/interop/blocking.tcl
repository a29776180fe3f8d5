# blocking.tcl - clients that wait, beside the real server: who is served, in which order, by what,
# and what ends a wait.
#
# A scenario is lines of "CLIENT COMMAND"; clients are letters, each a connection to either server.
# After every line the servers are let settle, and what each client has received by then - bytes,
# none included - must be the same. In a line, @b is the id of client b, @list a payload;
# "wait N" sleeps N ms. A
# comment begins with #. At the end comes DEBUG DIGEST.
# Left out is where 7.2 serves by trying the command again and 7.0 does not: XREAD of a stream whose new
# entry is gone at the end of the transaction (7.0 replies an empty list), and time-outs that overflow.
#
# By environment: KEEL_INTEROP_SEED, KEEL_INTEROP_OPS (commands of the random run, default 4000).

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $kit::home kit interop.tcl]
source [file join $kit::home kit payload.tcl]

set seed [kit::env KEEL_INTEROP_SEED [expr {[clock microseconds] % 1000000}]]
set ops [kit::env KEEL_INTEROP_OPS 4000]

namespace eval many {
    variable fds            ;# (letter,side): channel; side 0 is under test, 1 the real one
    variable ids
    variable log {}         ;# the lines since the beginning
    variable proto 2
    variable waiting        ;# (letter) exists: it has received nothing since its last line
    array set waiting {}
    array set fds {}
    array set ids {}
}

# Opens what the line names and is not open yet.
proc many::client letter {
    variable fds
    variable ids
    variable proto
    if {[info exists fds($letter,0)]} return
    foreach fd [pair::connect] side {0 1} {
        puts -nonewline $fd [redis::encode [list hello $proto]][redis::encode {client id}]
        flush $fd
        redis::raw_reply_from $fd
        set ids($letter,$side) [string trim [redis::raw_reply_from $fd] ":\r\n"]
        fconfigure $fd -blocking 0
        set fds($letter,$side) $fd
    }
}

proc many::close_all {} {
    variable fds
    variable log {}
    variable waiting
    foreach name [array names fds] {catch {close $fds($name)}}
    array unset fds
    array unset waiting
    settle
}

# Bytes that were sent are in the server's socket. The reply to the first PING comes from the turn
# that read them, or a later one; that to the second after every reply of that turn was written.
proc many::settle {} {
    foreach round {1 2} {pair::exchange {{ping}}}
}

proc many::received {} {
    variable fds
    set rows {}
    foreach name [lsort [array names fds *,0]] {
        set letter [lindex [split $name ,] 0]
        lappend rows $letter [read $fds($letter,0)] [read $fds($letter,1)]
    }
    return $rows
}

proc many::with_ids {words side} {
    variable ids
    set out {}
    foreach word $words {
        if {[regexp {^@([a-z])$} $word -> letter]} {
            client $letter
            set word $ids($letter,$side)
        }
        # The payload of a list of three.
        if {$word eq "@list"} {set word [payload "\x01\x03\x01a\x01b\x01c"]}
        lappend out $word
    }
    return $out
}

# A stream or group that goes away while XREADGROUP waits: 7.0 has texts of its own, 7.2 says what
# the command would say now.
proc many::gone reply {
    return [regsub -all -- {-(UNBLOCKED the stream|NOGROUP )[^\r]*} $reply -GONE]
}

# One line; the result is "" or the difference.
proc many::step {letter words} {
    variable fds
    variable log
    lappend log "$letter $words"
    if {$letter eq "wait"} {
        after [lindex $words 0]
    } elseif {$words eq "close"} {
        foreach side {0 1} {close $fds($letter,$side)}
        array unset fds $letter,*
        array unset waiting $letter
    } else {
        client $letter
        foreach side {0 1} {
            puts -nonewline $fds($letter,$side) [redis::encode [with_ids $words $side]]
            flush $fds($letter,$side)
        }
    }
    settle
    set out ""
    variable waiting
    set waiting($letter) 1
    foreach {name ours theirs} [received] {
        if {$ours ne ""} {unset -nocomplain waiting($name)}
        if {[gone $ours] eq [gone $theirs]} continue
        # What took the stream's place may be of another type.
        if {[string match "*-UNBLOCKED the stream*" $theirs] &&
            [gone [regsub -all -- {-WRONGTYPE [^\r]*} $ours -GONE]] eq
            [gone [regsub -all -- {-WRONGTYPE [^\r]*} $theirs -GONE]]} continue
        append out "\n  client $name  keel: [kit::shown $ours 300]"
        append out "\n            real: [kit::shown $theirs 300]"
    }
    if {$out eq ""} {return ""}
    return "clients received different replies$out\n  after:\n    [join [lrange $log end-19 end] "\n    "]"
}

proc many::play lines {
    close_all
    pair::exchange {{flushall} {debug set-active-expire 1}}
    foreach line [split $lines \n] {
        set line [string trim $line]
        if {$line eq "" || [string index $line 0] eq "#"} continue
        set why [step [lindex $line 0] [lrange $line 1 end]]
        if {$why ne ""} {fail $why}
    }
    same debug digest
    foreach level {0 -1} {lappend blocked [s $level blocked_clients]}
    assert_equal {*}$blocked "blocked_clients"
}

# ---- at random --------------------------------------------------------------------------------

proc many::any args {lindex $args [expr {int(rand() * [llength $args])}]}

# Few keys, each of mostly one type, so that waits meet. z4 never holds another one: Redis wakes nobody
# when a value of the type that is waited for is stored over another (Keel serves them).
proc many::key type {
    if {rand() < 0.04} {return [any l1 z1 s1 x]}
    return $type[any 1 2 3]
}

# What waits does it without end, and for one key: time-outs are a scenario, and who waits for several
# is served from the first of them that there is in 7.2, from the one that woke it in 7.0.
proc many::waiting {} {
    switch -exact -- [any pop pop pop move move mpop zpop zpop zmpop read read group] {
        pop {return [list [any BLPOP BRPOP] [key l] 0]}
        move {return [any [list BLMOVE [key l] [key l] [any LEFT RIGHT] [any LEFT RIGHT] 0] \
            [list BRPOPLPUSH [key l] [key l] 0]]}
        mpop {return [list BLMPOP 0 1 [key l] [any LEFT RIGHT] COUNT [any 1 2 5]]}
        zpop {return [list [any BZPOPMIN BZPOPMAX] [any z4 [key z]] 0]}
        zmpop {return [list BZMPOP 0 1 [key z] [any MIN MAX] COUNT [any 1 2 5]]}
        read {return [list XREAD COUNT 5 BLOCK 0 STREAMS [key s] [any \$ 5-0]]}
        group {return [list XREADGROUP GROUP g c COUNT [any 1 3] BLOCK 0 STREAMS s[any 1 2 3] >]}
    }
}

proc many::change {} {
    variable entry
    switch -exact -- [any push push push push pop move zadd zadd zadd zrem add add add del rename store] {
        push {return [list [any LPUSH RPUSH] [key l] {*}[any a {b c} {d e f}]]}
        pop {return [list [any LPOP RPOP] [key l]]}
        move {return [list LMOVE [key l] [key l] [any LEFT RIGHT] [any LEFT RIGHT]]}
        zadd {return [list ZADD [key z] {*}[any {1 a} {2 b 3 c} {-1 d 5 a}]]}
        zrem {return [list ZREM [key z] [any a b c]]}
        add {return [list XADD [key s] [incr entry]-1 f v]}
        del {return [list DEL [any [key l] [key z]]]}
        rename {return [list [any RENAME COPY] [set from [key [any l z]]] [key [string index $from 0]]]}
        store {return [list ZUNIONSTORE z4 1 [key z]]}
    }
}

# Client w never waits, so that there is always somebody to do something. SWAPDB is left out: it makes
# many keys ready at once, and in which order is the hash table's.
proc many::random_line {} {
    variable queued
    set letter [any a b c d e f]
    switch -exact -- [any wait wait wait wait change change change change multi unblock other x x] {
        wait {return [list $letter {*}[waiting]]}
        change {return [list $letter {*}[change]]}
        multi {return [list $letter [any MULTI EXEC EXEC]]}
        unblock {return [list w CLIENT UNBLOCK @$letter {*}[any "" ERROR TIMEOUT]]}
        other {return [any "$letter select 1" "$letter select 0" "$letter select 0" \
            "$letter close" "w set x 1" "w del x l1 z1 l2"]}
        x {return [list w {*}[change]]}
    }
}

proc many::random_run ops {
    variable fds
    variable waiting
    variable entry 10
    for {set done 0} {$done < $ops} {incr done} {
        if {$done % 200 == 0} {
            close_all
            pair::exchange {{flushall}}
            foreach key {s1 s2 s3} {same xgroup create $key g 0 mkstream}
        }
        set line [random_line]
        set letter [lindex $line 0]
        set closes [expr {[lindex $line 1] eq "close"}]
        if {$closes ? ![info exists fds($letter,0)] : [info exists waiting($letter)]} continue
        set why [step [lindex $line 0] [lrange $line 1 end]]
        if {$why ne ""} {fail "command $done: $why"}
        if {$done % 20 == 0} {same debug digest}
    }
}

start_pair {overrides {save {""} enable-debug-command yes} tags {interop}} {
    foreach {name lines} {
        "lists: whoever waits longest is served first" {
            a blpop k 0
            b brpop k 0
            c blmpop 0 1 k right count 2
            d blmove k t left right 0
            e brpoplpush k t 0
            x rpush k 1
            x rpush k 2
            x rpush k 3 4 5
            x lrange k 0 -1
            x rpush k 6
            x rpush k 7 8
            x lrange k 0 -1
            x lrange t 0 -1
        }
        "lists: one push serves several, the rest stays" {
            a blpop k 0
            b blpop k 0
            c blmpop 0 2 k l left count 10
            x rpush k 1 2 3 4 5 6
            x exists k l
        }
        "lists: several keys, the first of the arguments counts" {
            a blpop k1 k2 k3 0
            b blpop k3 k2 k1 0
            x lpush k2 a
            x lpush k1 b
            c blpop k1 k2 0
            d blpop k2 0
            x rpush k2 1 2 3
            x rpush k1 1
        }
        "lists: a key more than once among the arguments" {
            a blpop k k k 0
            b blpop k 0
            x rpush k 1 2 3
        }
        "lists: in a transaction the end of it counts" {
            a blpop k 0
            x multi
            x lpush k 1
            x del k
            x exec
            x multi
            x lpush k 1
            x lpush k 2
            x del k
            x lpush k 3
            x exec
            a blpop k 0
            x multi
            x lpush k 1
            x set k 5 
            x exec
            x del k
            x lpush k end
        }
        "lists: waiting inside of a transaction is not waiting" {
            a multi
            a blpop k 0
            a brpop k l 5
            a blmove k l left left 0
            a brpoplpush k l 0
            a blmpop 0 2 k l left
            a bzpopmin z 0
            a bzpopmax z 0
            a bzmpop 0 1 z min
            a xread block 0 streams s $
            a exec
        }
        "lists: a transaction that pushes for its own keys and others'" {
            a blpop k 0
            b blpop l 0
            c blpop k l 0
            x multi
            x rpush l 1
            x rpush k 2
            x exec
            x rpush k 3
        }
        "lists: chains of moves" {
            a blmove k1 k2 left right 0
            b blmove k2 k3 left right 0
            c blmove k3 k4 left right 0
            d blpop k4 0
            x rpush k1 token
            a brpoplpush k1 k2 0
            b brpoplpush k2 k1 0
            x lpush k1 foo
            x lrange k1 0 -1
            x lrange k2 0 -1
            a blmove s s left right 0
            x rpush s 1 2 3
            x lrange s 0 -1
        }
        "lists: chains backwards and over a client that takes many" {
            d blpop k4 0
            c blmove k3 k4 right left 0
            b blmpop 0 1 k2 left count 3
            a blmove k1 k2 left left 0
            x rpush k1 1 2 3
            x rpush k3 1 2
            x lrange k1 0 -1
        }
        "lists: a destination of the wrong type" {
            x set t string
            a blmove k t left right 0
            b brpoplpush k t 0
            c blpop k 0
            x rpush k 1 2 3
            x lrange k 0 -1
        }
        "lists: a key of another type is not what they wait for" {
            a blpop k 0
            b bzpopmin k 0
            x sadd k m
            x del k
            x zadd k 1 z
            x lpush k e
            x del k
            x set k v
            x rpush k e
            x del k
            x hset k f v
            x del k
            x rpush k e
        }
        "lists: keys that come by other ways" {
            a blpop k 0
            x rpush o 1
            x rename o k
            a blpop k 0
            x rpush o 2
            x renamenx o k
            a blpop k 0
            x rpush o 3
            x copy o k
            a blpop k 0
            x sort o store k
            a blpop k 0
            x linsert k before 1 2
            x lpushx k 1
            x rpush k 1
            x select 1
            x rpush k other
            a blpop k 0
            x move k 0
            a blpop m 0
            x rpush m 1
            x swapdb 0 1
            x rpush m 2
        }
        "lists: RESTORE" {
            a blpop k 0
            x restore k 0 @list
            x rpush k 9
        }
        "lists: databases are swapped below them" {
            a select 1
            a blpop k 0
            b blpop k 0
            c select 2
            c blmove k l left left 0
            x rpush q 1
            x select 1
            x rpush z 1
            x select 2
            x select 3
            x rpush k 1 2 3
            x swapdb 3 1
            x lrange k 0 -1
            x select 1
            x lrange k 0 -1
            x rpush k 4
            x swapdb 1 0
            x swapdb 2 0
            x select 2
            x rpush k 6
            x select 0
            x rpush k 7
        }
        "lists: a wait that times out" {
            a blpop k 0.05
            b blmove k l left left 0.05
            c blmpop 0.05 1 k left
            d bzpopmin k 0.05
            e xread block 50 streams s $
            f brpoplpush k l 0.05
            g bzmpop 0.05 1 k min
            wait 250
            x rpush k 1
            a ping
        }
        "CLIENT UNBLOCK" {
            a blpop k 0
            x client unblock @a
            x client unblock @a
            a blpop k 0
            x client unblock @a error
            a blpop k 0
            x client unblock @a timeout
            a bzpopmax z 0
            x client unblock @a ERROR
            a bzmpop 0 1 z min
            x client unblock @a
            a xread block 0 streams s $
            x client unblock @a
            a xread block 0 streams s $
            x client unblock @a error
            a blmove k l left left 0
            x client unblock @a
            a brpoplpush k l 0
            x client unblock @a
            a blmpop 0 1 k left
            x client unblock @a
            x client unblock @a foo
            x client unblock abc
            x client unblock 99999999
            a wait 1 0
            x client unblock @a
            a wait 1 0
            x client unblock @a error
            a ping
            a blpop k 0
            b blpop k 0
            x client unblock @a
            x rpush k 1
        }
        "CLIENT UNBLOCK from a transaction that also pushes" {
            a blpop k 0
            x multi
            x rpush k 1
            x client unblock @a
            x exec
            x lrange k 0 -1
            x del k
            a blpop k 0
            x multi
            x client unblock @a error
            x rpush k 1
            x exec
            x lrange k 0 -1
        }
        "clients that leave while they wait" {
            a blpop k 0
            b blpop k 0
            c blmove k l left left 0
            b close
            a close
            x rpush k 1 2
            x lrange k 0 -1
            d blpop k m 0
            x client kill id @d
            x rpush k 3
            x lrange k 0 -1
        }
        "a client that waits reads its next command afterwards" {
            a blpop k 0
            a ping
            a rpush l 1
            b blpop l 0
            x rpush k 1
            a blpop k 0
            a blpop k 0
            x rpush k 1 2
        }
        "sorted sets: order of service" {
            a bzpopmin z 0
            b bzpopmax z 0
            c bzmpop 0 1 z min count 2
            d bzpopmin y z 0
            x zadd z 1 a
            x zadd z 1 a 2 b
            x zadd z 1 a 2 b 3 c 4 d
            x exists z
            a bzpopmin z 0
            x zincrby z 5 m
            a bzpopmin z 0
            x zadd o 1 m
            x zunionstore z 1 o
            a bzpopmin z 0
            x zrangestore z o 0 -1
            a bzpopmin z 0
            x zinterstore z 1 o
            a bzpopmin z 0
            x zdiffstore z 1 o
            a bzpopmin z 0
            x geoadd z 13 38 place
            a bzpopmin z 0
            x geoadd g 13 38 place
            x geosearchstore z g fromlonlat 13 38 byradius 10 km
            a bzpopmin z 0
            x rename o z
            a bzmpop 0 3 x y z max count 10
            x zadd y 1 a 2 b
            x zadd z 3 c
        }
        "sorted sets: transactions, several keys" {
            a bzpopmin z1 z2 0
            b bzpopmax z2 z1 0
            x multi
            x zadd z1 1 a
            x zrem z1 a
            x zadd z1 2 b
            x exec
            x zadd z2 1 a 2 b
            x zrange z2 0 -1
            x zrange z1 0 -1
            a bzpopmin z1 0
            x multi
            x zadd z1 1 a
            x del z1
            x exec
            x zadd z1 nan a
            x zadd z1 xx 1 a
            x zadd z1 1 a
        }
        "streams: everyone who waits is served" {
            x xadd s 1-1 f v
            a xread block 0 streams s $
            b xread block 0 streams s 1-1
            c xread count 1 block 0 streams s t $ 0
            d xread block 0 streams s 5-0
            x xadd s 2-1 f v
            x xadd s 5-0 f v
            x xadd s 6-0 f v
            c xread block 0 streams t s 0 0
            c xread block 0 streams t u 0 0
            x xadd u 1-1 f v
            a xread block 0 streams n $
            x del s
            x xadd n 1-1 a b
        }
        "streams: a transaction adds and takes away" {
            a xread block 0 streams s 0
            b xread block 0 streams s 3
            x multi
            x xadd s 1-1 f v
            x xadd s 2-1 f v
            x xdel s 1-1
            x exec
            x xadd s 4-1 f v
        }
        "streams: groups are served in order, each entry once" {
            x xgroup create s g $ mkstream
            x xgroup create s h $
            a xreadgroup group g c1 block 0 streams s >
            b xreadgroup group g c2 block 0 streams s >
            c xreadgroup group h c1 block 0 count 1 streams s >
            d xread block 0 streams s $
            x xadd s 1-1 f v
            x xadd s 2-1 f v
            x xpending s g
            x xpending s h
            a xreadgroup group g c1 block 0 noack streams s >
            x xadd s 3-1 f v
            x xpending s g
            a xreadgroup group g c1 block 0 streams s 0
        }
        "streams: the stream or the group goes" {
            x xgroup create s g $ mkstream
            b xread block 0 streams s $
            a xreadgroup group g c block 0 streams s >
            x del s
            x set s v
            x del s
            x xadd s 1-1 f v
            x xgroup create s g $ mkstream
            a xreadgroup group g c block 0 streams s >
            x xgroup destroy s g
            x xgroup create s g $ mkstream
            a xreadgroup group g c block 0 streams s >
            x flushall
            x xgroup create s g $ mkstream
            a xreadgroup group g c block 0 streams s >
            x rename s t
        }
        "XREAD and lists on one key" {
            a blpop k 0
            b xread block 0 streams k 0
            c bzpopmin k 0
            x xadd k 1-1 f v
            x del k
            x zadd k 1 a
            x rpush k 1
            b xread block 0 streams k 0-0
            x del k
            x rpush k 1 2
            x del k
            x xadd k 7-7 f v
        }
        "keys that expire while they are waited for" {
            a blpop k 0
            x rpush k 1 
            a blmove k l left left 0
            x rpush l 5
            x pexpire l 30
            wait 100
            x rpush k 1 2
            x lrange l 0 -1
            x ttl l
            x exists k
        }
        "FLUSHALL, and a push after it" {
            a blpop k 0
            b bzpopmin z 0
            c xread block 0 streams s 0
            x flushall
            x flushdb
            x rpush k 1
            x zadd z 1 a
            x xadd s 1-1 f v
        }
        "watched keys of those who are served" {
            w watch k
            a blpop k 0
            x rpush k 1
            w multi
            w ping
            w exec
            w watch l
            a blmove k l left left 0
            x rpush k 1
            w multi
            w ping
            w exec
        }
        "mistakes answer at once" {
            a blpop k -1
            a blpop k abc
            a blpop k
            a blmpop 0 0 k left
            a blmpop 0 1 k middle
            a blmpop -1 1 k left
            a blmpop 0 1 k left count 0
            a bzmpop 0 1 k left
            a bzpopmin k -0.1
            a xread block -1 streams s $
            a xread block abc streams s $
            x set k v
            a blpop k 0
            a bzpopmin k 0
            a blmove k l left left 0
            a blmove l k up left 0
            a blpop l k 0
            a xread block 0 streams k $
            a blmove nosuch k left left 0
            x rpush nosuch 1
            x lrange nosuch 0 -1
        }
    } {
        foreach proto {2 3} {
            test "$name (RESP$proto)" {
                set many::proto $proto
                many::play $lines
            }
        }
    }

    foreach proto {2 3} {
        test "random commands of clients that wait on each other (RESP$proto, seed $seed)" {
            expr {srand($seed * 16 + $proto)}
            set many::proto $proto
            many::random_run $ops
        }
    }
}
