/* transactions.c - MULTI, EXEC, DISCARD, WATCH, UNWATCH.
 *
 * Between MULTI and EXEC the gate "multi" is armed for the client: the last one that decides, so
 * that what it queues has passed all others. It answers +QUEUED and keeps the command, copied into
 * one block. Commands flagged KEEL_NO_QUEUE (EXEC and its like, QUIT, RESET) run at once. The host
 * tells the gate of commands that were refused before they got there: EXEC is refused then, too.
 * A second gate, "exec", is armed always, but asks for no command that clients send often: it
 * decides whether EXEC may run, and gives a refused EXEC the reply that Redis gives.
 *
 * EXEC runs the queue through keel_call_inline(), as if each command were sent now: gates are asked
 * again, observers see it, nothing blocks, an error does not stop the rest. The host records all
 * that one command does as one group, so a transaction is a unit to followers of the journal with
 * nothing done here.
 *
 * Gates about the server's state (memory, role, a pause) are asked for every queued command before
 * the first runs: the transaction as a whole is refused, or waits.
 *
 * A client that never sent MULTI or WATCH pays nothing: no gate is armed for it, the hooks of
 * watch.c are off while no key is watched, and its slot is empty. */
#include "transactions.h"

#include <string.h>

static int multi_gate, exec_gate, slot;
static int running;       /* EXECs that are under way */

/* --- a client's transaction ------------------------------------------------------------------- */

static Transaction *transaction_of(KeelClient *client) {
    return *keel_client_slot(client, slot);
}

static Transaction *transaction_get(KeelClient *client) {
    void **at = keel_client_slot(client, slot);
    if (!*at) {
        Transaction *t = *at = keel_zalloc(sizeof(*t));
        t->client = client;
        keel_client_add_memory(client, (int64_t)keel_mem_class(sizeof(*t)));
    }
    return *at;
}

static void queue_free(Queued *q) {
    while (q) {
        Queued *next = q->next;
        keel_free(q);
        q = next;
    }
}

/* Nothing is queued any more; watches stay. */
static void transaction_close(Transaction *t) {
    queue_free(t->first);
    if (t->bytes) keel_client_add_memory(t->client, -t->bytes);
    t->first = t->last = NULL;
    t->count = t->bytes = 0;
    t->arguments = 0;
    t->open = t->aborted = false;
    keel_gate_arm_client(t->client, multi_gate, false);
    keel_client_set_flags(t->client, 0, KEEL_CF_IN_MULTI | KEEL_CF_DIRTY_CAS);
}

static void transaction_discard(Transaction *t) {
    watch_remove_all(t);
    transaction_close(t);
}

static void slot_free(KeelClient *client, void *value) {
    Transaction *t = value;
    transaction_discard(t);
    keel_client_add_memory(client, -(int64_t)keel_mem_class(sizeof(*t)));
    keel_free(t);
}

/* --- the gate --------------------------------------------------------------------------------- */

/* What is queued has been sent but not run, so it counts as a part of the query buffer. The setting
 * is not looked at for every command: its least value is a megabyte. */
static void queue_check_limit(Transaction *t, size_t added) {
    char text[KEEL_INT_ROOM];
    int64_t limit;
    if (t->arguments >> 20 == (t->arguments - added) >> 20) return;
    if (!keel_config_get(KEEL_LIT("client-query-buffer-limit"), text, sizeof(text), NULL) ||
        !keel_parse_int(keel_str(text), &limit) || t->arguments <= (size_t)limit) {
        return;
    }
    keel_log(KEEL_LOG_WARNING, "Closing client that reached max query buffer length: id=%llu "
             "multi=%lld multi-mem=%lld", (unsigned long long)keel_client_id(t->client),
             (long long)t->count, (long long)t->bytes);
    keel_stat_add("client_query_buffer_limit_disconnections", 1);
    keel_client_close(t->client, false);
}

