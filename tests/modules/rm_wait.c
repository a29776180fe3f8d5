/* rm_wait.c - all that waits: promises of calls that block, sign-ins, keys, threads with and without the
 * lock, timers, descriptors, jobs after notifications, and long commands that let others in. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <redismodule.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char heard[8192];

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...) {
    size_t len = strlen(heard);
    va_list args;
    va_start(args, format);
    vsnprintf(heard + len, sizeof(heard) - len, format, args);
    va_end(args);
}

static int heard_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    RedisModule_ReplyWithCString(ctx, heard);
    heard[0] = '\0';
    return REDISMODULE_OK;
}

static long long number_of(RedisModuleString *s) {
    long long v = 0;
    RedisModule_StringToLongLong(s, &v);
    return v;
}

/* ---- promises -------------------------------------------------------------------------------- */

static RedisModuleCallReply *kept;

/* The answer goes to who waits for it. */
static void answered(RedisModuleCtx *ctx, RedisModuleCallReply *reply, void *data) {
    RedisModuleBlockedClient *bc = data;
    RedisModuleCtx *to = RedisModule_GetThreadSafeContext(bc);
    REDISMODULE_NOT_USED(ctx);
    RedisModule_ReplyWithCallReply(to, reply);
    RedisModule_FreeCallReply(reply);
    RedisModule_FreeThreadSafeContext(to);
    RedisModule_UnblockClient(bc, NULL);
}

/* The answer is noted, and one more command is run for it. */
static void noted(RedisModuleCtx *ctx, RedisModuleCallReply *reply, void *data) {
    size_t len = 0;
    const char *proto = RedisModule_CallReplyProto(reply, &len);
    note("[%s %d db%d %.*s]", (const char *)data, RedisModule_CallReplyType(reply),
         RedisModule_GetSelectedDb(ctx), (int)(len > 2 ? len - 2 : len), proto ? proto : "");
    RedisModule_FreeCallReply(reply);
    RedisModule_FreeCallReply(RedisModule_Call(ctx, "incr", "c!", "answers"));
}

/* wait.call HOW LETTERS command ...: HOW is reply, note, forget, abort, keep. */
static int call_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc < 4) return RedisModule_WrongArity(ctx);
    const char *how = RedisModule_StringPtrLen(argv[1], NULL);
    char format[32];
    snprintf(format, sizeof(format), "vEK%s", RedisModule_StringPtrLen(argv[2], NULL));
    if (!strcmp(how, "auto")) RedisModule_AutoMemory(ctx);
    RedisModuleCallReply *reply = RedisModule_Call(ctx, RedisModule_StringPtrLen(argv[3], NULL), format,
                                                   argv + 4, (size_t)argc - 4);
    if (RedisModule_CallReplyType(reply) != REDISMODULE_REPLY_PROMISE) {
        RedisModule_ReplyWithCallReply(ctx, reply);
        RedisModule_FreeCallReply(reply);
        return REDISMODULE_OK;
    }
    void *data = NULL;
    size_t len = 5;
    if (!strcmp(how, "reply")) {
        RedisModuleBlockedClient *bc = RedisModule_BlockClient(ctx, NULL, NULL, NULL, 0);
        RedisModule_CallReplyPromiseSetUnblockHandler(reply, answered, bc);
        RedisModule_FreeCallReply(reply);
        return REDISMODULE_OK;
    }
    if (strcmp(how, "forget") != 0) RedisModule_CallReplyPromiseSetUnblockHandler(reply, noted, "noted");
    RedisModule_ReplyWithArray(ctx, 4);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_CallReplyProto(reply, &len) == NULL && len == 0);
    RedisModule_ReplyWithLongLong(ctx, (long long)RedisModule_CallReplyLength(reply));
    if (!strcmp(how, "abort")) {
        RedisModule_ReplyWithLongLong(ctx, RedisModule_CallReplyPromiseAbort(reply, &data));
        RedisModule_ReplyWithLongLong(ctx, data && !strcmp(data, "noted") &&
                                               RedisModule_CallReplyPromiseAbort(reply, NULL) ==
                                                   REDISMODULE_ERR);
    } else {
        RedisModule_ReplyWithNull(ctx);
        RedisModule_ReplyWithNull(ctx);
    }
    if (!strcmp(how, "keep")) kept = reply;
    else if (strcmp(how, "auto") != 0) RedisModule_FreeCallReply(reply);
    return REDISMODULE_OK;
}

