/* codec.c - streams in RDB form, of versions 1 to 3 (types 15, 19 and 21).
 *
 *     nodes: number, then master id (16 bytes, big endian) and listpack of each
 *     length | last id | from version 2 on: first id, greatest deleted id, entries added
 *     groups: number, then of each: name, last id, (2) entries read,
 *         pending: number, then id, delivery time, deliveries of each
 *         consumers: number, then name, seen time, (3) active time, ids pending of each
 *
 * Nodes are saved as they are in memory. What is loaded is checked in full: each node's structure,
 * that ids grow within and across nodes, lengths, that every pending entry has one consumer. */
#include "streams.h"

enum { TYPE_1 = 15, TYPE_2 = 19, TYPE_3 = 21 };

uint8_t stream_opcode(const KeelValue *v) {
    (void)v;
    return keel_rdb_version() >= 11 ? TYPE_3 : TYPE_2;
}

/* ---- saving ---------------------------------------------------------------------------------- */

static int save_id(KeelSink *sink, Id id) {
    keel_save_len(sink, id.ms);
    return keel_save_len(sink, id.seq);
}

static void save_pending(KeelSink *sink, const Radix *pending, bool details) {
    RadixWalk w;
    keel_save_len(sink, pending->count);
    radix_walk(&w, pending);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        const Pending *p = w.value;
        keel_save_raw(sink, w.key.ptr, w.key.len);
        if (!details) continue;
        keel_save_ms(sink, p->delivered);
        keel_save_len(sink, p->count);
    }
    radix_walk_end(&w);
}

static void save_group(KeelSink *sink, const Group *g, bool active_too) {
    save_id(sink, g->last);
    keel_save_len(sink, (uint64_t)g->read);
    save_pending(sink, &g->pending, true);
    keel_save_len(sink, g->consumers.count);
    RadixWalk w;
    radix_walk(&w, &g->consumers);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        const Consumer *consumer = w.value;
        keel_save_string(sink, w.key);
        keel_save_ms(sink, consumer->seen);
        if (active_too) keel_save_ms(sink, consumer->active);
        save_pending(sink, &consumer->pending, false);
    }
    radix_walk_end(&w);
}

int stream_save(KeelSink *sink, const KeelValue *v) {
    const Stream *s = v->ptr;
    RadixWalk w;
    keel_save_len(sink, s->nodes.count);
    radix_walk(&w, &s->nodes);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        keel_save_string(sink, w.key);
        keel_save_string(sink, (KeelStr){w.value, lp_bytes(w.value)});
    }
    radix_walk_end(&w);
    keel_save_len(sink, s->length);
    save_id(sink, s->last);
    save_id(sink, s->first);
    save_id(sink, s->max_deleted);
    keel_save_len(sink, s->added);
    keel_save_len(sink, s->groups.count);
    radix_walk(&w, &s->groups);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        keel_save_string(sink, w.key);
        save_group(sink, w.value, stream_opcode(v) == TYPE_3);
    }
    radix_walk_end(&w);
    return sink->failed ? -1 : 0;
}

/* ---- loading --------------------------------------------------------------------------------- */

static int load_id(KeelSource *source, Id *id) {
    Id read;
    if (keel_load_len(source, &read.ms, NULL) != 0 || keel_load_len(source, &read.seq, NULL) != 0) {
        return -1;
    }
    *id = read;
    return 0;
}

/* One node, which must lie behind `end`, the last id so far. */
static int load_node(KeelSource *source, Stream *s, Id *end) {
    char *key = NULL, *node = NULL;
    size_t key_len, size;
    uint64_t live;
    Id first, last;
    int rc = -1;
    if (keel_load_string(source, &key, &key_len) != 0) goto out;
    if (key_len != ID_BYTES) {
        keel_load_fail(source, "Stream node key entry is not the size of a stream ID");
        goto out;
    }
    if (keel_load_string(source, &node, &size) != 0) goto out;
    Id master = id_of_key(key);
    if (!node_valid(node, size, master, &live, &first, &last)) {
        keel_load_fail(source, "Stream listpack integrity check failed.");
        goto out;
    }
    if (s->nodes.count && id_compare(first, *end) <= 0) {
        keel_load_fail(source, "Stream listpack integrity check failed: nodes are out of order");
        goto out;
    }
    *radix_add(&s->nodes, (KeelStr){key, key_len}, NULL) = node;
    node = NULL;
    s->length += live;
    *end = last;
    rc = 0;
out:
    keel_free(key);
    keel_free(node);
    return rc;
}

