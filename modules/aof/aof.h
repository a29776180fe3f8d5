/* aof.h - what the files of the aof module share. */
#ifndef AOF_H
#define AOF_H

#include <keel.h>
#include <keel/snapshot.h>

#include <stdio.h>

enum { PATH_ROOM = 4096 };

/* --- aof.c: settings, state ----------------------------------------------------------------- */

typedef enum AofState {
    AOF_OFF,
    AOF_WAITING,    /* switched on at run time: the first rewrite makes the base */
    AOF_ON,
} AofState;
typedef enum AofPolicy { SYNC_NO, SYNC_ALWAYS, SYNC_EVERYSEC } AofPolicy;

extern AofState aof_state;
extern int aof_policy;
extern bool aof_on, load_truncated, use_preamble, no_sync_on_rewrite, timestamps;
extern bool rewrite_incremental, keep_history;
extern char *aof_filename, *aof_dirname;
extern int64_t rewrite_percentage, rewrite_min_size, flush_sleep;
extern const KeelSnapshotOps *snapshot;
extern int aof_subscriber, aof_gate;

/* "appenddirname/name" into `out`; the result is `out`. */
char *aof_path(char out[PATH_ROOM], const char *name);

/* --- manifest.c: which files there are ------------------------------------------------------ */

enum { FILE_BASE = 'b', FILE_HISTORY = 'h', FILE_INCREMENT = 'i' };
typedef struct AofFile {
    char *name;
    int64_t seq;
    char type;
} AofFile;
typedef struct Manifest {
    AofFile *files;     /* in the order of their coming */
    size_t count;
    int64_t base_seq, increment_seq;
} Manifest;
extern Manifest manifest;

/* Reads the manifest; none is an empty one. Ends the process on a bad one, as nobody can tell what
 * to load then. */
void manifest_load(Manifest *m);
/* `manifest`, unless it was read already. */
void manifest_know(void);
void manifest_copy(Manifest *to, const Manifest *from);
void manifest_free(Manifest *m);
const AofFile *manifest_base(const Manifest *m);
const AofFile *manifest_last_increment(const Manifest *m);
size_t manifest_increments(const Manifest *m);
void manifest_add(Manifest *m, const char *name, int64_t seq, char type);
/* A new base, all before it history; a new increment. The name is the manifest's. */
const char *manifest_new_base(Manifest *m, bool preamble);
const char *manifest_new_increment(Manifest *m);
/* All increments but the last `keep` are history. */
void manifest_retire_increments(Manifest *m, size_t keep);
/* Writes it, for good. 0; -1 with errno, logged. */
int manifest_persist(const Manifest *m);
/* Unlinks history, and takes it off the manifest. */
void manifest_delete_history(void);
int aof_make_directory(void);

/* --- sync.c: the thread that syncs ---------------------------------------------------------- */

/* Syncs `fd` beside us: when that is done, all bytes up to `offset` are safe. */
void sync_start(int fd, uint64_t offset, bool close_it);
size_t sync_pending(void);
uint64_t sync_done_offset(void);
void sync_note_done(uint64_t offset);
/* errno of a sync that failed, 0: none did. Stays until cleared. */
int sync_error(void);
void sync_clear_error(void);
void sync_stop(void);       /* waits for all of it and ends the thread */

/* --- write.c: from the journal to the file -------------------------------------------------- */

extern uint64_t aof_size, aof_base_size;    /* of all files; of that when it was last rewritten */
void write_records(const KeelRecord *records, size_t n);
/* Writes what waits; `force`: though a sync is under way. 0; -1: not all of it. */
int write_flush(bool force);
/* Goes on in the file open as `fd`, `size` bytes long. The one before is synced and closed. */
void write_switch(int fd, uint64_t size);
int write_fd(void);
void write_close(void);
/* Now: 0; -1 with errno, and nothing written is to be believed. */
int write_sync(void);
void write_cron(void);
bool write_broken(void);    /* a sync failed: the file is not to be trusted */
void write_healed(void);    /* the data is in new files */
void write_info(KeelInfo *info);
bool write_good(void);
size_t write_buffered(void);
uint64_t write_total(void);
KeelVerdict write_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);

/* --- load.c --------------------------------------------------------------------------------- */

typedef enum LoadResult { LOAD_GOOD, LOAD_NONE, LOAD_FAILED, LOAD_GIVEN_UP } LoadResult;
LoadResult aof_load(KeelCtx *c, Manifest *m);
/* An old server's single file becomes the base. Ends the process when that fails. */
void aof_upgrade(Manifest *m);

/* --- rewrite.c ------------------------------------------------------------------------------ */

KeelHandler aof_bgrewriteaof;
/* 0; -1: could not start, logged. */
int rewrite_start(KeelCtx *c);
void rewrite_schedule(void);
bool rewrite_running(void);
void rewrite_cron(KeelCtx *c);
void rewrite_kill(KeelCtx *c);
/* The first base of all, as the server starts. Ends the process when that fails. */
void rewrite_open_at_start(void);
void rewrite_info(KeelInfo *info);
void rewrite_reset(void);

#endif
