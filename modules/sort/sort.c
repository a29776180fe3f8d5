/* sort.c - SORT and SORT_RO: the elements of a list, a set or a sorted set in another order, by
 * themselves or by weights that other keys hold, and what yet other keys say of them.
 *
 * This module knows none of the types: it reads elements through the interfaces "list", "set" and
 * "zset", values through "hash" and those of bytes, and stores through "list". A server without one
 * of these modules sorts what the others hold.
 *
 * Elements are copied first, as looking weights up may expire keys and move others. A pattern
 * without '*' after BY keeps the order that the key has; then only the elements of LIMIT are read.
 * Cost: O(N + M log M) for N elements in the key and M in its sorting, a lookup for each weight and
 * each GET. */
#include "sort.h"

#include <string.h>

static char *collation;          /* locale-collate */
static locale_t collation_locale;

/* ---- replying and storing -------------------------------------------------------------------- */

static void reply_all(KeelCtx *c, const Sort *sort, SortVector *v) {
    size_t shown = v->end - v->start;
    keel_reply_array(c, sort->get_count ? shown * sort->get_count : shown);
    for (size_t i = v->start; i < v->end; i++) {
        if (!sort->get_count) keel_reply_bulk(c, v->items[i].element);
        for (size_t g = 0; g < sort->get_count; g++) {
            KeelStr value;
            Arena scratch = {0};
            if (sort_lookup(c, *sort->gets[g], v->items[i].element, &scratch, &value)) {
                keel_reply_bulk(c, value);
            } else {
                keel_reply_null(c);
            }
            arena_free(&scratch);
        }
    }
}

static void *make_list(KeelCtx *c, const KeelListOps *list, const Sort *sort, SortVector *v) {
    void *made = list->create();
    for (size_t i = v->start; i < v->end; i++) {
        if (!sort->get_count) list->append(made, v->items[i].element);
        for (size_t g = 0; g < sort->get_count; g++) {
            KeelStr value = KEEL_LIT("");
            Arena scratch = {0};
            sort_lookup(c, *sort->gets[g], v->items[i].element, &scratch, &value);
            list->append(made, value);
            arena_free(&scratch);
        }
    }
    return made;
}

static void store_all(KeelCtx *c, const Sort *sort, SortVector *v) {
    const KeelListOps *list = keel_interface("list", KEEL_LIST_VERSION);
    if (!list) {
        keel_reply_error(c, "ERR STORE needs the module that owns lists");
        return;
    }
    size_t stored = (v->end - v->start) * (sort->get_count ? sort->get_count : 1);
    void *made = stored ? make_list(c, list, sort, v) : NULL;
    KeelKey key;
    keel_key_open(c, sort->destination, KEEL_KEY_WRITE, &key);
    if (made) {
        bool there = keel_key_exists(&key);
        keel_key_set_value(&key, list->type, made, KEEL_NO_EXPIRY);
        keel_key_changed(&key, KEEL_NOTIFY_LIST, "sortstore");
        if (!there) keel_key_ready(c, keel_db(c), sort->destination);
        keel_dirty_add(c, stored - 1);
    } else if (keel_key_delete(&key, false)) {
        keel_key_changed(&key, KEEL_NOTIFY_GENERIC, "del");
    }
    keel_reply_int(c, (int64_t)stored);
}

/* ---- commands -------------------------------------------------------------------------------- */

static void sort_any(KeelCtx *c, const KeelStr *argv, int argc, bool writable) {
    Sort sort;
    SortVector v = {0};
    KeelKey key;
    if (!sort_parse(c, argv, argc, writable, &sort)) goto out;
    keel_key_open(c, argv[1], KEEL_KEY_READ, &key);
    if (!sort_load(c, &key, &sort, &v)) goto out;
    if (!sort.keep_order) {
        if (!sort_weigh(c, &sort, &v)) {
            keel_reply_error(c, "ERR One or more scores can't be converted into double");
            goto out;
        }
        sort_order(&sort, &v, collation_locale);
    }
    if (sort.stored) {
        store_all(c, &sort, &v);
    } else {
        reply_all(c, &sort, &v);
    }
out:
    sort_free(&sort);
    keel_free(v.items);
    arena_free(&v.arena);
}

static void sort_sort(KeelCtx *c, const KeelStr *argv, int argc) {
    sort_any(c, argv, argc, true);
}

