/* search.c - GEOSEARCH, GEOSEARCHSTORE, and GEORADIUS, GEORADIUSBYMEMBER with their _RO forms.
 *
 * All are one search: around a point or a member, in a circle or a box, perhaps sorted by distance,
 * cut, and stored. Points are found cell by cell; unsorted replies show them in that order. */
#include "nearest.h"

typedef enum Order { UNSORTED, NEAREST, FARTHEST } Order;

typedef struct Search {
    Shape shape;
    Order order;
    int64_t count;       /* 0: all */
    bool any;            /* the first `count` that are found */
    bool with_distance, with_hash, with_point;
    const KeelStr *store; /* NULL: reply */
    bool store_distance;
    /* Of GEOSEARCH: what was given. */
    bool from_member, from_point, by_radius, by_box;
} Search;

/* What a command of the family has of its own. */
typedef struct Form {
    bool search;  /* GEOSEARCH and GEOSEARCHSTORE: all is said by options */
    bool stores;  /* the first argument is the destination, or STORE is an option */
    bool member;  /* GEORADIUSBYMEMBER */
} Form;

/* ---- arguments ------------------------------------------------------------------------------- */

static bool parse_length(KeelCtx *c, KeelStr word, double *v, const char *error) {
    if (keel_parse_double(word, v)) return true;
    keel_reply_error(c, error);
    return false;
}

static bool parse_radius(KeelCtx *c, const KeelStr *words, Shape *s) {
    if (!parse_length(c, words[0], &s->radius, "ERR need numeric radius")) return false;
    if (s->radius < 0) {
        keel_reply_error(c, "ERR radius cannot be negative");
        return false;
    }
    s->box = false;
    return geo_parse_unit(c, words[1], &s->unit);
}

static bool parse_box(KeelCtx *c, const KeelStr *words, Shape *s) {
    if (!parse_length(c, words[0], &s->width, "ERR need numeric width") ||
        !parse_length(c, words[1], &s->height, "ERR need numeric height")) {
        return false;
    }
    if (s->width < 0 || s->height < 0) {
        keel_reply_error(c, "ERR height or width cannot be negative");
        return false;
    }
    s->box = true;
    return geo_parse_unit(c, words[2], &s->unit);
}

static bool parse_member(KeelCtx *c, const void *value, KeelStr member, Point *p) {
    double score;
    if (!value) return true; /* nothing will be found, but the other arguments are checked */
    if (!zset->score(value, member, &score)) {
        keel_reply_error(c, "ERR could not decode requested zset member");
        return false;
    }
    *p = point_of_score(score);
    return true;
}

static bool parse_count(KeelCtx *c, KeelStr word, int64_t *count) {
    if (!keel_arg_int(c, word, count)) return false;
    if (*count > 0) return true;
    keel_reply_error(c, "ERR COUNT must be > 0");
    return false;
}

/* Options that are one word. */
static bool parse_flag(KeelStr word, Form form, Search *s) {
    if (keel_is(word, "withdist")) s->with_distance = true;
    else if (keel_is(word, "withhash")) s->with_hash = true;
    else if (keel_is(word, "withcoord")) s->with_point = true;
    else if (keel_is(word, "any")) s->any = true;
    else if (keel_is(word, "asc")) s->order = NEAREST;
    else if (keel_is(word, "desc")) s->order = FARTHEST;
    else if (form.search && form.stores && keel_is(word, "storedist")) s->store_distance = true;
    else return false;
    return true;
}

