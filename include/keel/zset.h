/* keel/zset.h - the interface "zset": sorted sets for modules that keep their own data in them, and
 * that a replacement of the module that owns them must bring too.
 *
 * A sorted set is members, each once, with a score; in order of their scores, and those of equal
 * score in order of their bytes. Scores are any double but NaN.
 *
 *     const KeelZsetOps *zset = keel_interface("zset", KEEL_ZSET_VERSION);
 *     if (!keel_key_is(&key, zset->type)) return keel_reply_wrongtype(c);
 *     void *value = keel_key_exists(&key) ? keel_key_value(&key) : zset->create(0, 0);
 *     zset->add(value, 1.5, member, KEEL_ZADD_GT, NULL);
 *
 * Values are addressed by the pointer that keel_key_value() gives; it does not move as the value
 * changes. All functions leave to the caller what concerns the key: putting a new value into it
 * (keel_key_set_value(), then keel_key_ready() where it was missing), deleting it when its last
 * member has gone, keel_key_changed(), and the journal. The exception is store().
 *
 * Contexts: any that may read or change the keyspace; a fork child may call what takes a const
 * value. */
#ifndef KEEL_ZSET_H
#define KEEL_ZSET_H

#include <keel/base.h>
#include <keel/type.h>

#define KEEL_ZSET_VERSION 101

/* How add() treats a member that is there, or is not. */
enum {
    KEEL_ZADD_NX = 1u << 0,   /* only new members */
    KEEL_ZADD_XX = 1u << 1,   /* only members that are there */
    KEEL_ZADD_GT = 1u << 2,   /* of those that are there, only to a greater score */
    KEEL_ZADD_LT = 1u << 3,   /* ... only to a smaller score */
    KEEL_ZADD_INCR = 1u << 4, /* the score is added to the present one */
};

typedef enum KeelZadd {
    KEEL_ZADD_ADDED,     /* it is a new member */
    KEEL_ZADD_UPDATED,   /* it has another score */
    KEEL_ZADD_UNCHANGED, /* it has this score already */
    KEEL_ZADD_SKIPPED,   /* the flags forbade it: nothing changed */
    KEEL_ZADD_NAN,       /* the score is, or would become, NaN: nothing changed */
} KeelZadd;

/* Scores from `min` to `max`; an open end does not belong to the range. */
typedef struct KeelScoreRange {
    double min, max;
    bool min_open, max_open;
} KeelScoreRange;

/* Members from `min` to `max` in order of bytes, for sets whose scores are all equal. */
typedef struct KeelLexRange {
    KeelStr min, max;
    bool min_open, max_open;
    int8_t min_end, max_end; /* -1: before all members, 1: behind all; then min, max do not count */
} KeelLexRange;

/* A member at its place in the order. Void when the set changes. The fields are the set's own. */
typedef struct KeelZsetAt {
    void *zset_, *block_;
    size_t index_;
} KeelZsetAt;

typedef struct KeelZsetItem {
    KeelStr member; /* lives until the set changes, or the item is filled anew */
    double score;
    char scratch[KEEL_INT_ROOM];
} KeelZsetItem;

/* One member as scan() shows it; the view lives until the callback returns. */
typedef void KeelZsetEach(KeelStr member, double score, void *data);

/* From keel_interface("zset", KEEL_ZSET_VERSION), and the type's `operations`. */
typedef struct KeelZsetOps {
    uint32_t size;
    const KeelType *type;

    /* A new, empty set; the caller's until a key owns it. `members` and `longest` are what is to
     * come (number of members, bytes of the longest), as far as known, and choose its form. */
    void *(*create)(size_t members, size_t longest);
    /* For values that no key owns. */
    void (*free)(void *zset);

    /* `flags` are KEEL_ZADD_*. *result (may be NULL) gets the score that the member has afterwards,
     * where it has one. Cost: O(log n). */
    KeelZadd (*add)(void *zset, double score, KeelStr member, unsigned flags, double *result);
    /* False: it was not there. */
    bool (*remove)(void *zset, KeelStr member);
    size_t (*length)(const void *zset);
    /* False: no such member, and *score is untouched. */
    bool (*score)(const void *zset, KeelStr member, double *score);
    /* Members before it, or behind it with `reverse`; -1: no such member. */
    int64_t (*rank)(const void *zset, KeelStr member, bool reverse);

    /* Places. All return false, with *at untouched, where there is no such member. Ranks count from
     * the first member, or with `reverse` from the last. */
    bool (*at_rank)(const void *zset, size_t rank, bool reverse, KeelZsetAt *at);
    bool (*first_of_scores)(const void *zset, const KeelScoreRange *range, KeelZsetAt *at);
    bool (*last_of_scores)(const void *zset, const KeelScoreRange *range, KeelZsetAt *at);
    bool (*first_of_lex)(const void *zset, const KeelLexRange *range, KeelZsetAt *at);
    bool (*last_of_lex)(const void *zset, const KeelLexRange *range, KeelZsetAt *at);
    bool (*next)(KeelZsetAt *at);
    bool (*previous)(KeelZsetAt *at);
    void (*item)(const KeelZsetAt *at, KeelZsetItem *item);

    /* Whether a score or a member is inside a range: for loops with next() and previous(). */
    bool (*in_scores)(const KeelScoreRange *range, double score);
    bool (*in_lex)(const KeelLexRange *range, KeelStr member);
    /* Members inside a range. Cost: O(log n). */
    size_t (*count_scores)(const void *zset, const KeelScoreRange *range);
    size_t (*count_lex)(const void *zset, const KeelLexRange *range);
    /* Ends of ranges as commands spell them: "1.5" "(1.5" "-inf", "[abc" "(abc" "-" "+". The words
     * are NUL-terminated as arguments are, and views in *range are into them. False: not one. */
    bool (*parse_scores)(KeelStr min, KeelStr max, KeelScoreRange *range);
    bool (*parse_lex)(KeelStr min, KeelStr max, KeelLexRange *range);

    /* What STORE options do with their result: `zset`, which is the caller's no longer, replaces
     * whatever the key held, in the form that its size asks for, and `event` of the class of sorted
     * sets is announced; without members the key is deleted, if it was there. The reply and the
     * journal stay the caller's. Returns the members. Contexts: command. */
    size_t (*store)(KeelCtx *c, KeelKey *key, void *zset, const char *event);
    /* Since 101. A walk in steps that survives changes in between, as ZSCAN's: shows about `count`
     * members from `cursor` on (small sets: all) and returns the next cursor, 0 at the end. */
    uint64_t (*scan)(const void *zset, uint64_t cursor, size_t count, KeelZsetEach *each,
                     void *data);
} KeelZsetOps;

#endif
