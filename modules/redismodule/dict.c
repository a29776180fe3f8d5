/* dict.c - ordered dictionaries: a radix tree whose values are the module's pointers.
 *
 * An iterator keeps the key it stands on, so the dictionary may change under it: its next step goes
 * to what follows that key now. Seeking puts it on an element that the first step, whichever way,
 * then gives; once it has fallen off an end it stays there until it is sought again. */
#include "rm.h"

#include <ds/radix.h>
#include <string.h>

struct RedisModuleDict {
    Radix tree;
};

struct RedisModuleDictIter {
    RadixWalk walk;
    bool fresh; /* just sought: the element it stands on was not given yet */
    bool on;    /* it stands on one */
};

RedisModuleDict *RM_CreateDict(RedisModuleCtx *ctx) {
    RedisModuleDict *d = keel_alloc(sizeof(*d));
    radix_init(&d->tree);
    rm_own(ctx, OWNED_DICT, d);
    return d;
}

void RM_FreeDict(RedisModuleCtx *ctx, RedisModuleDict *d) {
    if (!d) return;
    if (ctx) rm_disown(ctx, OWNED_DICT, d);
    radix_release(&d->tree, NULL);
    keel_free(d);
}

uint64_t RM_DictSize(RedisModuleDict *d) {
    return d->tree.count;
}

size_t RM_MallocSizeDict(RedisModuleDict *d) {
    return keel_mem_size(d) + d->tree.bytes;
}

/* ---- one key --------------------------------------------------------------------------------- */

/* ERR: it is there already, and stays as it is. */
int RM_DictSetC(RedisModuleDict *d, void *key, size_t len, void *value) {
    bool added = false;
    void **at = radix_add(&d->tree, (KeelStr){key, len}, &added);
    if (!at || !added) return REDISMODULE_ERR;
    *at = value;
    return REDISMODULE_OK;
}

/* ERR: it was there already, and is replaced. */
int RM_DictReplaceC(RedisModuleDict *d, void *key, size_t len, void *value) {
    bool added = false;
    void **at = radix_add(&d->tree, (KeelStr){key, len}, &added);
    if (at) *at = value;
    return added ? REDISMODULE_OK : REDISMODULE_ERR;
}

void *RM_DictGetC(RedisModuleDict *d, void *key, size_t len, int *missing) {
    void **at = radix_find(&d->tree, (KeelStr){key, len});
    if (missing) *missing = !at;
    return at ? *at : NULL;
}

int RM_DictDelC(RedisModuleDict *d, void *key, size_t len, void *old) {
    return radix_remove(&d->tree, (KeelStr){key, len}, old) ? REDISMODULE_OK : REDISMODULE_ERR;
}

static inline void *bytes_of(const RedisModuleString *s) {
    return (void *)(uintptr_t)s->ptr;
}

int RM_DictSet(RedisModuleDict *d, RedisModuleString *key, void *value) {
    return RM_DictSetC(d, bytes_of(key), key->len, value);
}
int RM_DictReplace(RedisModuleDict *d, RedisModuleString *key, void *value) {
    return RM_DictReplaceC(d, bytes_of(key), key->len, value);
}
void *RM_DictGet(RedisModuleDict *d, RedisModuleString *key, int *missing) {
    return RM_DictGetC(d, bytes_of(key), key->len, missing);
}
int RM_DictDel(RedisModuleDict *d, RedisModuleString *key, void *old) {
    return RM_DictDelC(d, bytes_of(key), key->len, old);
}

/* ---- iterators ------------------------------------------------------------------------------- */

/* 1; 0: the operator is none. That nothing was found only the next step tells. */
int RM_DictIteratorReseekC(RedisModuleDictIter *it, const char *op, void *key, size_t len) {
    KeelStr at = {key ? key : "", key ? len : 0};
    it->fresh = true;
    it->on = false;
    switch (op[0]) {
    case '^': it->on = radix_first(&it->walk); return 1;
    case '$': it->on = radix_last(&it->walk); return 1;
    case '=': it->on = radix_seek(&it->walk, RADIX_EQ, at); return 1;
    case '>': it->on = radix_seek(&it->walk, op[1] == '=' ? RADIX_GE : RADIX_GT, at); return 1;
    case '<': it->on = radix_seek(&it->walk, op[1] == '=' ? RADIX_LE : RADIX_LT, at); return 1;
    default: return 0;
    }
}

RedisModuleDictIter *RM_DictIteratorStartC(RedisModuleDict *d, const char *op, void *key,
                                           size_t len) {
    RedisModuleDictIter *it = keel_alloc(sizeof(*it));
    radix_walk(&it->walk, &d->tree);
    RM_DictIteratorReseekC(it, op, key, len);
    return it;
}

RedisModuleDictIter *RM_DictIteratorStart(RedisModuleDict *d, const char *op,
                                          RedisModuleString *key) {
    return RM_DictIteratorStartC(d, op, bytes_of(key), key->len);
}

int RM_DictIteratorReseek(RedisModuleDictIter *it, const char *op, RedisModuleString *key) {
    return RM_DictIteratorReseekC(it, op, bytes_of(key), key->len);
}

void RM_DictIteratorStop(RedisModuleDictIter *it) {
    if (!it) return;
    radix_walk_end(&it->walk);
    keel_free(it);
}

/* The key lives until the next step. NULL: there is none. */
static void *step(RedisModuleDictIter *it, bool (*move)(RadixWalk *), size_t *len, void **value) {
    if (it->on && !it->fresh) it->on = move(&it->walk);
    it->fresh = false;
    if (!it->on) return NULL;
    if (len) *len = it->walk.key.len;
    if (value) *value = it->walk.value;
    return (void *)(uintptr_t)it->walk.key.ptr;
}

void *RM_DictNextC(RedisModuleDictIter *it, size_t *len, void **value) {
    return step(it, radix_next, len, value);
}
void *RM_DictPrevC(RedisModuleDictIter *it, size_t *len, void **value) {
    return step(it, radix_prev, len, value);
}

static RedisModuleString *as_string(RedisModuleCtx *ctx, const char *key, size_t len) {
    return key ? rm_string_for(ctx, key, len) : NULL;
}

RedisModuleString *RM_DictNext(RedisModuleCtx *ctx, RedisModuleDictIter *it, void **value) {
    size_t len = 0;
    char *key = RM_DictNextC(it, &len, value);
    return as_string(ctx, key, len);
}
RedisModuleString *RM_DictPrev(RedisModuleCtx *ctx, RedisModuleDictIter *it, void **value) {
    size_t len = 0;
    char *key = RM_DictPrevC(it, &len, value);
    return as_string(ctx, key, len);
}

/* OK: the key that it stands on is `op` the other one. */
int RM_DictCompareC(RedisModuleDictIter *it, const char *op, void *key, size_t len) {
    if (!it->on) return REDISMODULE_ERR;
    KeelStr here = it->walk.key;
    size_t shared = here.len < len ? here.len : len;
    int cmp = shared ? memcmp(here.ptr, key, shared) : 0;
    if (!cmp) cmp = (here.len > len) - (here.len < len);
    bool equal_too = op[0] && op[1] == '='; /* a single "=" is no operator here */
    bool holds = cmp == 0 ? equal_too : op[0] == '>' ? cmp > 0 : op[0] == '<' && cmp < 0;
    return holds ? REDISMODULE_OK : REDISMODULE_ERR;
}

int RM_DictCompare(RedisModuleDictIter *it, const char *op, RedisModuleString *key) {
    return RM_DictCompareC(it, op, bytes_of(key), key->len);
}
