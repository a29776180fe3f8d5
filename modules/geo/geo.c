/* geo.c - GEOADD, GEODIST, GEOHASH, GEOPOS, and the rows of those and of the searches.
 *
 * Points live in sorted sets: a point's score is its place in a grid of the world (geohash.c), so
 * all that sorted sets can do works on points too, and the journal knows only ZADD. Sets are
 * reached through the interface "zset" alone; the searches are in search.c. */
#include "geo.h"

#include <stdio.h>

const KeelZsetOps *zset;

/* ---- shared by the commands ------------------------------------------------------------------ */

bool geo_open(KeelCtx *c, KeelStr name, KeelKey *key, void **value) {
    *value = NULL;
    if (!keel_key_open(c, name, KEEL_KEY_READ, key)) return true;
    if (!keel_key_is(key, zset->type)) {
        keel_reply_wrongtype(c);
        return false;
    }
    *value = keel_key_value(key);
    return true;
}

bool geo_parse_point(KeelCtx *c, const KeelStr *words, Point *p) {
    if (!keel_parse_double(words[0], &p->longitude) || !keel_parse_double(words[1], &p->latitude)) {
        keel_reply_error(c, "ERR value is not a valid float");
        return false;
    }
    if (point_valid(*p)) return true;
    keel_reply_errorf(c, "ERR invalid longitude,latitude pair %f,%f", p->longitude, p->latitude);
    return false;
}

bool geo_parse_unit(KeelCtx *c, KeelStr word, double *metres) {
    if (keel_is(word, "m")) *metres = 1;
    else if (keel_is(word, "km")) *metres = 1000;
    else if (keel_is(word, "ft")) *metres = 0.3048;
    else if (keel_is(word, "mi")) *metres = 1609.34;
    else {
        keel_reply_error(c, "ERR unsupported unit provided. please use M, KM, FT, MI");
        return false;
    }
    return true;
}

void geo_reply_distance(KeelCtx *c, double distance) {
    char text[400];
    int len = snprintf(text, sizeof(text), "%.4f", distance);
    keel_reply_bulk(c, (KeelStr){text, (size_t)len});
}

/* RESP3 shows the same digits as a number, more of them than a double needs. */
static void reply_coordinate(KeelCtx *c, double v) {
    char text[5 * 1024];
    size_t len = keel_format_long_double(text + 1, (long double)v);
    if (keel_reply_protocol(c) == 2) {
        keel_reply_bulk(c, (KeelStr){text + 1, len});
        return;
    }
    text[0] = ',';
    text[len + 1] = '\r';
    text[len + 2] = '\n';
    keel_reply_raw(c, (KeelStr){text, len + 3}, 1);
}

void geo_reply_point(KeelCtx *c, Point p) {
    keel_reply_array(c, 2);
    reply_coordinate(c, p.longitude);
    reply_coordinate(c, p.latitude);
}

/* ---- GEOADD ---------------------------------------------------------------------------------- */

/* What is executed and recorded: a ZADD of the same options, with scores in place of points. */
typedef struct Adding {
    KeelStr *words; /* of the ZADD */
    char (*digits)[KEEL_INT_ROOM];
    double *scores;
    int first;      /* index of the first longitude, and of the first score in words */
    int points;
    unsigned flags;
    bool changed;
} Adding;

static bool parse_options(KeelCtx *c, const KeelStr *argv, int argc, Adding *a) {
    int i = 2;
    for (; i < argc; i++) {
        if (keel_is(argv[i], "nx")) a->flags |= KEEL_ZADD_NX;
        else if (keel_is(argv[i], "xx")) a->flags |= KEEL_ZADD_XX;
        else if (keel_is(argv[i], "ch")) a->changed = true;
        else break;
    }
    a->first = i;
    a->points = (argc - i) / 3;
    bool both = a->flags == (KEEL_ZADD_NX | KEEL_ZADD_XX);
    if (a->points > 0 && (argc - i) % 3 == 0 && !both) return true;
    keel_reply_syntax(c);
    return false;
}

