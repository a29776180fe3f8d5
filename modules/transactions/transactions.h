/* transactions.h - what the files of the transactions module share. */
#ifndef TRANSACTIONS_H
#define TRANSACTIONS_H

#include <keel.h>

struct Watch;

/* A command that waits for EXEC: one block, in which the arguments' bytes follow their views. */
typedef struct Queued {
    struct Queued *next;
    int argc;
    KeelStr argv[];
} Queued;

/* A connection that has used MULTI or WATCH: its slot. It stays until the client goes, so that the
 * next transaction allocates nothing but its commands. */
typedef struct Transaction {
    KeelClient *client;
    Queued *first, *last;
    int64_t count;         /* commands queued; while EXEC runs them, of its own */
    int64_t bytes;         /* of their blocks */
    size_t arguments;      /* bytes of their arguments */
    bool open;             /* between MULTI and EXEC or DISCARD */
    bool aborted;          /* a command was refused: EXEC will be, too */
    struct Watch *watches;
    int64_t watch_bytes;
    struct Transaction *next_doomed;
} Transaction;

/* watch.c: keys that EXEC depends on. A client whose watched key changed has KEEL_CF_DIRTY_CAS and
 * watches nothing any more. */

/* Watches a key of the context's database; again is no more than once. */
void watch_add(KeelCtx *c, Transaction *t, KeelStr key);
void watch_remove_all(Transaction *t);
/* Whether the time of a watched key came since WATCH, with nobody having removed it yet. */
bool watch_any_expired(KeelCtx *c, const Transaction *t);

/* Hooks that hear of changes, armed while any key is watched. */
void watch_arm_hooks(bool on);
void watch_key_changed(KeelCtx *c, const void *data);
void watch_key_removed(KeelCtx *c, const void *data);
void watch_flush(KeelCtx *c, const void *data);
void watch_swap(KeelCtx *c, const void *data);

#endif
