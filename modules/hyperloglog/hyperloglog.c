/* hyperloglog.c - PFADD, PFCOUNT, PFMERGE: how many different elements were added, give or take 1%.
 *
 *     PFADD visitors alice bob carol
 *     PFCOUNT visitors
 *
 * A HyperLogLog is a string, so GET, SET, DUMP, APPEND work on it and anybody may damage one; every
 * use checks what it relies on. It has 16384 registers of 6 bits behind a header of 16 bytes:
 *
 *     "HYLL" | form u8 | 3 bytes unused | cardinality u64, little endian; top bit: out of date
 *
 * in the dense form (0) one after another, lowest bits first, 12304 bytes in all; in the sparse
 * form (1) as runs (sparse.c), until that takes more than hll-sparse-max-bytes or a register exceeds 32.
 * The bytes are those that Redis makes of the same commands. Strings belong to another module: they
 * are reached through the interface "string". estimate.c has the arithmetic, selftest.c PFSELFTEST.
 *
 * Cost: an element is a hash and a register, and in the sparse form a walk over the runs. PFCOUNT
 * of one key is the number kept in its header until a register changes. */
#include "hyperloglog.h"

#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const KeelStringOps *string;
static int64_t sparse_max_bytes;

/* ---- the string ------------------------------------------------------------------------------ */

bool hll_is(KeelStr s) {
    if (s.len < HLL_HEADER || memcmp(s.ptr, "HYLL", 4) != 0) return false;
    unsigned form = (uint8_t)s.ptr[4];
    return form == HLL_SPARSE || (form == HLL_DENSE && s.len == HLL_DENSE_BYTES);
}

/* One run of zeros, and a cardinality that is known. */
void hll_init(uint8_t *bytes) {
    memset(bytes, 0, HLL_EMPTY_BYTES);
    memcpy(bytes, "HYLL", 4);
    bytes[4] = HLL_SPARSE;
    bytes[HLL_HEADER] = 0x40 | (HLL_REGISTERS - 1) >> 8;
    bytes[HLL_HEADER + 1] = (HLL_REGISTERS - 1) & 255;
}

bool hll_cached(const uint8_t *bytes, uint64_t *cardinality) {
    uint64_t v;
    memcpy(&v, bytes + 8, 8);
    *cardinality = le64toh(v);
    return !(bytes[15] & 0x80);
}

void hll_set_cached(uint8_t *bytes, uint64_t cardinality) {
    uint64_t v = htole64(cardinality);
    memcpy(bytes + 8, &v, 8);
}

void hll_forget_cached(uint8_t *bytes) {
    bytes[15] |= 0x80;
}

/* ---- a key that holds one -------------------------------------------------------------------- */

typedef struct Hll {
    KeelKey key;
    uint8_t *bytes; /* NULL: the key is missing */
    size_t len;
    bool writable;  /* `bytes` is the value's own buffer */
} Hll;

/* False: the key holds something else, which has been replied. */
static bool hll_open(KeelCtx *c, KeelStr name, unsigned mode, Hll *h) {
    char scratch[KEEL_INT_ROOM];
    bool found = keel_key_open(c, name, mode, &h->key);
    h->bytes = NULL;
    h->writable = false;
    if (!string->check(c, &h->key)) return false;
    if (!found) return true;
    KeelStr s = keel_key_bytes(&h->key, scratch);
    if (!hll_is(s)) {
        keel_reply_error(c, "WRONGTYPE Key is not a valid HyperLogLog string value.");
        return false;
    }
    h->bytes = (uint8_t *)(uintptr_t)s.ptr;
    h->len = s.len;
    return true;
}

/* Makes the bytes writable and `len` long. False: an error was replied. */
static bool hll_resize(KeelCtx *c, Hll *h, size_t len) {
    if (h->writable && h->len == len) return true;
    char *bytes = string->edit(c, &h->key, len);
    if (!bytes) return false;
    h->bytes = (uint8_t *)bytes;
    h->len = len;
    h->writable = true;
    return true;
}

