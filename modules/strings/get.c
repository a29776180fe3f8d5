/* get.c - GET, MGET, GETSET, GETDEL and GETEX: a string as a whole, and what goes with reading it.
 *
 * GETSET and GETDEL go to the journal as the SET and DEL that they are, GETEX as the PEXPIREAT,
 * PERSIST or DEL that it came to: their replies are of no use there. */
#include "strings.h"

/* The hottest handler of all: one look-up, one reply, no copy in between. */
void strings_get(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    if (!keel_key_open(c, argv[1], KEEL_KEY_READ, &key)) {
        keel_reply_null(c);
        return;
    }
    if (!strings_check(c, &key)) return;
    char scratch[KEEL_INT_ROOM];
    keel_reply_bulk(c, keel_key_bytes(&key, scratch));
}

/* Keys of other types read as missing. */
void strings_mget(KeelCtx *c, const KeelStr *argv, int argc) {
    keel_reply_array(c, (size_t)argc - 1);
    for (int i = 1; i < argc; i++) {
        KeelKey key;
        char scratch[KEEL_INT_ROOM];
        if (keel_key_open(c, argv[i], KEEL_KEY_READ, &key) && keel_key_is(&key, &strings_type)) {
            keel_reply_bulk(c, keel_key_bytes(&key, scratch));
        } else {
            keel_reply_null(c);
        }
    }
}

bool strings_reply_old(KeelCtx *c, KeelStr name) {
    KeelKey key;
    if (!keel_key_open(c, name, KEEL_KEY_READ, &key)) {
        keel_reply_null(c);
        return true;
    }
    if (!strings_check(c, &key)) return false;
    char scratch[KEEL_INT_ROOM];
    keel_reply_bulk(c, keel_key_bytes(&key, scratch));
    return true;
}

/* GETSET key value: a SET whose reply is the old value. */
void strings_getset(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    if (!strings_reply_old(c, argv[1])) return;
    KeelStr words[] = {KEEL_LIT("SET"), argv[1], argv[2]};
    keel_journal_instead(c, words, 3);
    KeelKey key;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    keel_key_set_bytes(&key, &strings_type, argv[2], KEEL_NO_EXPIRY);
    keel_key_changed(&key, KEEL_NOTIFY_STRING, "set");
}

/* The key goes; `verb` is how the journal says it. The handle must hold something. */
static void remove_key(KeelCtx *c, KeelKey *key, KeelStr verb, bool lazy) {
    KeelStr words[] = {verb, key->name};
    keel_journal_instead(c, words, 2);
    keel_key_delete(key, lazy);
    keel_key_changed(key, KEEL_NOTIFY_GENERIC, "del");
}

/* GETDEL key. The reply is written first: the view of the value ends with the key. */
void strings_getdel(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    if (!strings_reply_old(c, argv[1])) return;
    KeelKey key;
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key)) return;
    remove_key(c, &key, KEEL_LIT("DEL"), false);
}

/* Whether keys whose time is over are freed in the background; then the journal says UNLINK. */
static bool lazy_expire(void) {
    char value[8];
    return keel_config_get(KEEL_LIT("lazyfree-lazy-expire"), value, sizeof value, NULL) &&
           keel_is(keel_str(value), "yes");
}

/* GETEX key [option]. Without an option it is a GET; with one, the expiry changes after the value
 * was replied. A point in time that has passed deletes the key at once, whereas a SET with such a
 * time leaves that to the next look at the key: Redis's difference, and visible in its events. The
 * time of a missing key is not even parsed. */
void strings_getex(KeelCtx *c, const KeelStr *argv, int argc) {
    Options o;
    if (!options_parse(c, argv, argc, 2, OPT_PERSIST | OPT_TIMES, &o)) return;
    KeelKey key;
    if (!keel_key_open(c, argv[1], KEEL_KEY_READ, &key)) {
        keel_reply_null(c);
        return;
    }
    int64_t expiry = KEEL_NO_EXPIRY;
    if (!strings_check(c, &key)) return;
    if ((o.flags & OPT_TIMES) && !options_expiry(c, &o, &expiry)) return;

    char scratch[KEEL_INT_ROOM];
    keel_reply_bulk(c, keel_key_bytes(&key, scratch));
    if (!o.flags) return;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if ((o.flags & (OPT_EXAT | OPT_PXAT)) && expiry <= keel_now_ms()) {
        bool lazy = lazy_expire();
        remove_key(c, &key, lazy ? KEEL_LIT("UNLINK") : KEEL_LIT("DEL"), lazy);
    } else if (o.flags & OPT_TIMES) {
        char digits[KEEL_INT_ROOM];
        KeelStr at = {digits, keel_format_int(digits, expiry)};
        KeelStr words[] = {KEEL_LIT("PEXPIREAT"), argv[1], at};
        keel_journal_instead(c, words, 3);
        keel_key_set_expiry(&key, expiry);
        keel_key_changed(&key, KEEL_NOTIFY_GENERIC, "expire");
    } else if ((o.flags & OPT_PERSIST) && keel_key_expiry(&key) != KEEL_NO_EXPIRY) {
        KeelStr words[] = {KEEL_LIT("PERSIST"), argv[1]};
        keel_journal_instead(c, words, 2);
        keel_key_set_expiry(&key, KEEL_NO_EXPIRY);
        keel_key_changed(&key, KEEL_NOTIFY_GENERIC, "persist");
    }
}
