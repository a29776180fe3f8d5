/* save.c - the dataset to a stream: head, functions, databases key by key, end and checksum.
 *
 * What costs is the walk: entries lie all over memory, so the table's walk fetches them ahead. In a
 * fork child the pages of long values are given back as soon as they are written: the parent may
 * change them later without the system copying them for us. */
#include "snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { DISMISS_FROM = 64 * 1024 };

/* A walk over one database. */
typedef struct Saving {
    KeelSink *sink;
    uint64_t keys;
    bool idle, freq;    /* access clocks are worth keeping */
    bool in_child;
} Saving;

static int save_field(KeelSink *sink, KeelStr name, KeelStr value) {
    keel_save_u8(sink, OP_AUX);
    keel_save_string(sink, name);
    return keel_save_string(sink, value);
}

static int save_number(KeelSink *sink, const char *name, int64_t value) {
    char digits[KEEL_INT_ROOM];
    size_t len = keel_format_int(digits, value);
    return save_field(sink, keel_str(name), (KeelStr){digits, len});
}

static int save_head(KeelSink *sink, const KeelSaveOptions *o) {
    char magic[16];
    snprintf(magic, sizeof(magic), "REDIS%04d", keel_rdb_version());
    keel_save_raw(sink, magic, 9);
    save_field(sink, KEEL_LIT("redis-ver"), keel_str(keel_redis_version()));
    save_number(sink, "redis-bits", 8 * (int64_t)sizeof(void *));
    save_number(sink, "ctime", (int64_t)time(NULL));
    save_number(sink, "used-mem", (int64_t)keel_mem_used());
    for (const KeelSnapshotField *f = o->fields; f && f->name.ptr; f++) {
        save_field(sink, f->name, f->value);
    }
    return save_number(sink, "aof-base", o->aof_base);
}

void key_delay(int64_t us) {
    if (us < 0) us = keel_random_below((uint64_t)-us) == 0;
    if (us) usleep((useconds_t)us);
}

/* Whole pages of the value's bytes: what else lies beside them stays. */
static void dismiss(const KeelValue *v) {
    static uintptr_t page;
    if (!page) page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)v->bytes.ptr + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)v->bytes.ptr + v->bytes.len) & ~(page - 1);
    if (from < to) madvise((void *)from, to - from, MADV_DONTNEED);
}

/* A value whose type has no form on disk: saying nothing would lose it. */
static bool savable(const KeelSeen *seen, const KeelValue *v) {
    if (v->type->save && v->type->opcodes && *v->type->opcodes != 255) return true;
    keel_log(KEEL_LOG_WARNING, "The key '%.*s' of type %s cannot be saved: its type has no form on "
             "disk", (int)(seen->name.len < 128 ? seen->name.len : 128), seen->name.ptr,
             v->type->name);
    return false;
}

static bool save_key(const KeelSeen *seen, void *data) {
    Saving *s = data;
    KeelSink *sink = s->sink;
    KeelValue v;
    keel_seen_value(seen, &v);
    if (__builtin_expect(!savable(seen, &v), 0)) {
        sink->failed = true;
        return false;
    }
    if (seen->expiry != KEEL_NO_EXPIRY) {
        keel_save_u8(sink, OP_EXPIRY_MS);
        keel_save_ms(sink, seen->expiry);
    }
    if (s->idle) {
        keel_save_u8(sink, OP_IDLE);
        keel_save_len(sink, (uint64_t)keel_seen_idle(seen));
    }
    if (s->freq) {
        keel_save_u8(sink, OP_FREQ);
        keel_save_u8(sink, (uint8_t)keel_seen_freq(seen));
    }
    if (keel_save_key(sink, seen->name, &v) != 0) return false;
    if (s->in_child) {
        if (v.bytes.len >= DISMISS_FROM) dismiss(&v);
        child_progress(s->keys);
    }
    s->keys++;
    if (__builtin_expect(key_save_delay != 0, 0)) key_delay(key_save_delay);
    return true;
}

static void save_database(Saving *s, int db) {
    uint64_t size = keel_db_size(db);
    if (!size) return;
    keel_save_u8(s->sink, OP_SELECTDB);
    keel_save_len(s->sink, (uint64_t)db);
    keel_save_u8(s->sink, OP_RESIZEDB);
    keel_save_len(s->sink, size);
    keel_save_len(s->sink, keel_db_expiring(db));
    keel_db_each(db, save_key, s);
}

/* Clocks are of use to who evicts by them. */
static void ask_clocks(Saving *s) {
    char policy[64] = "";
    keel_config_get(KEEL_LIT("maxmemory-policy"), policy, sizeof(policy), NULL);
    s->idle = strstr(policy, "lru") != NULL;
    s->freq = strstr(policy, "lfu") != NULL;
}

static int save_end(KeelSink *sink) {
    keel_save_u8(sink, OP_END);
    /* The sum is of what was handed over, so all of it has to be. */
    if (keel_sink_flush(sink) != 0) return -1;
    return keel_save_ms(sink, sink->checksum ? (int64_t)sink->crc : 0);
}

int stream_save(KeelSink *sink, const KeelSaveOptions *options) {
    KeelSaveOptions none = {.size = sizeof(none)};
    const KeelSaveOptions *o = options ? options : &none;
    Saving s = {.sink = sink, .in_child = child_here()};
    sink->checksum = write_checksum;
    save_head(sink, o);
    kept_save_aux(sink, false);
    if (!o->no_functions) kept_save_functions(sink);
    ask_clocks(&s);
    if (s.idle && s.freq) s.idle = false;
    for (int db = 0; !o->no_keys && db < keel_db_count() && !sink->failed; db++) {
        save_database(&s, db);
    }
    if (!o->no_keys) kept_save_aux(sink, true);
    save_end(sink);
    return sink->failed ? -1 : 0;
}
