/* role.c - what this server is: REPLICAOF, ROLE, INFO's fields of a replica, and what changes when
 * a primary becomes a replica or the other way round.
 *
 * A primary that becomes a replica keeps its stream and asks the new primary to go on from there:
 * if that one was its replica until now, it can. A replica that becomes a primary goes on under a
 * new id and keeps the old one as the second, so that its fellow replicas can follow it without a copy.
 * A snapshot's file says where in the stream it stands, so that the same holds after a restart. */
#include "replication.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* --- changing ------------------------------------------------------------------------------- */

static bool end_wait(KeelClient *client, void *data) {
    (void)data;
    if (!(keel_client_flags(client) & KEEL_CF_BLOCKED)) return true;
    if (keel_client_unblock(client, "UNBLOCKED force unblock from blocking operation, instance "
                                    "state changed (master -> replica?)")) {
        keel_client_close(client, true);
    }
    return true;
}

static void tell_role(KeelCtx *c) {
    KeelRoleEvent event = {.what = is_replica() ? KEEL_ROLE_REPLICA : KEEL_ROLE_PRIMARY,
                           .host = primary.host, .port = primary.port,
                           .replicas = replicas_in(REPLICA_ONLINE)};
    keel_event_send(c, KEEL_EVENT_ROLE, &event);
}

/* Keys go by themselves on a primary; a replica waits for the primary's word. */
static void follow(bool on) {
    static bool following;
    if (on == following) return;
    following = on;
    keel_expire_on_access(!on);
    keel_hook_arm(KEEL_EVENT_CLIENT, apply_client, on);
    keel_set_follower(on);
}

static void set_host(const char *host, int port) {
    char *copy = host ? keel_strdup(keel_str(host)) : NULL; /* it may be the old one */
    keel_free(primary.host);
    primary.host = copy;
    primary.port = host ? port : 0;
}

static void become_primary(KeelCtx *c) {
    const KeelAofOps *aof = aof_interface();
    if (!is_replica()) return;
    link_drop(c);
    set_host(NULL, 0);
    primary.state = LINK_NONE;
    primary.can_continue = false;
    primary.down_since = 0;
    history_fork();
    replicas_close("this server is a primary now");
    follow(false);
    feed_forget_db();
    feed_arm();
    gates_update();
    tell_role(c);
    if (aof) aof->resume(c);
}

/* As the primary that it was, it may go on from where its own history ends. */
static void become_replica(KeelCtx *c, const char *host, int port) {
    bool was_primary = !is_replica();
    link_drop(c);
    keel_client_each(end_wait, NULL);
    set_host(host, port);
    follow(true);
    feed_arm();
    if (was_primary) {
        primary.can_continue = true;
        primary.db = 0;
        stream_open();
    }
    primary.down_since = 0;
    primary.state = LINK_CONNECT;
    gates_update();
    tell_role(c);
    link_connect(c);
}

void role_set(KeelCtx *c, const char *host, int port) {
    keel_journal_flush(); /* what was written up to now belongs to the history up to now */
    if (host) become_replica(c, host, port);
    else become_primary(c);
}

/* Who asked for it, for the log. */
static const char *asker(KeelCtx *c) {
    static char text[512];
    KeelClientInfo info = {.size = sizeof(info)};
    keel_client_info(keel_client(c), &info);
    snprintf(text, sizeof(text), "id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%.64s db=%d "
                                 "user=%.32s", info.id, info.addr, info.laddr, info.fd,
             info.name, info.db, info.user);
    return text;
}

