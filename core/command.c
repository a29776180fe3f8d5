/* command.c - the command table: registration, lookup and statistics.
 *
 * Commands hang in an array in the order of registration, which is what listings show. Two open
 * tables find them by name: the small one of command.h by the bytes of names up to 16 bytes in
 * lower case, for dispatch, and a general one by their hash whatever the case. Both are rebuilt from the
 * array whenever modules come or go, so removing needs no care about probe sequences. */
#include "command.h"
#include "ctx.h"
#include "hook.h"
#include "keyspec.h"
#include "module.h"
#include "ticks.h"

#include <keel/memory.h>
#include <keel/text.h>
#include <stdio.h>

static KeelCommandRef **commands;      /* top level, by order */
static size_t command_count, command_room;
static uint32_t next_order;
uint64_t command_epoch = 1;

static KeelCommandRef **by_name;       /* a power of two of places, at most half full */
static uint64_t by_name_mask;
static NameSlot no_names[1];
NameSlot *command_names = no_names;
uint64_t command_names_mask;

/* What gates want, kept for commands that come after them. */
static uint64_t gate_flags[GATES_MAX], gate_except[GATES_MAX];
static int gate_count;

/* --- tables --- */

static void index_command(KeelCommandRef *cmd) {
    size_t len = strlen(cmd->name);
    uint64_t i = keel_hash_nocase(cmd->name, len);
    while (by_name[i & by_name_mask]) i++;
    by_name[i & by_name_mask] = cmd;
    if (len > 16) return;
    char name[16] = {0};
    memcpy(name, cmd->name, len);
    NameSlot slot = {.command = cmd, .len = len};
    command_name_fold((KeelStr){name, len}, &slot.low, &slot.high);
    i = command_name_hash(slot.low, slot.high);
    while (command_names[i & command_names_mask].command) i++;
    command_names[i & command_names_mask] = slot;
}

static void rebuild_tables(void) {
    command_epoch++;
    size_t slots = 64;
    while (slots < command_count * 2) slots *= 2;
    keel_free(by_name);
    if (command_names != no_names) keel_free(command_names);
    by_name = keel_zalloc(slots * sizeof(*by_name));
    command_names = keel_zalloc(slots * 2 * sizeof(*command_names));
    by_name_mask = slots - 1;
    command_names_mask = slots * 2 - 1;
    for (size_t i = 0; i < command_count; i++) {
        if (!commands[i]->module->replaced) index_command(commands[i]);
    }
}

void command_reindex(void) {
    rebuild_tables();
}

KeelCommandRef *command_lookup(KeelStr name) {
    if (!by_name) return NULL;
    for (uint64_t i = keel_hash_nocase(name.ptr, name.len);; i++) {
        KeelCommandRef *cmd = by_name[i & by_name_mask];
        if (!cmd || keel_is(name, cmd->name)) return cmd;
    }
}

KeelCommandRef *command_lookup_sub(const KeelCommandRef *parent, KeelStr name) {
    for (KeelCommandRef *sub = parent->first_sub; sub; sub = sub->next_sub) {
        if (keel_is(name, sub->row->name)) return sub;
    }
    return NULL;
}

/* --- gates --- */

static void set_gates_of(KeelCommandRef *cmd) {
    uint64_t bits = 0;
    for (int i = 0; i < gate_count; i++) {
        bool wanted = !gate_flags[i] || (cmd->flags & gate_flags[i]);
        if (wanted && !(cmd->flags & gate_except[i])) bits |= 1ull << i;
    }
    cmd->gates = bits;
    for (KeelCommandRef *sub = cmd->first_sub; sub; sub = sub->next_sub) set_gates_of(sub);
}

void command_set_gates(const uint64_t *flags, const uint64_t *except, int count) {
    gate_count = count < GATES_MAX ? count : GATES_MAX;
    for (int i = 0; i < gate_count; i++) {
        gate_flags[i] = flags[i];
        gate_except[i] = except[i];
    }
    for (size_t i = 0; i < command_count; i++) set_gates_of(commands[i]);
}

/* --- registration --- */

/* Row `i` of a table whose rows are `size` bytes, as long as ours. False at the end. */
static bool read_row(const KeelCommand *rows, size_t size, size_t i, KeelCommand *out) {
    if (!rows) return false;
    memset(out, 0, sizeof(*out));
    memcpy(out, (const char *)rows + i * size, size < sizeof(*out) ? size : sizeof(*out));
    return out->name && out->name[0];
}

