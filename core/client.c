/* client.c - connections: their life, their output, and what the API tells of them.
 *
 * An idle client owns no buffer: requests are parsed where the turn's arena received them and replies
 * leave from the turn's arena. Only a request that came in pieces, or output that its socket did not
 * take, gets memory of the client's own. */
#include "client.h"
#include "dispatch.h"

#include "block.h"
#include "config.h"
#include "journal.h"
#include "keyspace.h"
#include "link.h"
#include "loop.h"
#include "net.h"
#include "reply.h"
#include "stats.h"

#include <arpa/inet.h>
#include <keel/log.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

KeelClient *client_first, *client_last;
size_t client_number;
size_t clients_memory[KEEL_CLIENT_KINDS];

static uint64_t next_id = 1;
static KeelClient **by_id;      /* chained hash by id, a power of two */
static size_t by_id_size;
static KeelClient **closing;    /* to be freed at the turn's end */
static size_t closing_count, closing_room;

/* ---- life ------------------------------------------------------------------------------------ */

static void by_id_grow(void) {
    size_t size = by_id_size ? by_id_size * 2 : 256;
    KeelClient **table = keel_zalloc(size * sizeof(*table));
    for (size_t i = 0; i < by_id_size; i++) {
        for (KeelClient *c = by_id[i], *next; c; c = next) {
            next = c->next_by_id;
            c->next_by_id = table[c->id & (size - 1)];
            table[c->id & (size - 1)] = c;
        }
    }
    keel_free(by_id);
    by_id = table;
    by_id_size = size;
}

KeelClient *keel_client_by_id(uint64_t id) {
    if (!by_id_size) return NULL;
    for (KeelClient *c = by_id[id & (by_id_size - 1)]; c; c = c->next_by_id) {
        if (c->id == id) return c->close_now ? NULL : c;
    }
    return NULL;
}

static void tell(KeelClient *client, KeelClientWhat what) {
    if (!hooks_count[KEEL_EVENT_CLIENT]) return;
    KeelCtx c;
    ctx_init(&c);
    KeelClientEvent event = {.client = client, .what = what};
    hooks_call(&c, KEEL_EVENT_CLIENT, &event);
    ctx_done(&c);
}

KeelClient *client_new(int fd, bool unix_socket) {
    KeelClient *c = keel_zalloc(sizeof(*c));
    c->fd = fd;
    c->id = next_id++;
    c->flags = KEEL_CF_AUTHENTICATED | (unix_socket ? KEEL_CF_UNIX : 0);
    c->db = &dbs[0];
    c->protocol = 2;
    client_account(c, (int64_t)mem_class(sizeof(*c)));
    c->created_ms = c->last_ms = now_ms;
    c->prev = client_last;
    if (client_last) {
        client_last->next = c;
    } else {
        client_first = c;
    }
    client_last = c;
    if (client_number++ >= by_id_size) by_id_grow();
    c->next_by_id = by_id[c->id & (by_id_size - 1)];
    by_id[c->id & (by_id_size - 1)] = c;
    stats.connections++;
    tell(c, KEEL_CLIENT_CONNECTED);
    return c;
}

static void free_slots(KeelClient *client) {
    for (int i = 0; i < SLOTS_MAX; i++) {
        if (client->slots[i]) hook_free_slot(client, i);
    }
}

static void client_free(KeelClient *c) {
    tell(c, KEEL_CLIENT_GONE);
    block_forget(c);
    net_forget(c);
    free_slots(c);
    partial_free(c);
    client_free_query(c);
    client_chunks_free(c);
    link_free(c);
    if (c->fd >= 0) close(c->fd);
    if (c->prev) c->prev->next = c->next; else client_first = c->next;
    if (c->next) c->next->prev = c->prev; else client_last = c->prev;
    KeelClient **at = &by_id[c->id & (by_id_size - 1)];
    while (*at != c) at = &(*at)->next_by_id;
    *at = c->next_by_id;
    client_number--;
    keel_free(c->name);
    keel_free(c->user);
    keel_free(c->lib_name);
    keel_free(c->lib_ver);
    keel_free(c);
}

void client_close(KeelClient *c) {
    if (!c->close_now && !c->pretended) clients_memory[c->kind] -= c->memory;
    c->close_now = true;
    c->flags |= KEEL_CF_CLOSING;
    if (c->in_closing || c->pretended) return;
    c->in_closing = true;
    if (closing_count == closing_room) {
        closing_room = closing_room * 2 + 64;
        closing = keel_realloc(closing, closing_room * sizeof(*closing));
    }
    closing[closing_count++] = c;
}

void clients_free_closed(void) {
    while (closing_count) client_free(closing[--closing_count]);
}

