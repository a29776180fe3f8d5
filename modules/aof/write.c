/* write.c - from the journal to the file: what one turn recorded is one write, and under `always`
 * one sync, before any reply of the turn goes out.
 *
 * The records of a turn mostly lie in one row in the journal's buffer, so they are written from
 * there. Only what cannot go out at once (a sync under way, a full disk) is copied and waits.
 *
 * When a write fails, the clients whose writes these were are disconnected: no reply may say that
 * they are kept. Further writes are refused (MISCONF) until the disk takes what waits. When a sync
 * fails, nothing tells which bytes are lost: the file is left behind, and writes are refused until
 * a rewrite has put all data into new files. */
#include "aof.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { PIECES = 64, SCRATCH_ROOM = 4096, PREFIX_ROOM = 128 };
enum { POSTPONE_SECONDS = 2, LOG_SECONDS = 30 };

uint64_t aof_size, aof_base_size;

static struct {
    int fd;
    uint64_t file_size;         /* of the file open */
    uint64_t total;             /* bytes written since start */
    char *waiting;              /* could not be written yet */
    size_t waiting_len, waiting_room;
    int db;                     /* that the file's reader is in; -1: nowhere yet */
    int64_t stamp;              /* second of the last timestamp */
    int64_t postponed;          /* second since which a sync keeps us from writing; 0: not */
    int64_t synced_at;          /* second of the last sync begun */
    int64_t logged_at;          /* second of the last complaint */
    uint64_t sync_offset;       /* what the last sync begun covers */
    uint64_t delayed;           /* writes that did not wait for a slow sync */
    bool failing;               /* the last write failed */
    bool file_bad, broken;      /* a sync failed: of this file; of one, and its data is not safe */
    int error;                  /* errno of either */
} w = {.fd = -1, .db = -1};

/* The turn's bytes, as they lie about. */
static struct iovec pieces[PIECES];
static int piece_count;
static size_t piece_bytes;
static char scratch[SCRATCH_ROOM];
static size_t scratch_used;

static int64_t now_seconds(void) {
    return keel_now_ms() / 1000;
}

bool write_good(void) {
    return !w.failing && !w.broken;
}

bool write_broken(void) {
    return w.broken;
}

size_t write_buffered(void) {
    return w.waiting_len;
}

uint64_t write_total(void) {
    return w.total + w.waiting_len;
}

int write_fd(void) {
    return w.fd;
}

static void gate_arm(void) {
    keel_gate_arm(aof_gate, !write_good() && aof_state == AOF_ON);
}

KeelVerdict write_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    const KeelClient *client = keel_client(c);
    if (!(keel_command_flags(cmd) & KEEL_WRITE) && strcmp(keel_command_name(cmd), "ping") != 0) {
        return KEEL_PASS;
    }
    if (client && keel_client_kind(client) == KEEL_CLIENT_PRIMARY) {
        if (keel_command_flags(cmd) & KEEL_WRITE) snapshot->peer_unwritten();
        return KEEL_PASS;
    }
    keel_reply_errorf(c, "MISCONF Errors writing to the AOF file: %s", strerror(w.error));
    return KEEL_ANSWERED;
}

/* --- gathering ------------------------------------------------------------------------------ */

static void wait_with(const char *bytes, size_t len) {
    if (w.waiting_room - w.waiting_len < len) {
        w.waiting_room = (w.waiting_len + len) * 2;
        w.waiting = keel_realloc(w.waiting, w.waiting_room);
    }
    memcpy(w.waiting + w.waiting_len, bytes, len);
    w.waiting_len += len;
}

static void pieces_wait(void) {
    for (int i = 0; i < piece_count; i++) wait_with(pieces[i].iov_base, pieces[i].iov_len);
    piece_count = 0;
    piece_bytes = scratch_used = 0;
}

static void piece(const char *bytes, size_t len) {
    struct iovec *last = piece_count ? &pieces[piece_count - 1] : NULL;
    piece_bytes += len;
    if (last && (const char *)last->iov_base + last->iov_len == bytes) {
        last->iov_len += len;
    } else {
        pieces[piece_count++] = (struct iovec){(char *)(uintptr_t)bytes, len};
    }
}

/* Bytes of our own, copied to where they stay until the write. */
static void piece_copied(const char *bytes, size_t len) {
    memcpy(scratch + scratch_used, bytes, len);
    piece(scratch + scratch_used, len);
    scratch_used += len;
}

static void put_prefix(int db) {
    char line[PREFIX_ROOM], digits[KEEL_INT_ROOM];
    int n;
    if (timestamps && now_seconds() != w.stamp) {
        w.stamp = now_seconds();
        n = snprintf(line, sizeof(line), "#TS:%lld\r\n", (long long)w.stamp);
        piece_copied(line, (size_t)n);
    }
    if (db != w.db) {
        size_t len = keel_format_int(digits, db);
        w.db = db;
        n = snprintf(line, sizeof(line), "*2\r\n$6\r\nSELECT\r\n$%zu\r\n%s\r\n", len, digits);
        piece_copied(line, (size_t)n);
    }
}

