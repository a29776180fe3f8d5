/* move.c - LMOVE and RPOPLPUSH: an element from one list's end to another's or its own. */
#include <string.h>

#include "lists.h"

/* Pushes the end of `from` to an end of the list at `to` and drops it there. The element is copied
 * first only when both are the same list, whose bytes may move. */
static void move_end(KeelCtx *c, List *from, KeelKey *to, bool from_front, bool to_front) {
    char scratch[KEEL_INT_ROOM], few[256], *copy = few;
    LpValue v = list_end(from, from_front);
    KeelStr s = value_str(v, scratch);
    bool there = keel_key_exists(to);
    List *l = there ? keel_key_value(to) : list_new();
    keel_reply_bulk(c, s);
    if (l == from) {
        if (s.len > sizeof(few)) copy = keel_alloc(s.len);
        memcpy(copy, s.ptr, s.len);
        s.ptr = copy;
        list_drop(from, from_front);
    }
    list_expect(l, v.ptr ? s.len : 0, 1);
    list_push(l, s, to_front);
    if (l != from) list_drop(from, from_front);
    if (copy != few) keel_free(copy);
    if (!there) {
        keel_key_set_value(to, &lists_type, l, KEEL_NO_EXPIRY);
        keel_key_ready(c, keel_db(c), to->name);
    }
    keel_key_changed(to, KEEL_NOTIFY_LIST, to_front ? "lpush" : "rpush");
}

bool lists_try_move(KeelCtx *c, KeelStr source, KeelStr destination, bool from_front,
                    bool to_front) {
    KeelKey from, to;
    if (!keel_key_open(c, source, KEEL_KEY_WRITE, &from)) return false;
    if (!lists_check(c, &from)) return true;
    keel_key_open(c, destination, KEEL_KEY_WRITE, &to);
    if (!lists_check(c, &to)) return true;
    List *l = keel_key_value(&from);
    move_end(c, l, &to, from_front, to_front);
    lists_popped(c, &from, l, from_front, 1);
    return true;
}

void lists_lmove(KeelCtx *c, const KeelStr *argv, int argc) {
    bool from_front, to_front;
    (void)argc;
    if (!lists_side(c, argv[3], &from_front) || !lists_side(c, argv[4], &to_front)) return;
    if (!lists_try_move(c, argv[1], argv[2], from_front, to_front)) keel_reply_null(c);
}

void lists_rpoplpush(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    if (!lists_try_move(c, argv[1], argv[2], false, true)) keel_reply_null(c);
}
