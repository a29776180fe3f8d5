/* loader.c - shared objects that export RedisModule_OnLoad or ValkeyModule_OnLoad: opened by the host,
 * asked here what they are, and told to the host as modules of its own.
 *
 * OnLoad gets a context whose first word is GetApi. What it registers gathers in a Mod; when it has
 * returned well, the tables that a native module would have declared are built from that and adopted,
 * so nothing of a module is visible before all of it is. */
#include "rm.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef int OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);
typedef int OnUnload(RedisModuleCtx *ctx);

Mod *rm_mods;
__thread bool rm_main_thread;
static Mod *asking; /* whose GetApi calls come now: OnLoad runs */

Mod *rm_mod_by_name(KeelStr name) {
    Mod *mod = rm_mods;
    while (mod && !(strlen(mod->name) == name.len && memcmp(mod->name, name.ptr, name.len) == 0)) {
        mod = mod->next;
    }
    return mod;
}

/* ---- what modules ask at their start --------------------------------------------------------- */

/* 0 and the function; 1, and *out as it was, when there is none: it stays NULL in the module. */
int RM_GetApi(const char *name, void *out) {
    void *function = rm_function(asking, name);
    if (!function) {
        keel_log(KEEL_LOG_VERBOSE, "A module asks for %s, which this server does not have", name);
        return REDISMODULE_ERR;
    }
    *(void **)out = function;
    return REDISMODULE_OK;
}

static bool same_name(const KeelModuleInfo *info, void *data) {
    KeelStr *name = data;
    if (strlen(info->name) == name->len && memcmp(info->name, name->ptr, name->len) == 0) {
        name->len = SIZE_MAX;
        return false;
    }
    return true;
}

int RM_IsModuleNameBusy(const char *name) {
    KeelStr wanted = keel_str(name);
    keel_module_each(same_name, &wanted);
    return wanted.len == SIZE_MAX;
}

void RM_SetModuleAttribs(RedisModuleCtx *ctx, const char *name, int version, int api_version) {
    Mod *mod = ctx->mod;
    if (!mod || mod->name) return;
    mod->name = keel_strdup(keel_str(name));
    mod->version = version;
    mod->api_version = api_version;
    snprintf(mod->version_text, sizeof(mod->version_text), "%d", version);
}

void RM_SetModuleOptions(RedisModuleCtx *ctx, int options) {
    if (ctx->mod) ctx->mod->options = options;
}

int RM_GetModuleOptionsAll(void) {
    return _REDISMODULE_OPTIONS_FLAGS_NEXT - 1;
}

/* 0x00MMmmpp of the version that INFO states. */
int RM_GetServerVersion(void) {
    int major = 0, minor = 0, patch = 0;
    sscanf(keel_redis_version(), "%d.%d.%d", &major, &minor, &patch);
    return major << 16 | minor << 8 | patch;
}

/* ---- loading --------------------------------------------------------------------------------- */

static void mod_free(Mod *mod) {
    rm_forget_filters(mod);
    rm_forget_events(mod);
    rm_forget_exports(mod);
    rm_forget_users(mod);
    rm_forget_settings(mod);
    rm_forget_types(mod);
    rm_forget_commands(mod);
    rm_forget_categories(mod);
    keel_free(mod->sections);
    rm_memory_end(mod);
    keel_free(mod->name);
    keel_free(mod);
}

static int run_on_load(Mod *mod, OnLoad *on_load, KeelCtx *c, const KeelStr *argv, int argc) {
    Mod *outer = asking;
    RedisModuleCtx *ctx = rm_enter(mod, c, RM_LOADING);
    rm_set_argv(ctx, argv, argc);
    asking = mod;
    mod->loading = true;
    int result = on_load(ctx, ctx->argv, argc);
    mod->loading = false;
    asking = outer;
    rm_leave(ctx);
    return result;
}

static int adopt(Mod *mod, KeelCtx *c) {
    const char *reason;
    if (!rm_build_rows(mod, &reason)) return keel_load_error(c, "%s", reason);
    rm_build_types(mod);
    rm_build_settings(mod);
    mod->decl = (KeelModule){.size = sizeof(KeelModule), .abi = KEEL_ABI,
                             .command_size = sizeof(KeelCommand), .type_size = sizeof(KeelType),
                             .config_size = sizeof(KeelConfig), .info_size = sizeof(KeelInfoSection),
                             .self = &mod->self, .name = mod->name, .version = mod->version_text,
                             .summary = "A module of the Redis ABI.", .commands = mod->rows,
                             .types = mod->type_rows, .configs = mod->setting_rows,
                             .info = mod->sections};
    int result = keel_module_adopt(c, &mod->decl);
    rm_settings_adopted(mod);
    return result;
}

