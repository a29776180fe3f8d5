/* rm_scan.c - walks over keys and elements, and databases, through the Redis module ABI. */
#include <errno.h>
#include <redismodule.h>

typedef struct Walk {
    RedisModuleCtx *ctx;
    long count;
    int delete;
} Walk;

static void key_seen(RedisModuleCtx *ctx, RedisModuleString *name, RedisModuleKey *key, void *data) {
    Walk *walk = data;
    RedisModule_ReplyWithArray(ctx, 3);
    RedisModule_ReplyWithString(ctx, name);
    RedisModule_ReplyWithLongLong(ctx, key ? RedisModule_KeyType(key) : -1);
    RedisModule_ReplyWithLongLong(ctx, key ? (long long)RedisModule_ValueLength(key) : -1);
    walk->count++;
    if (!walk->delete) return;
    RedisModuleKey *again = RedisModule_OpenKey(ctx, name, REDISMODULE_WRITE);
    RedisModule_DeleteKey(again);
    RedisModule_CloseKey(again);
}

/* scan.keys [delete]: all keys of the database, each deleted as it is seen. */
static int scan_keys(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    Walk walk = {ctx, 0, argc > 1};
    RedisModuleScanCursor *cursor = RedisModule_ScanCursorCreate();
    RedisModule_ReplyWithArray(ctx, REDISMODULE_POSTPONED_LEN);
    while (RedisModule_Scan(ctx, cursor, key_seen, &walk)) continue;
    RedisModule_ReplySetArrayLength(ctx, walk.count);
    RedisModule_ScanCursorDestroy(cursor);
    return REDISMODULE_OK;
}

static void element_seen(RedisModuleKey *key, RedisModuleString *field, RedisModuleString *value,
                         void *data) {
    Walk *walk = data;
    (void)key;
    RedisModule_ReplyWithArray(walk->ctx, 2);
    RedisModule_ReplyWithString(walk->ctx, field);
    if (value) {
        RedisModule_ReplyWithString(walk->ctx, value);
    } else {
        RedisModule_ReplyWithNull(walk->ctx);
    }
    walk->count++;
}

/* scan.key key: its elements; then what the end, a restart and errors give. */
static int scan_key(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    Walk walk = {ctx, 0, 0};
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ);
    RedisModuleScanCursor *cursor = RedisModule_ScanCursorCreate();
    RedisModule_ReplyWithArray(ctx, 2);
    RedisModule_ReplyWithArray(ctx, REDISMODULE_POSTPONED_LEN);
    errno = 0;
    while (RedisModule_ScanKey(key, cursor, element_seen, &walk)) continue;
    int first = errno;
    RedisModule_ReplySetArrayLength(ctx, walk.count);
    int again = RedisModule_ScanKey(key, cursor, element_seen, &walk);
    int second = errno;
    RedisModule_ReplyWithArray(ctx, 3);
    RedisModule_ReplyWithLongLong(ctx, first);
    RedisModule_ReplyWithLongLong(ctx, again);
    RedisModule_ReplyWithLongLong(ctx, second);
    RedisModule_ScanCursorRestart(cursor);
    RedisModule_ScanCursorDestroy(cursor);
    RedisModule_CloseKey(key);
    return REDISMODULE_OK;
}

/* scan.dbs index: what selecting it does, and how many keys there are. */
static int dbs(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long index;
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModule_StringToLongLong(argv[1], &index);
    RedisModule_ReplyWithArray(ctx, 5);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_GetSelectedDb(ctx));
    RedisModule_ReplyWithLongLong(ctx, RedisModule_SelectDb(ctx, (int)index));
    RedisModule_ReplyWithLongLong(ctx, RedisModule_GetSelectedDb(ctx));
    RedisModule_ReplyWithLongLong(ctx, (long long)RedisModule_DbSize(ctx));
    RedisModuleString *name = RedisModule_RandomKey(ctx);
    if (!name) return RedisModule_ReplyWithNull(ctx);
    RedisModule_ReplyWithString(ctx, name);
    RedisModule_FreeString(ctx, name);
    return REDISMODULE_OK;
}

static int reset(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    RedisModule_ResetDataset(0, argc > 1);
    return RedisModule_ReplyWithLongLong(ctx, (long long)RedisModule_DbSize(ctx));
}

__attribute__((visibility("default"))) int RedisModule_OnLoad(RedisModuleCtx *ctx,
                                                              RedisModuleString **argv, int argc);
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    if (RedisModule_Init(ctx, "rm_scan", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) return 1;
    return RedisModule_CreateCommand(ctx, "scan.keys", scan_keys, "write", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "scan.key", scan_key, "readonly", 1, 1, 1) ||
           RedisModule_CreateCommand(ctx, "scan.dbs", dbs, "readonly", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "scan.reset", reset, "write", 0, 0, 0);
}
