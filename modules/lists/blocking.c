/* blocking.c - BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH: the same when there is something, and a
 * wait when there is not.
 *
 * A client that waits is tried again with its own arguments, as if the command came now, once one
 * of its keys holds a list. Whoever was served is journalled as the command that does not wait. */
#include "lists.h"

/* Each says whether it replied. `argv` is the command's. */
typedef bool Try(KeelCtx *c, const KeelStr *argv, int argc);

/* A key that holds something else now is not what the client waits for. */
static bool holds_list(KeelCtx *c, KeelStr name) {
    KeelKey key;
    return keel_key_open(c, name, KEEL_KEY_WRITE | KEEL_KEY_NO_TOUCH, &key) &&
           keel_key_is(&key, &lists_type);
}

static bool retry(KeelCtx *c, const KeelStr *argv, int argc, KeelStr key, void *data) {
    Try *again = *(Try **)data;
    return (key.len == 0 || holds_list(c, key)) && again(c, argv, argc);
}

/* Waits for the keys until the deadline; where that is not allowed, as if time were up at once. */
static void wait_for(KeelCtx *c, const KeelStr *keys, int n, int64_t deadline, Try *const *again,
                     void (*denied)(KeelCtx *c)) {
    KeelBlock block = {
        .size = sizeof(block), .keys = keys, .key_count = n, .deadline_ms = deadline,
        .retry = retry, .data = (void *)(uintptr_t)again,
    };
    if (!keel_block(c, &block)) denied(c);
}

/* ---- BLPOP, BRPOP ---------------------------------------------------------------------------- */

static bool try_pop(KeelCtx *c, const KeelStr *argv, int argc, bool front) {
    for (int i = 1; i < argc - 1; i++) {
        KeelKey key;
        if (!keel_key_open(c, argv[i], KEEL_KEY_WRITE, &key)) continue;
        if (!lists_check(c, &key)) return true;
        List *l = keel_key_value(&key);
        KeelStr words[] = {front ? KEEL_LIT("LPOP") : KEEL_LIT("RPOP"), argv[i]};
        keel_journal_instead(c, words, 2);
        keel_reply_array(c, 2);
        keel_reply_bulk(c, argv[i]);
        reply_value(c, list_end(l, front));
        list_drop(l, front);
        lists_popped(c, &key, l, front, 1);
        return true;
    }
    return false;
}

static bool try_blpop(KeelCtx *c, const KeelStr *argv, int argc) {
    return try_pop(c, argv, argc, true);
}

static bool try_brpop(KeelCtx *c, const KeelStr *argv, int argc) {
    return try_pop(c, argv, argc, false);
}

static void pop_or_wait(KeelCtx *c, const KeelStr *argv, int argc, Try *const *try) {
    int64_t deadline;
    if (!keel_block_deadline(c, argv[argc - 1], &deadline)) return;
    if (!(*try)(c, argv, argc)) {
        wait_for(c, argv + 1, argc - 2, deadline, try, keel_reply_null_array);
    }
}

void lists_blpop(KeelCtx *c, const KeelStr *argv, int argc) {
    static Try *const try = try_blpop;
    pop_or_wait(c, argv, argc, &try);
}

void lists_brpop(KeelCtx *c, const KeelStr *argv, int argc) {
    static Try *const try = try_brpop;
    pop_or_wait(c, argv, argc, &try);
}

/* ---- BLMPOP ---------------------------------------------------------------------------------- */

static bool try_blmpop(KeelCtx *c, const KeelStr *argv, int argc) {
    PopMany m;
    return !lists_parse_mpop(c, argv, argc, 2, &m) || lists_try_mpop(c, &m);
}

void lists_blmpop(KeelCtx *c, const KeelStr *argv, int argc) {
    static Try *const try = try_blmpop;
    PopMany m;
    int64_t deadline;
    if (!lists_parse_mpop(c, argv, argc, 2, &m)) return;
    if (!keel_block_deadline(c, argv[1], &deadline) || lists_try_mpop(c, &m)) return;
    wait_for(c, m.keys, m.key_count, deadline, &try, keel_reply_null_array);
}

/* ---- BLMOVE, BRPOPLPUSH ---------------------------------------------------------------------- */

/* What did nothing replied an error or nothing, and is not journalled whatever it says here. */
static bool try_blmove(KeelCtx *c, const KeelStr *argv, int argc) {
    bool from_front, to_front;
    (void)argc;
    if (!lists_side(c, argv[3], &from_front) || !lists_side(c, argv[4], &to_front)) return true;
    uint64_t before = keel_dirty();
    if (!lists_try_move(c, argv[1], argv[2], from_front, to_front)) return false;
    KeelStr words[] = {KEEL_LIT("LMOVE"), argv[1], argv[2], argv[3], argv[4]};
    if (keel_dirty() != before) keel_journal_instead(c, words, 5);
    return true;
}

static bool try_brpoplpush(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    uint64_t before = keel_dirty();
    if (!lists_try_move(c, argv[1], argv[2], false, true)) return false;
    KeelStr words[] = {KEEL_LIT("RPOPLPUSH"), argv[1], argv[2]};
    if (keel_dirty() != before) keel_journal_instead(c, words, 3);
    return true;
}

static void move_or_wait(KeelCtx *c, const KeelStr *argv, int argc, Try *const *try) {
    int64_t deadline;
    if (!keel_block_deadline(c, argv[argc - 1], &deadline)) return;
    if (!(*try)(c, argv, argc)) wait_for(c, argv + 1, 1, deadline, try, keel_reply_null);
}

void lists_blmove(KeelCtx *c, const KeelStr *argv, int argc) {
    static Try *const try = try_blmove;
    bool from_front, to_front;
    if (!lists_side(c, argv[3], &from_front) || !lists_side(c, argv[4], &to_front)) return;
    move_or_wait(c, argv, argc, &try);
}

void lists_brpoplpush(KeelCtx *c, const KeelStr *argv, int argc) {
    static Try *const try = try_brpoplpush;
    move_or_wait(c, argv, argc, &try);
}
