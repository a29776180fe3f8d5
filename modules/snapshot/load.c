/* load.c - a stream to the dataset.
 *
 * Nothing in it is trusted: lengths are held against what can still come before memory is asked
 * for, every value is checked by its type, and the checksum at the end (files since version 5 have
 * one) is verified whatever was loaded by then. The caller throws away what came of a bad one. */
#include "snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    FIRST_WITH_CHECKSUM = 5,
    EMPTY_LOGGED = 10,          /* empty keys that are named in the log */
    OP_MODULE = 6, OP_MODULE_2 = 7,
    NAME_ROOM = 1024,
};

/* One load: what was said of the key to come, and what came so far. */
typedef struct Loading {
    KeelCtx *ctx;
    KeelSource *source;
    const KeelLoadOptions *o;
    KeelLoadResult *result;
    int64_t now;
    int64_t expiry, idle, freq; /* of the next key; -1: none */
    int db;
    bool keys_seen;
    char small[NAME_ROOM], *large;
} Loading;

/* --- the head ------------------------------------------------------------------------------- */

static int load_magic(KeelSource *source) {
    char magic[10] = "";
    if (keel_load_raw(source, magic, 9) != 0) return -1;
    if (memcmp(magic, "REDIS", 5) != 0) {
        keel_log(KEEL_LOG_WARNING, "Wrong signature trying to load DB from file");
        return keel_load_fail(source, "wrong signature");
    }
    source->version = atoi(magic + 5);
    if (source->version >= 1 && source->version <= KEEL_RDB_NEWEST) return 0;
    keel_log(KEEL_LOG_WARNING, "Can't handle RDB format version %d", source->version);
    return keel_load_fail(source, "format version %d", source->version);
}

static void take_field(Loading *l, KeelStr name, KeelStr value) {
    const char *text = value.ptr;
    if (name.len && name.ptr[0] == '%') {
        keel_log(KEEL_LOG_NOTICE, "RDB '%s': %s", name.ptr, text);
    } else if (keel_is(name, "redis-ver")) {
        keel_log(KEEL_LOG_NOTICE, "Loading RDB produced by version %s", text);
    } else if (keel_is(name, "ctime")) {
        long age = (long)(time(NULL) - strtol(text, NULL, 10));
        keel_log(KEEL_LOG_NOTICE, "RDB age %ld seconds", age < 0 ? 0 : age);
    } else if (keel_is(name, "used-mem")) {
        uint64_t bytes = strtoull(text, NULL, 10);
        keel_log(KEEL_LOG_NOTICE, "RDB memory usage when created %.2f Mb",
                 (double)bytes / (1024 * 1024));
        loading_note_memory(bytes);
    } else if (keel_is(name, "aof-base")) {
        l->result->aof_base = atoi(text) != 0;
        if (l->result->aof_base) keel_log(KEEL_LOG_NOTICE, "RDB is base AOF");
    }
    if (l->o->field) l->o->field(name, value, l->o->data);
}

static int load_field(Loading *l) {
    KeelStr name = {0}, value = {0};
    char *n = NULL, *v = NULL;
    int rc = keel_load_string(l->source, &n, &name.len);
    if (rc == 0) rc = keel_load_string(l->source, &v, &value.len);
    name.ptr = n;
    value.ptr = v;
    if (rc == 0) take_field(l, name, value);
    keel_free(n);
    keel_free(v);
    return rc;
}

/* --- databases ------------------------------------------------------------------------------ */

static int load_select(Loading *l) {
    uint64_t db;
    if (keel_load_len(l->source, &db, NULL) != 0) return -1;
    if (db >= (uint64_t)keel_db_count()) {
        keel_log(KEEL_LOG_WARNING, "FATAL: Data file was created with a Redis server configured to "
                                   "handle more than %d databases. Exiting", keel_db_count());
        return keel_load_fail(l->source, "database %llu", (unsigned long long)db);
    }
    l->db = (int)db;
    keel_db_select(l->ctx, l->db);
    return 0;
}

/* Room is made for no more keys than the bytes to come can hold, at three bytes a key. */
static int load_sizes(Loading *l) {
    uint64_t keys, expiring;
    if (keel_load_len(l->source, &keys, NULL) != 0) return -1;
    if (keel_load_len(l->source, &expiring, NULL) != 0) return -1;
    uint64_t most = l->source->limit == UINT64_MAX ? 1 << 20 : l->source->limit / 3;
    keel_db_reserve(l->ctx, keys < most ? keys : most);
    return 0;
}

