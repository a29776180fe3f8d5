/* rm_value.c - values of the server's own types through key handles: every function of strings, lists,
 * hashes, sorted sets and of keys themselves, each with what it answers and what it leaves in errno.
 *
 *     val.key KEY MODE op ...      expire, idle times, existence
 *     val.string KEY MODE op ...
 *     val.list KEY MODE op ...
 *     val.hash KEY MODE op ...
 *     val.zset KEY MODE op ...
 *
 * MODE is r, w or rw; several operations run on one handle, each answering with an array. */
#include <errno.h>
#include <redismodule.h>
#include <stdlib.h>
#include <string.h>

typedef struct Run {
    RedisModuleCtx *ctx;
    RedisModuleKey *key;
    RedisModuleString **argv;
    int argc, at;
    long done;
} Run;

static const char *word(Run *r) {
    return r->at < r->argc ? RedisModule_StringPtrLen(r->argv[r->at++], NULL) : "";
}
static RedisModuleString *string(Run *r) {
    return r->argv[r->at < r->argc ? r->at++ : r->argc - 1];
}
static long long number(Run *r) {
    long long v = 0;
    RedisModule_StringToLongLong(string(r), &v);
    return v;
}
static double score(Run *r) {
    const char *text = word(r);
    if (!strcmp(text, "-inf")) return REDISMODULE_NEGATIVE_INFINITE;
    if (!strcmp(text, "+inf")) return REDISMODULE_POSITIVE_INFINITE;
    return strtod(text, NULL);
}

