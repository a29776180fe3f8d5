/* dispatch.c - the pipeline around every command.
 *
 * A window of requests is prepared together: commands are looked up and the hashes of their keys
 * computed while the table's buckets are fetched, then the entries that the buckets point to. When
 * the handlers run, what they read is in the cache and nothing is computed twice. A plain client on
 * a plain server then passes one test of gates, the call, and one test of afterthoughts. */
#include "dispatch.h"

#include "crash.h"
#include "journal.h"
#include "push.h"
#include "reply.h"
#include "stats.h"
#include "ticks.h"

#include <keel/log.h>
#include <stdio.h>

static KeyMemo memos[WINDOW_KEYS];
static uint64_t clock_before;

void dispatch_start_clock(void) {
    clock_before = ticks_now();
}

uint64_t dispatch_clock(void) {
    return clock_before;
}

void dispatch_set_clock(uint64_t ticks) {
    clock_before = ticks;
}

/* ---- prefetching ----------------------------------------------------------------------------- */

/* The requests that were prefetched and run now: an earlier one of them may load or unload what a
 * later one names. */
static Request *window;
static size_t window_size;

/* The keys of one request that a plain range describes, up to the room there is. */
static size_t memo_keys(const Request *r, const KeelCommandRef *cmd, KeyMemo *to, size_t room) {
    const Table *table = &r->client->db->keys;
    if (__builtin_expect(cmd->first_key == cmd->last_key, 1)) { /* most have one key */
        KeelStr name = r->argv[cmd->first_key];
        uint64_t hash = hash_bytes(name.ptr, name.len);
        *to = (KeyMemo){name, hash};
        __builtin_prefetch(table_bucket(table, hash));
        return 1;
    }
    int last = cmd->last_key < 0 ? r->argc + cmd->last_key : cmd->last_key;
    if (last >= r->argc) last = r->argc - 1;
    size_t n = 0;
    for (int i = cmd->first_key; i <= last && n < room; i += cmd->key_step) {
        uint64_t hash = hash_bytes(r->argv[i].ptr, r->argv[i].len);
        to[n++] = (KeyMemo){r->argv[i], hash};
        __builtin_prefetch(table_bucket(table, hash));
    }
    return n;
}

static void fetch_entries(const Table *table, const KeyMemo *memo, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const Bucket *b = table_bucket(table, memo[i].hash);
        for (unsigned hits = bucket_match(b, hash_tag(memo[i].hash)); hits; hits &= hits - 1) {
            const char *entry = (const char *)bucket_element(b, (unsigned)__builtin_ctz(hits));
            __builtin_prefetch(entry);
            __builtin_prefetch(entry + 32); /* a short one may lie across two lines */
        }
    }
}

size_t dispatch_prefetch(Request *requests, size_t n) {
    size_t used = 0, ready = 0;
    if (n > WINDOW_REQUESTS) n = WINDOW_REQUESTS;
    for (; ready < n; ready++) {
        Request *r = &requests[ready];
        if (used > WINDOW_KEYS - WINDOW_KEYS / 4) break;
        r->memo = memos + used;
        r->memo_count = 0;
        if (__builtin_expect(r->error != NULL, 0)) continue;
        if (__builtin_expect(rewrites_count, 0)) { /* looked up once its words are what they will be */
            r->command = NULL;
            continue;
        }
        const KeelCommandRef *cmd = r->command =
            dispatch_with_sub(command_find_fast(r->argv[0]), r->argv, r->argc);
        if (cmd && cmd->first_key && r->argc > cmd->first_key) {
            r->memo_count = (uint32_t)memo_keys(r, cmd, memos + used, WINDOW_KEYS - used);
            used += r->memo_count;
        }
    }
    for (size_t i = 0; used && i < ready; i++) {
        const Request *r = &requests[i];
        if (r->memo_count) fetch_entries(&r->client->db->keys, r->memo, r->memo_count);
    }
    window = requests;
    window_size = ready;
    return ready;
}

void dispatch_prefetch_end(void) {
    window_size = 0;
}

void dispatch_forget(const struct Module *module) {
    for (size_t i = 0; i < window_size; i++) {
        Request *r = &window[i];
        if (!r->error && r->command && r->command->module == module) r->command = NULL;
    }
    for (KeelClient *client = client_first; client; client = client->next) {
        const KeelCommandRef *last = client->last_command;
        if (last && last->module == module) client->last_command = NULL;
    }
}

/* ---- observing ------------------------------------------------------------------------------- */

void keel_redact(KeelCtx *c, int i) {
    if (!(c->flags & CTX_REDACTED)) c->redacted = 0;
    c->flags |= CTX_REDACTED;
    c->redacted |= 1ull << ((unsigned)i < 63 ? i : 63);
}

/* What observers are told of any call. */
static KeelCall call_of(const KeelCtx *c) {
    bool nested = c->flags & CTX_NESTED;
    return (KeelCall){.command = c->command, .argv = c->argv, .argc = c->argc, .nested = nested,
                      .caller = nested && c->outer ? c->outer->command : NULL,
                      .blocked = c->flags & (CTX_BLOCKED | CTX_RETRY),
                      .redacted = c->flags & CTX_REDACTED ? c->redacted : 0};
}

