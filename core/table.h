/* table.h - the hash table of keys: ds/table.h, its elements entries. */
#ifndef CORE_TABLE_H
#define CORE_TABLE_H

#include "entry.h"
#include "hash.h"

#include <ds/table.h>

static inline __attribute__((always_inline)) Entry *table_find(const Table *t, uint64_t hash, KeelStr name, Place *place) {
    uint8_t tag = hash_tag(hash);
    for (Bucket *b = table_bucket(t, hash); b; b = bucket_next(b)) {
        for (unsigned hits = bucket_match(b, tag); hits; hits &= hits - 1) {
            unsigned i = (unsigned)__builtin_ctz(hits);
            Entry *e = bucket_element(b, i);
            if (__builtin_expect(entry_is_named(e, name), 1)) {
                *place = (Place){b, i};
                return e;
            }
        }
    }
    *place = (Place){NULL, 0};
    return NULL;
}

#endif
