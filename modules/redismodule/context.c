/* context.c - the frame around each call of a module's code.
 *
 * A callback that runs inside another's gets the next frame of a stack; each keeps its arrays and
 * argument structs from call to call, so that entering one allocates nothing. What automatic memory
 * has gathered is freed as the frame is left. */
#include "rm.h"

#include <string.h>

enum { FRAMES = 64, ARGS_KEPT = 64 };

/* PoolAlloc's blocks: freed with the context, whatever is automatic. */
typedef struct PoolBlock {
    struct PoolBlock *next;
    size_t used, room;
    char bytes[] __attribute__((aligned(16)));
} PoolBlock;

typedef struct Frame {
    RedisModuleCtx ctx;
    RedisModuleString **argv;      /* pooled structs, and ones that only this call has */
    int room;
} Frame;

static Frame *frames[FRAMES];
static int depth;

static inline RedisModuleCtx *enter(Mod *mod, KeelCtx *c, unsigned flags) {
    if (__builtin_expect(depth == FRAMES, 0)) return rm_ctx_new(mod, c, flags);
    Frame *frame = frames[depth];
    if (__builtin_expect(!frame, 0)) frame = frames[depth] = keel_zalloc(sizeof(*frame));
    depth++;
    RedisModuleCtx *ctx = &frame->ctx;
    ctx->get_api = RM_GetApi;
    ctx->mod = mod;
    ctx->c = c;
    ctx->flags = flags;
    return ctx;
}

RedisModuleCtx *rm_enter(Mod *mod, KeelCtx *c, unsigned flags) {
    return enter(mod, c, flags);
}

RedisModuleCtx *rm_ctx_new(Mod *mod, KeelCtx *c, unsigned flags) {
    RedisModuleCtx *ctx = &((Frame *)keel_zalloc(sizeof(Frame)))->ctx;
    ctx->get_api = RM_GetApi;
    ctx->mod = mod;
    ctx->c = c;
    ctx->flags = flags | RM_HEAP;
    return ctx;
}

/* ---- arguments ------------------------------------------------------------------------------- */

static RedisModuleString *argument_new(bool pooled) {
    RedisModuleString *s = keel_zalloc(sizeof(*s) + 1);
    s->refs = 1;
    s->form = STR_BORROWED;
    s->pooled = pooled;
    return s;
}

static void argv_room(Frame *frame, int argc) {
    frame->argv = keel_realloc(frame->argv, (size_t)argc * sizeof(*frame->argv));
    while (frame->room < argc) frame->argv[frame->room++] = argument_new(true);
}

/* Pooled structs that are not in use have one reference and a borrowed form: only the view is set. */
static inline void set_argv(RedisModuleCtx *ctx, const KeelStr *argv, int argc) {
    Frame *frame = (Frame *)ctx; /* its first member */
    if (__builtin_expect(frame->room < argc, 0)) argv_room(frame, argc);
    for (int i = 0; i < argc; i++) {
        RedisModuleString *s = frame->argv[i];
        s->ptr = argv[i].ptr;
        s->len = argv[i].len;
    }
    ctx->argv = frame->argv;
    ctx->argc = argc;
}

void rm_set_argv(RedisModuleCtx *ctx, const KeelStr *argv, int argc) {
    set_argv(ctx, argv, argc);
}

/* Structs that the module kept are its own from now on; the pool gets new ones. */
static inline void take_argv_back(Frame *frame) {
    for (int i = 0, argc = frame->ctx.argc; i < argc; i++) {
        RedisModuleString *s = frame->argv[i];
        if (__builtin_expect(s->refs == 1 && s->form == STR_BORROWED, 1)) continue;
        s->pooled = false;
        rm_string_release(s);
        frame->argv[i] = argument_new(true);
    }
    if (__builtin_expect(frame->room > ARGS_KEPT, 0)) {
        while (frame->room > ARGS_KEPT) keel_free(frame->argv[--frame->room]);
        frame->argv = keel_realloc(frame->argv, ARGS_KEPT * sizeof(*frame->argv));
    }
}

/* ---- what is automatic ----------------------------------------------------------------------- */

void rm_own(RedisModuleCtx *ctx, OwnedKind kind, void *thing) {
    if (!ctx || !(ctx->flags & RM_AUTO_MEMORY)) return;
    if (ctx->owned_count == ctx->owned_room) {
        ctx->owned_room = ctx->owned_room ? ctx->owned_room * 2 : 16;
        ctx->owned = keel_realloc(ctx->owned, (size_t)ctx->owned_room * sizeof(*ctx->owned));
    }
    ctx->owned[ctx->owned_count++] = (Owned){kind, thing};
}

/* Mostly the newest ones are freed by hand. */
bool rm_disown(RedisModuleCtx *ctx, OwnedKind kind, const void *thing) {
    if (!(ctx->flags & RM_AUTO_MEMORY)) return false;
    for (int i = ctx->owned_count - 1; i >= 0; i--) {
        if (ctx->owned[i].thing != thing || ctx->owned[i].kind != kind) continue;
        ctx->owned[i] = ctx->owned[--ctx->owned_count];
        return true;
    }
    return false;
}

