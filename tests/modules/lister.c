/* lister.c - the interface "list" as commands, for its tests.
 *
 *     LISTER.LENGTH key                   LISTER.AT key index
 *     LISTER.PUSH key side element ...    LISTER.POP key side
 *     LISTER.SET key index element        LISTER.INSERT key index element side
 *     LISTER.REMOVE key index             LISTER.WALK key index side [stop-after]
 *     LISTER.STORE key element ...        a new list, in place of what the key holds
 *
 * Sides are front and back; integers that a walk knows to be some are replied as such. */
#include <keel.h>
#include <keel/list.h>

static const KeelListOps *ops;

static bool open_list(KeelCtx *c, KeelStr name, unsigned mode, KeelKey *key) {
    keel_key_open(c, name, mode, key);
    return ops->check(c, key);
}

static void changed(KeelCtx *c, KeelKey *key) {
    keel_key_changed(key, KEEL_NOTIFY_LIST, "lister");
    keel_key_ready(c, keel_db(c), key->name);
}

static void lister_length(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    (void)argc;
    if (open_list(c, argv[1], KEEL_KEY_READ, &key)) keel_reply_int(c, (int64_t)ops->length(&key));
}

static void lister_at(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t index;
    char scratch[KEEL_INT_ROOM];
    KeelStr s;
    (void)argc;
    if (!keel_arg_int(c, argv[2], &index) || !open_list(c, argv[1], KEEL_KEY_READ, &key)) return;
    if (ops->at(&key, index, &s, scratch)) keel_reply_bulk(c, s);
    else keel_reply_null(c);
}

static void lister_push(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    if (!open_list(c, argv[1], KEEL_KEY_WRITE, &key)) return;
    ops->push(&key, argv + 3, (size_t)argc - 3, keel_is(argv[2], "front"));
    changed(c, &key);
    keel_reply_int(c, (int64_t)ops->length(&key));
}

static void take(KeelStr element, void *data) {
    keel_reply_bulk(data, element);
}

static void lister_pop(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    (void)argc;
    if (!open_list(c, argv[1], KEEL_KEY_WRITE, &key)) return;
    if (ops->pop(&key, keel_is(argv[2], "front"), take, c)) changed(c, &key);
    else keel_reply_null(c);
}

static void lister_set(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t index;
    (void)argc;
    if (!keel_arg_int(c, argv[2], &index) || !open_list(c, argv[1], KEEL_KEY_WRITE, &key)) return;
    bool done = ops->set(&key, index, argv[3]);
    if (done) changed(c, &key);
    keel_reply_bool(c, done);
}

static void lister_insert(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t index;
    (void)argc;
    if (!keel_arg_int(c, argv[2], &index) || !open_list(c, argv[1], KEEL_KEY_WRITE, &key)) return;
    bool done = ops->insert(&key, index, argv[3], keel_is(argv[4], "back"));
    if (done) changed(c, &key);
    keel_reply_bool(c, done);
}

static void lister_remove(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t index;
    (void)argc;
    if (!keel_arg_int(c, argv[2], &index) || !open_list(c, argv[1], KEEL_KEY_WRITE, &key)) return;
    bool done = ops->remove(&key, index);
    if (done) changed(c, &key);
    keel_reply_bool(c, done);
}

static void lister_walk(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    KeelListWalk w;
    int64_t index, left = INT64_MAX;
    size_t n = 0;
    if (!keel_arg_int(c, argv[2], &index) || !open_list(c, argv[1], KEEL_KEY_READ, &key)) return;
    if (argc == 5 && !keel_arg_int(c, argv[4], &left)) return;
    KeelDeferred d = keel_reply_defer_array(c);
    ops->walk(&w, &key, index, keel_is(argv[3], "back"));
    for (; left && ops->next(&w); left--, n++) {
        if (w.is_int) keel_reply_int(c, w.number);
        else keel_reply_bulk(c, w.element);
    }
    ops->end(&w);
    keel_reply_end(c, d, n);
}

static void lister_store(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    void *list = ops->create();
    for (int i = 2; i < argc; i++) ops->append(list, argv[i]);
    keel_key_set_value(&key, ops->type, list, KEEL_NO_EXPIRY);
    changed(c, &key);
    keel_reply_int(c, argc - 2);
}

#define ROW(NAME, ARGS, FLAGS, KEYS)                                                               \
    { .name = "lister." #NAME, .args = "key" ARGS, .flags = FLAGS, .call = lister_##NAME,          \
      .keys = KEYS, .summary = "Calls the function of the interface.", .since = "1.0.0",           \
      .complexity = "O(N)" }

static const KeelCommand commands[] = {
    ROW(length, "", KEEL_READONLY, "RO ACCESS"),
    ROW(at, " index", KEEL_READONLY, "RO ACCESS"),
    ROW(walk, " index side [stop:integer]", KEEL_READONLY, "RO ACCESS"),
    ROW(push, " side [element [element ...]]", KEEL_WRITE, "RW INSERT"),
    ROW(pop, " side", KEEL_WRITE, "RW ACCESS DELETE"),
    ROW(set, " index element", KEEL_WRITE, "RW UPDATE"),
    ROW(insert, " index element side", KEEL_WRITE, "RW INSERT"),
    ROW(remove, " index", KEEL_WRITE, "RW DELETE"),
    ROW(store, " element [element ...]", KEEL_WRITE, "OW UPDATE"),
    {0},
};

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    ops = keel_interface("list", KEEL_LIST_VERSION);
    return ops ? 0 : keel_load_error(c, "there are no lists");
}

KEEL_MODULE(.name = "lister", .version = "1.0.0", .summary = "The interface of lists, for tests.",
            .needs = "lists", .commands = commands, .load = load);
