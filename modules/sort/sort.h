/* sort.h - what the files of the sort module share. */
#ifndef SORT_H
#define SORT_H

#include <keel.h>
#include <locale.h>

/* Bytes that live as long as one SORT: taken in large blocks, freed together. */
typedef struct Arena {
    struct ArenaBlock *blocks;
    char *at, *end;
} Arena;
void *arena_alloc(Arena *a, size_t size);
/* A NUL-terminated copy. */
KeelStr arena_copy(Arena *a, KeelStr s);
void arena_free(Arena *a);

enum { GETS_FEW = 8 };

/* One call, parsed. */
typedef struct Sort {
    KeelStr by;              /* ptr NULL: by the elements themselves */
    bool keep_order;         /* BY a pattern without '*' */
    bool alpha, descending, stored;
    int64_t offset, count;   /* count negative: all */
    KeelStr destination;
    const KeelStr **gets;    /* GET's patterns */
    size_t get_count;
    const KeelStr *few[GETS_FEW];
} Sort;

/* An element and what it is sorted by. */
typedef struct SortItem {
    KeelStr element;
    union {
        double score;
        KeelStr text;        /* ptr NULL: the weight's key is missing */
    } by;
} SortItem;

/* The elements that are to be sorted, or those of the range when the order is kept. */
typedef struct SortVector {
    SortItem *items;
    size_t count;
    size_t start, end;       /* the range that is replied: end is not in it */
    Arena arena;
} SortVector;

/* False: an error was replied. */
bool sort_parse(KeelCtx *c, const KeelStr *argv, int argc, bool writable, Sort *sort);
void sort_free(Sort *sort);
/* Reads the key's elements. False: it holds nothing that can be sorted, and WRONGTYPE was replied. */
bool sort_load(KeelCtx *c, const KeelKey *key, const Sort *sort, SortVector *v);
/* Looks the weights up. False: one of them is no number. */
bool sort_weigh(KeelCtx *c, const Sort *sort, SortVector *v);
void sort_order(const Sort *sort, SortVector *v, locale_t locale);
/* What a BY or GET pattern says of an element: copied into the arena, or the element itself. False:
 * nothing. */
bool sort_lookup(KeelCtx *c, KeelStr pattern, KeelStr element, Arena *arena, KeelStr *out);

#endif
