/* receive.c - a full copy on its way in.
 *
 * It is announced as "$<length>" or, when the primary sends it while it is made, as "$EOF:<mark>",
 * 40 bytes that end it; empty lines before that say that it is being prepared. Either it goes into
 * a file beside the snapshot's, which takes its place and is loaded; or, as repl-diskless-load
 * says, it is loaded as it comes, over no data, or aside, in memory of its own, to take the old
 * data's place at its end. With a file the old data serves until the new one is there as a whole; so it
 * does when a later state of it is loaded aside, and when that fails it is all there again.
 *
 * While it loads clients are served between its pieces, and the primary gets an empty line each
 * second so that it knows that we live. What follows the copy's last byte is the stream. */
#define _GNU_SOURCE /* memmem */
#include "replication.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 64 * 1024, LINE_MAX_LEN = 1024, WAIT_MS = 50, BEAT_MS = 1000, READS_PER_TURN = 16 };

static struct {
    char id[ID_LENGTH + 1];
    int64_t offset;
    bool old;                /* of a primary that knows no offsets */
    bool announced, marked, streamed;
    char mark[EOF_MARK];
    int64_t left;            /* bytes to come of an announced length */
    char *bytes;             /* ROOM of them: what was read, from `at` to `len` not looked at */
    size_t at, len;
    KeelFileSink *file;
    char path[64];
    int db;                  /* that the stream's first command is for */
    int64_t beat_ms;
    bool data_gone;          /* the old data was given up */
    bool loading;            /* it is read right now, clients served in between */
} rx;

/* --- beginning and end ---------------------------------------------------------------------- */

static void free_parts(void) {
    if (rx.file) {
        snapshot->file_abandon(rx.file);
        rx.file = NULL;
    }
    keel_free(rx.bytes);
    rx.bytes = NULL;
    primary.copy_total = primary.copy_done = 0;
}

void receive_stop(KeelCtx *c) {
    (void)c;
    free_parts();
}

/* Nothing came of it; what was loaded of it is not kept. */
static void failed(KeelCtx *c) {
    if (rx.data_gone) {
        snapshot->load_flush(c);
        keel_db_flush(c, -1, lazy_flush);
    }
    link_drop(c);
    link_connect_soon();
}

/* --- what changes with the data ------------------------------------------------------------- */

const KeelAofOps *aof_interface(void) {
    const KeelAofOps *aof = keel_interface("aof", 100);
    return aof && aof->size >= sizeof(KeelAofOps) ? aof : NULL;
}

/* A child that saves the old data would keep a copy of whatever changes. */
static void end_child(KeelCtx *c) {
    if (!snapshot->child_kill(c, "RDB")) return;
    keel_log(KEEL_LOG_NOTICE, "Replica is about to load the RDB file received from the master, but "
                              "there was a pending RDB child running, which was killed.");
}

/* What hangs on the old data: the file of its writes, replicas that follow it. */
static void give_up_followers(KeelCtx *c) {
    const KeelAofOps *aof = aof_interface();
    if (aof) aof->pause(c);
    replicas_close("a new copy of the primary's data is loaded");
    stream_close();
}

static void give_up_data(KeelCtx *c) {
    end_child(c);
    give_up_followers(c);
    keel_log(KEEL_LOG_NOTICE, "MASTER <-> REPLICA sync: Flushing old data");
    rx.data_gone = true;
    snapshot->load_flush(c);
    keel_db_flush(c, -1, lazy_flush);
    writable_forget();
}

/* The copy is loaded: follow the stream from where it stands. */
static void succeed(KeelCtx *c) {
    char *bytes = rx.bytes;
    KeelStr head = {bytes + rx.at, rx.len - rx.at};
    const KeelAofOps *aof = aof_interface();
    bool acknowledge = rx.marked && !rx.old;
    rx.bytes = NULL;
    free_parts();
    if (rx.id[0]) {
        history_adopt(rx.id, rx.offset);
    } else {
        history_new();
        history.offset = rx.offset < 0 ? 0 : rx.offset;
    }
    primary.old = rx.old;
    primary.db = rx.db;
    primary.can_continue = rx.id[0] != '\0';
    keel_log(KEEL_LOG_NOTICE, "MASTER <-> REPLICA sync: Finished with success");
    apply_start(c, head);
    keel_free(bytes);
    if (acknowledge) apply_acknowledge_now();
    if (aof) aof->resume(c);
}

