/* command.h - the command table: rows of modules made ready for dispatch. */
#ifndef CORE_COMMAND_H
#define CORE_COMMAND_H

#include <keel/command.h>
#include <keel/gate.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct Module;
typedef struct KeySpec KeySpec;  /* where keys are: keyspec.h */

/* What COMMAND INFO, dispatch and prefetching need of one command, hot fields first. */
struct KeelCommandRef {
    KeelHandler *call;
    uint64_t flags;           /* KEEL_WRITE ..., derived ones included */
    uint64_t gates;           /* bits of the gates that may stop it */
    int32_t arity;
    int16_t first_key, last_key, key_step; /* the plain range, for prefetching; first 0: none */
    bool has_subcommands;
    const void *data;         /* the row's */
    uint64_t calls, ticks, rejected, failed; /* ticks: of the CPU's counter, see ticks.h */
    uint64_t *latency;        /* LATENCY_CELLS counts by log-linear ticks; NULL until first used */

    const KeelCommand *row;   /* our copy of the module's; its texts are the module's */
    struct Module *module;
    char *name;               /* full: "config|get" */
    struct KeelCommandRef *parent, *next_sub, *first_sub;
    uint64_t categories;
    KeySpec *specs;
    int spec_count;
    uint32_t order;           /* position of registration, for stable listings */
};

/* Checks and adds all rows of a module (`row_size` bytes each, shorter rows are zero-extended).
 * 0; -1 with a message in `error` (room bytes) that names the row and what is wrong with it, and
 * then nothing was added. */
int command_register(struct Module *module, const KeelCommand *rows, size_t row_size, char *error,
                     size_t room);
/* Removes all commands of a module. */
void command_unregister(struct Module *module);
/* After a module's `replaced` has changed: its commands are found by their names, or not. */
void command_reindex(void);
/* The commands of `to` go on counting where those of the same names of `from`, which is replaced by
 * it, are to end. */
void command_inherit(struct Module *to, struct Module *from);
/* Grows whenever commands come or go: what was found by name before may be gone. */
extern uint64_t command_epoch;
/* Recomputes every command's `gates` after gates came or went: gate bit i stands for a command
 * that has a flag of flags[i] (0: any) and none of except[i]. */
void command_set_gates(const uint64_t *flags, const uint64_t *except, int count);

/* The first duration of a command since distributions are kept, or since they were reset. */
void command_latency_first(KeelCommandRef *cmd, uint64_t ticks);

/* Finds a top-level command by name in either case, NULL when there is none. */
KeelCommandRef *command_lookup(KeelStr name);
/* Makes one command of a row (not its subcommands) and checks it; `parent` NULL: top level. NULL:
 * a message is in `error`. Nothing is linked to it yet. */
KeelCommandRef *command_make(struct Module *module, const KeelCommand *row, KeelCommandRef *parent,
                             char *error, size_t room);
/* Frees what command_make() made, and its subcommands. */
void command_free(KeelCommandRef *cmd);
/* The bit of the ACL category of this name, without "@"; 0: there is none. */
uint64_t category_by_name(KeelStr name);
/* What the flags, .group and .categories of a row put it in; *unknown gets a word of .categories
 * that is no category. */
uint64_t category_of_row(const KeelCommand *row, KeelStr *unknown);
/* The subcommand of `parent` of this name, NULL when there is none. */
KeelCommandRef *command_lookup_sub(const KeelCommandRef *parent, KeelStr name);

/* Command names of up to 16 bytes, the hot ones, are found through a small table keyed by their
 * bytes in lower case. command_lookup() is for the rest. */
typedef struct NameSlot {
    uint64_t low, high;       /* the bytes in lower case, zero-padded */
    KeelCommandRef *command;  /* NULL: free */
    size_t len;
} NameSlot;
extern NameSlot *command_names;  /* a power of two of slots, at most a quarter full */
extern uint64_t command_names_mask;

static inline uint64_t command_name_hash(uint64_t low, uint64_t high) {
    return ((low ^ (high << 29 | high >> 35)) * 0x9E3779B97F4A7C15ull) >> 44; /* the top depends on all */
}

/* `name` as a slot has it: no longer than 16 bytes, and 16 are readable. */
static inline void command_name_fold(KeelStr name, uint64_t *low, uint64_t *high) {
    static const uint64_t keep[4] = {~0ull, ~0ull, 0, 0};
    const char *mask = (const char *)keep + 16 - name.len;
#ifdef __SSE2__
    __m128i bytes = _mm_and_si128(_mm_loadu_si128((const __m128i *)(const void *)name.ptr),
                                  _mm_loadu_si128((const __m128i *)(const void *)mask));
    /* Moved up so far that 'Z' is the largest of all signed bytes. */
    __m128i moved = _mm_add_epi8(bytes, _mm_set1_epi8(127 - 'Z'));
    __m128i capital = _mm_cmpgt_epi8(moved, _mm_set1_epi8(127 - 26));
    bytes = _mm_or_si128(bytes, _mm_and_si128(capital, _mm_set1_epi8(0x20)));
    *low = (uint64_t)_mm_cvtsi128_si64(bytes);
    *high = (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(bytes, bytes));
#else
    char bytes[16];
    for (size_t i = 0; i < 16; i++) {
        char c = name.ptr[i] & mask[i];
        bytes[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    memcpy(low, bytes, 8);
    memcpy(high, bytes + 8, 8);
#endif
}

/* `name` has at least 16 readable bytes behind ptr (query buffers are padded so). */
static inline KeelCommandRef *command_find_fast(KeelStr name) {
    if (__builtin_expect(name.len - 1 > 15, 0)) return command_lookup(name);
    uint64_t low, high;
    command_name_fold(name, &low, &high);
    for (uint64_t i = command_name_hash(low, high);; i++) {
        const NameSlot *slot = &command_names[i & command_names_mask];
        if (__builtin_expect(slot->low == low && slot->high == high && slot->len == name.len, 1)) {
            return slot->command;
        }
        if (!slot->command) return NULL;
    }
}

#endif
