/* keyspace.c - databases, lookups, access clocks and the signals around them.
 *
 * A lookup costs the bucket's line and the entry's line; dispatch has usually fetched both, and
 * computed the hash, before the handler runs (see dispatch.c). Expired keys are removed by the
 * lookup that meets them, or by the background sweep of expire.c, whichever is first. */
#include "keyspace.h"

#include "client.h"
#include "config.h"
#include "crash.h"
#include "hook.h"
#include "journal.h"
#include "keyspec.h"
#include "stats.h"

#include <keel/log.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

Db *dbs;
int db_count;
int64_t now_ms, now_us;
uint32_t access_now;
bool expire_on_access = true, expire_in_background = true, expire_by_writers;

static bool clock_is_frequency;
static int frequency_log_factor = 10, frequency_decay = 1;
static uint32_t minutes_now;

void clock_update(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    now_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    now_ms = now_us / 1000;
    access_now = (uint32_t)t.tv_sec & 0xffffff;
    minutes_now = (uint32_t)(t.tv_sec / 60) & 0xffff;
}

int64_t keel_now_ms(void) {
    return now_ms;
}

int64_t keel_now_us(void) {
    return now_us;
}

int64_t keel_monotonic_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void keyspace_init(int databases) {
    clock_update();
    keyspace_set_databases(databases);
}

/* Called once before any key exists. */
void keyspace_set_databases(int databases) {
    db_count = databases;
    dbs = keel_zalloc((size_t)databases * sizeof(Db));
    for (int i = 0; i < databases; i++) db_init(&dbs[i], i);
}

/* ---- access clocks --------------------------------------------------------------------------- */

static inline uint32_t clock_get(const Entry *e) {
    uint32_t v; /* and the byte behind it */
    memcpy(&v, (const char *)e + offsetof(Entry, clock), 4);
    return v & 0xffffff;
}
static inline void clock_set(Entry *e, uint32_t v) {
    e->clock[0] = (uint8_t)v;
    e->clock[1] = (uint8_t)(v >> 8);
    e->clock[2] = (uint8_t)(v >> 16);
}

/* The frequency clock: minutes of the last decay in the top 16 bits, a logarithmic count below. */
static int frequency_now(const Entry *e) {
    uint32_t clock = clock_get(e);
    uint32_t elapsed = (minutes_now - (clock >> 8)) & 0xffff;
    int count = (int)(clock & 0xff);
    if (frequency_decay <= 0) return count;
    uint32_t periods = elapsed / (uint32_t)frequency_decay;
    return periods > (uint32_t)count ? 0 : count - (int)periods;
}

static void frequency_touch(Entry *e) {
    int count = frequency_now(e);
    if (count < 255) {
        int base = count > 5 ? count - 5 : 0; /* new keys start at 5 */
        double p = 1.0 / ((double)base * frequency_log_factor + 1);
        if ((double)(keel_random() >> 11) * 0x1p-53 < p) count++;
    }
    clock_set(e, minutes_now << 8 | (uint32_t)count);
}

static inline void entry_touch(Entry *e) {
    if (__builtin_expect(clock_is_frequency, 0)) {
        frequency_touch(e);
    } else if (clock_get(e) != access_now) {
        clock_set(e, access_now); /* only when it changes: a write costs a copied page in a fork */
    }
}

void entry_start_clock(Entry *e) {
    clock_set(e, clock_is_frequency ? minutes_now << 8 | 5 : access_now);
}

void keel_access_frequency(bool on, int log_factor, int decay_minutes) {
    clock_is_frequency = on;
    frequency_log_factor = log_factor;
    frequency_decay = decay_minutes;
}

