# replication_primary.tcl - what a primary says to those who copy it, word for word: replicas made by
# hand, over sockets.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit peer.tcl]

proc replica_line {{index 0}} {return [s slave$index]}
proc wait_replicas {count} {
    wait_for_condition 100 20 {[s connected_slaves] == $count} else {
        fail "there are [s connected_slaves] replicas, not $count"
    }
}
proc wait_offset {fd {level 0}} {peer_say $fd "REPLCONF ACK [s $level master_repl_offset]"}

# ---- copies ------------------------------------------------------------------------------------

start_server {tags {repl} overrides {repl-diskless-sync-delay 0 save ""}} {
    test "A primary without replicas has no backlog" {
        r set a 1
        assert_equal [s repl_backlog_active] 0
        assert_equal [s repl_backlog_first_byte_offset] 0
        assert_equal [s master_repl_offset] 0
        assert_equal [s master_failover_state] no-failover
        assert_equal [r role] {master 0 {}}
    }
    test "PSYNC for all: the id, the offset, a copy between marks, and silence until it is acked" {
        set p [peer_open]
        assert_equal [peer_ask $p "REPLCONF listening-port 4711"] +OK
        assert_equal [peer_ask $p "REPLCONF capa eof capa psync2 capa nonsense"] +OK
        lassign [peer_sync $p] id offset payload
        assert_equal $id [s master_replid]
        assert_equal $offset 0
        assert_match "REDIS00*" $payload
        r set b 2
        assert_equal [peer_pending $p] ""
        peer_say $p "REPLCONF ACK 0"
        assert_equal [peer_command $p] {SELECT 9}
        assert_equal [peer_command $p] {set b 2}
        assert_match "ip=127.0.0.1,port=4711,state=online,offset=0,lag=\[01\]" [replica_line]
        peer_say $p "REPLCONF ACK [s master_repl_offset]"
        wait_for_condition 50 20 {[lindex [r role] 2] eq \
            [list [list 127.0.0.1 4711 [s master_repl_offset]]]} else {fail [r role]}
    }
    test "What was missed comes from the backlog, byte for byte" {
        set from [expr {[s master_repl_offset] + 1}]
        peer_close $p
        r set c 3
        r set d 4
        wait_replicas 0
        set p [peer_open]
        assert_equal [peer_ask $p "PSYNC $id $from"] "+CONTINUE"
        assert_equal [peer_bytes $p 54] "*3\r\n\$3\r\nset\r\n\$1\r\nc\r\n\$1\r\n3\r\n*3\r\n\$3\r\nset\r\n\$1\r\nd\r\n\$1\r\n4\r\n"
        set q [peer_open]
        peer_ask $q "REPLCONF capa psync2"
        assert_equal [peer_ask $q "PSYNC [string toupper $id] $from"] "+CONTINUE $id"
        assert_equal [peer_command $q] {set c 3}
        assert_equal [s sync_partial_ok] 2
        assert_equal [s sync_full] 1
        assert_equal [s sync_partial_err] 0
        r set e 5
        assert_equal [peer_command $p] {set e 5}
        foreach expected {{set d 4} {set e 5}} {assert_equal [peer_command $q] $expected}
    }
    test "At the stream's very end there is nothing to miss" {
        set q2 [peer_open]
        assert_equal [peer_ask $q2 "PSYNC $id [expr {[s master_repl_offset] + 1}]"] "+CONTINUE"
        r set e 6
        assert_equal [peer_command $q2] {set e 6}
        peer_close $q2
    }
    test "Another history, or bytes that are not there, need a full copy" {
        foreach {who offset log} {
            aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1 "*Replication ID mismatch (Replica asked for 'aaaaaaaa*"
            {} 0 "*for lack of backlog (Replica request was: 0)*"
            {} 99999999 "*greater than the master replication offset*"
        } {
            set lines [count_log_lines 0]
            set errors [s sync_partial_err]
            set n [peer_open]
            peer_ask $n "REPLCONF capa eof"
            peer_sync $n [expr {$who eq "" ? $id : $who}] $offset
            verify_log_message 0 $log $lines
            assert_equal [s sync_partial_err] [expr {$errors + 1}]
            peer_close $n
        }
        wait_replicas 2
    }
    test "PSYNC with an offset that is no number is refused" {
        set n [peer_open]
        assert_match "-ERR value is not an integer*" [peer_ask $n "PSYNC ? x"]
        peer_close $n
    }
    test "PSYNC behind replies that still wait is refused" {
        set n [peer_open]
        puts -nonewline $n "PING\r\nPSYNC ? -1\r\n"
        assert_equal [peer_line $n] +PONG
        assert_match "-ERR SYNC and PSYNC are invalid with pending output*" [peer_line $n]
        peer_close $n
    }
    test "PSYNC FAILOVER is nothing for a primary" {
        set n [peer_open]
        assert_match "-ERR PSYNC FAILOVER can't be sent to a master*" [peer_ask $n "PSYNC $id 1 FAILOVER"]
        peer_close $n
    }
    test "SYNC gets a length, the copy, and the stream right behind it" {
        set n [peer_open]
        peer_say $n SYNC
        assert_match "REDIS*" [peer_payload $n]
        r set g 7
        assert_equal [peer_command $n] {SELECT 9}
        assert_equal [peer_command $n] {set g 7}
        assert_match "*port=0,state=online,offset=0*" [replica_line 2]
        peer_close $n
        wait_replicas 2
    }
    test "A replica that asks again is not listened to" {
        peer_say $p "PSYNC ? -1"
        peer_say $p "SYNC"
        r set h 8
        while {[set words [peer_command $p]] ne {set h 8}} {}
        assert_equal [s connected_slaves] 2
    }
    test "CLIENT LIST shows replicas as such, CLIENT KILL finds them, RESET is not for them" {
        assert_equal [llength [split [string trim [r client list type replica]] \n]] 2
        assert_match "* flags=S *" [r client list type replica]
        assert_equal [r client kill type replica] 2
        peer_closed $p
        peer_closed $q
        wait_replicas 0
        verify_log_message 0 "*Connection with replica 127.0.0.1:*lost*" 0
        peer_close $p
        peer_close $q
    }
}

