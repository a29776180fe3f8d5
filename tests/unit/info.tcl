# info.tcl - INFO: its sections, and statistics of commands, errors and latency.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

# The names of a text's sections, in order.
proc sections text {
    set names {}
    foreach line [split $text \n] {
        if {[regexp {^# (\w+)} $line -> name]} {lappend names $name}
    }
    return $names
}

start_server {tags {info}} {
    test "INFO has Redis's sections in Redis's order" {
        sections [r info]
    } {Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace}

    test "INFO all has those that are asked for by name, too" {
        set all [concat {Server Clients Memory Persistence Stats Replication CPU Modules} \
            {Commandstats Errorstats Latencystats Cluster Keyspace}]
        assert_equal [sections [r info all]] $all
        assert_equal [sections [r info everything]] $all
    }

    test "INFO takes several names, in either case, once each, and ignores others" {
        assert_equal [sections [r info cpu SERVER cpu nosuch]] {Server CPU}
        assert_equal [sections [r info default commandstats]] [concat {Server Clients Memory} \
            {Persistence Stats Replication CPU Modules Commandstats Errorstats Cluster Keyspace}]
        assert_equal [sections [r info debug]] Debug
        r info nosuch
    } {}

    test "A section is a heading and fields, with an empty line between sections" {
        set text [r info cpu cluster]
        assert_match "# CPU\r\nused_cpu_sys:*\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n" $text
    }

    test "INFO has the fields that tools read" {
        foreach field {
            redis_version redis_mode os arch_bits process_id run_id tcp_port uptime_in_seconds hz
            executable config_file connected_clients maxclients blocked_clients used_memory
            used_memory_human used_memory_rss used_memory_peak used_memory_overhead
            used_memory_startup used_memory_dataset allocator_allocated allocator_frag_ratio
            total_system_memory maxmemory maxmemory_policy mem_fragmentation_ratio mem_allocator
            mem_clients_normal mem_clients_slaves mem_not_counted_for_evict active_defrag_running
            lazyfree_pending_objects lazyfreed_objects used_memory_lua loading async_loading
            rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_bgsave_status aof_enabled
            aof_rewrite_in_progress aof_rewrite_scheduled total_connections_received
            total_commands_processed instantaneous_ops_per_sec total_net_input_bytes
            rejected_connections sync_full sync_partial_ok sync_partial_err expired_keys
            evicted_keys evicted_clients keyspace_hits keyspace_misses pubsub_channels total_forks
            tracking_total_keys unexpected_error_replies total_error_replies
            total_reads_processed eventloop_cycles eventloop_duration_sum
            instantaneous_eventloop_cycles_per_sec acl_access_denied_cmd role connected_slaves
            master_failover_state master_replid master_replid2 master_repl_offset
            second_repl_offset repl_backlog_active repl_backlog_histlen used_cpu_sys used_cpu_user
            cluster_enabled
        } {
            assert {[s $field] ne ""} $field
        }
        assert_match {[0-9a-f][0-9a-f][0-9a-f]*} [s run_id]
        assert_equal [string length [s master_replid]] 40
        list [s role] [s loading] [s connected_slaves] [s tcp_port]
    } [list master 0 0 [srv 0 port]]

    test "Keyspace counts keys and those that expire" {
        r flushall
        r set a 1
        r set b 2 px 100000
        assert_match "# Keyspace\r\ndb9:keys=2,expires=1,avg_ttl=*\r\n" [r info keyspace]
        r flushall
        r info keyspace
    } "# Keyspace\r\n"

    test "Hits, misses and expired keys are counted" {
        r config resetstat
        r set a 1
        r get a
        r get nosuch
        r set b 1 px 1
        wait_for_condition 50 20 {[r exists b] == 0} else {fail "b is still there"}
        assert_equal [s expired_keys] 1
        assert_morethan_equal [s keyspace_hits] 1
        s keyspace_misses
    } *

    test "Commands and connections are counted" {
        r config resetstat
        set c [redis_client]
        $c ping
        $c close
        assert_morethan_equal [s total_connections_received] 1
        assert_morethan_equal [s total_commands_processed] 2
        assert_morethan [s total_net_input_bytes] 0
        wait_for_condition 50 20 {[s connected_clients] == 1} else {fail "a client too many"}
        list [s connected_clients] [s blocked_clients]
    } {1 0}

    test "instantaneous_ops_per_sec follows the load" {
        set end [expr {[clock milliseconds] + 1000}]
        while {[clock milliseconds] < $end} {r ping}
        assert_morethan [s instantaneous_ops_per_sec] 100
        assert_morethan [s instantaneous_input_kbps] 0
    }

    test "commandstats count calls, refused calls and those that failed" {
        r config resetstat
        r set k v
        catch {r incr k}
        catch {r get}
        r config get maxclients
        assert_match "calls=1,usec=*,usec_per_call=*,rejected_calls=0,failed_calls=0" \
            [cmdrstat set r]
        assert_match "calls=1,*,rejected_calls=0,failed_calls=1" [cmdrstat incr r]
        assert_match "calls=0,*,rejected_calls=1,failed_calls=0" [cmdrstat get r]
        assert_match "calls=1,*" [cmdrstat {config\|get} r]
        assert_equal [cmdrstat mget r] {}
    }

    test "errorstats count replies by their code" {
        r config resetstat
        assert_equal [r info errorstats] "# Errorstats\r\n"
        catch {r nosuch}
        catch {r get}
        catch {r debug error "MYCODE something"}
        catch {r debug error "nocodehere"}
        assert_match "*count=3*" [errorrstat ERR r]
        assert_match "*count=1*" [errorrstat MYCODE r]
        s total_error_replies
    } 4

    test "errorstats tell no more than 128 codes apart" {
        r config resetstat
        for {set i 0} {$i < 200} {incr i} {catch {r debug error "CODE$i x"}}
        set lines [regexp -all {errorstat_} [r info errorstats]]
        assert_equal $lines 129
        assert_match "*count=72*" [errorrstat ERRORSTATS_OVERFLOW r]
        assert_equal [count_log_message 0 "Errorstats stopped adding new errors"] 1
        r config resetstat
        s total_error_replies
    } 0

    test "errorstats start anew after CONFIG RESETSTAT, and the log names the codes there were" {
        assert_equal [r info errorstats] "# Errorstats\r\n"
        assert_equal [count_log_message 0 "Current errors code list: CODE0, CODE1"] 1
        catch {r debug error "NEWCODE x"}
        errorrstat NEWCODE r
    } *count=1*

    test "Refused calls are those of the command, unknown subcommands nobody's" {
        r config resetstat
        catch {r client}
        catch {r client nosuch}
        catch {r client list type}
        catch {r client setname "a b"}
        assert_match "calls=0,*,rejected_calls=1,failed_calls=0" [cmdrstat client r]
        assert_match "calls=1,*,rejected_calls=0,failed_calls=1" [cmdrstat {client\|list} r]
        cmdrstat {client\|setname} r
    } "calls=1,*,rejected_calls=0,failed_calls=1"

    test "Failed commands in transactions count once each" {
        r config resetstat
        r multi
        r set k v
        r incr k
        r incr k
        catch {r exec}
        assert_match "*failed_calls=2" [cmdrstat incr r]
        assert_match "*rejected_calls=0,failed_calls=0" [cmdrstat exec r]
        errorrstat ERR r
    } *count=2*

    test "INFO modulestats sums commands up by module, when asked for by name" {
        r config resetstat
        r set k v
        r get k
        catch {r incr k}
        assert_no_match "*Modulestats*" [r info everything]
        set text [r info modulestats]
        assert_match "*modulestat_stats:commands=*,calls=0,usec=0,*" $text
        set text
    } "# Modulestats\r\n*modulestat_strings:commands=*,calls=3,usec=*,usec_per_call=*,failed_calls=1\r\n*"

    test "latencystats show the percentiles that are asked for" {
        r config resetstat
        r config set latency-tracking-info-percentiles "50 99 99.9"
        r set a b
        assert_match "p50=*,p99=*,p99.9=*" [latencyrstat_percentiles set r]
        r config set latency-tracking-info-percentiles "0 50 100"
        assert_match "p0=*,p50=*,p100=*" [latencyrstat_percentiles set r]
        r config set latency-tracking-info-percentiles ""
        assert_match "# Latencystats\r\n*latency_percentiles_usec_set:\r\n*" [r info latencystats]
        assert_error "*should sit between*" {
            r config set latency-tracking-info-percentiles "100.01"
        }
        assert_error "*Invalid latency-tracking-info-percentiles*" {
            r config set latency-tracking-info-percentiles "50 x"
        }
    }

    test "latencystats are empty while latency is not tracked, and start anew then" {
        r config set latency-tracking no
        r set a b
        assert_equal [r info latencystats] "# Latencystats\r\n"
        r config set latency-tracking yes
        latencyrstat_percentiles set r
    } {}
}
