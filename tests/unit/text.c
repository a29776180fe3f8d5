/* text.c - numbers, patterns, quoting and the checksum, against the C library and known values. */
#include "check.h"

#include <keel/text.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static void test_integers(void) {
    static const struct {
        const char *text;
        bool ok;
        int64_t v;
    } rows[] = {
        {"0", true, 0}, {"7", true, 7}, {"-1", true, -1}, {"12345678", true, 12345678},
        {"123456789", true, 123456789}, {"-87654321", true, -87654321},
        {"9223372036854775807", true, INT64_MAX}, {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0}, {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0}, {"99999999999999999999", false, 0},
        {"", false, 0}, {"-", false, 0}, {"-0", false, 0}, {"00", false, 0}, {"01", false, 0},
        {"+1", false, 0}, {" 1", false, 0}, {"1 ", false, 0}, {"1.0", false, 0}, {"1a", false, 0},
        {"--1", false, 0}, {"1234567a", false, 0}, {"1234567:", false, 0}, {"/2345678", false, 0},
        {"123456789012345678901", false, 0}, {"0x10", false, 0}, {"12345678\xb0", false, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t v = 42;
        bool ok = keel_parse_int(keel_str(rows[i].text), &v);
        check(ok == rows[i].ok && v == (ok ? rows[i].v : 42), "keel_parse_int", rows[i].text);
    }
    for (int i = 0; i < 20000; i++) {
        char text[32], ours[KEEL_INT_ROOM];
        int64_t v = (int64_t)(check_random() >> (check_random() & 63)), back = 0;
        if (check_random() & 1) v = (int64_t)(0 - (uint64_t)v);
        int len = snprintf(text, sizeof(text), "%lld", (long long)v);
        bool same = keel_format_int(ours, v) == (size_t)len && !strcmp(text, ours);
        if (!same || !keel_parse_int((KeelStr){text, (size_t)len}, &back) || back != v) {
            check(false, "integers read and print alike", text);
            return;
        }
        text[check_random() % (unsigned)len] = (char)(check_random() | 0x80); /* no digit any more */
        if (keel_parse_int((KeelStr){text, (size_t)len}, &back)) {
            check(false, "a byte that is no digit is refused", text);
            return;
        }
    }
    check(true, "", "");
    uint64_t u = 0;
    check(keel_parse_uint(KEEL_LIT("18446744073709551615"), &u) && u == UINT64_MAX, "uint", "max");
    check(!keel_parse_uint(KEEL_LIT("18446744073709551616"), &u), "uint", "max + 1");
    check(!keel_parse_uint(KEEL_LIT("-1"), &u), "uint", "-1");
}

static void test_double_text(void) {
    static const struct {
        double v;
        const char *text;
    } rows[] = {
        {0, "0"}, {-0.0, "-0"}, {3, "3"}, {-3, "-3"}, {0.1, "0.1"}, {1.5, "1.5"}, {-2.25, "-2.25"},
        {1e15, "1000000000000000"}, {1e18, "1000000000000000000"}, {1e21, "1e+21"},
        {123456.789, "123456.789"}, {0.0001, "0.0001"}, {0.000001, "0.000001"}, {1e-7, "1e-7"},
        {1.5e-7, "1.5e-7"}, {1.7976931348623157e308, "1.7976931348623157e+308"},
        {5e-324, "5e-324"}, {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {3.14159265358979, "3.14159265358979"}, {1e100, "1e+100"}, {1.1e22, "1.1e+22"},
        {5.5555555555555e19, "55555555555555000000"},
        {INFINITY, "inf"}, {-INFINITY, "-inf"}, {NAN, "nan"}, {-NAN, "nan"}, {0.3, "0.3"},
        {0.1 + 0.2, "0.30000000000000004"},
    };
    char out[40];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = keel_format_double(out, rows[i].v);
        check(len == strlen(out) && !strcmp(out, rows[i].text), rows[i].text, out);
    }
    for (int i = 0; i < 20000; i++) {
        union {
            uint64_t bits;
            double v;
        } u = {check_random()};
        if (!isfinite(u.v)) continue;
        if (i & 1) u.v = (double)(int64_t)check_random() / (double)(1u << (check_random() & 31));
        double back = 0;
        size_t len = keel_format_double(out, u.v);
        if (len >= sizeof(out) || strtod(out, NULL) != u.v ||
            !keel_parse_double((KeelStr){out, len}, &back) || back != u.v) {
            check(false, "doubles read back as they were", out);
            return;
        }
    }
    check(true, "", "");
}

