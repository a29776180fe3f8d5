/* config.c - CONFIG GET, SET, REWRITE, RESETSTAT, HELP.
 *
 * The host keeps the registry of settings, their values and the file; these handlers are its
 * dialect: patterns, pairs, and the texts of refusals. */
#include "config_command.h"

#include <ctype.h>
#include <string.h>

/* ---- CONFIG GET ---- */

/* One line of the answer: the name as it is shown, and the setting it stands for. */
typedef struct Match {
    KeelStr name;
    const KeelConfig *config;
} Match;

typedef struct Matches {
    Match *list;
    size_t count, room;
    KeelStr pattern; /* while all settings are gone through */
} Matches;

static bool same_name(KeelStr a, KeelStr b) {
    return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

/* Each name is shown once, however many patterns match it. There are some hundred names at most, so
 * a look through all is fine. */
static void add_match(Matches *m, KeelStr name, const KeelConfig *config) {
    for (size_t i = 0; i < m->count; i++) {
        if (same_name(m->list[i].name, name)) return;
    }
    if (m->count == m->room) {
        m->room = m->room ? m->room * 2 : 32;
        m->list = keel_realloc(m->list, m->room * sizeof *m->list);
    }
    m->list[m->count++] = (Match){name, config};
}

static bool match_one(const KeelConfig *config, void *data) {
    Matches *m = data;
    if (config->flags & KEEL_CONFIG_HIDDEN) return true;
    KeelStr name = keel_str(config->name);
    if (keel_match(m->pattern, name, true)) add_match(m, name, config);
    if (!config->alias) return true;
    name = keel_str(config->alias);
    if (keel_match(m->pattern, name, true)) add_match(m, name, config);
    return true;
}

static bool is_pattern(KeelStr s) {
    return memchr(s.ptr, '*', s.len) || memchr(s.ptr, '?', s.len) || memchr(s.ptr, '[', s.len);
}

/* A plain name finds hidden settings too, and is shown as it was asked for. */
static void config_get(KeelCtx *c, const KeelStr *argv, int argc) {
    Matches m = {0};
    for (int i = 2; i < argc; i++) {
        if (is_pattern(argv[i])) {
            m.pattern = argv[i];
            keel_config_each(match_one, &m);
        } else {
            const KeelConfig *config = keel_config_find(argv[i]);
            if (config) add_match(&m, argv[i], config);
        }
    }
    keel_reply_map(c, m.count);
    for (size_t i = 0; i < m.count; i++) {
        size_t len;
        char *text = keel_config_text(m.list[i].config, &len);
        keel_reply_bulk(c, m.list[i].name);
        keel_reply_bulk(c, (KeelStr){text, len});
        keel_config_free(text);
    }
    keel_free(m.list);
}

/* ---- CONFIG SET ---- */

/* Names that exist are shown as they are registered, in lower case, but for refusals that come
 * before any value is looked at: those repeat what the client wrote. */
static void reply_refusal(KeelCtx *c, KeelStr name, const char *reason) {
    bool as_written = !strcmp(reason, "can't set immutable config") ||
                      !strcmp(reason, "can't set protected config") ||
                      !strcmp(reason, "duplicate parameter");
    char shown[128];
    size_t len = name.len < sizeof shown ? name.len : sizeof shown - 1;
    for (size_t i = 0; i < len; i++) {
        shown[i] = as_written ? name.ptr[i] : (char)tolower((unsigned char)name.ptr[i]);
    }
    shown[len] = '\0';
    keel_reply_errorf(c, "ERR CONFIG SET failed (possibly related to argument '%s')%s%s", shown,
                      *reason ? " - " : "",
                      reason);
}

static void config_set(KeelCtx *c, const KeelStr *argv, int argc) {
    const char *reason = NULL;
    int which = -1;
    if (argc % 2 != 0) {
        keel_reply_syntax(c);
        return;
    }
    for (int i = 2; i < argc; i += 2) {
        const KeelConfig *config = keel_config_find(argv[i]);
        if (config && config->flags & KEEL_CONFIG_SENSITIVE) keel_redact(c, i + 1);
    }
    if (keel_config_set(c, argv + 2, (argc - 2) / 2, &reason, &which)) {
        keel_reply_ok(c);
    } else if (which >= 0) {
        reply_refusal(c, argv[2 + 2 * which], reason);
    } else if (!strncmp(reason, "LOADING ", 8)) {
        keel_reply_error(c, reason);
    } else {
        keel_reply_errorf(c, "ERR %s", reason);
    }
}

/* ---- the rest ---- */

static void config_rewrite(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    const char *reason = keel_config_rewrite();
    if (reason) {
        keel_reply_errorf(c, "ERR %s", reason);
    } else {
        keel_reply_ok(c);
    }
}

/* The host and modules zero what they count when they hear of it. */
static void config_resetstat(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_command_reset_stats(true, true);
    keel_event_send(c, KEEL_EVENT_RESETSTAT, NULL);
    keel_reply_ok(c);
}

static void config_help(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    static const char *const lines[] = {
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
        NULL};
    keel_reply_help(c, lines);
}

#define CONFIG_FLAGS (KEEL_ADMIN | KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE)
#define ON_ALL "request_policy:all_nodes response_policy:all_succeeded"

const KeelCommand config_subcommands[] = {
    {.name = "get", .args = "parameter [parameter ...]", .flags = CONFIG_FLAGS, .group = "server",
     .call = config_get, .summary = "Returns the values of settings, by name or pattern.",
     .since = "2.0.0", .complexity = "O(N), N being the number of settings",
     .history = "7.0.0: Several patterns in one call."},
    {.name = "set", .args = "parameter value [parameter value ...]", .flags = CONFIG_FLAGS,
     .group = "server", .call = config_set,
     .summary = "Changes settings at run time, all of the given ones or none.", .since = "2.0.0",
     .complexity = "O(N), N being the number of settings",
     .tips = ON_ALL, .history = "7.0.0: Several settings in one call."},
    {.name = "rewrite", .flags = CONFIG_FLAGS, .group = "server", .call = config_rewrite,
     .summary = "Writes the settings as they are now into the configuration file.",
     .since = "2.8.0", .complexity = "O(1)", .tips = ON_ALL},
    {.name = "resetstat", .flags = CONFIG_FLAGS, .group = "server", .call = config_resetstat,
     .summary = "Zeroes the statistics that INFO shows.", .since = "2.0.0", .complexity = "O(1)",
     .tips = ON_ALL},
    {.name = "help", .flags = KEEL_LOADING | KEEL_STALE, .group = "server", .call = config_help,
     .summary = "Lists CONFIG's subcommands.", .since = "5.0.0", .complexity = "O(1)"},
    {0}};
