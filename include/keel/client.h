/* keel/client.h - connections: what is known of them, and what a module keeps with them. */
#ifndef KEEL_CLIENT_H
#define KEEL_CLIENT_H

#include <keel/base.h>

/* The caller's client. NULL in callbacks that no client caused. */
KEEL_API KeelClient *keel_client(KeelCtx *c);
KEEL_API KeelClient *keel_client_by_id(uint64_t id);
/* Ids start at 1 and are never used again. */
KEEL_API uint64_t keel_client_id(const KeelClient *client);
/* Calls `each` for every connected client, oldest first; stops when it returns false. `each` may
 * close clients: they go at the turn's end. */
KEEL_API void keel_client_each(bool (*each)(KeelClient *client, void *data), void *data);
KEEL_API size_t keel_client_count(void);

typedef enum KeelClientKind {
    KEEL_CLIENT_NORMAL,
    KEEL_CLIENT_REPLICA, /* a peer that is fed the journal */
    KEEL_CLIENT_PUBSUB,
    KEEL_CLIENT_PRIMARY, /* the peer that feeds us */
    KEEL_CLIENT_KINDS    /* how many kinds there are */
} KeelClientKind;

enum {
    KEEL_CF_REPLY_OFF = 1u << 0,      /* CLIENT REPLY OFF: replies are dropped */
    KEEL_CF_REPLY_SKIP = 1u << 1,     /* the reply of the running command is dropped */
    KEEL_CF_REPLY_SKIP_NEXT = 1u << 2,
    KEEL_CF_NO_TOUCH = 1u << 3,       /* reads do not move access clocks */
    KEEL_CF_NO_EVICT = 1u << 4,
    KEEL_CF_AUTHENTICATED = 1u << 5,
    KEEL_CF_UNIX = 1u << 6,
    KEEL_CF_BLOCKED = 1u << 7,
    KEEL_CF_CLOSING = 1u << 8,        /* closes when its replies are written */
    KEEL_CF_MONITOR = 1u << 9,
    KEEL_CF_IN_MULTI = 1u << 10,
    KEEL_CF_DIRTY_CAS = 1u << 11,
    KEEL_CF_TRACKING = 1u << 12,
    KEEL_CF_READONLY = 1u << 13,
    KEEL_CF_HELD = 1u << 14,          /* a gate holds its next command back */
    KEEL_CF_PUBSUB = 1u << 15,
    KEEL_CF_BAD_REQUEST = 1u << 16,   /* it sent what is no request, and closes for that */
};

/* A snapshot of a client for CLIENT LIST and the like. Strings live as long as the client. */
typedef struct KeelClientInfo {
    uint32_t size;          /* set by the caller: sizeof(KeelClientInfo) */
    KeelClientKind kind;
    uint64_t id;
    int64_t created_ms, last_ms; /* wall clock of the connect and of the last request */
    uint32_t flags;         /* KEEL_CF_* */
    int fd, db, protocol;
    char addr[64], laddr[64]; /* "ip:port", "[v6]:port" or "path:0", as CLIENT LIST prints them */
    const char *name, *user, *lib_name, *lib_ver; /* "" when not set */
    const char *command;    /* the last one, "config|get"; "NULL" before the first */
    size_t query_len, query_free, args_len, reply_len, reply_chunks, reply_bytes, memory;
    uint64_t commands, bytes_in, bytes_out;
} KeelClientInfo;
KEEL_API void keel_client_info(const KeelClient *client, KeelClientInfo *info);
/* Memory that a module keeps for a client, more or less of it: KeelClientInfo.memory and whatever
 * limits clients count it. What a slot's `free` gives back it takes off here. */
KEEL_API void keel_client_add_memory(KeelClient *client, int64_t bytes);

/* A number about clients that only its module knows and CLIENT LIST has a column for. The module
 * provides it as the interface "client.COLUMN" ("client.multi", "client.sub"), version 100; a
 * column that nobody provides shows what a client without such things would. */
