# config.tcl - CONFIG GET, SET, REWRITE, RESETSTAT: values, refusals, all or nothing, files.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

proc refused {name reason} {
    return "ERR CONFIG SET failed (possibly related to argument '$name') - $reason"
}

# The value of one setting.
proc config_value name {
    return [lindex [r config get $name] 1]
}

proc write_file {path text} {
    set f [open $path w]
    fconfigure $f -translation binary
    puts -nonewline $f $text
    close $f
}

proc file_lines path {
    return [split [string trimright [kit::read_file $path] \n] \n]
}

start_server {} {
    test "CONFIG GET finds one setting, several, and by patterns" {
        assert_equal [r config get maxclients] {maxclients 10000}
        assert_equal [llength [r config get databases hz]] 4
        assert_equal [r config get nosuch] {}
        assert_equal [r config get {[hd]z}] {hz 10}
        assert_equal [r config get {MAXCLIENT?}] {maxclients 10000}
        assert_match {*lazyfree-lazy-expire no*} [r config get lazyfree*]
    }

    test "CONFIG GET shows a setting once, under the name that was asked for" {
        assert_equal [r config get hz HZ h?] {hz 10}
        assert_equal [r config get Hz] {Hz 10}
    }

    test "CONFIG GET of everything gives pairs in which no name occurs twice" {
        set all [r config get *]
        assert_equal 0 [expr {[llength $all] % 2}]
        assert_equal [dict size $all] [expr {[llength $all] / 2}]
        assert {[dict size $all] > 40}
    }

    test "CONFIG GET replies with a map in RESP3" {
        r hello 3
        set reply [r raw config get hz]
        r hello 2
        set reply
    } "%1\r\n\$2\r\nhz\r\n\$2\r\n10\r\n"

    test "CONFIG without or with an unknown subcommand, and with too few arguments" {
        assert_error {ERR wrong number of arguments for 'config' command} {r config}
        assert_error {ERR unknown subcommand 'foo'. Try CONFIG HELP.} {r config foo}
        assert_error {ERR wrong number of arguments for 'config|get' command} {r config get}
        assert_error {ERR wrong number of arguments for 'config|set' command} {r config set hz}
        assert_error {ERR wrong number of arguments for 'config|rewrite' command} {
            r config rewrite x
        }
        assert_error {ERR syntax error} {r config set hz 10 port}
    }

    test "CONFIG HELP lists the subcommands" {
        assert_match {CONFIG <subcommand> *GET <pattern>*REWRITE*Prints this help.} \
            [join [r config help] " "]
    }

    test "CONFIG SET changes a setting, whatever the case of its name" {
        r config set TIMEOUT 7
        assert_equal [config_value timeout] 7
        r config set timeout 0
    } OK

    test "CONFIG SET takes sizes with units" {
        foreach {text bytes} {
            2mb 2097152 2MB 2097152 2m 2000000 3000kb 3072000 1500k 1500000 1gb 1073741824
            1g 1000000000 1048576 1048576 1048576b 1048576
        } {
            r config set client-query-buffer-limit $text
            assert_equal [config_value client-query-buffer-limit] $bytes
        }
        r config set client-query-buffer-limit 1gb
    } OK

    foreach {value name reason} {
        abc   port {argument couldn't be parsed into an integer}
        ""    port {argument couldn't be parsed into an integer}
        "1 2" port {argument couldn't be parsed into an integer}
        0x10  port {argument couldn't be parsed into an integer}
        0010  port {argument couldn't be parsed into an integer}
        " 10" port {argument couldn't be parsed into an integer}
        99999999999999999999 port {argument couldn't be parsed into an integer}
        70000 port {argument must be between 0 and 65535 inclusive}
        -1    port {argument must be between 0 and 65535 inclusive}
        0     maxclients {argument must be between 1 and 4294967295 inclusive}
        -4    hz {argument must be between 0 and 2147483647 inclusive}
        1k    proto-max-bulk-len
              {argument must be between 1048576 and 9223372036854775807 inclusive}
        99999999999999999999 proto-max-bulk-len
              {argument must be between 1048576 and 9223372036854775807 inclusive}
        9999999999gb proto-max-bulk-len
              {argument must be between 1048576 and 9223372036854775807 inclusive}
        64mm  proto-max-bulk-len {argument must be a memory value}
        -1    proto-max-bulk-len {argument must be a memory value}
        1.5gb proto-max-bulk-len {argument must be a memory value}
        maybe activerehashing {argument must be 'yes' or 'no'}
        1     activerehashing {argument must be 'yes' or 'no'}
        foo   loglevel
              {argument(s) must be one of the following: debug, verbose, notice, warning}
        "notice verbose" loglevel
              {argument(s) must be one of the following: debug, verbose, notice, warning}
        "nosave save" shutdown-on-sigterm
              {shutdown options SAVE and NOSAVE can't be used simultaneously}
        "nosave bad" shutdown-on-sigterm
              {argument(s) must be one of the following: default, save, nosave, now, force}
        ""    shutdown-on-sigint
              {argument(s) must be one of the following: default, save, nosave, now, force}
        "\{bad\}" proc-title-template {template format is invalid or contains unknown variables}
        "\{title" proc-title-template {template format is invalid or contains unknown variables}
        ""    proc-title-template {template format is invalid or contains unknown variables}
        "a b c d e f g h i j k l m n o p q" bind {Too many bind addresses specified.}
        "normal 0 0" client-output-buffer-limit
              {Wrong number of arguments in buffer limit configuration.}
        "normal 0 0 0 " client-output-buffer-limit
              {Wrong number of arguments in buffer limit configuration.}
        "master 1 2mb 60" client-output-buffer-limit
              {Invalid client class specified in buffer limit configuration.}
        "normal a b c" client-output-buffer-limit
              {Error in hard, soft or soft_seconds setting in buffer limit configuration.}
        "normal -1 0 0" client-output-buffer-limit
              {Error in hard, soft or soft_seconds setting in buffer limit configuration.}
        yes   daemonize {can't set immutable config}
        5     databases {can't set immutable config}
        x     unixsocket {can't set immutable config}
        x     pidfile {can't set immutable config}
        x     logfile {can't set immutable config}
        /nosuch/directory dir {No such file or directory}
    } {
        test "CONFIG SET $name '$value' is refused" {
            set before [config_value $name]
            catch {r config set $name $value} error
            assert_equal $error [refused $name $reason]
            assert_equal [config_value $name] $before
        }
    }

    test "CONFIG SET of a name that nobody has" {
        assert_error "ERR Unknown option or number of arguments for CONFIG SET - 'NoSuch'" {
            r config set NoSuch 1
        }
        assert_error "ERR Unknown option or number of arguments for CONFIG SET - 'x'" {
            r config set timeout 5 x 2
        }
        assert_equal [config_value timeout] 0
    }

    test "A refused value is named as registered, other refusals as it was written" {
        assert_error [refused port "*"] {r config set PORT abc}
        assert_error [refused DAEMONIZE "can't set immutable config"] {r config set DAEMONIZE no}
        assert_error [refused Hz "duplicate parameter"] {r config set hz 10 Hz 10}
    }

    test "The first thing that is wrong is the one that is reported" {
        assert_error [refused daemonize *] {r config set daemonize no nosuch 1}
        assert_error {*CONFIG SET - 'nosuch'} {r config set nosuch 1 daemonize no}
    }

    test "CONFIG SET of several is all or nothing when a value is bad" {
        assert_error [refused maxclients "argument couldn't*"] {
            r config set timeout 99 hz 77 maxclients abc tcp-keepalive 5
        }
        r config get timeout hz maxclients tcp-keepalive
    } {timeout 0 hz 10 maxclients 10000 tcp-keepalive 300}

    test "CONFIG SET of several is all or nothing when one cannot be put to use" {
        assert_error [refused bind "Failed to bind to specified addresses."] {
            r config set timeout 99 hz 77 bind 1.2.3.4
        }
        assert_equal [r config get timeout hz bind] {timeout 0 hz 10 bind 127.0.0.1}
        # It still listens where it did.
        set other [redis [srv host] [srv port]]
        assert_equal [$other ping] PONG
        $other close
    }

    test "CONFIG SET of several sets them all" {
        r config set timeout 99 hz 77 lazyfree-lazy-expire YES loglevel VERBOSE
        assert_equal [r config get timeout hz lazyfree-lazy-expire loglevel] \
            {timeout 99 hz 77 lazyfree-lazy-expire yes loglevel verbose}
        r config set timeout 0 hz 10 lazyfree-lazy-expire no
    } OK

    test "hz is kept between 1 and 500" {
        r config set hz 100000
        assert_equal [config_value hz] 500
        r config set hz 0
        assert_equal [config_value hz] 1
        r config set hz 10
    } OK

    test "client-output-buffer-limit changes the classes that are named" {
        r config set client-output-buffer-limit "normal 1mb 2mb 60 replica 1gb 1g 10"
        assert_equal [config_value client-output-buffer-limit] \
            "normal 1048576 2097152 60 slave 1073741824 1000000000 10 pubsub 33554432 8388608 60"
        r config set client-output-buffer-limit "NORMAL 1 2 3 normal 4 5 6"
        assert_match "normal 4 5 6 slave 1073741824*" [config_value client-output-buffer-limit]
        r config set client-output-buffer-limit ""
        assert_match "normal 4 5 6 slave 1073741824*" [config_value client-output-buffer-limit]
        r config set client-output-buffer-limit "normal 0 0 0 slave 256mb 64mb 60"
    } OK

    test "Several words at once: shutdown-on-sigterm" {
        set before [config_value shutdown-on-sigterm]
        r config set shutdown-on-sigterm "FORCE nosave"
        assert_equal [config_value shutdown-on-sigterm] "nosave force"
        r config set shutdown-on-sigterm default
        assert_equal [config_value shutdown-on-sigterm] default
        r config set shutdown-on-sigterm $before
    } OK

    test "maxclients that the system has no descriptors for is refused" {
        assert_error [refused maxclients "The operating system is not able to handle the\
            specified number of clients, try with *"] {r config set maxclients 4000000000}
        config_value maxclients
    } 10000

    test "Values with bytes that are not text come back as they were, a NUL is refused" {
        r config set proc-title-template "\xc3\xa9 \" \\ {title}"
        assert_equal [config_value proc-title-template] "\xc3\xa9 \" \\ {title}"
        assert_error [refused proc-title-template *] {r config set proc-title-template "a\0b"}
        r config set proc-title-template "{title} {listen-addr} {server-mode}"
    } OK

    test "dir moves the server" {
        set before [config_value dir]
        r config set dir /
        assert_equal [config_value dir] /
        r config set dir $before
        config_value dir
    } [srv dir]

    test "oom-score-adj writes the score of the process, and puts it back" {
        proc score {} {string trim [kit::read_file /proc/[srv pid]/oom_score_adj]}
        set before [score]
        r config set oom-score-adj-values "9 20 30"
        assert_equal [score] $before
        r config set oom-score-adj relative
        assert_equal [score] [expr {$before + 9}]
        r config set oom-score-adj absolute oom-score-adj-values "11 20 30"
        assert_equal [score] 11
        assert_equal [r config get oom-score-adj*] \
            {oom-score-adj absolute oom-score-adj-values {11 20 30}}
        r config set oom-score-adj no
        assert_equal [score] $before
        r config set oom-score-adj-values "0 200 800"
    } OK

    test "oom-score-adj-values are three numbers" {
        assert_error [refused oom-score-adj-values "wrong number of arguments"] {
            r config set oom-score-adj-values "1 2"
        }
        assert_error [refused oom-score-adj-values "Invalid*between -2000 and 2000."] {
            r config set oom-score-adj-values "1 2 2001"
        }
        lindex [r config get oom-score-adj-values] 1
    } {0 200 800}

    test "port moves the listener, and clients stay" {
        set port [find_available_port]
        r config set port $port
        set moved [redis [srv host] $port]
        assert_equal [$moved ping] PONG
        $moved close
        assert_error * {redis [srv host] [srv port]}
        assert_equal [r ping] PONG
        r config set port [srv port]
    } OK

    test "A port that is taken is refused, and the old one still answers" {
        set taken [socket -server {apply {{fd args} {close $fd}}} -myaddr 127.0.0.1 0]
        set port [lindex [fconfigure $taken -sockname] 2]
        assert_error [refused port "Unable to listen on this port. Check server logs."] {
            r config set port $port
        }
        close $taken
        assert_equal [config_value port] [srv port]
        set other [redis [srv host] [srv port]]
        set pong [$other ping]
        $other close
        set pong
    } PONG

    test "CONFIG RESETSTAT zeroes what INFO counts" {
        catch {r nosuchcommand}
        r set k v
        r get k
        assert_morethan [s total_commands_processed] 3
        assert_morethan [s total_error_replies] 0
        r config resetstat
        assert_lessthan [s total_commands_processed] 3
        assert_equal [s total_error_replies] 0
        assert_equal [s keyspace_hits] 0
        assert_no_match "*cmdstat_set:*" [r info commandstats]
        assert_no_match "*errorstat_ERR*" [r info errorstats]
    }
}

start_server {overrides {enable-protected-configs no}} {
    test "Protected settings stay as they are" {
        assert_error [refused dir "can't set protected config"] {r config set dir /tmp}
        assert_error [refused timeout *] {r config set timeout 5 timeout 6 dir /}
        assert_error [refused dir *] {r config set timeout 5 dir /}
        config_value timeout
    } 0

    test "Nobody may lift the protection at run time" {
        r config set enable-protected-configs yes
    } [refused enable-protected-configs "can't set immutable config"]
}

start_server {overrides {enable-protected-configs local}} {
    test "Protected settings may be set from this machine when it is allowed so" {
        r config set dir [srv dir]
    } OK
}

start_server {} {
    set path [srv config_file]

    test "CONFIG REWRITE of an unchanged configuration changes no setting" {
        set before [r config get *]
        r config rewrite
        restart_server 0 true false
        # In any order.
        assert_equal [lsort -stride 2 [r config get *]] [lsort -stride 2 $before]
    }

    test "CONFIG REWRITE a second time writes the same file" {
        r config rewrite
        set before [kit::read_file $path]
        r config rewrite
        assert_equal [kit::read_file $path] $before
    }

    test "CONFIG REWRITE keeps comments, order and what it does not own" {
        write_file $path "# first comment\n\nport [srv port]\nbind 127.0.0.1\n  # second\n"
        r config set timeout 55
        r config rewrite
        set lines [file_lines $path]
        assert_equal [lrange $lines 0 4] \
            [list "# first comment" "" "port [srv port]" "bind 127.0.0.1" "  # second"]
        assert_equal [lindex $lines 5] "# Generated by CONFIG REWRITE"
        assert_not_equal [lsearch $lines "timeout 55"] -1
    }

    test "CONFIG REWRITE puts a changed value in its line's place, and drops repeated lines" {
        write_file $path "port [srv port]\ntimeout 1\n# between\nhz 10\ntimeout 2\n"
        r config set timeout 66
        r config rewrite
        assert_equal [lrange [file_lines $path] 0 3] \
            [list "port [srv port]" "timeout 66" "# between" "hz 10"]
        assert_equal [lsearch -all -glob [file_lines $path] "timeout *"] 1
    }

    test "CONFIG REWRITE drops the line of a setting that is gone back to nothing" {
        write_file $path "port [srv port]\nbind-source-addr 1.2.3.4\n"
        r config rewrite
        lsearch -glob [file_lines $path] "bind-source-addr*"
    } -1

    test "CONFIG REWRITE writes sizes with units, strings with quotes, lists as lists" {
        write_file $path "port [srv port]\n"
        r config set client-query-buffer-limit 3mb proc-title-template "a \"b\" \xe9 {title}"
        r config set bind "127.0.0.1 -::1" client-output-buffer-limit "pubsub 1mb 10 5"
        r config rewrite
        set lines [file_lines $path]
        foreach line [list "client-query-buffer-limit 3mb" "bind 127.0.0.1 -::1" \
                "client-output-buffer-limit pubsub 1mb 10 5" \
                {proc-title-template "a \"b\" \xe9 {title}"}] {
            assert_not_equal [lsearch -exact $lines $line] -1 "$line in $lines"
        }
        assert_equal [lsearch -glob $lines "client-output-buffer-limit normal*"] -1
        set before [r config get client* proc* bind]
        restart_server 0 true false
        assert_equal [lsort -stride 2 [r config get client* proc* bind]] [lsort -stride 2 $before]
    }

    test "CONFIG REWRITE keeps include and its effect" {
        set more [file join [srv dir] more.conf]
        write_file $more "tcp-keepalive 123\n"
        write_file $path "port [srv port]\nbind 127.0.0.1\ninclude $more\n"
        restart_server 0 true false
        assert_equal [config_value tcp-keepalive] 123
        r config rewrite
        assert_not_equal [lsearch -exact [file_lines $path] "include $more"] -1
        restart_server 0 true false
        config_value tcp-keepalive
    } 123

    test "CONFIG REWRITE keeps the file's permissions and leaves nothing beside it" {
        file attributes $path -permissions 0640
        r config rewrite
        assert_equal [file attributes $path -permissions] 00640
        glob -nocomplain -directory [srv dir] -tails keel.conf?*
    } {}

    test "CONFIG REWRITE follows a link and leaves it a link" {
        set real [file join [srv dir] real.conf]
        file rename $path $real
        file link -symbolic $path $real
        r config set timeout 77
        r config rewrite
        assert_equal [file type $path] link
        assert_not_equal [lsearch -exact [file_lines $real] "timeout 77"] -1
        file delete $path
        file rename $real $path
    } {}

    test "CONFIG REWRITE that cannot write says why and leaves the file alone" {
        set before [kit::read_file $path]
        file rename [srv dir] [srv dir].away
        catch {r config rewrite} error
        file rename [srv dir].away [srv dir]
        assert_match "ERR Rewriting config file: No such file or directory" $error
        assert_equal [kit::read_file $path] $before
    }
}

start_server {} {
    test "CONFIG SET repeats an unknown name in full" {
        set long [string repeat long 1000]
        assert_error "ERR Unknown option or number of arguments for CONFIG SET - '$long'" {
            r config set $long 1
        }
    }

    test "save takes pairs of seconds and changes, or nothing" {
        assert_equal [r config get appendonly] {appendonly no}
        assert_equal [r config set save "" appendonly no] OK
        assert_equal [config_value save] ""
        foreach value {"900 1" "900 1 300 10"} {
            r config set save $value
            assert_equal [config_value save] $value
        }
        foreach value {abc 900 "0 1" "900 -1" "900 1 300"} {
            assert_error [refused save "Invalid save parameters"] {r config set save $value}
        }
        assert_error [refused appendonly "argument must be 'yes' or 'no'"] {
            r config set appendonly abc
        }
        r config set save ""
        list [config_value save] [config_value appendonly]
    } {{} no}

    test "such settings in files and flags" {
        set path [file join [srv dir] keeps.conf]
        set binary $::kit::binary
        set common [list --check --modules [file join $::kit::tree modules.conf]]
        foreach {lines flags} {
            {save ""}                 {}
            {save "" appendonly no}   {}
            {appendonly no}           {--save "" --appendonly no}
            {appendonly no}           {--appendonly no --save}
        } {
            set text ""
            foreach {name value} $lines {append text $name " " [expr {$value eq "" ? {""} : $value}] \n}
            write_file $path $text
            exec timeout 10 $binary $path {*}$common {*}$flags 2>@1
        }
    }
}
