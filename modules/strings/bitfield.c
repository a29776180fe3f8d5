/* bitfield.c - BITFIELD and BITFIELD_RO: integers of 1 to 64 bits anywhere in a string.
 *
 * All operations are parsed and checked before the first is done, and the string is then grown once
 * to hold the farthest write. Fields are read and written through at most nine bytes; sums are made
 * in 128 bits, where they cannot overflow, and only then brought back to the field's range. */
#include "strings.h"
#include <string.h>

enum { FEW_OPS = 32 };

typedef enum FieldVerb { FIELD_GET, FIELD_SET, FIELD_INCRBY } FieldVerb;
typedef enum Overflow { OVERFLOW_WRAP, OVERFLOW_SAT, OVERFLOW_FAIL } Overflow;

typedef struct FieldOp {
    uint64_t offset;
    int64_t operand;
    FieldVerb verb;
    Overflow overflow;
    uint8_t bits;
    bool is_signed;
} FieldOp;

/* "i8", "u63": false with an error replied otherwise. */
static bool parse_encoding(KeelCtx *c, KeelStr s, FieldOp *op) {
    int64_t bits = 0;
    bool is_signed = s.len > 0 && s.ptr[0] == 'i';
    if ((!is_signed && (s.len == 0 || s.ptr[0] != 'u')) ||
        !keel_parse_int((KeelStr){s.ptr + 1, s.len - 1}, &bits) || bits < 1 ||
        bits > (is_signed ? 64 : 63)) {
        keel_reply_error(c, "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is"
                            " not supported but i64 is.");
        return false;
    }
    op->bits = (uint8_t)bits;
    op->is_signed = is_signed;
    return true;
}

static bool parse_overflow(KeelCtx *c, KeelStr s, Overflow *overflow) {
    static const char *const words[] = {"wrap", "sat", "fail"};
    for (int i = 0; i < 3; i++) {
        if (keel_is(s, words[i])) {
            *overflow = (Overflow)i;
            return true;
        }
    }
    keel_reply_error(c, "ERR Invalid OVERFLOW type specified");
    return false;
}

/* What a word asks for, and how many words it takes with it. False: none of the verbs. */
static bool parse_verb(KeelStr s, FieldVerb *verb, int *words) {
    *words = 4;
    if (keel_is(s, "get")) {
        *verb = FIELD_GET;
        *words = 3;
    } else if (keel_is(s, "set")) {
        *verb = FIELD_SET;
    } else if (keel_is(s, "incrby")) {
        *verb = FIELD_INCRBY;
    } else {
        return false;
    }
    return true;
}

/* Fills `ops`, which has room for a third of argc. Returns how many there are, -1 when an error was
 * replied. */
static int parse_ops(KeelCtx *c, const KeelStr *argv, int argc, FieldOp *ops) {
    Overflow overflow = OVERFLOW_WRAP;
    int n = 0, words;
    for (int i = 2; i < argc; i += words) {
        FieldOp *op = &ops[n];
        if (keel_is(argv[i], "overflow") && i + 1 < argc) {
            if (!parse_overflow(c, argv[i + 1], &overflow)) return -1;
            words = 2;
            continue;
        }
        if (!parse_verb(argv[i], &op->verb, &words) || argc - i < words) {
            keel_reply_syntax(c);
            return -1;
        }
        op->overflow = overflow;
        op->operand = 0;
        if (!parse_encoding(c, argv[i + 1], op)) return -1;
        if (!bits_offset(c, argv[i + 2], op->bits, &op->offset)) return -1;
        if (op->verb != FIELD_GET && !keel_arg_int(c, argv[i + 3], &op->operand)) return -1;
        n++;
    }
    return n;
}

/* The bytes that a field touches, read as one number; what lies past the end reads as zeros. */
static unsigned __int128 field_bytes(const uint8_t *p, size_t len, size_t at, unsigned n) {
    unsigned __int128 v = 0;
    for (unsigned i = 0; i < n; i++) v = v << 8 | (at + i < len ? p[at + i] : 0);
    return v;
}

static inline uint64_t field_mask(unsigned bits) {
    return bits == 64 ? UINT64_MAX : (1ull << bits) - 1;
}

/* Reads a field, extended to 64 bits by its sign when it has one. */
static uint64_t field_get(const uint8_t *p, size_t len, const FieldOp *op) {
    unsigned reach = (unsigned)(op->offset & 7) + op->bits, n = (reach + 7) / 8;
    uint64_t v = (uint64_t)(field_bytes(p, len, op->offset >> 3, n) >> (n * 8 - reach));
    v &= field_mask(op->bits);
    if (op->is_signed && v >> (op->bits - 1)) v |= ~field_mask(op->bits);
    return v;
}

/* Writes a field that lies within the string. */
static void field_put(uint8_t *p, const FieldOp *op, uint64_t value) {
    unsigned reach = (unsigned)(op->offset & 7) + op->bits, n = (reach + 7) / 8;
    unsigned shift = n * 8 - reach;
    size_t at = op->offset >> 3;
    unsigned __int128 v = field_bytes(p, at + n, at, n);
    v &= ~((unsigned __int128)field_mask(op->bits) << shift);
    v |= (unsigned __int128)(value & field_mask(op->bits)) << shift;
    for (unsigned i = n; i-- > 0; v >>= 8) p[at + i] = (uint8_t)v;
}

