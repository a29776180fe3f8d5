/* ctx.h - the frame of one call of module code: what keel_* functions find behind a KeelCtx. */
#ifndef CORE_CTX_H
#define CORE_CTX_H

#include <keel.h>

struct Db;
struct Chunk;

enum {
    CTX_RESP3 = 1u << 0,
    CTX_UNCOUNTED = 1u << 1,      /* the handler counts its replies itself */
    CTX_ERROR = 1u << 2,          /* an error was replied: error_text has its start */
    CTX_BLOCKED = 1u << 3,        /* the handler blocked its client: no reply yet */
    CTX_NO_BLOCK = 1u << 4,       /* blocking is not possible here */
    CTX_JOURNAL_OFF = 1u << 5,    /* keel_journal_nothing */
    CTX_JOURNAL_FORCE = 1u << 6,
    CTX_JOURNAL_INSTEAD = 1u << 7,/* the handler wrote its own records */
    CTX_PUSH = 1u << 8,           /* made by keel_push_begin() */
    CTX_NESTED = 1u << 9,         /* made by keel_call() */
    CTX_NO_JOURNAL = 1u << 10,    /* nothing done here is recorded */
    CTX_RETRY = 1u << 11,         /* a blocked command's second try */
    CTX_PUSHED = 1u << 12,        /* pushes to its client wait for the end of its reply */
    CTX_INLINE = 1u << 13,        /* run by keel_call_inline(): its reply is a part of one */
    CTX_REDACTED = 1u << 14,      /* `redacted` holds */
    CTX_RECORD_CLEAN = 1u << 15,  /* its records are KEEL_JOURNAL_CLEAN */
    CTX_COLLECTS = 1u << 17,      /* made by keel_collect_begin() */
    CTX_RECORD_LOCAL = 1u << 16,  /* its records are KEEL_JOURNAL_LOCAL */
};

struct KeelCtx {
    char *out, *out_end;          /* where the next reply byte goes, and the end of the room */
    int64_t owed;                 /* replies that the running command still owes */
    uint32_t flags;               /* CTX_* */
    struct Db *db;
    int db_at_start;              /* its id as the command began: what its record belongs to */
    KeelClient *client;           /* NULL: nobody's */
    const KeelCommandRef *command;
    const KeelStr *argv;
    int argc;
    uint64_t dirty;               /* changes made by this command */
    const struct KeyMemo *memo;   /* hashes that prefetching computed, in order of argv */
    const struct KeyMemo *memo_end;
    KeelStr raw;                  /* the request's bytes when whole; ptr NULL: re-encode argv */
    struct Chunk *chunk;          /* where `out` lies when it is not the turn's arena */
    char *mark;                   /* where this command's reply began */
    struct Chunk *mark_chunk;
    KeelCtx *outer;               /* the context that this one was made inside of */
    const void *module;           /* Module * that runs, when it is no command's */
    char error_text[128];
    unsigned error_len;
    uint64_t redacted;            /* bits of arguments that nobody shows; see keel_redact() */
};

#endif
