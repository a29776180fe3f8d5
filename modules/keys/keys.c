/* keys.c - the commands that work on keys of any type, and this module's table.
 *
 * DEL UNLINK EXISTS TOUCH TYPE are here; expire.c has what gives keys an end, scan.c what looks at
 * whole databases, rename.c what moves keys, dump.c their bytes, object.c their insides, wait.c
 * WAIT. All of it goes through the types' own callbacks, so a type that a foreign module brought
 * is dumped, copied and unlinked like any other.
 *
 * Nothing is kept here: keys are the host's, and everything costs what the look at the key does,
 * save for DUMP, RESTORE, COPY (the value), KEYS and SCAN (the names seen). */
#include "keys.h"

#include <limits.h>
#include <string.h>

/* ---- settings and shared helpers ------------------------------------------------------------- */

/* What was read of the settings since they last changed: -1 for not yet, else no or yes. */
static struct {
    const char *name;
    int value;
    bool default_value;
} known[] = {
    [KEYS_LAZY_USER_DEL] = {"lazyfree-lazy-user-del", -1, false},
    [KEYS_LAZY_EXPIRE] = {"lazyfree-lazy-expire", -1, false},
    [KEYS_LAZY_SERVER_DEL] = {"lazyfree-lazy-server-del", -1, false},
    [KEYS_RDB_COMPRESSION] = {"rdbcompression", -1, true},
};

bool keys_setting(KeysSetting setting) {
    if (__builtin_expect(known[setting].value < 0, 0)) {
        char text[8];
        bool there = keel_config_get(keel_str(known[setting].name), text, sizeof(text), NULL);
        known[setting].value = there ? strcmp(text, "yes") == 0 : known[setting].default_value;
    }
    return known[setting].value;
}

static void forget_settings(KeelCtx *c, const void *data) {
    (void)c;
    (void)data;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) known[i].value = -1;
}

/* While another server decides when keys end, a time in the past is kept like any other. */
bool keys_already_expired(KeelCtx *c, int64_t expiry) {
    const KeelClient *client = keel_client(c);
    if (expiry > keel_now_ms() || !keel_expires_on_access()) return false;
    return !client || keel_client_kind(client) != KEEL_CLIENT_PRIMARY;
}

void keys_also_changed(KeelKey *key, int db, const char *event) {
    KeelKeyEvent change = {.db = db,
                           .name = key->name,
                           .cause = KEEL_MODIFIED,
                           .kind = KEEL_NOTIFY_GENERIC,
                           .event = event};
    keel_event_send(key->ctx, KEEL_EVENT_KEY_CHANGED, &change);
    keel_key_notify(key, KEEL_NOTIFY_GENERIC, event);
}

bool keys_db_argument(KeelCtx *c, KeelStr s, int *db) {
    int64_t v;
    if (!keel_arg_int(c, s, &v)) return false;
    if (v < INT_MIN || v > INT_MAX) {
        keel_reply_errorf(c, "ERR value is out of range, value must between %d and %d", INT_MIN,
                          INT_MAX);
        return false;
    }
    if (v < 0 || v >= keel_db_count()) {
        keel_reply_error(c, "ERR DB index is out of range");
        return false;
    }
    *db = (int)v;
    return true;
}

/* ---- DEL, UNLINK, EXISTS, TOUCH, TYPE -------------------------------------------------------- */

static void delete_generic(KeelCtx *c, const KeelStr *argv, int argc, bool lazy) {
    int64_t deleted = 0;
    for (int i = 1; i < argc; i++) {
        KeelKey key;
        keel_key_open(c, argv[i], KEEL_KEY_WRITE | KEEL_KEY_NO_TOUCH, &key);
        if (!keel_key_delete(&key, lazy)) continue;
        keel_key_changed(&key, KEEL_NOTIFY_GENERIC, "del");
        deleted++;
    }
    keel_reply_int(c, deleted);
}

static void keys_del(KeelCtx *c, const KeelStr *argv, int argc) {
    delete_generic(c, argv, argc, keys_setting(KEYS_LAZY_USER_DEL));
}

static void keys_unlink(KeelCtx *c, const KeelStr *argv, int argc) {
    delete_generic(c, argv, argc, true);
}

static void keys_exists(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t count = 0;
    for (int i = 1; i < argc; i++) {
        KeelKey key;
        count += keel_key_open(c, argv[i], KEEL_KEY_READ | KEEL_KEY_NO_TOUCH, &key);
    }
    keel_reply_int(c, count);
}

