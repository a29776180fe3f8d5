/* reload.c - one module in several versions, for MODULE RELOAD: the first, V_one, has a command, a
 * setting, a type and a timer; each of the others differs from it in what its name says (V_two in
 * nothing else).
 *
 * The Makefile builds this file once for each name that begins with V, so that V_two becomes
 * tests/modules/reload-two.so. What becomes of a reload is in tests/unit/reload.tcl.
 *
 *     RE.VERSION                 which code runs
 *     RE.SET key n, RE.GET key   a value of the type "retype", which is a number and its history
 *     RE.LOADED                  values that this code has loaded, and freed
 *     RE.TICKS on|off|now        a timer of a millisecond, which .unload stops unless the setting
 *                                re-messy is on; how often it came
 *     RE.HEARD                   changes of keys that were told */
#include <keel.h>
#include <stdio.h>

#define OPCODE 210

#if defined(V_one)
#define VERSION "1.0.0"
#else
#define VERSION "2.0.0"
#endif

/* The second layout has its fields in another order, and one more. */
#if defined(V_layout) || defined(V_picky)
enum { LAYOUT = 2 };
typedef struct Value {
    int64_t mark;
    char *text;
    int64_t n;
} Value;
#elif defined(V_never)
enum { LAYOUT = 0 };
#else
enum { LAYOUT = 1 };
#endif
#if !defined(V_layout) && !defined(V_picky)
typedef struct Value {
    int64_t n;
    char *text;
} Value;
#endif

static int64_t loaded, freed, ticks, heard, level;
static char *name;
static bool messy, refuses;
static uint64_t timer;

/* ---- the type -------------------------------------------------------------------------------- */

static Value *value_new(int64_t n) {
    char text[64];
    Value *v = keel_zalloc(sizeof(*v));
    snprintf(text, sizeof(text), "made by %s", VERSION);
    v->n = n;
    v->text = keel_strdup(keel_str(text));
    return v;
}

static void value_free(void *ptr) {
    Value *v = ptr;
    __atomic_fetch_add(&freed, 1, __ATOMIC_RELAXED);
    keel_free(v->text);
    keel_free(v);
}

static int value_save(KeelSink *sink, const KeelValue *v) {
    const Value *value = v->ptr;
    keel_save_len(sink, (uint64_t)value->n);
    return keel_save_string(sink, keel_str(value->text));
}

static int value_load(KeelSource *source, uint8_t opcode, KeelValue *out) {
    uint64_t n;
    char *text;
    size_t len;
    (void)opcode;
    if (keel_load_len(source, &n, NULL) != 0) return -1;
    if (keel_load_string(source, &text, &len) != 0) return -1;
#if defined(V_picky)
    if (n == 13) {
        keel_free(text);
        return keel_load_fail(source, "13 brings bad luck");
    }
#endif
    Value *v = keel_zalloc(sizeof(*v));
    v->n = (int64_t)n;
    v->text = text;
    out->ptr = v;
    loaded++;
    return 0;
}

static const uint8_t opcodes[] = {OPCODE, 255};
static const KeelType type = {.name = "retype", .number = 110, .opcodes = opcodes,
                              .save = value_save, .load = value_load, .free = value_free,
                              .layout = LAYOUT};
#if !defined(V_no_type)
static const KeelType *const types[] = {&type, NULL};
#endif

/* ---- commands -------------------------------------------------------------------------------- */

static void re_version(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_cstr(c, VERSION);
}

static void re_set(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t n;
    (void)argc;
    if (!keel_arg_int(c, argv[2], &n)) return;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    keel_key_set_value(&key, &type, value_new(n), KEEL_KEEP_EXPIRY);
    keel_key_changed(&key, KEEL_NOTIFY_MODULE, "reset");
    keel_reply_ok(c);
}

