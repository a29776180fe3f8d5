/* feed.c - from the journal to the stream: what each turn has written, as Redis's replicas want to
 * read it.
 *
 * Records are RESP already and mostly lie in one row, so they are copied in runs. Between them go
 * SELECT, where the database changes, and MULTI and EXEC around groups. Records for this server's
 * own files stay out; a group begins with its first record that does not. */
#include "replication.h"

#include <stdio.h>
#include <string.h>

enum { NO_DB = -1 };

int feed_subscriber, last_write_slot;

static int selected = NO_DB;     /* what readers of the stream are in */

void feed_forget_db(void) {
    selected = NO_DB;
}

int feed_db(void) {
    return selected;
}

/* What this turn has recorded already belongs to before. */
void feed_arm(void) {
    keel_journal_flush();
    keel_journal_arm(feed_subscriber, stream_is_open() && !is_replica());
    selected = NO_DB;
}

static void tell_readers(void) {
    for (Replica *r = replicas; r; r = r->next) {
        if (r->reader.block) keel_client_feed_ready(r->client);
    }
}

/* ---- records ------------------------------------------------------------------------------- */

/* Bytes on their way, as they lie in one row. */
static const char *run;
static size_t run_len;

static void run_end(void) {
    if (run_len) stream_write(run, run_len);
    run_len = 0;
}

static void run_add(KeelStr bytes) {
    if (run_len && run + run_len == bytes.ptr) {
        run_len += bytes.len;
        return;
    }
    run_end();
    run = bytes.ptr;
    run_len = bytes.len;
}

static void put_select(int db) {
    char line[64], digits[KEEL_INT_ROOM];
    size_t len = keel_format_int(digits, db);
    int n = snprintf(line, sizeof(line), "*2\r\n$6\r\nSELECT\r\n$%zu\r\n%s\r\n", len, digits);
    run_end();
    stream_write(line, (size_t)n);
    selected = db;
}

/* WAIT asks how far the stream was behind a client's last write. Records of one client come in
 * rows, so that most cost a comparison. */
static void note_writer(uint64_t id) {
    KeelClient *client = id ? keel_client_by_id(id) : NULL;
    if (client) *keel_client_slot(client, last_write_slot) = (void *)(intptr_t)history.offset;
}

void feed_records(const KeelRecord *records, size_t n) {
    bool group = false, begun = false;
    uint64_t writer = n ? records[0].client : 0;
    for (size_t i = 0; i < n; i++) {
        const KeelRecord *r = &records[i];
        if (r->client != writer) {
            run_end();
            note_writer(writer);
            writer = r->client;
        }
        if (r->flags & KEEL_JOURNAL_BEGIN) {
            group = true;
            begun = false;
        }
        if (!(r->flags & KEEL_JOURNAL_LOCAL)) {
            if (r->db != selected) put_select(r->db);
            if (group && !begun) {
                run_add(KEEL_LIT("*1\r\n$5\r\nMULTI\r\n"));
                begun = true;
            }
            run_add(r->resp);
        }
        if (r->flags & KEEL_JOURNAL_END) {
            if (begun) run_add(KEEL_LIT("*1\r\n$4\r\nEXEC\r\n"));
            group = begun = false;
        }
    }
    run_end();
    note_writer(writer);
    tell_readers();
}

/* ---- commands of our own ------------------------------------------------------------------- */

/* They name no database and need none. */
void feed_command(const KeelStr *argv, int argc) {
    char line[KEEL_INT_ROOM + 8];
    if (!stream_is_open() || is_replica()) return;
    keel_journal_flush();
    stream_write(line, (size_t)snprintf(line, sizeof(line), "*%d\r\n", argc));
    for (int i = 0; i < argc; i++) {
        stream_write(line, (size_t)snprintf(line, sizeof(line), "$%zu\r\n", argv[i].len));
        stream_write(argv[i].ptr, argv[i].len);
        stream_write("\r\n", 2);
    }
    tell_readers();
}

int words_gather(KeelStr argv[WORDS_MAX], const char *first, va_list ap) {
    int argc = 0;
    for (const char *word = first; word; word = va_arg(ap, const char *)) {
        KEEL_ASSERT(argc < WORDS_MAX);
        argv[argc++] = keel_str(word);
    }
    return argc;
}

void feed_words(const char *first, ...) {
    KeelStr argv[WORDS_MAX];
    va_list ap;
    va_start(ap, first);
    int argc = words_gather(argv, first, ap);
    va_end(ap);
    feed_command(argv, argc);
}
