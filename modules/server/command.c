/* command.c - COMMAND and its subcommands: what commands there are and where their keys are.
 *
 * The host knows all of it from the rows of modules and writes the reply of one command; here is
 * which commands are asked for. A key search that the user tries out with COMMAND GETKEYS is the
 * very one that ACL rules and redirections use. */
#include "command.h"

enum { USES_ON_STACK = 128 };

/* --- one reply for each of some commands --- */

/* State of a walk over all commands. */
typedef struct Walk {
    KeelCtx *c;
    size_t count;
    bool (*wanted)(const KeelCommandRef *cmd, KeelStr what);
    KeelStr what;
} Walk;

static bool info_of_each(const KeelCommandRef *cmd, void *data) {
    keel_command_reply_info(data, cmd);
    return true;
}

static bool docs_of_each(const KeelCommandRef *cmd, void *data) {
    KeelCtx *c = data;
    keel_reply_cstr(c, keel_command_name(cmd));
    keel_command_reply_docs(c, cmd);
    return true;
}

static void reply_all_infos(KeelCtx *c) {
    keel_reply_array(c, keel_command_count());
    keel_command_each(NULL, info_of_each, c);
}

/* --- searching keys --- */

static void reply_use_flags(KeelCtx *c, uint32_t flags) {
    keel_reply_set(c, (size_t)__builtin_popcount(flags));
    for (int bit = 0; keel_key_use_name(bit); bit++) {
        if (flags & (1u << bit)) keel_reply_status(c, keel_key_use_name(bit));
    }
}

static void reply_uses(KeelCtx *c, const KeelStr *call, const KeelKeyUse *uses, int count,
                       bool with_flags) {
    keel_reply_array(c, (size_t)count);
    for (int i = 0; i < count; i++) {
        if (with_flags) keel_reply_array(c, 2);
        keel_reply_bulk(c, call[uses[i].position]);
        if (with_flags) reply_use_flags(c, uses[i].flags);
    }
}

static bool arity_fits(const KeelCommandRef *cmd, int argc) {
    int arity = keel_command_arity(cmd);
    return arity > 0 ? argc == arity : argc >= -arity;
}

/* What GETKEYS and GETKEYSANDFLAGS share: `call` is the command to look into. */
static void reply_keys(KeelCtx *c, const KeelStr *call, int argc, bool with_flags) {
    const KeelCommandRef *cmd = keel_command_of(call, argc);
    if (!cmd) {
        keel_reply_error(c, "ERR Invalid command specified");
        return;
    }
    if (!keel_command_has_keys(cmd)) {
        keel_reply_error(c, "ERR The command has no key arguments");
        return;
    }
    if (!arity_fits(cmd, argc)) {
        keel_reply_error(c, "ERR Invalid number of arguments specified for command");
        return;
    }
    KeelKeyUse few[USES_ON_STACK], *uses = few;
    int count = keel_command_keys(cmd, call, argc, few, USES_ON_STACK);
    if (count > USES_ON_STACK) {
        uses = keel_try_alloc((size_t)count * sizeof(*uses));
        if (!uses) {
            keel_reply_error(c, "ERR not enough memory");
            return;
        }
        count = keel_command_keys(cmd, call, argc, uses, count);
    }
    if (count > 0) {
        reply_uses(c, call, uses, count, with_flags);
    } else if (keel_command_flags(cmd) & KEEL_NO_MANDATORY_KEYS) {
        keel_reply_array(c, 0);
    } else {
        keel_reply_error(c, "ERR Invalid arguments specified for command");
    }
    if (uses != few) keel_free(uses);
}

/* --- names --- */

static bool is_of_module(const KeelCommandRef *cmd, KeelStr module) {
    return keel_equal(module, keel_str(keel_command_module(cmd)));
}

static bool is_in_category(const KeelCommandRef *cmd, KeelStr category) {
    uint64_t bits = keel_command_categories(cmd);
    for (int bit = 0; keel_category_name(bit); bit++) {
        if (keel_is(category, keel_category_name(bit))) return bits & (1ull << bit);
    }
    return false;
}

static bool matches_pattern(const KeelCommandRef *cmd, KeelStr pattern) {
    return keel_match(pattern, keel_str(keel_command_name(cmd)), true);
}

static bool name_of_each(const KeelCommandRef *cmd, void *data) {
    Walk *walk = data;
    if (!walk->wanted || walk->wanted(cmd, walk->what)) {
        keel_reply_cstr(walk->c, keel_command_name(cmd));
        walk->count++;
    }
    keel_command_each(cmd, name_of_each, walk);
    return true;
}

/* --- handlers --- */

void server_command(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    reply_all_infos(c);
}

static void command_count(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_int(c, (int64_t)keel_command_count());
}

