/* hash.c - hashes as values: two forms of them, and moving from the small to the large one.
 *
 * Small: a listpack of field, value, field, value ... in the order in which fields came; looking one
 * up reads the fields from the start. Large: a dict whose elements are one block each,
 *
 *     field length | field | value length | value
 *
 * so that a field costs one allocation and a lookup two cache lines. A value that keeps its block's
 * size class is replaced in place. A hash that became large stays so. */
#include <string.h>

#include "hashes.h"

static inline size_t element_size(KeelStr field, KeelStr value) {
    return name_header(field.len) + field.len + name_header(value.len) + value.len;
}

static char *element_new(KeelStr field, KeelStr value) {
    char *e = keel_alloc(element_size(field, value));
    char *at = name_write(e, field.ptr, field.len);
    name_write(at, value.ptr, value.len);
    return e;
}

static void element_free(void *element) {
    keel_free(element);
}

static inline Large *large(const Hash *h) {
    return (Large *)(uintptr_t)h;
}

/* ---- making, copying, freeing ---------------------------------------------------------------- */

Hash *hash_new(size_t bytes) {
    return lp_new(bytes);
}

Hash *hash_new_large(size_t fields) {
    Large *l = keel_alloc(sizeof(*l));
    l->zero = 0;
    dict_init(&l->dict, 0);
    dict_reserve(&l->dict, fields);
    return l;
}

void hash_free(Hash *h) {
    if (hash_is_large(h)) {
        dict_release(&large(h)->dict, element_free);
        keel_free(h);
    } else {
        lp_free(h);
    }
}

static void *element_copy(const void *element) {
    KeelStr field, value;
    large_read(element, &field, &value);
    size_t size = element_size(field, value);
    return memcpy(keel_alloc(size), element, size);
}

Hash *hash_copy(const Hash *h) {
    if (!hash_is_large(h)) return lp_copy(h);
    Large *l = keel_alloc(sizeof(*l));
    l->zero = 0;
    dict_copy(&l->dict, &large(h)->dict, element_copy);
    return l;
}

bool hash_add(Large *l, KeelStr field, KeelStr value) {
    Place place;
    uint64_t hash = keel_hash(field.ptr, field.len);
    if (dict_find(&l->dict, 0, hash, field, &place)) return false;
    dict_insert(&l->dict, hash, element_new(field, value));
    return true;
}

bool hash_enlarge(Hash **h, size_t more) {
    if (hash_is_large(*h)) return true;
    Hash *l = hash_new_large(hash_count(*h) + more);
    bool differ = true;
    KeelHashWalk w;
    KeelStr field, value;
    hash_walk(*h, &w);
    while (hash_next(&w, &field, &value)) differ &= hash_add(l, field, value);
    lp_free(*h);
    *h = l;
    return differ;
}

/* Whether a pack may take these: their sizes, and the pack's own. */
static inline bool small_takes(const Hash *h, const KeelStr *pairs, size_t n) {
    enum { OVERHEAD = 16 }; /* more than an element takes beside its bytes */
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (pairs[i].len > (uint64_t)hash_max_value) return false;
        if (pairs[i].len > LP_MAX_BYTES || (bytes += pairs[i].len + OVERHEAD) > LP_MAX_BYTES) {
            return false;
        }
    }
    return lp_fits(h, bytes);
}

void hash_expect(Hash **h, const KeelStr *pairs, size_t n) {
    if (hash_is_large(*h)) return;
    if (n / 2 > (uint64_t)hash_max_entries || !small_takes(*h, pairs, n)) {
        hash_enlarge(h, n / 2);
    } else if (n > 2 && lp_count(*h) == 0) {
        size_t bytes = LP_EMPTY_BYTES;
        for (size_t i = 0; i < n; i++) bytes += lp_cost(pairs[i]);
        lp_free(*h);
        *h = lp_new(bytes);
    }
}

Hash *hash_defragment(Hash *h, uint64_t *cursor) {
    if (!cursor || *cursor == 0 || !hash_is_large(h)) h = keel_move(h);
    if (hash_is_large(h)) {
        dict_defragment(&large(h)->dict, true, cursor);
    } else if (cursor) {
        *cursor = 0;
    }
    return h;
}

/* ---- one field ------------------------------------------------------------------------------- */

size_t hash_count(const Hash *h) {
    return hash_is_large(h) ? dict_count(&large(h)->dict) : lp_count(h) / 2;
}

static inline uint8_t *small_find(const uint8_t *pack, KeelStr field) {
    return lp_find(pack, lp_first(pack), field, 1);
}

bool hash_find(const Hash *h, KeelStr field, char scratch[KEEL_INT_ROOM], KeelStr *value) {
    if (hash_is_large(h)) {
        Place place;
        const char *e =
            dict_find(&large(h)->dict, 0, keel_hash(field.ptr, field.len), field, &place);
        if (!e) return false;
        KeelStr name;
        large_read(e, &name, value);
        return true;
    }
    const uint8_t *p = small_find(h, field);
    if (!p) return false;
    *value = lp_str(lp_after(p), scratch);
    return true;
}

