/* thread.h - the global lock and the background thread. */
#ifndef CORE_THREAD_H
#define CORE_THREAD_H

#include <keel/thread.h>

void thread_init(void);
/* Around waiting for sockets: other threads may work meanwhile. Nothing while no module enabled
 * threads. */
void thread_pause_begin(void);
void thread_pause_end(void);
/* Waits until all background jobs are done: before the process ends. */
void background_drain(void);

#endif
