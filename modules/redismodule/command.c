/* command.c - CreateCommand and what surrounds a command's call.
 *
 * What OnLoad registers is gathered and given to the host as rows of a native module's table once
 * OnLoad has returned, so that subcommands, key specs and documentation can come in any order. One
 * handler serves all rows: it enters a frame, shows the arguments as module strings and calls. */
#include "rm.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- flags ----------------------------------------------------------------------------------- */

enum { FLAG_GETKEYS = 1, FLAG_GETCHANNELS, FLAG_NOTHING };

typedef struct FlagWord {
    const char *word;
    uint64_t flag;
    int special;
} FlagWord;

static const FlagWord flag_words[] = {
    {"write", KEEL_WRITE, 0},
    {"readonly", KEEL_READONLY, 0},
    {"admin", KEEL_ADMIN, 0},
    {"deny-oom", KEEL_DENYOOM, 0},
    {"deny-script", KEEL_NOSCRIPT, 0},
    {"allow-loading", KEEL_LOADING, 0},
    {"pubsub", KEEL_PUBSUB, 0},
    {"random", 0, FLAG_NOTHING},
    {"blocking", KEEL_BLOCKING, 0},
    {"allow-stale", KEEL_STALE, 0},
    {"no-monitor", KEEL_SKIP_MONITOR, 0},
    {"no-slowlog", KEEL_SKIP_SLOWLOG, 0},
    {"fast", KEEL_FAST, 0},
    {"no-auth", KEEL_NO_AUTH, 0},
    {"may-replicate", KEEL_MAY_REPLICATE, 0},
    {"getkeys-api", 0, FLAG_GETKEYS},
    {"getchannels-api", 0, FLAG_GETCHANNELS},
    {"no-cluster", 0, FLAG_NOTHING},
    {"no-mandatory-keys", KEEL_NO_MANDATORY_KEYS, 0},
    {"allow-busy", KEEL_ALLOW_BUSY, 0},
};

static const FlagWord *find_flag(KeelStr word) {
    for (size_t i = 0; i < sizeof(flag_words) / sizeof(flag_words[0]); i++) {
        if (keel_is(word, flag_words[i].word)) return &flag_words[i];
    }
    return NULL;
}

/* Words separated by blanks. False: one is unknown. */
static bool read_flags(const char *text, RedisModuleCommand *cmd) {
    while (text && *text) {
        size_t len = strcspn(text, " ");
        const FlagWord *flag = len ? find_flag((KeelStr){text, len}) : NULL;
        if (len && !flag) return false;
        if (flag) {
            cmd->flags |= flag->flag;
            cmd->getkeys_api |= flag->special == FLAG_GETKEYS;
            cmd->getchannels_api |= flag->special == FLAG_GETCHANNELS;
        }
        text += len + (text[len] == ' ');
    }
    return true;
}

/* ---- registering ----------------------------------------------------------------------------- */

static bool name_is_good(const char *name) {
    return *name && !strpbrk(name, " \r\n|@=,");
}

static RedisModuleCommand *command_new(Mod *mod, const char *name, RedisModuleCmdFunc call,
                                       const char *flags, int first, int last, int step) {
    RedisModuleCommand *cmd = keel_zalloc(sizeof(*cmd));
    cmd->mod = mod;
    cmd->call = call;
    cmd->arity = -1;
    cmd->first_key = first;
    cmd->last_key = last;
    cmd->key_step = step;
    if (!read_flags(flags, cmd)) {
        keel_free(cmd);
        errno = EINVAL;
        return NULL;
    }
    cmd->name = keel_strdup(keel_str(name));
    return cmd;
}

static RedisModuleCommand *find_among(RedisModuleCommand *first, const char *name) {
    while (first && strcasecmp(first->name, name) != 0) first = first->next;
    return first;
}

static void append(RedisModuleCommand **list, RedisModuleCommand *cmd) {
    while (*list) list = &(*list)->next;
    *list = cmd;
}

