/* hook.c - gates, observers, hooks and client slots: where modules are told and asked.
 *
 * Rows are copied as modules bring them, extended with zeros, so that a module compiled against
 * older headers works. Ids stay as long as their module does. A gate's id is not its bit: bits
 * follow rank, so that the lowest set bit always decides first, and move as gates come and go;
 * every word of armed gates moves with them. Hooks are kept per event in the order in which they
 * came. */
#include "hook.h"

#include "client.h"
#include "command.h"
#include "config.h"
#include "crash.h"
#include "journal.h"
#include "loop.h"
#include "mem.h"
#include "module.h"
#include "net.h"
#include "stats.h"
#include "ticks.h"

#include <keel/log.h>
#include <stdio.h>

enum { OBSERVERS_MAX = 32 };

typedef struct Gate {
    KeelGate row;
    struct Module *module; /* NULL: free */
    uint64_t order;        /* decides between gates of one rank */
    int bit;
} Gate;

typedef struct Observer {
    KeelObserver row;
    struct Module *module;
    bool armed;
    int64_t threshold_ns;  /* negative: never slow */
} Observer;

typedef struct Hook {
    void (*call)(KeelCtx *c, const void *data); /* NULL: gone, taken out when no event runs */
    unsigned classes;
    bool off;
    struct Module *module;
} Hook;

typedef struct HookList {
    Hook *hooks;
    uint32_t used, room;
} HookList;

typedef struct Slot {
    KeelSlot row;
    struct Module *module;
} Slot;

uint64_t gates_armed;
unsigned observers_want;
uint64_t observers_slow_ticks = UINT64_MAX;
uint32_t hooks_count[KEEL_EVENT_COUNT];
unsigned hooks_notify_classes;

static Gate gates[GATES_MAX];        /* by id */
static Gate *gate_of_bit[GATES_MAX];
static int gate_count;
static uint64_t gates_whole;         /* bits of those that have .whole */
static uint64_t gate_order;
static Observer observers[OBSERVERS_MAX];
static Slot slots[SLOTS_MAX];
static HookList hooks[KEEL_EVENT_COUNT];
static int hooks_running;            /* events being told, one inside another */
static bool hooks_gone;

/* Row `i` of a table as we know rows: longer ones are cut, shorter ones end in zeros. */
static void row_copy(void *out, size_t size, const void *rows, size_t row_size, size_t i) {
    memset(out, 0, size);
    memcpy(out, (const char *)rows + i * row_size, row_size < size ? row_size : size);
}

/* ---- gates ----------------------------------------------------------------------------------- */

static bool decides_before(const Gate *a, const Gate *b) {
    return a->row.rank != b->row.rank ? a->row.rank < b->row.rank : a->order < b->order;
}

/* A word of armed gates, from the bits of before to those of now; gates that went are dropped. */
static uint64_t bits_moved(uint64_t word, const int from[GATES_MAX]) {
    uint64_t moved = 0;
    for (int id = 0; word && id < GATES_MAX; id++) {
        if (from[id] < 0 || !(word >> from[id] & 1)) continue;
        if (gates[id].module) moved |= 1ull << gates[id].bit;
    }
    return moved;
}

/* Gives bits to the gates that there are now, in order of rank, and tells all who keep bits.
 * `from` has the bit that each id had, -1 for none. */
static void gates_arrange(const int from[GATES_MAX]) {
    uint64_t flags[GATES_MAX], except[GATES_MAX];
    gate_count = 0;
    for (int id = 0; id < GATES_MAX; id++) {
        if (!gates[id].module) continue;
        int at = gate_count++;
        for (; at > 0 && decides_before(&gates[id], gate_of_bit[at - 1]); at--) {
            gate_of_bit[at] = gate_of_bit[at - 1];
        }
        gate_of_bit[at] = &gates[id];
    }
    gates_whole = 0;
    for (int bit = 0; bit < gate_count; bit++) {
        gate_of_bit[bit]->bit = bit;
        if (gate_of_bit[bit]->row.whole) gates_whole |= 1ull << bit;
        flags[bit] = gate_of_bit[bit]->row.flags;
        except[bit] = gate_of_bit[bit]->row.except;
    }
    gates_armed = bits_moved(gates_armed, from);
    for (KeelClient *k = client_first; k; k = k->next) k->gates = bits_moved(k->gates, from);
    command_set_gates(flags, except, gate_count);
}

