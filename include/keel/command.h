/* keel/command.h - commands: one row each, and everything about a command follows from its row.
 *
 * From .args come the arity, COMMAND DOCS, redis-cli's hints, the key positions and the fuzzers'
 * grammar. The notation is that of manual pages:
 *
 *     key value [NX|XX] [GET] [EX seconds|PX milliseconds|KEEPTTL]
 *
 *   WORD            a literal token               name        an argument
 *   name:type       its type, where the name does not tell (see below)
 *   [ ... ]         optional                      ( ... )     a group that must be there
 *   a|b|c           one of                        x [x ...]   one or more of x
 *   'word'          a literal token that has lower-case letters
 *
 * A token before an argument or a group belongs to it: "EX seconds", "BY (a|b)", "AT (x y)"; so it
 * does in "[LIMIT offset count]", where nothing but required arguments follows it, and in
 * "[BY A|B]", short for "[BY (A|B)]".
 *
 * Facts about what stands before them go in braces, words separated by blanks: a version since
 * which it is there, "-" and a version since which it is deprecated, "#1" the key spec it belongs
 * to when that is not the one of its turn, "~text" how to show it, and another word its name,
 * which groups need as they have none ("a-b" otherwise); "= " starts a summary, up to the brace:
 *
 *     key value [NX|XX]{condition 2.6.12} [EX seconds{2.6.12}|KEEPTTL{6.0.0}]{expiration}
 *
 * Types: string, integer, double, key, pattern, unix-time. Without ":type" these names tell:
 * key, key1, key2, source, destination, destkey, newkey = key; pattern = pattern; seconds,
 * milliseconds, count, offset, index, start, end, stop, increment, decrement, numkeys, cursor, db
 * ... = integer; unix-time-* = unix-time; all else is a string.
 *
 * .keys says how each key is used, in the order in which keys appear in .args, joined by " & ":
 * "RO ACCESS", "RO ACCESS & OW UPDATE". Words: RO RW OW RM, ACCESS UPDATE INSERT DELETE, NOT_KEY
 * INCOMPLETE VARIABLE_FLAGS. Positions come from .args (a repeated key is a range, "numkeys key
 * [key ...]" a counted one, "STORE destination" one after a keyword); a use may state its own
 * instead: "RO ACCESS: idx 1; range -1 1 0", "... : kw KEYS -2; range -1 1 0",
 * "... : idx 2; keynum 0 1 1", "... : unknown; unknown" (find: range LAST STEP LIMIT, keynum
 * NUMBER-AT FIRST STEP). Uses with positions of their own need not be as many as the keys. " = "
 * and a text at the end of a use is a note for COMMAND INFO. */
#ifndef KEEL_COMMAND_H
#define KEEL_COMMAND_H

#include <keel/base.h>

/* What a command does and where it may run. The names are COMMAND INFO's flags. */
enum {
    KEEL_WRITE = 1u << 0,             /* may change the keyspace */
    KEEL_READONLY = 1u << 1,          /* reads keys and never changes them */
    KEEL_DENYOOM = 1u << 2,           /* refused when memory is over its limit */
    KEEL_ADMIN = 1u << 3,             /* for operators */
    KEEL_PUBSUB = 1u << 4,
    KEEL_NOSCRIPT = 1u << 5,
    KEEL_BLOCKING = 1u << 6,          /* may block its client */
    KEEL_LOADING = 1u << 7,           /* allowed while a dataset loads */
    KEEL_STALE = 1u << 8,             /* allowed on a replica with stale data */
    KEEL_SKIP_MONITOR = 1u << 9,
    KEEL_SKIP_SLOWLOG = 1u << 10,
    KEEL_ASKING = 1u << 11,
    KEEL_FAST = 1u << 12,             /* O(1) or O(log n), never slow */
    KEEL_NO_AUTH = 1u << 13,          /* needs no authentication */
    KEEL_MAY_REPLICATE = 1u << 14,
    KEEL_NO_ASYNC_LOADING = 1u << 15,
    KEEL_NO_MULTI = 1u << 16,
    KEEL_MOVABLE_KEYS = 1u << 17,     /* set by the host when rows alone cannot tell the keys */
    KEEL_ALLOW_BUSY = 1u << 18,
    KEEL_PROTECTED = 1u << 19,        /* behind an enable-*-command setting */
    KEEL_TOUCHES_ARBITRARY_KEYS = 1u << 20,
    KEEL_NO_MANDATORY_KEYS = 1u << 21, /* a call without any key makes sense */
    KEEL_INTERNAL = 1u << 22,         /* for servers among themselves: COMMAND DOCS' "syscmd" */
    KEEL_FOREIGN = 1u << 23,          /* made at run time by a loader for a module that is not
                                         native: COMMAND INFO's "module". Its row needs no
                                         summary and no since, and its name may have capitals */
    KEEL_NO_QUEUE = 1u << 24,         /* runs at once where others are queued for later (MULTI):
                                         about the queue or the connection itself. Not shown */
    KEEL_OWN_RECORDS = 1u << 25,      /* its changes go to the journal only as it says itself, as if
                                         each call began with keel_journal_nothing(). Not shown */
    KEEL_COMMAND_FLAGS = (1u << 26) - 1,
};