/* Nothing that comes from outside may end the server: false when there is no memory. */
static bool transaction_queue(Transaction *t, const KeelStr *argv, int argc) {
    size_t added = 0;
    for (int i = 0; i < argc; i++) added += argv[i].len;
    size_t size = sizeof(Queued) + (size_t)argc * (sizeof(KeelStr) + 1) + added;
    Queued *q = keel_try_alloc(size);
    if (!q) return false;
    *q = (Queued){.argc = argc};
    char *to = (char *)(q->argv + argc);
    for (int i = 0; i < argc; i++) {
        q->argv[i] = (KeelStr){to, argv[i].len};
        memcpy(to, argv[i].ptr, argv[i].len + 1); /* arguments end with a NUL */
        to += argv[i].len + 1;
    }
    if (t->last) t->last->next = q; else t->first = q;
    t->last = q;
    int64_t bytes = (int64_t)keel_mem_class(size);
    t->count++;
    t->bytes += bytes;
    t->arguments += added;
    keel_client_add_memory(t->client, bytes);
    queue_check_limit(t, added);
    return true;
}

static void reply_discarded(KeelCtx *c, KeelStr why) {
    char text[128];
    if (why.len > 4 && memcmp(why.ptr, "ERR ", 4) == 0) why = (KeelStr){why.ptr + 4, why.len - 4};
    if (why.len > sizeof(text)) why.len = sizeof(text);
    memcpy(text, why.ptr, why.len); /* it lies where the next error's text goes */
    keel_reply_errorf(c, "EXECABORT Transaction discarded because of: %.*s", (int)why.len, text);
}

static KeelHandler transactions_exec;

static bool is_exec(const KeelCommandRef *cmd) {
    return cmd && keel_command_row(cmd)->call == transactions_exec;
}

/* The open transaction that the command belongs to; NULL for calls made in the client's name. */
static Transaction *transaction_open(KeelCtx *c) {
    KeelClient *client = keel_client(c);
    Transaction *t = client ? transaction_of(client) : NULL;
    return t && t->open && t->client == client ? t : NULL;
}

/* EXEC is about to run: its queue must suit the server's state, too, which is said first even of a
 * transaction that cannot run any more. Keys are looked at here because no argument of EXEC names
 * them. */
static KeelVerdict exec_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv,
                               int argc) {
    (void)argv, (void)argc;
    Transaction *t = is_exec(cmd) ? transaction_open(c) : NULL;
    KeelVerdict verdict = KEEL_PASS;
    KeelStr error = KEEL_LIT("");
    if (!t) return KEEL_PASS;
    for (Queued *q = t->first; q && verdict == KEEL_PASS; q = q->next) {
        verdict = keel_gates_ask(c, q->argv, q->argc, &error);
    }
    if (verdict == KEEL_ANSWERED) {
        reply_discarded(c, error);
        transaction_discard(t);
    } else if (verdict == KEEL_PASS && watch_any_expired(c, t)) {
        keel_client_set_flags(t->client, KEEL_CF_DIRTY_CAS, 0);
    }
    return verdict;
}

/* A refused EXEC is the end of its transaction, and of watches without one. */
static void exec_refused(KeelCtx *c, const KeelStr *argv, int argc) {
    if (!is_exec(keel_command_of(argv, argc))) return;
    KeelStr why = keel_reply_first_error(c);
    keel_reply_undo(c);
    reply_discarded(c, why);
    KeelClient *client = keel_client(c);
    Transaction *t = client ? transaction_of(client) : NULL;
    if (t && t->client == client) transaction_discard(t);
}