static int add_subcommands(KeelCommandRef *parent, size_t size, char *error, size_t room) {
    KeelCommandRef **end = &parent->first_sub;
    KeelCommand row;
    for (size_t i = 0; read_row(parent->row->subcommands, size, i, &row); i++) {
        char what[256] = "";
        KeelCommandRef *sub = NULL;
        if (command_lookup_sub(parent, keel_str(row.name))) {
            snprintf(what, sizeof(what), "two rows have this name");
        } else {
            sub = command_make(parent->module, &row, parent, what, sizeof(what));
        }
        if (!sub) {
            snprintf(error, room, "module '%s': command '%s|%s': %s", parent->module->name,
                     parent->name, row.name, what);
            return -1;
        }
        sub->order = next_order++;
        *end = sub;
        end = &sub->next_sub;
    }
    return 0;
}

/* Who has this name already, among the commands in use and those of the same table. */
static const KeelCommandRef *name_taken(const char *name, size_t from) {
    const KeelCommandRef *taken = command_lookup(keel_str(name));
    for (size_t i = from; !taken && i < command_count; i++) {
        if (strcasecmp(commands[i]->name, name) == 0) taken = commands[i];
    }
    return taken;
}

/* Appends one command with its subcommands; it is not in the tables yet. */
static int add_command(struct Module *module, const KeelCommand *row, size_t size, size_t from,
                       char *error, size_t room) {
    char what[256] = "";
    const KeelCommandRef *taken = name_taken(row->name, from);
    KeelCommandRef *cmd = NULL;
    if (taken && taken->module == module) {
        snprintf(what, sizeof(what), "two rows have this name");
    } else if (taken) {
        snprintf(what, sizeof(what), "module '%s' has a command of this name",
                 taken->module->name);
    } else {
        cmd = command_make(module, row, NULL, what, sizeof(what));
    }
    if (!cmd) {
        snprintf(error, room, "module '%s': command '%s': %s", module->name, row->name, what);
        return -1;
    }
    cmd->order = next_order++;
    if (add_subcommands(cmd, size, error, room) < 0) {
        command_free(cmd);
        return -1;
    }
    if (command_count == command_room) {
        command_room = command_room ? command_room * 2 : 64;
        commands = keel_realloc(commands, command_room * sizeof(*commands));
    }
    commands[command_count++] = cmd;
    set_gates_of(cmd);
    return 0;
}

int command_register(struct Module *module, const KeelCommand *rows, size_t row_size, char *error,
                     size_t room) {
    size_t from = command_count;
    KeelCommand row;
    for (size_t i = 0; read_row(rows, row_size, i, &row); i++) {
        if (add_command(module, &row, row_size, from, error, room) < 0) {
            while (command_count > from) command_free(commands[--command_count]);
            return -1;
        }
    }
    if (command_count > from) rebuild_tables();
    return 0;
}

void command_unregister(struct Module *module) {
    size_t kept = 0;
    for (size_t i = 0; i < command_count; i++) {
        if (commands[i]->module == module) command_free(commands[i]);
        else commands[kept++] = commands[i];
    }
    if (kept == command_count) return;
    command_count = kept;
    rebuild_tables();
}

/* --- questions --- */

const KeelCommandRef *keel_command(KeelCtx *c) {
    return c->command;
}

const KeelCommandRef *keel_command_find(KeelStr name) {
    const char *bar = memchr(name.ptr, '|', name.len);
    if (!bar) return command_lookup(name);
    KeelStr front = {name.ptr, (size_t)(bar - name.ptr)};
    KeelStr back = {bar + 1, name.len - front.len - 1};
    const KeelCommandRef *parent = command_lookup(front);
    return parent ? command_lookup_sub(parent, back) : NULL;
}

const KeelCommandRef *keel_command_of(const KeelStr *argv, int argc) {
    if (argc < 1) return NULL;
    const KeelCommandRef *cmd = command_lookup(argv[0]);
    if (!cmd || !cmd->has_subcommands || argc < 2) return cmd;
    return command_lookup_sub(cmd, argv[1]);
}

int keel_argv(KeelCtx *c, const KeelStr **argv) {
    *argv = c->argv;
    return c->command ? c->argc : 0;
}

const void *keel_command_data(KeelCtx *c) {
    return c->command ? c->command->data : NULL;
}

const KeelCommand *keel_command_row(const KeelCommandRef *cmd) {
    return cmd->row;
}

const char *keel_command_name(const KeelCommandRef *cmd) {
    return cmd->name;
}

const char *keel_command_module(const KeelCommandRef *cmd) {
    return cmd->module->name;
}

uint64_t keel_command_flags(const KeelCommandRef *cmd) {
    return cmd->flags;
}

int keel_command_arity(const KeelCommandRef *cmd) {
    return cmd->arity;
}

