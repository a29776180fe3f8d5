/* defrag.c - active defragmentation: memory that fragmentation holds is won back while clients are
 * served (`activedefrag` and its settings).
 *
 * Once a second the allocator is asked how many bytes its pages have beyond those in use. Where
 * that is more than active-defrag-ignore-bytes and more than active-defrag-threshold-lower percent,
 * a pass begins: key after key, all blocks that lie in sparse slabs are moved (keel/move.h), with a
 * share of one processor between active-defrag-cycle-min and -max percent, the more the worse
 * it is. The share is spent in slices of half a millisecond, or as long as it takes to leave
 * the loop a millisecond in between; so this is what a command waits at most. During a pass
 * the share may grow, not shrink; after it, it is decided anew whether another one is worth while.
 * One that moved hardly any block is not repeated for a minute, unless fragmentation grows.
 *
 * Values of more than active-defrag-max-scan-fields allocations are put aside and moved part by
 * part, before the walk over keys goes on. Memory that belongs to no key has its turn at the end of
 * a pass (KEEL_EVENT_DEFRAGMENT).
 *
 * DEBUG DEFRAG, and `loadmodule defrag every`, make every block move all the time, whatever its
 * slab looks like and with any allocator, so that tests find addresses that somebody kept. */
#include <keel.h>

#include <string.h>

enum { SLICE_NS = 500 * 1000, MS_NS = 1000 * 1000, CRON_LOST_MS = 2000 };

static bool enabled;
static int64_t ignore_bytes, threshold_lower, threshold_upper, share_min, share_max, max_fields;

/* A large value that waits for its turn. */
typedef struct Later {
    struct Later *next;
    int db;
    size_t len;
    char name[];
} Later;

static struct Pass {
    int64_t share;           /* percent of a processor; 0: no pass runs */
    bool begun;
    int db;
    uint64_t cursor;         /* of the walk over keys */
    Later *first, **last;
    uint64_t later_cursor;   /* into the first one's value */
    uint64_t moved, stayed;  /* blocks, in this pass */
    int64_t since_ns;        /* when the first of the passes in a row began; 0: none runs */
    uint64_t moved_before;   /* blocks in these passes */
} pass = {.last = &pass.first};

/* What a pass left that hardly found anything to move. */
static struct Futile {
    size_t bytes;            /* 0: no pass was futile */
    int64_t until_ns;
} futile;

static uint64_t hits, misses, key_hits, key_misses;
static int64_t total_ns;
static bool every;           /* DEBUG DEFRAG EVERY */
static bool pass_asked;      /* DEBUG DEFRAG PASS, which is about to be done */
static bool changed;         /* settings: a share may fall too */
static uint64_t timer;
static int64_t looked_ns, cron_ns;

/* ---- how bad it is --------------------------------------------------------------------------- */

static double fragmentation(size_t *bytes) {
    KeelMemoryFacts f = {.size = sizeof(f)};
    keel_memory_facts(&f);
    *bytes = f.active > f.allocated ? f.active - f.allocated : 0;
    return f.allocated ? (double)*bytes * 100 / (double)f.allocated : 0;
}

/* The share that so much calls for: on the line from (lower, min) to (upper, max). */
static int64_t share_for(double percent) {
    double width = (double)(threshold_upper - threshold_lower);
    double over = percent - (double)threshold_lower;
    double part = width > 0 ? over / width : over >= 0 ? 1 : 0;
    double share = (double)share_min + part * (double)(share_max - share_min);
    if (share > (double)share_max) share = (double)share_max;
    return share < (double)share_min ? share_min : (int64_t)share;
}

static void log_share(double percent, size_t bytes) {
    keel_log(KEEL_LOG_VERBOSE, "Moving memory to denser places: %.0f%% (%zu bytes) are lost to "
             "fragmentation, %lld%% of a processor is spent on it", percent, bytes,
             (long long)pass.share);
}