/* ACL categories in the order of their bits, and the group whose rows are in each. Flags give some
 * of them; the group gives its own to rows whose .categories name no group's, except to
 * containers that run nothing themselves. */
#define KEEL_CATEGORIES(X)                                                                         \
    X(KEYSPACE, "keyspace", "generic")                                                             \
    X(READ, "read", "")                                                                            \
    X(WRITE, "write", "")                                                                          \
    X(SET, "set", "set")                                                                           \
    X(SORTEDSET, "sortedset", "sorted-set")                                                        \
    X(LIST, "list", "list")                                                                        \
    X(HASH, "hash", "hash")                                                                        \
    X(STRING, "string", "string")                                                                  \
    X(BITMAP, "bitmap", "bitmap")                                                                  \
    X(HYPERLOGLOG, "hyperloglog", "hyperloglog")                                                   \
    X(GEO, "geo", "geo")                                                                           \
    X(STREAM, "stream", "stream")                                                                  \
    X(PUBSUB, "pubsub", "")                                                                        \
    X(ADMIN, "admin", "")                                                                          \
    X(FAST, "fast", "")                                                                            \
    X(SLOW, "slow", "")                                                                            \
    X(BLOCKING, "blocking", "")                                                                    \
    X(DANGEROUS, "dangerous", "")                                                                  \
    X(CONNECTION, "connection", "connection")                                                      \
    X(TRANSACTION, "transaction", "transactions")                                                  \
    X(SCRIPTING, "scripting", "scripting")

#define KEEL_CATEGORY_BIT_(id, name, group) KEEL_CATEGORY_BIT_##id,
enum { KEEL_CATEGORIES(KEEL_CATEGORY_BIT_) KEEL_CATEGORY_COUNT };
#define KEEL_CATEGORY_(id, name, group) KEEL_CATEGORY_##id = 1u << KEEL_CATEGORY_BIT_##id,
enum { KEEL_CATEGORIES(KEEL_CATEGORY_) KEEL_CATEGORY_NONE = 0 };

/* How a key is used: KeelKeyUse.flags and COMMAND GETKEYSANDFLAGS. */
enum {
    KEEL_USE_RO = 1u << 0,
    KEEL_USE_RW = 1u << 1,
    KEEL_USE_OW = 1u << 2,
    KEEL_USE_RM = 1u << 3,
    KEEL_USE_ACCESS = 1u << 4,
    KEEL_USE_UPDATE = 1u << 5,
    KEEL_USE_INSERT = 1u << 6,
    KEEL_USE_DELETE = 1u << 7,
    KEEL_USE_NOT_KEY = 1u << 8,
    KEEL_USE_INCOMPLETE = 1u << 9,
    KEEL_USE_VARIABLE = 1u << 10,
};

typedef struct KeelKeyUse {
    int position; /* index into argv */
    uint32_t flags;
} KeelKeyUse;

/* Runs the command. argv[0] is the command's name as the client wrote it (argv[1] the
 * subcommand's), so argc is what the row's arity counts. */
typedef void KeelHandler(KeelCtx *c, const KeelStr *argv, int argc);

/* Finds keys that the row cannot describe. Writes at most `room` uses; returns how many there are,
 * or -1 when the arguments make no sense. Must agree with the handler for all input. */
typedef int KeelGetKeys(const KeelStr *argv, int argc, KeelKeyUse *uses, int room);

typedef struct KeelCommand KeelCommand;
struct KeelCommand {
    const char *name;       /* lower case; of a subcommand, only its own part */
    const char *args;       /* syntax, see above; NULL: none */
    uint64_t flags;         /* KEEL_WRITE ... */
    KeelHandler *call;      /* NULL only where there are subcommands and none was given */
    const char *summary;    /* one sentence */
    const char *since;      /* "1.0.0" */
    const char *complexity; /* "O(1)" */
    const char *group;      /* "string", "generic" ...; NULL: "module" */
    const char *keys;       /* see above; NULL where .args has no key */
    const char *categories; /* ACL categories beside those the flags give: "@keyspace @dangerous" */
    const char *tips;       /* "nondeterministic_output request_policy:all_shards" */
    const char *history;    /* "6.0.0: Added KEEPTTL. | 6.2.0: Added GET." */
    const char *deprecated; /* "2.6.12: `SET` with the `EX` argument" */
    const KeelCommand *subcommands; /* rows, ended by an empty one */
    KeelGetKeys *get_keys;  /* replaces what .keys derives */
    int arity;              /* 0: from .args. Negative: at least that many, the name included */
    const void *data;       /* the module's own: keel_command_data() */
};

