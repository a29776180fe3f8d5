/* keyspec.c - key specs: read from .keys, derived from .args, and searched for in calls.
 *
 * Deriving walks the tree of arguments with the words that lie before and after each key. A key at
 * a fixed distance from the start has an index, one behind a token that may be anywhere is found by
 * that keyword; a repeated key ends at a fixed distance from the end, or is counted by the argument
 * in front of it, or shares what is left with a second run of the same length. Whatever else there
 * is must be said in .keys: a wrong guess here would let a user reach keys he has no right to. */
#include "keyspec.h"

#include <keel/memory.h>
#include <keel/text.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { KEYS_MAX = 64 };

/* One key argument, and its spec if the tree tells it. */
typedef struct Place {
    Arg *arg;
    KeySpec spec;
    bool known;
} Place;

typedef struct Finder {
    Place places[KEYS_MAX];
    int count, base;
    bool overflow;
} Finder;

/* Where in the tree a walk is. */
typedef struct Spot {
    Span before, after;   /* words in front of it and behind it */
    KeelStr keyword;      /* token right in front of the first child; ptr NULL: none */
    bool optional;        /* something around it may be missing */
    bool lost;            /* something around it may repeat */
} Spot;

static const struct {
    const char *word;
    const char *shown;
    uint32_t flag;
} use_words[] = {
    {"RO", "RO", KEEL_USE_RO}, {"RW", "RW", KEEL_USE_RW},
    {"OW", "OW", KEEL_USE_OW}, {"RM", "RM", KEEL_USE_RM},
    {"ACCESS", "access", KEEL_USE_ACCESS}, {"UPDATE", "update", KEEL_USE_UPDATE},
    {"INSERT", "insert", KEEL_USE_INSERT}, {"DELETE", "delete", KEEL_USE_DELETE},
    {"NOT_KEY", "not_key", KEEL_USE_NOT_KEY}, {"INCOMPLETE", "incomplete", KEEL_USE_INCOMPLETE},
    {"VARIABLE_FLAGS", "variable_flags", KEEL_USE_VARIABLE},
};
enum { USE_WORDS = sizeof(use_words) / sizeof(use_words[0]) };

const char *keel_key_use_name(int bit) {
    return bit >= 0 && bit < USE_WORDS ? use_words[bit].shown : NULL;
}

/* --- deriving from the tree --- */

static Span plus(Span a, Span b) {
    int max = a.max + b.max;
    return (Span){a.min + b.min, max > SPAN_MANY ? SPAN_MANY : max};
}

static bool is_fixed(Span span) {
    return span.min == span.max;
}

static bool counts_keys(const Arg *arg) {
    return arg && arg->type == ARG_INTEGER && !arg->optional && !arg->multiple &&
           arg->name.len >= 3 && memcmp(arg->name.ptr, "num", 3) == 0;
}

/* How a repeated unit of `width` words ends. `next`: what follows it in its sequence. */
static bool find_end(KeySpec *spec, int width, Span after, const Arg *next) {
    spec->step = (int16_t)width;
    if (is_fixed(after)) {
        spec->last = (int16_t)(-1 - after.min);
        return true;
    }
    if (next && !next->next && next->multiple && after.min == width &&
        arg_span(next, true).max == width) {
        spec->last = -1;
        spec->limit = 2;
        return true;
    }
    return false;
}

/* Works out the spec of `key`, the word at `offset` of `unit` (itself, or a repeated block). */
static void place_key(Finder *f, Arg *key, const Arg *unit, const Arg *previous, int offset,
                      Spot spot) {
    if (f->count == KEYS_MAX) {
        f->overflow = true;
        return;
    }
    Place *place = &f->places[f->count++];
    KeySpec *spec = &place->spec;
    *place = (Place){.arg = key, .spec = {.step = 1, .find = FIND_RANGE}};
    if (spot.lost || unit->multiple_token) return;
    if (spot.before.min > INT16_MAX / 2 || spot.after.min > INT16_MAX / 2) return;

    bool optional = spot.optional || unit->optional;
    if (unit->token.ptr && spot.keyword.ptr) spot.before = plus(spot.before, (Span){1, 1});
    KeelStr keyword = unit->token.ptr ? unit->token : spot.keyword;
    int token = keyword.ptr ? 1 : 0;
    if (is_fixed(spot.before) && !(token && optional)) {
        spec->begin = BEGIN_INDEX;
        spec->index = (int16_t)(f->base + spot.before.min + token + offset);
    } else if (token && !offset) {
        spec->begin = BEGIN_KEYWORD;
        spec->keyword = keyword;
        spec->index = (int16_t)(f->base + spot.before.min);
    } else {
        return;
    }
    int width = arg_span(unit, true).max - (unit->token.ptr ? 1 : 0);
    if (!unit->multiple) {
        /* An optional one in front of others could be any of them. */
        place->known = !optional || token || spot.after.min == 0;
    } else if (counts_keys(previous) && !token && !offset && spec->begin == BEGIN_INDEX) {
        spec->find = FIND_COUNTED;
        spec->index--;
        spec->first = 1;
        spec->step = (int16_t)width;
        place->known = true;
    } else {
        place->known = find_end(spec, width, spot.after, unit->next);
    }
}

