/* config_file.c - configuration files and flags: lines, words, `include`, and where mistakes are.
 *
 * The file is read before any module is loaded, so most names have no owner yet. Such lines wait,
 * with the place they came from, and config_register() picks up those of the module it registers;
 * what still waits when all modules are loaded is a mistake. Values are stored as they are read,
 * in order, so that later lines and the command line win. */
#include "setting.h"

#include "module.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <keel/log.h>
#include <keel/memory.h>
#include <keel/text.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INCLUDE_DEPTH = 16, SHOWN_LINE = 1024 };
static const size_t FILE_LIMIT = (size_t)64 << 20;

/* Where the line that is being read stands; no file: on the command line. */
typedef struct Place {
    const char *file;
    int line;
    KeelStr text;
} Place;
static Place place;

typedef struct Waiting {
    struct Waiting *next;
    KeelStr *words;
    int count;
    char *file, *text;
    int line;
} Waiting;
static Waiting *waiting_first, **waiting_end = &waiting_first;

/* ---- words ---- */

static int hex_digit(char ch) {
    return ch >= '0' && ch <= '9'   ? ch - '0'
           : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
           : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
                                    : -1;
}

/* The byte that an escape in double quotes means; *i is at the backslash, which is not the last
 * byte, and is left at the escape's end. */
static char unescape(KeelStr line, size_t *i) {
    if (line.ptr[*i + 1] == 'x' && line.len - *i > 3) {
        int high = hex_digit(line.ptr[*i + 2]), low = hex_digit(line.ptr[*i + 3]);
        if (high >= 0 && low >= 0) {
            *i += 3;
            return (char)(high * 16 + low);
        }
    }
    char ch = line.ptr[++*i];
    switch (ch) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return ch;
    }
}

static bool is_blank(char ch) {
    return ch == ' ' || (ch >= '\t' && ch <= '\r');
}

/* Reads the word at *at, which is no blank, into `out`. A closing quote ends the word, and a blank
 * or the end must follow. False: a quote is missing. */
static bool split_word(KeelStr line, size_t *at, KeelConfigOut *out) {
    char quote = 0;
    size_t i = *at;
    out_bytes(out, "", 0);
    for (; i < line.len; i++) {
        char ch = line.ptr[i];
        if (!quote && is_blank(ch)) break;
        if (!quote && (ch == '"' || ch == '\'')) {
            quote = ch;
            continue;
        }
        if (quote && ch == quote) {
            *at = i + 1;
            return i + 1 == line.len || is_blank(line.ptr[i + 1]);
        }
        if (quote == '"' && ch == '\\' && i + 1 < line.len) {
            ch = unescape(line, &i);
        } else if (quote == '\'' && ch == '\\' && i + 1 < line.len && line.ptr[i + 1] == '\'') {
            ch = line.ptr[++i];
        }
        out_bytes(out, &ch, 1);
    }
    *at = i;
    return quote == 0;
}

int config_split(KeelStr line, KeelStr **words) {
    KeelStr *list = NULL;
    int count = 0, room = 0;
    for (size_t at = 0;;) {
        while (at < line.len && is_blank(line.ptr[at])) at++;
        if (at == line.len) break;
        KeelConfigOut out = {0};
        bool good = split_word(line, &at, &out);
        if (count == room) {
            room = room ? room * 2 : 8;
            list = keel_realloc(list, (size_t)room * sizeof *list);
        }
        size_t len;
        char *text = out_take(&out, &len);
        list[count++] = (KeelStr){text, len};
        if (!good || count > INT_MAX / 4) {
            config_free_words(list, count);
            return -1;
        }
    }
    *words = list;
    return count;
}

void config_free_words(KeelStr *words, int count) {
    for (int i = 0; i < count; i++) keel_free((char *)words[i].ptr);
    keel_free(words);
}

static KeelStr *copy_words(const KeelStr *words, int count) {
    KeelStr *copy = keel_alloc((size_t)(count ? count : 1) * sizeof *copy);
    for (int i = 0; i < count; i++) copy[i] = (KeelStr){keel_strdup(words[i]), words[i].len};
    return copy;
}

/* ---- mistakes ---- */

static void print_mistake(const Place *at, const char *reason) {
    int shown = (int)(at->text.len < SHOWN_LINE ? at->text.len : SHOWN_LINE);
    fprintf(stderr, "\n*** FATAL CONFIG FILE ERROR (Keel %s) ***\n", keel_version());
    if (at->file) {
        fprintf(stderr, "Reading the configuration file, at line %d of %s\n", at->line, at->file);
    } else {
        fprintf(stderr, "Reading the command line\n");
    }
    fprintf(stderr, ">>> '%.*s%s'\n%s\n", shown, at->text.ptr,
            (size_t)shown < at->text.len ? "..." : "", reason);
}

