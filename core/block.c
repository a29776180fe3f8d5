/* block.c - clients that wait: for keys, for time, for other threads.
 *
 * A blocked command's arguments are copied once, with its places in the queues of its keys, into
 * one allocation. Trying again runs the module's callback in a context like that of the command
 * itself: one reply is owed, what it changes is recorded, its time counts as the command's.
 *
 * Threads see nothing but ids: keel_unblock() marks the id under a mutex, and the loop does the
 * rest between turns. */
#include "block.h"

#include "call_wait.h"
#include "crash.h"
#include "dispatch.h"
#include "heap.h"
#include "journal.h"
#include "loop.h"
#include "mem.h"
#include "module.h"
#include "net.h"
#include "push.h"
#include "reply.h"
#include "stats.h"
#include "ticks.h"
#include "waiters.h"

#include <keel/log.h>
#include <math.h>
#include <pthread.h>

enum { HELD_RETRY_MS = 10 };

typedef struct Blocked {
    HeapItem deadline;         /* due: wall clock in ms; in the heap when has_deadline */
    uint64_t id;
    struct Blocked *next;      /* of the same bucket of ids */
    KeelClient *client;
    KeelCommandRef *command;
    KeelBlock want;            /* keys are not kept there: places have them */
    bool has_deadline;
    bool running;              /* one of its callbacks is */
    bool named;                /* keel_unblock() asked for it; under the mutex */
    bool skip_reply;           /* CLIENT REPLY SKIP was meant for this command */
    uint64_t elsewhere;        /* ticks that threads worked for it */
    int argc;
    KeelStr *argv;
    int place_count;
    Waiter *places;
} Blocked;

bool block_ready_pending;
size_t block_on_delete;

static Heap deadlines;
static size_t blocked_count;
static bool serving;           /* retries do not start retries: the loop that runs picks them up */
static int64_t held_due = INT64_MAX; /* when what a gate held back is tried again, in ms */

/* Under the mutex: what threads may touch. Only the loop changes the table of ids. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Blocked **by_id;
static size_t by_id_size;
static uint64_t next_id = 1;
static uint64_t *named;        /* ids to try, in the order in which they were named */
static size_t named_count, named_room;

/* ---- ids ------------------------------------------------------------------------------------- */

static Blocked **id_bucket(uint64_t id) {
    return &by_id[id & (by_id_size - 1)];
}

static Blocked *id_find(uint64_t id) {
    if (!by_id_size) return NULL;
    for (Blocked *b = *id_bucket(id); b; b = b->next) {
        if (b->id == id) return b;
    }
    return NULL;
}

static void ids_grow(void) {
    size_t old_size = by_id_size;
    Blocked **old = by_id;
    by_id_size = old_size ? old_size * 2 : 64;
    by_id = keel_zalloc(by_id_size * sizeof(*by_id));
    for (size_t i = 0; i < old_size; i++) {
        for (Blocked *b = old[i], *next; b; b = next) {
            next = b->next;
            b->next = *id_bucket(b->id);
            *id_bucket(b->id) = b;
        }
    }
    keel_free(old);
}

static void id_add(Blocked *b) {
    pthread_mutex_lock(&mutex);
    if (blocked_count >= by_id_size) ids_grow();
    b->id = next_id++;
    b->next = *id_bucket(b->id);
    *id_bucket(b->id) = b;
    blocked_count++;
    pthread_mutex_unlock(&mutex);
}

static void id_remove(Blocked *b) {
    pthread_mutex_lock(&mutex);
    Blocked **at = id_bucket(b->id);
    while (*at != b) at = &(*at)->next;
    *at = b->next;
    blocked_count--;
    pthread_mutex_unlock(&mutex);
}

bool keel_unblock(uint64_t block_id) {
    pthread_mutex_lock(&mutex);
    Blocked *b = id_find(block_id);
    bool fresh = b && !b->named;
    if (fresh) {
        if (named_count == named_room) {
            named_room = named_room ? named_room * 2 : 16;
            named = keel_realloc(named, named_room * sizeof(*named));
        }
        named[named_count] = block_id;
        __atomic_store_n(&named_count, named_count + 1, __ATOMIC_RELAXED);
        b->named = true;
    }
    bool wake = fresh && named_count == 1 && !mem_loop_thread;
    pthread_mutex_unlock(&mutex);
    if (wake) loop_wake();
    return b != NULL;
}

/* Calls of modules that wait are no clients. */
size_t keel_blocked_count(void) {
    return blocked_count - call_wait_count();
}

size_t block_with_deadline(void) {
    return deadlines.count;
}