static void bits_note(int from[GATES_MAX]) {
    for (int id = 0; id < GATES_MAX; id++) from[id] = gates[id].module ? gates[id].bit : -1;
}

static int gates_add(struct Module *module, char *error, size_t room) {
    int from[GATES_MAX];
    KeelGate row;
    if (!module->decl.gates) return 0;
    bits_note(from);
    for (size_t i = 0;; i++) {
        row_copy(&row, sizeof(row), module->decl.gates, module->decl.gate_size, i);
        if (!row.name) break;
        int id = 0;
        while (id < GATES_MAX && gates[id].module) id++;
        if (id == GATES_MAX) {
            snprintf(error, room, "gate '%s': there are already %d gates", row.name, GATES_MAX);
            return -1;
        }
        gates[id] = (Gate){.row = row, .module = module, .order = gate_order++};
        if (row.id) *row.id = id;
    }
    gates_arrange(from);
    return 0;
}

static void gates_remove(struct Module *module) {
    int from[GATES_MAX];
    bool any = false;
    bits_note(from);
    for (int id = 0; id < GATES_MAX; id++) {
        if (gates[id].module != module) continue;
        gates[id] = (Gate){0};
        any = true;
    }
    if (any) gates_arrange(from);
}

static uint64_t gate_bit(int id) {
    KEEL_ASSERT(id >= 0 && id < GATES_MAX && gates[id].module);
    return 1ull << gates[id].bit;
}

void keel_gate_arm(int gate, bool on) {
    uint64_t bit = gate_bit(gate);
    gates_armed = on ? gates_armed | bit : gates_armed & ~bit;
}

/* A pretended client arms for the one that it stands for, and asks no differently meanwhile. */
void keel_gate_arm_client(KeelClient *client, int gate, bool on) {
    uint64_t bit = gate_bit(gate);
    if (client->stands_for) client = client->stands_for;
    client->gates = on ? client->gates | bit : client->gates & ~bit;
}

bool keel_gate_armed(const KeelClient *client, int gate) {
    return (gates_armed | (client ? client->gates : 0)) & gate_bit(gate);
}

static bool release(KeelClient *client, void *data) {
    (void)data;
    if (client->flags & KEEL_CF_HELD) net_resume(client);
    return true;
}

void keel_client_release(KeelClient *client) {
    if (client) {
        release(client, NULL);
    } else {
        keel_client_each(release, NULL);
    }
}

static void tell_one_refused(KeelCtx *c, const KeelStr *argv, int argc, const Gate *gate) {
    if (!gate->row.refused) return;
    const void *before = crash_module;
    crash_module = gate->module;
    gate->row.refused(c, argv, argc);
    crash_module = before;
}

void gates_refused(KeelCtx *c, const KeelStr *argv, int argc, uint64_t bits) {
    for (; bits; bits &= bits - 1) {
        int bit = __builtin_ctzll(bits);
        if (bit < gate_count) tell_one_refused(c, argv, argc, gate_of_bit[bit]);
    }
}

/* A refusal is told to all other armed gates, even to those which do not ask for this command:
 * MULTI must know of every command that did not get into its queue. An answer that is no error is
 * no refusal. The commands of a batch do not meet whole gates one by one. */
