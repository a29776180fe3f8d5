/* rm_server.c - what a module asks of its server: memory, clocks, versions, random bytes, cluster, shared
 * functions, its log, commands and their keys and channels. */
#include <errno.h>
#include <redismodule.h>
#include <stdlib.h>
#include <string.h>

static void number(RedisModuleCtx *ctx, long long v) {
    RedisModule_ReplyWithLongLong(ctx, v);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int usable(void *block, size_t at_least) {
    if (!block) return 0;
    size_t size = RedisModule_MallocSize(block);
    memset(block, 7, at_least);
    return size >= at_least && size < at_least * 2 + 64;
}

/* 1 for everything that is as it should be. */
static int memory_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argc);
    char *a = RedisModule_Alloc(100), *b = RedisModule_Calloc(10, 10), *c = RedisModule_TryAlloc(100);
    int zero = 1;
    for (int i = 0; i < 100; i++) zero &= b[i] == 0;
    RedisModule_ReplyWithArray(ctx, 15);
    number(ctx, usable(a, 100));
    number(ctx, usable(b, 100) && zero);
    number(ctx, usable(c, 100));
    a = RedisModule_Realloc(a, 5000);
    number(ctx, usable(a, 5000) && a[50] == 7);
    number(ctx, RedisModule_TryAlloc((size_t)1 << 60) == NULL);
    if (RMAPI_FUNC_SUPPORTED(RedisModule_TryCalloc)) {
        b = RedisModule_TryRealloc(b, 3000);
        char *d = RedisModule_TryCalloc(5, 100);
        number(ctx, usable(b, 3000) && usable(d, 500));
        number(ctx, RedisModule_TryRealloc(d, (size_t)1 << 60) == NULL && d[499] == 7);
        number(ctx, RedisModule_TryCalloc((size_t)1 << 40, (size_t)1 << 20) == NULL);
        RedisModule_Free(d);
    } else {
        for (int i = 0; i < 3; i++) number(ctx, 1);
    }
    number(ctx, !RMAPI_FUNC_SUPPORTED(RedisModule_MallocUsableSize) ||
                    RedisModule_MallocUsableSize(c) >= 100);
    RedisModule_Free(a);
    RedisModule_Free(b);
    RedisModule_Free(c);
    char *d = RedisModule_Strdup("a copy");
    number(ctx, !strcmp(d, "a copy"));
    RedisModule_Free(d);
    size_t len;
    RedisModule_StringPtrLen(argv[0], &len);
    number(ctx, RedisModule_MallocSizeString(argv[0]) > len);
    RedisModuleDict *dict = RedisModule_CreateDict(ctx);
    size_t before = RedisModule_MallocSizeDict(dict);
    for (int i = 0; i < 100; i++) RedisModule_DictSetC(dict, &i, sizeof(i), NULL);
    number(ctx, RedisModule_MallocSizeDict(dict) > before);
    RedisModule_FreeDict(ctx, dict);
    char *pooled = RedisModule_PoolAlloc(ctx, 10), *large = RedisModule_PoolAlloc(ctx, 100000);
    memset(pooled, 1, 10);
    memset(large, 2, 100000);
    char *aligned = RedisModule_PoolAlloc(ctx, 64);
    number(ctx, pooled[9] == 1 && (uintptr_t)aligned % sizeof(void *) == 0);
    number(ctx, RedisModule_PoolAlloc(ctx, 0) == NULL);
    float ratio = RedisModule_GetUsedMemoryRatio();
    number(ctx, ratio >= 0 && ratio < 1);
    return REDISMODULE_OK;
}

/* ---- clocks, versions, randomness ------------------------------------------------------------- */

static int clocks_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    mstime_t ms = RedisModule_Milliseconds();
    uint64_t mono = RedisModule_MonotonicMicroseconds();
    RedisModule_ReplyWithArray(ctx, 4);
    number(ctx, ms > 1600000000000ll);
    number(ctx, RedisModule_MonotonicMicroseconds() >= mono);
    if (RMAPI_FUNC_SUPPORTED(RedisModule_Microseconds)) {
        ustime_t us = RedisModule_Microseconds(), cached = RedisModule_CachedMicroseconds();
        number(ctx, us / 1000 >= ms && us / 1000 - ms < 10000);
        number(ctx, cached <= us && us - cached < 10000000);
    } else {
        number(ctx, 1);
        number(ctx, 1);
    }
    return REDISMODULE_OK;
}

