# replication_garbage.tcl - peers that send what no server sends: a primary that answers anything at each
# step of the handshake, in the copy and in the stream; replicas that say anything. Whatever comes, the
# server lives, serves, and works with an honest peer afterwards.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit nodes.tcl]

# ---- a primary made of strings ---------------------------------------------------------------------

namespace eval fake {
    variable script             ;# {step answer ...}; steps: ping auth replconf psync; hello before all
    variable served 0
    variable open {}
}

proc fake::accept {fd host port} {
    variable open
    lappend open $fd
    fconfigure $fd -translation binary -blocking 0 -buffering none
    say $fd hello
    if {$fd in [chan names]} {fileevent $fd readable [list fake::hear $fd]}
}
proc fake::say {fd step} {
    variable script
    variable served
    if {![dict exists $script $step]} return
    foreach bytes [dict get $script $step] {
        if {$bytes eq "<close>"} {close $fd; set served 1; return}
        catch {puts -nonewline $fd $bytes; flush $fd}
    }
    if {$step eq [dict get $script last]} {set served 1}
}
# The other end's requests need not be parsed: their names stand out.
proc fake::hear fd {
    variable served
    if {[catch {read $fd} bytes] || ($bytes eq "" && [eof $fd])} {
        catch {close $fd}
        set served 1
        return
    }
    foreach line [split [string tolower $bytes] \n] {
        set line [string trim $line]
        if {$line in {ping auth replconf psync sync}} {
            if {[catch {say $fd $line}] || $fd ni [chan names]} return
        } elseif {[regexp {^(ping|psync|sync|replconf)\s} $line -> name]} {
            if {[catch {say $fd $name}] || $fd ni [chan names]} return
        }
    }
}

# The node meets a primary that answers so; it must live and be what it was.
proc meet {name answers} {
    set fake::script [dict merge {ping {"+PONG\r\n"} replconf {"+OK\r\n"} last none} $answers]
    set fake::served 0
    set listener [socket -server fake::accept -myaddr 127.0.0.1 0]
    on $name replicaof 127.0.0.1 [lindex [fconfigure $listener -sockname] 2]
    set timer [after 3000 {set fake::served timeout}]
    vwait fake::served
    after cancel $timer
    set result $fake::served
    # A moment for what was said last.
    after 5 {set fake::served 2}
    vwait fake::served
    close $listener
    foreach fd $fake::open {catch {close $fd}}
    set fake::open {}
    if {![process_is_alive [node_of $name pid]]} {fail "it died of: $answers"}
    on $name replicaof no one
    if {$result eq "timeout"} {fail "it did not come: $answers"}
    assert_equal [on $name ping] PONG $answers
}

set id [string repeat 0123456789 4]
set mark [string repeat abcde 8]
# An RDB file with nothing in it, without a checksum.
set empty "REDIS0010\xff\0\0\0\0\0\0\0\0"
set full "+FULLRESYNC $id 100\r\n"
set copied "$full\$[string length $empty]\r\n$empty"

