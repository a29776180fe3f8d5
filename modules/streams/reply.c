/* reply.c - entries as replies, and what changes of groups are recorded as.
 *
 * Reading through a group changes it, but a replica must not read for itself: time and order could
 * differ. It gets the result instead, as XCLAIM, XGROUP SETID and XGROUP CREATECONSUMER. */
#include "streams.h"

static void reply_value(KeelCtx *c, LpValue v) {
    if (v.ptr) keel_reply_bulk(c, (KeelStr){v.ptr, v.len}); else keel_reply_bulk_int(c, v.number);
}

void reply_entry(KeelCtx *c, Walk *w) {
    LpValue name, value;
    keel_reply_array(c, 2);
    id_reply(c, w->entry.id);
    keel_reply_array(c, (size_t)w->left * 2);
    while (walk_field(w, &name, &value)) {
        reply_value(c, name);
        reply_value(c, value);
    }
}

bool reply_entry_of(KeelCtx *c, Stream *s, Id id) {
    Walk w;
    walk_begin(&w, s, id, id, false);
    bool found = walk_next(&w);
    if (found) reply_entry(c, &w);
    walk_end(&w);
    return found;
}

void reply_range(KeelCtx *c, Stream *s, Id from, Id to, uint64_t count, bool backwards) {
    KeelDeferred entries = keel_reply_defer_array(c);
    uint64_t n = 0;
    Walk w;
    walk_begin(&w, s, from, to, backwards);
    while (walk_next(&w)) {
        reply_entry(c, &w);
        if (++n == count) break;
    }
    walk_end(&w);
    keel_reply_end(c, entries, n);
}

void reply_no_group(KeelCtx *c, KeelStr key, KeelStr group, const char *more) {
    keel_reply_errorf(c, "NOGROUP No such key '%.*s' or consumer group '%.*s'%s",
                      (int)strnlen(key.ptr, key.len), key.ptr,
                      (int)strnlen(group.ptr, group.len), group.ptr, more);
}

void reply_no_group_in(KeelCtx *c, KeelStr key, KeelStr group) {
    keel_reply_errorf(c, "NOGROUP No such consumer group '%.*s' for key name '%.*s'",
                      (int)strnlen(group.ptr, group.len), group.ptr,
                      (int)strnlen(key.ptr, key.len), key.ptr);
}

void reply_bad_subcommand(KeelCtx *c, const KeelStr *argv) {
    size_t len = strnlen(argv[1].ptr, argv[1].len);
    keel_reply_errorf(c, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s "
                      "HELP.", (int)(len < 128 ? len : 128), argv[1].ptr,
                      keel_is(argv[0], "xinfo") ? "XINFO" : "XGROUP");
}

/* ---- records --------------------------------------------------------------------------------- */

void record_claim(KeelCtx *c, KeelStr key, KeelStr group, const Group *g, KeelStr id,
                  const Pending *p) {
    char last[KEEL_STREAM_ID_ROOM], delivered[KEEL_INT_ROOM], count[KEEL_INT_ROOM];
    KeelStr argv[] = {KEEL_LIT("XCLAIM"), key, group, p->consumer->name, KEEL_LIT("0"), id,
                      KEEL_LIT("TIME"), {delivered, keel_format_int(delivered, p->delivered)},
                      KEEL_LIT("RETRYCOUNT"), {count, keel_format_int(count, (int64_t)p->count)},
                      KEEL_LIT("FORCE"), KEEL_LIT("JUSTID"), KEEL_LIT("LASTID"),
                      {last, id_format(last, g->last)}};
    keel_journal_also(c, keel_db(c), argv, sizeof(argv) / sizeof(*argv));
}

void record_group_id(KeelCtx *c, KeelStr key, KeelStr group, const Group *g) {
    char last[KEEL_STREAM_ID_ROOM], read[KEEL_INT_ROOM];
    KeelStr argv[] = {KEEL_LIT("XGROUP"), KEEL_LIT("SETID"), key, group,
                      {last, id_format(last, g->last)}, KEEL_LIT("ENTRIESREAD"),
                      {read, keel_format_int(read, g->read)}};
    keel_journal_also(c, keel_db(c), argv, sizeof(argv) / sizeof(*argv));
}

void record_consumer(KeelCtx *c, KeelStr key, KeelStr group, KeelStr consumer) {
    KeelStr argv[] = {KEEL_LIT("XGROUP"), KEEL_LIT("CREATECONSUMER"), key, group, consumer};
    keel_journal_also(c, keel_db(c), argv, sizeof(argv) / sizeof(*argv));
}

Consumer *consumer_of(KeelCtx *c, KeelKey *key, Group *g, KeelStr name, bool *added) {
    Consumer *consumer = consumer_find(g, name);
    *added = !consumer;
    if (consumer) return consumer;
    consumer = consumer_add(g, name, keel_now_ms());
    if (!consumer) {
        keel_reply_error(c, "ERR the name of the consumer is too long");
        return NULL;
    }
    keel_dirty_add(c, 1);
    keel_key_notify(key, KEEL_NOTIFY_STREAM, "xgroup-createconsumer");
    return consumer;
}
