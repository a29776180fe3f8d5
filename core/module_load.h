/* module_load.h - what the rooms of the loader share among themselves. */
#ifndef CORE_MODULE_LOAD_H
#define CORE_MODULE_LOAD_H

#include "config.h"
#include "module.h"

#include <limits.h>

enum { MODULE_NAME_MAX = 63, MODULE_REASON_ROOM = 1024 };

/* Checks a module's constant without running its code and copies it, zero-extended, to m->decl. 0;
 * -1 with a message. `trusted`: it was made at run time by a loader, so its pointers may lead to
 * the heap. */
int module_check(Module *m, const KeelModule *raw, bool trusted, char *error, size_t room);
/* The part that needs only the constant's first two numbers, as the file on disk has them. */
int module_check_abi(uint32_t size, uint32_t abi, char *error, size_t room);

/* Row `i` of a checked table with rows of `size` bytes; NULL when the table is NULL or ends before.
 * Not for .hooks, whose rows do not begin with a pointer. */
const void *module_row(const void *rows, size_t size, size_t i);
/* A module's loader, zero-extended to our size; all zero for a native module. */
void module_loader(const Module *m, KeelLoader *loader);
/* The loader of objects that export `symbol`, and whose it is. NULL: there is none. */
const KeelLoader *module_loader_of(const char *symbol, const Module **owner);
/* Whether a loadmodule line that is still to come asks for this name. */
bool module_is_queued(KeelStr name);

/* From loadmodule's word to an absolute path, or to a constant that is linked in (then the path is
 * empty). False: the word is neither a name nor a path. */
bool module_locate(KeelStr word, char path[PATH_MAX], const KeelModule **linked);

/* A module linked into the server: make STATIC=1 writes the table, ended by a NULL. */
extern const KeelModule *const module_linked[] __attribute__((weak));

/* The module that is being loaded or unloaded; one at a time. */
extern Module *module_in_progress;
/* What keel_load_error() said last; module_enter() empties it. */
extern char module_told[];
/* A formatted reason that lives until the next one. */
const char *module_reason(const char *format, ...) KEEL_PRINTF(1, 2);

/* Around the module's own code: fills a context without client, and says in a crash report whose
 * code it was. `*before` is kept for module_leave(). */
void module_enter(KeelCtx *c, Module *m, const void **before);
void module_leave(KeelCtx *c, const void *before);

/* Asks the module, or its loader, whether it may go. 0, or -1 with the reason in module_told. */
int module_ask(Module *m);
/* Deletes the keys that have values of its types: for a load that failed after it made some. */
void module_drop_keys(const Module *m);
/* Takes tables and name back; the module is no longer in the list. What it still holds is the
 * heir's from then on; NULL: it is told on for it. */
void module_detach(Module *m, Module *heir);
void module_free(Module *m);
/* Checks the file m->path and maps it, beside a mapped one when it is to replace that. 0, or -1
 * with a message and nothing mapped. */
int module_open(Module *m, char *error, size_t room);
/* Unmaps a library after this turn. */
void module_close_later(void *library);
void module_send_event(const Module *m, bool loaded);
/* Memory that it holds, by all threads. */
int64_t module_bytes(const Module *m);

/* What a load was asked for. */
typedef struct ModuleAsked {
    const KeelStr *argv;
    int argc;
    const KeelStr *configs; /* pairs */
    int config_count;
    const KeptValue *kept;  /* of the module that is replaced */
    size_t kept_count;
} ModuleAsked;
void module_keep_arguments(Module *m, const KeelStr *argv, int argc);
/* All steps of a load, for an `m` that has its path and arguments. 0; -1 with a message, and `m`
 * can be freed; -2: it cannot, something still calls its code. */
int module_try(Module *m, const ModuleAsked *asked, const KeelModule *linked, char *error,
               size_t room);
/* Takes a module back that module_try() has loaded, asked or not. False: it must not be freed. */
bool module_undo(Module *m);
/* What only others can end of a module: `text`, or NULL when there is nothing. `values`: also
 * those of its types that are there. */
const char *module_used_by_others(const Module *m, bool values, char *text, size_t room);
/* Whether its code is on the stack, under this context. */
bool module_is_running(const Module *m, const KeelCtx *c);
/* Waits for the background thread. False: it is busy for too long. */
bool module_wait_for_background(void);
/* What the module made at run time and has to end itself: `text`, or NULL when there is nothing. */
const char *module_still_owns(const Module *m, char *text, size_t room);
/* True while module_load_all() runs. */
extern bool module_starting;

/* Loads one module; at run time and at start. NULL, or the reason. Listed modules come from
 * modules.conf. */
const char *module_load(KeelStr word, const KeelStr *argv, int argc, const KeelStr *configs,
                        int config_count, bool listed);

#endif
