/* push.c - messages that no command of their receiver asked for.
 *
 * A push goes straight behind the output that a client waits with. A client whose command is just
 * being answered gets it after the reply, because in the middle of an array it would be taken for an
 * element: such pushes gather in the output of a client that is none, and dispatch delivers them at
 * the command's end. */
#include "push.h"

#include "client.h"
#include "config.h"
#include "crash.h"
#include "reply.h"

enum {
    CHUNK_LEAST = 160, /* of a raw message: thousands of clients may get a short one at once */
    WHOLE_MAX = 4096,  /* longer messages fill what is left of a chunk */
    FETCH_CLIENTS = 12,
    FETCH_CHUNKS = 6,
};

static KeelClient waiting = {.fd = -1, .pretended = true};

/* Whether the command that is written for runs right now. */
static bool replying(const KeelCtx *writer) {
    if (!crash_command) return false;
    for (const KeelCtx *c = crash_ctx; c; c = c->outer) {
        if (c == writer) return true;
    }
    return false;
}

KeelCtx *keel_push_begin(KeelClient *client) {
    KeelCtx *c = keel_alloc(sizeof(*c));
    memset(c, 0, sizeof(*c));
    KeelCtx *writer = client->writer;
    if (writer && replying(writer)) {
        writer->flags |= CTX_PUSHED;
        waiting.protocol = client->protocol;
        if (!waiting.chunks) client_chunk(&waiting, 1024, 0);
        reply_open(c, &waiting);
    } else if (writer) {
        /* Between two commands: go on behind what is there, in the same window. */
        *c = *writer;
        c->outer = writer;
        c->flags = writer->flags & CTX_RESP3;
    } else {
        reply_open(c, client);
    }
    c->flags |= CTX_PUSH;
    c->db = client->db;
    return c;
}

void keel_push_end(KeelCtx *c) {
    KeelClient *client = c->client;
    if (c->outer) {
        c->outer->out = c->out;
        c->outer->out_end = c->out_end;
        c->outer->chunk = c->chunk;
        reply_moved(c, c->outer);
    } else {
        reply_close(c);
        client_check_output(client); /* in its own window nothing may be freed */
    }
    keel_free(c);
}

void push_deliver(KeelCtx *c) {
    c->flags &= ~(uint32_t)CTX_PUSHED;
    for (const Chunk *k = waiting.chunks; k; k = k->next) {
        keel_reply_raw(c, (KeelStr){k->data, k->len}, 0);
    }
    client_chunks_free(&waiting);
}

/* ---- one message for many -------------------------------------------------------------------- */

/* The output from which a limit may be reached, by the client's kind. */
static size_t limit_of(const KeelClient *client) {
    int kind = client->kind == KEEL_CLIENT_PRIMARY ? KEEL_CLIENT_NORMAL : client->kind;
    size_t hard = (size_t)settings.output_limit[kind].hard;
    size_t soft = (size_t)settings.output_limit[kind].soft;
    return hard - 1 < soft - 1 ? hard - 1 : soft - 1; /* 0, which is no limit, becomes the largest */
}

static inline void append(KeelClient *client, KeelStr s) {
    Chunk *k = client->last_chunk;
    if (__builtin_expect(k && k->room - k->len >= s.len, 1)) {
        memcpy(k->data + k->len, s.ptr, s.len);
        k->len += s.len;
        client->chunk_bytes += s.len;
    } else {
        client_write(client, s.ptr, s.len);
    }
}

static void push_in_window(KeelClient *client, KeelStr head, KeelStr body) {
    KeelCtx *c = keel_push_begin(client);
    keel_reply_raw(c, head, 0);
    keel_reply_raw(c, body, 0);
    keel_push_end(c);
}

/* Many clients are many cache misses: they are fetched ahead, and then what they wait with. */
static inline void fetch_ahead(KeelClient *const *clients, size_t left) {
    if (left > FETCH_CLIENTS) {
        const char *client = (const char *)clients[FETCH_CLIENTS];
        for (size_t at = 0; at < offsetof(KeelClient, id); at += 64) {
            __builtin_prefetch(client + at, 1);
        }
    }
    if (left > FETCH_CHUNKS && clients[FETCH_CHUNKS]->last_chunk) {
        const Chunk *k = clients[FETCH_CHUNKS]->last_chunk;
        __builtin_prefetch(k, 1);
        __builtin_prefetch((const char *)k + 64, 1);
        __builtin_prefetch((const char *)k + 128, 1);
    }
}

size_t keel_push_raw(KeelClient *const *clients, size_t n, KeelStr head2, KeelStr head3,
                     KeelStr body) {
    size_t took = 0, whole = head2.len + body.len;
    for (size_t i = 0; i < n; i++) {
        KeelClient *client = clients[i];
        fetch_ahead(clients + i, n - i);
        if (client->flags & KEEL_CF_CLOSING) continue;
        took++;
        KeelStr head = client->protocol == 3 ? head3 : head2;
        if (__builtin_expect(client->writer != NULL, 0)) {
            push_in_window(client, head, body);
            continue;
        }
        const Chunk *last = client->last_chunk;
        if (whole <= WHOLE_MAX && (!last || last->room - last->len < whole)) {
            client_chunk(client, CHUNK_LEAST, whole);
        }
        append(client, head);
        append(client, body);
        if (!client->in_write_queue) client_queue_message(client);
        if (__builtin_expect(client_output_bytes(client) > limit_of(client) ||
                                 !client_is_authenticated(client), 0)) {
            client_check_output(client);
        }
    }
    return took;
}
