/* witness.c - WITNESS.EVENTS and WITNESS.JOURNAL: what the server said and wrote since they were
 * last asked. WITNESS.OTHER: a key of a type that no command is for.
 *
 * Tests load it to see keyspace events in their order, and the journal's records as commands, with
 * no need of pub/sub, files or replicas; and to see a type's commands refuse another type's keys
 * where no other type's module is loaded. It is armed from the start, so everything is recorded;
 * asking changes nothing and leaves no trace in what is shown. */
#include <keel.h>
#include <string.h>

/* Replies in protocol form, one after another. */
typedef struct Replies {
    char *bytes;
    size_t len, room, count;
} Replies;

static Replies events, journal;
static int subscriber;

static void add(Replies *r, const void *bytes, size_t len) {
    if (r->room - r->len < len) {
        r->room = (r->len + len) * 2 + 1024;
        r->bytes = keel_realloc(r->bytes, r->room);
    }
    memcpy(r->bytes + r->len, bytes, len);
    r->len += len;
}

static void add_bulk(Replies *r, KeelStr s) {
    char head[KEEL_INT_ROOM + 3] = "$";
    size_t n = 1 + keel_format_int(head + 1, (int64_t)s.len);
    memcpy(head + n, "\r\n", 2);
    add(r, head, n + 2);
    add(r, s.ptr, s.len);
    add(r, "\r\n", 2);
}

static void on_event(KeelCtx *c, const void *data) {
    const KeelKeyEvent *e = data;
    (void)c;
    add(&events, "*2\r\n", 4);
    add_bulk(&events, keel_str(e->event));
    add_bulk(&events, e->name);
    events.count++;
}

static void on_records(const KeelRecord *records, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (records[i].flags & KEEL_JOURNAL_BEGIN) {
            add(&journal, "*1\r\n$5\r\nMULTI\r\n", 15);
            journal.count++;
        }
        add(&journal, records[i].resp.ptr, records[i].resp.len);
        journal.count++;
        if (records[i].flags & KEEL_JOURNAL_END) {
            add(&journal, "*1\r\n$4\r\nEXEC\r\n", 14);
            journal.count++;
        }
    }
}

static void show(KeelCtx *c, Replies *r) {
    keel_reply_array(c, r->count);
    if (r->count) keel_reply_raw(c, (KeelStr){r->bytes, r->len}, r->count);
    r->len = r->count = 0;
}

static void witness_events(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    show(c, &events);
}

static void witness_journal(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_journal_flush();
    show(c, &journal);
}

static void other_free(void *ptr) {
    keel_free(ptr);
}

/* A type with a value that is a byte, and which can be neither saved nor copied. */
static const KeelType other_type = {
    .name = "witness",
    .number = 5,
    .free = other_free,
};

static void witness_other(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    keel_key_set_value(&key, &other_type, keel_alloc(1), KEEL_NO_EXPIRY);
    keel_key_changed(&key, KEEL_NOTIFY_MODULE, "witness.other");
    keel_reply_ok(c);
}

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c;
    (void)argv;
    (void)argc;
    keel_journal_arm(subscriber, true);
    return 0;
}

static int unload(KeelCtx *c) {
    (void)c;
    keel_free(events.bytes);
    keel_free(journal.bytes);
    events = journal = (Replies){0};
    return 0;
}

static const KeelCommand commands[] = {
    { .name = "witness.events", .flags = KEEL_ADMIN, .call = witness_events, .since = "1.0.0",
      .complexity = "O(N) where N is the number of events.",
      .summary = "Returns the keyspace events since the last call, as pairs of event and key." },
    { .name = "witness.journal", .flags = KEEL_ADMIN, .call = witness_journal, .since = "1.0.0",
      .complexity = "O(N) where N is the number of records.",
      .summary = "Returns the commands that were written to the journal since the last call." },
    { .name = "witness.other", .args = "key", .flags = KEEL_WRITE, .call = witness_other,
      .since = "1.0.0", .complexity = "O(1)", .keys = "OW UPDATE",
      .summary = "Makes the key hold a value of a type of its own." },
    { 0 }
};

static const KeelHook hooks[] = {
    { .event = KEEL_EVENT_NOTIFY, .call = on_event },
    { .call = NULL }
};

static const KeelSubscriber subscribers[] = {
    { .name = "witness", .id = &subscriber, .records = on_records },
    { 0 }
};

KEEL_MODULE(.name = "witness", .version = "1.0.0",
            .summary = "Shows tests the keyspace events and the journal.", .commands = commands,
            .types = (const KeelType *const[]){&other_type, NULL}, .hooks = hooks,
            .subscribers = subscribers, .load = load, .unload = unload);
