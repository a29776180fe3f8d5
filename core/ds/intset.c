/* intset.c - sorted integers in one block. See ds/intset.h for its shape.
 *
 * Members are read and written through memcpy, as blocks that came out of a file need no
 * alignment. Appending in order, as loads and stores do, is tried before the binary search. */
#include <ds/host.h>
#include <ds/intset.h>
#include <endian.h>
#include <string.h>

enum { HEADER = 8 };

static inline uint32_t read_u32(const uint8_t *at) {
    uint32_t v;
    memcpy(&v, at, 4);
    return le32toh(v);
}

static inline void write_u32(uint8_t *at, uint32_t v) {
    v = htole32(v);
    memcpy(at, &v, 4);
}

static inline uint32_t width_of(const uint8_t *set) {
    return read_u32(set);
}

static inline uint32_t width_for(int64_t v) {
    return v == (int16_t)v ? 2 : v == (int32_t)v ? 4 : 8;
}

static inline int64_t member(const uint8_t *set, uint32_t width, size_t i) {
    const uint8_t *at = set + HEADER + i * width;
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;
    switch (width) {
    case 2:
        memcpy(&v16, at, 2);
        return (int16_t)le16toh(v16);
    case 4:
        memcpy(&v32, at, 4);
        return (int32_t)le32toh(v32);
    default:
        memcpy(&v64, at, 8);
        return (int64_t)le64toh(v64);
    }
}

static inline void put(uint8_t *set, uint32_t width, size_t i, int64_t v) {
    uint64_t raw = htole64((uint64_t)v);
    uint16_t v16 = htole16((uint16_t)v);
    uint32_t v32 = htole32((uint32_t)v);
    const void *from = width == 2 ? (const void *)&v16 : width == 4 ? (const void *)&v32 : &raw;
    memcpy(set + HEADER + i * width, from, width);
}

uint8_t *intset_new(void) {
    uint8_t *set = ds_alloc(HEADER);
    write_u32(set, 2);
    write_u32(set + 4, 0);
    return set;
}

void intset_free(uint8_t *set) {
    ds_free(set);
}

size_t intset_bytes(const uint8_t *set) {
    return HEADER + intset_count(set) * width_of(set);
}

uint8_t *intset_copy(const uint8_t *set) {
    size_t bytes = intset_bytes(set);
    return memcpy(ds_alloc(bytes), set, bytes);
}

size_t intset_count(const uint8_t *set) {
    return read_u32(set + 4);
}

int64_t intset_at(const uint8_t *set, size_t index) {
    return member(set, width_of(set), index);
}

/* Members that are less than `v`: where it is, or would be. */
static size_t lower_bound(const uint8_t *set, uint32_t width, size_t count, int64_t v) {
    size_t from = 0;
    if (count == 0 || member(set, width, count - 1) < v) return count;
    while (count) {
        size_t half = count / 2;
        if (member(set, width, from + half) < v) {
            from += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return from;
}

bool intset_has(const uint8_t *set, int64_t v) {
    uint32_t width = width_of(set);
    size_t count = intset_count(set);
    if (width_for(v) > width) return false;
    size_t at = lower_bound(set, width, count, v);
    return at < count && member(set, width, at) == v;
}

/* The block has room for `bytes`, and not for much more. Blocks are as large as the allocator's
 * size classes, so most of the time there is nothing to do. */
static uint8_t *resize(uint8_t *set, size_t bytes) {
    size_t room = keel_mem_size(set);
    if (bytes <= room && room <= keel_mem_class(bytes)) return set;
    return ds_realloc(set, bytes);
}

/* A member that needs a larger width is less than all others, or greater. Members are widened from
 * the last one down, each into room that is free by then. */
static uint8_t *widen_and_add(uint8_t *set, int64_t v, size_t count, uint32_t from, uint32_t to) {
    set = resize(set, HEADER + (count + 1) * to);
    size_t shift = v < 0;
    for (size_t i = count; i-- > 0;) put(set, to, i + shift, member(set, from, i));
    put(set, to, v < 0 ? 0 : count, v);
    write_u32(set, to);
    write_u32(set + 4, (uint32_t)count + 1);
    return set;
}

uint8_t *intset_add(uint8_t *set, int64_t v, bool *added) {
    uint32_t width = width_of(set), need = width_for(v);
    size_t count = intset_count(set);
    *added = true;
    if (need > width) return widen_and_add(set, v, count, width, need);
    size_t at = lower_bound(set, width, count, v);
    if (at < count && member(set, width, at) == v) {
        *added = false;
        return set;
    }
    set = resize(set, HEADER + (count + 1) * width);
    uint8_t *place = set + HEADER + at * width;
    memmove(place + width, place, (count - at) * width);
    put(set, width, at, v);
    write_u32(set + 4, (uint32_t)count + 1);
    return set;
}

uint8_t *intset_remove(uint8_t *set, int64_t v, bool *removed) {
    uint32_t width = width_of(set);
    size_t count = intset_count(set);
    size_t at = width_for(v) > width ? count : lower_bound(set, width, count, v);
    *removed = at < count && member(set, width, at) == v;
    if (!*removed) return set;
    uint8_t *place = set + HEADER + at * width;
    memmove(place, place + width, (count - at - 1) * width);
    write_u32(set + 4, (uint32_t)count - 1);
    return resize(set, HEADER + (count - 1) * width);
}

bool intset_valid(const void *bytes, size_t size, bool deep) {
    const uint8_t *set = bytes;
    if (size < HEADER) return false;
    uint32_t width = width_of(set);
    uint64_t count = intset_count(set);
    if (width != 2 && width != 4 && width != 8) return false;
    if (size != HEADER + count * width) return false;
    for (size_t i = 1; deep && i < count; i++) {
        if (member(set, width, i - 1) >= member(set, width, i)) return false;
    }
    return true;
}
