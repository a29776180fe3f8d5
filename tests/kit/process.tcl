# process.tcl - processes, ports and directories: nothing that is started outlives the test file.
#
# Every server has a directory of its own below one of this process. A reaper, a shell at the
# other end of a pipe, ends the servers and removes the directory however this process goes,
# SIGKILL included.

namespace eval kit {
    variable workdir ""
    variable reaper ""
    variable next_port ""
    variable alive {}           ;# pids of processes to end
}

# ---- processes --------------------------------------------------------------------------------

# The fields of /proc/PID/stat behind the name: state first. Empty when there is no such process.
proc kit::proc_stat pid {
    if {[catch {set f [open /proc/$pid/stat r]}]} {return {}}
    set failed [catch {read $f} text]
    close $f
    if {$failed} {return {}}
    return [split [string range $text [expr {[string last ")" $text] + 2}] end] " "]
}

# True unless the process is gone or a zombie.
proc process_is_alive pid {
    set state [lindex [kit::proc_stat $pid] 0]
    return [expr {$state ne "" && $state ni {Z X}}]
}

proc get_proc_state pid {
    return [lindex [kit::proc_stat $pid] 0]
}

# The first child of the server at a level: one that saves, or sends a copy.
proc get_child_pid level {
    foreach pid [split [kit::children_of [srv $level pid]]] {
        if {$pid ne "" && [process_is_alive $pid]} {return $pid}
    }
    error "the server has no child"
}

# Children of all its threads, as the kernel lists them.
proc kit::children_of pid {
    set all ""
    foreach path [glob -nocomplain /proc/$pid/task/*/children] {
        append all " " [string trim [read_file $path]]
    }
    return [string trim $all]
}

proc is_alive srv {
    return [process_is_alive [dict get $srv pid]]
}

proc kit::signal {name pid} {
    catch {exec kill -$name $pid 2>@1}
}

proc pause_process pid {
    kit::signal STOP $pid
    wait_for_condition 100 10 {[get_proc_state $pid] eq "T"} else {fail "process $pid did not stop"}
}

proc resume_process pid {
    kit::signal CONT $pid
}

# The directory of this process, with its reaper. Lines "PID STARTTIME" go down the pipe; at its
# end whatever still runs with that start time (so no other process with a reused pid) is killed.
proc kit::workdir {} {
    variable workdir
    variable reaper
    if {$workdir ne ""} {return $workdir}
    set workdir [string trim [exec mktemp -d [file join [env TMPDIR /tmp] keel-test.XXXXXX]]]
    set script {
        trap '' INT TERM HUP PIPE
        list=
        while read -r pid start; do list="$list $pid:$start"; done
        for entry in $list; do
            pid=${entry%%:*}
            set -- $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null)
            if [ "${20}" = "${entry#*:}" ]; then kill -9 "$pid" 2>/dev/null; fi
        done
        if [ "$KEEL_TEST_KEEP" != 1 ]; then rm -rf "$DIR"; fi
    }
    set reaper [open |[list env DIR=$workdir sh -c $script reaper >/dev/null 2>/dev/null] w]
    return $workdir
}

# Makes sure that a process does not outlive this one.
proc kit::adopt pid {
    variable reaper
    variable alive
    workdir
    lappend alive $pid
    catch {puts $reaper "$pid [lindex [proc_stat $pid] 19]"; flush $reaper}
}

# Ends a process with a signal, after `seconds` with SIGKILL.
proc kit::end_process {pid {name TERM} {seconds 10}} {
    variable alive
    signal $name $pid
    signal CONT $pid
    set deadline [expr {[clock milliseconds] + $seconds * 1000}]
    while {[process_is_alive $pid]} {
        if {[clock milliseconds] > $deadline} {
            signal KILL $pid
            after 50
            break
        }
        after 5
    }
    set alive [lsearch -all -inline -not -exact $alive $pid]
}

proc kit::stop_everything {} {
    variable alive
    variable reaper
    foreach pid $alive {
        if {[process_is_alive $pid]} {signal KILL $pid}
    }
    set alive {}
    if {$reaper ne ""} {catch {close $reaper}}
    set reaper ""
}

# ---- ports and directories --------------------------------------------------------------------

# A port that nobody listens on, nor on the cluster bus port 10000 above it. Processes that run
# beside each other start searching at different places.
proc find_available_port {{start ""} {count 8000}} {
    upvar ::kit::next_port next
    if {$start ne ""} {
        set first $start
    } else {
        if {$next eq ""} {set next [expr {21000 + ([pid] * 97) % 8000}]}
        set first $next
    }
    for {set i 0} {$i < $count} {incr i} {
        set port [expr {$first + $i}]
        if {$start eq "" && $port >= 29000} {incr port -8000}
        if {[kit::port_is_free $port] && [kit::port_is_free [expr {$port + 10000}]]} {
            if {$start eq ""} {set next [expr {$port + 1}]}
            return $port
        }
    }
    error "no free port from $first on"
}

proc kit::port_is_free port {
    # A listener of ours would get SO_REUSEADDR, so ask by connecting as well.
    if {![catch {socket 127.0.0.1 $port} fd]} {
        close $fd
        return 0
    }
    if {[catch {socket -server kit::nobody -myaddr 127.0.0.1 $port} fd]} {return 0}
    close $fd
    return 1
}

proc tmpfile name {
    return [file join [kit::workdir] $name.[pid].[incr ::kit::next_server]]
}

proc tmpdir name {
    set dir [tmpfile $name]
    file mkdir $dir
    return $dir
}
