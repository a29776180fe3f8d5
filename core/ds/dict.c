/* dict.c - named elements: removing, walking and choosing at random. See ds/dict.h. */
#include <ds/dict.h>
#include <ds/host.h>

static uint64_t hash_plain(const void *element) {
    KeelStr name = name_read(element);
    return keel_hash(name.ptr, name.len);
}

static uint64_t hash_behind_8(const void *element) {
    KeelStr name = name_read((const char *)element + 8);
    return keel_hash(name.ptr, name.len);
}

void dict_init(Dict *d, size_t prefix) {
    KEEL_ASSERT(prefix == 0 || prefix == 8);
    table_init(&d->table, prefix ? hash_behind_8 : hash_plain);
}

void dict_release(Dict *d, void (*free)(void *element)) {
    if (free) {
        DictWalk w;
        dict_walk(&w, d);
        for (void *element; (element = dict_next(&w));) free(element);
    }
    table_release(&d->table);
}

/* Buckets of a table that shrinks hold less than an element each, so more of them are moved: it is done
 * well before as many elements are gone again. */
void dict_remove(Dict *d, uint64_t hash, Place place) {
    table_remove(&d->table, hash, place);
    if (d->table.old && !ds_resize_paused()) {
        table_resize_step(&d->table, d->table.old_bits > d->table.bits ? 4 : 2);
    } else if ((d->table.used & 31) == 0) {
        table_maybe_shrink(&d->table);
    }
}

/* ---- walks ----------------------------------------------------------------------------------- */

void dict_walk(DictWalk *w, const Dict *d) {
    const Table *t = &d->table;
    *w = (DictWalk){.table = t, .bucket = t->old ? t->old : t->buckets, .in_old = t->old != NULL};
}

/* Elements lie anywhere in memory, so those of the next bucket are fetched while these are used. */
static inline void prefetch_elements(const Bucket *b) {
    for (unsigned i = 0; i < BUCKET_PLACES; i++) {
        if (b->tags[i] || (i == 8 && b->chained)) __builtin_prefetch(bucket_element(b, i));
    }
}

void *dict_next(DictWalk *w) {
    const Table *t = w->table;
    for (;;) {
        for (; w->bucket; w->bucket = bucket_next(w->bucket), w->place = 0) {
            while (w->place < BUCKET_PLACES - w->bucket->chained) {
                unsigned i = w->place++;
                if (w->bucket->tags[i]) return bucket_element(w->bucket, i);
            }
        }
        uint64_t end = (uint64_t)1 << (w->in_old ? t->old_bits : t->bits);
        if (++w->index < end) {
            w->bucket = w->in_old ? &t->old[w->index] : &t->buckets[w->index];
            if (w->index + 1 < end) prefetch_elements(w->bucket + 1);
        } else if (w->in_old) {
            w->in_old = false;
            w->index = 0;
            w->bucket = t->buckets;
        } else {
            w->index = end - 1; /* further calls end here too */
            return NULL;
        }
    }
}

/* ---- scans ----------------------------------------------------------------------------------- */

typedef struct Count {
    size_t seen;
    void (*each)(void *element, void *data);
    void *data;
} Count;

static void count_each(void *element, void *data) {
    Count *count = data;
    count->seen++;
    if (count->each) count->each(element, count->data);
}

uint64_t dict_scan_some(const Dict *d, uint64_t cursor, size_t count,
                        void (*each)(void *element, void *data), void *data) {
    Count seen = {.each = each, .data = data};
    size_t buckets_left = count <= SIZE_MAX / 10 ? count * 10 : SIZE_MAX;
    do {
        cursor = table_scan(&d->table, cursor, count_each, &seen);
    } while (cursor && seen.seen < count && buckets_left--);
    return cursor;
}

/* ---- moving ---------------------------------------------------------------------------------- */

static void *move_element(void *element, void *data) {
    (void)data;
    return ds_move(element);
}

void dict_defragment(Dict *d, bool elements, uint64_t *cursor) {
    uint64_t at = cursor ? *cursor : 0;
    do {
        at = table_move(&d->table, at, elements ? move_element : NULL, NULL);
    } while (at && (!cursor || !ds_move_over()));
    if (cursor) *cursor = at;
}

/* ---- at random ------------------------------------------------------------------------------- */

/* Elements of a bucket's chain, and its `n`th one. */
static unsigned chain_count(const Bucket *b) {
    unsigned n = 0;
    for (; b; b = bucket_next(b)) {
        n += BUCKET_PLACES - b->chained - (unsigned)__builtin_popcount(bucket_match(b, 0));
    }
    return n;
}

static void *chain_at(Bucket *b, unsigned n, Place *place) {
    for (; b; b = bucket_next(b)) {
        for (unsigned i = 0; i < BUCKET_PLACES - b->chained; i++) {
            if (!b->tags[i] || n--) continue;
            *place = (Place){b, i};
            return bucket_element(b, i);
        }
    }
    return NULL;
}

/* The bucket of a hash, and for how many hashes it stands, counted in buckets of the finer of the two
 * arrays while resizing. A bucket of the coarser one stands for several; when it is being filled from
 * the finer one (shrinking), for those only that were moved. */
static Bucket *bucket_share(const Table *t, uint64_t hash, unsigned finest, uint64_t *share) {
    uint64_t in_old = t->old && t->old_bits ? hash >> (64 - t->old_bits) : 0;
    if (t->old && in_old >= t->moved) {
        *share = (uint64_t)1 << (finest - t->old_bits);
        return &t->old[in_old];
    }
    uint64_t i = hash >> (64 - t->bits);
    *share = (uint64_t)1 << (finest - t->bits);
    if (t->old && finest > t->bits) {
        uint64_t moved = t->moved - (i << (finest - t->bits));
        if (moved < *share) *share = moved;
    }
    return &t->buckets[i];
}

/* A bucket is drawn by a random hash, so each with the share of hashes that it stands for, and one of
 * its chain's n elements is taken with probability n / (limit * share): each element is equally
 * likely wherever it is. The limit is above any length that a chain has at this load but with a
 * probability of 1 in a million; chains are longer only with chosen hashes. When nearly all buckets
 * are empty (many removals while resizing is paused) draws would go on for long, so after a while the
 * first element behind a random bucket is taken. */
void *dict_random(const Dict *d, Place *place) {
    enum { DRAWS = 2000 };
    const Table *t = &d->table;
    if (t->used == 0) return NULL;
    unsigned finest = t->old && t->old_bits > t->bits ? t->old_bits : t->bits;
    uint64_t limit = 8 + 2 * (t->used >> finest), share;
    for (int draw = 0; draw < DRAWS; draw++) {
        Bucket *b = bucket_share(t, keel_random(), finest, &share);
        unsigned n = chain_count(b);
        uint64_t chosen = keel_random_below(limit * share > n ? limit * share : n);
        if (chosen < n) return chain_at(b, (unsigned)chosen, place);
    }
    for (uint64_t hash = keel_random();; hash += UINT64_MAX >> finest) {
        Bucket *b = bucket_share(t, hash, finest, &share);
        unsigned n = chain_count(b);
        if (n) return chain_at(b, (unsigned)keel_random_below(n), place);
    }
}
