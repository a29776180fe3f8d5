/* random.c - SPOP and SRANDMEMBER.
 *
 * Drawing one member is the container's. Several different ones are drawn in one of two ways: one
 * by one, what came up already being drawn again, where few are asked for; otherwise by one walk
 * that takes each member with the probability of those still wanted among those still to come,
 * which gives every choice the same chance and needs no memory. */
#include "sets.h"

#include <limits.h>
#include <string.h>

enum {
    WALK_SHARE = 3,      /* more than one of three wanted: walk */
    KEEP_SHARE = 5,      /* SPOP: fewer than one of six stay: build a new set of those */
    SREM_MEMBERS = 1024, /* in one command for the journal */
    LOOK_EVERY = 1024,   /* replies between looks whether the client is gone */
};

/* Whether the next one of a walk is wanted. */
static inline bool take_next(size_t *wanted, size_t *left) {
    if (keel_random_below((*left)--) >= *wanted) return false;
    (*wanted)--;
    return true;
}

/* ---- SRANDMEMBER ----------------------------------------------------------------------------- */

/* "-count": members may come again. Counts are not bounded by anything, so a client that is to be
 * closed, for having too much output, ends it. */
static void random_with_repeats(KeelCtx *c, const Set *set, size_t count) {
    Member m;
    KeelClient *client = keel_client(c);
    keel_reply_array(c, count);
    for (size_t i = 0; i < count; i++) {
        if (i % LOOK_EVERY == 0 && client && (keel_client_flags(client) & KEEL_CF_CLOSING)) break;
        set_random(set, &m);
        member_reply(c, &m);
    }
}

/* Elements that were drawn, by address: open addressing, at most half full. */
typedef struct Drawn {
    const char **slots;
    size_t mask;
} Drawn;

static bool drawn_add(Drawn *d, const char *element) {
    uint64_t hash = (uint64_t)(uintptr_t)element * 0x9e3779b97f4a7c15ull;
    for (size_t i = (size_t)(hash >> 20) & d->mask;; i = (i + 1) & d->mask) {
        if (d->slots[i] == element) return false;
        if (d->slots[i]) continue;
        d->slots[i] = element;
        return true;
    }
}

static void random_few(KeelCtx *c, const Set *set, size_t count) {
    Drawn drawn = {.mask = 15};
    while (drawn.mask + 1 < 2 * count) drawn.mask = drawn.mask * 2 + 1;
    drawn.slots = keel_zalloc((drawn.mask + 1) * sizeof(*drawn.slots));
    for (size_t n = 0; n < count;) {
        Place place;
        const char *element = dict_random(set->table, &place);
        if (!drawn_add(&drawn, element)) continue;
        keel_reply_bulk(c, name_read(element));
        n++;
    }
    keel_free(drawn.slots);
}

static void random_distinct(KeelCtx *c, const Set *set, size_t count) {
    size_t left = set_count(set);
    if (count > left) count = left;
    keel_reply_array(c, count);
    if (set->form == SET_TABLE && count < left / WALK_SHARE) {
        random_few(c, set, count);
        return;
    }
    SetWalk w;
    Member m;
    set_walk(&w, set);
    while (count && set_next(&w, &m)) {
        if (take_next(&count, &left)) member_reply(c, &m);
    }
}

void sets_srandmember(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t count = 0;
    if (argc > 3) {
        keel_reply_syntax(c);
        return;
    }
    if (argc == 3) {
        if (!keel_arg_int(c, argv[2], &count)) return;
        if (count < -LONG_MAX) {
            keel_reply_errorf(c, "ERR value is out of range, value must between %ld and %ld",
                              -LONG_MAX, LONG_MAX);
            return;
        }
    }
    keel_key_open(c, argv[1], KEEL_KEY_READ, &key);
    if (!sets_check(c, &key)) return;
    const Set *set = sets_of(&key);
    if (argc == 2) {
        Member m;
        if (!set) {
            keel_reply_null(c);
            return;
        }
        set_random(set, &m);
        member_reply(c, &m);
    } else if (!set || count == 0) {
        keel_reply_array(c, 0);
    } else if (count < -KEEL_REPEATS_MAX) {
        keel_reply_error(c, "ERR value is out of range");
    } else if (count < 0) {
        random_with_repeats(c, set, (size_t)-count);
    } else {
        random_distinct(c, set, (size_t)count);
    }
}

/* ---- SPOP ------------------------------------------------------------------------------------ */

/* Members that go, on their way to the client and as SREM commands to the journal: which ones
 * they are nobody else could tell. */
typedef struct Popping {
    KeelCtx *ctx;
    KeelStr *words; /* SREM key member ... */
    int count;      /* of words */
    char *bytes;    /* the members' bytes, which the journal copies only when told */
    size_t len, room;
} Popping;

static void popping_begin(Popping *p, KeelCtx *c, KeelStr name, size_t members) {
    size_t most = members < SREM_MEMBERS ? members : SREM_MEMBERS;
    *p = (Popping){.ctx = c, .count = 2};
    p->words = keel_alloc((most + 2) * sizeof(*p->words));
    p->words[0] = KEEL_LIT("SREM");
    p->words[1] = name;
}

