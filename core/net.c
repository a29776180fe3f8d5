/* net.c - reading requests in and running them: strokes 1 to 3 of the turn.
 *
 * Sockets are watched edge-triggered, for both directions, once. A read that fills less than its
 * room has drained the socket, so a request costs one recv. What a client sent is parsed where it
 * was received: in the turn's input arena, or behind what its own query buffer still holds of a
 * request that was cut. After execution settle() keeps what is left. */
#include "net.h"

#include "block.h"
#include "config.h"
#include "journal.h"
#include "link.h"
#include "partial.h"
#include "reply.h"
#include "resp.h"
#include "stats.h"

#include <errno.h>
#include <keel/log.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_ROOM = 16 * 1024,      /* asked of a socket at a time */
    ARENA_SIZE = 256 * 1024,
    ARGS_MAX = 8 * 1024,        /* arguments and requests of one batch */
    REQUESTS_MAX = 2048,
    INPUTS_MAX = 1024,
    PIECEWISE_FROM = 16 * 1024, /* bytes of a cut request that are not parsed twice */
    QUERY_KEPT = 64 * 1024,     /* an empty query buffer of up to this size is kept a while */
    LAST_READ_SECONDS = 60,     /* for who sends no more, to read what it is owed */
};

/* What one client sent in this turn. */
typedef struct Input {
    KeelClient *client;
    char *pos, *end;            /* not parsed yet */
    size_t first, count;        /* its requests */
    size_t done;                /* of them executed */
    size_t settled;             /* the same, but for those of an open transaction */
    bool stopped;               /* its client cannot run more now */
    bool piecewise;             /* go on piecewise */
    char error[64];
} Input;

static char *arena;
static size_t arena_used;
static KeelStr *args;
static size_t args_used;
static Request *requests;
static size_t request_count;
static Input inputs[INPUTS_MAX];
static size_t input_count;
static uint64_t *again;         /* ids of clients with more to read or to run */
static size_t again_count, again_room;
static bool resumed_any;        /* among them are some that waited until now */
static KeelCtx main_ctx;
static const Input *current;    /* whose requests it runs */

static void turn_begin(void) {
    if (!arena) {
        arena = keel_alloc(ARENA_SIZE);
        args = keel_alloc(ARGS_MAX * sizeof(*args));
        requests = keel_alloc(REQUESTS_MAX * sizeof(*requests));
        stats.startup_memory += keel_mem_size(arena) + keel_mem_size(args) +
                                keel_mem_size(requests);
    }
    arena_used = args_used = request_count = input_count = 0;
    /* Replies of an earlier round, and what callbacks wrote since, lie in the arena still. */
    if (net_has_output()) net_flush();
    reply_arena_reset();
}

void net_queue_again(KeelClient *client) {
    if (client->in_again) return;
    client->in_again = true;
    if (again_count == again_room) {
        again_room = again_room * 2 + 64;
        again = keel_realloc(again, again_room * sizeof(*again));
    }
    again[again_count++] = client->id;
}

void net_resume(KeelClient *client) {
    client->flags &= ~(uint32_t)(KEEL_CF_HELD | KEEL_CF_BLOCKED);
    client->resumed = resumed_any = true;
    net_queue_again(client);
}

