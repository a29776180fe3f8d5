# clients.tcl - programs and libraries that know nothing of Keel: redis-cli, redis-benchmark,
# python3-redis, libhiredis, ioredis, node-redis.
#
# The libraries' programs are in clients/. What is not installed is skipped and said so; the
# libraries of node are looked for in KEEL_NODE_MODULES (a node_modules directory), where npm put
# them: npm install --prefix DIR ioredis redis.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

set programs [file join [file dirname [file normalize [info script]]] clients]

# The output of a command against the server of level 0; an error when it fails or hangs.
proc client_run {seconds args} {
    return [exec -ignorestderr timeout $seconds {*}$args 2>@1]
}

proc cli {args} {
    return [client_run 30 redis-cli -h [srv host] -p [srv port] {*}$args]
}

# What redis-cli shows at a terminal of 100 columns while these lines are typed, with a pause
# before each (it drops what was typed before it asks), and in the seconds after them.
proc cli_typed {arguments lines {seconds 0}} {
    set command "stty cols 100 rows 40; exec timeout -s INT [expr {20 + $seconds}]"
    append command " redis-cli -h [srv host] -p [srv port] $arguments"
    set channel [open |[list env TERM=xterm script -qec $command /dev/null 2>@1] r+]
    fconfigure $channel -translation binary -blocking 0 -buffering none
    foreach line $lines {
        after 400
        foreach char [split $line\r ""] {
            puts -nonewline $channel $char
            after 5
        }
    }
    after [expr {400 + int($seconds * 1000)}]
    set text [read $channel]
    catch {exec kill {*}[pid $channel]}
    catch {close $channel}
    return [regsub -all {\x1b\[[0-9;?]*[A-Za-z]|\r} $text {}]
}

# ---- redis-cli --------------------------------------------------------------------------------

start_server {tags {clients}} {
    test "redis-cli: a first tour" {
        list [cli set greeting hello] [cli get greeting] [cli mset a 1 b 2] [cli incr a] \
            [cli expire a 100] [cli get none] [cli exists a b none] [cli dbsize]
    } {OK hello OK 2 1 {} 2 3}

    test "redis-cli -3 shows the kinds of RESP3" {
        list [cli -3 --no-raw config get databases] [cli -3 --no-raw get none] \
            [string match "*3# \"proto\" => (integer) 3*" [cli --no-raw hello 3]]
    } {{1# "databases" => "16"} (nil) 1}

    test "redis-cli --no-raw shows errors as they are" {
        catch {cli --no-raw incr greeting} text
        set text
    } "*(error) ERR value is not an integer or out of range*"

    test "redis-cli info has the sections" {
        set text [cli info]
        foreach section {Server Clients Memory Persistence Stats Replication CPU Keyspace} {
            assert_match "*# $section*" $text
        }
        assert_match "*redis_version:7.2*" $text
    }

    test "redis-cli -n, -x, -r, --csv, -a of no password" {
        list [cli -n 3 set other 1] [exec printf %s {some bytes} | redis-cli -h [srv host] \
            -p [srv port] -x set piped] [cli get piped] [cli -r 3 -i 0 incr counter] \
            [cli --csv mget greeting none]
    } [list OK OK "some bytes" "1\n2\n3" {"hello",NULL}]

    test "redis-cli at a terminal: hints and help" {
        set text [cli_typed {} {{set k 1} {incr k} {help get}}]
        assert_match "*set k value *EX seconds*" $text
        assert_match "*OK*" $text
        assert_match "*(integer) 2*" $text
        assert_match "*GET key*summary: *" $text
        # It has asked for the table of commands by itself.
        assert_match "*cmdstat_command*" [r info commandstats]
    }

    test "redis-cli at a terminal: a module's command has hints and help" {
        r module load example
        set text [cli_typed {} {{example.raise high 3} {help example.raise}}]
        assert_match "*example.raise high value*" $text
        assert_match "*EXAMPLE.RAISE*" [string toupper $text]
        r select 0
        set value [r get high]
        r select 9
        set value
    } 3

    test "COMMAND DOCS has what newer redis-clis make hints of" {
        set docs [lindex [r command docs example.raise] 1]
        list [dict get $docs summary] [dict get $docs since] [llength [dict get $docs arguments]]
    } {{Sets an integer unless it is as large already.} 1.0.0 2}

    test "redis-cli --pipe loads a stream of commands and counts errors" {
        set path [tmpfile pipe]
        set f [open $path w]
        fconfigure $f -translation binary
        for {set i 0} {$i < 20000} {incr i} {
            puts -nonewline $f "*3\r\n\$3\r\nSET\r\n\$[expr {5 + [string length $i]}]\r\npipe:$i\r\n\$1\r\nv\r\n"
        }
        puts -nonewline $f "*2\r\n\$4\r\nINCR\r\n\$8\r\ngreeting\r\n"
        close $f
        catch {exec timeout 30 redis-cli -h [srv host] -p [srv port] --pipe < $path 2>@1} text
        assert_match "*errors: 1, replies: 20001*" $text
        cli get pipe:19999
    } v

    test "redis-cli --scan finds each key once, by pattern too" {
        set keys [split [cli --scan --pattern pipe:*] \n]
        list [llength $keys] [llength [lsort -unique $keys]]
    } {20000 20000}

    test "redis-cli --bigkeys and --memkeys walk the keyspace" {
        cli set big [string repeat x 5000]
        assert_match "*Biggest string found '\"big\"' has 5000 bytes*" [cli --bigkeys]
        assert_match "*Biggest string found '\"big\"' has * bytes*" [cli --memkeys]
    }

    test "redis-cli --stat and --latency-history" {
        assert_match "*keys*mem*clients*requests*2000?*" [cli_typed {--stat -i 0.2} {} 1]
        assert_match "*avg: ?.??*samples*" [cli_typed {--latency-history -i 1} {} 2]
    }

    test "redis-cli --latency and --latency-dist" {
        assert_match "*avg: ?.??*samples*" [cli_typed {--latency} {} 1]
        assert_match "*from*to*milliseconds*" [cli_typed {--latency-dist -i 1} {} 2]
        # min, max, avg and the number of samples.
        assert_match {*[0-9] *[0-9] [0-9]*.[0-9]* [0-9]*} [cli --raw --latency -i 1]
    }

    test "redis-cli monitor shows what others send" {
        set channel [open "|timeout 10 redis-cli -h [srv host] -p [srv port] monitor 2>@1"]
        assert_equal OK [gets $channel]
        cli set monitored "a \"value\""
        set seen {}
        while {[gets $channel line] >= 0} {
            lappend seen $line
            if {[string match {*"set"*} $line]} break
        }
        catch {exec kill {*}[pid $channel]}
        catch {close $channel}
        lindex $seen end
    } {[0-9]*.[0-9]* \[0 127.0.0.1:[0-9]*\] "set" "monitored" "a \\"value\\""}

    test "redis-cli shows the slow log" {
        cli config set slowlog-log-slower-than 0
        cli slowlog reset
        cli set slow 1
        cli config set slowlog-log-slower-than -1
        list [cli --no-raw slowlog get 1] [cli slowlog len] [cli slowlog reset]
    } {*1) 1) (integer)*4) 1) "set"*2) "slow"*3) "1"*5) "127.0.0.1:*6) ""* 2 OK}

    test "redis-cli shows LATENCY's reports" {
        cli config set latency-monitor-threshold 10
        cli debug sleep 0.1
        assert_match "*command*" [cli latency latest]
        assert_match "command - high * ms, low * ms (all time high * ms)*---*" \
            [cli latency graph command]
        assert_match "*(module server)*" [cli latency doctor]
        assert_match "*debug*calls*histogram_usec*" [cli latency histogram debug]
        expr {[cli latency reset] >= 1} ;# a busy machine may add events
    } 1

    test "redis-cli goes on after the server closed its connection" {
        cli_typed {} {{set still here} {client kill type normal skipme no} {get still} {get still}}
    } "*\"here\"*"

    test "redis-cli shuts the server down" {
        cli shutdown nosave
        wait_for_condition 50 100 {![is_alive [lindex $::servers end]]} else {
            fail "the server lives on"
        }
    }
}

