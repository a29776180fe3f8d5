/* replicas.c - who copies us: what each has said of itself, how far it is, whether it still lives.
 *
 * A connection becomes a replica's with PSYNC or SYNC; what it said with REPLCONF before waits in
 * its slot. From then on only the stream goes to it: a command whose reply would mix with the
 * stream ends the connection. */
#include "replication.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NAME_ROOM = 320, HOST_ROOM = 255 };

int replica_slot, gate_peer, gate_few;
Replica *replicas;

static size_t good;              /* those heard of in the last min-replicas-max-lag seconds */
static int64_t alone_since;      /* seconds; since the last replica has gone */

static int64_t now_seconds(void) {
    return keel_now_ms() / 1000;
}

/* ---- one of them --------------------------------------------------------------------------- */

Replica *replica_of(KeelClient *client) {
    return *keel_client_slot(client, replica_slot);
}

Replica *replica_make(KeelClient *client) {
    Replica *r = replica_of(client);
    if (r) return r;
    r = keel_zalloc(sizeof(*r));
    r->client = client;
    r->file = -1;
    *keel_client_slot(client, replica_slot) = r;
    return r;
}

/* The socket's address, without the port: "1.2.3.4", "::1" or a path. It is kept, as a socket that
 * breaks knows it no more. */
void replica_note_host(Replica *r) {
    KeelClientInfo info = {.size = sizeof(info)};
    keel_client_info(r->client, &info);
    const char *from = info.addr, *colon = strrchr(from, ':');
    size_t len = colon ? (size_t)(colon - from) : strlen(from);
    if (len >= 2 && from[0] == '[') {
        from++;
        len -= 2;
    }
    snprintf(r->socket_host, sizeof(r->socket_host), "%.*s", (int)len, from);
}

const char *replica_host(const Replica *r) {
    return r->address ? r->address : r->socket_host;
}

const char *replica_name(const Replica *r) {
    static char name[NAME_ROOM];
    const char *host = replica_host(r);
    if (!r->port) {
        snprintf(name, sizeof(name), "%s:<unknown-replica-port>", host);
    } else {
        snprintf(name, sizeof(name), strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, r->port);
    }
    return name;
}

static const char *state_name(const Replica *r) {
    switch (r->state) {
    case REPLICA_WAITING:
    case REPLICA_COPYING: return "wait_bgsave";
    case REPLICA_SENDING: return "send_bulk";
    case REPLICA_ONLINE: return "online";
    default: return "";
    }
}

static int64_t lag(const Replica *r) {
    return r->state == REPLICA_ONLINE ? now_seconds() - r->ack_ms / 1000 : 0;
}

/* ---- all of them --------------------------------------------------------------------------- */

size_t replicas_in(ReplicaState state) {
    size_t n = 0;
    for (const Replica *r = replicas; r; r = r->next) n += r->state == state;
    return n;
}

size_t replicas_at(int64_t offset) {
    size_t n = 0;
    for (const Replica *r = replicas; r; r = r->next) {
        n += r->state == REPLICA_ONLINE && r->ack_offset >= offset;
    }
    return n;
}

size_t replicas_saved_at(int64_t offset) {
    size_t n = 0;
    for (const Replica *r = replicas; r; r = r->next) {
        n += r->state == REPLICA_ONLINE && r->aof_offset >= offset;
    }
    return n;
}

Replica *replica_find(KeelStr host, int64_t port) {
    for (Replica *r = replicas; r; r = r->next) {
        if (r->port == port && keel_equal(host, keel_str(replica_host(r)))) return r;
    }
    return NULL;
}

static void tell_role(KeelCtx *c, KeelRoleWhat what, const Replica *r) {
    KeelRoleEvent event = {.what = what, .host = replica_host(r), .port = r->port,
                           .client = r->client, .replicas = replicas_in(REPLICA_ONLINE)};
    keel_event_send(c, KEEL_EVENT_ROLE, &event);
}

/* ---- coming and going ---------------------------------------------------------------------- */

void replica_enlist(Replica *r) {
    Replica **at = &replicas;
    while (*at) at = &(*at)->next;
    *at = r;
    r->next = NULL;
    keel_client_set_kind(r->client, KEEL_CLIENT_REPLICA);
    keel_gate_arm_client(r->client, gate_peer, true);
    keel_client_feed(r->client, &replica_feed);
    keel_hook_arm(KEEL_EVENT_CLIENT, replica_client_event, true);
}

void replica_online(KeelCtx *c, Replica *r) {
    r->state = REPLICA_ONLINE;
    r->ack_ms = keel_now_ms();
    few_update();
    tell_role(c, KEEL_ROLE_PEER_ONLINE, r);
}