/* Records that change no data are for others: a group begins with its first one that does. */
static void put_record(const KeelRecord *r, bool *group, bool *begun) {
    if (r->flags & KEEL_JOURNAL_BEGIN) {
        *group = true;
        *begun = false;
    }
    if (piece_count > PIECES - 8 || SCRATCH_ROOM - scratch_used < 3 * PREFIX_ROOM) pieces_wait();
    if (!(r->flags & KEEL_JOURNAL_CLEAN)) {
        if (r->db != w.db || timestamps) put_prefix(r->db);
        if (*group && !*begun) {
            piece_copied("*1\r\n$5\r\nMULTI\r\n", 15);
            *begun = true;
        }
        piece(r->resp.ptr, r->resp.len);
    }
    if (r->flags & KEEL_JOURNAL_END) {
        if (*begun) piece_copied("*1\r\n$4\r\nEXEC\r\n", 14);
        *group = *begun = false;
    }
}

/* --- writing -------------------------------------------------------------------------------- */

static void complain(const char *what, int error) {
    int64_t now = now_seconds();
    if (now - w.logged_at < LOG_SECONDS && w.error == error) return;
    w.logged_at = now;
    keel_log(KEEL_LOG_WARNING, "%s: %s", what, strerror(error));
}

static void count_written(size_t n) {
    w.file_size += n;
    w.total += n;
    aof_size += n;
}

static void note_solved(void) {
    if (!w.failing) return;
    keel_log(KEEL_LOG_WARNING, "AOF write error looks solved. The server can write again.");
    w.failing = false;
    w.logged_at = 0;
    gate_arm();
}

/* A part of a record would make the file end in the middle of one: it is taken back. */
static size_t take_back(ssize_t n, size_t wanted) {
    if (n <= 0) return 0;
    keel_log(KEEL_LOG_WARNING, "Short write while writing to the AOF file: (nwritten=%zd, "
                               "expected=%zu)", n, wanted);
    if (ftruncate(w.fd, (off_t)w.file_size) == 0) {
        lseek(w.fd, (off_t)w.file_size, SEEK_SET);
        return 0;
    }
    keel_log(KEEL_LOG_WARNING, "Could not remove short write from the append-only file. ftruncate: "
                               "%s", strerror(errno));
    return (size_t)n;
}

static void note_failed(int error) {
    complain("Error writing to the AOF file", error);
    w.failing = true;
    w.error = error;
    gate_arm();
}

/* What the loop spent on the disk, for who watches latency. */
static int64_t watch_begin(void) {
    return keel_latency_watched() ? keel_monotonic_ns() : 0;
}

static void watch_write(int64_t start) {
    if (!start) return;
    int64_t took = keel_monotonic_ns() - start;
    keel_latency_add(sync_pending()       ? "aof-write-pending-fsync"
                     : keel_fork_active() ? "aof-write-active-child"
                                          : "aof-write-alone", took);
    keel_latency_add("aof-write", took);
}

/* Writes what waits. 0; -1: it failed, and none or some of it is in the file. */
static int write_all_waiting(void) {
    size_t done = 0;
    int64_t start = watch_begin();
    while (done < w.waiting_len) {
        ssize_t n = write(w.fd, w.waiting + done, w.waiting_len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n > 0) {
            done += (size_t)n;
            continue;
        }
        int error = n < 0 ? errno : ENOSPC;
        done = take_back((ssize_t)done, w.waiting_len);
        count_written(done);
        w.waiting_len -= done;
        if (done) memmove(w.waiting, w.waiting + done, w.waiting_len);
        note_failed(error);
        return -1;
    }
    watch_write(start);
    count_written(done);
    w.waiting_len = 0;
    if (w.waiting_room > 1 << 20) {
        keel_free(w.waiting);
        w.waiting = NULL;
        w.waiting_room = 0;
    }
    note_solved();
    return 0;
}

/* Whether writing would wait behind a sync: then the bytes wait instead, two seconds at most. */
static bool postpone(bool force) {
    if (force || aof_policy != SYNC_EVERYSEC || !sync_pending()) {
        w.postponed = 0;
        return false;
    }
    int64_t now = now_seconds();
    if (!w.postponed) w.postponed = now;
    if (now - w.postponed < POSTPONE_SECONDS) return true;
    w.postponed = 0;
    w.delayed++;
    keel_log(KEEL_LOG_NOTICE, "Asynchronous AOF fsync is taking too long (disk is busy?). Writing "
                              "the AOF buffer without waiting for fsync to complete, this may slow "
                              "down the server.");
    return false;
}

static void note_sync_failed(int error) {
    complain("Fail to fsync the AOF file", error);
    w.file_bad = w.broken = true;
    w.error = error;
    gate_arm();
}

static bool sync_held(void) {
    return w.file_bad || (no_sync_on_rewrite && keel_fork_active());
}

