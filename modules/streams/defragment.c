/* defragment.c - moving a stream's blocks to denser places, in parts when it is long.
 *
 * A pending entry is known to two trees and knows its consumer, so its address is changed in both
 * and a consumer's in all that is pending for it. A consumer with very many stays where it is: one
 * block is not worth that.
 *
 * Where a part ended takes more than a cursor's 64 bits: an id, and among groups two names. It is
 * kept here, for the one stream that was left last; a cursor is the number of that part. With any
 * other number a stream begins anew, which costs time and nothing else. */
#include "streams.h"

enum { CONSUMER_PENDING_MAX = 1000 };

typedef enum Part { NODES, GROUPS } Part;

static struct Mark {
    uint64_t number;
    Part part;
    Id id;                 /* NODES: of the node to go on behind */
    char *group;           /* GROUPS: of the group to go on behind */
    size_t group_len, group_room;
} mark;

void defragment_release(void) {
    keel_free(mark.group);
    mark = (struct Mark){.number = mark.number};
}

/* Whether to stop here, when the next part can go on behind it. */
static bool leave(uint64_t *cursor) {
    if (!cursor || !keel_move_over()) return false;
    *cursor = ++mark.number;
    return true;
}

/* ---- entries --------------------------------------------------------------------------------- */

/* True: all nodes are done. */
static bool move_nodes(Stream *s, const Id *behind, uint64_t *cursor) {
    RadixWalk w;
    IdKey key = id_key(behind ? *behind : ID_MIN);
    bool done = true;
    radix_walk(&w, &s->nodes);
    bool ok = radix_seek(&w, behind ? RADIX_GT : RADIX_GE, id_key_str(&key));
    for (; ok; ok = radix_next(&w)) {
        radix_move(&w, &s->nodes);
        void **slot = radix_here(&w);
        uint8_t *node = keel_move(*slot);
        if (s->tail == *slot) s->tail = node;
        *slot = node;
        if (leave(cursor)) {
            mark.part = NODES;
            mark.id = id_of_key(w.key.ptr);
            done = false;
            break;
        }
    }
    radix_walk_end(&w);
    return done;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void move_pending(Group *g) {
    RadixWalk w;
    radix_walk(&w, &g->pending);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        radix_move(&w, &g->pending);
        void **slot = radix_here(&w);
        Pending *p = keel_move(*slot);
        if (p == *slot) continue;
        *slot = p;
        if (p->consumer) *radix_find(&p->consumer->pending, w.key) = p;
    }
    radix_walk_end(&w);
}

static Consumer *move_consumer(Consumer *consumer) {
    bool moves = consumer->pending.count <= CONSUMER_PENDING_MAX;
    Consumer *now = moves ? keel_move(consumer) : consumer;
    now->name.ptr = (char *)(now + 1);
    RadixWalk w;
    radix_walk(&w, &now->pending);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        radix_move(&w, &now->pending);
        ((Pending *)*radix_here(&w))->consumer = now;
    }
    radix_walk_end(&w);
    return now;
}

static Group *move_group(Group *g) {
    RadixWalk w;
    g = keel_move(g);
    move_pending(g);
    radix_walk(&w, &g->consumers);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        radix_move(&w, &g->consumers);
        void **slot = radix_here(&w);
        *slot = move_consumer(*slot);
    }
    radix_walk_end(&w);
    return g;
}

static void mark_group(KeelStr name) {
    if (name.len > mark.group_room) {
        mark.group = keel_realloc(mark.group, name.len);
        mark.group_room = name.len;
    }
    if (name.len) memcpy(mark.group, name.ptr, name.len);
    mark.group_len = name.len;
    mark.part = GROUPS;
}

/* True: all groups are done. A group is moved as a whole. */
static bool move_groups(Stream *s, const KeelStr *behind, uint64_t *cursor) {
    RadixWalk w;
    bool done = true;
    radix_walk(&w, &s->groups);
    bool ok = behind ? radix_seek(&w, RADIX_GT, *behind) : radix_first(&w);
    for (; ok; ok = radix_next(&w)) {
        radix_move(&w, &s->groups);
        void **slot = radix_here(&w);
        *slot = move_group(*slot);
        if (leave(cursor)) {
            mark_group(w.key);
            done = false;
            break;
        }
    }
    radix_walk_end(&w);
    return done;
}

/* ---- all of it ------------------------------------------------------------------------------- */

void *stream_defragment(const KeelValue *v, uint64_t *cursor) {
    Stream *s = v->ptr;
    bool goes_on = cursor && *cursor && *cursor == mark.number;
    Part part = goes_on ? mark.part : NODES;
    KeelStr group = {mark.group, mark.group_len};
    if (!goes_on) s = keel_move(s);
    if (part == NODES && !move_nodes(s, goes_on ? &mark.id : NULL, cursor)) return s;
    if (!move_groups(s, part == GROUPS ? &group : NULL, cursor)) return s;
    if (cursor) *cursor = 0;
    return s;
}
