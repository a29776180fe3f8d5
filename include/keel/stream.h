/* keel/stream.h - the interface "stream": what the module that owns streams offers to others, and
 * that a replacement of it must bring too.
 *
 * A stream is a log of entries, each an id (milliseconds and a sequence number, always growing) and
 * pairs of a field and a value. Consumer groups stay the owner's business, but for reading them
 * this interface is enough.
 *
 * These functions change values and nothing else: whoever changes one calls keel_key_changed(),
 * and after an addition keel_key_ready(), so that those who wait for entries are served. A stream
 * may be empty: its key stays. */
#ifndef KEEL_STREAM_H
#define KEEL_STREAM_H

#include <keel/base.h>
#include <keel/type.h>

#define KEEL_STREAM_VERSION 100

typedef struct KeelStreamId {
    uint64_t ms, seq;
} KeelStreamId;

#define KEEL_STREAM_ID_ROOM 44 /* "18446744073709551615-18446744073709551615" and a NUL */

enum {
    KEEL_STREAM_OK = 0,
    KEEL_STREAM_NOT_GREATER = -1, /* the id is not above the last one, or ids are used up */
    KEEL_STREAM_TOO_LARGE = -2,   /* the entry does not fit */
};

/* A walk over entries, which the owner of streams allocates. */
typedef struct KeelStreamWalk KeelStreamWalk;

/* From keel_interface("stream", KEEL_STREAM_VERSION), and the type's `operations`. Contexts:
 * command. Every `key` holds a stream unless it says otherwise; those that change it were opened
 * for writing. */
typedef struct KeelStreamOps {
    uint32_t size;
    /* For keel_key_is(). */
    const KeelType *type;
    /* True: the key holds a stream or is missing. False: WRONGTYPE was replied. */
    bool (*check)(KeelCtx *c, const KeelKey *key);
    /* Puts an empty stream into a key, whatever it held. */
    void (*create)(KeelKey *key);
    /* Appends an entry of `pairs` fields, each followed by its value. With `generate` the next id
     * for this time is made and stored in *id; otherwise *id is used. KEEL_STREAM_*. Cost: O(1). */
    int (*add)(KeelKey *key, KeelStreamId *id, bool generate, const KeelStr *fields,
               size_t pairs);
    /* False: there is no such entry. Cost: a seek and a walk over one node. */
    bool (*remove)(KeelKey *key, KeelStreamId id);
    uint64_t (*length)(const KeelKey *key);
    /* The id of the newest entry that there ever was; 0-0: there was none. */
    KeelStreamId (*last)(const KeelKey *key);
    /* Evicts the oldest entries until at most `keep` are left, or none has an id below `from`;
     * `whole_nodes` evicts only what costs no rewriting of a node, and so may leave some more.
     * Return how many went. */
    uint64_t (*trim_length)(KeelKey *key, uint64_t keep, bool whole_nodes);
    uint64_t (*trim_id)(KeelKey *key, KeelStreamId from, bool whole_nodes);
    /* A walk over the entries from `from` to `to`, both included, or backwards from `to`. The
     * stream may change while it lasts only through walk_remove(). End it with walk_end(). */
    KeelStreamWalk *(*walk)(const KeelKey *key, KeelStreamId from, KeelStreamId to, bool backwards);
    /* Moves to the next entry. False: there is none. *id and *pairs may be NULL. */
    bool (*walk_next)(KeelStreamWalk *walk, KeelStreamId *id, size_t *pairs);
    /* The next field of the entry. False: that was all. Views live until the next call. */
    bool (*walk_field)(KeelStreamWalk *walk, KeelStr *field, KeelStr *value);
    /* Removes the entry that walk_next() moved to. */
    void (*walk_remove)(KeelStreamWalk *walk);
    void (*walk_end)(KeelStreamWalk *walk);
    /* "1526919030474-55", or "1526919030474" with `seq` for what is missing. False: neither. */
    bool (*parse_id)(KeelStr text, uint64_t seq, KeelStreamId *id);
    /* Writes an id into KEEL_STREAM_ID_ROOM bytes and returns its length. */
    size_t (*format_id)(char *out, KeelStreamId id);
} KeelStreamOps;

#endif
