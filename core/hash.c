/* hash.c - the process's hash key and its random numbers. */
#include "hash.h"

#include <errno.h>
#include <fcntl.h>
#include <keel/log.h>
#include <keel/text.h>
#include <sys/random.h>
#include <unistd.h>

uint64_t hash_key[2];
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

void hash_init(void) {
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
