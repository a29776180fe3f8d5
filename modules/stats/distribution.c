/* distribution.c - how long commands take: LATENCY HISTOGRAM and INFO's latencystats.
 *
 * The host puts each duration into one of some hundred cells of its command, 6% apart, while
 * `latency-tracking` is on; here they are added up, into percentiles or into Redis's powers of two
 * of a microsecond. Nothing is kept. */
#include "stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PERCENTILES_MAX = 64,
    LEVELS = 21, /* Redis ends at a second: longer calls are in the last one */
};

bool distribution_tracking;
static double percentiles[PERCENTILES_MAX];
static int percentile_count;

/* One buffer of cells serves all commands of a walk. */
typedef struct Cells {
    uint64_t *counts;
    int count;
    uint64_t calls;           /* of the command that was read last */
} Cells;

static Cells cells_new(void) {
    Cells cells = {.count = keel_command_latency(NULL, NULL)};
    cells.counts = keel_alloc((size_t)cells.count * sizeof(*cells.counts));
    return cells;
}

/* False: nothing was recorded of this command. */
static bool cells_read(Cells *cells, const KeelCommandRef *cmd) {
    keel_command_latency(cmd, cells->counts);
    cells->calls = 0;
    for (int i = 0; i < cells->count; i++) cells->calls += cells->counts[i];
    return cells->calls;
}

/* --- INFO latencystats ------------------------------------------------------------------------ */

/* The duration in microseconds that `percentile` of the calls did not exceed. */
static double duration_at(const Cells *cells, double percentile) {
    double rank = ceil((double)cells->calls * percentile / 100);
    uint64_t wanted = rank < 1 ? 1 : (uint64_t)rank, seen = 0;
    for (int i = 0; i < cells->count; i++) {
        seen += cells->counts[i];
        if (seen >= wanted) return (double)keel_latency_limit(i) / 1000;
    }
    return 0;
}

typedef struct InfoWalk {
    KeelInfo *info;
    Cells cells;
} InfoWalk;

static bool write_one(const KeelCommandRef *cmd, void *data) {
    InfoWalk *walk = data;
    char name[160], text[PERCENTILES_MAX * 40];
    size_t len = 0;
    if (!cells_read(&walk->cells, cmd)) return true;
    text[0] = '\0';
    for (int i = 0; i < percentile_count; i++) {
        char digits[40];
        keel_format_double(digits, percentiles[i]);
        int n = snprintf(text + len, sizeof(text) - len, "%sp%s=%.3f", i ? "," : "", digits,
                         duration_at(&walk->cells, percentiles[i]));
        len += n > 0 && (size_t)n < sizeof(text) - len ? (size_t)n : 0;
    }
    field_name(name, sizeof(name), "latency_percentiles_usec_", keel_command_name(cmd));
    keel_info_field(walk->info, name, "%s", text);
    return true;
}

void distribution_write(KeelInfo *info) {
    if (!distribution_tracking) return;
    InfoWalk walk = {.info = info, .cells = cells_new()};
    command_walk(write_one, &walk);
    keel_free(walk.cells.counts);
}

/* --- LATENCY HISTOGRAM ------------------------------------------------------------------------ */

/* The first level that holds a duration. Level k ends at 1,032 * 2^k nanoseconds and is shown as so
 * many whole microseconds: 1, 2, 4, 8, 16, 33, 66 ... as Redis's cells make it. */
static int level_of(uint64_t ns) {
    int k = 0;
    while (k < LEVELS - 1 && ns >= 1032ull << k) k++;
    return k;
}

static void reply_levels(KeelCtx *c, const Cells *cells) {
    uint64_t counts[LEVELS] = {0}, sum = 0;
    size_t used = 0;
    for (int i = 0; i < cells->count; i++) {
        if (cells->counts[i]) counts[level_of(keel_latency_limit(i))] += cells->counts[i];
    }
    for (int k = 0; k < LEVELS; k++) used += counts[k] != 0;
    keel_reply_map(c, 2);
    keel_reply_cstr(c, "calls");
    keel_reply_int(c, (int64_t)cells->calls);
    keel_reply_cstr(c, "histogram_usec");
    keel_reply_map(c, used);
    for (int k = 0; k < LEVELS; k++) {
        if (!counts[k]) continue;
        sum += counts[k];
        keel_reply_int(c, (int64_t)(((1032ull << k) - 1) / 1000));
        keel_reply_int(c, (int64_t)sum);
    }
}

typedef struct ReplyWalk {
    KeelCtx *c;
    Cells cells;
    size_t count;
} ReplyWalk;

static bool reply_one(const KeelCommandRef *cmd, void *data) {
    ReplyWalk *walk = data;
    if (!cells_read(&walk->cells, cmd)) return true;
    keel_reply_cstr(walk->c, keel_command_name(cmd));
    reply_levels(walk->c, &walk->cells);
    walk->count++;
    return true;
}

/* A container stands for its subcommands; names that there are not are left out. */
void latency_histogram(KeelCtx *c, const KeelStr *argv, int argc) {
    ReplyWalk walk = {.c = c, .cells = cells_new()};
    KeelDeferred map = keel_reply_defer_map(c);
    if (argc == 2) command_walk(reply_one, &walk);
    for (int i = 2; i < argc; i++) {
        const KeelCommandRef *cmd = keel_command_find(argv[i]);
        if (!cmd) continue;
        reply_one(cmd, &walk);
        keel_command_each(cmd, reply_one, &walk);
    }
    keel_reply_end(c, map, walk.count);
    keel_free(walk.cells.counts);
}

/* --- settings --------------------------------------------------------------------------------- */

bool distribution_apply(const KeelConfig *config, bool starting, const char **reason) {
    (void)config, (void)starting, (void)reason;
    keel_latency_track(distribution_tracking);
    return true;
}

/* All of them are checked before any is taken. "" means none at all. */
bool percentiles_set(const KeelConfig *config, const KeelStr *argv, int argc, const char **reason) {
    double values[PERCENTILES_MAX];
    (void)config;
    if (argc == 1 && argv[0].len == 0) argc = 0;
    if (argc > PERCENTILES_MAX) {
        *reason = "latency-tracking-info-percentiles takes at most 64 of them";
        return false;
    }
    for (int i = 0; i < argc; i++) {
        if (!keel_parse_double(argv[i], &values[i])) {
            *reason = "Invalid latency-tracking-info-percentiles parameters";
            return false;
        }
        if (values[i] < 0 || values[i] > 100) {
            *reason = "latency-tracking-info-percentiles parameters should sit between "
                      "[0.0,100.0]";
            return false;
        }
    }
    memcpy(percentiles, values, (size_t)argc * sizeof(values[0]));
    percentile_count = argc;
    return true;
}

void percentiles_get(const KeelConfig *config, KeelConfigOut *out) {
    (void)config;
    for (int i = 0; i < percentile_count; i++) {
        char text[40];
        keel_format_double(text, percentiles[i]);
        keel_config_write(out, "%s%s", i ? " " : "", text);
    }
}
