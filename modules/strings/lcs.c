/* lcs.c - LCS: the longest common subsequence of two strings, its length, or where it lies.
 *
 * The textbook table holds a length for every pair of prefixes: four bytes a cell, one step each.
 * Neighbours in a row differ by 0 or 1, so here a row is a bit vector of those differences, and a
 * row follows from the one before by one addition over the whole vector (Hyyro 2004): 64 cells a
 * step, an eighth of a byte a cell. The way back through the table needs no more than that: where
 * the bytes differ, it goes up when the row rises at this column, and left otherwise, which is the
 * choice that the lengths themselves would have made.
 *
 * The limits and their texts are those of servers that do keep four bytes a cell. */
#include "strings.h"
#include <string.h>

/* A set bit j of row i: the row does not rise between columns j and j + 1. */
typedef struct Table {
    KeelStr a, b;
    size_t words;      /* in a row */
    uint64_t *rows;    /* one after each byte of `a`; a single one when only the length counts */
    uint64_t *matches; /* per distinct byte of `a`: where `b` holds it */
    int index[256];    /* byte to its row of `matches`; -1: not in `a` */
    bool keep;
} Table;

static void table_free(Table *t) {
    keel_free(t->rows);
    keel_free(t->matches);
}

/* Numbers the bytes of `a`; memory follows from what occurs, never from 256 times `b`. With as many
 * rows of `matches` as `a` has distinct bytes, they take no more than the rows of the table do. */
static size_t index_bytes(Table *t) {
    size_t n = 0;
    memset(t->index, -1, sizeof t->index);
    for (size_t i = 0; i < t->a.len && n < 256; i++) {
        int *slot = &t->index[(unsigned char)t->a.ptr[i]];
        if (*slot < 0) *slot = (int)n++;
    }
    return n;
}

/* Allocates and finds the matches; false when memory is lacking, and nothing is kept then. The
 * caller has bounded a.len * b.len. */
static bool table_make(Table *t, KeelStr a, KeelStr b, bool keep) {
    *t = (Table){.a = a, .b = b, .words = b.len / 64 + 1, .keep = keep};
    size_t kinds = index_bytes(t), rows = keep ? a.len : 1, bytes;
    if (__builtin_mul_overflow(rows ? rows : 1, t->words * 8, &bytes)) return false;
    t->rows = keel_try_alloc(bytes);
    t->matches = keel_try_alloc((kinds ? kinds : 1) * t->words * 8);
    if (!t->rows || !t->matches) {
        table_free(t);
        return false;
    }
    memset(t->matches, 0, kinds * t->words * 8);
    for (size_t j = 0; j < b.len; j++) {
        int slot = t->index[(unsigned char)b.ptr[j]];
        if (slot >= 0) t->matches[(size_t)slot * t->words + j / 64] |= 1ull << (j % 64);
    }
    return true;
}

/* Computes all rows; returns the length of the subsequence. With V the row before, as bits that are
 * clear where it rises, and U those of V where the next byte of `a` matches, the next row is
 * (V + U) | (V & ~U): the sum's carry moves each rise left to the first match in its stretch. The
 * row before the first one never rises. */
static int64_t table_fill(Table *t) {
    const uint64_t *last = NULL;
    for (size_t i = 0; i < t->a.len; i++) {
        uint64_t *row = t->keep ? t->rows + i * t->words : t->rows;
        size_t slot = (size_t)t->index[(unsigned char)t->a.ptr[i]];
        const uint64_t *match = t->matches + slot * t->words;
        unsigned carry = 0;
        for (size_t w = 0; w < t->words; w++) {
            uint64_t v = last ? last[w] : UINT64_MAX, u = v & match[w], sum;
            unsigned over = __builtin_add_overflow(v, u, &sum);
            over |= __builtin_add_overflow(sum, (uint64_t)carry, &sum);
            carry = over;
            row[w] = sum | (v & ~u);
        }
        last = row;
    }
    if (!last) return 0;
    /* Bits past the end of `b` match nothing, but a carry may still run into them. */
    int64_t rises = 0;
    for (size_t w = 0; w < t->words; w++) {
        size_t from = w * 64, left = t->b.len - from;
        uint64_t mask = left >= 64 ? UINT64_MAX : (1ull << left) - 1;
        rises += __builtin_popcountll(~last[w] & mask);
    }
    return rises;
}

/* Whether the row after byte i of `a` rises at byte j of `b`. */
static inline bool rises_at(const Table *t, size_t i, size_t j) {
    return !(t->rows[i * t->words + j / 64] >> (j % 64) & 1);
}

/* What was asked for; none of `length` and `ranges`: the bytes. */
typedef struct LcsCall {
    bool length, ranges, with_lengths;
    int64_t min_length;
} LcsCall;

/* A run of bytes that both strings have: the last `len` before `a_end` and `b_end`. */
typedef struct Run {
    size_t a_end, b_end, len;
} Run;

