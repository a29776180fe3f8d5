/* combine.c - ZUNION, ZINTER, ZDIFF, their STORE forms, and ZINTERCARD.
 *
 * Inputs are sorted sets, and plain sets, whose members count with score 1. Unions and
 * intersections take them from the smallest to the largest, which also fixes the order in which
 * scores are added: sums of doubles depend on it. */
#include <math.h>
#include <stdlib.h>

#include "zsets.h"
#include <keel/set.h>

typedef struct Source {
    const Zset *zset;     /* at most one of the two; neither: missing */
    const void *set;
    size_t length;
    double weight;
    int turn;             /* of the arguments: ties keep it */
} Source;

typedef enum Op { UNION, INTER, DIFF } Op;
typedef enum Aggregate { SUM, MIN, MAX } Aggregate;

typedef struct Combination {
    Op op;
    Aggregate aggregate;
    bool store, count_only, scores;
    int64_t limit;        /* of count_only; 0: none */
    Source *sources;
    int n;
} Combination;

static const KeelSetOps *sets; /* looked up once a command; NULL: the server has no sets */

/* ---- inputs ---------------------------------------------------------------------------------- */

/* A walk over one input. */
typedef struct Walk {
    const Source *source;
    At at;
    bool started;
    KeelSetWalk set_walk;
    KeelSetItem set_item;
    Item item;
} Walk;

static void walk_start(Walk *w, const Source *source) {
    w->source = source;
    w->started = false;
    if (source->set) sets->walk(source->set, &w->set_walk);
}

static bool walk_next(Walk *w, KeelStr *member, double *score) {
    if (w->source->set) {
        *score = 1;
        if (!sets->next(&w->set_walk, &w->set_item)) return false;
        *member = w->set_item.member;
        return true;
    }
    if (w->source->length == 0 || (w->started && !zset_next(&w->at))) return false;
    if (!w->started) w->at = zset_at(w->source->zset, 0);
    w->started = true;
    zset_item(&w->at, &w->item);
    *member = w->item.member;
    *score = w->item.score;
    return true;
}

static bool source_find(const Source *s, KeelStr member, double *score) {
    if (s->zset) return zset_score(s->zset, member, score);
    *score = 1;
    return s->set && sets->has(s->set, member);
}

