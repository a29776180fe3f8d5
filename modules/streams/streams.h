/* streams.h - what the files of this module share. See streams.c for the data structure. */
#ifndef STREAMS_H
#define STREAMS_H

#include <ds/listpack.h>
#include <ds/radix.h>
#include <keel.h>
#include <string.h>

typedef KeelStreamId Id;

#define ID_MIN ((Id){0, 0})
#define ID_MAX ((Id){UINT64_MAX, UINT64_MAX})
#define ID_BYTES 16

/* A consumer of a group: who has taken entries and not acknowledged them. */
typedef struct Consumer {
    int64_t seen;    /* milliseconds since 1970 of its last attempt */
    int64_t active;  /* of its last success; -1: there was none */
    Radix pending;   /* id -> Pending, those of the group's that are its own */
    KeelStr name;    /* behind the struct */
} Consumer;

/* An entry that was delivered and is not acknowledged. In two trees, owned by the group's. */
typedef struct Pending {
    int64_t delivered; /* milliseconds since 1970 */
    uint64_t count;    /* deliveries */
    Consumer *consumer;
} Pending;

#define READ_UNKNOWN (-1)
typedef struct Group {
    Id last;          /* delivered last */
    int64_t read;     /* entries that were read since the stream began; READ_UNKNOWN */
    Radix pending;    /* id -> Pending */
    Radix consumers;  /* name -> Consumer */
} Group;

typedef struct Stream {
    Radix nodes;       /* id of a node's master entry -> listpack */
    uint64_t length;   /* live entries */
    uint64_t added;    /* entries that there ever were */
    Id first, last, max_deleted;
    Radix groups;      /* name -> Group */
    uint8_t *tail;     /* the node that is appended to; NULL: look it up */
    size_t tail_room;  /* bytes of its block */
    Id tail_id;        /* of its master entry */
} Stream;

extern const KeelType streams_type;
extern int64_t node_max_bytes, node_max_entries; /* settings */

/* ---- id.c ------------------------------------------------------------------------------------ */

static inline int id_compare(Id a, Id b) {
    if (a.ms != b.ms) return a.ms < b.ms ? -1 : 1;
    return a.seq == b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}
static inline bool id_is_zero(Id id) {
    return !id.ms && !id.seq;
}
/* An id as a key that sorts as ids do. */
typedef struct IdKey {
    char bytes[ID_BYTES];
} IdKey;
static inline IdKey id_key(Id id) {
    uint64_t words[2] = {__builtin_bswap64(id.ms), __builtin_bswap64(id.seq)};
    IdKey key;
    memcpy(key.bytes, words, ID_BYTES);
    return key;
}
static inline KeelStr id_key_str(const IdKey *key) {
    return (KeelStr){key->bytes, ID_BYTES};
}
static inline Id id_of_key(const char *bytes) {
    uint64_t words[2];
    memcpy(words, bytes, ID_BYTES);
    return (Id){__builtin_bswap64(words[0]), __builtin_bswap64(words[1])};
}
/* The next and the previous id. False: there is none, *id wraps around. */
bool id_increment(Id *id);
bool id_decrement(Id *id);
/* The id for a new entry now. */
Id id_next(Id last);
size_t id_format(char *out, Id id); /* KEEL_STREAM_ID_ROOM bytes */
void id_reply(KeelCtx *c, Id id);
/* "ms-seq", or "ms" with `seq` for what is missing; unless `strict`, "-" and "+" too. With
 * `generated` also "ms-*", which sets it. */
bool id_parse(KeelStr text, uint64_t seq, bool strict, bool *generated, Id *id);
/* The same; false after an error was replied. */
bool id_argument(KeelCtx *c, KeelStr text, uint64_t seq, Id *id);
bool id_strict_argument(KeelCtx *c, KeelStr text, Id *id);
/* An end of a range: "(" excludes it. `start` tells which end. */
bool id_range_argument(KeelCtx *c, KeelStr text, bool start, Id *id);
/* Parses argv[from .. argc) strictly into a block that lives until the next call. */
Id *id_arguments(KeelCtx *c, const KeelStr *argv, int from, int argc);
void ids_release(void); /* frees that block */

/* ---- node.c ---------------------------------------------------------------------------------- */