/* ---- refusing -------------------------------------------------------------------------------- */

static void observe_refused(KeelCtx *c) {
    if (!(observers_want & KEEL_OBSERVE_ERROR)) return;
    KeelCall call = call_of(c);
    call.refused = true;
    call.error = (KeelStr){c->error_text, c->error_len};
    observers_tell(c, &call, KEEL_OBSERVE_ERROR);
}

/* `counts`: as a rejected call of the command; one of a subcommand that is not there is nobody's. */
static void tell_refused(KeelCtx *c, bool counts) {
    uint64_t armed = gates_armed | c->client->gates;
    if (armed) gates_refused(c, c->argv, c->argc, armed);
    if (counts) ((KeelCommandRef *)(uintptr_t)c->command)->rejected++;
    observe_refused(c);
}

static void refuse_unknown(KeelCtx *c) {
    KeelStr name = c->argv[0];
    char args[160];
    size_t used = 0;
    args[0] = '\0';
    for (int i = 1; i < c->argc && used < 128; i++) {
        int left = (int)(128 - used);
        int shown = c->argv[i].len < (size_t)left ? (int)c->argv[i].len : left;
        int n = snprintf(args + used, sizeof(args) - used, "'%.*s' ", shown, c->argv[i].ptr);
        used += n > 0 ? (size_t)n : 0;
        if (used >= sizeof(args)) break;
    }
    keel_reply_errorf(c, "ERR unknown command '%.*s', with args beginning with: %s",
                      (int)(name.len < 128 ? name.len : 128), name.ptr, args);
    if (keel_is(name, "post") || keel_is(name, "host:")) {
        /* A browser that was talked into speaking to us: nothing after this is trusted. */
        keel_log(KEEL_LOG_WARNING, "Possible SECURITY ATTACK detected. It looks like somebody is "
                                   "sending POST or Host: commands to Keel. Connection aborted.");
        keel_client_close(c->client, false);
    }
}

/* ---- exchanging words ------------------------------------------------------------------------ */

enum { REWRITES_MAX = 16 };
static KeelRewrite *rewrites[REWRITES_MAX];
int rewrites_count;

bool keel_rewrite_add(KeelRewrite *call) {
    if (rewrites_count == REWRITES_MAX) return false;
    rewrites[rewrites_count++] = call;
    command_epoch++; /* what callers have found stands for words that may change now */
    return true;
}

void keel_rewrite_remove(KeelRewrite *call) {
    int kept = 0;
    for (int i = 0; i < rewrites_count; i++) {
        if (rewrites[i] != call) rewrites[kept++] = rewrites[i];
    }
    rewrites_count = kept;
}

/* What was sent is not what runs then: the journal must not take the bytes of the request. */
static void rewrite(KeelCtx *c) {
    const KeelStr *before = c->argv;
    for (int i = 0; i < rewrites_count; i++) rewrites[i](c, &c->argv, &c->argc);
    if (c->argv == before) return;
    c->raw = (KeelStr){0};
    c->memo = c->memo_end = NULL;
}

bool dispatch_admit(KeelCtx *c, bool *held) {
    const KeelCommandRef *cmd = c->command;
    *held = false;
    /* It may have come since the request was prefetched. The words may be a module's, which has no
     * padding behind them: not the fast lookup. */
    if (__builtin_expect(!cmd, 0)) {
        if (rewrites_count) rewrite(c);
        cmd = c->command = dispatch_with_sub(command_lookup(c->argv[0]), c->argv, c->argc);
    }
    if (__builtin_expect(!cmd, 0)) {
        refuse_unknown(c);
        tell_refused(c, false);
        return false;
    }
    if (__builtin_expect(cmd->has_subcommands && (c->argc > 1 || !cmd->call), 0)) {
        if (c->argc > 1) {
            keel_reply_unknown_subcommand(c);
        } else {
            keel_reply_arity(c);
        }
        tell_refused(c, c->argc == 1);
        return false;
    }
    if (__builtin_expect(cmd->arity >= 0 ? c->argc != cmd->arity : c->argc < -cmd->arity, 0)) {
        keel_reply_arity(c);
        tell_refused(c, true);
        return false;
    }
    uint64_t gates = (gates_armed | c->client->gates) & cmd->gates;
    if (__builtin_expect(gates != 0, 0)) {
        KeelVerdict verdict = gates_decide(c, cmd, c->argv, c->argc, gates);
        if (verdict == KEEL_PASS) return true;
        *held = verdict == KEEL_HOLD;
        if (!*held && (c->flags & CTX_ERROR)) {
            ((KeelCommandRef *)(uintptr_t)cmd)->rejected++;
            observe_refused(c);
        }
        return false;
    }
    return true;
}

/* ---- calling --------------------------------------------------------------------------------- */

