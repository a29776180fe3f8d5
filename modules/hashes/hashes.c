/* hashes.c - the type "hash", maps of fields to values in one key: HSET, HGET, HGETALL, HINCRBY ...
 *
 * A hash of few and short fields is one packed block, the form that it has in files too; beyond
 * hash-max-listpack-entries fields or a field or value of more than hash-max-listpack-value bytes it
 * is a hash table, and stays one (hash.c). Looking up a field costs O(1), in a packed one a walk over
 * at most that many. In files a hash is RDB type 16 (packed) or 4 (fields and values one by one);
 * 9 and 13, which older servers wrote, are read (form.c).
 *
 * The commands: read.c, write.c, random.c. Other modules reach hashes through the interface of
 * keel/hash.h, which is at the end of this file. */
#include "hashes.h"

int64_t hash_max_entries, hash_max_value;

/* ---- hashes in keys -------------------------------------------------------------------------- */

size_t hashes_set(KeelKey *key, const KeelStr *pairs, size_t n) {
    bool exists = keel_key_exists(key);
    Hash *was = exists ? keel_key_value(key) : NULL, *h = exists ? was : hash_new(0);
    size_t added = 0;
    hash_expect(&h, pairs, n);
    for (size_t i = 0; i < n; i += 2) added += hash_put(&h, pairs[i], pairs[i + 1]);
    if (!exists) keel_key_set_value(key, &hash_type, h, KEEL_NO_EXPIRY);
    else if (h != was) keel_key_value_moved(key, h);
    return added;
}

bool hashes_get(const KeelKey *key, KeelStr field, char scratch[KEEL_INT_ROOM], KeelStr *value) {
    return keel_key_exists(key) && hash_find(keel_key_value(key), field, scratch, value);
}

/* ---- the type -------------------------------------------------------------------------------- */

static void free_value(void *ptr) {
    hash_free(ptr);
}

static void *copy_value(const KeelValue *v) {
    return hash_copy(v->ptr);
}

static void *defragment(const KeelValue *v, uint64_t *cursor) {
    return hash_defragment(v->ptr, cursor);
}

static size_t length(const KeelValue *v) {
    return hash_count(v->ptr);
}

static size_t free_effort(const KeelValue *v) {
    return hash_is_large(v->ptr) ? hash_count(v->ptr) : 1;
}

/* Elements of a large hash are taken for as large as the first `samples` on average. */
static size_t memory(const KeelValue *v, size_t samples) {
    if (!hash_is_large(v->ptr)) return keel_mem_size(v->ptr);
    const Large *l = v->ptr;
    size_t count = dict_count(&l->dict), seen = 0, bytes = 0;
    DictWalk w;
    dict_walk(&w, &l->dict);
    for (const void *e; (samples == 0 || seen < samples) && (e = dict_next(&w)); seen++) {
        bytes += keel_mem_size(e);
    }
    if (seen) bytes = (size_t)((double)bytes / (double)seen * (double)count);
    return keel_mem_size(l) + dict_memory(&l->dict) + bytes;
}

static const char *encoding(const KeelKey *key, const KeelValue *v) {
    (void)key;
    return hash_is_large(v->ptr) ? "hashtable" : "listpack";
}

static const KeelHashOps operations;

const KeelType hash_type = {
    .name = "hash",
    .number = 4,
    .opcodes = hash_opcodes,
    .opcode = hash_opcode,
    .save = hash_save,
    .load = hash_load,
    .rewrite = hash_rewrite,
    .free = free_value,
    .free_effort = free_effort,
    .copy = copy_value,
    .defragment = defragment,
    .length = length,
    .memory = memory,
    .digest = hash_digest,
    .encoding = encoding,
    .operations = &operations,
};

/* ---- the interface --------------------------------------------------------------------------- */

static bool op_check(KeelCtx *c, const KeelKey *key) {
    return hashes_check(c, key);
}

static void op_create(KeelKey *key) {
    keel_key_set_value(key, &hash_type, hash_new(0), KEEL_NO_EXPIRY);
}

static size_t op_length(const KeelKey *key) {
    return keel_key_exists(key) ? hash_count(keel_key_value(key)) : 0;
}

