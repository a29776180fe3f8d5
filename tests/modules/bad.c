/* bad.c - modules that must be refused, one for each name in capitals below that begins with BAD.
 *
 * The Makefile builds this file once for each, so that BAD_nothing_wrong, which loads, becomes
 * tests/modules/bad-nothing_wrong.so. The others differ from it in one thing. What the host says
 * to them is in tests/unit/module.tcl. */
#include <keel.h>

#pragma GCC diagnostic ignored "-Woverride-init"

static void bad_hello(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_status(c, "HELLO");
}

#define HELLO(command, ...)                                                                        \
    {.name = command, .flags = KEEL_READONLY, .call = bad_hello, .summary = "Says hello.",         \
     .since = "1.0.0", .complexity = "O(1)", __VA_ARGS__}

/* --- tables: all have rows before the bad one, so there is something to take back --- */

static const KeelCommand subcommands[] = {
    HELLO("one"), HELLO("two"),
#if defined(BAD_sub_twice)
    HELLO("one"),
#elif defined(BAD_sub_of_sub)
    HELLO("three", .subcommands = (const KeelCommand[]){HELLO("four"), {0}}),
#endif
    {0}};

static const KeelCommand commands[] = {
    HELLO("bad.hello"),
    HELLO("bad.family", .subcommands = subcommands),
#if defined(BAD_row_twice)
    HELLO("BAD.hello"),
#elif defined(BAD_row_taken)
    HELLO("get"),
#elif defined(BAD_row_both)
    HELLO("bad.both", .flags = KEEL_READONLY | KEEL_WRITE),
#elif defined(BAD_row_summary)
    {.name = "bad.mute", .call = bad_hello, .since = "1.0.0", .complexity = "O(1)"},
#elif defined(BAD_row_handler)
    HELLO("bad.none", .call = NULL),
#elif defined(BAD_row_data)
    HELLO("bad.data", .call = (KeelHandler *)(void *)&keel_self),
#elif defined(BAD_row_text)
    HELLO("bad.text", .tips = (const char *)16),
#elif defined(BAD_row_args)
    HELLO("bad.args", .args = "key [value"),
#elif defined(BAD_row_flags)
    HELLO("bad.flags", .flags = 1ull << 60),
#elif defined(BAD_row_name)
    HELLO("bad name"),
#elif defined(BAD_row_keys)
    HELLO("bad.keys", .args = "key", .keys = "RO ACCESS: idx 7; range 0 1 0"),
#endif
    {0}};

static int64_t number;
static const KeelConfig configs[] = {
    {.name = "bad-number", .type = KEEL_CONFIG_INT, .var = &number, .value = "5", .max = 10},
#if defined(BAD_setting_taken)
    {.name = "port", .type = KEEL_CONFIG_INT, .var = &number, .value = "5"},
#elif defined(BAD_setting_default)
    {.name = "bad-other", .type = KEEL_CONFIG_INT, .var = &number, .value = "11", .max = 10},
#elif defined(BAD_setting_constant)
    {.name = "bad-other", .type = KEEL_CONFIG_INT, .var = (void *)(uintptr_t)&commands,
     .value = "1"},
#endif
    {0}};

static void bad_info(KeelInfo *info) {
    keel_info_int(info, "bad", 1);
}
static const KeelInfoSection info[] = {{.name = "Bad", .rank = 200, .write = bad_info}, {0}};

static void bad_event(KeelCtx *c, const void *data) {
    (void)c;
    (void)data;
}
static const KeelHook hooks[] = {
    {.event = KEEL_EVENT_MODULE, .call = bad_event},
#if defined(BAD_event)
    {.event = 999, .call = bad_event},
#endif
    {0}};

static KeelVerdict bad_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv,
                              int argc) {
    (void)c;
    (void)cmd;
    (void)argv;
    (void)argc;
    return KEEL_PASS;
}
static int gate, slot;
static const KeelGate gates[] = {
    {.name = "bad", .id = &gate, .rank = 500, .decide = bad_decide},
#if defined(BAD_gate)
    {.name = "worse", .id = &gate},
#endif
    {0}};
static const KeelSlot slots[] = {{.name = "bad", .id = &slot}, {0}};

static void bad_free(void *ptr) {
    keel_free(ptr);
}
static const KeelType type = {.name = "badtype", .number = 5, .free = bad_free};
#if defined(BAD_type_taken)
static const KeelType second = {.name = "string", .number = 5, .free = bad_free};
#elif defined(BAD_type_twice)
static const KeelType second = {.name = "badtype", .number = 5, .free = bad_free};
#elif defined(BAD_type_free)
static const KeelType second = {.name = "othertype", .number = 5};
#endif
static const KeelType *const types[] = {
    &type,
#if defined(BAD_type_taken) || defined(BAD_type_twice) || defined(BAD_type_free)
    &second,
#elif defined(BAD_type_pointer)
    (const KeelType *)24,
#endif
    NULL};

static const int functions = 1;
static const KeelInterface provides[] = {
    {"bad", 100, &functions},
#if defined(BAD_interface)
    {"worse", 0, &functions},
#endif
    {0}};

/* --- load --- */

#if defined(BAD_load_posts)
static void bad_posted(KeelCtx *c, void *data) {
    (void)c;
    ++*(int *)data;
}
#endif

