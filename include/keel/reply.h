/* keel/reply.h - replies, written straight into the output buffer in the client's protocol.
 *
 * A command gives exactly one reply: one scalar, or one aggregate followed by its elements. The
 * host counts: a command that returns with none, half of one or two has what it wrote replaced by
 * an error that names module and command. Kinds that RESP2 lacks are written in the form Redis
 * gives them there (a map as a flat array, a double as a bulk string ...).
 *
 * Contexts: command, and a blocked client's callbacks. Cost: the bytes written. */
#ifndef KEEL_REPLY_H
#define KEEL_REPLY_H

#include <keel/base.h>

KEEL_API void keel_reply_ok(KeelCtx *c);
KEEL_API void keel_reply_status(KeelCtx *c, const char *text);
/* The text starts with its code: "ERR syntax error". CR and LF in it become spaces. */
KEEL_API void keel_reply_error(KeelCtx *c, const char *text);
KEEL_API void keel_reply_errorf(KeelCtx *c, const char *format, ...) KEEL_PRINTF(2, 3);
KEEL_API void keel_reply_int(KeelCtx *c, int64_t v);
KEEL_API void keel_reply_bulk(KeelCtx *c, KeelStr s);
KEEL_API void keel_reply_cstr(KeelCtx *c, const char *s);
/* A bulk string holding the decimal form. */
KEEL_API void keel_reply_bulk_int(KeelCtx *c, int64_t v);
/* RESP3 double; in RESP2 a bulk string. The shortest form that reads back. */
KEEL_API void keel_reply_double(KeelCtx *c, double v);
/* RESP3 boolean; in RESP2 the integers 1 and 0. */
KEEL_API void keel_reply_bool(KeelCtx *c, bool v);
/* RESP3 null; in RESP2 the null bulk string, or the null array. */
KEEL_API void keel_reply_null(KeelCtx *c);
KEEL_API void keel_reply_null_array(KeelCtx *c);
/* `kind` is three letters, such as "txt". In RESP2 a bulk string. */
KEEL_API void keel_reply_verbatim(KeelCtx *c, const char kind[3], KeelStr s);
/* Decimal digits of any length. In RESP2 a bulk string. */
KEEL_API void keel_reply_bignum(KeelCtx *c, KeelStr digits);

/* Aggregates: so many elements (pairs, for map and attribute) follow. An attribute precedes the
 * reply it belongs to and is dropped in RESP2 with nothing to follow: test keel_reply_protocol().
 * A push is out of band: it does not count as the command's reply. */
KEEL_API void keel_reply_array(KeelCtx *c, size_t n);
KEEL_API void keel_reply_map(KeelCtx *c, size_t n);
KEEL_API void keel_reply_set(KeelCtx *c, size_t n);
KEEL_API void keel_reply_attribute(KeelCtx *c, size_t n);
KEEL_API void keel_reply_push(KeelCtx *c, size_t n);

/* The most elements of a reply that repeats what there is as often as a client asks. A number in a
 * request is not to keep the server from others for minutes, nor to fill its memory. Told when there
 * is something to repeat: a missing key answers whatever the number is. */
#define KEEL_REPEATS_MAX (1 << 24)

/* An aggregate whose length is known only at its end. Nest them freely; end each, innermost
 * first. */
typedef struct KeelDeferred {
    char *at_;      /* the host's */
    void *chunk_;
    size_t kind_;
} KeelDeferred;
KEEL_API KeelDeferred keel_reply_defer_array(KeelCtx *c);
KEEL_API KeelDeferred keel_reply_defer_map(KeelCtx *c);
KEEL_API KeelDeferred keel_reply_defer_set(KeelCtx *c);
/* RESP3 only, as keel_reply_attribute(). */
KEEL_API KeelDeferred keel_reply_defer_attribute(KeelCtx *c);
KEEL_API void keel_reply_end(KeelCtx *c, KeelDeferred d, size_t n);
/* Ends one that was begun as an array as a push, which RESP2 has as an array. */
KEEL_API void keel_reply_end_push(KeelCtx *c, KeelDeferred d, size_t n);

/* Whole replies in protocol form, as from keel_call(); `n` says how many. One that begins as an error
 * counts as the command's, but was counted in errorstats when it was made. */
KEEL_API void keel_reply_raw(KeelCtx *c, KeelStr resp, size_t n);
/* The command sends nothing, or a number of replies that only it knows (SUBSCRIBE): the host does
 * not count. */
KEEL_API void keel_reply_uncounted(KeelCtx *c);
/* Whether more is worth writing. False when what waits for the client is past the hard limit of its
 * output buffer: then it closes without getting it, and the command may return with its reply
 * unfinished. For replies as long as a user asks for, element by element. Cost: a few loads. */
KEEL_API bool keel_reply_room(KeelCtx *c);
/* The text of the first error that was replied to the running command, by it or by a gate, as it
 * was given: its first 128 bytes, until the next reply. Empty: none was. */
KEEL_API KeelStr keel_reply_first_error(KeelCtx *c);
/* Takes back all that was replied to the running command, which then owes its reply anew. */
KEEL_API void keel_reply_undo(KeelCtx *c);
/* 2 or 3. */
KEEL_API int keel_reply_protocol(KeelCtx *c);

/* The texts everybody shares. */
KEEL_API void keel_reply_wrongtype(KeelCtx *c);    /* WRONGTYPE Operation against a key ... */
KEEL_API void keel_reply_syntax(KeelCtx *c);       /* ERR syntax error */
KEEL_API void keel_reply_not_int(KeelCtx *c);      /* ERR value is not an integer or out of range */
KEEL_API void keel_reply_arity(KeelCtx *c);        /* ERR wrong number of arguments for '...' */
/* The HELP subcommand's array for the command that is running; `lines` ends with NULL. The first
 * and the last lines, which all share, are added. */
KEEL_API void keel_reply_help(KeelCtx *c, const char *const *lines);
/* "ERR unknown subcommand '...'. Try ... HELP." */
KEEL_API void keel_reply_unknown_subcommand(KeelCtx *c);

/* Strict int64 argument; false when a "not an integer" error was replied. */
static inline bool keel_arg_int(KeelCtx *c, KeelStr s, int64_t *out);

#include <keel/text.h>
static inline bool keel_arg_int(KeelCtx *c, KeelStr s, int64_t *out) {
    if (keel_parse_int(s, out)) return true;
    keel_reply_not_int(c);
    return false;
}

#endif
