/* radix.c - an ordered map of byte strings: a radix tree with compressed paths. See ds/radix.h.
 *
 * What holds between calls: a node without a value has two children at least, so every node is
 * either a key or a fork, and there are fewer than two nodes a key. Children are in the order of
 * their first bytes, which are kept in the parent and not in the child's prefix. */
#include <ds/host.h>
#include <ds/radix.h>
#include <string.h>

struct RadixNode {
    uint32_t prefix : 22;
    uint32_t children : 9;
    uint32_t has_value : 1;
    uint8_t bytes[]; /* prefix, then the children's first bytes */
};

/* ---- nodes ----------------------------------------------------------------------------------- */

static inline size_t pointers_at(size_t prefix, size_t children) {
    return (sizeof(RadixNode) + prefix + children + 7) & ~(size_t)7;
}

static inline size_t size_of(size_t prefix, size_t children, size_t has_value) {
    size_t size = pointers_at(prefix, children) + sizeof(void *) * (children + has_value);
    return size;
}

static inline size_t node_size(const RadixNode *n) {
    return size_of(n->prefix, n->children, n->has_value);
}

static inline void **node_pointers(const RadixNode *n) {
    return (void **)((uintptr_t)n + pointers_at(n->prefix, n->children));
}

static inline uint8_t *node_edges(const RadixNode *n) {
    return (uint8_t *)n->bytes + n->prefix;
}

static inline RadixNode **node_child(const RadixNode *n, unsigned i) {
    return (RadixNode **)node_pointers(n) + n->has_value + i;
}

static RadixNode *node_new(Radix *t, const void *prefix, size_t len, unsigned children,
                           bool has_value) {
    size_t size = size_of(len, children, has_value);
    RadixNode *n = ds_alloc(size);
    n->prefix = (uint32_t)len & RADIX_KEY_MAX;
    n->children = children & 511;
    n->has_value = has_value;
    if (len) memcpy(n->bytes, prefix, len);
    if (has_value) *node_pointers(n) = NULL;
    t->nodes++;
    t->runs += len > 0;
    t->bytes += size;
    return n;
}

static void node_free(Radix *t, RadixNode *n) {
    t->nodes--;
    t->runs -= n->prefix > 0;
    t->bytes -= node_size(n);
    ds_free(n);
}

/* The block in a new size; what is in it is the caller's to move. */
static RadixNode *node_resize(Radix *t, RadixNode *n, size_t size) {
    t->bytes += size;
    t->bytes -= node_size(n);
    return ds_realloc(n, size);
}

/* The first child whose byte is not below `b`. */
static unsigned lower_bound(const RadixNode *n, uint8_t b) {
    const uint8_t *edges = node_edges(n);
    unsigned low = 0, high = n->children;
    if (high == 256) return b;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (edges[middle] < b) low = middle + 1; else high = middle;
    }
    return low;
}

/* The child whose byte is `b`; -1: none. */
static inline int child_at(const RadixNode *n, uint8_t b) {
    const uint8_t *edges = node_edges(n);
    unsigned count = n->children;
    if (count > 12) {
        unsigned i = lower_bound(n, b);
        return i < count && edges[i] == b ? (int)i : -1;
    }
    for (unsigned i = 0; i < count; i++) {
        if (edges[i] == b) return (int)i;
    }
    return -1;
}

/* Everything moves up, so what stands last moves first. */
static RadixNode *add_child(Radix *t, RadixNode *n, uint8_t b, RadixNode *child) {
    unsigned at = lower_bound(n, b), count = n->children, values = n->has_value;
    n = node_resize(t, n, size_of(n->prefix, count + 1, values));
    void **from = node_pointers(n);
    uint8_t *edges = node_edges(n);
    n->children = (count + 1) & 511;
    void **to = node_pointers(n);
    memmove(to + values + at + 1, from + values + at, sizeof(*to) * (count - at));
    memmove(to, from, sizeof(*to) * (values + at));
    to[values + at] = child;
    memmove(edges + at + 1, edges + at, count - at);
    edges[at] = b;
    return n;
}

