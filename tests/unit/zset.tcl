# zset.tcl - sorted sets: every command in both encodings, conversions, blocking, the journal.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $here .. kit payload.tcl]

set chronicle [file join [file dirname [file normalize $kit::binary]] tests modules chronicle.so]

proc journal commands {
    r chronicle.journal
    foreach command $commands {catch {r {*}$command}}
    return [r chronicle.journal]
}
proc events commands {
    r chronicle.events
    foreach command $commands {catch {r {*}$command}}
    return [r chronicle.events]
}
proc zset {key args} {
    r del $key
    if {[llength $args]} {r zadd $key {*}$args}
    return $key
}
proc refused {pattern args} {
    assert_error $pattern {r {*}$args}
}
proc waiters n {
    wait_for_condition 100 10 {[s blocked_clients] == $n} else {fail "not $n clients wait"}
}

start_server [list tags {zset} overrides [list loadmodule $chronicle]] {
  foreach encoding {listpack skiplist} {
    r config set zset-max-listpack-entries [expr {$encoding eq "listpack" ? 128 : 0}]

    test "$encoding: ZADD adds, updates, and keeps the order" {
        zset z 10 x 20 y
        assert_equal [r object encoding z] $encoding
        assert_equal [r zadd z 30 z 5 y] 1
        assert_equal [r zrange z 0 -1 withscores] {y 5 x 10 z 30}
        assert_equal [r zadd z 5 b 5 a 5 aa 5 ""] 4
        r zrange z 0 -1
    } {{} a aa b y x z}
    test "$encoding: ZADD's conditions" {
        zset z 10 a
        assert_equal [list [r zadd z nx 5 a 6 b] [r zscore z a] [r zscore z b]] {1 10 6}
        assert_equal [list [r zadd z xx 5 a 6 c] [r zscore z a] [r zscore z c]] {0 5 {}}
        assert_equal [list [r zadd z xx ch 7 a 6 b] [r zadd z ch 8 a 9 d]] {1 2}
        assert_equal [list [r zadd z gt ch 3 a 10 b] [r zadd z lt ch 3 a 11 b]] {1 1}
        assert_equal [list [r zadd z gt 1 new] [r zadd z gt xx 1 newer]] {1 0}
        assert_equal [list [r zadd z incr 2 a] [r zadd z nx incr 2 a] [r zadd z xx incr 2 no]] {5 {} {}}
        list [r zadd z gt incr -1 a] [r zadd z lt incr -1 a] [r zadd z incr 1.5 fresh]
    } {{} 4 1.5}
    test "$encoding: ZADD XX makes no key" {
        r del nokey
        list [r zadd nokey xx 1 a] [r zadd nokey xx incr 1 a] [r exists nokey]
    } {0 {} 0}
    test "$encoding: ZADD refuses before it changes anything" {
        zset z 1 a
        refused "*XX and NX options at the same time*" zadd z xx nx 2 a
        refused "*GT, LT, and/or NX*" zadd z gt nx 2 a
        refused "*GT, LT, and/or NX*" zadd z gt lt 2 a
        refused "*INCR option supports a single*" zadd z incr 2 a 3 b
        refused "*syntax error*" zadd z 2 a 3
        refused "*syntax error*" zadd z nx xx ch
        refused "*not a valid float*" zadd z 2 a x b
        refused "*not a valid float*" zadd z nan b
        r zadd z inf i
        refused "*resulting score is not a number*" zincrby z -inf i
        refused "*resulting score is not a number*" zadd z incr -inf i
        r zrange z 0 -1 withscores
    } {a 1 i inf}
    test "$encoding: scores are printed as short as they read back" {
        zset z 0.1 a 1e17 b 1e21 c 1e-7 d 3.0 e 123456789.123 f -1.5e300 g -inf h +inf i 5e-324 j
        set out {}
        foreach m {a b c d e f g h i j} {lappend out [r zscore z $m]}
        set out
    } {0.1 100000000000000000 1e+21 1e-7 3 123456789.123 -1.5e+300 -inf inf 5e-324}
    test "$encoding: ZINCRBY" {
        r del z
        list [r zincrby z 2 a] [r zincrby z -5.5 a] [r zincrby z 0 b] [r zrange z 0 -1 withscores]
    } {2 -3.5 0 {a -3.5 b 0}}
    test "$encoding: ZREM, and the key goes with its last member" {
        zset z 1 a 2 b 3 c
        list [r zrem z a nosuch c a] [r zrange z 0 -1] [r zrem z b b] [r exists z] [r zrem z b]
    } {2 b 1 0 0}
    test "$encoding: ZCARD, ZSCORE, ZMSCORE" {
        zset z 1 a 2 b
        list [r zcard z] [r zcard nosuch] [r zscore z b] [r zscore z c] [r zmscore z a c b] \
            [r zmscore nosuch a b]
    } {2 0 2 {} {1 {} 2} {{} {}}}
    test "$encoding: ZRANK and ZREVRANK, with score and without" {
        zset z 10 a 20 b 30 c
        assert_equal [list [r zrank z a] [r zrank z c] [r zrevrank z a] [r zrank z d]] {0 2 2 {}}
        assert_equal [list [r zrank z b withscore] [r zrevrank z c WITHSCORE]] {{1 20} {0 30}}
        assert_equal [list [r zrank z d withscore] [r zrank nosuch a withscore]] {{} {}}
        refused "*syntax error*" zrank z a withscores
        refused "*wrong number of arguments*" zrank z a withscore x
    }
    test "$encoding: ZRANGE by rank" {
        zset z 1 a 2 b 3 c 4 d
        list [r zrange z 0 -1] [r zrange z 1 2] [r zrange z -2 -1] [r zrange z 2 100] [r zrange z 3 1] \
            [r zrange z 9 9] [r zrange z 0 1 rev] [r zrevrange z 1 2 withscores] [r zrange z -9 0]
    } {{a b c d} {b c} {c d} {c d} {} {} {d c} {c 3 b 2} a}
    test "$encoding: ZRANGE by score" {
        zset z -inf a 1 b 2 c 3 d 4 e 5 f inf g
        list [r zrangebyscore z -inf 2] [r zrange z (1 (4 byscore] [r zrangebyscore z 4 +inf withscores] \
            [r zrange z 4 -inf byscore rev] [r zrevrangebyscore z (4 1] [r zrangebyscore z (2 (3] \
            [r zrangebyscore z 5 1] [r zcount z 1 (3] [r zcount z -inf +inf] [r zcount z 6 9]
    } {{a b c} {c d} {e 4 f 5 g inf} {e d c b a} {d c b} {} {} 2 7 0}
    test "$encoding: LIMIT cuts from where the walk starts" {
        zset z 1 a 2 b 3 c 4 d 5 e
        list [r zrangebyscore z 0 9 limit 1 2] [r zrange z 9 0 byscore rev limit 1 2] \
            [r zrangebyscore z 0 9 limit 3 -1] [r zrangebyscore z 0 9 limit -1 2] \
            [r zrangebyscore z 0 9 limit 9 2] [r zrangebyscore z 0 9 limit 0 0] \
            [r zrange z - + bylex limit 1 2]
    } {{b c} {d c} {d e} {} {} {} {b c}}
    test "$encoding: ranges of bytes" {
        zset l 0 alpha 0 bar 0 cool 0 down 0 elephant 0 foo 0 great 0 hill 0 omega
        list [r zrangebylex l - \[cool] [r zrangebylex l \[bar \[down] [r zrangebylex l (bar (down] \
            [r zrevrangebylex l + \[g] [r zrevrangebylex l (foo (cool] [r zrangebylex l + -] \
            [r zrange l \[x - bylex rev limit 0 2] [r zlexcount l - +] [r zlexcount l (alpha \[cool] \
            [r zlexcount l \[z +] [r zlexcount l - -]
    } {{alpha bar cool} {bar cool down} cool {omega hill great} {elephant down} {} {omega hill} 9 2 0 0}
    test "$encoding: ends of ranges that are none" {
        refused "*min or max is not a float*" zrangebyscore z a 1
        refused "*min or max is not a float*" zcount z (nan 1
        refused "*min or max not valid string range item*" zrangebylex z foo \[bar
        refused "*min or max not valid string range item*" zlexcount z -x +
        refused "*not an integer*" zrange z 0 a
        refused "*LIMIT is only supported*" zrange z 0 1 limit 0 1
        refused "*WITHSCORES not supported in combination with BYLEX*" zrange z - + bylex withscores
        refused "*syntax error*" zrange z 0 1 rev rev
        refused "*syntax error*" zrangestore d z 0 1 withscores
    }
    test "$encoding: ZREMRANGEBY*" {
        zset z 1 a 2 b 3 c 4 d 5 e 6 f
        assert_equal [list [r zremrangebyscore z (1 3] [r zrange z 0 -1]] {2 {a d e f}}
        assert_equal [list [r zremrangebyrank z -1 -1] [r zrange z 0 -1]] {1 {a d e}}
        assert_equal [list [r zremrangebyrank z 5 9] [r zremrangebyrank z 0 0] [r zrange z 0 -1]] {0 1 {d e}}
        assert_equal [list [r zremrangebyscore z -inf +inf] [r exists z]] {2 0}
        zset l 0 a 0 b 0 c 0 d
        list [r zremrangebylex l (a \[c] [r zrange l 0 -1] [r zremrangebylex l - +] [r exists l]
    } {2 {a d} 2 0}
    test "$encoding: ZRANGESTORE, onto itself too" {
        zset z 1 a 2 b 3 c 4 d
        assert_equal [list [r zrangestore d z 1 2] [r zrange d 0 -1 withscores]] {2 {b 2 c 3}}
        assert_equal [list [r zrangestore d z (1 +inf byscore limit 1 2] [r zrange d 0 -1]] {2 {c d}}
        assert_equal [list [r zrangestore d z 0 0 rev] [r zrange d 0 -1]] {1 d}
        assert_equal [list [r zrangestore z z 1 2] [r zrange z 0 -1]] {2 {b c}}
        list [r zrangestore d z 5 9] [r exists d] [r zrangestore d nosuch 0 -1]
    } {0 0 0}
    test "$encoding: ZPOPMIN and ZPOPMAX" {
        zset z 1 a 2 b 3 c 4 d 5 e
        list [r zpopmin z] [r zpopmax z] [r zpopmin z 0] [r zpopmax z 2] [r zpopmin z 9] [r exists z] \
            [r zpopmin z] [r zpopmax z 3]
    } {{a 1} {e 5} {} {d 4 c 3} {b 2} 0 {} {}}
    test "$encoding: ZMPOP takes from the first key that has some" {
        zset z 1 a 2 b 3 c
        r del y
        assert_equal [r zmpop 2 y z min] {z {{a 1}}}
        assert_equal [r zmpop 2 y z max count 5] {z {{c 3} {b 2}}}
        assert_equal [r zmpop 2 y z max] {}
        refused "*numkeys should be greater than 0*" zmpop 0 z min
        refused "*count should be greater than 0*" zmpop 1 z min count 0
        refused "*syntax error*" zmpop 1 z middle
        refused "*syntax error*" zmpop 9 z min
    }
    test "$encoding: unions, intersections, differences" {
        zset a 1 x 2 y 3 z
        zset b 10 y 20 z 30 w
        assert_equal [r zunion 2 a b withscores] {x 1 y 12 z 23 w 30}
        assert_equal [r zinter 2 a b withscores] {y 12 z 23}
        assert_equal [r zdiff 2 a b withscores] {x 1}
        assert_equal [r zunion 2 a b weights 2 -1 withscores] {w -30 z -14 y -6 x 2}
        assert_equal [r zinter 2 a b aggregate min withscores] {y 2 z 3}
        assert_equal [r zinter 2 a b weights 1 2 aggregate max withscores] {y 20 z 40}
        assert_equal [r zintercard 2 a b] 2
        assert_equal [r zintercard 2 a b limit 1] 1
        assert_equal [list [r zunionstore d 2 a b] [r zrange d 0 -1]] {4 {x y z w}}
        assert_equal [list [r zinterstore a 2 a b] [r zrange a 0 -1 withscores]] {2 {y 12 z 23}}
        assert_equal [list [r zdiffstore d 1 b] [r zdiffstore d 2 a b] [r exists d]] {3 0 0}
        assert_equal [list [r zunion 2 a nosuch] [r zinter 2 a nosuch] [r zdiff 2 nosuch a]] {{y z} {} {}}
        r zinter 2 b b withscores
    } {y 20 z 40 w 60}
    test "$encoding: what is no number counts as 0" {
        zset a inf x
        zset b -inf x
        list [r zunion 2 a b withscores] [r zunion 1 a weights 0 withscores] [r zinter 2 a b withscores]
    } {{x 0} {x 0} {x 0}}
    test "$encoding: plain sets count as members of score 1" {
        r del s
        r sadd s x y 7
        zset a 5 x 6 7
        list [r zunion 2 a s withscores] [r zinter 2 s a weights 3 1 withscores] [r zdiff 2 s a]
    } {{y 1 x 6 7 7} {x 8 7 9} y}
    test "$encoding: refusals of combinations" {
        refused "*at least 1 input key is needed for 'zunion' command*" zunion 0 a
        refused "*at least 1 input key is needed for 'zdiffstore' command*" zdiffstore d 0 a
        refused "*syntax error*" zunion 3 a b
        refused "*weight value is not a float*" zunion 1 a weights x
        refused "*syntax error*" zdiff 1 a weights 1
        refused "*syntax error*" zunionstore d 1 a withscores
        refused "*syntax error*" zunion 1 a aggregate avg
        refused "*LIMIT can't be negative*" zintercard 1 a limit -1
        r set str x
        refused "WRONGTYPE*" zunion 2 a str
    }
    test "$encoding: ZRANDMEMBER" {
        zset z 1 a 2 b 3 c 4 d
        assert {[r zrandmember z] in {a b c d}}
        assert_equal [lsort [r zrandmember z 9]] {a b c d}
        assert_equal [llength [lsort -unique [r zrandmember z 3]]] 3
        assert_equal [llength [r zrandmember z -20]] 20
        foreach {m s} [r zrandmember z -10 withscores] {assert_equal [r zscore z $m] $s}
        assert_error "ERR value is out of range" {r zrandmember z -9223372036854775807}
        assert_error "ERR value is out of range" {r zrandmember z -16777217 withscores}
        list [r zrandmember z 0] [r zrandmember nosuch] [r zrandmember nosuch 5]
    } {{} {} {}}
    test "$encoding: ZSCAN shows everything" {
        r del z
        for {set i 0} {$i < 300} {incr i} {r zadd z $i m$i}
        r config set zset-max-listpack-entries [expr {$encoding eq "listpack" ? 300 : 0}]
        if {$encoding eq "listpack"} {r zunionstore z 1 z}
        array unset seen
        set cursor 0
        while 1 {
            lassign [r zscan z $cursor count 20] cursor items
            foreach {m s} $items {set seen($m) $s; assert_equal m$s $m}
            if {$cursor == 0} break
        }
        assert_equal [array size seen] 300
        set cursor [lindex [r zscan z 0 match m29? count 1000] 1]
        r config set zset-max-listpack-entries [expr {$encoding eq "listpack" ? 128 : 0}]
        llength $cursor
    } 20
    test "$encoding: DUMP, RESTORE, COPY and RENAME" {
        zset z 1 a 2.5 b -inf c 7 100 8 -1
        set dump [r dump z]
        r restore y 0 $dump replace
        r copy z x replace
        r rename x w
        foreach k {y w} {
            assert_equal [r zrange $k 0 -1 withscores] [r zrange z 0 -1 withscores]
            assert_equal [r object encoding $k] $encoding
            assert_equal [r debug digest-value $k] [r debug digest-value z]
        }
    }
    test "$encoding: RESP3 has pairs and numbers" {
        zset z 1 a 2.5 b
        r hello 3
        set out {}
        foreach command {{zrange z 0 -1 withscores} {zscore z b} {zpopmin z 1} {zpopmax z} {zmscore z a}
                {zadd z incr 1 q} {zrank z q withscore} {zrandmember z -1 withscores} {zunion 1 z withscores}} {
            lappend out [r {*}$command]
        }
        r hello 2
        set out
    } {{{a 1} {b 2.5}} 2.5 {{a 1}} {b 2.5} {{}} 1 {0 1} {{q 1}} {{q 1}}}
    test "$encoding: what another type holds is refused" {
        r set str x
        foreach command {{zadd str 1 a} {zincrby str 1 a} {zrem str a} {zcard str} {zscore str a}
                {zmscore str a} {zrank str a} {zcount str 0 1} {zlexcount str - +} {zrange str 0 1}
                {zremrangebyrank str 0 1} {zpopmin str} {zpopmin str 0} {bzpopmax str 0} {zmpop 1 str min}
                {zrandmember str} {zscan str 0} {zrangestore d str 0 1} {zdiff 1 str}} {
            refused WRONGTYPE* {*}$command
        }
    }
    test "$encoding: agrees with a sorted list through random changes" {
        r del z
        array unset model
        expr {srand(7)}
        for {set i 0} {$i < 3000} {incr i} {
            set m m[expr {int(rand() * 90)}]
            set s [expr {int(rand() * 20) / 4.0}]
            switch [expr {int(rand() * 4)}] {
                0 {r zrem z $m; unset -nocomplain model($m)}
                1 {set model($m) [r zincrby z $s $m]}
                default {r zadd z $s $m; set model($m) $s}
            }
            if {$i % 100} continue
            set wanted {}
            foreach {k v} [array get model] {lappend wanted [list $k [expr {double($v)}]]}
            set wanted [lsort -real -index 1 [lsort -index 0 $wanted]]
            set got {}
            set rank 0
            foreach {k v} [r zrange z 0 -1 withscores] {
                lappend got [list $k [expr {double($v)}]]
                if {$rank % 17 == 0} {assert_equal [r zrank z $k] $rank}
                incr rank
            }
            assert_equal $got $wanted
            set from [expr {int(rand() * 10)}]
            assert_equal [r zcount z $from ([expr {$from + 3}]] [llength [lsearch -all -inline -index 1 \
                -regexp $wanted "^($from|[expr {$from + 1}]|[expr {$from + 2}])\[.\]"]]
        }
    }
  }
    r config set zset-max-listpack-entries 128

    # ---- conversions

    test "many members or a long one make a skiplist, and STORE makes a listpack again" {
        r del z y
        for {set i 0} {$i < 128} {incr i} {r zadd z $i $i}
        set out [r object encoding z]
        r zadd z 128 128
        lappend out [r object encoding z]
        r zrem z 128
        lappend out [r object encoding z] [r zunionstore z 1 z] [r object encoding z]
        r zadd z 0 [string repeat x 64]
        lappend out [r zadd y 0 [string repeat x 64]] [r object encoding y]
        r zadd y 0 [string repeat x 65]
        lappend out [r object encoding y] [r zrange y 0 0]
    } [list listpack skiplist skiplist 128 listpack 1 listpack skiplist [string repeat x 64]]
    test "the older names of the settings work" {
        r config set zset-max-ziplist-entries 10 zset-max-ziplist-value 20
        set out [r config get zset-max-listpack-*]
        r config set zset-max-listpack-entries 128 zset-max-listpack-value 64
        dict get $out zset-max-listpack-value
    } 20

    # ---- blocking

    test "BZPOPMIN takes at once, or waits for a member" {
        r del a b
        zset b 1 x 2 y
        assert_equal [r bzpopmin a b 0] {b x 1}
        assert_equal [r bzpopmax a b 0] {b y 2}
        set rd [redis_deferring_client]
        $rd bzpopmin a b 0
        waiters 1
        r zadd b 5 five 4 four
        assert_equal [$rd read] {b four 4}
        $rd bzmpop 0 2 a b max count 3
        assert_equal [$rd read] {b {{five 5}}}
        $rd close
    }
    test "so does RESTORE" {
        r del a src
        r zadd src 3 m
        set dump [r dump src]
        set rd [redis_deferring_client]
        $rd bzpopmax a 0
        waiters 1
        r restore a 0 $dump
        set out [$rd read]
        $rd close
        set out
    } {a m 3}
    test "those who wait are served in order of arrival" {
        r del a
        set clients {}
        for {set i 1} {$i <= 3} {incr i} {
            set rd [redis_deferring_client]
            $rd [lindex {bzpopmin bzpopmax bzpopmin} [expr {$i - 1}]] a 0
            waiters $i
            lappend clients $rd
        }
        r zadd a 1 one 2 two 3 three
        set out {}
        foreach rd $clients {lappend out [$rd read]; $rd close}
        list $out [r exists a]
    } {{{a one 1} {a three 3} {a two 2}} 0}
    test "whatever makes the key ends the wait" {
        foreach command {{zunionstore a 1 src} {rename src a} {copy src a} {zrangestore a src 0 -1}
                {geosearchstore a src fromlonlat 0 0 byradius 1000 km} {zincrby a 1 m} {zadd a incr 1 m}} {
            r del a src
            r geoadd src 1 1 m
            set rd [redis_deferring_client]
            $rd bzpopmin a 0
            waiters 1
            r {*}$command
            assert_match {a m *} [$rd read] $command
            $rd close
        }
    }
    test "another type under the key is waited out" {
        r del a
        set rd [redis_deferring_client]
        $rd bzpopmin a 0
        waiters 1
        r lpush a x
        r del a
        r multi
        r zadd a 1 gone
        r del a
        r exec
        waiters 1
        r zadd a 2 there
        set out [$rd read]
        $rd close
        set out
    } {a there 2}
    test "time-outs, and none inside a transaction" {
        r del a
        set out [list [r bzpopmin a 0.01] [r bzmpop 0.01 1 a min]]
        r multi
        r bzpopmin a 0
        r bzmpop 0 1 a max
        lappend out [r exec]
        refused "*timeout is not a float*" bzpopmin a x
        refused "*timeout is negative*" bzpopmax a -1
        refused "*timeout is negative*" bzmpop -1 1 a min
        set out
    } {{} {} {{} {}}}

    # ---- journal and events

    test "what was popped goes on as ZPOPMIN or ZPOPMAX of its key" {
        zset a 1 a 2 b 3 c 4 d 5 e 6 f 7 g
        journal {{zpopmin a} {zmpop 2 nosuch a max count 2} {bzpopmin nosuch a 0} {bzmpop 0 1 a min count 9}
            {zpopmin a} {zmpop 1 a min}}
    } {{9 zpopmin a} {9 ZPOPMAX a 2} {9 ZPOPMIN a} {9 ZPOPMIN a 3}}
    test "and so it does for those who waited" {
        r del a
        r chronicle.journal
        set rd [redis_deferring_client]
        $rd bzpopmax a 0
        waiters 1
        r zadd a 1 x
        $rd read
        $rd bzmpop 0 1 a min
        waiters 1
        r zadd a 1 y 2 z
        $rd read
        $rd close
        r chronicle.journal
    } {{9 zadd a 1 x} {9 ZPOPMAX a} {9 zadd a 1 y 2 z} {9 ZPOPMIN a 1}}
    test "what changes nothing goes nowhere" {
        zset z 1 a
        journal {{zadd z 1 a} {zadd z nx 2 a} {zadd z xx 2 b} {zrem z b} {zremrangebyscore z 5 6}
            {zpopmin nosuch} {zdiffstore nosuch 2 z z} {zincrby z 0 a} {zadd z gt 0 a}}
    } {}
    test "events" {
        r del z d
        events {{zadd z 1 a 2 b 3 c 4 d 5 e} {zincrby z 1 a} {zadd z incr 1 a} {zrem z a} {zremrangebyrank z 0 0}
            {zremrangebyscore z 3 3} {zunionstore d 1 z} {zrangestore d z 0 -1} {zdiffstore d 2 z z}
            {zpopmin z} {zpopmax z}}
    } [list {9 new z} {9 zadd z} {9 zincr z} {9 zincr z} {9 zrem z} {9 zremrangebyrank z} \
        {9 zremrangebyscore z} {9 new d} {9 zunionstore d} {9 zrangestore d} {9 del d} {9 zpopmin z} \
        {9 zpopmax z} {9 del z}]

    # ---- broken payloads

    test "RESTORE refuses what no sorted set can be" {
        # A listpack of these elements; short strings and integers below 128.
        proc lp args {
            set body ""
            foreach e $args {
                if {[string is integer -strict $e]} {
                    append body [binary format cc $e 1]
                } else {
                    append body [binary format ca*c [expr {0x80 | [string length $e]}] $e \
                        [expr {[string length $e] + 1}]]
                }
            }
            set lp [binary format is [expr {[string length $body] + 7}] [llength $args]]$body\xff
            return "\x11[binary format c [string length $lp]]$lp"
        }
        proc double v {binary format q $v}
        foreach {why body} [list \
            "good" [lp a 1 b 2] \
            "without a score" [lp a 1 b] \
            "a score that is no number" [lp a x] \
            "NaN" [lp a nan] \
            "out of order" [lp a 2 b 1] \
            "equal scores out of order" [lp b 1 a 1] \
            "a member twice" [lp a 1 a 2] \
            "cut" [string range [lp a 1 b 2] 0 end-1] \
            "NaN, binary" "\x05\x01\x01a[binary format w 0x7ff8000000000000]" \
            "twice, binary" "\x05\x02\x01a[double 1]\x01a[double 2]" \
            "more than there is" "\x05\x03\x01a[double 1]\x01b[double 2]" \
            "an endless number" "\x05\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a" \
            "NaN as text" "\x03\x01\x01a\xfd" \
            "ziplist, cut" "\x0c\x05\x05\x00\x00\x00\x00" ] {
            r del k
            set failed [catch {r restore k 0 [payload $body]} e]
            assert_equal [list $why $failed] [list $why [expr {$why ne "good"}]]
            if {$failed} {assert_match "*Bad data format*" $e}
        }
        r restore k 0 [payload "\x03\x02\x01b\xfe\x01a\x031.5"] replace
        r zrange k 0 -1 withscores
    } {a 1.5 b inf}
    test "an empty one is no key" {
        assert_error "*Bad data format*" {r restore e 0 [payload "\x11\x07\x07\x00\x00\x00\x00\x00\xff"]}
        r exists e
    } 0
}

start_server {tags {zset} overrides {appendonly yes aof-use-rdb-preamble no}} {
    test "a rewritten append-only file makes the same sets again" {
        r zadd small 1 a 2.5 b -inf c inf d 0.1 e
        for {set i 0} {$i < 300} {incr i} {r zadd large [expr {$i / 7.0}] member:$i}
        set before [r debug digest]
        r bgrewriteaof
        wait_for_condition 100 20 {[s aof_rewrite_in_progress] == 0} else {fail "it goes on and on"}
        r debug loadaof
        assert_equal [r debug digest] $before
        list [r object encoding small] [r object encoding large] [r zcard large]
    } {listpack skiplist 300}
}
