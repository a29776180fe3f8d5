/* key.c - key handles: opening, what they are of, expiry, access clocks, and strings through them.
 *
 * A handle is a KeelKey with the key's name kept beside it; closed ones wait in a pool. Handles that
 * a callback leaves open are closed with its context. */
#include "rm.h"

#include <errno.h>
#include <string.h>

enum { POOL = 64 };

static RedisModuleKey *pool;
static int pooled;

/* ---- interfaces of the types ----------------------------------------------------------------- */

static struct {
    const KeelListOps *list;
    const KeelHashOps *hash;
    const KeelSetOps *set;
    const KeelZsetOps *zset;
    const KeelStreamOps *stream;
    const KeelStringOps *string;
} ops;

#define OPS(type, Ops, VERSION)                                                                    \
    do {                                                                                           \
        if (!ops.type) ops.type = keel_interface(#type, VERSION);                                  \
        return ops.type;                                                                           \
    } while (0)

const KeelListOps *rm_list(void) {
    OPS(list, KeelListOps, KEEL_LIST_VERSION);
}
const KeelHashOps *rm_hash(void) {
    OPS(hash, KeelHashOps, KEEL_HASH_VERSION);
}
const KeelSetOps *rm_set(void) {
    OPS(set, KeelSetOps, KEEL_SET_VERSION);
}
const KeelZsetOps *rm_zset(void) {
    OPS(zset, KeelZsetOps, KEEL_ZSET_VERSION);
}
const KeelStreamOps *rm_stream(void) {
    OPS(stream, KeelStreamOps, KEEL_STREAM_VERSION);
}
const KeelStringOps *rm_strings(void) {
    OPS(string, KeelStringOps, KEEL_STRING_VERSION);
}

static const KeelType *strings; /* the type of strings, once it is known */

void rm_forget_interfaces(void) {
    memset(&ops, 0, sizeof(ops));
    strings = NULL;
}

/* ---- opening and closing --------------------------------------------------------------------- */

/* For a key that is not a context's only open one. */
static __attribute__((noinline)) RedisModuleKey *key_new(RedisModuleCtx *ctx) {
    RedisModuleKey *key = pool;
    if (key) {
        pool = key->next;
        pooled--;
    } else {
        key = keel_zalloc(sizeof(*key));
    }
    key->ctx = ctx;
    return key;
}

static void key_drop(RedisModuleKey *key) {
    if (key == key->ctx->first_key) return;
    if (pooled == POOL) {
        keel_free(key);
        return;
    }
    key->next = pool;
    pool = key;
    pooled++;
}

static unsigned host_mode(int mode) {
    unsigned host = mode & REDISMODULE_WRITE ? KEEL_KEY_WRITE : KEEL_KEY_READ;
    if (mode & REDISMODULE_OPEN_KEY_NOTOUCH) host |= KEEL_KEY_NO_TOUCH;
    if (mode & (REDISMODULE_OPEN_KEY_NOSTATS | REDISMODULE_OPEN_KEY_NONOTIFY)) {
        host |= KEEL_KEY_NO_STATS;
    }
    if (mode & REDISMODULE_OPEN_KEY_NOEXPIRE) host |= KEEL_KEY_NO_EXPIRE;
    if (mode & REDISMODULE_OPEN_KEY_NOEFFECTS) {
        host |= KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS | KEEL_KEY_NO_EXPIRE;
    }
    if (mode & REDISMODULE_OPEN_KEY_ACCESS_EXPIRED) host |= KEEL_KEY_EXPIRED_TOO;
    return host;
}

int RM_GetOpenKeyModesAll(void) {
    return _REDISMODULE_OPEN_KEY_ALL;
}

/* With another key open, of a name that is no argument, or in an unusual mode. */
static __attribute__((noinline)) RedisModuleKey *open_any(RedisModuleCtx *ctx,
                                                          RedisModuleString *name, int mode) {
    RedisModuleKey *key = ctx->keys ? key_new(ctx) : ctx->first_key;
    if (!keel_key_open(ctx->c, rm_view(name), host_mode(mode), &key->key) &&
        !(mode & REDISMODULE_WRITE)) {
        key_drop(key);
        return NULL;
    }
    key->name = name;
    key->mode = mode;
    key->unusual = true;
    /* An argument lives as long as the handle, unless it outlives its callback. */
    key->name_kept = name->form != STR_BORROWED;
    if (key->name_kept) rm_string_keep(name);
    key->prev = NULL;
    key->next = ctx->keys;
    if (key->next) key->next->prev = key;
    ctx->keys = key;
    return key;
}

/* NULL: missing, when it is only read. A closed handle has no neighbours, no walk and no reference. */
RedisModuleKey *RM_OpenKey(RedisModuleCtx *ctx, RedisModuleString *name, int mode) {
    if (__builtin_expect(ctx->keys || mode >= REDISMODULE_OPEN_KEY_NOTOUCH ||
                             name->form != STR_BORROWED, 0)) {
        return open_any(ctx, name, mode);
    }
    RedisModuleKey *key = ctx->first_key;
    key->name = name;
    key->mode = mode;
    unsigned host = mode & REDISMODULE_WRITE ? KEEL_KEY_WRITE : KEEL_KEY_READ;
    if (!keel_key_open(ctx->c, rm_view(name), host, &key->key) &&
        !(key->mode & REDISMODULE_WRITE)) {
        return NULL;
    }
    key->ctx->keys = key;
    return key;
}

static __attribute__((noinline)) void key_close(RedisModuleKey *key) {
    if (key->walk != WALK_NONE) rm_key_end_walk(key);
    if (key->prev) {
        key->prev->next = key->next;
    } else {
        key->ctx->keys = key->next;
    }
    if (key->next) key->next->prev = key->prev;
    key->prev = key->next = NULL;
    key->unusual = false;
    if (key->name_kept) rm_string_release(key->name);
    key->name_kept = false;
    key_drop(key);
}

void RM_CloseKey(RedisModuleKey *key) {
    if (!key) return;
    RedisModuleCtx *ctx = key->ctx;
    if (__builtin_expect(!key->unusual && key == ctx->keys && !key->next, 1)) {
        ctx->keys = NULL;
        return;
    }
    key_close(key);
}

int RM_KeyExists(RedisModuleCtx *ctx, RedisModuleString *name) {
    KeelKey key;
    return keel_key_open(ctx->c, rm_view(name), KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS, &key);
}

void rm_key_end_walk(RedisModuleKey *key) {
    if (key->walk == WALK_STREAM) rm_stream_end_walk(key);
    if (key->walk == WALK_LEX) {
        rm_string_release(key->lex_min);
        rm_string_release(key->lex_max);
    }
    key->walk = WALK_NONE;
}

/* ---- what a key is --------------------------------------------------------------------------- */

int RM_KeyType(RedisModuleKey *key) {
    static const uint8_t kinds[] = {REDISMODULE_KEYTYPE_STRING, REDISMODULE_KEYTYPE_LIST,
                                    REDISMODULE_KEYTYPE_SET,    REDISMODULE_KEYTYPE_ZSET,
                                    REDISMODULE_KEYTYPE_HASH,   REDISMODULE_KEYTYPE_MODULE,
                                    REDISMODULE_KEYTYPE_STREAM};
    const KeelType *type = key ? keel_key_type(&key->key) : NULL;
    if (!type) return REDISMODULE_KEYTYPE_EMPTY;
    unsigned number = (unsigned)type->number;
    return number < sizeof(kinds) ? kinds[number] : REDISMODULE_KEYTYPE_MODULE;
}

size_t RM_ValueLength(RedisModuleKey *key) {
    if (!key || !keel_key_exists(&key->key)) return 0;
    const KeelType *type = keel_key_type(&key->key);
    if (type->bytes) return keel_key_bytes_len(&key->key);
    if (!type->length) return 0;
    KeelValue v;
    keel_key_view(&key->key, &v);
    return type->length(&v);
}

const RedisModuleString *RM_GetKeyNameFromModuleKey(RedisModuleKey *key) {
    return key ? key->name : NULL;
}

int RM_GetDbIdFromModuleKey(RedisModuleKey *key) {
    return key ? keel_key_db(&key->key) : -1;
}

/* ---- changing it as a whole ------------------------------------------------------------------ */

bool rm_key_writable(const RedisModuleKey *key) {
    return key && key->mode & REDISMODULE_WRITE;
}

void rm_key_touched(RedisModuleKey *key) {
    const Mod *mod = key->ctx->mod;
    if (mod && mod->options & REDISMODULE_OPTION_NO_IMPLICIT_SIGNAL_MODIFIED) return;
    keel_key_changed(&key->key, 0, NULL);
}

void rm_key_delete(RedisModuleKey *key) {
    if (key->walk != WALK_NONE) rm_key_end_walk(key);
    keel_key_delete(&key->key, false);
}

int RM_DeleteKey(RedisModuleKey *key) {
    if (!rm_key_writable(key)) return REDISMODULE_ERR;
    if (keel_key_exists(&key->key)) {
        rm_key_delete(key);
        rm_key_touched(key);
    }
    return REDISMODULE_OK;
}

int RM_UnlinkKey(RedisModuleKey *key) {
    if (!rm_key_writable(key)) return REDISMODULE_ERR;
    if (keel_key_exists(&key->key)) {
        if (key->walk != WALK_NONE) rm_key_end_walk(key);
        keel_key_delete(&key->key, true);
        rm_key_touched(key);
    }
    return REDISMODULE_OK;
}

int RM_SignalModifiedKey(RedisModuleCtx *ctx, RedisModuleString *name) {
    KeelKey key;
    keel_key_open(ctx->c, rm_view(name), KEEL_KEY_WRITE | KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS,
                  &key);
    keel_key_changed(&key, 0, NULL);
    return REDISMODULE_OK;
}

/* ---- expiry and access ----------------------------------------------------------------------- */

mstime_t RM_GetExpire(RedisModuleKey *key) {
    int64_t at = keel_key_expiry(&key->key);
    if (at == KEEL_NO_EXPIRY) return REDISMODULE_NO_EXPIRE;
    return at > keel_now_ms() ? at - keel_now_ms() : 0;
}

mstime_t RM_GetAbsExpire(RedisModuleKey *key) {
    return keel_key_expiry(&key->key);
}

static int set_expiry(RedisModuleKey *key, mstime_t at) {
    keel_key_set_expiry(&key->key, at);
    rm_key_touched(key);
    return REDISMODULE_OK;
}

int RM_SetExpire(RedisModuleKey *key, mstime_t in) {
    int64_t at;
    if (!rm_key_writable(key) || !keel_key_exists(&key->key)) return REDISMODULE_ERR;
    if (in == REDISMODULE_NO_EXPIRE) return set_expiry(key, KEEL_NO_EXPIRY);
    if (in < 0 || __builtin_add_overflow(in, keel_now_ms(), &at)) return REDISMODULE_ERR;
    return set_expiry(key, at);
}

int RM_SetAbsExpire(RedisModuleKey *key, mstime_t at) {
    if (!rm_key_writable(key) || !keel_key_exists(&key->key)) return REDISMODULE_ERR;
    if (at < 0 && at != REDISMODULE_NO_EXPIRE) return REDISMODULE_ERR;
    return set_expiry(key, at == REDISMODULE_NO_EXPIRE ? KEEL_NO_EXPIRY : at);
}

/* Milliseconds of not being looked at; -1: the server counts how often instead. */
int RM_GetLRU(RedisModuleKey *key, mstime_t *idle) {
    *idle = -1;
    if (!key || !keel_key_exists(&key->key)) return REDISMODULE_ERR;
    int64_t seconds = keel_key_idle(&key->key);
    if (seconds >= 0) *idle = seconds * 1000;
    return REDISMODULE_OK;
}

int RM_SetLRU(RedisModuleKey *key, mstime_t idle) {
    if (!key || !keel_key_exists(&key->key) || keel_key_idle(&key->key) < 0 || idle < 0) {
        return REDISMODULE_ERR;
    }
    keel_key_set_idle(&key->key, idle / 1000);
    return REDISMODULE_OK;
}

int RM_GetLFU(RedisModuleKey *key, long long *freq) {
    *freq = -1;
    if (!key || !keel_key_exists(&key->key)) return REDISMODULE_ERR;
    *freq = keel_key_freq(&key->key);
    return REDISMODULE_OK;
}

int RM_SetLFU(RedisModuleKey *key, long long freq) {
    if (!key || !keel_key_exists(&key->key) || keel_key_freq(&key->key) < 0) return REDISMODULE_ERR;
    if (freq < 0 || freq > 255) return REDISMODULE_ERR;
    keel_key_set_freq(&key->key, (int)freq);
    return REDISMODULE_OK;
}

/* ---- strings --------------------------------------------------------------------------------- */

static const KeelType *string_type(void) {
    const KeelStringOps *found = strings ? NULL : rm_strings();
    if (found) strings = found->type;
    return strings;
}

static __attribute__((noinline)) int set_first(RedisModuleKey *key, RedisModuleString *s) {
    return string_type() ? RM_StringSet(key, s) : REDISMODULE_ERR;
}

int RM_StringSet(RedisModuleKey *key, RedisModuleString *s) {
    if (!rm_key_writable(key) || key->walk != WALK_NONE) return REDISMODULE_ERR;
    if (__builtin_expect(!strings, 0)) return set_first(key, s);
    keel_key_set_bytes(&key->key, strings, rm_view(s), KEEL_NO_EXPIRY);
    rm_key_touched(key);
    return REDISMODULE_OK;
}

/* What is there to be changed, or no string. */
static __attribute__((noinline)) char *edit_or_none(RedisModuleKey *key, size_t *len, int mode) {
    static char empty[1];
    const KeelType *type = string_type();
    *len = 0;
    if (!key || !type || !keel_key_is(&key->key, type)) return NULL;
    if (!keel_key_exists(&key->key)) return empty;
    if (!(mode & REDISMODULE_WRITE)) return RM_StringDMA(key, len, mode); /* it is known now */
    size_t bytes = keel_key_bytes_len(&key->key);
    char *edit = keel_key_bytes_edit(&key->key, type, bytes);
    if (!edit) return NULL;
    rm_key_touched(key);
    *len = bytes;
    return edit;
}

/* For writing, the value's own bytes; for reading a view of them, valid until the key changes. */
char *RM_StringDMA(RedisModuleKey *key, size_t *len, int mode) {
    static char digits[KEEL_INT_ROOM];
    if (__builtin_expect(!key || mode & REDISMODULE_WRITE, 0)) return edit_or_none(key, len, mode);
    KeelStr view = keel_key_bytes_of(&key->key, strings, digits);
    if (__builtin_expect(!view.ptr, 0)) return edit_or_none(key, len, REDISMODULE_READ);
    *len = view.len;
    return (char *)(uintptr_t)view.ptr;
}

int RM_StringTruncate(RedisModuleKey *key, size_t len) {
    const KeelType *type = string_type();
    if (!rm_key_writable(key) || !type || !keel_key_is(&key->key, type)) return REDISMODULE_ERR;
    if (len > (size_t)512 * 1024 * 1024) return REDISMODULE_ERR;
    if (!keel_key_exists(&key->key) && !len) return REDISMODULE_OK;
    if (!keel_key_bytes_edit(&key->key, type, len)) return REDISMODULE_ERR;
    rm_key_touched(key);
    return REDISMODULE_OK;
}