enum { ENTRY_DELETED = 1, ENTRY_SAME_FIELDS = 2 }; /* an entry's flags */

/* The head of a node. */
typedef struct NodeHead {
    int64_t live, deleted, fields;
    uint8_t *names;  /* the first field; where there is none, the terminator */
} NodeHead;

/* An entry at hand. */
typedef struct NodeEntry {
    uint8_t *at;     /* its flags */
    int64_t flags, pairs;
    Id id;
    uint8_t *content; /* the first value, or the first field */
} NodeEntry;

NodeHead node_head(const uint8_t *node);
/* The node's first entry; NULL: none. */
uint8_t *node_first(const uint8_t *node, const NodeHead *head);
/* Reads the entry whose flags are at `at`. */
void node_entry(const uint8_t *node, const NodeHead *head, Id master, uint8_t *at, NodeEntry *out);
/* The entry behind, and the one before. NULL: none. */
uint8_t *node_after(const uint8_t *node, const NodeEntry *entry);
uint8_t *node_before(const uint8_t *node, const NodeEntry *entry);
uint8_t *node_last(const uint8_t *node);
/* Whether an entry with content of so many bytes goes into this node. */
bool node_takes(const uint8_t *node, size_t content);
/* Makes a node with its first entry. `room` gets the bytes of its block. NULL: no memory. */
uint8_t *node_new(const KeelStr *fields, size_t pairs, size_t *room, size_t hint);
/* Appends an entry; returns the node, perhaps moved. NULL: no memory, and nothing changed. */
uint8_t *node_append(uint8_t *node, size_t *room, Id master, Id id, const KeelStr *fields,
                     size_t pairs);
/* Marks entries, and adjusts what the head says. */
void node_mark(uint8_t *entry, int64_t flags);
uint8_t *node_count(uint8_t *node, int64_t live, int64_t deleted);
/* Whether bytes from outside are a node whose master entry has this id: structure, counts, order.
 * *live, *first and *last get what is in it; the ids include deleted entries. */
bool node_valid(const void *bytes, size_t size, Id master, uint64_t *live, Id *first, Id *last);

/* ---- stream.c -------------------------------------------------------------------------------- */

Stream *stream_new(void);
void stream_free(void *stream);
Stream *stream_copy(const Stream *s);
/* Appends an entry; the caller has checked that `id` is above s->last. False: the entry is too
 * large for a node or for memory, nothing changed, and *reason says so. */
bool stream_append(Stream *s, Id id, const KeelStr *fields, size_t pairs,
                   const char **reason);
/* False: there is no such entry. Adjusts length, first and max_deleted. */
bool stream_remove(Stream *s, Id id);
bool stream_has(Stream *s, Id id);
/* The first entry's id. `deleted_too`: entries that are only marked count. No entry: ID_MAX. */
Id stream_first(Stream *s, bool deleted_too);
/* The id of the last live entry; ID_MIN: none. */
Id stream_last(Stream *s);

typedef struct Trim {
    enum { TRIM_NONE, TRIM_LENGTH, TRIM_ID } by;
    bool approximate; /* whole nodes only */
    uint64_t length;
    Id id;
    int64_t limit;    /* entries at most; 0: any number */
} Trim;
uint64_t stream_trim(Stream *s, const Trim *trim);

/* Entries read up to this id since the stream began, as far as it can be told; READ_UNKNOWN. */
int64_t stream_distance(const Stream *s, Id id);
/* Whether entries from `from` on were deleted. */
bool stream_has_holes(const Stream *s, Id from);

/* A walk over the live entries from one id to another, both included. Only walk_remove() may change
 * the stream meanwhile. */
typedef struct Walk {
    Stream *stream;
    RadixWalk nodes;
    Id from, to, master;
    bool backwards, deleted_too, opened;
    uint8_t *node, *next; /* next: flags of the entry to look at; NULL: another node */
    NodeHead head;
    NodeEntry entry;
    uint8_t *name, *value; /* what walk_field() gives next */
    int64_t left;
} Walk;
void walk_begin(Walk *w, Stream *s, Id from, Id to, bool backwards);
bool walk_next(Walk *w);
/* The next field of the entry; false: that was all. */
bool walk_field(Walk *w, LpValue *name, LpValue *value);
/* Leaves it to the caller to call stream_removed(). */
void walk_remove(Walk *w);
/* An entry went that was deleted, not trimmed. */
void stream_removed(Stream *s, Id id);
void walk_end(Walk *w);

