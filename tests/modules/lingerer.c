/* lingerer.c - a module that makes a shutdown wait, or refuses it, as long as it is told to. */
#include <keel.h>

static bool wait, refuse;

static void on_shutdown(KeelCtx *c, const void *data) {
    (void)c;
    const KeelShutdownEvent *event = data;
    if (event->certain) return;
    if (wait) *event->later = true;
    if (refuse) *event->refusal = "the lingerer likes it here";
}

static void linger(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    wait = keel_is(argv[1], "wait");
    refuse = keel_is(argv[1], "refuse");
    keel_reply_ok(c);
}

static const KeelHook hooks[] = {{.event = KEEL_EVENT_SHUTDOWN, .call = on_shutdown}, {0}};

static const KeelCommand commands[] = {
    {.name = "linger", .args = "how", .call = linger, .flags = KEEL_ADMIN,
     .summary = "Chooses what becomes of a shutdown.", .since = "1.0.0", .complexity = "O(1)"},
    {0},
};

KEEL_MODULE(.name = "lingerer", .version = "1.0.0", .summary = "Keeps the server from ending.",
            .commands = commands, .hooks = hooks);