static void free_owned(RedisModuleCtx *ctx) {
    ctx->flags &= ~(unsigned)RM_AUTO_MEMORY; /* what frees them need not look for them here */
    while (ctx->owned_count) {
        Owned o = ctx->owned[--ctx->owned_count];
        switch (o.kind) {
        case OWNED_STRING: rm_string_release(o.thing); break;
        case OWNED_KEY: RM_CloseKey(o.thing); break;
        case OWNED_REPLY: RM_FreeCallReply(o.thing); break;
        case OWNED_DICT: RM_FreeDict(NULL, o.thing); break;
        case OWNED_INFO: RM_FreeServerInfo(NULL, o.thing); break;
        }
    }
}

/* The bits of what a callback may leave behind. */
static void settle(RedisModuleCtx *ctx) {
    if (ctx->owned_count) free_owned(ctx);
    while (ctx->keys) RM_CloseKey(ctx->keys); /* left open: closed with the context */
    for (PoolBlock *block = ctx->pool, *next; block; block = next) {
        next = block->next;
        keel_free(block);
    }
    keel_free(ctx->postponed_more);
}

/* Where callbacks run that the host gives no context: of a callback outside, of the thread with the
 * lock, or one kept for this. */
static KeelCtx *spare_c;

void rm_contexts_begin(void) {
    spare_c = keel_collect_begin(2);
}

static void free_frame(Frame *frame) {
    while (frame->room) keel_free(frame->argv[--frame->room]);
    keel_free(frame->argv);
    keel_free(frame->ctx.owned);
    keel_free(frame);
}

void rm_contexts_end(void) {
    keel_reply_free(keel_collect_end(spare_c));
    for (int i = depth; i < FRAMES && frames[i]; i++) {
        free_frame(frames[i]);
        frames[i] = NULL;
    }
}

KeelCtx *rm_callback_c(void) {
    for (int i = depth - 1; i >= 0; i--) {
        if (frames[i]->ctx.c) return frames[i]->ctx.c;
    }
    KeelCtx *c = rm_locked_c();
    return c ? c : spare_c;
}

static inline void leave(RedisModuleCtx *ctx) {
    if (__builtin_expect(ctx->ready_name != NULL, 0)) {
        rm_string_release(ctx->ready_name);
        ctx->ready_name = NULL;
    }
    if (__builtin_expect(ctx->owned_count || ctx->keys || ctx->pool || ctx->postponed_more, 0)) {
        settle(ctx);
    }
    Frame *frame = (Frame *)ctx;
    if (ctx->argc) take_argv_back(frame);
    if (__builtin_expect(ctx->flags & RM_HEAP, 0)) {
        free_frame(frame);
        return;
    }
    /* Field by field: all of it is ten times as many bytes. */
    ctx->command = NULL;
    ctx->argc = ctx->owned_count = ctx->postponed_count = ctx->postponed_room = 0;
    ctx->pool = NULL;
    ctx->postponed_more = NULL;
    ctx->blocked = NULL;
    ctx->ready_key = (KeelStr){NULL, 0};
    ctx->user = NULL;
    ctx->request = NULL;
    ctx->replicated = false;
    depth--;
}

void rm_leave(RedisModuleCtx *ctx) {
    leave(ctx);
}

/* In one piece: it is all that a module's command costs more than a native one. A module's changes
 * go to the journal only as it says (Replicate, ReplicateVerbatim). */
void rm_run(KeelCtx *c, const KeelStr *argv, int argc) {
    RedisModuleCommand *cmd = (RedisModuleCommand *)(uintptr_t)keel_command_data(c);
    RedisModuleCtx *ctx = enter(cmd->mod, c, 0);
    ctx->command = cmd;
    set_argv(ctx, argv, argc);
    keel_journal_nothing(c);
    cmd->call(ctx, ctx->argv, argc);
    leave(ctx);
}

void rm_ctx_free(RedisModuleCtx *ctx) {
    rm_leave(ctx);
}

void RM_AutoMemory(RedisModuleCtx *ctx) {
    ctx->flags |= RM_AUTO_MEMORY;
}

/* Small pieces that live as long as the callback, aligned to what their size allows. */
void *RM_PoolAlloc(RedisModuleCtx *ctx, size_t size) {
    enum { BLOCK = 8 * 1024 };
    if (!size) return NULL;
    size_t align = size >= 8 ? sizeof(void *) : 1;
    while (size < 8 && align < size) align *= 2;
    PoolBlock *block = ctx->pool;
    size_t at = block ? (block->used + align - 1) & ~(align - 1) : 0;
    if (!block || at > block->room || block->room - at < size) {
        size_t room = size > BLOCK ? size : BLOCK;
        block = keel_alloc(sizeof(*block) + room);
        *block = (PoolBlock){.next = ctx->pool, .room = room};
        ctx->pool = block;
        at = 0;
    }
    block->used = at + size;
    return block->bytes + at;
}