/* Brings a sum into the field's range. False: it is out of range and must not be stored. */
static bool field_fit(const FieldOp *op, __int128 sum, uint64_t *value) {
    __int128 max = (__int128)(field_mask(op->bits) >> op->is_signed);
    __int128 min = op->is_signed ? -max - 1 : 0;
    if (sum >= min && sum <= max) {
        *value = (uint64_t)sum;
        return true;
    }
    if (op->overflow == OVERFLOW_FAIL) return false;
    if (op->overflow == OVERFLOW_SAT) {
        /* The real server's distance to the maximum is 64 bits wide: where that wraps, a SET of a
         * hugely negative number saturates at the wrong end, and so it has to be here. */
        bool wraps = op->verb == FIELD_SET && max - sum > INT64_MAX;
        *value = (uint64_t)(sum > max || wraps ? max : min);
    } else {
        *value = (uint64_t)sum & field_mask(op->bits);
        if (op->is_signed && *value >> (op->bits - 1)) *value |= ~field_mask(op->bits);
    }
    return true;
}

/* Does one SET or INCRBY and replies. Returns whether it counts as a change: any that was done does
 * in a string that grew for it. */
static bool field_change(KeelCtx *c, uint8_t *p, size_t len, const FieldOp *op, bool grew) {
    uint64_t old = field_get(p, len, op), value;
    /* A negative operand of an unsigned SET counts as the huge number that its bits spell. */
    __int128 sum;
    if (op->verb == FIELD_INCRBY) {
        sum = (op->is_signed ? (__int128)(int64_t)old : (__int128)old) + op->operand;
    } else {
        sum = op->is_signed ? (__int128)op->operand : (__int128)(uint64_t)op->operand;
    }
    if (!field_fit(op, sum, &value)) {
        keel_reply_null(c);
        return false;
    }
    field_put(p, op, value);
    keel_reply_int(c, (int64_t)(op->verb == FIELD_SET ? old : value));
    return grew || value != old;
}

/* Only GETs: the key is opened for reading, and a missing one reads as zeros. */
static void run_reads(KeelCtx *c, KeelStr name, const FieldOp *ops, int n) {
    KeelKey key;
    KeelStr s = {"", 0};
    char scratch[KEEL_INT_ROOM];
    if (keel_key_open(c, name, KEEL_KEY_READ, &key)) {
        if (!strings_check(c, &key)) return;
        s = keel_key_bytes(&key, scratch);
    }
    keel_reply_array(c, (size_t)n);
    for (int i = 0; i < n; i++) {
        keel_reply_int(c, (int64_t)field_get((const uint8_t *)s.ptr, s.len, &ops[i]));
    }
}

/* The string first gets its final length, `need` bytes at least, so that no operation moves it.
 * All changes together are one event and as many points in INFO's count of changes as fields
 * changed. A string that grew has changed even if every operation then failed: the journal must
 * not miss it. */
static void run_writes(KeelCtx *c, KeelStr name, const FieldOp *ops, int n, size_t need) {
    KeelKey key;
    bool found = keel_key_open(c, name, KEEL_KEY_WRITE, &key);
    if (!strings_check(c, &key)) return;
    size_t old_len = found ? keel_key_bytes_len(&key) : 0;
    size_t len = old_len > need ? old_len : need;
    bool grew = len != old_len;
    uint8_t *p = (uint8_t *)strings_edit(c, &key, len);
    if (!p) return;
    uint64_t changes = 0;
    keel_reply_array(c, (size_t)n);
    for (int i = 0; i < n; i++) {
        if (ops[i].verb == FIELD_GET) {
            keel_reply_int(c, (int64_t)field_get(p, len, &ops[i]));
        } else {
            changes += field_change(c, p, len, &ops[i], grew);
        }
    }
    if (changes > 0 || grew) keel_key_changed(&key, KEEL_NOTIFY_STRING, "setbit");
    if (changes > 1) keel_dirty_add(c, changes - 1);
}

/* Offsets are below eight times the longest string, so `need` fits easily. */
static void bitfield(KeelCtx *c, const KeelStr *argv, int argc, bool read_only) {
    FieldOp few[FEW_OPS], *ops = few;
    if (argc / 3 + 1 > FEW_OPS) ops = keel_alloc((size_t)(argc / 3 + 1) * sizeof(FieldOp));
    int n = parse_ops(c, argv, argc, ops);
    if (n < 0) goto out;
    uint64_t need = 0;
    bool writes = false;
    for (int i = 0; i < n; i++) {
        if (ops[i].verb == FIELD_GET) continue;
        uint64_t end = (ops[i].offset + ops[i].bits + 7) >> 3;
        writes = true;
        if (end > need) need = end;
    }
    if (!writes) {
        run_reads(c, argv[1], ops, n);
    } else if (read_only) {
        keel_reply_error(c, "ERR BITFIELD_RO only supports the GET subcommand");
    } else {
        run_writes(c, argv[1], ops, n, (size_t)need);
    }
out:
    if (ops != few) keel_free(ops);
}

void strings_bitfield(KeelCtx *c, const KeelStr *argv, int argc) {
    bitfield(c, argv, argc, false);
}

void strings_bitfield_ro(KeelCtx *c, const KeelStr *argv, int argc) {
    bitfield(c, argv, argc, true);
}

/* Only GETs: the key is read. Anything else, mistakes included, counts as a write. */
int strings_bitfield_keys(const KeelStr *argv, int argc, KeelKeyUse *uses, int room) {
    if (argc < 2) return -1;
    uint32_t flags = KEEL_USE_RO | KEEL_USE_ACCESS;
    int words;
    for (int i = 2; i < argc; i += words) {
        FieldVerb verb = FIELD_SET;
        if (keel_is(argv[i], "overflow") && i + 1 < argc) {
            words = 2;
            continue;
        }
        if (!parse_verb(argv[i], &verb, &words) || verb != FIELD_GET || argc - i < words) {
            flags = KEEL_USE_RW | KEEL_USE_ACCESS | KEEL_USE_UPDATE;
            break;
        }
    }
    if (room > 0) uses[0] = (KeelKeyUse){1, flags};
    return 1;
}
