/* value.c - changing keys: setting, editing, deleting, moving and copying values.
 *
 * An entry whose new shape fits the size class it already has is changed in place; otherwise a new
 * entry takes its place in the tables. Old values are freed last, so the new bytes may come from
 * them. */
#include "block.h"
#include "client.h"
#include "config.h"
#include "hook.h"
#include "journal.h"
#include "keyspace.h"
#include "stats.h"

#include <keel/log.h>
#include <keel/thread.h>

/* Values whose free() walks more than this many allocations go to the background. */
enum { LAZY_EFFORT = 64 };

static void lazy_free_value(void *data) {
    OldValue *old = data;
    types[old->type].type.free(old->ptr);
    keel_free(old);
    __atomic_fetch_add(&stats.lazy_freed, 1, __ATOMIC_RELAXED);
}

void value_free(int db, KeelStr name, OldValue old, bool lazy) {
    if (old.form == KEEL_FORM_BUFFER) {
        if (!client_return_buffer(old.ptr)) buffer_free(old.ptr);
    } else if (old.form == KEEL_FORM_VALUE) {
        const KeelType *type = &types[old.type].type;
        KeelValue v = {.type = type, .ptr = old.ptr, .name = name, .db = db};
        if (type->unlink) type->unlink(&v);
        if (!type->free) return;
        if (lazy && type->free_effort && type->free_effort(&v) > LAZY_EFFORT) {
            OldValue *later = keel_alloc(sizeof(*later));
            *later = old;
            keel_background(lazy_free_value, later);
        } else {
            type->free(old.ptr);
        }
    }
}

/* A declared type's number, memoised by address. */
static inline uint8_t type_of_declared(const KeelType *declared) {
    static uint8_t memo[64];
    uint8_t *m = &memo[((uintptr_t)declared >> 4) & 63];
    if (__builtin_expect(types[*m].declared != declared, 0)) {
        *m = type_number(declared);
        KEEL_ASSERT(*m != 0);
    }
    return *m;
}

/* Adds to or removes from the table of expiring keys as `e`, which replaces `before` (or NULL),
 * has it. */
static void track_expiry(Db *db, uint64_t hash, const Entry *before, Entry *e) {
    bool was = before && (before->bits & ENTRY_EXPIRES), is = e && (e->bits & ENTRY_EXPIRES);
    if (!was && !is) return;
    if (was) {
        Place place = table_place_of(&db->expiring, hash, before);
        if (is) {
            table_replace(&db->expiring, place, e);
        } else {
            table_remove(&db->expiring, hash, place);
        }
    } else {
        table_insert(&db->expiring, hash, e);
    }
}

static __attribute__((noinline)) void tell_removed(KeelKey *key, KeelCause cause) {
    KeelKeyEvent event = {.db = key_db(key)->id, .name = key->name, .cause = cause};
    hooks_call(key->ctx, KEEL_EVENT_KEY_REMOVED, &event);
    key_check(key);
}

/* Gives the key an entry of this shape and returns where its value goes. `*old` is what the caller
 * frees when the new value is written. */
