/* rm_type.c - two data types of the Redis module ABI: "rm-record", with every callback and every kind
 * of part in its file form, and "rm-plain_", made with the methods of the first version. What
 * callbacks were told is kept in a log that record.log gives and empties. */
#include <errno.h>
#include <redismodule.h>
#include <stdarg.h>
#include <string.h>

static RedisModuleType *record_type, *plain_type;
static char told[4096];
static int picky; /* record.picky: the loader refuses */

static void tell(const char *format, ...) {
    size_t len = strlen(told);
    va_list args;
    va_start(args, format);
    if (len + 200 < sizeof(told)) vsnprintf(told + len, 200, format, args);
    va_end(args);
}

static const char *text_of(const RedisModuleString *s) {
    return s ? RedisModule_StringPtrLen(s, NULL) : "(none)";
}

typedef struct Record {
    unsigned long long count;
    long long balance;
    double weight;
    float share;
    long double exact;
    RedisModuleString *name;
    char *buffer;
    size_t len;
} Record;

static void record_free(void *value) {
    Record *r = value;
    if (r->name) RedisModule_FreeString(NULL, r->name);
    RedisModule_Free(r->buffer);
    RedisModule_Free(r);
}

static void *record_load(RedisModuleIO *io, int encver) {
    Record *r = RedisModule_Calloc(1, sizeof(*r));
    tell("load %d %s %d;", encver, text_of(RedisModule_GetKeyNameFromIO(io)),
         RedisModule_GetDbIdFromIO(io));
    r->count = RedisModule_LoadUnsigned(io);
    r->balance = RedisModule_LoadSigned(io);
    r->weight = RedisModule_LoadDouble(io);
    r->share = RedisModule_LoadFloat(io);
    r->exact = RedisModule_LoadLongDouble(io);
    r->name = RedisModule_LoadString(io);
    r->buffer = RedisModule_LoadStringBuffer(io, &r->len);
    if (!RedisModule_IsIOError(io) && !picky) return r;
    record_free(r);
    return NULL;
}

static void record_save(RedisModuleIO *io, void *value) {
    Record *r = value;
    RedisModule_SaveUnsigned(io, r->count);
    RedisModule_SaveSigned(io, r->balance);
    RedisModule_SaveDouble(io, r->weight);
    RedisModule_SaveFloat(io, r->share);
    RedisModule_SaveLongDouble(io, r->exact);
    RedisModule_SaveString(io, r->name);
    RedisModule_SaveStringBuffer(io, r->buffer, r->len);
}

static void record_rewrite(RedisModuleIO *io, RedisModuleString *key, void *value) {
    Record *r = value;
    char weight[64];
    snprintf(weight, sizeof(weight), "%.17g", r->weight);
    RedisModule_EmitAOF(io, "record.set", "slclcs", key, (long long)r->count, "0",
                        (long long)r->balance, weight, r->name);
}

static void record_digest(RedisModuleDigest *md, void *value) {
    Record *r = value;
    RedisModule_DigestAddLongLong(md, (long long)r->count);
    RedisModule_DigestAddLongLong(md, r->balance);
    RedisModule_DigestEndSequence(md);
    size_t len;
    const char *name = RedisModule_StringPtrLen(r->name, &len);
    RedisModule_DigestAddStringBuffer(md, name, len);
    RedisModule_DigestEndSequence(md);
    tell("digest %s %d;", text_of(RedisModule_GetKeyNameFromDigest(md)),
         RedisModule_GetDbIdFromDigest(md));
}

static size_t record_memory(RedisModuleKeyOptCtx *ctx, const void *value, size_t samples) {
    (void)value;
    tell("memory %s %d %zu;", text_of(RedisModule_GetKeyNameFromOptCtx(ctx)),
         RedisModule_GetDbIdFromOptCtx(ctx), samples);
    return 1000000;
}

static size_t record_effort(RedisModuleKeyOptCtx *ctx, const void *value) {
    tell("effort %s;", text_of(RedisModule_GetKeyNameFromOptCtx(ctx)));
    return ((const Record *)value)->count;
}

static void record_unlink(RedisModuleKeyOptCtx *ctx, const void *value) {
    (void)value;
    tell("unlink %s %d;", text_of(RedisModule_GetKeyNameFromOptCtx(ctx)),
         RedisModule_GetDbIdFromOptCtx(ctx));
}

