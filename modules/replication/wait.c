/* wait.c - WAIT and WAITAOF: whoever wants to know that its writes are elsewhere, or on disk.
 *
 * A client's last write is remembered as the stream's offset behind it; its wait is over when so
 * many replicas have acknowledged that offset. Those who wait make the primary ask for
 * acknowledgements, once for all of them at the turn's end. Of the own disk the module that keeps
 * every write (the interface "aof") tells what is safe: a timer looks while somebody waits for
 * that. */
#include "replication.h"

#include <keel/pause.h>

enum { LOOK_MS = 5 };

/* A client that waits. */
typedef struct Wait {
    struct Wait *next, **at;
    uint64_t block;
    int64_t offset;          /* of the stream */
    int64_t replicas;        /* wanted */
    uint64_t written;        /* of the file */
    bool aof, local;         /* WAITAOF; wants its own disk too */
} Wait;

static Wait *waits;
static uint64_t timer;
static bool ask;             /* for acknowledgements, at the turn's end */

static const char not_enabled[] =
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

/* Milliseconds to wait, as a wall clock deadline; 0 for ever. False: an error was replied. */
static bool parse_deadline(KeelCtx *c, KeelStr s, int64_t *deadline) {
    int64_t ms;
    if (!keel_parse_int(s, &ms)) {
        keel_reply_error(c, "ERR timeout is not an integer or out of range");
        return false;
    }
    if (ms < 0) {
        keel_reply_error(c, "ERR timeout is negative");
        return false;
    }
    if (ms > 0 && __builtin_add_overflow(ms, keel_now_ms(), &ms)) {
        keel_reply_error(c, "ERR timeout is out of range");
        return false;
    }
    *deadline = ms;
    return true;
}

static const KeelAofOps *aof_enabled(void) {
    const KeelAofOps *aof = keel_interface("aof", 100);
    return aof && aof->enabled() ? aof : NULL;
}

static size_t there(const Wait *w) {
    return w->aof ? replicas_saved_at(w->offset) : replicas_at(w->offset);
}

static bool safe_here(const Wait *w) {
    const KeelAofOps *aof = w->aof ? aof_enabled() : NULL;
    return aof && aof->synced() >= w->written;
}

static bool served(const Wait *w) {
    return (int64_t)there(w) >= w->replicas && (!w->local || safe_here(w));
}

static void reply(KeelCtx *c, const Wait *w) {
    if (!w->aof) {
        keel_reply_int(c, (int64_t)there(w));
        return;
    }
    keel_reply_array(c, 2);
    keel_reply_int(c, safe_here(w));
    keel_reply_int(c, (int64_t)there(w));
}

/* ---- waiting ------------------------------------------------------------------------------- */

static bool retry(KeelCtx *c, const KeelStr *argv, int argc, KeelStr key, void *data) {
    (void)argv, (void)argc, (void)key;
    const Wait *w = data;
    if (w->local && !aof_enabled()) {
        keel_reply_error(c, not_enabled);
        return true;
    }
    if (!served(w)) return false;
    reply(c, w);
    return true;
}

static void over(KeelCtx *c, void *data) {
    reply(c, data);
}

static void forget(void *data) {
    Wait *w = data;
    *w->at = w->next;
    if (w->next) w->next->at = w->at;
    keel_free(w);
}

static bool look_at_disk(KeelCtx *c, void *data) {
    (void)data;
    bool any = false;
    for (const Wait *w = waits; w; w = w->next) any |= w->local;
    wait_look(c);
    if (!any) timer = 0;
    return any;
}

/* They are answered between turns, where their lists may change. */
void wait_look(KeelCtx *c) {
    (void)c;
    for (const Wait *w = waits; w; w = w->next) {
        if (served(w) || (w->local && !aof_enabled())) keel_unblock(w->block);
    }
}

/* A paused primary adds nothing to the stream: they are asked when it goes on. */
void wait_turn(KeelCtx *c, const void *data) {
    (void)c;
    const KeelTurnEvent *event = data;
    if (event->phase != KEEL_BEFORE || !ask) return;
    const KeelPauseOps *pauses = keel_interface("pause", KEEL_PAUSE_VERSION);
    if (pauses && pauses->active()) return;
    ask = false;
    keel_hook_arm(KEEL_EVENT_TURN, wait_turn, false);
    feed_words("REPLCONF", "GETACK", "*", NULL);
}

static void wait_for(KeelCtx *c, const Wait *wanted, int64_t deadline) {
    Wait *w = keel_alloc(sizeof(*w));
    *w = *wanted;
    KeelBlock block = {.size = sizeof(block), .deadline_ms = deadline, .retry = retry,
                       .timeout = over, .free = forget, .data = w};
    w->block = keel_block(c, &block);
    if (!w->block) {
        reply(c, w);
        keel_free(w);
        return;
    }
    w->at = &waits;
    w->next = waits;
    if (waits) waits->at = &w->next;
    waits = w;
    if (w->local && !timer) timer = KEEL_TIMER_START(LOOK_MS, look_at_disk, NULL);
    if (w->replicas > 0 && replicas && !ask) {
        ask = true;
        keel_hook_arm(KEEL_EVENT_TURN, wait_turn, true);
    }
}

/* What the client has written in this turn goes to the stream and the file now, so that offsets
 * include it; in a transaction it stays in one piece, and nobody waits. */
static int64_t last_write(KeelCtx *c) {
    if (!keel_block_denied(c)) keel_journal_flush();
    return (int64_t)(intptr_t)*keel_client_slot(keel_client(c), last_write_slot);
}

void wait_command(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    int64_t deadline;
    Wait w = {0};
    if (is_replica()) {
        keel_reply_error(c, "ERR WAIT cannot be used with replica instances. Please also note that "
                            "since Redis 4.0 if a replica is configured to be writable (which is "
                            "not the default) writes to replicas are just local and are not "
                            "propagated.");
        return;
    }
    if (!keel_arg_int(c, argv[1], &w.replicas)) return;
    if (!parse_deadline(c, argv[2], &deadline)) return;
    w.offset = last_write(c);
    if (served(&w)) {
        reply(c, &w);
    } else {
        wait_for(c, &w, deadline);
    }
}

void waitaof_command(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    int64_t local, deadline;
    Wait w = {.aof = true};
    if (!keel_arg_int(c, argv[1], &local)) return;
    if (local < 0 || local > 1) {
        keel_reply_error(c, "ERR value is out of range, value must between 0 and 1");
        return;
    }
    if (!keel_arg_int(c, argv[2], &w.replicas)) return;
    if (w.replicas < 0) {
        keel_reply_error(c, "ERR value is out of range, must be positive");
        return;
    }
    if (!parse_deadline(c, argv[3], &deadline)) return;
    if (is_replica()) {
        keel_reply_error(c, "ERR WAITAOF cannot be used with replica instances. Please also note "
                            "that writes to replicas are just local and are not propagated.");
        return;
    }
    const KeelAofOps *aof = aof_enabled();
    if (local && !aof) {
        keel_reply_error(c, not_enabled);
        return;
    }
    w.local = local;
    w.offset = last_write(c);
    w.written = aof ? aof->written() : 0;
    if (served(&w)) {
        reply(c, &w);
    } else {
        wait_for(c, &w, deadline);
    }
}
