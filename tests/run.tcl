# run.tcl - runs every test file, in parallel, and says how many tests passed.
#
#   tclsh tests/run.tcl [--jobs N] [--single FILE]... [--skipfile FILE]... [--only GLOB]
#                       [--tags "TAG -TAG"] [--keel PATH|real] [--modules FILE]
#                       [--timeout SECONDS]
#                       [--seed N] [--ops N] [--list] [--verbose]
#
# Files: tests/unit, tests/integration, tests/interop, modules/*/tests, modules/*/*.tcl, and the
# programs in tests/ beside the server, or in build/tests (C unit tests: they pass when they exit
# with 0, and a last line "N passed, N failed" of theirs is added up).
#
# Each file is a process of its own with its own servers. One line a file is printed as it ends,
# failures in full below it. A file that dies, runs too long or holds no test is a failure. The
# last line is "N passed, N failed[, N skipped]"; the exit code is 0 only without failures.

package require Tcl 8.6

set home [file normalize [file dirname [info script]]]
set tree [file dirname $home]

proc usage {} {
    global home
    set f [open [file join $home run.tcl]]
    while {[gets $f line] >= 0 && [string match "#*" $line]} {puts [string range $line 2 end]}
    close $f
}

proc cpu_count {} {
    if {[catch {exec nproc} count] || ![string is integer -strict $count]} {return 2}
    return $count
}

# ---- options ----------------------------------------------------------------------------------

set jobs [cpu_count]
set timeout 300
set single {}
set skipped_files {}
set list_only 0
set verbose 0

proc parse_options argv {
    global jobs timeout single skipped_files list_only verbose env
    while {[llength $argv]} {
        set argv [lassign $argv option]
        switch -exact -- $option {
            --verbose {set verbose 1; set env(KEEL_TEST_VERBOSE) 1; continue}
            --list {set list_only 1; continue}
            --help - -h {usage; exit 0}
        }
        if {[llength $argv] == 0} {
            puts stderr "run.tcl: unknown option or missing value: $option (see --help)"
            exit 2
        }
        set argv [lassign $argv value]
        switch -exact -- $option {
            --jobs {set jobs $value}
            --timeout {set timeout $value}
            --single {lappend single $value}
            --skipfile {lappend skipped_files $value}
            --only {set env(KEEL_TEST_ONLY) $value}
            --tags {set env(KEEL_TEST_TAGS) $value}
            --keel {set env(KEEL) [expr {$value eq "real" ? $value : [file normalize $value]}]}
            --modules {set env(KEEL_MODULES) [file normalize $value]}
            --seed {set env(KEEL_INTEROP_SEED) $value}
            --ops {set env(KEEL_INTEROP_OPS) $value}
            default {
                puts stderr "run.tcl: unknown option: $option (see --help)"
                exit 2
            }
        }
    }
    foreach {name number} [list --jobs $jobs --timeout $timeout] {
        if {![string is integer -strict $number] || $number < 1} {
            puts stderr "run.tcl: $name needs a positive number"
            exit 2
        }
    }
}

# ---- finding tests ----------------------------------------------------------------------------

# Where the C unit tests are: those of a build with a sanitizer have it too.
proc program_directory {} {
    global tree env
    if {[info exists env(KEEL)]} {
        set beside [file join [file dirname $env(KEEL)] tests]
        if {[file isdirectory $beside]} {return $beside}
    }
    return $tree/build/tests
}

