/* set_user.c - uses the interface "set" as a foreign module would.
 *
 *     SETUSER.ADD key member [member ...]     makes the key; how many were new
 *     SETUSER.REMOVE key member [member ...]  deletes the key with the last; how many were there
 *     SETUSER.HAS key member                  1 or 0
 *     SETUSER.WALK key                        the length, then all members
 *     SETUSER.RANDOM key                      a member, or null
 *     SETUSER.STORE key count                 stores m0, m1 ...; how many
 */
#include <keel.h>
#include <stdio.h>

static const KeelSetOps *ops;

/* The key's set, NULL when it is missing. False: WRONGTYPE was replied. */
static bool open_set(KeelCtx *c, KeelStr name, unsigned mode, KeelKey *key, void **set) {
    *set = NULL;
    if (keel_key_open(c, name, mode, key)) {
        if (!keel_key_is(key, ops->type)) {
            keel_reply_wrongtype(c);
            return false;
        }
        *set = keel_key_value(key);
    }
    return true;
}

static void setuser_add(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    void *set;
    int64_t added = 0;
    if (!open_set(c, argv[1], KEEL_KEY_WRITE, &key, &set)) return;
    bool fresh = !set;
    if (fresh) set = ops->create((size_t)argc - 2);
    for (int i = 2; i < argc; i++) added += ops->add(set, argv[i]);
    if (fresh) keel_key_set_value(&key, ops->type, set, KEEL_NO_EXPIRY);
    if (added) keel_key_changed(&key, KEEL_NOTIFY_SET, "sadd");
    keel_reply_int(c, added);
}

static void setuser_remove(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    void *set;
    int64_t removed = 0;
    if (!open_set(c, argv[1], KEEL_KEY_WRITE, &key, &set)) return;
    for (int i = 2; set && i < argc; i++) removed += ops->remove(set, argv[i]);
    if (removed && ops->length(set) == 0) keel_key_delete(&key, false);
    if (removed) keel_key_changed(&key, KEEL_NOTIFY_SET, "srem");
    keel_reply_int(c, removed);
}

static void setuser_has(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    void *set;
    if (!open_set(c, argv[1], KEEL_KEY_READ, &key, &set)) return;
    keel_reply_int(c, set && ops->has(set, argv[2]));
}

static void setuser_walk(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    void *set;
    KeelSetWalk walk;
    KeelSetItem item;
    if (!open_set(c, argv[1], KEEL_KEY_READ, &key, &set)) return;
    keel_reply_array(c, set ? ops->length(set) + 1 : 1);
    keel_reply_int(c, set ? (int64_t)ops->length(set) : 0);
    if (!set) return;
    ops->walk(set, &walk);
    while (ops->next(&walk, &item)) keel_reply_bulk(c, item.member);
}

static void setuser_random(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    void *set;
    KeelSetItem item;
    if (!open_set(c, argv[1], KEEL_KEY_READ, &key, &set)) return;
    if (set && ops->random(set, &item)) {
        keel_reply_bulk(c, item.member);
    } else {
        keel_reply_null(c);
    }
}

static void setuser_store(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    int64_t count;
    if (!keel_arg_int(c, argv[2], &count)) return;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    void *set = ops->create(0), *spare = ops->create(1000000);
    for (int64_t i = 0; i < count; i++) {
        char name[32];
        KeelStr member = {name, (size_t)snprintf(name, sizeof(name), "m%lld", (long long)i)};
        ops->add(set, member);
        ops->add(spare, member);
    }
    ops->free(spare);
    keel_reply_int(c, (int64_t)ops->store(c, &key, set, "setuser.store"));
}

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    ops = keel_interface("set", KEEL_SET_VERSION);
    return ops ? 0 : keel_load_error(c, "there is no interface 'set'");
}

static const KeelCommand commands[] = {
    {.name = "setuser.add", .args = "key member [member ...]", .flags = KEEL_WRITE,
     .call = setuser_add, .keys = "RW INSERT", .summary = "Adds members.", .since = "1.0.0",
     .complexity = "O(N)"},
    {.name = "setuser.remove", .args = "key member [member ...]", .flags = KEEL_WRITE,
     .call = setuser_remove, .keys = "RW DELETE", .summary = "Removes members.", .since = "1.0.0",
     .complexity = "O(N)"},
    {.name = "setuser.has", .args = "key member", .flags = KEEL_READONLY, .call = setuser_has,
     .keys = "RO", .summary = "Looks a member up.", .since = "1.0.0", .complexity = "O(1)"},
    {.name = "setuser.walk", .args = "key", .flags = KEEL_READONLY, .call = setuser_walk,
     .keys = "RO ACCESS", .summary = "Shows all members.", .since = "1.0.0", .complexity = "O(N)"},
    {.name = "setuser.random", .args = "key", .flags = KEEL_READONLY, .call = setuser_random,
     .keys = "RO ACCESS", .summary = "Shows any member.", .since = "1.0.0", .complexity = "O(1)"},
    {.name = "setuser.store", .args = "key count", .flags = KEEL_WRITE, .call = setuser_store,
     .keys = "OW UPDATE", .summary = "Stores a new set.", .since = "1.0.0", .complexity = "O(N)"},
    {0},
};

KEEL_MODULE(.name = "set_user", .version = "1.0.0", .summary = "The interface of sets, for tests.",
            .needs = "sets", .commands = commands, .load = load);
