# types.tcl - the generic commands on a type that a module brought, and its bytes.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $here .. kit payload.tcl]

set bag [file join [file dirname [file normalize $kit::binary]] tests modules bag.so]

start_server [list tags {types} overrides [list loadmodule $bag]] {
    test "TYPE, OBJECT ENCODING and SCAN TYPE know a module's type" {
        r bag.add one a
        r bag.add many a bb ccc
        r set string x
        list [r type one] [r object encoding one] [r object encoding many] \
            [lsort [lindex [r scan 0 count 1000 type bag] 1]] [lindex [r scan 0 type BAG] 0]
    } {bag purse sack {many one} 0}
    test "commands of other types refuse it" {
        assert_error "WRONGTYPE*" {r get one}
        assert_error "WRONGTYPE*" {r bag.get string}
    }
    test "RENAME, MOVE, EXPIRE and PERSIST carry it" {
        r rename one two
        r expire two 1000
        r move two 4
        r select 4
        set got [list [r bag.get two] [expr {[r ttl two] > 900}] [r persist two] [r type two]]
        r move two 9
        r select 9
        list $got [r bag.get two]
    } {{a 1 1 bag} a}
    test "COPY makes a value of its own" {
        list [r copy many copy] [r bag.add copy d] [r bag.get many] [r bag.get copy]
    } {1 4 {a bb ccc} {a bb ccc d}}
    test "COPY of a type that cannot is refused, and nothing changes" {
        r statue.set statue
        assert_error "ERR not supported for this module key" {r copy statue string replace}
        list [r get string] [r type statue] [r del statue]
    } {x statue 1}
    test "its values move to denser places, at once or in steps, and what belongs to no key" {
        for {set i 0} {$i < 3000} {incr i} {lappend words word$i}
        r bag.add large {*}$words
        r bag.add small a b c
        set before [list [r bag.get large] [r bag.get small] [r bag.sign]]
        assert_equal [lindex $before 2] {{bags for all} 0 1}
        r config resetstat
        r debug defrag pass
        assert {[s active_defrag_hits] >= 3000 + 3 + 2 * 4}
        assert_equal [list [r bag.get large] [r bag.get small]] [lrange $before 0 1]
        assert_equal [r bag.sign] {{bags for all} 1 1}
        r del large small
    } 2
    test "DUMP of a type without bytes is refused" {
        r statue.set statue
        r dump statue
    } "ERR this value cannot be dumped"
    test "overwriting and deleting free the value" {
        set before [r bag.freed]
        r bag.add x a
        r set x string
        r bag.add y a
        r del y
        r bag.add z a
        r rename many z
        r rename z many
        expr {[r bag.freed] - $before}
    } 3
    test "UNLINK frees large values in the background" {
        set before [r bag.freed]
        r bag.add big {*}[lrepeat 5000 word]
        r bag.add small a
        assert_equal [r unlink big small] 2
        wait_for_condition 100 10 {[r bag.freed] == $before + 2} else {fail "not freed"}
    }

    # ---- its bytes

    test "DUMP and RESTORE carry it" {
        set long [string repeat x 30000]
        r del many
        r bag.add many "" a 42 -70000 "a\0b" $long
        set dump [r dump many]
        assert_equal [r restore again 0 $dump] OK
        assert_equal [r bag.get again] [list "" a 42 -70000 "a\0b" $long]
        assert_equal [r dump again] $dump
    }
    test "the opcode is the type's choice" {
        r bag.add single word
        list [r dump single] [r bag.get single]
    } [list [payload "\xc9\x01\x04word"] word]
    test "numbers are in the forms of the format" {
        r del many
        r bag.add many a bb ccc
        r dump many
    } [payload "\xc8\x03\x01a\x02bb\x03ccc\x00\x00\x00\x00\x00\x00\xf8\x3f\x03[set _ 2.5]\x06\x00\x00\x00\x00\x00\x00\x00"]
    test "decimal doubles may be infinite or none" {
        foreach text {"\xff" "\xfe" "\xfd" "\x032.5"} {
            set body "\xc8\x02\x01a\x01b\x00\x00\x00\x00\x00\x00\xf0\x3f${text}\x02\x00\x00\x00\x00\x00\x00\x00"
            assert_equal [r restore again 0 [payload $body] replace] OK
        }
        r bag.get again
    } {a b}
    test "a value that is valid but empty is refused" {r restore empty 0 [payload "\xc9\x00"]} \
        "ERR Bad data format"
    test "every cut is refused" {
        set body [string range [r dump many] 0 end-10]
        for {set i 1} {$i < [string length $body]} {incr i} {
            assert_error "ERR Bad data format" {
                r restore cut 0 [payload [string range $body 0 $i-1]]
            } "at $i"
        }
        r exists cut
    } 0
    test "counts and lengths that lie are refused" {
        foreach body [list "\xc9\x80\xff\xff\xff\xff" "\xc9\x81\xff\xff\xff\xff\xff\xff\xff\xff" \
            "\xc9\xc0\x01" "\xc9\x02\x01a\x80\xff\xff\xff\xff" "\xc9\x01\xc3\x01\x80\x7f\xff\xff\xff" \
            "\xc9\x3f\x01a" "\xca\x01\x01a" "\xc9\x01\xc9\x01"] {
            assert_error "ERR Bad data format" {r restore lie 0 [payload $body]} \
                [binary encode hex $body]
        }
        r exists lie
    } 0
    test "a refused value is freed, and the key that it was to replace stays" {
        set before [r bag.freed]
        assert_error "ERR Bad data format" {r restore single 0 [payload "\xc9\x02\x01a"] replace}
        list [expr {[r bag.freed] - $before}] [r bag.get single]
    } {1 word}
    test "a value that has expired already is freed" {
        set before [r bag.freed]
        assert_equal [r restore gone 1 [r dump single] absttl] OK
        list [expr {[r bag.freed] - $before}] [r exists gone]
    } {1 0}
    test "random damage is refused or gives a value that works" {
        r del many
        r bag.add many one two three 4 55555 [string repeat abc 100]
        set body [string range [r dump many] 0 end-10]
        for {set i 0} {$i < 1500} {incr i} {
            set damaged $body
            for {set n [expr {1 + [randomInt 3]}]} {$n} {incr n -1} {
                set at [randomInt [string length $body]]
                set damaged [string replace $damaged $at $at [binary format c [randomInt 256]]]
            }
            r del damaged
            if {[catch {r restore damaged 0 [payload $damaged]} e]} {
                assert_equal $e "ERR Bad data format"
            } elseif {[r type damaged] eq "bag"} {
                r bag.get damaged
                r copy damaged damaged2 replace
                r restore damaged3 0 [r dump damaged] replace
            }
        }
        r ping
    } PONG
    test "no value is left when no key is" {
        r flushall
        r bag.live
    } 0
}