static void walk(Finder *f, Arg *first, Spot spot);

/* A repeated block: each key in it is one word of every round. */
static void walk_repeated(Finder *f, Arg *block, const Arg *previous, Spot spot) {
    int offset = 0;
    if (block->type == ARG_BLOCK && is_fixed(arg_span(block, true)) && !block->multiple_token) {
        for (Arg *part = block->first; part; part = part->next) {
            if (part->type == ARG_KEY) {
                place_key(f, part, block, previous, offset + (part->token.ptr ? 1 : 0), spot);
            } else if (arg_is_group(part)) {
                walk(f, part->first, (Spot){.lost = true});
            }
            offset += arg_span(part, false).max;
        }
        return;
    }
    spot.lost = true;
    walk(f, block->first, spot);
}

/* One argument with `spot` around it; `previous` is the one before it in its sequence. */
static void walk_arg(Finder *f, Arg *arg, const Arg *previous, Spot spot) {
    if (arg->type == ARG_KEY) {
        place_key(f, arg, arg, previous, 0, spot);
        return;
    }
    if (!arg_is_group(arg)) return;
    if (arg->multiple) {
        walk_repeated(f, arg, previous, spot);
        return;
    }
    Spot inner = spot;
    inner.optional |= arg->optional;
    if (arg->token.ptr) {
        if (spot.keyword.ptr) inner.before = plus(inner.before, (Span){1, 1});
        inner.keyword = arg->token;
    }
    if (arg->type == ARG_BLOCK) {
        walk(f, arg->first, inner);
        return;
    }
    for (Arg *one = arg->first; one; one = one->next) {
        Arg *next = one->next;
        one->next = NULL; /* alternatives do not follow each other */
        walk_arg(f, one, NULL, inner);
        one->next = next;
    }
}

/* The arguments of a sequence. A keyword around it counts for the first of them only, and is one
 * word in front of the others. */
static void walk(Finder *f, Arg *first, Spot spot) {
    const Arg *previous = NULL;
    Span outer = spot.after;
    for (Arg *arg = first; arg; arg = arg->next) {
        spot.after = plus(arg_span_from(arg->next), outer);
        walk_arg(f, arg, previous, spot);
        if (spot.keyword.ptr) {
            spot.before = plus(spot.before, (Span){1, 1});
            spot.keyword.ptr = NULL;
        }
        spot.before = plus(spot.before, arg_span(arg, false));
        previous = arg;
    }
}

/* --- reading .keys --- */

/* The words of one use, "RO ACCESS: idx 1; range -1 1 0 = note", taken one after another. */
typedef struct Words {
    const char *at, *end;
} Words;

/* The next word; punctuation is a word of its own. Empty at the end. */
static KeelStr next_word(Words *words) {
    while (words->at < words->end && *words->at == ' ') words->at++;
    const char *start = words->at;
    if (start < words->end && strchr(":;=", *start)) {
        words->at++;
    } else {
        while (words->at < words->end && !strchr(" :;", *words->at)) words->at++;
    }
    return (KeelStr){start, (size_t)(words->at - start)};
}

static bool is_word(KeelStr word, const char *text) {
    return keel_equal(word, keel_str(text));
}

static bool next_number(Words *words, int low, int high, int16_t *out) {
    int64_t v;
    if (!keel_parse_int(next_word(words), &v) || v < low || v > high) return false;
    *out = (int16_t)v;
    return true;
}

