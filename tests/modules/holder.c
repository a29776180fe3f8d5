/* holder.c - HOLD.*: everything that can keep a module from being unloaded, one at a time, and the
 * interface "holder" for user.c. */
#include <keel.h>
#include <unistd.h>

static uint64_t timer;
static int pipe_fds[2] = {-1, -1};
static bool refuses;
static int64_t posted;
static uint64_t block_id;

/* A reply for every command here: what is the case now. */
static void reply_state(KeelCtx *c, bool on) {
    keel_reply_status(c, on ? "HELD" : "FREE");
}

static bool holder_tick(KeelCtx *c, void *data) {
    (void)c;
    (void)data;
    return true;
}

static void holder_timer(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    if (timer) {
        keel_timer_stop(timer, NULL);
        timer = 0;
    } else {
        timer = KEEL_TIMER_START(3600 * 1000, holder_tick, NULL);
    }
    reply_state(c, timer);
}

static void holder_ready(KeelCtx *c, int fd, unsigned ready, void *data) {
    (void)c;
    (void)fd;
    (void)ready;
    (void)data;
}

static void holder_watch(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    if (pipe_fds[0] >= 0) {
        KEEL_FD_WATCH(pipe_fds[0], 0, NULL, NULL);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        pipe_fds[0] = -1;
    } else if (pipe(pipe_fds) != 0 ||
               KEEL_FD_WATCH(pipe_fds[0], KEEL_FD_READ, holder_ready, NULL) != 0) {
        keel_reply_error(c, "ERR no pipe");
        return;
    }
    reply_state(c, pipe_fds[0] >= 0);
}

static void holder_refuse(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    refuses = !refuses;
    reply_state(c, refuses);
}

static bool holder_retry(KeelCtx *c, const KeelStr *argv, int argc, KeelStr key, void *data) {
    (void)argv;
    (void)argc;
    (void)key;
    (void)data;
    keel_reply_status(c, "WOKEN");
    return true;
}

/* HOLD.BLOCK key */
static void holder_block(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelBlock block = {.size = sizeof(block), .keys = argv + 1, .key_count = 1,
                       .retry = holder_retry};
    block_id = keel_block(c, &block);
    if (!block_id) keel_reply_error(c, "ERR cannot block here");
}

static void holder_wake(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_int(c, keel_unblock(block_id));
}

static void holder_posted(KeelCtx *c, void *data) {
    (void)c;
    (void)data;
    posted++;
}

/* HOLD.POST n: callbacks that run after whatever the same pipeline does next. */
static void holder_post(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    int64_t n;
    if (!keel_arg_int(c, argv[1], &n)) return;
    for (int64_t i = 0; i < n && i < 1000; i++) keel_post(holder_posted, NULL);
    keel_reply_int(c, posted);
}

static void holder_free(void *ptr) {
    keel_free(ptr);
}
static const KeelType holder_type = {.name = "heldvalue", .number = 5, .free = holder_free};
static const KeelType *const types[] = {&holder_type, NULL};

/* HOLD.KEY key */
static void holder_key(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    keel_key_set_value(&key, &holder_type, keel_alloc(1000), KEEL_NO_EXPIRY);
    keel_key_changed(&key, KEEL_NOTIFY_MODULE, "hold");
    keel_reply_ok(c);
}

typedef struct Holder {
    int64_t (*add)(int64_t a, int64_t b);
} Holder;
static int64_t holder_add(int64_t a, int64_t b) {
    return a + b;
}
static const Holder holder = {holder_add};
static const KeelInterface provides[] = {{"holder", 102, &holder}, {0}};

#define HOLD(command, handler, ...)                                                                \
    {.name = command, .call = handler, .summary = "Holds the module.", .since = "1.0.0",           \
     .complexity = "O(1)", __VA_ARGS__}
static const KeelCommand commands[] = {
    HOLD("hold.timer", holder_timer), HOLD("hold.watch", holder_watch),
    HOLD("hold.refuse", holder_refuse),
    HOLD("hold.block", holder_block, .args = "key", .keys = "RO ACCESS",
         .flags = KEEL_READONLY | KEEL_BLOCKING),
    HOLD("hold.wake", holder_wake),
    HOLD("hold.post", holder_post, .args = "times:integer"),
    HOLD("hold.key", holder_key, .args = "key", .keys = "OW UPDATE", .flags = KEEL_WRITE),
    {0}};

static int holder_unload(KeelCtx *c) {
    return refuses ? keel_load_error(c, "it does not want to") : 0;
}

KEEL_MODULE(.name = "holder", .version = "1.2.3", .summary = "Keeps itself from being unloaded.",
            .commands = commands, .types = types, .provides = provides, .unload = holder_unload);
