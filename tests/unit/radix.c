/* radix.c - the radix tree against a sorted array: random keys of several shapes, added, removed,
 * sought and walked both ways, also while the tree changes. */
#include "check.h"
#include "mem.h"
#include <ds/host.h>
#include <ds/radix.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL_MAX = 4000, KEY_MAX = 700 };

typedef struct Item {
    char *key;
    size_t len;
    void *value;
} Item;

static Item model[MODEL_MAX];
static size_t model_count;

static int compare(KeelStr a, KeelStr b) {
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static KeelStr model_key(size_t i) {
    return (KeelStr){model[i].key, model[i].len};
}

/* The first item that is not below the key. */
static size_t model_at(KeelStr key) {
    size_t low = 0, high = model_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(model_key(middle), key) < 0) low = middle + 1; else high = middle;
    }
    return low;
}

static bool model_has(size_t at, KeelStr key) {
    return at < model_count && compare(model_key(at), key) == 0;
}

static void model_add(size_t at, KeelStr key, void *value) {
    memmove(model + at + 1, model + at, sizeof(*model) * (model_count - at));
    model[at] = (Item){malloc(key.len + 1), key.len, value};
    memcpy(model[at].key, key.ptr, key.len);
    model_count++;
}

static void model_remove(size_t at) {
    free(model[at].key);
    memmove(model + at, model + at + 1, sizeof(*model) * (--model_count - at));
}

/* ---- keys ------------------------------------------------------------------------------------ */

static char room[KEY_MAX];

/* Few letters make deep trees, many make wide ones; numbers look like ids of a log. */
static KeelStr random_key(int shape) {
    uint64_t r = check_random();
    size_t len;
    switch (shape) {
    case 0:
        len = r % 12;
        for (size_t i = 0; i < len; i++) room[i] = "ab"[check_random() & 1];
        return (KeelStr){room, len};
    case 1:
        len = r % 3;
        for (size_t i = 0; i < len; i++) room[i] = (char)check_random();
        return (KeelStr){room, len};
    case 2:
        memset(room, 0, 16);
        room[5] = (char)(r >> 16 & 3);
        room[6] = (char)(r >> 8);
        room[7] = (char)r;
        room[15] = (char)(r >> 24 & 7);
        return (KeelStr){room, 16};
    default: /* shared beginnings longer than what fits on the stack */
        len = r % KEY_MAX;
        memset(room, 'x', len);
        if (len && (r >> 32 & 1)) room[(r >> 33) % len] = 'y';
        return (KeelStr){room, len};
    }
}

static void same_place(RadixWalk *w, bool stands, size_t at, const char *what) {
    bool expected = at < model_count;
    always(stands == expected, what, "stands");
    if (!stands || !expected) return;
    always(compare(w->key, model_key(at)) == 0, what, "key");
    always(w->value == model[at].value && radix_here(w) && *radix_here(w) == w->value, what,
          "value");
}

static void seek_everywhere(const Radix *tree, KeelStr key) {
    RadixWalk w;
    size_t at = model_at(key);
    bool there = model_has(at, key);
    radix_walk(&w, tree);
    same_place(&w, radix_seek(&w, RADIX_EQ, key), there ? at : MODEL_MAX, "seek =");
    same_place(&w, radix_seek(&w, RADIX_GE, key), at, "seek >=");
    same_place(&w, radix_next(&w), at < model_count ? at + 1 : MODEL_MAX, "next");
    same_place(&w, radix_seek(&w, RADIX_GT, key), at + there, "seek >");
    same_place(&w, radix_prev(&w), at + there < model_count ? at + there - 1 : MODEL_MAX, "prev");
    same_place(&w, radix_seek(&w, RADIX_LE, key), there ? at : at - 1, "seek <=");
    same_place(&w, radix_seek(&w, RADIX_LT, key), at - 1, "seek <");
    same_place(&w, radix_prev(&w), at ? at - 2 : MODEL_MAX, "prev of <");
    radix_walk_end(&w);
}

static void walk_all(const Radix *tree) {
    RadixWalk w;
    size_t n = 0;
    radix_walk(&w, tree);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) same_place(&w, true, n++, "forth");
    always(n == model_count, "all keys forth", "");
    for (bool ok = radix_last(&w); ok; ok = radix_prev(&w)) same_place(&w, true, --n, "back");
    always(n == 0, "all keys back", "");
    always(!radix_next(&w) && !radix_prev(&w), "a walk that fell off stays there", "");
    radix_walk_end(&w);
}

/* A walk goes on from its key, whatever happened to the tree, that key included. */
static void walk_while_changing(Radix *tree, int shape) {
    RadixWalk w;
    radix_walk(&w, tree);
    bool forth = check_random() & 1;
    bool ok = forth ? radix_first(&w) : radix_last(&w);
    char last[KEY_MAX];
    for (int steps = 0; ok && steps < 60; steps++) {
        size_t len = w.key.len;
        memcpy(last, w.key.ptr, len);
        KeelStr here = {last, len};
        bool added;
        KeelStr key = check_random() % 3 ? random_key(shape) : here;
        size_t at = model_at(key);
        if (model_has(at, key)) {
            always(radix_remove(tree, key, NULL), "removed", "");
            model_remove(at);
        } else if (model_count < MODEL_MAX) {
            void **slot = radix_add(tree, key, &added);
            always(slot && added, "added", "");
            *slot = (void *)(uintptr_t)(check_random() | 1);
            model_add(at, key, *slot);
        }
        at = model_at(here);
        if (forth) at += model_has(at, here); else at--;
        ok = forth ? radix_next(&w) : radix_prev(&w);
        same_place(&w, ok, at, "step over a change");
    }
    radix_walk_end(&w);
}

