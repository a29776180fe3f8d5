/* defrag.c - moving a type's allocations to denser places, when the host asks for it.
 *
 * A value's callback moves what it can and sets a cursor when it wants to go on later. Whether a block lies
 * badly only the allocator could tell; ours does not, so every block that is offered moves. */
#include "rm.h"

#include <string.h>

enum { SLICE_NS = 500 * 1000 }; /* that one call may take */

struct RedisModuleDefragCtx {
    int64_t end;                   /* 0: no limit */
    uint64_t *cursor;              /* NULL: a module's global data, which has none */
    RedisModuleString *key;
    int db;
    KeelMemory *account;
};

static void begin(RedisModuleDefragCtx *ctx, const Mod *mod, uint64_t *cursor) {
    *ctx = (RedisModuleDefragCtx){.end = keel_monotonic_ns() + SLICE_NS, .cursor = cursor,
                                  .db = -1, .account = rm_memory_account(mod)};
}

/* The block around the module's value moves too. */
void *rm_type_defragment(const KeelValue *v, uint64_t *cursor) {
    ModValue *held = v->ptr;
    RedisModuleDefragCtx ctx;
    begin(&ctx, held->cell->type->mod, cursor);
    ctx.key = rm_key_name(v->name);
    ctx.db = v->db;
    uint64_t before = *cursor;
    int again = held->cell->type->methods.defrag(&ctx, ctx.key, &held->value);
    if (!again) {
        *cursor = 0;
    } else if (*cursor == before && !*cursor) {
        *cursor = 1; /* it wants to be called again without having said from where */
    }
    rm_string_release(ctx.key);
    return held;
}

int RM_RegisterDefragFunc(RedisModuleCtx *ctx, RedisModuleDefragFunc function) {
    ctx->mod->defrag = function;
    return REDISMODULE_OK;
}

int RM_RegisterDefragCallbacks(RedisModuleCtx *ctx, RedisModuleDefragFunc start,
                               RedisModuleDefragFunc end) {
    ctx->mod->defrag_start = start;
    ctx->mod->defrag_end = end;
    return REDISMODULE_OK;
}

/* Where the block is now; NULL: where it was. */
void *RM_DefragAlloc(RedisModuleDefragCtx *ctx, void *block) {
    size_t size = keel_mem_size(block);
    void *moved = keel_mem_try_alloc(ctx->account, size);
    if (!moved) return NULL;
    memcpy(moved, block, size);
    keel_mem_free(ctx->account, block);
    return moved;
}

void *RM_DefragAllocRaw(RedisModuleDefragCtx *ctx, size_t size) {
    return keel_mem_alloc(ctx->account, size);
}
void RM_DefragFreeRaw(RedisModuleDefragCtx *ctx, void *block) {
    keel_mem_free(ctx->account, block);
}

/* Only one that nobody else holds can move. */
RedisModuleString *RM_DefragRedisModuleString(RedisModuleDefragCtx *ctx, RedisModuleString *s) {
    (void)ctx;
    if (s->refs != 1 || s->pooled || s->form == STR_BORROWED) return NULL;
    RedisModuleString *moved = rm_string(s->ptr, s->len);
    rm_string_release(s);
    return moved;
}

int RM_DefragShouldStop(RedisModuleDefragCtx *ctx) {
    return ctx->end && keel_monotonic_ns() >= ctx->end;
}

int RM_DefragCursorSet(RedisModuleDefragCtx *ctx, unsigned long cursor) {
    if (!ctx->cursor) return REDISMODULE_ERR;
    *ctx->cursor = cursor;
    return REDISMODULE_OK;
}
int RM_DefragCursorGet(RedisModuleDefragCtx *ctx, unsigned long *cursor) {
    if (!ctx->cursor) return REDISMODULE_ERR;
    *cursor = *ctx->cursor;
    return REDISMODULE_OK;
}

int RM_GetDbIdFromDefragCtx(RedisModuleDefragCtx *ctx) {
    return ctx->db;
}
const RedisModuleString *RM_GetKeyNameFromDefragCtx(RedisModuleDefragCtx *ctx) {
    return ctx->key;
}
