/* module.c - the modules that are loaded: who they are, what they offer each other, what they hold,
 * and how they go.
 *
 * Unloading asks first: what others need, what clients wait for, what values still use. Then the
 * module ends what it made at run time, then its tables go, and its code between two turns. */
#include "module.h"

#include "block.h"
#include "command.h"
#include "ctx.h"
#include "keyspace.h"
#include "loop.h"
#include "module_load.h"
#include "poll.h"
#include "ticks.h"
#include "timer.h"
#include "type.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BACKGROUND_WAIT_MS = 2000 };

Module *module_first;
Module module_core = {.name = "keel", .path = "", .decl = {.self = &keel_self}};

/* --- who is who --- */

Module *module_by_name(KeelStr name) {
    for (Module *m = module_first; m; m = m->next) {
        if (!m->loading && !m->replaced && keel_is(name, m->name)) return m;
    }
    return NULL;
}

Module *module_of_self(const void *self) {
    Module *m = self && self != &keel_self ? ((const KeelSelf *)self)->host : NULL;
    return m ? m : &module_core;
}

const Module *module_of_address(const void *address) {
    uintptr_t at = (uintptr_t)address;
    for (const Module *m = module_first; m; m = m->next) {
        if (at >= m->low && at < m->high) return m;
    }
    return NULL;
}

const void *module_row(const void *rows, size_t size, size_t i) {
    if (!rows) return NULL;
    const char *row = (const char *)rows + i * size;
    const void *first;
    memcpy(&first, row, sizeof(first));
    return first ? row : NULL;
}

void module_loader(const Module *m, KeelLoader *loader) {
    memset(loader, 0, sizeof(*loader));
    if (!m->loader) return;
    size_t size = m->loader_owner->decl.loader_size;
    memcpy(loader, m->loader, size < sizeof(*loader) ? size : sizeof(*loader));
}

const KeelLoader *module_loader_of(const char *symbol, const Module **owner) {
    for (const Module *m = module_first; m; m = m->next) {
        const KeelLoader *loader;
        if (m->replaced) continue;
        for (size_t i = 0; (loader = module_row(m->decl.loaders, m->decl.loader_size, i)); i++) {
            if (strcmp(loader->symbol, symbol) != 0) continue;
            *owner = m;
            return loader;
        }
    }
    return NULL;
}

const void *keel_interface(const char *name, int version) {
    const KeelInterface *best = NULL, *in;
    for (const Module *m = module_first; m; m = m->next) {
        if (m->loading) continue;
        for (size_t i = 0; (in = module_row(m->decl.provides, m->decl.interface_size, i)); i++) {
            if (strcmp(in->name, name) != 0 || in->version / 100 != version / 100) continue;
            if (in->version >= version && (!best || in->version >= best->version)) best = in;
        }
    }
    return best ? best->functions : NULL;
}

int64_t module_bytes(const Module *m) {
    const KeelMemory *held = &m->decl.self->memory;
    return held->bytes + __atomic_load_n(&held->other_bytes, __ATOMIC_RELAXED);
}

/* --- what the modules are, for others to show --- */

static uint64_t keys_of(const Module *m) {
    uint64_t keys = 0;
    for (size_t i = 1; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].declared && types[i].module == m) keys += keyspace_count_type((uint8_t)i);
    }
    return keys;
}

/* Names of keys, copied, because a walk may not change what it walks over. */
typedef struct Names {
    const Module *module;
    char **names;
    size_t *lens, count, room;
} Names;

static bool collect_name(const KeelSeen *seen, void *data) {
    Names *n = data;
    if (types[type_number(seen->type)].module != n->module) return true;
    if (n->count == n->room) {
        n->room = n->room ? n->room * 2 : 16;
        n->names = keel_realloc(n->names, n->room * sizeof(*n->names));
        n->lens = keel_realloc(n->lens, n->room * sizeof(*n->lens));
    }
    n->names[n->count] = keel_strdup(seen->name);
    n->lens[n->count++] = seen->name.len;
    return true;
}

void module_drop_keys(const Module *m) {
    if (!keys_of(m)) return;
    KeelCtx c;
    ctx_init(&c);
    for (int db = 0; db < keel_db_count(); db++) {
        Names n = {.module = m};
        keel_db_each(db, collect_name, &n);
        for (size_t i = 0; i < n.count; i++) {
            KeelKey key;
            KeelStr name = {n.names[i], n.lens[i]};
            unsigned mode = KEEL_KEY_WRITE | KEEL_KEY_EXPIRED_TOO | KEEL_KEY_NO_STATS;
            if (keel_key_open_in(&c, db, name, mode, &key)) keel_key_delete(&key, false);
            keel_free(n.names[i]);
        }
        keel_free(n.names);
        keel_free(n.lens);
    }
    ctx_done(&c);
}

typedef struct Sum {
    const Module *module;
    KeelModuleInfo *info;
    uint64_t ticks;
} Sum;

static void add_command(Sum *sum, const KeelCommandRef *cmd) {
    sum->info->calls += cmd->calls;
    sum->info->failed += cmd->failed;
    sum->ticks += cmd->ticks;
    for (const KeelCommandRef *sub = cmd->first_sub; sub; sub = sub->next_sub) {
        add_command(sum, sub);
    }
}

static bool visit_command(const KeelCommandRef *cmd, void *data) {
    Sum *sum = data;
    if (cmd->module == sum->module) {
        sum->info->commands++;
        add_command(sum, cmd);
    }
    return true;
}

