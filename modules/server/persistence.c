/* persistence.c - the settings `save` and `appendonly` of a server that keeps nothing on disk.
 *
 * Tools and configuration files name these two whatever the server can do: redis-benchmark asks for
 * both before it measures, and `--save "" --appendonly no` is how a server is told to keep nothing.
 * That is all they may say here. Another value is a wish to keep data, and to accept it would lose
 * them, so it is refused with what is missing.
 *
 * Their rows (in sections.c) hold the places only: the module that writes files takes both over.
 * As a name is registered once, rows and file go when that module comes. */
#include "server.h"

bool appendonly;

bool appendonly_check(const KeelConfig *config, KeelStr value, const char **reason) {
    (void)config;
    if (!keel_is(value, "yes")) return true;
    *reason = "no module for append-only files is loaded, so only 'no' is possible";
    return false;
}

/* Pairs of seconds and changes, as Redis reads them. */
static bool are_save_points(const KeelStr *argv, int argc) {
    if (argc % 2 != 0) return false;
    for (int i = 0; i < argc; i++) {
        int64_t v;
        if (!keel_parse_int(argv[i], &v) || v < (i % 2 == 0 ? 1 : 0)) return false;
    }
    return true;
}

bool save_set(const KeelConfig *config, const KeelStr *argv, int argc, const char **reason) {
    (void)config;
    if (argc == 0 || (argc == 1 && argv[0].len == 0)) return true;
    *reason = are_save_points(argv, argc)
                  ? "no module for snapshots is loaded, so only \"\" is possible"
                  : "Invalid save parameters";
    return false;
}

void save_get(const KeelConfig *config, KeelConfigOut *out) {
    (void)config;
    keel_config_write(out, "%s", "");
}