static bool op_set(KeelKey *key, KeelStr field, KeelStr value) {
    const KeelStr pair[] = {field, value};
    return hashes_set(key, pair, 2) > 0;
}

static bool op_remove(KeelKey *key, KeelStr field) {
    if (!keel_key_exists(key)) return false;
    Hash *h = keel_key_value(key);
    if (!hash_remove(&h, field)) return false;
    keel_key_value_moved(key, h);
    if (hash_count(h) == 0) keel_key_delete(key, false);
    return true;
}

static void op_walk(const KeelKey *key, KeelHashWalk *w) {
    static uint8_t nothing[LP_EMPTY_BYTES] = {LP_EMPTY_BYTES, 0, 0, 0, 0, 0, LP_END};
    hash_walk(keel_key_exists(key) ? keel_key_value(key) : nothing, w);
}

static uint64_t op_scan(const KeelKey *key, uint64_t cursor, size_t count, KeelHashEach *each,
                        void *data) {
    return keel_key_exists(key) ? hash_scan(keel_key_value(key), cursor, count, each, data) : 0;
}

static void op_random(const KeelKey *key, KeelHashWalk *room, KeelStr *field, KeelStr *value) {
    hash_random(keel_key_value(key), room, field, value);
}

static const KeelHashOps operations = {
    .size = sizeof(KeelHashOps),
    .type = &hash_type,
    .check = op_check,
    .create = op_create,
    .length = op_length,
    .get = hashes_get,
    .set = op_set,
    .remove = op_remove,
    .walk = op_walk,
    .next = hash_next,
    .scan = op_scan,
    .random = op_random,
};

/* ---- the tables ------------------------------------------------------------------------------ */

static const KeelConfig configs[] = {
    {.name = "hash-max-listpack-entries", .alias = "hash-max-ziplist-entries",
     .type = KEEL_CONFIG_INT, .var = &hash_max_entries, .value = "512", .min = 0,
     .max = INT64_MAX},
    {.name = "hash-max-listpack-value", .alias = "hash-max-ziplist-value",
     .type = KEEL_CONFIG_MEMORY, .var = &hash_max_value, .value = "64", .min = 0,
     .max = INT64_MAX},
    {0},
};

#define WRITE_OOM (KEEL_WRITE | KEEL_DENYOOM | KEEL_FAST)
#define READ_FAST (KEEL_READONLY | KEEL_FAST)
#define SIZE_COST "O(N) where N is the size of the hash."
#define PAIRS_COST                                                                                 \
    "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is " \
    "called with multiple field/value pairs."
#define SCAN_COST                                                                                  \
    "O(1) for every call. O(N) for a complete iteration, including enough command calls for the "  \
    "cursor to return back to 0. N is the number of elements inside the collection."

