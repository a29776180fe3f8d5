/* notify.c - what the server tells systemd: a datagram socket of ours stands for systemd's, as a
 * path and as an abstract name. The server is $KEEL, or the one beside build/tests. */
#include "check.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char server[4096];

static void find_server(void) {
    const char *given = getenv("KEEL");
    if (given && given[0] == '/') {
        snprintf(server, sizeof(server), "%s", given);
        return;
    }
    ssize_t n = readlink("/proc/self/exe", server, sizeof(server) - 16);
    server[n > 0 ? n : 0] = '\0';
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(server, '/');
        if (slash) *slash = '\0';
    }
    strcat(server, "/keel");
}

static int listen_at(const char *name) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    memcpy(at.sun_path, name, len);
    if (name[0] == '@') at.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (bind(fd, (struct sockaddr *)&at, size) != 0) {
        perror("bind");
        exit(1);
    }
    return fd;
}

/* Messages until one is `wanted`. What came is added to `text`. */
static bool wait_for(int fd, const char *wanted, char *text, size_t room) {
    struct timeval patience = {.tv_sec = 15};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    for (;;) {
        char message[256];
        ssize_t n = recv(fd, message, sizeof(message) - 1, 0);
        if (n < 0) return false;
        message[n] = '\0';
        strncat(text, message, room - strlen(text) - 1);
        if (strcmp(message, wanted) == 0) return true;
    }
}

static pid_t start(const char *name, const char *supervised) {
    pid_t pid = fork();
    if (pid != 0) return pid;
    setenv("NOTIFY_SOCKET", name, 1);
    unsetenv("UPSTART_JOB");
    char socket_name[128];
    snprintf(socket_name, sizeof(socket_name), "/tmp/keel-notify-%d.sock", (int)getpid());
    if (!freopen("/dev/null", "w", stdout)) _exit(127);
    /* daemonize must not take it away from who supervises it. */
    execl(server, server, "--port", "0", "--unixsocket", socket_name, "--supervised", supervised,
          "--daemonize", "yes", "--pidfile", "", (char *)NULL);
    _exit(127);
}

static void run(const char *name, const char *supervised) {
    char text[2048] = "";
    int status = -1, fd = listen_at(name);
    pid_t pid = start(name, supervised);
    check(wait_for(fd, "READY=1\n", text, sizeof(text)), "READY=1 is sent", text);
    check(strstr(text, "STATUS=") != NULL, "a status comes first", text);
    check(waitpid(pid, &status, WNOHANG) == 0, "it stays in the foreground", supervised);
    kill(pid, SIGTERM);
    check(wait_for(fd, "STOPPING=1\n", text, sizeof(text)), "STOPPING=1 is sent", text);
    waitpid(pid, &status, 0);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it ends well", text);
    close(fd);
}

int main(void) {
    char path[64], abstract[64];
    find_server();
    if (access(server, X_OK) != 0) {
        printf("no server at %s: %s\n0 passed, 0 failed, 1 skipped\n", server, strerror(errno));
        return 0;
    }
    snprintf(path, sizeof(path), "/tmp/keel-notify-%d", (int)getpid());
    snprintf(abstract, sizeof(abstract), "@keel-notify-%d", (int)getpid());
    run(path, "systemd");
    unlink(path);
    run(abstract, "auto");
    return check_done();
}
