/* random.c - ZRANDMEMBER and ZSCAN.
 *
 * Every member has a rank, so drawing one is drawing a number. Different ones are drawn in one of
 * two ways: a few with a table of what was drawn already, many by a walk that leaves out the rest.
 * */
#include <stdio.h>

#include "zsets.h"
#include <keel/scan.h>

/* ---- ZRANDMEMBER ----------------------------------------------------------------------------- */

static void reply_rank(KeelCtx *c, const Zset *z, size_t rank, bool scores, bool pairs) {
    Item item;
    At at = zset_at(z, rank);
    zset_item(&at, &item);
    reply_member(c, item.member, item.score, scores, pairs);
}

/* With repetitions. A client that goes away, perhaps because its reply grew too long, ends it. */
static void draw_any(KeelCtx *c, const Zset *z, size_t n, bool scores, bool pairs) {
    const KeelClient *client = keel_client(c);
    size_t length = zset_length(z);
    for (size_t i = 0; i < n; i++) {
        if (i % 1024 == 1023 && client && keel_client_flags(client) & KEEL_CF_CLOSING) break;
        reply_rank(c, z, keel_random_below(length), scores, pairs);
    }
}

/* Each member stays with the probability that what is wanted has in what is left. */
static void draw_many(KeelCtx *c, const Zset *z, size_t n, bool scores, bool pairs) {
    size_t left = zset_length(z);
    At at = zset_at(z, 0);
    for (; n; left--, zset_next(&at)) {
        Item item;
        if (keel_random_below(left) >= n) continue;
        zset_item(&at, &item);
        reply_member(c, item.member, item.score, scores, pairs);
        n--;
    }
}

/* Floyd's way: for each of the last n ranks, one below it, or itself where that was drawn already.
 * */
static void draw_few(KeelCtx *c, const Zset *z, size_t n, bool scores, bool pairs) {
    size_t room = 4, length = zset_length(z);
    while (room < 2 * n) room *= 2;
    size_t *drawn = keel_zalloc(room * sizeof(*drawn)); /* ranks + 1 */
    for (size_t last = length - n; last < length; last++) {
        size_t rank = keel_random_below(last + 1);
        for (;;) {
            size_t i = (rank * 0x9e3779b97f4a7c15u >> 20) & (room - 1);
            while (drawn[i] && drawn[i] != rank + 1) i = (i + 1) & (room - 1);
            if (drawn[i] == 0) {
                drawn[i] = rank + 1;
                break;
            }
            rank = last;
        }
        reply_rank(c, z, rank, scores, pairs);
    }
    keel_free(drawn);
}

static bool parse_count(KeelCtx *c, const KeelStr *argv, int argc, int64_t *count) {
    if (!keel_arg_int(c, argv[2], count)) return false;
    if (*count < -INT64_MAX) {
        keel_reply_error(c, "ERR value is out of range, value must between "
                            "-9223372036854775807 and 9223372036854775807");
    } else if (argc > 4 || (argc == 4 && !keel_is(argv[3], "withscores"))) {
        keel_reply_syntax(c);
    } else if (argc == 4 && (*count < -(INT64_MAX / 2) || *count > INT64_MAX / 2)) {
        keel_reply_error(c, "ERR value is out of range");
    } else {
        return true;
    }
    return false;
}

void zsets_zrandmember(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    Zset *z;
    int64_t count = 1;
    if (argc > 2 && !parse_count(c, argv, argc, &count)) return;
    if (!zsets_open(c, argv[1], KEEL_KEY_READ, &key, &z)) return;
    if (argc == 2) {
        if (z) reply_rank(c, z, keel_random_below(zset_length(z)), false, false);
        else keel_reply_null(c);
        return;
    }
    if (z && count < -KEEL_REPEATS_MAX) {
        keel_reply_error(c, "ERR value is out of range");
        return;
    }
    bool scores = argc == 4, pairs = scores && keel_reply_protocol(c) > 2;
    size_t n = (size_t)(count < 0 ? -count : count), length = z ? zset_length(z) : 0;
    if (!z || count >= (int64_t)length) {
        reply_run(c, z, 0, length, false, scores);
        return;
    }
    reply_members(c, n, scores);
    if (count < 0) draw_any(c, z, n, scores, pairs);
    else if (n > length / 3) draw_many(c, z, n, scores, pairs);
    else if (n) draw_few(c, z, n, scores, pairs);
}

/* ---- ZSCAN ----------------------------------------------------------------------------------- */

typedef struct ScanWalk {
    KeelCtx *ctx;
    const KeelScan *scan;
    size_t found;
} ScanWalk;

/* Large sets show scores with all 17 digits here, as only here they do. */
static void scan_element(void *element, void *data) {
    ScanWalk *walk = data;
    KeelStr name = name_read((const char *)element + 8);
    char text[48];
    if (!keel_scan_matches(walk->scan, name)) return;
    int len = snprintf(text, sizeof(text), "%.17g", ordered_score(element));
    keel_reply_bulk(walk->ctx, name);
    keel_reply_bulk(walk->ctx, (KeelStr){text, (size_t)len});
    walk->found += 2;
}

/* A small set comes at once, whatever the cursor. */
static void scan_pack(const Zset *z, ScanWalk *walk) {
    char scratch[KEEL_INT_ROOM];
    for (uint8_t *at = lp_first(z->pack); at; at = lp_next(z->pack, at)) {
        KeelStr member = lp_str(at, scratch);
        bool matches = keel_scan_matches(walk->scan, member);
        if (matches) keel_reply_bulk(walk->ctx, member);
        at = lp_after(at);
        if (!matches) continue;
        keel_reply_bulk(walk->ctx, lp_str(at, scratch));
        walk->found += 2;
    }
}

/* The same for other modules. */
typedef struct Showing {
    KeelZsetEach *each;
    void *data;
} Showing;

static void show_element(void *element, void *data) {
    const Showing *s = data;
    s->each(name_read((const char *)element + 8), ordered_score(element), s->data);
}

uint64_t zsets_scan(const void *zset, uint64_t cursor, size_t count, KeelZsetEach *each,
                    void *data) {
    const Zset *z = zset;
    Showing s = {each, data};
    if (z->tree) return dict_scan_some(&z->tree->dict, cursor, count, show_element, &s);
    for (uint8_t *at = lp_first(z->pack); at; at = lp_next(z->pack, at)) {
        char scratch[KEEL_INT_ROOM], digits[KEEL_INT_ROOM];
        double score = 0;
        KeelStr member = lp_str(at, scratch);
        at = lp_after(at);
        keel_parse_double(lp_str(at, digits), &score);
        each(member, score, data);
    }
    return 0;
}

void zsets_zscan(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    Zset *z;
    KeelScan scan;
    if (!keel_scan_cursor(c, argv[2], &scan)) return;
    if (!zsets_open(c, argv[1], KEEL_KEY_READ, &key, &z)) return;
    if (!z) {
        keel_scan_none(c);
        return;
    }
    if (!keel_scan_options(c, argv + 3, argc - 3, &scan, NULL)) return;
    ScanWalk walk = {.ctx = c, .scan = &scan};
    const Dict *d = z->tree ? &z->tree->dict : NULL;
    keel_scan_reply(c, d ? dict_scan_some(d, scan.cursor, scan.count, NULL, NULL) : 0);
    KeelDeferred array = keel_reply_defer_array(c);
    if (d) dict_scan_some(d, scan.cursor, scan.count, scan_element, &walk);
    else scan_pack(z, &walk);
    keel_reply_end(c, array, walk.found);
}
