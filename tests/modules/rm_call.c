/* rm_call.c - RedisModule_Call with any letters, its replies taken apart, and propagation.
 *
 *     call.describe LETTERS command [arg ...]   errno, and the reply in words
 *     call.pass LETTERS command [arg ...]       the reply as it is
 *     call.formats                              letters that carry arguments
 *     call.places key [word]                    names from literals and from a place that changes
 *     call.replicate ...                        what goes to the journal */
#include <errno.h>
#include <limits.h>
#include <redismodule.h>
#include <stdio.h>
#include <string.h>

typedef struct Text {
    char bytes[64 * 1024];
    size_t len;
} Text;

static void say(Text *text, const char *bytes, size_t len) {
    if (len > sizeof(text->bytes) - text->len) len = sizeof(text->bytes) - text->len;
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
}

static void say_number(Text *text, const char *format, long long v) {
    char line[64];
    say(text, line, (size_t)snprintf(line, sizeof(line), format, v));
}

static void describe(Text *text, RedisModuleCallReply *r);

static void describe_pairs(Text *text, RedisModuleCallReply *r,
                           int (*at)(RedisModuleCallReply *, size_t, RedisModuleCallReply **,
                                     RedisModuleCallReply **)) {
    size_t n = RedisModule_CallReplyLength(r);
    say_number(text, "%lld{", (long long)n);
    for (size_t i = 0; i < n; i++) {
        RedisModuleCallReply *key, *value;
        if (at(r, i, &key, &value) != REDISMODULE_OK) say(text, "?", 1);
        describe(text, key);
        say(text, "=", 1);
        describe(text, value);
    }
    say(text, at(r, n, NULL, NULL) == REDISMODULE_ERR ? "}" : "!", 1);
}

static void describe_list(Text *text, RedisModuleCallReply *r,
                          RedisModuleCallReply *(*at)(RedisModuleCallReply *, size_t)) {
    size_t n = RedisModule_CallReplyLength(r);
    say_number(text, "%lld[", (long long)n);
    for (size_t i = 0; i < n; i++) describe(text, at(r, i));
    say(text, at(r, n) ? "!" : "]", 1);
}

static void describe(Text *text, RedisModuleCallReply *r) {
    int type = RedisModule_CallReplyType(r);
    size_t len = 0, proto = 0;
    const char *bytes, *kind;
    char line[64];
    say_number(text, "(%lld ", type);
    if (!r) {
        say(text, "none)", 5);
        return;
    }
    bytes = RedisModule_CallReplyProto(r, &proto);
    say_number(text, "p%lld ", (long long)proto);
    say(text, bytes, 1);
    if (RedisModule_CallReplyAttribute(r)) {
        say(text, "attribute ", 10);
        describe(text, RedisModule_CallReplyAttribute(r));
    }
    switch (type) {
    case REDISMODULE_REPLY_STRING:
    case REDISMODULE_REPLY_ERROR:
        bytes = RedisModule_CallReplyStringPtr(r, &len);
        say(text, bytes, len);
        if (RedisModule_CallReplyLength(r) != len) say(text, "LENGTH", 6);
        break;
    case REDISMODULE_REPLY_INTEGER:
        say_number(text, "%lld", RedisModule_CallReplyInteger(r));
        break;
    case REDISMODULE_REPLY_ARRAY:
        describe_list(text, r, RedisModule_CallReplyArrayElement);
        break;
    case REDISMODULE_REPLY_SET:
        describe_list(text, r, RedisModule_CallReplySetElement);
        break;
    case REDISMODULE_REPLY_MAP:
        describe_pairs(text, r, RedisModule_CallReplyMapElement);
        break;
    case REDISMODULE_REPLY_ATTRIBUTE:
        describe_pairs(text, r, RedisModule_CallReplyAttributeElement);
        break;
    case REDISMODULE_REPLY_BOOL:
        say_number(text, "%lld", RedisModule_CallReplyBool(r));
        break;
    case REDISMODULE_REPLY_DOUBLE:
        say(text, line, (size_t)snprintf(line, sizeof(line), "%.17g",
                                         RedisModule_CallReplyDouble(r)));
        break;
    case REDISMODULE_REPLY_BIG_NUMBER:
        bytes = RedisModule_CallReplyBigNumber(r, &len);
        say(text, bytes, len);
        break;
    case REDISMODULE_REPLY_VERBATIM_STRING:
        bytes = RedisModule_CallReplyVerbatim(r, &len, &kind);
        say(text, kind, 3);
        say(text, bytes, len);
        break;
    default:
        /* What asking for the wrong thing answers. */
        say_number(text, "i%lld ", RedisModule_CallReplyInteger(r) == LLONG_MIN);
        say_number(text, "l%lld ", (long long)RedisModule_CallReplyLength(r));
        say_number(text, "s%lld", RedisModule_CallReplyStringPtr(r, &len) == NULL);
    }
    RedisModuleString *s = RedisModule_CreateStringFromCallReply(r);
    if (s) {
        say(text, " as ", 4);
        bytes = RedisModule_StringPtrLen(s, &len);
        say(text, bytes, len);
        RedisModule_FreeString(NULL, s);
    }
    say(text, ")", 1);
}

