/* aux.c - what types save of themselves beside their values, before or after all keys of a file.
 *
 * A field is its type's id, when it was written, and marked parts. Fields of types that nobody has are kept
 * as they came and written again, until their module comes and is given them. Those of a dataset that loads aside are
 * kept apart; modules that are here keep theirs apart themselves, as they said that they would. */
#include "rm.h"

#include <keel/snapshot.h>

typedef struct Kept {
    struct Kept *next;
    KeelValue value; /* an opaque one */
    uint64_t id, when;
} Kept;

static Kept *kept, *staged;
static Kept **loads_into = &kept;

static void kept_free(Kept *k) {
    keel_value_free(&k->value);
    keel_free(k);
}

/* ---- saving ---------------------------------------------------------------------------------- */

static int put_head(KeelSink *sink, uint64_t id, uint64_t when) {
    keel_save_len(sink, id);
    keel_save_len(sink, PART_UINT);
    return keel_save_len(sink, when);
}

static int begin_field(RedisModuleIO *io) {
    return put_head(io->sink, io->type->id, io->when);
}

/* With aux_save2 a callback that writes nothing leaves nothing. */
static int save_field(RedisModuleType *type, uint64_t when, KeelSink *to,
                      int (*emit)(KeelSink *, KeelStr)) {
    KeelMemorySink field;
    keel_sink_memory(&field);
    RedisModuleIO io = {.sink = &field.sink, .type = type, .db = -1, .when = when,
                        .begin = type->methods.aux_save2 ? begin_field : NULL};
    if (type->methods.aux_save2) {
        type->methods.aux_save2(&io, (int)when);
    } else {
        begin_field(&io);
        type->methods.aux_save(&io, (int)when);
    }
    rm_io_end(&io);
    int result = io.failed ? -1 : 0;
    if (result == 0 && field.len) {
        result = keel_save_len(&field.sink, PART_END);
        if (result == 0) result = emit(to, (KeelStr){field.bytes, field.len});
    }
    if (result != 0) to->failed = true;
    keel_sink_free_memory(&field);
    return result;
}

static int save_kept(const Kept *k, KeelSink *to, int (*emit)(KeelSink *, KeelStr)) {
    KeelMemorySink field;
    KeelStr parts = rm_opaque_parts(k->value.ptr);
    keel_sink_memory(&field);
    put_head(&field.sink, k->id, k->when);
    int result = keel_save_raw(&field.sink, parts.ptr, parts.len);
    if (result == 0) result = emit(to, (KeelStr){field.bytes, field.len});
    keel_sink_free_memory(&field);
    return result;
}

static int save(KeelSink *sink, bool after_keys, int (*emit)(KeelSink *, KeelStr)) {
    int when = after_keys ? REDISMODULE_AUX_AFTER_RDB : REDISMODULE_AUX_BEFORE_RDB, result = 0;
    for (Mod *mod = rm_mods; mod; mod = mod->next) {
        for (RedisModuleType *type = mod->types; type; type = type->next) {
            const RedisModuleTypeMethods *methods = &type->methods;
            if (!(methods->aux_save || methods->aux_save2)) continue;
            if (!(methods->aux_save_triggers & when)) continue;
            result |= save_field(type, (uint64_t)when, sink, emit);
        }
    }
    for (const Kept *k = kept; k; k = k->next) {
        if (k->when == (uint64_t)when) result |= save_kept(k, sink, emit);
    }
    return result;
}

/* ---- loading --------------------------------------------------------------------------------- */

static int load_field(RedisModuleType *type, KeelSource *source, uint64_t id, uint64_t when) {
    RedisModuleIO io = {.source = source, .type = type, .db = -1};
    uint64_t end;
    int result = type->methods.aux_load(&io, (int)(id & 1023), (int)when);
    rm_io_end(&io);
    if (result != REDISMODULE_OK || io.failed) {
        return keel_load_fail(source, "module type %s did not load its auxiliary field", type->name);
    }
    if (keel_load_len(source, &end, NULL) != 0) return -1;
    if (end == PART_END) return 0;
    return keel_load_fail(source, "module type %s left a part of its auxiliary field", type->name);
}

