/* keyspec.h - where the keys of a call are: derived from .args and .keys, as COMMAND INFO shows
 * it, and the search that it describes. */
#ifndef CORE_KEYSPEC_H
#define CORE_KEYSPEC_H

#include "syntax.h"

#include <keel/command.h>

enum { BEGIN_UNKNOWN, BEGIN_INDEX, BEGIN_KEYWORD };
enum { FIND_UNKNOWN, FIND_RANGE, FIND_COUNTED };

typedef struct KeySpec {
    KeelStr keyword, notes;  /* views of the row's text; ptr NULL: none */
    uint32_t flags;          /* KEEL_USE_* */
    uint8_t begin, find;
    int16_t index;           /* of the first key; for a keyword where the search starts */
    int16_t last, step, limit;         /* FIND_RANGE */
    int16_t count_at, first;           /* FIND_COUNTED, from `index`; step as above */
} KeySpec;

/* Makes the specs of a row whose arguments begin at argv[base], and tells each key in the tree
 * which one is its own. 0, `*specs` to be freed with keel_free(); -1 with a message. */
int keyspec_make(const char *keys, Syntax *syntax, int base, KeySpec **specs, int *count,
                 char *error, size_t room);
/* Finds the keys of a call whose arity is right. Writes at most `room` uses; returns how many
 * there are, -1 when the arguments make no sense or a spec cannot say where its keys are. `none`:
 * a counted range may be empty. */
int keyspec_find(const KeySpec *specs, int count, bool none, const KeelStr *argv, int argc,
                 KeelKeyUse *uses, int room);
/* The plain range that stands for all specs where one can: first 0 when there is none, last
 * negative from the end. Returns whether some keys lie outside of it. */
bool keyspec_plain(const KeySpec *specs, int count, int16_t *first, int16_t *last, int16_t *step);

#endif
