/* module_load.c - loading: one module at a time, wholly or not at all.
 *
 * It goes from what is harmless to what is not. The file is read and compared with itself
 * (elf_file.c), then the first two numbers of its constant and the names that it needs, then it is
 * mapped, then its tables are checked in memory (module_check.c), then they are registered, room by
 * room, and only then does code of the module run. Each step can be taken back by those before it,
 * so a refused module leaves nothing but the reason.
 *
 * Code that has run may have posted callbacks, so it is unmapped between two turns, after them. A
 * module that is to take another's place (module_reload.c) goes the same way. */
#include "module_load.h"

#include "command.h"
#include "config.h"
#include "crash.h"
#include "ctx.h"
#include "dispatch.h"
#include "hook.h"
#include "loop.h"
#include "stats.h"
#include "type.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Module *module_in_progress;
char module_told[MODULE_REASON_ROOM];

int keel_load_error(KeelCtx *c, const char *format, ...) {
    (void)c;
    va_list args;
    va_start(args, format);
    vsnprintf(module_told, sizeof(module_told), format, args);
    va_end(args);
    return -1;
}

const char *module_reason(const char *format, ...) {
    static char reason[MODULE_REASON_ROOM + PATH_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    return reason;
}

/* --- tables: in and out again --- */

static int add_commands(Module *m, char *error, size_t room) {
    if (!m->decl.commands) return 0;
    return command_register(m, m->decl.commands, m->decl.command_size, error, room);
}
static int add_types(Module *m, char *error, size_t room) {
    return m->decl.types ? type_register(m, error, room) : 0;
}
static int add_configs(Module *m, char *error, size_t room) {
    if (!m->decl.configs) return 0;
    return config_register(m, m->decl.configs, m->decl.config_size, error, room);
}
static int add_info(Module *m, char *error, size_t room) {
    if (!m->decl.info || info_register(m) == 0) return 0;
    snprintf(error, room, "there is no room for its INFO sections");
    return -1;
}

/* In order of registration. A room is only asked to take back what it was given. */
static const struct {
    int (*add)(Module *m, char *error, size_t room);
    void (*remove)(Module *m);
} rooms[] = {
    {add_commands, command_unregister}, {add_types, type_unregister},
    {add_configs, config_unregister},   {add_info, info_unregister},
    {hook_register, hook_unregister},
};
enum { ROOMS = sizeof(rooms) / sizeof(rooms[0]) };

static void remove_tables(Module *m, int count) {
    while (count-- > 0) rooms[count].remove(m);
}

static int add_tables(Module *m, char *error, size_t room) {
    for (int i = 0; i < ROOMS; i++) {
        error[0] = '\0';
        if (rooms[i].add(m, error, room) == 0) continue;
        remove_tables(m, i);
        return -1;
    }
    return 0;
}

static void list_append(Module *m) {
    Module **at = &module_first;
    while (*at) at = &(*at)->next;
    *at = m;
}

static void list_remove(Module *m) {
    for (Module **at = &module_first; *at; at = &(*at)->next) {
        if (*at != m) continue;
        *at = m->next;
        return;
    }
}

/* The row of this name among a module's own settings. */
static const KeelConfig *own_config(const Module *m, KeelStr name) {
    const KeelConfig *row;
    for (size_t i = 0; (row = module_row(m->decl.configs, m->decl.config_size, i)); i++) {
        if (keel_is(name, row->name) || (row->alias && keel_is(name, row->alias))) return row;
    }
    return NULL;
}

static const ModuleAsked *request; /* of the load in progress */

int keel_config_given(KeelStr name, const KeelStr **words) {
    for (int i = request ? request->config_count - 1 : -1; i >= 0; i--) {
        const KeelStr *pair = &request->configs[2 * i];
        if (pair[0].len != name.len || strncasecmp(pair[0].ptr, name.ptr, name.len) != 0) continue;
        *words = &pair[1];
        return 1;
    }
    for (size_t i = 0; request && i < request->kept_count; i++) {
        const KeptValue *kept = &request->kept[i];
        if (!keel_is(name, kept->name) && !(kept->alias && keel_is(name, kept->alias))) continue;
        *words = kept->words;
        return kept->count;
    }
    return config_waiting(name, words);
}

/* Gives settings the values of this load, past CONFIG SET's restrictions: it is as if the
 * configuration file had them. */
static int set_configs(Module *m, char *error, size_t room) {
    for (size_t i = 0; i < request->kept_count; i++) {
        if (config_restore(m, &request->kept[i], error, room) != 0) return -1;
    }
    for (int i = 0; i < request->config_count; i++) {
        const KeelStr *pair = &request->configs[2 * i];
        if (!own_config(m, pair[0])) {
            snprintf(error, room, "it has no setting '%.*s'",
                     (int)(pair[0].len < 128 ? pair[0].len : 128), pair[0].ptr);
            return -1;
        }
        if (config_line(pair, 2, error, room) != 0) return -1;
    }
    return 0;
}

/* From a constant to a registered module. 0, or -1 with a message and no trace. */
static int attach(Module *m, const KeelModule *raw, bool trusted, char *error, size_t room) {
    if (module_check(m, raw, trusted, error, room) != 0) return -1;
    m->name = keel_strdup(keel_str(m->decl.name));
    m->decl.self->host = m;
    list_append(m);
    if (add_tables(m, error, room) == 0) {
        if (set_configs(m, error, room) == 0) return 0;
        remove_tables(m, ROOMS);
    }
    list_remove(m);
    m->decl.self->host = NULL;
    keel_free(m->name);
    m->name = NULL;
    return -1;
}

/* Blocks that change hands are accounted to who frees them. */
static void inherit_memory(KeelMemory *to, KeelMemory *from) {
    to->bytes += from->bytes;
    to->blocks += from->blocks;
    __atomic_fetch_add(&to->other_bytes, __atomic_exchange_n(&from->other_bytes, 0,
                                                             __ATOMIC_RELAXED), __ATOMIC_RELAXED);
    __atomic_fetch_add(&to->other_blocks, __atomic_exchange_n(&from->other_blocks, 0,
                                                              __ATOMIC_RELAXED), __ATOMIC_RELAXED);
    from->bytes = from->blocks = 0;
}

void module_detach(Module *m, Module *heir) {
    dispatch_forget(m);
    remove_tables(m, ROOMS);
    list_remove(m);
    if (heir) inherit_memory(&heir->decl.self->memory, &m->decl.self->memory);
    int64_t left = module_bytes(m);
    if (left) {
        keel_log(KEEL_LOG_WARNING, "Module %s left %lld bytes behind", m->name, (long long)left);
    }
    m->decl.self->host = NULL;
}

void module_free(Module *m) {
    for (int i = 0; i < m->argc; i++) keel_free((char *)(uintptr_t)m->argv[i].ptr);
    keel_free(m->argv);
    keel_free(m->name);
    keel_free(m->path);
    keel_free(m);
}

/* --- load --- */

/* Runs a module's own code with everything set for the report of a crash. */
void module_enter(KeelCtx *c, Module *m, const void **before) {
    ctx_init(c);
    c->module = m;
    *before = crash_module;
    crash_module = m;
    module_told[0] = '\0';
}
void module_leave(KeelCtx *c, const void *before) {
    crash_module = before;
    ctx_done(c);
}

int keel_module_adopt(KeelCtx *c, const KeelModule *module) {
    Module *m = module_in_progress;
    char why[MODULE_REASON_ROOM];
    if (!m || !m->loader || m->name || !m->loading) {
        return keel_load_error(c, "keel_module_adopt() was called outside of a load, or twice");
    }
    if (attach(m, module, true, why, sizeof(why)) == 0) return 0;
    return keel_load_error(c, "%s", why);
}

/* Before anything of the new one is: whether the loader of the old one can have another there. */
static int ask_loader(Module *old, const Module *m, char *error, size_t room) {
    KeelLoader loader;
    KeelCtx c;
    const void *before;
    if (old->loader_owner != m->loader_owner) {
        snprintf(error, room, "%s is a module of another kind than the one that it should replace",
                 m->path);
        return -1;
    }
    if (!m->loader) return 0;
    module_loader(m, &loader);
    if (!loader.may_replace || !loader.replace || !loader.forget) {
        snprintf(error, room, "modules of the loader %s cannot be replaced", loader.name);
        return -1;
    }
    module_enter(&c, m->loader_owner, &before);
    int result = loader.may_replace(&c, old->decl.self);
    module_leave(&c, before);
    if (result != 0) snprintf(error, room, "%s", module_told);
    return result;
}

/* A foreign object: its loader says what it is. 0, or -1 with `error` set. */
static int load_foreign(Module *m, char *error, size_t room) {
    KeelCtx c;
    const void *before;
    module_enter(&c, m->loader_owner, &before);
    int result = m->loader->load(&c, m->library, m->path, request->argv, request->argc);
    module_leave(&c, before);
    if (result != 0) {
        snprintf(error, room, "%s", module_told[0] ? module_told
                                                   : "its loader refused it without a reason");
        result = -1;
    } else if (!m->name) {
        snprintf(error, room, "the loader %s made no module of it", m->loader->name);
        result = -1;
    }
    return result;
}

static int run_load(Module *m, char *error, size_t room) {
    KeelCtx c;
    const void *before;
    if (!m->decl.load || m->loader) return 0;
    module_enter(&c, m, &before);
    int result = m->decl.load(&c, request->argv, request->argc);
    module_leave(&c, before);
    if (result == 0) return 0;
    snprintf(error, room, "%s", module_told[0] ? module_told : "its .load failed without a reason");
    return -1;
}

void module_send_event(const Module *m, bool loaded) {
    KeelCtx c;
    KeelModuleEvent event = {m->name, m->decl.version, loaded};
    ctx_init(&c);
    hooks_call(&c, KEEL_EVENT_MODULE, &event);
    ctx_done(&c);
}

static const KeelModule *find_linked(KeelStr name) {
    if (!module_linked) return NULL;
    for (size_t i = 0; module_linked[i]; i++) {
        if (keel_is(name, module_linked[i]->name)) return module_linked[i];
    }
    return NULL;
}

bool module_locate(KeelStr word, char path[PATH_MAX], const KeelModule **linked) {
    char wanted[PATH_MAX];
    *linked = NULL;
    path[0] = '\0';
    if (!word.len || word.len > PATH_MAX / 2 || memchr(word.ptr, '\0', word.len)) return false;
    if (memchr(word.ptr, '/', word.len)) {
        snprintf(wanted, sizeof(wanted), "%.*s", (int)word.len, word.ptr);
    } else if ((*linked = find_linked(word))) {
        return true;
    } else {
        bool suffix = word.len > 3 && memcmp(word.ptr + word.len - 3, ".so", 3) == 0;
        int n = snprintf(wanted, sizeof(wanted), "%s/%.*s%s", module_directory, (int)word.len,
                         word.ptr, suffix ? "" : ".so");
        if (n < 0 || (size_t)n >= sizeof(wanted)) return false;
    }
    /* A missing file keeps the path that was asked for, which messages then show. */
    if (!realpath(wanted, path)) memcpy(path, wanted, strlen(wanted) + 1);
    return true;
}

void module_keep_arguments(Module *m, const KeelStr *argv, int argc) {
    m->argv = keel_alloc(sizeof(KeelStr) * (size_t)(argc + 1));
    m->argc = argc;
    for (int i = 0; i < argc; i++) m->argv[i] = (KeelStr){keel_strdup(argv[i]), argv[i].len};
}

/* Takes back a load whose tables were in place and whose code has run. False: it left something
 * that will call into it, so it has to stay mapped, and known to its callbacks. */
static bool take_back(Module *m) {
    char text[256];
    const char *owns = module_still_owns(m, text, sizeof(text));
    module_drop_keys(m);
    module_detach(m, NULL);
    if (!owns) return true;
    keel_log(KEEL_LOG_WARNING, "Module %s stays mapped though its load failed: %s", m->name, owns);
    return false;
}

/* A load that failed after something of it was in place. False: `m` must not be freed. */
static bool undo_load(Module *m, bool adopted) {
    /* The loader thinks that it is loaded, and may not keep it. */
    if (adopted) {
        KeelLoader loader;
        KeelCtx c;
        const void *before;
        module_loader(m, &loader);
        module_enter(&c, m->loader_owner, &before);
        if (loader.forget) loader.forget(&c, m->decl.self);
        else if (loader.unload) loader.unload(&c, m->name);
        module_leave(&c, before);
    }
    if (m->name && !take_back(m)) return false;
    if (m->library) module_close_later(m->library);
    return true;
}

bool module_undo(Module *m) {
    if (!m->loader) module_ask(m);
    return undo_load(m, m->loader != NULL);
}

/* All steps, in order. 0, or negative with a message; -2: `m` must not be freed. */
static int load_steps(Module *m, const KeelModule *linked, char *error, size_t room) {
    char why[MODULE_REASON_ROOM] = "";
    bool ran = false, adopted = false;
    if (!linked && module_open(m, error, room) != 0) return -1;
    if (m->replaces && ask_loader(m->replaces, m, error, room) != 0) {
        dlclose(m->library);
        return -1;
    }
    int result;
    if (m->loader) {
        ran = true;
        result = load_foreign(m, why, sizeof(why));
        adopted = result == 0;
    } else {
        if (!linked) linked = dlsym(m->library, "keel_module");
        result = linked ? attach(m, linked, false, why, sizeof(why)) : -1;
    }
    if (result == 0) {
        ran = true;
        result = run_load(m, why, sizeof(why));
        /* At start all settings are acted on when all modules are there. */
        if (result == 0 && !module_starting) {
            result = config_apply_given(m, why, sizeof(why));
        }
    }
    if (result == 0) return 0;
    snprintf(error, room, "%s%s%s", m->path, *m->path ? ": " : "", why);
    if (ran) return undo_load(m, adopted) ? -1 : -2;
    if (m->library) dlclose(m->library);
    return -1;
}

int module_try(Module *m, const ModuleAsked *asked, const KeelModule *linked, char *error,
               size_t room) {
    module_in_progress = m;
    request = asked;
    int result = load_steps(m, linked, error, room);
    module_in_progress = NULL;
    request = NULL;
    return result;
}

const char *module_load(KeelStr word, const KeelStr *argv, int argc, const KeelStr *configs,
                        int config_count, bool listed) {
    char why[MODULE_REASON_ROOM + PATH_MAX];
    const KeelModule *linked = NULL;
    if (module_in_progress) return "another module is being loaded or unloaded: not now";
    ModuleAsked asked = {.argv = argv, .argc = argc, .configs = configs,
                         .config_count = config_count};
    Module *m = keel_zalloc(sizeof(*m));
    m->loading = true;
    m->listed = listed;
    module_keep_arguments(m, argv, argc);
    int result = -1;
    char path[PATH_MAX];
    if (module_locate(word, path, &linked)) {
        m->path = keel_strdup(keel_str(path));
        result = module_try(m, &asked, linked, why, sizeof(why));
    } else {
        snprintf(why, sizeof(why), "a module is asked for by a name or a path");
    }
    if (result != 0) {
        int shown = (int)(word.len < 256 ? word.len : 256);
        keel_log(KEEL_LOG_WARNING, "Module %.*s failed to load: %s", shown, word.ptr, why);
        if (result == -1) module_free(m);
        return module_reason("%s", why);
    }
    m->loading = false;
    keel_log(KEEL_LOG_NOTICE, "Module '%s' loaded from %s", m->name,
             *m->path ? m->path : "the server itself");
    module_send_event(m, true);
    return NULL;
}

const char *keel_module_load(KeelCtx *c, KeelStr path, const KeelStr *argv, int argc,
                             const KeelStr *configs, int config_count) {
    (void)c;
    return module_load(path, argv, argc, configs, config_count, false);
}
