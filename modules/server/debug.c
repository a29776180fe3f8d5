/* debug.c - DEBUG: what tests need to see or to provoke.
 *
 * One command without subcommands of its own kind, as in Redis: rows here say how many words each
 * takes. What belongs to a module is that module's: an unknown name is asked for as the interface
 * "debug.name". Whether DEBUG is allowed at all is for the setting enable-debug-command and the
 * gate that goes with it; without that setting nobody asked for DEBUG, so it is refused here. */
#include "server.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAME_MAX_LEN = 64 };

static void unknown(KeelCtx *c, KeelStr name) {
    keel_reply_errorf(c, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try "
                         "DEBUG HELP.", SHOWN(name));
}

/* atoi(): what is no number counts as 0, as it does in Redis. */
static bool arg_flag(KeelStr s) {
    return strtol(s.ptr, NULL, 10) != 0;
}

/* --- time and expiry ------------------------------------------------------------------------ */

static void debug_sleep(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    double seconds = strtod(argv[2].ptr, NULL);
    if (seconds > 0 && seconds < 1e9) {
        struct timespec left = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
        while (nanosleep(&left, &left) < 0 && errno == EINTR) {}
    }
    keel_reply_ok(c);
}

static void debug_active_expire(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    keel_expire_background(arg_flag(argv[2]));
    keel_reply_ok(c);
}

static void debug_pause_cron(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    keel_cron_pause(arg_flag(argv[2]));
    keel_reply_ok(c);
}

/* --- small ones ----------------------------------------------------------------------------- */

static void debug_log(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    keel_log(KEEL_LOG_WARNING, "DEBUG LOG: %s", argv[2].ptr);
    keel_reply_ok(c);
}

static void debug_error(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    keel_reply_error(c, argv[2].ptr);
}

static void debug_checksums(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    keel_checksums_verified(!arg_flag(argv[2]));
    keel_reply_ok(c);
}

static void debug_rewrite_all(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    const char *reason = keel_config_rewrite_all();
    if (reason) keel_reply_errorf(c, "ERR CONFIG-REWRITE-FORCE-ALL failed: %s", reason);
    else keel_reply_ok(c);
}

static void debug_match(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    keel_reply_int(c, keel_match(argv[2], argv[3], false));
}

/* Replies go into buffers of the turn that are made for them and then gone: there is none to be
 * kept at a size, to shrink, or to be gone without. Tests that set these want to be let on. */
static void debug_reply_list(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_ok(c);
}

static void debug_reply_buffer(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    if (keel_is(argv[2], "resizing") || keel_is(argv[2], "peak-reset-time")) keel_reply_ok(c);
    else unknown(c, argv[1]);
}

static void debug_help(KeelCtx *c, const KeelStr *argv, int argc);

static const DebugRow rows[] = {
    {"client-enforce-reply-list", 1, 1, debug_reply_list,
     "CLIENT-ENFORCE-REPLY-LIST <0|1>\n"
     "    Accepted: replies have no buffer of a fixed size that could be gone without.\n"},
    {"config-rewrite-force-all", 0, 0, debug_rewrite_all,
     "CONFIG-REWRITE-FORCE-ALL\n"
     "    CONFIG REWRITE with every setting, those at their defaults too.\n"},
    {"digest", 0, 0, debug_digest,
     "DIGEST\n"
     "    A fingerprint of all data, the same on every server with the same data.\n"},
    {"digest-value", 0, INT32_MAX, debug_digest_value,
     "DIGEST-VALUE <key> [<key> ...]\n"
     "    A fingerprint of each key's value.\n"},
    {"error", 1, 1, debug_error,
     "ERROR <text>\n"
     "    Reply this error.\n"},
    {"help", 0, 0, debug_help, NULL},
    {"log", 1, 1, debug_log,
     "LOG <message>\n"
     "    Write a line to the log.\n"},
    {"pause-cron", 1, 1, debug_pause_cron,
     "PAUSE-CRON <0|1>\n"
     "    Stop what is done by the clock, or let it go on.\n"},
    {"protocol", 1, 1, debug_protocol,
     "PROTOCOL <type>\n"
     "    Reply a value of a type: string, integer, double, bignum, null, array, set, map,\n"
     "    attrib, push, verbatim, true, false.\n"},
    {"replybuffer", 2, 2, debug_reply_buffer,
     "REPLYBUFFER (RESIZING <0|1>|PEAK-RESET-TIME <NEVER|RESET|milliseconds>)\n"
     "    Accepted: there are no reply buffers to resize.\n"},
    {"set-active-expire", 1, 1, debug_active_expire,
     "SET-ACTIVE-EXPIRE <0|1>\n"
     "    Whether expired keys are removed in the background.\n"},
    {"set-skip-checksum-validation", 1, 1, debug_checksums,
     "SET-SKIP-CHECKSUM-VALIDATION <0|1>\n"
     "    Whether wrong checksums of payloads are overlooked.\n"},
    {"sleep", 1, 1, debug_sleep,
     "SLEEP <seconds>\n"
     "    Do nothing at all for so long. Fractions are fine.\n"},
    {"stringmatch-len", 2, 2, debug_match,
     "STRINGMATCH-LEN <pattern> <string>\n"
     "    Whether the pattern matches.\n"},
    {0},
};