static int keep_field(KeelSource *source, uint64_t id, uint64_t when) {
    Kept *k = keel_zalloc(sizeof(*k));
    k->id = id;
    k->when = when;
    if (rm_opaque_load(source, id, &k->value) != 0) {
        keel_free(k);
        return -1;
    }
    Kept **at = loads_into;
    while (*at) at = &(*at)->next;
    *at = k;
    return 0;
}

static int load(KeelCtx *c, KeelSource *source, KeelStr item, bool merge) {
    uint64_t id, kind, when;
    (void)c, (void)item, (void)merge;
    if (keel_load_len(source, &id, NULL) != 0 || keel_load_len(source, &kind, NULL) != 0 ||
        keel_load_len(source, &when, NULL) != 0) {
        return -1;
    }
    if (kind != PART_UINT) return keel_load_fail(source, "bad when_opcode of a module's data");
    RedisModuleType *type = rm_type_by_id(id);
    return type && type->methods.aux_load ? load_field(type, source, id, when)
                                          : keep_field(source, id, when);
}

static void drop(Kept **list) {
    for (Kept *next; *list; *list = next) {
        next = (*list)->next;
        kept_free(*list);
    }
}

bool rm_aux_kept(void) {
    return kept != NULL;
}

static void flush(KeelCtx *c) {
    (void)c;
    drop(&kept);
}

static void stage(KeelCtx *c, KeelStageStep step) {
    (void)c;
    loads_into = step == KEEL_STAGE_BEGIN ? &staged : &kept;
    if (step == KEEL_STAGE_TAKE) {
        drop(&kept);
        kept = staged;
        staged = NULL;
    }
    drop(&staged);
}

static const char *refused(bool aside) {
    for (const Mod *mod = rm_mods; mod; mod = mod->next) {
        if (mod->types && !(mod->options & REDISMODULE_OPTIONS_HANDLE_IO_ERRORS)) {
            return "there are modules that don't handle read errors";
        }
    }
    for (const Mod *mod = rm_mods; aside && mod; mod = mod->next) {
        if (!(mod->options & REDISMODULE_OPTIONS_HANDLE_REPL_ASYNC_LOAD)) {
            return "there are modules that are not aware of async replication";
        }
    }
    return NULL;
}

static int emit_plain(KeelSink *sink, KeelStr field) {
    return keel_save_raw(sink, field.ptr, field.len);
}

int rm_hand_over_aux(KeelCtx *c, const Mod *old, uint64_t when) {
    KeelMemorySink fields;
    KeelMemorySource source;
    int result = 0;
    keel_sink_memory(&fields);
    for (RedisModuleType *type = old->types; type && result == 0; type = type->next) {
        const RedisModuleTypeMethods *methods = &type->methods;
        const RedisModuleType *heir = rm_type_by_id(type->id);
        if (!(methods->aux_save || methods->aux_save2)) continue;
        if (!((uint64_t)methods->aux_save_triggers & when) || !heir || !heir->methods.aux_load) continue;
        result = save_field(type, when, &fields.sink, emit_plain);
        if (result != 0) keel_load_error(c, "type %s did not save its auxiliary field", type->name);
    }
    keel_source_memory(&source, (KeelStr){fields.bytes, fields.len});
    while (result == 0 && source.rest.len) {
        result = load(c, &source.source, KEEL_LIT(""), false);
        if (result != 0) keel_load_error(c, "%s", source.source.reason);
    }
    keel_sink_free_memory(&fields);
    return result;
}

void rm_aux_revive(const Mod *mod) {
    for (Kept **at = &kept; *at;) {
        Kept *k = *at;
        RedisModuleType *type = rm_type_by_id(k->id);
        if (!type || type->mod != mod || !type->methods.aux_load) {
            at = &k->next;
            continue;
        }
        KeelMemorySource source;
        keel_source_memory(&source, rm_opaque_parts(k->value.ptr));
        if (load_field(type, &source.source, k->id, k->when) != 0) {
            keel_log(KEEL_LOG_WARNING, "%s", source.source.reason);
        }
        *at = k->next;
        kept_free(k);
    }
}

const KeelSnapshotPart rm_aux_part = {.size = sizeof(rm_aux_part), .save = save, .load = load,
                                      .flush = flush, .stage = stage, .refused = refused};
