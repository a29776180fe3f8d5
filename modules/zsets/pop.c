/* pop.c - ZPOPMIN, ZPOPMAX, ZMPOP, and their forms that wait: BZPOPMIN, BZPOPMAX, BZMPOP.
 *
 * The first of the keys that holds a member is popped from; what waits is tried again whenever one
 * of its keys gets one. Followers are told of a plain ZPOPMIN or ZPOPMAX of the key that was
 * served, as a command with several keys, or one that waits, means something else there. */
#include "zsets.h"

typedef struct Pop {
    const KeelStr *keys;
    int key_count;
    bool max;
    bool emit_key;   /* the reply begins with the key */
    bool nested;     /* members and scores are pairs */
    int64_t count;   /* -1: one, and nobody said so */
} Pop;

/* ---- popping --------------------------------------------------------------------------------- */

static void reply_head(KeelCtx *c, const Pop *pop, KeelStr key, size_t n) {
    if (!pop->emit_key) {
        keel_reply_array(c, pop->nested ? n : n * 2);
    } else if (pop->nested) {
        keel_reply_array(c, 2);
        keel_reply_bulk(c, key);
        keel_reply_array(c, n);
    } else {
        keel_reply_array(c, n * 2 + 1);
        keel_reply_bulk(c, key);
    }
}

/* Pops from a key that has members, and replies. Returns how many. */
static size_t pop_from(KeelCtx *c, const Pop *pop, KeelKey *key, Zset *z) {
    size_t length = zset_length(z), n = pop->count < 0 ? 1 : (size_t)pop->count;
    if (n > length) n = length;
    Span span = pop->max ? (Span){length - n, length} : (Span){0, n};
    At at = zset_at(z, pop->max ? length - 1 : 0);
    reply_head(c, pop, key->name, n);
    for (size_t i = 0; i < n; i++) {
        Item item;
        zset_item(&at, &item);
        reply_member(c, item.member, item.score, true, pop->nested);
        if (i + 1 < n) pop->max ? zset_previous(&at) : zset_next(&at);
    }
    zset_remove_span(z, span);
    zsets_removed(c, key, z, pop->max ? "zpopmax" : "zpopmin", n);
    return n;
}

/* With the number that was popped, where the command has a COUNT. */
static void propagate(KeelCtx *c, const Pop *pop, KeelStr key, size_t popped) {
    char digits[KEEL_INT_ROOM];
    KeelStr count = {digits, keel_format_int(digits, (int64_t)popped)};
    KeelStr words[] = {pop->max ? KEEL_LIT("ZPOPMAX") : KEEL_LIT("ZPOPMIN"), key, count};
    keel_journal_instead(c, words, pop->count < 0 ? 2 : 3);
}

/* Pops from the first key that holds a set. 1: replied; 0: there is none; -1: an error was replied.
 * */
static int pop_first(KeelCtx *c, const Pop *pop, bool rewrite) {
    for (int i = 0; i < pop->key_count; i++) {
        KeelKey key;
        Zset *z;
        if (!zsets_open(c, pop->keys[i], KEEL_KEY_WRITE, &key, &z)) return -1;
        if (!z) continue;
        if (pop->count == 0) {
            keel_reply_array(c, 0);
            return 1;
        }
        size_t popped = pop_from(c, pop, &key, z);
        if (rewrite) propagate(c, pop, pop->keys[i], popped);
        return 1;
    }
    return 0;
}

/* ---- at once --------------------------------------------------------------------------------- */

static void pop_command(KeelCtx *c, const KeelStr *argv, int argc, bool max) {
    Pop pop = {.keys = argv + 1, .key_count = 1, .max = max, .count = -1};
    if (argc > 3) {
        keel_reply_syntax(c);
        return;
    }
    if (argc == 3) {
        if (!keel_parse_int(argv[2], &pop.count) || pop.count < 0) {
            keel_reply_error(c, "ERR value is out of range, must be positive");
            return;
        }
        pop.nested = keel_reply_protocol(c) > 2;
    }
    if (pop_first(c, &pop, false) == 0) keel_reply_array(c, 0);
}

void zsets_zpopmin(KeelCtx *c, const KeelStr *argv, int argc) {
    pop_command(c, argv, argc, false);
}

