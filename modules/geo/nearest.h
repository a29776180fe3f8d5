/* nearest.h - the first few of many, in order. */
#ifndef GEO_NEAREST_H
#define GEO_NEAREST_H

#include <stddef.h>

#include "geo.h"

/* A point that a search found. */
typedef struct Found {
    Point point;
    double distance, score;
    KeelZsetAt at;
} Found;

/* Brings the first `wanted` of `n` points by distance to the front, in order; `farthest` turns the
 * order round. Points at the same distance come as Redis has them. Cost: O(n + wanted log n). */
void nearest_first(Found *items, size_t n, size_t wanted, bool farthest);

#endif
