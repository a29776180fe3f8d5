/* add.c - ZADD, ZINCRBY and ZREM.
 *
 * All scores are read before anything is changed, so a call with a bad one changes nothing. */
#include <math.h>

#include "zsets.h"

enum { SCORES_ON_STACK = 32 };

typedef struct Adding {
    unsigned flags;
    bool changed; /* CH: reply with what changed, not only with what is new */
    int first;    /* index of the first score */
    int pairs;
} Adding;

static bool parse_options(KeelCtx *c, const KeelStr *argv, int argc, Adding *a) {
    int i = 2;
    for (; i < argc; i++) {
        KeelStr s = argv[i];
        if (s.len != 2 && s.len != 4) break;
        if (keel_is(s, "nx")) a->flags |= KEEL_ZADD_NX;
        else if (keel_is(s, "xx")) a->flags |= KEEL_ZADD_XX;
        else if (keel_is(s, "ch")) a->changed = true;
        else if (keel_is(s, "incr")) a->flags |= KEEL_ZADD_INCR;
        else if (keel_is(s, "gt")) a->flags |= KEEL_ZADD_GT;
        else if (keel_is(s, "lt")) a->flags |= KEEL_ZADD_LT;
        else break;
    }
    a->first = i;
    a->pairs = (argc - i) / 2;
    if (a->pairs == 0 || (argc - i) % 2) {
        keel_reply_syntax(c);
        return false;
    }
    if (!a->flags) return true;
    bool nx = a->flags & KEEL_ZADD_NX, gt = a->flags & KEEL_ZADD_GT, lt = a->flags & KEEL_ZADD_LT;
    if (nx && a->flags & KEEL_ZADD_XX) {
        keel_reply_error(c, "ERR XX and NX options at the same time are not compatible");
    } else if (nx + gt + lt > 1) {
        keel_reply_error(c, "ERR GT, LT, and/or NX options at the same time are not compatible");
    } else if (a->flags & KEEL_ZADD_INCR && a->pairs > 1) {
        keel_reply_error(c, "ERR INCR option supports a single increment-element pair");
    } else {
        return true;
    }
    return false;
}

static bool parse_scores(KeelCtx *c, const KeelStr *argv, const Adding *a, double *scores) {
    for (int i = 0; i < a->pairs; i++) {
        if (keel_parse_double(argv[a->first + 2 * i], &scores[i])) continue;
        keel_reply_error(c, "ERR value is not a valid float");
        return false;
    }
    return true;
}

/* What ZADD replies where there is nothing to add to. */
static void reply_nothing(KeelCtx *c, const Adding *a) {
    if (a->flags & KEEL_ZADD_INCR) {
        keel_reply_null(c);
    } else {
        keel_reply_int(c, 0);
    }
}

static void add_all(KeelCtx *c, const KeelStr *argv, const Adding *a, const double *scores) {
    KeelKey key;
    Zset *z;
    int64_t added = 0, updated = 0;
    double result = 0;
    KeelZadd done = KEEL_ZADD_SKIPPED;
    if (!zsets_open(c, argv[1], KEEL_KEY_WRITE, &key, &z)) return;
    if (!z) {
        if (a->flags & KEEL_ZADD_XX) {
            reply_nothing(c, a);
            return;
        }
        z = zset_new((size_t)a->pairs, argv[a->first + 1].len);
        keel_key_set_value(&key, &zsets_type, z, KEEL_NO_EXPIRY);
        keel_key_ready(c, keel_db(c), argv[1]);
    } else if (z->pack && a->pairs > zset_pack_members) {
        zset_to_tree(z, (size_t)a->pairs);
    }
    for (int i = 0; i < a->pairs; i++) {
        done = zset_add(z, scores[i], argv[a->first + 2 * i + 1], a->flags, &result);
        added += done == KEEL_ZADD_ADDED;
        updated += done == KEEL_ZADD_UPDATED;
    }
    if (added || updated) {
        bool incr = a->flags & KEEL_ZADD_INCR;
        keel_key_changed(&key, KEEL_NOTIFY_ZSET, incr ? "zincr" : "zadd");
        if (added + updated > 1) keel_dirty_add(c, (uint64_t)(added + updated) - 1);
    }
    if (!(a->flags & KEEL_ZADD_INCR)) {
        keel_reply_int(c, a->changed ? added + updated : added);
    } else if (done == KEEL_ZADD_NAN) {
        keel_reply_error(c, "ERR resulting score is not a number (NaN)");
    } else if (done == KEEL_ZADD_SKIPPED) {
        keel_reply_null(c);
    } else {
        keel_reply_double(c, result);
    }
}

static void add(KeelCtx *c, const KeelStr *argv, Adding *a) {
    double some[SCORES_ON_STACK], *scores = some;
    if (a->pairs > SCORES_ON_STACK) scores = keel_alloc((size_t)a->pairs * sizeof(*scores));
    if (parse_scores(c, argv, a, scores)) add_all(c, argv, a, scores);
    if (scores != some) keel_free(scores);
}

void zsets_zadd(KeelCtx *c, const KeelStr *argv, int argc) {
    Adding a = {0};
    if (parse_options(c, argv, argc, &a)) add(c, argv, &a);
}

void zsets_zincrby(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    Adding a = {.flags = KEEL_ZADD_INCR, .first = 2, .pairs = 1};
    add(c, argv, &a);
}

void zsets_zrem(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    Zset *z;
    int64_t removed = 0;
    if (!zsets_open(c, argv[1], KEEL_KEY_WRITE, &key, &z)) return;
    for (int i = 2; z && i < argc && zset_length(z); i++) removed += zset_remove(z, argv[i]);
    if (removed) zsets_removed(c, &key, z, "zrem", (size_t)removed);
    keel_reply_int(c, removed);
}
