/* config.h - the registry of settings behind CONFIG, configuration files and the command line. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <keel/config.h>

struct Module;

/* Adds a module's rows and gives each its default, or the value that the file or command line
 * already gave for a name nobody owned yet. 0; -1 with a message that names the row, and then
 * nothing was added. */
int config_register(struct Module *module, const KeelConfig *rows, size_t row_size, char *error,
                    size_t room);
void config_unregister(struct Module *module);
/* A module's settings are not found by their names, until they are again or are unregistered. One
 * module at a time. */
void config_hide(struct Module *module);
void config_show(struct Module *module);
/* A value that outlives the setting that it is of. */
typedef struct KeptValue {
    char *name, *alias;        /* alias NULL: it has none */
    KeelStr *words;            /* ended by NULs; of a single value one, which may be empty */
    int count;
} KeptValue;
/* What a module's settings hold; the array is freed with config_free_kept(). */
KeptValue *config_keep(const struct Module *module, size_t *count);
void config_free_kept(KeptValue *kept, size_t count);
/* Stores a kept value in the setting of this name that the module has now. 0, also when it has
 * none; -1 with a message. */
int config_restore(struct Module *module, const KeptValue *kept, char *error, size_t room);
/* Acts (.apply with `starting`) on the values that a module's settings were given, once each;
 * module NULL: everybody's. After .load at run time; config_finish() does it at start. 0; -1 with a
 * message. */
int config_apply_given(struct Module *module, char *error, size_t room);

/* One line of a configuration file or its command line equivalent, split into words. Settings that
 * nobody owns yet wait for a module that does. 0; -1 with a message. */
int config_line(const KeelStr *argv, int argc, char *error, size_t room);
/* Drops the lines that wait. The fuzzer feeds lines without end. */
void config_forget_waiting(void);
/* What waiting lines say of a name: the last one's words behind it. Returns how many. */
int config_waiting(KeelStr name, const KeelStr **words);

/* Reads a file, "-" for standard input, with `include`. 0; -1 after printing Redis's
 * "*** FATAL CONFIG FILE ERROR ***" with file, line and reason to stderr. */
int config_read(const char *path);
/* One line from the command line: as config_line(), a mistake is printed in the same form. */
int config_flag(const KeelStr *argv, int argc);
/* After all modules are loaded: settings that nobody took are errors. Acts on all values that were
 * given. 0; -1 with the error printed. */
int config_finish(void);
/* Splits a line into words as Redis does (quotes, escapes); each is followed by a NUL. The number
 * of words, -1: unbalanced quotes. They are freed with config_free_words(). */
int config_split(KeelStr line, KeelStr **words);
void config_free_words(KeelStr *words, int count);
/* Whether a dataset loads now, when settings with KEEL_CONFIG_DENY_LOADING keep their values. */
extern bool config_loading;

/* The host's own settings: one struct, rows in settings.c. */
enum { HZ_MIN = 1, HZ_MAX = 500 };
enum { SUPERVISED_NO, SUPERVISED_AUTO, SUPERVISED_SYSTEMD, SUPERVISED_UPSTART };
enum { ALLOW_NO, ALLOW_YES, ALLOW_LOCAL };

typedef struct Settings {
    int64_t port, tcp_backlog, tcp_keepalive, timeout, maxclients, databases, hz;
    int64_t proto_max_bulk_len, client_query_buffer_limit;
    int64_t unixsocketperm;    /* 0: as the umask has it */
    int64_t active_expire_effort, shutdown_timeout, io_threads;
    bool protected_mode, daemonize, always_show_logo, syslog_enabled, crash_log_enabled;
    bool crash_memcheck_enabled, dynamic_hz, activerehashing, set_proc_title, disable_thp;
    bool jemalloc_bg_thread;
    bool lazy_expire, lazy_server_del, lazy_user_del, lazy_user_flush, io_threads_do_reads;
    char *bind_source_addr;    /* NULL: none */
    char *unixsocket;          /* NULL: none */
    char *pidfile;             /* NULL: not said */
    char *logfile;             /* "": standard output */
    char *dir;                 /* the working directory, absolute */
    char *syslog_ident, *proc_title_template;
    int loglevel, supervised, syslog_facility; /* KEEL_LOG_*, SUPERVISED_*, LOG_LOCAL0 ... */
    int shutdown_on_sigint, shutdown_on_sigterm; /* KEEL_SHUTDOWN_*; 0: as the signal means it */
    int enable_protected_configs; /* ALLOW_* */
    int oom_score_adj;         /* OOM_* */
    char **bind;               /* a '-' before an address: optional */
    int bind_count;
    struct {
        int64_t hard, soft, soft_seconds;
    } output_limit[3];         /* KEEL_CLIENT_NORMAL, _REPLICA, _PUBSUB */
} Settings;
extern Settings settings;
/* The rows of settings.c, registered before any module. */
extern const KeelConfig settings_rows[];

#endif
