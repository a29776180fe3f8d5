/* key_stream.c - streams through key handles: appending, removing, trimming, and a walk over entries.
 *
 * One walk a handle; while it is on, the stream is changed through it alone. The ids of an entry and
 * the fields that are left of it belong to the walk, and a removed entry has neither. errno says why
 * something failed, with the numbers that the real server uses. */
#include "rm.h"

#include <errno.h>
#include <string.h>

enum { FEW = 32 }; /* fields and values that need no block */

static int fail(int why) {
    errno = why;
    return REDISMODULE_ERR;
}

/* NULL with errno when the key holds no stream. */
static const KeelStreamOps *stream_of(const RedisModuleKey *key) {
    const KeelStreamOps *ops = rm_stream();
    errno = ENOTSUP;
    if (!ops || !keel_key_exists(&key->key) || !keel_key_is(&key->key, ops->type)) return NULL;
    return ops;
}

static inline KeelStreamId host_id(const RedisModuleStreamID *id) {
    return (KeelStreamId){id->ms, id->seq};
}

/* ---- appending ------------------------------------------------------------------------------- */

static int append(RedisModuleKey *key, const KeelStreamOps *ops, KeelStreamId *id, bool generate,
                  RedisModuleString **argv, size_t pairs) {
    KeelStr few[FEW] = {{"", 0}}, *fields = few;
    if (pairs > FEW / 2) fields = keel_alloc(pairs * 2 * sizeof(*fields));
    for (size_t i = 0; i < pairs * 2; i++) fields[i] = rm_view(argv[i]);
    int result = ops->add(&key->key, id, generate, fields, pairs);
    if (fields != few) keel_free(fields);
    return result;
}

static bool ids_used_up(const RedisModuleKey *key, const KeelStreamOps *ops) {
    KeelStreamId last = ops->last(&key->key);
    return last.ms == UINT64_MAX && last.seq == UINT64_MAX;
}

int RM_StreamAdd(RedisModuleKey *key, int flags, RedisModuleStreamID *id, RedisModuleString **argv,
                 int64_t pairs) {
    bool generate = flags & REDISMODULE_STREAM_ADD_AUTOID;
    const KeelStreamOps *ops = rm_stream();
    if (!key || pairs < 0 || pairs > INT32_MAX / 2 || (pairs && !argv) ||
        flags & ~REDISMODULE_STREAM_ADD_AUTOID || (!generate && !id)) {
        return fail(EINVAL);
    }
    if (!ops || !keel_key_is(&key->key, ops->type)) return fail(ENOTSUP);
    if (!rm_key_writable(key) || key->walk != WALK_NONE) return fail(EBADF);
    if (!generate && !id->ms && !id->seq) return fail(EDOM);
    bool created = !keel_key_exists(&key->key);
    if (created) ops->create(&key->key);
    if (!created && ids_used_up(key, ops)) return fail(EFBIG);
    KeelStreamId at = {0, 0};
    if (id && !generate) at = host_id(id);
    int result = append(key, ops, &at, generate, argv, (size_t)pairs);
    if (result != KEEL_STREAM_OK) {
        if (created) keel_key_delete(&key->key, false);
        return fail(result == KEEL_STREAM_TOO_LARGE ? ERANGE : EDOM);
    }
    if (id) *id = (RedisModuleStreamID){at.ms, at.seq};
    rm_key_touched(key);
    if (key->ctx && key->ctx->c) keel_key_ready(key->ctx->c, keel_key_db(&key->key), key->key.name);
    return REDISMODULE_OK;
}

/* ---- removing -------------------------------------------------------------------------------- */

int RM_StreamDelete(RedisModuleKey *key, RedisModuleStreamID *id) {
    if (!key || !id) return fail(EINVAL);
    const KeelStreamOps *ops = stream_of(key);
    if (!ops) return REDISMODULE_ERR;
    if (!rm_key_writable(key) || key->walk != WALK_NONE) return fail(EBADF);
    if (!ops->remove(&key->key, host_id(id))) return fail(ENOENT);
    rm_key_touched(key);
    return REDISMODULE_OK;
}

/* Both return how many entries went, and -1 with errno. */
static const KeelStreamOps *trimmable(const RedisModuleKey *key) {
    const KeelStreamOps *ops = stream_of(key);
    if (ops && (!rm_key_writable(key) || key->walk != WALK_NONE)) {
        errno = EBADF;
        ops = NULL;
    }
    return ops;
}

static long long trimmed(RedisModuleKey *key, uint64_t count) {
    if (count) rm_key_touched(key);
    return (long long)count;
}

long long RM_StreamTrimByLength(RedisModuleKey *key, int flags, long long length) {
    bool approx = flags & REDISMODULE_STREAM_TRIM_APPROX;
    if (!key || flags & ~REDISMODULE_STREAM_TRIM_APPROX || length < 0) {
        errno = EINVAL;
        return -1;
    }
    const KeelStreamOps *ops = trimmable(key);
    return ops ? trimmed(key, ops->trim_length(&key->key, (uint64_t)length, approx)) : -1;
}

