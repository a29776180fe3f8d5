/* api_journal.c - JOURNAL.*: a subscriber that shows what it got, and commands that record in every
 * way there is. */
#include <keel.h>
#include <string.h>

typedef struct Kept {
    char *resp;
    size_t len;
    int db;
    unsigned flags;
    uint64_t client, batch;
} Kept;

static int subscriber;
static Kept *kept;
static size_t kept_count;
static uint64_t batches;
static const KeelType *string_type;

static void records(const KeelRecord *r, size_t n) {
    batches++;
    kept = keel_realloc(kept, (kept_count + n) * sizeof(*kept));
    for (size_t i = 0; i < n; i++) {
        Kept *k = &kept[kept_count++];
        *k = (Kept){keel_strdup(r[i].resp), r[i].resp.len, r[i].db, r[i].flags, r[i].client,
                    batches};
    }
}

static void forget(void) {
    for (size_t i = 0; i < kept_count; i++) keel_free(kept[i].resp);
    keel_free(kept);
    kept = NULL;
    kept_count = 0;
}

static void journal_arm(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t on;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &on)) return;
    keel_journal_arm(subscriber, on != 0);
    keel_reply_ok(c);
}

/* JOURNAL.TAKE: all records since the last time, as [db flags client batch resp]. */
static void journal_take(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_array(c, kept_count);
    for (size_t i = 0; i < kept_count; i++) {
        keel_reply_array(c, 5);
        keel_reply_int(c, kept[i].db);
        keel_reply_int(c, kept[i].flags);
        keel_reply_int(c, (int64_t)kept[i].client);
        keel_reply_int(c, (int64_t)kept[i].batch);
        keel_reply_bulk(c, (KeelStr){kept[i].resp, kept[i].len});
    }
    forget();
}

/* Sets a key, which is a change. */
static void change(KeelCtx *c, KeelStr name) {
    KeelKey key;
    keel_key_open(c, name, KEEL_KEY_WRITE, &key);
    keel_key_set_bytes(&key, string_type, KEEL_LIT("changed"), KEEL_NO_EXPIRY);
    keel_key_changed(&key, KEEL_NOTIFY_STRING, "set");
}

/* JOURNAL.SET key how [how ...]: changes the key, and records as told. */
static void journal_set(KeelCtx *c, const KeelStr *argv, int argc) {
    for (int i = 2; i < argc; i++) {
        KeelStr also[3] = {KEEL_LIT("SET"), argv[1], KEEL_LIT("also\0\r\n")};
        also[2].len = 7;
        if (keel_is(argv[i], "change")) change(c, argv[1]);
        if (keel_is(argv[i], "words")) keel_journal_words(c, "SET", argv[1].ptr, "words", NULL);
        if (keel_is(argv[i], "instead")) keel_journal_instead(c, also, 3);
        if (keel_is(argv[i], "also")) keel_journal_also(c, 5, also, 3);
        if (keel_is(argv[i], "force")) keel_journal_force(c);
        if (keel_is(argv[i], "nothing")) keel_journal_nothing(c);
        if (keel_is(argv[i], "flush")) keel_journal_flush();
        if (keel_is(argv[i], "select")) keel_db_select(c, 3);
    }
    keel_reply_ok(c);
}

/* JOURNAL.CALLS key n: so many nested writes that record themselves, then a read. */
static void journal_calls(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t n;
    (void)argc;
    if (!keel_arg_int(c, argv[2], &n)) return;
    for (int64_t i = 0; i < n; i++) {
        KeelStr words[3] = {KEEL_LIT("APPEND"), argv[1], KEEL_LIT("x")};
        keel_reply_free(keel_call(c, words, 3, KEEL_CALL_JOURNAL));
    }
    KeelStr get[2] = {KEEL_LIT("GET"), argv[1]};
    KeelReply *reply = keel_call(c, get, 2, KEEL_CALL_JOURNAL);
    keel_reply_raw(c, keel_reply_resp(reply), 1);
    keel_reply_free(reply);
}

static bool change_in_timer(KeelCtx *c, void *data) {
    char *name = data;
    KeelStr set[3] = {KEEL_LIT("SET"), keel_str(name), KEEL_LIT("timer")};
    KeelStr del[2] = {KEEL_LIT("DEL"), keel_str(name)};
    keel_journal_group(c, true);
    keel_reply_free(keel_call(c, set, 3, KEEL_CALL_JOURNAL));
    keel_reply_free(keel_call(c, del, 2, KEEL_CALL_JOURNAL));
    keel_journal_group(c, false);
    keel_free(name);
    return false;
}

/* JOURNAL.LATER key: two writes of one group, by a timer. */
static void journal_later(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KEEL_TIMER_START(1, change_in_timer, keel_strdup(argv[1]));
    keel_reply_ok(c);
}

static bool release(KeelCtx *c, void *data) {
    (void)c;
    (void)data;
    keel_replies_release();
    return false;
}

/* JOURNAL.HOLD ms: nobody gets a reply for so long. */
static void journal_hold(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t ms;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &ms)) return;
    keel_replies_hold();
    KEEL_TIMER_START(ms, release, NULL);
    keel_reply_ok(c);
}

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    string_type = keel_type_by_name(KEEL_LIT("string"));
    return string_type ? 0 : keel_load_error(c, "no module brought the type string");
}

static int unload(KeelCtx *c) {
    (void)c;
    forget();
    return 0;
}

static const KeelSubscriber subscribers[] = {
    {.name = "api_journal", .id = &subscriber, .records = records}, {0}};

#define ROW(text, arguments, uses, bits, handler)                                                  \
    {.name = text, .args = arguments, .keys = uses, .flags = bits, .call = handler,                \
     .summary = "A test.", .since = "1.0.0", .complexity = "O(1)"}

static const KeelCommand commands[] = {
    ROW("journal.arm", "on:integer", NULL, KEEL_ADMIN, journal_arm),
    ROW("journal.take", NULL, NULL, KEEL_ADMIN, journal_take),
    ROW("journal.set", "key how [how ...]", "RW UPDATE", KEEL_WRITE, journal_set),
    ROW("journal.calls", "key n:integer", "RW UPDATE", KEEL_WRITE, journal_calls),
    ROW("journal.later", "key", "RW UPDATE", KEEL_WRITE, journal_later),
    ROW("journal.hold", "ms:integer", NULL, KEEL_ADMIN, journal_hold),
    {0}};

KEEL_MODULE(.name = "api_journal", .version = "1.0.0", .summary = "Shows the journal.",
            .needs = "strings", .commands = commands, .subscribers = subscribers, .load = load,
            .unload = unload);
