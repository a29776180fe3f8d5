/* rdb.c - whole datasets to and from files that a module names, through the module that owns
 * snapshots. */
#include "rm.h"

#include <errno.h>
#include <fcntl.h>
#include <keel/snapshot.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct RedisModuleRdbStream {
    char *path;
};

RedisModuleRdbStream *RM_RdbStreamCreateFromFile(const char *path) {
    RedisModuleRdbStream *stream = keel_alloc(sizeof(*stream));
    stream->path = keel_strdup(keel_str(path));
    return stream;
}

void RM_RdbStreamFree(RedisModuleRdbStream *stream) {
    keel_free(stream->path);
    keel_free(stream);
}

static const KeelSnapshotOps *snapshot(void) {
    return keel_interface("snapshot", KEEL_SNAPSHOT_VERSION);
}

static int fail(int why) {
    errno = why;
    return REDISMODULE_ERR;
}

/* 0, or errno. */
static int save_file(const KeelSnapshotOps *ops, const char *path) {
    KeelFileSink *file = ops->file_open(path, true);
    if (!file) return errno;
    if (ops->save(ops->file_sink(file), NULL) != 0) {
        int why = errno ? errno : EIO;
        ops->file_abandon(file);
        return why;
    }
    return ops->file_close(file) == 0 ? 0 : errno;
}

int RM_RdbSave(RedisModuleCtx *ctx, RedisModuleRdbStream *stream, int flags) {
    const KeelSnapshotOps *ops = snapshot();
    if (!stream || flags) return fail(EINVAL);
    if (!ops) return fail(ENOTSUP);
    KeelSavingEvent event = {.phase = KEEL_BEFORE, .what = "RDB", .in_child = rm_in_child};
    keel_event_send(ctx ? ctx->c : NULL, KEEL_EVENT_SAVING, &event);
    int why = save_file(ops, stream->path);
    event.phase = why ? KEEL_FAILED : KEEL_AFTER;
    keel_event_send(ctx ? ctx->c : NULL, KEEL_EVENT_SAVING, &event);
    return why ? fail(why) : REDISMODULE_OK;
}

/* ---- loading --------------------------------------------------------------------------------- */

enum { ROOM = 64 * 1024 };

typedef struct FileSource {
    KeelSource source;
    int fd;
    char room[ROOM];
} FileSource;

static int fill(KeelSource *source) {
    FileSource *f = (FileSource *)source;
    ssize_t n;
    do {
        n = read(f->fd, f->room, sizeof(f->room));
    } while (n < 0 && errno == EINTR);
    if (n <= 0) return -1;
    source->at = f->room;
    source->end = f->room + n;
    return 0;
}

/* What was there goes, whether the file is good or not. */
static bool load_file(KeelCtx *c, const KeelSnapshotOps *ops, int fd, uint64_t size) {
    FileSource *f = keel_alloc(sizeof(*f));
    KeelLoadOptions options = {.size = sizeof(options)};
    KeelLoadResult result = {0};
    f->source = (KeelSource){.fill = fill, .limit = size, .version = keel_rdb_version()};
    f->fd = fd;
    ops->load_begin(c, "RDB", size);
    keel_db_flush(c, -1, false);
    ops->load_flush(c);
    bool good = ops->load(c, &f->source, &options, &result) == 0 && !result.given_up;
    ops->load_end(c, good);
    keel_free(f);
    return good;
}

int RM_RdbLoad(RedisModuleCtx *ctx, RedisModuleRdbStream *stream, int flags) {
    const KeelSnapshotOps *ops = snapshot();
    struct stat about;
    if (!stream || flags || !ctx->c) return fail(EINVAL);
    if (!ops) return fail(ENOTSUP);
    if (rm_server_loading) return fail(EBUSY);
    int fd = open(stream->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return REDISMODULE_ERR;
    bool regular = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    bool good = regular && load_file(ctx->c, ops, fd, (uint64_t)about.st_size);
    close(fd);
    return good ? REDISMODULE_OK : fail(regular ? EIO : EINVAL);
}