static int masks_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    static const RedisModuleEvent flush = {REDISMODULE_EVENT_FLUSHDB, 1}, none = {99, 1};
    static const RedisModuleEvent loading = {REDISMODULE_EVENT_LOADING, 1};
    RedisModule_ReplyWithArray(ctx, 6);
    number(ctx, RedisModule_IsSubEventSupported(flush, REDISMODULE_SUBEVENT_FLUSHDB_END));
    number(ctx, RedisModule_IsSubEventSupported(flush, 2));
    number(ctx, RedisModule_IsSubEventSupported(loading, REDISMODULE_SUBEVENT_LOADING_FAILED));
    number(ctx, RedisModule_IsSubEventSupported(none, 0));
    number(ctx, RedisModule_IsModuleNameBusy("rm_server"));
    number(ctx, RedisModule_IsModuleNameBusy("nobody"));
    return REDISMODULE_OK;
}

/* Those that grow with the version. */
static int versions_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    RedisModule_ReplyWithArray(ctx, 4);
    number(ctx, RedisModule_GetServerVersion());
    number(ctx, RedisModule_GetContextFlagsAll());
    number(ctx, RedisModule_GetKeyspaceNotificationFlagsAll());
    number(ctx, RMAPI_FUNC_SUPPORTED(RedisModule_GetModuleOptionsAll)
                    ? RedisModule_GetModuleOptionsAll() : -1);
    return REDISMODULE_OK;
}

static int random_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    unsigned char a[32] = {0}, b[32] = {0};
    char hex[41] = {0};
    RedisModule_GetRandomBytes(a, sizeof(a));
    RedisModule_GetRandomBytes(b, sizeof(b));
    RedisModule_GetRandomHexChars(hex, 40);
    RedisModule_ReplyWithArray(ctx, 2);
    number(ctx, memcmp(a, b, sizeof(a)) != 0);
    number(ctx, (long long)strspn(hex, "0123456789abcdef"));
    return REDISMODULE_OK;
}

/* ---- cluster ---------------------------------------------------------------------------------- */

static void message(RedisModuleCtx *ctx, const char *from, uint8_t type, const unsigned char *bytes,
                    uint32_t len) {
    REDISMODULE_NOT_USED(ctx);
    REDISMODULE_NOT_USED(from);
    REDISMODULE_NOT_USED(type);
    REDISMODULE_NOT_USED(bytes);
    REDISMODULE_NOT_USED(len);
}

static int cluster_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argc);
    size_t count = 99;
    char ip[64], primary[64];
    int port, flags;
    RedisModule_RegisterClusterMessageReceiver(ctx, 1, message);
    RedisModule_RegisterClusterMessageReceiver(ctx, 1, NULL);
    RedisModule_SetClusterFlags(ctx, REDISMODULE_CLUSTER_FLAG_NONE);
    RedisModule_ReplyWithArray(ctx, 7);
    number(ctx, RedisModule_SendClusterMessage(ctx, NULL, 1, "x", 1));
    char **nodes = RedisModule_GetClusterNodesList(ctx, &count);
    number(ctx, nodes == NULL);
    if (nodes) RedisModule_FreeClusterNodesList(nodes);
    number(ctx, RedisModule_GetMyClusterID() == NULL);
    number(ctx, (long long)RedisModule_GetClusterSize());
    number(ctx, RMAPI_FUNC_SUPPORTED(RedisModule_ClusterKeySlot)
                    ? RedisModule_ClusterKeySlot(argv[1]) : 12182); /* of "foo" */
    /* Some key with this tag lies in the slot. */
    if (RMAPI_FUNC_SUPPORTED(RedisModule_ClusterCanonicalKeyNameInSlot)) {
        const char *tag = RedisModule_ClusterCanonicalKeyNameInSlot(12182);
        RedisModuleString *s = RedisModule_CreateString(NULL, tag, strlen(tag));
        number(ctx, RedisModule_ClusterKeySlot(s) == 12182 &&
                        !RedisModule_ClusterCanonicalKeyNameInSlot(16384));
        RedisModule_FreeString(NULL, s);
    } else {
        number(ctx, 1);
    }
    /* The real server looks a node up only in a cluster. */
    number(ctx, RedisModule_GetMyClusterID()
                    ? RedisModule_GetClusterNodeInfo(ctx, "x", ip, primary, &port, &flags)
                    : REDISMODULE_ERR);
    return REDISMODULE_OK;
}

