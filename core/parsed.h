/* parsed.h - replies taken apart: a tree over captured bytes, made as it is looked at. */
#ifndef CORE_PARSED_H
#define CORE_PARSED_H

#include <keel/call.h>

/* A reply of `len` bytes, which the caller writes to *to before parsed_read(). Never NULL. Cost: no
 * allocation for short ones, as freed ones are used again. */
KeelReply *parsed_new(size_t len, char **to);
/* Looks at the bytes: those that are no reply become an error reply. */
void parsed_read(KeelReply *reply);

#endif
