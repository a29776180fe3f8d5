/* call.c - commands run by modules.
 *
 * A call runs as a pretended client: one without a socket, kept per level of nesting, whose output
 * is collected. It has the rights, database and id of the client in whose name it runs. What is
 * called passes through dispatch like any command, so that statistics, counted replies, observers
 * and journal need no second version.
 *
 * keel_call_inline() has no client of its own: it lends the running command's context to another
 * command and takes it back. */
#include "crash.h"
#include "dispatch.h"
#include "journal.h"
#include "keyspace.h"
#include "loop.h"
#include "mem.h"
#include "parsed.h"
#include "reply.h"
#include "stats.h"

#include <keel/log.h>
#include <stdio.h>

enum { LEVELS_MAX = 64, NAME_ROOM = 64 };

static KeelClient *pretended[LEVELS_MAX]; /* made when first needed */
static int level;

/* What the arguments name. Lookup reads words, so a short name is looked at in a place with room
 * behind it: a caller's may end where its page does. */
static KeelCommandRef *find_command(const KeelStr *argv, int argc) {
    char room[NAME_ROOM];
    KeelStr words[2] = {argv[0], argc > 1 ? argv[1] : KEEL_LIT("")};
    if (argv[0].len <= NAME_ROOM / 2) {
        memset(room, 0, sizeof(room));
        memcpy(room, argv[0].ptr, argv[0].len);
        words[0].ptr = room;
    }
    return dispatch_find(words, argc > 1 ? 2 : 1);
}

/* Lookup, arity and gates. A call cannot wait, so a gate that would hold it lets it pass. Without
 * a client to ask for, no gate is armed while the rest is checked. */
static bool admitted(KeelCtx *c, bool ask_gates) {
    bool held;
    uint64_t armed = gates_armed;
    if (!ask_gates) gates_armed = 0;
    bool pass = dispatch_admit(c, &held);
    if (!ask_gates) gates_armed = armed;
    return pass || held;
}

static void run_admitted(KeelCtx *c) {
    const void *command = crash_command;
    KeelCtx *ctx = crash_ctx;
    uint64_t clock = dispatch_clock();
    crash_ctx = c;
    dispatch_start_clock();
    dispatch_call(c);
    dispatch_set_clock(clock); /* the caller's time includes ours */
    crash_ctx = ctx;
    crash_command = command;
}

/* ---- calls with a reply of their own --------------------------------------------------------- */

/* Readies the client of this level to run in the name of c's. */
static KeelClient *pretended_begin(const KeelCtx *c, unsigned flags) {
    KeelClient *client = pretended[level];
    KeelClient *real = c->client;
    if (!client) client = pretended[level] = keel_zalloc(sizeof(*client));
    level++;
    memset(client, 0, sizeof(*client));
    client->fd = -1;
    client->pretended = true;
    client->protocol = flags & KEEL_CALL_RESP3 ? 3 : 2;
    client->db = c->db;
    client->flags = KEEL_CF_AUTHENTICATED;
    if (!real) return client;
    client->id = real->id;
    if (real->kind == KEEL_CLIENT_PRIMARY) client->kind = real->kind; /* it decides about keys */
    client->flags |= real->flags & (KEEL_CF_NO_TOUCH | KEEL_CF_READONLY | KEEL_CF_UNIX);
    client->user = real->user; /* a copy once either of them becomes somebody else */
    client->user_lent = real->user != NULL;
    if (flags & KEEL_CALL_AS_CLIENT) {
        client->gates = real->gates;
        client->stands_for = real->stands_for ? real->stands_for : real;
    }
    return client;
}

void call_keep_user(const char *user) {
    for (int i = 0; i < level; i++) {
        KeelClient *client = pretended[i];
        if (!client->user_lent || client->user != user) continue;
        client->user = keel_strdup(keel_str(user));
        client->user_lent = false;
    }
}

static void pretended_end(KeelClient *client) {
    for (int i = 0; client->slots_used && i < SLOTS_MAX; i++) hook_free_slot(client, i);
    keel_free(client->name);
    if (!client->user_lent) keel_free(client->user);
    keel_free(client->lib_name);
    keel_free(client->lib_ver);
    level--;
}

static KeelReply *call_refused(const char *error) {
    char bytes[128];
    int len = snprintf(bytes, sizeof(bytes), "-%s\r\n", error);
    return keel_reply_parse((KeelStr){bytes, (size_t)len});
}

