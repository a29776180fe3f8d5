/* keel/snapshot.h - the interface "snapshot": whole datasets as a stream of bytes, in Redis's RDB
 * format, and the work around them that other modules share: loading with clients served
 * meanwhile, and fork children that write while the server goes on.
 *
 * A replacement of the module that provides it brings all of this. */
#ifndef KEEL_SNAPSHOT_H
#define KEEL_SNAPSHOT_H

#include <keel/base.h>
#include <keel/codec.h>
#include <keel/info.h>

#define KEEL_SNAPSHOT_VERSION 100

/* One field of a file's head, beside those that every file has (redis-ver, redis-bits, ctime,
 * used-mem): "repl-id" and the like. */
typedef struct KeelSnapshotField {
    KeelStr name, value;
} KeelSnapshotField;

typedef struct KeelSaveOptions {
    uint32_t size;
    bool aof_base;                    /* the field "aof-base" says 1 */
    bool no_keys, no_functions;       /* parts to leave out */
    const KeelSnapshotField *fields;  /* ended by an empty name */
} KeelSaveOptions;

typedef struct KeelLoadOptions {
    uint32_t size;
    bool merge;                       /* a key that is there is replaced; else it is an error */
    bool keep_expired;                /* keys past their time are kept (by a server that copies
                                         another one), and not left out */
    bool may_follow;                  /* more may follow the end of the stream: it is left alone */
    bool tell_expired;                /* the journal gets a DEL for each key left out as expired */
    /* Every field of the head, after what the loader makes of it. NULL: nobody cares. */
    void (*field)(KeelStr name, KeelStr value, void *data);
    void *data;
} KeelLoadOptions;

typedef struct KeelLoadResult {
    uint64_t keys, expired, empty;    /* loaded; left out as past their time; left out as empty */
    bool given_up;                    /* the server ends: what was loaded is of no use */
    bool aof_base;                    /* the head says that commands follow in other files */
} KeelLoadResult;

/* How a child ended. */
typedef struct KeelChildEnd {
    bool good;                        /* run() returned 0 */
    bool killed;                      /* by child_kill(), or by SIGUSR1, which means the same */
    int code, signal;                 /* what waitpid told */
    size_t cow;                       /* bytes of memory that it had to itself at its end */
    int64_t seconds;                  /* that it took */
} KeelChildEnd;

typedef struct KeelChild {
    uint32_t size;
    const char *name;                 /* "RDB", "AOF": for the log; a literal */
    int (*run)(void *data);           /* in the child; 0 when all is well */
    void (*done)(KeelCtx *c, const KeelChildEnd *end, void *data); /* in the parent */
    void *data;
} KeelChild;

/* A sink over a file that comes into being under a temporary name. */
typedef struct KeelFileSink KeelFileSink;

/* From keel_interface("snapshot", KEEL_SNAPSHOT_VERSION). Contexts: command and timer, where
 * nothing else is said. */
typedef struct KeelSnapshotOps {
    uint32_t size;
    /* Writes the dataset; `options` may be NULL. 0; -1 when the sink failed or a value cannot be
     * saved. Also in a fork child. */
    int (*save)(KeelSink *sink, const KeelSaveOptions *options);
    /* Reads a stream into the databases, which keep what they have. 0; -1 with source->reason.
     * What was loaded until then stays, for the caller to flush. After load_begin(). */
    int (*load)(KeelCtx *c, KeelSource *source, const KeelLoadOptions *options,
                KeelLoadResult *result);
    /* Loading begins: commands without KEEL_LOADING are refused until it ends, and INFO shows how
     * far it is of `total` bytes (0: unknown). `what` is for the log and for hooks. */
    void (*load_begin)(KeelCtx *c, const char *what, uint64_t total);
    /* So many bytes are done; to be called often. Serves clients every
     * loading-process-events-interval-bytes. True: the server ends, give up. Cost: a comparison. */
    bool (*load_progress)(uint64_t done);
    /* Loading is over. What was loaded counts as saved when it is good, unless it was aside: then
     * it takes the place of the dataset in use now, and is dropped when it is not good. */
    void (*load_end)(KeelCtx *c, bool good);
    /* INFO's fields about a load that runs. */
    void (*load_info)(KeelInfo *info);
    /* Before a dataset is loaded in the place of another one, beside keel_db_flush(): what is no
     * key goes. */
    void (*load_flush)(KeelCtx *c);

    /* Forks a child that runs `child`, a copy of which is kept. 0, or -1 with errno, EBUSY when
     * there is one (of whatever purpose). */
    int (*child_start)(KeelCtx *c, const KeelChild *child);
    /* Ends the child of this name and forgets it: done() is called before this returns. False:
     * none runs. */
    bool (*child_kill)(KeelCtx *c, const char *name);
    /* The name of the child that runs; NULL: none of ours. */
    const char *(*child_name)(void);
    /* In a child's run(): so many keys are written. Cost: a comparison mostly. */
    void (*child_progress)(uint64_t keys);
    /* Seconds that the child has run; -1: none does. */
    int64_t (*child_seconds)(void);
    /* Bytes that the last child of this name had copied. */
    size_t (*child_cow)(const char *name);

    /* A sink over a new file `path`. NULL with errno. With `incremental` what is written is sent
     * to the disk as it comes, so that the end costs no long wait. Also in a child. */
    KeelFileSink *(*file_open)(const char *path, bool incremental);
    KeelSink *(*file_sink)(KeelFileSink *file);
    /* Ends it: all is on disk then. 0; -1 with errno. The sink is gone in either case. */
    int (*file_close)(KeelFileSink *file);
    /* Gives it up and removes the file. */
    void (*file_abandon)(KeelFileSink *file);
    /* Puts the file `from` in the place of `to`, for good: the directory is on disk too. */
    int (*file_rename)(const char *from, const char *to);
    /* Removes what children that are gone have left in the working directory: files whose names are
     * the number of a process, that does not live, between prefix and suffix. */
    void (*file_sweep)(const char *prefix, const char *suffix);
    /* A background save asked for now; 0, or -1: it could not be started. */
    int (*background_save)(KeelCtx *c);
    /* Like load_begin(), but what load() reads until load_end() goes aside (keel_stage_begin()), so
     * that a load which fails leaves the dataset in use whole; neither keel_db_flush() nor
     * load_flush() is wanted. With `serving` clients are served from that one meanwhile, and only
     * commands with KEEL_NO_ASYNC_LOADING are refused. False: load_refused(true), or a stage is
     * there. Not in a command. */
    bool (*load_begin_aside)(KeelCtx *c, const char *what, uint64_t total, bool serving);
    /* Why a dataset must not be loaded from a source that may break off while it is read (over the
     * one in use, or aside), for the log: "there are modules that ...". NULL: it may. */
    const char *(*load_refused)(bool aside);
    /* What the server that we copy has written is executed though the disk refuses it: ends the
     * process, or tells the log now and then, as replica-ignore-disk-write-errors says. */
    void (*peer_unwritten)(void);
    /* Like child_start(), but the child goes on with the caller's code: 0 there, else its pid or -1.
     * `run` is not used. It ends with _exit(). */
    int (*child_fork)(KeelCtx *c, const KeelChild *child);
    /* In such a child: tells the parent how much of the work is done, 0 to 1 (less than 0: as
     * before), and what memory it has to itself. */
    void (*child_report)(double share);
} KeelSnapshotOps;

