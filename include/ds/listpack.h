/* ds/listpack.h - a packed sequence of strings and integers in one block: the form that small
 * collections have in memory and, byte for byte, in files.
 *
 *     total bytes u32 | number of elements u16 (65535: count them) | elements | 0xff
 *     element:  encoding and content | the length of that, backwards, so that one can walk back
 *
 * Strings that spell an int64 canonically are kept as integers of 1 to 9 bytes. All numbers are
 * little endian. Indexes count from 0, negative ones from the end (-1: the last).
 *
 * A pack is a block of ds_alloc(); functions that change it may move it and return the new address,
 * and positions (pointers to elements) into the old one are then void. Nothing here trusts bytes
 * from outside: lp_valid() says whether the others may be used on them. A pack is at most
 * LP_MAX_BYTES long: whoever adds asks lp_fits() first where sizes come from outside.
 *
 * Cost: inserting and deleting move the bytes behind; walking reads each element's header. Blocks
 * grow and shrink in the allocator's size classes, so most changes allocate nothing. */
#ifndef DS_LISTPACK_H
#define DS_LISTPACK_H

#include <keel/base.h>

#define LP_EMPTY_BYTES 7
#define LP_HEADER_BYTES 6
#define LP_MAX_BYTES ((size_t)1 << 30)
#define LP_END 0xff         /* the byte behind the last element */
#define LP_COUNT_MANY 65535 /* in the header: more elements than it can say */

/* An element. `ptr` NULL: the integer `number`. Otherwise bytes in the pack, valid until it
 * changes. */
typedef struct LpValue {
    const char *ptr;
    size_t len;
    int64_t number;
} LpValue;

/* A new empty pack with room for `room` bytes in all (0: as small as can be). */
uint8_t *lp_new(size_t room);
void lp_free(uint8_t *lp);
/* Gives back room that is not used. */
uint8_t *lp_shrink(uint8_t *lp);
uint8_t *lp_copy(const uint8_t *lp);

static inline size_t lp_bytes(const uint8_t *lp);
/* Elements. O(1) up to 65,534, a walk above. */
static inline size_t lp_count(const uint8_t *lp);
/* Whether `more` bytes of content can be added at all. */
static inline bool lp_fits(const uint8_t *lp, size_t more);

/* Positions; NULL past either end. */
static inline uint8_t *lp_first(const uint8_t *lp);
static inline uint8_t *lp_last(const uint8_t *lp);
static inline uint8_t *lp_next(const uint8_t *lp, const uint8_t *p);
static inline uint8_t *lp_prev(const uint8_t *lp, const uint8_t *p);
/* The element beside one that has a neighbour there, as the halves of a pair have: asks nothing. */
static inline uint8_t *lp_after(const uint8_t *p);
static inline uint8_t *lp_before(const uint8_t *p);
uint8_t *lp_seek(const uint8_t *lp, long index);

static inline LpValue lp_get(const uint8_t *p);
/* The element as bytes; an integer's digits go into `scratch`. */
KeelStr lp_str(const uint8_t *p, char scratch[KEEL_INT_ROOM]);
/* Whether the element is these bytes. */
bool lp_is(const uint8_t *p, KeelStr s);
/* The first element from `p` on (NULL: none) that is `s`, passing over `skip` elements after each
 * one that was compared (1: looks at fields of field-value pairs). NULL: none. */
uint8_t *lp_find(const uint8_t *lp, uint8_t *p, KeelStr s, unsigned skip);
/* Bytes that an element takes. */
static inline size_t lp_element_bytes(const uint8_t *p);
/* What `s` would take as an element. */
size_t lp_cost(KeelStr s);

/* All return the pack, perhaps moved. `s` may not point into it. */
uint8_t *lp_append(uint8_t *lp, KeelStr s);
uint8_t *lp_append_int(uint8_t *lp, int64_t v);
uint8_t *lp_prepend(uint8_t *lp, KeelStr s);
uint8_t *lp_prepend_int(uint8_t *lp, int64_t v);
/* Inserts before the element at *p (after it when `after`); *p is then the new element. */
uint8_t *lp_insert(uint8_t *lp, uint8_t **p, KeelStr s, bool after);
uint8_t *lp_insert_int(uint8_t *lp, uint8_t **p, int64_t v, bool after);
/* Replaces the element at *p, which stays its position. */
uint8_t *lp_replace(uint8_t *lp, uint8_t **p, KeelStr s);
uint8_t *lp_replace_int(uint8_t *lp, uint8_t **p, int64_t v);
/* Deletes `n` elements from *p on (fewer where the pack ends); *p is then the next one, or NULL. */
uint8_t *lp_delete(uint8_t *lp, uint8_t **p, size_t n);
/* The same by index; one that is not there deletes nothing. */
uint8_t *lp_delete_range(uint8_t *lp, long index, size_t n);
/* Appends all elements of `other`, which stays as it is. */
uint8_t *lp_join(uint8_t *lp, const uint8_t *other);

