/* resp.c - the request parser against the one for requests in pieces: both must understand the same
 * bytes alike, whole or cut anywhere, and neither may look outside of them. */
#include "fuzz.h"

#include "mem.h"
#include "partial.h"
#include "resp.h"

enum { ROOM = 4096 };
static KeelStr whole[ROOM];

static char *copy_of(const uint8_t *data, size_t size) {
    char *copy = keel_alloc(size + QUERY_PADDING);
    memcpy(copy, data, size);
    return copy;
}

/* The same bytes, given in steps of `step`. What partial_parse() returns, -1 with an error. */
static int in_pieces(KeelClient *client, const uint8_t *data, size_t size, size_t step,
                     const RespLimits *limits) {
    const char *error = NULL;
    client->query = keel_alloc(size + QUERY_PADDING);
    client->query_room = keel_mem_size(client->query);
    client->query_len = 0;
    partial_begin(client);
    while (size) {
        size_t n = step < size ? step : size, room;
        char *to = partial_target(client, &room);
        if (client->close_now) return 0;
        if (to) {
            if (n > room) n = room;
            memcpy(to, data, n);
            partial_filled(client, n);
        } else {
            memcpy(client->query + client->query_len, data, n);
            client->query_len += n;
        }
        data += n;
        size -= n;
        int argc = partial_parse(client, limits, &error);
        if (error) return -1;
        if (argc > 0) return argc;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_server();
    if (size < 3) return 0;
    RespLimits limits = data[0] & 1 ? (RespLimits){INT32_MAX, 1 << 20, true}
                                    : (RespLimits){10, 16384, false};
    size_t step = data[1] ? data[1] : 4096;
    data += 2;
    size -= 2;
    char *bytes = copy_of(data, size), *p = bytes, *end = bytes + size;
    const uint8_t *from = data;
    RespResult result = RESP_MORE;
    RespRequest request = {0};
    while (p < end) {
        result = resp_parse(p, end, whole, ROOM, &limits, &request);
        from = data + (p - bytes);
        if (result != RESP_WHOLE) break;
        MUST(request.next > p && request.next <= end);
        for (int i = 0; i < request.argc; i++) {
            MUST(whole[i].ptr >= p && whole[i].ptr + whole[i].len < request.next);
            MUST(whole[i].ptr[whole[i].len] == '\0');
        }
        if (request.argc && *from == '*') break;
        p = request.next;
    }
    if (p < end && *from == '*') {
        KeelClient client = {.fd = -1, .pretended = true};
        int argc = in_pieces(&client, from, (size_t)(data + size - from), step, &limits);
        if (result == RESP_WHOLE) {
            MUST(argc == request.argc);
            for (int i = 0; i < argc; i++) MUST(keel_equal(client.partial->args[i], whole[i]));
        } else if (result == RESP_MORE) {
            MUST(argc == 0);
        } else if (result == RESP_ERROR) {
            MUST(argc == -1);
        }
        partial_free(&client);
        client_free_query(&client);
    }
    keel_free(bytes);
    return 0;
}