static char *key_shape(KeelKey *key, uint8_t type, KeelForm form, size_t tail, int64_t expiry,
                       OldValue *old) {
    key_check(key);
    Db *db = key_db(key);
    Entry *e = key->entry_;
    if (__builtin_expect(hooks_count[KEEL_EVENT_KEY_REMOVED] != 0, 0) && e &&
        expiry != KEEL_KEEP_EXPIRY && !db->staged) {
        tell_removed(key, KEEL_OVERWRITTEN);
        e = key->entry_; /* a hook may have been faster */
    }
    if (!e) {
        *old = (OldValue){0};
        e = entry_new(key->name, expiry == KEEL_KEEP_EXPIRY ? KEEL_NO_EXPIRY : expiry, form, tail);
        e->type = type;
        entry_start_clock(e);
        db->by_type[type]++;
        Place place = table_insert(&db->keys, key->hash_, e);
        key->entry_ = e;
        key_set_place(key, place);
        track_expiry(db, key->hash_, NULL, e);
        keel_key_notify(key, KEEL_NOTIFY_NEW, "new");
        return e->data + entry_value_offset(e);
    }
    *old = entry_old_value(e);
    if (__builtin_expect(e->type != type, 0)) {
        db->by_type[e->type]--;
        db->by_type[type]++;
        if (block_on_delete && !db->staged) block_key_gone(db->id, key->name);
    }
    if (expiry == KEEL_KEEP_EXPIRY) expiry = entry_expiry(e);
    size_t size = entry_size(e), offset = entry_value_offset(e);
    size_t wanted = sizeof(Entry) + offset + tail;
    bool same_head = (expiry != KEEL_NO_EXPIRY) == !!(e->bits & ENTRY_EXPIRES);
    if (same_head && mem_room(e, size) == mem_class(wanted)) {
        e->bits = (uint8_t)((e->bits & ~ENTRY_FORM) | form);
        e->value_len = form == KEEL_FORM_EMBEDDED ? (uint16_t)tail : 0;
        e->type = type;
        if (expiry != KEEL_NO_EXPIRY) memcpy(e->data, &expiry, 8);
        return e->data + offset;
    }
    Entry *n = entry_new(entry_name(e), expiry, form, tail);
    n->type = type;
    memcpy(n->clock, e->clock, 3);
    table_replace(&db->keys, key_place(key), n);
    track_expiry(db, key->hash_, e, n);
    key->entry_ = n;
    key->stamp_ = db->keys.stamp;
    old->entry_size = size;
    old->entry = e; /* its embedded bytes may be the source of the new value */
    return n->data + entry_value_offset(n);
}

/* Frees what key_shape() replaced. */
static inline void old_free(KeelKey *key, OldValue old) {
    if (old.ptr) value_free(key_db(key)->id, key->name, old, settings.lazy_server_del);
    if (old.entry) mem_free_sized(old.entry, old.entry_size);
}

void keel_key_set_int(KeelKey *key, const KeelType *type, int64_t v, int64_t expiry) {
    OldValue old;
    memcpy(key_shape(key, type_of_declared(type), KEEL_FORM_INT, 8, expiry, &old), &v, 8);
    old_free(key, old);
}

void keel_key_set_value(KeelKey *key, const KeelType *type, void *ptr, int64_t expiry) {
    OldValue old;
    memcpy(key_shape(key, type_of_declared(type), KEEL_FORM_VALUE, 8, expiry, &old), &ptr, 8);
    if (old.ptr == ptr) old.form = KEEL_FORM_INT; /* the same value, set again: not freed */
    old_free(key, old);
}

void keel_key_value_moved(KeelKey *key, void *ptr) {
    key_check(key);
    Entry *e = key->entry_;
    KEEL_ASSERT(e && entry_form(e) == KEEL_FORM_VALUE);
    memcpy(e->data + entry_value_offset(e), &ptr, 8);
}

static void set_buffer(KeelKey *key, const KeelType *type, Buffer *b, int64_t expiry) {
    OldValue old;
    memcpy(key_shape(key, type_of_declared(type), KEEL_FORM_BUFFER, 8, expiry, &old), &b, 8);
    old_free(key, old);
}

void keel_key_set_bytes(KeelKey *key, const KeelType *type, KeelStr v, int64_t expiry) {
    int64_t number;
    if (v.len <= 20 && v.len && (uint8_t)(v.ptr[0] - '-') <= '9' - '-' &&
        keel_parse_int(v, &number)) {
        keel_key_set_int(key, type, number, expiry);
        return;
    }
    keel_key_set_text(key, type, v, expiry);
}

void keel_key_set_text(KeelKey *key, const KeelType *type, KeelStr v, int64_t expiry) {
    if (v.len > ENTRY_EMBED_MAX) {
        Buffer *b = v.len >= BUFFER_ARG_MIN ? client_take_buffer(key->ctx, v) : NULL;
        if (!b) {
            b = buffer_new(v.len, v.len);
            memcpy(b->data, v.ptr, v.len);
        }
        set_buffer(key, type, b, expiry);
        return;
    }
    OldValue old;
    char *to = key_shape(key, type_of_declared(type), KEEL_FORM_EMBEDDED, v.len, expiry, &old);
    memmove(to, v.ptr, v.len);
    old_free(key, old);
}

