/* link.c - the way to our primary: address, connection, handshake; time-outs, and all of it again.
 *
 *     PING                                        is anybody there
 *     AUTH [user] password                        with masterauth
 *     REPLCONF listening-port N, ip-address A     as INFO and Sentinel shall see us
 *     REPLCONF capa eof capa psync2               what we understand
 *     PSYNC id offset                             go on from there, or a full copy
 *
 * The three in the middle go out together. Nothing waits: each reply is taken as it comes, and a
 * name is looked up by a thread of its own. A primary that does not know PSYNC is asked by SYNC. */
#define _GNU_SOURCE
#include "replication.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE_ROOM = 4096, ADDRESSES_MAX = 8, SOON_MS = 100 };

/* Replies are awaited in this order; steps that were not sent are passed over. */
typedef enum Step {
    STEP_PING, STEP_AUTH, STEP_PORT, STEP_ADDRESS, STEP_CAPA, STEP_PSYNC, STEP_SYNC
} Step;

typedef struct Address {
    struct sockaddr_storage bytes;
    socklen_t len;
} Address;

typedef struct Lookup {
    uint64_t attempt;
    char host[256], port[8];
    Address found[ADDRESSES_MAX];
    size_t count;
    int error;               /* of getaddrinfo */
} Lookup;

static struct {
    uint64_t attempt;        /* the present one; what an earlier one asked for is dropped */
    Address addresses[ADDRESSES_MAX];
    size_t count, next;
    Step step;
    bool takes_over;         /* the next PSYNC asks the primary to become one */
    char in[LINE_ROOM];      /* read, not looked at yet */
    size_t in_len;
} hand;

static int lookups;          /* threads that run */
static int64_t soon_ms;      /* when link_connect_soon() last did so */

Primary primary = {.fd = -1};

bool link_busy(void) {
    return lookups > 0;
}

void link_close_socket(void) {
    if (primary.fd < 0) return;
    KEEL_FD_WATCH(primary.fd, 0, NULL, NULL);
    close(primary.fd);
    primary.fd = -1;
}

/* This attempt has failed; the next second tries again. */
static void give_up(void) {
    link_close_socket();
    hand.attempt++;
    primary.state = LINK_CONNECT;
}

/* --- sending -------------------------------------------------------------------------------- */

