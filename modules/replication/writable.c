/* writable.c - keys that clients of a writable replica gave an expiry to.
 *
 * A replica removes no key by itself, as its primary says when one goes. Of keys that the primary
 * never heard of nobody would ever say so: their names are kept here, and they go when their time
 * is over. The primary's own keys among them are no harm: it has no use for what is past its
 * time. */
#include "replication.h"

#include <ds/dict.h>
#include <string.h>

enum { LOOKS_PER_TICK = 64 };

/* Elements are names: four bytes of the database's number, then the key's. */
static Dict names;
static bool on;

static void free_element(void *element) {
    keel_free(element);
}

static KeelStr name_of(const void *element) {
    return name_read(element);
}

static int db_of(KeelStr name) {
    int32_t db;
    memcpy(&db, name.ptr, sizeof(db));
    return db;
}

size_t writable_count(void) {
    return on ? dict_count(&names) : 0;
}

void writable_forget(void) {
    if (!on) return;
    dict_release(&names, free_element);
    dict_init(&names, 0);
}

void writable_update(void) {
    bool wanted = is_replica() && !read_only;
    if (wanted == on) return;
    keel_hook_arm(KEEL_EVENT_KEY_CHANGED, writable_changed, wanted);
    keel_expire_by_writers(wanted);
    if (wanted) dict_init(&names, 0);
    else dict_release(&names, free_element);
    on = wanted;
}

static void remember(int32_t db, KeelStr key) {
    Place place;
    size_t len = sizeof(db) + key.len;
    char *element = keel_alloc(name_header(len) + len), *name = element + name_header(len);
    if (len < 255) *element = (char)len;
    else name_write_long(element, len);
    memcpy(name, &db, sizeof(db));
    memcpy(name + sizeof(db), key.ptr, key.len);
    uint64_t hash = keel_hash(name, len);
    if (dict_find(&names, 0, hash, (KeelStr){name, len}, &place)) keel_free(element);
    else dict_insert(&names, hash, element);
}

void writable_changed(KeelCtx *c, const void *data) {
    const KeelKeyEvent *event = data;
    const KeelClient *client = keel_client(c);
    KeelKey key;
    if (!on || !client || keel_client_kind(client) == KEEL_CLIENT_PRIMARY) return;
    unsigned mode = KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS | KEEL_KEY_EXPIRED_TOO;
    if (event->cause != KEEL_MODIFIED || event->name.len > UINT32_MAX - 16) return;
    if (!keel_key_open_in(c, event->db, event->name, mode, &key)) return;
    if (keel_key_expiry(&key) != KEEL_NO_EXPIRY) remember(event->db, event->name);
}

/* Whether there is a time to wait for still. */
static bool waits(KeelCtx *c, KeelStr name) {
    KeelKey key;
    KeelStr of_key = {name.ptr + sizeof(int32_t), name.len - sizeof(int32_t)};
    unsigned mode = KEEL_KEY_WRITE | KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS | KEEL_KEY_EXPIRED_TOO;
    if (!keel_key_open_in(c, db_of(name), of_key, mode, &key)) return false;
    return !keel_key_expire(&key) && keel_key_expiry(&key) != KEEL_NO_EXPIRY;
}

void writable_cron(KeelCtx *c) {
    Place place;
    if (!on || keel_loading()) return;
    for (int i = 0; i < LOOKS_PER_TICK && dict_count(&names); i++) {
        void *element = dict_random(&names, &place);
        KeelStr name = name_of(element);
        if (waits(c, name)) continue;
        uint64_t hash = keel_hash(name.ptr, name.len);
        if (!dict_find(&names, 0, hash, name, &place)) continue;
        dict_remove(&names, hash, place);
        keel_free(element);
    }
}
