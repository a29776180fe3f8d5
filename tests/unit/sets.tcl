# sets.tcl - the set commands, the forms that sets are kept in, and chance.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $here .. kit payload.tcl]

set chronicle [file join [file dirname [file normalize $kit::binary]] tests modules chronicle.so]

proc create_set {key members} {
    r del $key
    if {[llength $members]} {r sadd $key {*}$members}
}
proc numbers {from to} {
    set out {}
    for {set i $from} {$i <= $to} {incr i} {lappend out $i}
    return $out
}
proc names {count {prefix m}} {
    set out {}
    for {set i 0} {$i < $count} {incr i} {lappend out $prefix$i}
    return $out
}
# Members of sets in each form.
array set shapes [list intset [numbers 1 100] listpack [names 100] hashtable [names 1000]]

# Pearson's statistic of how often each of `count` outcomes came, as a number of standard deviations
# from what even chances give.
proc unevenness {counts outcomes total} {
    set expected [expr {double($total) / $outcomes}]
    set chi 0
    foreach n $counts {set chi [expr {$chi + ($n - $expected) ** 2 / $expected}]}
    set missing [expr {$outcomes - [llength $counts]}]
    set chi [expr {$chi + $missing * $expected}]
    return [expr {($chi - ($outcomes - 1)) / sqrt(2.0 * ($outcomes - 1))}]
}

