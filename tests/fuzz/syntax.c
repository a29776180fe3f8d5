/* syntax.c - a command's row: its argument syntax and its key specs as text that may be anything,
 * then the keys of a call that has nothing to do with them. */
#include "fuzz.h"

#include "command.h"
#include "keyspec.h"
#include "module.h"
#include "syntax.h"

static void handler(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_ok(c);
}

static void walk(const Arg *arg) {
    for (; arg; arg = arg->next) {
        Span s = arg_span(arg, true), all = arg_span(arg, false);
        MUST(s.min >= 0 && s.min <= s.max && all.min >= 0 && all.min <= all.max);
        MUST(arg_type_name((ArgType)arg->type));
        walk(arg->first);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static Module module = {.name = "fuzzed"};
    char error[512] = "";
    fuzz_server();
    char *text = malloc(size + 1);
    MUST(text);
    memcpy(text, data, size);
    text[size] = '\0';
    char *second = memchr(text, '\n', size);
    if (second) *second++ = '\0';
    Syntax syntax;
    int result = syntax_parse(&syntax, text, error, sizeof(error));
    MUST(result == 0 || error[0]);
    if (result == 0) {
        walk(syntax.first);
        syntax_free(&syntax);
    }
    KeelCommand rows[] = {{.name = "fuzzed", .args = text, .keys = second, .call = handler,
                           .summary = "S.", .since = "1", .complexity = "O(1)"}, {0}};
    error[0] = '\0';
    result = command_register(&module, rows, sizeof(*rows), error, sizeof(error));
    MUST(result == 0 || error[0]);
    if (result == 0) {
        static const KeelStr docs[] = {{"command", 7}, {"docs", 4}, {"fuzzed", 6}};
        static const KeelStr info[] = {{"command", 7}, {"info", 4}, {"fuzzed", 6}};
        KeelStr keys[8] = {{"command", 7}, {"getkeysandflags", 15}, {"fuzzed", 6}, {"2", 1},
                           {"a", 1}, {"KEYS", 4}, {"-1", 2}, {"9223372036854775807", 19}};
        fuzz_call(docs, 3);
        fuzz_call(info, 3);
        for (int n = 3; n <= 8; n++) {
            KeelCtx c;
            ctx_init(&c);
            keel_reply_free(keel_call(&c, keys, n, 0));
            ctx_done(&c);
        }
        command_unregister(&module);
    }
    free(text);
    return 0;
}