static int by_length(const void *x, const void *y) {
    const Source *a = x, *b = y;
    if (a->length != b->length) return a->length < b->length ? -1 : 1;
    return (a->turn > b->turn) - (a->turn < b->turn);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static bool open_sources(KeelCtx *c, const KeelStr *names, Combination *m) {
    sets = keel_interface("set", KEEL_SET_VERSION);
    for (int i = 0; i < m->n; i++) {
        KeelKey key;
        Source *s = &m->sources[i];
        *s = (Source){.weight = 1, .turn = i};
        if (!keel_key_open(c, names[i], KEEL_KEY_READ, &key)) continue;
        if (keel_key_is(&key, &zsets_type)) {
            s->zset = keel_key_value(&key);
            s->length = zset_length(s->zset);
        } else if (sets && keel_key_is(&key, sets->type)) {
            s->set = keel_key_value(&key);
            s->length = sets->length(s->set);
        } else {
            keel_reply_wrongtype(c);
            return false;
        }
    }
    return true;
}

static bool parse_weights(KeelCtx *c, const KeelStr *words, Combination *m) {
    for (int i = 0; i < m->n; i++) {
        if (keel_parse_double(words[i], &m->sources[i].weight)) continue;
        keel_reply_error(c, "ERR weight value is not a float");
        return false;
    }
    return true;
}

static bool parse_aggregate(KeelCtx *c, KeelStr word, Aggregate *a) {
    if (keel_is(word, "sum")) *a = SUM;
    else if (keel_is(word, "min")) *a = MIN;
    else if (keel_is(word, "max")) *a = MAX;
    else {
        keel_reply_syntax(c);
        return false;
    }
    return true;
}

static bool parse_limit(KeelCtx *c, KeelStr word, int64_t *limit) {
    if (keel_parse_int(word, limit) && *limit >= 0) return true;
    keel_reply_error(c, "ERR LIMIT can't be negative");
    return false;
}

static bool parse_options(KeelCtx *c, const KeelStr *words, int left, Combination *m) {
    bool plain = m->op != DIFF && !m->count_only;
    while (left > 0) {
        int used = 2;
        if (plain && left > m->n && keel_is(*words, "weights")) {
            if (!parse_weights(c, words + 1, m)) return false;
            used = m->n + 1;
        } else if (plain && left > 1 && keel_is(*words, "aggregate")) {
            if (!parse_aggregate(c, words[1], &m->aggregate)) return false;
        } else if (!m->store && !m->count_only && keel_is(*words, "withscores")) {
            m->scores = true;
            used = 1;
        } else if (m->count_only && left > 1 && keel_is(*words, "limit")) {
            if (!parse_limit(c, words[1], &m->limit)) return false;
        } else {
            keel_reply_syntax(c);
            return false;
        }
        words += used;
        left -= used;
    }
    return true;
}

/* ---- combining ------------------------------------------------------------------------------- */

static double aggregate(Aggregate a, double score, double other) {
    if (a == SUM) {
        score += other;
        return isnan(score) ? 0 : score; /* inf - inf */
    }
    if (a == MIN) return other < score ? other : score;
    return other > score ? other : score;
}

static double weighted(double weight, double score) {
    score *= weight;
    return isnan(score) ? 0 : score; /* 0 * inf */
}

static void combine_union(const Combination *m, Zset *result) {
    for (int i = 0; i < m->n; i++) {
        Walk w;
        KeelStr member;
        double score, present;
        walk_start(&w, &m->sources[i]);
        while (walk_next(&w, &member, &score)) {
            score = weighted(m->sources[i].weight, score);
            if (i > 0 && zset_score(result, member, &present)) {
                zset_add(result, aggregate(m->aggregate, present, score), member, 0, NULL);
            } else {
                zset_insert(result, score, member);
            }
        }
    }
}

/* Whether the other inputs have the member too; *score gets theirs added. */
static bool in_others(const Combination *m, KeelStr member, double first, double *score) {
    const Source *s = m->sources;
    for (int i = 1; i < m->n; i++) {
        double other = first;
        bool same = s[i].zset == s[0].zset && s[i].set == s[0].set;
        if (!same && !source_find(&s[i], member, &other)) return false;
        *score = aggregate(m->aggregate, *score, other * s[i].weight);
    }
    return true;
}

static size_t combine_inter(const Combination *m, Zset *result) {
    Walk w;
    KeelStr member;
    double first;
    size_t count = 0;
    walk_start(&w, &m->sources[0]);
    while (walk_next(&w, &member, &first)) {
        double score = weighted(m->sources[0].weight, first);
        if (!in_others(m, member, first, &score)) continue;
        count++;
        if (!m->count_only) zset_insert(result, score, member);
        else if (m->limit && (int64_t)count >= m->limit) break;
    }
    return count;
}

static void combine_diff(const Combination *m, Zset *result) {
    Walk w;
    KeelStr member;
    double score, other;
    walk_start(&w, &m->sources[0]);
    while (walk_next(&w, &member, &score)) {
        int i = 1;
        while (i < m->n && !source_find(&m->sources[i], member, &other)) i++;
        if (i == m->n) zset_insert(result, score, member);
    }
}

/* A union has at least as many members as its largest input, the last one: room for these is made
 * at once. */
static size_t expected(const Combination *m) {
    return m->op == UNION ? m->sources[m->n - 1].length : 0;
}

/* ---- commands -------------------------------------------------------------------------------- */

static void combine(KeelCtx *c, const KeelStr *argv, Combination *m) {
    if (m->op != DIFF) qsort(m->sources, (size_t)m->n, sizeof(Source), by_length);
    if (m->count_only) {
        keel_reply_int(c, (int64_t)combine_inter(m, NULL));
        return;
    }
    Zset *result = zset_new_tree(expected(m));
    if (m->op == UNION) combine_union(m, result);
    else if (m->op == INTER) combine_inter(m, result);
    else combine_diff(m, result);
    if (m->store) {
        static const char *const events[] = {"zunionstore", "zinterstore", "zdiffstore"};
        KeelKey key;
        keel_key_open(c, argv[1], KEEL_KEY_WRITE | KEEL_KEY_NO_STATS, &key);
        keel_reply_int(c, (int64_t)zsets_store(c, &key, result, events[m->op]));
        return;
    }
    reply_run(c, result, 0, zset_length(result), false, m->scores);
    zset_free(result);
}

static void command(KeelCtx *c, const KeelStr *argv, int argc, Combination m) {
    enum { ON_STACK = 16 };
    Source some[ON_STACK];
    int at = m.store ? 2 : 1;
    int64_t keys;
    if (!keel_arg_int(c, argv[at], &keys)) return;
    if (keys < 1) {
        keel_reply_errorf(c, "ERR at least 1 input key is needed for '%s' command",
                          keel_command_name(keel_command(c)));
        return;
    }
    if (keys > argc - at - 1) {
        keel_reply_syntax(c);
        return;
    }
    m.n = (int)keys;
    m.sources = m.n <= ON_STACK ? some : keel_alloc((size_t)m.n * sizeof(Source));
    if (open_sources(c, argv + at + 1, &m) &&
        parse_options(c, argv + at + 1 + m.n, argc - at - 1 - m.n, &m)) {
        combine(c, argv, &m);
    }
    if (m.sources != some) keel_free(m.sources);
}

void zsets_zunion(KeelCtx *c, const KeelStr *argv, int argc) {
    command(c, argv, argc, (Combination){.op = UNION});
}

void zsets_zinter(KeelCtx *c, const KeelStr *argv, int argc) {
    command(c, argv, argc, (Combination){.op = INTER});
}

void zsets_zdiff(KeelCtx *c, const KeelStr *argv, int argc) {
    command(c, argv, argc, (Combination){.op = DIFF});
}

void zsets_zunionstore(KeelCtx *c, const KeelStr *argv, int argc) {
    command(c, argv, argc, (Combination){.op = UNION, .store = true});
}

void zsets_zinterstore(KeelCtx *c, const KeelStr *argv, int argc) {
    command(c, argv, argc, (Combination){.op = INTER, .store = true});
}

void zsets_zdiffstore(KeelCtx *c, const KeelStr *argv, int argc) {
    command(c, argv, argc, (Combination){.op = DIFF, .store = true});
}

void zsets_zintercard(KeelCtx *c, const KeelStr *argv, int argc) {
    command(c, argv, argc, (Combination){.op = INTER, .count_only = true});
}
