/* syntax.c - the notation of .args and .keys: what it means, and that no text can harm its parser.
 */
#include "../../core/keyspec.h"
#include "check.h"

#include <keel/memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A check whose detail is what went in, and what came of it. */
static void check_got(bool ok, const char *what, const char *detail, const char *got) {
    char both[640];
    snprintf(both, sizeof(both), "%.200s: %.400s", detail, got);
    check(ok, what, both);
}


/* --- trees as text --- */

static char shown[4096];

static void put(const char *text, size_t len) {
    size_t at = strlen(shown);
    if (at + len + 1 >= sizeof(shown)) return;
    memcpy(shown + at, text, len);
    shown[at + len] = '\0';
}

/* TOKEN=name:type? for optional, + for multiple, ++ with its token; groups as type(...). */
static void show(const Arg *arg) {
    for (const char *gap = ""; arg; arg = arg->next, gap = " ") {
        put(gap, strlen(gap));
        if (arg->token.ptr) put(arg->token.ptr, arg->token.len);
        if (arg->type != ARG_TOKEN) {
            if (arg->token.ptr) put("=", 1);
            if (arg->name.ptr) put(arg->name.ptr, arg->name.len);
            const char *type = arg_type_name(arg->type);
            put(":", 1);
            put(type, strlen(type));
        }
        if (arg_is_group(arg)) {
            put("(", 1);
            show(arg->first);
            put(")", 1);
        }
        if (arg->since.ptr) put("@", 1), put(arg->since.ptr, arg->since.len);
        if (arg->optional) put("?", 1);
        if (arg->multiple) put("+", 1);
        if (arg->multiple_token) put("+", 1);
    }
}

static void test_trees(void) {
    static const struct {
        const char *text, *tree;
        int min;
        bool exact;
    } rows[] = {
        {"", "", 0, true},
        {"key value", "key:key value:string", 2, true},
        {"key [start end [BYTE|BIT]]",
         "key:key :block(start:integer end:integer :oneof(BYTE BIT)?)?", 1, false},
        {"key [key ...]", "key:key+", 1, false},
        {"[key [key ...]]", "key:key?+", 0, false},
        {"field value [field value ...]", ":block(field:string value:string)+", 2, false},
        {"[GET pattern [GET pattern ...]]", "GET=pattern:pattern?++", 0, false},
        {"[CONFIG name value [CONFIG name value ...]]",
         "CONFIG=:block(name:string value:string)?++", 0, false},
        {"WEIGHTS weight [weight ...]", "WEIGHTS=weight:string+", 2, false},
        {"[LIMIT offset count]", "LIMIT=:block(offset:integer count:integer)?", 0, false},
        {"[COUNT count [ANY]]", ":block(COUNT=count:integer ANY?)?", 0, false},
        {"[FULL [COUNT count]]", ":block(FULL COUNT=count:integer?)?", 0, false},
        {"[AGGREGATE SUM|MIN|MAX]", "AGGREGATE=:oneof(SUM MIN MAX)?", 0, false},
        {"AGGREGATE (SUM|MIN)", "AGGREGATE=:oneof(SUM MIN)", 2, true},
        {"(host port:integer|NO ONE)", ":oneof(:block(host:string port:integer) :block(NO ONE))", 2,
         true},
        {"STREAMS (key [key ...] id [id ...])", "STREAMS=:block(key:key+ id:string+)", 3, false},
        {"[EX seconds{2.6.12}|KEEPTTL{6.0.0}]{expiration}",
         "expiration:oneof(EX=seconds:integer@2.6.12 KEEPTTL@6.0.0)?", 0, false},
        {"('m'|'km')", ":oneof(m km)", 1, true},
        {"(key|'\"\"')", ":oneof(key:key \"\")", 1, true},
        {"[=|~] threshold", ":oneof(= ~)? threshold:string", 1, false},
        {"(*|id)", ":oneof(* id:string)", 1, true},
        {"ip:port:string", "ip:port:string", 1, true},
        {"ID:string [ID ...]", "ID:string+", 1, false},
        {"[A x|B y [A x|B y ...]]", ":oneof(A=x:string B=y:string)?+", 0, false},
        {"(a|b) [(a|b) ...]", ":oneof(a:string b:string)+", 1, false},
        {"x{= what it is}", "x:string", 1, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        Syntax syntax;
        char error[256] = "";
        if (syntax_parse(&syntax, rows[i].text, error, sizeof(error)) < 0) {
            check_got(false, "parsed", rows[i].text, error);
            continue;
        }
        shown[0] = '\0';
        show(syntax.first);
        check_got(strcmp(shown, rows[i].tree) == 0, "tree", rows[i].text, shown);
        Span span = arg_span_from(syntax.first);
        check_got(span.min == rows[i].min && (span.min == span.max) == rows[i].exact, "words",
              rows[i].text, shown);
        syntax_free(&syntax);
    }
}

static void test_faults(void) {
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"[a", "'[' is not closed"}, {"a]", "']' closes nothing"}, {"(a]", "']' closes nothing"},
        {"[]", "an empty group"}, {"a|", "an empty alternative"}, {"|a", "an empty alternative"},
        {"[a|]", "an empty alternative"}, {"a ...", "'...' stands only at the end"},
        {"a [b ...]", "does not repeat"}, {"a [...]", "does not repeat"}, {"[a ...]", "not repeat"},
        {"a b [a ...]", "does not repeat"}, {"(x a) [a ...]", "does not repeat"},
        {"a:strin", "has no type after its colon"}, {":key", "has no type after its colon"},
        {"a:", "has no type after its colon"}, {"'a", "quote is not closed"},
        {"a{1.0", "'{' is not closed"}, {"{1.0}", "facts about nothing"}, {"a}", "unexpected byte"},
        {"a{#x}", "is no key spec"}, {"a\x01", "unexpected byte 0x01"}, {"a\tb", "unexpected byte"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        Syntax syntax;
        char error[256] = "";
        int result = syntax_parse(&syntax, rows[i].text, error, sizeof(error));
        check_got(result == -1 && strstr(error, rows[i].part), "refused", rows[i].text, error);
        if (result == 0) syntax_free(&syntax);
    }
}

