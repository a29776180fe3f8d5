/* api_user.c - USER.*: uses the counters of api_provider, and asks about modules. */
#include "api_counter.h"

#include <keel.h>

static const CounterInterface *counter;

static void user_add(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t n;
    (void)argc;
    if (!keel_arg_int(c, argv[1], &n)) return;
    keel_reply_array(c, 3);
    keel_reply_int(c, counter->add(n));
    keel_reply_int(c, counter->get());
    keel_reply_int(c, counter->twice());
}

/* USER.ASK name version: whether there is such an interface. */
static void user_ask(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t version;
    (void)argc;
    if (!keel_arg_int(c, argv[2], &version)) return;
    keel_reply_bool(c, keel_interface(argv[1].ptr, (int)version) != NULL);
}

static bool show(const KeelModuleInfo *info, void *data) {
    KeelCtx *c = ((void **)data)[0];
    size_t *n = ((void **)data)[1];
    keel_reply_cstr(c, info->name);
    keel_reply_cstr(c, info->version);
    ++*n;
    return true;
}

static void user_modules(KeelCtx *c, const KeelStr *argv, int argc) {
    size_t n = 0;
    void *data[2] = {c, &n};
    (void)argv;
    (void)argc;
    KeelDeferred d = keel_reply_defer_map(c);
    keel_module_each(show, data);
    keel_reply_end(c, d, n);
}

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t version = 102;
    if (argc && !keel_parse_int(argv[0], &version)) return keel_load_error(c, "no version");
    counter = keel_interface("counter", (int)version);
    if (!counter) return keel_load_error(c, "no interface 'counter' of version %d", (int)version);
    return 0;
}

#define ROW(text, arguments, handler)                                                              \
    {.name = text, .args = arguments, .call = handler, .summary = "A test.", .since = "1.0.0",     \
     .complexity = "O(1)"}

static const KeelCommand commands[] = {
    ROW("user.add", "n:integer", user_add),
    ROW("user.ask", "name version:integer", user_ask),
    ROW("user.modules", NULL, user_modules),
    {0}};

KEEL_MODULE(.name = "api_user", .version = "0.9.0", .summary = "Uses counters.",
            .needs = "api_provider", .commands = commands, .load = load);
