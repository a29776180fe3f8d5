# instr.tcl - user instructions per command, counted by callgrind.
#
#     tclsh tests/bench/instr.tcl get 16                 Keel, GET in batches of 16
#     tclsh tests/bench/instr.tcl --server redis set 1   the real server
#     tclsh tests/bench/instr.tcl --top 60 --inclusive 1 mset 16
#
# Prints instructions per command and the functions they were spent in (self cost per command, or
# with --inclusive 1 with all they call). The command is any name `load -t` knows, or
# several words ("LPUSH l __data__"), or one in capitals ("TIME"). Only the
# measured part is instrumented: not the start, not the population of the key space, not the
# connecting, not the warm-up. The kernel is not seen. --keys and --requests change the size;
# --out FILE keeps the callgrind file, for callgrind_annotate or kcachegrind; --module FILE loads a
# module of the Redis ABI into either server.
#
# bench.tcl sources this file and uses the cg_ procedures where perf has no hardware counters.

source [file join [file dirname [file normalize [info script]]] lib.tcl]

# Starts `who` under callgrind, its instrumentation off.
proc cg_start {who} {
    global scratch
    foreach program {valgrind vgdb callgrind_annotate} {
        if {![have $program]} {error "$program is not installed"}
    }
    server_start $who [list valgrind -q --tool=callgrind --instr-atstart=no --trace-children=yes \
                           --callgrind-out-file=$scratch/callgrind.$who.%p]
}

# Counts `requests` commands `type`. Returns {instructions per command, callgrind file}.
# Callgrind numbers its dumps; each one holds what was counted since the one before.
proc cg_count {server type pipeline requests keys} {
    global scratch
    set who [dict get $server who]
    set pid [dict get $server pid]
    set control "vgdb --pid=$pid"
    set quiet "> /dev/null 2>&1"
    set before [glob -nocomplain $scratch/callgrind.$who.$pid.*]
    # A word in capitals is a command too, not a name of load's.
    set what [expr {[llength $type] > 1 || [string is upper [string index $type 0]]
                    ? [list -- {*}$type] : [list -t $type]}]
    run_load $server -P $pipeline -w [expr {$requests / 4 + 1}] -n $requests -r $keys \
        --before "$control instrumentation on $quiet" \
        --after "$control instrumentation off $quiet && $control dump $quiet" {*}$what
    foreach file [glob $scratch/callgrind.$who.$pid.*] {
        if {$file in $before} continue
        set f [open $file]
        set text [read $f]
        close $f
        if {![regexp -line {^totals: (\d+)} $text -> total]} {error "no total in $file"}
        return [list [expr {double($total) / $requests}] $file]
    }
    error "callgrind wrote no dump"
}

# The `top` dearest functions of a callgrind file, as lines "per command  share  function".
proc cg_top {file requests top inclusive} {
    set flags [expr {$inclusive ? "--inclusive=yes" : "--inclusive=no"}]
    set lines {}
    foreach line [split [exec callgrind_annotate --threshold=100 $flags $file 2>@1] \n] {
        if {[llength $lines] == $top} break
        if {[regexp {^\s*([\d,]+) \(\s*([\d.]+)%\)\s+(\S.*)$} $line -> count share name]
            && ![string match "PROGRAM TOTALS*" $name]} {
            set each [expr {double([string map {, ""} $count]) / $requests}]
            regsub {^\?\?\?:} $name "" name
            regsub { \[([^]]*/)?([^]/]*)\]$} $name { [\2]} name
            lappend lines [format "%10.1f %6.2f%%  %s" $each $share $name]
        }
    }
    return $lines
}

# Fills what `type` works on: counters for INCR, keys for the rest.
proc cg_populate {server type keys} {
    populate $server $keys [expr {$type eq "incr" ? "incr" : "set"}]
}

proc instr_main {argv} {
    global opt
    array set opt {server keel keys 100000 requests 0 top 25 inclusive 0 out "" module ""}
    lassign [parse_options $argv] type pipeline
    if {$type eq ""} {
        puts stderr "usage: instr.tcl \[--server keel|redis] \[--keys N] \[--requests N] \[--top N]\
            \[--inclusive 1] \[--out FILE] \[--keel PATH] COMMAND \[PIPELINE]"
        exit 1
    }
    if {$pipeline eq ""} {set pipeline 16}
    if {!$opt(requests)} {set opt(requests) [expr {$type eq "mset" ? 20000 : 100000}]}
    build_tools
    scratch_open
    set server [cg_start $opt(server)]
    cg_populate $server $type $opt(keys)
    lassign [cg_count $server $type $pipeline $opt(requests) $opt(keys)] each file
    puts [format "%s %s, pipeline %d, %d keys: %.1f user instructions per command" \
              $opt(server) $type $pipeline $opt(keys) $each]
    puts [join [cg_top $file $opt(requests) $opt(top) $opt(inclusive)] \n]
    if {$opt(out) ne ""} {file copy -force $file $opt(out)}
}

if {[file normalize $argv0] eq [file normalize [info script]]} {
    set failed [catch {instr_main $argv} message]
    stop_all
    if {$failed} {puts stderr "instr: $message"; exit 1}
}
