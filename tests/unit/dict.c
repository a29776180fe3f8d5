/* dict.c - the hash table of named elements: random operations against a plain array, walks, scans
 * and random choice while it grows and shrinks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "hash.h"
#include "mem.h"

#include <ds/dict.h>
#include <keel.h>

enum { NAMES = 20000 };

static size_t prefix;
static char *elements[NAMES]; /* the model: what is in the dict under name i */
static unsigned seen[NAMES];
static Dict dict;

/* Some names are empty, long or of bytes that are no text. */
static KeelStr name_of(int i, char room[400]) {
    size_t len = (size_t)snprintf(room, 400, "field:%d", i);
    if (i == 0) return (KeelStr){room, 0};
    if (i % 97 == 0) {
        memset(room + len, '.', 300);
        len += 300;
    }
    if (i % 5 == 0) room[0] = '\0';
    return (KeelStr){room, len};
}

static uint64_t hash_of(int i) {
    char room[400];
    KeelStr name = name_of(i, room);
    return keel_hash(name.ptr, name.len);
}

/* The number of a name is kept behind it. */
static int number_of(const void *element) {
    KeelStr name = name_read((const char *)element + prefix);
    int i;
    memcpy(&i, name.ptr + name.len, sizeof(i));
    return i;
}

static void add(int i) {
    char room[400];
    KeelStr name = name_of(i, room);
    char *e = keel_alloc(prefix + name_header(name.len) + name.len + sizeof(i));
    memset(e, 0x5a, prefix);
    memcpy(name_write(e + prefix, name.ptr, name.len), &i, sizeof(i));
    dict_insert(&dict, hash_of(i), e);
    elements[i] = e;
}

static char *find(int i, Place *place) {
    char room[400];
    return dict_find(&dict, prefix, hash_of(i), name_of(i, room), place);
}

static void drop(int i) {
    Place place;
    char *e = find(i, &place);
    dict_remove(&dict, hash_of(i), place);
    keel_free(e);
    elements[i] = NULL;
}

static bool consistent(void) {
    size_t n = 0;
    for (int i = 0; i < NAMES; i++) {
        Place place;
        if (find(i, &place) != elements[i]) return false;
        n += elements[i] != NULL;
    }
    return n == dict_count(&dict);
}

static bool walk_is_whole(void) {
    DictWalk w;
    size_t n = 0;
    memset(seen, 0, sizeof(seen));
    dict_walk(&w, &dict);
    for (char *e; (e = dict_next(&w)); n++) {
        int i = number_of(e);
        if (elements[i] != e || seen[i]++) return false;
    }
    return n == dict_count(&dict) && dict_next(&w) == NULL;
}

static void mark(void *element, void *data) {
    (void)data;
    seen[number_of(element)]++;
}

/* A scan from start to end in steps of `count`; in between, names of the upper half come (`grow`) or
 * go, so those of the lower half must all be seen. */
static bool scan_sees_all(size_t count, int per_step, bool grow) {
    uint64_t cursor = 0, told;
    int at = NAMES / 2;
    memset(seen, 0, sizeof(seen));
    do {
        told = dict_scan_some(&dict, cursor, count, NULL, NULL);
        cursor = dict_scan_some(&dict, cursor, count, mark, NULL);
        if (told != cursor || cursor >> 48) return false;
        for (int end = at + per_step; at < end && at < NAMES; at++) {
            if (grow && !elements[at]) add(at);
            if (!grow && elements[at]) drop(at);
        }
    } while (cursor);
    for (int i = 0; i < NAMES / 2; i++) {
        if (elements[i] && !seen[i]) return false;
    }
    return true;
}