static bool hll_create(KeelCtx *c, Hll *h) {
    if (!hll_resize(c, h, HLL_EMPTY_BYTES)) return false;
    hll_init(h->bytes);
    return true;
}

static void reply_malformed(KeelCtx *c) {
    keel_reply_error(c, "INVALIDOBJ Corrupted HLL object detected");
}

/* The value gets a buffer that has no room to spare, as it will never grow again. */
static bool hll_make_dense(KeelCtx *c, Hll *h) {
    static uint8_t dense[HLL_DENSE_BYTES];
    static HllRegisters registers;
    if (hll_form(h->bytes) == HLL_DENSE) return true;
    memset(&registers, 0, sizeof(registers));
    if (!hll_merge(&registers, (KeelStr){(char *)h->bytes, h->len})) {
        reply_malformed(c);
        return false;
    }
    memcpy(dense, h->bytes, HLL_HEADER);
    dense[4] = HLL_DENSE;
    for (unsigned i = 0; i < HLL_REGISTERS; i++) dense_set(dense, i, registers.at[i]);
    keel_key_set_text(&h->key, string->type, (KeelStr){(char *)dense, sizeof(dense)},
                      KEEL_KEEP_EXPIRY);
    h->writable = false;
    return hll_resize(c, h, HLL_DENSE_BYTES);
}

/* Raises a register. 1: it was lower; 0: it was not; -1: an error was replied. */
static int hll_raise(KeelCtx *c, Hll *h, unsigned i, uint8_t value) {
    if (hll_form(h->bytes) == HLL_SPARSE) {
        SparseChange change;
        switch (sparse_plan(h->bytes, h->len, i, value, &change)) {
        case SPARSE_SAME:
            return 0;
        case SPARSE_MALFORMED:
            reply_malformed(c);
            return -1;
        case SPARSE_CHANGE: {
            size_t before = h->len, after = before - change.old_size + change.size;
            if (after > before && after > (uint64_t)sparse_max_bytes) break;
            if (!hll_resize(c, h, after > before ? after : before)) return -1;
            return hll_resize(c, h, sparse_apply(h->bytes, before, &change)) ? 1 : -1;
        }
        case SPARSE_TOO_HIGH:
            break;
        }
        if (!hll_make_dense(c, h)) return -1;
    }
    if (dense_get(h->bytes, i) >= value) return 0;
    if (!hll_resize(c, h, h->len)) return -1;
    dense_set(h->bytes, i, value);
    return 1;
}

/* ---- commands -------------------------------------------------------------------------------- */

/* PFADD key [element ...]: 1 when any register changed, or the key was made. */
static void hyperloglog_pfadd(KeelCtx *c, const KeelStr *argv, int argc) {
    Hll h;
    uint64_t changes = 0;
    if (!hll_open(c, argv[1], KEEL_KEY_WRITE, &h)) return;
    if (!h.bytes) {
        if (!hll_create(c, &h)) return;
        changes++;
    }
    for (int i = 2; i < argc; i++) {
        uint8_t value;
        unsigned at = hll_register_of(argv[i], &value);
        int rc = hll_raise(c, &h, at, value);
        if (rc < 0) return;
        changes += (unsigned)rc;
    }
    if (changes) {
        hll_forget_cached(h.bytes);
        keel_key_changed(&h.key, KEEL_NOTIFY_STRING, "pfadd");
        keel_dirty_add(c, changes - 1);
    }
    keel_reply_int(c, changes != 0);
}

/* Raises `all` to what each of the keys holds; missing ones count as empty. False: an error was
 * replied. */
static bool merge_keys(KeelCtx *c, const KeelStr *names, int n, HllRegisters *all, bool *dense) {
    memset(all, 0, sizeof(*all));
    for (int i = 0; i < n; i++) {
        Hll h;
        if (!hll_open(c, names[i], KEEL_KEY_READ, &h)) return false;
        if (!h.bytes) continue;
        *dense |= hll_form(h.bytes) == HLL_DENSE;
        if (!hll_merge(all, (KeelStr){(char *)h.bytes, h.len})) {
            reply_malformed(c);
            return false;
        }
    }
    return true;
}

