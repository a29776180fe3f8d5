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

void dict_remove(Dict *d, uint64_t hash, Place place) {
    table_remove(&d->table, hash, place);
    if (d->table.old && !ds_resize_paused()) {
        table_resize_step(&d->table, 2);
    } else if ((d->table.used & 31) == 0) {
        table_maybe_shrink(&d->table);
    }
}

/* ---- walks ----------------------------------------------------------------------------------- */

void dict_walk(DictWalk *w, const Dict *d) {
    const Table *t = &d->table;
    *w = (DictWalk){.table = t, .bucket = t->old ? t->old : t->buckets, .in_old = t->old != NULL};
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

/* Buckets are drawn at random and one of a chain's n elements is taken with probability n / LIMIT, so
 * that elements of full and of nearly empty buckets are equally likely. A chain is longer than LIMIT
 * only with chosen hashes or while resizing waits for a fork child. When nearly all buckets are empty
 * (many removals in a row) draws would go on for long, so after a while the walk from a random
 * bucket decides. */
void *dict_random(const Dict *d, Place *place) {
    enum { LIMIT = 32, DRAWS = 2000 };
    const Table *t = &d->table;
    if (t->used == 0) return NULL;
    uint64_t old_left = t->old ? ((uint64_t)1 << t->old_bits) - t->moved : 0;
    uint64_t buckets = ((uint64_t)1 << t->bits) + old_left;
    Bucket *b = NULL;
    for (int draw = 0; draw < DRAWS; draw++) {
        uint64_t i = keel_random_below(buckets);
        b = i < old_left ? &t->old[t->moved + i] : &t->buckets[i - old_left];
        unsigned n = chain_count(b);
        unsigned chosen = (unsigned)keel_random_below(n > LIMIT ? n : LIMIT);
        if (chosen < n) return chain_at(b, chosen, place);
    }
    for (uint64_t i = keel_random_below(buckets);; i = i + 1 < buckets ? i + 1 : 0) {
        b = i < old_left ? &t->old[t->moved + i] : &t->buckets[i - old_left];
        unsigned n = chain_count(b);
        if (n) return chain_at(b, (unsigned)keel_random_below(n), place);
    }
}
