/* crash.h - the report of a crash: which module, command, client, and the frames. */
#ifndef CORE_CRASH_H
#define CORE_CRASH_H

#include <keel/base.h>

/* Installs handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT on a stack of their own. */
void crash_install(void);
/* What is running now, for the report's first lines: set around every command (a store), and
 * around other callbacks of modules. NULLs: nothing. */
extern const void *volatile crash_command; /* const KeelCommandRef * */
extern KeelCtx *volatile crash_ctx;
extern const void *volatile crash_module;  /* const Module *, for callbacks that are no command */

#endif
