/* retype.h - values whose types get new code: see retype.c. */
#ifndef CORE_RETYPE_H
#define CORE_RETYPE_H

#include "module.h"

typedef struct Retype Retype;

/* Makes ready what the values of all types of `old`, which `now` is to replace, become. Nothing
 * has changed until retype_finish(). NULL with a message: a type is missing, or a value could
 * not be saved or loaded. */
Retype *retype_prepare(const Module *old, const Module *now, char *error, size_t room);
/* Values are of the new types from now on; what the old ones had made is freed by the old code.
 * Frees `r`. Returns how many keys' values were saved and loaded; *kept gets how many were
 * handed over. */
size_t retype_finish(Retype *r, size_t *kept);
/* Frees what was made ready, by the new code, and `r`. */
void retype_cancel(Retype *r);

#endif