/* Whether `size` bytes are a well-formed pack: header, every element inside it and walkable both
 * ways, and the number of elements, where it is stated. `each` (may be NULL) sees every element in
 * order and may refuse it. O(elements). */
bool lp_valid(const void *bytes, size_t size, bool (*each)(const uint8_t *p, void *data),
              void *data);

/* ---- elements by themselves ------------------------------------------------------------------
 *
 * For what is added more than once or must be measured first, and for owners of packs that lay
 * out their blocks themselves: encode once, then add the encoded form or write it in place. */

/* An element ready to be written; it borrows the string's bytes. */
typedef struct LpItem {
    const char *ptr;     /* content that follows the head; NULL: none */
    size_t len;          /* of the content */
    size_t bytes;        /* what the element takes in all */
    uint8_t head_len, back_len;
    uint8_t head[9];
} LpItem;

void lp_encode(LpItem *item, KeelStr s);
void lp_encode_int(LpItem *item, int64_t v);
/* The same at once for most strings: where lp_is_short() says so, lp_write_short() writes the
 * element of s.len + 2 bytes. */
static inline bool lp_is_short(KeelStr s);
static inline void lp_write_short(uint8_t *at, KeelStr s);
/* Writes item->bytes bytes at `at` and returns where they end. */
uint8_t *lp_write(uint8_t *at, const LpItem *item);
/* As lp_append(), lp_prepend(), lp_insert() and lp_replace(). */
uint8_t *lp_append_item(uint8_t *lp, const LpItem *item);
uint8_t *lp_prepend_item(uint8_t *lp, const LpItem *item);
uint8_t *lp_insert_item(uint8_t *lp, uint8_t **p, const LpItem *item, bool after);
uint8_t *lp_replace_item(uint8_t *lp, uint8_t **p, const LpItem *item);
/* Sets the header of a pack whose bytes its owner laid out. `count` above 65,534 is not stated. */
static inline void lp_set_header(uint8_t *lp, size_t bytes, size_t count);

/* ---- inline parts ---------------------------------------------------------------------------- */

