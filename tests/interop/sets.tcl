# sets.tcl - sets beside the real server: errors in their order, payloads of every form there and
# back, and what SPOP and its like leave in the stream of writes.
#
# Declared differences: 7.0 has no listpack form, sets that have it here are hash tables there; and it
# writes an SREM for each member popped.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]
source [file join $kit::home kit random.tcl]
source [file join $kit::home kit payload.tcl]
source [file join $kit::home interop grammar set.tcl]

set chronicle [file join [file dirname [file normalize $kit::binary]] tests modules chronicle.so]

# Members of a set of each form, by the name of the form.
proc numbers {from to {step 1}} {
    set out {}
    for {set i $from} {$i <= $to} {incr i $step} {lappend out $i}
    return $out
}
proc names {count} {
    set out {}
    for {set i 0} {$i < $count} {incr i} {lappend out member:$i}
    return $out
}
array set shapes [list \
    ints16 [numbers -3 40] ints32 {5 70000 -70000} ints64 {1 4294967296 -9223372036854775808} \
    ints_most [numbers 1 512] ints_too_many [numbers 1 513] \
    short {a b c 1 2 -7 4294967296 01 ""} \
    most [names 128] too_many [names 129] \
    limit [list a [string repeat x 64]] too_long [list a [string repeat x 65]] \
    binary [list "a\0b" "\r\n" "\xff\xfe" " "] large [names 3000] compressible [list [string repeat ab 30000] b]]

start_pair {tags {interop sets}} {
    same select 9
    foreach protocol {2 3} {
        test "errors, and which of several, are the real server's in RESP$protocol" {
            pair::exchange [list [list hello $protocol]]
            same_all {{flushall} {set str x} {sadd s a b c} {sadd i 1 2 3}}
            foreach command {sadd srem smove sismember smismember scard smembers spop srandmember
                             sinter sintercard sinterstore sunion sunionstore sdiff sdiffstore sscan} {
                foreach args {{} str {str a} {str a b} {s str} {str s} {s str a} {str s a} {nosuch str a}
                              {nosuch str} {s nosuch str} {1 str} {2 s str} {0 s} {x s} {-1 s} {2 s}
                              {1 s limit} {1 s limit x} {1 s limit -1} {1 s limit 1 limit} {1 s foo 1}
                              {9223372036854775808 s} {d str} {d s str} {d nosuch str} {str 0} {str x}
                              {nosuch x} {nosuch 0 foo} {s 0 match} {s 0 count 0} {s 0 count x}
                              {s 0 foo bar} {str 0 foo} {s x foo} {s -1} {nosuch -1} {nosuch x 1} {s x}
                              {s 1 2} {str x y} {s -9223372036854775808} {s 9223372036854775808}
                              {str -9223372036854775808}} {
                    # Picks at random would leave the two with different sets.
                    if {$command eq "spop" && [lindex $args 0] in {s 1 2 0 x -1 d}} continue
                    same $command {*}$args
                }
            }
            same spop s x
            same spop s -1
            same spop s 1 2
            same smembers i
        }
        test "replies are of the real server's kinds in RESP$protocol" {
            same_all {{sadd one a} {sadd d a b} {smembers nosuch} {smembers one} {sinter one} {sinter nosuch}
                {sunion nosuch one} {sunion nosuch} {sdiff one} {sdiff one one} {spop one} {spop one}
                {spop one 1} {sadd one a} {spop one 5} {srandmember nosuch} {srandmember nosuch 1}
                {srandmember i 0} {srandmember i 10} {srandmember i -2} {spop nosuch 0} {spop i 0}
                {smismember i 1 9 x} {sismember i 1} {sscan i 0} {sscan nosuch 7 foo} {sintercard 2 i i limit 2}
                {sinterstore x i i} {sinterstore x i nosuch} {sdiffstore x i} {sdiffstore x nosuch}
                {sunionstore x nosuch} {exists x}}
        }
    }
    test "payloads of every form are loaded by the other, and mean the same" {
        foreach {shape members} [array get shapes] {
            foreach compression {no yes} {
                same_all [list {flushall} [list config set rdbcompression $compression] \
                    [list sadd s {*}$members] [list sadd s {*}$members]]
                same object encoding s
                set ours [r 0 dump s]
                set theirs [r -1 dump s]
                r 0 restore t 0 $theirs
                r -1 restore t 0 $ours
                same object encoding t
                assert_equal [lsort [r 0 smembers t]] [lsort [lsort -unique $members]] $shape
                assert_equal [lsort [r -1 smembers t]] [lsort [lsort -unique $members]] $shape
                assert_equal [r 0 debug digest] [r -1 debug digest] $shape
                if {[r 0 object encoding s] eq "intset"} {assert_equal $ours $theirs $shape}
            }
        }
    }
    test "payloads that lie are refused by both" {
        # Type 2: doubles, no members, more members than bytes. Type 11: a width that is none, wrong
        # sizes, no members.
        foreach body [list "\x02\x02\x01a\x01a" "\x02\x00" "\x02\x05\x01a" "\x02\x80\xff\xff\xff\xff\x01a" \
            "\x0b\x08\x03\x00\x00\x00\x00\x00\x00\x00" "\x0b\x08\x02\x00\x00\x00\x00\x00\x00\x00" \
            "\x0b\x0a\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00" "\x0b\x07\x02\x00\x00\x00\x00\x00\x00" \
            "\x0b\x0c\x04\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00" "\x0b\xc0\x01" "\x0b\x00"] {
            same restore bad 0 [payload $body] replace
        }
        same exists bad
    }
}

