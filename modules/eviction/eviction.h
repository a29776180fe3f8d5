/* eviction.h - what the files of this module share. */
#ifndef EVICTION_H
#define EVICTION_H

#include <keel.h>

/* How a key's worth is judged; with EVICT_VOLATILE only keys that expire may go. */
enum {
    EVICT_LRU,
    EVICT_LFU,
    EVICT_RANDOM,
    EVICT_TTL,
    EVICT_NOTHING,
    EVICT_JUDGE = 7,
    EVICT_VOLATILE = 8,
};

/* --- settings --- */

extern int evict_policy;           /* EVICT_* */
extern int64_t evict_samples;
extern int64_t evict_limit;        /* maxmemory; 0: none */
extern int64_t evict_clients_part; /* maxmemory-clients: bytes, or percents below 0 */

/* --- pool.c --- */

/* Removes one key, the best to go that a sample shows. False: no database has one to remove. */
bool pool_evict(KeelCtx *c, bool lazy);
/* Scores of another policy say nothing. */
void pool_clear(void);

/* --- clients.c --- */

/* Works out the limit on connections' memory from the settings. */
void clients_limit_apply(void);
/* Bytes, SIZE_MAX: none. */
extern size_t clients_limit;
/* What is held against it. Cost: loads. */
static inline size_t clients_used(void) {
    return keel_clients_memory(KEEL_CLIENT_NORMAL) + keel_clients_memory(KEEL_CLIENT_PUBSUB);
}
/* Closes the connections that take most until the others are under the limit. */
void clients_evict(void);

#endif
