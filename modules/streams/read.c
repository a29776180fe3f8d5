/* read.c - XREAD and XREADGROUP: what came after an id, from several streams, waiting for it if
 * asked to.
 *
 * A client that waits gets its command tried again, whole, when something happens to one of the
 * keys: it is served by all streams that have something by then. What "$" meant is kept from the
 * first time. XREADGROUP is tried also when a key goes or changes its type, or a group is
 * destroyed, and then answers with the error. A client that waits in vain goes on waiting.
 *
 * Reading through a group is recorded as its result (reply.c), never as the command. */
#include "streams.h"

enum { OWN = 8 }; /* streams that a command may name without an allocation */

typedef struct Source {
    KeelKey key;
    Id after;
    Group *group;
    bool fresh; /* ">" */
} Source;

typedef struct Reading {
    bool by_group, no_ack;
    int64_t count;       /* 0: all */
    int64_t timeout;     /* milliseconds; -1: does not wait */
    KeelStr group, consumer;
    int at, n;           /* the first key, and how many */
    Source own[OWN], *sources;
} Reading;

/* What a wait keeps: the ids that "$" stood for. */
typedef struct Waiting {
    int n;
    Id ids[];
} Waiting;

static bool is_char(KeelStr s, char ch) {
    return s.len == 1 && *s.ptr == ch;
}

/* ---- arguments ------------------------------------------------------------------------------- */

static bool parse_timeout(KeelCtx *c, KeelStr text, int64_t *out) {
    const char *error = NULL;
    if (!keel_parse_int(text, out)) {
        error = "ERR timeout is not an integer or out of range";
    } else if (*out < 0) {
        error = "ERR timeout is negative";
    } else if (*out > INT64_MAX - keel_now_ms()) {
        error = "ERR timeout is out of range";
    }
    if (error) keel_reply_error(c, error);
    return !error;
}

static bool parse_streams(KeelCtx *c, int at, int argc, Reading *r) {
    int words = argc - at;
    r->at = at;
    r->n = words / 2;
    if (words % 2 == 0) return true;
    keel_reply_errorf(c, "ERR Unbalanced '%s' list of streams: for each stream key an ID or '%c' "
                      "must be specified.", r->by_group ? "xreadgroup" : "xread",
                      r->by_group ? '>' : '$');
    return false;
}

static bool only_by_group(KeelCtx *c, const Reading *r, const char *option) {
    if (r->by_group) return true;
    keel_reply_errorf(c, "ERR The %s option is only supported by XREADGROUP. You called XREAD "
                      "instead.", option);
    return false;
}

static bool parse(KeelCtx *c, const KeelStr *argv, int argc, Reading *r) {
    for (int i = 1; i < argc && !r->at; i++) {
        int more = argc - i - 1;
        if (more && keel_is(argv[i], "block")) {
            if (!parse_timeout(c, argv[++i], &r->timeout)) return false;
        } else if (more && keel_is(argv[i], "count")) {
            if (!keel_arg_int(c, argv[++i], &r->count)) return false;
            if (r->count < 0) r->count = 0;
        } else if (more && keel_is(argv[i], "streams")) {
            if (!parse_streams(c, i + 1, argc, r)) return false;
        } else if (more >= 2 && keel_is(argv[i], "group")) {
            if (!only_by_group(c, r, "GROUP")) return false;
            r->group = argv[++i];
            r->consumer = argv[++i];
        } else if (keel_is(argv[i], "noack")) {
            if (!only_by_group(c, r, "NOACK")) return false;
            r->no_ack = true;
        } else {
            keel_reply_syntax(c);
            return false;
        }
    }
    if (!r->at) {
        keel_reply_syntax(c);
        return false;
    }
    if (r->by_group && !r->group.ptr) {
        keel_reply_error(c, "ERR Missing GROUP option for XREADGROUP");
        return false;
    }
    return true;
}

