/* ziplist.c - old packed forms: what was written is read back, and no damage is read past. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "hash.h"
#include "mem.h"

#include <ds/ziplist.h>
#include <keel.h>

enum { VALUES = 40 };

static char texts[VALUES][400];
static LpValue model[VALUES];
static size_t count;

static size_t put_little(uint8_t *p, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) p[i] = (uint8_t)(v >> (8 * i));
    return (size_t)bytes;
}

static LpValue random_value(size_t slot) {
    static const uint64_t limits[] = {13, 128, 32768, 1u << 23, 1u << 31, UINT64_MAX / 2};
    if (check_random() % 2) {
        int64_t v = (int64_t)(check_random() % limits[check_random() % 6]);
        return (LpValue){.number = check_random() % 2 ? v : -v};
    }
    size_t len = check_random() % 4 ? check_random() % 20 : check_random() % 400;
    for (size_t i = 0; i < len; i++) texts[slot][i] = (char)('!' + check_random() % 64);
    if (len && texts[slot][0] < ':') texts[slot][0] = 'x'; /* no integer: those come as such */
    return (LpValue){.ptr = texts[slot], .len = len};
}

static size_t write_int(uint8_t *p, int64_t v) {
    if (v >= 0 && v <= 12) {
        p[0] = (uint8_t)(0xf1 + v);
        return 1;
    }
    int width = v == (int8_t)v ? 1 : v == (int16_t)v ? 2 : v >= -(1 << 23) && v < 1 << 23 ? 3
              : v == (int32_t)v ? 4 : 8;
    p[0] = width == 1 ? 0xfe : width == 2 ? 0xc0 : width == 3 ? 0xf0 : width == 4 ? 0xd0 : 0xe0;
    return 1 + put_little(p + 1, (uint64_t)v, width);
}

static size_t write_text(uint8_t *p, const char *text, size_t len) {
    size_t head = len < 64 ? 1 : len < 300 ? 2 : 5; /* the widest form may hold any length */
    p[0] = head == 1 ? (uint8_t)len : head == 2 ? (uint8_t)(0x40 | len >> 8) : 0x80;
    if (head == 2) p[1] = (uint8_t)len;
    if (head == 5) p[1] = 0, p[2] = 0, p[3] = (uint8_t)(len >> 8), p[4] = (uint8_t)len;
    memcpy(p + head, text, len);
    return head + len;
}

/* A ziplist of random values, which `model` remembers. */
static size_t make_ziplist(uint8_t *zl) {
    size_t at = 10, last = 10, before = 0;
    count = check_random() % VALUES;
    for (size_t i = 0; i < count; i++) {
        last = at;
        model[i] = random_value(i);
        if (before < 254 && check_random() % 8) {
            zl[at++] = (uint8_t)before;
        } else {
            zl[at++] = 254;
            at += put_little(zl + at, before, 4);
        }
        at += model[i].ptr ? write_text(zl + at, model[i].ptr, model[i].len)
                           : write_int(zl + at, model[i].number);
        before = at - last;
    }
    zl[at++] = 0xff;
    put_little(zl, at, 4);
    put_little(zl + 4, last, 4);
    put_little(zl + 8, check_random() % 8 ? count : 65535, 2);
    return at;
}

static bool same(LpValue a, LpValue b) {
    if (!a.ptr || !b.ptr) return !a.ptr && !b.ptr && a.number == b.number;
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static bool walk_is_model(const uint8_t *zl) {
    size_t i = 0;
    const uint8_t *p = ziplist_first(zl);
    for (; p && i < count; p = ziplist_next(p)) {
        if (!same(ziplist_get(p), model[i++])) return false;
    }
    return !p && i == count;
}

static bool listpack_is_model(const uint8_t *zl, size_t size) {
    uint8_t *lp = ziplist_to_listpack(zl, size);
    if (!lp) return false;
    bool ok = lp_valid(lp, lp_bytes(lp), NULL, NULL) && lp_count(lp) == count;
    size_t i = 0;
    for (uint8_t *p = lp_first(lp); ok && p; p = lp_next(lp, p)) ok = same(lp_get(p), model[i++]);
    lp_free(lp);
    return ok;
}

static bool touch(LpValue v, void *data) {
    uint64_t *sum = data;
    for (size_t i = 0; v.ptr && i < v.len; i++) *sum += (unsigned char)v.ptr[i];
    return true;
}

static bool touch_pair(KeelStr field, KeelStr value, void *data) {
    LpValue a = {.ptr = field.ptr, .len = field.len}, b = {.ptr = value.ptr, .len = value.len};
    return touch(a, data) && touch(b, data);
}

/* A damaged copy in a block of its own size, so that a sanitizer sees a read past it. */
static uint8_t *damage(const uint8_t *bytes, size_t *size) {
    size_t n = *size;
    if (check_random() % 4 == 0) n = check_random() % (n + 1);
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, bytes, n);
    for (size_t flips = check_random() % 4; n && flips; flips--) {
        copy[check_random() % n] = (uint8_t)(check_random() % 2 ? check_random() : 0xff);
    }
    if (n >= 4 && check_random() % 2) put_little(copy, n, 4);
    *size = n;
    return copy;
}