/* Options with a value: how many words they took, 0 for none of them, -1 after an error. */
static int parse_valued(KeelCtx *c, const KeelStr *words, int left, Form form, const void *value,
                        Search *s) {
    if (left > 1 && keel_is(*words, "count")) {
        return parse_count(c, words[1], &s->count) ? 2 : -1;
    }
    if (!form.search) {
        bool distance = keel_is(*words, "storedist");
        if (!form.stores || left < 2 || !(distance || keel_is(*words, "store"))) return 0;
        s->store = &words[1];
        s->store_distance = distance;
        return 2;
    }
    if (left > 1 && !s->from_point && keel_is(*words, "frommember")) {
        s->from_member = true;
        return parse_member(c, value, words[1], &s->shape.center) ? 2 : -1;
    }
    if (left > 2 && !s->from_member && keel_is(*words, "fromlonlat")) {
        s->from_point = true;
        return geo_parse_point(c, words + 1, &s->shape.center) ? 3 : -1;
    }
    if (left > 2 && !s->by_box && keel_is(*words, "byradius")) {
        s->by_radius = true;
        return parse_radius(c, words + 1, &s->shape) ? 3 : -1;
    }
    if (left > 3 && !s->by_radius && keel_is(*words, "bybox")) {
        s->by_box = true;
        return parse_box(c, words + 1, &s->shape) ? 4 : -1;
    }
    return 0;
}

