/* pubsub.c - SUBSCRIBE, PUBLISH, PUBSUB and their like, and keyspace notifications.
 *
 * Clients listen to channels by name, to all channels that match a pattern, and to shard channels,
 * which are a name space of their own. Nothing is kept: a message goes into the output of who listens
 * now (publish.c), the state is in topics.c, the commands that listen are in subscribe.c, and
 * notify.c publishes what happens to keys.
 *
 * Cost: a subscription O(1); a message a copy per receiver and a match per pattern. A client's
 * subscriptions hang from a slot, so that RESET and disconnecting end them. The gate "subscriber" is
 * armed for clients that listen, and nobody else; the interface "pubsub" is described in
 * keel/pubsub.h. PUBLISH changes no data, but replicas must hear of it: it is forced into the
 * journal. */
#include "pubsub.h"

#include <keel/pubsub.h>
#include <string.h>

/* ---- publishing ------------------------------------------------------------------------------ */

static void publish_command(KeelCtx *c, const KeelStr *argv, bool shard) {
    size_t n = publish(argv[1], argv[2], shard);
    /* In a cluster the bus carries it to replicas. */
    if (keel_journal_wanted(c) && !keel_interface("cluster", 100)) keel_journal_force(c);
    keel_reply_int(c, (int64_t)n);
}

static void pubsub_publish(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    publish_command(c, argv, false);
}

static void pubsub_spublish(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    publish_command(c, argv, true);
}

/* ---- PUBSUB ---------------------------------------------------------------------------------- */

static void reply_names(KeelCtx *c, const KeelStr *argv, int argc, Kind kind) {
    const Topics *t = &topics[kind];
    size_t n = 0;
    if (argc > 3) {
        keel_reply_errorf(c, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try "
                          "PUBSUB HELP.", (int)(argv[1].len < 128 ? argv[1].len : 128),
                          argv[1].ptr);
        return;
    }
    KeelDeferred names = keel_reply_defer_array(c);
    for (size_t i = 0; i < t->count; i++) {
        if (argc == 3 && !keel_match(argv[2], t->all[i]->name, false)) continue;
        keel_reply_bulk(c, t->all[i]->name);
        n++;
    }
    keel_reply_end(c, names, n);
}

static void reply_counts(KeelCtx *c, const KeelStr *argv, int argc, Kind kind) {
    keel_reply_array(c, (size_t)(argc - 2) * 2);
    for (int i = 2; i < argc; i++) {
        const Topic *t = topic_find(kind, argv[i]);
        keel_reply_bulk(c, argv[i]);
        keel_reply_int(c, t ? t->count : 0);
    }
}

static void pubsub_channels(KeelCtx *c, const KeelStr *argv, int argc) {
    reply_names(c, argv, argc, CHANNEL);
}

static void pubsub_help(KeelCtx *c, const KeelStr *argv, int argc) {
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a <pattern> (default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level channel(s)",
        NULL};
    (void)argv, (void)argc;
    keel_reply_help(c, lines);
}

static void pubsub_numpat(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_int(c, (int64_t)topics[PATTERN].count);
}

static void pubsub_numsub(KeelCtx *c, const KeelStr *argv, int argc) {
    reply_counts(c, argv, argc, CHANNEL);
}

static void pubsub_shardchannels(KeelCtx *c, const KeelStr *argv, int argc) {
    reply_names(c, argv, argc, SHARD);
}

static void pubsub_shardnumsub(KeelCtx *c, const KeelStr *argv, int argc) {
    reply_counts(c, argv, argc, SHARD);
}

/* ---- what others see ------------------------------------------------------------------------- */

static void counts(KeelClient *client, KeelPubsubCounts *out) {
    const Listener *l = client ? listener_of(client) : NULL;
    *out = (KeelPubsubCounts){0};
    if (!client) {
        *out = (KeelPubsubCounts){topics[CHANNEL].count, topics[PATTERN].count,
                                  topics[SHARD].count};
    } else if (l) {
        *out = (KeelPubsubCounts){l->of[CHANNEL].count, l->of[PATTERN].count, l->of[SHARD].count};
    }
}

