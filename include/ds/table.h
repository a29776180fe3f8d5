/* ds/table.h - the hash table: buckets of one cache line, ordered by hash.
 *
 * It holds addresses of elements, whose making and freeing is their owner's; looking one up by
 * name is the owner's too, with the parts below (see dict.h), as only it knows where names are.
 *
 * A bucket holds nine elements: nine one-byte tags and nine pointers of six bytes (user addresses
 * have 47 or 48 bits), so a lookup that misses reads one line and a hit two. A full bucket gives
 * its ninth place to the address of an overflow bucket.
 *
 * The bucket of a hash is its top bits. So all tables, whatever their size, hold elements in
 * the same order, a scan's cursor is simply a position in hash space, and while the table resizes,
 * bucket by bucket in that order, each hash has exactly one place to be: the new array when its old
 * bucket was moved already, the old one otherwise. */
#ifndef DS_TABLE_H
#define DS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BUCKET_PLACES 9u

typedef struct Bucket {
    uint8_t tags[BUCKET_PLACES]; /* 0: free */
    uint8_t chained;             /* 1: place 8 is the next bucket */
    uint8_t places[BUCKET_PLACES][6];
} __attribute__((aligned(64))) Bucket;
_Static_assert(sizeof(Bucket) == 64, "a bucket is one cache line");

typedef struct Table {
    Bucket *buckets, *old;  /* old: NULL unless resizing */
    uint8_t bits, old_bits; /* log2 of the number of buckets */
    uint64_t moved;         /* old buckets below this are in `buckets` */
    uint64_t used;          /* elements */
    uint64_t overflows;     /* overflow buckets */
    uint64_t (*hash)(const void *element);
    uint64_t stamp;         /* grows whenever an element's place may have changed */
} Table;

/* Where an element is. bucket NULL: nowhere. */
typedef struct Place {
    Bucket *bucket;
    unsigned index;
} Place;

static inline void *bucket_element(const Bucket *b, unsigned i) {
    uint64_t high; /* with two bytes of what stands before it: a load in place of two */
    memcpy(&high, (const char *)b->places[i] - 2, 8);
    return (void *)(uintptr_t)(high >> 16);
}
static inline void bucket_put(Bucket *b, unsigned i, const void *p) {
    uint64_t low = (uint64_t)(uintptr_t)p;
    memcpy(b->places[i], &low, 6);
}
static inline Bucket *bucket_next(const Bucket *b) {
    return b->chained ? (Bucket *)bucket_element(b, 8) : NULL;
}
static inline uint8_t hash_tag(uint64_t hash) {
    uint8_t tag = (uint8_t)hash;
    return tag ? tag : 1;
}
/* Bit i is set when place i's tag is `tag`. */
static inline unsigned bucket_match(const Bucket *b, uint8_t tag) {
#ifdef __SSE2__
    __m128i tags = _mm_loadu_si128((const __m128i *)(const void *)b);
    unsigned hits = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag)));
#else
    unsigned hits = 0;
    for (unsigned i = 0; i < BUCKET_PLACES; i++) hits |= (unsigned)(b->tags[i] == tag) << i;
#endif
    return hits & (b->chained ? 0xffu : 0x1ffu);
}
/* The first bucket for a hash. */
static inline Bucket *table_bucket(const Table *t, uint64_t hash) {
    if (__builtin_expect(t->old != NULL, 0)) {
        uint64_t i = t->old_bits ? hash >> (64 - t->old_bits) : 0;
        if (i >= t->moved) return &t->old[i];
    }
    return &t->buckets[hash >> (64 - t->bits)]; /* bits is at least 2 */
}

/* `hash` computes an element's hash anew, as a resize needs it. */
void table_init(Table *t, uint64_t (*hash)(const void *element));
/* Makes `t` a table of copies: of every element's, as `copy` gives it, which has the same hash. Cost:
 * one pass over buckets as they are; hashes are computed only where a resize is under way. */
void table_copy(Table *t, const Table *from, void *(*copy)(const void *element));
/* Frees arrays and overflow buckets, not elements. */
void table_release(Table *t);
/* Adds an element that is not there yet. */
Place table_insert(Table *t, uint64_t hash, void *element);
/* Takes the element at `place` out (it is not freed). `hash` is its own. */
void table_remove(Table *t, uint64_t hash, Place place);
/* The place of this very element, by address. */
Place table_place_of(const Table *t, uint64_t hash, const void *element);
static inline void table_replace(Table *t, Place place, void *element) {
    bucket_put(place.bucket, place.index, element);
    t->stamp++;
}
/* Moves up to `buckets` buckets of a running resize. */
void table_resize_step(Table *t, uint64_t buckets);
/* Starts to shrink a table that is nearly empty. Called now and then, not on each removal. */
void table_maybe_shrink(Table *t);
void table_reserve(Table *t, uint64_t elements);
/* Resizing waits while keel_resize_pause() is in force, unless the table is badly overfull. */
/* Visits the bucket (with its chain) at `cursor` and returns the next cursor; 0: the end. */
uint64_t table_scan(const Table *t, uint64_t cursor, void (*each)(void *element, void *data),
                    void *data);
/* The same step, moving what it meets to denser places (keel/move.h): arrays at cursor 0, overflow
 * buckets, and the elements, for each of which `move` says where it is now; NULL: they stay. */
uint64_t table_move(Table *t, uint64_t cursor, void *(*move)(void *element, void *data),
                    void *data);
/* Fetches into the processor's cache the bucket at `cursor`, or the elements of one fetched before. */
void table_fetch(const Table *t, uint64_t cursor, bool elements);
size_t table_memory(const Table *t);

#define TABLE_CURSOR_SHIFT 16 /* cursors are the top 48 bits of a hash */

#endif
