/* api_thread.c - THREAD.*: threads that use the keyspace under the global lock, and work for the
 * background thread. */
#include <keel.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

typedef struct Task {
    int64_t times, pause_us;
    char *key;
    bool tries;
} Task;

static int64_t running, done, missed;
static int64_t inside;      /* threads between lock and unlock: never more than one */
static int64_t crowd;       /* how often there were more */

static KeelReply *call2(KeelCtx *c, KeelStr name, const char *key) {
    KeelStr words[2] = {name, keel_str(key)};
    return keel_call(c, words, 2, KEEL_CALL_JOURNAL);
}

static void *task_main(void *data) {
    Task *t = data;
    for (int64_t i = 0; i < t->times; i++) {
        KeelCtx *c = t->tries ? keel_try_lock() : keel_lock();
        if (!c) {
            __atomic_fetch_add(&missed, 1, __ATOMIC_RELAXED);
            i--;
            usleep(50);
            continue;
        }
        if (inside++) crowd++;
        keel_reply_free(call2(c, KEEL_LIT("INCR"), t->key));
        if (t->pause_us) usleep((useconds_t)t->pause_us);
        inside--;
        keel_unlock(c);
    }
    keel_free(t->key);
    keel_free(t);
    __atomic_fetch_sub(&running, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* THREAD.INCR key threads times pause_us [try]: so many threads raise the key so often. */
static void thread_incr(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t threads, times, pause_us;
    if (!keel_arg_int(c, argv[2], &threads) || !keel_arg_int(c, argv[3], &times) ||
        !keel_arg_int(c, argv[4], &pause_us)) {
        return;
    }
    keel_threads_enable();
    for (int64_t i = 0; i < threads; i++) {
        pthread_t thread;
        Task *t = keel_alloc(sizeof(*t));
        *t = (Task){times, pause_us, keel_strdup(argv[1]), argc > 5};
        __atomic_fetch_add(&running, 1, __ATOMIC_RELAXED);
        pthread_create(&thread, NULL, task_main, t);
        pthread_detach(thread);
    }
    keel_reply_ok(c);
}

static void thread_stats(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_array(c, 4);
    keel_reply_int(c, __atomic_load_n(&running, __ATOMIC_RELAXED));
    keel_reply_int(c, __atomic_load_n(&done, __ATOMIC_RELAXED));
    keel_reply_int(c, crowd + inside);
    keel_reply_int(c, (int64_t)keel_background_pending());
}

/* A task that pushes to its client and answers nothing else. */
typedef struct Message {
    uint64_t client;
    char *text;
} Message;

static void *message_main(void *data) {
    Message *m = data;
    KeelCtx *c = keel_lock();
    KeelClient *client = keel_client_by_id(m->client);
    (void)c;
    if (client) {
        KeelCtx *p = keel_push_begin(client);
        keel_reply_push(p, 2);
        keel_reply_cstr(p, "thread");
        keel_reply_cstr(p, m->text);
        keel_push_end(p);
    }
    keel_unlock(c);
    keel_free(m->text);
    keel_free(m);
    __atomic_fetch_sub(&running, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* THREAD.TELL text: a thread pushes the text to this client. */
static void thread_tell(KeelCtx *c, const KeelStr *argv, int argc) {
    pthread_t thread;
    Message *m = keel_alloc(sizeof(*m));
    (void)argc;
    *m = (Message){keel_client_id(keel_client(c)), keel_strdup(argv[1])};
    keel_threads_enable();
    __atomic_fetch_add(&running, 1, __ATOMIC_RELAXED);
    pthread_create(&thread, NULL, message_main, m);
    pthread_detach(thread);
    keel_reply_ok(c);
}

static int64_t next_in_order, out_of_order;

static void job(void *data) {
    int64_t number = (int64_t)(intptr_t)data;
    if (number != next_in_order++) out_of_order++;
    usleep(100);
    __atomic_fetch_add(&done, 1, __ATOMIC_RELAXED);
}

/* THREAD.JOBS n: so many jobs for the background thread; replies how many were out of order. */
static void thread_jobs(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t n;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &n)) return;
    next_in_order = 0;
    for (int64_t i = 0; i < n; i++) keel_background(job, (void *)(intptr_t)i);
    keel_reply_int(c, out_of_order);
}

#define ROW(text, arguments, handler)                                                              \
    {.name = text, .args = arguments, .call = handler, .summary = "A test.", .since = "1.0.0",     \
     .complexity = "O(1)"}

static const KeelCommand commands[] = {
    ROW("thread.incr", "name threads:integer times:integer pause:integer [try]", thread_incr),
    ROW("thread.stats", NULL, thread_stats),
    ROW("thread.tell", "text", thread_tell),
    ROW("thread.jobs", "n:integer", thread_jobs),
    {0}};

KEEL_MODULE(.name = "api_thread", .version = "1.0.0", .summary = "Threads and the global lock.",
            .commands = commands);
