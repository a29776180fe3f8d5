/* failalloc.c - LD_PRELOAD: an allocation that fails, chosen by number.
 *
 * The file named by FAILALLOC holds a number N: the Nth allocation of at least FAILALLOC_FROM bytes
 * (0) after the file was written fails, once. The file is read when SIGUSR2 comes, and is then
 * emptied as the failure happens, so a test knows whether there was one. Everything else goes to the
 * allocator that the program has. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static volatile long countdown; /* 0: nothing is to fail */
static char path[512]; /* copied: a server that sets its title overwrites the environment */
static size_t from;

static void arm(int number) {
    (void)number;
    char text[32] = "";
    int saved = errno, fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    long value = 0;
    for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++) {
        value = value * 10 + (text[i] - '0');
    }
    countdown = value;
    errno = saved;
}

static void resolve(void) {
    real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
}

__attribute__((constructor)) static void start(void) {
    if (!real_malloc) resolve();
    const char *file = getenv("FAILALLOC");
    const char *least = getenv("FAILALLOC_FROM");
    from = least ? strtoul(least, NULL, 10) : 0;
    if (!file || strlen(file) >= sizeof(path)) return;
    memcpy(path, file, strlen(file) + 1);
    signal(SIGUSR2, arm);
}

static bool fails(size_t size) {
    if (__builtin_expect(countdown == 0, 1) || size < from) return false;
    if (__atomic_sub_fetch(&countdown, 1, __ATOMIC_RELAXED) != 0) return false;
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd >= 0) close(fd);
    errno = ENOMEM;
    return true;
}

/* dlsym() may allocate before we know the real one. */
static char early[16384] __attribute__((aligned(16)));
static size_t early_used;
static void *early_block(size_t size) {
    size_t at = early_used;
    early_used = (at + size + 15) & ~(size_t)15;
    if (early_used > sizeof(early)) abort();
    return early + at;
}

void *malloc(size_t size) {
    static bool resolving;
    if (!real_malloc) {
        if (resolving) return early_block(size);
        resolving = true;
        resolve();
    }
    return fails(size) ? NULL : real_malloc(size);
}

void *calloc(size_t n, size_t size) {
    if (!real_calloc) return early_block(n * size); /* static memory is zero */
    return fails(n * size) ? NULL : real_calloc(n, size);
}

void *realloc(void *block, size_t size) {
    if (!real_realloc) resolve();
    return fails(size) ? NULL : real_realloc(block, size);
}
