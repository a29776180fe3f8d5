/* promise.c - RM_Call with the letter K: replies that are still to come.
 *
 * A command that blocks when it is called so waits on by itself; the caller gets a promise in the
 * place of a reply, gives it a handler, and is free to go. The promise ends when both are over: the
 * wait, and the module's use of the reply that stands for it. */
#include "rm.h"

struct Promise {
    Mod *mod;
    uint64_t wait;                 /* 0: it is over, or was given up */
    bool held;                     /* by its reply */
    RedisModuleOnUnblocked call;
    void *data;
};

static void free_when_over(struct Promise *p) {
    if (!p->wait && !p->held) keel_free(p);
}

static void wait_over(struct Promise *p) {
    p->wait = 0;
    p->mod->blocked--;
    free_when_over(p);
}

/* The reply is the handler's to free. */
static void kept(KeelCtx *c, KeelReply *reply, void *data) {
    struct Promise *p = data;
    if (!p->call) {
        keel_reply_free(reply);
    } else {
        keel_journal_group(c, true);
        RedisModuleCtx *ctx = rm_enter(p->mod, c, RM_SILENT);
        p->call(ctx, rm_reply_new(NULL, reply), p->data);
        rm_leave(ctx);
        rm_jobs_due(c);
        keel_journal_group(c, false);
    }
    wait_over(p);
}

RedisModuleCallReply *rm_call_blocking(RedisModuleCtx *ctx, const KeelStr *argv, int argc,
                                       unsigned flags, KeelReply **reply) {
    struct Promise *p = keel_alloc(sizeof(*p));
    *p = (struct Promise){.mod = ctx->mod};
    *reply = keel_call_waiting(ctx->c, argv, argc, flags, kept, p, &p->wait);
    if (*reply) {
        keel_free(p);
        return NULL;
    }
    p->held = true;
    p->mod->blocked++;
    return rm_reply_promise(ctx, p);
}

void rm_promise_forget(struct Promise *p, const RedisModuleCallReply *reply) {
    (void)reply;
    p->held = false;
    free_when_over(p);
}

void RM_CallReplyPromiseSetUnblockHandler(RedisModuleCallReply *reply, RedisModuleOnUnblocked call,
                                          void *data) {
    struct Promise *p = rm_reply_is_promise(reply);
    if (!p) return;
    p->call = call;
    p->data = data;
}

int RM_CallReplyPromiseAbort(RedisModuleCallReply *reply, void **data) {
    struct Promise *p = rm_reply_is_promise(reply);
    if (!p || !p->wait || !keel_call_abandon(p->wait)) return REDISMODULE_ERR;
    if (data) *data = p->data;
    p->call = NULL;
    wait_over(p);
    return REDISMODULE_OK;
}
