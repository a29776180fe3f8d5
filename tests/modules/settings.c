/* settings.c - a test module with a setting of every kind, and SETTINGS.LOG, which tells what was
 * applied since it was asked last. */
#include <keel.h>
#include <string.h>

static bool flag;
static int64_t number, memory, share, mode, refused, hidden;
static int word, words;
static char *text, *maybe;
/* Not allocated: a load that is refused takes nothing back. */
static char lines[16][64];
static int line_count;
static char log_text[1024];

static const KeelWord choice[] = {{"one", 1}, {"two", 2}, {"four", 4}, {0}};

/* ---- lines: "testing.line a b", as many as one likes ---- */

static void lines_get(const KeelConfig *config, KeelConfigOut *out) {
    (void)config;
    for (int i = 0; i < line_count; i++) keel_config_write(out, "%s%s", i ? " " : "", lines[i]);
}

static bool lines_set(const KeelConfig *config, const KeelStr *argv, int argc,
                      const char **reason) {
    (void)config;
    if (argc > 16 || argc % 2) {
        *reason = keel_config_reason("%d words are not pairs", argc);
        return false;
    }
    for (line_count = 0; line_count < argc; line_count++) {
        size_t len = argv[line_count].len;
        if (len > sizeof(lines[0]) - 1) len = sizeof(lines[0]) - 1;
        memcpy(lines[line_count], argv[line_count].ptr, len);
        lines[line_count][len] = '\0';
    }
    return true;
}

static void lines_rewrite(const KeelConfig *config, KeelConfigOut *out) {
    for (int i = 0; i < line_count; i += 2) {
        keel_config_line(out, "%s %s %s", config->name, lines[i], lines[i + 1]);
    }
    if (line_count == 0) keel_config_line(out, "%s \"\"", config->name);
}

/* ---- acting ---- */

static bool apply_any(const KeelConfig *config, bool starting, const char **reason) {
    (void)reason;
    size_t len = strlen(log_text);
    if (len + strlen(config->name) + 8 < sizeof(log_text)) {
        strcat(log_text, config->name);
        strcat(log_text, starting ? ":start " : ":set ");
    }
    return true;
}

static bool apply_refused(const KeelConfig *config, bool starting, const char **reason) {
    if (refused == 13) {
        *reason = "13 brings bad luck";
        return false;
    }
    return apply_any(config, starting, reason);
}

static bool check_even(const KeelConfig *config, KeelStr value, const char **reason) {
    (void)config;
    int64_t v;
    if (!keel_parse_int(value, &v) || v % 2 == 0) return true;
    *reason = "odd numbers are not liked";
    return false;
}

static void settings_log(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    size_t len = strlen(log_text);
    while (len && log_text[len - 1] == ' ') len--;
    keel_reply_bulk(c, (KeelStr){log_text, len});
    log_text[0] = '\0';
}

static const KeelConfig configs[] = {
    {.name = "testing.flag", .type = KEEL_CONFIG_BOOL, .var = &flag, .value = "yes"},
    {.name = "testing.number", .alias = "testing.older-number", .type = KEEL_CONFIG_INT,
     .var = &number, .value = "4", .min = -10, .max = 10, .check = check_even,
     .apply = apply_any},
    {.name = "testing.memory", .type = KEEL_CONFIG_MEMORY, .var = &memory, .value = "1kb"},
    {.name = "testing.share", .type = KEEL_CONFIG_PERCENT_OR_MEMORY, .var = &share,
     .value = "10%"},
    {.name = "testing.mode", .type = KEEL_CONFIG_OCTAL, .var = &mode, .value = "644"},
    {.name = "testing.word", .type = KEEL_CONFIG_ENUM, .var = &word, .value = "two",
     .words = choice},
    {.name = "testing.words", .type = KEEL_CONFIG_FLAGS, .var = &words, .value = "one two",
     .words = choice},
    {.name = "testing.text", .type = KEEL_CONFIG_STRING, .var = &text, .value = "some text"},
    {.name = "testing.maybe", .type = KEEL_CONFIG_STRING, .var = &maybe,
     .flags = KEEL_CONFIG_NULL_IF_EMPTY},
    {.name = "testing.line", .type = KEEL_CONFIG_CUSTOM, .value = "a 1 b 2",
     .flags = KEEL_CONFIG_MULTI | KEEL_CONFIG_LINES, .get = lines_get, .set = lines_set,
     .rewrite = lines_rewrite, .apply = apply_any},
    {.name = "testing.refused", .type = KEEL_CONFIG_INT, .var = &refused, .value = "0",
     .min = 0, .max = 100, .apply = apply_refused},
    {.name = "testing.hidden", .type = KEEL_CONFIG_INT, .var = &hidden,
     .flags = KEEL_CONFIG_HIDDEN, .value = "1"},
    {0}};

static const KeelCommand commands[] = {
    {.name = "settings.log", .flags = KEEL_READONLY, .call = settings_log,
     .summary = "Tells which settings were applied.", .since = "1.0.0", .complexity = "O(1)"},
    {0}};

KEEL_MODULE(.name = "settings", .version = "1.0.0", .summary = "Settings of every kind.",
            .commands = commands, .configs = configs);
