/* keel/text.h - numbers, patterns and words, as the protocol's users write them.
 *
 * Any thread. None of these allocates. */
#ifndef KEEL_TEXT_H
#define KEEL_TEXT_H

#include <keel/base.h>
#include <strings.h>

/* Strict decimal int64: no space, no '+', no leading zero, no "-0". False leaves *out alone. */
KEEL_API bool keel_parse_int(KeelStr s, int64_t *out);
/* The same, unsigned. */
KEEL_API bool keel_parse_uint(KeelStr s, uint64_t *out);
/* A double as strtod reads it ("inf", "1e3"); spaces, "nan", hexadecimal garbage, overflow, an
 * empty string and one of more than 5,000 bytes are refused. */
KEEL_API bool keel_parse_double(KeelStr s, double *out);
/* The same with long double precision, as INCRBYFLOAT needs. */
KEEL_API bool keel_parse_long_double(KeelStr s, long double *out);
/* A size with an optional unit: "100", "64kb", "1G" (k = 1000, kb = 1024 ...); no digits are 0. */
KEEL_API bool keel_parse_memory(KeelStr s, int64_t *out);

/* Decimal form of `v` into `out` (KEEL_INT_ROOM bytes), NUL-terminated. Returns its length. */
KEEL_API size_t keel_format_int(char *out, int64_t v);
/* The shortest decimal form that reads back as `v`: 3, 0.1, 1e+21, 1e-7, inf, -inf, nan. `out`
 * has room for 40 bytes. Returns the length. */
KEEL_API size_t keel_format_double(char *out, double v);
/* 17 decimals without trailing zeros and never an exponent, the form INCRBYFLOAT replies with.
 * `out` has room for 5 * 1024 bytes. Returns the length, or 0 when `v` is not finite. */
KEEL_API size_t keel_format_long_double(char *out, long double v);

/* Whether `s` matches the glob `pattern` (* ? [a-z] [^a] \x). Iterative; the work is bounded by
 * pattern length times string length, and one that takes more than 16 million steps or 1,000 stars
 * is no match. The empty string matches the empty pattern only, as in Redis. */
KEEL_API bool keel_match(KeelStr pattern, KeelStr s, bool ignore_case);

/* Same bytes. */
static inline bool keel_equal(KeelStr a, KeelStr b) {
    return a.len == b.len && __builtin_memcmp(a.ptr, b.ptr, a.len) == 0;
}
/* Same ASCII letters in either case; `word` is NUL-terminated. Option names are compared so. */
static inline bool keel_is(KeelStr s, const char *word) {
    return s.len == __builtin_strlen(word) && strncasecmp(s.ptr, word, s.len) == 0;
}

/* CRC64 as DUMP payloads and RDB files carry it (Jones polynomial, reflected, initial value 0). */
KEEL_API uint64_t keel_crc64(uint64_t crc, const void *bytes, size_t len);
/* 64 unpredictable bits from a per-process generator. Not for secrets: see keel_random_bytes. */
KEEL_API uint64_t keel_random(void);
/* A number in [0, n), without bias; n > 0. */
KEEL_API uint64_t keel_random_below(uint64_t n);
/* Bytes from the system's entropy. */
KEEL_API void keel_random_bytes(void *out, size_t len);
/* The process's seeded hash, which resists chosen collisions. */
KEEL_API uint64_t keel_hash(const void *bytes, size_t len);
/* The same for ASCII letters of either case. */
KEEL_API uint64_t keel_hash_nocase(const void *bytes, size_t len);

/* Writes "Unknown subcommand ..." style quoting: `s` as a C-like quoted literal, cut at `room`
 * bytes, NUL-terminated. Returns the length. */
KEEL_API size_t keel_quote(char *out, size_t room, KeelStr s);

#endif
