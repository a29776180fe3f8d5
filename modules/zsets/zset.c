/* zset.c - a sorted set as a value: adding, removing, finding, and changing its form.
 *
 * A small set is a listpack (packed.c). A large one is a hash table of its elements by name and a
 * B+ tree of the same elements by score, so a score is one look-up and a rank one descent, and a
 * member is in memory once. Ranges of either kind are turned into spans of ranks first: then
 * counting is a subtraction, LIMIT is arithmetic, and walks know their length. */
#include <math.h>

#include "zset.h"

int64_t zset_pack_members = 128, zset_pack_longest = 64;

/* ---- the large form -------------------------------------------------------------------------- */

static char *element_new(double score, KeelStr member) {
    char *e = keel_alloc(8 + name_header(member.len) + member.len);
    memcpy(e, &score, 8);
    name_write(e + 8, member.ptr, member.len);
    return e;
}

static inline KeelStr element_name(const char *e) {
    return name_read(e + 8);
}

static inline char *tree_find(const Tree *t, KeelStr member, uint64_t *hash, Place *place) {
    *hash = keel_hash(member.ptr, member.len);
    return dict_find(&t->dict, 8, *hash, member, place);
}

static void tree_insert(Tree *t, uint64_t hash, double score, KeelStr member) {
    char *e = element_new(score, member);
    dict_insert(&t->dict, hash, e);
    ordered_insert(&t->order, e);
}

/* For elements that left the order already. */
static void tree_forget(void *element, void *data) {
    Tree *t = data;
    KeelStr name = element_name(element);
    uint64_t hash = keel_hash(name.ptr, name.len);
    dict_remove(&t->dict, hash, table_place_of(&t->dict.table, hash, element));
    keel_free(element);
}

static Tree *tree_new(size_t members) {
    Tree *t = keel_alloc(sizeof(*t));
    dict_init(&t->dict, 8);
    if (members > 32) dict_reserve(&t->dict, members);
    ordered_init(&t->order);
    return t;
}

static void tree_free(Tree *t) {
    ordered_release(&t->order);
    dict_release(&t->dict, keel_free);
    keel_free(t);
}

/* ---- forms ----------------------------------------------------------------------------------- */

Zset *zset_new(size_t members, size_t longest) {
    if (zset_pack_members == 0 || members > (size_t)zset_pack_members ||
        longest > (size_t)zset_pack_longest) {
        return zset_new_tree(members);
    }
    Zset *z = keel_alloc(sizeof(*z));
    *z = (Zset){.pack = lp_new(0)};
    return z;
}

Zset *zset_new_tree(size_t members) {
    Zset *z = keel_alloc(sizeof(*z));
    *z = (Zset){.tree = tree_new(members)};
    return z;
}

void zset_free(Zset *z) {
    if (z->tree) {
        tree_free(z->tree);
    } else {
        lp_free(z->pack);
    }
    keel_free(z);
}

void zset_to_tree(Zset *z, size_t members) {
    if (z->tree) return;
    Tree *t = tree_new(members);
    for (uint8_t *at = lp_first(z->pack), *beside; at; at = lp_next(z->pack, beside)) {
        char scratch[KEEL_INT_ROOM];
        KeelStr member = lp_str(at, scratch);
        beside = lp_after(at);
        tree_insert(t, keel_hash(member.ptr, member.len), packed_score(beside), member);
    }
    lp_free(z->pack);
    z->pack = NULL;
    z->tree = t;
}

void zset_settle(Zset *z) {
    if (!z->tree || z->tree->order.count > (size_t)zset_pack_members) return;
    size_t bytes = 0;
    OrderedAt at = ordered_first(&z->tree->order);
    bool more = at.leaf != NULL;
    for (OrderedAt scan = at; more; more = ordered_next(&scan)) {
        KeelStr name = element_name(ordered_item(scan)->element);
        if (name.len > (size_t)zset_pack_longest) return;
        bytes += name.len + 32;
    }
    uint8_t *pack = lp_new(0);
    if (!lp_fits(pack, bytes)) {
        lp_free(pack);
        return;
    }
    for (more = at.leaf != NULL; more; more = ordered_next(&at)) {
        const OrderedItem *item = ordered_item(at);
        pack = packed_append(pack, element_name(item->element), item->score);
    }
    tree_free(z->tree);
    z->tree = NULL;
    z->pack = pack;
}

