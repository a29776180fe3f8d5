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
 * Cost: inserting and deleting move the bytes behind; walking reads each element's header. */
#ifndef DS_LISTPACK_H
#define DS_LISTPACK_H

#include <keel/base.h>

#define LP_EMPTY_BYTES 7
#define LP_MAX_BYTES ((size_t)1 << 30)

/* An element. `ptr` NULL: the integer `number`. Otherwise bytes in the pack, valid until it changes. */
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

size_t lp_bytes(const uint8_t *lp);
/* Elements. O(1) up to 65,534, a walk above. */
size_t lp_count(const uint8_t *lp);
/* Whether `more` bytes of content can be added at all. */
bool lp_fits(const uint8_t *lp, size_t more);

/* Positions; NULL past either end. */
uint8_t *lp_first(const uint8_t *lp);
uint8_t *lp_last(const uint8_t *lp);
uint8_t *lp_next(const uint8_t *lp, const uint8_t *p);
uint8_t *lp_prev(const uint8_t *lp, const uint8_t *p);
uint8_t *lp_seek(const uint8_t *lp, long index);

LpValue lp_get(const uint8_t *p);
/* The element as bytes; an integer's digits go into `scratch`. */
KeelStr lp_str(const uint8_t *p, char scratch[KEEL_INT_ROOM]);
/* Whether the element is these bytes. */
bool lp_is(const uint8_t *p, KeelStr s);
/* The first element from `p` on that is `s`, passing over `skip` elements after each one that was
 * compared (1: looks at fields of field-value pairs). NULL: none. */
uint8_t *lp_find(const uint8_t *lp, uint8_t *p, KeelStr s, unsigned skip);
/* Bytes that an element takes. */
size_t lp_element_bytes(const uint8_t *p);
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
/* Deletes `n` elements from *p on (fewer where the pack ends); *p is then what followed, or NULL. */
uint8_t *lp_delete(uint8_t *lp, uint8_t **p, size_t n);
/* The same by index. */
uint8_t *lp_delete_range(uint8_t *lp, long index, size_t n);
/* Appends all elements of `other`, which stays as it is. */
uint8_t *lp_join(uint8_t *lp, const uint8_t *other);

/* Whether `size` bytes are a well-formed pack: header, every element inside it and walkable both ways,
 * and the number of elements, where it is stated. `each` (may be NULL) sees every element in order
 * and may refuse it. O(elements). */
bool lp_valid(const void *bytes, size_t size, bool (*each)(const uint8_t *p, void *data),
              void *data);

#endif
