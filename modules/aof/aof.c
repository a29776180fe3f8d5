/* aof.c - the append-only file: every write is kept, in the order in which it was made.
 *
 *     appendonly yes          in `appenddirname`, under `dir`
 *     appendfsync always      no reply before the write is on disk; one sync a turn, for all
 *                 everysec    synced beside the server every second: that much may be lost
 *                 no          whenever the system likes
 *
 * The files and their manifest are Redis 7's: a base (a snapshot, or commands), and increments of
 * commands in RESP. A rewrite makes a new base, at times by itself (auto-aof-rewrite-percentage).
 * At start they are loaded in the place of the snapshot.
 *
 * write.c has what happens in a turn, sync.c the thread that syncs, rewrite.c the rewrite, load.c
 * the way back, manifest.c the list of files. */
#include "aof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

AofState aof_state;
int aof_policy;
bool aof_on, load_truncated, use_preamble, no_sync_on_rewrite, timestamps;
bool rewrite_incremental, keep_history;
char *aof_filename, *aof_dirname;
int64_t rewrite_percentage, rewrite_min_size, flush_sleep;
const KeelSnapshotOps *snapshot;
int aof_subscriber, aof_gate;

char *aof_path(char out[PATH_ROOM], const char *name) {
    snprintf(out, PATH_ROOM, "%.1024s/%.1024s", aof_dirname, name);
    return out;
}

static bool ending;     /* the server is */

/* --- on and off ----------------------------------------------------------------------------- */

static bool switch_on(const char **reason) {
    rewrite_reset();
    if (rewrite_running()) {
        keel_log(KEEL_LOG_WARNING, "AOF was enabled but there is already an AOF rewriting in "
                                   "background. Stopping background AOF and starting a rewrite "
                                   "now.");
        rewrite_kill(NULL);
    }
    aof_state = AOF_WAITING;
    if (keel_fork_active()) {
        rewrite_schedule();
        keel_log(KEEL_LOG_NOTICE, "AOF was enabled but there is already another background "
                                  "operation. An AOF background was scheduled to start when "
                                  "possible.");
        return true;
    }
    if (rewrite_start(NULL) == 0) return true;
    aof_state = AOF_OFF;
    rewrite_reset();
    write_close();
    *reason = "Unable to turn on AOF. Check server logs.";
    return false;
}

static void switch_off(void) {
    AofState before = aof_state;
    keel_journal_flush();
    if (before == AOF_ON && (write_flush(true) != 0 || write_sync() != 0)) {
        keel_log(KEEL_LOG_WARNING, "Fail to write or sync the AOF file while it is switched off: "
                                   "%s", strerror(errno));
    }
    keel_journal_arm(aof_subscriber, false);
    aof_state = AOF_OFF;
    rewrite_kill(NULL);
    rewrite_reset();
    write_close();
}

/* The dataset changes as a whole: what comes between is in no file, and the next one begins anew. */
static bool paused, resume_due;

static void pause_writing(KeelCtx *c) {
    (void)c;
    if (aof_state == AOF_OFF) return;
    switch_off();
    paused = true;
    resume_due = false;
}

static void resume_writing(KeelCtx *c) {
    (void)c;
    const char *reason;
    if (!paused) return;
    paused = resume_due = false;
    if (aof_on && aof_state == AOF_OFF && !switch_on(&reason)) {
        keel_log(KEEL_LOG_WARNING, "Failed to start the append-only file anew; trying again in one "
                                   "second");
        paused = resume_due = true;
    }
}

/* A disk that is full may have room again. */
static void resume_cron(KeelCtx *c) {
    static int64_t tried_ms;
    if (!resume_due || keel_now_ms() - tried_ms < 1000) return;
    tried_ms = keel_now_ms();
    resume_writing(c);
}

static bool whole(void) {
    return aof_state == AOF_ON;
}

static bool appendonly_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config;
    if (starting) return true; /* KEEL_EVENT_START opens what there is */
    paused = paused && aof_on;
    if (aof_on && aof_state == AOF_OFF && !paused) return switch_on(reason);
    if (!aof_on && aof_state != AOF_OFF) switch_off();
    return true;
}

/* --- start and end -------------------------------------------------------------------------- */

static bool enabled(void) {
    return aof_on;
}

static void load_at_start(KeelCtx *c) {
    int64_t start = keel_monotonic_ns();
    aof_upgrade(&manifest);
    switch (aof_load(c, &manifest)) {
    case LOAD_FAILED:
        exit(1);
    case LOAD_GIVEN_UP:
        aof_state = AOF_OFF;
        return;
    case LOAD_GOOD:
        keel_log(KEEL_LOG_NOTICE, "DB loaded from append only file: %.3f seconds",
                 (double)(keel_monotonic_ns() - start) / 1e9);
        break;
    case LOAD_NONE:
        break;
    }
    rewrite_open_at_start();
    aof_state = AOF_ON;
    keel_journal_arm(aof_subscriber, true);
}

