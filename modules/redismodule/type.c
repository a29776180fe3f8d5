/* type.c - data types of modules: making them, values through key handles, values as strings.
 *
 * A type has a name of nine characters of [A-Za-z0-9-_] and an encoding version below 1024, packed
 * into 64 bits that precede each of its values in files: six bits a character, the version last. */
#include "rm.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { NAME_LEN = 9, VERSION_BITS = 10 };
static const char name_set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* 0: the name or the version is none. */
static uint64_t make_id(const char *name, int version) {
    uint64_t id = 0;
    if (strlen(name) != NAME_LEN || version < 0 || version >= 1 << VERSION_BITS) return 0;
    for (int i = 0; i < NAME_LEN; i++) {
        const char *at = strchr(name_set, name[i]);
        if (!at) return 0;
        id = id << 6 | (uint64_t)(at - name_set);
    }
    return id << VERSION_BITS | (uint64_t)version;
}

void rm_type_id_name(uint64_t id, char name[10]) {
    id >>= VERSION_BITS;
    for (int i = NAME_LEN - 1; i >= 0; i--, id >>= 6) name[i] = name_set[id & 63];
    name[NAME_LEN] = '\0';
}

RedisModuleType *rm_type_by_id(uint64_t id) {
    for (Mod *mod = rm_mods; mod; mod = mod->next) {
        if (!mod->type_rows || mod->replaced) continue; /* OnLoad runs: the host does not know them yet */
        for (RedisModuleType *type = mod->types; type; type = type->next) {
            if (type->id >> VERSION_BITS == id >> VERSION_BITS) return type;
        }
    }
    return NULL;
}

RedisModuleType *rm_type_of(const KeelType *type) {
    return type && type->load == rm_type_load && type != &rm_opaque_type ? (RedisModuleType *)type
                                                                         : NULL;
}

/* ---- making ---------------------------------------------------------------------------------- */

static bool name_is_taken(const Mod *mod, const char *name) {
    for (const RedisModuleType *type = mod->types; type; type = type->next) {
        if (strcmp(type->name, name) == 0) return true;
    }
    return keel_type_by_name(keel_str(name)) != NULL;
}

/* How far the fields of this version reach; those of later ones than ours are cut off. */
static size_t methods_size(uint64_t version) {
    static const size_t ends[] = {
        0, offsetof(RedisModuleTypeMethods, aux_load), offsetof(RedisModuleTypeMethods, free_effort),
        offsetof(RedisModuleTypeMethods, mem_usage2), offsetof(RedisModuleTypeMethods, aux_save2)};
    return version < sizeof(ends) / sizeof(ends[0]) ? ends[version]
                                                    : sizeof(RedisModuleTypeMethods);
}

/* NULL: not in OnLoad, the name or the version is none, or the name is taken. */
RedisModuleType *RM_CreateDataType(RedisModuleCtx *ctx, const char *name, int version,
                                   RedisModuleTypeMethods *methods) {
    Mod *mod = ctx->mod;
    uint64_t id = make_id(name, version);
    if (!mod || !mod->loading || !id || !methods->version || name_is_taken(mod, name)) return NULL;
    RedisModuleType *type = keel_zalloc(sizeof(*type));
    type->mod = mod;
    type->id = id;
    memcpy(type->name, name, NAME_LEN);
    memcpy(&type->methods, methods, methods_size(methods->version));
    rm_type_row(type);
    type->cells = keel_zalloc(sizeof(*type->cells));
    type->cells->type = type;
    type->next = mod->types;
    mod->types = type;
    return type;
}

int RM_GetTypeMethodVersion(void) {
    return REDISMODULE_TYPE_METHOD_VERSION;
}

void rm_build_types(Mod *mod) {
    size_t n = 0;
    for (RedisModuleType *type = mod->types; type; type = type->next) n++;
    if (!n) return;
    mod->type_rows = keel_zalloc((n + 1) * sizeof(*mod->type_rows));
    for (RedisModuleType *type = mod->types; type; type = type->next) {
        mod->type_rows[--n] = &type->row;
    }
}

ModValue *rm_value_new(RedisModuleType *type, void *value) {
    ModValue *held = keel_alloc(sizeof(*held));
    *held = (ModValue){type->cells, value};
    return held;
}

static RedisModuleType *find_id(Mod *mod, uint64_t id) {
    RedisModuleType *type = mod->types;
    while (type && type->id != id) type = type->next;
    return type;
}

