/* clients.c - connections that together take more than maxmemory-clients: the largest close.
 *
 * The host keeps the sum of what connections take, so that asking whether it is too much is a
 * comparison. Only when it is are connections looked at one by one. Those under CLIENT NO-EVICT
 * count, but stay; so do peers, which are neither counted nor closed. */
#include "eviction.h"

#include <stdlib.h>

/* Below this nobody could connect any more to set it right. */
#define LIMIT_LEAST (128 * 1024)

size_t clients_limit = SIZE_MAX;

/* What was found to be too much without a way to make it less, and when: not looked at again
 * before it grows or a second has passed. */
static size_t fruitless;
static int64_t fruitless_ms;

typedef struct Large {
    uint64_t id;
    size_t bytes;
} Large;

typedef struct Found {
    Large *list;
    size_t count, room;
} Found;

void clients_limit_apply(void) {
    double bytes = (double)evict_clients_part;
    if (evict_clients_part < 0) bytes = (double)evict_limit * -bytes / 100; /* of maxmemory */
    fruitless = 0;
    if (bytes <= 0) {
        clients_limit = SIZE_MAX;
    } else {
        clients_limit = bytes < LIMIT_LEAST ? LIMIT_LEAST
                        : bytes < (double)PTRDIFF_MAX ? (size_t)bytes : SIZE_MAX;
    }
}

static bool evictable(KeelClient *client, void *data) {
    Found *found = data;
    KeelClientKind kind = keel_client_kind(client);
    if (kind != KEEL_CLIENT_NORMAL && kind != KEEL_CLIENT_PUBSUB) return true;
    if (keel_client_flags(client) & KEEL_CF_NO_EVICT) return true;
    if (found->count == found->room) {
        found->room = found->room * 2 + 64;
        found->list = keel_realloc(found->list, found->room * sizeof(Large));
    }
    found->list[found->count++] = (Large){keel_client_id(client), keel_client_memory(client)};
    return true;
}

/* Largest first; of equal ones, the oldest. */
static int by_size(const void *a, const void *b) {
    const Large *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes > y->bytes ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

static void close_one(const Large *large) {
    KeelClient *client = keel_client_by_id(large->id);
    KeelClientInfo info = {.size = sizeof(info)};
    if (!client) return;
    keel_client_info(client, &info);
    keel_log(KEEL_LOG_NOTICE, "Evicting client: id=%llu addr=%s name=%s cmd=%s tot-mem=%zu",
             (unsigned long long)large->id, info.addr, info.name, info.command, info.memory);
    keel_stat_add("evicted_clients", 1);
    keel_client_close(client, false);
}

void clients_evict(void) {
    size_t used = clients_used();
    if (fruitless && used <= fruitless && keel_now_ms() - fruitless_ms < 1000) return;
    Found found = {0};
    keel_client_each(evictable, &found);
    if (found.count) qsort(found.list, found.count, sizeof(Large), by_size);
    for (size_t i = 0; i < found.count && clients_used() >= clients_limit; i++) {
        close_one(&found.list[i]);
    }
    keel_free(found.list);
    fruitless = 0;
    if (clients_used() < clients_limit) return;
    keel_log(KEEL_LOG_WARNING, "Over client maxmemory after evicting all evictable clients");
    fruitless = clients_used();
    fruitless_ms = keel_now_ms();
}
