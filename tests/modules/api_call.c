/* api_call.c - CALL.*: commands run by commands, and their replies taken apart. */
#include <keel.h>
#include <stdio.h>
#include <string.h>

/* Writes a parsed reply as text: type, then what is in it. */
static size_t describe(char *out, size_t room, const KeelReply *reply) {
    int type = keel_reply_type(reply);
    KeelStr text = keel_reply_str(reply);
    size_t n = 0;
    switch (type) {
    case ':': case '#':
        n = (size_t)snprintf(out, room, "%c%lld", type, (long long)keel_reply_integer(reply));
        break;
    case ',':
        n = (size_t)snprintf(out, room, ",%.*s=%g", (int)text.len, text.ptr,
                             keel_reply_number(reply));
        break;
    case '*': case '~': case '%': case '>':
        n = (size_t)snprintf(out, room, "%c%zu(", type, keel_reply_count(reply));
        for (size_t i = 0; i < keel_reply_count(reply) && n < room; i++) {
            if (i) n += (size_t)snprintf(out + n, room - n, " ");
            if (n < room) n += describe(out + n, room - n, keel_reply_at(reply, i));
        }
        if (keel_reply_at(reply, keel_reply_count(reply))) return 0;
        if (n < room) n += (size_t)snprintf(out + n, room - n, ")");
        break;
    default:
        n = (size_t)snprintf(out, room, "%c%.*s", type, (int)text.len, text.ptr);
    }
    return n < room ? n : room - 1;
}

static unsigned flags_of(KeelStr s) {
    unsigned flags = 0;
    for (size_t i = 0; i < s.len; i++) {
        switch (s.ptr[i]) {
        case '3': flags |= KEEL_CALL_RESP3; break;
        case 'c': flags |= KEEL_CALL_AS_CLIENT; break;
        case 'j': flags |= KEEL_CALL_JOURNAL; break;
        case 'r': flags |= KEEL_CALL_NO_WRITES; break;
        }
    }
    return flags;
}

/* CALL.TEXT flags word [word ...]: what the reply is, as text. */
static void call_text(KeelCtx *c, const KeelStr *argv, int argc) {
    static char text[64 * 1024];
    KeelReply *reply = keel_call(c, argv + 2, argc - 2, flags_of(argv[1]));
    size_t n = describe(text, sizeof(text), reply);
    keel_reply_free(reply);
    keel_reply_bulk(c, (KeelStr){text, n});
}

/* CALL.RAW flags word [word ...]: the reply as it is. */
static void call_raw(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelReply *reply = keel_call(c, argv + 2, argc - 2, flags_of(argv[1]));
    keel_reply_raw(c, keel_reply_resp(reply), 1);
    keel_reply_free(reply);
}

/* CALL.NOTHING: a call without a command. */
static void call_nothing(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelReply *reply = keel_call(c, argv, 0, 0);
    (void)argc;
    keel_reply_raw(c, keel_reply_resp(reply), 1);
    keel_reply_free(reply);
}

/* CALL.MANY commands, each ended by a word ";": runs them in its place, as EXEC does. */
static void call_many(KeelCtx *c, const KeelStr *argv, int argc) {
    size_t n = 0;
    for (int i = 1; i < argc; i++) n += keel_equal(argv[i], KEEL_LIT(";"));
    keel_reply_array(c, n);
    for (int from = 1, i = 1; i < argc; i++) {
        if (!keel_equal(argv[i], KEEL_LIT(";"))) continue;
        if (i > from) {
            keel_call_inline(c, argv + from, i - from);
        } else {
            keel_reply_null(c);
        }
        from = i + 1;
    }
}

/* CALL.TWICE key value: sets, deletes and sets again in its place, always with this value. */
static void call_twice(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelStr set[3] = {KEEL_LIT("SET"), argv[1], argv[2]}, del[2] = {KEEL_LIT("DEL"), argv[1]};
    (void)argc;
    keel_reply_array(c, 4);
    keel_call_inline(c, set, 3);
    keel_call_inline(c, del, 2);
    keel_call_inline(c, set, 3);
    keel_reply_bulk(c, argv[2]);
}

