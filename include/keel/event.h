/* keel/event.h - what happens in the server, for modules that said in .hooks that they care. */
#ifndef KEEL_EVENT_H
#define KEEL_EVENT_H

#include <keel/base.h>

typedef enum KeelEvent {
    KEEL_EVENT_CLIENT,      /* KeelClientEvent: connected, about to go, or reset */
    KEEL_EVENT_KEY_CHANGED, /* KeelKeyEvent: a value changed, appeared or went */
    KEEL_EVENT_NOTIFY,      /* KeelKeyEvent with kind and event: a keyspace notification */
    KEEL_EVENT_KEY_REMOVED, /* KeelKeyEvent: about to be deleted, expired, evicted, overwritten */
    KEEL_EVENT_FLUSH,       /* KeelFlushEvent, before and after */
    KEEL_EVENT_SWAP,        /* KeelSwapEvent */
    KEEL_EVENT_CONFIG,      /* KeelConfigEvent: settings were changed by CONFIG SET */
    KEEL_EVENT_MODULE,      /* KeelModuleEvent: loaded, about to be unloaded */
    KEEL_EVENT_CRON,        /* hz times a second; data is const int *hz */
    KEEL_EVENT_TURN,        /* KeelTurnEvent: before waiting for sockets, and after */
    KEEL_EVENT_START,       /* all modules are loaded, before listening: load datasets here */
    KEEL_EVENT_SHUTDOWN,    /* KeelShutdownEvent: asked, may be refused; then certain. Who came last
                               is told first: it may build on the others */
    KEEL_EVENT_FORK,        /* KeelForkEvent: a child was born, or reaped */
    KEEL_EVENT_RESETSTAT,   /* CONFIG RESETSTAT */
    KEEL_EVENT_LOADING,     /* KeelLoadingEvent, sent by modules that load datasets */
    KEEL_EVENT_ROLE,        /* KeelRoleEvent (keel/replication.h): role or a link of it changed */
    KEEL_EVENT_LATENCY,     /* KeelLatencyEvent, from keel_latency_add() */
    KEEL_EVENT_LOADING_PROGRESS, /* KeelLoadingEvent, now and then while a dataset loads */
    KEEL_EVENT_SAVING,      /* KeelSavingEvent, sent by modules that write datasets */
    KEEL_EVENT_DEFRAGMENT,  /* KeelDefragmentEvent, sent by modules that move memory */
    KEEL_EVENT_COUNT
} KeelEvent;

typedef enum KeelPhase { KEEL_BEFORE, KEEL_AFTER, KEEL_FAILED } KeelPhase;
typedef enum KeelCause {
    KEEL_DELETED,
    KEEL_EXPIRED,
    KEEL_EVICTED,
    KEEL_OVERWRITTEN,
    KEEL_MODIFIED,
} KeelCause;

typedef enum KeelClientWhat {
    KEEL_CLIENT_CONNECTED,
    KEEL_CLIENT_GONE,
    KEEL_CLIENT_RESET,
} KeelClientWhat;
typedef struct KeelClientEvent {
    KeelClient *client;
    KeelClientWhat what;
} KeelClientEvent;
typedef struct KeelKeyEvent {
    int db;
    KeelStr name;
    KeelCause cause;
    unsigned kind;     /* KEEL_NOTIFY_* for KEEL_EVENT_NOTIFY */
    const char *event; /* "set", "del", "expired" */
} KeelKeyEvent;
typedef struct KeelFlushEvent {
    int db;            /* -1: all */
    KeelPhase phase;
    bool lazy;
    bool replaced;     /* the keys do not just go: others take their place (keel_stage_swap()) */
} KeelFlushEvent;
typedef struct KeelSwapEvent {
    int a, b;
} KeelSwapEvent;
typedef struct KeelConfigEvent {
    const char *const *names;
    size_t count;
} KeelConfigEvent;
typedef struct KeelModuleEvent {
    const char *name, *version;
    bool loaded;
} KeelModuleEvent;
typedef struct KeelTurnEvent {
    KeelPhase phase;   /* KEEL_BEFORE: about to wait */
} KeelTurnEvent;
typedef struct KeelShutdownEvent {
    unsigned flags;    /* KEEL_SHUTDOWN_* */
    bool certain;
    const char **refusal; /* not certain: set *refusal to say why the server must not end */
    bool *later;       /* not certain: set to be asked again (waiting for replicas) */
} KeelShutdownEvent;
typedef struct KeelForkEvent {
    int pid;
    bool born;
    int status;        /* as from waitpid, when reaped */
} KeelForkEvent;
typedef struct KeelLoadingEvent {
    KeelPhase phase;
    const char *what;  /* "RDB", "AOF", "replica" */
    uint64_t done, total; /* bytes; total 0: nobody knows */
    bool aside;        /* into a stage: the dataset in use stays until KEEL_AFTER, which is told
                          with the new one in its place and the old one not yet freed */
    bool serving;      /* aside, and clients are served from the old one meanwhile */
} KeelLoadingEvent;
/* In the process that writes, which may be a fork child. KEEL_AFTER: it is safe where it was to go;
 * KEEL_FAILED: it is not. */
