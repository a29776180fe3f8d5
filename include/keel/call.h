/* keel/call.h - commands run by modules, and their replies taken apart. */
#ifndef KEEL_CALL_H
#define KEEL_CALL_H

#include <keel/base.h>
#include <keel/command.h>

typedef struct KeelReply KeelReply;

enum {
    KEEL_CALL_RESP3 = 1u << 0,     /* reply in RESP3; otherwise RESP2 */
    KEEL_CALL_AS_CLIENT = 1u << 1, /* gates decide as for the context's client */
    KEEL_CALL_JOURNAL = 1u << 2,   /* dirty calls go to the journal by themselves */
    KEEL_CALL_NO_WRITES = 1u << 3, /* refuse commands flagged KEEL_WRITE */
    KEEL_CALL_CLEAN = 1u << 4,     /* its records are marked KEEL_JOURNAL_CLEAN */
    KEEL_CALL_LOCAL = 1u << 5,     /* its records are marked KEEL_JOURNAL_LOCAL */
    KEEL_CALL_KEEP_DB = 1u << 6,   /* a database that it selects is selected for it alone */
};

/* Runs a command and keeps its reply: never NULL, errors (unknown, arity, refused) are error
 * replies. The result lives until keel_reply_free(). Does not block: a gate that would hold the
 * command lets it pass. keel_client() of the command called is a pretended one with the id, user
 * and database of the context's client; a database that it selects is the context's from then on.
 * Changes that go unrecorded (no KEEL_CALL_JOURNAL) make the running command dirty. */
KEEL_API KeelReply *keel_call(KeelCtx *c, const KeelStr *argv, int argc, unsigned flags);
/* The same for who calls often. `found` remembers from call to call what argv[0] names: zero at first,
 * and the caller's word that it is the same name each time. `data` goes with the reply:
 * keel_reply_data(). */
typedef struct KeelFound {
    const KeelCommandRef *command_; /* the host's */
    uint64_t epoch_;
} KeelFound;
KEEL_API KeelReply *keel_call_found(KeelCtx *c, KeelFound *found, const KeelStr *argv, int argc,
                                    unsigned flags, void *data);
/* Like keel_call() for a command that may wait, in the name of no connection: when it blocks, NULL is
 * returned and *id names the wait. `done` gets the reply, which it frees, once the wait is over: on
 * the loop's thread, in a context without client on the call's database. Whoever called may be gone
 * by then. Its changes are recorded under KEEL_CALL_JOURNAL alone. KEEL_CALL_AS_CLIENT and _NO_WRITES
 * mean nothing here. */
typedef void KeelCallDone(KeelCtx *c, KeelReply *reply, void *data);
KEEL_API KeelReply *keel_call_waiting(KeelCtx *c, const KeelStr *argv, int argc, unsigned flags,
                                      KeelCallDone *done, void *data, uint64_t *id);
/* Gives such a wait up: its `done` will not be called. False: it is over. */
KEEL_API bool keel_call_abandon(uint64_t id);
/* Runs a command as if its client had sent it now, its reply going to the client: what EXEC does
 * with queued ones. Counts as one reply of the running command. Gates are asked, but for those that
 * have .whole: they were to be asked before the first command of a batch, with keel_gates_ask(). */
KEEL_API void keel_call_inline(KeelCtx *c, const KeelStr *argv, int argc);
/* Whether the running command was called by another one with these functions, rather than sent by
 * its client. In a gate or a command. */
KEEL_API bool keel_is_nested(KeelCtx *c);

/* A context whose replies gather aside, for who answers later: a thread, a blocked client's. For the
 * reply functions, from any thread but one at a time; ended on any thread, with what was replied,
 * all of it in keel_reply_resp(). NULL: nothing was. */
KEEL_API KeelCtx *keel_collect_begin(int protocol);
KEEL_API KeelReply *keel_collect_end(KeelCtx *c);

/* An element of another reply stays as long as that, and so does NULL. */
KEEL_API void keel_reply_free(KeelReply *reply);
/* What keel_call_found() was given for the reply that this one is, or is an element of. */
KEEL_API void *keel_reply_data(const KeelReply *reply);
KEEL_API void keel_reply_set_data(KeelReply *reply, void *data);
/* Replies to `c` what it holds. False, and nothing was replied: it has kinds that are RESP3's alone,
 * and c's client speaks RESP2. */
KEEL_API bool keel_reply_pass(KeelCtx *c, const KeelReply *reply);
/* The first byte of its RESP form: '+' '-' ':' '$' '*' '_' ',' '#' '%' '~' '(' '='; nulls of RESP2
 * show as '_'. Attributes are passed over. Bytes that are no reply, as keel_reply_raw() may be
 * given, show as an error reply. */
KEEL_API int keel_reply_type(const KeelReply *reply);
KEEL_API KeelStr keel_reply_str(const KeelReply *reply);     /* + - $ = ( and digits of , */
KEEL_API int64_t keel_reply_integer(const KeelReply *reply); /* : and # */
KEEL_API double keel_reply_number(const KeelReply *reply);   /* , */
KEEL_API size_t keel_reply_count(const KeelReply *reply);    /* elements; pairs count twice */
/* Element `i`; borrowed from `reply`. NULL only past the end. Cost: the elements of one aggregate
 * are found together, when the first is asked for. */
KEEL_API const KeelReply *keel_reply_at(const KeelReply *reply, size_t i);
/* The whole reply in protocol form. */
KEEL_API KeelStr keel_reply_resp(const KeelReply *reply);
/* The attribute that stands before it, of type '|'; borrowed from `reply`. NULL: none does. */
KEEL_API const KeelReply *keel_reply_attribute_of(const KeelReply *reply);
/* A reply out of bytes in protocol form, which are copied; never NULL. */
KEEL_API KeelReply *keel_reply_parse(KeelStr resp);

#endif