/* ---- group.c --------------------------------------------------------------------------------- */

Group *group_find(const Stream *s, KeelStr name);
/* NULL: there is one of this name, or the name is too long. */
Group *group_add(Stream *s, KeelStr name, Id last, int64_t read);
bool group_remove(Stream *s, KeelStr name);
void group_free(void *group);
void groups_copy(const Stream *from, Stream *to);
Consumer *consumer_find(const Group *g, KeelStr name);
/* NULL: there is one of this name, or the name is too long. */
Consumer *consumer_add(Group *g, KeelStr name, int64_t now);
/* With what is pending for it. */
void consumer_remove(Group *g, Consumer *consumer);
Pending *pending_find(const Group *g, Id id);
/* A new one, or the one that there is, given to this consumer. */
Pending *pending_give(Group *g, Consumer *consumer, Id id, int64_t now);
/* Hands an entry to another consumer (which may have it already). */
void pending_move(Pending *p, Consumer *to, Id id);
void pending_remove(Group *g, Pending *p, Id id);
int64_t group_lag(const Stream *s, const Group *g, bool *known);

/* ---- defragment.c ---------------------------------------------------------------------------- */

void *stream_defragment(const KeelValue *v, uint64_t *cursor);
void defragment_release(void); /* frees what it remembers between parts of a value */

/* ---- reply.c --------------------------------------------------------------------------------- */

/* The entry a walk stands on: [id, [field, value ...]]. */
void reply_entry(KeelCtx *c, Walk *w);
/* One entry by id; false: it is not there, nothing was replied. */
bool reply_entry_of(KeelCtx *c, Stream *s, Id id);
/* Entries of a range as an array; `count` 0: all. */
void reply_range(KeelCtx *c, Stream *s, Id from, Id to, uint64_t count, bool backwards);

/* What a change of a group is recorded as. */
void record_claim(KeelCtx *c, KeelStr key, KeelStr group, const Group *g, KeelStr id,
                  const Pending *p);
void record_group_id(KeelCtx *c, KeelStr key, KeelStr group, const Group *g);
void record_consumer(KeelCtx *c, KeelStr key, KeelStr group, KeelStr consumer);
/* Makes a consumer where it is missing, with the event and one change. */
Consumer *consumer_of(KeelCtx *c, KeelKey *key, Group *g, KeelStr name, bool *added);
/* NOGROUP, in its two wordings; `more` ends the sentence. */
void reply_no_group(KeelCtx *c, KeelStr key, KeelStr group, const char *more);
void reply_no_group_in(KeelCtx *c, KeelStr key, KeelStr group);
/* Arguments that the subcommand argv[1] does not take. */
void reply_bad_subcommand(KeelCtx *c, const KeelStr *argv);

/* ---- codec.c, rewrite.c ---------------------------------------------------------------------- */

uint8_t stream_opcode(const KeelValue *v);
int stream_save(KeelSink *sink, const KeelValue *v);
int stream_load(KeelSource *source, uint8_t opcode, KeelValue *out);
int stream_rewrite(KeelSink *sink, KeelStr key, const KeelValue *v);

extern const KeelStreamOps stream_operations;

KeelHandler streams_xack, streams_xadd, streams_xautoclaim, streams_xclaim, streams_xdel,
    streams_xlen, streams_xpending, streams_xrange, streams_xread, streams_xreadgroup,
    streams_xrevrange, streams_xsetid, streams_xtrim, streams_xgroup_create,
    streams_xgroup_createconsumer, streams_xgroup_delconsumer, streams_xgroup_destroy,
    streams_xgroup_help, streams_xgroup_setid, streams_xinfo_consumers, streams_xinfo_groups,
    streams_xinfo_help, streams_xinfo_stream;
/* While data is loaded, commands are obeyed whatever their limits. */
void streams_loading(KeelCtx *c, const void *data);

/* A count or a time that anybody may have put in: arithmetic that wraps. */
static inline int64_t elapsed(int64_t now, int64_t then) {
    return (int64_t)((uint64_t)now - (uint64_t)then);
}

#endif
