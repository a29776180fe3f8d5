/* key_hash.c - HashSet and HashGet, whose arguments are pairs ended by NULL, by the interface
 * "hash". */
#include "rm.h"

#include <errno.h>
#include <stdarg.h>

/* A field's name, as RedisModuleString or, with CFIELDS, as C text. */
static bool next_field(va_list *args, int flags, KeelStr *field) {
    if (flags & REDISMODULE_HASH_CFIELDS) {
        const char *text = va_arg(*args, const char *);
        if (text) *field = keel_str(text);
        return text != NULL;
    }
    const RedisModuleString *s = va_arg(*args, const RedisModuleString *);
    if (s) *field = rm_view(s);
    return s != NULL;
}

/* Returns how many fields were updated or deleted, with COUNT_ALL those that are new too. */
int RM_HashSet(RedisModuleKey *key, int flags, ...) {
    const KeelHashOps *hash = rm_hash();
    const int known = REDISMODULE_HASH_NX | REDISMODULE_HASH_XX | REDISMODULE_HASH_CFIELDS |
                      REDISMODULE_HASH_COUNT_ALL;
    errno = 0;
    if (!key || flags & ~known) {
        errno = EINVAL;
        return 0;
    }
    if (!hash || !keel_key_is(&key->key, hash->type)) {
        errno = ENOTSUP;
        return 0;
    }
    if (!rm_key_writable(key)) {
        errno = EBADF;
        return 0;
    }
    int changed = 0;
    bool any = false;
    va_list args;
    KeelStr field, old;
    va_start(args, flags);
    while (next_field(&args, flags, &field)) {
        const RedisModuleString *value = va_arg(args, const RedisModuleString *);
        char scratch[KEEL_INT_ROOM];
        if (flags & (REDISMODULE_HASH_NX | REDISMODULE_HASH_XX)) {
            bool there = keel_key_exists(&key->key) && hash->get(&key->key, field, scratch, &old);
            if (there ? flags & REDISMODULE_HASH_NX : flags & REDISMODULE_HASH_XX) continue;
        }
        if (value == REDISMODULE_HASH_DELETE) {
            bool gone = keel_key_exists(&key->key) && hash->remove(&key->key, field);
            changed += gone;
            any |= gone;
            continue;
        }
        bool is_new = hash->set(&key->key, field, rm_view(value));
        changed += !is_new || flags & REDISMODULE_HASH_COUNT_ALL;
        any = true;
    }
    va_end(args);
    if (any) rm_key_touched(key);
    if (!changed) errno = ENOENT;
    return changed;
}

int RM_HashGet(RedisModuleKey *key, int flags, ...) {
    const KeelHashOps *hash = rm_hash();
    if (key && keel_key_exists(&key->key) && (!hash || keel_key_type(&key->key) != hash->type)) {
        return REDISMODULE_ERR;
    }
    va_list args;
    KeelStr field, value;
    va_start(args, flags);
    while (next_field(&args, flags, &field)) {
        char scratch[KEEL_INT_ROOM];
        bool there = key && keel_key_exists(&key->key) &&
                     hash->get(&key->key, field, scratch, &value);
        if (flags & REDISMODULE_HASH_EXISTS) {
            *va_arg(args, int *) = there;
        } else {
            RedisModuleString **out = va_arg(args, RedisModuleString **);
            *out = there ? rm_string_for(key->ctx, value.ptr, value.len) : NULL;
        }
    }
    va_end(args);
    return REDISMODULE_OK;
}
