/* call.c - RM_Call: commands run by modules, Replicate, and the letters in which both are told their
 * arguments.
 *
 * What is called runs through keel_call(), so it is a command like any other: counted, observed, and
 * recorded when '!' says so. Arguments live on the stack while they are few. That a command is not
 * there, or has the wrong number of arguments, shows in an error reply; only then is it looked up
 * again to tell errno what it was. */
#define _GNU_SOURCE
#include "rm.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    CALL_REPLICATE = 1u << 0,
    CALL_NO_FILES = 1u << 1,     /* 'A': not into the append-only file */
    CALL_NO_PEERS = 1u << 2,     /* 'R': not to replicas */
    CALL_RESP3 = 1u << 3,
    CALL_RESP_AUTO = 1u << 4,    /* '0': as the context's client */
    CALL_AS_USER = 1u << 5,
    CALL_SCRIPT = 1u << 6,
    CALL_NO_WRITES = 1u << 7,
    CALL_DENY_OOM = 1u << 8,
    CALL_ERRORS = 1u << 9,       /* errors are replies, not NULL */
    CALL_DRY = 1u << 10,
    CALL_BLOCK = 1u << 11,
};

/* ---- arguments ------------------------------------------------------------------------------- */

enum { ARGS_FEW = 16 };

/* Arguments of a call while they are gathered. Handlers expect a NUL behind each, so bytes that a
 * module counts are copied. */
typedef struct Args {
    KeelStr *list;
    int count, room;
    unsigned flags;              /* CALL_* */
    void **copies;               /* blocks to free */
    int copy_count, copy_room;
    KeelStr few[ARGS_FEW];
    char digits[ARGS_FEW][KEEL_INT_ROOM];
} Args;

static void args_begin(Args *a, const char *command) {
    a->list = a->few;
    a->room = ARGS_FEW;
    a->flags = 0;
    a->copies = NULL;
    a->copy_count = a->copy_room = 0;
    a->few[0] = keel_str(command);
    a->count = 1;
}

static void args_end(Args *a) {
    for (int i = 0; i < a->copy_count; i++) keel_free(a->copies[i]);
    if (a->copies) keel_free(a->copies);
    if (a->list != a->few) keel_free(a->list);
}

static void add(Args *a, const char *bytes, size_t len) {
    if (__builtin_expect(a->count == a->room, 0)) {
        KeelStr *list = keel_alloc((size_t)a->room * 2 * sizeof(*list));
        memcpy(list, a->list, (size_t)a->count * sizeof(*list));
        if (a->list != a->few) keel_free(a->list);
        a->list = list;
        a->room *= 2;
    }
    a->list[a->count++] = (KeelStr){bytes, len};
}

static char *copy_room(Args *a, size_t size) {
    if (a->copy_count == a->copy_room) {
        a->copy_room = a->copy_room ? a->copy_room * 2 : 8;
        a->copies = keel_realloc(a->copies, (size_t)a->copy_room * sizeof(*a->copies));
    }
    return a->copies[a->copy_count++] = keel_alloc(size);
}

static void add_copy(Args *a, const char *bytes, size_t len) {
    char *copy = copy_room(a, len + 1);
    if (len) memcpy(copy, bytes, len);
    copy[len] = '\0';
    add(a, copy, len);
}

static void add_number(Args *a, int64_t v) {
    char *to = a->count < ARGS_FEW ? a->digits[a->count] : copy_room(a, KEEL_INT_ROOM);
    add(a, to, keel_format_int(to, v));
}

static unsigned flag_of(char letter) {
    switch (letter) {
    case '!': return CALL_REPLICATE;
    case 'A': return CALL_NO_FILES;
    case 'R': return CALL_NO_PEERS;
    case '3': return CALL_RESP3;
    case '0': return CALL_RESP_AUTO;
    case 'C': return CALL_AS_USER;
    case 'S': return CALL_SCRIPT;
    case 'W': return CALL_NO_WRITES;
    case 'M': return CALL_DENY_OOM;
    case 'E': return CALL_ERRORS;
    case 'D': return CALL_DRY | CALL_ERRORS;
    case 'K': return CALL_BLOCK;
    default: return 0;
    }
}