static RadixNode *drop_child(Radix *t, RadixNode *n, unsigned at) {
    unsigned count = n->children, values = n->has_value;
    size_t size = size_of(n->prefix, count - 1, values);
    void **from = node_pointers(n);
    uint8_t *edges = node_edges(n);
    memmove(edges + at, edges + at + 1, count - at - 1);
    void **to = (void **)((uintptr_t)n + pointers_at(n->prefix, count - 1));
    memmove(to, from, sizeof(*to) * (values + at));
    memmove(to + values + at, from + values + at + 1, sizeof(*to) * (count - at - 1));
    n = node_resize(t, n, size);
    n->children = (count - 1) & 511;
    return n;
}

static RadixNode *add_value(Radix *t, RadixNode *n) {
    n = node_resize(t, n, size_of(n->prefix, n->children, 1));
    void **pointers = node_pointers(n);
    memmove(pointers + 1, pointers, sizeof(*pointers) * n->children);
    n->has_value = 1;
    *pointers = NULL;
    return n;
}

static RadixNode *drop_value(Radix *t, RadixNode *n) {
    void **pointers = node_pointers(n);
    memmove(pointers, pointers + 1, sizeof(*pointers) * n->children);
    n = node_resize(t, n, size_of(n->prefix, n->children, 0));
    n->has_value = 0;
    return n;
}

/* The node with another prefix, everything else the same. */
static RadixNode *with_prefix(Radix *t, RadixNode *n, const void *prefix, size_t len) {
    RadixNode *m = node_new(t, prefix, len, n->children, n->has_value);
    memcpy(node_edges(m), node_edges(n), n->children);
    memcpy(node_pointers(m), node_pointers(n), sizeof(void *) * (n->children + n->has_value));
    node_free(t, n);
    return m;
}

/* A node that is no key and has one child becomes one with it. */
static RadixNode *merge(Radix *t, RadixNode *n) {
    uint8_t room[256], *bytes = room;
    RadixNode *child = *node_child(n, 0);
    size_t len = (size_t)n->prefix + 1 + child->prefix;
    if (len > sizeof(room)) bytes = ds_alloc(len);
    memcpy(bytes, n->bytes, n->prefix + 1u); /* the child's first byte stands behind the prefix */
    memcpy(bytes + n->prefix + 1, child->bytes, child->prefix);
    node_free(t, n);
    n = with_prefix(t, child, bytes, len);
    if (bytes != room) ds_free(bytes);
    return n;
}

static size_t common(const uint8_t *a, const uint8_t *b, size_t len) {
    size_t i = 0;
    while (i < len && a[i] == b[i]) i++;
    return i;
}

/* ---- the tree -------------------------------------------------------------------------------- */

void radix_init(Radix *tree) {
    *tree = (Radix){0};
}

/* Goes down to the last child, and notes the way back where that child's pointer stood: trees may
 * be deeper than a stack. */
void radix_release(Radix *tree, void (*free)(void *value)) {
    RadixNode *n = tree->root, *parent = NULL;
    while (n) {
        if (n->children) {
            RadixNode **last = node_child(n, n->children - 1u), *child = *last;
            *last = parent;
            parent = n;
            n = child;
            continue;
        }
        if (n->has_value && free) free(*node_pointers(n));
        ds_free(n);
        n = parent;
        if (!n) break;
        RadixNode **last = node_child(n, n->children - 1u);
        parent = *last;
        /* The pointers stay where the full number of children put them. */
        void **pointers = node_pointers(n);
        size_t kept = n->children - 1u + n->has_value;
        n->children = (n->children - 1u) & 511;
        memmove(node_pointers(n), pointers, sizeof(void *) * kept);
    }
    uint32_t stamp = tree->stamp;
    *tree = (Radix){.stamp = stamp + 1};
}

void **radix_find(const Radix *tree, KeelStr key) {
    const uint8_t *p = (const uint8_t *)key.ptr;
    size_t left = key.len;
    const RadixNode *n = tree->root;
    while (n) {
        if (left < n->prefix || common(n->bytes, p, n->prefix) < n->prefix) return NULL;
        p += n->prefix;
        left -= n->prefix;
        if (!left) return n->has_value ? node_pointers(n) : NULL;
        int i = child_at(n, *p);
        if (i < 0) return NULL;
        n = *node_child(n, (unsigned)i);
        p++;
        left--;
    }
    return NULL;
}