static void command_docs(KeelCtx *c, const KeelStr *argv, int argc) {
    if (argc == 2) {
        keel_reply_map(c, keel_command_count());
        keel_command_each(NULL, docs_of_each, c);
        return;
    }
    size_t count = 0;
    KeelDeferred map = keel_reply_defer_map(c);
    for (int i = 2; i < argc; i++) {
        const KeelCommandRef *cmd = keel_command_find(argv[i]);
        if (!cmd) continue;
        docs_of_each(cmd, c);
        count++;
    }
    keel_reply_end(c, map, count);
}

static void command_getkeys(KeelCtx *c, const KeelStr *argv, int argc) {
    reply_keys(c, argv + 2, argc - 2, false);
}

static void command_getkeysandflags(KeelCtx *c, const KeelStr *argv, int argc) {
    reply_keys(c, argv + 2, argc - 2, true);
}

static void command_help(KeelCtx *c, const KeelStr *argv, int argc) {
    static const char *const lines[] = {
        "(no subcommand)",
        "    Details of every command.",
        "COUNT",
        "    How many commands there are.",
        "DOCS [<command-name> ...]",
        "    The documentation of these commands, or of all.",
        "GETKEYS <full-command>",
        "    The keys among the arguments of a command.",
        "GETKEYSANDFLAGS <full-command>",
        "    The keys among the arguments of a command, and what it does to each.",
        "INFO [<command-name> ...]",
        "    Details of these commands, or of all.",
        "LIST [FILTERBY (MODULE <module-name>|ACLCAT <category>|PATTERN <pattern>)]",
        "    The names of all commands, or of those of a module, of a category or alike.",
        NULL,
    };
    (void)argv;
    (void)argc;
    keel_reply_help(c, lines);
}

static void command_info(KeelCtx *c, const KeelStr *argv, int argc) {
    if (argc == 2) {
        reply_all_infos(c);
        return;
    }
    keel_reply_array(c, (size_t)argc - 2);
    for (int i = 2; i < argc; i++) {
        const KeelCommandRef *cmd = keel_command_find(argv[i]);
        if (cmd) keel_command_reply_info(c, cmd);
        else keel_reply_null(c);
    }
}

static void command_list(KeelCtx *c, const KeelStr *argv, int argc) {
    Walk walk = {.c = c};
    if (argc == 5 && keel_is(argv[2], "filterby")) {
        if (keel_is(argv[3], "module")) walk.wanted = is_of_module;
        else if (keel_is(argv[3], "aclcat")) walk.wanted = is_in_category;
        else if (keel_is(argv[3], "pattern")) walk.wanted = matches_pattern;
        walk.what = argv[4];
    }
    if (argc != 2 && !walk.wanted) {
        keel_reply_syntax(c);
        return;
    }
    KeelDeferred names = keel_reply_defer_array(c);
    keel_command_each(NULL, name_of_each, &walk);
    keel_reply_end(c, names, walk.count);
}

#define COMMON .group = "server", .categories = "@connection", .flags = KEEL_LOADING | KEEL_STALE

const KeelCommand command_subcommands[] = {
    { .name = "count", .call = command_count, COMMON,
      .summary = "Returns the number of commands.", .since = "2.8.13", .complexity = "O(1)" },
    { .name = "docs", .args = "[command-name [command-name ...]]", .call = command_docs, COMMON,
      .summary = "Returns the documentation of one, some or all commands.", .since = "7.0.0",
      .complexity = "O(N) where N is the number of commands.",
      .tips = "nondeterministic_output_order" },
    { .name = "getkeys", .args = "command [arg [arg ...]]", .call = command_getkeys, COMMON,
      .summary = "Finds the keys in a command with its arguments.", .since = "2.8.13",
      .complexity = "O(N) where N is the number of arguments." },
    { .name = "getkeysandflags", .args = "command [arg [arg ...]]",
      .call = command_getkeysandflags, COMMON,
      .summary = "Finds the keys in a command with its arguments, and how each is used.",
      .since = "7.0.0", .complexity = "O(N) where N is the number of arguments." },
    { .name = "help", .call = command_help, COMMON, .summary = "Lists the subcommands.",
      .since = "5.0.0", .complexity = "O(1)" },
    { .name = "info", .args = "[command-name [command-name ...]]", .call = command_info, COMMON,
      .summary = "Returns the details of one, some or all commands.", .since = "2.8.13",
      .complexity = "O(N) where N is the number of commands.",
      .tips = "nondeterministic_output_order",
      .history = "7.0.0: Without a name, all commands are meant." },
    { .name = "list",
      .args = "[FILTERBY (MODULE module-name|ACLCAT category|PATTERN pattern)]{filterby}",
      .call = command_list, COMMON, .summary = "Lists the names of commands.", .since = "7.0.0",
      .complexity = "O(N) where N is the number of commands.",
      .tips = "nondeterministic_output_order" },
    { 0 },
};
