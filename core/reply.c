/* reply.c - the reply functions: RESP2 and RESP3 in their final form.
 *
 * A context writes between `out` and `out_end`. That window lies in the turn's arena, one block
 * that all clients of a turn share in the order they are served, so that replies are written once
 * and sent from where they are. When the window is full, or the client already waits with output,
 * the window is a chunk of the client's own. Every reply counts down `owed`; an aggregate adds its
 * elements. */
#include "reply.h"

#include "client.h"
#include "mem.h"
#include "stats.h"

#include <keel/log.h>
#include <stdarg.h>
#include <stdio.h>

#define ARENA_SIZE (256 * 1024)
enum { HEADER_ROOM = 24 };

static char *arena;
static size_t arena_used;
static KeelCtx *arena_owner; /* the context whose window is the arena's rest; NULL: nobody's */

/* ---- windows --------------------------------------------------------------------------------- */

void reply_arena_reset(void) {
    if (!arena) {
        arena = keel_alloc(ARENA_SIZE);
        stats.startup_memory += keel_mem_size(arena);
    }
    arena_used = 0;
}

void reply_open(KeelCtx *c, KeelClient *client) {
    c->client = client;
    c->flags = client->protocol == 3 ? CTX_RESP3 : 0;
    client->writer = c;
    if (!client->chunks && !client->arena_len && !arena_owner && arena_used < ARENA_SIZE - 1024) {
        arena_owner = c;
        c->chunk = NULL;
        c->out = client->arena = arena + arena_used;
        c->out_end = arena + ARENA_SIZE;
    } else {
        c->chunk = client->last_chunk ? client->last_chunk : client_chunk(client, 1024, 1024);
        c->out = c->chunk->data + c->chunk->len;
        c->out_end = c->chunk->data + c->chunk->room;
    }
    reply_mark(c);
}

/* What was written into the window becomes the client's output. */
static void window_commit(KeelCtx *c) {
    if (c->chunk) {
        size_t added = (size_t)(c->out - c->chunk->data) - c->chunk->len;
        c->chunk->len += added;
        c->client->chunk_bytes += added;
    } else {
        c->client->arena_len = (size_t)(c->out - c->client->arena);
        arena_used = (size_t)(c->out - arena);
        arena_owner = NULL;
    }
}

void reply_close(KeelCtx *c) {
    KeelClient *client = c->client;
    window_commit(c);
    client->writer = NULL;
    if (client->arena_len || client->chunk_bytes) client_queue_write(client);
}

void reply_grow(KeelCtx *c, size_t need) {
    window_commit(c);
    c->chunk = client_chunk(c->client, 1024, need);
    c->out = c->chunk->data;
    c->out_end = c->chunk->data + c->chunk->room;
}

void reply_rewind(KeelCtx *c) {
    KeelClient *client = c->client;
    if (c->chunk != c->mark_chunk) {
        /* Chunks that were added since the mark go. */
        Chunk *keep = c->mark_chunk, *drop = keep ? keep->next : client->chunks;
        if (keep) {
            keep->next = NULL;
        } else {
            client->chunks = NULL;
        }
        client->last_chunk = keep;
        while (drop) {
            Chunk *next = drop->next;
            client->chunk_bytes -= drop->len;
            client->chunk_count--;
            client_chunk_free(client, drop);
            drop = next;
        }
        c->chunk = keep;
        if (keep) {
            client->chunk_bytes -= keep->len - (size_t)(c->mark - keep->data);
            keep->len = (size_t)(c->mark - keep->data);
            c->out_end = keep->data + keep->room;
        } else {
            c->out_end = arena + ARENA_SIZE;
            arena_owner = c;
        }
    }
    c->out = c->mark;
}

void reply_moved(const KeelCtx *from, KeelCtx *outer) {
    if (arena_owner == from) arena_owner = outer;
}

