/* admin.c - MODULE LIST, LOAD, UNLOAD, RELOAD, STATS ...: the modules of a running server.
 *
 * Loading code is the strongest thing that a client can ask for, so it is off unless the
 * configuration says otherwise: enable-module-command and its sibling enable-debug-command are
 * no (the default), local (for clients on this machine) or yes, and cannot be changed at run
 * time. One gate stands before every command that is marked as protected, whichever module it is
 * of.
 *
 * A refusal begins with the sentence that tools look for; the reason, which names file, symbol,
 * version or row, follows it. INFO's section Modules has a line for each module, whose figures
 * are those of MODULE STATS: what its commands cost, summed up from their own statistics, and
 * what it holds. */
#include <inttypes.h>
#include <keel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALLOW_NO, ALLOW_YES, ALLOW_LOCAL };

static int enable_module_command, enable_debug_command;
static int protected_gate;

static const KeelWord allow_words[] = {
    {"no", ALLOW_NO}, {"yes", ALLOW_YES}, {"local", ALLOW_LOCAL}, {0}};

/* --- the gate --- */

static bool is_local(KeelClient *client) {
    KeelClientInfo info = {.size = sizeof(info)};
    keel_client_info(client, &info);
    return (info.flags & KEEL_CF_UNIX) || strncmp(info.addr, "127.0.0.1:", 10) == 0 ||
           strncmp(info.addr, "[::1]:", 6) == 0;
}

/* A command "config|get" is of the family "config". */
static bool in_family(const KeelCommandRef *cmd, const char *family) {
    const char *name = keel_command_name(cmd);
    size_t len = strlen(family);
    return strncasecmp(name, family, len) == 0 && (name[len] == '\0' || name[len] == '|');
}

static KeelVerdict protected_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv,
                                    int argc) {
    (void)argv;
    (void)argc;
    bool module = in_family(cmd, "module"), debug = in_family(cmd, "debug");
    if (!module && !debug) return KEEL_PASS;
    int allowed = module ? enable_module_command : enable_debug_command;
    KeelClient *client = keel_client(c);
    if (allowed == ALLOW_YES || !client) return KEEL_PASS;
    if (allowed == ALLOW_LOCAL && is_local(client)) return KEEL_PASS;
    keel_reply_errorf(c, "ERR %s command not allowed. If the enable-%s-command option is set to "
                      "\"local\", you can run it from a local connection, otherwise you need to "
                      "set this option in the configuration file, and then restart the server.",
                      module ? "MODULE" : "DEBUG", module ? "module" : "debug");
    return KEEL_ANSWERED;
}

/* --- MODULE --- */

/* "1.2.3" as one number, 10203; that of a foreign module may be a number itself. */
static int64_t version_number(const KeelModuleInfo *m) {
    const char *text = m->version;
    int64_t number = 0;
    if (*m->loader && !strchr(text, '.')) return strtol(text, NULL, 10);
    for (int part = 0; part < 3; part++) {
        char *end;
        long v = strtol(text, &end, 10);
        number = number * 100 + v;
        text = *end == '.' ? end + 1 : end;
    }
    return number;
}

static void reply_load(KeelCtx *c, const char *reason) {
    if (!reason) {
        keel_reply_ok(c);
        return;
    }
    keel_reply_errorf(c, "ERR Error loading the extension. Please check the server logs. %s",
                      reason);
}

static void admin_load(KeelCtx *c, const KeelStr *argv, int argc) {
    reply_load(c, keel_module_load(c, argv[2], argv + 3, argc - 3, NULL, 0));
}

