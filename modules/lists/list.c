/* list.c - a list as a whole: one pack while it is small, a quicklist when it is not.
 *
 * A list becomes a quicklist when what is about to be added would not fit a node, and a pack again
 * when it has shrunk to one node of half the limit. Both are Redis 7.2's rules; OBJECT ENCODING
 * shows them. */
#include <string.h>

#include "lists.h"

List *list_new(void) {
    List *l = keel_alloc(sizeof(*l));
    *l = (List){.pack = PACK_EMPTY};
    return l;
}

void list_free(void *list) {
    List *l = list;
    if (l->quick) {
        quick_free(l->quick);
    } else {
        pack_release(&l->pack);
    }
    keel_free(l);
}

/* ---- the two forms --------------------------------------------------------------------------- */

void pack_expect(List *l, size_t bytes, size_t count) {
    if (!quick_exceeds(lists_fill, l->pack.bytes + bytes, l->pack.count + count)) return;
    Quick *q = quick_new(lists_fill, lists_depth);
    if (l->pack.count) {
        quick_link(q, NULL, node_packed(l->pack), true);
    } else {
        pack_release(&l->pack);
    }
    l->pack = PACK_EMPTY;
    l->quick = q;
}

void list_shrink(List *l, bool shrinking) {
    Quick *q = l->quick;
    if (!q) {
        pack_settle(&l->pack, false);
        return;
    }
    if (__builtin_expect(q->nodes != 1 || q->head->plain, 1)) return;
    size_t bytes = lists_fill < 0 ? quick_size_limit(lists_fill) : SIZE_MAX;
    size_t count = lists_fill < 0 ? UINT32_MAX : lists_fill ? (size_t)lists_fill : 1;
    if (shrinking) {
        bytes /= 2;
        count /= 2;
    }
    if (q->head->pack.bytes > bytes || q->count > count) return;
    node_open(q->head);
    l->pack = q->head->pack;
    l->quick = NULL;
    keel_free(q->head);
    keel_free(q);
    pack_settle(&l->pack, false);
}

/* ---- the ends -------------------------------------------------------------------------------- */

LpValue list_end(const List *l, bool front) {
    const Pack *p = &l->pack;
    if (l->quick) {
        Node *node = front ? l->quick->head : l->quick->tail;
        node_open(node);
        if (node->plain) return plain_value(node, node->pack.lp);
        p = &node->pack;
    }
    return lp_get(front ? pack_first(p) : pack_last(p));
}

void list_drop(List *l, bool front) {
    if (l->quick) {
        quick_drop(l->quick, front);
    } else {
        pack_drop(&l->pack, front ? pack_first(&l->pack) : pack_last(&l->pack), front);
    }
}

/* ---- inside ---------------------------------------------------------------------------------- */

void list_insert(List *l, size_t index, KeelStr s, bool after) {
    if (l->quick) {
        quick_insert(l->quick, quick_place(l->quick, index), s, after);
        return;
    }
    LpItem item;
    lp_encode(&item, s);
    pack_insert(&l->pack, lp_seek(l->pack.lp, (long)index), &item, after);
}

void list_replace(List *l, size_t index, KeelStr s) {
    if (l->quick) {
        quick_replace(l->quick, quick_place(l->quick, index), s);
        return;
    }
    LpItem item;
    lp_encode(&item, s);
    pack_replace(&l->pack, lp_seek(l->pack.lp, (long)index), &item);
}

void list_delete(List *l, size_t index, size_t n) {
    if (n == 0) return;
    if (l->quick) {
        quick_delete(l->quick, index, n);
    } else {
        pack_delete(&l->pack, lp_seek(l->pack.lp, (long)index), n);
    }
}

/* ---- equal elements -------------------------------------------------------------------------- */

Wanted wanted_of(KeelStr s) {
    Wanted w = {.s = s};
    w.is_int = keel_parse_int(s, &w.number);
    return w;
}

static size_t count_equal(const uint8_t *p, const Wanted *wanted) {
    size_t n = 0;
    for (; p && *p != LP_END; p += lp_element_bytes(p)) n += wanted_is(wanted, lp_get(p));
    return n;
}