void replicaof(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t port;
    (void)argc;
    if (failing_over()) {
        keel_reply_error(c, "ERR REPLICAOF not allowed while failing over.");
        return;
    }
    if (keel_is(argv[1], "no") && keel_is(argv[2], "one")) {
        if (is_replica()) {
            role_set(c, NULL, 0);
            keel_log(KEEL_LOG_NOTICE, "MASTER MODE enabled (user request from '%s')", asker(c));
        }
        keel_reply_ok(c);
        return;
    }
    if (keel_client_kind(keel_client(c)) == KEEL_CLIENT_REPLICA) {
        keel_reply_error(c, "ERR Command is not valid when client is a replica.");
    } else if (!keel_parse_int(argv[2], &port) || port < 0 || port > 65535) {
        keel_reply_error(c, "ERR Invalid master port");
    } else if (is_replica() && keel_is(argv[1], primary.host) && primary.port == port) {
        keel_log(KEEL_LOG_NOTICE, "REPLICAOF would result into synchronization with the master we "
                                  "are already connected with. No operation performed.");
        keel_reply_status(c, "OK Already connected to specified master");
    } else {
        role_set(c, argv[1].ptr, (int)port);
        keel_log(KEEL_LOG_NOTICE, "REPLICAOF %s:%d enabled (user request from '%s')", primary.host,
                 primary.port, asker(c));
        keel_reply_ok(c);
    }
}

/* --- the setting ---------------------------------------------------------------------------- */

void replicaof_get(const KeelConfig *config, KeelConfigOut *out) {
    (void)config;
    if (is_replica()) keel_config_write(out, "%s %d", primary.host, primary.port);
}

/* From a file or the command line only: the connection is made once the server is up. */
bool replicaof_set(const KeelConfig *config, const KeelStr *argv, int argc, const char **reason) {
    (void)config;
    int64_t port;
    if (argc == 0 || (argc == 1 && !argv[0].len) ||
        (argc == 2 && keel_is(argv[0], "no") && keel_is(argv[1], "one"))) {
        set_host(NULL, 0);
        return true;
    }
    if (argc != 2) {
        *reason = "wrong number of arguments";
        return false;
    }
    if (!keel_parse_int(argv[1], &port) || port < 0 || port > 65535) {
        *reason = "Invalid master port";
        return false;
    }
    set_host(argv[0].ptr, (int)port);
    return true;
}

/* --- ROLE, INFO ----------------------------------------------------------------------------- */

static const char *state_word(void) {
    switch (primary.state) {
    case LINK_NONE: return "none";
    case LINK_CONNECT: return "connect";
    case LINK_CONNECTING: return "connecting";
    case LINK_HANDSHAKE: return "handshake";
    case LINK_RECEIVING: return "sync";
    case LINK_CONNECTED: return "connected";
    }
    return "unknown";
}

void role(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    if (!is_replica()) {
        role_primary(c);
        return;
    }
    keel_reply_array(c, 5);
    keel_reply_cstr(c, "slave");
    keel_reply_cstr(c, primary.host);
    keel_reply_int(c, primary.port);
    keel_reply_cstr(c, state_word());
    keel_reply_int(c, primary.client ? history.offset : -1);
}

static void copy_info(KeelInfo *info) {
    int64_t total = primary.copy_total, done = primary.copy_done;
    keel_info_int(info, "master_sync_total_bytes", total);
    keel_info_int(info, "master_sync_read_bytes", done);
    keel_info_int(info, "master_sync_left_bytes", total - done);
    keel_info_field(info, "master_sync_perc", "%.2f",
                    total ? 100.0 * (double)done / (double)total : 0.0);
    keel_info_int(info, "master_sync_last_io_seconds_ago",
                  (steady_ms() - primary.copy_heard_ms) / 1000);
}

void role_info(KeelInfo *info) {
    bool up = primary.state == LINK_CONNECTED;
    int64_t offset = up || primary.can_continue ? history.offset : 0;
    keel_info_field(info, "master_host", "%s", primary.host);
    keel_info_int(info, "master_port", primary.port);
    keel_info_field(info, "master_link_status", "%s", up ? "up" : "down");
    keel_info_int(info, "master_last_io_seconds_ago",
                  up ? (steady_ms() - primary.heard_ms) / 1000 : -1);
    keel_info_int(info, "master_sync_in_progress", primary.state == LINK_RECEIVING);
    keel_info_int(info, "slave_read_repl_offset", up ? primary.read_offset : offset);
    keel_info_int(info, "slave_repl_offset", offset);
    if (primary.state == LINK_RECEIVING) copy_info(info);
    if (!up) {
        keel_info_int(info, "master_link_down_since_seconds",
                      primary.down_since ? time(NULL) - primary.down_since : -1);
    }
    keel_info_int(info, "slave_priority", replica_priority);
    keel_info_int(info, "slave_read_only", read_only);
    keel_info_int(info, "replica_announced", replica_announced);
}

