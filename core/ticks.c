/* ticks.c - how long a tick of the CPU's counter is.
 *
 * The counter runs at a fixed rate that nothing tells us reliably, so it is measured against the
 * monotonic clock: first over two milliseconds at start, then, at each further call, over all the
 * time since, which makes the ratio exact to parts per million within a second. The ratio is kept
 * as a 32.32 fixed-point number: one multiplication converts. */
#include "ticks.h"

#include <time.h>

static uint64_t start_ticks;
static int64_t start_ns;
static uint64_t ns_per_tick = 1ull << 32; /* 32.32 */
static uint64_t ticks_per_ns = 1ull << 32;

static int64_t clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void ticks_calibrate(void) {
    enum { FIRST_NS = 2000000 };
    if (!start_ticks) {
        start_ns = clock_ns();
        start_ticks = ticks_now();
    }
    int64_t ns;
    do ns = clock_ns() - start_ns;
    while (ns < FIRST_NS);
    uint64_t ticks = ticks_now() - start_ticks;
    if (!ticks) return;
    ns_per_tick = (uint64_t)(((unsigned __int128)ns << 32) / ticks);
    ticks_per_ns = (uint64_t)(((unsigned __int128)ticks << 32) / (uint64_t)ns);
}

int64_t ticks_to_ns(uint64_t ticks) {
    return (int64_t)(((unsigned __int128)ticks * ns_per_tick) >> 32);
}

uint64_t ticks_from_ns(int64_t ns) {
    if (ns <= 0) return 0;
    return (uint64_t)(((unsigned __int128)(uint64_t)ns * ticks_per_ns) >> 32);
}
