/* latency_doctor.c - LATENCY DOCTOR: what was slow, and what may help, in words.
 *
 * The report has a line of figures for each event, the command of the worst moment with the module
 * that it belongs to, and then the advice that these events call for, each once. Its text is for
 * people; nothing should parse it. */
#include "stats.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct Text {
    char *bytes;
    size_t len, room;
} Text;

__attribute__((format(printf, 2, 3))) static void say(Text *t, const char *format, ...) {
    va_list args;
    enum { LINE_ROOM = 1024 };
    if (t->room - t->len < LINE_ROOM) {
        t->room = t->room * 2 + LINE_ROOM;
        t->bytes = keel_realloc(t->bytes, t->room);
    }
    va_start(args, format);
    int n = vsnprintf(t->bytes + t->len, LINE_ROOM, format, args);
    va_end(args);
    t->len += n < LINE_ROOM ? (size_t)(n > 0 ? n : 0) : LINE_ROOM - 1;
}

/* --- figures ---------------------------------------------------------------------------------- */

typedef struct Figures {
    int count;
    int64_t low, high, first_when;
    double mean, deviation;   /* mean distance from the mean */
} Figures;

static Figures figures_of(const LatencyEvent *event) {
    Figures f = {0};
    const LatencySample *s;
    double sum = 0, distance = 0;
    for (; (s = latency_sample(event, f.count)); f.count++) {
        if (!f.count || s->ms < f.low) f.low = s->ms;
        if (!f.count || s->ms > f.high) f.high = s->ms;
        if (!f.count) f.first_when = s->when;
        sum += (double)s->ms;
    }
    if (!f.count) return f;
    f.mean = sum / f.count;
    for (int i = 0; i < f.count; i++) {
        double d = (double)latency_sample(event, i)->ms - f.mean;
        distance += d < 0 ? -d : d;
    }
    f.deviation = distance / f.count;
    return f;
}

static void describe(Text *t, int number, const LatencyEvent *event) {
    Figures f = figures_of(event);
    int64_t span = keel_now_ms() / 1000 - f.first_when;
    double period = f.count && span > 0 ? (double)span / f.count : 0;
    say(t, "%d. %s: %d slow moment%s, %.0f ms on average (mean deviation %.0f ms), one in %.1f "
           "seconds, at worst %lld ms",
        number, event->name, f.count, f.count == 1 ? "" : "s", f.mean, f.deviation, period,
        (long long)event->max_ms);
    if (event->worst[0]) say(t, " in %s (module %s)", event->worst, event->worst_module);
    say(t, ".\n");
}

/* --- advice ----------------------------------------------------------------------------------- */

/* Each is for events whose name begins so. */
static const struct {
    const char *event, *text;
} advice[] = {
    {"command", "Commands with large arguments or over whole collections take their time: read the "
                "slow log (SLOWLOG GET), and work in smaller steps (SCAN and its like, ranges)."},
    {"fast-command", "Even commands of constant cost were slow, so the process did not get the "
                     "processor or its memory: look for swapping (used_memory_rss in INFO, si and "
                     "so of vmstat), for a busy machine or a noisy neighbour, and turn transparent "
                     "huge pages off."},
    {"fork", "A fork copies page tables: with much memory, or on some virtual machines, that takes "
             "long. Fork less often, or spread the data over several servers."},
    {"expire-cycle", "Many keys expire in the same moment: spread their times by some random "
                     "seconds, or raise hz so that the work comes in smaller slices."},
    {"expire-del", "Large values expire: lazyfree-lazy-expire frees them in the background."},
    {"eviction", "Memory is at its limit and keys go all the time: give it more (maxmemory), or "
                 "let large values be freed in the background (lazyfree-lazy-eviction)."},
    {"aof", "The disk is slow for what is written to it: appendfsync everysec, "
            "no-appendfsync-on-rewrite yes, and no other writer on the same disk help."},
    {"rdb", "The disk is slow for snapshots: keep other writers away from it."},
    {"active-defrag-cycle", "Lower active-defrag-cycle-max, so that defragmentation takes less of "
                            "each second."},
    {"module-acquire-GIL", "A thread of a module kept the server's lock: it should work in shorter "
                           "pieces."},
    {"command-unblocking", "A module takes long to answer a client that waited for it."},
};

static bool any_event(const char *name, size_t len) {
    for (const LatencyEvent *e = latency_events(); e; e = e->next) {
        if (strncmp(e->name, name, len) == 0) return true;
    }
    return false;
}

static void advise(Text *t) {
    say(t, "\nWhat may help:\n");
    size_t start = t->len;
    for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
        size_t len = strlen(advice[i].event);
        /* "command" is no other word's beginning here. */
        if (!strcmp(advice[i].event, "command")) len++;
        if (any_event(advice[i].event, len)) say(t, "- %s\n", advice[i].text);
    }
    if (any_event("command", sizeof("command")) &&
        (slowlog_slower_than < 0 || slowlog_slower_than / 1000 > latency_threshold_ms)) {
        say(t, "- The slow log misses some of them: CONFIG SET slowlog-log-slower-than %lld.\n",
            (long long)(latency_threshold_ms > 0 ? latency_threshold_ms * 1000 : 1000));
    }
    if (t->len == start) say(t, "- These events belong to modules: ask their authors.\n");
}

void latency_doctor(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    Text t = {0};
    int number = 0;
    if (!latency_events()) {
        if (latency_threshold_ms > 0) {
            say(&t, "Nothing took %lld ms or more so far: all is well.\n",
                (long long)latency_threshold_ms);
        } else {
            say(&t, "Nobody watches latency here: CONFIG SET latency-monitor-threshold "
                    "<milliseconds> turns it on.\n");
        }
    } else {
        say(&t, "Moments in which clients had to wait:\n\n");
        for (const LatencyEvent *e = latency_events(); e; e = e->next) describe(&t, ++number, e);
        advise(&t);
    }
    keel_reply_verbatim(c, "txt", (KeelStr){t.bytes, t.len});
    keel_free(t.bytes);
}
