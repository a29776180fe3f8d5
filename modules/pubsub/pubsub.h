/* pubsub.h - what the files of the module share. */
#ifndef PUBSUB_H
#define PUBSUB_H

#include <keel.h>

typedef enum Kind { CHANNEL, PATTERN, SHARD, KINDS } Kind;

struct Sub;

/* A channel, pattern or shard channel that has at least one listener. */
typedef struct Topic {
    struct Topic *next;        /* of the same bucket */
    uint64_t hash;
    uint32_t count, room;      /* of the two arrays below */
    KeelClient **clients;      /* who listens; `one` while there is a single one */
    struct Sub **subs;         /* their subscriptions, at the same places */
    KeelClient *one;
    struct Sub *one_sub;
    size_t place;              /* in the kind's array of all */
    size_t literal;            /* of a pattern: bytes before the first that is special */
    KeelStr name;
    char bytes[];
} Topic;

typedef struct Topics {
    Topic **buckets;
    size_t bucket_count;       /* a power of two, or 0 */
    Topic **all;               /* for walks, in no order */
    size_t count, room;
} Topics;

/* What one client listens to: the value of its slot, made with the first subscription and gone with
 * the last. */
typedef struct Listener {
    KeelClient *client;
    struct {
        struct Sub **subs;     /* in order of subscription, but for gaps that the last one fills */
        uint32_t count, room;
    } of[KINDS];
} Listener;

/* One client's interest in one topic. */
typedef struct Sub {
    struct Sub *next;          /* of the same bucket */
    Topic *topic;
    Listener *listener;
    uint32_t in_topic, in_listener;
    Kind kind;
} Sub;

extern Topics topics[KINDS];
extern int listener_slot, mode_gate;

Topic *topic_find(Kind kind, KeelStr name);
/* NULL: the client listens to nothing. */
Listener *listener_of(KeelClient *client);
/* Listens; nothing changes when it did before. */
void listener_add(KeelClient *client, Kind kind, KeelStr name);
/* False: it did not listen to that. */
bool listener_remove(KeelClient *client, Kind kind, KeelStr name);
/* Removes all of one kind, telling of each before it goes, with the kind's count as it will be. */
void listener_remove_all(KeelClient *client, Kind kind,
                         void (*each)(KeelCtx *c, KeelStr name), KeelCtx *c);
/* The slot's .free. */
void listener_free(KeelClient *client, void *value);
void topics_free(void);

size_t publish(KeelStr channel, KeelStr message, bool shard);
void publish_free(void);

/* Somebody listens to a channel or pattern now, or nobody does any more. */
void notify_listeners(bool any);
void notify_hook(KeelCtx *c, const void *data);
void notify_get(const KeelConfig *config, KeelConfigOut *out);
bool notify_set(const KeelConfig *config, const KeelStr *argv, int argc, const char **reason);

KeelHandler pubsub_subscribe, pubsub_unsubscribe, pubsub_psubscribe, pubsub_punsubscribe,
    pubsub_ssubscribe, pubsub_sunsubscribe;
KeelVerdict mode_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);

#endif
