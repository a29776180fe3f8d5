/* node.c - entries packed into listpacks, in Redis's form, byte for byte that of files.
 *
 *     head:   live entries | deleted ones | number of fields | field ... | 0
 *     entry:  flags | ms | seq | [number of fields] | [field] value ... | number of elements so far
 *
 * The id of a node's first entry is its master id; ms and seq are differences to it. An entry with
 * the head's fields in their order keeps values only (ENTRY_SAME_FIELDS); any other has its own
 * fields, counted. The last element is what one walks back by: it counts the elements of the entry
 * before it. Deleted entries are marked, and go with their node.
 *
 * Appending writes the whole entry behind the others at once: one look at the room there is. */
#include "streams.h"

#define ELEMENT_OVERHEAD 14 /* head and backward length of a string, or an integer in full */

static inline uint8_t *skip(const uint8_t *p) {
    return (uint8_t *)p + lp_element_bytes(p);
}

static inline uint8_t *or_end(const uint8_t *p) {
    return *p == LP_END ? NULL : (uint8_t *)p;
}

NodeHead node_head(const uint8_t *node) {
    NodeHead head;
    const uint8_t *p = node + LP_HEADER_BYTES;
    head.live = lp_get(p).number;
    p = skip(p);
    head.deleted = lp_get(p).number;
    p = skip(p);
    head.fields = lp_get(p).number;
    head.names = skip(p);
    return head;
}

uint8_t *node_first(const uint8_t *node, const NodeHead *head) {
    const uint8_t *p = head->names;
    (void)node;
    for (int64_t i = 0; i < head->fields; i++) p = skip(p);
    return or_end(skip(p));
}

void node_entry(const uint8_t *node, const NodeHead *head, Id master, uint8_t *at, NodeEntry *out) {
    (void)node;
    out->at = at;
    out->flags = lp_get(at).number;
    at = skip(at);
    out->id.ms = master.ms + (uint64_t)lp_get(at).number;
    at = skip(at);
    out->id.seq = master.seq + (uint64_t)lp_get(at).number;
    at = skip(at);
    out->pairs = head->fields;
    if (!(out->flags & ENTRY_SAME_FIELDS)) {
        out->pairs = lp_get(at).number;
        at = skip(at);
    }
    out->content = at;
}

uint8_t *node_after(const uint8_t *node, const NodeEntry *entry) {
    const uint8_t *p = entry->content;
    int64_t elements = entry->flags & ENTRY_SAME_FIELDS ? entry->pairs : entry->pairs * 2;
    (void)node;
    while (elements--) p = skip(p);
    return or_end(skip(p));
}

/* `last` is the last element of an entry, or the head's terminator, which says 0. */
static uint8_t *begin_of(const uint8_t *node, uint8_t *last) {
    int64_t elements = lp_get(last).number;
    if (!elements) return NULL;
    while (elements--) last = lp_prev(node, last);
    return last;
}

uint8_t *node_before(const uint8_t *node, const NodeEntry *entry) {
    return begin_of(node, lp_prev(node, entry->at));
}

uint8_t *node_last(const uint8_t *node) {
    return begin_of(node, lp_last(node));
}

bool node_takes(const uint8_t *node, size_t content) {
    size_t max = (size_t)node_max_bytes;
    if (max == 0 || max > LP_MAX_BYTES) max = LP_MAX_BYTES;
    if (lp_bytes(node) + content >= max) return false;
    if (!node_max_entries) return true;
    NodeHead head = node_head(node);
    return head.live + head.deleted < node_max_entries;
}

/* ---- writing --------------------------------------------------------------------------------- */

static uint8_t *put_int(uint8_t *at, int64_t v) {
    if ((uint64_t)v < 128) {
        at[0] = (uint8_t)v;
        at[1] = 1;
        return at + 2;
    }
    LpItem item;
    lp_encode_int(&item, v);
    return lp_write(at, &item);
}

static uint8_t *put(uint8_t *at, KeelStr s) {
    LpItem item;
    lp_encode(&item, s);
    return lp_write(at, &item);
}

static void end_at(uint8_t *node, uint8_t *end, size_t elements) {
    unsigned stated = lp_u16(node + 4);
    *end = LP_END;
    lp_set_header(node, (size_t)(end + 1 - node),
                  stated == LP_COUNT_MANY ? LP_COUNT_MANY : stated + elements);
}

static size_t content_of(const KeelStr *fields, size_t pairs, size_t step) {
    size_t bytes = 0;
    for (size_t i = 0; i < pairs * 2; i += step) bytes += fields[i].len + ELEMENT_OVERHEAD;
    return bytes;
}

/* Room for `more` bytes: the block grows by doubling, up to what a node has in the end. NULL:
 * there is no memory. */
static uint8_t *reserve(uint8_t *node, size_t *room, size_t more) {
    size_t need = lp_bytes(node) + more;
    if (__builtin_expect(need <= *room, 1)) return node;
    size_t size = keel_mem_class(*room * 2 > need ? *room * 2 : need);
    node = keel_try_realloc(node, size);
    if (node) *room = size;
    return node;
}

/* An entry's elements but its fields and values: flags, ms, seq, number of fields, elements. */
#define ENTRY_OVERHEAD (5 * (size_t)11)

