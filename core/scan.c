/* scan.c - the arguments of commands that walk in steps. See keel/scan.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include <keel.h>

enum { COUNT_DEFAULT = 10 };

bool keel_scan_cursor(KeelCtx *c, KeelStr s, KeelScan *scan) {
    char *end;
    *scan = (KeelScan){.count = COUNT_DEFAULT, .any = true};
    errno = 0;
    scan->cursor = strtoull(s.ptr, &end, 10);
    if (isspace((unsigned char)s.ptr[0]) || *end != '\0' || errno == ERANGE) {
        keel_reply_error(c, "ERR invalid cursor");
        return false;
    }
    return true;
}

static bool read_count(KeelCtx *c, KeelStr s, size_t *count) {
    int64_t v;
    if (!keel_arg_int(c, s, &v)) return false;
    if (v < 1) {
        keel_reply_syntax(c);
        return false;
    }
    *count = (size_t)v;
    return true;
}

static const KeelScanWord *find_word(const KeelScanWord *words, KeelStr s, bool has_value) {
    for (; words && words->word; words++) {
        if (keel_is(s, words->word) && (has_value || !words->value)) return words;
    }
    return NULL;
}

bool keel_scan_options(KeelCtx *c, const KeelStr *options, int n, KeelScan *scan,
                       const KeelScanWord *words) {
    for (int i = 0; i < n; i++) {
        const KeelStr *value = i + 1 < n ? &options[i + 1] : NULL;
        if (value && keel_is(options[i], "count")) {
            if (!read_count(c, *value, &scan->count)) return false;
            i++;
        } else if (value && keel_is(options[i], "match")) {
            scan->pattern = *value;
            scan->any = keel_equal(*value, KEEL_LIT("*"));
            i++;
        } else {
            const KeelScanWord *w = find_word(words, options[i], value != NULL);
            if (!w) {
                keel_reply_syntax(c);
                return false;
            }
            if (w->given) *w->given = true;
            if (w->value && value) { /* the search found none without */
                *w->value = *value;
                i++;
            }
        }
    }
    return true;
}
