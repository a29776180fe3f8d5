/* mem.h - the allocator as the core uses it: sized, and accounted. */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include <keel/memory.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_JEMALLOC
#include <jemalloc/jemalloc.h>
#else
#include <malloc.h>
#endif

/* True on the thread that runs the loop: its accounts need no atomics. */
extern __thread bool mem_loop_thread;
extern KeelMemory mem_total;

/* Checks that our arithmetic of size classes is the allocator's; at start. */
void mem_init(void);
/* From now on the loop's thread takes memory in large pages where that pays. */
void mem_large_pages(void);
/* To be called first by a thread that gives blocks back by their size. One whose first call of jemalloc
 * is that is made known to it only in part; the rest allocates, and comes when an extent is merged by
 * a hook (as ours have jemalloc call the default one), with the extents locked: it waits for itself. */
void mem_thread_begin(void);
/* Memory is gone: say so and end. */
void mem_exhausted(size_t size) __attribute__((noreturn, cold));
/* jemalloc's view of the heap, for INFO: 0 without it. */
void mem_allocator_stats(size_t *allocated, size_t *active, size_t *resident);
const char *mem_allocator_name(void);
/* Gives dirty pages back. */
void mem_purge(void);
/* Whether a thread of the allocator's gives pages back some seconds after they became free. Without
 * it that happens while memory is allocated, so hardly at all in a server that only reads. */
void mem_purge_in_background(bool on);

static inline void mem_account(KeelMemory *account, int64_t bytes, int64_t blocks) {
    if (__builtin_expect(mem_loop_thread, 1)) {
        account->bytes += bytes;
        account->blocks += blocks;
        mem_total.bytes += bytes;
    } else {
        __atomic_fetch_add(&account->other_bytes, bytes, __ATOMIC_RELAXED);
        __atomic_fetch_add(&account->other_blocks, blocks, __ATOMIC_RELAXED);
        __atomic_fetch_add(&mem_total.other_bytes, bytes, __ATOMIC_RELAXED);
    }
}

#ifdef HAVE_JEMALLOC
/* jemalloc's size classes with a 16-byte quantum: four to each power of two from 128 up. */
static inline size_t mem_class(size_t size) {
    if (size <= 128) return size <= 8 ? 8 : (size + 15) & ~(size_t)15;
    unsigned power = 63u - (unsigned)__builtin_clzll(size - 1);
    size_t step = (size_t)1 << (power - 2);
    return (size + step - 1) & ~(step - 1);
}
/* What a block of `size` requested bytes really holds. */
static inline size_t mem_room(const void *block, size_t size) {
    (void)block;
    return mem_class(size);
}
static inline void mem_release(void *block, size_t size) {
    sdallocx(block, size, 0);
}
#else
static inline size_t mem_class(size_t size) {
    return size <= 24 ? 24 : ((size + 8 + 15) & ~(size_t)15) - 8;
}
static inline size_t mem_room(const void *block, size_t size) {
    (void)size;
    return malloc_usable_size((void *)block);
}
static inline void mem_release(void *block, size_t size) {
    (void)size;
    free(block);
}
#endif

/* Blocks whose size the caller knows and gives back when freeing: the cheapest way. */
static inline void *mem_alloc_sized(size_t size) {
    void *block = malloc(size);
    if (__builtin_expect(!block, 0)) mem_exhausted(size);
    mem_account(&keel_self.memory, (int64_t)mem_room(block, size), 1);
    return block;
}
static inline void mem_free_sized(void *block, size_t size) {
    mem_account(&keel_self.memory, -(int64_t)mem_room(block, size), -1);
    mem_release(block, size);
}

#endif
