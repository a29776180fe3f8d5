# replication_replica.tcl - a replica with a primary made by hand: each form of handshake, copy and
# stream, and cuts at each place; then what a replica is to its clients.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit fakeprimary.tcl]

# A replica of the fake primary at `port`, beside other settings.
proc start_replica {port overrides code} {
    set overrides [concat [list replicaof "127.0.0.1 $port" save {""}] $overrides]
    uplevel 1 [list start_server [list overrides $overrides] $code]
}

proc wait_link {{state up}} {
    wait_for_condition 200 20 {[s master_link_status] eq $state} else {
        fail "the link is not $state"
    }
}

proc wait_key {key value} {
    wait_for_condition 200 10 {[r get $key] eq $value} else {
        fail "$key is '[r get $key]', not '$value'"
    }
}

# The log says so, or will.
proc logged pattern {
    wait_for_log_messages 0 [list $pattern] 0 200 10
}

proc stream args {
    set bytes ""
    foreach words $args {append bytes [redis::encode $words]}
    return $bytes
}

# --- handshake -------------------------------------------------------------------------------

fake_primary port {
    start_replica $port {} {
        test "the handshake is Redis's, word by word" {
            set link [accept_replica]
            assert_equal [hear $link] PING
            say $link "+PONG\r\n"
            assert_equal [hear $link] [list REPLCONF listening-port [srv port]]
            assert_equal [hear $link] {REPLCONF capa eof capa psync2}
            say $link "+OK\r\n+OK\r\n"
            assert_equal [hear $link] {PSYNC ? -1}
            assert_equal [lrange [r role] 0 3] [list slave 127.0.0.1 $port handshake]
            assert_equal [s master_link_status] down
            assert_equal [s master_link_down_since_seconds] -1
        }
        test "empty lines keep the connection alive, before the reply and before the copy" {
            say $link "\n"
            after 100
            say $link "\r\n\n"
            say $link "+FULLRESYNC $fake_id 100\r\n"
            say $link "\n\n"
            wait_for_condition 100 20 {[s master_sync_in_progress] == 1} else {fail "no copy"}
            assert_equal [lindex [r role] 3] sync
            assert_equal [s master_sync_total_bytes] 0
            set copy [snapshot_of {a 1 b 2}]
            say $link "\n\$[string length $copy]\r\n[string range $copy 0 9]"
            wait_for_condition 100 20 {[s master_sync_read_bytes] == 10} else {fail "no bytes"}
            assert_equal [s master_sync_total_bytes] [string length $copy]
            assert_equal [s master_sync_left_bytes] [expr {[string length $copy] - 10}]
            say $link [string range $copy 10 end]
            wait_link
            r select 0
            assert_equal [list [r get a] [r get b] [s master_repl_offset] [s master_replid]] \
                [list 1 2 100 $fake_id]
            r select 9
            assert_equal [lindex [r role] 3] connected
        }
        test "what was executed is acknowledged, each second and when asked" {
            set bytes [stream {SELECT 9} {set a 5}]
            say $link $bytes
            wait_ack $link [expr {100 + [string length $bytes]}]
            set more [stream {REPLCONF GETACK *}]
            say $link $more
            wait_ack $link [expr {100 + [string length $bytes$more]}]
            r select 9
            assert_equal [r get a] 5
        }
        test "a command in pieces counts when it is whole" {
            set before [s master_repl_offset]
            set bytes [stream {set pieces whole}]
            foreach byte [split $bytes ""] {say $link $byte}
            wait_key pieces whole
            assert_equal [s slave_repl_offset] [expr {$before + [string length $bytes]}]
            say $link "*1\r\n\$4\r\nPI"
            after 50
            assert_equal [s slave_repl_offset] [expr {$before + [string length $bytes]}]
            assert_equal [s slave_read_repl_offset] [expr {$before + [string length $bytes] + 10}]
        }
        test "after a cut it asks for what follows what it executed" {
            set offset [s slave_repl_offset]
            close $link
            set link [accept_replica]
            assert_equal [greet $link] [list PSYNC $fake_id [expr {$offset + 1}]]
            say $link "+CONTINUE\r\n[stream {incr continued}]"
            wait_link
            wait_key continued 1
        }
        test "the database goes on where it was" {
            assert_equal [r get continued] 1
        }
        test "a transaction that was cut is executed once, as a whole, after the link is back" {
            say $link [stream {incr before} multi {incr inside}]
            wait_key before 1
            set offset [s slave_repl_offset]
            close $link
            set link [accept_replica]
            assert_equal [greet $link] [list PSYNC $fake_id [expr {$offset + 1}]]
            assert_equal [r get inside] {}
            say $link "+CONTINUE\r\n[stream multi {incr inside} {incr inside} exec {incr behind}]"
            wait_key behind 1
            assert_equal [list [r get before] [r get inside]] {1 2}
        }
        test "the history may have got a new id" {
            set offset [s slave_repl_offset]
            set new [string repeat ab 20]
            close $link
            set link [accept_replica]
            greet $link
            say $link "+CONTINUE $new\r\n"
            wait_link
            assert_equal [list [s master_replid] [s master_replid2] [s second_repl_offset]] \
                [list $new $fake_id [expr {$offset + 1}]]
        }
        test "what is no command brings a full copy" {
            say $link "*1\r\nbad\r\n"
            set link [accept_replica]
            assert_equal [greet $link] {PSYNC ? -1}
            full_copy $link [snapshot_of {fresh 1}] 7
            wait_link
            assert_equal [list [s master_repl_offset] [r dbsize]] {7 0}
            r select 0
            assert_equal [r keys *] fresh
            r select 9
        } OK
    }
}

