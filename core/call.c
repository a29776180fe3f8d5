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

enum { LEVELS_MAX = 64 };

/* One call inside another: its context and its client, and what its end needs to know. Kept from call
 * to call, so that most of it is as the next one wants it. */
typedef struct Level {
    KeelCtx c;
    KeelClient client;
    KeelReply *reply;
    unsigned flags;                /* KEEL_CALL_* */
    int depth;
    const void *crash_command;
    KeelCtx *crash_ctx;
    uint64_t clock;
    struct Level *outer, *inner;
} Level;

static Level bottom;
static Level *innermost = &bottom;

/* What the arguments name. Lookup reads words, so a short name is looked at in a place with room
 * behind it: a caller's may end where its page does. */
static inline KeelCommandRef *find_command(const KeelStr *argv, int argc) {
    char room[16] = {0};
    KeelStr name = argv[0];
    if (name.len > sizeof(room)) return dispatch_with_sub(command_lookup(name), argv, argc);
    copy_few(room, name.ptr, name.len);
    return dispatch_with_sub(command_find_fast((KeelStr){room, name.len}), argv, argc);
}

/* Lookup, arity and gates. A call cannot wait, so a gate that would hold it lets it pass. Without
 * a client to ask for, no gate is armed while the rest is checked. */
static __attribute__((noinline)) bool admitted_slowly(KeelCtx *c, bool ask_gates) {
    bool held;
    uint64_t armed = gates_armed;
    if (!ask_gates) gates_armed = 0;
    bool pass = dispatch_admit(c, &held);
    if (!ask_gates) gates_armed = armed;
    return pass || held;
}