static bool parse_points(KeelCtx *c, const KeelStr *argv, Adding *a) {
    a->words[0] = KEEL_LIT("zadd");
    for (int i = 1; i < a->first; i++) a->words[i] = argv[i];
    for (int i = 0; i < a->points; i++) {
        Point p;
        if (!geo_parse_point(c, argv + a->first + 3 * i, &p)) return false;
        int64_t cell = point_cell(p);
        a->scores[i] = (double)cell;
        /* Beyond the poles of the projection it has more digits than a score can hold. */
        size_t len = keel_format_int(a->digits[i], cell);
        a->words[a->first + 2 * i] = (KeelStr){a->digits[i], len};
        a->words[a->first + 2 * i + 1] = argv[a->first + 3 * i + 2];
    }
    return true;
}

static void add_points(KeelCtx *c, const Adding *a) {
    KeelKey key;
    int64_t added = 0, updated = 0;
    bool there = keel_key_open(c, a->words[1], KEEL_KEY_WRITE, &key);
    if (!keel_key_is(&key, zset->type)) {
        keel_reply_wrongtype(c);
        return;
    }
    if (!there && a->flags & KEEL_ZADD_XX) {
        keel_reply_int(c, 0);
        return;
    }
    const KeelStr *pairs = a->words + a->first;
    void *value = there ? keel_key_value(&key) : zset->create((size_t)a->points, pairs[1].len);
    for (int i = 0; i < a->points; i++) {
        KeelZadd done = zset->add(value, a->scores[i], pairs[2 * i + 1], a->flags, NULL);
        added += done == KEEL_ZADD_ADDED;
        updated += done == KEEL_ZADD_UPDATED;
    }
    if (!there) {
        keel_key_set_value(&key, zset->type, value, KEEL_NO_EXPIRY);
        keel_key_ready(c, keel_db(c), key.name);
    }
    if (added || updated) {
        keel_key_changed(&key, KEEL_NOTIFY_ZSET, "zadd");
        if (added + updated > 1) keel_dirty_add(c, (uint64_t)(added + updated) - 1);
        keel_journal_instead(c, a->words, a->first + 2 * a->points);
    }
    keel_reply_int(c, a->changed ? added + updated : added);
}

static void geo_geoadd(KeelCtx *c, const KeelStr *argv, int argc) {
    enum { ON_STACK = 8 };
    KeelStr words[2 * ON_STACK + 5];
    char digits[ON_STACK][KEEL_INT_ROOM];
    double scores[ON_STACK];
    Adding a = {.words = words, .digits = digits, .scores = scores};
    if (!parse_options(c, argv, argc, &a)) return;
    bool large = a.points > ON_STACK || a.first > 5;
    if (large) {
        size_t n = (size_t)a.points;
        a.words = keel_alloc(((size_t)a.first + 2 * n) * sizeof(KeelStr));
        a.digits = keel_alloc(n * sizeof(*a.digits));
        a.scores = keel_alloc(n * sizeof(double));
    }
    if (parse_points(c, argv, &a)) add_points(c, &a);
    if (!large) return;
    keel_free(a.words);
    keel_free(a.digits);
    keel_free(a.scores);
}

/* ---- questions ------------------------------------------------------------------------------- */

static void geo_geodist(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    void *value;
    double unit = 1, a, b;
    if (argc > 5) {
        keel_reply_syntax(c);
        return;
    }
    if (argc == 5 && !geo_parse_unit(c, argv[4], &unit)) return;
    if (!geo_open(c, argv[1], &key, &value)) return;
    if (!value || !zset->score(value, argv[2], &a) || !zset->score(value, argv[3], &b)) {
        keel_reply_null(c);
        return;
    }
    geo_reply_distance(c, point_distance(point_of_score(a), point_of_score(b)) / unit);
}

