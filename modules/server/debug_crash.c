/* debug_crash.c - DEBUG's ways to end the process, for tests of the crash report. */
#include "server.h"

#include <sys/mman.h>
#include <unistd.h>

static void debug_assert(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c, (void)argv;
    KEEL_ASSERT(argc == 0);
}

static void debug_panic(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c, (void)argv, (void)argc;
    keel_panic(__FILE__, __LINE__, "called by DEBUG PANIC");
}

/* Writes where only reading is allowed: sure to fault, and no compiler can tell. */
static void debug_segfault(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c, (void)argv, (void)argc;
    volatile char *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *page = 1;
}

/* More than any machine has. */
static void debug_oom(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c, (void)argv, (void)argc;
    keel_free(keel_alloc(SIZE_MAX / 4));
}

const DebugRow debug_rows_crash[] = {
    {"assert", 0, 1, debug_assert,
     "ASSERT\n"
     "    End by a failed assertion.\n"},
    {"oom", 0, 1, debug_oom,
     "OOM\n"
     "    End for lack of memory.\n"},
    {"panic", 0, 1, debug_panic,
     "PANIC\n"
     "    End by a reported bug.\n"},
    {"segfault", 0, 1, debug_segfault,
     "SEGFAULT\n"
     "    End by a write to where nothing may be written.\n"},
    {0},
};
