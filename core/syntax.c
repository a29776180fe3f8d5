/* syntax.c - parses the man-page notation of .args into a tree of arguments.
 *
 * Two passes. The first cuts the text into lexemes and pairs the brackets, which bounds the depth
 * of the second, a recursive descent:
 *
 *     alternatives := sequence { '|' sequence }
 *     sequence     := { item }
 *     item         := word | 'literal' | '[' alternatives ']' | '(' alternatives ')' | repeat
 *     repeat       := '[' alternatives '...' ']'
 *
 * and {facts} after an item. A repeat must spell what stands right before it, so that the text
 * reads well and a slip is found; it is compared lexeme by lexeme, and marks that as multiple.
 *
 * Literals stay "raw" until their sequence is complete, because whether one is an argument of its
 * own or the token of the next is seen only then: see bind_tokens(). */
#include "syntax.h"

#include <keel/memory.h>
#include <keel/text.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_ARGS = 30 };

struct ArgChunk {
    struct ArgChunk *next;
    unsigned used;
    Arg args[CHUNK_ARGS];
};

/* kind: the character itself for [ ] ( ) |; 'w' a word, 'q' a quoted literal, '{' facts, '.' an
 * ellipsis. `text` is without quotes and braces. */
typedef struct Lexeme {
    KeelStr text;
    uint32_t pair;   /* of a bracket: the other one */
    uint32_t column;
    char kind;
} Lexeme;

typedef struct Parser {
    Syntax *syntax;
    Lexeme *lexemes;
    uint32_t count, at;
    bool failed;
    char *error;
    size_t room;
} Parser;

/* A chain of arguments with its end at hand. */
typedef struct Chain {
    Arg *first, **end;
} Chain;

static const char *const type_names[] = {
    [ARG_STRING] = "string", [ARG_INTEGER] = "integer", [ARG_DOUBLE] = "double", [ARG_KEY] = "key",
    [ARG_PATTERN] = "pattern", [ARG_UNIX_TIME] = "unix-time", [ARG_TOKEN] = "pure-token",
    [ARG_ONEOF] = "oneof", [ARG_BLOCK] = "block",
};

/* Names that tell their type. */
static const struct {
    const char *name;
    ArgType type;
} known_names[] = {
    {"key", ARG_KEY}, {"key1", ARG_KEY}, {"key2", ARG_KEY}, {"source", ARG_KEY},
    {"destination", ARG_KEY}, {"destkey", ARG_KEY}, {"sourcekey", ARG_KEY}, {"newkey", ARG_KEY},
    {"pattern", ARG_PATTERN}, {"seconds", ARG_INTEGER}, {"milliseconds", ARG_INTEGER},
    {"count", ARG_INTEGER}, {"offset", ARG_INTEGER}, {"index", ARG_INTEGER},
    {"index1", ARG_INTEGER}, {"index2", ARG_INTEGER}, {"start", ARG_INTEGER},
    {"end", ARG_INTEGER}, {"stop", ARG_INTEGER}, {"increment", ARG_INTEGER},
    {"decrement", ARG_INTEGER}, {"numkeys", ARG_INTEGER}, {"cursor", ARG_INTEGER},
    {"db", ARG_INTEGER}, {"destination-db", ARG_INTEGER}, {"port", ARG_INTEGER},
    {"client-id", ARG_INTEGER}, {"protover", ARG_INTEGER}, {"ttl", ARG_INTEGER},
    {"unix-time-seconds", ARG_UNIX_TIME}, {"unix-time-milliseconds", ARG_UNIX_TIME},
};

const char *arg_type_name(ArgType type) {
    return type_names[type];
}

static int fail(Parser *p, uint32_t column, const char *format, ...) KEEL_PRINTF(3, 4);
static int fail(Parser *p, uint32_t column, const char *format, ...) {
    char what[160];
    va_list values;
    va_start(values, format);
    vsnprintf(what, sizeof(what), format, values);
    va_end(values);
    p->failed = true;
    snprintf(p->error, p->room, "column %u of .args: %s", column + 1, what);
    return -1;
}

/* --- lexemes --- */

static bool is_word_byte(char c) {
    return c > ' ' && c != 0x7f && !strchr("[](){}|'", c);
}

