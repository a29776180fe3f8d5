/* strings.c - the type "string", and the rows of GET, SET, INCR, APPEND, LCS, BITOP, BITFIELD ...
 *
 * A string is bytes, and bytes are the one kind of value that the host stores by itself: inside the
 * key's entry when short, as an integer when they spell one, in a buffer of their own when long or
 * edited. This module gives that storage its type and its commands. On disk a string is RDB type 0:
 * a length and the bytes, or an integer, or compressed bytes, as the codec chooses.
 *
 * The commands live beside this file, one file an idea: get.c, set.c (with options.c), counters.c,
 * range.c, lcs.c, and for strings as arrays of bits bits.c, bitop.c and bitfield.c. */
#include "strings.h"

/* ---- limits ---- */

static uint64_t max_len = 512ull << 20;

/* The setting is the host's; a copy is kept because every APPEND asks. */
static void read_max_len(void) {
    char text[KEEL_INT_ROOM];
    uint64_t v;
    if (keel_config_get(KEEL_LIT("proto-max-bulk-len"), text, sizeof text, NULL) &&
        keel_parse_uint(keel_str(text), &v)) {
        max_len = v;
    }
}

static void settings_changed(KeelCtx *c, const void *data) {
    (void)c;
    (void)data;
    read_max_len();
}

uint64_t strings_max(void) {
    return max_len;
}

bool strings_allows(KeelCtx *c, uint64_t len) {
    if (__builtin_expect(len <= max_len, 1)) return true;
    const KeelClient *client = keel_client(c);
    return client && keel_client_kind(client) == KEEL_CLIENT_PRIMARY;
}

bool strings_fits(KeelCtx *c, uint64_t len, uint64_t more) {
    uint64_t total;
    if (!__builtin_add_overflow(len, more, &total) && strings_allows(c, total)) return true;
    keel_reply_error(c, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    return false;
}

char *strings_edit(KeelCtx *c, KeelKey *key, size_t len) {
    char *bytes = keel_key_bytes_edit(key, &strings_type, len);
    if (!bytes) keel_reply_error(c, "ERR insufficient memory for a string of this size");
    return bytes;
}

/* ---- the type ---- */

static int string_save(KeelSink *sink, const KeelValue *v) {
    return keel_save_string(sink, v->bytes);
}

static int string_load(KeelSource *source, uint8_t opcode, KeelValue *out) {
    (void)opcode;
    return keel_load_value_bytes(source, out);
}

static int string_rewrite(KeelSink *sink, KeelStr key, const KeelValue *v) {
    KeelStr words[] = {KEEL_LIT("SET"), key, v->bytes};
    return keel_rewrite_emit(sink, words, 3);
}

static size_t string_length(const KeelValue *v) {
    return v->bytes.len;
}

static void string_digest(KeelDigest *d, const KeelValue *v) {
    const KeelDigester *digester = keel_interface("digest", 100);
    if (digester) digester->mix(d, v->bytes.ptr, v->bytes.len);
}

/* Redis's words for its own three forms. Its embedded strings end at 44 bytes, and tools know that
 * number, so longer ones are called raw wherever they are kept. */
static const char *string_encoding(const KeelKey *key, const KeelValue *v) {
    KeelForm form = keel_key_form(key);
    if (form == KEEL_FORM_INT) return "int";
    return form == KEEL_FORM_EMBEDDED && v->bytes.len <= 44 ? "embstr" : "raw";
}

static bool ops_check(KeelCtx *c, const KeelKey *key) {
    return strings_check(c, key);
}

static bool ops_fits(KeelCtx *c, uint64_t len) {
    return strings_fits(c, len, 0);
}

static const KeelStringOps operations = {
    .size = sizeof(KeelStringOps),
    .type = &strings_type,
    .check = ops_check,
    .fits = ops_fits,
    .edit = strings_edit,
    .count_bits = bits_count,
};

/* The host stores, copies and frees the bytes. */
const KeelType strings_type = {
    .name = "string",
    .number = 0,
    .bytes = true,
    .opcodes = (const uint8_t[]){0, 255},
    .save = string_save,
    .load = string_load,
    .rewrite = string_rewrite,
    .length = string_length,
    .digest = string_digest,
    .encoding = string_encoding,
    .operations = &operations,
};

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c;
    (void)argv;
    (void)argc;
    read_max_len();
    return 0;
}