start_server {overrides {requirepass secret} tags {clients}} {
    test "redis-cli -a, AUTH and REDISCLI_AUTH" {
        catch {cli get k} refused
        list $refused [cli --no-auth-warning -a secret set k v] \
            [exec env REDISCLI_AUTH=secret redis-cli -h [srv host] -p [srv port] get k]
    } {{NOAUTH Authentication required.*} OK v}
}

# ---- redis-benchmark --------------------------------------------------------------------------

start_server {tags {clients}} {
    foreach {name args} {
        "pipelined"             {-P 16 -t ping,set,get,incr,mset}
        "one by one"            {-t ping_inline,ping_mbulk,set,get}
        "over many keys"        {-P 16 -r 100000 -t set,get,mset}
        "in RESP3"              {-3 -P 4 -t set,get}
        "of large values"       {-d 100000 -t set,get}
        "of a command of ours"  {-P 8 SET key:__rand_int__ __data__ EX 100}
        "by two threads"        {--threads 2 -P 16 -t set,get}
    } {
        test "redis-benchmark $name" {
            set n [expr {[string match *100000* $args] ? 5000 : 20000}]
            set text [client_run 60 redis-benchmark -h [srv host] -p [srv port] -q -n $n {*}$args]
            assert_no_match "*rror*" $text
            expr {[regexp -all {requests per second} $text] >= 1}
        } 1
    }

    test "redis-benchmark leaves no client behind" {
        wait_for_condition 50 100 {[status r connected_clients] == 1} else {
            fail "clients: [r client list]"
        }
    }
}

# ---- libraries --------------------------------------------------------------------------------

# The interpreter of the system: others on the PATH do not see Debian's packages.
proc python_with_redis {} {
    foreach python {/usr/bin/python3 python3} {
        if {![catch {exec $python -c "import redis" 2>@1}]} {return $python}
    }
    return ""
}

# Where node finds a library; "" when it does not.
proc node_modules library {
    if {[auto_execok node] eq ""} {return ""}
    foreach dir [list [kit::env KEEL_NODE_MODULES ""] [kit::env NODE_PATH ""]] {
        if {$dir ne "" && [file isdirectory [file join $dir $library]]} {return $dir}
    }
    return ""
}

proc skip_said why {
    kit::say "skipped: $why"
    return -level 1 -code error -errorcode {KIT SKIP} $why
}

start_server {tags {clients}} {
    test "python3-redis" {
        set python [python_with_redis]
        if {$python eq ""} {skip_said "python3-redis is not installed"}
        client_run 60 $python $programs/python.py [srv host] [srv port]
    } ok

    test "libhiredis" {
        if {![file exists /usr/include/hiredis/hiredis.h]} {
            skip_said "libhiredis-dev is not installed"
        }
        set program [tmpfile hiredis]
        exec cc -Wall -o $program $programs/hiredis.c -lhiredis 2>@1
        client_run 60 $program [srv host] [srv port]
    } ok

    foreach {library program} {ioredis ioredis.js redis node-redis.js} {
        test "node: $library" {
            set dir [node_modules $library]
            if {$dir eq ""} {skip_said "node with $library is not there (KEEL_NODE_MODULES)"}
            client_run 60 env NODE_PATH=$dir node $programs/$program [srv host] [srv port]
        } ok
    }
}
