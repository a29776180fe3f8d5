/* version.c - which server this is, and which run of it. */
#include <keel.h>
#include <stdio.h>

#ifndef KEEL_VERSION
#define KEEL_VERSION "0.0.0"
#endif

/* The newest Redis whose contract is kept. Clients and suites decide by it what they may send. */
const char *keel_redis_version(void) {
    return "7.2.6";
}

const char *keel_version(void) {
    return KEEL_VERSION;
}

const char *keel_run_id(void) {
    static char id[41];
    if (!id[0]) {
        unsigned char bytes[20];
        keel_random_bytes(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++) snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    }
    return id;
}
