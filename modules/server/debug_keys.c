/* debug_keys.c - DEBUG's look at keys and tables, and POPULATE, which makes many at once. */
#include "server.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CLOCK_MASK = (1 << 24) - 1, RESERVE_MAX = 1 << 24 };
enum { QUIETLY = KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS };

/* Without its type's opcode, which DEBUG OBJECT never counted. */
static uint64_t saved_length(const KeelValue *v) {
    KeelMemorySink memory;
    keel_sink_memory(&memory);
    memory.sink.compress = true;
    keel_save_value(&memory.sink, v);
    uint64_t len = memory.sink.written;
    keel_sink_free_memory(&memory);
    return len ? len - 1 : 0;
}

/* Where a value is, how it is kept, how long it would be in a file and when it was last used. Bytes
 * inside an entry have the entry's address; there are no reference counts, so there is one. */
static void debug_object(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    KeelValue v;
    if (!keel_key_open(c, argv[2], QUIETLY | KEEL_KEY_EXPIRED_TOO, &key)) {
        keel_reply_error(c, "ERR no such key");
        return;
    }
    keel_key_view(&key, &v);
    const KeelType *type = keel_key_type(&key);
    int64_t idle = keel_key_idle(&key), now = keel_now_ms() / 1000;
    if (idle < 0) idle = 0;
    char text[256];
    snprintf(text, sizeof(text),
             "Value at:%p refcount:1 encoding:%s serializedlength:%" PRIu64 " lru:%" PRId64
             " lru_seconds_idle:%" PRId64,
             type->bytes ? (const void *)v.bytes.ptr : v.ptr,
             type->encoding ? type->encoding(&key, &v) : "raw", saved_length(&v),
             (now - idle) & CLOCK_MASK, idle);
    keel_reply_status(c, text);
}

/* A count that may not be negative. False: an error was replied. */
static bool arg_positive(KeelCtx *c, KeelStr s, int64_t *out) {
    if (keel_parse_int(s, out) && *out >= 0) return true;
    keel_reply_error(c, "ERR value is out of range, must be positive");
    return false;
}

/* The longest value that a client could have sent. */
static int64_t value_limit(void) {
    char text[KEEL_INT_ROOM];
    int64_t limit = 512 * 1024 * 1024;
    if (keel_config_get(KEEL_LIT("proto-max-bulk-len"), text, sizeof(text), NULL)) {
        keel_parse_int(keel_str(text), &limit);
    }
    return limit;
}

/* POPULATE count [prefix] [size]: prefix:0, prefix:1 ... with values "value:0" ..., cut or filled
 * with zeros to `size`. Keys that are there stay, and nobody else hears of it. */
static void debug_populate(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t count, size = 0;
    const KeelType *type = keel_type_by_name(KEEL_LIT("string"));
    KeelStr prefix = argc > 3 ? argv[3] : KEEL_LIT("key");
    if (!arg_positive(c, argv[2], &count)) return;
    if (argc > 4 && !arg_positive(c, argv[4], &size)) return;
    if (size > value_limit()) {
        keel_reply_error(c, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
        return;
    }
    char *name = keel_alloc(prefix.len + KEEL_INT_ROOM + 1);
    size_t room = size > 64 ? (size_t)size : 64;
    char *value = keel_try_alloc(room);
    if (!value || !type) {
        keel_reply_error(c, type ? "ERR no memory for a value of this size"
                                 : "ERR DEBUG POPULATE needs a module for strings");
        goto out;
    }
    memcpy(name, prefix.ptr, prefix.len);
    name[prefix.len] = ':';
    keel_db_reserve(c, (uint64_t)(count < RESERVE_MAX ? count : RESERVE_MAX));
    for (int64_t i = 0; i < count; i++) {
        KeelKey key;
        size_t digits = keel_format_int(name + prefix.len + 1, i);
        if (keel_key_open(c, (KeelStr){name, prefix.len + 1 + digits},
                          KEEL_KEY_WRITE | KEEL_KEY_NO_STATS, &key)) {
            continue;
        }
        memset(value, 0, size ? (size_t)size : 1);
        char text[40];
        size_t len = (size_t)snprintf(text, sizeof(text), "value:%" PRId64, i);
        if (size && len > (size_t)size) len = (size_t)size;
        memcpy(value, text, len);
        keel_key_set_bytes(&key, type, (KeelStr){value, size ? (size_t)size : len},
                           KEEL_NO_EXPIRY);
        keel_key_changed(&key, 0, NULL);
    }
    keel_journal_nothing(c);
    keel_reply_ok(c);
out:
    keel_free(name);
    keel_free(value);
}

static void debug_htstats(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    int64_t db;
    if (!keel_arg_int(c, argv[2], &db)) return;
    if (db < 0 || db >= keel_db_count()) {
        keel_reply_error(c, "ERR Out of range database");
        return;
    }
    char text[4096];
    size_t len = keel_db_stats_text((int)db, text, sizeof(text));
    keel_reply_verbatim(c, "txt", (KeelStr){text, len});
}

/* No type that the host knows of shows its tables. */
static void debug_htstats_key(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    if (!keel_key_open(c, argv[2], QUIETLY | KEEL_KEY_EXPIRED_TOO, &key)) {
        keel_reply_error(c, "ERR no such key");
    } else {
        keel_reply_error(c, "ERR The value stored at the specified key is not represented using "
                            "an hash table");
    }
}

const DebugRow debug_rows_keys[] = {
    {"htstats", 1, 2, debug_htstats,
     "HTSTATS <dbid>\n"
     "    How full a database's tables are.\n"},
    {"htstats-key", 1, 2, debug_htstats_key,
     "HTSTATS-KEY <key>\n"
     "    The same for a key's value, if it is a table.\n"},
    {"object", 1, 2, debug_object,
     "OBJECT <key>\n"
     "    How a key's value is kept.\n"},
    {"populate", 1, 3, debug_populate,
     "POPULATE <count> [<prefix>] [<size>]\n"
     "    Create <count> strings, named key:0 and so on, that nobody else is told of.\n"},
    {0},
};
