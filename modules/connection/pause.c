/* pause.c - CLIENT PAUSE and UNPAUSE: a gate that holds commands until a time.
 *
 * While it is closed no key may vanish by itself either, so that a replica or a dump taken
 * meanwhile agrees with what clients see: expiry looks, but does not remove. A second pause can
 * make the first one longer or stricter, never less so. */
#include "connection.h"

int pause_gate;

static int64_t pause_until_ms;     /* 0: not paused */
static bool pause_all;
static uint64_t pause_timer;
static bool pause_background;      /* background expiry as it was before */

/* A paused server looks to readers like one to which nobody writes. */
static bool pause_holds(uint64_t flags) {
    return pause_all || (flags & (KEEL_WRITE | KEEL_MAY_REPLICATE)) != 0;
}

KeelVerdict pause_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    KeelClient *client = keel_client(c);
    if (!client || !pause_holds(keel_command_flags(cmd))) return KEEL_PASS;
    KeelClientInfo info = {.size = sizeof(info)};
    keel_client_info(client, &info);
    return info.kind == KEEL_CLIENT_REPLICA ? KEEL_PASS : KEEL_HOLD;
}

void pause_end(void) {
    if (!pause_until_ms) return;
    if (pause_timer) keel_timer_stop(pause_timer, NULL);
    pause_timer = 0;
    pause_until_ms = 0;
    pause_all = false;
    keel_gate_arm(pause_gate, false);
    keel_expire_background(pause_background);
    keel_expire_on_access(true);
    keel_client_release(NULL);
}

static bool pause_over(KeelCtx *c, void *data) {
    (void)c, (void)data;
    pause_timer = 0;
    pause_end();
    return false;
}

/* The gate stays armed from the first pause to the end of the last; only the timer moves. */
static void pause_start(int64_t until_ms, bool all) {
    if (!pause_until_ms) {
        keel_gate_arm(pause_gate, true);
        pause_background = keel_expire_background(false);
        keel_expire_on_access(false);
    }
    pause_all |= all;
    if (until_ms <= pause_until_ms) return;
    if (pause_timer) keel_timer_stop(pause_timer, NULL);
    pause_until_ms = until_ms;
    pause_timer = KEEL_TIMER_START(until_ms - keel_now_ms(), pause_over, NULL);
}

static bool pause_active(void) {
    return pause_until_ms != 0;
}

const KeelPauseOps pause_ops = {sizeof(KeelPauseOps), pause_active, pause_start, pause_end};

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
        if (ms > 0) pause_start(until, all);
        keel_reply_ok(c);
    }
}

void client_unpause(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    pause_end();
    keel_reply_ok(c);
}
