/* partial.c - requests that arrive in pieces: many arguments, or long ones.
 *
 * Nothing is parsed twice. Short arguments stay in the query buffer, which only grows until the
 * request is whole, and are kept as offsets. An argument of BUFFER_ARG_MIN bytes or more has a
 * Buffer that the socket is read straight into and that a handler may take over as a value. Up to
 * WHOLE_MAX it has its size from the start, as pages that nobody touched cost nothing; a longer one
 * grows with what really arrived. */
#include "partial.h"

#include "net.h"

#include <keel/log.h>
#include <stdio.h>

enum { WHOLE_MAX = 16 * 1024 * 1024 };

void partial_begin(KeelClient *client) {
    Partial *p = keel_zalloc(sizeof(*p));
    p->left = -1; /* the count comes first */
    p->bulk = -1;
    client->partial = p;
    partial_account(client, (int64_t)mem_class(sizeof(*p)));
}

static void add_argument(KeelClient *client, KeelStr arg, Buffer *buffer) {
    Partial *p = client->partial;
    if (p->argc == p->room) {
        int64_t each = sizeof(*p->args) + sizeof(*p->buffers), before = p->room;
        p->room = p->room ? p->room * 2 : 64;
        partial_account(client, (p->room - before) * each);
        p->args = keel_realloc(p->args, (size_t)p->room * sizeof(*p->args));
        p->buffers = keel_realloc(p->buffers, (size_t)p->room * sizeof(*p->buffers));
    }
    p->args[p->argc] = arg;
    p->buffers[p->argc++] = buffer;
    p->bulk = -1;
    p->left--;
}

char *partial_target(KeelClient *client, size_t *room) {
    Partial *p = client->partial;
    if (!p || !p->filling || p->filling->len == (size_t)p->bulk + 2) return NULL;
    Buffer *b = p->filling;
    size_t whole = (size_t)p->bulk + 2;
    if (b->len == b->room && b->room < whole) {
        size_t grown = b->room * 8 < whole ? b->room * 8 : whole;
        int64_t before = (int64_t)keel_mem_size(b);
        b = keel_try_realloc(b, sizeof(Buffer) + grown);
        if (!b) {
            client_close(client);
            return NULL;
        }
        partial_account(client, (int64_t)keel_mem_size(b) - before);
        b->room = grown;
        p->filling = b;
    }
    *room = (b->room < whole ? b->room : whole) - b->len;
    return b->data + b->len;
}

void partial_filled(KeelClient *client, size_t n) {
    client->partial->filling->len += n;
}

/* The length of the next argument, and for a long one its buffer with what came of it. 1: known, 0:
 * more bytes needed, -1 with *error. */
static int next_bulk(KeelClient *client, const RespLimits *limits, const char **error) {
    static char text[64];
    Partial *p = client->partial;
    char *at = client->query + p->position, *end = client->query + client->query_len;
    if (at == end) return 0;
    if (*at != '$') {
        snprintf(text, sizeof(text), "expected '$', got '%c'", *at);
        *error = text;
        return -1;
    }
    const char *next;
    int64_t len;
    int got = resp_number(at + 1, end, &len, &next);
    if (got == 0) return 0;
    *error = got == -2 ? "too big bulk count string"
             : got < 0 ? "invalid bulk length" : resp_bulk_error(len, limits);
    if (*error) return -1;
    p->bulk = len;
    p->position = (size_t)(next - client->query);
    if (len < BUFFER_ARG_MIN) return 1;
    size_t whole = (size_t)len + 2, have = client->query_len - p->position;
    if (have > whole) have = whole;
    size_t room = whole < WHOLE_MAX ? whole : WHOLE_MAX;
    p->filling = buffer_try_new(have, room > have ? room : have);
    if (!p->filling) {
        *error = "out of memory";
        return -1;
    }
    partial_account(client, (int64_t)keel_mem_size(p->filling));
    memcpy(p->filling->data, client->query + p->position, have);
    p->position += have;
    if (p->position == client->query_len) {
        /* What the buffer has now need not stay in the query buffer as well. */
        client->query_len -= have;
        p->position -= have;
    }
    return 1;
}

int partial_parse(KeelClient *client, const RespLimits *limits, const char **error) {
    Partial *p = client->partial;
    *error = NULL;
    if (p->left < 0) {
        const char *next;
        int64_t count;
        int got = resp_number(client->query + 1, client->query + client->query_len, &count, &next);
        if (got == 0) return 0;
        *error = got == -2 ? "too big mbulk count string"
                 : got < 0 ? "invalid multibulk length" : resp_count_error(count, limits);
        if (*error) return 0;
        p->left = count;
        p->position = (size_t)(next - client->query);
    }
    while (p->left > 0) {
        if (p->bulk < 0) {
            int got = next_bulk(client, limits, error);
            if (got <= 0) return 0;
        }
        size_t len = (size_t)p->bulk;
        if (p->filling) {
            Buffer *b = p->filling;
            if (b->len < len + 2) return 0;
            b->len = len;
            b->data[len] = '\0';
            p->filling = NULL;
            add_argument(client, (KeelStr){b->data, len}, b);
        } else {
            if (client->query_len - p->position < len + 2) return 0;
            add_argument(client, (KeelStr){(const char *)(uintptr_t)p->position, len}, NULL);
            p->position += len + 2;
        }
    }
    for (int i = 0; i < p->argc; i++) {
        if (p->buffers[i]) continue;
        p->args[i].ptr = client->query + (uintptr_t)p->args[i].ptr;
        ((char *)p->args[i].ptr)[p->args[i].len] = '\0';
    }
    return p->argc;
}
