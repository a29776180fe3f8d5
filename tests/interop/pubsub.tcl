# pubsub.tcl - listeners and publishers beside the real server, and the events of keys.
#
# Declared differences: to a client that publishes to itself 7.0 sends the message in the middle of
# the reply, 7.2 and Keel after it; what hash tables order (patterns that match one message,
# UNSUBSCRIBE without arguments) is compared in any order.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]
source [file join $kit::home kit random.tcl]
foreach path [lsort [glob [file join $kit::home interop grammar *.tcl]]] {source $path}

proc alike commands {
    assert_equal [transcript 0 $commands] [transcript -1 $commands] $commands
}

# A listener on each server, in RESP`protocol`; `hear` sends it a command, `heard` is all that it got
# until now, in pieces that are whole replies.
proc listeners protocol {
    set fds {}
    foreach level {0 -1} {
        set fd [redis::open_channel [srv $level host] [srv $level port]]
        puts -nonewline $fd [redis::encode [list hello $protocol]]
        flush $fd
        redis::raw_reply_from $fd
        lappend fds $fd
    }
    return $fds
}
proc hear {fds args} {
    foreach fd $fds {
        puts -nonewline $fd [redis::encode $args]
        flush $fd
    }
}
# A PING through each listener marks the end.
proc heard fds {
    hear $fds ping the-end
    foreach fd $fds {
        set got {}
        while {![string match "*the-end\r\n" [set reply [redis::raw_reply_from $fd]]]} {
            lappend got $reply
        }
        lappend out $got
    }
    return $out
}

