/* rewrite.c - BGREWRITEAOF: a new base in the background, which makes the files before it useless.
 *
 * First a new increment is opened and made known (in the manifest), so that all writes from the
 * fork on go there. The child writes the dataset, as it was then, to a temporary file. When it is done
 * the manifest is replaced by one that names the new base and the new increment; what came before
 * is history, and goes. A crash at any point leaves a manifest whose files add up to the dataset.
 *
 * When the append-only file is switched on at run time there is no base yet: the increment has a
 * temporary name until the first rewrite is done. */
#include "aof.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <stdlib.h>
#include <signal.h>

enum {
    FAILURES_ALLOWED = 3,   /* in a row, before automatic rewrites wait */
    LIMIT_MINUTES = 60,
    HEAL_SECONDS = 5,       /* between rewrites that put damaged files right */
};

static const char child_purpose[] = "AOF";

static struct {
    bool scheduled, last_good;
    bool to_waiting;        /* the child's increment has the temporary name */
    bool preamble;          /* the child writes RDB */
    int pid;
    int64_t last_seconds, rewrites, failures;
    int64_t limited_until, delay_minutes;
    int64_t healed_at;
} rw = {.last_good = true, .last_seconds = -1};

bool rewrite_running(void) {
    const char *name = snapshot->child_name();
    return name && strcmp(name, child_purpose) == 0;
}

void rewrite_schedule(void) {
    rw.scheduled = true;
}

void rewrite_reset(void) {
    rw.scheduled = false;
    rw.failures = rw.limited_until = rw.delay_minutes = 0;
}

static void temporary_base(char out[PATH_ROOM], int pid) {
    snprintf(out, PATH_ROOM, "temp-rewriteaof-bg-%d.aof", pid);
}

static char *temporary_increment(char out[PATH_ROOM]) {
    char name[PATH_ROOM];
    snprintf(name, sizeof(name), "temp-%s.incr", aof_filename);
    return aof_path(out, name);
}

/* --- the new base, in the child ------------------------------------------------------------- */

typedef struct Rewriting {
    KeelSink *sink;
    uint64_t keys;
} Rewriting;

static void emit_expiry(KeelSink *sink, const KeelSeen *seen) {
    char digits[KEEL_INT_ROOM];
    KeelStr words[] = {KEEL_LIT("PEXPIREAT"), seen->name, {digits, 0}};
    words[2].len = keel_format_int(digits, seen->expiry);
    keel_rewrite_emit(sink, words, 3);
}

static bool rewrite_key(const KeelSeen *seen, void *data) {
    Rewriting *r = data;
    KeelValue v;
    keel_seen_value(seen, &v);
    if (!v.type->rewrite) {
        keel_log(KEEL_LOG_WARNING, "The key '%.*s' of type %s cannot be written as commands",
                 (int)(seen->name.len < 128 ? seen->name.len : 128), seen->name.ptr,
                 v.type->name);
        r->sink->failed = true;
        return false;
    }
    v.type->rewrite(r->sink, seen->name, &v);
    if (seen->expiry != KEEL_NO_EXPIRY) emit_expiry(r->sink, seen);
    snapshot->child_progress(r->keys++);
    return !r->sink->failed;
}

static int write_commands(KeelSink *sink) {
    Rewriting r = {.sink = sink};
    if (timestamps) {
        char note[64];
        int n = snprintf(note, sizeof(note), "#TS:%lld\r\n", (long long)time(NULL));
        keel_save_raw(sink, note, (size_t)n);
    }
    for (int db = 0; db < keel_db_count() && !sink->failed; db++) {
        char digits[KEEL_INT_ROOM];
        KeelStr words[] = {KEEL_LIT("SELECT"), {digits, keel_format_int(digits, db)}};
        if (!keel_db_size(db)) continue;
        keel_rewrite_emit(sink, words, 2);
        keel_db_each(db, rewrite_key, &r);
    }
    return sink->failed ? -1 : 0;
}