static void reply_run(KeelCtx *c, const LcsCall *call, const Run *run) {
    keel_reply_array(c, call->with_lengths ? 3 : 2);
    keel_reply_array(c, 2);
    keel_reply_int(c, (int64_t)(run->a_end - run->len));
    keel_reply_int(c, (int64_t)run->a_end - 1);
    keel_reply_array(c, 2);
    keel_reply_int(c, (int64_t)(run->b_end - run->len));
    keel_reply_int(c, (int64_t)run->b_end - 1);
    if (call->with_lengths) keel_reply_int(c, (int64_t)run->len);
}

/* Walks back from the end. With `text` (of the subsequence's length) writes its bytes; otherwise
 * replies with the runs, last first, and returns how many. */
static size_t walk_back(KeelCtx *c, const Table *t, const LcsCall *call, char *text, size_t len) {
    size_t i = t->a.len, j = t->b.len, replied = 0;
    Run run = {0, 0, 0};
    while (i > 0 && j > 0) {
        bool match = t->a.ptr[i - 1] == t->b.ptr[j - 1];
        if (match) {
            if (run.len++ == 0) {
                run.a_end = i;
                run.b_end = j;
            }
            if (text) text[--len] = t->a.ptr[i - 1];
            i--;
            j--;
        } else if (rises_at(t, i - 1, j - 1)) {
            i--;
        } else {
            j--;
        }
        if (run.len > 0 && (!match || i == 0 || j == 0)) {
            if (!text && (int64_t)run.len >= call->min_length) {
                reply_run(c, call, &run);
                replied++;
            }
            run.len = 0;
        }
    }
    return replied;
}

/* A minimal length without ranges, or below 1, has no effect. */
static bool parse_options(KeelCtx *c, const KeelStr *argv, int argc, LcsCall *call) {
    *call = (LcsCall){0};
    for (int i = 3; i < argc; i++) {
        if (keel_is(argv[i], "idx")) {
            call->ranges = true;
        } else if (keel_is(argv[i], "len")) {
            call->length = true;
        } else if (keel_is(argv[i], "withmatchlen")) {
            call->with_lengths = true;
        } else if (keel_is(argv[i], "minmatchlen") && i + 1 < argc) {
            if (!keel_arg_int(c, argv[++i], &call->min_length)) return false;
        } else {
            keel_reply_syntax(c);
            return false;
        }
    }
    if (call->ranges && call->length) {
        keel_reply_error(c, "ERR If you want both the length and indexes, please just use IDX.");
        return false;
    }
    return true;
}

/* Whether the pair is small enough; an error was replied otherwise. */
static bool check_size(KeelCtx *c, KeelStr a, KeelStr b) {
    uint64_t cells;
    if (a.len >= UINT32_MAX - 1 || b.len >= UINT32_MAX - 1) {
        keel_reply_error(c, "ERR String too long for LCS");
        return false;
    }
    if (__builtin_mul_overflow((uint64_t)(a.len + 1) * 4, (uint64_t)b.len + 1, &cells)) {
        keel_reply_error(c, "ERR Insufficient memory, failed allocating transient memory for LCS");
        return false;
    }
    if (cells > strings_max()) {
        keel_reply_error(c, "ERR Insufficient memory, transient memory for LCS exceeds "
                            "proto-max-bulk-len");
        return false;
    }
    return true;
}

static void reply_answer(KeelCtx *c, Table *t, const LcsCall *call) {
    int64_t len = table_fill(t);
    if (call->length) {
        keel_reply_int(c, len);
    } else if (call->ranges) {
        keel_reply_map(c, 2);
        keel_reply_bulk(c, KEEL_LIT("matches"));
        KeelDeferred runs = keel_reply_defer_array(c);
        size_t n = walk_back(c, t, call, NULL, 0);
        keel_reply_end(c, runs, n);
        keel_reply_bulk(c, KEEL_LIT("len"));
        keel_reply_int(c, len);
    } else {
        char *text = keel_alloc((size_t)len + 1);
        walk_back(c, t, call, text, (size_t)len);
        keel_reply_bulk(c, (KeelStr){text, (size_t)len});
        keel_free(text);
    }
}

void strings_lcs(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey keys[2];
    KeelStr s[2] = {{"", 0}, {"", 0}};
    char scratch[2][KEEL_INT_ROOM];
    for (int i = 0; i < 2; i++) {
        keel_key_open(c, argv[i + 1], KEEL_KEY_READ, &keys[i]);
    }
    for (int i = 0; i < 2; i++) {
        if (!keel_key_is(&keys[i], &strings_type)) {
            keel_reply_error(c, "ERR The specified keys must contain string values");
            return;
        }
        if (keel_key_exists(&keys[i])) s[i] = keel_key_bytes(&keys[i], scratch[i]);
    }
    LcsCall call;
    if (!parse_options(c, argv, argc, &call) || !check_size(c, s[0], s[1])) return;
    Table t;
    if (!table_make(&t, s[0], s[1], !call.length)) {
        keel_reply_error(c, "ERR Insufficient memory, failed allocating transient memory for LCS");
        return;
    }
    reply_answer(c, &t, &call);
    table_free(&t);
}
