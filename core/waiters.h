/* waiters.h - queues of those who wait for a key, and which of the keys became ready. */
#ifndef CORE_WAITERS_H
#define CORE_WAITERS_H

#include <keel/base.h>

struct Blocked;

/* A place in a queue; lies in its Blocked. */
typedef struct Waiter {
    struct Waiter *next, *prev;
    struct WaitQueue *queue;  /* NULL: in none */
    struct Blocked *blocked;
} Waiter;

/* Everyone who waits for one key, in order of arrival. */
typedef struct WaitQueue {
    struct WaitQueue *next;        /* of the same hash bucket */
    struct WaitQueue *next_ready;
    Waiter *first, *last;
    Waiter *cursor;                /* whom a walk looks at next: leaving moves it */
    uint64_t hash;
    size_t on_delete;              /* waiters that also want to hear of the key's end */
    int db;
    bool ready;                    /* in the list of ready keys */
    bool walked;                   /* being served: not freed meanwhile */
    bool held;                     /* a gate held somebody back: to be tried again */
    KeelStr name;
    char bytes[];
} WaitQueue;

/* Joins the end of the key's queue; twice for the same Blocked does nothing. */
void waiters_join(Waiter *w, struct Blocked *blocked, int db, KeelStr name, bool on_delete);
void waiters_leave(Waiter *w, bool on_delete);

/* Marks keys as ready, those that somebody waits for. `name.ptr` NULL: all of the database. */
void waiters_signal(int db, KeelStr name);
/* The same for those of which somebody wants to know that they went. */
void waiters_signal_gone(int db, KeelStr name);
/* Those that a gate held back. */
void waiters_signal_held(void);
/* The key that became ready first; it is no longer marked. NULL: none. It is followed by
 * waiters_walked() when all were looked at. */
WaitQueue *waiters_take_ready(void);
void waiters_walked(WaitQueue *queue);
bool waiters_any_ready(void);
/* Keys that somebody waits for; only those whose end somebody wants to hear of. */
size_t waiters_keys(bool on_delete);

#endif
