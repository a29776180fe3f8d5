/* replication.c - copies of this server's data on others, and of another one's here: REPLICAOF,
 * PSYNC, ROLE, WAIT, FAILOVER.
 *
 *     keel --port 6380 --replicaof 127.0.0.1 6379
 *
 * A replica asks its primary for what follows the last byte that it knows of the stream of writes.
 * If the primary still has that in its backlog, it goes on from there; otherwise it sends a whole
 * copy first, as a snapshot in Redis's format, and then what was written since. The stream is
 * Redis's, so either end may be a Redis server.
 *
 * The stream is kept once, however many replicas read it. Writes are acknowledged to clients before
 * replicas have them; WAIT is for who wants to know. */
#include "replication.h"

#include <limits.h>

enum { SAMPLES = 16, SAMPLE_MS = 100, BACKLOG_LEAST = 16 * 1024 };

int64_t backlog_size, backlog_ttl, ping_period, repl_timeout, diskless_delay;
int64_t diskless_max_replicas, min_replicas, min_replicas_lag, replica_priority;
int64_t announce_port;
int diskless_load;
bool diskless_sync, disable_nodelay, serve_stale, read_only, replica_announced;
bool ignore_maxmemory, ignore_disk_errors, lazy_flush;
char *announce_ip, *masterauth, *masteruser;
struct Counts counts;
const KeelSnapshotOps *snapshot;

/* --- settings ------------------------------------------------------------------------------- */

static bool backlog_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    if (backlog_size < BACKLOG_LEAST) backlog_size = BACKLOG_LEAST;
    stream_resize();
    return true;
}

static bool gates_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    gates_update();
    few_update();
    return true;
}

static const KeelWord load_words[] = {{"disabled", LOAD_DISABLED}, {"on-empty-db", LOAD_ON_EMPTY},
                                      {"swapdb", LOAD_SWAPDB}, {0}};

#define BOOL(n, old, field, yesno, ...)                                                            \
    {.name = n, .alias = old, .type = KEEL_CONFIG_BOOL, .var = &field, .value = yesno, __VA_ARGS__}
#define INT(n, old, field, text, low, high, ...)                                                   \
    {.name = n, .alias = old, .type = KEEL_CONFIG_INT, .var = &field, .value = text, .min = low,   \
     .max = high, __VA_ARGS__}
#define TEXT(n, old, field, ...)                                                                   \
    {.name = n, .alias = old, .type = KEEL_CONFIG_STRING, .var = &field, .value = NULL, __VA_ARGS__}

static const KeelConfig configs[] = {
    {.name = "replicaof", .alias = "slaveof", .type = KEEL_CONFIG_CUSTOM, .value = "",
     .flags = KEEL_CONFIG_IMMUTABLE | KEEL_CONFIG_MULTI, .get = replicaof_get,
     .set = replicaof_set},
    TEXT("masteruser", NULL, masteruser,
         .flags = KEEL_CONFIG_NULL_IF_EMPTY | KEEL_CONFIG_SENSITIVE),
    TEXT("masterauth", NULL, masterauth,
         .flags = KEEL_CONFIG_NULL_IF_EMPTY | KEEL_CONFIG_SENSITIVE),
    INT("repl-timeout", NULL, repl_timeout, "60", 1, INT_MAX),
    INT("repl-ping-replica-period", "repl-ping-slave-period", ping_period, "10", 1, INT_MAX),
    {.name = "repl-backlog-size", .type = KEEL_CONFIG_MEMORY, .var = &backlog_size,
     .value = "1mb", .min = 1, .max = INT64_MAX, .apply = backlog_apply},
    INT("repl-backlog-ttl", NULL, backlog_ttl, "3600", 0, INT64_MAX),
    BOOL("repl-disable-tcp-nodelay", NULL, disable_nodelay, "no"),
    BOOL("repl-diskless-sync", NULL, diskless_sync, "yes"),
    INT("repl-diskless-sync-delay", NULL, diskless_delay, "5", 0, INT_MAX),
    INT("repl-diskless-sync-max-replicas", NULL, diskless_max_replicas, "0", 0, INT_MAX),
    {.name = "repl-diskless-load", .type = KEEL_CONFIG_ENUM, .flags = KEEL_CONFIG_DENY_LOADING,
     .var = &diskless_load, .value = "disabled", .words = load_words},
    BOOL("replica-serve-stale-data", "slave-serve-stale-data", serve_stale, "yes",
         .apply = gates_apply),
    BOOL("replica-read-only", "slave-read-only", read_only, "yes", .apply = gates_apply),
    BOOL("replica-lazy-flush", "slave-lazy-flush", lazy_flush, "no"),
    BOOL("replica-ignore-maxmemory", "slave-ignore-maxmemory", ignore_maxmemory, "yes"),
    BOOL("replica-ignore-disk-write-errors", NULL, ignore_disk_errors, "no"),
    BOOL("replica-announced", NULL, replica_announced, "yes"),
    TEXT("replica-announce-ip", "slave-announce-ip", announce_ip,
         .flags = KEEL_CONFIG_NULL_IF_EMPTY),
    INT("replica-announce-port", "slave-announce-port", announce_port, "0", 0, 65535),
    INT("replica-priority", "slave-priority", replica_priority, "100", 0, INT_MAX),
    INT("min-replicas-to-write", "min-slaves-to-write", min_replicas, "0", 0, INT_MAX,
        .apply = gates_apply),
    INT("min-replicas-max-lag", "min-slaves-max-lag", min_replicas_lag, "10", 0, INT_MAX,
        .apply = gates_apply),
    {0},
};