void reply_capture_begin(KeelCtx *c, Chunk *first) {
    KeelClient *client = c->client;
    first->len = 0; /* it is alone, and nothing of it was sent */
    client->chunks = client->last_chunk = first;
    client->chunk_bytes = 0;
    client->chunk_count = 1;
    c->chunk = first;
    c->out = first->data;
    c->out_end = first->data + first->room;
    reply_mark(c);
}

Chunk *reply_capture_end(KeelCtx *c) {
    c->chunk->len = (size_t)(c->out - c->chunk->data);
    return c->client->chunks;
}

static inline char *room_for(KeelCtx *c, size_t n) {
    if (__builtin_expect((size_t)(c->out_end - c->out) < n, 0)) reply_grow(c, n);
    return c->out;
}

static inline void put(KeelCtx *c, const char *bytes, size_t n) {
    memcpy(room_for(c, n), bytes, n);
    c->out += n;
}

/* Long payloads fill what is left of a window before they need the next one. */
static void put_long(KeelCtx *c, const char *bytes, size_t n) {
    while (n) {
        size_t room = (size_t)(c->out_end - c->out);
        if (!room) {
            reply_grow(c, n);
            continue;
        }
        size_t part = n < room ? n : room;
        memcpy(c->out, bytes, part);
        c->out += part;
        bytes += part;
        n -= part;
    }
}

/* "<kind><n>\r\n" at p; returns its end. At most HEADER_ROOM bytes. Up to 99 without a loop. */
static inline char *header_at(char *p, char kind, uint64_t n) {
    *p++ = kind;
    if (n < 10) {
        *p++ = (char)('0' + n);
    } else if (n < 100) {
        *p++ = (char)('0' + n / 10);
        *p++ = (char)('0' + n % 10);
    } else if (__builtin_expect(n <= INT64_MAX, 1)) {
        p += keel_format_int(p, (int64_t)n);
    } else { /* what stands behind the sign of the smallest integer */
        p += sprintf(p, "%llu", (unsigned long long)n);
    }
    *p++ = '\r';
    *p++ = '\n';
    return p;
}

static inline void put_header(KeelCtx *c, char kind, uint64_t n) {
    c->out = header_at(room_for(c, HEADER_ROOM), kind, n);
}

static inline bool resp3(const KeelCtx *c) {
    return c->flags & CTX_RESP3;
}

int keel_reply_protocol(KeelCtx *c) {
    return resp3(c) ? 3 : 2;
}

/* ---- scalars --------------------------------------------------------------------------------- */

void keel_reply_ok(KeelCtx *c) {
    c->owed--;
    put(c, "+OK\r\n", 5);
}

/* One line: CR and LF would let its text forge further replies. */
static void put_line(KeelCtx *c, char kind, const char *text, size_t len) {
    char *p = room_for(c, len + 3);
    *p++ = kind;
    for (size_t i = 0; i < len; i++) p[i] = text[i] == '\r' || text[i] == '\n' ? ' ' : text[i];
    p[len] = '\r';
    p[len + 1] = '\n';
    c->out = p + len + 2;
}

static __attribute__((noinline)) void status_long(KeelCtx *c, const char *text) {
    put_line(c, '+', text, strlen(text));
}

/* Mostly a word: written as its end is looked for. */
void keel_reply_status(KeelCtx *c, const char *text) {
    enum { SHORT = 32 };
    char *p = c->out + 1;
    c->owed--;
    if (__builtin_expect(c->out_end - c->out >= SHORT + 3, 1)) {
        c->out[0] = '+';
        for (size_t i = 0; i < SHORT; i++) {
            p[i] = text[i];
            if (__builtin_expect((unsigned char)text[i] > '\r', 1)) continue;
            if (!text[i]) {
                memcpy(p + i, "\r\n", 2);
                c->out = p + i + 2;
                return;
            }
            if (text[i] == '\r' || text[i] == '\n') p[i] = ' ';
        }
    }
    status_long(c, text);
}

static void note_error(KeelCtx *c, const char *text, size_t len) {
    if (c->flags & CTX_ERROR) return;
    c->flags |= CTX_ERROR;
    c->error_len = (unsigned)(len < sizeof(c->error_text) ? len : sizeof(c->error_text));
    memcpy(c->error_text, text, c->error_len);
}

