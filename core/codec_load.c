/* codec_load.c - bytes to values: sources, and the primitives of the RDB encoding.
 *
 * Nothing is trusted: a length is held against what the source can still give before memory is
 * asked for; a source that does not know its end is read in steps, so that a length that lies
 * costs no more than the bytes that came. The first failure stays: its reason is what the user
 * sees, and every later load fails too. */
#include <keel.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec_form.h"

/* How much is allocated ahead of its bytes when the source's end is unknown. */
#define LOAD_STEP (1u << 20)
/* No compressed byte stands for more: a reference of three bytes copies up to 264. */
#define MAX_EXPANSION 264
/* Values of bytes up to here are loaded without an allocation of their own. */
#define SMALL_VALUE 4096

int keel_load_fail(KeelSource *source, const char *format, ...) {
    if (source->failed) return -1;
    source->failed = true;
    va_list args;
    va_start(args, format);
    vsnprintf(source->reason, sizeof(source->reason), format, args);
    va_end(args);
    return -1;
}

static int memory_read(KeelSource *source, void *bytes, size_t len) {
    KeelMemorySource *m = (KeelMemorySource *)source;
    if (len > m->rest.len) return -1;
    memcpy(bytes, m->rest.ptr, len);
    m->rest.ptr += len;
    m->rest.len -= len;
    return 0;
}

void keel_source_memory(KeelMemorySource *m, KeelStr bytes) {
    *m = (KeelMemorySource){
        .source = {.read = memory_read, .limit = bytes.len, .version = keel_rdb_version()},
        .rest = bytes,
    };
}

static int fail_short(KeelSource *source, uint64_t wanted) {
    return keel_load_fail(source, "%llu bytes wanted at byte %llu, and only %llu are left",
                          (unsigned long long)wanted, (unsigned long long)source->consumed,
                          (unsigned long long)source->limit);
}

/* Sums what was consumed of the bytes read ahead: pieces are short, sums of many are quicker. */
static void sum_ahead(KeelSource *source) {
    if (source->checksum && source->at != source->summed) {
        source->crc = keel_crc64(source->crc, source->summed,
                                 (size_t)(source->at - source->summed));
    }
    source->summed = source->at;
}

uint64_t keel_source_crc(KeelSource *source) {
    if (source->fill) sum_ahead(source);
    return source->crc;
}

static int fail_read(KeelSource *source, size_t len) {
    return keel_load_fail(source, "cannot read %zu bytes at byte %llu", len,
                          (unsigned long long)source->consumed);
}

static int read_ahead(KeelSource *source, char *to, size_t len) {
    for (;;) {
        size_t have = (size_t)(source->end - source->at), n = have < len ? have : len;
        if (n) memcpy(to, source->at, n);
        source->at += n;
        to += n;
        len -= n;
        if (len == 0) return 0;
        sum_ahead(source);
        if (source->fill(source) != 0) return -1;
        source->summed = source->at;
    }
}

/* What the quick way below does not do. */
__attribute__((noinline)) static int load_slowly(KeelSource *source, void *bytes, size_t len) {
    if (source->failed) return -1;
    if (len == 0) return 0;
    if (len > source->limit) return fail_short(source, len);
    if (source->fill) {
        if (read_ahead(source, bytes, len) != 0) return fail_read(source, len);
    } else {
        if (source->read(source, bytes, len) != 0) return fail_read(source, len);
        if (source->checksum) source->crc = keel_crc64(source->crc, bytes, len);
    }
    source->consumed += len;
    if (source->limit != UINT64_MAX) source->limit -= len;
    return 0;
}

static inline int load_bytes(KeelSource *source, void *bytes, size_t len) {
    if (__builtin_expect(len > (size_t)(source->end - source->at) || len > source->limit ||
                             source->failed || len == 0, 0)) {
        return load_slowly(source, bytes, len);
    }
    memcpy(bytes, source->at, len);
    source->at += len;
    source->consumed += len;
    if (source->limit != UINT64_MAX) source->limit -= len;
    return 0;
}

int keel_load_raw(KeelSource *source, void *bytes, size_t len) {
    return load_bytes(source, bytes, len);
}

int keel_load_u8(KeelSource *source, uint8_t *v) {
    return load_bytes(source, v, 1);
}

