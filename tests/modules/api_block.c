/* api_block.c - BLOCK.*: clients that wait for keys, for time and for threads. A key is a box: a
 * string that is put by one command and taken, with the key, by another. */
#include <keel.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static const KeelType *string_type;
static int64_t freed, tries;

static void count_free(void *data) {
    freed++;
    keel_free(data);
}

/* Takes the box and replies [key value]; false when it is not there. */
static bool take(KeelCtx *c, KeelStr name) {
    KeelKey key;
    char scratch[KEEL_INT_ROOM];
    if (!keel_key_open(c, name, KEEL_KEY_WRITE, &key)) return false;
    keel_reply_array(c, 2);
    keel_reply_bulk(c, name);
    keel_reply_bulk(c, keel_key_bytes(&key, scratch));
    keel_key_delete(&key, false);
    keel_key_changed(&key, KEEL_NOTIFY_GENERIC, "del");
    keel_journal_words(c, "DEL", name.ptr, NULL);
    return true;
}

static bool take_again(KeelCtx *c, const KeelStr *argv, int argc, KeelStr key, void *data) {
    (void)data;
    tries++;
    if (!key.len) { /* named by keel_unblock() */
        keel_reply_array(c, 2);
        keel_reply_bulk(c, argv[0]);
        keel_reply_int(c, argc);
        return true;
    }
    return take(c, key);
}

static void say_late(KeelCtx *c, void *data) {
    keel_reply_cstr(c, data);
}

/* BLOCK.TAKE key [key ...] ms: the first box there is. */
static void block_take(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t ms;
    if (!keel_arg_int(c, argv[argc - 1], &ms)) return;
    for (int i = 1; i < argc - 1; i++) {
        if (take(c, argv[i])) return;
    }
    KeelBlock block = {.size = sizeof(block), .keys = argv + 1, .key_count = argc - 2,
                       .deadline_ms = ms ? keel_now_ms() + ms : 0, .retry = take_again,
                       .free = count_free, .data = keel_alloc(1)};
    if (keel_block_denied(c) != (keel_block(c, &block) == 0)) {
        keel_reply_error(c, "ERR keel_block_denied() does not tell the truth");
    } else if (!(keel_client_flags(keel_client(c)) & KEEL_CF_BLOCKED)) {
        keel_free(block.data);
        keel_reply_null_array(c);
    }
}

static bool gone_again(KeelCtx *c, const KeelStr *argv, int argc, KeelStr name, void *data) {
    KeelKey key;
    (void)data;
    (void)argv;
    (void)argc;
    tries++;
    if (keel_key_open(c, name, KEEL_KEY_READ, &key)) return false;
    keel_reply_errorf(c, "UNBLOCKED %.*s is gone", (int)name.len, name.ptr);
    return true;
}

/* BLOCK.GONE key: waits for the end of a key. */
static void block_gone(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelBlock block = {.size = sizeof(block), .keys = argv + 1, .key_count = 1,
                       .retry = gone_again, .free = count_free, .data = keel_alloc(1),
                       .on_delete = true};
    (void)argc;
    if (keel_block(c, &block)) return;
    keel_free(block.data);
    keel_reply_null(c);
}

/* BLOCK.PUT key value [key value ...]. */
static void block_put(KeelCtx *c, const KeelStr *argv, int argc) {
    for (int i = 1; i + 1 < argc; i += 2) {
        KeelKey key;
        keel_key_open(c, argv[i], KEEL_KEY_WRITE, &key);
        keel_key_set_bytes(&key, string_type, argv[i + 1], KEEL_NO_EXPIRY);
        keel_key_changed(&key, KEEL_NOTIFY_STRING, "set");
        keel_key_ready(c, keel_db(c), argv[i]);
    }
    keel_reply_int(c, (argc - 1) / 2);
}

/* Passes the box on to the next key, so that serving one makes another ready. */
static bool pass_again(KeelCtx *c, const KeelStr *argv, int argc, KeelStr name, void *data) {
    KeelKey from, to;
    (void)data;
    (void)argc;
    if (!keel_key_open(c, name, KEEL_KEY_WRITE, &from)) return false;
    keel_key_open(c, argv[2], KEEL_KEY_WRITE, &to);
    keel_key_move(&from, &to);
    keel_key_changed(&to, KEEL_NOTIFY_GENERIC, "rename_to");
    keel_key_ready(c, keel_db(c), argv[2]);
    keel_reply_bulk(c, argv[2]);
    return true;
}

static void block_pass(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelBlock block = {.size = sizeof(block), .keys = argv + 1, .key_count = 1,
                       .retry = pass_again};
    (void)argc;
    keel_block(c, &block);
}

/* What a retry must not do, or may: replies in wrong numbers, or and then not at all. */
static bool odd_again(KeelCtx *c, const KeelStr *argv, int argc, KeelStr key, void *data) {
    (void)argc;
    (void)key;
    (void)data;
    if (keel_is(argv[2], "none")) return true;
    if (keel_is(argv[2], "error")) {
        keel_reply_error(c, "ODD error");
        return true;
    }
    if (keel_is(argv[2], "block")) {
        KeelBlock block = {.size = sizeof(block), .retry = odd_again};
        keel_reply_int(c, (int64_t)keel_block(c, &block));
        return true;
    }
    if (keel_is(argv[2], "big")) {
        char text[3000];
        memset(text, 'x', sizeof(text));
        keel_reply_array(c, 20);
        for (int i = 0; i < 20; i++) keel_reply_bulk(c, (KeelStr){text, sizeof(text)});
        return true;
    }
    if (keel_is(argv[2], "close")) {
        keel_client_close(keel_client(c), false);
        keel_reply_ok(c);
        return true;
    }
    keel_reply_ok(c);
    keel_reply_ok(c);
    return !keel_is(argv[2], "unsaid");
}