char *keel_key_bytes_edit(KeelKey *key, const KeelType *type, size_t len) {
    key_check(key);
    if (key->entry_ && entry_form(key->entry_) == KEEL_FORM_BUFFER &&
        !client_shows_buffer(entry_pointer(key->entry_))) {
        Buffer *b = entry_pointer(key->entry_);
        if (len > b->room) {
            size_t room = len < 1024 * 1024 ? len * 2 : len + 1024 * 1024;
            Buffer *grown = room < len ? NULL : keel_try_realloc(b, sizeof(Buffer) + room);
            if (!grown) return NULL;
            b = grown;
            b->room = room;
            memcpy(key_entry(key)->data + entry_value_offset(key->entry_), &b, 8);
            key_db(key)->keys.stamp++;
            key->stamp_ = key_db(key)->keys.stamp;
        }
        if (len > b->len) memset(b->data + b->len, 0, len - b->len);
        b->len = len;
        return b->data;
    }
    char scratch[KEEL_INT_ROOM];
    KeelStr now = key->entry_ ? keel_key_bytes(key, scratch) : KEEL_LIT("");
    Buffer *b = buffer_try_new(len, len);
    if (!b) return NULL;
    size_t kept = now.len < len ? now.len : len;
    memcpy(b->data, now.ptr, kept);
    memset(b->data + kept, 0, len - kept);
    set_buffer(key, type, b, KEEL_KEEP_EXPIRY);
    return b->data;
}

/* ---- removing -------------------------------------------------------------------------------- */

/* Takes the entry out of the tables; it and its value are the caller's then. */
static Entry *key_detach(KeelKey *key) {
    Db *db = key_db(key);
    Entry *e = key->entry_;
    table_remove(&db->keys, key->hash_, key_place(key));
    track_expiry(db, key->hash_, e, NULL);
    db->by_type[e->type]--;
    if (__builtin_expect(block_on_delete != 0, 0) && !db->staged) {
        block_key_gone(db->id, key->name);
    }
    key->entry_ = NULL;
    key->place_ = NULL;
    key->stamp_ = db->keys.stamp;
    return e;
}

/* Removes the key and returns its entry, which the caller frees; NULL when a hook was faster. */
static Entry *key_take_out(KeelKey *key, KeelCause cause, bool lazy) {
    if (hooks_count[KEEL_EVENT_KEY_REMOVED] && !key_db(key)->staged) {
        tell_removed(key, cause);
        if (!key->entry_) return NULL;
    }
    Entry *e = key_detach(key);
    value_free(key_db(key)->id, key->name, entry_old_value(e), lazy);
    return e;
}

void key_remove(KeelKey *key, KeelCause cause, bool lazy) {
    Entry *e = key_take_out(key, cause, lazy);
    if (e) entry_free(e);
}

bool keel_key_delete(KeelKey *key, bool lazy) {
    key_check(key);
    if (!key->entry_) return false;
    key_remove(key, KEEL_DELETED, lazy);
    return true;
}

/* Removes a key that no command asked to remove. The journal gets a record of its own: followers
 * neither expire nor make room by themselves. */
static bool key_vanish(KeelKey *key, KeelCause cause, bool lazy, unsigned kind,
                       const char *told) {
    KeelStr words[2] = {lazy ? KEEL_LIT("UNLINK") : KEEL_LIT("DEL"), key->name};
    int64_t start = keel_latency_watched() ? keel_monotonic_ns() : 0;
    Entry *e = key_take_out(key, cause, lazy); /* key->name may lie in it */
    if (!e) return false;
    bool staged = key_db(key)->staged;
    if (!staged) journal_add(key->ctx, key_db(key)->id, words, 2);
    if (hooks_count[KEEL_EVENT_KEY_CHANGED] && !staged) {
        KeelKeyEvent event = {.db = key_db(key)->id, .name = key->name, .cause = cause};
        hooks_call(key->ctx, KEEL_EVENT_KEY_CHANGED, &event);
    }
    keel_key_notify(key, kind, told);
    entry_free(e);
    if (start) {
        keel_latency_add(cause == KEEL_EXPIRED ? "expire-del" : "eviction-del",
                         keel_monotonic_ns() - start);
    }
    return true;
}

