/* snapshot.h - what the files of the snapshot module share. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <keel.h>
#include <keel/snapshot.h>

/* What stands before the parts of a stream. Below 240: the type of a value. */
enum {
    OP_FUNCTION2 = 245,
    OP_FUNCTION_OLD = 246, /* of a release candidate; nobody reads it */
    OP_MODULE_AUX = 247,
    OP_IDLE = 248,
    OP_FREQ = 249,
    OP_AUX = 250,
    OP_RESIZEDB = 251,
    OP_EXPIRY_MS = 252,
    OP_EXPIRY = 253,
    OP_SELECTDB = 254,
    OP_END = 255,
};

/* snapshot.c: settings. */
extern int64_t key_save_delay, key_load_delay, serve_interval;
extern bool write_checksum, incremental_sync, stop_writes_on_error;
extern char *db_filename;

/* save.c, load.c: the stream. */
int stream_save(KeelSink *sink, const KeelSaveOptions *options);
int stream_load(KeelCtx *c, KeelSource *source, const KeelLoadOptions *options,
                KeelLoadResult *result);
/* Sleeps after a key, as the delays that tests set want it: so many microseconds, or when negative
 * one after so many keys on average. */
void key_delay(int64_t us);

/* kept.c: functions and modules' data that nobody here knows what to do with, kept as they came. */
int kept_save_functions(KeelSink *sink);
int kept_save_aux(KeelSink *sink, bool after_keys);
int kept_load_function(KeelCtx *c, KeelSource *source, bool merge);
int kept_load_aux(KeelCtx *c, KeelSource *source, bool merge, bool after_keys);
void kept_flush(KeelCtx *c);
/* Loads go aside from KEEL_STAGE_BEGIN on, as KeelSnapshotPart says. */
void kept_stage(KeelCtx *c, KeelStageStep step);
const char *kept_refused(bool aside);
/* The nine letters of a module type's id. */
void module_type_name(uint64_t id, char name[10]);

/* loading.c: the state of being loaded. */
extern int loading_gate, async_loading_gate;
KeelVerdict loading_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
void loading_begin(KeelCtx *c, const char *what, uint64_t total);
bool loading_begin_aside(KeelCtx *c, const char *what, uint64_t total, bool serving);
bool loading_now(void);
bool loading_aside(void);
bool loading_progress(uint64_t done);
void loading_end(KeelCtx *c, bool good);
void loading_note_memory(uint64_t bytes);
void loading_note_counts(uint64_t loaded, uint64_t expired);
void loading_info_first(KeelInfo *info), loading_info_counts(KeelInfo *info);
void loading_info_progress(KeelInfo *info);

/* child.c: one fork child that writes. */
int child_start(KeelCtx *c, const KeelChild *child);
int child_fork(KeelCtx *c, const KeelChild *child);
void child_report(double share);
bool child_kill(KeelCtx *c, const char *name);
const char *child_name(void);
void child_progress(uint64_t keys);
int64_t child_seconds(void);
bool child_here(void);         /* we are in it */
void child_poll(void);         /* reads what it reports */
void child_reaped(KeelCtx *c, const void *data);
void child_info(KeelInfo *info);
size_t child_last_cow(const char *name);

/* file.c: files as sinks and sources. */
KeelFileSink *file_open(const char *path, bool incremental);
KeelSink *file_sink(KeelFileSink *file);
int file_close(KeelFileSink *file);
void file_abandon(KeelFileSink *file);
int file_rename(const char *from, const char *to);
void file_sweep(const char *prefix, const char *suffix);
typedef struct FileSource FileSource;
FileSource *source_open(const char *path, uint64_t *size); /* NULL with errno */
KeelSource *source_of(FileSource *file);
void source_close(FileSource *file);

/* store.c: the file on disk, when it is written and when it is read. */
KeelHandler snapshot_save, snapshot_bgsave, snapshot_lastsave;
int store_background(KeelCtx *c);
/* 0; -1: it is no good, which was logged; 1: there is none; 2: given up, as the server ends. */
int store_load(KeelCtx *c, bool merge);
int store_load_at_start(KeelCtx *c);
int store_save(KeelCtx *c);
void store_cron(KeelCtx *c);
void store_flushed(KeelCtx *c, const void *data);
void store_shutdown(KeelCtx *c, const void *data);
void store_saved_up_to_now(void);
void store_info(KeelInfo *info);
void store_begin(void);
bool points_set(const KeelConfig *config, const KeelStr *argv, int argc, const char **reason);
void points_get(const KeelConfig *config, KeelConfigOut *out);
extern int disk_gate;
KeelVerdict disk_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
void disk_arm(void);
void store_peer_unwritten(void);

/* reload.c: DEBUG RELOAD. */
extern const KeelDebug debug_reload;

#endif
