/* user.c - USE.*: asks for the interface of holder.c, and tells which modules came and went. */
#include <keel.h>
#include <stdio.h>
#include <string.h>

typedef struct Holder {
    int64_t (*add)(int64_t a, int64_t b);
} Holder;

static char seen[1024];

/* USE.ADD version a b: through the interface "holder" of at least this version. */
static void user_add(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    int64_t version, a, b;
    if (!keel_arg_int(c, argv[1], &version) || !keel_arg_int(c, argv[2], &a) ||
        !keel_arg_int(c, argv[3], &b)) {
        return;
    }
    const Holder *holder = keel_interface("holder", (int)version);
    if (!holder) keel_reply_null(c);
    else keel_reply_int(c, holder->add(a, b));
}

static void user_event(KeelCtx *c, const void *data) {
    (void)c;
    const KeelModuleEvent *event = data;
    size_t len = strlen(seen);
    snprintf(seen + len, sizeof(seen) - len, "%s%s %s", event->loaded ? "+" : "-", event->name,
             event->version);
}
static const KeelHook hooks[] = {{.event = KEEL_EVENT_MODULE, .call = user_event}, {0}};

/* USE.SEEN: modules that came (+) and went (-) since the last time. */
static void user_seen(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_cstr(c, seen);
    seen[0] = '\0';
}

static const KeelCommand commands[] = {
    {.name = "use.add", .args = "version:integer a:integer b:integer", .call = user_add,
     .summary = "Adds through an interface.", .since = "1.0.0", .complexity = "O(1)"},
    {.name = "use.seen", .call = user_seen, .summary = "Returns the modules that came and went.",
     .since = "1.0.0", .complexity = "O(1)"},
    {0}};

KEEL_MODULE(.name = "user", .version = "1.0", .summary = "Uses another module.",
            .commands = commands, .hooks = hooks);
