/* faultdisk.c - LD_PRELOAD: a disk that fails when told to, and a record of what is safe on it.
 *
 * The file named by FAULTDISK holds lines "CALL N ERRNO [ever]": the Nth such call (write, fsync,
 * rename, fork) from then on fails with that errno; with "ever" all that follow do, too. "short N
 * 0" makes the Nth write a short one, "eintr N 0" interrupts it. It is read at start and when SIGUSR2 comes;
 * each failure adds a line to FAULTDISK.done. "write 0 28 ever" fails at once, an empty file heals.
 *
 * Only regular files whose path contains FAULTDISK_MATCH are touched. For those every fsync that
 * succeeds writes "INODE LENGTH" to FAULTDISK.synced: after a power cut a file may be cut to the
 * last such length, and to nothing when there is none. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE, FSYNC, RENAME, SHORT, EINTR_, FORK, CALLS };
static const char *const names[CALLS] = {"write", "fsync", "rename", "short", "eintr", "fork"};

typedef struct Fault {
    volatile long countdown; /* 0: none */
    int error;
    bool ever;
} Fault;
static Fault faults[CALLS];
/* Copied: a server that sets its title overwrites the environment. */
static char control[400], done[420], synced[420], match[64];

static void arm(int number) {
    (void)number;
    char text[512] = "";
    int saved = errno, fd = (int)syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    memset(faults, 0, sizeof(faults));
    for (char *line = n > 0 ? text : NULL; line && *line; line = strchr(line, '\n')) {
        char call[16], ever[8] = "";
        long count;
        int error;
        while (*line == '\n') line++;
        if (sscanf(line, "%15s %ld %d %7s", call, &count, &error, ever) < 3) break;
        for (int i = 0; i < CALLS; i++) {
            if (strcmp(call, names[i])) continue;
            faults[i] = (Fault){count > 0 ? count : 1, error, ever[0] != '\0'};
        }
    }
    errno = saved;
}

__attribute__((constructor)) static void start(void) {
    const char *file = getenv("FAULTDISK"), *part = getenv("FAULTDISK_MATCH");
    if (!file || strlen(file) >= sizeof(control)) return;
    strcpy(control, file);
    snprintf(done, sizeof(done), "%s.done", file);
    snprintf(synced, sizeof(synced), "%s.synced", file);
    snprintf(match, sizeof(match), "%s", part ? part : "");
    signal(SIGUSR2, arm);
    arm(0);
}

static void note(const char *path, const char *text) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                          0600);
    if (fd < 0) return;
    syscall(SYS_write, fd, text, strlen(text));
    close(fd);
}

/* Whether the fault strikes now; errno is set then. */
static bool strikes(int which) {
    Fault *f = &faults[which];
    char line[64];
    if (!f->countdown) return false;
    if (f->countdown > 1 || !f->ever) {
        if (__atomic_sub_fetch(&f->countdown, 1, __ATOMIC_RELAXED) != 0) {
            if (f->countdown < 0) f->countdown = 0;
            return false;
        }
        if (f->ever) f->countdown = 1;
    }
    snprintf(line, sizeof(line), "%s\n", names[which]);
    note(done, line);
    errno = f->error;
    return true;
}

static bool ours(int fd) {
    char link[64], path[600];
    struct stat st;
    int saved = errno;
    bool yes = false;
    if (control[0] && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof(path) - 1);
        if (n > 0) {
            path[n] = '\0';
            yes = strstr(path, match) != NULL && strncmp(path, control, strlen(control)) != 0;
        }
    }
    errno = saved;
    return yes;
}

ssize_t write(int fd, const void *bytes, size_t len) {
    if (ours(fd)) {
        if (strikes(WRITE)) return -1;
        if (strikes(EINTR_)) {
            errno = EINTR;
            return -1;
        }
        if (len > 1 && strikes(SHORT)) len /= 2;
    }
    return syscall(SYS_write, fd, bytes, len);
}

ssize_t writev(int fd, const struct iovec *v, int n) {
    if (ours(fd)) {
        if (strikes(WRITE)) return -1;
        if (strikes(EINTR_)) {
            errno = EINTR;
            return -1;
        }
        if (n > 0 && v->iov_len > 1 && strikes(SHORT)) {
            return syscall(SYS_write, fd, v->iov_base, v->iov_len / 2);
        }
    }
    return syscall(SYS_writev, fd, v, n);
}

static int sync_by(long number, int fd) {
    struct stat st;
    char line[64];
    bool mine = ours(fd);
    if (mine && strikes(FSYNC)) return -1;
    if (mine) fstat(fd, &st); /* what is written meanwhile may be safe or not */
    int rc = (int)syscall(number, fd);
    if (rc == 0 && mine) {
        snprintf(line, sizeof(line), "%lu %lld\n", (unsigned long)st.st_ino,
                 (long long)st.st_size);
        note(synced, line);
    }
    return rc;
}

int fsync(int fd) {
    return sync_by(SYS_fsync, fd);
}

int fdatasync(int fd) {
    return sync_by(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to) {
    if (control[0] && strstr(to, match) && strikes(RENAME)) return -1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

pid_t fork(void) {
    static pid_t (*real)(void);
    if (!real) real = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
    return control[0] && strikes(FORK) ? -1 : real();
}
