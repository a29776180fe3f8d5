/* claim.c - XCLAIM, XAUTOCLAIM and XPENDING: looking at what consumers left lying, and taking it
 * over.
 *
 * Claims are recorded as what came of them, one XCLAIM an entry with time, count and the group's
 * last id, so that those who follow need no clock. */
#include "streams.h"

/* Opens a stream for reading and finds the group. NULL: NOGROUP or WRONGTYPE was replied. */
static Group *open_group(KeelCtx *c, const KeelStr *argv, KeelKey *key) {
    bool there = keel_key_open(c, argv[1], KEEL_KEY_READ, key);
    if (!stream_operations.check(c, key)) return NULL;
    Group *g = there ? group_find(keel_key_value(key), argv[2]) : NULL;
    if (!g) reply_no_group(c, argv[1], argv[2], "");
    return g;
}

static bool parse_number(KeelCtx *c, KeelStr text, int64_t *out, const char *error) {
    if (keel_parse_int(text, out)) return true;
    keel_reply_error(c, error);
    return false;
}

static bool idle_enough(const Pending *p, int64_t min) {
    return !min || elapsed(keel_now_ms(), p->delivered) >= min;
}

static void record(KeelCtx *c, const KeelStr *argv, const Group *g, const Pending *p, KeelStr id) {
    keel_dirty_add(c, 1);
    if (keel_journal_wanted(c)) record_claim(c, argv[1], argv[2], g, id, p);
}

/* ---- XCLAIM ---------------------------------------------------------------------------------- */

typedef struct Claim {
    int64_t min_idle, retries; /* retries -1: count on */
    int64_t delivered;         /* -1: now */
    bool force, just_id;
    Id last;
    int ids;                   /* how many */
} Claim;

static bool parse_claim_option(KeelCtx *c, const KeelStr *argv, int argc, int *i, Claim *o) {
    bool more = *i + 1 < argc;
    KeelStr word = argv[*i];
    if (keel_is(word, "force")) {
        o->force = true;
    } else if (keel_is(word, "justid")) {
        o->just_id = true;
    } else if (more && keel_is(word, "idle")) {
        if (!parse_number(c, argv[++*i], &o->delivered,
                          "ERR Invalid IDLE option argument for XCLAIM")) {
            return false;
        }
        o->delivered = elapsed(keel_now_ms(), o->delivered);
    } else if (more && keel_is(word, "time")) {
        return parse_number(c, argv[++*i], &o->delivered,
                            "ERR Invalid TIME option argument for XCLAIM");
    } else if (more && keel_is(word, "retrycount")) {
        return parse_number(c, argv[++*i], &o->retries,
                            "ERR Invalid RETRYCOUNT option argument for XCLAIM");
    } else if (more && keel_is(word, "lastid")) {
        return id_strict_argument(c, argv[++*i], &o->last);
    } else {
        keel_reply_errorf(c, "ERR Unrecognized XCLAIM option '%.*s'",
                          (int)strnlen(word.ptr, word.len), word.ptr);
        return false;
    }
    return true;
}

/* Ids come first; the first word that is none begins the options. */
static bool parse_claim(KeelCtx *c, const KeelStr *argv, int argc, Claim *o) {
    int64_t now = keel_now_ms();
    Id id;
    *o = (Claim){.retries = -1, .delivered = -1};
    if (!parse_number(c, argv[4], &o->min_idle, "ERR Invalid min-idle-time argument for XCLAIM")) {
        return false;
    }
    if (o->min_idle < 0) o->min_idle = 0;
    int i = 5;
    while (i < argc && id_parse(argv[i], 0, true, NULL, &id)) i++;
    o->ids = i - 5;
    for (; i < argc; i++) {
        if (!parse_claim_option(c, argv, argc, &i, o)) return false;
    }
    /* Clients compute times on clocks of their own: one that makes no sense is now. */
    if (o->delivered < 0 || o->delivered > now) o->delivered = now;
    return true;
}

/* Whether the entry was given to the consumer. */
static bool claim(Group *g, Consumer *consumer, Id id, const Claim *o) {
    Pending *p = pending_find(g, id);
    if (!p) {
        if (!o->force) return false;
        p = pending_give(g, NULL, id, o->delivered);
    } else if (!idle_enough(p, o->min_idle)) {
        return false;
    }
    p->delivered = o->delivered;
    if (o->retries >= 0) p->count = (uint64_t)o->retries; else if (!o->just_id) p->count++;
    pending_move(p, consumer, id);
    consumer->active = keel_now_ms();
    return true;
}

