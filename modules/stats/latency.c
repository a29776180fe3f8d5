/* latency.c - LATENCY: the moments in which the server made its clients wait.
 *
 * Commands come from an observer that the host calls for slow ones only; everything else (the
 * expiry cycle, forks, evictions, what other modules name) comes by keel_latency_add(). Both are off
 * while `latency-monitor-threshold` is 0. Each event has a ring of 160 samples, one a second at
 * most, of which the highest counts, and the highest of all times with the command that it was. */
#include "stats.h"

#include <stdio.h>
#include <string.h>

enum { EVENTS_MAX = 128 }; /* names are the code's, not the users', so this is plenty */

int latency_observer;
int64_t latency_threshold_ms;

static LatencyEvent *events, **events_end = &events;
static size_t event_count;

/* --- samples ---------------------------------------------------------------------------------- */

LatencyEvent *latency_events(void) {
    return events;
}

LatencyEvent *latency_find(KeelStr name) {
    for (LatencyEvent *e = events; e; e = e->next) {
        if (keel_equal(name, keel_str(e->name))) return e;
    }
    return NULL;
}

static LatencyEvent *event_get(const char *name) {
    KeelStr shown = {name, strnlen(name, EVENT_NAME_ROOM - 1)};
    LatencyEvent *e = latency_find(shown);
    if (e || event_count == EVENTS_MAX) return e;
    if (++event_count == EVENTS_MAX) {
        keel_log(KEEL_LOG_WARNING, "LATENCY keeps %d events: further ones are not recorded.",
                 EVENTS_MAX);
    }
    e = keel_zalloc(sizeof(*e));
    memcpy(e->name, shown.ptr, shown.len);
    *events_end = e;
    events_end = &e->next;
    return e;
}

const LatencySample *latency_sample(const LatencyEvent *event, int i) {
    const LatencySample *full = &event->samples[event->at];
    int from = full->when ? event->at : 0, n = full->when ? LATENCY_SAMPLES : event->at;
    return i < n ? &event->samples[(from + i) % LATENCY_SAMPLES] : NULL;
}

/* `cmd`: the command that it was; NULL: none. */
static void event_add(const char *name, int64_t ms, const KeelCommandRef *cmd) {
    LatencyEvent *e = event_get(name);
    if (!e) return;
    if (ms > e->max_ms || (!e->max_ms && !latency_sample(e, 0))) {
        e->max_ms = ms;
        snprintf(e->worst, sizeof(e->worst), "%s", cmd ? keel_command_name(cmd) : "");
        snprintf(e->worst_module, sizeof(e->worst_module), "%s",
                 cmd ? keel_command_module(cmd) : "");
    }
    int64_t now = keel_now_ms() / 1000;
    LatencySample *last = &e->samples[(e->at + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];
    if (last->when == now) {
        if (ms > last->ms) last->ms = ms;
        return;
    }
    e->samples[e->at] = (LatencySample){now, ms};
    e->at = (e->at + 1) % LATENCY_SAMPLES;
}

void latency_seen(KeelCtx *c, const KeelCall *call) {
    (void)c;
    bool fast = keel_command_flags(call->command) & KEEL_FAST;
    event_add(fast ? "fast-command" : "command", call->nanoseconds / 1000000, call->command);
}

void latency_told(KeelCtx *c, const void *data) {
    (void)c;
    const KeelLatencyEvent *event = data;
    int64_t ms = event->nanoseconds / 1000000;
    if (ms >= latency_threshold_ms) event_add(event->what, ms, NULL);
}

bool latency_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    bool on = latency_threshold_ms > 0;
    int64_t ns;
    if (__builtin_mul_overflow(latency_threshold_ms, 1000000, &ns)) ns = INT64_MAX;
    keel_observer_threshold(latency_observer, on ? ns : -1);
    keel_observer_arm(latency_observer, on);
    keel_hook_arm(KEEL_EVENT_LATENCY, latency_told, on);
    return true;
}

static void event_remove(LatencyEvent *gone) {
    LatencyEvent **at = &events;
    while (*at != gone) at = &(*at)->next;
    *at = gone->next;
    if (!*at) events_end = at;
    event_count--;
    keel_free(gone);
}

