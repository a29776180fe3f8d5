/* number.c - numbers as text: strict integers, doubles both ways, sizes with a unit.
 *
 * Parsing an integer is on the path of most writes (a value that spells one is kept as one), so
 * it takes eight digits at a time and never divides. Doubles that fit a 53-bit mantissa and a
 * power of ten up to 22 are converted by one exact operation; all others by the C library.
 * Printing the shortest form of a double is in dtoa.c. */
#include <ctype.h>
#include <errno.h>
#include <keel/text.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest text that is handed to the C library: room for any long double in full. */
#define NUMBER_ROOM (5 * 1024)

/* Eight ASCII digits, the first in the lowest byte. False when one is not a digit. */
static inline bool eight_digits(const char *p, uint64_t *out) {
    uint64_t v;
    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    /* A digit has a high half of 3, and keeps it when 6 is added. */
    if (((v & 0xF0F0F0F0F0F0F0F0ull) | (((v + 0x0606060606060606ull) & 0xF0F0F0F0F0F0F0F0ull) >> 4))
        != 0x3333333333333333ull) {
        return false;
    }
    v -= 0x3030303030303030ull;
    v = v * 10 + (v >> 8); /* pairs, in every second byte */
    v = ((v & 0x000000FF000000FFull) * 0x000F424000000064ull +
         ((v >> 16) & 0x000000FF000000FFull) * 0x0000271000000001ull) >> 32;
    *out = v;
    return true;
}

/* `n` digits without a leading zero, 1 to 20 of them. False: not that, or more than 64 bits. */
static bool digits_to_u64(const char *p, size_t n, uint64_t *out) {
    uint64_t v = 0;
    size_t left = n;
    while (left >= 8) {
        uint64_t part;
        if (!eight_digits(p, &part)) return false;
        v = v * 100000000 + part;
        p += 8;
        left -= 8;
    }
    /* Only a twentieth digit can overflow; it is the last of this loop. */
    for (; left; left--, p++) {
        unsigned digit = (unsigned)(unsigned char)*p - '0';
        if (digit > 9) return false;
        if (__builtin_expect(n == 20 && left == 1, 0)) {
            if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v)) {
                return false;
            }
        } else {
            v = v * 10 + digit;
        }
    }
    *out = v;
    return true;
}

