/* dispatch.c - a client that sends anything, in pieces of any size, to a server with all modules.
 *
 * The first bytes of the input say where the rest is split. What the server answers must be whole,
 * well-formed replies, and its closing must be clean whatever it is in the middle of. */
#include "fuzz.h"

#include "net.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static char *answers;
static size_t answers_len, answers_room;

static void drain(int fd) {
    for (;;) {
        if (answers_room - answers_len < 65536) {
            answers_room = answers_room * 2 + 65536 * 2;
            answers = realloc(answers, answers_room);
            MUST(answers);
        }
        ssize_t n = read(fd, answers + answers_len, answers_room - answers_len);
        if (n <= 0) return;
        answers_len += (size_t)n;
    }
}

/* What one input changes must not change the meaning of the next. */
static void start_over(void) {
    static const KeelStr flush[] = {{"flushall", 8}, {"sync", 4}};
    static const KeelStr unpause[] = {{"client", 6}, {"unpause", 7}};
    static const KeelStr no_password[] = {{"config", 6}, {"set", 3}, {"requirepass", 11}, {"", 0}};
    settings.proto_max_bulk_len = 1024 * 1024;
    settings.client_query_buffer_limit = 8 * 1024 * 1024;
    settings.maxclients = 100;
    settings.output_limit[KEEL_CLIENT_NORMAL].hard = 64 * 1024 * 1024;
    fuzz_call(unpause, 2);
    fuzz_call(flush, 2);
    fuzz_call(no_password, 4);
    settings.hz = 10;
}

static uint64_t open_client(int *peer) {
    int pair[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    *peer = pair[1];
    return client_new(pair[0], false)->id;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_server();
    if (size < 4) return 0;
    start_over();
    int peer;
    uint64_t id = open_client(&peer);
    /* Three pieces sizes in turn; 0 stands for "all the rest". */
    size_t steps[3] = {data[0], data[1], (size_t)data[2] * 64}, turn = 0;
    bool hang_up = data[3] & 1, protocol3 = data[3] & 2;
    if (protocol3) keel_client_set_protocol(keel_client_by_id(id), 3);
    data += 4;
    size -= 4;
    answers_len = 0;
    while (size) {
        size_t n = steps[turn++ % 3];
        if (n == 0 || n > size) n = size;
        ssize_t sent = write(peer, data, n);
        if (sent <= 0) break;
        data += sent;
        size -= (size_t)sent;
        KeelClient *client = keel_client_by_id(id);
        if (!client) break;
        if (!size && hang_up) shutdown(peer, SHUT_WR);
        client->hung_up = !size && hang_up;
        fuzz_turn(client);
        drain(peer);
    }
    bool alive = keel_client_by_id(id) != NULL;
    drain(peer);
    size_t at = 0;
    while (at < answers_len) {
        size_t n = fuzz_reply_length(answers + at, answers_len - at);
        if (!n) break;
        at += n;
    }
    MUST(at == answers_len || !alive);
    close(peer);
    KeelClient *client = keel_client_by_id(id);
    if (client) client_close(client);
    fuzz_between();
    MUST(!keel_client_by_id(id));
    start_over(); /* what it left is freed: the rest is a leak */
    return 0;
}
