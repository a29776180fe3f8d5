/* loop.c - the turn of the server, and what happens between turns. */
#include "loop.h"

#include "block.h"
#include "client.h"
#include "config.h"
#include "crash.h"
#include "daemon.h"
#include "dispatch.h"
#include "hook.h"
#include "journal.h"
#include "keyspace.h"
#include "log.h"
#include "mem.h"
#include "module.h"
#include "net.h"
#include "oom.h"
#include "poll.h"
#include "reply.h"
#include "stats.h"
#include "thread.h"
#include "ticks.h"
#include "timer.h"

#include <errno.h>
#include <keel/log.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool running;
static volatile sig_atomic_t asked_signal;
static bool shutdown_waiting;
static unsigned shutdown_flags;
static int64_t shutdown_deadline; /* of the wait, in now_ms: then it ends all the same */
static int fork_pid;
static int64_t cron_due;

enum { CLIENTS_PER_TICK = 200 };

/* ---- contexts -------------------------------------------------------------------------------- */

void ctx_init(KeelCtx *c) {
    memset(c, 0, sizeof(*c));
    c->db = dbs;
    c->flags = CTX_NO_BLOCK;
}

void ctx_done(KeelCtx *c) {
    (void)c;
    if (block_ready_pending) block_serve_ready();
}

/* ---- shutdown -------------------------------------------------------------------------------- */

void loop_ask_shutdown(int signal_number) {
    asked_signal = signal_number;
    loop_wake();
}

/* Asks the hooks. True: nobody refuses and nobody wants to wait. */
static bool shutdown_allowed(KeelCtx *c, unsigned flags, const char **reason, bool *later) {
    *reason = NULL;
    *later = false;
    KeelShutdownEvent event = {.flags = flags, .refusal = reason, .later = later};
    hooks_call(c, KEEL_EVENT_SHUTDOWN, &event);
    if (flags & KEEL_SHUTDOWN_NOW) *later = false;
    if (flags & KEEL_SHUTDOWN_FORCE) *reason = NULL;
    return !*reason && !*later;
}

static void shutdown_certainly(KeelCtx *c, unsigned flags) {
    KeelShutdownEvent event = {.flags = flags, .certain = true};
    hooks_call(c, KEEL_EVENT_SHUTDOWN, &event);
    running = false;
}

bool keel_shutdown(KeelCtx *c, unsigned flags, const char **reason) {
    bool later;
    keel_log(KEEL_LOG_NOTICE, "User requested shutdown...");
    if (settings.shutdown_timeout == 0) flags |= KEEL_SHUTDOWN_NOW;
    if (shutdown_allowed(c, flags, reason, &later)) {
        shutdown_certainly(c, flags);
        return true;
    }
    if (*reason) return false;
    shutdown_waiting = true;
    shutdown_flags = flags;
    shutdown_deadline = now_ms + settings.shutdown_timeout * 1000;
    return true;
}

int64_t keel_shutdown_left(void) {
    if (!shutdown_waiting) return -1;
    return shutdown_deadline > now_ms ? shutdown_deadline - now_ms : 0;
}

bool keel_shutdown_abort(void) {
    bool waited = shutdown_waiting;
    shutdown_waiting = false;
    if (waited) keel_log(KEEL_LOG_NOTICE, "Shutdown manually aborted.");
    return waited;
}

static void shutdown_by_signal(void) {
    int signal_number = asked_signal;
    asked_signal = 0;
    keel_log(KEEL_LOG_WARNING, "Received %s scheduling shutdown...",
             signal_number == SIGINT ? "SIGINT" : "SIGTERM");
    KeelCtx c;
    ctx_init(&c);
    const char *reason;
    unsigned flags = (unsigned)(signal_number == SIGINT ? settings.shutdown_on_sigint
                                                        : settings.shutdown_on_sigterm);
    if (!keel_shutdown(&c, flags, &reason)) {
        keel_log(KEEL_LOG_WARNING, "%s received but errors trying to shut down the server: %s",
                 signal_number == SIGINT ? "SIGINT" : "SIGTERM", reason);
    }
    ctx_done(&c);
}

static void shutdown_retry(void) {
    KeelCtx c;
    ctx_init(&c);
    const char *reason;
    bool later;
    if (now_ms >= shutdown_deadline) shutdown_flags |= KEEL_SHUTDOWN_NOW;
    if (shutdown_allowed(&c, shutdown_flags, &reason, &later)) {
        shutdown_certainly(&c, shutdown_flags);
    } else if (reason) {
        shutdown_waiting = false;
        keel_log(KEEL_LOG_WARNING, "Errors trying to shut down the server: %s", reason);
    }
    ctx_done(&c);
}

/* ---- fork children --------------------------------------------------------------------------- */

static void tell_fork(KeelCtx *c, const KeelForkEvent *event) {
    KeelCtx none;
    if (!c) ctx_init(&none);
    hooks_call(c ? c : &none, KEEL_EVENT_FORK, event);
    if (!c) ctx_done(&none);
}

int keel_fork(KeelCtx *c, const char *purpose) {
    if (fork_pid) {
        errno = EBUSY;
        return -1;
    }
    int64_t start = keel_monotonic_ns();
    int pid = fork();
    if (pid == 0) {
        log_set_role('C');
        oom_set_role(OOM_CHILD);
        signal(SIGINT, SIG_IGN);
        net_close_in_child();
        return 0;
    }
    if (pid < 0) {
        keel_log(KEEL_LOG_WARNING, "Can't fork for %s: %s", purpose, strerror(errno));
        return -1;
    }
    stats.forks++;
    int64_t took = keel_monotonic_ns() - start;
    stats.last_fork_us = (uint64_t)took / 1000;
    keel_latency_add("fork", took);
    fork_pid = pid;
    keel_resize_pause();
    KeelForkEvent event = {.pid = pid, .born = true};
    tell_fork(c, &event);
    return pid;
}

