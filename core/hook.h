/* hook.h - modules' tables of gates, observers, hooks, slots and subscribers, ready for use. */
#ifndef CORE_HOOK_H
#define CORE_HOOK_H

#include <keel/event.h>
#include <keel/gate.h>

struct Module;

enum { GATES_MAX = 60, SLOTS_MAX = 32 };

/* Adds a module's gates, observers, hooks, slots and subscribers (its tables were checked by
 * module.c); takes them away again. 0, -1 with a message. */
int hook_register(struct Module *module, char *error, size_t room);
void hook_unregister(struct Module *module);

/* Bits of the gates that are armed for everyone. */
extern uint64_t gates_armed;
/* Asks the gates in `bits`, in order of rank. */
KeelVerdict gates_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc,
                         uint64_t bits);
void gates_refused(KeelCtx *c, const KeelStr *argv, int argc, uint64_t bits);

/* What observers want, all together: nothing is called while this is 0. */
extern unsigned observers_want;       /* KEEL_OBSERVE_* */
extern uint64_t observers_slow_ticks; /* UINT64_MAX: nobody asks */
void observers_tell(KeelCtx *c, const KeelCall *call, unsigned when);

/* How many hooks listen to each event, and the union of their notification classes. */
extern uint32_t hooks_count[KEEL_EVENT_COUNT];
extern unsigned hooks_notify_classes;
/* Frees a client's slot through its module and clears it. */
void hook_free_slot(KeelClient *client, int id);
void hooks_call(KeelCtx *c, KeelEvent event, const void *data);

#endif
