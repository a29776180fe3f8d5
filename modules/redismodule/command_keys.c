/* command_keys.c - where the keys of a call are: told by commands that know it alone, and asked of any
 * command.
 *
 * A command with "getkeys-api" is called with nothing but its arguments, and names its keys instead
 * of running. */
#include "rm.h"
#include "rules.h"

#include <errno.h>
#include <string.h>

typedef struct KeysRequest {
    KeelKeyUse *uses;
    RulesChannel *channels;
    int count, room;
} KeysRequest;

int RM_IsKeysPositionRequest(RedisModuleCtx *ctx) {
    return (ctx->flags & RM_KEYS_REQUEST) != 0;
}
int RM_IsChannelsPositionRequest(RedisModuleCtx *ctx) {
    return (ctx->flags & RM_CHANNELS_REQUEST) != 0;
}

void RM_KeyAtPosWithFlags(RedisModuleCtx *ctx, int position, int flags) {
    KeysRequest *request = ctx->request;
    if (!(ctx->flags & RM_KEYS_REQUEST) || !request || position <= 0) return;
    if (request->count < request->room) {
        request->uses[request->count] = (KeelKeyUse){position, (uint32_t)flags};
    }
    request->count++;
}

void RM_KeyAtPos(RedisModuleCtx *ctx, int position) {
    RM_KeyAtPosWithFlags(ctx, position, REDISMODULE_CMD_KEY_RW | REDISMODULE_CMD_KEY_ACCESS |
                                            REDISMODULE_CMD_KEY_UPDATE);
}

/* A channel to leave is nobody's right. */
void RM_ChannelAtPosWithFlags(RedisModuleCtx *ctx, int position, int flags) {
    KeysRequest *request = ctx->request;
    const int rights = REDISMODULE_CMD_CHANNEL_PUBLISH | REDISMODULE_CMD_CHANNEL_SUBSCRIBE;
    if (!(ctx->flags & RM_CHANNELS_REQUEST) || !request || position <= 0 || !(flags & rights)) return;
    if (request->count < request->room) {
        request->channels[request->count] =
            (RulesChannel){position, flags & REDISMODULE_CMD_CHANNEL_PATTERN};
    }
    request->count++;
}

static void ask(const RedisModuleCommand *cmd, const KeelStr *argv, int argc, unsigned what,
                KeysRequest *request) {
    RedisModuleCtx *ctx = rm_enter(cmd->mod, NULL, what);
    ctx->command = (RedisModuleCommand *)(uintptr_t)cmd;
    ctx->request = request;
    rm_set_argv(ctx, argv, argc);
    cmd->call(ctx, ctx->argv, argc);
    rm_leave(ctx);
}

int rm_get_channels(const KeelCommandRef *ref, const KeelStr *argv, int argc, RulesChannel *channels,
                    int room) {
    const KeelCommand *row = keel_command_row(ref);
    if (row->call != rm_run) return 0;
    const RedisModuleCommand *cmd = row->data;
    if (!cmd->getchannels_api) return 0;
    KeysRequest request = {.channels = channels, .room = room};
    ask(cmd, argv, argc, RM_CHANNELS_REQUEST, &request);
    int kept = 0;
    for (int i = 0; i < request.count && i < room; i++) {
        if (channels[i].position < argc) channels[kept++] = channels[i];
    }
    return request.count > room ? request.count : kept;
}

/* Positions beyond the arguments make no sense, whatever the module says. */
int rm_get_keys(const KeelStr *argv, int argc, KeelKeyUse *uses, int room) {
    const KeelCommandRef *ref = keel_command_of(argv, argc);
    const RedisModuleCommand *cmd = ref ? keel_command_row(ref)->data : NULL;
    if (!cmd || !cmd->call) return -1;
    KeysRequest request = {.uses = uses, .room = room};
    ask(cmd, argv, argc, RM_KEYS_REQUEST, &request);
    for (int i = 0; i < request.count && i < room; i++) {
        if (uses[i].position >= argc) return -1;
    }
    return request.count;
}

/* ---- asking ---------------------------------------------------------------------------------- */

enum { KEYS_FEW = 32, WORDS_FEW = 32 };

static int *numbers(const Mod *mod, const KeelKeyUse *uses, int count, bool flags) {
    int *out = keel_mem_alloc(mod ? rm_memory_account(mod) : &keel_self.memory,
                              (size_t)count * sizeof(*out));
    for (int i = 0; i < count; i++) out[i] = flags ? (int)uses[i].flags : uses[i].position;
    return out;
}

/* The keys of argv's command. False: errno says why, 0 being that it has none. */
static bool keys_of(const KeelStr *argv, int argc, KeelKeyUse **uses, int *count) {
    const KeelCommandRef *cmd = argc > 0 ? keel_command_of(argv, argc) : NULL;
    errno = ENOENT;
    if (!cmd) return false;
    errno = 0;
    if (!keel_command_has_keys(cmd)) return false;
    *count = keel_command_keys(cmd, argv, argc, *uses, KEYS_FEW);
    if (*count > KEYS_FEW) {
        *uses = keel_alloc((size_t)*count * sizeof(**uses));
        keel_command_keys(cmd, argv, argc, *uses, *count);
    }
    errno = *count < 0 ? EINVAL : 0;
    return *count > 0;
}

/* NULL: an unknown command (ENOENT), wrong arguments (EINVAL), no keys (0). RM_Free() both arrays. */
int *RM_GetCommandKeysWithFlags(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, int *count,
                                int **flags) {
    KeelStr few[WORDS_FEW], *words = argc > WORDS_FEW ? keel_alloc((size_t)argc * sizeof(*words))
                                                      : few;
    KeelKeyUse few_uses[KEYS_FEW], *uses = few_uses;
    int *positions = NULL;
    *count = 0;
    for (int i = 0; i < argc; i++) words[i] = rm_view(argv[i]);
    if (keys_of(words, argc, &uses, count)) {
        positions = numbers(ctx->mod, uses, *count, false);
        if (flags) *flags = numbers(ctx->mod, uses, *count, true);
    } else {
        *count = 0;
    }
    int why = errno;
    if (words != few) keel_free(words);
    if (uses != few_uses) keel_free(uses);
    errno = why;
    return positions;
}

int *RM_GetCommandKeys(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, int *count) {
    return RM_GetCommandKeysWithFlags(ctx, argv, argc, count, NULL);
}
