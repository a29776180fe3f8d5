/* keel/list.h - the interface "list": what the module that owns lists offers to modules that read
 * and make them, and that a replacement of it must bring too.
 *
 * Functions that take a KeelKey want one that is missing or holds a list: ask check() first. Those
 * that change want it opened for writing. They store, create and, when a list becomes empty, delete
 * the key; keel_key_changed(), notifications and keel_key_ready() after a push into a missing key
 * stay the caller's. Indexes count from 0, negative ones from the end (-1: the last). Views of
 * elements are valid until the list changes. */
#ifndef KEEL_LIST_H
#define KEEL_LIST_H

#include <keel/base.h>
#include <keel/type.h>

#define KEEL_LIST_VERSION 100

/* A walk over a list that does not change meanwhile. It lives on the caller's stack; end() it. */
typedef struct KeelListWalk {
    KeelStr element;            /* the present one, from next() to next() */
    int64_t number;             /* the same as an integer, when `is_int` */
    bool is_int, backwards;
    char scratch[KEEL_INT_ROOM];
    const void *list_;          /* fields with a trailing underscore are the owner's */
    void *node_, *at_, *opened_;
} KeelListWalk;

/* From keel_interface("list", KEEL_LIST_VERSION), and the type's `operations`. For commands. */
typedef struct KeelListOps {
    uint32_t size;
    /* For keel_key_is() and keel_key_set_value(). */
    const KeelType *type;
    /* True: the key holds a list or is missing. False: WRONGTYPE was replied. */
    bool (*check)(KeelCtx *c, const KeelKey *key);

    /* Elements; 0 when the key is missing. O(1). */
    size_t (*length)(const KeelKey *key);
    /* The element at `index`, with an integer's digits in `scratch`. False: there is none. Cost: a
     * walk over the nodes from the nearer end, and inside one. */
    bool (*at)(const KeelKey *key, int64_t index, KeelStr *out, char scratch[KEEL_INT_ROOM]);

    /* Adds elements, one after the other, at the front or the end; creates the key. */
    void (*push)(KeelKey *key, const KeelStr *elements, size_t n, bool front);
    /* Hands the first or the last element to `take` (NULL: to nobody), then removes it. False:
     * there is none. */
    bool (*pop)(KeelKey *key, bool front, void (*take)(KeelStr element, void *data), void *data);
    /* Replaces, inserts before or behind, deletes the element at `index`. False: there is none. */
    bool (*set)(KeelKey *key, int64_t index, KeelStr element);
    bool (*insert)(KeelKey *key, int64_t index, KeelStr element, bool after);
    bool (*remove)(KeelKey *key, int64_t index);

    /* Starts a walk before the element at `index` (one that is not there: the walk is over). The
     * key may be missing. next() moves on and fills `element`, false at the end. end() may come
     * early.
     *     ops->walk(&w, &key, 0, false);
     *     while (ops->next(&w)) use(w.element);
     *     ops->end(&w); */
    void (*walk)(KeelListWalk *w, const KeelKey *key, int64_t index, bool backwards);
    bool (*next)(KeelListWalk *w);
    void (*end)(KeelListWalk *w);

    /* A list that no key holds yet: made, filled, then given to keel_key_set_value() with `type`,
     * or freed with type->free. An empty one must not be stored. */
    void *(*create)(void);
    void (*append)(void *list, KeelStr element);
} KeelListOps;

#endif