static bool send_bytes(const char *bytes, size_t len) {
    while (len) {
        ssize_t n = send(primary.fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false; /* so little fits a fresh socket, or it is broken */
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* A command of NUL-terminated words, ended by NULL. */
static bool send_words(const char *first, ...) {
    KeelMemorySink out;
    KeelStr argv[WORDS_MAX];
    va_list ap;
    va_start(ap, first);
    int argc = words_gather(argv, first, ap);
    va_end(ap);
    keel_sink_memory(&out);
    keel_rewrite_emit(&out.sink, argv, argc);
    bool good = send_bytes(out.bytes, out.len);
    keel_sink_free_memory(&out);
    return good;
}

static void setting_text(const char *name, char *out, size_t room) {
    out[0] = '\0';
    keel_config_get(keel_str(name), out, room, NULL);
}

/* What we are: the answers are looked at one by one. */
static bool introduce(void) {
    char port[16];
    if (announce_port) snprintf(port, sizeof(port), "%lld", (long long)announce_port);
    else setting_text("port", port, sizeof(port));
    if (masterauth && !(masteruser ? send_words("AUTH", masteruser, masterauth, NULL)
                                   : send_words("AUTH", masterauth, NULL))) {
        return false;
    }
    if (!send_words("REPLCONF", "listening-port", port, NULL)) return false;
    if (announce_ip && !send_words("REPLCONF", "ip-address", announce_ip, NULL)) return false;
    return send_words("REPLCONF", "capa", "eof", "capa", "psync2", NULL);
}

static Step next_step(Step step) {
    step++;
    if (step == STEP_AUTH && !masterauth) step++;
    if (step == STEP_ADDRESS && !announce_ip) step++;
    return step;
}

static bool ask_for_stream(void) {
    char offset[KEEL_INT_ROOM] = "-1";
    const char *id = "?";
    if (primary.can_continue) {
        id = history.id;
        keel_format_int(offset, history.offset + 1);
        keel_log(KEEL_LOG_NOTICE, "Trying a partial resynchronization (request %s:%s).", id,
                 offset);
    } else {
        keel_log(KEEL_LOG_NOTICE, "Partial resynchronization not possible (no cached master)");
    }
    bool good = hand.takes_over ? send_words("PSYNC", id, offset, "FAILOVER", NULL)
                                : send_words("PSYNC", id, offset, NULL);
    if (!good) keel_log(KEEL_LOG_WARNING, "Unable to send PSYNC to master: %s", strerror(errno));
    return good;
}

/* --- replies -------------------------------------------------------------------------------- */

static bool starts(KeelStr line, const char *with) {
    size_t len = strlen(with);
    return line.len >= len && memcmp(line.ptr, with, len) == 0;
}

static bool is_id(KeelStr s) {
    if (s.len != ID_LENGTH) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~') return false;
    }
    return true;
}

/* Ends the handshake; what was read beyond it goes along. */
static KeelStr rest_of_input(void) {
    KeelStr rest = {hand.in, hand.in_len};
    hand.in_len = 0;
    return rest;
}

/* "+FULLRESYNC id offset". One that says it in another way gets what it sends loaded, but its next
 * stream cannot go on from there. */
static void full_copy(KeelCtx *c, KeelStr line) {
    char id[ID_LENGTH + 1] = "";
    int64_t offset = 0;
    size_t head = strlen("+FULLRESYNC ");
    KeelStr given = {line.ptr + head, ID_LENGTH}, number = {NULL, 0};
    if (line.len > head + ID_LENGTH + 1 && given.ptr[ID_LENGTH] == ' ') {
        number = (KeelStr){given.ptr + ID_LENGTH + 1, line.len - head - ID_LENGTH - 1};
    }
    primary.can_continue = false;
    if (number.ptr && is_id(given) && keel_parse_int(number, &offset) && offset >= 0 &&
        offset < INT64_MAX / 2) {
        memcpy(id, given.ptr, ID_LENGTH);
        keel_log(KEEL_LOG_NOTICE, "Full resync from master: %s:%lld", id, (long long)offset);
    } else {
        offset = 0;
        keel_log(KEEL_LOG_WARNING, "Master replied with wrong +FULLRESYNC syntax.");
    }
    receive_start(c, id[0] ? id : NULL, offset, rest_of_input());
}

/* "+CONTINUE", or "+CONTINUE id": its history has a new name since. */
static void go_on(KeelCtx *c, KeelStr line) {
    KeelStr id = {line.ptr, 0};
    size_t head = strlen("+CONTINUE");
    if (line.len > head + 1) id = (KeelStr){line.ptr + head + 1, line.len - head - 1};
    if (!primary.can_continue) { /* "?" cannot be continued */
        keel_log(KEEL_LOG_WARNING, "Unexpected reply to PSYNC from master: %.*s", (int)line.len,
                 line.ptr);
        give_up();
        return;
    }
    keel_log(KEEL_LOG_NOTICE, "Successful partial resynchronization with master.");
    if (is_id(id) && memcmp(id.ptr, history.id, ID_LENGTH) != 0) {
        memcpy(history.id2, history.id, ID_LENGTH);
        history.id2_offset = history.offset + 1;
        memcpy(history.id, id.ptr, ID_LENGTH);
        keel_log(KEEL_LOG_NOTICE, "Master replication ID changed to %s", history.id);
        replicas_close("the history has a new id");
    }
    keel_log(KEEL_LOG_NOTICE,
             "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
    apply_start(c, rest_of_input());
}

/* Whether it will be otherwise before long. */
static bool not_yet(KeelStr line) {
    return starts(line, "-NOMASTERLINK") || starts(line, "-LOADING");
}

static void psync_answered(KeelCtx *c, KeelStr line) {
    bool full = starts(line, "+FULLRESYNC "), go = starts(line, "+CONTINUE");
    if (hand.takes_over) {
        hand.takes_over = false;
        if (!full && !go) {
            failover_abort(c, "Failover target rejected psync request");
            return;
        }
        failover_done(c);
    }
    if (full) {
        full_copy(c, line);
    } else if (go) {
        go_on(c, line);
    } else if (not_yet(line)) {
        keel_log(KEEL_LOG_NOTICE, "Master is currently unable to PSYNC but should be in the "
                                  "future: %.*s", (int)line.len, line.ptr);
        give_up();
    } else {
        if (starts(line, "-ERR")) {
            keel_log(KEEL_LOG_NOTICE, "Master does not support PSYNC or is in error state (reply: "
                                      "%.*s)", (int)line.len, line.ptr);
        } else {
            keel_log(KEEL_LOG_WARNING, "Unexpected reply to PSYNC from master: %.*s",
                     (int)line.len, line.ptr);
        }
        primary.can_continue = false;
        keel_log(KEEL_LOG_NOTICE, "Retrying with SYNC...");
        if (send_bytes("SYNC\r\n", 6)) {
            receive_start(c, NULL, -1, rest_of_input());
        } else {
            keel_log(KEEL_LOG_WARNING, "I/O error writing to MASTER: %s", strerror(errno));
            give_up();
        }
    }
}

/* Of what is not needed the refusal is noted. */
static void note_refusal(KeelStr line, const char *what) {
    if (line.ptr[0] != '-') return;
    keel_log(KEEL_LOG_NOTICE, "(Non critical) Master does not understand REPLCONF %s: %.*s", what,
             (int)line.len, line.ptr);
}

static void ping_answered(KeelStr line) {
    bool refused = line.ptr[0] != '+' && !starts(line, "-NOAUTH") && !starts(line, "-NOPERM") &&
                   !starts(line, "-ERR operation not permitted");
    if (refused) {
        keel_log(KEEL_LOG_WARNING, "Error reply to PING from master: '%.*s'", (int)line.len,
                 line.ptr);
        give_up();
        return;
    }
    keel_log(KEEL_LOG_NOTICE, "Master replied to PING, replication can continue...");
    if (introduce()) return;
    keel_log(KEEL_LOG_WARNING, "Failed to send to master during handshake: %s", strerror(errno));
    give_up();
}

/* One line, not empty but before PSYNC's answer, without its end. */
static void answered(KeelCtx *c, KeelStr line) {
    Step step = hand.step;
    if (step == STEP_PSYNC) {
        psync_answered(c, line);
        return;
    }
    if (step == STEP_PING) {
        ping_answered(line);
    } else if (step == STEP_AUTH && line.ptr[0] == '-') {
        keel_log(KEEL_LOG_WARNING, "Unable to AUTH to MASTER: %.*s", (int)line.len, line.ptr);
        give_up();
    } else if (step == STEP_PORT) {
        note_refusal(line, "listening-port");
    } else if (step == STEP_ADDRESS) {
        note_refusal(line, "ip-address");
    } else if (step == STEP_CAPA) {
        note_refusal(line, "capa");
    }
    if (primary.state != LINK_HANDSHAKE) return;
    hand.step = next_step(step);
    if (hand.step == STEP_PSYNC && !ask_for_stream()) give_up();
}

/* Takes whole lines as long as they are ours to take. */
static void take_lines(KeelCtx *c) {
    uint64_t attempt = hand.attempt;
    while (primary.state == LINK_HANDSHAKE && attempt == hand.attempt) {
        char line[LINE_ROOM];
        const char *end = memchr(hand.in, '\n', hand.in_len);
        if (!end) break;
        size_t len = (size_t)(end - hand.in), used = len + 1;
        if (len && hand.in[len - 1] == '\r') len--;
        memcpy(line, hand.in, len);
        line[len] = '\0';
        hand.in_len -= used;
        memmove(hand.in, hand.in + used, hand.in_len);
        /* An empty line is a sign of life while an answer to PSYNC is being prepared. */
        if (len || hand.step != STEP_PSYNC) answered(c, (KeelStr){line, len});
    }
}

static void readable(KeelCtx *c) {
    ssize_t n = recv(primary.fd, hand.in + hand.in_len, LINE_ROOM - hand.in_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        keel_log(KEEL_LOG_WARNING, "Master did not respond to command during SYNC handshake: %s",
                 n < 0 ? strerror(errno) : "it closed the connection");
        give_up();
        return;
    }
    counts.received += (uint64_t)n;
    primary.heard_ms = steady_ms();
    hand.in_len += (size_t)n;
    take_lines(c);
    if (primary.state == LINK_HANDSHAKE && hand.in_len == LINE_ROOM) {
        keel_log(KEEL_LOG_WARNING, "Master replied with a line that is too long during SYNC "
                                   "handshake");
        give_up();
    }
}

static void handshake_ready(KeelCtx *c, int fd, unsigned ready, void *data) {
    (void)ready, (void)data;
    if (fd == primary.fd && primary.state == LINK_HANDSHAKE) readable(c);
}

/* --- connecting ----------------------------------------------------------------------------- */

static bool connect_next(void);

static void set_options(int fd) {
    char text[32];
    int on = 1, idle, beat, times = 3;
    int64_t seconds = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setting_text("tcp-keepalive", text, sizeof(text));
    if (!keel_parse_int(keel_str(text), &seconds) || seconds <= 0 || seconds > INT32_MAX) return;
    idle = (int)seconds;
    beat = idle > 3 ? idle / 3 : 1;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &beat, sizeof(beat));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

static void connected(KeelCtx *c, int fd, unsigned ready, void *data) {
    (void)c, (void)ready, (void)data;
    int error = 0;
    socklen_t len = sizeof(error);
    if (fd != primary.fd || primary.state != LINK_CONNECTING) return;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) error = errno;
    if (error) {
        link_close_socket();
        if (connect_next()) return;
        keel_log(KEEL_LOG_WARNING, "Error condition on socket for SYNC: %s", strerror(error));
        give_up();
        return;
    }
    keel_log(KEEL_LOG_NOTICE, "Non blocking connect for SYNC fired the event.");
    set_options(fd);
    primary.state = LINK_HANDSHAKE;
    primary.heard_ms = steady_ms();
    hand.step = STEP_PING;
    hand.in_len = 0;
    if (KEEL_FD_WATCH(fd, KEEL_FD_READ, handshake_ready, NULL) != 0 || !send_words("PING", NULL)) {
        keel_log(KEEL_LOG_WARNING, "Failed to send PING to master: %s", strerror(errno));
        give_up();
    }
}

/* bind-source-addr, as far as it goes: a connection from elsewhere is better than none. */
static void bind_source(int fd, int family) {
    char source[256];
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST}, *found;
    setting_text("bind-source-addr", source, sizeof(source));
    if (!source[0] || getaddrinfo(source, NULL, &hints, &found) != 0) return;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, found->ai_addr, found->ai_addrlen) != 0) {
        keel_log(KEEL_LOG_WARNING, "Cannot bind to bind-source-addr %s: %s", source,
                 strerror(errno));
    }
    freeaddrinfo(found);
}

