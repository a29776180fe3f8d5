/* sections.c - INFO's sections beside the host's: statistics of commands, errors and latency, and
 * what is true of a server that lacks some module.
 *
 * Tools read fields such as `role` and `loading` from any server. While no module provides what a
 * field is about (it would have the interface named in `absent`), the values here are facts: a
 * server without replication is a master without replicas. A module that comes writes them
 * itself. */
#include "server.h"

#include <inttypes.h>
#include <math.h>
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

/* --- statistics of commands and errors ------------------------------------------------------ */

/* "cmdstat_config|get": what would break the line apart is replaced. */
static void field_name(char *out, size_t room, const char *prefix, const char *name) {
    snprintf(out, room, "%s%s", prefix, name);
    for (char *p = out; *p; p++) {
        if (strchr("#:\n\r", *p)) *p = '_';
    }
}

/* Calls `each` for commands and their subcommands alike. */
typedef struct Walk {
    bool (*each)(const KeelCommandRef *cmd, void *data);
    void *data;
} Walk;

static bool walk_step(const KeelCommandRef *cmd, void *data) {
    Walk *walk = data;
    if (!walk->each(cmd, walk->data)) return false;
    keel_command_each(cmd, walk->each, walk->data);
    return true;
}

/* Commands that nobody called, not even wrongly, are left out. */
static bool write_command(const KeelCommandRef *cmd, void *data) {
    KeelCommandStats s;
    char name[160];
    keel_command_stats(cmd, &s);
    if (!s.calls && !s.rejected && !s.failed) return true;
    field_name(name, sizeof(name), "cmdstat_", keel_command_name(cmd));
    double us = (double)s.nanoseconds / 1000;
    keel_info_field(data, name,
                    "calls=%" PRIu64 ",usec=%.0f,usec_per_call=%.2f,rejected_calls=%" PRIu64
                    ",failed_calls=%" PRIu64,
                    s.calls, us, s.calls ? us / (double)s.calls : 0, s.rejected, s.failed);
    return true;
}

static void write_commands(KeelInfo *info) {
    Walk walk = {write_command, info};
    keel_command_each(NULL, walk_step, &walk);
}

static bool write_error(const char *code, uint64_t count, void *data) {
    char name[80];
    field_name(name, sizeof(name), "errorstat_", code);
    keel_info_field(data, name, "count=%" PRIu64, count);
    return true;
}

static void write_errors(KeelInfo *info) {
    keel_error_each(write_error, info);
}

/* --- latency -------------------------------------------------------------------------------- */

enum { PERCENTILES_MAX = 64 };

bool latency_tracking;
static double percentiles[PERCENTILES_MAX];
static int percentile_count;

/* The duration in microseconds that `percentile` of the calls did not exceed. */
static double latency_at(const uint64_t *counts, int cells, uint64_t calls, double percentile) {
    double rank = ceil((double)calls * percentile / 100);
    uint64_t wanted = rank < 1 ? 1 : (uint64_t)rank, seen = 0;
    for (int i = 0; i < cells; i++) {
        seen += counts[i];
        if (seen >= wanted) return (double)keel_latency_limit(i) / 1000;
    }
    return 0;
}

/* One buffer of cells serves all commands of a walk. */
typedef struct LatencyWalk {
    KeelInfo *info;
    uint64_t *counts;
    int cells;
} LatencyWalk;

static bool write_latency_of(const KeelCommandRef *cmd, void *data) {
    LatencyWalk *walk = data;
    uint64_t calls = 0;
    char name[160], text[PERCENTILES_MAX * 40];
    size_t len = 0;
    keel_command_latency(cmd, walk->counts);
    for (int i = 0; i < walk->cells; i++) calls += walk->counts[i];
    if (!calls) return true;
    text[0] = '\0';
    for (int i = 0; i < percentile_count; i++) {
        double us = latency_at(walk->counts, walk->cells, calls, percentiles[i]);
        char digits[40];
        keel_format_double(digits, percentiles[i]);
        int n = snprintf(text + len, sizeof(text) - len, "%sp%s=%.3f", i ? "," : "", digits, us);
        len += n > 0 && (size_t)n < sizeof(text) - len ? (size_t)n : 0;
    }
    field_name(name, sizeof(name), "latency_percentiles_usec_", keel_command_name(cmd));
    keel_info_field(walk->info, name, "%s", text);
    return true;
}

static void write_latency(KeelInfo *info) {
    if (!latency_tracking) return;
    LatencyWalk of = {.info = info, .cells = keel_command_latency(NULL, NULL)};
    of.counts = keel_alloc((size_t)of.cells * sizeof(*of.counts));
    Walk walk = {write_latency_of, &of};
    keel_command_each(NULL, walk_step, &walk);
    keel_free(of.counts);
}

/* What was measured while nobody was to look does not show later. */
static bool latency_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)reason;
    if (!starting) keel_command_reset_stats(false, true);
    return true;
}

/* All of them are checked before any is taken. "" means none at all. */
static bool percentiles_set(const KeelConfig *config, const KeelStr *argv, int argc,
                            const char **reason) {
    double values[PERCENTILES_MAX];
    (void)config;
    if (argc == 1 && argv[0].len == 0) argc = 0;
    if (argc > PERCENTILES_MAX) {
        *reason = "latency-tracking-info-percentiles takes at most 64 of them";
        return false;
    }
    for (int i = 0; i < argc; i++) {
        if (!keel_parse_double(argv[i], &values[i])) {
            *reason = "Invalid latency-tracking-info-percentiles parameters";
            return false;
        }
        if (values[i] < 0 || values[i] > 100) {
            *reason = "latency-tracking-info-percentiles parameters should sit between "
                      "[0.0,100.0]";
            return false;
        }
    }
    memcpy(percentiles, values, (size_t)argc * sizeof(values[0]));
    percentile_count = argc;
    return true;
}

static void percentiles_get(const KeelConfig *config, KeelConfigOut *out) {
    (void)config;
    for (int i = 0; i < percentile_count; i++) {
        char text[40];
        keel_format_double(text, percentiles[i]);
        keel_config_write(out, "%s%s", i ? " " : "", text);
    }
}

const KeelConfig server_configs[] = {
    {.name = "latency-tracking", .type = KEEL_CONFIG_BOOL, .var = &latency_tracking,
     .value = "yes", .apply = latency_apply},
    {.name = "latency-tracking-info-percentiles", .type = KEEL_CONFIG_CUSTOM,
     .flags = KEEL_CONFIG_MULTI, .value = "50 99 99.9", .get = percentiles_get,
     .set = percentiles_set},
    {0},
};

const KeelInfoSection server_sections[] = {
    {.name = "Server", .rank = 10, .write = write_server},
    {.name = "Clients", .rank = 20, .write = write_clients},
    {.name = "Memory", .rank = 30, .write = write_memory},
    {.name = "Persistence", .rank = 40, .write = write_persistence},
    {.name = "Stats", .rank = 50, .write = write_stats},
    {.name = "Replication", .rank = 60, .write = write_replication},
    {.name = "Commandstats", .rank = 90, .on_demand = true, .write = write_commands},
    {.name = "Errorstats", .rank = 100, .write = write_errors},
    {.name = "Latencystats", .rank = 110, .on_demand = true, .write = write_latency},
    {.name = "Cluster", .rank = 120, .write = write_cluster},
    {0},
};
