# transactions.tcl - transactions beside the real server: errors word by word, and random ones, with
# two connections that disturb each other's watches.
#
# By environment: KEEL_INTEROP_SEED, KEEL_INTEROP_OPS (commands in all, default 20000).

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $kit::home kit interop.tcl]
source [file join $kit::home kit random.tcl]

# proto-max-bulk-len is 1 MB in the run, which keeps damaged offsets of SETRANGE and SETBIT small.
# What random.tcl knows of keys and values, and commands that answer alike on both servers whatever
# stands around them.
group inside {
    8  SET @key @value
    3  SET @key @value [NX|XX] [GET]
    8  GET @key
    4  DEL @key...
    4  EXISTS @key...
    4  INCR @key
    3  APPEND @key @value
    3  GETSET @key @value
    3  MSET (@key @value)...
    3  MGET @key...
    2  MSETNX (@key @value)...
    2  SETRANGE @key @bit @value
    2  SETBIT @key @bitoffset @bit
    2  BITCOUNT @key
    2  RENAME @key @key
    2  COPY @key @key [REPLACE]
    2  EXPIRE @key @far
    2  EXPIRE @key -1
    2  PERSIST @key
    2  MOVE @key @otherdb
    3  SELECT @otherdb
    1  SWAPDB @otherdb @otherdb
    1  FLUSHDB
    1  FLUSHALL
    1  UNWATCH
    1  PING
    1  ECHO @value
    1  DBSIZE
}
# A transaction in pieces, in any order, so that all wrong orders come too.
group around {
    10 MULTI
    10 EXEC
    2  DISCARD
    8  WATCH @key...
    1  UNWATCH
    1  NOSUCHCOMMAND @value
    1  GET
    1  EXEC @value
    1  WATCH
    1  HELLO (2|3)
    1  RESET
}
proc gen::far {} {return [expr {100000 + 1000 * [int 1000]}]}
proc gen::otherdb {} {return [pick {0 0 0 1 2}]}
set gen::key_count 12
set both $gen::templates

# What two servers answer to the same random commands on two connections each, alternating in
# batches. HELLO's own reply names versions, so it is sent outside of transactions only by accident
# and compared by its kind.
proc run_random {ops seed} {
    expr {srand($seed)}
    set connections [list [pair::connect] [pair::connect]]
    set history {}
    for {set done 0} {$done < $ops} {incr done $n} {
        set who [gen::int 2]
        set pair::channels [lindex $connections $who]
        set commands {}
        set n [expr {1 + [gen::int 12]}]
        for {set i 0} {$i < $n} {incr i} {
            gen::choose [expr {rand() < 0.35 ? "around" : "inside"}]
            lappend commands [gen::command]
        }
        set rows [pair::exchange $commands]
        foreach row $rows {
            lappend history "[expr {$who + 1}]> [pair::show_command [lindex $row 0]]"
            set why [pair::difference {*}$row]
            if {$why eq "" || [same_but_hello {*}$row]} continue
            foreach fds $connections {foreach fd $fds {close $fd}}
            fail "seed $seed, command $done: [pair::report_row $row $why]\n  before it:\n    \
                [join [lrange $history end-25 end-1] "\n    "]"
        }
        set history [lrange $history end-30 end]
    }
    foreach fds $connections {foreach fd $fds {close $fd}}
    set pair::channels {}
    pair::reconnect
}

# An EXEC that ran HELLO: what HELLO says of the server aside.
proc same_but_hello {command ours theirs} {
    if {[string tolower [lindex $command 0]] ne "exec"} {return 0}
    set blur {}
    foreach reply [list $ours $theirs] {
        lappend blur [regsub -all {(version\r\n)\$\d+\r\n[^\r]*|(id\r\n):\d+} $reply {\1\2}]
    }
    return [expr {[lindex $blur 0] eq [lindex $blur 1]}]
}

# Only the templates of this group are drawn from now on.
proc gen::choose name {
    variable templates
    variable total
    variable chosen
    if {![info exists chosen($name)]} {
        set templates $::both
        restrict $name {}
        set chosen($name) [list $templates $total]
    }
    lassign $chosen($name) templates total
}

start_pair {overrides {proto-max-bulk-len 1mb} tags {interop transactions}} {
    test "errors of transactions are the same" {
        same_all {
            {exec} {discard} {exec x} {discard x} {multi x} {watch} {unwatch x} {unwatch}
            {multi} {multi} {exec} {multi} {watch a} {unwatch} {exec}
            {multi} {nosuch a b} {get a} {exec}
            {multi} {get} {exec} {multi} {config nosuch} {exec} {multi} {client} {exec}
            {multi} {exec x} {exec} {exec x}
            {multi} {discard x} {discard} {multi} {discard} {exec}
            {multi} {watch} {exec} {multi} {multi x} {exec} {multi} {reset x} {exec}
            {multi} {shutdown} {exec} {multi} {get a} {reset} {exec}
            {set s abc} {multi} {incr s} {set s 2} {incr s} {getbit s x} {exec}
            {multi} {select 99} {select 1} {get s} {exec} {get s} {select 0}
            {multi} {auth a b} {auth x} {exec} {multi} {ping} {ping a b} {exec}
        }
    }

    test "a reply that was skipped inside of EXEC" {
        pair::reconnect
        foreach fd $pair::channels {
            foreach words {multi {client reply skip} {get a} exec ping {echo end}} {
                puts -nonewline $fd [redis::encode $words]
            }
            flush $fd
        }
        set got {}
        foreach fd $pair::channels {
            set bytes ""
            while {![string match "*end\r\n" $bytes]} {append bytes [gets $fd]\n}
            lappend got $bytes
        }
        assert_equal [lindex $got 1] [lindex $got 0]
        pair::reconnect
    }

    test "commands of transactions are described alike" {
        foreach name {multi exec discard watch unwatch} {
            same command info $name
            same command getkeys $name a b
        }
        same command list filterby aclcat transaction
    }

    set seed [kit::env KEEL_INTEROP_SEED [expr {[clock microseconds] % 1000000}]]
    test "random transactions of two connections are answered alike (seed $seed)" {
        run_random [kit::env KEEL_INTEROP_OPS 20000] $seed
        foreach db {0 1 2} {
            same select $db
            same dbsize
        }
        assert_equal [r debug digest] [r -1 debug digest] "DEBUG DIGEST"
    }
}