/* --- time ----------------------------------------------------------------------------------- */

/* Bytes a second of both directions, as INFO shows them: the mean of the last samples. */
static struct Rate {
    uint64_t last;
    uint64_t samples[SAMPLES];
} rate_in, rate_out;
static unsigned sample_at;
static int64_t sampled_ms;

static void sample_rate(struct Rate *r, uint64_t now, int64_t ms) {
    r->samples[sample_at % SAMPLES] = (now - r->last) * 1000 / (uint64_t)ms;
    r->last = now;
}

static void sample(int64_t now_ms) {
    int64_t passed = now_ms - sampled_ms;
    if (passed < SAMPLE_MS) return;
    sample_rate(&rate_in, counts.received, passed);
    sample_rate(&rate_out, counts.sent, passed);
    sample_at++;
    sampled_ms = now_ms;
}

static double rate_kbps(const struct Rate *r) {
    uint64_t sum = 0;
    for (int i = 0; i < SAMPLES; i++) sum += r->samples[i];
    return (double)sum / SAMPLES / 1024;
}

static void tick(KeelCtx *c, const void *data) {
    (void)data;
    static int64_t second;
    int64_t now = keel_monotonic_ns();
    sample(now / 1000000);
    failover_cron(c);
    writable_cron(c);
    if (now / 1000000000 == second) return;
    second = now / 1000000000;
    link_cron(c);
    replicas_cron(c);
    sync_cron(c);
}

static void reset_counts(KeelCtx *c, const void *data) {
    (void)c, (void)data;
    counts = (struct Counts){0};
    rate_in = rate_out = (struct Rate){0};
}

/* --- INFO ----------------------------------------------------------------------------------- */

/* What replicas that lag make it keep beyond that is theirs. */
static size_t backlog_memory(void) {
    size_t all = stream_memory();
    return all < (size_t)backlog_size ? all : (size_t)backlog_size;
}

static void write_memory(KeelInfo *info) {
    size_t all = stream_memory(), backlog = backlog_memory();
    keel_info_int(info, "mem_replication_backlog", (int64_t)backlog);
    keel_info_int(info, "mem_total_replication_buffers", (int64_t)all);
    keel_info_int(info, "mem_clients_slaves",
                  (int64_t)(all - backlog + keel_clients_memory(KEEL_CLIENT_REPLICA)));
}

static void write_stats(KeelInfo *info) {
    keel_info_int(info, "total_net_repl_input_bytes", (int64_t)counts.received);
    keel_info_int(info, "total_net_repl_output_bytes", (int64_t)counts.sent);
    keel_info_field(info, "instantaneous_input_repl_kbps", "%.2f", rate_kbps(&rate_in));
    keel_info_field(info, "instantaneous_output_repl_kbps", "%.2f", rate_kbps(&rate_out));
    keel_info_int(info, "sync_full", (int64_t)counts.full);
    keel_info_int(info, "sync_partial_ok", (int64_t)counts.partial);
    keel_info_int(info, "sync_partial_err", (int64_t)counts.refused);
    keel_info_int(info, "slave_expires_tracked_keys", (int64_t)writable_count());
}

static void write_replication(KeelInfo *info) {
    keel_info_field(info, "role", "%s", is_replica() ? "slave" : "master");
    if (is_replica()) role_info(info);
    replicas_info(info);
    keel_info_field(info, "master_failover_state", "%s", failover_state());
    keel_info_field(info, "master_replid", "%s", history.id);
    keel_info_field(info, "master_replid2", "%s", history.id2);
    keel_info_int(info, "master_repl_offset", history.offset);
    keel_info_int(info, "second_repl_offset", history.id2_offset);
    keel_info_int(info, "repl_backlog_active", stream_is_open());
    keel_info_int(info, "repl_backlog_size", backlog_size);
    keel_info_int(info, "repl_backlog_first_byte_offset", stream_first());
    keel_info_int(info, "repl_backlog_histlen", (int64_t)stream_length());
}

