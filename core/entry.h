/* entry.h - one key of a database: name, expiry and value in one allocation.
 *
 *     type u8 | bits u8 | clock 3 bytes | name length u8 | value length u16
 *     [expiry i64] [long name length u32] name [embedded bytes | i64 | pointer]
 *
 * The header is 8 bytes; nothing is padded, so fields behind the name are read with memcpy. The
 * value is either bytes inside the entry, an integer, a Buffer, or a pointer of its type's. */
#ifndef CORE_ENTRY_H
#define CORE_ENTRY_H

#include "mem.h"

#include <keel/key.h>

typedef struct Entry {
    uint8_t type;       /* index into types[] */
    uint8_t bits;       /* KeelForm in the low two, ENTRY_* */
    uint8_t clock[3];   /* access clock: see keyspace.c */
    uint8_t name_len;   /* ENTRY_LONG_NAME: 255, the real one follows */
    uint16_t value_len; /* of embedded bytes */
    char data[];
} Entry;

enum {
    ENTRY_FORM = 3,
    ENTRY_EXPIRES = 1u << 2,
    ENTRY_LONG_NAME = 1u << 3,
};

/* Values of up to this many bytes are kept inside the entry. */
#define ENTRY_EMBED_MAX 1024
/* Arguments from this size on are read into a Buffer that can become the value. */
#define BUFFER_ARG_MIN (32 * 1024)

/* Bytes in a block of their own. */
typedef struct Buffer {
    size_t len, room;   /* room: bytes that `data` can hold */
    char data[];
} Buffer;

static inline KeelForm entry_form(const Entry *e) {
    return (KeelForm)(e->bits & ENTRY_FORM);
}
static inline size_t entry_name_offset(const Entry *e) {
    return (e->bits & ENTRY_EXPIRES ? 8u : 0u) + (e->bits & ENTRY_LONG_NAME ? 4u : 0u);
}
static inline size_t entry_name_len(const Entry *e) {
    if (__builtin_expect(!(e->bits & ENTRY_LONG_NAME), 1)) return e->name_len;
    uint32_t len;
    memcpy(&len, e->data + (e->bits & ENTRY_EXPIRES ? 8 : 0), 4);
    return len;
}
static inline KeelStr entry_name(const Entry *e) {
    return (KeelStr){e->data + entry_name_offset(e), entry_name_len(e)};
}
/* Where the value starts, as an offset into data. */
static inline size_t entry_value_offset(const Entry *e) {
    return entry_name_offset(e) + entry_name_len(e);
}
static inline size_t entry_size(const Entry *e) {
    size_t tail = entry_form(e) == KEEL_FORM_EMBEDDED ? e->value_len : 8;
    return sizeof(Entry) + entry_value_offset(e) + tail;
}
static inline int64_t entry_expiry(const Entry *e) {
    if (!(e->bits & ENTRY_EXPIRES)) return KEEL_NO_EXPIRY;
    int64_t ms;
    memcpy(&ms, e->data, 8);
    return ms;
}
static inline int64_t entry_int(const Entry *e) {
    int64_t v;
    memcpy(&v, e->data + entry_value_offset(e), 8);
    return v;
}
static inline void *entry_pointer(const Entry *e) {
    void *p;
    memcpy(&p, e->data + entry_value_offset(e), 8);
    return p;
}
/* Names are short: words at a time beat a call of memcmp. */
static inline bool same_bytes(const char *a, const char *b, size_t n) {
    uint64_t x, y;
    if (n < 8) {
        while (n && a[n - 1] == b[n - 1]) n--;
        return n == 0;
    }
    for (size_t i = 0; i + 8 < n; i += 8) {
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        if (x != y) return false;
    }
    memcpy(&x, a + n - 8, 8);
    memcpy(&y, b + n - 8, 8);
    return x == y;
}
/* And up to 16 of them are copied as pairs of words that may overlap. */
static inline void copy_few(char *to, const char *from, size_t n) {
    if (n >= 8) {
        uint64_t first, last;
        memcpy(&first, from, 8);
        memcpy(&last, from + n - 8, 8);
        memcpy(to, &first, 8);
        memcpy(to + n - 8, &last, 8);
    } else if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, from, 4);
        memcpy(&last, from + n - 4, 4);
        memcpy(to, &first, 4);
        memcpy(to + n - 4, &last, 4);
    } else if (n) {
        char middle = from[n / 2], last = from[n - 1];
        to[0] = from[0];
        to[n / 2] = middle;
        to[n - 1] = last;
    }
}

static inline bool entry_is_named(const Entry *e, KeelStr name) {
    return entry_name_len(e) == name.len &&
           same_bytes(e->data + entry_name_offset(e), name.ptr, name.len);
}

/* The hash of its name, for tables of entries. */
uint64_t entry_hash(const void *entry);
/* A new entry with room for `tail` value bytes, name and expiry (or KEEL_NO_EXPIRY) filled in. */
Entry *entry_new(KeelStr name, int64_t expiry, KeelForm form, size_t tail);
/* Frees the entry's block only. */
static inline void entry_free(Entry *e) {
    mem_free_sized(e, entry_size(e));
}

Buffer *buffer_new(size_t len, size_t room);     /* never NULL */
Buffer *buffer_try_new(size_t len, size_t room); /* NULL: no memory */
void buffer_free(Buffer *b);

#endif
