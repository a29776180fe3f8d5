/* rm_control.c - what a module has beside commands and keys: settings, INFO, clients, events,
 * notifications, waiting clients, threads, children. Each command shows one of them. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <redismodule.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- settings -------------------------------------------------------------------------------- */

static int flag = -1;
static long long number = -1;
static int level = -1, bits = -1;
static RedisModuleString *text;
static int applied, set_calls;

static int get_flag(const char *name, void *data) {
    REDISMODULE_NOT_USED(name);
    return *(int *)data;
}
static int set_flag(const char *name, int v, void *data, RedisModuleString **error) {
    set_calls++;
    if (!strcmp(name, "refuses") && v) {
        *error = RedisModule_CreateString(NULL, "it never is", 11);
        return REDISMODULE_ERR;
    }
    if (!strcmp(name, "mute") && v) return REDISMODULE_ERR;
    *(int *)data = v;
    return REDISMODULE_OK;
}
static long long get_number(const char *name, void *data) {
    REDISMODULE_NOT_USED(name);
    return *(long long *)data;
}
static int set_number(const char *name, long long v, void *data, RedisModuleString **error) {
    REDISMODULE_NOT_USED(name);
    REDISMODULE_NOT_USED(error);
    set_calls++;
    *(long long *)data = v;
    return REDISMODULE_OK;
}
static RedisModuleString *get_text(const char *name, void *data) {
    REDISMODULE_NOT_USED(name);
    REDISMODULE_NOT_USED(data);
    return text;
}
static int set_text(const char *name, RedisModuleString *v, void *data, RedisModuleString **error) {
    REDISMODULE_NOT_USED(name);
    REDISMODULE_NOT_USED(data);
    REDISMODULE_NOT_USED(error);
    set_calls++;
    if (text) RedisModule_FreeString(NULL, text);
    RedisModule_RetainString(NULL, v);
    text = v;
    return REDISMODULE_OK;
}
static int apply(RedisModuleCtx *ctx, void *data, RedisModuleString **error) {
    REDISMODULE_NOT_USED(ctx);
    REDISMODULE_NOT_USED(data);
    applied++;
    if (number == 13) {
        *error = RedisModule_CreateString(NULL, "unlucky", 7);
        return REDISMODULE_ERR;
    }
    return REDISMODULE_OK;
}

static int config_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    RedisModule_ReplyWithArray(ctx, 7);
    RedisModule_ReplyWithLongLong(ctx, flag);
    RedisModule_ReplyWithLongLong(ctx, number);
    RedisModule_ReplyWithLongLong(ctx, level);
    RedisModule_ReplyWithLongLong(ctx, bits);
    RedisModule_ReplyWithString(ctx, text);
    RedisModule_ReplyWithLongLong(ctx, applied);
    return RedisModule_ReplyWithLongLong(ctx, set_calls);
}

static long long memory = -1;
static int refuses, mute;
static int config_errors;