void zsets_zpopmax(KeelCtx *c, const KeelStr *argv, int argc) {
    pop_command(c, argv, argc, true);
}

static bool parse_positive(KeelCtx *c, KeelStr s, int64_t *v, const char *error) {
    if (keel_parse_int(s, v) && *v > 0) return true;
    keel_reply_error(c, error);
    return false;
}

/* numkeys key [key ...] MIN|MAX [COUNT count], from argv[at] on. */
static bool parse_many(KeelCtx *c, const KeelStr *argv, int argc, int at, Pop *pop) {
    int64_t keys;
    if (!parse_positive(c, argv[at], &keys, "ERR numkeys should be greater than 0")) return false;
    *pop = (Pop){.keys = argv + at + 1, .emit_key = true, .nested = true, .count = -1};
    if (keys >= argc - at - 1) {
        keel_reply_syntax(c);
        return false;
    }
    pop->key_count = (int)keys;
    int i = at + 1 + (int)keys;
    pop->max = keel_is(argv[i], "max");
    bool good = pop->max || keel_is(argv[i], "min");
    for (i++; good && i < argc; i += 2) {
        if (pop->count != -1 || !keel_is(argv[i], "count") || i + 1 == argc) {
            good = false;
        } else if (!parse_positive(c, argv[i + 1], &pop->count,
                                   "ERR count should be greater than 0")) {
            return false;
        }
    }
    if (!good) keel_reply_syntax(c);
    if (pop->count == -1) pop->count = 1;
    return good;
}

void zsets_zmpop(KeelCtx *c, const KeelStr *argv, int argc) {
    Pop pop;
    if (!parse_many(c, argv, argc, 1, &pop)) return;
    if (pop_first(c, &pop, true) == 0) keel_reply_null_array(c);
}

/* ---- waiting --------------------------------------------------------------------------------- */

enum Kind { KIND_MIN, KIND_MAX, KIND_MANY };
static const enum Kind kinds[] = {KIND_MIN, KIND_MAX, KIND_MANY};

/* The arguments say all that a later try needs, and were good the first time. */
static bool parse_waiting(KeelCtx *c, const KeelStr *argv, int argc, enum Kind kind, Pop *pop) {
    if (kind == KIND_MANY) return parse_many(c, argv, argc, 2, pop);
    *pop = (Pop){.keys = argv + 1, .key_count = argc - 2, .max = kind == KIND_MAX,
                 .emit_key = true, .count = -1};
    return true;
}

/* The key that was signalled is tried alone. One that holds something else is waited for on. */
static bool retry(KeelCtx *c, const KeelStr *argv, int argc, KeelStr name, void *data) {
    Pop pop;
    KeelKey key;
    if (!keel_key_open(c, name, KEEL_KEY_WRITE, &key) || !keel_key_is(&key, &zsets_type)) {
        return false;
    }
    if (!parse_waiting(c, argv, argc, *(const enum Kind *)data, &pop)) return true;
    size_t popped = pop_from(c, &pop, &key, keel_key_value(&key));
    propagate(c, &pop, name, popped);
    return true;
}

static void wait_or_pop(KeelCtx *c, const KeelStr *argv, int argc, enum Kind kind) {
    Pop pop;
    KeelStr timeout = argv[kind == KIND_MANY ? 1 : argc - 1];
    int64_t deadline;
    if (!parse_waiting(c, argv, argc, kind, &pop)) return;
    if (!keel_block_deadline(c, timeout, &deadline) || pop_first(c, &pop, true) != 0) return;
    KeelBlock block = {.size = sizeof(block), .keys = pop.keys, .key_count = pop.key_count,
                       .deadline_ms = deadline, .retry = retry,
                       .data = (void *)(uintptr_t)&kinds[kind]};
    if (!keel_block(c, &block)) keel_reply_null_array(c);
}

void zsets_bzpopmin(KeelCtx *c, const KeelStr *argv, int argc) {
    wait_or_pop(c, argv, argc, KIND_MIN);
}

void zsets_bzpopmax(KeelCtx *c, const KeelStr *argv, int argc) {
    wait_or_pop(c, argv, argc, KIND_MAX);
}

void zsets_bzmpop(KeelCtx *c, const KeelStr *argv, int argc) {
    wait_or_pop(c, argv, argc, KIND_MANY);
}