static void describe(const Module *m, KeelModuleInfo *info) {
    const KeelMemory *held = &m->decl.self->memory;
    *info = (KeelModuleInfo){.size = sizeof(*info), .name = m->name, .version = m->decl.version,
                             .summary = m->decl.summary, .path = m->path, .argv = m->argv,
                             .argc = m->argc, .bytes = module_bytes(m), .keys = keys_of(m),
                             .needs = m->decl.needs ? m->decl.needs : "",
                             .loader = m->loader ? m->loader->name : ""};
    info->blocks = held->blocks + __atomic_load_n(&held->other_blocks, __ATOMIC_RELAXED);
    while (m->decl.types && m->decl.types[info->types]) info->types++;
    while (module_row(m->decl.configs, m->decl.config_size, info->configs)) info->configs++;
    Sum sum = {m, info, 0};
    keel_command_each(NULL, visit_command, &sum);
    info->nanoseconds = (uint64_t)ticks_to_ns(sum.ticks);
}

void keel_module_each(bool (*each)(const KeelModuleInfo *info, void *data), void *data) {
    KeelModuleInfo info;
    for (const Module *m = module_first; m; m = m->next) {
        if (m->loading || m->replaced) continue;
        describe(m, &info);
        if (!each(&info, data)) return;
    }
}

/* --- unload --- */

/* Whether `name` is one of the words of .needs. */
static bool needs_it(const Module *m, const char *name) {
    size_t len = strlen(name);
    for (const char *at = m->decl.needs; at && *at;) {
        size_t skip = strspn(at, " "), word = strcspn(at + skip, " ");
        if (word == len && strncasecmp(at + skip, name, len) == 0) return true;
        at += skip + word;
    }
    return false;
}

/* A module that would not work without this one. */
static const Module *user_of(const Module *m) {
    for (const Module *other = module_first; other; other = other->next) {
        if (other != m && (needs_it(other, m->name) || other->loader_owner == m)) return other;
    }
    return NULL;
}

const char *module_still_owns(const Module *m, char *text, size_t room) {
    size_t timers = timer_count_of(m->decl.self), watches = poll_watch_count(m->decl.self);
    if (timers) {
        snprintf(text, room, "the module holds timer that is not fired. Please stop the timer or "
                 "wait until it fires. (%zu of them)", timers);
    } else if (watches) {
        snprintf(text, room, "the module watches %zu descriptors. Please end that and try again",
                 watches);
    } else {
        return NULL;
    }
    return text;
}

const char *module_used_by_others(const Module *m, bool values, char *text, size_t room) {
    const Module *user = user_of(m);
    uint64_t keys = values ? keys_of(m) : 0;
    size_t blocked = block_clients_of_module(m);
    if (!m->library) {
        snprintf(text, room, "the module is part of the server's executable");
    } else if (keys) {
        snprintf(text, room, "the module exports one or more module-side data types, can't unload: "
                 "%llu keys have values of them", (unsigned long long)keys);
    } else if (user) {
        snprintf(text, room, "the module exports APIs used by other modules. Please unload them "
                 "first and try again (%s)", user->name);
    } else if (blocked) {
        snprintf(text, room, "the module has blocked clients. Please wait for them to be unblocked "
                 "and try again (%zu of them)", blocked);
    } else {
        return NULL;
    }
    return text;
}

bool module_is_running(const Module *m, const KeelCtx *c) {
    for (; c; c = c->outer) {
        if (c->module == m || (c->command && c->command->module == m)) return true;
    }
    return false;
}

/* Blocks of the module may still be with the background thread, which writes to its account. */
bool module_wait_for_background(void) {
    for (int i = 0; keel_background_pending(); i++) {
        if (i == BACKGROUND_WAIT_MS) return false;
        usleep(1000);
    }
    return true;
}

int module_ask(Module *m) {
    KeelCtx c;
    const void *before;
    int result = 0;
    bool native = !m->loader;
    KeelLoader loader;
    module_loader(m, &loader);
    module_enter(&c, native ? m : m->loader_owner, &before);
    if (native && m->decl.unload) result = m->decl.unload(&c);
    if (loader.unload) result = loader.unload(&c, m->name);
    module_leave(&c, before);
    if (result != 0 && !module_told[0]) keel_load_error(NULL, "the module refuses");
    return result;
}

static const char *unload(KeelCtx *c, Module *m) {
    char text[256];
    const char *why = module_used_by_others(m, true, text, sizeof(text));
    if (why) return module_reason("%s", why);
    if (module_is_running(m, c)) return "the module runs the command that asks for it";
    if (module_ask(m) != 0) return module_reason("%s", module_told);
    /* What is left now it has forgotten, or could not end. */
    why = module_still_owns(m, text, sizeof(text));
    if (why) return module_reason("%s", why);
    if (!module_wait_for_background()) return "background jobs are still running. Please try again";
    module_send_event(m, false);
    module_detach(m, NULL);
    module_close_later(m->library);
    return NULL;
}

const char *keel_module_unload(KeelCtx *c, KeelStr name) {
    Module *m = module_by_name(name);
    if (!m) return "no such module with that name";
    if (module_in_progress) return "another module is being loaded or unloaded: not now";
    module_in_progress = m;
    const char *why = unload(c, m);
    module_in_progress = NULL;
    if (why) {
        keel_log(KEEL_LOG_WARNING, "Module %s was not unloaded: %s", m->name, why);
        return why;
    }
    keel_log(KEEL_LOG_NOTICE, "Module %s unloaded", m->name);
    module_free(m);
    return NULL;
}

void module_unload_all(void) {
    for (;;) {
        Module *last = module_first;
        if (!last) return;
        while (last->next) last = last->next;
        if (module_ask(last) != 0) {
            keel_log(KEEL_LOG_VERBOSE, "Module %s at the server's end: %s", last->name,
                     module_told);
        }
        module_detach(last, NULL);
        module_free(last);
    }
}