bool net_has_resumed(void) {
    return again_count != 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Reads once into `to`. The number of bytes; 0 when there is nothing (or the client is gone). */
static size_t read_socket(KeelClient *client, char *to, size_t room) {
    for (;;) {
        ssize_t n = recv(client->fd, to, room, 0);
        stats.reads++;
        if (n > 0) {
            client->bytes_in += (size_t)n;
            stats.bytes_in += (size_t)n;
            client->last_ms = now_ms;
            if (__builtin_expect(client->link != NULL, 0)) link_received(client, to, (size_t)n);
            if ((size_t)n < room && !client->hung_up) client->readable = false;
            return (size_t)n;
        }
        if (n < 0 && errno == EINTR) continue;
        client->readable = false;
        if (n < 0 && errno == EAGAIN) return 0;
        if (n == 0) {
            client->ended = true;
        } else {
            client_close(client);
        }
        return 0;
    }
}

/* The peer sends no more, but it may still read (`printf ... | nc -N`): it gets its replies. */
static void hang_up(KeelClient *client) {
    if (client_output_bytes(client) || client->in_write_queue) {
        keel_client_close(client, true);
    } else {
        client_close(client);
    }
}

static bool query_over_limit(KeelClient *client) {
    if (client->kind == KEEL_CLIENT_PRIMARY) return false; /* it sends what it took itself */
    size_t limit = client_is_authenticated(client) ? (size_t)settings.client_query_buffer_limit
                                                   : 1024 * 1024;
    if (client_query_bytes(client) <= limit) return false;
    keel_log(KEEL_LOG_WARNING,
             "Closing client that reached max query buffer length: id=%llu qbuf=%zu",
             (unsigned long long)client->id, client_query_bytes(client));
    stats.dropped_query_limit++;
    client_close(client);
    return true;
}

/* Reads behind what the client's own buffer holds. False: the client is gone. */
static bool read_behind(KeelClient *client) {
    if (!client->readable) return true;
    size_t room;
    char *to = partial_target(client, &room);
    if (to) {
        partial_filled(client, read_socket(client, to, room));
        return !client->close_now;
    }
    size_t need = client->query_len + READ_ROOM + QUERY_PADDING;
    if (client->query_room < need) {
        size_t grown = client->query_room ? client->query_room * 2 : need;
        client->query = keel_realloc(client->query, grown > need ? grown : need);
        client_query_resized(client);
    }
    room = client->query_room - QUERY_PADDING - client->query_len;
    client->query_len += read_socket(client, client->query + client->query_len, room);
    return !client->close_now && !query_over_limit(client);
}

static RespLimits limits_of(const KeelClient *client) {
    if (client_is_authenticated(client)) {
        /* Entries keep the length of their name in 32 bits, so no argument is longer. */
        bool bounded = settings.proto_max_bulk_len < UINT32_MAX &&
                       client->kind != KEEL_CLIENT_PRIMARY;
        int64_t bulk = bounded ? settings.proto_max_bulk_len : UINT32_MAX;
        return (RespLimits){INT32_MAX, bulk, true};
    }
    return (RespLimits){10, 16384, false};
}

static Request *request_add(Input *in, KeelStr *argv, int argc) {
    Request *r = &requests[request_count++];
    *r = (Request){.argv = argv, .argc = argc, .client = in->client};
    in->count++;
    return r;
}

static void request_error(Input *in, const char *error) {
    snprintf(in->error, sizeof(in->error), "%s", error);
    request_add(in, NULL, 0)->error = in->error;
    requests[request_count - 1].end = in->pos; /* it is never done with */
    in->pos = in->end; /* nothing behind it is looked at */
}

/* Parses whole requests from in->pos on. False: this turn's room is used up. */
static bool parse_input(Input *in) {
    RespLimits limits = limits_of(in->client);
    while (in->pos < in->end) {
        if (request_count == REQUESTS_MAX || args_used == ARGS_MAX) return false;
        RespRequest r;
        int room = (int)(ARGS_MAX - args_used);
        switch (resp_parse(in->pos, in->end, args + args_used, room, &limits, &r)) {
        case RESP_WHOLE:
            if (r.argc) {
                Request *request = request_add(in, args + args_used, r.argc);
                request->end = r.next;
                if (!r.is_inline) {
                    request->raw = (KeelStr){in->pos, (size_t)(r.next - in->pos)};
                }
                args_used += (size_t)r.argc;
            }
            in->pos = r.next;
            /* Limits change with AUTH: what follows it is looked at afterwards. */
            if (!limits.authenticated && r.argc) {
                net_queue_again(in->client);
                return true;
            }
            break;
        case RESP_MORE:
            in->piecewise = *in->pos == '*' && (r.large || in->end - in->pos > PIECEWISE_FROM);
            return true;
        case RESP_ROOM:
            if (args_used) return false;
            in->piecewise = true;
            return true;
        case RESP_ERROR:
            request_error(in, r.error);
            return true;
        }
    }
    return true;
}

/* A request that came in pieces: whole now, or not yet. */
static void parse_pieces(Input *in) {
    KeelClient *client = in->client;
    RespLimits limits = limits_of(client);
    const char *error = NULL;
    int argc = partial_parse(client, &limits, &error);
    if (error) {
        request_error(in, error);
    } else if (argc > 0) {
        in->pos = client->query + client->partial->position;
        request_add(in, client->partial->args, argc)->end = in->pos;
        in->end = client->query + client->query_len;
        if (in->pos < in->end) net_queue_again(client); /* behind it, after its execution */
    } else {
        in->pos = in->end = NULL; /* all stays where it is */
    }
}

bool net_gather(KeelClient *client) {
    if (input_count == 0) turn_begin();
    if (input_count == INPUTS_MAX || ARENA_SIZE - arena_used < READ_ROOM + 2 * QUERY_PADDING ||
        request_count >= REQUESTS_MAX || ARGS_MAX - args_used < 1024) {
        return false;
    }
    if (client->close_now || client->flags & KEEL_CF_CLOSING) {
        /* Its last replies are on their way; nothing more is read, but its going is noticed. */
        char drop[1024];
        while (client->readable && !client->close_now && read_socket(client, drop, sizeof(drop))) {}
        if (client->ended && !client_output_bytes(client)) client_close(client);
        return true;
    }
    Input *in = &inputs[input_count];
    *in = (Input){.client = client, .first = request_count};
    bool waits = client->flags & (KEEL_CF_BLOCKED | KEEL_CF_HELD);
    if (!client->query_len && !client->partial && !waits) {
        if (!client->readable) return true;
        in->pos = arena + arena_used;
        size_t n = read_socket(client, in->pos, READ_ROOM);
        if (!n && client->ended) hang_up(client);
        if (!n) return true;
        in->end = in->pos + n;
        arena_used += n + QUERY_PADDING;
    } else {
        if (!read_behind(client)) return true;
        in->pos = client->query; /* NULL when all that came was the end, or part of an argument */
        in->end = client->query ? client->query + client->query_len : NULL;
    }
    if (client->readable) net_queue_again(client);
    if (waits) {
        if (client->ended) client_close(client); /* nobody waits any more */
        return true;
    }
    input_count++;
    if (client->partial) {
        parse_pieces(in);
    } else if (!parse_input(in)) {
        net_queue_again(client);
    }
    return true;
}

/* ---- executing ------------------------------------------------------------------------------- */

/* Requests that could not run yet are written back in front of what was not parsed. */
static void unparse(Input *in) {
    size_t rest = (size_t)(in->end - in->pos), need = rest;
    for (size_t i = in->done; i < in->count; i++) {
        const Request *r = &requests[in->first + i];
        need += 16;
        for (int a = 0; a < r->argc; a++) need += r->argv[a].len + 32;
    }
    char *query = keel_alloc(need + QUERY_PADDING), *p = query;
    for (size_t i = in->done; i < in->count; i++) {
        const Request *r = &requests[in->first + i];
        if (r->error) continue;
        p += sprintf(p, "*%d\r\n", r->argc);
        for (int a = 0; a < r->argc; a++) {
            p += sprintf(p, "$%zu\r\n", r->argv[a].len);
            memcpy(p, r->argv[a].ptr, r->argv[a].len);
            p += r->argv[a].len;
            *p++ = '\r';
            *p++ = '\n';
        }
    }
    if (rest) memcpy(p, in->pos, rest);
    KeelClient *client = in->client;
    partial_free(client);
    client_free_query(client);
    client->query = query;
    client_query_resized(client);
    client->query_len = (size_t)(p - query) + rest;
}

/* After execution: what is left of the input becomes the client's own. */
static void keep_rest(Input *in) {
    KeelClient *client = in->client;
    if (in->done < in->count) {
        unparse(in);
        return;
    }
    if (client->partial) {
        if (!in->count) return; /* still in pieces */
        partial_free(client);
    }
    size_t rest = (size_t)(in->end - in->pos);
    if (rest) {
        client_keep_query(client, in->pos, rest, READ_ROOM);
        if (in->piecewise) partial_begin(client);
    } else if (client->query_room > QUERY_KEPT) {
        client_free_query(client);
    } else {
        client->query_len = 0;
    }
}

static void settle(Input *in) {
    KeelClient *client = in->client;
    if (client->close_now) return;
    keep_rest(in);
    if (!client->ended || client->flags & KEEL_CF_CLOSING) return;
    if (client->flags & (KEEL_CF_BLOCKED | KEEL_CF_HELD)) {
        client_close(client);
    } else if (!client->in_again) {
        hang_up(client); /* what is left is half a request */
    }
}

/* A client's turn is over: who looks at its input learns how much of it ran. What did not run has
 * not left the input's end. */
static void tell_executed(const Input *in) {
    if (!in->settled) return;
    const char *position = requests[in->first + in->settled - 1].end;
    link_executed(in->client, (size_t)(in->end - position));
}

/* The context goes on to another client, or to none. */
static void leave_client(KeelCtx *c, const Input *in) {
    reply_close(c);
    if (__builtin_expect(c->client->link != NULL, 0)) tell_executed(in);
}

/* Prepares and runs the next requests. Returns how many. */
static size_t run_window(size_t from, size_t *input) {
    KeelCtx *c = &main_ctx;
    size_t n = dispatch_prefetch(requests + from, request_count - from);
    dispatch_start_clock();
    for (size_t i = from; i < from + n; i++) {
        while (i >= inputs[*input].first + inputs[*input].count) ++*input;
        Input *in = &inputs[*input];
        if (in->stopped) continue;
        KeelClient *client = in->client;
        if (client->close_now) continue;
        if (c->client != client) {
            if (c->client) leave_client(c, current);
            current = in;
            reply_open(c, client);
        }
        c->db = client->db;
        bool more = dispatch_request(c, &requests[i]);
        in->done = i - in->first + !(client->flags & KEEL_CF_HELD);
        if (__builtin_expect(client->link != NULL, 0) && !(client->flags & KEEL_CF_IN_MULTI)) {
            in->settled = in->done;
        }
        if (!more) {
            if (client->flags & KEEL_CF_CLOSING) in->done = in->count;
            in->stopped = true;
        }
        if (__builtin_expect(block_ready_pending, 0)) block_serve_ready();
    }
    dispatch_prefetch_end();
    return n;
}

bool net_executing(void) {
    return main_ctx.client != NULL;
}

void net_execute(void) {
    if (input_count == 0) return;
    size_t input = 0;
    for (size_t from = 0; from < request_count;) from += run_window(from, &input);
    if (main_ctx.client) leave_client(&main_ctx, current);
    main_ctx.client = NULL;
    for (size_t i = 0; i < input_count; i++) settle(&inputs[i]);
    if (request_count > stats.commands_per_turn_max) stats.commands_per_turn_max = request_count;
    input_count = 0;
}

static void run_one(KeelClient *client) {
    client->in_again = false;
    client->resumed = false;
    if (client->in_write_again) {
        client->in_write_again = false;
        client_queue_write(client);
    }
    if (!net_gather(client)) {
        net_execute();
        net_flush();
        net_gather(client);
    }
}

/* One round over those that are queued now; the others, or those that join meanwhile, stay. */
static void run_round(bool resumed_only) {
    size_t n = again_count, kept = 0;
    resumed_any = false;
    for (size_t i = 0; i < n; i++) {
        KeelClient *client = keel_client_by_id(again[i]);
        if (!client) continue;
        if (resumed_only && !client->resumed) again[kept++] = again[i];
        else run_one(client);
    }
    net_execute();
    memmove(again + kept, again + n, (again_count - n) * sizeof(*again));
    again_count -= n - kept;
}

void net_run_unblocked(void) {
    enum { ROUNDS_MAX = 1024 }; /* those who wake each other for ever let others in between */
    for (int i = 0; i < ROUNDS_MAX && resumed_any; i++) run_round(true);
}

bool net_run_resumed(void) {
    if (!again_count) return false;
    run_round(false);
    net_run_unblocked();
    return true;
}

/* ---- while a command runs --------------------------------------------------------------------- */

/* Clients of the batch that runs are not served out of their turn: what they sent stands in it. */
static bool in_batch(const KeelClient *client) {
    for (size_t i = 0; i < input_count; i++) {
        if (inputs[i].client == client) return true;
    }
    return false;
}

/* Runs what a client sent in a context of its own; the batch that runs is left as it is, since what
 * is parsed here stands behind what it has in the same rooms. */
static void run_meanwhile(Input *in) {
    KeelClient *client = in->client;
    KeelCtx c;
    for (size_t i = 0; i < in->count; i++) {
        Request *r = &requests[in->first + i];
        r->command = NULL; /* found as it is admitted */
        r->memo = NULL;
        r->memo_count = 0;
        memset(&c, 0, sizeof(c));
        reply_open(&c, client);
        c.db = client->db;
        dispatch_start_clock();
        bool more = dispatch_request(&c, r);
        in->done = i + !(client->flags & KEEL_CF_HELD);
        reply_close(&c);
        if (more) continue;
        if (client->flags & KEEL_CF_CLOSING) in->done = in->count;
        break;
    }
}

void net_serve_meanwhile(KeelClient *client) {
    bool waits = client->flags & (KEEL_CF_BLOCKED | KEEL_CF_HELD | KEEL_CF_CLOSING);
    if (waits || client->writer || client->link || client->close_now || in_batch(client)) {
        net_queue_again(client);
        return;
    }
    if (!arena) turn_begin();
    if (request_count >= REQUESTS_MAX || ARGS_MAX - args_used < 1024) {
        net_queue_again(client);
        return;
    }
    size_t args_before = args_used, requests_before = request_count;
    bool queued = client->in_write_queue;
    Input in = {.client = client, .first = request_count};
    if (!read_behind(client)) return;
    in.pos = client->query;
    in.end = client->query ? client->query + client->query_len : NULL;
    if (client->partial) parse_pieces(&in);
    else if (in.pos && !parse_input(&in)) net_queue_again(client);
    if (client->readable) net_queue_again(client);
    run_meanwhile(&in);
    settle(&in);
    args_used = args_before;
    request_count = requests_before;
    /* Replies that wait for the journal go with it. */
    if (queued || replies_held || !client->in_write_queue) return;
    net_forget(client);
    net_send(client);
}

/* ---- now and then ---------------------------------------------------------------------------- */

static bool cron_client(KeelClient *c, void *data) {
    (void)data;
    if (c->fd < 0) return true;
    int64_t idle = (now_ms - c->last_ms) / 1000;
    if (c->ended && idle > LAST_READ_SECONDS) {
        client_close(c);
        return true;
    }
    if (settings.timeout && idle > settings.timeout && c->kind == KEEL_CLIENT_NORMAL &&
        !(c->flags & (KEEL_CF_BLOCKED | KEEL_CF_PUBSUB | KEEL_CF_MONITOR))) {
        keel_log(KEEL_LOG_VERBOSE, "Closing idle client");
        client_close(c);
        return true;
    }
    if (!c->query_len && c->query_room && !c->partial && idle > 2) client_free_query(c);
    client_check_output(c);
    return true;
}

void net_cron(void) {
    keel_client_each(cron_client, NULL);
}
