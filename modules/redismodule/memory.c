/* memory.c - memory for modules, accounted to the one that asks.
 *
 * RedisModule_Alloc() is told nothing of its caller, is called by any thread, and blocks are freed by
 * whatever thread. So each module gets functions of its own from GetApi: the same few lines compiled
 * once for each of SLOTS accounts. Modules beyond that share the last one. */
#include "rm.h"

#include <string.h>

#define SLOTS 32
#define FOR_SLOTS(X)                                                                               \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16)    \
    X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)

static KeelMemory *accounts[SLOTS]; /* of the module in this slot; never NULL once used */
static int users[SLOTS];

static bool product(size_t n, size_t size, size_t *bytes) {
    return !__builtin_mul_overflow(n, size, bytes);
}

/* Like the server's own: the process ends when a size is impossible. */
static void *zeroed(KeelMemory *account, size_t n, size_t size) {
    size_t bytes;
    if (!product(n, size, &bytes)) bytes = SIZE_MAX;
    return keel_mem_zalloc(account, bytes);
}

static void *try_zeroed(KeelMemory *account, size_t n, size_t size) {
    size_t bytes;
    if (!product(n, size, &bytes)) return NULL;
    void *block = keel_mem_try_alloc(account, bytes);
    return block ? memset(block, 0, bytes) : NULL;
}

static void *resized(KeelMemory *account, void *block, size_t size) {
    if (size) return keel_mem_realloc(account, block, size);
    keel_mem_free(account, block);
    return NULL;
}

static char *copied(KeelMemory *account, const char *s) {
    size_t bytes = strlen(s) + 1;
    return memcpy(keel_mem_alloc(account, bytes), s, bytes);
}

#define SLOT_FUNCTIONS(n)                                                                          \
    static void *alloc_##n(size_t size) { return keel_mem_alloc(accounts[n], size); }              \
    static void *try_alloc_##n(size_t size) { return keel_mem_try_alloc(accounts[n], size); }      \
    static void *calloc_##n(size_t k, size_t size) { return zeroed(accounts[n], k, size); }        \
    static void *try_calloc_##n(size_t k, size_t size) {                                           \
        return try_zeroed(accounts[n], k, size);                                                   \
    }                                                                                              \
    static void *realloc_##n(void *p, size_t size) { return resized(accounts[n], p, size); }       \
    static void *try_realloc_##n(void *p, size_t size) {                                           \
        return keel_mem_try_realloc(accounts[n], p, size);                                         \
    }                                                                                              \
    static void free_##n(void *p) { keel_mem_free(accounts[n], p); }                               \
    static char *strdup_##n(const char *s) { return copied(accounts[n], s); }
FOR_SLOTS(SLOT_FUNCTIONS)

typedef void Any(void);
enum { ALLOC, TRY_ALLOC, CALLOC, TRY_CALLOC, REALLOC, TRY_REALLOC, FREE, STRDUP, KINDS };
static const char *const names[KINDS] = {"Alloc",   "TryAlloc",   "Calloc", "TryCalloc",
                                         "Realloc", "TryRealloc", "Free",   "Strdup"};
#define SLOT_ROW(n)                                                                                \
    {(Any *)alloc_##n, (Any *)try_alloc_##n, (Any *)calloc_##n, (Any *)try_calloc_##n,             \
     (Any *)realloc_##n, (Any *)try_realloc_##n, (Any *)free_##n, (Any *)strdup_##n},
static Any *const variants[SLOTS][KINDS] = {FOR_SLOTS(SLOT_ROW)};

void rm_memory_begin(Mod *mod) {
    int slot = 0;
    while (slot < SLOTS - 1 && users[slot]) slot++;
    mod->slot = slot;
    /* The last slot is everybody's: an account that outlives each of them. */
    accounts[slot] = slot == SLOTS - 1 ? &keel_self.memory : &mod->self.memory;
    users[slot]++;
}

/* What the module left behind, or its destructors free later, goes to ours. */
void rm_memory_end(Mod *mod) {
    users[mod->slot]--;
    accounts[mod->slot] = &keel_self.memory;
}

KeelMemory *rm_memory_account(const Mod *mod) {
    return accounts[mod->slot];
}

void *rm_memory_function(const Mod *mod, const char *name) {
    for (int i = 0; mod && i < KINDS; i++) {
        if (strcmp(name, names[i]) == 0) return (void *)(uintptr_t)variants[mod->slot][i];
    }
    return NULL;
}

/* ---- the same without an account of one's own, and what is asked about blocks ---------------- */

void *RM_Alloc(size_t size) {
    return keel_alloc(size);
}
void *RM_TryAlloc(size_t size) {
    return keel_try_alloc(size);
}
void *RM_Calloc(size_t n, size_t size) {
    return zeroed(&keel_self.memory, n, size);
}
void *RM_TryCalloc(size_t n, size_t size) {
    return try_zeroed(&keel_self.memory, n, size);
}
void *RM_Realloc(void *block, size_t size) {
    return resized(&keel_self.memory, block, size);
}
void *RM_TryRealloc(void *block, size_t size) {
    return keel_try_realloc(block, size);
}
void RM_Free(void *block) {
    keel_free(block);
}
char *RM_Strdup(const char *s) {
    return copied(&keel_self.memory, s);
}

size_t RM_MallocSize(void *block) {
    return block ? keel_mem_size(block) : 0;
}
size_t RM_MallocUsableSize(void *block) {
    return RM_MallocSize(block);
}
size_t RM_MallocSizeString(RedisModuleString *s) {
    return keel_mem_size(s) + (s->form == STR_BLOCK ? keel_mem_size(s->ptr) : 0);
}

float RM_GetUsedMemoryRatio(void) {
    char limit[32];
    int64_t bytes;
    if (!keel_config_get(KEEL_LIT("maxmemory"), limit, sizeof(limit), NULL)) return 0;
    if (!keel_parse_int(keel_str(limit), &bytes) || bytes <= 0) return 0;
    return (float)keel_mem_used() / (float)bytes;
}