/* Left by a server that died while it rewrote. */
static void remove_leftovers(void) {
    char path[PATH_ROOM], name[PATH_ROOM];
    snprintf(name, sizeof(name), "temp-%s.incr", aof_filename);
    unlink(aof_path(path, name));
    snprintf(name, sizeof(name), "temp-%s.manifest", aof_filename);
    unlink(aof_path(path, name));
    snapshot->file_sweep("temp-rewriteaof-bg-", ".aof");
}

static void started(KeelCtx *c, const void *data) {
    (void)data;
    manifest_know();
    if (!aof_on) return;
    load_at_start(c);
    if (aof_state != AOF_ON) return;
    remove_leftovers();
    manifest_delete_history();
}

static void tick(KeelCtx *c, const void *data) {
    (void)data;
    write_cron();
    rewrite_cron(c);
    resume_cron(c);
}

static void shutdown_asked(KeelCtx *c, const void *data) {
    const KeelShutdownEvent *event = data;
    if (keel_loading()) return;
    if (event->certain && rewrite_running()) { /* BGREWRITEAOF starts one with the file off too */
        keel_log(KEEL_LOG_WARNING, "There is a child rewriting the AOF. Killing it!");
        rewrite_kill(c);
    }
    if (aof_state == AOF_OFF) return;
    if (event->certain) {
        ending = true;
        if (aof_state != AOF_ON) return;
        keel_log(KEEL_LOG_NOTICE, "Calling fsync() on the AOF file.");
        keel_journal_flush();
        if (write_flush(true) != 0 || write_sync() != 0) {
            keel_log(KEEL_LOG_WARNING, "Fail to fsync the AOF file: %s.", strerror(errno));
        }
        return;
    }
    if (aof_state == AOF_WAITING) {
        if (event->flags & KEEL_SHUTDOWN_FORCE) {
            keel_log(KEEL_LOG_WARNING, "Writing initial AOF. Exit anyway.");
        } else {
            keel_log(KEEL_LOG_WARNING, "Writing initial AOF, can't exit");
            *event->refusal = "the initial append-only file is being written";
        }
    }
}

/* --- DEBUG ---------------------------------------------------------------------------------- */

static void debug_loadaof(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    if (keel_loading() || keel_stage_there()) {
        keel_reply_error(c, "LOADING Redis is loading the dataset in memory");
        return;
    }
    keel_journal_flush();
    if (aof_state == AOF_ON) write_flush(true);
    snapshot->load_flush(c);
    keel_db_flush(c, -1, false);
    int db = keel_db(c);
    if (aof_state == AOF_ON) {
        manifest_free(&manifest);
        manifest_load(&manifest);
    }
    LoadResult result = aof_load(c, &manifest);
    keel_db_select(c, db);
    keel_journal_nothing(c);
    if (result == LOAD_FAILED || result == LOAD_GIVEN_UP) {
        keel_reply_error(c, "ERR Error trying to load the AOF files, check server logs.");
        return;
    }
    keel_log(KEEL_LOG_WARNING, "Append Only File loaded by DEBUG LOADAOF");
    keel_reply_ok(c);
}

static void debug_flush_sleep(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    flush_sleep = strtoll(argv[2].ptr, NULL, 10);
    keel_reply_ok(c);
}

static const char *const loadaof_help[] = {
    "LOADAOF", "    Write what waits, empty the dataset and load the append-only files.", NULL};
static const char *const flush_sleep_help[] = {
    "AOF-FLUSH-SLEEP <microseconds>", "    Sleep before each write of the append-only file.", NULL};

static const KeelDebug debug_loadaof_row = {
    .size = sizeof(KeelDebug), .call = debug_loadaof, .help = loadaof_help, .arity = 2};
static const KeelDebug debug_flush_sleep_row = {
    .size = sizeof(KeelDebug), .call = debug_flush_sleep, .help = flush_sleep_help, .arity = 3};

/* --- settings ------------------------------------------------------------------------------- */

static bool name_check(const KeelConfig *config, KeelStr value, const char **reason) {
    const char *what = config->var == &aof_filename ? "filename" : "dirname";
    if (!value.len) {
        *reason = keel_config_reason("append%s can't be empty", what);
        return false;
    }
    if (!memchr(value.ptr, '/', value.len) && strlen(value.ptr) == value.len) return true;
    *reason = keel_config_reason("append%s can't be a path, just a %s", what, what);
    return false;
}

/* What was written before under a milder policy is synced as the stricter one begins. */
static bool policy_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config;
    if (starting || aof_policy != SYNC_ALWAYS || aof_state != AOF_ON) return true;
    if (write_sync() == 0) return true;
    *reason = "The AOF file cannot be synced. Check server logs.";
    return false;
}

static const KeelWord policy_words[] = {
    {"everysec", SYNC_EVERYSEC}, {"always", SYNC_ALWAYS}, {"no", SYNC_NO}, {0}};

#define BOOL(name_, var_, value_) \
    {.name = name_, .type = KEEL_CONFIG_BOOL, .var = var_, .value = value_}

