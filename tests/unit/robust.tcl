# robust.tcl - what strangers send: requests cut anywhere, malformed ones of every kind, more of
# everything than is reasonable, peers that hang up or never read. Each gets its answer or its end,
# nobody else notices, and memory comes back.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

# ---- raw sockets ------------------------------------------------------------------------------

proc raw_open {{level 0}} {
    set fd [socket [srv $level host] [srv $level port]]
    fconfigure $fd -translation binary -buffering none -blocking 0
    return $fd
}

# Everything that comes until the peer closes, or nothing came for `quiet` ms. A list: bytes, and
# "closed" or "open".
proc raw_answer {fd {quiet 150}} {
    set out ""
    set last [clock milliseconds]
    while 1 {
        if {[catch {read $fd 65536} got]} {return [list $out closed]}
        if {$got ne ""} {
            append out $got
            set last [clock milliseconds]
        } elseif {[eof $fd]} {
            return [list $out closed]
        } elseif {[clock milliseconds] - $last > $quiet} {
            return [list $out open]
        } else {
            after 2
        }
    }
}

proc raw_write {fd bytes} {
    fconfigure $fd -blocking 1
    catch {puts -nonewline $fd $bytes}
    fconfigure $fd -blocking 0
}

# What a server answers to these bytes on a fresh connection.
proc answer_of {bytes {level 0} {quiet 150}} {
    set fd [raw_open $level]
    raw_write $fd $bytes
    set answer [raw_answer $fd $quiet]
    catch {close $fd}
    return $answer
}

proc command {args} {
    return [redis::encode $args]
}

proc settled_memory {} {
    # Buffers of connections that went are freed in the turn that notices it.
    after 300
    return [s used_memory]
}

proc assert_memory_back {before {slack 400000}} {
    wait_for_condition 100 100 {[s used_memory] < $before + $slack} else {
        fail "memory was $before, it is [s used_memory]"
    }
}

proc assert_alive {} {
    assert_equal PONG [r ping]
}

# ---- malformed requests -------------------------------------------------------------------------

set malformed [list \
    "a count that is none" "*abc\r\n" \
    "an empty count" "*\r\n" \
    "a count with spaces" "* 1\r\n\$4\r\nPING\r\n" \
    "a count with a plus" "*+1\r\n\$4\r\nPING\r\n" \
    "a count that is too large" "*1000000000000\r\n" \
    "a count beyond 64 bits" "*99999999999999999999999\r\n" \
    "a count of 2^31" "*2147483648\r\n" \
    "a wrong type byte" "*1\r\n:4\r\nPING\r\n" \
    "a type byte that cannot be printed" "*1\r\n\x01\r\n" \
    "no type byte" "*1\r\nPING\r\n" \
    "a negative length" "*1\r\n\$-5\r\n" \
    "a null" "*1\r\n\$-1\r\n" \
    "a length that is too large" "*1\r\n\$99999999999\r\n" \
    "a length beyond 64 bits" "*2\r\n\$4\r\nECHO\r\n\$99999999999999999999\r\n" \
    "a length that is none" "*1\r\n\$x\r\n" \
    "an empty length" "*1\r\n\$\r\n" \
    "a length with a point" "*1\r\n\$1.0\r\n" \
    "the second argument" "*2\r\n\$4\r\nECHO\r\nhello\r\n" \
    "after a good one" "*1\r\n\$4\r\nPING\r\n*1\r\nX\r\n*1\r\n\$4\r\nPING\r\n" \
    "quotes that do not close" "set \"a b\r\n" \
    "single quotes that do not close" "set 'a\r\n" \
    "bytes behind a quote" "set \"a\"b c\r\n" \
    "64 KB without an end of line" [string repeat a 70000] \
    "a count of 70,000 digits" *[string repeat 1 70000] \
    "a length of 70,000 digits" *1\r\n\$[string repeat 1 70000] \
    "binary junk in a line" "\x01\x02\xff\r\nPING\r\n"]

