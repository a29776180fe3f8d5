/* zsets.c - the type "zset", and the rows of ZADD, ZRANGE, ZPOPMIN, ZUNION ...
 *
 * A sorted set is members with scores, in order. Small ones are a listpack; large ones a hash table
 * and a counted B+ tree over the same elements (zset.c), which OBJECT ENCODING calls "skiplist", as
 * tools know that word. On disk they are RDB types 17 and 5 (codec.c).
 *
 * The commands live beside this file, one file an idea: add.c, read.c, range.c (with bounds.c),
 * pop.c, combine.c and random.c. Other modules work on sorted sets through the interface "zset"
 * (keel/zset.h). */
#include <stdio.h>

#include "zsets.h"

/* ---- shared by the commands ------------------------------------------------------------------ */

void zsets_removed(KeelCtx *c, KeelKey *key, const Zset *z, const char *event, size_t n) {
    bool empty = zset_length(z) == 0;
    if (empty) keel_key_delete(key, false);
    keel_key_changed(key, KEEL_NOTIFY_ZSET, event);
    if (empty) keel_key_notify(key, KEEL_NOTIFY_GENERIC, "del");
    if (n > 1) keel_dirty_add(c, n - 1);
}

size_t zsets_store(KeelCtx *c, KeelKey *key, void *zset, const char *event) {
    size_t n = zset_length(zset);
    if (n == 0) {
        zset_free(zset);
        if (keel_key_delete(key, false)) keel_key_changed(key, KEEL_NOTIFY_GENERIC, "del");
        return 0;
    }
    zset_settle(zset);
    keel_key_set_value(key, &zsets_type, zset, KEEL_NO_EXPIRY);
    keel_key_ready(c, keel_db(c), key->name);
    keel_key_changed(key, KEEL_NOTIFY_ZSET, event);
    return n;
}

/* ---- the interface --------------------------------------------------------------------------- */

static void *ops_create(size_t members, size_t longest) {
    return zset_new(members, longest);
}

static void ops_free(void *zset) {
    zset_free(zset);
}

static KeelZadd ops_add(void *zset, double score, KeelStr member, unsigned flags, double *result) {
    return zset_add(zset, score, member, flags, result);
}

static bool ops_remove(void *zset, KeelStr member) {
    return zset_remove(zset, member);
}

static size_t ops_length(const void *zset) {
    return zset_length(zset);
}

static bool ops_score(const void *zset, KeelStr member, double *score) {
    return zset_score(zset, member, score);
}

static int64_t ops_rank(const void *zset, KeelStr member, bool reverse) {
    double score;
    return zset_rank(zset, member, reverse, &score);
}

static bool ops_at_rank(const void *zset, size_t rank, bool reverse, KeelZsetAt *at) {
    size_t n = zset_length(zset);
    if (rank >= n) return false;
    *at = zset_at(zset, reverse ? n - 1 - rank : rank);
    return true;
}

static bool end_of_span(const void *zset, Span span, bool last, KeelZsetAt *at) {
    if (span.from == span.to) return false;
    *at = zset_at(zset, last ? span.to - 1 : span.from);
    return true;
}

static bool ops_first_of_scores(const void *zset, const KeelScoreRange *range, KeelZsetAt *at) {
    return end_of_span(zset, zset_span_scores(zset, range), false, at);
}

static bool ops_last_of_scores(const void *zset, const KeelScoreRange *range, KeelZsetAt *at) {
    return end_of_span(zset, zset_span_scores(zset, range), true, at);
}

static bool ops_first_of_lex(const void *zset, const KeelLexRange *range, KeelZsetAt *at) {
    return end_of_span(zset, zset_span_lex(zset, range, false), false, at);
}

static bool ops_last_of_lex(const void *zset, const KeelLexRange *range, KeelZsetAt *at) {
    return end_of_span(zset, zset_span_lex(zset, range, true), true, at);
}

static size_t ops_count_scores(const void *zset, const KeelScoreRange *range) {
    Span span = zset_span_scores(zset, range);
    return span.to - span.from;
}

static size_t ops_count_lex(const void *zset, const KeelLexRange *range) {
    Span span = zset_span_lex(zset, range, false);
    return span.to - span.from;
}

