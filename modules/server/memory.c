/* memory.c - MEMORY: how much there is of it, whose it is, and whether that looks healthy. */
#include "server.h"

#include <keel/replication.h>

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DEFAULT_SAMPLES = 5 };

/* Looks without touching: neither access time nor hits and misses change. */
static void memory_usage(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t samples = DEFAULT_SAMPLES;
    for (int i = 3; i < argc; i++) {
        if (!keel_is(argv[i], "samples") || i + 1 == argc) {
            keel_reply_syntax(c);
            return;
        }
        if (!keel_arg_int(c, argv[++i], &samples)) return;
        if (samples < 0) {
            keel_reply_syntax(c);
            return;
        }
    }
    KeelKey key;
    unsigned mode = KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS | KEEL_KEY_EXPIRED_TOO;
    if (keel_key_open(c, argv[2], mode, &key)) {
        keel_reply_int(c, (int64_t)keel_key_memory(&key, (size_t)samples));
    } else {
        keel_reply_null(c);
    }
}

static void memory_purge(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_mem_purge();
    keel_reply_ok(c);
}

/* --- STATS ---------------------------------------------------------------------------------- */

static void pair_int(KeelCtx *c, const char *name, int64_t v) {
    keel_reply_cstr(c, name);
    keel_reply_int(c, v);
}

static void pair_double(KeelCtx *c, const char *name, double v) {
    keel_reply_cstr(c, name);
    keel_reply_double(c, v);
}

static double ratio(size_t a, size_t b) {
    return b ? (double)a / (double)b : 0;
}

/* A map for each database that holds keys. Returns how many. */
static size_t reply_databases(KeelCtx *c) {
    size_t shown = 0;
    for (int db = 0; db < keel_db_count(); db++) {
        if (!keel_db_size(db)) continue;
        char name[32];
        size_t keys, expiring;
        keel_db_overhead(db, &keys, &expiring);
        snprintf(name, sizeof(name), "db.%d", db);
        keel_reply_cstr(c, name);
        keel_reply_map(c, 2);
        pair_int(c, "overhead.hashtable.main", (int64_t)keys);
        pair_int(c, "overhead.hashtable.expires", (int64_t)expiring);
        shown++;
    }
    return shown;
}

static size_t clients_bytes(const KeelMemoryFacts *f) {
    return f->clients[KEEL_CLIENT_NORMAL] + f->clients[KEEL_CLIENT_PUBSUB];
}

/* What belongs to no key: the empty server, connections and tables. */
static int64_t backlog_bytes(void) {
    const KeelReplicationOps *replication =
        keel_interface("replication", KEEL_REPLICATION_VERSION);
    return replication ? (int64_t)replication->backlog_memory() : 0;
}

static size_t overhead_bytes(const KeelMemoryFacts *f) {
    return f->startup + f->tables + clients_bytes(f) + f->clients[KEEL_CLIENT_REPLICA] +
           f->clients[KEEL_CLIENT_PRIMARY] + (size_t)backlog_bytes();
}

static uint64_t all_keys(void) {
    uint64_t keys = 0;
    for (int db = 0; db < keel_db_count(); db++) keys += keel_db_size(db);
    return keys;
}

