/* key_list.c - lists through key handles, by the interface "list". */
#include "rm.h"

#include <errno.h>

/* NULL with errno: the key cannot be used as a list. */
static const KeelListOps *list_of(RedisModuleKey *key, bool change) {
    const KeelListOps *list = rm_list();
    errno = 0;
    if (!key) {
        errno = EINVAL;
    } else if (!list || !keel_key_is(&key->key, list->type)) {
        errno = ENOTSUP;
    } else if (change && !rm_key_writable(key)) {
        errno = EBADF;
    } else {
        return list;
    }
    return NULL;
}

int RM_ListPush(RedisModuleKey *key, int where, RedisModuleString *s) {
    if (!s) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    const KeelListOps *list = list_of(key, true);
    if (!list) return REDISMODULE_ERR;
    bool there = keel_key_exists(&key->key);
    KeelStr element = rm_view(s);
    list->push(&key->key, &element, 1, where == REDISMODULE_LIST_HEAD);
    if (!there && key->ctx) keel_key_ready(key->ctx->c, keel_key_db(&key->key), key->key.name);
    rm_key_touched(key);
    return REDISMODULE_OK;
}

static void take(KeelStr element, void *data) {
    *(RedisModuleString **)data = rm_string(element.ptr, element.len);
}

RedisModuleString *RM_ListPop(RedisModuleKey *key, int where) {
    RedisModuleString *popped = NULL;
    const KeelListOps *list = list_of(key, true);
    if (!list) return NULL;
    if (!keel_key_exists(&key->key)) {
        errno = ENOTSUP;
        return NULL;
    }
    if (!list->pop(&key->key, where == REDISMODULE_LIST_HEAD, take, &popped)) return NULL;
    rm_key_touched(key);
    rm_own(key->ctx, OWNED_STRING, popped);
    return popped;
}

RedisModuleString *RM_ListGet(RedisModuleKey *key, long index) {
    char scratch[KEEL_INT_ROOM];
    KeelStr element;
    const KeelListOps *list = list_of(key, false);
    if (!list) return NULL;
    if (!keel_key_exists(&key->key)) {
        errno = ENOTSUP;
        return NULL;
    }
    if (!(key->mode & REDISMODULE_READ)) {
        errno = EBADF;
        return NULL;
    }
    if (!list->at(&key->key, index, &element, scratch)) {
        errno = EDOM;
        return NULL;
    }
    return rm_string_for(key->ctx, element.ptr, element.len);
}

/* What the three below answer when there is no such element, or no list. */
static int changed(RedisModuleKey *key, bool found) {
    if (!found) {
        errno = keel_key_exists(&key->key) ? EDOM : ENOTSUP;
        return REDISMODULE_ERR;
    }
    rm_key_touched(key);
    return REDISMODULE_OK;
}

int RM_ListSet(RedisModuleKey *key, long index, RedisModuleString *s) {
    if (!s) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    const KeelListOps *list = list_of(key, true);
    if (!list) return REDISMODULE_ERR;
    return changed(key, list->set(&key->key, index, rm_view(s)));
}

/* Negative indexes count from the end and insert behind: -1 appends. An empty key takes 0 and -1. */
int RM_ListInsert(RedisModuleKey *key, long index, RedisModuleString *s) {
    if (!s) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    const KeelListOps *list = list_of(key, true);
    if (!list) return REDISMODULE_ERR;
    size_t length = list->length(&key->key);
    if (index == 0 || index == -1) {
        return RM_ListPush(key, index == 0 ? REDISMODULE_LIST_HEAD : REDISMODULE_LIST_TAIL, s);
    }
    if (index > 0 && (size_t)index == length) return RM_ListPush(key, REDISMODULE_LIST_TAIL, s);
    return changed(key, list->insert(&key->key, index, rm_view(s), index < 0));
}

int RM_ListDelete(RedisModuleKey *key, long index) {
    const KeelListOps *list = list_of(key, true);
    if (!list) return REDISMODULE_ERR;
    return changed(key, list->remove(&key->key, index));
}