static void random_operations(int n, unsigned share_of_adds) {
    for (int k = 0; k < n; k++) {
        int i = (int)(check_random() % NAMES);
        Place place;
        char *e = find(i, &place);
        if (e != elements[i]) {
            check(false, "a name is found as the model says", "");
            return;
        }
        if (e && check_random() % 4 == 0) { /* another block in its place */
            size_t size = prefix + name_header(name_read(e + prefix).len) + name_read(e + prefix).len;
            char *copy = keel_alloc(size + sizeof(int));
            memcpy(copy, e, size + sizeof(int));
            dict_replace(&dict, place, copy);
            elements[i] = copy;
            keel_free(e);
        } else if (!e && check_random() % 100 < share_of_adds) {
            add(i);
        } else if (e && check_random() % 100 >= share_of_adds) {
            drop(i);
        }
    }
}

/* Chi-square of `draws` choices among the elements that are there, in standard deviations from what
 * is expected. Its cube root is normal even where there are but two elements (Wilson and Hilferty);
 * the sum itself is not: its tail would fail one run in a hundred. */
static double unevenness(int draws) {
    size_t n = dict_count(&dict);
    memset(seen, 0, sizeof(seen));
    for (int k = 0; k < draws; k++) {
        Place place;
        char *e = dict_random(&dict, &place);
        if (!e || bucket_element(place.bucket, place.index) != e) return 1e9;
        seen[number_of(e)]++;
    }
    double expected = (double)draws / (double)n, sum = 0;
    for (int i = 0; i < NAMES; i++) {
        if (elements[i]) sum += (seen[i] - expected) * (seen[i] - expected) / expected;
        else if (seen[i]) return 1e9;
    }
    double freedom = (double)n - 1, variance = 2 / (9 * freedom);
    return (cbrt(sum / freedom) - (1 - variance)) / sqrt(variance);
}

/* Five deviations: a right program fails once in millions of runs; the seed is the process's. */
static void check_even(const char *when) {
    char detail[200];
    double deviations = unevenness((int)dict_count(&dict) * 50);
    snprintf(detail, sizeof(detail), "%s, %zu elements: %.1f", when, dict_count(&dict), deviations);
    check(deviations < 5, "dict_random() chooses evenly", detail);
}

static void fill(int n) {
    for (int i = 0; i < NAMES; i++) {
        if (elements[i] && i >= n) drop(i);
        if (!elements[i] && i < n) add(i);
    }
}

static void test_random_choice(void) {
    Place place;
    fill(0);
    check(dict_random(&dict, &place) == NULL, "an empty dict has nothing to choose", "");
    fill(1);
    check(dict_random(&dict, &place) == elements[0], "the only element is chosen", "");
    for (int n = 2; n <= 1000; n += 1 + n / 3) {
        fill(n);
        check_even("while growing");
    }
    fill(4000);
    while (!dict.table.old) fill((int)dict_count(&dict) + 1);
    check_even("at the start of a growth");
    fill((int)dict_count(&dict) + 100);
    check(dict.table.old != NULL && dict.table.moved > 0, "the growth goes on", "");
    check_even("in the middle of a growth");
    fill(NAMES);
    keel_resize_pause();
    fill(300);
    keel_resize_resume();
    check_even("in a nearly empty table");
    for (int n = 300; !dict.table.old && n > 10; n--) fill(n);
    check(dict.table.old != NULL, "the table shrinks", "");
    check_even("at the start of a shrinking");
    for (int k = 0; k < 7 && dict.table.old; k++) {
        fill((int)dict_count(&dict) - 1);
        check_even("while shrinking");
    }
}

static void *element_copy(const void *element) {
    KeelStr name = name_read((const char *)element + prefix);
    size_t size = prefix + name_header(name.len) + name.len + sizeof(int);
    return memcpy(keel_alloc(size), element, size);
}

/* Whether a copy has the dict's names, each once, in blocks of its own. */
static bool is_copy(const Dict *copy) {
    DictWalk w;
    size_t n = 0;
    memset(seen, 0, sizeof(seen));
    dict_walk(&w, copy);
    for (const char *e; (e = dict_next(&w)); n++) {
        Place place;
        char room[400];
        int i = number_of(e);
        if (!elements[i] || elements[i] == e || seen[i]++) return false;
        if (dict_find(copy, prefix, hash_of(i), name_of(i, room), &place) != e) return false;
    }
    return n == dict_count(copy) && n == dict_count(&dict);
}

