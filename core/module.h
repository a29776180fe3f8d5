/* module.h - loaded modules: their constants as the host understands them, and who they are. */
#ifndef CORE_MODULE_H
#define CORE_MODULE_H

#include <keel/module.h>

typedef struct Module {
    struct Module *next;      /* in load order */
    char *name, *path;        /* path: absolute, "" for one linked in */
    KeelModule decl;          /* the constant, zero-extended to our size */
    void *library;            /* of dlopen; NULL when linked in */
    KeelStr *argv;            /* loadmodule's words after the name; ours */
    int argc;
    uint64_t timers;          /* that it started and that still run; kept by timer.c */
    uint64_t blocked;         /* clients that wait for its callbacks; kept by block.c */
    const KeelLoader *loader; /* that brought it; NULL for native ones */
    struct Module *loader_owner; /* the module that the loader is of */
    uintptr_t low, high;      /* where the library is mapped; 0 when linked in */
    bool listed;              /* by modules.conf, not by the configuration or at run time */
    bool loading;
    struct Module *replaces;  /* while it is loaded: the one whose place it is to take */
    bool replaced;            /* the other side of that: nothing finds it by a name meanwhile */
} Module;

extern Module *module_first;
/* The host itself, as the owner of its own settings and memory. */
extern Module module_core;

/* Loads what modules.conf and then `loadmodule` lines ask for, in order. 0; -1: an error was
 * logged. With --check all of them are tried, and a line about each goes to standard output. */
int module_load_all(void);
/* Queues one `loadmodule NAME-or-PATH [arg ...]`, from a file or the command line. */
void module_queue(const KeelStr *argv, int argc);
/* Reads a modules file. 0; -1 with a logged error that gives file and line. */
int module_read_conf(const char *path);
/* For a configuration that is rewritten: the loaded module that a loadmodule line's first word
 * means (NULL: none any more); every module that modules.conf does not list, in load order; and the line
 * that loads one, to be freed with keel_free(). */
const Module *module_of_word(KeelStr word);
void module_each_unlisted(void (*each)(const Module *module, void *data), void *data);
char *module_line(const Module *module);
/* Where bare names are looked up: the directory "modules" beside the executable. */
extern char module_directory[];

Module *module_by_name(KeelStr name);
/* Whose a KeelSelf is; the host itself for one of no loaded module. Never NULL. */
Module *module_of_self(const void *self);
/* Which module a code address belongs to, for crash reports; NULL: none. */
const Module *module_of_address(const void *address);
/* At the end of the process, after the keyspace is gone: calls every .unload, last one first, and
 * takes the tables back. Libraries stay mapped. */
void module_unload_all(void);

#endif
