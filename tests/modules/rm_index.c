/* rm_index.c - a search index as modules build them: it follows the keyspace's notifications, answers
 * queries from a thread with a cursor, and rebuilds itself with a scan.
 *
 *     idx.create PREFIX FIELD        index hashes under PREFIX by the words of FIELD
 *     idx.find WORD [LIMIT n]        keys in order; a cursor when there are more
 *     idx.next CURSOR                the next keys
 *     idx.slow WORD                  the same from a thread, which takes the lock
 *     idx.rebuild                    forgets all and scans the keyspace
 *     idx.stats */
#include <ctype.h>
#include <pthread.h>
#include <redismodule.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 3 };

static char prefix[64], field[64];
static RedisModuleDict *words; /* "word\0key" -> nothing */
static RedisModuleDict *docs;  /* key -> its words, blanks between them */
static long long indexed, removed, queries;

/* ---- the index ------------------------------------------------------------------------------- */

static void each_word(const char *text, size_t len, const char *key, size_t key_len, int add) {
    char entry[512];
    for (size_t at = 0; at < len;) {
        size_t n = 0;
        while (at + n < len && isalnum((unsigned char)text[at + n])) n++;
        if (n && n + key_len + 1 < sizeof(entry)) {
            for (size_t i = 0; i < n; i++) entry[i] = (char)tolower((unsigned char)text[at + i]);
            entry[n] = '\0';
            memcpy(entry + n + 1, key, key_len);
            if (add) RedisModule_DictReplaceC(words, entry, n + 1 + key_len, NULL);
            else RedisModule_DictDelC(words, entry, n + 1 + key_len, NULL);
        }
        at += n ? n : 1;
    }
}

static void forget(const char *key, size_t len) {
    RedisModuleString *text = NULL;
    if (RedisModule_DictDelC(docs, (void *)(uintptr_t)key, len, &text) != REDISMODULE_OK) return;
    size_t n;
    const char *bytes = RedisModule_StringPtrLen(text, &n);
    each_word(bytes, n, key, len, 0);
    RedisModule_FreeString(NULL, text);
    removed++;
}

static void index_key(RedisModuleCtx *ctx, RedisModuleString *name) {
    size_t len, n;
    const char *key = RedisModule_StringPtrLen(name, &len);
    if (!*prefix || strncmp(key, prefix, strlen(prefix)) != 0) return;
    forget(key, len);
    /* 7.0 tells of a loaded key with a string that nobody may refer to. */
    RedisModuleString *copy = RedisModule_CreateStringFromString(NULL, name);
    RedisModuleKey *k = RedisModule_OpenKey(ctx, copy, REDISMODULE_READ);
    RedisModuleString *text = NULL;
    if (RedisModule_KeyType(k) == REDISMODULE_KEYTYPE_HASH) {
        RedisModule_HashGet(k, REDISMODULE_HASH_CFIELDS, field, &text, NULL);
    }
    RedisModule_CloseKey(k);
    RedisModule_FreeString(NULL, copy);
    if (!text) return;
    RedisModuleString *own = RedisModule_CreateStringFromString(NULL, text);
    RedisModule_FreeString(ctx, text);
    const char *bytes = RedisModule_StringPtrLen(own, &n);
    each_word(bytes, n, key, len, 1);
    RedisModule_DictSetC(docs, (void *)(uintptr_t)key, len, own);
    indexed++;
}

static void drop_all(void) {
    RedisModuleDictIter *it = RedisModule_DictIteratorStartC(docs, "^", NULL, 0);
    size_t len;
    void *text;
    while (RedisModule_DictNextC(it, &len, &text)) RedisModule_FreeString(NULL, text);
    RedisModule_DictIteratorStop(it);
    RedisModule_FreeDict(NULL, docs);
    RedisModule_FreeDict(NULL, words);
    docs = RedisModule_CreateDict(NULL);
    words = RedisModule_CreateDict(NULL);
}

static int on_key(RedisModuleCtx *ctx, int type, const char *event, RedisModuleString *key) {
    REDISMODULE_NOT_USED(type);
    REDISMODULE_NOT_USED(event);
    index_key(ctx, key);
    return REDISMODULE_OK;
}

