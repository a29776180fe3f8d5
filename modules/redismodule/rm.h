/* rm.h - what the files of this module share: the structs behind the opaque pointers that modules
 * hold, and the functions that make and end them.
 *
 * A file an area of the API: loader, memory, command, context, string, reply, key*, call, type, io,
 * dict, info, event, block, thread, timer, filter, config, user, cluster, defrag, scan. Functions that
 * modules call are named RM_x for RedisModule_x; api.c lists them all by expanding the one list in
 * redismodule.h, so one that is declared there and missing here does not link. */
#ifndef RM_H
#define RM_H

#include <keel.h>

#define REDISMODULE_SERVER
#include <redismodule.h>

#include <stdarg.h>

/* What the files share is nobody else's: no detour over the table of what others may replace. */
#pragma GCC visibility push(hidden)

/* Prototypes of all of them: int RM_WrongArity(RedisModuleCtx *), ... */
#define RM_PROTOTYPE(returns, name, parameters) returns RM_##name parameters;
REDISMODULE_FUNCTIONS(RM_PROTOTYPE)
#undef RM_PROTOTYPE
int RM_GetApi(const char *name, void *out);

/* ---- modules --------------------------------------------------------------------------------- */

typedef struct Mod Mod;

/* A command, made by CreateCommand; its row is given to the host when OnLoad has returned. */
struct RedisModuleCommand {
    RedisModuleCommand *next, *parent, *first_sub;
    Mod *mod;
    char *name;              /* as registered; of a subcommand, its own part */
    char *full_name;         /* "parent|name" for subcommands */
    RedisModuleCmdFunc call; /* NULL: a container */
    uint64_t flags;          /* KEEL_WRITE ... */
    bool getkeys_api, getchannels_api; /* it answers key and channel position requests itself */
    int first_key, last_key, key_step;
    char *categories;        /* "@read @fast" */
    struct CommandInfo *info;/* a copy of what SetCommandInfo gave; NULL: nothing */
    char *args, *keys;       /* the row's texts, made from `info` or from the key range */
    char *history;
    int arity;
};

struct Mod {
    Mod *next;
    KeelSelf self;
    KeelModule decl;
    char *name;              /* NULL until RedisModule_Init() */
    char version_text[16];
    int version, api_version;
    void *library;
    const char *path;
    bool loading;            /* OnLoad runs */
    bool replaced;           /* another one is being loaded to take its place */
    char missing[400];       /* names that it asked for in vain, the first ones */
    int slot;                /* which allocation functions it was given; see memory.c */
    int options;             /* REDISMODULE_OPTIONS_* */
    RedisModuleCommand *commands;
    KeelCommand *rows;       /* given to the host */
    struct RedisModuleType *types;
    const KeelType **type_rows;
    struct Setting *settings;
    KeelConfig *setting_rows;
    bool settings_loaded;
    RedisModuleInfoFunc info;
    KeelInfoSection *sections;
    KeelStr loading_error;   /* why OnLoad will fail whatever it returns; ptr NULL: it will not */
    struct Export *exports;  /* APIs for other modules */
    Mod **used;              /* modules whose APIs it uses */
    int used_count;
    int filters, timers, blocked; /* that it has now */
    struct Timer *timer_list;
    const void *base;        /* where its library is mapped */
    uint64_t categories;     /* that it added, as bits */
    RedisModuleDefragFunc defrag, defrag_start, defrag_end;
};

extern const KeelLoader rm_loaders[];
/* Whether this is the thread that loaded us: the loop's. */
extern __thread bool rm_main_thread;
/* All loaded ones. */
extern Mod *rm_mods;
Mod *rm_mod_by_name(KeelStr name);
/* Every area's part of forgetting a module that is unloaded. */
void rm_forget_commands(Mod *mod);
void rm_forget_types(Mod *mod);
void rm_forget_settings(Mod *mod);
void rm_forget_events(Mod *mod);
void rm_forget_filters(Mod *mod);
void rm_forget_exports(Mod *mod);
void rm_forget_users(Mod *mod);
void rm_forget_timers(Mod *mod);
/* What SetCommandInfo said of a command, into its row; and its end. */
void rm_describe(RedisModuleCommand *cmd, KeelCommand *row);
void rm_forget_info(RedisModuleCommand *cmd);
void rm_forget_categories(Mod *mod);
/* For commands that name their keys themselves. */
int rm_get_keys(const KeelStr *argv, int argc, KeelKeyUse *uses, int room);
/* The channels of a module's call; more than `room` when there are, 0 when its command names none. */
struct RulesChannel;
int rm_get_channels(const KeelCommandRef *cmd, const KeelStr *argv, int argc,
                    struct RulesChannel *channels, int room);
