/* string.c - RedisModuleString: counted bytes that modules make, keep and hand back.
 *
 * Arguments are views of the request, in structs from a pool; whoever keeps one past its callback
 * (RetainString, HoldString) makes it copy its bytes then. All others are one block. */
#include "rm.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

RedisModuleString *rm_string(const char *bytes, size_t len) {
    RedisModuleString *s = keel_alloc(sizeof(*s) + len + 1);
    *s = (RedisModuleString){.ptr = s->inside, .len = len, .refs = 1, .form = STR_INSIDE};
    if (bytes) memcpy(s->inside, bytes, len);
    s->inside[len] = '\0';
    return s;
}

RedisModuleString *rm_string_for(RedisModuleCtx *ctx, const char *bytes, size_t len) {
    RedisModuleString *s = rm_string(bytes, len);
    rm_own(ctx, OWNED_STRING, s);
    return s;
}

/* The bytes into a block of the string's own, with room for `room` and a NUL. */
static char *make_block(RedisModuleString *s, size_t room) {
    char *block = keel_alloc(room + 1);
    memcpy(block, s->ptr, s->len);
    block[s->len] = '\0';
    if (s->form == STR_BLOCK) keel_free((char *)(uintptr_t)s->ptr);
    s->ptr = block;
    s->form = STR_BLOCK;
    s->room = room;
    rm_argument_changed(s);
    return block;
}

RedisModuleString *rm_string_keep(RedisModuleString *s) {
    if (s->form == STR_BORROWED) make_block(s, s->len);
    rm_argument_changed(s);
    __atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED);
    return s;
}

void rm_string_release(RedisModuleString *s) {
    if (!s) return;
    rm_argument_changed(s);
    if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    if (s->form == STR_BLOCK) keel_free((char *)(uintptr_t)s->ptr);
    if (!s->pooled) keel_free(s);
}

/* ---- making ---------------------------------------------------------------------------------- */

RedisModuleString *RM_CreateString(RedisModuleCtx *ctx, const char *bytes, size_t len) {
    return rm_string_for(ctx, bytes, len);
}

RedisModuleString *RM_CreateStringFromLongLong(RedisModuleCtx *ctx, long long v) {
    char text[KEEL_INT_ROOM];
    size_t len = keel_format_int(text, v);
    return rm_string_for(ctx, text, len);
}

RedisModuleString *RM_CreateStringFromULongLong(RedisModuleCtx *ctx, unsigned long long v) {
    char text[KEEL_INT_ROOM];
    int len = snprintf(text, sizeof(text), "%llu", v);
    return rm_string_for(ctx, text, (size_t)len);
}

RedisModuleString *RM_CreateStringFromDouble(RedisModuleCtx *ctx, double v) {
    char text[64];
    size_t len = keel_format_double(text, v);
    return rm_string_for(ctx, text, len);
}

/* `human`: all digits and no exponent; otherwise 17 digits that may have one. */
RedisModuleString *RM_CreateStringFromLongDouble(RedisModuleCtx *ctx, long double v, int human) {
    char text[5 * 1024];
    size_t len = human ? keel_format_long_double(text, v) : 0;
    if (isinf(v)) {
        len = (size_t)sprintf(text, "%s", v > 0 ? "inf" : "-inf");
    } else if (!len) {
        len = (size_t)snprintf(text, sizeof(text), "%.17Lg", v);
    }
    return rm_string_for(ctx, text, len);
}

RedisModuleString *RM_CreateStringFromString(RedisModuleCtx *ctx, const RedisModuleString *s) {
    return rm_string_for(ctx, s->ptr, s->len);
}

RedisModuleString *RM_CreateStringFromStreamID(RedisModuleCtx *ctx, const RedisModuleStreamID *id) {
    char text[64];
    int len = snprintf(text, sizeof(text), "%llu-%llu", (unsigned long long)id->ms,
                       (unsigned long long)id->seq);
    return rm_string_for(ctx, text, (size_t)len);
}

