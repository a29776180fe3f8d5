/* listpack.c - changing, searching and validating packed sequences. See ds/listpack.h.
 *
 * The header cannot say how large a pack's block is, as its bytes are those of files. What holds
 * instead: a block is never smaller than the allocator's class for the pack's bytes, so an addition
 * within the class needs no call, and only one that leaves it asks the allocator what is there. */
#include <ds/host.h>
#include <ds/listpack.h>
#include <string.h>

/* ---- blocks ---------------------------------------------------------------------------------- */

uint8_t *lp_new(size_t room) {
    uint8_t *lp = ds_alloc(ds_class(room > LP_EMPTY_BYTES ? room : LP_EMPTY_BYTES));
    lp_set_header(lp, LP_EMPTY_BYTES, 0);
    lp[LP_HEADER_BYTES] = LP_END;
    return lp;
}

void lp_free(uint8_t *lp) {
    ds_free(lp);
}

uint8_t *lp_shrink(uint8_t *lp) {
    size_t class = ds_class(lp_bytes(lp));
    return ds_size(lp) > class ? ds_realloc(lp, class) : lp;
}

uint8_t *lp_copy(const uint8_t *lp) {
    size_t bytes = lp_bytes(lp);
    return memcpy(ds_alloc(ds_class(bytes)), lp, bytes);
}

/* Makes the block fit `bytes`. Classes are multiples of 8 bytes, so some small additions need not
 * even ask for the class. */
static uint8_t *grow(uint8_t *lp, size_t before, size_t bytes) {
    if ((before - 1) / 8 == (bytes - 1) / 8 || bytes <= ds_class(before)) return lp;
    size_t class = ds_class(bytes);
    return ds_size(lp) >= class ? lp : ds_realloc(lp, class);
}

/* After a deletion: gives room back once more than half of the block is unused. */
static uint8_t *settle(uint8_t *lp, size_t before, size_t bytes) {
    size_t class = ds_class(bytes);
    if (class == ds_class(before) || ds_size(lp) < 2 * class) return lp;
    return ds_realloc(lp, class);
}

/* ---- elements -------------------------------------------------------------------------------- */

static void finish(LpItem *item) {
    size_t content = item->head_len + item->len;
    item->back_len = (uint8_t)lp_back_bytes(content);
    item->bytes = content + item->back_len;
}

void lp_encode_int(LpItem *item, int64_t v) {
    uint8_t *h = item->head;
    item->ptr = NULL;
    item->len = 0;
    if (v >= 0 && v <= 127) {
        h[0] = (uint8_t)v;
        item->head_len = 1;
    } else if (v >= -4096 && v <= 4095) {
        h[0] = (uint8_t)(0xc0 | (v >> 8 & 0x1f));
        h[1] = (uint8_t)v;
        item->head_len = 2;
    } else {
        unsigned width = v >= INT16_MIN && v <= INT16_MAX   ? 2
                         : v >= -8388608 && v <= 8388607    ? 3
                         : v >= INT32_MIN && v <= INT32_MAX ? 4
                                                            : 8;
        h[0] = width == 8 ? 0xf4 : (uint8_t)(0xf1 + width - 2);
        for (unsigned i = 0; i < width; i++) h[1 + i] = (uint8_t)((uint64_t)v >> 8 * i);
        item->head_len = (uint8_t)(1 + width);
    }
    finish(item);
}

void lp_encode(LpItem *item, KeelStr s) {
    int64_t v;
    if (lp_maybe_int(s) && ds_parse_int(s, &v)) {
        lp_encode_int(item, v);
        return;
    }
    item->ptr = s.ptr;
    item->len = s.len;
    if (s.len < 64) {
        item->head[0] = (uint8_t)(0x80 | s.len);
        item->head_len = 1;
    } else if (s.len < 4096) {
        item->head[0] = (uint8_t)(0xe0 | s.len >> 8);
        item->head[1] = (uint8_t)s.len;
        item->head_len = 2;
    } else {
        item->head[0] = 0xf0;
        for (int i = 0; i < 4; i++) item->head[1 + i] = (uint8_t)(s.len >> 8 * i);
        item->head_len = 5;
    }
    finish(item);
}

size_t lp_cost(KeelStr s) {
    LpItem item;
    lp_encode(&item, s);
    return item.bytes;
}

uint8_t *lp_write(uint8_t *at, const LpItem *item) {
    *at++ = item->head[0];
    for (unsigned i = 1; i < item->head_len; i++) *at++ = item->head[i];
    if (item->ptr) at = (uint8_t *)memcpy(at, item->ptr, item->len) + item->len;
    /* The length's highest bits come first and have no mark: walking back ends there. */
    size_t content = item->bytes - item->back_len;
    if (item->back_len == 1) {
        *at++ = (uint8_t)content;
        return at;
    }
    for (unsigned left = item->back_len; left--;) {
        *at++ = (uint8_t)((content >> 7 * left & 127) | (left + 1 < item->back_len ? 128 : 0));
    }
    return at;
}

