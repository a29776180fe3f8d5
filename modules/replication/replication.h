/* replication.h - what the rooms of this module know of each other.
 *
 *   stream.c    the stream of writes: its id and offset, the backlog, readers; one copy for all
 *   feed.c      from the journal to the stream: SELECT, MULTI, EXEC; pings, GETACK
 *   replicas.c  who copies us: REPLCONF, states, acknowledgements, limits, time-outs; what a
 *               primary without enough of them refuses
 *   sync.c      PSYNC and SYNC: partial or full, and whom a full copy under way may still serve
 *   payload.c   full copies on their way out: over a pipe from a child, or from a file
 *   wait.c      WAIT and WAITAOF
 *   failover.c  FAILOVER, and ending in order: replicas that lag are waited for
 *   role.c      REPLICAOF, ROLE, INFO; what changes when this server becomes one or the other
 *   link.c      to our primary: connect, handshake, time-outs, again
 *   receive.c   a full copy on its way in: to a file or straight to memory, aside or in place
 *   apply.c     the primary's stream as commands of a client, acknowledgements, what goes on to our
 *               own replicas
 *   gates.c     what a replica refuses: writes, stale reads
 *
 * Offsets count bytes of the stream since its history began. A primary's stream is what feed.c
 * makes of its journal; a replica's is what its primary sent, byte for byte, so that offsets agree
 * along a chain. */
#ifndef REPLICATION_H
#define REPLICATION_H

#include <keel.h>
#include <keel/replication.h>
#include <keel/snapshot.h>
#include <stdarg.h>

enum { ID_LENGTH = 40, EOF_MARK = 40 };

/* --- stream.c: one copy of the stream ------------------------------------------------------- */

/* The history: its id, and the one that it went on from, whose offsets are good before
 * `id2_offset` (-1: there is none). `offset` is the offset of the last byte. */
typedef struct History {
    char id[ID_LENGTH + 1], id2[ID_LENGTH + 1];
    int64_t offset, id2_offset;
} History;
extern History history;

typedef struct Block Block; /* a piece of the stream, kept while somebody reads it */

/* A place in the stream. All zero: nowhere. */
typedef struct Reader {
    Block *block;
    size_t at;               /* in the block */
    int64_t offset;          /* of the next byte to read */
    struct Reader *next, *prev; /* all readers */
} Reader;

/* A new history: a fresh id, no second one. */
void history_new(void);
/* This server goes on as a primary of its own: the id becomes the second one. */
void history_fork(void);
/* This server was ended as it stood at `offset` of another history and goes on from there: that
 * one's id is the second now, and what was written since the start comes behind it. */
void history_resume(const char *id, int64_t offset);
/* Takes over another one's id, offsets as they are. */
void history_adopt(const char *id, int64_t offset);
/* The backlog is made when the first replica comes, and goes `repl-backlog-ttl` after the last one.
 * stream_open(): it begins at history.offset + 1. */
void stream_open(void);
void stream_close(void);
bool stream_is_open(void);
/* repl-backlog-size has changed. */
void stream_resize(void);
/* Adds bytes; history.offset grows. While the stream is closed only that. */
void stream_write(const void *bytes, size_t len);
/* The same for bytes whose offset is not reached yet: they are seen by no reader before
 * stream_reach(), and stream_cut() takes back those not reached. */
void stream_stage(const void *bytes, size_t len);
void stream_reach(int64_t offset);
void stream_cut(void);
/* Whether the backlog has everything from `offset` on. */
bool stream_covers(int64_t offset);
int64_t stream_first(void);       /* offset of the first byte there is */
size_t stream_length(void);       /* bytes there are */
size_t stream_memory(void);
void reader_start(Reader *r, int64_t offset);
void reader_stop(Reader *r);
size_t reader_show(Reader *r, KeelStr *pieces, size_t room);
void reader_advance(Reader *r, size_t bytes);
/* Bytes between it and the end. */
size_t reader_behind(const Reader *r);

/* --- feed.c --------------------------------------------------------------------------------- */

