/* module.c - the Redis module ABI: shared objects that export RedisModule_OnLoad or
 * ValkeyModule_OnLoad load and work as they are, without being compiled again. */
#include "rm.h"

extern const KeelLoader rm_loaders[];

KEEL_MODULE(.name = "redismodule", .version = "1.0.0",
            .summary = "Modules written for Redis and Valkey.", .loaders = rm_loaders);
