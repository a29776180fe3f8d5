/* info_sections.c - INFO's sections of the host: Server, Clients, Memory, Stats, CPU, Keyspace.
 *
 * Fields about what modules do are written by those modules, into sections of the same names. All
 * values are read when they are asked for; nothing here is kept up to date for INFO's sake. */
#define _GNU_SOURCE
#include "stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <keel/block.h>
#include <keel/client.h>
#include <keel/config.h>
#include <keel/db.h>
#include <keel/event.h>
#include <keel/module.h>
#include <keel/text.h>

#include "block.h"
#include "client.h"
#include "config.h"
#include "daemon.h"
#include "loop.h"
#include "rates.h"
#include "ticks.h"
#include "waiters.h"

enum { ACCESS_CLOCK_BITS = 24 };

/* --- Server --------------------------------------------------------------------------------- */

/* One line per kind of listener, numbered: listener0:name=tcp,bind=...,port=6379. */
static void write_listeners(KeelInfo *info) {
    char name[32], text[1024];
    int number = 0;
    if (settings.port) {
        size_t len = 0;
        for (int i = 0; i < settings.bind_count && len < sizeof(text) - 1; i++) {
            int n = snprintf(text + len, sizeof(text) - len, ",bind=%s", settings.bind[i]);
            len += n > 0 ? (size_t)n : 0;
        }
        if (!len) text[0] = '\0';
        snprintf(name, sizeof(name), "listener%d", number++);
        keel_info_field(info, name, "name=tcp%s,port=%" PRId64, text, settings.port);
    }
    if (settings.unixsocket && settings.unixsocket[0]) {
        snprintf(name, sizeof(name), "listener%d", number++);
        keel_info_field(info, name, "name=unix,bind=%s", settings.unixsocket);
    }
}

/* There is no commit to name, so the git fields say what a build from a tarball of Redis says; the
 * build id tells builds of other versions and compilers apart. */
static void write_server(KeelInfo *info) {
    struct utsname os = {0};
    uname(&os);
    char path[4096];
    ssize_t path_len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[path_len > 0 ? path_len : 0] = '\0';
    int64_t uptime = (keel_now_ms() - stats.start_ms) / 1000;
    const char *version = keel_version();
    uint64_t build = keel_crc64(keel_crc64(0, version, strlen(version)), __VERSION__,
                                sizeof(__VERSION__) - 1);

    keel_info_field(info, "redis_version", "%s", keel_redis_version());
    keel_info_field(info, "keel_version", "%s", version);
    keel_info_field(info, "redis_git_sha1", "00000000");
    keel_info_field(info, "redis_git_dirty", "0");
    keel_info_field(info, "redis_build_id", "%" PRIx64, build);
    keel_info_field(info, "os", "%s %s %s", os.sysname, os.release, os.machine);
    keel_info_int(info, "arch_bits", (int64_t)sizeof(long) * 8);
    keel_info_field(info, "monotonic_clock", "POSIX clock_gettime");
    keel_info_field(info, "multiplexing_api", "epoll");
    keel_info_field(info, "atomicvar_api", "c11-builtin");
#ifdef __clang__
    keel_info_field(info, "gcc_version", "0.0.0");
#else
    keel_info_field(info, "gcc_version", "%d.%d.%d", __GNUC__, __GNUC_MINOR__,
                    __GNUC_PATCHLEVEL__);
#endif
    keel_info_int(info, "process_id", getpid());
    keel_info_field(info, "process_supervised", "%s", daemon_supervisor());
    keel_info_field(info, "run_id", "%s", keel_run_id());
    keel_info_int(info, "tcp_port", settings.port);
    keel_info_int(info, "server_time_usec", keel_now_us());
    keel_info_int(info, "uptime_in_seconds", uptime);
    keel_info_int(info, "uptime_in_days", uptime / (24 * 3600));
    keel_info_int(info, "hz", loop_hz());
    keel_info_int(info, "configured_hz", settings.hz);
    keel_info_int(info, "lru_clock", keel_now_ms() / 1000 & ((1 << ACCESS_CLOCK_BITS) - 1));
    keel_info_field(info, "executable", "%s", path);
    keel_info_field(info, "config_file", "%s", keel_config_file());
    keel_info_int(info, "io_threads_active", 0);
    if (keel_shutdown_left() >= 0) {
        keel_info_int(info, "shutdown_in_milliseconds", keel_shutdown_left());
    }
    write_listeners(info);
}