static int register_settings(RedisModuleCtx *ctx) {
    static const char *levels[] = {"low", "high", "none"};
    static const int level_values[] = {1, 10, 0};
    static const char *names[] = {"a", "b", "c"};
    static const int name_values[] = {1, 2, 4};
    int bad = 0;
    bad |= RedisModule_RegisterBoolConfig(ctx, "flag", 1, REDISMODULE_CONFIG_DEFAULT, get_flag,
                                          set_flag, NULL, &flag);
    bad |= RedisModule_RegisterBoolConfig(ctx, "refuses", 0, REDISMODULE_CONFIG_DEFAULT, get_flag,
                                          set_flag, NULL, &refuses);
    bad |= RedisModule_RegisterBoolConfig(ctx, "mute", 0, REDISMODULE_CONFIG_DEFAULT, get_flag,
                                          set_flag, NULL, &mute);
    bad |= RedisModule_RegisterNumericConfig(ctx, "number", 5, REDISMODULE_CONFIG_DEFAULT, -10, 1000,
                                             get_number, set_number, apply, &number);
    bad |= RedisModule_RegisterNumericConfig(ctx, "memory", 1024, REDISMODULE_CONFIG_MEMORY, 0,
                                             3000000, get_number, set_number, NULL, &memory);
    bad |= RedisModule_RegisterNumericConfig(ctx, "fixed", 3, REDISMODULE_CONFIG_IMMUTABLE, 0, 10,
                                             get_number, set_number, NULL, &memory);
    bad |= RedisModule_RegisterStringConfig(ctx, "text", "some words", REDISMODULE_CONFIG_DEFAULT,
                                            get_text, set_text, NULL, NULL);
    bad |= RedisModule_RegisterEnumConfig(ctx, "level", 1, REDISMODULE_CONFIG_DEFAULT, levels,
                                          level_values, 3, get_flag, set_flag, NULL, &level);
    bad |= RedisModule_RegisterEnumConfig(ctx, "bits", 5, REDISMODULE_CONFIG_BITFLAGS, names,
                                          name_values, 3, get_flag, set_flag, NULL, &bits);
    if (bad) return REDISMODULE_ERR;
    /* What must not be. */
    static const struct {
        const char *name;
        unsigned flags;
        int error;
    } wrong[] = {{"flag", 0, EALREADY}, {"a b", 0, EINVAL}, {"", 0, EINVAL}, {"x", 1u << 20, EINVAL},
                 {"x", REDISMODULE_CONFIG_MEMORY, EINVAL}, {"x", REDISMODULE_CONFIG_BITFLAGS, EINVAL}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        errno = 0;
        int result = RedisModule_RegisterBoolConfig(ctx, wrong[i].name, 0, wrong[i].flags, get_flag,
                                                    set_flag, NULL, &flag);
        config_errors += result == REDISMODULE_ERR && errno == wrong[i].error;
    }
    if (RedisModule_LoadConfigs(ctx) == REDISMODULE_OK) return REDISMODULE_OK;
    if (text) RedisModule_FreeString(NULL, text);
    text = NULL;
    return REDISMODULE_ERR;
}

/* ---- INFO ------------------------------------------------------------------------------------ */

static void info(RedisModuleInfoCtx *ctx, int for_crash) {
    REDISMODULE_NOT_USED(for_crash);
    if (RedisModule_InfoAddSection(ctx, "") == REDISMODULE_OK) {
        RedisModule_InfoAddFieldLongLong(ctx, "integer", -7);
        RedisModule_InfoAddFieldCString(ctx, "text", "some text");
    }
    RedisModule_InfoAddSection(ctx, "more");
    RedisModule_InfoAddFieldULongLong(ctx, "large", 18446744073709551615ull);
    RedisModule_InfoAddFieldDouble(ctx, "fraction", 0.1);
    RedisModule_InfoBeginDictField(ctx, "dict");
    RedisModule_InfoAddFieldLongLong(ctx, "a", 1);
    RedisModule_InfoAddFieldCString(ctx, "b", "two");
    RedisModule_InfoEndDictField(ctx);
    RedisModule_InfoBeginDictField(ctx, "open");
    RedisModule_InfoAddFieldDouble(ctx, "c", 3);
    RedisModule_InfoAddSection(ctx, "last");
    RedisModule_InfoAddFieldCString(ctx, "end", "here");
}

static int info_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    const char *section = RedisModule_StringPtrLen(argv[1], NULL);
    const char *field = RedisModule_StringPtrLen(argv[2], NULL);
    RedisModuleServerInfoData *data = RedisModule_GetServerInfo(ctx, section);
    int e1, e2, e3;
    const char *value = RedisModule_ServerInfoGetFieldC(data, field);
    RedisModuleString *s = RedisModule_ServerInfoGetField(ctx, data, field);
    RedisModule_ReplyWithArray(ctx, 8);
    RedisModule_ReplyWithCString(ctx, value ? value : "(none)");
    if (s) RedisModule_ReplyWithString(ctx, s);
    else RedisModule_ReplyWithNull(ctx);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_ServerInfoGetFieldSigned(data, field, &e1));
    RedisModule_ReplyWithLongLong(
        ctx, (long long)RedisModule_ServerInfoGetFieldUnsigned(data, field, &e2));
    RedisModule_ReplyWithDouble(ctx, RedisModule_ServerInfoGetFieldDouble(data, field, &e3));
    RedisModule_ReplyWithLongLong(ctx, e1);
    RedisModule_ReplyWithLongLong(ctx, e2);
    RedisModule_ReplyWithLongLong(ctx, e3);
    if (s) RedisModule_FreeString(ctx, s);
    RedisModule_FreeServerInfo(ctx, data);
    return REDISMODULE_OK;
}

/* ---- clients --------------------------------------------------------------------------------- */

