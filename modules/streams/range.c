/* range.c - XRANGE, XREVRANGE, XLEN, XDEL and XSETID. */
#include "streams.h"

static void range(KeelCtx *c, const KeelStr *argv, int argc, bool backwards) {
    KeelKey key;
    Id from, to;
    int64_t count = -1;
    if (!id_range_argument(c, argv[backwards ? 3 : 2], true, &from) ||
        !id_range_argument(c, argv[backwards ? 2 : 3], false, &to)) {
        return;
    }
    for (int i = 4; i < argc; i += 2) {
        if (!keel_is(argv[i], "count") || i + 1 == argc) {
            keel_reply_syntax(c);
            return;
        }
        if (!keel_arg_int(c, argv[i + 1], &count)) return;
        if (count < 0) count = 0;
    }
    if (!keel_key_open(c, argv[1], KEEL_KEY_READ, &key)) {
        keel_reply_array(c, 0);
    } else if (!stream_operations.check(c, &key)) {
        return;
    } else if (count == 0) {
        keel_reply_null_array(c);
    } else {
        reply_range(c, keel_key_value(&key), from, to, count < 0 ? 0 : (uint64_t)count, backwards);
    }
}

void streams_xrange(KeelCtx *c, const KeelStr *argv, int argc) {
    range(c, argv, argc, false);
}

void streams_xrevrange(KeelCtx *c, const KeelStr *argv, int argc) {
    range(c, argv, argc, true);
}

void streams_xlen(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    (void)argc;
    bool there = keel_key_open(c, argv[1], KEEL_KEY_READ, &key);
    if (!stream_operations.check(c, &key)) return;
    keel_reply_int(c, there ? (int64_t)((Stream *)keel_key_value(&key))->length : 0);
}

void streams_xdel(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    uint64_t removed = 0;
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key)) {
        keel_reply_int(c, 0);
        return;
    }
    if (!stream_operations.check(c, &key)) return;
    const Id *ids = id_arguments(c, argv, 2, argc);
    if (!ids) return;
    Stream *s = keel_key_value(&key);
    for (int i = 0; i < argc - 2; i++) removed += stream_remove(s, ids[i]);
    if (removed) {
        keel_key_changed(&key, KEEL_NOTIFY_STREAM, "xdel");
        if (removed > 1) keel_dirty_add(c, removed - 1);
    }
    keel_reply_int(c, (int64_t)removed);
}

typedef struct SetId {
    Id last, deleted;
    int64_t added; /* -1: not given */
} SetId;

static bool parse_setid(KeelCtx *c, const KeelStr *argv, int argc, SetId *o) {
    if (!id_strict_argument(c, argv[2], &o->last)) return false;
    for (int i = 3; i < argc; i += 2) {
        bool more = i + 1 < argc;
        if (more && keel_is(argv[i], "entriesadded")) {
            if (!keel_arg_int(c, argv[i + 1], &o->added)) return false;
            if (o->added < 0) {
                keel_reply_error(c, "ERR entries_added must be positive");
                return false;
            }
        } else if (more && keel_is(argv[i], "maxdeletedid")) {
            if (!id_strict_argument(c, argv[i + 1], &o->deleted)) return false;
            if (id_compare(o->last, o->deleted) < 0) {
                keel_reply_error(c, "ERR The ID specified in XSETID is smaller than the provided "
                                 "max_deleted_entry_id");
                return false;
            }
        } else {
            keel_reply_syntax(c);
            return false;
        }
    }
    return true;
}

/* Ids must grow, and more entries cannot be there than were added. */
static const char *setid_refusal(Stream *s, const SetId *o) {
    if (id_compare(o->last, s->max_deleted) < 0) {
        return "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
    }
    if (!s->length) return NULL;
    if (id_compare(o->last, stream_last(s)) < 0) {
        return "ERR The ID specified in XSETID is smaller than the target stream top item";
    }
    if (o->added != -1 && s->length > (uint64_t)o->added) {
        return "ERR The entries_added specified in XSETID is smaller than the target stream length";
    }
    return NULL;
}

void streams_xsetid(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    SetId o = {.added = -1};
    if (!parse_setid(c, argv, argc, &o)) return;
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key)) {
        keel_reply_error(c, "ERR no such key");
        return;
    }
    if (!stream_operations.check(c, &key)) return;
    Stream *s = keel_key_value(&key);
    const char *refusal = setid_refusal(s, &o);
    if (refusal) {
        keel_reply_error(c, refusal);
        return;
    }
    s->last = o.last;
    if (o.added != -1) s->added = (uint64_t)o.added;
    if (!id_is_zero(o.deleted)) s->max_deleted = o.deleted;
    keel_dirty_add(c, 1);
    keel_key_notify(&key, KEEL_NOTIFY_STREAM, "xsetid");
    keel_reply_ok(c);
}