/* Opens a key and finds out after which id to read. */
static bool resolve(KeelCtx *c, const KeelStr *argv, Reading *r, int i, const Waiting *w) {
    Source *s = &r->sources[i];
    KeelStr name = argv[r->at + i], id = argv[r->at + r->n + i];
    bool there = keel_key_open(c, name, KEEL_KEY_READ, &s->key);
    if (!stream_operations.check(c, &s->key)) return false;
    Stream *stream = there ? keel_key_value(&s->key) : NULL;
    s->group = NULL;
    s->fresh = false;
    s->after = ID_MIN;
    if (r->by_group && !(stream && (s->group = group_find(stream, r->group)))) {
        reply_no_group(c, name, r->group, " in XREADGROUP with GROUP option");
        return false;
    }
    if (is_char(id, '$')) {
        if (!r->by_group) {
            if (w) s->after = w->ids[i]; else if (stream) s->after = stream->last;
            return true;
        }
        keel_reply_error(c, "ERR The $ ID is meaningless in the context of XREADGROUP: you want to "
                         "read the history of this consumer by specifying a proper ID, or use the "
                         "> ID to get new messages. The $ ID would just return an empty result "
                         "set.");
        return false;
    }
    if (is_char(id, '>')) {
        s->fresh = true;
        if (r->by_group) return true;
        keel_reply_error(c, "ERR The > ID can be specified only when calling XREADGROUP using the "
                         "GROUP <group> <consumer> option.");
        return false;
    }
    if (!id_strict_argument(c, id, &s->after)) return false;
    s->fresh = r->by_group && id_compare(s->after, ID_MAX) == 0; /* Redis's ">" in figures */
    return true;
}

/* ---- serving --------------------------------------------------------------------------------- */

/* What was delivered to the consumer and not acknowledged, delivered again. */
static void reply_history(KeelCtx *c, Stream *s, Consumer *consumer, Id from, uint64_t count) {
    KeelDeferred entries = keel_reply_defer_array(c);
    uint64_t n = 0;
    IdKey key = id_key(from);
    RadixWalk w;
    radix_walk(&w, &consumer->pending);
    bool ok = radix_seek(&w, RADIX_GE, id_key_str(&key));
    for (; ok && (!count || n < count); ok = radix_next(&w), n++) {
        Id id = id_of_key(w.key.ptr);
        if (reply_entry_of(c, s, id)) {
            Pending *p = w.value;
            p->delivered = keel_now_ms();
            p->count++;
        } else { /* it was deleted meanwhile */
            keel_reply_array(c, 2);
            id_reply(c, id);
            keel_reply_null_array(c);
        }
    }
    radix_walk_end(&w);
    keel_reply_end(c, entries, n);
}

static void advance(const Stream *s, Group *g, Id id) {
    if (g->read != READ_UNKNOWN && !stream_has_holes(s, id)) {
        g->read = (int64_t)((uint64_t)g->read + 1); /* anybody may have set it to anything */
    } else if (s->added) {
        g->read = stream_distance(s, id);
    }
    g->last = id;
}

static void give(KeelCtx *c, const Reading *r, const Source *source, Consumer *consumer, Id id) {
    char text[KEEL_STREAM_ID_ROOM];
    Pending *p = pending_give(source->group, consumer, id, keel_now_ms());
    consumer->active = keel_now_ms();
    if (!keel_journal_wanted(c)) return;
    record_claim(c, source->key.name, r->group, source->group,
                 (KeelStr){text, id_format(text, id)}, p);
}

/* Entries that nobody of the group was given yet. */
static void reply_fresh(KeelCtx *c, const Reading *r, const Source *source, Stream *s,
                        Consumer *consumer, Id from) {
    KeelDeferred entries = keel_reply_defer_array(c);
    Group *g = source->group;
    uint64_t n = 0;
    bool moved = false;
    Walk w;
    walk_begin(&w, s, from, ID_MAX, false);
    while (walk_next(&w)) {
        if (id_compare(w.entry.id, g->last) > 0) {
            advance(s, g, w.entry.id);
            moved = true;
        }
        Id id = w.entry.id;
        reply_entry(c, &w);
        if (!r->no_ack) give(c, r, source, consumer, id);
        if (++n == (uint64_t)r->count) break;
    }
    walk_end(&w);
    keel_reply_end(c, entries, n);
    if (moved && keel_journal_wanted(c)) record_group_id(c, source->key.name, r->group, g);
}

static Consumer *reader(KeelCtx *c, const Reading *r, Source *source) {
    bool added;
    Consumer *consumer = consumer_of(c, &source->key, source->group, r->consumer, &added);
    if (!consumer) return NULL;
    if (added && r->no_ack) record_consumer(c, source->key.name, r->group, r->consumer);
    consumer->seen = keel_now_ms();
    return consumer;
}

/* Whether a stream has something behind this id. */
static bool has_after(Stream *s, Id id) {
    return s->length && id_compare(s->last, id) > 0 && id_compare(stream_last(s), id) > 0;
}

typedef struct Served {
    KeelDeferred all;
    size_t n;
} Served;

