/* auth.c - AUTH, HELLO, and the gate that keeps the unauthenticated out.
 *
 * There is one user, "default", with one password or none. A client that connects while there is a
 * password is nobody: the host holds it to small limits and the gate, armed for it alone, answers
 * all but a few commands. One that connected before the password was set stays who it is. */
#include "connection.h"

#include <stdlib.h>
#include <string.h>

static const char default_user[] = "default";
static const char wrong_pass[] =
    "WRONGPASS invalid username-password pair or user is disabled.";

char *requirepass;
int auth_gate;

/* --- who a client is ------------------------------------------------------------------------ */

static void auth_grant(KeelClient *client) {
    keel_client_set_user(client, default_user);
    keel_gate_arm_client(client, auth_gate, false);
}

/* As a fresh connection: known only if no password is asked for. */
static void auth_start(KeelClient *client) {
    if (!requirepass) {
        auth_grant(client);
        return;
    }
    keel_client_set_user(client, NULL);
    keel_gate_arm_client(client, auth_gate, true);
}

void auth_client_event(KeelCtx *c, const void *data) {
    (void)c;
    const KeelClientEvent *event = data;
    if (event->what != KEEL_CLIENT_GONE) auth_start(event->client);
}

static bool auth_grant_each(KeelClient *client, void *data) {
    (void)data;
    if (keel_gate_armed(client, auth_gate)) auth_grant(client);
    return true;
}

/* Without a password all who wait for one are let in. */
bool auth_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    if (!requirepass) keel_client_each(auth_grant_each, NULL);
    return true;
}

KeelVerdict auth_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)cmd, (void)argv, (void)argc;
    KeelClient *client = keel_client(c);
    if (keel_client_flags(client) & KEEL_CF_AUTHENTICATED) { /* another module let it in */
        keel_gate_arm_client(client, auth_gate, false);
        return KEEL_PASS;
    }
    keel_reply_error(c, "NOAUTH Authentication required.");
    return KEEL_ANSWERED;
}

/* The time depends on the length of what was offered, never on how much of it is right. */
static bool same_secret(KeelStr offered, KeelStr secret) {
    unsigned different = offered.len != secret.len;
    for (size_t i = 0; i < offered.len; i++) {
        char other = secret.len ? secret.ptr[i % secret.len] : 0;
        different |= (unsigned char)(offered.ptr[i] ^ other);
    }
    return !different;
}

/* False: an error was replied, or will be, or the command runs again when it is known. *granted:
 * somebody else signed the client in already. */
static bool auth_check(KeelCtx *c, KeelStr user, KeelStr password, bool *granted) {
    const KeelAuthenticator *other = keel_interface("authenticator", 100);
    KeelSignIn answer = other ? other->authenticate(c, user, password) : KEEL_SIGN_IN_OTHERS;
    *granted = answer == KEEL_SIGN_IN_DONE;
    if (answer != KEEL_SIGN_IN_OTHERS) return *granted;
    bool right = !requirepass || same_secret(password, keel_str(requirepass));
    if (keel_equal(user, keel_str(default_user)) && right) return true;
    keel_reply_error(c, wrong_pass);
    return false;
}

void connection_auth(KeelCtx *c, const KeelStr *argv, int argc) {
    if (argc > 3) {
        keel_reply_syntax(c);
        return;
    }
    for (int i = 1; i < argc; i++) keel_redact(c, i);
    if (argc == 2 && !requirepass) {
        keel_reply_error(c, "ERR AUTH <password> called without any password configured for the "
                            "default user. Are you sure your configuration is correct?");
        return;
    }
    KeelStr user = argc == 3 ? argv[1] : keel_str(default_user);
    bool granted;
    if (!auth_check(c, user, argv[argc - 1], &granted)) return;
    if (!granted) auth_grant(keel_client(c));
    keel_reply_ok(c);
}

/* --- HELLO ---------------------------------------------------------------------------------- */

typedef struct HelloOptions {
    bool authenticated;
    KeelStr name;             /* ptr NULL: not given */
} HelloOptions;

/* Errors come in the order of the options, and nothing is done before all of them are right. True:
 * they are. False: an error was replied. */
