/* listpack.c - packed sequences: random changes against a plain array of strings, every encoding's
 * exact bytes, walks both ways, and what the validator refuses. */
#include "check.h"

#include <ds/host.h>
#include <ds/listpack.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL = 3000 };

static KeelStr model[MODEL];
static size_t count;

static void model_insert(size_t at, KeelStr s) {
    memmove(model + at + 1, model + at, (count - at) * sizeof(*model));
    model[at] = (KeelStr){keel_strdup(s), s.len};
    count++;
}

static void model_delete(size_t at, size_t n) {
    for (size_t i = at; i < at + n; i++) keel_free((char *)model[i].ptr);
    memmove(model + at, model + at + n, (count - at - n) * sizeof(*model));
    count -= n;
}

/* Strings and integers of every encoding, at their borders more often than not. */
static KeelStr random_string(char *room) {
    static const int64_t borders[] = {0, 127, 128, 4095, 4096, -4096, -4097, 32767, 32768, -32768,
                                      8388607, 8388608, -8388608, -8388609, INT32_MAX, INT32_MIN,
                                      INT64_MAX, INT64_MIN, -1, 1};
    static const size_t lengths[] = {0, 1, 5, 62, 63, 64, 126, 127, 128, 4093, 4095, 4096, 5000};
    uint64_t r = check_random();
    size_t len;
    switch (r % 4) {
    case 0:
        return (KeelStr){room, (size_t)sprintf(room, "%lld", (long long)borders[r / 4 % 20])};
    case 1:
        return (KeelStr){room, (size_t)sprintf(room, "%lld",
                                               (long long)((int64_t)check_random() >> r / 4 % 64))};
    case 2: /* nearly integers */
        return (KeelStr){room, (size_t)sprintf(room, r & 4 ? "0%d" : r & 8 ? "-%d" : "%d ", 0)};
    default:
        len = lengths[r / 4 % (r & 1024 ? 13 : 8)];
        for (size_t i = 0; i < len; i++) room[i] = (char)(i % 7 ? 'a' + i % 26 : 255);
        return (KeelStr){room, len};
    }
}

static bool same(const uint8_t *lp, const uint8_t *p, size_t i) {
    char scratch[KEEL_INT_ROOM];
    (void)lp;
    return keel_equal(lp_str(p, scratch), model[i]) && lp_is(p, model[i]);
}

static bool well_formed(const uint8_t *lp) {
    if (!lp_valid(lp, lp_bytes(lp), NULL, NULL) || lp_count(lp) != count) return false;
    if (ds_size(lp) < lp_bytes(lp)) return false;
    const uint8_t *p = lp_first(lp);
    for (size_t i = 0; i < count; i++, p = lp_next(lp, p)) {
        if (!p || !same(lp, p, i)) return false;
        if (i % 16 == 0 && lp_seek(lp, (long)i) != p) return false;
        if (i % 16 == 0 && lp_seek(lp, (long)i - (long)count) != p) return false;
    }
    if (p || lp_seek(lp, (long)count) || lp_seek(lp, -(long)count - 1)) return false;
    p = lp_last(lp);
    for (size_t i = count; i--; p = lp_prev(lp, p)) {
        if (!p || !same(lp, p, i)) return false;
    }
    return p == NULL;
}

static uint8_t *change(uint8_t *lp, KeelStr s) {
    size_t at = count ? check_random() % count : 0;
    uint8_t *p = count ? lp_seek(lp, (long)at) : NULL;
    bool after = check_random() & 1;
    int64_t v;
    bool number = keel_parse_int(s, &v) && check_random() % 2;
    switch (count == 0 ? check_random() % 2 : count > 200 ? 5 + check_random() % 2
                                                          : check_random() % 7) {
    case 0:
        model_insert(count, s);
        return number ? lp_append_int(lp, v) : lp_append(lp, s);
    case 1:
        model_insert(0, s);
        return number ? lp_prepend_int(lp, v) : lp_prepend(lp, s);
    case 2:
    case 3:
        lp = number ? lp_insert_int(lp, &p, v, after) : lp_insert(lp, &p, s, after);
        model_insert(at + after, s);
        always(p == lp_seek(lp, (long)(at + after)), "an inserted element's position", "");
        return lp;
    case 4:
        lp = number ? lp_replace_int(lp, &p, v) : lp_replace(lp, &p, s);
        model_delete(at, 1);
        model_insert(at, s);
        always(p == lp_seek(lp, (long)at), "a replaced element's position", "");
        return lp;
    case 5: {
        size_t n = check_random() % 4;
        lp = lp_delete(lp, &p, n);
        if (n > count - at) n = count - at;
        model_delete(at, n);
        always(p == lp_seek(lp, (long)at), "what follows the deleted", "");
        return lp;
    }
    default: {
        size_t n = check_random() % 60;
        lp = lp_delete_range(lp, (long)at - (after ? (long)count : 0), n);
        model_delete(at, n > count - at ? count - at : n);
        return lp;
    }
    }
}

