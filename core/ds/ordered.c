/* ordered.c - the counted B+ tree of scores and names. See ds/ordered.h.
 *
 * A search goes down by comparing with the lowest item of each child and remembers its path, along
 * which sums and lows are then kept up; nodes know no parents. Nodes split in halves, except at the
 * sequence's ends, where a new node starts with the new item alone: elements that come in ascending
 * or descending order fill their nodes. A node that is less than a quarter full is joined with a
 * neighbour of the same parent once both fill no more than three quarters; one that is empty goes.
 * */
#include <ds/dict.h>
#include <ds/host.h>
#include <ds/ordered.h>

typedef OrderedItem Item;
typedef OrderedLeaf Leaf;
typedef OrderedBranch Branch;

enum {
    LEAF = ORDERED_LEAF_ITEMS,
    FAN = ORDERED_BRANCH_ITEMS,
    FIRST_ROOM = 6,
    LEAF_FEW = LEAF / 4,
    LEAF_JOIN = LEAF * 3 / 4,
    FAN_FEW = FAN / 4,
    FAN_JOIN = FAN * 3 / 4,
};

/* The way down to a leaf: in branch steps[l].branch, child steps[l].i was taken; level 0 is the
 * root's. */
typedef struct Path {
    struct Step {
        Branch *branch;
        unsigned i;
    } steps[ORDERED_LEVELS];
    Leaf *leaf;
    unsigned index;
} Path;

/* ---- searching ------------------------------------------------------------------------------- */

typedef enum Kind { BY_BOTH, BY_SCORE, BY_NAME } Kind;
typedef struct Bound {
    double score;
    KeelStr name;
    bool past; /* items that are equal lie before the bound */
} Bound;

