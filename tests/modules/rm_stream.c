/* rm_stream.c - streams and ordered dictionaries of the Redis module ABI, a command a function, so
 * that tests drive them word by word. Errors are replied as "result errno". */
#include <errno.h>
#include <redismodule.h>
#include <string.h>

static int reply_result(RedisModuleCtx *ctx, long long result, int failed) {
    int why = errno;
    RedisModule_ReplyWithArray(ctx, 2);
    RedisModule_ReplyWithLongLong(ctx, result);
    return RedisModule_ReplyWithLongLong(ctx, failed ? why : 0);
}

/* stream.add key flags id|- [field value ...] */
static int stream_add(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc < 4) return RedisModule_WrongArity(ctx);
    long long flags;
    RedisModuleStreamID id = {0, 0}, *given = &id;
    RedisModule_StringToLongLong(argv[2], &flags);
    size_t len;
    if (strcmp(RedisModule_StringPtrLen(argv[3], &len), "-") == 0) given = NULL;
    if (given && RedisModule_StringToStreamID(argv[3], &id) != REDISMODULE_OK) {
        return RedisModule_ReplyWithError(ctx, "ERR not an id");
    }
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ | REDISMODULE_WRITE);
    errno = 0;
    int result = RedisModule_StreamAdd(key, (int)flags, given, argv + 4, (argc - 4) / 2);
    int why = errno;
    RedisModule_CloseKey(key);
    RedisModule_ReplyWithArray(ctx, 3);
    RedisModule_ReplyWithLongLong(ctx, result);
    RedisModule_ReplyWithLongLong(ctx, result ? why : 0);
    if (!given || flags) return RedisModule_ReplyWithNull(ctx);
    RedisModuleString *text = RedisModule_CreateStringFromStreamID(ctx, &id);
    RedisModule_ReplyWithString(ctx, text);
    RedisModule_FreeString(ctx, text);
    return REDISMODULE_OK;
}

/* stream.del key id */
static int stream_del(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    RedisModuleStreamID id;
    if (argc != 3) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    RedisModule_StringToStreamID(argv[2], &id);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ | REDISMODULE_WRITE);
    int result = RedisModule_StreamDelete(key, &id);
    return reply_result(ctx, result, result);
}

/* stream.trim key LEN flags length | stream.trim key ID flags id */
static int stream_trim(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long flags, length, result;
    RedisModuleStreamID id;
    if (argc != 5) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    RedisModule_StringToLongLong(argv[3], &flags);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ | REDISMODULE_WRITE);
    if (*RedisModule_StringPtrLen(argv[2], NULL) == 'I') {
        RedisModule_StringToStreamID(argv[4], &id);
        result = RedisModule_StreamTrimByID(key, (int)flags, &id);
    } else {
        RedisModule_StringToLongLong(argv[4], &length);
        result = RedisModule_StreamTrimByLength(key, (int)flags, length);
    }
    return reply_result(ctx, result, result < 0);
}

