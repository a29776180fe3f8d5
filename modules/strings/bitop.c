/* bitop.c - BITOP: AND, OR, XOR and NOT over whole strings.
 *
 * Shorter strings count as followed by zeros. The result is computed in the destination's own
 * buffer, block by block: each block of all sources is combined in a scratch block that stays in
 * the first-level cache, by loops that the compiler turns into vector code, and written back last.
 * So the destination may be one of the sources, and no second copy of the result exists. */
#include "strings.h"
#include <string.h>

enum { BLOCK = 4096, FEW = 8 };

typedef enum BitOp { BIT_AND, BIT_OR, BIT_XOR, BIT_NOT } BitOp;

/* A source. The handle outlives the destination's growth, the view does not: read_inputs() takes it
 * again. `scratch` holds the digits of an integer. */
typedef struct Input {
    KeelKey key;
    KeelStr bytes;
    char scratch[KEEL_INT_ROOM];
} Input;

/* One loop an operation: a choice inside would keep the compiler from using vector registers. */
static void combine(uint8_t *restrict acc, const uint8_t *restrict in, size_t n, BitOp op) {
    if (op == BIT_AND) {
        for (size_t i = 0; i < n; i++) acc[i] &= in[i];
    } else if (op == BIT_OR) {
        for (size_t i = 0; i < n; i++) acc[i] |= in[i];
    } else {
        for (size_t i = 0; i < n; i++) acc[i] ^= in[i];
    }
}

/* How much of `s` lies in the block of `n` bytes that begins at `at`. */
static size_t part(KeelStr s, size_t at, size_t n) {
    if (s.len <= at) return 0;
    return s.len - at < n ? s.len - at : n;
}

/* `out` has `len` bytes and may be the bytes of any input: every byte of a block is read before
 * that block of `out` is written. An input that ends early counts as zeros, which matters to AND
 * only. */
static void compute(char *out, size_t len, const Input *in, int n, BitOp op) {
    uint8_t acc[BLOCK];
    for (size_t at = 0; at < len; at += BLOCK) {
        size_t size = len - at < BLOCK ? len - at : BLOCK;
        size_t have = part(in[0].bytes, at, size);
        if (have) memcpy(acc, in[0].bytes.ptr + at, have);
        memset(acc + have, 0, size - have);
        for (int i = 1; i < n; i++) {
            have = part(in[i].bytes, at, size);
            if (have) combine(acc, (const uint8_t *)in[i].bytes.ptr + at, have, op);
            if (op == BIT_AND) memset(acc + have, 0, size - have);
        }
        if (op == BIT_NOT) {
            for (size_t i = 0; i < size; i++) acc[i] = (uint8_t)~acc[i];
        }
        memcpy(out + at, acc, size);
    }
}

static bool parse_operation(KeelStr s, BitOp *op) {
    static const char *const words[] = {"and", "or", "xor", "not"};
    for (int i = 0; i < 4; i++) {
        if (keel_is(s, words[i])) {
            *op = (BitOp)i;
            return true;
        }
    }
    return false;
}

static void read_inputs(Input *in, int n) {
    for (int i = 0; i < n; i++) {
        in[i].bytes = (KeelStr){"", 0};
        if (keel_key_exists(&in[i].key)) in[i].bytes = keel_key_bytes(&in[i].key, in[i].scratch);
    }
}

/* Puts the result of `len` > 0 bytes into the destination. The inputs' views are taken again after
 * the destination has grown, which may have moved any of them. */
static bool store_result(KeelCtx *c, KeelStr name, size_t len, Input *in, int n, BitOp op) {
    KeelKey dest;
    if (keel_key_open(c, name, KEEL_KEY_WRITE, &dest) && !keel_key_is(&dest, &strings_type)) {
        /* See first that there is memory: a refused command must leave the old value. */
        void *probe = keel_try_alloc(len);
        if (!probe) {
            keel_reply_error(c, "ERR insufficient memory for a string of this size");
            return false;
        }
        keel_free(probe);
        keel_key_delete(&dest, false);
    }
    char *out = strings_edit(c, &dest, len);
    if (!out) return false;
    read_inputs(in, n);
    compute(out, len, in, n, op);
    keel_key_set_expiry(&dest, KEEL_NO_EXPIRY);
    keel_key_changed(&dest, KEEL_NOTIFY_STRING, "set");
    return true;
}

/* Types are checked before anything is changed, sources in the order of the arguments. A result of
 * no bytes is a missing key, not an empty string. */
static void run(KeelCtx *c, const KeelStr *argv, int n, BitOp op, Input *in) {
    size_t len = 0;
    for (int i = 0; i < n; i++) {
        if (keel_key_open(c, argv[i + 3], KEEL_KEY_READ, &in[i].key) &&
            !strings_check(c, &in[i].key)) {
            return;
        }
    }
    read_inputs(in, n);
    for (int i = 0; i < n; i++) {
        if (in[i].bytes.len > len) len = in[i].bytes.len;
    }
    if (len > 0) {
        if (!store_result(c, argv[2], len, in, n, op)) return;
    } else {
        KeelKey dest;
        if (keel_key_open(c, argv[2], KEEL_KEY_WRITE, &dest)) {
            keel_key_delete(&dest, false);
            keel_key_changed(&dest, KEEL_NOTIFY_GENERIC, "del");
        }
    }
    keel_reply_int(c, (int64_t)len);
}

void strings_bitop(KeelCtx *c, const KeelStr *argv, int argc) {
    BitOp op;
    if (!parse_operation(argv[1], &op)) {
        keel_reply_syntax(c);
        return;
    }
    if (op == BIT_NOT && argc != 4) {
        keel_reply_error(c, "ERR BITOP NOT must be called with a single source key.");
        return;
    }
    int n = argc - 3;
    Input few[FEW];
    Input *in = n <= FEW ? few : keel_alloc((size_t)n * sizeof(Input));
    run(c, argv, n, op, in);
    if (in != few) keel_free(in);
}
