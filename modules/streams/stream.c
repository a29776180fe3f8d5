/* stream.c - the value: nodes in a radix tree, appended to, walked, trimmed and deleted from. */
#include "streams.h"

#define NODE_ROOM_FIRST 128 /* bytes of a stream's first node, which then doubles */

Stream *stream_new(void) {
    return keel_zalloc(sizeof(Stream));
}

void stream_free(void *stream) {
    Stream *s = stream;
    radix_release(&s->nodes, keel_free);
    radix_release(&s->groups, group_free);
    keel_free(s);
}

Stream *stream_copy(const Stream *s) {
    Stream *copy = keel_alloc(sizeof(*copy));
    *copy = *s;
    copy->tail = NULL;
    radix_init(&copy->nodes);
    radix_init(&copy->groups);
    RadixWalk w;
    radix_walk(&w, &s->nodes);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        *radix_add(&copy->nodes, w.key, NULL) = lp_copy(w.value);
    }
    radix_walk_end(&w);
    groups_copy(s, copy);
    return copy;
}

/* ---- appending ------------------------------------------------------------------------------- */

static void replace_node(Stream *s, Id master, uint8_t *node) {
    IdKey key = id_key(master);
    *radix_find(&s->nodes, id_key_str(&key)) = node;
}

/* Finds the node that is appended to after a load, a copy or a deletion. */
static void find_tail(Stream *s) {
    RadixWalk w;
    radix_walk(&w, &s->nodes);
    if (radix_last(&w)) {
        s->tail = w.value;
        s->tail_room = keel_mem_size(s->tail);
        s->tail_id = id_of_key(w.key.ptr);
    }
    radix_walk_end(&w);
}

/* The last node is full: its block is cut to what it needs, which tells what the next will need. */
static size_t close_tail(Stream *s) {
    uint8_t *node = lp_shrink(s->tail);
    if (node != s->tail) replace_node(s, s->tail_id, node);
    s->tail = NULL;
    return lp_bytes(node);
}

bool stream_append(Stream *s, Id id, const KeelStr *fields, size_t pairs, const char **reason) {
    size_t content = 0, hint = NODE_ROOM_FIRST;
    for (size_t i = 0; i < pairs * 2; i++) content += fields[i].len;
    *reason = "ERR Elements are too large to be stored";
    if (content > LP_MAX_BYTES) return false;
    if (!s->tail && s->nodes.count) find_tail(s);
    if (s->tail && !node_takes(s->tail, content)) hint = close_tail(s);
    uint8_t *node = s->tail ? node_append(s->tail, &s->tail_room, s->tail_id, id, fields, pairs)
                            : node_new(fields, pairs, &s->tail_room, hint);
    *reason = "ERR insufficient memory for an entry of this size";
    if (!node) return false;
    if (!s->tail) {
        IdKey key = id_key(id);
        s->tail_id = id;
        *radix_add(&s->nodes, id_key_str(&key), NULL) = node;
    } else if (node != s->tail) {
        replace_node(s, s->tail_id, node);
    }
    s->tail = node;
    s->length++;
    s->added++;
    s->last = id;
    if (s->length == 1) s->first = id;
    return true;
}

/* ---- walks ----------------------------------------------------------------------------------- */

void walk_begin(Walk *w, Stream *s, Id from, Id to, bool backwards) {
    w->stream = s;
    w->from = from;
    w->to = to;
    w->backwards = backwards;
    w->deleted_too = w->opened = false;
    w->node = w->next = NULL;
    w->left = 0;
    radix_walk(&w->nodes, &s->nodes);
}

void walk_end(Walk *w) {
    radix_walk_end(&w->nodes);
}

