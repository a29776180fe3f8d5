/* settings.c - the host's own settings: one struct, one table.
 *
 * Names, ranges, words and refusals are Redis's, so that files and clients made for it work
 * unchanged. What a setting does is done where the struct is read; only those that must act at once
 * have an apply function here. */
#include "config.h"

#include "daemon.h"
#include "mem.h"
#include "net.h"
#include "oom.h"
#include "setting.h"

#include <errno.h>
#include <fcntl.h>
#include <keel/client.h>
#include <keel/event.h>
#include <keel/log.h>
#include <keel/memory.h>
#include <keel/text.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum { BIND_MAX = 16 };

/* Lines are logged before any row is registered. */
Settings settings = {.loglevel = KEEL_LOG_NOTICE};

/* ---- words ---- */

static const KeelWord loglevel_words[] = {
    {"debug", KEEL_LOG_DEBUG}, {"verbose", KEEL_LOG_VERBOSE},
    {"notice", KEEL_LOG_NOTICE}, {"warning", KEEL_LOG_WARNING}, {0}};

static const KeelWord supervised_words[] = {
    {"upstart", SUPERVISED_UPSTART}, {"systemd", SUPERVISED_SYSTEMD},
    {"auto", SUPERVISED_AUTO}, {"no", SUPERVISED_NO}, {0}};

static const KeelWord facility_words[] = {
    {"user", LOG_USER},     {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},
    {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4},
    {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7}, {0}};

static const KeelWord allow_words[] = {
    {"no", ALLOW_NO}, {"yes", ALLOW_YES}, {"local", ALLOW_LOCAL}, {0}};

static const KeelWord oom_words[] = {
    {"no", OOM_NO}, {"yes", OOM_RELATIVE}, {"relative", OOM_RELATIVE}, {"absolute", OOM_ABSOLUTE},
    {0}};

static const KeelWord shutdown_words[] = {
    {"default", 0}, {"save", KEEL_SHUTDOWN_SAVE}, {"nosave", KEEL_SHUTDOWN_NOSAVE},
    {"now", KEEL_SHUTDOWN_NOW}, {"force", KEEL_SHUTDOWN_FORCE}, {0}};

/* ---- checks ---- */

/* A value of words, so a plain search cannot find one inside another: "save" is the end of
 * "nosave". */
static bool check_shutdown(const KeelConfig *config, KeelStr value, const char **reason) {
    (void)config;
    bool save = false, nosave = false;
    for (size_t at = 0; at < value.len;) {
        size_t end = at;
        while (end < value.len && value.ptr[end] != ' ') end++;
        KeelStr word = {value.ptr + at, end - at};
        save |= keel_is(word, "save");
        nosave |= keel_is(word, "nosave");
        at = end + 1;
    }
    if (!save || !nosave) return true;
    *reason = "shutdown options SAVE and NOSAVE can't be used simultaneously";
    return false;
}

static bool check_title(const KeelConfig *config, KeelStr value, const char **reason) {
    (void)config;
    if (strlen(value.ptr) == value.len && daemon_title_valid(value.ptr)) return true;
    *reason = "template format is invalid or contains unknown variables";
    return false;
}

/* Opened for a moment only: log_open() does it for good when all settings are known. */
static bool check_logfile(const KeelConfig *config, KeelStr value, const char **reason) {
    (void)config;
    if (value.len == 0) return true;
    int fd = open(value.ptr, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        *reason = keel_config_reason("Can't open the log file: %s", strerror(errno));
        return false;
    }
    close(fd);
    return true;
}

/* ---- settings that act ---- */

static bool apply_hz(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    if (settings.hz < HZ_MIN) settings.hz = HZ_MIN;
    if (settings.hz > HZ_MAX) settings.hz = HZ_MAX;
    return true;
}