# These are no mistakes.
set odd [list \
    "an empty line" "\r\nPING\r\n" \
    "a lone LF" "\nPING\n" \
    "spaces" "   \r\n  PING  \r\n" \
    "tabs" "\tECHO\thello\r\n" \
    "a count of zero" "*0\r\nPING\r\n" \
    "a negative count" "*-1\r\nPING\r\n" \
    "a count far below zero" "*-1000000\r\nPING\r\n" \
    "escapes" "ECHO \"\\x41\\n\\r\\t\\a\\b\\\\\\\"\\q\"\r\n" \
    "single quotes" "ECHO 'it\\'s \\x41'\r\n" \
    "empty words" "ECHO \"\"\r\nECHO ''\r\n" \
    "an empty argument" "*2\r\n\$4\r\nECHO\r\n\$0\r\n\r\n" \
    "a command of no bytes" "*1\r\n\$0\r\n\r\nPING\r\n" \
    "a line in the middle of multibulks" "*1\r\n\$4\r\nPING\r\nECHO x\r\n*1\r\n\$4\r\nPING\r\n" \
    "a line of 60 KB" "ECHO [string repeat a 60000]\r\n"]

start_server {} {
    r select 0 ;# where raw connections begin
    set real [kit::have_real_server]
    if {$real} {
        set other [start_server {binary real}]
        lappend ::servers $other
        # The innermost is the one under test.
        set ::servers [list $other [lindex $::servers 0]]
    }

    foreach {what bytes} $malformed {
        test "Malformed: $what" {
            lassign [answer_of $bytes] text state
            assert_match "*" $text
            if {[string match "*-ERR Protocol error*" $text]} {assert_equal closed $state}
            if {$real} {assert_equal [answer_of $bytes -1] [list $text $state]}
            assert_alive
        }
    }

    foreach {what bytes} $odd {
        test "Unusual and right: $what" {
            lassign [answer_of $bytes] text state
            assert_equal open $state
            if {$real} {assert_equal [answer_of $bytes -1] [list $text $state]}
        }
    }

    # The real server sees no end of a line behind a NUL and waits for more until 64 KB came.
    test "A NUL ends a line's words, and the next line is read" {
        assert_equal "{+PONG\r\n} open" [answer_of "\x00\x00\r\nPING\r\n"]
        assert_equal "{+PONG\r\n} open" [answer_of "PING\x00x y\r\n"]
    }

    test "Requests split at every byte are understood alike" {
        set stream [command SET robust:k "v\r\n\$3"][command GET robust:k]PING\r\n
        append stream [command ECHO ""][command MGET robust:k nokey]*0\r\n "ECHO \"a b\"\r\n"
        append stream [command DEL robust:k]
        set expected [lindex [answer_of $stream] 0]
        if {$real} {assert_equal [lindex [answer_of $stream -1] 0] $expected}
        for {set at 1} {$at < [string length $stream]} {incr at} {
            set fd [raw_open]
            raw_write $fd [string range $stream 0 $at-1]
            r ping ;# the first part has been read before the second comes
            raw_write $fd [string range $stream $at end]
            set got ""
            while {[string length $got] < [string length $expected]} {
                append got [read $fd]
                if {[eof $fd]} break
            }
            close $fd
            if {$got ne $expected} {fail "split at byte $at: $got"}
        }
        set one [raw_open]
        foreach byte [split $stream ""] {
            raw_write $one $byte
            r ping
        }
        assert_equal $expected [lindex [raw_answer $one] 0]
        close $one
    }

    test "Long requests split around their buffers' sizes are understood" {
        set value [string repeat 0123456789abcdef 4100]
        set stream [command SET robust:big $value][command STRLEN robust:big][command PING]
        foreach at {1 5 16383 16384 16385 32767 32768 32800 65535 65600 65640 65646 65660} {
            set fd [raw_open]
            raw_write $fd [string range $stream 0 $at-1]
            r ping
            raw_write $fd [string range $stream $at end]
            assert_equal "+OK\r\n:65600\r\n+PONG\r\n" [lindex [raw_answer $fd] 0]
            close $fd
            assert_equal $value [r get robust:big]
        }
        r del robust:big
    }

    test "A header that announces 1,000,000,000 arguments reserves nothing" {
        set before [s used_memory]
        set fds {}
        for {set i 0} {$i < 10} {incr i} {
            set fd [raw_open]
            raw_write $fd "*1000000000\r\n\$3\r\nset\r\n"
            lappend fds $fd
        }
        r ping
        assert {[s used_memory] < $before + 2000000}
        foreach fd $fds {close $fd}
        assert_memory_back $before
    }

    test "100,000 commands in one write are answered in order" {
        set stream ""
        for {set i 0} {$i < 100000} {incr i} {append stream "*2\r\n\$4\r\nECHO\r\n\$6\r\n[format %06d $i]\r\n"}
        set rd [redis_deferring_client]
        set fd [$rd channel]
        fconfigure $fd -blocking 0 -buffering none -translation binary
        # Written in the background of the reading, or both sides wait for each other.
        puts -nonewline $fd $stream
        set got ""
        set deadline [expr {[clock milliseconds] + 60000}]
        while {[string length $got] < 1200000 && [clock milliseconds] < $deadline} {
            append got [read $fd]
            flush $fd
        }
        set expected ""
        for {set i 0} {$i < 100000} {incr i} {append expected "\$6\r\n[format %06d $i]\r\n"}
        assert {$got eq $expected}
        $rd close
    }

    test "A command with 1,000,000 arguments" {
        set before [settled_memory]
        set stream "*1000001\r\n\$3\r\nDEL\r\n[string repeat "\$3\r\nkey\r\n" 1000000]"
        r set key x
        assert_equal ":1\r\n" [lindex [answer_of $stream 0 5000] 0]
        assert_memory_back $before 1000000
    } {} {slow}

    test "An argument of 100 MB" {
        set before [settled_memory]
        r set robust:huge [string repeat x 100000000]
        assert_equal 100000000 [r strlen robust:huge]
        assert {[s used_memory] < $before + 140000000}
        assert_equal xxxxx [r getrange robust:huge 99999995 -1]
        r del robust:huge
        assert_memory_back $before
    } {} {slow}

    test "An argument above proto-max-bulk-len is refused" {
        r config set proto-max-bulk-len 2mb
        assert_match "*-ERR Protocol error: invalid bulk length*" \
            [answer_of "*2\r\n\$4\r\nECHO\r\n\$2097153\r\n"]
        assert_equal {{} open} [answer_of "*2\r\n\$4\r\nECHO\r\n\$2097152\r\n"]
        r config set proto-max-bulk-len 512mb
    }

    test "client-query-buffer-limit ends who goes on and on with one request" {
        r config set client-query-buffer-limit 1mb
        set before [s used_memory]
        set fd [raw_open]
        raw_write $fd "*1000000\r\n"
        set part [string repeat "\$3\r\nkey\r\n" 10000]
        for {set i 0} {$i < 40} {incr i} {
            raw_write $fd $part
            if {[eof $fd]} break
        }
        assert_equal {{} closed} [raw_answer $fd 1000]
        catch {close $fd}
        assert_memory_back $before
        assert {[s client_query_buffer_limit_disconnections] >= 1}
        r config set client-query-buffer-limit 1gb
    }

    test "A client that never reads is closed at the output limit, and its memory comes back" {
        r config set client-output-buffer-limit "normal 5mb 0 0"
        r set robust:block [string repeat y 100000]
        set before [settled_memory]
        set fd [raw_open]
        fconfigure $fd -buffersize 4096
        raw_write $fd [string repeat [command GET robust:block] 300]
        wait_for_condition 100 50 {[s client_output_buffer_limit_disconnections] >= 1} else {
            fail "it is still connected"
        }
        close $fd
        assert_memory_back $before
        r config set client-output-buffer-limit "normal 0 0 0"
        r del robust:block
    }

    test "A client that reads slowly gets all of it while others are served" {
        r set robust:block [string repeat z 1000000]
        set fd [raw_open]
        raw_write $fd [string repeat [command GET robust:block] 20]
        for {set i 0} {$i < 20} {incr i} {
            assert_alive
            after 5
        }
        lassign [raw_answer $fd 1000] text state
        assert_equal [expr {20 * (1000000 + 12)}] [string length $text]
        assert_equal open $state
        close $fd
        r del robust:block
    }

    # ---- peers that go ----------------------------------------------------------------------------

    test "Who closes its sending side still gets its replies" {
        foreach {bytes length} [list \
            "PING\r\n" 7 \
            [string repeat "PING\r\n" 20000] 140000 \
            "[command SET robust:h [string repeat h 50000]][string repeat [command GET robust:h] 200]" \
            [expr {5 + 200 * 50010}] \
            "PING\r\n*1\r\n\$4\r\nPI" 7 \
            "" 0 \
        ] {
            set fd [raw_open]
            fconfigure $fd -blocking 1
            # The reader starts when everything is sent; the server must hold what it owes.
            puts -nonewline $fd $bytes
            flush $fd
            close $fd write
            fconfigure $fd -blocking 0
            lassign [raw_answer $fd 3000] text state
            assert_equal closed $state
            assert_equal $length [string length $text]
            close $fd
        }
        r del robust:h
    }

    test "Who closes in the middle of anything leaves nothing behind" {
        r set robust:m [string repeat m 30000]
        set before [settled_memory]
        set clients [llength [split [string trim [r client list]] \n]]
        foreach bytes [list * *2 "*2\r\n" "*2\r\n\$" "*2\r\n\$4\r\nECH" "*2\r\n\$4\r\nECHO\r\n\$3\r\nab" \
                "ECHO \"a" "*2\r\n\$4\r\nECHO\r\n\$200000\r\n[string repeat x 100000]" \
                [string range [string repeat [command PING] 3000] 0 end-3] \
                [string repeat [command GET robust:m] 500] \
                "WAIT 1 0\r\nPING\r\n" "CLIENT PAUSE 50 WRITE\r\nSET a b\r\n" "CLIENT REPLY OFF\r\nPING\r\n" \
                "QUIT\r\nPING\r\n" "HELLO 3\r\nHELLO" "CLIENT KILL TYPE normal\r\n"] {
            for {set i 0} {$i < 5} {incr i} {
                set fd [raw_open]
                catch {puts -nonewline $fd $bytes}
                catch {close $fd}
            }
        }
        after 100
        reconnect
        r select 0
        wait_for_condition 50 100 {
            [llength [split [string trim [r client list]] \n]] <= $clients
        } else {
            fail "clients are left: [r client list]"
        }
        r del robust:m a
        assert_memory_back $before
    }

    test "CLIENT KILL of oneself is answered first" {
        set rd [redis_client]
        assert_equal 1 [$rd client kill id [$rd client id] skipme no]
        catch {$rd ping} error
        assert_match "*I/O error*" $error
        $rd close
        # What was sent behind it does not run.
        set fd [raw_open]
        raw_write $fd "SET robust:before 1\r\nCLIENT KILL SKIPME no TYPE normal\r\nSET robust:after 1\r\n"
        assert_equal closed [lindex [raw_answer $fd 1000] 1]
        close $fd
        reconnect
        r select 0
        assert_equal {1 0} [list [r exists robust:before] [r exists robust:after]]
        r del robust:before
    }

    test "HTTP words end the connection" {
        assert_equal closed [lindex [answer_of "POST / HTTP/1.1\r\nHost: x\r\n\r\nSET robust:http 1\r\n"] 1]
        assert_equal closed [lindex [answer_of "GET / HTTP/1.1\r\nHost: x\r\n\r\nSET robust:http 1\r\n"] 1]
        assert_equal 0 [r exists robust:http]
    }
    if {$real} {
        kill_server [lindex $::servers 0]
        set ::servers [lrange $::servers 1 end]
    }
}

