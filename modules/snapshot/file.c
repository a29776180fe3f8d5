/* file.c - files as sinks and sources.
 *
 * A file is written under a temporary name and takes its place only when it is on disk as a whole:
 * fsync of the file, rename, fsync of the directory. With `incremental` the kernel is asked to
 * write every few megabytes, so that the last fsync does not stall the disk for others. */
#define _GNU_SOURCE /* sync_file_range */
#include "snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SINK_ROOM = 128 * 1024, SOURCE_ROOM = 256 * 1024, SYNC_STEP = 4 * 1024 * 1024 };

struct KeelFileSink {
    KeelSink sink;          /* first: the host's pointer to it is ours to the file */
    int fd, error;
    bool incremental;
    off_t written, synced;
    char *path;
    char room[SINK_ROOM];
};

struct FileSource {
    KeelSource source;
    int fd;
    char room[SOURCE_ROOM];
};

/* --- writing -------------------------------------------------------------------------------- */

static void sync_some(KeelFileSink *f) {
    off_t len = f->written - f->synced;
    if (!f->incremental || len < SYNC_STEP) return;
    sync_file_range(f->fd, f->synced, len, SYNC_FILE_RANGE_WRITE);
    f->synced = f->written;
}

static int file_write(KeelSink *sink, const void *bytes, size_t len) {
    KeelFileSink *f = (KeelFileSink *)sink;
    const char *p = bytes;
    while (len) {
        ssize_t n = write(f->fd, p, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            f->error = n < 0 ? errno : ENOSPC;
            errno = f->error;
            return -1;
        }
        p += n;
        len -= (size_t)n;
        f->written += n;
    }
    sync_some(f);
    return 0;
}

KeelFileSink *file_open(const char *path, bool incremental) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return NULL;
    KeelFileSink *f = keel_alloc(sizeof(*f));
    f->sink = (KeelSink){.write = file_write, .buffer = f->room, .room = SINK_ROOM};
    f->fd = fd;
    f->error = 0;
    f->incremental = incremental;
    f->written = f->synced = 0;
    f->path = keel_strdup(keel_str(path));
    char setting[8] = "no";
    keel_config_get(KEEL_LIT("rdbcompression"), setting, sizeof(setting), NULL);
    f->sink.compress = strcmp(setting, "yes") == 0;
    return f;
}

KeelSink *file_sink(KeelFileSink *f) {
    return &f->sink;
}

static void file_free(KeelFileSink *f) {
    keel_free(f->path);
    keel_free(f);
}

int file_close(KeelFileSink *f) {
    int error = 0;
    if (keel_sink_flush(&f->sink) != 0) {
        error = f->error ? f->error : EIO;
    } else if (fsync(f->fd) != 0) {
        error = errno;
    }
    if (close(f->fd) != 0 && !error) error = errno;
    file_free(f);
    errno = error;
    return error ? -1 : 0;
}

void file_abandon(KeelFileSink *f) {
    int error = f->error;
    close(f->fd);
    unlink(f->path);
    file_free(f);
    errno = error;
}

/* The directory that holds `path`. What cannot sync directories (some network file systems) says
 * EINVAL: there is nothing more that we can do then. */
static int sync_directory(const char *path) {
    char *copy = keel_strdup(keel_str(path));
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    keel_free(copy);
    if (fd < 0) return errno == EACCES ? 0 : -1;
    if (fsync(fd) != 0 && errno != EINVAL && errno != EBADF) rc = -1;
    int error = errno;
    close(fd);
    errno = error;
    return rc;
}

int file_rename(const char *from, const char *to) {
    return rename(from, to) == 0 ? sync_directory(to) : -1;
}

/* The process whose number is all there is between prefix and suffix; 0: it is not so. */
static int named_process(const char *name, const char *prefix, const char *suffix) {
    size_t len = strlen(name), before = strlen(prefix), after = strlen(suffix);
    int64_t pid;
    if (len <= before + after || strncmp(name, prefix, before) != 0 ||
        strcmp(name + len - after, suffix) != 0) {
        return 0;
    }
    KeelStr digits = {name + before, len - before - after};
    return keel_parse_int(digits, &pid) && pid > 0 && pid <= INT32_MAX ? (int)pid : 0;
}

/* Not one that has ended and that nobody has waited for. */
static bool process_lives(int pid) {
    char path[64], text[512] = "";
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return kill(pid, 0) == 0 || errno != ESRCH;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    const char *name_end = n > 0 ? strrchr(text, ')') : NULL;
    return !name_end || name_end[1] != ' ' || (name_end[2] != 'Z' && name_end[2] != 'X');
}

void file_sweep(const char *prefix, const char *suffix) {
    DIR *dir = opendir(".");
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        int pid = named_process(entry->d_name, prefix, suffix);
        if (!pid || process_lives(pid)) continue;
        keel_log(KEEL_LOG_NOTICE, "Removing %s, which a process that is gone has left",
                 entry->d_name);
        unlink(entry->d_name);
    }
    if (dir) closedir(dir);
}

/* --- reading -------------------------------------------------------------------------------- */

static int source_fill(KeelSource *source) {
    FileSource *f = (FileSource *)source;
    ssize_t n;
    do {
        n = read(f->fd, f->room, SOURCE_ROOM);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) return -1;
    source->at = f->room;
    source->end = f->room + n;
    return 0;
}

FileSource *source_open(const char *path, uint64_t *size) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        int error = S_ISREG(st.st_mode) ? errno : EINVAL;
        close(fd);
        errno = error;
        return NULL;
    }
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    FileSource *f = keel_alloc(sizeof(*f));
    f->source = (KeelSource){.fill = source_fill, .limit = (uint64_t)st.st_size,
                             .version = keel_rdb_version()};
    f->fd = fd;
    *size = (uint64_t)st.st_size;
    return f;
}

KeelSource *source_of(FileSource *f) {
    return &f->source;
}

void source_close(FileSource *f) {
    close(f->fd);
    keel_free(f);
}
