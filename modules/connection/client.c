/* client.c - CLIENT: what a connection says about itself, and what it asks of others. */
#include "connection.h"

#include <string.h>

static const char bad_name[] =
    "ERR Client names cannot contain spaces, newlines or special characters.";

bool client_word_valid(KeelStr word) {
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] < '!' || word.ptr[i] > '~') return false;
    }
    return true;
}

int client_kind_by_name(KeelStr name) {
    if (keel_is(name, "normal")) return KEEL_CLIENT_NORMAL;
    if (keel_is(name, "replica") || keel_is(name, "slave")) return KEEL_CLIENT_REPLICA;
    if (keel_is(name, "pubsub")) return KEEL_CLIENT_PUBSUB;
    if (keel_is(name, "master")) return KEEL_CLIENT_PRIMARY;
    return -1;
}

void client_reply_arity(KeelCtx *c, KeelStr name) {
    keel_reply_errorf(c, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try "
                         "CLIENT HELP.", (int)(name.len < 128 ? name.len : 128), name.ptr);
}

/* --- the caller's own connection ------------------------------------------------------------ */

static void client_id(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_int(c, (int64_t)keel_client_id(keel_client(c)));
}

static void client_getname(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    KeelClientInfo info = {.size = sizeof(info)};
    keel_client_info(keel_client(c), &info);
    if (info.name[0]) keel_reply_cstr(c, info.name);
    else keel_reply_null(c);
}

/* An empty name takes the name away. */
static void client_setname(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    if (!client_word_valid(argv[2])) {
        keel_reply_error(c, bad_name);
        return;
    }
    keel_client_set_name(keel_client(c), argv[2]);
    keel_reply_ok(c);
}

/* Each of the two is set on its own; libraries send both right after connecting and ignore an
 * error from servers that do not know SETINFO. */
static void client_setinfo(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    bool name = keel_is(argv[2], "lib-name");
    if (!name && !keel_is(argv[2], "lib-ver")) {
        keel_reply_errorf(c, "ERR Unrecognized option '%s'", argv[2].ptr);
        return;
    }
    if (!client_word_valid(argv[3])) {
        keel_reply_errorf(c, "ERR %s cannot contain spaces, newlines or special characters.",
                          argv[2].ptr);
        return;
    }
    KeelStr none = {0};
    keel_client_set_lib(keel_client(c), name ? argv[3] : none, name ? none : argv[3]);
    keel_reply_ok(c);
}

/* ON or OFF; false when a syntax error was replied. */
static bool arg_switch(KeelCtx *c, KeelStr word, bool *on) {
    *on = keel_is(word, "on");
    if (*on || keel_is(word, "off")) return true;
    keel_reply_syntax(c);
    return false;
}

static void client_switch(KeelCtx *c, KeelStr word, uint32_t flag) {
    bool on;
    if (!arg_switch(c, word, &on)) return;
    keel_client_set_flags(keel_client(c), on ? flag : 0, on ? 0 : flag);
    keel_reply_ok(c);
}

/* What evicts clients looks at the flag; nothing else does. */
static void client_no_evict(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    client_switch(c, argv[2], KEEL_CF_NO_EVICT);
}

static void client_no_touch(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    client_switch(c, argv[2], KEEL_CF_NO_TOUCH);
}

/* OFF and SKIP themselves are not answered; SKIP after OFF changes nothing. */
static void client_reply(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelClient *client = keel_client(c);
    if (keel_is(argv[2], "on")) {
        keel_client_set_flags(client, 0, KEEL_CF_REPLY_OFF | KEEL_CF_REPLY_SKIP);
        keel_reply_ok(c);
    } else if (keel_is(argv[2], "off")) {
        keel_client_set_flags(client, KEEL_CF_REPLY_OFF, 0);
        keel_reply_uncounted(c);
    } else if (keel_is(argv[2], "skip")) {
        if (!(keel_client_flags(client) & KEEL_CF_REPLY_OFF)) {
            keel_client_set_flags(client, KEEL_CF_REPLY_SKIP_NEXT, 0);
        }
        keel_reply_uncounted(c);
    } else {
        keel_reply_syntax(c);
    }
}