static const KeelZsetOps operations = {
    .size = sizeof(KeelZsetOps),
    .type = &zsets_type,
    .create = ops_create,
    .free = ops_free,
    .add = ops_add,
    .remove = ops_remove,
    .length = ops_length,
    .score = ops_score,
    .rank = ops_rank,
    .at_rank = ops_at_rank,
    .first_of_scores = ops_first_of_scores,
    .last_of_scores = ops_last_of_scores,
    .first_of_lex = ops_first_of_lex,
    .last_of_lex = ops_last_of_lex,
    .next = zset_next,
    .previous = zset_previous,
    .item = zset_item,
    .in_scores = score_in,
    .in_lex = lex_in,
    .count_scores = ops_count_scores,
    .count_lex = ops_count_lex,
    .parse_scores = scores_parse,
    .parse_lex = lex_parse,
    .store = zsets_store,
    .scan = zsets_scan,
};

/* ---- the type -------------------------------------------------------------------------------- */

static size_t type_free_effort(const KeelValue *v) {
    const Zset *z = v->ptr;
    return z->tree ? z->tree->order.count : 1;
}

static void *type_copy(const KeelValue *v) {
    return zset_copy(v->ptr);
}

static size_t type_length(const KeelValue *v) {
    return zset_length(v->ptr);
}

/* Elements are measured from the first on, and their mean is taken for all. */
static size_t type_memory(const KeelValue *v, size_t samples) {
    const Zset *z = v->ptr;
    size_t bytes = keel_mem_size(z);
    if (!z->tree) return bytes + keel_mem_size(z->pack);
    size_t seen = 0, elements = 0, count = z->tree->order.count;
    DictWalk w;
    dict_walk(&w, &z->tree->dict);
    for (void *e; (samples == 0 || seen < samples) && (e = dict_next(&w)); seen++) {
        elements += keel_mem_size(e);
    }
    if (seen) elements = (size_t)((double)elements / (double)seen * (double)count);
    return bytes + keel_mem_size(z->tree) + dict_memory(&z->tree->dict) +
           ordered_memory(&z->tree->order) + elements;
}

/* Members with their scores, in no order. */
static void type_digest(KeelDigest *d, const KeelValue *v) {
    const KeelDigester *digester = keel_interface("digest", 100);
    const Zset *z = v->ptr;
    if (!digester || zset_length(z) == 0) return;
    At at = zset_at(z, 0);
    do {
        KeelDigest one = {{0}};
        Item item;
        char score[40];
        zset_item(&at, &item);
        digester->mix(&one, item.member.ptr, item.member.len);
        int len = snprintf(score, sizeof(score), "%.17g", item.score);
        digester->mix(&one, score, (size_t)len);
        digester->xor_(d, one.sum, sizeof(one.sum));
    } while (zset_next(&at));
}

static void *type_defragment(const KeelValue *v, uint64_t *cursor) {
    return zset_defragment(v->ptr, cursor);
}

static const char *type_encoding(const KeelKey *key, const KeelValue *v) {
    (void)key;
    return ((const Zset *)v->ptr)->tree ? "skiplist" : "listpack";
}

const KeelType zsets_type = {
    .name = "zset",
    .number = 3,
    .opcodes = (const uint8_t[]){3, 5, 12, 17, 255},
    .opcode = zset_opcode,
    .save = zset_save,
    .load = zset_load,
    .rewrite = zset_rewrite,
    .free = ops_free,
    .free_effort = type_free_effort,
    .copy = type_copy,
    .defragment = type_defragment,
    .length = type_length,
    .memory = type_memory,
    .digest = type_digest,
    .encoding = type_encoding,
    .operations = &operations,
};

/* ---- tables ---------------------------------------------------------------------------------- */

static const KeelConfig configs[] = {
    { .name = "zset-max-listpack-entries", .alias = "zset-max-ziplist-entries",
      .type = KEEL_CONFIG_INT, .var = &zset_pack_members, .value = "128", .min = 0,
      .max = INT64_MAX },
    { .name = "zset-max-listpack-value", .alias = "zset-max-ziplist-value",
      .type = KEEL_CONFIG_MEMORY, .var = &zset_pack_longest, .value = "64", .min = 0,
      .max = INT64_MAX },
    { 0 }
};