static int client_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    unsigned long long id = RedisModule_GetClientId(ctx);
    RedisModuleClientInfo ci = {.version = REDISMODULE_CLIENTINFO_VERSION};
    RedisModule_ReplyWithArray(ctx, 14);
    RedisModule_ReplyWithLongLong(ctx, id > 0);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_GetClientInfoById(&ci, id));
    RedisModule_ReplyWithLongLong(ctx, ci.id == id);
    RedisModule_ReplyWithCString(ctx, ci.addr);
    RedisModule_ReplyWithLongLong(ctx, ci.db);
    RedisModule_ReplyWithLongLong(ctx, (long long)ci.flags);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_GetClientInfoById(NULL, 999999999));
    RedisModule_ReplyWithLongLong(ctx, RedisModule_SetClientNameById(id, argv[1]));
    RedisModuleString *name = RedisModule_GetClientNameById(ctx, id);
    if (name) RedisModule_ReplyWithString(ctx, name);
    else RedisModule_ReplyWithNull(ctx);
    name = RedisModule_GetClientUserNameById(ctx, id);
    if (name) RedisModule_ReplyWithString(ctx, name);
    else RedisModule_ReplyWithNull(ctx);
    errno = 0;
    name = RedisModule_GetClientUserNameById(ctx, 999999999);
    RedisModule_ReplyWithLongLong(ctx, name == NULL && errno == ENOENT);
    RedisModule_ReplyWithCString(ctx, RedisModule_GetCurrentCommandName(ctx));
    RedisModule_ReplyWithString(ctx, RedisModule_GetCurrentUserName(ctx));
    RedisModule_ReplyWithLongLong(ctx, RedisModule_GetClientCertificate(ctx, id) == NULL);
    return REDISMODULE_OK;
}

static int flags_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    return RedisModule_ReplyWithLongLong(ctx, RedisModule_GetContextFlags(ctx));
}

static int publish_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    return RedisModule_ReplyWithLongLong(ctx, RedisModule_PublishMessage(ctx, argv[1], argv[2]));
}

/* ---- events ---------------------------------------------------------------------------------- */

static char heard[16 * 1024];

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...) {
    size_t len = strlen(heard);
    va_list args;
    va_start(args, format);
    vsnprintf(heard + len, sizeof(heard) - len, format, args);
    va_end(args);
}

/* What tells the same many times a second is noted once. */
static void on_tick(RedisModuleEvent e, uint64_t sub, void *data) {
    char line[64];
    int hz = e.id == REDISMODULE_EVENT_CRON_LOOP ? ((RedisModuleCronLoop *)data)->hz : 0;
    snprintf(line, sizeof(line), "[%d.%d %d]", (int)e.id, (int)sub, hz);
    if (!strstr(heard, line)) note("%s", line);
}

static void on_event(RedisModuleCtx *ctx, RedisModuleEvent e, uint64_t sub, void *data) {
    if (e.id == REDISMODULE_EVENT_CRON_LOOP || e.id == REDISMODULE_EVENT_EVENTLOOP) {
        on_tick(e, sub, data);
        return;
    }
    /* It may be a child that saves. */
    if (e.id == REDISMODULE_EVENT_PERSISTENCE) RedisModule_Log(ctx, "notice", "saving %d", (int)sub);
    if (e.id == REDISMODULE_EVENT_SHUTDOWN) RedisModule_Log(ctx, "notice", "the end is heard");
    note("[%d.%d", (int)e.id, (int)sub);
    if (e.id == REDISMODULE_EVENT_FLUSHDB) {
        RedisModuleFlushInfo *f = data;
        note(" sync=%d db=%d", f->sync, f->dbnum);
    } else if (e.id == REDISMODULE_EVENT_SWAPDB) {
        RedisModuleSwapDbInfo *s = data;
        note(" %d %d", s->dbnum_first, s->dbnum_second);
    } else if (e.id == REDISMODULE_EVENT_CONFIG) {
        RedisModuleConfigChange *c = data;
        for (uint32_t i = 0; i < c->num_changes; i++) note(" %s", c->config_names[i]);
    } else if (e.id == REDISMODULE_EVENT_MODULE_CHANGE) {
        RedisModuleModuleChange *m = data;
        note(" %s %d", m->module_name, m->module_version);
    } else if (e.id == REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED) {
        RedisModuleReplicationInfo *i = data;
        note(" primary=%d %s:%d ids=%zu,%zu", i->master, i->masterhost ? i->masterhost : "-",
             i->masterport, strlen(i->replid1), strlen(i->replid2));
    } else if (e.id == REDISMODULE_EVENT_LOADING_PROGRESS) {
        RedisModuleLoadingProgress *p = data;
        note(" hz=%d %s", p->hz, p->progress > 0 && p->progress <= 1024 ? "some" : "odd");
    } else if (e.id == REDISMODULE_EVENT_CLIENT_CHANGE) {
        RedisModuleClientInfo *c = data;
        note(" %s", c->addr);
    } else if (e.id == REDISMODULE_EVENT_KEY) {
        RedisModuleKeyInfo *k = data;
        note(" %s type=%d", RedisModule_StringPtrLen(RedisModule_GetKeyNameFromModuleKey(k->key), NULL),
             RedisModule_KeyType(k->key));
    }
    note("]");
}

