/* heap.h - what is due first: an intrusive binary heap. Items are first members of their owners. */
#ifndef CORE_HEAP_H
#define CORE_HEAP_H

#include <stddef.h>
#include <stdint.h>

typedef struct HeapItem {
    int64_t due;
    uint64_t order;  /* given by heap_add(): decides between items that are due at once */
    size_t at;
} HeapItem;

typedef struct Heap {
    HeapItem **items;
    size_t count, room;
    uint64_t next_order;
} Heap;

/* Adds an item whose `due` is set. Cost: O(log n). */
void heap_add(Heap *heap, HeapItem *item);
/* Takes out an item that is in the heap. */
void heap_remove(Heap *heap, const HeapItem *item);
/* The first; NULL: the heap is empty. */
static inline HeapItem *heap_first(const Heap *heap) {
    return heap->count ? heap->items[0] : NULL;
}

#endif
