/* hll.c - strings that say they are HyperLogLogs. Each use refuses them, or works; what was
 * well-formed stays so. The first byte says how many elements are added. */
#include "fuzz.h"

static int run(const char *a, const char *b, const char *c, KeelStr last, int argc) {
    KeelStr argv[4] = {keel_str(a), keel_str(b), c ? keel_str(c) : last, last};
    return fuzz_call(argv, argc);
}

/* A header in front makes nearly all inputs worth looking at; "!" in front leaves it out. */
static void set_hll(const char *key, const uint8_t *data, size_t size) {
    char *bytes = malloc(size + 16);
    MUST(bytes);
    bool whole = size && data[0] == '!';
    size_t head = whole ? 0 : 16;
    memcpy(bytes, "HYLL\1\0\0\0\0\0\0\0\0\0\0\x80", head);
    memcpy(bytes + head, data + whole, size - whole);
    MUST(run("set", key, NULL, (KeelStr){bytes, head + size - whole}, 3) == '+');
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_server();
    KeelStr none = KEEL_LIT("");
    if (size < 1) return 0;
    unsigned adds = data[0] & 31;
    set_hll("k", data + 1, size - 1);
    /* Of two keys nothing is cached. */
    bool good = run("pfcount", "k", NULL, KEEL_LIT("nosuch"), 3) == ':';
    for (unsigned i = 0; i < adds; i++) {
        char element[2] = {(char)i, (char)adds};
        int type = run("pfadd", "k", NULL, (KeelStr){element, 2}, 3);
        MUST(!good || type == ':');
    }
    /* What was well-formed has stayed so. */
    MUST(!good || run("pfcount", "k", NULL, KEEL_LIT("nosuch"), 3) == ':');
    run("pfcount", "k", NULL, none, 2);
    int decoded = run("pfdebug", "decode", "k", none, 3);
    MUST(decoded == '$' || decoded == '-');
    int merged = run("pfmerge", "l", NULL, KEEL_LIT("k"), 3);
    MUST(!good || merged == '+');
    MUST(merged != '+' || run("pfcount", "k", NULL, KEEL_LIT("l"), 3) == ':');
    int dense = run("pfdebug", "todense", "k", none, 3);
    MUST(!good || dense == ':');
    run("pfdebug", "getreg", "k", none, 3);
    run("pfadd", "k", "x", KEEL_LIT("y"), 4);
    run("del", "k", "l", none, 3);
    return 0;
}