static void error_line(KeelCtx *c, const char *text, size_t len) {
    c->owed--;
    note_error(c, text, len);
    if (!(c->flags & CTX_COLLECTS)) stats_error((KeelStr){text, len}); /* a thread may be here */
    put_line(c, '-', text, len);
}

void keel_reply_error(KeelCtx *c, const char *text) {
    error_line(c, text, strlen(text));
}

void keel_reply_errorf(KeelCtx *c, const char *format, ...) {
    char few[1024], *text = few;
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(few, sizeof(few), format, ap);
    va_end(ap);
    if (n < 0) n = 0;
    if ((size_t)n >= sizeof(few)) { /* a user's word in full, however long it is */
        text = keel_alloc((size_t)n + 1);
        va_start(ap, format);
        vsnprintf(text, (size_t)n + 1, format, ap);
        va_end(ap);
    }
    /* Line ends at the end are dropped; those before it become spaces. */
    while (n > 0 && (text[n - 1] == '\r' || text[n - 1] == '\n')) n--;
    error_line(c, text, (size_t)n);
    if (text != few) keel_free(text);
}

void keel_reply_int(KeelCtx *c, int64_t v) {
    c->owed--;
    if (v >= 0) {
        put_header(c, ':', (uint64_t)v);
    } else {
        char *p = room_for(c, HEADER_ROOM + 2);
        *p++ = ':';
        p = header_at(p, '-', 0 - (uint64_t)v);
        c->out = p;
    }
}

static inline void put_bulk(KeelCtx *c, const char *bytes, size_t len) {
    if (__builtin_expect(len <= 1024, 1)) {
        char *p = header_at(room_for(c, HEADER_ROOM + len + 2), '$', len);
        memcpy(p, bytes, len);
        p += len;
        *p++ = '\r';
        *p++ = '\n';
        c->out = p;
    } else {
        put_header(c, '$', len);
        put_long(c, bytes, len);
        put(c, "\r\n", 2);
    }
}

static __attribute__((noinline)) void bulk_any(KeelCtx *c, KeelStr s) {
    put_bulk(c, s.ptr, s.len);
}

/* A short one in a window with room calls nobody. */
void keel_reply_bulk(KeelCtx *c, KeelStr s) {
    enum { FEW = 16 };
    c->owed--;
    if (__builtin_expect(s.len > FEW || c->out_end - c->out < HEADER_ROOM + FEW, 0)) {
        bulk_any(c, s);
        return;
    }
    char *p = header_at(c->out, '$', s.len);
    copy_few(p, s.ptr, s.len);
    memcpy(p + s.len, "\r\n", 2);
    c->out = p + s.len + 2;
}

void keel_reply_cstr(KeelCtx *c, const char *s) {
    keel_reply_bulk(c, keel_str(s));
}

void keel_reply_bulk_int(KeelCtx *c, int64_t v) {
    char digits[KEEL_INT_ROOM];
    size_t n = keel_format_int(digits, v);
    c->owed--;
    put_bulk(c, digits, n);
}

void keel_reply_double(KeelCtx *c, double v) {
    char text[40];
    size_t n = keel_format_double(text, v);
    c->owed--;
    if (resp3(c)) {
        put_line(c, ',', text, n);
    } else {
        put_bulk(c, text, n);
    }
}

void keel_reply_bool(KeelCtx *c, bool v) {
    c->owed--;
    if (resp3(c)) {
        put(c, v ? "#t\r\n" : "#f\r\n", 4);
    } else {
        put(c, v ? ":1\r\n" : ":0\r\n", 4);
    }
}

void keel_reply_null(KeelCtx *c) {
    c->owed--;
    if (resp3(c)) {
        put(c, "_\r\n", 3);
    } else {
        put(c, "$-1\r\n", 5);
    }
}

void keel_reply_null_array(KeelCtx *c) {
    c->owed--;
    if (resp3(c)) {
        put(c, "_\r\n", 3);
    } else {
        put(c, "*-1\r\n", 5);
    }
}

