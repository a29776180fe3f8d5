/* example.c - EXAMPLE.RAISE, EXAMPLE.TIMES: where a module of your own begins.
 *
 * Here is what nearly every module needs: a command that opens a key, reads and changes it; an
 * argument of its loadmodule line; a setting; and the tables from which the host knows all of this.
 * What each function promises stands beside its declaration in include/keel/; `make docs` prints
 * it. */
#include <keel.h>

static const KeelType *string_type;
static int64_t step;       /* the setting example-step */
static uint64_t raised;

/* EXAMPLE.RAISE key value: sets an integer unless it is as large already, rounded up to a multiple
 * of the step. Replies what the key holds afterwards. */
static void example_raise(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    int64_t value, present;
    if (!keel_arg_int(c, argv[2], &value)) return;
    if (keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key)) {
        if (!keel_key_is(&key, string_type)) {
            keel_reply_wrongtype(c);
            return;
        }
        if (!keel_key_int(&key, &present)) {
            keel_reply_not_int(c);
            return;
        }
        if (present >= value) {
            keel_reply_int(c, present);
            return;
        }
    }
    int64_t over = value % step;
    if (over > 0 && __builtin_add_overflow(value, step - over, &value)) {
        keel_reply_error(c, "ERR value is too large");
        return;
    }
    if (over < 0) value -= over;
    keel_key_set_int(&key, string_type, value, KEEL_KEEP_EXPIRY);
    keel_key_changed(&key, KEEL_NOTIFY_STRING, "example.raise");
    raised++;
    keel_reply_int(c, value);
}

/* EXAMPLE.TIMES: how often a key was raised. */
static void example_times(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_int(c, (int64_t)raised);
}

/* loadmodule example [times]: the count to begin with. */
static int example_load(KeelCtx *c, const KeelStr *argv, int argc) {
    string_type = keel_type_by_name(KEEL_LIT("string"));
    if (!string_type) return keel_load_error(c, "no module brought the type string");
    if (argc > 1) return keel_load_error(c, "it takes one argument at most, not %d", argc);
    if (argc && !keel_parse_uint(argv[0], &raised)) {
        return keel_load_error(c, "its argument '%s' is not a count", argv[0].ptr);
    }
    return 0;
}

static const KeelConfig configs[] = {
    {.name = "example-step", .type = KEEL_CONFIG_INT, .var = &step, .value = "1", .min = 1,
     .max = 1000000},
    {0}};

static const KeelCommand commands[] = {
    {.name = "example.raise", .args = "key value:integer", .keys = "RW ACCESS UPDATE",
     .flags = KEEL_WRITE | KEEL_DENYOOM | KEEL_FAST, .call = example_raise,
     .summary = "Sets an integer unless it is as large already.", .since = "1.0.0",
     .complexity = "O(1)"},
    {.name = "example.times", .flags = KEEL_READONLY | KEEL_FAST, .call = example_times,
     .summary = "Returns how often a key was raised.", .since = "1.0.0", .complexity = "O(1)"},
    {0}};

KEEL_MODULE(.name = "example", .version = "1.0.0", .summary = "EXAMPLE.RAISE: a first module.",
            .needs = "strings", .commands = commands, .configs = configs, .load = example_load);
