/* retype.c - values whose types get new code: handed over as they are, or saved and loaded.
 *
 * An entry names its type by a slot's number, so handing over values that look the same in
 * memory to both codes is an exchange of what the slot says, however many there are. All others
 * are saved by the old code and loaded by the new one, each before any of them takes its place
 * in an entry: a value that fails leaves all as it was. Keys, expiries and access clocks are not
 * touched, and nobody is told of a change, because there is none. */
#include "retype.h"

#include "ctx.h"
#include "keyspace.h"
#include "loop.h"
#include "type.h"

#include <stdio.h>
#include <string.h>

enum { TYPES = sizeof(types) / sizeof(types[0]), NAME_SHOWN = 64 };

/* A value that was loaded and waits for its place. */
typedef struct Waiting {
    char *name;
    size_t len;
    int db;
    void *ptr;                /* NULL: not loaded yet */
    uint8_t to;               /* its new type's slot */
} Waiting;

struct Retype {
    const Module *old;
    uint8_t to[TYPES];        /* by the old type's slot; 0: not one of them */
    bool alike[TYPES];        /* its values are handed over */
    Waiting *values;
    size_t count, room;
};

/* ---- which type becomes which ---------------------------------------------------------------- */

static uint8_t slot_of_name(const Module *module, const char *name) {
    for (unsigned i = 1; i < TYPES; i++) {
        if (!types[i].declared || types[i].module != module) continue;
        if (strcmp(types[i].type.name, name) == 0) return (uint8_t)i;
    }
    return 0;
}

static bool look_alike(const KeelType *a, const KeelType *b) {
    return a->bytes ? b->bytes : !b->bytes && a->layout && a->layout == b->layout;
}

/* What the type in slot `i` becomes. 0, or -1 with a message. */
static int match(Retype *r, unsigned i, const Module *now, char *error, size_t room) {
    const KeelType *from = &types[i].type;
    uint64_t keys = keyspace_count_type((uint8_t)i);
    uint8_t to = slot_of_name(now, from->name);
    if (to) {
        const KeelType *into = &types[to].type;
        r->to[i] = to;
        r->alike[i] = look_alike(from, into);
        if (r->alike[i] || !keys) return 0;
        if (from->bytes || into->bytes) {
            snprintf(error, room, "only one of the two types '%s' is of bytes", from->name);
            return -1;
        }
        if (from->save && into->load) return 0;
        snprintf(error, room, "type '%s' has another layout and %s, and %llu keys have values of "
                 "it", from->name, from->save ? "the new one cannot load" : "the old one cannot save",
                 (unsigned long long)keys);
        return -1;
    }
    if (!keys) return 0;
    snprintf(error, room, "it has no type '%s', and %llu keys have values of it", from->name,
             (unsigned long long)keys);
    return -1;
}

/* ---- saving and loading ---------------------------------------------------------------------- */

/* Names first: what saves and loads may not find the tables in the middle of a walk. */
static bool gather(const KeelSeen *seen, void *data) {
    Retype *r = data;
    uint8_t slot = ((const Entry *)seen->entry_)->type;
    if (!r->to[slot] || r->alike[slot]) return true;
    if (r->count == r->room) {
        r->room = r->room ? r->room * 2 : 64;
        r->values = keel_realloc(r->values, r->room * sizeof(*r->values));
    }
    r->values[r->count++] = (Waiting){.name = keel_strdup(seen->name), .len = seen->name.len,
                                      .db = seen->db_, .to = r->to[slot]};
    return true;
}

/* The key of a waiting value, whether it has expired or not. False: it is not there any more. */
static bool open_key(KeelCtx *c, const Waiting *w, KeelKey *key) {
    unsigned mode = KEEL_KEY_WRITE | KEEL_KEY_EXPIRED_TOO | KEEL_KEY_NO_STATS | KEEL_KEY_NO_TOUCH;
    return keel_key_open_in(c, w->db, (KeelStr){w->name, w->len}, mode, key);
}

static int load_one(Waiting *w, KeelStr bytes, char *why, size_t room) {
    KeelMemorySource m;
    KeelValue v = {0};
    uint8_t opcode;
    keel_source_memory(&m, bytes);
    m.source.name = (KeelStr){w->name, w->len};
    m.source.db = w->db;
    int rc = keel_load_u8(&m.source, &opcode);
    if (rc == 0) rc = keel_load_value(&m.source, opcode, &v);
    if (rc == 1) {
        snprintf(why, room, "it is empty to the new code");
    } else if (rc != 0) {
        snprintf(why, room, "%s", m.source.reason);
    } else if (type_number(v.type) != w->to) {
        snprintf(why, room, "the new code takes it for another type");
        keel_value_free(&v);
    } else if (m.rest.len) {
        snprintf(why, room, "the new code leaves %zu bytes of it unread", m.rest.len);
        keel_value_free(&v);
    } else {
        w->ptr = v.ptr;
        return 0;
    }
    return -1;
}