#if defined(BAD_load_timer)
static bool bad_tick(KeelCtx *c, void *data) {
    (void)c;
    ++*(int *)data;
    return true;
}
#endif

static int bad_load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c;
    (void)argv;
    (void)argc;
#if defined(BAD_load_fails)
    return keel_load_error(c, "the moon is not full, and %d is too many", argc);
#elif defined(BAD_load_silent)
    return -1;
#elif defined(BAD_load_leaks)
    (void)!keel_alloc(100000);
    return keel_load_error(c, "it forgot something");
#elif defined(BAD_load_posts)
    /* Called when the load has failed already: the code must still be there. */
    for (int i = 0; i < 10; i++) keel_post(bad_posted, &slot);
    return keel_load_error(c, "it will be called back");
#elif defined(BAD_load_keys)
    /* The host cannot keep values whose type goes. */
    for (int i = 0; i < 100; i++) {
        char name[2] = {'k', (char)i};
        KeelKey key;
        keel_key_open_in(c, i % 2, (KeelStr){name, 2}, KEEL_KEY_WRITE, &key);
        keel_key_set_value(&key, &type, keel_alloc(100), KEEL_NO_EXPIRY);
    }
    return keel_load_error(c, "it made keys");
#elif defined(BAD_load_timer)
    /* Its author forgot keel_timer_stop(): the code must stay. */
    KEEL_TIMER_START(1, bad_tick, &slot);
    return keel_load_error(c, "it ticks");
#else
    return 0;
#endif
}

/* --- the constant --- */

#if defined(BAD_row_empty)
static const KeelGate no_gates[] = {{0}};
#define GATES (1 ? no_gates : gates)
#else
#define GATES gates
#endif

#if defined(BAD_name)
#define NAME "Bad Module"
#elif defined(BAD_name_long)
#define NAME "a234567890123456789012345678901234567890123456789012345678901234567890"
#elif defined(BAD_name_none)
#define NAME NULL
#elif defined(BAD_name_pointer)
#define NAME ((const char *)16)
#elif defined(BAD_name_taken)
#define NAME "strings"
#else
#define NAME "bad"
#endif

#if defined(BAD_version)
#define VERSION "1.0-beta"
#elif defined(BAD_version_none)
#define VERSION NULL
#else
#define VERSION "1.2.3"
#endif

#if defined(BAD_needs)
#define NEEDS "strings nosuchmodule"
#else
#define NEEDS "strings"
#endif

#define TABLES                                                                                     \
    .name = NAME, .version = VERSION, .summary = "A bad module.", .needs = NEEDS,                  \
    .commands = commands, .types = types, .configs = configs, .info = info, .gates = GATES,        \
    .hooks = hooks, .slots = slots, .provides = provides, .load = bad_load

#if defined(BAD_abi)
#define BUT .abi = 99
#elif defined(BAD_size_small)
#define BUT .size = 16
#elif defined(BAD_size_huge)
#define BUT .size = 1u << 30
#elif defined(BAD_size_past)
#define BUT .size = 4096
#elif defined(BAD_row_size)
#define BUT .command_size = 12
#elif defined(BAD_self)
#define BUT .self = NULL
#elif defined(BAD_summary)
#define BUT .summary = ""
#else
#define BUT .reserved = 0
#endif

#if defined(BAD_symbol_none)
#define keel_module keel_something
#elif defined(BAD_symbol_hidden)
#undef KEEL_API
#define KEEL_API /* then nothing at all is exported */
#endif

#if defined(BAD_size_newer) || defined(BAD_size_newer_used)
/* A module of a later header: its constant has a field that this host does not know. */
typedef struct Newer {
    KeelModule known;
    const void *unknown;
} Newer;
#if defined(BAD_size_newer)
#define UNKNOWN NULL
#else
#define UNKNOWN commands
#endif
#define keel_module keel_unused
KEEL_MODULE(TABLES);
#undef keel_module
KEEL_API extern const Newer keel_module;
KEEL_API const Newer keel_module = {
    .known = {.size = sizeof(Newer), .abi = KEEL_ABI, .command_size = sizeof(KeelCommand),
              .type_size = sizeof(KeelType), .config_size = sizeof(KeelConfig),
              .info_size = sizeof(KeelInfoSection), .gate_size = sizeof(KeelGate),
              .hook_size = sizeof(KeelHook), .slot_size = sizeof(KeelSlot),
              .interface_size = sizeof(KeelInterface), .self = &keel_self, TABLES},
    .unknown = UNKNOWN,
};
#elif defined(BAD_symbol_function)
#define keel_module keel_something
KEEL_MODULE(TABLES);
__asm__(".globl keel_module\n.type keel_module, @function\n.set keel_module, bad_load");
#else
KEEL_MODULE(TABLES, BUT);
#endif

/* --- names that nobody has --- */

#if defined(BAD_import)
void keel_frobnicate(void);
void keel_defenestrate(void);
KEEL_API void bad_import(void);
KEEL_API void bad_import(void) {
    keel_frobnicate();
    keel_defenestrate();
}
#elif defined(BAD_import_foreign)
void nobody_has_this(void);
KEEL_API void bad_import(void);
KEEL_API void bad_import(void) {
    nobody_has_this();
}
#endif
