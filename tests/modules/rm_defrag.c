/* rm_defrag.c - active defragmentation in the Redis module ABI: the type "rm-frag--" is an array of
 * blocks and strings, whose callback moves all of it, or so many at a time; and there are strings
 * that belong to no key. frag.told gives what the callbacks saw, and empties it. */
#include <redismodule.h>
#include <string.h>

typedef struct Frag {
    size_t count, step, effort; /* step: blocks of one call; 0: until it is told to stop */
    size_t size;
    unsigned char **blocks;
    RedisModuleString **names;  /* as many */
} Frag;

enum { GLOBALS = 100 };

static RedisModuleType *frag_type, *still_type;
static RedisModuleString *globals[GLOBALS], *shared;
static struct {
    long long at_once, parts, starts, stops, moved, strings, globals, begins, ends, wrong;
} told;

static unsigned char pattern(size_t block, size_t byte) {
    return (unsigned char)(block * 31 + byte * 7 + 1);
}

static Frag *frag_new(size_t count, size_t size) {
    Frag *f = RedisModule_Calloc(1, sizeof(*f));
    f->count = count;
    f->size = size;
    f->blocks = RedisModule_Alloc(count * sizeof(*f->blocks) + 1);
    f->names = RedisModule_Alloc(count * sizeof(*f->names) + 1);
    for (size_t i = 0; i < count; i++) {
        f->blocks[i] = RedisModule_Alloc(size);
        for (size_t b = 0; b < size; b++) f->blocks[i][b] = pattern(i, b);
        f->names[i] = RedisModule_CreateStringPrintf(NULL, "name %zu", i);
        if (i % 3 == 1) RedisModule_StringAppendBuffer(NULL, f->names[i], " and more", 9);
    }
    return f;
}

static void frag_free(void *value) {
    Frag *f = value;
    for (size_t i = 0; i < f->count; i++) {
        RedisModule_Free(f->blocks[i]);
        RedisModule_FreeString(NULL, f->names[i]);
    }
    RedisModule_Free(f->blocks);
    RedisModule_Free(f->names);
    RedisModule_Free(f);
}

static size_t frag_effort(RedisModuleString *key, const void *value) {
    (void)key;
    return ((const Frag *)value)->effort;
}

/* How many blocks and names are not what they should be. */
static long long damaged(const Frag *f) {
    long long n = 0;
    for (size_t i = 0; i < f->count; i++) {
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "name %zu%s", i, i % 3 == 1 ? " and more" : "");
        n += strcmp(RedisModule_StringPtrLen(f->names[i], NULL), wanted) != 0;
        for (size_t b = 0; b < f->size; b++) n += f->blocks[i][b] != pattern(i, b);
    }
    return n;
}

static void *moved(RedisModuleDefragCtx *ctx, void *block) {
    void *now = RedisModule_DefragAlloc(ctx, block);
    if (now) told.moved++;
    return now ? now : block;
}

static RedisModuleString *moved_string(RedisModuleDefragCtx *ctx, RedisModuleString *s) {
    RedisModuleString *now = RedisModule_DefragRedisModuleString(ctx, s);
    if (now) told.strings++;
    return now ? now : s;
}

/* Keys are named after their database: "9:..." */
static void check_key(RedisModuleDefragCtx *ctx, RedisModuleString *key) {
    const RedisModuleString *same = RedisModule_GetKeyNameFromDefragCtx(ctx);
    const char *name = RedisModule_StringPtrLen(key, NULL);
    if (!same || strcmp(RedisModule_StringPtrLen(same, NULL), name) != 0) told.wrong++;
    if (RedisModule_GetDbIdFromDefragCtx(ctx) != name[0] - '0') told.wrong++;
}

static int frag_defrag(RedisModuleDefragCtx *ctx, RedisModuleString *key, void **value) {
    Frag *f = *value;
    unsigned long from = 0;
    int in_parts = RedisModule_DefragCursorGet(ctx, &from) == REDISMODULE_OK;
    check_key(ctx, key);
    if (in_parts) told.parts++;
    else told.at_once++;
    if (from > f->count) {
        told.wrong++;
        from = 0;
    }
    if (from == 0) {
        told.starts++;
        *value = f = moved(ctx, f);
        f->blocks = moved(ctx, f->blocks);
        f->names = moved(ctx, f->names);
    }
    size_t end = f->step && in_parts && from + f->step < f->count ? from + f->step : f->count;
    for (size_t i = from; i < end; i++) {
        f->blocks[i] = moved(ctx, f->blocks[i]);
        f->names[i] = moved_string(ctx, f->names[i]);
        if (i % 16 || !RedisModule_DefragShouldStop(ctx)) continue;
        if (!in_parts) told.wrong++;
        told.stops++;
        end = i + 1;
    }
    if (end == f->count) return 0;
    if (RedisModule_DefragCursorSet(ctx, end) != REDISMODULE_OK) told.wrong++;
    return 1;
}

/* Its callback wants to be called again, and says not from where. */
static int still_defrag(RedisModuleDefragCtx *ctx, RedisModuleString *key, void **value) {
    (void)key, (void)value;
    unsigned long cursor = 77;
    if (RedisModule_DefragCursorGet(ctx, &cursor) == REDISMODULE_OK) told.parts++;
    else told.at_once++;
    return 1;
}

