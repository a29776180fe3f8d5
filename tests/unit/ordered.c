/* ordered.c - the ordered container against a sorted array: places, ranks, ranges, walks both ways,
 * and the tree's shape after every change. */
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "hash.h"
#include "mem.h"

#include <ds/dict.h>
#include <ds/ordered.h>
#include <keel/move.h>

enum { MOST = 300000, IN_ORDER = 300000 }; /* three levels of branches */

static char *model[MOST]; /* the same elements in order */
static size_t count;

static char *element_new(double score, const char *name, size_t len) {
    char *e = malloc(8 + name_header(len) + len);
    memcpy(e, &score, 8);
    name_write(e + 8, name, len);
    return e;
}

static int compare(const void *x, const void *y) {
    double a = ordered_score(x), b = ordered_score(y);
    KeelStr s = name_read((const char *)x + 8), t = name_read((const char *)y + 8);
    if (a != b) return a < b ? -1 : 1;
    int order = memcmp(s.ptr, t.ptr, s.len < t.len ? s.len : t.len);
    return order ? order : (s.len > t.len) - (s.len < t.len);
}

/* The first of the model that is not before `e`. */
static size_t model_place(const void *e) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(model[middle], e) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static void model_insert(char *e) {
    size_t i = model_place(e);
    memmove(model + i + 1, model + i, (count - i) * sizeof(*model));
    model[i] = e;
    count++;
}

static void model_remove(size_t i, size_t n) {
    count -= n;
    memmove(model + i, model + i + n, (count - i) * sizeof(*model));
}

/* ---- the tree's shape ---- */

/* Elements below a node; its lowest item must be `low` when that is given. 0: malformed. */
static uint64_t shape(const void *node, unsigned levels, const OrderedItem *low, unsigned *leaves,
                      unsigned *branches) {
    uint64_t sum = 0;
    if (levels == 0) {
        const OrderedLeaf *leaf = node;
        ++*leaves;
        if (low && (low->element != leaf->items[0].element || low->score != leaf->items[0].score)) {
            return 0;
        }
        for (unsigned i = 0; i < leaf->count; i++) {
            if (leaf->items[i].score != ordered_score(leaf->items[i].element)) return 0;
        }
        return leaf->count <= leaf->room ? leaf->count : 0;
    }
    const OrderedBranch *b = node;
    ++*branches;
    if (b->count == 0 || b->count > ORDERED_BRANCH_ITEMS) return 0;
    for (unsigned i = 0; i < b->count; i++) {
        uint64_t n = shape(b->children[i], levels - 1, i ? &b->lows[i] : low, leaves, branches);
        if (n == 0 || n != b->sums[i]) return 0;
        sum += n;
    }
    return sum;
}

static bool well_formed(const Ordered *o) {
    unsigned leaves = 0, branches = 0;
    if (shape(o->root, o->levels, NULL, &leaves, &branches) != count) return false;
    if (leaves != o->leaves || branches != o->branches || o->count != count) return false;
    if (o->levels && ((const OrderedBranch *)o->root)->count < 2) return false;
    size_t i = 0;
    OrderedAt at = ordered_first(o);
    bool more = at.leaf != NULL;
    for (; more; more = ordered_next(&at)) {
        if (i >= count || ordered_item(at)->element != model[i++]) return false;
    }
    if (i != count) return false;
    at = ordered_last(o);
    more = at.leaf != NULL;
    for (; more; more = ordered_previous(&at)) {
        if (i == 0 || ordered_item(at)->element != model[--i]) return false;
    }
    return i == 0;
}

/* ---- questions ---- */

static bool is_place(OrderedAt at, size_t i) {
    return i >= count ? at.leaf == NULL : at.leaf && ordered_item(at)->element == model[i];
}

static bool answers(const Ordered *o) {
    for (int k = 0; k < 20; k++) {
        size_t i = count ? check_random() % (count + count / 8 + 1) : 0, n = 0;
        if (!is_place(ordered_at(o, i), i)) return false;
        if (i >= count) continue;
        if (ordered_rank(o, model[i]) != i) return false;
        double score = ordered_score(model[i]) + (double)(check_random() % 3) - 1;
        for (int past = 0; past < 2; past++) {
            uint64_t rank;
            n = 0;
            while (n < count && (ordered_score(model[n]) < score ||
                                 (past && ordered_score(model[n]) == score))) {
                n++;
            }
            if (!is_place(ordered_seek_score(o, score, past, &rank), n) || rank != n) return false;
        }
    }
    return true;
}

