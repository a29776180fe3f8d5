/* sync.c - PSYNC and SYNC: who can go on from the backlog, and who needs a whole copy.
 *
 * A copy is made on disk (it is a background save then, and others may join as long as the stream
 * since its begin is kept) or sent over a pipe as the child makes it, for which replicas that come
 * within `repl-diskless-sync-delay` are gathered first. */
#include "replication.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* ---- partial ------------------------------------------------------------------------------- */

/* Whether the id is of this history, up to the offset. Says why not. */
static bool same_history(const Replica *r, KeelStr id, int64_t offset) {
    if (keel_is(id, history.id)) return true;
    bool second = keel_is(id, history.id2);
    if (second && offset <= history.id2_offset) return true;
    if (id.len && id.ptr[0] == '?') {
        keel_log(KEEL_LOG_NOTICE, "Full resync requested by replica %s", replica_name(r));
    } else if (second) {
        keel_log(KEEL_LOG_NOTICE, "Partial resynchronization not accepted: Requested offset for "
                 "second ID was %lld, but I can reply up to %lld", (long long)offset,
                 (long long)history.id2_offset);
    } else {
        keel_log(KEEL_LOG_NOTICE, "Partial resynchronization not accepted: Replication ID mismatch "
                 "(Replica asked for '%.64s', my replication IDs are '%s' and '%s')", id.ptr,
                 history.id, history.id2);
    }
    return false;
}

static bool in_backlog(const Replica *r, int64_t offset) {
    if (stream_covers(offset)) return true;
    keel_log(KEEL_LOG_NOTICE, "Unable to partial resync with replica %s for lack of backlog "
             "(Replica request was: %lld).", replica_name(r), (long long)offset);
    if (offset > history.offset) {
        keel_log(KEEL_LOG_WARNING, "Warning: replica %s tried to PSYNC with an offset that is "
                 "greater than the master replication offset.", replica_name(r));
    }
    return false;
}

static void go_on(KeelCtx *c, Replica *r, int64_t offset) {
    char line[64];
    if (r->psync2) {
        snprintf(line, sizeof(line), "CONTINUE %s", history.id);
        keel_reply_status(c, line);
    } else {
        keel_reply_status(c, "CONTINUE");
    }
    replica_enlist(r);
    reader_start(&r->reader, offset);
    r->streaming = true;
    keel_client_feed_ready(r->client);
    keel_log(KEEL_LOG_NOTICE, "Partial resynchronization request from %s accepted. Sending %zu "
             "bytes of backlog starting from offset %lld.", replica_name(r),
             reader_behind(&r->reader), (long long)offset);
    replica_online(c, r);
}

/* ---- full ---------------------------------------------------------------------------------- */

static void open_stream(void) {
    if (stream_is_open()) return;
    /* Nobody can know what was written before, so nobody may believe that they do. */
    history_new();
    keel_journal_flush();
    stream_open();
    feed_arm();
    keel_log(KEEL_LOG_NOTICE, "Replication backlog created, my new replication IDs are '%s' and "
             "'%s'", history.id, history.id2);
}

/* Bytes may gather while the copy is loaded; who wants them to leaves it to the system. */
static void gather_writes(const Replica *r) {
    KeelClientInfo info = {.size = sizeof(info)};
    int off = 0;
    if (!disable_nodelay) return;
    keel_client_info(r->client, &info);
    setsockopt(info.fd, IPPROTO_TCP, TCP_NODELAY, &off, sizeof(off)); /* not of Unix sockets */
}

static bool same_wants(const Replica *a, const Replica *b) {
    return a->no_keys == b->no_keys && a->no_functions == b->no_functions;
}

/* Another replica's copy on disk that is good for this one too: the stream since is kept. */
static const Replica *joinable(const Replica *r) {
    for (const Replica *other = replicas; other; other = other->next) {
        if (other == r || other->state != REPLICA_COPYING || other->piped) continue;
        if (other->rdb_only && !r->rdb_only) continue;
        bool able = (r->eof || !other->eof) && (r->psync2 || !other->psync2);
        return able && same_wants(r, other) ? other : NULL;
    }
    return NULL;
}

static bool wants_pipe(const Replica *r) {
    return r->eof && (diskless_sync || r->no_keys || r->no_functions);
}

static void refuse_waiting(void) {
    keel_log(KEEL_LOG_WARNING, "BGSAVE for replication failed");
    for (Replica *r = replicas; r; r = r->next) {
        if (r->state != REPLICA_WAITING) continue;
        replica_say(r, KEEL_LIT("-ERR BGSAVE failed, replication can't continue\r\n"));
        keel_client_close(r->client, true);
    }
}

static void start_for(KeelCtx *c, const Replica *first, bool to_socket) {
    keel_log(KEEL_LOG_NOTICE, "Starting BGSAVE for SYNC with target: %s",
             to_socket ? "replicas sockets" : "disk");
    if (payload_start(c, first, to_socket) != 0) refuse_waiting();
}

