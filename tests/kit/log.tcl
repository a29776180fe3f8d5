# log.tcl - reading what servers logged.

namespace eval kit {
    variable loose {}           ;# servers started without a block
}

proc kit::read_file path {
    if {[catch {set f [open $path r]}]} {return ""}
    fconfigure $f -translation binary
    set text [read $f]
    close $f
    return $text
}

# A test's name in the log of every running server: what follows belongs to that test.
proc kit::mark_logs name {
    foreach srv $::servers {
        catch {
            set f [open [dict get $srv stdout] a]
            puts $f "### test: $name"
            close $f
        }
    }
}

# The last lines of a server's log and stderr, for a report.
proc kit::server_log_tail {srv {lines 25}} {
    set out ""
    foreach stream {stdout stderr} {
        set text [string trimright [read_file [dict get $srv $stream]] \n]
        if {$text eq ""} continue
        set all [split $text \n]
        append out "    ---- end of $stream of the server at port [dict get $srv port]"
        if {![process_is_alive [dict get $srv pid]]} {append out " (it is dead)"}
        append out " ----\n"
        # A crash report and stderr matter most at their beginning: there the fault is named.
        set crash [lsearch -glob $all "*BUG REPORT START*"]
        if {$crash >= 0} {
            set part [lrange $all [expr {max(0, $crash - 5)}] [expr {$crash + 35}]]
        } elseif {$stream eq "stderr"} {
            set part [lrange $all 0 39]
        } else {
            set part [lrange $all end-[expr {$lines - 1}] end]
        }
        foreach line $part {append out "    | [string range $line 0 400]\n"}
    }
    return [string trimright $out \n]
}

proc count_log_lines_of path {
    return [expr {[llength [split [kit::read_file $path] \n]] - 1}]
}

# The number of lines logged so far: a `from_line` for the functions below.
proc count_log_lines srv_level {
    return [count_log_lines_of [srv $srv_level stdout]]
}

# The number of lines that hold the regular expression.
proc count_message_lines {path pattern} {
    set count 0
    foreach line [split [kit::read_file $path] \n] {
        if {[regexp -- $pattern $line]} {incr count}
    }
    return $count
}

proc count_log_message {srv_level pattern} {
    return [count_message_lines [srv $srv_level stdout] $pattern]
}

# The first log line after `from_line` that matches one of the globs, as {line number}, or "".
proc kit::find_log_message {srv_level patterns from_line} {
    set number 0
    foreach line [split [read_file [srv $srv_level stdout]] \n] {
        incr number
        if {$number <= $from_line} continue
        foreach pattern $patterns {
            if {[string match $pattern $line]} {return [list $line $number]}
        }
    }
    return ""
}

proc verify_log_message {srv_level pattern from_line} {
    if {[kit::find_log_message $srv_level [list $pattern] $from_line] eq ""} {
        assert_fail "expected a log message that matches '$pattern'"
    }
}

proc verify_no_log_message {srv_level pattern from_line} {
    set found [kit::find_log_message $srv_level [list $pattern] $from_line]
    if {$found ne ""} {assert_fail "unexpected log message: $found"}
}

# Waits until a line after `from_line` matches one of the globs; {line number} is the result.
proc wait_for_log_messages {srv_level patterns from_line tries delay} {
    while {[incr tries -1] >= 0} {
        set found [kit::find_log_message $srv_level $patterns $from_line]
        if {$found ne ""} {return $found}
        after $delay
    }
    assert_fail "no log message matches any of: $patterns"
}

proc crashlog_from_file path {
    set lines [split [kit::read_file $path] \n]
    set from [lsearch -glob $lines "*BUG REPORT START*"]
    if {$from < 0} {return ""}
    return [join [lrange $lines $from end] \n]
}