/* --- loading -------------------------------------------------------------------------------- */

static void take_field(KeelStr name, KeelStr value, void *data) {
    (void)data;
    int64_t db;
    if (!keel_is(name, "repl-stream-db") || !keel_parse_int(value, &db)) return;
    if (db >= 0 && db < keel_db_count()) rx.db = (int)db;
}

static void beat(void) {
    int64_t now = steady_ms();
    if (now - rx.beat_ms < BEAT_MS) return;
    rx.beat_ms = now;
    ssize_t n = send(primary.fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)n; /* when it is broken, the next read says so */
}

/* Between load_begin() and load_end(). 0; -1: it is no good. */
static int load(KeelCtx *c, KeelSource *source) {
    KeelLoadOptions options = {.size = sizeof(options), .keep_expired = true, .may_follow = true,
                               .field = take_field};
    KeelLoadResult result;
    keel_log(KEEL_LOG_NOTICE, "MASTER <-> REPLICA sync: Loading DB in memory");
    rx.loading = true;
    int rc = snapshot->load(c, source, &options, &result);
    rx.loading = false;
    return rc;
}

bool receive_loading(void) {
    return rx.loading;
}

/* Waits for bytes with clients served meanwhile. The number that came, or -1. */
static ssize_t read_patiently(void *to, size_t room) {
    int64_t heard = steady_ms();
    for (;;) {
        ssize_t n = recv(primary.fd, to, room, MSG_DONTWAIT);
        if (n > 0) return n;
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) return -1;
        if (steady_ms() - heard > repl_timeout * 1000) {
            errno = ETIMEDOUT;
            return -1;
        }
        struct pollfd wait = {.fd = primary.fd, .events = POLLIN};
        if (poll(&wait, 1, WAIT_MS) == 0 && keel_serve()) return -1;
        beat();
    }
}

static int socket_fill(KeelSource *source) {
    beat();
    if (!rx.marked && rx.left == 0) return -1;
    if (rx.at == rx.len) {
        size_t room = !rx.marked && rx.left < ROOM ? (size_t)rx.left : ROOM;
        ssize_t n = read_patiently(rx.bytes, room);
        if (n <= 0) return -1;
        rx.at = 0;
        rx.len = (size_t)n;
        primary.copy_done += n;
        primary.copy_heard_ms = steady_ms();
        counts.received += (uint64_t)n;
    }
    size_t show = rx.len - rx.at;
    if (!rx.marked && (int64_t)show > rx.left) show = (size_t)rx.left;
    source->at = rx.bytes + rx.at;
    source->end = source->at + show;
    rx.at += show;
    if (!rx.marked) rx.left -= (int64_t)show;
    return 0;
}

/* What the loader did not use. */
static void take_back(KeelSource *source) {
    size_t unused = source->at ? (size_t)(source->end - source->at) : 0;
    rx.at -= unused;
    if (!rx.marked) rx.left += (int64_t)unused;
    source->at = source->end = NULL;
}

/* Behind the data: the mark, or what the length has beyond it. */
static bool end_of_stream(KeelSource *source) {
    char mark[EOF_MARK];
    if (rx.marked) {
        if (keel_load_raw(source, mark, EOF_MARK) == 0 && memcmp(mark, rx.mark, EOF_MARK) == 0) {
            take_back(source);
            return true;
        }
        keel_log(KEEL_LOG_WARNING, "Replication stream EOF marker is broken");
        return false;
    }
    take_back(source);
    while (rx.left) {
        KeelSource rest = {.fill = socket_fill};
        if (socket_fill(&rest) != 0) return false;
    }
    return true;
}

/* In the place of the old data, which is gone. */
static bool load_in_place(KeelCtx *c, KeelSource *source, uint64_t total) {
    give_up_data(c);
    snapshot->load_begin(c, "replication", total);
    bool good = load(c, source) == 0 && end_of_stream(source);
    snapshot->load_end(c, good);
    return good;
}

