/* keel/hash.h - the interface "hash": what the module that owns hashes (maps of fields to values, both
 * bytes) offers to modules that work on them, and that a replacement of it must bring too.
 *
 * A key that is handed in holds a hash, or is missing where the contract says so: ask check(), or
 * keel_key_is() with `type`. Keys are opened by the caller, for writing where something changes.
 * After a change the caller tells of it (keel_key_changed() with KEEL_NOTIFY_HASH and "hset", "hdel"
 * or its own word); nothing here does. An empty hash is no value: remove() deletes the key with its
 * last field, and the caller then tells of "del" too.
 *
 * Fields and values are read as views into the hash, valid until the keyspace changes; what a hash
 * keeps as an integer is spelt into the caller's scratch, and valid as long as that. */
#ifndef KEEL_HASH_H
#define KEEL_HASH_H

#include <keel/base.h>
#include <keel/type.h>

#define KEEL_HASH_VERSION 100

/* A walk over all fields, on the caller's stack; nothing needs ending. The hash may not change
 * meanwhile. */
typedef struct KeelHashWalk {
    char field_digits[KEEL_INT_ROOM], value_digits[KEEL_INT_ROOM];
    uint64_t state_[8]; /* the owner's */
} KeelHashWalk;

/* One field as scan() shows it; the views live until the callback returns. */
typedef void KeelHashEach(KeelStr field, KeelStr value, void *data);

/* From keel_interface("hash", KEEL_HASH_VERSION), and the type's `operations`. Contexts: command;
 * reading also in a fork child. */
typedef struct KeelHashOps {
    uint32_t size;
    const KeelType *type;
    /* True: the key holds a hash or is missing. False: WRONGTYPE was replied. */
    bool (*check)(KeelCtx *c, const KeelKey *key);
    /* Makes the missing key an empty hash that keeps no expiry; the caller fills it at once. */
    void (*create)(KeelKey *key);
    /* Fields; 0 for a missing key. O(1). */
    size_t (*length)(const KeelKey *key);
    /* The value of a field. False: there is no such field, or no key. */
    bool (*get)(const KeelKey *key, KeelStr field, char scratch[KEEL_INT_ROOM], KeelStr *value);
    /* Sets a field, creating the key when missing. True: the field is new. Neither view may point
     * into this hash. */
    bool (*set)(KeelKey *key, KeelStr field, KeelStr value);
    /* Removes a field, and the key with the last one (keel_key_exists() tells). False: there was no
     * such field. */
    bool (*remove)(KeelKey *key, KeelStr field);
    /* Starts a walk; a missing key has no fields. Then each call gives one, in an order that says
     * nothing; false: that was all. */
    void (*walk)(const KeelKey *key, KeelHashWalk *w);
    bool (*next)(KeelHashWalk *w, KeelStr *field, KeelStr *value);
    /* A walk in steps that survives changes in between, as HSCAN's: shows about `count` fields from
     * `cursor` on (small hashes: all) and returns the next cursor, 0 at the end. */
    uint64_t (*scan)(const KeelKey *key, uint64_t cursor, size_t count, KeelHashEach *each,
                     void *data);
    /* A field chosen at random, each equally likely. The key exists. */
    void (*random)(const KeelKey *key, KeelHashWalk *room, KeelStr *field, KeelStr *value);
} KeelHashOps;

#endif
