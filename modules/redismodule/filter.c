/* filter.c - filters: callbacks that see every command before it is looked up and may exchange its
 * words. While no module has one, the host is not told of commands at all.
 *
 * A filter gets module strings made of the words, and leaves a list of them. When it changed
 * something the list becomes views for the host; strings and views are kept until the next command
 * that is not called by another. */
#include "rm.h"

#include <string.h>

struct RedisModuleCommandFilter {
    RedisModuleCommandFilter *next;
    Mod *mod;
    RedisModuleCommandFilterFunc call;
    int flags;
    bool gone;
};

struct RedisModuleCommandFilterCtx {
    RedisModuleString **argv;
    int argc, room;
    unsigned long long client;
    bool changed;
};

/* What a rewritten command lives on. */
typedef struct Kept {
    struct Kept *next;
    RedisModuleString **argv;
    int argc;
    KeelStr views[];
} Kept;

const Mod *rm_calling;
static RedisModuleCommandFilter *filters;
static Kept *kept;
static int running;

static void kept_free(void) {
    for (Kept *k = kept, *next; k; k = next) {
        next = k->next;
        for (int i = 0; i < k->argc; i++) rm_string_release(k->argv[i]);
        keel_free(k->argv);
        keel_free(k);
    }
    kept = NULL;
}

static void sweep(void) {
    for (RedisModuleCommandFilter **at = &filters; *at;) {
        RedisModuleCommandFilter *f = *at;
        if (!f->gone) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        keel_free(f);
    }
}

/* The words as they are now become the command's. */
static void hand_over(RedisModuleCommandFilterCtx *f, const KeelStr **argv, int *argc) {
    Kept *k = keel_alloc(sizeof(*k) + (size_t)f->argc * sizeof(k->views[0]));
    *k = (Kept){kept, f->argv, f->argc};
    kept = k;
    for (int i = 0; i < f->argc; i++) k->views[i] = rm_view(f->argv[i]);
    *argv = k->views;
    *argc = f->argc;
}

static void rewrite(KeelCtx *c, const KeelStr **argv, int *argc) {
    KeelClient *client = keel_client(c);
    RedisModuleCommandFilterCtx f = {.argc = *argc, .room = *argc + 1,
                                     .client = client ? keel_client_id(client) : 0};
    bool called = keel_is_nested(c);
    if (!called && !running) kept_free();
    f.argv = keel_alloc((size_t)f.room * sizeof(*f.argv));
    for (int i = 0; i < f.argc; i++) f.argv[i] = rm_string((*argv)[i].ptr, (*argv)[i].len);
    running++;
    for (RedisModuleCommandFilter *filter = filters; filter; filter = filter->next) {
        bool own = called && rm_calling == filter->mod;
        if (filter->gone || (own && filter->flags & REDISMODULE_CMDFILTER_NOSELF)) continue;
        filter->call(&f);
    }
    if (--running == 0) sweep();
    if (f.changed && f.argc > 0) {
        hand_over(&f, argv, argc);
        return;
    }
    for (int i = 0; i < f.argc; i++) rm_string_release(f.argv[i]);
    keel_free(f.argv);
}

RedisModuleCommandFilter *RM_RegisterCommandFilter(RedisModuleCtx *ctx,
                                                   RedisModuleCommandFilterFunc call, int flags) {
    RedisModuleCommandFilter *filter = keel_alloc(sizeof(*filter)), **at = &filters;
    bool first = true;
    for (RedisModuleCommandFilter *f = filters; f; f = f->next) first = first && f->gone;
    *filter = (RedisModuleCommandFilter){.mod = ctx->mod, .call = call, .flags = flags};
    if (first && !keel_rewrite_add(rewrite)) {
        keel_free(filter);
        return NULL;
    }
    while (*at) at = &(*at)->next;
    *at = filter;
    ctx->mod->filters++;
    return filter;
}

static void remove_filter(RedisModuleCommandFilter *filter) {
    filter->gone = true;
    filter->mod->filters--;
    bool any = false;
    for (const RedisModuleCommandFilter *f = filters; f; f = f->next) any |= !f->gone;
    if (!any) keel_rewrite_remove(rewrite);
    if (!running) sweep();
}

int RM_UnregisterCommandFilter(RedisModuleCtx *ctx, RedisModuleCommandFilter *filter) {
    if (filter->mod != ctx->mod) return REDISMODULE_ERR;
    remove_filter(filter);
    return REDISMODULE_OK;
}

void rm_forget_filters(Mod *mod) {
    for (RedisModuleCommandFilter *f = filters, *next; f; f = next) {
        next = f->next;
        if (f->mod == mod && !f->gone) remove_filter(f);
    }
}

/* ---- what filters do ------------------------------------------------------------------------- */

int RM_CommandFilterArgsCount(RedisModuleCommandFilterCtx *f) {
    return f->argc;
}

RedisModuleString *RM_CommandFilterArgGet(RedisModuleCommandFilterCtx *f, int i) {
    return i < 0 || i >= f->argc ? NULL : f->argv[i];
}

int RM_CommandFilterArgInsert(RedisModuleCommandFilterCtx *f, int i, RedisModuleString *s) {
    if (i < 0 || i > f->argc) return REDISMODULE_ERR;
    if (f->argc == f->room) {
        f->room *= 2;
        f->argv = keel_realloc(f->argv, (size_t)f->room * sizeof(*f->argv));
    }
    memmove(&f->argv[i + 1], &f->argv[i], (size_t)(f->argc - i) * sizeof(*f->argv));
    f->argv[i] = s;
    f->argc++;
    f->changed = true;
    return REDISMODULE_OK;
}

int RM_CommandFilterArgReplace(RedisModuleCommandFilterCtx *f, int i, RedisModuleString *s) {
    if (i < 0 || i >= f->argc) return REDISMODULE_ERR;
    rm_string_release(f->argv[i]);
    f->argv[i] = s;
    f->changed = true;
    return REDISMODULE_OK;
}

int RM_CommandFilterArgDelete(RedisModuleCommandFilterCtx *f, int i) {
    if (i < 0 || i >= f->argc) return REDISMODULE_ERR;
    rm_string_release(f->argv[i]);
    memmove(&f->argv[i], &f->argv[i + 1], (size_t)(f->argc - i - 1) * sizeof(*f->argv));
    f->argc--;
    f->changed = true;
    return REDISMODULE_OK;
}

unsigned long long RM_CommandFilterGetClientId(RedisModuleCommandFilterCtx *f) {
    return f->client;
}