/* Cuts what is between `open` (at text[i]) and `close`; the index behind it, or 0. */
static size_t cut_quoted(const char *text, size_t i, char close, KeelStr *out) {
    const char *end = strchr(text + i + 1, close);
    if (!end) return 0;
    *out = (KeelStr){text + i + 1, (size_t)(end - text) - i - 1};
    return (size_t)(end - text) + 1;
}

/* One lexeme from text[i], which is not blank. The index behind it; 0 when there was an error. */
static size_t cut_lexeme(Parser *p, const char *text, size_t i, Lexeme *out) {
    *out = (Lexeme){.text = {text + i, 1}, .column = (uint32_t)i, .kind = text[i]};
    switch (text[i]) {
    case '[': case ']': case '(': case ')': case '|':
        return i + 1;
    case '{': {
        size_t next = cut_quoted(text, i, '}', &out->text);
        if (!next) fail(p, out->column, "'{' is not closed");
        return next;
    }
    case '\'': {
        size_t next = cut_quoted(text, i, '\'', &out->text);
        out->kind = 'q';
        if (!next) fail(p, out->column, "the quote is not closed");
        return next;
    }
    }
    size_t end = i;
    while (is_word_byte(text[end])) end++;
    if (end == i) {
        fail(p, out->column, "unexpected byte 0x%02x", (unsigned char)text[i]);
        return 0;
    }
    out->text.len = end - i;
    out->kind = keel_equal(out->text, KEEL_LIT("...")) ? '.' : 'w';
    return end;
}

/* Pairs brackets; their depth is bounded here, for all that comes after. */
static int pair_brackets(Parser *p) {
    uint32_t open[SYNTAX_DEPTH], depth = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        Lexeme *lexeme = &p->lexemes[i];
        if (lexeme->kind == '[' || lexeme->kind == '(') {
            if (depth == SYNTAX_DEPTH) {
                return fail(p, lexeme->column, "nested deeper than %d", SYNTAX_DEPTH);
            }
            open[depth++] = i;
        } else if (lexeme->kind == ']' || lexeme->kind == ')') {
            char wanted = lexeme->kind == ']' ? '[' : '(';
            if (!depth || p->lexemes[open[depth - 1]].kind != wanted) {
                return fail(p, lexeme->column, "'%c' closes nothing", lexeme->kind);
            }
            lexeme->pair = open[--depth];
            p->lexemes[lexeme->pair].pair = i;
        }
    }
    if (!depth) return 0;
    const Lexeme *last = &p->lexemes[open[depth - 1]];
    return fail(p, last->column, "'%c' is not closed", last->kind);
}

static int cut_lexemes(Parser *p, const char *text) {
    size_t room = 0;
    for (size_t i = 0; text[i];) {
        if (text[i] == ' ' || text[i] == '\n') {
            i++;
            continue;
        }
        if (p->count == room) {
            room = room ? room * 2 : 32;
            p->lexemes = keel_realloc(p->lexemes, room * sizeof(Lexeme));
        }
        i = cut_lexeme(p, text, i, &p->lexemes[p->count]);
        if (!i) return -1;
        p->count++;
    }
    return pair_brackets(p);
}

/* --- arguments --- */

static Arg *new_arg(Parser *p, ArgType type, uint32_t start) {
    struct ArgChunk *chunk = p->syntax->chunks;
    if (!chunk || chunk->used == CHUNK_ARGS) {
        chunk = keel_zalloc(sizeof(*chunk));
        chunk->next = p->syntax->chunks;
        p->syntax->chunks = chunk;
    }
    Arg *arg = &chunk->args[chunk->used++];
    arg->type = type;
    arg->start = start;
    arg->key_spec = -1;
    return arg;
}

static void append(Chain *chain, Arg *arg) {
    *chain->end = arg;
    chain->end = &arg->next;
}

static bool has_lower(KeelStr s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= 'a' && s.ptr[i] <= 'z') return true;
    }
    return false;
}

/* A word is "name:type", a literal (no lower-case letter in it), or a name that may tell its
 * type. Names may have colons of their own: the last one counts. */