void keel_reply_verbatim(KeelCtx *c, const char kind[3], KeelStr s) {
    c->owed--;
    if (!resp3(c)) {
        put_bulk(c, s.ptr, s.len);
        return;
    }
    put_header(c, '=', s.len + 4);
    put(c, kind, 3);
    put(c, ":", 1);
    put_long(c, s.ptr, s.len);
    put(c, "\r\n", 2);
}

void keel_reply_bignum(KeelCtx *c, KeelStr digits) {
    c->owed--;
    if (resp3(c)) {
        put_line(c, '(', digits.ptr, digits.len);
    } else {
        put_bulk(c, digits.ptr, digits.len);
    }
}

void keel_reply_raw(KeelCtx *c, KeelStr resp, size_t n) {
    c->owed -= (int64_t)n;
    if (resp.len > 3 && resp.ptr[0] == '-') note_error(c, resp.ptr + 1, resp.len - 3);
    if (resp.len <= 16 && c->out_end - c->out >= 16) {
        copy_few(c->out, resp.ptr, resp.len);
        c->out += resp.len;
    } else {
        put_long(c, resp.ptr, resp.len);
    }
}

bool keel_reply_room(KeelCtx *c) {
    KeelClient *client = c->client;
    if (!client) return true;
    size_t committed = c->chunk ? c->chunk->len : client->arena_len;
    const char *start = c->chunk ? c->chunk->data : client->arena;
    if (client_output_room(client, (size_t)(c->out - start) - committed)) return true;
    c->flags |= CTX_UNCOUNTED;
    return false;
}

void keel_reply_uncounted(KeelCtx *c) {
    c->flags |= CTX_UNCOUNTED;
}

/* ---- aggregates ------------------------------------------------------------------------------ */

void keel_reply_array(KeelCtx *c, size_t n) {
    c->owed += (int64_t)n - 1;
    put_header(c, '*', n);
}

void keel_reply_map(KeelCtx *c, size_t n) {
    c->owed += 2 * (int64_t)n - 1;
    if (resp3(c)) {
        put_header(c, '%', n);
    } else {
        put_header(c, '*', 2 * n);
    }
}

void keel_reply_set(KeelCtx *c, size_t n) {
    c->owed += (int64_t)n - 1;
    put_header(c, resp3(c) ? '~' : '*', n);
}

void keel_reply_attribute(KeelCtx *c, size_t n) {
    KEEL_ASSERT(resp3(c));
    c->owed += 2 * (int64_t)n;
    put_header(c, '|', n);
}

void keel_reply_push(KeelCtx *c, size_t n) {
    c->owed += (int64_t)n;
    put_header(c, resp3(c) ? '>' : '*', n);
}

/* Room for the longest header is left free; when the length is known the header is written and
 * what lies behind it in the same window moves down. Later windows stay. */
static KeelDeferred defer(KeelCtx *c, char kind) {
    char *at = room_for(c, 4096); /* most deferred replies then fit one window */
    c->out += HEADER_ROOM;
    c->owed--;
    return (KeelDeferred){.at_ = at, .chunk_ = c->chunk, .kind_ = (size_t)kind};
}

KeelDeferred keel_reply_defer_array(KeelCtx *c) {
    return defer(c, '*');
}
KeelDeferred keel_reply_defer_map(KeelCtx *c) {
    return defer(c, '%');
}
KeelDeferred keel_reply_defer_set(KeelCtx *c) {
    return defer(c, '~');
}
KeelDeferred keel_reply_defer_attribute(KeelCtx *c) {
    KEEL_ASSERT(resp3(c));
    c->owed++; /* it is no reply itself */
    return defer(c, '|');
}

