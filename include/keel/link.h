/* keel/link.h - connections between servers: sockets that a module opened and hands to the host,
 * and output that a module keeps for many connections at once.
 *
 * A peer that follows another one gets bytes that all who follow get: a feed shows each connection
 * where its next ones lie, and the host writes them from there, behind what was replied. A peer that
 * is followed is a client that sends commands: a tap sees what it sent, and how much of it ran. */
#ifndef KEEL_LINK_H
#define KEEL_LINK_H

#include <keel/base.h>
#include <keel/client.h>

/* Where a connection's further output comes from. All are called on the loop's thread and may not
 * touch clients other than by keel_client_close(). */
typedef struct KeelFeed {
    uint32_t size;
    /* Shows the next bytes for this client in up to `room` pieces; returns how many, 0: none now.
     * They stay where they are until sent() or the next call. */
    size_t (*next)(KeelClient *client, KeelStr *pieces, size_t room);
    /* So many of them have gone out. */
    void (*sent)(KeelClient *client, size_t bytes);
    /* Bytes that wait, as they count against client-output-buffer-limit and are shown as the
     * client's output. */
    size_t (*waiting)(const KeelClient *client);
    /* So many of them may wait whatever the hard limit says, as they are kept for other reasons
     * too. NULL: none. */
    size_t (*allowed)(const KeelClient *client);
} KeelFeed;

/* Output of this client comes from `feed` too, when nothing else waits; NULL: no more. The feed
 * outlives the client or is taken away before; nobody tells it of the client's end but
 * KEEL_EVENT_CLIENT and slots. */
KEEL_API void keel_client_feed(KeelClient *client, const KeelFeed *feed);
/* There is something in it: it is asked at the end of this turn, and then until it has nothing more
 * or the socket takes nothing. Contexts: any on the loop's thread, subscribers of the journal
 * included. Cost: a list's end. */
KEEL_API void keel_client_feed_ready(KeelClient *client);

/* What is wanted of a client's input. */
typedef struct KeelTap {
    uint32_t size;
    /* It was read from the socket, in order, before any of it runs. NULL: not interested. */
    void (*received)(KeelClient *client, KeelStr bytes);
    /* Some requests ran: of all bytes received since the tap was set, so many are done with. Not
     * called in the middle of a request, nor of a transaction (KEEL_CF_IN_MULTI): what is done
     * with need not be sent again, what is not had no effect. keel_db(c) is the client's. */
    void (*executed)(KeelCtx *c, KeelClient *client, uint64_t bytes);
} KeelTap;
/* Sets the client's tap; NULL ends it. Input that waits to be run counts as received, and is shown
 * at once. Not for the client whose command runs. */
KEEL_API void keel_client_tap(KeelClient *client, const KeelTap *tap);

/* A client over a connected, non-blocking socket that the module has opened and from now on no
 * longer watches: the host reads requests from it, and closes it with the client. It is
 * authenticated and of the given kind; `head` are bytes that were read already. NULL with errno; the socket is the caller's then.
 * Contexts: timer, descriptor, posted call, command. */
KEEL_API KeelClient *keel_client_adopt(int fd, KeelClientKind kind, KeelStr head);
/* The database that the client's next request runs on; it exists. Not for the client whose command
 * runs, which has keel_db_select(). */
KEEL_API void keel_client_set_db(KeelClient *client, int db);

#endif