static inline int compare_names(KeelStr a, KeelStr b) {
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static inline __attribute__((always_inline)) bool is_before(const Item *item, const Bound *bound,
                                                            Kind kind) {
    if (kind != BY_NAME) {
        if (item->score < bound->score) return true;
        if (item->score > bound->score) return false;
        if (kind == BY_SCORE) return bound->past;
    }
    int order = compare_names(name_read(item->element + 8), bound->name);
    return order < 0 || (order == 0 && bound->past);
}

/* The first of items[from .. n) that is not before the bound. */
static inline __attribute__((always_inline)) unsigned search(const Item *items, unsigned from,
                                                             unsigned n, const Bound *bound,
                                                             Kind kind) {
    while (from < n) {
        unsigned middle = (from + n) / 2;
        if (is_before(&items[middle], bound, kind)) {
            from = middle + 1;
        } else {
            n = middle;
        }
    }
    return from;
}

/* Goes down to the first item that is not before the bound, or to the end of the leaf whose last
 * item is. The rank is counted where somebody wants it. */
static inline __attribute__((always_inline)) void descend(const Ordered *o, const Bound *bound,
                                                          Kind kind, Path *path, uint64_t *rank) {
    void *node = o->root;
    uint64_t before = 0;
    for (unsigned level = 0; level < o->levels; level++) {
        Branch *b = node;
        unsigned i = search(b->lows, 1, b->count, bound, kind) - 1;
        path->steps[level].branch = b;
        path->steps[level].i = i;
        if (rank) {
            for (unsigned k = 0; k < i; k++) before += b->sums[k];
        }
        node = b->children[i];
    }
    path->leaf = node;
    path->index = search(path->leaf->items, 0, path->leaf->count, bound, kind);
    if (rank) *rank = before + path->index;
}

static void descend_to_rank(const Ordered *o, uint64_t rank, Path *path) {
    void *node = o->root;
    for (unsigned level = 0; level < o->levels; level++) {
        Branch *b = node;
        unsigned i = 0;
        while (i + 1 < b->count && rank >= b->sums[i]) rank -= b->sums[i++];
        path->steps[level].branch = b;
        path->steps[level].i = i;
        node = b->children[i];
    }
    path->leaf = node;
    path->index = (unsigned)rank;
}

/* To an element that is there: with `past` a child whose low is the element itself is taken. */
static void descend_to_element(const Ordered *o, const void *element, Path *path, uint64_t *rank) {
    Bound bound = {ordered_score(element), name_read((const char *)element + 8), true};
    if (rank) {
        descend(o, &bound, BY_BOTH, path, rank);
        --*rank;
    } else {
        descend(o, &bound, BY_BOTH, path, NULL);
    }
    KEEL_ASSERT(path->index > 0 && path->leaf->items[path->index - 1].element == element);
    path->index--;
}

static OrderedAt place_of(const Path *path) {
    if (path->index < path->leaf->count) return (OrderedAt){path->leaf, path->index};
    return (OrderedAt){path->leaf->next, 0};
}

OrderedAt ordered_seek_score(const Ordered *o, double score, bool past, uint64_t *rank) {
    Bound bound = {.score = score, .past = past};
    Path path;
    uint64_t unused;
    descend(o, &bound, BY_SCORE, &path, rank ? rank : &unused);
    return place_of(&path);
}

OrderedAt ordered_seek_name(const Ordered *o, KeelStr name, bool past, uint64_t *rank) {
    Bound bound = {.name = name, .past = past};
    Path path;
    uint64_t unused;
    descend(o, &bound, BY_NAME, &path, rank ? rank : &unused);
    return place_of(&path);
}

uint64_t ordered_rank(const Ordered *o, const void *element) {
    Path path;
    uint64_t rank;
    descend_to_element(o, element, &path, &rank);
    return rank;
}

OrderedAt ordered_at(const Ordered *o, uint64_t rank) {
    Path path;
    if (rank >= o->count) return (OrderedAt){NULL, 0};
    descend_to_rank(o, rank, &path);
    return place_of(&path);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static Leaf *leaf_new(Ordered *o, unsigned room) {
    Leaf *leaf = ds_alloc(sizeof(Leaf) + room * sizeof(Item));
    leaf->previous = leaf->next = NULL;
    leaf->count = 0;
    leaf->room = (uint16_t)room;
    o->leaves++;
    return leaf;
}

static Branch *branch_new(Ordered *o) {
    Branch *b = ds_alloc(sizeof(Branch));
    b->count = 0;
    o->branches++;
    return b;
}

static void leaf_unlink(Ordered *o, Leaf *leaf) {
    *(leaf->previous ? &leaf->previous->next : &o->first) = leaf->next;
    *(leaf->next ? &leaf->next->previous : &o->last) = leaf->previous;
    o->leaves--;
    ds_free(leaf);
}

/* Opens or closes a gap of entries in a branch. */
static void branch_move(Branch *b, unsigned to, unsigned from) {
    unsigned n = b->count - from;
    memmove(b->lows + to, b->lows + from, n * sizeof(*b->lows));
    memmove(b->children + to, b->children + from, n * sizeof(*b->children));
    memmove(b->sums + to, b->sums + from, n * sizeof(*b->sums));
}

static void branch_put(Branch *b, unsigned i, Item low, void *child, uint64_t sum) {
    branch_move(b, i + 1, i);
    b->count++;
    b->lows[i] = low;
    b->children[i] = child;
    b->sums[i] = sum;
}

/* Appends entries from .. of `from` to `to`. */
static void branch_append(Branch *to, const Branch *from, unsigned first) {
    unsigned n = from->count - first;
    memcpy(to->lows + to->count, from->lows + first, n * sizeof(*to->lows));
    memcpy(to->children + to->count, from->children + first, n * sizeof(*to->children));
    memcpy(to->sums + to->count, from->sums + first, n * sizeof(*to->sums));
    to->count += n;
}

static uint64_t branch_sum(const Branch *b) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < b->count; i++) sum += b->sums[i];
    return sum;
}

void ordered_init(Ordered *o) {
    memset(o, 0, sizeof(*o));
    o->root = o->first = o->last = leaf_new(o, FIRST_ROOM);
}

typedef void *Copy(const void *element);

static Leaf *copy_leaf(Ordered *o, const Leaf *from, Copy *copy) {
    Leaf *leaf = leaf_new(o, from->room);
    for (unsigned i = 0; i < from->count; i++) __builtin_prefetch(from->items[i].element);
    for (unsigned i = 0; i < from->count; i++) {
        leaf->items[i] = (Item){from->items[i].score, copy(from->items[i].element)};
    }
    leaf->count = from->count;
    leaf->previous = o->last;
    leaf->next = NULL;
    *(o->last ? &o->last->next : &o->first) = leaf;
    o->last = leaf;
    return leaf;
}

