/* payload.c - full copies on their way out.
 *
 * On disk: a background save writes the file, which is then sent to everybody who waited for it,
 * behind its length. Over a pipe: the child writes the stream into a pipe, between a mark that it
 * has invented and the same mark as its end, and each piece goes to all replicas before the next
 * one is read, so the slowest of them sets the pace and nothing piles up.
 *
 * The bytes go out through the replicas' feed, as the stream does later: pieces are sent from where
 * they were read to. */
#define _GNU_SOURCE /* pipe2, F_SETPIPE_SZ */
#include "replication.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_ROOM = 256 * 1024, PIPE_ROOM = 1024 * 1024, SINK_ROOM = 64 * 1024 };

/* The copy over the pipe. */
static struct {
    int fd;                      /* to read from; -1: there is none */
    int child;                   /* in the child: to write to */
    bool watched, running;       /* the descriptor; the child */
    KeelSaveOptions options;
    char mark[EOF_MARK + 1];
    char tail[EOF_MARK];         /* the last bytes read */
    char *piece;                 /* read last */
    size_t len;
} pipe_copy = {.fd = -1};

static int disk_pid;             /* the child that writes the file; 0: none does for us */
static bool file_is_ours;        /* the file is there because replicas asked */
static char piece_of_file[PIECE_ROOM];

static int64_t now_seconds(void) {
    return keel_now_ms() / 1000;
}

bool payload_on_disk(void) {
    return disk_pid != 0;
}

bool payload_on_pipe(void) {
    return pipe_copy.fd >= 0 || pipe_copy.running;
}

static bool on_pipe(const Replica *r) {
    return r->state == REPLICA_COPYING && r->piped;
}

static bool is_closing(const Replica *r) {
    return keel_client_flags(r->client) & KEEL_CF_CLOSING;
}

/* ---- beginning ----------------------------------------------------------------------------- */

/* The stream since the copy's begin is kept for it from now on. */
void payload_begin(Replica *r, int64_t offset, bool piped) {
    char line[128];
    r->state = REPLICA_COPYING;
    r->piped = piped;
    r->copy_offset = offset;
    r->piece_sent = pipe_copy.len;
    r->moved = now_seconds();
    if (!r->rdb_only) reader_start(&r->reader, offset + 1);
    feed_forget_db();
    if (r->old) return;
    int n = snprintf(line, sizeof(line), "+FULLRESYNC %s %lld\r\n", history.id,
                     (long long)offset);
    replica_say(r, (KeelStr){line, (size_t)n});
}

static void begin_all(const Replica *first, bool piped) {
    bool no_keys = first->no_keys, no_functions = first->no_functions;
    for (Replica *r = replicas; r; r = r->next) {
        if (r->state != REPLICA_WAITING || is_closing(r)) continue;
        if (r->no_keys != no_keys || r->no_functions != no_functions) continue;
        if (piped && !r->eof) continue;
        payload_begin(r, history.offset, piped);
    }
}

static int start_on_disk(KeelCtx *c, const Replica *first) {
    if (snapshot->background_save(c) != 0) return -1;
    disk_pid = keel_fork_active();
    file_is_ours = true;
    begin_all(first, false);
    return 0;
}

/* ---- the child's end of the pipe ----------------------------------------------------------- */

typedef struct PipeSink {
    KeelSink sink;           /* first: the host's pointer to it is ours to all */
    char room[SINK_ROOM];
} PipeSink;