/* --- key positions --- */

static void show_spec(const KeySpec *spec) {
    char text[200];
    int n = 0;
    if (spec->begin == BEGIN_INDEX) n = snprintf(text, sizeof(text), "idx %d; ", spec->index);
    if (spec->begin == BEGIN_KEYWORD) {
        n = snprintf(text, sizeof(text), "kw %.*s %d; ", (int)spec->keyword.len, spec->keyword.ptr,
                     spec->index);
    }
    put(text, (size_t)n);
    if (spec->find == FIND_RANGE) {
        n = snprintf(text, sizeof(text), "range %d %d %d", spec->last, spec->step, spec->limit);
    } else {
        n = snprintf(text, sizeof(text), "keynum %d %d %d", spec->count_at, spec->first,
                     spec->step);
    }
    put(text, (size_t)n);
}

/* Derives the specs of `text` with one "RO" for each of `uses`; shown, or the error. */
static void derive(const char *text, const char *uses) {
    Syntax syntax;
    KeySpec *specs;
    int count;
    shown[0] = '\0';
    if (syntax_parse(&syntax, text, shown, sizeof(shown)) < 0) return;
    if (keyspec_make(uses, &syntax, 1, &specs, &count, shown, sizeof(shown)) == 0) {
        for (int i = 0; i < count; i++) {
            if (i) put(" & ", 3);
            show_spec(&specs[i]);
        }
        keel_free(specs);
    }
    syntax_free(&syntax);
}

