/* codec.c - sorted sets in files: RDB types 17 (listpack) and 5 (members and binary scores), and
 * the older 12 (ziplist) and 3 (scores as text), which are only read.
 *
 * Large sets are written from the last member to the first. Whatever is read has to be what a set
 * of ours could have been: pairs, in order, no member twice, every score a number. */
#include <ds/ziplist.h>
#include <math.h>
#include <stdlib.h>

#include "zsets.h"

enum { RDB_ZSET = 3, RDB_ZSET_2 = 5, RDB_ZSET_ZIPLIST = 12, RDB_ZSET_LISTPACK = 17 };
enum { PAIRS_PER_COMMAND = 64, RESERVE_MAX = 1 << 20 };

/* ---- saving ---------------------------------------------------------------------------------- */

uint8_t zset_opcode(const KeelValue *v) {
    return ((const Zset *)v->ptr)->tree ? RDB_ZSET_2 : RDB_ZSET_LISTPACK;
}

int zset_save(KeelSink *sink, const KeelValue *v) {
    const Zset *z = v->ptr;
    if (!z->tree) return keel_save_string(sink, (KeelStr){(char *)z->pack, lp_bytes(z->pack)});
    const Ordered *o = &z->tree->order;
    keel_save_len(sink, o->count);
    OrderedAt at = ordered_last(o);
    for (bool more = at.leaf != NULL; more; more = ordered_previous(&at)) {
        const OrderedItem *item = ordered_item(at);
        keel_save_string(sink, name_read(item->element + 8));
        keel_save_double(sink, item->score);
    }
    return sink->failed ? -1 : 0;
}

int zset_rewrite(KeelSink *sink, KeelStr key, const KeelValue *v) {
    const Zset *z = v->ptr;
    KeelStr words[2 + 2 * PAIRS_PER_COMMAND] = {KEEL_LIT("ZADD"), key};
    char scores[PAIRS_PER_COMMAND][40];
    Item items[PAIRS_PER_COMMAND];
    size_t left = zset_length(z);
    At at = zset_at(z, 0);
    while (left) {
        int n = left < PAIRS_PER_COMMAND ? (int)left : PAIRS_PER_COMMAND;
        for (int i = 0; i < n; i++) {
            zset_item(&at, &items[i]);
            size_t len = keel_format_double(scores[i], items[i].score);
            words[2 + 2 * i] = (KeelStr){scores[i], len};
            words[3 + 2 * i] = items[i].member;
            zset_next(&at);
        }
        if (keel_rewrite_emit(sink, words, 2 + 2 * n) != 0) return -1;
        left -= (size_t)n;
    }
    return 0;
}

/* ---- loading --------------------------------------------------------------------------------- */

