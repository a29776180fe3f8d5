/* timer.c - timers, descriptors in the event loop and one-shots. */
#define _GNU_SOURCE /* dladdr */
#include "rm.h"

#include <dlfcn.h>
#include <errno.h>

typedef struct Timer {
    struct Timer *next, **at; /* of its module's; where the pointer to it is */
    Mod *mod;
    RedisModuleTimerProc call;
    void *data;
    uint64_t id;
    int db;
} Timer;

static void list(Timer *timer) {
    Timer **first = &timer->mod->timer_list;
    timer->next = *first;
    timer->at = first;
    if (*first) (*first)->at = &timer->next;
    *first = timer;
    timer->mod->timers++;
}

static void unlist(Timer *timer) {
    *timer->at = timer->next;
    if (timer->next) timer->next->at = timer->at;
    timer->mod->timers--;
}

static bool timer_fires(KeelCtx *c, void *data) {
    Timer *timer = data;
    unlist(timer);
    RedisModuleCtx *ctx = rm_enter(timer->mod, c, 0);
    keel_db_select(c, timer->db);
    keel_journal_group(c, true);
    timer->call(ctx, timer->data);
    rm_leave(ctx);
    rm_jobs_due(c);
    keel_journal_group(c, false);
    keel_free(timer);
    return false;
}

RedisModuleTimerID RM_CreateTimer(RedisModuleCtx *ctx, mstime_t period, RedisModuleTimerProc call,
                                  void *data) {
    Timer *timer = keel_alloc(sizeof(*timer));
    *timer = (Timer){.mod = ctx->mod, .call = call, .data = data,
                     .db = ctx->c ? keel_db(ctx->c) : 0};
    list(timer);
    timer->id = KEEL_TIMER_START(period > 0 ? period : 0, timer_fires, timer);
    return timer->id;
}

/* The timer of this id, when it is the module's; *left (may be NULL) milliseconds from now. */
static Timer *find(const RedisModuleCtx *ctx, RedisModuleTimerID id, int64_t *left) {
    void *data = NULL;
    int64_t ms = keel_timer_left(id, &data);
    Timer *timer = data;
    if (ms < 0 || !timer || timer->mod != ctx->mod) return NULL;
    if (left) *left = ms;
    return timer;
}

int RM_StopTimer(RedisModuleCtx *ctx, RedisModuleTimerID id, void **data) {
    Timer *timer = find(ctx, id, NULL);
    if (!timer) return REDISMODULE_ERR;
    keel_timer_stop(id, NULL);
    if (data) *data = timer->data;
    unlist(timer);
    keel_free(timer);
    return REDISMODULE_OK;
}

int RM_GetTimerInfo(RedisModuleCtx *ctx, RedisModuleTimerID id, uint64_t *remaining, void **data) {
    int64_t left;
    Timer *timer = find(ctx, id, &left);
    if (!timer) return REDISMODULE_ERR;
    if (remaining) *remaining = (uint64_t)left;
    if (data) *data = timer->data;
    return REDISMODULE_OK;
}

/* ---- descriptors ------------------------------------------------------------------------------- */

/* What is watched of one descriptor; by descriptor. */
typedef struct Watch {
    RedisModuleEventLoopFunc readable, writable;
    void *read_data, *write_data;
} Watch;
static Watch **watches;
static int watch_room;

static Watch *watch_of(int fd) {
    return fd >= 0 && fd < watch_room ? watches[fd] : NULL;
}

/* Each callback may end the watch. */
static void ready_now(KeelCtx *c, int fd, unsigned ready, void *data) {
    (void)c, (void)data;
    bool error = ready & KEEL_FD_ERROR;
    Watch *w = watch_of(fd);
    if (w && w->readable && (error || ready & KEEL_FD_READ)) {
        w->readable(fd, w->read_data, REDISMODULE_EVENTLOOP_READABLE);
    }
    w = watch_of(fd);
    if (w && w->writable && (error || ready & KEEL_FD_WRITE)) {
        w->writable(fd, w->write_data, REDISMODULE_EVENTLOOP_WRITABLE);
    }
}

