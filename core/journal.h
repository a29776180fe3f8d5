/* journal.h - gathering a turn's writes for subscribers. */
#ifndef CORE_JOURNAL_H
#define CORE_JOURNAL_H

#include "ctx.h"

struct Module;
/* Armed subscribers. 0: nothing is recorded. */
extern unsigned journal_armed;

int journal_register(struct Module *module, char *error, size_t room);
void journal_unregister(struct Module *module);

/* Appends one record in the current group; does nothing while nobody listens. */
void journal_add(KeelCtx *c, int db, const KeelStr *argv, int argc);
/* After a command that was dirty or forced: its own record, as the client sent it when possible. */
void journal_command(KeelCtx *c);
/* Everything between belongs together: around each command, and around EXEC by its module. */
void journal_begin(KeelCtx *c);
void journal_end(KeelCtx *c);

/* Above 0: replies wait (keel_replies_hold). */
extern int replies_held;

#endif
