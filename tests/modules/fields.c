/* fields.c - hashes through the interface of keel/hash.h alone, for its tests.
 *
 *     FIELDS.SET key field value   FIELDS.GET key field   FIELDS.REMOVE key field
 *     FIELDS.LENGTH key   FIELDS.CREATE key
 *     FIELDS.WALK key, FIELDS.SCAN key   all fields and values
 *     FIELDS.RANDOM key   one of them */
#include <keel.h>

static const KeelHashOps *ops;

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    ops = keel_interface("hash", KEEL_HASH_VERSION);
    return ops ? 0 : keel_load_error(c, "no interface 'hash'");
}

static void fields_set(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (!ops->check(c, &key)) return;
    bool added = ops->set(&key, argv[2], argv[3]);
    keel_key_changed(&key, KEEL_NOTIFY_HASH, "hset");
    keel_reply_int(c, added);
}

static void fields_get(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    char scratch[KEEL_INT_ROOM];
    KeelStr value;
    keel_key_open(c, argv[1], KEEL_KEY_READ, &key);
    if (!ops->check(c, &key)) return;
    if (ops->get(&key, argv[2], scratch, &value)) keel_reply_bulk(c, value);
    else keel_reply_null(c);
}

static void fields_remove(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    bool removed = ops->remove(&key, argv[2]);
    if (removed) keel_key_changed(&key, KEEL_NOTIFY_HASH, "hdel");
    if (removed && !keel_key_exists(&key)) keel_key_notify(&key, KEEL_NOTIFY_GENERIC, "del");
    keel_reply_int(c, removed);
}

static void fields_length(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    keel_key_open(c, argv[1], KEEL_KEY_READ, &key);
    keel_reply_int(c, (int64_t)ops->length(&key));
}

static void fields_create(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    ops->create(&key);
    keel_key_changed(&key, KEEL_NOTIFY_HASH, "hset");
    keel_reply_ok(c);
}

static void fields_walk(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    KeelHashWalk w;
    KeelStr field, value;
    size_t n = 0;
    keel_key_open(c, argv[1], KEEL_KEY_READ, &key);
    KeelDeferred array = keel_reply_defer_array(c);
    for (ops->walk(&key, &w); ops->next(&w, &field, &value); n += 2) {
        keel_reply_bulk(c, field);
        keel_reply_bulk(c, value);
    }
    keel_reply_end(c, array, n);
}

typedef struct Seen {
    KeelCtx *ctx;
    size_t n;
} Seen;

static void seen(KeelStr field, KeelStr value, void *data) {
    Seen *s = data;
    keel_reply_bulk(s->ctx, field);
    keel_reply_bulk(s->ctx, value);
    s->n += 2;
}

static void fields_scan(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    Seen s = {c, 0};
    uint64_t cursor = 0;
    keel_key_open(c, argv[1], KEEL_KEY_READ, &key);
    KeelDeferred array = keel_reply_defer_array(c);
    do cursor = ops->scan(&key, cursor, 7, seen, &s); while (cursor);
    keel_reply_end(c, array, s.n);
}

static void fields_random(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    KeelHashWalk room;
    KeelStr field, value;
    if (!keel_key_open(c, argv[1], KEEL_KEY_READ, &key)) {
        keel_reply_null(c);
        return;
    }
    ops->random(&key, &room, &field, &value);
    keel_reply_array(c, 2);
    keel_reply_bulk(c, field);
    keel_reply_bulk(c, value);
}

#define ROW(NAME, ARGS, FLAGS, KEYS, CALL)                                                         \
    {.name = "fields." NAME, .args = ARGS, .flags = FLAGS, .call = CALL, .keys = KEYS,             \
     .summary = "For tests of hashes.", .since = "1.0.0", .complexity = "O(N)"}
static const KeelCommand commands[] = {
    ROW("set", "key field value", KEEL_WRITE, "RW UPDATE", fields_set),
    ROW("get", "key field", KEEL_READONLY, "RO ACCESS", fields_get),
    ROW("remove", "key field", KEEL_WRITE, "RW DELETE", fields_remove),
    ROW("length", "key", KEEL_READONLY, "RO", fields_length),
    ROW("create", "key", KEEL_WRITE, "OW UPDATE", fields_create),
    ROW("walk", "key", KEEL_READONLY, "RO ACCESS", fields_walk),
    ROW("scan", "key", KEEL_READONLY, "RO ACCESS", fields_scan),
    ROW("random", "key", KEEL_READONLY, "RO ACCESS", fields_random),
    {0},
};

KEEL_MODULE(.name = "fields", .version = "1.0.0", .summary = "Hashes through their interface.",
            .needs = "hashes", .commands = commands, .load = load);
