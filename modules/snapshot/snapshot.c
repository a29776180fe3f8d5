/* snapshot.c - SAVE, BGSAVE, LASTSAVE and save points: the dataset in one file, in Redis's RDB
 * format, and the interface "snapshot" by which others send it elsewhere.
 *
 *     save 900 1  300 10     a background save once 900 s have passed with 1 change, 300 with 10
 *     dbfilename dump.rdb    in `dir`; written beside it, synced, renamed
 *
 * A background save is a fork child's: it sees the memory as it was, and the server goes on. What
 * is lost with a crash is what came after the last save. At start the file is loaded (unless an
 * append-only file is there instead), with clients refused by -LOADING meanwhile.
 *
 * save.c and load.c have the format, kept.c its parts that belong to modules, store.c the file and
 * its occasions, child.c the fork, loading.c the time of loading, file.c files. */
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

int64_t key_save_delay, key_load_delay, serve_interval;
bool write_checksum, incremental_sync, stop_writes_on_error;
char *db_filename;

static int64_t rdb_version;
static bool delete_sync_files;
static int sanitize;

/* --- settings ------------------------------------------------------------------------------- */

/* A name, not a way out of the directory. */
static bool filename_check(const KeelConfig *config, KeelStr value, const char **reason) {
    (void)config;
    if (!memchr(value.ptr, '/', value.len) && strlen(value.ptr) == value.len) {
        return true;
    }
    *reason = "dbfilename can't be a path, just a filename";
    return false;
}

static bool version_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    keel_rdb_set_version((int)rdb_version);
    return true;
}

static bool disk_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    disk_arm();
    return true;
}

static const KeelWord sanitize_words[] = {{"no", 0}, {"yes", 1}, {"clients", 2}, {0}};

static const KeelConfig configs[] = {
    {.name = "save", .type = KEEL_CONFIG_CUSTOM, .flags = KEEL_CONFIG_MULTI | KEEL_CONFIG_LINES,
     .value = "3600 1 300 100 60 10000", .get = points_get, .set = points_set,
     .apply = disk_apply},
    {.name = "dbfilename", .type = KEEL_CONFIG_STRING, .flags = KEEL_CONFIG_PROTECTED,
     .var = &db_filename, .value = "dump.rdb", .check = filename_check},
    {.name = "rdbchecksum", .type = KEEL_CONFIG_BOOL, .flags = KEEL_CONFIG_IMMUTABLE,
     .var = &write_checksum, .value = "yes"},
    {.name = "stop-writes-on-bgsave-error", .type = KEEL_CONFIG_BOOL,
     .var = &stop_writes_on_error, .value = "yes", .apply = disk_apply},
    {.name = "rdb-save-incremental-fsync", .type = KEEL_CONFIG_BOOL, .var = &incremental_sync,
     .value = "yes"},
    {.name = "rdb-del-sync-files", .type = KEEL_CONFIG_BOOL, .var = &delete_sync_files,
     .value = "no"},
    /* Payloads are always checked as if it were "yes". */
    {.name = "sanitize-dump-payload", .type = KEEL_CONFIG_ENUM, .flags = KEEL_CONFIG_DENY_LOADING,
     .var = &sanitize, .value = "no", .words = sanitize_words},
    {.name = "rdb-version", .type = KEEL_CONFIG_INT, .var = &rdb_version, .value = "10",
     .min = 10, .max = KEEL_RDB_NEWEST, .apply = version_apply},
    {.name = "rdb-key-save-delay", .type = KEEL_CONFIG_INT, .flags = KEEL_CONFIG_HIDDEN,
     .var = &key_save_delay, .value = "0", .min = INT32_MIN, .max = INT32_MAX},
    {.name = "key-load-delay", .type = KEEL_CONFIG_INT, .flags = KEEL_CONFIG_HIDDEN,
     .var = &key_load_delay, .value = "0", .min = INT32_MIN, .max = INT32_MAX},
    {.name = "loading-process-events-interval-bytes", .type = KEEL_CONFIG_MEMORY,
     .flags = KEEL_CONFIG_HIDDEN, .var = &serve_interval, .value = "2097152", .min = 1024,
     .max = INT64_MAX},
    {0},
};

/* --- start ---------------------------------------------------------------------------------- */

