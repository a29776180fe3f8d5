/* user.c - users that modules make, who a client is, and authentication.
 *
 * There is one user of the server's, "default", who may do everything, and those that modules make
 * for themselves: they may do nothing until their rules say so. A rule list is kept and judged in
 * order, the last one that concerns a command, a key or a channel winning. */
#include "rm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Rule {
    struct Rule *next;
    char kind;                 /* '+' '-' commands, '@' '!' categories on and off, '~' keys, '&' */
    unsigned modes;            /* of keys: 1 read, 2 write */
    uint64_t bits;             /* of a category */
    char *text;
} Rule;

struct RedisModuleUser {
    char *name;
    bool server;               /* "default": everything is allowed */
    bool on, no_pass;
    Rule *rules, **end;
};

/* A client that was authenticated as a module's user, who wants to hear when that ends. */
typedef struct Session {
    RedisModuleUserChangedFunc call;
    void *data;
    Mod *mod;
    RedisModuleUser *user;
} Session;

int rm_session_slot;
bool rm_signed_in;

/* ---- rules ----------------------------------------------------------------------------------- */

static Rule *rule_add(RedisModuleUser *user, char kind, KeelStr text) {
    Rule *rule = keel_zalloc(sizeof(*rule));
    rule->kind = kind;
    rule->modes = 3;
    rule->text = keel_strdup(text);
    *user->end = rule;
    user->end = &rule->next;
    return rule;
}

static void rules_free(RedisModuleUser *user, const char *kinds) {
    Rule **at = &user->rules;
    while (*at) {
        Rule *rule = *at;
        if (kinds && !strchr(kinds, rule->kind)) {
            at = &rule->next;
            continue;
        }
        *at = rule->next;
        keel_free(rule->text);
        keel_free(rule);
    }
    user->end = at;
}

static bool category_rule(RedisModuleUser *user, char sign, KeelStr name) {
    if (keel_is(name, "all")) {
        rules_free(user, "+-@!");
        Rule *all = rule_add(user, sign == '+' ? '@' : '!', name);
        all->bits = ~0ull;
        return true;
    }
    for (int bit = 0; keel_category_name(bit); bit++) {
        if (!keel_is(name, keel_category_name(bit))) continue;
        rule_add(user, sign == '+' ? '@' : '!', name)->bits = 1ull << bit;
        return true;
    }
    return false;
}

static bool command_rule(RedisModuleUser *user, char sign, KeelStr name) {
    if (name.len && *name.ptr == '@') {
        return category_rule(user, sign, (KeelStr){name.ptr + 1, name.len - 1});
    }
    if (!keel_command_find(name)) return false;
    rule_add(user, sign, name);
    return true;
}

/* "%R~pattern": reading only. */
static bool key_rule(RedisModuleUser *user, KeelStr text) {
    unsigned modes = 0;
    size_t i = 1;
    for (; i < text.len && text.ptr[i] != '~'; i++) {
        unsigned mode = text.ptr[i] == 'R' || text.ptr[i] == 'r'   ? 1u
                        : text.ptr[i] == 'W' || text.ptr[i] == 'w' ? 2u : 0u;
        if (!mode) return false;
        modes |= mode;
    }
    if (i == text.len || !modes) return false;
    rule_add(user, '~', (KeelStr){text.ptr + i + 1, text.len - i - 1})->modes = modes;
    return true;
}

/* One word of ACL SETUSER. False with errno when it means nothing. */
static bool rule_read(RedisModuleUser *user, KeelStr word) {
    KeelStr rest = word.len ? (KeelStr){word.ptr + 1, word.len - 1} : word;
    if (keel_is(word, "on") || keel_is(word, "off")) user->on = keel_is(word, "on");
    else if (keel_is(word, "nopass") || keel_is(word, "resetpass")) user->no_pass = word.ptr[0] == 'n';
    else if (keel_is(word, "allcommands")) category_rule(user, '+', KEEL_LIT("all"));
    else if (keel_is(word, "nocommands")) category_rule(user, '-', KEEL_LIT("all"));
    else if (keel_is(word, "allkeys")) rule_add(user, '~', KEEL_LIT("*"));
    else if (keel_is(word, "resetkeys")) rules_free(user, "~");
    else if (keel_is(word, "allchannels")) rule_add(user, '&', KEEL_LIT("*"));
    else if (keel_is(word, "resetchannels")) rules_free(user, "&");
    else if (keel_is(word, "sanitize-payload") || keel_is(word, "skip-sanitize-payload")) return true;
    else if (keel_is(word, "reset")) {
        rules_free(user, NULL);
        user->on = user->no_pass = false;
    } else if (word.len && (*word.ptr == '+' || *word.ptr == '-')) {
        if (command_rule(user, *word.ptr, rest)) return true;
        errno = ENOENT;
        return false;
    } else if (word.len && (*word.ptr == '~' || *word.ptr == '&')) {
        rule_add(user, *word.ptr, rest);
    } else if (word.len && *word.ptr == '%') {
        if (key_rule(user, word)) return true;
        errno = EINVAL;
        return false;
    } else if (word.len && strchr("><#!", *word.ptr)) {
        return true; /* a secret: nobody signs in to a module's user with one */
    } else {
        errno = EINVAL;
        return false;
    }
    return true;
}