void keel_client_close(KeelClient *c, bool after_replies) {
    if (after_replies && !c->close_now) {
        c->flags |= KEEL_CF_CLOSING;
        client_queue_write(c); /* the flush closes it once all is written */
    } else {
        client_close(c);
    }
}

/* ---- output ---------------------------------------------------------------------------------- */

Chunk *client_chunk(KeelClient *c, size_t size, size_t need) {
    /* Chunks double with what waits already, up to 64 KiB. */
    while (size < 64 * 1024 && size < c->chunk_bytes) size *= 2;
    if (size < need + sizeof(Chunk)) size = need + sizeof(Chunk);
    Chunk *k = keel_alloc(size);
    k->next = NULL;
    k->len = k->sent = 0;
    k->room = keel_mem_size(k) - sizeof(Chunk);
    client_account(c, (int64_t)(k->room + sizeof(Chunk)));
    if (c->last_chunk) {
        c->last_chunk->next = k;
    } else {
        c->chunks = k;
    }
    c->last_chunk = k;
    c->chunk_count++;
    return k;
}

void client_chunk_free(KeelClient *c, Chunk *k) {
    client_account(c, -(int64_t)(k->room + sizeof(Chunk)));
    keel_free(k);
}

void client_chunks_free(KeelClient *c) {
    for (Chunk *k = c->chunks, *next; k; k = next) {
        next = k->next;
        client_chunk_free(c, k);
    }
    c->chunks = c->last_chunk = NULL;
    c->chunk_bytes = c->chunk_count = 0;
}

size_t client_output_bytes(const KeelClient *c) {
    size_t sent = c->chunks ? c->chunks->sent : 0;
    return c->arena_len + c->chunk_bytes - sent;
}

void client_write(KeelClient *c, const char *bytes, size_t len) {
    while (len) {
        Chunk *k = c->last_chunk;
        if (!k || k->len == k->room) k = client_chunk(c, 1024, len < 64 * 1024 ? len : 64 * 1024);
        size_t part = k->room - k->len < len ? k->room - k->len : len;
        memcpy(k->data + k->len, bytes, part);
        k->len += part;
        c->chunk_bytes += part;
        bytes += part;
        len -= part;
    }
}

static int limits_kind(const KeelClient *c) {
    return c->kind == KEEL_CLIENT_PRIMARY ? KEEL_CLIENT_NORMAL : c->kind;
}

static bool over_hard_limit(KeelClient *c, size_t waiting) {
    int64_t hard = settings.output_limit[limits_kind(c)].hard;
    if (hard && c->link) hard = link_hard_limit(c, hard);
    return (hard && waiting >= (size_t)hard) ||
           (!client_is_authenticated(c) && waiting > 1024 * 1024);
}

static void close_over_limit(KeelClient *c, size_t waiting) {
    KeelClientInfo info = {.size = sizeof(info)};
    keel_client_info(c, &info);
    keel_log(KEEL_LOG_WARNING,
             "Client id=%llu addr=%s omem=%zu scheduled to be closed ASAP for overcoming of output "
             "buffer limits.", (unsigned long long)c->id, info.addr, waiting);
    stats.dropped_output_limit++;
    client_close(c);
}

void client_check_output(KeelClient *c) {
    size_t waiting = client_output_bytes(c);
    if (c->link) waiting += link_waiting(c);
    if (c->fd < 0 || c->close_now) return;
    int64_t soft = settings.output_limit[limits_kind(c)].soft;
    bool over = over_hard_limit(c, waiting);
    if (soft && waiting >= (size_t)soft) {
        if (!c->over_soft_since) c->over_soft_since = now_ms / 1000;
        over = over || now_ms / 1000 - c->over_soft_since >
                           settings.output_limit[limits_kind(c)].soft_seconds;
    } else {
        c->over_soft_since = 0;
    }
    if (!over) return;
    client_chunks_free(c);
    c->arena_len = 0;
    close_over_limit(c, waiting);
}

bool client_output_room(KeelClient *c, size_t more) {
    if (c->fd < 0) return true;
    if (c->close_now) return false;
    size_t waiting = client_output_bytes(c) + more;
    if (!over_hard_limit(c, waiting)) return true;
    close_over_limit(c, waiting);
    return false;
}

/* ---- requests' memory ------------------------------------------------------------------------ */

/* Whose arguments show buffers that became values; a later giver takes its place, as commands do not
 * overlap. */
static KeelClient *giver;

void partial_free(KeelClient *c) {
    Partial *p = c->partial;
    if (!p) return;
    for (int i = 0; i < p->argc; i++) {
        if (p->buffers[i]) buffer_free(p->buffers[i]);
    }
    if (p->filling) buffer_free(p->filling);
    if (giver == c) giver = NULL;
    partial_account(c, -p->bytes);
    keel_free(p->args);
    keel_free(p->buffers);
    keel_free(p->given);
    keel_free(p);
    c->partial = NULL;
}