static int on_notify(RedisModuleCtx *ctx, int type, const char *event, RedisModuleString *key) {
    note("<%d %s %s db%d>", type, event, RedisModule_StringPtrLen(key, NULL),
         RedisModule_GetSelectedDb(ctx));
    return REDISMODULE_OK;
}

static int heard_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    RedisModule_ReplyWithCString(ctx, heard);
    heard[0] = '\0';
    return REDISMODULE_OK;
}

static void subscribe(RedisModuleCtx *ctx) {
    static const uint64_t events[] = {REDISMODULE_EVENT_FLUSHDB, REDISMODULE_EVENT_SWAPDB,
                                      REDISMODULE_EVENT_CONFIG, REDISMODULE_EVENT_MODULE_CHANGE,
                                      REDISMODULE_EVENT_CLIENT_CHANGE};
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        RedisModule_SubscribeToServerEvent(ctx, (RedisModuleEvent){events[i], 1}, on_event);
    }
    RedisModule_SubscribeToKeyspaceEvents(ctx, REDISMODULE_NOTIFY_ALL, on_notify);
}

static int event_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long id, on;
    if (argc != 3 || RedisModule_StringToLongLong(argv[1], &id) ||
        RedisModule_StringToLongLong(argv[2], &on)) {
        return RedisModule_WrongArity(ctx);
    }
    RedisModuleEvent event = {(uint64_t)id, 1};
    return RedisModule_ReplyWithLongLong(
        ctx, RedisModule_SubscribeToServerEvent(ctx, event, on ? on_event : NULL));
}

static int notify_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModule_NotifyKeyspaceEvent(ctx, REDISMODULE_NOTIFY_GENERIC, "mine", argv[1]);
    return RedisModule_ReplyWithLongLong(ctx, RedisModule_GetNotifyKeyspaceEvents());
}

/* ---- waiting --------------------------------------------------------------------------------- */

static int reply_now(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    RedisModule_ReplyWithArray(ctx, 4);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_IsBlockedReplyRequest(ctx));
    RedisModule_ReplyWithLongLong(ctx, argc);
    RedisModule_ReplyWithString(ctx, argv[argc - 1]);
    return RedisModule_ReplyWithCString(ctx, RedisModule_GetBlockedClientPrivateData(ctx));
}
static int too_late(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argc);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_IsBlockedTimeoutRequest(ctx) + 100);
    /* The handle is still ours to give back; one of keys goes by itself. */
    if (!strcasecmp(RedisModule_StringPtrLen(argv[0], NULL), "ctl.block")) {
        RedisModule_UnblockClient(RedisModule_GetBlockedClientHandle(ctx), NULL);
    }
    return REDISMODULE_OK;
}
static int freed;
static void free_data(RedisModuleCtx *ctx, void *data) {
    REDISMODULE_NOT_USED(ctx);
    freed++;
    RedisModule_Free(data);
}
static void gone(RedisModuleCtx *ctx, RedisModuleBlockedClient *bc) {
    REDISMODULE_NOT_USED(ctx);
    note("[gone]");
    RedisModule_UnblockClient(bc, RedisModule_Strdup("unused"));
}

static void *answer_from_thread(void *arg) {
    RedisModuleBlockedClient *bc = arg;
    usleep(2000);
    RedisModule_UnblockClient(bc, RedisModule_Strdup("from a thread"));
    return NULL;
}

