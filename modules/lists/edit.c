/* edit.c - inserting into quicklists and replacing their elements: nodes are split and joined.
 *
 * An element goes into its neighbour's node while the limit allows it, into the next node when it
 * belongs at the border of the two, and otherwise between two halves of the node, which then join
 * what fits beside them. Replacing may grow a node past the limit, as it does in Redis. */
#include <ds/host.h>
#include <string.h>

#include "lists.h"

/* Splits a node before the element at `offset`; the second half becomes a node that is in no chain
 * yet. Neither half is empty. q->count loses what it holds. */
static Node *split(Quick *q, Node *node, size_t offset) {
    Pack *p = &node->pack;
    node_open(node);
    size_t first = (size_t)(lp_seek(p->lp, (long)offset) - p->lp);
    Pack rest = {.bytes = (uint32_t)(p->bytes - first + LP_HEADER_BYTES),
                 .count = (uint32_t)(p->count - offset)};
    rest.room = (uint32_t)ds_class(rest.bytes);
    rest.lp = ds_alloc(rest.room);
    memcpy(rest.lp + LP_HEADER_BYTES, p->lp + first, rest.bytes - LP_HEADER_BYTES);
    lp_set_header(rest.lp, rest.bytes, rest.count);
    p->lp[first] = LP_END;
    p->bytes = (uint32_t)first + 1;
    p->count = (uint32_t)offset;
    lp_set_header(p->lp, p->bytes, p->count);
    pack_settle(p, false);
    q->count -= rest.count;
    return node_packed(rest);
}

static bool may_join(const Quick *q, const Node *a, const Node *b) {
    if (!a || !b || a->plain || b->plain) return false;
    return !quick_exceeds(q->fill, (size_t)a->pack.bytes + b->pack.bytes - LP_EMPTY_BYTES,
                          (size_t)a->pack.count + b->pack.count);
}

/* Appends `b`, which follows `a`, to it, and returns it. */
static Node *join(Quick *q, Node *a, Node *b) {
    node_open(a);
    node_open(b);
    Pack *p = &a->pack;
    size_t more = b->pack.bytes - LP_EMPTY_BYTES, bytes = p->bytes + more, room = ds_class(bytes);
    uint8_t *lp = ds_alloc(room);
    memcpy(lp, p->lp, p->bytes - 1);
    memcpy(lp + p->bytes - 1, b->pack.lp + LP_HEADER_BYTES, more + 1);
    Pack both = {.lp = lp, .bytes = (uint32_t)bytes, .count = p->count + b->pack.count,
                 .room = (uint32_t)room};
    lp_set_header(lp, bytes, both.count);
    pack_release(p);
    *p = both;
    q->count += b->pack.count;
    quick_unlink(q, b);
    quick_compress(q, a);
    return a;
}

/* After a split at `center`: joins it and its neighbours, two on each side, where they fit. */
static void join_around(Quick *q, Node *center) {
    Node *prev = center->prev, *next = center->next;
    if (prev && may_join(q, prev->prev, prev)) join(q, prev->prev, prev);
    if (next && may_join(q, next, next->next)) join(q, next, next->next);
    if (may_join(q, center->prev, center)) center = join(q, center->prev, center);
    if (may_join(q, center, center->next)) join(q, center, center->next);
}

static void push_into(Quick *q, Node *node, KeelStr s, bool front) {
    node_open(node);
    pack_push(&node->pack, s, front, 0);
    q->count++;
    quick_compress(q, node);
}

static Node *node_of(KeelStr s) {
    if (quick_is_plain(s.len)) return node_plain(s);
    Node *node = node_packed(PACK_EMPTY);
    pack_push(&node->pack, s, false, 0);
    return node;
}

/* The node of `at` takes no more. */
static void insert_beside(Quick *q, Place at, KeelStr s, bool after) {
    Node *node = at.node;
    bool at_border = node->plain || at.offset == (after ? node->pack.count - 1 : 0);
    Node *neighbour = after ? node->next : node->prev;
    if (at_border && node_admits(q, neighbour, s.len)) {
        push_into(q, neighbour, s, after);
    } else if (at_border) {
        quick_link(q, node, node_of(s), after);
    } else {
        /* The new element goes to the half that is split off, seen from the node that keeps `at`'s
         * element: behind it, or in front of it. */
        Node *rest = split(q, node, at.offset + after);
        quick_link(q, node, rest, true);
        if (quick_is_plain(s.len)) {
            quick_link(q, node, node_plain(s), true);
            return;
        }
        push_into(q, after ? rest : node, s, after);
        join_around(q, after ? node : rest);
    }
}

void quick_insert(Quick *q, Place at, KeelStr s, bool after) {
    if (!node_admits(q, at.node, s.len)) {
        insert_beside(q, at, s, after);
        return;
    }
    LpItem item;
    lp_encode(&item, s);
    node_open(at.node);
    pack_insert(&at.node->pack, lp_seek(at.node->pack.lp, (long)at.offset), &item, after);
    q->count++;
    quick_compress(q, at.node);
}

/* The element becomes a node of its own, between what was before and behind it; or, when it was one,
 * goes where there is room for it. */
static void replace_node(Quick *q, Place at, KeelStr s) {
    Node *node = at.node;
    if (node->plain && quick_is_plain(s.len)) {
        quick_link(q, node, node_of(s), true);
        quick_unlink(q, node);
        return;
    }
    if (node->plain) {
        quick_insert(q, at, s, true);
        quick_unlink(q, node);
        return;
    }
    if (at.offset + 1 < node->pack.count) {
        quick_link(q, node, split(q, node, at.offset + 1), true);
    }
    quick_link(q, node, node_of(s), true);
    if (at.offset == 0) {
        quick_unlink(q, node);
        return;
    }
    node_open(node);
    pack_drop(&node->pack, pack_last(&node->pack), false);
    q->count--;
    quick_compress(q, node);
}

/* Several elements of nearly 1 GiB each would be more than a pack can hold. */
static bool too_large_together(const Node *node, KeelStr s) {
    return node->pack.count > 1 && node->pack.bytes + s.len > LP_MAX_BYTES;
}

void quick_replace(Quick *q, Place at, KeelStr s) {
    Node *node = at.node;
    if (node->plain || quick_is_plain(s.len) || too_large_together(node, s)) {
        replace_node(q, at, s);
        return;
    }
    LpItem item;
    lp_encode(&item, s);
    node_open(node);
    pack_replace(&node->pack, lp_seek(node->pack.lp, (long)at.offset), &item);
    quick_compress(q, node);
}
