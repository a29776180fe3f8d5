/* info.c - XINFO. */
#include "streams.h"

static Stream *open_stream(KeelCtx *c, KeelStr name) {
    KeelKey key;
    if (!keel_key_open(c, name, KEEL_KEY_READ, &key)) {
        keel_reply_error(c, "ERR no such key");
        return NULL;
    }
    return stream_operations.check(c, &key) ? keel_key_value(&key) : NULL;
}

static void reply_read(KeelCtx *c, const Group *g) {
    if (g->read == READ_UNKNOWN) keel_reply_null(c); else keel_reply_int(c, g->read);
}

static void reply_lag(KeelCtx *c, const Stream *s, const Group *g) {
    bool known;
    int64_t lag = group_lag(s, g, &known);
    if (known) keel_reply_int(c, lag); else keel_reply_null(c);
}

void streams_xinfo_consumers(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t now = keel_now_ms();
    (void)argc;
    const Stream *s = open_stream(c, argv[2]);
    if (!s) return;
    const Group *g = group_find(s, argv[3]);
    if (!g) {
        reply_no_group_in(c, argv[2], argv[3]);
        return;
    }
    keel_reply_array(c, g->consumers.count);
    RadixWalk w;
    radix_walk(&w, &g->consumers);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        const Consumer *consumer = w.value;
        int64_t idle = elapsed(now, consumer->seen);
        keel_reply_map(c, 4);
        keel_reply_cstr(c, "name");
        keel_reply_bulk(c, consumer->name);
        keel_reply_cstr(c, "pending");
        keel_reply_int(c, (int64_t)consumer->pending.count);
        keel_reply_cstr(c, "idle");
        keel_reply_int(c, idle < 0 ? 0 : idle);
        keel_reply_cstr(c, "inactive");
        keel_reply_int(c, consumer->active == -1 ? -1 : elapsed(now, consumer->active));
    }
    radix_walk_end(&w);
}

void streams_xinfo_groups(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    const Stream *s = open_stream(c, argv[2]);
    if (!s) return;
    keel_reply_array(c, s->groups.count);
    RadixWalk w;
    radix_walk(&w, &s->groups);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        const Group *g = w.value;
        keel_reply_map(c, 6);
        keel_reply_cstr(c, "name");
        keel_reply_bulk(c, w.key);
        keel_reply_cstr(c, "consumers");
        keel_reply_int(c, (int64_t)g->consumers.count);
        keel_reply_cstr(c, "pending");
        keel_reply_int(c, (int64_t)g->pending.count);
        keel_reply_cstr(c, "last-delivered-id");
        id_reply(c, g->last);
        keel_reply_cstr(c, "entries-read");
        reply_read(c, g);
        keel_reply_cstr(c, "lag");
        reply_lag(c, s, g);
    }
    radix_walk_end(&w);
}

/* ---- XINFO STREAM ---------------------------------------------------------------------------- */

/* Pending entries, at most `count` (0: all); with their consumer where it is not plain. */
static void reply_pending(KeelCtx *c, const Radix *pending, bool with_consumer, uint64_t count) {
    uint64_t n = count && count < pending->count ? count : pending->count;
    keel_reply_array(c, n);
    RadixWalk w;
    radix_walk(&w, pending);
    for (bool ok = radix_first(&w); ok && n; ok = radix_next(&w), n--) {
        const Pending *p = w.value;
        keel_reply_array(c, with_consumer ? 4 : 3);
        id_reply(c, id_of_key(w.key.ptr));
        if (with_consumer) keel_reply_bulk(c, p->consumer->name);
        keel_reply_int(c, p->delivered);
        keel_reply_int(c, (int64_t)p->count);
    }
    radix_walk_end(&w);
}

static void reply_consumer(KeelCtx *c, const Consumer *consumer, uint64_t count) {
    keel_reply_map(c, 5);
    keel_reply_cstr(c, "name");
    keel_reply_bulk(c, consumer->name);
    keel_reply_cstr(c, "seen-time");
    keel_reply_int(c, consumer->seen);
    keel_reply_cstr(c, "active-time");
    keel_reply_int(c, consumer->active);
    keel_reply_cstr(c, "pel-count");
    keel_reply_int(c, (int64_t)consumer->pending.count);
    keel_reply_cstr(c, "pending");
    reply_pending(c, &consumer->pending, false, count);
}

