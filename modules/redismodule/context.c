/* context.c - the frame around each call of a module's code.
 *
 * A callback that runs inside another's gets the next frame of a stack; each keeps its arrays and
 * argument structs from call to call, so that entering one allocates nothing. What automatic memory
 * has gathered is freed as the frame is left. */
#include "rm.h"

#include <string.h>

enum { ARGS_KEPT = 64 };

/* PoolAlloc's blocks: freed with the context, whatever is automatic. */
typedef struct PoolBlock {
    struct PoolBlock *next;
    size_t used, room;
    char bytes[] __attribute__((aligned(16)));
} PoolBlock;

typedef struct Frame {
    RedisModuleCtx ctx;            /* first: what modules hold */
    struct Frame *outer, *inner;   /* the stack; those inside the innermost wait to be used */
    RedisModuleString **args;      /* pooled structs, then room for as many that are shown */
    int room;
    RedisModuleKey key;
} Frame;

/* Below all frames; and the innermost one in use. */
static Frame bottom;
static Frame *innermost = &bottom;

static Frame *frame_new(void) {
    Frame *frame = keel_zalloc(sizeof(*frame));
    frame->ctx.get_api = RM_GetApi;
    frame->ctx.first_key = &frame->key;
    frame->key.ctx = &frame->ctx;
    return frame;
}

/* The frame that comes next, which there is then. */
static Frame *frame_next(void) {
    if (!innermost->inner) {
        innermost->inner = frame_new();
        innermost->inner->outer = innermost;
    }
    return innermost->inner;
}

static RedisModuleCtx *begin(RedisModuleCtx *ctx, Mod *mod, KeelCtx *c, unsigned flags) {
    const unsigned elsewhere = RM_KEYS_REQUEST | RM_CHANNELS_REQUEST | RM_SILENT | RM_THREAD;
    ctx->mod = mod;
    ctx->c = c;
    ctx->flags = flags;
    ctx->replies = !(flags & elsewhere) && c && keel_client(c) ? c : NULL;
    ctx->command = NULL;
    ctx->argc = 0;
    return ctx;
}

RedisModuleCtx *rm_enter(Mod *mod, KeelCtx *c, unsigned flags) {
    innermost = frame_next();
    return begin(&innermost->ctx, mod, c, flags | RM_UNTIDY);
}

RedisModuleCtx *rm_ctx_new(Mod *mod, KeelCtx *c, unsigned flags) {
    return begin(&frame_new()->ctx, mod, c, flags | RM_HEAP);
}

/* ---- arguments ------------------------------------------------------------------------------- */

_Static_assert(offsetof(RedisModuleString, ptr) == offsetof(KeelStr, ptr) &&
               offsetof(RedisModuleString, len) == offsetof(KeelStr, len), "one copy of 16 bytes");

static RedisModuleString *argument_new(Frame *frame) {
    RedisModuleString *s = keel_zalloc(sizeof(*s) + 1);
    s->refs = 1;
    s->form = STR_BORROWED;
    s->pooled = true;
    s->lender = &frame->ctx;
    return s;
}

static void args_resize(Frame *frame, int argc) {
    if (argc > ARGS_KEPT) frame->ctx.flags |= RM_UNTIDY;
    while (frame->room > argc) keel_free(frame->args[--frame->room]);
    frame->args = keel_realloc(frame->args, (size_t)argc * 2 * sizeof(*frame->args));
    while (frame->room < argc) frame->args[frame->room++] = argument_new(frame);
    frame->ctx.argv = frame->args + argc;
}

/* Pooled structs that are not in use have one reference and a borrowed form: only the view is set.
 * A module may do to the pointers that it is shown as it likes. */
static inline void set_argument(RedisModuleString **own, RedisModuleString **shown,
                                const KeelStr *argv, int i) {
    RedisModuleString *s = own[i];
    memcpy(s, &argv[i], sizeof(KeelStr));
    shown[i] = s;
}

static inline void set_argv(Frame *frame, const KeelStr *argv, int argc) {
    frame->ctx.argc = argc;
    RedisModuleString **own = frame->args, **shown = frame->ctx.argv;
    switch (argc) {
    default:
        for (int i = 3; i < argc; i++) set_argument(own, shown, argv, i); /* fall through */
    case 3: set_argument(own, shown, argv, 2); /* fall through */
    case 2: set_argument(own, shown, argv, 1); /* fall through */
    case 1: set_argument(own, shown, argv, 0); /* fall through */
    case 0: break;
    }
}

void rm_set_argv(RedisModuleCtx *ctx, const KeelStr *argv, int argc) {
    Frame *frame = (Frame *)ctx;
    if (frame->room < argc) args_resize(frame, argc);
    set_argv(frame, argv, argc);
}

