/* keel/module.h - the constant that every module exports, and questions about modules.
 *
 * The host reads and checks all of the constant before it runs any code of the module, so a bad
 * one is never half loaded. Tables end with an empty row. */
#ifndef KEEL_MODULE_H
#define KEEL_MODULE_H

#include <keel/base.h>
#include <keel/block.h>
#include <keel/client.h>
#include <keel/command.h>
#include <keel/config.h>
#include <keel/event.h>
#include <keel/gate.h>
#include <keel/info.h>
#include <keel/journal.h>
#include <keel/memory.h>
#include <keel/type.h>

/* What one module offers another: a struct of functions under a name and a version. Versions with
 * the same major part (version / 100) only add functions at the end. */
typedef struct KeelInterface {
    const char *name;
    int version;
    const void *functions;
} KeelInterface;

/* A foreign kind of shared object: one without keel_module that exports `symbol`. `load` gets the
 * open library, finds out what is in it and calls keel_module_adopt(); 0, or -1 after
 * keel_load_error(). */
typedef struct KeelLoader {
    const char *name;
    const char *symbol;
    int (*load)(KeelCtx *c, void *library, const char *path, const KeelStr *argv, int argc);
    /* 0: may go; the host then takes its tables back, so what was given to keel_module_adopt()
     * is freed by keel_post(), not here. -1 after keel_load_error(): it stays. NULL: always may. */
    int (*unload)(KeelCtx *c, const char *name);
    /* For keel_module_reload(); a loader without these three has modules that are not replaced.
     * First: may there be another module of the same name beside `old`, to take its place? 0, and
     * the next call is `load` for that one; -1 after keel_load_error(). */
    int (*may_replace)(KeelCtx *c, const KeelSelf *old);
    /* `now` is loaded and has values for all that `old` has, of which those whose types have the
     * same .layout are still as `old` made them: from here on they are those of `now`. Ends
     * `old` as unload() does, but whatever values there are, which its types' .free may still be
     * called for in this turn. 0; -1 after keel_load_error(): it stays, and `now` goes by
     * forget(). */
    int (*replace)(KeelCtx *c, const KeelSelf *old, const KeelSelf *now);
    /* An adopted module goes, without being asked: a later step of its load failed. */
    void (*forget)(KeelCtx *c, const KeelSelf *self);
} KeelLoader;

typedef struct KeelModule {
    uint32_t size;            /* of this struct, and of the rows below, as the module knows them */
    uint32_t abi;
    uint16_t command_size, type_size, config_size, info_size, gate_size, observer_size, hook_size,
        slot_size, subscriber_size, interface_size, loader_size, reserved;
    KeelSelf *self;

    const char *name;         /* a-z, 0-9, '-', '_'; at most 63 */
    const char *version;      /* "1.2.3" */
    const char *summary;
    const char *needs;        /* modules that must be loaded before: "strings keys" */
    const KeelCommand *commands;
    const KeelType *const *types; /* ended by NULL */
    const KeelConfig *configs;
    const KeelInfoSection *info;
    const KeelGate *gates;
    const KeelObserver *observers;
    const KeelHook *hooks;
    const KeelSlot *slots;
    const KeelSubscriber *subscribers;
    const KeelInterface *provides;
    const KeelLoader *loaders;
    /* After all tables are in place. argv are loadmodule's words after the name. 0; -1 after
     * keel_load_error(): everything is taken back. */
    int (*load)(KeelCtx *c, const KeelStr *argv, int argc);
    /* Before anything is taken back. 0; -1 after keel_load_error(): the module stays. */
    int (*unload)(KeelCtx *c);
} KeelModule;

#define KEEL_MODULE(...)                                                                           \
    KeelSelf keel_self __attribute__((visibility("hidden")));                                      \
    extern const KeelModule keel_module;                                                           \
    KEEL_API const KeelModule keel_module = {                                                      \
        .size = sizeof(KeelModule), .abi = KEEL_ABI, .command_size = sizeof(KeelCommand),          \
        .type_size = sizeof(KeelType), .config_size = sizeof(KeelConfig),                          \
        .info_size = sizeof(KeelInfoSection), .gate_size = sizeof(KeelGate),                       \
        .observer_size = sizeof(KeelObserver), .hook_size = sizeof(KeelHook),                      \
        .slot_size = sizeof(KeelSlot), .subscriber_size = sizeof(KeelSubscriber),                  \
        .interface_size = sizeof(KeelInterface), .loader_size = sizeof(KeelLoader),                \
        .self = &keel_self, __VA_ARGS__}