/* Begins a pass where one is due, or hurries one up. */
static void look(void) {
    size_t bytes = 0;
    double percent = every ? 0 : fragmentation(&bytes);
    looked_ns = keel_monotonic_ns();
    bool due = every || (percent >= (double)threshold_lower && bytes >= (uint64_t)ignore_bytes);
    if (changed || looked_ns > futile.until_ns || bytes > futile.bytes + futile.bytes / 8) {
        futile.until_ns = 0;
    }
    if (!pass.share && (!due || (futile.until_ns && !every))) return;
    int64_t share = every ? 25 : share_for(percent);
    if (share <= pass.share && !changed) return;
    changed = false;
    if (!pass.since_ns) pass.since_ns = looked_ns;
    pass.share = share;
    if (!every) log_share(percent, bytes);
}

/* ---- large values ---------------------------------------------------------------------------- */

static void put_aside(int db, KeelStr name, void *data) {
    (void)data;
    Later *later = keel_alloc(sizeof(*later) + name.len);
    *later = (Later){.db = db, .len = name.len};
    memcpy(later->name, name.ptr, name.len);
    *pass.last = later;
    pass.last = &later->next;
}

static void drop_first(void) {
    Later *later = pass.first;
    pass.first = later->next;
    if (!pass.first) pass.last = &pass.first;
    pass.later_cursor = 0;
    keel_free(later);
}

/* A part of the first one. It may be gone by now, or be another value. */
static void move_aside(KeelCtx *c, KeelMoving *moving) {
    enum { QUIETLY = KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS | KEEL_KEY_EXPIRED_TOO };
    Later *later = pass.first;
    KeelKey key;
    if (!keel_key_open_in(c, later->db, (KeelStr){later->name, later->len}, QUIETLY, &key)) {
        drop_first();
        return;
    }
    uint64_t before = moving->moved;
    keel_key_defragment(&key, &pass.later_cursor);
    if (moving->moved > before) moving->keys_moved++;
    else moving->keys_stayed++;
    if (!pass.later_cursor) drop_first();
}

/* ---- passes ---------------------------------------------------------------------------------- */

static void stop(void) {
    while (pass.first) drop_first();
    if (pass.since_ns) total_ns += keel_monotonic_ns() - pass.since_ns;
    pass = (struct Pass){.last = &pass.first};
}

static void count(KeelMoving *moving) {
    hits += moving->moved;
    misses += moving->stayed;
    key_hits += moving->keys_moved;
    key_misses += moving->keys_stayed;
    pass.moved += moving->moved;
    pass.stayed += moving->stayed;
    moving->moved = moving->stayed = moving->keys_moved = moving->keys_stayed = 0;
}

static void tell(KeelCtx *c, KeelPhase phase) {
    KeelDefragmentEvent event = {.phase = phase};
    keel_event_send(c, KEEL_EVENT_DEFRAGMENT, &event);
}

static void note_outcome(void) {
    const int64_t FUTILE_NS = (int64_t)60 * 1000 * MS_NS;
    size_t bytes = 0;
    if (!every) fragmentation(&bytes);
    bool was_futile = pass.moved < (pass.moved + pass.stayed) / 100;
    futile.bytes = bytes;
    futile.until_ns = was_futile ? keel_monotonic_ns() + FUTILE_NS : 0;
    pass.moved_before += pass.moved;
    pass.moved = pass.stayed = 0;
}

static void log_outcome(void) {
    size_t bytes;
    double percent = fragmentation(&bytes);
    keel_log(KEEL_LOG_VERBOSE, "Memory was moved for %lld ms: %llu blocks; %.0f%% (%zu bytes) are "
             "still lost to fragmentation",
             (long long)((keel_monotonic_ns() - pass.since_ns) / MS_NS),
             (unsigned long long)pass.moved_before, percent, bytes);
}

/* A pass is over. Another one follows at once while it is worth it. */
static void finish(KeelCtx *c, KeelMoving *moving) {
    tell(c, KEEL_AFTER);
    count(moving);
    note_outcome();
    pass.begun = false;
    pass.db = 0;
    pass.share = 0;
    look();
    if (pass.share) return;
    log_outcome();
    stop();
}

