/* keel/block.h - a command that waits: for keys, for time, for another thread. Its client reads no
 * further command until it is answered; other clients go on. */
#ifndef KEEL_BLOCK_H
#define KEEL_BLOCK_H

#include <keel/base.h>

typedef struct KeelBlock {
    uint32_t size;
    const KeelStr *keys;  /* copied; served in order of arrival, per key */
    int key_count;
    int64_t deadline_ms;  /* wall clock; 0: never */
    /* A key was signalled and is there, or keel_unblock() came (`key` is then empty): try again,
     * with the arguments that the command had. True: replied, the client goes on. False: wait on;
     * what was replied is dropped. Gates are asked before a try for a key. */
    bool (*retry)(KeelCtx *c, const KeelStr *argv, int argc, KeelStr key, void *data);
    /* Time is up: reply. NULL: a null array is replied. */
    void (*timeout)(KeelCtx *c, void *data);
    /* The client is gone, or all is over. */
    void (*free)(void *data);
    void *data;
    bool on_delete;       /* also try again when a key goes or changes its type (XREADGROUP) */
    bool only_named;      /* keel_client_unblock() does not end it: its work must come to an end */
} KeelBlock;

/* Blocks the command's client and returns an id, never 0. The handler replies nothing then.
 * Returns 0 and does not block where blocking is not allowed (a transaction, a script, a module's
 * call): reply as if time were up; `data` is still the caller's. */
KEEL_API uint64_t keel_block(KeelCtx *c, const KeelBlock *block);
/* Takes back the block of the command that runs in `c`, which then replies like any other. The row's
 * .free is not called. False: that command did not make it, or is over. */
KEEL_API bool keel_block_cancel(KeelCtx *c, uint64_t block_id);
/* Whether keel_block() would refuse. */
KEEL_API bool keel_block_denied(KeelCtx *c);
/* A time-out argument of seconds, as blocking commands take it ("0", "1.5"), as the deadline for
 * KeelBlock; 0 stays 0. False: an error was replied. */
KEEL_API bool keel_block_deadline(KeelCtx *c, KeelStr seconds, int64_t *deadline_ms);
/* In .retry and .timeout: other threads worked so long for the command. It counts as time of the
 * command, in statistics and for observers. */
KEEL_API void keel_block_took(KeelCtx *c, int64_t nanoseconds);
/* Something was put into this key: those who wait for it are tried after the command. */
KEEL_API void keel_key_ready(KeelCtx *c, int db, KeelStr key);
/* Retries a blocked client, by id, between turns. Any thread. False: it is no longer blocked. */
KEEL_API bool keel_unblock(uint64_t block_id);
/* Ends a client's wait as if time were up, or with an error. False: it does not wait, or for
 * keel_unblock() only. */
KEEL_API bool keel_client_unblock(KeelClient *client, const char *error);
KEEL_API size_t keel_blocked_count(void);

#endif