static void global_defrag(RedisModuleDefragCtx *ctx) {
    unsigned long cursor;
    told.globals++;
    if (RedisModule_GetDbIdFromDefragCtx(ctx) != -1) told.wrong++;
    if (RedisModule_GetKeyNameFromDefragCtx(ctx)) told.wrong++;
    if (RedisModule_DefragCursorGet(ctx, &cursor) == REDISMODULE_OK) told.wrong++;
    if (RedisModule_DefragShouldStop(ctx)) told.wrong++;
    for (int i = 0; i < GLOBALS; i++) globals[i] = moved_string(ctx, globals[i]);
    if (RedisModule_DefragRedisModuleString(ctx, shared)) told.wrong++; /* two hold it */
}

static void defrag_begins(RedisModuleDefragCtx *ctx) {
    (void)ctx;
    told.begins++;
}
static void defrag_ends(RedisModuleDefragCtx *ctx) {
    void *raw = RedisModule_DefragAllocRaw(ctx, 100);
    memset(raw, 1, 100);
    RedisModule_DefragFreeRaw(ctx, raw);
    told.ends++;
}

/* ---- commands -------------------------------------------------------------------------------- */

/* frag.set key count size step effort ["still"] */
static int frag_set(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long n[4];
    if (argc < 6) return RedisModule_WrongArity(ctx);
    for (int i = 0; i < 4; i++) {
        if (RedisModule_StringToLongLong(argv[2 + i], &n[i]) != REDISMODULE_OK || n[i] < 0) {
            return RedisModule_ReplyWithError(ctx, "ERR numbers are wanted");
        }
    }
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_WRITE);
    Frag *f = frag_new((size_t)n[0], (size_t)n[1]);
    f->step = (size_t)n[2];
    f->effort = (size_t)n[3];
    RedisModule_ModuleTypeSetValue(key, argc > 6 ? still_type : frag_type, f);
    RedisModule_CloseKey(key);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static int frag_damaged(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ);
    if (!key) return RedisModule_ReplyWithNull(ctx);
    RedisModule_ReplyWithLongLong(ctx, damaged(RedisModule_ModuleTypeGetValue(key)));
    RedisModule_CloseKey(key);
    return REDISMODULE_OK;
}

static int frag_globals(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long wrong = 0;
    (void)argv, (void)argc;
    for (int i = 0; i < GLOBALS; i++) {
        long long v;
        wrong += RedisModule_StringToLongLong(globals[i], &v) != REDISMODULE_OK || v != i;
    }
    return RedisModule_ReplyWithLongLong(ctx, wrong);
}

static int frag_told(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv, (void)argc;
    const struct {
        const char *name;
        long long v;
    } rows[] = {{"at-once", told.at_once}, {"parts", told.parts}, {"starts", told.starts},
                {"stops", told.stops}, {"moved", told.moved}, {"strings", told.strings},
                {"globals", told.globals}, {"begins", told.begins}, {"ends", told.ends},
                {"wrong", told.wrong}};
    long n = sizeof(rows) / sizeof(rows[0]);
    RedisModule_ReplyWithArray(ctx, n * 2);
    for (long i = 0; i < n; i++) {
        RedisModule_ReplyWithCString(ctx, rows[i].name);
        RedisModule_ReplyWithLongLong(ctx, rows[i].v);
    }
    memset(&told, 0, sizeof(told));
    return REDISMODULE_OK;
}

__attribute__((visibility("default"))) int RedisModule_OnLoad(RedisModuleCtx *ctx,
                                                              RedisModuleString **argv, int argc);
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv, (void)argc;
    if (RedisModule_Init(ctx, "rm_defrag", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) {
        return REDISMODULE_ERR;
    }
    RedisModuleTypeMethods methods = {.version = REDISMODULE_TYPE_METHOD_VERSION,
                                      .free = frag_free, .free_effort = frag_effort,
                                      .defrag = frag_defrag};
    frag_type = RedisModule_CreateDataType(ctx, "rm-frag--", 0, &methods);
    methods.defrag = still_defrag;
    still_type = RedisModule_CreateDataType(ctx, "rm-still-", 0, &methods);
    for (int i = 0; i < GLOBALS; i++) globals[i] = RedisModule_CreateStringFromLongLong(NULL, i);
    shared = RedisModule_CreateString(NULL, "shared", 6);
    RedisModule_RetainString(NULL, shared);
    RedisModule_RegisterDefragFunc(ctx, global_defrag);
    if (RedisModule_RegisterDefragCallbacks) {
        RedisModule_RegisterDefragCallbacks(ctx, defrag_begins, defrag_ends);
    }
    return !frag_type || !still_type ||
           RedisModule_CreateCommand(ctx, "frag.set", frag_set, "write", 1, 1, 1) ||
           RedisModule_CreateCommand(ctx, "frag.damaged", frag_damaged, "readonly", 1, 1, 1) ||
           RedisModule_CreateCommand(ctx, "frag.globals", frag_globals, "", 0, 0, 0) ||
           RedisModule_CreateCommand(ctx, "frag.told", frag_told, "", 0, 0, 0);
}
