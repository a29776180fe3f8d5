# random.tcl - random commands to the server under test and to the real one: every reply must be
# the same, and the data afterwards.
#
#   tclsh tests/interop/random.tcl [--seed N] [--ops N] [--groups "string bitmap"]
#
# or by environment: KEEL_INTEROP_SEED, KEEL_INTEROP_OPS (default 20000), KEEL_INTEROP_GROUPS.
# KEEL_INTEROP_MOVING=1 moves every block of the data of the server under test all the time (DEBUG
# DEFRAG): with a sanitizer's build, addresses that somebody kept show.
# A difference is shown with the seed, the position, the command, both replies, and the commands
# on the same keys before it. The grammar is tests/interop/grammar/*.tcl and what modules bring as
# modules/NAME/tests/*.grammar, written as tests/kit/random.tcl explains. The same seed, groups and
# set of commands give the same run.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $kit::home kit interop.tcl]
source [file join $kit::home kit random.tcl]
set grammars [concat [glob [file join $here grammar *.tcl]] \
    [glob -nocomplain [file join $kit::tree modules * tests *.grammar]]]
foreach path [lsort $grammars] {source $path}

namespace eval run {
    variable ops [kit::env KEEL_INTEROP_OPS 20000]
    variable seed [kit::env KEEL_INTEROP_SEED [expr {[clock microseconds] % 1000000}]]
    variable groups [kit::env KEEL_INTEROP_GROUPS ""]
    variable moving [kit::env KEEL_INTEROP_MOVING 0]
    variable batch [expr {$moving ? 5 : 50}] ;# commands in one write
    variable max_shown 12       ;# differences that are shown in full
    variable position 0
    variable history {}         ;# {position command} since both servers were last reset
    variable shown {}
    variable differences 0
    variable by_command
    array set by_command {}
}

# Under tests/run.tcl the arguments are the runner's.
if {[file normalize $argv0] ne [file normalize [info script]]} {set argv {}}
foreach {option value} $argv {
    switch -exact -- $option {
        --seed {set run::seed $value}
        --ops {set run::ops $value}
        --groups {set run::groups $value}
        default {puts stderr "random.tcl: unknown option $option"; exit 2}
    }
}

# Commands of the grammar that the server under test does not have.
proc run::missing_commands {} {
    variable groups
    set missing {}
    foreach name [gen::command_names $groups] {
        if {$name eq "nosuchcommand"} continue
        set rd [redis_client]
        if {[catch {$rd $name} err] && [string match "*unknown command*" $err]} {
            lappend missing $name
        }
        $rd close
    }
    return $missing
}

# Both servers to the same, empty state; the connection to the protocol under test.
proc run::reset_pair proto {
    variable history
    set history {}
    pair::reconnect
    pair::exchange [list {flushall} [list hello $proto]]
}

# The commands before `position` that share an argument with the command.
proc run::related {command position} {
    variable history
    # Only words that look like keys of the grammar: options and numbers are in every command.
    set keys [lsearch -all -inline -regexp [lrange $command 1 end] {^[a-z]\d+$}]
    set out {}
    foreach entry $history {
        lassign $entry at earlier
        if {$at >= $position} break
        foreach word [lrange $earlier 1 end] {
            if {$word in $keys} {lappend out "    $at: [pair::show_command $earlier]"; break}
        }
    }
    return [join [lrange $out end-9 end] \n]
}

# Which keys of the selected database have different digests now.
proc run::differing_keys {} {
    set out "  keys that differ:"
    set names {}
    foreach reply [lrange [lindex [pair::exchange {{keys *}}] 0] 1 2] {
        foreach item [lindex [pair::parse $reply] 1] {lappend names [lindex $item 1]}
    }
    foreach name [lsort -unique $names] {
        set row [lindex [pair::exchange [list [list debug digest-value $name]]] 0]
        if {[pair::difference {*}$row] ne ""} {
            append out "\n    [pair::show_command $name]"
            foreach row [pair::exchange [list [list type $name] [list object encoding $name] \
                [list zrange $name 0 -1 withscores]]] {
                append out "\n[pair::report_row $row {}]"
            }
        }
    }
    return $out
}