/* Takes it off the list; the connection is about to go. */
static void leave(KeelCtx *c, Replica *r) {
    Replica **at = &replicas;
    while (*at && *at != r) at = &(*at)->next;
    if (!*at) return;
    *at = r->next;
    bool online = r->state == REPLICA_ONLINE;
    keel_log(KEEL_LOG_NOTICE, "Connection with replica %s lost.", replica_name(r));
    reader_stop(&r->reader);
    if (r->file >= 0) close(r->file);
    r->file = -1;
    r->state = REPLICA_NEW;
    if (!replicas) {
        alone_since = now_seconds();
        keel_hook_arm(KEEL_EVENT_CLIENT, replica_client_event, false);
    }
    payload_left(c);
    few_update();
    if (online) tell_role(c, KEEL_ROLE_PEER_OFFLINE, r);
}

/* Armed while somebody can go. */
void replica_client_event(KeelCtx *c, const void *data) {
    const KeelClientEvent *event = data;
    if (event->what != KEEL_CLIENT_GONE) return;
    Replica *r = replica_of(event->client);
    if (r) leave(c, r);
}

void replica_gone(KeelClient *client, void *value) {
    (void)client;
    Replica *r = value;
    keel_free(r->address);
    keel_free(r);
}

void replicas_forget(void) {
    for (Replica *r = replicas; r; r = r->next) {
        keel_client_feed(r->client, NULL);
        if (r->file >= 0) close(r->file);
        r->file = -1;
    }
    replicas = NULL;
    payload_left(NULL);
}

void replicas_close(const char *why) {
    if (replicas && why) keel_log(KEEL_LOG_NOTICE, "%s", why);
    for (Replica *r = replicas; r; r = r->next) keel_client_close(r->client, false);
}

/* ---- REPLCONF ------------------------------------------------------------------------------ */

static bool conf_address(KeelCtx *c, Replica *r, KeelStr value) {
    if (value.len > HOST_ROOM) {
        keel_reply_errorf(c, "ERR REPLCONF ip-address provided by replica instance is too long: "
                             "%zu bytes", value.len);
        return false;
    }
    keel_free(r->address);
    r->address = value.len ? keel_strdup(value) : NULL;
    return true;
}

/* The next word of a list, with the quotes that may stand around it taken off. 1; 0: there are no
 * more; -1: a quote is open. */
static int next_word(KeelStr *rest, KeelStr *word) {
    while (rest->len && *rest->ptr == ' ') rest->ptr++, rest->len--;
    if (!rest->len) return 0;
    bool quoted = *rest->ptr == '"' || *rest->ptr == '\'';
    char end = quoted ? *rest->ptr++ : ' ';
    rest->len -= quoted;
    const char *found = memchr(rest->ptr, end, rest->len);
    if (!found && quoted) return -1;
    size_t len = found ? (size_t)(found - rest->ptr) : rest->len;
    *word = (KeelStr){rest->ptr, len};
    rest->ptr += len + quoted;
    rest->len -= len + quoted;
    return 1;
}

/* What a partial copy is to have: nothing but what is named. */
static bool conf_filter(KeelCtx *c, Replica *r, KeelStr value) {
    KeelStr word;
    int more;
    bool functions = false;
    while ((more = next_word(&value, &word)) > 0) {
        if (!keel_is(word, "functions")) {
            keel_reply_errorf(c, "ERR Unsupported rdb-filter-only option: %.*s", (int)word.len,
                              word.ptr);
            return false;
        }
        functions = true;
    }
    if (more < 0) {
        keel_reply_error(c, "ERR Missing rdb-filter-only values");
        return false;
    }
    r->no_keys = true;
    r->no_functions = !functions;
    return true;
}

/* One pair of words. False: an error was replied. */
static bool conf_option(KeelCtx *c, Replica *r, KeelStr name, KeelStr value) {
    int64_t n;
    if (keel_is(name, "listening-port")) {
        if (!keel_arg_int(c, value, &n)) return false;
        r->port = (int)n;
    } else if (keel_is(name, "ip-address")) {
        return conf_address(c, r, value);
    } else if (keel_is(name, "capa")) {
        if (keel_is(value, "eof")) r->eof = true;
        if (keel_is(value, "psync2")) r->psync2 = true;
    } else if (keel_is(name, "rdb-only")) {
        if (!keel_arg_int(c, value, &n)) return false;
        if (n < 0 || n > 1) {
            keel_reply_error(c, "ERR value is out of range, value must between 0 and 1");
            return false;
        }
        r->rdb_only = n;
    } else if (keel_is(name, "rdb-filter-only")) {
        return conf_filter(c, r, value);
    } else {
        keel_reply_errorf(c, "ERR Unrecognized REPLCONF option: %s", name.ptr);
        return false;
    }
    return true;
}

