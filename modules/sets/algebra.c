/* algebra.c - SINTER, SINTERCARD, SUNION, SDIFF and their STORE forms.
 *
 * Intersections walk the smallest set and look its members up in the others, which come in order of
 * size. Differences do one of two things, whichever costs less: look the first set's members up in
 * the others, or take the others' members out of a copy of the first. What is not stored is
 * replied as it is found, where no member can come twice. */
#include "sets.h"

#include <limits.h>
#include <stdlib.h>

enum { ON_STACK = 32 };

/* The sets that the arguments name. Missing ones count as empty: NULL. */
typedef struct Operands {
    const Set **sets, *few[ON_STACK];
    size_t count, missing;
} Operands;

/* False: a key of another type, which has been replied. */
static bool operands_open(Operands *o, KeelCtx *c, const KeelStr *names, size_t count) {
    *o = (Operands){.sets = o->few, .count = count};
    if (count > ON_STACK) o->sets = keel_alloc(count * sizeof(*o->sets));
    for (size_t i = 0; i < count; i++) {
        KeelKey key;
        keel_key_open(c, names[i], KEEL_KEY_READ, &key);
        if (!sets_check(c, &key)) {
            if (o->sets != o->few) keel_free(o->sets);
            return false;
        }
        o->sets[i] = sets_of(&key);
        o->missing += !o->sets[i];
    }
    return true;
}

static void operands_close(Operands *o) {
    if (o->sets != o->few) keel_free(o->sets);
}

static size_t count_of(const Set *set) {
    return set ? set_count(set) : 0;
}

/* The same set given twice stands side by side. */
static int smaller_first(const void *a, const void *b) {
    const Set *s = *(const Set *const *)a, *t = *(const Set *const *)b;
    size_t x = count_of(s), y = count_of(t);
    if (x != y) return x < y ? -1 : 1;
    return (s > t) - (s < t);
}

static int larger_first(const void *a, const void *b) {
    return smaller_first(b, a);
}

/* Where members go: into a set, or (`into` NULL) to the client. */
typedef struct Result {
    KeelCtx *ctx;
    Set *into;
    KeelDeferred reply;
    size_t count;
} Result;

static void result_add(Result *r, Member *m) {
    if (r->into) set_add_member(r->into, m);
    else member_reply(r->ctx, m);
    r->count++;
}

/* ---- storing --------------------------------------------------------------------------------- */

/* Results start as intsets, so that they end as one whenever they can. */

size_t sets_store(KeelCtx *c, KeelKey *key, void *ptr, const char *event) {
    Set *set = ptr;
    size_t count = set_count(set);
    (void)c;
    if (count) {
        keel_key_set_value(key, &sets_type, set, KEEL_NO_EXPIRY);
        keel_key_changed(key, KEEL_NOTIFY_SET, event);
        return count;
    }
    set_free(set);
    if (keel_key_delete(key, sets_lazy())) keel_key_changed(key, KEEL_NOTIFY_GENERIC, "del");
    return 0;
}

static void store_and_reply(KeelCtx *c, KeelStr name, Set *set, const char *event) {
    KeelKey key;
    keel_key_open(c, name, KEEL_KEY_WRITE, &key);
    keel_reply_int(c, (int64_t)sets_store(c, &key, set, event));
}

/* ---- intersections --------------------------------------------------------------------------- */

static bool in_all_others(const Operands *o, Member *m) {
    for (size_t i = 1; i < o->count; i++) {
        if (o->sets[i] != o->sets[0] && !set_has_member(o->sets[i], m)) return false;
    }
    return true;
}

/* Members of all sets, at most `limit`; NULL result: they are only counted. */
static size_t intersect(Operands *o, Result *result, size_t limit) {
    SetWalk w;
    Member m;
    size_t found = 0;
    if (o->missing) return 0;
    qsort(o->sets, o->count, sizeof(*o->sets), smaller_first);
    set_walk(&w, o->sets[0]);
    while (found < limit && set_next(&w, &m)) {
        if (!in_all_others(o, &m)) continue;
        if (result) result_add(result, &m);
        found++;
    }
    return found;
}

