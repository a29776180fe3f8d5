# scan.tcl - SCAN: what a whole walk sees, filters, cursors.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $here .. kit interop.tcl]

# All names that a whole walk gives, in the order seen.
proc walk args {
    set names {}
    set cursor 0
    while 1 {
        lassign [r scan $cursor {*}$args] cursor some
        lappend names {*}$some
        if {$cursor == 0} {return $names}
    }
}

start_server {tags {scan}} {
    test "SCAN of an empty database ends at once" {r scan 0} {0 {}}

    test "SCAN sees every key" {
        populate 1000 key: 3
        llength [lsort -unique [walk]]
    } 1000

    test "COUNT is how much work one call does" {
        lassign [r scan 0 count 100] cursor names
        assert_range [llength $names] 50 200
        assert_not_equal $cursor 0
        assert_equal [llength [lsort -unique [walk count 5]]] 1000
        lassign [r scan 0 count 10000] cursor names
        list $cursor [llength $names]
    } {0 1000}

    test "MATCH filters by pattern" {
        list [llength [lsort -unique [walk match key:1??]]] [lsort -unique [walk match key:77]] \
             [walk match nosuch] [llength [lsort -unique [walk match *]]]
    } {100 key:77 {} 1000}

    test "TYPE filters by type, and knows none that nobody registered" {
        list [llength [lsort -unique [walk type string]]] [llength [lsort -unique [walk type STRING]]] \
             [walk type list] [walk type nosuch]
    } {1000 1000 {} {}}

    test "filters combine, and the last of a kind counts" {
        llength [lsort -unique [walk match nosuch type list match key:1?? type string]]
    } 100

    test "SCAN finds all keys that stay while others come, go and the table is resized" {
        r flushall
        populate 1000 stays: 3
        set seen {}
        set cursor 0
        set turn 0
        while 1 {
            lassign [r scan $cursor count 10] cursor names
            lappend seen {*}$names
            if {$cursor == 0} break
            incr turn
            if {$turn < 30} {populate 300 comes$turn: 3}
            if {$turn > 40 && $turn < 70} {
                foreach name [r keys comes[expr {$turn - 40}]:*] {r del $name}
            }
        }
        llength [lsort -unique [lsearch -all -inline $seen stays:*]]
    } 1000

    test "SCAN leaves expired keys out, and removes them" {
        r flushall
        populate 100 key: 3
        for {set i 0} {$i < 50} {incr i} {r pexpire key:$i 1}
        after 5
        list [llength [lsort -unique [walk]]] [r dbsize]
    } {50 50}

    test "SCAN names keys of any bytes" {
        r flushall
        r set "a\0\r\nb" 1
        r set "" 1
        lsort [walk]
    } [list "" "a\0\r\nb"]

    test "SCAN MATCH and the empty name: only a lone star finds it" {
        list [lsort [walk match *]] [walk match **]
    } [list [list "" "a\0\r\nb"] [list "a\0\r\nb"]]

    test "cursors that are no number are refused" {
        foreach cursor {x 1x " 1" 1.5 18446744073709551616} {
            assert_error "ERR invalid cursor" {r scan $cursor}
        }
        foreach cursor {0 5 281474976710655 18446744073709551615 -1 {}} {
            assert_equal [llength [r scan $cursor]] 2 $cursor
        }
    }

    test "options that make no sense are refused" {
        foreach options {count match type nosuch {count 0} {count -1} {match * nosuch} {nosuch 1}} {
            assert_error "ERR syntax error" {r scan 0 {*}$options}
        }
        foreach count {x 1.5 "" 9223372036854775808} {
            assert_error "ERR value is not an integer or out of range" {r scan 0 count $count}
        }
        r scan 0 count 9223372036854775807 match nosuch
    } {0 {}}

    test "each database is walked on its own" {
        r flushall
        r set a 1
        r select 1
        r set b 1
        set names [walk]
        r select 9
        list $names [walk]
    } {b a}
}

start_pair {tags {scan interop}} {
    test "SCAN replies as the real server" {
        same_all {{mset a 1 b 2 c 3 ab 4} {scan} {scan 0 count} {scan x} {scan 0 match} {scan 0 a b}}
        foreach options {{} {match a*} {match *} {match ""} {type string} {type list} {type x}} {
            same scan 0 count 1000 {*}$options
        }
    }
}