static void sync_now_and_then(void) {
    int failed = sync_error();
    if (failed && !w.file_bad) note_sync_failed(failed);
    if (aof_policy != SYNC_EVERYSEC || w.total == w.sync_offset || w.fd < 0) return;
    int64_t now = now_seconds();
    if (now <= w.synced_at || sync_pending() || sync_held()) return;
    w.synced_at = now;
    w.sync_offset = w.total;
    sync_start(w.fd, w.total, false);
}

int write_sync(void) {
    int rc;
    if (w.fd < 0) return 0;
    if (w.file_bad) {
        errno = w.error;
        return -1;
    }
    int64_t start = watch_begin();
    do {
        rc = fdatasync(w.fd);
    } while (rc != 0 && errno == EINTR);
    if (start && aof_policy == SYNC_ALWAYS) {
        int error = errno;
        keel_latency_add("aof-fsync-always", keel_monotonic_ns() - start);
        errno = error;
    }
    if (rc != 0 && errno != EINVAL) {
        note_sync_failed(errno);
        return -1;
    }
    w.sync_offset = w.total;
    sync_note_done(w.total);
    return 0;
}

/* After bytes went out: what the policy wants. 0; -1: it failed. */
static int sync_by_policy(void) {
    if (aof_policy == SYNC_ALWAYS && w.total != w.sync_offset && !sync_held()) return write_sync();
    if (aof_policy == SYNC_EVERYSEC) sync_now_and_then();
    return w.broken ? -1 : 0;
}

static int write_waiting(void) {
    if (w.waiting_len && write_all_waiting() != 0) return -1;
    return sync_by_policy();
}

int write_flush(bool force) {
    if (w.fd < 0) return 0;
    if (w.waiting_len && postpone(force)) return -1;
    if (w.waiting_len && flush_sleep) usleep((useconds_t)flush_sleep);
    return write_waiting();
}

/* --- the turn ------------------------------------------------------------------------------- */

static void disconnect(const KeelRecord *records, size_t n) {
    for (size_t i = 0; i < n; i++) {
        KeelClient *client = records[i].client ? keel_client_by_id(records[i].client) : NULL;
        if (client) keel_client_close(client, false);
    }
}

static int write_pieces(void) {
    if (w.waiting_len || flush_sleep || postpone(false)) {
        pieces_wait();
        return w.postponed ? 0 : write_flush(false);
    }
    int64_t start = watch_begin();
    ssize_t n = writev(w.fd, pieces, piece_count);
    watch_write(start);
    if (n == (ssize_t)piece_bytes) {
        count_written(piece_bytes);
        return sync_by_policy();
    }
    size_t wanted = piece_bytes, kept = take_back(n, wanted);
    pieces_wait();
    count_written(kept);
    w.waiting_len -= kept;
    if (kept) memmove(w.waiting, w.waiting + kept, w.waiting_len);
    return write_waiting();
}

void write_records(const KeelRecord *records, size_t n) {
    bool group = false, begun = false;
    if (w.fd < 0) return;
    piece_count = 0;
    piece_bytes = scratch_used = 0;
    for (size_t i = 0; i < n; i++) put_record(&records[i], &group, &begun);
    if (!piece_count && !w.waiting_len) return;
    if (write_pieces() != 0) disconnect(records, n);
}

void write_cron(void) {
    if (aof_state == AOF_OFF) return;
    if (w.waiting_len) write_flush(false);
    sync_now_and_then();
}

/* --- files ---------------------------------------------------------------------------------- */

void write_switch(int fd, uint64_t size) {
    if (w.fd >= 0) {
        if (w.file_bad) close(w.fd);
        else sync_start(w.fd, w.total, true);
        w.sync_offset = w.total;
    }
    w.fd = fd;
    w.file_size = size;
    w.db = -1;
    w.stamp = 0;
    w.file_bad = false;
}

void write_close(void) {
    if (w.fd >= 0) close(w.fd);
    w.fd = -1;
    w.db = -1;
    keel_free(w.waiting);
    w.waiting = NULL;
    w.waiting_len = w.waiting_room = 0;
    w.postponed = 0;
    w.failing = w.broken = w.file_bad = false;
    sync_clear_error();
    gate_arm();
}

void write_healed(void) {
    if (!w.broken || w.file_bad || sync_error()) return;
    keel_log(KEEL_LOG_WARNING, "All data is in new append-only files: writes are taken again.");
    w.broken = false;
    gate_arm();
}

void write_info(KeelInfo *info) {
    keel_info_int(info, "aof_current_size", (int64_t)aof_size);
    keel_info_int(info, "aof_base_size", (int64_t)aof_base_size);
    keel_info_int(info, "aof_pending_rewrite", 0);
    keel_info_int(info, "aof_buffer_length", (int64_t)w.waiting_len);
    keel_info_int(info, "aof_pending_bio_fsync", (int64_t)sync_pending());
    keel_info_int(info, "aof_delayed_fsync", (int64_t)w.delayed);
}