/* Of one key the estimate is kept in its header: a read that changes the value, of which replicas
 * and files are told. */
static void count_one(KeelCtx *c, KeelStr name) {
    static HllRegisters registers;
    Hll h;
    uint64_t cardinality = 0;
    if (!hll_open(c, name, KEEL_KEY_READ, &h)) return;
    if (h.bytes && !hll_cached(h.bytes, &cardinality)) {
        memset(&registers, 0, sizeof(registers));
        if (!hll_merge(&registers, (KeelStr){(char *)h.bytes, h.len})) {
            reply_malformed(c);
            return;
        }
        cardinality = hll_estimate(&registers);
        if (!hll_resize(c, &h, h.len)) return;
        hll_set_cached(h.bytes, cardinality);
        keel_key_changed(&h.key, 0, NULL);
    }
    keel_reply_int(c, (int64_t)cardinality);
}

static void hyperloglog_pfcount(KeelCtx *c, const KeelStr *argv, int argc) {
    static HllRegisters all;
    bool dense = false;
    if (argc == 2) {
        count_one(c, argv[1]);
    } else if (merge_keys(c, argv + 1, argc - 1, &all, &dense)) {
        keel_reply_int(c, (int64_t)hll_estimate(&all));
    }
}

/* PFMERGE destkey [sourcekey ...]: the destination is one of the sources. It becomes dense if any
 * of them is. */
static void hyperloglog_pfmerge(KeelCtx *c, const KeelStr *argv, int argc) {
    static HllRegisters all;
    bool dense = false;
    Hll h;
    if (!merge_keys(c, argv + 1, argc - 1, &all, &dense)) return;
    if (!hll_open(c, argv[1], KEEL_KEY_WRITE, &h)) return;
    if (!h.bytes && !hll_create(c, &h)) return;
    if (dense && !hll_make_dense(c, &h)) return;
    if (!hll_resize(c, &h, h.len)) return;
    for (unsigned i = 0; i < HLL_REGISTERS; i++) {
        if (all.at[i] && hll_raise(c, &h, i, all.at[i]) < 0) return;
    }
    hll_forget_cached(h.bytes);
    keel_key_changed(&h.key, KEEL_NOTIFY_STRING, "pfadd");
    keel_reply_ok(c);
}

/* ---- PFDEBUG --------------------------------------------------------------------------------- */

/* In the dense form from now on; 1 when it was not. False: an error was replied. */
static bool debug_make_dense(KeelCtx *c, Hll *h, bool *converted) {
    *converted = hll_form(h->bytes) == HLL_SPARSE;
    if (*converted && !hll_make_dense(c, h)) return false;
    if (*converted) keel_dirty_add(c, 1);
    return true;
}

static void debug_getreg(KeelCtx *c, Hll *h) {
    bool converted;
    if (!debug_make_dense(c, h, &converted)) return;
    keel_reply_array(c, HLL_REGISTERS);
    for (unsigned i = 0; i < HLL_REGISTERS; i++) keel_reply_int(c, dense_get(h->bytes, i));
}

static void debug_todense(KeelCtx *c, Hll *h) {
    bool converted;
    if (debug_make_dense(c, h, &converted)) keel_reply_int(c, converted);
}

/* The runs as words: z:N and Z:N are N zeros in one or two bytes, v:V,N are N registers of V. */
static void debug_decode(KeelCtx *c, Hll *h) {
    if (hll_form(h->bytes) != HLL_SPARSE) {
        keel_reply_error(c, "ERR HLL encoding is not sparse");
        return;
    }
    enum { WORD_MAX = 12 };
    char *text = keel_alloc((h->len - HLL_HEADER) * WORD_MAX + 1);
    size_t len = 0;
    Run run;
    for (size_t at = HLL_HEADER; at < h->len; at += run.size) {
        if (!sparse_run(h->bytes, h->len, at, 0, &run)) break;
        const char *blank = len ? " " : "";
        if (run.value) {
            len += (size_t)sprintf(text + len, "%sv:%u,%u", blank, run.value, run.count);
        } else {
            char zeros = run.size == 1 ? 'z' : 'Z';
            len += (size_t)sprintf(text + len, "%s%c:%u", blank, zeros, run.count);
        }
    }
    keel_reply_bulk(c, (KeelStr){text, len});
    keel_free(text);
}

