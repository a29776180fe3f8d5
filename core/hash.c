/* hash.c - the process's hash key and its random numbers. */
#include "hash.h"

#include <errno.h>
#include <fcntl.h>
#include <keel/log.h>
#include <keel/text.h>
#include <sys/random.h>
#include <unistd.h>

uint64_t hash_key[2];
bool hash_has_aes;
static uint64_t random_state[4]; /* xoshiro256++ */

void keel_random_bytes(void *out, size_t len) {
    unsigned char *p = out;
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) keel_panic(__FILE__, __LINE__, "no entropy: %d", errno);
        p += n;
        len -= (size_t)n;
    }
}

#ifdef __x86_64__
#include <immintrin.h>
#define AES __attribute__((target("aes,sse2")))
enum { BETWEEN = 4, LAST = 10 }; /* rounds */
static __m128i round_keys[1 + BETWEEN + LAST];

AES static inline __m128i load_16(const unsigned char *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* At most 16 bytes, zeros behind them, without a look past their end. */
AES static inline __m128i load_rest(const unsigned char *p, size_t len) {
    uint64_t low = 0, high = 0;
    if (len == 16) return load_16(p);
    if (len >= 8) {
        memcpy(&low, p, 8);
        memcpy(&high, p + len - 8, 8); /* overlaps, which the length makes unambiguous */
    } else if (len >= 4) {
        memcpy(&low, p, 4);
        memcpy(&high, p + len - 4, 4);
    } else if (len) {
        low = p[0] | (uint64_t)p[len / 2] << 8 | (uint64_t)p[len - 1] << 16;
    }
    return _mm_set_epi64x((long long)high, (long long)low);
}

/* The length comes first: blocks are then free of ambiguity, whatever the padding. */
AES uint64_t hash_aes(const void *bytes, size_t len) {
    const unsigned char *p = bytes;
    __m128i state = _mm_xor_si128(round_keys[0], _mm_cvtsi64_si128((long long)len));
    for (int i = 1; i <= BETWEEN; i++) state = _mm_aesenc_si128(state, round_keys[i]);
    for (; len > 16; p += 16, len -= 16) {
        state = _mm_xor_si128(state, load_16(p));
        for (int i = 1; i <= BETWEEN; i++) state = _mm_aesenc_si128(state, round_keys[i]);
    }
    state = _mm_xor_si128(state, load_rest(p, len));
    for (int i = 1; i <= LAST; i++) state = _mm_aesenc_si128(state, round_keys[BETWEEN + i]);
    return (uint64_t)_mm_cvtsi128_si64(state);
}

static void aes_init(void) {
    keel_random_bytes(round_keys, sizeof(round_keys));
    hash_has_aes = __builtin_cpu_supports("aes");
}
#else
uint64_t hash_aes(const void *bytes, size_t len) {
    return hash_sip(bytes, len);
}

static void aes_init(void) {}
#endif

void hash_init(void) {
    aes_init();
    keel_random_bytes(hash_key, sizeof(hash_key));
    keel_random_bytes(random_state, sizeof(random_state));
    random_state[0] |= 1;
}

uint64_t keel_random(void) {
    uint64_t *s = random_state;
    uint64_t result = HASH_ROTATE(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = HASH_ROTATE(s[3], 45);
    return result;
}

uint64_t keel_random_below(uint64_t n) {
    KEEL_ASSERT(n > 0);
    uint64_t r = keel_random();
    unsigned __int128 m = (unsigned __int128)r * n;
    if ((uint64_t)m < n) {
        uint64_t threshold = -n % n;
        while ((uint64_t)m < threshold) m = (unsigned __int128)keel_random() * n;
    }
    return (uint64_t)(m >> 64);
}

uint64_t keel_hash(const void *bytes, size_t len) {
    return hash_bytes(bytes, len);
}

uint64_t keel_hash_nocase(const void *bytes, size_t len) {
    /* Folded piece by piece, so that no copy of unbounded size is needed. */
    const unsigned char *p = bytes;
    unsigned char piece[64];
    uint64_t h = len;
    while (len) {
        size_t n = len < sizeof(piece) ? len : sizeof(piece);
        for (size_t i = 0; i < n; i++) {
            piece[i] = p[i] >= 'A' && p[i] <= 'Z' ? (unsigned char)(p[i] + 32) : p[i];
        }
        h = hash_bytes(piece, n) ^ HASH_ROTATE(h, 17);
        p += n;
        len -= n;
    }
    return h;
}
