/* slowlog.c - SLOWLOG: the commands that were slow lately, with their first arguments.
 *
 * The host calls slowlog_seen() for commands that took `slowlog-log-slower-than` microseconds or
 * more, which costs the others the one compare that they pay anyway. An entry is one block of
 * memory in a list, newest first; what a client sent is cut to 32 arguments of 128 bytes, so that an
 * entry is small whatever was sent. Ids keep growing over RESET. */
#include "stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ARGS_MAX = 32, ARG_BYTES = 128, SUFFIX_ROOM = 48, SHOWN_DEFAULT = 10 };

typedef struct SlowEntry {
    struct SlowEntry *older, *newer;
    int64_t id, when, us;
    char addr[64];
    KeelStr name;             /* the client's */
    int argc;
    KeelStr argv[];           /* their bytes follow, then those of `name` */
} SlowEntry;

int slowlog_observer;
int64_t slowlog_slower_than, slowlog_max_len;

static SlowEntry *newest, *oldest;
static int64_t count, next_id;

/* --- the list --------------------------------------------------------------------------------- */

static void drop_oldest(void) {
    SlowEntry *e = oldest;
    oldest = e->newer;
    if (oldest) oldest->older = NULL;
    else newest = NULL;
    count--;
    keel_free(e);
}

void slowlog_clear(void) {
    while (oldest) drop_oldest();
}

static void add(SlowEntry *e) {
    e->older = newest;
    e->newer = NULL;
    if (newest) newest->newer = e;
    else oldest = e;
    newest = e;
    count++;
}

/* --- an entry --------------------------------------------------------------------------------- */

/* What is kept of argument `i` of `kept`: its bytes, cut, or how many arguments are left out. */
static size_t write_argument(char *out, const KeelCall *call, int i, int kept) {
    if (kept < call->argc && i == kept - 1) {
        return (size_t)sprintf(out, "... (%d more arguments)", call->argc - kept + 1);
    }
    KeelStr s = keel_call_arg(call, i);
    size_t len = s.len < ARG_BYTES ? s.len : ARG_BYTES;
    memcpy(out, s.ptr, len);
    if (s.len <= ARG_BYTES) return len;
    return len + (size_t)sprintf(out + len, "... (%zu more bytes)", s.len - ARG_BYTES);
}

static SlowEntry *entry_new(const KeelCall *call, const KeelClientInfo *client) {
    int kept = call->argc < ARGS_MAX ? call->argc : ARGS_MAX;
    size_t name_len = strlen(client->name), bytes = name_len, used = 0;
    for (int i = 0; i < kept; i++) {
        size_t len = call->argv[i].len;
        bytes += len <= ARG_BYTES ? len : ARG_BYTES;
        if (len > ARG_BYTES || i == kept - 1 || call->redacted) bytes += SUFFIX_ROOM;
    }
    SlowEntry *e = keel_alloc(sizeof(*e) + (size_t)kept * sizeof(KeelStr) + bytes);
    *e = (SlowEntry){.argc = kept, .us = call->nanoseconds / 1000, .when = keel_now_ms() / 1000};
    char *to = (char *)(e->argv + kept);
    for (int i = 0; i < kept; i++) {
        size_t len = write_argument(to + used, call, i, kept);
        e->argv[i] = (KeelStr){to + used, len};
        used += len;
    }
    memcpy(to + used, client->name, name_len);
    e->name = (KeelStr){to + used, name_len};
    memcpy(e->addr, client->addr, sizeof(e->addr));
    return e;
}

/* A call made for a client is shown as that client's. */
void slowlog_seen(KeelCtx *c, const KeelCall *call) {
    if (keel_command_flags(call->command) & KEEL_SKIP_SLOWLOG) return;
    KeelClientInfo info = {.size = sizeof(info), .name = "", .addr = "?:0"};
    KeelClient *client = keel_client(c);
    if (client) client = keel_client_by_id(keel_client_id(client));
    if (client) keel_client_info(client, &info);
    SlowEntry *e = entry_new(call, &info);
    e->id = next_id++;
    add(e);
    while (count > slowlog_max_len) drop_oldest();
}

/* Microseconds become nanoseconds; more than 292 years is for ever. */
bool slowlog_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    int64_t ns = slowlog_slower_than;
    if (ns > 0 && __builtin_mul_overflow(ns, 1000, &ns)) ns = INT64_MAX;
    keel_observer_threshold(slowlog_observer, ns);
    keel_observer_arm(slowlog_observer, ns >= 0);
    return true;
}

/* --- the command ------------------------------------------------------------------------------ */

static void reply_entry(KeelCtx *c, const SlowEntry *e) {
    keel_reply_array(c, 6);
    keel_reply_int(c, e->id);
    keel_reply_int(c, e->when);
    keel_reply_int(c, e->us);
    keel_reply_array(c, (size_t)e->argc);
    for (int i = 0; i < e->argc; i++) keel_reply_bulk(c, e->argv[i]);
    keel_reply_cstr(c, e->addr);
    keel_reply_bulk(c, e->name);
}

static void slowlog_get(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t wanted = SHOWN_DEFAULT;
    if (argc > 3) {
        keel_reply_errorf(c, "ERR unknown subcommand or wrong number of arguments for '%s'. Try "
                             "SLOWLOG HELP.", argv[1].ptr);
        return;
    }
    if (argc == 3 && (!keel_parse_int(argv[2], &wanted) || wanted < -1)) {
        keel_reply_error(c, "ERR count should be greater than or equal to -1");
        return;
    }
    if (wanted == -1 || wanted > count) wanted = count;
    keel_reply_array(c, (size_t)wanted);
    const SlowEntry *e = newest;
    for (int64_t i = 0; i < wanted; i++, e = e->older) reply_entry(c, e);
}

static void slowlog_len(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_int(c, count);
}

static void slowlog_reset(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    slowlog_clear();
    keel_reply_ok(c);
}

static void slowlog_help(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    static const char *const lines[] = {
        "GET [<count>]",
        "    The newest <count> entries (10 of them by default, -1: all). Each has an id, a time",
        "    in seconds, microseconds taken, the arguments, the client's address and its name.",
        "LEN",
        "    How many entries there are.",
        "RESET",
        "    Forget all entries.",
        NULL};
    keel_reply_help(c, lines);
}

#define SLOWLOG_FLAGS (KEEL_ADMIN | KEEL_LOADING | KEEL_STALE)

const KeelCommand slowlog_subcommands[] = {
    {.name = "get", .args = "[count]", .flags = SLOWLOG_FLAGS, .group = "server",
     .call = slowlog_get, .summary = "Returns the slow log's newest entries.", .since = "2.2.12",
     .complexity = "O(N) where N is the number of entries returned",
     .tips = "request_policy:all_nodes nondeterministic_output",
     .history = "4.0.0: Added client IP address, port and name to the reply."},
    {.name = "len", .flags = SLOWLOG_FLAGS, .group = "server", .call = slowlog_len,
     .summary = "Returns the number of entries in the slow log.", .since = "2.2.12",
     .complexity = "O(1)",
     .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output"},
    {.name = "reset", .flags = SLOWLOG_FLAGS, .group = "server", .call = slowlog_reset,
     .summary = "Empties the slow log.", .since = "2.2.12",
     .complexity = "O(N) where N is the number of entries in the slowlog",
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {.name = "help", .flags = KEEL_LOADING | KEEL_STALE, .group = "server", .call = slowlog_help,
     .summary = "Lists SLOWLOG's subcommands.", .since = "6.2.0", .complexity = "O(1)"},
    {0}};
