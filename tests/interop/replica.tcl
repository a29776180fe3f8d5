# replica.tcl - the server under test and the real one, each as the replica of the same primary made
# by hand: what they say to it, and what they answer to clients meanwhile.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]
source [file join $kit::home kit fakeprimary.tcl]

# Runs code with a replica of either kind. `note` in it keeps a line of what is to be alike.
proc both {name overrides code} {
    if {![kit::have_real_server]} {
        kit::record_skip $name "no real server"
        return
    }
    foreach start {start_server start_real_server} {
        set ::notes($start) {}
        fake_primary port {
            set all [concat [list replicaof "127.0.0.1 $port" save {""}] $overrides]
            set ::noted $start
            $start [list overrides $all] [list replica_with $port $code]
        }
    }
    test $name {
        foreach ours $::notes(start_server) theirs $::notes(start_real_server) {
            if {$ours eq $theirs} continue
            fail "they differ\n  keel: [kit::shown $ours]\n  real: [kit::shown $theirs]"
        }
        assert_morethan [llength $::notes(start_server)] 0
    }
}

# The body's own variables are port and link.
proc replica_with {port code} {
    set ::fake_port $port
    set link [accept_replica]
    eval $code
}

proc note args {
    upvar #0 fake_port port
    set own [list [srv port] PORT $port PRIMARY]
    lappend ::notes($::noted) [string map $own $args]
}

# A command's reply, or its error.
proc ask args {
    if {[catch {r {*}$args} reply]} {set reply "error: $reply"}
    note $args => $reply
}

proc link_is state {
    wait_for_condition 200 20 {[s master_link_status] eq $state} else {
        fail "the link is not $state"
    }
}

proc fields {} {
    set names {}
    foreach line [split [r info replication] \n] {
        if {[regexp {^([a-z_0-9]+):} $line -> name]} {lappend names $name}
    }
    return $names
}

proc words args {
    set bytes ""
    foreach words $args {append bytes [redis::encode $words]}
    return $bytes
}

both "the whole course of a replica's life is alike" {} {
    foreach answer {+PONG +OK +OK} {
        note [hear $link]
        say $link "$answer\r\n"
    }
    note [hear $link]
    note [lindex [r role] 3] [fields]
    say $link "+FULLRESYNC $::fake_id 1000\r\n\n"
    wait_for_condition 100 20 {[s master_sync_in_progress] == 1} else {fail "no copy"}
    note [lindex [r role] 3] [fields]
    set copy [snapshot_of {a 1 b 2}]
    say $link "\$[string length $copy]\r\n$copy"
    link_is up
    note [lindex [r role] 3] [lindex [r role] 4] [fields] [s master_replid] [s slave_repl_offset]
    say $link [words {SELECT 9} {set x 1} {REPLCONF GETACK *}]
    wait_ack $link [expr {1000 + [string length [words {SELECT 9} {set x 1} {REPLCONF GETACK *}]]}]
    ask get x
    set offset [s slave_repl_offset]
    say $link [words {incr x} multi {incr x}]
    wait_for_condition 100 10 {[r get x] == 2} else {fail "x is not 2"}
    note [s slave_repl_offset] [s slave_read_repl_offset] [s master_repl_offset]
    close $link
    set link [accept_replica]
    note [greet $link]
    note [fields] [lindex [r role] 4] [s slave_repl_offset]
    say $link "+CONTINUE [string repeat cd 20]\r\n[words {set y 1}]"
    link_is up
    wait_for_condition 100 10 {[r get y] == 1} else {fail "y is not there"}
    note [s master_replid] [s master_replid2] [s second_repl_offset] [s repl_backlog_active] \
        [s repl_backlog_histlen]
    ask replicaof 127.0.0.1 $port
    ask replicaof 127.0.0.1 99999
    ask replicaof 127.0.0.1 abc
    ask replicaof 127.0.0.1
    ask config get replicaof
    ask config set replicaof "1.2.3.4 5"
    ask replicaof no one
    note [s master_replid2] [s second_repl_offset] [fields] [lrange [r role] 0 1]
    set id [s master_replid]
    ask set mine 1
    ask replicaof 127.0.0.1 $port
    set link [accept_replica]
    note [string map [list $id ID] [greet $link]]
}

