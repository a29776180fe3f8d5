/* apply.c - the primary's stream: commands of a client like any other, whose replies nobody gets.
 *
 * The bytes go into our own stream as they come, for replicas of ours, and become visible there as
 * they are executed: offsets are the same all along a chain. What was executed is acknowledged each
 * second, and when the primary asks (REPLCONF GETACK), which says that this server has it; with an
 * append-only file also up to where it is safe on disk. */
#include "replication.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int apply_observer;

static int64_t base;            /* offset before the first byte that the tap counts */
static bool ack_wanted;

/* What of the stream the append-only file has on disk: all up to `synced`, and all up to `marked`
 * once `mark` bytes of it are. -1: nothing is known. */
static struct {
    int64_t synced, marked;
    uint64_t mark;
} file = {.synced = -1, .marked = -1};

/* --- acknowledging -------------------------------------------------------------------------- */

/* Call with the journal flushed: what the file was given is what history.offset has. */
static void look_at_file(void) {
    const KeelAofOps *aof = aof_interface();
    if (!aof || !aof->whole()) {
        file.synced = file.marked = -1;
        return;
    }
    if (file.marked >= 0 && aof->synced() >= file.mark) {
        file.synced = file.marked;
        file.marked = -1;
    }
    if (file.marked < 0 || aof->synced() >= aof->written()) {
        file.marked = history.offset;
        file.mark = aof->written();
        if (aof->synced() >= file.mark) file.synced = file.marked;
    }
}

void apply_acknowledge_now(void) {
    char out[160], offset[KEEL_INT_ROOM], synced[KEEL_INT_ROOM];
    if (!primary.client || primary.old) return;
    keel_journal_flush();
    look_at_file();
    size_t digits = keel_format_int(offset, history.offset);
    int len = snprintf(out, sizeof(out), "*%d\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$%zu\r\n%s\r\n",
                       file.synced >= 0 ? 5 : 3, digits, offset);
    if (file.synced >= 0) {
        digits = keel_format_int(synced, file.synced);
        len += snprintf(out + len, sizeof(out) - (size_t)len, "$4\r\nFACK\r\n$%zu\r\n%s\r\n",
                        digits, synced);
    }
    KeelStr none = {"", 0};
    keel_push_raw(&primary.client, 1, none, none, (KeelStr){out, (size_t)len});
}

void apply_acknowledge(void) {
    if (!primary.client) return;
    ack_wanted = true;
    keel_hook_arm(KEEL_EVENT_TURN, apply_turn, true);
}

/* The turn's writes have been handed to files by now. */
void apply_turn(KeelCtx *c, const void *data) {
    (void)c;
    if (((const KeelTurnEvent *)data)->phase != KEEL_BEFORE) return;
    if (ack_wanted) apply_acknowledge_now();
    ack_wanted = false;
    keel_hook_arm(KEEL_EVENT_TURN, apply_turn, false);
}

/* --- the tap -------------------------------------------------------------------------------- */

static void received(KeelClient *client, KeelStr bytes) {
    if (client != primary.client) return;
    primary.heard_ms = steady_ms();
    primary.read_offset += (int64_t)bytes.len;
    counts.received += bytes.len;
    stream_stage(bytes.ptr, bytes.len);
}

static void executed(KeelCtx *c, KeelClient *client, uint64_t bytes) {
    if (client != primary.client) return;
    primary.db = keel_db(c);
    stream_reach(base + (int64_t)bytes);
    for (Replica *r = replicas; r; r = r->next) {
        if (r->streaming) keel_client_feed_ready(r->client);
    }
}

static const KeelTap tap = {.size = sizeof(KeelTap), .received = received, .executed = executed};

/* --- the link ------------------------------------------------------------------------------- */

static void tell_link(KeelCtx *c, KeelRoleWhat what) {
    KeelRoleEvent event = {.what = what, .host = primary.host, .port = primary.port,
                           .replicas = replicas_in(REPLICA_ONLINE)};
    keel_event_send(c, KEEL_EVENT_ROLE, &event);
}

