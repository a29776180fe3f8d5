/* faultlink.c - a connection that fails: `faultlink PORT HOST TO_PORT`.
 *
 * Listens on 127.0.0.1:PORT and forwards each connection to HOST:TO_PORT. Prints "ready", then obeys
 * lines on standard input, each answered by one line, until their end:
 *
 *   cut WAY N [rst|refuse]  after N more bytes this way all connections end, and with `refuse` new
 *                      ones find nobody; those N bytes do arrive
 *   flip WAY N         the byte after N more of them arrives with its bits turned round
 *   end [rst]          all connections end now
 *   hold WAY, flow     nothing passes any more, though all stay connected; it does again
 *   refuse, accept     new connections are ended at once; are served again
 *   delay WAY MS       each byte arrives so much later
 *   rate WAY BYTES     no more than so many a second; 0: no limit
 *   to HOST PORT       where new connections go
 *   count              "opened O live L up U down D cuts C": connections and bytes so far
 *
 * WAY is up (from who connected to who listens), down, or both. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { UP, DOWN, MOST = 256, PIECE = 16384, KEPT = 262144 };

/* Bytes on their way. */
typedef struct Piece {
    struct Piece *next;
    int64_t due;                /* ms; delayed until then */
    size_t at, len;
    unsigned char bytes[];
} Piece;

typedef struct Way {
    Piece *first, **last;
    size_t kept;
    int ended;                  /* its source has nothing more to say */
    int told;                   /* and its target knows */
} Way;

typedef struct Link {
    int fd[2];                  /* who connected, who listens */
    Way way[2];
} Link;

/* What is done to all connections, each way. */
static struct {
    int64_t cut, flip;          /* bytes until then; -1: never */
    int hold;
    int64_t delay, rate, tokens, passed;
} fault[2];
static int refusing, cut_by_reset, cut_for_good, cuts, opened;
static Link *links[MOST];
static struct sockaddr_in target;

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int resolve(const char *host, int port) {
    struct addrinfo hints = {.ai_family = AF_INET}, *found;
    if (getaddrinfo(host, NULL, &hints, &found) != 0) return -1;
    memcpy(&target, found->ai_addr, sizeof(target));
    target.sin_port = htons((uint16_t)port);
    freeaddrinfo(found);
    return 0;
}