fake_primary port {
    set announced {masterauth secret masteruser anna replica-announce-ip 10.1.2.3
                   replica-announce-port 1234}
    start_replica $port $announced {
        test "AUTH, port and address are sent as configured" {
            set link [accept_replica]
            hear $link
            say $link "-NOAUTH Authentication required.\r\n"
            assert_equal [hear $link] {AUTH anna secret}
            assert_equal [hear $link] {REPLCONF listening-port 1234}
            assert_equal [hear $link] {REPLCONF ip-address 10.1.2.3}
            assert_equal [hear $link] {REPLCONF capa eof capa psync2}
        }
        test "a refused password ends the attempt" {
            say $link "-WRONGPASS no\r\n"
            logged "*Unable to AUTH to MASTER: -WRONGPASS no*"
            set link [accept_replica]
            greet $link
        } {PSYNC ? -1}
        test "an old primary that knows neither REPLCONF nor PSYNC is asked by SYNC" {
            close $link
            r config set masterauth ""
            set link [accept_replica]
            hear $link
            say $link "+PONG\r\n"
            hear $link; hear $link; hear $link
            say $link "-ERR unknown\r\n-ERR unknown\r\n-ERR unknown\r\n"
            hear $link
            say $link "-ERR unknown command 'PSYNC'\r\n"
            assert_equal [hear $link] SYNC
            set copy [snapshot_of {old 1}]
            say $link "\$[string length $copy]\r\n$copy[stream {SELECT 9} {set new 1}]"
            wait_link
            wait_key new 1
        }
        test "an old primary gets no acknowledgements, and no partial copy is asked for" {
            after 1200
            fconfigure $link -blocking 0
            assert_equal [read $link] ""
            close $link
            set link [accept_replica]
            greet $link
        } {PSYNC ? -1}
    }
}

fake_primary port {
    start_replica $port {} {
        foreach {answer pattern} {
            "-LOADING Redis is loading" "*Master is currently unable to PSYNC but should be in the\
                                        future: -LOADING*"
            "-NOMASTERLINK Can't SYNC" "*unable to PSYNC*-NOMASTERLINK*"
        } {
            test "PSYNC answered by '$answer' is asked again" {
                set link [accept_replica]
                greet $link
                say $link "$answer\r\n"
                assert_equal [greet [set link [accept_replica]]] {PSYNC ? -1}
                logged $pattern
                close $link
            } {}
        }
        test "an error instead of PONG ends the attempt" {
            set link [accept_replica]
            hear $link
            say $link "-BUSY no\r\n"
            set link [accept_replica]
            logged "*Error reply to PING from master: '-BUSY no'*"
            close $link
        } {}
        test "a refused copy ends the attempt" {
            set link [accept_replica]
            greet $link
            say $link "+FULLRESYNC $fake_id 0\r\n-ERR no copy today\r\n"
            set link [accept_replica]
            logged "*MASTER aborted replication with an error: -ERR no copy today*"
            greet $link
            say $link "+FULLRESYNC $fake_id 0\r\nGARBAGE\r\n"
            set link [accept_replica]
            logged "*Bad protocol from MASTER, the first byte is not '$'*"
            close $link
        } {}
    }
}