void key_expire(KeelKey *key) {
    if (key_vanish(key, KEEL_EXPIRED, settings.lazy_expire, KEEL_NOTIFY_EXPIRED, "expired")) {
        stats.expired_keys++;
    }
}

bool keel_key_evict(KeelKey *key, bool lazy) {
    key_check(key);
    if (!key->entry_ || !key_vanish(key, KEEL_EVICTED, lazy, KEEL_NOTIFY_EVICTED, "evicted")) {
        return false;
    }
    stats.evicted_keys++;
    return true;
}

/* ---- expiry, moving, copying ----------------------------------------------------------------- */

void keel_key_set_expiry(KeelKey *key, int64_t ms) {
    key_check(key);
    Entry *e = key->entry_;
    if (ms == KEEL_NO_EXPIRY && !(e->bits & ENTRY_EXPIRES)) return;
    if (ms != KEEL_NO_EXPIRY && (e->bits & ENTRY_EXPIRES)) {
        memcpy(e->data, &ms, 8);
        return;
    }
    size_t tail = entry_size(e) - sizeof(Entry) - entry_value_offset(e);
    Entry *n = entry_new(entry_name(e), ms, entry_form(e), tail);
    n->type = e->type;
    memcpy(n->clock, e->clock, 3);
    memcpy(n->data + entry_value_offset(n), e->data + entry_value_offset(e), tail);
    Db *db = key_db(key);
    table_replace(&db->keys, key_place(key), n);
    track_expiry(db, key->hash_, e, n);
    key->entry_ = n;
    key->stamp_ = db->keys.stamp;
    entry_free(e);
}

/* The type of a value that leaves its key for another one hears of it as of one that goes. */
static void tell_unlinked(const KeelKey *key) {
    const Entry *e = key->entry_;
    if (entry_form(e) != KEEL_FORM_VALUE || !types[e->type].type.unlink) return;
    KeelValue v;
    entry_view(e, key_db(key)->id, &v);
    v.type->unlink(&v);
}

void keel_key_move(KeelKey *from, KeelKey *to) {
    key_check(from);
    key_check(to);
    if (to->entry_ == from->entry_) return; /* onto itself */
    if (to->entry_) key_remove(to, KEEL_OVERWRITTEN, settings.lazy_server_del);
    key_check(from);
    tell_unlinked(from);
    Entry *e = key_detach(from);
    size_t tail = entry_size(e) - sizeof(Entry) - entry_value_offset(e);
    Entry *n = entry_new(to->name, entry_expiry(e), entry_form(e), tail);
    n->type = e->type;
    memcpy(n->clock, e->clock, 3);
    memcpy(n->data + entry_value_offset(n), e->data + entry_value_offset(e), tail);
    entry_free(e);
    key_check(to);
    Place place = table_insert(&key_db(to)->keys, to->hash_, n);
    to->entry_ = n;
    key_set_place(to, place);
    key_db(to)->by_type[n->type]++;
    track_expiry(key_db(to), to->hash_, NULL, n);
    keel_key_notify(to, KEEL_NOTIFY_NEW, "new");
}

bool keel_key_copy(const KeelKey *from, KeelKey *to) {
    key_current(from);
    const Entry *e = from->entry_;
    const KeelType *type = types[e->type].declared;
    int64_t expiry = entry_expiry(e);
    if (entry_form(e) == KEEL_FORM_VALUE) {
        KeelValue v;
        entry_view(e, key_db(from)->id, &v);
        v.to = to->name;
        v.to_db = key_db(to)->id;
        void *copy = v.type->copy ? v.type->copy(&v) : NULL;
        if (!copy) return false;
        keel_key_set_value(to, type, copy, expiry);
    } else if (entry_form(e) == KEEL_FORM_BUFFER) {
        const Buffer *b = entry_pointer(e);
        Buffer *copy = buffer_try_new(b->len, b->len);
        if (!copy) return false;
        memcpy(copy->data, b->data, b->len);
        set_buffer(to, type, copy, expiry);
    } else if (entry_form(e) == KEEL_FORM_INT) {
        keel_key_set_int(to, type, entry_int(e), expiry);
    } else {
        keel_key_set_text(to, type, keel_key_bytes(from, NULL), expiry);
    }
    key_check(to);
    memcpy(key_entry(to)->clock, e->clock, 3);
    return true;
}