static void *record_copy(RedisModuleKeyOptCtx *ctx, const void *value) {
    const Record *from = value;
    tell("copy %s %d %s %d;", text_of(RedisModule_GetKeyNameFromOptCtx(ctx)),
         RedisModule_GetDbIdFromOptCtx(ctx), text_of(RedisModule_GetToKeyNameFromOptCtx(ctx)),
         RedisModule_GetToDbIdFromOptCtx(ctx));
    if (from->count == 13) return NULL;
    Record *r = RedisModule_Alloc(sizeof(*r));
    *r = *from;
    r->name = RedisModule_CreateStringFromString(NULL, from->name);
    r->buffer = RedisModule_Alloc(r->len + 1);
    memcpy(r->buffer, from->buffer, r->len);
    return r;
}

static int record_defrag(RedisModuleDefragCtx *ctx, RedisModuleString *key, void **value) {
    Record *r = *value;
    unsigned long cursor = 0;
    int had = RedisModule_DefragCursorGet(ctx, &cursor);
    tell("defrag %s %d %d %lu;", text_of(key), RedisModule_GetDbIdFromDefragCtx(ctx), had, cursor);
    if (!cursor) {
        Record *moved = RedisModule_DefragAlloc(ctx, r);
        if (moved) *value = r = moved;
        RedisModule_DefragCursorSet(ctx, 2);
        return 1;
    }
    RedisModuleString *name = RedisModule_DefragRedisModuleString(ctx, r->name);
    if (name) r->name = name;
    char *buffer = RedisModule_DefragAlloc(ctx, r->buffer);
    if (buffer) r->buffer = buffer;
    return RedisModule_DefragShouldStop(ctx);
}

/* ---- commands -------------------------------------------------------------------------------- */

static Record *record_at(RedisModuleKey *key) {
    return RedisModule_ModuleTypeGetType(key) == record_type ? RedisModule_ModuleTypeGetValue(key)
                                                             : NULL;
}

/* record.set key count padding balance weight name: exact is weight / 3, the buffer is `count` x's. */
static int record_set(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 7) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ | REDISMODULE_WRITE);
    Record *r = RedisModule_Calloc(1, sizeof(*r));
    RedisModule_StringToULongLong(argv[2], &r->count);
    RedisModule_StringToLongLong(argv[4], &r->balance);
    RedisModule_StringToDouble(argv[5], &r->weight);
    r->share = (float)r->weight;
    r->exact = (long double)r->weight / 3;
    r->name = argv[6];
    RedisModule_RetainString(ctx, argv[6]);
    r->len = r->count > 100000 ? 0 : r->count;
    r->buffer = RedisModule_Alloc(r->len + 1);
    memset(r->buffer, 'x', r->len);
    if (RedisModule_ModuleTypeSetValue(key, record_type, r) != REDISMODULE_OK) {
        record_free(r);
        return RedisModule_ReplyWithError(ctx, "ERR not set");
    }
    RedisModule_ReplicateVerbatim(ctx);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static int reply_record(RedisModuleCtx *ctx, const Record *r) {
    if (!r) return RedisModule_ReplyWithNull(ctx);
    RedisModule_ReplyWithArray(ctx, 7);
    RedisModule_ReplyWithString(ctx, RedisModule_CreateStringPrintf(ctx, "%llu", r->count));
    RedisModule_ReplyWithLongLong(ctx, r->balance);
    RedisModule_ReplyWithString(ctx, RedisModule_CreateStringPrintf(ctx, "%.17g", r->weight));
    RedisModule_ReplyWithString(ctx, RedisModule_CreateStringPrintf(ctx, "%.9g", r->share));
    RedisModule_ReplyWithString(ctx, RedisModule_CreateStringPrintf(ctx, "%.20Lg", r->exact));
    RedisModule_ReplyWithString(ctx, r->name);
    return RedisModule_ReplyWithStringBuffer(ctx, r->buffer, r->len);
}

static int record_get(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ);
    if (RedisModule_KeyType(key) != REDISMODULE_KEYTYPE_EMPTY && !record_at(key)) {
        return RedisModule_ReplyWithError(ctx, REDISMODULE_ERRORMSG_WRONGTYPE);
    }
    return reply_record(ctx, record_at(key));
}