/* CONFIG pairs first, then ARGS, to which all the rest belongs. */
static void admin_loadex(KeelCtx *c, const KeelStr *argv, int argc) {
    int i = 3, pairs = 0;
    /* Two words of three are kept, so this is room enough. */
    KeelStr *configs = keel_alloc(sizeof(KeelStr) * (size_t)argc);
    for (; i < argc && keel_is(argv[i], "config"); i += 3, pairs++) {
        if (i + 2 >= argc) {
            reply_load(c, "CONFIG specified without name value pair");
            goto out;
        }
        configs[2 * pairs] = argv[i + 1];
        configs[2 * pairs + 1] = argv[i + 2];
    }
    if (i < argc && !keel_is(argv[i], "args")) {
        keel_reply_errorf(c, "ERR Error loading the extension. Please check the server logs. "
                          "Syntax error in LOADEX's arguments around '%.*s'",
                          (int)(argv[i].len < 64 ? argv[i].len : 64), argv[i].ptr);
        goto out;
    }
    if (i < argc) i++;
    reply_load(c, keel_module_load(c, argv[2], argv + i, argc - i, configs, pairs));
out:
    keel_free(configs);
}

static void admin_unload(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    const char *reason = keel_module_unload(c, argv[2]);
    if (reason) keel_reply_errorf(c, "ERR Error unloading module: %s", reason);
    else keel_reply_ok(c);
}

static void admin_reload(KeelCtx *c, const KeelStr *argv, int argc) {
    if (argc > 4) {
        keel_reply_arity(c);
        return;
    }
    const char *reason = keel_module_reload(c, argv[2], argc > 3 ? argv[3] : KEEL_LIT(""));
    if (reason) keel_reply_errorf(c, "ERR Error reloading module: %s", reason);
    else keel_reply_ok(c);
}

typedef struct Listing {
    KeelCtx *ctx;
    size_t count;
    const KeelStr *name;  /* of the only one that is wanted; NULL: all are */
} Listing;

static bool list_one(const KeelModuleInfo *m, void *data) {
    Listing *listing = data;
    KeelCtx *c = listing->ctx;
    listing->count++;
    keel_reply_map(c, 4);
    keel_reply_cstr(c, "name");
    keel_reply_cstr(c, m->name);
    keel_reply_cstr(c, "ver");
    keel_reply_int(c, version_number(m));
    keel_reply_cstr(c, "path");
    keel_reply_cstr(c, m->path);
    keel_reply_cstr(c, "args");
    keel_reply_array(c, (size_t)m->argc);
    for (int i = 0; i < m->argc; i++) keel_reply_bulk(c, m->argv[i]);
    return true;
}

static void admin_list(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    Listing listing = {.ctx = c};
    KeelDeferred array = keel_reply_defer_array(c);
    keel_module_each(list_one, &listing);
    keel_reply_end(c, array, listing.count);
}

static bool stats_one(const KeelModuleInfo *m, void *data) {
    Listing *listing = data;
    KeelCtx *c = listing->ctx;
    if (listing->name && !keel_is(*listing->name, m->name)) return true;
    const struct {
        const char *name;
        int64_t value;
    } figures[] = {
        {"commands", (int64_t)m->commands}, {"calls", (int64_t)m->calls},
        {"errors", (int64_t)m->failed}, {"usec", (int64_t)(m->nanoseconds / 1000)},
        {"bytes", m->bytes}, {"keys", (int64_t)m->keys}};
    enum { FIGURES = sizeof(figures) / sizeof(figures[0]) };
    listing->count++;
    keel_reply_map(c, 1 + FIGURES);
    keel_reply_cstr(c, "name");
    keel_reply_cstr(c, m->name);
    for (size_t i = 0; i < FIGURES; i++) {
        keel_reply_cstr(c, figures[i].name);
        keel_reply_int(c, figures[i].value);
    }
    return true;
}

static void admin_stats(KeelCtx *c, const KeelStr *argv, int argc) {
    if (argc > 3) {
        keel_reply_arity(c);
        return;
    }
    Listing listing = {.ctx = c, .name = argc > 2 ? &argv[2] : NULL};
    KeelDeferred array = keel_reply_defer_array(c);
    keel_module_each(stats_one, &listing);
    if (listing.name && !listing.count) {
        keel_reply_undo(c);
        keel_reply_error(c, "ERR no such module with that name");
        return;
    }
    keel_reply_end(c, array, listing.count);
}