# --- copies ----------------------------------------------------------------------------------

foreach {load how} {disabled disk on-empty-db parser} {
    fake_primary port {
        start_replica $port [list repl-diskless-load $load] {
            test "a copy with a length ends where it says ($how)" {
                set link [accept_replica]
                greet $link
                set copy [snapshot_of {a 1 b 2}]
                say $link "+FULLRESYNC $fake_id 0\r\n\$[string length $copy]\r\n$copy[stream \
                    {SELECT 9} {set s 1}]"
                wait_link
                wait_key s 1
                assert_equal [s slave_repl_offset] [string length [stream {SELECT 9} {set s 1}]]
                logged "*receiving [string length $copy] bytes from master to $how*"
            }
        }
    }
    fake_primary port {
        start_replica $port [list repl-diskless-load $load] {
            test "a copy with a mark ends behind it ($how)" {
                set link [accept_replica]
                greet $link
                full_copy_marked $link [snapshot_of {a 1 b 2}] 0 [stream {SELECT 9} {set s 1}]
                wait_link
                wait_key s 1
                r select 0
                assert_equal [lsort [r keys *]] {a b}
                r select 9
                logged "*receiving streamed RDB from master with EOF to $how*"
            }
            test "a mark in pieces is found too ($how)" {
                r replicaof no one
                r flushall
                r replicaof 127.0.0.1 $port
                set link [accept_replica]
                greet $link
                say $link "+FULLRESYNC $fake_id 0\r\n\$EOF:$fake_mark\r\n"
                set long [string repeat x 70000]
                set bytes [snapshot_of [list long $long]]
                append bytes $fake_mark
                for {set at 0} {$at < [string length $bytes]} {incr at 7001} {
                    say $link [string range $bytes $at [expr {$at + 6960}]]
                    after 3
                    say $link [string range $bytes [expr {$at + 6961}] [expr {$at + 7000}]]
                }
                wait_link
                r select 0
                assert_equal [string length [r get long]] 70000
                r select 9
            } OK
            test "a bad copy is not taken, and asked for again ($how)" {
                r replicaof no one
                r flushall
                r replicaof 127.0.0.1 $port
                set link [accept_replica]
                greet $link
                set bytes [snapshot_of {a 1 b 2}]
                full_copy $link [string replace $bytes 20 20 z]
                set link [accept_replica]
                assert_equal [greet $link] {PSYNC ? -1}
                r select 0
                assert_equal [r dbsize] 0
                r select 9
                full_copy $link $bytes
                wait_link
            }
        }
    }
}

fake_primary port {
    start_replica $port {} {
        test "a copy that is cut leaves the old data as it was (disk)" {
            set link [accept_replica]
            greet $link
            full_copy $link [snapshot_of {old 1}]
            wait_link
            close $link
            set bytes [snapshot_of {new 1}]
            for {set at 0} {$at < [string length $bytes]} {incr at 6} {
                set link [accept_replica]
                greet $link
                say $link "+FULLRESYNC $fake_id 0\r\n\$[string length $bytes]\r\n"
                say $link [string range $bytes 0 [expr {$at - 1}]]
                close $link
                r select 0
                assert_equal [r keys *] old
                r select 9
            }
            assert_equal [glob -nocomplain [file join [srv dir] temp-*]] {}
        } {}
        test "the same with a mark" {
            set link [accept_replica]
            greet $link
            say $link "+FULLRESYNC $fake_id 0\r\n\$EOF:$fake_mark\r\n"
            say $link $bytes[string range $fake_mark 0 38]
            close $link
            set link [accept_replica]
            greet $link
            r select 0
            assert_equal [r keys *] old
            full_copy $link $bytes
            wait_link
            assert_equal [r keys *] new
            r select 9
        } OK
    }
}