static void on_flush(RedisModuleCtx *ctx, RedisModuleEvent e, uint64_t sub, void *data) {
    REDISMODULE_NOT_USED(ctx);
    REDISMODULE_NOT_USED(e);
    REDISMODULE_NOT_USED(data);
    if (sub == REDISMODULE_SUBEVENT_FLUSHDB_START) drop_all();
}

/* ---- queries ----------------------------------------------------------------------------------- */

/* Cursors by number: where the walk goes on. */
typedef struct Cursor {
    char from[512];
    size_t len, word_len;
} Cursor;
static RedisModuleDict *cursors;
static uint64_t last_cursor;

/* Replies with keys of the word from `from` on, and the number of a cursor for those that are left. */
static void reply_page(RedisModuleCtx *ctx, Cursor *c, long limit) {
    RedisModuleDictIter *it = RedisModule_DictIteratorStartC(words, ">", c->from, c->len);
    long n = 0;
    size_t len;
    uint64_t number = 0;
    char *entry;
    RedisModule_ReplyWithArray(ctx, 2);
    RedisModule_ReplyWithArray(ctx, REDISMODULE_POSTPONED_LEN);
    while ((entry = RedisModule_DictNextC(it, &len, NULL))) {
        if (len < c->word_len || memcmp(entry, c->from, c->word_len) != 0) break;
        if (n == limit) {
            number = ++last_cursor;
            break;
        }
        RedisModule_ReplyWithStringBuffer(ctx, entry + c->word_len, len - c->word_len);
        memcpy(c->from, entry, len);
        c->len = len;
        n++;
    }
    RedisModule_ReplySetArrayLength(ctx, n);
    RedisModule_ReplyWithLongLong(ctx, (long long)number);
    RedisModule_DictIteratorStop(it);
    if (!number) return;
    Cursor *kept = RedisModule_Alloc(sizeof(*kept));
    *kept = *c;
    RedisModule_DictSetC(cursors, &number, sizeof(number), kept);
}

static Cursor cursor_of(RedisModuleString *word) {
    Cursor c = {.len = 0};
    size_t len;
    const char *text = RedisModule_StringPtrLen(word, &len);
    if (len > 200) len = 200;
    for (size_t i = 0; i < len; i++) c.from[i] = (char)tolower((unsigned char)text[i]);
    c.len = c.word_len = len + 1;
    return c;
}

static int find_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long limit = PAGE;
    if (argc != 2 && argc != 4) return RedisModule_WrongArity(ctx);
    if (argc == 4 && (RedisModule_StringToLongLong(argv[3], &limit) != REDISMODULE_OK || limit < 1)) {
        return RedisModule_ReplyWithError(ctx, "ERR limit is not a positive number");
    }
    Cursor c = cursor_of(argv[1]);
    queries++;
    reply_page(ctx, &c, (long)limit);
    return REDISMODULE_OK;
}

static int next_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long number;
    Cursor *kept = NULL;
    if (argc != 2 || RedisModule_StringToLongLong(argv[1], &number) != REDISMODULE_OK) {
        return RedisModule_WrongArity(ctx);
    }
    uint64_t id = (uint64_t)number;
    if (RedisModule_DictDelC(cursors, &id, sizeof(id), &kept) != REDISMODULE_OK) {
        return RedisModule_ReplyWithError(ctx, "ERR no such cursor");
    }
    Cursor c = *kept;
    RedisModule_Free(kept);
    reply_page(ctx, &c, PAGE);
    return REDISMODULE_OK;
}

typedef struct Query {
    RedisModuleBlockedClient *bc;
    Cursor cursor;
} Query;

static void *slow_query(void *arg) {
    Query *q = arg;
    RedisModuleCtx *ctx = RedisModule_GetThreadSafeContext(q->bc);
    RedisModule_BlockedClientMeasureTimeStart(q->bc);
    RedisModule_ThreadSafeContextLock(ctx);
    queries++;
    reply_page(ctx, &q->cursor, 1000);
    RedisModule_ThreadSafeContextUnlock(ctx);
    RedisModule_BlockedClientMeasureTimeEnd(q->bc);
    RedisModule_FreeThreadSafeContext(ctx);
    RedisModule_UnblockClient(q->bc, q);
    return NULL;
}
static void query_free(RedisModuleCtx *ctx, void *data) {
    REDISMODULE_NOT_USED(ctx);
    RedisModule_Free(data);
}
static int slow_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    pthread_t thread;
    if (argc != 2) return RedisModule_WrongArity(ctx);
    if (RedisModule_GetContextFlags(ctx) & REDISMODULE_CTX_FLAGS_DENY_BLOCKING) {
        return find_command(ctx, argv, argc);
    }
    Query *q = RedisModule_Calloc(1, sizeof(*q));
    q->cursor = cursor_of(argv[1]);
    q->bc = RedisModule_BlockClient(ctx, NULL, NULL, query_free, 0);
    pthread_create(&thread, NULL, slow_query, q);
    pthread_detach(thread);
    return REDISMODULE_OK;
}

