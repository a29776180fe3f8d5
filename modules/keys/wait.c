/* wait.c - WAIT and WAITAOF on a server that has no replicas and no append-only file.
 *
 * Nobody can acknowledge anything, so what was asked for is there at once when it is nothing, and
 * otherwise never: the client waits until its time is up, or for ever with a time of 0. */
#include "keys.h"

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

static void waitaof_over(KeelCtx *c, void *data) {
    (void)data;
    keel_reply_array(c, 2);
    keel_reply_int(c, 0);
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
    if (local) {
        keel_reply_error(c, "ERR WAITAOF cannot be used when numlocal is set but appendonly is "
                            "disabled.");
    } else if (replicas == 0) {
        waitaof_over(c, NULL);
    } else {
        wait_until(c, deadline, waitaof_over);
    }
}