/* What is still valid can be walked and has the entries that validation saw. */
static bool damaged_ziplist_is_safe(const uint8_t *zl, size_t size) {
    uint64_t sum = 0, again = 0;
    uint8_t *bad = damage(zl, &size);
    bool valid = ziplist_valid(bad, size, touch, &sum);
    uint8_t *lp = ziplist_to_listpack(bad, size);
    if (valid) {
        for (const uint8_t *p = ziplist_first(bad); p; p = ziplist_next(p)) {
            touch(ziplist_get(p), &again);
        }
    }
    bool ok = valid == (lp != NULL) && (!valid || sum == again);
    if (lp) lp_free(lp);
    free(bad);
    return ok;
}

static size_t write_length(uint8_t *p, size_t len) {
    if (len < 254 && check_random() % 8) {
        p[0] = (uint8_t)len;
        return 1;
    }
    p[0] = 254;
    return 1 + put_little(p + 1, len, 4);
}

/* A zipmap of texts, `count` of them: half as many pairs. */
static size_t make_zipmap(uint8_t *zm) {
    size_t at = 1;
    count = 2 * (1 + check_random() % (VALUES / 2));
    zm[0] = check_random() % 8 ? (uint8_t)(count / 2) : 254;
    for (size_t i = 0; i < count; i++) {
        do model[i] = random_value(i); while (!model[i].ptr);
        at += write_length(zm + at, model[i].len);
        size_t unused = i % 2 ? check_random() % 5 : 0;
        if (i % 2) zm[at++] = (uint8_t)unused;
        memcpy(zm + at, model[i].ptr, model[i].len);
        memset(zm + at + model[i].len, 0xff, unused);
        at += model[i].len + unused;
    }
    zm[at++] = 0xff;
    return at;
}

static bool zipmap_is_model(const uint8_t *zm) {
    const uint8_t *p = zipmap_first(zm);
    KeelStr field, value;
    size_t i = 0;
    while (zipmap_next(&p, &field, &value)) {
        LpValue f = {.ptr = field.ptr, .len = field.len}, v = {.ptr = value.ptr, .len = value.len};
        if (i >= count || !same(f, model[i]) || !same(v, model[i + 1])) return false;
        i += 2;
    }
    return i == count;
}

static bool damaged_zipmap_is_safe(const uint8_t *zm, size_t size) {
    uint64_t sum = 0, again = 0;
    uint8_t *bad = damage(zm, &size);
    bool ok = true;
    if (zipmap_valid(bad, size, touch_pair, &sum)) {
        const uint8_t *p = zipmap_first(bad);
        KeelStr field, value;
        while (zipmap_next(&p, &field, &value)) touch_pair(field, value, &again);
        ok = sum == again;
    }
    free(bad);
    return ok;
}

static bool refuse(LpValue v, void *data) {
    (void)data;
    return v.ptr != NULL;
}

int main(void) {
    static uint8_t room[VALUES * 420 + 64];
    mem_init();
    hash_init();
    for (int i = 0; i < 3000; i++) {
        size_t size = make_ziplist(room);
        always(ziplist_valid(room, size, NULL, NULL), "what was written is valid", "");
        always(walk_is_model(room) && listpack_is_model(room, size), "it is read back", "");
        always(!ziplist_valid(room, size - 1, NULL, NULL), "a cut one is refused", "");
        for (int k = 0; k < 20; k++) {
            always(damaged_ziplist_is_safe(room, size), "a damaged one is refused or usable", "");
        }
        size = make_zipmap(room);
        always(zipmap_valid(room, size, NULL, NULL) && zipmap_is_model(room), "zipmaps too", "");
        for (int k = 0; k < 20; k++) {
            always(damaged_zipmap_is_safe(room, size), "a damaged zipmap is refused or usable", "");
        }
    }
    static const uint8_t none[] = {11, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0xff};
    static const uint8_t one[] = {13, 0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0xf1, 0xff};
    count = 0;
    always(ziplist_valid(none, sizeof(none), NULL, NULL) && walk_is_model(none),
           "an empty one", "");
    always(ziplist_valid(one, sizeof(one), NULL, NULL), "a single number", "");
    always(!ziplist_valid(one, sizeof(one), refuse, NULL), "an entry may be refused", "");
    always(!zipmap_valid("\0\xff", 2, NULL, NULL), "a zipmap without pairs is refused", "");
    always(keel_self.memory.bytes == 0, "all memory is given back", "");
    return check_done();
}
