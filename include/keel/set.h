/* keel/set.h - the interface "set": sets of strings for modules that keep their own data in them,
 * and that a replacement of the module that owns them must bring too.
 *
 *     const KeelSetOps *set = keel_interface("set", KEEL_SET_VERSION);
 *     if (!keel_key_is(&key, set->type)) return keel_reply_wrongtype(c);
 *     void *value = keel_key_exists(&key) ? keel_key_value(&key) : set->create(0);
 *     set->add(value, member);
 *
 * Values are addressed by the pointer that keel_key_value() gives; it does not move as the value
 * changes. All functions leave to the caller what concerns the key: putting a new value into it
 * (keel_key_set_value(), then keel_key_ready() where it was missing), deleting it when its last
 * member has gone, keel_key_changed(), and the journal. The exception is store().
 *
 * Contexts: any that may read or change the keyspace; a fork child may call what takes a const
 * value. */
#ifndef KEEL_SET_H
#define KEEL_SET_H

#include <keel/base.h>
#include <keel/key.h>
#include <keel/type.h>

#define KEEL_SET_VERSION 101

/* A member: bytes that live until the set changes, or the item is filled anew. */
typedef struct KeelSetItem {
    KeelStr member;
    char scratch[KEEL_INT_ROOM];
} KeelSetItem;

/* A walk over all members, each once, in no order that means anything. The set must not change
 * meanwhile, and there is nothing to end. */
typedef struct KeelSetWalk {
    const void *set_;
    uint64_t state_[6];
} KeelSetWalk;

/* One member as scan() shows it; the view lives until the callback returns. */
typedef void KeelSetEach(KeelStr member, void *data);

/* From keel_interface("set", KEEL_SET_VERSION), and the type's `operations`. */
typedef struct KeelSetOps {
    uint32_t size;
    const KeelType *type;

    /* A new, empty set; the caller's until a key owns it. `members` is how many are to come, as far
     * as known: it saves conversions. */
    void *(*create)(size_t members);
    /* For values that no key owns. */
    void (*free)(void *set);
    size_t (*length)(const void *set);
    /* Cost: O(1); small sets are searched. */
    bool (*has)(const void *set, KeelStr member);
    /* False: it was there already. */
    bool (*add)(void *set, KeelStr member);
    /* False: it was not there. */
    bool (*remove)(void *set, KeelStr member);
    void (*walk)(const void *set, KeelSetWalk *walk);
    /* False: the end. */
    bool (*next)(KeelSetWalk *walk, KeelSetItem *item);
    /* A member chosen at random, all equally likely. False: the set is empty. */
    bool (*random)(const void *set, KeelSetItem *item);

    /* What STORE options do with their result: `set`, which is the caller's no longer, replaces
     * whatever the key held, and `event` of the class of sets is announced; without members the key
     * is deleted, if it was there. The reply and the journal stay the caller's. Returns how many
     * members. Contexts: command. */
    size_t (*store)(KeelCtx *c, KeelKey *key, void *set, const char *event);
    /* Since 101. A walk in steps that survives changes in between, as SSCAN's: shows about `count`
     * members from `cursor` on (small sets: all) and returns the next cursor, 0 at the end. */
    uint64_t (*scan)(const void *set, uint64_t cursor, size_t count, KeelSetEach *each, void *data);
} KeelSetOps;

#endif
