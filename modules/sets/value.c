/* value.c - a set's three forms and what turns one into another.
 *
 * Forms only grow: integers become a pack or a table with the first member that is none, a pack
 * becomes a table when it has too many members or one that is too long. The way back is taken by
 * commands that build a new set anyway (STORE, loading, SPOP of nearly all).
 *
 * The Set itself is a handle of 16 bytes that does not move; the block it points to may. */
#include "sets.h"

#include <string.h>

/* ---- making, freeing ------------------------------------------------------------------------- */

static Dict *table_new(size_t members) {
    Dict *table = keel_alloc(sizeof(*table));
    dict_init(table, 0);
    if (members > 32) dict_reserve(table, members);
    return table;
}

Set *set_new(SetForm form) {
    Set *set = keel_alloc(sizeof(*set));
    set->form = form;
    if (form == SET_INTS) set->ints = intset_new();
    else if (form == SET_PACK) set->pack = lp_new(0);
    else set->table = table_new(0);
    return set;
}

/* No intset grows past 2^30 members, whatever the setting says. */
static size_t ints_max(void) {
    return sets_max_ints < 1 << 30 ? (size_t)sets_max_ints : 1 << 30;
}

Set *set_new_for(KeelStr first, size_t members) {
    int64_t v;
    if (members <= ints_max() && keel_parse_int(first, &v)) return set_new(SET_INTS);
    if (members <= (size_t)sets_max_packed) return set_new(SET_PACK);
    Set *set = keel_alloc(sizeof(*set));
    *set = (Set){.table = table_new(members), .form = SET_TABLE};
    return set;
}

void set_free_body(Set *set) {
    if (set->form == SET_TABLE) {
        dict_release(set->table, keel_free);
        keel_free(set->table);
    } else if (set->form == SET_PACK) {
        lp_free(set->pack);
    } else {
        intset_free(set->ints);
    }
}

void set_free(void *ptr) {
    set_free_body(ptr);
    keel_free(ptr);
}

char *element_new(KeelStr name) {
    char *element = keel_alloc(name_header(name.len) + name.len);
    name_write(element, name.ptr, name.len);
    return element;
}

static void *element_copy(const void *element) {
    KeelStr name = name_read(element);
    size_t size = name_header(name.len) + name.len;
    return memcpy(keel_alloc(size), element, size);
}

static void table_add(Dict *table, KeelStr name) {
    dict_insert(table, keel_hash(name.ptr, name.len), element_new(name));
}

Set *set_copy(const Set *set) {
    Set *copy = keel_alloc(sizeof(*copy));
    copy->form = set->form;
    if (set->form == SET_INTS) {
        copy->ints = intset_copy(set->ints);
    } else if (set->form == SET_PACK) {
        copy->pack = lp_copy(set->pack);
    } else {
        copy->table = keel_alloc(sizeof(*copy->table));
        dict_copy(copy->table, set->table, element_copy);
    }
    return copy;
}

size_t set_count(const Set *set) {
    if (set->form == SET_TABLE) return dict_count(set->table);
    return set->form == SET_INTS ? intset_count(set->ints) : lp_count(set->pack);
}

size_t set_memory(const Set *set, size_t samples) {
    size_t bytes = keel_mem_size(set);
    if (set->form != SET_TABLE) return bytes + keel_mem_size(set->ints);
    size_t count = dict_count(set->table), seen = 0, members = 0;
    DictWalk w;
    dict_walk(&w, set->table);
    for (const char *e; (!samples || seen < samples) && (e = dict_next(&w)); seen++) {
        members += keel_mem_size(e);
    }
    if (seen && seen < count) members = (size_t)((double)members / (double)seen * (double)count);
    return bytes + keel_mem_size(set->table) + dict_memory(set->table) + members;
}

Set *set_defragment(Set *set, uint64_t *cursor) {
    bool begins = !cursor || *cursor == 0 || set->form != SET_TABLE;
    if (begins) {
        set = keel_move(set);
        set->ints = keel_move(set->ints); /* or the pack, or the table: whatever block it is */
    }
    if (set->form == SET_TABLE) {
        dict_defragment(set->table, true, cursor);
    } else if (cursor) {
        *cursor = 0;
    }
    return set;
}

/* ---- walking --------------------------------------------------------------------------------- */

static inline void member_of(Member *m, LpValue v) {
    m->str = (KeelStr){v.ptr, v.len};
    m->number = v.number;
}

void set_walk(SetWalk *w, const Set *set) {
    w->set = set;
    if (set->form == SET_TABLE) dict_walk(&w->table, set->table);
    else if (set->form == SET_PACK) w->at = lp_first(set->pack);
    else w->index = 0;
}

bool set_next(SetWalk *w, Member *m) {
    const Set *set = w->set;
    if (set->form == SET_TABLE) {
        const char *element = dict_next(&w->table);
        if (!element) return false;
        m->str = name_read(element);
    } else if (set->form == SET_PACK) {
        if (!w->at) return false;
        member_of(m, lp_get(w->at));
        w->at = lp_next(set->pack, w->at);
    } else {
        if (w->index >= intset_count(set->ints)) return false;
        m->str.ptr = NULL;
        m->number = intset_at(set->ints, w->index++);
    }
    return true;
}

/* ---- from form to form ----------------------------------------------------------------------- */

bool set_packs(size_t count, size_t len) {
    return count < (size_t)sets_max_packed && len <= (size_t)sets_max_packed_len;
}