#define READ_FAST (KEEL_READONLY | KEEL_FAST)
#define WRITE_OOM (KEEL_WRITE | KEEL_DENYOOM)
#define WRITE_FAST (KEEL_WRITE | KEEL_FAST)

#define AGGREGATE_ARGS "[WEIGHTS weight:integer [weight:integer ...]] [AGGREGATE SUM|MIN|MAX]"
#define LIMIT_ARGS "[LIMIT offset count]"
#define RANGE_COMPLEXITY "O(log(N)+M) with N being the number of elements in the sorted set " \
    "and M the number of elements "
#define POP_COMPLEXITY "O(K) + O(M*log(N)) where K is the number of provided keys, N being the " \
    "number of elements in the sorted set, and M being the number of elements popped."
#define BPOP_COMPLEXITY "O(log(N)) with N being the number of elements in the sorted set."
#define UNION_COMPLEXITY "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted " \
    "sets, and M being the number of elements in the resulting sorted set."
#define INTER_COMPLEXITY "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted " \
    "set, K being the number of input sorted sets and M being the number of elements in the " \
    "resulting sorted set."
#define DIFF_COMPLEXITY "O(L + (N-K)log(N)) worst case where L is the total number of elements " \
    "in all the sets, N is the size of the first set, and K is the size of the result set."
#define TIMEOUT_HISTORY "6.0.0: `timeout` is interpreted as a double instead of an integer."
#define RANK_HISTORY "7.2.0: Added the optional `WITHSCORE` argument."