long long RM_StreamTrimByID(RedisModuleKey *key, int flags, RedisModuleStreamID *id) {
    bool approx = flags & REDISMODULE_STREAM_TRIM_APPROX;
    if (!key || flags & ~REDISMODULE_STREAM_TRIM_APPROX || !id) {
        errno = EINVAL;
        return -1;
    }
    const KeelStreamOps *ops = trimmable(key);
    return ops ? trimmed(key, ops->trim_id(&key->key, host_id(id), approx)) : -1;
}

/* ---- walking --------------------------------------------------------------------------------- */

/* The id after (or before) it. False: there is none. */
static bool next_id(KeelStreamId *id) {
    if (++id->seq == 0 && ++id->ms == 0) return false;
    return true;
}
static bool previous_id(KeelStreamId *id) {
    if (id->seq-- == 0 && id->ms-- == 0) return false;
    return true;
}

int RM_StreamIteratorStart(RedisModuleKey *key, int flags, RedisModuleStreamID *start,
                           RedisModuleStreamID *end) {
    KeelStreamId from = {0, 0}, to = {UINT64_MAX, UINT64_MAX};
    int known = REDISMODULE_STREAM_ITERATOR_EXCLUSIVE | REDISMODULE_STREAM_ITERATOR_REVERSE;
    if (!key || flags & ~known) return fail(EINVAL);
    const KeelStreamOps *ops = stream_of(key);
    if (!ops) return REDISMODULE_ERR;
    if (key->walk != WALK_NONE) return fail(EBADF);
    if (start) from = host_id(start);
    if (end) to = host_id(end);
    if (flags & REDISMODULE_STREAM_ITERATOR_EXCLUSIVE) {
        if ((start && !next_id(&from)) || (end && !previous_id(&to))) return fail(EDOM);
    }
    key->stream = ops->walk(&key->key, from, to, flags & REDISMODULE_STREAM_ITERATOR_REVERSE);
    key->walk = WALK_STREAM;
    key->unusual = true;
    key->on_entry = false;
    key->fields_left = 0;
    return REDISMODULE_OK;
}

/* The interface, when the walk is on; else NULL with errno. */
static const KeelStreamOps *walking(const RedisModuleKey *key) {
    errno = EINVAL;
    const KeelStreamOps *ops = key ? stream_of(key) : NULL;
    if (ops && key->walk != WALK_STREAM) {
        errno = EBADF;
        ops = NULL;
    }
    return ops;
}

/* Also when the key has gone meanwhile: what the walk holds is freed in any case. */
void rm_stream_end_walk(RedisModuleKey *key) {
    const KeelStreamOps *ops = rm_stream();
    if (key->walk != WALK_STREAM) return;
    if (ops) ops->walk_end(key->stream);
    key->stream = NULL;
    key->walk = WALK_NONE;
}

int RM_StreamIteratorStop(RedisModuleKey *key) {
    if (!walking(key)) return REDISMODULE_ERR;
    rm_stream_end_walk(key);
    return REDISMODULE_OK;
}

int RM_StreamIteratorNextID(RedisModuleKey *key, RedisModuleStreamID *id, long *pairs) {
    const KeelStreamOps *ops = walking(key);
    KeelStreamId at;
    size_t count;
    if (!ops) return REDISMODULE_ERR;
    key->on_entry = ops->walk_next(key->stream, &at, &count);
    key->fields_left = key->on_entry ? count : 0;
    if (!key->on_entry) return fail(ENOENT);
    if (id) *id = (RedisModuleStreamID){at.ms, at.seq};
    if (pairs) *pairs = (long)count;
    return REDISMODULE_OK;
}

int RM_StreamIteratorNextField(RedisModuleKey *key, RedisModuleString **field,
                               RedisModuleString **value) {
    const KeelStreamOps *ops = walking(key);
    KeelStr f, v;
    if (!ops) return REDISMODULE_ERR;
    if (!key->fields_left || !ops->walk_field(key->stream, &f, &v)) return fail(ENOENT);
    key->fields_left--;
    if (field) *field = rm_string_for(key->ctx, f.ptr, f.len);
    if (value) *value = rm_string_for(key->ctx, v.ptr, v.len);
    return REDISMODULE_OK;
}

int RM_StreamIteratorDelete(RedisModuleKey *key) {
    const KeelStreamOps *ops = walking(key);
    if (!ops) return REDISMODULE_ERR;
    if (!rm_key_writable(key)) return fail(EBADF);
    if (!key->on_entry) return fail(ENOENT);
    ops->walk_remove(key->stream);
    key->on_entry = false;
    key->fields_left = 0;
    rm_key_touched(key);
    return REDISMODULE_OK;
}
