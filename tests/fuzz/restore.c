/* restore.c - DUMP payloads whose checksum is right and whose rest is anything. A value is refused,
 * or then it can be read, changed, saved, copied and deleted. */
#include "fuzz.h"

static int run(const char *a, const char *b, const char *c, KeelStr last, int argc) {
    KeelStr argv[4] = {keel_str(a), keel_str(b), c ? keel_str(c) : last, last};
    return fuzz_call(argv, argc);
}

/* Commands of one type on a value that may be of any: refused, or served. */
static void use_set(KeelStr none) {
    run("smembers", "k", NULL, none, 2);
    run("sismember", "k", NULL, KEEL_LIT("1"), 3);
    run("srandmember", "k", NULL, KEEL_LIT("3"), 3);
    run("srandmember", "k", NULL, KEEL_LIT("-3"), 3);
    run("sscan", "k", NULL, KEEL_LIT("0"), 3);
    run("sunion", "k", NULL, KEEL_LIT("l"), 3);
    run("sdiffstore", "m", "l", KEEL_LIT("m"), 4);
    run("sadd", "l", "-5", KEEL_LIT("word"), 4);
    run("smove", "l", "m", KEEL_LIT("word"), 4);
    run("srem", "l", NULL, KEEL_LIT("1"), 3);
    run("spop", "l", NULL, KEEL_LIT("2"), 3);
    run("spop", "l", NULL, none, 2);
    run("sinter", "k", NULL, KEEL_LIT("l"), 3);
    run("del", "m", NULL, none, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_server();
    settings.proto_max_bulk_len = 1024 * 1024;
    if (size < 1) return 0;
    char *payload = malloc(size + 10);
    MUST(payload);
    memcpy(payload, data, size);
    memcpy(payload + size, "\x0b\x00", 2);
    uint64_t crc = keel_crc64(0, payload, size + 2);
    for (int i = 0; i < 8; i++) payload[size + 2 + (size_t)i] = (char)(crc >> (8 * i));
    KeelStr none = KEEL_LIT("");
    if (run("restore", "k", "0", (KeelStr){payload, size + 10}, 4) == '+') {
        MUST(run("type", "k", NULL, none, 2) == '+');
        MUST(run("dump", "k", NULL, none, 2) == '$');
        MUST(run("object", "encoding", "k", none, 3) == '$');
        MUST(run("memory", "usage", "k", none, 3) == ':');
        MUST(run("copy", "k", "l", none, 3) == ':');
        run("append", "l", NULL, KEEL_LIT("tail"), 3);
        run("strlen", "l", NULL, none, 2);
        run("get", "k", NULL, none, 2);
        use_set(none);
        MUST(run("del", "k", NULL, none, 2) == ':');
        MUST(run("unlink", "l", NULL, none, 2) == ':');
    }
    free(payload);
    return 0;
}