/* Tries the next address. False: there is none that a connection can begin to. */
static bool connect_next(void) {
    int error = ENOENT;
    while (hand.next < hand.count) {
        const Address *a = &hand.addresses[hand.next++];
        int family = a->bytes.ss_family;
        int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd >= 0) bind_source(fd, family);
        if (fd >= 0 && (connect(fd, (const struct sockaddr *)&a->bytes, a->len) == 0 ||
                        errno == EINPROGRESS)) {
            primary.fd = fd;
            primary.state = LINK_CONNECTING;
            if (KEEL_FD_WATCH(fd, KEEL_FD_WRITE, connected, NULL) == 0) return true;
            primary.fd = -1;
        }
        error = errno;
        if (fd >= 0) close(fd);
    }
    errno = error;
    return false;
}

static void connect_first(void) {
    if (connect_next()) {
        keel_log(KEEL_LOG_NOTICE, "MASTER <-> REPLICA sync started");
    } else {
        keel_log(KEEL_LOG_WARNING, "Unable to connect to MASTER: %s", strerror(errno));
        give_up();
    }
}

/* --- addresses ------------------------------------------------------------------------------ */

static void look_up(Lookup *l, int flags) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    struct addrinfo *found = NULL;
    l->count = 0;
    l->error = getaddrinfo(l->host, l->port, &hints, &found);
    if (l->error) return;
    for (const struct addrinfo *a = found; a && l->count < ADDRESSES_MAX; a = a->ai_next) {
        if (a->ai_addrlen > sizeof(l->found[0].bytes)) continue;
        memcpy(&l->found[l->count].bytes, a->ai_addr, a->ai_addrlen);
        l->found[l->count++].len = a->ai_addrlen;
    }
    freeaddrinfo(found);
}