RedisModuleString *RM_CreateStringPrintf(RedisModuleCtx *ctx, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    RedisModuleString *s = rm_string(NULL, len > 0 ? (size_t)len : 0);
    if (len > 0) vsnprintf(s->inside, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    rm_own(ctx, OWNED_STRING, s);
    return s;
}

/* ---- keeping and freeing --------------------------------------------------------------------- */

void RM_FreeString(RedisModuleCtx *ctx, RedisModuleString *s) {
    if (!s) return;
    if (ctx) rm_disown(ctx, OWNED_STRING, s);
    rm_string_release(s);
}

/* The caller's own now: automatic memory no longer frees it. */
void RM_RetainString(RedisModuleCtx *ctx, RedisModuleString *s) {
    if (ctx && rm_disown(ctx, OWNED_STRING, s)) return;
    rm_string_keep(s);
}

RedisModuleString *RM_HoldString(RedisModuleCtx *ctx, RedisModuleString *s) {
    rm_string_keep(s);
    rm_own(ctx, OWNED_STRING, s);
    return s;
}

/* ---- reading --------------------------------------------------------------------------------- */

const char *RM_StringPtrLen(const RedisModuleString *s, size_t *len) {
    static const char none[] = "(NULL string reply referenced in module)";
    if (!s) {
        if (len) *len = sizeof(none) - 1;
        return none;
    }
    if (len) *len = s->len;
    return s->ptr;
}

int RM_StringToLongLong(const RedisModuleString *s, long long *v) {
    int64_t number;
    if (!keel_parse_int(rm_view(s), &number)) return REDISMODULE_ERR;
    *v = number;
    return REDISMODULE_OK;
}

int RM_StringToULongLong(const RedisModuleString *s, unsigned long long *v) {
    uint64_t number;
    if (!keel_parse_uint(rm_view(s), &number)) return REDISMODULE_ERR;
    *v = number;
    return REDISMODULE_OK;
}

int RM_StringToDouble(const RedisModuleString *s, double *v) {
    return keel_parse_double(rm_view(s), v) ? REDISMODULE_OK : REDISMODULE_ERR;
}

int RM_StringToLongDouble(const RedisModuleString *s, long double *v) {
    return keel_parse_long_double(rm_view(s), v) ? REDISMODULE_OK : REDISMODULE_ERR;
}

int RM_StringToStreamID(const RedisModuleString *s, RedisModuleStreamID *id) {
    const KeelStreamOps *ops = rm_stream();
    KeelStreamId parsed;
    /* The ends of all streams. */
    if (s->len == 1 && (*s->ptr == '-' || *s->ptr == '+')) {
        uint64_t end = *s->ptr == '-' ? 0 : UINT64_MAX;
        *id = (RedisModuleStreamID){end, end};
        return REDISMODULE_OK;
    }
    if (!ops || !ops->parse_id(rm_view(s), 0, &parsed)) return REDISMODULE_ERR;
    *id = (RedisModuleStreamID){parsed.ms, parsed.seq};
    return REDISMODULE_OK;
}

int RM_StringCompare(const RedisModuleString *a, const RedisModuleString *b) {
    size_t shared = a->len < b->len ? a->len : b->len;
    int cmp = memcmp(a->ptr, b->ptr, shared);
    return cmp ? cmp : (a->len > b->len) - (a->len < b->len);
}

/* ---- changing -------------------------------------------------------------------------------- */

/* Only a string that nobody else holds may change. */
int RM_StringAppendBuffer(RedisModuleCtx *ctx, RedisModuleString *s, const char *bytes, size_t len) {
    (void)ctx;
    size_t needed;
    if (s->refs != 1 || __builtin_add_overflow(s->len, len, &needed)) return REDISMODULE_ERR;
    char *to = (char *)(uintptr_t)s->ptr;
    if (s->form != STR_BLOCK || s->room < needed) to = make_block(s, needed + needed / 2);
    memcpy(to + s->len, bytes, len);
    to[needed] = '\0';
    s->len = needed;
    return REDISMODULE_OK;
}

void RM_TrimStringAllocation(RedisModuleString *s) {
    if (s && s->form == STR_BLOCK && s->room > s->len) make_block(s, s->len);
}