KeelVerdict gates_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc,
                         uint64_t bits) {
    const void *before = crash_module;
    KeelVerdict verdict = KEEL_PASS;
    if (c->flags & CTX_INLINE) bits &= ~gates_whole;
    for (; bits && verdict == KEEL_PASS; bits &= bits - 1) {
        int bit = __builtin_ctzll(bits);
        const Gate *gate = gate_of_bit[bit];
        crash_module = gate->module;
        verdict = gate->row.decide(c, cmd, argv, argc);
        if (verdict == KEEL_ANSWERED && (c->flags & CTX_ERROR)) {
            uint64_t armed = gates_armed | (c->client ? c->client->gates : 0);
            gates_refused(c, argv, argc, armed & ~(1ull << bit));
        }
    }
    crash_module = before;
    return verdict;
}

KeelVerdict keel_gates_ask(KeelCtx *c, const KeelStr *argv, int argc, KeelStr *error) {
    uint64_t whole = (gates_armed | (c->client ? c->client->gates : 0)) & gates_whole;
    const KeelCommandRef *cmd = whole ? keel_command_of(argv, argc) : NULL;
    KeelVerdict verdict = KEEL_PASS;
    for (uint64_t bits = cmd ? whole & cmd->gates : 0; bits && verdict == KEEL_PASS;
         bits &= bits - 1) {
        const Gate *gate = gate_of_bit[__builtin_ctzll(bits)];
        const void *before = crash_module;
        crash_module = gate->module;
        verdict = gate->row.decide(c, cmd, argv, argc);
        crash_module = before;
    }
    if (verdict == KEEL_ANSWERED) {
        *error = keel_reply_first_error(c);
        keel_reply_undo(c);
    }
    return verdict;
}

/* ---- observers ------------------------------------------------------------------------------- */

static void observers_sum_up(void) {
    int64_t slow = -1;
    observers_want = 0;
    for (int i = 0; i < OBSERVERS_MAX; i++) {
        const Observer *o = &observers[i];
        if (!o->module || !o->armed) continue;
        observers_want |= o->row.when & ~(unsigned)KEEL_OBSERVE_SLOW;
        if (!(o->row.when & KEEL_OBSERVE_SLOW) || o->threshold_ns < 0) continue;
        if (slow < 0 || o->threshold_ns < slow) slow = o->threshold_ns;
    }
    observers_slow_ticks = slow < 0 ? UINT64_MAX : ticks_from_ns(slow);
}

static int observers_add(struct Module *module, char *error, size_t room) {
    KeelObserver row;
    for (size_t i = 0; module->decl.observers; i++) {
        row_copy(&row, sizeof(row), module->decl.observers, module->decl.observer_size, i);
        if (!row.name) break;
        int id = 0;
        while (id < OBSERVERS_MAX && observers[id].module) id++;
        if (id == OBSERVERS_MAX) {
            snprintf(error, room, "observer '%s': there are already %d observers", row.name,
                     OBSERVERS_MAX);
            return -1;
        }
        observers[id] = (Observer){.row = row, .module = module, .threshold_ns = -1};
        if (row.id) *row.id = id;
    }
    return 0;
}

static void observers_remove(struct Module *module) {
    for (int id = 0; id < OBSERVERS_MAX; id++) {
        if (observers[id].module == module) observers[id] = (Observer){0};
    }
    observers_sum_up();
}

static Observer *observer_of(int id) {
    KEEL_ASSERT(id >= 0 && id < OBSERVERS_MAX && observers[id].module);
    return &observers[id];
}

void keel_observer_arm(int observer, bool on) {
    observer_of(observer)->armed = on;
    observers_sum_up();
}

void keel_observer_threshold(int observer, int64_t nanoseconds) {
    observer_of(observer)->threshold_ns = nanoseconds;
    observers_sum_up();
}

/* One call per observer, however many of its reasons hold. Thresholds are each observer's own:
 * `when` says no more than that somebody's was reached. */