# ---- REPLCONF ----------------------------------------------------------------------------------

start_server {tags {repl} overrides {repl-diskless-sync-delay 0 save ""}} {
    test "REPLCONF takes pairs that it knows" {
        set p [peer_open]
        assert_equal [peer_ask $p "REPLCONF"] "+OK"
        assert_equal [peer_ask $p "REPLCONF capa"] "-ERR syntax error"
        assert_equal [peer_ask $p "REPLCONF hat green"] "-ERR Unrecognized REPLCONF option: hat"
        assert_equal [peer_ask $p "REPLCONF listening-port x"] "-ERR value is not an integer or out of range"
        assert_equal [peer_ask $p "REPLCONF rdb-only 2"] "-ERR value is out of range, value must between 0 and 1"
        assert_equal [peer_ask $p "REPLCONF ip-address [string repeat a 256]"] \
            "-ERR REPLCONF ip-address provided by replica instance is too long: 256 bytes"
        assert_equal [peer_ask $p "REPLCONF rdb-filter-only keys"] "-ERR Unsupported rdb-filter-only option: keys"
        assert_equal [peer_ask $p "REPLCONF rdb-filter-only '\"functions'"] "-ERR Missing rdb-filter-only values"
        peer_close $p
    }
    test "REPLCONF ACK and GETACK of whoever is no replica say nothing" {
        set p [peer_open]
        peer_say $p "REPLCONF ACK 5"
        peer_say $p "REPLCONF GETACK *"
        assert_equal [peer_ask $p PING] +PONG
        peer_close $p
    }
    test "An announced address is what the primary tells of" {
        set p [peer_open]
        peer_ask $p "REPLCONF ip-address there.example listening-port 1234 capa eof"
        peer_sync $p
        peer_say $p "REPLCONF ACK 0"
        wait_for_condition 50 20 {[lindex [r role] 2] eq {{there.example 1234 0}}} else {fail [r role]}
        assert_match "ip=there.example,port=1234,*" [replica_line]
        verify_log_message 0 "*Synchronization with replica there.example:1234 succeeded*" 0
        peer_close $p
        wait_replicas 0
    }
    test "rdb-only gets the copy and the end" {
        foreach capa {{} "capa eof"} {
            set p [peer_open]
            peer_ask $p "REPLCONF rdb-only 1 $capa"
            lassign [peer_sync $p] id offset payload
            assert_match "REDIS*" $payload
            assert_equal [peer_closed $p] 1
            wait_for_log_messages 0 {"*RDB transfer completed, rdb only replica (*) should be disconnected asap*"} 0 50 20
            peer_close $p
            wait_replicas 0
        }
    }
    test "rdb-filter-only leaves data out, and is never written to the file" {
        r set inside 1
        set p [peer_open]
        assert_equal [peer_ask $p "REPLCONF rdb-filter-only functions"] +OK
        assert_match "-ERR Filtered replica requires EOF capability*" [peer_ask $p "PSYNC ? -1"]
        peer_ask $p "REPLCONF capa eof"
        lassign [peer_sync $p] id offset payload
        assert_match "REDIS*" $payload
        assert_no_match "*inside*" $payload
        peer_close $p
        wait_replicas 0
        set p [peer_open]
        peer_ask $p "REPLCONF capa eof"
        assert_match "*inside*" [lindex [peer_sync $p] 2]
        peer_close $p
        wait_replicas 0
    }
}