static int abort_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    if (!kept) return RedisModule_ReplyWithNull(ctx);
    int result = RedisModule_CallReplyPromiseAbort(kept, NULL);
    RedisModule_FreeCallReply(kept);
    kept = NULL;
    return RedisModule_ReplyWithLongLong(ctx, result);
}

/* A thread with the lock makes a call that blocks. */
static void *call_from_thread(void *arg) {
    RedisModuleBlockedClient *bc = arg;
    RedisModuleCtx *ctx = RedisModule_GetThreadSafeContext(bc);
    RedisModule_ThreadSafeContextLock(ctx);
    RedisModuleCallReply *reply = RedisModule_Call(ctx, "blpop", "K!cc", "threaded", "0");
    if (RedisModule_CallReplyType(reply) == REDISMODULE_REPLY_PROMISE) {
        RedisModule_CallReplyPromiseSetUnblockHandler(reply, answered, bc);
        RedisModule_FreeCallReply(reply);
        reply = NULL;
    } else {
        RedisModule_ReplyWithCallReply(ctx, reply);
    }
    RedisModule_ThreadSafeContextUnlock(ctx);
    RedisModule_FreeThreadSafeContext(ctx);
    if (reply) {
        RedisModule_FreeCallReply(reply);
        RedisModule_UnblockClient(bc, NULL);
    }
    return NULL;
}

static int thread_call_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    pthread_t thread;
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    pthread_create(&thread, NULL, call_from_thread, RedisModule_BlockClient(ctx, NULL, NULL, NULL, 0));
    pthread_detach(thread);
    return REDISMODULE_OK;
}

/* ---- background work -------------------------------------------------------------------------- */

static int reply_data(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    return RedisModule_ReplyWithCString(ctx, RedisModule_GetBlockedClientPrivateData(ctx));
}
static int too_late(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    return RedisModule_ReplyWithSimpleString(ctx, "LATE");
}
static void free_nothing(RedisModuleCtx *ctx, void *data) {
    REDISMODULE_NOT_USED(ctx);
    note("[freed %s]", (const char *)data);
}

static void *work(void *arg) {
    RedisModuleBlockedClient *bc = arg;
    int bad = RedisModule_BlockedClientMeasureTimeEnd(bc);
    for (int i = 0; i < 2; i++) {
        RedisModule_BlockedClientMeasureTimeStart(bc);
        usleep(30000);
        RedisModule_BlockedClientMeasureTimeEnd(bc);
        usleep(30000); /* is nobody's work */
    }
    RedisModule_UnblockClient(bc, bad == REDISMODULE_ERR ? "worked" : "wrong");
    return NULL;
}

/* wait.work LIMIT: as long as no limit (0) ends it. */
static int work_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    pthread_t thread;
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModuleBlockedClient *bc = RedisModule_BlockClient(ctx, reply_data, too_late, free_nothing,
                                                           number_of(argv[1]));
    pthread_create(&thread, NULL, work, bc);
    pthread_detach(thread);
    return REDISMODULE_OK;
}

/* wait.data: what a handle carries. */
static int data_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    RedisModuleBlockedClient *bc = RedisModule_BlockClient(ctx, reply_data, NULL, NULL, 0);
    RedisModule_BlockClientSetPrivateData(bc, "carried");
    RedisModule_UnblockClient(bc, RedisModule_BlockClientGetPrivateData(bc));
    return REDISMODULE_OK;
}

static RedisModuleBlockedClient *idle;
static void gone(RedisModuleCtx *ctx, RedisModuleBlockedClient *bc) {
    note("[gone %d]", RedisModule_BlockedClientDisconnected(ctx));
    RedisModule_UnblockClient(bc, NULL);
    idle = NULL;
}
/* wait.idle: until the client goes, or wait.wake. */
static int idle_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    idle = RedisModule_BlockClient(ctx, reply_data, NULL, NULL, 0);
    RedisModule_SetDisconnectCallback(idle, gone);
    return REDISMODULE_OK;
}
static int wake_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    if (idle) RedisModule_UnblockClient(idle, "woken");
    RedisModule_ReplyWithLongLong(ctx, idle != NULL);
    idle = NULL;
    return REDISMODULE_OK;
}

/* ---- the lock ---------------------------------------------------------------------------------- */