static void *reply_from_thread(void *arg) {
    RedisModuleBlockedClient *bc = arg;
    RedisModuleCtx *ctx = RedisModule_GetThreadSafeContext(bc);
    RedisModule_ReplyWithArray(ctx, 3);
    RedisModule_ReplyWithCString(ctx, "from a thread");
    RedisModule_ThreadSafeContextLock(ctx);
    RedisModuleCallReply *reply = RedisModule_Call(ctx, "incr", "c!", "thread");
    RedisModule_ReplyWithCallReply(ctx, reply);
    RedisModule_FreeCallReply(reply);
    RedisModule_Replicate(ctx, "set", "cc", "thread", "told");
    RedisModule_ThreadSafeContextUnlock(ctx);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_GetClientId(ctx) > 0);
    RedisModule_FreeThreadSafeContext(ctx);
    RedisModule_UnblockClient(bc, NULL);
    return NULL;
}

static int block_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long timeout;
    pthread_t thread;
    if (argc != 3 || RedisModule_StringToLongLong(argv[2], &timeout)) {
        return RedisModule_WrongArity(ctx);
    }
    const char *how = RedisModule_StringPtrLen(argv[1], NULL);
    int silent = !strcmp(how, "thread-reply");
    RedisModuleBlockedClient *bc = RedisModule_BlockClient(ctx, silent ? NULL : reply_now, too_late,
                                                           free_data, timeout);
    if (!strcmp(how, "thread")) pthread_create(&thread, NULL, answer_from_thread, bc);
    else if (silent) pthread_create(&thread, NULL, reply_from_thread, bc);
    else if (!strcmp(how, "now")) {
        RedisModule_UnblockClient(bc, RedisModule_Strdup("at once"));
        return REDISMODULE_OK;
    } else if (!strcmp(how, "wait")) {
        RedisModule_SetDisconnectCallback(bc, gone);
        return REDISMODULE_OK;
    } else if (!strcmp(how, "abort")) {
        RedisModule_AbortBlock(bc);
        return RedisModule_ReplyWithSimpleString(ctx, "ABORTED");
    }
    pthread_detach(thread);
    return REDISMODULE_OK;
}

static int pop(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    RedisModuleString *name = RedisModule_GetBlockedClientReadyKey(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, name, REDISMODULE_WRITE);
    if (RedisModule_KeyType(key) != REDISMODULE_KEYTYPE_LIST) {
        RedisModule_CloseKey(key);
        return REDISMODULE_ERR;
    }
    RedisModuleString *s = RedisModule_ListPop(key, REDISMODULE_LIST_HEAD);
    RedisModule_CloseKey(key);
    RedisModule_ReplyWithArray(ctx, 2);
    RedisModule_ReplyWithString(ctx, name);
    RedisModule_ReplyWithString(ctx, s);
    RedisModule_FreeString(ctx, s);
    return REDISMODULE_OK;
}

static int pop_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long timeout;
    if (argc < 3 || RedisModule_StringToLongLong(argv[argc - 1], &timeout)) {
        return RedisModule_WrongArity(ctx);
    }
    RedisModule_BlockClientOnKeys(ctx, pop, too_late, free_data, timeout, argv + 1, argc - 2,
                                  RedisModule_Strdup("keys"));
    return REDISMODULE_OK;
}

static int freed_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    return RedisModule_ReplyWithLongLong(ctx, freed);
}

/* ---- children -------------------------------------------------------------------------------- */

static void child_done(int status, int by_signal, void *data) {
    note("[child %d %d %s]", status, by_signal, (const char *)data);
}

static int fork_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    static int slow_child;
    const char *how = RedisModule_StringPtrLen(argv[1], NULL);
    int kill_it = !strcmp(how, "kill"), slow = !strcmp(how, "slow");
    if (!strcmp(how, "end")) {
        RedisModule_KillForkChild(slow_child);
        return RedisModule_ReplyWithNull(ctx);
    }
    int pid = RedisModule_Fork(child_done, "data");
    if (pid == 0) {
        RedisModule_SendChildHeartbeat(0.5);
        if (kill_it || slow) sleep(100);
        RedisModule_ExitFromChild(7);
    }
    if (slow) slow_child = pid;
    if (kill_it && pid > 0) RedisModule_KillForkChild(pid);
    return RedisModule_ReplyWithLongLong(ctx, pid > 0);
}

/* ---- filters --------------------------------------------------------------------------------- */

static RedisModuleCommandFilter *filter;