Buffer *client_take_buffer(KeelCtx *c, KeelStr argument) {
    KeelClient *client = c->client;
    Partial *p = client ? client->partial : NULL;
    if (!p || (c->flags & (CTX_NESTED | CTX_RETRY))) return NULL;
    for (int i = 0; i < p->argc; i++) {
        Buffer *b = p->buffers[i];
        if (!b || b->data != argument.ptr || b->len != argument.len) continue;
        if (!p->given) p->given = keel_zalloc((size_t)p->argc * sizeof(*p->given));
        p->given[i] = b;
        p->buffers[i] = NULL;
        partial_account(client, -(int64_t)keel_mem_size(b));
        giver = client;
        return b;
    }
    return NULL;
}

/* Where the buffer is among those given away, -1: it is not. */
static int given_index(const Buffer *buffer) {
    const Partial *p = giver ? giver->partial : NULL;
    if (!p || !p->given) return -1;
    for (int i = 0; i < p->argc; i++) {
        if (p->given[i] == buffer) return i;
    }
    return -1;
}

bool client_shows_buffer(const Buffer *buffer) {
    return __builtin_expect(giver != NULL, 0) && given_index(buffer) >= 0;
}

bool client_return_buffer(Buffer *buffer) {
    int i = __builtin_expect(giver != NULL, 0) ? given_index(buffer) : -1;
    if (i < 0) return false;
    giver->partial->given[i] = NULL;
    giver->partial->buffers[i] = buffer;
    partial_account(giver, (int64_t)keel_mem_size(buffer));
    return true;
}

void client_keep_query(KeelClient *c, const char *bytes, size_t len, size_t room) {
    if (room < len) room = len;
    if (c->query && bytes >= c->query && bytes <= c->query + c->query_room) {
        memmove(c->query, bytes, len);
        c->query_len = len;
        return;
    }
    if (c->query_room < room + QUERY_PADDING) {
        keel_free(c->query);
        c->query = keel_alloc(room + QUERY_PADDING);
        client_query_resized(c);
    }
    memcpy(c->query, bytes, len);
    c->query_len = len;
}

void client_free_query(KeelClient *c) {
    keel_free(c->query);
    c->query = NULL;
    client_query_resized(c);
    c->query_len = 0;
}

void client_query_resized(KeelClient *c) {
    size_t room = c->query ? keel_mem_size(c->query) : 0;
    client_account(c, (int64_t)room - (int64_t)c->query_room);
    c->query_room = room;
}

/* ---- what the API tells and sets ------------------------------------------------------------- */

KeelClient *keel_client(KeelCtx *c) {
    return c->client;
}
uint64_t keel_client_id(const KeelClient *c) {
    return c->id;
}
uint32_t keel_client_flags(const KeelClient *c) {
    return c->flags;
}
size_t keel_client_count(void) {
    return client_number;
}

void keel_client_each(bool (*each)(KeelClient *client, void *data), void *data) {
    for (KeelClient *c = client_first, *next; c; c = next) {
        next = c->next;
        if (!c->close_now && !each(c, data)) return;
    }
}

void keel_client_set_flags(KeelClient *c, uint32_t set, uint32_t clear) {
    c->flags = (c->flags & ~clear) | set;
}
void keel_client_set_kind(KeelClient *c, KeelClientKind kind) {
    int64_t bytes = (int64_t)c->memory;
    client_account(c, -bytes);
    c->kind = (uint8_t)kind;
    client_account(c, bytes);
}
KeelClientKind keel_client_kind(const KeelClient *c) {
    return (KeelClientKind)c->kind;
}
size_t keel_client_memory(const KeelClient *c) {
    return c->memory;
}
size_t keel_clients_memory(KeelClientKind kind) {
    return clients_memory[kind];
}

/* `s` may be the old text, or a part of it. */
static void set_text(char **text, KeelStr s) {
    char *old = *text;
    *text = s.len ? keel_strdup(s) : NULL;
    keel_free(old);
}
void keel_client_set_name(KeelClient *c, KeelStr name) {
    c->owns = true;
    set_text(&c->name, name);
}
void keel_client_set_lib(KeelClient *c, KeelStr name, KeelStr version) {
    c->owns = true;
    if (name.ptr) set_text(&c->lib_name, name);
    if (version.ptr) set_text(&c->lib_ver, version);
}
void keel_client_set_user(KeelClient *c, const char *user) {
    if (c->user_lent) c->user = NULL;
    else if (c->user) call_keep_user(c->user);
    c->user_lent = false;
    c->owns = true;
    set_text(&c->user, user ? keel_str(user) : KEEL_LIT(""));
    if (user) {
        c->flags |= KEEL_CF_AUTHENTICATED;
    } else {
        c->flags &= ~(uint32_t)KEEL_CF_AUTHENTICATED;
    }
}
void keel_client_set_protocol(KeelClient *c, int version) {
    c->protocol = (uint8_t)version;
    if (c->writer) {
        c->writer->flags = (c->writer->flags & ~(uint32_t)CTX_RESP3) |
                           (version == 3 ? CTX_RESP3 : 0);
    }
}

