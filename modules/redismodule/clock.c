/* clock.c - log lines, assertions, clocks and random bytes. */
#include "rm.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- log --------------------------------------------------------------------------------------- */

static int level_of(const char *word) {
    if (strcasecmp(word, REDISMODULE_LOGLEVEL_DEBUG) == 0) return KEEL_LOG_DEBUG;
    if (strcasecmp(word, REDISMODULE_LOGLEVEL_NOTICE) == 0) return KEEL_LOG_NOTICE;
    if (strcasecmp(word, REDISMODULE_LOGLEVEL_WARNING) == 0) return KEEL_LOG_WARNING;
    return KEEL_LOG_VERBOSE;
}

static void log_line(const Mod *mod, const char *level, const char *format, va_list args) {
    char text[1024];
    vsnprintf(text, sizeof(text), format, args);
    keel_log(level_of(level), "<%s> %s", mod && mod->name ? mod->name : "module", text);
}

void RM_Log(RedisModuleCtx *ctx, const char *level, const char *format, ...) {
    va_list args;
    va_start(args, format);
    log_line(ctx ? ctx->mod : NULL, level, format, args);
    va_end(args);
}

void RM_LogIOError(RedisModuleIO *io, const char *level, const char *format, ...) {
    va_list args;
    va_start(args, format);
    log_line(rm_io_mod(io), level, format, args);
    va_end(args);
}

void RM__Assert(const char *condition, const char *file, int line) {
    keel_panic(file, line, "a module's assertion failed: %s", condition);
}

/* ---- clocks ------------------------------------------------------------------------------------ */

static int64_t wall_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

mstime_t RM_Milliseconds(void) {
    return wall_us() / 1000;
}
ustime_t RM_Microseconds(void) {
    return wall_us();
}
ustime_t RM_CachedMicroseconds(void) {
    return keel_now_us();
}
uint64_t RM_MonotonicMicroseconds(void) {
    return (uint64_t)keel_monotonic_ns() / 1000;
}

/* ---- chance ------------------------------------------------------------------------------------ */

void RM_GetRandomBytes(unsigned char *to, size_t len) {
    keel_random_bytes(to, len);
}

void RM_GetRandomHexChars(char *to, size_t len) {
    static const char digits[] = "0123456789abcdef";
    keel_random_bytes(to, len);
    for (size_t i = 0; i < len; i++) to[i] = digits[to[i] & 15];
}
