/* selftest.c - PFSELFTEST: whether registers keep what is put into them, whether both forms agree,
 * and whether estimates are as good as they should be. */
#include "hyperloglog.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 100, ELEMENTS = 1000000, SPARSE_ROOM = 3 * HLL_REGISTERS };
#define STANDARD_ERROR (1.04 / 128) /* 1.04 / sqrt(registers) */

/* Random values in all registers, written in any order over others. */
static bool registers_keep_values(KeelCtx *c, uint8_t *bytes, HllRegisters *model) {
    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < HLL_REGISTERS; i++) {
            unsigned at = (unsigned)keel_random_below(HLL_REGISTERS);
            model->at[at] = (uint8_t)keel_random_below(64);
            dense_set(bytes, at, model->at[at]);
        }
        for (unsigned i = 0; i < HLL_REGISTERS; i++) {
            if (dense_get(bytes, i) == model->at[i]) continue;
            keel_reply_errorf(c, "TESTFAILED Register %u should be %u but is %u", i, model->at[i],
                              dense_get(bytes, i));
            return false;
        }
    }
    return true;
}

/* The sparse form as far as it goes: *len becomes 0 when a value is too high for it. */
static bool add_to_sparse(uint8_t *sparse, size_t *len, unsigned at, uint8_t value) {
    SparseChange change;
    switch (sparse_plan(sparse, *len, at, value, &change)) {
    case SPARSE_CHANGE:
        *len = sparse_apply(sparse, *len, &change);
        return true;
    case SPARSE_SAME:
        return true;
    case SPARSE_TOO_HIGH:
        *len = 0;
        return true;
    default:
        return false;
    }
}

static bool same_registers(const HllRegisters *all, const uint8_t *dense, const uint8_t *sparse,
                           size_t len) {
    static HllRegisters other;
    memset(&other, 0, sizeof(other));
    hll_merge(&other, (KeelStr){(const char *)dense, HLL_DENSE_BYTES});
    if (memcmp(all, &other, sizeof(other)) != 0) return false;
    if (!len) return true;
    memset(&other, 0, sizeof(other));
    if (!hll_merge(&other, (KeelStr){(const char *)sparse, len})) return false;
    return memcmp(all, &other, sizeof(other)) == 0;
}

/* Estimates at 1, 10, 100 ...: at most six standard errors off, or one where that is less. */
static bool estimates_are_good(KeelCtx *c, uint8_t *dense, uint8_t *sparse, HllRegisters *all) {
    uint64_t seed = keel_random(), checkpoint = 1;
    size_t len = HLL_EMPTY_BYTES;
    for (uint64_t n = 1; n <= ELEMENTS; n++) {
        uint64_t element = seed ^ n;
        uint8_t value;
        unsigned at = hll_register_of((KeelStr){(char *)&element, sizeof(element)}, &value);
        if (all->at[at] < value) all->at[at] = value;
        if (dense_get(dense, at) < value) dense_set(dense, at, value);
        if (n <= 10000 && len && !add_to_sparse(sparse, &len, at, value)) {
            keel_reply_error(c, "TESTFAILED sparse encoding is malformed");
            return false;
        }
        if (n != checkpoint) continue;
        if (!same_registers(all, dense, sparse, n <= 10000 ? len : 0)) {
            keel_reply_error(c, "TESTFAILED dense/sparse disagree");
            return false;
        }
        double most = ceil(STANDARD_ERROR * 6 * (double)n);
        uint64_t estimate = hll_estimate(all);
        if (fabs((double)estimate - (double)n) > most) {
            keel_reply_errorf(c, "TESTFAILED Too big error. card:%llu abserr:%llu",
                              (unsigned long long)n,
                              (unsigned long long)(estimate > n ? estimate - n : n - estimate));
            return false;
        }
        checkpoint *= 10;
    }
    return true;
}

void hyperloglog_pfselftest(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    uint8_t *dense = keel_zalloc(HLL_DENSE_BYTES), *sparse = keel_zalloc(SPARSE_ROOM);
    HllRegisters *model = keel_zalloc(sizeof(*model));
    bool good = registers_keep_values(c, dense, model);
    memset(dense, 0, HLL_DENSE_BYTES);
    memset(model, 0, sizeof(*model));
    hll_init(sparse);
    if (good && estimates_are_good(c, dense, sparse, model)) keel_reply_ok(c);
    keel_free(dense);
    keel_free(sparse);
    keel_free(model);
}
