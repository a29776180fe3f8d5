/* key_zset.c - sorted sets through key handles, by the interface "zset": scores, and walks over
 * ranges of scores or of members. */
#include "rm.h"

#include <math.h>

static const KeelZsetOps *zset_of(RedisModuleKey *key) {
    const KeelZsetOps *zset = rm_zset();
    return key && zset && keel_key_is(&key->key, zset->type) ? zset : NULL;
}

/* ---- scores ----------------------------------------------------------------------------------- */

static unsigned in_flags(int flags) {
    unsigned host = 0;
    if (flags & REDISMODULE_ZADD_XX) host |= KEEL_ZADD_XX;
    if (flags & REDISMODULE_ZADD_NX) host |= KEEL_ZADD_NX;
    if (flags & REDISMODULE_ZADD_GT) host |= KEEL_ZADD_GT;
    if (flags & REDISMODULE_ZADD_LT) host |= KEEL_ZADD_LT;
    return host;
}

static int add(RedisModuleKey *key, double score, RedisModuleString *member, unsigned flags,
               int *out, double *result) {
    const KeelZsetOps *zset = zset_of(key);
    if (!zset || !rm_key_writable(key) || isnan(score)) return REDISMODULE_ERR;
    bool there = keel_key_exists(&key->key);
    void *value = there ? keel_key_value(&key->key) : zset->create(1, member->len);
    double now = 0;
    KeelZadd done = zset->add(value, score, rm_view(member), flags, &now);
    if (result && done < KEEL_ZADD_SKIPPED) *result = now;
    if (done == KEEL_ZADD_NAN || (!there && done != KEEL_ZADD_ADDED)) {
        if (!there) zset->free(value);
        if (done == KEEL_ZADD_NAN) return REDISMODULE_ERR;
    } else if (!there) {
        keel_key_set_value(&key->key, zset->type, value, KEEL_NO_EXPIRY);
        if (key->ctx) keel_key_ready(key->ctx->c, keel_key_db(&key->key), key->key.name);
    }
    if (done == KEEL_ZADD_ADDED || done == KEEL_ZADD_UPDATED) rm_key_touched(key);
    if (out) {
        *out = done == KEEL_ZADD_ADDED     ? REDISMODULE_ZADD_ADDED
               : done == KEEL_ZADD_UPDATED ? REDISMODULE_ZADD_UPDATED
               : done == KEEL_ZADD_SKIPPED ? REDISMODULE_ZADD_NOP
                                           : 0;
    }
    return REDISMODULE_OK;
}

int RM_ZsetAdd(RedisModuleKey *key, double score, RedisModuleString *member, int *flags) {
    return add(key, score, member, flags ? in_flags(*flags) : 0, flags, NULL);
}

int RM_ZsetIncrby(RedisModuleKey *key, double by, RedisModuleString *member, int *flags,
                  double *result) {
    unsigned host = (flags ? in_flags(*flags) : 0) | KEEL_ZADD_INCR;
    return add(key, by, member, host, flags, result);
}

int RM_ZsetRem(RedisModuleKey *key, RedisModuleString *member, int *removed) {
    const KeelZsetOps *zset = zset_of(key);
    if (!zset || !rm_key_writable(key)) return REDISMODULE_ERR;
    bool gone = false;
    if (keel_key_exists(&key->key)) {
        void *value = keel_key_value(&key->key);
        gone = zset->remove(value, rm_view(member));
        if (gone && zset->length(value) == 0) rm_key_delete(key);
        if (gone) rm_key_touched(key);
    }
    if (removed) *removed = gone;
    return REDISMODULE_OK;
}

int RM_ZsetScore(RedisModuleKey *key, RedisModuleString *member, double *score) {
    const KeelZsetOps *zset = zset_of(key);
    if (!zset || !keel_key_exists(&key->key)) return REDISMODULE_ERR;
    bool there = zset->score(keel_key_value(&key->key), rm_view(member), score);
    return there ? REDISMODULE_OK : REDISMODULE_ERR;
}

/* ---- ranges ----------------------------------------------------------------------------------- */

