/* manifest.c - the list of the files that make up the dataset, in a file of its own.
 *
 *     file appendonly.aof.1.base.rdb seq 1 type b
 *     file appendonly.aof.1.incr.aof seq 1 type i
 *
 * One base, then increments in the order of their numbers; history ('h') is what a rewrite made
 * useless and nobody has removed yet. It is replaced as a whole (written beside, synced, renamed),
 * so whatever happens, the files that it names are those to load. */
#include "aof.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 1024, WORDS_MAX = 32 };

Manifest manifest;

/* --- the list ------------------------------------------------------------------------------- */

void manifest_add(Manifest *m, const char *name, int64_t seq, char type) {
    m->files = keel_realloc(m->files, (m->count + 1) * sizeof(*m->files));
    m->files[m->count++] = (AofFile){keel_strdup(keel_str(name)), seq, type};
    if (type == FILE_BASE) m->base_seq = seq;
    if (type == FILE_INCREMENT) m->increment_seq = seq;
}

void manifest_copy(Manifest *to, const Manifest *from) {
    *to = (Manifest){0};
    for (size_t i = 0; i < from->count; i++) {
        manifest_add(to, from->files[i].name, from->files[i].seq, from->files[i].type);
    }
    to->base_seq = from->base_seq;
    to->increment_seq = from->increment_seq;
}

void manifest_free(Manifest *m) {
    for (size_t i = 0; i < m->count; i++) keel_free(m->files[i].name);
    keel_free(m->files);
    *m = (Manifest){0};
}

const AofFile *manifest_base(const Manifest *m) {
    for (size_t i = 0; i < m->count; i++) {
        if (m->files[i].type == FILE_BASE) return &m->files[i];
    }
    return NULL;
}

const AofFile *manifest_last_increment(const Manifest *m) {
    for (size_t i = m->count; i-- > 0;) {
        if (m->files[i].type == FILE_INCREMENT) return &m->files[i];
    }
    return NULL;
}

size_t manifest_increments(const Manifest *m) {
    size_t n = 0;
    for (size_t i = 0; i < m->count; i++) n += m->files[i].type == FILE_INCREMENT;
    return n;
}

const char *manifest_new_base(Manifest *m, bool preamble) {
    char name[PATH_ROOM];
    for (size_t i = 0; i < m->count; i++) {
        if (m->files[i].type == FILE_BASE) m->files[i].type = FILE_HISTORY;
    }
    snprintf(name, sizeof(name), "%s.%lld.base.%s", aof_filename, (long long)m->base_seq + 1,
             preamble ? "rdb" : "aof");
    manifest_add(m, name, m->base_seq + 1, FILE_BASE);
    return m->files[m->count - 1].name;
}

const char *manifest_new_increment(Manifest *m) {
    char name[PATH_ROOM];
    snprintf(name, sizeof(name), "%s.%lld.incr.aof", aof_filename,
             (long long)m->increment_seq + 1);
    manifest_add(m, name, m->increment_seq + 1, FILE_INCREMENT);
    return m->files[m->count - 1].name;
}

void manifest_retire_increments(Manifest *m, size_t keep) {
    size_t have = manifest_increments(m);
    for (size_t i = 0; i < m->count && have > keep; i++) {
        if (m->files[i].type != FILE_INCREMENT) continue;
        m->files[i].type = FILE_HISTORY;
        have--;
    }
}

/* --- reading -------------------------------------------------------------------------------- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character behind a backslash; *p is moved over it. */
static char unescape(const char **p) {
    char c = *(*p)++;
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    case 'x':
        if (hex_digit((*p)[0]) >= 0 && hex_digit((*p)[1]) >= 0) {
            c = (char)(hex_digit((*p)[0]) << 4 | hex_digit((*p)[1]));
            *p += 2;
        }
        return c;
    default: return c;
    }
}

