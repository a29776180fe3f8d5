/* order.c - SORT's order: by score and then by bytes, or by text as the locale or, where the result is
 * stored and replicas must agree, the bytes say. */
#include "sort.h"

#include <stdlib.h>
#include <string.h>

typedef struct Order {
    const Sort *sort;
    locale_t locale;
} Order;

static int compare_bytes(KeelStr a, KeelStr b) {
    size_t shared = a.len < b.len ? a.len : b.len;
    int cmp = memcmp(a.ptr, b.ptr, shared);
    return cmp ? cmp : (a.len > b.len) - (a.len < b.len);
}

static int compare_text(const SortItem *a, const SortItem *b, const Order *order) {
    KeelStr x = a->by.text, y = b->by.text;
    if (!x.ptr || !y.ptr) return (x.ptr != NULL) - (y.ptr != NULL); /* what is missing comes first */
    if (order->sort->stored) return compare_bytes(x, y);
    return strcoll_l(x.ptr, y.ptr, order->locale);
}

static int compare(const void *first, const void *second, void *data) {
    const SortItem *a = first, *b = second;
    const Order *order = data;
    int cmp;
    if (order->sort->alpha) {
        cmp = compare_text(a, b, order);
    } else if (a->by.score != b->by.score) {
        cmp = a->by.score < b->by.score ? -1 : 1;
    } else {
        cmp = compare_bytes(a->element, b->element);
    }
    return order->sort->descending ? -cmp : cmp;
}

void sort_order(const Sort *sort, SortVector *v, locale_t locale) {
    Order order = {sort, locale};
    if (v->count > 1) qsort_r(v->items, v->count, sizeof(*v->items), compare, &order);
}