static void end_link(int i, int reset) {
    Link *l = links[i];
    struct linger at_once = {1, 0};
    for (int side = 0; side < 2; side++) {
        if (reset) setsockopt(l->fd[side], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        close(l->fd[side]);
        while (l->way[side].first) {
            Piece *p = l->way[side].first;
            l->way[side].first = p->next;
            free(p);
        }
    }
    free(l);
    links[i] = NULL;
}

static void end_all(int reset) {
    for (int i = 0; i < MOST; i++) {
        if (links[i]) end_link(i, reset);
    }
}

static void take_connection(int listener) {
    int in = accept(listener, NULL, NULL);
    if (in < 0) return;
    int i = 0;
    while (i < MOST && links[i]) i++;
    /* Who listens is on this machine or a namespace's hop away: connecting is quick or refused. */
    int out = refusing || i == MOST ? -1 : socket(AF_INET, SOCK_STREAM, 0);
    if (out < 0 || connect(out, (struct sockaddr *)&target, sizeof(target)) < 0) {
        if (out >= 0) close(out);
        close(in);
        return;
    }
    Link *l = links[i] = calloc(1, sizeof(*l));
    l->fd[0] = in;
    l->fd[1] = out;
    int one = 1;
    for (int side = 0; side < 2; side++) {
        l->way[side].last = &l->way[side].first;
        fcntl(l->fd[side], F_SETFL, O_NONBLOCK);
        setsockopt(l->fd[side], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    opened++;
}

static void take_bytes(Link *l, int w) {
    Way *way = &l->way[w];
    Piece *p = malloc(sizeof(*p) + PIECE);
    ssize_t n = read(l->fd[w], p->bytes, PIECE);
    if (n <= 0) {
        free(p);
        if (n == 0 || errno != EAGAIN) way->ended = 1;
        return;
    }
    *p = (Piece){.due = now_ms() + fault[w].delay, .len = (size_t)n};
    *way->last = p;
    way->last = &p->next;
    way->kept += (size_t)n;
}

/* How much of the piece may pass now, and its byte to flip turned round. */
static size_t allowed(Piece *p, int w) {
    size_t len = p->len - p->at;
    if (fault[w].rate && (int64_t)len > fault[w].tokens) len = (size_t)fault[w].tokens;
    if (fault[w].cut >= 0 && (int64_t)len > fault[w].cut) len = (size_t)fault[w].cut;
    /* Up to it, so that it begins the next write and is turned round once. */
    if (fault[w].flip > 0 && (int64_t)len > fault[w].flip) len = (size_t)fault[w].flip;
    if (fault[w].flip == 0 && len) {
        p->bytes[p->at] ^= 0xff;
        fault[w].flip = -1;
    }
    return len;
}

static void account(int w, int64_t n) {
    fault[w].passed += n;
    if (fault[w].rate) fault[w].tokens -= n;
    if (fault[w].cut >= 0) fault[w].cut -= n;
    if (fault[w].flip > 0) fault[w].flip -= n;
}

/* -1 when the connection is over. */
static int give_bytes(Link *l, int w, int64_t now) {
    Way *way = &l->way[w];
    for (Piece *p; !fault[w].hold && (p = way->first) && p->due <= now;) {
        size_t len = allowed(p, w);
        if (!len) break;
        ssize_t n = send(l->fd[!w], p->bytes + p->at, len, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN ? 0 : -1;
        account(w, n);
        p->at += (size_t)n;
        way->kept -= (size_t)n;
        if (p->at < p->len) continue;
        way->first = p->next;
        if (!way->first) way->last = &way->first;
        free(p);
    }
    if (way->ended && !way->first && !way->told && !fault[w].hold) {
        shutdown(l->fd[!w], SHUT_WR);
        way->told = 1;
    }
    return l->way[UP].told && l->way[DOWN].told ? -1 : 0;
}

static void cut_where_due(void) {
    for (int w = 0; w < 2; w++) {
        int live = 0;
        for (int i = 0; i < MOST; i++) live += links[i] != NULL;
        if (fault[w].cut != 0 || !live) continue;
        fault[w].cut = -1;
        cuts++;
        refusing |= cut_for_good;
        end_all(cut_by_reset);
    }
}

/* ---- control ------------------------------------------------------------------------------- */

static const char *set_ways(const char *verb, const char *way, int64_t n) {
    int from = strcmp(way, "down") == 0, to = strcmp(way, "up") != 0;
    if (strcmp(way, "up") && strcmp(way, "down") && strcmp(way, "both")) return "no such way";
    for (int w = from; w <= to; w++) {
        if (!strcmp(verb, "cut")) fault[w].cut = n;
        else if (!strcmp(verb, "flip")) fault[w].flip = n;
        else if (!strcmp(verb, "hold")) fault[w].hold = 1;
        else if (!strcmp(verb, "delay")) fault[w].delay = n;
        else if (!strcmp(verb, "rate")) fault[w].rate = n, fault[w].tokens = 0;
        else return "no such command";
    }
    return "ok";
}

static const char *obey(char *line) {
    static char answer[200];
    char verb[16] = "", a[64] = "", b[32] = "", c[16] = "";
    sscanf(line, "%15s %63s %31s %15s", verb, a, b, c);
    if (!strcmp(verb, "end")) end_all(!strcmp(a, "rst"));
    else if (!strcmp(verb, "refuse")) refusing = 1;
    else if (!strcmp(verb, "accept")) refusing = 0;
    else if (!strcmp(verb, "flow")) fault[UP].hold = fault[DOWN].hold = 0;
    else if (!strcmp(verb, "to")) return resolve(a, atoi(b)) < 0 ? "no such host" : "ok";
    else if (!strcmp(verb, "count")) {
        int live = 0;
        for (int i = 0; i < MOST; i++) live += links[i] != NULL;
        snprintf(answer, sizeof(answer), "opened %d live %d up %lld down %lld cuts %d", opened, live,
                 (long long)fault[UP].passed, (long long)fault[DOWN].passed, cuts);
        return answer;
    } else {
        if (!strcmp(verb, "cut")) {
            cut_by_reset = !strcmp(c, "rst");
            cut_for_good = !strcmp(c, "refuse");
        }
        return set_ways(verb, a, atoll(b));
    }
    return "ok";
}

/* 0 at the end of the orders. */
static int take_orders(void) {
    static char text[4096];
    static size_t have;
    ssize_t n = read(0, text + have, sizeof(text) - 1 - have);
    if (n <= 0) return 0;
    have += (size_t)n;
    text[have] = 0;
    for (char *end; (end = strchr(text, '\n'));) {
        *end = 0;
        puts(obey(text));
        have -= (size_t)(end + 1 - text);
        memmove(text, end + 1, have + 1);
    }
    fflush(stdout);
    return have < sizeof(text) - 1;
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void refill(int64_t ms) {
    for (int w = 0; w < 2; w++) {
        fault[w].tokens += fault[w].rate * ms / 1000;
        /* A tenth of a second's worth may come at once. */
        if (fault[w].tokens > fault[w].rate / 10 + 1) fault[w].tokens = fault[w].rate / 10 + 1;
    }
}

static short wanted(const Link *l, int side) {
    const Way *in = &l->way[side], *out = &l->way[!side];
    short events = !in->ended && in->kept < (fault[side].rate ? PIECE : KEPT) ? POLLIN : 0;
    /* With a limit or a delay time decides, not the socket. */
    if (out->first && !fault[!side].hold && !fault[!side].rate && !fault[!side].delay)
        events |= POLLOUT;
    return events;
}

static void forward(int64_t now) {
    for (int i = 0; i < MOST; i++) {
        if (!links[i]) continue;
        if (give_bytes(links[i], UP, now) < 0 || give_bytes(links[i], DOWN, now) < 0)
            end_link(i, 0);
        cut_where_due();
    }
}

static int serve(int listener) {
    static struct pollfd fds[2 + 2 * MOST];
    int64_t last = now_ms();
    for (;;) {
        int n = 2, busy = 0;
        fds[0] = (struct pollfd){.fd = 0, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = listener, .events = POLLIN};
        for (int i = 0; i < MOST; i++) {
            for (int side = 0; side < 2; side++, n++) {
                Link *l = links[i];
                fds[n] = (struct pollfd){.fd = -1};
                if (!l) continue;
                fds[n].events = wanted(l, side);
                /* One that has ended would report that for ever. */
                fds[n].fd = fds[n].events ? l->fd[side] : -1;
                busy |= l->way[side].first != NULL;
            }
        }
        poll(fds, (nfds_t)n, busy ? 5 : 1000);
        int64_t now = now_ms();
        refill(now - last);
        last = now;
        if (fds[0].revents && !take_orders()) return 0;
        for (int i = 0; i < MOST; i++) {
            for (int side = 0; side < 2; side++) {
                struct pollfd *p = &fds[2 + 2 * i + side];
                if (links[i] && p->fd == links[i]->fd[side] && p->events & POLLIN && p->revents)
                    take_bytes(links[i], side);
            }
        }
        forward(now);
        if (fds[1].revents) take_connection(listener);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    signal(SIGPIPE, SIG_IGN);
    fault[UP].cut = fault[UP].flip = fault[DOWN].cut = fault[DOWN].flip = -1;
    if (resolve(argv[2], atoi(argv[3])) < 0) return 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&here, sizeof(here)) < 0 || listen(listener, 64) < 0) {
        printf("port %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    puts("ready");
    fflush(stdout);
    return serve(listener);
}
