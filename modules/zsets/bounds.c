/* bounds.c - the ends of ranges: how commands spell them, and what lies inside.
 *
 * Scores are read by strtod() and not by the stricter keel_parse_double(): that ranges may start
 * with a space, or be hexadecimal, is how they always were. */
#include <math.h>
#include <stdlib.h>

#include "zset.h"

static bool score_parse(KeelStr s, double *score, bool *open) {
    char *end;
    *open = s.ptr[0] == '(';
    *score = strtod(s.ptr + *open, &end);
    return *end == '\0' && !isnan(*score);
}

bool scores_parse(KeelStr min, KeelStr max, KeelScoreRange *range) {
    return score_parse(min, &range->min, &range->min_open) &&
           score_parse(max, &range->max, &range->max_open);
}

bool scores_empty(const KeelScoreRange *range) {
    return range->min > range->max ||
           (range->min == range->max && (range->min_open || range->max_open));
}

bool score_in(const KeelScoreRange *range, double score) {
    return (range->min_open ? score > range->min : score >= range->min) &&
           (range->max_open ? score < range->max : score <= range->max);
}

/* "-" and "+" are ends beyond all members, and count as open ones. */
static bool lex_parse_end(KeelStr s, KeelStr *word, bool *open, int8_t *end) {
    *end = 0;
    *open = s.ptr[0] != '[';
    *word = (KeelStr){s.ptr + 1, s.len - 1};
    if (s.len == 0) return false;
    if (s.ptr[0] == '[' || s.ptr[0] == '(') return true;
    *end = s.ptr[0] == '+' ? 1 : -1;
    return (s.ptr[0] == '+' || s.ptr[0] == '-') && s.ptr[1] == '\0';
}

bool lex_parse(KeelStr min, KeelStr max, KeelLexRange *range) {
    return lex_parse_end(min, &range->min, &range->min_open, &range->min_end) &&
           lex_parse_end(max, &range->max, &range->max_open, &range->max_end);
}

bool lex_empty(const KeelLexRange *range) {
    int order = range->min_end - range->max_end;
    if (range->min_end == 0 && range->max_end == 0) order = bytes_compare(range->min, range->max);
    return order > 0 || (order == 0 && (range->min_open || range->max_open));
}

bool lex_after_min(const KeelLexRange *range, KeelStr member) {
    if (range->min_end) return range->min_end < 0;
    int order = bytes_compare(member, range->min);
    return range->min_open ? order > 0 : order >= 0;
}

bool lex_before_max(const KeelLexRange *range, KeelStr member) {
    if (range->max_end) return range->max_end > 0;
    int order = bytes_compare(member, range->max);
    return range->max_open ? order < 0 : order <= 0;
}

bool lex_in(const KeelLexRange *range, KeelStr member) {
    return lex_after_min(range, member) && lex_before_max(range, member);
}