/* The key leaves node *at after `same` bytes of its prefix: a fork takes the node's place. Returns
 * where the key's value is. */
static void **fork_at(Radix *t, RadixNode **at, size_t same, const uint8_t *p, size_t left) {
    RadixNode *old = *at;
    bool ends = same == left;
    uint8_t old_byte = old->bytes[same];
    RadixNode *fork = node_new(t, p, same, ends ? 1 : 2, ends), *leaf = NULL;
    *at = fork;
    uint8_t room[256], *bytes = room;
    size_t rest = old->prefix - same - 1;
    if (rest > sizeof(room)) bytes = ds_alloc(rest);
    memcpy(bytes, old->bytes + same + 1, rest);
    old = with_prefix(t, old, bytes, rest);
    if (bytes != room) ds_free(bytes);
    unsigned old_at = 0;
    if (!ends) {
        leaf = node_new(t, p + same + 1, left - same - 1, 0, true);
        old_at = old_byte > p[same];
        node_edges(fork)[!old_at] = p[same];
        *node_child(fork, !old_at) = leaf;
    }
    node_edges(fork)[old_at] = old_byte;
    *node_child(fork, old_at) = old;
    return node_pointers(leaf ? leaf : fork);
}

/* A key that is not there, at the node *at, whose prefix does not follow it to its end, or whose
 * children do not. */
static void **insert(Radix *t, RadixNode **at, size_t same, const uint8_t *p, size_t left) {
    RadixNode *n = *at;
    t->count++;
    t->stamp++;
    if (!n) {
        *at = node_new(t, p, left, 0, true);
        return node_pointers(*at);
    }
    if (same < n->prefix) return fork_at(t, at, same, p, left);
    if (same == left) {
        *at = add_value(t, n);
        return node_pointers(*at);
    }
    RadixNode *leaf = node_new(t, p + same + 1, left - same - 1, 0, true);
    *at = add_child(t, n, p[same], leaf);
    return node_pointers(leaf);
}

void **radix_add(Radix *tree, KeelStr key, bool *added) {
    const uint8_t *p = (const uint8_t *)key.ptr;
    size_t left = key.len, same = 0;
    RadixNode **at = &tree->root;
    if (key.len > RADIX_KEY_MAX) return NULL;
    if (added) *added = false;
    while (*at) {
        RadixNode *n = *at;
        same = common(n->bytes, p, left < n->prefix ? left : n->prefix);
        if (same < n->prefix) break;
        if (same == left) {
            if (n->has_value) return node_pointers(n);
            break;
        }
        int i = child_at(n, p[same]);
        if (i < 0) break;
        at = node_child(n, (unsigned)i);
        p += same + 1;
        left -= same + 1;
    }
    if (added) *added = true;
    return insert(tree, at, same, p, left);
}

bool radix_remove(Radix *tree, KeelStr key, void **value) {
    const uint8_t *p = (const uint8_t *)key.ptr;
    size_t left = key.len;
    RadixNode **at = &tree->root, **above = NULL;
    unsigned index = 0;
    for (;;) {
        RadixNode *n = *at;
        if (!n || left < n->prefix || common(n->bytes, p, n->prefix) < n->prefix) return false;
        p += n->prefix;
        left -= n->prefix;
        if (!left) break;
        int i = child_at(n, *p);
        if (i < 0) return false;
        above = at;
        index = (unsigned)i;
        at = node_child(n, index);
        p++;
        left--;
    }
    RadixNode *n = *at;
    if (!n->has_value) return false;
    if (value) *value = *node_pointers(n);
    tree->count--;
    tree->stamp++;
    if (n->children) {
        *at = drop_value(tree, n);
        if ((*at)->children == 1) *at = merge(tree, *at);
        return true;
    }
    node_free(tree, n);
    if (!above) {
        tree->root = NULL;
        return true;
    }
    *above = drop_child(tree, *above, index);
    if ((*above)->children == 1 && !(*above)->has_value) *above = merge(tree, *above);
    return true;
}

/* ---- walks ----------------------------------------------------------------------------------- */

