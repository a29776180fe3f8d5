/* text.c - glob patterns, and bytes quoted for people to read. Numbers are in number.c, the
 * checksum in crc64.c. */
#include <ctype.h>
#include <keel/text.h>

/* A pattern with more groups of stars than this matches nothing. */
#define MATCH_STARS 1000
/* Comparisons that one match may take: far beyond any honest pattern, about 50 ms. */
#define MATCH_STEPS (1u << 24)

static inline unsigned char fold(unsigned char ch, bool ignore_case) {
    return ignore_case ? (unsigned char)tolower(ch) : ch;
}

/* Whether `ch` is in the class that starts behind the '[' at `*at`; leaves *at behind its ']'. A
 * class that is not closed ends with the pattern. A backslash takes the next byte as it is, and
 * bounds of a range may stand in either order. */
static bool match_class(const unsigned char **at, const unsigned char *end, unsigned char ch,
                        bool ignore_case) {
    const unsigned char *p = *at;
    bool found = false, negated = p < end && *p == '^';
    if (negated) p++;
    ch = fold(ch, ignore_case);
    while (p < end && *p != ']') {
        if (*p == '\\' && end - p >= 2) {
            found |= fold(p[1], ignore_case) == ch;
            p += 2;
        } else if (end - p >= 3 && p[1] == '-') {
            unsigned char low = fold(p[0], ignore_case), high = fold(p[2], ignore_case);
            if (low > high) {
                unsigned char swap = low;
                low = high;
                high = swap;
            }
            found |= ch >= low && ch <= high;
            p += 3;
        } else {
            found |= fold(*p, ignore_case) == ch;
            p++;
        }
    }
    *at = p < end ? p + 1 : end;
    return found != negated;
}

/* One pattern element other than a star against one byte; leaves *at behind the element. */
static inline bool match_one(const unsigned char **at, const unsigned char *end, unsigned char ch,
                             bool ignore_case) {
    const unsigned char *p = (*at)++;
    switch (*p) {
    case '?':
        return true;
    case '[':
        return match_class(at, end, ch, ignore_case);
    case '\\':
        if (end - p >= 2) p = (*at)++;
        break;
    }
    return fold(*p, ignore_case) == fold(ch, ignore_case);
}

/* Only the last star ever needs another try: if what stands between two stars matches somewhere,
 * its first place is as good as any later one. So a failure goes back to the last star, which then
 * takes one byte more, and no recursion is needed. */
bool keel_match(KeelStr pattern, KeelStr s, bool ignore_case) {
    const unsigned char *p = (const unsigned char *)pattern.ptr, *p_end = p + pattern.len;
    const unsigned char *q = (const unsigned char *)s.ptr, *q_end = q + s.len;
    const unsigned char *behind_star = NULL, *taken = NULL;
    unsigned stars = 0;
    size_t steps = 0;
    /* Not even stars match the empty string: so it has always been in Redis. */
    if (s.len == 0) return pattern.len == 0;
    for (;;) {
        if (p < p_end && *p == '*') {
            while (p < p_end && *p == '*') p++;
            if (p == p_end) return true;
            if (++stars > MATCH_STARS) return false;
            behind_star = p;
            taken = q;
            continue;
        }
        if (p == p_end && q == q_end) return true;
        if (q == q_end || ++steps > MATCH_STEPS) return false;
        if (p < p_end) {
            const unsigned char *start = p;
            bool matched = match_one(&p, p_end, *q, ignore_case);
            /* A class may be as long as the pattern, and is read again at every try. */
            steps += (size_t)(p - start);
            if (matched) {
                q++;
                continue;
            }
        }
        if (!behind_star) return false;
        p = behind_star;
        q = ++taken;
    }
}

/* One byte of keel_quote()'s; returns the length of `piece`. */
static size_t quote_byte(char piece[4], unsigned char ch) {
    static const char special[] = "\\\"\n\r\t\a\b", letters[] = "\\\"nrtab";
    static const char hex[] = "0123456789abcdef";
    const char *found = ch ? __builtin_strchr(special, ch) : NULL;
    if (found) {
        piece[0] = '\\';
        piece[1] = letters[found - special];
        return 2;
    }
    if (ch >= ' ' && ch < 127) {
        piece[0] = (char)ch;
        return 1;
    }
    piece[0] = '\\';
    piece[1] = 'x';
    piece[2] = hex[ch >> 4];
    piece[3] = hex[ch & 15];
    return 4;
}

size_t keel_quote(char *out, size_t room, KeelStr s) {
    size_t len = 0;
    char piece[4] = "\"";
    for (size_t i = 0; i < s.len + 2; i++) {
        bool edge = i == 0 || i == s.len + 1;
        size_t n = 1;
        if (edge) {
            piece[0] = '"';
        } else {
            n = quote_byte(piece, (unsigned char)s.ptr[i - 1]);
        }
        if (len + n >= room) break;
        __builtin_memcpy(out + len, piece, n);
        len += n;
    }
    if (room) out[len] = '\0';
    return len;
}
