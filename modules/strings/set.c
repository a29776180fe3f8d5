/* set.c - SET, SETNX, SETEX, PSETEX, MSET and MSETNX.
 *
 * A plain SET is one look-up, one store, one change and one reply. What depends on the clock goes
 * to the journal with the time spelled out (SET key value PXAT ms), so that it means the same
 * whenever it is read. */
#include "strings.h"

/* Overwrites whatever the key holds, and says so. */
static inline void store(KeelKey *key, KeelStr value, int64_t expiry) {
    keel_key_set_bytes(key, &strings_type, value, expiry);
    keel_key_changed(key, KEEL_NOTIFY_STRING, "set");
}

/* Stores with an expiry that was computed from the clock, which the journal is told as it came
 * out. */
static void store_until(KeelCtx *c, KeelKey *key, KeelStr value, int64_t expiry) {
    char digits[KEEL_INT_ROOM];
    KeelStr at = {digits, keel_format_int(digits, expiry)};
    KeelStr words[] = {KEEL_LIT("SET"), key->name, value, KEEL_LIT("PXAT"), at};
    /* Before the store, which may take over the argument's buffer. */
    keel_journal_instead(c, words, 5);
    store(key, value, expiry);
    keel_key_notify(key, KEEL_NOTIFY_GENERIC, "expire");
}

/* The journal needs no GET: those who read it discard replies. One condition and KEEPTTL are all
 * that can be left, however often they were given; times do not come here. */
static void journal_without_get(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelStr words[5] = {argv[0], argv[1], argv[2]};
    int n = 3, condition = 0, keep = 0;
    for (int i = 3; i < argc; i++) {
        if (keel_is(argv[i], "keepttl")) keep = i;
        else if (!keel_is(argv[i], "get")) condition = i;
    }
    if (condition) words[n++] = argv[condition];
    if (keep) words[n++] = argv[keep];
    keel_journal_instead(c, words, n);
}

/* SET with options. With GET the reply is the old value, whether or not the condition held, and a
 * value of another type is refused although a plain SET would replace it. Options and time are
 * checked before the key is looked at. A time given as PXAT needs no rewriting for the journal. */
static void set_with_options(KeelCtx *c, const KeelStr *argv, int argc) {
    const unsigned allowed = OPT_NX | OPT_XX | OPT_GET | OPT_KEEPTTL | OPT_TIMES;
    Options o;
    if (!options_parse(c, argv, argc, 3, allowed, &o)) return;
    int64_t expiry = KEEL_NO_EXPIRY;
    if ((o.flags & OPT_TIMES) && !options_expiry(c, &o, &expiry)) return;

    KeelKey key;
    bool get = o.flags & OPT_GET;
    if (get && !strings_reply_old(c, argv[1])) return;
    bool found = keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (((o.flags & OPT_NX) && found) || ((o.flags & OPT_XX) && !found)) {
        if (!get) keel_reply_null(c);
        return;
    }
    /* Not KEEL_KEEP_EXPIRY: the value is another one, not the old one changed. */
    if (found && o.flags & OPT_KEEPTTL) expiry = keel_key_expiry(&key);
    if (o.flags & OPT_PXAT) {
        store(&key, argv[2], expiry);
        keel_key_notify(&key, KEEL_NOTIFY_GENERIC, "expire");
    } else if (o.flags & OPT_TIMES) {
        store_until(c, &key, argv[2], expiry);
    } else {
        if (get) journal_without_get(c, argv, argc);
        store(&key, argv[2], expiry);
    }
    if (!get) keel_reply_ok(c);
}

void strings_set(KeelCtx *c, const KeelStr *argv, int argc) {
    if (__builtin_expect(argc != 3, 0)) {
        set_with_options(c, argv, argc);
        return;
    }
    KeelKey key;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    store(&key, argv[2], KEEL_NO_EXPIRY);
    keel_reply_ok(c);
}

/* SETNX key value: 1 when it was set, 0 when the key was there. */
void strings_setnx(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    bool found = keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (!found) store(&key, argv[2], KEEL_NO_EXPIRY);
    keel_reply_int(c, !found);
}

/* SETEX and PSETEX: key, time to live in `unit`, value. */
static void set_for(KeelCtx *c, const KeelStr *argv, unsigned unit) {
    Options o = {unit, argv[2]};
    int64_t expiry;
    if (!options_expiry(c, &o, &expiry)) return;
    KeelKey key;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    store_until(c, &key, argv[3], expiry);
    keel_reply_ok(c);
}

void strings_setex(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    set_for(c, argv, OPT_EX);
}

void strings_psetex(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    set_for(c, argv, OPT_PX);
}

/* A key that is given twice keeps the last value. The keys are opened in their order, for which
 * their hashes have been prepared. */
static void store_pairs(KeelCtx *c, const KeelStr *argv, int argc) {
    for (int i = 1; i < argc; i += 2) {
        KeelKey key;
        keel_key_open(c, argv[i], KEEL_KEY_WRITE, &key);
        store(&key, argv[i + 1], KEEL_NO_EXPIRY);
    }
}

/* Never fails half-way: types do not matter, and the pairs are counted first. */
void strings_mset(KeelCtx *c, const KeelStr *argv, int argc) {
    if (argc % 2 == 0) {
        keel_reply_arity(c);
        return;
    }
    store_pairs(c, argv, argc);
    keel_reply_ok(c);
}

/* All or nothing: one key that exists, of any type, and none is set. */
void strings_msetnx(KeelCtx *c, const KeelStr *argv, int argc) {
    if (argc % 2 == 0) {
        keel_reply_arity(c);
        return;
    }
    for (int i = 1; i < argc; i += 2) {
        KeelKey key;
        if (keel_key_open(c, argv[i], KEEL_KEY_WRITE, &key)) {
            keel_reply_int(c, 0);
            return;
        }
    }
    store_pairs(c, argv, argc);
    keel_reply_int(c, 1);
}
