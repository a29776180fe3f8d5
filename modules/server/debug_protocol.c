/* debug_protocol.c - DEBUG PROTOCOL: one reply of each kind, for tests of client libraries. */
#include "server.h"

static void reply_string(KeelCtx *c) {
    keel_reply_cstr(c, "Hello World");
}

static void reply_integer(KeelCtx *c) {
    keel_reply_int(c, 12345);
}

static void reply_double(KeelCtx *c) {
    keel_reply_double(c, 3.141);
}

static void reply_bignum(KeelCtx *c) {
    keel_reply_bignum(c, KEEL_LIT("1234567999999999999999999999999999999"));
}

static void reply_array(KeelCtx *c) {
    keel_reply_array(c, 3);
    for (int i = 0; i < 3; i++) keel_reply_int(c, i);
}

static void reply_set(KeelCtx *c) {
    keel_reply_set(c, 3);
    for (int i = 0; i < 3; i++) keel_reply_int(c, i);
}

static void reply_map(KeelCtx *c) {
    keel_reply_map(c, 3);
    for (int i = 0; i < 3; i++) {
        keel_reply_int(c, i);
        keel_reply_bool(c, i == 1);
    }
}

static void reply_attribute(KeelCtx *c) {
    if (keel_reply_protocol(c) > 2) {
        keel_reply_attribute(c, 1);
        keel_reply_cstr(c, "key-popularity");
        keel_reply_array(c, 2);
        keel_reply_cstr(c, "key:123");
        keel_reply_int(c, 90);
    }
    keel_reply_cstr(c, "Some real reply following the attribute");
}

/* The push comes before the reply, as one that happened meanwhile would. */
static void reply_push(KeelCtx *c) {
    if (keel_reply_protocol(c) < 3) {
        keel_reply_error(c, "ERR RESP2 is not supported by this command");
        return;
    }
    keel_reply_push(c, 2);
    keel_reply_cstr(c, "server-cpu-usage");
    keel_reply_int(c, 42);
    keel_reply_cstr(c, "Some real reply following the push reply");
}

static void reply_verbatim(KeelCtx *c) {
    keel_reply_verbatim(c, "txt", KEEL_LIT("This is a verbatim\nstring"));
}

static void reply_true(KeelCtx *c) {
    keel_reply_bool(c, true);
}

static void reply_false(KeelCtx *c) {
    keel_reply_bool(c, false);
}

static const struct {
    const char *name;
    void (*reply)(KeelCtx *c);
} kinds[] = {
    {"string", reply_string},     {"integer", reply_integer}, {"double", reply_double},
    {"bignum", reply_bignum},     {"null", keel_reply_null},  {"array", reply_array},
    {"set", reply_set},           {"map", reply_map},         {"attrib", reply_attribute},
    {"push", reply_push},         {"verbatim", reply_verbatim},
    {"true", reply_true},         {"false", reply_false},
};

void debug_protocol(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!keel_is(argv[2], kinds[i].name)) continue;
        kinds[i].reply(c);
        return;
    }
    keel_reply_error(c, "ERR Wrong protocol type name. Please use one of the following: "
                        "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|"
                        "true|false");
}
