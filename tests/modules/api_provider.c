/* api_provider.c - an interface "counter" in three versions, two of them compatible. */
#include "api_counter.h"

#include <keel.h>

static int64_t value;

static int64_t add(int64_t n) {
    return value += n;
}
static int64_t get(void) {
    return value;
}
static int64_t twice(void) {
    return 2 * value;
}

static const CounterInterface old_one = {.add = add, .get = get};
static const CounterInterface new_one = {.add = add, .get = get, .twice = twice};
static const CounterInterface next_major = {.add = add, .get = twice};

static const KeelInterface provides[] = {{.name = "counter", .version = 100, .functions = &old_one},
                                         {.name = "counter", .version = 102, .functions = &new_one},
                                         {.name = "counter", .version = 200,
                                          .functions = &next_major},
                                         {0}};

KEEL_MODULE(.name = "api_provider", .version = "1.2.3", .summary = "Provides counters.",
            .provides = provides);