void dispatch_observe(KeelCtx *c, uint64_t ticks) {
    unsigned when = observers_want & KEEL_OBSERVE_AFTER;
    if (ticks >= observers_slow_ticks) when |= KEEL_OBSERVE_SLOW;
    if (c->flags & CTX_ERROR) when |= observers_want & KEEL_OBSERVE_ERROR;
    if (c->flags & CTX_BLOCKED) when = observers_want & KEEL_OBSERVE_BLOCK; /* it is not over */
    if (!when) return;
    KeelCall call = call_of(c);
    call.nanoseconds = ticks_to_ns(ticks);
    call.error = (KeelStr){c->error_text, c->flags & CTX_ERROR ? c->error_len : 0};
    /* A reply that this one is a part of is not over: what observers push waits for its end. */
    const void *running = crash_command;
    if (c->flags & (CTX_INLINE | CTX_NESTED)) crash_command = c->command;
    observers_tell(c, &call, when);
    crash_command = running;
}

/* What seldom follows a command: a wrong number of replies, an error, a journal, dropped replies,
 * pushes that waited. */
__attribute__((noinline)) static void afterwards(KeelCtx *c) {
    reply_check(c);
    if (c->flags & CTX_ERROR) ((KeelCommandRef *)(uintptr_t)c->command)->failed++;
    if (journal_armed) {
        if (c->dirty || (c->flags & CTX_JOURNAL_FORCE)) journal_command(c);
        journal_end(c);
    }
    KeelClient *client = c->client;
    /* Whether replies are dropped is decided once, at the end of the command that runs others. */
    if (c->flags & CTX_INLINE) return;
    if (client->flags & (KEEL_CF_REPLY_OFF | KEEL_CF_REPLY_SKIP)) {
        reply_rewind(c);
        client->flags &= ~(uint32_t)KEEL_CF_REPLY_SKIP;
    }
    if (client->flags & KEEL_CF_REPLY_SKIP_NEXT) {
        client->flags &= ~(uint32_t)KEEL_CF_REPLY_SKIP_NEXT;
        client->flags |= KEEL_CF_REPLY_SKIP;
    }
    if ((c->flags & (CTX_PUSHED | CTX_INLINE)) == CTX_PUSHED) push_deliver(c);
}

void dispatch_call(KeelCtx *c) {
    KeelCommandRef *cmd = (KeelCommandRef *)(uintptr_t)c->command;
    if (__builtin_expect(observers_want & KEEL_OBSERVE_BEFORE, 0)) {
        KeelCall call = call_of(c);
        observers_tell(c, &call, KEEL_OBSERVE_BEFORE);
    }
    if (__builtin_expect(journal_armed, 0)) {
        c->db_at_start = c->db->id;
        journal_begin(c);
    }
    crash_ctx = c;
    crash_command = cmd;
    cmd->call(c, c->argv, c->argc);
    crash_command = NULL;

    uint64_t now = ticks_now(), ticks = now - clock_before;
    clock_before = now;
    cmd->calls++;
    cmd->ticks += ticks;
    if (__builtin_expect(cmd->latency != NULL, 1)) cmd->latency[latency_cell(ticks)]++;
    else command_latency_first(cmd, ticks);
    if (__builtin_expect((c->owed != 0) | (journal_armed != 0) |
                             ((c->flags & (CTX_ERROR | CTX_BLOCKED | CTX_PUSHED)) != 0) |
                             ((c->client->flags & (KEEL_CF_REPLY_OFF | KEEL_CF_REPLY_SKIP |
                                                   KEEL_CF_REPLY_SKIP_NEXT)) != 0),
                         0)) {
        afterwards(c);
    }
    if (__builtin_expect((observers_want & ~(unsigned)KEEL_OBSERVE_BEFORE) ||
                             ticks >= observers_slow_ticks, 0)) {
        dispatch_observe(c, ticks);
    }
}

bool dispatch_request(KeelCtx *c, const Request *r) {
    KeelClient *client = c->client;
    if (__builtin_expect(r->error != NULL, 0)) {
        client->flags |= KEEL_CF_BAD_REQUEST;
        keel_reply_errorf(c, "ERR Protocol error: %s", r->error);
        keel_client_close(client, true);
        return false;
    }
    c->owed = 1;
    c->flags &= CTX_RESP3;
    c->dirty = 0;
    c->command = r->command;
    c->argv = r->argv;
    c->argc = r->argc;
    c->raw = r->raw;
    c->memo = r->memo;
    c->memo_end = r->memo + r->memo_count;
    reply_mark(c);
    stats.commands++;
    client->commands++;
    bool held;
    if (__builtin_expect(!dispatch_admits(c, gates_armed | client->gates), 0) &&
        !dispatch_admit(c, &held)) {
        stats.commands--;
        client->commands--;
        client->last_command = c->command;
        if (held) {
            client->flags |= KEEL_CF_HELD;
        } else if (client->flags & (KEEL_CF_REPLY_OFF | KEEL_CF_REPLY_SKIP)) {
            reply_rewind(c);
            client->flags &= ~(uint32_t)KEEL_CF_REPLY_SKIP;
        }
    } else {
        client->last_command = c->command;
        dispatch_call(c);
    }
    return !(client->flags & (KEEL_CF_BLOCKED | KEEL_CF_HELD | KEEL_CF_CLOSING)) &&
           !client->close_now;
}
