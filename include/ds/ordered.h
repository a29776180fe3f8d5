/* ds/ordered.h - an ordered sequence with ranks: a counted B+ tree.
 *
 * It holds addresses of elements, whose making and freeing is their owner's. They are laid out as
 * those of a dict with a prefix of 8 bytes, so that one block serves both:
 *
 *     score: double | name length: u8, or 255 and u32 | name
 *
 * The order is that of scores, and among equal scores that of names as bytes. An element is there
 * once; its score and name stay as they are while it is (but for ordered_move()). Ranks count from
 * 0.
 *
 * Leaves are arrays of scores and addresses, so elements themselves are read only where scores are
 * equal; branches hold, for each child, its lowest item and how many items are below it.
 *
 * Cost: 16 bytes an element when they come in order, about 24 when not; all operations O(log n):
 * four nodes for a million elements, of which the upper two are usually cached. */
#ifndef DS_ORDERED_H
#define DS_ORDERED_H

#include <keel/base.h>
#include <string.h>

#define ORDERED_LEAF_ITEMS 62u   /* a leaf is 1 KiB */
#define ORDERED_BRANCH_ITEMS 62u /* a branch is 2 KiB */
#define ORDERED_LEVELS 16u       /* more than 2^48 elements can need */

typedef struct OrderedItem {
    double score;
    char *element;
} OrderedItem;

typedef struct OrderedLeaf {
    struct OrderedLeaf *previous, *next;
    uint16_t count, room; /* a leaf that is alone starts small */
    OrderedItem items[];
} OrderedLeaf;

/* lows[0] is not kept up: whatever is below lows[1] belongs to child 0. */
typedef struct OrderedBranch {
    uint32_t count;
    OrderedItem lows[ORDERED_BRANCH_ITEMS];
    void *children[ORDERED_BRANCH_ITEMS];
    uint64_t sums[ORDERED_BRANCH_ITEMS];
} OrderedBranch;

typedef struct Ordered {
    void *root;           /* a leaf when there are no levels of branches, else a branch */
    OrderedLeaf *first, *last;
    uint64_t count;
    uint32_t levels;
    uint32_t branches, leaves; /* how many there are */
} Ordered;

/* A place. leaf NULL: behind the last element. Void when the sequence changes. */
typedef struct OrderedAt {
    OrderedLeaf *leaf;
    unsigned index;
} OrderedAt;

static inline double ordered_score(const void *element) {
    double score;
    memcpy(&score, element, sizeof(score));
    return score;
}

void ordered_init(Ordered *o);
/* Makes `o`, which is nothing yet, a sequence of copies, which `copy` makes with the same scores and
 * names. Cost: one pass over the nodes, of which the copy has as many. */
void ordered_copy(Ordered *o, const Ordered *from, void *(*copy)(const void *element));
/* Frees the nodes, not the elements. */
void ordered_release(Ordered *o);
/* Adds an element that is not there yet. Its score is not NaN. */
void ordered_insert(Ordered *o, void *element);
/* Takes an element out that is there, without freeing it. */
void ordered_remove(Ordered *o, const void *element);
/* Gives an element that is there another score, also in its block. Cost: where it keeps its place,
 * one search. */
void ordered_move(Ordered *o, void *element, double score);
/* Takes `n` elements out from `rank` on (fewer where they end), each given to `each`, which may
 * free it. Cost: one search for each leaf. */
void ordered_take(Ordered *o, uint64_t rank, uint64_t n, void (*each)(void *element, void *data),
                  void *data);

/* The rank of an element that is there. */
uint64_t ordered_rank(const Ordered *o, const void *element);
OrderedAt ordered_at(const Ordered *o, uint64_t rank);
/* The first element whose score is `score` or higher, or with `past` only higher. *rank (may be
 * NULL) gets its rank, or the number of elements where there is none. */
OrderedAt ordered_seek_score(const Ordered *o, double score, bool past, uint64_t *rank);
/* The same by name, for sequences whose scores are all equal. */
OrderedAt ordered_seek_name(const Ordered *o, KeelStr name, bool past, uint64_t *rank);

static inline OrderedAt ordered_first(const Ordered *o) {
    return (OrderedAt){o->count ? o->first : NULL, 0};
}
static inline OrderedAt ordered_last(const Ordered *o) {
    return (OrderedAt){o->count ? o->last : NULL, o->count ? o->last->count - 1u : 0};
}
static inline const OrderedItem *ordered_item(OrderedAt at) {
    return &at.leaf->items[at.index];
}
/* Both: false, with *at as it was, past the end. */
static inline bool ordered_next(OrderedAt *at) {
    if (at->index + 1u < at->leaf->count) {
        at->index++;
    } else if (at->leaf->next) {
        *at = (OrderedAt){at->leaf->next, 0};
    } else {
        return false;
    }
    return true;
}
static inline bool ordered_previous(OrderedAt *at) {
    if (at->index) {
        at->index--;
    } else if (at->leaf->previous) {
        *at = (OrderedAt){at->leaf->previous, at->leaf->previous->count - 1u};
    } else {
        return false;
    }
    return true;
}
/* Moves nodes and elements to denser places (keel/move.h): `move` says where an element is now,
 * whose score and name must be the same. `cursor` as in KeelType.defragment: NULL, or the rank to
 * go on at. */
void ordered_defragment(Ordered *o, uint64_t *cursor, void *(*move)(void *element, void *data),
                        void *data);
/* Bytes of the nodes, without elements. */
size_t ordered_memory(const Ordered *o);

#endif