extern int feed_subscriber;
void feed_records(const KeelRecord *records, size_t n);
/* Somebody listens, or nobody: arms the journal. A replica feeds nothing of its own. */
void feed_arm(void);
/* The next record selects its database anew: a replica has just taken a copy. */
void feed_forget_db(void);
/* A command of the stream itself, PING or REPLCONF GETACK *. */
void feed_words(const char *first, ...) __attribute__((sentinel));
void feed_command(const KeelStr *argv, int argc);
/* The database that readers of the stream are in; -1: the next record will tell. */
int feed_db(void);
/* A client's last write: the stream's offset behind it, as a pointer. */
extern int last_write_slot;

/* NUL-terminated words up to a NULL, as a command's arguments. */
enum { WORDS_MAX = 8 };
int words_gather(KeelStr argv[WORDS_MAX], const char *first, va_list ap);

/* --- replicas.c ----------------------------------------------------------------------------- */

typedef enum ReplicaState {
    REPLICA_NEW,             /* said REPLCONF, has not asked for a copy */
    REPLICA_WAITING,         /* for a copy to begin */
    REPLICA_COPYING,         /* one that is for it is being made (on disk), or sent from the child */
    REPLICA_SENDING,         /* a finished file is being sent */
    REPLICA_ONLINE,          /* follows the stream */
    REPLICA_SENT,            /* wanted the copy only (rdb-only): its end is near */
} ReplicaState;

typedef struct Replica {
    KeelClient *client;
    ReplicaState state;
    struct Replica *next;    /* all of them, oldest first */
    char *address;           /* as announced; NULL: the socket's */
    char socket_host[64];
    int port;                /* listening-port */
    bool eof, psync2;        /* capa */
    bool rdb_only, no_keys, no_functions;
    bool old;                /* came by SYNC: no acknowledgements */
    bool piped;              /* COPYING: over the pipe from a child, not on disk */
    bool streaming;          /* its feed reads the stream: acked, or a file was sent */
    int64_t since;           /* seconds; WAITING since */
    size_t piece_sent;       /* of the piece that came over the pipe last */
    int64_t moved;           /* seconds; when it last took some of a copy */
    int64_t ack_offset, ack_ms, aof_offset;
    int64_t copy_offset;     /* that the copy for it stands at; the reader starts behind it */
    Reader reader;
    int file;                /* being sent; -1 */
    int64_t file_size, file_sent;
} Replica;

extern Replica *replicas;    /* those that asked for a copy; what others said is in their slot */
extern int replica_slot;     /* a client's Replica */
Replica *replica_of(KeelClient *client);
/* Makes the client one. */
Replica *replica_make(KeelClient *client);
size_t replicas_in(ReplicaState state);
size_t replicas_at(int64_t offset);
/* It follows the stream now. */
void replica_online(KeelCtx *c, Replica *r);
/* All go, with why, for the log. */
void replicas_close(const char *why);
void replconf(KeelCtx *c, const KeelStr *argv, int argc);
/* Keeps the address that its socket has. */
void replica_note_host(Replica *r);
/* Puts it on the list: its connection is the stream's. */
void replica_enlist(Replica *r);
/* As announced, or the socket's. */
const char *replica_host(const Replica *r);
Replica *replica_find(KeelStr host, int64_t port);
size_t replicas_saved_at(int64_t offset); /* on their disks */
bool replicas_all_at(int64_t offset);
void replicas_log_lagging(void);
/* The server ends: their connections will not be told. */
void replicas_forget(void);
/* A file that only syncs needed is removed, where `rdb-del-sync-files` wants it (receive.c). True:
 * it is. `why` is for the log. */
bool sync_file_remove(const char *path, const char *why);
/* Bytes to it, in front of whatever its feed has. */
void replica_say(const Replica *r, KeelStr bytes);
/* "ip:port", for the log. Lives until the next call. */
const char *replica_name(const Replica *r);
/* Each second: pings, time-outs, newlines; the backlog's end. */
void replicas_cron(KeelCtx *c);
/* INFO's "connected_slaves" and the lines of each. */
void replicas_info(KeelInfo *info);
/* KEEL_EVENT_CLIENT, and the slot's end: the connection is gone. */
void replica_client_event(KeelCtx *c, const void *data);
void replica_gone(KeelClient *client, void *value);
/* What a replica may say on its connection, where replies would mix with the stream. */
extern int gate_peer;
KeelVerdict peer_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
void peer_refused(KeelCtx *c, const KeelStr *argv, int argc);
/* The gate of min-replicas-to-write, as settings and replicas are now. */
void few_update(void);
KeelVerdict few_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);