/* Each node once, in a walk over all keys; from a key in the middle, those of the rest. */
static void move_nodes(Radix *tree, KeelStr from) {
    KeelMoving moving = {.size = sizeof(moving), .every = true};
    RadixWalk w, other;
    radix_walk(&w, tree);
    radix_walk(&other, tree);
    bool stands = radix_last(&other);
    size_t at = from.len ? model_at(from) : 0;
    keel_move_begin(&moving);
    bool ok = from.len ? radix_seek(&w, RADIX_GE, from) : radix_first(&w);
    for (; ok; ok = radix_next(&w)) {
        radix_move(&w, tree);
        same_place(&w, true, at++, "a walk that moves nodes");
    }
    keel_move_end();
    always(at == model_count, "goes on to the end", "");
    always(from.len ? moving.moved <= tree->nodes : moving.moved == tree->nodes, "every node once", "");
    always(radix_valid(tree), "well formed after nodes moved", "");
    if (stands) same_place(&other, radix_prev(&other), model_count - 2, "another walk goes on");
    radix_walk_end(&w);
    radix_walk_end(&other);
}

static size_t freed;
static void count_free(void *value) {
    (void)value;
    freed++;
}

static void random_operations(int shape, int steps) {
    Radix tree;
    radix_init(&tree);
    for (int i = 0; i < steps; i++) {
        KeelStr key = random_key(shape);
        size_t at = model_at(key);
        void **found = radix_find(&tree, key), *value = NULL;
        always(found ? model_has(at, key) && *found == model[at].value : !model_has(at, key),
               "find",
              "");
        bool added, grow = (i / 1500) % 2 == 0 ? check_random() % 4 : !(check_random() % 4);
        if (grow && model_count < MODEL_MAX) {
            void **slot = radix_add(&tree, key, &added);
            always(added == !model_has(at, key), "added", "");
            if (added) {
                always(*slot == NULL, "a new value is NULL", "");
                *slot = (void *)(uintptr_t)check_random();
                model_add(at, key, *slot);
            }
        } else if (radix_remove(&tree, key, &value)) {
            always(model_has(at, key) && value == model[at].value, "removed", "");
            model_remove(at);
        } else {
            always(!model_has(at, key), "not removed", "");
        }
        if (i % 7 == 0) seek_everywhere(&tree, random_key(shape));
        if (i % 300 == 0) {
            always(radix_valid(&tree), "well formed", "");
            always(tree.count == model_count, "count", "");
            walk_all(&tree);
            walk_while_changing(&tree, shape);
            move_nodes(&tree, KEEL_LIT(""));
            move_nodes(&tree, random_key(shape));
            always(radix_valid(&tree), "well formed after a walk", "");
        }
    }
    freed = 0;
    radix_release(&tree, count_free);
    always(freed == model_count && !tree.count && !tree.bytes, "released", "");
    while (model_count) model_remove(model_count - 1);
}

/* Every byte a child of one node, and keys that are all prefixes of each other. */
static void extremes(void) {
    Radix tree;
    radix_init(&tree);
    seek_everywhere(&tree, KEEL_LIT(""));
    for (int i = 255; i >= 0; i--) {
        room[0] = (char)i;
        KeelStr key = {room, 1};
        model_add(model_at(key), key, *radix_add(&tree, key, NULL) = room + i);
        always(radix_valid(&tree), "wide", "");
    }
    for (int i = 0; i < 256; i++) {
        room[0] = (char)i;
        seek_everywhere(&tree, (KeelStr){room, 1});
    }
    walk_all(&tree);
    move_nodes(&tree, KEEL_LIT(""));
    walk_all(&tree);
    radix_release(&tree, NULL);
    while (model_count) model_remove(model_count - 1);
    static char same[200000]; /* all the same byte */
    for (size_t len = 0; len < sizeof(same); len += 50) radix_add(&tree, (KeelStr){same, len}, NULL);
    always(tree.count == sizeof(same) / 50 && radix_valid(&tree), "deep", "");
    RadixWalk w;
    radix_walk(&w, &tree);
    always(radix_last(&w) && w.key.len == sizeof(same) - 50, "the deepest", "");
    radix_walk_end(&w);
    freed = 0;
    radix_release(&tree, count_free);
    always(freed == sizeof(same) / 50, "a deep tree is released", "");
    always(!radix_add(&tree, (KeelStr){same, RADIX_KEY_MAX + 1}, NULL),
           "a key that is too long", "");
}

int main(void) {
    mem_init();
    for (int shape = 0; shape < 4; shape++) random_operations(shape, 9000);
    extremes();
    return check_done();
}
