/* link.h - connections to other servers, as net.c and client.c see them. */
#ifndef CORE_LINK_H
#define CORE_LINK_H

#include "client.h"

#include <keel/link.h>

/* Most clients have none. */
struct Link {
    const KeelFeed *feed;
    const KeelTap *tap;
    uint64_t received, executed; /* bytes since the tap was set */
};

/* `n` bytes were read from the client's socket. */
void link_received(KeelClient *client, const char *bytes, size_t n);
/* All but `left` of the bytes received have been executed. */
void link_executed(KeelClient *client, size_t left);
/* Bytes that wait in its feed. */
size_t link_waiting(const KeelClient *client);
/* The hard limit of its output, where it has a feed that may have more. */
int64_t link_hard_limit(const KeelClient *client, int64_t hard);
/* Sends what its feed shows, up to `budget` bytes. True: there is more, and the socket would take
 * it. */
bool link_send(KeelClient *client, size_t budget);
void link_free(KeelClient *client);

#endif