static Arg *parse_word(Parser *p) {
    const Lexeme *lexeme = &p->lexemes[p->at];
    KeelStr word = lexeme->text;
    const char *colon = NULL;
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == ':') colon = word.ptr + i;
    }
    Arg *arg = new_arg(p, ARG_STRING, p->at++);
    if (lexeme->kind == 'q' || (!colon && !has_lower(word))) {
        arg->type = ARG_TOKEN;
        arg->token = word;
        arg->raw = true;
        return arg;
    }
    arg->name = word;
    if (colon) {
        arg->name.len = (size_t)(colon - word.ptr);
        KeelStr type = {colon + 1, word.len - arg->name.len - 1};
        for (ArgType i = ARG_STRING; i <= ARG_UNIX_TIME; i++) {
            if (!keel_equal(type, keel_str(type_names[i]))) continue;
            arg->type = i;
            if (arg->name.len) return arg;
        }
        fail(p, lexeme->column, "'%.*s' has no type after its colon", (int)word.len, word.ptr);
        return NULL;
    }
    for (size_t i = 0; i < sizeof(known_names) / sizeof(known_names[0]); i++) {
        if (keel_equal(word, keel_str(known_names[i].name))) arg->type = known_names[i].type;
    }
    return arg;
}

static bool is_version(KeelStr s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '.' && (s.ptr[i] < '0' || s.ptr[i] > '9')) return false;
    }
    return s.len > 0;
}

static int parse_fact(Parser *p, uint32_t column, Arg *arg, KeelStr word) {
    KeelStr rest = {word.ptr + 1, word.len - 1};
    int64_t index;
    if (is_version(word)) {
        arg->since = word;
    } else if (word.ptr[0] == '-' && is_version(rest)) {
        arg->deprecated = rest;
    } else if (word.ptr[0] == '~' && rest.len) {
        arg->text = rest;
    } else if (word.ptr[0] == '#') {
        if (!keel_parse_int(rest, &index) || index < 0 || index > 127) {
            return fail(p, column, "'%.*s' is no key spec", (int)word.len, word.ptr);
        }
        arg->key_spec = (int16_t)index;
    } else {
        arg->name = word;
    }
    return 0;
}

/* {6.2.0 name ...} after `arg`. */
static int parse_facts(Parser *p, Arg *arg) {
    const Lexeme *lexeme = &p->lexemes[p->at++];
    if (!arg) return fail(p, lexeme->column, "facts about nothing");
    const char *at = lexeme->text.ptr, *end = at + lexeme->text.len;
    while (at < end) {
        if (*at == ' ') {
            at++;
            continue;
        }
        if (*at == '=') {
            while (++at < end && *at == ' ') {}
            arg->summary = (KeelStr){at, (size_t)(end - at)};
            return 0;
        }
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        KeelStr word = {at, (size_t)((blank ? blank : end) - at)};
        if (parse_fact(p, lexeme->column, arg, word) < 0) return -1;
        at += word.len;
    }
    return 0;
}

/* --- sequences --- */

static bool is_plain(const Arg *arg) {
    return arg->type < ARG_TOKEN && !arg->optional && !arg->token.ptr;
}

/* Whether a literal at the head of a sequence is the token of all the rest: LIMIT offset count. */
static bool heads_a_block(const Arg *head) {
    int followers = 0;
    for (const Arg *arg = head->next; arg; arg = arg->next, followers++) {
        if (!is_plain(arg)) return false;
    }
    return followers > 1;
}

static void move_token(Arg *literal, Arg *to) {
    to->token = literal->token;
    to->start = literal->start;
    if (literal->since.ptr) to->since = literal->since;
    if (literal->deprecated.ptr) to->deprecated = literal->deprecated;
}

/* Decides for each raw literal of a finished sequence whether it is the token of what follows it or
 * an argument itself. `inner`: the sequence is the content of some group. */
static Arg *bind_tokens(Parser *p, Arg *first, bool inner) {
    if (inner && first && first->raw && heads_a_block(first)) {
        Arg *block = new_arg(p, ARG_BLOCK, first->start);
        block->first = first->next;
        move_token(first, block);
        return block;
    }
    for (Arg **link = &first; *link; link = &(*link)->next) {
        Arg *arg = *link, *next = arg->next;
        if (!arg->raw) continue;
        arg->raw = false;
        if (!next || next->raw || next->optional || next->token.ptr) continue;
        move_token(arg, next);
        *link = next;
    }
    return first;
}