void sets_sinter(KeelCtx *c, const KeelStr *argv, int argc) {
    Operands o;
    Result result = {.ctx = c};
    if (!operands_open(&o, c, argv + 1, (size_t)(argc - 1))) return;
    result.reply = keel_reply_defer_set(c);
    intersect(&o, &result, SIZE_MAX);
    keel_reply_end(c, result.reply, result.count);
    operands_close(&o);
}

/* SINTERCARD numkeys key [key ...] [LIMIT limit] */
void sets_sintercard(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t keys, limit = 0;
    if (!keel_parse_int(argv[1], &keys) || keys < 1) {
        keel_reply_error(c, "ERR numkeys should be greater than 0");
        return;
    }
    if (keys > argc - 2) {
        keel_reply_error(c, "ERR Number of keys can't be greater than number of args");
        return;
    }
    for (int i = 2 + (int)keys; i < argc; i += 2) {
        if (!keel_is(argv[i], "limit") || i + 1 == argc) {
            keel_reply_syntax(c);
            return;
        }
        if (!keel_parse_int(argv[i + 1], &limit) || limit < 0) {
            keel_reply_error(c, "ERR LIMIT can't be negative");
            return;
        }
    }
    Operands o;
    if (!operands_open(&o, c, argv + 2, (size_t)keys)) return;
    keel_reply_int(c, (int64_t)intersect(&o, NULL, limit ? (size_t)limit : SIZE_MAX));
    operands_close(&o);
}

void sets_sinterstore(KeelCtx *c, const KeelStr *argv, int argc) {
    Operands o;
    Result result = {.ctx = c};
    if (!operands_open(&o, c, argv + 2, (size_t)(argc - 2))) return;
    result.into = set_new(SET_INTS);
    intersect(&o, &result, SIZE_MAX);
    operands_close(&o);
    store_and_reply(c, argv[1], result.into, "sinterstore");
}

/* ---- unions ---------------------------------------------------------------------------------- */

static void unite(const Operands *o, Set *into) {
    SetWalk w;
    Member m;
    for (size_t i = 0; i < o->count; i++) {
        if (!o->sets[i]) continue;
        set_walk(&w, o->sets[i]);
        while (set_next(&w, &m)) set_add_member(into, &m);
    }
}

static void reply_all(KeelCtx *c, const Set *set) {
    SetWalk w;
    Member m;
    keel_reply_set(c, count_of(set));
    if (!set) return;
    set_walk(&w, set);
    while (set_next(&w, &m)) member_reply(c, &m);
}

static bool in_any(const Set *const *sets, size_t count, Member *m) {
    for (size_t i = 0; i < count; i++) {
        if (set_has_member(sets[i], m)) return true;
    }
    return false;
}

/* Whether to look members up in the sets before their own costs less than to gather all. A look is
 * a step, or several where the set is a pack; adding to a table counts as three. */
static bool union_is_looked_up(const Operands *o) {
    double members = 0, steps = 0, look = 0;
    for (size_t i = 0; i < o->count; i++) {
        double count = (double)set_count(o->sets[i]);
        members += count;
        steps += count * look;
        look += o->sets[i]->form == SET_PACK ? 1 + count / 8 : 1;
    }
    return steps <= 3 * members;
}

/* The largest set comes first, whose members need no look. */
static void union_by_looking_up(const Operands *o, Result *result) {
    SetWalk w;
    Member m;
    for (size_t i = 0; i < o->count; i++) {
        set_walk(&w, o->sets[i]);
        while (set_next(&w, &m)) {
            if (!in_any(o->sets, i, &m)) result_add(result, &m);
        }
    }
}

/* Leaves the sets that are there, largest first, each of them once. True: all are intsets. */
static bool operands_sort_and_unite(Operands *o) {
    size_t n = 0;
    bool ints = true;
    qsort(o->sets, o->count, sizeof(*o->sets), larger_first);
    for (size_t i = 0; i < o->count && o->sets[i]; i++) {
        if (n && o->sets[n - 1] == o->sets[i]) continue;
        ints &= o->sets[i]->form == SET_INTS;
        o->sets[n++] = o->sets[i];
    }
    o->count = n;
    return ints;
}

/* A union of one set is that set. Of several it is gathered first, in an intset where all of them
 * are, otherwise where looking up is cheap; unless it is cheaper not to gather it at all. */
