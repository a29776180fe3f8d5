/* keel/key.h - one key at a time: look it up, read its value, change it.
 *
 * A KeelKey lives on the caller's stack and needs no closing. It stays valid while its command
 * runs, through changes made with any handle, but views of values do not survive changes.
 *
 * A command may open only keys that its row declares: builds with KEEL_DEBUG abort otherwise. */
#ifndef KEEL_KEY_H
#define KEEL_KEY_H

#include <keel/base.h>
#include <keel/type.h>

struct KeelKey {
    KeelCtx *ctx;
    KeelStr name;
    void *db_;       /* fields with a trailing underscore are the host's */
    uint64_t hash_;
    void *entry_;
    void *place_;
    uint64_t stamp_;
    unsigned mode;
};

enum {
    KEEL_KEY_READ = 0,
    KEEL_KEY_WRITE = 1u << 0,
    KEEL_KEY_NO_TOUCH = 1u << 1,   /* leave the access clock */
    KEEL_KEY_NO_STATS = 1u << 2,   /* count neither hit nor miss, tell nobody of a miss */
    KEEL_KEY_EXPIRED_TOO = 1u << 3, /* find keys that are past their time */
    KEEL_KEY_NO_EXPIRE = 1u << 4,  /* an expired key is not there, but is not removed either */
};

/* Looks `name` up in the context's database. True when the key exists and has not expired. The
 * bytes of `name` must stay as long as the handle. Cost: two cache misses, none when prefetched. */
KEEL_API bool keel_key_open(KeelCtx *c, KeelStr name, unsigned mode, KeelKey *key);
/* The same in database `db`, which must exist. */
KEEL_API bool keel_key_open_in(KeelCtx *c, int db, KeelStr name, unsigned mode, KeelKey *key);
/* The number of the database that it is in. */
KEEL_API int keel_key_db(const KeelKey *key);
/* Whether it is there (now, after whatever was done through it). */
static inline bool keel_key_exists(const KeelKey *key) {
    return key->entry_ != NULL;
}

/* NULL when the key is missing. */
KEEL_API const KeelType *keel_key_type(const KeelKey *key);
/* Missing keys are of every type: for "create or use" commands. */
KEEL_API bool keel_key_is(const KeelKey *key, const KeelType *type);

/* The value of a type that is not bytes. The key exists. */
KEEL_API void *keel_key_value(const KeelKey *key);
/* The value in full, for type callbacks. The key exists. */
KEEL_API void keel_key_view(const KeelKey *key, KeelValue *out);

/* The bytes of a value of bytes; an integer's digits are put into `scratch`. The key exists and is
 * of a type of bytes. The view is not NUL-terminated. */
KEEL_API KeelStr keel_key_bytes(const KeelKey *key, char scratch[KEEL_INT_ROOM]);
/* The same in one step for a key that may be missing or of another type than `type`: ptr is NULL
 * then. */
KEEL_API KeelStr keel_key_bytes_of(const KeelKey *key, const KeelType *type,
                                   char scratch[KEEL_INT_ROOM]);
KEEL_API size_t keel_key_bytes_len(const KeelKey *key);
/* The integer that the bytes spell canonically, if they do. */
KEEL_API bool keel_key_int(const KeelKey *key, int64_t *out);

/* How bytes are kept. */
typedef enum KeelForm {
    KEEL_FORM_EMBEDDED, /* inside the entry */
    KEEL_FORM_INT,      /* as an integer */
    KEEL_FORM_BUFFER,   /* in a buffer of their own: long, or changed in place */
    KEEL_FORM_VALUE,    /* not bytes: a pointer of the type's */
} KeelForm;
KEEL_API KeelForm keel_key_form(const KeelKey *key);

/* Sets the value, creating the key or replacing what it held, and its expiry (milliseconds since
 * 1970, KEEL_NO_EXPIRY or KEEL_KEEP_EXPIRY). Hooks hear that the old value is overwritten, except
 * under KEEL_KEEP_EXPIRY: then it counts as the old one changed. Bytes that spell an integer are kept as one. When `v`
 * is an argument with a buffer of its own, the buffer becomes the value. An old value is freed. */
