/* streams.c - the type "stream", and the rows of XADD, XREAD, XREADGROUP, XGROUP, XCLAIM ...
 *
 * A stream is a log: entries with an id (milliseconds and a sequence number) that only grows, and
 * pairs of a field and a value. Entries are packed by the hundred into listpacks (node.c), which
 * hang in a radix tree by the id of their first entry; the last one is at hand, so that an addition
 * looks nothing up and allocates nothing but a new node now and then. A range is a seek and a walk.
 *
 * Consumer groups (group.c) remember how far they have read, and which entries were delivered to
 * whom and not acknowledged: radix trees by id, one for the group and one for each consumer.
 *
 * Cost: adding O(1), a range O(log nodes + entries), acknowledging O(1) for each id. On disk a
 * stream is RDB type 19 (or 21 from version 11 on): nodes as they are in memory, then the groups
 * (codec.c).
 *
 * The commands live beside this file: add.c, range.c, read.c, groups.c, claim.c, info.c. What other
 * modules may do with streams is in ops.c. */
#include "streams.h"

int64_t node_max_bytes, node_max_entries;

/* ---- the type -------------------------------------------------------------------------------- */

static size_t stream_effort(const KeelValue *v) {
    const Stream *s = v->ptr;
    size_t effort = s->nodes.count;
    RadixWalk w;
    radix_walk(&w, &s->groups);
    /* One group tells how large the others are. */
    if (radix_first(&w)) {
        const Group *g = w.value;
        effort += s->groups.count * (1 + g->pending.count);
    }
    radix_walk_end(&w);
    return effort;
}

static void *stream_copy_value(const KeelValue *v) {
    return stream_copy(v->ptr);
}

static size_t stream_length(const KeelValue *v) {
    return ((const Stream *)v->ptr)->length;
}

static size_t group_memory(const Group *g) {
    size_t bytes = sizeof(*g) + g->pending.bytes + g->consumers.bytes +
                   g->pending.count * keel_mem_class(sizeof(Pending));
    RadixWalk w;
    radix_walk(&w, &g->consumers);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        const Consumer *consumer = w.value;
        bytes += sizeof(*consumer) + consumer->name.len + consumer->pending.bytes;
    }
    radix_walk_end(&w);
    return bytes;
}

/* Nodes are measured up to the number of samples, the newest among them as it is the one with room
 * to spare; the rest is taken to be like them. */
static size_t stream_memory(const KeelValue *v, size_t samples) {
    const Stream *s = v->ptr;
    size_t bytes = sizeof(*s) + s->nodes.bytes + s->groups.bytes, seen = 0, nodes = 0;
    RadixWalk w;
    radix_walk(&w, &s->nodes);
    if (radix_last(&w)) {
        bytes += keel_mem_size(w.value);
        for (bool ok = radix_prev(&w); ok && (!samples || seen < samples); ok = radix_prev(&w)) {
            nodes += keel_mem_size(w.value);
            seen++;
        }
    }
    if (seen) bytes += (size_t)((double)nodes / (double)seen * (double)(s->nodes.count - 1));
    radix_walk_end(&w);
    radix_walk(&w, &s->groups);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) bytes += group_memory(w.value);
    radix_walk_end(&w);
    return bytes;
}

static void mix_value(const KeelDigester *digester, KeelDigest *d, LpValue v) {
    char digits[KEEL_INT_ROOM];
    if (v.ptr) {
        digester->mix(d, v.ptr, v.len);
    } else {
        digester->mix(d, digits, keel_format_int(digits, v.number));
    }
}

/* Entries count, groups do not. */
static void stream_digest(KeelDigest *d, const KeelValue *v) {
    const KeelDigester *digester = keel_interface("digest", 100);
    LpValue name, value;
    Walk w;
    if (!digester) return;
    walk_begin(&w, v->ptr, ID_MIN, ID_MAX, false);
    while (walk_next(&w)) {
        char id[KEEL_STREAM_ID_ROOM];
        size_t len = id_format(id, w.entry.id);
        char *dash = memchr(id, '-', len);
        if (dash) *dash = '.';
        digester->mix(d, id, len);
        while (walk_field(&w, &name, &value)) {
            mix_value(digester, d, name);
            mix_value(digester, d, value);
        }
    }
    walk_end(&w);
}

