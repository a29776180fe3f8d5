/* range.c - APPEND, STRLEN, GETRANGE (SUBSTR) and SETRANGE: parts of strings.
 *
 * What is changed in place gets a buffer of its own with room to grow, so that appending byte by
 * byte copies each byte a constant number of times. */
#include "strings.h"
#include <string.h>

/* APPEND key value: replies with the new length. A new key's value is kept as SET would keep it, so
 * digits become an integer; what is appended to gets a buffer. Also an empty value makes a key. */
void strings_append(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    size_t len = argv[2].len;
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key)) {
        keel_key_set_bytes(&key, &strings_type, argv[2], KEEL_NO_EXPIRY);
    } else {
        if (!strings_check(c, &key)) return;
        size_t old = keel_key_bytes_len(&key);
        if (!strings_fits(c, old, len)) return;
        char *bytes = strings_edit(c, &key, old + len);
        if (!bytes) return;
        memcpy(bytes + old, argv[2].ptr, len);
        len += old;
    }
    keel_key_changed(&key, KEEL_NOTIFY_STRING, "append");
    keel_reply_int(c, (int64_t)len);
}

/* STRLEN key. An integer's length is that of its digits. */
void strings_strlen(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    bool found = keel_key_open(c, argv[1], KEEL_KEY_READ, &key);
    if (!strings_check(c, &key)) return;
    keel_reply_int(c, found ? (int64_t)keel_key_bytes_len(&key) : 0);
}

/* GETRANGE key start end, both inclusive. Negative positions count from the end; what lies outside
 * is cut off. The sums cannot overflow: a length is far from the ends of an int64_t. An end before
 * the beginning means the first byte, unless both are negative and in the wrong order: so Redis. */
void strings_getrange(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    int64_t start, end;
    if (!keel_arg_int(c, argv[2], &start) || !keel_arg_int(c, argv[3], &end)) return;
    KeelKey key;
    KeelStr s = {"", 0};
    char scratch[KEEL_INT_ROOM];
    if (keel_key_open(c, argv[1], KEEL_KEY_READ, &key)) {
        if (!strings_check(c, &key)) return;
        s = keel_key_bytes(&key, scratch);
    }
    int64_t len = (int64_t)s.len;
    bool empty = start < 0 && end < 0 && start > end;
    if (start < 0) start += len;
    if (end < 0) end += len;
    if (start < 0) start = 0;
    if (end < 0) end = 0;
    if (end >= len) end = len - 1;
    if (empty || start > end) {
        keel_reply_bulk(c, KEEL_LIT(""));
        return;
    }
    keel_reply_bulk(c, (KeelStr){s.ptr + start, (size_t)(end - start + 1)});
}

/* SETRANGE key offset value: replies with the new length. A gap is filled with zeros. */
void strings_setrange(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    int64_t offset;
    if (!keel_arg_int(c, argv[2], &offset)) return;
    if (offset < 0) {
        keel_reply_error(c, "ERR offset is out of range");
        return;
    }
    KeelKey key;
    bool found = keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (!strings_check(c, &key)) return;
    KeelStr v = argv[3];
    size_t old = found ? keel_key_bytes_len(&key) : 0;
    /* Nothing to write neither creates nor pads. */
    if (v.len == 0) {
        keel_reply_int(c, (int64_t)old);
        return;
    }
    if (!strings_fits(c, (uint64_t)offset, v.len)) return;
    size_t end = (size_t)offset + v.len, len = end > old ? end : old;
    char *bytes = strings_edit(c, &key, len);
    if (!bytes) return;
    memcpy(bytes + offset, v.ptr, v.len);
    keel_key_changed(&key, KEEL_NOTIFY_STRING, "setrange");
    keel_reply_int(c, (int64_t)len);
}
