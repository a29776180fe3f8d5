/* daemon.c - the process and its surroundings: background, pid file, supervisor, title, limits. */
#define _GNU_SOURCE /* environ */
#include "daemon.h"

#include "config.h"
#include "log.h"
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <keel/log.h>
#include <keel/memory.h>
#include <keel/text.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Descriptors that are not clients': listeners, files, modules' own. */
enum { OWN_FILES = 32 };
static const char DEFAULT_PIDFILE[] = "/var/run/redis.pid";

static char *written_pidfile; /* absolute; removed at the end. NULL: none */
static int supervisor = SUPERVISED_NO;
static char *title_start;     /* the bytes that ps shows, and how many there are */
static size_t title_room;
static char *program;         /* argv[0] as it was */

/* ---- title ---- */

/* The kernel shows the bytes where argv and, behind it, the environment were. The environment moves
 * away, so that there is room for more than the arguments had. It is one block, as setenv() may
 * forget single strings. */
static void move_environment(void) {
    static char *text;
    size_t count = 0, size = 1;
    while (environ[count]) size += strlen(environ[count++]) + 1;
    char **copy = keel_alloc((count + 1) * sizeof *copy), *at = text = keel_alloc(size);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(environ[i]) + 1;
        copy[i] = memcpy(at, environ[i], len);
        at += len;
    }
    copy[count] = NULL;
    environ = copy;
}

void daemon_init(int argc, char **argv) {
    if (argc < 1 || !argv[0]) return;
    program = keel_strdup(keel_str(argv[0]));
    char *end = argv[0];
    for (int i = 0; i < argc; i++) {
        if (argv[i] == end) end = argv[i] + strlen(argv[i]) + 1;
    }
    for (char **e = environ; *e; e++) {
        if (*e == end) end = *e + strlen(*e) + 1;
    }
    title_start = argv[0];
    title_room = (size_t)(end - argv[0]);
    move_environment();
}

static void write_listen_addr(char *out, size_t room) {
    if (settings.port) {
        snprintf(out, room, "%s:%" PRId64, settings.bind_count ? settings.bind[0] : "*",
                 settings.port);
    } else {
        snprintf(out, room, "%s", settings.unixsocket ? settings.unixsocket : "");
    }
}

/* The value of one variable of the template. False: there is no such variable. */
static bool title_variable(KeelStr name, char *out, size_t room) {
    out[0] = '\0';
    if (keel_equal(name, KEEL_LIT("title"))) {
        snprintf(out, room, "%s", program ? program : "");
    } else if (keel_equal(name, KEEL_LIT("listen-addr"))) {
        write_listen_addr(out, room);
    } else if (keel_equal(name, KEEL_LIT("port")) || keel_equal(name, KEEL_LIT("tls-port")) ||
               keel_equal(name, KEEL_LIT("unixsocket"))) {
        if (!keel_config_get(name, out, room, NULL)) snprintf(out, room, "0");
    } else if (keel_equal(name, KEEL_LIT("config-file"))) {
        snprintf(out, room, "%s", keel_config_file());
    } else if (!keel_equal(name, KEEL_LIT("server-mode"))) {
        return false;
    }
    return true;
}

/* Fills the template in. False when it names an unknown variable or leaves one open. */
static bool format_title(const char *format, char *out, size_t room) {
    size_t len = 0;
    for (const char *p = format; *p;) {
        char value[512] = "";
        if (*p != '{') {
            value[0] = *p++;
            value[1] = '\0';
        } else {
            const char *close = strchr(p, '}');
            if (!close) return false;
            KeelStr name = {p + 1, (size_t)(close - p - 1)};
            if (!title_variable(name, value, sizeof value)) return false;
            p = close + 1;
        }
        size_t n = strlen(value);
        if (n > room - 1 - len) n = room - 1 - len;
        memcpy(out + len, value, n);
        len += n;
    }
    while (len > 0 && out[len - 1] == ' ') len--;
    out[len] = '\0';
    return true;
}

/* There must be something besides the program's name, which is left out while we look. */
bool daemon_title_valid(const char *format) {
    char text[1024], *kept = program;
    program = NULL;
    bool good = format_title(format, text, sizeof text) && text[0] != '\0';
    program = kept;
    return good;
}

