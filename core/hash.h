/* hash.h - the hash of keys: keyed by each process anew, so nobody outside can find keys that
 * collide, not even by watching SCAN's cursors, which show parts of it.
 *
 * Where the processor has AES instructions it is a CBC-MAC with four rounds of AES between blocks
 * and ten at the end (after Pelican-MAC), a quarter of the instructions of SipHash-1-3, which it is
 * elsewhere. */
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern uint64_t hash_key[2];
extern bool hash_has_aes;
void hash_init(void);

#define HASH_ROTATE(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define HASH_ROUND                                                                                 \
    do {                                                                                           \
        v0 += v1; v1 = HASH_ROTATE(v1, 13); v1 ^= v0; v0 = HASH_ROTATE(v0, 32);                    \
        v2 += v3; v3 = HASH_ROTATE(v3, 16); v3 ^= v2;                                              \
        v0 += v3; v3 = HASH_ROTATE(v3, 21); v3 ^= v0;                                              \
        v2 += v1; v1 = HASH_ROTATE(v1, 17); v1 ^= v2; v2 = HASH_ROTATE(v2, 32);                    \
    } while (0)

static inline uint64_t hash_sip(const void *bytes, size_t len) {
    const unsigned char *p = bytes;
    uint64_t v0 = 0x736f6d6570736575ull ^ hash_key[0], v1 = 0x646f72616e646f6dull ^ hash_key[1];
    uint64_t v2 = 0x6c7967656e657261ull ^ hash_key[0], v3 = 0x7465646279746573ull ^ hash_key[1];
    uint64_t word;
    const unsigned char *end = p + (len & ~(size_t)7);
    for (; p < end; p += 8) {
        memcpy(&word, p, 8);
        v3 ^= word;
        HASH_ROUND;
        v0 ^= word;
    }
    word = (uint64_t)len << 56;
    switch (len & 7) {
    case 7: word |= (uint64_t)p[6] << 48; /* fall through */
    case 6: word |= (uint64_t)p[5] << 40; /* fall through */
    case 5: word |= (uint64_t)p[4] << 32; /* fall through */
    case 4: word |= (uint64_t)p[3] << 24; /* fall through */
    case 3: word |= (uint64_t)p[2] << 16; /* fall through */
    case 2: word |= (uint64_t)p[1] << 8;  /* fall through */
    case 1: word |= (uint64_t)p[0];
    }
    v3 ^= word;
    HASH_ROUND;
    v0 ^= word;
    v2 ^= 0xff;
    HASH_ROUND;
    HASH_ROUND;
    HASH_ROUND;
    return v0 ^ v1 ^ v2 ^ v3;
}

/* Only where hash_has_aes. */
uint64_t hash_aes(const void *bytes, size_t len);

static inline uint64_t hash_bytes(const void *bytes, size_t len) {
    return __builtin_expect(hash_has_aes, 1) ? hash_aes(bytes, len) : hash_sip(bytes, len);
}

#endif
