/* parsed.c - replies of keel_call(), taken apart on demand.
 *
 * The bytes come from the reply functions, and through keel_reply_raw() from anybody, so nothing in
 * them is believed: an aggregate is walked once, without recursion, and what does not fit its bytes
 * becomes an error reply as a whole; so does an element that is nested too deeply. What remains is
 * safe to look at: an aggregate's elements are found when the first of them is asked for. Most
 * replies are one scalar and cost a look at their first line. */
#include "parsed.h"

#include "client.h"
#include "mem.h"
#include "resp.h"

#include <keel/text.h>

/* LEAST_ROOM: a chunk of the size class of a KiB. */
enum { NESTING_MAX = 64, SPARE_MAX = 16, SPARE_ROOM = 2048, LEAST_ROOM = 1024 - sizeof(Chunk) };

static const char not_protocol[] = "ERR the reply is not in the form of the protocol";

/* The elements of one aggregate. All of a reply hang in one list: freeing does not recurse. */
typedef struct Elements {
    struct Elements *next;
    KeelReply *items;
} Elements;

struct KeelReply {
    KeelReply *root;
    KeelStr resp;          /* this reply, attributes before it included */
    Chunk *chunk;          /* root: its bytes */
    void *data;            /* root: the caller's */
    KeelReply *next_spare;
    char type;             /* 0: not looked at yet, and all below is zero */
    uint8_t depth;
    KeelStr text;
    int64_t integer;
    size_t count;          /* of an aggregate */
    const char *inside;    /* where its elements begin */
    KeelReply *items;      /* NULL: not looked for yet */
    const char *attribute; /* one stands before it; NULL: none */
    KeelReply *attribute_item;
    Elements *elements;    /* root */
};

/* Freed replies with their buffers, for the loop's thread. */
static KeelReply *spare;
static int spare_count;

/* One header: type, and the number or text behind it. */
typedef struct Head {
    char type;
    KeelStr line;          /* text of its line */
    int64_t n;             /* length or count; -1: null */
    const char *next;      /* behind the header and, for strings, the payload */
    KeelStr payload;
} Head;

static bool head_read(const char *p, const char *end, Head *h) {
    if (!p || end - p < 3) return false;
    const char *cr = memchr(p + 1, '\r', (size_t)(end - p - 1));
    if (!cr || end - cr < 2 || cr[1] != '\n') return false;
    h->type = *p;
    h->line = (KeelStr){p + 1, (size_t)(cr - p - 1)};
    h->next = cr + 2;
    h->n = 0;
    h->payload = h->line;
    switch (h->type) {
    case '+': case '-': case '_': case ',': case '#': case '(':
        return true;
    case ':':
        return keel_parse_int(h->line, &h->n);
    case '$': case '=':
        if (!keel_parse_int(h->line, &h->n) || h->n < -1) return false;
        if (h->n < 0) return h->type == '$';
        if (end - h->next < 2 || h->n > end - h->next - 2) return false;
        h->payload = (KeelStr){h->next, (size_t)h->n};
        h->next += h->n + 2;
        return h->next[-2] == '\r' && h->next[-1] == '\n' && (h->type == '$' || h->n >= 4);
    case '*': case '~': case '>': case '%': case '|':
        /* Every element takes three bytes at least: a count beyond that is a lie. */
        if (!keel_parse_int(h->line, &h->n) || h->n < -1 || h->n > end - h->next) return false;
        if (h->n < 0) return h->type == '*';
        if (h->type == '%' || h->type == '|') h->n *= 2;
        return true;
    default:
        return false;
    }
}

static bool is_aggregate(char type) {
    return type == '*' || type == '~' || type == '>' || type == '%' || type == '|';
}

/* The end of the reply at `p`, with everything inside it; NULL when the bytes do not hold one. An
 * attribute is followed by the reply that it belongs to. */
static const char *skip(const char *p, const char *end) {
    int64_t left = 1;
    while (left > 0) {
        Head h;
        if (!head_read(p, end, &h)) return NULL;
        left += is_aggregate(h.type) && h.n > 0 ? h.n : 0;
        if (h.type != '|') left--;
        if (left > end - h.next) return NULL;
        p = h.next;
    }
    return p;
}

static void set_error(KeelReply *r, const char *text) {
    r->type = '-';
    r->text = keel_str(text);
    r->count = 0;
    r->items = NULL;
}

