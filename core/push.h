/* push.h - messages that no command asked for. */
#ifndef CORE_PUSH_H
#define CORE_PUSH_H

#include "ctx.h"

/* The command's reply is whole: what was pushed to its client meanwhile follows. */
void push_deliver(KeelCtx *c);

#endif
