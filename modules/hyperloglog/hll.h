/* hll.h - what the files of the hyperloglog module share: the form of strings, and registers. */
#ifndef HLL_H
#define HLL_H

#include <keel.h>

enum {
    HLL_REGISTERS = 1 << 14,
    HLL_RANK_MAX = 51,        /* of a hash without the 14 bits that choose the register */
    HLL_HEADER = 16,
    HLL_DENSE_BYTES = HLL_HEADER + HLL_REGISTERS * 6 / 8,
    HLL_EMPTY_BYTES = HLL_HEADER + 2,
};
typedef enum HllForm { HLL_DENSE, HLL_SPARSE } HllForm;

/* All registers, a byte each. */
typedef struct HllRegisters {
    uint8_t at[HLL_REGISTERS];
} HllRegisters;

/* ---- the string ---- */

/* Whether these bytes have the header of one, and the length that it asks for. What follows the
 * header of a sparse one is not looked at. */
bool hll_is(KeelStr s);
static inline HllForm hll_form(const uint8_t *bytes) {
    return (HllForm)bytes[4];
}
/* An empty one: HLL_EMPTY_BYTES. */
void hll_init(uint8_t *bytes);
/* The cardinality that was computed last, if no register changed since. */
bool hll_cached(const uint8_t *bytes, uint64_t *cardinality);
void hll_set_cached(uint8_t *bytes, uint64_t cardinality);
void hll_forget_cached(uint8_t *bytes);

/* ---- counting ---- */

/* Which register an element belongs to, and the value it gives it at least. */
unsigned hll_register_of(KeelStr element, uint8_t *value);
/* Raises registers to those of `s`, which hll_is(). False: it is malformed; some may be raised. */
bool hll_merge(HllRegisters *into, KeelStr s);
uint64_t hll_estimate(const HllRegisters *registers);

/* ---- registers ---- */

static inline uint8_t dense_get(const uint8_t *bytes, unsigned i) {
    const uint8_t *p = bytes + HLL_HEADER + i * 6 / 8;
    unsigned shift = i * 6 & 7, v = p[0] >> shift;
    if (shift > 2) v |= (unsigned)p[1] << (8 - shift);
    return v & 63;
}
static inline void dense_set(uint8_t *bytes, unsigned i, uint8_t value) {
    uint8_t *p = bytes + HLL_HEADER + i * 6 / 8;
    unsigned shift = i * 6 & 7;
    p[0] = (uint8_t)((p[0] & ~(63u << shift)) | (unsigned)value << shift);
    if (shift <= 2) return;
    p[1] = (uint8_t)((p[1] & ~(63u >> (8 - shift))) | value >> (8 - shift));
}

/* An opcode of the sparse form: a run of registers of one value. */
typedef struct Run {
    size_t at, size; /* where it is, and its own bytes: 1 or 2 */
    unsigned first, count;
    uint8_t value;
} Run;
/* The opcode at `at`, whose first register is `first`. False: its second byte is missing. */
bool sparse_run(const uint8_t *bytes, size_t len, size_t at, unsigned first, Run *run);

/* What raising one register of the sparse form takes. */
typedef struct SparseChange {
    size_t at, old_size;     /* this opcode ... */
    uint8_t opcodes[5];      /* ... becomes these */
    size_t size;
    size_t merge_from;       /* where runs of equal values may meet: the opcode before */
} SparseChange;
typedef enum SparseResult {
    SPARSE_SAME,     /* the register is that high already */
    SPARSE_CHANGE,   /* *change says what to do */
    SPARSE_TOO_HIGH, /* the form cannot hold the value */
    SPARSE_MALFORMED,
} SparseResult;
SparseResult sparse_plan(const uint8_t *bytes, size_t len, unsigned i, uint8_t value,
                         SparseChange *change);
/* Does it. There is room for what is added. Returns the new length. */
size_t sparse_apply(uint8_t *bytes, size_t len, const SparseChange *change);

#endif
