/* event.c - server events and keyspace notifications for modules, and jobs after notifications.
 *
 * Subscriptions hang in lists in the order in which they came. The host's hooks behind them are off
 * while no module listens, so they cost nothing then. Callbacks may subscribe and unsubscribe: what
 * goes while an event is told is only marked, and taken out afterwards. */
#define _GNU_SOURCE /* strcasestr */
#include "rm.h"

#include <errno.h>
#include <keel/replication.h>
#include <string.h>

/* ---- subscriptions --------------------------------------------------------------------------- */

typedef struct Listener {
    struct Listener *next;
    Mod *mod;
    bool gone, active;
    uint64_t event;                        /* of the server; or: */
    RedisModuleEventCallback call;
    int classes;                           /* of keyspace notifications */
    RedisModuleNotificationFunc notified;
} Listener;

bool rm_server_loading, rm_async_loading, rm_server_started, rm_in_child;
static Listener *listeners;
static int telling;                        /* events, one inside another */
static bool some_gone;

static void sweep(void) {
    for (Listener **at = &listeners; *at;) {
        Listener *l = *at;
        if (!l->gone) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        keel_free(l);
    }
    some_gone = false;
}

static void tell_end(void) {
    if (--telling == 0 && some_gone) sweep();
}

static void drop(Listener *l) {
    l->gone = some_gone = true;
}

static Listener *listener_add(Mod *mod) {
    Listener **at = &listeners;
    while (*at) at = &(*at)->next;
    Listener *l = *at = keel_zalloc(sizeof(*l));
    l->mod = mod;
    return l;
}

static KeelHook row_of(uint64_t event);

/* Switches hooks on that somebody listens to now, others off. */
static void arm(void) {
    unsigned classes = 0;
    uint64_t wanted = 0;
    for (const Listener *l = listeners; l; l = l->next) {
        if (l->gone) continue;
        if (l->notified) classes |= (unsigned)l->classes;
        else wanted |= 1ull << l->event;
    }
    const uint64_t roles = 1u << REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED |
                           1u << REDISMODULE_EVENT_REPLICA_CHANGE |
                           1u << REDISMODULE_EVENT_MASTER_LINK_CHANGE;
    if (wanted & roles) wanted |= roles; /* one hook for the three */
    for (uint64_t event = 0; event < _REDISMODULE_EVENT_NEXT; event++) {
        KeelHook row = row_of(event);
        if (row.call) keel_hook_arm(row.event, row.call, wanted >> event & 1);
    }
    rm_arm_notify(classes);
}

/* Tells one event to who listens, except `not_to`. */
static void tell(KeelCtx *c, uint64_t event, uint64_t sub, void *data, const Mod *not_to) {
    telling++;
    for (Listener *l = listeners; l; l = l->next) {
        if (l->gone || l->notified || l->event != event || l->mod == not_to) continue;
        RedisModuleCtx *ctx = rm_enter(l->mod, c ? c : rm_callback_c(), RM_SILENT);
        l->call(ctx, (RedisModuleEvent){event, 1}, sub, data);
        rm_leave(ctx);
    }
    tell_end();
    if (!telling && !(c && keel_command(c))) rm_jobs_due(c ? c : rm_callback_c());
}

/* ---- the host's events ----------------------------------------------------------------------- */

static void on_client(KeelCtx *c, const void *data) {
    const KeelClientEvent *e = data;
    RedisModuleClientInfoV1 info;
    if (e->what == KEEL_CLIENT_RESET) return;
    rm_client_info(e->client, &info);
    tell(c, REDISMODULE_EVENT_CLIENT_CHANGE, e->what == KEEL_CLIENT_CONNECTED
             ? REDISMODULE_SUBEVENT_CLIENT_CHANGE_CONNECTED
             : REDISMODULE_SUBEVENT_CLIENT_CHANGE_DISCONNECTED, &info, NULL);
}

