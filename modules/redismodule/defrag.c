/* defrag.c - moving a type's allocations to denser places, when the host does that (keel/move.h).
 *
 * The callback of a small value moves all of it at once: it has no cursor then, and is never told
 * to stop. One of a large value (free_effort tells, 0 stands for very large) is called again and
 * again while it returns 1 and has set a cursor. What belongs to no value is moved after each pass
 * over all keys. Whether a block is worth moving the allocator says. */
#include "rm.h"

struct RedisModuleDefragCtx {
    bool limited;                  /* it may be told to stop */
    uint64_t *cursor;              /* NULL: there is none */
    RedisModuleString *key;
    int db;
    KeelMemory *account;
};

void *rm_type_defragment(const KeelValue *v, uint64_t *cursor) {
    ModValue *held = v->ptr;
    if (!cursor || *cursor == 0) held = keel_move(held);
    const RedisModuleType *type = held->cell->type;
    bool again = false;
    if (type->methods.defrag) {
        RedisModuleDefragCtx ctx = {.limited = cursor, .cursor = cursor, .db = v->db,
                                    .key = rm_key_name(v->name),
                                    .account = rm_memory_account(type->mod)};
        again = type->methods.defrag(&ctx, ctx.key, &held->value);
        rm_string_release(ctx.key);
    }
    if (cursor && !again) *cursor = 0;
    return held;
}

static void call_global(Mod *mod, RedisModuleDefragFunc function) {
    RedisModuleDefragCtx ctx = {.db = -1, .account = rm_memory_account(mod)};
    if (function) function(&ctx);
}

void rm_defragment_event(KeelCtx *c, const void *data) {
    const KeelDefragmentEvent *event = data;
    (void)c;
    for (Mod *mod = rm_mods; mod; mod = mod->next) {
        if (event->phase == KEEL_BEFORE) {
            call_global(mod, mod->defrag_start);
        } else {
            call_global(mod, mod->defrag);
            call_global(mod, mod->defrag_end);
        }
    }
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
    void *now = keel_mem_move(ctx->account, block);
    return now != block ? now : NULL;
}

void *RM_DefragAllocRaw(RedisModuleDefragCtx *ctx, size_t size) {
    return keel_mem_alloc(ctx->account, size);
}
void RM_DefragFreeRaw(RedisModuleDefragCtx *ctx, void *block) {
    keel_mem_free(ctx->account, block);
}

/* Only one that nobody else holds can move. Bytes in a block of their own may move by themselves,
 * and do where the struct, an argument's that was kept, lies in a pool. */
RedisModuleString *RM_DefragRedisModuleString(RedisModuleDefragCtx *ctx, RedisModuleString *s) {
    (void)ctx;
    if (s->refs != 1 || s->form == STR_BORROWED) return NULL;
    RedisModuleString *now = s->pooled ? s : keel_move(s);
    if (now->form == STR_INSIDE) {
        now->ptr = now->inside;
    } else if (now->form == STR_BLOCK) {
        now->ptr = keel_move((char *)(uintptr_t)now->ptr);
    }
    return now != s ? now : NULL;
}

int RM_DefragShouldStop(RedisModuleDefragCtx *ctx) {
    return ctx->limited && keel_move_over();
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