static KeelVerdict multi_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv,
                                int argc) {
    Transaction *t = transaction_open(c);
    uint64_t flags = keel_command_flags(cmd);
    if (!t) return KEEL_PASS;
    if (flags & KEEL_NO_MULTI) {
        t->aborted = true;
        keel_reply_error(c, "ERR Command not allowed inside a transaction");
        return KEEL_ANSWERED;
    }
    /* What cannot run any more need not be kept. */
    if (!t->aborted && !(keel_client_flags(t->client) & KEEL_CF_DIRTY_CAS) &&
        !transaction_queue(t, argv, argc)) {
        t->aborted = true;
        keel_reply_error(c, "OOM not enough memory to queue the command");
        return KEEL_ANSWERED;
    }
    keel_reply_status(c, "QUEUED");
    return KEEL_ANSWERED;
}

static void multi_refused(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    Transaction *t = transaction_open(c);
    if (t) t->aborted = true;
}

/* --- commands --------------------------------------------------------------------------------- */

/* A call made by a module has a client that ends with it: it opens a transaction or watches keys for
 * nobody, and has none to end. */
static bool is_connection(KeelClient *client) {
    return keel_client_by_id(keel_client_id(client)) == client;
}

static Transaction *transaction_own(KeelClient *client) {
    return is_connection(client) ? transaction_of(client) : NULL;
}

static void transactions_discard(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    Transaction *t = transaction_own(keel_client(c));
    if (!t || !t->open) {
        keel_reply_error(c, "ERR DISCARD without MULTI");
        return;
    }
    transaction_discard(t);
    keel_reply_ok(c);
}

/* Runs the queue, which is no longer the transaction's own: a command may reset the client. What
 * CLIENT LIST shows meanwhile stays until the end. */
static void run_queue(KeelCtx *c, KeelClient *client, Queued *q) {
    running++;
    while (q) {
        Queued *next = q->next;
        keel_call_inline(c, q->argv, q->argc);
        keel_free(q);
        q = next;
    }
    running--;
    Transaction *t = transaction_of(client);
    if (t && t->open) transaction_close(t);
}

static void transactions_exec(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    KeelClient *client = keel_client(c);
    Transaction *t = transaction_own(client);
    if (!t || !t->open) {
        keel_reply_error(c, "ERR EXEC without MULTI");
    } else if (t->aborted) {
        transaction_discard(t);
        keel_reply_error(c, "EXECABORT Transaction discarded because of previous errors.");
    } else if (keel_client_flags(client) & KEEL_CF_DIRTY_CAS) {
        transaction_discard(t);
        keel_reply_null_array(c);
    } else {
        Queued *queue = t->first;
        t->first = t->last = NULL;
        watch_remove_all(t);
        keel_gate_arm_client(client, multi_gate, false);
        keel_reply_array(c, (size_t)t->count);
        run_queue(c, client, queue);
    }
}

static void transactions_multi(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    KeelClient *client = keel_client(c);
    if (!is_connection(client)) {
        keel_reply_ok(c);
        return;
    }
    Transaction *t = transaction_get(client);
    if (t->open) {
        keel_reply_error(c, "ERR MULTI calls can not be nested");
        return;
    }
    t->open = true;
    keel_gate_arm_client(client, multi_gate, true);
    keel_client_set_flags(client, KEEL_CF_IN_MULTI, 0);
    keel_reply_ok(c);
}

static void transactions_unwatch(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    Transaction *t = transaction_own(keel_client(c));
    if (t) watch_remove_all(t);
    keel_client_set_flags(keel_client(c), 0, KEEL_CF_DIRTY_CAS);
    keel_reply_ok(c);
}

