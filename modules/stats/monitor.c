/* monitor.c - MONITOR: every command, as it runs, to everybody who asked to see them.
 *
 *     1339518083.107412 [0 127.0.0.1:60866] "set" "key" "value"
 *
 * A command is shown when it ran, one that blocks its client when it begins to; commands for
 * operators and those that say so are not shown, arguments that are secrets show as "(redacted)".
 * So those of a transaction stand before EXEC, as they do in Redis. A command run by another one
 * has "lua" in place of an address when a script called it, otherwise "module:NAME" of the module
 * that did.
 *
 * The line is made once and copied to all monitors. While there are none, the observers are not
 * armed and nothing here is called. A monitor that reads too slowly runs into the output limit of
 * normal clients, as any client does. */
#include "stats.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { HEAD_ROOM = 256, LINE_KEPT = 65536 };

/* What is kept with a client that was shown or that watches. */
typedef struct Note {
    bool watches;
    char source[128];         /* as its commands show it; "": not made yet */
} Note;

int monitor_observer, monitor_block_observer, monitor_gate, monitor_slot;

static KeelClient **monitors;
static size_t monitor_count, monitor_room;
static bool loading;
static char *line;            /* the room is used again, unless a line was very long */
static size_t line_room;

/* --- who watches ------------------------------------------------------------------------------ */

static void monitors_arm(void) {
    keel_observer_arm(monitor_observer, monitor_count > 0);
    keel_observer_arm(monitor_block_observer, monitor_count > 0);
}

static Note *note_of(KeelClient *client) {
    void **at = keel_client_slot(client, monitor_slot);
    if (!*at) *at = keel_zalloc(sizeof(Note));
    return *at;
}

static void watch_begin(KeelClient *client) {
    if (monitor_count == monitor_room) {
        monitor_room = monitor_room ? monitor_room * 2 : 8;
        monitors = keel_realloc(monitors, monitor_room * sizeof(*monitors));
    }
    monitors[monitor_count++] = client;
    note_of(client)->watches = true;
    keel_client_set_flags(client, KEEL_CF_MONITOR, 0);
    keel_gate_arm_client(client, monitor_gate, true);
    monitors_arm();
}

static void watch_end(KeelClient *client) {
    size_t i = 0;
    while (i < monitor_count && monitors[i] != client) i++;
    if (i == monitor_count) return;
    monitor_count--;
    memmove(&monitors[i], &monitors[i + 1], (monitor_count - i) * sizeof(*monitors));
    keel_client_set_flags(client, 0, KEEL_CF_MONITOR);
    keel_gate_arm_client(client, monitor_gate, false);
    monitors_arm();
}

/* The client goes, or is reset. */
void monitor_slot_free(KeelClient *client, void *value) {
    Note *note = value;
    if (note->watches) watch_end(client);
    keel_free(note);
}

/* The module goes: slots are freed by the host. */
void monitor_end(void) {
    while (monitor_count) watch_end(monitors[monitor_count - 1]);
    keel_free(monitors);
    keel_free(line);
    monitors = NULL;
    line = NULL;
    monitor_room = line_room = 0;
}

void monitor_loading(KeelCtx *c, const void *data) {
    (void)c;
    loading = ((const KeelLoadingEvent *)data)->phase == KEEL_BEFORE;
}

/* --- the line --------------------------------------------------------------------------------- */

/* Room for `more` bytes behind `len`. False: there is no memory. */
static bool line_grow(size_t len, size_t more) {
    size_t need;
    if (__builtin_add_overflow(len, more, &need)) return false;
    if (need <= line_room) return true;
    size_t room = need + need / 2;
    char *grown = keel_try_realloc(line, room < LINE_KEPT ? LINE_KEPT : room);
    if (!grown) return false;
    line = grown;
    line_room = room < LINE_KEPT ? LINE_KEPT : room;
    return true;
}

