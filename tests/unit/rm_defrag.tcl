# rm_defrag.tcl - active defragmentation in the Redis module ABI: types' callbacks at once and in
# parts, cursors, being told to stop, and what belongs to no key.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]

set modules [file join [file dirname [file normalize $kit::binary]] tests modules]

proc told {name} {dict get [r frag.told] $name}

set load [list --loadmodule [file join $modules rm_defrag.so]]
start_server [list overrides {save {""} hz 100} args $load] {
    test "a small value moves at once: no cursor, never told to stop" {
        r frag.set 9:small 300 48 0 300
        r debug defrag pass
        set told [r frag.told]
        assert_equal [dict get $told at-once] 1
        assert_equal [dict get $told parts] 0
        assert_equal [dict get $told moved] 303
        assert_equal [dict get $told strings] 400 "300 of its own, 100 of no key"
        assert_equal [dict get $told wrong] 0
        r frag.damaged 9:small
    } 0

    test "what belongs to no key moves after each pass, between the callbacks of its ends" {
        r debug defrag pass
        set told [r frag.told]
        assert_equal [dict get $told globals] 1
        assert_equal [dict get $told begins] 1
        assert_equal [dict get $told ends] 1
        assert_equal [dict get $told strings] 400
        assert_equal [dict get $told wrong] 0
        r frag.globals
    } 0

    test "a large value moves in parts, each from the cursor that the last one set" {
        r flushall
        r frag.set 9:large 5000 48 700 5000
        r debug defrag pass
        set told [r frag.told]
        assert_equal [dict get $told at-once] 0
        assert_equal [dict get $told parts] 8
        assert_equal [dict get $told starts] 1
        assert_equal [dict get $told moved] 5003
        assert_equal [dict get $told wrong] 0
        r frag.damaged 9:large
    } 0

    test "active-defrag-max-scan-fields tells what is large, and no effort is very large" {
        r flushall
        r frag.set 9:none 10 48 4 0
        r debug defrag pass
        assert_equal [told parts] 3
        r frag.set 9:none 10 48 4 1001
        r debug defrag pass
        assert_equal [told parts] 3
        r config set active-defrag-max-scan-fields 1001
        r debug defrag pass
        assert_equal [told at-once] 1
        r config set active-defrag-max-scan-fields 1000
    }

    test "who wants to go on and sets no cursor is not called again in this pass" {
        r flushall
        r frag.set 9:still 10 48 4 0 still
        r frag.set 9:small 10 48 4 1 still
        r debug defrag pass
        set told [r frag.told]
        assert_equal [dict get $told parts] 1
        assert_equal [dict get $told at-once] 1
        r frag.damaged 9:still
    } 0

    test "who moves until he is told to stop is told, and values change in between" {
        r flushall
        r debug defrag every
        for {set i 0} {$i < 6} {incr i} {
            r frag.set 9:a 30000 48 0 30000
            r frag.set 9:b 2000 30 0 2000
            r select 3
            r frag.set 3:c 3000 20 100 3000
            r select 9
            r frag.set 9:d 20 30 0 20
            after 100
            r rename 9:b 9:e
            assert_equal [r frag.damaged 9:a] 0
            assert_equal [r frag.damaged 9:e] 0
            r unlink 9:a
        }
        r frag.set 9:a 30000 48 0 30000
        wait_for_condition 100 50 {[set told [r frag.told]; dict get $told stops] > 0} else {
            fail "nobody is told to stop: $told"
        }
        assert_equal [dict get $told wrong] 0
        r debug defrag sparse
        assert_equal [r frag.damaged 9:a] 0
        assert_equal [r frag.globals] 0
        r flushall async
    } OK

    if {[string match jemalloc* [s mem_allocator]]} {
        test "fragmentation of modules' values goes" {
            r config set active-defrag-ignore-bytes 1mb active-defrag-threshold-lower 5 \
                active-defrag-cycle-min 40 active-defrag-cycle-max 60
            r flushall
            for {set i 0} {$i < 400} {incr i} {
                r frag.set 9:k$i 200 200 50 [expr {$i % 20 ? 200 : 2000}]
            }
            # Three of four values become tiny; and most of strings of their blocks' size go.
            for {set i 0} {$i < 400} {incr i} {if {$i % 4} {r frag.set 9:k$i 1 1 1 1}}
            for {set i 0} {$i < 8000} {incr i} {r set t$i [string repeat x 200]}
            for {set i 0} {$i < 8000} {incr i} {if {$i % 5} {r del t$i}}
            set before [s allocator_frag_bytes]
            assert {$before > 1500000}
            r frag.told
            r config set activedefrag yes
            wait_for_condition 100 50 {
                [s active_defrag_running] == 0 && [s allocator_frag_bytes] < $before / 2
            } else {fail "of $before bytes [s allocator_frag_bytes] are left: [r info stats]"}
            for {set i 0} {$i < 400} {incr i 4} {assert_equal [r frag.damaged 9:k$i] 0}
            set told [r frag.told]
            assert_equal [dict get $told wrong] 0
            assert {[dict get $told moved] > 0}
        }
    }
}
