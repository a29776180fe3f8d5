/* auth.c - RegisterAuthCallback: modules that decide who signs in, before passwords are looked at.
 *
 * The module that owns AUTH and HELLO asks for the interface "authenticator". The newest callback is
 * asked first; the first one that handles the request decides. */
#include "rm.h"

typedef struct Callback {
    struct Callback *next;
    Mod *mod;
    RedisModuleAuthCallback call;
} Callback;

static Callback *callbacks;

void RM_RegisterAuthCallback(RedisModuleCtx *ctx, RedisModuleAuthCallback call) {
    Callback *callback = keel_alloc(sizeof(*callback));
    *callback = (Callback){callbacks, ctx->mod, call};
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

static KeelSignIn authenticate(KeelCtx *c, KeelStr user, KeelStr password) {
    KeelSignIn result = KEEL_SIGN_IN_OTHERS;
    if (!callbacks) return result;
    RedisModuleString *name = rm_string(user.ptr, user.len), *error = NULL;
    RedisModuleString *secret = rm_string(password.ptr, password.len);
    for (Callback *callback = callbacks; callback && result == KEEL_SIGN_IN_OTHERS;) {
        Callback *next = callback->next;
        RedisModuleCtx *ctx = rm_enter(callback->mod, c, RM_SILENT);
        rm_signed_in = false;
        int handled = callback->call(ctx, name, secret, &error);
        rm_leave(ctx);
        if (handled == REDISMODULE_AUTH_HANDLED) {
            result = rm_signed_in ? KEEL_SIGN_IN_DONE : KEEL_SIGN_IN_DENIED;
        }
        callback = next;
    }
    if (result == KEEL_SIGN_IN_DENIED) {
        keel_reply_error(c, error ? error->ptr
                                  : "WRONGPASS invalid username-password pair or user is disabled.");
    }
    rm_string_release(error);
    rm_string_release(name);
    rm_string_release(secret);
    return result;
}

const KeelAuthenticator rm_authenticator = {sizeof(KeelAuthenticator), authenticate};
