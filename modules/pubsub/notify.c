/* notify.c - keyspace notifications: what happens to keys, published.
 *
 * notify-keyspace-events says which classes of events are told, and whether on the channel of the
 * key (K: __keyspace@0__:key gets the event), of the event (E: __keyevent@0__:event gets the key) or
 * both. The host calls for the wanted classes only, and for none while nobody listens at all. */
#include "pubsub.h"

#include <stdio.h>
#include <string.h>

enum {
    ON_KEY = 1u << 0,
    ON_EVENT = 1u << 1,
    /* What "A" stands for. */
    ALL = KEEL_NOTIFY_GENERIC | KEEL_NOTIFY_STRING | KEEL_NOTIFY_LIST | KEEL_NOTIFY_SET |
          KEEL_NOTIFY_HASH | KEEL_NOTIFY_ZSET | KEEL_NOTIFY_EXPIRED | KEEL_NOTIFY_EVICTED |
          KEEL_NOTIFY_STREAM | KEEL_NOTIFY_MODULE,
};
_Static_assert(!((ALL | KEEL_NOTIFY_MISS | KEEL_NOTIFY_NEW) & (ON_KEY | ON_EVENT)),
               "classes leave the low bits free");

/* In the order in which the setting is shown. */
static const struct {
    char letter;
    unsigned bits;
} letters[] = {
    {'A', ALL},
    {'g', KEEL_NOTIFY_GENERIC}, {'$', KEEL_NOTIFY_STRING}, {'l', KEEL_NOTIFY_LIST},
    {'s', KEEL_NOTIFY_SET}, {'h', KEEL_NOTIFY_HASH}, {'z', KEEL_NOTIFY_ZSET},
    {'x', KEEL_NOTIFY_EXPIRED}, {'e', KEEL_NOTIFY_EVICTED}, {'t', KEEL_NOTIFY_STREAM},
    {'d', KEEL_NOTIFY_MODULE}, {'n', KEEL_NOTIFY_NEW},
    {'K', ON_KEY}, {'E', ON_EVENT}, {'m', KEEL_NOTIFY_MISS},
};
enum { LETTERS = sizeof(letters) / sizeof(letters[0]) };

static unsigned wanted;
static bool listened;

/* Tells the host what to call for. */
static void rearm(void) {
    bool told = listened && (wanted & (ON_KEY | ON_EVENT));
    keel_notify_classes(notify_hook, told ? wanted & ~(unsigned)(ON_KEY | ON_EVENT) : 0);
}

void notify_listeners(bool any) {
    listened = any;
    rearm();
}

bool notify_set(const KeelConfig *config, const KeelStr *argv, int argc, const char **reason) {
    unsigned bits = 0;
    (void)config, (void)argc;
    for (size_t i = 0; i < argv[0].len; i++) {
        int at = 0;
        while (at < LETTERS && letters[at].letter != argv[0].ptr[i]) at++;
        if (at == LETTERS) {
            *reason = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
            return false;
        }
        bits |= letters[at].bits;
    }
    wanted = bits;
    rearm();
    return true;
}

/* "A" takes the place of its classes, and of "n" with them, as in Redis. */
void notify_get(const KeelConfig *config, KeelConfigOut *out) {
    bool all = (wanted & ALL) == ALL;
    (void)config;
    for (int i = 0; i < LETTERS; i++) {
        unsigned bits = letters[i].bits;
        if (i > 0 && all && bits & (ALL | KEEL_NOTIFY_NEW)) continue;
        if ((wanted & bits) == bits) keel_config_write(out, "%c", letters[i].letter);
    }
}

static void publish_event(int db, const char *kind, KeelStr last, KeelStr message) {
    char few[256], *channel = few;
    size_t room = last.len + 48;
    if (room > sizeof(few)) channel = keel_alloc(room);
    size_t n = (size_t)snprintf(channel, 48, "__%s@%d__:", kind, db);
    memcpy(channel + n, last.ptr, last.len);
    publish((KeelStr){channel, n + last.len}, message, false);
    if (channel != few) keel_free(channel);
}

void notify_hook(KeelCtx *c, const void *data) {
    const KeelKeyEvent *e = data;
    KeelStr event = keel_str(e->event);
    (void)c;
    if (wanted & ON_KEY) publish_event(e->db, "keyspace", e->name, event);
    if (wanted & ON_EVENT) publish_event(e->db, "keyevent", event, e->name);
}
