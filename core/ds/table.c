/* table.c - growing, shrinking and scanning the hash table. See ds/table.h for its shape.
 *
 * Growth starts at an average of eight elements to a bucket. At that load about a quarter of the
 * buckets have an overflow bucket, yet only one lookup in sixteen reads it; in return the table
 * costs 8 to 18 bytes an element. Shrinking starts below one element to a bucket. A resize moves one or
 * two old buckets with every insertion, and more from the timer. */
#include <ds/host.h>
#include <ds/table.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { BITS_MIN = 2, LOAD_MAX = 8, LOAD_FORCED = 40 };
#define LARGE_PAGE (2 * 1024 * 1024)
#define MAP_FROM (256 * 1024) /* arrays of this size come from the system, zeroed lazily */

/* Large arrays ask for large pages, aligned to them: every lookup reads a random bucket, and finding
 * its page would cost more than reading it. */
static Bucket *map_array(size_t size) {
    size_t align = size >= LARGE_PAGE ? LARGE_PAGE : 0;
    char *map = mmap(NULL, size + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) ds_exhausted(size);
    if (!align) return (Bucket *)(void *)map;
    size_t head = (align - ((uintptr_t)map & (align - 1))) & (align - 1);
    if (head) munmap(map, head);
    if (align - head) munmap(map + head + size, align - head);
    madvise(map + head, size, MADV_HUGEPAGE);
    return (Bucket *)(void *)(map + head);
}

static Bucket *array_new(uint8_t bits) {
    size_t size = sizeof(Bucket) << bits;
    Bucket *array;
    if (size >= MAP_FROM) {
        array = map_array(size);
    } else {
        array = aligned_alloc(sizeof(Bucket), size);
        if (!array) ds_exhausted(size);
        memset(array, 0, size);
    }
    ds_account((int64_t)size, 1);
    return array;
}

static void array_free(Bucket *array, uint8_t bits) {
    size_t size = sizeof(Bucket) << bits;
    if (size >= MAP_FROM) {
        munmap(array, size);
    } else {
        free(array);
    }
    ds_account(-(int64_t)size, -1);
}

static Bucket *overflow_new(Table *t) {
    Bucket *b = aligned_alloc(sizeof(Bucket), sizeof(Bucket));
    if (!b) ds_exhausted(sizeof(Bucket));
    memset(b, 0, sizeof(*b));
    ds_account(sizeof(Bucket), 1);
    t->overflows++;
    return b;
}

static void overflow_free(Table *t, Bucket *b) {
    free(b);
    ds_account(-(int64_t)sizeof(Bucket), -1);
    t->overflows--;
}

void table_init(Table *t, uint64_t (*hash)(const void *element)) {
    memset(t, 0, sizeof(*t));
    t->bits = BITS_MIN;
    t->buckets = array_new(BITS_MIN);
    t->hash = hash;
    t->stamp = 1;
}

static void release_array(Table *t, Bucket *array, uint8_t bits) {
    for (uint64_t i = 0; t->overflows && i < (uint64_t)1 << bits; i++) {
        for (Bucket *b = bucket_next(&array[i]), *next; b; b = next) {
            next = bucket_next(b);
            overflow_free(t, b);
        }
    }
    array_free(array, bits);
}

void table_release(Table *t) {
    if (t->old) release_array(t, t->old, t->old_bits);
    release_array(t, t->buckets, t->bits);
    t->buckets = t->old = NULL;
}

/* Puts an entry into a bucket's chain. */
static Place chain_add(Table *t, Bucket *b, uint8_t tag, void *element) {
    for (;;) {
        unsigned hits = bucket_match(b, 0);
        if (hits) {
            unsigned i = (unsigned)__builtin_ctz(hits);
            b->tags[i] = tag;
            bucket_put(b, i, element);
            return (Place){b, i};
        }
        if (!b->chained) {
            Bucket *more = overflow_new(t);
            more->tags[0] = b->tags[8];
            bucket_put(more, 0, bucket_element(b, 8));
            b->tags[8] = 0;
            b->chained = 1;
            bucket_put(b, 8, more);
        }
        b = bucket_next(b);
    }
}

static void resize_to(Table *t, uint8_t bits) {
    t->old = t->buckets;
    t->old_bits = t->bits;
    t->buckets = array_new(bits);
    t->bits = bits;
    t->moved = 0;
    t->stamp++;
}

