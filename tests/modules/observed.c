/* observed.c - OBSERVED.*: what slow logs, monitors and latency reports are told of by modules.
 *
 *   OBSERVED.LATENCY EVENT MS     something took so long
 *   OBSERVED.WATCHED              whether anybody would hear of it
 *   OBSERVED.SECRET ARG I ...     a command whose arguments I are secrets
 *   OBSERVED.CALL COMMAND ...     runs a command
 *   OBSERVED.SCRIPT COMMAND ...   the same, the way a script's command does
 *   OBSERVED.WAIT                 blocks for 50 ms
 *   OBSERVED.NAP MS               sleeps */
#include <keel.h>
#include <keel/monitor.h>
#include <time.h>

static void observed_latency(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t ms;
    (void)argc;
    if (!keel_arg_int(c, argv[2], &ms)) return;
    keel_latency_add(argv[1].ptr, ms * 1000000);
    keel_reply_ok(c);
}

static void observed_watched(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_bool(c, keel_latency_watched());
}

static void observed_secret(KeelCtx *c, const KeelStr *argv, int argc) {
    for (int i = 1; i < argc; i++) {
        int64_t which;
        if (keel_parse_int(argv[i], &which) && which < argc) keel_redact(c, (int)which);
    }
    keel_reply_ok(c);
}

static void call_it(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelReply *reply = keel_call(c, argv + 1, argc - 1, 0);
    keel_reply_raw(c, keel_reply_resp(reply), 1);
    keel_reply_free(reply);
}

/* Its reply has begun when the call is made. */
static void observed_call(KeelCtx *c, const KeelStr *argv, int argc) {
    keel_reply_array(c, 2);
    keel_reply_int(c, argc);
    call_it(c, argv, argc);
}

static void observed_script(KeelCtx *c, const KeelStr *argv, int argc) {
    const KeelMonitorOps *monitor = keel_interface("monitor", KEEL_MONITOR_VERSION);
    if (monitor) monitor->show(c, argv, argc);
    call_it(c, argv, argc);
}

static bool retry(KeelCtx *c, const KeelStr *argv, int argc, KeelStr key, void *data) {
    (void)c, (void)argv, (void)argc, (void)key, (void)data;
    return false;
}

static void observed_wait(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    KeelBlock block = {.size = sizeof(block), .retry = retry, .deadline_ms = keel_now_ms() + 50};
    if (!keel_block(c, &block)) keel_reply_null_array(c);
}

static void observed_nap(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t ms;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &ms)) return;
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
    keel_reply_ok(c);
}

#define ROW .summary = "For tests.", .since = "1.0.0", .complexity = "O(1)"

static const KeelCommand commands[] = {
    {.name = "observed.latency", .args = "event milliseconds", .call = observed_latency, ROW},
    {.name = "observed.watched", .call = observed_watched, ROW},
    {.name = "observed.secret", .args = "arg [arg ...]", .call = observed_secret, ROW},
    {.name = "observed.call", .args = "arg [arg ...]", .call = observed_call, ROW},
    {.name = "observed.script", .args = "arg [arg ...]", .call = observed_script,
     .flags = KEEL_SKIP_MONITOR, .group = "scripting", ROW},
    {.name = "observed.wait", .flags = KEEL_BLOCKING, .call = observed_wait, ROW},
    {.name = "observed.nap", .args = "milliseconds", .flags = KEEL_FAST, .call = observed_nap, ROW},
    {0}};

KEEL_MODULE(.name = "observed", .version = "1.0.0", .summary = "Things to observe, for tests.",
            .commands = commands);