static void odd_late(KeelCtx *c, void *data) {
    (void)data;
    keel_reply_ok(c);
    keel_reply_ok(c);
}

/* BLOCK.ODD key how. */
static void block_odd(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelBlock block = {.size = sizeof(block), .keys = argv + 1, .key_count = 1, .retry = odd_again,
                       .timeout = odd_late};
    (void)argc;
    if (keel_is(argv[2], "late")) block.deadline_ms = keel_now_ms() + 30;
    keel_block(c, &block);
    if (keel_is(argv[2], "replies")) keel_reply_ok(c);
}

typedef struct Work {
    uint64_t id;
    int64_t ms;
} Work;

static void *work(void *data) {
    Work *w = data;
    usleep((useconds_t)w->ms * 1000);
    keel_unblock(w->id);
    keel_free(w);
    return NULL;
}

/* BLOCK.THREAD ms limit: a thread answers after ms, or time is up after limit. */
static void block_thread(KeelCtx *c, const KeelStr *argv, int argc) {
    Work *w = keel_alloc(sizeof(*w));
    int64_t limit = 0;
    pthread_t thread;
    (void)argc;
    keel_parse_int(argv[1], &w->ms);
    keel_parse_int(argv[2], &limit);
    KeelBlock block = {.size = sizeof(block), .deadline_ms = keel_now_ms() + limit,
                       .retry = take_again, .timeout = say_late, .data = "late"};
    w->id = keel_block(c, &block);
    pthread_create(&thread, NULL, work, w);
    pthread_detach(thread);
}

static uint64_t last_id;

/* BLOCK.ID: waits until BLOCK.NAME. */
static void block_id(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelBlock block = {.size = sizeof(block), .retry = take_again};
    (void)argv;
    (void)argc;
    last_id = keel_block(c, &block);
}

static void block_name(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    bool first = keel_unblock(last_id), second = keel_unblock(last_id);
    keel_reply_int(c, first + second);
}

/* BLOCK.END id [error]. */
static void block_end(KeelCtx *c, const KeelStr *argv, int argc) {
    uint64_t id;
    KeelClient *client = keel_parse_uint(argv[1], &id) ? keel_client_by_id(id) : NULL;
    keel_reply_bool(c, client && keel_client_unblock(client, argc > 2 ? argv[2].ptr : NULL));
}

static void block_stats(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_array(c, 3);
    keel_reply_int(c, (int64_t)keel_blocked_count());
    keel_reply_int(c, freed);
    keel_reply_int(c, tries);
}

static void block_me(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_int(c, (int64_t)keel_client_id(keel_client(c)));
}

/* BLOCK.CALL word [word ...]: runs a command with a reply of its own. */
static void block_call(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelReply *reply = keel_call(c, argv + 1, argc - 1, KEEL_CALL_JOURNAL);
    keel_reply_raw(c, keel_reply_resp(reply), 1);
    keel_reply_free(reply);
}

/* BLOCK.INLINE word [word ...]: in its own place. */
static void block_inline(KeelCtx *c, const KeelStr *argv, int argc) {
    keel_call_inline(c, argv + 1, argc - 1);
}

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    string_type = keel_type_by_name(KEEL_LIT("string"));
    return string_type ? 0 : keel_load_error(c, "no module brought the type string");
}

#define ROW(text, arguments, uses, bits, handler)                                                  \
    {.name = text, .args = arguments, .keys = uses, .flags = bits, .call = handler,                \
     .summary = "A test.", .since = "1.0.0", .complexity = "O(1)"}

static const KeelCommand commands[] = {
    ROW("block.take", "key [key ...] ms:integer", "RW ACCESS DELETE", KEEL_WRITE | KEEL_BLOCKING,
        block_take),
    ROW("block.gone", "key", "RO ACCESS", KEEL_READONLY | KEEL_BLOCKING, block_gone),
    ROW("block.put", "key value [key value ...]", "OW UPDATE", KEEL_WRITE, block_put),
    ROW("block.pass", "source destination", "RW DELETE & OW INSERT", KEEL_WRITE | KEEL_BLOCKING,
        block_pass),
    ROW("block.odd", "key how", "RO ACCESS", KEEL_READONLY | KEEL_BLOCKING, block_odd),
    ROW("block.thread", "ms:integer limit:integer", NULL, KEEL_BLOCKING, block_thread),
    ROW("block.id", NULL, NULL, KEEL_BLOCKING, block_id),
    ROW("block.name", NULL, NULL, 0, block_name),
    ROW("block.end", "id [error]", NULL, 0, block_end),
    ROW("block.stats", NULL, NULL, 0, block_stats),
    ROW("block.me", NULL, NULL, 0, block_me),
    ROW("block.call", "word [word ...]", NULL, 0, block_call),
    ROW("block.inline", "word [word ...]", NULL, 0, block_inline),
    {0}};

KEEL_MODULE(.name = "api_block", .version = "1.0.0", .summary = "Clients that wait.",
            .needs = "strings", .commands = commands, .load = load);