static void look_at_failover(KeelCtx *c, void *data) {
    (void)data;
    failover_cron(c);
}

/* How far a replica is, each second and when asked. It is never replied to. */
static void acknowledged(KeelCtx *c, const KeelStr *argv, int argc) {
    Replica *r = replica_of(keel_client(c));
    int64_t offset;
    if (!r || r->state == REPLICA_NEW || !keel_parse_int(argv[0], &offset)) return;
    if (offset > r->ack_offset) r->ack_offset = offset;
    if (argc >= 3 && keel_is(argv[1], "fack")) {
        if (!keel_parse_int(argv[2], &offset)) return;
        if (offset > r->aof_offset) r->aof_offset = offset;
    }
    r->ack_ms = keel_now_ms();
    /* Nothing may follow the end of a copy whose length was not told until the replica has seen
     * that end. */
    if (r->state == REPLICA_ONLINE && !r->streaming) {
        r->streaming = true;
        keel_client_feed_ready(r->client);
    }
    few_update();
    wait_look(c);
    if (failing_over()) keel_post(look_at_failover, NULL); /* no command may change our role */
}

void replconf(KeelCtx *c, const KeelStr *argv, int argc) {
    if (argc % 2 == 0) {
        keel_reply_syntax(c);
        return;
    }
    if (keel_is_nested(c) || !keel_client(c)) {
        keel_reply_error(c, "ERR REPLCONF is for the connections of replicas");
        return;
    }
    for (int i = 1; i < argc; i += 2) {
        if (keel_is(argv[i], "ack")) {
            keel_reply_uncounted(c);
            acknowledged(c, argv + i + 1, argc - i - 1);
            return;
        }
        if (keel_is(argv[i], "getack")) {
            keel_reply_uncounted(c);
            if (is_replica() && primary.client) apply_acknowledge();
            return;
        }
        if (!conf_option(c, replica_make(keel_client(c)), argv[i], argv[i + 1])) return;
    }
    keel_reply_ok(c);
}

/* ---- the connection is the stream's -------------------------------------------------------- */

static void rogue(KeelCtx *c, const char *name) {
    KeelClient *client = keel_client(c);
    KeelClientInfo info = {.size = sizeof(info)};
    keel_client_info(client, &info);
    keel_log(KEEL_LOG_WARNING, "Replica generated a reply to command '%s', disconnecting it: "
             "id=%llu addr=%s laddr=%s fd=%d name=%s", name, (unsigned long long)info.id, info.addr,
             info.laddr, info.fd, info.name);
    keel_client_close(client, false);
}

static void error_to_replica(KeelStr error, const char *name) {
    keel_log(KEEL_LOG_WARNING, "== CRITICAL == This master is sending an error to its replica: "
             "'%.*s' after processing the command '%s'", (int)error.len, error.ptr, name);
}

/* Whether a command is one that says nothing back. */
static bool silent(const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    const char *name = keel_command_name(cmd);
    if (strcmp(name, "sync") == 0 || strcmp(name, "psync") == 0) return true;
    if (strcmp(name, "replconf") != 0 || argc < 3) return false;
    return keel_is(argv[1], "ack") || keel_is(argv[1], "getack");
}

/* All others run, as the real server lets them, and what they reply ends the connection. */
KeelVerdict peer_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    const Replica *r = replica_of(keel_client(c));
    if (!r || r->state == REPLICA_NEW || silent(cmd, argv, argc)) return KEEL_PASS;
    if (strcmp(keel_command_name(cmd), "replconf") != 0) {
        KeelReply *reply = keel_call(c, argv, argc, KEEL_CALL_AS_CLIENT | KEEL_CALL_JOURNAL);
        if (keel_reply_type(reply) == '-') {
            error_to_replica(keel_reply_str(reply), keel_command_name(cmd));
        }
        keel_reply_free(reply);
    }
    rogue(c, keel_command_name(cmd));
    keel_reply_uncounted(c);
    return KEEL_ANSWERED;
}

void peer_refused(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    const Replica *r = replica_of(keel_client(c));
    if (!r || r->state == REPLICA_NEW) return;
    error_to_replica(keel_reply_first_error(c), argv[0].ptr);
    rogue(c, argv[0].ptr);
}

/* ---- min-replicas-to-write ----------------------------------------------------------------- */

/* The gate is closed while there are too few, so that it costs nothing while there are enough. */
void few_update(void) {
    bool asked = min_replicas && min_replicas_lag && !is_replica();
    good = 0;
    for (const Replica *r = replicas; r; r = r->next) {
        good += r->state == REPLICA_ONLINE && lag(r) <= min_replicas_lag;
    }
    keel_gate_arm(gate_few, asked && good < (size_t)min_replicas);
}