/* stream.range key flags start|- end|- [doomed-id ...]: all entries, deleting the doomed ones. */
static int stream_range(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long flags;
    RedisModuleStreamID ids[2], *given[2] = {NULL, NULL}, id;
    if (argc < 5) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    RedisModule_StringToLongLong(argv[2], &flags);
    for (int i = 0; i < 2; i++) {
        if (RedisModule_StringToStreamID(argv[3 + i], &ids[i]) == REDISMODULE_OK) given[i] = &ids[i];
    }
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ | REDISMODULE_WRITE);
    int result = RedisModule_StreamIteratorStart(key, (int)flags, given[0], given[1]);
    if (result != REDISMODULE_OK) return reply_result(ctx, result, 1);
    long entries = 0, pairs;
    RedisModule_ReplyWithArray(ctx, REDISMODULE_POSTPONED_LEN);
    while (RedisModule_StreamIteratorNextID(key, &id, &pairs) == REDISMODULE_OK) {
        RedisModuleString *field, *value, *text = RedisModule_CreateStringFromStreamID(ctx, &id);
        int deleted = -1;
        RedisModule_ReplyWithArray(ctx, 2 + pairs * 2 + 1);
        RedisModule_ReplyWithString(ctx, text);
        RedisModule_ReplyWithLongLong(ctx, pairs);
        while (RedisModule_StreamIteratorNextField(key, &field, &value) == REDISMODULE_OK) {
            RedisModule_ReplyWithString(ctx, field);
            RedisModule_ReplyWithString(ctx, value);
        }
        for (int i = 5; i < argc; i++) {
            if (RedisModule_StringCompare(argv[i], text) == 0) {
                deleted = RedisModule_StreamIteratorDelete(key);
                deleted = deleted * 100 + RedisModule_StreamIteratorDelete(key) * 10;
            }
        }
        RedisModule_ReplyWithLongLong(ctx, deleted);
        entries++;
    }
    RedisModule_ReplyWithLongLong(ctx, errno);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_StreamIteratorStop(key));
    int twice = RedisModule_StreamIteratorStop(key);
    RedisModule_ReplyWithLongLong(ctx, twice * 1000 + errno);
    RedisModule_ReplySetArrayLength(ctx, entries + 3);
    return REDISMODULE_OK;
}

/* stream.misuse key: what is refused before and during a walk, read-only or with wrong arguments. */
static int stream_misuse(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ);
    RedisModuleStreamID id = {1, 1}, top = {UINT64_MAX, UINT64_MAX}, zero = {0, 0};
    RedisModuleString *word[2] = {argv[1], argv[1]};
    long n = 0;
    RedisModule_ReplyWithArray(ctx, REDISMODULE_POSTPONED_LEN);
#define TELL(call)                                                                                 \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long long result = (call);                                                                 \
        RedisModule_ReplyWithLongLong(ctx, result * 1000 + (result ? errno : 0));                  \
        n++;                                                                                       \
    } while (0)
    TELL(RedisModule_StreamAdd(key, REDISMODULE_STREAM_ADD_AUTOID, NULL, word, 1));
    TELL(RedisModule_StreamAdd(key, 8, &id, word, 1));
    TELL(RedisModule_StreamAdd(key, 0, NULL, word, 1));
    TELL(RedisModule_StreamAdd(key, 0, &id, NULL, 1));
    TELL(RedisModule_StreamAdd(NULL, 0, &id, word, 1));
    TELL(RedisModule_StreamDelete(key, &id));
    TELL(RedisModule_StreamDelete(key, NULL));
    TELL(RedisModule_StreamTrimByLength(key, 0, -1));
    TELL(RedisModule_StreamTrimByLength(key, 0, 1));
    TELL(RedisModule_StreamTrimByLength(key, 2, 1));
    TELL(RedisModule_StreamTrimByID(key, 0, NULL));
    TELL(RedisModule_StreamTrimByID(key, 0, &id));
    TELL(RedisModule_StreamIteratorNextID(key, &id, NULL));
    TELL(RedisModule_StreamIteratorNextField(key, NULL, NULL));
    TELL(RedisModule_StreamIteratorDelete(key));
    TELL(RedisModule_StreamIteratorStop(NULL));
    TELL(RedisModule_StreamIteratorStart(NULL, 0, NULL, NULL));
    TELL(RedisModule_StreamIteratorStart(key, 8, NULL, NULL));
    TELL(RedisModule_StreamIteratorStart(key, 1, &top, NULL));
    TELL(RedisModule_StreamIteratorStart(key, 1, NULL, &zero));
    TELL(RedisModule_StreamIteratorStart(key, 0, NULL, NULL));
    TELL(RedisModule_StreamIteratorStart(key, 0, NULL, NULL));
    TELL(RedisModule_StreamIteratorNextField(key, NULL, NULL));
    TELL(RedisModule_StreamIteratorNextID(key, NULL, NULL));
    TELL(RedisModule_StreamIteratorNextField(key, NULL, NULL));
    TELL(RedisModule_StreamIteratorDelete(key));
    RedisModule_CloseKey(key);
    RedisModule_ReplySetArrayLength(ctx, n);
    return REDISMODULE_OK;
}