static void copy_for(KeelCtx *c, Replica *r) {
    const Replica *other = joinable(r);
    if (payload_on_pipe()) {
        keel_log(KEEL_LOG_NOTICE, "Current BGSAVE has socket target. Waiting for next BGSAVE for "
                                  "SYNC");
    } else if (other) {
        payload_begin(r, other->copy_offset, false);
        keel_log(KEEL_LOG_NOTICE, "Waiting for end of BGSAVE for SYNC");
    } else if (snapshot->child_name() && strcmp(snapshot->child_name(), "RDB") == 0) {
        keel_log(KEEL_LOG_NOTICE, "Can't attach the replica to the current BGSAVE. Waiting for "
                                  "next BGSAVE for SYNC");
    } else if (diskless_sync && r->eof && diskless_delay) {
        keel_log(KEEL_LOG_NOTICE, "Delay next BGSAVE for diskless SYNC");
    } else if (keel_fork_active()) {
        keel_log(KEEL_LOG_NOTICE, "No BGSAVE in progress, but another BG operation is active. "
                                  "BGSAVE for replication delayed");
    } else {
        start_for(c, r, wants_pipe(r));
    }
}

static void full_copy(KeelCtx *c, Replica *r) {
    counts.full++;
    keel_reply_uncounted(c);
    r->state = REPLICA_WAITING;
    r->since = keel_now_ms() / 1000;
    gather_writes(r);
    replica_enlist(r);
    open_stream();
    copy_for(c, r);
}

/* ---- the commands -------------------------------------------------------------------------- */

/* PSYNC id offset FAILOVER: our primary wants us to be it. False: an error was replied. */
static bool take_over(KeelCtx *c, KeelStr id) {
    keel_log(KEEL_LOG_NOTICE, "Failover request received for replid %.64s.", id.ptr);
    if (!is_replica()) {
        keel_reply_error(c, "ERR PSYNC FAILOVER can't be sent to a master.");
        return false;
    }
    if (!keel_is(id, history.id)) {
        keel_reply_error(c, "ERR PSYNC FAILOVER replid must match my replid.");
        return false;
    }
    role_set(c, NULL, 0);
    KeelClientInfo info = {.size = sizeof(info)};
    keel_client_info(keel_client(c), &info);
    keel_log(KEEL_LOG_NOTICE, "MASTER MODE enabled (failover request from 'id=%llu addr=%s "
             "laddr=%s name=%s')", (unsigned long long)info.id, info.addr, info.laddr, info.name);
    return true;
}

/* Whether a copy can be asked for now. */
static bool may_sync(KeelCtx *c, const Replica *r) {
    KeelClientInfo info = {.size = sizeof(info)};
    keel_client_info(r->client, &info);
    if (failing_over()) {
        keel_reply_error(c, "NOMASTERLINK Can't SYNC while failing over");
    } else if (is_replica() && primary.state != LINK_CONNECTED) {
        keel_reply_error(c, "NOMASTERLINK Can't SYNC while not connected with my master");
    } else if (info.reply_len || info.reply_bytes) {
        keel_reply_error(c, "ERR SYNC and PSYNC are invalid with pending output");
    } else if ((r->no_keys || r->no_functions) && !r->eof) {
        /* A part of the data is never put into the file that is to have all of it. */
        keel_reply_error(c, "ERR Filtered replica requires EOF capability");
    } else {
        keel_log(KEEL_LOG_NOTICE, "Replica %s asks for synchronization", replica_name(r));
        return true;
    }
    return false;
}

/* The connection's Replica; NULL: it cannot become one, and all is said. */
static Replica *comer(KeelCtx *c) {
    KeelClient *client = keel_client(c);
    if (keel_is_nested(c)) {
        keel_reply_error(c, "ERR a replica asks for a copy itself, over its connection");
        return NULL;
    }
    if (keel_client_kind(client) == KEEL_CLIENT_REPLICA ||
        keel_client_flags(client) & KEEL_CF_MONITOR) {
        keel_reply_uncounted(c);
        return NULL;
    }
    Replica *r = replica_make(client);
    replica_note_host(r);
    return r;
}

void psync(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t offset;
    Replica *r = comer(c);
    if (!r) return;
    if (argc > 3 && keel_is(argv[3], "failover") && !take_over(c, argv[1])) return;
    if (!may_sync(c, r)) return;
    if (!keel_parse_int(argv[2], &offset)) {
        keel_log(KEEL_LOG_WARNING, "Replica %s asks for synchronization but with a wrong offset",
                 replica_name(r));
        keel_reply_not_int(c);
        return;
    }
    if (same_history(r, argv[1], offset) && in_backlog(r, offset)) {
        counts.partial++;
        go_on(c, r, offset);
        return;
    }
    if (!argv[1].len || argv[1].ptr[0] != '?') counts.refused++;
    full_copy(c, r);
}

void sync_command(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    Replica *r = comer(c);
    if (!r || !may_sync(c, r)) return;
    r->old = true;
    full_copy(c, r);
}

/* ---- later --------------------------------------------------------------------------------- */

/* Those who want the same as the one that waits longest get one copy together. */
void sync_cron(KeelCtx *c) {
    Replica *first = NULL;
    int64_t now = keel_now_ms() / 1000, longest = 0, waiting = 0;
    bool all_eof = true;
    if (keel_fork_active() || payload_on_pipe()) return;
    for (Replica *r = replicas; r; r = r->next) {
        if (r->state != REPLICA_WAITING || (first && !same_wants(r, first))) continue;
        if (keel_client_flags(r->client) & KEEL_CF_CLOSING) continue;
        if (!first) first = r;
        if (now - r->since > longest) longest = now - r->since;
        waiting++;
        all_eof &= r->eof;
    }
    if (!first) return;
    bool enough = diskless_max_replicas > 0 && waiting >= diskless_max_replicas;
    if (diskless_sync && !enough && longest < diskless_delay) return;
    start_for(c, first, wants_pipe(first) && all_eof);
}
