/* io.c - values to bytes and back: what a type's rdb_save, rdb_load and aof_rewrite call.
 *
 * Every part is preceded by a mark of its kind, so that a value can be passed over by who does not
 * know it and a loader that asks for the wrong kind is found out. A source that ends or says
 * something else than expected fails for good: all further loads give 0, and strings are NULL for modules
 * that said that they look at errors, empty for the others, who would not survive NULL. The value that comes
 * of it is thrown away by who began the load: no input ends the process. */
#include "rm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const Mod *rm_io_mod(const RedisModuleIO *io) {
    return io->type ? io->type->mod : NULL;
}

void rm_io_end(RedisModuleIO *io) {
    if (io->ctx) rm_ctx_free(io->ctx);
    if (io->key) rm_string_release(io->key);
}

int RM_IsIOError(RedisModuleIO *io) {
    return io->failed;
}

RedisModuleCtx *RM_GetContextFromIO(RedisModuleIO *io) {
    if (!io->ctx) io->ctx = rm_ctx_new(io->type->mod, rm_callback_c(), 0);
    return io->ctx;
}

const RedisModuleString *RM_GetKeyNameFromIO(RedisModuleIO *io) {
    if (!io->key) io->key = rm_key_name(io->name);
    return io->key;
}

int RM_GetDbIdFromIO(RedisModuleIO *io) {
    return io->db;
}

/* ---- saving ---------------------------------------------------------------------------------- */

/* False: nothing can be written any more. */
static bool begin_part(RedisModuleIO *io, unsigned mark) {
    if (io->failed || !io->sink) return false;
    if (io->begin) {
        int (*begin)(RedisModuleIO *) = io->begin;
        io->begin = NULL;
        if (begin(io) != 0) io->failed = true;
    }
    if (!io->failed && keel_save_len(io->sink, mark) != 0) io->failed = true;
    return !io->failed;
}

static void end_part(RedisModuleIO *io, int result) {
    if (result != 0) io->failed = true;
}

void RM_SaveUnsigned(RedisModuleIO *io, uint64_t v) {
    if (begin_part(io, PART_UINT)) end_part(io, keel_save_len(io->sink, v));
}

void RM_SaveSigned(RedisModuleIO *io, int64_t v) {
    RM_SaveUnsigned(io, (uint64_t)v);
}

void RM_SaveStringBuffer(RedisModuleIO *io, const char *bytes, size_t len) {
    if (begin_part(io, PART_STRING)) {
        end_part(io, keel_save_string(io->sink, (KeelStr){bytes ? bytes : "", len}));
    }
}

void RM_SaveString(RedisModuleIO *io, RedisModuleString *s) {
    RM_SaveStringBuffer(io, s->ptr, s->len);
}

void RM_SaveDouble(RedisModuleIO *io, double v) {
    if (begin_part(io, PART_DOUBLE)) end_part(io, keel_save_double(io->sink, v));
}

void RM_SaveFloat(RedisModuleIO *io, float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof(bits));
    unsigned char bytes[4] = {(unsigned char)bits, (unsigned char)(bits >> 8),
                              (unsigned char)(bits >> 16), (unsigned char)(bits >> 24)};
    if (begin_part(io, PART_FLOAT)) end_part(io, keel_save_raw(io->sink, bytes, sizeof(bytes)));
}

/* As hexadecimal text, which loses nothing. */
void RM_SaveLongDouble(RedisModuleIO *io, long double v) {
    char text[64];
    int len = snprintf(text, sizeof(text), "%La", v);
    RM_SaveStringBuffer(io, text, (size_t)len);
}

/* ---- loading --------------------------------------------------------------------------------- */

static bool expect(RedisModuleIO *io, unsigned mark) {
    uint64_t found;
    if (io->failed || !io->source) return false;
    if (keel_load_len(io->source, &found, NULL) != 0) {
        io->failed = true;
    } else if (found != mark) {
        io->failed = true;
        keel_load_fail(io->source, "module type %s wanted a part of kind %u and found %llu",
                       io->type->name, mark, (unsigned long long)found);
    }
    return !io->failed;
}

uint64_t RM_LoadUnsigned(RedisModuleIO *io) {
    uint64_t v = 0;
    if (expect(io, PART_UINT)) end_part(io, keel_load_len(io->source, &v, NULL));
    return v;
}

int64_t RM_LoadSigned(RedisModuleIO *io) {
    return (int64_t)RM_LoadUnsigned(io);
}

static char *load_string(RedisModuleIO *io, KeelMemory *account, size_t *len) {
    char *bytes = NULL;
    *len = 0;
    if (expect(io, PART_STRING)) {
        end_part(io, keel_load_string_for(account, io->source, &bytes, len));
    }
    if (bytes || io->type->mod->options & REDISMODULE_OPTIONS_HANDLE_IO_ERRORS) return bytes;
    *len = 0;
    return keel_mem_zalloc(account, 1);
}

