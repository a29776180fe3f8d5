/* eviction.c - memory under its limit: maxmemory, its policies, maxmemory-clients.
 *
 * The gate "memory" is armed while there is a limit. Before a command it compares what is in use
 * with the limit, two loads, and removes keys one by one while it is over (pool.c says which).
 * What cannot be made room for refuses commands that may need memory (KEEL_DENYOOM), and all that
 * would be queued. A command runs with what was found before it: nothing is removed under its
 * hands, and what it calls itself is refused or not as it was then.
 *
 * A burst of data over the limit is not removed at once: maxmemory-eviction-tenacity bounds the
 * time that one command may take for it; a timer goes on with slices of the same length, and
 * commands run meanwhile although memory is over the limit.
 *
 * The access clocks that policies judge by are the keyspace's. Which of the two it keeps follows
 * from the policy, so OBJECT IDLETIME and FREQ answer by it too.
 *
 * Memory is what the allocator gave out, without what keel_mem_uncount() was told: output for
 * journals and peers grows by removing keys. */
#include "eviction.h"

#include <keel/pause.h>
#include <keel/replication.h>

#include <keel/eviction.h>
#include <string.h>
#include <unistd.h>

/* How one attempt to get under the limit ended. */
typedef enum Outcome {
    ROOM,    /* it is under it */
    LATER,   /* time was up; the timer goes on */
    NO_ROOM, /* nothing is left to remove */
} Outcome;

enum { KEYS_PER_LOOK = 16 }; /* removed between two looks at the clock */

int evict_policy;
int64_t evict_samples, evict_limit, evict_clients_part;

static bool lazy;
static int64_t tenacity, log_factor, decay_minutes;
static int64_t slice_ns;        /* what one command may spend; INT64_MAX: all that it takes */

static int gate;
static uint64_t timer;          /* 0: none runs */
static bool refusing;           /* as the last command began */
static int64_t exceeded_ns;     /* since when there has been no room, 0: there is */
static int64_t exceeded_sum_ns; /* how long that was, all times that are over */

/* --- under the limit -------------------------------------------------------------------------- */

static size_t used_memory(void) {
    size_t used = keel_mem_used(), uncounted = keel_mem_uncounted();
    return used > uncounted ? used - uncounted : 0;
}

static inline bool is_over(void) {
    return evict_limit && used_memory() > (size_t)evict_limit;
}

/* Values that the background thread frees are gone in a moment, perhaps: worth a slice's wait. */
static Outcome await_background(int64_t until_ns) {
    int64_t start = keel_monotonic_ns();
    while (is_over() && keel_background_pending() && keel_monotonic_ns() < until_ns) usleep(100);
    keel_latency_add("eviction-lazyfree", keel_monotonic_ns() - start);
    return is_over() ? NO_ROOM : ROOM;
}

/* The clock is not read for the few keys that a command in a full database displaces. */
static Outcome remove_keys(KeelCtx *c) {
    int64_t until = 0;
    for (unsigned removed = 0; is_over();) {
        if (!pool_evict(c, lazy)) {
            if (!until) until = slice_ns == INT64_MAX ? slice_ns : keel_monotonic_ns() + slice_ns;
            return await_background(until);
        }
        if (++removed % KEYS_PER_LOOK || slice_ns == INT64_MAX) continue;
        int64_t now = keel_monotonic_ns();
        if (!until) until = now + slice_ns;
        if (now >= until) return is_over() ? LATER : ROOM;
    }
    return ROOM;
}

static void note_outcome(Outcome outcome) {
    if (outcome != ROOM) {
        if (!exceeded_ns) exceeded_ns = keel_monotonic_ns();
    } else if (exceeded_ns) {
        exceeded_sum_ns += keel_monotonic_ns() - exceeded_ns;
        exceeded_ns = 0;
    }
}

static KeelTimerCall go_on;

static void timer_ensure(void) {
    if (!timer) timer = KEEL_TIMER_START(0, go_on, NULL);
}

/* Not while a dataset loads or clients are paused; and on a server that copies another one only when
 * it is to hold limits of its own. */
static bool keys_may_go(void) {
    if (keel_expires_on_access()) return true;
    const KeelReplicationOps *copy = keel_interface("replication", KEEL_REPLICATION_VERSION);
    const KeelPauseOps *pause = keel_interface("pause", KEEL_PAUSE_VERSION);
    if (keel_loading() || (pause && pause->active())) return false;
    return copy && copy->holds_limits();
}