/* One argument for a sequence: itself, or a block of several. */
static Arg *as_one(Parser *p, Arg *first) {
    if (!first || !first->next) return first;
    Arg *block = new_arg(p, ARG_BLOCK, first->start);
    block->first = first;
    return block;
}

/* Same lexeme, where one of them may leave out the type. */
static bool lexemes_agree(const Lexeme *a, const Lexeme *b) {
    if (a->kind != b->kind) return false;
    if (a->kind != 'w' && a->kind != 'q') return true;
    const KeelStr *small = a->text.len < b->text.len ? &a->text : &b->text;
    const KeelStr *large = small == &a->text ? &b->text : &a->text;
    return memcmp(small->ptr, large->ptr, small->len) == 0 &&
           (small->len == large->len || large->ptr[small->len] == ':');
}

/* Compares [open+1, dots) with the lexemes that end right before `open`. Where those start;
 * UINT32_MAX when they differ. Facts may stand on either side. */
static uint32_t repeated_start(const Parser *p, uint32_t open, uint32_t dots) {
    uint32_t start = open;
    for (uint32_t i = dots; i > open + 1;) {
        const Lexeme *inside = &p->lexemes[--i];
        if (inside->kind == '{') continue;
        do {
            if (start == 0) return UINT32_MAX;
            start--;
        } while (p->lexemes[start].kind == '{');
        if (!lexemes_agree(inside, &p->lexemes[start])) return UINT32_MAX;
    }
    return start;
}

static Arg *parse_alternatives(Parser *p, bool inner);

/* What a sequence is part of. */
typedef struct Around {
    uint32_t start;  /* first lexeme of all the alternatives */
    bool multiple;   /* out: a repeat at its end repeats all of them */
} Around;

/* "[x ...]": the items of `chain` that spell x become one, that may be given several times. */
static Arg *parse_repeat(Parser *p, Chain *chain, Arg *last, Around *around) {
    uint32_t open = p->at, dots = p->lexemes[open].pair - 1;
    uint32_t start = repeated_start(p, open, dots);
    p->at = dots + 2;
    if (dots == open + 1 || start == UINT32_MAX) goto differs;
    for (Arg **link = &chain->first; *link; link = &(*link)->next) {
        Arg *first = *link;
        if (first->start != start) continue;
        bool token = first->raw;
        Arg *one = as_one(p, bind_tokens(p, first, true));
        one->multiple_token = token && one->token.ptr && one->type != ARG_TOKEN;
        one->multiple = true;
        *link = one;
        chain->end = &one->next;
        return one;
    }
    if (start == around->start && last) {
        around->multiple = true;
        return last;
    }
differs:
    fail(p, p->lexemes[open].column, "'[x ...]' does not repeat what stands before it");
    return NULL;
}

static Arg *parse_group(Parser *p) {
    uint32_t open = p->at++, close = p->lexemes[open].pair;
    Arg *arg = as_one(p, parse_alternatives(p, true));
    if (p->failed) return NULL;
    if (!arg) {
        fail(p, p->lexemes[open].column, "an empty group");
        return NULL;
    }
    p->at = close + 1;
    arg->start = open;
    if (p->lexemes[open].kind == '[') arg->optional = true;
    return arg;
}

/* Items up to '|', a closing bracket or the end. NULL: nothing there, or an error. */
static Arg *parse_sequence(Parser *p, bool inner, Around *around) {
    Chain chain = {.first = NULL};
    chain.end = &chain.first;
    Arg *last = NULL;
    while (p->at < p->count) {
        const Lexeme *lexeme = &p->lexemes[p->at];
        if (strchr("|])", lexeme->kind)) break;
        if (lexeme->kind == '{') {
            if (parse_facts(p, last) < 0) return NULL;
            continue;
        }
        if (lexeme->kind == '.') {
            fail(p, lexeme->column, "'...' stands only at the end of '[x ...]'");
            return NULL;
        }
        if (lexeme->kind == '[' && p->lexemes[lexeme->pair - 1].kind == '.') {
            last = parse_repeat(p, &chain, last, around);
            if (!last) return NULL;
            continue;
        }
        last = lexeme->kind == '[' || lexeme->kind == '(' ? parse_group(p) : parse_word(p);
        if (!last) return NULL;
        append(&chain, last);
    }
    return bind_tokens(p, chain.first, inner);
}

