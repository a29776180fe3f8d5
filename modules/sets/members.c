/* members.c - SADD, SREM, SMOVE, SISMEMBER, SMISMEMBER, SCARD, SMEMBERS and SSCAN. */
#include "sets.h"

void sets_delete_if_empty(KeelKey *key, const Set *set) {
    if (set_count(set) != 0) return;
    keel_key_delete(key, false);
    keel_key_notify(key, KEEL_NOTIFY_GENERIC, "del");
}

void sets_sadd(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t added = 0;
    bool found = keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (!sets_check(c, &key)) return;
    size_t members = (size_t)(argc - 2);
    Set *set = found ? keel_key_value(&key) : set_new_for(argv[2], members);
    if (found) set_expect(set, members);
    for (int i = 2; i < argc; i++) added += set_add(set, argv[i]);
    if (!found) keel_key_set_value(&key, &sets_type, set, KEEL_NO_EXPIRY);
    if (added) {
        keel_key_changed(&key, KEEL_NOTIFY_SET, "sadd");
        if (added > 1) keel_dirty_add(c, (uint64_t)added - 1);
    }
    keel_reply_int(c, added);
}

void sets_srem(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t removed = 0;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (!sets_check(c, &key)) return;
    Set *set = sets_of(&key);
    for (int i = 2; set && i < argc && set_count(set); i++) removed += set_remove(set, argv[i]);
    if (removed) {
        keel_key_changed(&key, KEEL_NOTIFY_SET, "srem");
        if (removed > 1) keel_dirty_add(c, (uint64_t)removed - 1);
        sets_delete_if_empty(&key, set);
    }
    keel_reply_int(c, removed);
}

/* From one set into another. The member may be there already: then it is only removed. Between the
 * same set nothing happens, whether it has the member is the reply. */
void sets_smove(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey from, to;
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &from)) {
        keel_reply_int(c, 0);
        return;
    }
    bool found = keel_key_open(c, argv[2], KEEL_KEY_WRITE, &to);
    if (!sets_check(c, &from) || !sets_check(c, &to)) return;
    Set *source = sets_of(&from), *target = sets_of(&to);
    if (source == target) {
        keel_reply_int(c, set_has(source, argv[3]));
        return;
    }
    if (!set_remove(source, argv[3])) {
        keel_reply_int(c, 0);
        return;
    }
    keel_key_changed(&from, KEEL_NOTIFY_SET, "srem");
    sets_delete_if_empty(&from, source);
    if (!found) target = set_new_for(argv[3], 1);
    bool added = set_add(target, argv[3]);
    if (!found) keel_key_set_value(&to, &sets_type, target, KEEL_NO_EXPIRY);
    if (added) keel_key_changed(&to, KEEL_NOTIFY_SET, "sadd");
    keel_reply_int(c, 1);
}

/* The set that a command reads: false when a reply was given, `missing` for a missing key. */
static bool open_to_read(KeelCtx *c, KeelStr name, const Set **set) {
    KeelKey key;
    keel_key_open(c, name, KEEL_KEY_READ, &key);
    *set = NULL;
    if (!sets_check(c, &key)) return false;
    *set = sets_of(&key);
    return true;
}

void sets_sismember(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    const Set *set;
    if (open_to_read(c, argv[1], &set)) keel_reply_int(c, set && set_has(set, argv[2]));
}

void sets_smismember(KeelCtx *c, const KeelStr *argv, int argc) {
    const Set *set;
    if (!open_to_read(c, argv[1], &set)) return;
    keel_reply_array(c, (size_t)(argc - 2));
    for (int i = 2; i < argc; i++) keel_reply_int(c, set && set_has(set, argv[i]));
}

void sets_scard(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    const Set *set;
    if (open_to_read(c, argv[1], &set)) keel_reply_int(c, set ? (int64_t)set_count(set) : 0);
}

void sets_smembers(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    const Set *set;
    if (!open_to_read(c, argv[1], &set)) return;
    keel_reply_set(c, set ? set_count(set) : 0);
    if (!set) return;
    SetWalk w;
    Member m;
    set_walk(&w, set);
    while (set_next(&w, &m)) member_reply(c, &m);
}

/* ---- SSCAN ----------------------------------------------------------------------------------- */

typedef struct Scanning {
    KeelCtx *ctx;
    const KeelScan *scan;
    size_t found;
} Scanning;

static void scan_member(Scanning *s, Member *m) {
    if (!s->scan->any && !keel_scan_matches(s->scan, member_str(m))) return;
    member_reply(s->ctx, m);
    s->found++;
}

static void scan_element(void *element, void *data) {
    Member m = {.str = name_read(element)};
    scan_member(data, &m);
}

/* The same for other modules. */
typedef struct Showing {
    KeelSetEach *each;
    void *data;
} Showing;

static void show_element(void *element, void *data) {
    const Showing *s = data;
    s->each(name_read(element), s->data);
}

uint64_t sets_scan(const void *set, uint64_t cursor, size_t count, KeelSetEach *each, void *data) {
    Showing s = {each, data};
    const Set *of = set;
    if (of->form == SET_TABLE) return dict_scan_some(of->table, cursor, count, show_element, &s);
    SetWalk w;
    Member m;
    set_walk(&w, of);
    while (set_next(&w, &m)) each(member_str(&m), data);
    return 0;
}

/* A packed set is given whole, as steps through it could not bear changes between them. */
void sets_sscan(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelScan scan;
    const Set *set;
    if (!keel_scan_cursor(c, argv[2], &scan)) return;
    if (!open_to_read(c, argv[1], &set)) return;
    if (!set) {
        keel_scan_none(c);
        return;
    }
    if (!keel_scan_options(c, argv + 3, argc - 3, &scan, NULL)) return;
    Scanning s = {.ctx = c, .scan = &scan};
    bool table = set->form == SET_TABLE;
    uint64_t next = table ? dict_scan_some(set->table, scan.cursor, scan.count, NULL, NULL) : 0;
    keel_scan_reply(c, next);
    KeelDeferred array = keel_reply_defer_array(c);
    if (table) {
        dict_scan_some(set->table, scan.cursor, scan.count, scan_element, &s);
    } else {
        SetWalk w;
        Member m;
        set_walk(&w, set);
        while (set_next(&w, &m)) scan_member(&s, &m);
    }
    keel_reply_end(c, array, s.found);
}
