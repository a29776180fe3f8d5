/* lists.h - what the files of the lists module share.
 *
 *     List    what a key holds: one pack ("listpack"), or a Quick ("quicklist")
 *     Quick   a chain of nodes, each a pack, a plain element, or either compressed
 *     Pack    a listpack in a block with free space in front of it and behind it */
#ifndef LISTS_H
#define LISTS_H

#include <ds/listpack.h>
#include <keel.h>
#include <keel/list.h>

/* ---- packs (pack.c) -------------------------------------------------------------------------- */

/* A listpack whose block has room on both sides, so that pushing and popping at either end moves
 * nothing else: popping the first element moves the header up to the next one. */
typedef struct Pack {
    uint8_t *lp;      /* the listpack; NULL while nothing was ever added */
    uint32_t bytes;   /* of the listpack: its header says the same */
    uint32_t count;   /* of elements */
    uint32_t before;  /* bytes of the block in front of the listpack */
    uint32_t room;    /* of the block */
} Pack;

#define PACK_EMPTY ((Pack){.bytes = LP_EMPTY_BYTES})

/* An element's position: bytes behind the listpack's start. */
static inline uint8_t *pack_first(const Pack *p) {
    return p->count ? p->lp + LP_HEADER_BYTES : NULL;
}
static inline uint8_t *pack_last(const Pack *p) {
    return p->count ? lp_prev(p->lp, p->lp + p->bytes - 1) : NULL;
}

void pack_release(Pack *p);
/* Adds at one end. A block that must grow gets room for `want` bytes in all, or what it needs. */
void pack_push(Pack *p, KeelStr s, bool front, size_t want);
/* Removes the first or last element, whose position is `at`. */
void pack_drop(Pack *p, uint8_t *at, bool front);
/* Inserts before `at` (after it when `after`), replaces it; or deletes `n` elements from it on. */
void pack_insert(Pack *p, uint8_t *at, const LpItem *item, bool after);
void pack_replace(Pack *p, uint8_t *at, const LpItem *item);
void pack_delete(Pack *p, uint8_t *at, size_t n);
/* Gives back room when most of the block is unused; or all that can be (`tight`). */
void pack_settle(Pack *p, bool tight);
/* Takes over a listpack of a block of its own. */
Pack pack_adopt(uint8_t *lp);
/* Moves the block to a denser place: also of plain and compressed elements, whose block begins with
 * them. */
void pack_defragment(Pack *p);
/* A copy in a block that fits. */
Pack pack_copy(const Pack *p);

/* ---- quicklists (quicklist.c, edit.c, compress.c) -------------------------------------------- */

typedef struct Node {
    struct Node *prev, *next;
    Pack pack;          /* of a plain element: lp is its bytes, and plain_len() their number */
    uint32_t packed;    /* bytes of pack.lp when that is compressed; 0: it is not */
    bool plain;         /* one element by itself: too large to be packed */
} Node;

typedef struct Quick {
    Node *head, *tail;
    size_t count;       /* of elements */
    uint32_t nodes;
    int32_t fill;       /* list-max-listpack-size when it was made */
    uint32_t depth;     /* list-compress-depth, likewise: nodes at each end that stay open */
    uint32_t size_limit, count_limit; /* what `fill` allows a node */
    Node *to_move;      /* where quick_defragment() goes on; NULL: nowhere */
} Quick;

/* A place: the node and the element's index in it. node NULL: past the end. */
typedef struct Place {
    Node *node;
    size_t offset;
} Place;

/* Elements of this size and above are nodes by themselves. */
extern uint64_t quick_plain_from;
#define QUICK_PLAIN_FROM ((uint64_t)1 << 30)

/* Whether a pack of so many bytes and elements is beyond what `fill` allows; and the bytes that it
 * allows in any case. */
bool quick_exceeds(int64_t fill, size_t bytes, size_t count);
size_t quick_size_limit(int64_t fill);