# ---- before authentication ----------------------------------------------------------------------

start_server {overrides {requirepass secret}} {
    test "Strangers have small limits" {
        assert_match "*-ERR Protocol error: unauthenticated multibulk length*closed" \
            [answer_of "*11\r\n"]
        assert_match "*-ERR Protocol error: unauthenticated bulk length*closed" \
            [answer_of "*1\r\n\$16385\r\n"]
        assert_equal {{} open} [answer_of "*10\r\n"]
        assert_equal {{} open} [answer_of "*1\r\n\$16384\r\n"]
        assert_match "*-NOAUTH*" [answer_of [command GET x]]
    }

    test "Limits are lifted for what follows AUTH in the same write" {
        set bytes [command AUTH secret][command MSET {*}[lrepeat 20 k]][command SET k [string repeat v 50000]]
        assert_equal "+OK\r\n+OK\r\n+OK\r\n" [lindex [answer_of $bytes] 0]
        # And not for what follows a failed one.
        set bytes [command AUTH wrong][command MSET {*}[lrepeat 20 k]]
        assert_match "*-WRONGPASS*unauthenticated multibulk*closed" [answer_of $bytes]
    }

    test "Strangers' junk and unread answers stay small" {
        r auth secret
        set before [settled_memory]
        set fds {}
        for {set i 0} {$i < 50} {incr i} {
            set fd [raw_open]
            catch {puts -nonewline $fd [string repeat [command GET x] 2000]}
            lappend fds $fd
        }
        after 200
        assert {[s used_memory] < $before + 60 * 1100000}
        foreach fd $fds {catch {close $fd}}
        assert_memory_back $before
        assert_alive
    }
}