void apply_start(KeelCtx *c, KeelStr head) {
    int fd = primary.fd;
    KEEL_FD_WATCH(fd, 0, NULL, NULL);
    KeelClient *client = keel_client_adopt(fd, KEEL_CLIENT_PRIMARY, head);
    if (!client) {
        keel_log(KEEL_LOG_WARNING, "Can't serve the connection to MASTER");
        link_drop(c);
        return;
    }
    primary.fd = -1;
    primary.client = client;
    primary.state = LINK_CONNECTED;
    primary.down_since = 0;
    primary.heard_ms = steady_ms();
    primary.read_offset = base = history.offset;
    file.synced = file.marked = -1;
    stream_open();
    if (primary.db >= keel_db_count()) primary.db = 0;
    keel_client_set_db(client, primary.db);
    keel_client_set_flags(client, KEEL_CF_REPLY_OFF, 0);
    keel_client_tap(client, &tap);
    counts.received -= head.len; /* they were counted as they came */
    keel_observer_arm(apply_observer, true);
    gates_client(client);
    gates_update();
    tell_link(c, KEEL_ROLE_LINK_UP);
}

/* The stream stands where it was executed up to; what came beyond that is asked for again. */
static void link_lost(KeelCtx *c) {
    primary.client = NULL;
    primary.read_offset = history.offset;
    primary.state = LINK_CONNECT;
    primary.down_since = time(NULL);
    keel_observer_arm(apply_observer, false);
    stream_cut();
    gates_update();
    tell_link(c, KEEL_ROLE_LINK_DOWN);
}

void apply_stop(KeelCtx *c) {
    KeelClient *client = primary.client;
    if (!client) return;
    keel_journal_flush();
    link_lost(c);
    keel_client_close(client, false);
}

/* Connections that come meet the gates of the others; the primary's may go. */
void apply_client(KeelCtx *c, const void *data) {
    const KeelClientEvent *event = data;
    if (event->what == KEEL_CLIENT_CONNECTED) {
        gates_client(event->client);
        return;
    }
    if (event->what != KEEL_CLIENT_GONE || event->client != primary.client) return;
    keel_log(KEEL_LOG_NOTICE, "Connection with master lost.");
    if (keel_client_flags(event->client) & KEEL_CF_BAD_REQUEST) {
        primary.can_continue = false; /* it would send the same again */
        keel_log(KEEL_LOG_WARNING, "What the master sent is no command: a full copy is needed");
    } else {
        keel_log(KEEL_LOG_NOTICE, "Caching the disconnected master state.");
    }
    link_lost(c);
    keel_log(KEEL_LOG_NOTICE, "Reconnecting to MASTER %s:%d", primary.host, primary.port);
    link_connect_soon();
}

/* --- errors --------------------------------------------------------------------------------- */

static bool panics_on_errors(void) {
    char policy[32] = "ignore";
    keel_config_get(KEEL_LIT("propagation-error-behavior"), policy, sizeof(policy), NULL);
    return read_only && strncmp(policy, "panic", 5) == 0;
}

/* A command that the primary could execute fails here: the data is no longer the same. */
void apply_error(KeelCtx *c, const KeelCall *call) {
    if (keel_client(c) != primary.client || !primary.client || call->nested) return;
    const char *name = call->command ? keel_command_name(call->command) : "<unknown>";
    keel_log(KEEL_LOG_WARNING, "== CRITICAL == This replica is sending an error to its master: "
             "'%.*s' after processing the command '%s'", (int)call->error.len, call->error.ptr,
             name);
    keel_stat_add("unexpected_error_replies", 1);
    if (panics_on_errors()) {
        keel_panic(__FILE__, __LINE__, "This replica panicked sending an error to its master after "
                   "processing the command '%s'", name);
    }
}