static bool command_allowed(const RedisModuleUser *user, const KeelCommandRef *cmd) {
    bool allowed = false;
    const char *name = keel_command_name(cmd);
    for (const Rule *rule = user->rules; rule; rule = rule->next) {
        size_t len = strlen(rule->text);
        bool named = strncasecmp(name, rule->text, len) == 0 && (!name[len] || name[len] == '|');
        bool of = rule->bits == ~0ull || rule->bits & keel_command_categories(cmd);
        if (rule->kind == '+' && named) allowed = true;
        if (rule->kind == '-' && named) allowed = false;
        if (rule->kind == '@' && of) allowed = true;
        if (rule->kind == '!' && of) allowed = false;
    }
    return allowed;
}

/* Some pattern, or several between them, give all `modes`. */
static bool name_allowed(const RedisModuleUser *user, char kind, KeelStr name, unsigned modes) {
    unsigned given = 0;
    for (const Rule *rule = user->rules; rule; rule = rule->next) {
        if (rule->kind == kind && keel_match(keel_str(rule->text), name, false)) given |= rule->modes;
    }
    return (given & modes) == modes && (modes || given);
}

static unsigned modes_of(uint32_t use) {
    unsigned modes = 0;
    if (use & KEEL_USE_ACCESS) modes |= 1;
    if (use & (KEEL_USE_UPDATE | KEEL_USE_INSERT | KEEL_USE_DELETE)) modes |= 2;
    return modes;
}

enum { MAY = 0, NOT_COMMAND, NOT_KEY };

static int judge(const RedisModuleUser *user, const KeelCommandRef *cmd, const KeelStr *argv,
                 int argc, int *position) {
    enum { USES = 64 };
    KeelKeyUse few[USES], *uses = few;
    if (user->server) return MAY;
    if (!(keel_command_flags(cmd) & KEEL_NO_AUTH) && !command_allowed(user, cmd)) return NOT_COMMAND;
    int n = keel_command_keys(cmd, argv, argc, uses, USES);
    if (n > USES) {
        uses = keel_alloc((size_t)n * sizeof(*uses));
        n = keel_command_keys(cmd, argv, argc, uses, n);
    }
    int verdict = MAY;
    for (int i = 0; i < n && verdict == MAY; i++) {
        if (uses[i].flags & KEEL_USE_NOT_KEY) continue;
        if (name_allowed(user, '~', argv[uses[i].position], modes_of(uses[i].flags))) continue;
        *position = uses[i].position;
        verdict = NOT_KEY;
    }
    if (uses != few) keel_free(uses);
    return verdict;
}

/* ---- users ----------------------------------------------------------------------------------- */

static RedisModuleUser *user_new(KeelStr name) {
    RedisModuleUser *user = keel_zalloc(sizeof(*user));
    user->name = keel_strdup(name);
    user->end = &user->rules;
    return user;
}

RedisModuleUser *RM_CreateModuleUser(const char *name) {
    return user_new(keel_str(name));
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
    rules_free(user, NULL);
    keel_free(user->name);
    keel_free(user);
}

int RM_SetModuleUserACL(RedisModuleUser *user, const char *rule) {
    return rule_read(user, keel_str(rule)) ? REDISMODULE_OK : REDISMODULE_ERR;
}

/* A copy with the new rules takes the place of the old when all words are good. */
int RM_SetModuleUserACLString(RedisModuleCtx *ctx, RedisModuleUser *user, const char *acl,
                              RedisModuleString **error) {
    RedisModuleUser next = {.name = user->name, .on = user->on, .no_pass = user->no_pass};
    next.end = &next.rules;
    for (const Rule *rule = user->rules; rule; rule = rule->next) {
        Rule *copy = rule_add(&next, rule->kind, keel_str(rule->text));
        copy->bits = rule->bits;
        copy->modes = rule->modes;
    }
    bool good = true;
    for (const char *at = acl; *at && good;) {
        size_t skip = strspn(at, " "), len = strcspn(at + skip, " ");
        KeelStr word = {at + skip, len};
        at += skip + len;
        if (!len || (good = rule_read(&next, word))) continue;
        const char *why = errno == ENOENT ? "Unknown command or category name in ACL"
                                          : "Syntax error";
        if (error) {
            *error = RM_CreateStringPrintf(ctx, "Error in ACL SETUSER modifier '%.*s': %s", (int)len,
                                           word.ptr, why);
        }
    }
    rules_free(good ? user : &next, NULL);
    if (!good) return REDISMODULE_ERR;
    user->rules = next.rules;
    user->end = next.rules ? next.end : &user->rules;
    user->on = next.on;
    user->no_pass = next.no_pass;
    return REDISMODULE_OK;
}

