/* rm_reload.c - a module of the Redis ABI in several versions, for MODULE RELOAD: V_one is the first,
 * the others differ from it in what their names say (V_two in nothing else). Built once for each name that begins with V, as
 * tests/modules/rm_reload-one.so. What becomes of a reload is in tests/unit/rm_reload.tcl.
 *
 *     RR.VERSION                which code runs
 *     RR.SET key n, RR.GET key  values of the type "rr-record"
 *     RR.FREED                  values that this code has freed
 *     RR.TOTAL                  of all n that were set: kept beside the values, in auxiliary fields
 *     RR.HEARD                  notifications that were heard; RR.FILTERED commands that were filtered
 *     RR.TIMER ms, RR.BLOCK     what keeps a module from going
 *     RR.CALL command           a call from inside, such as of MODULE RELOAD */
#include <redismodule.h>
#include <string.h>

#if defined(V_one)
#define VERSION 1
#else
#define VERSION 2
#endif
/* The next encoding has another layout, which its loader makes of the first one's bytes. */
#if defined(V_next) || defined(V_picky)
#define ENCVER 1
typedef struct Record {
    double weight;
    long long n;
    RedisModuleString *by;
} Record;
#else
#define ENCVER 0
typedef struct Record {
    RedisModuleString *by;
    long long n;
} Record;
#endif

static RedisModuleType *record_type;
static long long total, freed, heard, filtered, level;
static int flags;
static int refuses;


/* ---- the type -------------------------------------------------------------------------------- */

static void *record_load(RedisModuleIO *io, int encver) {
    if (encver > ENCVER) return NULL;
    Record *r = RedisModule_Calloc(1, sizeof(*r));
    r->n = RedisModule_LoadSigned(io);
    r->by = RedisModule_LoadString(io);
#if defined(V_picky)
    if (r->n == 13) {
        RedisModule_FreeString(NULL, r->by);
        RedisModule_Free(r);
        return NULL;
    }
#endif
    return r;
}

static void record_save(RedisModuleIO *io, void *value) {
    Record *r = value;
    RedisModule_SaveSigned(io, r->n);
    RedisModule_SaveString(io, r->by);
}

static void record_free(void *value) {
    Record *r = value;
    __atomic_fetch_add(&freed, 1, __ATOMIC_RELAXED);
    RedisModule_FreeString(NULL, r->by);
    RedisModule_Free(r);
}

static void aux_save(RedisModuleIO *io, int when) {
    RedisModule_SaveSigned(io, when == REDISMODULE_AUX_BEFORE_RDB ? 0 : total);
}

static int aux_load(RedisModuleIO *io, int encver, int when) {
    (void)encver, (void)when;
    long long v = RedisModule_LoadSigned(io);
#if defined(V_bad_aux)
    if (when == REDISMODULE_AUX_AFTER_RDB) return REDISMODULE_ERR;
#endif
    total += v;
    return REDISMODULE_OK;
}

/* ---- commands -------------------------------------------------------------------------------- */

static int version(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv, (void)argc;
    return RedisModule_ReplyWithLongLong(ctx, VERSION);
}

static int set(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long n;
    if (argc != 3) return RedisModule_WrongArity(ctx);
    if (RedisModule_StringToLongLong(argv[2], &n) != REDISMODULE_OK) {
        return RedisModule_ReplyWithError(ctx, "ERR no number");
    }
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_WRITE);
    Record *r = RedisModule_Calloc(1, sizeof(*r));
    r->n = n;
    r->by = RedisModule_CreateStringPrintf(NULL, "%d", VERSION);
    total += n;
    RedisModule_ModuleTypeSetValue(key, record_type, r);
    RedisModule_CloseKey(key);
    RedisModule_ReplicateVerbatim(ctx);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static int get(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ);
    if (RedisModule_ModuleTypeGetType(key) != record_type) return RedisModule_ReplyWithNull(ctx);
    Record *r = RedisModule_ModuleTypeGetValue(key);
    RedisModule_ReplyWithArray(ctx, 2);
    RedisModule_ReplyWithLongLong(ctx, r->n);
    RedisModule_ReplyWithString(ctx, r->by);
    RedisModule_CloseKey(key);
    return REDISMODULE_OK;
}

static int number(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    const char *name = RedisModule_StringPtrLen(argv[0], NULL);
    (void)argc;
    return RedisModule_ReplyWithLongLong(ctx, !strcasecmp(name, "rr.freed")   ? freed
                                              : !strcasecmp(name, "rr.total") ? total
                                              : !strcasecmp(name, "rr.heard") ? heard
                                                                              : filtered);
}

static void nothing(RedisModuleCtx *ctx, void *data) {
    (void)ctx, (void)data;
}

static int timer(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long ms;
    if (argc != 2 || RedisModule_StringToLongLong(argv[1], &ms)) return RedisModule_WrongArity(ctx);
    RedisModule_CreateTimer(ctx, ms, nothing, NULL);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static int over(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv, (void)argc;
    return RedisModule_ReplyWithSimpleString(ctx, "OVER");
}

static int block(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv, (void)argc;
    RedisModule_BlockClientOnKeys(ctx, over, over, NULL, 300, NULL, 0, NULL);
    return REDISMODULE_OK;
}

static int call(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc < 2) return RedisModule_WrongArity(ctx);
    RedisModuleCallReply *reply = RedisModule_Call(
        ctx, RedisModule_StringPtrLen(argv[1], NULL), "Ev", argv + 2, (size_t)argc - 2);
    RedisModule_ReplyWithCallReply(ctx, reply);
    RedisModule_FreeCallReply(reply);
    return REDISMODULE_OK;
}

