/* ds/ziplist.h - the packed forms of old files, to be read and turned into listpacks: they are never
 * made, and never changed.
 *
 * Ziplist: what lists, hashes and sorted sets were saved as before listpacks.
 *
 *     total bytes u32 | offset of the last entry u32 | entries u16 (65535: count them) | entries | 0xff
 *     entry: length of the entry before (a byte, or 254 and u32) | encoding | content
 *
 * Zipmap: what hashes were saved as before that.
 *
 *     pairs u8 (254: count them) | pairs | 0xff
 *     pair: length | field | length | unused bytes u8 | value | as many unused bytes
 *     length: a byte below 254, or 254 and u32
 *
 * Nothing is read before it was validated: positions come from valid blocks only. All numbers are
 * little endian, but for lengths inside a ziplist's encodings, which are big endian. */
#ifndef DS_ZIPLIST_H
#define DS_ZIPLIST_H

#include <ds/listpack.h>

/* Whether `size` bytes are a well-formed ziplist: sizes and offsets, each entry inside it and knowing
 * the length of the one before, and the number of entries where it is stated. `each` (may be NULL)
 * sees every entry in order and may refuse it. O(entries). */
bool ziplist_valid(const void *bytes, size_t size, bool (*each)(LpValue v, void *data), void *data);
/* Positions of entries; NULL at the end. */
const uint8_t *ziplist_first(const uint8_t *zl);
const uint8_t *ziplist_next(const uint8_t *p);
LpValue ziplist_get(const uint8_t *p);
/* The same elements as a listpack. NULL: the ziplist is malformed, or too long for one. */
uint8_t *ziplist_to_listpack(const void *bytes, size_t size);

/* Whether `size` bytes are a well-formed zipmap of at least one pair. `each` sees every pair. */
bool zipmap_valid(const void *bytes, size_t size,
                  bool (*each)(KeelStr field, KeelStr value, void *data), void *data);
/* Gives the pair at *p and moves *p behind it; false at the end. *p starts as zipmap_first(). */
const uint8_t *zipmap_first(const uint8_t *zm);
bool zipmap_next(const uint8_t **p, KeelStr *field, KeelStr *value);

#endif
