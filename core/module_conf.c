/* module_conf.c - which modules to load at start: modules.conf, then the `loadmodule` lines of the
 * configuration and the command line.
 *
 * Lines are queued as they are read and loaded once everything is read, in order, so a module may
 * need what an earlier line loads. The first that fails ends the start; --check tries them all. */
#define _GNU_SOURCE /* memrchr */
#include "config.h"
#include "module_load.h"
#include "options.h"

#include <errno.h>
#include <keel.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char module_directory[PATH_MAX];
bool module_starting;

/* One loadmodule line: the module's name or path, then its arguments. */
typedef struct Line {
    struct Line *next;
    int argc;
    bool listed;
    KeelStr argv[];
} Line;
static Line *queue;

/* Lines of modules.conf go before all others, whenever it is read. */
static void enqueue(const KeelStr *argv, int argc, bool listed) {
    Line *line = keel_alloc(sizeof(*line) + sizeof(KeelStr) * (size_t)argc);
    line->argc = argc;
    line->listed = listed;
    for (int i = 0; i < argc; i++) line->argv[i] = (KeelStr){keel_strdup(argv[i]), argv[i].len};
    Line **at = &queue;
    while (*at && (!listed || (*at)->listed)) at = &(*at)->next;
    line->next = *at;
    *at = line;
}

static void free_line(Line *line) {
    for (int i = 0; i < line->argc; i++) keel_free((char *)(uintptr_t)line->argv[i].ptr);
    keel_free(line);
}

void module_queue(const KeelStr *argv, int argc) {
    if (argc > 0) enqueue(argv, argc, false);
}

bool module_is_queued(KeelStr name) {
    for (const Line *line = queue; line; line = line->next) {
        /* Of a path, the file's name without its ending. */
        KeelStr word = line->argv[0];
        const char *slash = word.len ? memrchr(word.ptr, '/', word.len) : NULL;
        if (slash) word = (KeelStr){slash + 1, word.len - (size_t)(slash + 1 - word.ptr)};
        if (word.len > 3 && memcmp(word.ptr + word.len - 3, ".so", 3) == 0) word.len -= 3;
        if (word.len == name.len && strncasecmp(word.ptr, name.ptr, name.len) == 0) return true;
    }
    return false;
}

/* A line of modules.conf. NULL, or what is wrong with it. */
static const char *take_line(KeelStr text) {
    KeelStr *words;
    const char *why = NULL;
    int n = config_split(text, &words);
    if (n < 0) return "its quotes are not balanced";
    if (n > 0 && words[0].len && words[0].ptr[0] != '#') {
        if (!keel_is(words[0], "loadmodule")) {
            why = "only 'loadmodule NAME-or-PATH [arg ...]' belongs here";
        } else if (n < 2) {
            why = "loadmodule wants a module's name or path";
        } else {
            enqueue(words + 1, n - 1, true);
        }
    }
    config_free_words(words, n);
    return why;
}

