/* db.c - whole databases: sizes, walks, random keys, flushing, exchanging. */
#include "block.h"
#include "client.h"
#include "config.h"
#include "hook.h"
#include "journal.h"
#include "keyspace.h"
#include "stats.h"

#include <keel/log.h>
#include <keel/thread.h>
#include <stdio.h>

int keel_db_count(void) {
    return db_count;
}
uint64_t keel_db_size(int db) {
    return dbs[db].keys.used;
}
uint64_t keyspace_count_type(uint8_t type) {
    uint64_t n = 0;
    for (int i = 0; i < db_count; i++) {
        n += dbs[i].by_type[type];
        if (stage_dbs) n += stage_dbs[i].by_type[type];
    }
    return n;
}
uint64_t keel_db_expiring(int db) {
    return dbs[db].expiring.used;
}
int64_t keel_db_mean_ttl(int db) {
    return dbs[db].ttl_n && dbs[db].expiring.used ? dbs[db].ttl_sum / dbs[db].ttl_n : 0;
}

/* ---- walks ----------------------------------------------------------------------------------- */

typedef struct Walk {
    void (*each)(const KeelSeen *seen, void *data);
    void *data;
    size_t count;
    int db;
} Walk;

static KeelSeen seen_of(Entry *e, int db) {
    return (KeelSeen){.name = entry_name(e), .type = types[e->type].declared,
                      .expiry = entry_expiry(e), .entry_ = e, .db_ = db};
}

static void show(void *element, void *data) {
    Entry *e = element;
    Walk *walk = data;
    KeelSeen seen = seen_of(e, walk->db);
    walk->count++;
    walk->each(&seen, walk->data);
}

static uint64_t scan(int db, const Table *t, uint64_t cursor, size_t count,
                     void (*each)(const KeelSeen *seen, void *data), void *data) {
    Walk walk = {.each = each, .data = data, .db = db};
    /* Empty buckets count a little, so that a sparse table does not make one call long. */
    for (size_t steps = 0; walk.count < count && steps < count * 10; steps++) {
        cursor = table_scan(t, cursor, show, &walk);
        if (!cursor) break;
    }
    return cursor;
}

uint64_t keel_db_scan(int db, uint64_t cursor, size_t count,
                      void (*each)(const KeelSeen *seen, void *data), void *data) {
    return scan(db, &dbs[db].keys, cursor, count, each, data);
}

uint64_t keel_db_scan_expiring(int db, uint64_t cursor, size_t count,
                               void (*each)(const KeelSeen *seen, void *data), void *data) {
    return scan(db, &dbs[db].expiring, cursor, count, each, data);
}

void keel_db_scan_ahead(int db, bool expiring_only, uint64_t cursor, bool entries) {
    table_fetch(expiring_only ? &dbs[db].expiring : &dbs[db].keys, cursor, entries);
}

typedef struct Visit {
    bool (*each)(const KeelSeen *seen, void *data);
    void *data;
    bool stopped;
    int db;
} Visit;

static void visit(void *element, void *data) {
    Entry *e = element;
    Visit *v = data;
    KeelSeen seen = seen_of(e, v->db);
    if (!v->stopped && !v->each(&seen, v->data)) v->stopped = true;
}

bool keel_db_each(int db, bool (*each)(const KeelSeen *seen, void *data), void *data) {
    Visit v = {.each = each, .data = data, .db = db};
    uint64_t cursor = 0;
    do {
        cursor = table_scan(&dbs[db].keys, cursor, visit, &v);
    } while (cursor && !v.stopped);
    return !v.stopped;
}

void keel_seen_value(const KeelSeen *seen, KeelValue *out) {
    entry_view(seen->entry_, seen->db_, out);
}

size_t keel_seen_memory(const KeelSeen *seen, size_t samples) {
    return entry_memory(seen->entry_, seen->db_, samples);
}

typedef struct Pick {
    Entry *entry;
    uint64_t seen;
} Pick;

static void pick_one(void *element, void *data) {
    Entry *e = element;
    Pick *pick = data;
    if (keel_random_below(++pick->seen) == 0) pick->entry = e;
}

bool keel_db_random(int db, bool expiring_only, KeelSeen *out) {
    const Table *t = expiring_only ? &dbs[db].expiring : &dbs[db].keys;
    if (!t->used) return false;
    /* A bucket that holds n keys is taken with chance n / 16, so that every key has the same. */
    Pick pick;
    unsigned tries = 0;
    uint64_t position = 0;
    do {
        pick = (Pick){0};
        /* In a table that is nearly empty: from here on to the next key. */
        if (tries++ < 256) position = keel_random() >> TABLE_CURSOR_SHIFT;
        position = table_scan(t, position, pick_one, &pick);
    } while (!pick.entry || (tries < 256 && pick.seen < 16 && keel_random_below(16) >= pick.seen));
    *out = seen_of(pick.entry, db);
    return true;
}