start_server [list tags {sets} overrides [list loadmodule $chronicle]] {
    # ---- one set, in every form
    foreach form {intset listpack hashtable} {
        set members $shapes($form)
        test "SADD, SCARD, SISMEMBER, SMISMEMBER, SMEMBERS and SREM of a set ($form)" {
            create_set s $members
            assert_encoding $form s
            assert_equal [r scard s] [llength $members]
            assert_equal [lsort [r smembers s]] [lsort $members]
            lassign $members a b
            assert_equal [r sadd s $a new $b new] [expr {1}]
            assert_equal [list [r sismember s $a] [r sismember s nosuch]] {1 0}
            assert_equal [r smismember s $a nosuch $b new] {1 0 1 1}
            assert_equal [r srem s new nosuch $a $a] 2
            assert_equal [r scard s] [expr {[llength $members] - 1}]
            assert_equal [r srem s {*}$members] [expr {[llength $members] - 1}]
            r exists s
        } 0
        test "SRANDMEMBER with all kinds of counts ($form)" {
            create_set s $members
            set size [llength $members]
            assert {[r srandmember s] in $members}
            assert_equal [r srandmember s 0] {}
            foreach count [list 1 5 [expr {$size / 3}] [expr {$size / 2}] [expr {$size - 1}] $size [expr {$size * 3}]] {
                set got [r srandmember s $count]
                assert_equal [llength $got] [expr {min($count, $size)}] $count
                assert_equal [llength [lsort -unique $got]] [llength $got] $count
                foreach member $got {assert {$member in $members}}
                set got [r srandmember s -$count]
                assert_equal [llength $got] $count
                foreach member $got {assert {$member in $members}}
            }
            r scard s
        } [llength $members]
        test "SPOP with all kinds of counts ($form)" {
            set size [llength $members]
            foreach count [list 0 1 5 [expr {$size / 2}] [expr {$size * 9 / 10}] [expr {$size - 1}] $size [expr {$size * 3}]] {
                create_set s $members
                set popped [r spop s $count]
                assert_equal [llength $popped] [expr {min($count, $size)}] $count
                assert_equal [lsort [concat $popped [r smembers s]]] [lsort $members] $count
                # What is left works in whatever form it is now.
                foreach member [r smembers s] {assert_equal [r sismember s $member] 1}
                foreach member $popped {assert_equal [r sismember s $member] 0}
            }
            create_set s $members
            set popped {}
            while {[set member [r spop s]] ne ""} {lappend popped $member}
            assert_equal [lsort $popped] [lsort $members]
            r exists s
        } 0
        test "SSCAN sees every member, also while others come and go ($form)" {
            create_set s $members
            set cursor 0
            set seen {}
            set step 0
            while 1 {
                lassign [r sscan s $cursor count 20] cursor got
                lappend seen {*}$got
                if {$cursor == 0} break
                for {set i 0} {$i < 30} {incr i} {r sadd s extra:[incr step]}
                if {$step > 1500} {r srem s {*}[names 400 extra:]}
            }
            foreach member $members {assert {$member in $seen} $member}
            r del s
        } 1
        test "SSCAN MATCH shows what matches ($form)" {
            create_set s $members
            set expected [lsearch -all -inline -glob $members *7]
            lassign [r sscan s 0 match *7 count 100000] cursor got
            list $cursor [expr {[lsort $got] eq [lsort $expected]}]
        } {0 1}
        test "DUMP, RESTORE, COPY, RENAME and DEBUG DIGEST-VALUE of a set ($form)" {
            create_set s $members
            r del t u v
            r restore t 0 [r dump s]
            r copy s u
            r rename u v
            assert_encoding $form t
            assert_encoding $form v
            assert_equal [llength [lsort -unique [r debug digest-value s t v]]] 1
            r sadd v another
            list [r scard s] [expr {[r memory usage v] > 50}] [r type v]
        } [list [llength $members] 1 set]
        test "two keys of one set: SMOVE ($form)" {
            create_set s $members
            create_set t {x y}
            set member [lindex $members 3]
            assert_equal [list [r smove s t $member] [r smove s t $member] [r sismember t $member]] {1 0 1}
            assert_equal [list [r smove s s [lindex $members 4]] [r smove s s nosuch]] {1 0}
            r sadd s x
            assert_equal [r smove s t x] 1
            list [r scard s] [r scard t]
        } [list [expr {[llength $members] - 1}] 3]
    }
    test "SMOVE of the last member deletes the key, and makes the other" {
        r del s t
        r sadd s a
        list [r smove s t a] [r exists s] [r smembers t] [r smove nosuch t a]
    } {1 0 a 0}

    # ---- forms
    test "sets change their form where their settings say so" {
        create_set s [numbers 1 512]
        set forms [r object encoding s]
        r sadd s 513
        lappend forms [r object encoding s]
        create_set s [names 128]
        lappend forms [r object encoding s]
        r sadd s more
        lappend forms [r object encoding s]
        create_set s [list a [string repeat x 64]]
        lappend forms [r object encoding s]
        r sadd s [string repeat x 65]
        lappend forms [r object encoding s]
        create_set s [numbers 1 127]
        r sadd s a
        lappend forms [r object encoding s]
        create_set s [numbers 1 128]
        r sadd s a
        lappend forms [r object encoding s]
    } {intset hashtable listpack hashtable listpack hashtable listpack hashtable}
    test "a set that is to have many members is a hash table at once" {
        create_set s [concat [names 3] [lrepeat 126 m1]]
        set forms [r object encoding s]
        create_set s [lrepeat 513 1]
        lappend forms [r object encoding s]
        create_set s {1 2}
        r sadd s {*}[lrepeat 513 1]
        lappend forms [r object encoding s]
        list $forms [lsort [r smembers s]]
    } {{hashtable hashtable hashtable} {1 2}}
    test "settings take effect on the next change" {
        r config set set-max-intset-entries 3 set-max-listpack-entries 2 set-max-listpack-value 5
        create_set s {1 2 3}
        set forms [r object encoding s]
        r sadd s 4
        lappend forms [r object encoding s]
        create_set s {a b}
        lappend forms [r object encoding s]
        r sadd s c
        lappend forms [r object encoding s]
        create_set s {a abcdef}
        lappend forms [r object encoding s]
        create_set s 1234567
        r sadd s a
        lappend forms [r object encoding s]
        r config set set-max-intset-entries 512 set-max-listpack-entries 128 set-max-listpack-value 64
        create_set s {a b c}
        lappend forms [r object encoding s]
    } {intset hashtable listpack hashtable hashtable hashtable listpack}
    test "integers in any width keep their order and their bytes" {
        create_set s {5 -1 32767 -32768 32768 -2147483648 4294967296 -9223372036854775808 9223372036854775807}
        assert_encoding intset s
        assert_equal [r smembers s] [list -9223372036854775808 -2147483648 -32768 -1 5 32767 32768 \
            4294967296 9223372036854775807]
        r sadd s 9223372036854775808
        assert_encoding listpack s
        list [r sismember s 9223372036854775807] [r sismember s 9223372036854775808] [r scard s]
    } {1 1 10}
    test "what only looks like an integer is none" {
        create_set s {1 01 +1 -0 1.0 " 1" "1 "}
        list [r object encoding s] [r scard s] [r sismember s 1] [r srem s 1] [r sismember s 01]
    } {listpack 7 1 1 1}
    test "SPOP of nearly all gives small sets their small form again" {
        create_set s [names 500]
        r spop s 450
        set forms [r object encoding s]
        create_set s [names 500 [string repeat x 70]]
        r spop s 490
        lappend forms [r object encoding s]
    } {listpack hashtable}

    # ---- several sets
    create_set a {1 2 3 4 5}
    create_set b {4 5 6 x}
    create_set c [concat {5 x} [names 200]]
    foreach {command expected} {
        {sinter a} {1 2 3 4 5}  {sinter a b} {4 5}  {sinter a b c} 5  {sinter a nosuch} {}  {sinter b c} {5 x}
        {sinter a a a} {1 2 3 4 5}  {sunion a b} {1 2 3 4 5 6 x}  {sunion a nosuch} {1 2 3 4 5}
        {sunion nosuch} {}  {sunion a a} {1 2 3 4 5}  {sdiff a b} {1 2 3}  {sdiff b a} {6 x}  {sdiff a} {1 2 3 4 5}
        {sdiff a a} {}  {sdiff a nosuch} {1 2 3 4 5}  {sdiff nosuch a} {}  {sdiff b a c} 6  {sdiff a b c b} {1 2 3}
    } {
        test "[string toupper $command]" {lsort [r {*}$command]} $expected
        test "[string toupper [lindex $command 0]]STORE [lrange $command 1 end]" {
            r set into old
            set n [r [lindex $command 0]store into {*}[lrange $command 1 end]]
            assert_equal $n [llength $expected]
            assert_equal [r exists into] [expr {$n > 0}]
            lsort [r smembers into]
        } $expected
    }
    test "SINTERCARD counts, no further than its limit" {
        list [r sintercard 1 a] [r sintercard 2 a b] [r sintercard 2 a nosuch] [r sintercard 1 a limit 3] \
            [r sintercard 1 a limit 0] [r sintercard 2 a b limit 100]
    } {5 2 0 3 5 2}
    test "results are kept in the smallest form that holds them" {
        create_set big [concat [numbers 1 400] [names 400]]
        create_set ints [numbers 300 900]
        list [r sinterstore into big ints] [r object encoding into] [r sunionstore into a a] \
            [r object encoding into] [r sunionstore into a b] [r object encoding into] \
            [r sdiffstore into ints big] [r object encoding into] [r sunionstore into big ints] \
            [r object encoding into] [r sdiffstore into ints ints]
    } {101 intset 5 intset 7 listpack 500 intset 1300 hashtable 0}
    test "a destination may be a source" {
        create_set x {1 2 3}
        create_set y {3 4}
        list [r sunionstore x x y] [lsort [r smembers x]] [r sinterstore y x y] [lsort [r smembers y]] \
            [r sdiffstore x x y] [lsort [r smembers x]] [r sdiffstore x x x] [r exists x]
    } {4 {1 2 3 4} 2 {3 4} 2 {1 2} 0 0}
    test "STORE replaces what was there, its type and its time to live" {
        r set into x ex 1000
        r sunionstore into a
        list [r type into] [r ttl into]
    } {set -1}
    test "random sets: unions, intersections and differences are what they are by definition" {
        for {set round 0} {$round < 60} {incr round} {
            set keys {}
            for {set k 0} {$k < 1 + [randomInt 4]} {incr k} {
                set members {}
                for {set n [randomInt [lindex {5 40 300} [randomInt 3]]]} {$n > 0} {incr n -1} {
                    set v [randomInt 200]
                    lappend members [expr {[randomInt 3] ? $v : "m$v"}]
                }
                create_set r$k $members
                lappend keys r$k
                set contents(r$k) [lsort -unique $members]
            }
            set union {}
            foreach key $keys {lappend union {*}$contents($key)}
            set inter {}
            set diff {}
            foreach member $contents(r0) {
                set in 1
                set out 1
                foreach key [lrange $keys 1 end] {
                    if {$member in $contents($key)} {set out 0} else {set in 0}
                }
                if {$in} {lappend inter $member}
                if {$out} {lappend diff $member}
            }
            foreach {command expected} [list sunion [lsort -unique $union] sinter $inter sdiff $diff] {
                assert_equal [lsort [r $command {*}$keys]] $expected "$command $keys"
                assert_equal [r ${command}store into {*}$keys] [llength $expected]
                assert_equal [lsort [r smembers into]] $expected "${command}store $keys"
            }
            assert_equal [r sintercard [llength $keys] {*}$keys] [llength $inter]
        }
    }

    # ---- errors
    test "other types are refused, and left as they are" {
        r set str x
        foreach command {{sadd str a} {srem str a} {scard str} {smembers str} {sismember str a} {smismember str a}
            {spop str} {spop str 1} {srandmember str} {srandmember str 1} {smove str s a} {smove a str 1} {sinter a str}
            {sunion a str} {sdiff a str} {sinterstore into a str} {sunionstore into a str} {sdiffstore into a str}
            {sintercard 2 a str} {sscan str 0}} {
            assert_error "WRONGTYPE Operation against a key*" {r {*}$command} $command
        }
        list [r get str] [r scard a]
    } {x 5}
    test "bad arguments are refused" {
        assert_error "ERR value is out of range, must be positive" {r spop a -1}
        assert_error "ERR value is out of range, must be positive" {r spop a x}
        assert_error "ERR syntax error" {r spop a 1 2}
        assert_error "ERR syntax error" {r srandmember a 1 2}
        assert_error "ERR value is not an integer or out of range" {r srandmember a x}
        assert_error "ERR value is out of range*" {r srandmember a -9223372036854775808}
        assert_error "ERR value is out of range" {r srandmember a -9223372036854775807}
        assert_error "ERR value is out of range" {r srandmember a -16777217}
        assert_error "ERR numkeys should be greater than 0" {r sintercard 0 a}
        assert_error "ERR numkeys should be greater than 0" {r sintercard x a}
        assert_error "ERR Number of keys can't be greater than number of args" {r sintercard 2 a}
        assert_error "ERR LIMIT can't be negative" {r sintercard 1 a limit -1}
        assert_error "ERR syntax error" {r sintercard 1 a limit}
        assert_error "ERR invalid cursor" {r sscan a x}
        assert_error "ERR syntax error" {r sscan a 0 foo bar}
        r sscan nosuch 0 foo bar
    } {0 {}}
    test "replies are sets in RESP3 where order means nothing" {
        r hello 3
        set replies {}
        foreach command {{smembers a} {sinter a} {sunion a} {sdiff a} {spop one 1} {smembers nosuch}} {
            r sadd one x
            set rd [redis_client]
            $rd hello 3
            $rd readraw 1
            lappend replies [$rd {*}$command]
            $rd close
        }
        r hello 2
        set replies
    } {~5 ~5 ~5 ~5 ~1 ~0}

    # ---- the journal and events
    test "events come in their order" {
        r flushall
        r chronicle.events
        foreach command {{sadd s a b} {sadd s a} {srem s x} {smove s t a} {smove s t b} {spop t} {spop t 5}
            {sadd u 1 2} {sunionstore v u} {sinterstore v u nosuch} {sdiffstore v u u}} {r {*}$command}
        r chronicle.events
    } [list {9 new s} {9 sadd s} {9 srem s} {9 new t} {9 sadd t} {9 srem s} {9 del s} {9 sadd t} \
        {9 spop t} {9 spop t} {9 del t} {9 new u} {9 sadd u} {9 new v} {9 sunionstore v} \
        {9 keymiss nosuch} {9 del v}]
    test "SPOP of all goes on as UNLINK where the server deletes lazily" {
        r config set lazyfree-lazy-server-del yes
        r sadd s a b
        r chronicle.journal
        r spop s 2
        set lines [r chronicle.journal]
        r config set lazyfree-lazy-server-del no
        r sadd s a b
        r spop s 2
        list $lines [lindex [r chronicle.journal] end]
    } {{{9 UNLINK s}} {9 DEL s}}
    test "each member that comes or goes counts as a change" {
        r flushall
        set before [s rdb_changes_since_last_save]
        r sadd s a b c d e
        r srem s a b nosuch
        r spop s 2
        r smove s t nosuch
        expr {[s rdb_changes_since_last_save] - $before}
    } 9

    # ---- chance
    foreach {form size} {intset 20 listpack 20 hashtable 20 hashtable 600} {
        test "SRANDMEMBER gives each member the same chance ($form of $size)" {
            set members [expr {$form eq "intset" ? [numbers 1 $size] : [names $size]}]
            if {$form eq "hashtable"} {r config set set-max-listpack-entries 0}
            create_set s $members
            assert_encoding $form s
            r config set set-max-listpack-entries 128
            foreach {count total} [list -1000 [expr {$size * 200}] 1 [expr {$size * 20}] \
                [expr {$size / 4}] [expr {$size * 100}] [expr {$size * 3 / 4}] [expr {$size * 100}]] {
                array unset times
                set got 0
                while {$got < $total} {
                    foreach member [r srandmember s $count] {incr times($member); incr got}
                }
                set counts {}
                foreach {member n} [array get times] {lappend counts $n}
                # Without replacement counts are more even, never less.
                assert_range [unevenness $counts $size $got] -50 5.5 "count $count"
            }
        }
        test "SPOP gives each member the same chance ($form of $size)" {
            set members [expr {$form eq "intset" ? [numbers 1 $size] : [names $size]}]
            foreach count [list 1 [expr {$size / 4}] [expr {$size - 2}]] {
                array unset times
                set got 0
                for {set round 0} {$round < ($size > 100 ? 30 : 500)} {incr round} {
                    if {$form eq "hashtable"} {r config set set-max-listpack-entries 0}
                    create_set s $members
                    r config set set-max-listpack-entries 128
                    foreach member [r spop s $count] {incr times($member); incr got}
                }
                if {$got < $size * 5} continue
                set counts {}
                foreach {member n} [array get times] {lappend counts $n}
                assert_range [unevenness $counts $size $got] -50 5.5 "count $count"
            }
        }
    }
    test "pairs that SRANDMEMBER gives are all equally likely" {
        create_set s {a b c d e}
        foreach limit {0 128} {
            r config set set-max-listpack-entries $limit
            create_set s {a b c d e}
            array unset times
            for {set i 0} {$i < 4000} {incr i} {incr times([lsort [r srandmember s 2]])}
            set counts {}
            foreach {pair n} [array get times] {lappend counts $n}
            assert_range [unevenness $counts 10 4000] -50 5.5
        }
        r config set set-max-listpack-entries 128
    }

    # ---- big ones
    test "a set of 100,000 grows, shrinks and is freed in the background" {
        r del big
        for {set i 0} {$i < 100} {incr i} {r sadd big {*}[names 1000 $i:]}
        assert_equal [r scard big] 100000
        assert_equal [llength [lsort -unique [r srandmember big 60000]]] 60000
        assert_equal [llength [r spop big 99000]] 99000
        assert_equal [llength [lsort -unique [r smembers big]]] 1000
        for {set i 0} {$i < 20} {incr i} {r sadd big {*}[names 1000 $i:]}
        set before [s lazyfreed_objects]
        r unlink big
        wait_for_condition 100 20 {[s lazyfreed_objects] > $before} else {fail "not freed in the background"}
    }
}

