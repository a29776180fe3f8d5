/* listen.c - listeners: opening them as the settings say, and accepting. */
#define _GNU_SOURCE
#include "config.h"
#include "daemon.h"
#include "hook.h"
#include "net.h"
#include "poll.h"
#include "stats.h"

#include <errno.h>
#include <fcntl.h>
#include <keel/log.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTENERS_MAX = 17, ACCEPTS_MAX = 1000 };

typedef struct Listener {
    int fd;
    bool is_unix;
} Listener;

static Listener listeners[LISTENERS_MAX];
static int listener_count;
static int spare_fd = -1;  /* given up for a moment when descriptors run out */

static void listener_add(Listener *set, int *count, int fd, bool is_unix) {
    Listener *l = &set[(*count)++];
    l->fd = fd;
    l->is_unix = is_unix;
}

/* One TCP address. The descriptor, -1 with *reason (static). */
static int open_tcp(const char *address, int family, const char **reason) {
    static char text[256];
    char port[16];
    snprintf(port, sizeof(port), "%d", (int)settings.port);
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list;
    int rc = getaddrinfo(address, port, &hints, &list);
    *reason = text;
    if (rc != 0) {
        snprintf(text, sizeof(text), "Could not resolve bind address %s: %s", address,
                 gai_strerror(rc));
        return -1;
    }
    int fd = -1, on = 1, error = 0;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            error = errno;
            continue;
        }
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (a->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, (int)settings.tcp_backlog) < 0) {
            error = errno;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0) {
        errno = error;
        snprintf(text, sizeof(text), "Could not create server TCP listening socket %s:%s: %s",
                 address ? address : "*", port, strerror(error));
    }
    return fd;
}

static int open_unix(const char *path, const char **reason) {
    static char text[256];
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    *reason = text;
    if (strlen(path) >= sizeof(a.sun_path)) {
        snprintf(text, sizeof(text), "unixsocket path is too long: %.100s", path);
        return -1;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && daemon_bind_unix(fd, (struct sockaddr *)&a, sizeof(a),
                                             (mode_t)settings.unixsocketperm) == 0;
    if (!bound || listen(fd, (int)settings.tcp_backlog) < 0) {
        snprintf(text, sizeof(text), "Failed opening Unix socket: %.100s: %s", path,
                 strerror(errno));
        if (fd >= 0) close(fd);
        return -1;
    }
    return fd;
}

/* Opens all that the settings ask for into `set`. False with *reason; `set` is then closed. */
static bool open_all(Listener *set, int *count, const char **reason) {
    int binds = settings.port ? settings.bind_count : 0;
    for (int i = 0; i < binds && *count < LISTENERS_MAX - 1; i++) {
        const char *address = settings.bind[i];
        bool optional = *address == '-';
        if (optional) address++;
        bool any4 = strcmp(address, "*") == 0, any6 = strcmp(address, "::*") == 0;
        int family = any4 ? AF_INET : any6 || strchr(address, ':') ? AF_INET6 : AF_UNSPEC;
        int fd = open_tcp(any4 || any6 ? NULL : address, family, reason);
        if (fd >= 0) {
            listener_add(set, count, fd, false);
        } else if (!optional || (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT &&
                                 errno != ENOPROTOOPT && errno != EPROTONOSUPPORT)) {
            return false;
        }
    }
    if (settings.unixsocket && *settings.unixsocket) {
        int fd = open_unix(settings.unixsocket, reason);
        if (fd < 0) return false;
        listener_add(set, count, fd, true);
    }
    return true;
}

static void close_set(Listener *set, int count) {
    for (int i = 0; i < count; i++) {
        poll_remove(set[i].fd);
        close(set[i].fd);
    }
}

void net_close_listeners(void) {
    for (int i = 0; i < listener_count; i++) {
        if (listeners[i].is_unix) unlink(settings.unixsocket);
    }
    close_set(listeners, listener_count);
    listener_count = 0;
}

bool net_apply_listeners(const char **reason) {
    Listener fresh[LISTENERS_MAX];
    int fresh_count = 0;
    /* The old ones go first: addresses that stay would be in use. */
    net_close_listeners();
    if (!open_all(fresh, &fresh_count, reason)) {
        close_set(fresh, fresh_count);
        return false; /* config.c sets the old values back and applies them */
    }
    for (int i = 0; i < fresh_count; i++) poll_add_listener(fresh[i].fd);
    memcpy(listeners, fresh, (size_t)fresh_count * sizeof(*fresh));
    listener_count = fresh_count;
    return true;
}

bool net_apply_maxclients(const char **reason) {
    return daemon_allow_clients(reason);
}

void net_close_in_child(void) {
    for (int i = 0; i < listener_count; i++) close(listeners[i].fd);
    listener_count = 0;
}

int net_init(void) {
    const char *reason = "";
    spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (net_apply_listeners(&reason)) {
        if (listener_count > 0) return 0;
        keel_log(KEEL_LOG_WARNING, "Configured to not listen anywhere, exiting.");
        return -1;
    }
    keel_log(KEEL_LOG_WARNING, "%s", reason);
    keel_log(KEEL_LOG_WARNING, "Failed listening on port %d, aborting.", (int)settings.port);
    return -1;
}

/* ---- accepting ------------------------------------------------------------------------------- */

static void say_and_close(int fd, const char *text) {
    ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)n;
    close(fd);
}

