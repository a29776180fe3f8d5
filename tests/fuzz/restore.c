/* restore.c - DUMP payloads whose checksum is right and whose rest is anything. A value is refused,
 * or then it can be read, changed, saved, copied and deleted. */
#include "fuzz.h"

#include <string.h>

static int run(const char *a, const char *b, const char *c, KeelStr last, int argc) {
    KeelStr argv[4] = {keel_str(a), keel_str(b), c ? keel_str(c) : last, last};
    return fuzz_call(argv, argc);
}

#define LONG "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* What each type's commands do with a value that was loaded as `l`: a group for each, of which the
 * first command is refused where the key is of another type. */
static const char *const uses[] = {
    "hlen l|hgetall l|hkeys l|hvals l|hscan l 0|hrandfield l -7 withvalues|hrandfield l 3|hmget l a b|"
    "hset l f v g 1|hincrby l g 5|hset l g 12345|hincrbyfloat l h 0.5|hdel l a g|hsetnx l n v|"
    "hset l f " LONG "|hgetall l|hdel l f|hscan l 0 count 1|hrandfield l 2",
    "zcard l|zrange l 0 -1 withscores|zrevrange l 1 5|zrangebyscore l (1 +inf limit 1 2|zrangebylex l [a +|"
    "zrevrangebylex l (x -|zcount l -inf 3|zlexcount l - (b|zrank l a|zmscore l a b|zscan l 0|"
    "zrandmember l -5 withscores|zrandmember l 2|zunionstore m 2 l l weights 2 -1|zinter 2 l m withscores|"
    "zdiff 2 m l|geopos l a b|geosearch l fromlonlat 1 1 byradius 9999 km|zadd l 3 a 1.5 new|zincrby l 2 a|"
    "zadd l -inf " LONG "|zrange l 0 -1|zrangestore m l 1 3|zremrangebyscore l 2 3|zremrangebyrank l 0 0|"
    "zremrangebylex l [c (d|zpopmin l|zpopmax l 2|zrem l a new|zscan l 0 count 1|del m",
    "llen l|lrange l 0 -1|lrange l -5 -2|lindex l 1|lindex l -2|lpos l a rank -1 count 0|lpos l 1|"
    "lpush l x 7|rpush l " LONG "|linsert l before 7 m|linsert l after m " LONG "|lset l 2 " LONG "|"
    "lset l -1 5|lmove l l left right|lrem l -1 a|lrem l 0 7|lpop l|rpop l 2|ltrim l 1 -2|lrange l 0 -1|"
    "rpush l z|lset l 0 q|lrem l 0 z",
    "xlen l|xrange l - +|xrevrange l + -|xinfo stream l full count 0|xinfo groups l|xread streams l 0|"
    "xgroup create l g 0|xreadgroup group g c count 3 streams l >|xreadgroup group g d streams l 0|"
    "xpending l g|xpending l g - + 10|xautoclaim l g e 0 0 count 5|xclaim l g f 0 1 1-1 force|"
    "xack l g 1-1|xdel l 1-1 2-1|xadd l * a b 1 2|xadd l maxlen 3 * a b|xtrim l minid 2|xinfo stream l|"
    "xsetid l 5|xgroup setid l g 1|xgroup delconsumer l g c|xgroup destroy l g|xtrim l maxlen 0|"
    "xadd l * a b",
    NULL,
};

/* One command, its words parted by blanks. Returns its reply's type. */
static int use(const char *line, size_t len) {
    char text[256];
    KeelStr argv[16];
    int argc = 0;
    MUST(len < sizeof(text));
    memcpy(text, line, len);
    text[len] = '\0';
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) argv[argc++] = keel_str(word);
    return fuzz_call(argv, argc);
}

static void use_as_its_type(void) {
    for (int i = 0; uses[i]; i++) {
        const char *line = uses[i];
        for (bool more = true; more;) {
            const char *end = strchr(line, '|');
            bool refused = use(line, end ? (size_t)(end - line) : strlen(line)) == '-';
            if (refused && line == uses[i]) break;
            more = end != NULL;
            line = end ? end + 1 : line;
        }
    }
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
        MUST(run("debug", "digest-value", "l", none, 3) == '*');
        use_as_its_type();
        run("append", "l", NULL, KEEL_LIT("tail"), 3);
        run("strlen", "l", NULL, none, 2);
        run("dump", "l", NULL, none, 2);
        run("get", "k", NULL, none, 2);
        use_set(none);
        MUST(run("del", "k", NULL, none, 2) == ':');
        MUST(run("unlink", "l", NULL, none, 2) == ':');
    }
    free(payload);
    return 0;
}