static void random_changes(void) {
    char room[6000];
    uint8_t *lp = lp_new(check_random() % 500);
    for (int i = 0; i < 6000; i++) {
        KeelStr s = random_string(room);
        size_t cost = lp_cost(s), before = lp_bytes(lp), had = count;
        lp = change(lp, s);
        if (count == had + 1) always(lp_bytes(lp) == before + cost, "lp_cost is what it takes", "");
        bool fine = well_formed(lp);
        always(fine, "well-formed after a change", room);
        if (!fine) break;
        if (i % 100 == 0 && count) {
            uint8_t *copy = lp_copy(lp), *joined;
            always(memcmp(copy, lp, lp_bytes(lp)) == 0, "a copy", "");
            joined = lp_join(lp_copy(lp), copy);
            always(lp_valid(joined, lp_bytes(joined), NULL, NULL) &&
                      lp_count(joined) == 2 * count && lp_is(lp_seek(joined, (long)count), model[0]),
                  "two joined", "");
            lp_free(joined);
            lp_free(copy);
            lp = lp_shrink(lp);
        }
    }
    lp_free(lp);
    model_delete(0, count);
}

/* The exact bytes, as files have them. */
static void encodings(void) {
    static const struct {
        const char *text;
        const char *hex;
    } cases[] = {
        {"0", "0001"}, {"127", "7f01"}, {"128", "c08002"}, {"-1", "dfff02"}, {"4095", "cfff02"},
        {"-4096", "d00002"}, {"4096", "f1001003"}, {"-32768", "f1008003"}, {"32768", "f200800004"},
        {"-8388608", "f200008004"}, {"8388608", "f30000800005"}, {"2147483647", "f3ffffff7f05"},
        {"2147483648", "f4000000800000000009"}, {"-9223372036854775808", "f4000000000000008009"},
        {"", "8001"}, {"a", "816102"}, {"-0", "822d3003"}, {"01", "82303103"}, {"+1", "822b3103"},
        {"-", "812d02"}, {"9223372036854775808", "93393232333337323033363835343737353830"
                                                 "3814"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char hex[100] = "";
        uint8_t *lp = lp_append(lp_new(0), keel_str(cases[i].text));
        const uint8_t *p = lp_first(lp);
        for (size_t j = 0; j < lp_element_bytes(p); j++) sprintf(hex + 2 * j, "%02x", p[j]);
        always(strcmp(hex, cases[i].hex) == 0, cases[i].text, hex);
        lp_free(lp);
    }
    /* Backward lengths take one byte more from 128, 16383, 2097151 bytes on. */
    static const size_t lens[] = {125, 126, 16377, 16378, 2097145, 2097146};
    static const size_t costs[] = {128, 130, 16384, 16386, 2097153, 2097155};
    static char zeros[2097146];
    for (size_t i = 0; i < 6; i++) {
        KeelStr s = {zeros, lens[i]};
        always(lp_cost(s) == costs[i], "bytes of a long element", "");
        uint8_t *lp = lp_prepend(lp_append(lp_new(0), KEEL_LIT("tail")), s);
        always(lp_valid(lp, lp_bytes(lp), NULL, NULL), "a long element is valid", "");
        always(lp_prev(lp, lp_last(lp)) == lp_first(lp), "walking back over a long element", "");
        lp_free(lp);
    }
}

static void finding(void) {
    uint8_t *lp = lp_new(0);
    const char *words[] = {"k", "v", "10", "k", "-5", "11", "10", "k2", "k", "x"};
    for (int i = 0; i < 10; i++) lp = lp_append(lp, keel_str(words[i]));
    uint8_t *first = lp_first(lp);
    always(lp_find(lp, first, KEEL_LIT("10"), 0) == lp_seek(lp, 2), "find an integer", "");
    always(lp_find(lp, first, KEEL_LIT("10"), 1) == lp_seek(lp, 2), "find a field", "");
    always(lp_find(lp, lp_seek(lp, 4), KEEL_LIT("10"), 1) == lp_seek(lp, 6), "find from", "");
    always(lp_find(lp, lp_seek(lp, 2), KEEL_LIT("k"), 1) == lp_seek(lp, 8),
           "values are passed", "");
    always(lp_find(lp, first, KEEL_LIT("v"), 1) == NULL, "a value is no field", "");
    always(lp_find(lp, first, KEEL_LIT("010"), 0) == NULL, "010 is not 10", "");
    always(lp_find(lp, NULL, KEEL_LIT("k"), 0) == NULL, "nothing in nothing", "");
    /* What was not packed here may hold integers as text. */
    uint8_t odd[] = {10, 0, 0, 0, 1, 0, 0x81, '7', 2, 0xff};
    always(lp_valid(odd, sizeof(odd), NULL, NULL), "digits as text are valid", "");
    always(lp_is(lp_first(odd), KEEL_LIT("7")), "and are what they spell", "");
    lp_free(lp);
}

static void many(void) {
    uint8_t *lp = lp_new(0);
    for (int i = 0; i < 70000; i++) lp = lp_append_int(lp, i);
    always(lp_count(lp) == 70000, "70,000 elements are counted", "");
    always(lp_valid(lp, lp_bytes(lp), NULL, NULL), "and are valid", "");
    always(lp_is(lp_seek(lp, 69000), KEEL_LIT("69000")), "and found", "");
    always(lp_is(lp_seek(lp, -70000), KEEL_LIT("0")), "and found from the end", "");
    lp = lp_delete_range(lp, 10, 69980);
    always(lp_count(lp) == 20 && lp_is(lp_last(lp), KEEL_LIT("69999")), "fewer again", "");
    always(ds_size(lp) <= 256, "and the block is smaller", "");
    lp_free(lp);
}

static bool no_letters(const uint8_t *p, void *data) {
    ++*(int *)data;
    return lp_get(p).ptr == NULL;
}

/* Every flipped byte and every cut of a pack is either refused or safe to walk both ways. */
static void malformed(void) {
    char room[6000];
    uint8_t *lp = lp_new(0);
    for (int i = 0; i < 40; i++) {
        KeelStr s = random_string(room);
        if (s.len < 200) lp = lp_append(lp, s);
    }
    size_t size = lp_bytes(lp);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = memcpy(malloc(cut ? cut : 1), lp, cut);
        always(!lp_valid(part, cut, NULL, NULL), "a cut pack", "");
        if (cut >= 4) {
            for (int i = 0; i < 4; i++) part[i] = (uint8_t)(cut >> 8 * i);
            always(cut == LP_EMPTY_BYTES || !lp_valid(part, cut, NULL, NULL),
                   "a cut pack of right size",
                  "");
        }
        free(part);
    }
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            uint8_t *bad = memcpy(malloc(size), lp, size);
            bad[i] ^= (uint8_t)(1 << bit);
            if (lp_valid(bad, size, NULL, NULL)) {
                size_t there = 0, back = 0;
                for (uint8_t *p = lp_first(bad); p; p = lp_next(bad, p)) there += lp_get(p).len + 1;
                for (uint8_t *p = lp_last(bad); p; p = lp_prev(bad, p)) back += lp_get(p).len + 1;
                always(there == back, "a changed pack that is valid is walkable", "");
            } else {
                passed++;
            }
            free(bad);
        }
    }
    int seen = 0;
    uint8_t *three = lp_append(lp_append_int(lp_append_int(lp_new(0), 1), 2), KEEL_LIT("x"));
    always(!lp_valid(three, lp_bytes(three), no_letters, &seen) && seen == 3,
           "each may refuse", "");
    lp_free(three);
    lp_free(lp);
}

int main(void) {
    encodings();
    finding();
    many();
    random_changes();
    malformed();
    always(keel_self.memory.blocks == 0, "no block is left", "");
    return check_done();
}