/* ---- dictionaries ---------------------------------------------------------------------------- */

static void dict_pair(RedisModuleCtx *ctx, RedisModuleString *key, void *value) {
    RedisModule_ReplyWithString(ctx, key);
    RedisModule_ReplyWithLongLong(ctx, (long long)(intptr_t)value);
}

/* dict.run word ...: a dictionary, built and looked at word by word.
 *   set K V | replace K V | get K | del K | size | next OP K | prev OP K | compare OP K OP2 K2
 *   reseek OP K OP2 K2 | grow OP K: deletes what it stands on and adds behind it while it walks */
static int dict_run(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    RedisModule_AutoMemory(ctx);
    RedisModuleDict *d = RedisModule_CreateDict(ctx);
    long n = 0;
    RedisModule_ReplyWithArray(ctx, REDISMODULE_POSTPONED_LEN);
    for (int i = 1; i < argc; i++) {
        const char *word = RedisModule_StringPtrLen(argv[i], NULL);
        long long v = 0;
        void *old = NULL;
        int missing = 7;
        if (i + 2 < argc && strcmp(word, "set") == 0) {
            RedisModule_StringToLongLong(argv[i + 2], &v);
            RedisModule_ReplyWithLongLong(ctx, RedisModule_DictSet(d, argv[i + 1], (void *)(intptr_t)v));
            i += 2, n++;
        } else if (i + 2 < argc && strcmp(word, "replace") == 0) {
            RedisModule_StringToLongLong(argv[i + 2], &v);
            RedisModule_ReplyWithLongLong(ctx, RedisModule_DictReplace(d, argv[i + 1], (void *)(intptr_t)v));
            i += 2, n++;
        } else if (i + 1 < argc && strcmp(word, "get") == 0) {
            v = (long long)(intptr_t)RedisModule_DictGet(d, argv[i + 1], &missing);
            RedisModule_ReplyWithLongLong(ctx, v * 10 + missing);
            i++, n++;
        } else if (i + 1 < argc && strcmp(word, "del") == 0) {
            int result = RedisModule_DictDel(d, argv[i + 1], &old);
            RedisModule_ReplyWithLongLong(ctx, (long long)(intptr_t)old * 10 + result);
            i++, n++;
        } else if (strcmp(word, "size") == 0) {
            RedisModule_ReplyWithLongLong(ctx, (long long)RedisModule_DictSize(d));
            n++;
        } else if (i + 2 < argc && (strcmp(word, "next") == 0 || strcmp(word, "prev") == 0)) {
            RedisModuleDictIter *it = RedisModule_DictIteratorStart(
                d, RedisModule_StringPtrLen(argv[i + 1], NULL), argv[i + 2]);
            RedisModuleString *key;
            while ((key = *word == 'n' ? RedisModule_DictNext(ctx, it, &old)
                                       : RedisModule_DictPrev(ctx, it, &old))) {
                dict_pair(ctx, key, old);
                n += 2;
            }
            key = *word == 'n' ? RedisModule_DictPrev(ctx, it, &old) : RedisModule_DictNext(ctx, it, &old);
            RedisModule_ReplyWithLongLong(ctx, key != NULL);
            RedisModule_DictIteratorStop(it);
            i += 2, n++;
        } else if (i + 4 < argc && strcmp(word, "compare") == 0) {
            RedisModuleDictIter *it = RedisModule_DictIteratorStart(
                d, RedisModule_StringPtrLen(argv[i + 1], NULL), argv[i + 2]);
            RedisModule_ReplyWithLongLong(
                ctx, RedisModule_DictCompare(it, RedisModule_StringPtrLen(argv[i + 3], NULL), argv[i + 4]));
            RedisModule_DictIteratorStop(it);
            i += 4, n++;
        } else if (i + 4 < argc && strcmp(word, "reseek") == 0) {
            RedisModuleDictIter *it = RedisModule_DictIteratorStart(
                d, RedisModule_StringPtrLen(argv[i + 1], NULL), argv[i + 2]);
            RedisModule_DictNext(ctx, it, NULL);
            RedisModule_DictNext(ctx, it, NULL);
            int result = RedisModule_DictIteratorReseek(
                it, RedisModule_StringPtrLen(argv[i + 3], NULL), argv[i + 4]);
            size_t len = 0;
            char *key = RedisModule_DictNextC(it, &len, &old);
            RedisModule_ReplyWithLongLong(ctx, result);
            RedisModule_ReplyWithStringBuffer(ctx, key ? key : "(none)", key ? len : 6);
            RedisModule_DictIteratorStop(it);
            i += 4, n += 2;
        } else {
            RedisModule_ReplyWithError(ctx, "ERR which word?");
            n++;
            break;
        }
    }
    RedisModule_ReplySetArrayLength(ctx, n);
    return REDISMODULE_OK;
}

