/* link.c - output that a module keeps for a client, and input that a module wants to see.
 *
 * A feed's bytes are written from where the module has them: many connections that follow the same
 * stream share one copy of it. They go out behind the client's own output, never in between. */
#include "link.h"

#include "keyspace.h"
#include "loop.h"
#include "net.h"
#include "poll.h"
#include "stats.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { PIECES = 64 };

static struct Link *link_of(KeelClient *client) {
    if (!client->link) client->link = keel_zalloc(sizeof(*client->link));
    return client->link;
}

static void drop_if_unused(KeelClient *client) {
    const struct Link *link = client->link;
    if (link && !link->feed && !link->tap) link_free(client);
}

void link_free(KeelClient *client) {
    keel_free(client->link);
    client->link = NULL;
}

/* ---- output ---------------------------------------------------------------------------------- */

void keel_client_feed(KeelClient *client, const KeelFeed *feed) {
    if (!feed && !client->link) return;
    link_of(client)->feed = feed;
    drop_if_unused(client);
}

void keel_client_feed_ready(KeelClient *client) {
    if (!client->in_write_queue) client_queue_message(client);
}

size_t link_waiting(const KeelClient *client) {
    const struct Link *link = client->link;
    return link->feed ? link->feed->waiting(client) : 0;
}

int64_t link_hard_limit(const KeelClient *client, int64_t hard) {
    const KeelFeed *feed = client->link->feed;
    if (!feed || feed->size <= offsetof(KeelFeed, allowed) || !feed->allowed) return hard;
    size_t allowed = feed->allowed(client);
    return allowed > (size_t)hard ? (int64_t)allowed : hard;
}

static ssize_t send_pieces(int fd, struct iovec *pieces, size_t n) {
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = n};
    ssize_t sent;
    do {
        stats.writes++;
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

bool link_send(KeelClient *client, size_t budget) {
    for (size_t wrote = 0; wrote < budget;) {
        KeelStr shown[PIECES];
        struct iovec pieces[PIECES];
        const KeelFeed *feed = client->link ? client->link->feed : NULL;
        size_t n = feed ? feed->next(client, shown, PIECES) : 0, total = 0;
        if (!n || client->close_now) return false;
        for (size_t i = 0; i < n; i++) {
            pieces[i] = (struct iovec){(char *)(uintptr_t)shown[i].ptr, shown[i].len};
            total += shown[i].len;
        }
        ssize_t sent = send_pieces(client->fd, pieces, n);
        if (sent < 0) {
            if (errno != EAGAIN) client_close(client);
            return false;
        }
        client->bytes_out += (size_t)sent;
        stats.bytes_out += (size_t)sent;
        feed->sent(client, (size_t)sent);
        if ((size_t)sent < total) return false;
        wrote += (size_t)sent;
    }
    return true;
}

/* ---- input ----------------------------------------------------------------------------------- */

void link_received(KeelClient *client, const char *bytes, size_t n) {
    struct Link *link = client->link;
    if (!link->tap) return;
    link->received += n;
    if (link->tap->received) link->tap->received(client, (KeelStr){bytes, n});
}

void link_executed(KeelClient *client, size_t left) {
    struct Link *link = client->link;
    if (!link->tap || link->received - left == link->executed) return;
    link->executed = link->received - left;
    KeelCtx c;
    ctx_init(&c);
    c.db = client->db;
    link->tap->executed(&c, client, link->executed);
    ctx_done(&c);
}

void keel_client_tap(KeelClient *client, const KeelTap *tap) {
    if (!tap && !client->link) return;
    struct Link *link = link_of(client);
    link->tap = tap;
    link->received = link->executed = 0;
    if (tap && client->query_len) link_received(client, client->query, client->query_len);
    drop_if_unused(client);
}

KeelClient *keel_client_adopt(int fd, KeelClientKind kind, KeelStr head) {
    KeelClient *client = client_new(fd, false);
    keel_client_set_kind(client, kind);
    keel_client_set_user(client, "default");
    if (head.len) {
        client_keep_query(client, head.ptr, head.len, head.len);
        net_resume(client);
    }
    if (poll_add_client(client) == 0) return client;
    int error = errno;
    client->fd = -1; /* it stays the caller's */
    client_close(client);
    errno = error;
    return NULL;
}

void keel_client_set_db(KeelClient *client, int db) {
    KEEL_ASSERT(db >= 0 && db < db_count);
    client->db = &dbs[db];
}