/* --- DEBUG ---------------------------------------------------------------------------------- */

static void debug_change_id(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_log(KEEL_LOG_NOTICE, "Changing replication IDs after receiving DEBUG change-repl-id");
    history_new();
    keel_reply_ok(c);
}

/* Data may differ afterwards, which is what it is for. */
static void debug_replicate(KeelCtx *c, const KeelStr *argv, int argc) {
    feed_command(argv + 2, argc - 2);
    keel_reply_ok(c);
}

static const char *const change_id_help[] = {
    "CHANGE-REPL-ID", "    A new id for the stream: replicas cannot go on from where they are.",
    NULL};
static const char *const replicate_help[] = {
    "REPLICATE <word> [<word> ...]", "    Send these words as a command to the replicas.", NULL};

static const KeelDebug change_id = {.size = sizeof(KeelDebug), .call = debug_change_id,
                                    .help = change_id_help, .arity = 2};
static const KeelDebug replicate = {.size = sizeof(KeelDebug), .call = debug_replicate,
                                    .help = replicate_help, .arity = -3};

/* --- what others ask ------------------------------------------------------------------------- */

static bool link_up(void) {
    return primary.state == LINK_CONNECTED;
}

static bool syncing(void) {
    return primary.state == LINK_RECEIVING;
}

static size_t replicas_online(void) {
    return replicas_in(REPLICA_ONLINE);
}

static int64_t offset(void) {
    return history.offset;
}

static const char *id(void) {
    return history.id;
}

static bool asked_is_replica(void) {
    return is_replica();
}

static bool holds_limits(void) {
    return is_replica() && !ignore_maxmemory;
}

static const KeelReplicationOps operations = {
    .size = sizeof(KeelReplicationOps), .is_replica = asked_is_replica, .link_up = link_up,
    .syncing = syncing, .replicas_online = replicas_online, .replicas_at = replicas_at,
    .offset = offset, .id = id, .avoid_writes = failing_over,
    .holds_limits = holds_limits,
    .backlog_memory = backlog_memory,
};

/* --- tables --------------------------------------------------------------------------------- */

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    snapshot = keel_interface("snapshot", KEEL_SNAPSHOT_VERSION);
    if (!snapshot) return keel_load_error(c, "the interface \"snapshot\" is missing");
    history_new();
    role_begin();
    /* They cost something, and are on when somebody is there. */
    keel_hook_arm(KEEL_EVENT_TURN, wait_turn, false);
    keel_hook_arm(KEEL_EVENT_CLIENT, replica_client_event, false);
    return 0;
}

/* Connections, children and files in flight lead here. */
static int unload(KeelCtx *c) {
    if (is_replica() && !role_ended) return keel_load_error(c, "this server is a replica");
    if (link_busy()) return keel_load_error(c, "a name is being looked up");
    if (replicas && !role_ended) return keel_load_error(c, "replicas are connected");
    replicas_forget();
    role_unload();
    stream_close();
    feed_arm();
    return 0;
}

static const KeelInterface provides[] = {
    {"replication", KEEL_REPLICATION_VERSION, &operations},
    {"snapshot.head", 100, &file_head},
    {"debug.change-repl-id", 100, &change_id},
    {"debug.replicate", 100, &replicate},
    {0},
};

static const KeelGate gates[] = {
    {.name = "replica-readonly", .id = &gate_readonly, .rank = 70, .flags = KEEL_WRITE,
     .decide = readonly_decide, .whole = true},
    {.name = "replica-stale", .id = &gate_stale, .rank = 71, .except = KEEL_STALE,
     .decide = stale_decide, .whole = true},
    {.name = "few-replicas", .id = &gate_few, .rank = 65, .flags = KEEL_WRITE,
     .decide = few_decide, .whole = true},
    {.name = "replica-client", .id = &gate_peer, .rank = 1, .decide = peer_decide,
     .refused = peer_refused},
    {0},
};

static const KeelHook hooks[] = {
    {.event = KEEL_EVENT_CRON, .call = tick},
    {.event = KEEL_EVENT_CLIENT, .call = replica_client_event},
    {.event = KEEL_EVENT_FORK, .call = payload_reaped},
    {.event = KEEL_EVENT_TURN, .call = wait_turn},
    {.event = KEEL_EVENT_TURN, .call = apply_turn},
    {.event = KEEL_EVENT_CLIENT, .call = apply_client},
    {.event = KEEL_EVENT_START, .call = role_started},
    {.event = KEEL_EVENT_KEY_CHANGED, .call = writable_changed},
    {.event = KEEL_EVENT_SHUTDOWN, .call = role_shutdown},
    {.event = KEEL_EVENT_SHUTDOWN, .call = failover_shutdown},
    {.event = KEEL_EVENT_RESETSTAT, .call = reset_counts},
    {0},
};