/* What the module itself says to being unloaded. */
static int run_on_unload(Mod *mod, KeelCtx *c) {
    void *symbol = dlsym(mod->library, "ValkeyModule_OnUnload");
    if (!symbol) symbol = dlsym(mod->library, "RedisModule_OnUnload");
    if (!symbol) return REDISMODULE_OK;
    RedisModuleCtx *ctx = rm_enter(mod, c, 0);
    int result = ((OnUnload *)(uintptr_t)symbol)(ctx);
    rm_leave(ctx);
    return result;
}

static int load(KeelCtx *c, void *library, const char *path, const KeelStr *argv, int argc) {
    void *symbol = dlsym(library, "ValkeyModule_OnLoad");
    if (!symbol) symbol = dlsym(library, "RedisModule_OnLoad");
    if (!symbol) return keel_load_error(c, "%s exports neither RedisModule_OnLoad nor "
                                        "ValkeyModule_OnLoad", path);
    Mod *mod = keel_zalloc(sizeof(*mod));
    mod->library = library;
    mod->path = path;
    rm_memory_begin(mod);
    mod->next = rm_mods;
    rm_mods = mod;
    int result = run_on_load(mod, (OnLoad *)(uintptr_t)symbol, c, argv, argc);
    bool content = result != REDISMODULE_ERR; /* then it has things to take back itself */
    if (result == REDISMODULE_ERR) {
        result = keel_load_error(c, "its OnLoad returned REDISMODULE_ERR%s",
                                 mod->name ? "" : " before it had a name");
    } else if (!mod->name) {
        result = keel_load_error(c, "its OnLoad did not call RedisModule_Init()");
    } else if (mod->loading_error.ptr) {
        result = keel_load_error(c, "%s", mod->loading_error.ptr);
    } else if (mod->settings && !mod->settings_loaded) {
        result = keel_load_error(c, "Module Configurations were not set, likely a missing "
                                 "LoadConfigs call. Unloading the module.");
    } else {
        result = adopt(mod, c);
    }
    if (result == 0) {
        rm_opaque_revive(mod, c);
        rm_aux_revive(mod);
        rm_send_module_change(mod, true);
        return 0;
    }
    if (content) run_on_unload(mod, c);
    rm_mods = mod->next; /* nothing loads another meanwhile */
    mod_free(mod);
    return -1;
}

/* ---- unloading ------------------------------------------------------------------------------- */

static void free_later(KeelCtx *c, void *data) {
    (void)c;
    mod_free(data);
}

/* Why it has to stay; NULL: it may go. */
static const char *refusal(const Mod *mod) {
    if (mod->types) return "the module exports one or more module-side data types, can't unload";
    if (rm_exports_used(mod)) {
        return "the module exports APIs used by other modules. Please unload them first and try "
               "again";
    }
    if (mod->blocked) {
        return "the module has blocked clients. Please wait for them to be unblocked and try again";
    }
    if (mod->timers) {
        return "the module holds timer that is not fired. Please stop the timer or wait until it "
               "fires.";
    }
    return NULL;
}

static int unload(KeelCtx *c, const char *name) {
    Mod *mod = rm_mod_by_name(keel_str(name));
    if (!mod) return 0;
    const char *why = refusal(mod);
    if (why) return keel_load_error(c, "%s", why);
    if (run_on_unload(mod, c) == REDISMODULE_ERR) {
        return keel_load_error(c, "the module refuses to be unloaded");
    }
    Mod **at = &rm_mods;
    while (*at != mod) at = &(*at)->next;
    *at = mod->next;
    rm_send_module_change(mod, false);
    keel_post(free_later, mod);
    return 0;
}

const KeelLoader rm_loaders[] = {
    {.name = "redis", .symbol = "RedisModule_OnLoad", .load = load, .unload = unload},
    {.name = "valkey", .symbol = "ValkeyModule_OnLoad", .load = load, .unload = unload},
    {0},
};
