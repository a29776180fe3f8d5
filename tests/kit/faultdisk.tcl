# faultdisk.tcl - servers on a disk that fails, and power cuts: tests/tools/faultdisk.c.
#
#   source faultdisk.tcl                     (after kit.tcl)
#   faulty_disk_server {overrides {appendonly yes}} .aof {
#       disk_faults {fsync 1 5}              the next sync fails with EIO
#       power_cut                            SIGKILL, and files cut to what was synced
#   }

namespace eval kit {
    variable disk_control ""
}

proc have_faulty_disk {} {
    set shim [file join [file dirname [file normalize $::kit::binary]] tools faultdisk]
    return [expr {[file exists $shim] && ![string match "*san-*" $::kit::binary]}]
}

# A server whose files with `match` in their paths can be made to fail.
proc faulty_disk_server {options match code} {
    set control [tmpfile faultdisk]
    close [open $control w]
    set outer $::kit::disk_control
    set ::kit::disk_control $control
    kit::disk_environment $match
    set failed [catch {uplevel 1 [list start_server $options $code]} error error_options]
    kit::disk_environment ""
    set ::kit::disk_control $outer
    if {$failed} {return -options $error_options $error}
}

# Servers started from now on run on the faulty disk; with "" on a good one.
proc kit::disk_environment match {
    variable disk_control
    foreach name {LD_PRELOAD FAULTDISK FAULTDISK_MATCH} {array unset ::env $name}
    if {$match eq ""} return
    set shim [file join [file dirname [file normalize $::kit::binary]] tools faultdisk]
    array set ::env [list LD_PRELOAD $shim FAULTDISK $disk_control FAULTDISK_MATCH $match]
}

# Lines "call n errno ?ever?"; {} heals the disk.
proc disk_faults {args} {
    set f [open $::kit::disk_control w]
    foreach fault $args {puts $f $fault}
    close $f
    exec kill -USR2 [srv pid]
    after 5
}

# How often a fault has struck since the file was last emptied.
proc disk_struck {} {
    return [llength [split [string trim [kit::read_file $::kit::disk_control.done]] \n]]
}
proc disk_forget {} {
    file delete $::kit::disk_control.done
}

# Ends the server at once and cuts each file that was written to what was surely on the disk.
proc power_cut {} {
    kit::end_process [srv pid] KILL
    array set length {}
    foreach line [split [string trim [kit::read_file $::kit::disk_control.synced]] \n] {
        lassign $line inode bytes
        set length($inode) $bytes
    }
    set lost 0
    foreach dir [list [srv dir] {*}[glob -nocomplain -type d [file join [srv dir] *]]] {
        foreach path [glob -nocomplain -type f [file join $dir *.aof] [file join $dir *.rdb] \
            [file join $dir *.manifest]] {
            file stat $path st
            set safe [expr {[info exists length($st(ino))] ? $length($st(ino)) : 0}]
            if {$safe >= $st(size)} continue
            incr lost [expr {$st(size) - $safe}]
            set f [open $path r+]
            chan truncate $f $safe
            close $f
        }
    }
    return $lost
}

# After power_cut: the same server again, on the same disk.
proc start_again {{match .aof}} {
    kit::disk_environment $match
    set failed [catch {restart_server 0 true false 1 sigkill} error options]
    if {$failed} {return -options $options $error}
}