/* Fields about what other modules keep (caches) are 0 until such modules write them. */
static void memory_stats(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    KeelMemoryFacts f = {.size = sizeof(f)};
    keel_memory_facts(&f);
    size_t overhead = overhead_bytes(&f), keys = all_keys(), pairs = 0;
    size_t net = f.used > f.startup ? f.used - f.startup : 0;
    size_t dataset = f.used > overhead ? f.used - overhead : 0;

    KeelDeferred map = keel_reply_defer_map(c);
    pair_int(c, "peak.allocated", (int64_t)f.peak), pairs++;
    pair_int(c, "total.allocated", (int64_t)f.used), pairs++;
    pair_int(c, "startup.allocated", (int64_t)f.startup), pairs++;
    pair_int(c, "replication.backlog", backlog_bytes()), pairs++;
    pair_int(c, "clients.slaves", (int64_t)f.clients[KEEL_CLIENT_REPLICA]), pairs++;
    pair_int(c, "clients.normal", (int64_t)clients_bytes(&f)), pairs++;
    pair_int(c, "cluster.links", 0), pairs++;
    pair_int(c, "aof.buffer", 0), pairs++;
    pair_int(c, "lua.caches", 0), pairs++;
    pair_int(c, "functions.caches", 0), pairs++;
    pairs += reply_databases(c);
    pair_int(c, "overhead.total", (int64_t)overhead), pairs++;
    pair_int(c, "keys.count", (int64_t)keys), pairs++;
    pair_int(c, "keys.bytes-per-key", keys ? (int64_t)(net / keys) : 0), pairs++;
    pair_int(c, "dataset.bytes", (int64_t)dataset), pairs++;
    pair_double(c, "dataset.percentage", ratio(dataset, net) * 100), pairs++;
    pair_double(c, "peak.percentage", ratio(f.used, f.peak) * 100), pairs++;
    pair_int(c, "allocator.allocated", (int64_t)f.allocated), pairs++;
    pair_int(c, "allocator.active", (int64_t)f.active), pairs++;
    pair_int(c, "allocator.resident", (int64_t)f.resident), pairs++;
    pair_double(c, "allocator-fragmentation.ratio", ratio(f.active, f.allocated)), pairs++;
    pair_int(c, "allocator-fragmentation.bytes", (int64_t)(f.active - f.allocated)), pairs++;
    pair_double(c, "allocator-rss.ratio", ratio(f.resident, f.active)), pairs++;
    pair_int(c, "allocator-rss.bytes", (int64_t)(f.resident - f.active)), pairs++;
    pair_double(c, "rss-overhead.ratio", ratio(f.resident_set, f.resident)), pairs++;
    pair_int(c, "rss-overhead.bytes", (int64_t)(f.resident_set - f.resident)), pairs++;
    pair_double(c, "fragmentation", ratio(f.resident_set, f.used)), pairs++;
    pair_int(c, "fragmentation.bytes", (int64_t)(f.resident_set - f.used)), pairs++;
    keel_reply_end(c, map, pairs);
}

/* --- DOCTOR --------------------------------------------------------------------------------- */

/* Below LITTLE ratios say nothing; below LITTLE_WASTE nobody would act on them. */
enum { MEGABYTE = 1024 * 1024, LITTLE = 5 * MEGABYTE, LITTLE_WASTE = 10 * MEGABYTE,
       BIG_CLIENT = 200 * 1024 };

/* Six findings of at most 400 bytes: the text has room for all of them. */
typedef struct Report {
    char text[4096];
    size_t len;
    int findings;
} Report;

static void KEEL_PRINTF(2, 3) report_add(Report *r, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(r->text + r->len, sizeof(r->text) - r->len, format, args);
    va_end(args);
    if (n > 0) r->len += (size_t)n;
    if (r->len >= sizeof(r->text)) r->len = sizeof(r->text) - 1;
}

static void report_finding(Report *r, const char *what, const char *meaning) {
    report_add(r, " * %s: %s\n\n", what, meaning);
    r->findings++;
}

/* Whether `above` is more than `limit` times `below`, by an amount that matters. */
static bool wasteful(size_t above, size_t below, double limit) {
    return ratio(above, below) > limit && above > below && above - below > LITTLE_WASTE;
}

static void memory_doctor(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    KeelMemoryFacts f = {.size = sizeof(f)};
    Report r = {.len = 0};
    keel_memory_facts(&f);
    size_t clients = keel_client_count();
    if (f.used < LITTLE) {
        report_add(&r, "There is hardly any data here (%zu bytes in use), so nothing could be told "
                       "from how its memory is used. Come back when there is.\n", f.used);
        keel_reply_verbatim(c, "txt", (KeelStr){r.text, r.len});
        return;
    }
    if (ratio(f.peak, f.used) > 1.5) {
        report_finding(&r, "Peak memory", "once more than 1.5 times of what is used now was in "
            "use. The allocator may keep much of it, which shows as fragmentation but is room for "
            "later data. MEMORY PURGE gives back what it can.");
    }
    if (wasteful(f.resident_set, f.used, 1.4)) {
        report_finding(&r, "High total fragmentation", "the process takes 1.4 times what is in "
            "use, or more. The findings below may tell why; after a peak it is expected.");
    }
    if (wasteful(f.active, f.allocated, 1.1)) {
        report_finding(&r, "High allocator fragmentation", keel_interface("defragmentation", 100)
            ? "pages in use are more than a tenth empty: values of many sizes came and went. CONFIG "
              "SET activedefrag yes moves what is left to fewer pages."
            : "pages in use are more than a tenth empty: values of many sizes came and went.");
    }
    if (wasteful(f.resident, f.active, 1.1)) {
        report_finding(&r, "High allocator RSS overhead", "the allocator holds pages that nothing "
            "is in. They go back with time, or at once with MEMORY PURGE.");
    }
    if (wasteful(f.resident_set, f.resident, 1.1)) {
        report_finding(&r, "High process RSS overhead", "the process takes memory that does not "
            "come from the allocator, such as that of libraries or huge pages.");
    }
    if (clients && clients_bytes(&f) / clients > BIG_CLIENT) {
        report_finding(&r, "Big client buffers", "connections take more than 200 KiB each. Some "
            "send or receive much in one go, or do not read their replies: see tot-mem in CLIENT "
            "LIST.");
    }
    if (!r.findings) report_add(&r, "No memory problem was found.\n");
    keel_reply_verbatim(c, "txt", (KeelStr){r.text, r.len});
}

