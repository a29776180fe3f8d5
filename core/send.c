/* send.c - writing out what clients are owed: stroke 4 of the turn.
 *
 * A reply costs one send. It leaves from the turn's arena when its socket takes it at once; what is
 * left moves to chunks of the client's own, because the arena is used again. */
#include "net.h"

#include "journal.h"
#include "link.h"
#include "stats.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { WRITE_MAX = 256 * 1024 }; /* written to a client before others have their turn */

/* Who has output to write: first those who were replied to, whose next requests then arrive while
 * messages are written to the others. */
static struct WriteQueue {
    KeelClient *first, *last;
} write_queues[2];
enum { REPLIES, MESSAGES };

static void queue_add(struct WriteQueue *q, KeelClient *client) {
    if (client->in_write_queue || client->fd < 0) return;
    client->in_write_queue = true;
    client->next_write = NULL;
    if (q->last) {
        q->last->next_write = client;
    } else {
        q->first = client;
    }
    q->last = client;
}

void client_queue_write(KeelClient *client) {
    queue_add(&write_queues[REPLIES], client);
}

void client_queue_message(KeelClient *client) {
    queue_add(&write_queues[MESSAGES], client);
}

static void queue_remove(struct WriteQueue *q, const KeelClient *client) {
    KeelClient *before = NULL;
    for (KeelClient *c = q->first; c; before = c, c = c->next_write) {
        if (c != client) continue;
        if (before) before->next_write = c->next_write; else q->first = c->next_write;
        if (q->last == c) q->last = before;
        return;
    }
}

void net_forget(KeelClient *client) {
    if (!client->in_write_queue) return;
    queue_remove(&write_queues[REPLIES], client);
    queue_remove(&write_queues[MESSAGES], client);
    client->in_write_queue = false;
}

/* Takes `n` written bytes off the client's output. */
static void output_sent(KeelClient *client, size_t n) {
    client->bytes_out += n;
    stats.bytes_out += n;
    size_t part = n < client->arena_len ? n : client->arena_len;
    client->arena += part;
    client->arena_len -= part;
    n -= part;
    while (n || (client->chunks && client->chunks->sent == client->chunks->len)) {
        Chunk *k = client->chunks;
        size_t left = k->len - k->sent;
        if (n < left) {
            k->sent += n;
            return;
        }
        n -= left;
        client->chunks = k->next;
        if (!k->next) client->last_chunk = NULL;
        client->chunk_bytes -= k->len;
        client->chunk_count--;
        client_chunk_free(client, k);
    }
}

/* Output in the arena must move to the client's own memory: the arena is reused next turn. */
static void output_save(KeelClient *client) {
    if (!client->arena_len) return;
    Chunk *later = client->chunks, *last = client->last_chunk;
    size_t later_bytes = client->chunk_bytes, later_count = client->chunk_count;
    client->chunks = client->last_chunk = NULL;
    client->chunk_bytes = client->chunk_count = 0;
    const char *bytes = client->arena;
    size_t len = client->arena_len;
    client->arena_len = 0;
    client_write(client, bytes, len);
    if (later) {
        KEEL_ASSERT(client->last_chunk); /* there was something to write */
        client->last_chunk->next = later;
        client->last_chunk = last;
        client->chunk_bytes += later_bytes;
        client->chunk_count += later_count;
    }
}

/* One write of all there is. False: the socket takes no more now. */
static bool write_once(KeelClient *client) {
    enum { PIECES = 64 };
    struct iovec pieces[PIECES];
    int n = 0;
    size_t total = 0;
    if (client->arena_len) {
        pieces[n++] = (struct iovec){client->arena, client->arena_len};
        total += client->arena_len;
    }
    for (Chunk *k = client->chunks; k && n < PIECES && total < WRITE_MAX; k = k->next) {
        if (k->len == k->sent) continue;
        pieces[n++] = (struct iovec){k->data + k->sent, k->len - k->sent};
        total += k->len - k->sent;
    }
    ssize_t sent;
    do {
        stats.writes++;
        if (n == 1) {
            sent = send(client->fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL);
        } else {
            struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)n};
            sent = sendmsg(client->fd, &message, MSG_NOSIGNAL);
        }
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        if (errno != EAGAIN) client_close(client);
        return false;
    }
    output_sent(client, (size_t)sent);
    return (size_t)sent == total;
}

/* Behind all else, what a module keeps for the client. */
static void flush_feed(KeelClient *client, size_t budget) {
    if (client_output_bytes(client) || !link_send(client, budget)) return;
    client->in_write_again = true;
    net_queue_again(client);
}

void net_send(KeelClient *client) {
    if (client->close_now) return;
    size_t budget = WRITE_MAX;
    while (client_output_bytes(client)) {
        size_t before = client_output_bytes(client);
        if (!write_once(client)) break;
        size_t wrote = before - client_output_bytes(client);
        if (wrote >= budget) {
            if (client_output_bytes(client)) {
                client->in_write_again = true;
                net_queue_again(client);
            }
            break;
        }
        budget -= wrote;
    }
    if (client->close_now) return;
    output_save(client);
    if (__builtin_expect(client->link != NULL, 0)) flush_feed(client, budget);
    if (client->close_now) return;
    if (client_output_bytes(client)) {
        client_check_output(client);
    } else if (client->flags & KEEL_CF_CLOSING) {
        client_close(client);
    } else if (client->link) {
        client_check_output(client);
    } else {
        client->over_soft_since = 0;
    }
}

void net_flush(void) {
    keel_journal_flush();
    if (replies_held) {
        for (int q = REPLIES; q <= MESSAGES; q++) {
            for (KeelClient *c = write_queues[q].first; c; c = c->next_write) output_save(c);
        }
        return;
    }
    struct WriteQueue *replies = &write_queues[REPLIES], *messages = &write_queues[MESSAGES];
    KeelClient *c = replies->first ? replies->first : messages->first;
    if (replies->last) replies->last->next_write = messages->first;
    *replies = *messages = (struct WriteQueue){0};
    while (c) {
        KeelClient *next = c->next_write;
        c->in_write_queue = false;
        net_send(c);
        c = next;
    }
}

bool net_has_output(void) {
    return write_queues[REPLIES].first || write_queues[MESSAGES].first;
}

bool net_has_pending_output(void) {
    return net_has_output() && !replies_held;
}

void net_writable(KeelClient *client) {
    if (client_output_bytes(client) || client->link) client_queue_write(client);
}