/* ---- tables ---- */

#define READ_FAST (KEEL_READONLY | KEEL_FAST)
#define WRITE_OOM (KEEL_WRITE | KEEL_DENYOOM)
#define UNIT_HISTORY "7.0.0: Added the `BYTE|BIT` option."
#define FIELD_READ "GET (encoding offset){get-block}"
#define FIELD_WRITE                                                                                \
    "([OVERFLOW (WRAP|SAT|FAIL)]{overflow-block} (SET (encoding offset value:integer){set-block}|" \
    "INCRBY (encoding offset increment){incrby-block}){write-operation}){write}"
#define PART_COMPLEXITY "O(N) where N is the length of the returned string, in effect O(1) for " \
                        "short ones."

static const KeelCommand commands[] = {
    /* Strings. */
    { .name = "append", .args = "key value", .flags = WRITE_OOM | KEEL_FAST,
      .call = strings_append, .group = "string", .since = "2.0.0", .keys = "RW INSERT",
      .summary = "Adds bytes to the end of a string, creating the key when it is missing.",
      .complexity = "O(1) amortized for short additions, however long the string, because its "
                    "buffer grows in proportion to its size." },
    { .name = "decr", .args = "key", .flags = WRITE_OOM | KEEL_FAST, .call = strings_decr,
      .group = "string", .since = "1.0.0", .complexity = "O(1)", .keys = "RW ACCESS UPDATE",
      .summary = "Takes one from an integer; a missing key counts as 0." },
    { .name = "decrby", .args = "key decrement", .flags = WRITE_OOM | KEEL_FAST,
      .call = strings_decrby, .group = "string", .since = "1.0.0", .complexity = "O(1)",
      .keys = "RW ACCESS UPDATE",
      .summary = "Takes a number from an integer; a missing key counts as 0." },
    { .name = "get", .args = "key", .flags = READ_FAST, .call = strings_get, .group = "string",
      .since = "1.0.0", .complexity = "O(1)", .keys = "RO ACCESS",
      .summary = "Returns a key's string." },
    { .name = "getdel", .args = "key", .flags = KEEL_WRITE | KEEL_FAST, .call = strings_getdel,
      .group = "string", .since = "6.2.0", .complexity = "O(1)", .keys = "RW ACCESS DELETE",
      .summary = "Returns a key's string and deletes the key." },
    { .name = "getex",
      .args = "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|"
              "PERSIST]{expiration}",
      .flags = KEEL_WRITE | KEEL_FAST, .call = strings_getex, .group = "string", .since = "6.2.0",
      .complexity = "O(1)", .keys = "RW ACCESS UPDATE = the time to live may change",
      .summary = "Returns a key's string and changes when the key expires." },
    { .name = "getrange", .args = "key start end", .flags = KEEL_READONLY,
      .call = strings_getrange, .group = "string", .since = "2.4.0",
      .complexity = PART_COMPLEXITY, .keys = "RO ACCESS",
      .summary = "Returns the part of a string between two positions." },
    { .name = "getset", .args = "key value", .flags = WRITE_OOM | KEEL_FAST,
      .call = strings_getset, .group = "string", .since = "1.0.0", .complexity = "O(1)",
      .keys = "RW ACCESS UPDATE", .deprecated = "6.2.0: `SET` with the `!GET` argument",
      .summary = "Sets a key's string and returns the one that it held." },
    { .name = "incr", .args = "key", .flags = WRITE_OOM | KEEL_FAST, .call = strings_incr,
      .group = "string", .since = "1.0.0", .complexity = "O(1)", .keys = "RW ACCESS UPDATE",
      .summary = "Adds one to an integer; a missing key counts as 0." },
    { .name = "incrby", .args = "key increment", .flags = WRITE_OOM | KEEL_FAST,
      .call = strings_incrby, .group = "string", .since = "1.0.0", .complexity = "O(1)",
      .keys = "RW ACCESS UPDATE",
      .summary = "Adds a number to an integer; a missing key counts as 0." },
    { .name = "incrbyfloat", .args = "key increment:double", .flags = WRITE_OOM | KEEL_FAST,
      .call = strings_incrbyfloat, .group = "string", .since = "2.6.0", .complexity = "O(1)",
      .keys = "RW ACCESS UPDATE",
      .summary = "Adds a number that may have a fraction; a missing key counts as 0." },
    { .name = "lcs",
      .args = "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len:integer] [WITHMATCHLEN]",
      .flags = KEEL_READONLY, .call = strings_lcs, .group = "string", .since = "7.0.0",
      .complexity = "O(N*M) where N and M are the lengths of s1 and s2, respectively",
      .keys = "RO ACCESS: idx 1; range 1 1 0",
      .summary = "Finds the longest common subsequence of two strings." },
    { .name = "mget", .args = "key [key ...]", .flags = READ_FAST, .call = strings_mget,
      .group = "string", .since = "1.0.0", .keys = "RO ACCESS",
      .complexity = "O(N) where N is the number of keys to retrieve.",
      .tips = "request_policy:multi_shard",
      .summary = "Returns the strings of several keys at once." },
    { .name = "mset", .args = "(key value){data} [(key value) ...]", .flags = WRITE_OOM,
      .call = strings_mset, .group = "string", .since = "1.0.1", .keys = "OW UPDATE",
      .complexity = "O(N) where N is the number of keys to set.",
      .tips = "request_policy:multi_shard response_policy:all_succeeded",
      .summary = "Sets the strings of several keys at once." },
    { .name = "msetnx", .args = "(key value){data} [(key value) ...]", .flags = WRITE_OOM,
      .call = strings_msetnx, .group = "string", .since = "1.0.1", .keys = "OW INSERT",
      .complexity = "O(N) where N is the number of keys to set.",
      .summary = "Sets the strings of several keys, but only if none of them exists." },
    { .name = "psetex", .args = "key milliseconds value", .flags = WRITE_OOM,
      .call = strings_psetex, .group = "string", .since = "2.6.0", .complexity = "O(1)",
      .keys = "OW UPDATE", .deprecated = "2.6.12: `SET` with the `PX` argument",
      .summary = "Sets a key's string and its time to live in milliseconds." },
    { .name = "set",
      .args = "key value [NX|XX]{condition 2.6.12} [GET]{6.2.0} [EX seconds{2.6.12}|"
              "PX milliseconds{2.6.12}|EXAT unix-time-seconds{6.2.0}|"
              "PXAT unix-time-milliseconds{6.2.0}|KEEPTTL{6.0.0}]{expiration}",
      .flags = WRITE_OOM, .call = strings_set, .group = "string", .since = "1.0.0",
      .complexity = "O(1)", .keys = "RW ACCESS UPDATE VARIABLE_FLAGS = `GET` reads the old value",
      .get_keys = strings_set_keys,
      .history = "2.6.12: Added the `EX`, `PX`, `NX` and `XX` options. | "
                 "6.0.0: Added the `KEEPTTL` option. | "
                 "6.2.0: Added the `GET`, `EXAT` and `PXAT` option. | "
                 "7.0.0: Allowed the `NX` and `GET` options to be used together.",
      .summary = "Sets a key's string, whatever the key held, and perhaps when it expires." },
    { .name = "setex", .args = "key seconds value", .flags = WRITE_OOM, .call = strings_setex,
      .group = "string", .since = "2.0.0", .complexity = "O(1)", .keys = "OW UPDATE",
      .deprecated = "2.6.12: `SET` with the `EX` argument",
      .summary = "Sets a key's string and its time to live in seconds." },
    { .name = "setnx", .args = "key value", .flags = WRITE_OOM | KEEL_FAST,
      .call = strings_setnx, .group = "string", .since = "1.0.0", .complexity = "O(1)",
      .keys = "OW INSERT", .deprecated = "2.6.12: `SET` with the `NX` argument",
      .summary = "Sets a key's string only if the key is missing." },
    { .name = "setrange", .args = "key offset value", .flags = WRITE_OOM,
      .call = strings_setrange, .group = "string", .since = "2.2.0", .keys = "RW UPDATE",
      .complexity = "O(M) where M is the length of the value, amortized O(1) for short ones.",
      .summary = "Writes bytes over part of a string, padding it with zeros where it is short." },
    { .name = "strlen", .args = "key", .flags = READ_FAST, .call = strings_strlen,
      .group = "string", .since = "2.2.0", .complexity = "O(1)", .keys = "RO",
      .summary = "Returns the length of a string." },
    { .name = "substr", .args = "key start end", .flags = KEEL_READONLY,
      .call = strings_getrange, .group = "string", .since = "1.0.0",
      .complexity = PART_COMPLEXITY, .keys = "RO ACCESS", .deprecated = "2.0.0: `GETRANGE`",
      .summary = "Returns the part of a string between two positions." },

    /* Bitmaps. */
    { .name = "bitcount", .args = "key [start end [BYTE|BIT]{unit 7.0.0}]{range}",
      .flags = KEEL_READONLY, .call = strings_bitcount, .group = "bitmap", .since = "2.6.0",
      .complexity = "O(N)", .keys = "RO ACCESS", .history = UNIT_HISTORY,
      .summary = "Counts the ones in a string or in part of it." },
    { .name = "bitfield",
      .args = "key [" FIELD_READ "|" FIELD_WRITE " [" FIELD_READ "|" FIELD_WRITE
              " ...]]{operation}",
      .flags = WRITE_OOM, .call = strings_bitfield, .group = "bitmap", .since = "3.2.0",
      .complexity = "O(1) for each subcommand specified",
      .keys = "RW UPDATE ACCESS VARIABLE_FLAGS = `GET` alone only reads",
      .get_keys = strings_bitfield_keys,
      .summary = "Reads and changes integers of any width inside a string." },
    { .name = "bitfield_ro", .args = "key [" FIELD_READ " [" FIELD_READ " ...]]",
      .flags = READ_FAST, .call = strings_bitfield_ro, .group = "bitmap", .since = "6.0.0",
      .complexity = "O(1) for each subcommand specified", .keys = "RO ACCESS",
      .summary = "Reads integers of any width inside a string." },
    { .name = "bitop", .args = "(AND|OR|XOR|NOT){operation} destkey key [key ...]",
      .flags = WRITE_OOM, .call = strings_bitop, .group = "bitmap", .since = "2.6.0",
      .complexity = "O(N)", .keys = "OW UPDATE & RO ACCESS",
      .summary = "Combines strings bit by bit and stores the result." },
    { .name = "bitpos",
      .args = "key bit:integer [start [end [BYTE|BIT]{unit 7.0.0}]{end-unit-block}]{range}",
      .flags = KEEL_READONLY, .call = strings_bitpos, .group = "bitmap", .since = "2.8.7",
      .complexity = "O(N)", .keys = "RO ACCESS", .history = UNIT_HISTORY,
      .summary = "Finds the first one or the first zero in a string." },
    { .name = "getbit", .args = "key offset", .flags = READ_FAST, .call = strings_getbit,
      .group = "bitmap", .since = "2.2.0", .complexity = "O(1)", .keys = "RO ACCESS",
      .summary = "Returns one bit of a string." },
    { .name = "setbit", .args = "key offset value:integer", .flags = WRITE_OOM,
      .call = strings_setbit, .group = "bitmap", .since = "2.2.0", .complexity = "O(1)",
      .keys = "RW ACCESS UPDATE",
      .summary = "Sets or clears one bit of a string and returns the old one." },
    { 0 }
};

static const KeelHook hooks[] = {
    { .event = KEEL_EVENT_START, .call = settings_changed },
    { .event = KEEL_EVENT_CONFIG, .call = settings_changed },
    { .call = NULL }
};

static const KeelInterface provides[] = {
    { .name = "string", .version = KEEL_STRING_VERSION, .functions = &operations },
    { 0 }
};

KEEL_MODULE(.name = "strings", .version = "1.0.0",
            .summary = "Strings and bitmaps: SET, GET, INCR, APPEND, LCS, BITOP, BITFIELD ...",
            .commands = commands, .types = (const KeelType *const[]){&strings_type, NULL},
            .hooks = hooks, .provides = provides, .load = load);
