/* category.c - ACL categories: their names, and which ones a command's row puts it in.
 *
 * The table itself is part of the public header: the core gives none of the names a meaning beyond
 * what flags say. */
#include "command.h"

#include <keel/memory.h>
#include <keel/text.h>

static const struct {
    const char *name, *group;
} categories[] = {
#define ROW(id, name, group) {name, group},
    KEEL_CATEGORIES(ROW)
#undef ROW
};

/* Those that came at run time have the bits behind. They are kept dense at the end, so that who walks
 * the names until there is none sees them all: one in the middle that goes leaves an empty name. */
enum { CATEGORIES_MAX = 64 };
static char *added[CATEGORIES_MAX - KEEL_CATEGORY_COUNT];
static int added_end; /* no name from here on */

const char *keel_category_name(int bit) {
    int more = bit - KEEL_CATEGORY_COUNT;
    if (bit < 0 || more >= added_end) return NULL;
    if (more < 0) return categories[bit].name;
    return added[more] ? added[more] : "";
}

int keel_category_add(KeelStr name) {
    int at = 0;
    if (category_by_name(name)) return -1;
    while (at < added_end && added[at]) at++;
    if (at == CATEGORIES_MAX - KEEL_CATEGORY_COUNT) return -1;
    if (at == added_end) added_end++;
    added[at] = keel_strdup(name);
    return KEEL_CATEGORY_COUNT + at;
}

void keel_category_remove(int bit) {
    int at = bit - KEEL_CATEGORY_COUNT;
    if (at < 0 || at >= added_end) return;
    keel_free(added[at]);
    added[at] = NULL;
    while (added_end && !added[added_end - 1]) added_end--;
}

uint64_t category_by_name(KeelStr name) {
    for (int i = 0; i < KEEL_CATEGORY_COUNT; i++) {
        if (keel_is(name, categories[i].name)) return 1ull << i;
    }
    for (int i = 0; i < added_end && name.len; i++) {
        if (added[i] && keel_is(name, added[i])) return 1ull << (KEEL_CATEGORY_COUNT + i);
    }
    return 0;
}

static uint64_t of_flags(uint64_t flags) {
    uint64_t bits = flags & KEEL_FAST ? KEEL_CATEGORY_FAST : KEEL_CATEGORY_SLOW;
    if (flags & KEEL_WRITE) bits |= KEEL_CATEGORY_WRITE;
    if (flags & KEEL_READONLY) bits |= KEEL_CATEGORY_READ;
    if (flags & KEEL_ADMIN) bits |= KEEL_CATEGORY_ADMIN | KEEL_CATEGORY_DANGEROUS;
    if (flags & KEEL_PUBSUB) bits |= KEEL_CATEGORY_PUBSUB;
    if (flags & KEEL_BLOCKING) bits |= KEEL_CATEGORY_BLOCKING;
    return bits;
}

/* The categories that belong to a group, which is what .categories may replace. */
static uint64_t of_group(const char *group) {
    uint64_t bits = 0;
    for (int i = 0; i < KEEL_CATEGORY_COUNT; i++) {
        if (!categories[i].group[0]) continue;
        if (!group || keel_is(keel_str(group), categories[i].group)) bits |= 1ull << i;
    }
    return bits;
}

static uint64_t of_words(const char *words, KeelStr *unknown) {
    uint64_t bits = 0;
    for (const char *at = words ? words : ""; *at;) {
        KeelStr word = {at, strcspn(at, " ")};
        at += word.len;
        at += strspn(at, " ");
        uint64_t bit = word.len && word.ptr[0] == '@'
                           ? category_by_name((KeelStr){word.ptr + 1, word.len - 1}) : 0;
        if (!bit) *unknown = word;
        bits |= bit;
    }
    return bits;
}

uint64_t category_of_row(const KeelCommand *row, KeelStr *unknown) {
    uint64_t bits = of_words(row->categories, unknown);
    bool container = row->subcommands && !row->call;
    if (row->group && !container && !(bits & of_group(NULL))) bits |= of_group(row->group);
    bits |= of_flags(row->flags);
    /* Running a script reads nothing by itself: what it calls is judged on its own. */
    if (bits & KEEL_CATEGORY_SCRIPTING) bits &= ~(uint64_t)KEEL_CATEGORY_READ;
    return bits;
}