static int compare_hashes(const void *x, const void *y) {
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

/* Members with equal hashes count as equal: 64 seeded bits do not meet by chance. */
static bool all_differ(const uint8_t *pack, size_t members) {
    uint64_t *hashes = keel_try_alloc(members * sizeof(*hashes));
    if (!hashes) return false;
    size_t n = 0;
    for (uint8_t *at = lp_first(pack); at; at = lp_next(pack, lp_after(at))) {
        char scratch[KEEL_INT_ROOM];
        KeelStr member = lp_str(at, scratch);
        hashes[n++] = keel_hash(member.ptr, member.len);
    }
    qsort(hashes, n, sizeof(*hashes), compare_hashes);
    bool differ = true;
    for (size_t i = 1; i < n && differ; i++) differ = hashes[i] != hashes[i - 1];
    keel_free(hashes);
    return differ;
}

/* Of a well-formed listpack: pairs, numbers, order. */
static const char *pack_fault(const uint8_t *pack) {
    char scratch[2][KEEL_INT_ROOM];
    KeelStr before = {NULL, 0};
    double score_before = 0;
    size_t elements = lp_count(pack);
    if (elements % 2) return "a member without a score";
    for (uint8_t *at = lp_first(pack); at; at = lp_next(pack, at)) {
        KeelStr member = lp_str(at, scratch[0]);
        double score = packed_score(at = lp_after(at));
        if (isnan(score)) return "a score that is not a number";
        if (before.ptr && (score < score_before ||
                           (score == score_before && bytes_compare(before, member) >= 0))) {
            return "members out of order";
        }
        before = member;
        if (member.ptr == scratch[0]) before.ptr = memcpy(scratch[1], scratch[0], KEEL_INT_ROOM);
        score_before = score;
    }
    return all_differ(pack, elements / 2) ? NULL : "dup elements";
}

/* `pack` becomes the value's, or is freed. */
static int load_pack(KeelSource *source, uint8_t *pack, const char *kind, KeelValue *out) {
    size_t members = lp_count(pack) / 2;
    const char *fault = pack_fault(pack);
    if (fault || members == 0) {
        lp_free(pack);
        if (!fault) return 1;
        return keel_load_fail(source, "Zset %s integrity check failed: %s with %s", kind, kind,
                              fault);
    }
    Zset *z = keel_alloc(sizeof(*z));
    *z = (Zset){.pack = pack};
    if (members > (size_t)zset_pack_members) zset_to_tree(z, members);
    out->ptr = z;
    return 0;
}

static int load_listpack(KeelSource *source, KeelValue *out) {
    char *bytes;
    size_t len;
    if (keel_load_string(source, &bytes, &len) != 0) return -1;
    if (!lp_valid(bytes, len, NULL, NULL)) {
        keel_free(bytes);
        return keel_load_fail(source, "Zset listpack integrity check failed.");
    }
    return load_pack(source, (uint8_t *)bytes, "listpack", out);
}

static int load_ziplist(KeelSource *source, KeelValue *out) {
    char *bytes;
    size_t len;
    if (keel_load_string(source, &bytes, &len) != 0) return -1;
    uint8_t *pack = ziplist_to_listpack(bytes, len);
    keel_free(bytes);
    if (!pack) return keel_load_fail(source, "Zset ziplist integrity check failed.");
    return load_pack(source, pack, "ziplist", out);
}

static int load_pair(KeelSource *source, bool text, Zset *z) {
    char *member;
    size_t len;
    double score;
    if (keel_load_string(source, &member, &len) != 0) return -1;
    int rc = text ? keel_load_double_text(source, &score) : keel_load_double(source, &score);
    if (rc == 0 && isnan(score)) rc = keel_load_fail(source, "Zset with NAN score detected");
    if (rc == 0 &&
        zset_add(z, score, (KeelStr){member, len}, KEEL_ZADD_NX, NULL) != KEEL_ZADD_ADDED) {
        rc = keel_load_fail(source, "Zset with dup fields detected");
    }
    keel_free(member);
    return rc;
}

/* The table is not made larger than what was promised and can still come. */
static int load_pairs(KeelSource *source, bool text, KeelValue *out) {
    uint64_t members;
    if (keel_load_len(source, &members, NULL) != 0) return -1;
    if (members == 0) return 1;
    if (members > source->limit / 2) {
        return keel_load_fail(source, "Zset with more members than bytes");
    }
    Zset *z = zset_new(members < RESERVE_MAX ? members : RESERVE_MAX, 0);
    for (uint64_t i = 0; i < members; i++) {
        if (load_pair(source, text, z) == 0) continue;
        zset_free(z);
        return -1;
    }
    zset_settle(z);
    out->ptr = z;
    return 0;
}

int zset_load(KeelSource *source, uint8_t opcode, KeelValue *out) {
    switch (opcode) {
    case RDB_ZSET_LISTPACK: return load_listpack(source, out);
    case RDB_ZSET_ZIPLIST: return load_ziplist(source, out);
    default: return load_pairs(source, opcode == RDB_ZSET, out);
    }
}