/* ---- building ----------------------------------------------------------------------------------- */

static void scanned(RedisModuleCtx *ctx, RedisModuleString *name, RedisModuleKey *key, void *data) {
    REDISMODULE_NOT_USED(key);
    REDISMODULE_NOT_USED(data);
    index_key(ctx, name);
}

static int rebuild_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    drop_all();
    RedisModuleScanCursor *cursor = RedisModule_ScanCursorCreate();
    while (RedisModule_Scan(ctx, cursor, scanned, NULL)) {}
    RedisModule_ScanCursorDestroy(cursor);
    return RedisModule_ReplyWithLongLong(ctx, (long long)RedisModule_DictSize(docs));
}

static int create_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    snprintf(prefix, sizeof(prefix), "%s", RedisModule_StringPtrLen(argv[1], NULL));
    snprintf(field, sizeof(field), "%s", RedisModule_StringPtrLen(argv[2], NULL));
    RedisModule_ReplicateVerbatim(ctx);
    return rebuild_command(ctx, argv, argc);
}

static int stats_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    RedisModule_ReplyWithMap(ctx, 4);
    RedisModule_ReplyWithCString(ctx, "documents");
    RedisModule_ReplyWithLongLong(ctx, (long long)RedisModule_DictSize(docs));
    RedisModule_ReplyWithCString(ctx, "indexed");
    RedisModule_ReplyWithLongLong(ctx, indexed);
    RedisModule_ReplyWithCString(ctx, "removed");
    RedisModule_ReplyWithLongLong(ctx, removed);
    RedisModule_ReplyWithCString(ctx, "queries");
    return RedisModule_ReplyWithLongLong(ctx, queries);
}

int RedisModule_OnUnload(RedisModuleCtx *ctx);
__attribute__((visibility("default"))) int RedisModule_OnUnload(RedisModuleCtx *ctx) {
    REDISMODULE_NOT_USED(ctx);
    drop_all();
    RedisModule_FreeDict(NULL, docs);
    RedisModule_FreeDict(NULL, words);
    RedisModuleDictIter *it = RedisModule_DictIteratorStartC(cursors, "^", NULL, 0);
    void *kept;
    size_t len;
    while (RedisModule_DictNextC(it, &len, &kept)) RedisModule_Free(kept);
    RedisModule_DictIteratorStop(it);
    RedisModule_FreeDict(NULL, cursors);
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
        {"idx.create", create_command, "write"}, {"idx.find", find_command, "readonly"},
        {"idx.next", next_command, "readonly"},  {"idx.slow", slow_command, "readonly"},
        {"idx.rebuild", rebuild_command, "readonly"}, {"idx.stats", stats_command, "readonly"},
    };
    if (RedisModule_Init(ctx, "rm_index", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) return 1;
    docs = RedisModule_CreateDict(NULL);
    words = RedisModule_CreateDict(NULL);
    cursors = RedisModule_CreateDict(NULL);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (RedisModule_CreateCommand(ctx, commands[i].name, commands[i].call, commands[i].flags, 0, 0, 0)) {
            return REDISMODULE_ERR;
        }
    }
    RedisModule_SubscribeToKeyspaceEvents(ctx, REDISMODULE_NOTIFY_HASH | REDISMODULE_NOTIFY_GENERIC |
                                                   REDISMODULE_NOTIFY_EXPIRED |
                                                   REDISMODULE_NOTIFY_LOADED |
                                                   REDISMODULE_NOTIFY_STRING, on_key);
    return RedisModule_SubscribeToServerEvent(ctx, RedisModuleEvent_FlushDB, on_flush);
}