fake_primary port {
    start_replica $port {repl-diskless-load swapdb appendonly yes} {
        set bytes [snapshot_of [list new 1 long [string repeat x 3000]]]
        proc half_a_copy {link bytes id} {
            say $link "+FULLRESYNC $id 500\r\n\$[string length $bytes]\r\n"
            say $link [string range $bytes 0 100]
        }
        test "a later state of the same data is loaded aside, with the old one served (swapdb)" {
            set link [accept_replica]
            greet $link
            full_copy $link [snapshot_of {old 1}]
            wait_link
            r select 0
            close $link
            set link [accept_replica]
            assert_equal [greet $link] [list PSYNC $fake_id 1]
            half_a_copy $link $bytes $fake_id
            wait_for_condition 100 20 {[s async_loading] == 1} else {fail "it is not loaded aside"}
            assert_equal [list [s loading] [r get old] [r dbsize]] {0 1 1}
            assert_error "READONLY*" {r set a 1}
            assert_error "LOADING*" {r replicaof no one}
            assert_equal [s master_link_status] down
        } {}
        test "when it is cut the old data is as it was" {
            close $link
            set link [accept_replica]
            assert_equal [greet $link] {PSYNC ? -1}
            assert_equal [list [s async_loading] [r keys *]] {0 old}
        }
        test "other data is loaded aside too, but the old one is not served" {
            half_a_copy $link $bytes [string repeat e 40]
            wait_for_condition 100 20 {[s loading] == 1} else {fail "it is not loaded"}
            assert_error "LOADING*" {r get old}
            close $link
            set link [accept_replica]
            assert_equal [r keys *] old
            greet $link
        } {PSYNC ? -1}
        test "at its end it takes the place of the old data" {
            full_copy $link $bytes 500 [string repeat e 40]
            wait_link
            assert_equal [lsort [r keys *]] {long new}
            assert_equal [list [s master_repl_offset] [s master_replid]] \
                [list 500 [string repeat e 40]]
            wait_for_condition 100 50 {
                [s aof_rewrite_in_progress] == 0 && [s aof_rewrite_scheduled] == 0
            } else {fail "it is being rewritten"}
            restart_server 0 true false
            r select 0
            assert_equal [lsort [r keys *]] {long new}
            r select 9
        } OK
    }
}

# --- time ------------------------------------------------------------------------------------

fake_primary port {
    start_replica $port {repl-timeout 1} {
        test "silence ends each stage after repl-timeout" {
            set link [accept_replica]
            set link [accept_replica]
            logged "*Timeout connecting to the MASTER...*"
            greet $link
            say $link "+FULLRESYNC $fake_id 0\r\n\$1000\r\nREDIS"
            set link [accept_replica]
            logged "*Timeout receiving bulk data from MASTER...*"
            greet $link
            full_copy $link [snapshot_of {}]
            wait_link
            set link [accept_replica]
            logged "*MASTER timeout: no data nor PING received...*"
        }
    }
}

fake_primary port {
    start_replica $port {repl-timeout 1 repl-diskless-load on-empty-db} {
        test "so it does while a copy is loaded as it comes, with clients served meanwhile" {
            set link [accept_replica]
            greet $link
            say $link "+FULLRESYNC $fake_id 0\r\n\$1000\r\nREDIS"
            wait_for_condition 50 20 {[s loading] == 1} else {fail "it does not load"}
            assert_error "LOADING*" {r get a}
            set link [accept_replica]
            logged "*Failed trying to load the MASTER synchronization DB from socket*"
            assert_equal [r get a] {}
        } {}
    }
}

# --- what garbage does -----------------------------------------------------------------------

fake_primary port {
    start_replica $port {repl-diskless-load on-empty-db} {
        test "a primary that sends garbage at any stage ends nothing but its link" {
            expr {srand(12345)}
            for {set round 0} {$round < 36} {incr round} {
                set link [accept_replica]
                set stage [expr {$round % 6}]
                set junk [randstring 1 600 binary]
                catch {
                    if {$stage == 0} {say $link $junk}
                    if {$stage == 1} {hear $link; say $link "+PONG\r\n$junk\r\n"}
                    if {$stage >= 2} {greet $link}
                    if {$stage == 2} {say $link "+FULLRESYNC $junk\r\n"}
                    if {$stage == 3} {say $link "+FULLRESYNC $fake_id 1\r\n\$$junk\r\n"}
                    if {$stage == 4} {
                        say $link "+FULLRESYNC $fake_id 1\r\n\$500\r\nREDIS0010$junk"
                        say $link [string repeat \0 500]
                    }
                    if {$stage == 5} {
                        set copy [snapshot_of {a 1}]
                        full_copy $link $copy
                        say $link $junk\r\n
                        after 20
                    }
                }
                catch {close $link}
                assert_equal [r ping] PONG
            }
        } {}
    }
}

