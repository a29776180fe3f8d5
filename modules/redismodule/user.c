/* user.c - users that modules make, who a client is, and authentication.
 *
 * There is one user of the server's, "default", who may do everything, and those that modules make
 * for themselves: they may do nothing until their rules say so (rules.c). A client that a module
 * signed in as one of them is held to its rules by a gate that is armed for that client alone. */
#include "rm.h"
#include "rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct RedisModuleUser {
    char *name;
    bool server;               /* "default" */
    Rules *rules;
};

/* A client that was authenticated as a module's user, who wants to hear when that ends. */
typedef struct Session {
    RedisModuleUserChangedFunc call;
    void *data;
    Mod *mod;
    RedisModuleUser *user;
} Session;

int rm_session_slot, rm_user_gate;
bool rm_signed_in;

/* ---- channels -------------------------------------------------------------------------------- */

enum { CHANNELS = 64 };

/* The channels that a call names: known of the commands about them, told by modules that say so. At
 * most CHANNELS of them; a call with more is refused by whoever is asked about the rest. */
static int channels_of(const KeelCommandRef *cmd, const KeelStr *argv, int argc,
                       RulesChannel out[CHANNELS]) {
    static const struct {
        const char *name;
        bool pattern, one;     /* one: the first argument alone */
    } known[] = {{"publish", false, true},   {"spublish", false, true},  {"subscribe", false, false},
                 {"ssubscribe", false, false}, {"psubscribe", true, false}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(keel_command_name(cmd), known[i].name) != 0) continue;
        int n = known[i].one ? 1 : argc - 1;
        for (int j = 0; j < n && j < CHANNELS; j++) out[j] = (RulesChannel){j + 1, known[i].pattern};
        return n;
    }
    return rm_get_channels(cmd, argv, argc, out, CHANNELS);
}

static RulesVerdict judge(const RedisModuleUser *user, const KeelCommandRef *cmd, const KeelStr *argv,
                          int argc, int *position) {
    RulesChannel channels[CHANNELS];
    if (user->server) return RULES_PASS;
    int n = channels_of(cmd, argv, argc, channels);
    RulesVerdict verdict = rules_judge(user->rules, cmd, argv, argc, channels,
                                       n < CHANNELS ? n : CHANNELS, position);
    if (verdict == RULES_PASS && n > CHANNELS && !rules_channel(user->rules, KEEL_LIT("*"), true)) {
        *position = CHANNELS;
        return RULES_CHANNEL;
    }
    return verdict;
}

/* ---- users ----------------------------------------------------------------------------------- */

static RedisModuleUser *user_new(KeelStr name, Rules *rules) {
    RedisModuleUser *user = keel_zalloc(sizeof(*user));
    user->name = keel_strdup(name);
    user->rules = rules;
    return user;
}

RedisModuleUser *RM_CreateModuleUser(const char *name) {
    return user_new(keel_str(name), rules_new());
}

static bool forget_user(KeelClient *client, void *data) {
    Session *session = *keel_client_slot(client, rm_session_slot);
    if (session && session->user == data) {
        rm_user_changed(client);
        keel_client_set_user(client, NULL);
        keel_client_close(client, true);
    }
    return true;
}

void RM_FreeModuleUser(RedisModuleUser *user) {
    if (!user) return;
    if (!user->server) keel_client_each(forget_user, user);
    rules_free(user->rules);
    keel_free(user->name);
    keel_free(user);
}

/* "default" is the server's: its rights are not for modules to change. */
int RM_SetModuleUserACL(RedisModuleUser *user, const char *rule) {
    int error = user->server ? EPERM : rules_set(user->rules, keel_str(rule));
    errno = error;
    return error ? REDISMODULE_ERR : REDISMODULE_OK;
}

int RM_SetModuleUserACLString(RedisModuleCtx *ctx, RedisModuleUser *user, const char *acl,
                              RedisModuleString **error) {
    char *complaint = user->server ? keel_strdup(KEEL_LIT("The default user is not a module's"))
                                   : rules_set_text(&user->rules, acl);
    if (!complaint) return REDISMODULE_OK;
    if (error) *error = rm_string_for(ctx, complaint, strlen(complaint));
    keel_free(complaint);
    return REDISMODULE_ERR;
}