both "an old primary and a bad one are dealt with alike" {masterauth pw masteruser me
        replica-announce-ip 9.8.7.6 replica-announce-port 77} {
    foreach answer {"-NOAUTH x" +OK "-ERR no" "-ERR no" "-ERR no"} {
        note [hear $link]
        say $link "$answer\r\n"
    }
    note [hear $link]
    say $link "-ERR unknown command\r\n"
    note [hear $link]
    say $link "-NOAUTH again\r\n"
    set link [accept_replica]
    foreach answer {"-NOAUTH x" "-WRONGPASS y"} {
        note [hear $link]
        say $link "$answer\r\n"
    }
    set link [accept_replica]
    note [greet $link]
    set copy [snapshot_of {a 1}]
    say $link "+FULLRESYNC $::fake_id 5\r\n\$EOF:$::fake_mark\r\n$copy$::fake_mark"
    note [hear_ack $link]
    link_is up
    note [s slave_repl_offset]
}

both "keys past their time are answered alike on a replica" {} {
    greet $link
    full_copy $link [snapshot_of {}]
    link_is up
    set soon [expr {[clock milliseconds] + 300}]
    set setup {{SELECT 9} {set live 1}}
    foreach {key make} {s {set s v} n {set n 5} l {rpush l a} h {hset h f v} z {zadd z 1 m}
                        st {sadd st m} x {xadd x 1-1 f v}} {
        lappend setup $make [list pexpireat $key $soon]
    }
    say $link [words {*}$setup]
    wait_for_condition 100 10 {[r get live] == 1} else {fail "nothing came"}
    after 600
    foreach command {{get s} {exists s l h} {ttl s} {pttl s} {type s} {object encoding s} {dump s}
                     {strlen s} {getrange s 0 -1} {lrange l 0 -1} {hgetall h} {zrange z 0 -1}
                     {smembers st} {xlen x} {keys *} {dbsize} {randomkey} {scan 0 count 1000}
                     {mget s n live} {touch s live} {expiretime s} {sort_ro l} {object freq s}
                     {llen l} {scard st} {sinter st st} {zcard z} {getbit s 0}
                     {bitcount s} {lpos l a} {hlen h} {set s 1} {del s} {get live}} {
        ask {*}$command
    }
    note [s expired_keys] [expr {[r memory usage s] > 0}]
    say $link [words {append s +} {incr n} {rpush l b} {persist s} {persist l} {get s} {set done 1}]
    wait_for_condition 100 10 {[r get done] == 1} else {fail "not done"}
    foreach command {{get s} {get n} {lrange l 0 -1} {dbsize}} {ask {*}$command}
    r config set replica-read-only no
    foreach command {{get n} {incrby n 1} {hset h g w} {hgetall h} {getset z x} {set o 1 px 50}
                     {expire live -1} {get live} {dbsize}} {
        ask {*}$command
    }
    after 400
    foreach command {{get o} {exists o live} {dbsize}} {ask {*}$command}
    note [s slave_expires_tracked_keys]
}

# Every command that both have, with as many words as it needs.
proc all_commands {} {
    set skipped {shutdown debug replicaof slaveof sync psync monitor quit reset failover
                 restore-asking subscribe psubscribe ssubscribe unsubscribe punsubscribe
                 sunsubscribe client sleep auth hello cluster config module migrate lolwut select multi}
    set commands {}
    foreach row [r command] {
        lassign $row name arity
        if {$name in $skipped || [string match *.* $name]} continue
        lappend commands [concat [list $name] [lrepeat [expr {abs($arity) - 1}] 1]]
    }
    return [lsort $commands]
}

# The first word of the reply's error, or nothing.
proc verdict command {
    if {![catch {r {*}$command} reply]} {return ""}
    set code [lindex [split $reply] 0]
    return [expr {$code in {READONLY MASTERDOWN LOADING} ? $code : ""}]
}

both "every command is let through or refused alike, on a replica in step and on one that is not" \
        {replica-serve-stale-data no} {
    greet $link
    full_copy $link [snapshot_of {}]
    link_is up
    # The real one is asked for the list of those that both have.
    set ::known($::noted) [all_commands]
    set verdicts {}
    foreach command $::known($::noted) {lappend verdicts [lindex $command 0] [verdict $command]}
    set ::verdicts($::noted,up) $verdicts
    close $link
    set link [accept_replica]
    set verdicts {}
    foreach command $::known($::noted) {lappend verdicts [lindex $command 0] [verdict $command]}
    set ::verdicts($::noted,down) $verdicts
    note done
}

test "... and they are" {
    if {[kit::have_real_server]} {
        foreach state {up down} {
            foreach {name verdict} $::verdicts(start_server,$state) {
                if {![dict exists $::verdicts(start_real_server,$state) $name]} continue
                set theirs [dict get $::verdicts(start_real_server,$state) $name]
                if {$verdict ne $theirs} {lappend differ "$state $name: '$verdict', real '$theirs'"}
            }
        }
    }
    expr {[info exists differ] ? [join $differ \n] : ""}
} {}
