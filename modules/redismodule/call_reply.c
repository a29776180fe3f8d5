/* call_reply.c - what RM_Call answered, taken apart on demand.
 *
 * A reply is a wrapper around a KeelReply, whose bytes stay where they were collected: strings are
 * pointers into them. Elements get their wrappers when the first one is asked for; all hang at
 * the whole reply, which frees them. Scalars, and so most replies, take one wrapper from a pool. */
#include "rm.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { POOL = 64 };

struct RedisModuleCallReply {
    const KeelReply *reply;
    KeelReply *whole;              /* to be freed; NULL: an element */
    RedisModuleCtx *ctx;           /* of the call */
    RedisModuleCallReply *root;
    /* In the pool all from here on is zero. */
    RedisModuleCallReply *items;   /* of an aggregate; NULL: not asked for yet */
    RedisModuleCallReply *attribute;
    RedisModuleCallReply *blocks;  /* root: first elements of the arrays to be freed, linked */
    RedisModuleCallReply *next_block; /* first of an array; or the next in the pool */
    struct Promise *promise;       /* it is none yet */
    bool attribute_known;
    bool grown;                    /* root: something from `items` on is set */
};

/* A thread may free what it was given without holding the lock: a pool a thread. */
#define THREAD_OWN static __thread __attribute__((tls_model("initial-exec")))
THREAD_OWN RedisModuleCallReply *pool;
THREAD_OWN int pooled;

static RedisModuleCallReply *reply_new(RedisModuleCtx *ctx) {
    RedisModuleCallReply *r = pool;
    if (__builtin_expect(r != NULL, 1)) {
        pool = r->next_block;
        r->next_block = NULL;
        pooled--;
    } else {
        r = keel_zalloc(sizeof(*r));
        r->root = r;
    }
    r->ctx = ctx;
    rm_own(ctx, OWNED_REPLY, r);
    return r;
}

RedisModuleCallReply *rm_reply_new(RedisModuleCtx *ctx, KeelReply *reply) {
    RedisModuleCallReply *r = reply_new(ctx);
    r->reply = r->whole = reply;
    return r;
}

RedisModuleCallReply *rm_reply_promise(RedisModuleCtx *ctx, struct Promise *promise) {
    RedisModuleCallReply *r = reply_new(ctx);
    r->reply = r->whole = NULL;
    r->promise = promise;
    r->grown = true;
    return r;
}

RedisModuleCallReply *rm_reply_error(RedisModuleCtx *ctx, const char *text) {
    char line[600];
    int len = snprintf(line, sizeof(line), "-%s\r\n", text);
    return rm_reply_new(ctx, keel_reply_parse((KeelStr){line, (size_t)len}));
}

static __attribute__((noinline)) void shrink(RedisModuleCallReply *r) {
    for (RedisModuleCallReply *block = r->blocks, *next; block; block = next) {
        next = block->next_block;
        keel_free(block);
    }
    if (r->promise) rm_promise_forget(r->promise, r);
    *r = (RedisModuleCallReply){.root = r};
}

/* Elements end with the whole of which they are part. */
void RM_FreeCallReply(RedisModuleCallReply *r) {
    if (!r || r->root != r) return;
    if (r->ctx) rm_disown(r->ctx, OWNED_REPLY, r);
    keel_reply_free(r->whole);
    if (__builtin_expect(r->grown, 0)) shrink(r);
    if (pooled == POOL || !rm_main_thread) { /* a thread's pool would end with it */
        keel_free(r);
        return;
    }
    r->next_block = pool;
    pool = r;
    pooled++;
}

/* ---- what it is ------------------------------------------------------------------------------ */

struct Promise *rm_reply_is_promise(const RedisModuleCallReply *r) {
    return r ? r->promise : NULL;
}