static int node_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    char ip[64], primary[64];
    int port, flags;
    REDISMODULE_NOT_USED(argc);
    const char *id = RedisModule_StringPtrLen(argv[1], NULL);
    number(ctx, RedisModule_GetClusterNodeInfo(ctx, id, ip, primary, &port, &flags));
    return REDISMODULE_OK;
}

/* ---- functions for others --------------------------------------------------------------------- */

static int twice(int v) {
    return v * 2;
}

static int share_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    union {
        void *pointer;
        int (*call)(int);
    } u = {.pointer = RedisModule_GetSharedAPI(ctx, "rm_server.twice")};
    RedisModule_ReplyWithArray(ctx, 3);
    number(ctx, u.pointer ? u.call(21) : -1);
    number(ctx, RedisModule_GetSharedAPI(ctx, "nobody.nothing") == NULL);
    u.call = twice;
    number(ctx, RedisModule_ExportSharedAPI(ctx, "rm_server.twice", u.pointer));
    return REDISMODULE_OK;
}

/* ---- log, latency ------------------------------------------------------------------------------ */

static int log_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    RedisModule_Log(ctx, RedisModule_StringPtrLen(argv[1], NULL), "said %s %d",
                    RedisModule_StringPtrLen(argv[2], NULL), 5);
    RedisModule_LatencyAddSample("rm-server-event", 321);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static int assert_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    RedisModule_Assert(1 + 1 == 2);
    RedisModule__Assert("the sky is green", "rm_server.c", 123);
    return RedisModule_ReplyWithSimpleString(ctx, "never");
}

/* ---- commands, keys, channels ------------------------------------------------------------------ */

static int keys_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    int count = -5;
    if (argc < 2) return RedisModule_WrongArity(ctx);
    errno = 0;
    int *keys = RedisModule_GetCommandKeys(ctx, argv + 1, argc - 1, &count);
    int error = errno;
    RedisModule_ReplyWithArray(ctx, 2);
    number(ctx, error);
    RedisModule_ReplyWithArray(ctx, keys ? count : 0);
    for (int i = 0; keys && i < count; i++) number(ctx, keys[i]);
    RedisModule_Free(keys);
    return REDISMODULE_OK;
}

/* 7.0 has no flags for most. */
static int key_flags_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    int count = -5, *flags = NULL;
    if (argc < 2) return RedisModule_WrongArity(ctx);
    int *keys = RedisModule_GetCommandKeysWithFlags(ctx, argv + 1, argc - 1, &count, &flags);
    RedisModule_ReplyWithArray(ctx, keys ? count : 0);
    for (int i = 0; keys && i < count; i++) number(ctx, flags[i]);
    RedisModule_Free(keys);
    RedisModule_Free(keys ? flags : NULL);
    return REDISMODULE_OK;
}

/* srv.channels publish|subscribe|leave channel ... */
static int channels_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (RedisModule_IsChannelsPositionRequest(ctx)) {
        const char *how = argc > 1 ? RedisModule_StringPtrLen(argv[1], NULL) : "";
        int flags = !strcmp(how, "publish")     ? REDISMODULE_CMD_CHANNEL_PUBLISH
                    : !strcmp(how, "subscribe") ? REDISMODULE_CMD_CHANNEL_SUBSCRIBE
                    : !strcmp(how, "pattern") ? REDISMODULE_CMD_CHANNEL_SUBSCRIBE |
                                                    REDISMODULE_CMD_CHANNEL_PATTERN
                                                : REDISMODULE_CMD_CHANNEL_UNSUBSCRIBE;
        for (int i = 2; i < argc; i++) RedisModule_ChannelAtPosWithFlags(ctx, i, flags);
        return REDISMODULE_OK;
    }
    return RedisModule_ReplyWithLongLong(ctx, argc - 2);
}