static int64_t entry_idle(const Entry *e) {
    return clock_is_frequency ? -1 : (int64_t)((access_now - clock_get(e)) & 0xffffff);
}
static int entry_freq(const Entry *e) {
    return clock_is_frequency ? frequency_now(e) : -1;
}
int64_t keel_key_idle(const KeelKey *key) {
    return entry_idle(key_entry(key_current(key)));
}
int keel_key_freq(const KeelKey *key) {
    return entry_freq(key_entry(key_current(key)));
}
int64_t keel_seen_idle(const KeelSeen *seen) {
    return entry_idle(seen->entry_);
}
int keel_seen_freq(const KeelSeen *seen) {
    return entry_freq(seen->entry_);
}
void keel_key_set_idle(KeelKey *key, int64_t seconds) {
    key_check(key);
    if (clock_is_frequency) return;
    if (seconds > 0xffffff) seconds = 0xffffff;
    clock_set(key_entry(key), (access_now - (uint32_t)seconds) & 0xffffff);
}
void keel_key_set_freq(KeelKey *key, int freq) {
    key_check(key);
    if (clock_is_frequency) clock_set(key_entry(key), minutes_now << 8 | (uint32_t)(freq & 0xff));
}
void keel_key_touch(KeelKey *key) {
    key_check(key);
    if (key->entry_) entry_touch(key->entry_);
}

/* ---- signals --------------------------------------------------------------------------------- */

/* Nobody has seen the keys of a stage. */
static void tell_key(KeelKey *key, KeelEvent event, KeelCause cause, unsigned kind,
                     const char *name) {
    if (key_db(key)->staged) return;
    KeelKeyEvent e = {.db = key_db(key)->id, .name = key->name, .cause = cause, .kind = kind,
                      .event = name};
    hooks_call(key->ctx, event, &e);
}

void keel_key_notify(KeelKey *key, unsigned kind, const char *event) {
    if (hooks_notify_classes & kind) tell_key(key, KEEL_EVENT_NOTIFY, KEEL_MODIFIED, kind, event);
}

void keel_key_changed(KeelKey *key, unsigned kind, const char *event) {
    key->ctx->dirty++;
    stats.dirty++;
    if (__builtin_expect(hooks_count[KEEL_EVENT_KEY_CHANGED] != 0, 0)) {
        tell_key(key, KEEL_EVENT_KEY_CHANGED, KEEL_MODIFIED, kind, event);
    }
    if (event) keel_key_notify(key, kind, event);
}

uint64_t keel_dirty(void) {
    return stats.dirty;
}

void keel_dirty_add(KeelCtx *c, uint64_t n) {
    c->dirty += n;
    stats.dirty += n;
}

/* ---- lookup ---------------------------------------------------------------------------------- */

/* The hash of an argument, from prefetching when it was among those. */
static inline uint64_t hash_of(KeelCtx *c, KeelStr name) {
    for (const KeyMemo *m = c->memo; m < c->memo_end; m++) {
        if (m->name.ptr == name.ptr && m->name.len == name.len) {
            if (m == c->memo) c->memo++; /* handlers mostly go through their keys in order */
            return m->hash;
        }
    }
    return hash_bytes(name.ptr, name.len);
}

static bool open_expired(KeelKey *key) {
    if (key->mode & KEEL_KEY_EXPIRED_TOO || config_loading) return true;
    const KeelClient *client = key->ctx->client;
    if (client && client->kind == KEEL_CLIENT_PRIMARY) return true; /* it says when keys go */
    bool may_go = expire_on_access || (expire_by_writers && key->mode & KEEL_KEY_WRITE);
    if (may_go && !(key->mode & KEEL_KEY_NO_EXPIRE)) {
        key_expire(key);
    } else {
        key->entry_ = NULL;
        key->place_ = NULL;
    }
    return false;
}

#ifdef KEEL_DEBUG
/* A handler may open only the keys that its row gives for these arguments: what is checked before a
 * command runs must be what it touches. */
