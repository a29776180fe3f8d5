/* replication.h - what the rooms of this module know of each other.
 *
 *   stream.c    the stream of writes: its id and offset, the backlog, readers; one copy for all
 *   feed.c      from the journal to the stream: SELECT, MULTI, EXEC; pings, GETACK
 *   replicas.c  who copies us: REPLCONF, states, acknowledgements, limits, time-outs
 *   sync.c      PSYNC and SYNC: partial or full, and whom a full copy under way may still serve
 *   payload.c   full copies on their way out: over a pipe from a child, or from a file
 *   wait.c      WAIT and WAITAOF
 *   failover.c  FAILOVER, and ending in order: replicas that lag are waited for
 *   role.c      REPLICAOF, ROLE, INFO; what changes when this server becomes one or the other
 *   link.c      to our primary: connect, handshake, time-outs, again
 *   receive.c   a full copy on its way in: to a file or straight to memory, aside or in place
 *   apply.c     the primary's stream as commands of a client, acknowledgements, what goes on to our
 *               own replicas
 *   gates.c     what a replica refuses: writes, stale reads; what a primary without enough
 *               replicas refuses
 *
 * Offsets count bytes of the stream since its history began. A primary's stream is what feed.c
 * makes of its journal; a replica's is what its primary sent, byte for byte, so that offsets agree
 * along a chain. */
#ifndef REPLICATION_H
#define REPLICATION_H

#include <keel.h>
#include <keel/replication.h>
#include <keel/snapshot.h>

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
    int port;                /* listening-port */
    bool eof, psync2;        /* capa */
    bool rdb_only, no_keys, no_functions;
    bool old;                /* came by SYNC: no acknowledgements */
    bool streaming;          /* its feed reads the stream: acked, or a file was sent */
    int64_t ack_offset, ack_ms, aof_offset;
    int64_t copy_offset;     /* that the copy for it stands at; the reader starts behind it */
    Reader reader;
    int file;                /* being sent; -1 */
    int64_t file_size, file_sent;
    size_t lines_sent;       /* of the head before a copy */
} Replica;

extern Replica *replicas;
extern int replica_slot;     /* a client's Replica */
Replica *replica_of(KeelClient *client);
/* Makes the client one. */
Replica *replica_make(KeelClient *client);
size_t replicas_in(ReplicaState state);
size_t replicas_at(int64_t offset);
/* Those heard of in the last min-replicas-max-lag seconds. */
size_t replicas_good(void);
/* It follows the stream now. */
void replica_online(KeelCtx *c, Replica *r);
/* All go, with why, for the log. */
void replicas_close(const char *why);
void replconf(KeelCtx *c, const KeelStr *argv, int argc);

/* --- sync.c, payload.c ---------------------------------------------------------------------- */

void psync(KeelCtx *c, const KeelStr *argv, int argc);
void sync_command(KeelCtx *c, const KeelStr *argv, int argc);
/* Starts a copy for those who wait, where one may begin now; each second, and when a child ends. */
void sync_cron(KeelCtx *c);
/* A copy for these capabilities now: REPLICA_COPYING then. 0, or -1 with the reason logged. */
int payload_start(KeelCtx *c, bool to_socket, bool no_keys, bool no_functions);
extern const KeelFeed replica_feed;

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
    int64_t heard_ms;        /* last bytes from it */
    int64_t down_since;      /* seconds; when the link broke */
    int64_t read_offset;     /* received; history.offset is what was executed */
    int64_t copy_total, copy_done, copy_heard_ms;
    bool loading_aside;      /* swapdb: the old data is served meanwhile */
} Primary;
extern Primary primary;

static inline bool is_replica(void) {
    return primary.host != NULL;
}
void replicaof(KeelCtx *c, const KeelStr *argv, int argc);
void role(KeelCtx *c, const KeelStr *argv, int argc);
/* Of `host`, or of nobody (NULL). */
void role_set(KeelCtx *c, const char *host, int port);
void role_info(KeelInfo *info);
void link_cron(KeelCtx *c);
/* Breaks it; it is made again as link_cron() finds. */
void link_drop(KeelCtx *c);
/* Asks the primary to hand over: the next PSYNC says FAILOVER. */
void link_failover(KeelCtx *c);
/* The copy is announced: "$<length>" or "$EOF:<mark>" comes next on primary.fd. */
void receive_start(KeelCtx *c, const char *id, int64_t offset, KeelStr head);
void receive_stop(KeelCtx *c);
/* Follows the stream from history.offset on; `head` was read already. */
void apply_start(KeelCtx *c, KeelStr head);
void apply_stop(KeelCtx *c);
/* REPLCONF ACK now. */
void apply_acknowledge(void);

/* --- gates.c, wait.c, failover.c -------------------------------------------------------------- */

extern int gate_readonly, gate_stale, gate_few;
/* What they depend on has changed: arms them. */
void gates_update(void);
KeelVerdict readonly_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
KeelVerdict stale_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
KeelVerdict few_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
void wait_command(KeelCtx *c, const KeelStr *argv, int argc);
void waitaof_command(KeelCtx *c, const KeelStr *argv, int argc);
/* A replica acknowledged more. */
void wait_look(KeelCtx *c);
void failover(KeelCtx *c, const KeelStr *argv, int argc);
void failover_cron(KeelCtx *c);
bool failing_over(void);

/* --- settings (replication.c) ------------------------------------------------------------------ */

enum { LOAD_DISABLED, LOAD_ON_EMPTY, LOAD_SWAPDB };
extern int64_t backlog_size, backlog_ttl, ping_period, repl_timeout, diskless_delay;
extern int64_t diskless_max_replicas, min_replicas, min_replicas_lag, replica_priority;
extern int64_t announce_port, shutdown_timeout;
extern int diskless_load;
extern bool diskless_sync, disable_nodelay, serve_stale, read_only, replica_announced;
extern bool ignore_maxmemory, del_sync_files, lazy_flush;
extern char *announce_ip, *masterauth, *masteruser;

/* From the "snapshot" interface, there from the module's start on. */
extern const KeelSnapshotOps *snapshot;

#endif
