/* zsets.h - what the files of the zsets module share besides the value itself (zset.h). */
#ifndef ZSETS_H
#define ZSETS_H

#include "zset.h"

extern const KeelType zsets_type;

/* Handlers, by file. */
KeelHandler zsets_zadd, zsets_zincrby, zsets_zrem;
KeelHandler zsets_zcard, zsets_zscore, zsets_zmscore, zsets_zrank, zsets_zrevrank, zsets_zcount,
    zsets_zlexcount;
KeelHandler zsets_zrange, zsets_zrangestore, zsets_zrevrange, zsets_zrangebyscore,
    zsets_zrevrangebyscore, zsets_zrangebylex, zsets_zrevrangebylex;
KeelHandler zsets_zremrangebyrank, zsets_zremrangebyscore, zsets_zremrangebylex;
KeelHandler zsets_zpopmin, zsets_zpopmax, zsets_zmpop, zsets_bzpopmin, zsets_bzpopmax, zsets_bzmpop;
KeelHandler zsets_zunion, zsets_zinter, zsets_zdiff, zsets_zunionstore, zsets_zinterstore,
    zsets_zdiffstore, zsets_zintercard;
KeelHandler zsets_zrandmember, zsets_zscan;
uint64_t zsets_scan(const void *zset, uint64_t cursor, size_t count, KeelZsetEach *each, void *data);

/* Opens a key; *z is its set, or NULL when it is missing. False: WRONGTYPE was replied. */
static inline bool zsets_open(KeelCtx *c, KeelStr name, unsigned mode, KeelKey *key, Zset **z) {
    if (!keel_key_open(c, name, mode, key)) {
        *z = NULL;
        return true;
    }
    if (__builtin_expect(keel_key_is(key, &zsets_type), 1)) {
        *z = keel_key_value(key);
        return true;
    }
    keel_reply_wrongtype(c);
    return false;
}

/* After `n` members were removed: tells of `event`, and deletes a key that has none left. */
void zsets_removed(KeelCtx *c, KeelKey *key, const Zset *z, const char *event, size_t n);
/* The operation `store` of the interface. */
size_t zsets_store(KeelCtx *c, KeelKey *key, void *zset, const char *event);

/* ---- replies ---- */

/* Starts an array of members, with their scores or without. RESP3 has pairs, RESP2 a flat list. */
void reply_members(KeelCtx *c, size_t n, bool scores);
void reply_member(KeelCtx *c, KeelStr member, double score, bool scores, bool pairs);
/* Members from `at` on, in either direction. */
void reply_run(KeelCtx *c, const Zset *z, size_t rank, size_t n, bool reverse, bool scores);

/* ---- codec.c ---- */

uint8_t zset_opcode(const KeelValue *v);
int zset_save(KeelSink *sink, const KeelValue *v);
int zset_load(KeelSource *source, uint8_t opcode, KeelValue *out);
int zset_rewrite(KeelSink *sink, KeelStr key, const KeelValue *v);

#endif
