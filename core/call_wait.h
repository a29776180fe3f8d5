/* call_wait.h - calls whose command blocks: their clients, as block.c sees them. */
#ifndef CORE_CALL_WAIT_H
#define CORE_CALL_WAIT_H

#include "client.h"

/* Opens a context for another try of the command of a client with .may_wait; takes what it replied.
 * `over`: the wait is, so the reply is delivered once the rest of it is gone. */
void call_wait_open(KeelCtx *c, KeelClient *client);
KeelReply *call_wait_close(KeelCtx *c, bool over);
/* Gives the reply to who called, and frees the client. */
void call_wait_deliver(KeelClient *client, KeelReply *reply);
/* How many there are. */
size_t call_wait_count(void);

#endif
