/* watch.c - the keys that clients watch, and who hears of their changes.
 *
 * A hash by (database, key) has a list of watches per key; each watch is also in the list of its
 * client. A change costs one look into the hash, and nothing while no key is watched, because the
 * hooks are off then. A client whose key changed is told by a flag and loses all its watches at
 * once: its next EXEC cannot succeed whatever else changes.
 *
 * A key past its time that is still there when WATCH sees it counts as missing: its removal is no
 * change. What makes it exist again is one. */
#include "transactions.h"

#include <string.h>

typedef struct Watched {
    struct Watched *next;  /* of the same bucket */
    struct Watch *watches;
    uint64_t hash;
    int db;
    size_t len;
    char name[];
} Watched;

typedef struct Watch {
    Watched *key;
    Transaction *owner;
    struct Watch *next_of_key, **link; /* link: what points here in the key's list */
    struct Watch *next_of_client;
    bool expired;          /* it was past its time as WATCH came, or after a SWAPDB */
} Watch;

enum { BUCKETS_MIN = 16 };

static Watched *few_buckets[BUCKETS_MIN];  /* so that a lone WATCH allocates no table */
static Watched **buckets = few_buckets;
static size_t bucket_count = BUCKETS_MIN, watched_count;
static Transaction *doomed; /* told of a change, their watches yet to be removed */

/* --- looking without touching ----------------------------------------------------------------- */

enum { PEEK = KEEL_KEY_READ | KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS };

/* Whether there is an entry, be it past its time or not. */
static bool key_present(KeelCtx *c, int db, KeelStr name, KeelKey *key) {
    return keel_key_open_in(c, db, name, PEEK | KEEL_KEY_EXPIRED_TOO, key);
}

static bool key_expired(KeelCtx *c, int db, KeelStr name) {
    KeelKey key;
    if (!key_present(c, db, name, &key) || keel_key_expiry(&key) == KEEL_NO_EXPIRY) return false;
    return !keel_key_open_in(c, db, name, PEEK | KEEL_KEY_NO_EXPIRE, &key);
}

static KeelStr watched_name(const Watched *w) {
    return (KeelStr){w->name, w->len};
}

/* --- the hash --------------------------------------------------------------------------------- */

static uint64_t hash_of(int db, KeelStr name) {
    return keel_hash(name.ptr, name.len) + (uint64_t)db * 0x9E3779B97F4A7C15ull;
}

static Watched *watched_find(int db, KeelStr name, uint64_t hash) {
    for (Watched *w = buckets[hash & (bucket_count - 1)]; w; w = w->next) {
        if (w->hash == hash && w->db == db && keel_equal(watched_name(w), name)) return w;
    }
    return NULL;
}

void watch_arm_hooks(bool on) {
    keel_hook_arm(KEEL_EVENT_KEY_CHANGED, watch_key_changed, on);
    keel_hook_arm(KEEL_EVENT_KEY_REMOVED, watch_key_removed, on);
    keel_hook_arm(KEEL_EVENT_FLUSH, watch_flush, on);
    keel_hook_arm(KEEL_EVENT_SWAP, watch_swap, on);
}

static void buckets_grow(void) {
    size_t old_count = bucket_count;
    Watched **old = buckets;
    bucket_count = old_count * 2;
    buckets = keel_zalloc(bucket_count * sizeof(*buckets));
    for (size_t i = 0; i < old_count; i++) {
        for (Watched *w = old[i], *next; w; w = next) {
            next = w->next;
            w->next = buckets[w->hash & (bucket_count - 1)];
            buckets[w->hash & (bucket_count - 1)] = w;
        }
    }
    if (old == few_buckets) memset(few_buckets, 0, sizeof(few_buckets));
    else keel_free(old);
}

static Watched *watched_add(int db, KeelStr name, uint64_t hash) {
    if (watched_count == 0) watch_arm_hooks(true);
    if (watched_count == bucket_count) buckets_grow();
    Watched *w = keel_alloc(sizeof(*w) + name.len + 1);
    *w = (Watched){.hash = hash, .db = db, .len = name.len};
    memcpy(w->name, name.ptr, name.len);
    w->name[name.len] = '\0';
    w->next = buckets[hash & (bucket_count - 1)];
    buckets[hash & (bucket_count - 1)] = w;
    watched_count++;
    return w;
}

/* With the last one goes the table, which may have grown large. */
static void watched_remove(Watched *w) {
    Watched **at = &buckets[w->hash & (bucket_count - 1)];
    while (*at != w) at = &(*at)->next;
    *at = w->next;
    keel_free(w);
    if (--watched_count) return;
    watch_arm_hooks(false);
    if (buckets == few_buckets) return;
    keel_free(buckets);
    buckets = few_buckets;
    bucket_count = BUCKETS_MIN;
}

/* --- a client's watches ----------------------------------------------------------------------- */

/* One of the two lists is short in most cases: both are walked at once until one ends. */
static bool already_watched(const Transaction *t, const Watched *key) {
    const Watch *of_key = key->watches, *of_client = t->watches;
    for (; of_key && of_client;
         of_key = of_key->next_of_key, of_client = of_client->next_of_client) {
        if (of_key->owner == t || of_client->key == key) return true;
    }
    return false;
}

static int64_t watch_cost(const Watched *key) {
    return (int64_t)(keel_mem_class(sizeof(Watch)) +
                     keel_mem_class(sizeof(Watched) + key->len + 1));
}

static void add_bytes(Transaction *t, int64_t bytes) {
    t->watch_bytes += bytes;
    keel_client_add_memory(t->client, bytes);
}