/* --- others --------------------------------------------------------------------------------- */

/* 0 for clients that do not wait for keys or time, among them those that a pause holds. */
static void client_unblock(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t id;
    const char *error = NULL;
    if (argc > 4) {
        client_reply_arity(c, argv[1]);
        return;
    }
    if (argc == 4) {
        if (keel_is(argv[3], "error")) {
            error = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
        } else if (!keel_is(argv[3], "timeout")) {
            keel_reply_error(c, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
            return;
        }
    }
    if (!keel_arg_int(c, argv[2], &id)) return;
    KeelClient *target = id > 0 ? keel_client_by_id((uint64_t)id) : NULL;
    keel_reply_int(c, target && keel_client_unblock(target, error));
}

/* Nothing tracks keys yet, so nobody is redirected and all are off. */
static void client_getredir(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_int(c, -1);
}

static void client_trackinginfo(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_map(c, 3);
    keel_reply_cstr(c, "flags");
    keel_reply_set(c, 1);
    keel_reply_cstr(c, "off");
    keel_reply_cstr(c, "redirect");
    keel_reply_int(c, -1);
    keel_reply_cstr(c, "prefixes");
    keel_reply_array(c, 0);
}

static void client_help(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    static const char *const lines[] = {
        "GETNAME",
        "    The name of this connection.",
        "GETREDIR",
        "    The id of the client that gets this one's invalidations; -1: tracking is off.",
        "ID",
        "    The id of this connection.",
        "INFO",
        "    This connection, as LIST shows it.",
        "KILL <ip:port>",
        "    Close the connection from this address.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Close all connections that every option fits:",
        "    * ID <client-id>: this one.",
        "    * ADDR (<ip:port>|<unixsocket>:0): those from this address.",
        "    * LADDR (<ip:port>|<unixsocket>:0): those to this address of ours.",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB): those of this kind.",
        "    * USER <username>: those authenticated as this user.",
        "    * SKIPME (YES|NO): whether to spare this connection (default: yes).",
        "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <client-id> [<client-id> ...]]",
        "    One line for each connection.",
        "NO-EVICT (ON|OFF)",
        "    Spare this connection when buffers take too much memory.",
        "NO-TOUCH (ON|OFF)",
        "    Leave keys' access times alone when this connection reads them.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Hold all commands, or those that write, for <timeout> milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Whether commands of this connection are answered.",
        "SETINFO (LIB-NAME|LIB-VER) <value>",
        "    Which client library this is.",
        "SETNAME <name>",
        "    Name this connection.",
        "TRACKINGINFO",
        "    How keys are tracked for this connection.",
        "UNBLOCK <clientid> [TIMEOUT|ERROR]",
        "    End a client's blocking command, as if time were up or with an error.",
        "UNPAUSE",
        "    End a PAUSE.",
        NULL,
    };
    keel_reply_help(c, lines);
}

/* --- rows ----------------------------------------------------------------------------------- */

#define ADMIN (KEEL_ADMIN | KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE)
#define PLAIN (KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE)
#define ROW .group = "connection", .categories = "@connection"

#define KILL_FILTER                                                                                \
    "ID client-id{2.8.12}|"                                                                        \
    "TYPE ('normal'|'master'{3.2.0}|'slave'|'replica'{5.0.0}|'pubsub'){client-type 2.8.12}|"       \
    "USER username|ADDR ip:port:string{addr ~ip:port}|LADDR ip:port:string{laddr ~ip:port 6.2.0}|" \
    "SKIPME (YES|NO){skipme}"

