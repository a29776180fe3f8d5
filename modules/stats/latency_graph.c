/* latency_graph.c - LATENCY GRAPH: an event's samples as columns of characters.
 *
 * Up to 80 columns side by side, oldest first, four lines high, each line in three steps between
 * the lowest sample and the highest; below each column its age, written downwards. */
#include "stats.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 80, ROWS = 4, STEPS = 3, LABEL_ROOM = 24, TEXT_ROOM = 16384 };

typedef struct Graph {
    int count;
    int64_t low, high;
    int64_t values[LATENCY_SAMPLES];
    char labels[LATENCY_SAMPLES][LABEL_ROOM];
} Graph;

static void write_label(char label[LABEL_ROOM], int64_t age) {
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    int u = 0;
    while (u < 3 && age < units[u].seconds) u++;
    snprintf(label, LABEL_ROOM, "%lld%c", (long long)(age / units[u].seconds), units[u].unit);
}

static void gather(Graph *g, const LatencyEvent *event) {
    const LatencySample *s;
    int64_t now = keel_now_ms() / 1000;
    *g = (Graph){0};
    for (; (s = latency_sample(event, g->count)); g->count++) {
        if (!g->count || s->ms < g->low) g->low = s->ms;
        if (!g->count || s->ms > g->high) g->high = s->ms;
        g->values[g->count] = s->ms;
        write_label(g->labels[g->count], now > s->when ? now - s->when : 0);
    }
}

/* What stands in line `row` of a column. */
static char bar(const Graph *g, int64_t value, int row) {
    static const char steps[] = "_o#";
    double range = g->high > g->low ? (double)(g->high - g->low) : 1;
    int level = (int)((double)(value - g->low) * ROWS * STEPS / range);
    if (level >= ROWS * STEPS) level = ROWS * STEPS - 1;
    int here = level - (ROWS - 1 - row) * STEPS;
    return here < 0 ? ' ' : here < STEPS ? steps[here] : '|';
}

/* The columns from `from` on; returns the end of what was written. Every line is as long as there
 * are columns. */
static char *draw(char *out, const Graph *g, int from, int columns) {
    size_t longest = 0;
    for (int i = 0; i < columns; i++) {
        size_t len = strlen(g->labels[from + i]);
        if (len > longest) longest = len;
    }
    for (int row = 0; row < ROWS; row++) {
        for (int i = 0; i < columns; i++) *out++ = bar(g, g->values[from + i], row);
        *out++ = '\n';
    }
    memset(out, ' ', (size_t)columns);
    out += columns;
    *out++ = '\n';
    for (size_t at = 0; at < longest; at++) {
        for (int i = 0; i < columns; i++) {
            const char *label = g->labels[from + i];
            *out++ = at < strlen(label) ? label[at] : ' ';
        }
        *out++ = '\n';
    }
    return out;
}

void latency_graph(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    const LatencyEvent *event = latency_find(argv[2]);
    Graph g;
    char text[TEXT_ROOM], *out = text;
    if (!event) {
        keel_reply_errorf(c, "ERR No samples available for event '%.*s'",
                          argv[2].len > INT_MAX ? INT_MAX : (int)argv[2].len, argv[2].ptr);
        return;
    }
    gather(&g, event);
    out += snprintf(out, 256, "%s - high %lld ms, low %lld ms (all time high %lld ms)\n",
                    event->name, (long long)g.high, (long long)g.low, (long long)event->max_ms);
    memset(out, '-', COLUMNS);
    out += COLUMNS;
    *out++ = '\n';
    for (int from = 0; from < g.count; from += COLUMNS) {
        int left = g.count - from;
        if (from) *out++ = '\n';
        out = draw(out, &g, from, left < COLUMNS ? left : COLUMNS);
    }
    keel_reply_verbatim(c, "txt", (KeelStr){text, (size_t)(out - text)});
}