static void started(KeelCtx *c, const void *data) {
    (void)data;
    const KeelAofOps *aof = keel_interface("aof", 100);
    store_begin();
    file_sweep("temp-", ".rdb");
    if (aof && aof->enabled()) return;
    int64_t start = keel_monotonic_ns();
    int rc = store_load_at_start(c);
    if (rc < 0) {
        keel_log(KEEL_LOG_WARNING, "Terminating server after rdb file reading failure.");
        keel_log(KEEL_LOG_WARNING, "Fatal error loading the DB, check server logs. Exiting.");
        exit(1);
    }
    if (rc != 0) return;
    keel_log(KEEL_LOG_NOTICE, "DB loaded from disk: %.3f seconds",
             (double)(keel_monotonic_ns() - start) / 1e9);
}

static void tick(KeelCtx *c, const void *data) {
    (void)data;
    store_cron(c);
}

static void write_info(KeelInfo *info) {
    loading_info_first(info);
    child_info(info);
    store_info(info);
    loading_info_counts(info);
}

static int unload(KeelCtx *c) {
    if (child_name()) return keel_load_error(c, "a child of it writes a file");
    return 0;
}

/* --- tables --------------------------------------------------------------------------------- */

static const KeelSnapshotOps operations = {
    .size = sizeof(KeelSnapshotOps), .save = stream_save, .load = stream_load,
    .load_begin = loading_begin, .load_progress = loading_progress, .load_end = loading_end,
    .load_info = loading_info_progress, .load_flush = kept_flush,
    .child_start = child_start, .child_kill = child_kill, .child_name = child_name,
    .child_progress = child_progress, .child_seconds = child_seconds,
    .child_cow = child_last_cow, .file_open = file_open, .file_sink = file_sink,
    .file_close = file_close, .file_abandon = file_abandon, .file_rename = file_rename,
    .file_sweep = file_sweep, .background_save = store_background,
    .load_begin_aside = loading_begin_aside, .load_refused = kept_refused,
    .peer_unwritten = store_peer_unwritten,
    .child_fork = child_fork, .child_report = child_report,
};

static const KeelInterface provides[] = {
    {"snapshot", KEEL_SNAPSHOT_VERSION, &operations},
    {"debug.reload", 100, &debug_reload},
    {0},
};

static const KeelGate gates[] = {
    {.name = "disk", .id = &disk_gate, .rank = 60, .decide = disk_decide, .whole = true},
    {.name = "loading", .id = &loading_gate, .rank = 80, .except = KEEL_LOADING,
     .decide = loading_decide, .whole = true},
    {.name = "async-loading", .id = &async_loading_gate, .rank = 80,
     .flags = KEEL_NO_ASYNC_LOADING, .decide = loading_decide, .whole = true},
    {0},
};

static const KeelHook hooks[] = {
    {.event = KEEL_EVENT_START, .call = started},
    {.event = KEEL_EVENT_CRON, .call = tick},
    {.event = KEEL_EVENT_FORK, .call = child_reaped},
    {.event = KEEL_EVENT_FLUSH, .call = store_flushed},
    {.event = KEEL_EVENT_SHUTDOWN, .call = store_shutdown},
    {0},
};

static const KeelInfoSection info[] = {
    {.name = "Persistence", .rank = 40, .write = write_info},
    {0},
};

#define FLAGS (KEEL_ADMIN | KEEL_NOSCRIPT | KEEL_NO_ASYNC_LOADING)

static const KeelCommand commands[] = {
    {.name = "bgsave", .args = "[SCHEDULE{3.2.2}]", .flags = FLAGS, .call = snapshot_bgsave,
     .group = "server", .summary = "Saves the dataset in the background.", .since = "1.0.0",
     .complexity = "O(1)", .history = "3.2.2: Added the `SCHEDULE` option."},
    {.name = "lastsave", .flags = KEEL_LOADING | KEEL_STALE | KEEL_FAST,
     .call = snapshot_lastsave, .group = "server", .categories = "@admin @dangerous",
     .summary = "Returns the time of the last save to disk.", .since = "1.0.0",
     .complexity = "O(1)", .tips = "nondeterministic_output"},
    {.name = "save", .flags = FLAGS | KEEL_NO_MULTI, .call = snapshot_save, .group = "server",
     .summary = "Saves the dataset while everybody waits.", .since = "1.0.0",
     .complexity = "O(N) where N is the total number of keys in all databases"},
    {0},
};

KEEL_MODULE(.name = "snapshot", .version = "1.0.0",
            .summary = "The dataset in a file: SAVE, BGSAVE, save points (RDB).",
            .commands = commands, .configs = configs, .gates = gates, .hooks = hooks,
            .info = info, .provides = provides, .unload = unload);