void latency_clear(void) {
    while (events) event_remove(events);
}

/* --- the command ------------------------------------------------------------------------------ */

static void latency_latest(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_array(c, event_count);
    for (const LatencyEvent *e = events; e; e = e->next) {
        const LatencySample *last = &e->samples[(e->at + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];
        keel_reply_array(c, 4);
        keel_reply_cstr(c, e->name);
        keel_reply_int(c, last->when);
        keel_reply_int(c, last->ms);
        keel_reply_int(c, e->max_ms);
    }
}

static void latency_history(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    const LatencyEvent *e = latency_find(argv[2]);
    const LatencySample *s;
    KeelDeferred list = keel_reply_defer_array(c);
    size_t n = 0;
    for (; e && (s = latency_sample(e, (int)n)); n++) {
        keel_reply_array(c, 2);
        keel_reply_int(c, s->when);
        keel_reply_int(c, s->ms);
    }
    keel_reply_end(c, list, n);
}

static void latency_reset(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t gone = argc == 2 ? (int64_t)event_count : 0;
    if (argc == 2) latency_clear();
    for (int i = 2; i < argc; i++) {
        LatencyEvent *e = latency_find(argv[i]);
        if (!e) continue;
        event_remove(e);
        gone++;
    }
    keel_reply_int(c, gone);
}

static void latency_help(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    static const char *const lines[] = {
        "DOCTOR",
        "    What was slow, how often, which command of which module it was, and what may help.",
        "GRAPH <event>",
        "    The samples of an event as a picture.",
        "HISTOGRAM [COMMAND ...]",
        "    How many calls took at most so many microseconds, by command; of all by default.",
        "HISTORY <event>",
        "    The samples of an event: seconds since 1970, milliseconds.",
        "LATEST",
        "    The last sample of each event: its time, milliseconds, and the highest there was.",
        "RESET [<event> ...]",
        "    Forget events, all of them by default.",
        NULL};
    keel_reply_help(c, lines);
}

#define LATENCY_FLAGS (KEEL_ADMIN | KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE)
#define SPECIAL "nondeterministic_output request_policy:all_nodes response_policy:special"

const KeelCommand latency_subcommands[] = {
    {.name = "doctor", .flags = LATENCY_FLAGS, .group = "server", .call = latency_doctor,
     .summary = "Reports on latency in words.", .since = "2.8.13", .complexity = "O(1)",
     .tips = SPECIAL},
    {.name = "graph", .args = "event", .flags = LATENCY_FLAGS, .group = "server",
     .call = latency_graph, .summary = "Draws the latency of an event.", .since = "2.8.13",
     .complexity = "O(1)", .tips = SPECIAL},
    {.name = "help", .flags = KEEL_LOADING | KEEL_STALE, .group = "server", .call = latency_help,
     .summary = "Lists LATENCY's subcommands.", .since = "2.8.13", .complexity = "O(1)"},
    {.name = "histogram", .args = "[COMMAND:string [COMMAND:string ...]]",
     .flags = LATENCY_FLAGS,
     .group = "server", .call = latency_histogram,
     .summary = "Returns how the durations of commands are distributed.", .since = "7.0.0",
     .complexity = "O(N) where N is the number of commands with latency information being "
                   "retrieved.",
     .tips = SPECIAL},
    {.name = "history", .args = "event", .flags = LATENCY_FLAGS, .group = "server",
     .call = latency_history, .summary = "Returns the samples of an event.", .since = "2.8.13",
     .complexity = "O(1)", .tips = SPECIAL},
    {.name = "latest", .flags = LATENCY_FLAGS, .group = "server", .call = latency_latest,
     .summary = "Returns the last sample of every event.", .since = "2.8.13",
     .complexity = "O(1)", .tips = SPECIAL},
    {.name = "reset", .args = "[event [event ...]]", .flags = LATENCY_FLAGS, .group = "server",
     .call = latency_reset, .summary = "Forgets the samples of events.", .since = "2.8.13",
     .complexity = "O(1)", .tips = "request_policy:all_nodes response_policy:agg_sum"},
    {0}};