static bool options_agree(KeelCtx *c, const KeelStr *argv, Form form, const Search *s) {
    if (s->store && (s->with_distance || s->with_hash || s->with_point)) {
        keel_reply_errorf(c, "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD "
                          "options", form.search ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");
    } else if (form.search && !s->from_member && !s->from_point) {
        keel_reply_errorf(c, "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %s",
                          argv[0].ptr);
    } else if (form.search && !s->by_radius && !s->by_box) {
        keel_reply_errorf(c, "ERR exactly one of BYRADIUS and BYBOX can be specified for %s",
                          argv[0].ptr);
    } else if (s->any && !s->count) {
        keel_reply_error(c, "ERR the ANY argument requires COUNT argument");
    } else {
        return true;
    }
    return false;
}

static bool parse(KeelCtx *c, const KeelStr *argv, int argc, Form form, const void *value,
                  Search *s) {
    int i;
    if (form.search) {
        i = form.stores ? 3 : 2;
        if (form.stores) s->store = &argv[1];
    } else if (form.member) {
        i = 5;
        if (value && (!parse_member(c, value, argv[2], &s->shape.center) ||
                      !parse_radius(c, argv + 3, &s->shape))) {
            return false;
        }
    } else {
        i = 6;
        if (!geo_parse_point(c, argv + 2, &s->shape.center) ||
            !parse_radius(c, argv + 4, &s->shape)) {
            return false;
        }
    }
    while (i < argc) {
        int used = parse_flag(argv[i], form, s);
        if (!used) used = parse_valued(c, argv + i, argc - i, form, value, s);
        if (used < 0) return false;
        if (used == 0) {
            keel_reply_syntax(c);
            return false;
        }
        i += used;
    }
    return options_agree(c, argv, form, s);
}

/* The destination, wherever it is: the last one counts, as it does for the command. */
int geo_georadius_keys(const KeelStr *argv, int argc, KeelKeyUse *uses, int room) {
    int store = 0;
    if (argc < 5) return -1;
    for (int i = 5; i + 1 < argc; i++) {
        if (keel_is(argv[i], "store") || keel_is(argv[i], "storedist")) store = ++i;
    }
    if (room > 0) uses[0] = (KeelKeyUse){1, KEEL_USE_RO | KEEL_USE_ACCESS};
    if (store && room > 1) uses[1] = (KeelKeyUse){store, KEEL_USE_OW | KEEL_USE_UPDATE};
    return store ? 2 : 1;
}

/* ---- searching ------------------------------------------------------------------------------- */

typedef struct Results {
    Found *items;
    size_t count, room;
} Results;

static void results_add(Results *r, const Found *found) {
    if (r->count == r->room) {
        r->room = r->room ? r->room * 2 : 16;
        r->items = keel_realloc(r->items, r->room * sizeof(*r->items));
    }
    r->items[r->count++] = *found;
}

/* `limit` 0: all. */
static void search_cell(const void *value, Cell cell, const Shape *shape, size_t limit,
                        Results *r) {
    KeelScoreRange range = {.max_open = true};
    Found found;
    cell_scores(cell, &range.min, &range.max);
    bool more = zset->first_of_scores(value, &range, &found.at);
    for (; more; more = zset->next(&found.at)) {
        KeelZsetItem item;
        zset->item(&found.at, &item);
        if (item.score >= range.max) break;
        found.score = item.score;
        found.point = point_of_score(item.score);
        if (!shape_has(shape, found.point, &found.distance)) continue;
        results_add(r, &found);
        if (limit && r->count >= limit) break;
    }
}

/* Round the whole world neighbours may be the same cell: one that equals the one before is passed
 * over, though not when that is the middle. */
static void search_cells(const void *value, const Search *s, Results *r) {
    Cell cells[SHAPE_CELLS];
    size_t limit = s->any ? (size_t)s->count : 0;
    int last = 0;
    shape_cells(&s->shape, cells);
    for (int i = 0; i < SHAPE_CELLS; i++) {
        if (cells[i].steps == 0) continue;
        if (last && cells[i].bits == cells[last].bits) continue;
        if (limit && r->count >= limit) break;
        search_cell(value, cells[i], &s->shape, limit, r);
        last = i;
    }
}

/* ---- results --------------------------------------------------------------------------------- */

static void reply(KeelCtx *c, const Search *s, const Results *r, size_t n) {
    size_t extras = (size_t)s->with_distance + s->with_hash + s->with_point;
    keel_reply_array(c, n);
    for (size_t i = 0; i < n; i++) {
        const Found *found = &r->items[i];
        KeelZsetItem item;
        zset->item(&found->at, &item);
        if (extras) keel_reply_array(c, extras + 1);
        keel_reply_bulk(c, item.member);
        if (s->with_distance) geo_reply_distance(c, found->distance / s->shape.unit);
        if (s->with_hash) keel_reply_int(c, (int64_t)found->score);
        if (s->with_point) geo_reply_point(c, found->point);
    }
}

static void store(KeelCtx *c, const Search *s, const Results *r, size_t n, const char *event) {
    void *result = zset->create(n, 0);
    for (size_t i = 0; i < n; i++) {
        const Found *found = &r->items[i];
        KeelZsetItem item;
        double score = s->store_distance ? found->distance / s->shape.unit : found->score;
        zset->item(&found->at, &item);
        zset->add(result, score, item.member, 0, NULL);
    }
    KeelKey key;
    keel_key_open(c, *s->store, KEEL_KEY_WRITE | KEEL_KEY_NO_STATS, &key);
    n = zset->store(c, &key, result, event);
    if (n > 1) keel_dirty_add(c, n - 1);
    keel_reply_int(c, (int64_t)n);
}

static void search(KeelCtx *c, const KeelStr *argv, int argc, Form form) {
    KeelKey key;
    void *value;
    Search s = {.shape.unit = 1};
    Results r = {0};
    KeelStr source = argv[form.search && form.stores ? 2 : 1];
    if (!geo_open(c, source, &key, &value) || !parse(c, argv, argc, form, value, &s)) return;
    if (value) search_cells(value, &s, &r);
    size_t n = s.count && (uint64_t)s.count < r.count ? (size_t)s.count : r.count;
    /* The nearest are meant when only so many are wanted, unless any will do. */
    if (s.count && s.order == UNSORTED && !s.any) s.order = NEAREST;
    if (s.order != UNSORTED) nearest_first(r.items, r.count, n, s.order == FARTHEST);
    if (s.store) {
        store(c, &s, &r, n, form.search ? "geosearchstore" : "georadiusstore");
    } else {
        reply(c, &s, &r, n);
    }
    keel_free(r.items);
}

void geo_geosearch(KeelCtx *c, const KeelStr *argv, int argc) {
    search(c, argv, argc, (Form){.search = true});
}

void geo_geosearchstore(KeelCtx *c, const KeelStr *argv, int argc) {
    search(c, argv, argc, (Form){.search = true, .stores = true});
}

void geo_georadius(KeelCtx *c, const KeelStr *argv, int argc) {
    search(c, argv, argc, (Form){.stores = true});
}

void geo_georadius_ro(KeelCtx *c, const KeelStr *argv, int argc) {
    search(c, argv, argc, (Form){0});
}

void geo_georadiusbymember(KeelCtx *c, const KeelStr *argv, int argc) {
    search(c, argv, argc, (Form){.stores = true, .member = true});
}

void geo_georadiusbymember_ro(KeelCtx *c, const KeelStr *argv, int argc) {
    search(c, argv, argc, (Form){.member = true});
}
