# rm_robust.tcl - modules of the Redis ABI that cannot be used, crash or misbehave: the first are refused with
# the reason and leave no trace, the second are named by the report, the third harm nobody but themselves.

set refused "ERR Error loading the extension. Please check the server logs. "
set sanitized [string match *san-* $::kit::binary]

proc load_error name {
    set path [test_module $name]
    if {![catch {r module load $path} e]} {return "loaded"}
    if {![string match "$::refused*" $e]} {return "unlike: $e"}
    return [string map [list $::refused "" [file dirname $path]/ ""] $e]
}

proc server_traces {} {
    list [r command count] [r config get *] [r module list] [r info keyspace] [r debug digest] [r ping] \
        [regexp -all -inline {name=[^,]*,ver=\d+} [r info modules]]
}

start_server {tags {modules rm}} {
    set fine [test_module rm_bad-fine]
    set before [server_traces]

    test "the module that the bad ones differ from loads, answers, and says why it stays" {
        assert_equal [r module load $fine] OK
        assert_equal [r rm_bad.hello] HELLO
        assert_error "ERR Error unloading module: the module exports one or more module-side data types,\
            can't unload (1 of them)" {r module unload rm_bad}
    }
}

start_server {tags {modules rm}} {
    set before [server_traces]

    # One line a module: the name after rm_bad-, what the reason says.
    foreach {name reason} {
        no_init         "its OnLoad did not call RedisModule_Init()"
        silent          "its OnLoad returned REDISMODULE_ERR before it had a name"
        missing         "its OnLoad returned REDISMODULE_ERR; it asked for functions that this server does not have: *RedisModule_ReadMind, RedisModule_BendSpoon"
        newer           "its OnLoad returned REDISMODULE_ERR; it is for version 2 of the module ABI, this server has version 1; it asked for *RedisModule_ReadMind*"
        name_taken      "*"
        name_long       "the name 'a23456789_*' is not 1 to 63 visible characters*"
        name_blank      "the name 'bad name' is not 1 to 63 visible characters*"
        type_name       "its OnLoad returned REDISMODULE_ERR*"
        type_taken      "its OnLoad returned REDISMODULE_ERR*"
        type_methods    "its OnLoad returned REDISMODULE_ERR*"
        settings_unread "Module Configurations were not set, likely a missing LoadConfigs call*"
        command_taken   "its OnLoad returned REDISMODULE_ERR*"
        command_flags   "its OnLoad returned REDISMODULE_ERR*"
        command_name    "its OnLoad returned REDISMODULE_ERR*"
        timer           "its OnLoad returned REDISMODULE_ERR*"
    } {
        test "a bad module is refused with the reason and without a trace: $name" {
            assert_match "rm_bad-$name.so: $reason" [load_error rm_bad-$name]
            assert_equal [server_traces] $before
        }
    }

    test "a timer that a refused module had started never comes" {
        load_error rm_bad-timer
        after 60
        r set k 1
        r get k
    } 1

    test "what is not a shared object, or exports neither entry, is refused" {
        assert_match "*exports no keel_module*" [load_error toy]
        set dir [tmpdir damaged]
        set in [open [test_module rm_bad-fine] rb]
        set bytes [read $in]
        close $in
        for {set n 0} {$n < [string length $bytes]} {incr n 4096} {
            set path [file join $dir cut.so]
            file delete $path
            set out [open $path wb 0755]
            puts -nonewline $out [string range $bytes 0 $n-1]
            close $out
            assert_error "*cut.so is *" {r module load $path}
        }
        set path [file join $dir text.so]
        set out [open $path w 0755]
        puts $out "RedisModule_OnLoad"
        close $out
        assert_error "*text.so is not a shared object*" {r module load $path}
    }

    test "refused modules leave no memory behind" {
        foreach round {1 2 3 4} {
            foreach name {no_init silent missing type_taken settings_unread command_taken timer} {
                load_error rm_bad-$name
            }
            r ping
            set used($round) [s used_memory]
        }
        assert_lessthan_equal [expr {abs($used(4) - $used(2))}] 2048
    }

    test "what a module did to keys before it failed is done" {
        assert_match "rm_bad-keys.so: its OnLoad returned REDISMODULE_ERR*" [load_error rm_bad-keys]
        r select 0
        set made [r get made]
        r select 9
        set made
    } {by load}

    test "a module that lacks functions and does without loads, and the log names them" {
        r module load [test_module rm_bad-lacking]
        verify_log_message 0 "*Module rm_bad is loaded; it asked for functions that this server\
            does not have: *RedisModule_ReadMind, RedisModule_BendSpoon*" 0
        r rm_bad.hello
    } HELLO
}

start_server {tags {modules rm}} {
    test "names have upper case, too" {
        r module load [test_module rm_bad-mixed_case]
        assert_match "*name RmBad *" [r module list]
        r config get RmBad.level
    } {RmBad.level 5}
}

# ---- crashes ------------------------------------------------------------------------------------

# Runs `script` on a server with the module, waits for its end and gives back the report.
proc report_of {script {overrides {}}} {
    set report ""
    start_server [list overrides [concat [list loadmodule [test_module rm_crash]] $overrides] crash_ok 1 \
            tags {modules rm}] {
        catch {uplevel 1 $script}
        wait_for_condition 100 50 {![process_is_alive [srv 0 pid]]} else {fail "still alive"}
        set report [kit::read_file [srv 0 stdout]]
    }
    return [string range $report [string first "=== KEEL BUG REPORT START" $report] end]
}

