/* write.c - HSET, HMSET, HSETNX, HDEL, HINCRBY and HINCRBYFLOAT. */
#include <math.h>

#include "hashes.h"

static bool open_to_write(KeelCtx *c, KeelStr name, KeelKey *key) {
    keel_key_open(c, name, KEEL_KEY_WRITE, key);
    return hashes_check(c, key);
}

/* What a command changed counts field by field in INFO's rdb_changes_since_last_save. */
static void changed(KeelCtx *c, KeelKey *key, size_t fields, const char *event) {
    if (fields > 1) keel_dirty_add(c, fields - 1);
    keel_key_changed(key, KEEL_NOTIFY_HASH, event);
}

/* ---- HSET, HMSET, HSETNX --------------------------------------------------------------------- */

static bool set_pairs(KeelCtx *c, const KeelStr *argv, int argc, size_t *added) {
    KeelKey key;
    if (argc % 2) {
        keel_reply_arity(c);
        return false;
    }
    if (!open_to_write(c, argv[1], &key)) return false;
    *added = hashes_set(&key, argv + 2, (size_t)argc - 2);
    changed(c, &key, ((size_t)argc - 2) / 2, "hset");
    return true;
}

void hashes_hset(KeelCtx *c, const KeelStr *argv, int argc) {
    size_t added;
    if (set_pairs(c, argv, argc, &added)) keel_reply_int(c, (int64_t)added);
}

void hashes_hmset(KeelCtx *c, const KeelStr *argv, int argc) {
    size_t added;
    if (set_pairs(c, argv, argc, &added)) keel_reply_ok(c);
}

void hashes_hsetnx(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    char scratch[KEEL_INT_ROOM];
    KeelStr value;
    if (!open_to_write(c, argv[1], &key)) return;
    if (hashes_get(&key, argv[2], scratch, &value)) {
        keel_reply_int(c, 0);
        return;
    }
    hashes_set(&key, argv + 2, 2);
    changed(c, &key, 1, "hset");
    keel_reply_int(c, 1);
}

/* ---- HDEL ------------------------------------------------------------------------------------ */

void hashes_hdel(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    if (!open_to_write(c, argv[1], &key)) return;
    size_t removed = 0;
    bool emptied = false;
    if (keel_key_exists(&key)) {
        Hash *h = keel_key_value(&key);
        for (int i = 2; i < argc && !emptied; i++) {
            if (!hash_remove(&h, argv[i])) continue;
            removed++;
            emptied = hash_count(h) == 0;
        }
        if (removed) keel_key_value_moved(&key, h);
        if (emptied) keel_key_delete(&key, false);
    }
    if (removed) changed(c, &key, removed, "hdel");
    if (emptied) keel_key_notify(&key, KEEL_NOTIFY_GENERIC, "del");
    keel_reply_int(c, (int64_t)removed);
}

/* ---- counters -------------------------------------------------------------------------------- */

void hashes_hincrby(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    int64_t delta, number = 0;
    char scratch[KEEL_INT_ROOM];
    KeelStr value;
    if (!keel_arg_int(c, argv[3], &delta) || !open_to_write(c, argv[1], &key)) return;
    if (hashes_get(&key, argv[2], scratch, &value) && !keel_parse_int(value, &number)) {
        keel_reply_error(c, "ERR hash value is not an integer");
        return;
    }
    if (__builtin_add_overflow(number, delta, &number)) {
        keel_reply_error(c, "ERR increment or decrement would overflow");
        return;
    }
    const KeelStr pair[] = {argv[2], {scratch, keel_format_int(scratch, number)}};
    hashes_set(&key, pair, 2);
    changed(c, &key, 1, "hincrby");
    keel_reply_int(c, number);
}

/* It goes to the journal as a HSET of the sum: another machine's arithmetic may round otherwise. The
 * text of a long double may have thousands of digits, which is why `text` is large. */
void hashes_hincrbyfloat(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    long double delta, number = 0;
    char scratch[KEEL_INT_ROOM], text[5 * 1024];
    KeelStr value;
    if (!keel_parse_long_double(argv[3], &delta)) {
        keel_reply_error(c, "ERR value is not a valid float");
        return;
    }
    if (!isfinite(delta)) {
        keel_reply_error(c, "ERR value is NaN or Infinity");
        return;
    }
    if (!open_to_write(c, argv[1], &key)) return;
    if (hashes_get(&key, argv[2], scratch, &value) && !keel_parse_long_double(value, &number)) {
        keel_reply_error(c, "ERR hash value is not a float");
        return;
    }
    number += delta;
    size_t len = isfinite(number) ? keel_format_long_double(text, number) : 0;
    if (len == 0) {
        keel_reply_error(c, "ERR increment would produce NaN or Infinity");
        return;
    }
    KeelStr words[] = {KEEL_LIT("HSET"), argv[1], argv[2], {text, len}};
    keel_journal_instead(c, words, 4);
    hashes_set(&key, words + 2, 2);
    changed(c, &key, 1, "hincrbyfloat");
    keel_reply_bulk(c, words[3]);
}
