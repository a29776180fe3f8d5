/* rm_frame.c - what outlives a callback of a Redis module and what does not: arguments that are kept or
 * changed, key handles closed in any order or not at all, calls inside calls.
 *
 *     frame.keep word ...      keeps its words; opens keys of these names meanwhile
 *     frame.kept               the words kept so far
 *     frame.drop               gives them back
 *     frame.append word tail   the word with the tail, changed in place
 *     frame.shuffle word ...   exchanges the pointers that it was shown
 *     frame.keys ORDER key ... sets keys through handles that stay open, closed as ORDER says
 *     frame.deep n word        calls itself n times, and answers with all words of all levels
 *     frame.auto word ...      the same things left to automatic memory */
#include <redismodule.h>
#include <string.h>

enum { KEPT = 256, HANDLES = 80 };
static RedisModuleString *kept[KEPT];
static int kept_count;

static int keep(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    for (int i = 1; i < argc && kept_count < KEPT; i++) {
        RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[i], REDISMODULE_READ | REDISMODULE_WRITE);
        RedisModule_RetainString(ctx, argv[i]);
        kept[kept_count++] = argv[i];
        RedisModule_CloseKey(key);
        key = RedisModule_OpenKey(ctx, argv[i], REDISMODULE_READ);
        if (key) RedisModule_CloseKey(key);
    }
    return RedisModule_ReplyWithLongLong(ctx, kept_count);
}

static int show(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    RedisModule_ReplyWithArray(ctx, kept_count);
    for (int i = 0; i < kept_count; i++) RedisModule_ReplyWithString(ctx, kept[i]);
    return REDISMODULE_OK;
}

static int drop(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    int n = kept_count;
    for (; kept_count; kept_count--) {
        RedisModule_FreeString(kept_count % 2 ? ctx : NULL, kept[kept_count - 1]);
    }
    return RedisModule_ReplyWithLongLong(ctx, n);
}

static int append(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    size_t len;
    const char *tail = RedisModule_StringPtrLen(argv[2], &len);
    int result = RedisModule_StringAppendBuffer(ctx, argv[1], tail, len);
    RedisModule_ReplyWithArray(ctx, 2);
    RedisModule_ReplyWithLongLong(ctx, result);
    return RedisModule_ReplyWithString(ctx, argv[1]);
}

static int shuffle(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    for (int i = 0; i < argc / 2; i++) {
        RedisModuleString *s = argv[i];
        argv[i] = argv[argc - 1 - i];
        argv[argc - 1 - i] = s;
    }
    RedisModule_ReplyWithArray(ctx, argc);
    for (int i = 0; i < argc; i++) RedisModule_ReplyWithString(ctx, argv[i]);
    return REDISMODULE_OK;
}

/* Letters: f first, l last, m middle of those still open; o opens one again; c makes a name. */
static int keys(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    RedisModuleKey *open[HANDLES];
    int n = 0;
    if (argc < 3 || argc > HANDLES / 2) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    for (int i = 2; i < argc; i++) {
        open[n] = RedisModule_OpenKey(ctx, argv[i], REDISMODULE_READ | REDISMODULE_WRITE);
        RedisModule_StringSet(open[n++], argv[i]);
    }
    for (const char *p = RedisModule_StringPtrLen(argv[1], NULL); *p; p++) {
        if ((*p == 'o' || *p == 'c') && n < HANDLES) {
            RedisModuleString *name = argv[2];
            if (*p == 'c') name = RedisModule_CreateStringPrintf(ctx, "made%d", n);
            open[n] = RedisModule_OpenKey(ctx, name, REDISMODULE_READ | REDISMODULE_WRITE);
            RedisModule_StringSet(open[n++], name);
        } else if (n) {
            int at = *p == 'f' ? 0 : *p == 'l' ? n - 1 : n / 2;
            RedisModule_CloseKey(open[at]);
            memmove(open + at, open + at + 1, (size_t)(n - at - 1) * sizeof(open[0]));
            n--;
        }
    }
    RedisModule_ReplyWithArray(ctx, n * 2);
    for (int i = 0; i < n; i++) {
        size_t len;
        char *bytes = RedisModule_StringDMA(open[i], &len, REDISMODULE_READ);
        RedisModule_ReplyWithString(ctx, (RedisModuleString *)RedisModule_GetKeyNameFromModuleKey(open[i]));
        RedisModule_ReplyWithStringBuffer(ctx, bytes, len);
    }
    return REDISMODULE_OK; /* what is still open ends with the callback */
}

static int deep(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long n;
    if (argc != 3 || RedisModule_StringToLongLong(argv[1], &n) != REDISMODULE_OK) {
        return RedisModule_WrongArity(ctx);
    }
    RedisModuleCallReply *inner = NULL;
    RedisModuleString *less = RedisModule_CreateStringFromLongLong(ctx, n - 1);
    RedisModuleString *word = RedisModule_CreateStringPrintf(ctx, "%s.", RedisModule_StringPtrLen(argv[2], NULL));
    if (n > 0) inner = RedisModule_Call(ctx, "frame.deep", "ss", less, word);
    RedisModule_ReplyWithArray(ctx, REDISMODULE_POSTPONED_LEN);
    RedisModule_ReplyWithString(ctx, argv[2]);
    if (inner) RedisModule_ReplyWithCallReply(ctx, inner);
    RedisModule_ReplySetArrayLength(ctx, inner ? 2 : 1);
    if (inner) RedisModule_FreeCallReply(inner);
    RedisModule_FreeString(ctx, less);
    RedisModule_FreeString(ctx, word);
    return REDISMODULE_OK;
}

static int automatic(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    RedisModule_AutoMemory(ctx);
    RedisModule_ReplyWithArray(ctx, argc - 1);
    for (int i = 1; i < argc; i++) {
        RedisModuleString *copy = RedisModule_CreateStringFromString(ctx, argv[i]);
        char *room = RedisModule_PoolAlloc(ctx, 16);
        room[0] = 'x';
        RedisModule_OpenKey(ctx, copy, REDISMODULE_READ);
        RedisModuleString *held = RedisModule_HoldString(ctx, argv[i]);
        RedisModuleCallReply *reply = RedisModule_Call(ctx, "echo", "s", held);
        RedisModuleString *said = RedisModule_CreateStringFromCallReply(reply);
        RedisModule_ReplyWithString(ctx, i % 2 ? said : copy);
        if (i % 3 == 0) RedisModule_FreeCallReply(reply);
        if (i % 5 == 0) RedisModule_FreeString(ctx, copy);
    }
    return REDISMODULE_OK;
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);
__attribute__((visibility("default")))
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    if (RedisModule_Init(ctx, "rm_frame", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR ||
        RedisModule_CreateCommand(ctx, "frame.keep", keep, "write", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "frame.kept", show, "readonly", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "frame.drop", drop, "readonly", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "frame.append", append, "readonly", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "frame.shuffle", shuffle, "readonly", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "frame.keys", keys, "write", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "frame.deep", deep, "readonly", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "frame.auto", automatic, "readonly", 0, 0, 0)) {
        return REDISMODULE_ERR;
    }
    return REDISMODULE_OK;
}