void keel_reply_end(KeelCtx *c, KeelDeferred d, size_t n) {
    bool map = d.kind_ == '%' || d.kind_ == '|';
    c->owed += (int64_t)(map ? 2 * n : n);
    char kind = resp3(c) ? (char)d.kind_ : '*';
    char *end = header_at(d.at_, kind, map && !resp3(c) ? 2 * n : n), *from = d.at_ + HEADER_ROOM;
    if (d.chunk_ == c->chunk) {
        memmove(end, from, (size_t)(c->out - from));
        c->out -= from - end;
        return;
    }
    Chunk *chunk = d.chunk_;
    KeelClient *client = c->client;
    size_t gap = (size_t)(from - end);
    if (chunk) {
        memmove(end, from, (size_t)(chunk->data + chunk->len - from));
        chunk->len -= gap;
        client->chunk_bytes -= gap;
    } else {
        char *last = client->arena + client->arena_len;
        memmove(end, from, (size_t)(last - from));
        client->arena_len -= gap;
    }
}

void keel_reply_end_push(KeelCtx *c, KeelDeferred d, size_t n) {
    d.kind_ = '>';
    keel_reply_end(c, d, n);
}

/* ---- counting -------------------------------------------------------------------------------- */

void reply_check(KeelCtx *c) {
    bool blocked = c->flags & CTX_BLOCKED; /* it replies later, so nothing now */
    if (blocked ? c->out == c->mark : c->owed == 0 || (c->flags & CTX_UNCOUNTED)) return;
    const char *name = keel_command_name(c->command), *module = keel_command_module(c->command);
    keel_log(KEEL_LOG_WARNING, "module '%s': command '%s' gave %s than one reply", module, name,
             !blocked && c->owed > 0 ? "less" : "more");
    reply_rewind(c);
    if (blocked) return;
    keel_reply_errorf(c, "ERR command '%s' of module '%s' did not give exactly one reply", name,
                      module);
    c->owed = 0;
}

KeelStr keel_reply_first_error(KeelCtx *c) {
    if (!(c->flags & CTX_ERROR)) return KEEL_LIT("");
    return (KeelStr){c->error_text, c->error_len};
}

void keel_reply_undo(KeelCtx *c) {
    reply_rewind(c);
    c->owed = 1;
    c->flags &= ~(uint32_t)(CTX_ERROR | CTX_UNCOUNTED);
}

/* ---- the texts everybody shares -------------------------------------------------------------- */

void keel_reply_wrongtype(KeelCtx *c) {
    keel_reply_error(c, "WRONGTYPE Operation against a key holding the wrong kind of value");
}
void keel_reply_syntax(KeelCtx *c) {
    keel_reply_error(c, "ERR syntax error");
}
void keel_reply_not_int(KeelCtx *c) {
    keel_reply_error(c, "ERR value is not an integer or out of range");
}
void keel_reply_arity(KeelCtx *c) {
    keel_reply_errorf(c, "ERR wrong number of arguments for '%s' command",
                      keel_command_name(c->command));
}

/* The command's first word in capitals, as help lines begin. */
static void command_word(KeelCtx *c, char *out, size_t room) {
    const char *name = c->command ? keel_command_name(c->command) : "";
    size_t i = 0;
    for (; name[i] && name[i] != '|' && i + 1 < room; i++) {
        out[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32) : name[i];
    }
    out[i] = '\0';
}

void keel_reply_help(KeelCtx *c, const char *const *lines) {
    char word[64], first[192];
    size_t n = 0;
    while (lines[n]) n++;
    command_word(c, word, sizeof(word));
    snprintf(first, sizeof(first),
             "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", word);
    keel_reply_array(c, n + 3);
    keel_reply_status(c, first);
    for (size_t i = 0; i < n; i++) keel_reply_status(c, lines[i]);
    keel_reply_status(c, "HELP");
    keel_reply_status(c, "    Prints this help.");
}

void keel_reply_unknown_subcommand(KeelCtx *c) {
    char word[64];
    command_word(c, word, sizeof(word));
    KeelStr sub = c->argc > 1 ? c->argv[1] : KEEL_LIT("");
    keel_reply_errorf(c, "ERR unknown subcommand '%.*s'. Try %s HELP.",
                      (int)(sub.len < 128 ? sub.len : 128), sub.ptr, word);
}
