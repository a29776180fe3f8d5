/* reply.c - members and scores as replies. */
#include "zsets.h"

void reply_members(KeelCtx *c, size_t n, bool scores) {
    keel_reply_array(c, scores && keel_reply_protocol(c) == 2 ? n * 2 : n);
}

void reply_member(KeelCtx *c, KeelStr member, double score, bool scores, bool pairs) {
    if (pairs) keel_reply_array(c, 2);
    keel_reply_bulk(c, member);
    if (scores) keel_reply_double(c, score);
}

/* Elements of a tree are all over the memory: they are fetched a few steps ahead. */
static void reply_tree(KeelCtx *c, OrderedAt at, size_t n, bool reverse, bool scores, bool pairs) {
    enum { AHEAD = 6 };
    for (; n; n--) {
        unsigned ahead = reverse ? at.index - AHEAD : at.index + AHEAD;
        if (ahead < at.leaf->count) __builtin_prefetch(at.leaf->items[ahead].element + 8);
        const OrderedItem *item = ordered_item(at);
        reply_member(c, name_read(item->element + 8), item->score, scores, pairs);
        if (!(reverse ? ordered_previous(&at) : ordered_next(&at))) break;
    }
}

static void reply_pack(KeelCtx *c, const uint8_t *at, size_t n, bool reverse, bool scores,
                       bool pairs) {
    char scratch[KEEL_INT_ROOM];
    while (n--) {
        const uint8_t *beside = lp_after(at);
        double score = scores ? packed_score(beside) : 0;
        reply_member(c, lp_str(at, scratch), score, scores, pairs);
        if (n == 0) break;
        at = reverse ? lp_before(lp_before(at)) : lp_after(beside);
    }
}

void reply_run(KeelCtx *c, const Zset *z, size_t rank, size_t n, bool reverse, bool scores) {
    bool pairs = scores && keel_reply_protocol(c) > 2;
    reply_members(c, n, scores);
    if (n == 0) return;
    At at = zset_at(z, rank);
    if (z->tree) {
        OrderedAt place = {at.block_, (unsigned)at.index_};
        reply_tree(c, place, n, reverse, scores, pairs);
    } else {
        reply_pack(c, at.block_, n, reverse, scores, pairs);
    }
}