/* By name, where all scores are equal. */
static bool answers_by_name(const Ordered *o) {
    for (int k = 0; k < 30; k++) {
        size_t i = check_random() % count;
        KeelStr s = name_read(model[i] + 8);
        char name[300];
        uint64_t rank;
        memcpy(name, s.ptr, s.len);
        if (!is_place(ordered_seek_name(o, s, false, &rank), i) || rank != i) return false;
        if (!is_place(ordered_seek_name(o, s, true, &rank), i + 1) || rank != i + 1) return false;
        name[s.len] = '\0'; /* the next name there can be */
        s = (KeelStr){name, s.len + 1};
        size_t next = i + 1 < count && keel_equal(name_read(model[i + 1] + 8), s) ? i + 2 : i + 1;
        if (!is_place(ordered_seek_name(o, s, true, NULL), next)) return false;
    }
    return true;
}

/* ---- changes ---- */

static double some_score(unsigned range) {
    unsigned draw = (unsigned)(check_random() % 1000);
    if (draw < 5) return INFINITY;
    if (draw < 10) return -INFINITY;
    return (double)(check_random() % range) / 4;
}

static char *some_element(unsigned range) {
    char name[300];
    size_t len;
    for (;;) {
        if (check_random() % 3 == 0) {
            len = check_random() % 280; /* both forms of the header */
            memset(name, 'a' + (int)(check_random() % 3), len);
        } else {
            len = (size_t)snprintf(name, sizeof(name), "%llu",
                                   (unsigned long long)(check_random() % 100000));
        }
        char *e = element_new(some_score(range), name, len);
        size_t i = model_place(e);
        if (i == count || compare(model[i], e) != 0) return e;
        free(e);
    }
}

static void add(Ordered *o, unsigned range) {
    char *e = some_element(range);
    ordered_insert(o, e);
    model_insert(e);
}

static void drop(Ordered *o, size_t i) {
    ordered_remove(o, model[i]);
    free(model[i]);
    model_remove(i, 1);
}

/* To another score, where no element of this name is. */
static void move(Ordered *o, size_t i, unsigned range) {
    char *e = model[i];
    KeelStr name = name_read(e + 8);
    double score = check_random() % 2 ? some_score(range) : ordered_score(e) + 0.25;
    char *wanted = element_new(score, name.ptr, name.len);
    size_t at = model_place(wanted);
    bool taken = at < count && compare(model[at], wanted) == 0;
    free(wanted);
    if (taken || isnan(score)) return;
    model_remove(i, 1);
    ordered_move(o, e, score);
    model_insert(e);
}

static size_t expected;
static void taken(void *element, void *data) {
    size_t *first = data;
    if (element == model[*first + expected]) expected++;
    free(element);
}

static void take(Ordered *o, size_t rank, size_t n) {
    size_t there = rank < count ? count - rank : 0;
    expected = 0;
    ordered_take(o, rank, n, taken, &rank);
    if (there > n) there = n;
    always(expected == there, "a range is taken in order", "");
    if (there) model_remove(rank, there);
}

/* The model follows; searching it reads elements, so that comes first. */
static void *elsewhere(void *element, void *data) {
    size_t i = model_place(element), *moved = data;
    always(model[i] == element, "an element that is there moves", "");
    ++*moved;
    return model[i] = keel_move(element);
}

/* All at once; or leaf by leaf, with changes in between. */
static void move_blocks(Ordered *o, bool at_once, unsigned range) {
    KeelMoving moving = {.size = sizeof(moving), .every = true};
    uint64_t cursor = 0;
    size_t moved = 0, wanted = count;
    keel_move_begin(&moving);
    do {
        ordered_defragment(o, at_once ? NULL : &cursor, elsewhere, &moved);
        if (!at_once && check_random() % 4 == 0) drop(o, check_random() % count);
        if (!at_once && check_random() % 4 == 0) add(o, range);
        if (count == 0) break;
    } while (cursor);
    keel_move_end();
    always(!at_once || moved == wanted, "every element moves", "");
    always(!at_once || moving.moved == moved + o->leaves + o->branches, "and every node", "");
    always(moving.stayed == 0, "nothing stays", "");
}