void streams_xclaim(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    Claim o;
    Id id;
    bool added;
    Group *g = open_group(c, argv, &key);
    if (!g || !parse_claim(c, argv, argc, &o)) return;
    keel_journal_nothing(c);
    Stream *s = keel_key_value(&key);
    bool moved = id_compare(o.last, g->last) > 0;
    if (moved) g->last = o.last;
    Consumer *consumer = consumer_of(c, &key, g, argv[3], &added);
    if (!consumer) return;
    consumer->seen = keel_now_ms();
    KeelDeferred claimed = keel_reply_defer_array(c);
    size_t n = 0;
    for (int i = 0; i < o.ids; i++) {
        id_parse(argv[5 + i], 0, true, NULL, &id);
        if (!stream_has(s, id)) {
            Pending *p = pending_find(g, id);
            if (!p) continue;
            record(c, argv, g, p, argv[5 + i]);
            moved = false;
            pending_remove(g, p, id);
        } else if (claim(g, consumer, id, &o)) {
            if (o.just_id) id_reply(c, id); else reply_entry_of(c, s, id);
            record(c, argv, g, pending_find(g, id), argv[5 + i]);
            moved = false;
            n++;
        }
    }
    if (moved) {
        keel_dirty_add(c, 1);
        if (keel_journal_wanted(c)) record_group_id(c, argv[1], argv[2], g);
    }
    keel_reply_end(c, claimed, n);
}

/* ---- XAUTOCLAIM ------------------------------------------------------------------------------ */

#define ATTEMPTS 10 /* entries looked at for each that may be claimed */

typedef struct AutoClaim {
    int64_t min_idle, count;
    Id from;
    bool just_id;
} AutoClaim;

static bool parse_autoclaim(KeelCtx *c, const KeelStr *argv, int argc, AutoClaim *o) {
    *o = (AutoClaim){.count = 100};
    if (!parse_number(c, argv[4], &o->min_idle,
                      "ERR Invalid min-idle-time argument for XAUTOCLAIM")) {
        return false;
    }
    if (o->min_idle < 0) o->min_idle = 0;
    if (!id_range_argument(c, argv[5], true, &o->from)) return false;
    for (int i = 6; i < argc; i++) {
        if (i + 1 < argc && keel_is(argv[i], "count")) {
            if (!parse_number(c, argv[++i], &o->count, "ERR COUNT must be > 0")) return false;
            if (o->count < 1 || o->count > INT64_MAX / 16) {
                keel_reply_error(c, "ERR COUNT must be > 0");
                return false;
            }
        } else if (keel_is(argv[i], "justid")) {
            o->just_id = true;
        } else {
            keel_reply_syntax(c);
            return false;
        }
    }
    return true;
}

/* Ids that grow in number with what is found, not with what was asked for. */
typedef struct Ids {
    Id *all;
    size_t n, room;
} Ids;

static void ids_add(Ids *ids, Id id) {
    if (ids->n == ids->room) {
        ids->room = ids->room * 2 + 16;
        ids->all = keel_realloc(ids->all, sizeof(*ids->all) * ids->room);
    }
    ids->all[ids->n++] = id;
}

/* Goes through what is pending, taking over what is idle. Returns where to go on; 0-0: nowhere. */
static Id take_over(KeelCtx *c, const KeelStr *argv, Stream *s, Group *g, Consumer *consumer,
                    const AutoClaim *o, Ids *claimed, Ids *deleted) {
    int64_t attempts = o->count * ATTEMPTS, count = o->count;
    IdKey key = id_key(o->from);
    Id next = ID_MIN;
    char room[KEEL_STREAM_ID_ROOM];
    RadixWalk w;
    radix_walk(&w, &g->pending);
    bool ok = radix_seek(&w, RADIX_GE, id_key_str(&key));
    for (; ok && attempts && count; ok = radix_next(&w), attempts--) {
        Pending *p = w.value;
        Id id = id_of_key(w.key.ptr);
        size_t len = id_format(room, id);
        KeelStr text = {room, len};
        if (!stream_has(s, id)) {
            record(c, argv, g, p, text);
            pending_remove(g, p, id);
            ids_add(deleted, id);
            count--;
            continue;
        }
        if (!idle_enough(p, o->min_idle)) continue;
        p->delivered = keel_now_ms();
        if (!o->just_id) p->count++;
        pending_move(p, consumer, id);
        consumer->active = keel_now_ms();
        ids_add(claimed, id);
        count--;
        record(c, argv, g, p, text);
    }
    if (ok) next = id_of_key(w.key.ptr);
    radix_walk_end(&w);
    return next;
}

