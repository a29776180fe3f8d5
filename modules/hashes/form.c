/* form.c - hashes as bytes: saving, loading, rewriting as commands, digests.
 *
 * A small hash is saved as its pack, a large one as the number of fields and then fields and values.
 * What is loaded is checked in full: the form, that fields have values, and that no field is there
 * twice, which is told by the dict when the hash becomes large, and by a table of the fields when it
 * stays small. Older forms (ziplist, zipmap) become packs, or large, as the settings say now. */
#include <string.h>

#include <ds/ziplist.h>

#include "hashes.h"

enum { PAIRS = 4, ZIPMAP = 9, ZIPLIST = 13, LISTPACK = 16 };

const uint8_t hash_opcodes[] = {PAIRS, ZIPMAP, ZIPLIST, LISTPACK, 255};

/* ---- saving ---------------------------------------------------------------------------------- */

uint8_t hash_opcode(const KeelValue *v) {
    return hash_is_large(v->ptr) ? PAIRS : LISTPACK;
}

int hash_save(KeelSink *sink, const KeelValue *v) {
    const Hash *h = v->ptr;
    if (!hash_is_large(h)) return keel_save_string(sink, (KeelStr){v->ptr, lp_bytes(h)});
    KeelHashWalk w;
    KeelStr field, value;
    keel_save_len(sink, hash_count(h));
    hash_walk(h, &w);
    while (hash_next(&w, &field, &value) && !sink->failed) {
        keel_save_string(sink, field);
        keel_save_string(sink, value);
    }
    return sink->failed ? -1 : 0;
}

int hash_rewrite(KeelSink *sink, KeelStr key, const KeelValue *v) {
    enum { WORDS = 2 + 2 * 64 };
    KeelStr words[WORDS] = {KEEL_LIT("HMSET"), key};
    /* Digits of integers live in the walk until its next step, so they are moved out of it. */
    char digits[WORDS][KEEL_INT_ROOM];
    KeelHashWalk w;
    int n = 2, result = 0;
    hash_walk(v->ptr, &w);
    for (bool more = true; more && result == 0;) {
        more = hash_next(&w, &words[n], &words[n + 1]);
        for (int i = n; more && i < n + 2; i++) {
            if (words[i].ptr != w.field_digits && words[i].ptr != w.value_digits) continue;
            words[i].ptr = memcpy(digits[i], words[i].ptr, words[i].len);
        }
        if (more) n += 2;
        if (n == WORDS || (!more && n > 2)) {
            result = keel_rewrite_emit(sink, words, n);
            n = 2;
        }
    }
    return result;
}

void hash_digest(KeelDigest *d, const KeelValue *v) {
    const KeelDigester *digester = keel_interface("digest", 100);
    if (!digester) return;
    KeelHashWalk w;
    KeelStr field, value;
    hash_walk(v->ptr, &w);
    while (hash_next(&w, &field, &value)) {
        KeelDigest one = {{0}};
        digester->mix(&one, field.ptr, field.len);
        digester->mix(&one, value.ptr, value.len);
        digester->xor_(d, one.sum, sizeof(one.sum));
    }
}

/* ---- loading packs --------------------------------------------------------------------------- */

/* Whether no field of a valid pack is there twice. A table of offsets, so that a long pack costs no
 * more than its length. */
static bool fields_differ(const uint8_t *pack) {
    enum { ON_STACK = 512 };
    uint32_t on_stack[ON_STACK], *table = on_stack;
    size_t places = ON_STACK, n = lp_count(pack) / 2;
    bool differ = true;
    while (places < 2 * n) places *= 2;
    if (places > ON_STACK) table = keel_alloc(places * sizeof(*table));
    memset(table, 0, places * sizeof(*table));
    for (uint8_t *p = lp_first(pack); p && differ; p = lp_next(pack, lp_after(p))) {
        char scratch[KEEL_INT_ROOM];
        KeelStr field = lp_str(p, scratch);
        size_t i = (size_t)keel_hash(field.ptr, field.len) & (places - 1);
        while (differ && table[i]) {
            differ = !lp_is(pack + table[i], field);
            i = (i + 1) & (places - 1);
        }
        table[i] = (uint32_t)(p - pack);
    }
    if (table != on_stack) keel_free(table);
    return differ;
}

/* A valid pack of whatever came, which is taken over, as a hash. `longest`: its longest string, 0
 * where the settings do not ask. */