# --- to its clients --------------------------------------------------------------------------

# Code with a replica in step, whose link is `link` and whose client is on database 0.
proc with_replica {overrides code} {
    upvar 1 link link port port
    fake_primary port {
        set all [concat [list replicaof "127.0.0.1 $port" save {""}] $overrides]
        start_server [list overrides $all] {
            set link [accept_replica]
            greet $link
            full_copy $link [snapshot_of {}]
            wait_link
            r select 0
            uplevel 1 $code
        }
    }
}

with_replica {} {
    test "writes are refused, also in a transaction, and reads go on" {
        assert_error "READONLY You can't write against a read only replica." {r set a 1}
        r multi
        assert_error "READONLY*" {r set a 1}
        assert_error "EXECABORT*" {r exec}
        assert_equal [r get a] {}
        say $link [stream {SELECT 0} {set a 1}]
        wait_key a 1
        r config set replica-read-only no
        assert_equal [r set b 1] OK
        r config set replica-read-only yes
        assert_error "READONLY*" {r set b 2}
    }

    test "the primary's commands that fail are told of" {
        say $link [stream {lpush a x} {nosuch command} {set after 1}]
        wait_key after 1
        logged "*== CRITICAL == This replica is sending an error to its master: *WRONGTYPE*after\
                processing the command 'lpush'*"
        logged "*== CRITICAL == *unknown command*<unknown>*"
        assert_equal [s unexpected_error_replies] 2
    }

    test "keys past their time are not there for clients, but for the primary's commands" {
        set soon [expr {[clock milliseconds] + 150}]
        say $link [stream [list set ttl 1 pxat $soon] [list set gone x pxat $soon]]
        wait_key ttl 1
        after 250
        assert_equal [list [r get ttl] [r exists ttl] [r ttl ttl] [r dbsize]] {{} 0 -2 5}
        assert_equal [lsort [r keys *]] {a after b}
        say $link [stream {append ttl more} {persist ttl} {del gone} {set done 1}]
        wait_key done 1
        assert_equal [list [r get ttl] [r exists gone] [s expired_keys]] {1more 0 0}
    }

    test "an expiry in the past is kept until the primary says DEL" {
        say $link [stream {set past 1} {pexpireat past 1000} {set done 2}]
        wait_key done 2
        assert_equal [list [r get past] [r object freq nosuch]] {{} {}}
        assert_equal [s expired_keys] 0
    }

    test "a pause of clients does not stop the primary's stream" {
        r client pause 100000 write
        say $link [stream {incr paused}]
        set ack [expr {[string length [stream {incr paused}]]}]
        set want [hear_ack $link]
        r client unpause
        wait_key paused 1
    } {}

    test "watched keys, messages and notifications follow the stream" {
        set other [redis_client]
        $other select 0
        set sub [redis_deferring_client]
        r config set notify-keyspace-events KEA
        $sub subscribe channel __keyevent@0__:set
        $sub read; $sub read
        $other watch w
        say $link [stream {set w 1} {publish channel hello}]
        assert_equal [list [$sub read] [$sub read]] \
            {{message __keyevent@0__:set w} {message channel hello}}
        $other multi
        $other ping
        assert_equal [$other exec] {}
        $other close
        $sub close
    }

    test "the client of the primary has its flag, and can be ended by its type" {
        assert_match "*flags=M *" [r client list type master]
        set offset [s slave_repl_offset]
        assert_equal [r client kill type master] 1
        set link [accept_replica]
        assert_equal [greet $link] [list PSYNC $fake_id [expr {$offset + 1}]]
        say $link "+CONTINUE\r\n"
        wait_link
    }

    test "blocked clients are let go when the role changes" {
        set blocked [redis_deferring_client]
        r replicaof no one
        $blocked blpop list 0
        wait_for_blocked_client
        r replicaof 127.0.0.1 $port
        assert_error "UNBLOCKED force unblock from blocking operation, instance state changed\
                (master -> replica?)" {
            $blocked read
        }
        assert_error "*" {$blocked ping; $blocked read}
        $blocked close
        set link [accept_replica]
    } {*}
}