void observers_tell(KeelCtx *c, const KeelCall *call, unsigned when) {
    const void *before = crash_module;
    for (int i = 0; i < OBSERVERS_MAX; i++) {
        const Observer *o = &observers[i];
        if (!o->module || !o->armed) continue;
        unsigned hit = o->row.when & when;
        if ((hit & KEEL_OBSERVE_SLOW) &&
            (o->threshold_ns < 0 || call->nanoseconds < o->threshold_ns)) {
            hit &= ~(unsigned)KEEL_OBSERVE_SLOW;
        }
        if (!hit) continue;
        crash_module = o->module;
        o->row.seen(c, call);
    }
    crash_module = before;
}

/* ---- hooks ----------------------------------------------------------------------------------- */

static void hooks_sum_up(void) {
    hooks_notify_classes = 0;
    for (int e = 0; e < KEEL_EVENT_COUNT; e++) {
        hooks_count[e] = 0;
        for (uint32_t i = 0; i < hooks[e].used; i++) {
            if (!hooks[e].hooks[i].call || hooks[e].hooks[i].off) continue;
            hooks_count[e]++;
            if (e == KEEL_EVENT_NOTIFY) hooks_notify_classes |= hooks[e].hooks[i].classes;
        }
    }
}

static int hooks_add(struct Module *module, char *error, size_t room) {
    KeelHook row;
    for (size_t i = 0; module->decl.hooks; i++) {
        row_copy(&row, sizeof(row), module->decl.hooks, module->decl.hook_size, i);
        if (!row.call) break; /* event 0 is one, so that the function tells the end */
        if ((unsigned)row.event >= KEEL_EVENT_COUNT) {
            snprintf(error, room, "row %zu of .hooks: there is no event %d", i + 1,
                     (int)row.event);
            return -1;
        }
        HookList *list = &hooks[row.event];
        if (list->used == list->room) {
            list->room = list->room ? list->room * 2 : 4;
            list->hooks = keel_realloc(list->hooks, list->room * sizeof(Hook));
        }
        list->hooks[list->used++] = (Hook){
            .call = row.call, .classes = row.classes ? row.classes : ~0u, .module = module};
    }
    hooks_sum_up();
    return 0;
}

/* Closes the gaps that hooks left which went while an event was told. */
static void hooks_compact(void) {
    for (int e = 0; e < KEEL_EVENT_COUNT; e++) {
        HookList *list = &hooks[e];
        uint32_t kept = 0;
        for (uint32_t i = 0; i < list->used; i++) {
            if (list->hooks[i].call) list->hooks[kept++] = list->hooks[i];
        }
        list->used = kept;
    }
    hooks_gone = false;
}

static void hooks_remove(struct Module *module) {
    for (int e = 0; e < KEEL_EVENT_COUNT; e++) {
        for (uint32_t i = 0; i < hooks[e].used; i++) {
            if (hooks[e].hooks[i].module == module) hooks[e].hooks[i].call = NULL;
        }
    }
    hooks_gone = true;
    if (!hooks_running) hooks_compact();
    hooks_sum_up();
}

/* Hooks may load modules, so the list may grow and move while it is walked; those that come during
 * an event are not told of it. */
void hooks_call(KeelCtx *c, KeelEvent event, const void *data) {
    const HookList *list = &hooks[event];
    const void *before = crash_module;
    unsigned kind = event == KEEL_EVENT_NOTIFY ? ((const KeelKeyEvent *)data)->kind : ~0u;
    uint32_t n = list->used, turn = event == KEEL_EVENT_SHUTDOWN ? n - 1 : 0;
    hooks_running++;
    for (uint32_t i = 0; i < n; i++) {
        Hook hook = list->hooks[turn ? turn - i : i];
        if (!hook.call || hook.off || !(hook.classes & kind)) continue;
        crash_module = hook.module;
        hook.call(c, data);
    }
    crash_module = before;
    if (--hooks_running == 0 && hooks_gone) hooks_compact();
}

/* The host listens to what modules send, too. */
static void host_hears(KeelEvent event, const void *data) {
    if (event == KEEL_EVENT_RESETSTAT) stats_reset();
    if (event == KEEL_EVENT_LOADING) {
        const KeelLoadingEvent *loading = data;
        config_loading = loading->phase == KEEL_BEFORE && !loading->aside;
    }
}