/* The caller's; automatic memory has no part in it. */
RedisModuleString *RM_LoadString(RedisModuleIO *io) {
    size_t len;
    char *bytes = load_string(io, &keel_self.memory, &len);
    if (!bytes) return NULL;
    RedisModuleString *s = keel_alloc(sizeof(*s) + 1);
    *s = (RedisModuleString){.ptr = bytes, .len = len, .refs = 1, .form = STR_BLOCK, .room = len};
    return s;
}

char *RM_LoadStringBuffer(RedisModuleIO *io, size_t *len) {
    size_t got;
    char *bytes = load_string(io, rm_memory_account(io->type->mod), &got);
    if (len) *len = got;
    return bytes;
}

double RM_LoadDouble(RedisModuleIO *io) {
    double v = 0;
    if (expect(io, PART_DOUBLE)) end_part(io, keel_load_double(io->source, &v));
    return v;
}

float RM_LoadFloat(RedisModuleIO *io) {
    unsigned char b[4] = {0};
    float v;
    if (expect(io, PART_FLOAT)) end_part(io, keel_load_raw(io->source, b, sizeof(b)));
    uint32_t bits = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
                    (uint32_t)b[3] << 24;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

long double RM_LoadLongDouble(RedisModuleIO *io) {
    size_t len;
    char *end, *text = load_string(io, &keel_self.memory, &len);
    if (!text) return 0;
    long double v = len ? strtold(text, &end) : 0;
    if (len && (end == text || *end)) {
        io->failed = true;
        keel_load_fail(io->source, "text of a number is none");
        v = 0;
    }
    keel_free(text);
    return v;
}

/* ---- an append-only file's rewrite ----------------------------------------------------------- */

enum { EMIT_FEW = 16 };

typedef struct Emitted {
    KeelStr few[EMIT_FEW], *argv;
    int argc, room;
    char digits[EMIT_FEW][KEEL_INT_ROOM]; /* of integers: no more than these */
    int integers;
} Emitted;

static void emit_word(Emitted *e, KeelStr word) {
    if (e->argc == e->room) {
        KeelStr *grown = keel_alloc((size_t)e->room * 2 * sizeof(*grown));
        memcpy(grown, e->argv, (size_t)e->argc * sizeof(*grown));
        if (e->argv != e->few) keel_free(e->argv);
        e->argv = grown;
        e->room *= 2;
    }
    e->argv[e->argc++] = word;
}

/* The letters of Call: c text, b bytes, s string, l integer, v strings. False: another one. */
static bool emit_words(Emitted *e, const char *format, va_list args) {
    for (; *format; format++) {
        if (*format == 'c') {
            emit_word(e, keel_str(va_arg(args, const char *)));
        } else if (*format == 's') {
            emit_word(e, rm_view(va_arg(args, RedisModuleString *)));
        } else if (*format == 'b') {
            const char *bytes = va_arg(args, const char *);
            emit_word(e, (KeelStr){bytes, va_arg(args, size_t)});
        } else if (*format == 'l' && e->integers < EMIT_FEW) {
            char *digits = e->digits[e->integers++];
            emit_word(e, (KeelStr){digits, keel_format_int(digits, va_arg(args, long long))});
        } else if (*format == 'v') {
            RedisModuleString **words = va_arg(args, RedisModuleString **);
            for (size_t n = va_arg(args, size_t); n; n--) emit_word(e, rm_view(*words++));
        } else if (!strchr("!AR3CSWMEDK0", *format)) {
            return false;
        }
    }
    return true;
}

void RM_EmitAOF(RedisModuleIO *io, const char *command, const char *format, ...) {
    if (io->failed || !io->sink) return;
    if (!keel_command_find(keel_str(command))) {
        keel_log(KEEL_LOG_WARNING, "Fatal: AOF method for module data type '%s' tried to emit "
                 "unknown command '%s'", io->type->name, command);
        io->failed = true;
        errno = EINVAL;
        return;
    }
    Emitted e = {.argv = e.few, .room = EMIT_FEW};
    va_list args;
    va_start(args, format);
    emit_word(&e, keel_str(command));
    if (emit_words(&e, format, args)) {
        end_part(io, keel_rewrite_emit(io->sink, e.argv, e.argc));
    } else {
        keel_log(KEEL_LOG_WARNING, "Fatal: AOF method for module data type '%s' tried to call "
                 "RedisModule_EmitAOF() with wrong format specifiers '%s'", io->type->name, format);
        io->failed = true;
        errno = EINVAL;
    }
    va_end(args);
    if (e.argv != e.few) keel_free(e.argv);
}