/* False: a letter is unknown. */
static bool args_read(Args *a, const char *format, va_list args) {
    for (const char *p = format; *p; p++) {
        if (__builtin_expect(*p == 's' && a->count < a->room, 1)) {
            const RedisModuleString *s = va_arg(args, RedisModuleString *);
            a->list[a->count++] = rm_view(s);
            continue;
        }
        switch (*p) {
        case 'c': {
            const char *text = va_arg(args, const char *);
            add(a, text, strlen(text));
            break;
        }
        case 's': {
            const RedisModuleString *s = va_arg(args, RedisModuleString *);
            add(a, s->ptr, s->len);
            break;
        }
        case 'b': {
            const char *bytes = va_arg(args, const char *);
            add_copy(a, bytes, va_arg(args, size_t));
            break;
        }
        case 'l':
            add_number(a, va_arg(args, long long));
            break;
        case 'v': {
            RedisModuleString **list = va_arg(args, RedisModuleString **);
            size_t n = va_arg(args, size_t);
            for (size_t i = 0; i < n; i++) add(a, list[i]->ptr, list[i]->len);
            break;
        }
        default: {
            unsigned flag = flag_of(*p);
            if (!flag) return false;
            a->flags |= flag;
        }
        }
    }
    return true;
}

KeelStr *rm_format_argv(const char *command, const char *format, va_list args, int *argc,
                        void **handle) {
    Args *a = keel_alloc(sizeof(*a));
    args_begin(a, command);
    *handle = a;
    if (!args_read(a, format, args)) {
        args_end(a);
        keel_free(a);
        return NULL;
    }
    *argc = a->count;
    return a->list;
}

void rm_format_free(void *handle) {
    args_end(handle);
    keel_free(handle);
}

/* ---- may it run? ----------------------------------------------------------------------------- */

static bool arity_fits(const KeelCommandRef *cmd, int argc) {
    int arity = keel_command_arity(cmd);
    return arity >= 0 ? argc == arity : argc >= -arity;
}

static RedisModuleCallReply *refuse(RedisModuleCtx *ctx, const Args *a, int error,
                                    const char *format, ...) KEEL_PRINTF(4, 5);
static RedisModuleCallReply *refuse(RedisModuleCtx *ctx, const Args *a, int error,
                                    const char *format, ...) {
    RedisModuleCallReply *reply = NULL;
    if (a->flags & CALL_ERRORS) {
        char text[512];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        reply = rm_reply_error(ctx, text);
    }
    errno = error;
    return reply;
}

/* What memory, disk and role say: the gates that hold for a batch of commands do for this one. */
static bool state_forbids(RedisModuleCtx *ctx, const Args *a, RedisModuleCallReply **reply) {
    KeelStr text;
    if (!(a->flags & (CALL_DENY_OOM | CALL_SCRIPT))) return false;
    if (keel_gates_ask(ctx->c, a->list, a->count, &text) != KEEL_ANSWERED) return false;
    bool memory = text.len > 3 && memcmp(text.ptr, "OOM", 3) == 0;
    if (memory ? !(a->flags & CALL_DENY_OOM) : !(a->flags & CALL_SCRIPT)) return false;
    *reply = refuse(ctx, a, memory ? ENOSPC : ESPIPE, "%.*s", (int)text.len, text.ptr);
    return true;
}

static bool user_forbids(RedisModuleCtx *ctx, const Args *a, RedisModuleCallReply **reply) {
    char why[256];
    if (!(a->flags & CALL_AS_USER)) return false;
    switch (rm_user_may(ctx, a->list, a->count, why, sizeof(why))) {
    case RM_MAY:
        return false;
    case RM_NO_USER:
        *reply = refuse(ctx, a, ENOTSUP, "ERR cannot run as user, no user directly attached to "
                                         "context or context's client");
        return true;
    default:
        *reply = refuse(ctx, a, EACCES, "NOPERM %s", why);
        return true;
    }
}

/* What the letters forbid, before anything runs. */
static bool letters_forbid(RedisModuleCtx *ctx, const Args *a, RedisModuleCallReply **reply) {
    const KeelCommandRef *cmd = keel_command_of(a->list, a->count);
    if (!cmd || !arity_fits(cmd, a->count)) return false; /* the call itself says so */
    uint64_t flags = keel_command_flags(cmd);
    if ((a->flags & CALL_SCRIPT) && (flags & KEEL_NOSCRIPT)) {
        *reply = refuse(ctx, a, ESPIPE, "ERR command '%s' is not allowed on script mode",
                        keel_command_name(cmd));
        return true;
    }
    if ((a->flags & CALL_DENY_OOM) && state_forbids(ctx, a, reply)) return true;
    if ((a->flags & CALL_NO_WRITES) && (flags & KEEL_WRITE)) {
        *reply = refuse(ctx, a, ENOSPC, "ERR Write command '%s' was called while write is not "
                                        "allowed.", keel_command_name(cmd));
        return true;
    }
    if (!(a->flags & CALL_DENY_OOM) && state_forbids(ctx, a, reply)) return true;
    return user_forbids(ctx, a, reply);
}

