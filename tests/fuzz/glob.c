/* glob.c - the pattern matcher against a plain recursive one on short inputs, and within its step
 * budget on long ones. */
#include "fuzz.h"

#include <keel/db.h>

static int same(unsigned char a, unsigned char b, bool fold) {
    if (!fold) return a == b;
    a = a >= 'A' && a <= 'Z' ? a | 32 : a;
    b = b >= 'A' && b <= 'Z' ? b | 32 : b;
    return a == b;
}

/* Only for patterns without brackets, whose corner cases are the matcher's own tests. */
static bool naive(const char *p, const char *pe, const char *s, const char *se, bool fold) {
    for (; p < pe; p++) {
        if (*p == '*') {
            for (;; s++) {
                if (naive(p + 1, pe, s, se, fold)) return true;
                if (s == se) return false;
            }
        }
        if (s == se) return false;
        if (*p == '\\' && pe - p >= 2) p++;
        else if (*p == '?') {
            s++;
            continue;
        }
        if (!same((unsigned char)*p, (unsigned char)*s, fold)) return false;
        s++;
    }
    return s == se;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) return 0;
    bool fold = data[0] & 1;
    size_t times = 1 + (data[0] >> 1) * 8u, pattern_len = data[1] % (size - 1);
    const char *pattern = (const char *)data + 2, *text = pattern + pattern_len;
    size_t text_len = size - 2 - pattern_len;
    KeelStr p = {pattern, pattern_len}, s = {text, text_len};
    bool got = keel_match(p, s, fold);
    if (size <= 40 && !memchr(pattern, '[', pattern_len) && !(text_len == 0)) {
        size_t stars = 0;
        for (size_t i = 0; i < pattern_len; i++) stars += pattern[i] == '*';
        if (stars <= 4) MUST(got == naive(pattern, text, text, text + text_len, fold));
    }
    /* The same, repeated: the time must stay bounded. */
    char *long_p = malloc(pattern_len * times + 1), *long_s = malloc(text_len * times + 1);
    MUST(long_p && long_s);
    for (size_t i = 0; i < times; i++) {
        memcpy(long_p + i * pattern_len, pattern, pattern_len);
        memcpy(long_s + i * text_len, text, text_len);
    }
    int64_t start = keel_monotonic_ns();
    keel_match((KeelStr){long_p, pattern_len * times}, (KeelStr){long_s, text_len * times}, fold);
    MUST(keel_monotonic_ns() - start < 1000000000);
    free(long_p);
    free(long_s);
    return 0;
}
