/* nearest.c - ordering points by distance, all of them or the first few.
 *
 * All are merge-sorted, so that those at the same distance stay in the order in which they were
 * found. For a few, a quicksort leaves alone the parts in which none of the wanted are. It is
 * Bentley's and McIlroy's ("Engineering a Sort Function", 1993): the pivot is a median of three or
 * of nine, and what equals it gathers at both ends while the rest is parted. Which of several
 * points at the same distance come first follows from that alone, so the steps are kept as they
 * describe them. */
#include "nearest.h"

#include <stdlib.h>
#include <string.h>

enum { FEW = 7, MANY = 40 };

typedef struct Sorting {
    Found *end;    /* behind the wanted ones */
    bool farthest;
} Sorting;

static int compare(const Sorting *s, const Found *a, const Found *b) {
    int order = (a->distance > b->distance) - (a->distance < b->distance);
    return s->farthest ? -order : order;
}

static void swap(Found *a, Found *b) {
    Found t = *a;
    *a = *b;
    *b = t;
}

static void swap_runs(Found *a, Found *b, size_t n) {
    for (size_t i = 0; i < n; i++) swap(&a[i], &b[i]);
}

static Found *median(const Sorting *s, Found *a, Found *b, Found *c) {
    if (compare(s, a, b) < 0) {
        return compare(s, b, c) < 0 ? b : compare(s, a, c) < 0 ? c : a;
    }
    return compare(s, b, c) > 0 ? b : compare(s, a, c) < 0 ? a : c;
}

static Found *pivot(const Sorting *s, Found *a, size_t n) {
    Found *low = a, *middle = a + n / 2, *high = a + n - 1;
    if (n == FEW) return middle;
    if (n > MANY) {
        size_t d = n / 8;
        low = median(s, low, low + d, low + 2 * d);
        middle = median(s, middle - d, middle, middle + d);
        high = median(s, high - 2 * d, high - d, high);
    }
    return median(s, low, middle, high);
}

static void insertion_sort(const Sorting *s, Found *a, size_t n) {
    for (Found *next = a + 1; next < a + n; next++) {
        for (Found *at = next; at > a && compare(s, at - 1, at) > 0; at--) swap(at, at - 1);
    }
}

static void sort_first(const Sorting *s, Found *a, size_t n) {
    while (n > 1 && a < s->end) {
        if (n < FEW) {
            insertion_sort(s, a, n);
            return;
        }
        swap(a, pivot(s, a, n));
        /* Equal ones, smaller ones | unseen, b to c | larger ones, equal ones. */
        Found *left = a + 1, *b = a + 1, *c = a + n - 1, *right = a + n - 1, *end = a + n;
        for (;; b++, c--) {
            int order;
            for (; b <= c && (order = compare(s, b, a)) <= 0; b++) {
                if (order == 0) swap(left++, b);
            }
            for (; b <= c && (order = compare(s, c, a)) >= 0; c--) {
                if (order == 0) swap(c, right--);
            }
            if (b > c) break;
            swap(b, c);
        }
        size_t smaller = (size_t)(b - left), larger = (size_t)(right - c);
        size_t equal = (size_t)(left - a), equal_too = (size_t)(end - right - 1);
        size_t run = equal < smaller ? equal : smaller;
        swap_runs(a, b - run, run);
        run = equal_too < larger ? equal_too : larger;
        swap_runs(b, end - run, run);
        sort_first(s, a, smaller);
        a = end - larger;
        n = larger;
    }
}

/* Points can be laid out so that every pivot is a bad one, which costs quadratic time and as deep a
 * recursion. Beyond this many the merge sort, which has no such case, does all of it; its order
 * differs only between points at the same distance. */
enum { PARTIAL_MAX = 10000 };

static int by_nearest(const void *x, const void *y) {
    return compare(&(Sorting){.farthest = false}, x, y);
}

static int by_farthest(const void *x, const void *y) {
    return compare(&(Sorting){.farthest = true}, x, y);
}

void nearest_first(Found *items, size_t n, size_t wanted, bool farthest) {
    if (n < 2) return;
    if (wanted < n && n <= PARTIAL_MAX) {
        sort_first(&(Sorting){items + wanted, farthest}, items, n);
    } else if (n) { /* without any there may be no array */
        qsort(items, n, sizeof(*items), farthest ? by_farthest : by_nearest);
    }
}