/* --- Clients -------------------------------------------------------------------------------- */

/* Redis tracks recent maxima of buffers; here they are those of this moment, since buffers are
 * given back between turns. A client that a gate holds counts as blocked. */
typedef struct ClientSums {
    size_t query_max, reply_max, held;
} ClientSums;

static ClientSums clients_sum(void) {
    ClientSums sums = {0};
    for (const KeelClient *client = client_first; client; client = client->next) {
        size_t query = client->query_room + client->args_len, reply = client_output_bytes(client);
        if (query > sums.query_max) sums.query_max = query;
        if (reply > sums.reply_max) sums.reply_max = reply;
        if (client->flags & KEEL_CF_HELD && !(client->flags & KEEL_CF_BLOCKED)) sums.held++;
    }
    return sums;
}

static void write_clients(KeelInfo *info) {
    ClientSums sums = clients_sum();
    keel_info_int(info, "connected_clients", (int64_t)keel_client_count());
    keel_info_int(info, "maxclients", settings.maxclients);
    keel_info_int(info, "client_recent_max_input_buffer", (int64_t)sums.query_max);
    keel_info_int(info, "client_recent_max_output_buffer", (int64_t)sums.reply_max);
    keel_info_int(info, "clients_in_timeout_table", (int64_t)block_with_deadline());
    keel_info_int(info, "total_blocking_keys", (int64_t)waiters_keys(false));
    keel_info_int(info, "total_blocking_keys_on_nokey", (int64_t)waiters_keys(true));
    keel_info_int(info, "blocked_clients", (int64_t)(keel_blocked_count() + sums.held));
}

/* --- Stats ---------------------------------------------------------------------------------- */

/* Time in commands is kept per command anyway: summing here costs the hot path nothing. */
static bool add_command_time(const KeelCommandRef *cmd, void *data) {
    KeelCommandStats one;
    uint64_t *sum = data;
    keel_command_stats(cmd, &one);
    *sum += one.nanoseconds;
    keel_command_each(cmd, add_command_time, sum);
    return true;
}

