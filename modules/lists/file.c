/* file.c - lists in files and payloads, as commands, and as digests.
 *
 * Both forms are written as RDB type 18: the number of nodes, then each one's kind (1 plain, 2
 * packed) and its bytes, which are those in memory, compressed ones included. Read are also type 14
 * (nodes are ziplists), 10 (one ziplist) and 1 (elements one by one). All of it is validated; empty
 * nodes are passed over, and a list without elements is no key. */
#include <ds/ziplist.h>
#include <keel/codec.h>

#include "lists.h"

enum {
    TYPE_PLAIN = 1,
    TYPE_ZIPLIST = 10,
    TYPE_QUICKLIST = 14,
    TYPE_QUICKLIST_2 = 18,
};
enum { NODE_PLAIN = 1, NODE_PACKED = 2 };
enum { REWRITE_WORDS = 64 };
#define NODE_MAX (2 * LP_MAX_BYTES)

/* ---- saving ---------------------------------------------------------------------------------- */

static int save_node(KeelSink *sink, const Node *node) {
    uint64_t len = node->plain ? plain_len(node) : node->pack.bytes;
    keel_save_len(sink, node->plain ? NODE_PLAIN : NODE_PACKED);
    if (node->packed) {
        return keel_save_compressed(sink, (KeelStr){(char *)node->pack.lp, node->packed}, len);
    }
    return keel_save_string(sink, (KeelStr){(char *)node->pack.lp, len});
}

int list_save(KeelSink *sink, const KeelValue *v) {
    const List *l = v->ptr;
    keel_save_len(sink, l->quick ? l->quick->nodes : 1);
    if (!l->quick) {
        keel_save_len(sink, NODE_PACKED);
        return keel_save_string(sink, (KeelStr){(char *)l->pack.lp, l->pack.bytes});
    }
    for (const Node *node = l->quick->head; node; node = node->next) {
        if (save_node(sink, node) != 0) return -1;
    }
    return 0;
}

/* Commands of up to 64 elements. One ends with each node too: a compressed node's bytes are there
 * only while the walk is in it. */
int list_rewrite(KeelSink *sink, KeelStr key, const KeelValue *v) {
    KeelStr words[2 + REWRITE_WORDS] = {KEEL_LIT("RPUSH"), key};
    char digits[REWRITE_WORDS][KEEL_INT_ROOM];
    int n = 0, rc = 0;
    Walk w;
    LpValue e;
    walk_start(&w, v->ptr, 0, false);
    while (rc == 0 && walk_next(&w, &e)) {
        words[2 + n] = value_str(e, digits[n]);
        n++;
        if (w.p && n < REWRITE_WORDS) continue;
        rc = keel_rewrite_emit(sink, words, 2 + n);
        n = 0;
    }
    walk_end(&w);
    return rc;
}

void list_digest(KeelDigest *d, const KeelValue *v) {
    const KeelDigester *digester = keel_interface("digest", 100);
    char scratch[KEEL_INT_ROOM];
    Walk w;
    LpValue e;
    walk_start(&w, v->ptr, 0, false);
    while (digester && walk_next(&w, &e)) {
        KeelStr s = value_str(e, scratch);
        digester->mix(d, s.ptr, s.len);
    }
    walk_end(&w);
}

/* ---- loading --------------------------------------------------------------------------------- */

static int load_elements(KeelSource *source, Quick *q) {
    uint64_t n;
    if (keel_load_len(source, &n, NULL) != 0) return -1;
    for (; n; n--) {
        char *bytes;
        size_t len;
        if (keel_load_string(source, &bytes, &len) != 0) return -1;
        quick_push(q, (KeelStr){bytes, len}, false);
        keel_free(bytes);
    }
    return 0;
}

/* `lp` becomes a node, or is freed when it is empty. */
static void append_pack(Quick *q, uint8_t *lp) {
    Pack pack = pack_adopt(lp);
    if (pack.count == 0) {
        pack_release(&pack);
        return;
    }
    pack_settle(&pack, true);
    quick_link(q, q->tail, node_packed(pack), true);
}

static int load_ziplist(KeelSource *source, Quick *q, const char *what) {
    char *bytes;
    size_t len;
    if (keel_load_string(source, &bytes, &len) != 0) return -1;
    uint8_t *lp = ziplist_to_listpack(bytes, len);
    keel_free(bytes);
    if (!lp) return keel_load_fail(source, "%s integrity check failed.", what);
    append_pack(q, lp);
    return 0;
}

static int load_node(KeelSource *source, Quick *q) {
    uint64_t kind;
    char *bytes;
    size_t len;
    if (keel_load_len(source, &kind, NULL) != 0) return -1;
    if (kind != NODE_PLAIN && kind != NODE_PACKED) {
        return keel_load_fail(source, "Quicklist integrity check failed.");
    }
    if (keel_load_string(source, &bytes, &len) != 0) return -1;
    if (len == 0) {
        keel_free(bytes);
        return keel_load_fail(source, "Quicklist integrity check failed.");
    }
    if (kind == NODE_PLAIN) {
        quick_link(q, q->tail, node_plain((KeelStr){bytes, len}), true);
        keel_free(bytes);
    } else if (len > NODE_MAX || !lp_valid(bytes, len, NULL, NULL)) {
        keel_free(bytes);
        return keel_load_fail(source, "Listpack integrity check failed.");
    } else {
        append_pack(q, (uint8_t *)bytes);
    }
    return 0;
}

static int load_nodes(KeelSource *source, uint8_t opcode, Quick *q) {
    uint64_t n;
    if (keel_load_len(source, &n, NULL) != 0) return -1;
    for (; n; n--) {
        int rc = opcode == TYPE_QUICKLIST ? load_ziplist(source, q, "Ziplist")
                                          : load_node(source, q);
        if (rc != 0) return rc;
    }
    return 0;
}

int list_load(KeelSource *source, uint8_t opcode, KeelValue *out) {
    List *l = list_new();
    l->quick = quick_new(lists_fill, lists_depth);
    int rc = opcode == TYPE_PLAIN     ? load_elements(source, l->quick)
             : opcode == TYPE_ZIPLIST ? load_ziplist(source, l->quick, "List ziplist")
                                      : load_nodes(source, opcode, l->quick);
    if (rc == 0 && list_count(l) == 0) rc = 1;
    if (rc != 0) {
        list_free(l);
        return rc;
    }
    list_shrink(l, false);
    out->ptr = l;
    return 0;
}