static int load_seconds(KeelSource *source, int64_t *ms) {
    unsigned char b[4];
    if (keel_load_raw(source, b, 4) != 0) return -1;
    uint32_t seconds = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    *ms = (int64_t)(int32_t)seconds * 1000;
    return 0;
}

/* --- keys ----------------------------------------------------------------------------------- */

/* The name stays until the next one: handles point to it. */
static int load_name(Loading *l, KeelStr *name) {
    char *bytes;
    if (l->large) {
        keel_free(l->large);
        l->large = NULL;
    }
    if (keel_load_string_at(&keel_self.memory, l->source, l->small, NAME_ROOM, &bytes,
                            &name->len) != 0) {
        return -1;
    }
    if (bytes != l->small) l->large = bytes;
    name->ptr = bytes;
    return 0;
}

static int refuse_module_value(Loading *l) {
    uint64_t id;
    char type[10];
    if (keel_load_len(l->source, &id, NULL) != 0) return -1;
    module_type_name(id, type);
    keel_log(KEEL_LOG_WARNING, "The RDB file contains module data I can't load: no matching module "
                               "type '%s'", type);
    return keel_load_fail(l->source, "no module for values of type '%s'", type);
}

static int drop_expired(Loading *l, uint8_t opcode, KeelStr name) {
    KeelValue v;
    KeelStr words[2] = {KEEL_LIT("DEL"), name};
    if (l->o->tell_expired) keel_journal_write(l->ctx, words, 2, KEEL_JOURNAL_CLEAN);
    int rc = keel_load_value(l->source, opcode, &v);
    if (rc < 0) return -1;
    if (rc == 0) keel_value_free(&v);
    l->result->expired++;
    return 0;
}

static void note_empty(Loading *l, KeelStr name) {
    if (l->result->empty++ >= EMPTY_LOGGED) return;
    keel_log(KEEL_LOG_NOTICE, "rdbLoadObject skipping empty key: %.*s",
             (int)(name.len < 256 ? name.len : 256), name.ptr);
    if (l->result->empty == EMPTY_LOGGED) {
        keel_log(KEEL_LOG_NOTICE, "Skipping empty keys: no more of them are logged");
    }
}

static int store_key(Loading *l, uint8_t opcode, KeelStr name) {
    KeelKey key;
    unsigned mode = KEEL_KEY_WRITE | KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS | KEEL_KEY_EXPIRED_TOO;
    if (keel_key_open(l->ctx, name, mode, &key)) {
        if (!l->o->merge) {
            keel_log(KEEL_LOG_WARNING, "RDB has duplicated key '%.*s' in DB %d",
                     (int)(name.len < 128 ? name.len : 128), name.ptr, l->db);
            return keel_load_fail(l->source, "a key is there twice");
        }
        keel_key_delete(&key, false);
    }
    int rc = keel_load_key(l->source, opcode, &key, l->expiry);
    if (rc == 1) note_empty(l, name);
    if (rc != 0) return rc < 0 ? -1 : 0;
    if (l->idle >= 0) keel_key_set_idle(&key, l->idle);
    if (l->freq >= 0) keel_key_set_freq(&key, (int)l->freq);
    keel_key_notify(&key, KEEL_NOTIFY_LOADED, "loaded");
    l->result->keys++;
    return 0;
}

static int load_entry(Loading *l, uint8_t opcode) {
    KeelStr name;
    if (load_name(l, &name) != 0) return -1;
    l->keys_seen = true;
    if (opcode == OP_MODULE ||
        (opcode == OP_MODULE_2 && !keel_type_by_opcode(OP_MODULE_2))) {
        return refuse_module_value(l);
    }
    bool expired = l->expiry != KEEL_NO_EXPIRY && l->expiry < l->now && !l->o->keep_expired;
    int rc = expired ? drop_expired(l, opcode, name) : store_key(l, opcode, name);
    if (rc != 0) return -1;
    if (__builtin_expect(key_load_delay != 0, 0)) key_delay(key_load_delay);
    l->expiry = KEEL_NO_EXPIRY;
    l->idle = l->freq = -1;
    return 0;
}

