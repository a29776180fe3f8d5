/* zset.h - a sorted set as a value: two forms behind one set of functions. */
#ifndef ZSETS_ZSET_H
#define ZSETS_ZSET_H

#include <ds/dict.h>
#include <ds/listpack.h>
#include <ds/ordered.h>
#include <keel.h>

/* The large form. Each element is one block, which both parts point to: score (8 bytes), name. */
typedef struct Tree {
    Dict dict;     /* by name */
    Ordered order; /* by score and name */
} Tree;

/* What a key's value pointer points to. One of the two is NULL. */
typedef struct Zset {
    uint8_t *pack; /* the small form: member, score, member, score ... in order */
    Tree *tree;
} Zset;

/* zset-max-listpack-entries and zset-max-listpack-value. */
extern int64_t zset_pack_members, zset_pack_longest;

/* `members` and `longest` are what is to come, as far as known. */
Zset *zset_new(size_t members, size_t longest);
/* In the large form whatever its size, for results that zset_settle() follows. */
Zset *zset_new_tree(size_t members);
void zset_free(Zset *z);
Zset *zset_copy(const Zset *z);
/* See KeelType.defragment. */
Zset *zset_defragment(Zset *z, uint64_t *cursor);
/* To the large form, whose table then has room for `members`. */
void zset_to_tree(Zset *z, size_t members);
/* To the form that a set of its size is kept in, for results that were made in the other one. */
void zset_settle(Zset *z);

static inline size_t zset_length(const Zset *z) {
    return z->tree ? z->tree->order.count : lp_count(z->pack) / 2;
}

KeelZadd zset_add(Zset *z, double score, KeelStr member, unsigned flags, double *result);
/* Adds a member that is not there. `member` may not point into the set. */
void zset_insert(Zset *z, double score, KeelStr member);
bool zset_remove(Zset *z, KeelStr member);
bool zset_score(const Zset *z, KeelStr member, double *score);
int64_t zset_rank(const Zset *z, KeelStr member, bool reverse, double *score);

/* Ranks from .. to - 1. */
typedef struct Span {
    size_t from, to;
} Span;
Span zset_span_scores(const Zset *z, const KeelScoreRange *range);
/* `reverse` matters only where scores are not all equal, which leaves the result open: small sets
 * then answer as if they were walked from that end. */
Span zset_span_lex(const Zset *z, const KeelLexRange *range, bool reverse);
/* Removes a span that lies within the set. */
void zset_remove_span(Zset *z, Span span);

/* Places: of the member at `rank` from the front, which must be there; and then its neighbours. */
typedef KeelZsetAt At;
typedef KeelZsetItem Item;
At zset_at(const Zset *z, size_t rank);
bool zset_next(At *at);
bool zset_previous(At *at);
void zset_item(const At *at, Item *item);

/* ---- scores and ends of ranges (bounds.c) ---- */

bool score_in(const KeelScoreRange *range, double score);
bool lex_in(const KeelLexRange *range, KeelStr member);
bool lex_after_min(const KeelLexRange *range, KeelStr member);
bool lex_before_max(const KeelLexRange *range, KeelStr member);
/* Whether nothing can be inside. */
bool scores_empty(const KeelScoreRange *range);
bool lex_empty(const KeelLexRange *range);
bool scores_parse(KeelStr min, KeelStr max, KeelScoreRange *range);
bool lex_parse(KeelStr min, KeelStr max, KeelLexRange *range);

static inline int bytes_compare(KeelStr a, KeelStr b) {
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* ---- the small form (packed.c) ---- */

double packed_score(const uint8_t *at);
/* The element of this member, with its score; NULL: none. */
uint8_t *packed_find(const uint8_t *pack, KeelStr member, double *score);
/* Both return the pack, perhaps moved. */
uint8_t *packed_insert(uint8_t *pack, KeelStr member, double score);
uint8_t *packed_append(uint8_t *pack, KeelStr member, double score);

#endif