static int refuse(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv, (void)argc;
    refuses = !refuses;
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static int on_notify(RedisModuleCtx *ctx, int kind, const char *event, RedisModuleString *key) {
    (void)ctx, (void)kind, (void)event, (void)key;
    heard++;
    return REDISMODULE_OK;
}

static void filter(RedisModuleCommandFilterCtx *f) {
    (void)f;
    filtered++;
}

/* ---- settings -------------------------------------------------------------------------------- */

static long long get_level(const char *name, void *data) {
    (void)name, (void)data;
    return level;
}
static int set_level(const char *name, long long v, void *data, RedisModuleString **error) {
    (void)name, (void)data;
#if defined(V_strict)
    if (v > 10) {
        *error = RedisModule_CreateString(NULL, "it is too high", 14);
        return REDISMODULE_ERR;
    }
#endif
    (void)error;
    level = v;
    return REDISMODULE_OK;
}
static int get_flags(const char *name, void *data) {
    (void)name, (void)data;
    return flags;
}
static int set_flags(const char *name, int v, void *data, RedisModuleString **error) {
    (void)name, (void)data, (void)error;
    flags = v;
    return REDISMODULE_OK;
}

static int make_settings(RedisModuleCtx *ctx) {
    static const char *words[] = {"red", "green", "blue"};
    static const int values[] = {1, 2, 4};
    return RedisModule_RegisterNumericConfig(ctx, "level", 5, REDISMODULE_CONFIG_DEFAULT, 0, 1000,
                                             get_level, set_level, NULL, NULL) ||
           RedisModule_RegisterEnumConfig(ctx, "flags", 1, REDISMODULE_CONFIG_BITFLAGS, words, values,
                                          3, get_flags, set_flags, NULL, NULL) ||
           RedisModule_LoadConfigs(ctx);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int make_commands(RedisModuleCtx *ctx) {
    return RedisModule_CreateCommand(ctx, "rr.version", version, "readonly", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "rr.set", set, "write", 1, 1, 1) ||
           RedisModule_CreateCommand(ctx, "rr.get", get, "readonly", 1, 1, 1) ||
           RedisModule_CreateCommand(ctx, "rr.freed", number, "", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "rr.total", number, "", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "rr.heard", number, "", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "rr.filtered", number, "", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "rr.timer", timer, "", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "rr.block", block, "", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "rr.call", call, "", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "rr.refuse", refuse, "", 0, 0, 0) ||
#if defined(V_one)
           RedisModule_CreateCommand(ctx, "rr.old", version, "", 0, 0, 0);
#else
           RedisModule_CreateCommand(ctx, "rr.new", version, "", 0, 0, 0);
#endif
}

#if !defined(V_no_type)
static int make_type(RedisModuleCtx *ctx) {
    static RedisModuleTypeMethods methods = {
        .version = REDISMODULE_TYPE_METHOD_VERSION, .rdb_load = record_load, .rdb_save = record_save,
        .free = record_free, .aux_save = aux_save, .aux_load = aux_load,
        .aux_save_triggers = REDISMODULE_AUX_BEFORE_RDB | REDISMODULE_AUX_AFTER_RDB};
    record_type = RedisModule_CreateDataType(ctx, "rr-record", ENCVER, &methods);
    return record_type ? REDISMODULE_OK : REDISMODULE_ERR;
}
#endif

static void *shared(void) {
    return &total;
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);
__attribute__((visibility("default")))
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv, (void)argc;
#if defined(V_other_name)
    const char *name = "rm_somebody";
#else
    const char *name = "rm_reload";
#endif
    if (RedisModule_Init(ctx, name, VERSION, REDISMODULE_APIVER_1)) return REDISMODULE_ERR;
    if (make_commands(ctx)) return REDISMODULE_ERR;
#if !defined(V_no_type)
    if (make_type(ctx)) return REDISMODULE_ERR;
#else
    (void)record_load, (void)record_save, (void)record_free, (void)aux_save, (void)aux_load;
#endif
    if (RedisModule_AddACLCategory(ctx, "reloading")) return REDISMODULE_ERR;
    if (make_settings(ctx)) return REDISMODULE_ERR;
    if (RedisModule_ExportSharedAPI(ctx, "rr.total", (void *)(uintptr_t)shared)) return REDISMODULE_ERR;
    RedisModule_SubscribeToKeyspaceEvents(ctx, REDISMODULE_NOTIFY_STRING, on_notify);
    if (!RedisModule_RegisterCommandFilter(ctx, filter, 0)) return REDISMODULE_ERR;
#if defined(V_bad_load)
    RedisModule_CreateTimer(ctx, 100000, nothing, NULL);
    RedisModule_Log(ctx, "notice", "level %lld", level);
    return REDISMODULE_ERR;
#endif
    return REDISMODULE_OK;
}

int RedisModule_OnUnload(RedisModuleCtx *ctx);
__attribute__((visibility("default")))
int RedisModule_OnUnload(RedisModuleCtx *ctx) {
    (void)ctx;
    return refuses ? REDISMODULE_ERR : REDISMODULE_OK;
}
