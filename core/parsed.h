/* parsed.h - replies taken apart: a tree over captured bytes, made as it is looked at. */
#ifndef CORE_PARSED_H
#define CORE_PARSED_H

#include <keel/call.h>

struct Chunk;

/* Begins a reply, whose bytes are to be written into *chunk and, when it is full, others behind it.
 * `data` is its keel_reply_data(). Cost: no allocation for short ones, as freed ones are used again. */
KeelReply *parsed_begin(void *data, struct Chunk **chunk);
/* Whether parsed_begin() has one to use again. */
bool parsed_ready(void);
/* They are written: `first` and those behind it belong to the reply now. Looked at later, when
 * somebody asks: bytes that are no reply show as an error reply then. */
void parsed_end(KeelReply *reply, struct Chunk *first);

#endif