static const KeelCommand commands[] = {
    { .name = "bzmpop",
      .args = "timeout:double numkeys key [key ...] (MIN|MAX){where} [COUNT count]",
      .flags = KEEL_WRITE | KEEL_BLOCKING, .call = zsets_bzmpop, .group = "sorted-set",
      .since = "7.0.0", .keys = "RW ACCESS DELETE", .complexity = POP_COMPLEXITY,
      .summary = "Pops members from the first of several sorted sets that has some, or waits." },
    { .name = "bzpopmax", .args = "key [key ...] timeout:double",
      .flags = WRITE_FAST | KEEL_BLOCKING, .call = zsets_bzpopmax, .group = "sorted-set",
      .since = "5.0.0", .keys = "RW ACCESS DELETE", .complexity = BPOP_COMPLEXITY,
      .history = TIMEOUT_HISTORY,
      .summary = "Pops the member with the highest score from the first sorted set that has one, "
                 "or waits." },
    { .name = "bzpopmin", .args = "key [key ...] timeout:double",
      .flags = WRITE_FAST | KEEL_BLOCKING, .call = zsets_bzpopmin, .group = "sorted-set",
      .since = "5.0.0", .keys = "RW ACCESS DELETE", .complexity = BPOP_COMPLEXITY,
      .history = TIMEOUT_HISTORY,
      .summary = "Pops the member with the lowest score from the first sorted set that has one, "
                 "or waits." },
    { .name = "zadd",
      .args = "key [NX|XX]{condition 3.0.2} [GT|LT]{comparison 6.2.0} [CH]{change 3.0.2} "
              "[INCR]{increment 3.0.2} score:double member [score:double member ...]",
      .flags = WRITE_OOM | KEEL_FAST, .call = zsets_zadd, .group = "sorted-set", .since = "1.2.0",
      .keys = "RW UPDATE",
      .complexity = "O(log(N)) for each item added, where N is the number of elements in the "
                    "sorted set.",
      .history = "2.4.0: Accepts multiple elements. | "
                 "3.0.2: Added the `XX`, `NX`, `CH` and `INCR` options. | "
                 "6.2.0: Added the `GT` and `LT` options.",
      .summary = "Adds members to a sorted set, or changes their scores." },
    { .name = "zcard", .args = "key", .flags = READ_FAST, .call = zsets_zcard,
      .group = "sorted-set", .since = "1.2.0", .keys = "RO", .complexity = "O(1)",
      .summary = "Returns the number of members of a sorted set." },
    { .name = "zcount", .args = "key min:double max:double", .flags = READ_FAST,
      .call = zsets_zcount, .group = "sorted-set", .since = "2.0.0", .keys = "RO ACCESS",
      .complexity = "O(log(N)) with N being the number of elements in the sorted set.",
      .summary = "Counts the members whose scores are in a range." },
    { .name = "zdiff", .args = "numkeys key [key ...] [WITHSCORES]", .flags = KEEL_READONLY,
      .call = zsets_zdiff, .group = "sorted-set", .since = "6.2.0", .keys = "RO ACCESS",
      .complexity = DIFF_COMPLEXITY,
      .summary = "Returns the members of a sorted set that others do not have." },
    { .name = "zdiffstore", .args = "destination numkeys key [key ...]", .flags = WRITE_OOM,
      .call = zsets_zdiffstore, .group = "sorted-set", .since = "6.2.0",
      .keys = "OW UPDATE & RO ACCESS", .complexity = DIFF_COMPLEXITY,
      .summary = "Stores the members of a sorted set that others do not have." },
    { .name = "zincrby", .args = "key increment member", .flags = WRITE_OOM | KEEL_FAST,
      .call = zsets_zincrby, .group = "sorted-set", .since = "1.2.0", .keys = "RW ACCESS UPDATE",
      .complexity = "O(log(N)) where N is the number of elements in the sorted set.",
      .summary = "Adds to the score of a member, which counts as 0 when it is missing." },
    { .name = "zinter", .args = "numkeys key [key ...] " AGGREGATE_ARGS " [WITHSCORES]",
      .flags = KEEL_READONLY, .call = zsets_zinter, .group = "sorted-set", .since = "6.2.0",
      .keys = "RO ACCESS", .complexity = INTER_COMPLEXITY,
      .summary = "Returns the members that all of several sorted sets have." },
    { .name = "zintercard", .args = "numkeys key [key ...] [LIMIT limit:integer]",
      .flags = KEEL_READONLY, .call = zsets_zintercard, .group = "sorted-set", .since = "7.0.0",
      .keys = "RO ACCESS",
      .complexity = "O(N*K) worst case with N being the smallest input sorted set, K being the "
                    "number of input sorted sets.",
      .summary = "Counts the members that all of several sorted sets have." },
    { .name = "zinterstore", .args = "destination numkeys key [key ...] " AGGREGATE_ARGS,
      .flags = WRITE_OOM, .call = zsets_zinterstore, .group = "sorted-set", .since = "2.0.0",
      .keys = "OW UPDATE & RO ACCESS", .complexity = INTER_COMPLEXITY,
      .summary = "Stores the members that all of several sorted sets have." },
    { .name = "zlexcount", .args = "key min max", .flags = READ_FAST, .call = zsets_zlexcount,
      .group = "sorted-set", .since = "2.8.9", .keys = "RO ACCESS",
      .complexity = "O(log(N)) with N being the number of elements in the sorted set.",
      .summary = "Counts the members that lie in a range of bytes." },
    { .name = "zmpop", .args = "numkeys key [key ...] (MIN|MAX){where} [COUNT count]",
      .flags = KEEL_WRITE, .call = zsets_zmpop, .group = "sorted-set", .since = "7.0.0",
      .keys = "RW ACCESS DELETE", .complexity = POP_COMPLEXITY,
      .summary = "Pops members from the first of several sorted sets that has some." },
    { .name = "zmscore", .args = "key member [member ...]", .flags = READ_FAST,
      .call = zsets_zmscore, .group = "sorted-set", .since = "6.2.0", .keys = "RO ACCESS",
      .complexity = "O(N) where N is the number of members being requested.",
      .summary = "Returns the scores of members." },
    { .name = "zpopmax", .args = "key [count]", .flags = WRITE_FAST, .call = zsets_zpopmax,
      .group = "sorted-set", .since = "5.0.0", .keys = "RW ACCESS DELETE",
      .complexity = "O(log(N)*M) with N being the number of elements in the sorted set, and M "
                    "being the number of elements popped.",
      .summary = "Removes and returns the members with the highest scores." },
    { .name = "zpopmin", .args = "key [count]", .flags = WRITE_FAST, .call = zsets_zpopmin,
      .group = "sorted-set", .since = "5.0.0", .keys = "RW ACCESS DELETE",
      .complexity = "O(log(N)*M) with N being the number of elements in the sorted set, and M "
                    "being the number of elements popped.",
      .summary = "Removes and returns the members with the lowest scores." },
    { .name = "zrandmember", .args = "key [count [WITHSCORES]]{options}", .flags = KEEL_READONLY,
      .call = zsets_zrandmember, .group = "sorted-set", .since = "6.2.0", .keys = "RO ACCESS",
      .tips = "nondeterministic_output",
      .complexity = "O(N) where N is the number of members returned",
      .summary = "Returns members chosen at random." },
    { .name = "zrange",
      .args = "key start:string stop:string [BYSCORE|BYLEX]{sortby 6.2.0} [REV]{6.2.0} "
              "[LIMIT offset count]{6.2.0} [WITHSCORES]",
      .flags = KEEL_READONLY, .call = zsets_zrange, .group = "sorted-set", .since = "1.2.0",
      .keys = "RO ACCESS", .complexity = RANGE_COMPLEXITY "returned.",
      .history = "6.2.0: Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.",
      .summary = "Returns the members of a range of ranks, scores or bytes." },
    { .name = "zrangebylex", .args = "key min max " LIMIT_ARGS, .flags = KEEL_READONLY,
      .call = zsets_zrangebylex, .group = "sorted-set", .since = "2.8.9", .keys = "RO ACCESS",
      .complexity = RANGE_COMPLEXITY "being returned. If M is constant (e.g. always asking for the "
                    "first 10 elements with LIMIT), you can consider it O(log(N)).",
      .deprecated = "6.2.0: `ZRANGE` with the `BYLEX` argument",
      .summary = "Returns the members that lie in a range of bytes." },
    { .name = "zrangebyscore",
      .args = "key min:double max:double [WITHSCORES]{2.0.0} " LIMIT_ARGS, .flags = KEEL_READONLY,
      .call = zsets_zrangebyscore, .group = "sorted-set", .since = "1.0.5", .keys = "RO ACCESS",
      .complexity = RANGE_COMPLEXITY "being returned. If M is constant (e.g. always asking for the "
                    "first 10 elements with LIMIT), you can consider it O(log(N)).",
      .history = "2.0.0: Added the `WITHSCORES` modifier.",
      .deprecated = "6.2.0: `ZRANGE` with the `BYSCORE` argument",
      .summary = "Returns the members whose scores are in a range." },
    { .name = "zrangestore",
      .args = "dst:key src:key min max [BYSCORE|BYLEX]{sortby} [REV] " LIMIT_ARGS,
      .flags = WRITE_OOM, .call = zsets_zrangestore, .group = "sorted-set", .since = "6.2.0",
      .keys = "OW UPDATE & RO ACCESS", .complexity = RANGE_COMPLEXITY "stored into the destination "
                    "key.",
      .summary = "Stores the members of a range of ranks, scores or bytes." },
    { .name = "zrank", .args = "key member [WITHSCORE]", .flags = READ_FAST, .call = zsets_zrank,
      .group = "sorted-set", .since = "2.0.0", .keys = "RO ACCESS", .complexity = "O(log(N))",
      .history = RANK_HISTORY,
      .summary = "Returns the rank of a member, counted from the lowest score." },
    { .name = "zrem", .args = "key member [member ...]", .flags = WRITE_FAST, .call = zsets_zrem,
      .group = "sorted-set", .since = "1.2.0", .keys = "RW DELETE",
      .complexity = "O(M*log(N)) with N being the number of elements in the sorted set and M the "
                    "number of elements to be removed.",
      .history = "2.4.0: Accepts multiple elements.",
      .summary = "Removes members from a sorted set." },
    { .name = "zremrangebylex", .args = "key min max", .flags = KEEL_WRITE,
      .call = zsets_zremrangebylex, .group = "sorted-set", .since = "2.8.9", .keys = "RW DELETE",
      .complexity = RANGE_COMPLEXITY "removed by the operation.",
      .summary = "Removes the members that lie in a range of bytes." },
    { .name = "zremrangebyrank", .args = "key start stop", .flags = KEEL_WRITE,
      .call = zsets_zremrangebyrank, .group = "sorted-set", .since = "2.0.0", .keys = "RW DELETE",
      .complexity = RANGE_COMPLEXITY "removed by the operation.",
      .summary = "Removes the members of a range of ranks." },
    { .name = "zremrangebyscore", .args = "key min:double max:double", .flags = KEEL_WRITE,
      .call = zsets_zremrangebyscore, .group = "sorted-set", .since = "1.2.0", .keys = "RW DELETE",
      .complexity = RANGE_COMPLEXITY "removed by the operation.",
      .summary = "Removes the members whose scores are in a range." },
    { .name = "zrevrange", .args = "key start stop [WITHSCORES]", .flags = KEEL_READONLY,
      .call = zsets_zrevrange, .group = "sorted-set", .since = "1.2.0", .keys = "RO ACCESS",
      .complexity = RANGE_COMPLEXITY "returned.",
      .deprecated = "6.2.0: `ZRANGE` with the `REV` argument",
      .summary = "Returns the members of a range of ranks, from the highest score down." },
    { .name = "zrevrangebylex", .args = "key max min " LIMIT_ARGS, .flags = KEEL_READONLY,
      .call = zsets_zrevrangebylex, .group = "sorted-set", .since = "2.8.9", .keys = "RO ACCESS",
      .complexity = RANGE_COMPLEXITY "being returned. If M is constant (e.g. always asking for the "
                    "first 10 elements with LIMIT), you can consider it O(log(N)).",
      .deprecated = "6.2.0: `ZRANGE` with the `REV` and `BYLEX` arguments",
      .summary = "Returns the members that lie in a range of bytes, from its end down." },
    { .name = "zrevrangebyscore", .args = "key max:double min:double [WITHSCORES] " LIMIT_ARGS,
      .flags = KEEL_READONLY, .call = zsets_zrevrangebyscore, .group = "sorted-set",
      .since = "2.2.0", .keys = "RO ACCESS",
      .complexity = RANGE_COMPLEXITY "being returned. If M is constant (e.g. always asking for the "
                    "first 10 elements with LIMIT), you can consider it O(log(N)).",
      .history = "2.1.6: `min` and `max` can be exclusive.",
      .deprecated = "6.2.0: `ZRANGE` with the `REV` and `BYSCORE` arguments",
      .summary = "Returns the members whose scores are in a range, from the highest down." },
    { .name = "zrevrank", .args = "key member [WITHSCORE]", .flags = READ_FAST,
      .call = zsets_zrevrank, .group = "sorted-set", .since = "2.0.0", .keys = "RO ACCESS",
      .complexity = "O(log(N))", .history = RANK_HISTORY,
      .summary = "Returns the rank of a member, counted from the highest score." },
    { .name = "zscan", .args = "key cursor [MATCH pattern] [COUNT count]", .flags = KEEL_READONLY,
      .call = zsets_zscan, .group = "sorted-set", .since = "2.8.0", .keys = "RO ACCESS",
      .tips = "nondeterministic_output",
      .complexity = "O(1) for every call. O(N) for a complete iteration, including enough command "
                    "calls for the cursor to return back to 0. N is the number of elements inside "
                    "the collection.",
      .summary = "Walks the members and scores of a sorted set in steps." },
    { .name = "zscore", .args = "key member", .flags = READ_FAST, .call = zsets_zscore,
      .group = "sorted-set", .since = "1.2.0", .keys = "RO ACCESS", .complexity = "O(1)",
      .summary = "Returns the score of a member." },
    { .name = "zunion", .args = "numkeys key [key ...] " AGGREGATE_ARGS " [WITHSCORES]",
      .flags = KEEL_READONLY, .call = zsets_zunion, .group = "sorted-set", .since = "6.2.0",
      .keys = "RO ACCESS", .complexity = UNION_COMPLEXITY,
      .summary = "Returns the members that any of several sorted sets has." },
    { .name = "zunionstore", .args = "destination numkeys key [key ...] " AGGREGATE_ARGS,
      .flags = WRITE_OOM, .call = zsets_zunionstore, .group = "sorted-set", .since = "2.0.0",
      .keys = "OW UPDATE & RO ACCESS", .complexity = UNION_COMPLEXITY,
      .summary = "Stores the members that any of several sorted sets has." },
    { 0 }
};

static const KeelInterface provides[] = {
    { .name = "zset", .version = KEEL_ZSET_VERSION, .functions = &operations },
    { 0 }
};

KEEL_MODULE(.name = "zsets", .version = "1.0.0",
            .summary = "Sorted sets: ZADD, ZRANGE, ZRANK, ZPOPMIN, ZUNION ...",
            .commands = commands, .types = (const KeelType *const[]){&zsets_type, NULL},
            .configs = configs, .provides = provides);