/* --- sync.c, payload.c ---------------------------------------------------------------------- */

void psync(KeelCtx *c, const KeelStr *argv, int argc);
void sync_command(KeelCtx *c, const KeelStr *argv, int argc);
/* Starts a copy for those who wait, where one may begin now; each second, and when a child ends. */
void sync_cron(KeelCtx *c);
/* A copy for the waiting replicas that want what `first` wants: they are COPYING then. 0, or -1
 * with the reason logged. */
int payload_start(KeelCtx *c, const Replica *first, bool to_socket);
/* A copy is being made on disk for somebody, or over a pipe. */
bool payload_on_disk(void), payload_on_pipe(void);
/* A copy begins for this replica, at the present offset (or at that of another one's). */
void payload_begin(Replica *r, int64_t offset, bool piped);
/* Seconds that it has taken nothing of a copy over the pipe; 0 when nothing waits for it. */
int64_t payload_stalls(const Replica *r);
/* A replica is gone, maybe the last one that a copy was for. */
void payload_left(KeelCtx *c);
extern const KeelFeed replica_feed;
/* KEEL_EVENT_FORK. */
void payload_reaped(KeelCtx *c, const void *data);

/* --- role.c, link.c, receive.c, apply.c ------------------------------------------------------ */

typedef enum LinkState {
    LINK_NONE,               /* a primary */
    LINK_CONNECT,            /* must connect */
    LINK_CONNECTING,         /* waits for the socket */
    LINK_HANDSHAKE,          /* PING, AUTH, REPLCONF, PSYNC */
    LINK_RECEIVING,          /* a full copy */
    LINK_CONNECTED,          /* follows */
} LinkState;
typedef struct Primary {
    char *host;              /* NULL: we are a primary */
    int port;
    LinkState state;
    int fd;                  /* until a client has it; -1 */
    KeelClient *client;      /* LINK_CONNECTED */
    int64_t heard_ms;        /* last bytes from it, or the attempt's begin; steady clock */
    int64_t down_since;      /* seconds since 1970; when the link broke; 0: it did not */
    int64_t read_offset;     /* received; history.offset is what was executed */
    int db;                  /* that the stream's next command is for */
    bool can_continue;       /* the data is that of history.id at history.offset */
    bool old;                /* it came by SYNC: it knows no offsets, nor acknowledgements */
    int64_t copy_total, copy_done, copy_heard_ms;
    bool loading_aside;      /* swapdb: the old data is served meanwhile */
} Primary;
extern Primary primary;

/* Milliseconds of a clock that nobody sets, read now. */
static inline int64_t steady_ms(void) {
    return keel_monotonic_ns() / 1000000;
}