static int convert(KeelCtx *c, Waiting *w, char *error, size_t room) {
    KeelKey key;
    KeelValue v;
    KeelMemorySink sink;
    char why[256] = "the old code cannot save it";
    if (!open_key(c, w, &key)) return 0;
    keel_sink_memory(&sink);
    keel_key_view(&key, &v);
    int rc = keel_save_value(&sink.sink, &v);
    if (rc == 0) rc = load_one(w, (KeelStr){sink.bytes, sink.len}, why, sizeof(why));
    keel_sink_free_memory(&sink);
    if (rc == 0) return 0;
    snprintf(error, room, "the value of key '%.*s' in database %d: %s",
             (int)(w->len < NAME_SHOWN ? w->len : NAME_SHOWN), w->name, w->db, why);
    return -1;
}

Retype *retype_prepare(const Module *old, const Module *now, char *error, size_t room) {
    Retype *r = keel_zalloc(sizeof(*r));
    KeelCtx c;
    int result = 0;
    bool any = false;
    r->old = old;
    for (unsigned i = 1; i < TYPES && result == 0; i++) {
        if (!types[i].declared || types[i].module != old) continue;
        result = match(r, i, now, error, room);
        any |= r->to[i] && !r->alike[i] && keyspace_count_type((uint8_t)i);
    }
    if (any && result == 0 && stage_dbs) {
        snprintf(error, room, "a dataset that has values of its types is being put together");
        result = -1;
    }
    ctx_init(&c);
    for (int db = 0; db < db_count && any && result == 0; db++) keel_db_each(db, gather, r);
    for (size_t i = 0; i < r->count && result == 0; i++) {
        result = convert(&c, &r->values[i], error, room);
    }
    ctx_done(&c);
    if (result == 0) return r;
    retype_cancel(r);
    return NULL;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void retype_free(Retype *r) {
    for (size_t i = 0; i < r->count; i++) keel_free(r->values[i].name);
    keel_free(r->values);
    keel_free(r);
}

void retype_cancel(Retype *r) {
    for (size_t i = 0; i < r->count; i++) {
        if (r->values[i].ptr) types[r->values[i].to].type.free(r->values[i].ptr);
    }
    retype_free(r);
}

/* Gives the entry its new value; the old one is freed. */
static void put_value(KeelCtx *c, Waiting *w) {
    KeelKey key;
    if (!w->ptr || !open_key(c, w, &key)) return;
    Entry *e = key_entry(&key);
    Db *db = key_db(&key);
    uint8_t from = e->type;
    void *before = entry_pointer(e);
    memcpy(e->data + entry_value_offset(e), &w->ptr, sizeof(w->ptr));
    e->type = w->to;
    db->by_type[from]--;
    db->by_type[w->to]++;
    db->keys.stamp++;         /* handles that are open look again */
    types[from].type.free(before);
}

typedef struct Relabel {
    Db *db;
    uint8_t from, to;
} Relabel;

static bool relabel_one(const KeelSeen *seen, void *data) {
    Relabel *r = data;
    Entry *e = seen->entry_;
    if (e->type != r->from) return true;
    e->type = r->to;
    r->db->by_type[r->from]--;
    r->db->by_type[r->to]++;
    return true;
}

/* The new type takes the old one's slot. Values that the new code made already, as it was
 * loaded, have the slot that it had until now. */
static void take_slot(uint8_t from, uint8_t to) {
    types[from] = types[to];
    for (int db = 0; db < db_count; db++) {
        Relabel r = {&dbs[db], to, from};
        if (dbs[db].by_type[to]) keel_db_each(db, relabel_one, &r);
    }
    types[to] = (TypeSlot){0};
}

size_t retype_finish(Retype *r, size_t *kept) {
    size_t saved = r->count;
    KeelCtx c;
    *kept = 0;
    ctx_init(&c);
    for (size_t i = 0; i < r->count; i++) put_value(&c, &r->values[i]);
    ctx_done(&c);
    for (unsigned i = 1; i < TYPES; i++) {
        if (!r->to[i] || !r->alike[i]) continue;
        *kept += keyspace_count_type((uint8_t)i);
        take_slot((uint8_t)i, r->to[i]);
    }
    retype_free(r);
    return saved;
}