void keel_client_reset(KeelClient *c) {
    tell(c, KEEL_CLIENT_RESET);
    free_slots(c);
    c->db = &dbs[0];
    if (c->writer) c->writer->db = c->db;
    keel_client_set_protocol(c, 2);
    set_text(&c->name, KEEL_LIT(""));
    keel_client_set_kind(c, KEEL_CLIENT_NORMAL);
    c->flags &= KEEL_CF_AUTHENTICATED | KEEL_CF_UNIX | KEEL_CF_CLOSING;
}

/* "ip:port" of one end of a socket, or the Unix socket's path. */
static void address(int fd, bool local, char *out, size_t room) {
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);
    char ip[INET6_ADDRSTRLEN];
    out[0] = '\0';
    if (fd < 0) return;
    if ((local ? getsockname : getpeername)(fd, (struct sockaddr *)&a, &len) < 0) {
        snprintf(out, room, "?:0");
    } else if (a.ss_family == AF_INET) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
        inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof(ip));
        snprintf(out, room, "%s:%d", ip, ntohs(v4->sin_port));
    } else if (a.ss_family == AF_INET6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;
        inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof(ip));
        snprintf(out, room, "[%s]:%d", ip, ntohs(v6->sin6_port));
    } else {
        snprintf(out, room, "%.50s:0", settings.unixsocket ? settings.unixsocket : "");
    }
}

/* The request that runs now has left the query buffer, but it is not done with. */
static void running_request(const KeelCtx *c, KeelClientInfo *out) {
    if (!c->command || c->flags & CTX_PUSH) return;
    out->query_len += c->raw.ptr ? c->raw.len : 0;
    for (int i = 0; i < c->argc; i++) out->args_len += c->argv[i].len;
}

/* What the turn's commands have replied up to now. */
static void unfinished_output(const KeelCtx *c, KeelClientInfo *out) {
    if (c->chunk) {
        out->reply_bytes += (size_t)(c->out - c->chunk->data) - c->chunk->len;
    } else {
        out->reply_len = (size_t)(c->out - c->client->arena);
    }
}

void keel_client_info(const KeelClient *c, KeelClientInfo *out) {
    KeelClientInfo i = {.size = out->size};
    i.kind = (KeelClientKind)c->kind;
    i.id = c->id;
    i.created_ms = c->pretended ? now_ms : c->created_ms;
    i.last_ms = c->pretended ? now_ms : c->last_ms;
    i.flags = c->flags;
    i.fd = c->fd;
    i.db = c->db->id;
    i.protocol = c->protocol;
    address(c->fd, false, i.addr, sizeof(i.addr));
    address(c->fd, true, i.laddr, sizeof(i.laddr));
    i.name = c->name ? c->name : "";
    i.user = c->user ? c->user : client_is_authenticated(c) ? "default" : "";
    i.lib_name = c->lib_name ? c->lib_name : "";
    i.lib_ver = c->lib_ver ? c->lib_ver : "";
    i.command = c->last_command ? keel_command_name(c->last_command) : "NULL";
    i.query_len = c->query_len;
    i.query_free = c->query_room - c->query_len;
    i.args_len = c->args_len;
    if (c->writer) running_request(c->writer, &i);
    i.reply_len = c->arena_len;
    i.reply_chunks = c->chunk_count;
    i.reply_bytes = client_output_bytes(c) - c->arena_len;
    if (c->writer) unfinished_output(c->writer, &i);
    if (c->link) i.reply_bytes += link_waiting(c);
    i.memory = c->memory;
    i.commands = c->commands;
    i.bytes_in = c->bytes_in;
    i.bytes_out = c->bytes_out;
    memcpy(out, &i, out->size < sizeof(i) ? out->size : sizeof(i));
}

void keel_client_add_memory(KeelClient *c, int64_t bytes) {
    c->module_bytes += bytes;
    client_account(c, bytes);
    KEEL_ASSERT(c->module_bytes >= 0);
}

int keel_db(KeelCtx *c) {
    return c->db->id;
}

bool keel_db_select(KeelCtx *c, int db) {
    if (db < 0 || db >= db_count) return false;
    c->db = &dbs_of(c)[db];
    if (c->db->staged) return true; /* the client itself stays where it is */
    if (c->client && c->command && !(c->flags & CTX_PUSH)) c->client->db = c->db;
    return true;
}