void RM_ZsetRangeStop(RedisModuleKey *key) {
    if (key && (key->walk == WALK_SCORES || key->walk == WALK_LEX)) rm_key_end_walk(key);
}

static int start(RedisModuleKey *key, bool found, int walk) {
    key->walk = walk;
    key->unusual = true;
    key->walk_ended = !found;
    return REDISMODULE_OK;
}

static int start_scores(RedisModuleKey *key, double min, double max, int minex, int maxex,
                        bool last) {
    const KeelZsetOps *zset = zset_of(key);
    if (!zset || !keel_key_exists(&key->key)) return REDISMODULE_ERR;
    if (key->walk != WALK_NONE) rm_key_end_walk(key);
    key->scores = (KeelScoreRange){min, max, minex, maxex};
    void *value = keel_key_value(&key->key);
    bool found = last ? zset->last_of_scores(value, &key->scores, &key->at)
                      : zset->first_of_scores(value, &key->scores, &key->at);
    return start(key, found, WALK_SCORES);
}

int RM_ZsetFirstInScoreRange(RedisModuleKey *key, double min, double max, int minex, int maxex) {
    return start_scores(key, min, max, minex, maxex, false);
}
int RM_ZsetLastInScoreRange(RedisModuleKey *key, double min, double max, int minex, int maxex) {
    return start_scores(key, min, max, minex, maxex, true);
}

static int start_lex(RedisModuleKey *key, RedisModuleString *min, RedisModuleString *max,
                     bool last) {
    const KeelZsetOps *zset = zset_of(key);
    if (!zset || !keel_key_exists(&key->key)) return REDISMODULE_ERR;
    if (key->walk != WALK_NONE) rm_key_end_walk(key);
    KeelLexRange range;
    if (!zset->parse_lex(rm_view(min), rm_view(max), &range)) return REDISMODULE_ERR;
    /* The range is made of views: its words stay as long as the walk. */
    key->lex_min = rm_string_keep(min);
    key->lex_max = rm_string_keep(max);
    zset->parse_lex(rm_view(min), rm_view(max), &key->lex);
    void *value = keel_key_value(&key->key);
    bool found = last ? zset->last_of_lex(value, &key->lex, &key->at)
                      : zset->first_of_lex(value, &key->lex, &key->at);
    return start(key, found, WALK_LEX);
}

int RM_ZsetFirstInLexRange(RedisModuleKey *key, RedisModuleString *min, RedisModuleString *max) {
    return start_lex(key, min, max, false);
}
int RM_ZsetLastInLexRange(RedisModuleKey *key, RedisModuleString *min, RedisModuleString *max) {
    return start_lex(key, min, max, true);
}

/* ---- walking ----------------------------------------------------------------------------------- */

static bool walking(const RedisModuleKey *key) {
    return key && (key->walk == WALK_SCORES || key->walk == WALK_LEX) && !key->walk_ended;
}

RedisModuleString *RM_ZsetRangeCurrentElement(RedisModuleKey *key, double *score) {
    KeelZsetItem item;
    if (!walking(key)) return NULL;
    rm_zset()->item(&key->at, &item);
    if (score) *score = item.score;
    return rm_string_for(key->ctx, item.member.ptr, item.member.len);
}

static int step(RedisModuleKey *key, bool back) {
    const KeelZsetOps *zset = rm_zset();
    if (!walking(key)) return 0;
    bool moved = back ? zset->previous(&key->at) : zset->next(&key->at);
    if (moved) {
        KeelZsetItem item;
        zset->item(&key->at, &item);
        moved = key->walk == WALK_SCORES ? zset->in_scores(&key->scores, item.score)
                                         : zset->in_lex(&key->lex, item.member);
    }
    key->walk_ended = !moved;
    return moved;
}

int RM_ZsetRangeNext(RedisModuleKey *key) {
    return step(key, false);
}
int RM_ZsetRangePrev(RedisModuleKey *key) {
    return step(key, true);
}
int RM_ZsetRangeEndReached(RedisModuleKey *key) {
    return !walking(key);
}
