/* module_load.h - what the rooms of the loader share among themselves. */
#ifndef CORE_MODULE_LOAD_H
#define CORE_MODULE_LOAD_H

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
/* Takes tables and name back; the module is no longer in the list. */
void module_detach(Module *m);
void module_free(Module *m);
/* Unmaps a library after this turn. */
void module_close_later(void *library);
void module_send_event(const Module *m, bool loaded);
/* Memory that it holds, by all threads. */
int64_t module_bytes(const Module *m);

/* What the module made at run time and has to end itself: `text`, or NULL when there is nothing. */
const char *module_still_owns(const Module *m, char *text, size_t room);
/* True while module_load_all() runs. */
extern bool module_starting;

/* Loads one module; at run time and at start. NULL, or the reason. Listed modules come from
 * modules.conf. */
const char *module_load(KeelStr word, const KeelStr *argv, int argc, const KeelStr *configs,
                        int config_count, bool listed);

#endif