/* --- all of it ------------------------------------------------------------------------------ */

/* What is no key. */
static int load_part(Loading *l, uint8_t opcode) {
    KeelSource *source = l->source;
    uint64_t number;
    uint8_t byte;
    switch (opcode) {
    case OP_EXPIRY: return load_seconds(source, &l->expiry);
    case OP_EXPIRY_MS: return keel_load_ms(source, &l->expiry);
    case OP_FREQ:
        if (keel_load_u8(source, &byte) != 0) return -1;
        l->freq = byte;
        return 0;
    case OP_IDLE:
        if (keel_load_len(source, &number, NULL) != 0) return -1;
        l->idle = number < INT32_MAX ? (int64_t)number : INT32_MAX;
        return 0;
    case OP_SELECTDB: return load_select(l);
    case OP_RESIZEDB: return load_sizes(l);
    case OP_AUX: return load_field(l);
    case OP_MODULE_AUX: return kept_load_aux(l->ctx, source, l->o->merge, l->keys_seen);
    case OP_FUNCTION2: return kept_load_function(l->ctx, source, l->o->merge);
    case OP_FUNCTION_OLD:
        return keel_load_fail(source, "Pre-release function format not supported.");
    default: return keel_load_fail(source, "unknown opcode %u", opcode);
    }
}

static int check_sum(KeelSource *source) {
    uint64_t found = keel_source_crc(source);
    int64_t stored;
    if (source->version < FIRST_WITH_CHECKSUM) return 0;
    source->checksum = false;
    if (keel_load_ms(source, &stored) != 0) return -1;
    if (stored == 0) {
        keel_log(KEEL_LOG_NOTICE, "RDB file was saved with checksum disabled: no check performed.");
        return 0;
    }
    if ((uint64_t)stored == found) return 0;
    keel_log(KEEL_LOG_WARNING, "Wrong RDB checksum expected: (%llx) but got (%llx). Aborting now.",
             (unsigned long long)stored, (unsigned long long)found);
    return keel_load_fail(source, "RDB CRC error");
}

static int load_parts(Loading *l) {
    uint8_t opcode;
    for (;;) {
        if (keel_load_u8(l->source, &opcode) != 0) return -1;
        if (opcode == OP_END) return check_sum(l->source);
        int rc = opcode < OP_FUNCTION2 ? load_entry(l, opcode) : load_part(l, opcode);
        if (rc != 0) return -1;
        if (loading_progress(l->source->consumed)) {
            l->result->given_up = true;
            return keel_load_fail(l->source, "the server ends");
        }
    }
}

int stream_load(KeelCtx *c, KeelSource *source, const KeelLoadOptions *options,
                KeelLoadResult *result) {
    KeelLoadOptions none = {.size = sizeof(none)};
    Loading l = {.ctx = c, .source = source, .o = options ? options : &none, .result = result,
                 .now = keel_now_ms(), .expiry = KEEL_NO_EXPIRY, .idle = -1, .freq = -1};
    int db = keel_db(c);
    *result = (KeelLoadResult){0};
    source->checksum = true;
    if (loading_aside()) keel_stage_enter(c);
    keel_db_select(c, 0);
    int rc = load_magic(source);
    if (rc == 0) rc = load_parts(&l);
    if (rc == 0 && !l.o->may_follow && source->limit && source->limit != UINT64_MAX) {
        keel_log(KEEL_LOG_WARNING, "%llu bytes behind the end of the stream are of no use",
                 (unsigned long long)source->limit);
    }
    keel_free(l.large);
    if (loading_aside()) keel_stage_leave(c);
    keel_db_select(c, db);
    loading_note_counts(result->keys, result->expired);
    if (rc == 0) {
        keel_log(KEEL_LOG_NOTICE, "Done loading RDB, keys loaded: %llu, keys expired: %llu, empty "
                                  "keys skipped: %llu.", (unsigned long long)result->keys,
                 (unsigned long long)result->expired, (unsigned long long)result->empty);
    } else if (!result->given_up) {
        keel_log(KEEL_LOG_WARNING, "Internal error in RDB reading offset %llu -> %s",
                 (unsigned long long)source->consumed, source->reason);
    }
    return rc;
}