KEEL_API void keel_key_set_bytes(KeelKey *key, const KeelType *type, KeelStr v, int64_t expiry);
/* The same, but what spells an integer stays text: for results that were not integers. */
KEEL_API void keel_key_set_text(KeelKey *key, const KeelType *type, KeelStr v, int64_t expiry);
KEEL_API void keel_key_set_int(KeelKey *key, const KeelType *type, int64_t v, int64_t expiry);
/* `ptr` now belongs to the keyspace, which frees it with type->free. */
KEEL_API void keel_key_set_value(KeelKey *key, const KeelType *type, void *ptr, int64_t expiry);
/* The value moved, as blocks do when they grow: its pointer is `ptr` from now on. Nothing is freed and
 * nothing else changes. The key exists and its type is not one of bytes. */
KEEL_API void keel_key_value_moved(KeelKey *key, void *ptr);
/* Writable bytes of exactly `len`: the old ones, cut or filled with zeros, the key created when
 * missing; the expiry stays. NULL, and nothing changed, when memory is lacking. The value is in
 * KEEL_FORM_BUFFER afterwards. Grows with room to spare: appending is amortised O(1). */
KEEL_API char *keel_key_bytes_edit(KeelKey *key, const KeelType *type, size_t len);

/* Removes the key and frees its value; `lazy` lets the background thread free large ones. False
 * when it was missing. */
KEEL_API bool keel_key_delete(KeelKey *key, bool lazy);
/* Removes the key to make room, not because a command asked for it: hooks hear KEEL_EVICTED and the
 * notification "evicted", "evicted_keys" counts it, and the journal gets a DEL (UNLINK when `lazy`)
 * of its own. The running command does not become dirty. False when it was missing. */
KEEL_API bool keel_key_evict(KeelKey *key, bool lazy);

/* Milliseconds since 1970, KEEL_NO_EXPIRY when there is none or the key is missing. */
KEEL_API int64_t keel_key_expiry(const KeelKey *key);
/* The key exists. A time in the past is accepted and takes effect at the next look. */
KEEL_API void keel_key_set_expiry(KeelKey *key, int64_t ms);

/* Access clocks: seconds since the last access (LRU), or the logarithmic counter (LFU), whichever
 * the server keeps; -1 when it keeps the other one. */
KEEL_API int64_t keel_key_idle(const KeelKey *key);
KEEL_API int keel_key_freq(const KeelKey *key);
KEEL_API void keel_key_set_idle(KeelKey *key, int64_t seconds);
KEEL_API void keel_key_set_freq(KeelKey *key, int freq);
KEEL_API void keel_key_touch(KeelKey *key);

/* Moves the entry, value and expiry to `to` (a handle opened for writing, perhaps in another
 * database); what `to` held is freed, `from` no longer exists.
 * Onto itself: nothing happens. */
KEEL_API void keel_key_move(KeelKey *from, KeelKey *to);
/* Copies it. False when the type cannot, and nothing changed. */
KEEL_API bool keel_key_copy(const KeelKey *from, KeelKey *to);
/* Bytes that the key takes, entry and value. */
KEEL_API size_t keel_key_memory(const KeelKey *key, size_t samples);

/* Classes of keyspace events, as notify-keyspace-events selects them. */
enum {
    KEEL_NOTIFY_GENERIC = 1u << 2,
    KEEL_NOTIFY_STRING = 1u << 3,
    KEEL_NOTIFY_LIST = 1u << 4,
    KEEL_NOTIFY_SET = 1u << 5,
    KEEL_NOTIFY_HASH = 1u << 6,
    KEEL_NOTIFY_ZSET = 1u << 7,
    KEEL_NOTIFY_EXPIRED = 1u << 8,
    KEEL_NOTIFY_EVICTED = 1u << 9,
    KEEL_NOTIFY_STREAM = 1u << 10,
    KEEL_NOTIFY_MISS = 1u << 11,
    KEEL_NOTIFY_LOADED = 1u << 12,
    KEEL_NOTIFY_MODULE = 1u << 13,
    KEEL_NOTIFY_NEW = 1u << 14,
};

/* After a change: the key is modified (WATCH and tracking hear of it), the command is dirty (so it
 * goes to the journal), and `event` of class `kind` is announced. `event` NULL: announce nothing. */
KEEL_API void keel_key_changed(KeelKey *key, unsigned kind, const char *event);
/* Announces a further event of the same change. */
KEEL_API void keel_key_notify(KeelKey *key, unsigned kind, const char *event);

#endif
