/* auth.c - RegisterAuthCallback: modules that decide who signs in, before passwords are looked at.
 *
 * The module that owns AUTH and HELLO asks for the interface "authenticator". The newest callback is
 * asked first; the first one that handles the request decides. One that has to ask somebody else
 * blocks the client (BlockClientOnAuth) and decides in its second callback, or leaves it to the
 * callbacks after it, which may block in their turn: all that is one wait of the command. When it is
 * decided the command's handler runs again and finds the decision here. */
#include "rm.h"

#include <stdio.h>

typedef struct Callback {
    struct Callback *next;
    Mod *mod;
    uint64_t serial;               /* grows: those who come after it in the list have lower ones */
    RedisModuleAuthCallback call;
} Callback;

/* A request to sign in. */
typedef struct SignIn {
    RedisModuleString *user, *password, *error;
    uint64_t asked;                /* the serial of the callback that was asked last */
    uint64_t block;                /* 0: the command does not wait */
    RedisModuleBlockedClient *handle; /* whose wait it is; NULL: nobody's */
    bool refused;                  /* a callback wanted to wait and could not: that was replied */
    KeelSignIn result;
} SignIn;

static Callback *callbacks;
static uint64_t serials;
static SignIn *deciding;           /* callbacks are asked */
static SignIn *decided;            /* the handler runs again */

void RM_RegisterAuthCallback(RedisModuleCtx *ctx, RedisModuleAuthCallback call) {
    Callback *callback = keel_alloc(sizeof(*callback));
    *callback = (Callback){callbacks, ctx->mod, ++serials, call};
    callbacks = callback;
}

void rm_forget_auth(Mod *mod) {
    for (Callback **at = &callbacks; *at;) {
        Callback *callback = *at;
        if (callback->mod != mod) {
            at = &callback->next;
            continue;
        }
        *at = callback->next;
        keel_free(callback);
    }
}

/* ---- deciding -------------------------------------------------------------------------------- */

static void settle(SignIn *s, int handled) {
    if (handled == REDISMODULE_AUTH_HANDLED) {
        s->result = rm_signed_in ? KEEL_SIGN_IN_DONE : KEEL_SIGN_IN_DENIED;
    }
}

/* Asks those callbacks that were not asked yet, until one decides or waits. */
static void ask(SignIn *s, KeelCtx *c) {
    SignIn *outer = deciding;
    deciding = s;
    while (s->result == KEEL_SIGN_IN_OTHERS) {
        Callback *callback = callbacks;
        while (callback && callback->serial >= s->asked) callback = callback->next;
        if (!callback) break;
        s->asked = callback->serial;
        RedisModuleCtx *ctx = rm_enter(callback->mod, c, RM_SILENT);
        rm_signed_in = false;
        int handled = callback->call(ctx, s->user, s->password, &s->error);
        rm_leave(ctx);
        if (s->handle || s->refused) s->result = KEEL_SIGN_IN_WAITS;
        else settle(s, handled);
    }
    deciding = outer;
}

static void sign_in_free(SignIn *s) {
    rm_string_release(s->error);
    rm_string_release(s->user);
    rm_string_release(s->password);
    keel_free(s);
}

/* A module's error has its code behind a dash, or none and no dash. */
static KeelSignIn answer(const SignIn *s, KeelCtx *c) {
    if (s->result == KEEL_SIGN_IN_DENIED) {
        const char *text = s->error ? s->error->ptr : "-WRONGPASS invalid username-password pair or "
                                                      "user is disabled.";
        if (*text == '-') keel_reply_error(c, text + 1);
        else keel_reply_errorf(c, "ERR %s", text);
    }
    return s->result;
}

/* One that waited ends with its wait. */
static KeelSignIn authenticate(KeelCtx *c, KeelStr user, KeelStr password) {
    SignIn *s = decided;
    if (s) {
        decided = NULL;
        return answer(s, c);
    }
    if (!callbacks) return KEEL_SIGN_IN_OTHERS;
    s = keel_zalloc(sizeof(*s));
    s->user = rm_string(user.ptr, user.len);
    s->password = rm_string(password.ptr, password.len);
    s->asked = UINT64_MAX;
    ask(s, c);
    if (s->handle) return KEEL_SIGN_IN_WAITS;
    KeelSignIn result = answer(s, c);
    sign_in_free(s);
    return result;
}

const KeelAuthenticator rm_authenticator = {sizeof(KeelAuthenticator), authenticate};

/* ---- waiting --------------------------------------------------------------------------------- */

bool rm_signing_in(const RedisModuleCtx *ctx) {
    return deciding && ctx->c && !deciding->handle && !deciding->refused;
}

/* A handle was unblocked: the only way on. True: it is decided, and the command over. */
static bool decide(KeelCtx *c, const KeelStr *argv, int argc, KeelStr key, void *data) {
    SignIn *s = data;
    RedisModuleBlockedClient *bc = s->handle;
    (void)key;
    s->handle = NULL;
    s->result = KEEL_SIGN_IN_OTHERS;
    rm_signed_in = false;
    settle(s, rm_blocked_sign_in(bc, c, s->user, s->password, &s->error));
    rm_blocked_over(bc);
    ask(s, c);
    if (s->handle) return false;
    decided = s;
    keel_command_row(keel_command(c))->call(c, argv, argc);
    decided = NULL;
    return true;
}

/* Also when the client goes. */
static void over(void *data) {
    SignIn *s = data;
    if (s->handle) rm_blocked_over(s->handle);
    sign_in_free(s);
}

uint64_t rm_sign_in_block(KeelCtx *c, RedisModuleBlockedClient *bc) {
    SignIn *s = deciding;
    if (!s->block) {
        KeelBlock row = {.size = sizeof(row), .retry = decide, .free = over, .data = s,
                         .only_named = true};
        s->block = keel_block(c, &row);
    }
    if (s->block) s->handle = bc;
    else s->refused = true;
    return s->block;
}
