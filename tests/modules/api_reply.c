/* api_reply.c - REPLY.*: every kind of reply, right and wrong numbers of replies. */
#include <keel.h>
#include <string.h>

static void flat(KeelCtx *c, KeelStr kind) {
    if (keel_is(kind, "ok")) keel_reply_ok(c);
    else if (keel_is(kind, "status")) keel_reply_status(c, "a\r\nb");
    else if (keel_is(kind, "error")) keel_reply_error(c, "CODE text\r\nmore");
    else if (keel_is(kind, "errorf")) keel_reply_errorf(c, "CODE %d of %s", 7, "x\ny");
    else if (keel_is(kind, "int")) keel_reply_int(c, 42);
    else if (keel_is(kind, "minint")) keel_reply_int(c, INT64_MIN);
    else if (keel_is(kind, "maxint")) keel_reply_int(c, INT64_MAX);
    else if (keel_is(kind, "minus")) keel_reply_int(c, -1);
    else if (keel_is(kind, "bulk")) keel_reply_bulk(c, (KeelStr){"a\0\r\nb", 5});
    else if (keel_is(kind, "empty")) keel_reply_bulk(c, KEEL_LIT(""));
    else if (keel_is(kind, "cstr")) keel_reply_cstr(c, "text");
    else if (keel_is(kind, "bulkint")) keel_reply_bulk_int(c, -12345);
    else if (keel_is(kind, "double")) keel_reply_double(c, 3.25);
    else if (keel_is(kind, "inf")) keel_reply_double(c, -__builtin_inf());
    else if (keel_is(kind, "nan")) keel_reply_double(c, __builtin_nan(""));
    else if (keel_is(kind, "true")) keel_reply_bool(c, true);
    else if (keel_is(kind, "false")) keel_reply_bool(c, false);
    else if (keel_is(kind, "null")) keel_reply_null(c);
    else if (keel_is(kind, "nullarray")) keel_reply_null_array(c);
    else if (keel_is(kind, "verbatim")) keel_reply_verbatim(c, "txt", KEEL_LIT("a\nb"));
    else if (keel_is(kind, "bignum")) {
        keel_reply_bignum(c, KEEL_LIT("-123456789012345678901234567890"));
    } else if (keel_is(kind, "raw")) keel_reply_raw(c, KEEL_LIT("*2\r\n:1\r\n$1\r\na\r\n"), 1);
    else if (keel_is(kind, "wrongtype")) keel_reply_wrongtype(c);
    else if (keel_is(kind, "syntax")) keel_reply_syntax(c);
    else if (keel_is(kind, "notint")) keel_reply_not_int(c);
    else if (keel_is(kind, "arity")) keel_reply_arity(c);
    else keel_reply_errorf(c, "ERR no kind '%s'", kind.ptr);
}

static void reply_of(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelStr kind = argv[1];
    (void)argc;
    if (keel_is(kind, "array")) {
        keel_reply_array(c, 2);
        keel_reply_int(c, 1);
        keel_reply_array(c, 0);
    } else if (keel_is(kind, "map")) {
        keel_reply_map(c, 2);
        for (int i = 1; i <= 4; i++) keel_reply_int(c, i);
    } else if (keel_is(kind, "set")) {
        keel_reply_set(c, 2);
        keel_reply_int(c, 1);
        keel_reply_int(c, 2);
    } else if (keel_is(kind, "attribute")) {
        if (keel_reply_protocol(c) == 3) {
            keel_reply_attribute(c, 1);
            keel_reply_cstr(c, "ttl");
            keel_reply_int(c, 3600);
        }
        keel_reply_cstr(c, "value");
    } else if (keel_is(kind, "push")) {
        keel_reply_push(c, 2);
        keel_reply_cstr(c, "message");
        keel_reply_int(c, 1);
        keel_reply_ok(c);
    } else {
        flat(c, kind);
    }
}

/* REPLY.DEFER kind n size [levels]: n bulk strings of `size` bytes, the length told at the end. */
static void reply_defer(KeelCtx *c, const KeelStr *argv, int argc) {
    static char bytes[128 * 1024];
    int64_t n, size, levels = 1;
    KeelDeferred d[8];
    memset(bytes, 'x', sizeof(bytes));
    if (!keel_arg_int(c, argv[2], &n) || !keel_arg_int(c, argv[3], &size)) return;
    if (argc > 4 && !keel_arg_int(c, argv[4], &levels)) return;
    if (n < 0 || n > 100000 || size < 0 || size > (int64_t)sizeof(bytes) || levels < 1 ||
        levels > 8) {
        keel_reply_error(c, "ERR out of range");
        return;
    }
    for (int i = 0; i < levels; i++) {
        d[i] = keel_is(argv[1], "map")   ? keel_reply_defer_map(c)
               : keel_is(argv[1], "set") ? keel_reply_defer_set(c)
                                         : keel_reply_defer_array(c);
        if (i + 1 < levels) {
            keel_reply_bulk(c, (KeelStr){bytes, (size_t)size});
        }
    }
    for (int64_t i = 0; i < n; i++) {
        keel_reply_bulk(c, (KeelStr){bytes, (size_t)size});
        if (keel_is(argv[1], "map")) keel_reply_int(c, i);
    }
    for (int i = (int)levels - 1; i >= 0; i--) {
        size_t count = i == levels - 1 ? (size_t)n : 2;
        if (keel_is(argv[1], "map") && i < levels - 1) count = 1;
        keel_reply_end(c, d[i], count);
    }
}