void radix_walk(RadixWalk *w, const Radix *tree) {
    w->tree = tree;
    w->stamp = tree->stamp;
    w->depth = 0;
    w->room = RADIX_STEPS;
    w->key_room = RADIX_KEY_ROOM;
    w->bytes = w->own_bytes;
    w->steps = w->own_steps;
    w->key = (KeelStr){w->own_bytes, 0};
    w->value = NULL;
}

void radix_walk_end(RadixWalk *w) {
    if (w->bytes != w->own_bytes) ds_free(w->bytes);
    if (w->steps != w->own_steps) ds_free(w->steps);
}

static void key_append(RadixWalk *w, const void *bytes, size_t len) {
    if (w->key_room - w->key.len < len) {
        size_t room = (w->key.len + len) * 2;
        char *more = ds_alloc(room);
        memcpy(more, w->bytes, w->key.len);
        if (w->bytes != w->own_bytes) ds_free(w->bytes);
        w->bytes = more;
        w->key.ptr = more;
        w->key_room = room;
    }
    memcpy(w->bytes + w->key.len, bytes, len);
    w->key.len += len;
}

static void push(RadixWalk *w, RadixNode *n) {
    if (w->depth == w->room) {
        RadixStep *more = ds_alloc(sizeof(*more) * w->room * 2);
        memcpy(more, w->steps, sizeof(*more) * w->room);
        if (w->steps != w->own_steps) ds_free(w->steps);
        w->steps = more;
        w->room *= 2;
    }
    w->steps[w->depth++] = (RadixStep){n, -1};
    key_append(w, n->bytes, n->prefix);
}

static RadixStep *top(RadixWalk *w) {
    return &w->steps[w->depth - 1];
}

/* Leaves a node. False: it was the root, and the walk stands nowhere. */
static bool pop(RadixWalk *w) {
    w->key.len -= top(w)->node->prefix;
    if (--w->depth == 0) return false;
    w->key.len--;
    return true;
}

static void enter(RadixWalk *w, int child) {
    RadixStep *s = top(w);
    s->child = child;
    RadixNode *n = *node_child(s->node, (unsigned)child);
    key_append(w, node_edges(s->node) + child, 1);
    push(w, n);
}

static bool stand(RadixWalk *w) {
    top(w)->child = -1;
    w->value = *node_pointers(top(w)->node);
    return true;
}

static bool smallest_below(RadixWalk *w) {
    while (!top(w)->node->has_value) enter(w, 0);
    return stand(w);
}

static bool greatest_below(RadixWalk *w) {
    while (top(w)->node->children) enter(w, (int)top(w)->node->children - 1);
    return stand(w);
}

/* The first key behind the child that was taken last (-1: behind the node's own). */
static bool forth(RadixWalk *w) {
    do {
        if (top(w)->child + 1 < (int)top(w)->node->children) {
            enter(w, top(w)->child + 1);
            return smallest_below(w);
        }
    } while (pop(w));
    return false;
}

/* The last key before this node. */
static bool back(RadixWalk *w) {
    while (pop(w)) {
        RadixStep *s = top(w);
        if (s->child > 0) {
            enter(w, s->child - 1);
            return greatest_below(w);
        }
        if (s->node->has_value) return stand(w);
    }
    return false;
}

/* The whole subtree of the top node lies behind the key (`behind`), or before it. */
static bool beside(RadixWalk *w, RadixSeek how, bool behind) {
    if (how == RADIX_EQ) return false;
    if (how == RADIX_GE || how == RADIX_GT) {
        if (behind) return smallest_below(w);
        top(w)->child = (int)top(w)->node->children - 1;
        return forth(w);
    }
    return behind ? back(w) : greatest_below(w);
}

/* The key is the top node's own. */
static bool at_node(RadixWalk *w, RadixSeek how) {
    bool there = top(w)->node->has_value;
    if (there && how != RADIX_GT && how != RADIX_LT) return stand(w);
    if (how == RADIX_EQ) return false;
    return how == RADIX_GE || how == RADIX_GT ? forth(w) : back(w);
}

/* The key lies before the top node's child `i`, and behind the one before it. */
static bool between(RadixWalk *w, RadixSeek how, int i) {
    if (how == RADIX_EQ) return false;
    if (how == RADIX_GE || how == RADIX_GT) {
        top(w)->child = i - 1;
        return forth(w);
    }
    if (i > 0) {
        enter(w, i - 1);
        return greatest_below(w);
    }
    return top(w)->node->has_value ? stand(w) : back(w);
}

