/* keel/move.h - moving blocks of memory to denser places.
 *
 * Small blocks lie side by side in slabs, one size a slab. After many of them went, slabs are half
 * empty, and a slab with one block in it takes as much memory as a full one. An allocator cannot
 * move what others hold addresses of; who holds them can: a block is copied to a slab that is
 * fuller, its old place freed, and every address of it changed.
 *
 * Who moves opens a slice with keel_move_begin(), walks keys with keel_db_defragment(), and ends
 * it. In between, values' types (KeelType.defragment) and hooks of KEEL_EVENT_DEFRAGMENT ask for
 * each of their blocks, whose addresses they know all of:
 *
 *     thing->name = keel_move(thing->name);
 *
 * Only on the loop's thread, between turns: no command runs, so nobody holds views of values. */
#ifndef KEEL_MOVE_H
#define KEEL_MOVE_H

#include <keel/base.h>
#include <keel/key.h>
#include <keel/memory.h>

/* One slice. The first fields are set by who begins it, the counts grow until it ends. */
typedef struct KeelMoving {
    uint32_t size;           /* sizeof(KeelMoving) */
    bool every;              /* blocks move wherever they lie: for tests of who holds addresses */
    int64_t until_ns;        /* of keel_monotonic_ns(): when keel_move_over() becomes true */
    /* Values with more than `large` allocations (see KeelType.free_effort) are left to `later`,
     * which remembers the key for keel_key_defragment(). It may not change the keyspace. */
    size_t large;
    void (*later)(int db, KeelStr name, void *data);
    void *data;
    uint64_t moved, stayed;  /* blocks */
    uint64_t keys_moved, keys_stayed; /* keys of which a block moved, and others */
} KeelMoving;

/* Whether the allocator can tell how full the slab around a block is. Without that blocks move only
 * with `every`. Cost: a load. */
KEEL_API bool keel_can_move(void);
/* Begins a slice, which lasts until keel_move_end(). False: blocks cannot be moved at all, or not
 * now: while a dataset loads, a command runs, or a fork child lives, which would get a copy of
 * every page that is written. */
KEEL_API bool keel_move_begin(KeelMoving *moving);
KEEL_API void keel_move_end(void);
/* Whether the slice's time is over. Outside of a slice it is. Cost: reading the clock. */
KEEL_API bool keel_move_over(void);

/* Where a block of this account is now: where it was, unless it lay badly; then its bytes were
 * copied and the old block is free. Its size stays. Outside of a slice nothing moves. Cost: about
 * what an allocation costs. */
KEEL_API void *keel_mem_move(KeelMemory *account, void *block) __attribute__((returns_nonnull));
/* The same for blocks from aligned_alloc(), accounted with keel_mem_account(). */
KEEL_API void *keel_mem_move_aligned(void *block, size_t alignment)
    __attribute__((returns_nonnull));
static inline void *keel_move(void *block) {
    return keel_mem_move(&keel_self.memory, block);
}

/* In a slice: moves keys, their values and the table around them, from `cursor` on until its time
 * is over; at least a few. Returns the next cursor, 0 at the end. What keel_db_scan() promises of
 * keys that are there during the whole walk holds here too. */
KEEL_API uint64_t keel_db_defragment(int db, uint64_t cursor);
/* In a slice: moves a part of a large value. *cursor is 0 at first and when all is done; else the
 * next call goes on from there, whatever happened to the key meanwhile. The key exists. */
KEEL_API void keel_key_defragment(KeelKey *key, uint64_t *cursor);

#endif