static bool hello_parse(KeelCtx *c, const KeelStr *argv, int argc, HelloOptions *options) {
    for (int i = 2; i < argc; i++) {
        int more = argc - 1 - i;
        if (keel_is(argv[i], "auth") && more >= 2) {
            keel_redact(c, i + 1);
            keel_redact(c, i + 2);
            bool granted;
            if (!auth_check(c, argv[i + 1], argv[i + 2], &granted)) return false;
            if (!granted) options->authenticated = true;
            i += 2;
        } else if (keel_is(argv[i], "setname") && more >= 1) {
            options->name = argv[++i];
            if (!client_word_valid(options->name)) {
                keel_reply_error(c, "ERR Client names cannot contain spaces, newlines or special "
                                    "characters.");
                return false;
            }
        } else {
            keel_reply_errorf(c, "ERR Syntax error in HELLO option '%s'", argv[i].ptr);
            return false;
        }
    }
    return true;
}

/* "1.2.3" as the one number that module versions are in Redis. */
static int64_t version_number(const char *version) {
    char *end;
    int64_t major = strtoll(version, &end, 10), minor = 0, patch = 0;
    if (!*end) return major; /* a foreign module's is a number already */
    if (*end == '.') minor = strtoll(end + 1, &end, 10);
    if (*end == '.') patch = strtoll(end + 1, &end, 10);
    return major * 10000 + minor * 100 + patch;
}

/* The array's length is known at its end only: most modules are left out. */
typedef struct ModuleReply {
    KeelCtx *c;
    size_t count;
} ModuleReply;

/* What was loaded into the server, as against what it is made of. */
static bool hello_module(const KeelModuleInfo *info, void *data) {
    ModuleReply *reply = data;
    if (!info->loader[0]) return true;
    reply->count++;
    keel_reply_map(reply->c, 4);
    keel_reply_cstr(reply->c, "name");
    keel_reply_cstr(reply->c, info->name);
    keel_reply_cstr(reply->c, "ver");
    keel_reply_int(reply->c, version_number(info->version));
    keel_reply_cstr(reply->c, "path");
    keel_reply_cstr(reply->c, info->path);
    keel_reply_cstr(reply->c, "args");
    keel_reply_array(reply->c, (size_t)info->argc);
    for (int i = 0; i < info->argc; i++) keel_reply_bulk(reply->c, info->argv[i]);
    return true;
}

/* In the protocol that was just chosen. */
static void hello_reply(KeelCtx *c) {
    keel_reply_map(c, 7);
    keel_reply_cstr(c, "server");
    keel_reply_cstr(c, "redis");
    keel_reply_cstr(c, "version");
    keel_reply_cstr(c, keel_redis_version());
    keel_reply_cstr(c, "proto");
    keel_reply_int(c, keel_reply_protocol(c));
    keel_reply_cstr(c, "id");
    keel_reply_int(c, (int64_t)keel_client_id(keel_client(c)));
    keel_reply_cstr(c, "mode");
    keel_reply_cstr(c, keel_interface("cluster", 100) ? "cluster" : "standalone");
    keel_reply_cstr(c, "role");
    keel_reply_cstr(c, "master");
    keel_reply_cstr(c, "modules");
    KeelDeferred modules = keel_reply_defer_array(c);
    ModuleReply reply = {.c = c};
    keel_module_each(hello_module, &reply);
    keel_reply_end(c, modules, reply.count);
}

void connection_hello(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelClient *client = keel_client(c);
    HelloOptions options = {0};
    int64_t protocol = 0;
    if (argc >= 2) {
        if (!keel_parse_int(argv[1], &protocol)) {
            keel_reply_error(c, "ERR Protocol version is not an integer or out of range");
            return;
        }
        if (protocol != 2 && protocol != 3) {
            keel_reply_error(c, "NOPROTO unsupported protocol version");
            return;
        }
        if (!hello_parse(c, argv, argc, &options)) return;
    }
    if (options.authenticated) auth_grant(client);
    if (!(keel_client_flags(client) & KEEL_CF_AUTHENTICATED)) {
        keel_reply_error(c, "NOAUTH HELLO must be called with the client already authenticated, "
                            "otherwise the HELLO <proto> AUTH <user> <pass> option can be used to "
                            "authenticate the client and select the RESP protocol version at the "
                            "same time");
        return;
    }
    if (options.name.ptr) keel_client_set_name(client, options.name);
    if (protocol) keel_client_set_protocol(client, (int)protocol);
    hello_reply(c);
}
