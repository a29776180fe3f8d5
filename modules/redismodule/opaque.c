/* opaque.c - values of types whose module is not loaded: kept as the bytes they came in.
 *
 * Such a value can be moved, copied, dumped, saved and deleted, and is saved unchanged; only what is in it nobody can
 * say. When the module comes, its values are loaded from the bytes. The marks before a value's
 * parts tell where it ends without knowing it. */
#include "rm.h"

#include <string.h>

typedef struct Opaque {
    uint64_t id;
    size_t len;
    char bytes[]; /* the parts and the mark of the end */
} Opaque;

static uint64_t count; /* the background thread frees some */

uint64_t rm_opaque_count(void) {
    return __atomic_load_n(&count, __ATOMIC_RELAXED);
}

KeelStr rm_opaque_parts(const void *value) {
    const Opaque *o = value;
    return (KeelStr){o->bytes, o->len};
}

static Opaque *opaque_new(uint64_t id, const char *bytes, size_t len) {
    Opaque *o = keel_try_alloc(sizeof(*o) + len);
    if (!o) return NULL;
    *o = (Opaque){id, len};
    memcpy(o->bytes, bytes, len);
    __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
    return o;
}

/* ---- loading: a source that keeps what was read of another ----------------------------------- */

typedef struct Tee {
    KeelSource source;
    KeelSource *from;
    KeelMemorySink kept;
} Tee;

static int tee_read(KeelSource *source, void *bytes, size_t len) {
    Tee *tee = (Tee *)source;
    if (keel_load_raw(tee->from, bytes, len) != 0) return -1;
    return keel_save_raw(&tee->kept.sink, bytes, len);
}

/* In steps, so that memory grows with what is there and not with what is said. */
static int skip(KeelSource *source, uint64_t len) {
    char step[4096];
    while (len) {
        size_t n = len < sizeof(step) ? (size_t)len : sizeof(step);
        if (keel_load_raw(source, step, n) != 0) return -1;
        len -= n;
    }
    return 0;
}

/* A string in any of its forms: 8, 16 and 32 bits of integer, compressed, or as it is. */
static int skip_string(KeelSource *source) {
    uint64_t len, full;
    bool encoded;
    if (keel_load_len(source, &len, &encoded) != 0) return -1;
    if (!encoded) return skip(source, len);
    if (len < 3) return skip(source, (uint64_t)1 << len);
    if (len > 3) return keel_load_fail(source, "unknown form of a string: %d", (int)len);
    if (keel_load_len(source, &len, NULL) != 0 || keel_load_len(source, &full, NULL) != 0) return -1;
    return skip(source, len);
}

/* Up to the mark of the end. */
static int skip_parts(KeelSource *source) {
    for (;;) {
        uint64_t mark, v;
        int result = 0;
        if (keel_load_len(source, &mark, NULL) != 0) return -1;
        switch (mark) {
        case PART_END: return 0;
        case PART_SINT:
        case PART_UINT: result = keel_load_len(source, &v, NULL); break;
        case PART_FLOAT: result = skip(source, 4); break;
        case PART_DOUBLE: result = skip(source, 8); break;
        case PART_STRING: result = skip_string(source); break;
        default:
            return keel_load_fail(source, "unknown kind of a part: %llu", (unsigned long long)mark);
        }
        if (result != 0) return -1;
    }
}

/* Said once a name, for as many as are remembered. */
static void report(uint64_t id) {
    enum { NAMES = 32 };
    static uint64_t told[NAMES];
    static int next;
    char name[10];
    for (int i = 0; i < NAMES; i++) {
        if (told[i] == id >> 10) return;
    }
    told[next++ % NAMES] = id >> 10;
    rm_type_id_name(id, name);
    keel_log(KEEL_LOG_WARNING, "Values of module type '%s' are there and no loaded module has it: "
             "they are kept as they are", name);
}

int rm_opaque_load(KeelSource *source, uint64_t id, KeelValue *out) {
    Tee tee = {.source = {.read = tee_read, .limit = source->limit, .version = source->version},
               .from = source};
    keel_sink_memory(&tee.kept);
    Opaque *o = NULL;
    if (skip_parts(&tee.source) == 0) {
        o = opaque_new(id, tee.kept.bytes, tee.kept.len);
        if (!o) keel_load_fail(source, "no memory for a value of %zu bytes", tee.kept.len);
    } else {
        keel_load_fail(source, "%s", tee.source.reason);
    }
    keel_sink_free_memory(&tee.kept);
    if (!o) return -1;
    report(id);
    out->type = &rm_opaque_type;
    out->ptr = o;
    return 0;
}

/* ---- the type -------------------------------------------------------------------------------- */

