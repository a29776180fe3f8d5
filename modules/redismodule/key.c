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

void rm_forget_interfaces(void) {
    memset(&ops, 0, sizeof(ops));
}

/* ---- opening and closing --------------------------------------------------------------------- */

static RedisModuleKey *key_new(void) {
    RedisModuleKey *key = pool;
    if (!key) return keel_zalloc(sizeof(*key));
    pool = key->next;
    pooled--;
    return key;
}

static unsigned host_mode(int mode) {
    unsigned host = mode & REDISMODULE_WRITE ? KEEL_KEY_WRITE : KEEL_KEY_READ;
    if (__builtin_expect(mode < REDISMODULE_OPEN_KEY_NOTOUCH, 1)) return host;
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

/* NULL: missing, when it is only read. */
RedisModuleKey *RM_OpenKey(RedisModuleCtx *ctx, RedisModuleString *name, int mode) {
    RedisModuleKey *key = key_new();
    if (!keel_key_open(ctx->c, rm_view(name), host_mode(mode), &key->key) &&
        !(mode & REDISMODULE_WRITE)) {
        key->next = pool;
        pool = key;
        pooled++;
        return NULL;
    }
    key->ctx = ctx;
    /* An argument lives as long as the handle, unless it outlives its callback. */
    key->name = name->form == STR_BORROWED ? name : rm_string_keep(name);
    key->key.name = rm_view(key->name);
    key->mode = mode;
    key->db = keel_db(ctx->c);
    key->changed = false;
    key->walk = WALK_NONE;
    key->prev = NULL;
    key->next = ctx->keys;
    if (ctx->keys) ctx->keys->prev = key;
    ctx->keys = key;
    return key;
}

void RM_CloseKey(RedisModuleKey *key) {
    if (!key) return;
    if (key->walk != WALK_NONE) rm_key_end_walk(key);
    if (key->ctx) {
        if (key->prev) {
            key->prev->next = key->next;
        } else {
            key->ctx->keys = key->next;
        }
        if (key->next) key->next->prev = key->prev;
    }
    if (key->name->form != STR_BORROWED) rm_string_release(key->name);
    if (pooled == POOL) {
        keel_free(key);
        return;
    }
    key->next = pool;
    pool = key;
    pooled++;
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
    if (!key || !keel_key_exists(&key->key)) return REDISMODULE_KEYTYPE_EMPTY;
    switch (keel_key_type(&key->key)->number) {
    case 0: return REDISMODULE_KEYTYPE_STRING;
    case 1: return REDISMODULE_KEYTYPE_LIST;
    case 2: return REDISMODULE_KEYTYPE_SET;
    case 3: return REDISMODULE_KEYTYPE_ZSET;
    case 4: return REDISMODULE_KEYTYPE_HASH;
    case 6: return REDISMODULE_KEYTYPE_STREAM;
    default: return REDISMODULE_KEYTYPE_MODULE;
    }
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
    return key ? key->db : -1;
}

/* ---- changing it as a whole ------------------------------------------------------------------ */

bool rm_key_writable(const RedisModuleKey *key) {
    return key && key->mode & REDISMODULE_WRITE;
}

void rm_key_touched(RedisModuleKey *key) {
    const Mod *mod = key->ctx ? key->ctx->mod : NULL;
    key->changed = true;
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
    const KeelStringOps *strings = rm_strings();
    return strings ? strings->type : NULL;
}

int RM_StringSet(RedisModuleKey *key, RedisModuleString *s) {
    const KeelType *type = string_type();
    if (!rm_key_writable(key) || key->walk != WALK_NONE || !type) return REDISMODULE_ERR;
    keel_key_set_bytes(&key->key, type, rm_view(s), KEEL_NO_EXPIRY);
    rm_key_touched(key);
    return REDISMODULE_OK;
}

/* For writing, the value's own bytes; for reading a view of them, valid until the key changes. */
char *RM_StringDMA(RedisModuleKey *key, size_t *len, int mode) {
    static char empty[1];
    static char digits[KEEL_INT_ROOM];
    const KeelType *type = string_type();
    *len = 0;
    if (!key || !type || !keel_key_is(&key->key, type)) return NULL;
    if (!keel_key_exists(&key->key)) return empty;
    if (mode & REDISMODULE_WRITE) {
        size_t bytes = keel_key_bytes_len(&key->key);
        char *edit = keel_key_bytes_edit(&key->key, type, bytes);
        if (!edit) return NULL;
        rm_key_touched(key);
        *len = bytes;
        return edit;
    }
    KeelStr view = keel_key_bytes(&key->key, digits);
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