static int write_base(const char *path, bool preamble) {
    KeelSaveOptions o = {.size = sizeof(o), .aof_base = true};
    KeelFileSink *f = snapshot->file_open(path, rewrite_incremental);
    if (!f) {
        keel_log(KEEL_LOG_WARNING, "Opening the temp file for AOF rewrite in "
                                   "rewriteAppendOnlyFile(): %s", strerror(errno));
        return -1;
    }
    KeelSink *sink = snapshot->file_sink(f);
    if ((preamble ? snapshot->save(sink, &o) : write_commands(sink)) != 0) {
        snapshot->file_abandon(f);
        keel_log(KEEL_LOG_WARNING, "Write error writing append only file on disk: %s",
                 errno ? strerror(errno) : "a value cannot be written");
        return -1;
    }
    if (snapshot->file_close(f) != 0) {
        keel_log(KEEL_LOG_WARNING, "Write error writing append only file on disk: %s",
                 strerror(errno));
        unlink(path);
        return -1;
    }
    return 0;
}

static int child_run(void *data) {
    (void)data;
    char path[PATH_ROOM];
    temporary_base(path, (int)getpid());
    KeelSavingEvent event = {.phase = KEEL_BEFORE, .what = child_purpose, .in_child = true};
    keel_event_send(NULL, KEEL_EVENT_SAVING, &event);
    int rc = write_base(path, rw.preamble);
    event.phase = rc == 0 ? KEEL_AFTER : KEEL_FAILED;
    keel_event_send(NULL, KEEL_EVENT_SAVING, &event);
    if (rc == 0) keel_log(KEEL_LOG_NOTICE, "AOF rewrite: base written");
    return rc;
}

/* --- the new increment ---------------------------------------------------------------------- */

static int open_file(const char *path, bool fresh) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (fresh ? O_TRUNC : 0), 0644);
    if (fd < 0) {
        keel_log(KEEL_LOG_WARNING, "Can't open the append-only file %s: %s", path,
                 strerror(errno));
    }
    return fd;
}

/* Writes go to a new file from now on. 0; -1: to the one before, as nothing could be changed. */
static int next_increment(void) {
    char path[PATH_ROOM];
    bool waiting = aof_state == AOF_WAITING;
    Manifest fresh;
    if (aof_make_directory() != 0) return -1;
    manifest_copy(&fresh, &manifest);
    if (waiting) temporary_increment(path);
    else aof_path(path, manifest_new_increment(&fresh));
    int fd = open_file(path, true);
    if (fd < 0 || (!waiting && manifest_persist(&fresh) != 0)) {
        if (fd >= 0) close(fd);
        manifest_free(&fresh);
        return -1;
    }
    rw.to_waiting = waiting;
    if (!waiting) {
        keel_log(KEEL_LOG_NOTICE, "Creating AOF incr file %s on background rewrite",
                 manifest_last_increment(&fresh)->name);
    }
    manifest_free(&manifest);
    manifest = fresh;
    write_switch(fd, 0);
    return 0;
}

/* --- the end -------------------------------------------------------------------------------- */

static uint64_t size_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* The child's file becomes the base of a new manifest, and the files before it history. */
static int adopt_base(const char *temporary) {
    char base[PATH_ROOM], increment[PATH_ROOM], old[PATH_ROOM];
    Manifest fresh;
    manifest_copy(&fresh, &manifest);
    aof_path(base, manifest_new_base(&fresh, rw.preamble));
    if (snapshot->file_rename(temporary, base) != 0) {
        keel_log(KEEL_LOG_WARNING, "Error trying to rename the temporary AOF base file %s into %s: "
                                   "%s", temporary, base, strerror(errno));
        goto fail;
    }
    if (rw.to_waiting) {
        aof_path(increment, manifest_new_increment(&fresh));
        if (snapshot->file_rename(temporary_increment(old), increment) != 0) {
            keel_log(KEEL_LOG_WARNING, "Error trying to rename the temporary AOF incr file %s into "
                                       "%s: %s", old, increment, strerror(errno));
            unlink(base);
            goto fail;
        }
    }
    manifest_retire_increments(&fresh, aof_state == AOF_OFF ? 0 : 1);
    if (manifest_persist(&fresh) != 0) {
        /* The old manifest holds, perhaps: both sets of files stay until one of them is written. */
        if (rw.to_waiting && snapshot->file_rename(increment, old) != 0) {
            keel_log(KEEL_LOG_WARNING, "Error renaming %s back: %s", increment, strerror(errno));
        }
        goto fail;
    }
    manifest_free(&manifest);
    manifest = fresh;
    aof_base_size = size_of(base);
    const AofFile *last = manifest_last_increment(&manifest);
    aof_size = aof_base_size + (last ? size_of(aof_path(increment, last->name)) : 0);
    return 0;
fail:
    manifest_free(&fresh);
    unlink(temporary);
    return -1;
}