proc run::note_difference {at row why} {
    variable by_command
    variable differences
    variable shown
    variable max_shown
    variable seed
    incr differences
    set name [string tolower [lindex $row 0 0]]
    # Three of a command tell enough.
    if {[incr by_command($name)] > 3 || [llength $shown] >= $max_shown} return
    lappend shown "seed $seed, command $at: [pair::report_row $row $why]"
    if {$name eq "debug"} {lappend shown [differing_keys]}
    set before [related [lindex $row 0] $at]
    if {$before ne ""} {lappend shown "  before it:\n$before"}
}

proc run::one_batch {count proto} {
    variable history
    variable position
    set commands {}
    for {set i 0} {$i < $count} {incr i} {
        lappend commands [set command [gen::command]]
        set next [gen::realignment $command]
        if {[llength $next]} {lappend commands $next}
    }
    lappend commands {debug digest}
    set first $position
    set count [llength $commands]
    incr position $count
    set at $first
    foreach command $commands {lappend history [list [incr at] $command]}
    if {[catch {pair::exchange $commands} rows]} {
        if {![process_is_alive [srv 0 pid]]} {
            error "the server under test died: $rows (seed $run::seed, command $first or later)"
        }
        note_difference $first [list [lindex $commands 0] "" ""] "in the batch from here on: $rows"
        return 0
    }
    set alike 1
    set at $first
    foreach row $rows {
        incr at
        set why [pair::difference {*}$row]
        if {$why eq ""} continue
        note_difference $at $row $why
        set alike 0
    }
    return $alike
}

# Compares the data of both servers through the protocol itself.
proc run::same_data {} {
    foreach db {0 1 9} {
        same select $db
        same dbsize
        set keys [lsort [redis_keys]]
        foreach key $keys {
            same type $key
            same object encoding $key
            same pttl $key
            same dump $key
            if {[string match "+string*" [same type $key]]} {same get $key}
        }
        foreach key $keys {
            # The real server's payload means the same key here.
            set dump [lindex [pair::parse [lindex [pair::exchange [list [list dump $key]]] 0 2]] 1]
            set rows [pair::exchange [list [list restore restored 0 $dump replace]]]
            assert_match "+OK*" [lindex $rows 0 1]
            same dump restored
            same del restored
        }
    }
    assert_equal [r debug digest] [r -1 debug digest] "DEBUG DIGEST"
}

# KEYS * must agree as a set; the result is the keys.
proc run::redis_keys {} {
    set keys {}
    foreach item [lindex [pair::parse [same keys *]] 1] {lappend keys [lindex $item 1]}
    return $keys
}

proc run::go {ops proto} {
    variable seed
    variable batch
    variable shown
    variable differences
    variable by_command
    variable moving
    expr {srand($seed * 16 + $proto)}
    set shown {}
    set differences 0
    array unset by_command
    reset_pair $proto
    for {set done 0} {$done < $ops} {incr done $batch} {
        # Blocks move between turns: a batch is one.
        if {$moving} {r debug defrag pass}
        # After a difference the two hold different data: begin again from nothing, so that
        # one fault is reported once.
        if {![one_batch [expr {min($batch, $ops - $done)}] $proto]} {reset_pair $proto}
        if {[llength [array names by_command]] && $differences > 500} break
        # The random HELLO and RESET of the run change the protocol; set it anew now and then.
        if {($done / $batch) % 20 == 0} {pair::exchange [list [list hello $proto]]}
    }
    if {$differences} {
        set counts {}
        foreach name [lsort [array names by_command]] {lappend counts "$name $by_command($name)"}
        set head "$differences differences in $done commands (seed $seed): [join $counts {, }]"
        fail "$head\n[join $shown \n]"
    }
}

# Values stay below 1 MB; compression is the server's own choice of bytes, so it is off.
start_pair {overrides {
    proto-max-bulk-len 1mb rdbcompression no save {""} slowlog-log-slower-than -1
} tags {interop slow}} {
    kit::say "seed $run::seed, $run::ops commands"
    set missing [run::missing_commands]

    test "the server has every command of the grammar" {
        assert_equal $missing {} "commands that are left out of the run"
    }
    gen::restrict $run::groups $missing
    if {$run::moving} {r config set active-defrag-max-scan-fields 5}

    foreach proto {2 3} {
        test "random commands are answered alike in RESP$proto (seed $run::seed)" {
            run::go [expr {$run::ops / 2}] $proto
        }

        test "and leave the same data, which DUMP carries over (RESP$proto)" {
            pair::reconnect
            # A dump is longer than its value.
            same config set proto-max-bulk-len 2mb
            run::same_data
            same config set proto-max-bulk-len 1mb
        }
    }
}