/* record.what key: its key type, whether it is a record, a plain, and its length. */
static int record_what(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ);
    RedisModule_ReplyWithArray(ctx, 5);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_KeyType(key));
    RedisModule_ReplyWithLongLong(ctx, RedisModule_ModuleTypeGetType(key) == record_type);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_ModuleTypeGetType(key) == plain_type);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_ModuleTypeGetValue(key) != NULL);
    return RedisModule_ReplyWithLongLong(ctx, (long long)RedisModule_ValueLength(key));
}

/* record.replace key name: swaps the value for a renamed one, and gives the old one's name. */
static int record_replace(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ | REDISMODULE_WRITE);
    Record *r = RedisModule_Calloc(1, sizeof(*r)), *old = NULL;
    r->name = RedisModule_CreateStringFromString(NULL, argv[2]);
    r->buffer = RedisModule_Strdup("y");
    r->len = 1;
    if (RedisModule_ModuleTypeReplaceValue(key, record_type, r, (void **)&old) != REDISMODULE_OK) {
        record_free(r);
        return RedisModule_ReplyWithError(ctx, "ERR not replaced");
    }
    RedisModule_ReplyWithString(ctx, old->name);
    record_free(old);
    return REDISMODULE_OK;
}

/* record.tostring key; record.fromstring bytes encver: without a key's help. */
static int record_tostring(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    Record *r = record_at(RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ));
    if (!r) return RedisModule_ReplyWithNull(ctx);
    return RedisModule_ReplyWithString(ctx, RedisModule_SaveDataTypeToString(ctx, r, record_type));
}

static int record_fromstring(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long encver;
    if (argc != 3) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    RedisModule_StringToLongLong(argv[2], &encver);
    Record *r = encver ? RedisModule_LoadDataTypeFromStringEncver(argv[1], record_type, (int)encver)
                       : RedisModule_LoadDataTypeFromString(argv[1], record_type);
    reply_record(ctx, r);
    if (r) record_free(r);
    return REDISMODULE_OK;
}

static int record_log(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    RedisModule_ReplyWithCString(ctx, told);
    told[0] = '\0';
    return REDISMODULE_OK;
}

static int record_picky(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    picky = argc > 1;
    return RedisModule_ReplyWithLongLong(ctx, picky);
}

/* record.options n: what the module says that it can do. */
static int record_options(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long options = 0;
    if (argc != 2 || RedisModule_StringToLongLong(argv[1], &options)) {
        return RedisModule_WrongArity(ctx);
    }
    RedisModule_SetModuleOptions(ctx, (int)options);
    return RedisModule_ReplyWithLongLong(ctx, options);
}

/* record.late: types are made in OnLoad alone. */
static int record_late(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    RedisModuleTypeMethods methods = {.version = 1};
    return RedisModule_ReplyWithLongLong(
        ctx, RedisModule_CreateDataType(ctx, "late-type", 0, &methods) != NULL);
}

/* ---- auxiliary fields, and files ------------------------------------------------------------- */

static char aux_texts[2][32];

static void aux_save(RedisModuleIO *io, int when) {
    const char *text = aux_texts[when == REDISMODULE_AUX_AFTER_RDB];
    RedisModule_SaveStringBuffer(io, text, strlen(text));
}

static int aux_load(RedisModuleIO *io, int encver, int when) {
    RedisModuleString *text = RedisModule_LoadString(io);
    if (!text || encver != 3) return REDISMODULE_ERR;
    tell("aux %d %s;", when, text_of(text));
    RedisModule_FreeString(NULL, text);
    return REDISMODULE_OK;
}