/* Asking the system for an address at every command would cost more than all the rest. */
static const char *client_source(KeelClient *client) {
    Note *note = note_of(client);
    if (note->source[0]) return note->source;
    KeelClientInfo info = {.size = sizeof(info)};
    keel_client_info(client, &info);
    if (info.flags & KEEL_CF_UNIX) {
        memcpy(note->source, "unix:", 6);
        keel_config_get(KEEL_LIT("unixsocket"), note->source + 5, sizeof(note->source) - 5, NULL);
    } else {
        snprintf(note->source, sizeof(note->source), "%s", info.addr);
    }
    return note->source;
}

static void write_source(char *out, size_t room, KeelCtx *c, const KeelCall *call) {
    KeelClient *client = keel_client(c);
    const char *group = call->caller ? keel_command_row(call->caller)->group : NULL;
    if (call->nested && group && strcmp(group, "scripting") == 0) {
        snprintf(out, room, "lua");
    } else if (call->nested) {
        snprintf(out, room, "module:%s", call->caller ? keel_command_module(call->caller) : "?");
    } else {
        if (client) client = keel_client_by_id(keel_client_id(client));
        snprintf(out, room, "%s", client ? client_source(client) : "?:0");
    }
}

/* The length; 0: there is no memory for it. */
static size_t line_make(KeelCtx *c, const KeelCall *call) {
    char source[160];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    write_source(source, sizeof(source), c, call);
    if (!line_grow(0, HEAD_ROOM)) return 0;
    size_t len = (size_t)snprintf(line, HEAD_ROOM, "+%lld.%06ld [%d %s]", (long long)now.tv_sec,
                                  now.tv_nsec / 1000, keel_db(c), source);
    for (int i = 0; i < call->argc; i++) {
        KeelStr arg = keel_call_arg(call, i);
        size_t most; /* a byte is four at most, with a blank, quotes and the end */
        if (__builtin_mul_overflow(arg.len, 4, &most) || !line_grow(len, most + 8)) return 0;
        line[len++] = ' ';
        len += keel_quote(line + len, line_room - len, arg);
    }
    memcpy(line + len, "\r\n", 2);
    return len + 2;
}

/* Nobody is shown less than there was: who cannot be told goes. */
static void give_up(void) {
    keel_log(KEEL_LOG_WARNING, "Closing %zu monitors: no memory to show them a command",
             monitor_count);
    for (size_t i = 0; i < monitor_count; i++) keel_client_close(monitors[i], false);
}

static void show(KeelCtx *c, const KeelCall *call) {
    if (!monitor_count || loading) return;
    size_t len = line_make(c, call);
    if (len) {
        keel_push_raw(monitors, monitor_count, KEEL_LIT(""), KEEL_LIT(""), (KeelStr){line, len});
    } else {
        give_up();
    }
    if (line_room > LINE_KEPT) {
        keel_free(line);
        line = NULL;
        line_room = 0;
    }
}

/* --- what is told ----------------------------------------------------------------------------- */

static bool is_shown(const KeelCall *call) {
    return !(keel_command_flags(call->command) & (KEEL_ADMIN | KEEL_SKIP_MONITOR));
}

void monitor_seen(KeelCtx *c, const KeelCall *call) {
    if (!call->blocked && is_shown(call)) show(c, call);
}

void monitor_seen_blocking(KeelCtx *c, const KeelCall *call) {
    if (is_shown(call)) show(c, call);
}

void monitor_show(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelCall call = {.command = keel_command(c), .argv = argv, .argc = argc};
    show(c, &call);
}

/* --- the command ------------------------------------------------------------------------------ */

/* To Redis a monitor is a kind of replica. */
KeelVerdict monitor_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)cmd, (void)argv, (void)argc;
    keel_reply_error(c, "ERR Replica can't interact with the keyspace");
    return KEEL_ANSWERED;
}

/* A monitor that asks again gets no answer, as in Redis. */
void stats_monitor(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    KeelClient *client = keel_client(c);
    if (keel_block_denied(c)) {
        keel_reply_error(c, "ERR MONITOR isn't allowed for DENY BLOCKING client");
        return;
    }
    KeelClientInfo info = {.size = sizeof(info)};
    keel_client_info(client, &info);
    if (info.kind == KEEL_CLIENT_REPLICA || info.flags & KEEL_CF_MONITOR) {
        keel_reply_uncounted(c);
        return;
    }
    watch_begin(client);
    keel_reply_ok(c);
}
