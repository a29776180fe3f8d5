/* lzf.c - compression of long strings in dump payloads and files.
 *
 * The RDB encoding compresses with LZF: quick, no dictionary, no checksum of its own. The host asks
 * for the interface "compressor" and saves strings as they are while nobody provides it; payloads
 * with compressed strings cannot be loaded then. rdbcompression switches that off for files; what
 * others compress in memory it leaves alone. The work is Debian's liblzf. */
#include <keel.h>
#include <limits.h>
#include <liblzf/lzf.h>

static bool compress_strings; /* rdbcompression */

static size_t lzf_pack(const void *in, size_t len, void *out, size_t room) {
    if (len == 0 || len > UINT_MAX || room == 0) return 0;
    return lzf_compress(in, (unsigned)len, out, room > UINT_MAX ? UINT_MAX : (unsigned)room);
}

static size_t lzf_pack_string(const void *in, size_t len, void *out, size_t room) {
    return compress_strings ? lzf_pack(in, len, out, room) : 0;
}

/* The library checks every reference and length against both buffers. */
static size_t lzf_open(const void *in, size_t len, void *out, size_t room) {
    if (len == 0 || len > UINT_MAX || room == 0) return 0;
    return lzf_decompress(in, (unsigned)len, out, room > UINT_MAX ? UINT_MAX : (unsigned)room);
}

static const KeelCompressor compressor = {
    .size = sizeof(KeelCompressor),
    .compress = lzf_pack_string,
    .decompress = lzf_open,
    .pack = lzf_pack,
};

static const KeelInterface provides[] = {
    {"compressor", 101, &compressor},
    {0},
};

static const KeelConfig configs[] = {
    {.name = "rdbcompression", .type = KEEL_CONFIG_BOOL, .var = &compress_strings, .value = "yes"},
    {0},
};

KEEL_MODULE(.name = "lzf", .version = "1.0.0", .summary = "LZF compression of long strings.",
            .configs = configs, .provides = provides);
