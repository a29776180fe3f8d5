/* api_stage.c - STAGE.*: databases that nobody sees, and files that load aside while the dataset in
 * use is served. Provides "snapshot.functions" too, so that what is no key is seen to be staged. */
#include <keel.h>
#include <keel/snapshot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const KeelSnapshotOps *ops;

static void started(KeelCtx *c, const void *data) {
    (void)c, (void)data;
    ops = keel_interface("snapshot", KEEL_SNAPSHOT_VERSION);
}

/* ---- the stage by hand ----------------------------------------------------------------------- */

/* STAGE.BEGIN */
static void stage_begin(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_int(c, keel_stage_begin());
}

/* STAGE.SET db key value [ms]: into the stage. */
static void stage_set(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t db, expiry = KEEL_NO_EXPIRY;
    int before = keel_db(c);
    if (!keel_stage_there() || !keel_parse_int(argv[1], &db) ||
        (argc > 4 && !keel_parse_int(argv[4], &expiry))) {
        keel_reply_error(c, "ERR no stage, or no number");
        return;
    }
    keel_stage_enter(c);
    bool selected = keel_db_select(c, (int)db);
    if (selected) {
        keel_db_reserve(c, 1);
        keel_key_open(c, argv[2], KEEL_KEY_WRITE, &key);
        keel_key_set_bytes(&key, keel_type_by_name(KEEL_LIT("string")), argv[3], expiry);
        keel_key_notify(&key, KEEL_NOTIFY_STRING, "set");
    }
    int now = keel_db(c);
    keel_stage_leave(c);
    keel_db_select(c, before);
    if (selected && now == (int)db) keel_reply_ok(c);
    else keel_reply_error(c, "ERR the database was not selected");
}

/* STAGE.GET db key: what is there, looked up in the context's database and by number. */
static void stage_get(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key, same;
    int64_t db;
    char scratch[KEEL_INT_ROOM];
    (void)argc;
    if (!keel_stage_there() || !keel_parse_int(argv[1], &db)) {
        keel_reply_error(c, "ERR no stage, or no number");
        return;
    }
    keel_stage_enter(c);
    int before = keel_db(c);
    bool there = keel_key_open_in(c, (int)db, argv[2], KEEL_KEY_READ, &same);
    keel_db_select(c, (int)db);
    bool again = keel_key_open(c, argv[2], KEEL_KEY_READ, &key);
    keel_stage_leave(c);
    keel_db_select(c, before);
    if (there != again) keel_reply_error(c, "ERR there by one way and not by the other");
    else if (there) keel_reply_bulk(c, keel_key_bytes(&key, scratch));
    else keel_reply_null(c);
}

/* STAGE.DEL db key */
static void stage_del(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t db = 0;
    (void)argc;
    keel_parse_int(argv[1], &db);
    keel_stage_enter(c);
    keel_key_open_in(c, (int)db, argv[2], KEEL_KEY_WRITE, &key);
    bool was = keel_key_delete(&key, true);
    keel_stage_leave(c);
    keel_reply_int(c, was);
}

/* STAGE.SWAP */
static void stage_swap(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_stage_swap(c);
    keel_reply_ok(c);
}

/* STAGE.END 0|1 (lazy) */
static void stage_end(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    keel_stage_end(keel_is(argv[1], "1"));
    keel_reply_ok(c);
}

/* ---- what is no key -------------------------------------------------------------------------- */

enum { TEXTS = 8 };
typedef struct Texts {
    char *text[TEXTS];
    int count;
} Texts;
static Texts in_use, staged;
static Texts *loads_into = &in_use;

static void forget(Texts *t) {
    for (int i = 0; i < t->count; i++) keel_free(t->text[i]);
    t->count = 0;
}

static int part_save(KeelSink *sink, bool after_keys, int (*emit)(KeelSink *, KeelStr)) {
    (void)after_keys;
    for (int i = 0; i < in_use.count; i++) emit(sink, keel_str(in_use.text[i]));
    return sink->failed ? -1 : 0;
}

static int part_load(KeelCtx *c, KeelSource *source, KeelStr item, bool merge) {
    (void)c, (void)merge;
    if (loads_into->count == TEXTS) return keel_load_fail(source, "too many texts");
    loads_into->text[loads_into->count++] = keel_strdup(item);
    return 0;
}

static void part_flush(KeelCtx *c) {
    (void)c;
    forget(&in_use);
}

static void part_stage(KeelCtx *c, KeelStageStep step) {
    (void)c;
    loads_into = step == KEEL_STAGE_BEGIN ? &staged : &in_use;
    if (step == KEEL_STAGE_TAKE) {
        forget(&in_use);
        in_use = staged;
        staged.count = 0;
    }
    forget(&staged);
}

static bool refuses;
static const char *part_refused(bool aside) {
    return refuses ? aside ? "there are modules that refuse to" : "it may break off" : NULL;
}

static const KeelSnapshotPart part = {
    .size = sizeof(part), .save = part_save, .load = part_load, .flush = part_flush,
    .stage = part_stage, .refused = part_refused};

