/* rm_command.c - commands of the Redis module ABI that say a lot of themselves: trees of arguments, key
 * specs of every kind, history, tips, subcommands, keys that only the command knows. */
#include <errno.h>
#include <redismodule.h>

static int answer(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    return RedisModule_ReplyWithLongLong(ctx, argc);
}

/* info.picks COUNT ... key key: the last COUNT words are keys, the first of them read. */
static int picks(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (!RedisModule_IsKeysPositionRequest(ctx)) return answer(ctx, argv, argc);
    long long count = 0;
    if (argc > 1) RedisModule_StringToLongLong(argv[1], &count);
    for (long long i = argc - count; count > 0 && i < argc; i++) {
        if (i == argc - count) {
            RedisModule_KeyAtPosWithFlags(ctx, (int)i, REDISMODULE_CMD_KEY_RO | REDISMODULE_CMD_KEY_ACCESS);
        } else {
            RedisModule_KeyAtPos(ctx, (int)i);
        }
    }
    return REDISMODULE_OK;
}

/* info.keysof command ...: positions and flags of its keys, or the errno. */
static int keysof(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    int count = -1, *flags = NULL;
    errno = 0;
    int *keys = RedisModule_GetCommandKeysWithFlags(ctx, argv + 1, argc - 1, &count, &flags);
    if (!keys) return RedisModule_ReplyWithLongLong(ctx, errno);
    RedisModule_ReplyWithArray(ctx, count * 2);
    for (int i = 0; i < count; i++) {
        RedisModule_ReplyWithLongLong(ctx, keys[i]);
        RedisModule_ReplyWithLongLong(ctx, flags[i]);
    }
    RedisModule_Free(keys);
    RedisModule_Free(flags);
    return REDISMODULE_OK;
}

static RedisModuleCommandHistoryEntry history[] = {{"1.0.1", "Added this."}, {"2.0", "Took that."}, {0}};

static RedisModuleCommandKeySpec specs[] = {
    {.notes = "The first one.", .flags = REDISMODULE_CMD_KEY_RW | REDISMODULE_CMD_KEY_ACCESS | REDISMODULE_CMD_KEY_UPDATE,
     .begin_search_type = REDISMODULE_KSPEC_BS_INDEX, .bs.index.pos = 1,
     .find_keys_type = REDISMODULE_KSPEC_FK_RANGE, .fk.range = {0, 1, 0}},
    {.flags = REDISMODULE_CMD_KEY_OW | REDISMODULE_CMD_KEY_INSERT,
     .begin_search_type = REDISMODULE_KSPEC_BS_KEYWORD, .bs.keyword = {"STORE", 2},
     .find_keys_type = REDISMODULE_KSPEC_FK_RANGE, .fk.range = {-1, 2, 2}},
    {.flags = REDISMODULE_CMD_KEY_RO | REDISMODULE_CMD_KEY_ACCESS | REDISMODULE_CMD_KEY_INCOMPLETE,
     .begin_search_type = REDISMODULE_KSPEC_BS_KEYWORD, .bs.keyword = {"KEYS", -1},
     .find_keys_type = REDISMODULE_KSPEC_FK_KEYNUM, .fk.keynum = {0, 1, 1}},
    {.flags = REDISMODULE_CMD_KEY_RM | REDISMODULE_CMD_KEY_DELETE | REDISMODULE_CMD_KEY_VARIABLE_FLAGS,
     .begin_search_type = REDISMODULE_KSPEC_BS_UNKNOWN, .find_keys_type = REDISMODULE_KSPEC_FK_UNKNOWN},
    {0}};

#define ARG(n, t, ...) {.name = n, .type = REDISMODULE_ARG_TYPE_##t, .key_spec_index = -1, __VA_ARGS__}
static RedisModuleCommandArg orders[] = {ARG("asc", PURE_TOKEN, .token = "ASC"),
    ARG("desc", PURE_TOKEN, .token = "desc", .since = "1.1.0"), {0}};
static RedisModuleCommandArg limits[] = {ARG("offset", INTEGER), ARG("count", INTEGER), {0}};
static RedisModuleCommandArg pairs[] = {ARG("score", DOUBLE), ARG("member", STRING), {0}};
static RedisModuleCommandArg inner[] = {ARG("when", UNIX_TIME, .token = "AT"),
    ARG("how", ONEOF, .subargs = orders, .flags = REDISMODULE_CMD_ARG_OPTIONAL),
    ARG("glob", PATTERN, .token = "LIKE", .flags = REDISMODULE_CMD_ARG_OPTIONAL | REDISMODULE_CMD_ARG_MULTIPLE |
        REDISMODULE_CMD_ARG_MULTIPLE_TOKEN), {0}};
static RedisModuleCommandArg args[] = {
    {.name = "key", .type = REDISMODULE_ARG_TYPE_KEY, .key_spec_index = 0, .summary = "Where it is."},
    ARG("force", PURE_TOKEN, .token = "FORCE", .flags = REDISMODULE_CMD_ARG_OPTIONAL),
    ARG("order", ONEOF, .subargs = orders),
    ARG("amount", INTEGER, .token = "AMOUNT", .since = "1.2.3", .deprecated_since = "2.0.0"),
    ARG("limit", BLOCK, .token = "LIMIT", .subargs = limits, .flags = REDISMODULE_CMD_ARG_OPTIONAL),
    ARG("pair", BLOCK, .subargs = pairs, .flags = REDISMODULE_CMD_ARG_MULTIPLE),
    ARG("word", STRING, .flags = REDISMODULE_CMD_ARG_MULTIPLE | REDISMODULE_CMD_ARG_OPTIONAL),
    ARG("tagged", STRING, .token = "TAG", .flags = REDISMODULE_CMD_ARG_MULTIPLE),
    ARG("nest", BLOCK, .subargs = inner, .flags = REDISMODULE_CMD_ARG_OPTIONAL),
    {.name = "destination", .type = REDISMODULE_ARG_TYPE_KEY, .key_spec_index = 1, .token = "STORE",
     .flags = REDISMODULE_CMD_ARG_OPTIONAL},
    {0}};