/* What is below a node, from left to right; *low gets its first item. */
static void *copy_below(Ordered *o, const void *node, unsigned levels, Copy *copy, Item *low) {
    if (levels == 0) {
        Leaf *leaf = copy_leaf(o, node, copy);
        if (leaf->count) *low = leaf->items[0];
        return leaf;
    }
    const Branch *from = node;
    Branch *b = branch_new(o);
    b->count = from->count;
    for (unsigned i = 0; i < b->count; i++) {
        b->children[i] = copy_below(o, from->children[i], levels - 1, copy, &b->lows[i]);
        b->sums[i] = from->sums[i];
    }
    *low = b->lows[0];
    return b;
}

void ordered_copy(Ordered *o, const Ordered *from, void *(*copy)(const void *element)) {
    Item low;
    *o = (Ordered){.count = from->count, .levels = from->levels};
    o->root = copy_below(o, from->root, from->levels, copy, &low);
}

static void free_branches(Branch *b, unsigned levels) {
    if (levels > 1) {
        for (unsigned i = 0; i < b->count; i++) free_branches(b->children[i], levels - 1);
    }
    ds_free(b);
}

void ordered_release(Ordered *o) {
    if (o->levels) free_branches(o->root, o->levels);
    for (Leaf *leaf = o->first, *next; leaf; leaf = next) {
        next = leaf->next;
        ds_free(leaf);
    }
    memset(o, 0, sizeof(*o));
}

size_t ordered_memory(const Ordered *o) {
    if (o->levels == 0) return keel_mem_size(o->root);
    return o->leaves * keel_mem_class(sizeof(Leaf) + LEAF * sizeof(Item)) +
           o->branches * keel_mem_class(sizeof(Branch));
}

/* ---- inserting ------------------------------------------------------------------------------- */

static void leaf_put(Leaf *leaf, unsigned i, Item item) {
    memmove(leaf->items + i + 1, leaf->items + i, (leaf->count - i) * sizeof(Item));
    leaf->items[i] = item;
    leaf->count++;
}

/* A leaf that is alone grows in place. */
static Leaf *leaf_grow(Ordered *o, Leaf *leaf) {
    unsigned room = leaf->room * 2u + 2 < LEAF ? leaf->room * 2u + 2 : LEAF;
    leaf = ds_realloc(leaf, sizeof(Leaf) + room * sizeof(Item));
    leaf->room = (uint16_t)room;
    o->root = o->first = o->last = leaf;
    return leaf;
}

/* Splits a full leaf and puts the item where it belongs; returns the new right one. */
static Leaf *leaf_split(Ordered *o, Leaf *leaf, unsigned index, Item item) {
    unsigned at = LEAF / 2;
    if (index == leaf->count && !leaf->next) at = leaf->count;
    if (index == 0 && !leaf->previous) at = 0;
    Leaf *right = leaf_new(o, LEAF);
    right->count = (uint16_t)(leaf->count - at);
    memcpy(right->items, leaf->items + at, right->count * sizeof(Item));
    leaf->count = (uint16_t)at;
    right->previous = leaf;
    right->next = leaf->next;
    *(leaf->next ? &leaf->next->previous : &o->last) = right;
    leaf->next = right;
    if (index > at || index == LEAF) {
        leaf_put(right, index - at, item);
    } else {
        leaf_put(leaf, index, item);
    }
    return right;
}

/* A new root above the old one and its new neighbour. */
static void root_grow(Ordered *o, uint64_t left_sum, Item low, void *right, uint64_t right_sum) {
    KEEL_ASSERT(o->levels + 1 < ORDERED_LEVELS);
    Branch *root = branch_new(o);
    branch_put(root, 0, low, o->root, left_sum);
    branch_put(root, 1, low, right, right_sum);
    o->root = root;
    o->levels++;
}

/* Puts an entry into a full branch; returns the new right one and its lowest item. */
static Branch *branch_split(Ordered *o, Branch *b, unsigned i, Item *low, void *child,
                            uint64_t sum) {
    unsigned at = i == b->count ? b->count : FAN / 2;
    Branch *right = branch_new(o);
    Item middle = at < b->count ? b->lows[at] : *low;
    branch_append(right, b, at);
    b->count = at;
    if (i > at || i == FAN) {
        branch_put(right, i - at, *low, child, sum);
    } else {
        branch_put(b, i, *low, child, sum);
    }
    *low = middle;
    return right;
}