with_replica {replica-serve-stale-data no} {
    test "data that may be old is refused while the link is down" {
        assert_equal [r get a] {}
        close $link
        set link [accept_replica]
        assert_error "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to\
                'no'." {r get a}
        assert_error "MASTERDOWN*" {r multi; r get a}
        assert_error "*" {r exec}
        assert_match "*role:slave*" [r info replication]
        assert_error "MASTERDOWN*" {r ping}
        r config set replica-serve-stale-data yes
        assert_equal [r get a] {}
        r config set replica-serve-stale-data no
        assert_error "MASTERDOWN*" {r get a}
        greet $link
        say $link "+CONTINUE\r\n"
        wait_link
        assert_equal [r get a] {}
    } {}
}

with_replica {replica-read-only no} {
    test "a writable replica's own keys expire, the primary's do not" {
        set soon [expr {[clock milliseconds] + 100}]
        say $link [stream [list set theirs 1 pxat $soon] {set done 1}]
        wait_key done 1
        r set ours 1 px 100
        r set ours2 1 px 100
        assert_equal [s slave_expires_tracked_keys] 2
        wait_for_condition 100 20 {[s expired_keys] == 2} else {fail "they stay"}
        assert_equal [list [r get theirs] [r dbsize] [s slave_expires_tracked_keys]] {{} 2 0}
        assert_equal [r append theirs more] 4
    }
}

# --- roles -----------------------------------------------------------------------------------

with_replica {} {
    test "REPLICAOF replies as Redis does" {
        assert_equal [r replicaof 127.0.0.1 $port] "OK Already connected to specified master"
        assert_error "ERR Invalid master port" {r replicaof 127.0.0.1 70000}
        assert_error "ERR Invalid master port" {r replicaof 127.0.0.1 x}
        assert_equal [r config get replicaof] [list replicaof "127.0.0.1 $port"]
        assert_equal [r config get slaveof] [list slaveof "127.0.0.1 $port"]
        assert_error "*immutable*" {r config set replicaof "127.0.0.1 1"}
    } {}

    test "a promoted replica goes on under a new id, with the old one as the second" {
        say $link [stream {SELECT 0} {set a 1}]
        wait_key a 1
        set offset [s slave_repl_offset]
        assert_equal [r replicaof no one] OK
        assert_equal [r role] [list master $offset {}]
        assert_equal [list [s role] [s master_replid2] [s second_repl_offset] \
            [s master_repl_offset]] [list master $fake_id [expr {$offset + 1}] $offset]
        assert_not_equal [s master_replid] $fake_id
        assert_equal [r set b 1] OK
        assert_equal [r replicaof no one] OK
    } {}

    test "its fellow replicas can follow it without a copy" {
        set fd [redis::open_channel [srv host] [srv port]]
        say $fd "PSYNC $fake_id $offset\r\n"
        assert_equal [gets $fd] "+CONTINUE\r"
        close $fd
    } {}

    test "a primary that becomes a replica asks to go on from its own history" {
        wait_for_condition 50 20 {[s connected_slaves] == 0} else {fail "it is there still"}
        set id [s master_replid]
        set offset [s master_repl_offset]
        r replicaof 127.0.0.1 $port
        set link [accept_replica]
        assert_equal [greet $link] [list PSYNC $id [expr {$offset + 1}]]
        say $link "+CONTINUE $fake_id\r\n"
        wait_link
        assert_equal [list [s master_replid] [s master_replid2]] [list $fake_id $id]
    }
}

fake_primary port {
    start_server {overrides {save {""}}} {
        test "a name is looked up, and CONFIG REWRITE keeps the role" {
            r replicaof localhost $port
            set link [accept_replica]
            greet $link
            full_copy $link [snapshot_of {a 1}]
            wait_link
            r config rewrite
            restart_server 0 true false
            set link [accept_replica]
            greet $link
            assert_equal [lrange [r role] 0 2] [list slave localhost $port]
            r replicaof no one
            r config rewrite
            restart_server 0 true false
            s role
        } master
        test "a name that is none is told of, and nothing stands still meanwhile" {
            r replicaof no.such.name.invalid $port
            wait_for_log_messages 0 {"*Unable to connect to MASTER: *"} 0 100 50
            assert_equal [r ping] PONG
            r replicaof no one
        } OK
    }
}

