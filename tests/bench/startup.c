/* startup.c - how long a server takes from exec to its first +PONG, and what it then weighs.
 *
 *     startup PORT CORE CORE2 -- keel --port PORT ...
 *
 * Starts the program on processor CORE and asks it from processor CORE2: a new connection and a
 * PING every 50 microseconds, until the answer is +PONG (a server that still loads answers
 * -LOADING). A second later, idle, its resident memory is read; then it is ended.
 * Prints `ms=4.21 rss_kb=8123`.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GIVE_UP_MS 30000.0

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    sched_setaffinity(0, sizeof set, &set);
}

/* The child ends with this program, however that ends. */
static pid_t spawn(char **argv, int core) {
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(core);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execvp(argv[0], argv);
        _exit(127);
    }
    return child;
}

/* One attempt: 1 when the server answered +PONG, 0 when it is not there yet. */
static int ping(int port) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    char reply[64];
    int pong = 0, fd = socket(AF_INET, SOCK_STREAM, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 &&
        write(fd, "PING\r\n", 6) == 6) {
        ssize_t n = read(fd, reply, sizeof reply);
        pong = n >= 5 && !memcmp(reply, "+PONG", 5);
    }
    close(fd);
    return pong;
}

static long rss_kb(pid_t pid) {
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) sscanf(line, "VmRSS: %ld", &kb);
    if (f) fclose(f);
    return kb;
}

int main(int argc, char **argv) {
    if (argc < 6 || strcmp(argv[4], "--")) {
        fprintf(stderr, "usage: startup PORT CORE CORE2 -- program args...\n");
        return 1;
    }
    int port = atoi(argv[1]), status;
    pin(atoi(argv[3]));
    double start = now_ms(), took = -1;
    pid_t child = spawn(argv + 5, atoi(argv[2]));
    while (!ping(port)) {
        if (waitpid(child, &status, WNOHANG) == child || now_ms() - start > GIVE_UP_MS) {
            fprintf(stderr, "startup: %s does not answer\n", argv[5]);
            kill(child, SIGKILL);
            return 1;
        }
        usleep(50);
    }
    took = now_ms() - start;
    sleep(1);
    long kb = rss_kb(child);
    kill(child, SIGTERM);
    waitpid(child, &status, 0);
    printf("ms=%.3f rss_kb=%ld\n", took, kb);
    return 0;
}
