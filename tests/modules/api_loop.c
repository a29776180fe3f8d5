/* api_loop.c - LOOP.*: timers, one-shots, descriptors, and a pointer for each client. */
#include <keel.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- what happened --------------------------------------------------------------------------- */

enum { ROOM = 8192 };
static char trace[ROOM];
static size_t trace_len;

static void say(const char *word) {
    size_t n = strlen(word);
    if (trace_len + n + 2 > ROOM) return;
    if (trace_len) trace[trace_len++] = ' ';
    memcpy(trace + trace_len, word, n);
    trace_len += n;
}

/* LOOP.TRACE: the words said since the last time. */
static void loop_trace(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_bulk(c, (KeelStr){trace, trace_len});
    trace_len = 0;
}

/* ---- timers ---------------------------------------------------------------------------------- */

typedef struct Timer {
    uint64_t id;
    int64_t left;       /* how often it still fires */
    bool stops_itself, starts_another;
    char word[32];
} Timer;

static bool fire(KeelCtx *c, void *data) {
    Timer *t = data;
    if (keel_client(c) || keel_db(c) != 0) say("wrong-context");
    say(t->word);
    if (t->starts_another) {
        Timer *other = keel_zalloc(sizeof(*other));
        snprintf(other->word, sizeof(other->word), "another");
        other->id = KEEL_TIMER_START(0, fire, other);
    }
    if (t->stops_itself) {
        void *same;
        if (!keel_timer_stop(t->id, &same) || same != t) say("cannot-stop");
        if (keel_timer_stop(t->id, NULL)) say("stopped-twice");
        if (keel_timer_left(t->id, NULL) != -1) say("not-stopped");
        keel_free(t);
        return true;
    }
    if (--t->left > 0) return true;
    keel_free(t);
    return false;
}

/* LOOP.TIMER ms times word [self|another]: replies the id. */
static void loop_timer(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t ms, times;
    if (!keel_arg_int(c, argv[1], &ms) || !keel_arg_int(c, argv[2], &times)) return;
    Timer *t = keel_zalloc(sizeof(*t));
    t->left = times;
    snprintf(t->word, sizeof(t->word), "%s", argv[3].ptr);
    t->stops_itself = argc > 4 && keel_is(argv[4], "self");
    t->starts_another = argc > 4 && keel_is(argv[4], "another");
    t->id = KEEL_TIMER_START(ms, fire, t);
    keel_reply_int(c, (int64_t)t->id);
}

static void loop_stop(KeelCtx *c, const KeelStr *argv, int argc) {
    uint64_t id = 0;
    void *data = NULL;
    (void)argc;
    keel_parse_uint(argv[1], &id);
    bool stopped = keel_timer_stop(id, &data);
    if (stopped) keel_free(data);
    keel_reply_bool(c, stopped);
}

static void loop_left(KeelCtx *c, const KeelStr *argv, int argc) {
    uint64_t id = 0;
    (void)argc;
    keel_parse_uint(argv[1], &id);
    keel_reply_int(c, keel_timer_left(id, NULL));
}

/* ---- one-shots ------------------------------------------------------------------------------- */

static int64_t again;

static void posted(KeelCtx *c, void *data) {
    if (keel_client(c)) say("wrong-context");
    say(data);
    if (again-- > 0) keel_post(posted, data);
}

static void *post_main(void *data) {
    for (int i = 0; i < 100; i++) keel_post(posted, data);
    return NULL;
}

/* LOOP.POST word here|thread|again: one-shots from the loop, or a hundred from a thread, or one
 * that posts itself. */
