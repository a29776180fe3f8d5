/* main.c - the order in which the server comes up and goes down. */
#include "block.h"
#include "client.h"
#include "config.h"
#include "crash.h"
#include "daemon.h"
#include "hash.h"
#include "hook.h"
#include "keyspace.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "module.h"
#include "net.h"
#include "options.h"
#include "stats.h"
#include "thread.h"
#include "ticks.h"

#include <keel/log.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Asked to end: gracefully the first time; a second SIGINT is from somebody in a hurry. */
static void on_signal(int number) {
    static volatile sig_atomic_t interrupts;
    if (number == SIGINT && ++interrupts > 1) _exit(1);
    loop_ask_shutdown(number);
}

static void signals_install(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    crash_install();
}

/* Where the system gives large pages to everybody we decline, unless told otherwise: they would come
 * everywhere. Where they are for those who ask, the heap does (mem.c) and the table (table.c). */
static void large_pages_init(void) {
    char mode[128] = "";
    FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    if (!f) return;
    bool always = fgets(mode, sizeof(mode), f) && strstr(mode, "[always]");
    fclose(f);
    if (always && settings.disable_thp) prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    mem_large_pages();
}

static int settings_init(void) {
    char error[512];
    if (config_register(&module_core, settings_rows, sizeof(KeelConfig), error, sizeof(error)) == 0) {
        return 0;
    }
    fprintf(stderr, "%s\n", error);
    return -1;
}

static void banner(void) {
    keel_log(KEEL_LOG_NOTICE, "Keel %s starting, compatible with Redis %s, allocator %s, pid %d",
             keel_version(), keel_redis_version(), mem_allocator_name(), (int)getpid());
    if (!*keel_config_file()) {
        keel_log(KEEL_LOG_NOTICE, "Warning: no config file specified, using the default config. In "
                                  "order to specify a config file use keel /path/to/keel.conf");
    }
}

/* Datasets are loaded by those who hear of KEEL_EVENT_START. */
static void tell_start(void) {
    KeelCtx c;
    ctx_init(&c);
    hooks_call(&c, KEEL_EVENT_START, NULL);
    ctx_done(&c);
}

static void end(void) {
    daemon_stopping();
    net_flush();
    net_close_listeners();
    background_drain();
    for (KeelClient *client = client_first; client; client = client->next) block_forget(client);
    KeelCtx c;
    ctx_init(&c);
    keel_log(KEEL_LOG_WARNING, "Keel is now ready to exit, bye bye...");
#ifdef KEEL_DEBUG
    keel_db_flush(&c, -1, false); /* the table's packed pointers look like leaks to a checker */
#endif
    module_unload_all();
    daemon_end();
}

int main(int argc, char **argv) {
    daemon_init(argc, argv);
    mem_init();
    hash_init();
    ticks_calibrate();
    if (settings_init() < 0) return 1;
    options_parse(argc, argv);
    if (log_open() < 0) return 1;
    large_pages_init();
    if (!options.check) daemon_start();
    signals_install();
    keyspace_init((int)settings.databases);
    stats.start_ms = keel_now_ms();
    if (!options.check) banner();
    daemon_raise_file_limit();
    if (loop_init() < 0) {
        keel_log(KEEL_LOG_WARNING, "Cannot set up the event loop");
        return 1;
    }
    int loaded = module_load_all(), finished = loaded == 0 ? config_finish() : -1;
    if (options.check) return loaded == 0 && finished == 0 ? 0 : 1;
    if (loaded < 0 || finished < 0) return 1;
    if (net_init() < 0) return 1;
    mem_purge_in_background(settings.jemalloc_bg_thread);
    stats.startup_memory = keel_mem_used();
    keel_log(KEEL_LOG_NOTICE, "Server initialized");
    tell_start();
    if (loop_running()) { /* not ended while a dataset was loaded */
        daemon_set_title();
        keel_log(KEEL_LOG_NOTICE, "Ready to accept connections");
        daemon_ready();
        loop_run();
    }
    end();
    return 0;
}
