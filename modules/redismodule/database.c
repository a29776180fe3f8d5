/* database.c - the selected database, its size, a key of it at random, and emptying all of them. */
#include "rm.h"

int RM_GetSelectedDb(RedisModuleCtx *ctx) {
    return ctx->c ? keel_db(ctx->c) : 0;
}

int RM_SelectDb(RedisModuleCtx *ctx, int db) {
    return ctx->c && keel_db_select(ctx->c, db) ? REDISMODULE_OK : REDISMODULE_ERR;
}

unsigned long long RM_DbSize(RedisModuleCtx *ctx) {
    return keel_db_size(RM_GetSelectedDb(ctx));
}

/* One that is not past its time. NULL: the database is empty. Among many dead keys it gives up in
 * the end and takes a dead one, as the real server does on a replica. */
RedisModuleString *RM_RandomKey(RedisModuleCtx *ctx) {
    KeelSeen seen;
    int db = RM_GetSelectedDb(ctx);
    for (int tries = 0; keel_db_random(db, false, &seen); tries++) {
        RedisModuleString *name = rm_string_for(ctx, seen.name.ptr, seen.name.len);
        KeelKey key;
        if (tries == 100 || keel_key_open_in(ctx->c, db, rm_view(name),
                                             KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS, &key)) {
            return name;
        }
        RM_FreeString(ctx, name); /* looking at it has removed it */
    }
    return NULL;
}

/* Everything goes: before a module loads a dataset of its own. Nothing is propagated of it. */
void RM_ResetDataset(int restart_aof, int async) {
    (void)restart_aof; /* the append-only file starts anew with whatever is loaded then */
    keel_db_flush(rm_callback_c(), -1, async);
}