static void admin_help(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    static const char *const lines[] = {
        "LIST",
        "    Return a list of loaded modules.",
        "LOAD <path> [<arg> ...]",
        "    Load a module library from <path>, passing to it any optional arguments.",
        "LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
        "    Load a module library from <path>, while passing it module configurations and "
        "optional arguments.",
        "RELOAD <name> [<path>]",
        "    Replace a module's code by that of the library at <path>, or where it was loaded "
        "from, and keep its data.",
        "STATS [<name>]",
        "    Show what modules' commands cost and what modules hold.",
        "UNLOAD <name>",
        "    Unload a module.",
        NULL,
    };
    keel_reply_help(c, lines);
}

/* --- INFO --- */

/* Collects "a|b" of the modules that one needs, or that need it. */
typedef struct Names {
    char text[512];
    size_t len;
} Names;

static void add_name(Names *names, const char *name, size_t len) {
    if (names->len + len + 2 > sizeof(names->text)) return;
    if (names->len) names->text[names->len++] = '|';
    memcpy(names->text + names->len, name, len);
    names->len += len;
    names->text[names->len] = '\0';
}

/* Calls for every word of a .needs; true when `find` is one of them. */
static bool walk_needs(const char *needs, const char *find, Names *names) {
    bool found = false;
    while (*needs) {
        size_t skip = strspn(needs, " "), len = strcspn(needs + skip, " ");
        KeelStr word = {needs + skip, len};
        if (find && keel_is(word, find)) found = true;
        if (names && len) add_name(names, word.ptr, len);
        needs += skip + len;
    }
    return found;
}

/* All of them, looked at once: counting keys and commands is not for free. */
typedef struct Modules {
    KeelModuleInfo *list;
    size_t count, room;
} Modules;

static bool gather(const KeelModuleInfo *m, void *data) {
    Modules *all = data;
    if (all->count == all->room) {
        all->room = all->room ? all->room * 2 : 32;
        all->list = keel_realloc(all->list, all->room * sizeof(*all->list));
    }
    all->list[all->count++] = *m;
    return true;
}

static KeelForeignFacts facts_of(const KeelModuleInfo *m) {
    KeelForeignFacts facts = {.size = sizeof(facts)};
    char name[128];
    if (!m->loader[0]) return facts;
    snprintf(name, sizeof(name), "loader.%s", m->loader);
    const KeelForeign *foreign = keel_interface(name, 100);
    if (foreign) foreign->facts(m->name, &facts);
    return facts;
}

static bool uses(const KeelModuleInfo *m, const char *name) {
    return walk_needs(m->needs, name, NULL) ||
           (m->loader[0] && walk_needs(facts_of(m).uses, name, NULL));
}

static void info_one(KeelInfo *info, const Modules *all, const KeelModuleInfo *m) {
    Names used_by = {0}, using = {0};
    for (size_t i = 0; i < all->count; i++) {
        const KeelModuleInfo *other = &all->list[i];
        if (uses(other, m->name)) add_name(&used_by, other->name, strlen(other->name));
    }
    KeelForeignFacts facts = facts_of(m);
    walk_needs(m->needs, NULL, &using);
    walk_needs(facts.uses, NULL, &using);
    keel_info_field(info, "module", "name=%s,ver=%lld,api=1,filters=%d,usedby=[%s],using=[%s],"
                    "options=[%s],commands=%zu,calls=%" PRIu64 ",errors=%" PRIu64 ",usec=%" PRIu64
                    ",bytes=%" PRId64 ",keys=%" PRIu64, m->name, (long long)version_number(m),
                    facts.filters, used_by.text, using.text, facts.options, m->commands, m->calls,
                    m->failed, m->nanoseconds / 1000, m->bytes, m->keys);
}

