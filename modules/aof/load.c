/* load.c - the append-only files back to the dataset: the base, then every command that came after.
 *
 * A file that ends in the middle of a command was cut by a crash: all before it is good, and if it
 * is the last file, it is cut there (aof-load-truncated). Anything else that cannot be read is
 * damage, and the server does not start with a part of its data: it says at which byte to look. */
#include "aof.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_ROOM = 1 << 20, ARGS_MAX = 1024 * 1024, ARG_MAX_LEN = 512 * 1024 * 1024 };

typedef enum Parsed { PARSED, PARSED_END, PARSED_MORE, PARSED_BAD } Parsed;

/* A command that waits for its EXEC. */
typedef struct Queued {
    KeelStr *argv;
    int argc;
} Queued;

typedef struct Reader {
    KeelSource source;          /* first: over the same descriptor, for a base in RDB format */
    KeelCtx *ctx;
    const char *name;
    int fd;
    char *buffer;
    size_t used, len, room;     /* parsed; read; allocated */
    uint64_t offset;            /* of the byte at `used` in the file */
    uint64_t before;            /* bytes of the files before this one */
    bool ended, read_error;
    KeelStr *args;
    int args_room;
    bool in_multi;
    uint64_t multi_offset;      /* where the open transaction begins */
    Queued *queued;
    size_t queued_count, queued_room;
    uint64_t good;              /* up to here all is well */
    uint64_t errors;            /* commands that were answered by one */
    const char *reason;
    bool given_up;
} Reader;

/* --- reading -------------------------------------------------------------------------------- */

/* Reads more behind what is there; makes room where there is none. */
static void read_more(Reader *r) {
    if (r->used) {
        memmove(r->buffer, r->buffer + r->used, r->len - r->used);
        r->len -= r->used;
        r->used = 0;
    }
    if (r->len == r->room) {
        r->room = r->room ? r->room * 2 : READ_ROOM;
        r->buffer = keel_realloc(r->buffer, r->room);
    }
    ssize_t n;
    do {
        n = read(r->fd, r->buffer + r->len, r->room - r->len);
    } while (n < 0 && errno == EINTR);
    if (n < 0) r->read_error = true;
    if (n <= 0) r->ended = true;
    else r->len += (size_t)n;
}

static Parsed bad(Reader *r, const char *reason) {
    r->reason = reason;
    return PARSED_BAD;
}

/* "*3\r\n": the number behind the mark. *at is moved behind the line. */
static Parsed parse_number(Reader *r, size_t *at, char mark, int64_t most, int64_t *out) {
    const char *p = r->buffer + *at, *end = r->buffer + r->len;
    if (p == end) return PARSED_MORE;
    if (*p != mark) return bad(r, mark == '*' ? "no command begins here" : "no argument here");
    const char *line = memchr(p, '\n', (size_t)(end - p));
    if (!line) return end - p > 32 ? bad(r, "a line without end") : PARSED_MORE;
    if (line == p || line[-1] != '\r') return bad(r, "a line ends without CR");
    KeelStr digits = {p + 1, (size_t)(line - 1 - (p + 1))};
    if (line - 1 < p + 1 || !keel_parse_int(digits, out) || *out < 0 || *out > most) {
        return bad(r, "a number is out of range");
    }
    *at = (size_t)(line + 1 - r->buffer);
    return PARSED;
}

/* One command at `used`, its arguments as views into the buffer. Moves nothing. */
static Parsed parse_command(Reader *r, int *argc, size_t *next) {
    size_t at = r->used;
    int64_t count, len;
    Parsed p = parse_number(r, &at, '*', ARGS_MAX, &count);
    if (p != PARSED) return p;
    if (count < 1) return bad(r, "a command without arguments");
    if (count > r->args_room) {
        r->args_room = (int)count + 16;
        r->args = keel_realloc(r->args, (size_t)r->args_room * sizeof(*r->args));
    }
    for (int i = 0; i < count; i++) {
        p = parse_number(r, &at, '$', ARG_MAX_LEN * 8LL, &len);
        if (p != PARSED) return p;
        if ((uint64_t)len + 2 > r->len - at) return PARSED_MORE;
        const char *bytes = r->buffer + at;
        if (bytes[len] != '\r' || bytes[len + 1] != '\n') {
            return bad(r, "an argument is longer than it says");
        }
        r->args[i] = (KeelStr){bytes, (size_t)len};
        at += (size_t)len + 2;
    }
    *argc = (int)count;
    *next = at;
    return PARSED;
}