static bool apply_port(const KeelConfig *config, bool starting, const char **reason) {
    (void)config;
    if (starting || net_apply_listeners(reason)) return true;
    *reason = "Unable to listen on this port. Check server logs.";
    return false;
}

static bool apply_bind(const KeelConfig *config, bool starting, const char **reason) {
    (void)config;
    if (starting || net_apply_listeners(reason)) return true;
    *reason = "Failed to bind to specified addresses.";
    return false;
}

static bool apply_maxclients(const KeelConfig *config, bool starting, const char **reason) {
    (void)config;
    return starting || net_apply_maxclients(reason);
}

static bool apply_title(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)reason;
    if (!starting) daemon_set_title();
    return true;
}

static bool apply_bg_thread(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    mem_purge_in_background(settings.jemalloc_bg_thread);
    return true;
}

static bool apply_oom(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting;
    return oom_apply(reason);
}

/* ---- dir ---- */

static void refresh_dir(void) {
    char *path = getcwd(NULL, 0);
    keel_free(settings.dir);
    settings.dir = keel_strdup(keel_str(path ? path : ""));
    free(path);
}

static void dir_get(const KeelConfig *config, KeelConfigOut *out) {
    (void)config;
    if (!settings.dir) refresh_dir();
    keel_config_write(out, "%s", settings.dir);
}

/* Relative paths of later lines start at the new directory, so it changes at once. */
static bool dir_set(const KeelConfig *config, const KeelStr *argv, int argc,
                    const char **reason) {
    (void)config, (void)argc;
    if (strlen(argv[0].ptr) != argv[0].len || chdir(argv[0].ptr) != 0) {
        *reason = keel_config_reason("%s", strerror(errno));
        return false;
    }
    refresh_dir();
    return true;
}

/* ---- bind ---- */

static void bind_get(const KeelConfig *config, KeelConfigOut *out) {
    (void)config;
    for (int i = 0; i < settings.bind_count; i++) {
        keel_config_write(out, "%s%s", i ? " " : "", settings.bind[i]);
    }
}

static bool bind_set(const KeelConfig *config, const KeelStr *argv, int argc,
                     const char **reason) {
    (void)config;
    if (argc > BIND_MAX) {
        *reason = "Too many bind addresses specified.";
        return false;
    }
    char **list = keel_alloc((size_t)(argc + 1) * sizeof *list);
    for (int i = 0; i < argc; i++) list[i] = keel_strdup(argv[i]);
    for (int i = 0; i < settings.bind_count; i++) keel_free(settings.bind[i]);
    keel_free(settings.bind);
    settings.bind = list;
    settings.bind_count = argc;
    return true;
}

/* ---- client-output-buffer-limit ---- */

static const char *const class_names[] = {
    [KEEL_CLIENT_NORMAL] = "normal", [KEEL_CLIENT_REPLICA] = "slave",
    [KEEL_CLIENT_PUBSUB] = "pubsub"};
enum { CLASSES = 3 };

static void output_limit_get(const KeelConfig *config, KeelConfigOut *out) {
    (void)config;
    for (int i = 0; i < CLASSES; i++) {
        keel_config_write(out, "%s%s %lld %lld %lld", i ? " " : "", class_names[i],
                          (long long)settings.output_limit[i].hard,
                          (long long)settings.output_limit[i].soft,
                          (long long)settings.output_limit[i].soft_seconds);
    }
}

static int class_of(KeelStr name) {
    if (keel_is(name, "replica")) return KEEL_CLIENT_REPLICA;
    for (int i = 0; i < CLASSES; i++) {
        if (keel_is(name, class_names[i])) return i;
    }
    return -1;
}

