/* api_gate.c - GATE.*: four gates of different ranks, and observers of every kind. */
#include <keel.h>
#include <stdio.h>
#include <string.h>

enum { LOG_MAX = 256 };

/* What gates and observers were told, in order. */
static char *lines[LOG_MAX];
static size_t line_count;
static bool logging;

static void note(const char *who, const KeelStr *argv, int argc, const char *more) {
    if (!logging || line_count == LOG_MAX) return;
    char text[256];
    size_t n = (size_t)snprintf(text, sizeof(text), "%s", who);
    for (int i = 0; i < argc && n < sizeof(text); i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, " %.*s", (int)argv[i].len, argv[i].ptr);
    }
    if (n < sizeof(text)) snprintf(text + n, sizeof(text) - n, "%s", more);
    lines[line_count++] = keel_strdup(keel_str(text));
}

static bool ours(const KeelStr *argv) {
    return strncasecmp(argv[0].ptr, "gate.", 5) == 0;
}

static int early_id, late_id, writes_id, hold_id;

static KeelVerdict early(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)cmd;
    if (ours(argv)) return KEEL_PASS;
    note("early", argv, argc, "");
    if (argc > 1 && keel_equal(argv[1], KEEL_LIT("forbidden"))) {
        keel_reply_error(c, "NOPERM early says no");
        return KEEL_ANSWERED;
    }
    return KEEL_PASS;
}
static void early_refused(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c;
    note("early-refused", argv, argc, "");
}

static KeelVerdict late(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)cmd;
    if (ours(argv)) return KEEL_PASS;
    note("late", argv, argc, "");
    if (argc > 1 && keel_equal(argv[1], KEEL_LIT("queue"))) {
        keel_reply_status(c, "QUEUED");
        return KEEL_ANSWERED;
    }
    if (argc > 1 && keel_equal(argv[1], KEEL_LIT("lateno"))) {
        keel_reply_error(c, "ERR late says no");
        return KEEL_ANSWERED;
    }
    return KEEL_PASS;
}
static void late_refused(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c;
    note("late-refused", argv, argc, "");
}

static KeelVerdict no_writes(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    note("writes", argv, argc, "");
    (void)cmd;
    keel_reply_error(c, "READONLY no writes now");
    return KEEL_ANSWERED;
}

static KeelVerdict hold(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)c;
    (void)cmd;
    if (ours(argv)) return KEEL_PASS;
    note("hold", argv, argc, "");
    return KEEL_HOLD;
}

/* The rows are not in order of rank. */
static const KeelGate gates[] = {
    {.name = "late", .id = &late_id, .rank = 95, .decide = late, .refused = late_refused,
     .whole = true},
    {.name = "early", .id = &early_id, .rank = 5, .decide = early, .refused = early_refused},
    {.name = "hold", .id = &hold_id, .rank = 101, .decide = hold, .whole = true},
    {.name = "writes", .id = &writes_id, .rank = 72, .flags = KEEL_WRITE, .except = KEEL_ADMIN,
     .decide = no_writes},
    {0}};

static int before_id, after_id, slow_id, error_id, both_id;

static void seen(KeelCtx *c, const KeelCall *call, const char *who) {
    char more[256];
    (void)c;
    if (call->command && strncmp(keel_command_name(call->command), "gate.", 5) == 0 &&
        strcmp(keel_command_name(call->command), "gate.nap") != 0) {
        return;
    }
    snprintf(more, sizeof(more), "%s%s%s%.*s", call->command ? "" : " (unknown)",
             call->refused ? " (refused)" : "", call->error.len ? " = " : "",
             (int)call->error.len, call->error.ptr ? call->error.ptr : "");
    note(who, call->argv, call->argc, more);
}
static void seen_before(KeelCtx *c, const KeelCall *call) {
    seen(c, call, call->nanoseconds ? "before-timed" : "before");
}
static void seen_after(KeelCtx *c, const KeelCall *call) {
    seen(c, call, call->nanoseconds > 0 ? "after" : "after-untimed");
}
static void seen_slow(KeelCtx *c, const KeelCall *call) {
    seen(c, call, call->nanoseconds >= 5000000 ? "slow" : "not-slow");
}
static void seen_error(KeelCtx *c, const KeelCall *call) {
    seen(c, call, "error");
}
static void seen_both(KeelCtx *c, const KeelCall *call) {
    seen(c, call, "both");
}

static const KeelObserver observers[] = {
    {.name = "before", .id = &before_id, .when = KEEL_OBSERVE_BEFORE, .seen = seen_before},
    {.name = "after", .id = &after_id, .when = KEEL_OBSERVE_AFTER, .seen = seen_after},
    {.name = "slow", .id = &slow_id, .when = KEEL_OBSERVE_SLOW, .seen = seen_slow},
    {.name = "error", .id = &error_id, .when = KEEL_OBSERVE_ERROR, .seen = seen_error},
    {.name = "both", .id = &both_id, .when = KEEL_OBSERVE_AFTER | KEEL_OBSERVE_ERROR,
     .seen = seen_both},
    {0}};

