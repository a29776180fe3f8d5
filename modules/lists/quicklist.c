/* quicklist.c - lists that are too large for one pack: a chain of nodes, each a pack.
 *
 * A node holds as much as list-max-listpack-size allows: a number of elements, or with negative
 * numbers 4, 8, 16, 32 or 64 KiB. The nodes at both ends have room up to that from the start, as
 * more will come; those that another one grew in front of give back what they did not need. An
 * element of 1 GiB and more is a node by itself, a plain one.
 *
 * Where nodes end is visible in DUMP payloads and files, and agrees with Redis's. */
#include <string.h>

#include "lists.h"

enum {
    FILL_MAX = 32767,         /* Redis's 16 bits */
    FILL_MIN = -5,
    DEPTH_MAX = 65535,
    SAFE_BYTES = 8192,        /* what a limit by number allows at most, several elements together */
    ELEMENT_OVERHEAD = 8,     /* an element's header, generously */
};

uint64_t quick_plain_from = QUICK_PLAIN_FROM;

size_t quick_size_limit(int64_t fill) {
    static const size_t limits[] = {4096, 8192, 16384, 32768, 65536};
    return fill >= 0 ? SAFE_BYTES : limits[fill < FILL_MIN ? 4 : -fill - 1];
}

bool quick_exceeds(int64_t fill, size_t bytes, size_t count) {
    if (bytes > quick_size_limit(fill)) return true;
    return fill >= 0 && count > (fill ? (uint64_t)fill : 1);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

Node *node_packed(Pack pack) {
    Node *node = keel_alloc(sizeof(*node));
    *node = (Node){.pack = pack};
    return node;
}

Node *node_plain(KeelStr s) {
    Node *node = keel_alloc(sizeof(*node));
    *node = (Node){.plain = true};
    node->pack.lp = memcpy(keel_alloc(s.len), s.ptr, s.len);
    node->pack.bytes = (uint32_t)s.len;
    node->pack.room = (uint32_t)((uint64_t)s.len >> 32);
    node->pack.count = 1;
    return node;
}

static void node_free(Node *node) {
    if (node->plain) {
        keel_free(node->pack.lp);
    } else {
        pack_release(&node->pack);
    }
    keel_free(node);
}

bool node_admits(const Quick *q, const Node *node, size_t len) {
    if (__builtin_expect(!node || node->plain || quick_is_plain(len), 0)) return false;
    return node->pack.bytes + len + ELEMENT_OVERHEAD <= q->size_limit &&
           node->pack.count < q->count_limit;
}

/* Room to give a node at an end: all that it may ever need where that is known in bytes. */
static inline size_t room_wanted(const Quick *q) {
    return q->fill < 0 ? q->size_limit : 0;
}

/* ---- the chain ------------------------------------------------------------------------------- */

Quick *quick_new(int64_t fill, int64_t depth) {
    Quick *q = keel_alloc(sizeof(*q));
    if (fill > FILL_MAX) fill = FILL_MAX;
    if (fill < FILL_MIN) fill = FILL_MIN;
    *q = (Quick){.fill = (int32_t)fill,
                 .depth = (uint32_t)(depth > DEPTH_MAX ? DEPTH_MAX : depth),
                 .size_limit = (uint32_t)quick_size_limit(fill),
                 .count_limit = fill < 0 ? UINT32_MAX : fill ? (uint32_t)fill : 1};
    return q;
}

void quick_free(Quick *q) {
    for (Node *node = q->head, *next; node; node = next) {
        next = node->next;
        __builtin_prefetch(next);
        node_free(node);
    }
    keel_free(q);
}

void quick_link(Quick *q, Node *by, Node *node, bool after) {
    node->prev = after ? by : by ? by->prev : NULL;
    node->next = after ? (by ? by->next : NULL) : by;
    *(node->prev ? &node->prev->next : &q->head) = node;
    *(node->next ? &node->next->prev : &q->tail) = node;
    q->nodes++;
    q->count += node->pack.count;
    if (by) quick_compress(q, by);
    quick_compress(q, node);
}

void quick_unlink(Quick *q, Node *node) {
    *(node->prev ? &node->prev->next : &q->head) = node->next;
    *(node->next ? &node->next->prev : &q->tail) = node->prev;
    if (__builtin_expect(q->to_move == node, 0)) q->to_move = node->next;
    q->nodes--;
    q->count -= node->pack.count;
    node_free(node);
    quick_compress(q, NULL);
}

bool quick_unlink_empty(Quick *q, Node *node) {
    if (node->pack.count) return false;
    quick_unlink(q, node);
    return true;
}

Quick *quick_copy(const Quick *q) {
    Quick *copy = quick_new(q->fill, q->depth);
    for (const Node *from = q->head; from; from = from->next) {
        Node *node = node_packed(from->pack);
        size_t len = from->packed ? from->packed : plain_len(from);
        node->plain = from->plain;
        node->packed = from->packed;
        if (from->plain || from->packed) {
            node->pack.lp = memcpy(keel_alloc(len), from->pack.lp, len);
        } else {
            node->pack = pack_copy(&from->pack);
        }
        node->prev = copy->tail;
        *(copy->tail ? &copy->tail->next : &copy->head) = node;
        copy->tail = node;
    }
    copy->nodes = q->nodes;
    copy->count = q->count;
    return copy;
}

/* ---- the ends -------------------------------------------------------------------------------- */

/* A new node at an end; the one that was there is inside now and keeps no spare room. */
static __attribute__((noinline)) void push_node(Quick *q, KeelStr s, bool front) {
    Node *by = front ? q->head : q->tail, *node;
    if (quick_is_plain(s.len)) {
        node = node_plain(s);
    } else {
        node = node_packed(PACK_EMPTY);
        pack_push(&node->pack, s, front, room_wanted(q));
    }
    if (by && by != (front ? q->tail : q->head) && !by->plain) pack_settle(&by->pack, true);
    quick_link(q, by, node, !front);
}

void quick_push(Quick *q, KeelStr s, bool front) {
    Node *node = front ? q->head : q->tail;
    if (__builtin_expect(!node_admits(q, node, s.len), 0)) {
        push_node(q, s, front);
        return;
    }
    node_open(node);
    q->count++;
    pack_push(&node->pack, s, front, room_wanted(q));
}

void quick_drop(Quick *q, bool front) {
    Node *node = front ? q->head : q->tail;
    if (node->pack.count == 1) {
        quick_unlink(q, node);
        return;
    }
    node_open(node);
    pack_drop(&node->pack, front ? pack_first(&node->pack) : pack_last(&node->pack), front);
    q->count--;
}

/* ---- inside ---------------------------------------------------------------------------------- */

Place quick_place(const Quick *q, size_t index) {
    Node *node;
    if (index < q->count / 2) {
        for (node = q->head; index >= node->pack.count; node = node->next) {
            index -= node->pack.count;
        }
        return (Place){node, index};
    }
    size_t behind = q->count - index; /* elements from this one to the end */
    for (node = q->tail; behind > node->pack.count; node = node->prev) {
        behind -= node->pack.count;
    }
    return (Place){node, node->pack.count - behind};
}

/* Nodes keep their limits but are not joined: what remains of two is left as it is, as in Redis. */
void quick_delete(Quick *q, size_t index, size_t n) {
    Place at = quick_place(q, index);
    while (n && at.node) {
        Node *node = at.node, *next = node->next;
        size_t here = node->pack.count - at.offset;
        if (here > n) here = n;
        if (here == node->pack.count) {
            quick_unlink(q, node);
        } else {
            node_open(node);
            pack_delete(&node->pack, lp_seek(node->pack.lp, (long)at.offset), here);
            pack_settle(&node->pack, false);
            q->count -= here;
            quick_compress(q, node);
        }
        n -= here;
        at = (Place){next, 0};
    }
}

/* Each node and its elements' block; its neighbours learn where it is. */
Quick *quick_defragment(Quick *q, uint64_t *cursor) {
    bool begins = !cursor || *cursor == 0;
    if (begins) q = keel_move(q);
    Node *node = begins ? q->head : q->to_move;
    while (node) {
        node = keel_move(node);
        *(node->prev ? &node->prev->next : &q->head) = node;
        *(node->next ? &node->next->prev : &q->tail) = node;
        pack_defragment(&node->pack);
        node = node->next;
        __builtin_prefetch(node);
        if (cursor && keel_move_over()) break;
    }
    q->to_move = cursor ? node : NULL;
    if (cursor) *cursor = node != NULL;
    return q;
}