KeelReply *keel_call(KeelCtx *c, const KeelStr *argv, int argc, unsigned flags) {
    KeelCtx n;
    if (argc < 1) return call_refused("ERR a call needs a command");
    if (level == LEVELS_MAX) return call_refused("ERR calls are nested too deeply");
    KeelClient *client = pretended_begin(c, flags);
    memset(&n, 0, sizeof(n));
    n.client = client;
    n.flags = CTX_NESTED | CTX_NO_BLOCK | (flags & KEEL_CALL_RESP3 ? CTX_RESP3 : 0);
    if (!(flags & KEEL_CALL_JOURNAL)) n.flags |= CTX_NO_JOURNAL;
    if (flags & KEEL_CALL_CLEAN) n.flags |= CTX_RECORD_CLEAN;
    if (flags & KEEL_CALL_LOCAL) n.flags |= CTX_RECORD_LOCAL;
    n.flags |= c->flags & (CTX_NO_JOURNAL | CTX_RECORD_CLEAN | CTX_RECORD_LOCAL);
    n.db = c->db;
    n.outer = c;
    n.command = rewrites_count ? NULL : find_command(argv, argc);
    n.argv = argv;
    n.argc = argc;
    n.owed = 1;
    reply_capture_begin(&n);
    stats.commands++;
    if (n.command && (flags & KEEL_CALL_NO_WRITES) && (n.command->flags & KEEL_WRITE)) {
        keel_reply_errorf(&n, "ERR Write command '%s' was called while write is not allowed.",
                          keel_command_name(n.command));
    } else if (admitted(&n, flags & KEEL_CALL_AS_CLIENT)) {
        run_admitted(&n);
    }
    /* What is not recorded by itself is its caller's change. */
    if (!(flags & KEEL_CALL_JOURNAL)) c->dirty += n.dirty;
    c->db = n.db;
    char *to;
    KeelReply *reply = parsed_new(reply_capture_len(&n), &to);
    reply_capture_end(&n, to);
    pretended_end(client);
    parsed_read(reply);
    return reply;
}

/* ---- replies that gather aside --------------------------------------------------------------- */

typedef struct Collector {
    KeelCtx c;                     /* first: what is handed out */
    KeelClient client;
} Collector;

KeelCtx *keel_collect_begin(int protocol) {
    Collector *k = keel_zalloc(sizeof(*k));
    ctx_init(&k->c);
    k->client.fd = -1;
    k->client.pretended = true;
    k->client.protocol = (uint8_t)protocol;
    k->client.db = k->c.db;
    k->c.client = &k->client;
    k->c.flags |= CTX_COLLECTS | CTX_NESTED | (protocol == 3 ? CTX_RESP3 : 0);
    k->c.owed = 1;
    reply_capture_begin(&k->c);
    return &k->c;
}

KeelReply *keel_collect_end(KeelCtx *c) {
    Collector *k = (Collector *)c;
    char *to;
    size_t len = reply_capture_len(c);
    KeelReply *reply = parsed_new(len, &to);
    reply_capture_end(c, to);
    parsed_read(reply);
    keel_free(k);
    if (len) return reply;
    keel_reply_free(reply);
    return NULL;
}

/* ---- calls in the place of the running command ----------------------------------------------- */

/* The running command's part of its context. */
typedef struct Frame {
    int64_t owed;
    uint32_t flags;
    int db_at_start;
    const KeelCommandRef *command;
    const KeelStr *argv;
    int argc;
    uint64_t dirty;
    const struct KeyMemo *memo, *memo_end;
    KeelStr raw;
    char *mark;
    struct Chunk *mark_chunk;
    char error_text[sizeof(((KeelCtx *)0)->error_text)];
    unsigned error_len;
    uint64_t redacted;
} Frame;

static void frame_save(const KeelCtx *c, Frame *f) {
    *f = (Frame){.owed = c->owed, .flags = c->flags, .db_at_start = c->db_at_start,
                 .command = c->command, .argv = c->argv, .argc = c->argc, .dirty = c->dirty,
                 .memo = c->memo, .memo_end = c->memo_end, .raw = c->raw, .mark = c->mark,
                 .mark_chunk = c->mark_chunk, .error_len = c->error_len,
                 .redacted = c->redacted};
    memcpy(f->error_text, c->error_text, c->error_len);
}

static void frame_restore(KeelCtx *c, const Frame *f) {
    c->owed = f->owed - 1;
    c->flags = f->flags | (c->flags & (CTX_RESP3 | CTX_PUSHED));
    if (!(c->client->protocol == 3)) c->flags &= ~(uint32_t)CTX_RESP3; /* HELLO may have run */
    c->db_at_start = f->db_at_start;
    c->command = f->command;
    c->argv = f->argv;
    c->argc = f->argc;
    c->dirty = f->dirty;
    c->memo = f->memo;
    c->memo_end = f->memo_end;
    c->raw = f->raw;
    c->mark = f->mark;
    c->mark_chunk = f->mark_chunk;
    c->error_len = f->error_len;
    c->redacted = f->redacted;
    memcpy(c->error_text, f->error_text, f->error_len);
}

void keel_call_inline(KeelCtx *c, const KeelStr *argv, int argc) {
    Frame frame;
    KEEL_ASSERT(c->client && argc > 0);
    frame_save(c, &frame);
    c->flags = (c->flags & (CTX_RESP3 | CTX_NESTED | CTX_NO_JOURNAL | CTX_PUSHED |
                            CTX_RECORD_CLEAN | CTX_RECORD_LOCAL)) |
               CTX_NO_BLOCK | CTX_INLINE;
    c->owed = 1;
    c->dirty = 0;
    c->error_len = 0;
    c->command = find_command(argv, argc);
    c->argv = argv;
    c->argc = argc;
    c->raw = (KeelStr){0};
    c->memo = c->memo_end = NULL;
    reply_mark(c);
    stats.commands++;
    if (admitted(c, true)) run_admitted(c);
    frame_restore(c, &frame);
}

bool keel_is_nested(KeelCtx *c) {
    return (c->flags & (CTX_NESTED | CTX_INLINE)) != 0;
}