/* Why a call that was answered with an error did not get to its command; 0: it did. */
static int not_run(const KeelStr *argv, int argc) {
    const KeelCommandRef *cmd = keel_command_of(argv, argc);
    if (!cmd) return ENOENT;
    const KeelCommand *row = keel_command_row(cmd);
    /* A family's name with a word that is none of its members. */
    if (row->subcommands && argc > 1) return ENOENT;
    return arity_fits(cmd, argc) ? 0 : EINVAL;
}

/* ---- calling --------------------------------------------------------------------------------- */

static RedisModuleCallReply *dry_run(RedisModuleCtx *ctx, const Args *a) {
    RedisModuleCallReply *reply = NULL;
    int error = not_run(a->list, a->count);
    if (error) {
        /* The texts are those of the pipeline: it refuses what it cannot run, and runs nothing. */
        reply = rm_reply_new(ctx, keel_call(ctx->c, a->list, a->count, 0));
        errno = error;
        return reply;
    }
    letters_forbid(ctx, a, &reply);
    return reply;
}

static unsigned host_flags(const RedisModuleCtx *ctx, unsigned flags) {
    unsigned host = KEEL_CALL_KEEP_DB;
    const unsigned nowhere = CALL_NO_FILES | CALL_NO_PEERS;
    if (!flags) return host;
    if (flags & CALL_REPLICATE && (flags & nowhere) != nowhere) host |= KEEL_CALL_JOURNAL;
    if (flags & CALL_NO_FILES) host |= KEEL_CALL_CLEAN;
    if (flags & CALL_NO_PEERS) host |= KEEL_CALL_LOCAL;
    if (flags & CALL_RESP3) host |= KEEL_CALL_RESP3;
    if (flags & CALL_RESP_AUTO && keel_client(ctx->c) && keel_reply_protocol(ctx->c) == 3) {
        host |= KEEL_CALL_RESP3;
    }
    return host;
}

/* What a call that was answered with an error comes to. */
static __attribute__((noinline)) RedisModuleCallReply *failed(RedisModuleCtx *ctx,
                                                              const KeelStr *argv, int argc,
                                                              unsigned flags, KeelReply *reply) {
    int error = not_run(argv, argc);
    RedisModuleCallReply *shown = NULL;
    if (error && !(flags & CALL_ERRORS)) {
        keel_reply_free(reply);
    } else {
        shown = rm_reply_new(ctx, reply);
    }
    errno = error;
    return shown;
}

/* What letters ask for before anything runs. True: it does not run, *reply is what there is. */
static bool settled(RedisModuleCtx *ctx, const Args *a, RedisModuleCallReply **reply) {
    *reply = NULL;
    if (a->flags & CALL_DRY) {
        *reply = dry_run(ctx, a);
        return true;
    }
    const unsigned asks = CALL_SCRIPT | CALL_DENY_OOM | CALL_NO_WRITES | CALL_AS_USER;
    return a->flags & asks && letters_forbid(ctx, a, reply);
}

static inline RedisModuleCallReply *run(RedisModuleCtx *ctx, KeelFound *found, const KeelStr *argv,
                                        int argc, unsigned flags, unsigned host) {
    const Mod *outer = rm_calling;
    KeelReply *reply;
    rm_calling = ctx->mod;
    if (__builtin_expect(flags & CALL_BLOCK, 0)) {
        RedisModuleCallReply *promise = rm_call_blocking(ctx, argv, argc, host, &reply);
        if (promise) {
            rm_calling = outer;
            return promise;
        }
        keel_reply_set_data(reply, ctx);
    } else {
        reply = keel_call_found(ctx->c, found, argv, argc, host, ctx);
    }
    rm_calling = outer;
    errno = 0;
    if (__builtin_expect(*keel_reply_resp(reply).ptr == '-', 0)) {
        return failed(ctx, argv, argc, flags, reply);
    }
    rm_own(ctx, OWNED_REPLY, reply);
    return (RedisModuleCallReply *)reply;
}

/* Names of commands that were called before, by where the caller keeps them. Mostly that is a literal
 * of the module's own, which stays what it is for as long as the module can call; any other place
 * may hold another name by now, and is compared. */
enum { KNOWN = 64, KNOWN_NAME = 24 };
typedef struct Known {
    const char *at;
    const Mod *literal_of;         /* &nobody: it is none */
    size_t len;
    KeelFound found;
    char name[KNOWN_NAME];
} Known;
static Known known[KNOWN];
static const Mod nobody;

typedef struct Literal {
    const struct link_map *library;
    uintptr_t at;
    bool found;
} Literal;

static int find_literal(struct dl_phdr_info *info, size_t size, void *data) {
    Literal *l = data;
    (void)size;
    if (info->dlpi_addr != l->library->l_addr) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + h->p_vaddr;
        if (h->p_type != PT_LOAD || h->p_flags & PF_W) continue;
        l->found |= l->at >= start && l->at - start < h->p_memsz;
    }
    return 1;
}

