/* rm_user.c - users that modules make: rules, rights, signing in, calls in their name.
 *
 *     user.rules text              all words at once; the error, or the rules as the server shows them
 *     user.rule word               one word: errno
 *     user.may command [arg ...]   whether the user may
 *     user.key FLAGS key           FLAGS as a number
 *     user.channel FLAGS channel
 *     user.call command [arg ...]  Call with C as the user
 *     user.become                  the client is the user from now on
 *     user.new name                another user in its place
 *     user.log reason object */
#include <errno.h>
#include <redismodule.h>
#include <stdlib.h>
#include <string.h>

static RedisModuleUser *user;
static int changes;

static void reply_rules(RedisModuleCtx *ctx) {
    if (!RMAPI_FUNC_SUPPORTED(RedisModule_GetModuleUserACLString)) {
        RedisModule_ReplyWithSimpleString(ctx, "not supported");
        return;
    }
    RedisModuleString *s = RedisModule_GetModuleUserACLString(user);
    RedisModule_ReplyWithString(ctx, s);
    RedisModule_FreeString(NULL, s);
}

static int rules_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModuleString *error = NULL;
    const char *text = RedisModule_StringPtrLen(argv[1], NULL);
    if (RedisModule_SetModuleUserACLString(ctx, user, text, &error) == REDISMODULE_OK) {
        reply_rules(ctx);
        return REDISMODULE_OK;
    }
    RedisModule_ReplyWithString(ctx, error);
    RedisModule_FreeString(ctx, error);
    return REDISMODULE_OK;
}

static int rule_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    errno = 0;
    int result = RedisModule_SetModuleUserACL(user, RedisModule_StringPtrLen(argv[1], NULL));
    return RedisModule_ReplyWithLongLong(ctx, result == REDISMODULE_OK ? 0 : errno);
}

static int may_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    errno = 0;
    int result = RedisModule_ACLCheckCommandPermissions(user, argv + 1, argc - 1);
    return RedisModule_ReplyWithLongLong(ctx, result == REDISMODULE_OK ? 0 : errno);
}

static int key_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    errno = 0;
    int flags = atoi(RedisModule_StringPtrLen(argv[1], NULL));
    int result = RedisModule_ACLCheckKeyPermissions(user, argv[2], flags);
    return RedisModule_ReplyWithLongLong(ctx, result == REDISMODULE_OK ? 0 : errno);
}

static int channel_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    errno = 0;
    int flags = atoi(RedisModule_StringPtrLen(argv[1], NULL));
    int result = RedisModule_ACLCheckChannelPermissions(user, argv[2], flags);
    /* A refusal leaves errno alone in 7.0. */
    return RedisModule_ReplyWithLongLong(ctx, result == REDISMODULE_OK ? 0 : errno == EINVAL ? 22 : 1);
}

static int call_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc < 2) return RedisModule_WrongArity(ctx);
    RedisModule_SetContextUser(ctx, user);
    RedisModuleCallReply *reply = RedisModule_Call(ctx, RedisModule_StringPtrLen(argv[1], NULL), "vEC",
                                                   argv + 2, (size_t)argc - 2);
    RedisModule_SetContextUser(ctx, NULL);
    RedisModule_ReplyWithCallReply(ctx, reply);
    RedisModule_FreeCallReply(reply);
    return REDISMODULE_OK;
}

static void changed(uint64_t id, void *data) {
    REDISMODULE_NOT_USED(id);
    ++*(int *)data;
}

static int become_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    uint64_t id = 0;
    RedisModule_ReplyWithArray(ctx, 2);
    int result = RedisModule_AuthenticateClientWithUser(ctx, user, changed, &changes, &id);
    RedisModule_ReplyWithLongLong(ctx, result);
    return RedisModule_ReplyWithLongLong(ctx, result == REDISMODULE_OK
                                                  ? id == RedisModule_GetClientId(ctx) : -1);
}

static int changes_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    REDISMODULE_NOT_USED(argv);
    REDISMODULE_NOT_USED(argc);
    return RedisModule_ReplyWithLongLong(ctx, changes);
}

static int new_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModule_FreeModuleUser(user);
    user = RedisModule_CreateModuleUser(RedisModule_StringPtrLen(argv[1], NULL));
    return RedisModule_ReplyWithLongLong(ctx, user != NULL);
}

static int named_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    RedisModuleUser *found = RedisModule_GetModuleUserFromUserName(argv[1]);
    if (!found) return RedisModule_ReplyWithNull(ctx);
    RedisModule_ReplyWithLongLong(ctx, RedisModule_ACLCheckKeyPermissions(
                                           found, argv[2], REDISMODULE_CMD_KEY_ACCESS));
    RedisModule_FreeModuleUser(found);
    return REDISMODULE_OK;
}

static int log_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 3) return RedisModule_WrongArity(ctx);
    RedisModuleACLLogEntryReason reason = atoi(RedisModule_StringPtrLen(argv[1], NULL));
    RedisModule_ACLAddLogEntry(ctx, user, argv[2], reason);
    if (RMAPI_FUNC_SUPPORTED(RedisModule_ACLAddLogEntryByUserName)) {
        RedisModuleString *name = RedisModule_GetCurrentUserName(ctx);
        RedisModule_ACLAddLogEntryByUserName(ctx, name, argv[2], reason);
        RedisModule_FreeString(ctx, name);
    }
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

int RedisModule_OnUnload(RedisModuleCtx *ctx);
__attribute__((visibility("default"))) int RedisModule_OnUnload(RedisModuleCtx *ctx) {
    REDISMODULE_NOT_USED(ctx);
    RedisModule_FreeModuleUser(user);
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
    } commands[] = {
        {"user.rules", rules_command},     {"user.rule", rule_command},   {"user.may", may_command},
        {"user.key", key_command},         {"user.channel", channel_command},
        {"user.call", call_command},       {"user.become", become_command},
        {"user.changes", changes_command}, {"user.new", new_command},     {"user.log", log_command},
        {"user.named", named_command},
    };
    if (RedisModule_Init(ctx, "rm_user", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) return 1;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (RedisModule_CreateCommand(ctx, commands[i].name, commands[i].call, "", 0, 0, 0)) return 1;
    }
    user = RedisModule_CreateModuleUser("modest");
    return user ? REDISMODULE_OK : REDISMODULE_ERR;
}