bool keel_loading(void) {
    return config_loading;
}

void keel_event_send(KeelCtx *c, KeelEvent event, const void *data) {
    KEEL_ASSERT((unsigned)event < KEEL_EVENT_COUNT);
    host_hears(event, data);
    if (!hooks_count[event]) return;
    KeelCtx none;
    if (!c) ctx_init(&none);
    hooks_call(c ? c : &none, event, data);
    if (!c) ctx_done(&none);
}

bool keel_latency_watched(void) {
    return hooks_count[KEEL_EVENT_LATENCY] != 0;
}

void keel_latency_add(const char *what, int64_t nanoseconds) {
    if (!hooks_count[KEEL_EVENT_LATENCY]) return;
    KeelCtx c;
    ctx_init(&c);
    KeelLatencyEvent event = {.what = what, .nanoseconds = nanoseconds};
    hooks_call(&c, KEEL_EVENT_LATENCY, &event); /* no ctx_done(): a command may be running */
}

void keel_notify_classes(void (*call)(KeelCtx *c, const void *data), unsigned classes) {
    HookList *list = &hooks[KEEL_EVENT_NOTIFY];
    for (uint32_t i = 0; i < list->used; i++) {
        if (list->hooks[i].call == call) list->hooks[i].classes = classes;
    }
    hooks_sum_up();
}

void keel_hook_arm(KeelEvent event, void (*call)(KeelCtx *c, const void *data), bool on) {
    KEEL_ASSERT((unsigned)event < KEEL_EVENT_COUNT);
    HookList *list = &hooks[event];
    for (uint32_t i = 0; i < list->used; i++) {
        if (list->hooks[i].call == call) list->hooks[i].off = !on;
    }
    hooks_sum_up();
}

/* ---- client slots ---------------------------------------------------------------------------- */

static int slots_add(struct Module *module, char *error, size_t room) {
    KeelSlot row;
    for (size_t i = 0; module->decl.slots; i++) {
        row_copy(&row, sizeof(row), module->decl.slots, module->decl.slot_size, i);
        if (!row.name) break;
        int id = 0;
        while (id < SLOTS_MAX && slots[id].module) id++;
        if (id == SLOTS_MAX) {
            snprintf(error, room, "slot '%s': there are already %d slots", row.name, SLOTS_MAX);
            return -1;
        }
        slots[id] = (Slot){row, module};
        if (row.id) *row.id = id;
    }
    return 0;
}

void hook_free_slot(KeelClient *client, int id) {
    void *value = client->slots[id];
    client->slots[id] = NULL;
    if (!value || !slots[id].module || !slots[id].row.free) return;
    const void *before = crash_module;
    crash_module = slots[id].module;
    slots[id].row.free(client, value);
    crash_module = before;
}

static void slots_remove(struct Module *module) {
    for (int id = 0; id < SLOTS_MAX; id++) {
        if (slots[id].module != module) continue;
        for (KeelClient *k = client_first; k; k = k->next) hook_free_slot(k, id);
        slots[id] = (Slot){0};
    }
}

void **keel_client_slot(KeelClient *client, int id) {
    KEEL_ASSERT(id >= 0 && id < SLOTS_MAX);
    if (__builtin_expect(client->stands_for != NULL, 0)) client = client->stands_for;
    client->owns = true;
    return &client->slots[id];
}

/* ---- all of a module ------------------------------------------------------------------------- */

int hook_register(struct Module *module, char *error, size_t room) {
    if (gates_add(module, error, room) == 0 && observers_add(module, error, room) == 0 &&
        slots_add(module, error, room) == 0 && hooks_add(module, error, room) == 0 &&
        journal_register(module, error, room) == 0) {
        return 0;
    }
    hook_unregister(module);
    return -1;
}

void hook_unregister(struct Module *module) {
    journal_unregister(module);
    hooks_remove(module);
    slots_remove(module);
    observers_remove(module);
    gates_remove(module);
}