static void serve_begin(KeelCtx *c, Served *served, KeelStr name) {
    bool map = keel_reply_protocol(c) == 3;
    if (!served->n++) served->all = map ? keel_reply_defer_map(c) : keel_reply_defer_array(c);
    if (!map) keel_reply_array(c, 2);
    keel_reply_bulk(c, name);
}

/* False: an error was replied. */
static bool serve(KeelCtx *c, const Reading *r, Source *source, Served *served) {
    if (!keel_key_exists(&source->key)) return true;
    Stream *s = keel_key_value(&source->key);
    Consumer *consumer = NULL;
    if (source->fresh) source->after = source->group->last;
    if (r->by_group && !(consumer = reader(c, r, source))) return false;
    if ((!r->by_group || source->fresh) && !has_after(s, source->after)) return true;
    Id from = source->after;
    bool more = id_increment(&from);
    serve_begin(c, served, source->key.name);
    if (!r->by_group) {
        reply_range(c, s, from, more ? ID_MAX : ID_MIN, (uint64_t)r->count, false);
    } else if (source->fresh) {
        keel_dirty_add(c, 1); /* history changes nothing that is worth a record */
        reply_fresh(c, r, source, s, consumer, from);
    } else {
        reply_history(c, s, consumer, from, (uint64_t)r->count);
    }
    return true;
}

typedef enum Outcome { REPLIED, NOTHING } Outcome;

static Outcome read_streams(KeelCtx *c, const KeelStr *argv, int argc, Reading *r,
                            const Waiting *w) {
    Served served = {.n = 0};
    if (!parse(c, argv, argc, r)) return REPLIED;
    if (r->by_group) keel_journal_nothing(c);
    if (r->n > OWN) r->sources = keel_alloc(sizeof(*r->sources) * (size_t)r->n);
    for (int i = 0; i < r->n; i++) {
        if (!resolve(c, argv, r, i, w)) return REPLIED;
    }
    for (int i = 0; i < r->n; i++) {
        if (!serve(c, r, &r->sources[i], &served)) {
            keel_reply_undo(c);
            keel_reply_error(c, "ERR the name of the consumer is too long");
            return REPLIED;
        }
    }
    if (!served.n) return NOTHING;
    keel_reply_end(c, served.all, served.n);
    return REPLIED;
}

static void reading_init(Reading *r, bool by_group) {
    r->by_group = by_group;
    r->no_ack = false;
    r->count = 0;
    r->timeout = -1;
    r->group.ptr = NULL;
    r->at = r->n = 0;
    r->sources = r->own;
}

static void reading_end(Reading *r) {
    if (r->sources != r->own) keel_free(r->sources);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool try_again(KeelCtx *c, const KeelStr *argv, int argc, KeelStr name, void *data) {
    Reading r;
    KeelKey key;
    reading_init(&r, !data);
    /* Other values than streams do not concern who reads without a group. */
    if (data && !(keel_key_open(c, name, KEEL_KEY_READ | KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS,
                                &key) && keel_key_is(&key, &streams_type))) {
        return false;
    }
    bool replied = read_streams(c, argv, argc, &r, data) == REPLIED;
    reading_end(&r);
    return replied;
}

static void wait_or_end(KeelCtx *c, const KeelStr *argv, const Reading *r) {
    Waiting *w = NULL;
    if (r->timeout >= 0 && !keel_block_denied(c)) {
        if (!r->by_group) {
            w = keel_alloc(sizeof(*w) + sizeof(Id) * (size_t)r->n);
            w->n = r->n;
            for (int i = 0; i < r->n; i++) w->ids[i] = r->sources[i].after;
        }
        KeelBlock block = {.size = sizeof(block), .keys = argv + r->at, .key_count = r->n,
                           .deadline_ms = r->timeout ? keel_now_ms() + r->timeout : 0,
                           .retry = try_again, .free = keel_free, .data = w,
                           .on_delete = r->by_group};
        if (keel_block(c, &block)) return;
        keel_free(w);
    }
    keel_reply_null_array(c);
}

static void read_command(KeelCtx *c, const KeelStr *argv, int argc, bool by_group) {
    Reading r;
    reading_init(&r, by_group);
    if (read_streams(c, argv, argc, &r, NULL) == NOTHING) wait_or_end(c, argv, &r);
    reading_end(&r);
}

void streams_xread(KeelCtx *c, const KeelStr *argv, int argc) {
    read_command(c, argv, argc, false);
}

void streams_xreadgroup(KeelCtx *c, const KeelStr *argv, int argc) {
    read_command(c, argv, argc, true);
}