/* Groups of class, hard limit, soft limit, seconds. Classes that are not named keep theirs. */
static bool output_limit_set(const KeelConfig *config, const KeelStr *argv, int argc,
                             const char **reason) {
    (void)config;
    Settings new = settings;
    if (argc % 4 != 0) {
        *reason = "Wrong number of arguments in buffer limit configuration.";
        return false;
    }
    for (int i = 0; i < argc; i += 4) {
        int class = class_of(argv[i]);
        if (class < 0) {
            *reason = "Invalid client class specified in buffer limit configuration.";
            return false;
        }
        if (!keel_parse_memory(argv[i + 1], &new.output_limit[class].hard) ||
            !keel_parse_memory(argv[i + 2], &new.output_limit[class].soft) ||
            !keel_parse_int(argv[i + 3], &new.output_limit[class].soft_seconds) ||
            new.output_limit[class].hard < 0 || new.output_limit[class].soft < 0 ||
            new.output_limit[class].soft_seconds < 0) {
            *reason = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
            return false;
        }
    }
    memcpy(settings.output_limit, new.output_limit, sizeof settings.output_limit);
    return true;
}

/* A line for each class, as files have had it since there were classes. */
static void output_limit_rewrite(const KeelConfig *config, KeelConfigOut *out) {
    for (int i = 0; i < CLASSES; i++) {
        keel_config_write(out, "%s %s ", config->name, class_names[i]);
        out_memory(out, settings.output_limit[i].hard);
        keel_config_write(out, " ");
        out_memory(out, settings.output_limit[i].soft);
        keel_config_line(out, " %lld", (long long)settings.output_limit[i].soft_seconds);
    }
}

/* ---- the table ---- */

#define BOOL(n, field, yesno, ...)                                                                 \
    {.name = n, .type = KEEL_CONFIG_BOOL, .var = &settings.field, .value = yesno, __VA_ARGS__}
#define INT(n, field, text, low, high, ...)                                                        \
    {.name = n, .type = KEEL_CONFIG_INT, .var = &settings.field, .value = text, .min = low,        \
     .max = high, __VA_ARGS__}
#define MEMORY(n, field, text, low, high)                                                          \
    {.name = n, .type = KEEL_CONFIG_MEMORY, .var = &settings.field, .value = text, .min = low,     \
     .max = high}
#define STRING(n, field, text, ...)                                                                \
    {.name = n, .type = KEEL_CONFIG_STRING, .var = &settings.field, .value = text, __VA_ARGS__}
#define ENUM(n, field, text, list, ...)                                                            \
    {.name = n, .type = KEEL_CONFIG_ENUM, .var = &settings.field, .value = text, .words = list,    \
     __VA_ARGS__}
#define AT_START .flags = KEEL_CONFIG_IMMUTABLE
#define MAYBE_AT_START .flags = KEEL_CONFIG_IMMUTABLE | KEEL_CONFIG_NULL_IF_EMPTY
#define PROTO_MIN (1024 * 1024)

