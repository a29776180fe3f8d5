/* ds/intset.h - a sorted array of distinct integers in one block: the form that small sets of
 * integers have in memory and, byte for byte, in files.
 *
 *     width u32 (2, 4 or 8 bytes a member) | number of members u32 | members, ascending
 *
 * All numbers are little endian. A set is a block of ds_alloc(); functions that change it may move it
 * and return the new address. Cost: finding O(log n), adding and removing move the members behind;
 * a member that needs a larger width widens all. */
#ifndef DS_INTSET_H
#define DS_INTSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint8_t *intset_new(void);
void intset_free(uint8_t *set);
uint8_t *intset_copy(const uint8_t *set);
size_t intset_bytes(const uint8_t *set);
size_t intset_count(const uint8_t *set);
/* The member at `index`, which is below the count. */
int64_t intset_at(const uint8_t *set, size_t index);
bool intset_has(const uint8_t *set, int64_t v);
/* *added, *removed tell whether anything changed. */
uint8_t *intset_add(uint8_t *set, int64_t v, bool *added);
uint8_t *intset_remove(uint8_t *set, int64_t v, bool *removed);
/* Whether `size` bytes are a well-formed set: header, size, and when `deep` the order. */
bool intset_valid(const void *bytes, size_t size, bool deep);

#endif