# ---- very many connections ------------------------------------------------------------------------

start_server {} {
    test "Expiries at the end of time do not overflow their mean" {
        foreach key {a b c d} {r pexpireat [r set $key x; set key] 9223372036854775807}
        after 300
        regexp {avg_ttl=(-?\d+)} [r info keyspace] -> mean
        assert {$mean >= 0}
        assert_equal 9223372036854775807 [r pexpiretime a]
    }
}

start_server {overrides {maxclients 3}} {
    test "One client too many is told so" {
        set a [raw_open]
        set b [raw_open]
        r ping
        assert_equal [list "-ERR max number of clients reached\r\n" closed] [answer_of "PING\r\n"]
        assert {[s rejected_connections] >= 1}
        close $a
        close $b
        after 50
        assert_equal "+PONG\r\n" [lindex [answer_of "PING\r\n"] 0]
    }
}

start_server {overrides {maxclients 100}} {
    test "Without descriptors the server goes on, and accepts again when there are some" {
        # As many as the server has left: the limit is lowered from outside to what it uses now.
        set pid [srv pid]
        set used [llength [glob /proc/$pid/fd/*]]
        if {[catch {exec prlimit --pid $pid --nofile=[expr {$used + 2}]:} error]} {
            skip_test "prlimit is not there"
        }
        set fds {}
        for {set i 0} {$i < 8} {incr i} {lappend fds [raw_open]}
        after 200
        assert_alive
        set refused 0
        foreach fd $fds {
            lassign [raw_answer $fd 50] text state
            if {$state eq "closed"} {incr refused}
        }
        assert {$refused >= 5}
        set busy [lindex [kit::proc_stat $pid] 11]
        after 300
        assert {[lindex [kit::proc_stat $pid] 11] - $busy < 20} ;# it does not spin
        foreach fd $fds {catch {close $fd}}
        after 100
        assert_equal "+PONG\r\n" [lindex [answer_of "PING\r\n"] 0]
    }
}

start_server {overrides {maxclients 10050}} {
    tags {slow} {
        test "10,000 connections are served, and their memory comes back" {
            set tool [file join [file dirname [file normalize $::kit::binary]] tools crowd]
            set before [settled_memory]
            set pipe [open |[list $tool [srv host] [srv port] 10000] r+]
            fconfigure $pipe -buffering line
            set line [gets $pipe]
            if {[string match "skip*" $line]} {
                close $pipe
                skip_test $line
            }
            assert_equal "10000 served" $line
            assert_equal 10001 [s connected_clients]
            assert {[s used_memory] < $before + 10000 * 4096}
            for {set i 0} {$i < 100} {incr i} {assert_alive}
            puts $pipe go
            gets $pipe line
            close $pipe
            wait_for_condition 50 100 {[s connected_clients] == 1} else {fail "they do not go"}
            assert_memory_back $before 500000
        }
    }
}

# ---- other addresses ----------------------------------------------------------------------------

set unix_path [file join [kit::workdir] robust.sock]
start_server [list overrides [list bind "127.0.0.1 -::1" unixsocket $unix_path unixsocketperm 700]] {
    test "A Unix socket answers and has its permissions" {
        assert_equal PONG [exec redis-cli -s $unix_path ping]
        assert_match *700 [file attributes $unix_path -permissions]
        assert_match "*addr=$unix_path:0*" [exec redis-cli -s $unix_path client info]
        set value [string repeat u 200000]
        exec redis-cli -s $unix_path -x set robust:u << $value
        assert_equal $value [exec redis-cli -s $unix_path get robust:u]
    }

    test "IPv6 answers" {
        if {[catch {socket ::1 [srv port]} fd]} {skip_test "no IPv6 here"}
        close $fd
        assert_equal PONG [exec redis-cli -h ::1 -p [srv port] ping]
        assert_match {*addr=\[::1\]:*} [exec redis-cli -h ::1 -p [srv port] client info]
    }
}
test "The Unix socket goes with its server" {
    assert_equal 0 [file exists $unix_path]
}
