/* packed.c - the small form of a sorted set: a listpack of members and scores in order.
 *
 * Scores are integers where they are whole numbers, otherwise text, the shortest that reads back.
 * All is found by walking, which for the sizes that the settings allow is quicker than anything
 * that has to be kept up. */
#include <math.h>

#include "zset.h"

double packed_score(const uint8_t *at) {
    LpValue v = lp_get(at);
    double score;
    if (!v.ptr) return (double)v.number;
    return keel_parse_double((KeelStr){v.ptr, v.len}, &score) ? score : NAN;
}

/* Every second element is compared; scores are passed over. */
uint8_t *packed_find(const uint8_t *pack, KeelStr member, double *score) {
    uint8_t *first = lp_first(pack);
    uint8_t *at = first ? lp_find(pack, first, member, 1) : NULL;
    if (at && score) *score = packed_score(lp_after(at));
    return at;
}

/* Whether the score is kept as an integer: -0 is, as 0. */
static bool whole(double score, int64_t *v) {
    if (!(fabs(score) <= 0x1p62)) return false;
    *v = (int64_t)score;
    return (double)*v == score;
}

uint8_t *packed_append(uint8_t *pack, KeelStr member, double score) {
    int64_t v;
    pack = lp_append(pack, member);
    if (whole(score, &v)) return lp_append_int(pack, v);
    char text[40];
    size_t len = keel_format_double(text, score);
    return lp_append(pack, (KeelStr){text, len});
}

uint8_t *packed_insert(uint8_t *pack, KeelStr member, double score) {
    uint8_t *at = lp_first(pack);
    while (at) {
        uint8_t *beside = lp_after(at);
        double other = packed_score(beside);
        char scratch[KEEL_INT_ROOM];
        if (other > score ||
            (other == score && bytes_compare(lp_str(at, scratch), member) > 0)) {
            break;
        }
        at = lp_next(pack, beside);
    }
    if (!at) return packed_append(pack, member, score);
    int64_t v;
    pack = lp_insert(pack, &at, member, false);
    if (whole(score, &v)) return lp_insert_int(pack, &at, v, true);
    char text[40];
    size_t len = keel_format_double(text, score);
    return lp_insert(pack, &at, (KeelStr){text, len}, true);
}