static void *element_copy(const void *element) {
    KeelStr name = element_name(element);
    size_t size = 8 + name_header(name.len) + name.len;
    return memcpy(keel_alloc(size), element, size);
}

/* Into a dict that has room: the buckets of a leaf's elements, which lie anywhere, are fetched before
 * the first of them is used. */
static void add_leaf(Dict *d, const OrderedLeaf *leaf) {
    uint64_t hashes[ORDERED_LEAF_ITEMS];
    for (unsigned i = 0; i < leaf->count; i++) {
        KeelStr name = element_name(leaf->items[i].element);
        hashes[i] = keel_hash(name.ptr, name.len);
        __builtin_prefetch(table_bucket(&d->table, hashes[i]), 1);
    }
    for (unsigned i = 0; i < leaf->count; i++) dict_insert(d, hashes[i], leaf->items[i].element);
}

Zset *zset_copy(const Zset *z) {
    Zset *copy = keel_zalloc(sizeof(*copy));
    if (!z->tree) {
        copy->pack = lp_copy(z->pack);
        return copy;
    }
    Tree *t = copy->tree = keel_alloc(sizeof(*t));
    ordered_copy(&t->order, &z->tree->order, element_copy);
    dict_init(&t->dict, 8);
    dict_reserve(&t->dict, t->order.count);
    for (const OrderedLeaf *leaf = t->order.first; leaf; leaf = leaf->next) add_leaf(&t->dict, leaf);
    return copy;
}

/* The order was told by whoever calls this: the table is to follow. */
static void *move_element(void *element, void *data) {
    Dict *d = data;
    char *e = keel_move(element);
    if (e == element) return e;
    KeelStr name = element_name(e);
    dict_replace(d, table_place_of(&d->table, keel_hash(name.ptr, name.len), element), e);
    return e;
}

/* The order and all elements first, then the table: cursors of the second part have TABLE set. */
static void tree_defragment(Tree *t, uint64_t *cursor) {
    const uint64_t TABLE = (uint64_t)1 << 63;
    if (!cursor) {
        ordered_defragment(&t->order, NULL, move_element, &t->dict);
        dict_defragment(&t->dict, false, NULL);
    } else if (!(*cursor & TABLE)) {
        ordered_defragment(&t->order, cursor, move_element, &t->dict);
        if (*cursor == 0) *cursor = TABLE;
    } else {
        *cursor &= ~TABLE;
        dict_defragment(&t->dict, false, cursor);
        if (*cursor) *cursor |= TABLE;
    }
}

Zset *zset_defragment(Zset *z, uint64_t *cursor) {
    bool begins = !cursor || *cursor == 0;
    if (begins) z = keel_move(z);
    if (z->tree) {
        if (begins) z->tree = keel_move(z->tree);
        tree_defragment(z->tree, cursor);
    } else {
        z->pack = keel_move(z->pack);
        if (cursor) *cursor = 0;
    }
    return z;
}

/* ---- members --------------------------------------------------------------------------------- */

/* What becomes of a member that is there with `present`: *score is what was asked for, and then
 * what it is to be. */
static inline KeelZadd judge(double present, double *score, unsigned flags) {
    if (flags & KEEL_ZADD_NX) return KEEL_ZADD_SKIPPED;
    if (flags & KEEL_ZADD_INCR) {
        *score += present;
        if (isnan(*score)) return KEEL_ZADD_NAN;
    }
    if ((flags & KEEL_ZADD_LT && *score >= present) ||
        (flags & KEEL_ZADD_GT && *score <= present)) {
        return KEEL_ZADD_SKIPPED;
    }
    return *score == present ? KEEL_ZADD_UNCHANGED : KEEL_ZADD_UPDATED;
}

static void packed_add(Zset *z, double score, KeelStr member) {
    if (zset_length(z) + 1 > (size_t)zset_pack_members ||
        member.len > (size_t)zset_pack_longest || !lp_fits(z->pack, member.len + 64)) {
        zset_to_tree(z, 0);
        tree_insert(z->tree, keel_hash(member.ptr, member.len), score, member);
    } else {
        z->pack = packed_insert(z->pack, member, score);
    }
}

