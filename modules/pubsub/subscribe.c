/* subscribe.c - SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and their opposites, and RESP2's mode.
 *
 * Each name is answered by a push of its own, so these commands have as many replies as they have
 * names. Pushes are sent even by a connection that has its replies switched off. */
#include "pubsub.h"

#include <string.h>

static const struct {
    const char *added, *removed, *refused;
} words[KINDS] = {
    [CHANNEL] = {"subscribe", "unsubscribe", "SUBSCRIBE"},
    [PATTERN] = {"psubscribe", "punsubscribe", "PSUBSCRIBE"},
    [SHARD] = {"ssubscribe", "sunsubscribe", "SSUBSCRIBE"},
};

/* Channels and patterns are counted together, shard channels by themselves. */
static int64_t count_of(KeelClient *client, Kind kind) {
    const Listener *l = listener_of(client);
    if (!l) return 0;
    return kind == SHARD ? l->of[SHARD].count
                         : (int64_t)l->of[CHANNEL].count + l->of[PATTERN].count;
}

static void push_one(KeelCtx *c, KeelClient *client, Kind kind, const char *word, KeelStr name) {
    bool muted = keel_client_flags(client) & (KEEL_CF_REPLY_OFF | KEEL_CF_REPLY_SKIP);
    KeelCtx *to = muted ? keel_push_begin(client) : c;
    keel_reply_push(to, 3);
    keel_reply_cstr(to, word);
    if (name.ptr) {
        keel_reply_bulk(to, name);
    } else {
        keel_reply_null(to);
    }
    keel_reply_int(to, count_of(client, kind));
    if (muted) keel_push_end(to);
}

/* ---- subscribing ----------------------------------------------------------------------------- */

/* A call made by a module has one reply and no connection behind it. EXEC has one, and for the sake
 * of old clients lets the older two commands run. */
static bool refused(KeelCtx *c, Kind kind) {
    KeelClient *client = keel_client(c);
    if (!keel_block_denied(c)) return false;
    if (kind != SHARD && client && keel_client_by_id(keel_client_id(client)) == client) {
        return false;
    }
    keel_reply_errorf(c, "ERR %s isn't allowed for a DENY BLOCKING client", words[kind].refused);
    return true;
}

static void subscribe(KeelCtx *c, const KeelStr *argv, int argc, Kind kind) {
    if (refused(c, kind)) return;
    KeelClient *client = keel_client(c);
    keel_reply_uncounted(c);
    for (int i = 1; i < argc; i++) {
        listener_add(client, kind, argv[i]);
        push_one(c, client, kind, words[kind].added, argv[i]);
    }
}

void pubsub_subscribe(KeelCtx *c, const KeelStr *argv, int argc) {
    subscribe(c, argv, argc, CHANNEL);
}
void pubsub_psubscribe(KeelCtx *c, const KeelStr *argv, int argc) {
    subscribe(c, argv, argc, PATTERN);
}
void pubsub_ssubscribe(KeelCtx *c, const KeelStr *argv, int argc) {
    subscribe(c, argv, argc, SHARD);
}

/* ---- unsubscribing --------------------------------------------------------------------------- */

static void tell_channel(KeelCtx *c, KeelStr name) {
    push_one(c, keel_client(c), CHANNEL, words[CHANNEL].removed, name);
}
static void tell_pattern(KeelCtx *c, KeelStr name) {
    push_one(c, keel_client(c), PATTERN, words[PATTERN].removed, name);
}
static void tell_shard(KeelCtx *c, KeelStr name) {
    push_one(c, keel_client(c), SHARD, words[SHARD].removed, name);
}

static void unsubscribe(KeelCtx *c, const KeelStr *argv, int argc, Kind kind) {
    static void (*const tell[KINDS])(KeelCtx *, KeelStr) = {
        [CHANNEL] = tell_channel, [PATTERN] = tell_pattern, [SHARD] = tell_shard};
    KeelClient *client = keel_client(c);
    const Listener *l = listener_of(client);
    keel_reply_uncounted(c);
    if (argc == 1 && l && l->of[kind].count) {
        listener_remove_all(client, kind, tell[kind], c);
    } else if (argc == 1) {
        push_one(c, client, kind, words[kind].removed, (KeelStr){0});
    }
    for (int i = 1; i < argc; i++) {
        listener_remove(client, kind, argv[i]);
        push_one(c, client, kind, words[kind].removed, argv[i]);
    }
}

void pubsub_unsubscribe(KeelCtx *c, const KeelStr *argv, int argc) {
    unsubscribe(c, argv, argc, CHANNEL);
}
void pubsub_punsubscribe(KeelCtx *c, const KeelStr *argv, int argc) {
    unsubscribe(c, argv, argc, PATTERN);
}
void pubsub_sunsubscribe(KeelCtx *c, const KeelStr *argv, int argc) {
    unsubscribe(c, argv, argc, SHARD);
}

/* ---- the mode of RESP2 ----------------------------------------------------------------------- */

/* There a message cannot be told from a reply, so a client that listens may do little else. What
 * EXEC and modules run was let in before. */
KeelVerdict mode_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    static const char *const allowed[] = {
        "ping", "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe",
        "sunsubscribe", "quit", "reset"};
    (void)argv, (void)argc;
    if (keel_reply_protocol(c) == 3 || keel_block_denied(c)) return KEEL_PASS;
    const char *name = keel_command_name(cmd);
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (strcmp(name, allowed[i]) == 0) return KEEL_PASS;
    }
    keel_reply_errorf(c, "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
                      "QUIT / RESET are allowed in this context", name);
    return KEEL_ANSWERED;
}
