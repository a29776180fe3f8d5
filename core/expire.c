/* expire.c - the background sweep for keys that are past their time.
 *
 * Every database has a second table of the keys that expire. The sweep walks it bucket by bucket,
 * round after round, removing what is due: as often as the timer lets it while it finds much, and
 * never longer than its budget at a time. A key whose time came is thus gone after one round at the
 * latest, and a lookup before that does not see it. */
#include "config.h"
#include "journal.h"
#include "keyspace.h"
#include "loop.h"
#include "stats.h"

#include <keel/log.h>

enum { DUE_MAX = 256, BUCKETS_PER_LOOK = 16 };

typedef struct Sweep {
    Entry *due[DUE_MAX];
    size_t count, seen;
    Db *db;
} Sweep;

static void look(void *element, void *data) {
    Entry *e = element;
    Sweep *sweep = data;
    sweep->seen++;
    int64_t left = entry_expiry(e) - now_ms;
    if (left >= 0) { /* the key lives through its last millisecond, as entry_expired() has it */
        if (__builtin_add_overflow(sweep->db->ttl_sum, left, &sweep->db->ttl_sum)) {
            sweep->db->ttl_sum = INT64_MAX; /* somebody means "for ever" */
        }
        sweep->db->ttl_n++;
    } else if (sweep->count < DUE_MAX) {
        sweep->due[sweep->count++] = e;
    }
}

static void remove_due(KeelCtx *c, Sweep *sweep) {
    c->db = sweep->db;
    for (size_t i = 0; i < sweep->count; i++) {
        KeelKey key;
        KeelStr name = entry_name(sweep->due[i]);
        if (keel_key_open(c, name, KEEL_KEY_WRITE | KEEL_KEY_NO_TOUCH | KEEL_KEY_EXPIRED_TOO, &key)) {
            key_expire(&key);
        }
    }
}

/* One database: until it was walked once, or `until_ns`. True: it was walked to its end. */
static bool sweep_db(KeelCtx *c, Db *db, int64_t until_ns, uint64_t *removed) {
    Sweep sweep = {.db = db};
    for (unsigned i = 0;; i++) {
        sweep.count = 0;
        db->sweep = table_scan(&db->expiring, db->sweep, look, &sweep);
        if (sweep.count) {
            remove_due(c, &sweep);
            *removed += sweep.count;
        }
        if (!db->sweep) return true;
        if (i % BUCKETS_PER_LOOK == 0 && keel_monotonic_ns() > until_ns) return false;
    }
}

void expire_cycle(int64_t budget_us) {
    static int next_db;
    if (!expire_in_background || !expire_on_access || config_loading) return;
    int64_t start = keel_monotonic_ns(), until = start + budget_us * 1000;
    uint64_t removed = 0;
    KeelCtx c;
    ctx_init(&c);
    for (int i = 0; i < db_count; i++) {
        Db *db = &dbs[next_db];
        if (db->expiring.used) {
            if (db->ttl_n > 1000000) {
                db->ttl_sum /= 2;
                db->ttl_n /= 2;
            }
            if (!sweep_db(&c, db, until, &removed)) {
                stats.expired_time_cap++;
                break;
            }
        }
        next_db = (next_db + 1) % db_count;
        if (keel_monotonic_ns() > until) break;
    }
    int64_t took = keel_monotonic_ns() - start;
    stats.expire_cycle_us += (uint64_t)took / 1000;
    ctx_done(&c);
    keel_latency_add("expire-cycle", took);
}

bool keel_expire_background(bool on) {
    bool before = expire_in_background;
    expire_in_background = on;
    return before;
}

void keel_expire_on_access(bool on) {
    static int reasons_against;
    reasons_against += on ? -1 : 1;
    KEEL_ASSERT(reasons_against >= 0);
    expire_on_access = reasons_against == 0;
}

void keel_expire_by_writers(bool on) {
    expire_by_writers = on;
}

bool keel_key_expire(KeelKey *key) {
    int64_t expiry = keel_key_expiry(key);
    if (expiry == KEEL_NO_EXPIRY || expiry >= now_ms) return false;
    key_expire(key);
    return true;
}

bool keel_expires_on_access(void) {
    return expire_on_access && !config_loading;
}