static const char UNKNOWN[] = "Bad directive or wrong number of arguments";

/* ---- lines ---- */

static void wait_for_owner(const KeelStr *argv, int argc) {
    Waiting *w = keel_zalloc(sizeof *w);
    w->words = copy_words(argv, argc);
    w->count = argc;
    w->line = place.line;
    if (place.file) w->file = keel_strdup(keel_str(place.file));
    w->text = keel_strdup(place.text.ptr ? place.text : argv[0]);
    *waiting_end = w;
    waiting_end = &w->next;
}

static void free_waiting(Waiting *w) {
    config_free_words(w->words, w->count);
    keel_free(w->file);
    keel_free(w->text);
    keel_free(w);
}

/* Settings whose lines add up get the words of all lines at every line. */
static bool give_lines(Setting *s, const KeelStr *words, int count, const char **reason) {
    int before = count ? s->word_count : 0;
    KeelStr *all = keel_alloc((size_t)(before + count + 1) * sizeof *all);
    for (int i = 0; i < before; i++) all[i] = s->words[i];
    for (int i = 0; i < count; i++) all[before + i] = words[i];
    bool good = setting_store(s, all, before + count, true, reason);
    if (good) {
        KeelStr *kept = copy_words(all, before + count);
        config_free_words(s->words, s->word_count);
        s->words = kept;
        s->word_count = before + count;
    }
    keel_free(all);
    return good;
}

/* A list may be given as one quoted word: `save "900 1 300 10"`. */
static bool give(Setting *s, const KeelStr *argv, int argc, const char **reason) {
    KeelStr *split = NULL;
    int count = argc - 1;
    const KeelStr *words = argv + 1;
    if (count < 1) {
        *reason = "wrong number of arguments";
        return false;
    }
    if (setting_is_list(s) && count == 1) {
        int n = config_split(argv[1], &split);
        if (n >= 0) {
            words = split;
            count = n;
        }
    }
    bool good = s->row.flags & KEEL_CONFIG_LINES ? give_lines(s, words, count, reason)
                                                 : setting_store(s, words, count, true, reason);
    if (words == split) config_free_words(split, count);
    if (good) s->given = true;
    return good;
}

/* Patterns are files in order of their names, and may match none. An error that was printed where
 * it happened has no text left. */
static int include(KeelStr path, char *error, size_t room) {
    error[0] = '\0';
    if (strlen(path.ptr) != path.len || path.len == 0) {
        snprintf(error, room, "wrong number of arguments");
        return -1;
    }
    if (!strpbrk(path.ptr, "*?[")) return config_read(path.ptr);
    glob_t found;
    int status = glob(path.ptr, 0, NULL, &found), result = 0;
    if (status != 0) return 0;
    for (size_t i = 0; i < found.gl_pathc && result == 0; i++) {
        result = config_read(found.gl_pathv[i]);
    }
    globfree(&found);
    return result;
}

int config_line(const KeelStr *argv, int argc, char *error, size_t room) {
    if (argc < 1) return 0;
    if (keel_is(argv[0], "include") && argc == 2) return include(argv[1], error, room);
    if (keel_is(argv[0], "loadmodule") && argc >= 2) {
        module_queue(argv + 1, argc - 1);
        return 0;
    }
    if (keel_is(argv[0], "include") || keel_is(argv[0], "loadmodule")) {
        snprintf(error, room, "wrong number of arguments");
        return -1;
    }
    Setting *s = setting_find(argv[0]);
    const char *reason = NULL;
    if (!s) {
        wait_for_owner(argv, argc);
    } else if (!give(s, argv, argc, &reason)) {
        snprintf(error, room, "%s", reason);
        return -1;
    }
    return 0;
}

int config_settle(struct Module *module, char *error, size_t room) {
    for (Waiting **link = &waiting_first; *link;) {
        Waiting *w = *link;
        Setting *s = setting_find(w->words[0]);
        if (!s || s->module != module) {
            link = &w->next;
            continue;
        }
        const char *reason = NULL;
        if (!give(s, w->words, w->count, &reason)) {
            Place at = {w->file, w->line, keel_str(w->text)};
            print_mistake(&at, reason);
            snprintf(error, room, "setting '%s': %s", s->row.name, reason);
            return -1;
        }
        *link = w->next;
        if (!w->next) waiting_end = link;
        free_waiting(w);
    }
    return 0;
}

int config_waiting(KeelStr name, const KeelStr **words) {
    int count = 0;
    for (const Waiting *w = waiting_first; w; w = w->next) { /* the last line wins */
        if (w->words[0].len != name.len || strncasecmp(w->words[0].ptr, name.ptr, name.len) != 0) {
            continue;
        }
        *words = w->words + 1;
        count = w->count - 1;
    }
    return count;
}