static void on_flush(KeelCtx *c, const void *data) {
    const KeelFlushEvent *e = data;
    if (e->replaced) return; /* REPL_ASYNC_LOAD tells of it */
    RedisModuleFlushInfoV1 info = {REDISMODULE_FLUSHINFO_VERSION, !e->lazy, e->db};
    tell(c, REDISMODULE_EVENT_FLUSHDB, e->phase == KEEL_BEFORE ? REDISMODULE_SUBEVENT_FLUSHDB_START
                                                              : REDISMODULE_SUBEVENT_FLUSHDB_END,
         &info, NULL);
}

static void on_swap(KeelCtx *c, const void *data) {
    const KeelSwapEvent *e = data;
    RedisModuleSwapDbInfoV1 info = {REDISMODULE_SWAPDBINFO_VERSION, e->a, e->b};
    tell(c, REDISMODULE_EVENT_SWAPDB, 0, &info, NULL);
}

static void on_config(KeelCtx *c, const void *data) {
    const KeelConfigEvent *e = data;
    RedisModuleConfigChangeV1 info = {REDISMODULE_CONFIGCHANGE_VERSION, (uint32_t)e->count,
                                      (const char **)(uintptr_t)e->names};
    tell(c, REDISMODULE_EVENT_CONFIG, REDISMODULE_SUBEVENT_CONFIG_CHANGE, &info, NULL);
}

static void on_cron(KeelCtx *c, const void *data) {
    RedisModuleCronLoopV1 info = {REDISMODULE_CRON_LOOP_VERSION, *(const int *)data};
    tell(c, REDISMODULE_EVENT_CRON_LOOP, 0, &info, NULL);
}

static void on_turn(KeelCtx *c, const void *data) {
    const KeelTurnEvent *e = data;
    tell(c, REDISMODULE_EVENT_EVENTLOOP, e->phase == KEEL_BEFORE
             ? REDISMODULE_SUBEVENT_EVENTLOOP_BEFORE_SLEEP
             : REDISMODULE_SUBEVENT_EVENTLOOP_AFTER_SLEEP, NULL, NULL);
}

static void on_shutdown(KeelCtx *c, const void *data) {
    const KeelShutdownEvent *e = data;
    if (e->certain) tell(c, REDISMODULE_EVENT_SHUTDOWN, 0, NULL, NULL);
}

static void on_fork(KeelCtx *c, const void *data) {
    const KeelForkEvent *e = data;
    rm_fork_event(c, e);
    tell(c, REDISMODULE_EVENT_FORK_CHILD, e->born ? REDISMODULE_SUBEVENT_FORK_CHILD_BORN
                                                  : REDISMODULE_SUBEVENT_FORK_CHILD_DIED,
         NULL, NULL);
}

static int server_hz(void) {
    char text[32];
    int64_t hz = 10;
    if (keel_config_get(KEEL_LIT("hz"), text, sizeof(text), NULL)) keel_parse_int(keel_str(text), &hz);
    return hz > 0 ? (int)hz : 10;
}

static void tell_aside(KeelCtx *c, KeelPhase phase) {
    static const uint64_t subs[] = {REDISMODULE_SUBEVENT_REPL_ASYNC_LOAD_STARTED,
                                    REDISMODULE_SUBEVENT_REPL_ASYNC_LOAD_COMPLETED,
                                    REDISMODULE_SUBEVENT_REPL_ASYNC_LOAD_ABORTED};
    tell(c, REDISMODULE_EVENT_REPL_ASYNC_LOAD, subs[phase], NULL, NULL);
}

