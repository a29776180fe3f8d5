/* bits.c - GETBIT, SETBIT, BITCOUNT and BITPOS: a string as an array of bits.
 *
 * Bit 0 is the highest of the first byte. What lies past the end reads as zeros; writing there
 * grows the string. Long ranges are worked through in words. */
#include "strings.h"
#include <string.h>

/* The limit is that of the string's length: a bit may lie in its last allowed byte. Scaling is
 * checked, as "#" takes any number and a wrapped product could land inside the string. */
bool bits_offset(KeelCtx *c, KeelStr s, unsigned bits, uint64_t *offset) {
    bool scaled = bits > 0 && s.len > 0 && s.ptr[0] == '#';
    KeelStr digits = {s.ptr + scaled, s.len - scaled};
    int64_t v;
    if (!keel_parse_int(digits, &v) || (scaled && __builtin_mul_overflow(v, (int64_t)bits, &v)) ||
        v < 0 || !strings_allows(c, ((uint64_t)v >> 3) + 1)) {
        keel_reply_error(c, "ERR bit offset is not an integer or out of range");
        return false;
    }
    *offset = (uint64_t)v;
    return true;
}

static inline uint64_t load64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

/* Inlined twice: with the processor's own instruction, and without. Four sums, so that the
 * additions of one word need not wait for those of the word before; long strings then cost what
 * reading them from memory does. */
static inline __attribute__((always_inline)) uint64_t count_ones(const uint8_t *p, size_t len) {
    uint64_t a = 0, b = 0, d = 0, e = 0;
    for (; len >= 32; p += 32, len -= 32) {
        a += (uint64_t)__builtin_popcountll(load64(p));
        b += (uint64_t)__builtin_popcountll(load64(p + 8));
        d += (uint64_t)__builtin_popcountll(load64(p + 16));
        e += (uint64_t)__builtin_popcountll(load64(p + 24));
    }
    for (; len >= 8; p += 8, len -= 8) a += (uint64_t)__builtin_popcountll(load64(p));
    uint64_t tail = 0;
    memcpy(&tail, p, len);
    return a + b + d + e + (uint64_t)__builtin_popcountll(tail);
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) static uint64_t count_ones_fast(const uint8_t *p, size_t len) {
    return count_ones(p, len);
}
#endif

/* The instruction is not part of the oldest x86-64, for which everything here is compiled. */
uint64_t bits_count(const void *bytes, size_t len) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("popcnt")) return count_ones_fast(bytes, len);
#endif
    return count_ones(bytes, len);
}

/* The first bit equal to `bit` in [from, to], -1 when there is none. Looks for ones in the bytes
 * as they are, or turned over. The first and the last byte are masked to the range; between them
 * whole words are skipped while they hold nothing of interest, and only the word that does not is
 * looked at by the byte. */
static int64_t find_bit(const uint8_t *p, uint64_t from, uint64_t to, bool bit) {
    const uint8_t flip = bit ? 0 : 0xff;
    const uint64_t boring = bit ? 0 : UINT64_MAX;
    size_t i = from >> 3, last = to >> 3;
    unsigned v = (unsigned)(p[i] ^ flip) & (0xffu >> (from & 7));
    for (;;) {
        if (i == last) v &= 0xffu << (7 - (to & 7));
        if (v & 0xff) return (int64_t)(i * 8) + __builtin_clz(v & 0xff) - 24;
        if (i == last) return -1;
        i++;
        while (last - i >= 32 && load64(p + i) == boring && load64(p + i + 8) == boring &&
               load64(p + i + 16) == boring && load64(p + i + 24) == boring) {
            i += 32;
        }
        while (last - i >= 8 && load64(p + i) == boring) i += 8;
        v = (unsigned)(p[i] ^ flip);
    }
}

/* GETBIT key offset: what lies past the end is 0, as is all of a missing key. */
void strings_getbit(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    uint64_t offset;
    if (!bits_offset(c, argv[2], 0, &offset)) return;
    KeelKey key;
    KeelStr s = {"", 0};
    char scratch[KEEL_INT_ROOM];
    if (keel_key_open(c, argv[1], KEEL_KEY_READ, &key)) {
        if (!strings_check(c, &key)) return;
        s = keel_key_bytes(&key, scratch);
    }
    size_t at = offset >> 3;
    keel_reply_int(c, at < s.len ? ((unsigned char)s.ptr[at] >> (7 - (offset & 7))) & 1 : 0);
}

/* SETBIT key offset value: replies with the old bit. The string grows to hold the bit even when
 * that is 0, and gets a buffer of its own even when nothing changes, as in Redis. */
