/* loader.c - shared objects that export RedisModule_OnLoad or ValkeyModule_OnLoad: opened by the host,
 * asked here what they are, and told to the host as modules of its own.
 *
 * OnLoad gets a context whose first word is GetApi. What it registers gathers in a Mod; when it has
 * returned well, the tables that a native module would have declared are built from that and adopted,
 * so nothing of a module is visible before all of it is. */
#define _GNU_SOURCE /* dladdr */
#include "rm.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef int OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);
typedef int OnUnload(RedisModuleCtx *ctx);

Mod *rm_mods;
__thread bool rm_main_thread;
static Mod *asking; /* whose GetApi calls come now: OnLoad runs */
static Mod *replaced; /* whose place the module that is being loaded is to take; NULL: nobody's */

Mod *rm_mod_by_name(KeelStr name) {
    Mod *mod = rm_mods;
    while (mod && !(strlen(mod->name) == name.len && memcmp(mod->name, name.ptr, name.len) == 0)) {
        mod = mod->next;
    }
    return mod;
}

/* ---- what modules ask at their start --------------------------------------------------------- */

/* The first ones are remembered: why a load failed, or a NULL was called, may be one of them. */
static void note_missing(Mod *mod, const char *name) {
    keel_log(KEEL_LOG_VERBOSE, "A module asks for %s, which this server does not have", name);
    if (!mod) return;
    size_t len = strlen(mod->missing), more = strlen(name);
    bool fits = len + more + sizeof(", , ...") <= sizeof(mod->missing);
    if (!fits && len && mod->missing[len - 1] == '.') return;
    snprintf(mod->missing + len, sizeof(mod->missing) - len, "%s%s", len ? ", " : "",
             fits ? name : "...");
}

