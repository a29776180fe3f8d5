/* hashes.h - what the files of this module share: hashes as values, and the handlers. */
#ifndef HASHES_H
#define HASHES_H

#include <ds/dict.h>
#include <ds/listpack.h>
#include <keel.h>

extern const KeelType hash_type;

/* The large form. A pack's first word is its size, which is never 0: so the two are told apart. */
typedef struct Large {
    uint32_t zero;
    Dict dict;
} Large;

/* A hash, as the keyspace keeps it: a pack of field, value, field, value ... or a Large. */
typedef void Hash;
static inline bool hash_is_large(const Hash *h) {
    return lp_bytes(h) == 0;
}

/* hash-max-listpack-entries and -value. */
extern int64_t hash_max_entries, hash_max_value;

/* ---- hash.c: values by themselves. `Hash **` may be moved. ----------------------------------- */

/* An empty pack with room for so many bytes, and the large form with room for so many fields. */
Hash *hash_new(size_t bytes);
Hash *hash_new_large(size_t fields);
void hash_free(Hash *h);
Hash *hash_copy(const Hash *h);
/* See KeelType.defragment. */
Hash *hash_defragment(Hash *h, uint64_t *cursor);
/* Makes it large, with room for so many more fields. False: a field was there twice (a pack from
 * outside); what is left is a valid hash. */
bool hash_enlarge(Hash **h, size_t more);
/* Prepares for `n` words, field, value, field ..., as one command brings them: enlarges it when they
 * will make it so. */
void hash_expect(Hash **h, const KeelStr *pairs, size_t n);
size_t hash_count(const Hash *h);
bool hash_find(const Hash *h, KeelStr field, char scratch[KEEL_INT_ROOM], KeelStr *value);
/* Sets a field that hash_expect() was told of. True: it is new. */
bool hash_put(Hash **h, KeelStr field, KeelStr value);
/* Adds a field to the large form. False: it is there. */
bool hash_add(Large *l, KeelStr field, KeelStr value);
bool hash_remove(Hash **h, KeelStr field);
void hash_walk(const Hash *h, KeelHashWalk *w);
bool hash_next(KeelHashWalk *w, KeelStr *field, KeelStr *value);
uint64_t hash_scan(const Hash *h, uint64_t cursor, size_t count, KeelHashEach *each, void *data);
void hash_random(const Hash *h, KeelHashWalk *room, KeelStr *field, KeelStr *value);
/* The large form's element as field and value. */
static inline void large_read(const char *element, KeelStr *field, KeelStr *value) {
    *field = name_read(element);
    *value = name_read(field->ptr + field->len);
}

/* ---- hashes.c: hashes in keys ---------------------------------------------------------------- */

/* True: the key holds a hash or is missing; otherwise WRONGTYPE was replied. */
static inline bool hashes_check(KeelCtx *c, const KeelKey *key) {
    if (__builtin_expect(keel_key_is(key, &hash_type), 1)) return true;
    keel_reply_wrongtype(c);
    return false;
}
/* Sets `n` arguments, field, value, field ...; the key may be missing. Returns how many are new. */
size_t hashes_set(KeelKey *key, const KeelStr *pairs, size_t n);
bool hashes_get(const KeelKey *key, KeelStr field, char scratch[KEEL_INT_ROOM], KeelStr *value);

/* ---- form.c: the type's callbacks for bytes -------------------------------------------------- */

extern const uint8_t hash_opcodes[];
uint8_t hash_opcode(const KeelValue *v);
int hash_save(KeelSink *sink, const KeelValue *v);
int hash_load(KeelSource *source, uint8_t opcode, KeelValue *out);
int hash_rewrite(KeelSink *sink, KeelStr key, const KeelValue *v);
void hash_digest(KeelDigest *d, const KeelValue *v);

/* Handlers, by file: read.c, write.c, random.c. */
KeelHandler hashes_hget, hashes_hmget, hashes_hgetall, hashes_hkeys, hashes_hvals, hashes_hlen,
    hashes_hstrlen, hashes_hexists, hashes_hscan;
KeelHandler hashes_hset, hashes_hmset, hashes_hsetnx, hashes_hdel, hashes_hincrby,
    hashes_hincrbyfloat;
KeelHandler hashes_hrandfield;

#endif