static void test_copies(void) {
    bool resizing[2] = {false, false};
    for (int up = 1; up >= 0; up--) {
        for (int n = 0; n < NAMES; n += n < 40 ? 1 : 41) {
            Dict copy;
            fill(up ? n : NAMES - n);
            resizing[dict.table.old != NULL] = true;
            dict_copy(&copy, &dict, element_copy);
            bool good = is_copy(&copy) && consistent();
            check(good, "a copy has what the dict has, which is as it was", "");
            dict_release(&copy, keel_free);
            if (!good) return;
        }
    }
    check(resizing[0] && resizing[1], "dicts are copied at rest and while they resize", "");
}

static void run(size_t with_prefix) {
    prefix = with_prefix;
    dict_init(&dict, prefix);
    random_operations(100000, 80);
    check(consistent() && walk_is_whole(), "a growing dict is what the model says", "");
    random_operations(100000, 20);
    check(consistent() && walk_is_whole(), "a shrinking dict is what the model says", "");

    for (int n = 10; n < NAMES / 2; n += 37) { /* at all stages of growths */
        fill(n);
        if (!walk_is_whole()) check(false, "a walk sees each element once", "");
    }
    check(scan_sees_all(10, 20, true), "a scan sees what stays while the dict grows", "");
    fill(NAMES / 2);
    check(scan_sees_all(1, 50, true), "a scan in small steps sees what stays, growing", "");
    fill(NAMES);
    for (int i = 100; i < NAMES / 2; i++) drop(i);
    check(scan_sees_all(10, 200, false), "a scan sees what stays while the dict shrinks", "");
    fill(NAMES);
    for (int i = 3; i < NAMES / 2; i++) drop(i);
    check(scan_sees_all(1, 11, false), "a scan in small steps sees what stays, shrinking", "");
    fill(1000);
    memset(seen, 0, sizeof(seen));
    check(dict_scan_some(&dict, 0, SIZE_MAX, mark, NULL) == 0, "a large count scans it all", "");
    for (int i = 0; i < 1000; i++) {
        if (seen[i] != 1) check(false, "a dict at rest shows each element once", "");
    }
    test_random_choice();
    test_copies();

    dict_release(&dict, keel_free);
    memset(elements, 0, sizeof(elements));
    check(keel_self.memory.bytes == 0, "all memory is given back and accounted", "");
}

static void test_lengths(void) {
    char *at = malloc(300000);
    size_t lens[] = {0, 1, 254, 255, 256, 65535, 65536, 299000};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        char *name = malloc(lens[i] + 1);
        memset(name, 'x', lens[i]);
        char *end = name_write(at, name, lens[i]);
        KeelStr s = name_read(at);
        check(s.len == lens[i] && s.ptr + s.len == end && name_is(at, name, lens[i]) &&
              (size_t)(end - at) == name_header(lens[i]) + lens[i], "a name is read back", "");
        check(!name_is(at, name, lens[i] + 1), "another length is another name", "");
        if (lens[i]) name[lens[i] - 1] = 'y';
        check(!lens[i] || !name_is(at, name, lens[i]), "another byte is another name", "");
        free(name);
    }
    uint64_t wider = (uint64_t)UINT32_MAX + 7; /* a header alone: nobody has so long a name here */
    memset(at, 255, 5);
    memcpy(at + 5, &wider, 8);
    check(name_header(wider) == 13 && name_read(at).len == wider && name_read(at).ptr == at + 13,
          "lengths beyond 32 bits are kept", "");
    free(at);
}

int main(void) {
    mem_init();
    hash_init();
    test_lengths();
    run(0);
    run(8);
    return check_done();
}
