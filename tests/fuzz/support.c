/* support.c - a server without sockets of its own for the fuzz targets. */
#include "fuzz.h"

#include "block.h"
#include "hash.h"
#include "hook.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "module.h"
#include "net.h"
#include "options.h"
#include "stats.h"
#include "ticks.h"
#include "timer.h"

#include <errno.h>
#include <keel/log.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

/* CONFIG SET port opens listeners; no input of ours is to occupy a port of the machine. The linker
 * puts these in the place of the C library's. */
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len) {
    (void)fd;
    (void)address;
    (void)len;
    errno = EADDRINUSE;
    return -1;
}
int __wrap_fork(void);
int __wrap_fork(void) {
    errno = EAGAIN;
    return -1;
}

static void must(int result, const char *what) {
    if (result == 0) return;
    fprintf(stderr, "%s failed\n", what);
    abort();
}

void fuzz_server(void) {
    static bool done;
    char error[512];
    if (done) return;
    done = true;
    signal(SIGPIPE, SIG_IGN);
    mem_init();
    hash_init();
    ticks_calibrate();
    must(config_register(&module_core, settings_rows, sizeof(KeelConfig), error, sizeof(error)),
         error);
    static const KeelStr quiet[] = {{"loglevel", 8}, {"warning", 7}};
    static const KeelStr into[] = {{"logfile", 7}, {"/dev/null", 9}};
    must(config_line(quiet, 2, error, sizeof(error)), error);
    must(config_line(into, 2, error, sizeof(error)), error);
    options.modules_conf = "modules.conf";
    log_open();
    clock_update();
    keyspace_init((int)settings.databases);
    stats.start_ms = keel_now_ms();
    must(loop_init(), "loop_init");
    must(module_load_all(), "module_load_all");
    must(config_finish(), "config_finish");
}

int fuzz_call(const KeelStr *argv, int argc) {
    KeelCtx c;
    ctx_init(&c);
    KeelReply *reply = keel_call(&c, argv, argc, 0);
    int type = keel_reply_type(reply);
    KeelStr text = keel_reply_str(reply);
    MUST(type != '-' || text.len < 11 || memcmp(text.ptr, "ERR unknown", 11) != 0);
    keel_reply_free(reply);
    ctx_done(&c);
    return type;
}

void fuzz_between(void) {
    if (keel_monotonic_ns() >= timer_next()) timer_run();
    if (block_next_deadline() <= now_ms) block_serve_timeouts();
    if (block_ready_pending) block_serve_ready();
    net_flush();
    clients_free_closed();
}

void fuzz_turn(KeelClient *client) {
    uint64_t id = client->id;
    clock_update();
    client->readable = true;
    if (!net_gather(client)) {
        net_execute();
        net_flush();
        net_gather(client);
    }
    net_execute();
    fuzz_between();
    /* Held and blocked clients stay resumed for ever only if something is wrong. */
    for (int i = 0; net_has_resumed() && i < 100000 && keel_client_by_id(id); i++) {
        net_run_resumed();
        fuzz_between();
    }
}

/* Not recursive: `left` counts the elements that must still come. */
size_t fuzz_reply_length(const char *p, size_t len) {
    const char *at = p, *end = p + len;
    for (int64_t left = 1; left > 0; left--) {
        const char *cr = memchr(at, '\r', (size_t)(end - at));
        if (!cr || end - cr < 2 || cr[1] != '\n') return 0;
        int64_t n = 0;
        bool number = keel_parse_int((KeelStr){at + 1, (size_t)(cr - at - 1)}, &n);
        switch (*at) {
        case '+': case '-': case '(': case ',':
            MUST(!memchr(at, '\n', (size_t)(cr - at)));
            break;
        case ':':
            MUST(number);
            break;
        case '_':
            MUST(cr == at + 1);
            break;
        case '#':
            MUST(cr == at + 2 && (at[1] == 't' || at[1] == 'f'));
            break;
        case '$': case '=':
            MUST(number && n >= -1);
            if (n < 0) break;
            if (end - cr < n + 4) return 0;
            MUST(cr[n + 2] == '\r' && cr[n + 3] == '\n');
            cr += n + 2;
            break;
        case '*': case '~': case '>':
            MUST(number && n >= -1);
            if (n > 0) left += n;
            break;
        case '%':
            MUST(number && n >= 0);
            left += 2 * n;
            break;
        case '|':
            MUST(number && n >= 0);
            left += 2 * n + 1;
            break;
        default:
            MUST(!"a reply begins with none of the type bytes");
        }
        at = cr + 2;
    }
    return (size_t)(at - p);
}