static int pipe_write(KeelSink *sink, const void *bytes, size_t len) {
    (void)sink;
    const char *p = bytes;
    while (len) {
        ssize_t n = write(pipe_copy.child, p, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static void tell_saving(KeelPhase phase) {
    KeelSavingEvent event = {.phase = phase, .what = "RDB", .in_child = true};
    keel_event_send(NULL, KEEL_EVENT_SAVING, &event);
}

static int run(void *data) {
    (void)data;
    char line[EOF_MARK + 16], setting[8] = "no";
    PipeSink *s = keel_alloc(sizeof(*s));
    close(pipe_copy.fd);
    s->sink = (KeelSink){.write = pipe_write, .buffer = s->room, .room = SINK_ROOM};
    keel_config_get(KEEL_LIT("rdbcompression"), setting, sizeof(setting), NULL);
    s->sink.compress = strcmp(setting, "yes") == 0;
    int n = snprintf(line, sizeof(line), "$EOF:%s\r\n", pipe_copy.mark);
    if (pipe_write(NULL, line, (size_t)n) != 0) return -1;
    tell_saving(KEEL_BEFORE);
    bool good = snapshot->save(&s->sink, &pipe_copy.options) == 0 &&
                keel_sink_flush(&s->sink) == 0;
    tell_saving(good ? KEEL_AFTER : KEEL_FAILED);
    if (!good) return -1;
    /* Nobody else writes the end, so who has seen it has all. */
    return pipe_write(NULL, pipe_copy.mark, EOF_MARK);
}

static void done(KeelCtx *c, const KeelChildEnd *end, void *data) {
    (void)c, (void)data;
    pipe_copy.running = false;
    if (end->good) {
        keel_log(KEEL_LOG_NOTICE, "Background RDB transfer terminated with success");
    } else if (end->killed || end->signal) {
        keel_log(KEEL_LOG_WARNING, "Background transfer terminated by signal %d",
                 end->killed ? SIGUSR1 : end->signal);
    } else {
        keel_log(KEEL_LOG_WARNING, "Background transfer error");
    }
}

static void make_mark(void) {
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[EOF_MARK];
    keel_random_bytes(bytes, sizeof(bytes));
    for (int i = 0; i < EOF_MARK; i++) pipe_copy.mark[i] = digits[bytes[i] & 15];
    pipe_copy.mark[EOF_MARK] = '\0';
}

static void pipe_readable(KeelCtx *c, int fd, unsigned ready, void *data);

static void watch(bool on) {
    if (on == pipe_copy.watched) return;
    pipe_copy.watched = on;
    KEEL_FD_WATCH(pipe_copy.fd, on ? KEEL_FD_READ : 0, pipe_readable, NULL);
}

static int start_on_pipe(KeelCtx *c, const Replica *first) {
    int ends[2];
    KeelChild child = {.size = sizeof(child), .name = "RDB", .run = run, .done = done};
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[0], F_SETPIPE_SZ, PIPE_ROOM); /* what a user may have; the default does too */
    make_mark();
    pipe_copy.fd = ends[0];
    pipe_copy.child = ends[1];
    pipe_copy.options = (KeelSaveOptions){
        .size = sizeof(KeelSaveOptions), .no_keys = first->no_keys,
        .no_functions = first->no_functions, .fields = file_head.fields()};
    int rc = snapshot->child_start(c, &child), error = errno;
    close(ends[1]);
    if (rc != 0) {
        keel_log(KEEL_LOG_WARNING, "Can't save in background: fork: %s", strerror(error));
        close(ends[0]);
        pipe_copy.fd = -1;
        return -1;
    }
    keel_log(KEEL_LOG_NOTICE, "Background RDB transfer started by pid %d", keel_fork_active());
    pipe_copy.running = true;
    if (!pipe_copy.piece) pipe_copy.piece = keel_alloc(PIECE_ROOM);
    pipe_copy.len = 0;
    memset(pipe_copy.tail, 0, EOF_MARK);
    begin_all(first, true);
    watch(true);
    return 0;
}

/* What the dataset says is what the stream says up to now: nothing of this turn is under way. */
int payload_start(KeelCtx *c, const Replica *first, bool to_socket) {
    keel_journal_flush();
    return to_socket ? start_on_pipe(c, first) : start_on_disk(c, first);
}

/* ---- our end of the pipe ------------------------------------------------------------------- */

static size_t piped_count(void) {
    size_t n = 0;
    for (const Replica *r = replicas; r; r = r->next) n += on_pipe(r) && !is_closing(r);
    return n;
}

/* Whether all have taken the last piece. */
static bool piece_is_out(void) {
    for (const Replica *r = replicas; r; r = r->next) {
        if (on_pipe(r) && !is_closing(r) && r->piece_sent < pipe_copy.len) return false;
    }
    return true;
}

static void note_tail(const char *bytes, size_t len) {
    char both[2 * EOF_MARK];
    size_t n = len < EOF_MARK ? len : EOF_MARK;
    memcpy(both, pipe_copy.tail, EOF_MARK);
    memcpy(both + EOF_MARK, bytes + len - n, n);
    memcpy(pipe_copy.tail, both + n, EOF_MARK);
}

/* The next piece. 1; 0: the end; -1: none now, or an error that errno tells. */
static int read_piece(void) {
    ssize_t n;
    do {
        n = read(pipe_copy.fd, pipe_copy.piece, PIECE_ROOM);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) return (int)n;
    pipe_copy.len = (size_t)n;
    note_tail(pipe_copy.piece, (size_t)n);
    for (Replica *r = replicas; r; r = r->next) {
        if (!on_pipe(r)) continue;
        r->piece_sent = 0;
        r->moved = now_seconds();
        keel_client_feed_ready(r->client);
    }
    return 1;
}

static void pipe_close(void) {
    watch(false);
    close(pipe_copy.fd);
    pipe_copy.fd = -1;
    pipe_copy.len = 0;
    keel_free(pipe_copy.piece);
    pipe_copy.piece = NULL;
}

static void wanted_copy_only(Replica *r) {
    r->state = REPLICA_SENT;
    keel_log(KEEL_LOG_NOTICE, "RDB transfer completed, rdb only replica (%s) should be "
             "disconnected asap", replica_name(r));
    keel_client_close(r->client, true);
}

static void copied(KeelCtx *c, Replica *r) {
    if (r->rdb_only) {
        wanted_copy_only(r);
        return;
    }
    replica_online(c, r);
    keel_log(KEEL_LOG_NOTICE, "Synchronization with replica %s succeeded", replica_name(r));
}

static void fail_all(bool piped) {
    for (Replica *r = replicas; r; r = r->next) {
        if (r->state != REPLICA_COPYING || r->piped != piped || is_closing(r)) continue;
        keel_client_close(r->client, false);
        keel_log(KEEL_LOG_WARNING, "SYNC failed. BGSAVE child returned an error");
    }
}

static void pipe_ended(KeelCtx *c) {
    bool whole = memcmp(pipe_copy.tail, pipe_copy.mark, EOF_MARK) == 0;
    keel_log(KEEL_LOG_NOTICE, "Diskless rdb transfer, done reading from pipe, %zu replicas still "
             "up.", piped_count());
    pipe_close();
    if (!whole) fail_all(true);
    for (Replica *r = replicas; whole && r; r = r->next) {
        if (!on_pipe(r) || is_closing(r)) continue;
        if (!r->rdb_only) {
            keel_log(KEEL_LOG_NOTICE, "Streamed RDB transfer with replica %s succeeded (socket). "
                     "Waiting for REPLCONF ACK from slave to enable streaming", replica_name(r));
        }
        copied(c, r);
    }
    sync_cron(c);
}

static void pipe_readable(KeelCtx *c, int fd, unsigned ready, void *data) {
    (void)fd, (void)ready, (void)data;
    if (!piece_is_out()) {
        watch(false);            /* who takes the rest of it watches again */
        return;
    }
    int rc = read_piece();
    if (rc > 0 || (rc < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))) return;
    if (rc < 0) {
        keel_log(KEEL_LOG_WARNING, "Diskless rdb transfer, read error sending DB to replicas: %s",
                 strerror(errno));
        pipe_close();
        fail_all(true);
        snapshot->child_kill(c, "RDB");
        return;
    }
    pipe_ended(c);
}

int64_t payload_stalls(const Replica *r) {
    if (!on_pipe(r) || r->piece_sent >= pipe_copy.len) return 0;
    return now_seconds() - r->moved;
}

/* The last one gone ends the child; one that was slower than the others lets these go on. */
void payload_left(KeelCtx *c) {
    if (pipe_copy.fd < 0) return;
    if (piped_count()) {
        if (piece_is_out()) watch(true);
        return;
    }
    keel_log(KEEL_LOG_NOTICE, "Diskless rdb transfer, last replica dropped, killing fork child.");
    pipe_close();
    snapshot->child_kill(c, "RDB");
}

/* ---- the file ------------------------------------------------------------------------------ */

static void send_file(Replica *r, const char *path) {
    struct stat facts;
    char line[64];
    r->file = open(path, O_RDONLY | O_CLOEXEC);
    if (r->file < 0 || fstat(r->file, &facts) != 0) {
        keel_log(KEEL_LOG_WARNING, "SYNC failed. Can't open/stat DB after BGSAVE: %s",
                 strerror(errno));
        keel_client_close(r->client, false);
        return;
    }
    r->file_size = facts.st_size;
    r->file_sent = 0;
    r->state = REPLICA_SENDING;
    int n = snprintf(line, sizeof(line), "$%lld\r\n", (long long)r->file_size);
    replica_say(r, (KeelStr){line, (size_t)n});
    keel_client_feed_ready(r->client);
}

static void disk_ended(int status) {
    char path[4096];
    disk_pid = 0;
    if (status != 0 || !keel_config_get(KEEL_LIT("dbfilename"), path, sizeof(path), NULL)) {
        fail_all(false);
        return;
    }
    for (Replica *r = replicas; r; r = r->next) {
        if (r->state == REPLICA_COPYING && !r->piped && !is_closing(r)) send_file(r, path);
    }
}

static void next_copy(KeelCtx *c, void *data) {
    (void)data;
    sync_cron(c);
}

void payload_reaped(KeelCtx *c, const void *data) {
    (void)c;
    const KeelForkEvent *event = data;
    if (event->born) return;
    if (event->pid == disk_pid) disk_ended(event->status);
    if (replicas_in(REPLICA_WAITING)) keel_post(next_copy, NULL);
}

/* The file that we have made for replicas, once they all have it: nobody else asked for it. */
static void remove_file(void) {
    char path[4096];
    if (!file_is_ours || replicas_in(REPLICA_WAITING) || replicas_in(REPLICA_COPYING) ||
        replicas_in(REPLICA_SENDING)) {
        return;
    }
    file_is_ours = false;
    if (!keel_config_get(KEEL_LIT("dbfilename"), path, sizeof(path), NULL)) return;
    sync_file_remove(path, "Removing the RDB file used to feed replicas in a persistence-less "
                           "instance");
}

static size_t show_file(Replica *r, KeelStr *piece) {
    ssize_t n = pread(r->file, piece_of_file, PIECE_ROOM, (off_t)r->file_sent);
    if (n > 0 && n > r->file_size - r->file_sent) n = (ssize_t)(r->file_size - r->file_sent);
    if (n <= 0) {
        keel_log(KEEL_LOG_WARNING, "Read error sending DB to replica: %s",
                 n ? strerror(errno) : "premature EOF");
        keel_client_close(r->client, false);
        return 0;
    }
    *piece = (KeelStr){piece_of_file, (size_t)n};
    return 1;
}

static void file_is_out(KeelCtx *c, void *data) {
    (void)data;
    for (Replica *r = replicas; r; r = r->next) {
        if (r->state != REPLICA_SENDING || r->file_sent < r->file_size || is_closing(r)) continue;
        close(r->file);
        r->file = -1;
        r->streaming = true;
        copied(c, r);
        keel_client_feed_ready(r->client);
    }
    remove_file();
}

/* ---- the feed ------------------------------------------------------------------------------ */

static size_t show_pipe(Replica *r, KeelStr *piece) {
    /* When all have what there was the next piece is taken here, without a turn of the loop. */
    if (r->piece_sent >= pipe_copy.len && (!piece_is_out() || read_piece() <= 0)) return 0;
    *piece = (KeelStr){pipe_copy.piece + r->piece_sent, pipe_copy.len - r->piece_sent};
    return 1;
}

static size_t feed_next(KeelClient *client, KeelStr *pieces, size_t room) {
    Replica *r = replica_of(client);
    switch (r->state) {
    case REPLICA_COPYING: return r->piped && pipe_copy.fd >= 0 ? show_pipe(r, pieces) : 0;
    case REPLICA_SENDING: return r->file_sent < r->file_size ? show_file(r, pieces) : 0;
    case REPLICA_ONLINE: return r->streaming ? reader_show(&r->reader, pieces, room) : 0;
    default: return 0;
    }
}

static void feed_sent(KeelClient *client, size_t bytes) {
    Replica *r = replica_of(client);
    counts.sent += bytes;
    if (r->state == REPLICA_ONLINE) {
        reader_advance(&r->reader, bytes);
    } else if (r->state == REPLICA_SENDING) {
        r->file_sent += (int64_t)bytes;
        if (r->file_sent == r->file_size) keel_post(file_is_out, NULL);
    } else {
        r->piece_sent += bytes;
        r->moved = now_seconds();
        if (!pipe_copy.watched && piece_is_out()) watch(true);
    }
}

static size_t feed_waiting(const KeelClient *client) {
    const Replica *r = *keel_client_slot((KeelClient *)(uintptr_t)client, replica_slot);
    return reader_behind(&r->reader);
}

/* A replica that just went on from the backlog may be as far behind as that is long. */
static size_t feed_allowed(const KeelClient *client) {
    (void)client;
    return (size_t)backlog_size;
}

const KeelFeed replica_feed = {.size = sizeof(KeelFeed), .next = feed_next, .sent = feed_sent,
                               .waiting = feed_waiting, .allowed = feed_allowed};
