/* store.c - the snapshot on disk: SAVE, BGSAVE, LASTSAVE, save points, the load at start, the save
 * at the end, and what happens when the disk refuses.
 *
 * After a background save failed, writes are refused (stop-writes-on-bgsave-error) while save
 * points are set: somebody who asked for snapshots would otherwise go on for days without any. */
#include "snapshot.h"

#include <errno.h>
#include <keel/replication.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { POINTS_MAX = 64, RETRY_SECONDS = 5, LOG_MS = 10000 };

static const char child_purpose[] = "RDB";

typedef struct SavePoint {
    int64_t seconds, changes;
} SavePoint;

int disk_gate;

static SavePoint points[POINTS_MAX];
static int point_count;
static uint64_t saved_mark;         /* keel_dirty() as of the last snapshot */
static uint64_t child_mark;         /* the same as of the child's */
static int64_t last_save, last_try; /* seconds since 1970 */
static int64_t last_seconds = -1;   /* that a background save took */
static int64_t saves;
static bool last_good = true, scheduled;

static bool saving(void) {
    const char *name = child_name();
    return name && strcmp(name, child_purpose) == 0;
}

static const char *server_dir(void) {
    static char dir[4096];
    if (!keel_config_get(KEEL_LIT("dir"), dir, sizeof(dir), NULL)) strcpy(dir, ".");
    return dir;
}

static void note_good(uint64_t mark) {
    last_good = true;
    saved_mark = mark;
    last_save = time(NULL);
    disk_arm();
}

void store_saved_up_to_now(void) {
    saved_mark = keel_dirty();
}

/* --- writing -------------------------------------------------------------------------------- */

static const KeelSnapshotHead *head(void) {
    return keel_interface("snapshot.head", KEEL_SNAPSHOT_VERSION);
}

static const KeelSnapshotField *head_fields; /* of the file that is written next */

static void take_head(void) {
    head_fields = head() ? head()->fields() : NULL;
}

/* Writes the file and puts it in its place. 0, -1 after logging why not. */
static int put_file(void) {
    char temporary[64];
    snprintf(temporary, sizeof(temporary), "temp-%d.rdb", (int)getpid());
    KeelFileSink *f = file_open(temporary, incremental_sync);
    if (!f) {
        keel_log(KEEL_LOG_WARNING, "Failed opening the temp RDB file %s (in server root dir %s) "
                                   "for saving: %s", temporary, server_dir(), strerror(errno));
        return -1;
    }
    KeelSaveOptions options = {.size = sizeof(options), .fields = head_fields};
    if (stream_save(file_sink(f), &options) != 0) {
        file_abandon(f);
        keel_log(KEEL_LOG_WARNING, "Write error saving DB on disk(rdbSaveRio): %s",
                 errno ? strerror(errno) : "a value cannot be saved");
        return -1;
    }
    if (file_close(f) != 0) {
        keel_log(KEEL_LOG_WARNING, "Write error saving DB on disk(fsync): %s", strerror(errno));
        unlink(temporary);
        return -1;
    }
    if (file_rename(temporary, db_filename) != 0) {
        keel_log(KEEL_LOG_WARNING, "Error moving temp DB file %s on the final destination %s (in "
                                   "server root dir %s): %s", temporary, db_filename, server_dir(),
                 strerror(errno));
        unlink(temporary);
        return -1;
    }
    return 0;
}

static int write_file(KeelCtx *c) {
    KeelSavingEvent event = {.phase = KEEL_BEFORE, .what = child_purpose, .in_child = child_here()};
    keel_event_send(c, KEEL_EVENT_SAVING, &event);
    int rc = put_file();
    event.phase = rc == 0 ? KEEL_AFTER : KEEL_FAILED;
    keel_event_send(c, KEEL_EVENT_SAVING, &event);
    return rc;
}