const KeelCommand client_subcommands[] = {
    {.name = "getname", .flags = PLAIN, .call = client_getname, ROW,
     .summary = "Returns the connection's name.", .since = "2.6.9", .complexity = "O(1)"},
    {.name = "getredir", .flags = PLAIN, .call = client_getredir, ROW,
     .summary = "Returns the id of the client that gets this one's tracking notifications.",
     .since = "6.0.0", .complexity = "O(1)"},
    {.name = "help", .flags = KEEL_LOADING | KEEL_STALE, .call = client_help, ROW,
     .summary = "Describes the subcommands.", .since = "5.0.0", .complexity = "O(1)"},
    {.name = "id", .flags = PLAIN, .call = client_id, ROW,
     .summary = "Returns the connection's id.", .since = "5.0.0", .complexity = "O(1)"},
    {.name = "info", .flags = PLAIN, .call = client_info, ROW,
     .summary = "Describes the connection.", .since = "6.2.0", .complexity = "O(1)",
     .tips = "nondeterministic_output"},
    {.name = "kill", .args = "(ip:port:string{old-format ~ip:port -2.8.12}|"
                              "(" KILL_FILTER ") [(" KILL_FILTER ") ...]{new-format}){filter}",
     .flags = ADMIN, .call = client_kill, ROW, .arity = -3,
     .summary = "Closes connections.", .since = "2.4.0",
     .complexity = "O(N) where N is the number of client connections",
     .history = "2.8.12: Added filters. | 2.8.12: Added `ID`. | 3.2.0: Added `master` to `TYPE`. | "
                "5.0.0: `slave` is called `replica`, the old word still works. | "
                "6.2.0: Added `LADDR`."},
    {.name = "list", .args = "[TYPE 'normal'|'master'|'replica'|'pubsub']{client-type 5.0.0} "
                              "[ID client-id [client-id ...]]{6.2.0}",
     .flags = ADMIN, .call = client_list, ROW,
     .summary = "Describes all open connections.", .since = "2.4.0",
     .complexity = "O(N) where N is the number of client connections",
     .tips = "nondeterministic_output",
     .history = "2.8.12: Added `id`. | 5.0.0: Added the `TYPE` filter. | 6.0.0: Added `user`. | "
                "6.2.0: Added `argv-mem`, `tot-mem`, `laddr`, `redir` and the `ID` filter. | "
                "7.0.0: Added `resp`, `multi-mem`, `rbs` and `rbp`. | 7.0.3: Added `ssub`. | "
                "7.2.0: Added `lib-name` and `lib-ver`."},
    {.name = "no-evict", .args = "(ON|OFF){enabled}", .flags = ADMIN, .call = client_no_evict, ROW,
     .summary = "Spares the connection from eviction, or no longer.", .since = "7.0.0",
     .complexity = "O(1)"},
    {.name = "no-touch", .args = "(ON|OFF){enabled}", .flags = PLAIN, .call = client_no_touch, ROW,
     .summary = "Whether the connection's reads move the keys' access times.", .since = "7.2.0",
     .complexity = "O(1)"},
    {.name = "pause", .args = "timeout:integer [WRITE|ALL]{mode 6.2.0}", .flags = ADMIN,
     .call = client_pause, ROW,
     .summary = "Holds commands back for some time.", .since = "3.0.0", .complexity = "O(1)",
     .history = "6.2.0: Added the modes `WRITE` and `ALL`."},
    {.name = "reply", .args = "(ON|OFF|SKIP)", .flags = PLAIN, .call = client_reply, ROW,
     .summary = "Whether commands are answered.", .since = "3.2.0", .complexity = "O(1)"},
    {.name = "setinfo", .args = "('lib-name' libname|'lib-ver' libver){attr}",
     .flags = PLAIN, .call = client_setinfo, ROW,
     .summary = "Tells which library the client uses.", .since = "7.2.0", .complexity = "O(1)",
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {.name = "setname", .args = "connection-name", .flags = PLAIN, .call = client_setname, ROW,
     .summary = "Names the connection.", .since = "2.6.9", .complexity = "O(1)",
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {.name = "trackinginfo", .flags = PLAIN, .call = client_trackinginfo, ROW,
     .summary = "Tells how keys are tracked for the connection.", .since = "6.2.0",
     .complexity = "O(1)"},
    {.name = "unblock", .args = "client-id:integer [TIMEOUT|ERROR]", .flags = ADMIN,
     .call = client_unblock, ROW,
     .summary = "Ends another client's blocking command.", .since = "5.0.0",
     .complexity = "O(log N) where N is the number of client connections"},
    {.name = "unpause", .flags = ADMIN, .call = client_unpause, ROW,
     .summary = "Lets paused clients go on.", .since = "6.2.0",
     .complexity = "O(N) where N is the number of paused clients"},
    {0},
};
