/* waiters.c - a hash table of queues by database and key name.
 *
 * A queue is there while somebody is in it, while it is in the list of ready keys, or while it is
 * walked; so signalling a key that nobody waits for costs one look into a table that is mostly
 * empty, and nothing at all when it is. */
#include "waiters.h"

#include "hash.h"
#include "mem.h"

static WaitQueue **buckets;
static size_t bucket_count, queue_count;
static WaitQueue *ready_first, **ready_end = &ready_first;

static uint64_t hash_of(int db, KeelStr name) {
    return hash_bytes(name.ptr, name.len) + (uint64_t)db * 0x9E3779B97F4A7C15ull;
}

static void grow(void) {
    size_t count = bucket_count ? bucket_count * 2 : 64;
    WaitQueue **table = keel_zalloc(count * sizeof(*table));
    for (size_t i = 0; i < bucket_count; i++) {
        for (WaitQueue *q = buckets[i], *next; q; q = next) {
            next = q->next;
            q->next = table[q->hash & (count - 1)];
            table[q->hash & (count - 1)] = q;
        }
    }
    keel_free(buckets);
    buckets = table;
    bucket_count = count;
}

static WaitQueue *find(int db, KeelStr name, uint64_t hash) {
    for (WaitQueue *q = buckets[hash & (bucket_count - 1)]; q; q = q->next) {
        if (q->hash == hash && q->db == db && q->name.len == name.len &&
            memcmp(q->name.ptr, name.ptr, name.len) == 0) {
            return q;
        }
    }
    return NULL;
}

static WaitQueue *add(int db, KeelStr name, uint64_t hash) {
    WaitQueue *q = keel_zalloc(sizeof(*q) + name.len + 1);
    q->hash = hash;
    q->db = db;
    q->name = (KeelStr){q->bytes, name.len};
    memcpy(q->bytes, name.ptr, name.len);
    q->next = buckets[hash & (bucket_count - 1)];
    buckets[hash & (bucket_count - 1)] = q;
    queue_count++;
    return q;
}

static void drop_if_idle(WaitQueue *q) {
    if (q->first || q->ready || q->walked) return;
    WaitQueue **at = &buckets[q->hash & (bucket_count - 1)];
    while (*at != q) at = &(*at)->next;
    *at = q->next;
    queue_count--;
    keel_free(q);
}

void waiters_join(Waiter *w, struct Blocked *blocked, int db, KeelStr name, bool on_delete) {
    if (queue_count >= bucket_count) grow();
    uint64_t hash = hash_of(db, name);
    WaitQueue *q = find(db, name, hash);
    if (!q) q = add(db, name, hash);
    /* All keys of one wait join in a row: a key given twice finds itself at the end. */
    if (q->last && q->last->blocked == blocked) return;
    *w = (Waiter){.prev = q->last, .queue = q, .blocked = blocked};
    if (q->last) {
        q->last->next = w;
    } else {
        q->first = w;
    }
    q->last = w;
    q->on_delete += on_delete;
}

void waiters_leave(Waiter *w, bool on_delete) {
    WaitQueue *q = w->queue;
    if (!q) return;
    if (q->cursor == w) q->cursor = w->next;
    if (w->prev) w->prev->next = w->next; else q->first = w->next;
    if (w->next) w->next->prev = w->prev; else q->last = w->prev;
    q->on_delete -= on_delete;
    w->queue = NULL;
    drop_if_idle(q);
}

/* ---- ready keys ------------------------------------------------------------------------------ */

static void make_ready(WaitQueue *q) {
    if (q->ready || !q->first) return;
    q->ready = true;
    q->next_ready = NULL;
    *ready_end = q;
    ready_end = &q->next_ready;
}

/* Calls make_ready() for the queues of a database (-1: all) that `which` picks. */
static void each_queue(int db, bool (*which)(const WaitQueue *q)) {
    for (size_t i = 0; i < bucket_count; i++) {
        for (WaitQueue *q = buckets[i]; q; q = q->next) {
            if ((db < 0 || q->db == db) && which(q)) make_ready(q);
        }
    }
}

static bool any(const WaitQueue *q) {
    (void)q;
    return true;
}
static bool with_on_delete(const WaitQueue *q) {
    return q->on_delete != 0;
}
static bool with_held(const WaitQueue *q) {
    return q->held;
}

static void signal_picked(int db, KeelStr name, bool (*which)(const WaitQueue *q)) {
    if (!queue_count) return;
    if (!name.ptr) {
        each_queue(db, which);
        return;
    }
    WaitQueue *q = find(db, name, hash_of(db, name));
    if (q && which(q)) make_ready(q);
}

void waiters_signal(int db, KeelStr name) {
    signal_picked(db, name, any);
}

void waiters_signal_gone(int db, KeelStr name) {
    signal_picked(db, name, with_on_delete);
}

void waiters_signal_held(void) {
    each_queue(-1, with_held);
}

bool waiters_any_ready(void) {
    return ready_first != NULL;
}

WaitQueue *waiters_take_ready(void) {
    WaitQueue *q = ready_first;
    if (!q) return NULL;
    ready_first = q->next_ready;
    if (!ready_first) ready_end = &ready_first;
    q->ready = q->held = false;
    q->walked = true;
    q->cursor = q->first;
    return q;
}

void waiters_walked(WaitQueue *q) {
    q->walked = false;
    q->cursor = NULL;
    drop_if_idle(q);
}

size_t waiters_keys(bool on_delete) {
    if (!on_delete) return queue_count;
    size_t keys = 0;
    for (size_t i = 0; i < bucket_count; i++) {
        for (const WaitQueue *q = buckets[i]; q; q = q->next) keys += with_on_delete(q);
    }
    return keys;
}