/* A context of nobody's client, and the lock when it can be had at once. */
static void *try_lock(void *arg) {
    RedisModuleCtx *ctx = arg;
    int refused = 0;
    while (RedisModule_ThreadSafeContextTryLock(ctx) != REDISMODULE_OK) {
        refused += errno == EBUSY;
        usleep(100);
    }
    RedisModule_FreeCallReply(RedisModule_Call(ctx, "incr", "c!", "tried"));
    RedisModule_FreeCallReply(RedisModule_Call(ctx, "set", "ccA!", "tried:a", "1"));
    RedisModule_FreeCallReply(RedisModule_Call(ctx, "set", "ccR!", "tried:r", "1"));
    note("[tried %d]", (int)RedisModule_GetClientId(ctx));
    RedisModule_ThreadSafeContextUnlock(ctx);
    RedisModule_Log(ctx, "notice", "the thread is done, refused: %d", refused >= 0);
    RedisModule_FreeThreadSafeContext(ctx);
    return NULL;
}

static int lock_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    pthread_t thread;
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    pthread_create(&thread, NULL, try_lock, RedisModule_GetDetachedThreadSafeContext(ctx));
    pthread_detach(thread);
    usleep(2000); /* it is refused now */
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

/* ---- keys -------------------------------------------------------------------------------------- */

static int key_ready(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    RedisModuleString *name = RedisModule_GetBlockedClientReadyKey(ctx);
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, name, REDISMODULE_READ);
    int type = RedisModule_KeyType(key);
    RedisModule_CloseKey(key);
    if (type == REDISMODULE_KEYTYPE_STRING) return REDISMODULE_ERR; /* not what it waits for */
    RedisModule_ReplyWithArray(ctx, 2);
    RedisModule_ReplyWithString(ctx, name);
    return RedisModule_ReplyWithLongLong(ctx, type);
}

/* wait.key FLAGS TIMEOUT key ...; wait.signal key */
static int key_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc < 4) return RedisModule_WrongArity(ctx);
    int flags = (int)number_of(argv[1]);
    if (RMAPI_FUNC_SUPPORTED(RedisModule_BlockClientOnKeysWithFlags)) {
        RedisModule_BlockClientOnKeysWithFlags(ctx, key_ready, too_late, free_nothing,
                                               number_of(argv[2]), argv + 3, argc - 3, "keys", flags);
    } else {
        RedisModule_BlockClientOnKeys(ctx, key_ready, too_late, free_nothing, number_of(argv[2]),
                                      argv + 3, argc - 3, "keys");
    }
    return REDISMODULE_OK;
}
static int signal_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModule_SignalKeyAsReady(ctx, argv[1]);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

/* ---- timers and descriptors ---------------------------------------------------------------------- */

static void fired(RedisModuleCtx *ctx, void *data) {
    note("[timer %s db%d]", (const char *)data, RedisModule_GetSelectedDb(ctx));
}

static int timer_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    void *data = NULL;
    uint64_t left = 0;
    RedisModuleTimerID id = RedisModule_CreateTimer(ctx, 100000, fired, "stopped");
    RedisModule_ReplyWithArray(ctx, 6);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_GetTimerInfo(ctx, id, &left, &data));
    RedisModule_ReplyWithLongLong(ctx, left > 90000 && left <= 100000 && !strcmp(data, "stopped"));
    RedisModule_ReplyWithLongLong(ctx, RedisModule_StopTimer(ctx, id, &data));
    RedisModule_ReplyWithLongLong(ctx, RedisModule_StopTimer(ctx, id, NULL));
    RedisModule_ReplyWithLongLong(ctx, RedisModule_GetTimerInfo(ctx, id, NULL, NULL));
    RedisModule_ReplyWithCString(ctx, data);
    RedisModule_CreateTimer(ctx, 20, fired, "later");
    RedisModule_CreateTimer(ctx, 1, fired, "sooner");
    return REDISMODULE_OK;
}

static int ends[2] = {-1, -1};