bool keel_parse_int(KeelStr s, int64_t *out) {
    const char *p = s.ptr;
    size_t n = s.len;
    if (n - 1 > 19) return false;
    bool negative = *p == '-';
    p += negative;
    n -= negative;
    uint64_t v;
    if (n == 0) return false;
    if (*p == '0') {
        if (s.len != 1) return false;
        *out = 0;
        return true;
    }
    if (!digits_to_u64(p, n, &v)) return false;
    if (v > (uint64_t)INT64_MAX + negative) return false;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool keel_parse_uint(KeelStr s, uint64_t *out) {
    if (s.len - 1 > 19) return false;
    if (*s.ptr == '0') {
        if (s.len != 1) return false;
        *out = 0;
        return true;
    }
    return digits_to_u64(s.ptr, s.len, out);
}

/* Plain decimals that one multiplication or division converts exactly. */
static bool parse_plain_double(KeelStr s, double *out) {
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *p = s.ptr, *end = p + s.len;
    bool negative = *p == '-';
    p += negative;
    uint64_t mantissa = 0;
    int decimals = -1; /* so far behind the point; -1: no point yet */
    if (p == end || end - p > 18 || *p == '.' || end[-1] == '.') return false;
    for (; p < end; p++) {
        unsigned digit = (unsigned)(unsigned char)*p - '0';
        if (digit <= 9) {
            mantissa = mantissa * 10 + digit;
            if (decimals >= 0) decimals++;
        } else if (*p == '.' && decimals < 0) {
            decimals = 0;
        } else {
            return false;
        }
    }
    if (mantissa > 1ull << 53) return false;
    double v = (double)mantissa;
    if (decimals > 0) v /= tens[decimals];
    *out = negative ? -v : v;
    return true;
}

/* Copies `s` to where the C library can read it. False: empty, too long, or it begins with a
 * space, which strtod would skip. */
static bool copy_number(KeelStr s, char *room) {
    if (s.len == 0 || s.len >= NUMBER_ROOM || isspace((unsigned char)s.ptr[0])) return false;
    memcpy(room, s.ptr, s.len);
    room[s.len] = '\0';
    return true;
}

bool keel_parse_double(KeelStr s, double *out) {
    char room[NUMBER_ROOM], *end;
    if (s.len == 0) return false;
    if (parse_plain_double(s, out)) return true;
    if (!copy_number(s, room)) return false;
    errno = 0;
    double v = strtod(room, &end);
    /* A NUL inside `s` ends the text early, and so fails here. */
    if (end != room + s.len || isnan(v)) return false;
    if (errno == ERANGE && (isinf(v) || v == 0)) return false;
    *out = v;
    return true;
}

bool keel_parse_long_double(KeelStr s, long double *out) {
    char room[NUMBER_ROOM], *end;
    if (!copy_number(s, room)) return false;
    errno = 0;
    long double v = strtold(room, &end);
    if (end != room + s.len || isnan(v)) return false;
    if (errno == ERANGE && (isinf(v) || v == 0)) return false;
    *out = v;
    return true;
}

bool keel_parse_memory(KeelStr s, int64_t *out) {
    static const struct {
        const char *word;
        int64_t factor;
    } units[] = {{"", 1},          {"b", 1},           {"k", 1000},
                 {"kb", 1 << 10},  {"m", 1000 * 1000}, {"mb", 1 << 20},
                 {"g", 1000000000}, {"gb", 1 << 30}};
    size_t digits = 0;
    int64_t v = 0;
    while (digits < s.len && isdigit((unsigned char)s.ptr[digits])) {
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, s.ptr[digits] - '0', &v)) {
            return false;
        }
        digits++;
    }
    KeelStr unit = {s.ptr + digits, s.len - digits};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!keel_is(unit, units[i].word)) continue;
        if (__builtin_mul_overflow(v, units[i].factor, &v)) return false;
        *out = v;
        return true;
    }
    return false;
}

static const char digit_pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445"
    "46474849505152535455565758596061626364656667686970717273747576777879808182838485868788899091"
    "9293949596979899";

static inline size_t count_digits(uint64_t v) {
    static const uint64_t tens[] = {
        0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000,
        100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000,
        10000000000000000, 100000000000000000, 1000000000000000000, 10000000000000000000u};
    /* Bits times log10(2), which is the number of digits or one less. */
    unsigned digits = (64 - (unsigned)__builtin_clzll(v | 1)) * 1233 >> 12;
    return digits + (v >= tens[digits]);
}

size_t keel_format_int(char *out, int64_t v) {
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    size_t len = count_digits(u) + (v < 0);
    char *p = out + len;
    *p = '\0';
    while (u >= 100) {
        p -= 2;
        memcpy(p, digit_pairs + u % 100 * 2, 2);
        u /= 100;
    }
    if (u >= 10) {
        memcpy(p - 2, digit_pairs + u * 2, 2);
    } else {
        p[-1] = (char)('0' + u);
    }
    if (v < 0) out[0] = '-';
    return len;
}

size_t keel_format_long_double(char *out, long double v) {
    if (!isfinite(v)) return 0;
    int printed = snprintf(out, NUMBER_ROOM, "%.17Lf", v);
    if (printed < 0 || printed >= NUMBER_ROOM) return 0;
    size_t len = (size_t)printed;
    while (out[len - 1] == '0') len--;
    if (out[len - 1] == '.') len--;
    if (len == 2 && out[0] == '-' && out[1] == '0') {
        out[0] = '0';
        len = 1;
    }
    out[len] = '\0';
    return len;
}