static inline bool is_replica(void) {
    return primary.host != NULL;
}
void replicaof(KeelCtx *c, const KeelStr *argv, int argc);
/* The setting "replicaof": host and port, or nothing. */
void replicaof_get(const KeelConfig *config, KeelConfigOut *out);
bool replicaof_set(const KeelConfig *config, const KeelStr *argv, int argc, const char **reason);
void role(KeelCtx *c, const KeelStr *argv, int argc);
/* Of `host`, or of nobody (NULL). */
void role_set(KeelCtx *c, const char *host, int port);
/* At the module's load; KEEL_EVENT_START. */
void role_begin(void);
void role_started(KeelCtx *c, const void *data);
/* KEEL_EVENT_SHUTDOWN. */
void role_shutdown(KeelCtx *c, const void *data);
/* Whether the server ends: the module may go whatever it is. */
extern bool role_ended;
/* The module goes. */
void role_unload(void);
/* INFO's fields of a replica, between "role" and "connected_slaves". */
void role_info(KeelInfo *info);
/* ROLE's reply while this server is a primary (replicas.c). */
void role_primary(KeelCtx *c);
/* What a dataset's file says of where it stands in the stream: the interface "snapshot.head". */
extern const KeelSnapshotHead file_head;
void link_cron(KeelCtx *c);
/* Begins to connect now, from LINK_CONNECT. */
void link_connect(KeelCtx *c);
/* The same soon, between turns, but not many times a second. */
void link_connect_soon(void);
/* Breaks it; it is made again as link_cron() finds. */
void link_drop(KeelCtx *c);
/* Closes primary.fd and stops watching it. */
void link_close_socket(void);
/* A thread asks for an address: the module may not go. */
bool link_busy(void);
/* The module's "aof" neighbour; NULL: there is none, or it cannot. */
const KeelAofOps *aof_interface(void);
/* Asks the primary to hand over: the next PSYNC says FAILOVER. */
void link_failover(KeelCtx *c);
/* The copy is announced: "$<length>" or "$EOF:<mark>" comes next on primary.fd. */
void receive_start(KeelCtx *c, const char *id, int64_t offset, KeelStr head);
void receive_stop(KeelCtx *c);
/* Whether one is being read right now, with clients served in between. */
bool receive_loading(void);
/* Follows the stream from history.offset on; `head` was read already. */
void apply_start(KeelCtx *c, KeelStr head);
void apply_stop(KeelCtx *c);
/* REPLCONF ACK at the turn's end, when all that ran is in files and acknowledged as such. */
void apply_acknowledge(void);
/* The same now. */
void apply_acknowledge_now(void);
/* KEEL_EVENT_TURN, KEEL_EVENT_CLIENT. */
void apply_turn(KeelCtx *c, const void *data);
void apply_client(KeelCtx *c, const void *data);
/* Sees errors that the primary's commands meet. */
extern int apply_observer;
void apply_error(KeelCtx *c, const KeelCall *call);

/* --- gates.c, wait.c, failover.c -------------------------------------------------------------- */

extern int gate_readonly, gate_stale, gate_few;
/* What they depend on has changed: arms them. */
void gates_update(void);
KeelVerdict readonly_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
KeelVerdict stale_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
/* A connection that has come: the gates that hold for all others hold for it. */
void gates_client(KeelClient *client);

/* --- writable.c: keys that a replica's own clients wrote --------------------------------------- */

/* What it depends on has changed: role, replica-read-only. */
void writable_update(void);
/* All data goes. */
void writable_forget(void);
/* Removes those that are past their time; often. */
void writable_cron(KeelCtx *c);
size_t writable_count(void);
/* KEEL_EVENT_KEY_CHANGED */
void writable_changed(KeelCtx *c, const void *data);
void wait_command(KeelCtx *c, const KeelStr *argv, int argc);
void waitaof_command(KeelCtx *c, const KeelStr *argv, int argc);
/* A replica acknowledged more. */
void wait_look(KeelCtx *c);
/* KEEL_EVENT_TURN: asks for acknowledgements, once for all who began to wait in the turn. */
void wait_turn(KeelCtx *c, const void *data);
void failover(KeelCtx *c, const KeelStr *argv, int argc);
void failover_cron(KeelCtx *c);
/* The target took over: this server follows it. Or it did not: this one stays the primary. */
void failover_done(KeelCtx *c);
void failover_abort(KeelCtx *c, const char *why);
bool failing_over(void);
const char *failover_state(void);    /* INFO's word */
/* KEEL_EVENT_SHUTDOWN: waits for replicas that lag. */
void failover_shutdown(KeelCtx *c, const void *data);

/* --- settings (replication.c) ------------------------------------------------------------------ */

enum { LOAD_DISABLED, LOAD_ON_EMPTY, LOAD_SWAPDB };
extern int64_t backlog_size, backlog_ttl, ping_period, repl_timeout, diskless_delay;
extern int64_t diskless_max_replicas, min_replicas, min_replicas_lag, replica_priority;
extern int64_t announce_port;
extern int diskless_load;
extern bool diskless_sync, disable_nodelay, serve_stale, read_only, replica_announced;
extern bool ignore_maxmemory, ignore_disk_errors, lazy_flush;
extern char *announce_ip, *masterauth, *masteruser;

/* What INFO counts; any file may. */
extern struct Counts {
    uint64_t received, sent;             /* bytes from our primary; to our replicas */
    uint64_t full, partial, refused;     /* full copies, partial ones, partial ones refused */
} counts;

/* From the "snapshot" interface, there from the module's start on. */
extern const KeelSnapshotOps *snapshot;

#endif