static void test_parse_double(void) {
    static const char *good[] = {"0", "-0", "1", "1.5", "-1.25", "+1", ".5", "5.", "1e3", "1E-3",
                                 "inf", "-inf", "+inf", "infinity", "0x10", "9007199254740993",
                                 "123456789012345678", "0.30000000000000004", "4.9e-324", "1.e2"};
    static const char *bad[] = {"", " 1", "1 ", "\t1", "nan", "-nan", "1e400", "-1e400", "1e-400",
                                "1..2", "1.2.3", "abc", "1a", "-", ".", "e5", "--1", "0x"};
    double v;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        check(keel_parse_double(keel_str(good[i]), &v) && v == strtod(good[i], NULL),
              "keel_parse_double reads", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        v = 42;
        check(!keel_parse_double(keel_str(bad[i]), &v) && v == 42, "keel_parse_double refuses",
              bad[i]);
    }
    check(!keel_parse_double((KeelStr){"1\0002", 3}, &v), "a NUL inside", "refused");
    for (int i = 0; i < 20000; i++) {
        char text[40];
        int len = snprintf(text, sizeof(text), "%.*f", (int)(check_random() % 12),
                           (double)(int64_t)check_random() / (double)(check_random() | 1));
        if (!keel_parse_double((KeelStr){text, (size_t)len}, &v) || v != strtod(text, NULL)) {
            check(false, "decimals as the C library reads them", text);
            return;
        }
    }
    check(true, "", "");
    long double wide;
    char out[5 * 1024];
    check(keel_parse_long_double(KEEL_LIT("0.1"), &wide) && wide == 0.1L, "long double", "0.1");
    check(!keel_parse_long_double(KEEL_LIT("1 "), &wide), "long double", "trailing space");
    check(keel_format_long_double(out, 10.5L) == 4 && !strcmp(out, "10.5"), "long double", out);
    check(keel_format_long_double(out, -0.0L) == 1 && !strcmp(out, "0"), "long double", out);
    check(keel_format_long_double(out, 3.0e3L) == 4 && !strcmp(out, "3000"), "long double", out);
    check(keel_format_long_double(out, (long double)INFINITY) == 0, "long double", "inf");
}

static void test_memory_sizes(void) {
    static const struct {
        const char *text;
        int64_t v; /* -1: refused */
    } rows[] = {{"0", 0}, {"100", 100}, {"10b", 10}, {"1k", 1000}, {"1KB", 1024}, {"2mb", 2 << 20},
                {"3M", 3000000}, {"1g", 1000000000}, {"1Gb", 1 << 30}, {"1.5gb", -1}, {"-1", -1},
                {"10kbb", -1}, {"", 0}, {"mb", 0}, {"99999999999999999999", -1},
                {"9223372036854775807k", -1},
                {"+10", -1}, {"1 kb", -1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t v = -1;
        check(keel_parse_memory(keel_str(rows[i].text), &v) == (rows[i].v >= 0) && v == rows[i].v,
              "keel_parse_memory", rows[i].text);
    }
}

static void test_patterns(void) {
    static const struct {
        const char *pattern, *text;
        bool match;
    } rows[] = {
        {"", "", true}, {"", "a", false}, {"*", "", false}, {"*", "abc", true}, {"**", "a", true},
        {"a*", "a", true}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"h*llo", "hello", true},
        {"h*llo", "hllo", true}, {"*b*d*", "abcde", true}, {"*ab*ab", "abxabyab", true},
        {"*ab*ab", "abxabya", false}, {"[a-c]", "b", true}, {"[c-a]", "b", true},
        {"[^a]", "b", true}, {"[^a]", "a", false}, {"[", "[", false}, {"[^", "x", true},
        {"[a", "a", true}, {"[a-", "-", true}, {"[\\]]", "]", true}, {"[]", "]", false},
        {"\\*", "*", true}, {"\\*", "a", false}, {"a\\", "a\\", true}, {"[\\-]", "-", true},
        {"*[0-9]", "key:1", true}, {"ABC", "abc", false}, {"[a-]x", "ax", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check(keel_match(keel_str(rows[i].pattern), keel_str(rows[i].text), false) == rows[i].match,
              rows[i].pattern, rows[i].text);
    }
    check(keel_match(KEEL_LIT("aB[C-D]*"), KEEL_LIT("Abd!"), true), "ignoring case", "aB[C-D]*");

    /* The three shapes that made other matchers take forever. */
    enum { BIG = 100 * 1024 };
    char *pattern = malloc(BIG), *text = malloc(BIG);
    memset(text, 'a', BIG);
    for (int i = 0; i < BIG; i++) pattern[i] = i & 1 ? 'a' : '*';
    KeelStr p = {pattern, BIG}, t = {text, BIG - 1};
    check(!keel_match(p, t, false), "stars", "bounded");
    memset(pattern, 'a', BIG);
    pattern[0] = '*';
    pattern[BIG / 2] = 'b';
    check(!keel_match(p, t, false), "run", "bounded");
    memset(pattern, '[', BIG);
    pattern[0] = '*';
    check(!keel_match(p, t, false), "class", "bounded");
    free(pattern);
    free(text);
}

static void test_bytes(void) {
    check(keel_crc64(0, "123456789", 9) == 0xe9c6d914c4b8d9caull, "crc64", "123456789");
    unsigned char bytes[300];
    for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (unsigned char)check_random();
    uint64_t whole = keel_crc64(0, bytes, sizeof(bytes));
    for (size_t cut = 0; cut < sizeof(bytes); cut += 7) {
        uint64_t crc = keel_crc64(0, bytes, cut);
        if (keel_crc64(crc, bytes + cut, sizeof(bytes) - cut) == whole) continue;
        check(false, "crc64", "in two pieces");
    }
    char out[64];
    check(keel_quote(out, sizeof(out), (KeelStr){"a\"\\\n\r\t\a\b\0\xff", 10}) == 25 &&
              !strcmp(out, "\"a\\\"\\\\\\n\\r\\t\\a\\b\\x00\\xff\""), "keel_quote", out);
    check(keel_quote(out, 4, KEEL_LIT("abcdef")) == 3 && !strcmp(out, "\"ab"), "keel_quote", out);
    check(keel_quote(out, 0, KEEL_LIT("a")) == 0, "keel_quote", "no room");
}

int main(void) {
    test_integers();
    test_double_text();
    test_parse_double();
    test_memory_sizes();
    test_patterns();
    test_bytes();
    return check_done();
}