static void check_declared(KeelCtx *c, KeelStr name) {
    const KeelCommandRef *cmd = c->command;
    if (!cmd || crash_command != cmd || !c->argv) return; /* a gate, a timer */
    if (crash_module && crash_module != cmd->module) return; /* a hook of another module */
    /* Foreign modules were never asked to say all. */
    uint64_t free_to = KEEL_ADMIN | KEEL_TOUCHES_ARBITRARY_KEYS | KEEL_FOREIGN;
    if (keel_command_flags(cmd) & free_to) return;
    if (c->argc > 4096) return; /* each of n keys is looked for among n: enough is enough */
    for (int i = 0; i < cmd->spec_count; i++) {
        if (cmd->specs[i].begin == BEGIN_UNKNOWN) return; /* the row says that it cannot tell all */
    }
    int room = c->argc, n;
    KeelKeyUse *uses = keel_alloc((size_t)room * sizeof(*uses));
    n = keel_command_keys(cmd, c->argv, c->argc, uses, room);
    bool found = false;
    for (int i = 0; i < n && i < room && !found; i++) {
        found = keel_equal(c->argv[uses[i].position], name);
    }
    keel_free(uses);
    if (!found) {
        keel_panic(__FILE__, __LINE__, "module '%s': command '%s' opened the key '%.*s', which its "
                   "row does not declare", keel_command_module(cmd), keel_command_name(cmd),
                   (int)(name.len < 64 ? name.len : 64), name.ptr);
    }
}
#endif

static inline __attribute__((always_inline)) bool open_in(KeelCtx *c, Db *db, KeelStr name, unsigned mode, KeelKey *key) {
#ifdef KEEL_DEBUG
    check_declared(c, name);
#endif
    Place place;
    uint64_t hash = hash_of(c, name);
    Entry *e = table_find(&db->keys, hash, name, &place);
    key->ctx = c;
    key->name = name;
    key->db_ = db;
    key->hash_ = hash;
    key->entry_ = e;
    key->mode = mode;
    key_set_place(key, place);
    if (e && __builtin_expect((e->bits & ENTRY_EXPIRES) && entry_expired(e), 0)) {
        if (!open_expired(key)) e = NULL;
    }
    bool counted = !(mode & (KEEL_KEY_WRITE | KEEL_KEY_NO_STATS));
    if (e) {
        stats.keyspace_hits += counted;
        if (!(mode & KEEL_KEY_NO_TOUCH)) {
            const KeelClient *client = c->client;
            if (!client || !(client->flags & KEEL_CF_NO_TOUCH)) entry_touch(e);
        }
        return true;
    }
    if (counted) {
        stats.keyspace_misses++;
        keel_key_notify(key, KEEL_NOTIFY_MISS, "keymiss");
    }
    return false;
}

bool keel_key_open(KeelCtx *c, KeelStr name, unsigned mode, KeelKey *key) {
    return open_in(c, c->db, name, mode, key);
}

bool keel_key_open_in(KeelCtx *c, int db, KeelStr name, unsigned mode, KeelKey *key) {
    KEEL_ASSERT(db >= 0 && db < db_count);
    return open_in(c, &dbs_of(c)[db], name, mode, key);
}

int keel_key_db(const KeelKey *key) {
    return key_db(key)->id;
}

void key_refresh(KeelKey *key) {
    Place place;
    key->entry_ = table_find(&key_db(key)->keys, key->hash_, key->name, &place);
    key_set_place(key, place);
}

static __attribute__((noinline)) const KeelType *type_refreshed(KeelKey *key) {
    key_refresh(key);
    return keel_key_type(key);
}

const KeelType *keel_key_type(const KeelKey *key) {
    if (__builtin_expect(key->stamp_ != key_db(key)->keys.stamp, 0)) {
        return type_refreshed((KeelKey *)(uintptr_t)key);
    }
    return key->entry_ ? types[key_entry(key)->type].declared : NULL;
}

bool keel_key_is(const KeelKey *key, const KeelType *type) {
    key_current(key);
    return !key->entry_ || types[key_entry(key)->type].declared == type;
}

KeelForm keel_key_form(const KeelKey *key) {
    const Entry *e = key_entry(key_current(key));
    KEEL_ASSERT(e);
    return entry_form(e);
}