RedisModuleString *RM_GetModuleUserACLString(RedisModuleUser *user) {
    char *text = rules_text(user->rules);
    RedisModuleString *s = rm_string(text, strlen(text));
    keel_free(text);
    return s;
}

RedisModuleUser *RM_GetModuleUserFromUserName(RedisModuleString *name) {
    if (!keel_equal(rm_view(name), KEEL_LIT("default"))) {
        errno = ENOENT;
        return NULL;
    }
    RedisModuleUser *user = user_new(rm_view(name), rules_all());
    user->server = true;
    return user;
}

RedisModuleString *RM_GetCurrentUserName(RedisModuleCtx *ctx) {
    KeelClientInfo info = {.size = sizeof(info)};
    KeelClient *client = ctx->c ? keel_client(ctx->c) : NULL;
    if (!client) return NULL;
    keel_client_info(client, &info);
    return rm_string_for(ctx, info.user, strlen(info.user));
}

void RM_SetContextUser(RedisModuleCtx *ctx, const RedisModuleUser *user) {
    ctx->user = user;
    ctx->flags |= RM_UNTIDY;
}

void rm_forget_users(Mod *mod) {
    rm_forget_auth(mod); /* users are the module's to free */
}

/* ---- permissions ----------------------------------------------------------------------------- */

static const RedisModuleUser *client_user(KeelClient *client) {
    Session *session = *keel_client_slot(client, rm_session_slot);
    return session ? session->user : NULL;
}

/* False, and why: the call may not be made. */
static bool explain(const RedisModuleUser *user, const KeelCommandRef *cmd, const KeelStr *argv,
                    int argc, char *why, size_t room) {
    int at = 0;
    switch (judge(user, cmd, argv, argc, &at)) {
    case RULES_COMMAND:
        snprintf(why, room, "User %s has no permissions to run the '%s' command", user->name,
                 keel_command_name(cmd));
        return false;
    case RULES_KEY:
        snprintf(why, room, "No permissions to access a key");
        return false;
    case RULES_CHANNEL:
        snprintf(why, room, "No permissions to access a channel");
        return false;
    default:
        return true;
    }
}

UserVerdict rm_user_may(RedisModuleCtx *ctx, const KeelStr *argv, int argc, char *why, size_t room) {
    KeelClient *client = keel_client(ctx->c);
    if (!ctx->user && !client) return RM_NO_USER;
    const RedisModuleUser *user = ctx->user;
    if (!user) {
        client = keel_client_by_id(keel_client_id(client));
        user = client ? client_user(client) : NULL;
    }
    if (!user) return RM_MAY; /* the server's one user */
    const KeelCommandRef *cmd = keel_command_of(argv, argc);
    return cmd && !explain(user, cmd, argv, argc, why, room) ? RM_MAY_NOT : RM_MAY;
}

/* The gate of clients that are signed in as a module's user. */
KeelVerdict rm_user_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    char why[256];
    KeelClient *client = keel_client(c);
    client = client ? keel_client_by_id(keel_client_id(client)) : NULL;
    const RedisModuleUser *user = client ? client_user(client) : NULL;
    if (!user || explain(user, cmd, argv, argc, why, sizeof(why))) return KEEL_PASS;
    keel_reply_errorf(c, "NOPERM %s", why);
    return KEEL_ANSWERED;
}

int RM_ACLCheckCommandPermissions(RedisModuleUser *user, RedisModuleString **argv, int argc) {
    KeelStr *views = keel_alloc((size_t)(argc + 1) * sizeof(*views));
    for (int i = 0; i < argc; i++) views[i] = rm_view(argv[i]);
    const KeelCommandRef *cmd = argc > 0 ? keel_command_of(views, argc) : NULL;
    int at, result = REDISMODULE_ERR, error = 0;
    if (!cmd) {
        error = ENOENT;
    } else if (judge(user, cmd, views, argc, &at) != RULES_PASS) {
        error = EACCES;
    } else {
        result = REDISMODULE_OK;
    }
    keel_free(views);
    errno = error;
    return result;
}

/* The bits of the module ABI are the host's. */
int RM_ACLCheckKeyPermissions(RedisModuleUser *user, RedisModuleString *key, int flags) {
    const int known = REDISMODULE_CMD_KEY_ACCESS | REDISMODULE_CMD_KEY_INSERT |
                      REDISMODULE_CMD_KEY_DELETE | REDISMODULE_CMD_KEY_UPDATE;
    if ((flags & known) != flags) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    if (rules_key(user->rules, rm_view(key), (uint32_t)flags)) return REDISMODULE_OK;
    errno = EACCES;
    return REDISMODULE_ERR;
}

