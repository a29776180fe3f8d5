/* keel/scan.h - the arguments and the reply of commands that walk something in steps, as SCAN does:
 *
 *     cursor [MATCH pattern] [COUNT count] [WORD [value] ...]
 *
 * in any order and either case; of an option given twice the last one counts. The reply is an array
 * of the next cursor and an array of what was found. Context: command.
 *
 * The cursor is read by itself because it is refused before the key is looked at, and the other
 * options only after: for a missing key they are not even read, and the reply is keel_scan_none(). */
#ifndef KEEL_SCAN_H
#define KEEL_SCAN_H

#include <keel/base.h>
#include <keel/reply.h>
#include <keel/text.h>

typedef struct KeelScan {
    uint64_t cursor;
    size_t count;    /* about so many are to be visited: at least 1, 10 when nothing is said */
    KeelStr pattern;
    bool any;        /* there is no pattern, or one that everything matches */
} KeelScan;

/* A further option of one command's own. */
typedef struct KeelScanWord {
    const char *word;
    KeelStr *value;  /* receives the argument behind the word. NULL: none belongs to it */
    bool *given;     /* set to true when the word comes; may be NULL */
} KeelScanWord;

/* Reads the cursor and sets all else to its default. It is read as the C library reads it: the empty
 * text is 0, and a minus sign wraps round. False: "ERR invalid cursor" was replied. */
KEEL_API bool keel_scan_cursor(KeelCtx *c, KeelStr s, KeelScan *scan);
/* Reads the `n` arguments that follow. `words` ends with an empty row; NULL: there are none. False:
 * an error was replied. */
KEEL_API bool keel_scan_options(KeelCtx *c, const KeelStr *options, int n, KeelScan *scan,
                                const KeelScanWord *words);
static inline bool keel_scan_matches(const KeelScan *scan, KeelStr name) {
    return scan->any || keel_match(scan->pattern, name, false);
}

/* The reply up to its second element, which is the caller's to write: an array of what was found. As
 * the next cursor comes first, either what is found is gathered, or the walk is done twice, the
 * first time for nothing but its end (see dict_scan_some() in ds/dict.h). */
static inline void keel_scan_reply(KeelCtx *c, uint64_t next_cursor) {
    char digits[KEEL_INT_ROOM];
    keel_reply_array(c, 2);
    keel_reply_bulk(c, (KeelStr){digits, keel_format_int(digits, (int64_t)next_cursor)});
}
/* The whole reply where there is nothing to walk. */
static inline void keel_scan_none(KeelCtx *c) {
    keel_scan_reply(c, 0);
    keel_reply_array(c, 0);
}

#endif