nodes {a keel {repl-timeout 2} p keel {}} {
    on a set mine 1

    set babble [list "" "<close>" "-ERR no\r\n" "-NOAUTH Authentication required.\r\n" "-NOPERM no\r\n" \
        "\r\n" "\n\n\n" "+\r\n" "PONG\r\n" "\$4\r\nPONG\r\n" "*1\r\n\$4\r\nPONG\r\n" "\0\0\0\0\r\n" \
        "\xff\xfe\xfd\r\n" [string repeat x 5000] "[string repeat y 300]\r\n" [string repeat "\n" 3000]]

    test "a primary that closes, babbles or is silent in the handshake" {
        foreach bytes $babble {
            meet a [list hello [list $bytes <close>] ping {} last hello]
            meet a [list ping [list $bytes <close>] last ping]
            meet a [list replconf [list $bytes <close>] psync <close> last psync]
        }
        assert_equal [on a get mine] 1
    }
    test "a primary that babbles when it is asked for a copy" {
        # What begins with a length may be taken for an answer to SYNC, and then the old data is gone.
        foreach bytes $babble {meet a [list psync [list $bytes <close>] last psync]}
    }

    test "answers to PSYNC that are none" {
        foreach line [list +FULLRESYNC "+FULLRESYNC " "+FULLRESYNC $id" "+FULLRESYNC $id " "+FULLRESYNC short 1" \
            "+FULLRESYNC $id -5" "+FULLRESYNC $id 99999999999999999999" "+FULLRESYNC $id abc" "+FULLRESYNC ${id}x 1" \
            "+FULLRESYNC  $id 1" +CONTINUE "+CONTINUE " "+CONTINUE short" "+CONTINUE ${id}more" "+CONTINUE $id" "+WHAT" \
            ":1" "-LOADING x" "-NOMASTERLINK Can't SYNC while not connected with my master" "-ERR x" "-" "+FULLRESYNC\0$id 1"] {
            meet a [list psync [list $line\r\n <close>] last psync]
            meet a [list psync [list $line\r\n "*1\r\n\$4\r\nPING\r\n" <close>] last psync]
        }
        on a replicaof no one
        on a set mine 1
    }

    test "copies that are none" {
        set version [string replace $empty 0 8 REDIS9999]
        foreach bytes [list "\$-1\r\n" "\$\r\n" "\$abc\r\n" "\$99999999999999999999\r\n" "\$9223372036854775807\r\nxx" "\$-9\r\n" \
            "\$EOF:\r\n" "\$EOF:short\r\n" "\$EOF:${mark}x\r\n" "-ERR no copy\r\n" "+OK\r\n" "\n\n\n" "\$0\r\n" \
            "\$10\r\nnot an rdb" "\$EOF:$mark\r\nnot an rdb$mark" "\$EOF:$mark\r\n$mark" "\$EOF:$mark\r\n$empty" \
            "\$[string length $empty]\r\n[string range $empty 0 12]" "\$[string length $version]\r\n$version" \
            "\$30\r\n[string range $empty 0 8]\x00\x03abc\xff\xff\xff\xff\xff\xff\xff\xff\xff" \
            "\$40\r\n[string range $empty 0 8]\xfe\x81\xff\xff\xff\xff\xff\xff\xff\xff[string repeat z 21]" [string repeat A 70000]] {
            foreach how {disabled swapdb on-empty-db} {
                on a config set repl-diskless-load $how
                meet a [list psync [list $full $bytes <close>] last psync]
            }
        }
        on a config set repl-diskless-load disabled
    }

    test "streams that are none" {
        foreach bytes [list "*-5\r\n" "*99999999\r\n" "*abc\r\n" "*1\r\n\$-7\r\n" "*1\r\n\$99999999999\r\n" "*1\r\nGET\r\n" \
            "\$5\r\nhello\r\n" "\0\0\0\0" "\xff\xfe\r\n" [string repeat x 70000] "*1\r\n:5\r\n" "\r\n\r\n" "-ERR x\r\n" "+OK\r\n" \
            [redis::encode {nosuchcommand a}] [redis::encode {set onlytwo}] [redis::encode multi] [redis::encode exec] \
            [redis::encode {replconf getack}] [redis::encode {replconf getack *}] [redis::encode {replconf ack 5}] \
            [redis::encode {select 999}] [redis::encode {get x}] [redis::encode {subscribe ch}] [redis::encode monitor] \
            [redis::encode {blpop nokey 0}] [redis::encode {wait 5 0}] [redis::encode {psync ? -1}] [redis::encode sync] \
            [redis::encode {hello 3}] [redis::encode {auth x y}] [redis::encode reset] [redis::encode quit] \
            [redis::encode {client reply off}] [redis::encode {config set port 1}] [redis::encode {eval x 0}] \
            "[redis::encode multi][redis::encode {set in multi}]" "[redis::encode {watch k}][redis::encode multi]"] {
            meet a [list psync [list $copied $bytes [redis::encode {set after garbage}] <close>] last psync]
            meet a [list psync [list $copied $bytes] last psync]
        }
    }

    test "a server that met all of these follows an honest one" {
        on p set honest 1
        follow a p
        alike p a
        assert_equal [on a get honest] 1
    }

    # ---- replicas that say anything -------------------------------------------------------------

    proc tell {bytes {wait 15}} {
        set fd [redis::open_channel 127.0.0.1 [node_of p port]]
        fconfigure $fd -blocking 0
        # It may hang up before it has all.
        catch {puts -nonewline $fd $bytes; flush $fd}
        after $wait
        catch {read $fd} answer
        catch {close $fd}
        if {![process_is_alive [node_of p pid]]} {fail "it died of: [kit::shown $bytes]"}
        return $answer
    }
    proc tells {args} {
        set bytes ""
        foreach words $args {append bytes [redis::encode $words]}
        return [tell $bytes]
    }

    test "requests for copies that are none" {
        foreach words {{psync} {psync ?} {psync ? -1 x} {psync ? abc} {psync "" ""} {psync x 1} {psync ? 0} {psync ? 1}
            {psync ? 9223372036854775807} {psync ? -9223372036854775808} {psync ? 9223372036854775808} {sync x}
            {replconf} {replconf ack} {replconf ack abc} {replconf ack -1} {replconf getack} {replconf x}
            {replconf listening-port} {replconf listening-port abc} {replconf listening-port -1} {replconf listening-port 99999999999}
            {replconf capa} {replconf capa nosuch} {replconf rdb-only x} {replconf rdb-only 2} {replconf rdb-filter-only x}
            {replconf rdb-filter-only "\""} {replconf ip-address} {replconf nosuch 1} {failover abc} {replicaof a}} {
            tells $words
        }
        set id [field p master_replid]
        foreach offset {-2 -1 0 1 2 999999999 9223372036854775807 -9223372036854775808 abc} {tells [list psync $id $offset]}
        tells [list replconf ip-address [string repeat x 5000]]
        tells [list psync [string repeat y 5000] 1]
    }

    test "replicas that go on talking" {
        foreach words {{psync ? -1} sync {replconf ack 99999999999} {replconf ack -5} {replconf ack abc} {replconf ack 1 fack x}
            {get x} {set x y} {subscribe ch} {monitor} {multi} {blpop l 0} {replconf getack *} {wait 1 0} {client reply off} {quit}
            {hello 3} {reset} {auth a b} {replconf capa eof} nosuch} {
            tells {replconf capa eof capa psync2} {psync ? -1} $words {replconf ack 0}
            tells sync $words
            tells [list psync [field p master_replid] [expr {[field p master_repl_offset] + 1}]] $words {replconf ack 1}
        }
        tell "PSYNC ? -1\r\n*99999999\r\n"
        tell "SYNC\r\n\xff\xfe\0\r\n[string repeat z 70000]"
    }

    test "and the primary has forgotten them all, and serves its replica" {
        wait_for_condition 100 50 {[field p connected_slaves] == 1} else {fail [on p info replication]}
        on p set after garbage
        alike p a
        assert_equal [on p wait 1 2000] 1
        assert_equal [on a get after] garbage
    }
}
