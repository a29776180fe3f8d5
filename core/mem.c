/* mem.c - the allocator behind keel_alloc(): jemalloc where the build found it, libc otherwise.
 *
 * Sizes are counted as the allocator reserves them, so used_memory is what the data really takes.
 * A block's size is asked from the allocator on free; blocks of the hot path know theirs and use
 * the sized functions of mem.h. */
#include "mem.h"

#include <errno.h>
#include <keel/log.h>
#include <malloc.h>

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
