/* rm_filter.c - a probabilistic filter as a data type with everything that goes with one: files, copies,
 * digest, memory, settings that are auxiliary data, rewriting into commands, scans in chunks.
 *
 *     bf.make KEY BITS           an empty filter; with BITS 0, the default that is saved with the data
 *     bf.put KEY item ...        1 for each that was not there
 *     bf.has KEY item ...
 *     bf.chunk KEY position      {next position, bytes}: the filter in pieces; 0 ends
 *     bf.load KEY position bytes a piece of one
 *     bf.default [BITS] */
#include <redismodule.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64, HASHES = 3, MOST = 1 << 20 };

typedef struct Filter {
    uint64_t bits, items;
    unsigned char *bytes;
} Filter;

static RedisModuleType *type;
static uint64_t default_bits = 1024;

static size_t bytes_of(uint64_t bits) {
    return (size_t)(bits + 7) / 8;
}
static Filter *filter_new(uint64_t bits) {
    Filter *f = RedisModule_Alloc(sizeof(*f));
    *f = (Filter){bits, 0, RedisModule_Calloc(1, bytes_of(bits))};
    return f;
}
static void filter_free(void *value) {
    Filter *f = value;
    RedisModule_Free(f->bytes);
    RedisModule_Free(f);
}

static uint64_t hash(const char *s, size_t len, uint64_t seed) {
    uint64_t h = 1469598103934665603ull ^ seed * 1099511628211ull;
    for (size_t i = 0; i < len; i++) h = (h ^ (unsigned char)s[i]) * 1099511628211ull;
    return h ^ h >> 29;
}

/* Whether the item is there; puts it there. */
static int touch(Filter *f, const char *s, size_t len, int put) {
    int there = 1;
    for (uint64_t i = 0; i < HASHES; i++) {
        uint64_t bit = hash(s, len, i + 1) % f->bits;
        if (f->bytes[bit / 8] >> (bit % 8) & 1) continue;
        there = 0;
        if (put) f->bytes[bit / 8] |= (unsigned char)(1u << (bit % 8));
    }
    f->items += put && !there;
    return there;
}

/* ---- the type ---------------------------------------------------------------------------------- */

