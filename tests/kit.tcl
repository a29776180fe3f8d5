# kit.tcl - the test kit: start servers, talk to them, say what they must do.
#
# The vocabulary is that of the suites written for Redis, so those port by copying. Authors of
# modules outside this tree use it too:
#
#   source /path/to/keel/tests/kit.tcl
#   start_server {overrides {loadmodule "/my/module.so arg"}} {
#       test "MY.ECHO gives back its argument" {r my.echo hello} hello
#   }
#
# and run that file with tclsh, or many of them with `tclsh tests/run.tcl --single FILE`.
#
# Environment:
#   KEEL            the server: a path, or "real" for the Redis server of Debian's redis-tools.
#                   Default: build/keel of the tree that this file is in.
#   KEEL_MODULES    given to the server as --modules FILE. Default: the server's own choice, or
#                   modules.conf beside the directory of the binary.
#   KEEL_TEST_ONLY  run only the tests whose name matches this glob
#   KEEL_TEST_TAGS  run only tests with one of these tags; "-tag" leaves tests with it out
#   KEEL_TEST_KEEP  1: temporary directories stay
#   KEEL_TEST_VERBOSE  1: a line for every test

package require Tcl 8.6

if {[info exists ::kit::loaded]} return

namespace eval kit {
    variable loaded 1
    variable home [file normalize [file dirname [info script]]]
    variable tree [file dirname $home]

    # An environment variable, or a default when it is unset or empty.
    proc env {name default} {
        if {[info exists ::env($name)] && $::env($name) ne ""} {return $::env($name)}
        return $default
    }
}

foreach part {client report assert process server util info log replication dataset aof} {
    source [file join $::kit::home kit $part.tcl]
}
unset part
