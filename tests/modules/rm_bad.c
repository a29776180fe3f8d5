/* rm_bad.c - modules of the Redis ABI that must be refused, one for each name that begins with V, as
 * tests/modules/rm_bad-no_init.so; V_fine, which loads, is what the others differ from, in what their
 * names say. What is said to them is in tests/unit/rm_robust.tcl. All register something before they
 * go wrong, so that there is something to take back. */
#include <redismodule.h>
#include <string.h>

static int hello(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv, (void)argc;
    return RedisModule_ReplyWithSimpleString(ctx, "HELLO");
}

static void nothing(RedisModuleCtx *ctx, void *data) {
    (void)ctx, (void)data;
}

static int on_notify(RedisModuleCtx *ctx, int kind, const char *event, RedisModuleString *key) {
    (void)ctx, (void)kind, (void)event, (void)key;
    return REDISMODULE_OK;
}

static long long level;
static long long get_level(const char *name, void *data) {
    (void)name, (void)data;
    return level;
}
static int set_level(const char *name, long long v, void *data, RedisModuleString **error) {
    (void)name, (void)data, (void)error;
    level = v;
    return REDISMODULE_OK;
}

static void *load(RedisModuleIO *io, int encver) {
    (void)encver;
    return RedisModule_LoadStringBuffer(io, NULL);
}
static void save(RedisModuleIO *io, void *value) {
    RedisModule_SaveStringBuffer(io, value, 1);
}
static void release(void *value) {
    RedisModule_Free(value);
}

static int make_type(RedisModuleCtx *ctx) {
    RedisModuleTypeMethods methods = {.version = REDISMODULE_TYPE_METHOD_VERSION, .rdb_load = load,
                                      .rdb_save = save, .free = release};
#if defined(V_type_name)
    return !RedisModule_CreateDataType(ctx, "short", 0, &methods);
#elif defined(V_type_taken)
    return !RedisModule_CreateDataType(ctx, "rm-badone", 0, &methods) ||
           !RedisModule_CreateDataType(ctx, "rm-badone", 1, &methods);
#elif defined(V_type_methods)
    methods.version = 0;
    return !RedisModule_CreateDataType(ctx, "rm-badone", 0, &methods);
#else
    return !RedisModule_CreateDataType(ctx, "rm-badone", 0, &methods);
#endif
}

static int make_settings(RedisModuleCtx *ctx) {
    if (RedisModule_RegisterNumericConfig(ctx, "level", 5, REDISMODULE_CONFIG_DEFAULT, 0, 10,
                                          get_level, set_level, NULL, NULL)) {
        return REDISMODULE_ERR;
    }
#if defined(V_settings_unread)
    return REDISMODULE_OK;
#else
    return RedisModule_LoadConfigs(ctx);
#endif
}

/* What a header of tomorrow would do: ask for what is not there yet. */
static int ask_in_vain(RedisModuleCtx *ctx) {
    void *function = NULL;
    int (*get_api)(const char *, void *) = *(int (**)(const char *, void *))ctx;
    get_api("RedisModule_ReadMind", &function);
    get_api("RedisModule_BendSpoon", &function);
    return !function;
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);
__attribute__((visibility("default")))
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv, (void)argc, (void)ask_in_vain;
    int version = REDISMODULE_APIVER_1, early = -1;
#if defined(V_no_init)
    early = REDISMODULE_OK;
#elif defined(V_silent)
    early = REDISMODULE_ERR;
#elif defined(V_newer)
    version++;
#endif
    if (early >= 0) return early;
#if defined(V_name_taken)
    const char *name = "strings";
#elif defined(V_name_long)
    const char *name = "a23456789_123456789_123456789_123456789_123456789_123456789_1234";
#elif defined(V_name_blank)
    const char *name = "bad name";
#elif defined(V_mixed_case)
    const char *name = "RmBad";
#else
    const char *name = "rm_bad";
#endif
    if (RedisModule_Init(ctx, name, 3, version)) return REDISMODULE_ERR;
    if (RedisModule_CreateCommand(ctx, "rm_bad.hello", hello, "readonly", 0, 0, 0)) return REDISMODULE_ERR;
    RedisModule_SubscribeToKeyspaceEvents(ctx, REDISMODULE_NOTIFY_ALL, on_notify);
    if (make_type(ctx) || make_settings(ctx)) return REDISMODULE_ERR;
#if defined(V_missing) || defined(V_newer)
    if (ask_in_vain(ctx)) return REDISMODULE_ERR;
#elif defined(V_lacking)
    ask_in_vain(ctx);
#elif defined(V_command_taken)
    if (RedisModule_CreateCommand(ctx, "get", hello, "readonly", 1, 1, 1)) return REDISMODULE_ERR;
#elif defined(V_command_flags)
    if (RedisModule_CreateCommand(ctx, "rm_bad.two", hello, "sideways", 1, 1, 1)) return REDISMODULE_ERR;
#elif defined(V_command_name)
    if (RedisModule_CreateCommand(ctx, "rm bad", hello, "readonly", 1, 1, 1)) return REDISMODULE_ERR;
#elif defined(V_timer)
    RedisModule_CreateTimer(ctx, 20, nothing, NULL);
    return REDISMODULE_ERR;
#elif defined(V_user)
    if (!RedisModule_GetSharedAPI(ctx, "rr.total")) return REDISMODULE_ERR;
#elif defined(V_keys)
    RedisModuleCallReply *reply = RedisModule_Call(ctx, "SET", "cc", "made", "by load");
    RedisModule_FreeCallReply(reply);
    return REDISMODULE_ERR;
#endif
    (void)nothing;
    return REDISMODULE_OK;
}

#if defined(V_stays)
int RedisModule_OnUnload(RedisModuleCtx *ctx);
__attribute__((visibility("default")))
int RedisModule_OnUnload(RedisModuleCtx *ctx) {
    (void)ctx;
    return REDISMODULE_ERR;
}
#endif
