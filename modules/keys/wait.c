/* wait.c - WAIT and WAITAOF on a server that has no replicas.
 *
 * No replica can acknowledge anything, so what was asked for is there at once when it is nothing,
 * and otherwise never: the client waits until its time is up, or for ever with a time of 0. Of the
 * own disk the module that keeps every write (the interface "aof") tells what is safe; a timer looks
 * while somebody waits for that. */
#include "keys.h"

#include <keel/snapshot.h>

enum { LOOK_MS = 5 };

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

static void wait_over(KeelCtx *c, void *data) {
    (void)data;
    keel_reply_int(c, 0);
}

/* Nothing that happens here can serve the wait early. */
static bool wait_on(KeelCtx *c, const KeelStr *argv, int argc, KeelStr key, void *data) {
    (void)c;
    (void)argv;
    (void)argc;
    (void)key;
    (void)data;
    return false;
}

static void wait_until(KeelCtx *c, int64_t deadline, void (*over)(KeelCtx *c, void *data)) {
    KeelBlock block = {
        .size = sizeof(block), .deadline_ms = deadline, .retry = wait_on, .timeout = over};
    if (!keel_block(c, &block)) over(c, NULL);
}

void keys_wait(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    int64_t replicas, deadline;
    if (!keel_arg_int(c, argv[1], &replicas)) return;
    if (!parse_deadline(c, argv[2], &deadline)) return;
    if (replicas <= 0) {
        wait_over(c, NULL);
    } else {
        wait_until(c, deadline, wait_over);
    }
}

/* --- WAITAOF -------------------------------------------------------------------------------- */

/* A client that waits for its writes to be safe. */
typedef struct LocalWait {
    uint64_t block, timer, target;
    bool local, replicas;   /* what it waits for */
} LocalWait;

static const char not_enabled[] =
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

static const KeelAofOps *aof_enabled(void) {
    const KeelAofOps *aof = keel_interface("aof", 100);
    return aof && aof->enabled() ? aof : NULL;
}

static bool is_safe(uint64_t target) {
    const KeelAofOps *aof = aof_enabled();
    return aof && aof->synced() >= target;
}

static void reply_counts(KeelCtx *c, bool local) {
    keel_reply_array(c, 2);
    keel_reply_int(c, local);
    keel_reply_int(c, 0);
}

static void waitaof_over(KeelCtx *c, void *data) {
    const LocalWait *w = data;
    reply_counts(c, w && is_safe(w->target));
}

static bool waitaof_look(KeelCtx *c, void *data) {
    (void)c;
    LocalWait *w = data;
    if (aof_enabled() && !is_safe(w->target)) return true;
    w->timer = 0;
    keel_unblock(w->block);
    return false;
}

static bool waitaof_retry(KeelCtx *c, const KeelStr *argv, int argc, KeelStr key, void *data) {
    (void)argv, (void)argc, (void)key;
    const LocalWait *w = data;
    if (w->local && !aof_enabled()) {
        keel_reply_error(c, not_enabled);
        return true;
    }
    if (w->replicas || !is_safe(w->target)) return false;
    reply_counts(c, true);
    return true;
}

static void waitaof_free(void *data) {
    LocalWait *w = data;
    if (w->timer) keel_timer_stop(w->timer, NULL);
    keel_free(w);
}

static void waitaof_wait(KeelCtx *c, int64_t deadline, uint64_t target, bool local,
                         bool replicas) {
    LocalWait *w = keel_zalloc(sizeof(*w));
    *w = (LocalWait){.target = target, .local = local, .replicas = replicas};
    KeelBlock block = {.size = sizeof(block), .deadline_ms = deadline, .retry = waitaof_retry,
                       .timeout = waitaof_over, .free = waitaof_free, .data = w};
    w->block = keel_block(c, &block);
    if (!w->block) {
        waitaof_over(c, w);
        keel_free(w);
    } else if (local) {
        w->timer = KEEL_TIMER_START(LOOK_MS, waitaof_look, w);
    }
}

void keys_waitaof(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    int64_t local, replicas, deadline;
    if (!keel_arg_int(c, argv[1], &local)) return;
    if (local < 0 || local > 1) {
        keel_reply_error(c, "ERR value is out of range, value must between 0 and 1");
        return;
    }
    if (!keel_arg_int(c, argv[2], &replicas)) return;
    if (replicas < 0) {
        keel_reply_error(c, "ERR value is out of range, must be positive");
        return;
    }
    if (!parse_deadline(c, argv[3], &deadline)) return;
    const KeelAofOps *aof = aof_enabled();
    if (local && !aof) {
        keel_reply_error(c, not_enabled);
        return;
    }
    /* What this turn has written goes to the file now, so that the count includes it; in a
     * transaction it stays in one piece, and nobody waits. */
    if (aof && !keel_block_denied(c)) keel_journal_flush();
    uint64_t target = aof ? aof->written() : 0;
    bool safe = aof && aof->synced() >= target;
    if (replicas == 0 && (!local || safe)) reply_counts(c, safe);
    else waitaof_wait(c, deadline, target, local, replicas > 0);
}