int module_read_conf(const char *path) {
    FILE *file = fopen(path, "re");
    if (!file) {
        keel_log(KEEL_LOG_WARNING, "Can't open the list of modules %s: %s", path, strerror(errno));
        return -1;
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    int result = 0;
    for (int number = 1; result == 0 && (len = getline(&line, &room, file)) >= 0; number++) {
        while (len > 0 && strchr(" \t\r\n", line[len - 1])) len--;
        const char *start = line;
        while (len > 0 && (*start == ' ' || *start == '\t')) start++, len--;
        if (!len || *start == '#') continue;
        const char *why = take_line((KeelStr){start, (size_t)len});
        if (!why) continue;
        keel_log(KEEL_LOG_WARNING, "%s:%d: %.*s: %s", path, number, (int)(len < 200 ? len : 200),
                 start, why);
        result = -1;
    }
    if (result == 0 && ferror(file)) {
        keel_log(KEEL_LOG_WARNING, "Can't read %s: %s", path, strerror(errno));
        result = -1;
    }
    free(line);
    fclose(file);
    return result;
}

const Module *module_of_word(KeelStr word) {
    char path[PATH_MAX];
    const KeelModule *linked;
    if (!module_locate(word, path, &linked)) return NULL;
    if (linked) return module_by_name(word);
    for (const Module *m = module_first; m; m = m->next) {
        if (strcmp(m->path, path) == 0) return m;
    }
    return NULL;
}

void module_each_unlisted(void (*each)(const Module *module, void *data), void *data) {
    for (const Module *m = module_first; m; m = m->next) {
        if (!m->loading && !m->listed) each(m, data);
    }
}

/* Appends a word, in quotes unless it needs none. */
static size_t put_word(char *out, size_t room, KeelStr word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./:,=+@%";
    if (word.len && word.len < room && strspn(word.ptr, plain) == word.len) {
        memcpy(out, word.ptr, word.len);
        return word.len;
    }
    return keel_quote(out, room, word);
}

char *module_line(const Module *m) {
    static const char directive[] = "loadmodule";
    KeelStr first = keel_str(*m->path ? m->path : m->name);
    /* A byte takes four at most when it is quoted. */
    size_t room = sizeof(directive) + 4 * first.len + 8, len = sizeof(directive) - 1;
    for (int i = 0; i < m->argc; i++) room += 4 * m->argv[i].len + 8;
    char *line = keel_alloc(room);
    memcpy(line, directive, sizeof(directive));
    for (int i = -1; i < m->argc; i++) {
        line[len++] = ' ';
        len += put_word(line + len, room - len, i < 0 ? first : m->argv[i]);
    }
    line[len] = '\0';
    return line;
}

/* The executable's directory, without the slash. */
static void find_home(char home[PATH_MAX]) {
    ssize_t n = readlink("/proc/self/exe", home, PATH_MAX - 1);
    home[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(home, '/');
    if (slash) *slash = '\0';
    else strcpy(home, ".");
}

/* modules.conf: the file that was asked for, else the one beside the executable or, when it runs
 * in its build directory, of the tree. True with `path` filled. */
static bool find_conf(const char *home, char *path, size_t room) {
    static const char *const places[] = {"", "/..", "/../.."};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int n = snprintf(path, room, "%s%s/modules.conf", home, places[i]);
        if (n > 0 && (size_t)n < room && access(path, F_OK) == 0) return true;
    }
    return false;
}

static bool report(const KeelModuleInfo *m, void *data) {
    (void)data;
    printf("%s %s: ok, %zu commands, %zu types, %zu settings, %lld bytes\n", m->name, m->version,
           m->commands, m->types, m->configs, (long long)m->bytes);
    return true;
}

/* Loads the queue's lines. 0, or -1 when one failed. */
static int load_queue(void) {
    int result = 0;
    while (queue) {
        Line *line = queue;
        queue = line->next;
        const char *why = module_load(line->argv[0], line->argv + 1, line->argc - 1, NULL, 0,
                                      line->listed);
        if (why) {
            result = -1;
            if (options.check) {
                printf("%s: %s\n", line->argv[0].ptr, why);
            } else {
                keel_log(KEEL_LOG_WARNING, "Can't load module from %s: server aborting",
                         line->argv[0].ptr);
            }
        }
        free_line(line);
        if (result != 0 && !options.check) break;
    }
    return result;
}

int module_load_all(void) {
    char home[PATH_MAX], path[PATH_MAX];
    find_home(home);
    int n = snprintf(module_directory, PATH_MAX, "%s/modules", home);
    if (n < 0 || n >= PATH_MAX) module_directory[0] = '\0';
    if (options.modules_conf) {
        if (module_read_conf(options.modules_conf) != 0) return -1;
    } else if (find_conf(home, path, sizeof(path))) {
        if (module_read_conf(path) != 0) return -1;
    } else {
        keel_log(KEEL_LOG_WARNING, "There is no modules.conf near %s: only modules that the "
                 "configuration names are loaded", home);
    }
    module_starting = true;
    int result = load_queue();
    module_starting = false;
    while (queue) {
        Line *line = queue;
        queue = line->next;
        free_line(line);
    }
    if (options.check) {
        keel_module_each(report, NULL);
        fflush(stdout);
    }
    return result;
}