/* Some of the work; true: the pass ended with it. */
static bool advance(KeelCtx *c, KeelMoving *moving) {
    if (!pass.begun) {
        pass.begun = true;
        tell(c, KEEL_BEFORE);
    }
    if (pass.first) {
        move_aside(c, moving);
        return false;
    }
    if (pass.db < keel_db_count()) {
        pass.cursor = keel_db_defragment(pass.db, pass.cursor);
        if (!pass.cursor) pass.db++;
        return false;
    }
    finish(c, moving);
    return true;
}

/* `one_pass`: to its end, however long that takes. False: nothing may be moved now. */
static bool run(KeelCtx *c, int64_t ns, bool one_pass) {
    int64_t start = keel_monotonic_ns();
    KeelMoving moving = {.size = sizeof(moving), .every = every, .until_ns = start + ns,
                         .large = (size_t)max_fields, .later = put_aside};
    if (!keel_move_begin(&moving)) return false;
    bool ended;
    do {
        ended = advance(c, &moving);
    } while (one_pass ? !ended : pass.share && !keel_move_over());
    keel_move_end();
    count(&moving);
    keel_latency_add("active-defrag-cycle", keel_monotonic_ns() - start);
    return true;
}

/* The share of time is that of a slice in the slice and the pause behind it, which is one
 * millisecond at least. Where nothing may be moved, the cron tries again. */
static bool slice(KeelCtx *c, void *data) {
    (void)data;
    timer = 0;
    if (!pass.share) return false;
    if (keel_monotonic_ns() - cron_ns > (int64_t)CRON_LOST_MS * MS_NS) return false; /* it is paused */
    int64_t rest = 100 - pass.share, pause = (SLICE_NS * rest / pass.share + MS_NS / 2) / MS_NS;
    if (pause < 1) pause = 1;
    if (!run(c, pause * MS_NS * pass.share / rest, false)) return false;
    if (pass.share) timer = KEEL_TIMER_START(pause, slice, NULL);
    return false;
}

static void cron(KeelCtx *c, const void *data) {
    enum { LOOK_NS = 1000 * MS_NS };
    (void)c, (void)data;
    cron_ns = keel_monotonic_ns();
    if (keel_fork_active() || keel_loading()) return;
    if (cron_ns - looked_ns >= LOOK_NS) look();
    if (pass.share && !timer) timer = KEEL_TIMER_START(0, slice, NULL);
}

/* ---- settings -------------------------------------------------------------------------------- */

/* Until the first look, which the next cron takes. */
static void arm(void) {
    bool on = enabled || every;
    keel_hook_arm(KEEL_EVENT_CRON, cron, on);
    if (!on) stop();
    changed = true;
    looked_ns = 0;
}

static bool enabled_check(const KeelConfig *config, KeelStr value, const char **reason) {
    (void)config;
    if (!keel_is(value, "yes") || keel_can_move() || every) return true;
    *reason = "Active defragmentation cannot be enabled: it requires a Redis server compiled with "
              "a modified Jemalloc like the one shipped by default with the Redis source "
              "distribution";
    return false;
}

static bool apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    arm();
    return true;
}

static const KeelConfig configs[] = {
    {.name = "activedefrag", .type = KEEL_CONFIG_BOOL, .var = &enabled, .value = "no",
     .check = enabled_check, .apply = apply},
    {.name = "active-defrag-cycle-max", .type = KEEL_CONFIG_INT, .var = &share_max,
     .value = "25", .min = 1, .max = 99, .apply = apply},
    {.name = "active-defrag-cycle-min", .type = KEEL_CONFIG_INT, .var = &share_min, .value = "1",
     .min = 1, .max = 99, .apply = apply},
    {.name = "active-defrag-ignore-bytes", .type = KEEL_CONFIG_MEMORY, .var = &ignore_bytes,
     .value = "100mb", .min = 1, .max = INT64_MAX, .apply = apply},
    {.name = "active-defrag-max-scan-fields", .type = KEEL_CONFIG_INT, .var = &max_fields,
     .value = "1000", .min = 1, .max = INT64_MAX},
    {.name = "active-defrag-threshold-lower", .type = KEEL_CONFIG_INT, .var = &threshold_lower,
     .value = "10", .min = 0, .max = 1000, .apply = apply},
    {.name = "active-defrag-threshold-upper", .type = KEEL_CONFIG_INT, .var = &threshold_upper,
     .value = "100", .min = 0, .max = 1000, .apply = apply},
    {0},
};