/* Splits a line in place into words, some in quotes. The number of words; -1: unbalanced quotes. */
static int split_words(char *line, char *words[WORDS_MAX]) {
    const char *p = line;
    char *to = line;
    int n = 0;
    for (;;) {
        while (*p && isspace((unsigned char)*p)) p++;
        if (!*p) return n;
        if (n == WORDS_MAX) return -1;
        words[n++] = to;
        char quote = *p == '"' || *p == '\'' ? *p++ : 0;
        while (*p && (quote ? *p != quote : !isspace((unsigned char)*p))) {
            char c = *p++;
            if (c == '\\' && quote == '"' && *p) c = unescape(&p);
            *to++ = c;
        }
        if (quote && *p++ != quote) return -1;
        if (quote && *p && !isspace((unsigned char)*p)) return -1;
        bool more = *p != '\0';
        if (more) p++;
        *to++ = '\0';
        if (!more) return n;
    }
}

/* Takes one line. NULL, or what is wrong with it. */
static const char *take_line(Manifest *m, char *line) {
    static const char bad_format[] = "Invalid AOF manifest file format";
    char *words[WORDS_MAX];
    const char *name = NULL;
    char type = 0;
    long long seq = 0;
    int n = split_words(line, words);
    if (n < 6 || n % 2) return bad_format; /* more pairs may come with later versions */
    for (int i = 0; i < n; i += 2) {
        if (!strcasecmp(words[i], "file")) name = words[i + 1];
        if (!strcasecmp(words[i], "seq")) seq = atoll(words[i + 1]);
        if (!strcasecmp(words[i], "type")) type = words[i + 1][0];
        if (name && strchr(name, '/')) return "File can't be a path, just a filename";
    }
    if (!name || !*name || !seq || !type) return bad_format;
    if (type != FILE_BASE && type != FILE_HISTORY && type != FILE_INCREMENT) {
        return "Unknown AOF file type";
    }
    if (type == FILE_BASE && manifest_base(m)) return "Found duplicate base file information";
    if (type == FILE_INCREMENT && seq <= m->increment_seq) {
        return "Found a non-monotonic sequence number";
    }
    manifest_add(m, name, seq, type);
    return NULL;
}

static void __attribute__((noreturn)) give_up(const char *error, int number, const char *line) {
    keel_log(KEEL_LOG_WARNING, "*** FATAL AOF MANIFEST FILE ERROR ***");
    if (number) {
        keel_log(KEEL_LOG_WARNING, "Reading the manifest file, at line %d", number);
        keel_log(KEEL_LOG_WARNING, ">>> '%.*s'", (int)strcspn(line, "\r\n"), line);
    }
    keel_log(KEEL_LOG_WARNING, "%s", error);
    exit(1);
}

static void manifest_name(char out[PATH_ROOM], const char *prefix) {
    char name[PATH_ROOM];
    snprintf(name, sizeof(name), "%s%s.manifest", prefix, aof_filename);
    aof_path(out, name);
}

void manifest_load(Manifest *m) {
    char path[PATH_ROOM], line[LINE_MAX_LEN + 1], shown[LINE_MAX_LEN + 1];
    int number = 0;
    *m = (Manifest){0};
    manifest_name(path, "");
    FILE *f = fopen(path, "re");
    if (!f && errno == ENOENT) return;
    if (!f) {
        keel_log(KEEL_LOG_WARNING, "Fatal error: can't open the AOF manifest file %s for reading: "
                                   "%s", path, strerror(errno));
        exit(1);
    }
    while (fgets(line, sizeof(line), f)) {
        strcpy(shown, line);
        number++;
        if (line[0] == '#') continue;
        if (!strchr(line, '\n')) {
            give_up("The AOF manifest file contains too long line", number, shown);
        }
        const char *error = take_line(m, line);
        if (error) give_up(error, number, shown);
    }
    if (ferror(f)) give_up("Read AOF manifest failed", 0, NULL);
    if (!number) give_up("Found an empty AOF manifest", 0, NULL);
    fclose(f);
}