void set_convert(Set *set, SetForm form, size_t members) {
    Set to = {.form = form};
    SetWalk w;
    Member m = {0};
    if (form == SET_PACK) to.pack = lp_new(0);
    else to.table = table_new(members);
    set_walk(&w, set);
    while (set_next(&w, &m)) {
        if (form == SET_TABLE) table_add(to.table, member_str(&m));
        else if (m.str.ptr) to.pack = lp_append(to.pack, m.str);
        else to.pack = lp_append_int(to.pack, m.number);
    }
    set_free_body(set);
    *set = to;
}

void set_expect(Set *set, size_t members) {
    if (set->form == SET_TABLE) return;
    size_t max = set->form == SET_INTS ? ints_max() : (size_t)sets_max_packed;
    if (members > max) set_convert(set, SET_TABLE, members);
}

/* ---- members --------------------------------------------------------------------------------- */

static inline bool table_has(const Dict *table, KeelStr s) {
    Place place;
    return dict_find(table, 0, keel_hash(s.ptr, s.len), s, &place) != NULL;
}

bool set_has(const Set *set, KeelStr s) {
    int64_t v;
    if (set->form == SET_TABLE) return table_has(set->table, s);
    if (set->form == SET_INTS) return keel_parse_int(s, &v) && intset_has(set->ints, v);
    return lp_find(set->pack, lp_first(set->pack), s, 0) != NULL;
}

bool set_has_member(const Set *set, Member *m) {
    if (set->form == SET_INTS && !m->str.ptr) return intset_has(set->ints, m->number);
    return set_has(set, member_str(m));
}

static bool add_int(Set *set, int64_t v) {
    bool added;
    set->ints = intset_add(set->ints, v, &added);
    if (added && intset_count(set->ints) > ints_max()) set_convert(set, SET_TABLE, 0);
    return added;
}

/* The decimal digits of the longest member, which is the first or the last. */
static size_t ints_longest(const uint8_t *ints) {
    char digits[KEEL_INT_ROOM];
    size_t n = intset_count(ints);
    if (n == 0) return 0;
    size_t first = keel_format_int(digits, intset_at(ints, 0));
    size_t last = keel_format_int(digits, intset_at(ints, n - 1));
    return first > last ? first : last;
}

void set_leave_ints(Set *set, KeelStr s, size_t members) {
    size_t count = intset_count(set->ints), longest = ints_longest(set->ints);
    bool packs = set_packs(count, s.len) && longest <= (size_t)sets_max_packed_len;
    set_convert(set, packs ? SET_PACK : SET_TABLE, members);
}

bool set_add(Set *set, KeelStr s) {
    if (__builtin_expect(set->form == SET_TABLE, 1)) {
        Place place;
        uint64_t hash = keel_hash(s.ptr, s.len);
        if (dict_find(set->table, 0, hash, s, &place)) return false;
        dict_insert(set->table, hash, element_new(s));
        return true;
    }
    int64_t v;
    if (set->form == SET_INTS) {
        if (keel_parse_int(s, &v)) return add_int(set, v);
        set_leave_ints(set, s, intset_count(set->ints) + 1);
    } else if (lp_find(set->pack, lp_first(set->pack), s, 0)) {
        return false;
    } else if (!set_packs(lp_count(set->pack), s.len) || !lp_fits(set->pack, s.len)) {
        set_convert(set, SET_TABLE, lp_count(set->pack) + 1);
    }
    if (set->form == SET_PACK) set->pack = lp_append(set->pack, s);
    else table_add(set->table, s);
    return true;
}

bool set_add_member(Set *set, Member *m) {
    if (set->form == SET_INTS && !m->str.ptr) return add_int(set, m->number);
    return set_add(set, member_str(m));
}

bool set_remove(Set *set, KeelStr s) {
    if (set->form == SET_TABLE) {
        Place place;
        uint64_t hash = keel_hash(s.ptr, s.len);
        char *element = dict_find(set->table, 0, hash, s, &place);
        if (!element) return false;
        dict_remove(set->table, hash, place);
        keel_free(element);
        return true;
    }
    if (set->form == SET_INTS) {
        int64_t v;
        bool removed = false;
        if (keel_parse_int(s, &v)) set->ints = intset_remove(set->ints, v, &removed);
        return removed;
    }
    uint8_t *at = lp_find(set->pack, lp_first(set->pack), s, 0);
    if (!at) return false;
    set->pack = lp_delete(set->pack, &at, 1);
    return true;
}

bool set_remove_member(Set *set, Member *m) {
    return set_remove(set, member_str(m));
}

/* ---- at random ------------------------------------------------------------------------------- */

void set_random(const Set *set, Member *m) {
    if (set->form == SET_TABLE) {
        Place place;
        m->str = name_read(dict_random(set->table, &place));
    } else if (set->form == SET_INTS) {
        m->str.ptr = NULL;
        m->number = intset_at(set->ints, keel_random_below(intset_count(set->ints)));
    } else {
        long at = (long)keel_random_below(lp_count(set->pack));
        member_of(m, lp_get(lp_seek(set->pack, at)));
    }
}

void set_pop_random(Set *set, void (*take)(Member *m, void *data), void *data) {
    Member m;
    if (set->form == SET_TABLE) {
        Place place;
        char *element = dict_random(set->table, &place);
        m.str = name_read(element);
        take(&m, data);
        dict_remove(set->table, keel_hash(m.str.ptr, m.str.len), place);
        keel_free(element);
    } else if (set->form == SET_INTS) {
        bool removed;
        set_random(set, &m);
        take(&m, data);
        set->ints = intset_remove(set->ints, m.number, &removed);
    } else {
        uint8_t *at = lp_seek(set->pack, (long)keel_random_below(lp_count(set->pack)));
        member_of(&m, lp_get(at));
        take(&m, data);
        set->pack = lp_delete(set->pack, &at, 1);
    }
}