static void transactions_watch(KeelCtx *c, const KeelStr *argv, int argc) {
    if (!is_connection(keel_client(c))) {
        keel_reply_ok(c);
        return;
    }
    Transaction *t = transaction_get(keel_client(c));
    if (t->open) {
        keel_reply_error(c, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    /* After a change more watching makes no difference. */
    bool dirty = keel_client_flags(t->client) & KEEL_CF_DIRTY_CAS;
    for (int i = 1; i < argc && !dirty; i++) watch_add(c, t, argv[i]);
    keel_reply_ok(c);
}

/* --- what others may ask ---------------------------------------------------------------------- */

static int64_t column_multi(KeelClient *client) {
    const Transaction *t = transaction_of(client);
    return t && t->open ? t->count : -1;
}

static int64_t column_multi_mem(KeelClient *client) {
    const Transaction *t = transaction_of(client);
    return t ? t->bytes + t->watch_bytes : 0;
}

static const KeelClientColumn multi_column = {sizeof(KeelClientColumn), column_multi};
static const KeelClientColumn multi_mem_column = {sizeof(KeelClientColumn), column_multi_mem};

static const KeelInterface provides[] = {
    {"client.multi", 100, &multi_column},
    {"client.multi-mem", 100, &multi_mem_column},
    {0},
};

static int transactions_load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    if (argc) return keel_load_error(c, "it takes no argument");
    watch_arm_hooks(false); /* no key is watched yet */
    keel_gate_arm(exec_gate, true);
    return 0;
}

static int transactions_unload(KeelCtx *c) {
    if (running) return keel_load_error(c, "EXEC is running");
    return 0;
}

static const KeelGate gates[] = {
    {.name = "multi", .id = &multi_gate, .rank = 90, .except = KEEL_NO_QUEUE,
     .decide = multi_decide, .refused = multi_refused},
    {.name = "exec", .id = &exec_gate, .rank = 91, .flags = KEEL_SKIP_SLOWLOG,
     .decide = exec_decide, .refused = exec_refused},
    {0},
};

static const KeelSlot slots[] = {{.name = "transaction", .id = &slot, .free = slot_free}, {0}};

static const KeelHook hooks[] = {
    {.event = KEEL_EVENT_KEY_CHANGED, .call = watch_key_changed},
    {.event = KEEL_EVENT_KEY_REMOVED, .call = watch_key_removed},
    {.event = KEEL_EVENT_FLUSH, .call = watch_flush},
    {.event = KEEL_EVENT_SWAP, .call = watch_swap},
    {0},
};

#define ROW .group = "transactions", .categories = "@transaction"
#define ANYWHERE KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE

static const KeelCommand commands[] = {
    {.name = "discard", .flags = ANYWHERE | KEEL_FAST | KEEL_ALLOW_BUSY | KEEL_NO_QUEUE,
     .call = transactions_discard, ROW, .summary = "Drops the queued commands of a transaction.",
     .since = "2.0.0", .complexity = "O(N), when N is the number of queued commands"},
    {.name = "exec", .flags = ANYWHERE | KEEL_SKIP_SLOWLOG | KEEL_NO_QUEUE,
     .call = transactions_exec, ROW, .summary = "Runs the queued commands of a transaction.",
     .since = "1.2.0", .complexity = "Depends on commands in the transaction"},
    {.name = "multi", .flags = ANYWHERE | KEEL_FAST | KEEL_ALLOW_BUSY | KEEL_NO_QUEUE,
     .call = transactions_multi, ROW, .summary = "Starts a transaction.", .since = "1.2.0",
     .complexity = "O(1)"},
    {.name = "unwatch", .flags = ANYWHERE | KEEL_FAST | KEEL_ALLOW_BUSY,
     .call = transactions_unwatch, ROW, .summary = "Forgets the keys that were watched.",
     .since = "2.2.0", .complexity = "O(1)"},
    {.name = "watch", .args = "key [key ...]", .keys = "RO",
     .flags = ANYWHERE | KEEL_FAST | KEEL_ALLOW_BUSY | KEEL_NO_QUEUE, .call = transactions_watch,
     ROW, .summary = "Makes the next EXEC depend on keys staying as they are.", .since = "2.2.0",
     .complexity = "O(1) for every key."},
    {0},
};

KEEL_MODULE(.name = "transactions", .version = "1.0.0",
            .summary = "Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH.",
            .commands = commands, .gates = gates, .hooks = hooks, .slots = slots,
            .provides = provides, .load = transactions_load, .unload = transactions_unload);