static void on_loading(KeelCtx *c, const void *data) {
    const KeelLoadingEvent *e = data;
    bool aof = e->what && strcasestr(e->what, "aof"), peer = e->what && strcasestr(e->what, "repl");
    uint64_t sub = e->phase == KEEL_AFTER    ? REDISMODULE_SUBEVENT_LOADING_ENDED
                   : e->phase == KEEL_FAILED ? REDISMODULE_SUBEVENT_LOADING_FAILED
                   : aof                     ? REDISMODULE_SUBEVENT_LOADING_AOF_START
                   : peer                    ? REDISMODULE_SUBEVENT_LOADING_REPL_START
                                             : REDISMODULE_SUBEVENT_LOADING_RDB_START;
    rm_server_loading = e->phase == KEEL_BEFORE;
    rm_async_loading = rm_server_loading && e->serving;
    if (e->aside && e->phase != KEEL_FAILED) tell_aside(c, e->phase);
    tell(c, REDISMODULE_EVENT_LOADING, sub, NULL, NULL);
    if (e->aside && e->phase == KEEL_FAILED) tell_aside(c, e->phase);
}

/* At most so often as the server ticks. */
static void on_progress(KeelCtx *c, const void *data) {
    static int64_t due;
    const KeelLoadingEvent *e = data;
    int hz = server_hz();
    int64_t now = keel_monotonic_ns();
    if (now < due) return;
    due = now + 1000000000 / hz;
    RedisModuleLoadingProgressV1 info = {REDISMODULE_LOADING_PROGRESS_VERSION, hz,
                                         e->total ? (int32_t)(e->done * 1024 / e->total) : -1};
    tell(c, REDISMODULE_EVENT_LOADING_PROGRESS,
         strcasestr(e->what, "aof") ? REDISMODULE_SUBEVENT_LOADING_PROGRESS_AOF
                                    : REDISMODULE_SUBEVENT_LOADING_PROGRESS_RDB, &info, NULL);
}

/* In the process that writes: a background save's callbacks run in its child. */
static void on_saving(KeelCtx *c, const void *data) {
    const KeelSavingEvent *e = data;
    bool aof = strcasestr(e->what, "aof");
    uint64_t start = aof ? e->in_child ? REDISMODULE_SUBEVENT_PERSISTENCE_AOF_START
                                       : REDISMODULE_SUBEVENT_PERSISTENCE_SYNC_AOF_START
                         : e->in_child ? REDISMODULE_SUBEVENT_PERSISTENCE_RDB_START
                                       : REDISMODULE_SUBEVENT_PERSISTENCE_SYNC_RDB_START;
    tell(c, REDISMODULE_EVENT_PERSISTENCE,
         e->phase == KEEL_BEFORE  ? start
         : e->phase == KEEL_AFTER ? REDISMODULE_SUBEVENT_PERSISTENCE_ENDED
                                  : REDISMODULE_SUBEVENT_PERSISTENCE_FAILED, NULL, NULL);
}

static void on_role(KeelCtx *c, const void *data) {
    static char no_history[] = "0000000000000000000000000000000000000000";
    static const struct {
        uint64_t event, sub;
    } told[] = {
        [KEEL_ROLE_PRIMARY] = {REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED,
                               REDISMODULE_EVENT_REPLROLECHANGED_NOW_MASTER},
        [KEEL_ROLE_REPLICA] = {REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED,
                               REDISMODULE_EVENT_REPLROLECHANGED_NOW_REPLICA},
        [KEEL_ROLE_PEER_ONLINE] = {REDISMODULE_EVENT_REPLICA_CHANGE,
                                   REDISMODULE_SUBEVENT_REPLICA_CHANGE_ONLINE},
        [KEEL_ROLE_PEER_OFFLINE] = {REDISMODULE_EVENT_REPLICA_CHANGE,
                                    REDISMODULE_SUBEVENT_REPLICA_CHANGE_OFFLINE},
        [KEEL_ROLE_LINK_UP] = {REDISMODULE_EVENT_MASTER_LINK_CHANGE,
                               REDISMODULE_SUBEVENT_MASTER_LINK_UP},
        [KEEL_ROLE_LINK_DOWN] = {REDISMODULE_EVENT_MASTER_LINK_CHANGE,
                                 REDISMODULE_SUBEVENT_MASTER_LINK_DOWN},
    };
    const KeelRoleEvent *e = data;
    if (!e || e->what > KEEL_ROLE_LINK_DOWN) return;
    uint64_t event = told[e->what].event;
    RedisModuleReplicationInfoV1 info = {.version = REDISMODULE_REPLICATIONINFO_VERSION,
                                         .master = e->what == KEEL_ROLE_PRIMARY,
                                         .masterhost = (char *)(uintptr_t)e->host,
                                         .masterport = e->port, .replid1 = no_history,
                                         .replid2 = no_history, .repl2_offset = (uint64_t)-1};
    const KeelReplicationOps *ops = keel_interface("replication", KEEL_REPLICATION_VERSION);
    if (ops) {
        info.replid1 = (char *)(uintptr_t)ops->id();
        info.repl1_offset = (uint64_t)ops->offset();
    }
    tell(c, event, told[e->what].sub,
         event == REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED ? &info : NULL, NULL);
}

