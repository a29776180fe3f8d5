/* resp.c - the request parser.
 *
 * The common request - a multibulk of short arguments that is wholly there - takes one pass with no
 * state kept. A request that is cut is parsed again from its start when more bytes came, unless it
 * is long: then client code goes on piecewise (net.c), so no input costs quadratic time. */
#include "resp.h"

#include "entry.h"

#include <keel/text.h>
#include <stdio.h>
#include <string.h>

int resp_number(const char *p, const char *end, int64_t *v, const char **next) {
    /* One digit: the argument count of nearly all requests. */
    if (end - p >= 3 && p[1] == '\r' && (unsigned)(p[0] - '0') <= 9) {
        *v = p[0] - '0';
        *next = p + 3;
        return 1;
    }
    const char *cr = memchr(p, '\r', (size_t)(end - p));
    if (!cr) return end - p > RESP_INLINE_MAX ? -2 : 0;
    if (end - cr < 2) return 0;
    if (!keel_parse_int((KeelStr){p, (size_t)(cr - p)}, v)) return -1;
    *next = cr + 2;
    return 1;
}

const char *resp_count_error(int64_t n, const RespLimits *limits) {
    if (n > INT32_MAX) return "invalid multibulk length";
    if (n > limits->args) return "unauthenticated multibulk length";
    return NULL;
}

const char *resp_bulk_error(int64_t n, const RespLimits *limits) {
    if (n < 0 || (limits->authenticated && n > limits->bulk)) return "invalid bulk length";
    if (n > limits->bulk) return "unauthenticated bulk length";
    return NULL;
}

static RespResult fail(RespRequest *out, const char *error) {
    out->error = error;
    return RESP_ERROR;
}

static RespResult parse_multibulk(char *p, char *end, KeelStr *args, int room,
                                  const RespLimits *limits, RespRequest *out) {
    int64_t count, len;
    const char *next;
    int got = resp_number(p + 1, end, &count, &next);
    if (got == 0) return RESP_MORE;
    if (got == -2) return fail(out, "too big mbulk count string");
    if (got < 0) return fail(out, "invalid multibulk length");
    const char *error = resp_count_error(count, limits);
    if (error) return fail(out, error);
    if (count <= 0) {
        out->argc = 0;
        out->next = (char *)next;
        return RESP_WHOLE;
    }
    if (count > room) return RESP_ROOM;
    for (KeelStr *arg = args, *last = args + count; arg < last; arg++) {
        p = (char *)next;
        /* "$d\r\n" and "$dd\r\n" are nearly all headers. The LF is not looked at, here nor below. */
        unsigned a, b;
        if (__builtin_expect(end - p >= 5 && *p == '$' && (a = (unsigned)(p[1] - '0')) <= 9, 1)) {
            if (p[2] == '\r') {
                len = a;
                next = p + 4;
                goto header_read;
            }
            if (p[3] == '\r' && a && (b = (unsigned)(p[2] - '0')) <= 9) {
                len = a * 10 + b;
                next = p + 5;
                goto header_read;
            }
        }
        if (p == end) return RESP_MORE;
        if (*p != '$') {
            snprintf(out->text, sizeof(out->text), "expected '$', got '%c'", *p);
            return fail(out, out->text);
        }
        got = resp_number(p + 1, end, &len, &next);
        if (got == 0) return RESP_MORE;
        if (got == -2) return fail(out, "too big bulk count string");
        error = got < 0 ? "invalid bulk length" : resp_bulk_error(len, limits);
        if (error) return fail(out, error);
    header_read:
        if (__builtin_expect(end - next < len + 2, 0)) {
            out->large = len >= BUFFER_ARG_MIN;
            return RESP_MORE;
        }
        *arg = (KeelStr){next, (size_t)len};
        next += len + 2;
        ((char *)next)[-2] = '\0'; /* nobody looks at this CR again, should the rest be missing */
    }
    out->argc = (int)count;
    out->next = (char *)next;
    return RESP_WHOLE;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Decodes one word of an inline line in place: quotes, and escapes inside double ones. Returns where
 * to go on, NULL when the quotes do not balance. */
static char *inline_word(char *p, char *end, KeelStr *word) {
    char *to = p;
    word->ptr = to;
    bool twice = false, once = false; /* inside "..." or '...' */
    for (;; p++) {
        if (p == end) {
            if (twice || once) return NULL;
            break;
        }
        if (twice) {
            if (*p == '\\' && end - p > 3 && p[1] == 'x' && hex_digit(p[2]) >= 0 &&
                hex_digit(p[3]) >= 0) {
                *to++ = (char)(hex_digit(p[2]) << 4 | hex_digit(p[3]));
                p += 3;
            } else if (*p == '\\' && end - p > 1) {
                static const char from[] = "nrtba", into[] = "\n\r\t\b\a";
                const char *known = p[1] ? strchr(from, p[1]) : NULL;
                p++;
                *to++ = known ? into[known - from] : *p;
            } else if (*p == '"') {
                if (end - p > 1 && !is_space(p[1])) return NULL;
                p++;
                break;
            } else {
                *to++ = *p;
            }
        } else if (once) {
            if (*p == '\\' && end - p > 1 && p[1] == '\'') {
                *to++ = '\'';
                p++;
            } else if (*p == '\'') {
                if (end - p > 1 && !is_space(p[1])) return NULL;
                p++;
                break;
            } else {
                *to++ = *p;
            }
        } else if (is_space(*p) || *p == '\0') {
            break;
        } else if (*p == '"') {
            twice = true;
        } else if (*p == '\'') {
            once = true;
        } else {
            *to++ = *p;
        }
    }
    word->len = (size_t)(to - word->ptr);
    return p;
}

static RespResult parse_inline(char *p, char *end, KeelStr *args, int room, RespRequest *out) {
    char *newline = memchr(p, '\n', (size_t)(end - p));
    if (!newline) {
        if (end - p > RESP_INLINE_MAX) return fail(out, "too big inline request");
        return RESP_MORE;
    }
    out->next = newline + 1;
    out->is_inline = true;
    char *line_end = newline > p && newline[-1] == '\r' ? newline - 1 : newline;
    while (p < line_end) {
        while (p < line_end && is_space(*p)) p++;
        if (p == line_end || *p == '\0') break;
        if (out->argc == room) return fail(out, "too many inline arguments");
        p = inline_word(p, line_end, &args[out->argc]);
        if (!p) return fail(out, "unbalanced quotes in request");
        out->argc++;
    }
    /* Only now: a word's end may be the next one's first byte's neighbour. */
    for (int i = 0; i < out->argc; i++) ((char *)args[i].ptr)[args[i].len] = '\0';
    return RESP_WHOLE;
}

RespResult resp_parse(char *p, char *end, KeelStr *args, int room, const RespLimits *limits,
                      RespRequest *out) {
    out->argc = 0;
    out->is_inline = out->large = false;
    if (__builtin_expect(*p == '*', 1)) return parse_multibulk(p, end, args, room, limits, out);
    return parse_inline(p, end, args, room, out);
}
