/* info_sections.c - INFO's sections of the host: Server, Clients, Memory, Stats, CPU, Keyspace.
 *
 * Fields about what modules do are written by those modules, into sections of the same names. All
 * values are read when they are asked for; nothing here is kept up to date for INFO's sake. */
#define _GNU_SOURCE
#include "stats.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef HAVE_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include <keel/block.h>
#include <keel/client.h>
#include <keel/config.h>
#include <keel/db.h>
#include <keel/memory.h>
#include <keel/module.h>
#include <keel/text.h>
#include <keel/thread.h>

#include "config.h"
#include "rates.h"

enum { ACCESS_CLOCK_BITS = 24 };

/* --- Server --------------------------------------------------------------------------------- */

static const char *supervised_word(void) {
    static char word[32];
    if (!keel_config_get(KEEL_LIT("supervised"), word, sizeof(word), NULL)) return "no";
    if (strcmp(word, "auto") != 0) return word;
    if (getenv("NOTIFY_SOCKET")) return "systemd";
    return getenv("UPSTART_JOB") ? "upstart" : "no";
}

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
    keel_info_field(info, "process_supervised", "%s", supervised_word());
    keel_info_field(info, "run_id", "%s", keel_run_id());
    keel_info_int(info, "tcp_port", settings.port);
    keel_info_int(info, "server_time_usec", keel_now_us());
    keel_info_int(info, "uptime_in_seconds", uptime);
    keel_info_int(info, "uptime_in_days", uptime / (24 * 3600));
    keel_info_int(info, "hz", settings.hz);
    keel_info_int(info, "configured_hz", settings.hz);
    keel_info_int(info, "lru_clock", keel_now_ms() / 1000 & ((1 << ACCESS_CLOCK_BITS) - 1));
    keel_info_field(info, "executable", "%s", path);
    keel_info_field(info, "config_file", "%s", keel_config_file());
    keel_info_int(info, "io_threads_active", 0);
    write_listeners(info);
}

/* --- Clients -------------------------------------------------------------------------------- */

typedef struct ClientSums {
    size_t query_max, reply_max, memory;
} ClientSums;

static bool client_sum(KeelClient *client, void *data) {
    ClientSums *sums = data;
    KeelClientInfo one = {.size = sizeof(one)};
    keel_client_info(client, &one);
    size_t query = one.query_len + one.query_free + one.args_len;
    if (query > sums->query_max) sums->query_max = query;
    if (one.reply_bytes > sums->reply_max) sums->reply_max = one.reply_bytes;
    sums->memory += one.memory;
    return true;
}

static void write_clients(KeelInfo *info) {
    ClientSums sums = {0};
    keel_client_each(client_sum, &sums);
    keel_info_int(info, "connected_clients", (int64_t)keel_client_count());
    keel_info_int(info, "maxclients", settings.maxclients);
    keel_info_int(info, "client_recent_max_input_buffer", (int64_t)sums.query_max);
    keel_info_int(info, "client_recent_max_output_buffer", (int64_t)sums.reply_max);
    keel_info_int(info, "blocked_clients", (int64_t)keel_blocked_count());
}

/* --- Memory --------------------------------------------------------------------------------- */

typedef struct Allocator {
    size_t allocated, active, resident;
} Allocator;

