/* parsed.h - replies taken apart: a tree over captured bytes, made as it is looked at. */
#ifndef CORE_PARSED_H
#define CORE_PARSED_H

#include <keel/call.h>

/* Takes over `bytes` (from keel_alloc), which hold `len` bytes and a NUL. Never NULL: bytes that
 * are no reply become an error reply. */
KeelReply *parsed_new(char *bytes, size_t len);

#endif