static void readable(int fd, void *data, int mask) {
    char bytes[16] = "";
    ssize_t n = read(fd, bytes, sizeof(bytes) - 1);
    note("[fd %s %d %d %s]", (const char *)data, mask, (int)n, bytes);
    RedisModule_EventLoopDel(fd, REDISMODULE_EVENTLOOP_READABLE);
    close(ends[0]);
    close(ends[1]);
}
static void writable(int fd, void *data, int mask) {
    note("[fd %s %d]", (const char *)data, mask);
    RedisModule_EventLoopDel(fd, mask);
    ssize_t n = write(fd, "through", 7);
    REDISMODULE_NOT_USED(n);
}
static void shot(void *data) {
    note("[shot %s]", (const char *)data);
}

static int fd_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    if (pipe(ends) != 0) return RedisModule_ReplyWithError(ctx, "ERR no pipe");
    const int in = REDISMODULE_EVENTLOOP_READABLE, out = REDISMODULE_EVENTLOOP_WRITABLE;
    RedisModule_ReplyWithArray(ctx, 11);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_EventLoopAdd(ends[0], in, readable, "in"));
    RedisModule_ReplyWithLongLong(ctx, RedisModule_EventLoopAdd(ends[1], out, writable, "out"));
    RedisModule_ReplyWithLongLong(ctx, RedisModule_EventLoopAddOneShot(shot, "once"));
    errno = 0;
    RedisModule_ReplyWithLongLong(ctx, RedisModule_EventLoopAdd(-1, in, readable, NULL));
    RedisModule_ReplyWithLongLong(ctx, errno);
    errno = 0;
    RedisModule_ReplyWithLongLong(ctx, RedisModule_EventLoopAdd(ends[0], 8, readable, NULL));
    RedisModule_ReplyWithLongLong(ctx, errno);
    errno = 0;
    RedisModule_ReplyWithLongLong(ctx, RedisModule_EventLoopDel(-1, in));
    RedisModule_ReplyWithLongLong(ctx, errno);
    errno = 0;
    RedisModule_ReplyWithLongLong(ctx, RedisModule_EventLoopAddOneShot(NULL, NULL));
    return RedisModule_ReplyWithLongLong(ctx, errno);
}

/* ---- jobs after notifications ---------------------------------------------------------------------- */

static void job(RedisModuleCtx *ctx, void *data) {
    RedisModule_FreeCallReply(RedisModule_Call(ctx, "rpush", "cc!", "jobs", data));
}
static void free_job(void *data) {
    note("[job %s]", (const char *)data);
    RedisModule_Free(data);
}
/* Keys that begin with "job": one job each, never from a job's own write. */
static int on_notify(RedisModuleCtx *ctx, int type, const char *event, RedisModuleString *key) {
    char text[64];
    const char *name = RedisModule_StringPtrLen(key, NULL);
    REDISMODULE_NOT_USED(type);
    if (strncmp(name, "job:", 4) != 0) return REDISMODULE_OK;
    snprintf(text, sizeof(text), "%s-%s", event, name);
    if (!RMAPI_FUNC_SUPPORTED(RedisModule_AddPostNotificationJob)) return REDISMODULE_OK;
    RedisModule_AddPostNotificationJob(ctx, job, RedisModule_Strdup(text), free_job);
    return REDISMODULE_OK;
}

/* ---- signing in -------------------------------------------------------------------------------------- */

/* "slow-yes", "slow-no", "slow-other", "slow-twice": who signs in is known later. */
static int known(RedisModuleCtx *ctx, RedisModuleString *user, RedisModuleString *password,
                 RedisModuleString **error) {
    const char *name = RedisModule_StringPtrLen(user, NULL);
    note("[asked %s %s]", name, (const char *)RedisModule_GetBlockedClientPrivateData(ctx));
    REDISMODULE_NOT_USED(password);
    if (!strcmp(name, "slow-yes")) {
        RedisModule_AuthenticateClientWithACLUser(ctx, "default", 7, NULL, NULL, NULL);
    } else if (!strcmp(name, "slow-no")) {
        *error = RedisModule_CreateString(ctx, "-DENIED after thinking", 22);
    } else {
        return REDISMODULE_AUTH_NOT_HANDLED;
    }
    return REDISMODULE_AUTH_HANDLED;
}

static void *think(void *arg) {
    usleep(5000);
    RedisModule_UnblockClient(arg, "thought");
    return NULL;
}

static int ask_slowly(RedisModuleCtx *ctx) {
    pthread_t thread;
    RedisModuleBlockedClient *bc = RedisModule_BlockClientOnAuth(ctx, known, free_nothing);
    if (!bc) return REDISMODULE_AUTH_HANDLED;
    pthread_create(&thread, NULL, think, bc);
    pthread_detach(thread);
    return REDISMODULE_AUTH_HANDLED;
}