static const KeelConfig configs[] = {
    {.name = "appendonly", .type = KEEL_CONFIG_BOOL, .flags = KEEL_CONFIG_DENY_LOADING,
     .var = &aof_on, .value = "no", .apply = appendonly_apply},
    {.name = "appendfsync", .type = KEEL_CONFIG_ENUM, .var = &aof_policy, .value = "everysec",
     .words = policy_words, .apply = policy_apply},
    {.name = "appendfilename", .type = KEEL_CONFIG_STRING, .flags = KEEL_CONFIG_IMMUTABLE,
     .var = &aof_filename, .value = "appendonly.aof", .check = name_check},
    {.name = "appenddirname", .type = KEEL_CONFIG_STRING, .flags = KEEL_CONFIG_IMMUTABLE,
     .var = &aof_dirname, .value = "appendonlydir", .check = name_check},
    {.name = "auto-aof-rewrite-percentage", .type = KEEL_CONFIG_INT, .var = &rewrite_percentage,
     .value = "100", .min = 0, .max = INT32_MAX},
    {.name = "auto-aof-rewrite-min-size", .type = KEEL_CONFIG_MEMORY, .var = &rewrite_min_size,
     .value = "64mb", .min = 0, .max = INT64_MAX},
    BOOL("aof-load-truncated", &load_truncated, "yes"),
    BOOL("aof-use-rdb-preamble", &use_preamble, "yes"),
    BOOL("no-appendfsync-on-rewrite", &no_sync_on_rewrite, "no"),
    BOOL("aof-timestamp-enabled", &timestamps, "no"),
    BOOL("aof-rewrite-incremental-fsync", &rewrite_incremental, "yes"),
    {.name = "aof-disable-auto-gc", .type = KEEL_CONFIG_BOOL, .flags = KEEL_CONFIG_HIDDEN,
     .var = &keep_history, .value = "no", .apply = NULL},
    {0},
};

/* --- INFO ----------------------------------------------------------------------------------- */

static void write_persistence(KeelInfo *info) {
    keel_info_int(info, "aof_enabled", aof_state != AOF_OFF);
    rewrite_info(info);
    keel_info_field(info, "aof_last_write_status", "%s", write_good() ? "ok" : "err");
    keel_info_int(info, "aof_last_cow_size", (int64_t)snapshot->child_cow("AOF"));
    if (aof_state != AOF_OFF) write_info(info);
    snapshot->load_info(info);
}

static void write_memory(KeelInfo *info) {
    keel_info_int(info, "mem_aof_buffer", (int64_t)write_buffered());
}

/* --- tables --------------------------------------------------------------------------------- */

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    snapshot = keel_interface("snapshot", KEEL_SNAPSHOT_VERSION);
    if (!snapshot) return keel_load_error(c, "no module provides the interface \"snapshot\"");
    return 0;
}

/* At the server's end, what other clients wrote after SHUTDOWN in its turn is synced too. */
static int unload(KeelCtx *c) {
    if (aof_state != AOF_OFF && !ending) {
        return keel_load_error(c, "it is on: CONFIG SET appendonly no");
    }
    if (aof_state != AOF_OFF) switch_off();
    sync_stop();
    manifest_free(&manifest);
    return 0;
}

static const KeelAofOps operations = {
    .size = sizeof(KeelAofOps), .enabled = enabled, .written = write_total,
    .synced = sync_done_offset, .pause = pause_writing, .resume = resume_writing,
    .whole = whole,
};

static const KeelInterface provides[] = {
    {"aof", 100, &operations},
    {"debug.loadaof", 100, &debug_loadaof_row},
    {"debug.aof-flush-sleep", 100, &debug_flush_sleep_row},
    {0},
};

static const KeelGate gates[] = {
    {.name = "aof", .id = &aof_gate, .rank = 61, .decide = write_decide, .whole = true},
    {0},
};

static const KeelSubscriber subscribers[] = {
    {.name = "aof", .id = &aof_subscriber, .records = write_records},
    {0},
};

static const KeelHook hooks[] = {
    {.event = KEEL_EVENT_START, .call = started},
    {.event = KEEL_EVENT_CRON, .call = tick},
    {.event = KEEL_EVENT_SHUTDOWN, .call = shutdown_asked},
    {0},
};

static const KeelInfoSection info[] = {
    {.name = "Persistence", .rank = 40, .write = write_persistence},
    {.name = "Memory", .rank = 30, .write = write_memory},
    {0},
};

static const KeelCommand commands[] = {
    {.name = "bgrewriteaof", .flags = KEEL_ADMIN | KEEL_NOSCRIPT | KEEL_NO_ASYNC_LOADING,
     .call = aof_bgrewriteaof, .group = "server",
     .summary = "Rewrites the append-only file in the background.", .since = "1.0.0",
     .complexity = "O(1)"},
    {0},
};

KEEL_MODULE(.name = "aof", .version = "1.0.0",
            .summary = "The append-only file: every write is kept.", .needs = "snapshot",
            .commands = commands, .configs = configs, .gates = gates, .hooks = hooks,
            .info = info, .subscribers = subscribers, .provides = provides, .load = load,
            .unload = unload);
