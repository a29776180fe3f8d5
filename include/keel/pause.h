/* keel/pause.h - the interface "pause": clients held back for a while, as CLIENT PAUSE does it. */
#ifndef KEEL_PAUSE_H
#define KEEL_PAUSE_H

#include <keel/base.h>

#define KEEL_PAUSE_VERSION 100

/* From keel_interface("pause", KEEL_PAUSE_VERSION). Nothing of the dataset changes by itself while
 * clients are paused: no key expires. */
typedef struct KeelPauseOps {
    uint32_t size;
    bool (*active)(void);
    /* Until this time of the wall clock; `all`: readers too. An earlier end or a milder kind than
     * that of a pause under way changes nothing. */
    void (*start)(int64_t until_ms, bool all);
    void (*end)(void);
} KeelPauseOps;

#endif