static void loop_post(KeelCtx *c, const KeelStr *argv, int argc) {
    static char word[32];
    (void)argc;
    snprintf(word, sizeof(word), "%s", argv[1].ptr);
    again = 0;
    if (keel_is(argv[2], "thread")) {
        pthread_t thread;
        pthread_create(&thread, NULL, post_main, word);
        pthread_detach(thread);
    } else {
        if (keel_is(argv[2], "again")) again = 5;
        keel_post(posted, word);
    }
    say("asked");
    keel_reply_ok(c);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static int ends[2] = {-1, -1};
static uint64_t push_to;

/* LOOP.PUSHTO id: what the pipe brings is pushed to this client too. */
static void loop_pushto(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    keel_parse_uint(argv[1], &push_to);
    keel_reply_int(c, (int64_t)keel_client_id(keel_client(c)));
}

static void push_text(KeelClient *client, const char *text) {
    if (!client) return;
    KeelCtx *p = keel_push_begin(client);
    keel_reply_cstr(p, text);
    keel_push_end(p);
}

static void readable(KeelCtx *c, int fd, unsigned ready, void *data) {
    char bytes[64];
    if (keel_client(c) || data != ends) say("wrong-context");
    if (ready & KEEL_FD_WRITE) {
        say("writable");
        KEEL_FD_WATCH(fd, 0, readable, NULL);
        return;
    }
    ssize_t n = read(fd, bytes, sizeof(bytes) - 1);
    if (n > 0) {
        bytes[n] = '\0';
        say(bytes);
        push_text(keel_client_by_id(push_to), bytes);
    } else {
        say(ready & KEEL_FD_ERROR ? "hung-up" : "end");
        KEEL_FD_WATCH(fd, 0, readable, NULL);
        close(fd);
        ends[0] = -1;
    }
}

/* LOOP.PIPE open|write|write-watch|end|close|bad [bytes]. */
static void loop_pipe(KeelCtx *c, const KeelStr *argv, int argc) {
    if (keel_is(argv[1], "open")) {
        if (pipe(ends) < 0 || KEEL_FD_WATCH(ends[0], KEEL_FD_READ, readable, ends) < 0) {
            keel_reply_error(c, "ERR cannot watch a pipe");
            return;
        }
    } else if (keel_is(argv[1], "write") && argc > 2) {
        ssize_t n = write(ends[1], argv[2].ptr, argv[2].len);
        (void)n;
    } else if (keel_is(argv[1], "write-watch")) {
        KEEL_FD_WATCH(ends[1], KEEL_FD_WRITE, readable, ends);
    } else if (keel_is(argv[1], "end")) {
        KEEL_FD_WATCH(ends[0], 0, readable, NULL);
    } else if (keel_is(argv[1], "again")) {
        KEEL_FD_WATCH(ends[0], KEEL_FD_READ, readable, ends);
    } else if (keel_is(argv[1], "close")) {
        close(ends[1]);
    } else if (KEEL_FD_WATCH(100000, KEEL_FD_READ, readable, NULL) == 0 ||
               KEEL_FD_WATCH(-1, KEEL_FD_READ, readable, NULL) == 0 ||
               KEEL_FD_WATCH(ends[1], 0, readable, NULL) == 0) {
        keel_reply_error(c, "ERR a bad descriptor was taken");
        return;
    }
    keel_reply_ok(c);
}

/* ---- slots ----------------------------------------------------------------------------------- */

static int first_slot, second_slot;

static void slot_free(KeelClient *client, void *value) {
    char text[64];
    snprintf(text, sizeof(text), "free:%s:%d", (char *)value,
             *keel_client_slot(client, first_slot) != NULL);
    say(text);
    keel_free(value);
}

static const KeelSlot slots[] = {{.name = "first", .id = &first_slot, .free = slot_free},
                                 {.name = "second", .id = &second_slot}, {0}};

/* LOOP.SLOT [text]: keeps a text with the client; replies what it had. */
static void loop_slot(KeelCtx *c, const KeelStr *argv, int argc) {
    static int marker;
    void **slot = keel_client_slot(keel_client(c), first_slot);
    void **second = keel_client_slot(keel_client(c), second_slot);
    if (*slot) {
        keel_reply_cstr(c, *slot);
    } else {
        keel_reply_null(c);
    }
    if (argc == 1) return;
    keel_free(*slot);
    *slot = keel_strdup(argv[1]);
    *second = &marker;
}

static int unload(KeelCtx *c) {
    (void)c;
    return 0;
}

#define ROW(text, arguments, handler)                                                              \
    {.name = text, .args = arguments, .call = handler, .summary = "A test.", .since = "1.0.0",     \
     .complexity = "O(1)"}

static const KeelCommand commands[] = {
    ROW("loop.trace", NULL, loop_trace),
    ROW("loop.timer", "ms:integer times:integer word [how]", loop_timer),
    ROW("loop.stop", "id", loop_stop),
    ROW("loop.left", "id", loop_left),
    ROW("loop.post", "word where", loop_post),
    ROW("loop.pipe", "what [bytes]", loop_pipe),
    ROW("loop.pushto", "id", loop_pushto),
    ROW("loop.slot", "[text]", loop_slot),
    {0}};

KEEL_MODULE(.name = "api_loop", .version = "1.0.0", .summary = "Timers, posts, descriptors, slots.",
            .commands = commands, .slots = slots, .unload = unload);