# What a replica of the real server hears from now on, as lists of words.
proc follow_real {} {
    set fd [redis::open_channel [srv -1 host] [srv -1 port]]
    puts -nonewline $fd [redis::encode sync]
    flush $fd
    while {[set line [gets $fd]] in {"" "\r"}} {}
    regexp {^\$(\d+)} $line -> size
    read $fd $size
    return $fd
}
proc heard_from_real fd {
    r -1 set the-end 1
    set lines {}
    while 1 {
        set tree [pair::parse [redis::raw_reply_from $fd]]
        set words {}
        foreach item [lindex $tree 1] {lappend words [lindex $item 1]}
        if {[lrange $words 1 2] eq {the-end 1}} break
        if {[string tolower [lindex $words 0]] ni {ping select}} {lappend lines $words}
    }
    return $lines
}
# The same from our journal: the database goes, lines become words.
proc heard_from_keel {} {
    set lines {}
    foreach line [r 0 chronicle.journal] {lappend lines [lrange [split $line] 1 end]}
    return $lines
}
# Capitals, transactions' frames, and members that are chance do not count; nor does how many SREMs the
# members came in, as 7.0 writes one for each and 7.2 up to 1024 in one.
proc shape_of lines {
    set out {}
    foreach words $lines {
        set name [string tolower [lindex $words 0]]
        if {$name in {multi exec}} continue
        if {$name eq "srem"} {
            set members [expr {[llength $words] - 2}]
            lassign [lindex $out end] before key sum
            if {$before eq "srem" && $key eq [lindex $words 1]} {
                set out [lreplace $out end end]
                incr members $sum
            }
            set words [list srem [lindex $words 1] $members]
        }
        lappend out [list $name {*}[lrange $words 1 end]]
    }
    return $out
}

if {[kit::have_real_server]} {
    start_real_server {tags {interop sets}} {
        start_server [list tags {interop sets journal} overrides [list loadmodule $chronicle]] {
            set fd [follow_real]
            foreach {what commands} [list \
                "SADD, SREM and SMOVE go on as they came" \
                    {{sadd s a b c} {sadd s a} {srem s x} {srem s a x} {smove s t b} {smove s t x}
                     {smove s s c} {smove nosuch t c} {srem s c} {srem s c}} \
                "SPOP goes on as SREM" {{sadd s a b c d e f g} {spop s} {spop s 2} {spop s 0} {spop s 1}} \
                "SPOP of the last one goes on as SREM, of all as DEL" \
                    {{del s} {sadd s a} {spop s} {sadd s a b} {spop s 2} {sadd s a b} {spop s 9} {spop s 3}} \
                "SPOP of nearly all goes on as SREM" [list [list sadd s {*}[names 900]] {spop s 890} {spop s 9}] \
                "SPOP of integers goes on as SREM" [list [list sadd i {*}[numbers 1 300]] {spop i 10} {spop i 280}] \
                "STORE goes on as it came, and when it deletes" \
                    {{sadd a 1 2 3} {sadd b 2 3 4} {sinterstore c a b} {sinterstore c a nosuch}
                     {sinterstore c a nosuch} {sunionstore c a b} {sdiffstore c a b} {sdiffstore c a a}
                     {sdiffstore c a a} {sunionstore c nosuch}} \
                "questions do not" {{smembers a} {srandmember a} {srandmember a 2} {scard a} {sscan a 0} {sinter a b}}] {
                test $what {
                    r 0 chronicle.journal
                    foreach command $commands {
                        r 0 {*}$command
                        r -1 {*}$command
                    }
                    assert_equal [shape_of [heard_from_keel]] [shape_of [heard_from_real $fd]]
                }
            }
            test "SPOP of thousands goes on as SREMs of no more than a thousand or so, and the sets agree" {
                r 0 del s
                r 0 sadd s {*}[names 9000]
                r 0 chronicle.journal
                set popped [r 0 spop s 2500]
                set gone {}
                foreach words [heard_from_keel] {
                    if {$words eq ""} continue      ;# a transaction's frame
                    if {[lindex $words 0] ne "SREM"} {fail [lrange $words 0 3]}
                    assert_lessthan_equal [llength $words] 1026
                }
                assert_equal [llength [lsort -unique $popped]] 2500
                assert_equal [r 0 scard s] 6500
            }
            close $fd
        }
    }
}