/* "#TS:1700000000\r\n" and such. */
static Parsed parse_note(Reader *r, size_t *next) {
    const char *p = r->buffer + r->used;
    const char *line = memchr(p, '\n', r->len - r->used);
    if (!line) return r->len - r->used > 4096 ? bad(r, "a note without end") : PARSED_MORE;
    *next = (size_t)(line + 1 - r->buffer);
    return PARSED;
}

/* The next command; argc is 0 for a note. Reads on as far as it must. */
static Parsed next_command(Reader *r, int *argc, size_t *next) {
    for (;;) {
        Parsed p = PARSED_MORE;
        if (r->used == r->len && r->ended) return PARSED_END;
        if (r->used < r->len) {
            bool note = r->buffer[r->used] == '#';
            *argc = 0;
            p = note ? parse_note(r, next) : parse_command(r, argc, next);
        }
        if (p != PARSED_MORE || r->ended) return p;
        read_more(r);
    }
}

/* --- running -------------------------------------------------------------------------------- */

static void queue_clear(Reader *r) {
    for (size_t i = 0; i < r->queued_count; i++) {
        for (int a = 0; a < r->queued[i].argc; a++) {
            keel_free((char *)(uintptr_t)r->queued[i].argv[a].ptr);
        }
        keel_free(r->queued[i].argv);
    }
    r->queued_count = 0;
}

static void queue_add(Reader *r, int argc) {
    if (r->queued_count == r->queued_room) {
        r->queued_room = r->queued_room * 2 + 16;
        r->queued = keel_realloc(r->queued, r->queued_room * sizeof(*r->queued));
    }
    Queued *q = &r->queued[r->queued_count++];
    q->argc = argc;
    q->argv = keel_alloc((size_t)argc * sizeof(*q->argv));
    for (int i = 0; i < argc; i++) {
        q->argv[i] = (KeelStr){keel_strdup(r->args[i]), r->args[i].len};
    }
}

/* A command that fails here did not when it was written: that is told, but is no reason to lose all
 * others. */
static void run(Reader *r, const KeelStr *argv, int argc) {
    KeelReply *reply = keel_call(r->ctx, argv, argc, 0);
    if (keel_reply_type(reply) == '-' && r->errors++ < 16) {
        KeelStr text = keel_reply_str(reply);
        keel_log(KEEL_LOG_WARNING, "== CRITICAL == This AOF is sending an error to its loader: "
                 "'%.*s' after processing the command '%.*s'", (int)text.len, text.ptr,
                 (int)(argv[0].len < 64 ? argv[0].len : 64), argv[0].ptr);
    }
    keel_reply_free(reply);
}

static void run_queued(Reader *r) {
    for (size_t i = 0; i < r->queued_count; i++) run(r, r->queued[i].argv, r->queued[i].argc);
    queue_clear(r);
}

static bool known(Reader *r, int argc) {
    if (keel_command_of(r->args, argc)) return true;
    keel_log(KEEL_LOG_WARNING, "Unknown command '%.*s' reading the append only file %s",
             (int)(r->args[0].len < 128 ? r->args[0].len : 128), r->args[0].ptr, r->name);
    r->reason = "an unknown command";
    return false;
}

/* False: the file is no good. */
static bool take(Reader *r, int argc) {
    for (int i = 0; i < argc; i++) ((char *)(uintptr_t)r->args[i].ptr)[r->args[i].len] = '\0';
    if (keel_is(r->args[0], "multi")) {
        if (r->in_multi) {
            r->reason = "MULTI inside MULTI";
            return false;
        }
        r->in_multi = true;
        r->multi_offset = r->offset;
    } else if (keel_is(r->args[0], "exec")) {
        if (r->in_multi) run_queued(r);
        r->in_multi = false;
    } else if (!known(r, argc)) {
        return false;
    } else if (r->in_multi) {
        queue_add(r, argc);
    } else {
        run(r, r->args, argc);
    }
    return true;
}

static Parsed read_commands(Reader *r) {
    for (;;) {
        int argc = 0;
        size_t next = 0;
        Parsed p = next_command(r, &argc, &next);
        if (p != PARSED) return p;
        if (argc && !take(r, argc)) return PARSED_BAD;
        r->offset += next - r->used;
        r->used = next;
        if (!r->in_multi) r->good = r->offset;
        if (snapshot->load_progress(r->before + r->offset)) {
            r->given_up = true;
            return PARSED_BAD;
        }
    }
}

/* --- a base in RDB format ------------------------------------------------------------------- */

static int base_fill(KeelSource *source) {
    Reader *r = (Reader *)source;
    r->used = r->len;
    read_more(r);
    source->at = r->buffer;
    source->end = r->buffer + r->len;
    return r->len ? 0 : -1;
}