/* The one use of a key that CLIENT NO-TOUCH does not keep from counting. */
static void keys_touch(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t count = 0;
    for (int i = 1; i < argc; i++) {
        KeelKey key;
        if (!keel_key_open(c, argv[i], KEEL_KEY_READ | KEEL_KEY_NO_TOUCH, &key)) continue;
        keel_key_touch(&key);
        count++;
    }
    keel_reply_int(c, count);
}

static void keys_type(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    bool there = keel_key_open(c, argv[1], KEEL_KEY_READ | KEEL_KEY_NO_TOUCH, &key);
    keel_reply_status(c, there ? keel_key_type(&key)->name : "none");
}

/* ---- the table ------------------------------------------------------------------------------- */

#define SUMS "request_policy:multi_shard response_policy:agg_sum"
#define VARIES "nondeterministic_output"
#define CONDITIONS "7.0.0: Added options: `NX`, `XX`, `GT` and `LT`."
#define MINUS_2 "2.8.0: Added the -2 reply."
#define RESTORE_HISTORY                                                                            \
    "3.0.0: Added the `REPLACE` modifier. | 5.0.0: Added the `ABSTTL` modifier. | "                \
    "5.0.0: Added the `IDLETIME` and `FREQ` options."
#define RESTORE_ARGS                                                                               \
    "key ttl:integer serialized-value [REPLACE{3.0.0}] [ABSTTL{5.0.0}] "                           \
    "[IDLETIME seconds:integer{5.0.0}] [FREQ frequency:integer{5.0.0}]"
#define RESTORE_COST                                                                               \
    "O(1) for the key and O(N*M) for its value of N elements of size M; O(N*M*log(N)) for sorted " \
    "sets"

static const KeelCommand object_commands[] = {
    {.name = "encoding", .args = "key", .flags = KEEL_READONLY, .call = keys_object_encoding,
     .summary = "Tells how a value is represented in memory.", .since = "2.2.3",
     .complexity = "O(1)", .group = "generic", .keys = "RO", .categories = "@keyspace",
     .tips = VARIES},
    {.name = "freq", .args = "key", .flags = KEEL_READONLY, .call = keys_object_freq,
     .summary = "Returns the logarithmic counter of a key's accesses.", .since = "4.0.0",
     .complexity = "O(1)", .group = "generic", .keys = "RO", .categories = "@keyspace",
     .tips = VARIES},
    {.name = "help", .flags = KEEL_LOADING | KEEL_STALE, .call = keys_object_help,
     .summary = "Returns a text about the subcommands.", .since = "6.2.0", .complexity = "O(1)",
     .group = "generic", .categories = "@keyspace"},
    {.name = "idletime", .args = "key", .flags = KEEL_READONLY, .call = keys_object_idletime,
     .summary = "Returns the seconds since a key was last accessed.", .since = "2.2.3",
     .complexity = "O(1)", .group = "generic", .keys = "RO", .categories = "@keyspace",
     .tips = VARIES},
    {.name = "refcount", .args = "key", .flags = KEEL_READONLY, .call = keys_object_refcount,
     .summary = "Returns the number of references to a value.", .since = "2.2.3",
     .complexity = "O(1)", .group = "generic", .keys = "RO", .categories = "@keyspace",
     .tips = VARIES},
    {0},
};

