# server.tcl - starting and ending servers.
#
#   start_server {overrides {maxmemory 1mb} tags {slow} args {--x y}} { ...code... }
#
# Options: overrides {DIRECTIVE VALUE ...} in the configuration file's own syntax (a value may hold
# several words; "" is written as an empty string; the directives of `repeatable` may occur
# more than once); config_lines, the same, added to the defaults without replacing them; config
# FILE, lines to begin with; omit {DIRECTIVE ...}, defaults to leave out; args, more words of
# argv; tags; keep_persistence true, the directory of the last server is used again; wait 0, do
# not wait until it answers; binary PATH or real; crash_ok 1, its death is no failure.
#
# Without code start_server gives back the server, a dict to end with kill_server. With code,
# servers nest: `srv 0 port` is the innermost, `srv -1 port` the one around it.

namespace eval kit {
    variable binary [env KEEL [file join $tree build keel]]
    variable repeatable {save loadmodule user rename-command include client-output-buffer-limit}
    variable next_server 0
    variable last_dir ""
    variable prefix {}          ;# words before a server's own: a program that runs it elsewhere
    variable defaults {
        daemonize no
        bind 127.0.0.1
        databases 16
        loglevel verbose
        latency-monitor-threshold 1
        notify-keyspace-events KEA
        enable-debug-command yes
        enable-module-command yes
        enable-protected-configs yes
        shutdown-on-sigterm force
        save {900 1 300 10 60 10000}
        appendonly no
    }
}

set ::servers {}
set ::dbnum 9
set ::host 127.0.0.1
# Names that suites written for Redis ask for.
foreach {name value} {
    external 0 tls 0 valgrind 0 singledb 0 cluster_mode 0 accurate 0 force_resp3 0 loglevel verbose
} {
    set ::$name $value
}
unset name value

# ---- configuration ----------------------------------------------------------------------------

proc kit::config_line {directive value} {
    if {$value eq ""} {set value {""}}
    if {[string match "*\n*" $value]} {error "a value of $directive holds a line break"}
    return "$directive $value"
}

# The configuration as a flat list of directives and values, later ones winning.
proc kit::make_config {options dir port} {
    variable defaults
    variable repeatable
    set config [concat $defaults [list port $port dir $dir]]
    if {[dict exists $options config]} {
        set config [concat $config [config_from_file [dict get $options config]]]
    }
    set config [drop_directives $config [kit::option $options omit {}]]
    set overrides [kit::option $options overrides {}]
    if {[llength $overrides] % 2} {error "overrides must be pairs: $overrides"}
    set names {}
    foreach {name value} $overrides {lappend names $name}
    set config [drop_directives $config $names]
    foreach {name value} $overrides {
        if {$name ni $repeatable} {set config [drop_directives $config [list $name]]}
        lappend config $name $value
    }
    return [concat $config [kit::option $options config_lines {}]]
}

proc kit::drop_directives {config names} {
    set kept {}
    foreach {name value} $config {
        if {$name ni $names} {lappend kept $name $value}
    }
    return $kept
}