Quick *quick_new(int64_t fill, int64_t depth);
void quick_free(Quick *q);
Quick *quick_copy(const Quick *q);
/* See KeelType.defragment; any cursor but 0 goes on where the last part ended. */
Quick *quick_defragment(Quick *q, uint64_t *cursor);
void quick_push(Quick *q, KeelStr s, bool front);
/* Removes the first or the last element. */
void quick_drop(Quick *q, bool front);
/* index < q->count */
Place quick_place(const Quick *q, size_t index);
void quick_insert(Quick *q, Place at, KeelStr s, bool after);
void quick_replace(Quick *q, Place at, KeelStr s);
void quick_delete(Quick *q, size_t index, size_t n);

/* What quicklist.c and edit.c share: nodes in and out of the chain. */
Node *node_packed(Pack pack);
Node *node_plain(KeelStr s);
bool node_admits(const Quick *q, const Node *node, size_t len);
/* Puts `node` behind (`after`) or before `by`; an empty quicklist has no `by`. */
void quick_link(Quick *q, Node *by, Node *node, bool after);
/* Takes a node out of the chain and frees it; or when nothing is left in it. */
void quick_unlink(Quick *q, Node *node);
bool quick_unlink_empty(Quick *q, Node *node);

static inline uint64_t plain_len(const Node *node) {
    return (uint64_t)node->pack.room << 32 | node->pack.bytes;
}
/* A plain node's element, whose open bytes are these. */
static inline LpValue plain_value(const Node *node, const uint8_t *bytes) {
    return (LpValue){.ptr = (const char *)bytes, .len = plain_len(node)};
}
static inline bool quick_is_plain(size_t len) {
    return __builtin_expect(len >= quick_plain_from, 0);
}

/* compress.c: nodes further than q->depth from both ends are compressed with LZF. */
/* Opens a node for changes; whoever changed it calls quick_compress() with it. */
void node_open(Node *node);
/* The node's bytes for reading: its own, or a copy in `*opened`, which the caller frees. */
const uint8_t *node_read(const Node *node, uint8_t **opened);
/* Brings the chain in order after `node` (may be NULL) was changed or became an inner one. */
void quick_compress_around(Quick *q, Node *node);
static inline void quick_compress(Quick *q, Node *node) {
    if (__builtin_expect(q->depth != 0, 0)) quick_compress_around(q, node);
}

/* ---- lists (list.c) -------------------------------------------------------------------------- */

typedef struct List {
    Pack pack;          /* the elements while they are few */
    Quick *quick;       /* otherwise; NULL: "listpack" */
} List;

extern const KeelType lists_type;
extern int64_t lists_fill, lists_depth; /* the settings */

List *list_new(void);
void list_free(void *list);
static inline size_t list_count(const List *l) {
    return l->quick ? l->quick->count : l->pack.count;
}
/* The element at an end of a list that has one. Valid until the list changes. */
LpValue list_end(const List *l, bool front);
/* Makes the list a quicklist when so many more bytes and elements are too much for one pack. */
void pack_expect(List *l, size_t bytes, size_t count);
static inline void list_expect(List *l, size_t bytes, size_t count) {
    if (!l->quick) pack_expect(l, bytes, count);
}
/* Back to one pack, when a quicklist has but one node: of half the limit when `shrinking`, so that
 * a list at the limit does not go back and forth. */
void list_shrink(List *l, bool shrinking);
/* These keep the form; the commands call the two above as Redis does. */
static inline void list_push(List *l, KeelStr s, bool front) {
    if (l->quick) {
        quick_push(l->quick, s, front);
    } else {
        pack_push(&l->pack, s, front, 0);
    }
}
void list_drop(List *l, bool front);
void list_insert(List *l, size_t index, KeelStr s, bool after);
void list_replace(List *l, size_t index, KeelStr s);
void list_delete(List *l, size_t index, size_t n);

/* What elements are compared with: parsed once. */
typedef struct Wanted {
    KeelStr s;
    int64_t number;
    bool is_int;
} Wanted;
Wanted wanted_of(KeelStr s);
static inline bool wanted_is(const Wanted *w, LpValue v) {
    if (!v.ptr) return w->is_int && w->number == v.number;
    return v.len == w->s.len && __builtin_memcmp(v.ptr, w->s.ptr, v.len) == 0;
}
/* Deletes up to `limit` (0: all) elements that are `wanted`, from the end when `backwards`. Returns
 * how many. */
size_t list_delete_equal(List *l, const Wanted *wanted, size_t limit, bool backwards);