/* An answer is what was returned and errno, and more where there is more. */
static void answer(Run *r, long long result, int more) {
    int error = errno;
    r->done++;
    RedisModule_ReplyWithArray(r->ctx, 2 + more);
    RedisModule_ReplyWithLongLong(r->ctx, result);
    RedisModule_ReplyWithLongLong(r->ctx, error);
}
static void reply_string(Run *r, RedisModuleString *s) {
    if (!s) {
        RedisModule_ReplyWithNull(r->ctx);
        return;
    }
    RedisModule_ReplyWithString(r->ctx, s);
    RedisModule_FreeString(r->ctx, s);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static int key_op(Run *r, const char *op) {
    mstime_t ms;
    long long freq;
    if (!strcmp(op, "type")) answer(r, RedisModule_KeyType(r->key), 0);
    else if (!strcmp(op, "length")) answer(r, (long long)RedisModule_ValueLength(r->key), 0);
    else if (!strcmp(op, "exists")) answer(r, RedisModule_KeyExists(r->ctx, string(r)), 0);
    else if (!strcmp(op, "db")) answer(r, RedisModule_GetDbIdFromModuleKey(r->key), 0);
    else if (!strcmp(op, "delete")) answer(r, RedisModule_DeleteKey(r->key), 0);
    else if (!strcmp(op, "unlink")) answer(r, RedisModule_UnlinkKey(r->key), 0);
    else if (!strcmp(op, "expire")) {
        ms = RedisModule_GetExpire(r->key);
        answer(r, ms == REDISMODULE_NO_EXPIRE ? -1 : ms > 0 && ms <= 1000000, 0);
    } else if (!strcmp(op, "absexpire")) {
        answer(r, RedisModule_GetAbsExpire(r->key), 0);
    } else if (!strcmp(op, "setexpire")) {
        answer(r, RedisModule_SetExpire(r->key, number(r)), 0);
    } else if (!strcmp(op, "setabsexpire")) {
        answer(r, RedisModule_SetAbsExpire(r->key, number(r)), 0);
    } else if (!strcmp(op, "lru")) {
        int result = RedisModule_GetLRU(r->key, &ms);
        answer(r, result, 1);
        RedisModule_ReplyWithLongLong(r->ctx, result == REDISMODULE_OK ? ms / 10000 : -2);
    } else if (!strcmp(op, "setlru")) {
        answer(r, RedisModule_SetLRU(r->key, number(r)), 0);
    } else if (!strcmp(op, "lfu")) {
        int result = RedisModule_GetLFU(r->key, &freq);
        answer(r, result, 1);
        RedisModule_ReplyWithLongLong(r->ctx, result == REDISMODULE_OK ? freq : -2);
    } else if (!strcmp(op, "setlfu")) {
        answer(r, RedisModule_SetLFU(r->key, number(r)), 0);
    } else if (!strcmp(op, "signal")) {
        answer(r, RedisModule_SignalModifiedKey(r->ctx, string(r)), 0);
    } else {
        return 0;
    }
    return 1;
}

/* ---- strings --------------------------------------------------------------------------------- */

static int string_op(Run *r, const char *op) {
    size_t len = 0;
    if (!strcmp(op, "set")) answer(r, RedisModule_StringSet(r->key, string(r)), 0);
    else if (!strcmp(op, "truncate")) {
        answer(r, RedisModule_StringTruncate(r->key, (size_t)number(r)), 0);
    } else if (!strcmp(op, "read")) {
        char *bytes = RedisModule_StringDMA(r->key, &len, REDISMODULE_READ);
        answer(r, bytes != NULL, 1);
        RedisModule_ReplyWithStringBuffer(r->ctx, bytes ? bytes : "", bytes ? len : 0);
    } else if (!strcmp(op, "write")) { /* letter at position */
        long long position = number(r);
        const char *letter = word(r);
        char *bytes = RedisModule_StringDMA(r->key, &len, REDISMODULE_WRITE);
        if (bytes && (size_t)position < len) bytes[position] = *letter;
        answer(r, bytes != NULL, 0);
    } else {
        return 0;
    }
    return 1;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static int list_op(Run *r, const char *op) {
    int end = op[0] == 'l' ? REDISMODULE_LIST_HEAD : REDISMODULE_LIST_TAIL;
    errno = 0;
    if (!strcmp(op, "lpush") || !strcmp(op, "rpush")) {
        answer(r, RedisModule_ListPush(r->key, end, string(r)), 0);
    } else if (!strcmp(op, "lpop") || !strcmp(op, "rpop")) {
        RedisModuleString *s = RedisModule_ListPop(r->key, end);
        answer(r, s != NULL, 1);
        reply_string(r, s);
    } else if (!strcmp(op, "get")) {
        RedisModuleString *s = RedisModule_ListGet(r->key, (long)number(r));
        answer(r, s != NULL, 1);
        reply_string(r, s);
    } else if (!strcmp(op, "set")) {
        long at = (long)number(r);
        answer(r, RedisModule_ListSet(r->key, at, string(r)), 0);
    } else if (!strcmp(op, "insert")) {
        long at = (long)number(r);
        answer(r, RedisModule_ListInsert(r->key, at, string(r)), 0);
    } else if (!strcmp(op, "del")) {
        answer(r, RedisModule_ListDelete(r->key, (long)number(r)), 0);
    } else {
        return 0;
    }
    return 1;
}

/* ---- hashes ---------------------------------------------------------------------------------- */

static int hash_flags(const char *letters) {
    int flags = 0;
    for (; *letters; letters++) {
        if (*letters == 'n') flags |= REDISMODULE_HASH_NX;
        if (*letters == 'x') flags |= REDISMODULE_HASH_XX;
        if (*letters == 'c') flags |= REDISMODULE_HASH_CFIELDS;
        if (*letters == 'a') flags |= REDISMODULE_HASH_COUNT_ALL;
        if (*letters == 'e') flags |= REDISMODULE_HASH_EXISTS;
        if (*letters == 'b') flags |= 1 << 20;
    }
    return flags;
}

/* set FLAGS f v f v: two at once; a value "(del)" deletes. */
static int hash_op(Run *r, const char *op) {
    errno = 0;
    if (!strcmp(op, "set")) {
        int flags = hash_flags(word(r));
        RedisModuleString *f[2], *v[2];
        for (int i = 0; i < 2; i++) {
            f[i] = string(r);
            v[i] = string(r);
            if (!strcmp(RedisModule_StringPtrLen(v[i], NULL), "(del)")) v[i] = REDISMODULE_HASH_DELETE;
        }
        int result = flags & REDISMODULE_HASH_CFIELDS
                         ? RedisModule_HashSet(r->key, flags, RedisModule_StringPtrLen(f[0], NULL),
                                               v[0], RedisModule_StringPtrLen(f[1], NULL), v[1], NULL)
                         : RedisModule_HashSet(r->key, flags, f[0], v[0], f[1], v[1], NULL);
        answer(r, result, 0);
    } else if (!strcmp(op, "get")) {
        int flags = hash_flags(word(r)), there[2] = {-1, -1};
        RedisModuleString *f[2], *v[2] = {NULL, NULL};
        f[0] = string(r);
        f[1] = string(r);
        void *out[2] = {&v[0], &v[1]};
        if (flags & REDISMODULE_HASH_EXISTS) out[0] = &there[0], out[1] = &there[1];
        int result = flags & REDISMODULE_HASH_CFIELDS
                         ? RedisModule_HashGet(r->key, flags, RedisModule_StringPtrLen(f[0], NULL),
                                               out[0], RedisModule_StringPtrLen(f[1], NULL), out[1],
                                               NULL)
                         : RedisModule_HashGet(r->key, flags, f[0], out[0], f[1], out[1], NULL);
        answer(r, result, 4);
        RedisModule_ReplyWithLongLong(r->ctx, there[0]);
        RedisModule_ReplyWithLongLong(r->ctx, there[1]);
        reply_string(r, v[0]);
        reply_string(r, v[1]);
    } else {
        return 0;
    }
    return 1;
}

/* ---- sorted sets ----------------------------------------------------------------------------- */

static int zadd_flags(const char *letters) {
    int flags = 0;
    for (; *letters; letters++) {
        if (*letters == 'x') flags |= REDISMODULE_ZADD_XX;
        if (*letters == 'n') flags |= REDISMODULE_ZADD_NX;
        if (*letters == 'g') flags |= REDISMODULE_ZADD_GT;
        if (*letters == 'l') flags |= REDISMODULE_ZADD_LT;
    }
    return flags;
}

/* Walks from where a range begins, `forward` or back, to its end. */
static void walk(Run *r, int began, int forward) {
    long n = 0;
    answer(r, began, 1);
    RedisModule_ReplyWithArray(r->ctx, REDISMODULE_POSTPONED_LEN);
    while (began == REDISMODULE_OK && !RedisModule_ZsetRangeEndReached(r->key)) {
        double v;
        RedisModuleString *element = RedisModule_ZsetRangeCurrentElement(r->key, &v);
        reply_string(r, element);
        RedisModule_ReplyWithDouble(r->ctx, v);
        n += 2;
        if (forward) RedisModule_ZsetRangeNext(r->key);
        else RedisModule_ZsetRangePrev(r->key);
    }
    RedisModule_ReplyWithLongLong(r->ctx, forward ? RedisModule_ZsetRangeNext(r->key)
                                                  : RedisModule_ZsetRangePrev(r->key));
    RedisModule_ReplySetArrayLength(r->ctx, n + 1);
    RedisModule_ZsetRangeStop(r->key);
}

static int zset_op(Run *r, const char *op) {
    double v = 0;
    int flags;
    if (!strcmp(op, "add")) {
        flags = zadd_flags(word(r));
        v = score(r);
        int result = RedisModule_ZsetAdd(r->key, v, string(r), &flags);
        answer(r, result, 1);
        RedisModule_ReplyWithLongLong(r->ctx, flags);
    } else if (!strcmp(op, "incr")) {
        flags = zadd_flags(word(r));
        double by = score(r);
        int result = RedisModule_ZsetIncrby(r->key, by, string(r), &flags, &v);
        answer(r, result, 2);
        RedisModule_ReplyWithLongLong(r->ctx, result == REDISMODULE_OK ? flags : -1);
        RedisModule_ReplyWithDouble(r->ctx, v);
    } else if (!strcmp(op, "score")) {
        int result = RedisModule_ZsetScore(r->key, string(r), &v);
        answer(r, result, 1);
        RedisModule_ReplyWithDouble(r->ctx, v);
    } else if (!strcmp(op, "rem")) {
        int gone = -1;
        int result = RedisModule_ZsetRem(r->key, string(r), &gone);
        answer(r, result, 1);
        RedisModule_ReplyWithLongLong(r->ctx, gone);
    } else if (!strcmp(op, "first") || !strcmp(op, "last")) {
        double min = score(r), max = score(r);
        int min_out = (int)number(r), max_out = (int)number(r);
        if (op[0] == 'f') {
            walk(r, RedisModule_ZsetFirstInScoreRange(r->key, min, max, min_out, max_out), 1);
        } else {
            walk(r, RedisModule_ZsetLastInScoreRange(r->key, min, max, min_out, max_out), 0);
        }
    } else if (!strcmp(op, "lexfirst")) {
        RedisModuleString *min = string(r);
        walk(r, RedisModule_ZsetFirstInLexRange(r->key, min, string(r)), 1);
    } else if (!strcmp(op, "lexlast")) {
        RedisModuleString *min = string(r);
        walk(r, RedisModule_ZsetLastInLexRange(r->key, min, string(r)), 0);
    } else {
        return 0;
    }
    return 1;
}

/* ---- commands -------------------------------------------------------------------------------- */

static int operate(RedisModuleCtx *ctx, RedisModuleString **argv, int argc,
                   int (*one)(Run *, const char *)) {
    if (argc < 4) return RedisModule_WrongArity(ctx);
    const char *letters = RedisModule_StringPtrLen(argv[2], NULL);
    int mode = 0;
    if (strchr(letters, 'r')) mode |= REDISMODULE_READ;
    if (strchr(letters, 'w')) mode |= REDISMODULE_WRITE;
    Run r = {.ctx = ctx, .argv = argv, .argc = argc, .at = 3};
    r.key = RedisModule_OpenKey(ctx, argv[1], mode);
    if (!r.key) { /* few functions take no key for an answer */
        RedisModule_ReplyWithArray(ctx, 2);
        RedisModule_ReplyWithLongLong(ctx, RedisModule_KeyType(r.key));
        RedisModule_CloseKey(r.key);
        return RedisModule_ReplyWithLongLong(ctx, (long long)RedisModule_ValueLength(r.key));
    }
    RedisModule_ReplyWithArray(ctx, REDISMODULE_POSTPONED_LEN);
    while (r.at < argc) {
        const char *op = word(&r);
        errno = 0;
        if (!one(&r, op) && !key_op(&r, op)) {
            RedisModule_ReplyWithSimpleString(ctx, "what?");
            r.done++;
        }
    }
    RedisModule_ReplySetArrayLength(ctx, r.done);
    RedisModule_CloseKey(r.key);
    RedisModule_ReplicateVerbatim(ctx);
    return REDISMODULE_OK;
}

static int key_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    return operate(ctx, argv, argc, key_op);
}
static int string_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    return operate(ctx, argv, argc, string_op);
}
static int list_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    return operate(ctx, argv, argc, list_op);
}
static int hash_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    return operate(ctx, argv, argc, hash_op);
}
static int zset_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    return operate(ctx, argv, argc, zset_op);
}

/* val.modes: the masks of what the server knows. */
static int modes_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    RedisModule_ReplyWithArray(ctx, 2);
    RedisModule_ReplyWithLongLong(ctx, RMAPI_FUNC_SUPPORTED(RedisModule_GetOpenKeyModesAll)
                                           ? RedisModule_GetOpenKeyModesAll() : -1);
    return RedisModule_ReplyWithLongLong(ctx, RedisModule_GetTypeMethodVersion());
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);
__attribute__((visibility("default")))
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    static const struct {
        const char *name;
        RedisModuleCmdFunc call;
    } commands[] = {{"val.key", key_command},   {"val.string", string_command},
                    {"val.list", list_command}, {"val.hash", hash_command},
                    {"val.zset", zset_command}};
    if (RedisModule_Init(ctx, "rm_value", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) return 1;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (RedisModule_CreateCommand(ctx, commands[i].name, commands[i].call, "write deny-oom", 1, 1, 1)) {
            return REDISMODULE_ERR;
        }
    }
    return RedisModule_CreateCommand(ctx, "val.modes", modes_command, "readonly", 0, 0, 0);
}