int RM_ACLCheckChannelPermissions(RedisModuleUser *user, RedisModuleString *channel, int flags) {
    const int known = REDISMODULE_CMD_CHANNEL_PUBLISH | REDISMODULE_CMD_CHANNEL_SUBSCRIBE |
                      REDISMODULE_CMD_CHANNEL_UNSUBSCRIBE | REDISMODULE_CMD_CHANNEL_PATTERN;
    if ((flags & known) != flags) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    if (flags & REDISMODULE_CMD_CHANNEL_UNSUBSCRIBE) return REDISMODULE_OK;
    if (rules_channel(user->rules, rm_view(channel), flags & REDISMODULE_CMD_CHANNEL_PATTERN)) {
        return REDISMODULE_OK;
    }
    errno = EACCES;
    return REDISMODULE_ERR;
}

/* There is no ACL LOG without the module that would keep it: the server's log has it instead. */
static void log_denied(RedisModuleCtx *ctx, const char *user, RedisModuleString *object,
                       RedisModuleACLLogEntryReason reason) {
    static const char *const reasons[] = {"auth", "command", "key", "channel"};
    (void)ctx;
    if ((unsigned)reason > REDISMODULE_ACL_LOG_CHANNEL) return;
    keel_log(KEEL_LOG_VERBOSE, "A module denied user '%s' the %s '%s'", user, reasons[reason],
             object ? object->ptr : "");
}

void RM_ACLAddLogEntry(RedisModuleCtx *ctx, RedisModuleUser *user, RedisModuleString *object,
                       RedisModuleACLLogEntryReason reason) {
    log_denied(ctx, user->name, object, reason);
}

void RM_ACLAddLogEntryByUserName(RedisModuleCtx *ctx, RedisModuleString *name,
                                 RedisModuleString *object, RedisModuleACLLogEntryReason reason) {
    log_denied(ctx, name->ptr, object, reason);
}

/* ---- authentication -------------------------------------------------------------------------- */

void rm_session_free(KeelClient *client, void *value) {
    Session *session = value;
    if (session->call) session->call(keel_client_id(client), session->data);
    keel_free(session);
}

/* Who it was told about hears that the client is somebody else now. */
void rm_user_changed(KeelClient *client) {
    void **slot = keel_client_slot(client, rm_session_slot);
    Session *session = *slot;
    if (!session) return;
    *slot = NULL;
    keel_gate_arm_client(client, rm_user_gate, false);
    rm_session_free(client, session);
}

static int sign_in(RedisModuleCtx *ctx, RedisModuleUser *user, const char *name,
                   RedisModuleUserChangedFunc call, void *data, uint64_t *id) {
    KeelClient *client = ctx->c ? keel_client(ctx->c) : NULL;
    client = client ? keel_client_by_id(keel_client_id(client)) : NULL;
    if (!client) return REDISMODULE_ERR;
    rm_user_changed(client);
    keel_client_set_user(client, name);
    rm_signed_in = true;
    if (call || user) {
        Session *session = keel_alloc(sizeof(*session));
        *session = (Session){call, data, ctx->mod, user};
        *keel_client_slot(client, rm_session_slot) = session;
        if (user) keel_gate_arm_client(client, rm_user_gate, true);
    }
    if (call && id) *id = keel_client_id(client);
    return REDISMODULE_OK;
}

int RM_AuthenticateClientWithACLUser(RedisModuleCtx *ctx, const char *name, size_t len,
                                     RedisModuleUserChangedFunc call, void *data, uint64_t *id) {
    if (!keel_equal((KeelStr){name, len}, KEEL_LIT("default"))) return REDISMODULE_ERR;
    return sign_in(ctx, NULL, "default", call, data, id);
}

int RM_AuthenticateClientWithUser(RedisModuleCtx *ctx, RedisModuleUser *user,
                                  RedisModuleUserChangedFunc call, void *data, uint64_t *id) {
    if (!rules_on(user->rules)) return REDISMODULE_ERR;
    return sign_in(ctx, user->server ? NULL : user, user->name, call, data, id);
}