/* The key is there still, and shown through a handle for reading. */
static void on_removed(KeelCtx *c, const void *data) {
    static const uint64_t subs[] = {REDISMODULE_SUBEVENT_KEY_DELETED,
                                    REDISMODULE_SUBEVENT_KEY_EXPIRED,
                                    REDISMODULE_SUBEVENT_KEY_EVICTED,
                                    REDISMODULE_SUBEVENT_KEY_OVERWRITTEN};
    const KeelKeyEvent *e = data;
    if ((unsigned)e->cause > KEEL_OVERWRITTEN) return;
    if (!c) c = rm_callback_c();
    int db = keel_db(c);
    if (db != e->db) keel_db_select(c, e->db);
    RedisModuleCtx *ctx = rm_enter(NULL, c, RM_SILENT);
    RedisModuleString *name = rm_string(e->name.ptr, e->name.len);
    RedisModuleKeyInfoV1 info = {REDISMODULE_KEYINFO_VERSION, NULL};
    info.key = RM_OpenKey(ctx, name, REDISMODULE_READ | REDISMODULE_OPEN_KEY_NOEFFECTS |
                                         REDISMODULE_OPEN_KEY_ACCESS_EXPIRED);
    tell(c, REDISMODULE_EVENT_KEY, subs[e->cause], &info, NULL);
    RM_CloseKey(info.key);
    rm_string_release(name);
    rm_leave(ctx);
    if (db != e->db) keel_db_select(c, db);
}

void rm_send_module_change(const Mod *mod, bool loaded) {
    RedisModuleModuleChangeV1 info = {REDISMODULE_MODULE_CHANGE_VERSION, mod->name, mod->version};
    tell(NULL, REDISMODULE_EVENT_MODULE_CHANGE, loaded ? REDISMODULE_SUBEVENT_MODULE_LOADED
                                                       : REDISMODULE_SUBEVENT_MODULE_UNLOADED,
         &info, mod);
}

static void on_start(KeelCtx *c, const void *data) {
    (void)c, (void)data;
    rm_server_started = true;
}

static void on_modules(KeelCtx *c, const void *data) {
    (void)c, (void)data;
    rm_forget_interfaces();
}