/* The element stays when its new size is of the block's class, so counters and flags that change all
 * the time allocate nothing. A block is asked to grow all the same: the allocator, not we, knows that
 * it need not move. */
static void large_replace(Large *l, Place place, char *e, KeelStr field, KeelStr value) {
    KeelStr name, old;
    large_read(e, &name, &old);
    if (old.len == value.len) {
        memcpy((char *)(uintptr_t)old.ptr, value.ptr, value.len);
        return;
    }
    size_t size = element_size(field, value), old_size = element_size(field, old);
    if (keel_mem_class(size) != keel_mem_class(old_size)) {
        dict_replace(&l->dict, place, element_new(field, value));
        keel_free(e);
        return;
    }
    size_t at = (size_t)(name.ptr - e) + name.len;
    char *block = size > old_size ? keel_realloc(e, size) : e;
    name_write(block + at, value.ptr, value.len);
    if (block != e) dict_replace(&l->dict, place, block);
}

static bool large_set(Large *l, KeelStr field, KeelStr value) {
    Place place;
    uint64_t hash = keel_hash(field.ptr, field.len);
    char *e = dict_find(&l->dict, 0, hash, field, &place);
    if (e) {
        large_replace(l, place, e, field, value);
        return false;
    }
    dict_insert(&l->dict, hash, element_new(field, value));
    return true;
}

bool hash_put(Hash **h, KeelStr field, KeelStr value) {
    if (hash_is_large(*h)) return large_set(*h, field, value);
    uint8_t *pack = *h, *p = small_find(pack, field);
    if (p) {
        uint8_t *at = lp_after(p);
        pack = lp_replace(pack, &at, value);
    } else {
        pack = lp_append(lp_append(pack, field), value);
    }
    *h = pack;
    if (lp_count(pack) / 2 > (uint64_t)hash_max_entries) hash_enlarge(h, 1);
    return !p;
}

bool hash_remove(Hash **h, KeelStr field) {
    if (hash_is_large(*h)) {
        Place place;
        Dict *d = &large(*h)->dict;
        uint64_t hash = keel_hash(field.ptr, field.len);
        char *e = dict_find(d, 0, hash, field, &place);
        if (!e) return false;
        dict_remove(d, hash, place);
        keel_free(e);
        return true;
    }
    uint8_t *p = small_find(*h, field);
    if (!p) return false;
    *h = lp_delete(*h, &p, 2);
    return true;
}

/* ---- all fields ------------------------------------------------------------------------------ */

typedef struct Walk {
    const uint8_t *pack, *at; /* pack NULL: the large form */
    DictWalk dict;
} Walk;
_Static_assert(sizeof(Walk) <= sizeof(((KeelHashWalk *)0)->state_), "a walk fits its room");

void hash_walk(const Hash *h, KeelHashWalk *w) {
    Walk *walk = (Walk *)w->state_;
    if (hash_is_large(h)) {
        walk->pack = NULL;
        dict_walk(&walk->dict, &large(h)->dict);
    } else {
        walk->pack = h;
        walk->at = lp_first(h);
    }
}

static const uint8_t *small_read(const uint8_t *pack, const uint8_t *p, KeelHashWalk *room,
                                 KeelStr *field, KeelStr *value) {
    *field = lp_str(p, room->field_digits);
    p = lp_after(p);
    *value = lp_str(p, room->value_digits);
    return lp_next(pack, p);
}

bool hash_next(KeelHashWalk *w, KeelStr *field, KeelStr *value) {
    Walk *walk = (Walk *)w->state_;
    if (walk->pack) {
        if (!walk->at) return false;
        walk->at = small_read(walk->pack, walk->at, w, field, value);
        return true;
    }
    const char *e = dict_next(&walk->dict);
    if (!e) return false;
    large_read(e, field, value);
    return true;
}

typedef struct ScanStep {
    KeelHashEach *each;
    void *data;
} ScanStep;

static void scan_element(void *element, void *data) {
    const ScanStep *step = data;
    KeelStr field, value;
    large_read(element, &field, &value);
    step->each(field, value, step->data);
}

/* `each` NULL: only where the step would end. */
uint64_t hash_scan(const Hash *h, uint64_t cursor, size_t count, KeelHashEach *each, void *data) {
    if (hash_is_large(h)) {
        ScanStep step = {each, data};
        return dict_scan_some(&large(h)->dict, cursor, count, each ? scan_element : NULL, &step);
    }
    if (each) {
        KeelHashWalk w;
        KeelStr field, value;
        hash_walk(h, &w);
        while (hash_next(&w, &field, &value)) each(field, value, data);
    }
    return 0;
}

void hash_random(const Hash *h, KeelHashWalk *room, KeelStr *field, KeelStr *value) {
    if (hash_is_large(h)) {
        Place place;
        large_read(dict_random(&large(h)->dict, &place), field, value);
    } else {
        long pair = (long)keel_random_below(lp_count(h) / 2);
        small_read(h, lp_seek(h, 2 * pair), room, field, value);
    }
}
