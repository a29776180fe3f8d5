/* api_event.c - EVENT.*: a hook for every event, which keeps a line for each it hears. */
#include <keel.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINES_MAX = 512 };
static char *lines[LINES_MAX];
static size_t line_count;
static bool logging, refuse;
static int64_t crons, turn_count[2];

static void note(KeelCtx *c, const char *format, ...) KEEL_PRINTF(2, 3);
static void note(KeelCtx *c, const char *format, ...) {
    char text[256];
    va_list ap;
    (void)c;
    if (!logging || line_count == LINES_MAX) return;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    lines[line_count++] = keel_strdup(keel_str(text));
}

static void on_client(KeelCtx *c, const void *data) {
    const KeelClientEvent *e = data;
    static const char *const what[] = {"connected", "gone", "reset"};
    note(c, "client %s", what[e->what]);
}
static const char *cause_of(KeelCause cause) {
    static const char *const names[] = {"deleted", "expired", "evicted", "overwritten", "modified"};
    return names[cause];
}
static void on_changed(KeelCtx *c, const void *data) {
    const KeelKeyEvent *e = data;
    note(c, "changed %d %.*s %s", e->db, (int)e->name.len, e->name.ptr, cause_of(e->cause));
}
static void on_notify(KeelCtx *c, const void *data) {
    const KeelKeyEvent *e = data;
    note(c, "notify %d %.*s %s", e->db, (int)e->name.len, e->name.ptr, e->event);
}
static void on_notify_late(KeelCtx *c, const void *data) {
    const KeelKeyEvent *e = data;
    note(c, "second %s", e->event);
}
/* The value is still there. */
static void on_removed(KeelCtx *c, const void *data) {
    const KeelKeyEvent *e = data;
    KeelKey key;
    char scratch[KEEL_INT_ROOM];
    bool there = keel_key_open_in(c, e->db, e->name, KEEL_KEY_EXPIRED_TOO | KEEL_KEY_NO_TOUCH |
                                  KEEL_KEY_NO_STATS, &key);
    KeelStr value = there ? keel_key_bytes(&key, scratch) : KEEL_LIT("?");
    note(c, "removed %d %.*s %s %.*s", e->db, (int)e->name.len, e->name.ptr, cause_of(e->cause),
         (int)value.len, value.ptr);
}
static void on_flush(KeelCtx *c, const void *data) {
    const KeelFlushEvent *e = data;
    note(c, "flush %d %s %d%s", e->db, e->phase == KEEL_BEFORE ? "before" : "after",
         (int)keel_db_size(9), e->replaced ? " replaced" : "");
}
static void on_swap(KeelCtx *c, const void *data) {
    const KeelSwapEvent *e = data;
    note(c, "swap %d %d", e->a, e->b);
}
static void on_config(KeelCtx *c, const void *data) {
    const KeelConfigEvent *e = data;
    for (size_t i = 0; i < e->count; i++) note(c, "config %s", e->names[i]);
}
static void on_module(KeelCtx *c, const void *data) {
    const KeelModuleEvent *e = data;
    note(c, "module %s %s %s", e->name, e->version, e->loaded ? "loaded" : "goes");
}
static void on_cron(KeelCtx *c, const void *data) {
    (void)c;
    if (*(const int *)data > 0) crons++;
}
static void on_turn(KeelCtx *c, const void *data) {
    (void)c;
    turn_count[((const KeelTurnEvent *)data)->phase == KEEL_AFTER]++;
}
static bool started;
static void on_start(KeelCtx *c, const void *data) {
    (void)c;
    (void)data;
    started = true;
}
static void on_shutdown(KeelCtx *c, const void *data) {
    const KeelShutdownEvent *e = data;
    (void)c;
    if (e->certain) {
        keel_log(KEEL_LOG_NOTICE, "api_event: the server ends, flags %u", e->flags);
    } else if (refuse) {
        *e->refusal = "a test refuses";
    }
}
static void on_fork(KeelCtx *c, const void *data) {
    const KeelForkEvent *e = data;
    note(c, "fork %s %d", e->born ? "born" : "reaped", e->born ? 0 : (e->status >> 8) & 255);
}
static void on_resetstat(KeelCtx *c, const void *data) {
    (void)data;
    note(c, "resetstat");
}
static void on_loading(KeelCtx *c, const void *data) {
    const KeelLoadingEvent *e = data;
    note(c, "loading %d %s%s%s", e->phase, e->what, e->aside ? " aside" : "",
         e->serving ? " serving" : "");
}

