/* reply.c - replies, and those whose length is told at the end.
 *
 * Without a client (a timer's context, a thread's that no client blocked for) replies go nowhere, and
 * say so by succeeding, as in Redis. */
#include "rm.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REPLY(ctx, ...)                                                                            \
    do {                                                                                           \
        KeelCtx *c = (ctx)->replies;                                                               \
        if (__builtin_expect(c != NULL, 1)) __VA_ARGS__;                                                                        \
        return REDISMODULE_OK;                                                                     \
    } while (0)

int RM_WrongArity(RedisModuleCtx *ctx) {
    const char *name = ctx->command ? ctx->command->full_name : "";
    REPLY(ctx, keel_reply_errorf(c, "ERR wrong number of arguments for '%s' command", name));
}

int RM_ReplyWithLongLong(RedisModuleCtx *ctx, long long v) {
    REPLY(ctx, keel_reply_int(c, v));
}

int RM_ReplyWithError(RedisModuleCtx *ctx, const char *error) {
    REPLY(ctx, keel_reply_error(c, error));
}

int RM_ReplyWithErrorFormat(RedisModuleCtx *ctx, const char *format, ...) {
    char few[512], *text = few;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(few, sizeof(few), format, args);
    if (len >= (int)sizeof(few)) {
        text = keel_alloc((size_t)len + 1);
        vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    va_end(args);
    KeelCtx *c = ctx->replies;
    if (c) keel_reply_error(c, text);
    if (text != few) keel_free(text);
    return REDISMODULE_OK;
}

int RM_ReplyWithSimpleString(RedisModuleCtx *ctx, const char *text) {
    REPLY(ctx, text[0] == 'O' && text[1] == 'K' && !text[2] ? keel_reply_ok(c)
                                                            : keel_reply_status(c, text));
}
int RM_ReplyWithStringBuffer(RedisModuleCtx *ctx, const char *bytes, size_t len) {
    REPLY(ctx, keel_reply_bulk(c, (KeelStr){bytes, len}));
}
int RM_ReplyWithCString(RedisModuleCtx *ctx, const char *text) {
    REPLY(ctx, keel_reply_cstr(c, text));
}
int RM_ReplyWithString(RedisModuleCtx *ctx, RedisModuleString *s) {
    REPLY(ctx, keel_reply_bulk(c, rm_view(s)));
}
int RM_ReplyWithEmptyString(RedisModuleCtx *ctx) {
    REPLY(ctx, keel_reply_bulk(c, KEEL_LIT("")));
}
int RM_ReplyWithVerbatimString(RedisModuleCtx *ctx, const char *bytes, size_t len) {
    REPLY(ctx, keel_reply_verbatim(c, "txt", (KeelStr){bytes, len}));
}

/* Three letters: a longer kind is cut, a shorter one filled with blanks. */
int RM_ReplyWithVerbatimStringType(RedisModuleCtx *ctx, const char *bytes, size_t len,
                                   const char *kind) {
    char three[4] = "   ";
    memcpy(three, kind, strnlen(kind, 3));
    REPLY(ctx, keel_reply_verbatim(c, three, (KeelStr){bytes, len}));
}

int RM_ReplyWithNull(RedisModuleCtx *ctx) {
    REPLY(ctx, keel_reply_null(c));
}
int RM_ReplyWithBool(RedisModuleCtx *ctx, int v) {
    REPLY(ctx, keel_reply_bool(c, v));
}
int RM_ReplyWithDouble(RedisModuleCtx *ctx, double v) {
    REPLY(ctx, keel_reply_double(c, v));
}

int RM_ReplyWithLongDouble(RedisModuleCtx *ctx, long double v) {
    RedisModuleString *s = RM_CreateStringFromLongDouble(NULL, v, 1);
    KeelCtx *c = ctx->replies;
    if (c && keel_reply_protocol(c) == 3) {
        char line[5 * 1024];
        int len = snprintf(line, sizeof(line), ",%s\r\n", s->ptr);
        keel_reply_raw(c, (KeelStr){line, (size_t)len}, 1);
    } else if (c) {
        keel_reply_bulk(c, rm_view(s));
    }
    rm_string_release(s);
    return REDISMODULE_OK;
}

int RM_ReplyWithBigNumber(RedisModuleCtx *ctx, const char *digits, size_t len) {
    REPLY(ctx, keel_reply_bignum(c, (KeelStr){digits, len}));
}

/* ---- aggregates ------------------------------------------------------------------------------ */

static void postpone(RedisModuleCtx *ctx, KeelDeferred d) {
    ctx->flags |= RM_UNTIDY;
    if (ctx->postponed_count < POSTPONED_FEW) {
        ctx->postponed[ctx->postponed_count++] = d;
        return;
    }
    int n = ctx->postponed_count - POSTPONED_FEW;
    if (n == ctx->postponed_room) {
        ctx->postponed_room = n ? n * 2 : POSTPONED_FEW;
        ctx->postponed_more = keel_realloc(ctx->postponed_more, (size_t)ctx->postponed_room *
                                                                    sizeof(*ctx->postponed_more));
    }
    ctx->postponed_more[n] = d;
    ctx->postponed_count++;
}

/* The length of the innermost one. */
static void end_with(RedisModuleCtx *ctx, long n,
                     void (*end)(KeelCtx *, KeelDeferred, size_t)) {
    KeelCtx *c = ctx->replies;
    if (!c) return;
    if (!ctx->postponed_count) {
        keel_log(KEEL_LOG_WARNING, "module '%s' told the length of a reply that it had not begun",
                 ctx->mod ? ctx->mod->name : "?");
        return;
    }
    int i = --ctx->postponed_count;
    KeelDeferred d = i < POSTPONED_FEW ? ctx->postponed[i] : ctx->postponed_more[i - POSTPONED_FEW];
    end(c, d, n > 0 ? (size_t)n : 0);
}

static void set_length(RedisModuleCtx *ctx, long n) {
    end_with(ctx, n, keel_reply_end);
}

int RM_ReplyWithArray(RedisModuleCtx *ctx, long n) {
    KeelCtx *c = ctx->replies;
    if (!c) return REDISMODULE_OK;
    if (n == REDISMODULE_POSTPONED_LEN) {
        postpone(ctx, keel_reply_defer_array(c));
    } else {
        keel_reply_array(c, n > 0 ? (size_t)n : 0);
    }
    return REDISMODULE_OK;
}

int RM_ReplyWithMap(RedisModuleCtx *ctx, long n) {
    KeelCtx *c = ctx->replies;
    if (!c) return REDISMODULE_OK;
    if (n == REDISMODULE_POSTPONED_LEN) {
        postpone(ctx, keel_reply_defer_map(c));
    } else {
        keel_reply_map(c, n > 0 ? (size_t)n : 0);
    }
    return REDISMODULE_OK;
}

int RM_ReplyWithSet(RedisModuleCtx *ctx, long n) {
    KeelCtx *c = ctx->replies;
    if (!c) return REDISMODULE_OK;
    if (n == REDISMODULE_POSTPONED_LEN) {
        postpone(ctx, keel_reply_defer_set(c));
    } else {
        keel_reply_set(c, n > 0 ? (size_t)n : 0);
    }
    return REDISMODULE_OK;
}

/* Only RESP3 has attributes: a module must not send one, nor what is in it, to others. */
int RM_ReplyWithAttribute(RedisModuleCtx *ctx, long n) {
    KeelCtx *c = ctx->replies;
    if (!c) return REDISMODULE_OK;
    if (keel_reply_protocol(c) != 3) return REDISMODULE_ERR;
    if (n == REDISMODULE_POSTPONED_LEN) {
        postpone(ctx, keel_reply_defer_attribute(c));
    } else {
        keel_reply_attribute(c, n > 0 ? (size_t)n : 0);
    }
    return REDISMODULE_OK;
}

int RM_ReplyWithNullArray(RedisModuleCtx *ctx) {
    REPLY(ctx, keel_reply_null_array(c));
}
int RM_ReplyWithEmptyArray(RedisModuleCtx *ctx) {
    REPLY(ctx, keel_reply_array(c, 0));
}

void RM_ReplySetArrayLength(RedisModuleCtx *ctx, long n) {
    set_length(ctx, n);
}
void RM_ReplySetMapLength(RedisModuleCtx *ctx, long n) {
    set_length(ctx, n);
}
void RM_ReplySetSetLength(RedisModuleCtx *ctx, long n) {
    set_length(ctx, n);
}
void RM_ReplySetAttributeLength(RedisModuleCtx *ctx, long n) {
    KeelCtx *c = ctx->replies;
    if (c && keel_reply_protocol(c) == 3) set_length(ctx, n);
}
void RM_ReplySetPushLength(RedisModuleCtx *ctx, long n) {
    end_with(ctx, n, keel_reply_end_push);
}
