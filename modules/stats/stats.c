/* stats.c - SLOWLOG, LATENCY, MONITOR, and INFO's statistics: what the server did, and how long it
 * took.
 *
 * All of it observes, and what is not asked for costs nothing. The slow log and the latency monitor
 * share the host's one compare of a command's duration with the least threshold; MONITOR's
 * observers are armed while somebody watches; everything else that takes its time is told by
 * keel_latency_add(), which is a compare while `latency-monitor-threshold` is 0. Counts and
 * distributions of commands are the host's own: here they are put into Redis's words. Without this
 * module there is none of that, and INFO lacks the sections.
 *
 *     slowlog.c         SLOWLOG
 *     latency.c         LATENCY and its samples; latency_graph.c, latency_doctor.c show them
 *     distribution.c    LATENCY HISTOGRAM, INFO latencystats
 *     monitor.c         MONITOR, and the interface "monitor"
 *     sections.c        INFO commandstats, errorstats, modulestats
 *
 * CONFIG RESETSTAT zeroes what INFO shows; the slow log and latency's samples have RESETs of their
 * own, as in Redis. Redis 8's section "keysizes" is left out: it is kept up to date by every write
 * there, and to walk all keys at each INFO has no bound. */
#include "stats.h"

#include <keel/monitor.h>

static int stats_load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    const char *reason;
    if (argc) return keel_load_error(c, "it takes no argument");
    slowlog_apply(NULL, true, &reason);
    latency_apply(NULL, true, &reason);
    distribution_apply(NULL, true, &reason);
    return 0;
}

static int stats_unload(KeelCtx *c) {
    (void)c;
    keel_latency_track(false);
    monitor_end();
    slowlog_clear();
    latency_clear();
    return 0;
}

static const KeelMonitorOps monitor_ops = {.size = sizeof(KeelMonitorOps), .show = monitor_show};

static const KeelInterface provides[] = {
    {"monitor", KEEL_MONITOR_VERSION, &monitor_ops},
    {0},
};

static const KeelObserver observers[] = {
    {.name = "slowlog", .id = &slowlog_observer, .when = KEEL_OBSERVE_SLOW, .seen = slowlog_seen},
    {.name = "latency", .id = &latency_observer, .when = KEEL_OBSERVE_SLOW, .seen = latency_seen},
    {.name = "monitor", .id = &monitor_observer, .when = KEEL_OBSERVE_AFTER, .seen = monitor_seen},
    {.name = "monitor-blocking", .id = &monitor_block_observer, .when = KEEL_OBSERVE_BLOCK,
     .seen = monitor_seen_blocking},
    {0},
};

static const KeelGate gates[] = {
    {.name = "monitor", .id = &monitor_gate, .rank = 82, .decide = monitor_decide,
     .flags = KEEL_READONLY | KEEL_WRITE | KEEL_MAY_REPLICATE},
    {0},
};

static const KeelSlot slots[] = {
    {.name = "monitor", .id = &monitor_slot, .free = monitor_slot_free},
    {0},
};

static const KeelHook hooks[] = {
    {.event = KEEL_EVENT_LATENCY, .call = latency_told},
    {.event = KEEL_EVENT_LOADING, .call = monitor_loading},
    {0},
};

static const KeelInfoSection sections[] = {
    {.name = "Commandstats", .rank = 90, .on_demand = true, .write = sections_commands},
    {.name = "Errorstats", .rank = 100, .write = sections_errors},
    {.name = "Latencystats", .rank = 110, .on_demand = true, .write = distribution_write},
    {.name = "Modulestats", .rank = 1010, .write = sections_modules},
    {0},
};

static const KeelConfig configs[] = {
    {.name = "slowlog-log-slower-than", .type = KEEL_CONFIG_INT, .var = &slowlog_slower_than,
     .value = "10000", .min = -1, .max = INT64_MAX, .apply = slowlog_apply},
    {.name = "slowlog-max-len", .type = KEEL_CONFIG_INT, .var = &slowlog_max_len, .value = "128",
     .max = INT64_MAX},
    {.name = "latency-monitor-threshold", .type = KEEL_CONFIG_INT, .var = &latency_threshold_ms,
     .value = "0", .max = INT64_MAX, .apply = latency_apply},
    {.name = "latency-tracking", .type = KEEL_CONFIG_BOOL, .var = &distribution_tracking,
     .value = "yes", .apply = distribution_apply},
    {.name = "latency-tracking-info-percentiles", .type = KEEL_CONFIG_CUSTOM,
     .flags = KEEL_CONFIG_MULTI, .value = "50 99 99.9", .get = percentiles_get,
     .set = percentiles_set},
    {0},
};

static const KeelCommand commands[] = {
    {.name = "latency", .subcommands = latency_subcommands, .group = "server",
     .summary = "Commands about latency.", .since = "2.8.13",
     .complexity = "Depends on subcommand."},
    {.name = "monitor", .flags = KEEL_ADMIN | KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE,
     .call = stats_monitor, .group = "server",
     .summary = "Shows every command that the server runs.", .since = "1.0.0",
     .complexity = "O(1), and a copy of each command that runs from then on"},
    {.name = "slowlog", .subcommands = slowlog_subcommands, .group = "server",
     .summary = "Commands about the slow log.", .since = "2.2.12",
     .complexity = "Depends on subcommand."},
    {0},
};

KEEL_MODULE(.name = "stats", .version = "1.0.0",
            .summary = "SLOWLOG, LATENCY, MONITOR, and INFO's statistics of commands and errors.",
            .commands = commands, .configs = configs, .info = sections, .gates = gates,
            .observers = observers, .hooks = hooks, .slots = slots, .provides = provides,
            .load = stats_load, .unload = stats_unload);