/* "idx 1; range -1 1 0" after the colon. False when it is not well formed. */
static bool read_position(Words *words, KeySpec *spec) {
    KeelStr word = next_word(words);
    if (is_word(word, "idx")) {
        spec->begin = BEGIN_INDEX;
        if (!next_number(words, 1, INT16_MAX / 2, &spec->index)) return false;
    } else if (is_word(word, "kw")) {
        spec->begin = BEGIN_KEYWORD;
        spec->keyword = next_word(words);
        if (!next_number(words, -INT16_MAX / 2, INT16_MAX / 2, &spec->index)) return false;
        if (!spec->keyword.len || !spec->index) return false;
    } else if (!is_word(word, "unknown")) {
        return false;
    }
    if (!is_word(next_word(words), ";")) return false;
    word = next_word(words);
    if (is_word(word, "range")) {
        spec->find = FIND_RANGE;
        return next_number(words, -INT16_MAX / 2, INT16_MAX / 2, &spec->last) &&
               next_number(words, 1, INT16_MAX / 2, &spec->step) &&
               next_number(words, 0, INT16_MAX / 2, &spec->limit) &&
               (spec->limit < 2 || spec->last == -1);
    }
    if (is_word(word, "keynum")) {
        spec->find = FIND_COUNTED;
        return next_number(words, 0, INT16_MAX / 2, &spec->count_at) &&
               next_number(words, 0, INT16_MAX / 2, &spec->first) &&
               next_number(words, 1, INT16_MAX / 2, &spec->step);
    }
    return is_word(word, "unknown");
}

/* One use. `*own` says whether it states its position. 0; -1 with a message. */
static int read_use(KeelStr text, KeySpec *spec, bool *own, char *error, size_t room) {
    Words words = {text.ptr, text.ptr + text.len};
    const unsigned modes = KEEL_USE_RO | KEEL_USE_RW | KEEL_USE_OW | KEEL_USE_RM;
    KeelStr word;
    *spec = (KeySpec){.flags = 0};
    *own = false;
    while ((word = next_word(&words)).len && !strchr(":;=", word.ptr[0])) {
        int i = 0;
        while (i < USE_WORDS && !is_word(word, use_words[i].word)) i++;
        if (i == USE_WORDS) {
            snprintf(error, room, "unknown word '%.*s' in .keys", (int)word.len, word.ptr);
            return -1;
        }
        spec->flags |= use_words[i].flag;
    }
    if (is_word(word, ":")) {
        *own = true;
        if (!read_position(&words, spec)) {
            snprintf(error, room, "'%.*s' in .keys is no position", (int)text.len, text.ptr);
            return -1;
        }
        word = next_word(&words);
    }
    if (is_word(word, "=")) {
        while (words.at < words.end && *words.at == ' ') words.at++;
        spec->notes = (KeelStr){words.at, (size_t)(words.end - words.at)};
    } else if (word.len) {
        snprintf(error, room, "'%.*s' in .keys has words too many", (int)text.len, text.ptr);
        return -1;
    }
    unsigned mode = spec->flags & modes;
    if ((mode & (mode - 1)) || (!mode && !(spec->flags & KEEL_USE_NOT_KEY))) {
        snprintf(error, room, "'%.*s' in .keys needs one of RO, RW, OW and RM", (int)text.len,
                 text.ptr);
        return -1;
    }
    return 0;
}

/* --- putting them together --- */

static void assign_places(Finder *f, int count) {
    for (int i = 0; i < f->count; i++) {
        Arg *arg = f->places[i].arg;
        if (arg->key_spec < 0) arg->key_spec = (int16_t)(i < count ? i : count - 1);
    }
}

/* Gives the uses without a position that of the key of their turn. */
static int fill_positions(const Finder *f, KeySpec *specs, const bool *own, int count, char *error,
                          size_t room) {
    bool all_own = true;
    for (int i = 0; i < count; i++) all_own = all_own && own[i];
    if (all_own) return 0;
    if (f->overflow || f->count != count) {
        snprintf(error, room, ".keys has %d uses, but .args has %d keys", count, f->count);
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (own[i]) continue;
        const Place *place = &f->places[i];
        if (!place->known) {
            snprintf(error, room, "the position of '%.*s' does not follow from .args: state it in "
                     ".keys", (int)place->arg->name.len, place->arg->name.ptr);
            return -1;
        }
        uint32_t flags = specs[i].flags;
        KeelStr notes = specs[i].notes;
        specs[i] = place->spec;
        specs[i].flags = flags;
        specs[i].notes = notes;
    }
    return 0;
}