int store_save(KeelCtx *c) {
    keel_journal_flush(); /* where the data stands is said behind all of it */
    take_head();
    if (write_file(c) != 0) {
        last_good = false;
        disk_arm();
        return -1;
    }
    keel_log(KEEL_LOG_NOTICE, "DB saved on disk");
    saves++;
    note_good(keel_dirty());
    return 0;
}

static int child_run(void *data) {
    (void)data;
    if (write_file(NULL) != 0) return -1;
    keel_log(KEEL_LOG_NOTICE, "DB saved on disk");
    return 0;
}

static void child_done(KeelCtx *c, const KeelChildEnd *end, void *data) {
    (void)c;
    char temporary[64];
    last_seconds = end->seconds;
    if (end->good) {
        keel_log(KEEL_LOG_NOTICE, "Background saving terminated with success");
        saves++;
        note_good(child_mark);
        return;
    }
    snprintf(temporary, sizeof(temporary), "temp-%d.rdb", *(int *)data);
    unlink(temporary);
    if (end->killed) {
        keel_log(KEEL_LOG_WARNING, "Background saving terminated by signal %d", SIGUSR1);
        return;
    }
    if (end->signal) {
        keel_log(KEEL_LOG_WARNING, "Background saving terminated by signal %d", end->signal);
    } else {
        keel_log(KEEL_LOG_WARNING, "Background saving error");
    }
    last_good = false;
    disk_arm();
}

int store_background(KeelCtx *c) {
    static int pid;
    KeelChild child = {.size = sizeof(child), .name = child_purpose, .run = child_run,
                       .done = child_done, .data = &pid};
    last_try = time(NULL);
    child_mark = keel_dirty();
    keel_journal_flush();
    take_head();
    if (child_start(c, &child) != 0) {
        if (errno == EBUSY) return -1;
        last_good = false;
        keel_log(KEEL_LOG_WARNING, "Can't save in background: fork: %s", strerror(errno));
        disk_arm();
        return -1;
    }
    pid = keel_fork_active();
    scheduled = false;
    keel_log(KEEL_LOG_NOTICE, "Background saving started by pid %d", pid);
    return 0;
}

/* --- commands ------------------------------------------------------------------------------- */

void snapshot_save(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    if (saving()) {
        keel_reply_error(c, "ERR Background save already in progress");
    } else if (store_save(c) == 0) {
        keel_reply_ok(c);
    } else {
        keel_reply_error(c, "ERR");
    }
}

/* Inside a transaction the save is put off: the child would have half of it. */
void snapshot_bgsave(KeelCtx *c, const KeelStr *argv, int argc) {
    bool schedule = argc == 2 && keel_is(argv[1], "schedule"), inside = keel_block_denied(c);
    if (argc > 2 || (argc == 2 && !schedule)) {
        keel_reply_syntax(c);
    } else if (saving()) {
        keel_reply_error(c, "ERR Background save already in progress");
    } else if ((keel_fork_active() && schedule) || inside) {
        scheduled = true;
        keel_reply_status(c, "Background saving scheduled");
    } else if (keel_fork_active()) {
        keel_reply_error(c, "ERR Another child process is active (AOF?): can't BGSAVE right now. "
                            "Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.");
    } else if (store_background(c) == 0) {
        keel_reply_status(c, "Background saving started");
    } else {
        keel_reply_error(c, "ERR");
    }
}

void snapshot_lastsave(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_int(c, last_save);
}

/* --- save points ---------------------------------------------------------------------------- */

bool points_set(const KeelConfig *config, const KeelStr *argv, int argc, const char **reason) {
    (void)config;
    SavePoint fresh[POINTS_MAX];
    if (argc == 1 && argv[0].len == 0) argc = 0;
    *reason = "Invalid save parameters";
    if (argc % 2 || argc / 2 > POINTS_MAX) return false;
    for (int i = 0; i < argc; i += 2) {
        SavePoint *p = &fresh[i / 2];
        if (!keel_parse_int(argv[i], &p->seconds) || !keel_parse_int(argv[i + 1], &p->changes) ||
            p->seconds < 1 || p->changes < 0 || p->seconds > INT32_MAX ||
            p->changes > INT32_MAX) {
            return false;
        }
    }
    if (argc) memcpy(points, fresh, (size_t)argc / 2 * sizeof(fresh[0]));
    point_count = argc / 2;
    return true;
}