static void use(const Lookup *l) {
    if (!l->count) {
        keel_log(KEEL_LOG_WARNING, "Unable to connect to MASTER: %s", gai_strerror(l->error));
        give_up();
        return;
    }
    memcpy(hand.addresses, l->found, sizeof(hand.addresses));
    hand.count = l->count;
    hand.next = 0;
    connect_first();
}

static void looked_up(KeelCtx *c, void *data) {
    (void)c;
    Lookup *l = data;
    lookups--;
    if (l->attempt == hand.attempt && primary.state == LINK_CONNECTING) use(l);
    keel_free(l);
}

static void *look_up_aside(void *data) {
    Lookup *l = data;
    look_up(l, 0);
    keel_post(looked_up, l);
    return NULL;
}

/* Names may take seconds, in which the server must not stand still. */
static void start_lookup(const Lookup *asked) {
    pthread_t thread;
    pthread_attr_t attributes;
    Lookup *l = keel_alloc(sizeof(*l));
    *l = *asked;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    lookups++;
    if (pthread_create(&thread, &attributes, look_up_aside, l) != 0) {
        lookups--;
        keel_free(l);
        keel_log(KEEL_LOG_WARNING, "Unable to connect to MASTER: no thread to look its name up");
        give_up();
    }
    pthread_attr_destroy(&attributes);
}

