/* client.h - a connection: its socket, what it sent, what it is owed. */
#ifndef CORE_CLIENT_H
#define CORE_CLIENT_H

#include "command.h"
#include "ctx.h"
#include "entry.h"
#include "hook.h"

struct Db;
struct Blocked;
struct Link;

/* A piece of output that waits for its socket. */
typedef struct Chunk {
    struct Chunk *next;
    size_t len, sent, room;
    char data[];
} Chunk;

/* A command that arrives in pieces: too many arguments or too long ones to parse again with each
 * read. Its arguments are kept as offsets into the query buffer until it is whole. */
typedef struct Partial {
    int64_t left;        /* arguments still to come */
    int64_t bulk;        /* length of the argument being read, -1: its header is next */
    size_t position;     /* in the query buffer: what is parsed so far */
    int argc, room;
    KeelStr *args;       /* ptr is an offset, or a Buffer's data when buffers[i] */
    Buffer **buffers;    /* an argument's own buffer, NULL for the others */
    Buffer **given;      /* those that became values, at the same indices; NULL: none did */
    Buffer *filling;     /* the buffer that the socket is read into right now */
    int64_t bytes;       /* that it takes, buffers included */
} Partial;

struct KeelClient {
    /* read on every turn */
    int fd;
    uint32_t flags;            /* KEEL_CF_* */
    uint64_t gates;            /* armed for this client */
    struct Db *db;
    uint8_t protocol;          /* 2 or 3 */
    uint8_t kind;              /* KeelClientKind */
    bool close_now;            /* free at the turn's end */
    bool readable;             /* its socket may have bytes */
    bool hung_up;              /* the peer closed: read to the end */
    bool ended;                /* the end has been read; what was sent before it still runs */
    bool in_write_queue, in_write_again, in_again, in_closing;
    bool resumed;              /* in_again because its wait is over */
    const KeelCommandRef *last_command;
    char *query;               /* unparsed bytes; NULL: none */
    size_t query_len, query_room;
    Partial *partial;
    /* output: first `arena`, then the chunks */
    char *arena;               /* in this turn's reply arena */
    size_t arena_len;
    Chunk *chunks, *last_chunk;
    size_t chunk_bytes, chunk_count;
    KeelCtx *writer;           /* the context that is writing to it now */
    struct KeelClient *next_write;
    struct Link *link;         /* output and input that modules have to do with; NULL: none */
    int64_t over_soft_since;   /* seconds; output above the soft limit since then */

    /* seldom */
    uint64_t id;
    struct KeelClient *next, *prev;        /* all clients, oldest first */
    struct KeelClient *next_by_id;
    int64_t created_ms, last_ms;
    uint64_t commands, bytes_in, bytes_out;
    char *name, *user, *lib_name, *lib_ver;
    void *slots[SLOTS_MAX];
    struct Blocked *blocked;
    struct KeelClient *stands_for; /* of a pretended one: whose slots it uses; NULL: its own */
    bool owns;                     /* of a pretended one: slots, texts or a user to be freed */
    bool user_lent;                /* of a pretended one: `user` is its client's */
    bool pretended;                /* without a socket, for keel_call(): in no list, never freed */
    bool may_wait;                 /* a pretended one of keel_call_waiting(): see call_wait.h */
    size_t args_len;
    int64_t module_bytes;          /* kept for it by modules, as they say */
    size_t memory;                 /* all that it takes, the line above included */
};

extern KeelClient *client_first, *client_last;
extern size_t client_number;
/* What connections of each kind take together, without those that are about to close. */
extern size_t clients_memory[KEEL_CLIENT_KINDS];
/* The client takes so much more, or less. Buffers are counted as the allocator reserves them. */
static inline void client_account(KeelClient *client, int64_t bytes) {
    client->memory += (size_t)bytes;
    if (!client->pretended && !client->close_now) clients_memory[client->kind] += (size_t)bytes;
}

/* A client for a fresh socket. */
KeelClient *client_new(int fd, bool unix_socket);
/* At the turn's end: everything of it goes. */
void clients_free_closed(void);
/* Marks for freeing; the socket is shut at the turn's end. */
void client_close(KeelClient *client);

/* Output. `client_write` appends bytes outside a context. */
void client_write(KeelClient *client, const char *bytes, size_t len);
/* Adds a chunk with room for `need` bytes, of at least `size` bytes itself. */
Chunk *client_chunk(KeelClient *client, size_t size, size_t need);
void client_chunk_free(KeelClient *client, Chunk *chunk);
void client_chunks_free(KeelClient *client);
void client_queue_write(KeelClient *client);
/* The same for output that no request of the client asked for: replies are written before it. */
void client_queue_message(KeelClient *client);
size_t client_output_bytes(const KeelClient *client);
/* Closes it when its output is over a limit of its kind. */
void client_check_output(KeelClient *client);
/* Whether `more` bytes may wait beside what waits already. False: the client closes; nothing was
 * freed, so it may be asked from within a reply. */
bool client_output_room(KeelClient *client, size_t more);

/* The buffer behind this argument of the running command, if it has one of its own; it is the
 * caller's then. The command's arguments still show it, to the journal and to observers: whoever
 * frees or changes a value's buffer asks the two functions below first. */
Buffer *client_take_buffer(KeelCtx *c, KeelStr argument);
/* Whether arguments show this buffer, so that its bytes must stay as they are. */
bool client_shows_buffer(const Buffer *buffer);
/* A value's buffer is no longer needed. True: arguments show it, and it now goes with them; false:
 * the caller frees it. */
bool client_return_buffer(Buffer *buffer);

/* Frees the parse state of a command in pieces. */
void partial_free(KeelClient *client);
/* It takes so much more, or less, and its client with it. */
static inline void partial_account(KeelClient *client, int64_t bytes) {
    client->partial->bytes += bytes;
    client_account(client, bytes);
}
/* Moves what is left to parse to the front of the client's own query buffer. */
void client_keep_query(KeelClient *client, const char *bytes, size_t len, size_t room);
void client_free_query(KeelClient *client);
/* Notes that the query buffer has a new size. */
void client_query_resized(KeelClient *client);
/* Bytes of requests that wait to be whole. */
static inline size_t client_query_bytes(const KeelClient *client) {
    return client->query_len;
}
/* Readable bytes that always follow a query: names are compared in words. */
#define QUERY_PADDING 64

static inline bool client_is_authenticated(const KeelClient *client) {
    return client->flags & KEEL_CF_AUTHENTICATED;
}

#endif