static void geo_geohash(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    void *value;
    double score;
    if (!geo_open(c, argv[1], &key, &value)) return;
    keel_reply_array(c, (size_t)argc - 2);
    for (int i = 2; i < argc; i++) {
        char letters[11];
        if (!value || !zset->score(value, argv[i], &score)) {
            keel_reply_null(c);
            continue;
        }
        point_letters(point_of_score(score), letters);
        keel_reply_bulk(c, (KeelStr){letters, sizeof(letters)});
    }
}

static void geo_geopos(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    void *value;
    double score;
    if (!geo_open(c, argv[1], &key, &value)) return;
    keel_reply_array(c, (size_t)argc - 2);
    for (int i = 2; i < argc; i++) {
        if (value && zset->score(value, argv[i], &score)) {
            geo_reply_point(c, point_of_score(score));
        } else {
            keel_reply_null_array(c);
        }
    }
}

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    if (argc) return keel_load_error(c, "geo takes no arguments");
    zset = keel_interface("zset", KEEL_ZSET_VERSION);
    return zset ? 0 : keel_load_error(c, "no module provides the interface \"zset\" in version %d",
                                      KEEL_ZSET_VERSION);
}

/* ---- tables ---------------------------------------------------------------------------------- */

#define WRITE_OOM (KEEL_WRITE | KEEL_DENYOOM)
#define UNIT_ARGS "(M|KM|FT|MI){unit}"
#define WITH_ARGS "[WITHCOORD] [WITHDIST] [WITHHASH] "
#define COUNT_ARGS "[COUNT count [ANY]{6.2.0}]{count-block} "
#define ORDER_ARGS "[ASC|DESC]{order}"
#define STORE_ARGS " [STORE key{#1 ~key storekey}|STOREDIST key{#2 ~key storedistkey}]{store}"
#define FROM_ARGS "(FROMMEMBER member|FROMLONLAT (longitude:double latitude:double)){from} "
#define BY_ARGS "((BYRADIUS radius:double " UNIT_ARGS "){circle}|" \
    "(BYBOX width:double height:double " UNIT_ARGS "){box}){by} "
#define SEARCH_COUNT_ARGS "[COUNT count [ANY]]{count-block} "
#define RADIUS_COMPLEXITY "O(N+log(M)) where N is the number of elements inside the bounding box " \
    "of the circular area delimited by center and radius and M is the number of items inside " \
    "the index."
#define SEARCH_COMPLEXITY "O(N+log(M)) where N is the number of elements in the grid-aligned " \
    "bounding box area around the shape provided as the filter and M is the number of items " \
    "inside the shape"
#define ANY_HISTORY "6.2.0: Added the `ANY` option for `COUNT`."
#define UNIT_HISTORY "7.0.0: Added support for uppercase unit names."