/* Goes to the node that the walk begins in, or to the next one. */
static bool walk_node(Walk *w) {
    bool ok;
    if (!w->opened) {
        IdKey key = id_key(w->backwards ? w->to : w->from);
        w->opened = true;
        ok = radix_seek(&w->nodes, RADIX_LE, id_key_str(&key));
        if (!ok && !w->backwards) ok = radix_first(&w->nodes);
    } else {
        ok = w->backwards ? radix_prev(&w->nodes) : radix_next(&w->nodes);
    }
    if (!ok) return false;
    w->node = w->nodes.value;
    w->master = id_of_key(w->nodes.key.ptr);
    w->head = node_head(w->node);
    w->next = w->backwards ? node_last(w->node) : node_first(w->node, &w->head);
    return true;
}

bool walk_next(Walk *w) {
    for (;;) {
        if (!w->next) {
            if (!walk_node(w)) return false;
            continue;
        }
        NodeEntry *e = &w->entry;
        node_entry(w->node, &w->head, w->master, w->next, e);
        w->next = w->backwards ? node_before(w->node, e) : node_after(w->node, e);
        if (e->flags & ENTRY_DELETED && !w->deleted_too) continue;
        if (w->backwards) {
            if (id_compare(e->id, w->from) < 0) return false;
            if (id_compare(e->id, w->to) > 0) continue;
        } else {
            if (id_compare(e->id, w->to) > 0) return false;
            if (id_compare(e->id, w->from) < 0) continue;
        }
        w->left = e->pairs;
        w->value = e->content;
        w->name = w->head.names;
        return true;
    }
}

bool walk_field(Walk *w, LpValue *name, LpValue *value) {
    if (w->left <= 0) return false;
    w->left--;
    if (w->entry.flags & ENTRY_SAME_FIELDS) {
        *name = lp_get(w->name);
        w->name += lp_element_bytes(w->name);
    } else {
        *name = lp_get(w->value);
        w->value += lp_element_bytes(w->value);
    }
    *value = lp_get(w->value);
    w->value += lp_element_bytes(w->value);
    return true;
}

/* Counts in the head may change their size, and then all behind moves: the walk goes on from the
 * entry's id. */
void walk_remove(Walk *w) {
    Stream *s = w->stream;
    Id id = w->entry.id;
    s->tail = NULL;
    if (w->head.live == 1) {
        IdKey key = id_key(w->master);
        radix_remove(&s->nodes, id_key_str(&key), NULL);
        keel_free(w->node);
    } else {
        node_mark(w->entry.at, w->entry.flags | ENTRY_DELETED);
        uint8_t *node = node_count(w->node, w->head.live - 1, w->head.deleted + 1);
        if (node != w->node) replace_node(s, w->master, node);
    }
    s->length--;
    w->opened = false;
    w->next = NULL;
    w->left = 0;
    bool more = w->backwards ? id_decrement(&id) : id_increment(&id);
    if (w->backwards) w->to = id; else w->from = id;
    if (!more) { /* an empty range */
        w->from = ID_MAX;
        w->to = ID_MIN;
    }
}

/* ---- single entries -------------------------------------------------------------------------- */

bool stream_has(Stream *s, Id id) {
    Walk w;
    walk_begin(&w, s, id, id, false);
    bool found = walk_next(&w);
    walk_end(&w);
    return found;
}

static Id edge(Stream *s, bool backwards, bool deleted_too) {
    Walk w;
    Id id = backwards ? ID_MIN : ID_MAX;
    walk_begin(&w, s, ID_MIN, ID_MAX, backwards);
    w.deleted_too = deleted_too;
    if (walk_next(&w)) id = w.entry.id;
    walk_end(&w);
    return id;
}

Id stream_first(Stream *s, bool deleted_too) {
    return edge(s, false, deleted_too);
}

Id stream_last(Stream *s) {
    return edge(s, true, false);
}

static void find_first(Stream *s) {
    s->first = s->length ? stream_first(s, false) : ID_MIN;
}

void stream_removed(Stream *s, Id id) {
    if (id_compare(id, s->max_deleted) > 0) s->max_deleted = id;
    if (id_compare(id, s->first) == 0 || !s->length) find_first(s);
}