static inline bool admitted(KeelCtx *c, bool ask_gates) {
    return __builtin_expect(dispatch_admits(c, ask_gates ? gates_armed | c->client->gates : 0), 1) ||
           admitted_slowly(c, ask_gates);
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

/* False: too deep. */
static bool level_new(void) {
    if (innermost->depth == LEVELS_MAX) return false;
    Level *l = innermost->inner = keel_zalloc(sizeof(*l));
    l->outer = innermost;
    l->depth = innermost->depth + 1;
    l->c.client = &l->client;
    l->client.writer = &l->c;
    l->client.fd = -1;
    l->client.pretended = true;
    return true;
}

/* Readies the level's client to run in the name of c's. Only what a command may change in a client
 * without a socket is set: nobody reads, queues or lists it, and what it comes to own is cleared by
 * pretended_end(). */
static inline void pretended_begin(KeelClient *client, const KeelCtx *c, unsigned flags) {
    const KeelClient *real = c->client;
    client->protocol = flags & KEEL_CALL_RESP3 ? 3 : 2;
    client->kind = KEEL_CLIENT_NORMAL;
    client->close_now = false;
    client->db = c->db;
    client->gates = 0;
    client->stands_for = NULL;
    client->memory = 0;
    client->user_lent = true;
    if (__builtin_expect(!real, 0)) {
        client->flags = KEEL_CF_AUTHENTICATED;
        client->id = 0;
        client->user = NULL;
        return;
    }
    client->flags = KEEL_CF_AUTHENTICATED |
                    (real->flags & (KEEL_CF_NO_TOUCH | KEEL_CF_READONLY | KEEL_CF_UNIX));
    client->id = real->id;
    if (real->kind == KEEL_CLIENT_PRIMARY) client->kind = real->kind; /* it decides about keys */
    client->user = real->user; /* a copy once either of them becomes somebody else */
    if (flags & KEEL_CALL_AS_CLIENT) {
        client->gates = real->gates;
        client->stands_for = real->stands_for ? real->stands_for : (KeelClient *)(uintptr_t)real;
    }
}

void call_keep_user(const char *user) {
    for (Level *l = innermost; l != &bottom; l = l->outer) {
        KeelClient *client = &l->client;
        if (!client->user_lent || client->user != user) continue;
        client->user = keel_strdup(keel_str(user));
        client->user_lent = false;
        client->owns = true;
    }
}

static __attribute__((noinline)) void pretended_clear(KeelClient *client) {
    for (int i = 0; i < SLOTS_MAX; i++) hook_free_slot(client, i);
    client->owns = false;
    keel_free(client->name);
    if (!client->user_lent) keel_free(client->user);
    keel_free(client->lib_name);
    keel_free(client->lib_ver);
    client->name = client->user = client->lib_name = client->lib_ver = NULL;
}

static inline void pretended_end(KeelClient *client) {
    if (__builtin_expect(client->owns, 0)) pretended_clear(client);
}

static KeelReply *call_refused(const char *error) {
    char bytes[128];
    int len = snprintf(bytes, sizeof(bytes), "-%s\r\n", error);
    return keel_reply_parse((KeelStr){bytes, (size_t)len});
}

/* The context of a call: what the last one may have changed. */
static inline void ctx_begin(KeelCtx *n, KeelCtx *c, unsigned flags) {
    n->owed = 1;
    n->flags = CTX_NESTED | CTX_NO_BLOCK | CTX_NO_JOURNAL |
               (c->flags & (CTX_RECORD_CLEAN | CTX_RECORD_LOCAL));
    if (__builtin_expect((flags & ~(unsigned)KEEL_CALL_KEEP_DB) != 0, 0)) {
        if (flags & KEEL_CALL_JOURNAL && !(c->flags & CTX_NO_JOURNAL)) {
            n->flags &= ~(uint32_t)CTX_NO_JOURNAL;
        }
        n->flags |= (flags & KEEL_CALL_RESP3 ? CTX_RESP3 : 0u) |
                    (flags & KEEL_CALL_CLEAN ? CTX_RECORD_CLEAN : 0u) |
                    (flags & KEEL_CALL_LOCAL ? CTX_RECORD_LOCAL : 0u);
    }
    n->db = c->db;
    n->dirty = 0;
    n->memo = c->memo; /* what is called mostly works on the same keys */
    n->memo_end = c->memo_end;
    n->outer = c;
    n->error_len = 0;
}

/* Whether flags and gates let it pass, or it was answered otherwise. */
static __attribute__((noinline)) bool admitted_any(Level *l) {
    KeelCtx *n = &l->c;
    if (l->flags & KEEL_CALL_NO_WRITES && n->command && n->command->flags & KEEL_WRITE) {
        keel_reply_errorf(n, "ERR Write command '%s' was called while write is not allowed.",
                          keel_command_name(n->command));
        return false;
    }
    return admitted(n, l->flags & KEEL_CALL_AS_CLIENT);
}

/* The call itself, in a level that is there. `cmd` NULL: unknown, or about to be exchanged. What is
 * needed behind the command is kept in the level, not in registers. */
static inline __attribute__((always_inline)) KeelReply *
call_in(Level *l, KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc,
        unsigned flags, void *data) {
    const unsigned asks = KEEL_CALL_NO_WRITES | KEEL_CALL_AS_CLIENT;
    KeelCtx *n = &l->c;
    Chunk *chunk;
    innermost = l;
    l->flags = flags;
    n->command = cmd;
    n->argv = argv;
    n->argc = argc;
    pretended_begin(&l->client, c, flags);
    ctx_begin(n, c, flags);
    l->reply = parsed_begin(data, &chunk);
    reply_capture_begin(n, chunk);
    stats.commands++;
    if (__builtin_expect(!(flags & asks) && dispatch_admits(n, 0), 1) || admitted_any(l)) {
        l->crash_command = crash_command;
        l->crash_ctx = crash_ctx;
        l->clock = dispatch_clock();
        dispatch_start_clock();
        dispatch_call(n);
        dispatch_set_clock(l->clock); /* the caller's time includes ours */
        crash_ctx = l->crash_ctx;
        crash_command = l->crash_command;
    }
    /* What is not recorded by itself is its caller's change. */
    if (!(l->flags & KEEL_CALL_JOURNAL)) n->outer->dirty += n->dirty;
    if (!(l->flags & KEEL_CALL_KEEP_DB)) n->outer->db = n->db;
    KeelReply *reply = l->reply;
    parsed_end(reply, reply_capture_end(n));
    pretended_end(&l->client);
    innermost = l->outer;
    return reply;
}

KeelReply *keel_call(KeelCtx *c, const KeelStr *argv, int argc, unsigned flags) {
    KeelFound found = {0};
    return keel_call_found(c, &found, argv, argc, flags, NULL);
}

static __attribute__((noinline)) KeelReply *call_any(KeelCtx *c, KeelFound *found,
                                                     const KeelStr *argv, int argc, unsigned flags,
                                                     void *data) {
    if (argc < 1) return call_refused("ERR a call needs a command");
    if (!innermost->inner && !level_new()) {
        return call_refused("ERR calls are nested too deeply");
    }
    if (rewrites_count) { /* looked up once its words are what they will be */
        *found = (KeelFound){NULL, 0};
    } else if (found->epoch_ != command_epoch) {
        const KeelCommandRef *cmd = find_command(argv, argc);
        bool family = cmd && (cmd->has_subcommands || cmd->parent); /* it may be another next time */
        *found = (KeelFound){cmd, family ? 0 : command_epoch};
    }
    return call_in(innermost->inner, c, found->command_, argv, argc, flags, data);
}

/* Not to be split: its start and its end are as hot as its middle. What was found is not found any
 * more once words may be exchanged: the epoch has changed then. */
__attribute__((noinline)) KeelReply *keel_call_found(KeelCtx *c, KeelFound *found,
                                                     const KeelStr *argv, int argc, unsigned flags,
                                                     void *data) {
    Level *l = innermost->inner;
    unsigned plain = flags & KEEL_CALL_KEEP_DB;
    if (__builtin_expect(!l || found->epoch_ != command_epoch || flags != plain || !parsed_ready(),
                         0)) {
        return call_any(c, found, argv, argc, flags, data);
    }
    return call_in(l, c, found->command_, argv, argc, plain, data);
}

/* ---- replies that gather aside --------------------------------------------------------------- */

typedef struct Collector {
    KeelCtx c;                     /* first: what is handed out */
    KeelClient client;
    KeelReply *reply;
} Collector;

KeelCtx *keel_collect_begin(int protocol) {
    Collector *k = keel_zalloc(sizeof(*k));
    ctx_init(&k->c);
    k->client.fd = -1;
    k->client.pretended = true;
    k->client.protocol = (uint8_t)protocol;
    k->client.db = k->c.db;
    k->c.client = &k->client;
    k->client.writer = &k->c;
    k->c.flags |= CTX_COLLECTS | CTX_NESTED | (protocol == 3 ? CTX_RESP3 : 0);
    k->c.owed = 1;
    Chunk *chunk;
    k->reply = parsed_begin(NULL, &chunk);
    reply_capture_begin(&k->c, chunk);
    return &k->c;
}

KeelReply *keel_collect_end(KeelCtx *c) {
    Collector *k = (Collector *)c;
    KeelReply *reply = k->reply;
    parsed_end(reply, reply_capture_end(c));
    keel_free(k);
    if (keel_reply_resp(reply).len) return reply;
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
