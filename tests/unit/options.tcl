# options.tcl - the command line, configuration files that are wrong, log, daemon, pid file.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

set dir [file join [kit::workdir] options]
file mkdir $dir

proc write_file {name text} {
    set path [file join $::dir $name]
    set f [open $path w]
    fconfigure $f -translation binary
    puts -nonewline $f $text
    close $f
    return $path
}

# Runs the server until it ends: {exit code, everything it printed}. The text is its standard input.
proc run {words {input ""}} {
    set failed [catch {exec -ignorestderr -- timeout 10 $kit::binary {*}$words << $input 2>@1} \
        output options]
    set code 0
    if {$failed} {
        set code 1
        set kind [dict get $options -errorcode]
        if {[lindex $kind 0] eq "CHILDSTATUS"} {set code [lindex $kind 2]}
    }
    return [list $code $output]
}

# The server must refuse to start, and what it prints must match every pattern.
proc refuses {words args} {
    lassign [run $words] code output
    assert_equal $code 1 $output
    foreach pattern $args {assert_match $pattern $output}
}

# Starts a server with these words and a port, runs the script with a client in `client`, and ends
# the server. `input` is its standard input.
proc with_server {words script {input ""}} {
    upvar client client port port pid pid
    set port [find_available_port]
    set words [string map [list %PORT% $port] $words]
    set input [string map [list %PORT% $port] $input]
    set log [file join $::dir out.$port]
    set pid [lindex [exec $kit::binary {*}$words << $input > $log 2>@1 &] end]
    kit::adopt $pid
    set failed [catch {
        wait_for_condition 300 20 {[kit::ping_line 127.0.0.1 $port] eq "+PONG"} else {
            fail "no answer: [kit::read_file $log]"
        }
        set client [redis 127.0.0.1 $port]
        uplevel 1 $script
    } result options]
    catch {$client close}
    kit::end_process $pid
    if {$failed} {return -options $options $result}
    return $result
}

proc value {client name} {
    return [lindex [$client config get $name] 1]
}

proc r_values {client args} {
    set list {}
    foreach name $args {lappend list [value $client $name]}
    return $list
}

# ---- flags ------------------------------------------------------------------------------------

test "Flags have two dashes or one, and a file comes first" {
    set path [write_file flags.conf "timeout 11\ntcp-keepalive 12\n"]
    with_server [list $path --port %PORT% -hz 33 --timeout 44 -loglevel verbose] {
        assert_equal [value $client hz] 33
        assert_equal [value $client timeout] 44
        assert_equal [value $client tcp-keepalive] 12
        value $client loglevel
    }
} verbose

test "A setting and its value may be one word" {
    with_server {"--port %PORT%" "--client-query-buffer-limit 7mb" "--timeout 3"} {
        assert_equal [value $client timeout] 3
        value $client client-query-buffer-limit
    }
} 7340032

test "Settings of several words take them one by one or in one" {
    with_server {
        --port %PORT% --bind 127.0.0.1 -::1 --shutdown-on-sigint nosave force
        --shutdown-on-sigterm "nosave now" --client-output-buffer-limit normal 1 2 3
    } {
        assert_equal [value $client bind] "127.0.0.1 -::1"
        assert_equal [value $client shutdown-on-sigint] "nosave force"
        assert_equal [value $client shutdown-on-sigterm] "nosave now"
        value $client client-output-buffer-limit
    }
} "normal 1 2 3 slave*"

test "The word after a setting is its value, even when it begins with dashes" {
    with_server {--port %PORT% --proc-title-template --my--title --hz 20} {
        assert_equal [value $client hz] 20
        value $client proc-title-template
    }
} --my--title

test "A configuration comes from standard input too, after the file and before flags" {
    set path [write_file stdin.conf "timeout 1\nhz 1\ntcp-keepalive 1\n"]
    with_server [list $path --port %PORT% --hz 3 -] {
        r_values $client timeout hz tcp-keepalive
    } "timeout 2\nhz 2\n"
} {2 3 1}

test "Standard input alone is a configuration" {
    with_server {-} {value $client timeout} "port %PORT%\n# comment\ntimeout 9"
} 9

test "--version and -v print both versions" {
    foreach word {--version -v} {
        lassign [run [list $word]] code output
        assert_equal $code 0
        assert_match "Keel server v=*redis=7.*" $output
    }
}

test "--help and -h print how it is used" {
    foreach word {--help -h} {
        lassign [run [list $word]] code output
        assert_equal $code 0
        assert_match "Usage: *--modules FILE*--check*" $output
    }
}

test "--check of a good configuration ends with 0 and does not listen" {
    set path [write_file check.conf "port 1\n"]
    lassign [run [list $path --check]] code output
    assert_equal $code 0 $output
}

