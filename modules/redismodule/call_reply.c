/* call_reply.c - what RM_Call answered, taken apart on demand.
 *
 * The handle that modules hold is the host's KeelReply itself, which knows the context of its call,
 * so that a reply costs nothing beside its bytes: strings are pointers into them, elements are found
 * when the first one is asked for, and all end with the whole. A reply that is still to come is a
 * struct of ours, told apart by the lowest bit of its address. */
#include "rm.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef struct ToCome {
    struct Promise *promise;
    RedisModuleCtx *ctx;           /* of the call */
} ToCome;

static inline bool is_to_come(const RedisModuleCallReply *r) {
    return (uintptr_t)r & 1;
}
static inline ToCome *to_come(const RedisModuleCallReply *r) {
    return (ToCome *)((uintptr_t)r - 1);
}
static inline KeelReply *whole(const RedisModuleCallReply *r) {
    return (KeelReply *)(uintptr_t)r;
}
static inline RedisModuleCallReply *shown(const KeelReply *reply) {
    return (RedisModuleCallReply *)(uintptr_t)reply;
}

RedisModuleCallReply *rm_reply_new(RedisModuleCtx *ctx, KeelReply *reply) {
    keel_reply_set_data(reply, ctx);
    rm_own(ctx, OWNED_REPLY, reply);
    return shown(reply);
}

RedisModuleCallReply *rm_reply_promise(RedisModuleCtx *ctx, struct Promise *promise) {
    ToCome *t = keel_alloc(sizeof(*t));
    *t = (ToCome){promise, ctx};
    RedisModuleCallReply *r = (RedisModuleCallReply *)((uintptr_t)t | 1);
    rm_own(ctx, OWNED_REPLY, r);
    return r;
}

RedisModuleCallReply *rm_reply_error(RedisModuleCtx *ctx, const char *text) {
    char line[600];
    int len = snprintf(line, sizeof(line), "-%s\r\n", text);
    return rm_reply_new(ctx, keel_reply_parse((KeelStr){line, (size_t)len}));
}

static __attribute__((noinline)) void free_to_come(RedisModuleCallReply *r) {
    ToCome *t = to_come(r);
    if (t->ctx) rm_disown(t->ctx, OWNED_REPLY, r);
    rm_promise_forget(t->promise, r);
    keel_free(t);
}

/* Elements end with the whole of which they are part. */
void RM_FreeCallReply(RedisModuleCallReply *r) {
    if (!r) return;
    if (__builtin_expect(is_to_come(r), 0)) {
        free_to_come(r);
        return;
    }
    RedisModuleCtx *ctx = keel_reply_data(whole(r));
    if (ctx) rm_disown(ctx, OWNED_REPLY, r);
    keel_reply_free(whole(r));
}

/* ---- what it is ------------------------------------------------------------------------------ */

struct Promise *rm_reply_is_promise(const RedisModuleCallReply *r) {
    return is_to_come(r) ? to_come(r)->promise : NULL;
}

int RM_CallReplyType(RedisModuleCallReply *r) {
    if (!r) return REDISMODULE_REPLY_UNKNOWN;
    if (is_to_come(r)) return REDISMODULE_REPLY_PROMISE;
    switch (keel_reply_type(whole(r))) {
    case '$': case '+': return REDISMODULE_REPLY_STRING;
    case '-': return REDISMODULE_REPLY_ERROR;
    case ':': return REDISMODULE_REPLY_INTEGER;
    case '*': case '>': return REDISMODULE_REPLY_ARRAY;
    case '_': /* nothing at all shows so, too */
        return keel_reply_resp(whole(r)).len ? REDISMODULE_REPLY_NULL : REDISMODULE_REPLY_UNKNOWN;
    case '%': return REDISMODULE_REPLY_MAP;
    case '~': return REDISMODULE_REPLY_SET;
    case '#': return REDISMODULE_REPLY_BOOL;
    case ',': return REDISMODULE_REPLY_DOUBLE;
    case '(': return REDISMODULE_REPLY_BIG_NUMBER;
    case '=': return REDISMODULE_REPLY_VERBATIM_STRING;
    case '|': return REDISMODULE_REPLY_ATTRIBUTE;
    default: return REDISMODULE_REPLY_UNKNOWN;
    }
}

static bool is(RedisModuleCallReply *r, int type) {
    return RM_CallReplyType(r) == type;
}

const char *RM_CallReplyProto(RedisModuleCallReply *r, size_t *len) {
    if (!r || is_to_come(r)) {
        *len = 0;
        return NULL;
    }
    KeelStr bytes = keel_reply_resp(whole(r));
    *len = bytes.len;
    return bytes.ptr;
}

/* Bytes of strings, elements of lists, pairs of maps. */
size_t RM_CallReplyLength(RedisModuleCallReply *r) {
    switch (RM_CallReplyType(r)) {
    case REDISMODULE_REPLY_STRING:
    case REDISMODULE_REPLY_ERROR:
        return keel_reply_str(whole(r)).len;
    case REDISMODULE_REPLY_ARRAY:
    case REDISMODULE_REPLY_SET:
        return keel_reply_count(whole(r));
    case REDISMODULE_REPLY_MAP:
    case REDISMODULE_REPLY_ATTRIBUTE:
        return keel_reply_count(whole(r)) / 2;
    default:
        return 0;
    }
}

