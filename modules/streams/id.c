/* id.c - ids of entries: "ms-seq", their order, and how commands write them. */
#include "streams.h"

#include <errno.h>
#include <stdlib.h>

bool id_increment(Id *id) {
    if (++id->seq) return true;
    return ++id->ms != 0;
}

bool id_decrement(Id *id) {
    if (id->seq--) return true;
    return id->ms-- != 0;
}

/* The time, unless that went backwards. */
Id id_next(Id last) {
    uint64_t now = (uint64_t)keel_now_ms();
    if (now > last.ms) return (Id){now, 0};
    id_increment(&last);
    return last;
}

static size_t format_number(char *out, uint64_t v) {
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + v % 10);
    } while (v /= 10);
    for (size_t i = 0; i < n; i++) out[i] = digits[n - 1 - i];
    return n;
}

size_t id_format(char *out, Id id) {
    size_t n = format_number(out, id.ms);
    out[n++] = '-';
    n += format_number(out + n, id.seq);
    out[n] = '\0';
    return n;
}

void id_reply(KeelCtx *c, Id id) {
    char text[KEEL_STREAM_ID_ROOM];
    keel_reply_bulk(c, (KeelStr){text, id_format(text, id)});
}

/* What strtoull() reads: Redis takes blanks and signs in front, and leading zeros. */
static bool parse_number(const char *text, uint64_t *out) {
    char *end;
    int64_t v;
    if (keel_parse_int(keel_str(text), &v)) {
        *out = (uint64_t)v;
        return v >= 0;
    }
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *text && !*end;
}

/* Digits, "-" and digits: what ids nearly always are. False: look closer. */
static bool parse_plain(KeelStr text, Id *id) {
    uint64_t words[2] = {0, 0};
    size_t i = 0;
    for (int word = 0; word < 2; word++) {
        size_t begin = i;
        for (; i < text.len && (unsigned)(text.ptr[i] - '0') < 10; i++) {
            words[word] = words[word] * 10 + (uint64_t)(text.ptr[i] - '0');
        }
        if (i == begin || i - begin > 19) return false;
        if (word == 0 && (i == text.len || text.ptr[i++] != '-')) return false;
    }
    *id = (Id){words[0], words[1]};
    return i == text.len;
}

bool id_parse(KeelStr text, uint64_t seq, bool strict, bool *generated, Id *id) {
    char copy[128];
    if (parse_plain(text, id)) return true;
    if (text.len >= sizeof(copy)) return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0'; /* an argument ends at its first NUL */
    if ((*copy == '-' || *copy == '+') && !copy[1]) {
        *id = *copy == '-' ? ID_MIN : ID_MAX;
        return !strict;
    }
    char *rest = strchr(copy, '-');
    if (rest) *rest++ = '\0';
    if (!parse_number(copy, &id->ms)) return false;
    id->seq = seq;
    if (!rest) return true;
    if (generated && rest[0] == '*' && !rest[1]) {
        id->seq = 0;
        *generated = true;
        return true;
    }
    return parse_number(rest, &id->seq);
}

static bool argument(KeelCtx *c, KeelStr text, uint64_t seq, bool strict, Id *id) {
    if (id_parse(text, seq, strict, NULL, id)) return true;
    keel_reply_error(c, "ERR Invalid stream ID specified as stream command argument");
    return false;
}

bool id_argument(KeelCtx *c, KeelStr text, uint64_t seq, Id *id) {
    return argument(c, text, seq, false, id);
}

bool id_strict_argument(KeelCtx *c, KeelStr text, Id *id) {
    return argument(c, text, 0, true, id);
}

bool id_range_argument(KeelCtx *c, KeelStr text, bool start, Id *id) {
    uint64_t seq = start ? 0 : UINT64_MAX;
    if (text.len < 2 || *text.ptr != '(') return argument(c, text, seq, false, id);
    if (!argument(c, (KeelStr){text.ptr + 1, text.len - 1}, seq, true, id)) return false;
    if (start ? id_increment(id) : id_decrement(id)) return true;
    keel_reply_errorf(c, "ERR invalid %s ID for the interval", start ? "start" : "end");
    return false;
}

static Id *ids;
static int room;

void ids_release(void) {
    keel_free(ids);
    ids = NULL;
    room = 0;
}

Id *id_arguments(KeelCtx *c, const KeelStr *argv, int from, int argc) {
    if (room < argc - from) {
        room = (argc - from) * 2;
        ids = keel_realloc(ids, sizeof(*ids) * (size_t)room);
    }
    for (int i = from; i < argc; i++) {
        if (!id_strict_argument(c, argv[i], &ids[i - from])) return NULL;
    }
    return ids;
}
