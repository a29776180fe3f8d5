/* block.c - clients that wait for a module, threads that work for them, and the lock.
 *
 * A blocked client is a KeelBlock plus a handle. The handle ends when both are over: the wait (the
 * client was answered, timed out, or went) and, except for those that wait for keys, the module's
 * use of it, which UnblockClient or AbortBlock end. Threads only name the handle; the loop does the
 * rest. What a thread replies without the lock gathers in a collector that the answer is made of. */
#include "rm.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

struct RedisModuleBlockedClient {
    Mod *mod;
    RedisModuleCommand *command;
    uint64_t block, client;        /* ids; block 0: it could not wait */
    int db;
    RedisModuleCmdFunc reply, timeout;
    RedisModuleDisconnectFunc disconnect;
    void (*free_data)(RedisModuleCtx *, void *);
    void *data;
    KeelCtx *collector;            /* NULL: no thread has replied */
    int protocol;
    bool on_keys, waiting, released, aborted, answered, timed_out;
    bool as_timeout;               /* UnblockClient of one that waits for keys */
    int64_t measured, since;       /* nanoseconds of work for it, and when the current one began */
    RedisModuleAuthCallback sign_in; /* BlockClientOnAuth; NULL: it is no such */
};

/* ---- the end --------------------------------------------------------------------------------- */

static RedisModuleCtx *enter(RedisModuleBlockedClient *bc, KeelCtx *c, unsigned flags) {
    RedisModuleCtx *ctx = rm_enter(bc->mod, c ? c : rm_callback_c(), flags | (c ? 0 : RM_SILENT));
    ctx->blocked = bc;
    ctx->command = bc->command;
    return ctx;
}

/* On the loop's thread, when nobody needs it any more. */
static void handle_free(RedisModuleBlockedClient *bc) {
    if (bc->free_data && bc->data) {
        RedisModuleCtx *ctx = enter(bc, NULL, 0);
        bc->free_data(ctx, bc->data);
        rm_leave(ctx);
    }
    if (bc->collector) keel_reply_free(keel_collect_end(bc->collector));
    bc->mod->blocked--;
    keel_free(bc);
}

static void free_when_over(RedisModuleBlockedClient *bc) {
    if (!bc->waiting && (bc->released || bc->on_keys)) handle_free(bc);
}

/* The wait is over, whichever way. */
static void wait_over(void *data) {
    RedisModuleBlockedClient *bc = data;
    bool gone = !bc->answered;
    bc->waiting = false;
    if (gone && !bc->timed_out && bc->disconnect) {
        RedisModuleCtx *ctx = enter(bc, NULL, RM_BLOCKED_DISCONNECTED);
        bc->disconnect(ctx, bc);
        rm_leave(ctx);
    }
    free_when_over(bc);
}

