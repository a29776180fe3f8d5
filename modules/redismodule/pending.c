/* pending.c - weak ends for the parts that are not there yet, so that partial builds load. Each goes
 * as its file comes; the file goes with the last one. */
#include "rm.h"

#define WEAK __attribute__((weak))
WEAK RedisModuleCallReply *rm_call_blocking(RedisModuleCtx *ctx, const KeelStr *argv, int argc,
                                            unsigned flags) {
    (void)ctx, (void)argv, (void)argc, (void)flags;
    return NULL;
}
WEAK void rm_promise_forget(struct Promise *promise, const RedisModuleCallReply *reply) {
    (void)promise, (void)reply;
}