static KeelHook row_of(uint64_t event) {
    switch (event) {
    case REDISMODULE_EVENT_CLIENT_CHANGE: return (KeelHook){KEEL_EVENT_CLIENT, on_client};
    case REDISMODULE_EVENT_FLUSHDB: return (KeelHook){KEEL_EVENT_FLUSH, on_flush};
    case REDISMODULE_EVENT_SWAPDB: return (KeelHook){KEEL_EVENT_SWAP, on_swap};
    case REDISMODULE_EVENT_CONFIG: return (KeelHook){KEEL_EVENT_CONFIG, on_config};
    case REDISMODULE_EVENT_CRON_LOOP: return (KeelHook){KEEL_EVENT_CRON, on_cron};
    case REDISMODULE_EVENT_EVENTLOOP: return (KeelHook){KEEL_EVENT_TURN, on_turn};
    case REDISMODULE_EVENT_SHUTDOWN: return (KeelHook){KEEL_EVENT_SHUTDOWN, on_shutdown};
    case REDISMODULE_EVENT_LOADING_PROGRESS:
        return (KeelHook){KEEL_EVENT_LOADING_PROGRESS, on_progress};
    case REDISMODULE_EVENT_PERSISTENCE: return (KeelHook){KEEL_EVENT_SAVING, on_saving};
    case REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED:
    case REDISMODULE_EVENT_REPLICA_CHANGE:
    case REDISMODULE_EVENT_MASTER_LINK_CHANGE: return (KeelHook){KEEL_EVENT_ROLE, on_role};
    case REDISMODULE_EVENT_KEY: return (KeelHook){KEEL_EVENT_KEY_REMOVED, on_removed};
    default: return (KeelHook){0};
    }
}

const KeelHook rm_hooks[] = {
    {KEEL_EVENT_MODULE, on_modules},       {KEEL_EVENT_START, on_start},
    {KEEL_EVENT_LOADING, on_loading},      {KEEL_EVENT_FORK, on_fork},
    {KEEL_EVENT_CLIENT, on_client},        {KEEL_EVENT_FLUSH, on_flush},
    {KEEL_EVENT_SWAP, on_swap},            {KEEL_EVENT_CONFIG, on_config},
    {KEEL_EVENT_CRON, on_cron},            {KEEL_EVENT_TURN, on_turn},
    {KEEL_EVENT_SHUTDOWN, on_shutdown},    {KEEL_EVENT_KEY_REMOVED, on_removed},
    {KEEL_EVENT_ROLE, on_role},            {KEEL_EVENT_LOADING_PROGRESS, on_progress},
    {KEEL_EVENT_SAVING, on_saving},        {KEEL_EVENT_DEFRAGMENT, rm_defragment_event},
    {KEEL_EVENT_NOTIFY, rm_on_notify},     {0},
};

void rm_events_begin(void) {
    arm();
}

/* ---- subscribing ----------------------------------------------------------------------------- */

int RM_SubscribeToServerEvent(RedisModuleCtx *ctx, RedisModuleEvent event,
                              RedisModuleEventCallback call) {
    if (!ctx->mod || event.id >= _REDISMODULE_EVENT_NEXT || event.dataver > 1) {
        return REDISMODULE_ERR;
    }
    Listener *l = listeners;
    while (l && (l->gone || l->notified || l->mod != ctx->mod || l->event != event.id)) l = l->next;
    if (!call) {
        if (l) drop(l);
    } else {
        if (!l) l = listener_add(ctx->mod);
        l->event = event.id;
        l->call = call;
    }
    if (!telling && some_gone) sweep();
    arm();
    return REDISMODULE_OK;
}

