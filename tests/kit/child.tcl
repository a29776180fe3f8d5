# child.tcl - runs one test file for tests/run.tcl: `tclsh child.tcl FILE`.

source [file join [file dirname [file dirname [file normalize [info script]]]] kit.tcl]
kit::run_file [lindex $argv 0]
