/* log.c - log lines, in Redis's format, to a file, standard output and syslog.
 *
 * A line is one write(), so lines of threads and fork children do not mix. The file stays open and
 * is looked up again at each line: when a log rotation has moved it away, the new one is opened
 * onto the same descriptor, which also works when no descriptor is left. Nothing here takes a lock
 * or allocates, so fork children may log at any time. */
#define _GNU_SOURCE /* dup3 */
#include "log.h"

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { LINE_ROOM = 4096 };

static char log_path[PATH_MAX]; /* "": standard output */
static char log_ident[64];      /* syslog keeps the pointer */
static int log_fd = STDOUT_FILENO;
static dev_t log_device;
static ino_t log_inode;
static bool log_to_syslog;
static char log_role = 'M';
static pid_t log_owner;         /* the process that opened the log; fork children are others */

void log_set_role(char role) {
    log_role = role;
}

/* ---- where ---- */

/* Opens log_path onto log_fd, or onto a new descriptor when there is none yet. */
static int open_path(void) {
    int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return -1;
    struct stat st;
    if (fstat(fd, &st) == 0) {
        log_device = st.st_dev;
        log_inode = st.st_ino;
    }
    if (log_fd == STDOUT_FILENO) {
        log_fd = fd;
        return 0;
    }
    int result = dup3(fd, log_fd, O_CLOEXEC);
    close(fd);
    return result < 0 ? -1 : 0;
}

/* Logs must survive a full descriptor table and a file that cannot be made now: on failure lines go
 * on to where they went. */
static void follow_rotation(void) {
    struct stat st;
    if (!log_path[0]) return;
    if (stat(log_path, &st) == 0 && st.st_dev == log_device && st.st_ino == log_inode) return;
    int saved = errno;
    open_path();
    errno = saved;
}

int log_open(void) {
    const char *name = settings.logfile ? settings.logfile : "";
    if (name[0] && name[0] != '/' && settings.dir && settings.dir[0]) {
        /* A later `dir` must not move it. */
        snprintf(log_path, sizeof log_path, "%s/%s", settings.dir, name);
    } else {
        snprintf(log_path, sizeof log_path, "%s", name);
    }
    log_owner = getpid();
    if (log_to_syslog) closelog();
    log_to_syslog = settings.syslog_enabled;
    if (log_to_syslog) {
        snprintf(log_ident, sizeof log_ident, "%s", settings.syslog_ident);
        openlog(log_ident, LOG_PID | LOG_NDELAY | LOG_NOWAIT, settings.syslog_facility);
    }
    return log_path[0] ? open_path() : 0;
}

static void write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        bytes += n;
        len -= (size_t)n;
    }
}

void log_raw(const char *bytes, size_t len) {
    int saved = errno;
    write_all(log_fd, bytes, len);
    errno = saved;
}

/* ---- lines ---- */

/* Seconds east of UTC. localtime_r() takes a lock that a fork child may find held, so it is asked
 * only by the process itself and once in a quarter of an hour, the grain of time zones. */
static long zone_offset(time_t now) {
    static long offset;
    static time_t checked = -1;
    time_t grain = now / 900;
    if (grain != __atomic_load_n(&checked, __ATOMIC_RELAXED) &&
        (log_owner == 0 || log_owner == getpid())) {
        struct tm tm;
        if (localtime_r(&now, &tm)) __atomic_store_n(&offset, tm.tm_gmtoff, __ATOMIC_RELAXED);
        __atomic_store_n(&checked, grain, __ATOMIC_RELAXED);
    }
    return __atomic_load_n(&offset, __ATOMIC_RELAXED);
}

/* "01 Jan 2026 10:00:00.123". The date is computed in a calendar whose years begin in March, where
 * the leap day comes last. */
static size_t format_time(char *out, size_t room) {
    static const char months[] = "MarAprMayJunJulAugSepOctNovDecJanFeb";
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    long long seconds = (long long)t.tv_sec + zone_offset(t.tv_sec);
    long long days = seconds / 86400 + 719468; /* since 1 March of the year 0 */
    int left = (int)(seconds % 86400);
    int era = (int)(days / 146097), day = (int)(days % 146097);
    int year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int of_year = day - (365 * year + year / 4 - year / 100);
    int month = (5 * of_year + 2) / 153;
    int of_month = of_year - (153 * month + 2) / 5 + 1;
    year += era * 400 + (month >= 10);
    return (size_t)snprintf(out, room, "%02d %.3s %04d %02d:%02d:%02d.%03d", of_month,
                            months + 3 * month, year, left / 3600, left / 60 % 60, left % 60,
                            (int)(t.tv_nsec / 1000000));
}

static void write_line(int level, const char *text, size_t len) {
    char line[LINE_ROOM + 96], stamp[64];
    bool child = log_owner != 0 && log_owner != getpid();
    format_time(stamp, sizeof stamp);
    int head = snprintf(line, sizeof line, "%d:%c %s %c ", (int)getpid(), child ? 'C' : log_role,
                        stamp, ".-*#"[level]);
    memcpy(line + head, text, len);
    line[(size_t)head + len] = '\n';
    follow_rotation();
    write_all(log_fd, line, (size_t)head + len + 1);
}

void keel_log(int level, const char *format, ...) {
    static const int syslog_levels[] = {LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING};
    if (level < settings.loglevel) return;
    if (level > KEEL_LOG_WARNING) level = KEEL_LOG_WARNING;
    if (level < KEEL_LOG_DEBUG) level = KEEL_LOG_DEBUG;
    int saved = errno;
    char text[LINE_ROOM];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len >= 0) {
        if ((size_t)len >= sizeof text) len = (int)sizeof text - 1;
        write_line(level, text, (size_t)len);
        if (log_to_syslog) syslog(syslog_levels[level], "%s", text);
    }
    errno = saved;
}