static void re_get(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    (void)argc;
    keel_key_open(c, argv[1], KEEL_KEY_READ, &key);
    if (!keel_key_exists(&key) || !keel_key_is(&key, &type)) {
        keel_reply_null(c);
        return;
    }
    const Value *v = keel_key_value(&key);
    keel_reply_array(c, 2);
    keel_reply_int(c, v->n);
    keel_reply_cstr(c, v->text);
}

static void re_loaded(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_array(c, 2);
    keel_reply_int(c, loaded);
    keel_reply_int(c, freed);
}

static bool tick(KeelCtx *c, void *data) {
    (void)c, (void)data;
    ticks++;
    return true;
}

static void re_ticks(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    if (keel_is(argv[1], "on") && !timer) timer = KEEL_TIMER_START(1, tick, NULL);
    if (keel_is(argv[1], "off") && timer) {
        keel_timer_stop(timer, NULL);
        timer = 0;
    }
    keel_reply_int(c, ticks);
}

static void re_heard(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_int(c, heard);
}

static void re_refuse(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    refuses = true;
    keel_reply_ok(c);
}

static void on_change(KeelCtx *c, const void *data) {
    (void)c, (void)data;
    heard++;
}

/* ---- tables ---------------------------------------------------------------------------------- */

#define ROW(command, handler, ...)                                                                 \
    {.name = command, .call = handler, .summary = "Tells of a reload.", .since = "1.0.0",          \
     .complexity = "O(1)", __VA_ARGS__}
static const KeelCommand commands[] = {
    ROW("re.version", re_version),
    ROW("re.set", re_set, .args = "key n", .flags = KEEL_WRITE,
        .keys = "OW UPDATE: idx 1; range 0 1 0"),
    ROW("re.get", re_get, .args = "key", .flags = KEEL_READONLY,
        .keys = "RO ACCESS: idx 1; range 0 1 0"),
    ROW("re.loaded", re_loaded),
    ROW("re.ticks", re_ticks, .args = "how"),
    ROW("re.heard", re_heard),
    ROW("re.refuse", re_refuse),
#if defined(V_one)
    ROW("re.old", re_version),
#else
    ROW("re.new", re_version),
#endif
#if defined(V_taken)
    ROW("get", re_version),
#endif
    {0},
};

static const KeelConfig configs[] = {
    {.name = "re-level", .type = KEEL_CONFIG_INT, .var = &level, .value = "5", .min = 0,
#if defined(V_strict)
     .max = 10},
#else
     .max = 1000},
#endif
    {.name = "re-name", .type = KEEL_CONFIG_STRING, .var = &name, .value = "nobody"},
    {.name = "re-messy", .type = KEEL_CONFIG_BOOL, .var = &messy, .value = "no"},
    {0},
};

static const KeelHook hooks[] = {{KEEL_EVENT_KEY_CHANGED, on_change}, {0}};

static int re_load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
#if defined(V_bad_load)
    KeelKey key;
    keel_key_open(c, KEEL_LIT("made-by-load"), KEEL_KEY_WRITE, &key);
    keel_key_set_value(&key, &type, value_new(1), KEEL_NO_EXPIRY);
    return keel_load_error(c, "level %d and %d arguments are too much", (int)level, argc);
#endif
    (void)c;
    return 0;
}

#if defined(V_other_name)
#define NAME "somebody"
#else
#define NAME "reloaded"
#endif
#if defined(V_no_type)
#define TYPES NULL
#else
#define TYPES types
#endif
#if defined(V_no_unload)
#define UNLOAD NULL
#else
#define UNLOAD re_unload
static int re_unload(KeelCtx *c) {
    if (refuses) return keel_load_error(c, "it likes it here");
    if (timer && !messy) keel_timer_stop(timer, NULL);
    return 0;
}
#endif

KEEL_MODULE(.name = NAME, .version = VERSION, .summary = "Is replaced.", .commands = commands,
            .configs = configs, .hooks = hooks, .load = re_load, .types = TYPES, .unload = UNLOAD);