static int adopt_pack(KeelSource *source, uint8_t *pack, size_t longest, const char *reason,
                      KeelValue *out) {
    Hash *h = pack;
    size_t count = lp_count(pack);
    bool sound = count % 2 == 0;
    if (sound && count == 0) {
        hash_free(h);
        return 1;
    }
    if (sound && (count / 2 > (uint64_t)hash_max_entries || longest > (uint64_t)hash_max_value)) {
        sound = hash_enlarge(&h, 0);
    } else if (sound) {
        sound = fields_differ(pack);
    }
    if (!sound) {
        hash_free(h);
        return keel_load_fail(source, "%s", reason);
    }
    out->ptr = h;
    return 0;
}

static int load_listpack(KeelSource *source, const char *bytes, size_t len, KeelValue *out) {
    static const char reason[] = "Hash listpack integrity check failed.";
    if (!lp_valid(bytes, len, NULL, NULL)) return keel_load_fail(source, reason);
    uint8_t *pack = lp_copy((const uint8_t *)bytes);
    return adopt_pack(source, pack, 0, reason, out);
}

static int load_ziplist(KeelSource *source, const char *bytes, size_t len, KeelValue *out) {
    static const char reason[] = "Hash ziplist integrity check failed.";
    uint8_t *pack = ziplist_to_listpack(bytes, len);
    if (!pack) return keel_load_fail(source, reason);
    return adopt_pack(source, pack, 0, reason, out);
}

static int load_zipmap(KeelSource *source, const char *bytes, size_t len, KeelValue *out) {
    if (!zipmap_valid(bytes, len, NULL, NULL)) {
        return keel_load_fail(source, "Zipmap integrity check failed.");
    }
    uint8_t *pack = lp_new(0);
    const uint8_t *p = zipmap_first((const uint8_t *)bytes);
    KeelStr field, value;
    size_t longest = 0;
    bool fits = true;
    while (fits && zipmap_next(&p, &field, &value)) {
        if (field.len > longest) longest = field.len;
        if (value.len > longest) longest = value.len;
        fits = lp_fits(pack, lp_cost(field) + lp_cost(value));
        if (fits) pack = lp_append(lp_append(pack, field), value);
    }
    if (!fits) {
        lp_free(pack);
        return keel_load_fail(source, "Hash zipmap too big (%zu)", len);
    }
    return adopt_pack(source, pack, longest, "Hash zipmap with dup elements, or big length", out);
}

static int load_packed(KeelSource *source, uint8_t opcode, KeelValue *out) {
    char *bytes;
    size_t len;
    if (keel_load_string(source, &bytes, &len) != 0) return -1;
    int result = opcode == LISTPACK  ? load_listpack(source, bytes, len, out)
                 : opcode == ZIPLIST ? load_ziplist(source, bytes, len, out)
                                     : load_zipmap(source, bytes, len, out);
    keel_free(bytes);
    return result;
}

/* ---- loading pairs --------------------------------------------------------------------------- */

/* Reads one pair into `h`. A small hash takes it without a look for its field: that is done once, when
 * all are there. */
static int load_pair(KeelSource *source, Hash **h) {
    char *bytes[2] = {NULL, NULL};
    KeelStr pair[2];
    int result = -1;
    for (int i = 0; i < 2; i++) {
        if (keel_load_string(source, &bytes[i], &pair[i].len) != 0) goto out;
        pair[i].ptr = bytes[i];
    }
    hash_expect(h, pair, 2);
    if (!hash_is_large(*h)) {
        *h = lp_append(lp_append(*h, pair[0]), pair[1]);
    } else if (!hash_add(*h, pair[0], pair[1])) {
        keel_load_fail(source, "Duplicate hash fields detected");
        goto out;
    }
    result = 0;
out:
    keel_free(bytes[0]);
    keel_free(bytes[1]);
    return result;
}

static int load_pairs(KeelSource *source, KeelValue *out) {
    enum { RESERVE = 1 << 20 };
    uint64_t count;
    if (keel_load_len(source, &count, NULL) != 0) return -1;
    if (count == 0) return 1;
    if (count > source->limit / 2) {
        return keel_load_fail(source, "a hash of %llu fields in %llu bytes",
                              (unsigned long long)count, (unsigned long long)source->limit);
    }
    Hash *h = count > (uint64_t)hash_max_entries
                  ? hash_new_large(count < RESERVE ? (size_t)count : RESERVE)
                  : hash_new(0);
    int result = 0;
    for (uint64_t i = 0; i < count && result == 0; i++) result = load_pair(source, &h);
    if (result == 0 && !hash_is_large(h) && !fields_differ(h)) {
        result = keel_load_fail(source, "Duplicate hash fields detected");
    }
    if (result == 0) out->ptr = h;
    else hash_free(h);
    return result;
}

int hash_load(KeelSource *source, uint8_t opcode, KeelValue *out) {
    return opcode == PAIRS ? load_pairs(source, out) : load_packed(source, opcode, out);
}