/* A node below the path's last branch was split: `right` is its new neighbour. */
static void path_split(Ordered *o, Path *path, uint64_t left_sum, Item low, void *right,
                       uint64_t right_sum) {
    unsigned level = o->levels;
    while (level-- > 0) {
        Branch *b = path->steps[level].branch;
        unsigned i = path->steps[level].i;
        b->sums[i] = left_sum;
        if (b->count < FAN) {
            branch_put(b, i + 1, low, right, right_sum);
            while (level-- > 0) path->steps[level].branch->sums[path->steps[level].i]++;
            return;
        }
        Branch *other = branch_split(o, b, i + 1, &low, right, right_sum);
        left_sum = branch_sum(b);
        right_sum = branch_sum(other);
        right = other;
    }
    root_grow(o, left_sum, low, right, right_sum);
}

void ordered_insert(Ordered *o, void *element) {
    Item item = {ordered_score(element), element};
    Bound bound = {item.score, name_read(item.element + 8), false};
    Path path;
    descend(o, &bound, BY_BOTH, &path, NULL);
    o->count++;
    if (path.leaf->count == path.leaf->room && path.leaf->room < LEAF) {
        path.leaf = leaf_grow(o, path.leaf);
    }
    if (path.leaf->count < LEAF) {
        leaf_put(path.leaf, path.index, item);
        for (unsigned l = 0; l < o->levels; l++) path.steps[l].branch->sums[path.steps[l].i]++;
        return;
    }
    Leaf *right = leaf_split(o, path.leaf, path.index, item);
    path_split(o, &path, path.leaf->count, right->items[0], right, right->count);
}

/* ---- removing -------------------------------------------------------------------------------- */

/* The lowest item below steps[level] has changed: the nearest branch that holds it as a low. */
static void path_set_low(Path *path, unsigned level, Item low) {
    while (level-- > 0) {
        if (path->steps[level].i == 0) continue;
        path->steps[level].branch->lows[path->steps[level].i] = low;
        return;
    }
}

/* Removes entry `i`, whose child is gone, from the branch at `level`. */
static void path_drop(Path *path, unsigned level, unsigned i) {
    Branch *b = path->steps[level].branch;
    if (i == 0 && b->count > 1) path_set_low(path, level, b->lows[1]);
    branch_move(b, i, i + 1);
    b->count--;
}

/* Joins child i + 1 of a branch's children to child i, when together they fill little enough. */
static bool join_leaves(Ordered *o, Branch *b, unsigned i) {
    Leaf *left = b->children[i], *right = b->children[i + 1];
    if (left->count + right->count > LEAF_JOIN) return false;
    memcpy(left->items + left->count, right->items, right->count * sizeof(Item));
    left->count = (uint16_t)(left->count + right->count);
    leaf_unlink(o, right);
    return true;
}

static bool join_branches(Ordered *o, Branch *b, unsigned i) {
    Branch *left = b->children[i], *right = b->children[i + 1];
    if (left->count + right->count > FAN_JOIN) return false;
    right->lows[0] = b->lows[i + 1];
    branch_append(left, right, 0);
    o->branches--;
    ds_free(right);
    return true;
}

/* The child that the path takes at `level` holds less: it goes when empty, or joins a neighbour
 * when small. */
static void path_settle(Ordered *o, Path *path, unsigned level) {
    Branch *b = path->steps[level].branch;
    unsigned i = path->steps[level].i;
    bool leaves = level + 1 == o->levels;
    void *child = b->children[i];
    unsigned count = leaves ? ((Leaf *)child)->count : ((Branch *)child)->count;
    if (count == 0) {
        if (leaves) {
            leaf_unlink(o, child);
        } else {
            o->branches--;
            ds_free(child);
        }
        path_drop(path, level, i);
        return;
    }
    if (count > (leaves ? (unsigned)LEAF_FEW : (unsigned)FAN_FEW)) return;
    bool (*join)(Ordered *o, Branch *b, unsigned i) = leaves ? join_leaves : join_branches;
    for (unsigned left = i > 0 ? i - 1 : 0; left <= i && left + 1 < b->count; left++) {
        if (!join(o, b, left)) continue;
        b->sums[left] += b->sums[left + 1];
        path_drop(path, level, left + 1);
        return;
    }
}