/* Beside the old data, which is served meanwhile when it is an earlier state of the same. */
static bool load_aside(KeelCtx *c, KeelSource *source, uint64_t total) {
    bool same = rx.id[0] && memcmp(rx.id, history.id, ID_LENGTH) == 0;
    end_child(c);
    if (!snapshot->load_begin_aside(c, "replication", total, same)) return false;
    primary.loading_aside = same;
    gates_update();
    bool good = load(c, source) == 0 && end_of_stream(source);
    primary.loading_aside = false;
    if (good) {
        keel_log(KEEL_LOG_NOTICE, "MASTER <-> REPLICA sync: Swapping active DB with loaded DB");
        give_up_followers(c);
        writable_forget();
    }
    keel_log(KEEL_LOG_NOTICE, "MASTER <-> REPLICA sync: Discarding %s DB in background",
             good ? "old" : "temporary");
    snapshot->load_end(c, good);
    return good;
}

static void load_streamed(KeelCtx *c) {
    KeelSource source = {.fill = socket_fill, .version = keel_rdb_version(),
                         .limit = rx.marked ? UINT64_MAX : (uint64_t)rx.left};
    uint64_t total = rx.marked ? 0 : (uint64_t)rx.left;
    KEEL_FD_WATCH(primary.fd, 0, NULL, NULL); /* it is read from here now */
    rx.beat_ms = steady_ms();
    if ((diskless_load == LOAD_SWAPDB ? load_aside : load_in_place)(c, &source, total)) {
        succeed(c);
        return;
    }
    keel_log(KEEL_LOG_WARNING, "Failed trying to load the MASTER synchronization DB from socket, "
                               "check server logs.");
    failed(c);
}

/* --- through a file ------------------------------------------------------------------------- */

typedef struct FileSource {
    KeelSource source;
    int fd;
    char room[ROOM];
} FileSource;

static int file_fill(KeelSource *source) {
    FileSource *f = (FileSource *)source;
    ssize_t n;
    beat();
    do {
        n = read(f->fd, f->room, ROOM);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) return -1;
    source->at = f->room;
    source->end = f->room + n;
    return 0;
}

/* 0; -1: it is no good. */
static int load_file(KeelCtx *c, const char *path) {
    struct stat st = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = -1;
    if (fd >= 0 && fstat(fd, &st) == 0) {
        FileSource *f = keel_alloc(sizeof(*f));
        f->source = (KeelSource){.fill = file_fill, .limit = (uint64_t)st.st_size,
                                 .version = keel_rdb_version()};
        f->fd = fd;
        snapshot->load_begin(c, "replication", (uint64_t)st.st_size);
        rc = load(c, &f->source);
        snapshot->load_end(c, rc == 0);
        keel_free(f);
    }
    if (fd >= 0) close(fd);
    return rc;
}

/* A file that only the sync needed, on a server that keeps nothing else on disk. */
bool sync_file_remove(const char *path, const char *why) {
    char wanted[8] = "no", points[64] = "";
    const KeelAofOps *aof = keel_interface("aof", 100);
    keel_config_get(KEEL_LIT("rdb-del-sync-files"), wanted, sizeof(wanted), NULL);
    keel_config_get(KEEL_LIT("save"), points, sizeof(points), NULL);
    if (strcmp(wanted, "yes") != 0 || points[0] || (aof && aof->enabled())) return false;
    keel_log(KEEL_LOG_NOTICE, "%s", why);
    unlink(path);
    return true;
}

static void remove_obtained(const char *path) {
    sync_file_remove(path, "Removing the RDB file obtained from the master. This replica has "
                           "persistence disabled");
}