static bool is_loopback(const struct sockaddr_storage *a) {
    if (a->ss_family == AF_INET) {
        return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
    }
    if (a->ss_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)a)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
    }
    return true;
}

static void socket_options(int fd) {
    int on = 1, after = (int)settings.tcp_keepalive, every = after / 3, tries = 3;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (!after) return;
    if (every == 0) every = 1;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &after, sizeof(after));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
}

static const char protected_text[] =
    "-DENIED Keel is running in protected mode: no password is set and the server listens beyond "
    "this machine, so it accepts connections from the loopback interface only. To connect from "
    "elsewhere set a password (requirepass), or bind one address, or turn protected-mode off by "
    "'CONFIG SET protected-mode no' from this machine.\r\n";

static void welcome(int fd, const struct sockaddr_storage *peer, bool is_unix) {
    if (client_number >= (size_t)settings.maxclients) {
        stats.rejected_connections++;
        say_and_close(fd, "-ERR max number of clients reached\r\n");
        return;
    }
    char password[2];
    bool open_access = !keel_config_get(KEEL_LIT("requirepass"), password, sizeof(password), NULL) ||
                       !password[0];
    if (settings.protected_mode && open_access && !is_unix && !is_loopback(peer)) {
        stats.rejected_connections++;
        say_and_close(fd, protected_text);
        return;
    }
    if (!is_unix) socket_options(fd);
    KeelClient *client = client_new(fd, is_unix);
    if (poll_add_client(client) < 0) client_close(client);
}

/* No descriptor is left: the spare one lets us take the connection and refuse it, instead of being
 * woken for it for ever. */
static void refuse_for_want_of_descriptors(int listener) {
    static int64_t said;
    if (now_ms - said > 1000) {
        said = now_ms;
        keel_log(KEEL_LOG_WARNING, "Accepting client connection: %s", strerror(errno));
    }
    close(spare_fd);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) say_and_close(fd, "-ERR max number of clients reached\r\n");
    spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    stats.rejected_connections++;
}

void net_accept(int listener) {
    bool is_unix = false;
    for (int i = 0; i < listener_count; i++) {
        if (listeners[i].fd == listener) is_unix = listeners[i].is_unix;
    }
    for (int n = 0; n < ACCEPTS_MAX; n++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof(peer);
        memset(&peer, 0, sizeof(peer));
        int fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            welcome(fd, &peer, is_unix);
        } else if (errno == EMFILE || errno == ENFILE) {
            refuse_for_want_of_descriptors(listener);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return; /* nothing waits, or what waited is gone */
        }
    }
}
