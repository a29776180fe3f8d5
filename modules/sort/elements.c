/* elements.c - SORT's input: its arguments, the elements of a key, and the weights and values that
 * patterns name. */
#include "sort.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the arena ------------------------------------------------------------------------------- */

typedef struct ArenaBlock {
    struct ArenaBlock *next;
    char bytes[] __attribute__((aligned(16)));
} ArenaBlock;

void *arena_alloc(Arena *a, size_t size) {
    enum { BLOCK = 16 * 1024 - 64 };
    size = (size + 7) & ~(size_t)7;
    if ((size_t)(a->end - a->at) < size) {
        size_t room = size > BLOCK ? size : BLOCK;
        ArenaBlock *block = keel_alloc(sizeof(ArenaBlock) + room);
        block->next = a->blocks;
        a->blocks = block;
        a->at = block->bytes;
        a->end = block->bytes + room;
    }
    void *taken = a->at;
    a->at += size;
    return taken;
}

KeelStr arena_copy(Arena *a, KeelStr s) {
    char *copy = arena_alloc(a, s.len + 1);
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return (KeelStr){copy, s.len};
}

void arena_free(Arena *a) {
    for (ArenaBlock *block = a->blocks, *next; block; block = next) {
        next = block->next;
        keel_free(block);
    }
    *a = (Arena){0};
}

/* ---- arguments ------------------------------------------------------------------------------- */

static void add_get(Sort *sort, const KeelStr *pattern, int argc) {
    if (sort->get_count == GETS_FEW) {
        sort->gets = keel_alloc((size_t)argc * sizeof(*sort->gets));
        memcpy(sort->gets, sort->few, sizeof(sort->few));
    }
    sort->gets[sort->get_count++] = pattern;
}

bool sort_parse(KeelCtx *c, const KeelStr *argv, int argc, bool writable, Sort *sort) {
    *sort = (Sort){.count = -1};
    sort->gets = sort->few;
    for (int i = 2; i < argc; i++) {
        int left = argc - i - 1;
        if (keel_is(argv[i], "asc")) {
            sort->descending = false;
        } else if (keel_is(argv[i], "desc")) {
            sort->descending = true;
        } else if (keel_is(argv[i], "alpha")) {
            sort->alpha = true;
        } else if (keel_is(argv[i], "limit") && left >= 2) {
            if (!keel_arg_int(c, argv[i + 1], &sort->offset)) return false;
            if (!keel_arg_int(c, argv[i + 2], &sort->count)) return false;
            i += 2;
        } else if (keel_is(argv[i], "store") && left >= 1 && writable) {
            sort->stored = true;
            sort->destination = argv[++i];
        } else if (keel_is(argv[i], "by") && left >= 1) {
            sort->by = argv[++i];
            if (!memchr(sort->by.ptr, '*', sort->by.len)) sort->keep_order = true;
        } else if (keel_is(argv[i], "get") && left >= 1) {
            add_get(sort, &argv[++i], argc);
        } else {
            keel_reply_syntax(c);
            return false;
        }
    }
    return true;
}

void sort_free(Sort *sort) {
    if (sort->gets != sort->few) keel_free(sort->gets);
}

/* ---- elements -------------------------------------------------------------------------------- */

/* LIMIT, cut to the elements that there are. */
static void clip(const Sort *sort, size_t length, SortVector *v) {
    size_t offset = sort->offset < 0 ? 0 : (size_t)sort->offset;
    v->start = offset < length ? offset : length;
    v->end = length;
    if (sort->count >= 0 && (size_t)sort->count < length - v->start) {
        v->end = v->start + (size_t)sort->count;
    }
}

static void add(SortVector *v, KeelStr element) {
    v->items[v->count++].element = arena_copy(&v->arena, element);
}

static bool full(const SortVector *v, size_t wanted) {
    return v->count == wanted;
}

static void load_list(const KeelListOps *ops, const KeelKey *key, const Sort *sort, size_t wanted,
                      SortVector *v) {
    KeelListWalk w;
    bool back = sort->keep_order && sort->descending;
    int64_t first = sort->keep_order ? (int64_t)v->start : 0;
    ops->walk(&w, key, back ? -1 - first : first, back);
    while (!full(v, wanted) && ops->next(&w)) add(v, w.element);
    ops->end(&w);
}

static void load_zset(const KeelZsetOps *ops, const KeelKey *key, const Sort *sort, size_t wanted,
                      SortVector *v) {
    const void *zset = keel_key_value(key);
    bool back = sort->keep_order && sort->descending;
    KeelZsetAt at;
    KeelZsetItem item;
    bool there = ops->at_rank(zset, sort->keep_order ? v->start : 0, back, &at);
    while (there && !full(v, wanted)) {
        ops->item(&at, &item);
        add(v, item.member);
        there = back ? ops->previous(&at) : ops->next(&at);
    }
}

