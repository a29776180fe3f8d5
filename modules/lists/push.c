/* push.c - LPUSH, RPUSH, LPUSHX, RPUSHX: adding at the ends. */
#include "lists.h"

/* What decides on the form of a list that grows is the arguments' length, not what it packs to. */
static __attribute__((noinline)) void expect_all(List *l, const KeelStr *argv, int argc) {
    size_t bytes = 0;
    for (int i = 2; i < argc; i++) bytes += argv[i].len;
    pack_expect(l, bytes, (size_t)argc - 2);
}

static void push(KeelCtx *c, const KeelStr *argv, int argc, bool front, bool only_if_there) {
    KeelKey key;
    bool there = keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (!lists_check(c, &key)) return;
    if (!there && only_if_there) {
        keel_reply_int(c, 0);
        return;
    }
    List *l = there ? keel_key_value(&key) : list_new();
    if (!l->quick) expect_all(l, argv, argc);
    for (int i = 2; i < argc; i++) list_push(l, argv[i], front);
    if (!there) {
        keel_key_set_value(&key, &lists_type, l, KEEL_NO_EXPIRY);
        keel_key_ready(c, keel_db(c), argv[1]);
    }
    keel_reply_int(c, (int64_t)list_count(l));
    if (argc > 3) keel_dirty_add(c, (uint64_t)argc - 3);
    keel_key_changed(&key, KEEL_NOTIFY_LIST, front ? "lpush" : "rpush");
}

void lists_lpush(KeelCtx *c, const KeelStr *argv, int argc) {
    push(c, argv, argc, true, false);
}

void lists_rpush(KeelCtx *c, const KeelStr *argv, int argc) {
    push(c, argv, argc, false, false);
}

void lists_lpushx(KeelCtx *c, const KeelStr *argv, int argc) {
    push(c, argv, argc, true, true);
}

void lists_rpushx(KeelCtx *c, const KeelStr *argv, int argc) {
    push(c, argv, argc, false, true);
}
