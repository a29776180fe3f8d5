/* resp.h - requests out of bytes: the RESP and inline forms. Knows no client and no socket. */
#ifndef CORE_RESP_H
#define CORE_RESP_H

#include <keel/base.h>

typedef enum RespResult {
    RESP_WHOLE, /* one request: *argc arguments (0: an empty one, to be skipped) */
    RESP_MORE,  /* the bytes end inside it */
    RESP_ROOM,  /* it has more arguments than fit: parse it piecewise */
    RESP_ERROR, /* *error says what; the connection cannot go on */
} RespResult;

typedef struct RespLimits {
    int64_t args, bulk;      /* most arguments, longest argument */
    bool authenticated;      /* only for the error's wording */
} RespLimits;

#define RESP_INLINE_MAX (64 * 1024)

typedef struct RespRequest {
    int argc;
    char *next;         /* behind the request */
    bool is_inline;     /* arguments were decoded in place */
    bool large;         /* RESP_MORE: an argument of BUFFER_ARG_MIN or more is coming */
    const char *error;  /* static or in `text` */
    char text[96];
} RespRequest;

/* Parses one request at `p`. Arguments are views into the bytes, each ended with a NUL that takes
 * the place of its CR. */
RespResult resp_parse(char *p, char *end, KeelStr *args, int room, const RespLimits *limits,
                      RespRequest *out);

/* "<digits>\r\n" at p with an optional '-'. 1 and *next behind it; 0: more bytes needed; -1: not a
 * number. */
int resp_number(const char *p, const char *end, int64_t *v, const char **next);
/* The texts for a bad count or length, which depend on who asks. */
const char *resp_count_error(int64_t n, const RespLimits *limits);
const char *resp_bulk_error(int64_t n, const RespLimits *limits);

#endif
