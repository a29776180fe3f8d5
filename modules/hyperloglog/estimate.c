/* estimate.c - from elements to registers, and from registers to how many elements there were.
 *
 * An element's hash, MurmurHash64A with a fixed seed, says which register it belongs to with 14
 * bits; how many zeros the other 50 begin with, and one, is the least value of that register. The
 * estimate is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", 2017): from
 * a histogram of the registers' values, right over the whole range. Its standard error is 0.81%. */
#include "hll.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#define MURMUR_SEED 0xadc83b19ull
#define MURMUR_FACTOR 0xc6a4a7935bd1e995ull
#define ALPHA 0.721347520444481703680 /* 1 / (2 ln 2) */
enum { MURMUR_SHIFT = 47, REGISTER_BITS = 14, RANK_BITS = 50 };

static uint64_t murmur_hash(const void *bytes, size_t len) {
    const unsigned char *p = bytes, *end = p + (len & ~(size_t)7);
    uint64_t h = MURMUR_SEED ^ (len * MURMUR_FACTOR), k;
    for (; p < end; p += 8) {
        memcpy(&k, p, 8);
        k = le64toh(k) * MURMUR_FACTOR;
        k = (k ^ k >> MURMUR_SHIFT) * MURMUR_FACTOR;
        h = (h ^ k) * MURMUR_FACTOR;
    }
    if (len & 7) {
        k = 0;
        memcpy(&k, p, len & 7);
        h = (h ^ le64toh(k)) * MURMUR_FACTOR;
    }
    h = (h ^ h >> MURMUR_SHIFT) * MURMUR_FACTOR;
    return h ^ h >> MURMUR_SHIFT;
}

unsigned hll_register_of(KeelStr element, uint8_t *value) {
    uint64_t hash = murmur_hash(element.ptr, element.len);
    uint64_t rest = hash >> REGISTER_BITS | 1ull << RANK_BITS; /* ends even when all are zeros */
    *value = (uint8_t)(__builtin_ctzll(rest) + 1);
    return (unsigned)(hash & (HLL_REGISTERS - 1));
}

static inline void raise_to(uint8_t *at, unsigned value) {
    if (*at < value) *at = (uint8_t)value;
}

/* Four registers are three bytes. */
static void merge_dense(uint8_t *at, const uint8_t *bytes) {
    const uint8_t *p = bytes + HLL_HEADER;
    for (unsigned i = 0; i < HLL_REGISTERS; i += 4, p += 3) {
        unsigned v = p[0] | (unsigned)p[1] << 8 | (unsigned)p[2] << 16;
        raise_to(at + i, v & 63);
        raise_to(at + i + 1, v >> 6 & 63);
        raise_to(at + i + 2, v >> 12 & 63);
        raise_to(at + i + 3, v >> 18);
    }
}

bool hll_merge(HllRegisters *into, KeelStr s) {
    const uint8_t *bytes = (const uint8_t *)s.ptr;
    if (hll_form(bytes) == HLL_DENSE) {
        merge_dense(into->at, bytes);
        return true;
    }
    unsigned first = 0;
    Run run;
    for (size_t at = HLL_HEADER; at < s.len; at += run.size, first += run.count) {
        if (!sparse_run(bytes, s.len, at, first, &run)) return false;
        if (first + run.count > HLL_REGISTERS) return false;
        for (unsigned i = 0; run.value && i < run.count; i++) {
            raise_to(into->at + first + i, run.value);
        }
    }
    return first == HLL_REGISTERS;
}

/* The corrections for registers that are still 0 and for those at the highest value: sums that are
 * added up until they no longer change. */
static double sigma(double x) {
    double sum = x, before, factor = 1;
    if (x == 1) return INFINITY;
    do {
        before = sum;
        x *= x;
        sum += x * factor;
        factor += factor;
    } while (sum != before);
    return sum;
}

static double tau(double x) {
    double sum = 1 - x, before, factor = 1;
    if (x == 0 || x == 1) return 0;
    do {
        before = sum;
        x = sqrt(x);
        factor *= 0.5;
        sum -= pow(1 - x, 2) * factor;
    } while (sum != before);
    return sum / 3;
}

uint64_t hll_estimate(const HllRegisters *registers) {
    unsigned histogram[64] = {0};
    const double m = HLL_REGISTERS;
    for (unsigned i = 0; i < HLL_REGISTERS; i++) histogram[registers->at[i] & 63]++;
    double z = m * tau((m - histogram[HLL_RANK_MAX]) / m);
    for (unsigned k = HLL_RANK_MAX - 1; k >= 1; k--) z = (z + histogram[k]) * 0.5;
    z += m * sigma(histogram[0] / m);
    return (uint64_t)llround(ALPHA * m * m / z);
}
