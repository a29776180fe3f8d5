/* yield.c - RM_Yield: commands that take long and let others in between.
 *
 * Others are served from busy-reply-threshold on, so that short work is not interrupted, and then as
 * often as the server's clock ticks. Meanwhile a gate stands in their way: it answers BUSY, or holds
 * them back until the break is over when the module did not ask for clients to be served. */
#include "rm.h"

int rm_busy_gate;

static int busy_flags;
static const char *busy_reply;

KeelVerdict rm_busy_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)cmd, (void)argv, (void)argc;
    if (!(busy_flags & REDISMODULE_YIELD_FLAG_CLIENTS)) return KEEL_HOLD;
    keel_reply_errorf(c, "BUSY %s",
                      busy_reply ? busy_reply : "Redis is busy running a module command.");
    return KEEL_ANSWERED;
}

static int64_t tick_ns(void) {
    char text[32];
    int64_t hz = 10;
    if (keel_config_get(KEEL_LIT("hz"), text, sizeof(text), NULL)) keel_parse_int(keel_str(text), &hz);
    return 1000000000 / (hz > 0 ? hz : 10);
}

/* The setting busy-reply-threshold, which is of whoever brings it. */
static int64_t threshold_ns(void) {
    const KeelConfig *config = keel_config_find(KEEL_LIT("busy-reply-threshold"));
    bool number = config && config->type == KEEL_CONFIG_INT;
    return (number ? *(const int64_t *)config->var : 5000) * 1000000;
}

static void serve(int flags, const char *reply) {
    const Mod *calling = rm_calling;
    busy_flags = flags;
    busy_reply = reply;
    rm_calling = NULL;
    keel_gate_arm(rm_busy_gate, true);
    keel_serve_others();
    keel_gate_arm(rm_busy_gate, false);
    if (!(flags & REDISMODULE_YIELD_FLAG_CLIENTS)) keel_client_release(NULL);
    rm_calling = calling;
    busy_reply = NULL;
}

/* The time before the first call of a context is not known, and seldom matters: who calls this does
 * so all along. While a dataset loads there is a gate about that already. */
void RM_Yield(RedisModuleCtx *ctx, int flags, const char *reply) {
    static bool yielding;
    if (yielding || !rm_main_thread || rm_in_child) return;
    int64_t now = keel_monotonic_ns();
    if (!ctx->yield_due) {
        ctx->flags |= RM_UNTIDY;
        ctx->yield_due = now + (keel_loading() ? tick_ns() : threshold_ns());
    }
    if (now < ctx->yield_due) return;
    yielding = true;
    if (keel_loading()) keel_serve_others();
    else serve(flags, reply);
    yielding = false;
    ctx->yield_due = now + tick_ns();
}
