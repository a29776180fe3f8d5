/* module.c - the Redis module ABI: shared objects that export RedisModule_OnLoad or
 * ValkeyModule_OnLoad load and work as they are, without being compiled again.
 *
 * A loader (loader.c) makes of each such object a module of the host: its commands, types, settings
 * and INFO sections are tables like those of native ones. The rest of the files are the functions
 * that it calls, an area each; api.c finds them by name. Values of lists, hashes, sets, sorted sets
 * and streams are reached only through the interfaces of the modules that own them, which are looked
 * up again when modules come or go. */
#include "rm.h"

#include <keel/snapshot.h>

int rm_jobs_observer;

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    if (argc) return keel_load_error(c, "redismodule takes no arguments");
    rm_main_thread = true;
    rm_threads_begin();
    rm_contexts_begin();
    rm_events_begin();
    return 0;
}

static int unload(KeelCtx *c) {
    if (rm_mods) return keel_load_error(c, "module %s was loaded by it", rm_mods->name);
    if (rm_aux_kept()) {
        return keel_load_error(c, "it keeps auxiliary fields of module types that nobody has");
    }
    rm_contexts_end();
    return 0;
}

static const KeelInfoSection info[] = {
    {.name = "Persistence", .rank = 40, .write = rm_write_fork_info},
    {.name = "redismodule", .rank = 300, .write = rm_write_info, .several = true},
    {0},
};

extern const KeelSnapshotPart rm_aux_part;
/* That somebody provides "fork" says that he writes INFO's fields about it; there is no more to it. */
static const uint32_t fork_fields = sizeof(fork_fields);

static const KeelInterface provides[] = {
    {"snapshot.module-aux", KEEL_SNAPSHOT_VERSION, &rm_aux_part},
    {"authenticator", 100, &rm_authenticator},
    {"fork", 100, &fork_fields},
    {"loader.redis", 100, &rm_foreign},
    {"loader.valkey", 100, &rm_foreign},
    {0},
};

static const KeelType *const types[] = {&rm_opaque_type, NULL};

static const KeelSlot slots[] = {
    {"redismodule.session", &rm_session_slot, rm_session_free},
    {0},
};

static const KeelGate gates[] = {
    {.name = "module-busy", .id = &rm_busy_gate, .rank = 5, .except = KEEL_ALLOW_BUSY,
     .decide = rm_busy_decide, .whole = true},
    {.name = "module-user", .id = &rm_user_gate, .rank = 20, .decide = rm_user_decide},
    {0},
};

static const KeelObserver observers[] = {
    {"redismodule.jobs", &rm_jobs_observer, KEEL_OBSERVE_AFTER | KEEL_OBSERVE_BLOCK,
     rm_jobs_seen},
    {0},
};

KEEL_MODULE(.name = "redismodule", .version = "1.0.0",
            .summary = "Modules written for Redis and Valkey.", .types = types,
            .provides = provides, .loaders = rm_loaders,
            .hooks = rm_hooks, .info = info, .slots = slots, .gates = gates,
            .observers = observers, .load = load,
            .unload = unload);