# {kind path} of everything to run; kind is tcl or program.
proc find_tests {} {
    global home tree
    set found {}
    set patterns [list $home/unit/*.tcl $home/unit/*/*.tcl $home/integration/*.tcl \
        $home/interop/*.tcl $tree/modules/*/tests/*.tcl $tree/modules/*/*.tcl]
    foreach pattern $patterns {
        foreach path [lsort [glob -nocomplain $pattern]] {lappend found [list tcl $path]}
    }
    foreach path [lsort [glob -nocomplain -types f [program_directory]/*]] {
        if {[file executable $path] && [file extension $path] eq ""} {
            lappend found [list program $path]
        }
    }
    return $found
}

proc short_name path {
    global tree
    set prefix $tree/
    if {[string first $prefix $path] != 0} {return $path}
    return [string range $path [string length $prefix] end]
}

# Does the path end with what the user typed ("unit/kit", "kit.tcl", a path)?
proc names_file {wanted path} {
    if {[file normalize $wanted] eq $path} {return 1}
    foreach candidate [list $path [file rootname $path]] {
        if {[string match "*/$wanted" $candidate]} {return 1}
    }
    return 0
}

proc select_tests found {
    global single skipped_files
    set chosen {}
    foreach wanted $single {
        set before [llength $chosen]
        foreach entry $found {
            if {[names_file $wanted [lindex $entry 1]]} {lappend chosen $entry}
        }
        if {[llength $chosen] == $before} {
            if {![file isfile $wanted]} {puts stderr "run.tcl: no test file $wanted"; exit 2}
            lappend chosen [list tcl [file normalize $wanted]]
        }
    }
    if {[llength $single] == 0} {set chosen $found}
    set kept {}
    foreach entry $chosen {
        set skip 0
        foreach name $skipped_files {
            if {[names_file $name [lindex $entry 1]]} {set skip 1}
        }
        if {!$skip && $entry ni $kept} {lappend kept $entry}
    }
    return $kept
}

# ---- running ----------------------------------------------------------------------------------

# A shell that reads pids from a pipe and kills those that are left when the pipe ends, that is,
# when this process is gone for whatever reason. Each test process has one more for its servers.
proc start_reaper {} {
    set script {
        trap '' INT TERM HUP PIPE
        list=
        while read -r op pid; do
            if [ "$op" = + ]; then list="$list $pid "
            else list=$(printf '%s' "$list" | sed "s/ $pid //"); fi
        done
        for pid in $list; do kill -9 "$pid" 2>/dev/null; done
    }
    return [open |[list sh -c $script reaper >/dev/null 2>/dev/null] w]
}

proc tell_reaper {op pid} {
    global reaper
    catch {puts $reaper "$op $pid"; flush $reaper}
}

# job(CHANNEL,FIELD): kind path pid output begun current passed failed skipped timer
proc start_job entry {
    global job home running timeout verbose
    lassign $entry kind path
    if {$kind eq "tcl"} {
        set words [list [info nameofexecutable] [file join $home kit child.tcl] $path]
    } else {
        set words [list $path]
    }
    set channel [open |[concat $words {</dev/null 2>@1}] r]
    fconfigure $channel -blocking 0 -translation {lf lf} -encoding utf-8
    foreach {field value} [list kind $kind path $path pid [lindex [pid $channel] 0] output "" \
        begun [clock milliseconds] current "" passed 0 failed 0 skipped 0 dead "" last ""] {
        set job($channel,$field) $value
    }
    tell_reaper + $job($channel,pid)
    set job($channel,timer) [after [expr {$timeout * 1000}] [list job_timed_out $channel]]
    fileevent $channel readable [list job_readable $channel]
    incr running
}

proc job_readable channel {
    global job
    while {[gets $channel line] >= 0} {job_line $channel $line}
    if {[eof $channel]} {job_ended $channel}
}

# One line of a child: an event to count, or text to keep.
proc job_line {channel line} {
    global job verbose
    if {$job($channel,kind) eq "tcl" &&
        [regexp {^@(begin|pass|fail|skip) (.*)$} $line -> event name]} {
        switch -exact -- $event {
            begin {set job($channel,current) $name}
            pass {incr job($channel,passed); set job($channel,current) ""}
            fail {incr job($channel,failed); set job($channel,current) ""}
            skip {incr job($channel,skipped); set job($channel,current) ""}
        }
        return
    }
    set job($channel,last) $line
    append job($channel,output) $line \n
}

proc job_timed_out channel {
    global job timeout
    set job($channel,dead) "took longer than $timeout s"
    catch {exec kill -9 $job($channel,pid)}
    # Processes that it started may hold the pipe open: do not wait for its end.
    after 500 [list job_ended $channel]
}

proc job_ended channel {
    global job running passed failed skipped failed_files
    if {![info exists job($channel,pid)]} return
    after cancel $job($channel,timer)
    after cancel [list job_ended $channel]
    fileevent $channel readable {}
    set status 0
    if {$job($channel,dead) eq ""} {
        fconfigure $channel -blocking 1
        if {[catch {close $channel} message options]} {
            set status [dict get $options -errorcode]
        }
    } else {
        catch {fconfigure $channel -blocking 0; close $channel}
    }
    tell_reaper - $job($channel,pid)
    finish_job $channel $status
    array unset job $channel,*
    incr running -1
    start_next
}

# Counts a finished file and prints its line.
proc finish_job {channel status} {
    global job passed failed skipped verbose env
    set problem $job($channel,dead)
    set summary {^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$}
    set ended [regexp $summary $job($channel,last) -> p f s]
    if {$job($channel,kind) eq "program"} {
        if {$ended} {
            set job($channel,passed) $p
            set job($channel,failed) $f
        } elseif {$status eq 0 && $problem eq ""} {
            set job($channel,passed) 1
        }
        if {$status ne 0 && $job($channel,failed) == 0 && $problem eq ""} {
            set problem "exit: $status"
        }
    } elseif {$problem eq ""} {
        if {!$ended} {
            set problem "ended half-way ($status)"
        } elseif {$job($channel,failed) == 0 && $status ne 0} {
            set problem "exit: $status"
        }
    }
    set count [expr {$job($channel,passed) + $job($channel,failed)}]
    if {$problem eq "" && $count == 0 && $job($channel,skipped) == 0} {set problem "holds no test"}
    if {$problem ne ""} {
        incr job($channel,failed)
        if {$job($channel,current) ne ""} {
            append problem ", in the test \"$job($channel,current)\""
        }
    }
    incr passed $job($channel,passed)
    incr failed $job($channel,failed)
    incr skipped $job($channel,skipped)
    print_job $channel $problem $ended
}

proc print_job {channel problem ended} {
    global job verbose
    set seconds [format %.1f [expr {([clock milliseconds] - $job($channel,begun)) / 1000.0}]]
    set name [short_name $job($channel,path)]
    set line "[expr {$job($channel,failed) ? {FAIL} : {ok  }}]  $name: $job($channel,passed) passed"
    if {$job($channel,failed)} {append line ", $job($channel,failed) failed"}
    if {$job($channel,skipped)} {append line ", $job($channel,skipped) skipped"}
    puts "$line ($seconds s)"
    if {$problem ne ""} {puts "    $name: $problem"}
    set output [string trimright $job($channel,output) \n]
    if {$ended} {set output [join [lrange [split $output \n] 0 end-1] \n]}
    # A passing C program's chatter is of no interest; what a kit file says is.
    if {$output ne "" && ($job($channel,failed) || $verbose || $job($channel,kind) eq "tcl")} {
        puts [regsub -all -line {^} $output "    "]
    }
    flush stdout
}

proc start_next {} {
    global queue running jobs done
    while {$running < $jobs && [llength $queue]} {
        set queue [lassign $queue entry]
        if {[catch {start_job $entry} message]} {
            puts "FAIL  [short_name [lindex $entry 1]]: cannot be started: $message"
            incr ::failed
        }
    }
    if {$running == 0} {set done 1}
}

parse_options $argv
set queue [select_tests [find_tests]]
if {$list_only} {
    foreach entry $queue {puts [short_name [lindex $entry 1]]}
    exit 0
}

set env(KEEL_TEST_RUNNER) 1
set reaper [start_reaper]
set running 0
set passed 0
set failed 0
set skipped 0
array set job {}
set done 0
start_next
if {!$done} {vwait done}
if {$passed + $failed + $skipped == 0} {
    puts "no tests found"
    set failed 1
}
set line "$passed passed, $failed failed"
if {$skipped} {append line ", $skipped skipped"}
puts $line
exit [expr {$failed != 0}]
