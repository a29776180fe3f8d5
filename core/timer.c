/* timer.c - timers in a heap, and one-shots from any thread in a queue.
 *
 * An id is a slot's number below a sequence number: looking one up is an index and a comparison,
 * and no id comes twice. A callback may stop any timer, its own included, and start others: its
 * slot stays taken until it returns, and timers that it starts wait for the next round. */
#include "timer.h"

#include "crash.h"
#include "ctx.h"
#include "heap.h"
#include "loop.h"
#include "mem.h"
#include "module.h"

#include <keel/db.h>
#include <keel/log.h>
#include <pthread.h>

enum { SLOT_BITS = 24 };

typedef struct Timer {
    HeapItem item;           /* due: nanoseconds of the steady clock */
    uint64_t id;
    int64_t period;
    bool running, stopped;
    KeelTimerCall *call;
    void *data;
    struct Module *module;
} Timer;

typedef struct Post {
    struct Post *next;
    void (*call)(KeelCtx *c, void *data);
    void *data;
} Post;

static Timer **slots;        /* by the low bits of the id; NULL: free */
static size_t slot_count, slot_hint;
static uint64_t next_sequence = 1;
static Heap heap;            /* all but those whose callback runs */

bool post_pending;
static pthread_mutex_t post_mutex = PTHREAD_MUTEX_INITIALIZER;
static Post *post_first, **post_end = &post_first;

/* ---- timers ---------------------------------------------------------------------------------- */

void timer_init(void) {
    slot_count = 16;
    slots = keel_zalloc(slot_count * sizeof(*slots));
}

static size_t slot_take(void) {
    for (size_t i = 0; i < slot_count; i++) {
        size_t at = (slot_hint + i) % slot_count;
        if (slots[at]) continue;
        slot_hint = at + 1;
        return at;
    }
    size_t at = slot_count;
    KEEL_ASSERT(slot_count < (size_t)1 << SLOT_BITS);
    slots = keel_realloc(slots, 2 * slot_count * sizeof(*slots));
    memset(slots + slot_count, 0, slot_count * sizeof(*slots));
    slot_count *= 2;
    slot_hint = at + 1;
    return at;
}

static Timer *timer_find(uint64_t id) {
    size_t at = id & (((size_t)1 << SLOT_BITS) - 1);
    Timer *t = at < slot_count ? slots[at] : NULL;
    return t && t->id == id && !t->stopped ? t : NULL;
}

static void timer_free(Timer *t) {
    slots[t->id & (((size_t)1 << SLOT_BITS) - 1)] = NULL;
    t->module->timers--;
    keel_free(t);
}

uint64_t keel_timer_start(void *module_self, int64_t ms, KeelTimerCall *call, void *data) {
    Timer *t = keel_zalloc(sizeof(*t));
    int64_t now = keel_monotonic_ns();
    if (ms < 0) ms = 0;
    if (ms > (INT64_MAX - now) / 1000000 - 1) ms = (INT64_MAX - now) / 1000000 - 1;
    size_t slot = slot_take();
    slots[slot] = t;
    t->id = next_sequence++ << SLOT_BITS | slot;
    t->period = ms * 1000000;
    t->item.due = now + t->period;
    t->call = call;
    t->data = data;
    t->module = module_of_self(module_self);
    t->module->timers++;
    heap_add(&heap, &t->item);
    return t->id;
}

bool keel_timer_stop(uint64_t timer, void **data) {
    Timer *t = timer_find(timer);
    if (!t) return false;
    if (data) *data = t->data;
    if (t->running) {
        t->stopped = true;
        return true;
    }
    heap_remove(&heap, &t->item);
    timer_free(t);
    return true;
}

int64_t keel_timer_left(uint64_t timer, void **data) {
    const Timer *t = timer_find(timer);
    if (!t) return -1;
    if (data) *data = t->data;
    int64_t left = t->item.due - keel_monotonic_ns();
    return left > 0 ? left / 1000000 : 0;
}

int64_t timer_next(void) {
    return heap.count ? heap_first(&heap)->due : INT64_MAX;
}

size_t timer_count_of(const void *module_self) {
    return (size_t)module_of_self(module_self)->timers;
}

static void timer_fire(Timer *t) {
    KeelCtx c;
    ctx_init(&c);
    c.module = t->module;
    crash_module = t->module;
    t->running = true;
    bool again = t->call(&c, t->data);
    t->running = false;
    crash_module = NULL;
    ctx_done(&c);
    if (!again || t->stopped) {
        timer_free(t);
        return;
    }
    /* One that is late does not fire in a row to catch up. */
    int64_t now = keel_monotonic_ns();
    int64_t next = t->item.due + t->period;
    t->item.due = next > now ? next : now + t->period;
    heap_add(&heap, &t->item);
}

/* Runs timers that were due and known as it began: one that starts itself again at once is run
 * once a turn. */
void timer_run(void) {
    int64_t now = keel_monotonic_ns();
    uint64_t before = heap.next_order;
    HeapItem *first;
    while ((first = heap_first(&heap)) && first->due <= now && first->order < before) {
        heap_remove(&heap, first);
        timer_fire((Timer *)first);
    }
}

/* ---- one-shots ------------------------------------------------------------------------------- */

void keel_post(void (*call)(KeelCtx *c, void *data), void *data) {
    Post *p = keel_alloc(sizeof(*p));
    *p = (Post){.call = call, .data = data};
    pthread_mutex_lock(&post_mutex);
    *post_end = p;
    post_end = &p->next;
    bool first = !post_pending;
    __atomic_store_n(&post_pending, true, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&post_mutex);
    if (first && !mem_loop_thread) loop_wake();
}

/* What is posted meanwhile waits for the next turn: a one-shot that posts itself again does not
 * stop the server. */
void post_run(void) {
    pthread_mutex_lock(&post_mutex);
    Post *p = post_first;
    post_first = NULL;
    post_end = &post_first;
    __atomic_store_n(&post_pending, false, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&post_mutex);
    while (p) {
        Post *next = p->next;
        KeelCtx c;
        ctx_init(&c);
        c.module = crash_module = module_of_address((const void *)(uintptr_t)p->call);
        p->call(&c, p->data);
        crash_module = NULL;
        ctx_done(&c);
        keel_free(p);
        p = next;
    }
}
