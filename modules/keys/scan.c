/* scan.c - KEYS, SCAN and RANDOMKEY: questions to the whole database.
 *
 * KEYS walks everything at once and replies as it goes. SCAN's reply starts with the next cursor,
 * which is known only after the walk, so the names found are gathered first; names of keys that
 * turned out to be expired are gathered too, and those keys removed when the walk is over. */
#include <string.h>

#include "keys.h"

#define RANDOM_TRIES 100   /* where expired keys stay until somebody else removes them */

static bool seen_expired(const KeelSeen *seen) {
    return seen->expiry != KEEL_NO_EXPIRY && seen->expiry < keel_now_ms();
}

/* ---- KEYS ------------------------------------------------------------------------------------ */

typedef struct KeysWalk {
    KeelCtx *ctx;
    KeelStr pattern;
    bool all;
    size_t found;
} KeysWalk;

static bool keys_each(const KeelSeen *seen, void *data) {
    KeysWalk *walk = data;
    if ((walk->all || keel_match(walk->pattern, seen->name, false)) && !seen_expired(seen)) {
        keel_reply_bulk(walk->ctx, seen->name);
        walk->found++;
    }
    return true;
}

void keys_keys(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeysWalk walk = {.ctx = c, .pattern = argv[1], .all = keel_equal(argv[1], KEEL_LIT("*"))};
    KeelDeferred array = keel_reply_defer_array(c);
    keel_db_each(keel_db(c), keys_each, &walk);
    keel_reply_end(c, array, walk.found);
}

/* ---- SCAN ------------------------------------------------------------------------------------ */

/* Names one after another, each behind its length. */
typedef struct Names {
    char *bytes;
    size_t len, room, count;
} Names;

static void names_add(Names *names, KeelStr name) {
    size_t need = names->len + sizeof(name.len) + name.len;
    if (need > names->room) {
        names->room = need < 1024 ? 1024 : need * 2;
        names->bytes = keel_realloc(names->bytes, names->room);
    }
    memcpy(names->bytes + names->len, &name.len, sizeof(name.len));
    memcpy(names->bytes + names->len + sizeof(name.len), name.ptr, name.len);
    names->len = need;
    names->count++;
}

/* The name at `*at`, which moves behind it. */
static KeelStr names_next(const Names *names, size_t *at) {
    KeelStr name;
    memcpy(&name.len, names->bytes + *at, sizeof(name.len));
    name.ptr = names->bytes + *at + sizeof(name.len);
    *at += sizeof(name.len) + name.len;
    return name;
}

typedef struct ScanWalk {
    KeelScan scan;
    KeelStr type;
    bool one_type;
    Names found, expired;
} ScanWalk;

static void scan_each(const KeelSeen *seen, void *data) {
    ScanWalk *walk = data;
    if (seen_expired(seen)) {
        names_add(&walk->expired, seen->name);
        return;
    }
    if (walk->one_type && !keel_is(walk->type, seen->type->name)) return;
    if (!keel_scan_matches(&walk->scan, seen->name)) return;
    names_add(&walk->found, seen->name);
}

/* A look is all it takes to have an expired key removed. */
static void remove_expired(KeelCtx *c, const Names *names) {
    KeelKey key;
    for (size_t at = 0; at < names->len;) {
        keel_key_open(c, names_next(names, &at), KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS, &key);
    }
}

void keys_scan(KeelCtx *c, const KeelStr *argv, int argc) {
    ScanWalk walk = {.one_type = false};
    const KeelScanWord words[] = {{"type", &walk.type, &walk.one_type}, {0}};
    KeelScan *scan = &walk.scan;
    if (!keel_scan_cursor(c, argv[1], scan)) return;
    if (!keel_scan_options(c, argv + 2, argc - 2, scan, words)) return;
    uint64_t next = keel_db_scan(keel_db(c), scan->cursor, scan->count, scan_each, &walk);
    keel_scan_reply(c, next);
    keel_reply_array(c, walk.found.count);
    for (size_t at = 0; at < walk.found.len;) keel_reply_bulk(c, names_next(&walk.found, &at));
    remove_expired(c, &walk.expired);
    keel_free(walk.found.bytes);
    keel_free(walk.expired.bytes);
}

/* ---- RANDOMKEY ------------------------------------------------------------------------------- */

/* Expired keys that come up are removed on the way, so that the loop ends; where removing is
 * another server's right it ends by counting, and names a key that only waits to be removed. */
void keys_randomkey(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    KeelSeen seen;
    int tries = 0;
    while (keel_db_random(keel_db(c), false, &seen)) {
        if (!seen_expired(&seen)) {
            keel_reply_bulk(c, seen.name);
            return;
        }
        KeelKey key;
        KeelStr name = {keel_strdup(seen.name), seen.name.len};
        uint64_t before = keel_db_size(keel_db(c));
        keel_key_open(c, name, KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS, &key);
        bool stays = keel_db_size(keel_db(c)) == before && ++tries == RANDOM_TRIES;
        if (stays) keel_reply_bulk(c, name);
        keel_free((char *)(uintptr_t)name.ptr);
        if (stays) return;
    }
    keel_reply_null(c);
}