static void failed(void) {
    rw.last_good = false;
    rw.failures++;
    if (aof_state == AOF_WAITING) {
        char path[PATH_ROOM];
        keel_journal_arm(aof_subscriber, false);
        write_close();
        unlink(temporary_increment(path));
        rw.scheduled = true;
    }
}

static void succeeded(void) {
    rw.last_good = true;
    rw.failures = rw.limited_until = rw.delay_minutes = 0;
    rw.rewrites++;
    write_healed();
    manifest_delete_history();
    keel_log(KEEL_LOG_NOTICE, "Background AOF rewrite finished successfully");
    if (aof_state == AOF_WAITING) aof_state = AOF_ON;
}

static void child_done(KeelCtx *c, const KeelChildEnd *end, void *data) {
    (void)c, (void)data;
    char temporary[PATH_ROOM];
    temporary_base(temporary, rw.pid);
    rw.last_seconds = end->seconds;
    if (end->good) {
        keel_log(KEEL_LOG_NOTICE, "Background AOF rewrite terminated with success");
        if (adopt_base(temporary) == 0) succeeded();
        else failed();
        return;
    }
    unlink(temporary);
    if (end->killed) {
        keel_log(KEEL_LOG_WARNING, "Background AOF rewrite terminated by signal %d", SIGUSR1);
        if (aof_state == AOF_WAITING) failed();
        return;
    }
    if (end->signal) {
        keel_log(KEEL_LOG_WARNING, "Background AOF rewrite terminated by signal %d", end->signal);
    } else {
        keel_log(KEEL_LOG_WARNING, "Background AOF rewrite terminated with error");
    }
    failed();
}

/* --- the beginning -------------------------------------------------------------------------- */

/* With the append-only file off, a base is written all the same, and nothing follows it. */
int rewrite_start(KeelCtx *c) {
    KeelChild child = {.size = sizeof(child), .name = child_purpose, .run = child_run,
                       .done = child_done};
    if (keel_fork_active()) return -1;
    manifest_know();
    /* What was recorded before the fork is in the child's data: it goes to the file before. */
    keel_journal_flush();
    if (aof_state == AOF_ON && !write_broken() && write_flush(true) != 0) {
        keel_log(KEEL_LOG_WARNING, "Can't rewrite append only file in background: what waits to be "
                                   "written cannot be");
        rw.failures++;
        rw.last_good = false;
        return -1;
    }
    if (aof_state == AOF_ON && write_broken()) {
        if (sync_pending()) return -1;
        sync_clear_error();
    }
    rw.to_waiting = false;
    if ((aof_state == AOF_OFF ? aof_make_directory() : next_increment()) != 0) {
        rw.failures++;
        rw.last_good = false;
        return -1;
    }
    rw.preamble = use_preamble;
    if (snapshot->child_start(c, &child) != 0) {
        keel_log(KEEL_LOG_WARNING, "Can't rewrite append only file in background: fork: %s",
                 strerror(errno));
        failed();
        return -1;
    }
    rw.pid = keel_fork_active();
    rw.scheduled = false;
    keel_log(KEEL_LOG_NOTICE, "Background append only file rewriting started by pid %d", rw.pid);
    if (aof_state == AOF_WAITING) keel_journal_arm(aof_subscriber, true);
    return 0;
}

/* After failures in a row, automatic rewrites come after longer and longer times. */
static bool limited(void) {
    int64_t now = time(NULL);
    if (rw.failures < FAILURES_ALLOWED) return false;
    if (rw.limited_until) {
        if (now < rw.limited_until) return true;
        rw.limited_until = 0;
        return false;
    }
    rw.delay_minutes = rw.delay_minutes ? rw.delay_minutes * 2 : 1;
    if (rw.delay_minutes > LIMIT_MINUTES) rw.delay_minutes = LIMIT_MINUTES;
    rw.limited_until = now + rw.delay_minutes * 60;
    keel_log(KEEL_LOG_WARNING, "Background AOF rewrite has repeatedly failed and triggered the "
                               "limit, will retry in %lld minutes", (long long)rw.delay_minutes);
    return true;
}

