/* codec_save.c - values to bytes: sinks, and the primitives of the RDB encoding.
 *
 * Lengths take 1, 2, 5 or 9 bytes, the form in the first byte's two upper bits; the fourth form
 * announces a string that is kept as an integer or compressed. Integers of lengths are big endian,
 * everything else is little endian. */
#include <errno.h>
#include <keel.h>
#include <string.h>

#include "codec_form.h"

/* Shorter strings do not gain by compression; nor can the format count longer ones. */
#define COMPRESS_FROM 21
#define COMPRESS_TO (1u << 31)

static int memory_write(KeelSink *sink, const void *bytes, size_t len) {
    KeelMemorySink *m = (KeelMemorySink *)sink;
    if (len > m->room - m->len) {
        size_t need, room;
        if (__builtin_add_overflow(m->len, len, &need) || need > SIZE_MAX / 2) {
            errno = ENOMEM;
            return -1;
        }
        room = need < 256 ? 256 : need + need / 2;
        char *grown = keel_try_realloc(m->bytes, room);
        if (!grown) {
            errno = ENOMEM;
            return -1;
        }
        m->bytes = grown;
        m->room = room;
    }
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
    return 0;
}

void keel_sink_memory(KeelMemorySink *m) {
    *m = (KeelMemorySink){.sink.write = memory_write};
}

void keel_sink_free_memory(KeelMemorySink *m) {
    keel_free(m->bytes);
    m->bytes = NULL;
    m->len = m->room = 0;
}

static int hand_over(KeelSink *sink, const void *bytes, size_t len) {
    if (sink->write(sink, bytes, len) != 0) {
        sink->failed = true;
        return -1;
    }
    if (sink->checksum) sink->crc = keel_crc64(sink->crc, bytes, len);
    return 0;
}

int keel_sink_flush(KeelSink *sink) {
    if (sink->failed) return -1;
    size_t len = sink->used;
    sink->used = 0;
    return len ? hand_over(sink, sink->buffer, len) : 0;
}

/* What does not fit the buffer's rest: the buffer goes out, then the piece into it or after it. */
__attribute__((noinline)) static int save_around(KeelSink *sink, const void *bytes, size_t len) {
    if (sink->used && keel_sink_flush(sink) != 0) return -1;
    sink->written += len;
    if (len >= sink->room) return len ? hand_over(sink, bytes, len) : 0;
    memcpy(sink->buffer, bytes, len);
    sink->used = len;
    return 0;
}

static inline int save_bytes(KeelSink *sink, const void *bytes, size_t len) {
    if (__builtin_expect(sink->failed, 0)) return -1;
    if (len > sink->room - sink->used) return save_around(sink, bytes, len);
    if (len) memcpy(sink->buffer + sink->used, bytes, len);
    sink->used += len;
    sink->written += len;
    return 0;
}

int keel_save_raw(KeelSink *sink, const void *bytes, size_t len) {
    return save_bytes(sink, bytes, len);
}

int keel_save_u8(KeelSink *sink, uint8_t v) {
    return save_bytes(sink, &v, 1);
}

static void put_big(unsigned char *out, uint64_t v, int bytes) {
    for (int i = bytes - 1; i >= 0; i--, v >>= 8) out[i] = (unsigned char)v;
}

static void put_little(unsigned char *out, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++, v >>= 8) out[i] = (unsigned char)v;
}

static inline int save_len(KeelSink *sink, uint64_t len) {
    unsigned char form[9];
    size_t n;
    if (len < 1 << 6) {
        form[0] = (unsigned char)(LEN_6_BITS << 6 | len);
        n = 1;
    } else if (len < 1 << 14) {
        put_big(form, LEN_14_BITS << 14 | len, 2);
        n = 2;
    } else if (len <= UINT32_MAX) {
        form[0] = LEN_32_BITS;
        put_big(form + 1, len, 4);
        n = 5;
    } else {
        form[0] = LEN_64_BITS;
        put_big(form + 1, len, 8);
        n = 9;
    }
    return save_bytes(sink, form, n);
}

int keel_save_len(KeelSink *sink, uint64_t len) {
    return save_len(sink, len);
}