/* CALL.SELECT db key: selects by a nested call; the next ones follow it. */
static void call_select(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelStr select[2] = {KEEL_LIT("SELECT"), argv[1]}, get[2] = {KEEL_LIT("GET"), argv[2]};
    (void)argc;
    keel_reply_free(keel_call(c, select, 2, 0));
    KeelReply *reply = keel_call(c, get, 2, 0);
    keel_reply_raw(c, keel_reply_resp(reply), 1);
    keel_reply_free(reply);
}

/* CALL.DEEP n: calls itself so often. */
static void call_deep(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t n;
    char digits[KEEL_INT_ROOM];
    (void)argc;
    if (!keel_arg_int(c, argv[1], &n)) return;
    if (n <= 0) {
        keel_reply_cstr(c, "bottom");
        return;
    }
    KeelStr words[2] = {argv[0], {digits, keel_format_int(digits, n - 1)}};
    KeelReply *reply = keel_call(c, words, 2, KEEL_CALL_AS_CLIENT);
    keel_reply_raw(c, keel_reply_resp(reply), 1);
    keel_reply_free(reply);
}

/* CALL.RESP bytes n: gives out bytes as if they were n replies. */
static void call_resp(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t n;
    (void)argc;
    if (!keel_arg_int(c, argv[2], &n)) return;
    keel_reply_raw(c, argv[1], (size_t)n);
}

static int slot;
static int freed;
static void slot_free(KeelClient *client, void *value) {
    (void)client;
    keel_free(value);
    freed++;
}
static const KeelSlot slots[] = {{.name = "call", .id = &slot, .free = slot_free}, {0}};

/* CALL.SLOT [text]: what this client keeps. */
static void call_slot(KeelCtx *c, const KeelStr *argv, int argc) {
    char **text = (char **)keel_client_slot(keel_client(c), slot);
    keel_reply_cstr(c, *text ? *text : "");
    if (argc == 1) return;
    keel_free(*text);
    *text = keel_strdup(argv[1]);
}

static void call_me(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelClientInfo info = {.size = sizeof(info)};
    (void)argv;
    (void)argc;
    keel_client_info(keel_client(c), &info);
    keel_reply_array(c, 4);
    keel_reply_int(c, (int64_t)keel_client_id(keel_client(c)));
    keel_reply_int(c, info.db);
    keel_reply_int(c, keel_reply_protocol(c));
    keel_reply_cstr(c, info.user);
}

static void call_close(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    keel_client_close(keel_client(c), keel_is(argv[1], "later"));
    keel_reply_ok(c);
}

static void call_freed(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_int(c, freed);
}

#define ROW(text, arguments, handler)                                                              \
    {.name = text, .args = arguments, .call = handler, .summary = "A test.", .since = "1.0.0",     \
     .complexity = "O(1)"}

static const KeelCommand commands[] = {
    ROW("call.text", "flags word [word ...]", call_text),
    ROW("call.raw", "flags word [word ...]", call_raw),
    ROW("call.nothing", NULL, call_nothing),
    ROW("call.many", "word [word ...]", call_many),
    {.name = "call.twice", .args = "key value", .keys = "OW UPDATE", .flags = KEEL_WRITE,
     .call = call_twice, .summary = "A test.", .since = "1.0.0", .complexity = "O(1)"},
    ROW("call.select", "db name", call_select),
    ROW("call.deep", "n:integer", call_deep),
    ROW("call.resp", "bytes n:integer", call_resp),
    ROW("call.slot", "[text]", call_slot),
    ROW("call.me", NULL, call_me),
    ROW("call.close", "when", call_close),
    ROW("call.freed", NULL, call_freed),
    {0}};

KEEL_MODULE(.name = "api_call", .version = "1.0.0", .summary = "Calls made by modules.",
            .commands = commands, .slots = slots);