proc kit::config_from_file path {
    foreach candidate [list $path [file join $::kit::home assets $path]] {
        if {[file exists $candidate]} {set path $candidate; break}
    }
    # Suites name the stock file of their own tree; the defaults above stand for it.
    if {![file exists $path]} {
        if {[file tail $path] in {default.conf minimal.conf}} {return {}}
        error "no configuration file $path"
    }
    set f [open $path r]
    set pairs {}
    foreach line [split [read $f] \n] {
        if {[regexp {^\s*([^#\s]\S*)\s*(.*?)\s*$} $line -> name value]} {lappend pairs $name $value}
    }
    close $f
    return $pairs
}

proc kit::option {options name default} {
    if {[dict exists $options $name]} {return [dict get $options $name]}
    return $default
}

# The words that start a binary: itself, the configuration file, the module list for a Keel.
proc kit::command_line {binary config_file extra} {
    if {$binary eq "real"} {
        if {![have_real_server]} {error "the real server (redis-tools) is not installed"}
        set words [list bash -c {exec -a redis-server redis-check-rdb "$@"} sh]
        return [concat $words [list $config_file] $extra]
    }
    if {![file executable $binary]} {error "no server to test at $binary (set KEEL)"}
    set words [list $binary $config_file]
    set modules [env KEEL_MODULES ""]
    set beside [file join [file dirname [file dirname $binary]] modules.conf]
    if {$modules eq "" && [file exists $beside]} {set modules $beside}
    if {$modules ne ""} {lappend words --modules [file normalize $modules]}
    return [concat $words $extra]
}

proc kit::have_real_server {} {
    return [expr {[auto_execok redis-check-rdb] ne "" && [auto_execok bash] ne ""}]
}

# Where the build put one of the test modules of tests/modules: `start_server [with_module NAME]`.
proc test_module name {
    return [file join [file dirname [file normalize $::kit::binary]] tests modules $name.so]
}
proc with_module {args} {
    set words {}
    foreach name $args {lappend words --loadmodule [test_module $name]}
    return [list args $words]
}

# ---- life of a server -------------------------------------------------------------------------

# Starts the process of `srv`, which has everything but a pid, and gives it back with one.
proc kit::launch srv {
    variable prefix
    set words [command_line [dict get $srv binary] [dict get $srv config_file] [dict get $srv args]]
    set words [concat $prefix $words]
    # A program name with a leading character that exec knows would be an operator: none here.
    set pid [exec {*}$words >> [dict get $srv stdout] 2>> [dict get $srv stderr] &]
    set pid [lindex $pid end]
    adopt $pid
    dict set srv pid $pid
    return $srv
}

# One PING over a new connection: its first reply line, or "" when nothing answers.
proc kit::ping_line {host port} {
    if {[catch {socket $host $port} fd]} {return ""}
    fconfigure $fd -translation binary
    catch {puts -nonewline $fd "PING\r\n"; flush $fd; gets $fd line}
    catch {close $fd}
    if {![info exists line]} {return ""}
    return [string trimright $line \r]
}

# Waits for an answer that a ready server gives, which -LOADING is not.
proc kit::wait_ready {srv {seconds 60}} {
    set deadline [expr {[clock milliseconds] + $seconds * 1000}]
    set line ""
    while {[clock milliseconds] < $deadline} {
        set line [ping_line [dict get $srv host] [dict get $srv port]]
        foreach ready {+PONG -NOAUTH* -NOPERM* -MASTERDOWN* -DENIED* -MISCONF*} {
            if {[string match $ready $line]} return
        }
        if {![is_alive $srv]} {
            # A last look: it may have been a parent that left a daemon behind.
            error "the server ended while it started:\n[server_log_tail $srv]"
        }
        after 20
    }
    error "the server does not answer (last: '$line'):\n[server_log_tail $srv]"
}

# Waits for any answer, -LOADING too, or the server's end.
proc kit::wait_listening {srv {seconds 20}} {
    set deadline [expr {[clock milliseconds] + $seconds * 1000}]
    while {[clock milliseconds] < $deadline && [is_alive $srv]} {
        if {[ping_line [dict get $srv host] [dict get $srv port]] ne ""} return
        after 10
    }
}

proc kit::create_server options {
    variable binary
    variable last_dir
    variable next_server
    if {[kit::option $options keep_persistence false] && $last_dir ne ""} {
        set dir $last_dir
    } else {
        set dir [file join [workdir] server.[incr next_server]]
        file mkdir $dir
    }
    set last_dir $dir
    set port [find_available_port]
    set config [make_config $options $dir $port]
    set flat $config
    if {[dict exists $flat port] && [dict get $flat port] != 0} {set port [dict get $flat port]}
    set config_file [file join $dir keel.conf]
    set f [open $config_file w]
    fconfigure $f -encoding utf-8
    foreach {name value} $config {puts $f [config_line $name $value]}
    close $f
    set exe [kit::option $options binary $binary]
    if {$exe ne "real"} {set exe [file normalize $exe]}
    set srv [dict create host $::host port $port config $config config_file $config_file dir $dir \
        stdout [file join $dir stdout] stderr [file join $dir stderr] binary $exe \
        args [kit::option $options args {}] crash_ok [kit::option $options crash_ok 0] \
        skipclean 0 client "" tls 0 pid 0]
    foreach name {stdout stderr} {close [open [dict get $srv $name] a]}
    return $srv
}

# Opens the server's default client, in database 9 as suites expect.
proc kit::connect srv {
    set client [redis [dict get $srv host] [dict get $srv port]]
    if {![dict exists [dict get $srv config] requirepass]} {
        catch {$client select $::dbnum}
    }
    dict set srv client $client
    return $srv
}

proc start_server {options {code <none>}} {
    set tags [concat $::kit::tags [kit::option $options tags {}]]
    if {$code ne "<none>" && [kit::skip_reason_block $tags] ne ""} {
        kit::record_skip "start_server {$options}" [kit::skip_reason_block $tags]
        return
    }
    set outer_tags $::kit::tags
    set ::kit::tags $tags
    set failed [catch {
        set srv [kit::launch [kit::create_server $options]]
        if {[kit::option $options wait 1]} {
            kit::wait_ready $srv
            set srv [kit::connect $srv]
        }
    } result result_options]
    if {$failed || $code eq "<none>"} {
        set ::kit::tags $outer_tags
        if {$failed} {return -options $result_options $result}
        lappend ::kit::loose $srv
        return $srv
    }
    lappend ::servers $srv
    set depth [llength $::servers]
    set failed [catch {uplevel 1 $code} result result_options]
    if {$failed == 1} {
        # Outside of a test: shown here, where the logs still are, and only once.
        kit::record_fail "(start_server, outside of tests)" [dict get $result_options -errorinfo] 1
        set failed 0
    }
    set ::servers [lrange $::servers 0 [expr {$depth - 1}]]
    set srv [lindex $::servers end]
    set ::servers [lrange $::servers 0 end-1]
    set ::kit::tags $outer_tags
    kill_server $srv
    if {$failed} {return -options $result_options $result}
}

# The same with the Redis server of Debian's redis-tools.
proc start_real_server {options {code <none>}} {
    dict set options binary real
    uplevel 1 [list start_server $options $code]
}

# Ends a server and looks at what it leaves: a sanitizer's report or a crash is a failure.
proc kill_server srv {
    catch {[dict get $srv client] close}
    kit::end_process [dict get $srv pid]
    kit::inspect_end $srv
}

proc kit::inspect_end srv {
    set text [read_file [dict get $srv stderr]][read_file [dict get $srv stdout]]
    foreach mark {"ERROR: AddressSanitizer" "ERROR: LeakSanitizer" "runtime error:"
                  "ThreadSanitizer" "MemorySanitizer"} {
        set at [string first $mark $text]
        if {$at >= 0} {
            set report [string range $text [expr {max(0, $at - 200)}] [expr {$at + 6000}]]
            record_fail "(sanitizer)" "the server's output holds '$mark':\n$report"
            return
        }
    }
    if {![dict get $srv crash_ok] && [regexp {crashed by signal|ASSERTION FAILED} $text mark]} {
        record_fail "(crash)" "the server's log holds '$mark'\n[server_log_tail $srv]"
    }
}

# Ends the server of a level and starts it again with the same files and port.
proc restart_server {level wait_ready rotate_logs {reconnect 1} {shutdown sigterm}} {
    set index [expr {[llength $::servers] - 1 + $level}]
    set srv [lindex $::servers $index]
    catch {[dict get $srv client] close}
    if {$shutdown eq "sigkill"} {
        kit::end_process [dict get $srv pid] KILL
    } else {
        kit::end_process [dict get $srv pid] TERM 60
    }
    if {$rotate_logs} {
        kit::inspect_end $srv
        set stamp [clock microseconds]
        foreach name {stdout stderr} {
            set path [dict get $srv $name]
            file rename $path $path.$stamp
            close [open $path a]
        }
    }
    set from_line [count_log_lines_of [dict get $srv stdout]]
    dict set srv from_line $from_line
    set waits [expr {$wait_ready ? "kit::wait_ready" : "kit::wait_listening"}]
    # A child that was born as its server was killed holds the port until it runs for the first time.
    for {set tries 1} 1 {incr tries} {
        set srv [kit::launch $srv]
        lset ::servers $index $srv
        if {![catch {$waits $srv} e options]} break
        if {$tries == 5 || ![string match "*Address already in use*" $e]} {
            return -options $options $e
        }
        after 200
    }
    if {$reconnect} {lset ::servers $index [kit::connect $srv]}
}

# Starts the binary with the given configuration file and nothing else: for suites that manage
# their instances. The result is the pid; the instance ends with this process.
proc exec_instance {type dir config_file} {
    set words [kit::command_line $::kit::binary $config_file {}]
    set log [file join $dir err.txt]
    set pid [lindex [exec {*}$words >> $log 2>> $log &] end]
    kit::adopt $pid
    return $pid
}

# ---- asking for servers -----------------------------------------------------------------------

# srv ?LEVEL? FIELD: host port pid stdout stderr client config config_file dir.
proc srv {args} {
    set level 0
    if {[llength $args] == 2} {set level [lindex $args 0]}
    set srv [lindex $::servers [expr {[llength $::servers] - 1 + $level}]]
    if {$srv eq ""} {error "there is no server at level $level"}
    return [dict get $srv [lindex $args end]]
}

# r ?LEVEL? COMMAND ...
proc r {args} {
    set level 0
    if {[string is integer -strict [lindex $args 0]]} {
        set level [lindex $args 0]
        set args [lrange $args 1 end]
    }
    return [[srv $level client] {*}$args]
}

# Replaces the default client of a level, in case its connection is beyond use.
proc reconnect {{level 0}} {
    set index [expr {[llength $::servers] - 1 + $level}]
    set srv [lindex $::servers $index]
    catch {[dict get $srv client] close}
    lset ::servers $index [kit::connect $srv]
}

proc redis_client {{level 0}} {
    set client [redis [srv $level host] [srv $level port]]
    catch {$client select $::dbnum}
    return $client
}

proc redis_deferring_client {{level 0}} {
    set client [redis [srv $level host] [srv $level port] 1]
    $client select $::dbnum
    catch {$client read}
    return $client
}

proc redis_client_by_addr {host port} {
    return [redis $host $port]
}

proc redis_deferring_client_by_addr {host port} {
    return [redis $host $port 1]
}
