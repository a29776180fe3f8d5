/* pool.c - which key goes next.
 *
 * Nothing orders keys by use: that would cost every access a write. Instead, each removal looks
 * at a few keys beside each other in the table, at a random place of it, and remembers the best of
 * all it has seen so far in a pool of 16. Neighbours in hash order have nothing else in common, so
 * they are as good a sample as any, and one bucket has most of them.
 *
 * A key in the pool may have been used since, removed, or given another expiry. It is judged
 * again before it goes, and is dropped from the pool when it is worth more now. */
#include "eviction.h"

#include <string.h>

enum { POOL_SIZE = 16, NAME_ROOM = 128, QUIETLY = KEEL_KEY_WRITE | KEEL_KEY_NO_TOUCH |
       KEEL_KEY_NO_STATS | KEEL_KEY_EXPIRED_TOO };

/* The one whose score is highest goes first. */
typedef struct Candidate {
    uint64_t score;
    int db;
    uint32_t len;
    char *name; /* `few`, or a block of its own */
    char few[NAME_ROOM];
} Candidate;

static Candidate pool[POOL_SIZE];
static uint8_t order[POOL_SIZE]; /* indices of pool, by rising score; those past `count` are free */
static unsigned count;

static void candidate_free(Candidate *k) {
    if (k->name != k->few) keel_free(k->name);
    k->name = NULL;
}

void pool_clear(void) {
    for (unsigned i = 0; i < count; i++) candidate_free(&pool[order[i]]);
    for (unsigned i = 0; i < POOL_SIZE; i++) order[i] = (uint8_t)i;
    count = 0;
}

/* --- scores ----------------------------------------------------------------------------------- */

static uint64_t score_of(const KeelSeen *seen) {
    switch (evict_policy & EVICT_JUDGE) {
    case EVICT_LRU: return (uint64_t)keel_seen_idle(seen);
    case EVICT_LFU: return 255 - (uint64_t)keel_seen_freq(seen);
    case EVICT_RANDOM: return keel_random();
    default: return UINT64_MAX - (uint64_t)seen->expiry; /* the sooner it expires the better */
    }
}

static uint64_t score_again(const KeelKey *key) {
    switch (evict_policy & EVICT_JUDGE) {
    case EVICT_LRU: return (uint64_t)keel_key_idle(key);
    case EVICT_LFU: return 255 - (uint64_t)keel_key_freq(key);
    case EVICT_RANDOM: return UINT64_MAX; /* it is as good as any */
    default: return UINT64_MAX - (uint64_t)keel_key_expiry(key);
    }
}

/* Puts a key at its place, unless 16 better ones are known. */
static void pool_add(int db, KeelStr name, uint64_t score) {
    if (count == POOL_SIZE) {
        if (score <= pool[order[0]].score) return;
        uint8_t worst = order[0];
        candidate_free(&pool[worst]);
        memmove(order, order + 1, POOL_SIZE - 1);
        order[POOL_SIZE - 1] = worst;
        count--;
    }
    uint8_t free = order[count];
    unsigned at = count;
    for (; at > 0 && pool[order[at - 1]].score >= score; at--) order[at] = order[at - 1];
    order[at] = free;
    count++;
    Candidate *k = &pool[free];
    k->score = score;
    k->db = db;
    k->len = (uint32_t)name.len;
    k->name = name.len <= NAME_ROOM ? k->few : keel_alloc(name.len);
    memcpy(k->name, name.ptr, name.len);
}

/* --- samples ---------------------------------------------------------------------------------- */

typedef struct Sample {
    int db;
    size_t seen;
} Sample;

static void look(const KeelSeen *seen, void *data) {
    Sample *sample = data;
    sample->seen++;
    pool_add(sample->db, seen->name, score_of(seen));
}

/* Where the next two samples of a database will be taken: what they read is on its way from memory
 * while commands run. */
enum { AHEAD_DBS = 16 };
static uint64_t ahead[AHEAD_DBS][2];

static uint64_t next_place(int db, bool expiring) {
    uint64_t fresh = keel_random() >> 16; /* cursors have 48 bits */
    if (db >= AHEAD_DBS) return fresh;
    uint64_t place = ahead[db][0];
    ahead[db][0] = ahead[db][1];
    ahead[db][1] = fresh;
    keel_db_scan_ahead(db, expiring, ahead[db][1], false);
    keel_db_scan_ahead(db, expiring, ahead[db][0], true);
    return place;
}

/* A walk that comes to the table's end goes on at its beginning; one round over a small table shows
 * all of it. */
static void sample_db(int db, bool expiring) {
    Sample sample = {.db = db};
    size_t wanted = (size_t)evict_samples;
    uint64_t (*scan)(int, uint64_t, size_t, void (*)(const KeelSeen *, void *), void *) =
        expiring ? keel_db_scan_expiring : keel_db_scan;
    uint64_t next = scan(db, next_place(db, expiring), wanted, look, &sample);
    while (sample.seen < wanted) {
        bool round = next == 0;
        next = scan(db, next, wanted - sample.seen, look, &sample);
        if (round && next == 0) break;
    }
}

/* False: there is nothing to sample anywhere. */
static bool sample_all(bool expiring) {
    bool any = false;
    for (int db = 0, n = keel_db_count(); db < n; db++) {
        if (!(expiring ? keel_db_expiring(db) : keel_db_size(db))) continue;
        sample_db(db, expiring);
        any = true;
    }
    return any;
}

/* --- the one that goes ------------------------------------------------------------------------ */

/* Takes the best candidate out of the pool. True: it is still there, and still as good. */
static bool pool_take(KeelCtx *c, bool expiring, KeelKey *key) {
    Candidate *k = &pool[order[--count]];
    return keel_key_open_in(c, k->db, (KeelStr){k->name, k->len}, QUIETLY, key) &&
           !(expiring && keel_key_expiry(key) == KEEL_NO_EXPIRY) && score_again(key) >= k->score;
}

/* For a choice at random the pool is a stock: it need not be better than what comes next. */
bool pool_evict(KeelCtx *c, bool lazy) {
    bool expiring = evict_policy & EVICT_VOLATILE;
    bool stock = (evict_policy & EVICT_JUDGE) == EVICT_RANDOM && count;
    KeelKey key;
    while (stock || sample_all(expiring)) {
        stock = false;
        while (count) {
            Candidate *k = &pool[order[count - 1]];
            bool gone = pool_take(c, expiring, &key) && keel_key_evict(&key, lazy);
            candidate_free(k);
            if (gone) return true;
        }
    }
    return false;
}
