/* topics.c - who listens to what.
 *
 * A topic keeps its clients in an array, so that a message to all of them is one walk over pointers
 * that lie side by side. A subscription knows its place in its topic's array and in its client's, and
 * is found by the two together in one table, so every change is O(1) however many there are on
 * either side. A topic goes with its last listener. */
#include "pubsub.h"

#include <string.h>

Topics topics[KINDS];
int listener_slot, mode_gate;

static Sub **sub_buckets;
static size_t sub_bucket_count, sub_count;

/* ---- topics ---------------------------------------------------------------------------------- */

Topic *topic_find(Kind kind, KeelStr name) {
    const Topics *t = &topics[kind];
    if (!t->count) return NULL;
    uint64_t hash = keel_hash(name.ptr, name.len);
    for (Topic *at = t->buckets[hash & (t->bucket_count - 1)]; at; at = at->next) {
        if (at->hash == hash && keel_equal(at->name, name)) return at;
    }
    return NULL;
}

static void topics_resize(Topics *t, size_t size) {
    Topic **buckets = keel_zalloc(size * sizeof(Topic *));
    for (size_t i = 0; i < t->count; i++) {
        Topic **to = &buckets[t->all[i]->hash & (size - 1)];
        t->all[i]->next = *to;
        *to = t->all[i];
    }
    keel_free(t->buckets);
    t->buckets = buckets;
    t->bucket_count = size;
}

static size_t literal_prefix(KeelStr pattern) {
    size_t n = 0;
    while (n < pattern.len && !memchr("*?[\\", pattern.ptr[n], 4)) n++;
    return n;
}

static Topic *topic_new(Kind kind, KeelStr name) {
    Topics *t = &topics[kind];
    Topic *topic = keel_zalloc(sizeof(*topic) + name.len);
    memcpy(topic->bytes, name.ptr, name.len);
    topic->name = (KeelStr){topic->bytes, name.len};
    topic->hash = keel_hash(name.ptr, name.len);
    topic->clients = &topic->one;
    topic->subs = &topic->one_sub;
    topic->room = 1;
    if (kind == PATTERN) topic->literal = literal_prefix(name);
    if (t->count == t->room) {
        t->room = t->room ? t->room * 2 : 16;
        t->all = keel_realloc(t->all, t->room * sizeof(Topic *));
    }
    if (t->count >= t->bucket_count) topics_resize(t, t->bucket_count ? t->bucket_count * 2 : 16);
    Topic **bucket = &t->buckets[topic->hash & (t->bucket_count - 1)];
    topic->next = *bucket;
    *bucket = topic;
    topic->place = t->count;
    t->all[t->count++] = topic;
    if (kind != SHARD && topics[CHANNEL].count + topics[PATTERN].count == 1) notify_listeners(true);
    return topic;
}

static void topic_free(Kind kind, Topic *topic) {
    Topics *t = &topics[kind];
    Topic **at = &t->buckets[topic->hash & (t->bucket_count - 1)];
    while (*at != topic) at = &(*at)->next;
    *at = topic->next;
    Topic *last = t->all[--t->count];
    t->all[topic->place] = last;
    last->place = topic->place;
    if (topic->clients != &topic->one) {
        keel_free(topic->clients);
        keel_free(topic->subs);
    }
    keel_free(topic);
    if (t->bucket_count > 16 && t->count < t->bucket_count / 8) {
        topics_resize(t, t->bucket_count / 4);
        t->room = t->bucket_count;
        t->all = keel_realloc(t->all, t->room * sizeof(Topic *));
    }
    if (kind != SHARD && topics[CHANNEL].count + topics[PATTERN].count == 0) {
        notify_listeners(false);
    }
}

static void topic_grow(Topic *topic) {
    size_t room = (size_t)topic->room * 2;
    bool first = topic->clients == &topic->one;
    topic->clients = keel_realloc(first ? NULL : topic->clients, room * sizeof(KeelClient *));
    topic->subs = keel_realloc(first ? NULL : topic->subs, room * sizeof(Sub *));
    if (first) {
        topic->clients[0] = topic->one;
        topic->subs[0] = topic->one_sub;
    }
    topic->room = (uint32_t)room;
}

static void topic_enter(Topic *topic, Sub *sub) {
    if (topic->count == topic->room) topic_grow(topic);
    sub->in_topic = topic->count;
    topic->clients[topic->count] = sub->listener->client;
    topic->subs[topic->count++] = sub;
}

static void topic_leave(Topic *topic, const Sub *sub) {
    uint32_t last = --topic->count;
    topic->clients[sub->in_topic] = topic->clients[last];
    topic->subs[sub->in_topic] = topic->subs[last];
    topic->subs[sub->in_topic]->in_topic = sub->in_topic;
    if (!last) topic_free(sub->kind, topic);
}

/* ---- subscriptions --------------------------------------------------------------------------- */

static Sub **sub_bucket(const Topic *topic, const Listener *listener) {
    uint64_t mix = topic->hash ^ (uint64_t)(uintptr_t)listener * 0x9e3779b97f4a7c15u;
    return &sub_buckets[(mix ^ mix >> 32) & (sub_bucket_count - 1)];
}

static void subs_resize(size_t size) {
    Sub **old = sub_buckets;
    size_t old_size = sub_bucket_count;
    sub_buckets = keel_zalloc(size * sizeof(Sub *));
    sub_bucket_count = size;
    for (size_t i = 0; i < old_size; i++) {
        for (Sub *s = old[i], *next; s; s = next) {
            next = s->next;
            Sub **to = sub_bucket(s->topic, s->listener);
            s->next = *to;
            *to = s;
        }
    }
    keel_free(old);
}