/* srv.secret word: what nobody may show. */
static int secret_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    RedisModule_ReplyWithArray(ctx, 3);
    number(ctx, RedisModule_RedactClientCommandArgument(ctx, 1));
    number(ctx, RedisModule_RedactClientCommandArgument(ctx, argc));
    number(ctx, RedisModule_RedactClientCommandArgument(ctx, 0));
    return REDISMODULE_OK;
}

static int shard_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    return RedisModule_ReplyWithLongLong(ctx, RedisModule_PublishMessageShard(ctx, argv[1], argv[2]));
}

static int close_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long id;
    if (argc != 2 || RedisModule_StringToLongLong(argv[1], &id)) return RedisModule_WrongArity(ctx);
    return RedisModule_ReplyWithLongLong(ctx,
                                         RedisModule_DeauthenticateAndCloseClient(ctx, (uint64_t)id));
}

/* ---- INFO: a string field ---------------------------------------------------------------------- */

static void info(RedisModuleInfoCtx *ctx, int for_crash) {
    REDISMODULE_NOT_USED(for_crash);
    RedisModuleString *s = RedisModule_CreateString(NULL, "of a string", 11);
    RedisModule_InfoAddSection(ctx, "strings");
    RedisModule_InfoAddFieldString(ctx, "field", s);
    RedisModule_FreeString(NULL, s);
}

/* ---- dictionaries: what rm_scan.c leaves ------------------------------------------------------- */

static int dict_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    RedisModuleDict *d = RedisModule_CreateDict(NULL);
    int none = -1, there = -1;
    RedisModule_ReplyWithArray(ctx, 8);
    number(ctx, RedisModule_DictReplaceC(d, "b", 1, "first"));
    number(ctx, RedisModule_DictReplaceC(d, "b", 1, "second"));
    RedisModule_ReplyWithCString(ctx, RedisModule_DictGetC(d, "b", 1, &there));
    RedisModule_DictGetC(d, "c", 1, &none);
    number(ctx, there * 10 + none);
    RedisModuleDictIter *it = RedisModule_DictIteratorStartC(d, "^", NULL, 0);
    size_t len;
    RedisModule_DictNextC(it, &len, NULL);
    static const char *const ops[] = {"==", ">", "<", ">="};
    for (int i = 0; i < 4; i++) number(ctx, RedisModule_DictCompareC(it, ops[i], "b", 1));
    RedisModule_DictIteratorStop(it);
    RedisModule_FreeDict(NULL, d);
    return REDISMODULE_OK;
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
    } commands[] = {
        {"srv.memory", memory_command, "readonly"},   {"srv.clocks", clocks_command, "readonly"},
        {"srv.masks", masks_command, "readonly"},     {"srv.versions", versions_command, "readonly"},
        {"srv.random", random_command, "readonly"},   {"srv.cluster", cluster_command, "readonly"},
        {"srv.node", node_command, "readonly"},       {"srv.share", share_command, "readonly"},
        {"srv.log", log_command, "readonly"},         {"srv.assert", assert_command, "readonly"},
        {"srv.keys", keys_command, "readonly"},       {"srv.keyflags", key_flags_command, "readonly"}, {"srv.secret", secret_command, ""},
        {"srv.channels", channels_command, "getchannels-api"},
        {"srv.shard", shard_command, ""},             {"srv.close", close_command, ""},
        {"srv.dict", dict_command, ""},
    };
    union {
        void *pointer;
        int (*call)(int);
    } u = {.call = twice};
    if (RedisModule_Init(ctx, "rm_server", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) return 1;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (RedisModule_CreateCommand(ctx, commands[i].name, commands[i].call, commands[i].flags, 0, 0, 0)) {
            return REDISMODULE_ERR;
        }
    }
    RedisModule_RegisterInfoFunc(ctx, info);
    RedisModule_SetModuleOptions(ctx, REDISMODULE_OPTIONS_HANDLE_IO_ERRORS);
    return RedisModule_ExportSharedAPI(ctx, "rm_server.twice", u.pointer);
}
