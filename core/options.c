/* options.c - the command line.
 *
 *     keel [file] [--setting value ...] [-]
 *
 * Flags are lines of a configuration file in another dress: one word, the setting, with one dash or
 * two before it, and as many values as follow. The word after a setting is always its value, even
 * when it begins with dashes, so that every value can be given; a setting and its values may also
 * be one quoted word ("--maxmemory 100mb"). The file is read first, then standard input, then the
 * flags, so flags win. */
#include "options.h"

#include "config.h"

#include <keel/memory.h>
#include <keel/module.h>
#include <keel/text.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Options options;

/* One setting and its values. */
typedef struct Flag {
    KeelStr *words;
    int count;
} Flag;

static void print_version(void) {
    printf("Keel server v=%s redis=%s bits=%d pid=%d\n", keel_version(), keel_redis_version(),
           (int)sizeof(void *) * CHAR_BIT, (int)getpid());
    exit(0);
}

static void print_help(const char *program) {
    printf("Usage: %s [file] [--setting value ...] [-]\n"
           "\n"
           "  file                     a configuration file; - at the end reads standard input\n"
           "  --port 6380              any setting of a configuration file, with one dash or two\n"
           "  --loadmodule PATH [arg ...]\n"
           "                           loads a module, after those of the modules file\n"
           "  --modules FILE           the modules file, instead of modules.conf\n"
           "  --check                  loads and checks everything, reports, and ends\n"
           "  -v, --version            prints the version\n"
           "  -h, --help               prints this\n"
           "\n"
           "Examples:\n"
           "  %s --port 7777 --timeout 300\n"
           "  %s /etc/keel.conf --loglevel verbose\n"
           "  echo 'maxmemory 128mb' | %s -\n",
           program, program, program, program);
    exit(0);
}

static void die(const char *what, const char *word) {
    fprintf(stderr, "\n*** FATAL CONFIG FILE ERROR (Keel %s) ***\nReading the command line\n"
                    ">>> '%s'\n%s\n",
            keel_version(), word, what);
    exit(1);
}

/* A word that can only be a setting's name: two dashes, or one and a letter. A lone dash and
 * negative numbers are not. */
static bool is_flag(const char *word) {
    if (word[0] != '-') return false;
    if (word[1] == '-') return word[2] != '\0';
    return (word[1] >= 'a' && word[1] <= 'z') || (word[1] >= 'A' && word[1] <= 'Z');
}

static const char *flag_name(const char *word) {
    return word + (word[1] == '-' ? 2 : 1);
}

static void flag_add(Flag *flag, KeelStr word) {
    flag->words = keel_realloc(flag->words, (size_t)(flag->count + 1) * sizeof *flag->words);
    flag->words[flag->count++] = (KeelStr){keel_strdup(word), word.len};
}

/* Reads one flag from argv[*i] on, which is_flag(). `--save` may go without its value before
 * another flag or at the end: programs that make command lines from lists have always done that to
 * switch it off. */
static Flag read_flag(int argc, char **argv, int *i) {
    Flag flag = {0};
    const char *name = flag_name(argv[*i]);
    KeelStr *words;
    int count = config_split(keel_str(name), &words);
    if (count < 0) die("Unbalanced quotes in configuration line", argv[*i]);
    for (int w = 0; w < count; w++) flag_add(&flag, words[w]);
    if (count == 0) die("a setting's name is missing", argv[*i]);
    config_free_words(words, count);
    ++*i;
    bool at_end = *i == argc || (*i == argc - 1 && !strcmp(argv[*i], "-"));
    bool empty_save = count == 1 && !strcasecmp(name, "save") &&
                      (at_end || (argv[*i][0] == '-' && argv[*i][1] == '-'));
    if (empty_save) {
        flag_add(&flag, KEEL_LIT(""));
        return flag;
    }
    if (count == 1 && !at_end) flag_add(&flag, keel_str(argv[(*i)++]));
    /* Modules and users have words of their own that begin with a dash. */
    bool dashes = keel_is(flag.words[0], "loadmodule") || keel_is(flag.words[0], "user");
    while (*i < argc && !(*i == argc - 1 && !strcmp(argv[*i], "-"))) {
        if (is_flag(argv[*i]) && (!dashes || argv[*i][1] == '-')) break;
        flag_add(&flag, keel_str(argv[(*i)++]));
    }
    return flag;
}

/* A file's path as it is now, before `dir` moves us. */
static const char *absolute(const char *path) {
    char *here, *full;
    size_t room;
    if (path[0] == '/' || !(here = getcwd(NULL, 0))) return keel_strdup(keel_str(path));
    room = strlen(here) + strlen(path) + 2;
    full = keel_alloc(room);
    snprintf(full, room, "%s/%s", here, path);
    free(here);
    return full;
}

/* Flags that are no settings. True: it was one. */
static bool take_own_flag(const Flag *flag, const char *word) {
    if (keel_is(flag->words[0], "modules")) {
        if (flag->count != 2) die("--modules takes one file", word);
        options.modules_conf = absolute(flag->words[1].ptr);
        return true;
    }
    return false;
}

/* --check, --help and --version take no value, so what follows them is looked at by itself. */
static bool take_switch(const char *word, const char *program) {
    if (!is_flag(word)) return false;
    const char *name = flag_name(word);
    if (!strcmp(name, "version") || !strcmp(word, "-v")) print_version();
    if (!strcmp(name, "help") || !strcmp(word, "-h")) print_help(program);
    if (strcmp(name, "check") != 0) return false;
    options.check = true;
    return true;
}

void options_parse(int argc, char **argv) {
    Flag *flags = keel_alloc((size_t)(argc + 1) * sizeof *flags);
    int count = 0, i = 1;
    bool from_stdin = false;
    const char *program = argc > 0 ? argv[0] : "keel";
    if (argc > 1 && strcmp(argv[1], "-") != 0 && !is_flag(argv[1])) {
        options.config_path = absolute(argv[i++]);
    }
    while (i < argc) {
        if (take_switch(argv[i], program)) {
            i++;
        } else if (i == argc - 1 && !strcmp(argv[i], "-")) {
            from_stdin = true;
            i++;
        } else if (!is_flag(argv[i])) {
            die("this is neither a setting (--name value) nor the first word, the file", argv[i]);
        } else {
            const char *word = argv[i];
            Flag flag = read_flag(argc, argv, &i);
            if (take_own_flag(&flag, word)) {
                config_free_words(flag.words, flag.count);
            } else {
                flags[count++] = flag;
            }
        }
    }
    if (options.config_path && config_read(options.config_path) != 0) exit(1);
    if (from_stdin && config_read("-") != 0) exit(1);
    for (i = 0; i < count; i++) {
        if (config_flag(flags[i].words, flags[i].count) != 0) exit(1);
        config_free_words(flags[i].words, flags[i].count);
    }
    keel_free(flags);
}