/* record.aux before after: what files say beside the keys. */
static int record_aux(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    snprintf(aux_texts[0], sizeof(aux_texts[0]), "%s", text_of(argv[1]));
    snprintf(aux_texts[1], sizeof(aux_texts[1]), "%s", text_of(argv[2]));
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

/* record.file save|load|flags path: the result and errno. */
static int record_file(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    RedisModuleRdbStream *stream = RedisModule_RdbStreamCreateFromFile(text_of(argv[2]));
    const char *what = text_of(argv[1]);
    errno = 0;
    int result = *what == 's' ? RedisModule_RdbSave(ctx, stream, 0)
                              : RedisModule_RdbLoad(ctx, stream, *what == 'f' ? 1 : 0);
    int why = result ? errno : 0;
    RedisModule_RdbStreamFree(stream);
    RedisModule_ReplyWithArray(ctx, 2);
    RedisModule_ReplyWithLongLong(ctx, result);
    return RedisModule_ReplyWithLongLong(ctx, why);
}

/* ---- the type of the first version ----------------------------------------------------------- */

static void *plain_load(RedisModuleIO *io, int encver) {
    (void)encver;
    return RedisModule_LoadStringBuffer(io, NULL);
}
static void plain_save(RedisModuleIO *io, void *value) {
    RedisModule_SaveStringBuffer(io, value, strlen(value) + 1);
}
static void plain_free(void *value) {
    RedisModule_Free(value);
}

static int plain_set(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ | REDISMODULE_WRITE);
    RedisModule_ModuleTypeSetValue(key, plain_type, RedisModule_Strdup(text_of(argv[2])));
    RedisModule_CloseKey(key);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static int plain_get(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ);
    if (RedisModule_ModuleTypeGetType(key) == plain_type) {
        RedisModule_ReplyWithCString(ctx, RedisModule_ModuleTypeGetValue(key));
    } else {
        RedisModule_ReplyWithNull(ctx);
    }
    RedisModule_CloseKey(key);
    return REDISMODULE_OK;
}

static int commands(RedisModuleCtx *ctx) {
    return RedisModule_CreateCommand(ctx, "record.set", record_set, "write", 1, 1, 1) ||
           RedisModule_CreateCommand(ctx, "record.get", record_get, "readonly", 1, 1, 1) ||
           RedisModule_CreateCommand(ctx, "record.what", record_what, "readonly", 1, 1, 1) ||
           RedisModule_CreateCommand(ctx, "record.replace", record_replace, "write", 1, 1, 1) ||
           RedisModule_CreateCommand(ctx, "record.tostring", record_tostring, "readonly", 1, 1, 1) ||
           RedisModule_CreateCommand(ctx, "record.fromstring", record_fromstring, "", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "record.log", record_log, "allow-loading", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "record.picky", record_picky, "", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "record.aux", record_aux, "", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "record.options", record_options, "allow-loading", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "record.file", record_file, "", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "record.late", record_late, "", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "plain.set", plain_set, "write", 1, 1, 1) ||
           RedisModule_CreateCommand(ctx, "plain.get", plain_get, "readonly", 1, 1, 1);
}

__attribute__((visibility("default"))) int RedisModule_OnLoad(RedisModuleCtx *ctx,
                                                              RedisModuleString **argv, int argc);
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    if (RedisModule_Init(ctx, "rm_type", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) return 1;
    RedisModule_SetModuleOptions(ctx, REDISMODULE_OPTIONS_HANDLE_IO_ERRORS);
    RedisModuleTypeMethods methods = {
        .version = REDISMODULE_TYPE_METHOD_VERSION, .rdb_load = record_load, .rdb_save = record_save,
        .aof_rewrite = record_rewrite, .digest = record_digest, .free = record_free,
        .mem_usage2 = record_memory, .free_effort2 = record_effort, .unlink2 = record_unlink,
        .copy2 = record_copy, .defrag = record_defrag, .aux_save = aux_save, .aux_load = aux_load,
        .aux_save_triggers = REDISMODULE_AUX_BEFORE_RDB | REDISMODULE_AUX_AFTER_RDB};
    RedisModuleTypeMethods bad = {.version = 0};
    RedisModuleTypeMethods plain = {.version = 1, .rdb_load = plain_load, .rdb_save = plain_save,
                                    .free = plain_free};
    plain.copy2 = (RedisModuleTypeCopyFunc2)(void *)1; /* beyond its version: never looked at */
    if (RedisModule_CreateDataType(ctx, "too-short", 1024, &methods) ||
        RedisModule_CreateDataType(ctx, "short", 0, &methods) ||
        RedisModule_CreateDataType(ctx, "bad.chars", 0, &methods) ||
        RedisModule_CreateDataType(ctx, "rm-record", 3, &bad)) {
        return 1;
    }
    record_type = RedisModule_CreateDataType(ctx, "rm-record", 3, &methods);
    /* The methods may be on the stack: the server copies them. */
    plain_type = RedisModule_CreateDataType(ctx, "rm-plain_", 0, &plain);
    /* cppcheck-suppress danglingLifetime */
    return !record_type || !plain_type || commands(ctx);
}