static bool seek(RadixWalk *w, RadixSeek how, KeelStr key) {
    const uint8_t *p = (const uint8_t *)key.ptr;
    size_t left = key.len;
    w->stamp = w->tree->stamp;
    w->depth = 0;
    w->key.len = 0;
    if (!w->tree->root) return false;
    push(w, w->tree->root);
    for (;;) {
        const RadixNode *n = top(w)->node;
        size_t same = common(n->bytes, p, left < n->prefix ? left : n->prefix);
        if (same < n->prefix) return beside(w, how, same == left || n->bytes[same] > p[same]);
        if (same == left) return at_node(w, how);
        unsigned i = lower_bound(n, p[same]);
        if (i == n->children || node_edges(n)[i] != p[same]) return between(w, how, (int)i);
        enter(w, (int)i);
        p += same + 1;
        left -= same + 1;
    }
}

bool radix_seek(RadixWalk *w, RadixSeek how, KeelStr key) {
    if (seek(w, how, key)) return true;
    w->depth = 0;
    return false;
}

/* By the key that the walk stands on, whose bytes the seek writes over. */
static bool seek_self(RadixWalk *w, RadixSeek how) {
    char room[256], *bytes = room;
    size_t len = w->key.len;
    if (len > sizeof(room)) bytes = ds_alloc(len);
    memcpy(bytes, w->key.ptr, len);
    bool found = radix_seek(w, how, (KeelStr){bytes, len});
    if (bytes != room) ds_free(bytes);
    return found;
}

bool radix_first(RadixWalk *w) {
    return radix_seek(w, RADIX_GE, KEEL_LIT(""));
}

bool radix_last(RadixWalk *w) {
    w->stamp = w->tree->stamp;
    w->depth = 0;
    w->key.len = 0;
    if (!w->tree->root) return false;
    push(w, w->tree->root);
    return greatest_below(w);
}

bool radix_next(RadixWalk *w) {
    if (!w->depth) return false;
    return w->stamp == w->tree->stamp ? forth(w) : seek_self(w, RADIX_GT);
}

bool radix_prev(RadixWalk *w) {
    if (!w->depth) return false;
    return w->stamp == w->tree->stamp ? back(w) : seek_self(w, RADIX_LT);
}

void **radix_here(RadixWalk *w) {
    if (!w->depth) return NULL;
    return w->stamp == w->tree->stamp ? node_pointers(top(w)->node) : radix_find(w->tree, w->key);
}

/* A node first comes with this key when the way down goes on by its smallest part. */
void radix_move(RadixWalk *w, Radix *tree) {
    KEEL_ASSERT(w->tree == tree && w->depth && w->stamp == tree->stamp);
    for (uint32_t d = w->depth; d-- > 0;) {
        RadixStep *s = &w->steps[d], *above = s - 1;
        if (s->child > 0 || (s->child == 0 && s->node->has_value)) break;
        s->node = ds_move(s->node);
        *(d ? node_child(above->node, (unsigned)above->child) : &tree->root) = s->node;
    }
    w->stamp = ++tree->stamp;
}

/* ---- for tests ------------------------------------------------------------------------------- */

typedef struct Sums {
    uint64_t keys, nodes, runs;
    size_t bytes;
} Sums;

static bool node_valid(const RadixNode *n, Sums *sums) {
    sums->nodes++;
    sums->runs += n->prefix > 0;
    sums->keys += n->has_value;
    sums->bytes += node_size(n);
    if (!n->has_value && n->children < 2) return false;
    for (unsigned i = 0; i < n->children; i++) {
        if (i && node_edges(n)[i - 1] >= node_edges(n)[i]) return false;
        if (!node_valid(*node_child(n, i), sums)) return false;
    }
    return true;
}

bool radix_valid(const Radix *tree) {
    Sums sums = {0};
    if (tree->root && !node_valid(tree->root, &sums)) return false;
    return sums.keys == tree->count && sums.nodes == tree->nodes && sums.runs == tree->runs &&
           sums.bytes == tree->bytes;
}