void rm_hand_over_types(Mod *old, Mod *now) {
    for (RedisModuleType *type = old->types; type; type = type->next) {
        RedisModuleType *heir = find_id(now, type->id);
        if (!heir) continue;
        TypeCell **end = &heir->cells;
        while (*end) end = &(*end)->next;
        *end = type->cells;
        for (TypeCell *cell = type->cells; cell; cell = cell->next) cell->type = heir;
        type->cells = NULL;
    }
}

void rm_forget_types(Mod *mod) {
    for (RedisModuleType *type = mod->types, *next; type; type = next) {
        next = type->next;
        for (TypeCell *cell = type->cells, *other; cell; cell = other) {
            other = cell->next;
            keel_free(cell);
        }
        keel_free(type);
    }
    keel_free(mod->type_rows);
    mod->types = NULL;
    mod->type_rows = NULL;
}

/* ---- values through keys --------------------------------------------------------------------- */

/* The type of the value that the key holds. NULL: none of a module's. */
RedisModuleType *RM_ModuleTypeGetType(RedisModuleKey *key) {
    return key && keel_key_exists(&key->key) ? rm_type_of(keel_key_type(&key->key)) : NULL;
}

void *RM_ModuleTypeGetValue(RedisModuleKey *key) {
    if (!RM_ModuleTypeGetType(key)) return NULL;
    return ((ModValue *)keel_key_value(&key->key))->value;
}

int RM_ModuleTypeSetValue(RedisModuleKey *key, RedisModuleType *type, void *value) {
    if (!rm_key_writable(key) || key->walk != WALK_NONE) return REDISMODULE_ERR;
    ModValue *held = rm_value_new(type, value);
    if (keel_key_exists(&key->key)) keel_key_delete(&key->key, false);
    keel_key_set_value(&key->key, &type->row, held, KEEL_NO_EXPIRY);
    rm_key_touched(key);
    return REDISMODULE_OK;
}

/* The old value is the caller's then, or lost when `old` is NULL. */
int RM_ModuleTypeReplaceValue(RedisModuleKey *key, RedisModuleType *type, void *value, void **old) {
    if (!rm_key_writable(key) || key->walk != WALK_NONE) return REDISMODULE_ERR;
    if (!type || RM_ModuleTypeGetType(key) != type) return REDISMODULE_ERR;
    ModValue *held = keel_key_value(&key->key);
    if (old) *old = held->value;
    held->value = value;
    return REDISMODULE_OK;
}

/* ---- values as strings ----------------------------------------------------------------------- */

/* What SaveDataTypeToString made. NULL: it is malformed. */
void *RM_LoadDataTypeFromStringEncver(const RedisModuleString *s, const RedisModuleType *type,
                                      int version) {
    KeelMemorySource source;
    if (!type->methods.rdb_load) return NULL;
    RedisModuleIO *io = keel_zalloc(sizeof(*io));
    io->source = &source.source;
    io->type = (RedisModuleType *)(uintptr_t)type;
    io->db = -1;
    keel_source_memory(&source, rm_view(s));
    void *value = type->methods.rdb_load(io, version);
    rm_io_end(io);
    keel_free(io);
    return value;
}

void *RM_LoadDataTypeFromString(const RedisModuleString *s, const RedisModuleType *type) {
    return RM_LoadDataTypeFromStringEncver(s, type, 0);
}

RedisModuleString *RM_SaveDataTypeToString(RedisModuleCtx *ctx, void *value,
                                           const RedisModuleType *type) {
    KeelMemorySink sink;
    RedisModuleIO io = {.sink = &sink.sink, .type = (RedisModuleType *)(uintptr_t)type, .db = -1};
    if (!type->methods.rdb_save) return NULL;
    keel_sink_memory(&sink);
    sink.sink.compress = true;
    type->methods.rdb_save(&io, value);
    rm_io_end(&io);
    RedisModuleString *s = NULL;
    if (!io.failed) s = rm_string_for(ctx, sink.bytes ? sink.bytes : "", sink.len);
    keel_sink_free_memory(&sink);
    return s;
}

/* ---- what callbacks are told of their keys --------------------------------------------------- */

int RM_GetDbIdFromOptCtx(RedisModuleKeyOptCtx *ctx) {
    return ctx->from_db;
}
int RM_GetToDbIdFromOptCtx(RedisModuleKeyOptCtx *ctx) {
    return ctx->to_db;
}
const RedisModuleString *RM_GetKeyNameFromOptCtx(RedisModuleKeyOptCtx *ctx) {
    return ctx->from;
}
const RedisModuleString *RM_GetToKeyNameFromOptCtx(RedisModuleKeyOptCtx *ctx) {
    return ctx->to;
}
