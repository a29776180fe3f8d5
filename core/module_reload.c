/* module_reload.c - a module's code is replaced, and its data stays.
 *
 * The new library is opened beside the old one and loaded by the same steps as any other. The
 * old module stays as it is meanwhile - its timers, hooks and gates go on - but for one thing:
 * names that can be had once only, of commands, types and settings, are not found, so that the
 * new one can take them. What must be made for the values is made then, and the last question is
 * the old one's: whether it lets go. Up to there every step can be taken back; after it none can
 * fail. */
#include "command.h"
#include "config.h"
#include "ctx.h"
#include "module_load.h"
#include "retype.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static void hide(Module *old) {
    old->replaced = true;
    command_reindex();
    config_hide(old);
}

static void show(Module *old) {
    old->replaced = false;
    config_show(old);
    command_reindex();
}

/* What is in the way of it from the beginning. NULL: nothing. */
static const char *obstacle(KeelCtx *c, const Module *old, char *text, size_t room) {
    const char *why = module_used_by_others(old, false, text, room);
    if (why) return why;
    if (module_is_running(old, c)) return "the module runs the command that asks for it";
    /* One that has an .unload may end them there, and is asked again then. */
    if (!old->loader && !old->decl.unload) return module_still_owns(old, text, room);
    return NULL;
}

/* The last step that may fail: the old module, or its loader, lets go. */
static int ask_old(Module *old, Module *now, char *error, size_t room) {
    int result;
    char text[256];
    if (!old->loader) {
        result = module_ask(old);
        /* What is left now it has forgotten, or could not end. */
        const char *why = result == 0 ? module_still_owns(old, text, sizeof(text)) : NULL;
        if (why) result = keel_load_error(NULL, "%s", why);
    } else {
        KeelLoader loader;
        KeelCtx c;
        const void *before;
        module_loader(old, &loader);
        module_enter(&c, old->loader_owner, &before);
        result = loader.replace(&c, old->decl.self, now->decl.self);
        module_leave(&c, before);
    }
    if (result != 0) {
        snprintf(error, room, "%s", module_told[0] ? module_told : "the old one refuses to go");
    }
    return result;
}

/* Listings and CONFIG REWRITE go by the order in which modules came. */
static void take_place(Module *old, Module *now) {
    Module **at = &module_first;
    while (*at != now) at = &(*at)->next;
    *at = now->next;
    now->next = old->next;
    old->next = now;
    now->listed = old->listed;
    now->replaces = NULL;
    now->loading = false;
    old->loading = true;      /* it offers nothing any more */
}

static void end_old(Module *old, Module *now, bool inherits) {
    command_inherit(now, old);
    take_place(old, now);
    module_send_event(old, false);
    config_show(old);
    module_detach(old, inherits ? now : NULL);
    module_close_later(old->library);
    module_send_event(now, true);
}

/* From a library to a module in the old one's place. 0; -1 with a message and all as before, -2:
 * and `now` must not be freed. */
static int replace(Module *old, Module *now, char *error, size_t room) {
    ModuleAsked asked = {.argv = old->argv, .argc = old->argc};
    KeptValue *kept = config_keep(old, &asked.kept_count);
    size_t saved = 0, same = 0;
    asked.kept = kept;
    hide(old);
    int result = module_try(now, &asked, NULL, error, room);
    config_free_kept(kept, asked.kept_count);
    if (result != 0) {
        show(old);
        return result;
    }
    module_in_progress = now;
    Retype *values = retype_prepare(old, now, error, room);
    if (!values || ask_old(old, now, error, room) != 0) {
        if (values) retype_cancel(values);
        result = module_undo(now) ? -1 : -2;
        show(old);
    } else {
        saved = retype_finish(values, &same);
        end_old(old, now, same > 0);
        keel_log(KEEL_LOG_NOTICE, "Module '%s' %s replaced by %s from %s: values of %zu keys were "
                 "handed over, of %zu saved and loaded", old->name, old->decl.version,
                 now->decl.version, now->path, same, saved);
    }
    module_in_progress = NULL;
    return result;
}

static const char *reload(KeelCtx *c, Module *old, KeelStr word, char *error, size_t room) {
    char path[PATH_MAX];
    const KeelModule *linked;
    const char *why = obstacle(c, old, error, room);
    if (why) return why;
    if (!word.len) word = keel_str(old->path);
    if (!module_locate(word, path, &linked) || linked) {
        return "the new library is asked for by a name or a path";
    }
    /* Values that are being freed are freed by the code that made them. */
    if (!module_wait_for_background()) return "background jobs are still running. Please try again";
    Module *now = keel_zalloc(sizeof(*now));
    now->loading = true;
    now->replaces = old;
    now->path = keel_strdup(keel_str(path));
    module_keep_arguments(now, old->argv, old->argc);
    int result = replace(old, now, error, room);
    if (result == 0) module_free(old);
    if (result == -1) module_free(now);
    if (result == -2) now->replaces = NULL;
    return result == 0 ? NULL : error;
}

const char *keel_module_reload(KeelCtx *c, KeelStr name, KeelStr path) {
    char error[MODULE_REASON_ROOM + PATH_MAX];
    Module *old = module_by_name(name);
    if (!old) return "no such module with that name";
    if (module_in_progress) return "another module is being loaded or unloaded: not now";
    const char *why = reload(c, old, path, error, sizeof(error));
    if (!why) return NULL;
    keel_log(KEEL_LOG_WARNING, "Module %s was not replaced: %s", old->name, why);
    return module_reason("%s", why);
}