static size_t resident_bytes(void) {
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (len <= 0) return 0;
    text[len] = '\0';
    char *second = strchr(text, ' ');
    return second ? strtoull(second, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

/* An allocator that cannot tell is taken to hold what we asked for in what the system gave us. */
static Allocator allocator_read(size_t used, size_t resident) {
    Allocator a = {.allocated = used, .active = resident, .resident = resident};
#ifdef HAVE_JEMALLOC
    uint64_t epoch = 1;
    size_t size = sizeof(epoch);
    mallctl("epoch", &epoch, &size, &epoch, size);
    size = sizeof(size_t);
    mallctl("stats.allocated", &a.allocated, &size, NULL, 0);
    mallctl("stats.active", &a.active, &size, NULL, 0);
    mallctl("stats.resident", &a.resident, &size, NULL, 0);
#endif
    return a;
}

static double ratio(size_t a, size_t b) {
    return b ? (double)a / (double)b : 0;
}

/* Redis prints sizes twice: in bytes, and for people under a name of its own. */
static void field_bytes(KeelInfo *info, const char *name, size_t bytes) {
    static const char units[] = "BKMGTP";
    char human[64];
    keel_info_int(info, name, (int64_t)bytes);
    snprintf(human, sizeof(human), "%s_human", name);
    int unit = 0;
    double scaled = (double)bytes;
    while (scaled >= 1024 && units[unit + 1]) {
        scaled /= 1024;
        unit++;
    }
    if (unit) keel_info_field(info, human, "%.2f%c", scaled, units[unit]);
    else keel_info_field(info, human, "%zuB", bytes);
}

static void write_memory(KeelInfo *info) {
    size_t used = keel_mem_used(), resident = resident_bytes();
    Allocator a = allocator_read(used, resident);
    if (used > stats.peak_memory) stats.peak_memory = used;
    ClientSums sums = {0};
    keel_client_each(client_sum, &sums);
    size_t overhead = stats.startup_memory + sums.memory;
    size_t net = used > stats.startup_memory ? used - stats.startup_memory : 0;
    size_t dataset = used > overhead ? used - overhead : 0;

    field_bytes(info, "used_memory", used);
    field_bytes(info, "used_memory_rss", resident);
    field_bytes(info, "used_memory_peak", stats.peak_memory);
    keel_info_field(info, "used_memory_peak_perc", "%.2f%%",
                    ratio(used, stats.peak_memory) * 100);
    keel_info_int(info, "used_memory_overhead", (int64_t)overhead);
    keel_info_int(info, "used_memory_startup", (int64_t)stats.startup_memory);
    keel_info_int(info, "used_memory_dataset", (int64_t)dataset);
    keel_info_field(info, "used_memory_dataset_perc", "%.2f%%", ratio(dataset, net) * 100);
    keel_info_int(info, "allocator_allocated", (int64_t)a.allocated);
    keel_info_int(info, "allocator_active", (int64_t)a.active);
    keel_info_int(info, "allocator_resident", (int64_t)a.resident);
    field_bytes(info, "total_system_memory",
                (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE));
    keel_info_field(info, "allocator_frag_ratio", "%.2f", ratio(a.active, a.allocated));
    keel_info_int(info, "allocator_frag_bytes", (int64_t)(a.active - a.allocated));
    keel_info_field(info, "allocator_rss_ratio", "%.2f", ratio(a.resident, a.active));
    keel_info_int(info, "allocator_rss_bytes", (int64_t)(a.resident - a.active));
    keel_info_field(info, "rss_overhead_ratio", "%.2f", ratio(resident, a.resident));
    keel_info_int(info, "rss_overhead_bytes", (int64_t)(resident - a.resident));
    keel_info_field(info, "mem_fragmentation_ratio", "%.2f", ratio(resident, used));
    keel_info_int(info, "mem_fragmentation_bytes", (int64_t)(resident - used));
#ifdef HAVE_JEMALLOC
    keel_info_field(info, "mem_allocator", "jemalloc-%d.%d.%d", JEMALLOC_VERSION_MAJOR,
                    JEMALLOC_VERSION_MINOR, JEMALLOC_VERSION_BUGFIX);
#else
    keel_info_field(info, "mem_allocator", "libc");
#endif
    keel_info_int(info, "lazyfree_pending_objects", (int64_t)keel_background_pending());
    keel_info_int(info, "lazyfreed_objects", (int64_t)stats.lazy_freed);
}

/* --- Stats ---------------------------------------------------------------------------------- */

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
    keel_info_int(info, "eventloop_duration_sum", (int64_t)stats.turn_ns / 1000);
    keel_info_int(info, "eventloop_duration_cmd_sum", (int64_t)stats.command_ns / 1000);
    keel_info_field(info, "instantaneous_eventloop_cycles_per_sec", "%.0f",
                    rate_mean(RATE_TURNS));
    keel_info_field(info, "instantaneous_eventloop_duration_usec", "%.0f",
                    rate_mean(RATE_TURN_NS) / 1000);
}

/* For our own eyes: its rank keeps it out of "all". */
static void write_debug(KeelInfo *info) {
    keel_info_int(info, "eventloop_duration_cron_sum", (int64_t)stats.cron_ns / 1000);
    keel_info_int(info, "eventloop_duration_max", (int64_t)stats.turn_ns_max / 1000);
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
    {.name = "Memory", .rank = 30, .write = write_memory},
    {.name = "Stats", .rank = 50, .write = write_stats},
    {.name = "CPU", .rank = 70, .write = write_cpu},
    {.name = "Keyspace", .rank = 130, .write = write_keyspace},
    {.name = "Debug", .rank = 1000, .write = write_debug},
    {0},
};