int RM_IsSubEventSupported(RedisModuleEvent event, uint64_t sub) {
    static const uint64_t next[_REDISMODULE_EVENT_NEXT] = {
        [REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED] = _REDISMODULE_EVENT_REPLROLECHANGED_NEXT,
        [REDISMODULE_EVENT_PERSISTENCE] = _REDISMODULE_SUBEVENT_PERSISTENCE_NEXT,
        [REDISMODULE_EVENT_FLUSHDB] = _REDISMODULE_SUBEVENT_FLUSHDB_NEXT,
        [REDISMODULE_EVENT_LOADING] = _REDISMODULE_SUBEVENT_LOADING_NEXT,
        [REDISMODULE_EVENT_CLIENT_CHANGE] = _REDISMODULE_SUBEVENT_CLIENT_CHANGE_NEXT,
        [REDISMODULE_EVENT_REPLICA_CHANGE] = _REDISMODULE_SUBEVENT_REPLICA_CHANGE_NEXT,
        [REDISMODULE_EVENT_MASTER_LINK_CHANGE] = _REDISMODULE_SUBEVENT_MASTER_NEXT,
        [REDISMODULE_EVENT_MODULE_CHANGE] = _REDISMODULE_SUBEVENT_MODULE_NEXT,
        [REDISMODULE_EVENT_LOADING_PROGRESS] = _REDISMODULE_SUBEVENT_LOADING_PROGRESS_NEXT,
        [REDISMODULE_EVENT_REPL_BACKUP] = _REDISMODULE_SUBEVENT_REPL_BACKUP_NEXT,
        [REDISMODULE_EVENT_FORK_CHILD] = _REDISMODULE_SUBEVENT_FORK_CHILD_NEXT,
        [REDISMODULE_EVENT_REPL_ASYNC_LOAD] = _REDISMODULE_SUBEVENT_REPL_ASYNC_LOAD_NEXT,
        [REDISMODULE_EVENT_EVENTLOOP] = _REDISMODULE_SUBEVENT_EVENTLOOP_NEXT,
        [REDISMODULE_EVENT_CONFIG] = _REDISMODULE_SUBEVENT_CONFIG_NEXT,
        [REDISMODULE_EVENT_KEY] = _REDISMODULE_SUBEVENT_KEY_NEXT,
    };
    return event.id < _REDISMODULE_EVENT_NEXT && sub < next[event.id];
}

/* ---- keyspace notifications ------------------------------------------------------------------ */

/* A module does not hear what its own callback causes, unless it asked for that. */
void rm_on_notify(KeelCtx *c, const void *data) {
    const KeelKeyEvent *e = data;
    if (!c) c = rm_callback_c();
    int db = keel_db(c);
    telling++;
    for (Listener *l = listeners; l; l = l->next) {
        if (l->gone || !l->notified || !(l->classes & (int)e->kind)) continue;
        bool nested = l->mod->options & REDISMODULE_OPTIONS_ALLOW_NESTED_KEYSPACE_NOTIFICATIONS;
        if (l->active && !nested) continue;
        if (keel_db(c) != e->db) keel_db_select(c, e->db);
        bool was_active = l->active;
        RedisModuleCtx *ctx = rm_enter(l->mod, c, RM_SILENT);
        RedisModuleString *name = rm_string(e->name.ptr, e->name.len);
        l->active = true;
        l->notified(ctx, (int)e->kind, e->event, name);
        l->active = was_active;
        rm_string_release(name);
        rm_leave(ctx);
    }
    tell_end();
    if (keel_db(c) != db) keel_db_select(c, db);
}

void rm_arm_notify(unsigned classes) {
    keel_hook_arm(KEEL_EVENT_NOTIFY, rm_on_notify, classes != 0);
    keel_notify_classes(rm_on_notify, classes);
}

int RM_SubscribeToKeyspaceEvents(RedisModuleCtx *ctx, int classes,
                                 RedisModuleNotificationFunc call) {
    Listener *l = listener_add(ctx->mod);
    l->classes = classes;
    l->notified = call;
    arm();
    return REDISMODULE_OK;
}

int RM_NotifyKeyspaceEvent(RedisModuleCtx *ctx, int kind, const char *event,
                           RedisModuleString *name) {
    KeelKey key;
    if (!ctx || !ctx->c) return REDISMODULE_ERR;
    keel_key_open(ctx->c, rm_view(name),
                  KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS | KEEL_KEY_EXPIRED_TOO, &key);
    keel_key_notify(&key, (unsigned)kind, event);
    return REDISMODULE_OK;
}