void points_get(const KeelConfig *config, KeelConfigOut *out) {
    (void)config;
    for (int i = 0; i < point_count; i++) {
        keel_config_write(out, "%s%lld %lld", i ? " " : "", (long long)points[i].seconds,
                          (long long)points[i].changes);
    }
}

/* After a failure it is not tried at every tick. */
static bool may_try(int64_t now) {
    return last_good || now - last_try > RETRY_SECONDS;
}

static void check_points(KeelCtx *c, int64_t now) {
    uint64_t changes = keel_dirty() - saved_mark;
    for (int i = 0; i < point_count; i++) {
        if (changes < (uint64_t)points[i].changes || now - last_save <= points[i].seconds) continue;
        if (!may_try(now)) continue;
        keel_log(KEEL_LOG_NOTICE, "%lld changes in %lld seconds. Saving...",
                 (long long)points[i].changes, (long long)points[i].seconds);
        store_background(c);
        return;
    }
}

void store_cron(KeelCtx *c) {
    child_poll();
    if (keel_fork_active() || loading_now()) return;
    int64_t now = time(NULL);
    check_points(c, now);
    if (scheduled && !keel_fork_active() && may_try(now)) store_background(c);
}

/* --- the disk gate -------------------------------------------------------------------------- */

void disk_arm(void) {
    keel_gate_arm(disk_gate, !last_good && stop_writes_on_error && point_count > 0);
}

void store_peer_unwritten(void) {
    static int64_t told_ms;
    char ignore[8] = "no";
    keel_config_get(KEEL_LIT("replica-ignore-disk-write-errors"), ignore, sizeof(ignore), NULL);
    if (strcmp(ignore, "yes") != 0) {
        keel_panic(__FILE__, __LINE__, "Replica was unable to write command to disk.");
    }
    if (told_ms && keel_now_ms() - told_ms <= LOG_MS) return;
    told_ms = keel_now_ms();
    keel_log(KEEL_LOG_WARNING, "Replica is applying a command even though it is unable to write to "
                               "disk.");
}

/* What comes from the server that we copy is its own to refuse. */
KeelVerdict disk_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    const KeelClient *client = keel_client(c);
    if (!(keel_command_flags(cmd) & KEEL_WRITE) && strcmp(keel_command_name(cmd), "ping") != 0) {
        return KEEL_PASS;
    }
    if (client && keel_client_kind(client) == KEEL_CLIENT_PRIMARY) {
        if (keel_command_flags(cmd) & KEEL_WRITE) store_peer_unwritten();
        return KEEL_PASS;
    }
    keel_reply_error(c, "MISCONF Redis is configured to save RDB snapshots, but it's currently "
                        "unable to persist to disk. Commands that may modify the data set are "
                        "disabled, because this instance is configured to report errors during "
                        "writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). "
                        "Please check the Redis logs for details about the RDB error.");
    return KEEL_ANSWERED;
}

/* --- reading -------------------------------------------------------------------------------- */

static int load_file(KeelCtx *c, const KeelLoadOptions *o) {
    KeelLoadResult result;
    uint64_t size;
    FileSource *file = source_open(db_filename, &size);
    if (!file) {
        if (errno == ENOENT) return 1;
        keel_log(KEEL_LOG_WARNING, "Fatal error: can't open the RDB file %s for reading: %s",
                 db_filename, strerror(errno));
        return -1;
    }
    loading_begin(c, "RDB", size);
    int rc = stream_load(c, source_of(file), o, &result);
    loading_end(c, rc == 0);
    source_close(file);
    return result.given_up ? 2 : rc;
}