/* A walk over a list that does not change meanwhile. */
typedef struct Walk {
    const List *list;
    const Node *node;
    const uint8_t *lp;
    uint8_t *p;         /* what walk_next() gives; NULL: go on to the next node */
    uint8_t *opened;    /* a compressed node's bytes */
    bool backwards;
} Walk;
/* Before the element at `index`, which may be past the end. */
void walk_start(Walk *w, const List *l, size_t index, bool backwards);
bool walk_turn(Walk *w);
void walk_end(Walk *w);
/* Inline: LRANGE and LPOS of long lists spend their time here. */
static inline bool walk_next(Walk *w, LpValue *v) {
    if (!w->p && !walk_turn(w)) return false;
    if (__builtin_expect(w->node && w->node->plain, 0)) {
        *v = plain_value(w->node, w->p);
        w->p = NULL;
        return true;
    }
    *v = lp_get(w->p);
    w->p = w->backwards ? lp_prev(w->lp, w->p) : lp_next(w->lp, w->p);
    return true;
}

static inline KeelStr value_str(LpValue v, char scratch[KEEL_INT_ROOM]) {
    if (v.ptr) return (KeelStr){v.ptr, v.len};
    return (KeelStr){scratch, keel_format_int(scratch, v.number)};
}

/* ---- commands -------------------------------------------------------------------------------- */

/* Whether the key holds a list or nothing; otherwise WRONGTYPE has been replied. */
static inline bool lists_check(KeelCtx *c, const KeelKey *key) {
    if (__builtin_expect(keel_key_is(key, &lists_type), 1)) return true;
    keel_reply_wrongtype(c);
    return false;
}
static inline void reply_value(KeelCtx *c, LpValue v) {
    if (v.ptr) {
        keel_reply_bulk(c, (KeelStr){v.ptr, v.len});
    } else {
        keel_reply_bulk_int(c, v.number);
    }
}

/* pop.c: after `n` elements went from an end: tells of it, and deletes the key of an empty list. */
void lists_popped(KeelCtx *c, KeelKey *key, List *l, bool front, size_t n);
/* Replies with an array of up to `n` elements from an end and removes them. */
void lists_pop_many(KeelCtx *c, KeelKey *key, bool front, size_t n);
/* "LEFT" and "RIGHT". False: a syntax error was replied. */
bool lists_side(KeelCtx *c, KeelStr s, bool *front);
/* A count argument from `min` up; `error` when it is not. False: replied. */
bool lists_count(KeelCtx *c, KeelStr s, int64_t min, const char *error, int64_t *out);
/* LMPOP's arguments from `numkeys` on. False: an error was replied. */
typedef struct PopMany {
    const KeelStr *keys;
    int key_count;
    bool front;
    int64_t count;
} PopMany;
bool lists_parse_mpop(KeelCtx *c, const KeelStr *argv, int argc, int first, PopMany *out);
/* Pops from the first of the keys that there is. Returns whether anything was replied. */
bool lists_try_mpop(KeelCtx *c, const PopMany *m);
/* move.c: whether the source is there, or an error was replied; then all is done. */
bool lists_try_move(KeelCtx *c, KeelStr source, KeelStr destination, bool from_front,
                    bool to_front);

KeelHandler lists_lpush, lists_rpush, lists_lpushx, lists_rpushx;
KeelHandler lists_lpop, lists_rpop, lists_lmpop;
KeelHandler lists_llen, lists_lindex, lists_lrange, lists_lpos;
KeelHandler lists_lset, lists_linsert, lists_lrem, lists_ltrim;
KeelHandler lists_lmove, lists_rpoplpush;
KeelHandler lists_blpop, lists_brpop, lists_blmpop, lists_blmove, lists_brpoplpush;

/* ---- the type's other callbacks (file.c), and the interface (operations.c) ------------------- */

int list_save(KeelSink *sink, const KeelValue *v);
int list_load(KeelSource *source, uint8_t opcode, KeelValue *out);
int list_rewrite(KeelSink *sink, KeelStr key, const KeelValue *v);
void list_digest(KeelDigest *d, const KeelValue *v);

extern const KeelListOps list_operations;

#endif