start_server {tags {sets}} {
    test "what sets took they give back" {
        # The first round grows the connection's buffers.
        set used {}
        foreach round {1 2 3} {
            r flushall
            r sadd s {*}[names 20000]
            r sadd i {*}[numbers 1 500]
            r sadd p {*}[names 100]
            r sunionstore t s i
            r sdiff s i
            r srandmember s 3000
            r spop s 19000
            r spop t 7000
            r spop i 100
            r copy s u
            r restore v 0 [r dump t]
            r del s i p t u v
            lappend used [s used_memory]
        }
        assert_lessthan [expr {[lindex $used 2] - [lindex $used 1]}] 20000
    }

    # ---- payloads
    test "listpack payloads are taken; version 10 has none" {
        # a b 1 2
        set pack "\x11\x00\x00\x00\x04\x00\x81a\x02\x81b\x02\x01\x01\x02\x01\xff"
        set pack [binary format i [string length $pack]][string range $pack 4 end]
        r restore s 0 [payload "\x14[binary format c [string length $pack]]$pack" 11]
        list [r object encoding s] [lsort [r smembers s]] [string index [r dump s] 0]
    } [list listpack {1 2 a b} "\x02"]
    test "payloads over the limits become hash tables" {
        r config set set-max-listpack-entries 3 set-max-intset-entries 3
        r restore t 0 [payload "\x14[binary format c [string length $pack]]$pack" 11]
        r restore u 0 [payload "\x0b\x10\x02\x00\x00\x00\x04\x00\x00\x00\x01\x00\x02\x00\x03\x00\x04\x00"]
        r restore v 0 [payload "\x02\x04\x01a\x01b\x011\x012"]
        set forms [list [r object encoding t] [r object encoding u] [r object encoding v]]
        r config set set-max-listpack-entries 128 set-max-intset-entries 512
        list $forms [lsort [r smembers t]] [lsort [r smembers u]] [lsort [r smembers v]]
    } {{hashtable hashtable hashtable} {1 2 a b} {1 2 3 4} {1 2 a b}}
    test "payloads that lie are refused" {
        proc packed args {
            set body ""
            foreach element $args {append body $element}
            set total [expr {7 + [string length $body]}]
            set pack [binary format is $total [llength $args]]$body\xff
            return "\x14[binary format c [string length $pack]]$pack"
        }
        assert_equal [r restore good 0 [payload [packed "\x81a\x02" "\x01\x01"] 11]] OK
        set many {}
        for {set i 0} {$i < 40} {incr i} {lappend many "[binary format c $i]\x01"}
        assert_equal [r restore good 0 [payload [packed {*}[lrange $many 0 20]] 11] replace] OK
        foreach body [list [packed] [packed "\x81a\x02" "\x81a\x02"] [packed "\x01\x01" "\x01\x01"] \
            [packed "\x01\x01" "\x811\x02"] [packed {*}[lrange $many 0 20] [lindex $many 4]] "\x14\x00" "\x14\x01a" \
            "\x14\x07\x07\x00\x00\x00\x01\x00\xff" "\x14\x07\x08\x00\x00\x00\x00\x00\xff" \
            "\x14\x09\x09\x00\x00\x00\x01\x00\x85a\xff" "\x14\x0a\x0a\x00\x00\x00\x01\x00\x81a\x03\xff" \
            "\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x02\x00\x01\x00" \
            "\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x01\x00" \
            "\x0b\x08\x02\x00\x00\x00\x00\x00\x00\x00" "\x0b\x08\x05\x00\x00\x00\x00\x00\x00\x00" \
            "\x0b\x08\x08\x00\x00\x00\x00\x00\x00\x20" "\x02\x00" "\x02\x03\x01a\x01b" "\x02\x02\x01a\x01a" \
            "\x02\x03\x01a\x011\xc0\x01" "\x02\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x01a" \
            "\x02\x80\x7f\xff\xff\xff\x01a"] {
            assert_error "ERR Bad data format" {r restore bad 0 [payload $body 11]} [binary encode hex $body]
        }
        list [r exists bad] [r scard good]
    } {0 21}
    test "random damage is refused or gives a set that works" {
        r sadd d1 {*}[numbers 1 30]
        r sadd d2 {*}[names 20]
        set bodies [list [string range [r dump d1] 0 end-10] [string range [r dump d2] 0 end-10] \
            [packed {*}[lrange $many 0 10] "\x83abc\x04" "\x81z\x02"]]
        for {set i 0} {$i < 1500} {incr i} {
            set damaged [lindex $bodies [randomInt 3]]
            for {set n [expr {1 + [randomInt 3]}]} {$n} {incr n -1} {
                set at [expr {1 + [randomInt [expr {[string length $damaged] - 1}]]}]
                set damaged [string replace $damaged $at $at [binary format c [randomInt 256]]]
            }
            r del bad
            if {[catch {r restore bad 0 [payload $damaged 11]} e]} {
                assert_equal $e "ERR Bad data format"
            } else {
                set members [r smembers bad]
                assert_equal [llength [lsort -unique $members]] [r scard bad]
                foreach member $members {assert_equal [r sismember bad $member] 1}
                r sadd bad more
                r dump bad
                r srandmember bad 3
                assert_equal [r srem bad {*}$members more] [expr {[llength $members] + ("more" ni $members)}]
            }
        }
    }
}