/* In ACL LIST's words. */
RedisModuleString *RM_GetModuleUserACLString(RedisModuleUser *user) {
    RedisModuleString *s = rm_string("", 0);
    if (user->server) {
        RM_StringAppendBuffer(NULL, s, "on nopass sanitize-payload ~* &* +@all", 38);
        return s;
    }
    char head[64];
    int len = snprintf(head, sizeof(head), "%s%s sanitize-payload", user->on ? "on" : "off",
                       user->no_pass ? " nopass" : "");
    RM_StringAppendBuffer(NULL, s, head, (size_t)len);
    static const char *const kinds[] = {"~", "&", "+-@!"};
    for (int i = 0; i < 3; i++) {
        bool any = false;
        if (i == 2 && !(user->rules && user->rules->bits == ~0ull)) {
            for (const Rule *r = user->rules; r; r = r->next) any |= r->bits == ~0ull;
            if (!any) RM_StringAppendBuffer(NULL, s, " -@all", 6);
        }
        any = false;
        for (const Rule *rule = user->rules; rule; rule = rule->next) {
            if (!strchr(kinds[i], rule->kind)) continue;
            const char *sign = rule->kind == '@' ? " +@" : rule->kind == '!' ? " -@" : NULL;
            char mark[4] = {' ', rule->kind, 0, 0};
            if (rule->kind == '~' && rule->modes != 3) sign = rule->modes == 1 ? " %R~" : " %W~";
            if (!sign) sign = mark;
            RM_StringAppendBuffer(NULL, s, sign, strlen(sign));
            RM_StringAppendBuffer(NULL, s, rule->text, strlen(rule->text));
            any = true;
        }
        if (i == 1 && !any) RM_StringAppendBuffer(NULL, s, " resetchannels", 14);
    }
    return s;
}

RedisModuleUser *RM_GetModuleUserFromUserName(RedisModuleString *name) {
    if (!keel_equal(rm_view(name), KEEL_LIT("default"))) {
        errno = ENOENT;
        return NULL;
    }
    RedisModuleUser *user = user_new(rm_view(name));
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
    int at = 0;
    switch (cmd ? judge(user, cmd, argv, argc, &at) : MAY) {
    case NOT_COMMAND:
        snprintf(why, room, "User %s has no permissions to run the '%s' command", user->name,
                 keel_command_name(cmd));
        return RM_MAY_NOT;
    case NOT_KEY:
        snprintf(why, room, "No permissions to access a key");
        return RM_MAY_NOT;
    default:
        return RM_MAY;
    }
}

int RM_ACLCheckCommandPermissions(RedisModuleUser *user, RedisModuleString **argv, int argc) {
    KeelStr *views = keel_alloc((size_t)(argc + 1) * sizeof(*views));
    for (int i = 0; i < argc; i++) views[i] = rm_view(argv[i]);
    const KeelCommandRef *cmd = argc > 0 ? keel_command_of(views, argc) : NULL;
    int at, result = REDISMODULE_ERR, error = 0;
    if (!cmd) {
        error = ENOENT;
    } else if (judge(user, cmd, views, argc, &at) != MAY) {
        error = EACCES;
    } else {
        result = REDISMODULE_OK;
    }
    keel_free(views);
    errno = error;
    return result;
}

int RM_ACLCheckKeyPermissions(RedisModuleUser *user, RedisModuleString *key, int flags) {
    const int known = REDISMODULE_CMD_KEY_ACCESS | REDISMODULE_CMD_KEY_INSERT |
                      REDISMODULE_CMD_KEY_DELETE | REDISMODULE_CMD_KEY_UPDATE;
    unsigned modes = 0;
    if ((flags & known) != flags) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    if (flags & REDISMODULE_CMD_KEY_ACCESS) modes |= 1;
    if (flags & ~REDISMODULE_CMD_KEY_ACCESS) modes |= 2;
    if (user->server || name_allowed(user, '~', rm_view(key), modes)) return REDISMODULE_OK;
    errno = EACCES;
    return REDISMODULE_ERR;
}

/* A pattern to listen to must be one of the user's own, letter by letter. */
int RM_ACLCheckChannelPermissions(RedisModuleUser *user, RedisModuleString *channel, int flags) {
    const int known = REDISMODULE_CMD_CHANNEL_PUBLISH | REDISMODULE_CMD_CHANNEL_SUBSCRIBE |
                      REDISMODULE_CMD_CHANNEL_UNSUBSCRIBE | REDISMODULE_CMD_CHANNEL_PATTERN;
    if ((flags & known) != flags) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    if (user->server || flags & REDISMODULE_CMD_CHANNEL_UNSUBSCRIBE) return REDISMODULE_OK;
    bool allowed = false;
    for (const Rule *rule = user->rules; rule && !allowed; rule = rule->next) {
        if (rule->kind != '&') continue;
        allowed = flags & REDISMODULE_CMD_CHANNEL_PATTERN
                      ? !strcmp(rule->text, "*") || keel_equal(keel_str(rule->text), rm_view(channel))
                      : keel_match(keel_str(rule->text), rm_view(channel), false);
    }
    if (!allowed) errno = EACCES;
    return allowed ? REDISMODULE_OK : REDISMODULE_ERR;
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
    if (!user->server && !user->on) return REDISMODULE_ERR;
    return sign_in(ctx, user->server ? NULL : user, user->name, call, data, id);
}
