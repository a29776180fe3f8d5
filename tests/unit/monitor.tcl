# monitor.tcl - MONITOR: which commands show, in which order and form, to whom, and what monitors
# may do.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

proc monitor {} {
    set rd [redis_deferring_client]
    $rd monitor
    assert_equal OK [$rd read]
    return $rd
}

# What `script` shows, without times and addresses. A PING marks the end.
proc shown script {
    set rd [monitor]
    uplevel 1 $script
    r ping the-end
    set out {}
    while {![string match {*"the-end"} [set line [$rd read]]]} {
        regsub {^\d+\.\d{6} } $line "" line
        lappend out [regsub {127\.0\.0\.1:\d+} $line A]
    }
    $rd close
    return $out
}

start_server [concat [with_module observed] {tags {monitor}}] {
    test "A line has the time, the database, the address and the quoted arguments" {
        set rd [monitor]
        r select 3
        r get k
        r select 9
        $rd read
        set line [$rd read]
        $rd close
        assert {[regexp {^(\d+)\.\d{6} \[3 127\.0\.0\.1:(\d+)\] "get" "k"$} $line -> when]} $line
        expr {abs([clock seconds] - $when) < 5}
    } 1

    test "Bytes are quoted as Redis quotes them" {
        shown {r echo "a\0\x01b\xff\"\\\n\r\t\a\b' \x7f"; r echo ""}
    } [list {[9 A] "echo" "a\x00\x01b\xff\"\\\n\r\t\a\b' \x7f"} {[9 A] "echo" ""}]

    test "Commands are shown after they ran: SELECT with the new database, errors too" {
        shown {r select 2; catch {r incr nosuch x}; r set k v; catch {r incr k}; r select 9}
    } {{[2 A] "select" "2"} {[2 A] "set" "k" "v"} {[2 A] "incr" "k"} {[9 A] "select" "9"}}

    test "Commands for operators and refused ones are not shown" {
        shown {
            r config get save
            r slowlog get
            r latency latest
            r debug sleep 0
            catch {r nosuch}
            catch {r get}
            r client id
            r info server
            r object help
        }
    } {{[9 A] "client" "id"} {[9 A] "info" "server"} {[9 A] "object" "help"}}

    test "Those of a transaction stand between MULTI and EXEC" {
        shown {
            r multi
            r set k v
            r get k
            r exec
            r multi
            r set k v
            r discard
        }
    } [list {[9 A] "multi"} {[9 A] "set" "k" "v"} {[9 A] "get" "k"} {[9 A] "exec"} \
        {[9 A] "multi"} {[9 A] "discard"}]

    test "Passwords are redacted" {
        shown {
            catch {r auth secret}
            catch {r auth me secret}
            r hello 2 AUTH default secret setname x
            r observed.secret 1 b
            r get secret
        }
    } [list {[9 A] "auth" "(redacted)"} {[9 A] "auth" "(redacted)" "(redacted)"} \
        {[9 A] "hello" "2" "AUTH" "(redacted)" "(redacted)" "setname" "x"} \
        {[9 A] "observed.secret" "(redacted)" "b"} {[9 A] "get" "secret"}]

    test "A script's calls show as lua, behind the script" {
        shown {r observed.script set k v}
    } {{[9 A] "observed.script" "set" "k" "v"} {[9 lua] "set" "k" "v"}}

    test "Calls by other modules show the module" {
        shown {r observed.call set k v}
    } {{[9 module:observed] "set" "k" "v"} {[9 A] "observed.call" "set" "k" "v"}}

    test "A command that waits is shown when it begins to, once" {
        shown {
            set rd [redis_deferring_client]
            $rd observed.wait
            after 20
            r ping meanwhile
            $rd read
            $rd close
        }
    } {{[9 A] "select" "9"} {[9 A] "observed.wait"} {[9 A] "ping" "meanwhile"}}

    test "Long commands are shown whole" {
        set value [string repeat \x01 300000]
        set out [shown {r set k $value}]
        expr {[lindex $out 0] eq "\[9 A\] \"set\" \"k\" \"[string repeat {\x01} 300000]\""}
    } 1

    test "Many monitors see the same" {
        set all {}
        for {set i 0} {$i < 20} {incr i} {lappend all [monitor]}
        r ping x
        foreach rd $all {
            while {![string match {*"ping" "x"} [set line [$rd read]]]} {}
            lappend lines $line
        }
        assert_equal 1 [llength [lsort -unique $lines]]
        # One leaves, the others go on.
        [lindex $all 7] close
        set all [lreplace $all 7 7]
        r ping y
        foreach rd $all {assert_match {*"ping" "y"} [$rd read]}
        foreach rd $all {$rd close}
        wait_for_condition 50 20 {[llength [split [string trim [r client list]] \n]] == 1} else {
            fail "clients are left"
        }
    }

    test "CLIENT LIST shows a monitor as such, of the kind normal" {
        set rd [monitor]
        assert_match "*flags=O *cmd=monitor*" [r client list]
        assert_match "*flags=O *" [r client list type normal]
        $rd close
    }

    test "A monitor sees its own commands behind their replies" {
        set rd [monitor]
        $rd ping
        assert_equal PONG [$rd read]
        assert_match {*"ping"} [$rd read]
        # Also where the reply is one of several.
        $rd multi
        $rd ping a
        $rd ping b
        $rd exec
        assert_equal OK [$rd read]
        assert_match {*"multi"} [$rd read]
        assert_equal {QUEUED QUEUED} [list [$rd read] [$rd read]]
        assert_equal {a b} [$rd read]
        foreach last {{"ping" "a"} {"ping" "b"} {"exec"}} {assert_match "*$last" [$rd read]}
        # And in the middle of one.
        $rd observed.call ping x
        assert_equal {3 x} [$rd read]
        assert_match {*module:observed*"ping" "x"} [$rd read]
        assert_match {*"observed.call" "ping" "x"} [$rd read]
        $rd close
    }

    test "A monitor may not touch keys" {
        set rd [monitor]
        foreach command {{get k} {set k v} {publish a b}} {
            $rd {*}$command
            assert_error "ERR Replica can't interact with the keyspace" {$rd read}
        }
        $rd close
    }

    test "MONITOR again gives no reply" {
        set rd [monitor]
        $rd monitor
        $rd ping
        assert_equal PONG [$rd read]
        $rd close
    }

    test "RESET ends monitoring" {
        set rd [monitor]
        $rd reset
        assert_equal RESET [$rd read]
        r ping unseen
        $rd get k
        set reply [$rd read]
        assert_match "*flags=N*cmd=get*" [r client list]
        $rd close
        expr {[string match *unseen* $reply]}
    } 0

    test "MONITOR is refused in a transaction" {
        r multi
        r monitor
        assert_error "*MONITOR isn't allowed for DENY BLOCKING client*" {r exec}
    }

    test "MONITOR takes no arguments" {
        assert_error "*wrong number of arguments*" {r monitor x}
    }

    test "RESP3 monitors get the same lines" {
        set rd [redis_deferring_client]
        $rd hello 3
        $rd read
        $rd monitor
        assert_equal OK [$rd read]
        r ping three
        set line [$rd read]
        $rd close
        set line
    } {* \[9 127.0.0.1:*\] "ping" "three"}

    test "A monitor that does not read runs into its output limit" {
        set rd [monitor]
        r config set client-output-buffer-limit "normal 1000000 0 0"
        r config resetstat
        set value [string repeat x 100000]
        for {set i 0} {$i < 200} {incr i} {r set k $value}
        wait_for_condition 50 20 {[s client_output_buffer_limit_disconnections] == 1} else {
            fail "it is still there: [r client list] [r info stats]"
        }
        r config set client-output-buffer-limit "normal 0 0 0"
        $rd close
        assert_equal 1 [llength [split [string trim [r client list]] \n]]
        r ping
    } PONG

    test "A monitor is not closed for being idle" {
        set rd [monitor]
        r config set timeout 1
        set other [redis_client]
        for {set i 0} {$i < 25} {incr i} {r ping; after 100}
        assert_no_match "*flags=N*flags=N*" [r client list]
        assert_match "*flags=O*" [r client list]
        r config set timeout 0
        $rd close
        catch {$other close}
    }

    test "Unloading stats lets monitors go on as plain clients, and INFO lacks its sections" {
        set rd [monitor]
        assert_equal OK [r module unload stats]
        $rd get nosuch
        assert_equal {} [$rd read]
        $rd close
        foreach name {monitor slowlog latency} {
            assert_error "*unknown command*" {r $name get}
        }
        assert_no_match {*# Commandstats*} [r info everything]
        assert_no_match {*# Errorstats*} [r info everything]
        assert_no_match {*# Latencystats*} [r info everything]
        assert_equal {} [r config get latency-tracking*]
        assert_equal {} [r config get slowlog-*]
        assert_equal 0 [r observed.watched]
        r module load stats
        r debug sleep 0.02
        assert_equal 1 [r slowlog len]
        shown {r ping}
    } {{[9 A] "ping"}}
}

set socket [file join [tmpdir monitor] s]
start_server [list overrides [list unixsocket $socket] tags {monitor}] {
    test "A Unix socket's client shows the socket" {
        if {[auto_execok redis-cli] eq ""} {error -errorcode {KIT SKIP} "no redis-cli"}
        shown {exec redis-cli -s $::socket ping hello}
    } [list "\[0 unix:$socket\] \"ping\" \"hello\""]
}
