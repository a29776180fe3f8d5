/* reply.h - the windows that replies are written into, and taking back a wrong one. */
#ifndef CORE_REPLY_H
#define CORE_REPLY_H

#include "ctx.h"

/* Opens a window for `client`: in the turn's arena, or behind the chunks it already waits with. */
void reply_open(KeelCtx *c, KeelClient *client);
/* Closes it and gives what was written to the client. */
void reply_close(KeelCtx *c);
/* Remembers this point; reply_rewind() drops all that was written since. */
static inline void reply_mark(KeelCtx *c) {
    c->mark = c->out;
    c->mark_chunk = c->chunk;
}
void reply_rewind(KeelCtx *c);
/* Makes room for at least `need` more bytes. */
void reply_grow(KeelCtx *c, size_t need);
/* The turn's arena starts anew: all clients' parts of it are written or saved. */
void reply_arena_reset(void);
/* After a command: one reply was owed and given, or the reply is replaced by an error. */
void reply_check(KeelCtx *c);
/* A push wrote into the window of `outer`: the arena's owner follows. */
void reply_moved(const KeelCtx *from, KeelCtx *outer);
/* Collects what is written in `first` and chunks behind it, for keel_call(). */
void reply_capture_begin(KeelCtx *c, struct Chunk *first);
/* Ends and gives them back; the context's client is not written to any more. */
struct Chunk *reply_capture_end(KeelCtx *c);

#endif
