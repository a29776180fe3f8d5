/* hash.c - the hash of keys, in both of its forms: spread, padding, and no look past the end. */
#include "check.h"
#include "hash.h"

#include <stdlib.h>

typedef uint64_t Hash(const void *bytes, size_t len);

static uint64_t sip(const void *bytes, size_t len) {
    return hash_sip(bytes, len);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Zeros of every length, and every single bit in 48 bytes of them: what sloppy padding confuses. */
static bool distinct(Hash *hash) {
    enum { LENGTHS = 300, BITS = 48 * 8 };
    static uint64_t all[LENGTHS + BITS];
    unsigned char zeros[LENGTHS] = {0};
    for (size_t i = 0; i < LENGTHS; i++) all[i] = hash(zeros, i);
    for (size_t i = 0; i < BITS; i++) {
        zeros[i / 8] = (unsigned char)(1u << (i % 8));
        all[LENGTHS + i] = hash(zeros, 48);
        zeros[i / 8] = 0;
    }
    qsort(all, LENGTHS + BITS, sizeof(*all), compare);
    for (size_t i = 1; i < LENGTHS + BITS; i++) {
        if (all[i] == all[i - 1]) return false;
    }
    return true;
}

/* Numbered names fall evenly into 1,024 cells by their top bits: chi-square of 1,023 degrees. */
static double spread(Hash *hash, unsigned shift) {
    enum { CELLS = 1024, NAMES = 200 * CELLS };
    static unsigned cells[CELLS];
    double sum = 0, expected = (double)NAMES / CELLS;
    memset(cells, 0, sizeof(cells));
    for (int i = 0; i < NAMES; i++) {
        char name[32];
        int len = snprintf(name, sizeof(name), "key:%012d", i);
        cells[hash(name, (size_t)len) >> shift & (CELLS - 1)]++;
    }
    for (int i = 0; i < CELLS; i++) {
        double d = cells[i] - expected;
        sum += d * d / expected;
    }
    return sum;
}

/* The bytes at the very end of a block of their own: sanitizers see any look past it. */
static bool bounded(Hash *hash) {
    for (size_t len = 0; len < 70; len++) {
        char text[70];
        memset(text, 'x', sizeof(text));
        char *exact = malloc(len ? len : 1);
        memcpy(exact, text, len);
        bool same = hash(exact, len) == hash(text, len);
        free(exact);
        if (!same) return false;
    }
    return true;
}

static void all_of(Hash *hash, const char *name) {
    check(distinct(hash), "lengths and single bits tell inputs apart", name);
    /* 1,023 +- 5 standard deviations. */
    double top = spread(hash, 54), low = spread(hash, 0);
    check(top > 797 && top < 1249, "names spread over the top bits", name);
    check(low > 797 && low < 1249, "names spread over the low bits", name);
    check(bounded(hash), "only the bytes given are looked at", name);
}

int main(void) {
    hash_init();
    all_of(sip, "sip");
    if (hash_has_aes) all_of(hash_aes, "aes");
    return check_done();
}
