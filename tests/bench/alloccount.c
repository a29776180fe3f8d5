/* alloccount.c - counts the allocations of a process, for LD_PRELOAD.
 *
 *     ALLOCCOUNT_FILE=/tmp/n LD_PRELOAD=./alloccount.so keel --port 6379
 *
 * The file becomes one page with two 64-bit counters that another process may map and read at any
 * time: [0] calls that obtain or resize memory, [1] calls that give it back. A child created by
 * fork goes on counting in the same page.
 *
 * Every call is passed to the allocator the program is linked with: libc or jemalloc, whose sized
 * calls (mallocx, sdallocx, ...) are covered too. What a program takes from the kernel itself
 * (mmap) is not counted here; the system calls of a run show that.
 *
 * dlsym may allocate while the first pointer is looked up. Those few requests are served from a
 * static buffer that is never given back.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
#define EXPORT __attribute__((visibility("default")))

static uint64_t unmapped[2];            /* counts here until the page is mapped */
static uint64_t *counts = unmapped;

static char early[64 * 1024] __attribute__((aligned(64)));
static size_t early_used;
static __thread int resolving;

static void count_alloc(void) { __atomic_fetch_add(&counts[0], 1, __ATOMIC_RELAXED); }
static void count_free(void) { __atomic_fetch_add(&counts[1], 1, __ATOMIC_RELAXED); }

static int is_early(const void *p) {
    return (const char *)p >= early && (const char *)p < early + sizeof early;
}

/* Zeroed memory of the static buffer, or NULL when it is used up. Keeps its size in front. */
static void *early_alloc(size_t size) {
    size_t need = 64 + ((size + 63) & ~(size_t)63);
    if (early_used + need > sizeof early) return NULL;
    char *p = early + early_used + 64;
    early_used += need;
    memcpy(p - 64, &size, sizeof size);
    return p;
}

/* The next definition of `name` after this library; cached by the caller. */
static void *real(const char *name) {
    resolving++;
    void *fn = dlsym(RTLD_NEXT, name);
    resolving--;
    return fn;
}

__attribute__((constructor)) static void map_counts(void) {
    const char *path = getenv("ALLOCCOUNT_FILE");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0) return;
    if (ftruncate(fd, PAGE) == 0) {
        void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at != MAP_FAILED) counts = at;
        count_alloc();                  /* never zero: a reader sees that the library is loaded */
    }
    close(fd);
}

/* Defines a counting function in front of the real one. EARLY is what to answer while dlsym runs
 * (or when the program's allocator has no such function), KIND what to count. */
#define FORWARD(KIND, EARLY, TYPE, NAME, PARAMS, ARGS)                  \
    EXPORT TYPE NAME PARAMS {                                           \
        static TYPE (*fn) PARAMS;                                       \
        if (!fn && !resolving) fn = (TYPE (*) PARAMS)real(#NAME);       \
        if (!fn) return EARLY;                                          \
        count_##KIND();                                                 \
        return fn ARGS;                                                 \
    }

FORWARD(alloc, early_alloc(size), void *, malloc, (size_t size), (size))
FORWARD(alloc, early_alloc(n * size), void *, calloc, (size_t n, size_t size), (n, size))
FORWARD(alloc, NULL, void *, memalign, (size_t align, size_t size), (align, size))
FORWARD(alloc, NULL, void *, aligned_alloc, (size_t align, size_t size), (align, size))
FORWARD(alloc, NULL, void *, valloc, (size_t size), (size))
FORWARD(alloc, NULL, void *, pvalloc, (size_t size), (size))
FORWARD(alloc, ENOMEM, int, posix_memalign, (void **p, size_t align, size_t size), (p, align, size))
FORWARD(alloc, NULL, void *, mallocx, (size_t size, int flags), (size, flags))
FORWARD(alloc, NULL, void *, rallocx, (void *p, size_t size, int flags), (p, size, flags))
FORWARD(alloc, 0, size_t, xallocx, (void *p, size_t size, size_t extra, int flags),
        (p, size, extra, flags))

/* A pointer of the static buffer must never reach the real allocator. */
EXPORT void *realloc(void *p, size_t size) {
    static void *(*fn)(void *, size_t);
    if (is_early(p)) {
        size_t old;
        void *copy = malloc(size);
        memcpy(&old, (char *)p - 64, sizeof old);
        if (copy) memcpy(copy, p, old < size ? old : size);
        return copy;
    }
    if (!fn && !resolving) fn = (void *(*)(void *, size_t))real("realloc");
    if (!fn) return p ? NULL : early_alloc(size);
    count_alloc();
    return fn(p, size);
}

EXPORT void *reallocarray(void *p, size_t n, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(n, size, &total)) { errno = ENOMEM; return NULL; }
    return realloc(p, total);
}

EXPORT void free(void *p) {
    static void (*fn)(void *);
    if (!p || is_early(p)) return;
    if (!fn && !resolving) fn = (void (*)(void *))real("free");
    if (!fn) return;
    count_free();
    fn(p);
}

EXPORT void dallocx(void *p, int flags) {
    static void (*fn)(void *, int);
    if (!fn) fn = (void (*)(void *, int))real("dallocx");
    count_free();
    fn(p, flags);
}

EXPORT void sdallocx(void *p, size_t size, int flags) {
    static void (*fn)(void *, size_t, int);
    if (!fn) fn = (void (*)(void *, size_t, int))real("sdallocx");
    count_free();
    fn(p, size, flags);
}