static int save(KeelSink *sink, const KeelValue *v) {
    const Opaque *o = v->ptr;
    if (keel_save_len(sink, o->id) != 0) return -1;
    return keel_save_raw(sink, o->bytes, o->len);
}

/* Nobody knows a command that makes it but RESTORE. */
static int rewrite(KeelSink *sink, KeelStr name, const KeelValue *v) {
    KeelMemorySink payload;
    keel_sink_memory(&payload);
    int result = keel_dump(&payload.sink, v);
    if (result == 0) {
        KeelStr words[] = {KEEL_LIT("RESTORE"), name, KEEL_LIT("0"), {payload.bytes, payload.len}};
        result = keel_rewrite_emit(sink, words, 4);
    }
    keel_sink_free_memory(&payload);
    return result;
}

static void free_value(void *ptr) {
    __atomic_fetch_sub(&count, 1, __ATOMIC_RELAXED);
    keel_free(ptr);
}

static void *copy(const KeelValue *v) {
    const Opaque *o = v->ptr;
    return opaque_new(o->id, o->bytes, o->len);
}

static size_t length(const KeelValue *v) {
    (void)v;
    return 0;
}

static size_t memory(const KeelValue *v, size_t samples) {
    (void)samples;
    return keel_mem_size(v->ptr);
}

static void digest(KeelDigest *d, const KeelValue *v) {
    const KeelDigester *digester = keel_interface("digest", 100);
    const Opaque *o = v->ptr;
    if (!digester) return;
    digester->mix(d, &o->id, sizeof(o->id));
    digester->mix(d, o->bytes, o->len);
}

static const char *encoding(const KeelKey *key, const KeelValue *v) {
    (void)key;
    (void)v;
    return "raw";
}

static const uint8_t opcodes[] = {7, 255};
static void *defragment(const KeelValue *v, uint64_t *cursor) {
    if (cursor) *cursor = 0;
    return keel_move(v->ptr);
}

const KeelType rm_opaque_type = {.name = "opaque", .number = 5, .opcodes = opcodes, .save = save,
                                 .load = rm_type_load, .rewrite = rewrite, .free = free_value,
                                 .copy = copy, .length = length, .memory = memory,
                                 .digest = digest, .encoding = encoding,
                                 .defragment = defragment};

/* ---- when the module comes ------------------------------------------------------------------- */

typedef struct Found {
    const Mod *mod;
    RedisModuleString **names;
    size_t count, room;
} Found;

static void gather(const KeelSeen *seen, void *data) {
    Found *found = data;
    KeelValue v;
    if (seen->type != &rm_opaque_type) return;
    keel_seen_value(seen, &v);
    const RedisModuleType *type = rm_type_by_id(((const Opaque *)v.ptr)->id);
    if (!type || type->mod != found->mod) return;
    if (found->count == found->room) {
        found->room = found->room ? found->room * 2 : 16;
        found->names = keel_realloc(found->names, found->room * sizeof(*found->names));
    }
    found->names[found->count++] = rm_string(seen->name.ptr, seen->name.len);
}

/* False: the module does not take it, and it stays as it is. */
static bool revive(KeelCtx *c, int db, KeelStr name) {
    KeelKey key;
    KeelValue out = {0};
    KeelMemorySource source;
    unsigned mode = KEEL_KEY_WRITE | KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS | KEEL_KEY_EXPIRED_TOO;
    if (!keel_key_open_in(c, db, name, mode, &key)) return true;
    KeelMemorySink bytes;
    KeelValue v;
    keel_sink_memory(&bytes);
    keel_key_view(&key, &v);
    bool good = save(&bytes.sink, &v) == 0;
    keel_source_memory(&source, (KeelStr){bytes.bytes, bytes.len});
    source.source.name = name;
    source.source.db = db;
    good = good && rm_type_load(&source.source, 7, &out) == 0;
    if (good) keel_key_set_value(&key, out.type, out.ptr, KEEL_KEEP_EXPIRY);
    keel_sink_free_memory(&bytes);
    return good;
}

void rm_opaque_revive(Mod *mod, KeelCtx *c) {
    size_t revived = 0, refused = 0;
    if (!rm_opaque_count() || !mod->types) return;
    for (int db = 0; db < keel_db_count(); db++) {
        Found found = {.mod = mod};
        uint64_t cursor = 0;
        do {
            cursor = keel_db_scan(db, cursor, 1000, gather, &found);
        } while (cursor);
        for (size_t i = 0; i < found.count; i++) {
            if (revive(c, db, rm_view(found.names[i]))) {
                revived++;
            } else {
                refused++;
            }
            rm_string_release(found.names[i]);
        }
        keel_free(found.names);
    }
    if (revived + refused) {
        keel_log(KEEL_LOG_NOTICE, "Module %s took over %zu values that were kept for it and "
                 "refused %zu", mod->name, revived, refused);
    }
}
