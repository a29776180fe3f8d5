/* sets.h - what the files of the sets module share: the value and what can be done with it. */
#ifndef SETS_H
#define SETS_H

#include <ds/dict.h>
#include <ds/intset.h>
#include <ds/listpack.h>
#include <keel.h>

/* ---- the value ------------------------------------------------------------------------------- */

typedef enum SetForm {
    SET_INTS,  /* intset: only integers */
    SET_PACK,  /* listpack: few and short members */
    SET_TABLE, /* dict: an element is a member's length and bytes */
} SetForm;

typedef struct Set {
    union {
        uint8_t *ints, *pack;
        Dict *table;
    };
    SetForm form;
} Set;

/* A member as a walk shows it: bytes that live until the set changes, or (no str.ptr) a number. */
typedef struct Member {
    KeelStr str;
    int64_t number;
    char digits[KEEL_INT_ROOM];
} Member;

static inline KeelStr member_str(Member *m) {
    if (m->str.ptr) return m->str;
    return (KeelStr){m->digits, keel_format_int(m->digits, m->number)};
}
static inline void member_reply(KeelCtx *c, const Member *m) {
    if (m->str.ptr) keel_reply_bulk(c, m->str);
    else keel_reply_bulk_int(c, m->number);
}

typedef struct SetWalk {
    const Set *set;
    union {
        size_t index;      /* SET_INTS */
        const uint8_t *at; /* SET_PACK: the next element */
        DictWalk table;
    };
} SetWalk;

Set *set_new(SetForm form);
/* A set that is about to get `members` of which `first` is one. */
Set *set_new_for(KeelStr first, size_t members);
void set_free(void *set);
/* Frees all but the handle itself. */
void set_free_body(Set *set);
Set *set_copy(const Set *set);
/* See KeelType.defragment. */
Set *set_defragment(Set *set, uint64_t *cursor);
size_t set_count(const Set *set);
/* Bytes beside the key's entry; `samples` members are looked at, 0: all. */
size_t set_memory(const Set *set, size_t samples);
/* `members` are about to be added: sets that would have to be converted half-way are at once. */
void set_expect(Set *set, size_t members);

bool set_has(const Set *set, KeelStr s);
bool set_has_member(const Set *set, Member *m);
/* False: it was there already. */
bool set_add(Set *set, KeelStr s);
bool set_add_member(Set *set, Member *m);
/* False: it was not there. */
bool set_remove(Set *set, KeelStr s);
bool set_remove_member(Set *set, Member *m);

void set_walk(SetWalk *w, const Set *set);
bool set_next(SetWalk *w, Member *m); /* false: the end */
/* A member at random, all equally likely; the set is not empty. */
void set_random(const Set *set, Member *m);
/* The same, but the member is taken out: its bytes are given to `take`, then freed. */
void set_pop_random(Set *set, void (*take)(Member *m, void *data), void *data);

/* Into another form, without a change of members; `members` are to be in it soon. */
void set_convert(Set *set, SetForm form, size_t members);
/* An intset becomes a pack or a table, as `s`, which is no integer, is the next of `members`. */
void set_leave_ints(Set *set, KeelStr s, size_t members);
/* Whether one more member of `len` bytes, where there are `count`, still makes a pack. */
bool set_packs(size_t count, size_t len);

/* Elements of the table's form. */
char *element_new(KeelStr name);

/* ---- the type -------------------------------------------------------------------------------- */

extern const KeelType sets_type;
extern int64_t sets_max_ints, sets_max_packed, sets_max_packed_len;

uint8_t sets_opcode(const KeelValue *v);
int sets_save(KeelSink *sink, const KeelValue *v);
int sets_load(KeelSource *source, uint8_t opcode, KeelValue *out);
int sets_rewrite(KeelSink *sink, KeelStr key, const KeelValue *v);

/* Whether lazyfree-lazy-server-del is on. */
bool sets_lazy(void);
/* Whether the key holds a set or nothing; otherwise WRONGTYPE has been replied. */
static inline bool sets_check(KeelCtx *c, const KeelKey *key) {
    if (__builtin_expect(keel_key_is(key, &sets_type), 1)) return true;
    keel_reply_wrongtype(c);
    return false;
}
/* The key's set; NULL when it is missing. */
static inline Set *sets_of(const KeelKey *key) {
    return keel_key_exists(key) ? keel_key_value(key) : NULL;
}
/* Deletes the key if its set is empty now, and says so. */
void sets_delete_if_empty(KeelKey *key, const Set *set);
/* See KeelSetOps.store. */
size_t sets_store(KeelCtx *c, KeelKey *key, void *set, const char *event);

/* Handlers, by file. */
KeelHandler sets_sadd, sets_srem, sets_smove, sets_sismember, sets_smismember, sets_scard,
    sets_smembers, sets_sscan;
uint64_t sets_scan(const void *set, uint64_t cursor, size_t count, KeelSetEach *each, void *data);
KeelHandler sets_spop, sets_srandmember;
KeelHandler sets_sinter, sets_sintercard, sets_sinterstore, sets_sunion, sets_sunionstore,
    sets_sdiff, sets_sdiffstore;

#endif