# ---- copies that take their time ---------------------------------------------------------------

start_server {tags {repl} overrides {repl-diskless-sync yes repl-diskless-sync-delay 2 save ""}} {
    r debug populate 1000 key 100
    test "Replicas that come within the delay get one copy together" {
        foreach name {p q} {
            set $name [peer_open]
            peer_ask [set $name] "REPLCONF capa eof"
            peer_say [set $name] "PSYNC ? -1"
        }
        verify_log_message 0 "*Delay next BGSAVE for diskless SYNC*" 0
        assert_match "*state=wait_bgsave*" [replica_line]
        set forks [s total_forks]
        foreach name {p q} {
            assert_match "+FULLRESYNC * 0" [peer_line [set $name]]
            peer_payload [set $name]
        }
        assert_equal [s total_forks] [expr {$forks + 1}]
        wait_for_log_messages 0 {"*Diskless rdb transfer, done reading from pipe, 2 replicas still up*"} 0 50 20
        foreach name {p q} {peer_close [set $name]}
        wait_replicas 0
    }
    test "repl-diskless-sync-max-replicas makes an end to the delay" {
        r config set repl-diskless-sync-delay 1000 repl-diskless-sync-max-replicas 2
        foreach name {p q} {
            set $name [peer_open]
            peer_ask [set $name] "REPLCONF capa eof"
            peer_say [set $name] "PSYNC ? -1"
        }
        foreach name {p q} {
            assert_match "+FULLRESYNC *" [peer_line [set $name]]
            peer_payload [set $name]
            peer_close [set $name]
        }
        wait_replicas 0
        r config set repl-diskless-sync-delay 0 repl-diskless-sync-max-replicas 0
    }
    test "One that comes while a copy is on its way over the pipe waits for the next" {
        r config set rdb-key-save-delay 500
        set p [peer_open]
        peer_ask $p "REPLCONF capa eof"
        peer_say $p "PSYNC ? -1"
        peer_line $p
        set lines [count_log_lines 0]
        set q [peer_open]
        peer_ask $q "REPLCONF capa eof"
        peer_say $q "PSYNC ? -1"
        wait_for_log_messages 0 {"*Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC*"} $lines 50 20
        r config set rdb-key-save-delay 0
        peer_payload $p
        assert_match "+FULLRESYNC *" [peer_line $q]
        peer_payload $q
        peer_close $p
        peer_close $q
        wait_replicas 0
    }
    test "A replica that drops out leaves the copy to the others; with the last one it ends" {
        r config set rdb-key-save-delay 3000 repl-diskless-sync-delay 1
        foreach name {p q} {
            set $name [peer_open]
            peer_ask [set $name] "REPLCONF capa eof"
            peer_say [set $name] "PSYNC ? -1"
        }
        foreach name {p q} {assert_match "+FULLRESYNC *" [peer_line [set $name]]}
        set lines [count_log_lines 0]
        assert_equal [s rdb_bgsave_in_progress] 1
        peer_close $p
        wait_replicas 1
        assert_equal [s rdb_bgsave_in_progress] 1
        peer_close $q
        wait_for_log_messages 0 {"*Diskless rdb transfer, last replica dropped, killing fork child*"} $lines 100 20
        wait_for_condition 50 20 {[s rdb_bgsave_in_progress] == 0} else {fail "the child lives"}
        r config set rdb-key-save-delay 0 repl-diskless-sync-delay 0
    }
    test "FLUSHALL ends a copy over the pipe, and the replica is told by the closed connection" {
        r config set rdb-key-save-delay 3000
        set p [peer_open]
        peer_ask $p "REPLCONF capa eof"
        peer_say $p "PSYNC ? -1"
        assert_match "+FULLRESYNC *" [peer_line $p]
        set lines [count_log_lines 0]
        r flushall
        peer_closed $p
        wait_for_log_messages 0 {"*SYNC failed. BGSAVE child returned an error*"} $lines 50 20
        peer_close $p
        r config set rdb-key-save-delay 0
        wait_replicas 0
        r debug populate 1000 key 100
    }
    test "Empty lines keep the link alive while a copy is made on disk" {
        r config set repl-diskless-sync no rdb-key-save-delay 3000
        set p [peer_open]
        peer_say $p "PSYNC ? -1"
        assert_match "+FULLRESYNC *" [peer_line $p]
        assert_match "\n*" [peer_pending $p 2200]
        assert_equal [string trim [peer_pending $p 0] \n] ""
    }
    test "One that comes then joins that copy, and both get the stream since its begin" {
        set lines [count_log_lines 0]
        r set since 1
        set q [peer_open]
        peer_say $q "PSYNC ? -1"
        assert_match "+FULLRESYNC *" [peer_line $q]
        verify_log_message 0 "*Waiting for end of BGSAVE for SYNC*" $lines
        r config set rdb-key-save-delay 0
        set peer::patience 20000
        foreach fd [list $p $q] {
            assert_match "REDIS*" [peer_payload $fd]
            assert_equal [peer_command $fd] {SELECT 9}
            assert_equal [peer_command $fd] {set since 1}
            peer_close $fd
        }
        wait_replicas 0
    }
    test "A background save that nobody waited for is not for replicas" {
        r config set rdb-key-save-delay 1000
        r bgsave
        set lines [count_log_lines 0]
        set p [peer_open]
        peer_say $p "PSYNC ? -1"
        wait_for_log_messages 0 {"*Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC*"} $lines 50 20
        assert_match "*state=wait_bgsave*" [replica_line]
        r config set rdb-key-save-delay 0
        assert_match "+FULLRESYNC *" [peer_line $p]
        peer_payload $p
        peer_close $p
        wait_replicas 0
    }
    test "A copy waits for the end of another child's work" {
        r config set rdb-key-save-delay 500
        r bgrewriteaof
        set lines [count_log_lines 0]
        set p [peer_open]
        peer_say $p "PSYNC ? -1"
        wait_for_log_messages 0 {"*No BGSAVE in progress, but another BG operation is active. BGSAVE for replication delayed*"} $lines 50 20
        assert_equal [string trim [peer_pending $p 100] \n] ""
        r config set rdb-key-save-delay 0
        assert_match "+FULLRESYNC *" [peer_line $p]
        peer_payload $p
        peer_close $p
        wait_replicas 0
    }
    test "rdb-del-sync-files removes a file that was made for replicas only" {
        set path [file join [lindex [r config get dir] 1] [lindex [r config get dbfilename] 1]]
        foreach {wanted there} {no 1 yes 0} {
            r config set rdb-del-sync-files $wanted
            set p [peer_open]
            peer_ask $p "PSYNC ? -1"
            peer_payload $p
            wait_for_condition 50 20 {[file exists $path] == $there} else {fail "$wanted: [file exists $path]"}
            peer_close $p
            wait_replicas 0
        }
        r config set rdb-del-sync-files no
    }
    test "A replica that takes nothing of a copy is dropped after repl-timeout" {
        r config set repl-diskless-sync yes repl-timeout 2 rdbcompression no
        r debug populate 100000 big 1000
        set p [peer_open]
        peer_ask $p "REPLCONF capa eof"
        set lines [count_log_lines 0]
        peer_say $p "PSYNC ? -1"
        wait_for_log_messages 0 {"*Disconnecting timedout replica (full sync)*"
            "*Diskless rdb transfer, last replica dropped, killing fork child*"} $lines 100 100
        peer_close $p
        r config set repl-timeout 60
        r flushall
    }
}

