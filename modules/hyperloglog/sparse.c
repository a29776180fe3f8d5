/* sparse.c - the sparse form: runs of registers with the same value.
 *
 *     00nnnnnn             n + 1 registers are 0
 *     01nnnnnn nnnnnnnn    n + 1 registers are 0
 *     1vvvvvnn             n + 1 registers are v + 1
 *
 * Together they are all registers, in order. Raising one register splits the run that it is in;
 * then runs of equal values that became neighbours are joined, looking at no more than five opcodes. The
 * same order of the same steps gives the same bytes as Redis, which replicas and tests compare.
 *
 * A change needs the whole string to be well-formed, as one that is not is not to be repaired by
 * chance; a register that stays as it is was read from a part that is. */
#include "hll.h"

#include <string.h>

enum { ZEROS_MAX = 64, VALUE_MAX = 32, EQUAL_MAX = 4, MERGE_LOOKS = 5 };

bool sparse_run(const uint8_t *bytes, size_t len, size_t at, unsigned first, Run *run) {
    uint8_t head = bytes[at];
    *run = (Run){.at = at, .size = 1, .first = first};
    if (head & 0x80) {
        run->count = (head & 3u) + 1;
        run->value = (uint8_t)((head >> 2 & 31) + 1);
    } else if (head & 0x40) {
        if (at + 1 >= len) return false;
        run->size = 2;
        run->count = ((head & 63u) << 8 | bytes[at + 1]) + 1;
    } else {
        run->count = (head & 63u) + 1;
    }
    return true;
}

static uint8_t *put_zeros(uint8_t *to, unsigned count) {
    if (count > ZEROS_MAX) {
        *to++ = (uint8_t)(0x40 | (count - 1) >> 8);
        *to++ = (uint8_t)(count - 1);
    } else if (count) {
        *to++ = (uint8_t)(count - 1);
    }
    return to;
}

static uint8_t *put_values(uint8_t *to, uint8_t value, unsigned count) {
    if (count) *to++ = (uint8_t)(0x80 | (value - 1u) << 2 | (count - 1));
    return to;
}

/* Whether the runs from `run` on are the rest of the registers. */
static bool rest_is_well_formed(const uint8_t *bytes, size_t len, Run run) {
    for (;;) {
        unsigned next = run.first + run.count;
        size_t at = run.at + run.size;
        if (next > HLL_REGISTERS) return false;
        if (at == len) return next == HLL_REGISTERS;
        if (!sparse_run(bytes, len, at, next, &run)) return false;
    }
}

SparseResult sparse_plan(const uint8_t *bytes, size_t len, unsigned i, uint8_t value,
                         SparseChange *change) {
    size_t at = HLL_HEADER, before = 0;
    unsigned first = 0;
    Run run;
    if (value > VALUE_MAX) return SPARSE_TOO_HIGH;
    for (;;) {
        if (at >= len || !sparse_run(bytes, len, at, first, &run)) return SPARSE_MALFORMED;
        if (i < first + run.count) break;
        before = at;
        at += run.size;
        first += run.count;
    }
    if (run.value >= value) return SPARSE_SAME;
    if (!rest_is_well_formed(bytes, len, run)) return SPARSE_MALFORMED;

    unsigned left = i - first, right = run.count - left - 1;
    uint8_t *to = change->opcodes;
    to = run.value ? put_values(to, run.value, left) : put_zeros(to, left);
    to = put_values(to, value, 1);
    to = run.value ? put_values(to, run.value, right) : put_zeros(to, right);
    change->at = at;
    change->old_size = run.size;
    change->size = (size_t)(to - change->opcodes);
    change->merge_from = before ? before : HLL_HEADER;
    return SPARSE_CHANGE;
}

/* Joins what can be joined, from `at` on. */
static size_t merge(uint8_t *bytes, size_t len, size_t at) {
    for (int looks = MERGE_LOOKS; at < len && looks; looks--) {
        uint8_t head = bytes[at];
        if (!(head & 0x80)) {
            at += head & 0x40 ? 2 : 1;
            continue;
        }
        bool equal = at + 1 < len && (bytes[at + 1] & 0xfc) == (head & 0xfc);
        unsigned count = equal ? (head & 3u) + 1 + (bytes[at + 1] & 3u) + 1 : EQUAL_MAX + 1;
        if (count > EQUAL_MAX) {
            at++;
            continue;
        }
        /* Its neighbour may be joined to what it is now: stay. */
        bytes[at] = (uint8_t)((head & 0xfc) | (count - 1));
        memmove(bytes + at + 1, bytes + at + 2, len - at - 2);
        len--;
    }
    return len;
}

size_t sparse_apply(uint8_t *bytes, size_t len, const SparseChange *change) {
    uint8_t *at = bytes + change->at;
    size_t rest = len - change->at - change->old_size;
    memmove(at + change->size, at + change->old_size, rest);
    memcpy(at, change->opcodes, change->size);
    return merge(bytes, len - change->old_size + change->size, change->merge_from);
}
