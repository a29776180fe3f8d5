/* keel/log.h - lines in the server's log. Any thread, also fork children. */
#ifndef KEEL_LOG_H
#define KEEL_LOG_H

#include <keel/base.h>

enum { KEEL_LOG_DEBUG, KEEL_LOG_VERBOSE, KEEL_LOG_NOTICE, KEEL_LOG_WARNING };

/* One line, without the newline, in Redis's format: "pid:role date level message". Lines below
 * the configured level cost a comparison. */
KEEL_API void keel_log(int level, const char *format, ...) KEEL_PRINTF(2, 3);

/* What the letter in each line says of this server: that it follows another one ('S'), or that it
 * does not ('M'). The second of oom-score-adj-values counts while it does. */
KEEL_API void keel_set_follower(bool on);

/* Reports a bug of this module's and ends the process with the crash report. */
KEEL_API void keel_panic(const char *file, int line, const char *format, ...) KEEL_PRINTF(3, 4)
    __attribute__((noreturn, cold));

/* For what cannot be false unless our own code is wrong, never for input. */
#define KEEL_ASSERT(cond)                                                                          \
    ((void)(__builtin_expect(!!(cond), 1) ||                                                       \
            (keel_panic(__FILE__, __LINE__, "assertion failed: %s", #cond), 0)))

#endif