static const char *stream_encoding(const KeelKey *key, const KeelValue *v) {
    (void)key, (void)v;
    return "stream";
}

const KeelType streams_type = {
    .name = "stream",
    .number = 6,
    .opcodes = (const uint8_t[]){19, 15, 21, 255},
    .opcode = stream_opcode,
    .save = stream_save,
    .load = stream_load,
    .rewrite = stream_rewrite,
    .free = stream_free,
    .free_effort = stream_effort,
    .copy = stream_copy_value,
    .defragment = stream_defragment,
    .length = stream_length,
    .memory = stream_memory,
    .digest = stream_digest,
    .encoding = stream_encoding,
    .operations = &stream_operations,
};

static int unload(KeelCtx *c) {
    (void)c;
    ids_release();
    defragment_release();
    return 0;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static const KeelConfig configs[] = {
    {.name = "stream-node-max-bytes", .type = KEEL_CONFIG_MEMORY, .var = &node_max_bytes,
     .value = "4096"},
    {.name = "stream-node-max-entries", .type = KEEL_CONFIG_INT, .var = &node_max_entries,
     .value = "100", .max = INT64_MAX},
    {0},
};

static const KeelHook hooks[] = {
    {.event = KEEL_EVENT_LOADING, .call = streams_loading},
    {0},
};

static const KeelInterface provides[] = {
    {"stream", KEEL_STREAM_VERSION, &stream_operations},
    {0},
};

#define ROW .group = "stream", .since = "5.0.0"
#define READ .flags = KEEL_READONLY
#define READ_FAST .flags = KEEL_READONLY | KEEL_FAST
#define WRITE .flags = KEEL_WRITE
#define WRITE_FAST .flags = KEEL_WRITE | KEEL_FAST
#define WRITE_OOM .flags = KEEL_WRITE | KEEL_DENYOOM
#define WRITE_OOM_FAST .flags = KEEL_WRITE | KEEL_DENYOOM | KEEL_FAST
#define HELP .flags = KEEL_LOADING | KEEL_STALE
#define TRIM                                                                                       \
    "(MAXLEN|MINID{6.2.0}){strategy} ['='{equal}|'~'{approximately}]{operator} " \
    "threshold [LIMIT count{6.2.0}]"
#define RANGE_COMPLEXITY                                                                           \
    "O(N) with N being the number of elements returned. If N is constant (as with a fixed COUNT) " \
    "it can be considered O(1)."

static const KeelCommand group_commands[] = {
    {.name = "create", ROW, WRITE_OOM, .call = streams_xgroup_create,
     .args = "key group (id|'$'{new-id}){id-selector} [MKSTREAM] "
             "[ENTRIESREAD entries-read:integer{entriesread}]",
     .keys = "RW INSERT", .complexity = "O(1)",
     .history = "7.0.0: Added the `entries_read` named argument.",
     .summary = "Makes a consumer group."},
    {.name = "createconsumer", .group = "stream", .since = "6.2.0", WRITE_OOM,
     .call = streams_xgroup_createconsumer, .args = "key group consumer", .keys = "RW INSERT",
     .complexity = "O(1)", .summary = "Makes a consumer in a group."},
    {.name = "delconsumer", ROW, WRITE, .call = streams_xgroup_delconsumer,
     .args = "key group consumer", .keys = "RW DELETE", .complexity = "O(1)",
     .summary = "Deletes a consumer from a group, with what is pending for it."},
    {.name = "destroy", ROW, WRITE, .call = streams_xgroup_destroy, .args = "key group",
     .keys = "RW DELETE",
     .complexity = "O(N) where N is the number of entries that are pending in the group.",
     .summary = "Deletes a consumer group."},
    {.name = "help", ROW, HELP, .call = streams_xgroup_help, .complexity = "O(1)",
     .summary = "Explains the subcommands."},
    {.name = "setid", ROW, WRITE, .call = streams_xgroup_setid,
     .args = "key group (id|'$'{new-id}){id-selector} "
             "[ENTRIESREAD entries-read:integer{entriesread}]",
     .keys = "RW UPDATE", .complexity = "O(1)",
     .history = "7.0.0: Added the optional `entries_read` argument.",
     .summary = "Sets up to where a group has read."},
    {0},
};

static const KeelCommand info_commands[] = {
    {.name = "consumers", ROW, READ, .call = streams_xinfo_consumers, .args = "key group",
     .keys = "RO ACCESS", .tips = "nondeterministic_output", .complexity = "O(1)",
     .history = "7.2.0: Added the `inactive` field, and changed the meaning of `idle`.",
     .summary = "Lists the consumers of a group."},
    {.name = "groups", ROW, READ, .call = streams_xinfo_groups, .args = "key",
     .keys = "RO ACCESS", .complexity = "O(1)",
     .history = "7.0.0: Added the `entries-read` and `lag` fields",
     .summary = "Lists the consumer groups of a stream."},
    {.name = "help", ROW, HELP, .call = streams_xinfo_help, .complexity = "O(1)",
     .summary = "Explains the subcommands."},
    {.name = "stream", ROW, READ, .call = streams_xinfo_stream,
     .args = "key [FULL [COUNT count]]{full-block}", .keys = "RO ACCESS", .complexity = "O(1)",
     .history = "6.0.0: Added the `FULL` modifier. | 7.0.0: Added the `max-deleted-entry-id`, "
                "`entries-added`, `recorded-first-entry-id`, `entries-read` and `lag` fields | "
                "7.2.0: Added the `active-time` field, and changed the meaning of `seen-time`.",
     .summary = "Tells how a stream is made."},
    {0},
};

static const KeelCommand commands[] = {
    {.name = "xack", ROW, WRITE_FAST, .call = streams_xack,
     .args = "key group ID:string [ID:string ...]", .keys = "RW UPDATE",
     .complexity = "O(1) for each message ID processed.",
     .summary = "Acknowledges entries: they are no longer pending."},
    {.name = "xadd", ROW, WRITE_OOM_FAST, .call = streams_xadd,
     .args = "key [NOMKSTREAM]{6.2.0} [" TRIM "]{trim} ('*'{auto-id}|id){id-selector} "
             "(field value){data} [(field value) ...]",
     .keys = "RW UPDATE = UPDATE instead of INSERT because of the optional trimming feature",
     .tips = "nondeterministic_output",
     .complexity = "O(1) when adding an entry, O(N) when trimming where N is the number of entries "
                   "evicted.",
     .history = "6.2.0: Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` "
                "option. | 7.0.0: Added support for the `<ms>-*` explicit ID form.",
     .summary = "Appends an entry to a stream, making the key when it is missing."},
    {.name = "xautoclaim", .group = "stream", .since = "6.2.0", WRITE_FAST,
     .call = streams_xautoclaim,
     .args = "key group consumer min-idle-time start:string [COUNT count] [JUSTID]",
     .keys = "RW DELETE", .tips = "nondeterministic_output",
     .complexity = "O(1) if COUNT is small.",
     .history = "7.0.0: Added an element to the reply array, containing deleted entries the "
                "command cleared from the PEL",
     .summary = "Takes over pending entries that have been idle, wherever they are."},
    {.name = "xclaim", ROW, WRITE_FAST, .call = streams_xclaim,
     .args = "key group consumer min-idle-time ID:string [ID:string ...] [IDLE ms:integer] "
             "[TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
     .keys = "RW UPDATE", .tips = "nondeterministic_output",
     .complexity = "O(log N) with N being the number of messages in the PEL of the consumer "
                   "group.",
     .summary = "Takes over pending entries by their ids."},
    {.name = "xdel", ROW, WRITE_FAST, .call = streams_xdel, .args = "key ID:string [ID:string ...]",
     .keys = "RW DELETE",
     .complexity = "O(1) for each entry to delete, however long the stream.",
     .summary = "Deletes entries by their ids."},
    {.name = "xgroup", ROW, .subcommands = group_commands,
     .summary = "Commands about consumer groups.", .complexity = "Depends on subcommand."},
    {.name = "xinfo", ROW, .subcommands = info_commands,
     .summary = "Commands that look at streams.", .complexity = "Depends on subcommand."},
    {.name = "xlen", ROW, READ_FAST, .call = streams_xlen, .args = "key", .keys = "RO",
     .complexity = "O(1)", .summary = "Returns the number of entries."},
    {.name = "xpending", ROW, READ, .call = streams_xpending,
     .args = "key group [[IDLE min-idle-time:integer]{6.2.0} start:string end:string count "
             "[consumer]]{filters}",
     .keys = "RO ACCESS", .tips = "nondeterministic_output",
     .complexity = "O(N) with N being the number of elements returned, O(M) with IDLE where M is "
                   "the number of entries scanned; the summary is O(N) in the number of consumers.",
     .history = "6.2.0: Added the `IDLE` option and exclusive range intervals.",
     .summary = "Tells what was delivered to a group and not acknowledged."},
    {.name = "xrange", ROW, READ, .call = streams_xrange,
     .args = "key start:string end:string [COUNT count]", .keys = "RO ACCESS",
     .complexity = RANGE_COMPLEXITY, .history = "6.2.0: Added exclusive ranges.",
     .summary = "Returns the entries between two ids."},
    {.name = "xread", ROW, .flags = KEEL_READONLY | KEEL_BLOCKING, .call = streams_xread,
     .args = "[COUNT count] [BLOCK milliseconds] STREAMS (key [key ...] ID:string "
             "[ID:string ...]){streams}",
     .keys = "RO ACCESS: kw STREAMS 1; range -1 1 2",
     .complexity = "O(N) for each stream, with N being the number of entries returned. With BLOCK, "
                   "XADD pays O(M) to serve the M clients that wait.",
     .summary = "Returns what came after an id, from several streams, waiting for it if asked to."},
    {.name = "xreadgroup", ROW, .flags = KEEL_WRITE | KEEL_BLOCKING, .call = streams_xreadgroup,
     .args = "GROUP (group consumer){group-block} [COUNT count] [BLOCK milliseconds] [NOACK] "
             "STREAMS (key [key ...] ID:string [ID:string ...]){streams}",
     .keys = "RO ACCESS: kw STREAMS 4; range -1 1 2",
     .complexity = "O(M) for each stream, with M being the number of entries returned. With BLOCK, "
                   "XADD pays O(N) to serve the N clients that wait.",
     .summary = "Returns new entries to a consumer of a group, or those pending for it. May wait."},
    {.name = "xrevrange", ROW, READ, .call = streams_xrevrange,
     .args = "key end:string start:string [COUNT count]", .keys = "RO ACCESS",
     .complexity = RANGE_COMPLEXITY, .history = "6.2.0: Added exclusive ranges.",
     .summary = "Returns the entries between two ids, newest first."},
    {.name = "xsetid", ROW, WRITE_OOM_FAST, .call = streams_xsetid,
     .args = "key last-id [ENTRIESADDED entries-added:integer]{7.0.0} "
             "[MAXDELETEDID max-deleted-id]{7.0.0}",
     .keys = "RW UPDATE", .complexity = "O(1)",
     .history = "7.0.0: Added the `entries_added` and `max_deleted_entry_id` arguments.",
     .summary = "Sets a stream's last id and counts; for replication."},
    {.name = "xtrim", ROW, WRITE, .call = streams_xtrim, .args = "key (" TRIM "){trim}",
     .keys = "RW DELETE", .tips = "nondeterministic_output",
     .complexity = "O(N), with N being the number of entries evicted; whole nodes of many entries "
                   "go at once.",
     .history = "6.2.0: Added the `MINID` trimming strategy and the `LIMIT` option.",
     .summary = "Evicts the oldest entries."},
    {0},
};

KEEL_MODULE(.name = "streams", .version = "1.0.0",
            .summary = "Streams: XADD, XREAD, XREADGROUP, XGROUP, XCLAIM, XPENDING ...",
            .commands = commands, .configs = configs, .hooks = hooks, .provides = provides,
            .types = (const KeelType *const[]){&streams_type, NULL}, .unload = unload);
