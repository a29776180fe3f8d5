/* symbol.h - names of functions that a shared object does not export. */
#ifndef CORE_SYMBOL_H
#define CORE_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>

/* Finds the function around `offset` (from the load address) in the symbol table of the file at
 * `path`. Writes its name, NUL-terminated, and how far into it the offset is. False: unknown.
 * Async-signal-safe: maps the file, allocates nothing, trusts no field of it. */
bool symbol_find(const char *path, size_t offset, char *name, size_t room, size_t *into);

#endif