static bool grown(void) {
    if (aof_state != AOF_ON || !rewrite_percentage) return false;
    if (aof_size <= (uint64_t)rewrite_min_size) return false;
    double base = aof_base_size ? (double)aof_base_size : 1;
    double growth = (double)aof_size * 100 / base - 100;
    if (growth < (double)rewrite_percentage || limited()) return false;
    keel_log(KEEL_LOG_NOTICE, "Starting automatic rewriting of AOF on %.0f%% growth", growth);
    return true;
}

static bool to_heal(void) {
    int64_t now = time(NULL);
    if (!write_broken() || now - rw.healed_at < HEAL_SECONDS) return false;
    rw.healed_at = now;
    keel_log(KEEL_LOG_WARNING, "A sync failed: all data is written to new append-only files");
    return true;
}

void rewrite_cron(KeelCtx *c) {
    if (keel_fork_active() || keel_loading() || keel_stage_there()) return;
    if (to_heal() || (rw.scheduled && !limited()) || grown()) rewrite_start(c);
}

void rewrite_kill(KeelCtx *c) {
    snapshot->child_kill(c, child_purpose);
}

void aof_bgrewriteaof(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    if (rewrite_running()) {
        keel_reply_error(c, "ERR Background append only file rewriting already in progress");
    } else if (keel_fork_active() || keel_block_denied(c)) {
        /* Inside a transaction the child would have half of it. */
        rw.scheduled = true;
        rw.failures = rw.limited_until = rw.delay_minutes = 0;
        keel_reply_status(c, "Background append only file rewriting scheduled");
    } else if (rewrite_start(c) == 0) {
        keel_reply_status(c, "Background append only file rewriting started");
    } else {
        keel_reply_error(c, "ERR Can't execute an AOF background rewriting. Please check the "
                            "server logs for details.");
    }
}

/* --- at start ------------------------------------------------------------------------------- */

static uint64_t create_base(Manifest *m) {
    char path[PATH_ROOM], temporary[PATH_ROOM];
    const char *name = manifest_new_base(m, use_preamble);
    aof_path(path, name);
    temporary_base(temporary, (int)getpid());
    if (write_base(temporary, use_preamble) != 0 ||
        snapshot->file_rename(temporary, path) != 0) {
        keel_log(KEEL_LOG_WARNING, "Can't create the AOF base file %s: %s", path,
                 strerror(errno));
        exit(1);
    }
    keel_log(KEEL_LOG_NOTICE, "Creating AOF base file %s on server start", name);
    return size_of(path);
}

void rewrite_open_at_start(void) {
    char path[PATH_ROOM];
    bool changed = false;
    if (aof_make_directory() != 0) exit(1);
    if (!manifest_base(&manifest) && !manifest_increments(&manifest)) {
        aof_size = aof_base_size = create_base(&manifest);
        changed = true;
    }
    if (!manifest_increments(&manifest)) {
        keel_log(KEEL_LOG_NOTICE, "Creating AOF incr file %s on server start",
                 manifest_new_increment(&manifest));
        changed = true;
    }
    int fd = open_file(aof_path(path, manifest_last_increment(&manifest)->name), false);
    if (fd < 0 || (changed && manifest_persist(&manifest) != 0)) exit(1);
    keel_log(KEEL_LOG_NOTICE, "Opening AOF incr file %s on server start",
             manifest_last_increment(&manifest)->name);
    write_switch(fd, size_of(path));
}

void rewrite_info(KeelInfo *info) {
    keel_info_int(info, "aof_rewrite_in_progress", rewrite_running());
    keel_info_int(info, "aof_rewrite_scheduled", rw.scheduled);
    keel_info_int(info, "aof_last_rewrite_time_sec", rw.last_seconds);
    keel_info_int(info, "aof_current_rewrite_time_sec",
                  rewrite_running() ? snapshot->child_seconds() : -1);
    keel_info_field(info, "aof_last_bgrewrite_status", "%s", rw.last_good ? "ok" : "err");
    keel_info_int(info, "aof_rewrites", rw.rewrites);
    keel_info_int(info, "aof_rewrites_consecutive_failures", rw.failures);
}