/* Whether the bytes lie where the module's library cannot be written to. */
static bool is_literal(const Mod *mod, const char *text) {
    Literal l = {.at = (uintptr_t)text};
    if (!mod || !mod->library || dlinfo(mod->library, RTLD_DI_LINKMAP, &l.library) != 0) return false;
    dl_iterate_phdr(find_literal, &l);
    return l.found;
}

void rm_forget_known(void) {
    memset(known, 0, sizeof(known));
}

static inline Known *known_at(const char *command) {
    return &known[((uintptr_t)command ^ (uintptr_t)command >> 6) % KNOWN];
}

/* NULL: a name too long to be remembered. */
static Known *learn(const Mod *mod, KeelStr name) {
    Known *k = known_at(name.ptr);
    if (k->at == name.ptr && k->len == name.len && memcmp(k->name, name.ptr, name.len) == 0) return k;
    if (name.len >= KNOWN_NAME) return NULL;
    *k = (Known){.at = name.ptr, .len = name.len,
                 .literal_of = is_literal(mod, name.ptr) ? mod : &nobody};
    memcpy(k->name, name.ptr, name.len);
    return k;
}

/* Any format. */
static __attribute__((noinline)) RedisModuleCallReply *call_any(RedisModuleCtx *ctx,
                                                                const char *command,
                                                                const char *format, va_list args) {
    Args a;
    KeelFound found = {0};
    RedisModuleCallReply *reply = NULL;
    args_begin(&a, command);
    errno = 0;
    if (!args_read(&a, format, args) || !ctx->c) {
        errno = EBADF;
    } else if (!a.flags || !settled(ctx, &a, &reply)) {
        Known *k = learn(ctx->mod, a.list[0]);
        reply = run(ctx, k ? &k->found : &found, a.list, a.count, a.flags, host_flags(ctx, a.flags));
    }
    int error = errno;
    args_end(&a);
    errno = error;
    return reply;
}

/* Calls with nothing but strings, and not many, of a command that a literal names are made without
 * further ado. */
RedisModuleCallReply *RM_Call(RedisModuleCtx *ctx, const char *command, const char *format, ...) {
    enum { FEW = 6 };
    KeelStr few[FEW];
    va_list args;
    int n = 1;
    va_start(args, format);
    const char *p = format;
    while (*p == 's' && n < FEW) {
        few[n++] = rm_view(va_arg(args, RedisModuleString *));
        p++;
    }
    va_end(args);
    Known *k = known_at(command);
    if (__builtin_expect(!*p && k->at == command && k->literal_of == ctx->mod && ctx->c, 1)) {
        few[0] = (KeelStr){command, k->len};
        return run(ctx, &k->found, few, n, 0, KEEL_CALL_KEEP_DB);
    }
    va_start(args, format);
    RedisModuleCallReply *reply = call_any(ctx, command, format, args);
    va_end(args);
    return reply;
}

/* ---- what goes to the journal ---------------------------------------------------------------- */

/* The command is written as given, whether it exists with these arguments is its reader's concern;
 * but not one that this server does not know. */
int RM_Replicate(RedisModuleCtx *ctx, const char *command, const char *format, ...) {
    Args a;
    va_list args;
    if (!ctx->c || !keel_command_find(keel_str(command))) return REDISMODULE_ERR;
    args_begin(&a, command);
    va_start(args, format);
    bool good = args_read(&a, format, args);
    va_end(args);
    const unsigned nowhere = CALL_NO_FILES | CALL_NO_PEERS;
    if (good && (a.flags & nowhere) != nowhere) {
        keel_journal_write(ctx->c, a.list, a.count,
                           (a.flags & CALL_NO_FILES ? KEEL_JOURNAL_CLEAN : 0u) |
                               (a.flags & CALL_NO_PEERS ? KEEL_JOURNAL_LOCAL : 0u));
    }
    args_end(&a);
    return good ? REDISMODULE_OK : REDISMODULE_ERR;
}

static __attribute__((noinline)) void record_verbatim(RedisModuleCtx *ctx) {
    enum { FEW = 64 };
    KeelStr few[FEW] = {{NULL, 0}}, *list = few;
    if (ctx->argc > FEW) list = keel_alloc((size_t)ctx->argc * sizeof(*list));
    for (int i = 0; i < ctx->argc; i++) list[i] = rm_view(ctx->argv[i]);
    keel_journal_write(ctx->c, list, ctx->argc, 0);
    if (list != few) keel_free(list);
}

int RM_ReplicateVerbatim(RedisModuleCtx *ctx) {
    if (!ctx->c || ctx->argc < 1) return REDISMODULE_ERR;
    if (keel_journal_wanted(ctx->c)) record_verbatim(ctx);
    return REDISMODULE_OK;
}
