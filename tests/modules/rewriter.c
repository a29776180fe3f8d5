/* rewriter.c - REWRITER.COMMANDS key: the commands that make a key's value, in RESP, as a rewrite
 * of an append-only file emits them. Null where there is no key, or its type has none. */
#include <keel.h>

static void rewriter_commands(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    KeelValue value;
    KeelMemorySink sink;
    (void)argc;
    if (!keel_key_open(c, argv[1], KEEL_KEY_READ, &key) || !keel_key_type(&key)->rewrite) {
        keel_reply_null(c);
        return;
    }
    keel_key_view(&key, &value);
    keel_sink_memory(&sink);
    if (value.type->rewrite(&sink.sink, argv[1], &value) == 0) {
        keel_reply_bulk(c, (KeelStr){sink.bytes, sink.len});
    } else {
        keel_reply_error(c, "ERR the sink failed");
    }
    keel_sink_free_memory(&sink);
}

static const KeelCommand commands[] = {
    {.name = "rewriter.commands", .args = "key", .flags = KEEL_READONLY,
     .call = rewriter_commands, .keys = "RO ACCESS", .since = "1.0.0", .complexity = "O(N)",
     .summary = "Returns the commands that make a value."},
    {0},
};

KEEL_MODULE(.name = "rewriter", .version = "1.0.0", .summary = "Rewrites single keys, for tests.",
            .commands = commands);
