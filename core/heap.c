/* heap.c - the heap behind timers and deadlines. */
#include "heap.h"

#include "mem.h"

static int earlier(const HeapItem *a, const HeapItem *b) {
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void put(Heap *h, size_t at, HeapItem *item) {
    h->items[at] = item;
    item->at = at;
}

static void move_up(Heap *h, size_t at) {
    HeapItem *item = h->items[at];
    while (at > 0 && earlier(item, h->items[(at - 1) / 2])) {
        put(h, at, h->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(h, at, item);
}

static void move_down(Heap *h, size_t at) {
    HeapItem *item = h->items[at];
    for (size_t child; (child = 2 * at + 1) < h->count; at = child) {
        if (child + 1 < h->count && earlier(h->items[child + 1], h->items[child])) child++;
        if (!earlier(h->items[child], item)) break;
        put(h, at, h->items[child]);
    }
    put(h, at, item);
}

void heap_add(Heap *h, HeapItem *item) {
    if (h->count == h->room) {
        h->room = h->room ? h->room * 2 : 16;
        h->items = keel_realloc(h->items, h->room * sizeof(*h->items));
    }
    item->order = h->next_order++;
    put(h, h->count++, item);
    move_up(h, item->at);
}

void heap_remove(Heap *h, const HeapItem *item) {
    size_t at = item->at;
    HeapItem *last = h->items[--h->count];
    if (last == item) return;
    put(h, at, last);
    move_up(h, at);
    move_down(h, last->at);
}