KeelZadd zset_add(Zset *z, double score, KeelStr member, unsigned flags, double *result) {
    double present;
    uint64_t hash = 0;
    char *element = NULL;
    uint8_t *at = NULL;
    if (isnan(score)) return KEEL_ZADD_NAN;
    if (z->tree) {
        Place place;
        element = tree_find(z->tree, member, &hash, &place);
        if (element) present = ordered_score(element);
    } else {
        at = packed_find(z->pack, member, &present);
    }
    if (!element && !at) {
        if (flags & KEEL_ZADD_XX) return KEEL_ZADD_SKIPPED;
        if (z->tree) {
            tree_insert(z->tree, hash, score, member);
        } else {
            packed_add(z, score, member);
        }
        if (result) *result = score;
        return KEEL_ZADD_ADDED;
    }
    KeelZadd verdict = judge(present, &score, flags);
    if (result) *result = verdict == KEEL_ZADD_UPDATED ? score : present;
    if (verdict != KEEL_ZADD_UPDATED) return verdict;
    if (element) {
        ordered_move(&z->tree->order, element, score);
    } else {
        z->pack = lp_delete(z->pack, &at, 2);
        z->pack = packed_insert(z->pack, member, score);
    }
    return KEEL_ZADD_UPDATED;
}

void zset_insert(Zset *z, double score, KeelStr member) {
    if (z->tree) {
        tree_insert(z->tree, keel_hash(member.ptr, member.len), score, member);
    } else {
        packed_add(z, score, member);
    }
}

bool zset_remove(Zset *z, KeelStr member) {
    if (!z->tree) {
        uint8_t *at = packed_find(z->pack, member, NULL);
        if (!at) return false;
        z->pack = lp_delete(z->pack, &at, 2);
        return true;
    }
    uint64_t hash;
    Place place;
    char *element = tree_find(z->tree, member, &hash, &place);
    if (!element) return false;
    dict_remove(&z->tree->dict, hash, place);
    ordered_remove(&z->tree->order, element);
    keel_free(element);
    return true;
}

bool zset_score(const Zset *z, KeelStr member, double *score) {
    if (!z->tree) return packed_find(z->pack, member, score) != NULL;
    uint64_t hash;
    Place place;
    const char *element = tree_find(z->tree, member, &hash, &place);
    if (element) *score = ordered_score(element);
    return element != NULL;
}

int64_t zset_rank(const Zset *z, KeelStr member, bool reverse, double *score) {
    size_t rank = 0;
    if (z->tree) {
        uint64_t hash;
        Place place;
        const char *element = tree_find(z->tree, member, &hash, &place);
        if (!element) return -1;
        rank = ordered_rank(&z->tree->order, element);
        *score = ordered_score(element);
    } else {
        const uint8_t *found = packed_find(z->pack, member, score);
        if (!found) return -1;
        const uint8_t *at = z->pack + LP_HEADER_BYTES;
        for (; at != found; at = lp_after(lp_after(at))) rank++;
    }
    return (int64_t)(reverse ? zset_length(z) - 1 - rank : rank);
}

/* ---- spans ----------------------------------------------------------------------------------- */

Span zset_span_scores(const Zset *z, const KeelScoreRange *range) {
    Span span = {0, 0};
    if (scores_empty(range)) return span;
    if (z->tree) {
        const Ordered *o = &z->tree->order;
        ordered_seek_score(o, range->min, range->min_open, &span.from);
        ordered_seek_score(o, range->max, !range->max_open, &span.to);
        return span.from < span.to ? span : (Span){0, 0};
    }
    size_t rank = 0;
    for (uint8_t *at = lp_first(z->pack); at; at = lp_next(z->pack, at), rank++) {
        double score = packed_score(at = lp_after(at));
        if (range->max_open ? score >= range->max : score > range->max) break;
        if (range->min_open ? score <= range->min : score < range->min) span.from = rank + 1;
        span.to = rank + 1;
    }
    return span.from < span.to ? span : (Span){0, 0};
}

static Span tree_span_lex(const Ordered *o, const KeelLexRange *range) {
    Span span = {0, o->count};
    if (range->min_end == 0) ordered_seek_name(o, range->min, range->min_open, &span.from);
    if (range->max_end == 0) ordered_seek_name(o, range->max, !range->max_open, &span.to);
    return span.from < span.to ? span : (Span){0, 0};
}

