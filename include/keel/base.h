/* keel/base.h - the words that every other header uses. */
#ifndef KEEL_BASE_H
#define KEEL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>

/* The version of this API that a module was compiled against. It changes only when older modules
 * cannot work any more; functions and fields are added without a change. */
#define KEEL_ABI 1

#define KEEL_API __attribute__((visibility("default")))
#define KEEL_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* Bytes that somebody else owns: never freed by who receives them. `ptr` is never NULL in a view
 * that the host makes. Arguments are followed by a NUL byte that `len` does not count; values are
 * not. */
typedef struct KeelStr {
    const char *ptr;
    size_t len;
} KeelStr;

/* One invocation of module code by the host: who asked, where the reply goes. Opaque. */
typedef struct KeelCtx KeelCtx;

/* A connection, or a pretended one for calls made by modules. Opaque. */
typedef struct KeelClient KeelClient;

/* A view of a string literal, and of a NUL-terminated string. */
#define KEEL_LIT(s) ((KeelStr){(s), sizeof(s) - 1})
static inline KeelStr keel_str(const char *s) {
    return (KeelStr){s, __builtin_strlen(s)};
}

/* Milliseconds since 1970 that stand for "never expires". */
#define KEEL_NO_EXPIRY (-1)
/* Passed where an expiry is asked for: leave the present one. */
#define KEEL_KEEP_EXPIRY (-2)

/* Room for the decimal form of any int64_t, its sign and a NUL. */
#define KEEL_INT_ROOM 24

#endif
