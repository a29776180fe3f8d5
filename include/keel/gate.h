/* keel/gate.h - gates decide before a command runs; observers see it afterwards.
 *
 * Both cost nothing while unarmed: the host keeps one word of armed gates per server and one per
 * client, and a command whose own word has none of them runs at once. */
#ifndef KEEL_GATE_H
#define KEEL_GATE_H

#include <keel/base.h>
#include <keel/command.h>

typedef enum KeelVerdict {
    KEEL_PASS,     /* on to the next gate, then the command */
    KEEL_ANSWERED, /* the gate has replied (an error, "QUEUED", a redirection): do not run it */
    KEEL_HOLD,     /* keep the command and all that follow it until keel_client_release() */
} KeelVerdict;

typedef struct KeelGate {
    const char *name;
    int *id;             /* filled at load */
    int rank;            /* lower decides first. Ours: auth 10, acl 20, subscriber 30, cluster 40,
                            memory 50, disk 60, replica 70, loading 80, pause 85, multi 90 */
    uint64_t flags;      /* only commands with one of these flags; 0: all */
    uint64_t except;     /* but none with one of these */
    /* argv as the handler will see it. Runs after lookup and arity check. */
    KeelVerdict (*decide)(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
    /* Told, while armed, of commands refused before any gate (unknown name, arity) or by
     * another gate; MULTI remembers it. NULL: not interested. */
    void (*refused)(KeelCtx *c, const KeelStr *argv, int argc);
    /* What it says of one command of a batch holds for the batch: keel_gates_ask() asks it. For
     * gates about the server's state (memory, disk, role, a pause), not about who may do what. */
    bool whole;
} KeelGate;

/* Arms a gate for every client, or for one. Takes effect from the next command on. */
KEEL_API void keel_gate_arm(int gate, bool on);
KEEL_API void keel_gate_arm_client(KeelClient *client, int gate, bool on);
KEEL_API bool keel_gate_armed(const KeelClient *client, int gate);
/* What the armed gates that have .whole say of a command that the running one is about to run, in
 * order of rank up to the first that does not let it pass. In a gate or a command. With
 * KEEL_ANSWERED `*error` is the text of the error; nothing was replied yet. It lives until the next
 * reply. Cost: none while no such gate is armed. */
KEEL_API KeelVerdict keel_gates_ask(KeelCtx *c, const KeelStr *argv, int argc, KeelStr *error);
/* Lets a held client go on; with NULL, all of them. */
KEEL_API void keel_client_release(KeelClient *client);

/* When an observer wants to be called. */
enum {
    KEEL_OBSERVE_BEFORE = 1u << 0,  /* every command that passed the gates, before it runs */
    KEEL_OBSERVE_AFTER = 1u << 1,   /* every command, after it ran */
    KEEL_OBSERVE_SLOW = 1u << 2,    /* those that took keel_observer_threshold() or more */
    KEEL_OBSERVE_ERROR = 1u << 3,   /* those that replied an error, refused ones included */
    KEEL_OBSERVE_BLOCK = 1u << 4,   /* those that block their client, when they do: the other calls
                                       follow when the wait is over */
};

typedef struct KeelCall {
    const KeelCommandRef *command;  /* NULL: an unknown command was refused */
    const KeelStr *argv;
    int argc;
    int64_t nanoseconds;            /* 0 before it ran */
    KeelStr error;                  /* the first error reply's text; empty when there is none */
    bool refused;
    bool nested;                    /* run by keel_call(): its caller is seen too */
    bool blocked;                   /* its client waits now, or waited until now */
    const KeelCommandRef *caller;   /* nested: the command that called it; NULL: none did */
    uint64_t redacted;              /* the arguments that keel_redact() was told of, see there */
} KeelCall;

/* Argument `i` of the running command is a secret (a password): logs, crash reports and all who
 * show what was called show "(redacted)" in its place. In a command, before it looks at what the
 * argument says. Beyond the 63rd argument one secret hides all. Cost: none to commands that do not
 * call it. */
KEEL_API void keel_redact(KeelCtx *c, int i);
/* Argument `i` of a call as it may be shown. */
static inline KeelStr keel_call_arg(const KeelCall *call, int i) {
    bool secret = call->redacted >> (i < 63 ? i : 63) & 1;
    return secret ? KEEL_LIT("(redacted)") : call->argv[i];
}

/* Sees the words of a command before it is looked up, those that modules call included, and may put
 * others in their place: *argv and *argc. What it puts there lives until the next command that no
 * other one called; words end with a NUL as arguments do. One function a module, at most 16. Cost
 * while there is none: nothing. */
typedef void KeelRewrite(KeelCtx *c, const KeelStr **argv, int *argc);
/* False: there are too many. */
KEEL_API bool keel_rewrite_add(KeelRewrite *call);
KEEL_API void keel_rewrite_remove(KeelRewrite *call);

typedef struct KeelObserver {
    const char *name;
    int *id;                /* filled at load */
    unsigned when;          /* KEEL_OBSERVE_* */
    void (*seen)(KeelCtx *c, const KeelCall *call);
} KeelObserver;

/* Unarmed at first. */
KEEL_API void keel_observer_arm(int observer, bool on);
/* The duration from which KEEL_OBSERVE_SLOW calls this one; negative: never. */
KEEL_API void keel_observer_threshold(int observer, int64_t nanoseconds);

#endif
