/* intset.c - sorted integers in one block, against a plain array. */
#include "check.h"
#include "hash.h"
#include "mem.h"

#include <ds/intset.h>

enum { MODEL_MAX = 4000 };

static int64_t model[MODEL_MAX];
static size_t model_count;

static bool model_add(int64_t v) {
    size_t at = 0;
    while (at < model_count && model[at] < v) at++;
    if (at < model_count && model[at] == v) return false;
    memmove(model + at + 1, model + at, (model_count - at) * sizeof(*model));
    model[at] = v;
    model_count++;
    return true;
}

static bool model_remove(int64_t v) {
    for (size_t at = 0; at < model_count; at++) {
        if (model[at] != v) continue;
        memmove(model + at, model + at + 1, (--model_count - at) * sizeof(*model));
        return true;
    }
    return false;
}

static bool model_has(int64_t v) {
    for (size_t at = 0; at < model_count; at++) {
        if (model[at] == v) return true;
    }
    return false;
}

static bool alike(const uint8_t *set) {
    if (!intset_valid(set, intset_bytes(set), true)) return false;
    if (intset_count(set) != model_count) return false;
    if (keel_mem_size(set) < intset_bytes(set)) return false;
    for (size_t i = 0; i < model_count; i++) {
        if (intset_at(set, i) != model[i] || !intset_has(set, model[i])) return false;
    }
    return true;
}

/* Values of `bits` bits at most, with the ends of the widths among them. */
static int64_t some_value(unsigned bits) {
    static const int64_t ends[] = {0, -1, INT16_MAX, INT16_MIN, INT16_MAX + 1, INT16_MIN - 1,
                                   INT32_MAX, INT32_MIN, (int64_t)INT32_MAX + 1,
                                   (int64_t)INT32_MIN - 1, INT64_MAX, INT64_MIN};
    uint64_t r = check_random();
    if (r % 16 == 0) {
        int64_t v = ends[(r >> 8) % (sizeof(ends) / sizeof(*ends))];
        int64_t most = (int64_t)(UINT64_MAX >> (65 - bits));
        if (v <= most && v >= -most - 1) return v;
    }
    return (int64_t)(check_random() << (64 - bits)) >> (64 - bits);
}

/* Random additions and removals; a narrow range makes hits, a wide one makes other widths. */
static void random_operations(unsigned bits, int steps) {
    uint8_t *set = intset_new();
    char detail[64];
    model_count = 0;
    for (int i = 0; i < steps; i++) {
        int64_t v = some_value(bits);
        bool changed, expected;
        if (check_random() % 3 && model_count < MODEL_MAX) {
            set = intset_add(set, v, &changed);
            expected = model_add(v);
        } else {
            if (model_count && check_random() % 2) v = model[check_random() % model_count];
            set = intset_remove(set, v, &changed);
            expected = model_remove(v);
        }
        snprintf(detail, sizeof(detail), "%u bits, step %d, %lld", bits, i, (long long)v);
        bool ok = changed == expected && intset_has(set, v) == model_has(v);
        if (i % 16 == 0 || !ok) always(ok && alike(set), "a set is what the model is", detail);
        if (!ok) break;
    }
    always(alike(set), "a set is what the model is, at the end", "");
    uint8_t *copy = intset_copy(set);
    always(alike(copy), "a copy is the same", "");
    intset_free(copy);
    while (model_count) {
        int64_t v = model[check_random() % model_count];
        bool removed;
        set = intset_remove(set, v, &removed);
        if (!removed || !model_remove(v)) break;
    }
    always(alike(set) && intset_count(set) == 0, "everything can be removed", "");
    intset_free(set);
}

static void bytes_of_form(void) {
    bool added;
    uint8_t *set = intset_new();
    always(memcmp(set, "\2\0\0\0\0\0\0\0", 8) == 0 && intset_bytes(set) == 8, "an empty set", "");
    set = intset_add(set, 5, &added);
    set = intset_add(set, -2, &added);
    always(memcmp(set, "\2\0\0\0\2\0\0\0\xfe\xff\5\0", 12) == 0, "two bytes a member", "");
    set = intset_add(set, 65536, &added);
    always(memcmp(set, "\4\0\0\0\3\0\0\0\xfe\xff\xff\xff\5\0\0\0\0\0\1\0", 20) == 0,
          "four bytes a member, the new one last", "");
    set = intset_add(set, INT64_MIN, &added);
    always(intset_bytes(set) == 40 && memcmp(set, "\10\0\0\0\4\0\0\0\0\0\0\0\0\0\0\x80", 16) == 0,
          "eight bytes a member, the new one first", "");
    intset_free(set);
}

/* Every cut, every flipped bit: refused, or then ordered and within its size. */
static void malformed_input(void) {
    static const char good[] = "\2\0\0\0\4\0\0\0\xfe\xff\0\0\5\0\7\0";
    enum { SIZE = 16 };
    char bytes[SIZE + 1];
    for (size_t size = 0; size <= SIZE + 1; size++) {
        always(intset_valid(good, size, true) == (size == SIZE), "only the whole is valid", "");
    }
    size_t accepted = 0;
    for (size_t bit = 0; bit < 8 * SIZE; bit++) {
        memcpy(bytes, good, SIZE);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        if (!intset_valid(bytes, SIZE, true)) continue;
        accepted++;
        const uint8_t *set = (const uint8_t *)bytes;
        bool ordered = true;
        for (size_t i = 1; i < intset_count(set); i++) {
            ordered &= intset_at(set, i - 1) < intset_at(set, i);
        }
        always(ordered && intset_bytes(set) == SIZE, "what is valid is ordered", "");
    }
    always(accepted > 0 && accepted < 8 * SIZE, "some damage is valid, some is not", "");
    always(!intset_valid("\2\0\0\0\2\0\0\0\5\0\5\0", 12, true), "members twice", "");
    always(!intset_valid("\2\0\0\0\2\0\0\0\5\0\4\0", 12, true), "members out of order", "");
    always(intset_valid("\2\0\0\0\2\0\0\0\5\0\4\0", 12, false), "order is a deep check", "");
    always(!intset_valid("\3\0\0\0\0\0\0\0", 8, true), "a width that is none", "");
    always(!intset_valid("\10\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0", 16, true),
          "more members than bytes", "");
    always(!intset_valid("\10\0\0\0\1\0\0\x20\0\0\0\0\0\0\0\0", 16, true),
          "a count that is right only in 32 bits", "");
}

int main(void) {
    mem_init();
    hash_init();
    bytes_of_form();
    random_operations(4, 3000);
    random_operations(10, 6000);
    random_operations(17, 6000);
    random_operations(33, 4000);
    random_operations(64, 4000);
    malformed_input();
    always(keel_self.memory.bytes == 0, "all memory is given back and accounted", "");
    return check_done();
}