static int id_of(KeelStr name, bool *gate) {
    *gate = true;
    if (keel_is(name, "early")) return early_id;
    if (keel_is(name, "late")) return late_id;
    if (keel_is(name, "writes")) return writes_id;
    if (keel_is(name, "hold")) return hold_id;
    *gate = false;
    if (keel_is(name, "before")) return before_id;
    if (keel_is(name, "after")) return after_id;
    if (keel_is(name, "slow")) return slow_id;
    if (keel_is(name, "error")) return error_id;
    return both_id;
}

/* GATE.ARM name all|me|none [id]: arms a gate, for one client with an id, or an observer. */
static void gate_arm(KeelCtx *c, const KeelStr *argv, int argc) {
    bool gate;
    int id = id_of(argv[1], &gate);
    uint64_t client;
    if (argc > 3 && keel_parse_uint(argv[3], &client) && keel_client_by_id(client)) {
        keel_gate_arm_client(keel_client_by_id(client), id, keel_is(argv[2], "all"));
    } else if (!gate) {
        keel_observer_arm(id, !keel_is(argv[2], "none"));
    } else if (keel_is(argv[2], "me")) {
        keel_gate_arm_client(keel_client(c), id, true);
    } else {
        keel_gate_arm(id, keel_is(argv[2], "all"));
        if (keel_is(argv[2], "none")) keel_gate_arm_client(keel_client(c), id, false);
    }
    keel_reply_ok(c);
}

static void gate_armed(KeelCtx *c, const KeelStr *argv, int argc) {
    bool gate;
    (void)argc;
    int id = id_of(argv[1], &gate);
    keel_reply_int(c, keel_gate_armed(keel_client(c), id));
}

static void gate_threshold(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t ns;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &ns)) return;
    keel_observer_threshold(slow_id, ns);
    keel_reply_ok(c);
}

/* GATE.LOG on|off|take. */
static void gate_log(KeelCtx *c, const KeelStr *argv, int argc) {
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

/* GATE.ASK command [argument ...]: what gates with .whole say of it. */
static void gate_ask(KeelCtx *c, const KeelStr *argv, int argc) {
    static const char *const verdicts[] = {"pass", "answered", "hold"};
    KeelStr error = KEEL_LIT("");
    char text[128];
    KeelVerdict verdict = keel_gates_ask(c, argv + 1, argc - 1, &error);
    size_t len = error.len;
    memcpy(text, error.ptr, len);
    keel_reply_array(c, 2);
    keel_reply_cstr(c, verdicts[verdict]);
    keel_reply_bulk(c, (KeelStr){text, len});
}

static void gate_release(KeelCtx *c, const KeelStr *argv, int argc) {
    uint64_t id;
    if (argc == 1) {
        keel_client_release(NULL);
    } else if (keel_parse_uint(argv[1], &id) && keel_client_by_id(id)) {
        keel_client_release(keel_client_by_id(id));
    }
    keel_reply_ok(c);
}

static void gate_id(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_int(c, (int64_t)keel_client_id(keel_client(c)));
}

/* GATE.NAP ms: takes that long. */
static void gate_nap(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t ms;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &ms)) return;
    for (int64_t end = keel_monotonic_ns() + ms * 1000000; keel_monotonic_ns() < end;) {}
    keel_reply_ok(c);
}

static int unload(KeelCtx *c) {
    (void)c;
    while (line_count) keel_free(lines[--line_count]);
    return 0;
}

#define ROW(text, arguments, bits, handler)                                                        \
    {.name = text, .args = arguments, .flags = bits, .call = handler, .summary = "A test.",        \
     .since = "1.0.0", .complexity = "O(1)"}

static const KeelCommand commands[] = {
    ROW("gate.arm", "name where [id]", KEEL_ADMIN, gate_arm),
    ROW("gate.armed", "name", KEEL_ADMIN, gate_armed),
    ROW("gate.threshold", "nanoseconds:integer", KEEL_ADMIN, gate_threshold),
    ROW("gate.log", "what", KEEL_ADMIN, gate_log),
    ROW("gate.ask", "command [argument [argument ...]]", KEEL_ADMIN, gate_ask),
    ROW("gate.release", "[id]", KEEL_ADMIN, gate_release),
    ROW("gate.id", NULL, KEEL_ADMIN, gate_id),
    ROW("gate.nap", "ms:integer", 0, gate_nap),
    {.name = "gate.adminwrite", .flags = KEEL_ADMIN | KEEL_WRITE, .call = gate_id,
     .summary = "A test.", .since = "1.0.0", .complexity = "O(1)"},
    {0}};

KEEL_MODULE(.name = "api_gate", .version = "1.0.0", .summary = "Gates and observers.",
            .commands = commands, .gates = gates, .observers = observers, .unload = unload);