static void write_stats(KeelInfo *info) {
    static const struct {
        const char *name;
        const uint64_t *value;
    } plain[] = {
        {"rejected_connections", &stats.rejected_connections},
        {"expired_keys", &stats.expired_keys},
        {"expired_time_cap_reached_count", &stats.expired_time_cap},
        {"evicted_keys", &stats.evicted_keys},
        {"evicted_clients", &stats.evicted_clients},
        {"keyspace_hits", &stats.keyspace_hits},
        {"keyspace_misses", &stats.keyspace_misses},
        {"latest_fork_usec", &stats.last_fork_us},
        {"total_forks", &stats.forks},
        {"unexpected_error_replies", &stats.unexpected_errors},
        {"total_error_replies", &stats.error_replies},
        {"total_reads_processed", &stats.reads},
        {"total_writes_processed", &stats.writes},
        {"client_query_buffer_limit_disconnections", &stats.dropped_query_limit},
        {"client_output_buffer_limit_disconnections", &stats.dropped_output_limit},
        {"eventloop_cycles", &stats.turns},
    };
    keel_info_int(info, "total_connections_received", (int64_t)stats.connections);
    keel_info_int(info, "total_commands_processed", (int64_t)stats.commands);
    keel_info_field(info, "instantaneous_ops_per_sec", "%.0f", rate_mean(RATE_COMMANDS));
    keel_info_int(info, "total_net_input_bytes", (int64_t)stats.bytes_in);
    keel_info_int(info, "total_net_output_bytes", (int64_t)stats.bytes_out);
    keel_info_field(info, "instantaneous_input_kbps", "%.2f", rate_mean(RATE_BYTES_IN) / 1024);
    keel_info_field(info, "instantaneous_output_kbps", "%.2f", rate_mean(RATE_BYTES_OUT) / 1024);
    keel_info_field(info, "expired_stale_perc", "%.2f", stats.expired_stale_percent);
    keel_info_int(info, "expire_cycle_cpu_milliseconds", (int64_t)stats.expire_cycle_us / 1000);
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        keel_info_int(info, plain[i].name, (int64_t)*plain[i].value);
    }
    uint64_t in_commands = 0;
    keel_command_each(NULL, add_command_time, &in_commands);
    keel_info_int(info, "eventloop_duration_sum", ticks_to_ns(stats.turn_ticks) / 1000);
    keel_info_int(info, "eventloop_duration_cmd_sum", (int64_t)in_commands / 1000);
    keel_info_field(info, "instantaneous_eventloop_cycles_per_sec", "%.0f",
                    rate_mean(RATE_TURNS));
    keel_info_field(info, "instantaneous_eventloop_duration_usec", "%.0f",
                    (double)ticks_to_ns((uint64_t)rate_mean(RATE_TURN_TICKS)) / 1000);
}

/* For our own eyes: its rank keeps it out of "all". */
static void write_debug(KeelInfo *info) {
    keel_info_int(info, "eventloop_duration_cron_sum", (int64_t)stats.cron_ns / 1000);
    keel_info_int(info, "eventloop_duration_max", ticks_to_ns(stats.turn_ticks_max) / 1000);
    keel_info_int(info, "eventloop_cmd_per_cycle_max", (int64_t)stats.commands_per_turn_max);
}

/* --- CPU and Keyspace ----------------------------------------------------------------------- */

static void field_time(KeelInfo *info, const char *name, struct timeval t) {
    keel_info_field(info, name, "%ld.%06ld", (long)t.tv_sec, (long)t.tv_usec);
}

static void write_cpu(KeelInfo *info) {
    struct rusage self = {0}, children = {0}, thread = {0};
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    getrusage(RUSAGE_THREAD, &thread);
    field_time(info, "used_cpu_sys", self.ru_stime);
    field_time(info, "used_cpu_user", self.ru_utime);
    field_time(info, "used_cpu_sys_children", children.ru_stime);
    field_time(info, "used_cpu_user_children", children.ru_utime);
    field_time(info, "used_cpu_sys_main_thread", thread.ru_stime);
    field_time(info, "used_cpu_user_main_thread", thread.ru_utime);
}

static void write_keyspace(KeelInfo *info) {
    for (int db = 0; db < keel_db_count(); db++) {
        uint64_t keys = keel_db_size(db);
        if (!keys) continue;
        char name[32];
        snprintf(name, sizeof(name), "db%d", db);
        keel_info_field(info, name, "keys=%" PRIu64 ",expires=%" PRIu64 ",avg_ttl=%" PRId64, keys,
                        keel_db_expiring(db), keel_db_mean_ttl(db));
    }
}

const KeelInfoSection info_rows[] = {
    {.name = "Server", .rank = 10, .write = write_server},
    {.name = "Clients", .rank = 20, .write = write_clients},
    {.name = "Memory", .rank = 30, .write = info_write_memory},
    {.name = "Stats", .rank = 50, .write = write_stats},
    {.name = "CPU", .rank = 70, .write = write_cpu},
    {.name = "Keyspace", .rank = 130, .write = write_keyspace},
    {.name = "Debug", .rank = 1000, .write = write_debug},
    {0},
};
