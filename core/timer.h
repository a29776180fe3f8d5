/* timer.h - timers in a heap, one-shots in a queue. */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include <keel/loop.h>

struct Module;
void timer_init(void);
/* Runs what is due. */
void timer_run(void);
/* Nanoseconds (keel_monotonic_ns) when the next is due, INT64_MAX: none. */
int64_t timer_next(void);
size_t timer_count_of(const void *module_self);
/* One-shots posted so far: runs them. keel_post() wakes the loop with loop_wake(). */
void post_run(void);
extern bool post_pending; /* set by any thread */
static inline bool post_waits(void) {
    return __atomic_load_n(&post_pending, __ATOMIC_RELAXED);
}

#endif