proc first_lines {report count} {
    return [join [lrange [split $report \n] 0 [expr {$count - 1}]] \n]
}

foreach {how signal} {fault 11 abort 6 deep 11 missing 11} {
    test "a crash in a command names module, command and arguments: $how" {
        set report [report_of [list r rc.now $how detail]]
        assert_match "*crashed by signal: $signal*Module: rm_crash 7 (*rm_crash.so)\nCommand: rc.now\n*$how*detail*" \
            [first_lines $report 7]
        assert_match "*rm_crash.so(*+* module rm_crash*REPORT END*" $report
    }
}

test "frames of a module that was replaced are named, too" {
    set report [report_of {r module reload rm_crash; r rc.now fault}]
    assert_match "*Module: rm_crash 7 (*rm_crash.so)\nCommand: rc.now\n*" [first_lines $report 6]
    assert_match "*rm_crash.so(fault*+*rm_crash.so(now*+* module rm_crash*REPORT END*" $report
}

test "a failed assertion of a module names it" {
    set report [report_of {r rc.now assert}]
    assert_match "*argc == 0*Module: rm_crash 7 *Command: rc.now\n*" [first_lines $report 6]
}

foreach {where script} {
    timer   {after 300}
    thread  {after 300}
    oneshot {after 300}
    block   {}
} {
    test "a crash in a callback without command names the module: $where" {
        set report [report_of "r rc.later $where\n$script"]
        assert_match "*Module: rm_crash 7 *" [first_lines $report 4]
        assert_match "*rm_crash.so(fault*+*" $report
    }
}

foreach {where script command} {
    notify {r set k v}   set
    filter {r set k v}   set
    event  {r flushall}  flushall
    info   {r info everything} info
} {
    test "a crash in a callback that another module's command caused names both: $where" {
        set report [report_of "r rc.later $where\n$script"]
        assert_match "*Module*rm_crash*" [first_lines $report 6]
        if {$where ne "filter"} {assert_match "*Command: $command\n*" [first_lines $report 6]}
    }
}

test "a crash as a value is freed names module and command" {
    assert_match "*Module at fault, by its frames: rm_crash\nCommand: del\n*" \
        [first_lines [report_of {r rc.set k free; r del k}] 6]
}

test "a crash in OnLoad names the module's file" {
    set report ""
    start_server {crash_ok 1 tags {modules rm}} {
        catch {r module load [test_module rm_crash] fault}
        wait_for_condition 100 50 {![process_is_alive [srv 0 pid]]} else {fail "still alive"}
        set report [kit::read_file [srv 0 stdout]]
    }
    assert_match "*STACK TRACE*rm_crash.so(fault*+*" $report
}

start_server [list overrides [list loadmodule [test_module rm_crash]] crash_ok 1 tags {modules rm}] {
    test "a crash in a child that saves leaves the parent alive, and is told" {
        r config set stop-writes-on-bgsave-error no
        r rc.set k save
        r bgsave
        wait_for_condition 100 50 {[s rdb_bgsave_in_progress] == 0} else {fail "it still saves"}
        assert_equal [s rdb_last_bgsave_status] err
        assert_equal [r ping] PONG
        set text [kit::read_file [srv 0 stdout]]
        set report [string range $text [string first "KEEL BUG REPORT START" $text] end]
        assert_match "*Module at fault, by its frames: rm_crash\nCommand: bgsave\n*" [first_lines $report 6]
        assert_match "*a child of the server*" $report
        r del k
        r bgsave
        wait_for_condition 100 50 {[s rdb_bgsave_in_progress] == 0} else {fail "it still saves"}
        s rdb_last_bgsave_status
    } ok
}

# ---- misbehaviour -------------------------------------------------------------------------------

start_server [list overrides [list loadmodule [test_module rm_crash]] tags {modules rm}] {
    # Raw bytes, so that a stream out of step shows.
    proc raw args {
        set fd [socket [srv host] [srv port]]
        fconfigure $fd -translation binary -buffering none
        foreach command $args {puts -nonewline $fd [redis::encode $command]}
        puts -nonewline $fd [redis::encode {echo the-end}]
        set got ""
        while {![string match "*the-end\r\n" $got]} {
            fconfigure $fd -blocking 1
            if {[eof $fd]} break
            append got [read $fd 1]
        }
        close $fd
        return $got
    }

    test "line ends in errors and statuses do not make a second reply" {
        assert_equal [raw {rc.left newline}] "-ERR two  +lines\r\n\$7\r\nthe-end\r\n"
        raw {rc.left text}
    } "+two  +lines\r\n\$7\r\nthe-end\r\n"

    test "a key that is left open is closed, and one that was not declared is opened" {
        assert_equal [r rc.left key] OK
        r set other 1
        assert_equal [r rc.key other] 1
        r debug digest
        r get other
    } 1

    test "one reply of a command is passed, whatever it returns" {
        r rc.replies 1
    } 0

    test "commands that reply never, twice or in part do not put the stream out of step" {
        set wrong "of module 'rm_crash' did not give exactly one reply\r\n\$7\r\nthe-end\r\n"
        foreach command {{rc.replies 0} {rc.replies 2} {rc.replies 50} {rc.left array} {rc.left postponed}} {
            assert_equal [raw $command] "-ERR command '[lindex $command 0]' $wrong" $command
        }
        verify_log_message 0 "*module 'rm_crash': command 'rc.replies' gave more than one reply*" 0
        r multi
        r rc.replies 0
        r ping
        r rc.replies 2
        r set k v
        catch {r exec} e
        r get k
    } v
}
