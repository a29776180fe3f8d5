/* connection.c - PING, ECHO, SELECT, QUIT, RESET, HELLO, AUTH and CLIENT.
 *
 * What a connection may say about itself and ask of others. The state it talks about is the
 * host's; the module adds two gates: "auth" (auth.c), armed for clients that have yet to give the
 * password, and "pause" (pause.c), armed while CLIENT PAUSE holds commands back. */
#include "connection.h"

static void connection_ping(KeelCtx *c, const KeelStr *argv, int argc) {
    if (argc > 2) {
        keel_reply_arity(c);
        return;
    }
    KeelClient *client = keel_client(c);
    bool subscribed = client && keel_client_flags(client) & KEEL_CF_PUBSUB;
    if (subscribed && keel_reply_protocol(c) == 2) {
        keel_reply_array(c, 2);
        keel_reply_cstr(c, "pong");
        keel_reply_bulk(c, argc == 2 ? argv[1] : KEEL_LIT(""));
    } else if (argc == 2) {
        keel_reply_bulk(c, argv[1]);
    } else {
        keel_reply_status(c, "PONG");
    }
}

static void connection_echo(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    keel_reply_bulk(c, argv[1]);
}

static void connection_select(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    int64_t db;
    if (!keel_arg_int(c, argv[1], &db)) return;
    if (db < INT32_MIN || db > INT32_MAX) {
        keel_reply_errorf(c, "ERR value is out of range, value must between %d and %d", INT32_MIN,
                          INT32_MAX);
    } else if (!keel_db_select(c, (int)db)) {
        keel_reply_error(c, "ERR DB index is out of range");
    } else {
        keel_reply_ok(c);
    }
}

static void connection_quit(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_ok(c);
    keel_client_close(keel_client(c), true);
}

static void connection_reset(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelClient *client = keel_client(c);
    KeelClientKind kind = keel_client_kind(client);
    (void)argv, (void)argc;
    bool called = keel_client_by_id(keel_client_id(client)) != client; /* by a module */
    if (called || kind == KEEL_CLIENT_REPLICA || kind == KEEL_CLIENT_PRIMARY) {
        keel_reply_error(c, "ERR can only reset normal client connections");
        return;
    }
    keel_client_reset(client);
    keel_reply_status(c, "RESET");
}

static int connection_unload(KeelCtx *c) {
    (void)c;
    pause_end();
    return 0;
}

static const KeelConfig configs[] = {
    {.name = "requirepass", .type = KEEL_CONFIG_STRING, .var = &requirepass, .value = "",
     .flags = KEEL_CONFIG_SENSITIVE | KEEL_CONFIG_NULL_IF_EMPTY, .apply = auth_apply},
    {0},
};

static const KeelGate gates[] = {
    {.name = "auth", .id = &auth_gate, .rank = 10, .except = KEEL_NO_AUTH, .decide = auth_decide},
    {.name = "pause", .id = &pause_gate, .rank = 85, .decide = pause_decide, .whole = true},
    {0},
};

static const KeelHook hooks[] = {
    {.event = KEEL_EVENT_CLIENT, .call = auth_client_event},
    {0},
};

static const KeelInterface provides[] = {
    {"pause", KEEL_PAUSE_VERSION, &pause_operations},
    {0},
};

#define ROW .group = "connection", .categories = "@connection"

static const KeelCommand commands[] = {
    {.name = "auth", .args = "[username{6.0.0}] password",
     .flags = KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE | KEEL_FAST | KEEL_NO_AUTH |
              KEEL_ALLOW_BUSY,
     .call = connection_auth, ROW, .summary = "Authenticates the connection.", .since = "1.0.0",
     .complexity = "O(N) where N is the number of passwords defined for the user",
     .history = "6.0.0: Added the username."},
    {.name = "client", .subcommands = client_subcommands, .group = "connection",
     .summary = "Commands about client connections.", .since = "2.4.0",
     .complexity = "Depends on subcommand."},
    {.name = "echo", .args = "message", .flags = KEEL_LOADING | KEEL_STALE | KEEL_FAST,
     .call = connection_echo, ROW, .summary = "Returns the given string.", .since = "1.0.0",
     .complexity = "O(1)"},
    {.name = "hello",
     .args = "[protover:integer [AUTH username password] [SETNAME clientname]]{arguments}",
     .flags = KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE | KEEL_FAST | KEEL_NO_AUTH |
              KEEL_ALLOW_BUSY,
     .call = connection_hello, ROW, .summary = "Negotiates protocol, user and name at once.",
     .since = "6.0.0", .complexity = "O(1)",
     .history = "6.2.0: `protover` is optional; without it the connection is described."},
    {.name = "ping", .args = "[message]", .flags = KEEL_FAST, .call = connection_ping, ROW,
     .summary = "Answers, to show that the server does.", .since = "1.0.0", .complexity = "O(1)",
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {.name = "quit", .arity = -1,
     .flags = KEEL_ALLOW_BUSY | KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE | KEEL_FAST |
              KEEL_NO_AUTH | KEEL_NO_QUEUE,
     .call = connection_quit, ROW, .summary = "Closes the connection.", .since = "1.0.0",
     .complexity = "O(1)", .deprecated = "7.2.0: just closing the connection"},
    {.name = "reset",
     .flags = KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE | KEEL_FAST | KEEL_NO_AUTH |
              KEEL_ALLOW_BUSY | KEEL_NO_QUEUE,
     .call = connection_reset, ROW, .summary = "Puts the connection back to how it began.",
     .since = "6.2.0", .complexity = "O(1)"},
    {.name = "select", .args = "index", .flags = KEEL_LOADING | KEEL_STALE | KEEL_FAST,
     .call = connection_select, ROW, .summary = "Changes the selected database.",
     .since = "1.0.0", .complexity = "O(1)"},
    {0},
};

KEEL_MODULE(.name = "connection", .version = "1.0.0",
            .summary = "Connections: PING, SELECT, HELLO, AUTH, CLIENT and their like.",
            .commands = commands, .configs = configs, .gates = gates, .hooks = hooks,
            .provides = provides, .unload = connection_unload);