static int sign_in(RedisModuleCtx *ctx, RedisModuleString *user, RedisModuleString *password,
                   RedisModuleString **error) {
    const char *name = RedisModule_StringPtrLen(user, NULL);
    REDISMODULE_NOT_USED(password);
    REDISMODULE_NOT_USED(error);
    return !strncmp(name, "slow-", 5) ? ask_slowly(ctx) : REDISMODULE_AUTH_NOT_HANDLED;
}
/* The older one, asked when the other leaves it. */
static int sign_in_older(RedisModuleCtx *ctx, RedisModuleString *user, RedisModuleString *password,
                         RedisModuleString **error) {
    const char *name = RedisModule_StringPtrLen(user, NULL);
    REDISMODULE_NOT_USED(password);
    REDISMODULE_NOT_USED(error);
    note("[older %s]", name);
    return !strcmp(name, "slow-twice") ? ask_slowly(ctx) : REDISMODULE_AUTH_NOT_HANDLED;
}
static int auth_outside_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    if (RedisModule_BlockClientOnAuth(ctx, known, NULL)) return RedisModule_ReplyWithCString(ctx, "blocked");
    return REDISMODULE_OK;
}

/* ---- long commands ------------------------------------------------------------------------------------ */

/* wait.yield FLAGS MILLISECONDS [text]: long work with breaks. */
static int yield_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc < 3) return RedisModule_WrongArity(ctx);
    mstime_t end = RedisModule_Milliseconds() + number_of(argv[2]);
    const char *text = argc > 3 ? RedisModule_StringPtrLen(argv[3], NULL) : NULL;
    while (RedisModule_Milliseconds() < end) {
        usleep(1000);
        RedisModule_Yield(ctx, (int)number_of(argv[1]), text);
    }
    return RedisModule_ReplyWithString(ctx, argv[argc - 1]);
}

static int avoid_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    return RedisModule_ReplyWithLongLong(ctx, RedisModule_AvoidReplicaTraffic());
}

/* ---- filters: whose command it is ----------------------------------------------------------------------- */

static void filter(RedisModuleCommandFilterCtx *f) {
    const char *word = RedisModule_StringPtrLen(RedisModule_CommandFilterArgGet(f, 0), NULL);
    if (strcmp(word, "@me") != 0) return;
    char text[32];
    int len = snprintf(text, sizeof(text), "%llu", RedisModule_CommandFilterGetClientId(f));
    RedisModule_CommandFilterArgReplace(f, 0, RedisModule_CreateString(NULL, "echo", 4));
    RedisModule_CommandFilterArgInsert(f, 1, RedisModule_CreateString(NULL, text, (size_t)len));
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);
__attribute__((visibility("default")))
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    static const struct {
        const char *name;
        RedisModuleCmdFunc call;
    } commands[] = {
        {"wait.heard", heard_command}, {"wait.call", call_command},   {"wait.abort", abort_command},
        {"wait.work", work_command},   {"wait.data", data_command},   {"wait.idle", idle_command},
        {"wait.wake", wake_command},   {"wait.lock", lock_command},   {"wait.key", key_command},
        {"wait.signal", signal_command}, {"wait.timer", timer_command}, {"wait.fd", fd_command},
        {"wait.yield", yield_command}, {"wait.avoid", avoid_command},
        {"wait.thread-call", thread_call_command}, {"wait.auth", auth_outside_command},
    };
    if (RedisModule_Init(ctx, "rm_wait", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) return 1;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (RedisModule_CreateCommand(ctx, commands[i].name, commands[i].call, "", 0, 0, 0)) return 1;
    }
    RedisModule_SubscribeToKeyspaceEvents(ctx, REDISMODULE_NOTIFY_ALL, on_notify);
    if (RMAPI_FUNC_SUPPORTED(RedisModule_RegisterAuthCallback)) {
        RedisModule_RegisterAuthCallback(ctx, sign_in_older);
        RedisModule_RegisterAuthCallback(ctx, sign_in);
    }
    if (RMAPI_FUNC_SUPPORTED(RedisModule_CommandFilterGetClientId)) {
        RedisModule_RegisterCommandFilter(ctx, filter, 0);
    }
    return REDISMODULE_OK;
}
