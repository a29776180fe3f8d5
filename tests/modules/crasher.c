/* crasher.c - a module that goes wrong in every place that a crash report must be able to name. */
#include <keel.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static volatile int *volatile nowhere;

static char *volatile inside = (char *)&nowhere + 1;

/* The crash is wanted as the processor sees it, not as a sanitizer does. */
__attribute__((noinline, no_sanitize("undefined"))) static void fault(void) {
    *nowhere = 1;
}

/* The array keeps every level's frame, the use of it after the call keeps the call. */
static volatile int deepest = INT32_MAX;
static int deeper(volatile const char *above, int level) {
    volatile char frame[512];
    frame[0] = (char)(above[0] + level);
    return level < deepest ? deeper(frame, level + 1) + frame[0] : 0;
}

__attribute__((no_sanitize("undefined")))
static void crash_now(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c, (void)argc;
    if (keel_is(argv[1], "fault")) fault();
    if (keel_is(argv[1], "abort")) abort();
    if (keel_is(argv[1], "deep")) deeper((volatile const char *)argv[1].ptr, 0);
    if (keel_is(argv[1], "wild")) ((void (*)(void))(uintptr_t)16)();
    if (keel_is(argv[1], "assert")) KEEL_ASSERT(argc == 0);
    if (keel_is(argv[1], "free")) free((void *)inside);
    keel_reply_ok(c);
}

static bool crash_in_timer(KeelCtx *c, void *data) {
    (void)c, (void)data;
    fault();
    return false;
}

static void *crash_in_thread(void *data) {
    fault();
    return data;
}

/* CRASH.LATER TIMER|THREAD|INFO */
static volatile bool crash_in_info;
static void crash_later(KeelCtx *c, const KeelStr *argv, int argc) {
    pthread_t thread;
    (void)argc;
    if (keel_is(argv[1], "timer")) KEEL_TIMER_START(20, crash_in_timer, NULL);
    if (keel_is(argv[1], "thread")) pthread_create(&thread, NULL, crash_in_thread, NULL);
    if (keel_is(argv[1], "info")) crash_in_info = true;
    keel_reply_ok(c);
}

static void write_info(KeelInfo *info) {
    if (crash_in_info) fault();
    keel_info_int(info, "crasher", 1);
}

static const KeelInfoSection sections[] = {
    {.name = "Crasher", .rank = 200, .on_demand = true, .write = write_info},
    {0},
};

static const KeelCommand commands[] = {
    {.name = "crash.now", .args = "how [detail [detail ...]]", .flags = KEEL_ADMIN,
     .call = crash_now,
     .summary = "Crashes.", .since = "1.0.0", .complexity = "O(1)"},
    {.name = "crash.later", .args = "where", .call = crash_later, .flags = KEEL_ADMIN,
     .summary = "Crashes in a callback.", .since = "1.0.0", .complexity = "O(1)"},
    {0},
};

KEEL_MODULE(.name = "crasher", .version = "1.2.3", .summary = "Crashes when it is told to.",
            .commands = commands, .info = sections);