KeelStr lp_str(const uint8_t *p, char scratch[KEEL_INT_ROOM]) {
    LpValue v = lp_get(p);
    if (v.ptr) return (KeelStr){v.ptr, v.len};
    return (KeelStr){scratch, ds_format_int(scratch, v.number)};
}

bool lp_is(const uint8_t *p, KeelStr s) {
    LpValue v = lp_get(p);
    int64_t number;
    if (v.ptr) return v.len == s.len && memcmp(v.ptr, s.ptr, s.len) == 0;
    return lp_maybe_int(s) && ds_parse_int(s, &number) && number == v.number;
}

/* ---- finding --------------------------------------------------------------------------------- */

size_t lp_count_walk(const uint8_t *lp) {
    size_t n = 0;
    for (const uint8_t *p = lp_first(lp); p; p = lp_next(lp, p)) n++;
    return n;
}

/* From the nearer end, where the header says how many there are. */
uint8_t *lp_seek(const uint8_t *lp, long index) {
    uint16_t stated = lp_u16(lp + 4);
    uint8_t *p;
    if (stated != LP_COUNT_MANY) {
        long count = stated;
        if (index < 0) index += count;
        if (index < 0 || index >= count) return NULL;
        if (index > count / 2) index -= count;
    }
    if (index >= 0) {
        for (p = lp_first(lp); p && index > 0; index--) p = lp_next(lp, p);
    } else {
        for (p = lp_last(lp); p && index < -1; index++) p = lp_prev(lp, p);
    }
    return p;
}

/* Short strings are compared in the loop; the length in the first byte tells most apart. */
uint8_t *lp_find(const uint8_t *lp, uint8_t *p, KeelStr s, unsigned skip) {
    int64_t number = 0;
    bool is_int = lp_maybe_int(s) && ds_parse_int(s, &number);
    (void)lp;
    if (!p) return NULL;
    while (*p != LP_END) {
        LpValue v = lp_get(p);
        if (v.ptr) {
            if (v.len == s.len && memcmp(v.ptr, s.ptr, s.len) == 0) return p;
        } else if (is_int && v.number == number) {
            return p;
        }
        p += lp_element_bytes(p);
        for (unsigned i = skip; i && *p != LP_END; i--) p += lp_element_bytes(p);
    }
    return NULL;
}

/* ---- changing -------------------------------------------------------------------------------- */

static void count_add(uint8_t *lp, long delta) {
    uint16_t stated = lp_u16(lp + 4);
    if (stated == LP_COUNT_MANY) return; /* once that many, the number is not stated again */
    stated = (uint16_t)(stated + delta);
    lp[4] = (uint8_t)stated;
    lp[5] = (uint8_t)(stated >> 8);
}

static void set_bytes(uint8_t *lp, size_t bytes) {
    for (int i = 0; i < 4; i++) lp[i] = (uint8_t)(bytes >> 8 * i);
}

/* Replaces `old` bytes at `offset` by `fresh` ones, whose content the caller then writes. */
static uint8_t *open_gap(uint8_t *lp, size_t offset, size_t old, size_t fresh) {
    size_t before = lp_bytes(lp), bytes = before - old + fresh;
    if (fresh > old) lp = grow(lp, before, bytes);
    if (fresh != old) {
        memmove(lp + offset + fresh, lp + offset + old, before - offset - old);
        set_bytes(lp, bytes);
    }
    return fresh < old ? settle(lp, before, bytes) : lp;
}

uint8_t *lp_append_item(uint8_t *lp, const LpItem *item) {
    size_t before = lp_bytes(lp);
    lp = grow(lp, before, before + item->bytes);
    *lp_write(lp + before - 1, item) = LP_END;
    set_bytes(lp, before + item->bytes);
    count_add(lp, 1);
    return lp;
}

uint8_t *lp_insert_item(uint8_t *lp, uint8_t **p, const LpItem *item, bool after) {
    size_t offset = (size_t)(*p - lp) + (after ? lp_element_bytes(*p) : 0);
    lp = open_gap(lp, offset, 0, item->bytes);
    *p = lp + offset;
    lp_write(*p, item);
    count_add(lp, 1);
    return lp;
}

uint8_t *lp_prepend_item(uint8_t *lp, const LpItem *item) {
    uint8_t *p = lp + LP_HEADER_BYTES;
    return lp_insert_item(lp, &p, item, false);
}