/* While keys may not go by themselves there is no limit either. */
static Outcome make_room(KeelCtx *c) {
    Outcome outcome = ROOM;
    if (is_over() && keys_may_go()) {
        int64_t start = keel_latency_watched() ? keel_monotonic_ns() : 0;
        outcome = evict_policy == EVICT_NOTHING ? NO_ROOM : remove_keys(c);
        if (outcome == LATER) timer_ensure();
        if (start) keel_latency_add("eviction-cycle", keel_monotonic_ns() - start);
    }
    note_outcome(outcome);
    return outcome;
}

static bool go_on(KeelCtx *c, void *data) {
    (void)data;
    if (make_room(c) == LATER) return true;
    timer = 0;
    return false;
}

/* --- the gate --------------------------------------------------------------------------------- */

/* A queue grows without bound, so that nothing is put into one. MULTI and WATCH would not be, but
 * are refused all the same. */
static bool would_queue(KeelCtx *c, const KeelCommandRef *cmd) {
    const KeelClient *client = keel_client(c);
    if (!client || !(keel_client_flags(client) & KEEL_CF_IN_MULTI)) return false;
    KeelStr name = keel_str(keel_command_name(cmd));
    return !(keel_command_flags(cmd) & KEEL_NO_QUEUE) || keel_is(name, "multi") ||
           keel_is(name, "watch");
}

/* Before a command that its client sent: makes room, and notes whether that failed. */
static bool sent_refused(KeelCtx *c, const KeelCommandRef *cmd) {
    refusing = (is_over() || exceeded_ns) && make_room(c) == NO_ROOM;
    return refusing && ((keel_command_flags(cmd) & KEEL_DENYOOM) || would_queue(c, cmd));
}

/* What another command calls, or asks about before it calls it, gets the answer that was found
 * before that one; what a timer or a thread calls finds things as they are. */
static bool called_refused(KeelCtx *c, const KeelCommandRef *cmd) {
    const KeelClient *client = keel_client(c);
    if (!(keel_command_flags(cmd) & KEEL_DENYOOM)) return false;
    if (client && keel_client_id(client)) return refusing;
    return is_over() && keys_may_go();
}

static KeelVerdict memory_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv,
                                 int argc) {
    (void)argv, (void)argc;
    bool sent = cmd == keel_command(c) && !keel_is_nested(c);
    if (sent && clients_used() >= clients_limit) {
        clients_evict();
        if (keel_client_flags(keel_client(c)) & KEEL_CF_CLOSING) return KEEL_ANSWERED;
    }
    if (!(sent ? sent_refused(c, cmd) : called_refused(c, cmd))) return KEEL_PASS;
    keel_reply_error(c, "OOM command not allowed when used memory > 'maxmemory'.");
    return KEEL_ANSWERED;
}

/* What was written to sockets in this turn, or could not be, shows now. */
static void turn(KeelCtx *c, const void *data) {
    (void)c;
    if (((const KeelTurnEvent *)data)->phase == KEEL_AFTER && clients_used() >= clients_limit) {
        clients_evict();
    }
}

static void stats_reset(KeelCtx *c, const void *data) {
    (void)c, (void)data;
    exceeded_sum_ns = exceeded_ns = 0;
}

/* --- settings --------------------------------------------------------------------------------- */

static void arm(void) {
    clients_limit_apply();
    keel_gate_arm(gate, evict_limit || clients_limit != SIZE_MAX);
    keel_hook_arm(KEEL_EVENT_TURN, turn, clients_limit != SIZE_MAX);
    if (evict_limit) return;
    refusing = false;
    note_outcome(ROOM);
}

static bool clients_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    arm();
    return true;
}

/* Half a millisecond at 10, then 15% more with each step. */
static bool tenacity_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    double slice = 50000.0 * (double)(tenacity < 10 ? tenacity : 10);
    for (int64_t step = 10; step < tenacity; step++) slice *= 1.15;
    slice_ns = tenacity < 100 ? (int64_t)slice : INT64_MAX;
    return true;
}

static bool limit_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)reason;
    arm();
    if (starting || !is_over()) return true;
    keel_log(KEEL_LOG_WARNING, "WARNING: the new maxmemory value set via CONFIG SET (%lld) is "
             "smaller than the current memory usage (%zu). This will result in key eviction and/or "
             "the inability to accept new write commands depending on the maxmemory-policy.",
             (long long)evict_limit, used_memory());
    timer_ensure();
    return true;
}

static bool clock_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    pool_clear();
    keel_access_frequency((evict_policy & EVICT_JUDGE) == EVICT_LFU, (int)log_factor,
                          (int)decay_minutes);
    return true;
}

