/* rm_api.c - asks for every function of the Redis module ABI by its name, under both prefixes. */
#include <redismodule.h>
#include <string.h>

#define NAME(returns, name, parameters) #name,
static const char *const names[] = {REDISMODULE_FUNCTIONS(NAME)};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static void *ask(const char *prefix, const char *name) {
    char full[128];
    void *function = NULL;
    snprintf(full, sizeof(full), "%s%s", prefix, name);
    RedisModule_GetApi(full, (void *)&function);
    return function;
}

/* api.missing: how many functions there are, and the names of those that do not resolve, or not to the
 * same function under both prefixes. Runs in OnLoad, when modules ask. */
static char missing[16384];

static int api_missing(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    RedisModule_ReplyWithArray(ctx, 2);
    RedisModule_ReplyWithLongLong(ctx, NAMES);
    return RedisModule_ReplyWithCString(ctx, missing);
}

__attribute__((visibility("default"))) int RedisModule_OnLoad(RedisModuleCtx *ctx,
                                                              RedisModuleString **argv, int argc);
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    if (RedisModule_Init(ctx, "rm_api", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) return 1;
    for (size_t i = 0; i < NAMES; i++) {
        void *function = ask("RedisModule_", names[i]);
        if (function && (ask("ValkeyModule_", names[i]) == function || i < 8)) continue;
        strncat(missing, names[i], sizeof(missing) - strlen(missing) - 2);
        strcat(missing, " ");
    }
    if (ask("RedisModule_", "NoSuchFunction") || ask("", "Alloc") || ask("redismodule_", "Alloc")) return 1;
    return RedisModule_CreateCommand(ctx, "api.missing", api_missing, "readonly fast", 0, 0, 0);
}
