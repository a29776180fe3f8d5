/* rdb.c - sets as bytes: RDB types 2 (members), 11 (an intset) and 20 (a listpack), and SADDs.
 *
 * The packed forms are in files what they are in memory, so saving is a copy. The listpack came
 * with version 11 of the format; for older readers its members are written one by one. Nothing that
 * is loaded is trusted: sizes, order, members that come twice, integers that are none. */
#include "sets.h"

#include <string.h>

enum {
    OPCODE_MEMBERS = 2,
    OPCODE_INTS = 11,
    OPCODE_PACK = 20,
    PACK_SINCE = 11,      /* version of the format */
    SEARCHED = 16,        /* packs of so many are searched for doubles, larger ones hashed */
    REWRITE_MEMBERS = 64, /* in one SADD */
    RESERVED = 1 << 20,   /* members that a table is made for before they are there */
};

/* ---- saving ---------------------------------------------------------------------------------- */

uint8_t sets_opcode(const KeelValue *v) {
    const Set *set = v->ptr;
    if (set->form == SET_INTS) return OPCODE_INTS;
    return set->form == SET_PACK && keel_rdb_version() >= PACK_SINCE ? OPCODE_PACK : OPCODE_MEMBERS;
}

int sets_save(KeelSink *sink, const KeelValue *v) {
    const Set *set = v->ptr;
    uint8_t opcode = sets_opcode(v);
    SetWalk w;
    Member m;
    if (opcode == OPCODE_INTS) {
        return keel_save_string(sink, (KeelStr){(char *)set->ints, intset_bytes(set->ints)});
    }
    if (opcode == OPCODE_PACK) {
        return keel_save_string(sink, (KeelStr){(char *)set->pack, lp_bytes(set->pack)});
    }
    keel_save_len(sink, set_count(set));
    set_walk(&w, set);
    while (!sink->failed && set_next(&w, &m)) keel_save_string(sink, member_str(&m));
    return sink->failed ? -1 : 0;
}

int sets_rewrite(KeelSink *sink, KeelStr key, const KeelValue *v) {
    Member m[REWRITE_MEMBERS];
    KeelStr words[REWRITE_MEMBERS + 2] = {KEEL_LIT("SADD"), key};
    SetWalk w;
    int n = 0;
    set_walk(&w, v->ptr);
    for (;;) {
        bool more = set_next(&w, &m[n]);
        if (more) {
            words[n + 2] = member_str(&m[n]);
            n++;
        }
        if (n && (n == REWRITE_MEMBERS || !more)) {
            if (keel_rewrite_emit(sink, words, n + 2) != 0) return -1;
            n = 0;
        }
        if (!more) return 0;
    }
}

/* ---- loading --------------------------------------------------------------------------------- */

/* Adds a member that was read. The form follows what has come, with room for all that is to come
 * where it is a table. */
static bool add_loaded(Set *set, char *bytes, size_t len, size_t members) {
    KeelStr s = {bytes, len};
    int64_t v;
    if (set->form == SET_PACK &&
        !(set_packs(lp_count(set->pack), len) && lp_fits(set->pack, len))) {
        set_convert(set, SET_TABLE, members);
    } else if (set->form == SET_INTS && !keel_parse_int(s, &v)) {
        set_leave_ints(set, s, members);
    }
    return set_add(set, s);
}

static int load_members(KeelSource *source, Set **out) {
    uint64_t count;
    if (keel_load_len(source, &count, NULL) != 0) return -1;
    if (count == 0) return 1;
    if (count > source->limit) return keel_load_fail(source, "A set of more members than bytes");
    /* Files do not say how much is still to come, so a count alone gets no more than this. */
    size_t expected = count < RESERVED ? (size_t)count : RESERVED;
    Set *set = set_new_for(KEEL_LIT("0"), expected);
    if (set->form == SET_PACK) set_convert(set, SET_TABLE, expected);
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && i < count; i++) {
        char *bytes;
        size_t len;
        if (keel_load_string(source, &bytes, &len) != 0) {
            rc = -1;
            break;
        }
        if (!add_loaded(set, bytes, len, expected)) {
            rc = keel_load_fail(source, "Duplicate set members detected");
        }
        keel_free(bytes);
    }
    if (rc == 0) *out = set;
    else set_free(set);
    return rc;
}

static int load_ints(KeelSource *source, Set **out) {
    char *bytes;
    size_t len;
    if (keel_load_string(source, &bytes, &len) != 0) return -1;
    if (!intset_valid(bytes, len, true) || intset_count((uint8_t *)bytes) == 0) {
        keel_free(bytes);
        return keel_load_fail(source, "Intset integrity check failed.");
    }
    Set *set = keel_alloc(sizeof(*set));
    *set = (Set){.ints = (uint8_t *)bytes, .form = SET_INTS};
    set_expect(set, intset_count(set->ints));
    *out = set;
    return 0;
}

/* Sees a pack's elements in turn: in small packs each is looked for behind itself, large ones are
 * hashed, which takes a time that grows with them and not with their square. */
static bool pack_has_doubles(const uint8_t *pack) {
    char digits[KEEL_INT_ROOM];
    bool doubles = false;
    if (lp_count(pack) <= SEARCHED) {
        for (uint8_t *p = lp_first(pack), *next; p && !doubles; p = next) {
            next = lp_next(pack, p);
            doubles = next && lp_find(pack, next, lp_str(p, digits), 0);
        }
        return doubles;
    }
    Set *seen = set_new(SET_TABLE);
    for (uint8_t *p = lp_first(pack); p && !doubles; p = lp_next(pack, p)) {
        doubles = !set_add(seen, lp_str(p, digits));
    }
    set_free(seen);
    return doubles;
}

static int load_pack(KeelSource *source, Set **out) {
    char *bytes;
    size_t len;
    if (keel_load_string(source, &bytes, &len) != 0) return -1;
    uint8_t *pack = (uint8_t *)bytes;
    if (!lp_valid(bytes, len, NULL, NULL) || pack_has_doubles(pack)) {
        keel_free(bytes);
        return keel_load_fail(source, "Set listpack integrity check failed.");
    }
    if (lp_count(pack) == 0) {
        keel_free(bytes);
        return 1;
    }
    Set *set = keel_alloc(sizeof(*set));
    *set = (Set){.pack = pack, .form = SET_PACK};
    set_expect(set, lp_count(pack));
    *out = set;
    return 0;
}

int sets_load(KeelSource *source, uint8_t opcode, KeelValue *out) {
    Set *set = NULL;
    int rc = opcode == OPCODE_INTS ? load_ints(source, &set)
             : opcode == OPCODE_PACK ? load_pack(source, &set)
                                     : load_members(source, &set);
    if (rc == 0) out->ptr = set;
    return rc;
}
