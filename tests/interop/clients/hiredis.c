/* hiredis.c HOST PORT - libhiredis against a server: RESP2 and RESP3 replies as the library reads
 * them, a pipeline, binary values, an error, and a push of bytes that come one by one.
 *
 * Prints a line per failed expectation and ends with status 1 when there was one. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;

static void expect(const char *what, int holds) {
    if (holds) return;
    printf("%s\n", what);
    failures++;
}

static int is(redisReply *r, int type, const char *text) {
    int same = r && r->type == type && (!text || (r->str && strcmp(r->str, text) == 0));
    if (!same && r) printf("got type %d: %s\n", r->type, r->str ? r->str : "");
    if (r) freeReplyObject(r);
    return same;
}

static int is_integer(redisReply *r, long long v) {
    int same = r && r->type == REDIS_REPLY_INTEGER && r->integer == v;
    if (r) freeReplyObject(r);
    return same;
}

static void commands(redisContext *c) {
    expect("PING", is(redisCommand(c, "PING"), REDIS_REPLY_STATUS, "PONG"));
    expect("SELECT", is(redisCommand(c, "SELECT 6"), REDIS_REPLY_STATUS, "OK"));
    expect("FLUSHDB", is(redisCommand(c, "FLUSHDB"), REDIS_REPLY_STATUS, "OK"));
    expect("SET", is(redisCommand(c, "SET %s %s EX 100", "key", "value"), REDIS_REPLY_STATUS, "OK"));
    expect("GET", is(redisCommand(c, "GET key"), REDIS_REPLY_STRING, "value"));
    expect("GET of a missing key", is(redisCommand(c, "GET none"), REDIS_REPLY_NIL, NULL));
    expect("INCR", is_integer(redisCommand(c, "INCR n"), 1));
    expect("TTL", is_integer(redisCommand(c, "TTL n"), -1));
    expect("an error", is(redisCommand(c, "INCR key"), REDIS_REPLY_ERROR,
                          "ERR value is not an integer or out of range"));
    expect("arity", is(redisCommand(c, "GET"), REDIS_REPLY_ERROR,
                       "ERR wrong number of arguments for 'get' command"));
    redisReply *r = redisCommand(c, "MGET key none n");
    expect("MGET", r && r->type == REDIS_REPLY_ARRAY && r->elements == 3 &&
                       r->element[1]->type == REDIS_REPLY_NIL &&
                       strcmp(r->element[2]->str, "1") == 0);
    if (r) freeReplyObject(r);
}

static void binary(redisContext *c) {
    size_t len = 3 << 20;
    char *blob = malloc(len);
    for (size_t i = 0; i < len; i++) blob[i] = (char)(i * 31);
    expect("SET of 3 MB", is(redisCommand(c, "SET %b %b", "\0k\r\n", (size_t)4, blob, len),
                             REDIS_REPLY_STATUS, "OK"));
    redisReply *r = redisCommand(c, "GET %b", "\0k\r\n", (size_t)4);
    expect("GET of 3 MB", r && r->type == REDIS_REPLY_STRING && (size_t)r->len == len &&
                              memcmp(r->str, blob, len) == 0);
    if (r) freeReplyObject(r);
    free(blob);
}

static void pipeline(redisContext *c) {
    enum { N = 10000 };
    for (int i = 0; i < N; i++) redisAppendCommand(c, "INCRBY pipe %d", 2);
    int right = 0;
    for (int i = 0; i < N; i++) {
        redisReply *r = NULL;
        if (redisGetReply(c, (void **)&r) != REDIS_OK) break;
        right += r->type == REDIS_REPLY_INTEGER && r->integer == 2 * (i + 1);
        freeReplyObject(r);
    }
    expect("a pipeline of 10000", right == N);
}

/* A request whose bytes arrive one by one. */
static void drip(redisContext *c) {
    const char *request = "*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n";
    for (const char *p = request; *p; p++) {
        if (write(c->fd, p, 1) != 1) break;
        usleep(500);
    }
    redisReply *r = NULL;
    redisGetReply(c, (void **)&r);
    expect("bytes one by one", is(r, REDIS_REPLY_STRING, "hello"));
}

#ifdef REDIS_REPLY_MAP
static void resp3(redisContext *c) {
    redisReply *r = redisCommand(c, "HELLO 3");
    expect("HELLO 3", r && r->type == REDIS_REPLY_MAP && r->elements >= 14);
    if (r) freeReplyObject(r);
    expect("a null of RESP3", is(redisCommand(c, "GET none"), REDIS_REPLY_NIL, NULL));
    r = redisCommand(c, "CONFIG GET port");
    expect("CONFIG GET is a map", r && r->type == REDIS_REPLY_MAP && r->elements == 2);
    if (r) freeReplyObject(r);
    expect("INFO is verbatim", is(redisCommand(c, "INFO server"), REDIS_REPLY_VERB, NULL));
}
#endif

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    redisContext *c = redisConnect(argv[1], atoi(argv[2]));
    if (!c || c->err) {
        printf("no connection: %s\n", c ? c->errstr : "no memory");
        return 1;
    }
    commands(c);
    binary(c);
    pipeline(c);
    drip(c);
#ifdef REDIS_REPLY_VERB
    resp3(c);
#endif
    expect("the connection is still whole", c->err == 0);
    redisFree(c);
    if (!failures) puts("ok");
    return failures != 0;
}