static void load_set(const KeelSetOps *ops, const KeelKey *key, SortVector *v) {
    KeelSetWalk w;
    KeelSetItem item;
    ops->walk(keel_key_value(key), &w);
    while (ops->next(&w, &item)) add(v, item.member);
}

bool sort_load(KeelCtx *c, const KeelKey *key, const Sort *given, SortVector *v) {
    Sort *sort = (Sort *)(uintptr_t)given;
    if (!keel_key_exists(key)) return true;
    const KeelType *type = keel_key_type(key);
    const KeelListOps *list = keel_interface("list", KEEL_LIST_VERSION);
    const KeelSetOps *set = keel_interface("set", KEEL_SET_VERSION);
    const KeelZsetOps *zset = keel_interface("zset", KEEL_ZSET_VERSION);
    size_t length;
    if (list && type == list->type) {
        length = list->length(key);
    } else if (set && type == set->type) {
        length = set->length(keel_key_value(key));
        /* A set has no order of its own that a replica would share. */
        if (sort->keep_order && sort->stored) {
            sort->keep_order = false;
            sort->alpha = true;
            sort->by.ptr = NULL;
        }
    } else if (zset && type == zset->type) {
        length = zset->length(keel_key_value(key));
    } else {
        keel_reply_wrongtype(c);
        return false;
    }
    clip(sort, length, v);
    bool part = sort->keep_order && !(set && type == set->type);
    size_t wanted = part ? v->end - v->start : length;
    v->items = keel_try_alloc(wanted * sizeof(*v->items) + 1);
    if (!v->items) {
        keel_reply_error(c, "ERR not enough memory to sort so many elements");
        return false;
    }
    if (list && type == list->type) {
        load_list(list, key, sort, wanted, v);
    } else if (zset && type == zset->type) {
        load_zset(zset, key, sort, wanted, v);
    } else {
        load_set(set, key, v);
    }
    if (part) {
        v->start = 0;
        v->end = v->count;
    }
    return true;
}

/* ---- patterns -------------------------------------------------------------------------------- */

/* "weight_*" names a key, "data_*->field" a field of a hash; '*' stands for the element. */
bool sort_lookup(KeelCtx *c, KeelStr pattern, KeelStr element, Arena *arena, KeelStr *out) {
    if (pattern.len == 1 && pattern.ptr[0] == '#') {
        *out = element;
        return true;
    }
    const char *star = memchr(pattern.ptr, '*', pattern.len);
    if (!star) return false;
    const char *end = pattern.ptr + pattern.len;
    const char *arrow = memmem(star + 1, (size_t)(end - star - 1), "->", 2);
    KeelStr field = {NULL, 0};
    if (arrow && arrow + 2 < end) {
        field = (KeelStr){arrow + 2, (size_t)(end - arrow - 2)};
        end = arrow;
    }
    size_t before = (size_t)(star - pattern.ptr), after = (size_t)(end - star - 1);
    char *name = arena_alloc(arena, before + element.len + after + 1);
    memcpy(name, pattern.ptr, before);
    memcpy(name + before, element.ptr, element.len);
    memcpy(name + before + element.len, star + 1, after);
    name[before + element.len + after] = '\0';

    KeelKey key;
    char scratch[KEEL_INT_ROOM];
    KeelStr value;
    if (!keel_key_open(c, (KeelStr){name, before + element.len + after}, KEEL_KEY_READ, &key)) {
        return false;
    }
    if (field.ptr) {
        const KeelHashOps *hash = keel_interface("hash", KEEL_HASH_VERSION);
        if (!hash || keel_key_type(&key) != hash->type) return false;
        if (!hash->get(&key, field, scratch, &value)) return false;
    } else {
        if (!keel_key_type(&key)->bytes) return false;
        value = keel_key_bytes(&key, scratch);
    }
    *out = arena_copy(arena, value);
    return true;
}

/* As strtod reads it, all of it: "" is 0. */
static bool read_score(KeelStr s, double *score) {
    char *end;
    errno = 0;
    *score = strtod(s.ptr, &end);
    return *end == '\0' && errno != ERANGE && !isnan(*score);
}

bool sort_weigh(KeelCtx *c, const Sort *sort, SortVector *v) {
    bool numbers = true;
    for (size_t i = 0; i < v->count; i++) {
        SortItem *item = &v->items[i];
        KeelStr weight = item->element;
        Arena scratch = {0}, *arena = sort->alpha ? &v->arena : &scratch;
        bool there = !sort->by.ptr || sort_lookup(c, sort->by, item->element, arena, &weight);
        if (sort->alpha) {
            item->by.text = there ? weight : (KeelStr){NULL, 0};
        } else if (!there) {
            item->by.score = 0;
        } else if (!read_score(weight, &item->by.score)) {
            numbers = false;
        }
        arena_free(&scratch);
    }
    return numbers;
}