/* --- MALLOC-STATS --------------------------------------------------------------------------- */

typedef struct Gathered {
    char *bytes;
    size_t len, room;
} Gathered;

static void gather(void *data, const char *text) {
    Gathered *g = data;
    size_t len = strlen(text);
    if (len > g->room - g->len) {
        g->room = (g->room + len) * 2;
        g->bytes = keel_realloc(g->bytes, g->room);
    }
    memcpy(g->bytes + g->len, text, len);
    g->len += len;
}

/* The allocator is the host's, so it is found at run time. */
static void memory_malloc_stats(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    void (*print)(void (*)(void *, const char *), void *, const char *);
    *(void **)&print = dlsym(RTLD_DEFAULT, "malloc_stats_print");
    if (!print) {
        keel_reply_cstr(c, "Stats not supported for the current allocator");
        return;
    }
    Gathered g = {.bytes = keel_alloc(16384), .room = 16384};
    print(gather, &g, NULL);
    keel_reply_verbatim(c, "txt", (KeelStr){g.bytes, g.len});
    keel_free(g.bytes);
}

static void memory_help(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    static const char *const lines[] = {
        "DOCTOR",
        "    What looks wrong about memory, in words.",
        "MALLOC-STATS",
        "    The allocator's own report.",
        "PURGE",
        "    Give unused pages back to the system.",
        "STATS",
        "    Where the memory is, in numbers.",
        "USAGE <key> [SAMPLES <count>]",
        "    Bytes that a key and its value take. Of nested values <count> are looked at",
        "    (default: 5, 0: all).",
        NULL,
    };
    keel_reply_help(c, lines);
}

#define TIPS(response) "nondeterministic_output request_policy:all_shards response_policy:" response

const KeelCommand memory_subcommands[] = {
    {.name = "doctor", .call = memory_doctor, .group = "server",
     .summary = "Reports what looks wrong about memory.", .since = "4.0.0", .complexity = "O(1)",
     .tips = TIPS("special")},
    {.name = "help", .flags = KEEL_LOADING | KEEL_STALE, .call = memory_help, .group = "server",
     .summary = "Describes the subcommands.", .since = "4.0.0", .complexity = "O(1)"},
    {.name = "malloc-stats", .call = memory_malloc_stats, .group = "server",
     .summary = "Returns the allocator's report.", .since = "4.0.0",
     .complexity = "Depends on how much memory is allocated, could be slow",
     .tips = TIPS("special")},
    {.name = "purge", .call = memory_purge, .group = "server",
     .summary = "Gives unused memory back to the system.", .since = "4.0.0",
     .complexity = "Depends on how much memory is allocated, could be slow",
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {.name = "stats", .call = memory_stats, .group = "server",
     .summary = "Returns where the memory is.", .since = "4.0.0", .complexity = "O(1)",
     .tips = TIPS("special")},
    {.name = "usage", .args = "key [SAMPLES count]", .flags = KEEL_READONLY, .call = memory_usage,
     .group = "server", .keys = "RO",
     .summary = "Estimates the memory that a key takes.", .since = "4.0.0",
     .complexity = "O(N) where N is the number of samples."},
    {0},
};