void keel_block_took(KeelCtx *c, int64_t nanoseconds) {
    Blocked *b = c->client ? c->client->blocked : NULL;
    if (b && b->running && nanoseconds > 0) b->elsewhere += ticks_from_ns(nanoseconds);
}

/* ---- beginning and end of a wait ------------------------------------------------------------- */

bool keel_block_denied(KeelCtx *c) {
    const KeelClient *client = c->client;
    if (!client || !c->command || client->kind == KEEL_CLIENT_PRIMARY) return true;
    if (c->flags & (CTX_NO_BLOCK | CTX_PUSH | CTX_RETRY | CTX_BLOCKED)) return true;
    return !client->may_wait && (client->fd < 0 || c->flags & CTX_NESTED);
}

bool keel_block_deadline(KeelCtx *c, KeelStr seconds, int64_t *deadline_ms) {
    long double v;
    if (!keel_parse_long_double(seconds, &v)) {
        keel_reply_error(c, "ERR timeout is not a float or out of range");
        return false;
    }
    v = ceill(v * 1000);
    int64_t ms = v < (long double)INT64_MAX && v > (long double)INT64_MIN ? (int64_t)v : INT64_MAX;
    if (v < 0) {
        keel_reply_error(c, "ERR timeout is negative");
        return false;
    }
    if (ms && __builtin_add_overflow(ms, now_ms, &ms)) {
        keel_reply_error(c, "ERR timeout is out of range");
        return false;
    }
    *deadline_ms = ms;
    return true;
}

/* One block of memory for all that outlives the command: places, argument views, their bytes. */
static Blocked *blocked_new(const KeelCtx *c, int keys) {
    size_t bytes = 0, places = sizeof(Waiter) * (size_t)keys;
    for (int i = 0; i < c->argc; i++) bytes += c->argv[i].len + 1;
    size_t views = sizeof(KeelStr) * (size_t)c->argc;
    Blocked *b = keel_alloc(sizeof(*b) + places + views + bytes);
    *b = (Blocked){.client = c->client, .argc = c->argc};
    b->command = (KeelCommandRef *)(uintptr_t)c->command;
    b->places = (Waiter *)(b + 1);
    b->argv = (KeelStr *)(b->places + keys);
    char *to = (char *)(b->argv + c->argc);
    for (int i = 0; i < c->argc; i++) {
        b->argv[i] = (KeelStr){to, c->argv[i].len};
        memcpy(to, c->argv[i].ptr, c->argv[i].len);
        to += c->argv[i].len;
        *to++ = '\0';
    }
    memset(b->places, 0, places);
    return b;
}

uint64_t keel_block(KeelCtx *c, const KeelBlock *block) {
    KeelBlock want = {0};
    memcpy(&want, block, block->size < sizeof(want) ? block->size : sizeof(want));
    KEEL_ASSERT(want.retry && want.key_count >= 0);
    if (keel_block_denied(c)) return 0;
    Blocked *b = blocked_new(c, want.key_count);
    b->want = want;
    b->want.keys = NULL;
    b->place_count = want.key_count;
    b->skip_reply = c->client->flags & KEEL_CF_REPLY_SKIP;
    for (int i = 0; i < want.key_count; i++) {
        waiters_join(&b->places[i], b, c->db->id, want.keys[i], want.on_delete);
    }
    if (want.deadline_ms) {
        b->has_deadline = true;
        b->deadline.due = want.deadline_ms;
        heap_add(&deadlines, &b->deadline);
    }
    id_add(b);
    block_on_delete += want.on_delete;
    b->command->module->blocked++;
    c->client->blocked = b;
    c->client->flags |= KEEL_CF_BLOCKED;
    c->flags |= CTX_BLOCKED;
    return b->id;
}

/* Nobody knows of it any more when its data is freed. */
static void blocked_free(Blocked *b) {
    for (int i = 0; i < b->place_count; i++) waiters_leave(&b->places[i], b->want.on_delete);
    if (b->has_deadline) heap_remove(&deadlines, &b->deadline);
    id_remove(b);
    block_on_delete -= b->want.on_delete;
    b->command->module->blocked--;
    b->client->blocked = NULL;
    if (b->want.free) {
        const void *before = crash_module;
        crash_module = b->command->module;
        b->want.free(b->want.data);
        crash_module = before;
    }
    keel_free(b);
}

bool keel_block_cancel(KeelCtx *c, uint64_t block_id) {
    Blocked *b = c->client ? c->client->blocked : NULL;
    if (!b || b->id != block_id || !(c->flags & CTX_BLOCKED) || b->running) return false;
    b->want.free = NULL;
    c->flags &= ~(uint32_t)CTX_BLOCKED;
    block_forget(c->client);
    return true;
}

