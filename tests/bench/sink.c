/* sink.c - replicas that cost nothing: `sink PORT COUNT [stall]`.
 *
 * COUNT connections each ask for a full copy, throw away all that comes, and acknowledge each second.
 * With `stall` they stop reading when the copy is there. Prints "online" then; ends with its standard
 * input. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 16, MARK = 40, ROOM = 256 * 1024 };

typedef struct Sink {
    int fd, state;              /* 0: waits for $EOF, 1: reads the copy, 2: online */
    char mark[MARK], tail[MARK + 1];
} Sink;

static char room[ROOM + 1];

static void say(int fd, const char *text) {
    if (write(fd, text, strlen(text)) < 0) exit(1);
}

/* Looks for the mark that ends the copy; it may come in pieces. */
static void look(Sink *s, const char *bytes, size_t n) {
    if (s->state == 0) {
        const char *at = strstr(bytes, "$EOF:");
        if (!at || (size_t)(at - bytes) + 5 + MARK > n) return;
        memcpy(s->mark, at + 5, MARK);
        s->state = 1;
        n -= (size_t)(at - bytes) + 5 + MARK;
        bytes = at + 5 + MARK;
    }
    if (s->state != 1) return;
    if (n >= MARK) {
        memcpy(s->tail, bytes + n - MARK, MARK);
    } else {
        memmove(s->tail, s->tail + n, MARK - n);
        memcpy(s->tail + MARK - n, bytes, n);
    }
    /* Nothing follows the copy until it is acknowledged. */
    if (memcmp(s->tail, s->mark, MARK) == 0) s->state = 2;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int count = atoi(argv[2]), stall = argc > 3, told = 0;
    Sink sinks[MOST] = {{0}};
    struct pollfd fds[MOST + 1] = {{.fd = 0, .events = POLLIN}};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    if (count > MOST) return 2;
    for (int i = 0; i < count; i++) {
        sinks[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(sinks[i].fd, (struct sockaddr *)&to, sizeof(to)) < 0) return 1;
        say(sinks[i].fd, "REPLCONF capa eof capa psync2\r\n");
        /* A PSYNC with a reply still under way is refused. */
        if (read(sinks[i].fd, room, ROOM) <= 0) return 1;
        say(sinks[i].fd, "PSYNC ? -1\r\n");
        fds[i + 1] = (struct pollfd){.fd = sinks[i].fd, .events = POLLIN};
    }
    for (time_t last = 0;;) {
        poll(fds, (nfds_t)count + 1, 200);
        if (fds[0].revents) return 0;
        int online = 0;
        for (int i = 0; i < count; i++) {
            if (fds[i + 1].revents) {
                ssize_t n = read(sinks[i].fd, room, ROOM);
                if (n <= 0) return 1;
                room[n] = 0;
                if (sinks[i].state < 2) look(&sinks[i], room, (size_t)n);
            }
            online += sinks[i].state == 2;
        }
        if (time(NULL) > last) {
            last = time(NULL);
            for (int i = 0; i < count; i++) {
                if (sinks[i].state == 2) say(sinks[i].fd, "*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n");
            }
        }
        if (online < count || told) continue;
        told = 1;
        puts("online");
        fflush(stdout);
        for (int i = 1; stall && i <= count; i++) fds[i].events = 0;
    }
}