uint64_t keel_command_categories(const KeelCommandRef *cmd) {
    return cmd->categories;
}

bool keel_command_has_keys(const KeelCommandRef *cmd) {
    if (cmd->row->get_keys) return true;
    for (int i = 0; i < cmd->spec_count; i++) {
        if (!(cmd->specs[i].flags & KEEL_USE_NOT_KEY)) return true;
    }
    return false;
}

int keel_command_keys(const KeelCommandRef *cmd, const KeelStr *argv, int argc, KeelKeyUse *uses,
                      int room) {
    if (cmd->arity > 0 ? argc != cmd->arity : argc < -cmd->arity) return -1;
    if (cmd->row->get_keys) return cmd->row->get_keys(argv, argc, uses, room);
    bool none = cmd->flags & KEEL_NO_MANDATORY_KEYS;
    return keyspec_find(cmd->specs, cmd->spec_count, none, argv, argc, uses, room);
}

void keel_command_each(const KeelCommandRef *parent,
                       bool (*each)(const KeelCommandRef *cmd, void *data), void *data) {
    if (parent) {
        for (const KeelCommandRef *sub = parent->first_sub; sub; sub = sub->next_sub) {
            if (!each(sub, data)) return;
        }
        return;
    }
    for (size_t i = 0; i < command_count; i++) {
        if (!commands[i]->module->replaced && !each(commands[i], data)) return;
    }
}

size_t keel_command_count(void) {
    return command_count;
}

/* --- statistics --- */

void keel_command_stats(const KeelCommandRef *cmd, KeelCommandStats *out) {
    out->calls = cmd->calls;
    out->nanoseconds = (uint64_t)ticks_to_ns(cmd->ticks);
    out->rejected = cmd->rejected;
    out->failed = cmd->failed;
}

int keel_command_latency(const KeelCommandRef *cmd, uint64_t *counts) {
    if (!counts) return LATENCY_CELLS;
    if (cmd->latency) memcpy(counts, cmd->latency, LATENCY_CELLS * sizeof(*counts));
    else memset(counts, 0, LATENCY_CELLS * sizeof(*counts));
    return LATENCY_CELLS;
}

/* The longest duration that latency_cell() puts into this cell. */
uint64_t keel_latency_limit(int cell) {
    if (cell < 0) return 0;
    if (cell >= LATENCY_CELLS - 1) return UINT64_MAX;
    if (cell < 16) return (uint64_t)ticks_to_ns((uint64_t)cell);
    int power = cell / 16 + 3;
    uint64_t width = 1ull << (power - 4);
    return (uint64_t)ticks_to_ns((16 + (uint64_t)cell % 16) * width + width - 1);
}

/* One command's counts and those of its subcommands. */
static void inherit_stats(KeelCommandRef *to, KeelCommandRef *from) {
    to->calls += from->calls;
    to->ticks += from->ticks;
    to->rejected += from->rejected;
    to->failed += from->failed;
    if (!to->latency) {
        to->latency = from->latency;
        from->latency = NULL;
    }
    for (KeelCommandRef *sub = to->first_sub; sub; sub = sub->next_sub) {
        KeelCommandRef *old = command_lookup_sub(from, keel_str(sub->row->name));
        if (old) inherit_stats(sub, old);
    }
}

void command_inherit(struct Module *to, struct Module *from) {
    for (size_t i = 0; i < command_count; i++) {
        if (commands[i]->module != from) continue;
        KeelCommandRef *now = command_lookup(keel_str(commands[i]->name));
        if (now && now->module == to) inherit_stats(now, commands[i]);
    }
}

static bool latency_tracked;

void command_latency_first(KeelCommandRef *cmd, uint64_t ticks) {
    if (!latency_tracked) return;
    cmd->latency = keel_zalloc(LATENCY_CELLS * sizeof(*cmd->latency));
    cmd->latency[latency_cell(ticks)]++;
}

void keel_latency_track(bool on) {
    latency_tracked = on;
    if (!on) keel_command_reset_stats(false, true);
}

static void reset_stats_of(KeelCommandRef *cmd, bool counts, bool latency) {
    if (counts) cmd->calls = cmd->ticks = cmd->rejected = cmd->failed = 0;
    if (latency) {
        keel_free(cmd->latency);
        cmd->latency = NULL;
    }
    for (KeelCommandRef *sub = cmd->first_sub; sub; sub = sub->next_sub) {
        reset_stats_of(sub, counts, latency);
    }
}

void keel_command_reset_stats(bool counts, bool latency) {
    for (size_t i = 0; i < command_count; i++) reset_stats_of(commands[i], counts, latency);
}