/* In a loader's `load`: what the open library turned out to be, as if it had exported this constant
 * itself. The tables may lie on the heap; they, and `.self`, one of its own for each module, stay
 * until the module is unloaded or its load has failed. Commands answer from now on. Once for each
 * library. 0; -1 with the reason set, and nothing was added. */
KEEL_API int keel_module_adopt(KeelCtx *c, const KeelModule *module);

/* In .load, .unload and loaders: why it failed. The text reaches client and log. Returns -1. */
KEEL_API int keel_load_error(KeelCtx *c, const char *format, ...) KEEL_PRINTF(2, 3);

/* The newest loaded interface of this name whose major version is that of `version` and that is at
 * least as new. NULL: none. Valid until KEEL_EVENT_MODULE tells that its module goes. */
KEEL_API const void *keel_interface(const char *name, int version);

typedef struct KeelModuleInfo {
    uint32_t size;            /* set by the caller */
    const char *name, *version, *summary, *path;
    const KeelStr *argv;
    int argc;
    size_t commands, types, configs;
    int64_t bytes, blocks;    /* memory it holds */
    uint64_t calls, failed, nanoseconds, keys;
    const char *needs;        /* as declared; "" when it needs none */
    const char *loader;       /* that brought a foreign module; "" for native ones */
} KeelModuleInfo;
/* What only the loader of a foreign module knows of it. A module that brings loaders provides
 * this as the interface "loader.NAME", NAME being KeelModuleInfo.loader, version 100. */
typedef struct KeelForeignFacts {
    uint32_t size;            /* set by the caller */
    int filters;              /* of commands, that it has now */
    char uses[512];           /* other modules whose functions it calls: "a b" */
    char options[256];        /* what it asked for: "handle-io-errors|..." */
} KeelForeignFacts;
typedef struct KeelForeign {
    uint32_t size;
    bool (*facts)(const char *module, KeelForeignFacts *out); /* false: it did not bring that one */
} KeelForeign;
KEEL_API void keel_module_each(bool (*each)(const KeelModuleInfo *info, void *data), void *data);
/* Loads and unloads at run time. `path` is a path, or a bare name of the module directory. NULL, or
 * the reason, which lives until the next call. `configs` are `config_count` pairs of name and value
 * for the module's settings. */
KEEL_API const char *keel_module_load(KeelCtx *c, KeelStr path, const KeelStr *argv, int argc,
                                      const KeelStr *configs, int config_count);
KEEL_API const char *keel_module_unload(KeelCtx *c, KeelStr name);
/* Replaces a module's code by that of the library at `path` (empty: where it came from) and
 * keeps its data: the new library is loaded beside the old one, with the same arguments; its
 * settings get the old one's values before its .load runs; values of its types are handed over
 * when .layout says so and else saved by the old code and loaded by the new; then the old one's
 * .unload is asked, and it goes. Its .free may still be called after that, for values that were
 * saved. Until then commands, timers, hooks and subscriptions of the old one go on, and when any
 * step fails, what the new one did is taken back and they stay; of what the old one has in its
 * variables nothing is kept. Refused while what keeps a module from being unloaded is there,
 * values excepted. NULL, or the reason, as above. Cost: that of the values that are saved, in
 * time and, meanwhile, in memory. */
KEEL_API const char *keel_module_reload(KeelCtx *c, KeelStr name, KeelStr path);

/* The server's version as INFO and HELLO show it: Redis's that it is compatible with, and our
 * own. */
KEEL_API const char *keel_redis_version(void);
KEEL_API const char *keel_version(void);
/* 40 hexadecimal digits, new at every start. */
KEEL_API const char *keel_run_id(void);

#endif