static void reply_group(KeelCtx *c, const Stream *s, KeelStr name, const Group *g,
                        uint64_t count) {
    keel_reply_map(c, 7);
    keel_reply_cstr(c, "name");
    keel_reply_bulk(c, name);
    keel_reply_cstr(c, "last-delivered-id");
    id_reply(c, g->last);
    keel_reply_cstr(c, "entries-read");
    reply_read(c, g);
    keel_reply_cstr(c, "lag");
    reply_lag(c, s, g);
    keel_reply_cstr(c, "pel-count");
    keel_reply_int(c, (int64_t)g->pending.count);
    keel_reply_cstr(c, "pending");
    reply_pending(c, &g->pending, true, count);
    keel_reply_cstr(c, "consumers");
    keel_reply_array(c, g->consumers.count);
    RadixWalk w;
    radix_walk(&w, &g->consumers);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) reply_consumer(c, w.value, count);
    radix_walk_end(&w);
}

static void reply_full(KeelCtx *c, Stream *s, uint64_t count) {
    keel_reply_cstr(c, "entries");
    reply_range(c, s, ID_MIN, ID_MAX, count, false);
    keel_reply_cstr(c, "groups");
    keel_reply_array(c, s->groups.count);
    RadixWalk w;
    radix_walk(&w, &s->groups);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        reply_group(c, s, w.key, w.value, count);
    }
    radix_walk_end(&w);
}

static void reply_edge(KeelCtx *c, Stream *s, const char *name, bool last) {
    Walk w;
    keel_reply_cstr(c, name);
    walk_begin(&w, s, ID_MIN, ID_MAX, last);
    if (walk_next(&w)) reply_entry(c, &w); else keel_reply_null(c);
    walk_end(&w);
}

/* Redis counts the nodes of its own tree, which keeps a shared run of bytes in a node apart from
 * the fork behind it, and a root where there is nothing. */
static int64_t tree_nodes(const Radix *tree) {
    return tree->nodes ? (int64_t)tree->nodes + tree->runs : 1;
}

void streams_xinfo_stream(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t count = 10;
    bool full = argc > 3;
    Stream *s = open_stream(c, argv[2]);
    if (!s) return;
    if (full && ((argc != 4 && argc != 6) || !keel_is(argv[3], "full") ||
                 (argc == 6 && !keel_is(argv[4], "count")))) {
        reply_bad_subcommand(c, argv);
        return;
    }
    if (argc == 6 && !keel_arg_int(c, argv[5], &count)) return;
    if (count < 0) count = 10;
    keel_reply_map(c, full ? 9 : 10);
    keel_reply_cstr(c, "length");
    keel_reply_int(c, (int64_t)s->length);
    keel_reply_cstr(c, "radix-tree-keys");
    keel_reply_int(c, (int64_t)s->nodes.count);
    keel_reply_cstr(c, "radix-tree-nodes");
    keel_reply_int(c, tree_nodes(&s->nodes));
    keel_reply_cstr(c, "last-generated-id");
    id_reply(c, s->last);
    keel_reply_cstr(c, "max-deleted-entry-id");
    id_reply(c, s->max_deleted);
    keel_reply_cstr(c, "entries-added");
    keel_reply_int(c, (int64_t)s->added);
    keel_reply_cstr(c, "recorded-first-entry-id");
    id_reply(c, s->first);
    if (full) {
        reply_full(c, s, (uint64_t)count);
        return;
    }
    keel_reply_cstr(c, "groups");
    keel_reply_int(c, (int64_t)s->groups.count);
    reply_edge(c, s, "first-entry", false);
    reply_edge(c, s, "last-entry", true);
}

void streams_xinfo_help(KeelCtx *c, const KeelStr *argv, int argc) {
    static const char *const lines[] = {
        "CONSUMERS <key> <groupname>",
        "    Show consumers of <groupname>.",
        "GROUPS <key>",
        "    Show the stream consumer groups.",
        "STREAM <key> [FULL [COUNT <count>]",
        "    Show information about the stream.",
        NULL};
    (void)argv, (void)argc;
    keel_reply_help(c, lines);
}
