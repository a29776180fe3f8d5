# crash.tcl - what the log says of a crash: its first lines name the module, the command and its
# arguments, the client, and the frames tell which shared object they are in.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

set crasher [test_module crasher]

# What a sanitizer's allocator reports itself, and ends by.
set own_allocator [string match *san-address* $::kit::binary]

# Runs `script` on a server with the module, waits for its end and gives back the report.
proc report_of {script {overrides {}}} {
    set report ""
    start_server [list overrides [concat [list loadmodule $::crasher] $overrides] crash_ok 1] {
        catch {uplevel 1 $script}
        wait_for_condition 100 50 {![process_is_alive [srv 0 pid]]} else {fail "still alive"}
        set f [open [srv 0 stdout]]
        set report [read $f]
        close $f
        catch {
            set f [open [srv 0 stderr]]
            append report [read $f]
            close $f
        }
    }
    set start [string first "=== KEEL BUG REPORT START" $report]
    if {$start < 0} {return $report}
    return [string range $report $start end]
}

proc first_lines {report count} {
    return [join [lrange [split $report \n] 0 [expr {$count - 1}]] \n]
}

test "A crash in a command names module, command, arguments and client" {
    set report [report_of {
        r client setname victim
        r crash.now fault "two words" [string repeat x 500]
    }]
    set first [first_lines $report 9]
    assert_match "*crashed by signal: 11*" $first
    assert_match "*Module: crasher 1.2.3 (*crasher.so)*" $first
    assert_match "*Command: crash.now\n*" $first
    assert_match "*\"fault\"*\"two words\"*xxx*... (372 more bytes)*" $first
    assert_match "*Client: id=* addr=127.0.0.1:* name=victim db=9 user=default*" $first
    assert_match "*crasher.so(*) * module crasher\n*keel(*" $report
    assert_match "*=== KEEL BUG REPORT END*" $report
}

test "Frames name functions that are not exported" {
    assert_match "*crasher.so(crash_now*+0x*" [report_of {r crash.now abort}]
}

test "An abort is named as such" {
    set report [report_of {r crash.now abort}]
    assert_match "*crashed by signal: 6*Module: crasher *" [first_lines $report 3]
}

test "A stack that overflows is reported from another one" {
    set report [report_of {r crash.now deep}]
    assert_match "*crashed by signal: 11*Module: crasher *" [first_lines $report 3]
    assert_match "*crasher.so(deeper*+*crasher.so(deeper*+*REPORT END*" $report
}

test "A call of a wild pointer leaves the caller's name" {
    set report [report_of {r crash.now wild}]
    assert_match "*Module: crasher *" [first_lines $report 3]
    assert_match "*#0  0x10\n#1  crasher.so(crash_now*+*" $report
}

test "A wrong free names the module that called it" {
    if {$::own_allocator} {skip_test "the sanitizer reports it"}
    set report [report_of {r crash.now free}]
    assert_match "*Module: crasher *" [first_lines $report 4]
}

test "A failed assertion tells where and what" {
    set report [report_of {r crash.now assert}]
    assert_match "*=== ASSERTION FAILED ===\n*crasher.c:* assertion failed: argc == 0\n*" \
        [first_lines $report 4]
    assert_match "*Module: crasher *Command: crash.now\n*" $report
}

test "A crash in a timer names the module and no command" {
    set report [report_of {
        r crash.later timer
        after 500
    }]
    assert_match "*crashed by signal: 11*Module: crasher *" [first_lines $report 3]
    assert_no_match "*Command:*" $report
    assert_match "*crasher.so(fault*+*" $report
}

test "A crash in a thread names the module and not what the server did meanwhile" {
    set report [report_of {
        r crash.later thread
        after 500
    }]
    assert_match "*Module: crasher *" [first_lines $report 3]
    assert_match "*In: a thread of its own*" $report
    assert_no_match "*Command:*" $report
}

test "A crash in an INFO section of a module names it beside the command" {
    set report [report_of {
        r crash.later info
        r info crasher
    }]
    assert_match "*Module at fault, by its frames: crasher*Command: info\n*" $report
}

foreach {how pattern} {
    segfault "*crashed by signal*Module: server *Command: debug\n*"
    assert   "*ASSERTION FAILED*Module: server *"
    panic    "*ASSERTION FAILED*called by DEBUG PANIC*"
    oom      "*ASSERTION FAILED*out of memory*Module: server *"
} {
    test "DEBUG [string toupper $how] is reported" {
        if {$how eq "oom" && $::own_allocator} {skip_test "the sanitizer reports it"}
        assert_match $pattern [report_of [list r debug $how]]
    }
}

test "kill -ABRT is reported with who sent it" {
    set report [report_of {
        exec kill -ABRT [srv 0 pid]
        after 300
    }]
    assert_match "*crashed by signal: 6*Killed by PID: *" $report
}

test "The process ends by the signal itself" {
    set report [report_of {r crash.now fault} {crash-log-enabled no}]
    assert_no_match "*BUG REPORT*" $report
}

start_server {} {
    test "kill -ALRM shows where the server is, and it goes on" {
        exec kill -ALRM [srv 0 pid]
        wait_for_condition 50 50 {[count_log_message 0 "Received SIGALRM"] == 1} else {
            fail "no report"
        }
        assert_equal [count_log_message 0 "BUG REPORT"] 0
        r ping
    } PONG
}
