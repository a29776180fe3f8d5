/* compress.c - the inner nodes of quicklists, compressed with LZF as list-compress-depth says.
 *
 * Nodes are used at the ends and rarely inside, so those further than `depth` from both ends may be
 * kept compressed. Reading one opens a copy; changing one opens it, and who changed it puts the
 * chain in order again. Nodes below 48 bytes, and those that shrink by less than 8, are left alone.
 * The compressed bytes are those that files hold, so saving such a node costs no compression. */
#include <keel/codec.h>
#include <string.h>

#include "lists.h"

enum { COMPRESS_FROM = 48, GAIN_MIN = 8 };

static const KeelCompressor *compressor(void) {
    return keel_interface("compressor", 101);
}

static uint64_t node_len(const Node *node) {
    return node->plain ? plain_len(node) : node->pack.bytes;
}

static void node_compress(Node *node) {
    const KeelCompressor *lzf = compressor();
    uint64_t len = node_len(node);
    if (node->packed || !lzf || len < COMPRESS_FROM || len > UINT32_MAX) return;
    uint8_t *out = keel_try_alloc(len);
    size_t packed = out ? lzf->pack(node->pack.lp, len, out, len - GAIN_MIN) : 0;
    if (!packed) {
        keel_free(out);
        return;
    }
    keel_free(node->plain ? node->pack.lp : node->pack.lp - node->pack.before);
    node->pack.lp = keel_realloc(out, packed);
    node->pack.before = 0;
    if (!node->plain) node->pack.room = 0;
    node->packed = (uint32_t)packed;
}

static uint8_t *open_copy(const Node *node) {
    uint64_t len = node_len(node);
    uint8_t *out = keel_alloc(keel_mem_class(len));
    const KeelCompressor *lzf = compressor();
    KEEL_ASSERT(lzf && lzf->decompress(node->pack.lp, node->packed, out, len) == len);
    return out;
}

void node_open(Node *node) {
    if (__builtin_expect(!node->packed, 1)) return;
    uint8_t *bytes = open_copy(node);
    keel_free(node->pack.lp);
    node->pack.lp = bytes;
    if (!node->plain) node->pack.room = (uint32_t)keel_mem_class(node->pack.bytes);
    node->packed = 0;
}

const uint8_t *node_read(const Node *node, uint8_t **opened) {
    if (__builtin_expect(!node->packed, 1)) return node->pack.lp;
    keel_free(*opened);
    return *opened = open_copy(node);
}

/* The nodes within the depth are opened, the first ones beyond it compressed, and `node` if it is
 * inside. A chain of less than twice the depth has no inside. */
void quick_compress_around(Quick *q, Node *node) {
    Node *from_head = q->head, *from_tail = q->tail;
    bool near_end = node == NULL;
    if (q->nodes == 0) return;
    for (uint32_t i = 0; i < q->depth; i++) {
        node_open(from_head);
        node_open(from_tail);
        near_end |= from_head == node || from_tail == node;
        if (from_head == from_tail || from_head->next == from_tail) return;
        from_head = from_head->next;
        from_tail = from_tail->prev;
    }
    if (!near_end) node_compress(node);
    node_compress(from_head);
    node_compress(from_tail);
}