/* REPLY.BULK size: one string of that many bytes, made in memory that ends with it. */
static void reply_bulk(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t size;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &size)) return;
    char *bytes = size < 0 ? NULL : keel_try_alloc((size_t)size + 1);
    if (!bytes) {
        keel_reply_error(c, "ERR no memory for that");
        return;
    }
    memset(bytes, 'y', (size_t)size);
    keel_reply_bulk(c, (KeelStr){bytes, (size_t)size});
    keel_free(bytes);
}

/* REPLY.WRONG how: what a command must not do. */
static void reply_wrong(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelStr how = argv[1];
    (void)argc;
    if (keel_is(how, "none")) return;
    if (keel_is(how, "two")) {
        keel_reply_ok(c);
        keel_reply_ok(c);
    } else if (keel_is(how, "short")) {
        keel_reply_array(c, 3);
        keel_reply_int(c, 1);
    } else if (keel_is(how, "long")) {
        keel_reply_array(c, 1);
        keel_reply_int(c, 1);
        keel_reply_int(c, 2);
    } else if (keel_is(how, "big")) {
        keel_reply_array(c, 100);
        for (int i = 0; i < 50; i++) {
            char text[4000];
            memset(text, 'z', sizeof(text));
            keel_reply_bulk(c, (KeelStr){text, sizeof(text)});
        }
    } else {
        keel_reply_ok(c);
    }
}

static void reply_uncounted(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t n;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &n)) return;
    keel_reply_uncounted(c);
    for (int64_t i = 0; i < n; i++) keel_reply_int(c, i);
}

/* REPLY.PUSH id text: a message to another client, or to oneself before the reply. */
static void reply_push(KeelCtx *c, const KeelStr *argv, int argc) {
    uint64_t id;
    (void)argc;
    KeelClient *to = keel_parse_uint(argv[1], &id) ? keel_client_by_id(id) : NULL;
    if (!to) {
        keel_reply_error(c, "ERR no such client");
        return;
    }
    KeelCtx *p = keel_push_begin(to);
    keel_reply_push(p, 2);
    keel_reply_cstr(p, "note");
    keel_reply_bulk(p, argv[2]);
    keel_push_end(p);
    keel_reply_ok(c);
}

/* REPLY.UNDO size kind [kind ...]: `size` bytes and those replies, all taken back; then the text of
 * the first error, as it was before and is afterwards. */
static void reply_undo(KeelCtx *c, const KeelStr *argv, int argc) {
    static char bytes[256 * 1024];
    int64_t size;
    char text[128];
    if (!keel_arg_int(c, argv[1], &size)) return;
    if (size < 0 || size > (int64_t)sizeof(bytes)) size = 0;
    memset(bytes, 'u', sizeof(bytes));
    keel_reply_array(c, 100);
    keel_reply_bulk(c, (KeelStr){bytes, (size_t)size});
    for (int i = 2; i < argc; i++) flat(c, argv[i]);
    KeelStr error = keel_reply_first_error(c);
    memcpy(text, error.ptr, error.len);
    keel_reply_undo(c);
    KeelStr after = keel_reply_first_error(c);
    keel_reply_array(c, 2);
    keel_reply_bulk(c, (KeelStr){text, error.len});
    keel_reply_bulk(c, after);
}

static void reply_id(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_int(c, (int64_t)keel_client_id(keel_client(c)));
}

static void reply_help(KeelCtx *c, const KeelStr *argv, int argc) {
    static const char *const lines[] = {"ONE", "    The first.", NULL};
    (void)argv;
    (void)argc;
    keel_reply_help(c, lines);
}

#define ROW(text, arguments, handler)                                                              \
    {.name = text, .args = arguments, .flags = KEEL_FAST, .call = handler, .summary = "A test.",   \
     .since = "1.0.0", .complexity = "O(1)"}

static const KeelCommand box[] = {ROW("help", NULL, reply_help), {0}};

static const KeelCommand commands[] = {
    ROW("reply.of", "kind", reply_of),
    ROW("reply.defer", "kind n size [levels]", reply_defer),
    ROW("reply.bulk", "size", reply_bulk),
    ROW("reply.wrong", "how", reply_wrong),
    ROW("reply.uncounted", "n", reply_uncounted),
    ROW("reply.push", "id text", reply_push),
    ROW("reply.undo", "size:integer kind [kind ...]", reply_undo),
    ROW("reply.id", NULL, reply_id),
    {.name = "reply.box", .flags = KEEL_FAST, .summary = "A test.", .since = "1.0.0",
     .complexity = "Depends on subcommand.", .subcommands = box},
    {0}};

KEEL_MODULE(.name = "api_reply", .version = "1.0.0", .summary = "Every kind of reply.",
            .commands = commands);
