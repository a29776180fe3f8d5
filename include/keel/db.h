/* keel/db.h - databases: the selected one, sizes, scans, flushes, and the keyspace's clock. */
#ifndef KEEL_DB_H
#define KEEL_DB_H

#include <keel/base.h>
#include <keel/key.h>
#include <keel/type.h>

/* The number of databases; ids are 0 to count - 1. */
KEEL_API int keel_db_count(void);
/* The context's database. */
KEEL_API int keel_db(KeelCtx *c);
/* Changes it, for the rest of this call and, in a command, for the client. False: no such id. */
KEEL_API bool keel_db_select(KeelCtx *c, int db);
KEEL_API uint64_t keel_db_size(int db);
/* Keys that have an expiry, and the mean time they have left in milliseconds (an estimate). */
KEEL_API uint64_t keel_db_expiring(int db);
KEEL_API int64_t keel_db_mean_ttl(int db);
/* Removes all keys of one database, or of all with db -1, and returns how many there were. With
 * `lazy` the background thread frees them. Tells hooks (KEEL_EVENT_FLUSH). */
KEEL_API uint64_t keel_db_flush(KeelCtx *c, int db, bool lazy);
/* Exchanges two databases for all clients. */
KEEL_API void keel_db_swap(KeelCtx *c, int a, int b);

/* What a walk shows of a key. Views live until the callback returns. */
typedef struct KeelSeen {
    KeelStr name;
    const KeelType *type;
    int64_t expiry;
    void *entry_; /* the host's, as all with a trailing underscore */
    int db_;
} KeelSeen;
/* Gives the key's value, for walks that need it. Allowed in the callback only. */
KEEL_API void keel_seen_value(const KeelSeen *seen, KeelValue *out);
/* Bytes that the key takes. */
KEEL_API size_t keel_seen_memory(const KeelSeen *seen, size_t samples);
KEEL_API int64_t keel_seen_idle(const KeelSeen *seen);
KEEL_API int keel_seen_freq(const KeelSeen *seen);

/* Visits the buckets from `cursor` on until about `count` keys were seen; returns the next cursor,
 * 0 at the end. Every key that is there during the whole walk is seen at least once, whatever else
 * comes, goes or resizes. Cursors fit 48 bits. Expired keys are shown; `each` may not change the
 * keyspace. */
KEEL_API uint64_t keel_db_scan(int db, uint64_t cursor, size_t count,
                               void (*each)(const KeelSeen *seen, void *data), void *data);
/* The same over keys that have an expiry. */
KEEL_API uint64_t keel_db_scan_expiring(int db, uint64_t cursor, size_t count,
                                        void (*each)(const KeelSeen *seen, void *data),
                                        void *data);
/* Starts to fetch into the processor's cache what a scan from `cursor` will read: its bucket, or,
 * when that has come, its `entries`. For who knows early where it will look. Changes nothing. */
KEEL_API void keel_db_scan_ahead(int db, bool expiring_only, uint64_t cursor, bool entries);
/* All keys at once, also in a fork child. Stops and returns false when `each` returns false. */
KEEL_API bool keel_db_each(int db, bool (*each)(const KeelSeen *seen, void *data), void *data);
/* A key chosen at random (uniformly up to bucket skew), only among expiring ones when asked. False
 * when there is none. */
KEEL_API bool keel_db_random(int db, bool expiring_only, KeelSeen *out);

/* A stage: a second set of databases, empty at first, that no client sees. A dataset is put together
 * in it while the one in use is served, and then takes its place at once. What is done to its keys is
 * told to no hook, no journal and no client that waits; keys are in no notification.
 *
 * There is one stage at a time; false: there is one already. */
KEEL_API bool keel_stage_begin(void);
KEEL_API bool keel_stage_there(void);
/* The context works on the stage from now on, or again on what clients see: keel_db_select() and all
 * that opens keys through it. Its database keeps its number. A context for loading, not to be blocked
 * or called with; functions that take a database's number alone mean what clients see. Leave before
 * the command or callback returns. */
KEEL_API void keel_stage_enter(KeelCtx *c);
KEEL_API void keel_stage_leave(KeelCtx *c);
/* Exchanges what is in the stage with what clients see, all databases at once. Hooks hear of a
 * KEEL_EVENT_FLUSH with `replaced` set, before and after; clients that wait for keys which are there
 * now, or gone, are served. The stage then has the old dataset, until it ends. Contexts: a timer, a
 * descriptor, a posted call, a command. Cost: a few words a database, watched keys, waiting clients. */
KEEL_API void keel_stage_swap(KeelCtx *c);
/* Ends the stage and frees what is in it: on the background thread with `lazy`. */
KEEL_API void keel_stage_end(bool lazy);

/* Room for so many more keys in the context's database at once, before a load. */
KEEL_API void keel_db_reserve(KeelCtx *c, uint64_t keys);
/* Bytes of a database's tables, without entries. */
KEEL_API void keel_db_overhead(int db, size_t *keys, size_t *expiring);
/* Buckets and overflow buckets, for DEBUG HTSTATS: a text of at most `room` bytes. */
KEEL_API size_t keel_db_stats_text(int db, char *out, size_t room);

/* Whether keys past their time are removed: in the background, and when looked up. Both are on at
 * first. The first returns what it was before. The second is counted, as several may have reasons
 * of their own (a pause, another server that decides): who switched it off switches it on again.
 * While it is off keys past their time stay; clients do not see them, but for the peer that feeds
 * us (KEEL_CLIENT_PRIMARY), to which they are there. */
KEEL_API bool keel_expire_background(bool on);
KEEL_API void keel_expire_on_access(bool on);
/* While keel_expire_on_access() is off: whether a key past its time still goes when it is opened
 * for writing. Off at first. */
KEEL_API void keel_expire_by_writers(bool on);
/* Removes the key of a handle, opened with KEEL_KEY_EXPIRED_TOO, as one whose time is over: hooks
 * hear KEEL_EXPIRED, "expired_keys" counts it and the journal gets a DEL or UNLINK. False: it is
 * missing, or its time is not over. */
KEEL_API bool keel_key_expire(KeelKey *key);
/* Whether keys may go by themselves now: keel_expire_on_access() is on, and not
 * while a dataset loads. Those who remove keys that no command named ask first. Cost: a load. */
KEEL_API bool keel_expires_on_access(void);
/* Whether a dataset loads now, into what clients see: between KEEL_EVENT_LOADING's first and last
 * phase, unless that says `aside`. Keys do not expire meanwhile, so that commands that are replayed
 * find what they found. */
KEEL_API bool keel_loading(void);
/* Which access clock entries keep: seconds (false) or logarithmic frequency (true). */
KEEL_API void keel_access_frequency(bool on, int log_factor, int decay_minutes);

/* Pauses and resumes table resizing, counted: while a fork child shares our pages. */
KEEL_API void keel_resize_pause(void);
KEEL_API void keel_resize_resume(void);
KEEL_API bool keel_resize_paused(void);

/* Wall clock of this turn in milliseconds and microseconds since 1970. In a command it does not
 * move, so that all of its looks at expiries agree. Cost: a load. */
KEEL_API int64_t keel_now_ms(void);
KEEL_API int64_t keel_now_us(void);
/* Steady nanoseconds, read now. Any thread. */
KEEL_API int64_t keel_monotonic_ns(void);

/* Changes since start (INFO's rdb_changes_since_last_save counts from a mark). */
KEEL_API uint64_t keel_dirty(void);
/* Adds to it without a key: for commands such as FLUSHALL. In a command, it propagates. */
KEEL_API void keel_dirty_add(KeelCtx *c, uint64_t n);

#endif
