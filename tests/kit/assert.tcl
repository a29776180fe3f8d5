# assert.tcl - assertions. A failed one throws a message that begins with "assertion:", which
# `test` reports as a failure of the test and never mistakes for an error of the server.
# `detail` arguments are added to the message.

proc fail msg {
    return -code error -errorcode {KIT ASSERT} "assertion:$msg"
}

# Throws from the assertion's caller, with the place of the call.
proc assert_fail {msg {detail ""}} {
    set where ""
    for {set level -2} {$level > -20} {incr level -1} {
        if {[catch {info frame $level} frame]} break
        if {![dict exists $frame file]} continue
        set file [dict get $frame file]
        if {[file tail [file dirname $file]] eq "kit"} continue
        set where " ([file tail $file]:[dict get $frame line])"
        break
    }
    if {$detail ne ""} {append msg " (detail: $detail)"}
    return -level 2 -code error -errorcode {KIT ASSERT} "assertion:$msg$where"
}

proc assert {condition {detail ""}} {
    if {![uplevel 1 [list expr $condition]]} {
        # Show what the condition was made of, as far as it can be substituted.
        if {[catch {uplevel 1 [list subst -nocommands $condition]} shown]} {set shown $condition}
        assert_fail "Expected $condition, which is: $shown" $detail
    }
}

proc assert_equal {value expected {detail ""}} {
    if {$value ne $expected} {
        assert_fail "Expected '[kit::shown $value]' to be equal to '[kit::shown $expected]'" $detail
    }
}

proc assert_not_equal {value expected {detail ""}} {
    if {$value eq $expected} {
        assert_fail "Expected '[kit::shown $value]' to differ from '[kit::shown $expected]'" $detail
    }
}

proc assert_match {pattern value {detail ""}} {
    if {![string match $pattern $value]} {
        assert_fail "Expected '[kit::shown $value]' to match '$pattern'" $detail
    }
}

proc assert_no_match {pattern value {detail ""}} {
    if {[string match $pattern $value]} {
        assert_fail "Expected '[kit::shown $value]' not to match '$pattern'" $detail
    }
}

proc assert_lessthan {value limit {detail ""}} {
    if {!($value < $limit)} {assert_fail "Expected '$value' to be less than '$limit'" $detail}
}

proc assert_lessthan_equal {value limit {detail ""}} {
    if {!($value <= $limit)} {assert_fail "Expected '$value' to be at most '$limit'" $detail}
}

proc assert_morethan {value limit {detail ""}} {
    if {!($value > $limit)} {assert_fail "Expected '$value' to be more than '$limit'" $detail}
}

proc assert_morethan_equal {value limit {detail ""}} {
    if {!($value >= $limit)} {assert_fail "Expected '$value' to be at least '$limit'" $detail}
}

proc assert_range {value min max {detail ""}} {
    if {!($value >= $min && $value <= $max)} {
        assert_fail "Expected '$value' to be between '$min' and '$max'" $detail
    }
}

# The script must throw, and the message must match. Other ways out of it (return, break) fail.
proc assert_error {pattern script {detail ""}} {
    if {[catch {uplevel 1 $script} message] != 1} {
        assert_fail "Expected an error that matches '$pattern', got '[kit::shown $message]'" $detail
    }
    if {![string match $pattern $message]} {
        assert_fail "Expected an error that matches '$pattern', got the error '$message'" $detail
    }
}

proc assert_type {type key} {
    set is [uplevel 1 [list r type $key]]
    if {$is ne $type} {assert_fail "Expected key '$key' to be of type '$type', it is '$is'"}
}

proc assert_encoding {encoding key} {
    set is [uplevel 1 [list r object encoding $key]]
    # "ziplist" in older suites is what newer servers call "listpack".
    if {$encoding eq "ziplist"} {set encoding listpack}
    if {$is ne $encoding} {
        assert_fail "Expected key '$key' to have the encoding '$encoding', it is '$is'"
    }
}

proc assert_refcount {count key} {
    set is [uplevel 1 [list r object refcount $key]]
    if {$is != $count} {assert_fail "Expected the refcount of '$key' to be $count, it is $is"}
}

proc assert_refcount_morethan {key count} {
    set is [uplevel 1 [list r object refcount $key]]
    if {$is <= $count} {assert_fail "Expected the refcount of '$key' to exceed $count, it is $is"}
}

# Two lists with the same elements in any order.
proc assert_same_elements {list1 list2 {detail ""}} {
    if {[lsort $list1] ne [lsort $list2]} {
        assert_fail "Expected '$list1' and '$list2' to hold the same elements" $detail
    }
}

# Evaluates `condition` up to `tries` times, `delay` ms apart; then runs the script after else:
#   wait_for_condition 50 100 {[s loading] == 0} else {fail "still loading"}
proc wait_for_condition {tries delay condition _else_ script} {
    while {[incr tries -1] >= 0} {
        set code [catch {uplevel 1 [list expr $condition]} result options]
        if {$code == 1} {
            # A server between two lives is waited for; a mistake in the condition is not.
            if {![string match "*I/O error*" $result] && ![string match "*couldn't open*" $result] \
                && ![string match "LOADING*" $result]} {return -options $options $result}
        } elseif {$code == 0 && $result} {
            return
        }
        after $delay
    }
    set code [catch {uplevel 1 $script} result options]
    if {$code} {
        dict incr options -level
        return -options $options $result
    }
}
