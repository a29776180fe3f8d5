/* keel/pause.h - the interface "pause": clients' commands held back for a while, as CLIENT PAUSE
 * does it, for modules that need the data to stand still. */
#ifndef KEEL_PAUSE_H
#define KEEL_PAUSE_H

#include <keel/base.h>

#define KEEL_PAUSE_VERSION 100
/* A pause without end but keel_pause's end(). */
#define KEEL_PAUSE_FOREVER INT64_MAX

/* From keel_interface("pause", KEEL_PAUSE_VERSION). Pauses for several purposes may run together:
 * what one of them holds back is held. While there is one no key goes by itself: neither expiry nor
 * eviction removes any. Contexts: any on the loop's thread. */
typedef struct KeelPauseOps {
    uint32_t size;
    /* Holds back commands that write, or all of them, until a wall clock time in milliseconds. For a
     * purpose (a literal, told apart by its text) that holds already: it gets longer and stricter,
     * never less so. */
    void (*begin)(const char *purpose, int64_t until_ms, bool all);
    /* This purpose is over; nothing happens when it was not there. */
    void (*end)(const char *purpose);
    /* Whether commands that write are held back now. Cost: a load. */
    bool (*active)(void);
} KeelPauseOps;

#endif