static const KeelSlot slots[] = {
    {.name = "replica", .id = &replica_slot, .free = replica_gone},
    {.name = "last-write", .id = &last_write_slot},
    {0},
};

static const KeelObserver observers[] = {
    {.name = "primary-errors", .id = &apply_observer, .when = KEEL_OBSERVE_ERROR,
     .seen = apply_error},
    {0},
};

static const KeelSubscriber subscribers[] = {
    {.name = "replicas", .id = &feed_subscriber, .records = feed_records},
    {0},
};

static const KeelInfoSection info[] = {
    {.name = "Memory", .rank = 30, .write = write_memory},
    {.name = "Stats", .rank = 50, .write = write_stats},
    {.name = "Replication", .rank = 60, .write = write_replication},
    {0},
};

#define OPERATOR (KEEL_ADMIN | KEEL_NOSCRIPT)
#define LEAST "request_policy:all_shards response_policy:agg_min"
#define COPY "O(N) where N is what a copy of all data takes, or what the replica missed"
#define OF_WHOM "(host:string port:integer|(NO ONE){no-one})"

static const KeelCommand commands[] = {
    {.name = "failover",
     .args = "[TO (host:string port:integer [FORCE])]{target} [ABORT] [TIMEOUT milliseconds]",
     .flags = OPERATOR | KEEL_STALE, .call = failover, .group = "server",
     .summary = "Hands this server's part as the primary over to one of its replicas.",
     .since = "6.2.0", .complexity = "O(1)"},
    {.name = "psync", .args = "replicationid:string offset:integer",
     .flags = OPERATOR | KEEL_NO_ASYNC_LOADING | KEEL_NO_MULTI, .arity = -3,
     .call = psync, .group = "server",
     .summary = "Makes the connection one of a replica: the stream from an offset on.",
     .since = "2.8.0", .complexity = COPY},
    {.name = "replconf",
     .flags = OPERATOR | KEEL_LOADING | KEEL_STALE | KEEL_ALLOW_BUSY | KEEL_INTERNAL, .arity = -1,
     .call = replconf, .group = "server",
     .summary = "What a replica and its primary tell each other.", .since = "3.0.0",
     .complexity = "O(1)"},
    {.name = "replicaof", .args = OF_WHOM, .flags = OPERATOR | KEEL_NO_ASYNC_LOADING | KEEL_STALE,
     .call = replicaof, .group = "server",
     .summary = "Makes this server a replica of another one, or a primary.", .since = "5.0.0",
     .complexity = "O(1)"},
    {.name = "role", .flags = KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE | KEEL_FAST, .call = role,
     .group = "server", .categories = "@admin @dangerous",
     .summary = "Returns whether this server is a primary or a replica, and of whom.",
     .since = "2.8.12", .complexity = "O(1)"},
    {.name = "slaveof", .args = OF_WHOM, .flags = OPERATOR | KEEL_NO_ASYNC_LOADING | KEEL_STALE,
     .call = replicaof, .group = "server",
     .summary = "Makes this server a replica of another one, or a primary.", .since = "1.0.0",
     .complexity = "O(1)", .deprecated = "5.0.0: `REPLICAOF`"},
    {.name = "sync", .flags = OPERATOR | KEEL_NO_ASYNC_LOADING | KEEL_NO_MULTI,
     .call = sync_command, .group = "server",
     .summary = "Makes the connection one of a replica: a copy and the stream behind it.",
     .since = "1.0.0", .complexity = COPY},
    {.name = "wait", .args = "numreplicas:integer timeout:integer", .call = wait_command,
     .summary = "Waits until so many replicas have this connection's writes.", .since = "3.0.0",
     .complexity = "O(1)", .group = "generic", .categories = "@connection", .tips = LEAST},
    {.name = "waitaof", .args = "numlocal:integer numreplicas:integer timeout:integer",
     .flags = KEEL_NOSCRIPT, .call = waitaof_command,
     .summary = "Waits until this connection's writes are in append-only files on disk.",
     .since = "7.2.0", .complexity = "O(1)", .group = "generic", .categories = "@connection",
     .tips = LEAST},
    {0},
};

KEEL_MODULE(.name = "replication", .version = "1.0.0",
            .summary = "Copies of the data on other servers: REPLICAOF, PSYNC, WAIT, FAILOVER.",
            .needs = "snapshot connection", .commands = commands, .configs = configs,
            .gates = gates, .observers = observers, .hooks = hooks, .slots = slots, .subscribers = subscribers,
            .info = info, .provides = provides, .load = load, .unload = unload);
