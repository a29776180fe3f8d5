/* call_wait.c - calls by modules of commands that may block: keel_call_waiting().
 *
 * Such a call has a pretended client of its own, because it may outlive the command that made it: who
 * called, its connection included, may be gone when the answer comes. While the command waits it is
 * a blocked client like others to block.c, which comes back here for a place to reply to, and with
 * the reply when the wait is over. */
#include "call_wait.h"

#include "block.h"
#include "crash.h"
#include "dispatch.h"
#include "journal.h"
#include "keyspace.h"
#include "loop.h"
#include "mem.h"
#include "parsed.h"
#include "reply.h"
#include "stats.h"

typedef struct Waiting {
    KeelClient client;           /* first: block.c knows this one only */
    uint32_t flags;              /* CTX_* of every try */
    KeelReply *reply;            /* that the try at hand gathers */
    KeelCallDone *done;
    void *data;
} Waiting;

static size_t waiting_count;

static Waiting *waiting_new(const KeelCtx *c, unsigned flags, KeelCallDone *done, void *data) {
    Waiting *w = keel_zalloc(sizeof(*w));
    const KeelClient *real = c->client;
    w->client.fd = -1;
    w->client.pretended = w->client.may_wait = true;
    w->client.protocol = flags & KEEL_CALL_RESP3 ? 3 : 2;
    w->client.db = c->db;
    w->client.flags = KEEL_CF_AUTHENTICATED;
    if (real) {
        w->client.id = real->id;
        w->client.flags |= real->flags & (KEEL_CF_NO_TOUCH | KEEL_CF_READONLY | KEEL_CF_UNIX);
        if (real->user) w->client.user = keel_strdup(keel_str(real->user));
    }
    w->flags = CTX_NESTED | (flags & KEEL_CALL_RESP3 ? CTX_RESP3 : 0);
    if (!(flags & KEEL_CALL_JOURNAL)) w->flags |= CTX_NO_JOURNAL;
    if (flags & KEEL_CALL_CLEAN) w->flags |= CTX_RECORD_CLEAN;
    if (flags & KEEL_CALL_LOCAL) w->flags |= CTX_RECORD_LOCAL;
    w->flags |= c->flags & (CTX_NO_JOURNAL | CTX_RECORD_CLEAN | CTX_RECORD_LOCAL);
    w->done = done;
    w->data = data;
    return w;
}

static void waiting_free(Waiting *w) {
    KeelClient *client = &w->client;
    for (int i = 0; client->owns && i < SLOTS_MAX; i++) hook_free_slot(client, i);
    keel_free(client->name);
    keel_free(client->user);
    keel_free(client->lib_name);
    keel_free(client->lib_ver);
    keel_free(w);
}

void call_wait_open(KeelCtx *c, KeelClient *client) {
    Waiting *w = (Waiting *)client;
    struct Chunk *chunk;
    c->client = client;
    client->writer = c;
    c->flags = w->flags;
    w->reply = parsed_begin(NULL, &chunk);
    reply_capture_begin(c, chunk);
}

KeelReply *call_wait_close(KeelCtx *c, bool over) {
    Waiting *w = (Waiting *)c->client;
    if (!over) reply_rewind(c);
    parsed_end(w->reply, reply_capture_end(c));
    w->client.writer = NULL;
    if (over) return w->reply;
    keel_reply_free(w->reply);
    return NULL;
}

/* As a posted call: nobody's command runs in it. */
void call_wait_deliver(KeelClient *client, KeelReply *reply) {
    Waiting *w = (Waiting *)client;
    KeelCtx c;
    ctx_init(&c);
    c.db = client->db;
    waiting_count--;
    w->done(&c, reply, w->data);
    waiting_free(w);
    ctx_done(&c);
}

size_t call_wait_count(void) {
    return waiting_count;
}

/* Lookup, arity and gates as for any call: see call.c. */
static void run_first(KeelCtx *n) {
    bool held;
    uint64_t armed = gates_armed, clock = dispatch_clock();
    gates_armed = 0;
    bool pass = dispatch_admit(n, &held);
    gates_armed = armed;
    if (!pass && !held) return;
    const void *command = crash_command;
    KeelCtx *ctx = crash_ctx;
    dispatch_start_clock();
    dispatch_call(n);
    dispatch_set_clock(clock);
    crash_ctx = ctx;
    crash_command = command;
}

KeelReply *keel_call_waiting(KeelCtx *c, const KeelStr *argv, int argc, unsigned flags,
                             KeelCallDone *done, void *data, uint64_t *id) {
    KEEL_ASSERT(argc > 0 && done);
    Waiting *w = waiting_new(c, flags, done, data);
    KeelCtx n = {.outer = c, .db = c->db, .argv = argv, .argc = argc, .owed = 1};
    call_wait_open(&n, &w->client);
    stats.commands++;
    run_first(&n);
    if (!(flags & KEEL_CALL_JOURNAL)) c->dirty += n.dirty;
    c->db = n.db;
    w->client.db = n.db;
    if (n.flags & CTX_BLOCKED) {
        *id = block_id_of(&w->client);
        call_wait_close(&n, false);
        waiting_count++;
        return NULL;
    }
    KeelReply *reply = call_wait_close(&n, true);
    waiting_free(w);
    return reply;
}

bool keel_call_abandon(uint64_t id) {
    KeelClient *client = block_client_of(id);
    if (!client || !client->may_wait) return false;
    block_forget(client);
    waiting_count--;
    waiting_free((Waiting *)client);
    return true;
}
