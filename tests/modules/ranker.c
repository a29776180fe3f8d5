/* ranker.c - sorted sets through their interface alone, as other modules use them.
 *
 *     RANKER.ADD key score member [flags]      what add() says, and the score afterwards
 *     RANKER.REM key member                    1 or 0
 *     RANKER.FACTS key member                  length, rank, reverse rank, score
 *     RANKER.WALK key SCORE|LEX min max [REV]  members of a range, found and walked place by place
 *     RANKER.COUNT key SCORE|LEX min max       how many
 *     RANKER.AT key rank [REV]                 member and score, or null
 *     RANKER.STORE key [score member ...]      stores a set made by itself */
#include <keel.h>

static const KeelZsetOps *zset;

static void *value_of(KeelCtx *c, KeelStr name, KeelKey *key) {
    if (!keel_key_open(c, name, KEEL_KEY_WRITE, key)) return zset->create(0, 0);
    return keel_key_is(key, zset->type) ? keel_key_value(key) : zset->create(0, 0);
}

/* A value that value_of() made goes again, or into its key. */
static void settle(KeelKey *key, void *value) {
    if (zset->length(value) == 0) {
        if (keel_key_exists(key)) keel_key_delete(key, false);
        else zset->free(value);
    } else if (!keel_key_exists(key)) {
        keel_key_set_value(key, zset->type, value, KEEL_NO_EXPIRY);
    }
}

static void ranker_add(KeelCtx *c, const KeelStr *argv, int argc) {
    static const char *const words[] = {"added", "updated", "unchanged", "skipped", "nan"};
    KeelKey key;
    double score = 0, result = -1;
    int64_t flags = 0;
    if (argc > 4 && !keel_arg_int(c, argv[4], &flags)) return;
    keel_parse_double(argv[2], &score);
    void *value = value_of(c, argv[1], &key);
    KeelZadd done = zset->add(value, score, argv[3], (unsigned)flags, &result);
    settle(&key, value);
    keel_key_changed(&key, KEEL_NOTIFY_ZSET, "ranker");
    keel_reply_array(c, 2);
    keel_reply_cstr(c, words[done]);
    keel_reply_double(c, result);
}

static void ranker_rem(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    void *value = value_of(c, argv[1], &key);
    bool there = zset->remove(value, argv[2]);
    settle(&key, value);
    keel_reply_int(c, there);
}

static void ranker_facts(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    double score = -1;
    void *value = value_of(c, argv[1], &key);
    keel_reply_array(c, 4);
    keel_reply_int(c, (int64_t)zset->length(value));
    keel_reply_int(c, zset->rank(value, argv[2], false));
    keel_reply_int(c, zset->rank(value, argv[2], true));
    zset->score(value, argv[2], &score);
    keel_reply_double(c, score);
    settle(&key, value);
}

static void ranker_walk(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    KeelScoreRange scores;
    KeelLexRange lex;
    KeelZsetAt at = {0};
    size_t n = 0;
    bool by_lex = keel_is(argv[2], "lex"), reverse = argc > 5, more;
    if (by_lex ? !zset->parse_lex(argv[3], argv[4], &lex)
               : !zset->parse_scores(argv[3], argv[4], &scores)) {
        keel_reply_error(c, "ERR no range");
        return;
    }
    void *value = value_of(c, argv[1], &key);
    if (by_lex) more = (reverse ? zset->last_of_lex : zset->first_of_lex)(value, &lex, &at);
    else more = (reverse ? zset->last_of_scores : zset->first_of_scores)(value, &scores, &at);
    KeelDeferred array = keel_reply_defer_array(c);
    while (more) {
        KeelZsetItem item;
        zset->item(&at, &item);
        bool inside = by_lex ? zset->in_lex(&lex, item.member)
                             : zset->in_scores(&scores, item.score);
        if (!inside) break;
        keel_reply_bulk(c, item.member);
        n++;
        more = reverse ? zset->previous(&at) : zset->next(&at);
    }
    keel_reply_end(c, array, n);
    settle(&key, value);
}

static void ranker_count(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    KeelScoreRange scores;
    KeelLexRange lex;
    void *value = value_of(c, argv[1], &key);
    if (keel_is(argv[2], "lex") && zset->parse_lex(argv[3], argv[4], &lex)) {
        keel_reply_int(c, (int64_t)zset->count_lex(value, &lex));
    } else if (zset->parse_scores(argv[3], argv[4], &scores)) {
        keel_reply_int(c, (int64_t)zset->count_scores(value, &scores));
    } else {
        keel_reply_error(c, "ERR no range");
    }
    settle(&key, value);
}

static void ranker_at(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    KeelZsetAt at;
    KeelZsetItem item;
    int64_t rank;
    if (!keel_arg_int(c, argv[2], &rank)) return;
    void *value = value_of(c, argv[1], &key);
    if (zset->at_rank(value, (size_t)rank, argc > 3, &at)) {
        zset->item(&at, &item);
        keel_reply_array(c, 2);
        keel_reply_bulk(c, item.member);
        keel_reply_double(c, item.score);
    } else {
        keel_reply_null(c);
    }
    settle(&key, value);
}

static void ranker_store(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    void *value = zset->create((size_t)(argc - 2) / 2, 0);
    for (int i = 2; i + 1 < argc; i += 2) {
        double score = 0;
        keel_parse_double(argv[i], &score);
        zset->add(value, score, argv[i + 1], 0, NULL);
    }
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    keel_reply_int(c, (int64_t)zset->store(c, &key, value, "ranker"));
}

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    zset = keel_interface("zset", KEEL_ZSET_VERSION);
    return zset ? 0 : keel_load_error(c, "no sorted sets");
}

#define ROW(NAME, ARGS, CALL)                                                                      \
    { .name = NAME, .args = ARGS, .flags = KEEL_WRITE, .call = CALL, .since = "1.0.0",             \
      .complexity = "O(log(N))", .keys = "RW UPDATE", .summary = "For a test." }

static const KeelCommand commands[] = {
    ROW("ranker.add", "key score:double member [flags:integer]", ranker_add),
    ROW("ranker.rem", "key member", ranker_rem),
    ROW("ranker.facts", "key member", ranker_facts),
    ROW("ranker.walk", "key (SCORE|LEX){by} min max [REV]", ranker_walk),
    ROW("ranker.count", "key (SCORE|LEX){by} min max", ranker_count),
    ROW("ranker.at", "key rank:integer [REV]", ranker_at),
    ROW("ranker.store", "key [score:double member [score:double member ...]]{pairs}", ranker_store),
    { 0 }
};

KEEL_MODULE(.name = "ranker", .version = "1.0.0", .needs = "zsets",
            .summary = "Sorted sets through their interface.", .commands = commands, .load = load);