start_pair {tags {interop}} {
    foreach protocol {2 3} {
        test "subscribing is answered alike in RESP$protocol" {
            set first [list [list client setname x] [list reset]]
            if {$protocol == 3} {set first {{debug sleep 0}}}
            foreach commands {
                {{subscribe a a b} {psubscribe a* a*} {ssubscribe a b a} {ping} {ping x}}
                {{unsubscribe} {punsubscribe} {sunsubscribe} {unsubscribe x y} {sunsubscribe z}}
                {{subscribe a} {unsubscribe} {ping} {ssubscribe b} {sunsubscribe} {ping}}
                {{subscribe a} {unsubscribe b} {unsubscribe a a} {psubscribe p} {punsubscribe}}
                {{subscribe a} {get x} {set x} {nosuch} {pubsub channels} {subscribe} {reset} {ping}}
                {{ssubscribe a} {get x} {config get x} {echo hi} {publish a b}}
                {{client reply off} {subscribe a} {ping} {unsubscribe a} {client reply on} {ping}}
                {{client reply skip} {subscribe a} {ping} {unsubscribe}}
                {{subscribe} {psubscribe} {ssubscribe} {publish} {publish a} {publish a b c}}
                {{spublish a} {spublish a b} {pubsub} {pubsub foo} {pubsub channels a b}}
                {{pubsub numpat x} {pubsub numsub} {pubsub numsub a b} {pubsub shardchannels a b}}
                {{pubsub shardnumsub} {pubsub shardnumsub a b} {pubsub help x} {pubsub channels}}
                {{config set notify-keyspace-events KEx!} {config set notify-keyspace-events mEKnA}
                    {config get notify-keyspace-events} {config set notify-keyspace-events ""}}
            } {
                if {$protocol == 3} {set commands [concat {{hello 3}} $commands]}
                set ours [transcript 0 $commands]
                set theirs [transcript -1 $commands]
                if {$protocol == 3} {
                    # The first reply describes the server.
                    foreach name {ours theirs} {
                        regsub {^.*?modules\r\n\*0\r\n} [set $name] {} $name
                    }
                }
                assert_equal $ours $theirs $commands
            }
        }

        test "PUBSUB HELP is alike in RESP$protocol" {
            same hello $protocol
            same pubsub help
        }

        test "random subscriptions and messages are alike in RESP$protocol" {
            expr {srand(7 + $protocol)}
            set fds [listeners $protocol]
            set channels {a b ab abc news.x "" "sp ace" [x] *}
            set patterns {* a* ?b* {[ab]*} {news.?} {\\*} "" {[^a]} a*c ** {[x]} {[a-}}
            array set count {subscribe 0 psubscribe 0 ssubscribe 0}
            for {set i 0} {$i < 3000} {incr i} {
                set channel [lindex $channels [randomInt [llength $channels]]]
                set pattern [lindex $patterns [randomInt [llength $patterns]]]
                switch [randomInt 10] {
                    0 {hear $fds subscribe $channel; hear $fds ping}
                    1 {hear $fds psubscribe $pattern}
                    2 {hear $fds ssubscribe $channel}
                    3 {hear $fds unsubscribe $channel}
                    4 {hear $fds punsubscribe $pattern}
                    5 {hear $fds sunsubscribe $channel}
                    default {
                        # What was sent before has arrived.
                        lassign [heard $fds] ours theirs
                        assert_equal [lsort $ours] [lsort $theirs]
                        same publish $channel "message $i"
                        same spublish $channel "shard $i"
                        same pubsub numsub {*}$channels
                        same pubsub shardnumsub {*}$channels
                        same pubsub numpat
                    }
                }
            }
            lassign [heard $fds] ours theirs
            assert_equal [lsort $ours] [lsort $theirs]
            foreach fd $fds {close $fd}
        }
    }

    test "patterns match channels alike" {
        set fds [listeners 3]
        expr {srand(5)}
        for {set i 0} {$i < 400} {incr i} {
            set pattern ""
            for {set n [randomInt 8]} {$n > 0} {incr n -1} {
                append pattern [lindex {a b * ? [ab] [^a] [a-c] \\* \\ [ ] c} [randomInt 12]]
            }
            set channel ""
            for {set n [randomInt 6]} {$n > 0} {incr n -1} {
                append channel [lindex {a b c * \\ [} [randomInt 6]]
            }
            hear $fds psubscribe $pattern
            lassign [heard $fds] ours theirs
            assert_equal $ours $theirs
            same publish $channel x
            lassign [heard $fds] ours theirs
            assert_equal $ours $theirs "$pattern against $channel"
            hear $fds punsubscribe
            heard $fds
        }
        foreach fd $fds {close $fd}
    }
}

# Events of the same random commands must come in the same order. What depends on the moment, the
# end of a key's time, is left to classes that are not subscribed to.
start_pair {overrides {proto-max-bulk-len 1mb} tags {interop slow}} {
    test "every command announces the real server's events" {
        gen::restrict {string bitmap generic} {}
        expr {srand(11)}
        same config set notify-keyspace-events KEAn
        set fds [listeners 3]
        hear $fds psubscribe "__keyevent@*" "__keyspace@*"
        heard $fds
        array set seen {}
        for {set i 0} {$i < 300} {incr i} {
            set commands {}
            for {set n 0} {$n < 20} {incr n} {
                set command [gen::command]
                # Times that pass during the test make expiries that nobody can compare; OBJECT's
                # and SCAN's replies are other tests' matter.
                if {[string tolower [lindex $command 0]] in {flushall flushdb swapdb debug}} continue
                # The real server makes room for what then overflows, and tells nobody of it.
                if {[string match -nocase "bitfield * fail *" $command]} continue
                lappend commands $command
            }
            pair::exchange $commands
            lassign [heard $fds] ours theirs
            foreach name {ours theirs} {
                set kept {}
                foreach message [set $name] {
                    if {![string match "*expired*" $message]} {lappend kept $message}
                }
                set $name $kept
            }
            if {$ours ne $theirs} {
                set at 0
                while {[lindex $ours $at] eq [lindex $theirs $at]} {incr at}
                fail "event $at differs: [kit::shown [lindex $ours $at] 200] here,\
                    [kit::shown [lindex $theirs $at] 200] there, in\
                    [join [lmap c $commands {pair::show_command $c}] \n]"
            }
            foreach message $ours {
                if {[regexp {__keyevent@\d+__:(\S+)} $message -> event]} {incr seen($event)}
            }
        }
        foreach event {set del expire incrby append setrange rename_from rename_to setbit new
            copy_to persist incrbyfloat move_from move_to restore} {
            assert {[info exists seen($event)]} $event
        }
        foreach fd $fds {close $fd}
    }
}
