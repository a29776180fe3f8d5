/* sections.c - INFO's sections beside the host's: what is true of a server that lacks some module.
 *
 * Tools read fields such as `role` and `loading` from any server. While no module provides what a
 * field is about (it would have the interface named in `absent`), the values here are facts: a
 * server without replication is a master without replicas. A module that comes writes them
 * itself. */
#include "server.h"

#include <stdio.h>
#include <string.h>

/* --- what is true without a module --------------------------------------------------------- */

typedef struct Absent {
    const char *interface;    /* whose provider writes these fields instead */
    const char *fields;       /* "name:value" lines */
} Absent;

/* The lists end with a row without a name. */
static void write_absent(KeelInfo *info, const Absent *absent) {
    for (; absent->interface; absent++) {
        if (keel_interface(absent->interface, 100)) continue;
        for (const char *p = absent->fields; *p;) {
            const char *colon = strchr(p, ':'), *end = strchr(p, '\n');
            char name[64];
            snprintf(name, sizeof(name), "%.*s", (int)(colon - p), p);
            keel_info_field(info, name, "%.*s", (int)(end - colon - 1), colon + 1);
            p = end + 1;
        }
    }
}

static void write_server(KeelInfo *info) {
    keel_info_field(info, "redis_mode", "%s",
                    keel_interface("cluster", 100) ? "cluster" : "standalone");
}

static void write_clients(KeelInfo *info) {
    static const Absent absent[] = {
        {"cluster", "cluster_connections:0\n"}, {"tracking", "tracking_clients:0\n"}, {0}};
    write_absent(info, absent);
}

static void write_memory(KeelInfo *info) {
    static const Absent absent[] = {
        {"scripting",
         "used_memory_lua:0\nused_memory_vm_eval:0\nused_memory_lua_human:0B\n"
         "used_memory_scripts_eval:0\nnumber_of_cached_scripts:0\nnumber_of_functions:0\n"
         "number_of_libraries:0\nused_memory_vm_functions:0\nused_memory_vm_total:0\n"
         "used_memory_vm_total_human:0B\nused_memory_functions:0\nused_memory_scripts:0\n"
         "used_memory_scripts_human:0B\n"},
        {"eviction", "maxmemory:0\nmaxmemory_human:0B\nmaxmemory_policy:noeviction\n"
                     "mem_not_counted_for_evict:0\n"},
        {"replication", "mem_replication_backlog:0\nmem_total_replication_buffers:0\n"
                        "mem_clients_slaves:0\n"},
        {"cluster", "mem_cluster_links:0\n"},
        {"aof", "mem_aof_buffer:0\n"},
        {"defragmentation", "active_defrag_running:0\n"},
        {0},
    };
    write_absent(info, absent);
}

static void write_persistence(KeelInfo *info) {
    static const Absent absent[] = {
        {"snapshot",
         "loading:0\nasync_loading:0\ncurrent_cow_peak:0\ncurrent_cow_size:0\n"
         "current_cow_size_age:0\ncurrent_fork_perc:0.00\ncurrent_save_keys_processed:0\n"
         "current_save_keys_total:0\nrdb_bgsave_in_progress:0\nrdb_last_bgsave_status:ok\n"
         "rdb_last_bgsave_time_sec:-1\nrdb_current_bgsave_time_sec:-1\nrdb_saves:0\n"
         "rdb_last_cow_size:0\nrdb_last_load_keys_expired:0\nrdb_last_load_keys_loaded:0\n"},
        {"aof",
         "aof_enabled:0\naof_rewrite_in_progress:0\naof_rewrite_scheduled:0\n"
         "aof_last_rewrite_time_sec:-1\naof_current_rewrite_time_sec:-1\n"
         "aof_last_bgrewrite_status:ok\naof_rewrites:0\naof_rewrites_consecutive_failures:0\n"
         "aof_last_write_status:ok\naof_last_cow_size:0\n"},
        {"fork", "module_fork_in_progress:0\nmodule_fork_last_cow_size:0\n"},
        {0},
    };
    /* Nothing was ever saved then, so all changes since the start are unsaved. */
    if (!keel_interface("snapshot", 100)) {
        keel_info_int(info, "rdb_changes_since_last_save", (int64_t)keel_dirty());
        keel_info_int(info, "rdb_last_save_time", server_started_ms / 1000);
    }
    write_absent(info, absent);
}

static void write_stats(KeelInfo *info) {
    static const Absent absent[] = {
        {"replication",
         "total_net_repl_input_bytes:0\ntotal_net_repl_output_bytes:0\n"
         "instantaneous_input_repl_kbps:0.00\ninstantaneous_output_repl_kbps:0.00\n"
         "sync_full:0\nsync_partial_ok:0\nsync_partial_err:0\nslave_expires_tracked_keys:0\n"},
        {"eviction", "total_eviction_exceeded_time:0\ncurrent_eviction_exceeded_time:0\n"},
        {"pubsub", "pubsub_channels:0\npubsub_patterns:0\npubsubshard_channels:0\n"},
        {"migrate", "migrate_cached_sockets:0\n"},
        {"defragmentation",
         "active_defrag_hits:0\nactive_defrag_misses:0\nactive_defrag_key_hits:0\n"
         "active_defrag_key_misses:0\ntotal_active_defrag_time:0\n"
         "current_active_defrag_time:0\n"},
        {"tracking", "tracking_total_keys:0\ntracking_total_items:0\n"
                     "tracking_total_prefixes:0\n"},
        {"sanitizer", "dump_payload_sanitizations:0\n"},
        {"replybuffers", "reply_buffer_shrinks:0\nreply_buffer_expands:0\n"},
        {"iothreads", "io_threaded_reads_processed:0\nio_threaded_writes_processed:0\n"},
        {"acl", "acl_access_denied_auth:0\nacl_access_denied_cmd:0\nacl_access_denied_key:0\n"
                "acl_access_denied_channel:0\n"},
        {0},
    };
    write_absent(info, absent);
}

/* A history of its own begins with every start, as nothing is known of an earlier one. */
static void write_replication(KeelInfo *info) {
    static char id[41];
    static const Absent absent[] = {
        {"replication",
         "master_replid2:0000000000000000000000000000000000000000\nmaster_repl_offset:0\n"
         "second_repl_offset:-1\nrepl_backlog_active:0\nrepl_backlog_size:1048576\n"
         "repl_backlog_first_byte_offset:0\nrepl_backlog_histlen:0\n"},
        {0},
    };
    if (keel_interface("replication", 100)) return;
    if (!id[0]) {
        unsigned char bytes[20];
        keel_random_bytes(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++) snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    }
    keel_info_field(info, "role", "master");
    keel_info_field(info, "connected_slaves", "0");
    keel_info_field(info, "master_failover_state", "no-failover");
    keel_info_field(info, "master_replid", "%s", id);
    write_absent(info, absent);
}

static void write_cluster(KeelInfo *info) {
    static const Absent absent[] = {{"cluster", "cluster_enabled:0\n"}, {0}};
    write_absent(info, absent);
}

/* --- tables --------------------------------------------------------------------------------- */

const KeelInfoSection server_sections[] = {
    {.name = "Server", .rank = 10, .write = write_server},
    {.name = "Clients", .rank = 20, .write = write_clients},
    {.name = "Memory", .rank = 30, .write = write_memory},
    {.name = "Persistence", .rank = 40, .write = write_persistence},
    {.name = "Stats", .rank = 50, .write = write_stats},
    {.name = "Replication", .rank = 60, .write = write_replication},
    {.name = "Cluster", .rank = 120, .write = write_cluster},
    {0},
};