/* Structs that the module kept are its own from now on; the pool gets new ones. */
static void take_argv_back(Frame *frame) {
    for (int i = 0, argc = frame->ctx.argc; i < argc; i++) {
        RedisModuleString *s = frame->args[i];
        if (__builtin_expect(s->refs == 1 && s->form == STR_BORROWED, 1)) continue;
        s->pooled = false;
        s->lender = NULL;
        rm_string_release(s);
        frame->args[i] = argument_new(frame);
    }
    if (frame->room > ARGS_KEPT) args_resize(frame, ARGS_KEPT);
}

/* ---- what is automatic ----------------------------------------------------------------------- */

void rm_own_always(RedisModuleCtx *ctx, OwnedKind kind, void *thing) {
    if (ctx->owned_count == ctx->owned_room) {
        ctx->owned_room = ctx->owned_room ? ctx->owned_room * 2 : 16;
        ctx->owned = keel_realloc(ctx->owned, (size_t)ctx->owned_room * sizeof(*ctx->owned));
    }
    ctx->owned[ctx->owned_count++] = (Owned){kind, thing};
}

/* Mostly the newest ones are freed by hand. */
bool rm_disown_always(RedisModuleCtx *ctx, OwnedKind kind, const void *thing) {
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
    while (frame->room) keel_free(frame->args[--frame->room]);
    keel_free(frame->args);
    keel_free(frame->ctx.owned);
    keel_free(frame);
}

void rm_contexts_end(void) {
    keel_reply_free(keel_collect_end(spare_c));
    for (Frame *frame = innermost->inner, *next; frame; frame = next) {
        next = frame->inner;
        free_frame(frame);
    }
    innermost->inner = NULL;
}

KeelCtx *rm_callback_c(void) {
    for (const Frame *frame = innermost; frame != &bottom; frame = frame->outer) {
        if (frame->ctx.c) return frame->ctx.c;
    }
    KeelCtx *c = rm_locked_c();
    return c ? c : spare_c;
}

/* What callbacks leave behind, seldom or never a short command. */
static __attribute__((noinline)) void tidy(RedisModuleCtx *ctx) {
    if (ctx->ready_name) rm_string_release(ctx->ready_name);
    if (ctx->owned_count || ctx->keys || ctx->pool || ctx->postponed_more) settle(ctx);
    if (ctx->argc) take_argv_back((Frame *)ctx);
    ctx->flags = 0;
    ctx->postponed_count = ctx->postponed_room = 0;
    ctx->pool = NULL;
    ctx->postponed_more = NULL;
    ctx->blocked = NULL;
    ctx->ready_name = NULL;
    ctx->ready_key = (KeelStr){NULL, 0};
    ctx->user = NULL;
    ctx->request = NULL;
    ctx->yield_due = 0;
}

static inline void leave(RedisModuleCtx *ctx) {
    if (__builtin_expect(ctx->flags || ctx->keys, 0)) tidy(ctx);
    innermost = ((Frame *)ctx)->outer;
}

void rm_leave(RedisModuleCtx *ctx) {
    leave(ctx);
}

static __attribute__((noinline)) void run_with_room(KeelCtx *c, const KeelStr *argv, int argc) {
    args_resize(frame_next(), argc);
    rm_run(c, argv, argc);
}

/* In one piece, and nothing but the frame is kept in registers while others are called: it is all
 * that a module's command costs more than a native one. */
void rm_run(KeelCtx *c, const KeelStr *argv, int argc) {
    Frame *frame = innermost->inner;
    if (__builtin_expect(!frame || frame->room < argc, 0)) {
        run_with_room(c, argv, argc);
        return;
    }
    innermost = frame;
    frame->ctx.c = frame->ctx.replies = c;
    set_argv(frame, argv, argc);
    RedisModuleCommand *cmd = (RedisModuleCommand *)(uintptr_t)keel_command_data(c);
    frame->ctx.command = cmd;
    frame->ctx.mod = cmd->mod;
    cmd->call(&frame->ctx, frame->ctx.argv, frame->ctx.argc);
    leave(&frame->ctx);
}

void rm_ctx_free(RedisModuleCtx *ctx) {
    tidy(ctx);
    free_frame((Frame *)ctx);
}

void RM_AutoMemory(RedisModuleCtx *ctx) {
    ctx->flags |= RM_AUTO_MEMORY;
}

/* Small pieces that live as long as the callback, aligned to what their size allows. */
void *RM_PoolAlloc(RedisModuleCtx *ctx, size_t size) {
    enum { BLOCK = 8 * 1024 };
    if (!size) return NULL;
    ctx->flags |= RM_UNTIDY;
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