int keel_fork_active(void) {
    return fork_pid;
}

static void tell_reaped(KeelCtx *c, int status) {
    KeelForkEvent event = {.pid = fork_pid, .status = status};
    fork_pid = 0;
    keel_resize_resume();
    tell_fork(c, &event);
}

static void reap_child(void) {
    int status;
    if (!fork_pid || waitpid(fork_pid, &status, WNOHANG) <= 0) return;
    KeelCtx c;
    ctx_init(&c);
    tell_reaped(&c, status);
    ctx_done(&c);
}

bool keel_fork_end(KeelCtx *c) {
    int status = 0, got;
    if (!fork_pid) return false;
    kill(fork_pid, SIGKILL);
    do {
        got = waitpid(fork_pid, &status, 0);
    } while (got < 0 && errno == EINTR);
    tell_reaped(c, status);
    return true;
}

/* ---- between turns --------------------------------------------------------------------------- */

static bool cron_paused;

void keel_cron_pause(bool on) {
    cron_paused = on;
}

int loop_hz(void) {
    int64_t hz = settings.hz;
    while (settings.dynamic_hz && hz < HZ_MAX && (int64_t)client_number > CLIENTS_PER_TICK * hz) {
        hz *= 2;
    }
    return (int)(hz < HZ_MAX ? hz : HZ_MAX);
}

/* A quarter of the time at most goes into expiry, with all effort nearly half of it: a slice of
 * each tick. */
static int64_t expiry_slice_us(void) {
    return (250000 + 20000 * (settings.active_expire_effort - 1)) / loop_hz();
}

static void cron(void) {
    if (cron_paused) return;
    int64_t start = keel_monotonic_ns();
    ticks_calibrate();
    expire_cycle(expiry_slice_us());
    keyspace_cron();
    net_cron();
    stats_sample();
    reap_child();
    if (shutdown_waiting) shutdown_retry();
    if (hooks_count[KEEL_EVENT_CRON]) {
        KeelCtx c;
        ctx_init(&c);
        int hz = loop_hz();
        hooks_call(&c, KEEL_EVENT_CRON, &hz);
        ctx_done(&c);
    }
    stats.cron_ns += (uint64_t)(keel_monotonic_ns() - start);
}

static void tell_turn(KeelPhase phase) {
    if (!hooks_count[KEEL_EVENT_TURN]) return;
    KeelCtx c;
    ctx_init(&c);
    KeelTurnEvent event = {.phase = phase};
    hooks_call(&c, KEEL_EVENT_TURN, &event);
    ctx_done(&c);
}

/* How long the loop may sleep, in milliseconds. */
static int patience(int64_t now_ns) {
    if (net_has_resumed() || post_waits() || asked_signal || block_ready_pending) return 0;
    int64_t due = cron_due, timer = timer_next(), deadline = block_next_deadline();
    if (timer < due) due = timer;
    int64_t ms = due <= now_ns ? 0 : (due - now_ns + 999999) / 1000000;
    if (deadline != INT64_MAX && deadline - now_ms < ms) ms = deadline - now_ms;
    return ms < 0 ? 0 : (int)ms;
}

static void between_turns(void) {
    int64_t now = keel_monotonic_ns();
    if (now >= timer_next()) timer_run();
    if (post_waits()) post_run();
    if (block_next_deadline() <= now_ms) block_serve_timeouts();
    if (block_ready_pending) block_serve_ready();
    if (asked_signal) shutdown_by_signal();
    if (now >= cron_due) {
        cron();
        cron_due = now + 1000000000 / loop_hz();
    }
}

/* The last stroke: journal, replies, and what closed. Output may come of closing. */
static void finish_turn(void) {
    net_flush();
    clients_free_closed();
}

int loop_init(void) {
    timer_init();
    thread_init();
    reply_arena_reset(); /* a callback may write to a client before any client has asked */
    running = true;
    return poll_init();
}

void loop_stop(void) {
    running = false;
}

bool loop_running(void) {
    return running;
}

bool keel_serve(void) {
    static bool serving;
    if (!running) return true;
    if (serving || net_executing()) return false;
    const void *before = crash_module;
    serving = true;
    crash_module = NULL;
    poll_glance();
    net_run_resumed();
    if (asked_signal) shutdown_by_signal();
    net_flush();
    if (!poll_handling()) clients_free_closed();
    crash_module = before;
    serving = false;
    return !running;
}

void keel_serve_others(void) {
    static bool serving;
    if (!running || serving || !mem_loop_thread) return;
    const void *module = crash_module, *command = crash_command;
    KeelCtx *ctx = crash_ctx;
    uint64_t clock = dispatch_clock();
    serving = true;
    crash_module = crash_command = NULL;
    crash_ctx = NULL;
    poll_meanwhile();
    crash_module = module;
    crash_command = command;
    crash_ctx = ctx;
    dispatch_set_clock(clock);
    serving = false;
}

void loop_run(void) {
    while (running) {
        tell_turn(KEEL_BEFORE);
        if (net_has_pending_output()) finish_turn();
        poll_turn(patience(keel_monotonic_ns()));
        stats.turns++;
        tell_turn(KEEL_AFTER);
        net_run_resumed();
        between_turns();
        finish_turn();
        uint64_t ticks = ticks_now() - stats.turn_start;
        stats.turn_ticks += ticks;
        if (ticks > stats.turn_ticks_max) stats.turn_ticks_max = ticks;
    }
}