static const KeelHook hooks[] = {
    {KEEL_EVENT_CLIENT, on_client, 0},     {KEEL_EVENT_KEY_CHANGED, on_changed, 0},
    {KEEL_EVENT_NOTIFY, on_notify, 0},     {KEEL_EVENT_NOTIFY, on_notify_late, KEEL_NOTIFY_EXPIRED},
    {KEEL_EVENT_KEY_REMOVED, on_removed, 0}, {KEEL_EVENT_FLUSH, on_flush, 0},
    {KEEL_EVENT_SWAP, on_swap, 0},         {KEEL_EVENT_CONFIG, on_config, 0},
    {KEEL_EVENT_MODULE, on_module, 0},     {KEEL_EVENT_CRON, on_cron, 0},
    {KEEL_EVENT_TURN, on_turn, 0},         {KEEL_EVENT_START, on_start, 0},
    {KEEL_EVENT_SHUTDOWN, on_shutdown, 0}, {KEEL_EVENT_FORK, on_fork, 0},
    {KEEL_EVENT_RESETSTAT, on_resetstat, 0}, {KEEL_EVENT_LOADING, on_loading, 0},
    {0}};

/* EVENT.LOG on|off|take. */
static void event_log(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    if (!keel_is(argv[1], "take")) {
        logging = keel_is(argv[1], "on");
        keel_reply_ok(c);
        return;
    }
    keel_reply_array(c, line_count);
    for (size_t i = 0; i < line_count; i++) {
        keel_reply_cstr(c, lines[i]);
        keel_free(lines[i]);
    }
    line_count = 0;
}

/* EVENT.CLASSES bits: what the first hook of notifications hears. */
static void event_classes(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t bits;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &bits)) return;
    keel_notify_classes(on_notify, (unsigned)bits);
    keel_reply_ok(c);
}

/* EVENT.ARM on: whether the hook of changes hears of them. */
static void event_arm(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t on;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &on)) return;
    keel_hook_arm(KEEL_EVENT_KEY_CHANGED, on_changed, on != 0);
    keel_reply_ok(c);
}

static void event_counts(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_array(c, 4);
    keel_reply_int(c, crons);
    keel_reply_int(c, turn_count[0]);
    keel_reply_int(c, turn_count[1]);
    keel_reply_bool(c, started);
}

static void event_refuse(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t on;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &on)) return;
    refuse = on != 0;
    keel_reply_ok(c);
}

/* EVENT.SHUTDOWN: as asked by a module. */
static void event_shutdown(KeelCtx *c, const KeelStr *argv, int argc) {
    const char *reason = NULL;
    (void)argv;
    (void)argc;
    if (keel_shutdown(c, KEEL_SHUTDOWN_NOSAVE, &reason)) {
        keel_reply_ok(c);
    } else {
        keel_reply_errorf(c, "ERR refused: %s", reason);
    }
}

/* EVENT.FORK status: a child that ends at once. */
static void event_fork(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t status;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &status)) return;
    int pid = keel_fork(c, "a test");
    if (pid == 0) {
        usleep(50000);
        _exit((int)status);
    }
    int second = keel_fork(c, "a test");
    keel_reply_array(c, 2);
    keel_reply_bool(c, pid > 0 && keel_fork_active() == pid);
    keel_reply_int(c, second);
}

static void event_send(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelLoadingEvent e = {.phase = KEEL_AFTER, .what = argv[1].ptr};
    (void)argc;
    keel_event_send(c, KEEL_EVENT_LOADING, &e);
    keel_reply_ok(c);
}

static int unload(KeelCtx *c) {
    (void)c;
    while (line_count) keel_free(lines[--line_count]);
    return 0;
}

#define ROW(text, arguments, handler)                                                              \
    {.name = text, .args = arguments, .call = handler, .summary = "A test.", .since = "1.0.0",     \
     .complexity = "O(1)"}

static const KeelCommand commands[] = {
    ROW("event.log", "what", event_log),
    ROW("event.classes", "bits:integer", event_classes),
    ROW("event.arm", "on:integer", event_arm),
    ROW("event.counts", NULL, event_counts),
    ROW("event.refuse", "on:integer", event_refuse),
    ROW("event.shutdown", NULL, event_shutdown),
    ROW("event.fork", "status:integer", event_fork),
    ROW("event.send", "what", event_send),
    {0}};

KEEL_MODULE(.name = "api_event", .version = "1.0.0", .summary = "A hook for every event.",
            .commands = commands, .hooks = hooks, .unload = unload);