/* STAGE.TEXTS [text ...]: those in use; with arguments, sets them. */
static void stage_texts(KeelCtx *c, const KeelStr *argv, int argc) {
    if (argc > 1) {
        forget(&in_use);
        for (int i = 1; i < argc && i <= TEXTS; i++) {
            in_use.text[in_use.count++] = keel_strdup(argv[i]);
        }
    }
    keel_reply_array(c, (size_t)in_use.count);
    for (int i = 0; i < in_use.count; i++) keel_reply_bulk(c, keel_str(in_use.text[i]));
}

/* STAGE.REFUSES 0|1, and what the snapshot module says of it: in place, aside. */
static void stage_refuses(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    refuses = keel_is(argv[1], "1");
    const char *place = ops->load_refused(false), *aside = ops->load_refused(true);
    keel_reply_array(c, 2);
    keel_reply_bulk(c, keel_str(place ? place : ""));
    keel_reply_bulk(c, keel_str(aside ? aside : ""));
}

/* ---- files ----------------------------------------------------------------------------------- */

typedef struct Load {
    KeelSource source;
    FILE *file;
    char path[512];
    bool aside, serving, verdict;
} Load;

static char result[256] = "none";

static int read_file(KeelSource *source, void *bytes, size_t len) {
    return fread(bytes, 1, len, ((Load *)source)->file) == len ? 0 : -1;
}

static bool begin(KeelCtx *c, const Load *l, uint64_t size) {
    if (l->aside) return ops->load_begin_aside(c, "replica", size, l->serving);
    ops->load_begin(c, "replica", size);
    return true;
}

static void run(KeelCtx *c, void *data) {
    Load *l = data;
    KeelLoadOptions o = {.size = sizeof(o), .keep_expired = true};
    KeelLoadResult r = {0};
    l->file = fopen(l->path, "rb");
    fseek(l->file, 0, SEEK_END);
    l->source.limit = (uint64_t)ftell(l->file);
    rewind(l->file);
    l->source.read = read_file;
    if (!begin(c, l, l->source.limit)) {
        snprintf(result, sizeof(result), "not begun");
    } else {
        bool good = ops->load(c, &l->source, &o, &r) == 0;
        snprintf(result, sizeof(result), "%s %llu", good ? "good" : "bad",
                 (unsigned long long)r.keys);
        if (keel_db(c) != 0) snprintf(result, sizeof(result), "in a wrong database");
        ops->load_end(c, good && l->verdict);
    }
    fclose(l->file);
    keel_free(l);
}

/* STAGE.LOAD path serving|closed|place [keep|drop]: begins when this command is over; with "drop"
 * the loader finds the data no good when all of it came. */
static void stage_load(KeelCtx *c, const KeelStr *argv, int argc) {
    Load *l = keel_zalloc(sizeof(*l));
    snprintf(l->path, sizeof(l->path), "%s", argv[1].ptr);
    l->serving = keel_is(argv[2], "serving");
    l->aside = !keel_is(argv[2], "place");
    l->verdict = argc < 4 || !keel_is(argv[3], "drop");
    FILE *f = fopen(l->path, "rb");
    if (!f) {
        keel_free(l);
        keel_reply_error(c, "ERR no such file");
        return;
    }
    fclose(f);
    snprintf(result, sizeof(result), "running");
    keel_post(run, l);
    keel_reply_ok(c);
}

/* STAGE.TRY: whether another load could begin now; it ends at once. */
static void stage_try(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    bool begun = ops->load_begin_aside(c, "replica", 0, true);
    if (begun) ops->load_end(c, false);
    keel_reply_int(c, begun);
}

/* STAGE.RESULT: of the last load. */
static void stage_result(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_bulk(c, keel_str(result));
}

/* ---- tables ---------------------------------------------------------------------------------- */

static const KeelInterface provides[] = {
    {"snapshot.functions", KEEL_SNAPSHOT_VERSION, &part},
    {0},
};
static const KeelHook hooks[] = {{KEEL_EVENT_START, started, 0}, {0}};

#define ROW .flags = KEEL_ADMIN | KEEL_LOADING, .group = "stage", .summary = "Tests the stage.", \
            .since = "1.0.0", .complexity = "O(1)"

static const KeelCommand commands[] = {
    {.name = "stage.begin", .call = stage_begin, ROW},
    {.name = "stage.set", .args = "db name value [ms]", .call = stage_set, ROW},
    {.name = "stage.get", .args = "db name", .call = stage_get, ROW},
    {.name = "stage.del", .args = "db name", .call = stage_del, ROW},
    {.name = "stage.swap", .call = stage_swap, ROW},
    {.name = "stage.end", .args = "lazy", .call = stage_end, ROW},
    {.name = "stage.texts", .args = "[text [text ...]]", .call = stage_texts, ROW},
    {.name = "stage.refuses", .args = "on", .call = stage_refuses, ROW},
    {.name = "stage.load", .args = "path how [verdict]", .call = stage_load, ROW},
    {.name = "stage.try", .call = stage_try, ROW},
    {.name = "stage.result", .call = stage_result, ROW},
    {0},
};

KEEL_MODULE(.name = "api_stage", .version = "1.0.0", .summary = "Tests of staged databases.",
            .commands = commands, .hooks = hooks, .provides = provides);