static Sub *sub_find(const Topic *topic, const Listener *listener) {
    if (!sub_count) return NULL;
    for (Sub *s = *sub_bucket(topic, listener); s; s = s->next) {
        if (s->topic == topic && s->listener == listener) return s;
    }
    return NULL;
}

/* Everywhere but in the listener's array. */
static void sub_free(Sub *sub) {
    Sub **at = sub_bucket(sub->topic, sub->listener);
    while (*at != sub) at = &(*at)->next;
    *at = sub->next;
    sub_count--;
    topic_leave(sub->topic, sub);
    keel_free(sub);
    if (sub_bucket_count > 64 && sub_count < sub_bucket_count / 8) {
        subs_resize(sub_bucket_count / 4);
    }
}

/* ---- listeners ------------------------------------------------------------------------------- */

Listener *listener_of(KeelClient *client) {
    return *keel_client_slot(client, listener_slot);
}

/* From the first subscription to the last the client is of another kind: its limits are those of
 * listeners, and RESP2 has to do with few commands. */
static Listener *listener_begin(KeelClient *client) {
    void **slot = keel_client_slot(client, listener_slot);
    Listener *l = *slot;
    if (l) return l;
    *slot = l = keel_zalloc(sizeof(*l));
    KeelClientInfo info = {.size = sizeof(info)};
    l->client = client;
    keel_client_info(client, &info);
    keel_client_set_flags(client, KEEL_CF_PUBSUB, 0);
    if (info.kind == KEEL_CLIENT_NORMAL) keel_client_set_kind(client, KEEL_CLIENT_PUBSUB);
    keel_gate_arm_client(client, mode_gate, true);
    return l;
}

static void listener_end(Listener *l) {
    KeelClientInfo info = {.size = sizeof(info)};
    keel_client_info(l->client, &info);
    keel_client_set_flags(l->client, 0, KEEL_CF_PUBSUB);
    if (info.kind == KEEL_CLIENT_PUBSUB) keel_client_set_kind(l->client, KEEL_CLIENT_NORMAL);
    keel_gate_arm_client(l->client, mode_gate, false);
    for (int kind = 0; kind < KINDS; kind++) keel_free(l->of[kind].subs);
    keel_free(l);
}

static void end_if_idle(Listener *l) {
    if (l->of[CHANNEL].count || l->of[PATTERN].count || l->of[SHARD].count) return;
    *keel_client_slot(l->client, listener_slot) = NULL;
    listener_end(l);
}

void listener_add(KeelClient *client, Kind kind, KeelStr name) {
    Listener *l = listener_begin(client);
    Topic *topic = topic_find(kind, name);
    if (!topic) {
        topic = topic_new(kind, name);
    } else if (sub_find(topic, l)) {
        return;
    }
    Sub *sub = keel_alloc(sizeof(*sub));
    *sub = (Sub){.topic = topic, .listener = l, .kind = kind, .in_listener = l->of[kind].count};
    if (sub_count++ >= sub_bucket_count) subs_resize(sub_bucket_count ? sub_bucket_count * 2 : 64);
    Sub **bucket = sub_bucket(topic, l);
    sub->next = *bucket;
    *bucket = sub;
    topic_enter(topic, sub);
    if (l->of[kind].count == l->of[kind].room) {
        l->of[kind].room = l->of[kind].room ? l->of[kind].room * 2 : 1;
        l->of[kind].subs = keel_realloc(l->of[kind].subs, l->of[kind].room * sizeof(Sub *));
    }
    l->of[kind].subs[l->of[kind].count++] = sub;
}

bool listener_remove(KeelClient *client, Kind kind, KeelStr name) {
    Listener *l = listener_of(client);
    Topic *topic = l ? topic_find(kind, name) : NULL;
    Sub *sub = topic ? sub_find(topic, l) : NULL;
    if (!sub) return false;
    Sub *last = l->of[kind].subs[--l->of[kind].count];
    l->of[kind].subs[sub->in_listener] = last;
    last->in_listener = sub->in_listener;
    sub_free(sub);
    end_if_idle(l);
    return true;
}

void listener_remove_all(KeelClient *client, Kind kind,
                         void (*each)(KeelCtx *c, KeelStr name), KeelCtx *c) {
    Listener *l = listener_of(client);
    if (!l) return;
    uint32_t n = l->of[kind].count;
    for (uint32_t i = 0; i < n; i++) {
        Sub *sub = l->of[kind].subs[i];
        l->of[kind].count--;
        each(c, sub->topic->name);
        sub_free(sub);
    }
    end_if_idle(l);
}

void listener_free(KeelClient *client, void *value) {
    Listener *l = value;
    (void)client;
    for (int kind = 0; kind < KINDS; kind++) {
        while (l->of[kind].count) sub_free(l->of[kind].subs[--l->of[kind].count]);
    }
    listener_end(l);
}

/* All listeners are gone by now. */
void topics_free(void) {
    for (int kind = 0; kind < KINDS; kind++) {
        keel_free(topics[kind].buckets);
        keel_free(topics[kind].all);
        topics[kind] = (Topics){0};
    }
    keel_free(sub_buckets);
    sub_buckets = NULL;
    sub_bucket_count = 0;
}