static const KeelWord policies[] = {
    {"volatile-lru", EVICT_VOLATILE | EVICT_LRU},
    {"volatile-lfu", EVICT_VOLATILE | EVICT_LFU},
    {"volatile-random", EVICT_VOLATILE | EVICT_RANDOM},
    {"volatile-ttl", EVICT_VOLATILE | EVICT_TTL},
    {"allkeys-lru", EVICT_LRU},
    {"allkeys-lfu", EVICT_LFU},
    {"allkeys-random", EVICT_RANDOM},
    {"noeviction", EVICT_NOTHING},
    {0},
};

static const KeelConfig configs[] = {
    {.name = "maxmemory", .type = KEEL_CONFIG_MEMORY, .var = &evict_limit, .value = "0",
     .apply = limit_apply},
    {.name = "maxmemory-policy", .type = KEEL_CONFIG_ENUM, .var = &evict_policy,
     .value = "noeviction", .words = policies, .apply = clock_apply},
    {.name = "maxmemory-samples", .type = KEEL_CONFIG_INT, .var = &evict_samples, .value = "5",
     .min = 1, .max = INT32_MAX},
    {.name = "maxmemory-eviction-tenacity", .type = KEEL_CONFIG_INT, .var = &tenacity,
     .value = "10", .min = 0, .max = 100, .apply = tenacity_apply},
    {.name = "maxmemory-clients", .type = KEEL_CONFIG_PERCENT_OR_MEMORY,
     .var = &evict_clients_part, .value = "0", .min = -100, .max = INT64_MAX,
     .apply = clients_apply},
    {.name = "lfu-log-factor", .type = KEEL_CONFIG_INT, .var = &log_factor, .value = "10",
     .min = 0, .max = INT32_MAX, .apply = clock_apply},
    {.name = "lfu-decay-time", .type = KEEL_CONFIG_INT, .var = &decay_minutes, .value = "1",
     .min = 0, .max = INT32_MAX, .apply = clock_apply},
    {.name = "lazyfree-lazy-eviction", .type = KEEL_CONFIG_BOOL, .var = &lazy, .value = "no"},
    {0},
};

/* --- what it says of itself ------------------------------------------------------------------- */

static void write_memory(KeelInfo *info) {
    const KeelWord *word = policies;
    while (word->value != evict_policy) word++;
    keel_info_bytes(info, "maxmemory", (size_t)evict_limit);
    keel_info_field(info, "maxmemory_policy", "%s", word->word);
    keel_info_int(info, "mem_not_counted_for_evict", (int64_t)keel_mem_uncounted());
}

static void write_stats(KeelInfo *info) {
    int64_t now = exceeded_ns ? keel_monotonic_ns() - exceeded_ns : 0;
    keel_info_int(info, "total_eviction_exceeded_time", (exceeded_sum_ns + now) / 1000000);
    keel_info_int(info, "current_eviction_exceeded_time", now / 1000000);
}

static size_t ops_limit(void) {
    return (size_t)evict_limit;
}
static bool ops_refusing(void) {
    return refusing;
}
static const KeelEvictionOps ops = {sizeof(KeelEvictionOps), ops_limit, used_memory, ops_refusing};

/* --- the module ------------------------------------------------------------------------------- */

static int eviction_load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    if (argc) return keel_load_error(c, "it takes no argument");
    const char *reason = NULL;
    tenacity_apply(NULL, true, &reason);
    clock_apply(NULL, true, &reason);
    arm();
    return 0;
}

static int eviction_unload(KeelCtx *c) {
    (void)c;
    if (timer) keel_timer_stop(timer, NULL);
    timer = 0;
    pool_clear();
    keel_access_frequency(false, 10, 1);
    return 0;
}

static const KeelGate gates[] = {
    {.name = "memory", .id = &gate, .rank = 50, .decide = memory_decide, .whole = true}, {0}};

static const KeelHook hooks[] = {
    {.event = KEEL_EVENT_TURN, .call = turn},
    {.event = KEEL_EVENT_RESETSTAT, .call = stats_reset},
    {0},
};

static const KeelInfoSection sections[] = {
    {.name = "Memory", .rank = 30, .write = write_memory},
    {.name = "Stats", .rank = 50, .write = write_stats},
    {0},
};

static const KeelInterface provides[] = {{"eviction", KEEL_EVICTION_VERSION, &ops}, {0}};

KEEL_MODULE(.name = "eviction", .version = "1.0.0",
            .summary = "Memory limits: maxmemory with its policies, maxmemory-clients.",
            .configs = configs, .gates = gates, .hooks = hooks, .info = sections,
            .provides = provides, .load = eviction_load, .unload = eviction_unload);
