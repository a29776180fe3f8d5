/* expire.c - EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, their questions TTL, PTTL, EXPIRETIME and
 * PEXPIRETIME, and PERSIST.
 *
 * Whatever unit and base a client uses, the key gets an absolute time in milliseconds, and that is
 * what the journal carries: a replica that hears of it late must not give the key a longer life. */
#include <string.h>

#include "keys.h"

enum {
    ONLY_WITHOUT = 1u << 0, /* NX */
    ONLY_WITH = 1u << 1,    /* XX */
    ONLY_LATER = 1u << 2,   /* GT */
    ONLY_EARLIER = 1u << 3, /* LT */
};

static bool parse_conditions(KeelCtx *c, const KeelStr *argv, int argc, unsigned *conditions) {
    unsigned found = 0;
    for (int i = 3; i < argc; i++) {
        if (keel_is(argv[i], "nx")) {
            found |= ONLY_WITHOUT;
        } else if (keel_is(argv[i], "xx")) {
            found |= ONLY_WITH;
        } else if (keel_is(argv[i], "gt")) {
            found |= ONLY_LATER;
        } else if (keel_is(argv[i], "lt")) {
            found |= ONLY_EARLIER;
        } else {
            keel_reply_errorf(c, "ERR Unsupported option %s", argv[i].ptr);
            return false;
        }
    }
    if ((found & ONLY_WITHOUT) && (found & ~(unsigned)ONLY_WITHOUT)) {
        keel_reply_error(c, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((found & ONLY_LATER) && (found & ONLY_EARLIER)) {
        keel_reply_error(c, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    *conditions = found;
    return true;
}

/* A key without expiry lives for ever: nothing is later, everything is earlier. */
static bool conditions_hold(unsigned conditions, int64_t present, int64_t wanted) {
    bool expires = present != KEEL_NO_EXPIRY;
    if ((conditions & ONLY_WITHOUT) && expires) return false;
    if ((conditions & ONLY_WITH) && !expires) return false;
    if ((conditions & ONLY_LATER) && (!expires || wanted <= present)) return false;
    if ((conditions & ONLY_EARLIER) && expires && wanted >= present) return false;
    return true;
}

/* The argument as milliseconds since 1970. False: an error was replied. */
static bool parse_time(KeelCtx *c, KeelStr s, int64_t unit, int64_t base, int64_t *when) {
    int64_t v;
    if (!keel_arg_int(c, s, &v)) return false;
    if (__builtin_mul_overflow(v, unit, &v) || v > INT64_MAX - base) {
        keel_reply_errorf(c, "ERR invalid expire time in '%s' command",
                          keel_command_name(keel_command(c)));
        return false;
    }
    *when = v + base;
    return true;
}

/* The command in absolute milliseconds; its conditions stay with it. */
static void journal_absolute(KeelCtx *c, const KeelStr *argv, int argc, int64_t when) {
    enum { FEW = 8 };
    KeelStr few[FEW], *words = few;
    char digits[KEEL_INT_ROOM];
    if (argc > FEW) words = keel_alloc((size_t)argc * sizeof(*words));
    memcpy(words, argv, (size_t)argc * sizeof(*words));
    words[0] = KEEL_LIT("PEXPIREAT");
    words[2] = (KeelStr){digits, keel_format_int(digits, when)};
    keel_journal_instead(c, words, argc);
    if (words != few) keel_free(words);
}

static void delete_expired(KeelCtx *c, KeelKey *key) {
    bool lazy = keys_setting(KEYS_LAZY_EXPIRE);
    KeelStr words[] = {lazy ? KEEL_LIT("UNLINK") : KEEL_LIT("DEL"), key->name};
    keel_key_delete(key, lazy);
    keel_journal_instead(c, words, 2);
    keel_key_changed(key, KEEL_NOTIFY_GENERIC, "del");
}

/* All four: `unit` milliseconds to one of the argument's, counted from `base`. */
static void expire_generic(KeelCtx *c, const KeelStr *argv, int argc, int64_t unit, int64_t base) {
    unsigned conditions;
    int64_t when;
    KeelKey key;
    if (!parse_conditions(c, argv, argc, &conditions)) return;
    if (!parse_time(c, argv[2], unit, base, &when)) return;
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key) ||
        !conditions_hold(conditions, keel_key_expiry(&key), when)) {
        keel_reply_int(c, 0);
        return;
    }
    if (keys_already_expired(c, when)) {
        delete_expired(c, &key);
    } else {
        keel_key_set_expiry(&key, when);
        /* What came in absolute milliseconds goes on as it came. */
        if (unit != 1 || base != 0) journal_absolute(c, argv, argc, when);
        keel_key_changed(&key, KEEL_NOTIFY_GENERIC, "expire");
    }
    keel_reply_int(c, 1);
}

void keys_expire(KeelCtx *c, const KeelStr *argv, int argc) {
    expire_generic(c, argv, argc, 1000, keel_now_ms());
}

void keys_expireat(KeelCtx *c, const KeelStr *argv, int argc) {
    expire_generic(c, argv, argc, 1000, 0);
}

void keys_pexpire(KeelCtx *c, const KeelStr *argv, int argc) {
    expire_generic(c, argv, argc, 1, keel_now_ms());
}

void keys_pexpireat(KeelCtx *c, const KeelStr *argv, int argc) {
    expire_generic(c, argv, argc, 1, 0);
}

/* -2: no such key. -1: it does not expire. Seconds are rounded to the nearest. */
static void ttl_generic(KeelCtx *c, KeelStr name, bool seconds, bool absolute) {
    KeelKey key;
    if (!keel_key_open(c, name, KEEL_KEY_READ | KEEL_KEY_NO_TOUCH, &key)) {
        keel_reply_int(c, -2);
        return;
    }
    int64_t ms = keel_key_expiry(&key);
    if (ms == KEEL_NO_EXPIRY) {
        keel_reply_int(c, -1);
        return;
    }
    if (!absolute) ms -= keel_now_ms();
    if (ms < 0) ms = 0;
    keel_reply_int(c, seconds ? ms / 1000 + (ms % 1000 >= 500) : ms);
}

void keys_ttl(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    ttl_generic(c, argv[1], true, false);
}

void keys_pttl(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    ttl_generic(c, argv[1], false, false);
}

void keys_expiretime(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    ttl_generic(c, argv[1], true, true);
}

void keys_pexpiretime(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    ttl_generic(c, argv[1], false, true);
}

void keys_persist(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key) ||
        keel_key_expiry(&key) == KEEL_NO_EXPIRY) {
        keel_reply_int(c, 0);
        return;
    }
    keel_key_set_expiry(&key, KEEL_NO_EXPIRY);
    keel_key_changed(&key, KEEL_NOTIFY_GENERIC, "persist");
    keel_reply_int(c, 1);
}
