# replies.tcl - connections, the server's own commands and fingerprints beside the real server.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]

except "hello*" {fields {version id modules}} "names the version, the client and what is loaded"
except "time" type "it is later by then"

# Errors and small answers, word by word. What 7.2 answers otherwise than 7.0 is not in here.
set connection_commands {
    {ping} {ping x} {ping a b} {echo} {echo "a b"} {echo ""}
    {select abc} {select -1} {select 16} {select 99999999999} {select 99999999999999999999}
    {select 2} {select 0}
    {hello} {hello abc} {hello 4} {hello 1} {hello 99999999999999999999} {hello 2 auth}
    {hello 2 auth a} {hello 2 auth a b} {hello 2 setname} {hello 2 setname "a b"} {hello 2 foo}
    {hello 2 auth a b setname "a b"} {hello 2 setname "a b" auth a b}
    {auth} {auth x} {auth a b} {auth default zzz} {auth a b c}
    {client} {client foo} {client id x} {client getname} {client setname "a b"}
    {client setname ""} {client getname} {client setname me} {client getname} {client getredir}
    {client trackinginfo} {client no-evict x} {client no-evict on} {client no-evict off}
    {client reply x} {client reply on} {client list foo} {client list type}
    {client list type foo} {client list type replica} {client list type slave}
    {client list type pubsub} {client list id} {client list id a} {client list id 0}
    {client list id 999999} {client list type normal id 1}
    {client kill 1.2.3.4:5} {client kill id} {client kill id x} {client kill id 0}
    {client kill id 999999} {client kill id 1 id} {client kill type foo}
    {client kill type pubsub} {client kill user nobody} {client kill skipme foo}
    {client kill addr x} {client kill foo x} {client kill}
    {client unblock x} {client unblock 999999} {client unblock 999999 foo}
    {client unblock 999999 error} {client unblock 1 2 3}
    {client pause x} {client pause -1} {client pause 99999999999999999999} {client pause 10 foo}
    {client pause 1 2 3} {client pause 0} {client unpause} {client unpause x}
    {reset x} {quit_not} {"with space" a}
}
set server_commands {
    {info nosuch} {time x} {dbsize} {dbsize x} {flushall foo} {flushall async sync}
    {flushall async} {flushdb sync} {flushdb foo} {swapdb a 1} {swapdb 0 a} {swapdb 0 99}
    {swapdb -1 0} {swapdb 0 0} {swapdb 99999999999 0} {swapdb 0 1} {swapdb 0}
    {shutdown foo} {shutdown save nosave} {shutdown abort} {shutdown abort now}
    {lolwut version x} {memory} {memory foo} {memory usage} {memory usage nosuch}
    {memory usage nosuch samples} {memory usage nosuch samples x}
    {memory usage nosuch samples -1} {memory usage nosuch samples 0} {memory purge}
    {memory doctor x} {time}
}
set debug_commands {
    {debug} {debug foo} {debug sleep} {debug sleep 0} {debug sleep x}
    {debug set-active-expire} {debug set-active-expire 1} {debug digest} {debug digest x}
    {debug digest-value} {debug digest-value nosuch} {debug object} {debug object nosuch}
    {debug populate} {debug populate x} {debug populate -1} {debug populate 2}
    {debug populate 2 pp 5} {debug populate 2 qq x} {get pp:0} {get key:1} {debug digest}
    {debug populate 1 zz 12} {get zz:0} {dbsize}
    {debug protocol} {debug protocol string} {debug protocol integer} {debug protocol double}
    {debug protocol null} {debug protocol array} {debug protocol set} {debug protocol map}
    {debug protocol verbatim} {debug protocol true} {debug protocol false}
    {debug protocol bignum} {debug protocol foo} {debug protocol attrib}
    {debug log} {debug log hello} {debug htstats} {debug htstats x} {debug htstats 99}
    {debug htstats-key nosuch} {debug htstats-key key:0} {debug error "FOO bar"} {debug error x}
    {debug replybuffer} {debug replybuffer resizing 1} {debug replybuffer foo 1}
    {debug set-skip-checksum-validation 0} {debug pause-cron 0} {debug help x} {flushall}
}

# Every way to put a short word with an expiry or without into some database.
proc random_dataset n {
    set commands {}
    for {set i 0} {$i < $n} {incr i} {
        if {rand() < 0.2} {lappend commands [list select [expr {int(rand() * 16)}]]}
        set key "k[expr {int(rand() * $n)}]"
        set value [lindex [list [expr {int(rand() * 1e9)}] "v$i" "" [string repeat x $i] \
            "\x00\xff\r\n"] [expr {int(rand() * 5)}]]
        set command [list set $key $value]
        if {rand() < 0.3} {lappend command ex 10000}
        lappend commands $command
        if {rand() < 0.1} {lappend commands [list append $key tail]}
        if {rand() < 0.1} {lappend commands [list persist $key]}
    }
    return $commands
}

start_pair {tags {interop}} {
    foreach protocol {2 3} {
        test "connections are answered alike in RESP$protocol" {
            same hello $protocol
            foreach command $connection_commands {same {*}$command; same hello $protocol}
        }

        test "the server's own commands are answered alike in RESP$protocol" {
            foreach command $server_commands {same {*}$command}
        }

        test "DEBUG answers alike in RESP$protocol" {
            foreach command $debug_commands {same {*}$command}
        }
    }

    test "the fingerprint of any strings is the same" {
        same hello 2
        for {set round 0} {$round < 10} {incr round} {
            same flushall
            same_all [random_dataset 200]
            same debug digest
            same debug digest-value k1 k2 k3 nosuch
        }
    }

    test "DEBUG OBJECT's saved length is the same" {
        same select 9
        foreach value [list a 1 -1 300 100000 12345678901 [string repeat x 21] \
                [string repeat x 1000] [string repeat 0123456789abcdefghij 40]] {
            same set k $value
            foreach level {0 -1} {
                regexp {encoding:(\S+) .*serializedlength:(\d+)} [r $level debug object k] -> \
                    encoding($level) length($level)
            }
            assert_equal $length(0) $length(-1) $value
            assert_equal $encoding(0) $encoding(-1) $value
        }
    }

    test "RESET and QUIT end alike" {
        same select 3
        same hello 3
        same reset
        same client getname
        same quit
    }
}