# ---- the stream --------------------------------------------------------------------------------

start_server {tags {repl} overrides {repl-diskless-sync-delay 0 save ""}} {
    test "The stream has effects, transactions and databases as Redis's has them" {
        set p [peer_online]
        r select 0
        r set plain 1
        r select 3
        r multi
        r set b 1
        r incr c
        r exec
        r publish ch hi
        r multi
        r get b
        r exec
        r multi
        r get b
        r set only 1
        r exec
        r select 9
        r del nokey
        r set x 1 ex 100
        r sadd y 1
        r spop y
        r incrbyfloat f 1.5
        r flushdb
        foreach pattern {{SELECT 0} {set plain 1} {SELECT 3} MULTI {set b 1} {incr c} EXEC
                         {publish ch hi} {set only 1} {SELECT 9} {SET x 1 PXAT *}
                         {sadd y 1} {SREM y 1} {SET f 1.5 KEEPTTL} flushdb} {
            assert_match $pattern [peer_command $p]
        }
        peer_close $p
        wait_replicas 0
    }
    test "Pings come every repl-ping-replica-period seconds, without a database" {
        r config set repl-ping-replica-period 1
        set p [peer_online]
        assert_equal [peer_stream $p] ping
        assert_equal [peer_stream $p] ping
        r config set repl-ping-replica-period 10
        peer_close $p
        wait_replicas 0
    }
    test "A replica that says nothing is dropped after repl-timeout" {
        set p [peer_online]
        set lines [count_log_lines 0]
        r config set repl-timeout 1
        wait_for_log_messages 0 {"*Disconnecting timedout replica (streaming sync)*"} $lines 60 100
        peer_closed $p
        peer_close $p
        r config set repl-timeout 60
    }
    test "DEBUG CHANGE-REPL-ID makes an end to what could be gone on with" {
        set p [peer_online]
        set id [s master_replid]
        set from [expr {[s master_repl_offset] + 1}]
        r debug change-repl-id
        assert_not_equal [s master_replid] $id
        set q [peer_open]
        assert_match "+FULLRESYNC [s master_replid] *" [peer_ask $q "PSYNC $id $from"]
        peer_close $p
        peer_close $q
        wait_replicas 0
    }
    test "DEBUG REPLICATE sends anything" {
        set p [peer_online]
        r debug replicate set only-there 1
        assert_equal [peer_command $p] {set only-there 1}
        assert_equal [r get only-there] ""
        peer_close $p
        wait_replicas 0
    }
    test "The backlog goes when nobody came for repl-backlog-ttl seconds, and the id with it" {
        set id [s master_replid]
        assert_equal [s repl_backlog_active] 1
        r config set repl-backlog-ttl 1
        wait_for_condition 60 100 {[s repl_backlog_active] == 0} else {fail "it is still there"}
        assert_not_equal [s master_replid] $id
        verify_log_message 0 "*Replication backlog freed after 1 seconds without connected replicas*" 0
        r config set repl-backlog-ttl 3600
    }
    test "Three replicas share one copy of the stream, whose memory is not counted as data" {
        r config set repl-backlog-size 100kb
        foreach name {p q o} {set $name [peer_online]}
        wait_replicas 3
        set before [s mem_total_replication_buffers]
        set value [string repeat x 1000000]
        # More than three sockets take.
        for {set i 0} {$i < 16} {incr i} {r set big $value}
        set grown [expr {[s mem_total_replication_buffers] - $before}]
        assert_morethan $grown 8000000
        assert_lessthan $grown 18000000
        assert_lessthan_equal [s mem_replication_backlog] 110000
        assert_range [s mem_clients_slaves] 8000000 20000000
        assert_range [s mem_not_counted_for_evict] 8000000 20000000
        foreach name {p q o} {peer_close [set $name]}
        wait_replicas 0
        r set big 1
        assert_lessthan [s mem_total_replication_buffers] 2200000
    }
    test "A replica that reads too slowly is dropped at its output limit" {
        r config set client-output-buffer-limit "replica 8mb 0 0"
        set p [peer_online]
        set lines [count_log_lines 0]
        for {set i 0} {$i < 40} {incr i} {r set big $value}
        wait_for_log_messages 0 {"*scheduled to be closed ASAP for overcoming of output buffer limits*"} $lines 50 50
        wait_replicas 0
        peer_close $p
    }
    test "A limit that is smaller than the backlog is taken to be as large" {
        r config set repl-backlog-size 100mb client-output-buffer-limit "replica 8mb 0 0"
        set p [peer_online]
        for {set i 0} {$i < 40} {incr i} {r set big $value}
        after 300
        assert_equal [s connected_slaves] 1
        peer_close $p
        wait_replicas 0
        r config set repl-backlog-size 1mb client-output-buffer-limit "replica 256mb 64mb 60"
        r flushall
    }
}