static const KeelCommand commands[] = {
    {.name = "hdel", .args = "key field [field ...]", .flags = KEEL_WRITE | KEEL_FAST,
     .call = hashes_hdel, .group = "hash", .since = "2.0.0", .keys = "RW DELETE",
     .complexity = "O(N) where N is the number of fields to be removed.",
     .history = "2.4.0: Accepts multiple `field` arguments.",
     .summary = "Removes fields from a hash, and the hash with the last one."},
    {.name = "hexists", .args = "key field", .flags = READ_FAST, .call = hashes_hexists,
     .group = "hash", .since = "2.0.0", .complexity = "O(1)", .keys = "RO",
     .summary = "Tells whether a hash has a field."},
    {.name = "hget", .args = "key field", .flags = READ_FAST, .call = hashes_hget,
     .group = "hash", .since = "2.0.0", .complexity = "O(1)", .keys = "RO ACCESS",
     .summary = "Returns the value of a field of a hash."},
    {.name = "hgetall", .args = "key", .flags = KEEL_READONLY, .call = hashes_hgetall,
     .group = "hash", .since = "2.0.0", .complexity = SIZE_COST, .keys = "RO ACCESS",
     .tips = "nondeterministic_output_order",
     .summary = "Returns all fields and values of a hash."},
    {.name = "hincrby", .args = "key field increment", .flags = WRITE_OOM,
     .call = hashes_hincrby, .group = "hash", .since = "2.0.0", .complexity = "O(1)",
     .keys = "RW ACCESS UPDATE",
     .summary = "Adds to the integer in a field of a hash; a missing field counts as 0."},
    {.name = "hincrbyfloat", .args = "key field increment:double", .flags = WRITE_OOM,
     .call = hashes_hincrbyfloat, .group = "hash", .since = "2.6.0", .complexity = "O(1)",
     .keys = "RW ACCESS UPDATE",
     .summary = "Adds a number that may have a fraction to a field of a hash."},
    {.name = "hkeys", .args = "key", .flags = KEEL_READONLY, .call = hashes_hkeys,
     .group = "hash", .since = "2.0.0", .complexity = SIZE_COST, .keys = "RO ACCESS",
     .tips = "nondeterministic_output_order", .summary = "Returns all fields of a hash."},
    {.name = "hlen", .args = "key", .flags = READ_FAST, .call = hashes_hlen, .group = "hash",
     .since = "2.0.0", .complexity = "O(1)", .keys = "RO",
     .summary = "Returns the number of fields of a hash."},
    {.name = "hmget", .args = "key field [field ...]", .flags = READ_FAST, .call = hashes_hmget,
     .group = "hash", .since = "2.0.0", .keys = "RO ACCESS",
     .complexity = "O(N) where N is the number of fields being requested.",
     .summary = "Returns the values of several fields of a hash."},
    {.name = "hmset", .args = "key (field value){data} [(field value) ...]", .flags = WRITE_OOM,
     .call = hashes_hmset, .group = "hash", .since = "2.0.0", .keys = "RW UPDATE",
     .complexity = "O(N) where N is the number of fields being set.",
     .deprecated = "4.0.0: `HSET` with multiple field-value pairs",
     .summary = "Sets the values of several fields of a hash."},
    {.name = "hrandfield", .args = "key [count [WITHVALUES]]{options}", .flags = KEEL_READONLY,
     .call = hashes_hrandfield, .group = "hash", .since = "6.2.0", .keys = "RO ACCESS",
     .complexity = "O(N) where N is the number of fields returned",
     .tips = "nondeterministic_output",
     .summary = "Returns fields of a hash chosen at random."},
    {.name = "hscan",
     .args = "key cursor [MATCH pattern] [COUNT count] [NOVALUES{7.4.0}]",
     .flags = KEEL_READONLY, .call = hashes_hscan, .group = "hash", .since = "2.8.0",
     .complexity = SCAN_COST, .keys = "RO ACCESS", .tips = "nondeterministic_output",
     .summary = "Walks over the fields and values of a hash in steps."},
    {.name = "hset", .args = "key (field value){data} [(field value) ...]", .flags = WRITE_OOM,
     .call = hashes_hset, .group = "hash", .since = "2.0.0", .keys = "RW UPDATE",
     .complexity = PAIRS_COST,
     .history = "4.0.0: Accepts multiple `field` and `value` arguments.",
     .summary = "Sets fields of a hash and tells how many of them are new."},
    {.name = "hsetnx", .args = "key field value", .flags = WRITE_OOM, .call = hashes_hsetnx,
     .group = "hash", .since = "2.0.0", .complexity = "O(1)", .keys = "RW INSERT",
     .summary = "Sets a field of a hash only if it is not there."},
    {.name = "hstrlen", .args = "key field", .flags = READ_FAST, .call = hashes_hstrlen,
     .group = "hash", .since = "3.2.0", .complexity = "O(1)", .keys = "RO",
     .summary = "Returns the length of a field's value."},
    {.name = "hvals", .args = "key", .flags = KEEL_READONLY, .call = hashes_hvals,
     .group = "hash", .since = "2.0.0", .complexity = SIZE_COST, .keys = "RO ACCESS",
     .tips = "nondeterministic_output_order", .summary = "Returns all values of a hash."},
    {0},
};

static const KeelInterface provides[] = {
    {.name = "hash", .version = KEEL_HASH_VERSION, .functions = &operations},
    {0},
};

KEEL_MODULE(.name = "hashes", .version = "1.0.0",
            .summary = "Hashes: HSET, HGET, HGETALL, HINCRBY, HRANDFIELD, HSCAN ...",
            .commands = commands, .types = (const KeelType *const[]){&hash_type, NULL},
            .configs = configs, .provides = provides);