static RedisModuleCallReply *call(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    char format[64];
    snprintf(format, sizeof(format), "v%s", RedisModule_StringPtrLen(argv[1], NULL));
    errno = 0;
    return RedisModule_Call(ctx, RedisModule_StringPtrLen(argv[2], NULL), format, argv + 3,
                            (size_t)(argc - 3));
}

static int describe_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc < 3) return RedisModule_WrongArity(ctx);
    static Text text;
    RedisModuleCallReply *reply = call(ctx, argv, argc);
    int error = reply ? 0 : errno;
    text.len = 0;
    describe(&text, reply);
    RedisModule_ReplyWithArray(ctx, 2);
    RedisModule_ReplyWithLongLong(ctx, error);
    RedisModule_ReplyWithStringBuffer(ctx, text.bytes, text.len);
    if (reply) RedisModule_FreeCallReply(reply);
    return REDISMODULE_OK;
}

static int pass_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc < 3) return RedisModule_WrongArity(ctx);
    RedisModule_AutoMemory(ctx);
    RedisModuleCallReply *reply = call(ctx, argv, argc);
    if (!reply) return RedisModule_ReplyWithError(ctx, strerror(errno));
    if (RedisModule_ReplyWithCallReply(ctx, reply) == REDISMODULE_ERR) {
        return RedisModule_ReplyWithError(ctx, "ERR the reply cannot be passed on");
    }
    return REDISMODULE_OK;
}

static int formats_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    RedisModuleCallReply *reply;
    static Text text;
    text.len = 0;
    if (argc != 4) return RedisModule_WrongArity(ctx);
    reply = RedisModule_Call(ctx, "rpush", "cbslv", "{call}list", "bytes!", (size_t)5, argv[1],
                             -42LL, argv + 2, (size_t)2);
    describe(&text, reply);
    RedisModule_FreeCallReply(reply);
    reply = RedisModule_Call(ctx, "lrange", "cll", "{call}list", 0LL, -1LL);
    describe(&text, reply);
    RedisModule_FreeCallReply(reply);
    errno = 0;
    reply = RedisModule_Call(ctx, "ping", "?");
    say_number(&text, "%lld", reply == NULL && errno == EBADF);
    errno = 0;
    reply = RedisModule_Call(ctx, "ping", "?E");
    say_number(&text, "%lld", reply == NULL && errno == EBADF);
    RedisModule_FreeCallReply(RedisModule_Call(ctx, "del", "c", "{call}list"));
    return RedisModule_ReplyWithStringBuffer(ctx, text.bytes, text.len);
}

/* Many arguments, and a call inside the called: the command calls itself `depth` times. */
static int nested_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long depth;
    if (argc < 2 || RedisModule_StringToLongLong(argv[1], &depth) != REDISMODULE_OK) {
        return RedisModule_WrongArity(ctx);
    }
    if (depth <= 0) return RedisModule_ReplyWithLongLong(ctx, argc);
    RedisModuleCallReply *reply = RedisModule_Call(ctx, "call.nested", "lvE", depth - 1, argv + 1,
                                                   (size_t)(argc - 1));
    RedisModule_ReplyWithCallReply(ctx, reply);
    RedisModule_FreeCallReply(reply);
    return REDISMODULE_OK;
}