/* Elements lie all over the heap: those of a bucket are fetched together. */
static inline void fetch_elements(const Bucket *b) {
    for (unsigned i = 0; i < BUCKET_PLACES - (unsigned)b->chained; i++) {
        if (b->tags[i]) __builtin_prefetch(bucket_element(b, i));
    }
}

/* Moves one old bucket. Hashes are computed anew from the elements, so those are fetched first. */
static void move_bucket(Table *t) {
    Bucket *first = &t->old[t->moved], *next;
    for (Bucket *b = first; b; b = bucket_next(b)) fetch_elements(b);
    t->moved++;
    for (Bucket *b = first; b; b = next) {
        next = bucket_next(b);
        for (unsigned i = 0; i < BUCKET_PLACES - b->chained; i++) {
            if (!b->tags[i]) continue;
            void *element = bucket_element(b, i);
            uint64_t hash = t->hash(element);
            chain_add(t, &t->buckets[hash >> (64 - t->bits)], hash_tag(hash), element);
        }
        if (b != first) overflow_free(t, b);
    }
    memset(first, 0, sizeof(*first));
}

void table_resize_step(Table *t, uint64_t buckets) {
    if (!t->old) return;
    uint64_t end = (uint64_t)1 << t->old_bits;
    while (buckets-- && t->moved < end) move_bucket(t);
    t->stamp++;
    if (t->moved < end) return;
    array_free(t->old, t->old_bits);
    t->old = NULL;
}

static void grow_if_needed(Table *t) {
    if (t->old) {
        if (!ds_resize_paused() || t->used > ((uint64_t)LOAD_FORCED << t->bits)) table_resize_step(t, 2);
    } else if (t->used >= ((uint64_t)LOAD_MAX << t->bits) &&
               (!ds_resize_paused() || t->used > ((uint64_t)LOAD_FORCED << t->bits))) {
        resize_to(t, (uint8_t)(t->bits + 1));
    }
}

Place table_insert(Table *t, uint64_t hash, void *element) {
    grow_if_needed(t);
    t->used++;
    t->stamp++;
    return chain_add(t, table_bucket(t, hash), hash_tag(hash), element);
}

static bool bucket_is_empty(const Bucket *b) {
    unsigned all = b->chained ? 0xff : 0x1ff;
    return bucket_match(b, 0) == all;
}

void table_remove(Table *t, uint64_t hash, Place place) {
    place.bucket->tags[place.index] = 0;
    t->used--;
    t->stamp++;
    /* Overflow buckets that are empty now are unlinked, so chains shorten as tables empty. */
    Bucket *before = table_bucket(t, hash);
    for (Bucket *b = bucket_next(before); b; b = bucket_next(before)) {
        if (!bucket_is_empty(b)) {
            before = b;
            continue;
        }
        Bucket *after = bucket_next(b);
        overflow_free(t, b);
        if (after) {
            bucket_put(before, 8, after);
        } else {
            before->chained = 0;
            before->tags[8] = 0;
        }
    }
}

Place table_place_of(const Table *t, uint64_t hash, const void *element) {
    for (Bucket *b = table_bucket(t, hash); b; b = bucket_next(b)) {
        for (unsigned hits = bucket_match(b, hash_tag(hash)); hits; hits &= hits - 1) {
            unsigned i = (unsigned)__builtin_ctz(hits);
            if (bucket_element(b, i) == element) return (Place){b, i};
        }
    }
    return (Place){NULL, 0};
}

void table_maybe_shrink(Table *t) {
    if (t->old || ds_resize_paused() || t->bits <= BITS_MIN || t->used >= (uint64_t)1 << t->bits) return;
    uint8_t bits = BITS_MIN;
    while (((uint64_t)LOAD_MAX / 2 << bits) < t->used) bits++;
    if (bits < t->bits) resize_to(t, bits);
}

void table_reserve(Table *t, uint64_t elements) {
    uint8_t bits = t->bits;
    while (((uint64_t)LOAD_MAX << bits) < elements && bits < 44) bits++;
    if (bits <= t->bits) return;
    table_resize_step(t, UINT64_MAX);
    resize_to(t, bits);
    if (t->used == 0) table_resize_step(t, UINT64_MAX);
}

void table_fetch(const Table *t, uint64_t cursor, bool elements) {
    const Bucket *b = table_bucket(t, cursor << TABLE_CURSOR_SHIFT);
    if (elements) {
        fetch_elements(b);
    } else {
        __builtin_prefetch(b);
    }
}