# --- restarts --------------------------------------------------------------------------------

fake_primary port {
    start_replica $port {} {
        test "a replica that is restarted goes on where its snapshot stood" {
            set link [accept_replica]
            greet $link
            full_copy $link [snapshot_of {a 1} {repl-stream-db 4}] 1000
            wait_link
            say $link [stream {set before 1}]
            r select 4
            wait_key before 1
            set offset [s slave_repl_offset]
            r config set save "3600 100"
            restart_server 0 true false
            set link [accept_replica]
            assert_equal [greet $link] [list PSYNC $fake_id [expr {$offset + 1}]]
            say $link "+CONTINUE\r\n[stream {set behind 1}]"
            wait_link
            r select 4
            wait_key behind 1
            assert_equal [r get before] 1
            r select 9
        } OK
    }
}

fake_primary port {
    start_replica $port {appendonly yes} {
        test "with an append-only file a full copy begins it anew" {
            set link [accept_replica]
            greet $link
            full_copy $link [snapshot_of {a 1}]
            wait_link
            say $link [stream {SELECT 0} {set b 2}]
            r select 0
            wait_key b 2
            wait_for_condition 100 50 {
                [s aof_rewrite_in_progress] == 0 && [s aof_rewrite_scheduled] == 0
            } else {fail "it is being rewritten"}
            say $link [stream {set c 3}]
            wait_key c 3
            set ack [stream {REPLCONF GETACK *}]
            say $link $ack
            while {[llength [set words [hear $link]]] < 5} {}
            assert_equal [lindex $words 3] FACK
            restart_server 0 true false
            r select 0
            assert_equal [list [r get a] [r get b] [r get c]] {1 2 3}
            set link [accept_replica]
            assert_equal [greet $link] {PSYNC ? -1}
        }
    }
}

foreach {who start} {"" start_server " that is the real server" start_real_server} {
    if {$start eq "start_real_server" && ![kit::have_real_server]} continue
    start_server {overrides {save {3600 1} repl-diskless-sync-delay 0}} {
        $start [list overrides [list replicaof "127.0.0.1 [srv port]" save {""}]] {
            test "a primary that is restarted goes on with its replica$who" {
                wait_link
                set primary [srv -1 client]
                $primary set goes 1 px 400
                $primary set stays 1
                wait_key stays 1
                set id [s -1 master_replid]
                set offset [s -1 master_repl_offset]
                restart_server -1 true false
                set primary [srv -1 client]
                wait_link
                assert_equal [list [s -1 sync_full] [s -1 sync_partial_ok]] {0 1}
                assert_equal [list [s -1 master_replid2] [s -1 second_repl_offset]] \
                    [list $id [expr {$offset + 1}]]
                wait_for_condition 100 50 {[r dbsize] == 1 && [$primary dbsize] == 1} else {
                    fail "the key whose time was over stays"
                }
                assert_equal [debug_digest] [debug_digest -1]
            }
            test "and with one that is restarted$who" {
                r config set save "3600 1"
                restart_server 0 true false
                wait_link
                [srv -1 client] set more 1
                wait_key more 1
                assert_equal [list [s -1 sync_full] [s -1 sync_partial_ok]] {0 2}
                assert_equal [debug_digest] [debug_digest -1]
            }
        }
    }
}

foreach load {disabled on-empty-db swapdb} {
    fake_primary port {
        set options [list replicaof "127.0.0.1 $port" save {""} repl-diskless-load $load]
        set server [start_server [list overrides $options]]
        test "the server ends in the middle of a copy (repl-diskless-load $load)" {
            set client [dict get $server client]
            set link [accept_replica]
            greet $link
            say $link "+FULLRESYNC $fake_id 0\r\n\$1000\r\nREDIS0010"
            wait_for_condition 100 20 {
                [status $client master_sync_in_progress] == 1
            } else {fail "no copy"}
            after 100
            catch {$client shutdown nosave}
            wait_for_condition 100 50 {![is_alive $server]} else {fail "it lives"}
            set dir [file dirname [dict get $server stdout]]
            assert_equal [glob -nocomplain $dir/temp-*] {}
            assert_match "*ready to exit, bye bye*" [kit::read_file [dict get $server stdout]]
            assert_no_match "*left * bytes behind*" [kit::read_file [dict get $server stdout]]
        }
    }
}