/* Deletes `n` equal elements of a pack after passing over `skip` of them. What stays between them
 * is moved once, whatever their number. */
static void pack_delete_equal(Pack *pack, const Wanted *wanted, size_t skip, size_t n) {
    uint8_t *p = pack->lp + LP_HEADER_BYTES, *to = p, *kept = p; /* kept..p waits to be moved */
    size_t deleted = 0;
    while (deleted < n) {
        size_t bytes = lp_element_bytes(p);
        if (wanted_is(wanted, lp_get(p))) {
            if (skip) {
                skip--;
            } else {
                if (to != kept) memmove(to, kept, (size_t)(p - kept));
                to += p - kept;
                kept = p + bytes;
                deleted++;
            }
        }
        p += bytes;
    }
    uint8_t *end = pack->lp + pack->bytes;
    memmove(to, kept, (size_t)(end - kept));
    pack->bytes = (uint32_t)(to + (end - kept) - pack->lp);
    pack->count -= (uint32_t)deleted;
    lp_set_header(pack->lp, pack->bytes, pack->count);
    pack_settle(pack, false);
}

/* Of the equal elements of a node the first ones go, or the last ones when going backwards. */
static size_t take_equal(Pack *pack, const Wanted *wanted, size_t left, bool backwards) {
    size_t here = count_equal(pack_first(pack), wanted), take = here < left ? here : left;
    if (take) pack_delete_equal(pack, wanted, backwards ? here - take : 0, take);
    return take;
}

static size_t node_delete_equal(Quick *q, Node *node, const Wanted *wanted, size_t left,
                                bool backwards) {
    uint8_t *opened = NULL;
    const uint8_t *bytes = node_read(node, &opened);
    size_t n;
    if (node->plain) {
        n = wanted_is(wanted, plain_value(node, bytes));
        if (n) quick_unlink(q, node);
    } else {
        n = count_equal(bytes + LP_HEADER_BYTES, wanted);
        if (n) {
            node_open(node);
            n = take_equal(&node->pack, wanted, left, backwards);
            q->count -= n;
            if (!quick_unlink_empty(q, node)) quick_compress(q, node);
        }
    }
    keel_free(opened);
    return n;
}

size_t list_delete_equal(List *l, const Wanted *wanted, size_t limit, bool backwards) {
    Quick *q = l->quick;
    size_t left = limit ? limit : SIZE_MAX, gone = 0;
    if (!q) return take_equal(&l->pack, wanted, left, backwards);
    for (Node *node = backwards ? q->tail : q->head, *next; node && gone < left; node = next) {
        next = backwards ? node->prev : node->next;
        gone += node_delete_equal(q, node, wanted, left - gone, backwards);
    }
    return gone;
}

/* ---- walking --------------------------------------------------------------------------------- */

static void walk_enter(Walk *w, const Node *node) {
    w->node = node;
    w->lp = node_read(node, &w->opened);
    __builtin_prefetch(w->backwards ? node->prev : node->next);
}

void walk_start(Walk *w, const List *l, size_t index, bool backwards) {
    *w = (Walk){.list = l, .backwards = backwards};
    if (index >= list_count(l)) return;
    if (!l->quick) {
        w->lp = l->pack.lp;
        w->p = lp_seek(w->lp, (long)index);
        return;
    }
    Place at = quick_place(l->quick, index);
    walk_enter(w, at.node);
    w->p = at.node->plain ? (uint8_t *)w->lp : lp_seek(w->lp, (long)at.offset);
}

bool walk_turn(Walk *w) {
    const Node *node = w->node ? w->backwards ? w->node->prev : w->node->next : NULL;
    if (!node) {
        w->node = NULL;
        return false;
    }
    walk_enter(w, node);
    w->p = node->plain       ? (uint8_t *)w->lp
           : w->backwards    ? lp_last(w->lp)
                             : lp_first(w->lp);
    return true;
}

void walk_end(Walk *w) {
    keel_free(w->opened);
    w->opened = NULL;
}
