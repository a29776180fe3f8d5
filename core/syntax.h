/* syntax.h - the tree behind a row's .args: what COMMAND DOCS shows, and where arity and key
 * positions come from. The notation is described in keel/command.h. */
#ifndef CORE_SYNTAX_H
#define CORE_SYNTAX_H

#include <keel/base.h>

typedef enum ArgType {
    ARG_STRING,
    ARG_INTEGER,
    ARG_DOUBLE,
    ARG_KEY,
    ARG_PATTERN,
    ARG_UNIX_TIME,
    ARG_TOKEN,  /* a literal by itself */
    ARG_ONEOF,
    ARG_BLOCK,
} ArgType;

/* All strings are views of the text that was parsed; ptr NULL: none. */
typedef struct Arg {
    struct Arg *next;   /* the argument after it */
    struct Arg *first;  /* of a oneof: its alternatives; of a block: its parts */
    KeelStr name;       /* as written; a group may have none */
    KeelStr token;      /* the literal in front; of ARG_TOKEN the literal itself */
    KeelStr text, since, deprecated, summary;
    uint32_t start;     /* parser: index of its first lexeme */
    int16_t key_spec;   /* -1: none */
    uint8_t type;       /* ArgType */
    bool optional, multiple, multiple_token;
    bool raw;           /* parser: a literal that may yet become the token of the next one */
} Arg;

typedef struct Syntax {
    Arg *first;
    struct ArgChunk *chunks;
} Syntax;

/* Words of a call that an argument takes, at least and at most. */
typedef struct Span {
    int min, max;
} Span;
#define SPAN_MANY (1 << 24)

enum { SYNTAX_DEPTH = 32, SYNTAX_LENGTH = 16384 };

/* Parses `text`, which must outlive the tree. 0; -1 with a message in `error` that gives the
 * column, and nothing to free. Nesting is bounded by SYNTAX_DEPTH, length by SYNTAX_LENGTH. */
int syntax_parse(Syntax *syntax, const char *text, char *error, size_t room);
void syntax_free(Syntax *syntax);

static inline bool arg_is_group(const Arg *arg) {
    return arg->type == ARG_ONEOF || arg->type == ARG_BLOCK;
}
/* The word for a type in COMMAND DOCS. */
const char *arg_type_name(ArgType type);
/* How many words of a call one argument takes; `once` leaves out that it may repeat or miss. */
Span arg_span(const Arg *arg, bool once);
/* The same of an argument and all that follow it. */
Span arg_span_from(const Arg *arg);

#endif
