/* group.c - consumer groups: who was given what and has not acknowledged it.
 *
 * A pending entry is one block that two trees know, the group's and its consumer's; the group's
 * owns it. So an acknowledgement finds it by id and a consumer's history is a range. */
#include "streams.h"

Group *group_find(const Stream *s, KeelStr name) {
    void **slot = radix_find(&s->groups, name);
    return slot ? *slot : NULL;
}

Group *group_add(Stream *s, KeelStr name, Id last, int64_t read) {
    bool added;
    void **slot = radix_add(&s->groups, name, &added);
    if (!slot || !added) return NULL;
    Group *g = keel_zalloc(sizeof(*g));
    g->last = last;
    g->read = read;
    return *slot = g;
}

static void consumer_free(void *value) {
    Consumer *consumer = value;
    radix_release(&consumer->pending, NULL);
    keel_free(consumer);
}

void group_free(void *group) {
    Group *g = group;
    radix_release(&g->consumers, consumer_free);
    radix_release(&g->pending, keel_free);
    keel_free(g);
}

bool group_remove(Stream *s, KeelStr name) {
    void *g;
    if (!radix_remove(&s->groups, name, &g)) return false;
    group_free(g);
    return true;
}

Consumer *consumer_find(const Group *g, KeelStr name) {
    void **slot = radix_find(&g->consumers, name);
    return slot ? *slot : NULL;
}

Consumer *consumer_add(Group *g, KeelStr name, int64_t now) {
    bool added;
    void **slot = radix_add(&g->consumers, name, &added);
    if (!slot || !added) return NULL;
    Consumer *consumer = keel_zalloc(sizeof(*consumer) + name.len);
    consumer->seen = now;
    consumer->active = -1;
    consumer->name = (KeelStr){(char *)(consumer + 1), name.len};
    memcpy(consumer + 1, name.ptr, name.len);
    return *slot = consumer;
}

void consumer_remove(Group *g, Consumer *consumer) {
    RadixWalk w;
    radix_walk(&w, &consumer->pending);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        radix_remove(&g->pending, w.key, NULL);
        keel_free(w.value);
    }
    radix_walk_end(&w);
    radix_remove(&g->consumers, consumer->name, NULL);
    consumer_free(consumer);
}

/* ---- pending entries ------------------------------------------------------------------------- */

Pending *pending_find(const Group *g, Id id) {
    IdKey key = id_key(id);
    void **slot = radix_find(&g->pending, id_key_str(&key));
    return slot ? *slot : NULL;
}

Pending *pending_give(Group *g, Consumer *consumer, Id id, int64_t now) {
    IdKey key = id_key(id);
    bool added;
    void **slot = radix_add(&g->pending, id_key_str(&key), &added);
    if (added) *slot = keel_zalloc(sizeof(Pending));
    Pending *p = *slot;
    p->delivered = now;
    p->count = 1;
    if (consumer) pending_move(p, consumer, id);
    return p;
}

void pending_move(Pending *p, Consumer *to, Id id) {
    IdKey key = id_key(id);
    if (p->consumer == to) return;
    if (p->consumer) radix_remove(&p->consumer->pending, id_key_str(&key), NULL);
    *radix_add(&to->pending, id_key_str(&key), NULL) = p;
    p->consumer = to;
}

void pending_remove(Group *g, Pending *p, Id id) {
    IdKey key = id_key(id);
    radix_remove(&g->pending, id_key_str(&key), NULL);
    if (p->consumer) radix_remove(&p->consumer->pending, id_key_str(&key), NULL);
    keel_free(p);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void group_copy(const Group *from, Group *to) {
    RadixWalk w, own;
    radix_walk(&w, &from->pending);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        Pending *p = *radix_add(&to->pending, w.key, NULL) = keel_alloc(sizeof(*p));
        *p = *(const Pending *)w.value;
        p->consumer = NULL;
    }
    radix_walk_end(&w);
    radix_walk(&w, &from->consumers);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        const Consumer *consumer = w.value;
        Consumer *copy = consumer_add(to, consumer->name, consumer->seen);
        if (!copy) continue; /* names differ: there is one */
        copy->active = consumer->active;
        radix_walk(&own, &consumer->pending);
        for (bool more = radix_first(&own); more; more = radix_next(&own)) {
            Id id = id_of_key(own.key.ptr);
            Pending *p = pending_find(to, id);
            if (p) pending_move(p, copy, id);
        }
        radix_walk_end(&own);
    }
    radix_walk_end(&w);
}

void groups_copy(const Stream *from, Stream *to) {
    RadixWalk w;
    radix_walk(&w, &from->groups);
    for (bool ok = radix_first(&w); ok; ok = radix_next(&w)) {
        const Group *g = w.value;
        group_copy(g, group_add(to, w.key, g->last, g->read));
    }
    radix_walk_end(&w);
}

/* Entries that the group has not been given yet. With holes ahead of it nobody can tell, unless the
 * place of its last id is known. */
int64_t group_lag(const Stream *s, const Group *g, bool *known) {
    *known = true;
    if (!s->added) return 0;
    int64_t read = g->read;
    if (read == READ_UNKNOWN || stream_has_holes(s, g->last)) read = stream_distance(s, g->last);
    *known = read != READ_UNKNOWN;
    return elapsed((int64_t)s->added, read);
}