const KeelConfig settings_rows[] = {
    /* network */
    INT("port", port, "6379", 0, 65535, .apply = apply_port),
    {.name = "bind", .type = KEEL_CONFIG_CUSTOM, .flags = KEEL_CONFIG_MULTI, .value = "* -::*",
     .get = bind_get, .set = bind_set, .apply = apply_bind},
    STRING("bind-source-addr", bind_source_addr, NULL, .flags = KEEL_CONFIG_NULL_IF_EMPTY),
    STRING("unixsocket", unixsocket, NULL, MAYBE_AT_START),
    {.name = "unixsocketperm", .type = KEEL_CONFIG_OCTAL, AT_START, .value = "0",
     .var = &settings.unixsocketperm, .min = 0, .max = 0777},
    INT("tcp-backlog", tcp_backlog, "511", 0, INT_MAX, AT_START),
    INT("tcp-keepalive", tcp_keepalive, "300", 0, INT_MAX),
    INT("timeout", timeout, "0", 0, INT_MAX),
    INT("maxclients", maxclients, "10000", 1, UINT_MAX, .apply = apply_maxclients),
    BOOL("protected-mode", protected_mode, "yes"),
    MEMORY("proto-max-bulk-len", proto_max_bulk_len, "512mb", PROTO_MIN, INT64_MAX),
    MEMORY("client-query-buffer-limit", client_query_buffer_limit, "1gb", PROTO_MIN, INT64_MAX),
    {.name = "client-output-buffer-limit", .type = KEEL_CONFIG_CUSTOM, .flags = KEEL_CONFIG_MULTI,
     .value = "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60",
     .get = output_limit_get, .set = output_limit_set, .rewrite = output_limit_rewrite},
    INT("io-threads", io_threads, "1", 1, 128, AT_START),
    BOOL("io-threads-do-reads", io_threads_do_reads, "no", AT_START),

    /* process */
    BOOL("daemonize", daemonize, "no", AT_START),
    ENUM("supervised", supervised, "no", supervised_words, AT_START),
    STRING("pidfile", pidfile, NULL, MAYBE_AT_START),
    {.name = "dir", .type = KEEL_CONFIG_CUSTOM,
     .flags = KEEL_CONFIG_PROTECTED | KEEL_CONFIG_DENY_LOADING, .get = dir_get, .set = dir_set},
    BOOL("set-proc-title", set_proc_title, "yes", AT_START),
    STRING("proc-title-template", proc_title_template, "{title} {listen-addr} {server-mode}",
           .check = check_title, .apply = apply_title),
    BOOL("disable-thp", disable_thp, "yes", AT_START),
    BOOL("jemalloc-bg-thread", jemalloc_bg_thread, "yes", .apply = apply_bg_thread),
    ENUM("oom-score-adj", oom_score_adj, "no", oom_words, .apply = apply_oom),
    {.name = "oom-score-adj-values", .type = KEEL_CONFIG_CUSTOM, .flags = KEEL_CONFIG_MULTI,
     .value = "0 200 800", .get = oom_values_get, .set = oom_values_set, .apply = apply_oom},
    {.name = "shutdown-on-sigint", .type = KEEL_CONFIG_FLAGS, .words = shutdown_words,
     .value = "default", .var = &settings.shutdown_on_sigint, .check = check_shutdown},
    {.name = "shutdown-on-sigterm", .type = KEEL_CONFIG_FLAGS, .words = shutdown_words,
     .value = "default", .var = &settings.shutdown_on_sigterm, .check = check_shutdown},
    INT("shutdown-timeout", shutdown_timeout, "10", 0, INT_MAX),
    ENUM("enable-protected-configs", enable_protected_configs, "no", allow_words, AT_START),

    /* log */
    ENUM("loglevel", loglevel, "notice", loglevel_words),
    STRING("logfile", logfile, "", AT_START, .check = check_logfile),
    BOOL("syslog-enabled", syslog_enabled, "no", AT_START),
    STRING("syslog-ident", syslog_ident, "redis", AT_START),
    ENUM("syslog-facility", syslog_facility, "local0", facility_words, AT_START),
    BOOL("always-show-logo", always_show_logo, "no", AT_START),
    BOOL("crash-log-enabled", crash_log_enabled, "yes"),
    BOOL("crash-memcheck-enabled", crash_memcheck_enabled, "yes"),

    /* keyspace */
    INT("databases", databases, "16", 1, INT_MAX, AT_START),
    INT("hz", hz, "10", 0, INT_MAX, .apply = apply_hz),
    BOOL("dynamic-hz", dynamic_hz, "yes"),
    INT("active-expire-effort", active_expire_effort, "1", 1, 10),
    BOOL("activerehashing", activerehashing, "yes"),
    BOOL("lazyfree-lazy-expire", lazy_expire, "no"),
    BOOL("lazyfree-lazy-server-del", lazy_server_del, "no"),
    BOOL("lazyfree-lazy-user-del", lazy_user_del, "no"),
    BOOL("lazyfree-lazy-user-flush", lazy_user_flush, "no"),
    {0}};