typedef enum KeelStageStep {
    KEEL_STAGE_BEGIN,
    KEEL_STAGE_TAKE,                  /* the databases are exchanged at the same moment */
    KEEL_STAGE_DROP,
} KeelStageStep;

/* What other modules have to say when a dataset is saved and loaded. Provided as the interfaces
 * "snapshot.functions" and "snapshot.module-aux", version 100; while nobody does, what a file has
 * of it is kept as it came and written again. */
typedef struct KeelSnapshotPart {
    uint32_t size;
    /* Calls `emit` with the bytes of every item to be written. `after_keys`: see load. */
    int (*save)(KeelSink *sink, bool after_keys,
                int (*emit)(KeelSink *sink, KeelStr item));
    /* One item. 0; -1 after keel_load_fail(). For module-aux the source stands behind the opcode;
     * for functions the item is the whole text. */
    int (*load)(KeelCtx *c, KeelSource *source, KeelStr item, bool merge);
    /* All of it goes: a dataset is about to be loaded in its place. */
    void (*flush)(KeelCtx *c);
    /* A dataset is loaded aside: what load() reads after KEEL_STAGE_BEGIN is kept apart from what is
     * in use, and so is what save() and flush() see, until it takes the place of that or is dropped.
     * NULL: this part cannot, and datasets are not loaded aside. */
    void (*stage)(KeelCtx *c, KeelStageStep step);
    /* As KeelSnapshotOps.load_refused. NULL: it always may. */
    const char *(*refused)(bool aside);
} KeelSnapshotPart;

/* What a dataset's file says of where it stands in a stream of writes: provided as the interface
 * "snapshot.head", version 100. */
typedef struct KeelSnapshotHead {
    uint32_t size;
    /* The fields to write into every file that is saved now, ended by an empty name; they live until
     * the next call. In the parent, before the fork. NULL: none. */
    const KeelSnapshotField *(*fields)(void);
    /* A file, if there is one, is about to be loaded at start. True: keys past their time are kept,
     * as by a server that follows another one; false: they go, and the journal tells of each. */
    bool (*begin)(KeelCtx *c);
    /* A field of that file; with an empty name: the load is over and went well, or there was none. */
    void (*field)(KeelCtx *c, KeelStr name, KeelStr value);
} KeelSnapshotHead;

/* The interface "aof", version 100: what keeps every write. */
typedef struct KeelAofOps {
    uint32_t size;
    bool (*enabled)(void);            /* it is where data is loaded from at start */
    /* Bytes of writes since it was switched on, and those of them that are safe on disk. */
    uint64_t (*written)(void), (*synced)(void);
    /* The dataset is about to be replaced by another one: what keeps writes ends, until it resumes
     * with a new beginning, of what there is then. Nothing happens where it is off, or paused or
     * going on already. */
    void (*pause)(KeelCtx *c);
    void (*resume)(KeelCtx *c);
    /* What is safe on disk is all of the dataset: not while its beginning is still being written. */
    bool (*whole)(void);
} KeelAofOps;

#endif