static void release_late(KeelCtx *c, void *data) {
    RedisModuleBlockedClient *bc = data;
    (void)c;
    bc->released = true;
    free_when_over(bc);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Runs a callback with the command's arguments. True: it is content. */
static bool run(RedisModuleBlockedClient *bc, KeelCtx *c, RedisModuleCmdFunc call, unsigned flags,
                const KeelStr *argv, int argc, KeelStr key) {
    RedisModuleCtx *ctx = enter(bc, c, flags);
    rm_set_argv(ctx, argv, argc);
    ctx->ready_key = key;
    keel_journal_nothing(c);
    int result = call(ctx, ctx->argv, argc);
    rm_leave(ctx);
    return result == REDISMODULE_OK;
}

static void pass_collected(RedisModuleBlockedClient *bc, KeelCtx *c) {
    KeelReply *reply = keel_collect_end(bc->collector);
    bc->collector = NULL;
    KeelStr bytes = reply ? keel_reply_resp(reply) : KEEL_LIT("");
    keel_reply_uncounted(c);
    if (reply && keel_reply_type(reply) == '-') {
        KeelStr text = keel_reply_str(reply);
        keel_reply_errorf(c, "%.*s", (int)text.len, text.ptr);
    } else if (reply) {
        keel_reply_raw(c, bytes, 1);
    }
    keel_reply_free(reply);
}

static bool retry(KeelCtx *c, const KeelStr *argv, int argc, KeelStr key, void *data) {
    RedisModuleBlockedClient *bc = data;
    keel_journal_nothing(c);
    keel_block_took(c, bc->measured);
    if (bc->on_keys && !bc->as_timeout && !bc->aborted) {
        bool done = run(bc, c, bc->reply, RM_BLOCKED_REPLY, argv, argc, key);
        bc->answered = done;
        return done;
    }
    bc->answered = true;
    if (bc->aborted) {
        keel_reply_uncounted(c);
    } else if (bc->as_timeout) {
        run(bc, c, bc->timeout, RM_BLOCKED_TIMEOUT, argv, argc, KEEL_LIT(""));
    } else {
        if (bc->collector) pass_collected(bc, c);
        if (bc->reply) run(bc, c, bc->reply, RM_BLOCKED_REPLY, argv, argc, KEEL_LIT(""));
        else keel_reply_uncounted(c);
    }
    return true;
}

static void time_up(KeelCtx *c, void *data) {
    RedisModuleBlockedClient *bc = data;
    const KeelStr *argv;
    int argc = keel_argv(c, &argv);
    bc->answered = bc->timed_out = true;
    keel_journal_nothing(c);
    keel_block_took(c, bc->measured);
    if (!bc->timeout) {
        keel_reply_uncounted(c);
        return;
    }
    run(bc, c, bc->timeout, RM_BLOCKED_TIMEOUT, argv, argc, KEEL_LIT(""));
}

/* ---- signing in ------------------------------------------------------------------------------ */

int rm_blocked_sign_in(RedisModuleBlockedClient *bc, KeelCtx *c, RedisModuleString *user,
                       RedisModuleString *password, RedisModuleString **error) {
    RedisModuleCtx *ctx = enter(bc, c, RM_BLOCKED_REPLY | RM_SILENT);
    keel_block_took(c, bc->measured);
    int handled = bc->sign_in(ctx, user, password, error);
    rm_leave(ctx);
    bc->answered = true;
    return handled;
}

void rm_blocked_over(RedisModuleBlockedClient *bc) {
    wait_over(bc);
}

/* ---- blocking -------------------------------------------------------------------------------- */

static RedisModuleBlockedClient *block(RedisModuleCtx *ctx, RedisModuleBlockedClient wanted,
                                       long long timeout, RedisModuleString **keys, int count,
                                       bool on_delete) {
    RedisModuleBlockedClient *bc = keel_alloc(sizeof(*bc));
    *bc = wanted;
    KeelClient *client = keel_client(ctx->c);
    bc->mod = ctx->mod;
    bc->command = ctx->command;
    bc->client = client ? keel_client_id(client) : 0;
    bc->db = keel_db(ctx->c);
    bc->protocol = client ? keel_reply_protocol(ctx->c) : 2;
    ctx->mod->blocked++;
    if (bc->sign_in && (bc->block = rm_sign_in_block(ctx->c, bc))) {
        bc->waiting = true;
        return bc;
    }
    KeelStr *names = keel_alloc((size_t)(count + 1) * sizeof(*names));
    for (int i = 0; i < count; i++) names[i] = rm_view(keys[i]);
    KeelBlock row = {.size = sizeof(row), .keys = names, .key_count = count,
                     .deadline_ms = timeout > 0 ? keel_now_ms() + timeout : 0, .retry = retry,
                     .timeout = time_up, .free = wait_over, .data = bc, .on_delete = on_delete,
                     .only_named = !wanted.timeout};
    bc->waiting = true;
    if (!bc->sign_in) bc->block = keel_block(ctx->c, &row);
    keel_free(names);
    if (bc->block) return bc;
    bc->waiting = false;
    if (ctx->flags & RM_BLOCKED_REPLY) {
        keel_reply_error(ctx->c, "ERR Blocking module command called from a Reply callback context");
    } else {
        keel_reply_error(ctx->c, "ERR Blocking module command called from transaction");
    }
    return bc;
}

RedisModuleBlockedClient *RM_BlockClient(RedisModuleCtx *ctx, RedisModuleCmdFunc reply,
                                         RedisModuleCmdFunc timeout,
                                         void (*free_data)(RedisModuleCtx *, void *),
                                         long long timeout_ms) {
    RedisModuleBlockedClient wanted = {.reply = reply, .timeout = timeout, .free_data = free_data};
    rm_threads_enable();
    return block(ctx, wanted, timeout_ms, NULL, 0, false);
}

RedisModuleBlockedClient *RM_BlockClientOnAuth(RedisModuleCtx *ctx, RedisModuleAuthCallback reply,
                                               void (*free_data)(RedisModuleCtx *, void *)) {
    RedisModuleBlockedClient wanted = {.sign_in = reply, .free_data = free_data};
    if (!rm_signing_in(ctx)) {
        keel_reply_error(ctx->c, "ERR Module blocking client on auth when not currently undergoing "
                                 "module authentication");
        return NULL;
    }
    rm_threads_enable();
    return block(ctx, wanted, 0, NULL, 0, false);
}

RedisModuleBlockedClient *RM_BlockClientOnKeysWithFlags(
    RedisModuleCtx *ctx, RedisModuleCmdFunc reply, RedisModuleCmdFunc timeout,
    void (*free_data)(RedisModuleCtx *, void *), long long timeout_ms, RedisModuleString **keys,
    int count, void *data, int flags) {
    RedisModuleBlockedClient wanted = {.reply = reply, .timeout = timeout, .free_data = free_data,
                                       .data = data, .on_keys = true};
    return block(ctx, wanted, timeout_ms, keys, count, flags & REDISMODULE_BLOCK_UNBLOCK_DELETED);
}

RedisModuleBlockedClient *RM_BlockClientOnKeys(RedisModuleCtx *ctx, RedisModuleCmdFunc reply,
                                               RedisModuleCmdFunc timeout,
                                               void (*free_data)(RedisModuleCtx *, void *),
                                               long long timeout_ms, RedisModuleString **keys,
                                               int count, void *data) {
    return RM_BlockClientOnKeysWithFlags(ctx, reply, timeout, free_data, timeout_ms, keys, count,
                                         data, REDISMODULE_BLOCK_UNBLOCK_DEFAULT);
}

void RM_SignalKeyAsReady(RedisModuleCtx *ctx, RedisModuleString *key) {
    keel_key_ready(ctx->c, keel_db(ctx->c), rm_view(key));
}

/* Any thread. The loop answers the client, unless its time is up first, and releases the handle. */
static void name_it(RedisModuleBlockedClient *bc) {
    if (bc->block) keel_unblock(bc->block);
    keel_post(release_late, bc);
}

int RM_UnblockClient(RedisModuleBlockedClient *bc, void *data) {
    if (bc->on_keys) {
        if (!bc->block) {
            name_it(bc);
            return REDISMODULE_OK;
        }
        if (!bc->timeout) return REDISMODULE_ERR;
        bc->as_timeout = true;
        if (data) bc->data = data;
        keel_unblock(bc->block);
        return REDISMODULE_OK;
    }
    bc->data = data;
    name_it(bc);
    return REDISMODULE_OK;
}

int RM_AbortBlock(RedisModuleBlockedClient *bc) {
    bc->aborted = true;
    bc->reply = NULL;
    bc->disconnect = NULL;
    if (bc->waiting && keel_block_cancel(rm_callback_c(), bc->block)) {
        /* Its command runs still, and replies by itself. */
        bc->block = 0;
        bc->waiting = false;
        bc->answered = true;
        keel_post(release_late, bc);
        return REDISMODULE_OK;
    }
    if (bc->on_keys && bc->block) {
        keel_unblock(bc->block);
        return REDISMODULE_OK;
    }
    name_it(bc);
    return REDISMODULE_OK;
}

/* ---- what callbacks ask ---------------------------------------------------------------------- */

void RM_SetDisconnectCallback(RedisModuleBlockedClient *bc, RedisModuleDisconnectFunc call) {
    bc->disconnect = call;
}
void *RM_BlockClientGetPrivateData(RedisModuleBlockedClient *bc) {
    return bc->data;
}
void RM_BlockClientSetPrivateData(RedisModuleBlockedClient *bc, void *data) {
    bc->data = data;
}
int RM_IsBlockedReplyRequest(RedisModuleCtx *ctx) {
    return (ctx->flags & RM_BLOCKED_REPLY) != 0;
}
int RM_IsBlockedTimeoutRequest(RedisModuleCtx *ctx) {
    return (ctx->flags & RM_BLOCKED_TIMEOUT) != 0;
}
int RM_BlockedClientDisconnected(RedisModuleCtx *ctx) {
    return (ctx->flags & RM_BLOCKED_DISCONNECTED) != 0;
}
void *RM_GetBlockedClientPrivateData(RedisModuleCtx *ctx) {
    return ctx->blocked ? ctx->blocked->data : NULL;
}
RedisModuleBlockedClient *RM_GetBlockedClientHandle(RedisModuleCtx *ctx) {
    return ctx->blocked;
}

/* The context's own: freed with it. */
RedisModuleString *RM_GetBlockedClientReadyKey(RedisModuleCtx *ctx) {
    if (!ctx->ready_key.ptr) return NULL;
    if (!ctx->ready_name) ctx->ready_name = rm_string(ctx->ready_key.ptr, ctx->ready_key.len);
    return ctx->ready_name;
}

uint64_t rm_blocked_client_id(const RedisModuleBlockedClient *bc) {
    return bc->client;
}

/* By the thread that works for the client, several times if need be. */
int RM_BlockedClientMeasureTimeStart(RedisModuleBlockedClient *bc) {
    bc->since = keel_monotonic_ns();
    return REDISMODULE_OK;
}
int RM_BlockedClientMeasureTimeEnd(RedisModuleBlockedClient *bc) {
    if (!bc->since) return REDISMODULE_ERR;
    bc->measured += keel_monotonic_ns() - bc->since;
    return REDISMODULE_OK;
}

/* ---- threads --------------------------------------------------------------------------------- */

static pthread_t loop_thread;
static bool threads_enabled;
static KeelCtx *locked;            /* of the thread that holds the lock */

void rm_threads_begin(void) {
    loop_thread = pthread_self();
}

/* The lock is paid for from the first use of threads on. It can only begin while the loop has it:
 * a thread that asks first waits for the loop to do so. */
static pthread_mutex_t enabling = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t enabled = PTHREAD_COND_INITIALIZER;

static void enable_now(KeelCtx *c, void *data) {
    (void)c, (void)data;
    keel_threads_enable();
    pthread_mutex_lock(&enabling);
    threads_enabled = true;
    pthread_cond_broadcast(&enabled);
    pthread_mutex_unlock(&enabling);
}

void rm_threads_enable(void) {
    if (__atomic_load_n(&threads_enabled, __ATOMIC_ACQUIRE)) return;
    if (pthread_equal(pthread_self(), loop_thread)) {
        enable_now(NULL, NULL);
        return;
    }
    keel_post(enable_now, NULL);
    pthread_mutex_lock(&enabling);
    while (!threads_enabled) pthread_cond_wait(&enabled, &enabling);
    pthread_mutex_unlock(&enabling);
}

KeelCtx *rm_locked_c(void) {
    return locked;
}

RedisModuleCtx *RM_GetThreadSafeContext(RedisModuleBlockedClient *bc) {
    rm_threads_enable();
    RedisModuleCtx *ctx = rm_ctx_new(bc ? bc->mod : NULL, NULL, RM_THREAD);
    ctx->blocked = bc;
    if (!bc) return ctx;
    ctx->command = bc->command;
    if (!bc->collector) bc->collector = keel_collect_begin(bc->protocol);
    ctx->replies = bc->collector;
    return ctx;
}

RedisModuleCtx *RM_GetDetachedThreadSafeContext(RedisModuleCtx *ctx) {
    rm_threads_enable();
    return rm_ctx_new(ctx->mod, NULL, RM_THREAD);
}

void RM_FreeThreadSafeContext(RedisModuleCtx *ctx) {
    rm_ctx_free(ctx);
}

static void lock_taken(RedisModuleCtx *ctx, KeelCtx *c) {
    ctx->c = locked = c;
    if (ctx->blocked) keel_db_select(c, ctx->blocked->db);
    keel_journal_group(c, true);
}

void RM_ThreadSafeContextLock(RedisModuleCtx *ctx) {
    rm_threads_enable();
    lock_taken(ctx, keel_lock());
}

int RM_ThreadSafeContextTryLock(RedisModuleCtx *ctx) {
    rm_threads_enable();
    KeelCtx *c = keel_try_lock();
    if (!c) {
        errno = EBUSY;
        return REDISMODULE_ERR;
    }
    lock_taken(ctx, c);
    errno = 0;
    return REDISMODULE_OK;
}

void RM_ThreadSafeContextUnlock(RedisModuleCtx *ctx) {
    KeelCtx *c = ctx->c;
    while (ctx->keys) RM_CloseKey(ctx->keys);
    rm_jobs_due(c);
    keel_journal_group(c, false);
    ctx->c = locked = NULL;
    keel_unlock(c);
}
