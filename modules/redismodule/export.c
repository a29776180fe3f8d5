/* export.c - functions that modules offer each other under global names. Using one keeps its owner
 * from being unloaded. */
#include "rm.h"

#include <string.h>

typedef struct Export {
    struct Export *next;
    char *name;
    void *function;
} Export;

static Export *find(const char *name, Mod **owner) {
    for (Mod *mod = rm_mods; mod; mod = mod->next) {
        if (mod->replaced) continue;
        for (Export *e = mod->exports; e; e = e->next) {
            if (strcmp(e->name, name) != 0) continue;
            *owner = mod;
            return e;
        }
    }
    return NULL;
}

int RM_ExportSharedAPI(RedisModuleCtx *ctx, const char *name, void *function) {
    Mod *owner;
    if (!ctx->mod || find(name, &owner)) return REDISMODULE_ERR;
    Export *e = keel_alloc(sizeof(*e));
    *e = (Export){ctx->mod->exports, keel_strdup(keel_str(name)), function};
    ctx->mod->exports = e;
    return REDISMODULE_OK;
}

static void note_use(Mod *user, Mod *owner) {
    for (int i = 0; i < user->used_count; i++) {
        if (user->used[i] == owner) return;
    }
    user->used = keel_realloc(user->used, (size_t)(user->used_count + 1) * sizeof(*user->used));
    user->used[user->used_count++] = owner;
}

void *RM_GetSharedAPI(RedisModuleCtx *ctx, const char *name) {
    Mod *owner;
    const Export *e = find(name, &owner);
    if (!e) return NULL;
    if (ctx->mod && ctx->mod != owner) note_use(ctx->mod, owner);
    return e->function;
}

const Mod *rm_exports_used(const Mod *mod) {
    for (const Mod *user = rm_mods; user; user = user->next) {
        for (int i = 0; i < user->used_count; i++) {
            if (user->used[i] == mod && user != mod) return user;
        }
    }
    return NULL;
}

void rm_forget_exports(Mod *mod) {
    for (Export *e = mod->exports, *next; e; e = next) {
        next = e->next;
        keel_free(e->name);
        keel_free(e);
    }
    keel_free(mod->used);
    mod->exports = NULL;
    mod->used = NULL;
    mod->used_count = 0;
}