test "--check of a bad configuration ends with 1 and says where" {
    set path [write_file check.conf "port 1\nhz 5\nhzz 6\n"]
    refuses [list $path --check] "*line 3 of $path*'hzz 6'*"
}

# ---- mistakes on the command line -------------------------------------------------------------

foreach {words shown reason} {
    {--port abc}            {'port "abc"'}       {argument couldn't be parsed into an integer}
    {--port 1 2}            {'port "1" "2"'}     {wrong number of arguments}
    {--port}                {'port'}             {wrong number of arguments}
    {--hz 5 --port}         {'port'}             {wrong number of arguments}
    {"--port 1 2"}          {'port "1" "2"'}     {wrong number of arguments}
    {--port 70000}          {'port "70000"'}     {argument must be between 0 and 65535 inclusive}
    {--nosuch 1}            {'nosuch "1"'}       {Bad directive or wrong number of arguments}
    {-nosuch 1}             {'nosuch "1"'}       {Bad directive or wrong number of arguments}
    {--hz=20}               {'hz=20'}            {Bad directive or wrong number of arguments}
    {--daemonize maybe}     {'daemonize "maybe"'} {argument must be 'yes' or 'no'}
    {--unixsocketperm 999}  {'unixsocketperm "999"'}
                            {argument couldn't be parsed as an octal number}
    {--unixsocketperm 1777} {'unixsocketperm "1777"'}
                            {argument must be between 0 and 777 inclusive}
    {--databases 0}         {'databases "0"'}
                            {argument must be between 1 and 2147483647 inclusive}
    {--io-threads 0}        {'io-threads "0"'}   {argument must be between 1 and 128 inclusive}
    {--supervised foo}      {'supervised "foo"'}
        {argument(s) must be one of the following: upstart, systemd, auto, no}
    {--syslog-facility foo} {'syslog-facility "foo"'}
        {argument(s) must be one of the following: user, local0, local1, local2, local3, local4,}
    {--dir /nosuch}         {'dir "/nosuch"'}    {No such file or directory}
    {--logfile /nosuch/x}   {'logfile "/nosuch/x"'}
                            {Can't open the log file: No such file or directory}
    {--loadmodule}          {'loadmodule'}       {wrong number of arguments}
    {"--hz \"5"}            {'--hz "5'}          {Unbalanced quotes in configuration line}
    {--modules}             {'--modules'}        {--modules takes one file}
    {--hz 5 -- 6}           {'hz "5" "--" "6"'}  {wrong number of arguments}
} {
    test "The command line '$words' is refused with its reason" {
        set message "*FATAL CONFIG FILE ERROR*\n>>> $shown\n$reason"
        lassign [run $words] code output
        assert_equal $code 1
        # Brackets and such in the texts are no patterns.
        assert_match {*FATAL CONFIG FILE ERROR*} $output
        assert {[string first ">>> $shown\n$reason" $output] >= 0} $output
    }
}

test "A word that is neither the file nor belongs to a flag is refused" {
    refuses {/dev/null extra} "*'extra'*"
}

test "Modules files and modules that are not there are named" {
    refuses {--modules /nosuch/modules.conf} "*/nosuch/modules.conf*No such file*"
    refuses {--loadmodule /nosuch/module.so a b} "*/nosuch/module.so*"
}

test "A server that would listen nowhere does not start" {
    refuses {--port 0} "*Configured to not listen anywhere, exiting.*"
    refuses {--bind ""} "*Configured to not listen anywhere, exiting.*"
}

test "A port that is taken ends the start with its reason" {
    set taken [socket -server {apply {{fd args} {close $fd}}} -myaddr 127.0.0.1 0]
    set port [lindex [fconfigure $taken -sockname] 2]
    set words [list --port $port --bind 127.0.0.1]
    lassign [run $words] code output
    close $taken
    assert_equal $code 1
    assert_match "*127.0.0.1:$port: Address already in use*" $output
}

# ---- mistakes in files ------------------------------------------------------------------------

foreach {name text line shown reason} {
    "unbalanced quotes" "hz 5\nlogfile \"abc\n" 2 {'logfile "abc'}
        {Unbalanced quotes in configuration line}
    "text behind a quote" "hz \"5\"6\n" 1 {'hz "5"6'} {Unbalanced quotes in configuration line}
    "an unknown setting" "# a\n\nhz 5\n  foo bar\n" 4 {'foo bar'}
        {Bad directive or wrong number of arguments}
    "a value of the wrong type" "hz 5\nport x\n" 2 {'port x'}
        {argument couldn't be parsed into an integer}
    "a setting without a value" "hz\n" 1 {'hz'} {wrong number of arguments}
    "a setting with two values" "hz 1 2" 1 {'hz 1 2'} {wrong number of arguments}
    "a NUL byte" "hz 5\0 6\n" 1 {'hz 5} {NUL byte in configuration line}
    "an empty name" "\"\" 5\n" 1 {'"" 5'} {Bad directive or wrong number of arguments}
    "include without a file" "include\n" 1 {'include'} {wrong number of arguments}
    "include of what is not there" "hz 5\ninclude /nosuch/x.conf\n" 2 {'include /nosuch/x.conf'}
        {Fatal error, can't open config file '/nosuch/x.conf': No such file or directory}
    "include of a directory" "include /tmp\n" 1 {'include /tmp'}
        {Fatal error, can't open config file '/tmp': Is a directory}
    "a directory that is not there" "dir /nosuch\n" 1 {'dir /nosuch'} {No such file or directory}
} {
    test "A file with $name is refused with file, line and words" {
        set path [write_file bad.conf $text]
        lassign [run [list $path]] code output
        assert_equal $code 1
        foreach part [list "FATAL CONFIG FILE ERROR" "at line $line of $path\n" $shown $reason] {
            assert {[string first $part $output] >= 0} "no '$part' in: $output"
        }
    }
}

test "A mistake in an included file is reported where it is" {
    set inner [write_file inner.conf "hz 5\nbad line\n"]
    set outer [write_file outer.conf "hz 5\ninclude $inner\n"]
    refuses [list $outer] "*at line 2 of $inner*'bad line'*"
}

test "Files that include each other end in an error" {
    set one [write_file one.conf ""]
    set two [write_file two.conf "include $one\n"]
    write_file one.conf "include $two\n"
    refuses [list $one] "*FATAL CONFIG FILE ERROR*include each other*"
}

test "A file that is not there, and one that is a directory" {
    refuses {/nosuch/keel.conf} \
        "*Fatal error, can't open config file '/nosuch/keel.conf': No such file or directory*"
    refuses [list $::dir] "*Fatal error, can't open config file '$::dir': Is a directory*"
}

test "A line of a megabyte is refused or taken like any other" {
    set path [write_file long.conf "foo [string repeat x 1000000]\n"]
    lassign [run [list $path]] code output
    assert_equal $code 1
    assert_lessthan [string length $output] 10000
    set path [write_file long.conf "# [string repeat x 1000000]\nhz 7\n"]
    with_server [list $path --port %PORT%] {value $client hz}
} 7

test "Lines may end with CR LF, and the last one with nothing" {
    set path [write_file crlf.conf "hz 7\r\n\r\ntimeout 8"]
    with_server [list $path --port %PORT%] {r_values $client hz timeout}
} {7 8}

test "include takes patterns, which may match nothing" {
    write_file part-1.inc "hz 21\ntimeout 1\n"
    write_file part-2.inc "hz 22\n"
    set path [write_file parts.conf "include $::dir/part-*.inc\ninclude $::dir/no*.inc\n"]
    with_server [list $path --port %PORT%] {r_values $client hz timeout}
} {22 1}

test "Later lines win over earlier ones" {
    set path [write_file later.conf "hz 20\ntimeout 4\nhz 30\nbind 127.0.0.1 ::1\nbind 127.0.0.1\n"]
    with_server [list $path --port %PORT%] {r_values $client hz timeout bind}
} {30 4 127.0.0.1}

# ---- log --------------------------------------------------------------------------------------

set date {[0-3][0-9] [A-Z][a-z][a-z] 20[0-9][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9][.][0-9]{3}}

test "Log lines have pid, role, date, level" {
    set log [file join $::dir lines.log]
    with_server [list --port %PORT% --logfile $log --loglevel debug] {
        foreach line [split [string trim [kit::read_file $log]] \n] {
            assert {[regexp "^$pid:\[XCSM\] $::date \[-.*#\] ." $line]} $line
        }
        assert_match "*Ready to accept connections*" [kit::read_file $log]
    }
}

test "Log lines have the local date" {
    set log [file join $::dir date.log]
    set before [clock format [clock seconds] -format "%d %b %Y %H:"]
    with_server [list --port %PORT% --logfile $log] {set client}
    set after [clock format [clock seconds] -format "%d %b %Y %H:"]
    assert {[string match "*$before*" [kit::read_file $log]] ||
            [string match "*$after*" [kit::read_file $log]]}
}

test "A log that was moved away is begun anew" {
    set log [file join $::dir rotate.log]
    with_server [list --port %PORT% --logfile $log] {
        file rename $log $log.1
        catch {exec kill -TERM $pid}
        wait_for_condition 100 20 {[file exists $log]} else {fail "no new log"}
        wait_for_condition 100 20 {[string match "*bye bye*" [kit::read_file $log]]} else {
            fail "the end is not in the new log: [kit::read_file $log]"
        }
        assert_no_match "*bye bye*" [kit::read_file $log.1]
    }
}

test "loglevel hides lines below it" {
    set log [file join $::dir level.log]
    with_server [list --port %PORT% --logfile $log --loglevel warning] {
        assert_no_match "*Ready to accept*" [kit::read_file $log]
    }
}

# ---- daemon -----------------------------------------------------------------------------------

test "pidfile holds the pid while the server runs" {
    set path [file join $::dir pid]
    with_server [list --port %PORT% --pidfile $path] {
        assert_equal [string trim [kit::read_file $path]] $pid
    }
    file exists $path
} 0

test "daemonize leaves a server behind that answers, logs, and removes its pid file" {
    set path [file join $::dir daemon.pid]
    set log [file join $::dir daemon.log]
    set port [find_available_port]
    lassign [run [list --port $port --daemonize yes --pidfile $path --logfile $log]] code output
    assert_equal $code 0 $output
    wait_for_condition 300 20 {[kit::ping_line 127.0.0.1 $port] eq "+PONG"} else {
        fail "no answer: [kit::read_file $log]"
    }
    set pid [string trim [kit::read_file $path]]
    kit::adopt $pid
    # A session of its own, and nothing of ours.
    assert_equal [lindex [kit::proc_stat $pid] 3] $pid
    foreach fd {0 1 2} {assert_equal [file readlink /proc/$pid/fd/$fd] /dev/null}
    assert_match "*$pid:M *Ready to accept connections*" [kit::read_file $log]
    kit::end_process $pid
    file exists $path
} 0

test "A pid file that cannot be written is no reason not to start" {
    with_server {--port %PORT% --pidfile /nosuch/pid} {$client ping}
} PONG

test "supervised upstart stops itself to say that it is ready" {
    set port [find_available_port]
    set words [list $kit::binary --port $port --supervised upstart]
    set pid [lindex [exec env UPSTART_JOB=keel {*}$words > /dev/null &] end]
    kit::adopt $pid
    wait_for_condition 100 20 {[get_proc_state $pid] eq "T"} else {fail "it did not stop"}
    resume_process $pid
    wait_for_condition 300 20 {[kit::ping_line 127.0.0.1 $port] eq "+PONG"} else {fail "no answer"}
    set client [redis 127.0.0.1 $port]
    set info [$client info server]
    $client close
    kit::end_process $pid
    assert_match "*process_supervised:upstart*" $info
}

test "A supervisor that is asked for and not there is logged, and the server starts" {
    set log [file join $::dir supervised.log]
    with_server [list --port %PORT% --supervised systemd --logfile $log] {
        assert_match "*process_supervised:unknown*" [$client info server]
    }
    assert_match "*NOTIFY_SOCKET*" [kit::read_file $log]
}

test "The process's title says where it listens" {
    with_server {--port %PORT% --bind 127.0.0.1} {
        set title [string trim [string map {\0 " "} [kit::read_file /proc/$pid/cmdline]]]
        assert_match "*keel 127.0.0.1:$port" $title
        $client config set proc-title-template "other {port} {config-file}"
        set title [string trim [string map {\0 " "} [kit::read_file /proc/$pid/cmdline]]]
        assert_equal $title "other $port"
    }
}

test "set-proc-title no leaves the command line as it was" {
    with_server {--port %PORT% --set-proc-title no} {
        assert_match "*--set-proc-title*no*" [kit::read_file /proc/$pid/cmdline]
    }
}

test "unixsocketperm is the socket's mode" {
    set path [file join $::dir sock]
    with_server [list --port %PORT% --unixsocket $path --unixsocketperm 700] {
        string range [file attributes $path -permissions] end-2 end
    }
} 700

test "maxclients is lowered to what the limit on descriptors allows" {
    set log [file join $::dir limit.log]
    set port [find_available_port]
    set words [list $kit::binary --port $port --logfile $log --maxclients 5000]
    set pid [lindex [exec sh -c {ulimit -n 512; exec "$@"} sh {*}$words &] end]
    kit::adopt $pid
    wait_for_condition 300 20 {[kit::ping_line 127.0.0.1 $port] eq "+PONG"} else {fail "no answer"}
    set client [redis 127.0.0.1 $port]
    set shown [value $client maxclients]
    $client close
    kit::end_process $pid
    # With the right to do so the limit is raised instead.
    if {$shown != 5000} {
        assert_equal $shown 480
        assert_match "*requiring at least 5032 max file descriptors*reduced to 480*" \
            [kit::read_file $log]
    }
}
