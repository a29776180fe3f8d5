/* dump.c - DUMP and RESTORE: one value as bytes, and back.
 *
 * A payload is the value's RDB type and body, the format's version (2 bytes) and a CRC64 of all
 * that (8 bytes): what Redis exchanges, so keys move between the two in both directions. The
 * checksum only tells accidents: every byte of the body is still checked by the type that loads
 * it. */
#include <string.h>

#include "keys.h"

void keys_dump(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    if (!keel_key_open(c, argv[1], KEEL_KEY_READ, &key)) {
        keel_reply_null(c);
        return;
    }
    KeelValue value;
    KeelMemorySink out;
    keel_sink_memory(&out);
    out.sink.compress = keys_setting(KEYS_RDB_COMPRESSION);
    keel_key_view(&key, &value);
    if (keel_dump(&out.sink, &value) == 0) {
        keel_reply_bulk(c, (KeelStr){out.bytes, out.len});
    } else {
        keel_reply_error(c, "ERR this value cannot be dumped");
    }
    keel_sink_free_memory(&out);
}

typedef struct RestoreOptions {
    bool replace, absolute;
    int64_t ttl, idle, freq; /* idle and freq: -1 when not given */
} RestoreOptions;

static bool parse_options(KeelCtx *c, const KeelStr *argv, int argc, RestoreOptions *o) {
    for (int i = 4; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (keel_is(argv[i], "replace")) {
            o->replace = true;
        } else if (keel_is(argv[i], "absttl")) {
            o->absolute = true;
        } else if (has_value && o->freq == -1 && keel_is(argv[i], "idletime")) {
            if (!keel_arg_int(c, argv[++i], &o->idle)) return false;
            if (o->idle >= 0) continue;
            keel_reply_error(c, "ERR Invalid IDLETIME value, must be >= 0");
            return false;
        } else if (has_value && o->idle == -1 && keel_is(argv[i], "freq")) {
            if (!keel_arg_int(c, argv[++i], &o->freq)) return false;
            if (o->freq >= 0 && o->freq <= 255) continue;
            keel_reply_error(c, "ERR Invalid FREQ value, must be >= 0 and <= 255");
            return false;
        } else {
            keel_reply_syntax(c);
            return false;
        }
    }
    return true;
}

/* The value that the payload holds. False: an error was replied. */
static bool load_payload(KeelCtx *c, KeelStr name, KeelStr payload, KeelValue *value) {
    uint8_t opcode;
    KeelStr body;
    if (!keel_undump(payload, &opcode, &body)) {
        keel_reply_error(c, "ERR DUMP payload version or checksum are wrong");
        return false;
    }
    KeelMemorySource source;
    keel_source_memory(&source, body);
    source.source.name = name;
    source.source.db = keel_db(c);
    if (keel_load_value(&source.source, opcode, value) == 0) return true;
    if (source.source.failed) keel_log(KEEL_LOG_VERBOSE, "RESTORE: %s", source.source.reason);
    keel_reply_error(c, "ERR Bad data format");
    return false;
}

/* The time is over before the key could live: what it would have replaced goes all the same. */
static void restore_expired(KeelCtx *c, KeelKey *key) {
    bool lazy = keys_setting(KEYS_LAZY_SERVER_DEL);
    if (!keel_key_delete(key, lazy)) return;
    KeelStr words[] = {lazy ? KEEL_LIT("UNLINK") : KEEL_LIT("DEL"), key->name};
    keel_journal_instead(c, words, 2);
    keel_key_changed(key, KEEL_NOTIFY_GENERIC, "del");
}

/* The command with its time made absolute, so that it means the same later. */
static void journal_absolute(KeelCtx *c, const KeelStr *argv, int argc, int64_t expiry) {
    char digits[KEEL_INT_ROOM];
    KeelStr *words = keel_alloc(((size_t)argc + 1) * sizeof(*words));
    memcpy(words, argv, (size_t)argc * sizeof(*words));
    words[2] = (KeelStr){digits, keel_format_int(digits, expiry)};
    words[argc] = KEEL_LIT("ABSTTL");
    keel_journal_instead(c, words, argc + 1);
    keel_free(words);
}

static void set_value(KeelKey *key, KeelValue *value, int64_t expiry) {
    if (value->type->bytes) {
        keel_key_set_bytes(key, value->type, value->bytes, expiry);
        keel_value_free(value);
    } else {
        keel_key_set_value(key, value->type, value->ptr, expiry);
    }
}

static void restore(KeelCtx *c, const KeelStr *argv, int argc, KeelKey *key,
                    const RestoreOptions *o) {
    KeelValue value;
    int64_t expiry = o->ttl;
    if (!load_payload(c, argv[1], argv[3], &value)) return;
    /* A sum beyond the end of time counts as past, as in Redis, where it wraps round. */
    bool wrapped =
        expiry && !o->absolute && __builtin_add_overflow(expiry, keel_now_ms(), &expiry);
    if (expiry && (wrapped || keys_already_expired(c, expiry))) {
        keel_value_free(&value);
        restore_expired(c, key);
        keel_reply_ok(c);
        return;
    }
    /* What a replaced key was is no part of the new one: neither its clock nor its hooks' view. */
    keel_key_delete(key, keys_setting(KEYS_LAZY_SERVER_DEL));
    set_value(key, &value, expiry ? expiry : KEEL_NO_EXPIRY);
    if (expiry && !o->absolute) journal_absolute(c, argv, argc, expiry);
    if (o->idle >= 0) keel_key_set_idle(key, o->idle);
    if (o->freq >= 0) keel_key_set_freq(key, (int)o->freq);
    keel_key_ready(c, keel_db(c), argv[1]);
    keel_key_changed(key, KEEL_NOTIFY_GENERIC, "restore");
    keel_reply_ok(c);
}

void keys_restore(KeelCtx *c, const KeelStr *argv, int argc) {
    RestoreOptions o = {.idle = -1, .freq = -1};
    KeelKey key;
    if (!parse_options(c, argv, argc, &o)) return;
    if (keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key) && !o.replace) {
        keel_reply_error(c, "BUSYKEY Target key name already exists.");
        return;
    }
    if (!keel_arg_int(c, argv[2], &o.ttl)) return;
    if (o.ttl < 0) {
        keel_reply_error(c, "ERR Invalid TTL value, must be >= 0");
        return;
    }
    restore(c, argv, argc, &key, &o);
}