static void save(RedisModuleIO *io, void *value) {
    Filter *f = value;
    RedisModule_SaveUnsigned(io, f->bits);
    RedisModule_SaveUnsigned(io, f->items);
    RedisModule_SaveStringBuffer(io, (char *)f->bytes, bytes_of(f->bits));
}
static void *load(RedisModuleIO *io, int encver) {
    uint64_t bits = RedisModule_LoadUnsigned(io), items = RedisModule_LoadUnsigned(io);
    size_t len = 0;
    char *bytes = RedisModule_LoadStringBuffer(io, &len);
    RedisModuleCtx *ctx = RedisModule_GetContextFromIO(io);
    if (RedisModule_IsIOError(io) || encver != 1 || !bits || bits > MOST || len != bytes_of(bits)) {
        RedisModule_LogIOError(io, "warning", "a filter of %d bytes for %d bits", (int)len, (int)bits);
        RedisModule_Log(ctx, "warning", "a filter was refused");
        if (bytes) RedisModule_Free(bytes);
        return NULL;
    }
    Filter *f = RedisModule_Alloc(sizeof(*f));
    *f = (Filter){bits, items, (unsigned char *)bytes};
    return f;
}
/* As commands: the pieces of the filter. */
static void rewrite(RedisModuleIO *io, RedisModuleString *key, void *value) {
    Filter *f = value;
    RedisModule_EmitAOF(io, "bf.make", "sl", key, (long long)f->bits);
    for (size_t at = 0, len = bytes_of(f->bits); at < len; at += CHUNK) {
        size_t n = len - at < CHUNK ? len - at : CHUNK;
        RedisModule_EmitAOF(io, "bf.load", "slb", key, (long long)at, f->bytes + at, n);
    }
}
static size_t memory(const void *value) {
    const Filter *f = value;
    return sizeof(*f) + bytes_of(f->bits);
}
static void digest(RedisModuleDigest *d, void *value) {
    Filter *f = value;
    RedisModule_DigestAddLongLong(d, (long long)f->bits);
    RedisModule_DigestAddStringBuffer(d, (char *)f->bytes, bytes_of(f->bits));
    RedisModule_DigestEndSequence(d);
}
static void *copy(RedisModuleString *from, RedisModuleString *to, const void *value) {
    const Filter *f = value;
    REDISMODULE_NOT_USED(from);
    REDISMODULE_NOT_USED(to);
    Filter *c = filter_new(f->bits);
    c->items = f->items;
    memcpy(c->bytes, f->bytes, bytes_of(f->bits));
    return c;
}
static size_t effort(RedisModuleString *key, const void *value) {
    REDISMODULE_NOT_USED(key);
    return bytes_of(((const Filter *)value)->bits) / 4096;
}
static void aux_save(RedisModuleIO *io, int when) {
    if (when == REDISMODULE_AUX_BEFORE_RDB) RedisModule_SaveUnsigned(io, default_bits);
}
static int aux_load(RedisModuleIO *io, int encver, int when) {
    if (when != REDISMODULE_AUX_BEFORE_RDB || encver != 1) return REDISMODULE_ERR;
    uint64_t bits = RedisModule_LoadUnsigned(io);
    if (RedisModule_IsIOError(io) || !bits || bits > MOST) return REDISMODULE_ERR;
    default_bits = bits;
    return REDISMODULE_OK;
}
static int defrag(RedisModuleDefragCtx *ctx, RedisModuleString *key, void **value) {
    REDISMODULE_NOT_USED(key);
    Filter *f = *value, *moved = RedisModule_DefragAlloc(ctx, f);
    if (moved) *value = f = moved;
    unsigned char *bytes = RedisModule_DefragAlloc(ctx, f->bytes);
    if (bytes) f->bytes = bytes;
    return 0;
}

/* ---- commands ------------------------------------------------------------------------------------ */

/* NULL: an error was replied, or (when `bits` is 0) there is none. */
static Filter *open_filter(RedisModuleCtx *ctx, RedisModuleString *name, uint64_t bits,
                           RedisModuleKey **key) {
    *key = RedisModule_OpenKey(ctx, name, REDISMODULE_READ | (bits ? REDISMODULE_WRITE : 0));
    if (RedisModule_KeyType(*key) == REDISMODULE_KEYTYPE_EMPTY) {
        if (!bits) return NULL;
        Filter *f = filter_new(bits);
        RedisModule_ModuleTypeSetValue(*key, type, f);
        return f;
    }
    if (RedisModule_ModuleTypeGetType(*key) == type) return RedisModule_ModuleTypeGetValue(*key);
    RedisModule_ReplyWithError(ctx, REDISMODULE_ERRORMSG_WRONGTYPE);
    return NULL;
}

static int make_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long bits;
    RedisModuleKey *key;
    if (argc != 3) return RedisModule_WrongArity(ctx);
    if (RedisModule_StringToLongLong(argv[2], &bits) != REDISMODULE_OK || bits < 0 || bits > MOST) {
        return RedisModule_ReplyWithError(ctx, "ERR bad number of bits");
    }
    if (!bits) bits = (long long)default_bits;
    key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_WRITE);
    if (RedisModule_KeyType(key) != REDISMODULE_KEYTYPE_EMPTY) {
        return RedisModule_ReplyWithError(ctx, "ERR the key is there");
    }
    RedisModule_ModuleTypeSetValue(key, type, filter_new((uint64_t)bits));
    RedisModule_Replicate(ctx, "bf.make", "sl", argv[1], bits);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static int items(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, int put) {
    RedisModuleKey *key;
    if (argc < 3) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    Filter *f = open_filter(ctx, argv[1], put ? default_bits : 0, &key);
    if (!f && key) return REDISMODULE_OK;
    RedisModule_ReplyWithArray(ctx, argc - 2);
    for (int i = 2; i < argc; i++) {
        size_t len;
        const char *s = RedisModule_StringPtrLen(argv[i], &len);
        int there = f && touch(f, s, len, put);
        RedisModule_ReplyWithLongLong(ctx, put ? !there : there);
    }
    if (put) {
        RedisModule_ReplicateVerbatim(ctx);
        RedisModule_NotifyKeyspaceEvent(ctx, REDISMODULE_NOTIFY_MODULE, "bf.put", argv[1]);
    }
    return REDISMODULE_OK;
}
static int put_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    return items(ctx, argv, argc, 1);
}
static int has_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    return items(ctx, argv, argc, 0);
}