static const KeelCommand commands[] = {
    { .name = "geoadd",
      .args = "key [NX|XX]{condition 6.2.0} [CH]{change 6.2.0} longitude:double latitude:double "
              "member [longitude:double latitude:double member ...]",
      .flags = WRITE_OOM, .call = geo_geoadd, .group = "geo", .since = "3.2.0", .keys = "RW UPDATE",
      .complexity = "O(log(N)) for each item added, where N is the number of elements in the "
                    "sorted set.",
      .history = "6.2.0: Added the `CH`, `NX` and `XX` options.",
      .summary = "Adds points, or moves them." },
    { .name = "geodist", .args = "key member1 member2 [M|KM|FT|MI]{unit}", .flags = KEEL_READONLY,
      .call = geo_geodist, .group = "geo", .since = "3.2.0", .keys = "RO ACCESS",
      .complexity = "O(1)", .summary = "Returns the distance between two points." },
    { .name = "geohash", .args = "key [member [member ...]]", .flags = KEEL_READONLY,
      .call = geo_geohash, .group = "geo", .since = "3.2.0", .keys = "RO ACCESS",
      .complexity = "O(1) for each member requested.",
      .summary = "Returns the geohashes of points." },
    { .name = "geopos", .args = "key [member [member ...]]", .flags = KEEL_READONLY,
      .call = geo_geopos, .group = "geo", .since = "3.2.0", .keys = "RO ACCESS",
      .complexity = "O(1) for each member requested.",
      .summary = "Returns the coordinates of points." },
    { .name = "georadius",
      .args = "key longitude:double latitude:double radius:double " UNIT_ARGS " " WITH_ARGS
              COUNT_ARGS ORDER_ARGS STORE_ARGS,
      .flags = WRITE_OOM, .call = geo_georadius, .group = "geo", .since = "3.2.0",
      .keys = "RO ACCESS & OW UPDATE: kw STORE 6; range 0 1 0 & "
              "OW UPDATE: kw STOREDIST 6; range 0 1 0",
      .get_keys = geo_georadius_keys, .complexity = RADIUS_COMPLEXITY,
      .history = ANY_HISTORY " | " UNIT_HISTORY,
      .deprecated = "6.2.0: `GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
      .summary = "Finds the points within a distance of a place, and perhaps stores them." },
    { .name = "georadius_ro",
      .args = "key longitude:double latitude:double radius:double " UNIT_ARGS " " WITH_ARGS
              COUNT_ARGS ORDER_ARGS,
      .flags = KEEL_READONLY, .call = geo_georadius_ro, .group = "geo", .since = "3.2.10",
      .keys = "RO ACCESS", .complexity = RADIUS_COMPLEXITY, .history = ANY_HISTORY,
      .deprecated = "6.2.0: `GEOSEARCH` with the `BYRADIUS` argument",
      .summary = "Finds the points within a distance of a place." },
    { .name = "georadiusbymember",
      .args = "key member radius:double " UNIT_ARGS " " WITH_ARGS COUNT_ARGS ORDER_ARGS STORE_ARGS,
      .flags = WRITE_OOM, .call = geo_georadiusbymember, .group = "geo", .since = "3.2.0",
      .keys = "RO ACCESS & OW UPDATE: kw STORE 5; range 0 1 0 & "
              "OW UPDATE: kw STOREDIST 5; range 0 1 0",
      .get_keys = geo_georadius_keys, .complexity = RADIUS_COMPLEXITY,
      .history = ANY_HISTORY " | " UNIT_HISTORY,
      .deprecated = "6.2.0: `GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` "
                    "arguments",
      .summary = "Finds the points within a distance of another one, and perhaps stores them." },
    { .name = "georadiusbymember_ro",
      .args = "key member radius:double " UNIT_ARGS " " WITH_ARGS COUNT_ARGS ORDER_ARGS,
      .flags = KEEL_READONLY, .call = geo_georadiusbymember_ro, .group = "geo", .since = "3.2.10",
      .keys = "RO ACCESS", .complexity = RADIUS_COMPLEXITY,
      .deprecated = "6.2.0: `GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
      .summary = "Finds the points within a distance of another one." },
    { .name = "geosearch",
      .args = "key " FROM_ARGS BY_ARGS ORDER_ARGS " " SEARCH_COUNT_ARGS
              "[WITHCOORD] [WITHDIST] [WITHHASH]",
      .flags = KEEL_READONLY, .call = geo_geosearch, .group = "geo", .since = "6.2.0",
      .keys = "RO ACCESS", .complexity = SEARCH_COMPLEXITY, .history = UNIT_HISTORY,
      .summary = "Finds the points inside a circle or a box." },
    { .name = "geosearchstore",
      .args = "destination source " FROM_ARGS BY_ARGS ORDER_ARGS " " SEARCH_COUNT_ARGS
              "[STOREDIST]",
      .flags = WRITE_OOM, .call = geo_geosearchstore, .group = "geo", .since = "6.2.0",
      .keys = "OW UPDATE & RO ACCESS", .complexity = SEARCH_COMPLEXITY, .history = UNIT_HISTORY,
      .summary = "Stores the points inside a circle or a box." },
    { 0 }
};

KEEL_MODULE(.name = "geo", .version = "1.0.0", .needs = "zsets",
            .summary = "Points in sorted sets: GEOADD, GEOSEARCH, GEODIST ...",
            .commands = commands, .load = load);