static void visit_chain(const Bucket *b, void (*each)(void *element, void *data), void *data) {
    for (; b; b = bucket_next(b)) {
        fetch_elements(b);
        for (unsigned i = 0; i < BUCKET_PLACES - (unsigned)b->chained; i++) {
            if (b->tags[i]) each(bucket_element(b, i), data);
        }
    }
}

/* The bucket that a walk visits at `cursor`, and the cursor behind it. */
static Bucket *bucket_at(const Table *t, uint64_t cursor, uint64_t *behind) {
    uint64_t position = cursor << TABLE_CURSOR_SHIFT;
    uint8_t bits = t->bits;
    Bucket *bucket = NULL;
    if (t->old) {
        uint64_t i = position >> (64 - t->old_bits);
        if (i >= t->moved) {
            bits = t->old_bits;
            bucket = &t->old[i];
        }
    }
    uint64_t index = position >> (64 - bits);
    if (!bucket) bucket = &t->buckets[index];
    uint64_t next = index + 1;
    if (t->old && bits < t->old_bits) {
        /* Shrinking: the part of this bucket that was not moved yet is still in the old array. */
        uint64_t end = next << (t->old_bits - bits);
        if (end > t->moved) {
            next = t->moved;
            bits = t->old_bits;
        }
    }
    *behind = next >> bits ? 0 : (next << (64 - bits)) >> TABLE_CURSOR_SHIFT;
    return bucket;
}

uint64_t table_scan(const Table *t, uint64_t cursor, void (*each)(void *element, void *data),
                    void *data) {
    uint64_t next;
    visit_chain(bucket_at(t, cursor, &next), each, data);
    return next;
}

/* Arrays from the system are pages of their own; others may lie in slabs. */
static Bucket *move_array(Bucket *array, uint8_t bits) {
    size_t size = sizeof(Bucket) << bits;
    return size < MAP_FROM ? keel_mem_move_aligned(array, sizeof(Bucket)) : array;
}

uint64_t table_move(Table *t, uint64_t cursor, void *(*move)(void *element, void *data),
                    void *data) {
    uint64_t next;
    if (cursor == 0) {
        t->buckets = move_array(t->buckets, t->bits);
        if (t->old) t->old = move_array(t->old, t->old_bits);
    }
    for (Bucket *b = bucket_at(t, cursor, &next); b; b = bucket_next(b)) {
        if (b->chained) bucket_put(b, 8, keel_mem_move_aligned(bucket_next(b), sizeof(Bucket)));
        if (!move) continue;
        fetch_elements(b);
        for (unsigned i = 0; i < BUCKET_PLACES - (unsigned)b->chained; i++) {
            if (b->tags[i]) bucket_put(b, i, move(bucket_element(b, i), data));
        }
    }
    t->stamp++;
    return next;
}

/* ---- copying --------------------------------------------------------------------------------- */

static void copy_chain(Table *t, Bucket *to, const Bucket *from,
                       void *(*copy)(const void *element)) {
    for (;;) {
        *to = *from;
        for (unsigned i = 0; i < BUCKET_PLACES - (unsigned)from->chained; i++) {
            if (from->tags[i]) bucket_put(to, i, copy(bucket_element(from, i)));
        }
        if (!from->chained) return;
        Bucket *more = overflow_new(t);
        bucket_put(to, 8, more);
        to = more;
        from = bucket_next(from);
    }
}

typedef struct Copying {
    Table *to;
    void *(*copy)(const void *element);
} Copying;

static void copy_one(void *element, void *data) {
    const Copying *c = data;
    void *copy = c->copy(element);
    table_insert(c->to, c->to->hash(copy), copy);
}

void table_copy(Table *t, const Table *from, void *(*copy)(const void *element)) {
    if (from->old) {
        Copying c = {t, copy};
        uint64_t cursor = 0;
        table_init(t, from->hash);
        table_reserve(t, from->used);
        while ((cursor = table_scan(from, cursor, copy_one, &c))) continue;
        return;
    }
    uint64_t n = (uint64_t)1 << from->bits;
    *t = (Table){.buckets = array_new(from->bits), .bits = from->bits, .used = from->used,
                 .hash = from->hash, .stamp = 1};
    for (uint64_t i = 0; i < n; i++) {
        if (i + 1 < n) fetch_elements(&from->buckets[i + 1]);
        copy_chain(t, &t->buckets[i], &from->buckets[i], copy);
    }
}

size_t table_memory(const Table *t) {
    size_t buckets = ((size_t)1 << t->bits) + (t->old ? (size_t)1 << t->old_bits : 0);
    return (buckets + t->overflows) * sizeof(Bucket);
}