/* A module that uses what this one exports. NULL: none. */
const Mod *rm_exports_used(const Mod *mod);
/* Tells the others' server event callbacks. */
void rm_send_module_change(const Mod *mod, bool loaded);
/* Makes the tables for the host from what OnLoad registered. False with *reason. */
bool rm_build_rows(Mod *mod, const char **reason);
void rm_build_types(Mod *mod);
/* The values of the types that both have in the same encoding are `now`'s. */
void rm_hand_over_types(Mod *old, Mod *now);
/* What the types of `old` keep beside values is saved, and loaded by those of the module that takes
 * its place; `when`: REDISMODULE_AUX_*. 0; -1 after keel_load_error(). */
int rm_hand_over_aux(KeelCtx *c, const Mod *old, uint64_t when);
void rm_build_settings(Mod *mod);
/* They have been: from now on the host's calls are meant. */
void rm_settings_adopted(Mod *mod);
extern const KeelForeign rm_foreign;
/* Writes the sections of INFO of all modules. */
void rm_write_info(KeelInfo *info);

/* The pointer that GetApi answers this module with: its own variants of the allocation functions.
 * NULL: there is no such function. */
void *rm_function(const Mod *mod, const char *name);
void *rm_memory_function(const Mod *mod, const char *name);
/* Gives the module a slot of allocation functions, and takes it back. */
void rm_memory_begin(Mod *mod);
/* Who pays for blocks that the module frees. */
KeelMemory *rm_memory_account(const Mod *mod);
void rm_memory_end(Mod *mod);

/* ---- strings --------------------------------------------------------------------------------- */

enum {
    STR_BORROWED, /* the bytes are somebody else's while the callback runs: an argument */
    STR_INSIDE,   /* the bytes follow the struct */
    STR_BLOCK,    /* the bytes are a block of their own, of `room` bytes */
};

struct RedisModuleString {
    const char *ptr;         /* NUL-terminated */
    size_t len;
    uint32_t refs;
    uint8_t form;            /* STR_* */
    bool pooled;             /* it lies in a frame's pool, which takes it back */
    RedisModuleCtx *lender;  /* pooled: its frame, which looks at it again once it has changed */
    size_t room;
    char inside[];
};

/* A new string with one reference. */
RedisModuleString *rm_string(const char *bytes, size_t len);
/* The same that is the context's when its memory is automatic. */
RedisModuleString *rm_string_for(RedisModuleCtx *ctx, const char *bytes, size_t len);
/* Another reference, which the holder gives back with rm_string_release(). A borrowed string's bytes
 * are copied then, so that it outlives its callback. */
RedisModuleString *rm_string_keep(RedisModuleString *s);
void rm_string_release(RedisModuleString *s);
static inline KeelStr rm_view(const RedisModuleString *s) {
    return (KeelStr){s->ptr, s->len};
}

/* ---- contexts -------------------------------------------------------------------------------- */

/* What automatic memory frees at the end of a callback. */
typedef enum OwnedKind { OWNED_STRING, OWNED_KEY, OWNED_REPLY, OWNED_DICT, OWNED_INFO } OwnedKind;
typedef struct Owned {
    OwnedKind kind;
    void *thing;
} Owned;

enum {
    RM_AUTO_MEMORY = 1u << 0,
    RM_KEYS_REQUEST = 1u << 1,     /* COMMAND GETKEYS asks: KeyAtPos answers */
    RM_CHANNELS_REQUEST = 1u << 2,
    RM_BLOCKED_REPLY = 1u << 3,    /* a blocked client's reply callback */
    RM_BLOCKED_TIMEOUT = 1u << 4,
    RM_BLOCKED_DISCONNECTED = 1u << 5,
    RM_THREAD = 1u << 6,           /* made by GetThreadSafeContext */
    RM_HEAP = 1u << 7,             /* not in a frame: freed by whoever ends it */
    RM_LOADING = 1u << 8,          /* OnLoad */
    RM_SILENT = 1u << 9,           /* an event's: replies go nowhere */
    RM_UNTIDY = 1u << 10,          /* something was left in the frame, or an argument changed */
};

