/* keel/memory.h - memory, accounted to the module that asks.
 *
 * keel_alloc() and keel_realloc() never return NULL: when the system has no memory left the host
 * reports and ends, as no command could run on. Sizes that a user chose go through
 * keel_try_alloc(), whose caller refuses the request. What one module allocated another may not
 * free; interfaces say who owns what. Any thread may call these. */
#ifndef KEEL_MEMORY_H
#define KEEL_MEMORY_H

#include <keel/base.h>

/* A module's account. `bytes` and `blocks` are written by the loop's thread, the `other_` ones,
 * atomically, by all others; the sum is what the module holds. */
typedef struct KeelMemory {
    int64_t bytes, blocks;
    int64_t other_bytes, other_blocks;
} KeelMemory;

/* What the host keeps in a module's own writable data. KEEL_MODULE defines it. */
typedef struct KeelSelf {
    KeelMemory memory;
    void *host;
} KeelSelf;
extern KeelSelf keel_self __attribute__((visibility("hidden")));

KEEL_API void *keel_mem_alloc(KeelMemory *account, size_t size)
    __attribute__((malloc, returns_nonnull));
KEEL_API void *keel_mem_try_alloc(KeelMemory *account, size_t size) __attribute__((malloc));
KEEL_API void *keel_mem_zalloc(KeelMemory *account, size_t size)
    __attribute__((malloc, returns_nonnull));
KEEL_API void *keel_mem_realloc(KeelMemory *account, void *block, size_t size)
    __attribute__((returns_nonnull));
KEEL_API void *keel_mem_try_realloc(KeelMemory *account, void *block, size_t size);
KEEL_API void keel_mem_free(KeelMemory *account, void *block);

/* Accounts memory that did not come from these functions (mapped, aligned), or with negative numbers
 * that it is gone. Any thread. */
KEEL_API void keel_mem_account(KeelMemory *account, int64_t bytes, int64_t blocks);

/* The bytes that the allocator really reserves for a block of `size` bytes. Cost: arithmetic. */
KEEL_API size_t keel_mem_class(size_t size);
/* The bytes reserved for `block`, which is not NULL. */
KEEL_API size_t keel_mem_size(const void *block);

/* Uninitialised memory of `size` bytes (at least 1). Never NULL. */
static inline void *keel_alloc(size_t size) {
    return keel_mem_alloc(&keel_self.memory, size);
}
/* The same, NULL when there is none: for sizes that came from outside. */
static inline void *keel_try_alloc(size_t size) {
    return keel_mem_try_alloc(&keel_self.memory, size);
}
/* Zeroed memory. Never NULL. */
static inline void *keel_zalloc(size_t size) {
    return keel_mem_zalloc(&keel_self.memory, size);
}
/* Resizes a block of this module's (NULL: a new one). Never NULL. */
static inline void *keel_realloc(void *block, size_t size) {
    return keel_mem_realloc(&keel_self.memory, block, size);
}
/* The same; NULL, and the block as it was, when there is no memory. */
static inline void *keel_try_realloc(void *block, size_t size) {
    return keel_mem_try_realloc(&keel_self.memory, block, size);
}
/* Frees a block of this module's; NULL is fine. */
static inline void keel_free(void *block) {
    keel_mem_free(&keel_self.memory, block);
}
/* A NUL-terminated copy of some bytes. Free it with keel_free(). */
static inline char *keel_strdup(KeelStr s) {
    char *copy = (char *)keel_alloc(s.len + 1);
    __builtin_memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

/* All bytes that the process has allocated through these functions: INFO's used_memory. */
KEEL_API size_t keel_mem_used(void);
/* Of these bytes, those that a limit on data should not count, because removing data makes them
 * more, not less: what is on its way to files and peers. Who holds such memory says how much more
 * or less of it there is. On the loop's thread. */
KEEL_API void keel_mem_uncount(int64_t bytes);
KEEL_API size_t keel_mem_uncounted(void);
/* Gives unused pages back to the system, where the allocator can. Cost: a walk over its heap. */
KEEL_API void keel_mem_purge(void);

/* Where the memory is. */
typedef struct KeelMemoryFacts {
    uint32_t size;            /* set by the caller: sizeof(KeelMemoryFacts) */
    size_t used, peak, startup; /* through the functions above: now, at most, when idle */
    size_t resident_set;      /* what the system keeps in memory for the process */
    size_t allocated, active, resident; /* the allocator's own view */
    size_t clients[4];        /* buffers and state of connections, by KeelClientKind */
    size_t tables;            /* keyspace tables, without their entries */
    const char *allocator;    /* "jemalloc-5.3.0", "libc" */
} KeelMemoryFacts;
/* Cost: a walk over databases and some system calls. */
KEEL_API void keel_memory_facts(KeelMemoryFacts *facts);

#endif