# ---- what a replica may not say ----------------------------------------------------------------

start_server {tags {repl} overrides {repl-diskless-sync-delay 0 save ""}} {
    foreach {words name} {
        {GET foo} get  {PING} ping  {SLOWLOG GET} slowlog|get  {XINFO HELP} xinfo|help
    } {
        test "A replica that asks $words is disconnected" {
            set p [peer_online]
            peer_pending $p 20
            set lines [count_log_lines 0]
            peer_say $p $words
            assert_equal [peer_closed $p] 1
            assert_equal $peer::kept($p) ""
            verify_log_message 0 "*Replica generated a reply to command '$name', disconnecting it: *" $lines
            peer_close $p
        }
    }
    test "An error for a replica is logged as what it is" {
        foreach words {{LPUSH str x} {NOSUCH} {GET}} {
            r set str 1
            set p [peer_online]
            set lines [count_log_lines 0]
            peer_say $p $words
            assert_equal [peer_closed $p] 1
            verify_log_message 0 "*== CRITICAL == This master is sending an error to its replica: *" $lines
            peer_close $p
        }
    }
}

# ---- enough replicas ---------------------------------------------------------------------------

start_server {tags {repl} overrides {repl-diskless-sync-delay 0 save ""}} {
    test "min-replicas-to-write refuses writes while there are too few" {
        r config set min-replicas-to-write 1 min-replicas-max-lag 2
        assert_error "NOREPLICAS Not enough good replicas to write." {r set a 1}
        assert_equal [r get a] ""
        assert_equal [s min_slaves_good_slaves] 0
        set p [peer_online]
        wait_for_condition 50 20 {[s min_slaves_good_slaves] == 1} else {fail "no good replica"}
        r set a 1
        r multi
        r set a 2
        r exec
        assert_equal [r get a] 2
    }
    test "One that has not been heard of for long does not count" {
        wait_for_condition 60 100 {[s min_slaves_good_slaves] == 0} else {fail "it counts"}
        assert_error "NOREPLICAS*" {r set a 1}
        wait_offset $p
        wait_for_condition 60 100 {[s min_slaves_good_slaves] == 1} else {fail "it does not count"}
        r set a 1
        r config set min-replicas-to-write 0
        r set a 2
        peer_close $p
        wait_replicas 0
    }
}

