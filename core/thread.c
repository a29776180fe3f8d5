/* thread.c - the global lock, and the thread for work that nobody waits for.
 *
 * The lock is a queue: whoever asks gets it in the order of asking, the loop included. So a thread
 * that asked before the loop came back from its pause works before the next turn, and one that asks
 * again and again cannot keep the loop waiting for more than one piece of work of each thread.
 * Until a module enables threads none of this is touched.
 *
 * What a thread's work leaves to do (keys that became ready, records for the journal, output) is
 * done by the loop: it is woken, and takes the lock back. */
#define _GNU_SOURCE /* pthread_setname_np */
#include "thread.h"

#include "ctx.h"
#include "loop.h"
#include "mem.h"

#include <keel/log.h>
#include <pthread.h>
#include <signal.h>

/* ---- the global lock ------------------------------------------------------------------------- */

typedef struct Waiting {
    struct Waiting *next;
    pthread_cond_t turn;
    bool granted;
} Waiting;

static bool enabled;
static pthread_mutex_t lock_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool held;               /* somebody has the global lock */
static bool worked;             /* a thread had it since the loop's last turn */
static Waiting *waiting_first, **waiting_end = &waiting_first;
static pthread_t loop_thread;

static void lock_take(void) {
    pthread_mutex_lock(&lock_mutex);
    if (!held) {
        held = true;
    } else {
        Waiting me = {.turn = PTHREAD_COND_INITIALIZER};
        *waiting_end = &me;
        waiting_end = &me.next;
        while (!me.granted) pthread_cond_wait(&me.turn, &lock_mutex);
        pthread_cond_destroy(&me.turn);
    }
    pthread_mutex_unlock(&lock_mutex);
}

/* Hands it to who waits longest; it is never free in between. */
static void lock_give(void) {
    pthread_mutex_lock(&lock_mutex);
    Waiting *next = waiting_first;
    if (next) {
        waiting_first = next->next;
        if (!waiting_first) waiting_end = &waiting_first;
        next->granted = true;
        pthread_cond_signal(&next->turn);
    } else {
        held = false;
    }
    pthread_mutex_unlock(&lock_mutex);
}

void keel_threads_enable(void) {
    if (enabled) return;
    held = true; /* by the loop, which is running this */
    enabled = true;
}

void thread_pause_begin(void) {
    if (enabled) lock_give();
}

void thread_pause_end(void) {
    if (!enabled) return;
    int64_t start = keel_latency_watched() ? keel_monotonic_ns() : 0;
    lock_take();
    if (start) keel_latency_add("module-acquire-GIL", keel_monotonic_ns() - start);
    if (!worked) return;
    worked = false;
    KeelCtx c;
    ctx_init(&c);
    ctx_done(&c);
}

static KeelCtx *locked_context(void) {
    KeelCtx *c = keel_alloc(sizeof(*c));
    ctx_init(c);
    return c;
}

KeelCtx *keel_lock(void) {
    KEEL_ASSERT(enabled && !pthread_equal(pthread_self(), loop_thread));
    lock_take();
    return locked_context();
}

KeelCtx *keel_try_lock(void) {
    KEEL_ASSERT(enabled && !pthread_equal(pthread_self(), loop_thread));
    pthread_mutex_lock(&lock_mutex);
    bool got = !held;
    held = true;
    pthread_mutex_unlock(&lock_mutex);
    return got ? locked_context() : NULL;
}

void keel_unlock(KeelCtx *c) {
    keel_free(c);
    worked = true;
    loop_wake();
    lock_give();
}

/* ---- the background thread ------------------------------------------------------------------- */

typedef struct Job {
    struct Job *next;
    void (*call)(void *data);
    void *data;
} Job;

static pthread_mutex_t job_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t job_added = PTHREAD_COND_INITIALIZER, job_done = PTHREAD_COND_INITIALIZER;
static Job *job_first, **job_end = &job_first;
static size_t job_count;        /* that wait or run */
static bool job_thread_runs;

static void *background_main(void *unused) {
    (void)unused;
    mem_thread_begin();
    pthread_mutex_lock(&job_mutex);
    for (;;) {
        while (!job_first) pthread_cond_wait(&job_added, &job_mutex);
        Job *job = job_first;
        job_first = job->next;
        if (!job_first) job_end = &job_first;
        pthread_mutex_unlock(&job_mutex);
        job->call(job->data);
        keel_free(job);
        pthread_mutex_lock(&job_mutex);
        if (--job_count == 0) pthread_cond_broadcast(&job_done);
    }
    return NULL;
}

/* Starts the thread, once there is something to do. Signals are for the loop's thread. */
static bool background_start(void) {
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, NULL, background_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) return false;
    pthread_setname_np(thread, "background");
    pthread_detach(thread);
    return true;
}

void keel_background(void (*call)(void *data), void *data) {
    Job *job = keel_alloc(sizeof(*job));
    *job = (Job){.call = call, .data = data};
    pthread_mutex_lock(&job_mutex);
    if (!job_thread_runs) job_thread_runs = background_start();
    if (!job_thread_runs) {
        pthread_mutex_unlock(&job_mutex);
        keel_log(KEEL_LOG_WARNING, "Cannot start the background thread: its work is done at once");
        call(data);
        keel_free(job);
        return;
    }
    *job_end = job;
    job_end = &job->next;
    job_count++;
    pthread_cond_signal(&job_added);
    pthread_mutex_unlock(&job_mutex);
}

size_t keel_background_pending(void) {
    pthread_mutex_lock(&job_mutex);
    size_t n = job_count;
    pthread_mutex_unlock(&job_mutex);
    return n;
}

void background_drain(void) {
    pthread_mutex_lock(&job_mutex);
    while (job_count) pthread_cond_wait(&job_done, &job_mutex);
    pthread_mutex_unlock(&job_mutex);
}

/* A fork child has no thread but its own: jobs that wait are its parent's to do, and new ones start
 * a new thread. The mutex is held across the fork, so that it is not copied locked by a thread that
 * is not there. */
static void before_fork(void) {
    pthread_mutex_lock(&job_mutex);
}
static void after_fork_in_parent(void) {
    pthread_mutex_unlock(&job_mutex);
}
static void after_fork_in_child(void) {
    pthread_mutex_init(&job_mutex, NULL);
    pthread_cond_init(&job_added, NULL);
    pthread_cond_init(&job_done, NULL);
    job_first = NULL;
    job_end = &job_first;
    job_count = 0;
    job_thread_runs = false;
}

void thread_init(void) {
    loop_thread = pthread_self();
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}
