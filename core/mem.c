/* mem.c - the allocator behind keel_alloc(): jemalloc where the build found it, libc otherwise.
 *
 * Sizes are counted as the allocator reserves them, so used_memory is what the data really takes.
 * A block's size is asked from the allocator on free; blocks of the hot path know theirs and use
 * the sized functions of mem.h. */
#include "mem.h"

#include <errno.h>
#include <keel/log.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/utsname.h>

__thread bool mem_loop_thread;
KeelMemory mem_total;
KeelSelf keel_self;

#ifdef HAVE_JEMALLOC
static size_t block_size(const void *block) {
    return sallocx(block, 0);
}
#else
static size_t block_size(const void *block) {
    return malloc_usable_size((void *)block);
}
#endif

void mem_init(void) {
    mem_loop_thread = true;
#ifdef HAVE_JEMALLOC
    for (size_t size = 1; size < 70000; size += size < 5000 ? 1 : 997) {
        KEEL_ASSERT(nallocx(size, 0) == mem_class(size));
    }
#endif
}

#ifdef HAVE_JEMALLOC
/* Large heaps in large pages. Looking keys up at random in a heap of 4 KiB pages spends a tenth of
 * its time on finding the pages. Small heaps stay as they are, as the pages would be mostly empty.
 * Since Linux 5.8 a write after a fork copies 4 KiB of a large page, not all of it, so there is
 * nothing to lose; older kernels are left alone. */
enum { LARGE_PAGE = 2 * 1024 * 1024, SMALL_HEAP = 4 * 1024 * 1024 };

static extent_hooks_t large_hooks;
static const extent_hooks_t *plain_hooks;
static size_t mapped;

static void *map_extent(extent_hooks_t *hooks, void *new_addr, size_t size, size_t alignment,
                        bool *zero, bool *commit, unsigned arena) {
    (void)hooks;
    bool large = size >= LARGE_PAGE && __atomic_add_fetch(&mapped, size, __ATOMIC_RELAXED) > SMALL_HEAP;
    if (large && !new_addr && alignment < LARGE_PAGE) alignment = LARGE_PAGE;
    void *extent = plain_hooks->alloc((extent_hooks_t *)plain_hooks, new_addr, size, alignment, zero,
                                      commit, arena);
    if (extent && large) madvise(extent, size, MADV_HUGEPAGE);
    return extent;
}

void mem_large_pages(void) {
    struct utsname system;
    int major = 0, minor = 0;
    if (uname(&system) < 0 || sscanf(system.release, "%d.%d", &major, &minor) != 2) return;
    if (major < 5 || (major == 5 && minor < 8)) return;
    unsigned arena;
    char name[40];
    size_t len = sizeof(arena);
    if (mallctl("thread.arena", &arena, &len, NULL, 0) != 0) return;
    snprintf(name, sizeof(name), "arena.%u.extent_hooks", arena);
    len = sizeof(plain_hooks);
    if (mallctl(name, &plain_hooks, &len, NULL, 0) != 0 || !plain_hooks->alloc) return;
    large_hooks = *plain_hooks;
    large_hooks.alloc = map_extent;
    extent_hooks_t *mine = &large_hooks;
    mallctl(name, NULL, NULL, &mine, sizeof(mine));
}
#else
void mem_large_pages(void) {}
#endif

void mem_thread_begin(void) {
#ifdef HAVE_JEMALLOC
    free(mallocx(1, 0));
#endif
}

void mem_exhausted(size_t size) {
    keel_panic(__FILE__, __LINE__, "out of memory: cannot allocate %zu bytes", size);
}

void *keel_mem_try_alloc(KeelMemory *account, size_t size) {
    if (size > PTRDIFF_MAX) return NULL;
    if (!size) size = 1;
    void *block = malloc(size);
    if (block) mem_account(account, (int64_t)mem_room(block, size), 1);
    return block;
}

void *keel_mem_alloc(KeelMemory *account, size_t size) {
    void *block = keel_mem_try_alloc(account, size);
    if (!block) mem_exhausted(size);
    return block;
}

void *keel_mem_zalloc(KeelMemory *account, size_t size) {
    if (!size) size = 1;
    void *block = size > PTRDIFF_MAX ? NULL : calloc(1, size);
    if (!block) mem_exhausted(size);
    mem_account(account, (int64_t)mem_room(block, size), 1);
    return block;
}

void *keel_mem_try_realloc(KeelMemory *account, void *block, size_t size) {
    if (!block) return keel_mem_try_alloc(account, size);
    if (size > PTRDIFF_MAX) return NULL;
    size_t before = block_size(block);
    void *moved = realloc(block, size ? size : 1);
    if (!moved) return NULL;
    int64_t after = (int64_t)mem_room(moved, size ? size : 1);
    mem_account(account, after - (int64_t)before, 0);
    return moved;
}

void *keel_mem_realloc(KeelMemory *account, void *block, size_t size) {
    void *moved = keel_mem_try_realloc(account, block, size);
    if (!moved) mem_exhausted(size);
    return moved;
}

void keel_mem_free(KeelMemory *account, void *block) {
    if (!block) return;
    mem_account(account, -(int64_t)block_size(block), -1);
    free(block);
}

void keel_mem_account(KeelMemory *account, int64_t bytes, int64_t blocks) {
    mem_account(account, bytes, blocks);
}

size_t keel_mem_class(size_t size) {
    return mem_class(size);
}

size_t keel_mem_size(const void *block) {
    return block_size(block);
}

size_t keel_mem_used(void) {
    int64_t others = __atomic_load_n(&mem_total.other_bytes, __ATOMIC_RELAXED);
    int64_t used = mem_total.bytes + others;
    return used > 0 ? (size_t)used : 0;
}

static int64_t uncounted;

void keel_mem_uncount(int64_t bytes) {
    uncounted += bytes;
}

size_t keel_mem_uncounted(void) {
    return uncounted > 0 ? (size_t)uncounted : 0;
}

void mem_allocator_stats(size_t *allocated, size_t *active, size_t *resident) {
    *allocated = *active = *resident = 0;
#ifdef HAVE_JEMALLOC
    uint64_t epoch = 1;
    size_t len = sizeof(epoch);
    mallctl("epoch", &epoch, &len, &epoch, len);
    len = sizeof(size_t);
    mallctl("stats.allocated", allocated, &len, NULL, 0);
    mallctl("stats.active", active, &len, NULL, 0);
    mallctl("stats.resident", resident, &len, NULL, 0);
#endif
}

const char *mem_allocator_name(void) {
#ifdef HAVE_JEMALLOC
    static char name[48];
    const char *version = NULL;
    size_t len = sizeof(version);
    if (name[0]) return name;
    if (mallctl("version", &version, &len, NULL, 0) != 0 || !version) version = "unknown";
    /* "5.3.0-0-g54ea..." is shown as 5.3.0. */
    size_t digits = strcspn(version, "-");
    memcpy(name, "jemalloc-", 9);
    if (digits > sizeof(name) - 10) digits = sizeof(name) - 10;
    memcpy(name + 9, version, digits);
    return name;
#else
    return "libc";
#endif
}

void mem_purge(void) {
#ifdef HAVE_JEMALLOC
    mallctl("arena.4096.purge", NULL, NULL, NULL, 0); /* 4096: all arenas */
#else
    malloc_trim(0);
#endif
}

void mem_purge_in_background(bool on) {
#ifdef HAVE_JEMALLOC
    mallctl("background_thread", NULL, NULL, &on, sizeof(on));
#else
    (void)on;
#endif
}
