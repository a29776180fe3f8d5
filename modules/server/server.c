/* server.c - INFO, TIME, DBSIZE, FLUSHALL, FLUSHDB, SWAPDB, SHUTDOWN, LOLWUT, MEMORY, DEBUG,
 * COMMAND and CONFIG: the server as its operator sees it.
 *
 * The handlers here are thin, as what they show and do is the host's. Each larger family has a
 * file of its own: memory.c, debug.c, command.c, config.c; sections.c writes what INFO says for
 * modules that are not there, and digest.c provides the interface "digest" by which types add their
 * values to DEBUG DIGEST. */
#include "server.h"

#include "command.h"
#include "config_command.h"

#include <string.h>

int64_t server_started_ms;

static void server_info(KeelCtx *c, const KeelStr *argv, int argc) {
    size_t len;
    char *text = keel_info_text(argv + 1, argc - 1, &len);
    keel_reply_verbatim(c, "txt", (KeelStr){text, len});
    keel_info_free(text);
}

static void server_time(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    int64_t now = keel_now_us();
    keel_reply_array(c, 2);
    keel_reply_bulk_int(c, now / 1000000);
    keel_reply_bulk_int(c, now % 1000000);
}

static void server_dbsize(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_int(c, (int64_t)keel_db_size(keel_db(c)));
}

/* --- flushing ------------------------------------------------------------------------------- */

/* SYNC, ASYNC, or what lazyfree-lazy-user-flush says. False: an error was replied. */
static bool flush_lazily(KeelCtx *c, const KeelStr *argv, int argc, bool *lazy) {
    if (argc == 1) {
        char word[8] = "no";
        keel_config_get(KEEL_LIT("lazyfree-lazy-user-flush"), word, sizeof(word), NULL);
        *lazy = strcmp(word, "yes") == 0;
        return true;
    }
    *lazy = keel_is(argv[1], "async");
    if (argc == 2 && (*lazy || keel_is(argv[1], "sync"))) return true;
    keel_reply_syntax(c);
    return false;
}

/* Whoever follows the journal flushes too, even where there was nothing here to remove. */
static void flush(KeelCtx *c, const KeelStr *argv, int argc, int db) {
    bool lazy;
    if (!flush_lazily(c, argv, argc, &lazy)) return;
    keel_dirty_add(c, keel_db_flush(c, db, lazy));
    keel_journal_force(c);
    keel_reply_ok(c);
}

static void server_flushall(KeelCtx *c, const KeelStr *argv, int argc) {
    flush(c, argv, argc, -1);
}

static void server_flushdb(KeelCtx *c, const KeelStr *argv, int argc) {
    flush(c, argv, argc, keel_db(c));
}

static bool arg_db(KeelCtx *c, KeelStr s, const char *error, int64_t *db) {
    if (keel_parse_int(s, db) && *db >= INT32_MIN && *db <= INT32_MAX) return true;
    keel_reply_error(c, error);
    return false;
}

/* Clients stay with their database's number and see what came there. */
static void server_swapdb(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    int64_t a, b;
    if (!arg_db(c, argv[1], "ERR invalid first DB index", &a)) return;
    if (!arg_db(c, argv[2], "ERR invalid second DB index", &b)) return;
    int count = keel_db_count();
    if (a < 0 || a >= count || b < 0 || b >= count) {
        keel_reply_error(c, "ERR DB index is out of range");
        return;
    }
    if (a != b) keel_db_swap(c, (int)a, (int)b);
    keel_dirty_add(c, 1);
    keel_reply_ok(c);
}

/* --- SHUTDOWN ------------------------------------------------------------------------------- */

static const char shutdown_errors[] = "ERR Errors trying to SHUTDOWN. Check logs.";

/* A client whose SHUTDOWN waits for somebody (replicas that are behind) is blocked: it is answered
 * only if the server stays after all, which a timer looks for. */
typedef struct Waiting {
    uint64_t block, timer;
} Waiting;

enum { SHUTDOWN_LOOK_MS = 20 };

static bool shutdown_look(KeelCtx *c, void *data) {
    (void)c;
    Waiting *waiting = data;
    if (keel_shutdown_left() >= 0) return true;
    waiting->timer = 0;
    keel_unblock(waiting->block);
    return false;
}