/* Takes `n` items of the path's leaf out, from its index on. */
static void path_remove(Ordered *o, Path *path, unsigned n) {
    Leaf *leaf = path->leaf;
    leaf->count = (uint16_t)(leaf->count - n);
    memmove(leaf->items + path->index, leaf->items + path->index + n,
            (leaf->count - path->index) * sizeof(Item));
    o->count -= n;
    for (unsigned l = 0; l < o->levels; l++) path->steps[l].branch->sums[path->steps[l].i] -= n;
    if (path->index == 0 && leaf->count) path_set_low(path, o->levels, leaf->items[0]);
    if (leaf->count > LEAF_FEW) return;
    for (unsigned level = o->levels; level-- > 0;) path_settle(o, path, level);
    while (o->levels && ((Branch *)o->root)->count == 1) {
        Branch *root = o->root;
        o->root = root->children[0];
        o->levels--;
        o->branches--;
        ds_free(root);
    }
}

void ordered_remove(Ordered *o, const void *element) {
    Path path;
    descend_to_element(o, element, &path, NULL);
    path_remove(o, &path, 1);
}

void ordered_take(Ordered *o, uint64_t rank, uint64_t n, void (*each)(void *element, void *data),
                  void *data) {
    while (n && rank < o->count) {
        Path path;
        char *taken[LEAF];
        descend_to_rank(o, rank, &path);
        unsigned part = path.leaf->count - path.index;
        if (part > n) part = (unsigned)n;
        for (unsigned i = 0; i < part; i++) taken[i] = path.leaf->items[path.index + i].element;
        path_remove(o, &path, part);
        for (unsigned i = 0; i < part; i++) each(taken[i], data);
        n -= part;
    }
}

void ordered_move(Ordered *o, void *element, double score) {
    Path path;
    descend_to_element(o, element, &path, NULL);
    Bound bound = {score, name_read((char *)element + 8), false};
    OrderedAt at = {path.leaf, path.index}, before = at, after = at;
    bool stays = (!ordered_previous(&before) || is_before(ordered_item(before), &bound, BY_BOTH)) &&
                 (!ordered_next(&after) || !is_before(ordered_item(after), &bound, BY_BOTH));
    if (!stays) path_remove(o, &path, 1);
    memcpy(element, &score, sizeof(score));
    if (!stays) {
        ordered_insert(o, element);
        return;
    }
    path.leaf->items[path.index].score = score;
    if (path.index == 0) path_set_low(&path, o->levels, path.leaf->items[0]);
}

/* ---- moving ---------------------------------------------------------------------------------- */

/* A branch moves with the first leaf below it. */
static void move_branches(Ordered *o, Path *path) {
    for (unsigned level = o->levels; level-- > 0 && path->steps[level].i == 0;) {
        Branch *b = ds_move(path->steps[level].branch);
        path->steps[level].branch = b;
        if (level == 0) {
            o->root = b;
        } else {
            struct Step *above = &path->steps[level - 1];
            above->branch->children[above->i] = b;
        }
    }
}

static void move_leaf(Ordered *o, Path *path) {
    Leaf *leaf = path->leaf = ds_move(path->leaf);
    *(leaf->previous ? &leaf->previous->next : &o->first) = leaf;
    *(leaf->next ? &leaf->next->previous : &o->last) = leaf;
    if (o->levels == 0) {
        o->root = leaf;
    } else {
        struct Step *above = &path->steps[o->levels - 1];
        above->branch->children[above->i] = leaf;
    }
}

/* Leaf by leaf; lows are copies of addresses, so the one of a leaf's first element follows it. */
void ordered_defragment(Ordered *o, uint64_t *cursor, void *(*move)(void *element, void *data),
                        void *data) {
    uint64_t rank = cursor ? *cursor : 0;
    do {
        Path path;
        if (rank >= o->count) {
            rank = 0;
            break;
        }
        descend_to_rank(o, rank, &path);
        rank += path.leaf->count - path.index;
        move_branches(o, &path);
        move_leaf(o, &path);
        for (unsigned i = 0; i < path.leaf->count; i++) {
            __builtin_prefetch(path.leaf->items[i].element);
        }
        for (unsigned i = 0; i < path.leaf->count; i++) {
            path.leaf->items[i].element = move(path.leaf->items[i].element, data);
        }
        path_set_low(&path, o->levels, path.leaf->items[0]);
    } while (!cursor || !ds_move_over());
    if (cursor) *cursor = rank;
}
