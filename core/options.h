/* options.h - the command line: a configuration file, settings as flags, and what to do. */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include <stdbool.h>

typedef struct Options {
    bool check;              /* --check: load everything, report, end */
    const char *modules_conf; /* --modules FILE; NULL: modules.conf beside the build, if there */
    const char *config_path; /* absolute; NULL: none */
} Options;
extern Options options;

/* Takes --version, --help and errors itself (prints and exits). Flags become config lines:
 * `--port 6380`, `-port 6380`, `--name word word`, `--loadmodule PATH arg ...`. */
void options_parse(int argc, char **argv);

#endif