static bool is_one_literal(const Arg *arg) {
    return arg && !arg->next && arg->type == ARG_TOKEN && !arg->optional && !arg->multiple;
}

/* Sequences between bars. Several become one oneof; of one, its arguments are returned. NULL:
 * nothing there, or an error. */
static Arg *parse_alternatives(Parser *p, bool inner) {
    Around around = {.start = p->at};
    uint32_t bar = p->at;
    while (bar < p->count && !strchr("|])", p->lexemes[bar].kind)) {
        bar = strchr("[(", p->lexemes[bar].kind) ? p->lexemes[bar].pair + 1 : bar + 1;
    }
    bool several = bar < p->count && p->lexemes[bar].kind == '|';
    Arg *first = parse_sequence(p, inner || several, &around);
    if (p->failed || !several) return first;

    Arg *head = first;
    Chain others = {.first = NULL};
    others.end = &others.first;
    /* "BY A|B" is BY with one of A and B, as long as all that follow are literals too. */
    bool headed = head && head->type == ARG_TOKEN && is_one_literal(head->next);
    while (first && p->at < p->count && p->lexemes[p->at].kind == '|') {
        p->at++;
        first = parse_sequence(p, true, &around);
        if (p->failed) return NULL;
        headed = headed && is_one_literal(first);
        if (first) append(&others, as_one(p, first));
    }
    if (!first) {
        fail(p, p->lexemes[bar].column, "an empty alternative");
        return NULL;
    }
    Arg *oneof = new_arg(p, ARG_ONEOF, around.start);
    if (headed) move_token(head, oneof);
    oneof->first = headed ? head->next : as_one(p, head);
    oneof->first->next = others.first;
    oneof->multiple = around.multiple;
    return oneof;
}

/* --- the whole --- */

int syntax_parse(Syntax *syntax, const char *text, char *error, size_t room) {
    Parser p = {.syntax = syntax, .error = error, .room = room};
    *syntax = (Syntax){.first = NULL};
    if (strnlen(text, SYNTAX_LENGTH + 1) > SYNTAX_LENGTH) {
        snprintf(error, room, ".args is longer than %d bytes", SYNTAX_LENGTH);
        return -1;
    }
    if (cut_lexemes(&p, text) == 0) syntax->first = parse_alternatives(&p, false);
    keel_free(p.lexemes);
    if (!p.failed) return 0;
    syntax_free(syntax);
    return -1;
}

void syntax_free(Syntax *syntax) {
    while (syntax->chunks) {
        struct ArgChunk *next = syntax->chunks->next;
        keel_free(syntax->chunks);
        syntax->chunks = next;
    }
    syntax->first = NULL;
}

static Span span_add(Span a, Span b) {
    Span sum = {a.min + b.min, a.max + b.max};
    if (sum.max > SPAN_MANY) sum.max = SPAN_MANY;
    return sum;
}

Span arg_span(const Arg *arg, bool once) {
    Span span = {1, 1};
    if (arg->type == ARG_BLOCK) {
        span = arg_span_from(arg->first);
    } else if (arg->type == ARG_ONEOF) {
        span = arg_span(arg->first, false);
        for (const Arg *one = arg->first->next; one; one = one->next) {
            Span other = arg_span(one, false);
            if (other.min < span.min) span.min = other.min;
            if (other.max > span.max) span.max = other.max;
        }
    }
    if (arg->token.ptr && arg->type != ARG_TOKEN) span = span_add(span, (Span){1, 1});
    if (once) return span;
    if (arg->multiple) span.max = SPAN_MANY;
    if (arg->optional) span.min = 0;
    return span;
}

Span arg_span_from(const Arg *arg) {
    Span sum = {0, 0};
    for (; arg; arg = arg->next) sum = span_add(sum, arg_span(arg, false));
    return sum;
}
