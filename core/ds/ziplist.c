/* ziplist.c - reading ziplists and zipmaps. See ds/ziplist.h.
 *
 * One function each reads what stands at a position within so many bytes; validation calls it with the
 * bytes that are left, walks of a valid block with no bound. */
#include <string.h>

#include <ds/host.h>
#include <ds/ziplist.h>

enum { HEADER = 10, END = 0xff, WIDE = 254, COUNT_UNKNOWN = UINT16_MAX };

static uint32_t get_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- ziplists -------------------------------------------------------------------------------- */

/* Bytes of an integer's content by its encoding, 0 where the encoding is the number itself, -1 when
 * there is no such encoding. */
static int int_width(uint8_t encoding) {
    switch (encoding) {
    case 0xfe:
        return 1;
    case 0xc0:
        return 2;
    case 0xf0:
        return 3;
    case 0xd0:
        return 4;
    case 0xe0:
        return 8;
    default:
        return encoding >= 0xf1 && encoding <= 0xfd ? 0 : -1;
    }
}

static int64_t get_int(const uint8_t *p, int width) {
    uint64_t bits = 0;
    for (int i = 0; i < width; i++) bits |= (uint64_t)p[i] << (8 * i);
    int unused = 64 - 8 * width;
    return (int64_t)(bits << unused) >> unused;
}

/* The value whose encoding is at `p`, `left` bytes before the end. Returns the bytes it takes, 0 when
 * it is malformed. */
static size_t read_value(const uint8_t *p, size_t left, LpValue *v) {
    if (left < 1) return 0;
    size_t head, len;
    switch (p[0] >> 6) {
    case 0:
        head = 1;
        len = p[0] & 0x3f;
        break;
    case 1:
        if (left < 2) return 0;
        head = 2;
        len = (size_t)(p[0] & 0x3f) << 8 | p[1];
        break;
    case 2:
        if (left < 5 || p[0] != 0x80) return 0;
        head = 5;
        len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
        break;
    default: {
        int width = int_width(p[0]);
        if (width < 0 || left < 1 + (size_t)width) return 0;
        *v = (LpValue){.number = width ? get_int(p + 1, width) : (p[0] & 0x0f) - 1};
        return 1 + (size_t)width;
    }
    }
    if (len > left - head) return 0;
    *v = (LpValue){.ptr = (const char *)p + head, .len = len};
    return head + len;
}

/* The entry at `p`: how long the one before says to be, and the value. Returns the bytes it takes, 0
 * when it is malformed. */
static size_t read_entry(const uint8_t *p, size_t left, size_t *before, LpValue *v) {
    size_t head = left && p[0] < WIDE ? 1 : 5;
    if (left < head || p[0] == END) return 0;
    *before = head == 1 ? p[0] : get_u32(p + 1);
    size_t size = read_value(p + head, left - head, v);
    return size ? head + size : 0;
}

bool ziplist_valid(const void *bytes, size_t size, bool (*each)(LpValue v, void *data),
                   void *data) {
    const uint8_t *zl = bytes;
    if (size < HEADER + 1 || get_u32(zl) != size || zl[size - 1] != END) return false;
    size_t tail = get_u32(zl + 4), stated = (size_t)zl[8] | (size_t)zl[9] << 8;
    size_t at = HEADER, last = HEADER, last_size = 0, count = 0;
    while (at < size - 1) {
        size_t before;
        LpValue v;
        size_t n = read_entry(zl + at, size - 1 - at, &before, &v);
        if (n == 0 || before != last_size || (each && !each(v, data))) return false;
        last = at;
        last_size = n;
        at += n;
        count++;
    }
    if (count ? tail != last : tail > size - 1) return false;
    return stated == COUNT_UNKNOWN || stated == count;
}

const uint8_t *ziplist_first(const uint8_t *zl) {
    return zl[HEADER] == END ? NULL : zl + HEADER;
}

const uint8_t *ziplist_next(const uint8_t *p) {
    size_t before;
    LpValue v;
    p += read_entry(p, SIZE_MAX, &before, &v);
    return *p == END ? NULL : p;
}

LpValue ziplist_get(const uint8_t *p) {
    size_t before;
    LpValue v;
    read_entry(p, SIZE_MAX, &before, &v);
    return v;
}

static bool append(LpValue v, void *data) {
    uint8_t **lp = data;
    if (!lp_fits(*lp, v.ptr ? v.len : 9)) return false;
    *lp = v.ptr ? lp_append(*lp, (KeelStr){v.ptr, v.len}) : lp_append_int(*lp, v.number);
    return true;
}

/* Both forms take about as many bytes, so the pack is made as large as the ziplist is, where that many
 * bytes are at hand. */
uint8_t *ziplist_to_listpack(const void *bytes, size_t size) {
    if (size > LP_MAX_BYTES) return NULL;
    uint8_t *lp = lp_new(size);
    if (!ziplist_valid(bytes, size, append, &lp)) {
        lp_free(lp);
        return NULL;
    }
    return lp_shrink(lp);
}

/* ---- zipmaps --------------------------------------------------------------------------------- */

/* A length at `p`. Returns the bytes it takes, 0 when it is malformed. */
static size_t read_length(const uint8_t *p, size_t left, size_t *len) {
    if (left < 1 || p[0] == END) return 0;
    if (p[0] < WIDE) {
        *len = p[0];
        return 1;
    }
    if (left < 5) return 0;
    *len = get_u32(p + 1);
    return 5;
}

/* The pair at `p`. Returns the bytes it takes, 0 when it is malformed. */
static size_t read_pair(const uint8_t *p, size_t left, KeelStr *field, KeelStr *value) {
    size_t len, at = read_length(p, left, &len);
    if (at == 0 || len > left - at) return 0;
    *field = (KeelStr){(const char *)p + at, len};
    at += len;
    size_t head = read_length(p + at, left - at, &len);
    if (head == 0 || left - at - head < 1) return 0;
    at += head;
    size_t unused = p[at++];
    if (len > left - at || unused > left - at - len) return 0;
    *value = (KeelStr){(const char *)p + at, len};
    return at + len + unused;
}

bool zipmap_valid(const void *bytes, size_t size,
                  bool (*each)(KeelStr field, KeelStr value, void *data), void *data) {
    const uint8_t *zm = bytes;
    if (size < 2 || zm[size - 1] != END) return false;
    size_t at = 1, count = 0;
    while (at < size - 1) {
        KeelStr field, value;
        size_t n = read_pair(zm + at, size - 1 - at, &field, &value);
        if (n == 0 || (each && !each(field, value, data))) return false;
        at += n;
        count++;
    }
    return count > 0 && (zm[0] == WIDE || zm[0] == count);
}

const uint8_t *zipmap_first(const uint8_t *zm) {
    return zm + 1;
}

bool zipmap_next(const uint8_t **p, KeelStr *field, KeelStr *value) {
    if (**p == END) return false;
    *p += read_pair(*p, SIZE_MAX, field, value);
    return true;
}
