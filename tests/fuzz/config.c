/* config.c - configuration lines: split into words, and given to the settings of all modules. */
#include "fuzz.h"

static void line_of(const char *p, size_t len) {
    char error[512];
    KeelStr *words;
    int count = config_split((KeelStr){p, len}, &words);
    if (count < 0) return;
    for (int i = 0; i < count; i++) MUST(words[i].ptr[words[i].len] == '\0');
    /* Files and modules are not what is tested, and names nobody owns wait for ever. */
    if (count && !keel_is(words[0], "include") && !keel_is(words[0], "loadmodule")) {
        error[0] = '\0';
        int result = config_line(words, count, error, sizeof(error));
        MUST(result == 0 || error[0]);
        config_forget_waiting();
    }
    config_free_words(words, count);
}

/* The same words by CONFIG GET, whose patterns are globs. */
static void get(const char *p, size_t len) {
    KeelStr argv[] = {{"config", 6}, {"get", 3}, {p, len}};
    fuzz_call(argv, 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_server();
    char *text = malloc(size + 1), *p = text, *end = text + size;
    MUST(text);
    memcpy(text, data, size);
    *end = '\0';
    while (p < end) {
        char *newline = memchr(p, '\n', (size_t)(end - p));
        char *line_end = newline ? newline : end;
        line_of(p, (size_t)(line_end - p));
        *line_end = '\0';
        if (line_end - p < 64) get(p, (size_t)(line_end - p));
        p = line_end + 1;
    }
    free(text);
    return 0;
}