uint8_t *lp_replace_item(uint8_t *lp, uint8_t **p, const LpItem *item) {
    size_t offset = (size_t)(*p - lp);
    lp = open_gap(lp, offset, lp_element_bytes(*p), item->bytes);
    *p = lp + offset;
    lp_write(*p, item);
    return lp;
}

uint8_t *lp_append(uint8_t *lp, KeelStr s) {
    LpItem item;
    lp_encode(&item, s);
    return lp_append_item(lp, &item);
}

uint8_t *lp_append_int(uint8_t *lp, int64_t v) {
    LpItem item;
    lp_encode_int(&item, v);
    return lp_append_item(lp, &item);
}

uint8_t *lp_prepend(uint8_t *lp, KeelStr s) {
    LpItem item;
    lp_encode(&item, s);
    return lp_prepend_item(lp, &item);
}

uint8_t *lp_prepend_int(uint8_t *lp, int64_t v) {
    LpItem item;
    lp_encode_int(&item, v);
    return lp_prepend_item(lp, &item);
}

uint8_t *lp_insert(uint8_t *lp, uint8_t **p, KeelStr s, bool after) {
    LpItem item;
    lp_encode(&item, s);
    return lp_insert_item(lp, p, &item, after);
}

uint8_t *lp_insert_int(uint8_t *lp, uint8_t **p, int64_t v, bool after) {
    LpItem item;
    lp_encode_int(&item, v);
    return lp_insert_item(lp, p, &item, after);
}

uint8_t *lp_replace(uint8_t *lp, uint8_t **p, KeelStr s) {
    LpItem item;
    lp_encode(&item, s);
    return lp_replace_item(lp, p, &item);
}

uint8_t *lp_replace_int(uint8_t *lp, uint8_t **p, int64_t v) {
    LpItem item;
    lp_encode_int(&item, v);
    return lp_replace_item(lp, p, &item);
}

uint8_t *lp_delete(uint8_t *lp, uint8_t **p, size_t n) {
    size_t offset = (size_t)(*p - lp), deleted = 0;
    const uint8_t *end = *p;
    for (; deleted < n && *end != LP_END; deleted++) end += lp_element_bytes(end);
    count_add(lp, -(long)deleted);
    lp = open_gap(lp, offset, (size_t)(end - *p), 0);
    *p = lp[offset] == LP_END ? NULL : lp + offset;
    return lp;
}

uint8_t *lp_delete_range(uint8_t *lp, long index, size_t n) {
    uint8_t *p = n ? lp_seek(lp, index) : NULL;
    return p ? lp_delete(lp, &p, n) : lp;
}

uint8_t *lp_join(uint8_t *lp, const uint8_t *other) {
    size_t before = lp_bytes(lp), more = lp_bytes(other) - LP_EMPTY_BYTES;
    size_t stated = (size_t)lp_u16(lp + 4) + lp_u16(other + 4);
    lp = grow(lp, before, before + more);
    memcpy(lp + before - 1, other + LP_HEADER_BYTES, more + 1);
    lp_set_header(lp, before + more, stated);
    return lp;
}

/* ---- bytes from outside ---------------------------------------------------------------------- */

/* Bytes of the element's head, which must be at hand before the content's length can be read. 0: no
 * such encoding. */
static size_t head_bytes(uint8_t b) {
    if (b < 0xc0) return 1;
    if (b < 0xf0) return 2;
    return b == 0xf0 ? 5 : b <= 0xf4 ? 1 : 0;
}

/* The element at `p`, `left` bytes before the end byte: what it takes; 0: it is malformed. */
static size_t element_checked(const uint8_t *p, size_t left) {
    size_t head = head_bytes(*p);
    if (!head || head > left) return 0;
    size_t content = lp_content_bytes(p), back = lp_back_bytes(content);
    if (content > left || back > left - content) return 0;
    /* The backward length must be what walking back would read, in as many bytes. */
    const uint8_t *b = p + content;
    for (size_t i = back; i--; b++) {
        if (*b != ((content >> 7 * i & 127) | (i + 1 < back ? 128u : 0))) return 0;
    }
    return content + back;
}

bool lp_valid(const void *bytes, size_t size, bool (*each)(const uint8_t *p, void *data),
              void *data) {
    const uint8_t *lp = bytes, *end = lp + size - 1;
    if (size < LP_EMPTY_BYTES || lp_bytes(lp) != size || *end != LP_END) return false;
    const uint8_t *p = lp + LP_HEADER_BYTES;
    size_t count = 0;
    while (p < end) {
        size_t element = element_checked(p, (size_t)(end - p));
        if (!element || (each && !each(p, data))) return false;
        p += element;
        count++;
    }
    uint16_t stated = lp_u16(lp + 4);
    return stated == LP_COUNT_MANY || stated == count;
}
