# bitmaps.tcl - GETBIT, SETBIT, BITCOUNT, BITPOS, BITOP, BITFIELD and BITFIELD_RO.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

set NOT_INT "ERR value is not an integer or out of range"
set SYNTAX "ERR syntax error"
set WRONGTYPE "WRONGTYPE Operation against a key holding the wrong kind of value"
set BAD_OFFSET "ERR bit offset is not an integer or out of range"
set BAD_TYPE "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not\
              supported but i64 is."
set MAX 9223372036854775807
set MIN -9223372036854775808

proc make_other key {
    r del $key
    if {[llength [witness]]} {r witness.other $key} else {r rpush $key a}
}

# The module that makes such keys, where the server is ours: words for `overrides`.
proc witness {} {
    set path [file join [file dirname $::kit::binary] tests modules witness.so]
    if {$::kit::binary eq "real"} {return {}}
    return [list loadmodule $path]
}

# A string as the digits of its bits.
proc bits_of s {
    binary scan $s B* bits
    return $bits
}

# The slow and certain way.
proc ones_in bits {return [string length [string map {0 {}} $bits]]}

# What one word operation makes of byte lists.
proc slow_bitop {op strings} {
    set len 0
    foreach s $strings {set len [expr {max($len, [string length $s])}]}
    set rows {}
    foreach s $strings {
        binary scan $s cu* bytes
        lappend rows $bytes
    }
    set out {}
    for {set i 0} {$i < $len} {incr i} {
        set v {}
        foreach bytes $rows {
            set b [expr {$i < [llength $bytes] ? [lindex $bytes $i] : 0}]
            if {$v eq {}} {set v $b; continue}
            switch $op {
                and {set v [expr {$v & $b}]}
                or {set v [expr {$v | $b}]}
                xor {set v [expr {$v ^ $b}]}
            }
        }
        if {$op eq "not"} {set v [expr {~$v & 255}]}
        lappend out $v
    }
    return [binary format c* $out]
}