static int watch_update(int fd) {
    Watch *w = watches[fd];
    unsigned events = (w->readable ? KEEL_FD_READ : 0u) | (w->writable ? KEEL_FD_WRITE : 0u);
    int result = KEEL_FD_WATCH(fd, events, ready_now, NULL);
    if (!events || result != 0) {
        keel_free(w);
        watches[fd] = NULL;
    }
    return result;
}

int RM_EventLoopAdd(int fd, int mask, RedisModuleEventLoopFunc call, void *data) {
    const int known = REDISMODULE_EVENTLOOP_READABLE | REDISMODULE_EVENTLOOP_WRITABLE;
    if (fd < 0) {
        errno = ERANGE;
        return REDISMODULE_ERR;
    }
    if (mask & ~known || !mask || !call) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    if (fd >= watch_room) {
        int room = fd + 64;
        watches = keel_realloc(watches, (size_t)room * sizeof(*watches));
        while (watch_room < room) watches[watch_room++] = NULL;
    }
    if (!watches[fd]) watches[fd] = keel_zalloc(sizeof(**watches));
    if (mask & REDISMODULE_EVENTLOOP_READABLE) {
        watches[fd]->readable = call;
        watches[fd]->read_data = data;
    }
    if (mask & REDISMODULE_EVENTLOOP_WRITABLE) {
        watches[fd]->writable = call;
        watches[fd]->write_data = data;
    }
    return watch_update(fd) == 0 ? REDISMODULE_OK : REDISMODULE_ERR;
}

int RM_EventLoopDel(int fd, int mask) {
    Watch *w = watch_of(fd);
    if (fd < 0 || fd >= watch_room) {
        errno = ERANGE;
        return REDISMODULE_ERR;
    }
    if (mask & ~(REDISMODULE_EVENTLOOP_READABLE | REDISMODULE_EVENTLOOP_WRITABLE)) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    if (!w) return REDISMODULE_OK;
    if (mask & REDISMODULE_EVENTLOOP_READABLE) w->readable = NULL;
    if (mask & REDISMODULE_EVENTLOOP_WRITABLE) w->writable = NULL;
    watch_update(fd);
    return REDISMODULE_OK;
}

/* Of a module that goes with them: nobody else knows whose they are, so the callbacks' addresses tell. */
static bool is_code_of(const Mod *mod, RedisModuleEventLoopFunc call) {
    Dl_info where;
    return call && dladdr((void *)(uintptr_t)call, &where) && where.dli_fbase == mod->base;
}

static void forget_watches(const Mod *mod) {
    for (int fd = 0; fd < watch_room; fd++) {
        Watch *w = watches[fd];
        bool readable = w && is_code_of(mod, w->readable), writable = w && is_code_of(mod, w->writable);
        if (!readable && !writable) continue;
        keel_log(KEEL_LOG_WARNING, "Module %s goes and still watches descriptor %d",
                 mod->name ? mod->name : mod->path, fd);
        if (readable) w->readable = NULL;
        if (writable) w->writable = NULL;
        watch_update(fd);
    }
}

/* What would call into code that is not there any more. */
void rm_forget_timers(Mod *mod) {
    while (mod->timer_list) {
        Timer *timer = mod->timer_list;
        keel_timer_stop(timer->id, NULL);
        unlist(timer);
        keel_free(timer);
    }
    if (mod->base) forget_watches(mod);
}

typedef struct OneShot {
    RedisModuleEventLoopOneShotFunc call;
    void *data;
} OneShot;

static void one_shot(KeelCtx *c, void *data) {
    (void)c;
    OneShot shot = *(OneShot *)data;
    keel_free(data);
    shot.call(shot.data);
}

int RM_EventLoopAddOneShot(RedisModuleEventLoopOneShotFunc call, void *data) {
    if (!call) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    OneShot *shot = keel_alloc(sizeof(*shot));
    *shot = (OneShot){call, data};
    keel_post(one_shot, shot);
    return REDISMODULE_OK;
}