# ---- WAIT --------------------------------------------------------------------------------------

start_server {tags {repl} overrides {repl-diskless-sync-delay 0 save ""}} {
    test "WAIT counts who has this client's writes" {
        set p [peer_online]
        set q [peer_online]
        assert_equal [r wait 0 0] 2
        r set a 1
        assert_equal [r wait 1 100] 0
        wait_offset $p
        wait_for_condition 50 20 {[r wait 1 10] == 1} else {fail [r wait 1 10]}
        assert_equal [r wait 2 100] 1
        wait_offset $q
        wait_for_condition 50 20 {[r wait 2 10] == 2} else {fail [r wait 2 10]}
        assert_equal [r wait 5 50] 2
    }
    test "A client that waits asks for acknowledgements, once for all, and is answered by the last" {
        while {[string length [peer_pending $p 50]]} {peer_stream $p}
        set rd [redis_deferring_client]
        set rd2 [redis_deferring_client]
        $rd set b 1
        $rd read
        $rd2 set b 2
        $rd2 read
        $rd wait 2 0
        $rd2 wait 1 0
        wait_for_blocked_clients_count 2
        assert_equal [peer_command $p] {set b 1}
        assert_equal [peer_stream $p] {set b 2}
        assert_equal [peer_stream $p] {REPLCONF GETACK *}
        set at [s master_repl_offset]
        peer_say $p "REPLCONF ACK $at"
        assert_equal [$rd2 read] 1
        assert_equal [s blocked_clients] 1
        peer_say $q "REPLCONF ACK $at"
        assert_equal [$rd read] 2
        $rd close
        $rd2 close
    }
    test "WAIT within the same batch as the write waits for it" {
        set n [peer_open]
        puts -nonewline $n "SET same batch\r\nWAIT 1 60\r\nPING\r\n"
        assert_equal [peer_line $n] +OK
        assert_equal [peer_line $n] :0
        assert_equal [peer_line $n] +PONG
        peer_close $n
    }
    test "WAIT in a transaction tells and does not wait" {
        r set c 1
        r multi
        r wait 2 0
        assert_equal [r exec] 0
    }
    test "CLIENT UNBLOCK ends a WAIT as if time were up" {
        set rd [redis_deferring_client]
        $rd client id
        set id [$rd read]
        $rd set c 2
        $rd read
        $rd wait 2 0
        wait_for_blocked_client
        assert_equal [r client unblock $id] 1
        assert_equal [$rd read] 0
        $rd close
    }
    test "A paused primary asks for nothing" {
        while {[string length [peer_pending $p 50]]} {peer_stream $p}
        r set d 1
        r client pause 100000 write
        assert_equal [r wait 1 300] 0
        set before [s master_repl_offset]
        assert_equal [peer_command $p] {set d 1}
        assert_equal [peer_pending $p] ""
        r client unpause
        assert_equal [peer_stream $p] {REPLCONF GETACK *}
    }
    test "WAITAOF counts the disks of replicas" {
        r set e 1
        assert_equal [r waitaof 0 1 50] {0 0}
        set at [s master_repl_offset]
        peer_say $p "REPLCONF ACK $at FACK $at"
        wait_for_condition 50 20 {[r waitaof 0 1 10] eq {0 1}} else {fail [r waitaof 0 1 10]}
        assert_equal [r waitaof 0 2 50] {0 1}
        set rd [redis_deferring_client]
        $rd set e 2
        $rd read
        $rd waitaof 0 1 0
        wait_for_blocked_client
        set at [s master_repl_offset]
        peer_say $p "REPLCONF ACK $at"
        after 50
        assert_equal [s blocked_clients] 1
        peer_say $p "REPLCONF ACK $at FACK $at"
        assert_equal [$rd read] {0 1}
        $rd close
        peer_close $p
        peer_close $q
    }
}

