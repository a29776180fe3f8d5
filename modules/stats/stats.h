/* stats.h - what the files of the stats module share. */
#ifndef STATS_H
#define STATS_H

#include <keel.h>

/* slowlog.c */
extern int slowlog_observer;
extern int64_t slowlog_slower_than, slowlog_max_len;
extern const KeelCommand slowlog_subcommands[];
void slowlog_seen(KeelCtx *c, const KeelCall *call);
bool slowlog_apply(const KeelConfig *config, bool starting, const char **reason);
void slowlog_clear(void);

/* latency.c: the moments in which clients waited, by event. */
enum { LATENCY_SAMPLES = 160, EVENT_NAME_ROOM = 64 };
typedef struct LatencySample {
    int64_t when;             /* seconds; 0: none yet */
    int64_t ms;
} LatencySample;
typedef struct LatencyEvent {
    struct LatencyEvent *next;
    LatencySample samples[LATENCY_SAMPLES]; /* a ring */
    int at;                   /* where the next one goes, which is where the oldest is */
    int64_t max_ms;
    char name[EVENT_NAME_ROOM];
    char worst[EVENT_NAME_ROOM], worst_module[EVENT_NAME_ROOM]; /* the command of max_ms; "" */
} LatencyEvent;
extern int latency_observer;
extern int64_t latency_threshold_ms;
extern const KeelCommand latency_subcommands[];
LatencyEvent *latency_events(void);
LatencyEvent *latency_find(KeelStr name);
/* The i-th oldest sample; NULL: the ring is not that full. */
const LatencySample *latency_sample(const LatencyEvent *event, int i);
void latency_seen(KeelCtx *c, const KeelCall *call);
void latency_told(KeelCtx *c, const void *data);
bool latency_apply(const KeelConfig *config, bool starting, const char **reason);
void latency_clear(void);

/* latency_graph.c and latency_doctor.c: the same for people. */
KeelHandler latency_graph, latency_doctor;

/* distribution.c: how long commands take, by percentile. */
extern bool distribution_tracking;
KeelHandler latency_histogram;
bool distribution_apply(const KeelConfig *config, bool starting, const char **reason);
bool percentiles_set(const KeelConfig *config, const KeelStr *argv, int argc, const char **reason);
void percentiles_get(const KeelConfig *config, KeelConfigOut *out);
void distribution_write(KeelInfo *info);

/* sections.c: INFO's sections about commands and errors. */
void sections_commands(KeelInfo *info);
void sections_errors(KeelInfo *info);
void sections_modules(KeelInfo *info);
/* Calls `each` for commands and their subcommands alike. */
typedef bool CommandEach(const KeelCommandRef *cmd, void *data);
void command_walk(CommandEach *each, void *data);
/* "cmdstat_config|get" of a prefix and a name, fit for a field's name. */
void field_name(char *out, size_t room, const char *prefix, const char *name);

/* monitor.c */
extern int monitor_observer, monitor_block_observer, monitor_gate, monitor_slot;
KeelHandler stats_monitor;
void monitor_seen(KeelCtx *c, const KeelCall *call);
void monitor_seen_blocking(KeelCtx *c, const KeelCall *call);
KeelVerdict monitor_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
void monitor_slot_free(KeelClient *client, void *value);
void monitor_show(KeelCtx *c, const KeelStr *argv, int argc);
void monitor_loading(KeelCtx *c, const void *data);
void monitor_end(void);

#endif
