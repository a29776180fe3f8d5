/* journal.c - the stream of executed writes.
 *
 * Records gather in one growing buffer during a turn and are handed to every armed subscriber before
 * the turn's replies are written. Offsets, not pointers, are kept until then. A group that turns out
 * to have a single record loses its BEGIN and END. */
#include "journal.h"

#include "client.h"
#include "keyspace.h"
#include "module.h"

#include <keel/log.h>
#include <keel/memory.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SUBSCRIBERS_MAX = 16, WORDS_MAX = 32 };

typedef struct Slot {
    const KeelSubscriber *subscriber;
    struct Module *module;
} Slot;

unsigned journal_armed;
int replies_held;

static Slot slots[SUBSCRIBERS_MAX];
static char *bytes;
static size_t bytes_len, bytes_room;
static KeelRecord *records;
static size_t record_count, record_room;
static size_t group_start;  /* index of the open group's first record */
static int group_depth;

int journal_register(struct Module *module, char *error, size_t room) {
    const KeelSubscriber *rows = module->decl.subscribers;
    if (!rows) return 0;
    for (const char *at = (const char *)rows;; at += module->decl.subscriber_size) {
        const KeelSubscriber *row = (const KeelSubscriber *)(const void *)at;
        if (!row->name) return 0;
        int i = 0;
        while (i < SUBSCRIBERS_MAX && slots[i].subscriber) i++;
        if (i == SUBSCRIBERS_MAX || !row->records) {
            snprintf(error, room, "subscriber '%s': %s", row->name,
                     row->records ? "too many subscribers" : "no function");
            return -1;
        }
        slots[i] = (Slot){row, module};
        if (row->id) *row->id = i;
    }
}

void journal_unregister(struct Module *module) {
    for (int i = 0; i < SUBSCRIBERS_MAX; i++) {
        if (slots[i].module != module) continue;
        journal_armed &= ~(1u << i);
        slots[i] = (Slot){0};
    }
}

void keel_journal_arm(int subscriber, bool on) {
    unsigned bit = 1u << subscriber;
    journal_armed = on ? journal_armed | bit : journal_armed & ~bit;
}

/* What is recorded grows with every removal, so that it does not count as data. */
static char *bytes_reserve(size_t n) {
    if (bytes_room - bytes_len < n) {
        keel_mem_uncount(-(int64_t)bytes_room);
        bytes_room = (bytes_len + n) * 2 + 4096;
        bytes = keel_realloc(bytes, bytes_room);
        bytes_room = keel_mem_size(bytes);
        keel_mem_uncount((int64_t)bytes_room);
    }
    return bytes + bytes_len;
}

static void record_end(KeelCtx *c, int db, size_t start) {
    if (record_count == record_room) {
        record_room = record_room * 2 + 64;
        records = keel_realloc(records, record_room * sizeof(*records));
    }
    /* Until delivery, resp.ptr holds an offset: the buffer still moves. */
    records[record_count++] = (KeelRecord){
        .resp = {(const char *)(uintptr_t)start, bytes_len - start},
        .db = db,
        .flags = (c->flags & CTX_RECORD_CLEAN ? KEEL_JOURNAL_CLEAN : 0u) |
                 (c->flags & CTX_RECORD_LOCAL ? KEEL_JOURNAL_LOCAL : 0u),
        .client = c->client ? keel_client_id(c->client) : 0,
    };
}

static void append_argv(const KeelStr *argv, int argc) {
    size_t need = 32;
    for (int i = 0; i < argc; i++) need += argv[i].len + 32;
    char *start = bytes_reserve(need), *p = start;
    p += sprintf(p, "*%d\r\n", argc);
    for (int i = 0; i < argc; i++) {
        p += sprintf(p, "$%zu\r\n", argv[i].len);
        memcpy(p, argv[i].ptr, argv[i].len);
        p += argv[i].len;
        *p++ = '\r';
        *p++ = '\n';
    }
    bytes_len += (size_t)(p - start);
}

void journal_add(KeelCtx *c, int db, const KeelStr *argv, int argc) {
    if (!journal_armed || (c->flags & CTX_NO_JOURNAL)) return;
    size_t start = bytes_len;
    append_argv(argv, argc);
    record_end(c, db, start);
}