void strings_setbit(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    uint64_t offset;
    int64_t bit;
    if (!bits_offset(c, argv[2], 0, &offset)) return;
    if (!keel_parse_int(argv[3], &bit) || (bit & ~1)) {
        keel_reply_error(c, "ERR bit is not an integer or out of range");
        return;
    }
    KeelKey key;
    bool found = keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (!strings_check(c, &key)) return;
    size_t at = offset >> 3, len = found ? keel_key_bytes_len(&key) : 0;
    bool grows = at >= len;
    char *bytes = strings_edit(c, &key, grows ? at + 1 : len);
    if (!bytes) return;
    unsigned shift = 7 - (offset & 7), old = ((unsigned char)bytes[at] >> shift) & 1;
    /* What changes nothing is told to nobody. */
    if (grows || old != (unsigned)bit) {
        bytes[at] = (char)((bytes[at] & ~(1 << shift)) | (int)(bit << shift));
        keel_key_changed(&key, KEEL_NOTIFY_STRING, "setbit");
    }
    keel_reply_int(c, old);
}

/* Reads BYTE or BIT. */
static bool parse_unit(KeelCtx *c, KeelStr s, bool *in_bits) {
    *in_bits = keel_is(s, "bit");
    if (*in_bits || keel_is(s, "byte")) return true;
    keel_reply_syntax(c);
    return false;
}

/* Turns positions that may be negative into offsets of a string of `total` units. */
static void clamp_range(int64_t *start, int64_t *end, int64_t total) {
    if (*start < 0) *start += total;
    if (*end < 0) *end += total;
    if (*start < 0) *start = 0;
    if (*end < 0) *end = 0;
    if (*end >= total) *end = total - 1;
}

/* BITCOUNT key [start end [BYTE|BIT]]. A missing key is answered before anything else is looked at,
 * so a wrong range goes unnoticed there; Redis's order, which clients may have come to rely on. */
void strings_bitcount(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    if (!keel_key_open(c, argv[1], KEEL_KEY_READ, &key)) {
        keel_reply_int(c, 0);
        return;
    }
    if (!strings_check(c, &key)) return;
    char scratch[KEEL_INT_ROOM];
    KeelStr s = keel_key_bytes(&key, scratch);
    if (argc == 2) {
        keel_reply_int(c, (int64_t)bits_count(s.ptr, s.len));
        return;
    }
    int64_t start, end;
    bool in_bits = false;
    if (argc != 4 && argc != 5) {
        keel_reply_syntax(c);
        return;
    }
    if (!keel_arg_int(c, argv[2], &start) || !keel_arg_int(c, argv[3], &end)) return;
    bool empty = start < 0 && end < 0 && start > end;
    if (!empty && argc == 5 && !parse_unit(c, argv[4], &in_bits)) return;
    clamp_range(&start, &end, (int64_t)s.len * (in_bits ? 8 : 1));
    if (empty || start > end) {
        keel_reply_int(c, 0);
        return;
    }
    if (!in_bits) {
        keel_reply_int(c, (int64_t)bits_count(s.ptr + start, (size_t)(end - start + 1)));
        return;
    }
    /* Whole bytes, less what the first and the last have outside the range. */
    size_t first = (size_t)(start >> 3), last = (size_t)(end >> 3);
    int64_t n = (int64_t)bits_count(s.ptr + first, last - first + 1);
    n -= __builtin_popcount((unsigned char)s.ptr[first] & (0xff00u >> (start & 7)) & 0xff);
    n -= __builtin_popcount((unsigned char)s.ptr[last] & (0x7fu >> (end & 7)));
    keel_reply_int(c, n);
}

/* BITPOS key bit [start [end [BYTE|BIT]]]. Without an end the string goes on in zeros: a search for
 * a zero that finds none then gives the bit behind the last. */
void strings_bitpos(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t bit, start = 0, end = -1;
    if (!keel_arg_int(c, argv[2], &bit)) return;
    if (bit != 0 && bit != 1) {
        keel_reply_error(c, "ERR The bit argument must be 1 or 0.");
        return;
    }
    KeelKey key;
    if (!keel_key_open(c, argv[1], KEEL_KEY_READ, &key)) {
        keel_reply_int(c, bit ? -1 : 0);
        return;
    }
    if (!strings_check(c, &key)) return;
    char scratch[KEEL_INT_ROOM];
    KeelStr s = keel_key_bytes(&key, scratch);
    bool in_bits = false;
    if (argc > 6) {
        keel_reply_syntax(c);
        return;
    }
    if (argc > 3 && !keel_arg_int(c, argv[3], &start)) return;
    if (argc > 5 && !parse_unit(c, argv[5], &in_bits)) return;
    if (argc > 4 && !keel_arg_int(c, argv[4], &end)) return;

    clamp_range(&start, &end, (int64_t)s.len * (in_bits ? 8 : 1));
    int64_t found = -1;
    if (start <= end) {
        uint64_t from = (uint64_t)start, to = (uint64_t)end;
        if (!in_bits) {
            from = from * 8;
            to = to * 8 + 7;
        }
        found = find_bit((const uint8_t *)s.ptr, from, to, bit == 1);
        if (found < 0 && bit == 0 && argc < 5) found = (int64_t)s.len * 8;
    }
    keel_reply_int(c, found);
}