enum { POSTPONED_FEW = 8 };

/* While no flag is set and no key open, a frame is as its next use wants it: whoever writes to a
 * field below `tidied` sets RM_UNTIDY, unless a flag that is set at the frame's start does. */
struct RedisModuleCtx {
    int (*get_api)(const char *, void *); /* modules call the first word */
    Mod *mod;
    KeelCtx *c;                    /* NULL: a thread's, without the lock */
    RedisModuleCommand *command;   /* that runs; NULL: none */
    KeelCtx *replies;              /* where they go, or a thread's gather; NULL: nowhere */
    RedisModuleString **argv;
    int argc;
    unsigned flags;                /* RM_* */
    struct RedisModuleKey *keys;   /* open ones, to be closed with the context */
    struct RedisModuleKey *first_key; /* the frame's own, for when no other is open */
    /* tidied: */
    Owned *owned;
    int owned_count, owned_room;
    struct PoolBlock *pool;        /* PoolAlloc */
    KeelDeferred postponed[POSTPONED_FEW], *postponed_more;
    int postponed_count, postponed_room;
    struct RedisModuleBlockedClient *blocked; /* whose callback runs, or whose thread it is of */
    RedisModuleString *ready_name; /* what GetBlockedClientReadyKey gave */
    KeelStr ready_key;             /* BlockClientOnKeys: which one is ready */
    const RedisModuleUser *user;   /* SetContextUser */
    struct KeysRequest *request;   /* with RM_KEYS_REQUEST */
    int64_t yield_due;             /* Yield serves others from then on; 0: not asked yet */
};

/* A context for one callback of a module, from a pool: nested ones come from the next level. `c` may
 * be NULL. rm_leave() frees what is automatic and gives it back; innermost first. */
RedisModuleCtx *rm_enter(Mod *mod, KeelCtx *c, unsigned flags);
void rm_leave(RedisModuleCtx *ctx);
/* A context that lives on its own, and its end. */
RedisModuleCtx *rm_ctx_new(Mod *mod, KeelCtx *c, unsigned flags);
void rm_ctx_free(RedisModuleCtx *ctx);
/* The handler of every row. */
void rm_run(KeelCtx *c, const KeelStr *argv, int argc);
/* Arguments as module strings, from a pool; taken back by rm_leave(). Who changes one of them, or
 * takes a reference, calls rm_argument_changed(). */