void block_forget(KeelClient *client) {
    Blocked *b = client->blocked;
    if (!b) return;
    client->flags &= ~(uint32_t)KEEL_CF_BLOCKED;
    blocked_free(b);
}

uint64_t block_id_of(const KeelClient *client) {
    return client->blocked ? client->blocked->id : 0;
}

KeelClient *block_client_of(uint64_t id) {
    const Blocked *b = id_find(id);
    return b && !b->running ? b->client : NULL;
}

/* ---- answering ------------------------------------------------------------------------------- */

/* A context like the command's. The window of the turn may still be open for this very client: then
 * the reply goes on in it. */
static void window_open(KeelCtx *c, Blocked *b) {
    KeelClient *client = b->client;
    KeelCtx *writer = client->writer;
    memset(c, 0, sizeof(*c));
    if (client->may_wait) {
        call_wait_open(c, client);
    } else if (writer) {
        c->client = client;
        c->out = writer->out;
        c->out_end = writer->out_end;
        c->chunk = writer->chunk;
        c->outer = writer;
        c->flags = client->protocol == 3 ? CTX_RESP3 : 0;
        client->writer = c;
        reply_moved(writer, c);
        reply_mark(c);
    } else {
        reply_open(c, client);
    }
    c->flags |= CTX_RETRY | CTX_NO_BLOCK;
    c->owed = 1;
    c->db = client->db;
    c->db_at_start = c->db->id;
    c->command = b->command;
    c->argv = b->argv;
    c->argc = b->argc;
}

static void window_close(KeelCtx *c) {
    KeelCtx *writer = c->outer;
    if (!writer) {
        reply_close(c);
        return;
    }
    writer->out = c->out;
    writer->out_end = c->out_end;
    writer->chunk = c->chunk;
    c->client->writer = writer;
    reply_moved(c, writer);
}

/* The command is over: what dispatch does after one that did not block. */
static void command_over(KeelCtx *c, Blocked *b, uint64_t ticks) {
    KeelClient *client = c->client;
    reply_check(c);
    if (c->flags & CTX_ERROR) b->command->failed++;
    if (c->dirty || (c->flags & CTX_JOURNAL_FORCE)) journal_command(c);
    if (b->skip_reply || (client->flags & KEEL_CF_REPLY_OFF)) reply_rewind(c);
    dispatch_observe(c, ticks);
}

typedef enum Reason { TRY_KEY, TRY_NAMED, TIME_UP, GIVEN_ERROR } Reason;

/* Whether the command may still run: rights and the server's state may have changed while it
 * waited. *replied: a gate answered. */
static bool admitted(KeelCtx *c, Blocked *b, bool *replied) {
    bool held;
    *replied = false;
    if (c->client->may_wait || dispatch_admit(c, &held)) return true; /* a call is asked once */
    *replied = !held;
    if (held) held_due = now_ms + HELD_RETRY_MS;
    for (int i = 0; held && i < b->place_count; i++) {
        if (b->places[i].queue) b->places[i].queue->held = true;
    }
    return false;
}

/* True: replied, the wait is over. */
static bool run(KeelCtx *c, Blocked *b, Reason reason, KeelStr key, const char *error) {
    bool replied;
    switch (reason) {
    case TRY_KEY:
        if (!admitted(c, b, &replied)) return replied;
        /* fall through */
    case TRY_NAMED:
        return b->want.retry(c, b->argv, b->argc, key, b->want.data);
    case TIME_UP:
        if (b->want.timeout) {
            b->want.timeout(c, b->want.data);
        } else {
            keel_reply_null_array(c);
        }
        return true;
    case GIVEN_ERROR:
        keel_reply_error(c, error);
        return true;
    }
    return true;
}

