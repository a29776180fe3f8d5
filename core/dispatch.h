/* dispatch.h - from a parsed request to its reply: lookup, gates, the call, observers. */
#ifndef CORE_DISPATCH_H
#define CORE_DISPATCH_H

#include "client.h"
#include "keyspace.h"

struct Module;

typedef struct Request {
    KeelStr *argv;
    int argc;
    KeelClient *client;
    KeelCommandRef *command;  /* found while prefetching; NULL: unknown */
    KeelStr raw;              /* its bytes; ptr NULL when they are not as they were sent */
    const char *error;        /* a protocol error in place of a request */
    const char *end;          /* where the next one begins */
    const KeyMemo *memo;      /* hashes of its first keys, once prefetched */
    uint32_t memo_count;
} Request;

/* Finds commands and hashes keys of some of the n requests, and fetches what they will touch. Returns
 * how many it prepared, at least one: run those, then prepare the next. */
size_t dispatch_prefetch(Request *requests, size_t n);
/* All of them ran. */
void dispatch_prefetch_end(void);
/* A module's commands go: nobody holds one of them afterwards. */
void dispatch_forget(const struct Module *module);
/* Runs one request; the context's window is open for its client. False: the client cannot take the
 * next one now (blocked, held, closing). */
bool dispatch_request(KeelCtx *c, const Request *request);
/* Starts the clock of the next dispatch_request(). */
void dispatch_start_clock(void);
/* The clock of a command that runs others is put back after them: their time is its time. */
uint64_t dispatch_clock(void);
void dispatch_set_clock(uint64_t ticks);
/* Most requests and keys that one prefetch may cover. */
enum { WINDOW_REQUESTS = 64, WINDOW_KEYS = 192 };

/* Runs the context's command, which passed all checks: statistics, reply count, journal. */
void dispatch_call(KeelCtx *c);
/* Tells observers of a command that is over. */
void dispatch_observe(KeelCtx *c, uint64_t ticks);
/* A client's name for its user goes: calls that run in its name keep a copy. */
void call_keep_user(const char *user);
/* Functions that may exchange a command's words; see keel_rewrite_add(). */
extern int rewrites_count;
/* The checks before it. True: go on. False: a reply was given (or, *held, nothing must be). */
bool dispatch_admit(KeelCtx *c, bool *held);
/* Whether they have nothing to say: the common case, in a few instructions. */
static inline bool dispatch_admits(const KeelCtx *c, uint64_t gates) {
    const KeelCommandRef *cmd = c->command;
    return cmd && !cmd->has_subcommands && c->argc == (cmd->arity >= 0 ? cmd->arity : c->argc) &&
           c->argc >= -cmd->arity && !(gates & cmd->gates);
}
/* `cmd`, or the subcommand of it that the arguments name. */
static inline KeelCommandRef *dispatch_with_sub(KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    if (__builtin_expect(cmd && cmd->has_subcommands && argc > 1, 0)) {
        KeelCommandRef *sub = command_lookup_sub(cmd, argv[1]);
        if (sub) return sub;
    }
    return cmd;
}

#endif