static inline uint16_t lp_u16(const uint8_t *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t lp_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t lp_u64(const uint8_t *p) {
    return lp_u32(p) | (uint64_t)lp_u32(p + 4) << 32;
}

static inline void lp_set_header(uint8_t *lp, size_t bytes, size_t count) {
    uint16_t stated = count < LP_COUNT_MANY ? (uint16_t)count : LP_COUNT_MANY;
    for (int i = 0; i < 4; i++) lp[i] = (uint8_t)(bytes >> 8 * i);
    lp[4] = (uint8_t)stated;
    lp[5] = (uint8_t)(stated >> 8);
}

static inline size_t lp_bytes(const uint8_t *lp) {
    return lp_u32(lp);
}

size_t lp_count_walk(const uint8_t *lp);
static inline size_t lp_count(const uint8_t *lp) {
    uint16_t stated = lp_u16(lp + 4);
    return __builtin_expect(stated != LP_COUNT_MANY, 1) ? stated : lp_count_walk(lp);
}

static inline bool lp_fits(const uint8_t *lp, size_t more) {
    return more <= LP_MAX_BYTES && lp_bytes(lp) + more <= LP_MAX_BYTES;
}

/* Encoding and content of the element at `p`:
 *     0xxxxxxx 7 bit unsigned             110xxxxx + 1 byte: 13 bit integer
 *     10xxxxxx string of 6 bit length     1110xxxx + 1 byte: string of 12 bit length
 *     11110000 + 4 bytes: string of 32 bit length
 *     11110001 to 11110100 + 2, 3, 4, 8 bytes: integer */
static inline size_t lp_content_bytes(const uint8_t *p) {
    uint8_t b = *p;
    if (b < 0x80) return 1;
    if (b < 0xc0) return 1 + (size_t)(b & 0x3f);
    if (b < 0xe0) return 2;
    if (b < 0xf0) return 2 + ((size_t)(b & 0x0f) << 8 | p[1]);
    if (b == 0xf0) return 5 + (size_t)lp_u32(p + 1);
    return b == 0xf4 ? 9 : (size_t)b - 0xf0 + 2;
}

/* Bytes of the backward length of an encoding and content of `len` bytes. */
static inline unsigned lp_back_bytes(size_t len) {
    if (len <= 127) return 1;
    if (len < 16383) return 2;
    return len < 2097151 ? 3 : len < 268435455 ? 4 : 5;
}

static inline size_t lp_element_bytes(const uint8_t *p) {
    size_t len = lp_content_bytes(p);
    return len + lp_back_bytes(len);
}

static inline uint8_t *lp_first(const uint8_t *lp) {
    const uint8_t *p = lp + LP_HEADER_BYTES;
    return *p == LP_END ? NULL : (uint8_t *)p;
}

static inline uint8_t *lp_after(const uint8_t *p) {
    return (uint8_t *)p + lp_element_bytes(p);
}

static inline uint8_t *lp_before(const uint8_t *p) {
    size_t len = *--p & 127;
    for (unsigned shift = 7; *p & 128; shift += 7) len |= (size_t)(*--p & 127) << shift;
    return (uint8_t *)p - len;
}

static inline uint8_t *lp_next(const uint8_t *lp, const uint8_t *p) {
    (void)lp;
    p = lp_after(p);
    return *p == LP_END ? NULL : (uint8_t *)p;
}

/* The element that ends before `p`, which may be the pack's end. */
static inline uint8_t *lp_prev(const uint8_t *lp, const uint8_t *p) {
    return p == lp + LP_HEADER_BYTES ? NULL : lp_before(p);
}

static inline uint8_t *lp_last(const uint8_t *lp) {
    return lp_prev(lp, lp + lp_bytes(lp) - 1);
}

/* Whether the bytes may spell an integer at all: most strings are told by their first byte. */
static inline bool lp_maybe_int(KeelStr s) {
    return s.len - 1 < 20 && ((unsigned char)(*s.ptr - '0') < 10 || *s.ptr == '-');
}

/* Strings whose element has one byte on each side of the content, and what it takes then. */
static inline bool lp_is_short(KeelStr s) {
    return s.len < 64 && !lp_maybe_int(s);
}
static inline void lp_write_short(uint8_t *at, KeelStr s) {
    *at++ = (uint8_t)(0x80 | s.len);
    if (s.len > 16) {
        __builtin_memcpy(at, s.ptr, s.len);
    } else if (s.len >= 8) { /* two words that overlap */
        uint64_t first, last;
        __builtin_memcpy(&first, s.ptr, 8);
        __builtin_memcpy(&last, s.ptr + s.len - 8, 8);
        __builtin_memcpy(at, &first, 8);
        __builtin_memcpy(at + s.len - 8, &last, 8);
    } else if (s.len >= 4) {
        uint32_t first, last;
        __builtin_memcpy(&first, s.ptr, 4);
        __builtin_memcpy(&last, s.ptr + s.len - 4, 4);
        __builtin_memcpy(at, &first, 4);
        __builtin_memcpy(at + s.len - 4, &last, 4);
    } else if (s.len) {
        at[0] = (uint8_t)s.ptr[0];
        at[s.len / 2] = (uint8_t)s.ptr[s.len / 2];
        at[s.len - 1] = (uint8_t)s.ptr[s.len - 1];
    }
    at[s.len] = (uint8_t)(s.len + 1);
}

static inline LpValue lp_get(const uint8_t *p) {
    uint8_t b = *p;
    LpValue v = {0};
    if (b < 0x80) {
        v.number = b;
    } else if (b < 0xc0) {
        v.ptr = (const char *)p + 1;
        v.len = b & 0x3f;
    } else if (b < 0xe0) {
        v.number = (int16_t)((b << 8 | p[1]) << 3) >> 3;
    } else if (b < 0xf0) {
        v.ptr = (const char *)p + 2;
        v.len = (size_t)(b & 0x0f) << 8 | p[1];
    } else if (b == 0xf0) {
        v.ptr = (const char *)p + 5;
        v.len = lp_u32(p + 1);
    } else if (b == 0xf1) {
        v.number = (int16_t)lp_u16(p + 1);
    } else if (b == 0xf2) {
        v.number = (int32_t)((uint32_t)lp_u16(p + 1) << 8 | (uint32_t)p[3] << 24) >> 8;
    } else if (b == 0xf3) {
        v.number = (int32_t)lp_u32(p + 1);
    } else {
        v.number = (int64_t)lp_u64(p + 1);
    }
    return v;
}

#endif