/* The classes that notify-keyspace-events names. */
int RM_GetNotifyKeyspaceEvents(void) {
    static const char order[] = "KEg$lshzxetm dn"; /* by bit; one has no letter */
    char text[64];
    int flags = 0;
    if (!keel_config_get(KEEL_LIT("notify-keyspace-events"), text, sizeof(text), NULL)) return 0;
    for (const char *p = text; *p; p++) {
        const char *at = strchr(order, *p);
        if (*p == 'A') flags |= REDISMODULE_NOTIFY_ALL;
        else if (at && *p != ' ') flags |= 1 << (at - order);
    }
    return flags;
}

int RM_GetKeyspaceNotificationFlagsAll(void) {
    return _REDISMODULE_NOTIFY_NEXT - 1;
}

/* ---- jobs after notifications ---------------------------------------------------------------- */

typedef struct Job {
    struct Job *next;
    Mod *mod;
    RedisModulePostNotificationJobFunc call;
    void *data;
    void (*free)(void *);
    int db;
} Job;

static Job *job_first, **job_end = &job_first;
static bool jobs_running;
static bool jobs_grouped;          /* a group of the journal is open for them */

/* What jobs write belongs to the transaction of what made them necessary: the group of records that
 * the command or callback has open stays so until they have run. */
static void jobs_join(KeelCtx *c) {
    if (jobs_grouped || jobs_running) return;
    jobs_grouped = true;
    keel_journal_group(c, true);
}

/* In order; what they add runs too. */
void rm_run_jobs(KeelCtx *c) {
    if (jobs_running) return;
    jobs_join(c);
    jobs_running = true;
    keel_observer_arm(rm_jobs_observer, false);
    int db = keel_db(c);
    for (Job *job; (job = job_first);) {
        job_first = job->next;
        if (!job_first) job_end = &job_first;
        if (keel_db(c) != job->db) keel_db_select(c, job->db);
        RedisModuleCtx *ctx = rm_enter(job->mod, c, RM_SILENT);
        job->call(ctx, job->data);
        rm_leave(ctx);
        if (job->free) job->free(job->data);
        keel_free(job);
    }
    if (keel_db(c) != db) keel_db_select(c, db);
    keel_journal_group(c, false);
    jobs_grouped = jobs_running = false;
}

void rm_jobs_due(KeelCtx *c) {
    if (__builtin_expect(job_first != NULL, 0)) rm_run_jobs(c);
}

static void run_late(KeelCtx *c, void *data) {
    (void)data;
    if (job_first) rm_run_jobs(c);
}

/* After the command; between turns when none runs. Timers and threads with the lock have their own
 * end, see rm_jobs_due(). */
void rm_jobs_seen(KeelCtx *c, const KeelCall *call) {
    if (!call->nested && !keel_is_nested(c)) rm_run_jobs(c);
}

int RM_AddPostNotificationJob(RedisModuleCtx *ctx, RedisModulePostNotificationJobFunc call,
                              void *data, void (*free_data)(void *)) {
    if (rm_server_loading) return REDISMODULE_ERR;
    Job *job = keel_alloc(sizeof(*job));
    *job = (Job){NULL, ctx->mod, call, data, free_data, ctx->c ? keel_db(ctx->c) : 0};
    if (!job_first) keel_post(run_late, NULL);
    *job_end = job;
    job_end = &job->next;
    if (ctx->c && keel_command(ctx->c)) jobs_join(ctx->c);
    keel_observer_arm(rm_jobs_observer, true);
    return REDISMODULE_OK;
}

void rm_forget_events(Mod *mod) {
    for (Listener *l = listeners; l; l = l->next) {
        if (l->mod == mod) drop(l);
    }
    for (Job **at = &job_first; *at;) {
        Job *job = *at;
        if (job->mod != mod) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        if (job->free) job->free(job->data);
        keel_free(job);
    }
    for (job_end = &job_first; *job_end; job_end = &(*job_end)->next) {}
    if (!telling && some_gone) sweep();
    arm();
}