/* ---- scalars --------------------------------------------------------------------------------- */

long long RM_CallReplyInteger(RedisModuleCallReply *r) {
    return is(r, REDISMODULE_REPLY_INTEGER) ? keel_reply_integer(whole(r)) : LLONG_MIN;
}

double RM_CallReplyDouble(RedisModuleCallReply *r) {
    return is(r, REDISMODULE_REPLY_DOUBLE) ? keel_reply_number(whole(r)) : (double)LLONG_MIN;
}

int RM_CallReplyBool(RedisModuleCallReply *r) {
    return is(r, REDISMODULE_REPLY_BOOL) ? (int)keel_reply_integer(whole(r)) : INT_MIN;
}

static const char *text_of(RedisModuleCallReply *r, size_t *len) {
    KeelStr text = keel_reply_str(whole(r));
    if (len) *len = text.len;
    return text.ptr;
}

const char *RM_CallReplyStringPtr(RedisModuleCallReply *r, size_t *len) {
    if (!is(r, REDISMODULE_REPLY_STRING) && !is(r, REDISMODULE_REPLY_ERROR)) return NULL;
    return text_of(r, len);
}

const char *RM_CallReplyBigNumber(RedisModuleCallReply *r, size_t *len) {
    return is(r, REDISMODULE_REPLY_BIG_NUMBER) ? text_of(r, len) : NULL;
}

/* The kind's three letters and a colon stand before the text. */
const char *RM_CallReplyVerbatim(RedisModuleCallReply *r, size_t *len, const char **kind) {
    if (!is(r, REDISMODULE_REPLY_VERBATIM_STRING)) return NULL;
    const char *text = text_of(r, len);
    if (kind) *kind = text - 4;
    return text;
}

RedisModuleString *RM_CreateStringFromCallReply(RedisModuleCallReply *r) {
    switch (RM_CallReplyType(r)) {
    case REDISMODULE_REPLY_STRING:
    case REDISMODULE_REPLY_ERROR: {
        KeelStr text = keel_reply_str(whole(r));
        return rm_string_for(keel_reply_data(whole(r)), text.ptr, text.len);
    }
    case REDISMODULE_REPLY_INTEGER: {
        char digits[KEEL_INT_ROOM];
        return rm_string_for(keel_reply_data(whole(r)), digits,
                             keel_format_int(digits, keel_reply_integer(whole(r))));
    }
    default:
        return NULL;
    }
}

/* ---- elements -------------------------------------------------------------------------------- */

static RedisModuleCallReply *item(RedisModuleCallReply *r, size_t i) {
    return shown(keel_reply_at(whole(r), i));
}

RedisModuleCallReply *RM_CallReplyArrayElement(RedisModuleCallReply *r, size_t i) {
    return is(r, REDISMODULE_REPLY_ARRAY) ? item(r, i) : NULL;
}

RedisModuleCallReply *RM_CallReplySetElement(RedisModuleCallReply *r, size_t i) {
    return is(r, REDISMODULE_REPLY_SET) ? item(r, i) : NULL;
}

static int pair(RedisModuleCallReply *r, size_t i, RedisModuleCallReply **key,
                RedisModuleCallReply **value) {
    if (i >= RM_CallReplyLength(r)) return REDISMODULE_ERR;
    if (key) *key = item(r, i * 2);
    if (value) *value = item(r, i * 2 + 1);
    return REDISMODULE_OK;
}

int RM_CallReplyMapElement(RedisModuleCallReply *r, size_t i, RedisModuleCallReply **key,
                           RedisModuleCallReply **value) {
    return is(r, REDISMODULE_REPLY_MAP) ? pair(r, i, key, value) : REDISMODULE_ERR;
}

int RM_CallReplyAttributeElement(RedisModuleCallReply *r, size_t i, RedisModuleCallReply **key,
                                 RedisModuleCallReply **value) {
    return is(r, REDISMODULE_REPLY_ATTRIBUTE) ? pair(r, i, key, value) : REDISMODULE_ERR;
}

RedisModuleCallReply *RM_CallReplyAttribute(RedisModuleCallReply *r) {
    return !r || is_to_come(r) ? NULL : shown(keel_reply_attribute_of(whole(r)));
}

/* ---- passing it on --------------------------------------------------------------------------- */

/* The bytes are sent as they are. Those of RESP3 mean nothing to a client of RESP2. */
int RM_ReplyWithCallReply(RedisModuleCtx *ctx, RedisModuleCallReply *r) {
    KeelCtx *c = ctx->replies;
    if (!r || is_to_come(r)) return REDISMODULE_ERR;
    return !c || keel_reply_pass(c, whole(r)) ? REDISMODULE_OK : REDISMODULE_ERR;
}