/* "@swap a b": the words change places; "@drop x y": x goes; "@log ...": the word goes in front. */
static void filter_words(RedisModuleCommandFilterCtx *f) {
    size_t len;
    const char *first = RedisModule_StringPtrLen(RedisModule_CommandFilterArgGet(f, 0), &len);
    int argc = RedisModule_CommandFilterArgsCount(f);
    if (!strcmp(first, "@echo")) {
        RedisModule_CommandFilterArgReplace(f, 0, RedisModule_CreateString(NULL, "echo", 4));
    } else if (!strcmp(first, "@drop") && argc > 1) {
        RedisModule_CommandFilterArgReplace(f, 0, RedisModule_CreateString(NULL, "echo", 4));
        RedisModule_CommandFilterArgDelete(f, 1);
    } else if (!strcmp(first, "@set")) {
        RedisModule_CommandFilterArgReplace(f, 0, RedisModule_CreateString(NULL, "set", 3));
        RedisModule_CommandFilterArgInsert(f, argc, RedisModule_CreateString(NULL, "filtered", 8));
    }
}

static int filter_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    const char *how = RedisModule_StringPtrLen(argv[1], NULL);
    if (filter) {
        RedisModule_UnregisterCommandFilter(ctx, filter);
        filter = NULL;
    }
    if (!strcmp(how, "on")) filter = RedisModule_RegisterCommandFilter(ctx, filter_words, 0);
    if (!strcmp(how, "noself")) {
        filter = RedisModule_RegisterCommandFilter(ctx, filter_words, REDISMODULE_CMDFILTER_NOSELF);
    }
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static int filter_call_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    RedisModuleCallReply *reply = RedisModule_Call(ctx, "@echo", "cE", "called");
    RedisModule_ReplyWithCallReply(ctx, reply);
    RedisModule_FreeCallReply(reply);
    return REDISMODULE_OK;
}

/* ---- authentication -------------------------------------------------------------------------- */

static int authenticate(RedisModuleCtx *ctx, RedisModuleString *user, RedisModuleString *password,
                        RedisModuleString **error) {
    const char *name = RedisModule_StringPtrLen(user, NULL);
    if (!strcmp(name, "friend")) {
        RedisModule_AuthenticateClientWithACLUser(ctx, "default", 7, NULL, NULL, NULL);
        return REDISMODULE_AUTH_HANDLED;
    }
    if (strcmp(name, "foe") != 0) return REDISMODULE_AUTH_NOT_HANDLED;
    *error = RedisModule_CreateStringFromString(NULL, password);
    return REDISMODULE_AUTH_HANDLED;
}

/* ---- table ----------------------------------------------------------------------------------- */

static int errors_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    return RedisModule_ReplyWithLongLong(ctx, config_errors);
}

int RedisModule_OnUnload(RedisModuleCtx *ctx);
__attribute__((visibility("default")))
int RedisModule_OnUnload(RedisModuleCtx *ctx) {
    REDISMODULE_NOT_USED(ctx);
    if (text) RedisModule_FreeString(NULL, text);
    text = NULL;
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
        {"ctl.config", config_command, "readonly"}, {"ctl.errors", errors_command, "readonly"},
        {"ctl.info", info_command, "readonly"},     {"ctl.client", client_command, "readonly"},
        {"ctl.flags", flags_command, "readonly"},   {"ctl.publish", publish_command, ""},
        {"ctl.heard", heard_command, "readonly"},   {"ctl.event", event_command, ""},
        {"ctl.notify", notify_command, ""},         {"ctl.block", block_command, ""},
        {"ctl.pop", pop_command, "write"},          {"ctl.freed", freed_command, "readonly"},
        {"ctl.fork", fork_command, ""},             {"ctl.filter", filter_command, ""},
        {"ctl.filtercall", filter_call_command, ""},
    };
    if (RedisModule_Init(ctx, "rm_control", 3, REDISMODULE_APIVER_1) == REDISMODULE_ERR) {
        return REDISMODULE_ERR;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (RedisModule_CreateCommand(ctx, commands[i].name, commands[i].call, commands[i].flags, 0, 0,
                                      0) == REDISMODULE_ERR) {
            return REDISMODULE_ERR;
        }
    }
    if (RMAPI_FUNC_SUPPORTED(RedisModule_RegisterAuthCallback)) { /* since 7.2 */
        RedisModule_RegisterAuthCallback(ctx, authenticate);
    }
    RedisModule_SetModuleOptions(ctx, REDISMODULE_OPTIONS_HANDLE_REPL_ASYNC_LOAD);
    RedisModule_RegisterInfoFunc(ctx, info);
    subscribe(ctx);
    return register_settings(ctx);
}