KeelVerdict few_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)cmd, (void)argv, (void)argc;
    if (is_replica() || !keel_client(c)) return KEEL_PASS;
    keel_reply_error(c, "NOREPLICAS Not enough good replicas to write.");
    return KEEL_ANSWERED;
}

/* ---- each second --------------------------------------------------------------------------- */

static void close_timed_out(const Replica *r, const char *when) {
    keel_log(KEEL_LOG_WARNING, "Disconnecting timedout replica (%s sync): %s", when,
             replica_name(r));
    keel_client_close(r->client, false);
}

static void check_time(const Replica *r) {
    if (r->state == REPLICA_ONLINE && !r->old &&
        now_seconds() - r->ack_ms / 1000 > repl_timeout) {
        close_timed_out(r, "streaming");
    } else if (payload_stalls(r) > repl_timeout) {
        close_timed_out(r, "full");
    }
}

/* With nobody there for long the backlog is not worth its memory. What is written from then on goes
 * uncounted, so a replica that comes back must not find the id that it knows. */
static void check_backlog(void) {
    /* Its time begins when it does: a server that was started again has one from its file on. */
    if (is_replica() || !stream_is_open() || !alone_since) alone_since = now_seconds();
    if (replicas || !backlog_ttl || !stream_is_open() || is_replica()) return;
    if (now_seconds() - alone_since <= backlog_ttl) return;
    history_new();
    stream_close();
    feed_arm();
    keel_log(KEEL_LOG_NOTICE, "Replication backlog freed after %d seconds without connected "
             "replicas.", (int)backlog_ttl);
}

void replicas_cron(KeelCtx *c) {
    static int64_t seconds;
    (void)c;
    if (seconds++ % ping_period == 0 && replicas && !failing_over()) feed_words("ping", NULL);
    for (const Replica *r = replicas; r; r = r->next) {
        /* A sign of life, for a replica that waits for the copy to be made. */
        if (r->state == REPLICA_WAITING || (r->state == REPLICA_COPYING && !r->piped)) {
            replica_say(r, KEEL_LIT("\n"));
        }
        check_time(r);
    }
    check_backlog();
    few_update();
}

void replica_say(const Replica *r, KeelStr bytes) {
    KeelClient *client = r->client;
    counts.sent += bytes.len;
    keel_push_raw(&client, 1, bytes, bytes, (KeelStr){"", 0});
}

/* ---- INFO and ROLE ------------------------------------------------------------------------- */

void replicas_info(KeelInfo *info) {
    size_t n = 0;
    for (const Replica *r = replicas; r; r = r->next) n++;
    keel_info_int(info, "connected_slaves", (int64_t)n);
    if (min_replicas && min_replicas_lag) {
        keel_info_int(info, "min_slaves_good_slaves", (int64_t)good);
    }
    n = 0;
    for (const Replica *r = replicas; r; r = r->next) {
        char name[32];
        if (!*state_name(r)) continue;
        snprintf(name, sizeof(name), "slave%zu", n++);
        keel_info_field(info, name, "ip=%s,port=%d,state=%s,offset=%lld,lag=%lld", replica_host(r),
                        r->port, state_name(r), (long long)r->ack_offset, (long long)lag(r));
    }
}

void role_primary(KeelCtx *c) {
    keel_reply_array(c, 3);
    keel_reply_cstr(c, "master");
    keel_reply_int(c, history.offset);
    keel_reply_array(c, replicas_in(REPLICA_ONLINE));
    for (const Replica *r = replicas; r; r = r->next) {
        if (r->state != REPLICA_ONLINE) continue;
        keel_reply_array(c, 3);
        keel_reply_cstr(c, replica_host(r));
        keel_reply_bulk_int(c, r->port);
        keel_reply_bulk_int(c, r->ack_offset);
    }
}

/* ---- the end of all ------------------------------------------------------------------------ */

bool replicas_all_at(int64_t offset) {
    for (const Replica *r = replicas; r; r = r->next) {
        if (r->ack_offset != offset) return false;
    }
    return true;
}

void replicas_log_lagging(void) {
    size_t all = 0, behind = 0;
    for (const Replica *r = replicas; r; r = r->next) {
        all++;
        if (r->ack_offset == history.offset) continue;
        behind++;
        keel_log(KEEL_LOG_NOTICE, "Lagging replica %s reported offset %lld behind master, "
                 "lag=%lld, state=%s.", replica_name(r), (long long)(history.offset - r->ack_offset),
                 (long long)lag(r), state_name(r));
    }
    if (all) {
        keel_log(KEEL_LOG_NOTICE, "%zu of %zu replicas are in sync when shutting down.",
                 all - behind, all);
    }
}