/* Forward: from the first member that is not too small on until one is too large. */
static Span packed_span_lex(const uint8_t *pack, const KeelLexRange *range) {
    char scratch[KEEL_INT_ROOM];
    Span span = {0, 0};
    uint8_t *at = lp_first(pack);
    while (at && !lex_after_min(range, lp_str(at, scratch))) {
        at = lp_next(pack, lp_after(at));
        span.from++;
    }
    span.to = span.from;
    while (at && lex_before_max(range, lp_str(at, scratch))) {
        at = lp_next(pack, lp_after(at));
        span.to++;
    }
    return span;
}

static uint8_t *member_before(const uint8_t *pack, const uint8_t *member) {
    uint8_t *score = lp_prev(pack, member);
    return score ? lp_before(score) : NULL;
}

static Span packed_span_lex_reverse(const uint8_t *pack, const KeelLexRange *range) {
    char scratch[KEEL_INT_ROOM];
    Span span = {0, lp_count(pack) / 2};
    uint8_t *at = lp_before(lp_before(pack + lp_bytes(pack) - 1));
    for (; at && !lex_before_max(range, lp_str(at, scratch)); span.to--) {
        at = member_before(pack, at);
    }
    span.from = span.to;
    for (; at && lex_after_min(range, lp_str(at, scratch)); span.from--) {
        at = member_before(pack, at);
    }
    return span;
}

/* Where the last member is too small or the first one too large nothing is inside: that is asked
 * first, as scores that differ could make a walk find some. */
Span zset_span_lex(const Zset *z, const KeelLexRange *range, bool reverse) {
    char scratch[KEEL_INT_ROOM];
    if (lex_empty(range)) return (Span){0, 0};
    if (z->tree) return tree_span_lex(&z->tree->order, range);
    const uint8_t *last = lp_last(z->pack);
    if (!last) return (Span){0, 0};
    if (!lex_after_min(range, lp_str(lp_before(last), scratch)) ||
        !lex_before_max(range, lp_str(lp_first(z->pack), scratch))) {
        return (Span){0, 0};
    }
    return reverse ? packed_span_lex_reverse(z->pack, range) : packed_span_lex(z->pack, range);
}

void zset_remove_span(Zset *z, Span span) {
    if (z->tree) {
        ordered_take(&z->tree->order, span.from, span.to - span.from, tree_forget, z->tree);
    } else {
        z->pack = lp_delete_range(z->pack, (long)span.from * 2, (span.to - span.from) * 2);
    }
}

/* ---- places ---------------------------------------------------------------------------------- */

At zset_at(const Zset *z, size_t rank) {
    if (!z->tree) return (At){(void *)(uintptr_t)z, lp_seek(z->pack, (long)rank * 2), 0};
    const Ordered *o = &z->tree->order;
    OrderedAt at = rank == 0              ? ordered_first(o)
                   : rank + 1 == o->count ? ordered_last(o)
                                          : ordered_at(o, rank);
    return (At){(void *)(uintptr_t)z, at.leaf, at.index};
}

bool zset_next(At *at) {
    const Zset *z = at->zset_;
    if (z->tree) {
        OrderedAt place = {at->block_, (unsigned)at->index_};
        if (!ordered_next(&place)) return false;
        at->block_ = place.leaf;
        at->index_ = place.index;
        return true;
    }
    uint8_t *next = lp_next(z->pack, lp_after(at->block_));
    if (next) at->block_ = next;
    return next != NULL;
}

bool zset_previous(At *at) {
    const Zset *z = at->zset_;
    if (z->tree) {
        OrderedAt place = {at->block_, (unsigned)at->index_};
        if (!ordered_previous(&place)) return false;
        at->block_ = place.leaf;
        at->index_ = place.index;
        return true;
    }
    uint8_t *score = lp_prev(z->pack, at->block_);
    if (score) at->block_ = lp_before(score);
    return score != NULL;
}

void zset_item(const At *at, Item *item) {
    const Zset *z = at->zset_;
    if (z->tree) {
        const OrderedItem *found = ordered_item((OrderedAt){at->block_, (unsigned)at->index_});
        item->member = element_name(found->element);
        item->score = found->score;
    } else {
        item->member = lp_str(at->block_, item->scratch);
        item->score = packed_score(lp_after(at->block_));
    }
}
