/* change.c - LSET, LINSERT, LREM, LTRIM: changing lists inside. */
#include "lists.h"

/* After elements were removed for another reason than popping. */
static void removed(KeelKey *key, List *l) {
    if (list_count(l)) {
        list_shrink(l, true);
        return;
    }
    keel_key_delete(key, false);
    keel_key_notify(key, KEEL_NOTIFY_GENERIC, "del");
}

void lists_lset(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t index;
    (void)argc;
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key)) {
        keel_reply_error(c, "ERR no such key");
        return;
    }
    if (!lists_check(c, &key) || !keel_arg_int(c, argv[2], &index)) return;
    List *l = keel_key_value(&key);
    int64_t count = (int64_t)list_count(l);
    list_expect(l, argv[3].len, 1);
    if (index < 0) index += count;
    if (index < 0 || index >= count) {
        keel_reply_error(c, "ERR index out of range");
        return;
    }
    list_replace(l, (size_t)index, argv[3]);
    list_shrink(l, true);
    keel_reply_ok(c);
    keel_key_changed(&key, KEEL_NOTIFY_LIST, "lset");
}

/* The index of the first element that is `pivot`; the length when there is none. */
static size_t index_of(const List *l, KeelStr pivot) {
    Wanted wanted = wanted_of(pivot);
    Walk w;
    LpValue v;
    size_t i = 0;
    walk_start(&w, l, 0, false);
    while (walk_next(&w, &v) && !wanted_is(&wanted, v)) i++;
    walk_end(&w);
    return i;
}

void lists_linsert(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    bool after = keel_is(argv[2], "after");
    (void)argc;
    if (!after && !keel_is(argv[2], "before")) {
        keel_reply_syntax(c);
        return;
    }
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key)) {
        keel_reply_int(c, 0);
        return;
    }
    if (!lists_check(c, &key)) return;
    List *l = keel_key_value(&key);
    list_expect(l, argv[4].len, 1);
    size_t index = index_of(l, argv[3]);
    if (index == list_count(l)) {
        keel_reply_int(c, -1);
        return;
    }
    list_insert(l, index, argv[4], after);
    keel_reply_int(c, (int64_t)list_count(l));
    keel_key_changed(&key, KEEL_NOTIFY_LIST, "linsert");
}

void lists_lrem(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t n;
    (void)argc;
    if (!keel_arg_int(c, argv[2], &n)) return;
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key)) {
        keel_reply_int(c, 0);
        return;
    }
    if (!lists_check(c, &key)) return;
    List *l = keel_key_value(&key);
    Wanted wanted = wanted_of(argv[3]);
    uint64_t limit = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    size_t gone = list_delete_equal(l, &wanted, limit, n < 0);
    keel_reply_int(c, (int64_t)gone);
    if (!gone) return;
    if (gone > 1) keel_dirty_add(c, gone - 1);
    keel_key_changed(&key, KEEL_NOTIFY_LIST, "lrem");
    removed(&key, l);
}

void lists_ltrim(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t start, stop;
    (void)argc;
    if (!keel_arg_int(c, argv[2], &start) || !keel_arg_int(c, argv[3], &stop)) return;
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key)) {
        keel_reply_ok(c);
        return;
    }
    if (!lists_check(c, &key)) return;
    List *l = keel_key_value(&key);
    int64_t count = (int64_t)list_count(l);
    if (start < 0) start += count;
    if (stop < 0) stop += count;
    if (start < 0) start = 0;
    if (stop >= count) stop = count - 1;
    int64_t from_head = start > stop ? count : start;
    int64_t from_tail = start > stop ? 0 : count - stop - 1, gone = from_head + from_tail;
    if (gone < count) {
        list_delete(l, (size_t)(count - from_tail), (size_t)from_tail);
        list_delete(l, 0, (size_t)from_head);
    }
    keel_reply_ok(c);
    /* It counts as a use of the key even when all stays, but there is nothing to tell replicas. */
    if (gone == 0) keel_journal_nothing(c);
    if (gone > 1) keel_dirty_add(c, (uint64_t)gone - 1);
    keel_key_changed(&key, KEEL_NOTIFY_LIST, "ltrim");
    if (gone < count) {
        list_shrink(l, true);
        return;
    }
    keel_key_delete(&key, true);
    keel_key_notify(&key, KEEL_NOTIFY_GENERIC, "del");
}