static bool read_snapshot(Reader *r, uint64_t size) {
    KeelLoadOptions o = {.size = sizeof(o), .keep_expired = true, .may_follow = true};
    KeelLoadResult result;
    r->source = (KeelSource){.fill = base_fill, .limit = size, .at = r->buffer,
                             .end = r->buffer + r->len, .summed = r->buffer};
    keel_log(KEEL_LOG_NOTICE, "Reading RDB base file on AOF loading...");
    int rc = snapshot->load(r->ctx, &r->source, &o, &result);
    r->given_up = result.given_up;
    r->reason = r->source.reason;
    r->offset = r->good = r->source.consumed;
    r->used = (size_t)(r->source.at - r->buffer);
    return rc == 0;
}

/* --- one file ------------------------------------------------------------------------------- */

typedef enum FileResult { FILE_GOOD, FILE_EMPTY, FILE_CUT, FILE_BAD, FILE_GIVEN_UP } FileResult;

static FileResult cut_tail(Reader *r, const char *path) {
    if (r->in_multi) {
        keel_log(KEEL_LOG_WARNING, "Revert incomplete MULTI/EXEC transaction from AOF file %s",
                 r->name);
        r->good = r->multi_offset;
    }
    struct stat st;
    uint64_t size = stat(path, &st) == 0 ? (uint64_t)st.st_size : r->good;
    if (!load_truncated) {
        keel_log(KEEL_LOG_WARNING, "Unexpected end of file reading the append only file %s, after "
                 "offset %llu. You can: 1) Make a backup of your AOF file, then use "
                 "redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the "
                 "'aof-load-truncated' configuration option to yes and restart the server.",
                 r->name, (unsigned long long)r->good);
        return FILE_BAD;
    }
    keel_log(KEEL_LOG_WARNING, "!!! Warning: short read while loading the AOF file %s!!!", r->name);
    keel_log(KEEL_LOG_WARNING, "!!! Truncating the AOF %s at offset %llu, which drops %llu bytes "
             "!!!", r->name, (unsigned long long)r->good, (unsigned long long)(size - r->good));
    return FILE_CUT;
}

static FileResult do_cut(Reader *r, const char *path) {
    if (truncate(path, (off_t)r->good) != 0) {
        keel_log(KEEL_LOG_WARNING, "Error truncating the AOF file %s: %s", r->name,
                 strerror(errno));
        return FILE_BAD;
    }
    keel_log(KEEL_LOG_WARNING, "AOF %s loaded anyway because aof-load-truncated is enabled",
             r->name);
    return FILE_CUT;
}

static FileResult bad_file(Reader *r) {
    if (r->read_error) {
        keel_log(KEEL_LOG_WARNING, "Unrecoverable error reading the append only file %s: %s",
                 r->name, strerror(errno));
    } else {
        keel_log(KEEL_LOG_WARNING, "Bad file format reading the append only file %s at offset "
                 "%llu (%s): make a backup of your AOF file, then use redis-check-aof --fix "
                 "<filename.manifest>", r->name, (unsigned long long)r->offset,
                 r->reason ? r->reason : "unknown");
    }
    return FILE_BAD;
}

static FileResult read_file(Reader *r, const char *path, uint64_t size, bool last) {
    read_more(r);
    if (!r->len && !r->read_error) return FILE_EMPTY;
    if (r->len >= 5 && memcmp(r->buffer, "REDIS", 5) == 0) {
        if (!read_snapshot(r, size)) {
            if (r->given_up) return FILE_GIVEN_UP;
            keel_log(KEEL_LOG_WARNING, "Error reading the RDB preamble of the AOF file %s, AOF "
                                       "loading aborted", r->name);
            return FILE_BAD;
        }
        if (r->used < r->len || !r->ended) {
            keel_log(KEEL_LOG_NOTICE, "Reading the remaining AOF tail...");
        }
    }
    Parsed p = read_commands(r);
    if (r->given_up) return FILE_GIVEN_UP;
    if (r->read_error || p == PARSED_BAD) return bad_file(r);
    if (p == PARSED_END && !r->in_multi) return FILE_GOOD;
    FileResult result = cut_tail(r, path);
    if (result == FILE_CUT && !last) {
        keel_log(KEEL_LOG_WARNING, "Fatal error: the truncated file is not the last file");
        return FILE_BAD;
    }
    return result == FILE_CUT ? do_cut(r, path) : result;
}

static FileResult load_file(KeelCtx *c, const char *name, uint64_t before, uint64_t size,
                            bool last) {
    char path[PATH_ROOM];
    Reader r = {.ctx = c, .name = name, .before = before};
    aof_path(path, name);
    r.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (r.fd < 0) {
        keel_log(KEEL_LOG_WARNING, "Fatal error: can't open the append log file %s for reading: %s",
                 name, strerror(errno));
        return FILE_BAD;
    }
    keel_db_select(c, 0);
    FileResult result = read_file(&r, path, size, last);
    close(r.fd);
    queue_clear(&r);
    keel_free(r.queued);
    keel_free(r.args);
    keel_free(r.buffer);
    return result;
}

