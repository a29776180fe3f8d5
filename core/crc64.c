/* crc64.c - the checksum of dump payloads and files: the Jones polynomial, reflected, initial
 * value 0, no final inversion. Eight tables take eight bytes a step. */
#include <keel/text.h>
#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x95AC9329AC4BC9B5ull /* 0xAD93D23594C935A9 with its bits reversed */

static uint64_t tables[8][256]; /* tables[k][b]: the checksum of byte b followed by k zeros */
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void build_tables(void) {
    for (unsigned b = 0; b < 256; b++) {
        uint64_t crc = b;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ POLYNOMIAL : crc >> 1;
        tables[0][b] = crc;
    }
    for (unsigned b = 0; b < 256; b++) {
        for (int k = 1; k < 8; k++) {
            uint64_t crc = tables[k - 1][b];
            tables[k][b] = tables[0][crc & 0xFF] ^ (crc >> 8);
        }
    }
}

uint64_t keel_crc64(uint64_t crc, const void *bytes, size_t len) {
    const unsigned char *p = bytes;
    pthread_once(&tables_once, build_tables);
    while (len >= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        v = __builtin_bswap64(v);
#endif
        v ^= crc;
        crc = tables[7][v & 0xFF] ^ tables[6][(v >> 8) & 0xFF] ^ tables[5][(v >> 16) & 0xFF] ^
              tables[4][(v >> 24) & 0xFF] ^ tables[3][(v >> 32) & 0xFF] ^
              tables[2][(v >> 40) & 0xFF] ^ tables[1][(v >> 48) & 0xFF] ^ tables[0][v >> 56];
        p += 8;
        len -= 8;
    }
    while (len--) crc = tables[0][(crc ^ *p++) & 0xFF] ^ (crc >> 8);
    return crc;
}