start_server [list tags {bitmap} overrides [witness]] {
    test "SETBIT and GETBIT: bit 0 is the highest of the first byte" {
        r del b
        assert_equal [r setbit b 1 1] 0
        assert_equal [r get b] @
        assert_equal [r setbit b 2 1] 0
        assert_equal [r get b] `
        assert_equal [r setbit b 1 0] 1
        assert_equal [r get b] " "
        assert_equal [r setbit b 17 1] 0
        assert_equal [r get b] " \0@"
        list [r getbit b 2] [r getbit b 3] [r getbit b 17] [r getbit b 18] [r getbit b 4294967295] \
            [r getbit none 0] [r strlen b]
    } {1 0 1 0 0 0 3}

    test "SETBIT and GETBIT on integers" {
        r set n 1
        assert_equal [lmap i {0 1 2 3 4 5 6 7} {r getbit n $i}] {0 0 1 1 0 0 0 1}
        assert_equal [r setbit n 6 1] 0
        assert_equal [r get n] 3
        r setbit n 10 1
        r get n
    } "3 "

    test "SETBIT creates with zeros, also when it clears" {
        r del b
        assert_equal [r setbit b 15 0] 0
        list [r exists b] [r get b]
    } [list 1 "\0\0"]

    test "SETBIT keeps the expiry" {
        r set b a ex 100
        r setbit b 100 1
        assert_range [r ttl b] 98 100
    }

    test "SETBIT and GETBIT refuse offsets, bits and types" {
        make_other l
        foreach offset [list -1 a {} 1.5 4294967296 $MAX 9223372036854775808 #1 " 1"] {
            assert_error $BAD_OFFSET {r setbit l $offset 1} $offset
            assert_error $BAD_OFFSET {r getbit l $offset} $offset
        }
        foreach bit {2 -1 a {} 11 01} {
            assert_error "ERR bit is not an integer or out of range" {r setbit l 0 $bit} $bit
        }
        assert_error $BAD_OFFSET {r setbit l -1 2}
        assert_error $WRONGTYPE {r setbit l 0 1}
        assert_error $WRONGTYPE {r getbit l 0}
    }

    test "SETBIT and GETBIT agree with Tcl on random bits" {
        r del b
        set bits [string repeat 0 800]
        for {set i 0} {$i < 2000} {incr i} {
            set at [randomInt 800]
            set bit [randomInt 2]
            assert_equal [r setbit b $at $bit] [string index $bits $at]
            set bits [string replace $bits $at $at $bit]
            set at [randomInt 800]
            assert_equal [r getbit b $at] [string index $bits $at]
        }
        assert_equal [bits_of [r get b]] [string range $bits 0 [expr {[r strlen b] * 8 - 1}]]
    }

    # ---- BITCOUNT

    test "BITCOUNT of missing, empty, long and integer values" {
        r del none
        r set e {}
        r set n 123456789
        r set big [string repeat "\xff\0\x0f" 10001]
        list [r bitcount none] [r bitcount e] [r bitcount n] [r bitcount big] [r bitcount e 0 -1] \
            [r bitcount none 0 -1 bit]
    } [list 0 0 [ones_in [bits_of 123456789]] 120012 0 0]

    test "BITCOUNT of every length up to some words" {
        for {set len 0} {$len < 100} {incr len} {
            set s [randstring $len $len binary]
            r set s $s
            assert_equal [r bitcount s] [ones_in [bits_of $s]] "length $len"
        }
    }

    test "BITCOUNT with a range of bytes or of bits agrees with Tcl" {
        for {set round 0} {$round < 300} {incr round} {
            set s [randstring 1 60 binary]
            r set s $s
            set bits [bits_of $s]
            foreach {unit size} [list byte [string length $s] bit [string length $bits]] {
                set start [expr {[randomInt [expr {$size * 3}]] - $size}]
                set end [expr {[randomInt [expr {$size * 3}]] - $size}]
                set from [expr {max(0, $start < 0 ? $start + $size : $start)}]
                set to [expr {min($size - 1, max(0, $end < 0 ? $end + $size : $end))}]
                if {$start < 0 && $end < 0 && $start > $end} {set to -1}
                if {$unit eq "byte"} {
                    set part [string range $bits [expr {$from * 8}] [expr {$to * 8 + 7}]]
                    if {$to < 0} {set part {}}
                    assert_equal [r bitcount s $start $end] [ones_in $part] "$start $end"
                } else {
                    set part [string range $bits $from $to]
                }
                assert_equal [r bitcount s $start $end $unit] [ones_in $part] "$start $end $unit"
            }
        }
    }

    test "BITCOUNT with positions at the ends of what an integer holds" {
        r set s foobar
        list [r bitcount s $MIN $MAX] [r bitcount s $MIN $MAX BIT] [r bitcount s $MAX $MAX] \
            [r bitcount s $MIN $MIN] [r bitcount s 0 $MIN bit] [r bitcount s $MAX $MIN bit]
    } {26 26 0 4 0 0}

    test "BITCOUNT refuses half a range, other units and types" {
        r set s foobar
        make_other l
        assert_error $SYNTAX {r bitcount s 0}
        assert_error $SYNTAX {r bitcount s 0 1 hello}
        assert_error $SYNTAX {r bitcount s 0 1 bit 1}
        assert_error $NOT_INT {r bitcount s a 1}
        assert_error $NOT_INT {r bitcount s 0 b}
        assert_error $NOT_INT {r bitcount s a b hello}
        assert_error $WRONGTYPE {r bitcount l}
        assert_error $WRONGTYPE {r bitcount l a b}
    }

    # ---- BITPOS

    test "BITPOS of missing and empty values" {
        r del none
        r set e {}
        list [r bitpos none 0] [r bitpos none 1] [r bitpos e 0] [r bitpos e 1] \
            [r bitpos none 0 5 10] [r bitpos e 0 0 -1 bit]
    } {0 -1 -1 -1 0 -1}

    test "BITPOS finds the first zero and the first one" {
        r set s "\xff\xf0\x00"
        assert_equal [r bitpos s 0] 12
        r set s "\x00\x0f\xff"
        assert_equal [r bitpos s 1] 12
        assert_equal [r bitpos s 1 1] 12
        assert_equal [r bitpos s 1 2] 16
        assert_equal [r bitpos s 1 3] -1
        r set n 0
        list [r bitpos n 1] [r bitpos n 0]
    } {2 0}

    test "BITPOS takes what follows a string as zeros, unless an end was given" {
        r set s "\xff\xff\xff"
        list [r bitpos s 0] [r bitpos s 0 0] [r bitpos s 0 2] [r bitpos s 0 -1] [r bitpos s 0 0 -1] \
            [r bitpos s 0 0 100] [r bitpos s 0 3] [r bitpos s 0 0 -1 bit] [r bitpos s 1 3 100 bit]
    } {24 24 24 24 -1 -1 -1 -1 3}

    test "BITPOS in long strings of one kind, at every place" {
        foreach len {1 7 8 9 15 16 31 32 33 40 41 64 65 100} {
            foreach bit {0 1} {
                set background [expr {$bit ? "\0" : "\xff"}]
                r set s [string repeat $background $len]
                assert_equal [r bitpos s $bit 0 -1] -1
                for {set at 0} {$at < $len * 8} {incr at 3} {
                    r setbit s $at $bit
                    assert_equal [r bitpos s $bit] $at "$at of $len"
                    assert_equal [r bitpos s $bit $at -1 bit] $at
                    if {$at > 0} {
                        assert_equal [r bitpos s $bit 0 [expr {$at - 1}] bit] -1
                    }
                    r setbit s $at [expr {!$bit}]
                }
            }
        }
    }

    test "BITPOS agrees with Tcl on random ranges of bits" {
        for {set round 0} {$round < 500} {incr round} {
            set s [randstring 1 30 binary]
            r set s $s
            set bits [bits_of $s]
            set size [string length $bits]
            set bit [randomInt 2]
            set start [randomInt $size]
            set end [randomInt $size]
            set found -1
            if {$start <= $end} {
                set found [string first $bit [string range $bits $start $end]]
                if {$found >= 0} {incr found $start}
            }
            assert_equal [r bitpos s $bit $start $end bit] $found "$bits $bit $start $end"
            assert_equal [r bitpos s $bit [expr {$start - $size}] [expr {$end - $size}] BIT] $found
        }
    }

    test "BITPOS refuses bits, ranges, units and types" {
        r set s abc
        make_other l
        assert_error "ERR The bit argument must be 1 or 0." {r bitpos s 2}
        assert_error "ERR The bit argument must be 1 or 0." {r bitpos l -1}
        assert_error $NOT_INT {r bitpos s a}
        assert_error $NOT_INT {r bitpos s 1 a}
        assert_error $NOT_INT {r bitpos s 1 0 a}
        assert_error $SYNTAX {r bitpos s 1 0 1 hello}
        assert_error $SYNTAX {r bitpos s 1 0 a hello}
        assert_error $SYNTAX {r bitpos s 1 0 1 bit 7}
        assert_error $WRONGTYPE {r bitpos l 1}
        assert_error $WRONGTYPE {r bitpos l 1 a}
    }

    # ---- BITOP

    test "BITOP of short strings" {
        r set a "\xff\x0f"
        r set b "\x0f\xff\xaa"
        assert_equal [r bitop and d a b] 3
        assert_equal [r get d] "\x0f\x0f\0"
        assert_equal [r bitop OR d a b] 3
        assert_equal [r get d] "\xff\xff\xaa"
        assert_equal [r bitop xor d a b] 3
        assert_equal [r get d] "\xf0\xf0\xaa"
        assert_equal [r bitop Not d b] 3
        r get d
    } "\xf0\x00\x55"

    test "BITOP with integers and missing keys" {
        r set a 12
        r del none
        assert_equal [r bitop or d a none] 2
        assert_equal [r get d] 12
        assert_equal [r bitop and d a none] 2
        assert_equal [r get d] "\0\0"
        assert_equal [r bitop xor d a a] 2
        r get d
    } "\0\0"

    test "BITOP of nothing deletes the destination" {
        r set d x
        r del none
        r set e {}
        assert_equal [r bitop and d none e] 0
        assert_equal [r exists d] 0
        make_other d
        assert_equal [r bitop not d none] 0
        r exists d
    } 0

    test "BITOP replaces the destination, its type and its expiry" {
        r set a abc
        r set d old ex 100
        assert_equal [r bitop or d a] 3
        assert_equal [r ttl d] -1
        make_other d
        assert_equal [r bitop or d a] 3
        list [r get d] [r type d]
    } {abc string}

    test "BITOP may write over one of its sources" {
        foreach op {and or xor} {
            foreach len_a {1 5 5000 9000} {
                foreach len_b {1 5 5000 9000} {
                    set a [randstring $len_a $len_a binary]
                    set b [randstring $len_b $len_b binary]
                    set expected [slow_bitop $op [list $a $b]]
                    foreach dest {a b} {
                        r mset a $a b $b
                        assert_equal [r bitop $op $dest a b] [string length $expected]
                        assert_equal [r get $dest] $expected "$op $len_a $len_b into $dest"
                    }
                }
            }
        }
        r set a abc
        r bitop not a a
        r bitop not a a
        r set n 7
        r bitop or n n
        list [r get a] [r get n]
    } {abc 7}

    test "BITOP agrees with Tcl on random strings" {
        for {set round 0} {$round < 60} {incr round} {
            set op [lindex {and or xor not} [randomInt 4]]
            set n [expr {$op eq "not" ? 1 : 1 + [randomInt 12]}]
            set strings {}
            set keys {}
            for {set i 0} {$i < $n} {incr i} {
                set s [randstring 0 [expr {$round % 4 ? 50 : 6000}] binary]
                lappend strings $s
                lappend keys s$i
                r set s$i $s
            }
            set expected [slow_bitop $op $strings]
            assert_equal [r bitop $op d {*}$keys] [string length $expected]
            assert_equal [r get d] $expected "$op of $n"
        }
    }

    test "BITOP refuses operations, counts and types" {
        make_other l
        r set a abc
        r set d keep
        assert_error $SYNTAX {r bitop foo d a}
        assert_error $SYNTAX {r bitop "" d a}
        assert_error "ERR BITOP NOT must be called with a single source key." {r bitop not d a a}
        assert_error $WRONGTYPE {r bitop or d a l}
        assert_error $WRONGTYPE {r bitop not d l}
        assert_error "ERR wrong number of arguments for 'bitop' command" {r bitop or d}
        r get d
    } keep

    # ---- BITFIELD

    test "BITFIELD reads, sets and adds" {
        r del b
        assert_equal [r bitfield b set u8 0 255 get u8 0 get i8 0 get u4 2 incrby u8 0 1] \
            {0 255 -1 15 0}
        assert_equal [r bitfield b set i5 100 -3 get i5 100 incrby i5 100 5] {0 -3 2}
        r strlen b
    } 14

    test "BITFIELD counts in fields with #" {
        r del b
        r bitfield b set u8 #0 65 set u8 #1 66 set u8 #2 67
        assert_equal [r get b] ABC
        assert_equal [r bitfield b get u8 #1 get u4 #5 get u16 #0] {66 3 16706}
        r bitfield b incrby u8 #1 2
    } 68

    test "BITFIELD overflow: WRAP, SAT and FAIL hold for what follows them" {
        r del b
        r bitfield b set u8 0 250 set i8 8 120 set i8 16 -120
        assert_equal [r bitfield b incrby u8 0 10 incrby i8 8 10 incrby i8 16 -10] {4 -126 126}
        r bitfield b set u8 0 250 set i8 8 120 set i8 16 -120
        assert_equal [r bitfield b overflow sat incrby u8 0 10 incrby i8 8 10 incrby i8 16 -10] \
            {255 127 -128}
        assert_equal [r bitfield b overflow FAIL incrby u8 0 10 incrby i8 8 10 incrby i8 16 -10 \
            incrby i8 8 -1 overflow wrap incrby u8 0 1] {{} {} {} 126 0}
        r bitfield b overflow sat incrby u8 0 -5 overflow fail set u8 0 300 overflow sat \
            set u8 0 300 get u8 0 set i8 0 -1000 get i8 0 set u8 0 -1 get u8 0
    } {0 {} 0 255 -1 -128 128 255}

    test "BITFIELD of all widths agrees with arithmetic" {
        foreach sign {i u} {
            for {set bits 1} {$bits <= ($sign eq "i" ? 64 : 63)} {incr bits} {
                set min [expr {$sign eq "i" ? -(1 << ($bits - 1)) : 0}]
                set max [expr {$sign eq "i" ? (1 << ($bits - 1)) - 1 : (1 << $bits) - 1}]
                set offset [randomInt 70]
                set field [list $sign$bits $offset]
                r del b
                # A frame of ones around it must stay.
                r bitfield b set i64 0 -1 set i64 64 -1 set i8 128 -1
                assert_equal [lindex [r bitfield b set {*}$field $max get {*}$field] 1] $max
                assert_equal [r bitfield b incrby {*}$field 1] $min "wrap $field"
                assert_equal [r bitfield b incrby {*}$field -1] $max
                assert_equal [r bitfield b overflow sat incrby {*}$field 1] $max
                assert_equal [r bitfield b overflow fail incrby {*}$field 1] {{}}
                assert_equal [r bitfield b set {*}$field $min] $max
                assert_equal [r bitfield b overflow sat incrby {*}$field -1] $min
                assert_equal [r bitfield b overflow fail incrby {*}$field -1] {{}}
                assert_equal [r bitfield b incrby {*}$field -1] $max "wrap down $field"
                r bitfield b set {*}$field -1
                assert_equal [r bitcount b] 136 "nothing beside $field was touched"
            }
        }
    }

    test "BITFIELD sums at the ends of what an integer holds" {
        r del b
        r bitfield b set i64 0 $MAX
        assert_equal [r bitfield b incrby i64 0 $MAX] -2
        assert_equal [r bitfield b overflow sat incrby i64 0 $MIN] $MIN
        assert_equal [r bitfield b overflow sat incrby i64 0 $MIN] $MIN
        assert_equal [r bitfield b incrby i64 0 $MIN] 0
        r bitfield b set u63 0 $MAX
        assert_equal [r bitfield b incrby u63 0 $MAX] 9223372036854775806
        r bitfield b overflow sat incrby u63 0 $MAX incrby u63 0 $MIN
    } [list $MAX 0]

    test "BITFIELD saturates a hugely negative SET at the end where Redis does" {
        r del b
        r bitfield b overflow sat set i8 0 $MIN get i8 0 set i8 0 -9223372036854775680 get i8 0 \
            set i8 0 -9223372036854775681 get i8 0
    } {0 127 127 -128 -128 127}

    test "BITFIELD without writes neither creates nor grows" {
        r del b
        assert_equal [r bitfield b get u8 0 get i64 1000] {0 0}
        assert_equal [r bitfield b] {}
        assert_equal [r exists b] 0
        r set b a
        assert_equal [r bitfield b get u16 0 get u8 4 get u8 100] {24832 16 0}
        assert_equal [r bitfield b overflow sat] {}
        r strlen b
    } 1

    test "BITFIELD grows to its farthest write before the first operation" {
        r del b
        r bitfield b set u8 0 1 get u8 80 set u8 81 1
        assert_equal [r strlen b] 12
        r del b
        assert_equal [r bitfield b overflow fail set u8 16 256] {{}}
        r strlen b
    } 3

    test "BITFIELD on integers, and with an expiry" {
        r set n 12 ex 100
        assert_equal [r bitfield n get u8 0 incrby u8 #1 1] {49 51}
        assert_range [r ttl n] 98 100
        r get n
    } 13

    test "BITFIELD takes many operations" {
        r del b
        set words {}
        for {set i 0} {$i < 500} {incr i} {lappend words set u16 #$i $i}
        for {set i 0} {$i < 500} {incr i} {lappend words get u16 #$i}
        set replies [r bitfield b {*}$words]
        assert_equal [llength $replies] 1000
        for {set i 0} {$i < 500} {incr i} {assert_equal [lindex $replies [expr {500 + $i}]] $i}
    }

    test "BITFIELD refuses what it cannot read, and then does nothing" {
        r del b
        make_other l
        foreach type {i65 u64 i0 u0 i-1 x8 i u 8 {} i1.5 i08 I8 U8 "i8 " i99999999999999999999} {
            assert_error $BAD_TYPE {r bitfield b set u8 0 1 get $type 0} $type
        }
        foreach offset [list -1 a {} # #-1 #a 4294967296 #536870912 $MAX #$MAX 1.5] {
            assert_error $BAD_OFFSET {r bitfield b set u8 0 1 get u8 $offset} $offset
        }
        foreach words {{foo} {get} {get u8} {set u8 0} {incrby u8 0} {overflow} {get u8 0 1}
                       {get u8 0 overflow}} {
            assert_error $SYNTAX {r bitfield b set u8 0 1 {*}$words} $words
        }
        assert_error "ERR Invalid OVERFLOW type specified" {r bitfield b overflow foo}
        assert_error "ERR Invalid OVERFLOW type specified" {r bitfield b overflow get u8 0}
        assert_error $NOT_INT {r bitfield l set u8 0 x}
        assert_error $NOT_INT {r bitfield l incrby u8 0 9223372036854775808}
        assert_error $WRONGTYPE {r bitfield l}
        assert_error $WRONGTYPE {r bitfield l get u8 0}
        assert_error $WRONGTYPE {r bitfield l set u8 0 1}
        r exists b
    } 0

    test "BITFIELD_RO only reads" {
        r set b A
        assert_equal [r bitfield_ro b get u8 0 GET u4 0] {65 4}
        assert_equal [r bitfield_ro none get i8 0] 0
        assert_equal [r bitfield_ro b] {}
        assert_error "ERR BITFIELD_RO only supports the GET subcommand" {
            r bitfield_ro b set u8 0 1
        }
        assert_error "ERR BITFIELD_RO only supports the GET subcommand" {
            r bitfield_ro b get u8 0 incrby u8 0 1
        }
        assert_error $SYNTAX {r bitfield_ro b foo}
        r get b
    } A

    test "COMMAND GETKEYSANDFLAGS tells a BITFIELD that only reads" {
        assert_equal [r command getkeysandflags bitfield k get u8 0] {{k {RO access}}}
        assert_equal [r command getkeysandflags bitfield k get u8 0 set u8 0 1] \
            {{k {RW access update}}}
        assert_equal [r command getkeysandflags set k v] {{k {OW update}}}
        r command getkeysandflags set k v nx get
    } {{k {RW access update}}}
}
