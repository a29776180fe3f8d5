/* keel/eviction.h - the interface "eviction": what the module that keeps memory under its limit
 * offers to others, and that a replacement of it must bring too. */
#ifndef KEEL_EVICTION_H
#define KEEL_EVICTION_H

#include <keel/base.h>

#define KEEL_EVICTION_VERSION 100

/* From keel_interface("eviction", KEEL_EVICTION_VERSION). Contexts: command, timer. Cost: loads. */
typedef struct KeelEvictionOps {
    uint32_t size;
    /* `maxmemory` in bytes, 0: there is no limit. */
    size_t (*limit)(void);
    /* The memory that is held against it. */
    size_t (*used)(void);
    /* Whether the command that runs began over the limit with nothing left to remove: what it calls
     * must be refused when it is flagged KEEL_DENYOOM. Between commands: how the last one began. */
    bool (*refusing)(void);
} KeelEvictionOps;

#endif
