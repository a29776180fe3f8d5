/* keel/loop.h - timers, one-shots and descriptors in the server's loop. */
#ifndef KEEL_LOOP_H
#define KEEL_LOOP_H

#include <keel/base.h>

/* Calls `call` once after `ms` milliseconds, or every `ms` while it returns true. Ids are never 0
 * nor used again. The context is without client, on database 0. */
typedef bool KeelTimerCall(KeelCtx *c, void *data);
#define KEEL_TIMER_START(ms, call, data) keel_timer_start(&keel_self, (ms), (call), (data))
KEEL_API uint64_t keel_timer_start(void *module_self, int64_t ms, KeelTimerCall *call, void *data);
/* False: it was not running. *data (may be NULL) gets what was passed. */
KEEL_API bool keel_timer_stop(uint64_t timer, void **data);
/* Milliseconds until it fires, -1: not running. */
KEEL_API int64_t keel_timer_left(uint64_t timer, void **data);

/* Calls `call` on the loop's thread, between turns, in the order posted. Any thread. */
KEEL_API void keel_post(void (*call)(KeelCtx *c, void *data), void *data);

/* Watches a descriptor that the module owns. `events` and `ready` are KEEL_FD_* bits; 0 ends it.
 * 0, or -1 with errno. */
enum { KEEL_FD_READ = 1u << 0, KEEL_FD_WRITE = 1u << 1, KEEL_FD_ERROR = 1u << 2 };
typedef void KeelFdCall(KeelCtx *c, int fd, unsigned ready, void *data);
#define KEEL_FD_WATCH(fd, events, call, data)                                                      \
    keel_fd_watch(&keel_self, (fd), (events), (call), (data))
KEEL_API int keel_fd_watch(void *module_self, int fd, unsigned events, KeelFdCall *call,
                           void *data);

/* Stops what is done hz times a second (expiry, resizing, KEEL_EVENT_CRON), and lets it go on: for
 * tests that must not be disturbed. */
KEEL_API void keel_cron_pause(bool on);

/* In the middle of long work, such as loading a dataset: serves clients that are ready, once,
 * without waiting. What they may do meanwhile is for gates to decide. True: the server is to end, so give
 * the work up. In KEEL_EVENT_START, a posted call or a descriptor's; while a command runs it does
 * nothing. Cost: a system call, and what it serves. */
KEEL_API bool keel_serve(void);

/* The same in the middle of a command that takes long, a timer or a callback: serves other clients,
 * new ones included, once, without waiting. What they may do is for gates to decide; nothing that
 * writes must pass, because the running command's records are not whole. Clients that close stay
 * until the turn's end, and those whose requests are under way wait. Nothing inside itself, for
 * other threads, or where the server does not run yet. Cost: a system call, and what it serves. */
KEEL_API void keel_serve_others(void);

/* Forks. In the child 0, in the parent the pid, -1 with errno. One at a time: EBUSY. Hooks hear of
 * its birth and, with its status, of its end. `c` is NULL where there is none (a setting). */
KEEL_API int keel_fork(KeelCtx *c, const char *purpose);
KEEL_API int keel_fork_active(void);
/* Kills the child and waits for its end, of which hooks hear before this returns. False: there is
 * none. */
KEEL_API bool keel_fork_end(KeelCtx *c);

#endif
