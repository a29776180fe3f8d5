/* ds/dict.h - a hash table of named elements: the parts of ds/table.h put together for collections.
 *
 * An element is one block of its owner's, and says its name itself:
 *
 *     payload (PREFIX bytes) | name length | name | whatever the owner likes
 *
 * so that elements of any kind are found without a callback. Names are bytes. A length is a byte;
 * or 255 and four bytes; or five times 255 and eight bytes. Scans have SCAN's guarantee under
 * resizing (see table_scan()), in a cursor of 48 bits.
 *
 * Cost: 8 to 18 bytes an element, one cache line to miss, two to hit; growing and shrinking are
 * spread over later insertions and removals, two to four buckets each. */
#ifndef DS_DICT_H
#define DS_DICT_H

#include <ds/table.h>
#include <keel/text.h>

typedef struct Dict {
    Table table;
} Dict;

/* The header of a name, where `at` points, and what it takes for a name of `len` bytes. */
static inline size_t name_header(size_t len) {
    return len < 255 ? 1 : len < UINT32_MAX ? 5 : 13;
}
/* Long lengths, kept out of callers' way. */
static __attribute__((noinline, unused)) char *name_write_long(char *at, uint64_t len) {
    uint32_t wide = len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
    *at = (char)255;
    memcpy(at + 1, &wide, 4);
    if (wide == UINT32_MAX) memcpy(at + 5, &len, 8);
    return at + name_header(len);
}
static __attribute__((noinline, unused)) KeelStr name_read_long(const char *at) {
    uint32_t wide;
    uint64_t len;
    memcpy(&wide, at + 1, 4);
    if (wide < UINT32_MAX) return (KeelStr){at + 5, wide};
    memcpy(&len, at + 5, 8);
    return (KeelStr){at + 13, (size_t)len};
}
static inline char *name_write(char *at, const char *name, size_t len) {
    if (__builtin_expect(len < 255, 1)) *at++ = (char)len;
    else at = name_write_long(at, len);
    memcpy(at, name, len);
    return at + len;
}
static inline KeelStr name_read(const char *at) {
    size_t len = (unsigned char)*at;
    if (__builtin_expect(len < 255, 1)) return (KeelStr){at + 1, len};
    return name_read_long(at);
}
/* Short names: words at a time beat a call of memcmp. */
static inline bool name_is(const char *at, const char *name, size_t len) {
    KeelStr s = name_read(at);
    uint64_t x, y;
    if (s.len != len) return false;
    if (len < 8) {
        while (len && s.ptr[len - 1] == name[len - 1]) len--;
        return len == 0;
    }
    for (size_t i = 0; i + 8 < len; i += 8) {
        memcpy(&x, s.ptr + i, 8);
        memcpy(&y, name + i, 8);
        if (x != y) return false;
    }
    memcpy(&x, s.ptr + len - 8, 8);
    memcpy(&y, name + len - 8, 8);
    return x == y;
}

/* PREFIX is a constant of the owner's: 0 or 8. */
void dict_init(Dict *d, size_t prefix);
/* Makes `d`, which is nothing yet, a dict of copies, which `copy` makes with the same names. */
static inline void dict_copy(Dict *d, const Dict *from, void *(*copy)(const void *element)) {
    table_copy(&d->table, &from->table, copy);
}
/* Frees the table; elements first, through `free` when that is not NULL. */
void dict_release(Dict *d, void (*free)(void *element));
static inline size_t dict_count(const Dict *d) {
    return d->table.used;
}
/* The element of this name, NULL: none. `hash` is keel_hash() of the name. */
static inline void *dict_find(const Dict *d, size_t prefix, uint64_t hash, KeelStr name,
                              Place *place) {
    uint8_t tag = hash_tag(hash);
    for (Bucket *b = table_bucket(&d->table, hash); b; b = bucket_next(b)) {
        for (unsigned hits = bucket_match(b, tag); hits; hits &= hits - 1) {
            unsigned i = (unsigned)__builtin_ctz(hits);
            char *element = bucket_element(b, i);
            if (__builtin_expect(name_is(element + prefix, name.ptr, name.len), 1)) {
                *place = (Place){b, i};
                return element;
            }
        }
    }
    return NULL;
}
/* Adds an element that is not there yet. */
static inline void dict_insert(Dict *d, uint64_t hash, void *element) {
    table_insert(&d->table, hash, element);
}
/* Puts another block in an element's place: it was reallocated, or replaced by one of its name. */
static inline void dict_replace(Dict *d, Place place, void *element) {
    table_replace(&d->table, place, element);
}
/* Takes out the element at `place` without freeing it, and shrinks a table that is nearly empty. */
void dict_remove(Dict *d, uint64_t hash, Place place);
/* An element chosen at random, each with the same probability, and its place. NULL: none there.
 * Cost: a few buckets. */
void *dict_random(const Dict *d, Place *place);
/* A walk over all elements, in order of their hashes; the dict must not change meanwhile, and there
 * is nothing to end. */
typedef struct DictWalk {
    const Table *table;
    const Bucket *bucket;
    uint64_t index;
    unsigned place;
    bool in_old;
} DictWalk;
void dict_walk(DictWalk *w, const Dict *d);
void *dict_next(DictWalk *w); /* NULL: the end */
/* SCAN: visits one bucket and its chain, returns the next cursor, 0 at the end. */
static inline uint64_t dict_scan(const Dict *d, uint64_t cursor,
                                 void (*each)(void *element, void *data), void *data) {
    return table_scan(&d->table, cursor, each, data);
}
/* The same, bucket by bucket until about `count` elements were visited, or ten times as many empty
 * buckets. `each` NULL: visits none, and tells only where that ends. */
uint64_t dict_scan_some(const Dict *d, uint64_t cursor, size_t count,
                        void (*each)(void *element, void *data), void *data);
static inline void dict_reserve(Dict *d, uint64_t elements) {
    table_reserve(&d->table, elements);
}
/* Moves the table to denser places (keel/move.h), and the elements, which are blocks of this
 * module's, unless only the table is meant. `cursor` as in KeelType.defragment: NULL, or one
 * of scans. */
void dict_defragment(Dict *d, bool elements, uint64_t *cursor);
/* Bytes of the table, without elements. */
static inline size_t dict_memory(const Dict *d) {
    return table_memory(&d->table);
}

#endif