/* Gives a client its reply, or another try. A client that is on its way out takes nothing. */
static void answer(Blocked *b, Reason reason, KeelStr key, const char *error) {
    KeelClient *client = b->client;
    if (b->running || client->close_now || (client->flags & KEEL_CF_CLOSING)) return;
    KeelCtx c;
    const void *before = crash_command;
    KeelCtx *ctx_before = crash_ctx;
    uint64_t start = ticks_now();
    b->running = true;
    window_open(&c, b);
    if (journal_armed) journal_begin(&c);
    crash_command = b->command;
    crash_ctx = &c;
    bool over = run(&c, b, reason, key, error);
    uint64_t ticks = ticks_now() - start + b->elsewhere;
    b->elsewhere = 0;
    crash_command = before;
    crash_ctx = ctx_before;
    b->command->ticks += ticks;
    if (over) {
        if (reason == TRY_NAMED) keel_latency_add("command-unblocking", ticks_to_ns(ticks));
        command_over(&c, b, ticks);
    } else {
        reply_rewind(&c);
    }
    if (c.flags & CTX_PUSHED) push_deliver(&c);
    if (journal_armed) journal_end(&c);
    KeelReply *reply = NULL;
    if (client->may_wait) {
        client->db = c.db;
        reply = call_wait_close(&c, over);
    } else {
        window_close(&c);
    }
    b->running = false;
    if (!over) return;
    blocked_free(b);
    if (client->may_wait) {
        call_wait_deliver(client, reply);
        return;
    }
    stats.unblocked++;
    net_resume(client);
}

bool keel_client_unblock(KeelClient *client, const char *error) {
    Blocked *b = client->blocked;
    if (!b || b->running || b->want.only_named) return false;
    answer(b, error ? GIVEN_ERROR : TIME_UP, KEEL_LIT(""), error);
    return !client->blocked;
}

/* ---- keys ------------------------------------------------------------------------------------ */

void keel_key_ready(KeelCtx *c, int db, KeelStr key) {
    (void)c;
    waiters_signal(db, key);
    block_ready_pending = waiters_any_ready();
}

void block_key_gone(int db, KeelStr name) {
    waiters_signal_gone(db, name);
    block_ready_pending = waiters_any_ready();
}

void block_databases_swapped(int a, int b) {
    waiters_signal(a, (KeelStr){0});
    waiters_signal(b, (KeelStr){0});
    block_ready_pending = waiters_any_ready();
}

/* Whether the key is there now, with nothing touched, counted or removed. */
static bool key_is_there(const WaitQueue *q) {
    KeelCtx c;
    KeelKey key;
    ctx_init(&c);
    return keel_key_open_in(&c, q->db, q->name,
                            KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS | KEEL_KEY_NO_EXPIRE, &key);
}

static void serve_queue(WaitQueue *q) {
    Waiter *w;
    while ((w = q->cursor)) {
        Blocked *b = w->blocked;
        q->cursor = w->next;
        if (b->want.on_delete || key_is_there(q)) answer(b, TRY_KEY, q->name, NULL);
    }
    waiters_walked(q);
}

void block_serve_ready(void) {
    WaitQueue *q;
    if (serving) return;
    serving = true;
    while ((q = waiters_take_ready())) serve_queue(q);
    serving = block_ready_pending = false;
    dispatch_start_clock(); /* this time is not the next command's */
}

/* ---- time and threads ------------------------------------------------------------------------ */

int64_t block_next_deadline(void) {
    if (__atomic_load_n(&named_count, __ATOMIC_RELAXED)) return 0;
    const HeapItem *first = heap_first(&deadlines);
    return first && first->due < held_due ? first->due : held_due;
}

static void serve_named(void) {
    pthread_mutex_lock(&mutex);
    uint64_t *ids = named;
    size_t n = named_count;
    named = NULL;
    named_room = 0;
    __atomic_store_n(&named_count, 0, __ATOMIC_RELAXED);
    for (size_t i = 0; i < n; i++) {
        Blocked *b = id_find(ids[i]);
        if (b) b->named = false;
    }
    pthread_mutex_unlock(&mutex);
    for (size_t i = 0; i < n; i++) {
        Blocked *b = id_find(ids[i]); /* none is freed but on this thread */
        if (b) answer(b, TRY_NAMED, KEEL_LIT(""), NULL);
    }
    keel_free(ids);
}

/* A callback may end other waits, so the heap is asked anew each time; one that is on its way out
 * would stay first and leaves the heap. */
static void serve_late(void) {
    HeapItem *first;
    while ((first = heap_first(&deadlines)) && first->due <= now_ms) {
        Blocked *b = (Blocked *)first;
        heap_remove(&deadlines, first);
        b->has_deadline = false;
        answer(b, TIME_UP, KEEL_LIT(""), NULL);
    }
}

void block_serve_timeouts(void) {
    if (__atomic_load_n(&named_count, __ATOMIC_RELAXED)) serve_named();
    serve_late();
    if (held_due <= now_ms) {
        held_due = INT64_MAX;
        waiters_signal_held();
        block_ready_pending = waiters_any_ready();
    }
}

size_t block_clients_of_module(const void *module) {
    return (size_t)((const Module *)module)->blocked;
}
