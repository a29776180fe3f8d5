/* crowd.c - many connections at once: `crowd HOST PORT COUNT`.
 *
 * Opens COUNT connections and asks each for a PONG, prints "COUNT served", keeps them until a line
 * comes on standard input, asks every hundredth again, and leaves. "skip: why" where this machine
 * does not allow so many. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(const char *what, int i) {
    printf("connection %d: %s: %s\n", i, what, strerror(errno));
    return 1;
}

static int ping(int fd) {
    char answer[16];
    if (write(fd, "PING\r\n", 6) != 6) return -1;
    for (ssize_t got = 0, n; got < 7; got += n) {
        n = read(fd, answer + got, sizeof(answer) - (size_t)got);
        if (n <= 0) return -1;
    }
    return memcmp(answer, "+PONG\r\n", 7);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int count = atoi(argv[3]);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    struct rlimit limit = {(rlim_t)count + 64, (rlim_t)count + 64}, now;
    getrlimit(RLIMIT_NOFILE, &now);
    if (now.rlim_max > limit.rlim_max) limit.rlim_max = now.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        printf("skip: no more than %ld descriptors are allowed here\n", (long)now.rlim_max);
        return 0;
    }
    int *fds = calloc((size_t)count, sizeof(*fds));
    for (int i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (fds[i] < 0) return fail("socket", i);
        if (connect(fds[i], (struct sockaddr *)&to, sizeof(to)) < 0) return fail("connect", i);
    }
    for (int i = 0; i < count; i++) {
        if (ping(fds[i]) != 0) return fail("ping", i);
    }
    printf("%d served\n", count);
    fflush(stdout);
    char line[16];
    if (!fgets(line, sizeof(line), stdin)) return 1;
    for (int i = 0; i < count; i += 100) {
        if (ping(fds[i]) != 0) return fail("second ping", i);
    }
    printf("done\n");
    free(fds);
    return 0;
}
