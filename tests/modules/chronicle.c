/* chronicle.c - remembers what the journal and the keyspace's events told, for tests to look at.
 *
 *     CHRONICLE.JOURNAL   the commands recorded since the last call: "db command arg ..."
 *     CHRONICLE.EVENTS    the notifications since the last call: "db event key"
 *     CHRONICLE.CHANGES   the keys that were signalled as changed since the last call: "db key"
 */
#include <keel.h>
#include <stdio.h>
#include <string.h>

typedef struct Lines {
    char **at;
    size_t count, room;
} Lines;

static Lines journal, events, changes;
static int subscriber;

static void add(Lines *lines, const char *text, size_t len) {
    if (lines->count == lines->room) {
        lines->room = lines->room * 2 + 16;
        lines->at = keel_realloc(lines->at, lines->room * sizeof(*lines->at));
    }
    lines->at[lines->count++] = keel_strdup((KeelStr){text, len});
}

static void clear(Lines *lines) {
    for (size_t i = 0; i < lines->count; i++) keel_free(lines->at[i]);
    keel_free(lines->at);
    *lines = (Lines){0};
}

static void reply(KeelCtx *c, Lines *lines) {
    keel_reply_array(c, lines->count);
    for (size_t i = 0; i < lines->count; i++) keel_reply_cstr(c, lines->at[i]);
    clear(lines);
}

/* The words of a command in RESP form, blanks between them; long words are cut. The form is longer
 * than that: each word has a "$", a length and two line ends. */
static void record(const KeelRecord *r) {
    size_t room = r->resp.len + 32;
    char *line = keel_alloc(room);
    size_t len = (size_t)snprintf(line, room, "%d", r->db);
    const char *p = r->resp.ptr, *end = p + r->resp.len;
    p = memchr(p, '\n', r->resp.len);
    while (p && ++p < end && *p == '$') {
        int64_t size = 0;
        while (*++p != '\r') size = size * 10 + *p - '0';
        p += 2;
        int fits = size < 64 ? (int)size : 64;
        len += (size_t)snprintf(line + len, room - len, " %.*s", fits, p);
        p += size + 1;
    }
    add(&journal, line, len);
    keel_free(line);
}

static void records(const KeelRecord *r, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (r[i].flags & KEEL_JOURNAL_BEGIN) add(&journal, "MULTI", 5);
        record(&r[i]);
        if (r[i].flags & KEEL_JOURNAL_END) add(&journal, "EXEC", 4);
    }
}

static void notified(KeelCtx *c, const void *data) {
    (void)c;
    const KeelKeyEvent *e = data;
    char line[256];
    int len = snprintf(line, sizeof(line), "%d %s %.*s", e->db, e->event, (int)e->name.len,
                       e->name.ptr);
    add(&events, line, (size_t)len);
}

static void changed(KeelCtx *c, const void *data) {
    (void)c;
    const KeelKeyEvent *e = data;
    char line[256];
    int len = snprintf(line, sizeof(line), "%d %.*s", e->db, (int)e->name.len, e->name.ptr);
    add(&changes, line, (size_t)len);
}

static void chronicle_journal(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    reply(c, &journal);
}

static void chronicle_events(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    reply(c, &events);
}

static void chronicle_changes(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    reply(c, &changes);
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
    keel_journal_arm(subscriber, false);
    clear(&journal);
    clear(&events);
    clear(&changes);
    return 0;
}

static const KeelCommand commands[] = {
    {.name = "chronicle.journal", .flags = KEEL_READONLY, .call = chronicle_journal,
     .summary = "Returns what was journalled since it was last called.", .since = "1.0.0",
     .complexity = "O(N)"},
    {.name = "chronicle.events", .flags = KEEL_READONLY, .call = chronicle_events,
     .summary = "Returns what was notified since it was last called.", .since = "1.0.0",
     .complexity = "O(N)"},
    {.name = "chronicle.changes", .flags = KEEL_READONLY, .call = chronicle_changes,
     .summary = "Returns the keys changed since it was last called.", .since = "1.0.0",
     .complexity = "O(N)"},
    {0},
};

static const KeelHook hooks[] = {
    {.event = KEEL_EVENT_NOTIFY, .call = notified},
    {.event = KEEL_EVENT_KEY_CHANGED, .call = changed},
    {0},
};

static const KeelSubscriber subscribers[] = {
    {.name = "chronicle", .id = &subscriber, .records = records},
    {0},
};

KEEL_MODULE(.name = "chronicle", .version = "1.0.0", .summary = "Shows tests what was journalled.",
            .commands = commands, .hooks = hooks, .subscribers = subscribers, .load = load,
            .unload = unload);
