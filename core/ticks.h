/* ticks.h - durations from the CPU's counter, which costs a tenth of a clock call. */
#ifndef CORE_TICKS_H
#define CORE_TICKS_H

#include <stdint.h>

#if defined(__x86_64__)
#include <x86intrin.h>
static inline uint64_t ticks_now(void) {
    return __rdtsc();
}
#elif defined(__aarch64__)
static inline uint64_t ticks_now(void) {
    uint64_t v;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
    return v;
}
#else
#include <time.h>
static inline uint64_t ticks_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
#endif

/* Measures the counter against the clock: at start, and again now and then. */
void ticks_calibrate(void);
int64_t ticks_to_ns(uint64_t ticks);
uint64_t ticks_from_ns(int64_t ns);

/* Log-linear cells: 16 to each power of two, an error of 6% at most. */
#define LATENCY_CELLS (16 * 48)
static inline unsigned latency_cell(uint64_t ticks) {
    if (ticks < 16) return (unsigned)ticks;
    unsigned power = 63u - (unsigned)__builtin_clzll(ticks);
    unsigned cell = (power - 3) * 16 + (unsigned)((ticks >> (power - 4)) & 15);
    return cell < LATENCY_CELLS ? cell : LATENCY_CELLS - 1;
}

#endif