void watch_add(KeelCtx *c, Transaction *t, KeelStr name) {
    int db = keel_db(c);
    uint64_t hash = hash_of(db, name);
    Watched *key = watched_find(db, name, hash);
    if (key && already_watched(t, key)) return;
    if (!key) key = watched_add(db, name, hash);
    Watch *w = keel_alloc(sizeof(*w));
    *w = (Watch){.key = key, .owner = t, .expired = key_expired(c, db, name)};
    w->next_of_key = key->watches;
    w->link = &key->watches;
    if (w->next_of_key) w->next_of_key->link = &w->next_of_key;
    key->watches = w;
    w->next_of_client = t->watches;
    t->watches = w;
    add_bytes(t, watch_cost(key));
}

void watch_remove_all(Transaction *t) {
    for (Watch *w = t->watches, *next; w; w = next) {
        next = w->next_of_client;
        *w->link = w->next_of_key;
        if (w->next_of_key) w->next_of_key->link = w->link;
        if (!w->key->watches) watched_remove(w->key);
        keel_free(w);
    }
    t->watches = NULL;
    if (t->watch_bytes) add_bytes(t, -t->watch_bytes);
}

bool watch_any_expired(KeelCtx *c, const Transaction *t) {
    for (const Watch *w = t->watches; w; w = w->next_of_client) {
        if (!w->expired && key_expired(c, w->key->db, watched_name(w->key))) return true;
    }
    return false;
}

/* --- changes ---------------------------------------------------------------------------------- */

/* The watches go later: whoever calls this walks lists that they are in. */
static void doom(Transaction *t) {
    if (keel_client_flags(t->client) & KEEL_CF_DIRTY_CAS) return;
    keel_client_set_flags(t->client, KEEL_CF_DIRTY_CAS, 0);
    t->next_doomed = doomed;
    doomed = t;
}

static void reap_doomed(void) {
    while (doomed) {
        Transaction *t = doomed;
        doomed = t->next_doomed;
        watch_remove_all(t);
    }
}

/* `gone`: afterwards the key is missing, which changes nothing for who saw it expired. */
static void touch(Watched *key, bool gone) {
    for (Watch *w = key->watches; w; w = w->next_of_key) {
        if (w->expired && gone) {
            w->expired = false;
        } else {
            doom(w->owner);
        }
    }
}

void watch_key_changed(KeelCtx *c, const void *data) {
    const KeelKeyEvent *event = data;
    KeelKey found;
    Watched *key = watched_find(event->db, event->name, hash_of(event->db, event->name));
    if (!key) return;
    bool any_expired = false;
    for (const Watch *w = key->watches; w && !any_expired; w = w->next_of_key) {
        any_expired = w->expired;
    }
    touch(key, any_expired && !key_present(c, key->db, watched_name(key), &found));
    reap_doomed();
}

/* Deletions and overwrites are followed by a change; an eviction may be all that is told. */
void watch_key_removed(KeelCtx *c, const void *data) {
    const KeelKeyEvent *event = data;
    (void)c;
    if (event->cause != KEEL_EVICTED) return;
    Watched *key = watched_find(event->db, event->name, hash_of(event->db, event->name));
    if (!key) return;
    touch(key, true);
    reap_doomed();
}

/* Another dataset is in the place of the one that a key was, or was not, in. Those who saw it alive
 * were told before. */
static void replaced(KeelCtx *c, Watched *key) {
    KeelKey found;
    KeelStr name = watched_name(key);
    bool now = key_present(c, key->db, name, &found);
    bool expired_now = now && key_expired(c, key->db, name);
    for (Watch *w = key->watches; w; w = w->next_of_key) {
        if (now && !expired_now) doom(w->owner);
        else w->expired = expired_now;
    }
}

static void doom_who_saw(Watched *key) {
    for (Watch *w = key->watches; w; w = w->next_of_key) {
        if (!w->expired) doom(w->owner);
    }
}

/* Told before, as what is there now is about to go; and afterwards. */
void watch_flush(KeelCtx *c, const void *data) {
    const KeelFlushEvent *event = data;
    KeelKey found;
    if (event->phase != KEEL_BEFORE && !event->replaced) return;
    for (size_t i = 0; i < bucket_count; i++) {
        for (Watched *key = buckets[i]; key; key = key->next) {
            if (event->db >= 0 && event->db != key->db) continue;
            if (event->phase != KEEL_BEFORE) replaced(c, key);
            else if (!key_present(c, key->db, watched_name(key), &found)) continue;
            else if (event->replaced) doom_who_saw(key);
            else touch(key, true);
        }
    }
    reap_doomed();
}

/* One key whose database `key->db` now has what `other` had, and the other way round. */
static void swapped(KeelCtx *c, Watched *key, int other) {
    KeelKey found;
    KeelStr name = watched_name(key);
    bool before = key_present(c, other, name, &found), now = key_present(c, key->db, name, &found);
    if (!before && !now) return;
    bool expired_now = now && key_expired(c, key->db, name);
    for (Watch *w = key->watches; w; w = w->next_of_key) {
        if (w->expired && !now) {
            w->expired = false;
        } else if (w->expired && expired_now) {
            continue;
        } else if (!w->expired && !before && expired_now) {
            w->expired = true;
        } else {
            doom(w->owner);
        }
    }
}

/* Told afterwards. */
void watch_swap(KeelCtx *c, const void *data) {
    const KeelSwapEvent *event = data;
    for (size_t i = 0; i < bucket_count; i++) {
        for (Watched *key = buckets[i]; key; key = key->next) {
            if (key->db == event->a) swapped(c, key, event->b);
            else if (key->db == event->b) swapped(c, key, event->a);
        }
    }
    reap_doomed();
}