start_server {tags {repl} overrides {repl-diskless-sync-delay 0 save "" appendonly yes}} {
    test "WAITAOF waits for the own disk and for others" {
        set p [peer_online]
        r set a 1
        set rd [redis_deferring_client]
        $rd set b 1
        $rd read
        $rd waitaof 1 1 0
        wait_for_blocked_client
        set at [s master_repl_offset]
        peer_say $p "REPLCONF ACK $at FACK $at"
        assert_equal [$rd read] {1 1}
        $rd waitaof 1 0 0
        assert_equal [$rd read] {1 1}
        $rd close
        peer_close $p
    }
}

# ---- FAILOVER ----------------------------------------------------------------------------------

start_server {tags {repl} overrides {repl-diskless-sync-delay 0 save ""}} {
    test "FAILOVER refuses what makes no sense" {
        assert_error "ERR FAILOVER requires connected replicas." {r failover}
        assert_error "ERR No failover in progress." {r failover abort}
        set p [peer_online 0 4711]
        assert_error "ERR syntax error" {r failover abort timeout 1}
        assert_error "ERR syntax error" {r failover to localhost}
        assert_error "ERR FAILOVER timeout must be greater than 0" {r failover timeout 0}
        assert_error "ERR value is not an integer or out of range" {r failover timeout x}
        assert_error "ERR FAILOVER with force option requires both a timeout and target HOST and IP." {
            r failover to 127.0.0.1 4711 force}
        assert_error "ERR FAILOVER with force option requires*" {r failover force timeout 5}
        assert_error "ERR FAILOVER target HOST and PORT is not a replica." {r failover to 127.0.0.1 1}
        set q [peer_open]
        peer_ask $q "REPLCONF listening-port 4712"
        r config set rdb-key-save-delay 3000
        r debug populate 1000
        peer_say $q "PSYNC ? -1"
        assert_match "+FULLRESYNC*" [peer_line $q]
        assert_error "ERR FAILOVER target replica is not online." {r failover to 127.0.0.1 4712}
        peer_close $q
        r config set rdb-key-save-delay 0
    }
    test "While it waits for the replica writes wait too, and it can be given up" {
        r set a 1
        r failover to 127.0.0.1 4711
        peer_say $p "REPLCONF ACK 0"
        assert_equal [s master_failover_state] waiting-for-sync
        assert_error "ERR FAILOVER already in progress." {r failover}
        set n [peer_open]
        assert_equal [peer_ask $n "PSYNC ? -1"] "-NOMASTERLINK Can't SYNC while failing over"
        peer_close $n
        set rd [redis_deferring_client]
        $rd set a 2
        wait_for_blocked_clients_count 1
        assert_equal [r get a] 1
        r failover abort
        assert_equal [$rd read] OK
        assert_equal [s master_failover_state] no-failover
        verify_log_message 0 "*FAILOVER to 127.0.0.1:4711 aborted: Failover manually aborted*" 0
        $rd close
    }
    test "When the replica does not come in time nothing has happened" {
        r set a 3
        r failover timeout 100
        wait_for_condition 50 50 {[s master_failover_state] eq "no-failover"} else {fail "not over"}
        verify_log_message 0 "*FAILOVER to any replica aborted: Replica never caught up before timeout*" 0
        r set a 4
        assert_equal [s role] master
        peer_close $p
    }
}

