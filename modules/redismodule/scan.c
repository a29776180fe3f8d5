/* scan.c - walks over the keyspace and over the elements of a key, a step a call.
 *
 * A step's keys or elements are gathered before the module is told the first of them, so that it may
 * change or delete whatever it likes. */
#include "rm.h"

#include <errno.h>
#include <stdio.h>

struct RedisModuleScanCursor {
    uint64_t at;
    bool done;
};

RedisModuleScanCursor *RM_ScanCursorCreate(void) {
    return keel_zalloc(sizeof(RedisModuleScanCursor));
}

void RM_ScanCursorRestart(RedisModuleScanCursor *cursor) {
    *cursor = (RedisModuleScanCursor){0};
}

void RM_ScanCursorDestroy(RedisModuleScanCursor *cursor) {
    keel_free(cursor);
}

/* What a step found: names, or elements and their values in turn. */
typedef struct Found {
    RedisModuleString **items;
    size_t count, room;
} Found;

static void found_add(Found *found, RedisModuleString *item) {
    if (found->count == found->room) {
        found->room = found->room ? found->room * 2 : 16;
        found->items = keel_realloc(found->items, found->room * sizeof(*found->items));
    }
    found->items[found->count++] = item;
}

static void found_free(Found *found) {
    for (size_t i = 0; i < found->count; i++) rm_string_release(found->items[i]);
    keel_free(found->items);
}

/* 1: there is more; 0: the walk is over. */
static int step_ends(RedisModuleScanCursor *cursor, uint64_t next) {
    cursor->at = next;
    cursor->done = next == 0;
    errno = 0;
    return !cursor->done;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void found_key(const KeelSeen *seen, void *data) {
    found_add(data, rm_string(seen->name.ptr, seen->name.len));
}

int RM_Scan(RedisModuleCtx *ctx, RedisModuleScanCursor *cursor, RedisModuleScanCB each,
            void *data) {
    Found found = {0};
    if (cursor->done) {
        errno = ENOENT;
        return 0;
    }
    uint64_t next = keel_db_scan(keel_db(ctx->c), cursor->at, 1, found_key, &found);
    int mode = REDISMODULE_READ | REDISMODULE_OPEN_KEY_NOTOUCH | REDISMODULE_OPEN_KEY_NOSTATS |
               REDISMODULE_OPEN_KEY_ACCESS_EXPIRED;
    for (size_t i = 0; i < found.count; i++) {
        RedisModuleKey *key = RM_OpenKey(ctx, found.items[i], mode);
        if (!key) continue; /* one that came before it was deleted it */
        each(ctx, found.items[i], key, data);
        RM_CloseKey(key);
    }
    found_free(&found);
    return step_ends(cursor, next);
}

/* ---- elements -------------------------------------------------------------------------------- */

static void found_field(KeelStr field, KeelStr value, void *data) {
    found_add(data, rm_string(field.ptr, field.len));
    found_add(data, rm_string(value.ptr, value.len));
}

static void found_member(KeelStr member, void *data) {
    found_add(data, rm_string(member.ptr, member.len));
    found_add(data, NULL);
}

static void found_scored(KeelStr member, double score, void *data) {
    char text[64];
    int len = snprintf(text, sizeof(text), "%.17Lg", (long double)score);
    found_add(data, rm_string(member.ptr, member.len));
    found_add(data, rm_string(text, (size_t)len));
}

/* False: the key is of a type that has no elements to scan. */
static bool scan_elements(RedisModuleKey *key, uint64_t *cursor, Found *found) {
    const KeelHashOps *hash = rm_hash();
    const KeelSetOps *set = rm_set();
    const KeelZsetOps *zset = rm_zset();
    if (hash && keel_key_is(&key->key, hash->type)) {
        *cursor = hash->scan(&key->key, *cursor, 1, found_field, found);
    } else if (set && keel_key_is(&key->key, set->type)) {
        *cursor = set->scan(keel_key_value(&key->key), *cursor, 1, found_member, found);
    } else if (zset && keel_key_is(&key->key, zset->type)) {
        *cursor = zset->scan(keel_key_value(&key->key), *cursor, 1, found_scored, found);
    } else {
        return false;
    }
    return true;
}

int RM_ScanKey(RedisModuleKey *key, RedisModuleScanCursor *cursor, RedisModuleScanKeyCB each,
               void *data) {
    Found found = {0};
    uint64_t next = cursor->at;
    if (cursor->done) {
        bool exists = key && keel_key_exists(&key->key);
        errno = exists ? ENOENT : EINVAL;
        return 0;
    }
    if (!key || !keel_key_exists(&key->key) || !scan_elements(key, &next, &found)) {
        errno = EINVAL;
        return 0;
    }
    for (size_t i = 0; i < found.count; i += 2) {
        each(key, found.items[i], found.items[i + 1], data);
    }
    found_free(&found);
    return step_ends(cursor, next);
}