/* The entry of a key whose caller knows that it is there. */
static Entry *key_present(const KeelKey *key) {
    Entry *e = key_entry(key_current(key));
    KEEL_ASSERT(e != NULL);
    return e;
}

void *keel_key_value(const KeelKey *key) {
    return entry_pointer(key_present(key));
}

static inline __attribute__((always_inline)) KeelStr entry_bytes(const Entry *e, char scratch[KEEL_INT_ROOM]) {
    switch (entry_form(e)) {
    case KEEL_FORM_EMBEDDED:
        return (KeelStr){e->data + entry_value_offset(e), e->value_len};
    case KEEL_FORM_INT:
        return (KeelStr){scratch, keel_format_int(scratch, entry_int(e))};
    case KEEL_FORM_BUFFER: {
        const Buffer *b = entry_pointer(e);
        return (KeelStr){b->data, b->len};
    }
    default:
        return KEEL_LIT("");
    }
}

KeelStr keel_key_bytes(const KeelKey *key, char scratch[KEEL_INT_ROOM]) {
    return entry_bytes(key_present(key), scratch);
}

static __attribute__((noinline)) KeelStr bytes_of_any(const KeelKey *key, const KeelType *type,
                                                      char *scratch) {
    if (!keel_key_is(key, type) || !key->entry_) return (KeelStr){NULL, 0};
    return entry_bytes(key->entry_, scratch);
}

/* The common case calls nobody: a short value, no expiry, and nothing happened since the look-up. */
KeelStr keel_key_bytes_of(const KeelKey *key, const KeelType *type, char scratch[KEEL_INT_ROOM]) {
    const Entry *e = key->entry_;
    if (__builtin_expect(key->stamp_ == key_db(key)->keys.stamp && e && e->bits == KEEL_FORM_EMBEDDED &&
                             types[e->type].declared == type, 1)) {
        return (KeelStr){e->data + e->name_len, e->value_len};
    }
    return bytes_of_any(key, type, scratch);
}

size_t keel_key_bytes_len(const KeelKey *key) {
    char scratch[KEEL_INT_ROOM];
    return keel_key_bytes(key, scratch).len;
}

bool keel_key_int(const KeelKey *key, int64_t *out) {
    const Entry *e = key_present(key);
    if (entry_form(e) == KEEL_FORM_INT) {
        *out = entry_int(e);
        return true;
    }
    char scratch[KEEL_INT_ROOM];
    return keel_parse_int(entry_bytes(e, scratch), out);
}

void entry_view(const Entry *e, int db, KeelValue *out) {
    out->type = &types[e->type].type;
    out->name = entry_name(e);
    out->db = db;
    out->to = (KeelStr){NULL, 0};
    if (entry_form(e) == KEEL_FORM_VALUE) {
        out->ptr = entry_pointer(e);
        out->bytes = KEEL_LIT("");
    } else {
        out->ptr = out;
        out->bytes = entry_bytes(e, out->scratch);
    }
}

void keel_key_view(const KeelKey *key, KeelValue *out) {
    entry_view(key_present(key), key_db(key)->id, out);
}

int64_t keel_key_expiry(const KeelKey *key) {
    key_current(key);
    return key->entry_ ? entry_expiry(key->entry_) : KEEL_NO_EXPIRY;
}

size_t entry_memory(const Entry *e, int db, size_t samples) {
    size_t bytes = mem_class(entry_size(e)) + sizeof(Bucket) / BUCKET_PLACES;
    if (entry_form(e) == KEEL_FORM_BUFFER) {
        bytes += keel_mem_size(entry_pointer(e));
    } else if (entry_form(e) == KEEL_FORM_VALUE && types[e->type].type.memory) {
        KeelValue v;
        entry_view(e, db, &v);
        bytes += types[e->type].type.memory(&v, samples);
    }
    return bytes;
}

size_t keel_key_memory(const KeelKey *key, size_t samples) {
    return entry_memory(key_present(key), key_db(key)->id, samples);
}

