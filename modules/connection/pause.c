/* pause.c - CLIENT PAUSE and UNPAUSE, and the same for modules (keel/pause.h): a gate that holds
 * commands until a time.
 *
 * While it is closed no key may vanish by itself either, so that a replica or a dump taken
 * meanwhile agrees with what clients see: expiry looks, but does not remove. A second pause can
 * make the first one longer or stricter, never less so. Whoever pauses for a purpose of its own
 * ends that alone. */
#include "connection.h"

#include <string.h>

enum { PURPOSES_MAX = 8 };

int pause_gate;

static const char by_command[] = "CLIENT PAUSE";

static struct Pause {
    const char *purpose;           /* NULL: free */
    int64_t until_ms;
    bool all;
} pauses[PURPOSES_MAX];
static bool pause_all, paused;
static uint64_t pause_timer;

/* A paused server looks to readers like one to which nobody writes. */
static bool pause_holds(uint64_t flags) {
    return pause_all || (flags & (KEEL_WRITE | KEEL_MAY_REPLICATE)) != 0;
}

/* A peer that copies us goes on acknowledging. One that we copy waits as clients do. */
KeelVerdict pause_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    const KeelClient *client = keel_client(c);
    if (!client || !pause_holds(keel_command_flags(cmd))) return KEEL_PASS;
    return keel_client_kind(client) == KEEL_CLIENT_REPLICA ? KEEL_PASS : KEEL_HOLD;
}

static bool pause_over(KeelCtx *c, void *data);

/* The gate is armed from the first pause to the end of the last; only the timer moves. */
static void pause_update(void) {
    int64_t next = KEEL_PAUSE_FOREVER, now = keel_now_ms();
    bool any = false;
    pause_all = false;
    if (pause_timer) keel_timer_stop(pause_timer, NULL);
    pause_timer = 0;
    for (struct Pause *p = pauses; p < pauses + PURPOSES_MAX; p++) {
        if (p->purpose && p->until_ms <= now) p->purpose = NULL;
        if (!p->purpose) continue;
        any = true;
        pause_all |= p->all;
        if (p->until_ms < next) next = p->until_ms;
    }
    if (next != KEEL_PAUSE_FOREVER) pause_timer = KEEL_TIMER_START(next - now, pause_over, NULL);
    if (any != paused) {
        paused = any;
        keel_gate_arm(pause_gate, any);
        keel_expire_on_access(!any);
    }
    /* Who was held by what is over goes on; the others are held again. */
    keel_client_release(NULL);
}

static bool pause_over(KeelCtx *c, void *data) {
    (void)c, (void)data;
    pause_timer = 0;
    pause_update();
    return false;
}

static struct Pause *pause_find(const char *purpose) {
    for (struct Pause *p = pauses; p < pauses + PURPOSES_MAX; p++) {
        if (purpose ? p->purpose && strcmp(p->purpose, purpose) == 0 : !p->purpose) return p;
    }
    return NULL;
}

static void pause_begin(const char *purpose, int64_t until_ms, bool all) {
    struct Pause *p = pause_find(purpose);
    if (!p) {
        p = pause_find(NULL);
        KEEL_ASSERT(p);
        *p = (struct Pause){.purpose = purpose};
    }
    p->all |= all;
    if (until_ms > p->until_ms) p->until_ms = until_ms;
    pause_update();
}

static void pause_end_for(const char *purpose) {
    struct Pause *p = pause_find(purpose);
    if (!p) return;
    p->purpose = NULL;
    pause_update();
}

static bool pause_active(void) {
    return paused;
}

void pause_end(void) {
    memset(pauses, 0, sizeof(pauses));
    pause_update();
}

const KeelPauseOps pause_operations = {.size = sizeof(KeelPauseOps), .begin = pause_begin,
                                       .end = pause_end_for, .active = pause_active};

void client_pause(KeelCtx *c, const KeelStr *argv, int argc) {
    bool all = true;
    int64_t ms, until;
    if (argc > 4) {
        client_reply_arity(c, argv[1]);
        return;
    }
    if (argc == 4) {
        all = keel_is(argv[3], "all");
        if (!all && !keel_is(argv[3], "write")) {
            keel_reply_error(c, "ERR CLIENT PAUSE mode must be WRITE or ALL");
            return;
        }
    }
    if (!keel_parse_int(argv[2], &ms)) {
        keel_reply_error(c, "ERR timeout is not an integer or out of range");
    } else if (ms < 0) {
        keel_reply_error(c, "ERR timeout is negative");
    } else if (__builtin_add_overflow(ms, keel_now_ms(), &until)) {
        keel_reply_error(c, "ERR timeout is out of range");
    } else {
        if (ms > 0) pause_begin(by_command, until, all);
        keel_reply_ok(c);
    }
}

void client_unpause(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    pause_end_for(by_command);
    keel_reply_ok(c);
}
