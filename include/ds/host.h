/* ds/host.h - what containers take from where they are linked: memory on that module's account, and
 * whether arrays may be resized now. The only header of containers that knows the host. */
#ifndef DS_HOST_H
#define DS_HOST_H

#include <keel/db.h>
#include <keel/log.h>
#include <keel/memory.h>
#include <keel/move.h>
#include <keel/text.h>

#define ds_alloc keel_alloc
#define ds_zalloc keel_zalloc
#define ds_try_alloc keel_try_alloc
#define ds_realloc keel_realloc
#define ds_try_realloc keel_try_realloc
#define ds_free keel_free
/* What the allocator reserves for `size` bytes, and what it reserved for a block. */
#define ds_class keel_mem_class
#define ds_size keel_mem_size
/* Where a block is now that may have moved to a denser place: see keel/move.h. */
#define ds_move keel_move
#define ds_move_over keel_move_over
/* Integers as text: canonical ones only, and with KEEL_INT_ROOM bytes to write into. */
#define ds_parse_int keel_parse_int
#define ds_format_int keel_format_int

/* Memory that was taken from the system, and given back (negative). */
static inline void ds_account(int64_t bytes, int64_t blocks) {
    keel_mem_account(&keel_self.memory, bytes, blocks);
}
static inline void ds_exhausted(size_t size) __attribute__((noreturn));
static inline void ds_exhausted(size_t size) {
    keel_panic(__FILE__, __LINE__, "out of memory: cannot allocate %zu bytes", size);
}
static inline bool ds_resize_paused(void) {
    return keel_resize_paused();
}

#endif