/* Reads the head of r->resp; attributes before it are passed over. */
static void reply_read(KeelReply *r) {
    const char *p = r->resp.ptr, *end = p + r->resp.len;
    Head h;
    for (;;) {
        if (!p || !head_read(p, end, &h)) {
            set_error(r, not_protocol);
            return;
        }
        if (h.type != '|') break;
        if (!r->attribute) r->attribute = p;
        for (p = h.next; p && h.n > 0; h.n--) p = skip(p, end);
    }
    r->type = h.n < 0 && h.type != ':' ? '_' : h.type;
    r->text = r->type == '_' ? KEEL_LIT("") : h.payload;
    if (h.type == '=') r->text = (KeelStr){h.payload.ptr + 4, h.payload.len - 4};
    if (h.type == ':') r->integer = h.n;
    if (h.type == '#') r->integer = h.line.len == 1 && h.line.ptr[0] == 't';
    if (is_aggregate(r->type)) {
        r->count = (size_t)h.n;
        r->inside = h.next;
        if (r->depth == NESTING_MAX) set_error(r, "ERR the reply is nested too deeply");
    }
}

static Chunk *chunk_new(size_t room) {
    Chunk *chunk = keel_alloc(sizeof(Chunk) + room);
    chunk->room = keel_mem_size(chunk) - sizeof(Chunk);
    chunk->len = chunk->sent = 0;
    chunk->next = NULL;
    return chunk;
}

static __attribute__((noinline)) KeelReply *reply_make(void) {
    KeelReply *r = keel_zalloc(sizeof(*r));
    r->root = r;
    r->chunk = chunk_new(LEAST_ROOM);
    return r;
}

bool parsed_ready(void) {
    return mem_loop_thread && spare;
}

KeelReply *parsed_begin(void *data, Chunk **chunk) {
    KeelReply *r = __builtin_expect(mem_loop_thread, 1) ? spare : NULL;
    if (__builtin_expect(r != NULL, 1)) {
        spare = r->next_spare;
        spare_count--;
    } else {
        r = reply_make();
    }
    r->data = data;
    *chunk = r->chunk;
    return r;
}

/* The bytes of all of them in one. */
static __attribute__((noinline)) Chunk *join(Chunk *first) {
    size_t len = 0;
    for (const Chunk *k = first; k; k = k->next) len += k->len;
    Chunk *whole = chunk_new(len + 1);
    for (Chunk *k = first, *next; k; k = next) {
        next = k->next;
        if (k->len) memcpy(whole->data + whole->len, k->data, k->len);
        whole->len += k->len;
        keel_free(k);
    }
    return whole;
}

void parsed_end(KeelReply *r, Chunk *first) {
    if (__builtin_expect(first->next || first->len == first->room, 0)) first = join(first);
    r->chunk = first;
    first->data[first->len] = '\0';
    r->resp = (KeelStr){first->data, first->len};
}

/* Looks at a whole reply for the first time: bytes that are none become an error reply. */
static __attribute__((noinline)) void read_whole(KeelReply *r) {
    const char *p = r->resp.ptr, *end = p + r->resp.len;
    if (p == end) { /* a command that says nothing */
        r->type = '_';
        r->text = KEEL_LIT("");
        return;
    }
    /* Pushes stand before the reply: they are none of it. */
    while (*p == '>') {
        const char *next = skip(p, end);
        if (!next || next == end) break;
        p = next;
    }
    r->resp = (KeelStr){p, (size_t)(end - p)};
    reply_read(r);
    if (is_aggregate(r->type) && !skip(p, end)) set_error(r, not_protocol);
}

/* The same reply, looked at. */
static inline KeelReply *seen(const KeelReply *reply) {
    KeelReply *r = (KeelReply *)(uintptr_t)reply; /* looking makes it, as its contract says */
    if (__builtin_expect(!r->type, 0)) read_whole(r);
    return r;
}

KeelReply *keel_reply_parse(KeelStr resp) {
    Chunk *chunk;
    KeelReply *r = parsed_begin(NULL, &chunk);
    if (resp.len >= chunk->room) {
        keel_free(chunk);
        chunk = chunk_new(resp.len + 1);
    }
    if (resp.len) memcpy(chunk->data, resp.ptr, resp.len);
    chunk->len = resp.len;
    parsed_end(r, chunk);
    return r;
}

static Elements *elements_new(KeelReply *root, size_t n) {
    Elements *list = keel_alloc(sizeof(*list));
    list->items = keel_zalloc(n * sizeof(KeelReply));
    list->next = root->elements;
    root->elements = list;
    return list;
}

/* Finds an aggregate's elements: they are there, read_whole() has walked them. */
static void find_items(KeelReply *r) {
    KeelReply *root = r->root;
    const char *end = root->resp.ptr + root->resp.len;
    Elements *list = elements_new(root, r->count);
    const char *p = r->inside;
    for (size_t i = 0; i < r->count; i++) {
        const char *next = skip(p, end);
        KeelReply *item = &list->items[i];
        item->root = root;
        item->depth = (uint8_t)(r->depth + 1);
        item->resp = (KeelStr){p, (size_t)(next - p)};
        reply_read(item);
        p = next;
    }
    r->items = list->items;
}