int keyspec_make(const char *keys, Syntax *syntax, int base, KeySpec **out, int *count, char *error,
                 size_t room) {
    Finder f = {.base = base};
    KeySpec specs[KEYS_MAX];
    bool own[KEYS_MAX];
    int n = 0;
    *out = NULL;
    *count = 0;
    walk(&f, syntax->first, (Spot){.optional = false});
    if (!keys) {
        if (!f.count) return 0;
        snprintf(error, room, ".args has a key, but .keys does not say how it is used");
        return -1;
    }
    while (keys) {
        const char *next = strstr(keys, " & ");
        KeelStr use = {keys, next ? (size_t)(next - keys) : strlen(keys)};
        if (n == KEYS_MAX) {
            snprintf(error, room, ".keys has more than %d uses", KEYS_MAX);
            return -1;
        }
        if (read_use(use, &specs[n], &own[n], error, room) < 0) return -1;
        n++;
        keys = next ? next + 3 : NULL;
    }
    if (fill_positions(&f, specs, own, n, error, room) < 0) return -1;
    assign_places(&f, n);
    *out = keel_alloc((size_t)n * sizeof(KeySpec));
    memcpy(*out, specs, (size_t)n * sizeof(KeySpec));
    *count = n;
    return 0;
}

/* --- searching in calls --- */

/* Index of the first key, or what stands for it; 0: the keyword is not there, -1: unknown. */
static int find_begin(const KeySpec *spec, const KeelStr *argv, int argc) {
    if (spec->begin == BEGIN_INDEX) return spec->index;
    if (spec->begin == BEGIN_UNKNOWN) return -1;
    /* Forward from a positive start, backward from one that counts from the end. */
    int step = spec->index > 0 ? 1 : -1;
    int at = spec->index > 0 ? spec->index : argc + spec->index;
    for (; at > 0 && at < argc; at += step) {
        KeelStr word = argv[at];
        if (word.len == spec->keyword.len &&
            strncasecmp(word.ptr, spec->keyword.ptr, word.len) == 0) {
            return at + 1;
        }
    }
    return 0;
}

/* The keys that one spec finds, as first, last (lower than first: none) and step. False when the
 * arguments do not fit. */
static bool find_range(const KeySpec *spec, const KeelStr *argv, int argc, int begin, bool none,
                       int64_t *first, int64_t *last) {
    *first = begin;
    if (spec->find == FIND_COUNTED) {
        int64_t n, at = (int64_t)begin + spec->count_at;
        if (at >= argc || !keel_parse_int(argv[at], &n) || n < (none ? 0 : 1) || n > argc) {
            return false;
        }
        *first += spec->first;
        *last = *first + (n - 1) * spec->step;
        return n == 0 || *last < argc;
    }
    if (spec->last >= 0) {
        *last = *first + spec->last;
    } else if (spec->limit > 1) {
        *last = *first + (argc - begin) / spec->limit + spec->last;
    } else {
        *last = (int64_t)argc + spec->last;
        /* Where a run of keys may be missing, that is not an error, and what the other specs
         * find still counts. */
        if (*last == *first - 1) return true;
    }
    return *first < argc && *last < argc && *last >= *first;
}

int keyspec_find(const KeySpec *specs, int count, bool none, const KeelStr *argv, int argc,
                 KeelKeyUse *uses, int room) {
    int found = 0;
    for (int i = 0; i < count; i++) {
        const KeySpec *spec = &specs[i];
        int64_t first, last;
        if (spec->flags & KEEL_USE_NOT_KEY) continue;
        int begin = find_begin(spec, argv, argc);
        if (begin == 0) continue;
        if (begin < 0 || spec->find == FIND_UNKNOWN || (spec->flags & KEEL_USE_INCOMPLETE)) {
            return -1;
        }
        if (!find_range(spec, argv, argc, begin, none, &first, &last)) return -1;
        for (int64_t at = first; at <= last; at += spec->step, found++) {
            if (found < room) uses[found] = (KeelKeyUse){(int)at, spec->flags};
        }
    }
    return found;
}

bool keyspec_plain(const KeySpec *specs, int count, int16_t *first, int16_t *last, int16_t *step) {
    bool movable = false;
    *first = *last = *step = 0;
    if (count == 1 && specs->begin == BEGIN_INDEX && specs->find == FIND_RANGE) {
        *first = specs->index;
        *last = (int16_t)(specs->last >= 0 ? specs->index + specs->last : specs->last);
        *step = specs->step;
        return specs->flags & KEEL_USE_INCOMPLETE;
    }
    for (int i = 0; i < count; i++) {
        const KeySpec *spec = &specs[i];
        bool joins = !*first || *last == spec->index - 1;
        if (spec->begin != BEGIN_INDEX || spec->find != FIND_RANGE || spec->step != 1 || !joins) {
            movable = true;
            continue;
        }
        if (spec->flags & KEEL_USE_INCOMPLETE) movable = true;
        if (!*first) *first = spec->index;
        *last = (int16_t)(spec->last >= 0 ? spec->index + spec->last : spec->last);
        *step = 1;
    }
    return movable;
}
