/* observed.c - OBSERVED.*: what slow logs, monitors and latency reports are told of by modules.
 *
 *   OBSERVED.LATENCY EVENT MS     something took so long
 *   OBSERVED.WATCHED              whether anybody would hear of it
 *   OBSERVED.SECRET ARG I ...     a command whose arguments I are secrets
 *   OBSERVED.CALL COMMAND ...     runs a command
 *   OBSERVED.SCRIPT COMMAND ...   the same, the way a script's command does
 *   OBSERVED.WAIT [MS]            blocks for 50 ms; with MS for less, and its answer takes MS
 *   OBSERVED.NAP MS               sleeps
 *   OBSERVED.EXPIRY MS            expired keys take so long to go, 0: no longer
 *   OBSERVED.FORK MS              forks, which takes so long
 *   OBSERVED.THREAD MS            a thread keeps the lock for so long */
#include <keel.h>
#include <keel/monitor.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

static int64_t expiry_ms, fork_ms;

static void nap(int64_t ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

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
    int64_t ms;
    (void)key, (void)data;
    if (argc == 1 || !keel_parse_int(argv[1], &ms)) return false;
    nap(ms);
    keel_reply_ok(c);
    return true;
}

static bool unblock(KeelCtx *c, void *data) {
    (void)c;
    keel_unblock((uint64_t)(uintptr_t)data);
    return false;
}

static void observed_wait(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    KeelBlock block = {.size = sizeof(block), .retry = retry};
    if (argc == 1) block.deadline_ms = keel_now_ms() + 50;
    uint64_t id = keel_block(c, &block);
    if (!id) keel_reply_null_array(c);
    else if (argc > 1) KEEL_TIMER_START(5, unblock, (void *)(uintptr_t)id);
}

static void observed_nap(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t ms;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &ms)) return;
    nap(ms);
    keel_reply_ok(c);
}

static void observed_expiry(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    if (keel_arg_int(c, argv[1], &expiry_ms)) keel_reply_ok(c);
}

static void removed(KeelCtx *c, const void *data) {
    (void)c;
    if (((const KeelKeyEvent *)data)->cause == KEEL_EXPIRED) nap(expiry_ms);
}

static void before_fork(void) {
    nap(fork_ms);
}

static void observed_fork(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    if (!keel_arg_int(c, argv[1], &fork_ms)) return;
    static bool prepared;
    if (!prepared) pthread_atfork(before_fork, NULL, NULL);
    prepared = true;
    if (keel_fork(c, "a test") == 0) _exit(0);
    fork_ms = 0;
    keel_reply_ok(c);
}

static void *thread_main(void *data) {
    KeelCtx *c = keel_lock();
    nap((int64_t)(intptr_t)data);
    keel_unlock(c);
    return NULL;
}

static void observed_thread(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t ms;
    pthread_t thread;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &ms)) return;
    keel_threads_enable();
    if (pthread_create(&thread, NULL, thread_main, (void *)(intptr_t)ms)) {
        keel_reply_error(c, "ERR no thread");
        return;
    }
    pthread_detach(thread);
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
    {.name = "observed.wait", .args = "[milliseconds]", .flags = KEEL_BLOCKING,
     .call = observed_wait, ROW},
    {.name = "observed.nap", .args = "milliseconds", .flags = KEEL_FAST, .call = observed_nap, ROW},
    {.name = "observed.expiry", .args = "milliseconds", .call = observed_expiry, ROW},
    {.name = "observed.fork", .args = "milliseconds", .call = observed_fork, ROW},
    {.name = "observed.thread", .args = "milliseconds", .call = observed_thread, ROW},
    {0}};

static const KeelHook hooks[] = {{.event = KEEL_EVENT_KEY_REMOVED, .call = removed}, {0}};

KEEL_MODULE(.name = "observed", .version = "1.0.0", .summary = "Things to observe, for tests.",
            .commands = commands, .hooks = hooks);