int RM_CreateCommand(RedisModuleCtx *ctx, const char *name, RedisModuleCmdFunc call,
                     const char *flags, int first, int last, int step) {
    Mod *mod = ctx->mod;
    if (!mod || !mod->loading || !name_is_good(name)) return REDISMODULE_ERR;
    if (keel_command_find(keel_str(name)) || find_among(mod->commands, name)) {
        errno = EBUSY;
        return REDISMODULE_ERR;
    }
    RedisModuleCommand *cmd = command_new(mod, name, call, flags, first, last, step);
    if (!cmd) return REDISMODULE_ERR;
    cmd->full_name = keel_strdup(keel_str(name));
    append(&mod->commands, cmd);
    return REDISMODULE_OK;
}

RedisModuleCommand *RM_GetCommand(RedisModuleCtx *ctx, const char *name) {
    return ctx->mod ? find_among(ctx->mod->commands, name) : NULL;
}

int RM_CreateSubcommand(RedisModuleCommand *parent, const char *name, RedisModuleCmdFunc call,
                        const char *flags, int first, int last, int step) {
    if (!parent->mod->loading || parent->parent || !name_is_good(name)) return REDISMODULE_ERR;
    if (parent->call && parent->first_key) return REDISMODULE_ERR; /* it has keys of its own */
    if (find_among(parent->first_sub, name)) {
        errno = EBUSY;
        return REDISMODULE_ERR;
    }
    RedisModuleCommand *cmd = command_new(parent->mod, name, call, flags, first, last, step);
    if (!cmd) return REDISMODULE_ERR;
    char full[256];
    snprintf(full, sizeof(full), "%s|%s", parent->name, name);
    cmd->full_name = keel_strdup(keel_str(full));
    cmd->parent = parent;
    append(&parent->first_sub, cmd);
    return REDISMODULE_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static size_t count(const RedisModuleCommand *cmd) {
    size_t n = 0;
    for (; cmd; cmd = cmd->next) n++;
    return n;
}

/* .keys from the three numbers of CreateCommand. */
static void make_keys(RedisModuleCommand *cmd) {
    char text[128];
    if (cmd->keys || cmd->first_key <= 0) return;
    int last = cmd->last_key < 0 ? cmd->last_key : cmd->last_key - cmd->first_key;
    snprintf(text, sizeof(text), "RW ACCESS UPDATE: idx %d; range %d %d 0", cmd->first_key, last,
             cmd->key_step > 0 ? cmd->key_step : 1);
    cmd->keys = keel_strdup(keel_str(text));
}

static KeelCommand *make_rows(RedisModuleCommand *first) {
    KeelCommand *rows = keel_zalloc((count(first) + 1) * sizeof(*rows)), *row = rows;
    for (RedisModuleCommand *cmd = first; cmd; cmd = cmd->next, row++) {
        make_keys(cmd);
        *row = (KeelCommand){.name = cmd->name, .flags = cmd->flags | KEEL_FOREIGN | KEEL_OWN_RECORDS,
                             .call = cmd->call ? rm_run : NULL, .args = cmd->args, .keys = cmd->keys,
                             .categories = cmd->categories, .history = cmd->history,
                             .arity = cmd->arity, .data = cmd,
                             .get_keys = cmd->getkeys_api ? rm_get_keys : NULL};
        if (cmd->first_sub) row->subcommands = make_rows(cmd->first_sub);
        rm_describe(cmd, row);
    }
    return rows;
}

bool rm_build_rows(Mod *mod, const char **reason) {
    *reason = NULL;
    rm_forget_known();
    if (mod->commands) mod->rows = make_rows(mod->commands);
    return true;
}

/* ---- forgetting ------------------------------------------------------------------------------ */

static void free_rows(KeelCommand *rows) {
    for (KeelCommand *row = rows; row && row->name; row++) {
        free_rows((KeelCommand *)(uintptr_t)row->subcommands);
    }
    keel_free(rows);
}

static void free_commands(RedisModuleCommand *cmd) {
    for (RedisModuleCommand *next; cmd; cmd = next) {
        next = cmd->next;
        free_commands(cmd->first_sub);
        rm_forget_info(cmd);
        keel_free(cmd->name);
        keel_free(cmd->full_name);
        keel_free(cmd->categories);
        keel_free(cmd->args);
        keel_free(cmd->keys);
        keel_free(cmd->history);
        keel_free(cmd);
    }
}

void rm_forget_commands(Mod *mod) {
    rm_forget_known();
    free_rows(mod->rows);
    free_commands(mod->commands);
    mod->rows = NULL;
    mod->commands = NULL;
}
