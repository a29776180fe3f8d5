/* range.c - ZRANGE in all its forms and names, ZRANGESTORE, and ZREMRANGEBY*.
 *
 * Whatever a range is given by, it becomes a span of ranks; LIMIT then cuts the span, and what is
 * left is walked from its one end or its other. */
#include <limits.h>

#include "zsets.h"

typedef enum By { BY_ANY, BY_RANK, BY_SCORE, BY_LEX } By;

typedef struct Range {
    By by;
    bool reverse, scores;
    int64_t offset, limit; /* limit negative: all */
    int64_t start, stop;   /* BY_RANK */
    KeelScoreRange score;
    KeelLexRange lex;
} Range;

/* ---- arguments ------------------------------------------------------------------------------- */

/* The options that a command of this name has: those that choose are only ZRANGE's own. */
static bool parse_options(KeelCtx *c, const KeelStr *argv, int argc, int first, bool store,
                          Range *r) {
    bool any = r->by == BY_ANY;
    for (int i = first; i < argc; i++) {
        int left = argc - i - 1;
        if (!store && keel_is(argv[i], "withscores")) {
            r->scores = true;
        } else if (left >= 2 && keel_is(argv[i], "limit")) {
            if (!keel_arg_int(c, argv[i + 1], &r->offset) ||
                !keel_arg_int(c, argv[i + 2], &r->limit)) {
                return false;
            }
            i += 2;
        } else if (any && !r->reverse && keel_is(argv[i], "rev")) {
            r->reverse = true;
        } else if (r->by == BY_ANY && keel_is(argv[i], "bylex")) {
            r->by = BY_LEX;
        } else if (r->by == BY_ANY && keel_is(argv[i], "byscore")) {
            r->by = BY_SCORE;
        } else {
            keel_reply_syntax(c);
            return false;
        }
    }
    if (r->by == BY_ANY) r->by = BY_RANK;
    if (r->by == BY_RANK && r->limit != -1) {
        keel_reply_error(c, "ERR syntax error, LIMIT is only supported in combination with either "
                            "BYSCORE or BYLEX");
        return false;
    }
    if (r->by == BY_LEX && r->scores) {
        keel_reply_error(c, "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
        return false;
    }
    return true;
}

static bool parse_ends(KeelCtx *c, KeelStr start, KeelStr stop, Range *r) {
    if (r->by == BY_RANK) {
        return keel_arg_int(c, start, &r->start) && keel_arg_int(c, stop, &r->stop);
    }
    if (r->by == BY_SCORE) {
        if (scores_parse(start, stop, &r->score)) return true;
        keel_reply_error(c, "ERR min or max is not a float");
        return false;
    }
    if (lex_parse(start, stop, &r->lex)) return true;
    keel_reply_error(c, "ERR min or max not valid string range item");
    return false;
}

/* argv[first] is the key to read. */
static bool parse(KeelCtx *c, const KeelStr *argv, int argc, int first, Range *r) {
    r->limit = -1;
    if (!parse_options(c, argv, argc, first + 3, first > 1, r)) return false;
    bool swap = r->reverse && r->by != BY_RANK;
    return parse_ends(c, argv[first + 1 + swap], argv[first + 2 - swap], r);
}

/* ---- spans ----------------------------------------------------------------------------------- */

static Span span_of_ranks(int64_t start, int64_t stop, size_t length, bool reverse) {
    int64_t n = (int64_t)length;
    if (start < 0) start = start + n < 0 ? 0 : start + n;
    if (stop < 0) stop += n;
    if (stop >= n) stop = n - 1;
    if (start > stop || start >= n) return (Span){0, 0};
    Span span = {(size_t)start, (size_t)stop + 1};
    return reverse ? (Span){length - span.to, length - span.from} : span;
}

/* LIMIT counts from the end that the walk starts at. A negative offset leaves nothing. */
static Span cut(Span span, int64_t offset, int64_t limit, bool reverse) {
    size_t n = span.to - span.from;
    if (offset < 0 || (uint64_t)offset >= n) return (Span){0, 0};
    size_t left = n - (size_t)offset;
    if (limit >= 0 && (uint64_t)limit < left) left = (size_t)limit;
    if (reverse) return (Span){span.to - (size_t)offset - left, span.to - (size_t)offset};
    return (Span){span.from + (size_t)offset, span.from + (size_t)offset + left};
}

static Span span_of(const Zset *z, const Range *r) {
    if (r->by == BY_RANK) return span_of_ranks(r->start, r->stop, zset_length(z), r->reverse);
    Span span = r->by == BY_SCORE ? zset_span_scores(z, &r->score)
                                  : zset_span_lex(z, &r->lex, r->reverse);
    return cut(span, r->offset, r->limit, r->reverse);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void range(KeelCtx *c, const KeelStr *argv, int argc, Range r) {
    KeelKey key;
    Zset *z;
    if (!parse(c, argv, argc, 1, &r) || !zsets_open(c, argv[1], KEEL_KEY_READ, &key, &z)) return;
    Span span = z ? span_of(z, &r) : (Span){0, 0};
    reply_run(c, z, r.reverse ? span.to - 1 : span.from, span.to - span.from, r.reverse, r.scores);
}

void zsets_zrange(KeelCtx *c, const KeelStr *argv, int argc) {
    range(c, argv, argc, (Range){.by = BY_ANY});
}

void zsets_zrevrange(KeelCtx *c, const KeelStr *argv, int argc) {
    range(c, argv, argc, (Range){.by = BY_RANK, .reverse = true});
}

void zsets_zrangebyscore(KeelCtx *c, const KeelStr *argv, int argc) {
    range(c, argv, argc, (Range){.by = BY_SCORE});
}

void zsets_zrevrangebyscore(KeelCtx *c, const KeelStr *argv, int argc) {
    range(c, argv, argc, (Range){.by = BY_SCORE, .reverse = true});
}

void zsets_zrangebylex(KeelCtx *c, const KeelStr *argv, int argc) {
    range(c, argv, argc, (Range){.by = BY_LEX});
}

void zsets_zrevrangebylex(KeelCtx *c, const KeelStr *argv, int argc) {
    range(c, argv, argc, (Range){.by = BY_LEX, .reverse = true});
}

/* The result is made before the destination is touched: it may be the source. */
void zsets_zrangestore(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey from, to;
    Zset *z;
    Range r = {.by = BY_ANY};
    if (!parse(c, argv, argc, 2, &r) || !zsets_open(c, argv[2], KEEL_KEY_READ, &from, &z)) return;
    Span span = z ? span_of(z, &r) : (Span){0, 0};
    Zset *result = zset_new(span.to - span.from, 0);
    At at;
    for (size_t rank = span.from; rank < span.to; rank++) {
        Item item;
        if (rank == span.from) at = zset_at(z, rank);
        else zset_next(&at);
        zset_item(&at, &item);
        zset_insert(result, item.score, item.member);
    }
    keel_key_open(c, argv[1], KEEL_KEY_WRITE | KEEL_KEY_NO_STATS, &to);
    keel_reply_int(c, (int64_t)zsets_store(c, &to, result, "zrangestore"));
}

/* ---- removing -------------------------------------------------------------------------------- */

static void remove_range(KeelCtx *c, const KeelStr *argv, By by, const char *event) {
    KeelKey key;
    Zset *z;
    Range r = {.by = by, .limit = -1};
    if (!parse_ends(c, argv[2], argv[3], &r)) return;
    if (!zsets_open(c, argv[1], KEEL_KEY_WRITE, &key, &z)) return;
    Span span = z ? span_of(z, &r) : (Span){0, 0};
    size_t n = span.to - span.from;
    if (n) {
        zset_remove_span(z, span);
        zsets_removed(c, &key, z, event, n);
    }
    keel_reply_int(c, (int64_t)n);
}

void zsets_zremrangebyrank(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    remove_range(c, argv, BY_RANK, "zremrangebyrank");
}

void zsets_zremrangebyscore(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    remove_range(c, argv, BY_SCORE, "zremrangebyscore");
}

void zsets_zremrangebylex(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    remove_range(c, argv, BY_LEX, "zremrangebylex");
}