static bool shutdown_retry(KeelCtx *c, const KeelStr *argv, int argc, KeelStr key, void *data) {
    (void)argv, (void)argc, (void)key, (void)data;
    if (keel_shutdown_left() >= 0) return false;
    keel_reply_error(c, shutdown_errors);
    return true;
}

static void shutdown_free(void *data) {
    Waiting *waiting = data;
    if (waiting->timer) keel_timer_stop(waiting->timer, NULL);
    keel_free(waiting);
}

static void shutdown_wait(KeelCtx *c) {
    Waiting *waiting = keel_zalloc(sizeof(*waiting));
    KeelBlock block = {.size = sizeof(block), .retry = shutdown_retry, .free = shutdown_free,
                       .data = waiting};
    waiting->block = keel_block(c, &block);
    if (waiting->block) {
        waiting->timer = KEEL_TIMER_START(SHUTDOWN_LOOK_MS, shutdown_look, waiting);
    } else {
        keel_free(waiting);
        keel_reply_error(c, shutdown_errors);
    }
}

static void server_shutdown(KeelCtx *c, const KeelStr *argv, int argc) {
    unsigned flags = 0;
    bool abort_it = false;
    const char *reason;
    for (int i = 1; i < argc; i++) {
        if (keel_is(argv[i], "nosave")) flags |= KEEL_SHUTDOWN_NOSAVE;
        else if (keel_is(argv[i], "save")) flags |= KEEL_SHUTDOWN_SAVE;
        else if (keel_is(argv[i], "now")) flags |= KEEL_SHUTDOWN_NOW;
        else if (keel_is(argv[i], "force")) flags |= KEEL_SHUTDOWN_FORCE;
        else if (keel_is(argv[i], "abort")) abort_it = true;
        else {
            keel_reply_syntax(c);
            return;
        }
    }
    if ((abort_it && flags) || (flags & KEEL_SHUTDOWN_SAVE && flags & KEEL_SHUTDOWN_NOSAVE)) {
        keel_reply_syntax(c);
    } else if (abort_it) {
        if (keel_shutdown_abort()) keel_reply_ok(c);
        else keel_reply_error(c, "ERR No shutdown in progress.");
    } else if (!(flags & KEEL_SHUTDOWN_NOW) && keel_block_denied(c)) {
        keel_reply_error(c, "ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING "
                            "client");
    } else if (!keel_shutdown(c, flags, &reason)) {
        keel_reply_error(c, shutdown_errors);
    } else if (keel_shutdown_left() >= 0) {
        shutdown_wait(c);
    } else {
        keel_reply_uncounted(c);     /* the closed connection is the answer */
    }
}

static int server_load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c, (void)argv, (void)argc;
    server_started_ms = keel_now_ms();
    return 0;
}

static const KeelInterface provides[] = {
    {"digest", 100, &server_digester},
    {0},
};

#define ALL_SHARDS(response) "request_policy:all_shards response_policy:" response
#define FLUSH_HISTORY "4.0.0: Added `ASYNC`. | 6.2.0: Added `SYNC`."

