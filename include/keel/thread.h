/* keel/thread.h - other threads, and the lock that lets them use the rest of this API.
 *
 * The loop holds the global lock while it works and offers it while it waits for sockets, but only
 * once a module has called keel_threads_enable(): without threads there is no lock to pay for. */
#ifndef KEEL_THREAD_H
#define KEEL_THREAD_H

#include <keel/base.h>

/* In .load or later, before the first thread that locks. */
KEEL_API void keel_threads_enable(void);
/* Waits until the loop pauses. Not for the loop's own thread. Returns a context without client. */
KEEL_API KeelCtx *keel_lock(void);
/* NULL when the loop is not pausing at once. */
KEEL_API KeelCtx *keel_try_lock(void);
/* Frees the context. What the thread's work leaves to do (waking who waits for keys, records,
 * output) is done by the loop, which is woken. */
KEEL_API void keel_unlock(KeelCtx *c);

/* Runs `call` on the host's background thread, in order: freeing, fsync, unlinking files. It may
 * use the "any thread" functions only. */
KEEL_API void keel_background(void (*call)(void *data), void *data);
/* Jobs that wait or run. */
KEEL_API size_t keel_background_pending(void);

#endif
