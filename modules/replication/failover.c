/* failover.c - this server gives up being the primary: to a replica (FAILOVER), or because it ends.
 *
 * In both cases writes are paused, so that the replicas can reach the end of the stream. FAILOVER
 * then makes this server a replica of the one that has, telling it so with the PSYNC that it sends;
 * nothing is lost, as nobody could write meanwhile. */
#include "replication.h"

#include <keel/pause.h>

static enum { NOTHING, WAITING_FOR_SYNC, IN_PROGRESS } state;
static char *target_host;        /* NULL: whoever is first */
static int target_port;
static int64_t end_ms;           /* 0: no limit */
static bool forced;

static const char for_failover[] = "failover", for_shutdown[] = "shutdown";

static const KeelPauseOps *pauses(void) {
    return keel_interface("pause", KEEL_PAUSE_VERSION);
}

bool failing_over(void) {
    return state != NOTHING;
}

const char *failover_state(void) {
    return state == NOTHING            ? "no-failover"
           : state == WAITING_FOR_SYNC ? "waiting-for-sync"
                                       : "failover-in-progress";
}

static void clear(void) {
    state = NOTHING;
    keel_free(target_host);
    target_host = NULL;
    target_port = 0;
    end_ms = 0;
    forced = false;
    pauses()->end(for_failover);
}

void failover_done(KeelCtx *c) {
    (void)c;
    if (state != NOTHING) clear();
}

void failover_abort(KeelCtx *c, const char *why) {
    if (state == NOTHING) return;
    if (target_host) {
        keel_log(KEEL_LOG_NOTICE, "FAILOVER to %s:%d aborted: %s", target_host, target_port, why);
    } else {
        keel_log(KEEL_LOG_NOTICE, "FAILOVER to any replica aborted: %s", why);
    }
    if (state == IN_PROGRESS) role_set(c, NULL, 0);
    clear();
}

/* ---- FAILOVER ------------------------------------------------------------------------------ */

typedef struct Request {
    KeelStr host;            /* ptr NULL: none was named */
    int64_t port, timeout;   /* 0: none */
    bool abort, force;
} Request;

/* False: an error was replied. */
static bool parse(KeelCtx *c, const KeelStr *argv, int argc, Request *q) {
    for (int i = 1; i < argc; i++) {
        if (keel_is(argv[i], "timeout") && i + 1 < argc && !q->timeout) {
            if (!keel_arg_int(c, argv[++i], &q->timeout)) return false;
            if (q->timeout <= 0) {
                keel_reply_error(c, "ERR FAILOVER timeout must be greater than 0");
                return false;
            }
        } else if (keel_is(argv[i], "to") && i + 2 < argc && !q->host.ptr) {
            if (!keel_arg_int(c, argv[i + 2], &q->port)) return false;
            q->host = argv[i + 1];
            i += 2;
        } else if (keel_is(argv[i], "abort") && argc == 2) {
            q->abort = true;
        } else if (keel_is(argv[i], "force") && !q->force) {
            q->force = true;
        } else {
            keel_reply_syntax(c);
            return false;
        }
    }
    return true;
}

static const char *refusal(const Request *q) {
    const Replica *target = q->host.ptr ? replica_find(q->host, q->port) : NULL;
    if (is_replica()) return "ERR FAILOVER is not valid when server is a replica.";
    if (!replicas) return "ERR FAILOVER requires connected replicas.";
    if (q->force && (!q->timeout || !q->host.ptr)) {
        return "ERR FAILOVER with force option requires both a timeout and target HOST and IP.";
    }
    if (!q->host.ptr) return NULL;
    if (!target) return "ERR FAILOVER target HOST and PORT is not a replica.";
    if (target->state != REPLICA_ONLINE) return "ERR FAILOVER target replica is not online.";
    return NULL;
}

static void begin(const Request *q) {
    int64_t end = 0;
    if (q->timeout && __builtin_add_overflow(keel_now_ms(), q->timeout, &end)) end = INT64_MAX;
    if (q->host.ptr) {
        target_host = keel_strdup(q->host);
        target_port = (int)q->port;
        keel_log(KEEL_LOG_NOTICE, "FAILOVER requested to %s:%d.", target_host, target_port);
    } else {
        keel_log(KEEL_LOG_NOTICE, "FAILOVER requested to any replica.");
    }
    end_ms = end;
    forced = q->force;
    state = WAITING_FOR_SYNC;
    pauses()->begin(for_failover, KEEL_PAUSE_FOREVER, false);
}

void failover(KeelCtx *c, const KeelStr *argv, int argc) {
    Request q = {0};
    if (!parse(c, argv, argc, &q)) return;
    if (failing_over() && q.abort) {
        failover_abort(c, "Failover manually aborted");
        keel_reply_ok(c);
    } else if (failing_over()) {
        keel_reply_error(c, "ERR FAILOVER already in progress.");
    } else if (q.abort) {
        keel_reply_error(c, "ERR No failover in progress.");
    } else {
        const char *why = refusal(&q);
        if (why) {
            keel_reply_error(c, why);
            return;
        }
        begin(&q);
        keel_reply_ok(c);
    }
}

/* ---- its course ---------------------------------------------------------------------------- */

static void hand_over(KeelCtx *c) {
    state = IN_PROGRESS;
    role_set(c, target_host, target_port);
    link_failover(c);
}

static const Replica *caught_up(void) {
    for (const Replica *r = replicas; r; r = r->next) {
        if (target_host && replica_find(keel_str(target_host), target_port) != r) continue;
        if (r->state == REPLICA_ONLINE && r->ack_offset == history.offset) return r;
    }
    return NULL;
}

static void look(KeelCtx *c) {
    if (end_ms && keel_now_ms() >= end_ms) {
        if (!forced) {
            failover_abort(c, "Replica never caught up before timeout");
            return;
        }
        keel_log(KEEL_LOG_NOTICE, "FAILOVER to %s:%d time out exceeded, failing over.", target_host,
                 target_port);
        hand_over(c);
        return;
    }
    const Replica *r = caught_up();
    if (!r) return;
    if (!target_host) {
        target_host = keel_strdup(keel_str(replica_host(r)));
        target_port = r->port;
    }
    keel_log(KEEL_LOG_NOTICE, "Failover target %s:%d is synced, failing over.", target_host,
             target_port);
    hand_over(c);
}

/* ---- the server's end ---------------------------------------------------------------------- */

static bool waiting_to_end;

/* A wait that an operator has given up lets the clients write again. */
static void check_given_up(void) {
    if (!waiting_to_end || keel_shutdown_left() >= 0) return;
    waiting_to_end = false;
    pauses()->end(for_shutdown);
}

void failover_cron(KeelCtx *c) {
    if (state == WAITING_FOR_SYNC) look(c);
    check_given_up();
}

/* Asked until it agrees, or until `shutdown-timeout` is over and the flag says that it is now. */
void failover_shutdown(KeelCtx *c, const void *data) {
    const KeelShutdownEvent *event = data;
    (void)c;
    if (event->certain) {
        replicas_log_lagging();
        return;
    }
    keel_journal_flush();
    if (event->flags & KEEL_SHUTDOWN_NOW || replicas_all_at(history.offset)) return;
    *event->later = true;
    if (waiting_to_end) return;
    waiting_to_end = true;
    pauses()->begin(for_shutdown, KEEL_PAUSE_FOREVER, false);
    keel_log(KEEL_LOG_NOTICE, "Waiting for replicas before shutting down.");
}
