/* rm_reply.c - every kind of reply, and strings made of everything that strings can be made of.
 *
 *     rep.with KIND [arg]      one reply of this kind
 *     rep.string KIND arg      a string made of the argument
 *     rep.parse KIND arg       the argument as a number of a kind
 *     rep.misc                 what else strings can do */
#include <errno.h>
#include <redismodule.h>
#include <stdlib.h>
#include <string.h>

static void postponed(RedisModuleCtx *ctx) {
    RedisModule_ReplyWithArray(ctx, REDISMODULE_POSTPONED_LEN);
    RedisModule_ReplyWithMap(ctx, REDISMODULE_POSTPONED_LEN);
    RedisModule_ReplyWithCString(ctx, "k");
    RedisModule_ReplyWithSet(ctx, REDISMODULE_POSTPONED_LEN);
    RedisModule_ReplyWithLongLong(ctx, 1);
    RedisModule_ReplyWithLongLong(ctx, 2);
    RedisModule_ReplySetSetLength(ctx, 2);
    RedisModule_ReplySetMapLength(ctx, 1);
    RedisModule_ReplyWithNull(ctx);
    RedisModule_ReplySetArrayLength(ctx, 2);
}

static int with_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc < 2) return RedisModule_WrongArity(ctx);
    const char *kind = RedisModule_StringPtrLen(argv[1], NULL);
    size_t len = 0;
    const char *text = argc > 2 ? RedisModule_StringPtrLen(argv[2], &len) : "";
    int result = -1;
    if (!strcmp(kind, "array")) {
        result = RedisModule_ReplyWithArray(ctx, 2);
        RedisModule_ReplyWithNullArray(ctx);
        RedisModule_ReplyWithEmptyArray(ctx);
    } else if (!strcmp(kind, "map")) {
        result = RedisModule_ReplyWithMap(ctx, 2);
        RedisModule_ReplyWithCString(ctx, "a");
        RedisModule_ReplyWithBool(ctx, 1);
        RedisModule_ReplyWithEmptyString(ctx);
        RedisModule_ReplyWithBool(ctx, 0);
    } else if (!strcmp(kind, "set")) {
        result = RedisModule_ReplyWithSet(ctx, 1);
        RedisModule_ReplyWithStringBuffer(ctx, text, len);
    } else if (!strcmp(kind, "attribute")) {
        result = RedisModule_ReplyWithAttribute(ctx, 1);
        if (result == REDISMODULE_OK) {
            RedisModule_ReplyWithCString(ctx, "name");
            RedisModule_ReplyWithLongLong(ctx, 7);
        }
        RedisModule_ReplyWithSimpleString(ctx, "value");
    } else if (!strcmp(kind, "postponed")) {
        postponed(ctx);
        return REDISMODULE_OK;
    } else if (!strcmp(kind, "push")) {
        RedisModule_ReplyWithArray(ctx, REDISMODULE_POSTPONED_LEN);
        RedisModule_ReplyWithLongLong(ctx, 1);
        RedisModule_ReplyWithLongLong(ctx, 2);
        RedisModule_ReplySetPushLength(ctx, 2);
        return REDISMODULE_OK;
    } else if (!strcmp(kind, "misuse")) { /* nothing is postponed: that is logged */
        RedisModule_ReplySetPushLength(ctx, 2);
        return RedisModule_ReplyWithSimpleString(ctx, "OK");
    } else if (!strcmp(kind, "postponed-attribute")) {
        if (RedisModule_ReplyWithAttribute(ctx, REDISMODULE_POSTPONED_LEN) == REDISMODULE_OK) {
            RedisModule_ReplyWithCString(ctx, "name");
            RedisModule_ReplyWithLongLong(ctx, 7);
            RedisModule_ReplySetAttributeLength(ctx, 1);
        }
        return RedisModule_ReplyWithSimpleString(ctx, "value");
    } else if (!strcmp(kind, "error")) {
        return RedisModule_ReplyWithError(ctx, text);
    } else if (!strcmp(kind, "error-format")) {
        if (!RMAPI_FUNC_SUPPORTED(RedisModule_ReplyWithErrorFormat)) {
            return RedisModule_ReplyWithSimpleString(ctx, "not supported");
        }
        return RedisModule_ReplyWithErrorFormat(ctx, "CODE of %s is %d", text, 5);
    } else if (!strcmp(kind, "verbatim")) {
        result = RedisModule_ReplyWithVerbatimString(ctx, text, len);
    } else if (!strcmp(kind, "markdown")) {
        result = RedisModule_ReplyWithVerbatimStringType(ctx, text, len, "mkd");
    } else if (!strcmp(kind, "big")) {
        result = RedisModule_ReplyWithBigNumber(ctx, text, len);
    } else if (!strcmp(kind, "long-double")) {
        result = RedisModule_ReplyWithLongDouble(ctx, strtold(text, NULL));
    } else if (!strcmp(kind, "double")) {
        result = RedisModule_ReplyWithDouble(ctx, strtod(text, NULL));
    }
    return result == REDISMODULE_OK ? REDISMODULE_OK : RedisModule_ReplyWithLongLong(ctx, result);
}

