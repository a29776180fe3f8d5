/* type_row.c - a module's data type as the host sees it: a KeelType whose callbacks call the module's.
 *
 * The host hands callbacks nothing but a pointer, so what a key holds is a small block that names
 * its type beside the module's value. In files a value is its type's id, the marked parts that
 * rdb_save writes, and a mark of the end. */
#include "rm.h"

#include <string.h>

RedisModuleString *rm_key_name(KeelStr name) {
    return name.ptr ? rm_string(name.ptr, name.len) : NULL;
}

static inline ModValue *held(const KeelValue *v) {
    return v->ptr;
}

/* ---- files ----------------------------------------------------------------------------------- */

int rm_type_save_value(KeelSink *sink, RedisModuleType *type, void *value) {
    RedisModuleIO io = {.sink = sink, .type = type, .db = -1};
    type->methods.rdb_save(&io, value);
    rm_io_end(&io);
    return io.failed ? -1 : 0;
}

static int save(KeelSink *sink, const KeelValue *v) {
    RedisModuleType *type = held(v)->cell->type;
    RedisModuleIO io = {.sink = sink, .type = type, .name = v->name, .db = v->db};
    if (keel_save_len(sink, type->id) != 0) return -1;
    type->methods.rdb_save(&io, held(v)->value);
    rm_io_end(&io);
    if (io.failed) sink->failed = true;
    return keel_save_len(sink, PART_END);
}

static void throw_away(const RedisModuleType *type, void *value) {
    if (value && type->methods.free) type->methods.free(value);
}

/* Nothing of the file is trusted: neither that it goes on, nor that the module's loader and its
 * bytes agree, nor that all of them were read. */
static int load_of(RedisModuleType *type, KeelSource *source, uint64_t id, KeelValue *out) {
    RedisModuleIO io = {.source = source, .type = type, .name = source->name, .db = source->db};
    uint64_t end;
    if (!type->methods.rdb_load) {
        return keel_load_fail(source, "module type %s cannot be loaded", type->name);
    }
    void *value = type->methods.rdb_load(&io, (int)(id & 1023));
    rm_io_end(&io);
    if (!io.failed && value && keel_load_len(source, &end, NULL) == 0 && end != PART_END) {
        keel_load_fail(source, "module type %s left a part of kind %llu unread", type->name,
                       (unsigned long long)end);
    }
    if (io.failed || !value || source->failed) {
        throw_away(type, value);
        return keel_load_fail(source, "module type %s did not load version %u of a value",
                              type->name, (unsigned)(id & 1023));
    }
    out->type = &type->row;
    out->ptr = rm_value_new(type, value);
    return 0;
}

/* For any of our types: the id says which. */
int rm_type_load(KeelSource *source, uint8_t opcode, KeelValue *out) {
    uint64_t id;
    (void)opcode;
    if (keel_load_len(source, &id, NULL) != 0) return -1;
    RedisModuleType *type = rm_type_by_id(id);
    return type ? load_of(type, source, id, out) : rm_opaque_load(source, id, out);
}

static int rewrite(KeelSink *sink, KeelStr name, const KeelValue *v) {
    RedisModuleIO io = {.sink = sink, .type = held(v)->cell->type, .name = name, .db = v->db};
    RedisModuleString *key = rm_key_name(name);
    io.type->methods.aof_rewrite(&io, key, held(v)->value);
    rm_string_release(key);
    rm_io_end(&io);
    if (io.failed) sink->failed = true;
    return io.failed ? -1 : 0;
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void free_value(void *ptr) {
    ModValue *v = ptr;
    throw_away(v->cell->type, v->value);
    keel_free(v);
}

/* 0 asks for the background whatever the size. */
static size_t free_effort(const KeelValue *v) {
    const RedisModuleTypeMethods *methods = &held(v)->cell->type->methods;
    RedisModuleKeyOptCtx ctx = {.from = rm_key_name(v->name), .from_db = v->db, .to_db = -1};
    size_t effort = methods->free_effort2 ? methods->free_effort2(&ctx, held(v)->value)
                                          : methods->free_effort(ctx.from, held(v)->value);
    rm_string_release(ctx.from);
    return effort ? effort : SIZE_MAX;
}

static void unlink_value(const KeelValue *v) {
    const RedisModuleTypeMethods *methods = &held(v)->cell->type->methods;
    RedisModuleKeyOptCtx ctx = {.from = rm_key_name(v->name), .from_db = v->db, .to_db = -1};
    if (methods->unlink2) {
        methods->unlink2(&ctx, held(v)->value);
    } else {
        methods->unlink(ctx.from, held(v)->value);
    }
    rm_string_release(ctx.from);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void *copy(const KeelValue *v) {
    RedisModuleType *type = held(v)->cell->type;
    RedisModuleKeyOptCtx ctx = {.from = rm_key_name(v->name), .to = rm_key_name(v->to),
                                .from_db = v->db, .to_db = v->to_db};
    void *value = type->methods.copy2 ? type->methods.copy2(&ctx, held(v)->value)
                                      : type->methods.copy(ctx.from, ctx.to, held(v)->value);
    rm_string_release(ctx.from);
    rm_string_release(ctx.to);
    return value ? rm_value_new(type, value) : NULL;
}

static size_t memory(const KeelValue *v, size_t samples) {
    const RedisModuleTypeMethods *methods = &held(v)->cell->type->methods;
    size_t bytes = keel_mem_size(v->ptr);
    if (methods->mem_usage2) {
        RedisModuleKeyOptCtx ctx = {.from = rm_key_name(v->name), .from_db = v->db, .to_db = -1};
        bytes += methods->mem_usage2(&ctx, held(v)->value, samples);
        rm_string_release(ctx.from);
    } else if (methods->mem_usage) {
        bytes += methods->mem_usage(held(v)->value);
    }
    return bytes;
}

static const char *encoding(const KeelKey *key, const KeelValue *v) {
    (void)key;
    (void)v;
    return "raw";
}

static size_t length(const KeelValue *v) {
    (void)v;
    return 0;
}

static const uint8_t opcodes[] = {7, 255};

void rm_type_row(RedisModuleType *type) {
    const RedisModuleTypeMethods *methods = &type->methods;
    bool saved = methods->rdb_save;
    type->row = (KeelType){.name = type->name, .number = 5, .save = saved ? save : NULL,
                           .load = rm_type_load, .opcodes = saved ? opcodes : NULL,
                           .rewrite = methods->aof_rewrite ? rewrite : NULL, .free = free_value,
                           .length = length, .memory = memory, .encoding = encoding,
                           .defragment = rm_type_defragment,
                           .layout = 1 + (uint32_t)(type->id & 1023)}; /* by what modules promise */
    if (methods->free_effort || methods->free_effort2) type->row.free_effort = free_effort;
    if (methods->unlink || methods->unlink2) type->row.unlink = unlink_value;
    if (methods->copy || methods->copy2) type->row.copy = copy;
    if (methods->digest) type->row.digest = rm_type_digest;
}