/* Tells the journal of what has gathered. Offsets become addresses only now, as the bytes moved
 * while they grew. */
static void popping_flush(Popping *p) {
    if (p->count == 2) return;
    for (int i = 2; i < p->count; i++) {
        p->words[i].ptr = p->bytes + (size_t)(uintptr_t)p->words[i].ptr;
    }
    keel_journal_instead(p->ctx, p->words, p->count);
    p->count = 2;
    p->len = 0;
}

static void popping_take(Member *m, void *data) {
    Popping *p = data;
    member_reply(p->ctx, m);
    KeelStr s = member_str(m);
    if (p->count == SREM_MEMBERS + 2) popping_flush(p);
    if (!p->bytes || s.len > p->room - p->len) {
        p->room = 2 * p->room + s.len + 256;
        p->bytes = keel_realloc(p->bytes, p->room);
    }
    memcpy(p->bytes + p->len, s.ptr, s.len);
    p->words[p->count++] = (KeelStr){(const char *)(uintptr_t)p->len, s.len};
    p->len += s.len;
}

static void popping_end(Popping *p) {
    popping_flush(p);
    keel_free(p->words);
    keel_free(p->bytes);
}

/* All of it: the journal is told that the key goes. */
static void pop_all(KeelCtx *c, KeelKey *key, const Set *set) {
    SetWalk w;
    Member m;
    size_t count = set_count(set);
    KeelStr words[] = {sets_lazy() ? KEEL_LIT("UNLINK") : KEEL_LIT("DEL"), key->name};
    keel_journal_instead(c, words, 2);
    keel_key_changed(key, KEEL_NOTIFY_SET, "spop");
    if (count > 1) keel_dirty_add(c, count - 1);
    keel_reply_set(c, count);
    set_walk(&w, set);
    while (set_next(&w, &m)) member_reply(c, &m);
    keel_key_delete(key, sets_lazy());
    keel_key_notify(key, KEEL_NOTIFY_GENERIC, "del");
}

/* Where it stays what it is a packed set needs no look for a place. */
static void keep(Set *kept, SetForm form, Member *m) {
    bool added;
    if (form == SET_INTS) kept->ints = intset_add(kept->ints, m->number, &added);
    else if (form == SET_TABLE) set_add_member(kept, m);
    else if (m->str.ptr) kept->pack = lp_append(kept->pack, m->str);
    else kept->pack = lp_append_int(kept->pack, m->number);
}

/* Most of a table, or some of a packed set: one walk decides who stays, and that is a new set.
 * What was a table may become a pack again. */
static void pop_by_walk(Set *set, size_t count, Popping *p) {
    size_t left = set_count(set), stay = left - count;
    Set kept = {.form = set->form == SET_TABLE ? SET_PACK : set->form}, old = *set;
    if (kept.form == SET_INTS) kept.ints = intset_new();
    else kept.pack = lp_new(0);
    if (old.form == SET_TABLE) set_expect(&kept, stay);
    SetWalk w;
    Member m;
    set_walk(&w, set);
    while (set_next(&w, &m)) {
        if (take_next(&count, &left)) popping_take(&m, p);
        else keep(&kept, old.form, &m);
    }
    *set = kept;
    set_free_body(&old);
}

static void pop_several(KeelCtx *c, const KeelStr *argv) {
    int64_t count;
    KeelKey key;
    Popping p;
    if (!keel_parse_int(argv[2], &count) || count < 0) {
        keel_reply_error(c, "ERR value is out of range, must be positive");
        return;
    }
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (!sets_check(c, &key)) return;
    Set *set = sets_of(&key);
    if (!set || count == 0) {
        keel_reply_set(c, 0);
        return;
    }
    size_t size = set_count(set), n = (size_t)count;
    if (n >= size) {
        pop_all(c, &key, set);
        return;
    }
    keel_reply_set(c, n);
    popping_begin(&p, c, argv[1], n);
    if (set->form != SET_TABLE || size - n <= n / KEEP_SHARE) {
        pop_by_walk(set, n, &p);
    } else {
        for (size_t i = 0; i < n; i++) set_pop_random(set, popping_take, &p);
    }
    popping_end(&p);
    keel_key_changed(&key, KEEL_NOTIFY_SET, "spop");
    if (n > 1) keel_dirty_add(c, n - 1);
}

typedef struct Single {
    KeelCtx *ctx;
    KeelStr key;
} Single;

static void take_single(Member *m, void *data) {
    Single *s = data;
    KeelStr words[] = {KEEL_LIT("SREM"), s->key, member_str(m)};
    keel_journal_instead(s->ctx, words, 3);
    keel_reply_bulk(s->ctx, words[2]);
}

void sets_spop(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    if (argc == 3) {
        pop_several(c, argv);
        return;
    }
    if (argc > 3) {
        keel_reply_syntax(c);
        return;
    }
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (!sets_check(c, &key)) return;
    Set *set = sets_of(&key);
    if (!set) {
        keel_reply_null(c);
        return;
    }
    Single single = {c, argv[1]};
    set_pop_random(set, take_single, &single);
    keel_key_changed(&key, KEEL_NOTIFY_SET, "spop");
    sets_delete_if_empty(&key, set);
}
