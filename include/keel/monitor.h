/* keel/monitor.h - the interface "monitor": showing a command to those who watch (MONITOR) at
 * another moment than after it ran.
 *
 * What is flagged KEEL_SKIP_MONITOR is not shown by itself. A command that runs others, and should
 * be seen before them, has that flag and shows itself when it begins. */
#ifndef KEEL_MONITOR_H
#define KEEL_MONITOR_H

#include <keel/base.h>

#define KEEL_MONITOR_VERSION 100

/* From keel_interface("monitor", KEEL_MONITOR_VERSION). */
typedef struct KeelMonitorOps {
    uint32_t size;
    /* Shows a command line as sent by the context's client now. In a command, before anything is
     * replied. Cost: a compare while nobody watches. */
    void (*show)(KeelCtx *c, const KeelStr *argv, int argc);
} KeelMonitorOps;

#endif
