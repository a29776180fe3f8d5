/* object.c - OBJECT and its subcommands: how a value is kept, and when it was last used. */
#include <limits.h>
#include <string.h>

#include "keys.h"

/* Small integers were shared objects in Redis, and its REFCOUNT says so; tools look at it. */
#define SHARED_INTEGERS 10000

/* Looking at a key so is no use of it. False: null was replied. */
static bool object_open(KeelCtx *c, KeelStr name, KeelKey *key) {
    if (keel_key_open(c, name, KEEL_KEY_READ | KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS, key)) {
        return true;
    }
    keel_reply_null(c);
    return false;
}

void keys_object_encoding(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    KeelValue value;
    if (!object_open(c, argv[2], &key)) return;
    keel_key_view(&key, &value);
    keel_reply_cstr(c, value.type->encoding ? value.type->encoding(&key, &value) : "unknown");
}

void keys_object_freq(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    if (!object_open(c, argv[2], &key)) return;
    int freq = keel_key_freq(&key);
    if (freq < 0) {
        keel_reply_error(c, "ERR An LFU maxmemory policy is not selected, access frequency not "
                            "tracked. Please note that when switching between policies at runtime "
                            "LRU and LFU data will take some time to adjust.");
        return;
    }
    keel_reply_int(c, freq);
}

void keys_object_idletime(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    if (!object_open(c, argv[2], &key)) return;
    int64_t idle = keel_key_idle(&key);
    if (idle < 0) {
        keel_reply_error(c, "ERR An LFU maxmemory policy is selected, idle time not tracked. "
                            "Please note that when switching between policies at runtime LRU and "
                            "LFU data will take some time to adjust.");
        return;
    }
    keel_reply_int(c, idle);
}

/* Redis shares no integers while it needs each key's own access clock. */
static bool clocks_matter(void) {
    char text[64];
    if (!keel_config_get(KEEL_LIT("maxmemory"), text, sizeof(text), NULL)) return false;
    if (strcmp(text, "0") == 0) return false;
    if (!keel_config_get(KEEL_LIT("maxmemory-policy"), text, sizeof(text), NULL)) return false;
    return strstr(text, "lru") || strstr(text, "lfu");
}

void keys_object_refcount(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    int64_t v, refs = 1;
    if (!object_open(c, argv[2], &key)) return;
    if (keel_key_form(&key) == KEEL_FORM_INT && keel_key_int(&key, &v) && v >= 0 &&
        v < SHARED_INTEGERS && !clocks_matter()) {
        refs = INT_MAX;
    }
    keel_reply_int(c, refs);
}

void keys_object_help(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    static const char *const lines[] = {
        "ENCODING <key>",
        "    How the value of <key> is represented in memory.",
        "FREQ <key>",
        "    The logarithmic counter of recent accesses to <key>, kept while an LFU",
        "    maxmemory policy is selected.",
        "IDLETIME <key>",
        "    Seconds since <key> was last read or written, kept while no LFU maxmemory",
        "    policy is selected.",
        "REFCOUNT <key>",
        "    How many references there are to the value of <key>.",
        NULL,
    };
    keel_reply_help(c, lines);
}