static int describe(RedisModuleCtx *ctx) {
    RedisModuleCommandInfo info = {.version = REDISMODULE_COMMAND_INFO_VERSION,
        .summary = "Does it all.", .complexity = "O(N) where N is what it is", .since = "1.0.0",
        .history = history, .tips = "nondeterministic_output request_policy:all_shards", .arity = -3,
        .key_specs = specs, .args = args};
    RedisModuleCommand *all = RedisModule_GetCommand(ctx, "info.all");
    if (RedisModule_SetCommandInfo(all, &info) != REDISMODULE_OK) return 1;
    /* Once is enough. */
    errno = 0;
    if (RedisModule_SetCommandInfo(all, &info) != REDISMODULE_ERR || errno != EEXIST) return 1;
    RedisModuleCommandKeySpec no_use[] = {{.flags = REDISMODULE_CMD_KEY_ACCESS,
        .begin_search_type = REDISMODULE_KSPEC_BS_INDEX, .bs.index.pos = 1,
        .find_keys_type = REDISMODULE_KSPEC_FK_RANGE, .fk.range = {0, 1, 0}}, {0}};
    RedisModuleCommandArg no_subargs[] = {ARG("x", ONEOF), {0}}, no_token[] = {ARG("x", PURE_TOKEN), {0}};
    RedisModuleCommandInfo bad[] = {
        {.version = REDISMODULE_COMMAND_INFO_VERSION, .key_specs = no_use},
        {.version = REDISMODULE_COMMAND_INFO_VERSION, .args = no_subargs},
        {.version = REDISMODULE_COMMAND_INFO_VERSION, .args = no_token}};
    RedisModuleCommand *plain = RedisModule_GetCommand(ctx, "info.plain");
    for (int i = 0; i < 3; i++) {
        errno = 0;
        if (RedisModule_SetCommandInfo(plain, &bad[i]) != REDISMODULE_ERR || errno != EINVAL) return 1;
    }
    RedisModuleCommandInfo less = {.version = REDISMODULE_COMMAND_INFO_VERSION, .summary = "Does less.",
        .arity = 2};
    return RedisModule_SetCommandInfo(RedisModule_GetCommand(ctx, "info.less"), &less);
}

static int subcommands(RedisModuleCtx *ctx) {
    if (RedisModule_CreateCommand(ctx, "info.group", NULL, "readonly", 0, 0, 0)) return 1;
    RedisModuleCommand *group = RedisModule_GetCommand(ctx, "info.group");
    if (RedisModule_CreateSubcommand(group, "one", answer, "readonly fast", 2, 2, 1)) return 1;
    if (RedisModule_CreateSubcommand(group, "two", answer, "write deny-oom allow-stale", 2, -1, 2)) return 1;
    return RedisModule_CreateSubcommand(group, "ONE", answer, "", 0, 0, 0) != REDISMODULE_ERR;
}

__attribute__((visibility("default"))) int RedisModule_OnLoad(RedisModuleCtx *ctx,
                                                              RedisModuleString **argv, int argc);
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    if (RedisModule_Init(ctx, "rm_command", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) return 1;
    if (RedisModule_CreateCommand(ctx, "info.all", answer, "write", 1, 1, 1) ||
        RedisModule_CreateCommand(ctx, "info.plain", answer, "readonly random admin deny-script", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "info.less", answer, "write fast blocking no-auth", 1, -2, 2) ||
        RedisModule_CreateCommand(ctx, "INFO.Caps", answer, "pubsub allow-loading no-monitor may-replicate", 2, 2, 1) ||
        RedisModule_CreateCommand(ctx, "info.picks", picks, "readonly getkeys-api", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "info.keysof", keysof, "readonly", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "info.all", answer, "write", 1, 1, 1) != REDISMODULE_ERR ||
        RedisModule_CreateCommand(ctx, "get", answer, "", 0, 0, 0) != REDISMODULE_ERR ||
        RedisModule_CreateCommand(ctx, "info.bad", answer, "write nosuchflag", 0, 0, 0) != REDISMODULE_ERR) {
        return 1;
    }
    /* Newer than the oldest server that this runs under. */
    if (RMAPI_FUNC_SUPPORTED(RedisModule_SetCommandACLCategories)) {
        RedisModule_CreateCommand(ctx, "info.acl", answer, "readonly", 0, 0, 0);
        RedisModuleCommand *acl = RedisModule_GetCommand(ctx, "info.acl");
        if (RedisModule_SetCommandACLCategories(acl, "nosuch") != REDISMODULE_ERR) return 1;
        if (RMAPI_FUNC_SUPPORTED(RedisModule_AddACLCategory)) {
            if (RedisModule_AddACLCategory(ctx, "read") != REDISMODULE_ERR || errno != EBUSY) return 1;
            if (RedisModule_AddACLCategory(ctx, "no good") != REDISMODULE_ERR || errno != EINVAL) return 1;
            if (RedisModule_AddACLCategory(ctx, "infocat") ||
                RedisModule_SetCommandACLCategories(acl, "infocat dangerous")) return 1;
        }
    }
    return describe(ctx) || subcommands(ctx);
}