static int string_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    const char *kind = RedisModule_StringPtrLen(argv[1], NULL);
    size_t len;
    const char *text = RedisModule_StringPtrLen(argv[2], &len);
    RedisModuleStreamID id;
    RedisModuleString *s = NULL;
    if (!strcmp(kind, "int")) s = RedisModule_CreateStringFromLongLong(ctx, strtoll(text, NULL, 10));
    else if (!strcmp(kind, "uint") && RMAPI_FUNC_SUPPORTED(RedisModule_CreateStringFromULongLong)) {
        s = RedisModule_CreateStringFromULongLong(ctx, strtoull(text, NULL, 10));
    } else if (!strcmp(kind, "double")) {
        s = RedisModule_CreateStringFromDouble(ctx, strtod(text, NULL));
    } else if (!strcmp(kind, "long-double")) {
        s = RedisModule_CreateStringFromLongDouble(ctx, strtold(text, NULL), 0);
    } else if (!strcmp(kind, "human")) {
        s = RedisModule_CreateStringFromLongDouble(ctx, strtold(text, NULL), 1);
    } else if (!strcmp(kind, "stream-id")) {
        if (RedisModule_StringToStreamID(argv[2], &id) == REDISMODULE_OK) {
            s = RedisModule_CreateStringFromStreamID(ctx, &id);
        }
    } else if (!strcmp(kind, "copy")) {
        s = RedisModule_CreateStringFromString(ctx, argv[2]);
    } else if (!strcmp(kind, "printf")) {
        s = RedisModule_CreateStringPrintf(ctx, "%s-%d-%.2f", text, 42, 1.5);
    } else if (!strcmp(kind, "append")) {
        s = RedisModule_CreateString(ctx, "begins:", 7);
        for (int i = 0; i < 3; i++) RedisModule_StringAppendBuffer(ctx, s, text, len);
        RedisModule_TrimStringAllocation(s);
    }
    return s ? RedisModule_ReplyWithString(ctx, s) : RedisModule_ReplyWithNull(ctx);
}

static int parse_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    const char *kind = RedisModule_StringPtrLen(argv[1], NULL);
    long long v = -77;
    unsigned long long u = 77;
    double d = -77;
    long double ld = -77;
    int result = -1;
    RedisModule_ReplyWithArray(ctx, 2);
    if (!strcmp(kind, "int")) result = RedisModule_StringToLongLong(argv[2], &v);
    if (!strcmp(kind, "uint") && RMAPI_FUNC_SUPPORTED(RedisModule_StringToULongLong)) {
        result = RedisModule_StringToULongLong(argv[2], &u);
    }
    if (!strcmp(kind, "double")) result = RedisModule_StringToDouble(argv[2], &d);
    if (!strcmp(kind, "long-double")) result = RedisModule_StringToLongDouble(argv[2], &ld);
    RedisModule_ReplyWithLongLong(ctx, result);
    char text[128];
    snprintf(text, sizeof(text), "%lld %llu %.17g %.17Lg", v, u, d, ld);
    return RedisModule_ReplyWithCString(ctx, result == REDISMODULE_OK ? text : "");
}

static RedisModuleString *held;

/* What is kept outlives its command; a shared string is not appended to. */
static int misc_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    RedisModule_ReplyWithArray(ctx, 6);
    if (held) RedisModule_ReplyWithString(ctx, held);
    else RedisModule_ReplyWithNull(ctx);
    if (held) RedisModule_FreeString(NULL, held);
    held = RedisModule_HoldString(NULL, argv[1]);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_StringCompare(argv[1], argv[2]));
    RedisModule_ReplyWithLongLong(ctx, RedisModule_StringCompare(argv[1], held));
    RedisModuleString *own = RedisModule_CreateString(NULL, "own", 3);
    RedisModule_RetainString(NULL, own);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_StringAppendBuffer(NULL, own, "x", 1));
    RedisModule_FreeString(NULL, own);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_StringAppendBuffer(NULL, own, "x", 1));
    RedisModule_ReplyWithString(ctx, own);
    RedisModule_FreeString(NULL, own);
    return REDISMODULE_OK;
}

int RedisModule_OnUnload(RedisModuleCtx *ctx);
__attribute__((visibility("default"))) int RedisModule_OnUnload(RedisModuleCtx *ctx) {
    REDISMODULE_NOT_USED(ctx);
    if (held) RedisModule_FreeString(NULL, held);
    held = NULL;
    return REDISMODULE_OK;
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);
__attribute__((visibility("default")))
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    if (RedisModule_Init(ctx, "rm_reply", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) return 1;
    if (RedisModule_CreateCommand(ctx, "rep.with", with_command, "", 0, 0, 0)) return 1;
    if (RedisModule_CreateCommand(ctx, "rep.string", string_command, "", 0, 0, 0)) return 1;
    if (RedisModule_CreateCommand(ctx, "rep.parse", parse_command, "", 0, 0, 0)) return 1;
    return RedisModule_CreateCommand(ctx, "rep.misc", misc_command, "", 0, 0, 0);
}