/* dict.churn count: many keys, a walk that deletes every third through a new seek, a check of what is
 * left, and memory that was taken and given back. */
static int dict_churn(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long count;
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModule_StringToLongLong(argv[1], &count);
    RedisModuleDict *d = RedisModule_CreateDict(NULL);
    char name[32];
    for (long long i = 0; i < count; i++) {
        int len = snprintf(name, sizeof(name), "key:%lld", i * 7919 % count);
        RedisModule_DictSetC(d, name, (size_t)len, (void *)(intptr_t)(i + 1));
    }
    long long left = 0, gone = 0, sum = 0;
    size_t len;
    void *value;
    RedisModuleDictIter *it = RedisModule_DictIteratorStartC(d, "^", NULL, 0);
    for (char *key; (key = RedisModule_DictNextC(it, &len, &value));) {
        if ((intptr_t)value % 3) continue;
        char copy[32];
        memcpy(copy, key, len);
        RedisModule_DictDelC(d, copy, len, NULL);
        RedisModule_DictIteratorReseekC(it, ">", copy, len);
        gone++;
    }
    RedisModule_DictIteratorReseekC(it, "$", NULL, 0);
    while (RedisModule_DictPrevC(it, NULL, &value)) left++, sum += (intptr_t)value;
    RedisModule_DictIteratorStop(it);
    RedisModule_ReplyWithArray(ctx, 4);
    RedisModule_ReplyWithLongLong(ctx, left);
    RedisModule_ReplyWithLongLong(ctx, gone);
    RedisModule_ReplyWithLongLong(ctx, sum);
    RedisModule_ReplyWithLongLong(ctx, (long long)RedisModule_DictSize(d));
    RedisModule_FreeDict(NULL, d);
    return REDISMODULE_OK;
}

__attribute__((visibility("default"))) int RedisModule_OnLoad(RedisModuleCtx *ctx,
                                                              RedisModuleString **argv, int argc);
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    if (RedisModule_Init(ctx, "rm_stream", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) return 1;
    int failed = RedisModule_CreateCommand(ctx, "stream.add", stream_add, "write", 1, 1, 1);
    failed |= RedisModule_CreateCommand(ctx, "stream.del", stream_del, "write", 1, 1, 1);
    failed |= RedisModule_CreateCommand(ctx, "stream.trim", stream_trim, "write", 1, 1, 1);
    failed |= RedisModule_CreateCommand(ctx, "stream.range", stream_range, "write", 1, 1, 1);
    failed |= RedisModule_CreateCommand(ctx, "stream.misuse", stream_misuse, "readonly", 1, 1, 1);
    failed |= RedisModule_CreateCommand(ctx, "dict.run", dict_run, "readonly", 0, 0, 0);
    failed |= RedisModule_CreateCommand(ctx, "dict.churn", dict_churn, "readonly", 0, 0, 0);
    return failed;
}