static const DebugRow *const tables[] = {rows, debug_rows_allocator, debug_rows_crash,
                                         debug_rows_keys};
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

/* --- finding one ---------------------------------------------------------------------------- */

static const DebugRow *row_find(KeelStr name) {
    for (int t = 0; t < TABLES; t++) {
        for (const DebugRow *row = tables[t]; row->name; row++) {
            if (keel_is(name, row->name)) return row;
        }
    }
    return NULL;
}

/* A module's own. False: there is none of this name. */
static bool call_module(KeelCtx *c, const KeelStr *argv, int argc) {
    char name[NAME_MAX_LEN + 8] = "debug.";
    if (argv[1].len > NAME_MAX_LEN) return false;
    for (size_t i = 0; i <= argv[1].len; i++) {
        name[6 + i] = (char)tolower((unsigned char)argv[1].ptr[i]);
    }
    const KeelDebug *debug = keel_interface(name, 100);
    if (!debug) return false;
    if (debug->arity && (debug->arity > 0 ? argc != debug->arity : argc < -debug->arity)) {
        unknown(c, argv[1]);
    } else {
        debug->call(c, argv, argc);
    }
    return true;
}

/* Subcommands that tests know well, with what they need to be there. */
static bool refuse_missing(KeelCtx *c, KeelStr name) {
    static const struct {
        const char *name, *needs;
    } known[] = {
        {"reload", "snapshots"},            {"loadaof", "append-only files"},
        {"aof-flush-sleep", "append-only files"}, {"change-repl-id", "replication"},
        {"replicate", "replication"},       {"set-disable-deny-scripts", "scripting"},
        {"quicklist-packed-threshold", "list"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (!keel_is(name, known[i].name)) continue;
        keel_reply_errorf(c, "ERR DEBUG %.*s needs a module for %s, and none is loaded",
                          SHOWN(name), known[i].needs);
        return true;
    }
    return false;
}

void server_debug(KeelCtx *c, const KeelStr *argv, int argc) {
    if (!keel_config_find(KEEL_LIT("enable-debug-command"))) {
        keel_reply_error(c, "ERR DEBUG command not allowed. If the enable-debug-command option is "
                            "set to \"local\", you can run it from a local connection, otherwise "
                            "you need to set this option in the configuration file, and then "
                            "restart the server.");
        return;
    }
    const DebugRow *row = row_find(argv[1]);
    if (row && argc - 2 >= row->least && argc - 2 <= row->most) {
        row->call(c, argv, argc);
    } else if (row || (!call_module(c, argv, argc) && !refuse_missing(c, argv[1]))) {
        unknown(c, argv[1]);
    }
}

/* --- HELP ----------------------------------------------------------------------------------- */

/* The rows' texts as lines. Modules' own subcommands tell of themselves where they are documented:
 * interfaces cannot be listed. */
static void debug_help(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    enum { LINES_MAX = 128, TEXT_MAX = 8192 };
    static char text[TEXT_MAX];
    static const char *lines[LINES_MAX + 1];
    size_t len = 0;
    int count = 0;
    for (int t = 0; t < TABLES; t++) {
        for (const DebugRow *row = tables[t]; row->name; row++) {
            if (!row->help) continue;
            size_t more = strlen(row->help);
            KEEL_ASSERT(len + more < TEXT_MAX);
            if (more) memcpy(text + len, row->help, more);
            len += more;
        }
    }
    for (char *p = text, *end; p < text + len && count < LINES_MAX; p = end + 1) {
        end = memchr(p, '\n', (size_t)(text + len - p));
        *end = '\0';
        lines[count++] = p;
    }
    lines[count] = NULL;
    keel_reply_help(c, lines);
}