static const KeelCommand commands[] = {
    {.name = "command", .flags = KEEL_LOADING | KEEL_STALE, .call = server_command,
     .arity = -1, .group = "server", .categories = "@connection",
     .subcommands = command_subcommands,
     .summary = "Describes all commands.", .since = "2.8.13",
     .complexity = "O(N) where N is the total number of commands",
     .tips = "nondeterministic_output_order"},
    {.name = "config", .subcommands = config_subcommands, .group = "server",
     .summary = "Commands about the configuration.", .since = "2.0.0",
     .complexity = "Depends on subcommand."},
    {.name = "dbsize", .flags = KEEL_READONLY | KEEL_FAST, .call = server_dbsize,
     .group = "server", .categories = "@keyspace",
     .summary = "Returns the number of keys in the database.", .since = "1.0.0",
     .complexity = "O(1)", .tips = ALL_SHARDS("agg_sum")},
    {.name = "debug",
     .flags = KEEL_ADMIN | KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE | KEEL_PROTECTED |
              KEEL_TOUCHES_ARBITRARY_KEYS | KEEL_INTERNAL,
     .arity = -2, .call = server_debug, .group = "server",
     .summary = "Commands for tests and debugging.", .since = "1.0.0",
     .complexity = "Depends on subcommand."},
    {.name = "flushall", .args = "[ASYNC{4.0.0}|SYNC{6.2.0}]{flush-type}", .flags = KEEL_WRITE,
     .call = server_flushall, .group = "server", .categories = "@keyspace @dangerous",
     .summary = "Removes all keys from all databases.", .since = "1.0.0",
     .complexity = "O(N) where N is the total number of keys in all databases",
     .tips = ALL_SHARDS("all_succeeded"), .history = FLUSH_HISTORY},
    {.name = "flushdb", .args = "[ASYNC{4.0.0}|SYNC{6.2.0}]{flush-type}", .flags = KEEL_WRITE,
     .call = server_flushdb, .group = "server", .categories = "@keyspace @dangerous",
     .summary = "Removes all keys from the database.", .since = "1.0.0",
     .complexity = "O(N) where N is the number of keys in the selected database",
     .tips = ALL_SHARDS("all_succeeded"), .history = FLUSH_HISTORY},
    {.name = "info", .args = "[section:string [section:string ...]]",
     .flags = KEEL_LOADING | KEEL_STALE, .call = server_info, .group = "server",
     .categories = "@dangerous", .summary = "Returns facts and figures about the server.",
     .since = "1.0.0", .complexity = "O(1)",
     .tips = "nondeterministic_output " ALL_SHARDS("special"),
     .history = "7.0.0: Takes several sections."},
    {.name = "lolwut", .args = "[VERSION version:integer]", .flags = KEEL_READONLY | KEEL_FAST,
     .call = server_lolwut, .group = "server",
     .summary = "Shows a picture and the version.", .since = "5.0.0",
     .complexity = "O(1)"},
    {.name = "memory", .subcommands = memory_subcommands, .group = "server",
     .summary = "Commands about memory.", .since = "4.0.0",
     .complexity = "Depends on subcommand."},
    {.name = "shutdown", .args = "[NOSAVE|SAVE]{save-selector} [NOW{7.0.0}] [FORCE{7.0.0}] "
                                 "[ABORT{7.0.0}]",
     .flags = KEEL_ADMIN | KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE | KEEL_NO_MULTI |
              KEEL_ALLOW_BUSY,
     .call = server_shutdown, .group = "server",
     .summary = "Saves what is to be saved and ends the server.", .since = "1.0.0",
     .complexity = "O(N) when saving, where N is the total number of keys in all databases, "
                   "otherwise O(1)",
     .history = "7.0.0: Added `NOW`, `FORCE` and `ABORT`."},
    {.name = "swapdb", .args = "index1:integer index2:integer", .flags = KEEL_WRITE | KEEL_FAST,
     .call = server_swapdb, .group = "server", .categories = "@keyspace @dangerous",
     .summary = "Exchanges two databases.", .since = "4.0.0",
     .complexity = "O(N) where N is the count of clients watching or blocking on keys from both "
                   "databases."},
    {.name = "time", .flags = KEEL_LOADING | KEEL_STALE | KEEL_FAST, .call = server_time,
     .group = "server", .summary = "Returns the server's time.", .since = "2.6.0",
     .complexity = "O(1)", .tips = "nondeterministic_output"},
    {0},
};

/* From when on a command that takes long lets others in: its own module looks at it. */
static int64_t busy_reply_threshold;

static const KeelConfig configs[] = {
    {.name = "busy-reply-threshold", .alias = "lua-time-limit", .type = KEEL_CONFIG_INT,
     .var = &busy_reply_threshold, .value = "5000", .max = INT64_MAX},
    {0},
};

KEEL_MODULE(.name = "server", .version = "1.0.0",
            .summary = "The server itself: INFO, CONFIG, COMMAND, DEBUG, MEMORY and their like.",
            .commands = commands, .configs = configs, .info = server_sections,
            .provides = provides, .load = server_load);