bool stream_remove(Stream *s, Id id) {
    Walk w;
    walk_begin(&w, s, id, id, false);
    bool found = walk_next(&w);
    if (found) walk_remove(&w);
    walk_end(&w);
    if (found) stream_removed(s, id);
    return found;
}

/* ---- trimming -------------------------------------------------------------------------------- */

/* The id of a node's last entry, deleted or not. */
static Id last_of(const uint8_t *node, Id master) {
    NodeHead head = node_head(node);
    NodeEntry entry;
    node_entry(node, &head, master, node_last(node), &entry);
    return entry.id;
}

static bool node_goes(const Stream *s, const Trim *trim, const uint8_t *node, Id master,
                      uint64_t live) {
    if (trim->by == TRIM_LENGTH) return s->length - live >= trim->length;
    return id_compare(last_of(node, master), trim->id) < 0;
}

/* Marks entries in the first node that stays. */
static uint64_t trim_inside(Stream *s, const Trim *trim, uint8_t *node, Id master) {
    NodeHead head = node_head(node);
    NodeEntry entry;
    uint64_t marked = 0;
    for (uint8_t *at = node_first(node, &head); at; at = node_after(node, &entry)) {
        node_entry(node, &head, master, at, &entry);
        if (trim->by == TRIM_LENGTH ? s->length <= trim->length
                                    : id_compare(entry.id, trim->id) >= 0) {
            break;
        }
        if (entry.flags & ENTRY_DELETED) continue;
        node_mark(at, entry.flags | ENTRY_DELETED);
        s->length--;
        marked++;
    }
    uint8_t *changed =
        node_count(node, head.live - (int64_t)marked, head.deleted + (int64_t)marked);
    if (changed != node) replace_node(s, master, changed);
    s->tail = NULL;
    return marked;
}

uint64_t stream_trim(Stream *s, const Trim *trim) {
    uint64_t removed = 0;
    RadixWalk w;
    if (trim->by == TRIM_NONE || (trim->by == TRIM_LENGTH && s->length <= trim->length)) return 0;
    radix_walk(&w, &s->nodes);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        if (trim->by == TRIM_LENGTH && s->length <= trim->length) break;
        uint8_t *node = w.value;
        Id master = id_of_key(w.key.ptr);
        uint64_t live = (uint64_t)node_head(node).live;
        if (trim->limit && removed + live > (uint64_t)trim->limit) break;
        if (!node_goes(s, trim, node, master, live)) {
            if (!trim->approximate) removed += trim_inside(s, trim, node, master);
            break;
        }
        if (node == s->tail) s->tail = NULL;
        IdKey key = id_key(master);
        radix_remove(&s->nodes, id_key_str(&key), NULL);
        keel_free(node);
        s->length -= live;
        removed += live;
    }
    radix_walk_end(&w);
    if (removed) find_first(s);
    return removed;
}

/* ---- how much was read ----------------------------------------------------------------------- */

bool stream_has_holes(const Stream *s, Id from) {
    if (!s->length || id_is_zero(s->max_deleted)) return false;
    if (id_compare(s->first, s->max_deleted) > 0) return false; /* all holes are before it */
    return id_compare(from, s->max_deleted) <= 0;
}

int64_t stream_distance(const Stream *s, Id id) {
    if (!s->added) return 0;
    if (!s->length && id_compare(id, s->last) <= 0) return (int64_t)s->added;
    int order = id_compare(id, s->last);
    if (order == 0) return (int64_t)s->added;
    if (order > 0) return READ_UNKNOWN;
    if (id_is_zero(s->max_deleted) || id_compare(s->max_deleted, s->first) < 0) {
        int first = id_compare(id, s->first);
        if (first < 0) return (int64_t)(s->added - s->length);
        if (first == 0) return (int64_t)(s->added - s->length + 1);
    }
    return READ_UNKNOWN;
}