static void hyperloglog_pfdebug(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    Hll h;
    if (!hll_open(c, argv[2], KEEL_KEY_WRITE, &h)) return;
    if (!h.bytes) {
        keel_reply_error(c, "ERR The specified key does not exist");
    } else if (keel_is(argv[1], "getreg")) {
        debug_getreg(c, &h);
    } else if (keel_is(argv[1], "decode")) {
        debug_decode(c, &h);
    } else if (keel_is(argv[1], "encoding")) {
        keel_reply_status(c, hll_form(h.bytes) == HLL_DENSE ? "dense" : "sparse");
    } else if (keel_is(argv[1], "todense")) {
        debug_todense(c, &h);
    } else {
        keel_reply_errorf(c, "ERR Unknown PFDEBUG subcommand '%s'", argv[1].ptr);
    }
}

/* ---- tables ---------------------------------------------------------------------------------- */

static const KeelConfig configs[] = {
    { .name = "hll-sparse-max-bytes", .type = KEEL_CONFIG_MEMORY, .var = &sparse_max_bytes,
      .value = "3000", .max = LONG_MAX },
    { 0 }
};

#define MAY_CHANGE                                                                                 \
    " = RW because it may change the internal representation of the key, and propagate to replicas"

static const KeelCommand commands[] = {
    { .name = "pfadd", .args = "key [element [element ...]]",
      .flags = KEEL_WRITE | KEEL_DENYOOM | KEEL_FAST, .call = hyperloglog_pfadd,
      .group = "hyperloglog", .since = "2.8.9", .complexity = "O(1) to add every element.",
      .keys = "RW INSERT", .summary = "Adds elements to a HyperLogLog." },
    { .name = "pfcount", .args = "key [key ...]", .flags = KEEL_READONLY | KEEL_MAY_REPLICATE,
      .call = hyperloglog_pfcount, .group = "hyperloglog", .since = "2.8.9",
      .complexity = "O(1) with a very small average constant time when called with a single key. "
                    "O(N) with N being the number of keys, and much bigger constant times, when "
                    "called with multiple keys.",
      .keys = "RW ACCESS" MAY_CHANGE,
      .summary = "Estimates how many different elements HyperLogLogs were given together." },
    { .name = "pfdebug", .args = "subcommand key",
      .flags = KEEL_WRITE | KEEL_DENYOOM | KEEL_ADMIN | KEEL_INTERNAL, .call = hyperloglog_pfdebug,
      .group = "hyperloglog", .since = "2.8.9", .complexity = "N/A", .keys = "RW ACCESS",
      .summary = "Shows a HyperLogLog's registers and form." },
    { .name = "pfmerge", .args = "destkey [sourcekey:key [sourcekey:key ...]]",
      .flags = KEEL_WRITE | KEEL_DENYOOM, .call = hyperloglog_pfmerge, .group = "hyperloglog",
      .since = "2.8.9", .keys = "RW ACCESS INSERT & RO ACCESS",
      .complexity = "O(N) to merge N HyperLogLogs, but with high constant times.",
      .summary = "Merges HyperLogLogs into one." },
    { .name = "pfselftest", .flags = KEEL_ADMIN | KEEL_INTERNAL, .call = hyperloglog_pfselftest,
      .group = "hyperloglog", .since = "2.8.9", .complexity = "N/A",
      .summary = "Tests registers and estimates of the HyperLogLog code." },
    { 0 }
};

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    if (argc) return keel_load_error(c, "hyperloglog takes no arguments");
    string = keel_interface("string", KEEL_STRING_VERSION);
    if (!string) return keel_load_error(c, "hyperloglog needs the interface 'string'");
    return 0;
}

KEEL_MODULE(.name = "hyperloglog", .version = "1.0.0",
            .summary = "Counting of different elements: PFADD, PFCOUNT, PFMERGE.",
            .needs = "strings", .commands = commands, .configs = configs, .load = load);
