/* api_link.c - LINK.*: output that a module keeps for many connections, a look at what a connection
 * sends, and connections that the module opened itself. */
#include <keel.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a feed: one text, and each follower's place in it ---------------------------------------- */

enum { TEXT_ROOM = 64 * 1024 * 1024, SEEN_ROOM = 4096, FOLLOWERS = 64 };
static char *text;
static size_t text_len, allowed, asked, sent_bytes;
static int place_slot;
static uint64_t followers[FOLLOWERS];
static size_t follower_count;

static size_t place(KeelClient *client) {
    return (size_t)(uintptr_t)*keel_client_slot(client, place_slot);
}

/* In two pieces, where there are two bytes. */
static size_t next(KeelClient *client, KeelStr *pieces, size_t room) {
    size_t at = place(client), left = text_len - at, half = left / 2;
    asked++;
    if (!left || room < 2) return 0;
    if (!half) {
        pieces[0] = (KeelStr){text + at, left};
        return 1;
    }
    pieces[0] = (KeelStr){text + at, half};
    pieces[1] = (KeelStr){text + at + half, left - half};
    return 2;
}

static void sent(KeelClient *client, size_t bytes) {
    sent_bytes += bytes;
    *keel_client_slot(client, place_slot) = (void *)(uintptr_t)(place(client) + bytes);
}

static size_t waiting(const KeelClient *client) {
    return text_len - place((KeelClient *)(uintptr_t)client);
}

static size_t may_wait(const KeelClient *client) {
    (void)client;
    return allowed;
}

static const KeelFeed feed = {.size = sizeof(KeelFeed), .next = next, .sent = sent,
                              .waiting = waiting, .allowed = may_wait};

/* LINK.FOLLOW: what is added from now on comes over this connection. */
static void link_follow(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    KeelClient *client = keel_client(c);
    if (follower_count == FOLLOWERS) {
        keel_reply_error(c, "ERR too many");
        return;
    }
    followers[follower_count++] = keel_client_id(client);
    sent(client, text_len - place(client));
    keel_client_feed(client, &feed);
    keel_reply_ok(c);
}

/* LINK.LEAVE: no more of it. */
static void link_leave(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_client_feed(keel_client(c), NULL);
    keel_reply_ok(c);
}

/* LINK.ADD text [times] */
static void link_add(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t times = 1;
    if (argc > 2 && !keel_arg_int(c, argv[2], &times)) return;
    for (; times > 0 && argv[1].len <= TEXT_ROOM - text_len; times--) {
        memcpy(text + text_len, argv[1].ptr, argv[1].len);
        text_len += argv[1].len;
    }
    for (size_t i = 0; i < follower_count; i++) {
        KeelClient *client = keel_client_by_id(followers[i]);
        if (client) keel_client_feed_ready(client);
    }
    keel_reply_int(c, (int64_t)text_len);
}

/* LINK.ALLOW bytes: whatever the limit says. */
static void link_allow(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t n;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &n)) return;
    allowed = (size_t)n;
    keel_reply_ok(c);
}

/* LINK.SENT: bytes that have gone out of the feed, to all. */
static void link_sent(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_int(c, (int64_t)sent_bytes);
}

/* ---- a tap ------------------------------------------------------------------------------------ */

static char seen[SEEN_ROOM];
static size_t seen_len;
static uint64_t executed;

static void tap_received(KeelClient *client, KeelStr bytes) {
    (void)client;
    size_t n = bytes.len < SEEN_ROOM - seen_len ? bytes.len : SEEN_ROOM - seen_len;
    memcpy(seen + seen_len, bytes.ptr, n);
    seen_len += n;
}

static void tap_executed(KeelCtx *c, KeelClient *client, uint64_t bytes) {
    (void)c, (void)client;
    executed = bytes;
}

static const KeelTap tap = {.size = sizeof(KeelTap), .received = tap_received,
                            .executed = tap_executed};

/* LINK.TAP id | LINK.UNTAP id */
static void link_tap(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t id;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &id)) return;
    KeelClient *client = keel_client_by_id((uint64_t)id);
    if (!client) {
        keel_reply_error(c, "ERR no such client");
        return;
    }
    seen_len = executed = 0;
    keel_client_tap(client, keel_command_data(c));
    keel_reply_ok(c);
}

/* LINK.SEEN: {bytes, executed}. */
static void link_seen(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_array(c, 2);
    keel_reply_bulk(c, (KeelStr){seen, seen_len});
    keel_reply_int(c, (int64_t)executed);
}

/* ---- connections of our own ------------------------------------------------------------------- */

/* LINK.CONNECT port head [tap]: a client over a connection to there, as if it had sent `head`. */
static void link_connect(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t port;
    if (!keel_arg_int(c, argv[1], &port)) return;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        keel_reply_errorf(c, "ERR %s", strerror(errno));
        if (fd >= 0) close(fd);
        return;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    KeelClient *client = keel_client_adopt(fd, KEEL_CLIENT_NORMAL, argv[2]);
    if (!client) {
        close(fd);
        keel_reply_error(c, "ERR not adopted");
        return;
    }
    seen_len = executed = 0;
    if (argc > 3) keel_client_tap(client, &tap);
    keel_reply_int(c, (int64_t)keel_client_id(client));
}

/* ---- tables ----------------------------------------------------------------------------------- */

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c, (void)argv, (void)argc;
    text = keel_alloc(TEXT_ROOM);
    return 0;
}

static bool stop_feed(KeelClient *client, void *data) {
    (void)data;
    keel_client_feed(client, NULL);
    keel_client_tap(client, NULL);
    return true;
}

static int unload(KeelCtx *c) {
    (void)c;
    keel_client_each(stop_feed, NULL);
    keel_free(text);
    return 0;
}

#define ROW .since = "1.0.0", .complexity = "O(1)"

static const KeelCommand commands[] = {
    {.name = "link.follow", .call = link_follow, .summary = "Sends what is added.", ROW},
    {.name = "link.leave", .call = link_leave, .summary = "Sends it no more.", ROW},
    {.name = "link.add", .args = "text [times:integer]", .call = link_add,
     .summary = "Adds to the text.", ROW},
    {.name = "link.allow", .args = "bytes:integer", .call = link_allow,
     .summary = "Lets so much wait.", ROW},
    {.name = "link.sent", .call = link_sent, .summary = "Counts what went out.", ROW},
    {.name = "link.tap", .args = "id:integer", .call = link_tap, .data = &tap,
     .summary = "Looks at what a client sends.", ROW},
    {.name = "link.untap", .args = "id:integer", .call = link_tap,
     .summary = "Looks no more.", ROW},
    {.name = "link.seen", .call = link_seen, .summary = "Tells what was seen.", ROW},
    {.name = "link.connect", .args = "port:integer head [tap]", .call = link_connect,
     .summary = "Opens a connection and hands it over.", ROW},
    {0},
};

static const KeelSlot slots[] = {{.name = "place", .id = &place_slot}, {0}};

KEEL_MODULE(.name = "api_link", .version = "1.0.0", .summary = "Tests of keel/link.h.",
            .commands = commands, .slots = slots, .load = load, .unload = unload);