/* The first id of a stream is found rather than believed. */
static int load_entries(KeelSource *source, Stream *s, uint8_t opcode) {
    uint64_t nodes, length;
    Id first, end = ID_MIN;
    if (keel_load_len(source, &nodes, NULL) != 0) return -1;
    while (nodes--) {
        if (load_node(source, s, &end) != 0) return -1;
    }
    if (keel_load_len(source, &length, NULL) != 0 || load_id(source, &s->last) != 0) return -1;
    s->added = length;
    if (opcode != TYPE_1 &&
        (load_id(source, &first) != 0 || load_id(source, &s->max_deleted) != 0 ||
         keel_load_len(source, &s->added, NULL) != 0)) {
        return -1;
    }
    if (length != s->length) {
        return keel_load_fail(source, "Stream length inconsistent with rax size");
    }
    if (id_compare(end, s->last) > 0) {
        return keel_load_fail(source,
                              "Stream integrity check failed: an entry is behind the last ID");
    }
    if (s->added < length) {
        return keel_load_fail(source, "Stream integrity check failed: entries added");
    }
    if (s->length) s->first = stream_first(s, false);
    return 0;
}

static int load_pending(KeelSource *source, Group *g) {
    uint64_t n;
    if (keel_load_len(source, &n, NULL) != 0) return -1;
    while (n--) {
        char id[ID_BYTES];
        int64_t delivered;
        uint64_t count;
        bool added;
        if (keel_load_raw(source, id, sizeof(id)) != 0 || keel_load_ms(source, &delivered) != 0 ||
            keel_load_len(source, &count, NULL) != 0) {
            return -1;
        }
        void **slot = radix_add(&g->pending, (KeelStr){id, sizeof(id)}, &added);
        if (!added) {
            return keel_load_fail(source,
                                  "Duplicated global PEL entry loading stream consumer group");
        }
        Pending *p = *slot = keel_alloc(sizeof(*p));
        *p = (Pending){.delivered = delivered, .count = count};
    }
    return 0;
}

/* Gives the consumer its part of what is pending for the group; *owned counts. */
static int load_own(KeelSource *source, const Group *g, Consumer *consumer, uint64_t *owned) {
    uint64_t n;
    if (keel_load_len(source, &n, NULL) != 0) return -1;
    for (; n; n--, ++*owned) {
        char bytes[ID_BYTES];
        if (keel_load_raw(source, bytes, sizeof(bytes)) != 0) return -1;
        Id id = id_of_key(bytes);
        Pending *p = pending_find(g, id);
        if (!p) return keel_load_fail(source, "Consumer entry not found in group global PEL");
        if (p->consumer) {
            return keel_load_fail(source,
                                  "Duplicated consumer PEL entry loading a stream consumer group");
        }
        pending_move(p, consumer, id);
    }
    return 0;
}

static int load_consumer(KeelSource *source, Group *g, uint8_t opcode, uint64_t *owned) {
    char *name;
    size_t len;
    if (keel_load_string(source, &name, &len) != 0) return -1;
    Consumer *consumer = consumer_add(g, (KeelStr){name, len}, 0);
    keel_free(name);
    if (!consumer) return keel_load_fail(source, "Duplicate stream consumer detected");
    if (keel_load_ms(source, &consumer->seen) != 0) return -1;
    consumer->active = consumer->seen; /* the best guess */
    if (opcode == TYPE_3 && keel_load_ms(source, &consumer->active) != 0) return -1;
    return load_own(source, g, consumer, owned);
}

static int load_group(KeelSource *source, Stream *s, uint8_t opcode) {
    char *name;
    size_t len;
    Id last;
    uint64_t read, consumers, owned = 0;
    if (keel_load_string(source, &name, &len) != 0) return -1;
    Group *g = group_add(s, (KeelStr){name, len}, ID_MIN, READ_UNKNOWN);
    keel_free(name);
    if (!g) return keel_load_fail(source, "Duplicated consumer group name");
    if (load_id(source, &last) != 0) return -1;
    g->last = last;
    if (opcode == TYPE_1) {
        g->read = stream_distance(s, last);
    } else {
        if (keel_load_len(source, &read, NULL) != 0) return -1;
        g->read = (int64_t)read;
    }
    if (load_pending(source, g) != 0 || keel_load_len(source, &consumers, NULL) != 0) return -1;
    while (consumers--) {
        if (load_consumer(source, g, opcode, &owned) != 0) return -1;
    }
    if (owned == g->pending.count) return 0;
    return keel_load_fail(source, "Stream CG PEL entry without consumer");
}

int stream_load(KeelSource *source, uint8_t opcode, KeelValue *out) {
    Stream *s = stream_new();
    uint64_t groups;
    int rc = load_entries(source, s, opcode);
    if (rc == 0) rc = keel_load_len(source, &groups, NULL);
    while (rc == 0 && groups--) rc = load_group(source, s, opcode);
    if (rc != 0) {
        stream_free(s);
        return rc;
    }
    out->ptr = s;
    return 0;
}