void sets_sunion(KeelCtx *c, const KeelStr *argv, int argc) {
    Operands o;
    Result result = {.ctx = c};
    if (!operands_open(&o, c, argv + 1, (size_t)(argc - 1))) return;
    bool ints = operands_sort_and_unite(&o);
    if (o.count < 2) {
        reply_all(c, o.count ? o.sets[0] : NULL);
    } else if (!ints && union_is_looked_up(&o)) {
        result.reply = keel_reply_defer_set(c);
        union_by_looking_up(&o, &result);
        keel_reply_end(c, result.reply, result.count);
    } else {
        Set *all = set_new(ints ? SET_INTS : SET_TABLE);
        unite(&o, all);
        reply_all(c, all);
        set_free(all);
    }
    operands_close(&o);
}

void sets_sunionstore(KeelCtx *c, const KeelStr *argv, int argc) {
    Operands o;
    if (!operands_open(&o, c, argv + 2, (size_t)(argc - 2))) return;
    Set *all = set_new(SET_INTS);
    unite(&o, all);
    operands_close(&o);
    store_and_reply(c, argv[1], all, "sunionstore");
}

/* ---- differences ----------------------------------------------------------------------------- */

/* Whether to look the first set's members up in the others: that is a step for each of them in each
 * of the others, and counts half as it often ends early. The other way is a step for each member
 * of every set. */
static bool looking_up_is_cheaper(const Operands *o) {
    size_t look = 0, take_out = 0;
    for (size_t i = 0; i < o->count; i++) {
        if (!o->sets[i]) continue;
        look += count_of(o->sets[0]);
        take_out += count_of(o->sets[i]);
    }
    return look / 2 <= take_out;
}

static void difference_by_looking_up(Operands *o, Result *result) {
    SetWalk w;
    Member m;
    qsort(o->sets + 1, o->count - 1, sizeof(*o->sets), larger_first);
    set_walk(&w, o->sets[0]);
    while (set_next(&w, &m)) {
        bool there = false;
        for (size_t i = 1; i < o->count && o->sets[i] && !there; i++) {
            there = set_has_member(o->sets[i], &m);
        }
        if (!there) result_add(result, &m);
    }
}

static void difference_by_taking_out(const Operands *o, Set *from) {
    SetWalk w;
    Member m;
    unite(&(Operands){.sets = o->sets, .count = 1}, from);
    for (size_t i = 1; i < o->count && set_count(from); i++) {
        if (!o->sets[i]) continue;
        set_walk(&w, o->sets[i]);
        while (set_next(&w, &m)) set_remove_member(from, &m);
    }
}

/* Whether nothing can be left: no first set, or it is among the others. */
static bool difference_is_empty(const Operands *o) {
    for (size_t i = 1; i < o->count; i++) {
        if (o->sets[i] == o->sets[0]) return true;
    }
    return !o->sets[0];
}

void sets_sdiff(KeelCtx *c, const KeelStr *argv, int argc) {
    Operands o;
    Result result = {.ctx = c};
    if (!operands_open(&o, c, argv + 1, (size_t)(argc - 1))) return;
    if (difference_is_empty(&o)) {
        keel_reply_set(c, 0);
    } else if (looking_up_is_cheaper(&o)) {
        result.reply = keel_reply_defer_set(c);
        difference_by_looking_up(&o, &result);
        keel_reply_end(c, result.reply, result.count);
    } else {
        Set *left = set_new(o.sets[0]->form == SET_INTS ? SET_INTS : SET_TABLE);
        difference_by_taking_out(&o, left);
        reply_all(c, left);
        set_free(left);
    }
    operands_close(&o);
}

void sets_sdiffstore(KeelCtx *c, const KeelStr *argv, int argc) {
    Operands o;
    Result result = {.ctx = c};
    if (!operands_open(&o, c, argv + 2, (size_t)(argc - 2))) return;
    result.into = set_new(SET_INTS);
    if (!difference_is_empty(&o)) {
        if (looking_up_is_cheaper(&o)) difference_by_looking_up(&o, &result);
        else difference_by_taking_out(&o, result.into);
    }
    operands_close(&o);
    store_and_reply(c, argv[1], result.into, "sdiffstore");
}
