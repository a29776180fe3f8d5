/* lolwut.c - LOLWUT: a boat on water that is never the same twice, and the version. */
#include "server.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 56, SEA = 4 };

static const char *const boat[] = {
    "       |\\",
    "       | \\",
    "       |  \\",
    "      /|   \\",
    "     / |    \\",
    "    /  |_____\\",
    "   /___|",
    " ______|_________",
    " \\  o   o   o   /",
    "  \\____________/",
    "        ||",
    "        ||",
};

/* The hull's rows are above water, the keel's are seen through it. */
enum { KEEL_ROWS = 2, BOAT_ROWS = sizeof(boat) / sizeof(boat[0]) };

static void sea_row(char row[WIDTH + 1], int depth) {
    static const char waves[] = "~~-~~^~~-~";
    for (int i = 0; i < WIDTH; i++) {
        bool wave = keel_random_below((uint64_t)depth + 2) == 0;
        row[i] = wave || depth == 0 ? waves[keel_random_below(sizeof(waves) - 1)] : ' ';
    }
    if (keel_random_below(3) == 0) memcpy(row + keel_random_below(WIDTH - 5), "><>", 3);
    row[WIDTH] = '\0';
}

static void sky_row(char row[WIDTH + 1]) {
    memset(row, ' ', WIDTH);
    if (keel_random_below(4) == 0) memcpy(row + keel_random_below(WIDTH - 4), "v", 1);
    if (keel_random_below(5) == 0) memcpy(row + keel_random_below(WIDTH - 4), ".", 1);
    row[WIDTH] = '\0';
}

static size_t draw(char *out, size_t room) {
    size_t len = 0, at = (size_t)keel_random_below(WIDTH - 20);
    for (int y = 0; y < BOAT_ROWS + SEA - KEEL_ROWS; y++) {
        char row[WIDTH + 1];
        int depth = y - (BOAT_ROWS - KEEL_ROWS);
        if (depth >= 0) sea_row(row, depth);
        else sky_row(row);
        if (y < BOAT_ROWS) {
            for (size_t x = 0; boat[y][x]; x++) {
                if (boat[y][x] != ' ') row[at + x] = boat[y][x];
            }
        }
        size_t end = WIDTH;
        while (end && row[end - 1] == ' ') end--;
        len += (size_t)snprintf(out + len, room - len, "%.*s\n", (int)end, row);
    }
    return len;
}

/* VERSION chooses among pictures in Redis. There is one here, whichever is asked for. */
void server_lolwut(KeelCtx *c, const KeelStr *argv, int argc) {
    char text[(BOAT_ROWS + SEA) * (WIDTH + 1) + 128];
    int64_t version;
    if (argc >= 3 && keel_is(argv[1], "version") && !keel_arg_int(c, argv[2], &version)) return;
    size_t len = draw(text, sizeof(text));
    len += (size_t)snprintf(text + len, sizeof(text) - len, "\nKeel %s, Redis ver. %s\n",
                            keel_version(), keel_redis_version());
    keel_reply_verbatim(c, "txt", (KeelStr){text, len});
}