/* The bytes of a string that is kept as an integer, 0 when `v` needs more than 32 bits. */
static size_t put_int(unsigned char form[5], int64_t v) {
    if (v >= INT8_MIN && v <= INT8_MAX) {
        form[0] = LEN_ENCODED << 6 | STRING_INT8;
        put_little(form + 1, (uint64_t)v, 1);
        return 2;
    }
    if (v >= INT16_MIN && v <= INT16_MAX) {
        form[0] = LEN_ENCODED << 6 | STRING_INT16;
        put_little(form + 1, (uint64_t)v, 2);
        return 3;
    }
    if (v >= INT32_MIN && v <= INT32_MAX) {
        form[0] = LEN_ENCODED << 6 | STRING_INT32;
        put_little(form + 1, (uint64_t)v, 4);
        return 5;
    }
    return 0;
}

static int save_plain(KeelSink *sink, KeelStr s) {
    save_len(sink, s.len);
    return save_bytes(sink, s.ptr, s.len);
}

int keel_save_compressed(KeelSink *sink, KeelStr compressed, size_t len) {
    keel_save_u8(sink, LEN_ENCODED << 6 | STRING_COMPRESSED);
    save_len(sink, compressed.len);
    save_len(sink, len);
    return save_bytes(sink, compressed.ptr, compressed.len);
}

/* True when the string was written (or its sink failed) in compressed form; false: nothing was
 * written, as it would not have become shorter or nobody can compress. */
static bool save_compressed(KeelSink *sink, KeelStr s) {
    const KeelCompressor *compressor = keel_interface("compressor", 100);
    /* Four bytes less than before, or it is not worth a second length. */
    size_t room = s.len - 4;
    char *out = compressor ? keel_try_alloc(room) : NULL;
    if (!out) return false;
    size_t len = compressor->compress(s.ptr, s.len, out, room);
    if (len) keel_save_compressed(sink, (KeelStr){out, len}, s.len);
    keel_free(out);
    return len != 0;
}

int keel_save_string(KeelSink *sink, KeelStr s) {
    int64_t v;
    if (s.len <= 11 && s.len && (uint8_t)(s.ptr[0] - '-') <= '9' - '-' && keel_parse_int(s, &v)) {
        unsigned char form[5];
        size_t n = put_int(form, v);
        if (n) return save_bytes(sink, form, n);
    }
    if (sink->compress && s.len >= COMPRESS_FROM && s.len < COMPRESS_TO) {
        if (save_compressed(sink, s)) return sink->failed ? -1 : 0;
    }
    return save_plain(sink, s);
}

int keel_save_string_int(KeelSink *sink, int64_t v) {
    unsigned char form[5];
    size_t n = put_int(form, v);
    if (n) return save_bytes(sink, form, n);
    char digits[KEEL_INT_ROOM];
    size_t len = keel_format_int(digits, v);
    return save_plain(sink, (KeelStr){digits, len});
}

int keel_save_double(KeelSink *sink, double v) {
    unsigned char form[8];
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    put_little(form, bits, 8);
    return save_bytes(sink, form, sizeof(form));
}

int keel_save_ms(KeelSink *sink, int64_t ms) {
    unsigned char form[8];
    put_little(form, (uint64_t)ms, 8);
    return save_bytes(sink, form, sizeof(form));
}

static int emit_header(KeelSink *sink, char mark, size_t n) {
    char line[KEEL_INT_ROOM + 3];
    line[0] = mark;
    size_t len = 1 + keel_format_int(line + 1, (int64_t)n);
    line[len++] = '\r';
    line[len++] = '\n';
    return save_bytes(sink, line, len);
}

int keel_rewrite_emit(KeelSink *sink, const KeelStr *argv, int argc) {
    emit_header(sink, '*', (size_t)argc);
    for (int i = 0; i < argc; i++) {
        emit_header(sink, '$', argv[i].len);
        save_bytes(sink, argv[i].ptr, argv[i].len);
        save_bytes(sink, "\r\n", 2);
    }
    return sink->failed ? -1 : 0;
}
