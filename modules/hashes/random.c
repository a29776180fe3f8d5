/* random.c - HRANDFIELD: fields chosen at random, each equally likely.
 *
 * With a negative count each choice is by itself, so fields come again. With a positive one they
 * differ. Of a small hash, or where the count is a good part of a large one, they are taken in a walk
 * over all, each with the probability that leaves every subset equally likely; that needs no memory.
 * Of a larger one they are drawn until enough different ones came. */
#include <string.h>

#include "hashes.h"

/* Up to which share of a hash fields are drawn: 1 / DRAW_SHARE. Above it too many come again. */
enum { DRAW_SHARE = 3, CHOSEN_ON_STACK = 256 };

typedef struct Choice {
    KeelCtx *ctx;
    bool values, nested; /* RESP3 has pairs as arrays of two */
} Choice;

static void reply_header(const Choice *choice, size_t n) {
    keel_reply_array(choice->ctx, choice->values && !choice->nested ? 2 * n : n);
}

static void reply_pair(const Choice *choice, KeelStr field, KeelStr value) {
    if (choice->values && choice->nested) keel_reply_array(choice->ctx, 2);
    keel_reply_bulk(choice->ctx, field);
    if (choice->values) keel_reply_bulk(choice->ctx, value);
}

/* The count may be any number, so the client's limit on output ends it. */
static void reply_any(const Choice *choice, const Hash *h, uint64_t n) {
    KeelHashWalk room;
    KeelStr field, value;
    reply_header(choice, n);
    while (n-- && keel_reply_room(choice->ctx)) {
        hash_random(h, &room, &field, &value);
        reply_pair(choice, field, value);
    }
}

static void reply_walking(const Choice *choice, const Hash *h, size_t n) {
    KeelHashWalk w;
    KeelStr field, value;
    reply_header(choice, n);
    hash_walk(h, &w);
    for (size_t left = hash_count(h); n && hash_next(&w, &field, &value); left--) {
        if (n < left && keel_random_below(left) >= n) continue;
        reply_pair(choice, field, value);
        n--;
    }
}

/* Remembers an element by its address in a table of 2^k places. False: it is there. */
static bool remember(const void **chosen, size_t places, const void *element) {
    size_t i = (size_t)(((uintptr_t)element >> 3) * 0x9e3779b97f4a7c15u >> 20) & (places - 1);
    for (; chosen[i]; i = (i + 1) & (places - 1)) {
        if (chosen[i] == element) return false;
    }
    chosen[i] = element;
    return true;
}

static void reply_drawing(const Choice *choice, const Large *l, size_t n) {
    const void *on_stack[CHOSEN_ON_STACK], **chosen = on_stack;
    size_t places = CHOSEN_ON_STACK;
    while (places < 2 * n) places *= 2;
    if (places > CHOSEN_ON_STACK) chosen = keel_alloc(places * sizeof(*chosen));
    memset(chosen, 0, places * sizeof(*chosen));
    reply_header(choice, n);
    while (n) {
        Place place;
        KeelStr field, value;
        const char *element = dict_random(&l->dict, &place);
        if (!remember(chosen, places, element)) continue;
        large_read(element, &field, &value);
        reply_pair(choice, field, value);
        n--;
    }
    if (chosen != on_stack) keel_free(chosen);
}

static void reply_different(const Choice *choice, const Hash *h, uint64_t n) {
    size_t count = hash_count(h);
    if (n > count) n = count;
    if (hash_is_large(h) && n <= count / DRAW_SHARE) reply_drawing(choice, h, n);
    else reply_walking(choice, h, n);
}

/* HRANDFIELD's count and WITHVALUES. False: an error was replied. */
static bool read_options(KeelCtx *c, const KeelStr *argv, int argc, int64_t *count, bool *values) {
    if (!keel_arg_int(c, argv[2], count)) return false;
    if (*count == INT64_MIN) {
        keel_reply_errorf(c, "ERR value is out of range, value must between %lld and %lld",
                          (long long)-INT64_MAX, (long long)INT64_MAX);
        return false;
    }
    if (argc > 4 || (argc == 4 && !keel_is(argv[3], "withvalues"))) {
        keel_reply_syntax(c);
        return false;
    }
    *values = argc == 4;
    if (*values && (*count < -(INT64_MAX / 2) || *count > INT64_MAX / 2)) {
        keel_reply_error(c, "ERR value is out of range");
        return false;
    }
    return true;
}

void hashes_hrandfield(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t count = 0;
    Choice choice = {.ctx = c, .nested = keel_reply_protocol(c) == 3};
    if (argc > 2 && !read_options(c, argv, argc, &count, &choice.values)) return;
    if (!keel_key_open(c, argv[1], KEEL_KEY_READ, &key)) {
        if (argc > 2) keel_reply_array(c, 0);
        else keel_reply_null(c);
        return;
    }
    if (!hashes_check(c, &key)) return;
    const Hash *h = keel_key_value(&key);
    if (argc == 2) {
        KeelHashWalk room;
        KeelStr field, value;
        hash_random(h, &room, &field, &value);
        keel_reply_bulk(c, field);
    } else if (count < -KEEL_REPEATS_MAX) {
        keel_reply_error(c, "ERR value is out of range");
    } else if (count < 0) {
        reply_any(&choice, h, (uint64_t)-count);
    } else {
        reply_different(&choice, h, (uint64_t)count);
    }
}
