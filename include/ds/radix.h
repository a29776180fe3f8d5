/* ds/radix.h - an ordered map of byte strings to pointers: a radix tree with compressed paths.
 *
 * Keys are ordered as memcmp() orders them, a prefix before what it is a prefix of; the empty key
 * is a key. Numbers are ordered as keys when they are written big endian. Finding, adding and
 * removing cost O(length of the key), however many keys there are; walking costs O(1) a step.
 *
 * A node is one block: the bytes that all keys below share, one byte for each child, sorted, and
 * then the pointers. So a key that differs from its neighbours in the last bytes takes a node of 16
 * to 32 bytes and 9 in its parent, whatever its length.
 *
 *     prefix length, children, has value: 4 bytes | prefix | children's first bytes | (aligned)
 *     value, if any | children */
#ifndef DS_RADIX_H
#define DS_RADIX_H

#include <keel/base.h>

#define RADIX_KEY_MAX (((size_t)1 << 22) - 1)

typedef struct RadixNode RadixNode;
typedef struct Radix {
    RadixNode *root;
    uint64_t count; /* keys */
    uint32_t stamp; /* moves on whenever nodes may have moved */
    uint32_t nodes, runs; /* nodes, and those of them with a prefix */
    size_t bytes;         /* of all nodes */
} Radix;

void radix_init(Radix *tree);
/* Frees all nodes, and each value through `free` when that is not NULL. The tree is empty then. */
void radix_release(Radix *tree, void (*free)(void *value));
/* Where the key's value is kept, until the tree changes. NULL: there is no such key. */
void **radix_find(const Radix *tree, KeelStr key);
/* The same, the key added with the value NULL when it is missing, which *added (may be NULL) tells.
 * NULL: the key is longer than RADIX_KEY_MAX. */
void **radix_add(Radix *tree, KeelStr key, bool *added);
/* False: it was not there. *value (may be NULL) gets what was kept for it. */
bool radix_remove(Radix *tree, KeelStr key, void **value);

/* A place in the order of keys. The tree may change meanwhile: a walk then finds its place again by
 * the key it stands on, whether that is still there or not. The tree itself must stay. */
typedef enum RadixSeek { RADIX_EQ, RADIX_GE, RADIX_GT, RADIX_LE, RADIX_LT } RadixSeek;

typedef struct RadixStep {
    RadixNode *node;
    int child; /* the child taken; -1: none, the walk stands on the node's own value */
} RadixStep;

#define RADIX_STEPS 12
#define RADIX_KEY_ROOM 32

typedef struct RadixWalk {
    const Radix *tree;
    uint32_t stamp, depth, room;
    size_t key_room;
    KeelStr key;  /* where it stands: valid until it moves */
    void *value;  /* as it was when it came here */
    char *bytes;
    RadixStep *steps;
    char own_bytes[RADIX_KEY_ROOM];
    RadixStep own_steps[RADIX_STEPS];
} RadixWalk;

/* Begins a walk; it stands nowhere until a seek. End each with radix_walk_end(). */
void radix_walk(RadixWalk *w, const Radix *tree);
void radix_walk_end(RadixWalk *w);
/* All return whether the walk stands on a key now. One that fell off either end stays there until
 * the next seek. */
bool radix_seek(RadixWalk *w, RadixSeek how, KeelStr key);
bool radix_first(RadixWalk *w);
bool radix_last(RadixWalk *w);
bool radix_next(RadixWalk *w);
bool radix_prev(RadixWalk *w);
/* Where the value of the key that it stands on is kept now. NULL: nowhere any more. */
void **radix_here(RadixWalk *w);

/* Moves those nodes to denser places (keel/move.h) that hold no smaller key than the one that the
 * walk stands on: a walk over all keys moves each node once. Other walks find their place again. */
void radix_move(RadixWalk *w, Radix *tree);

/* Whether the tree is well formed: order, no node that could be spared, counts. For tests. */
bool radix_valid(const Radix *tree);

#endif