void config_forget_waiting(void) {
    while (waiting_first) {
        Waiting *w = waiting_first;
        waiting_first = w->next;
        free_waiting(w);
    }
    waiting_end = &waiting_first;
}

int config_finish(void) {
    if (waiting_first) {
        const Waiting *w = waiting_first;
        Place at = {w->file, w->line, keel_str(w->text)};
        print_mistake(&at, UNKNOWN);
        return -1;
    }
    char error[512];
    if (config_apply_given(NULL, error, sizeof error) == 0) return 0;
    fprintf(stderr, "\n*** FATAL CONFIG FILE ERROR (Keel %s) ***\n%s\n", keel_version(), error);
    return -1;
}

/* ---- files ---- */

/* All of a descriptor's bytes, NULL with a reason. Pipes are fine, what never ends is not. */
static char *read_all(int fd, size_t *len, const char **reason) {
    size_t room = 4096;
    char *text = keel_alloc(room);
    *len = 0;
    for (;;) {
        ssize_t n = read(fd, text + *len, room - *len);
        if (n == 0) return text;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 || *len + (size_t)n > FILE_LIMIT) {
            *reason = n < 0 ? strerror(errno) : "it is larger than 64 MB";
            keel_free(text);
            return NULL;
        }
        *len += (size_t)n;
        if (*len == room) {
            room *= 2;
            text = keel_realloc(text, room);
        }
    }
}

static char *load_file(const char *path, size_t *len, const char **reason) {
    if (!strcmp(path, "-")) return read_all(STDIN_FILENO, len, reason);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *reason = strerror(errno);
        return NULL;
    }
    char *text = read_all(fd, len, reason);
    close(fd);
    return text;
}

static KeelStr trim(KeelStr s) {
    while (s.len && is_blank(s.ptr[0])) s.ptr++, s.len--;
    while (s.len && is_blank(s.ptr[s.len - 1])) s.len--;
    return s;
}

/* One line of a file; 0, or -1 after printing. */
static int read_line(KeelStr line) {
    if (line.len == 0 || line.ptr[0] == '#') return 0;
    char error[1200] = "";
    KeelStr *words = NULL;
    int count = 0, result = -1;
    place.text = line;
    Place here = place;
    if (memchr(line.ptr, '\0', line.len)) {
        snprintf(error, sizeof error, "NUL byte in configuration line");
    } else if ((count = config_split(line, &words)) < 0) {
        snprintf(error, sizeof error, "Unbalanced quotes in configuration line");
    } else {
        result = config_line(words, count, error, sizeof error);
        config_free_words(words, count);
    }
    place = here;
    if (result != 0 && error[0]) print_mistake(&here, error);
    return result;
}

/* A file that cannot be read is a mistake of the line that includes it, when there is one. */
static int refuse_file(const char *path, const char *reason) {
    char text[PATH_MAX + 256];
    snprintf(text, sizeof text, "Fatal error, can't open config file '%.*s': %s", PATH_MAX, path,
             reason);
    if (place.text.ptr) {
        print_mistake(&place, text);
    } else {
        keel_log(KEEL_LOG_WARNING, "%s", text);
    }
    return -1;
}

int config_read(const char *path) {
    static int depth;
    const char *reason = NULL;
    size_t len;
    if (depth == INCLUDE_DEPTH) return refuse_file(path, "too many files include each other");
    char *text = load_file(path, &len, &reason);
    if (!text) return refuse_file(path, reason);
    Place outer = place;
    int result = 0;
    place = (Place){!strcmp(path, "-") ? "standard input" : path, 0, {NULL, 0}};
    depth++;
    for (size_t at = 0; at < len && result == 0;) {
        const char *newline = memchr(text + at, '\n', len - at);
        size_t end = newline ? (size_t)(newline - text) : len;
        place.line++;
        result = read_line(trim((KeelStr){text + at, end - at}));
        at = end + 1;
    }
    depth--;
    place = outer;
    keel_free(text);
    return result;
}

int config_flag(const KeelStr *argv, int argc) {
    KeelConfigOut out = {0};
    for (int i = 0; i < argc; i++) {
        if (i == 0) {
            out_bytes(&out, argv[i].ptr, argv[i].len);
            continue;
        }
        out_bytes(&out, " ", 1);
        out_quoted(&out, argv[i]);
    }
    size_t len;
    char *text = out_take(&out, &len);
    char error[1200] = "";
    place = (Place){NULL, 0, {text, len}};
    int result = config_line(argv, argc, error, sizeof error);
    if (result != 0 && error[0]) print_mistake(&place, error);
    place = (Place){0};
    keel_free(text);
    return result;
}