void streams_xautoclaim(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    AutoClaim o;
    Ids claimed = {0}, deleted = {0};
    bool added;
    if (!parse_autoclaim(c, argv, argc, &o)) return;
    Group *g = open_group(c, argv, &key);
    if (!g) return;
    keel_journal_nothing(c);
    Stream *s = keel_key_value(&key);
    Consumer *consumer = consumer_of(c, &key, g, argv[3], &added);
    if (!consumer) return;
    consumer->seen = keel_now_ms();
    Id next = take_over(c, argv, s, g, consumer, &o, &claimed, &deleted);
    keel_reply_array(c, 3);
    id_reply(c, next);
    keel_reply_array(c, claimed.n);
    for (size_t i = 0; i < claimed.n; i++) {
        if (o.just_id) id_reply(c, claimed.all[i]); else reply_entry_of(c, s, claimed.all[i]);
    }
    keel_reply_array(c, deleted.n);
    for (size_t i = 0; i < deleted.n; i++) id_reply(c, deleted.all[i]);
    keel_free(claimed.all);
    keel_free(deleted.all);
}

/* ---- XPENDING -------------------------------------------------------------------------------- */

static void reply_edge(KeelCtx *c, RadixWalk *w, bool found) {
    if (found) id_reply(c, id_of_key(w->key.ptr)); else keel_reply_null(c);
}

static void reply_summary(KeelCtx *c, const Group *g) {
    RadixWalk w;
    keel_reply_array(c, 4);
    keel_reply_int(c, (int64_t)g->pending.count);
    radix_walk(&w, &g->pending);
    reply_edge(c, &w, radix_first(&w));
    reply_edge(c, &w, radix_last(&w));
    radix_walk_end(&w);
    if (!g->pending.count) {
        keel_reply_null_array(c);
        return;
    }
    KeelDeferred consumers = keel_reply_defer_array(c);
    size_t n = 0;
    radix_walk(&w, &g->consumers);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        const Consumer *consumer = w.value;
        if (!consumer->pending.count) continue;
        keel_reply_array(c, 2);
        keel_reply_bulk(c, consumer->name);
        keel_reply_bulk_int(c, (int64_t)consumer->pending.count);
        n++;
    }
    radix_walk_end(&w);
    keel_reply_end(c, consumers, n);
}

typedef struct PendingOptions {
    int64_t min_idle, count;
    Id from, to;
    const KeelStr *consumer; /* NULL: all */
} PendingOptions;

static bool parse_pending(KeelCtx *c, const KeelStr *argv, int argc, PendingOptions *o) {
    int at = 3;
    *o = (PendingOptions){0};
    if (argc < 6 || argc > 9) {
        keel_reply_syntax(c);
        return false;
    }
    if (keel_is(argv[3], "idle")) {
        if (!keel_arg_int(c, argv[4], &o->min_idle)) return false;
        if (argc < 8) {
            keel_reply_syntax(c);
            return false;
        }
        at = 5;
    }
    if (!keel_arg_int(c, argv[at + 2], &o->count)) return false;
    if (o->count < 0) o->count = 0;
    if (at + 3 < argc) o->consumer = &argv[at + 3];
    return id_range_argument(c, argv[at], true, &o->from) &&
           id_range_argument(c, argv[at + 1], false, &o->to);
}

static void reply_pending(KeelCtx *c, const Group *g, const PendingOptions *o) {
    const Radix *pending = &g->pending;
    if (o->consumer) {
        const Consumer *consumer = consumer_find(g, *o->consumer);
        if (!consumer) {
            keel_reply_array(c, 0);
            return;
        }
        pending = &consumer->pending;
    }
    KeelDeferred entries = keel_reply_defer_array(c);
    int64_t n = 0;
    IdKey from = id_key(o->from);
    RadixWalk w;
    radix_walk(&w, pending);
    bool ok = radix_seek(&w, RADIX_GE, id_key_str(&from));
    for (; ok && n < o->count; ok = radix_next(&w)) {
        const Pending *p = w.value;
        Id id = id_of_key(w.key.ptr);
        if (id_compare(id, o->to) > 0) break;
        if (!idle_enough(p, o->min_idle)) continue;
        int64_t idle = elapsed(keel_now_ms(), p->delivered);
        keel_reply_array(c, 4);
        id_reply(c, id);
        keel_reply_bulk(c, p->consumer->name);
        keel_reply_int(c, idle < 0 ? 0 : idle);
        keel_reply_int(c, (int64_t)p->count);
        n++;
    }
    radix_walk_end(&w);
    keel_reply_end(c, entries, (size_t)n);
}

void streams_xpending(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    PendingOptions o;
    if (argc != 3 && !parse_pending(c, argv, argc, &o)) return;
    Group *g = open_group(c, argv, &key);
    if (!g) return;
    if (argc == 3) reply_summary(c, g); else reply_pending(c, g, &o);
}
