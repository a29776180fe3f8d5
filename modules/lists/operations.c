/* operations.c - the interface "list": lists for other modules, through keys. See keel/list.h. */
#include "lists.h"

static List *list_of(const KeelKey *key) {
    return keel_key_exists(key) ? keel_key_value(key) : NULL;
}

static size_t ops_length(const KeelKey *key) {
    const List *l = list_of(key);
    return l ? list_count(l) : 0;
}

/* False: no element has this index. */
static bool find_index(const List *l, int64_t index, size_t *out) {
    if (!l) return false;
    int64_t count = (int64_t)list_count(l);
    if (index < 0) index += count;
    if (index < 0 || index >= count) return false;
    *out = (size_t)index;
    return true;
}

/* Opening a compressed node for good is cheaper than a copy that somebody must free. */
static bool ops_at(const KeelKey *key, int64_t index, KeelStr *out, char scratch[KEEL_INT_ROOM]) {
    List *l = list_of(key);
    size_t at;
    Walk w;
    LpValue v = {0};
    if (!find_index(l, index, &at)) return false;
    if (l->quick) node_open(quick_place(l->quick, at).node);
    walk_start(&w, l, at, false);
    walk_next(&w, &v);
    *out = value_str(v, scratch);
    return true;
}

static void ops_push(KeelKey *key, const KeelStr *elements, size_t n, bool front) {
    List *l = list_of(key);
    bool there = l != NULL;
    size_t bytes = 0;
    if (n == 0) return;
    if (!there) l = list_new();
    for (size_t i = 0; i < n; i++) bytes += elements[i].len;
    list_expect(l, bytes, n);
    for (size_t i = 0; i < n; i++) list_push(l, elements[i], front);
    if (!there) keel_key_set_value(key, &lists_type, l, KEEL_NO_EXPIRY);
}

/* After a removal. */
static void settle(KeelKey *key, List *l) {
    if (list_count(l)) {
        list_shrink(l, true);
    } else {
        keel_key_delete(key, false);
    }
}

static bool ops_pop(KeelKey *key, bool front, void (*take)(KeelStr element, void *data),
                    void *data) {
    List *l = list_of(key);
    char scratch[KEEL_INT_ROOM];
    if (!l) return false;
    if (take) take(value_str(list_end(l, front), scratch), data);
    list_drop(l, front);
    settle(key, l);
    return true;
}

static bool ops_set(KeelKey *key, int64_t index, KeelStr element) {
    List *l = list_of(key);
    size_t at;
    if (!find_index(l, index, &at)) return false;
    list_expect(l, element.len, 1);
    list_replace(l, at, element);
    list_shrink(l, true);
    return true;
}

static bool ops_insert(KeelKey *key, int64_t index, KeelStr element, bool after) {
    List *l = list_of(key);
    size_t at;
    if (!find_index(l, index, &at)) return false;
    list_expect(l, element.len, 1);
    list_insert(l, at, element, after);
    return true;
}

static bool ops_remove(KeelKey *key, int64_t index) {
    List *l = list_of(key);
    size_t at;
    if (!find_index(l, index, &at)) return false;
    list_delete(l, at, 1);
    settle(key, l);
    return true;
}

/* ---- walks ----------------------------------------------------------------------------------- */

/* A KeelListWalk keeps what a Walk needs between two steps. */
static Walk walk_of(const KeelListWalk *w) {
    const Node *node = w->node_;
    uint8_t *opened = w->opened_;
    const List *l = w->list_;
    const uint8_t *lp = !node ? l ? l->pack.lp : NULL : node->packed ? opened : node->pack.lp;
    return (Walk){.list = l, .node = node, .opened = opened, .p = w->at_, .backwards = w->backwards,
                  .lp = lp};
}

static void walk_keep(KeelListWalk *w, const Walk *walk) {
    w->node_ = (void *)(uintptr_t)walk->node;
    w->at_ = walk->p;
    w->opened_ = walk->opened;
}

static void ops_walk(KeelListWalk *w, const KeelKey *key, int64_t index, bool backwards) {
    Walk walk = {0};
    size_t at;
    const List *l = list_of(key);
    w->list_ = l;
    w->backwards = backwards;
    if (find_index(l, index, &at)) walk_start(&walk, l, at, backwards);
    walk_keep(w, &walk);
}

static bool ops_next(KeelListWalk *w) {
    Walk walk = walk_of(w);
    LpValue v = {0};
    bool more = walk_next(&walk, &v);
    walk_keep(w, &walk);
    if (!more) return false;
    w->is_int = !v.ptr;
    w->number = v.number;
    w->element = value_str(v, w->scratch);
    return true;
}

static void ops_end(KeelListWalk *w) {
    keel_free(w->opened_);
    w->opened_ = NULL;
}

/* ---- lists that no key holds yet ------------------------------------------------------------- */

static void *ops_create(void) {
    return list_new();
}

static void ops_append(void *list, KeelStr element) {
    list_expect(list, element.len, 1);
    list_push(list, element, false);
}

const KeelListOps list_operations = {
    .size = sizeof(KeelListOps),
    .type = &lists_type,
    .check = lists_check,
    .length = ops_length,
    .at = ops_at,
    .push = ops_push,
    .pop = ops_pop,
    .set = ops_set,
    .insert = ops_insert,
    .remove = ops_remove,
    .walk = ops_walk,
    .next = ops_next,
    .end = ops_end,
    .create = ops_create,
    .append = ops_append,
};