void daemon_set_title(void) {
    char text[1024];
    if (!settings.set_proc_title || !title_start || title_room < 2) return;
    if (!format_title(settings.proc_title_template, text, sizeof text)) return;
    size_t len = strlen(text);
    if (len > title_room - 1) len = title_room - 1;
    memcpy(title_start, text, len);
    memset(title_start + len, '\0', title_room - len);
}

/* ---- supervisors ---- */

bool daemon_notify(const char *state) {
    const char *path = supervisor == SUPERVISED_SYSTEMD ? getenv("NOTIFY_SOCKET") : NULL;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path) {
        return false;
    }
    size_t len = strlen(path);
    memcpy(to.sun_path, path, len);
    /* '@' stands for the NUL of the abstract namespace, where the length ends the name. */
    if (path[0] == '@') to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    ssize_t n = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, size);
    if (n < 0) {
        keel_log(KEEL_LOG_WARNING, "Cannot tell systemd at %s: %s", path, strerror(errno));
    }
    close(fd);
    return n >= 0;
}

static bool supervised_by_systemd(void) {
    if (!getenv("NOTIFY_SOCKET")) return false;
    supervisor = SUPERVISED_SYSTEMD;
    keel_log(KEEL_LOG_NOTICE, "Supervised by systemd. Please make sure you set appropriate values "
                              "for TimeoutStartSec and TimeoutStopSec in your service unit.");
    daemon_notify("STATUS=Keel is loading...\n");
    return true;
}

/* Upstart counts a service as started when it stops itself. */
static bool supervised_by_upstart(void) {
    if (!getenv("UPSTART_JOB")) return false;
    supervisor = SUPERVISED_UPSTART;
    keel_log(KEEL_LOG_NOTICE, "supervised by upstart, will stop to signal readiness.");
    raise(SIGSTOP);
    unsetenv("UPSTART_JOB");
    return true;
}

static void find_supervisor(void) {
    bool found = true;
    switch (settings.supervised) {
    case SUPERVISED_AUTO:
        if (!supervised_by_upstart()) supervised_by_systemd();
        break;
    case SUPERVISED_SYSTEMD:
        found = supervised_by_systemd();
        break;
    case SUPERVISED_UPSTART:
        found = supervised_by_upstart();
        break;
    }
    if (!found) {
        keel_log(KEEL_LOG_WARNING, "%s supervision requested, but %s is not in the environment",
                 settings.supervised == SUPERVISED_SYSTEMD ? "systemd" : "upstart",
                 settings.supervised == SUPERVISED_SYSTEMD ? "NOTIFY_SOCKET" : "UPSTART_JOB");
    }
}

const char *daemon_supervisor(void) {
    return supervisor == SUPERVISED_SYSTEMD  ? "systemd"
           : supervisor == SUPERVISED_UPSTART ? "upstart"
           : settings.supervised != SUPERVISED_NO ? "unknown"
                                                  : "no";
}

/* ---- background and pid file ---- */

/* The parent leaves without running what it registered for its end. */
static void go_to_background(void) {
    pid_t pid = fork();
    if (pid < 0) {
        keel_log(KEEL_LOG_WARNING, "Cannot go into the background: %s", strerror(errno));
        exit(1);
    }
    if (pid > 0) _exit(0);
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    if (null > STDERR_FILENO) close(null);
}

/* Trouble with it is no reason not to serve. Its place is remembered as an absolute path, as `dir`
 * may change. */
static void write_pidfile(void) {
    const char *path = settings.pidfile ? settings.pidfile : DEFAULT_PIDFILE;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        keel_log(KEEL_LOG_WARNING, "Failed to write PID file: %s: %s", path, strerror(errno));
        return;
    }
    char text[KEEL_INT_ROOM + 1];
    int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (write(fd, text, (size_t)len) != len) {
        keel_log(KEEL_LOG_WARNING, "Failed to write PID file: %s: %s", path, strerror(errno));
    }
    close(fd);
    char *full = realpath(path, NULL);
    if (full) written_pidfile = keel_strdup(keel_str(full));
    free(full);
}