static int chunk_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long at;
    RedisModuleKey *key;
    if (argc != 3 || RedisModule_StringToLongLong(argv[2], &at) || at < 0) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    Filter *f = open_filter(ctx, argv[1], 0, &key);
    if (!f) return key ? REDISMODULE_OK : RedisModule_ReplyWithNull(ctx);
    size_t len = bytes_of(f->bits), from = (size_t)at < len ? (size_t)at : len;
    size_t n = len - from < CHUNK ? len - from : CHUNK;
    RedisModule_ReplyWithArray(ctx, 2);
    RedisModule_ReplyWithLongLong(ctx, from + n < len ? (long long)(from + n) : 0);
    return RedisModule_ReplyWithStringBuffer(ctx, (char *)f->bytes + from, n);
}
static int load_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long at;
    RedisModuleKey *key;
    size_t n;
    if (argc != 4 || RedisModule_StringToLongLong(argv[2], &at)) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    Filter *f = open_filter(ctx, argv[1], default_bits, &key);
    if (!f) return REDISMODULE_OK;
    const char *bytes = RedisModule_StringPtrLen(argv[3], &n);
    size_t len = bytes_of(f->bits);
    if (at < 0 || (size_t)at > len || n > len - (size_t)at) {
        return RedisModule_ReplyWithError(ctx, "ERR past the end");
    }
    memcpy(f->bytes + at, bytes, n);
    RedisModule_ReplicateVerbatim(ctx);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}
static int default_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long bits;
    if (argc == 2 && !RedisModule_StringToLongLong(argv[1], &bits) && bits > 0 && bits <= MOST) {
        default_bits = (uint64_t)bits;
        RedisModule_ReplicateVerbatim(ctx);
    }
    return RedisModule_ReplyWithLongLong(ctx, (long long)default_bits);
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);
__attribute__((visibility("default")))
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    static const struct {
        const char *name;
        RedisModuleCmdFunc call;
        const char *flags;
        int key;
    } commands[] = {
        {"bf.make", make_command, "write deny-oom", 1}, {"bf.put", put_command, "write deny-oom", 1},
        {"bf.has", has_command, "readonly", 1},         {"bf.chunk", chunk_command, "readonly", 1},
        {"bf.load", load_command, "write deny-oom", 1}, {"bf.default", default_command, "write", 0},
    };
    static RedisModuleTypeMethods methods = {
        .version = REDISMODULE_TYPE_METHOD_VERSION, .rdb_load = load, .rdb_save = save,
        .aof_rewrite = rewrite, .mem_usage = memory, .digest = digest, .free = filter_free,
        .aux_load = aux_load, .aux_save = aux_save, .aux_save_triggers = REDISMODULE_AUX_BEFORE_RDB,
        .free_effort = effort, .copy = copy, .defrag = defrag};
    if (RedisModule_Init(ctx, "rm_filter", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) return 1;
    RedisModule_SetModuleOptions(ctx, REDISMODULE_OPTIONS_HANDLE_IO_ERRORS);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        int key = commands[i].key;
        if (RedisModule_CreateCommand(ctx, commands[i].name, commands[i].call, commands[i].flags, key, key,
                                      key)) {
            return REDISMODULE_ERR;
        }
    }
    type = RedisModule_CreateDataType(ctx, "rm-filter", 1, &methods);
    return type ? REDISMODULE_OK : REDISMODULE_ERR;
}
