/* check.h - what the C unit tests share: counted checks, and numbers that are the same each run. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static int passed, failed;

/* Counts one check and prints what failed, with a detail such as the input. */
static void check(bool ok, const char *what, const char *detail) {
    if (ok) {
        passed++;
        return;
    }
    failed++;
    printf("failed: %s: %.600s\n", what, detail);
}

/* For loops over random input: what is said at one place counts once, however often it holds, and
 * the first time that it does not is shown. */
#define always(ok, what, detail)                                                                   \
    do {                                                                                           \
        static int told_;                                                                          \
        bool holds_ = (ok);                                                                        \
        if (!told_) {                                                                              \
            passed++;                                                                              \
            told_ = 1;                                                                             \
        }                                                                                          \
        if (!holds_ && told_ == 1) {                                                               \
            passed--;                                                                              \
            told_ = 2;                                                                             \
            check(false, (what), (detail));                                                        \
        }                                                                                          \
    } while (0)

/* The last line, and main's result. */
static int check_done(void) {
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}

/* xorshift64 from a fixed seed. */
static inline uint64_t check_random(void) {
    static uint64_t state = 88172645463325252ull;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

#endif
