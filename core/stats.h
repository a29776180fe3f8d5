/* stats.h - counters of the host, and INFO's core sections. */
#ifndef CORE_STATS_H
#define CORE_STATS_H

#include <keel/info.h>

/* Plain counters, added to where things happen. INFO's names are in stats.c's table. */
typedef struct Stats {
    uint64_t commands, connections, rejected_connections, bytes_in, bytes_out, reads, writes;
    uint64_t keyspace_hits, keyspace_misses, expired_keys, expired_time_cap, evicted_keys;
    uint64_t evicted_clients, error_replies, unexpected_errors, forks, last_fork_us, turns;
    uint64_t dropped_query_limit, dropped_output_limit, lazy_freed, dirty;
    uint64_t peak_memory, startup_memory, expire_cycle_us, unblocked;
    uint64_t turn_start, turn_ticks, turn_ticks_max; /* of the CPU's counter, waiting left out */
    uint64_t cron_ns, commands_per_turn_max;
    int64_t start_ms;
    double expired_stale_percent;
} Stats;
extern Stats stats;

/* hz times a second: samples for instantaneous_* fields and the memory peak. */
void stats_sample(void);
/* CONFIG RESETSTAT. */
void stats_reset(void);
/* Counts an error reply, in all and under its first word. */
void stats_error(KeelStr text);
/* The core's own INFO sections (ended by an empty row), and modules'. */
extern const KeelInfoSection info_rows[];
void info_write_memory(KeelInfo *info);
struct Module;
int info_register(struct Module *module);
void info_unregister(struct Module *module);

#endif