/* ---- DEBUG DEFRAG ---------------------------------------------------------------------------- */

/* Between turns: no command runs then. */
static void whole_pass(KeelCtx *c, void *data) {
    bool before = every;
    (void)data;
    pass_asked = false;
    stop();
    every = true;
    run(c, INT64_MAX / 2, true);
    every = before;
    if (!every) stop();
}

static void debug_defrag(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    if (keel_is(argv[2], "every") || keel_is(argv[2], "sparse")) {
        every = keel_is(argv[2], "every");
        stop();
        arm();
    } else if (keel_is(argv[2], "pass")) {
        if (!pass_asked) keel_post(whole_pass, NULL);
        pass_asked = true;
    } else {
        keel_reply_syntax(c);
        return;
    }
    keel_reply_ok(c);
}

static const char *const debug_help[] = {
    "DEFRAG <EVERY|SPARSE|PASS>",
    "    EVERY moves every block of every key all the time, SPARSE again only what fragmentation",
    "    calls for. PASS moves every block once, before the next command.",
    NULL,
};

static const KeelDebug debug = {
    .size = sizeof(KeelDebug), .call = debug_defrag, .help = debug_help, .arity = 3};

/* ---- what it says of itself ------------------------------------------------------------------ */

static void write_memory(KeelInfo *info) {
    keel_info_int(info, "active_defrag_running", pass.share);
}

static void write_stats(KeelInfo *info) {
    int64_t now = pass.since_ns ? keel_monotonic_ns() - pass.since_ns : 0;
    keel_info_int(info, "active_defrag_hits", (int64_t)hits);
    keel_info_int(info, "active_defrag_misses", (int64_t)misses);
    keel_info_int(info, "active_defrag_key_hits", (int64_t)key_hits);
    keel_info_int(info, "active_defrag_key_misses", (int64_t)key_misses);
    keel_info_int(info, "total_active_defrag_time", (total_ns + now) / MS_NS);
    keel_info_int(info, "current_active_defrag_time", now / MS_NS);
}

static void stats_reset(KeelCtx *c, const void *data) {
    (void)c, (void)data;
    hits = misses = key_hits = key_misses = 0;
    total_ns = 0;
    if (pass.since_ns) pass.since_ns = keel_monotonic_ns();
}

/* ---- the module ------------------------------------------------------------------------------ */

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    if (argc > 1 || (argc == 1 && !keel_is(argv[0], "every"))) {
        return keel_load_error(c, "it takes no argument but EVERY, as DEBUG DEFRAG does");
    }
    every = argc == 1;
    arm();
    return 0;
}

static int unload(KeelCtx *c) {
    if (pass_asked) return keel_load_error(c, "DEBUG DEFRAG PASS is to be done first");
    if (timer) keel_timer_stop(timer, NULL);
    timer = 0;
    stop();
    return 0;
}

static const KeelHook hooks[] = {
    {.event = KEEL_EVENT_CRON, .call = cron},
    {.event = KEEL_EVENT_RESETSTAT, .call = stats_reset},
    {0},
};

static const KeelInfoSection sections[] = {
    {.name = "Memory", .rank = 30, .write = write_memory},
    {.name = "Stats", .rank = 50, .write = write_stats},
    {0},
};

/* "defragmentation" tells others that these fields of INFO are ours. */
static const KeelInterface provides[] = {
    {"defragmentation", 100, &pass}, {"debug.defrag", 100, &debug}, {0}};

KEEL_MODULE(.name = "defrag", .version = "1.0.0",
            .summary = "Active defragmentation: activedefrag wins back fragmented memory.",
            .configs = configs, .hooks = hooks, .info = sections, .provides = provides,
            .load = load, .unload = unload);