void daemon_start(void) {
    find_supervisor();
    if (settings.daemonize && supervisor == SUPERVISED_NO) {
        go_to_background();
        log_open(); /* it is another process that logs now */
    }
    if (settings.daemonize || settings.pidfile) write_pidfile();
    daemon_set_title();
}

void daemon_ready(void) {
    daemon_set_title();
    if (supervisor != SUPERVISED_SYSTEMD) return;
    daemon_notify("STATUS=Ready to accept connections\n");
    daemon_notify("READY=1\n");
}

void daemon_stopping(void) {
    daemon_notify("STOPPING=1\n");
}

void daemon_end(void) {
    if (!written_pidfile) return;
    keel_log(KEEL_LOG_NOTICE, "Removing the pid file.");
    unlink(written_pidfile);
    keel_free(written_pidfile);
    written_pidfile = NULL;
}

/* ---- limits ---- */

/* Raises the limit on descriptors to `wanted`, or as near as the system lets us: what it allows is
 * found by halving. Returns what there is then. *error: why it was not more, 0 when it is. */
static rlim_t raise_files(rlim_t wanted, int *error) {
    struct rlimit limit;
    *error = 0;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        *error = errno;
        return 1024;
    }
    rlim_t good = limit.rlim_cur, bad = wanted + 1, try = wanted;
    while (bad > good + 1) {
        struct rlimit next = {try, limit.rlim_max > try ? limit.rlim_max : try};
        if (setrlimit(RLIMIT_NOFILE, &next) == 0) {
            good = try;
        } else {
            *error = errno;
            bad = try;
        }
        try = good + (bad - good) / 2;
    }
    return good;
}

static rlim_t files_for_clients(void) {
    return (rlim_t)settings.maxclients + OWN_FILES;
}

void daemon_raise_file_limit(void) {
    int error;
    struct rlimit before = {1024, 1024};
    getrlimit(RLIMIT_NOFILE, &before);
    rlim_t wanted = files_for_clients();
    if (before.rlim_cur >= wanted) return;
    rlim_t got = raise_files(wanted, &error);
    if (got >= wanted) {
        keel_log(KEEL_LOG_NOTICE,
                 "Increased maximum number of open files to %llu (it was originally set to %llu).",
                 (unsigned long long)wanted, (unsigned long long)before.rlim_cur);
        return;
    }
    if (got <= OWN_FILES) {
        keel_log(KEEL_LOG_WARNING,
                 "Your current 'ulimit -n' of %llu is not enough for the server to start. Please "
                 "increase your open file limit to at least %llu. Exiting.",
                 (unsigned long long)got, (unsigned long long)wanted);
        exit(1);
    }
    keel_log(KEEL_LOG_WARNING,
             "You requested maxclients of %" PRId64
             " requiring at least %llu max file descriptors.",
             settings.maxclients, (unsigned long long)wanted);
    keel_log(KEEL_LOG_WARNING,
             "Server can't set maximum open files to %llu because of OS error: %s.",
             (unsigned long long)wanted, strerror(error));
    settings.maxclients = (int64_t)(got - OWN_FILES);
    keel_log(KEEL_LOG_WARNING,
             "Current maximum open files is %llu. maxclients has been reduced to %" PRId64
             " to compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.",
             (unsigned long long)got, settings.maxclients);
}

bool daemon_allow_clients(const char **reason) {
    int error;
    struct rlimit limit = {1024, 1024};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= files_for_clients()) return true;
    rlim_t got = raise_files(files_for_clients(), &error);
    if (got >= files_for_clients()) return true;
    *reason = keel_config_reason("The operating system is not able to handle the specified number "
                                 "of clients, try with %llu",
                                 (unsigned long long)(got > OWN_FILES ? got - OWN_FILES : 1));
    return false;
}

/* ---- sockets ---- */

int daemon_bind_unix(int fd, const struct sockaddr *address, socklen_t len, mode_t mode) {
    if (mode == 0) return bind(fd, address, len);
    mode_t before = umask(~mode & 0777);
    int result = bind(fd, address, len);
    umask(before);
    return result;
}
