/* loop.h - the turn: gather, prefetch, execute, flush. */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include <keel/loop.h>

int loop_init(void);
/* Runs until loop_stop(). */
void loop_run(void);
void loop_stop(void);
bool loop_running(void);
/* Wakes a waiting loop from any thread or signal handler. */
void loop_wake(void);
/* How often the cron runs in a second: `hz`, more with `dynamic-hz` and many clients. */
int loop_hz(void);
/* A context for callbacks that no client caused: fills *c. */
void ctx_init(KeelCtx *c);
/* After a callback: journal, ready keys, freed clients. Pairs with ctx_init(). */
void ctx_done(KeelCtx *c);
/* Signals ask for a shutdown here. */
void loop_ask_shutdown(int signal_number);

#endif