/* 0 and the function; 1, and *out as it was, when there is none: it stays NULL in the module. */
int RM_GetApi(const char *name, void *out) {
    void *function = rm_function(asking, name);
    if (!function) {
        note_missing(asking, name);
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
    rm_forget_timers(mod);
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

/* What may be behind a failure, for who has to find out. */
static const char *doubts(const Mod *mod) {
    static char text[600];
    int len = 0;
    text[0] = '\0';
    if (mod->api_version > REDISMODULE_APIVER_1) {
        len = snprintf(text, sizeof(text), "; it is for version %d of the module ABI, this server has "
                       "version %d", mod->api_version, REDISMODULE_APIVER_1);
    }
    if (mod->missing[0]) {
        snprintf(text + len, sizeof(text) - (size_t)len, "; it asked for functions that this server "
                 "does not have: %s", mod->missing);
    }
    return text;
}

/* Why what OnLoad left cannot be used. 0: it can. */
static int judge(const Mod *mod, int result, KeelCtx *c) {
    if (result == REDISMODULE_ERR) {
        return keel_load_error(c, "its OnLoad returned REDISMODULE_ERR%s%s",
                               mod->name ? "" : " before it had a name", doubts(mod));
    }
    if (!mod->name) return keel_load_error(c, "its OnLoad did not call RedisModule_Init()");
    if (mod->loading_error.ptr) return keel_load_error(c, "%s", mod->loading_error.ptr);
    if (mod->settings && !mod->settings_loaded) {
        return keel_load_error(c, "Module Configurations were not set, likely a missing "
                               "LoadConfigs call. Unloading the module.");
    }
    return 0;
}

static void free_later(KeelCtx *c, void *data) {
    (void)c;
    mod_free(data);
}

static void unlist(Mod *mod) {
    Mod **at = &rm_mods;
    while (*at != mod) at = &(*at)->next;
    *at = mod->next;
}

/* The end of an attempt to replace a module, well or not. */
static void replacing_over(void) {
    if (replaced) replaced->replaced = false;
    replaced = NULL;
}

static void settle(Mod *mod, KeelCtx *c) {
    if (mod->missing[0] || mod->api_version > REDISMODULE_APIVER_1) {
        keel_log(KEEL_LOG_NOTICE, "Module %s is loaded%s", mod->name, doubts(mod));
    }
    rm_opaque_revive(mod, c);
    rm_aux_revive(mod);
    rm_send_module_change(mod, true);
}

static int load(KeelCtx *c, void *library, const char *path, const KeelStr *argv, int argc) {
    void *symbol = dlsym(library, "ValkeyModule_OnLoad");
    if (!symbol) symbol = dlsym(library, "RedisModule_OnLoad");
    if (!symbol) {
        replacing_over();
        return keel_load_error(c, "%s exports neither RedisModule_OnLoad nor ValkeyModule_OnLoad",
                               path);
    }
    Mod *mod = keel_zalloc(sizeof(*mod));
    mod->library = library;
    mod->path = path;
    Dl_info where;
    if (dladdr(symbol, &where)) mod->base = where.dli_fbase;
    rm_memory_begin(mod);
    mod->next = rm_mods;
    rm_mods = mod;
    int returned = run_on_load(mod, (OnLoad *)(uintptr_t)symbol, c, argv, argc);
    int result = judge(mod, returned, c);
    if (result == 0) result = adopt(mod, c);
    bool adopted = result == 0;
    if (adopted && replaced) result = rm_hand_over_aux(c, replaced, REDISMODULE_AUX_BEFORE_RDB);
    if (result == 0) {
        if (!replaced) settle(mod, c);
        return 0;
    }
    /* One that was content has things to take back itself. */
    if (returned != REDISMODULE_ERR) run_on_unload(mod, c);
    replacing_over();
    unlist(mod);
    if (adopted) keel_post(free_later, mod); /* the host has its tables */
    else mod_free(mod);
    return -1;
}

/* ---- unloading ------------------------------------------------------------------------------- */

/* Why it has to stay. 0: it may go; `types`: also that it has some is a reason. */
static int refuse(KeelCtx *c, const Mod *mod, bool types) {
    int count = 0;
    const Mod *user = rm_exports_used(mod);
    for (const RedisModuleType *type = mod->types; type; type = type->next) count++;
    if (count && types) {
        return keel_load_error(c, "the module exports one or more module-side data types, can't "
                               "unload (%d of them)", count);
    }
    if (user) {
        return keel_load_error(c, "the module exports APIs used by other modules. Please unload them "
                               "first and try again (%s)", user->name);
    }
    if (mod->blocked) {
        return keel_load_error(c, "the module has blocked clients. Please wait for them to be "
                               "unblocked and try again (%d of them)", mod->blocked);
    }
    if (mod->timers) {
        return keel_load_error(c, "the module holds timer that is not fired. Please stop the timer or "
                               "wait until it fires. (%d of them)", mod->timers);
    }
    return 0;
}

static int ask_on_unload(Mod *mod, KeelCtx *c) {
    if (run_on_unload(mod, c) != REDISMODULE_ERR) return 0;
    return keel_load_error(c, "the module refuses to be unloaded");
}

/* Nobody calls it any more, but the host may until the turn's end. */
static void end(Mod *mod) {
    unlist(mod);
    rm_forget_filters(mod);
    rm_forget_events(mod);
    rm_forget_exports(mod);
    rm_forget_users(mod);
    rm_forget_timers(mod);
    mod->base = NULL;
    keel_post(free_later, mod);
}

static int unload(KeelCtx *c, const char *name) {
    Mod *mod = rm_mod_by_name(keel_str(name));
    if (!mod) return 0;
    if (refuse(c, mod, true) != 0 || ask_on_unload(mod, c) != 0) return -1;
    end(mod);
    rm_send_module_change(mod, false);
    return 0;
}

/* ---- replacing ------------------------------------------------------------------------------- */

static Mod *of_self(const KeelSelf *self) {
    Mod *mod = rm_mods;
    while (mod && &mod->self != self) mod = mod->next;
    return mod;
}

static int may_replace(KeelCtx *c, const KeelSelf *self) {
    Mod *old = of_self(self);
    if (!old || refuse(c, old, false) != 0) return -1;
    old->replaced = true;
    replaced = old;
    return 0;
}

static int replace(KeelCtx *c, const KeelSelf *self, const KeelSelf *new_self) {
    Mod *old = of_self(self), *now = of_self(new_self);
    if (rm_hand_over_aux(c, old, REDISMODULE_AUX_AFTER_RDB) != 0) return -1;
    if (ask_on_unload(old, c) != 0) return -1;
    replacing_over();
    rm_hand_over_types(old, now);
    end(old);
    rm_send_module_change(old, false);
    settle(now, c);
    return 0;
}

static void forget(KeelCtx *c, const KeelSelf *self) {
    Mod *mod = of_self(self);
    replacing_over();
    if (!mod) return;
    run_on_unload(mod, c);
    end(mod);
}

const KeelLoader rm_loaders[] = {
    {.name = "redis", .symbol = "RedisModule_OnLoad", .load = load, .unload = unload,
     .may_replace = may_replace, .replace = replace, .forget = forget},
    {.name = "valkey", .symbol = "ValkeyModule_OnLoad", .load = load, .unload = unload,
     .may_replace = may_replace, .replace = replace, .forget = forget},
    {0},
};