typedef struct KeelClientColumn {
    uint32_t size;
    int64_t (*value)(KeelClient *client);
} KeelClientColumn;

/* Who decides about sign-ins before passwords are looked at provides this as the interface
 * "authenticator", version 100. It has set the client's user when it says that it is done, and
 * replied an error when it denies. When it says that it must wait, it has blocked the command (or
 * replied why it could not), whose handler returns at once and is called again, with the same
 * arguments, when the answer is known. */
typedef enum KeelSignIn {
    KEEL_SIGN_IN_OTHERS,
    KEEL_SIGN_IN_DONE,
    KEEL_SIGN_IN_DENIED,
    KEEL_SIGN_IN_WAITS,
} KeelSignIn;
typedef struct KeelAuthenticator {
    uint32_t size;
    KeelSignIn (*authenticate)(KeelCtx *c, KeelStr user, KeelStr password);
} KeelAuthenticator;

/* Single facts of it. Cost: a load. */
KEEL_API KeelClientKind keel_client_kind(const KeelClient *client);
KEEL_API size_t keel_client_memory(const KeelClient *client);
/* Memory of all connections of a kind, those left out that are about to close. Cost: a load. */
KEEL_API size_t keel_clients_memory(KeelClientKind kind);
KEEL_API uint32_t keel_client_flags(const KeelClient *client);
/* Sets or clears KEEL_CF_* bits that modules own: REPLY_*, NO_TOUCH, NO_EVICT, MONITOR, IN_MULTI,
 * DIRTY_CAS, TRACKING, READONLY, PUBSUB. */
KEEL_API void keel_client_set_flags(KeelClient *client, uint32_t set, uint32_t clear);
KEEL_API void keel_client_set_kind(KeelClient *client, KeelClientKind kind);
/* Copies; the caller has checked the characters. */
KEEL_API void keel_client_set_name(KeelClient *client, KeelStr name);
/* The same; one whose ptr is NULL stays as it is. */
KEEL_API void keel_client_set_lib(KeelClient *client, KeelStr name, KeelStr version);
/* Lifts the small limits of unauthenticated clients (NULL user: puts them back). */
KEEL_API void keel_client_set_user(KeelClient *client, const char *user);
KEEL_API void keel_client_set_protocol(KeelClient *client, int version);
/* Closes it: at once, or when what was replied so far has been written. */
KEEL_API void keel_client_close(KeelClient *client, bool after_replies);
/* A connection back to how it began, for RESET: database 0, RESP2, no name, no flags. */
KEEL_API void keel_client_reset(KeelClient *client);

/* Writes a message that no command of this client asked for (a push, a monitor line, a message).
 * Returns a context for the reply functions, and for nothing else: nothing is counted. Every
 * keel_push_begin() is followed by its keel_push_end(), with no other call for this client between
 * them. What is pushed to the client whose command runs now comes behind that command's reply, and
 * comes also when the reply itself is switched off. */
KEEL_API KeelCtx *keel_push_begin(KeelClient *client);
KEEL_API void keel_push_end(KeelCtx *c);
/* The same message, ready in protocol form, to `n` clients: `head2` or `head3`, whichever is of the
 * client's protocol, and `body`. Returns how many took it: those that close do not. Clients that
 * exceed their limits are marked for closing as usual. Cost: a copy for each. */
KEEL_API size_t keel_push_raw(KeelClient *const *clients, size_t n, KeelStr head2, KeelStr head3,
                              KeelStr body);

/* Slots: a pointer per client for a module's own use. Declared in .slots; `*id` is filled by the
 * host at load. `free`, when set, gets every non-NULL value as its client goes, is reset, or as
 * the module is unloaded. */
typedef struct KeelSlot {
    const char *name;
    int *id;
    void (*free)(KeelClient *client, void *value);
} KeelSlot;
/* The slot's pointer, NULL at first; assign through it. Cost: a load. */
KEEL_API void **keel_client_slot(KeelClient *client, int id);

#endif