void keel_db_reserve(KeelCtx *c, uint64_t keys) {
    uint64_t all;
    if (!__builtin_add_overflow(c->db->keys.used, keys, &all)) table_reserve(&c->db->keys, all);
}

size_t keel_db_stats_text(int db, char *out, size_t room) {
    const Table *t = &dbs[db].keys;
    int n = snprintf(out, room,
                     "[Dictionary HT]\nHash table 0 stats (main hash table):\n"
                     " table size: %llu\n number of elements: %llu\n overflow buckets: %llu\n"
                     " resizing: %s\n bytes: %zu\n"
                     "[Expires HT]\nHash table 0 stats (main hash table):\n table size: %llu\n"
                     " number of elements: %llu\n",
                     (unsigned long long)((uint64_t)BUCKET_PLACES << t->bits),
                     (unsigned long long)t->used, (unsigned long long)t->overflows,
                     t->old ? "yes" : "no", table_memory(t),
                     (unsigned long long)((uint64_t)BUCKET_PLACES << dbs[db].expiring.bits),
                     (unsigned long long)dbs[db].expiring.used);
    return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

/* ---- flushing -------------------------------------------------------------------------------- */

typedef struct Discard {
    Table keys, expiring;
} Discard;

static void free_one(void *element, void *data) {
    Entry *e = element;
    (void)data;
    if (entry_form(e) == KEEL_FORM_BUFFER) {
        buffer_free(entry_pointer(e));
    } else if (entry_form(e) == KEEL_FORM_VALUE && types[e->type].type.free) {
        types[e->type].type.free(entry_pointer(e));
    }
    entry_free(e);
}

static void discard_now(void *data) {
    Discard *d = data;
    uint64_t cursor = 0, n = d->keys.used;
    do {
        cursor = table_scan(&d->keys, cursor, free_one, NULL);
    } while (cursor);
    table_release(&d->keys);
    table_release(&d->expiring);
    keel_free(d);
    if (!mem_loop_thread) __atomic_fetch_add(&stats.lazy_freed, n, __ATOMIC_RELAXED);
}

void db_init(Db *db, int id) {
    db->id = id;
    table_init(&db->keys, entry_hash);
    table_init(&db->expiring, entry_hash);
}

uint64_t db_empty(Db *db, bool lazy) {
    uint64_t n = db->keys.used;
    if (!n) return 0;
    Discard *d = keel_alloc(sizeof(*d));
    d->keys = db->keys;
    d->expiring = db->expiring;
    uint64_t stamp = db->keys.stamp;
    table_init(&db->keys, entry_hash);
    table_init(&db->expiring, entry_hash);
    db->keys.stamp = stamp + 1;
    db->sweep = 0;
    db->ttl_sum = db->ttl_n = 0;
    memset(db->by_type, 0, sizeof(db->by_type));
    if (lazy) {
        keel_background(discard_now, d);
    } else {
        discard_now(d);
    }
    return n;
}

uint64_t keel_db_flush(KeelCtx *c, int db, bool lazy) {
    KeelFlushEvent event = {.db = db, .phase = KEEL_BEFORE, .lazy = lazy};
    hooks_call(c, KEEL_EVENT_FLUSH, &event);
    uint64_t n = 0;
    for (int i = 0; i < db_count; i++) {
        if (db < 0 || db == i) {
            n += db_empty(&dbs[i], lazy);
            block_key_gone(i, (KeelStr){NULL, 0});
        }
    }
    event.phase = KEEL_AFTER;
    hooks_call(c, KEEL_EVENT_FLUSH, &event);
    return n;
}

void db_exchange(Db *a, Db *b) {
    Db tmp = *a;
    uint64_t stamp = (a->keys.stamp > b->keys.stamp ? a->keys.stamp : b->keys.stamp) + 1;
    *a = *b;
    a->id = tmp.id;
    a->staged = tmp.staged;
    tmp.id = b->id;
    tmp.staged = b->staged;
    *b = tmp;
    a->keys.stamp = b->keys.stamp = stamp;
}

void keel_db_swap(KeelCtx *c, int a, int b) {
    if (a == b) return;
    db_exchange(&dbs[a], &dbs[b]);
    KeelSwapEvent event = {.a = a, .b = b};
    hooks_call(c, KEEL_EVENT_SWAP, &event);
    block_databases_swapped(a, b);
}

/* ---- resizing -------------------------------------------------------------------------------- */

static int resize_pauses;

void keel_resize_pause(void) {
    resize_pauses++;
}

bool keel_resize_paused(void) {
    return resize_pauses > 0;
}

void keel_resize_resume(void) {
    KEEL_ASSERT(resize_pauses > 0);
    resize_pauses--;
}

void keyspace_cron(void) {
    enum { BUCKETS = 2048 };
    for (int i = 0; i < db_count; i++) {
        Table *tables[2] = {&dbs[i].keys, &dbs[i].expiring};
        for (int t = 0; t < 2; t++) {
            table_maybe_shrink(tables[t]);
            if (!resize_pauses && settings.activerehashing) table_resize_step(tables[t], BUCKETS);
        }
    }
}
