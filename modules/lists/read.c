/* read.c - LLEN, LINDEX, LRANGE, LPOS. Replies are written straight from the packs. */
#include "lists.h"

void lists_llen(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    (void)argc;
    bool there = keel_key_open(c, argv[1], KEEL_KEY_READ, &key);
    if (!lists_check(c, &key)) return;
    keel_reply_int(c, there ? (int64_t)list_count(keel_key_value(&key)) : 0);
}

void lists_lindex(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t index;
    Walk w;
    LpValue v = {0};
    (void)argc;
    if (!keel_key_open(c, argv[1], KEEL_KEY_READ, &key)) {
        keel_reply_null(c);
        return;
    }
    if (!lists_check(c, &key) || !keel_arg_int(c, argv[2], &index)) return;
    const List *l = keel_key_value(&key);
    int64_t count = (int64_t)list_count(l);
    if (index < 0) index += count;
    if (index < 0 || index >= count) {
        keel_reply_null(c);
        return;
    }
    walk_start(&w, l, (size_t)index, false);
    walk_next(&w, &v);
    reply_value(c, v);
    walk_end(&w);
}

void lists_lrange(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t start, stop;
    Walk w;
    LpValue v = {0};
    (void)argc;
    if (!keel_arg_int(c, argv[2], &start) || !keel_arg_int(c, argv[3], &stop)) return;
    if (!keel_key_open(c, argv[1], KEEL_KEY_READ, &key)) {
        keel_reply_array(c, 0);
        return;
    }
    if (!lists_check(c, &key)) return;
    const List *l = keel_key_value(&key);
    int64_t count = (int64_t)list_count(l);
    if (start < 0) start += count;
    if (stop < 0) stop += count;
    if (start < 0) start = 0;
    if (stop >= count) stop = count - 1;
    if (start > stop) {
        keel_reply_array(c, 0);
        return;
    }
    size_t n = (size_t)(stop - start + 1);
    keel_reply_array(c, n);
    walk_start(&w, l, (size_t)start, false);
    for (; n && walk_next(&w, &v); n--) reply_value(c, v);
    walk_end(&w);
}

typedef struct Search {
    int64_t rank;      /* matches to wait for: 1, the first */
    int64_t count;     /* -1: one, replied by itself; 0: all */
    int64_t max;       /* elements to compare; 0: all */
    bool backwards;
} Search;

static bool parse_search(KeelCtx *c, const KeelStr *argv, int argc, Search *s) {
    for (int i = 3; i < argc; i++) {
        bool more = i + 1 < argc;
        if (more && keel_is(argv[i], "rank")) {
            if (!keel_arg_int(c, argv[++i], &s->rank)) return false;
            if (s->rank == INT64_MIN) {
                keel_reply_error(c, "ERR value is out of range, value must between "
                                    "-9223372036854775807 and 9223372036854775807");
                return false;
            }
            if (s->rank == 0) {
                keel_reply_error(c, "ERR RANK can't be zero: use 1 to start from the first match, "
                                    "2 from the second ... or use negative to start from the end "
                                    "of the list");
                return false;
            }
        } else if (more && keel_is(argv[i], "count")) {
            if (!lists_count(c, argv[++i], 0, "ERR COUNT can't be negative", &s->count)) {
                return false;
            }
        } else if (more && keel_is(argv[i], "maxlen")) {
            if (!lists_count(c, argv[++i], 0, "ERR MAXLEN can't be negative", &s->max)) {
                return false;
            }
        } else {
            keel_reply_syntax(c);
            return false;
        }
    }
    s->backwards = s->rank < 0;
    if (s->backwards) s->rank = -s->rank;
    return true;
}

/* Replies with the matches' indexes, or with the first one's. Returns how many. */
static size_t search(KeelCtx *c, const List *l, const Search *s, KeelStr element) {
    Wanted wanted = wanted_of(element);
    Walk w;
    LpValue v = {0};
    size_t length = list_count(l), replied = 0;
    int64_t matches = 0;
    walk_start(&w, l, s->backwards ? length - 1 : 0, s->backwards);
    for (size_t i = 0; (!s->max || i < (uint64_t)s->max) && walk_next(&w, &v); i++) {
        if (!wanted_is(&wanted, v) || ++matches < s->rank) continue;
        keel_reply_int(c, (int64_t)(s->backwards ? length - 1 - i : i));
        replied++;
        if (s->count && (s->count == -1 || replied == (uint64_t)s->count)) break;
    }
    walk_end(&w);
    return replied;
}

void lists_lpos(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    Search s = {.rank = 1, .count = -1};
    if (!parse_search(c, argv, argc, &s)) return;
    bool there = keel_key_open(c, argv[1], KEEL_KEY_READ, &key);
    if (!there && s.count != -1) {
        keel_reply_array(c, 0);
    } else if (!there) {
        keel_reply_null(c);
    } else if (!lists_check(c, &key)) {
        return;
    } else if (s.count == -1) {
        if (!search(c, keel_key_value(&key), &s, argv[2])) keel_reply_null(c);
    } else {
        KeelDeferred d = keel_reply_defer_array(c);
        keel_reply_end(c, d, search(c, keel_key_value(&key), &s, argv[2]));
    }
}