/* ---- propagation ----------------------------------------------------------------------------- */

static int replicate_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    const char *how = RedisModule_StringPtrLen(argv[1], NULL);
    RedisModuleCallReply *reply = NULL;
    if (!strcmp(how, "nothing")) reply = RedisModule_Call(ctx, "set", "cc", "k", "silent");
    if (!strcmp(how, "call")) reply = RedisModule_Call(ctx, "set", "cc!", "k", "told");
    if (!strcmp(how, "verbatim")) RedisModule_ReplicateVerbatim(ctx);
    if (!strcmp(how, "several")) {
        RedisModule_Replicate(ctx, "incr", "c", "n");
        reply = RedisModule_Call(ctx, "set", "cc!", "k", "between");
        RedisModule_Replicate(ctx, "set", "cbl", "b", "x\0y", (size_t)3, 7LL);
        RedisModule_ReplicateVerbatim(ctx);
    }
    if (!strcmp(how, "wrong") &&
        (RedisModule_Replicate(ctx, "no-such-command", "c", "x") != REDISMODULE_ERR ||
         RedisModule_Replicate(ctx, "set", "?", "x") != REDISMODULE_ERR)) {
        return RedisModule_ReplyWithError(ctx, "ERR a wrong one was replicated");
    }
    if (reply) RedisModule_FreeCallReply(reply);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static void on_timer(RedisModuleCtx *ctx, void *data) {
    (void)data;
    RedisModule_Replicate(ctx, "incr", "c", "timer");
    RedisModule_FreeCallReply(RedisModule_Call(ctx, "incr", "c!", "timer"));
}

static int timer_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    if (argc != 1) return RedisModule_WrongArity(ctx);
    RedisModule_CreateTimer(ctx, 1, on_timer, NULL);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

/* What a name is remembered by must not matter: one literal that names several subcommands, one
 * place that holds several names. */
static int places_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    static const char *const names[] = {"get", "strlen", "nosuch", "get", "exists", "GET", "type"};
    enum { NAMES = sizeof(names) / sizeof(names[0]), ROUNDS = 3 };
    char place[16];
    if (argc < 2) return RedisModule_WrongArity(ctx);
    RedisModule_ReplyWithArray(ctx, ROUNDS * (NAMES + 3));
    for (int i = 0; i < ROUNDS; i++) {
        for (size_t j = 0; j < NAMES + 3; j++) {
            RedisModuleCallReply *reply;
            if (j < NAMES) {
                snprintf(place, sizeof(place), "%s", names[j]);
                reply = RedisModule_Call(ctx, place, "s", argv[1]);
            } else if (j == NAMES) {
                reply = RedisModule_Call(ctx, "object", "cs", "encoding", argv[1]);
            } else if (j == NAMES + 1 && argc > 2) {
                reply = RedisModule_Call(ctx, "object", "ss", argv[2], argv[1]);
            } else {
                reply = RedisModule_Call(ctx, "get", "s", argv[1]);
            }
            if (!reply || RedisModule_ReplyWithCallReply(ctx, reply) != REDISMODULE_OK) {
                RedisModule_ReplyWithLongLong(ctx, errno);
            }
            if (reply) RedisModule_FreeCallReply(reply);
        }
    }
    return REDISMODULE_OK;
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);
__attribute__((visibility("default")))
int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    if (RedisModule_Init(ctx, "rm_call", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR ||
        RedisModule_CreateCommand(ctx, "call.describe", describe_command, "write", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "call.pass", pass_command, "write", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "call.formats", formats_command, "write", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "call.places", places_command, "readonly", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "call.nested", nested_command, "readonly", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "call.replicate", replicate_command, "write", 0, 0, 0) ||
        RedisModule_CreateCommand(ctx, "call.timer", timer_command, "write", 0, 0, 0)) {
        return REDISMODULE_ERR;
    }
    return REDISMODULE_OK;
}