static void test_specs(void) {
    static const struct {
        const char *text, *uses, *specs;
    } rows[] = {
        {"key value", "RO", "idx 1; range 0 1 0"},
        {"subcommand key", "RO", "idx 2; range 0 1 0"},
        {"key [key ...]", "RO", "idx 1; range -1 1 0"},
        {"key [key ...] timeout", "RO", "idx 1; range -2 1 0"},
        {"key value [key value ...]", "RO", "idx 1; range -1 2 0"},
        {"destkey [sourcekey [sourcekey ...]]", "RO & OW",
         "idx 1; range 0 1 0 & idx 2; range -1 1 0"},
        {"numkeys key [key ...] (LEFT|RIGHT)", "RO", "idx 1; keynum 0 1 1"},
        {"x numkeys [key [key ...]] [arg [arg ...]]", "RO", "idx 2; keynum 0 1 1"},
        {"a b [STORE key|STOREDIST key]", "OW & OW",
         "kw STORE 3; range 0 1 0 & kw STOREDIST 3; range 0 1 0"},
        {"[COUNT count] STREAMS (key [key ...] id [id ...])", "RO",
         "kw STREAMS 1; range -1 1 2"},
        {"(key|X) y", "RO", "idx 1; range 0 1 0"},
        {"TO key", "RO", "idx 2; range 0 1 0"},
        {"key1 key2", "RO: idx 1; range 1 1 0", "idx 1; range 1 1 0"},
        {"x", "NOT_KEY: idx 1; range 0 1 0", "idx 1; range 0 1 0"},
        {"[x] key", "RO", "the position of 'key' does not follow from .args: state it in .keys"},
        {"key [key ...] [X]", "RO",
         "the position of 'key' does not follow from .args: state it in .keys"},
        {"[key] x", "RO", "the position of 'key' does not follow from .args: state it in .keys"},
        {"key", NULL, ".args has a key, but .keys does not say how it is used"},
        {"key", "RO & RO", ".keys has 2 uses, but .args has 1 keys"},
        {"key", "ROO", "unknown word 'ROO' in .keys"},
        {"key", "RO: idx 0; range 0 1 0", "'RO: idx 0; range 0 1 0' in .keys is no position"},
        {"key", "RO: idx 1; range 0 0 0", "'RO: idx 1; range 0 0 0' in .keys is no position"},
        {"key", "RO RW", "'RO RW' in .keys needs one of RO, RW, OW and RM"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        derive(rows[i].text, rows[i].uses);
        check_got(strcmp(shown, rows[i].specs) == 0, "key specs", rows[i].text, shown);
    }
}

static void test_search(void) {
    static const char *const words[] = {"cmd", "a", "STREAMS", "store", "2", "0", "-1",
                                        "99999999999999999999", "9223372036854775807", ""};
    static const char *const uses[] = {
        "RO: idx 1; range 0 1 0", "RO: idx 2; range -1 2 0", "RO: idx 1; keynum 0 1 1",
        "RO: idx 3; keynum 2 5 3", "RO: kw STREAMS 1; range -1 1 2", "RO: kw STORE -2; range 0 1 0",
        "RO: kw STREAMS -16000; range -16000 1 0", "RO: kw STORE 16000; range 16000 1 0",
        "RO: idx 16000; range 16000 16000 0", "RO: unknown; unknown",
    };
    for (size_t u = 0; u < sizeof(uses) / sizeof(uses[0]); u++) {
        Syntax syntax = {.first = NULL};
        KeySpec *specs;
        int count;
        char error[256] = "";
        if (keyspec_make(uses[u], &syntax, 1, &specs, &count, error, sizeof(error)) < 0) {
            check_got(false, "a use", uses[u], error);
            continue;
        }
        bool inside = true;
        for (int i = 0; i < 5000; i++) {
            KeelStr argv[12];
            KeelKeyUse found[12];
            int argc = 1 + (int)(check_random() % 12);
            for (int j = 0; j < argc; j++) {
                argv[j] = keel_str(words[check_random() % (sizeof(words) / sizeof(words[0]))]);
            }
            int n = keyspec_find(specs, count, check_random() & 1, argv, argc, found, 12);
            inside = inside && n >= -1 && n < argc;
            for (int j = 0; j < n; j++) {
                inside = inside && found[j].position > 0 && found[j].position < argc;
            }
        }
        check_got(inside, "keys lie inside the call", uses[u], "a position outside");
        keel_free(specs);
    }
}

/* --- robustness --- */

/* Parses it and, when it is fine, derives from it; what comes out is sane either way. */
static bool survives(const char *text, const char *uses) {
    Syntax syntax;
    KeySpec *specs;
    int count;
    char error[256] = "";
    if (syntax_parse(&syntax, text, error, sizeof(error)) < 0) {
        return strncmp(error, "column ", 7) == 0 || strstr(error, "longer than");
    }
    Span span = arg_span_from(syntax.first);
    bool sane = span.min >= 0 && span.max <= SPAN_MANY && span.min <= span.max;
    if (keyspec_make(uses, &syntax, 1, &specs, &count, error, sizeof(error)) == 0) {
        keel_free(specs);
    } else {
        sane = sane && error[0];
    }
    syntax_free(&syntax);
    return sane;
}

static void test_garbage(void) {
    static const char *const parts[] = {"[", "]", "(", ")", "|", " ", "...", " ...]", "'", "{",
                                        "}", "a", "B", "key", "numkeys", "x:key", ":", "#1", "~",
                                        "6.2.0", "-", "=", "\"", "\x7f", "\xff", "[a ...]", "a|b"};
    char text[400];
    bool fine = true;
    for (int i = 0; i < 20000 && fine; i++) {
        text[0] = '\0';
        for (int n = (int)(check_random() % 24); n > 0; n--) {
            strcat(text, parts[check_random() % (sizeof(parts) / sizeof(parts[0]))]);
        }
        fine = survives(text, i & 1 ? "RO ACCESS & OW" : NULL) && survives("key", text);
    }
    check_got(fine, "garbage", text, "not survived");
}

static void test_size(void) {
    static const char *const units[] = {"[", "(", "a ", "a|", "[a] ", "[a|", "'", "{", "a{",
                                        "a{1 ", "a [a ...] ", "[a ", "key ", "key [key ...] ", "A ",
                                        "key|", "(key) ", "((((key)))) ", "]", "[[a] [a ...]] "};
    enum { SIZE = 64 * 1024 };
    char *text = malloc(SIZE + 1);
    for (size_t u = 0; u < 2 * sizeof(units) / sizeof(units[0]); u++) {
        /* As long as the parser takes it, and longer than that. */
        const char *unit = units[u / 2];
        size_t len = strlen(unit), at = 0, limit = u & 1 ? SIZE : SYNTAX_LENGTH;
        for (; at + len <= limit; at += len) memcpy(text + at, unit, len);
        text[at] = '\0';
        check_got(survives(text, "RO & OW"), "a long text", unit, "not survived");
    }
    /* Nested as deep as is allowed. */
    memset(text, '[', 32);
    strcpy(text + 32, "key");
    memset(text + 35, ']', 32);
    text[67] = '\0';
    check_got(survives(text, "RO"), "depth 32", text, "not survived");
    free(text);
}

int main(void) {
    test_trees();
    test_faults();
    test_specs();
    test_search();
    test_garbage();
    test_size();
    return check_done();
}