static void file_complete(KeelCtx *c) {
    char name[4096] = "dump.rdb";
    KeelFileSink *file = rx.file;
    rx.file = NULL;
    keel_config_get(KEEL_LIT("dbfilename"), name, sizeof(name), NULL);
    KEEL_FD_WATCH(primary.fd, 0, NULL, NULL);
    if (snapshot->file_close(file) != 0) {
        keel_log(KEEL_LOG_WARNING, "Failed trying to sync the temp DB to disk in MASTER <-> "
                                   "REPLICA synchronization: %s", strerror(errno));
        unlink(rx.path);
        failed(c);
        return;
    }
    give_up_data(c);
    if (snapshot->file_rename(rx.path, name) != 0) {
        keel_log(KEEL_LOG_WARNING, "Failed trying to rename the temp DB into %s in MASTER <-> "
                                   "REPLICA synchronization: %s", name, strerror(errno));
        unlink(rx.path);
        failed(c);
        return;
    }
    rx.beat_ms = steady_ms();
    bool good = load_file(c, name) == 0;
    remove_obtained(name);
    if (good) {
        succeed(c);
        return;
    }
    keel_log(KEEL_LOG_WARNING, "Failed trying to load the MASTER synchronization DB from disk, "
                               "check server logs.");
    failed(c);
}

/* Writes `len` of the bytes at hand. False: it failed, and this copy with it. */
static bool write_some(KeelCtx *c, size_t len) {
    if (keel_save_raw(snapshot->file_sink(rx.file), rx.bytes + rx.at, len) != 0) {
        keel_log(KEEL_LOG_WARNING, "Write error or short write writing to the DB dump file needed "
                                   "for MASTER <-> REPLICA synchronization: %s", strerror(errno));
        failed(c);
        return false;
    }
    rx.at += len;
    return true;
}

/* Nothing of the mark goes into the file: what may be its beginning waits for the rest. */
static bool write_to_mark(KeelCtx *c, bool *complete) {
    size_t have = rx.len - rx.at;
    const char *mark = have < EOF_MARK ? NULL
                                       : memmem(rx.bytes + rx.at, have, rx.mark, EOF_MARK);
    if (mark) {
        if (!write_some(c, (size_t)(mark - (rx.bytes + rx.at)))) return false;
        rx.at += EOF_MARK;
        *complete = true;
        return true;
    }
    if (have >= EOF_MARK && !write_some(c, have - EOF_MARK + 1)) return false;
    memmove(rx.bytes, rx.bytes + rx.at, rx.len - rx.at);
    rx.len -= rx.at;
    rx.at = 0;
    return true;
}

static bool write_to_length(KeelCtx *c, bool *complete) {
    size_t have = rx.len - rx.at;
    if ((int64_t)have > rx.left) have = (size_t)rx.left;
    if (!write_some(c, have)) return false;
    rx.left -= (int64_t)have;
    *complete = rx.left == 0;
    if (!*complete) rx.at = rx.len = 0;
    return true;
}

static bool open_file(void) {
    snprintf(rx.path, sizeof(rx.path), "temp-sync-%d.rdb", (int)getpid());
    rx.file = snapshot->file_open(rx.path, true);
    if (rx.file) return true;
    keel_log(KEEL_LOG_WARNING, "Opening the temp file needed for MASTER <-> REPLICA "
                               "synchronization: %s", strerror(errno));
    return false;
}

/* --- the announcement ----------------------------------------------------------------------- */

static uint64_t keys_here(void) {
    uint64_t n = 0;
    for (int db = 0; db < keel_db_count(); db++) n += keel_db_size(db);
    return n;
}

/* A stream may break off; not everybody who has a part of the data can undo that. */
static bool wants_stream(void) {
    bool aside = diskless_load == LOAD_SWAPDB;
    if (!aside && (diskless_load != LOAD_ON_EMPTY || keys_here())) return false;
    const char *why = snapshot->load_refused(aside);
    if (why) keel_log(KEEL_LOG_NOTICE, "Skipping diskless-load because %s", why);
    return !why;
}