# ---- the end -----------------------------------------------------------------------------------

foreach how {command signal} {
    start_server {tags {repl} overrides {repl-diskless-sync-delay 0 save "" shutdown-timeout 60}} {
        test "The end ($how) waits for a replica that lags" {
            set p [peer_online 0 4711]
            r set a 1
            set lines [count_log_lines 0]
            if {$how eq "command"} {
                set rd [redis_deferring_client]
                $rd shutdown
            } else {
                exec kill -TERM [srv 0 pid]
            }
            wait_for_log_messages 0 {"*Waiting for replicas before shutting down*"} $lines 50 20
            set rw [redis_deferring_client]
            $rw set a 2
            after 300
            assert_equal [r get a] 1
            peer_say $p "REPLCONF ACK [s master_repl_offset]"
            wait_for_log_messages 0 {"*1 of 1 replicas are in sync when shutting down*"} $lines 100 20
            verify_no_log_message 0 "*Lagging replica*" $lines
            peer_close $p
        }
    }
}

start_server {tags {repl} overrides {repl-diskless-sync-delay 0 save "" shutdown-timeout 1}} {
    test "SHUTDOWN ABORT lets the server and its clients go on" {
        r config set shutdown-timeout 60
        set p [peer_online 0 4711]
        r set a 1
        set rd [redis_deferring_client]
        $rd shutdown
        wait_for_log_messages 0 {"*Waiting for replicas before shutting down*"} 0 50 20
        set rw [redis_deferring_client]
        $rw set a 2
        r shutdown abort
        catch {$rd read} error
        assert_match "*Errors trying to SHUTDOWN*" $error
        assert_equal [$rw read] OK
    }
    test "After shutdown-timeout it ends, and says who lags" {
        r config set shutdown-timeout 1
        set lines [count_log_lines 0]
        $rw shutdown
        wait_for_log_messages 0 {
            "*Lagging replica 127.0.0.1:4711 reported offset * behind master, lag=*, state=online*"
            "*0 of 1 replicas are in sync when shutting down*"} $lines 100 50
        peer_close $p
    }
}
