/* read.c - ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK, ZCOUNT, ZLEXCOUNT: questions with one answer.
 * */
#include "zsets.h"

void zsets_zcard(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    Zset *z;
    if (!zsets_open(c, argv[1], KEEL_KEY_READ, &key, &z)) return;
    keel_reply_int(c, z ? (int64_t)zset_length(z) : 0);
}

static void reply_score(KeelCtx *c, const Zset *z, KeelStr member) {
    double score;
    if (z && zset_score(z, member, &score)) {
        keel_reply_double(c, score);
    } else {
        keel_reply_null(c);
    }
}

void zsets_zscore(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    Zset *z;
    if (zsets_open(c, argv[1], KEEL_KEY_READ, &key, &z)) reply_score(c, z, argv[2]);
}

void zsets_zmscore(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    Zset *z;
    if (!zsets_open(c, argv[1], KEEL_KEY_READ, &key, &z)) return;
    keel_reply_array(c, (size_t)argc - 2);
    for (int i = 2; i < argc; i++) reply_score(c, z, argv[i]);
}

static void reply_rank(KeelCtx *c, const KeelStr *argv, int argc, bool reverse) {
    KeelKey key;
    Zset *z;
    double score = 0;
    if (argc > 4) {
        keel_reply_arity(c);
        return;
    }
    if (argc == 4 && !keel_is(argv[3], "withscore")) {
        keel_reply_syntax(c);
        return;
    }
    if (!zsets_open(c, argv[1], KEEL_KEY_READ, &key, &z)) return;
    int64_t rank = z ? zset_rank(z, argv[2], reverse, &score) : -1;
    if (rank < 0) {
        if (argc == 4) keel_reply_null_array(c);
        else keel_reply_null(c);
        return;
    }
    if (argc == 4) keel_reply_array(c, 2);
    keel_reply_int(c, rank);
    if (argc == 4) keel_reply_double(c, score);
}

void zsets_zrank(KeelCtx *c, const KeelStr *argv, int argc) {
    reply_rank(c, argv, argc, false);
}

void zsets_zrevrank(KeelCtx *c, const KeelStr *argv, int argc) {
    reply_rank(c, argv, argc, true);
}

void zsets_zcount(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    Zset *z;
    KeelScoreRange range;
    if (!scores_parse(argv[2], argv[3], &range)) {
        keel_reply_error(c, "ERR min or max is not a float");
        return;
    }
    if (!zsets_open(c, argv[1], KEEL_KEY_READ, &key, &z)) return;
    Span span = z ? zset_span_scores(z, &range) : (Span){0, 0};
    keel_reply_int(c, (int64_t)(span.to - span.from));
}

void zsets_zlexcount(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    Zset *z;
    KeelLexRange range;
    if (!lex_parse(argv[2], argv[3], &range)) {
        keel_reply_error(c, "ERR min or max not valid string range item");
        return;
    }
    if (!zsets_open(c, argv[1], KEEL_KEY_READ, &key, &z)) return;
    Span span = z ? zset_span_lex(z, &range, false) : (Span){0, 0};
    keel_reply_int(c, (int64_t)(span.to - span.from));
}