static void info_stats(KeelInfo *info) {
    keel_info_int(info, "pubsub_channels", (int64_t)topics[CHANNEL].count);
    keel_info_int(info, "pubsub_patterns", (int64_t)topics[PATTERN].count);
    keel_info_int(info, "pubsubshard_channels", (int64_t)topics[SHARD].count);
}

/* Listeners end here, while the gate and the hook are there still. */
static bool forget(KeelClient *client, void *data) {
    (void)data;
    Listener *l = listener_of(client);
    *keel_client_slot(client, listener_slot) = NULL;
    if (l) listener_free(client, l);
    return true;
}

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c, (void)argv, (void)argc;
    notify_listeners(false); /* a hook hears of everything until it says what it wants */
    return 0;
}

static int unload(KeelCtx *c) {
    (void)c;
    keel_client_each(forget, NULL);
    topics_free();
    publish_free();
    return 0;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static const KeelPubsubOps operations = {.size = sizeof(operations), .publish = publish,
                                         .counts = counts};

/* Columns of CLIENT LIST. */
static int64_t column_of(KeelClient *client, int kind) {
    const Listener *l = listener_of(client);
    return l ? (int64_t)l->of[kind].count : 0;
}
static int64_t column_sub(KeelClient *client) {
    return column_of(client, CHANNEL);
}
static int64_t column_psub(KeelClient *client) {
    return column_of(client, PATTERN);
}
static int64_t column_ssub(KeelClient *client) {
    return column_of(client, SHARD);
}
static const KeelClientColumn sub = {.size = sizeof(KeelClientColumn), .value = column_sub},
                              psub = {.size = sizeof(KeelClientColumn), .value = column_psub},
                              ssub = {.size = sizeof(KeelClientColumn), .value = column_ssub};

static const KeelInterface provides[] = {
    {"pubsub", KEEL_PUBSUB_VERSION, &operations},
    {"client.sub", 100, &sub},
    {"client.psub", 100, &psub},
    {"client.ssub", 100, &ssub},
    {0},
};

static const KeelConfig configs[] = {
    {.name = "notify-keyspace-events", .type = KEEL_CONFIG_CUSTOM, .value = "", .get = notify_get,
     .set = notify_set},
    {0},
};

static const KeelInfoSection info[] = {{.name = "Stats", .rank = 50, .write = info_stats}, {0}};

static const KeelGate gates[] = {
    {.name = "subscriber", .id = &mode_gate, .rank = 30, .decide = mode_decide},
    {0},
};

static const KeelHook hooks[] = {{.event = KEEL_EVENT_NOTIFY, .call = notify_hook}, {0}};

static const KeelSlot slots[] = {
    {.name = "subscriptions", .id = &listener_slot, .free = listener_free},
    {0},
};

#define ASK .flags = KEEL_PUBSUB | KEEL_LOADING | KEEL_STALE, .group = "pubsub"
#define LISTEN .flags = KEEL_PUBSUB | KEEL_NOSCRIPT | KEEL_LOADING | KEEL_STALE, .group = "pubsub"
#define SEND                                                                                       \
    .flags = KEEL_PUBSUB | KEEL_LOADING | KEEL_STALE | KEEL_FAST | KEEL_MAY_REPLICATE,             \
    .group = "pubsub"

static const KeelCommand subcommands[] = {
    {.name = "channels", .args = "[pattern]", ASK, .call = pubsub_channels,
     .summary = "Names the channels that have listeners.", .since = "2.8.0",
     .complexity = "O(N) where N is the number of such channels"},
    {.name = "help", .flags = KEEL_LOADING | KEEL_STALE, .group = "pubsub", .call = pubsub_help,
     .summary = "Explains the subcommands.", .since = "6.2.0", .complexity = "O(1)"},
    {.name = "numpat", ASK, .call = pubsub_numpat,
     .summary = "Counts the patterns that have listeners.", .since = "2.8.0",
     .complexity = "O(1)"},
    {.name = "numsub", .args = "[channel [channel ...]]", ASK, .call = pubsub_numsub,
     .summary = "Counts the listeners of channels.", .since = "2.8.0",
     .complexity = "O(N) where N is the number of channels asked for"},
    {.name = "shardchannels", .args = "[pattern]", ASK, .call = pubsub_shardchannels,
     .summary = "Names the shard channels that have listeners.", .since = "7.0.0",
     .complexity = "O(N) where N is the number of such channels"},
    {.name = "shardnumsub", .args = "[shardchannel [shardchannel ...]]", ASK,
     .call = pubsub_shardnumsub, .summary = "Counts the listeners of shard channels.",
     .since = "7.0.0", .complexity = "O(N) where N is the number of channels asked for"},
    {0},
};

static const KeelCommand commands[] = {
    {.name = "psubscribe", .args = "pattern [pattern ...]", LISTEN, .call = pubsub_psubscribe,
     .summary = "Listens to all channels that match patterns.", .since = "2.0.0",
     .complexity = "O(N) where N is the number of patterns"},
    {.name = "publish", .args = "channel message", SEND, .call = pubsub_publish,
     .summary = "Sends a message to a channel's listeners.", .since = "2.0.0",
     .complexity = "O(N+M) where N is the number of the channel's listeners and M the number of "
                   "patterns"},
    {.name = "pubsub", .subcommands = subcommands, .group = "pubsub",
     .summary = "Commands about channels and their listeners.", .since = "2.8.0",
     .complexity = "Depends on subcommand."},
    {.name = "punsubscribe", .args = "[pattern [pattern ...]]", LISTEN,
     .call = pubsub_punsubscribe, .summary = "Ends listening to patterns, or to all of them.",
     .since = "2.0.0", .complexity = "O(N) where N is the number of patterns"},
    {.name = "spublish", .args = "shardchannel message", SEND, .call = pubsub_spublish,
     .keys = "NOT_KEY: idx 1; range 0 1 0",
     .summary = "Sends a message to a shard channel's listeners.", .since = "7.0.0",
     .complexity = "O(N) where N is the number of the shard channel's listeners"},
    {.name = "ssubscribe", .args = "shardchannel [shardchannel ...]", LISTEN,
     .call = pubsub_ssubscribe, .keys = "NOT_KEY: idx 1; range -1 1 0",
     .summary = "Listens to shard channels.", .since = "7.0.0",
     .complexity = "O(N) where N is the number of shard channels"},
    {.name = "subscribe", .args = "channel [channel ...]", LISTEN, .call = pubsub_subscribe,
     .summary = "Listens to channels.", .since = "2.0.0",
     .complexity = "O(N) where N is the number of channels"},
    {.name = "sunsubscribe", .args = "[shardchannel [shardchannel ...]]", LISTEN,
     .call = pubsub_sunsubscribe, .keys = "NOT_KEY: idx 1; range -1 1 0",
     .summary = "Ends listening to shard channels, or to all of them.", .since = "7.0.0",
     .complexity = "O(N) where N is the number of shard channels"},
    {.name = "unsubscribe", .args = "[channel [channel ...]]", LISTEN, .call = pubsub_unsubscribe,
     .summary = "Ends listening to channels, or to all of them.", .since = "2.0.0",
     .complexity = "O(N) where N is the number of channels"},
    {0},
};

KEEL_MODULE(.name = "pubsub", .version = "1.0.0",
            .summary = "Channels, patterns, shard channels, and keyspace notifications.",
            .commands = commands, .configs = configs, .info = info, .gates = gates, .hooks = hooks,
            .slots = slots, .provides = provides, .load = load, .unload = unload);