void journal_command(KeelCtx *c) {
    if (!journal_armed || (c->flags & (CTX_NO_JOURNAL | CTX_JOURNAL_OFF | CTX_JOURNAL_INSTEAD))) {
        return;
    }
    if (c->command && c->command->flags & KEEL_OWN_RECORDS) return;
    size_t start = bytes_len;
    if (c->raw.ptr) {
        /* The parser ended each argument with a NUL where the CR was. */
        char *to = bytes_reserve(c->raw.len);
        memcpy(to, c->raw.ptr, c->raw.len);
        for (int i = 0; i < c->argc; i++) to[c->argv[i].ptr + c->argv[i].len - c->raw.ptr] = '\r';
        bytes_len += c->raw.len;
    } else {
        append_argv(c->argv, c->argc);
    }
    record_end(c, c->db_at_start, start);
    if (!c->dirty) records[record_count - 1].flags |= KEEL_JOURNAL_CLEAN;
}

void journal_begin(KeelCtx *c) {
    (void)c;
    if (journal_armed && group_depth++ == 0) group_start = record_count;
}

void journal_end(KeelCtx *c) {
    (void)c;
    if (group_depth == 0 || --group_depth > 0) return;
    if (record_count - group_start < 2) return;
    records[group_start].flags |= KEEL_JOURNAL_BEGIN;
    records[record_count - 1].flags |= KEEL_JOURNAL_END;
}

void keel_journal_flush(void) {
    if (!record_count) return;
    for (size_t i = 0; i < record_count; i++) {
        records[i].resp.ptr = bytes + (uintptr_t)records[i].resp.ptr;
    }
    for (int i = 0; i < SUBSCRIBERS_MAX; i++) {
        if (journal_armed >> i & 1) slots[i].subscriber->records(records, record_count);
    }
    record_count = bytes_len = group_start = 0;
    if (bytes_room > 1024 * 1024) { /* one large turn is no reason to keep its memory */
        keel_free(bytes);
        keel_mem_uncount(-(int64_t)bytes_room);
        bytes = NULL;
        bytes_room = 0;
    }
}

void keel_journal_instead(KeelCtx *c, const KeelStr *argv, int argc) {
    c->flags |= CTX_JOURNAL_INSTEAD;
    journal_add(c, c->db->id, argv, argc);
}

void keel_journal_write(KeelCtx *c, const KeelStr *argv, int argc, unsigned flags) {
    size_t before = record_count;
    journal_add(c, c->db->id, argv, argc);
    if (record_count > before) {
        records[before].flags |= flags & (KEEL_JOURNAL_CLEAN | KEEL_JOURNAL_LOCAL);
    }
}

void keel_journal_words(KeelCtx *c, const char *first, ...) {
    KeelStr argv[WORDS_MAX];
    int argc = 0;
    va_list ap;
    va_start(ap, first);
    for (const char *word = first; word; word = va_arg(ap, const char *)) {
        KEEL_ASSERT(argc < WORDS_MAX);
        argv[argc++] = keel_str(word);
    }
    va_end(ap);
    keel_journal_instead(c, argv, argc);
}

void keel_journal_also(KeelCtx *c, int db, const KeelStr *argv, int argc) {
    if (c->command) journal_command(c); /* its own record comes first */
    c->flags |= CTX_JOURNAL_INSTEAD;
    journal_add(c, db, argv, argc);
}

bool keel_journal_wanted(KeelCtx *c) {
    return journal_armed && !(c->flags & CTX_NO_JOURNAL);
}

void keel_journal_force(KeelCtx *c) {
    c->flags |= CTX_JOURNAL_FORCE;
}

void keel_journal_nothing(KeelCtx *c) {
    c->flags |= CTX_JOURNAL_OFF;
}

void keel_journal_group(KeelCtx *c, bool begin) {
    if (begin) {
        journal_begin(c);
    } else {
        journal_end(c);
    }
}

void keel_replies_hold(void) {
    replies_held++;
}

void keel_replies_release(void) {
    KEEL_ASSERT(replies_held > 0);
    replies_held--;
}