typedef struct KeelSavingEvent {
    KeelPhase phase;
    const char *what;  /* "RDB", "AOF" */
    bool in_child;
} KeelSavingEvent;

typedef struct KeelLatencyEvent {
    const char *what;  /* "expire-cycle", "fork" */
    int64_t nanoseconds;
} KeelLatencyEvent;

/* In a slice of moving (keel/move.h): a pass over all keys is about to begin, or done. When it is
 * done, blocks that belong to no key may be moved too. */
typedef struct KeelDefragmentEvent {
    KeelPhase phase;
} KeelDefragmentEvent;

typedef struct KeelHook {
    KeelEvent event;
    void (*call)(KeelCtx *c, const void *data);
    unsigned classes;  /* KEEL_EVENT_NOTIFY: only these classes; 0: all. May be changed later */
} KeelHook;

/* Tells all hooks of an event: for modules whose part it is to send it. `c` NULL: nobody's. */
KEEL_API void keel_event_send(KeelCtx *c, KeelEvent event, const void *data);
/* Which classes this module's KEEL_EVENT_NOTIFY hooks hear from now on: none costs nothing. */
KEEL_API void keel_notify_classes(void (*call)(KeelCtx *c, const void *data), unsigned classes);

/* Whether this module's hook of an event hears of it; it does at first. While all hooks of an event
 * are off, it costs nothing. */
KEEL_API void keel_hook_arm(KeelEvent event, void (*call)(KeelCtx *c, const void *data), bool on);

/* What the server did instead of serving clients, and how long it took: for who watches latency.
 * The host tells of "expire-cycle", "expire-del", "eviction-del", "fork", "command-unblocking",
 * "module-acquire-GIL"; modules name their own. Commands need not: observers see them. Hooks copy
 * `what`, and leave the keyspace alone: a command may be running. Cost: a compare while nobody
 * listens; where reading the clock would cost more than that, ask keel_latency_watched() first. */
KEEL_API bool keel_latency_watched(void);
KEEL_API void keel_latency_add(const char *what, int64_t nanoseconds);

/* Ends the server after this turn, unless a KEEL_EVENT_SHUTDOWN hook refuses. */
enum {
    KEEL_SHUTDOWN_SAVE = 1u << 0,
    KEEL_SHUTDOWN_NOSAVE = 1u << 1,
    KEEL_SHUTDOWN_NOW = 1u << 2,
    KEEL_SHUTDOWN_FORCE = 1u << 3,
};
/* True: it ends, at once or after waiting for those who asked to be asked again. False, with
 * *reason (static text) set: it was refused. */
KEEL_API bool keel_shutdown(KeelCtx *c, unsigned flags, const char **reason);
/* True when a shutdown that waits was given up. */
KEEL_API bool keel_shutdown_abort(void);
/* Milliseconds that a shutdown will still wait at most; -1: none waits. */
KEEL_API int64_t keel_shutdown_left(void);

#endif
