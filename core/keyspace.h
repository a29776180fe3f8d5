/* keyspace.h - databases, and what happens around every look at a key. */
#ifndef CORE_KEYSPACE_H
#define CORE_KEYSPACE_H

#include "ctx.h"
#include "table.h"
#include "type.h"

typedef struct Db {
    Table keys;
    Table expiring;          /* the same entries, those with ENTRY_EXPIRES only */
    int id;
    bool staged;             /* of the set that no client sees: see stage.c */
    uint64_t sweep;          /* cursor of the background expiry */
    int64_t ttl_sum, ttl_n;  /* samples for keel_db_mean_ttl() */
    uint64_t by_type[256];   /* keys of each type */
} Db;

extern Db *dbs;
extern int db_count;
extern Db *stage_dbs;        /* the second set; NULL: there is none */

/* The set of databases that a context works on. */
static inline Db *dbs_of(const KeelCtx *c) {
    return __builtin_expect(c->db->staged, 0) ? stage_dbs : dbs;
}

/* A hash that prefetching computed for an argument. */
typedef struct KeyMemo {
    KeelStr name;
    uint64_t hash;
} KeyMemo;

/* Milliseconds and microseconds since 1970, read once a turn. */
extern int64_t now_ms, now_us;
/* This second's access clock, 24 bits; for the frequency clock, minutes. */
extern uint32_t access_now;
void clock_update(void);

extern bool expire_on_access, expire_in_background, expire_by_writers;

void keyspace_init(int databases);
void keyspace_set_databases(int databases);
/* Empty tables. */
void db_init(Db *db, int id);
/* Empties one and returns how many keys it had. Told to nobody. */
uint64_t db_empty(Db *db, bool lazy);
/* Exchanges what two have in them. Who has handles finds by name what is there now. */
void db_exchange(Db *a, Db *b);

static inline bool entry_expired(const Entry *e) {
    return (e->bits & ENTRY_EXPIRES) && entry_expiry(e) < now_ms;
}

/* What an entry held, kept until it is safe to free. */
typedef struct OldValue {
    uint8_t type;
    KeelForm form;
    void *ptr;         /* NULL: bytes inside the entry */
    Entry *entry;      /* the entry itself, when it was replaced */
    size_t entry_size; /* as it was allocated */
} OldValue;
static inline OldValue entry_old_value(const Entry *e) {
    KeelForm form = entry_form(e);
    return (OldValue){e->type, form, form >= KEEL_FORM_BUFFER ? entry_pointer(e) : NULL,
                      NULL, 0};
}
/* Frees it; large values on the background thread when `lazy`. */
void value_free(int db, KeelStr name, OldValue old, bool lazy);
/* The value behind an entry as type callbacks take it. */
void entry_view(const Entry *e, int db, KeelValue *out);
size_t entry_memory(const Entry *e, int db, size_t samples);

/* Sets a new entry's access clock. */
void entry_start_clock(Entry *e);
/* Makes `key` current again after entries moved. */
void key_refresh(KeelKey *key);
/* Removes the key's entry and tells who wants to know. */
void key_remove(KeelKey *key, KeelCause cause, bool lazy);
/* Removes one that has expired: journal and events included. */
void key_expire(KeelKey *key);

static inline Db *key_db(const KeelKey *key) {
    return key->db_;
}
static inline Entry *key_entry(const KeelKey *key) {
    return key->entry_;
}
static inline Place key_place(const KeelKey *key) {
    uintptr_t p = (uintptr_t)key->place_;
    return (Place){(Bucket *)(p & ~(uintptr_t)63), (unsigned)(p & 63)};
}
static inline void key_set_place(KeelKey *key, Place place) {
    key->place_ = (void *)((uintptr_t)place.bucket | place.index);
    key->stamp_ = key_db(key)->keys.stamp;
}
static inline void key_check(KeelKey *key) {
    if (__builtin_expect(key->stamp_ != key_db(key)->keys.stamp, 0)) key_refresh(key);
}
/* An API function that only reads still must see changes made through other handles. */
static inline const KeelKey *key_current(const KeelKey *key) {
    key_check((KeelKey *)(uintptr_t)key);
    return key;
}

/* Keys of a type in all databases. */
uint64_t keyspace_count_type(uint8_t type);
/* Background expiry: up to `budget_us` of work. */
void expire_cycle(int64_t budget_us);
/* A little resizing and shrinking between turns. */
void keyspace_cron(void);

#endif