static void info_modules(KeelInfo *info) {
    Modules all = {0};
    keel_module_each(gather, &all);
    for (size_t i = 0; i < all.count; i++) info_one(info, &all, &all.list[i]);
    keel_free(all.list);
}

/* --- tables --- */

static const KeelConfig configs[] = {
    {.name = "enable-module-command", .type = KEEL_CONFIG_ENUM, .flags = KEEL_CONFIG_IMMUTABLE,
     .var = &enable_module_command, .value = "no", .words = allow_words},
    {.name = "enable-debug-command", .type = KEEL_CONFIG_ENUM, .flags = KEEL_CONFIG_IMMUTABLE,
     .var = &enable_debug_command, .value = "no", .words = allow_words},
    {0}};

static const KeelGate gates[] = {
    {.name = "protected", .id = &protected_gate, .rank = 5, .flags = KEEL_PROTECTED,
     .decide = protected_decide},
    {0}};

static const KeelInfoSection info[] = {
    {.name = "Modules", .rank = 80, .write = info_modules},
    {0}};

#define CHANGES (KEEL_ADMIN | KEEL_NOSCRIPT | KEEL_NO_ASYNC_LOADING | KEEL_PROTECTED)

static const KeelCommand module_commands[] = {
    {.name = "help", .flags = KEEL_LOADING | KEEL_STALE, .call = admin_help, .group = "server",
     .summary = "Tells what the subcommands are for.", .since = "5.0.0", .complexity = "O(1)"},
    {.name = "list", .flags = KEEL_ADMIN | KEEL_NOSCRIPT, .call = admin_list, .group = "server",
     .summary = "Lists the loaded modules.", .since = "4.0.0",
     .complexity = "O(N) where N is the number of loaded modules.",
     .tips = "nondeterministic_output_order"},
    {.name = "load", .args = "path [arg [arg ...]]", .flags = CHANGES, .call = admin_load,
     .group = "server", .summary = "Loads a module, given by a path or by its name.",
     .since = "4.0.0", .complexity = "O(1)"},
    {.name = "loadex",
     .args = "path [CONFIG name value [CONFIG name value ...]]{configs} [ARGS args [args ...]]",
     .flags = CHANGES, .call = admin_loadex, .group = "server",
     .summary = "Loads a module and gives values to its settings.", .since = "7.0.0",
     .complexity = "O(1)"},
    {.name = "reload", .args = "name [path]", .flags = CHANGES, .call = admin_reload,
     .group = "server", .summary = "Replaces a module's code and keeps its data.",
     .since = "7.2.0", .complexity = "O(1), or O(N) where N is the number of keys of the module's "
     "types, when the values must be saved and loaded."},
    {.name = "stats", .args = "[name]", .flags = KEEL_ADMIN | KEEL_NOSCRIPT, .call = admin_stats,
     .group = "server", .summary = "Shows what modules' commands cost and what modules hold.",
     .since = "7.2.0",
     .complexity = "O(N) where N is the number of commands.", .tips = "nondeterministic_output"},
    {.name = "unload", .args = "name", .flags = CHANGES, .call = admin_unload, .group = "server",
     .summary = "Unloads a module.", .since = "4.0.0", .complexity = "O(1)"},
    {0}};

static const KeelCommand commands[] = {
    {.name = "module", .summary = "The modules of the running server.", .since = "4.0.0",
     .complexity = "Depends on the subcommand.", .group = "server",
     .subcommands = module_commands},
    {0}};

static int admin_start(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    if (argc) return keel_load_error(c, "it takes no arguments");
    keel_gate_arm(protected_gate, true);
    return 0;
}

KEEL_MODULE(.name = "admin", .version = "1.0.0",
            .summary = "MODULE: loads, lists, replaces and unloads modules of a running server.",
            .commands = commands, .configs = configs, .info = info, .gates = gates,
            .load = admin_start);
