/* keel/codec.h - values to bytes and back, in Redis's RDB encoding, over anything that takes or
 * gives bytes. DUMP, files and full synchronisation share it. */
#ifndef KEEL_CODEC_H
#define KEEL_CODEC_H

#include <keel/base.h>
#include <keel/memory.h>
#include <keel/type.h>

/* Where saved bytes go. The owner fills `write` and its own fields behind; after the first failure
 * `failed` is set and further writes do nothing. Not for two threads at once. An owner that gives a
 * `buffer` of `room` bytes has small pieces gathered there, and gets them by keel_sink_flush() or
 * when it is full: `written` is ahead of what it got. */
struct KeelSink {
    int (*write)(KeelSink *sink, const void *bytes, size_t len); /* 0, or -1 with errno */
    uint64_t written;
    uint64_t crc;       /* of all bytes handed to write(), when `checksum` */
    bool checksum, compress, failed;
    char *buffer;
    size_t room, used;
};
/* Hands over what the buffer holds. 0, or -1 when the sink has failed. */
KEEL_API int keel_sink_flush(KeelSink *sink);

/* Where loaded bytes come from. `read` gives exactly `len` bytes (0) or fails (-1). The owner fills
 * `read`, `limit`, `version` and its own fields behind; all others start as zero, and the loads
 * below keep `consumed`, `limit` and `crc`. An owner that reads ahead gives `fill` instead: it sets
 * `at` and `end` to the next bytes, at least one (0), or fails (-1). */
struct KeelSource {
    int (*read)(KeelSource *source, void *bytes, size_t len);
    uint64_t consumed;
    uint64_t limit;      /* bytes that can still come, when known; UINT64_MAX when not */
    uint64_t crc;        /* of what was consumed, when `checksum`: see keel_source_crc() */
    bool checksum, failed;
    int version;         /* of the RDB format */
    char reason[160];    /* why it failed */
    KeelStr name;        /* the key that the value being loaded is for; ptr NULL: not known */
    int db;              /* and where it will be */
    const char *at, *end;
    const char *summed;  /* the host's */
    int (*fill)(KeelSource *source);
};
/* The checksum of all that was consumed up to now. */
KEEL_API uint64_t keel_source_crc(KeelSource *source);

/* A sink that gathers in memory: `bytes` (keel_alloc'ed by the host; free with
 * keel_sink_free_memory) and `len`. */
typedef struct KeelMemorySink {
    KeelSink sink;
    char *bytes;
    size_t len, room;
} KeelMemorySink;
KEEL_API void keel_sink_memory(KeelMemorySink *m);
KEEL_API void keel_sink_free_memory(KeelMemorySink *m);
/* A source over bytes at hand. */
typedef struct KeelMemorySource {
    KeelSource source;
    KeelStr rest;
} KeelMemorySource;
KEEL_API void keel_source_memory(KeelMemorySource *m, KeelStr bytes);

/* All saves return 0, or -1 when the sink has failed. */
KEEL_API int keel_save_raw(KeelSink *sink, const void *bytes, size_t len);
KEEL_API int keel_save_u8(KeelSink *sink, uint8_t v);
KEEL_API int keel_save_len(KeelSink *sink, uint64_t len);
/* An RDB string: as an integer or compressed where that is shorter. */
KEEL_API int keel_save_string(KeelSink *sink, KeelStr s);
/* The same for bytes that the compressor has compressed already; `len` is what they stand for. */
KEEL_API int keel_save_compressed(KeelSink *sink, KeelStr compressed, size_t len);
KEEL_API int keel_save_string_int(KeelSink *sink, int64_t v);
KEEL_API int keel_save_double(KeelSink *sink, double v);   /* binary, 8 bytes */
KEEL_API int keel_save_ms(KeelSink *sink, int64_t ms);      /* 8 bytes, little endian */