/* --- files ---------------------------------------------------------------------------------- */

static struct {
    char id[ID_LENGTH + 1];
    int64_t offset, db;
} found = {.offset = -1};

/* Where the data stands. A primary that nobody ever followed has no stream to go on with. */
static const KeelSnapshotField *file_fields(void) {
    static char db[KEEL_INT_ROOM], offset[KEEL_INT_ROOM];
    static KeelSnapshotField fields[4];
    if (is_replica() ? !primary.client && !primary.can_continue : !stream_is_open()) return NULL;
    size_t db_len = keel_format_int(db, is_replica() ? primary.db : feed_db() < 0 ? 0 : feed_db());
    size_t offset_len = keel_format_int(offset, history.offset);
    fields[0] = (KeelSnapshotField){KEEL_LIT("repl-stream-db"), {db, db_len}};
    fields[1] = (KeelSnapshotField){KEEL_LIT("repl-id"), {history.id, ID_LENGTH}};
    fields[2] = (KeelSnapshotField){KEEL_LIT("repl-offset"), {offset, offset_len}};
    fields[3] = (KeelSnapshotField){{NULL, 0}, {NULL, 0}};
    return fields;
}

/* The stream is there before the file is loaded: what goes as past its time is written to it. */
static bool file_begin(KeelCtx *c) {
    (void)c;
    if (is_replica()) {
        follow(true);
        return true;
    }
    stream_open();
    feed_arm();
    return false;
}

/* The file is loaded: we are where it stood. A primary goes on under its new id; the file's becomes
 * the second one. */
static void go_on_from_file(void) {
    bool valid = found.id[0] && found.offset >= 0 && found.offset < INT64_MAX / 2;
    if (valid && is_replica()) {
        history_adopt(found.id, found.offset);
        primary.can_continue = true;
        primary.db = found.db >= 0 && found.db < keel_db_count() ? (int)found.db : 0;
        stream_close();
        stream_open();
    } else if (valid) {
        keel_journal_flush();
        history_resume(found.id, found.offset);
    } else if (!is_replica()) {
        keel_journal_flush();
        stream_close();
        feed_arm();
        history.offset = 0;
    }
    found.id[0] = '\0';
    found.offset = -1;
}

static void file_field(KeelCtx *c, KeelStr name, KeelStr value) {
    (void)c;
    if (!name.len) {
        go_on_from_file();
    } else if (keel_is(name, "repl-id") && value.len == ID_LENGTH) {
        memcpy(found.id, value.ptr, ID_LENGTH);
        found.id[ID_LENGTH] = '\0';
    } else if (keel_is(name, "repl-offset")) {
        keel_parse_int(value, &found.offset);
    } else if (keel_is(name, "repl-stream-db")) {
        keel_parse_int(value, &found.db);
    }
}

const KeelSnapshotHead file_head = {
    .size = sizeof(KeelSnapshotHead), .fields = file_fields, .begin = file_begin,
    .field = file_field};

/* --- start ---------------------------------------------------------------------------------- */

bool role_ended;

void role_shutdown(KeelCtx *c, const void *data) {
    if (!((const KeelShutdownEvent *)data)->certain) return;
    role_ended = true;
    if (receive_loading()) return; /* a copy is being read right now */
    link_drop(c);
    set_host(NULL, 0);
    writable_update();
}

void role_unload(void) {
    link_close_socket();
    set_host(NULL, 0);
    writable_update();
}

void role_begin(void) {
    keel_hook_arm(KEEL_EVENT_CLIENT, apply_client, false);
    keel_hook_arm(KEEL_EVENT_TURN, apply_turn, false);
    keel_hook_arm(KEEL_EVENT_KEY_CHANGED, writable_changed, false);
}

/* Everything is loaded, so the settings are known; the dataset may still have to come. */
void role_started(KeelCtx *c, const void *data) {
    (void)data;
    snapshot->file_sweep("temp-sync-", ".rdb");
    if (!is_replica()) return;
    follow(true);
    primary.state = LINK_CONNECT;
    gates_update();
    feed_arm();
    tell_role(c);
}