static void sort_sort_ro(KeelCtx *c, const KeelStr *argv, int argc) {
    sort_any(c, argv, argc, false);
}

/* The key, and the last STORE's destination. Options are passed over as sort_parse() reads them. */
static int sort_keys(const KeelStr *argv, int argc, KeelKeyUse *uses, int room) {
    int n = 0, store = 0;
    if (argc < 2) return -1;
    if (n < room) uses[n] = (KeelKeyUse){1, KEEL_USE_RO | KEEL_USE_ACCESS};
    n++;
    for (int i = 2; i < argc; i++) {
        if (keel_is(argv[i], "limit")) {
            i += 2;
        } else if (keel_is(argv[i], "by") || keel_is(argv[i], "get")) {
            i++;
        } else if (keel_is(argv[i], "store") && i + 1 < argc) {
            store = ++i;
        }
    }
    if (!store) return n;
    if (n < room) uses[n] = (KeelKeyUse){store, KEEL_USE_OW | KEEL_USE_UPDATE};
    return n + 1;
}

/* ---- settings -------------------------------------------------------------------------------- */

/* "" is the process's environment. */
static bool check_locale(const KeelConfig *config, KeelStr value, const char **reason) {
    (void)config;
    locale_t locale = newlocale(LC_COLLATE_MASK, value.ptr, (locale_t)0);
    *reason = "Invalid locale name";
    if (locale) freelocale(locale);
    return locale != (locale_t)0;
}

static bool apply_locale(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting;
    locale_t locale = newlocale(LC_COLLATE_MASK, collation ? collation : "", (locale_t)0);
    *reason = "Invalid locale name";
    if (!locale) return false;
    if (collation_locale) freelocale(collation_locale);
    collation_locale = locale;
    return true;
}

/* Environments name locales that are not installed: they sort as C does. */
static int sort_load_module(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c, (void)argv, (void)argc;
    if (!collation_locale) collation_locale = newlocale(LC_COLLATE_MASK, "", (locale_t)0);
    if (!collation_locale) collation_locale = newlocale(LC_COLLATE_MASK, "C", (locale_t)0);
    return 0;
}

static int sort_unload_module(KeelCtx *c) {
    (void)c;
    freelocale(collation_locale);
    return 0;
}

static const KeelConfig configs[] = {
    {.name = "locale-collate", .type = KEEL_CONFIG_STRING, .var = &collation, .value = "",
     .check = check_locale, .apply = apply_locale},
    {0},
};

/* ---- the module ------------------------------------------------------------------------------ */

#define ARGS                                                                                       \
    "key{#0} [BY pattern]{#1} [LIMIT (offset count)]{offset_count} "                               \
    "[GET pattern [GET pattern ...]]{#1} [ASC|DESC]{order} [ALPHA]{sorting}"
#define KEYS                                                                                       \
    "RO ACCESS: idx 1; range 0 1 0 & RO ACCESS: unknown; unknown = "                               \
    "Keys of BY and GET: named by the elements, so only running it tells them"
#define COST                                                                                       \
    "O(N+M*log(M)) for N elements in the key of which M are sorted; O(N) when their order is kept"

static const KeelCommand commands[] = {
    {.name = "sort", .args = ARGS " [STORE destination]{#2}", .flags = KEEL_WRITE | KEEL_DENYOOM,
     .call = sort_sort, .summary = "Sorts a list, a set or a sorted set, and may store the result.",
     .since = "1.0.0", .complexity = COST, .group = "generic",
     .keys = KEYS " & OW UPDATE: unknown; unknown = STORE's destination: the word may stand anywhere",
     .categories = "@set @sortedset @list @dangerous", .get_keys = sort_keys},
    {.name = "sort_ro", .args = ARGS, .flags = KEEL_READONLY, .call = sort_sort_ro,
     .summary = "Returns a list, a set or a sorted set in another order.", .since = "7.0.0",
     .complexity = COST, .group = "generic", .keys = KEYS,
     .categories = "@set @sortedset @list @dangerous", .get_keys = sort_keys},
    {0},
};

KEEL_MODULE(.name = "sort", .version = "1.0.0",
            .summary = "SORT: elements in another order, by other keys' values.",
            .commands = commands, .configs = configs, .load = sort_load_module,
            .unload = sort_unload_module);