/* --- all of them ---------------------------------------------------------------------------- */

static bool file_size(const char *name, uint64_t *size) {
    char path[PATH_ROOM];
    struct stat st;
    if (stat(aof_path(path, name), &st) != 0) {
        keel_log(KEEL_LOG_WARNING, "Unable to obtain the AOF file %s length. stat: %s", name,
                 strerror(errno));
        return false;
    }
    *size = (uint64_t)st.st_size;
    return true;
}

static bool to_load(const AofFile *file) {
    return file->type != FILE_HISTORY;
}

/* A base comes first, whatever its place in the manifest. */
static size_t load_order(const Manifest *m, const AofFile **files) {
    size_t n = 0;
    const AofFile *base = manifest_base(m);
    if (base) files[n++] = base;
    for (size_t i = 0; i < m->count; i++) {
        if (to_load(&m->files[i]) && m->files[i].type != FILE_BASE) files[n++] = &m->files[i];
    }
    return n;
}

static LoadResult load_in_order(KeelCtx *c, const AofFile **files, size_t n, uint64_t *sizes) {
    uint64_t before = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t start = keel_monotonic_ns();
        FileResult result = load_file(c, files[i]->name, before, sizes[i], i + 1 == n);
        if (result == FILE_GIVEN_UP) return LOAD_GIVEN_UP;
        if (result == FILE_BAD) return LOAD_FAILED;
        keel_log(KEEL_LOG_NOTICE, "DB loaded from %s file %s: %.3f seconds",
                 files[i]->type == FILE_BASE ? "base" : "incr", files[i]->name,
                 (double)(keel_monotonic_ns() - start) / 1e9);
        if (result == FILE_CUT && !file_size(files[i]->name, &sizes[i])) return LOAD_FAILED;
        before += sizes[i];
        if (files[i]->type == FILE_BASE) aof_base_size = sizes[i];
    }
    aof_size = before;
    return LOAD_GOOD;
}

LoadResult aof_load(KeelCtx *c, Manifest *m) {
    uint64_t total = 0;
    const AofFile **files = keel_alloc((m->count + 1) * sizeof(*files));
    uint64_t *sizes = keel_zalloc((m->count + 1) * sizeof(*sizes));
    size_t n = load_order(m, files);
    LoadResult result = n ? LOAD_GOOD : LOAD_NONE;
    for (size_t i = 0; i < n && result == LOAD_GOOD; i++) {
        if (!file_size(files[i]->name, &sizes[i])) result = LOAD_FAILED;
        total += sizes[i];
    }
    if (result == LOAD_GOOD) {
        snapshot->load_begin(c, "AOF", total);
        aof_base_size = 0;
        result = load_in_order(c, files, n, sizes);
        if (!aof_base_size) aof_base_size = aof_size;
        keel_db_select(c, 0);
        snapshot->load_end(c, result == LOAD_GOOD);
    }
    keel_free(files);
    keel_free(sizes);
    return result;
}

/* --- a single file of older versions -------------------------------------------------------- */

/* It lies beside the directory, under the plain name. The manifest that names it comes first: a
 * crash between the two steps leaves a state that is seen here again. */
void aof_upgrade(Manifest *m) {
    char path[PATH_ROOM];
    struct stat st;
    const AofFile *base = manifest_base(m);
    bool half_done = base && !manifest_increments(m) && strcmp(base->name, aof_filename) == 0 &&
                     access(aof_path(path, aof_filename), F_OK) != 0;
    if (stat(aof_filename, &st) != 0 || !S_ISREG(st.st_mode)) return;
    if ((base || manifest_increments(m)) && !half_done) return;
    keel_log(KEEL_LOG_NOTICE, "Upgrade from an old AOF file %s", aof_filename);
    if (aof_make_directory() != 0) exit(1);
    if (!half_done) manifest_add(m, aof_filename, m->base_seq + 1, FILE_BASE);
    if (manifest_persist(m) != 0) exit(1);
    if (snapshot->file_rename(aof_filename, aof_path(path, aof_filename)) != 0) {
        keel_log(KEEL_LOG_WARNING, "Error trying to move the old AOF file %s into dir %s: %s",
                 aof_filename, aof_dirname, strerror(errno));
        exit(1);
    }
    keel_log(KEEL_LOG_NOTICE, "Successfully migrated an old-style AOF configuration (%s) into the "
                              "AOF directory (%s).", aof_filename, aof_dirname);
}
