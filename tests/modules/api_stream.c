/* api_stream.c - LOG.*: streams through the interface "stream", as a module sees them that does not
 * own them.
 *
 *     LOG.ADD key id|* field value [field value ...]     the id, or why not
 *     LOG.DROP key id                                    whether it was there
 *     LOG.TRIM key (LENGTH n|ID id) exact|nodes          how many went
 *     LOG.WALK key from to forth|back [keep|drop]        [id, pairs, field, value ...] of each;
 *                                                        "drop" removes every second one
 *     LOG.FACTS key                                      length and last id */
#include <keel.h>

static const KeelStreamOps *ops;

/* Opens a stream, made when it is missing. False: an error was replied. */
static bool open_stream(KeelCtx *c, KeelStr name, KeelKey *key) {
    bool there = keel_key_open(c, name, KEEL_KEY_WRITE, key);
    if (!ops) ops = keel_interface("stream", KEEL_STREAM_VERSION);
    if (!ops) keel_reply_error(c, "ERR no streams");
    if (!ops || !ops->check(c, key)) return false;
    if (!there) ops->create(key);
    return true;
}

static void reply_id(KeelCtx *c, KeelStreamId id) {
    char text[KEEL_STREAM_ID_ROOM];
    keel_reply_bulk(c, (KeelStr){text, ops->format_id(text, id)});
}

static bool parse_id(KeelCtx *c, KeelStr text, uint64_t seq, KeelStreamId *id) {
    if (ops->parse_id(text, seq, id)) return true;
    keel_reply_error(c, "ERR that is no id");
    return false;
}

static void log_add(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    KeelStreamId id = {0, 0};
    bool generate = keel_is(argv[2], "*");
    if (!open_stream(c, argv[1], &key)) return;
    if (!generate && !parse_id(c, argv[2], 0, &id)) return;
    int rc = ops->add(&key, &id, generate, argv + 3, (size_t)(argc - 3) / 2);
    if (rc != KEEL_STREAM_OK) {
        keel_reply_error(c, rc == KEEL_STREAM_NOT_GREATER ? "ERR not greater" : "ERR too large");
        return;
    }
    keel_key_changed(&key, KEEL_NOTIFY_STREAM, "log.add");
    keel_key_ready(c, keel_db(c), argv[1]);
    reply_id(c, id);
}

static void log_drop(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    KeelStreamId id;
    (void)argc;
    if (!open_stream(c, argv[1], &key) || !parse_id(c, argv[2], 0, &id)) return;
    keel_reply_bool(c, ops->remove(&key, id));
    keel_key_changed(&key, KEEL_NOTIFY_STREAM, "log.drop");
}

static void log_trim(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    KeelStreamId id;
    uint64_t n;
    (void)argc;
    bool nodes = keel_is(argv[4], "nodes");
    if (!open_stream(c, argv[1], &key)) return;
    if (keel_is(argv[2], "length") && keel_parse_uint(argv[3], &n)) {
        n = ops->trim_length(&key, n, nodes);
    } else if (parse_id(c, argv[3], 0, &id)) {
        n = ops->trim_id(&key, id, nodes);
    } else {
        return;
    }
    keel_key_changed(&key, KEEL_NOTIFY_STREAM, "log.trim");
    keel_reply_int(c, (int64_t)n);
}

static void log_walk(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    KeelStreamId from, to, id;
    KeelStr field, value;
    size_t pairs, n = 0;
    bool drop = argc > 5 && keel_is(argv[5], "drop");
    if (!open_stream(c, argv[1], &key) || !parse_id(c, argv[2], 0, &from) ||
        !parse_id(c, argv[3], UINT64_MAX, &to)) {
        return;
    }
    KeelDeferred entries = keel_reply_defer_array(c);
    KeelStreamWalk *walk = ops->walk(&key, from, to, keel_is(argv[4], "back"));
    while (ops->walk_next(walk, &id, &pairs)) {
        keel_reply_array(c, 2 + pairs * 2);
        reply_id(c, id);
        keel_reply_int(c, (int64_t)pairs);
        while (ops->walk_field(walk, &field, &value)) {
            keel_reply_bulk(c, field);
            keel_reply_bulk(c, value);
        }
        if (drop && n % 2) ops->walk_remove(walk);
        n++;
    }
    ops->walk_end(walk);
    keel_reply_end(c, entries, n);
    if (drop) keel_key_changed(&key, KEEL_NOTIFY_STREAM, "log.walk");
}

static void log_facts(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    (void)argc;
    if (!open_stream(c, argv[1], &key)) return;
    keel_reply_array(c, 2);
    keel_reply_int(c, (int64_t)ops->length(&key));
    reply_id(c, ops->last(&key));
}

#define ROW(about) .since = "1.0.0", .complexity = "O(N)", .keys = "RW UPDATE", .summary = about

static const KeelCommand commands[] = {
    {.name = "log.add", .args = "key id (field value){data} [(field value) ...]",
     .flags = KEEL_WRITE, .call = log_add, ROW("Adds an entry.")},
    {.name = "log.drop", .args = "key id", .flags = KEEL_WRITE, .call = log_drop,
     ROW("Removes an entry.")},
    {.name = "log.trim", .args = "key (LENGTH|ID){by} threshold how", .flags = KEEL_WRITE,
     .call = log_trim, ROW("Evicts entries.")},
    {.name = "log.walk", .args = "key from to direction [how]", .flags = KEEL_WRITE,
     .call = log_walk, ROW("Walks over entries.")},
    {.name = "log.facts", .args = "key", .flags = KEEL_WRITE, .call = log_facts,
     ROW("Tells how long it is.")},
    {0},
};

KEEL_MODULE(.name = "api_stream", .version = "1.0.0", .summary = "Streams by their interface.",
            .needs = "streams", .commands = commands);
