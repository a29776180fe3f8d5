# report.tcl - `test`, `tags`, the counters, and what is printed.
#
# Under tests/run.tcl (KEEL_TEST_RUNNER=1) every event is also a line "@event ..." that the runner
# counts, so that a file that dies half-way still has its passed tests and the name of the test
# that killed it. Alone, a file ends with the line "N passed, N failed[, N skipped]".

namespace eval kit {
    variable passed 0
    variable failed 0
    variable skipped 0
    variable in_runner [env KEEL_TEST_RUNNER 0]
    variable verbose [env KEEL_TEST_VERBOSE 0]
    variable only [env KEEL_TEST_ONLY ""]
    variable wanted_tags {}
    variable denied_tags {large-memory}
    variable tags {}            ;# of the enclosing `tags` and `start_server`
    variable current ""         ;# the name of the running test

    foreach tag [env KEEL_TEST_TAGS ""] {
        if {[string index $tag 0] eq "-"} {
            lappend denied_tags [string range $tag 1 end]
        } else {
            lappend wanted_tags $tag
            set denied_tags [lsearch -all -inline -not -exact $denied_tags $tag]
        }
    }
}

# Writing to a runner that is gone must not hide the clean-up that follows.
proc kit::say text {
    catch {puts stdout $text; flush stdout}
}

proc kit::event {name {text ""}} {
    variable in_runner
    if {$in_runner} {say "@$name [string map {\n \\n \r \\r} $text]"}
}

# A value for people: control bytes escaped, cut when it is long.
proc kit::shown {value {limit 500}} {
    set extra ""
    if {[string length $value] > $limit} {
        set extra "... ([string length $value] bytes)"
        set value [string range $value 0 [expr {$limit - 1}]]
    }
    set out ""
    foreach char [split $value ""] {
        scan $char %c code
        if {$char eq "\r"} {append out \\r} elseif {$char eq "\n"} {append out \\n} \
        elseif {$code < 32 || ($code > 126 && $code < 256)} {append out [format \\x%02x $code]} \
        else {append out $char}
    }
    return $out$extra
}

proc kit::record_pass name {
    variable passed
    variable verbose
    incr passed
    event pass $name
    if {$verbose} {say "\[ok\]: $name"}
}

# A failure in full: name, place, reason. How the logs of the running servers end is added when
# `show_logs` asks for it or when one of them is dead.
proc kit::record_fail {name reason {show_logs 0}} {
    variable failed
    variable verbose
    incr failed
    event fail $name
    set place ""
    if {[info exists ::kit::file]} {set place " in $::kit::file"}
    say "\[FAILED\]: $name$place\n    [string map {\n "\n    "} $reason]"
    foreach srv $::servers {
        if {$show_logs || $verbose || ![is_alive $srv]} {say [server_log_tail $srv]}
    }
}

proc kit::record_skip {name why} {
    variable skipped
    variable verbose
    incr skipped
    event skip $name
    if {$verbose} {say "\[skip\]: $name ($why)"}
}

# Why a test with these tags is not to be run, "" when it is.
proc kit::skip_reason tags {
    variable wanted_tags
    variable denied_tags
    foreach tag $tags {
        if {$tag in $denied_tags} {return "tag $tag"}
    }
    if {[llength $wanted_tags] == 0} {return ""}
    foreach tag $tags {
        if {$tag in $wanted_tags} {return ""}
    }
    return "no wanted tag"
}

# test NAME BODY ?EXPECTED? ?TAGS?
#
# Passes when BODY ends normally and its result equals EXPECTED or matches it as a glob. An error
# that a client threw is such a result too, if EXPECTED is given. Any other error fails the test;
# the ones after it still run.
proc test {name body {expected <any>} {tags {}}} {
    if {$::kit::only ne "" && ![string match -nocase $::kit::only $name]} {
        kit::record_skip $name "name"
        return
    }
    set reason [kit::skip_reason [concat $::kit::tags $tags]]
    if {$reason ne ""} {
        kit::record_skip $name $reason
        return
    }
    set outer $::kit::current
    set ::kit::current $name
    kit::event begin $name
    kit::mark_logs $name
    set code [catch {uplevel 1 $body} result options]
    # An error on its way up from a helper's helper that the body called itself is one too.
    if {$code == 2 && [dict get $options -code] == 1} {set code 1}
    set ::kit::current $outer
    kit::judge $name $code $result $options $expected
}

# Ends a test from the inside, as neither passed nor failed.
proc skip_test why {
    return -level 1 -code error -errorcode [list KIT SKIP] $why
}

proc kit::judge {name code result options expected} {
    set errorcode [expr {[dict exists $options -errorcode] ? [dict get $options -errorcode] : ""}]
    if {$code == 1 && $errorcode eq {KIT SKIP}} {
        record_skip $name $result
        return
    }
    if {$code == 1 && ([string match "assertion:*" $result] || $expected eq "<any>")} {
        if {[string match "assertion:*" $result]} {
            record_fail $name [string range $result 10 end]
        } else {
            record_fail $name "unexpected error: [dict get $options -errorinfo]" 1
        }
        return
    }
    if {$expected ne "<any>" && $result ne $expected && ![string match $expected $result]} {
        set what [expr {$code == 1 ? "the error '[shown $result]'" : "'[shown $result]'"}]
        record_fail $name "Expected '[shown $expected]', got $what"
        return
    }
    record_pass $name
}

# Runs code with tags added to every test in it.
proc tags {tags code} {
    set outer $::kit::tags
    set ::kit::tags [concat $outer $tags]
    if {[kit::skip_reason_block $::kit::tags] ne ""} {
        set ::kit::tags $outer
        kit::record_skip "tags {$tags}" "tag"
        return
    }
    set failed [catch {uplevel 1 $code} result options]
    set ::kit::tags $outer
    if {$failed} {return -options $options $result}
}

# A whole block is left out only for a denied tag: a wanted one may still come from inside.
proc kit::skip_reason_block tags {
    variable denied_tags
    foreach tag $tags {
        if {$tag in $denied_tags} {return "tag $tag"}
    }
    return ""
}

# True when a test or block with these tags would run.
proc tags_acceptable tags {
    return [expr {[kit::skip_reason $tags] eq ""}]
}

proc kit::summary {} {
    variable passed
    variable failed
    variable skipped
    set line "$passed passed, $failed failed"
    if {$skipped} {append line ", $skipped skipped"}
    return $line
}

# tclsh ends a script by calling exit, so this is the one way out of a test file.
rename exit kit::real_exit

proc exit {{code 0}} {
    catch {kit::stop_everything}
    kit::say [kit::summary]
    if {$code == 0 && $::kit::failed} {set code 1}
    kit::real_exit $code
}

# Runs one file for the runner: an error outside of any test is a failure of its own.
proc kit::run_file path {
    variable file
    set file $path
    if {[catch {uplevel #0 [list source $path]} message options]} {
        record_fail "(outside of tests)" "error: [dict get $options -errorinfo]"
        exit 1
    }
    exit 0
}