uint8_t *node_new(const KeelStr *fields, size_t pairs, size_t *room, size_t hint) {
    size_t need = LP_EMPTY_BYTES + 4 * (size_t)11 + content_of(fields, pairs, 2) +
                  content_of(fields, pairs, 1) + ENTRY_OVERHEAD;
    *room = keel_mem_class(need > hint ? need : hint);
    uint8_t *node = keel_try_alloc(*room), *at;
    if (!node) return NULL;
    lp_set_header(node, LP_EMPTY_BYTES, 0);
    at = node + LP_HEADER_BYTES;
    at = put_int(at, 1);
    at = put_int(at, 0);
    at = put_int(at, (int64_t)pairs);
    for (size_t i = 0; i < pairs * 2; i += 2) at = put(at, fields[i]);
    at = put_int(at, 0);
    *at++ = 0 | ENTRY_SAME_FIELDS;
    *at++ = 1;
    at = put_int(at, 0);
    at = put_int(at, 0);
    for (size_t i = 1; i < pairs * 2; i += 2) at = put(at, fields[i]);
    at = put_int(at, (int64_t)pairs + 3);
    end_at(node, at, 4 + pairs + 3 + pairs + 1);
    return node;
}

/* Whether the fields are the head's, in its order. */
static bool same_fields(const NodeHead *head, const KeelStr *fields, size_t pairs) {
    const uint8_t *p = head->names;
    if ((size_t)head->fields != pairs) return false;
    for (size_t i = 0; i < pairs; i++) {
        LpValue v = lp_get(p);
        if (v.ptr ? v.len != fields[i * 2].len || memcmp(v.ptr, fields[i * 2].ptr, v.len) != 0
                  : !lp_is(p, fields[i * 2])) {
            return false;
        }
        p = skip(p);
    }
    return true;
}

uint8_t *node_append(uint8_t *node, size_t *room, Id master, Id id, const KeelStr *fields,
                     size_t pairs) {
    node = reserve(node, room, content_of(fields, pairs, 1) + ENTRY_OVERHEAD + 2);
    if (!node) return NULL;
    NodeHead head = node_head(node);
    if (head.live < 127) { /* stays an integer of one byte */
        node[LP_HEADER_BYTES]++;
    } else {
        node = node_count(node, head.live + 1, head.deleted);
        head = node_head(node);
    }
    bool same = same_fields(&head, fields, pairs);
    uint8_t *at = node + lp_bytes(node) - 1;
    at = put_int(at, same ? ENTRY_SAME_FIELDS : 0);
    at = put_int(at, (int64_t)(id.ms - master.ms));
    at = put_int(at, (int64_t)(id.seq - master.seq));
    if (!same) at = put_int(at, (int64_t)pairs);
    for (size_t i = same; i < pairs * 2; i += 1 + same) at = put(at, fields[i]);
    size_t elements = 3 + (same ? pairs : pairs * 2 + 1);
    at = put_int(at, (int64_t)elements);
    end_at(node, at, elements + 1);
    return node;
}

/* Flags are small: the element keeps its size. */
void node_mark(uint8_t *entry, int64_t flags) {
    *entry = (uint8_t)flags;
}

uint8_t *node_count(uint8_t *node, int64_t live, int64_t deleted) {
    uint8_t *p = node + LP_HEADER_BYTES;
    node = lp_replace_int(node, &p, live);
    p = skip(p);
    return lp_replace_int(node, &p, deleted);
}

/* ---- validating ------------------------------------------------------------------------------ */

static bool next_int(uint8_t **p, int64_t *out) {
    if (!*p || **p == LP_END) return false;
    LpValue v = lp_get(*p);
    *out = v.number;
    *p = skip(*p);
    return v.ptr == NULL;
}

static bool pass(uint8_t **p, int64_t elements) {
    for (; elements > 0; elements--) {
        if (**p == LP_END) return false;
        *p = skip(*p);
    }
    return true;
}

/* One entry at *p, which goes behind it. */
static bool entry_valid(uint8_t **p, int64_t fields, Id master, int64_t limit, Id *id,
                        int64_t *flags) {
    int64_t ms, seq, pairs = fields, elements;
    if (!next_int(p, flags) || !next_int(p, &ms) || !next_int(p, &seq)) return false;
    if (*flags & ~(int64_t)(ENTRY_DELETED | ENTRY_SAME_FIELDS)) return false;
    *id = (Id){master.ms + (uint64_t)ms, master.seq + (uint64_t)seq};
    bool same = *flags & ENTRY_SAME_FIELDS;
    if (!same && (!next_int(p, &pairs) || pairs < 0 || pairs > limit)) return false;
    int64_t expected = same ? 3 + pairs : 4 + pairs * 2;
    return pass(p, expected - (same ? 3 : 4)) && next_int(p, &elements) && elements == expected;
}

bool node_valid(const void *bytes, size_t size, Id master, uint64_t *live, Id *first, Id *last) {
    int64_t counted = 0, deleted = 0, fields, end, flags, stated_live, stated_deleted;
    if (!lp_valid(bytes, size, NULL, NULL)) return false;
    uint8_t *p = lp_first(bytes);
    int64_t limit = (int64_t)size; /* elements take two bytes at least */
    if (!next_int(&p, &stated_live) || !next_int(&p, &stated_deleted) || !next_int(&p, &fields) ||
        fields < 0 || fields > limit || !pass(&p, fields) || !next_int(&p, &end) || end != 0 ||
        *p == LP_END) {
        return false;
    }
    Id before = master;
    while (*p != LP_END) {
        Id id;
        if (!entry_valid(&p, fields, master, limit, &id, &flags)) return false;
        int order = id_compare(id, before);
        if (order < 0 || (order == 0 && counted + deleted)) return false;
        if (!(counted + deleted)) *first = id;
        before = id;
        if (flags & ENTRY_DELETED) deleted++; else counted++;
    }
    *last = before;
    *live = (uint64_t)counted;
    return counted == stated_live && deleted == stated_deleted;
}
