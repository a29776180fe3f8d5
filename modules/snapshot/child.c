/* child.c - the fork child that writes a dataset while the server goes on.
 *
 * It shares the parent's memory until one of both writes, so its cost is the pages that the parent
 * changes meanwhile. It tells over a pipe, once a second and at its end, how many keys it has
 * written and how much memory it has to itself; how it went is its exit status. A child that is
 * ended on purpose (SIGUSR1, as Redis's operators know it, or child_kill()) is no failure. */
#define _GNU_SOURCE /* pipe2 */
#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KEYS_PER_LOOK = 1024, REPORT_MS = 1000 };

typedef struct Report {
    uint64_t keys;
    double share;           /* of work that is no keys; 0: it is keys */
    size_t cow;
} Report;

static struct {
    KeelChild child;
    int pid;                /* 0: none */
    int pipe;               /* the end that we read from (the child: write to) */
    bool killed, inside;
    int64_t start_ns, start_s, report_ns;
    uint64_t keys_total;
    Report last;
    size_t peak_cow;
    int64_t cow_ns;         /* when `last.cow` was told */
} state = {.pipe = -1};

/* The last copy-on-write figure by name. */
static struct {
    const char *name;
    size_t cow;
} history[8];

static void remember_cow(const char *name, size_t cow) {
    for (size_t i = 0; i < sizeof(history) / sizeof(history[0]); i++) {
        if (history[i].name && strcmp(history[i].name, name) != 0) continue;
        history[i].name = name;
        history[i].cow = cow;
        return;
    }
}

size_t child_last_cow(const char *name) {
    for (size_t i = 0; i < sizeof(history) / sizeof(history[0]) && history[i].name; i++) {
        if (strcmp(history[i].name, name) == 0) return history[i].cow;
    }
    return 0;
}

/* --- in the child --------------------------------------------------------------------------- */

/* What this process alone has written to. */
static size_t own_memory(void) {
    char line[128];
    unsigned long kb = 0;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    if (!f) return 0;
    while (fgets(line, sizeof(line), f) && sscanf(line, "Private_Dirty: %lu kB", &kb) != 1) {}
    fclose(f);
    return (size_t)kb * 1024;
}

static void report(uint64_t keys) {
    Report r = {.keys = keys, .share = state.last.share, .cow = own_memory()};
    if (r.cow > state.peak_cow) state.peak_cow = r.cow;
    state.last = r;
    /* A pipe that is full, or a parent that is gone, is no reason to stop. */
    ssize_t n = write(state.pipe, &r, sizeof(r));
    (void)n;
}

void child_progress(uint64_t keys) {
    if (__builtin_expect(keys % KEYS_PER_LOOK != 0, 1)) return;
    int64_t now = keel_monotonic_ns();
    if (now - state.report_ns < (int64_t)REPORT_MS * 1000000) return;
    state.report_ns = now;
    report(keys);
}

void child_report(double share) {
    if (!state.inside) return;
    if (share >= 0) state.last.share = share;
    report(0);
}

bool child_here(void) {
    return state.inside;
}

static void begin(void) {
    signal(SIGUSR1, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    /* A file that came long after its server is gone could replace a newer one. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    state.inside = true;
    state.last = (Report){0};
    state.report_ns = keel_monotonic_ns();
}

static void run_and_exit(void) {
    int rc = state.child.run(state.child.data);
    report(state.keys_total);
    keel_log(KEEL_LOG_NOTICE, "Fork CoW for %s: current %zu MB, peak %zu MB, average %zu MB",
             state.child.name, state.last.cow >> 20, state.peak_cow >> 20, state.last.cow >> 20);
    _exit(rc == 0 ? 0 : 1);
}

/* --- in the parent -------------------------------------------------------------------------- */

static void close_pipe(void) {
    if (state.pipe >= 0) close(state.pipe);
    state.pipe = -1;
}

static uint64_t all_keys(void) {
    uint64_t n = 0;
    for (int i = 0; i < keel_db_count(); i++) n += keel_db_size(i);
    return n;
}

int child_fork(KeelCtx *c, const KeelChild *child) {
    int ends[2];
    if (state.pid || keel_fork_active()) {
        errno = EBUSY;
        return -1;
    }
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return -1;
    uint64_t keys = all_keys();
    int64_t now = keel_monotonic_ns();
    state.child = *child;
    state.keys_total = keys;
    int pid = keel_fork(c, child->name);
    if (pid == 0) {
        close(ends[0]);
        state.pipe = ends[1];
        begin();
        return 0;
    }
    int saved = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        errno = saved;
        return -1;
    }
    state.pid = pid;
    state.pipe = ends[0];
    state.killed = false;
    state.start_ns = state.cow_ns = now;
    state.start_s = time(NULL);
    state.last = (Report){0};
    state.peak_cow = 0;
    return pid;
}

int child_start(KeelCtx *c, const KeelChild *child) {
    int pid = child_fork(c, child);
    if (pid == 0) run_and_exit();
    return pid < 0 ? -1 : 0;
}

void child_poll(void) {
    Report r;
    while (state.pipe >= 0 && read(state.pipe, &r, sizeof(r)) == (ssize_t)sizeof(r)) {
        state.last = r;
        state.cow_ns = keel_monotonic_ns();
        if (r.cow > state.peak_cow) state.peak_cow = r.cow;
    }
}

void child_reaped(KeelCtx *c, const void *data) {
    const KeelForkEvent *event = data;
    if (event->born || event->pid != state.pid) return;
    child_poll();
    close_pipe();
    bool exited = WIFEXITED(event->status);
    KeelChildEnd end = {
        .code = exited ? WEXITSTATUS(event->status) : 0,
        .signal = exited ? 0 : WTERMSIG(event->status),
        .cow = state.last.cow,
        .seconds = time(NULL) - state.start_s,
    };
    end.good = exited && end.code == 0;
    end.killed = !end.good && (state.killed || end.signal == SIGUSR1);
    state.pid = 0;
    remember_cow(state.child.name, end.cow);
    if (state.child.done) state.child.done(c, &end, state.child.data);
}

bool child_kill(KeelCtx *c, const char *name) {
    if (!state.pid || strcmp(state.child.name, name) != 0) return false;
    state.killed = true;
    return keel_fork_end(c);
}

const char *child_name(void) {
    return state.pid ? state.child.name : NULL;
}

int64_t child_seconds(void) {
    return state.pid ? time(NULL) - state.start_s : -1;
}

void child_info(KeelInfo *info) {
    double share = 0;
    int64_t age = 0;
    if (state.pid) {
        child_poll();
        if (state.last.share > 0) share = 100.0 * state.last.share;
        else if (state.keys_total) share = 100.0 * (double)state.last.keys / (double)state.keys_total;
        if (state.last.cow) age = (keel_monotonic_ns() - state.cow_ns) / 1000000000;
    }
    keel_info_int(info, "current_cow_peak", state.pid ? (int64_t)state.peak_cow : 0);
    keel_info_int(info, "current_cow_size", state.pid ? (int64_t)state.last.cow : 0);
    keel_info_int(info, "current_cow_size_age", age);
    keel_info_field(info, "current_fork_perc", "%.2f", share);
    keel_info_int(info, "current_save_keys_processed", state.pid ? (int64_t)state.last.keys : 0);
    keel_info_int(info, "current_save_keys_total", state.pid ? (int64_t)state.keys_total : 0);
}
