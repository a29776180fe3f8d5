/* poll.c - epoll, and the descriptors of modules.
 *
 * An event's data tells by its low bits what it is for: 0 a client, 1 a listener, 2 a descriptor of a
 * module's (a Watch), 3 the wake-up. */
#include "poll.h"

#include "crash.h"
#include "keyspace.h"
#include "loop.h"
#include "module.h"
#include "net.h"
#include "stats.h"
#include "ticks.h"
#include "thread.h"

#include <errno.h>
#include <keel/log.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS = 1024, KIND_CLIENT = 0, KIND_LISTENER = 1, KIND_WATCH = 2, KIND_WAKE = 3 };

typedef struct Watch {
    int fd;
    unsigned events;
    KeelFdCall *call;
    void *data;
    const void *owner;  /* the module's self */
} Watch;

static int epoll_fd = -1, wake_fd = -1;
static Watch **watches;  /* by descriptor */
static int watches_size;
static int handling; /* turns being handled, one inside another's callback */

int poll_init(void) {
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (epoll_fd < 0 || wake_fd < 0) return -1;
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u64 = KIND_WAKE};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &e);
}

void loop_wake(void) {
    uint64_t one = 1;
    ssize_t n = write(wake_fd, &one, sizeof(one)); /* full: it is awake already */
    (void)n;
}

int poll_add_client(KeelClient *client) {
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                            .data.u64 = (uint64_t)(uintptr_t)client | KIND_CLIENT};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &e);
}

int poll_add_listener(int fd) {
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = (uint64_t)(unsigned)fd << 2 | KIND_LISTENER};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

void poll_remove(int fd) {
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- modules' descriptors -------------------------------------------------------------------- */

static Watch *watch_of(int fd) {
    return fd >= 0 && fd < watches_size ? watches[fd] : NULL;
}

static int watch_end(int fd) {
    Watch *w = watch_of(fd);
    if (!w) {
        errno = ENOENT;
        return -1;
    }
    poll_remove(fd);
    watches[fd] = NULL;
    keel_free(w);
    return 0;
}

int keel_fd_watch(void *module_self, int fd, unsigned wanted, KeelFdCall *call, void *data) {
    if (!wanted) return watch_end(fd);
    if (fd < 0 || !call) {
        errno = EINVAL;
        return -1;
    }
    if (fd >= watches_size) {
        int size = fd + 64;
        watches = keel_realloc(watches, (size_t)size * sizeof(Watch *));
        memset(watches + watches_size, 0, (size_t)(size - watches_size) * sizeof(Watch *));
        watches_size = size;
    }
    Watch *w = watches[fd];
    bool fresh = !w;
    if (fresh) w = keel_zalloc(sizeof(*w));
    struct epoll_event e = {.events = (wanted & KEEL_FD_READ ? EPOLLIN : 0) |
                                      (wanted & KEEL_FD_WRITE ? EPOLLOUT : 0),
                            .data.u64 = (uint64_t)(unsigned)fd << 2 | KIND_WATCH};
    if (epoll_ctl(epoll_fd, fresh ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e) < 0) {
        if (fresh) keel_free(w);
        return -1;
    }
    *w = (Watch){.fd = fd, .events = wanted, .call = call, .data = data, .owner = module_self};
    watches[fd] = w;
    return 0;
}

size_t poll_watch_count(const void *module_self) {
    size_t n = 0;
    for (int i = 0; i < watches_size; i++) n += watches[i] && watches[i]->owner == module_self;
    return n;
}

static void watch_ready(int fd, uint32_t got) {
    Watch *w = watch_of(fd);
    if (!w) return;
    unsigned ready = (got & EPOLLIN ? KEEL_FD_READ : 0) | (got & EPOLLOUT ? KEEL_FD_WRITE : 0) |
                     (got & (EPOLLERR | EPOLLHUP) ? KEEL_FD_ERROR : 0);
    KeelCtx c;
    ctx_init(&c);
    c.module = crash_module = module_of_self(w->owner);
    w->call(&c, fd, ready, w->data);
    crash_module = NULL;
    ctx_done(&c);
}

/* ---- the turn -------------------------------------------------------------------------------- */

static void client_ready(KeelClient *client, uint32_t got) {
    if (got & EPOLLOUT) net_writable(client);
    if (got & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) client->hung_up = true;
    if (!(got & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) return;
    client->readable = true;
    if (net_gather(client)) return;
    net_execute();
    net_flush();
    net_gather(client);
}

/* What epoll told at one time, and how much of it was handled: a callback in the middle of it may
 * serve clients, and what it found would wait for the callback's end, as no event comes twice. */
typedef struct Batch {
    const struct epoll_event *events;
    int count, next;
    struct Batch *outer;
} Batch;
static Batch *batch;

static void handle_event(const struct epoll_event *event) {
    uint64_t data = event->data.u64;
    switch (data & 3) {
    case KIND_CLIENT: {
        KeelClient *client = (KeelClient *)(uintptr_t)data;
        if (!client->close_now) client_ready(client, event->events);
        break;
    }
    case KIND_LISTENER:
        net_accept((int)(data >> 2));
        break;
    case KIND_WATCH:
        watch_ready((int)(data >> 2), event->events);
        break;
    case KIND_WAKE: {
        uint64_t count;
        ssize_t got = read(wake_fd, &count, sizeof(count));
        (void)got;
        break;
    }
    }
}

static void handle_batch(Batch *b) {
    while (b->next < b->count) handle_event(&b->events[b->next++]);
}

static void handle(const struct epoll_event *events, int n) {
    Batch b = {.events = events, .count = n, .outer = batch};
    handling++;
    stats.turn_start = ticks_now();
    clock_update();
    for (Batch *o = batch; o; o = o->outer) handle_batch(o);
    batch = &b;
    handle_batch(&b);
    net_execute();
    batch = b.outer;
    handling--;
}

/* A signal interrupts the wait: its flag is looked at between turns. */
void poll_turn(int ms) {
    struct epoll_event events[EVENTS];
    thread_pause_begin();
    int n = epoll_wait(epoll_fd, events, EVENTS, ms);
    thread_pause_end();
    handle(events, n);
}

void poll_glance(void) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll_fd, events, EVENTS, 0);
    handle(events, n);
}

/* Events of sockets come once, so none may be passed over; the other kinds come again. */
void poll_meanwhile(void) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll_fd, events, EVENTS, 0);
    for (int i = 0; i < n; i++) {
        uint64_t data = events[i].data.u64;
        if ((data & 3) == KIND_LISTENER) net_accept((int)(data >> 2));
        if ((data & 3) != KIND_CLIENT) continue;
        KeelClient *client = (KeelClient *)(uintptr_t)data;
        if (client->close_now) continue;
        if (events[i].events & EPOLLOUT) net_writable(client);
        if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) client->hung_up = true;
        if (!(events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) continue;
        client->readable = true;
        net_serve_meanwhile(client);
    }
}

bool poll_handling(void) {
    return handling > 0;
}
