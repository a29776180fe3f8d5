/* rm_crash.c - a module of the Redis ABI that goes wrong where it is told to, as a crash report must be
 * able to name it, and that misbehaves in ways that should not end anything.
 *
 *     RC.NOW how, RC.LATER where       crashes: in the command, in a callback
 *     RC.SET key [how]                 a value whose callbacks crash
 *     RC.REPLIES n                     that many replies, of which one is right
 *     RC.LEFT what                     leaves something open or unfreed
 *     RC.KEY name                      opens a key that it never declared */
#include <pthread.h>
#include <redismodule.h>
#include <stdlib.h>
#include <string.h>

static volatile int *volatile nowhere;
static RedisModuleType *type;
static int (*missing)(RedisModuleCtx *ctx); /* as a function that the server lacks */

__attribute__((noinline, no_sanitize("undefined"))) static void fault(void) {
    *nowhere = 1;
}

static volatile int deepest = 0x7fffffff;
static int deeper(volatile const char *above, int level) {
    volatile char frame[512];
    frame[0] = (char)(above[0] + level);
    return level < deepest ? deeper(frame, level + 1) + frame[0] : 0;
}

static int is(const RedisModuleString *s, const char *word) {
    return strcasecmp(RedisModule_StringPtrLen(s, NULL), word) == 0;
}

__attribute__((no_sanitize("undefined")))
static int now(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc < 2) return RedisModule_WrongArity(ctx);
    if (is(argv[1], "fault")) fault();
    if (is(argv[1], "abort")) abort();
    if (is(argv[1], "deep")) deeper((volatile const char *)argv, 0);
    if (is(argv[1], "missing")) {
        missing(ctx);
        return REDISMODULE_ERR; /* not a call in the tail, so that the frame is there */
    }
    if (is(argv[1], "assert")) RedisModule_Assert(argc == 0);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static void on_time(RedisModuleCtx *ctx, void *data) {
    (void)ctx, (void)data;
    fault();
}
static void *in_thread(void *data) {
    fault();
    return data;
}
static int on_notify(RedisModuleCtx *ctx, int kind, const char *event, RedisModuleString *key) {
    (void)ctx, (void)kind, (void)event, (void)key;
    fault();
    return REDISMODULE_OK;
}
static void on_filter(RedisModuleCommandFilterCtx *f) {
    (void)f;
    fault();
}
static void on_event(RedisModuleCtx *ctx, RedisModuleEvent event, uint64_t sub, void *data) {
    (void)ctx, (void)event, (void)sub, (void)data;
    fault();
}
static int on_reply(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)ctx, (void)argv, (void)argc;
    fault();
    return REDISMODULE_OK;
}
static int crash_in_info;
static void on_info(RedisModuleInfoCtx *ctx, int for_crash) {
    (void)for_crash;
    RedisModule_InfoAddSection(ctx, "");
    if (crash_in_info) fault();
}
static void one_shot(void *data) {
    (void)data;
    fault();
}

static int later(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    pthread_t thread;
    if (argc != 2) return RedisModule_WrongArity(ctx);
    if (is(argv[1], "timer")) RedisModule_CreateTimer(ctx, 1, on_time, NULL);
    if (is(argv[1], "thread")) pthread_create(&thread, NULL, in_thread, NULL);
    if (is(argv[1], "notify")) RedisModule_SubscribeToKeyspaceEvents(ctx, REDISMODULE_NOTIFY_STRING, on_notify);
    if (is(argv[1], "filter")) RedisModule_RegisterCommandFilter(ctx, on_filter, 0);
    if (is(argv[1], "event")) RedisModule_SubscribeToServerEvent(ctx, RedisModuleEvent_FlushDB, on_event);
    if (is(argv[1], "info")) crash_in_info = 1;
    if (is(argv[1], "oneshot")) RedisModule_EventLoopAddOneShot(one_shot, NULL);
    if (is(argv[1], "block")) {
        RedisModuleBlockedClient *bc = RedisModule_BlockClient(ctx, on_reply, on_reply, NULL, 0);
        RedisModule_UnblockClient(bc, NULL);
        return REDISMODULE_OK;
    }
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

/* ---- values: their word is the callback that crashes ------------------------------------------- */

static void *value_load(RedisModuleIO *io, int encver) {
    (void)encver;
    char *word = RedisModule_LoadStringBuffer(io, NULL);
    if (word && strcmp(word, "load") == 0) fault();
    return word;
}
static void value_save(RedisModuleIO *io, void *value) {
    if (strcmp(value, "save") == 0) fault();
    RedisModule_SaveStringBuffer(io, value, strlen(value) + 1);
}
static void value_free(void *value) {
    if (strcmp(value, "free") == 0) fault();
    RedisModule_Free(value);
}
static void value_rewrite(RedisModuleIO *io, RedisModuleString *key, void *value) {
    if (strcmp(value, "rewrite") == 0) fault();
    RedisModule_EmitAOF(io, "RC.SET", "sc", key, value);
}

static int set(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc < 2) return RedisModule_WrongArity(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_WRITE);
    RedisModule_ModuleTypeSetValue(
        key, type, RedisModule_Strdup(argc > 2 ? RedisModule_StringPtrLen(argv[2], NULL) : "fine"));
    RedisModule_CloseKey(key);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

/* ---- misbehaviour ------------------------------------------------------------------------------ */

static int replies(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long n;
    if (argc != 2 || RedisModule_StringToLongLong(argv[1], &n)) return RedisModule_WrongArity(ctx);
    for (long long i = 0; i < n; i++) RedisModule_ReplyWithLongLong(ctx, i);
    return REDISMODULE_OK;
}

static int left(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    if (is(argv[1], "array")) return RedisModule_ReplyWithArray(ctx, 3);
    if (is(argv[1], "postponed")) {
        RedisModule_ReplyWithArray(ctx, REDISMODULE_POSTPONED_LEN);
        return RedisModule_ReplyWithLongLong(ctx, 1);
    }
    if (is(argv[1], "key")) RedisModule_OpenKey(ctx, argv[1], REDISMODULE_WRITE);
    if (is(argv[1], "newline")) return RedisModule_ReplyWithError(ctx, "ERR two\r\n+lines");
    if (is(argv[1], "text")) return RedisModule_ReplyWithSimpleString(ctx, "two\r\n+lines");
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static int open_key(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_KeyType(key));
    RedisModule_CloseKey(key);
    return 17; /* is looked at by nobody */
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);
__attribute__((visibility("default")))
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    RedisModuleTypeMethods methods = {.version = REDISMODULE_TYPE_METHOD_VERSION,
                                      .rdb_load = value_load, .rdb_save = value_save,
                                      .free = value_free, .aof_rewrite = value_rewrite};
    if (RedisModule_Init(ctx, "rm_crash", 7, REDISMODULE_APIVER_1)) return REDISMODULE_ERR;
    if (argc && is(argv[0], "fault")) fault();
    (*(int (**)(const char *, void *))ctx)("RedisModule_ReadMind", &missing);
    type = RedisModule_CreateDataType(ctx, "rm-crash_", 0, &methods);
    RedisModule_RegisterInfoFunc(ctx, on_info);
    if (!type || RedisModule_CreateCommand(ctx, "rc.now", now, "", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "rc.later", later, "", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "rc.set", set, "write", 1, 1, 1) ||
        RedisModule_CreateCommand(ctx, "rc.replies", replies, "", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "rc.left", left, "", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "rc.key", open_key, "", 0, 0, 0)) {
        return REDISMODULE_ERR;
    }
    return REDISMODULE_OK;
}
