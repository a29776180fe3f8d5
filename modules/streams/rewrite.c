/* rewrite.c - a stream as the commands that make it, for append-only files. */
#include "streams.h"

static KeelStr id_text(char *room, Id id) {
    size_t len = id_format(room, id);
    return (KeelStr){room, len};
}

static KeelStr int_text(char *room, int64_t v) {
    size_t len = keel_format_int(room, v);
    return (KeelStr){room, len};
}

/* One XADD an entry. */
static int rewrite_entry(KeelSink *sink, KeelStr key, Walk *w) {
    size_t argc = 3, words = 3 + (size_t)w->left * 2;
    KeelStr *argv = keel_alloc(words * (sizeof(KeelStr) + KEEL_INT_ROOM));
    char *digits = (char *)(argv + words), id[KEEL_STREAM_ID_ROOM];
    LpValue pair[2];
    argv[0] = KEEL_LIT("XADD");
    argv[1] = key;
    argv[2] = id_text(id, w->entry.id);
    while (walk_field(w, &pair[0], &pair[1])) {
        for (int i = 0; i < 2; i++, digits += KEEL_INT_ROOM) {
            argv[argc++] = pair[i].ptr ? (KeelStr){pair[i].ptr, pair[i].len}
                                       : int_text(digits, pair[i].number);
        }
    }
    int rc = keel_rewrite_emit(sink, argv, (int)argc);
    keel_free(argv);
    return rc;
}

/* An empty one is made by adding an entry that is trimmed at once. */
static int rewrite_entries(KeelSink *sink, KeelStr key, const Stream *s) {
    Walk w;
    int rc = 0;
    if (!s->length) {
        KeelStr argv[] = {KEEL_LIT("XADD"), key, KEEL_LIT("MAXLEN"), KEEL_LIT("0"),
                          KEEL_LIT("0-1"), KEEL_LIT("x"), KEEL_LIT("y")};
        return keel_rewrite_emit(sink, argv, 7);
    }
    walk_begin(&w, (Stream *)(uintptr_t)s, ID_MIN, ID_MAX, false);
    while (rc == 0 && walk_next(&w)) rc = rewrite_entry(sink, key, &w);
    walk_end(&w);
    return rc;
}

static int rewrite_ids(KeelSink *sink, KeelStr key, const Stream *s) {
    char last[KEEL_STREAM_ID_ROOM], deleted[KEEL_STREAM_ID_ROOM], added[KEEL_INT_ROOM];
    KeelStr argv[] = {KEEL_LIT("XSETID"), key, id_text(last, s->last),
                      KEEL_LIT("ENTRIESADDED"), int_text(added, (int64_t)s->added),
                      KEEL_LIT("MAXDELETEDID"), id_text(deleted, s->max_deleted)};
    return keel_rewrite_emit(sink, argv, 7);
}

static int rewrite_consumer(KeelSink *sink, KeelStr key, KeelStr group, const Consumer *consumer) {
    char id[KEEL_STREAM_ID_ROOM], delivered[KEEL_INT_ROOM], count[KEEL_INT_ROOM];
    if (!consumer->pending.count) {
        KeelStr argv[] = {KEEL_LIT("XGROUP"), KEEL_LIT("CREATECONSUMER"), key, group,
                          consumer->name};
        return keel_rewrite_emit(sink, argv, 5);
    }
    RadixWalk w;
    int rc = 0;
    radix_walk(&w, &consumer->pending);
    for (bool ok = radix_first(&w); ok && rc == 0; ok = radix_next(&w)) {
        const Pending *p = w.value;
        KeelStr argv[] = {KEEL_LIT("XCLAIM"), key, group, consumer->name, KEEL_LIT("0"),
                          id_text(id, id_of_key(w.key.ptr)), KEEL_LIT("TIME"),
                          int_text(delivered, p->delivered), KEEL_LIT("RETRYCOUNT"),
                          int_text(count, (int64_t)p->count), KEEL_LIT("JUSTID"),
                          KEEL_LIT("FORCE")};
        rc = keel_rewrite_emit(sink, argv, 12);
    }
    radix_walk_end(&w);
    return rc;
}

static int rewrite_group(KeelSink *sink, KeelStr key, KeelStr name, const Group *g) {
    char last[KEEL_STREAM_ID_ROOM], read[KEEL_INT_ROOM];
    KeelStr argv[] = {KEEL_LIT("XGROUP"), KEEL_LIT("CREATE"), key, name,
                      id_text(last, g->last), KEEL_LIT("ENTRIESREAD"), int_text(read, g->read)};
    int rc = keel_rewrite_emit(sink, argv, 7);
    RadixWalk w;
    radix_walk(&w, &g->consumers);
    for (bool ok = radix_first(&w); ok && rc == 0; ok = radix_next(&w)) {
        rc = rewrite_consumer(sink, key, name, w.value);
    }
    radix_walk_end(&w);
    return rc;
}

int stream_rewrite(KeelSink *sink, KeelStr key, const KeelValue *v) {
    const Stream *s = v->ptr;
    int rc = rewrite_entries(sink, key, s);
    if (rc == 0) rc = rewrite_ids(sink, key, s);
    RadixWalk w;
    radix_walk(&w, &s->groups);
    for (bool ok = radix_first(&w); ok && rc == 0; ok = radix_next(&w)) {
        rc = rewrite_group(sink, key, w.key, w.value);
    }
    radix_walk_end(&w);
    return rc;
}