static const KeelCommand commands[] = {
    {.name = "copy", .args = "source destination [DB destination-db:integer] [REPLACE]",
     .flags = KEEL_WRITE | KEEL_DENYOOM, .call = keys_copy,
     .summary = "Copies a key's value to another key.", .since = "6.2.0",
     .complexity = "O(N) for a collection of N elements, O(1) for strings", .group = "generic",
     .keys = "RO ACCESS & OW UPDATE", .categories = "@keyspace"},
    {.name = "del", .args = "key [key ...]", .flags = KEEL_WRITE, .call = keys_del,
     .summary = "Deletes keys.", .since = "1.0.0",
     .complexity = "O(N) for N keys, and O(M) for each collection of M elements",
     .group = "generic", .keys = "RM DELETE", .categories = "@keyspace", .tips = SUMS},
    {.name = "dump", .args = "key", .flags = KEEL_READONLY, .call = keys_dump,
     .summary = "Returns a key's value as bytes that RESTORE takes.", .since = "2.6.0",
     .complexity = "O(1) for the key and O(N*M) for its value of N elements of size M",
     .group = "generic", .keys = "RO ACCESS", .categories = "@keyspace", .tips = VARIES},
    {.name = "exists", .args = "key [key ...]", .flags = KEEL_READONLY | KEEL_FAST,
     .call = keys_exists, .summary = "Counts how many of the keys exist.", .since = "1.0.0",
     .complexity = "O(N) for N keys", .group = "generic", .keys = "RO", .categories = "@keyspace",
     .tips = SUMS, .history = "3.0.3: Accepts multiple `key` arguments."},
    {.name = "expire", .args = "key seconds [NX|XX|GT|LT]{condition 7.0.0}",
     .flags = KEEL_WRITE | KEEL_FAST, .call = keys_expire,
     .summary = "Lets a key expire after so many seconds.", .since = "1.0.0",
     .complexity = "O(1)", .group = "generic", .keys = "RW UPDATE", .categories = "@keyspace",
     .history = CONDITIONS},
    {.name = "expireat", .args = "key unix-time-seconds [NX|XX|GT|LT]{condition 7.0.0}",
     .flags = KEEL_WRITE | KEEL_FAST, .call = keys_expireat,
     .summary = "Lets a key expire at a Unix time in seconds.", .since = "1.2.0",
     .complexity = "O(1)", .group = "generic", .keys = "RW UPDATE", .categories = "@keyspace",
     .history = CONDITIONS},
    {.name = "expiretime", .args = "key", .flags = KEEL_READONLY | KEEL_FAST,
     .call = keys_expiretime, .summary = "Returns the Unix time in seconds when a key expires.",
     .since = "7.0.0", .complexity = "O(1)", .group = "generic", .keys = "RO ACCESS",
     .categories = "@keyspace"},
    {.name = "keys", .args = "pattern", .flags = KEEL_READONLY, .call = keys_keys,
     .summary = "Returns the names of all keys that match a pattern.", .since = "1.0.0",
     .complexity = "O(N) for N keys in the database", .group = "generic",
     .categories = "@keyspace @dangerous",
     .tips = "request_policy:all_shards nondeterministic_output_order"},
    {.name = "move", .args = "key db:integer", .flags = KEEL_WRITE | KEEL_FAST, .call = keys_move,
     .summary = "Moves a key to another database.", .since = "1.0.0", .complexity = "O(1)",
     .group = "generic", .keys = "RW ACCESS UPDATE", .categories = "@keyspace"},
    {.name = "object", .summary = "A container for commands that look into a value.",
     .since = "2.2.3", .complexity = "Depends on subcommand.", .group = "generic", .arity = -2,
     .subcommands = object_commands},
    {.name = "persist", .args = "key", .flags = KEEL_WRITE | KEEL_FAST, .call = keys_persist,
     .summary = "Takes a key's expiry away.", .since = "2.2.0", .complexity = "O(1)",
     .group = "generic", .keys = "RW UPDATE", .categories = "@keyspace"},
    {.name = "pexpire", .args = "key milliseconds [NX|XX|GT|LT]{condition 7.0.0}",
     .flags = KEEL_WRITE | KEEL_FAST, .call = keys_pexpire,
     .summary = "Lets a key expire after so many milliseconds.",
     .since = "2.6.0", .complexity = "O(1)", .group = "generic", .keys = "RW UPDATE",
     .categories = "@keyspace", .history = CONDITIONS},
    {.name = "pexpireat", .args = "key unix-time-milliseconds [NX|XX|GT|LT]{condition 7.0.0}",
     .flags = KEEL_WRITE | KEEL_FAST, .call = keys_pexpireat,
     .summary = "Lets a key expire at a Unix time in milliseconds.", .since = "2.6.0",
     .complexity = "O(1)", .group = "generic", .keys = "RW UPDATE", .categories = "@keyspace",
     .history = CONDITIONS},
    {.name = "pexpiretime", .args = "key", .flags = KEEL_READONLY | KEEL_FAST,
     .call = keys_pexpiretime,
     .summary = "Returns the Unix time in milliseconds when a key expires.", .since = "7.0.0",
     .complexity = "O(1)", .group = "generic", .keys = "RO ACCESS", .categories = "@keyspace"},
    {.name = "pttl", .args = "key", .flags = KEEL_READONLY | KEEL_FAST, .call = keys_pttl,
     .summary = "Returns the milliseconds that a key has left.", .since = "2.6.0",
     .complexity = "O(1)", .group = "generic", .keys = "RO ACCESS", .categories = "@keyspace",
     .tips = VARIES, .history = MINUS_2},
    {.name = "randomkey", .flags = KEEL_READONLY | KEEL_TOUCHES_ARBITRARY_KEYS,
     .call = keys_randomkey, .summary = "Returns the name of a key chosen at random.",
     .since = "1.0.0", .complexity = "O(1)", .group = "generic", .categories = "@keyspace",
     .tips = "request_policy:all_shards response_policy:special nondeterministic_output"},
    {.name = "rename", .args = "key newkey", .flags = KEEL_WRITE, .call = keys_rename,
     .summary = "Renames a key and overwrites what has the new name.", .since = "1.0.0",
     .complexity = "O(1)", .group = "generic", .keys = "RW ACCESS DELETE & OW UPDATE",
     .categories = "@keyspace"},
    {.name = "renamenx", .args = "key newkey", .flags = KEEL_WRITE | KEEL_FAST,
     .call = keys_renamenx, .summary = "Renames a key unless the new name is taken.",
     .since = "1.0.0", .complexity = "O(1)", .group = "generic",
     .keys = "RW ACCESS DELETE & OW INSERT", .categories = "@keyspace",
     .history = "3.2.0: Equal names are no longer an error."},
    {.name = "restore", .args = RESTORE_ARGS, .flags = KEEL_WRITE | KEEL_DENYOOM,
     .call = keys_restore, .summary = "Creates a key from the bytes that DUMP gave.",
     .since = "2.6.0", .complexity = RESTORE_COST, .group = "generic", .keys = "OW UPDATE",
     .categories = "@keyspace @dangerous", .history = RESTORE_HISTORY},
    {.name = "restore-asking", .args = RESTORE_ARGS,
     .flags = KEEL_WRITE | KEEL_DENYOOM | KEEL_ASKING | KEEL_INTERNAL, .call = keys_restore,
     .summary = "RESTORE as cluster nodes send it to each other while keys migrate.",
     .since = "3.0.0", .complexity = RESTORE_COST, .group = "server", .keys = "OW UPDATE",
     .categories = "@keyspace @dangerous", .history = RESTORE_HISTORY},
    {.name = "scan", .args = "cursor [MATCH pattern] [COUNT count] [TYPE type{6.0.0}]",
     .flags = KEEL_READONLY | KEEL_TOUCHES_ARBITRARY_KEYS, .call = keys_scan,
     .summary = "Returns some names of keys, and where to go on.", .since = "2.8.0",
     .complexity = "O(1) a call, O(N) for a whole walk over N keys", .group = "generic",
     .categories = "@keyspace",
     .tips = "nondeterministic_output request_policy:special response_policy:special",
     .history = "6.0.0: Added the `TYPE` subcommand."},
    {.name = "touch", .args = "key [key ...]", .flags = KEEL_READONLY | KEEL_FAST,
     .call = keys_touch, .summary = "Counts the keys that exist and renews their access time.",
     .since = "3.2.1", .complexity = "O(N) for N keys", .group = "generic", .keys = "RO",
     .categories = "@keyspace", .tips = SUMS},
    {.name = "ttl", .args = "key", .flags = KEEL_READONLY | KEEL_FAST, .call = keys_ttl,
     .summary = "Returns the seconds that a key has left.", .since = "1.0.0",
     .complexity = "O(1)", .group = "generic", .keys = "RO ACCESS", .categories = "@keyspace",
     .tips = VARIES, .history = MINUS_2},
    {.name = "type", .args = "key", .flags = KEEL_READONLY | KEEL_FAST, .call = keys_type,
     .summary = "Returns the type of a key's value.", .since = "1.0.0", .complexity = "O(1)",
     .group = "generic", .keys = "RO", .categories = "@keyspace"},
    {.name = "unlink", .args = "key [key ...]", .flags = KEEL_WRITE | KEEL_FAST,
     .call = keys_unlink, .summary = "Deletes keys and frees large values in the background.",
     .since = "4.0.0",
     .complexity = "O(1) for each key; the background needs O(N) for N allocations freed",
     .group = "generic", .keys = "RM DELETE", .categories = "@keyspace", .tips = SUMS},
    {0},
};

static const KeelHook hooks[] = {
    {.event = KEEL_EVENT_CONFIG, .call = forget_settings},
    {0},
};

KEEL_MODULE(.name = "keys", .version = "1.0.0",
            .summary = "Commands on keys of any type: DEL, EXPIRE, SCAN, RENAME, DUMP ...",
            .commands = commands, .hooks = hooks);