/* False: this is no announcement of a copy. */
static bool announced(KeelStr line) {
    int64_t length = 0;
    if (line.ptr[0] == '-') {
        keel_log(KEEL_LOG_WARNING, "MASTER aborted replication with an error: %.*s",
                 (int)line.len, line.ptr);
        return false;
    }
    rx.marked = line.len == 5 + EOF_MARK && memcmp(line.ptr, "$EOF:", 5) == 0;
    if (rx.marked) {
        memcpy(rx.mark, line.ptr + 5, EOF_MARK);
    } else if (line.ptr[0] != '$' ||
               !keel_parse_int((KeelStr){line.ptr + 1, line.len - 1}, &length) || length < 0) {
        keel_log(KEEL_LOG_WARNING, "Bad protocol from MASTER, the first byte is not '$' (we "
                                   "received '%.*s'), are you sure the host and port are right?",
                 (int)(line.len < 128 ? line.len : 128), line.ptr);
        return false;
    }
    rx.announced = true;
    rx.streamed = wants_stream();
    rx.left = length;
    primary.copy_total = length;
    const char *where = rx.streamed ? "parser" : "disk";
    if (rx.marked) {
        keel_log(KEEL_LOG_NOTICE, "MASTER <-> REPLICA sync: receiving streamed RDB from master "
                                  "with EOF to %s", where);
    } else {
        keel_log(KEEL_LOG_NOTICE, "MASTER <-> REPLICA sync: receiving %lld bytes from master to %s",
                 (long long)length, where);
    }
    return true;
}

/* Takes lines up to the announcement. False: the copy has failed. */
static bool take_lines(KeelCtx *c) {
    while (!rx.announced) {
        char *line = rx.bytes + rx.at, *end = memchr(line, '\n', rx.len - rx.at);
        if (!end && rx.len - rx.at < LINE_MAX_LEN) return true;
        size_t len = end ? (size_t)(end - line) : LINE_MAX_LEN;
        rx.at += len + 1;
        if (len && line[len - 1] == '\r') len--;
        if (end && !len) continue; /* a sign of life */
        line[len] = '\0';
        if (end ? !announced((KeelStr){line, len}) : (announced(KEEL_LIT("?")), true)) {
            failed(c);
            return false;
        }
    }
    if (rx.streamed || open_file()) return true;
    failed(c);
    return false;
}

/* All that was read is looked at. */
static void take_bytes(KeelCtx *c) {
    bool complete = false;
    if (!rx.announced) {
        if (!take_lines(c) || !rx.announced) return;
        primary.copy_done = (int64_t)(rx.len - rx.at);
    }
    if (rx.streamed) {
        load_streamed(c);
    } else if ((rx.marked ? write_to_mark : write_to_length)(c, &complete) && complete) {
        file_complete(c);
    }
}

/* --- the socket ----------------------------------------------------------------------------- */

static void ready(KeelCtx *c, int fd, unsigned events, void *data) {
    (void)events, (void)data;
    for (int i = 0; i < READS_PER_TURN; i++) {
        if (fd != primary.fd || primary.state != LINK_RECEIVING || !rx.bytes) return;
        if (rx.at == rx.len) rx.at = rx.len = 0;
        if (rx.at) {
            memmove(rx.bytes, rx.bytes + rx.at, rx.len - rx.at);
            rx.len -= rx.at;
            rx.at = 0;
        }
        ssize_t n = recv(fd, rx.bytes + rx.len, ROOM - rx.len, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (n <= 0) {
            keel_log(KEEL_LOG_WARNING, "I/O error trying to sync with MASTER: %s",
                     n < 0 ? strerror(errno) : "connection lost");
            failed(c);
            return;
        }
        rx.len += (size_t)n;
        counts.received += (uint64_t)n;
        primary.copy_heard_ms = steady_ms();
        if (rx.announced) primary.copy_done += n;
        take_bytes(c);
    }
}

void receive_start(KeelCtx *c, const char *id, int64_t offset, KeelStr head) {
    memset(&rx, 0, sizeof(rx));
    rx.bytes = keel_alloc(ROOM + 1);
    if (id) memcpy(rx.id, id, ID_LENGTH);
    rx.offset = offset;
    rx.old = offset < 0;
    rx.beat_ms = steady_ms();
    primary.state = LINK_RECEIVING;
    primary.copy_total = primary.copy_done = 0;
    primary.copy_heard_ms = steady_ms();
    memcpy(rx.bytes, head.ptr, head.len);
    rx.len = head.len;
    if (KEEL_FD_WATCH(primary.fd, KEEL_FD_READ, ready, NULL) != 0) {
        keel_log(KEEL_LOG_WARNING, "Can't watch the connection to MASTER: %s", strerror(errno));
        failed(c);
    } else if (head.len) {
        take_bytes(c);
    }
}