void rm_set_argv(RedisModuleCtx *ctx, const KeelStr *argv, int argc);
static inline void rm_argument_changed(RedisModuleString *s) {
    if (s->lender) s->lender->flags |= RM_UNTIDY;
}
/* Notes that the thing is the context's, when its memory is automatic; and that it is no longer. */
void rm_own_always(RedisModuleCtx *ctx, OwnedKind kind, void *thing);
static inline void rm_own(RedisModuleCtx *ctx, OwnedKind kind, void *thing) {
    if (ctx && ctx->flags & RM_AUTO_MEMORY) rm_own_always(ctx, kind, thing);
}
/* False: it was not owned. */
bool rm_disown_always(RedisModuleCtx *ctx, OwnedKind kind, const void *thing);
static inline bool rm_disown(RedisModuleCtx *ctx, OwnedKind kind, const void *thing) {
    return ctx->flags & RM_AUTO_MEMORY && rm_disown_always(ctx, kind, thing);
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* A command's words from a format and its arguments, as RM_Call takes them; NULL: the format is
 * wrong. They live until rm_format_free(). */
KeelStr *rm_format_argv(const char *command, const char *format, va_list args, int *argc,
                        void **handle);
void rm_format_free(void *handle);

/* Wrappers around replies. The first takes it over. */
RedisModuleCallReply *rm_reply_new(RedisModuleCtx *ctx, KeelReply *reply);
RedisModuleCallReply *rm_reply_error(RedisModuleCtx *ctx, const char *text);
/* One that is still to come: the command blocked. */
struct Promise;
RedisModuleCallReply *rm_reply_promise(RedisModuleCtx *ctx, struct Promise *promise);
struct Promise *rm_reply_is_promise(const RedisModuleCallReply *reply);
void rm_promise_forget(struct Promise *promise, const RedisModuleCallReply *reply);
/* Runs a command that may block, and returns a promise if it does; else NULL and what it replied. */
RedisModuleCallReply *rm_call_blocking(RedisModuleCtx *ctx, const KeelStr *argv, int argc,
                                       unsigned flags, KeelReply **reply);

/* A module's code came or goes: what RM_Call remembers of literals may be another's. */
void rm_forget_known(void);

/* Whose RM_Call runs: filters may not want to see their own module's. NULL: nobody's. */
extern const Mod *rm_calling;

/* Whether the context's user may run a command; `why` gets the reason when it may not. */
typedef enum UserVerdict { RM_MAY, RM_MAY_NOT, RM_NO_USER } UserVerdict;
UserVerdict rm_user_may(RedisModuleCtx *ctx, const KeelStr *argv, int argc, char *why, size_t room);

/* ---- clients and users ------------------------------------------------------------------------ */

void rm_client_info(KeelClient *client, RedisModuleClientInfoV1 *out);
/* The client is to be somebody else: whoever signed it in hears of it. */
void rm_user_changed(KeelClient *client);
extern bool rm_signed_in; /* an authentication function succeeded since it was false */
void rm_forget_auth(Mod *mod);
extern const KeelAuthenticator rm_authenticator;
extern int rm_busy_gate;
KeelVerdict rm_busy_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
extern int rm_session_slot, rm_user_gate;
KeelVerdict rm_user_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
void rm_session_free(KeelClient *client, void *value);

/* ---- waiting and threads ----------------------------------------------------------------------- */

void rm_threads_begin(void);
/* The lock is there from now on. Any thread. */
void rm_threads_enable(void);
KeelCtx *rm_locked_c(void);
uint64_t rm_blocked_client_id(const RedisModuleBlockedClient *bc);
/* Sign-ins that wait. Whether one is decided right now in this context; blocks its command, 0: it
 * cannot wait; asks the callback of one that was unblocked; and the end of its wait. */
bool rm_signing_in(const RedisModuleCtx *ctx);
uint64_t rm_sign_in_block(KeelCtx *c, RedisModuleBlockedClient *bc);
int rm_blocked_sign_in(RedisModuleBlockedClient *bc, KeelCtx *c, RedisModuleString *user,
                       RedisModuleString *password, RedisModuleString **error);
void rm_blocked_over(RedisModuleBlockedClient *bc);
void rm_contexts_begin(void);
void rm_contexts_end(void);

/* ---- server ----------------------------------------------------------------------------------- */

extern const KeelHook rm_hooks[];
/* Hooks that no module listens to cost nothing. */
void rm_events_begin(void);
void rm_arm_notify(unsigned classes);
void rm_on_notify(KeelCtx *c, const void *data);
extern int rm_jobs_observer;
void rm_jobs_seen(KeelCtx *c, const KeelCall *call);
void rm_run_jobs(KeelCtx *c);
/* A timer or a thread's turn ends: the jobs that it made necessary. */
void rm_jobs_due(KeelCtx *c);
void rm_write_fork_info(KeelInfo *info);
void rm_fork_event(KeelCtx *c, const KeelForkEvent *e);
extern bool rm_server_loading, rm_async_loading, rm_server_started, rm_in_child;
/* The context that code of modules has at hand now: of the innermost callback, of the thread that
 * holds the lock, or one of ours without client. */
KeelCtx *rm_callback_c(void);

/* ---- keys ------------------------------------------------------------------------------------ */

struct RedisModuleKey {
    KeelKey key;
    RedisModuleCtx *ctx;           /* NULL: opened by a callback that has none */
    RedisModuleString *name;
    RedisModuleKey *next, *prev;   /* of the context's open ones */
    int mode;                      /* REDISMODULE_READ ... */
    bool unusual;                  /* closing it takes more than forgetting it: not a frame's own, a
                                      name or a walk to end */
    bool name_kept;                /* the handle has a reference to the name */
    /* A walk over a sorted set or a stream. */
    enum __attribute__((packed)) { WALK_NONE, WALK_SCORES, WALK_LEX, WALK_STREAM } walk;
    bool walk_ended;
    KeelZsetAt at;
    KeelScoreRange scores;
    KeelLexRange lex;
    RedisModuleString *lex_min, *lex_max;
    KeelStreamWalk *stream;
    bool on_entry;                 /* the stream's walk stands on one that is still there */
    size_t fields_left;            /* of it */
};
/* Ends whatever walk is on. */
void rm_key_end_walk(RedisModuleKey *key);
void rm_stream_end_walk(RedisModuleKey *key);
/* Whether it may be changed and holds `type`, or nothing when `create`. Sets errno as Redis does. */
bool rm_key_writable(const RedisModuleKey *key);
/* Notes the change: WATCH and tracking hear of it now, the journal as the command ends. */
void rm_key_touched(RedisModuleKey *key);
/* After removing an element: deletes a key whose value has become empty. */
void rm_key_delete(RedisModuleKey *key);
/* Interfaces of the modules that own the types, looked up once and again when modules come or go. */
const KeelListOps *rm_list(void);
const KeelHashOps *rm_hash(void);
const KeelSetOps *rm_set(void);
const KeelZsetOps *rm_zset(void);
const KeelStreamOps *rm_stream(void);
const KeelStringOps *rm_strings(void);
void rm_forget_interfaces(void);

/* ---- data types ------------------------------------------------------------------------------ */

/* The type behind values, which a reload exchanges without visiting them. */
typedef struct TypeCell {
    RedisModuleType *type;
    struct TypeCell *next;         /* of the same type, with values of code before */
} TypeCell;
struct RedisModuleType {
    KeelType row;                  /* first: a KeelType of ours is one of these */
    RedisModuleType *next;
    Mod *mod;
    uint64_t id;                   /* name and encoding version, as files have it */
    char name[10];
    RedisModuleTypeMethods methods;
    TypeCell *cells;               /* the first is for values that are made now */
};
/* What the keyspace holds of a value: its type finds the callbacks when only a pointer is at hand. */
typedef struct ModValue {
    TypeCell *cell;
    void *value;
} ModValue;
ModValue *rm_value_new(RedisModuleType *type, void *value);

/* Whether a type is one of a module's, and which. NULL: not. */
RedisModuleType *rm_type_of(const KeelType *type);
/* The one whose values have this id; the encoding version may differ. NULL: none is loaded. */
RedisModuleType *rm_type_by_id(uint64_t id);
/* Fills the row of the type with what the host calls. */
void rm_type_row(RedisModuleType *type);
void rm_type_digest(KeelDigest *d, const KeelValue *v);
void *rm_type_defragment(const KeelValue *v, uint64_t *cursor);
/* A pass over all keys begins, or is done: what modules registered for that. */
void rm_defragment_event(KeelCtx *c, const void *data);
int rm_type_load(KeelSource *source, uint8_t opcode, KeelValue *out);
/* A module's own value into bytes and back, without its id and its end. */
int rm_type_save_value(KeelSink *sink, RedisModuleType *type, void *value);
/* For callbacks that are told a key's name: a string of it, or NULL when there is none. */
RedisModuleString *rm_key_name(KeelStr name);

/* Marks before the parts of a value in files. */
enum { PART_END, PART_SINT, PART_UINT, PART_FLOAT, PART_DOUBLE, PART_STRING };

struct RedisModuleKeyOptCtx {
    RedisModuleString *from, *to;
    int from_db, to_db;
};

/* A value on its way to or from bytes. */
struct RedisModuleIO {
    KeelSink *sink;                /* NULL: it is loaded */
    KeelSource *source;
    RedisModuleType *type;
    RedisModuleCtx *ctx;           /* made when asked for */
    RedisModuleString *key;        /* made when asked for */
    KeelStr name;                  /* ptr NULL: no key */
    int db;
    bool failed;
    uint64_t when;                 /* of an auxiliary field: REDISMODULE_AUX_* */
    int (*begin)(RedisModuleIO *io); /* called before the first part is saved; 0 or -1 */
};
void rm_io_end(RedisModuleIO *io);
/* Whose value is saved or loaded. */
const Mod *rm_io_mod(const RedisModuleIO *io);

/* Values whose type nobody has. */
extern const KeelType rm_opaque_type;
/* Reads one behind its id. 0, -1. */
int rm_opaque_load(KeelSource *source, uint64_t id, KeelValue *out);
/* A module has come: what is kept of its types' values becomes values. */
void rm_opaque_revive(Mod *mod, KeelCtx *c);
/* How many there are. */
uint64_t rm_opaque_count(void);
/* The marked parts of one, with the mark of their end. */
KeelStr rm_opaque_parts(const void *value);
/* A module has come: the auxiliary fields that were kept for it are given to it. */
void rm_aux_revive(const Mod *mod);
/* Whether some are kept for modules that are not here. */
bool rm_aux_kept(void);
/* The nine characters of an id. */
void rm_type_id_name(uint64_t id, char name[10]);

#pragma GCC visibility pop

#endif