static uint64_t get_big(const unsigned char *p, int bytes) {
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) v = v << 8 | p[i];
    return v;
}

static uint64_t get_little(const unsigned char *p, int bytes) {
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

static inline int load_len(KeelSource *source, uint64_t *len, bool *encoded) {
    unsigned char first, more[8];
    if (load_bytes(source, &first, 1) != 0) return -1;
    uint64_t low = first & 0x3F;
    bool special = false;
    switch (first >> 6) {
    case LEN_6_BITS:
        break;
    case LEN_14_BITS:
        if (load_bytes(source, more, 1) != 0) return -1;
        low = low << 8 | more[0];
        break;
    case LEN_WIDE: {
        int bytes = first == LEN_32_BITS ? 4 : 8;
        if (first != LEN_32_BITS && first != LEN_64_BITS) {
            return keel_load_fail(source, "unknown form of a length: 0x%02x", first);
        }
        if (load_bytes(source, more, (size_t)bytes) != 0) return -1;
        low = get_big(more, bytes);
        break;
    }
    default:
        if (!encoded) return keel_load_fail(source, "an encoded string where a length belongs");
        special = true;
    }
    *len = low;
    if (encoded) *encoded = special;
    return 0;
}

int keel_load_len(KeelSource *source, uint64_t *len, bool *encoded) {
    return load_len(source, len, encoded);
}

/* `len` bytes into a new block with a NUL behind. Returns NULL when the source fails or memory is
 * lacking. Whole classes are asked for: what grows in place counts on them (core/ds), and an
 * allocator that watches every byte would hold the block to what was asked. */
static char *load_block(KeelMemory *account, KeelSource *source, uint64_t len) {
    if (len > source->limit) {
        fail_short(source, len);
        return NULL;
    }
    /* With an unknown end the block grows with what came, by half each time. */
    uint64_t have = source->limit == UINT64_MAX && len > LOAD_STEP ? LOAD_STEP : len, done = 0;
    char *block = NULL;
    while (!source->failed) {
        char *grown = have < PTRDIFF_MAX
                          ? keel_mem_try_realloc(account, block, keel_mem_class(have + 1)) : NULL;
        if (!grown) {
            keel_load_fail(source, "no memory for a string of %llu bytes",
                           (unsigned long long)len);
            break;
        }
        block = grown;
        if (load_bytes(source, block + done, have - done) != 0) break;
        done = have;
        if (done == len) {
            block[len] = '\0';
            return block;
        }
        have = len - have < have / 2 ? len : have + have / 2;
    }
    keel_mem_free(account, block);
    return NULL;
}

/* The two lengths and the bytes of a compressed string, opened into a new block. */
static char *load_compressed(KeelMemory *account, KeelSource *source, size_t *len) {
    const KeelCompressor *compressor = keel_interface("compressor", 100);
    uint64_t packed_len = 0, full = 0;
    char *block = NULL;
    if (keel_load_len(source, &packed_len, NULL) != 0) return NULL;
    if (keel_load_len(source, &full, NULL) != 0) return NULL;
    if (!compressor) {
        keel_load_fail(source, "a compressed string, and no module that opens it is loaded");
        return NULL;
    }
    if (packed_len == 0 || full == 0 || full / MAX_EXPANSION > packed_len) {
        keel_load_fail(source, "a compressed string of %llu bytes cannot hold %llu",
                       (unsigned long long)packed_len, (unsigned long long)full);
        return NULL;
    }
    char *packed = load_block(&keel_self.memory, source, packed_len);
    if (!packed) return NULL;
    block = full < PTRDIFF_MAX ? keel_mem_try_alloc(account, keel_mem_class(full + 1)) : NULL;
    if (!block) {
        keel_load_fail(source, "no memory for a string of %llu bytes", (unsigned long long)full);
    } else if (compressor->decompress(packed, packed_len, block, full) != full) {
        keel_load_fail(source, "a compressed string is malformed");
        keel_mem_free(account, block);
        block = NULL;
    } else {
        block[full] = '\0';
        *len = full;
    }
    keel_free(packed);
    return block;
}

/* The integer that an encoded string keeps. */
static int load_int(KeelSource *source, uint64_t form, int64_t *v) {
    unsigned char bytes[4];
    int n = form == STRING_INT8 ? 1 : form == STRING_INT16 ? 2 : 4;
    if (form > STRING_INT32) {
        return keel_load_fail(source, "unknown form of a string: %llu", (unsigned long long)form);
    }
    if (load_bytes(source, bytes, (size_t)n) != 0) return -1;
    uint64_t bits = get_little(bytes, n);
    *v = n == 1 ? (int8_t)bits : n == 2 ? (int16_t)bits : (int32_t)bits;
    return 0;
}

/* The rest of a string, behind its length. */
static int load_rest(KeelMemory *account, KeelSource *source, uint64_t first, bool encoded,
                     char **bytes, size_t *len) {
    char *block = NULL;
    size_t n = (size_t)first;
    if (!encoded) {
        block = load_block(account, source, first);
    } else if (first == STRING_COMPRESSED) {
        block = load_compressed(account, source, &n);
    } else {
        int64_t v = 0;
        if (load_int(source, first, &v) != 0) return -1;
        block = keel_mem_alloc(account, KEEL_INT_ROOM);
        n = keel_format_int(block, v);
    }
    if (!block) return -1;
    *bytes = block;
    *len = n;
    return 0;
}

int keel_load_string_for(KeelMemory *account, KeelSource *source, char **bytes, size_t *len) {
    uint64_t first = 0;
    bool encoded = false;
    if (load_len(source, &first, &encoded) != 0) return -1;
    return load_rest(account, source, first, encoded, bytes, len);
}

int keel_load_string_at(KeelMemory *account, KeelSource *source, char *room, size_t size,
                        char **bytes, size_t *len) {
    uint64_t first = 0;
    bool encoded = false;
    if (load_len(source, &first, &encoded) != 0) return -1;
    if (encoded || first > size) return load_rest(account, source, first, encoded, bytes, len);
    if (load_bytes(source, room, (size_t)first) != 0) return -1;
    *bytes = room;
    *len = (size_t)first;
    return 0;
}

/* The view is of the value's own scratch, of a buffer that the next load overwrites, or of a block
 * that out->ptr then owns. */
int keel_load_value_bytes(KeelSource *source, KeelValue *out) {
    static char small[SMALL_VALUE];
    uint64_t first = 0;
    bool encoded = false;
    char *block = NULL;
    size_t len;
    if (load_len(source, &first, &encoded) != 0) return -1;
    if (encoded && first != STRING_COMPRESSED) {
        int64_t v = 0;
        if (load_int(source, first, &v) != 0) return -1;
        len = keel_format_int(out->scratch, v);
        out->ptr = NULL;
        out->bytes = (KeelStr){out->scratch, len};
    } else if (!encoded && first <= SMALL_VALUE) {
        len = (size_t)first;
        if (load_bytes(source, small, len) != 0) return -1;
        out->ptr = NULL;
        out->bytes = (KeelStr){small, len};
    } else {
        if (load_rest(&keel_self.memory, source, first, encoded, &block, &len) != 0) return -1;
        out->ptr = block;
        out->bytes = (KeelStr){block, len};
    }
    return 0;
}

int keel_load_double(KeelSource *source, double *v) {
    unsigned char bytes[8];
    if (load_bytes(source, bytes, sizeof(bytes)) != 0) return -1;
    uint64_t bits = get_little(bytes, 8);
    memcpy(v, &bits, sizeof(bits));
    return 0;
}

int keel_load_double_text(KeelSource *source, double *v) {
    uint8_t len;
    char text[256];
    if (keel_load_u8(source, &len) != 0) return -1;
    switch (len) {
    case DOUBLE_MINUS_INF:
        *v = -INFINITY;
        return 0;
    case DOUBLE_INF:
        *v = INFINITY;
        return 0;
    case DOUBLE_NAN:
        *v = NAN;
        return 0;
    }
    if (load_bytes(source, text, len) != 0) return -1;
    if (!keel_parse_double((KeelStr){text, len}, v)) {
        return keel_load_fail(source, "text of a number is none");
    }
    return 0;
}

int keel_load_ms(KeelSource *source, int64_t *ms) {
    unsigned char bytes[8];
    if (load_bytes(source, bytes, sizeof(bytes)) != 0) return -1;
    *ms = (int64_t)get_little(bytes, 8);
    return 0;
}
