/* command.h - the command table: rows of modules made ready for dispatch. */
#ifndef CORE_COMMAND_H
#define CORE_COMMAND_H

#include <keel/command.h>
#include <keel/gate.h>
#include <string.h>

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
 * case-folded bytes. command_lookup() is for the rest. */
typedef struct NameSlot {
    uint64_t low, high;       /* the folded bytes, zero-padded */
    KeelCommandRef *command;  /* NULL: free */
    uint32_t len;
    bool letters;             /* only letters: equal folded bytes are equal names */
    uint64_t strict[2];       /* otherwise: the bits of folding where there is no letter ... */
    uint64_t bits[2];         /* ... and what they are in the name: "a.b" is not "a\x0eb" */
} NameSlot;
extern NameSlot *command_names;  /* a power of two of slots, at most half full */
extern uint64_t command_names_mask;

static inline uint64_t command_name_hash(uint64_t low, uint64_t high) {
    uint64_t h = (low ^ (high * 0x9E3779B97F4A7C15ull)) * 0xD6E8FEB86659FD93ull;
    return h ^ (h >> 32);
}
/* Letters to lower case, eight at a time; other bytes change too, alike on both sides, so a hit on
 * a name that is not all letters needs a second look: see command_find_fast(). */
#define COMMAND_FOLD 0x2020202020202020ull

/* `name` has at least 16 readable bytes behind ptr (query buffers are padded so). */
static inline KeelCommandRef *command_find_fast(KeelStr name) {
    if (__builtin_expect(name.len - 1 > 15, 0)) return command_lookup(name);
    uint64_t low, high = 0, first, second = 0;
    memcpy(&low, name.ptr, 8);
    first = low;
    if (name.len < 8) {
        low &= (1ull << (name.len * 8)) - 1;
        low |= COMMAND_FOLD & ((1ull << (name.len * 8)) - 1);
    } else {
        low |= COMMAND_FOLD;
        if (name.len > 8) {
            memcpy(&high, name.ptr + 8, 8);
            second = high;
            uint64_t mask = name.len == 16 ? ~0ull : (1ull << ((name.len - 8) * 8)) - 1;
            high = (high | COMMAND_FOLD) & mask;
        }
    }
    for (uint64_t i = command_name_hash(low, high);; i++) {
        const NameSlot *slot = &command_names[i & command_names_mask];
        if (!slot->command) return NULL;
        if (slot->low == low && slot->high == high && slot->len == name.len) {
            if (__builtin_expect(slot->letters, 1)) return slot->command;
            if (__builtin_expect((first & slot->strict[0]) != slot->bits[0] ||
                                     (second & slot->strict[1]) != slot->bits[1], 0)) {
                return command_lookup(name);
            }
            return slot->command;
        }
    }
}

#endif
