/* counters.c - INCR, DECR, INCRBY, DECRBY and INCRBYFLOAT.
 *
 * Integers are kept as such, so INCR reads, adds and stores a word. INCRBYFLOAT computes in long
 * double and keeps the decimal text; it goes to the journal as a SET of the result, because another
 * machine's arithmetic may round otherwise. */
#include "strings.h"
#include <math.h>

/* Adds to the integer under `name`, which counts as 0 when it is missing and keeps its expiry. What
 * does not spell an integer, or would leave its 64 bits, is refused and stays. */
static inline void add(KeelCtx *c, KeelStr name, int64_t delta) {
    KeelKey key;
    int64_t value = 0;
    if (keel_key_open(c, name, KEEL_KEY_WRITE, &key)) {
        if (!strings_check(c, &key)) return;
        if (!keel_key_int(&key, &value)) {
            keel_reply_not_int(c);
            return;
        }
    }
    if (__builtin_add_overflow(value, delta, &value)) {
        keel_reply_error(c, "ERR increment or decrement would overflow");
        return;
    }
    keel_key_set_int(&key, &strings_type, value, KEEL_KEEP_EXPIRY);
    keel_key_changed(&key, KEEL_NOTIFY_STRING, "incrby");
    keel_reply_int(c, value);
}

void strings_incr(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    add(c, argv[1], 1);
}

void strings_decr(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    add(c, argv[1], -1);
}

void strings_incrby(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    int64_t delta;
    if (keel_arg_int(c, argv[2], &delta)) add(c, argv[1], delta);
}

/* The one number that cannot be negated has an error of its own. */
void strings_decrby(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    int64_t delta;
    if (!keel_arg_int(c, argv[2], &delta)) return;
    if (delta == INT64_MIN) {
        keel_reply_error(c, "ERR decrement would overflow");
        return;
    }
    add(c, argv[1], -delta);
}

/* INCRBYFLOAT key increment: replies with the sum as it is stored. The text of a long double
 * without an exponent may have thousands of digits, so the buffer is large; it is on the stack
 * because the command has no other memory to free. The sum stays text even when it spells an
 * integer. */
void strings_incrbyfloat(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    long double value = 0, delta;
    char scratch[KEEL_INT_ROOM];
    bool found = keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (!strings_check(c, &key)) return;
    if ((found && !keel_parse_long_double(keel_key_bytes(&key, scratch), &value)) ||
        !keel_parse_long_double(argv[2], &delta)) {
        keel_reply_error(c, "ERR value is not a valid float");
        return;
    }
    value += delta;
    char text[5 * 1024];
    size_t len = isfinite(value) ? keel_format_long_double(text, value) : 0;
    if (len == 0) {
        keel_reply_error(c, "ERR increment would produce NaN or Infinity");
        return;
    }
    KeelStr sum = {text, len};
    KeelStr words[] = {KEEL_LIT("SET"), argv[1], sum, KEEL_LIT("KEEPTTL")};
    keel_journal_instead(c, words, 4);
    keel_key_set_text(&key, &strings_type, sum, KEEL_KEEP_EXPIRY);
    keel_key_changed(&key, KEEL_NOTIFY_STRING, "incrbyfloat");
    keel_reply_bulk(c, sum);
}
