/* api.c - every function by its name: what GetApi answers.
 *
 * The names come from redismodule.h, where each stands once. They are sorted at load, so that a
 * module's few hundred questions at its start are quick. ValkeyModule_x is the same function. */
#include "rm.h"

#include <stdlib.h>
#include <string.h>

typedef struct Function {
    const char *name;
    void (*pointer)(void);
} Function;

#define RM_FUNCTION(returns, name, parameters) {#name, (void (*)(void))RM_##name},
static Function functions[] = {{"GetApi", (void (*)(void))RM_GetApi},
                               REDISMODULE_FUNCTIONS(RM_FUNCTION)};
#undef RM_FUNCTION
enum { FUNCTIONS = sizeof(functions) / sizeof(functions[0]) };

static int by_name(const void *a, const void *b) {
    return strcmp(((const Function *)a)->name, ((const Function *)b)->name);
}

void *rm_function(const Mod *mod, const char *name) {
    static const char *const prefixes[] = {"RedisModule_", "ValkeyModule_"};
    static bool sorted;
    if (!sorted) qsort(functions, FUNCTIONS, sizeof(functions[0]), by_name);
    sorted = true;
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(prefixes[i]);
        if (strncmp(name, prefixes[i], len) != 0) continue;
        void *own = rm_memory_function(mod, name + len);
        if (own) return own;
        Function wanted = {name + len, NULL};
        Function *found = bsearch(&wanted, functions, FUNCTIONS, sizeof(functions[0]), by_name);
        return found ? (void *)(uintptr_t)found->pointer : NULL;
    }
    return NULL;
}