/* A sequence of the same elements is what the model says, too. */
static void *itself(const void *element) {
    return (void *)(uintptr_t)element;
}

static bool copied(const Ordered *o) {
    Ordered copy;
    ordered_copy(&copy, o, itself);
    bool good = well_formed(&copy) && answers(&copy) && copy.root != o->root;
    ordered_release(&copy);
    return good;
}

/* Grows to about `size`, stays there for a while, and shrinks to nothing. */
static void life(size_t size, unsigned range, unsigned steps, unsigned every) {
    Ordered o;
    char detail[80];
    snprintf(detail, sizeof(detail), "%zu elements, %u scores", size, range);
    ordered_init(&o);
    bool shapes = true, right = true, copies = true;
    for (unsigned step = 0; step < steps; step++) {
        size_t aim = step < steps / 3 ? size : step < steps * 2 / 3 ? size / 2 : size / 50;
        unsigned draw = (unsigned)(check_random() % 100);
        if (count == 0 || (draw < (count < aim ? 70 : 30) && count < MOST)) {
            add(&o, range);
        } else if (draw < 90) {
            drop(&o, check_random() % count);
        } else if (draw < 98) {
            move(&o, check_random() % count, range);
        } else {
            size_t most = check_random() % 100 ? 6 : size / 10 + 2;
            take(&o, check_random() % (count + 2), check_random() % most);
        }
        if (step % every) continue;
        if (count) move_blocks(&o, step % 3, range);
        shapes = shapes && well_formed(&o);
        right = right && answers(&o);
        copies = copies && copied(&o);
    }
    always(copies, "a copy is well-formed and has all", detail);
    always(shapes, "the tree is well-formed after every change", detail);
    always(right, "places and ranks are those of the sorted array", detail);
    take(&o, 0, count / 2);
    always(well_formed(&o), "and after half was taken from the front", detail);
    while (count) drop(&o, check_random() % 2 ? 0 : count - 1);
    always(well_formed(&o) && o.levels == 0, "what is emptied is as at first", detail);
    ordered_release(&o);
}

static void in_order(bool ascending) {
    Ordered o;
    ordered_init(&o);
    for (int i = 0; i < IN_ORDER; i++) {
        char name[16];
        double score = ascending ? i : -i;
        int len = snprintf(name, sizeof(name), "%d", i);
        char *e = element_new(score, name, (size_t)len);
        ordered_insert(&o, e);
        if (ascending) {
            model[count++] = e;
        } else {
            model[IN_ORDER - 1 - i] = e;
            count++;
        }
    }
    always(well_formed(&o), "elements in order", ascending ? "ascending" : "descending");
    move_blocks(&o, true, 0);
    always(well_formed(&o), "in order, moved", ascending ? "ascending" : "descending");
    always(ordered_memory(&o) < IN_ORDER * 19,
           "fill their leaves", ascending ? "ascending" : "descending");
    for (int i = 0; i < 3000; i++) {
        if (i % 3) take(&o, 0, 7);
        else take(&o, count - 5, 5);
    }
    always(well_formed(&o), "and go from the ends", "");
    take(&o, 0, count);
    always(well_formed(&o), "all at once", "");
    ordered_release(&o);
}

/* Names without the long repeated ones, so that they may be asked for by name. */
static void same_score(void) {
    Ordered o;
    ordered_init(&o);
    bool right = true;
    for (int i = 0; i < 5000; i++) {
        char name[16];
        int len = snprintf(name, sizeof(name), "%d", (int)(check_random() % 1000000));
        char *e = element_new(1.5, name, (size_t)len);
        size_t at = model_place(e);
        if (at < count && compare(model[at], e) == 0) {
            free(e);
            continue;
        }
        ordered_insert(&o, e);
        model_insert(e);
        if (i % 50 == 0) right = right && answers_by_name(&o);
    }
    always(right, "places by name are those of the sorted array", "");
    always(well_formed(&o), "elements of one score", "");
    take(&o, 0, count);
    ordered_release(&o);
}

int main(void) {
    mem_init();
    hash_init();
    life(50, 100, 4000, 1);
    life(700, 5, 8000, 5);
    life(3000, 1, 20000, 50);
    life(12000, 100000, 60000, 500);
    in_order(true);
    in_order(false);
    same_score();
    return check_done();
}