void manifest_know(void) {
    static bool known;
    if (!known) manifest_load(&manifest);
    known = true;
}

/* --- writing -------------------------------------------------------------------------------- */

int aof_make_directory(void) {
    if (mkdir(aof_dirname, 0755) == 0 || errno == EEXIST) return 0;
    keel_log(KEEL_LOG_WARNING, "Can't open or create append-only dir %s: %s", aof_dirname,
             strerror(errno));
    return -1;
}

static bool needs_quotes(const char *name) {
    for (; *name; name++) {
        if (!isprint((unsigned char)*name) || strchr(" \"'\\", *name)) return true;
    }
    return false;
}

static void write_file(KeelSink *sink, const AofFile *file) {
    char line[2 * PATH_ROOM], quoted[PATH_ROOM];
    const char *name = file->name;
    if (needs_quotes(name)) {
        keel_quote(quoted, sizeof(quoted), keel_str(name));
        name = quoted;
    }
    int n = snprintf(line, sizeof(line), "file %s seq %lld type %c\n", name,
                     (long long)file->seq, file->type);
    keel_save_raw(sink, line, (size_t)n);
}

int manifest_persist(const Manifest *m) {
    char temporary[PATH_ROOM], path[PATH_ROOM];
    manifest_name(temporary, "temp-");
    manifest_name(path, "");
    KeelFileSink *f = snapshot->file_open(temporary, false);
    static const char order[] = {FILE_BASE, FILE_HISTORY, FILE_INCREMENT};
    for (size_t kind = 0; f && kind < sizeof(order); kind++) {
        for (size_t i = 0; i < m->count; i++) {
            if (m->files[i].type == order[kind]) write_file(snapshot->file_sink(f), &m->files[i]);
        }
    }
    if (f && snapshot->file_close(f) == 0 && snapshot->file_rename(temporary, path) == 0) return 0;
    int error = errno;
    keel_log(KEEL_LOG_WARNING, "Error writing the AOF manifest file %s: %s", path,
             strerror(error));
    unlink(temporary);
    errno = error;
    return -1;
}

/* --- history -------------------------------------------------------------------------------- */

/* A file on its way out: where it is, and behind it its name in the manifest. */
typedef struct Removal {
    char *path, *name;
} Removal;

static size_t removals;

static void drop_line(const char *name) {
    for (size_t i = 0; i < manifest.count; i++) {
        AofFile *file = &manifest.files[i];
        if (file->type != FILE_HISTORY || strcmp(file->name, name) != 0) continue;
        keel_free(file->name);
        memmove(file, file + 1, (--manifest.count - i) * sizeof(*file));
        return;
    }
}

static void removed(KeelCtx *c, void *data) {
    Removal *r = data;
    (void)c;
    drop_line(r->name);
    keel_free(r->path);
    keel_free(r->name);
    keel_free(r);
    if (--removals == 0) manifest_persist(&manifest);
}

static void unlink_later(void *data) {
    const Removal *r = data;
    unlink(r->path);
    keel_post(removed, data);
}

/* A file that the manifest names as history and that is gone already does no harm, and one that is
 * there and in no manifest stays for ever: so its line goes after it. */
void manifest_delete_history(void) {
    char path[PATH_ROOM];
    if (keep_history) return;
    for (size_t i = 0; i < manifest.count; i++) {
        const AofFile *file = &manifest.files[i];
        if (file->type != FILE_HISTORY) continue;
        keel_log(KEEL_LOG_NOTICE, "Removing the history file %s in the background", file->name);
        Removal *r = keel_alloc(sizeof(*r));
        r->path = keel_strdup(keel_str(aof_path(path, file->name)));
        r->name = keel_strdup(keel_str(file->name));
        removals++;
        keel_background(unlink_later, r);
    }
}