/* A command as the host holds it. Opaque; lives until its module is unloaded. */
typedef struct KeelCommandRef KeelCommandRef;

/* The command that is running; NULL outside one. */
KEEL_API const KeelCommandRef *keel_command(KeelCtx *c);
/* The words that it was called with, as its handler got them. Returns how many; 0 outside one. */
KEEL_API int keel_argv(KeelCtx *c, const KeelStr **argv);
/* Its row's .data, NULL outside a command: for handlers that serve many rows. Cost: two loads. */
KEEL_API const void *keel_command_data(KeelCtx *c);
/* By name, "get" or "config|get" (either case). NULL: there is none. */
KEEL_API const KeelCommandRef *keel_command_find(KeelStr name);
/* What these arguments would run, a subcommand where argv[1] names one. NULL: none. */
KEEL_API const KeelCommandRef *keel_command_of(const KeelStr *argv, int argc);
/* The row it came from, its full name ("config|get"), and the module that brought it. */
KEEL_API const KeelCommand *keel_command_row(const KeelCommandRef *cmd);
KEEL_API const char *keel_command_name(const KeelCommandRef *cmd);
KEEL_API const char *keel_command_module(const KeelCommandRef *cmd);
/* Flags with those that the host derived (KEEL_MOVABLE_KEYS). */
KEEL_API uint64_t keel_command_flags(const KeelCommandRef *cmd);
KEEL_API int keel_command_arity(const KeelCommandRef *cmd);
/* The ACL categories as bits; keel_category_name() names bit i, NULL
 * past the last. */
KEEL_API uint64_t keel_command_categories(const KeelCommandRef *cmd);
KEEL_API const char *keel_category_name(int bit);
/* A further category for rows that are registered later, and its end, which the commands in it must
 * not outlive. The new bit; -1: the name is there already, or all 64 bits are taken. */
KEEL_API int keel_category_add(KeelStr name);
KEEL_API void keel_category_remove(int bit);
/* Finds the keys of a call. Writes at most `room` uses; returns the number there are, 0 when the
 * command has none, -1 when arity or arguments are invalid. */
KEEL_API int keel_command_keys(const KeelCommandRef *cmd, const KeelStr *argv, int argc,
                               KeelKeyUse *uses, int room);
/* Whether a call of it can name keys at all. */
KEEL_API bool keel_command_has_keys(const KeelCommandRef *cmd);
/* The word for one bit of KeelKeyUse.flags ("RO", "access" ...), as COMMAND GETKEYSANDFLAGS shows
 * it; NULL past the last. */
KEEL_API const char *keel_key_use_name(int bit);
/* Calls `each` for every top-level command (parent NULL) or every subcommand of `parent`. Stops
 * when it returns false. */
KEEL_API void keel_command_each(const KeelCommandRef *parent,
                                bool (*each)(const KeelCommandRef *cmd, void *data), void *data);
KEEL_API size_t keel_command_count(void);
/* Writes one command's element of COMMAND INFO's reply, and its map in that of COMMAND DOCS (where
 * the caller writes the name in front). */
KEEL_API void keel_command_reply_info(KeelCtx *c, const KeelCommandRef *cmd);
KEEL_API void keel_command_reply_docs(KeelCtx *c, const KeelCommandRef *cmd);

/* Per-command statistics, since start or the last reset. Durations are in nanoseconds. */
typedef struct KeelCommandStats {
    uint64_t calls, nanoseconds, rejected, failed;
} KeelCommandStats;
KEEL_API void keel_command_stats(const KeelCommandRef *cmd, KeelCommandStats *out);
/* The distribution of durations: `counts[i]` calls took at most keel_latency_limit(i)
 * nanoseconds and more than the limit before. Returns the number of cells; NULL counts: that
 * only. */
KEEL_API int keel_command_latency(const KeelCommandRef *cmd, uint64_t *counts);
KEEL_API uint64_t keel_latency_limit(int cell);
/* Whether durations are put into distributions; they are not at first. Turning it off forgets those
 * there are, and makes every command a few instructions shorter. */
KEEL_API void keel_latency_track(bool on);
/* Zeroes all commands' statistics, the distributions only, or (both false) nothing. */
KEEL_API void keel_command_reset_stats(bool counts, bool latency);

#endif
