/* pop.c - LPOP, RPOP, LMPOP: taking from the ends. */
#include "lists.h"

bool lists_side(KeelCtx *c, KeelStr s, bool *front) {
    if (keel_is(s, "left")) {
        *front = true;
    } else if (keel_is(s, "right")) {
        *front = false;
    } else {
        keel_reply_syntax(c);
        return false;
    }
    return true;
}

bool lists_count(KeelCtx *c, KeelStr s, int64_t min, const char *error, int64_t *out) {
    if (keel_parse_int(s, out) && *out >= min) return true;
    keel_reply_error(c, error);
    return false;
}

void lists_popped(KeelCtx *c, KeelKey *key, List *l, bool front, size_t n) {
    if (n > 1) keel_dirty_add(c, n - 1);
    bool empty = list_count(l) == 0;
    if (!empty) list_shrink(l, true);
    keel_key_changed(key, KEEL_NOTIFY_LIST, front ? "lpop" : "rpop");
    if (!empty) return;
    keel_key_delete(key, false);
    keel_key_notify(key, KEEL_NOTIFY_GENERIC, "del");
}

void lists_pop_many(KeelCtx *c, KeelKey *key, bool front, size_t n) {
    List *l = keel_key_value(key);
    size_t count = list_count(l);
    Walk w;
    LpValue v;
    if (n > count) n = count;
    keel_reply_array(c, n);
    walk_start(&w, l, front ? 0 : count - 1, !front);
    for (size_t i = 0; i < n && walk_next(&w, &v); i++) reply_value(c, v);
    walk_end(&w);
    /* A list that ends here is freed with its key. */
    if (n < count) {
        list_delete(l, front ? 0 : count - n, n);
        lists_popped(c, key, l, front, n);
    } else {
        if (n > 1) keel_dirty_add(c, n - 1);
        keel_key_changed(key, KEEL_NOTIFY_LIST, front ? "lpop" : "rpop");
        keel_key_delete(key, true);
        keel_key_notify(key, KEEL_NOTIFY_GENERIC, "del");
    }
}

static void pop(KeelCtx *c, const KeelStr *argv, int argc, bool front) {
    KeelKey key;
    int64_t n = -1;
    if (argc > 3) {
        keel_reply_arity(c);
        return;
    }
    if (argc == 3 &&
        !lists_count(c, argv[2], 0, "ERR value is out of range, must be positive", &n)) {
        return;
    }
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key)) {
        if (argc == 3) {
            keel_reply_null_array(c);
        } else {
            keel_reply_null(c);
        }
        return;
    }
    if (!lists_check(c, &key)) return;
    if (argc == 2) {
        List *l = keel_key_value(&key);
        reply_value(c, list_end(l, front));
        list_drop(l, front);
        lists_popped(c, &key, l, front, 1);
    } else if (n == 0) {
        keel_reply_array(c, 0);
    } else {
        lists_pop_many(c, &key, front, (size_t)n);
    }
}

void lists_lpop(KeelCtx *c, const KeelStr *argv, int argc) {
    pop(c, argv, argc, true);
}

void lists_rpop(KeelCtx *c, const KeelStr *argv, int argc) {
    pop(c, argv, argc, false);
}

bool lists_parse_mpop(KeelCtx *c, const KeelStr *argv, int argc, int first, PopMany *out) {
    int64_t keys;
    const char *error = "ERR numkeys should be greater than 0";
    if (!lists_count(c, argv[first], 1, error, &keys)) return false;
    if (keys >= argc - first - 1) {
        keel_reply_syntax(c);
        return false;
    }
    int i = first + 1 + (int)keys;
    *out = (PopMany){.keys = argv + first + 1, .key_count = (int)keys, .count = -1};
    if (!lists_side(c, argv[i], &out->front)) return false;
    for (i++; i < argc; i++) {
        if (out->count != -1 || !keel_is(argv[i], "count") || i + 1 == argc) {
            keel_reply_syntax(c);
            return false;
        }
        if (!lists_count(c, argv[++i], 1, "ERR count should be greater than 0", &out->count)) {
            return false;
        }
    }
    if (out->count == -1) out->count = 1;
    return true;
}

bool lists_try_mpop(KeelCtx *c, const PopMany *m) {
    for (int i = 0; i < m->key_count; i++) {
        KeelKey key;
        char digits[KEEL_INT_ROOM];
        if (!keel_key_open(c, m->keys[i], KEEL_KEY_WRITE, &key)) continue;
        if (!lists_check(c, &key)) return true;
        size_t n = list_count(keel_key_value(&key));
        if ((uint64_t)m->count < n) n = (size_t)m->count;
        /* What was popped is known now: replicas and files need not look for the key again. */
        KeelStr words[] = {m->front ? KEEL_LIT("LPOP") : KEEL_LIT("RPOP"), m->keys[i],
                           {digits, keel_format_int(digits, (int64_t)n)}};
        keel_journal_instead(c, words, 3);
        keel_reply_array(c, 2);
        keel_reply_bulk(c, m->keys[i]);
        lists_pop_many(c, &key, m->front, n);
        return true;
    }
    return false;
}

void lists_lmpop(KeelCtx *c, const KeelStr *argv, int argc) {
    PopMany m;
    if (!lists_parse_mpop(c, argv, argc, 1, &m)) return;
    if (!lists_try_mpop(c, &m)) keel_reply_null_array(c);
}
