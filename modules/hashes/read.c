/* read.c - HGET, HMGET, HGETALL, HKEYS, HVALS, HLEN, HSTRLEN, HEXISTS and HSCAN.
 *
 * Replies are written as the hash is walked; of a large one nothing is gathered first. */
#include "hashes.h"

/* The hash under this name. NULL: none, and *missing tells whether it is because the key is missing;
 * otherwise WRONGTYPE was replied. */
static const Hash *open_hash(KeelCtx *c, KeelStr name, bool *missing) {
    KeelKey key;
    *missing = !keel_key_open(c, name, KEEL_KEY_READ, &key);
    if (*missing || !hashes_check(c, &key)) return NULL;
    return keel_key_value(&key);
}

/* The value of one field; false when it or the key is missing, or (*replied) the key is of another
 * type. */
static bool read_field(KeelCtx *c, const KeelStr *argv, char scratch[KEEL_INT_ROOM],
                       KeelStr *value, bool *replied) {
    bool missing;
    const Hash *h = open_hash(c, argv[1], &missing);
    *replied = !h && !missing;
    return h && hash_find(h, argv[2], scratch, value);
}

void hashes_hget(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    char scratch[KEEL_INT_ROOM];
    KeelStr value;
    bool replied;
    if (read_field(c, argv, scratch, &value, &replied)) keel_reply_bulk(c, value);
    else if (!replied) keel_reply_null(c);
}

void hashes_hstrlen(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    char scratch[KEEL_INT_ROOM];
    KeelStr value = {"", 0};
    bool replied;
    read_field(c, argv, scratch, &value, &replied);
    if (!replied) keel_reply_int(c, (int64_t)value.len);
}

void hashes_hexists(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    char scratch[KEEL_INT_ROOM];
    KeelStr value;
    bool replied, found = read_field(c, argv, scratch, &value, &replied);
    if (!replied) keel_reply_int(c, found);
}

void hashes_hmget(KeelCtx *c, const KeelStr *argv, int argc) {
    bool missing;
    char scratch[KEEL_INT_ROOM];
    const Hash *h = open_hash(c, argv[1], &missing);
    if (!h && !missing) return;
    keel_reply_array(c, (size_t)argc - 2);
    for (int i = 2; i < argc; i++) {
        KeelStr value;
        if (h && hash_find(h, argv[i], scratch, &value)) keel_reply_bulk(c, value);
        else keel_reply_null(c);
    }
}

void hashes_hlen(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    bool missing;
    const Hash *h = open_hash(c, argv[1], &missing);
    if (h || missing) keel_reply_int(c, h ? (int64_t)hash_count(h) : 0);
}

/* ---- all of it ------------------------------------------------------------------------------- */

enum { FIELDS = 1, VALUES = 2 };

static void reply_all(KeelCtx *c, KeelStr name, unsigned what) {
    bool missing;
    const Hash *h = open_hash(c, name, &missing);
    if (!h && !missing) return;
    size_t n = h ? hash_count(h) : 0;
    if (what == (FIELDS | VALUES)) keel_reply_map(c, n);
    else keel_reply_array(c, n);
    if (!h) return;
    KeelHashWalk w;
    KeelStr field, value;
    hash_walk(h, &w);
    while (hash_next(&w, &field, &value)) {
        if (what & FIELDS) keel_reply_bulk(c, field);
        if (what & VALUES) keel_reply_bulk(c, value);
    }
}

void hashes_hgetall(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    reply_all(c, argv[1], FIELDS | VALUES);
}

void hashes_hkeys(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    reply_all(c, argv[1], FIELDS);
}

void hashes_hvals(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    reply_all(c, argv[1], VALUES);
}

/* ---- HSCAN ----------------------------------------------------------------------------------- */

typedef struct ScanReply {
    KeelCtx *ctx;
    KeelScan scan;
    bool no_values;
    size_t written;
} ScanReply;

static void scan_each(KeelStr field, KeelStr value, void *data) {
    ScanReply *reply = data;
    if (!keel_scan_matches(&reply->scan, field)) return;
    keel_reply_bulk(reply->ctx, field);
    if (!reply->no_values) keel_reply_bulk(reply->ctx, value);
    reply->written += reply->no_values ? 1 : 2;
}

/* The hash is walked twice, the first time for the cursor alone: that reads no element, and the reply
 * needs no copy. */
void hashes_hscan(KeelCtx *c, const KeelStr *argv, int argc) {
    ScanReply reply = {.ctx = c};
    const KeelScanWord words[] = {{"novalues", NULL, &reply.no_values}, {0}};
    KeelScan *scan = &reply.scan;
    bool missing;
    if (!keel_scan_cursor(c, argv[2], scan)) return;
    const Hash *h = open_hash(c, argv[1], &missing);
    if (missing) keel_scan_none(c);
    if (!h || !keel_scan_options(c, argv + 3, argc - 3, scan, words)) return;
    keel_scan_reply(c, hash_scan(h, scan->cursor, scan->count, NULL, NULL));
    KeelDeferred array = keel_reply_defer_array(c);
    hash_scan(h, scan->cursor, scan->count, scan_each, &reply);
    keel_reply_end(c, array, reply.written);
}