/* What looking at it has made. */
static __attribute__((noinline)) void forget(KeelReply *r) {
    for (Elements *e = r->elements, *next; e; e = next) {
        next = e->next;
        keel_free(e->items);
        keel_free(e);
    }
    *r = (KeelReply){.root = r, .chunk = r->chunk};
}

static __attribute__((noinline)) void free_any(KeelReply *reply) {
    if (!reply || reply->root != reply) return;
    if (reply->type) {
        forget(reply);
        keel_reply_free(reply);
        return;
    }
    keel_free(reply->chunk);
    keel_free(reply);
}

/* One that waits to be used again is as a new one, but for its chunk's old bytes. */
void keel_reply_free(KeelReply *reply) {
    if (__builtin_expect(reply && reply->root == reply && !reply->type && mem_loop_thread &&
                             spare_count < SPARE_MAX && reply->chunk->room <= SPARE_ROOM, 1)) {
        reply->next_spare = spare;
        spare = reply;
        spare_count++;
        return;
    }
    free_any(reply);
}

void *keel_reply_data(const KeelReply *reply) {
    return reply->root->data;
}

void keel_reply_set_data(KeelReply *reply, void *data) {
    reply->root->data = data;
}

int keel_reply_type(const KeelReply *reply) {
    return seen(reply)->type;
}

KeelStr keel_reply_str(const KeelReply *reply) {
    switch (seen(reply)->type) {
    case '+': case '-': case '$': case '=': case '(': case ',':
        return reply->text;
    default:
        return KEEL_LIT("");
    }
}

int64_t keel_reply_integer(const KeelReply *reply) {
    return seen(reply)->integer;
}

double keel_reply_number(const KeelReply *reply) {
    double v = 0;
    if (seen(reply)->type == ',' && !keel_parse_double(reply->text, &v) &&
        keel_is(reply->text, "nan")) {
        v = __builtin_nan("");
    }
    return v;
}

size_t keel_reply_count(const KeelReply *reply) {
    return seen(reply)->count;
}

const KeelReply *keel_reply_at(const KeelReply *reply, size_t i) {
    KeelReply *r = seen(reply);
    if (i >= r->count) return NULL;
    if (!r->items) find_items(r);
    return &r->items[i];
}

/* Pushes that stand before it are none of it: then it must be looked at. */
KeelStr keel_reply_resp(const KeelReply *reply) {
    if (__builtin_expect(reply->resp.ptr[0] == '>', 0)) seen(reply);
    return reply->resp;
}

const KeelReply *keel_reply_attribute_of(const KeelReply *reply) {
    KeelReply *r = seen(reply);
    Head h;
    if (!r->attribute || r->attribute_item) return r->attribute_item;
    const char *end = r->root->resp.ptr + r->root->resp.len;
    if (r->depth == NESTING_MAX || !head_read(r->attribute, end, &h)) return NULL;
    KeelReply *item = elements_new(r->root, 1)->items;
    *item = (KeelReply){.root = r->root, .type = '|', .depth = (uint8_t)(r->depth + 1),
                        .count = (size_t)h.n, .inside = h.next,
                        .resp = {r->attribute, (size_t)(r->resp.ptr + r->resp.len - r->attribute)}};
    item->text = KEEL_LIT("");
    r->attribute_item = item;
    return item;
}

/* ---- passing it on --------------------------------------------------------------------------- */

/* Whether a client of RESP2 could not read it. As deep as replies nest: see NESTING_MAX. */
static bool needs_resp3(const KeelReply *reply) {
    KeelStr bytes = keel_reply_resp(reply);
    if (bytes.len && strchr("_#,(%~=|", *bytes.ptr)) return true;
    size_t n = keel_reply_count(reply);
    for (size_t i = 0; i < n; i++) {
        if (needs_resp3(keel_reply_at(reply, i))) return true;
    }
    return false;
}

static __attribute__((noinline)) bool pass_any(KeelCtx *c, const KeelReply *reply) {
    KeelStr bytes = keel_reply_resp(reply);
    if (!(c->flags & CTX_RESP3) && needs_resp3(reply)) return false;
    keel_reply_raw(c, bytes, 1);
    return true;
}

/* Short scalars call nobody. */
bool keel_reply_pass(KeelCtx *c, const KeelReply *reply) {
    enum { FEW = 16 };
    KeelStr bytes = reply->resp;
    char kind = *bytes.ptr;
    if (__builtin_expect((kind != '$' && kind != ':' && kind != '+') || bytes.len > FEW ||
                             c->out_end - c->out < FEW, 0)) {
        return pass_any(c, reply);
    }
    c->owed--;
    copy_few(c->out, bytes.ptr, bytes.len);
    c->out += bytes.len;
    return true;
}