int RM_CallReplyType(RedisModuleCallReply *r) {
    if (!r) return REDISMODULE_REPLY_UNKNOWN;
    if (r->promise) return REDISMODULE_REPLY_PROMISE;
    switch (keel_reply_type(r->reply)) {
    case '$': case '+': return REDISMODULE_REPLY_STRING;
    case '-': return REDISMODULE_REPLY_ERROR;
    case ':': return REDISMODULE_REPLY_INTEGER;
    case '*': case '>': return REDISMODULE_REPLY_ARRAY;
    case '_': /* nothing at all shows so, too */
        return keel_reply_resp(r->reply).len ? REDISMODULE_REPLY_NULL : REDISMODULE_REPLY_UNKNOWN;
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
    if (!r || r->promise) {
        *len = 0;
        return NULL;
    }
    KeelStr bytes = keel_reply_resp(r->reply);
    *len = bytes.len;
    return bytes.ptr;
}

/* Bytes of strings, elements of lists, pairs of maps. */
size_t RM_CallReplyLength(RedisModuleCallReply *r) {
    switch (RM_CallReplyType(r)) {
    case REDISMODULE_REPLY_STRING:
    case REDISMODULE_REPLY_ERROR:
        return keel_reply_str(r->reply).len;
    case REDISMODULE_REPLY_ARRAY:
    case REDISMODULE_REPLY_SET:
        return keel_reply_count(r->reply);
    case REDISMODULE_REPLY_MAP:
    case REDISMODULE_REPLY_ATTRIBUTE:
        return keel_reply_count(r->reply) / 2;
    default:
        return 0;
    }
}

/* ---- scalars --------------------------------------------------------------------------------- */

long long RM_CallReplyInteger(RedisModuleCallReply *r) {
    return is(r, REDISMODULE_REPLY_INTEGER) ? keel_reply_integer(r->reply) : LLONG_MIN;
}

double RM_CallReplyDouble(RedisModuleCallReply *r) {
    return is(r, REDISMODULE_REPLY_DOUBLE) ? keel_reply_number(r->reply) : (double)LLONG_MIN;
}

int RM_CallReplyBool(RedisModuleCallReply *r) {
    return is(r, REDISMODULE_REPLY_BOOL) ? (int)keel_reply_integer(r->reply) : INT_MIN;
}

static const char *text_of(RedisModuleCallReply *r, size_t *len) {
    KeelStr text = keel_reply_str(r->reply);
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
        KeelStr text = keel_reply_str(r->reply);
        return rm_string_for(r->root->ctx, text.ptr, text.len);
    }
    case REDISMODULE_REPLY_INTEGER: {
        char digits[KEEL_INT_ROOM];
        return rm_string_for(r->root->ctx, digits,
                             keel_format_int(digits, keel_reply_integer(r->reply)));
    }
    default:
        return NULL;
    }
}

/* ---- elements -------------------------------------------------------------------------------- */

static RedisModuleCallReply *block_new(RedisModuleCallReply *root, size_t n) {
    RedisModuleCallReply *block = keel_zalloc(n * sizeof(*block));
    block->next_block = root->blocks;
    root->blocks = block;
    root->grown = true;
    for (size_t i = 0; i < n; i++) block[i].root = root;
    return block;
}

static RedisModuleCallReply *item(RedisModuleCallReply *r, size_t i) {
    size_t n = keel_reply_count(r->reply);
    if (i >= n) return NULL;
    if (!r->items) {
        r->items = block_new(r->root, n);
        for (size_t j = 0; j < n; j++) r->items[j].reply = keel_reply_at(r->reply, j);
    }
    return &r->items[i];
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
    if (!r || r->promise) return NULL;
    if (!r->attribute_known) {
        const KeelReply *attribute = keel_reply_attribute_of(r->reply);
        r->attribute_known = r->root->grown = true;
        if (attribute) {
            r->attribute = block_new(r->root, 1);
            r->attribute->reply = attribute;
        }
    }
    return r->attribute;
}

/* ---- passing it on --------------------------------------------------------------------------- */

/* Whether a client of RESP2 could not read it. */
static bool needs_resp3(const KeelReply *reply) {
    KeelStr bytes = keel_reply_resp(reply);
    if (bytes.len && strchr("_#,(%~=|", *bytes.ptr)) return true;
    size_t n = keel_reply_count(reply);
    for (size_t i = 0; i < n; i++) {
        if (needs_resp3(keel_reply_at(reply, i))) return true;
    }
    return false;
}

/* The bytes are sent as they are. Those of RESP3 mean nothing to a client of RESP2. */
int RM_ReplyWithCallReply(RedisModuleCtx *ctx, RedisModuleCallReply *r) {
    KeelCtx *c = ctx->replies;
    if (!r || r->promise) return REDISMODULE_ERR;
    if (!c) return REDISMODULE_OK;
    KeelStr bytes = keel_reply_resp(r->reply);
    bool scalar = *bytes.ptr == '$' || *bytes.ptr == '+' || *bytes.ptr == ':' || *bytes.ptr == '-';
    if (!scalar && keel_reply_protocol(c) == 2 && needs_resp3(r->reply)) return REDISMODULE_ERR;
    keel_reply_raw(c, bytes, 1);
    return REDISMODULE_OK;
}
