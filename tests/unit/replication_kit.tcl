# replication_kit.tcl - the vocabulary that suites written for Redis use of replication, as they use it.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

start_server {tags {"repl"} overrides {save "" repl-diskless-sync-delay 0}} {
    start_server {overrides {save "" repl-diskless-sync-delay 0 repl-diskless-sync yes}} {
        set replica [srv -1 client]
        set replica_host [srv -1 host]
        set replica_port [srv -1 port]
        set master [srv 0 client]
        set master_host [srv 0 host]
        set master_port [srv 0 port]
        $replica select 0
        $master select 0

        test "wait_for_sync, wait_replica_online, wait_for_ofs_sync" {
            populate 100 key: 3
            $replica replicaof $master_host $master_port
            wait_for_sync $replica
            wait_replica_online $master
            $master set x 1
            wait_for_ofs_sync $master $replica
            assert_equal [$replica get x] 1
            assert_equal [s -1 role] slave
            assert_equal [s role] master
            assert_equal [s 0 connected_slaves] 1
            assert_equal [debug_digest] [debug_digest -1]
        }

        test "start_write_load, start_bg_complex_data" {
            set load [start_write_load $master_host $master_port 10]
            set data [start_bg_complex_data $master_host $master_port 9 100000]
            wait_for_condition 100 50 {[$master dbsize] > 0 && [regexp {db9:keys=[1-9]\d\d} [$master info keyspace]]} else {
                fail "there is no load"
            }
            stop_write_load $load
            stop_bg_complex_data $data
            wait_for_ofs_sync $master $replica
            assert_equal [debug_digest] [debug_digest -1]
        }

        test "get_child_pid, and the log of a copy that is cut off" {
            # Large and slow enough to be met.
            $master config set rdb-key-save-delay 10000
            populate 300 slow: 10
            $replica replicaof no one
            $replica replicaof $master_host $master_port
            $replica config set repl-diskless-load disabled
            # What it missed is little: it must not find it.
            $replica replicaof no one
            $replica flushall
            $replica replicaof $master_host $master_port
            wait_for_condition 100 20 {[s rdb_bgsave_in_progress] == 1} else {fail "no copy is made"}
            wait_for_condition 100 20 {![catch {get_child_pid 0} child]} else {fail $child}
            assert_not_equal $child [srv pid]
            wait_for_log_messages 0 {"*Background RDB transfer started by pid*"} 0 100 20
            catch {exec kill -9 $child}
            $master config set rdb-key-save-delay 0
            wait_for_sync $replica
            wait_for_ofs_sync $master $replica
            assert_equal [debug_digest] [debug_digest -1]
        }

        test "attach_to_replication_stream, assert_replication_stream" {
            set repl [attach_to_replication_stream]
            r select 0
            r set foo 1
            r select 9
            r multi
            r incr n
            r lpush l a
            r exec
            assert_replication_stream $repl {{select 0} {set foo 1} {select 9} multi {incr n} {lpush l a} exec}
            close_replication_stream $repl
        }
    }
}