/* All loads return 0, or -1 with source->reason set; outputs are then untouched. */
KEEL_API int keel_load_raw(KeelSource *source, void *bytes, size_t len);
KEEL_API int keel_load_u8(KeelSource *source, uint8_t *v);
/* A length; `*encoded` (may be NULL, then an encoded one is an error) tells special encodings. */
KEEL_API int keel_load_len(KeelSource *source, uint64_t *len, bool *encoded);
/* An RDB string into a new block of the caller's module (keel_free), NUL-terminated, its length
 * checked against what the source can still give before anything is allocated. The block has at
 * least keel_mem_class() of the length. */
KEEL_API int keel_load_string_for(KeelMemory *account, KeelSource *source, char **bytes,
                                  size_t *len);
static inline int keel_load_string(KeelSource *source, char **bytes, size_t *len) {
    return keel_load_string_for(&keel_self.memory, source, bytes, len);
}
/* The same into `room` (of `size` bytes) where it fits, without the NUL: *bytes is `room` then, and
 * else a block as above. For strings that are looked at and dropped. */
KEEL_API int keel_load_string_at(KeelMemory *account, KeelSource *source, char *room, size_t size,
                                 char **bytes, size_t *len);
KEEL_API int keel_load_double(KeelSource *source, double *v);
KEEL_API int keel_load_double_text(KeelSource *source, double *v); /* the old, decimal form */
KEEL_API int keel_load_ms(KeelSource *source, int64_t *ms);
/* Marks the source as failed with a reason and returns -1. */
KEEL_API int keel_load_fail(KeelSource *source, const char *format, ...) KEEL_PRINTF(2, 3);
/* For load() of a type of bytes: reads an RDB string as the value, which the host keeps. */
KEEL_API int keel_load_value_bytes(KeelSource *source, KeelValue *out);

/* A key's value with its opcode; the same with the key's name between them, as files have it; and
 * with DUMP's footer, into a sink that nothing was written to. */
KEEL_API int keel_save_value(KeelSink *sink, const KeelValue *v);
KEEL_API int keel_save_key(KeelSink *sink, KeelStr name, const KeelValue *v);
KEEL_API int keel_dump(KeelSink *sink, const KeelValue *v);
/* Reads a value that `opcode` announced without storing it; free it with keel_value_free(). 0, -1
 * malformed, 1 valid but empty: there is nothing to free. A view of bytes lives until the next
 * load. */
KEEL_API int keel_load_value(KeelSource *source, uint8_t opcode, KeelValue *out);
KEEL_API void keel_value_free(KeelValue *v);
/* Reads a value that `opcode` announced into `key`, replacing what it holds. 0, -1 malformed, 1
 * valid but empty: nothing was stored. */
KEEL_API int keel_load_key(KeelSource *source, uint8_t opcode, struct KeelKey *key,
                           int64_t expiry);
/* Checks a DUMP payload's footer; gives its opcode (255 when it has none) and body. False: version
 * or checksum is off. */
KEEL_API bool keel_undump(KeelStr payload, uint8_t *opcode, KeelStr *body);
/* The RDB version that files and payloads are written in, and the newest that is read. */
KEEL_API int keel_rdb_version(void);
KEEL_API void keel_rdb_set_version(int version);
#define KEEL_RDB_NEWEST 11
/* Whether DUMP payloads' checksums are verified (DEBUG SET-SKIP-CHECKSUM-VALIDATION). */
KEEL_API void keel_checksums_verified(bool on);

/* Compression of RDB strings is a module's: the provider of the interface "compressor". */
typedef struct KeelCompressor {
    uint32_t size;
    /* All return the bytes written, 0 when they do not fit `room` or are malformed; compress() also
     * when the user does not want files compressed. */
    size_t (*compress)(const void *in, size_t len, void *out, size_t room);
    size_t (*decompress)(const void *in, size_t len, void *out, size_t room);
    /* Compresses whatever is wanted of files: for data in memory. Since version 101. */
    size_t (*pack)(const void *in, size_t len, void *out, size_t room);
} KeelCompressor;

/* One command of an append-only file's rewrite. */
KEEL_API int keel_rewrite_emit(KeelSink *sink, const KeelStr *argv, int argc);

#endif
