/* config.h - the registry of settings behind CONFIG, the configuration file and the command line. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <keel/config.h>

struct Module;

/* Adds a module's rows and gives each its default, or the value that the file or command line
 * already gave for a name nobody owned yet. 0; -1 with a message that names the row. */
int config_register(struct Module *module, const KeelConfig *rows, size_t row_size, char *error,
                    size_t room);
void config_unregister(struct Module *module);

/* One line of a configuration file or its command line equivalent, split into words. Settings that
 * nobody owns yet wait for a module that does. 0; -1 with a message. */
int config_line(const KeelStr *argv, int argc, char *error, size_t room);
/* Reads a file, "-" for standard input, with `include`. 0; -1 after printing Redis's
 * "*** FATAL CONFIG FILE ERROR ***" with file, line and reason to stderr. */
int config_read(const char *path);
/* After all modules are loaded: settings that nobody took are errors. Applies every setting with
 * `starting`. 0; -1 with the error printed. */
int config_finish(void);
/* Splits a line into words as Redis does (quotes, escapes). -1: unbalanced quotes. The words are
 * freed with config_free_words(). */
int config_split(KeelStr line, KeelStr **words);
void config_free_words(KeelStr *words, int count);

/* The host's own settings: one struct, rows in settings.c. */
typedef struct Settings {
    int64_t port, tcp_backlog, tcp_keepalive, timeout, maxclients, databases, hz;
    int64_t proto_max_bulk_len, client_query_buffer_limit, unixsocketperm;
    bool protected_mode, daemonize, always_show_logo, syslog_enabled, crash_log_enabled;
    bool crash_memcheck_enabled, dynamic_hz, activerehashing, set_proc_title;
    bool shutdown_on_sigint_force;
    char *bind_source_addr, *unixsocket, *pidfile, *logfile, *dir, *syslog_ident, *proc_title_template;
    int loglevel, supervised, syslog_facility;
    int lazy_expire, lazy_server_del, lazy_user_del, lazy_user_flush; /* bool as int */
    char **bind;
    int bind_count;
    int64_t maxmemory_for_info;
    struct {
        int64_t hard, soft, soft_seconds;
    } output_limit[3]; /* KEEL_CLIENT_NORMAL, _REPLICA, _PUBSUB */
    int64_t io_threads;
} Settings;
extern Settings settings;
/* The rows of settings.c, registered before any module. */
extern const KeelConfig settings_rows[];

#endif