void link_connect(KeelCtx *c) {
    (void)c;
    Lookup l = {.attempt = ++hand.attempt};
    keel_log(KEEL_LOG_NOTICE, "Connecting to MASTER %s:%d", primary.host, primary.port);
    primary.state = LINK_CONNECTING;
    primary.heard_ms = steady_ms();
    snprintf(l.host, sizeof(l.host), "%s", primary.host);
    snprintf(l.port, sizeof(l.port), "%d", primary.port);
    look_up(&l, AI_NUMERICHOST);
    if (l.count) use(&l);
    else start_lookup(&l);
}

static void connect_posted(KeelCtx *c, void *data) {
    (void)data;
    if (primary.state == LINK_CONNECT && !keel_loading() && !role_ended) link_connect(c);
}

void link_connect_soon(void) {
    if (steady_ms() - soon_ms < SOON_MS) return;
    soon_ms = steady_ms();
    keel_post(connect_posted, NULL);
}

/* --- time ----------------------------------------------------------------------------------- */

void link_failover(KeelCtx *c) {
    (void)c;
    hand.takes_over = true;
}

void link_drop(KeelCtx *c) {
    bool had = primary.host != NULL;
    if (primary.state == LINK_RECEIVING) receive_stop(c);
    apply_stop(c);
    link_close_socket();
    hand.attempt++;
    hand.takes_over = false;
    primary.state = had ? LINK_CONNECT : LINK_NONE;
}

static bool silent_since(int64_t ms) {
    return steady_ms() - ms > repl_timeout * 1000;
}

void link_cron(KeelCtx *c) {
    switch (primary.state) {
    case LINK_NONE:
        break;
    case LINK_CONNECT:
        if (!keel_loading()) link_connect(c);
        break;
    case LINK_CONNECTING:
    case LINK_HANDSHAKE:
        if (!silent_since(primary.heard_ms)) break;
        keel_log(KEEL_LOG_WARNING, "Timeout connecting to the MASTER...");
        give_up();
        link_connect(c);
        break;
    case LINK_RECEIVING:
        if (!silent_since(primary.copy_heard_ms)) break;
        keel_log(KEEL_LOG_WARNING, "Timeout receiving bulk data from MASTER... If the problem "
                                   "persists try to set the 'repl-timeout' parameter in redis.conf "
                                   "to a larger value.");
        link_drop(c);
        link_connect(c);
        break;
    case LINK_CONNECTED:
        if (silent_since(primary.heard_ms)) {
            keel_log(KEEL_LOG_WARNING, "MASTER timeout: no data nor PING received...");
            keel_client_close(primary.client, false);
        } else {
            apply_acknowledge_now();
        }
        break;
    }
}