static void head_field(KeelStr name, KeelStr value, void *data) {
    head()->field(data, name, value);
}

/* Tells who cares where the file's data stands in a stream of writes. */
int store_load_at_start(KeelCtx *c) {
    KeelLoadOptions o = {.size = sizeof(o)};
    if (head()) {
        o.keep_expired = head()->begin(c);
        o.tell_expired = !o.keep_expired;
        o.field = head_field;
        o.data = c;
    }
    int rc = load_file(c, &o);
    if (rc >= 0 && head()) head()->field(c, (KeelStr){"", 0}, (KeelStr){"", 0});
    return rc;
}

int store_load(KeelCtx *c, bool merge) {
    const KeelReplicationOps *copy = keel_interface("replication", KEEL_REPLICATION_VERSION);
    KeelLoadOptions o = {.size = sizeof(o), .merge = merge,
                         .keep_expired = copy && copy->is_replica()};
    return load_file(c, &o);
}

/* --- other occasions ------------------------------------------------------------------------ */

/* FLUSHALL by a user: a snapshot under way is of what is gone, and the one on disk too. */
void store_flushed(KeelCtx *c, const void *data) {
    const KeelFlushEvent *event = data;
    const KeelCommandRef *cmd = keel_command(c);
    if (event->db >= 0 || event->phase != KEEL_AFTER || !cmd) return;
    if (strcmp(keel_command_name(cmd), "flushall") != 0) return;
    child_kill(c, child_purpose);
    kept_flush(c);
    if (point_count) store_save(c);
}

/* The last save, as long as the server may still stay. Whoever waits for others (replicas) is asked
 * again, and a dataset that was saved meanwhile is not saved twice. */
void store_shutdown(KeelCtx *c, const void *data) {
    static uint64_t done_mark;
    static bool done;
    const KeelShutdownEvent *event = data;
    bool wanted = (event->flags & KEEL_SHUTDOWN_SAVE) ||
                  (point_count && !(event->flags & KEEL_SHUTDOWN_NOSAVE));
    if (event->certain) {
        if (saving()) keel_log(KEEL_LOG_WARNING, "There is a child saving an .rdb. Killing it!");
        child_kill(c, child_purpose);
        return;
    }
    if (!wanted || keel_loading() || *event->later || *event->refusal) return;
    if (done && done_mark == keel_dirty()) return;
    if (saving()) keel_log(KEEL_LOG_WARNING, "There is a child saving an .rdb. Killing it!");
    child_kill(c, child_purpose);
    keel_log(KEEL_LOG_NOTICE, "Saving the final RDB snapshot before exiting.");
    done = store_save(c) == 0;
    done_mark = keel_dirty();
    if (done) return;
    if (event->flags & KEEL_SHUTDOWN_FORCE) {
        keel_log(KEEL_LOG_WARNING, "Error trying to save the DB, exit anyway.");
    } else {
        keel_log(KEEL_LOG_WARNING, "Error trying to save the DB, can't exit.");
        *event->refusal = "the dataset could not be saved";
    }
}

/* --- INFO ----------------------------------------------------------------------------------- */

void store_info(KeelInfo *info) {
    keel_info_int(info, "rdb_changes_since_last_save", (int64_t)(keel_dirty() - saved_mark));
    keel_info_int(info, "rdb_bgsave_in_progress", saving());
    keel_info_int(info, "rdb_last_save_time", last_save);
    keel_info_field(info, "rdb_last_bgsave_status", "%s", last_good ? "ok" : "err");
    keel_info_int(info, "rdb_last_bgsave_time_sec", last_seconds);
    keel_info_int(info, "rdb_current_bgsave_time_sec", saving() ? child_seconds() : -1);
    keel_info_int(info, "rdb_saves", saves);
    keel_info_int(info, "rdb_last_cow_size", (int64_t)child_last_cow(child_purpose));
}

void store_begin(void) {
    last_save = time(NULL);
    saved_mark = keel_dirty();
}
