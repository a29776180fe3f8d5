/* groups.c - XGROUP and XACK. */
#include "streams.h"

typedef struct GroupOptions {
    bool create;
    int64_t read;
} GroupOptions;

static bool parse_options(KeelCtx *c, const KeelStr *argv, int argc, bool creating,
                          GroupOptions *o) {
    o->create = false;
    o->read = READ_UNKNOWN;
    for (int i = 5; i < argc; i++) {
        if (creating && keel_is(argv[i], "mkstream")) {
            o->create = true;
        } else if (i + 1 < argc && keel_is(argv[i], "entriesread")) {
            if (!keel_arg_int(c, argv[++i], &o->read)) return false;
            if (o->read < READ_UNKNOWN) {
                keel_reply_error(c, "ERR value for ENTRIESREAD must be positive or -1");
                return false;
            }
        } else {
            reply_bad_subcommand(c, argv);
            return false;
        }
    }
    return true;
}

/* Opens the key of XGROUP. False: it is no stream, or missing where it must not be. */
static bool open_stream(KeelCtx *c, KeelStr name, bool may_miss, KeelKey *key) {
    bool there = keel_key_open(c, name, KEEL_KEY_WRITE, key);
    if (!stream_operations.check(c, key)) return false;
    if (there || may_miss) return true;
    keel_reply_error(c, "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE "
                     "you may want to use the MKSTREAM option to create an empty stream "
                     "automatically.");
    return false;
}

/* The group that the command names. NULL: an error was replied. */
static Group *open_group(KeelCtx *c, const KeelStr *argv, KeelKey *key) {
    if (!open_stream(c, argv[2], false, key)) return NULL;
    Group *g = group_find(keel_key_value(key), argv[3]);
    if (!g) reply_no_group_in(c, argv[2], argv[3]);
    return g;
}

/* "$" is the last entry. */
static bool parse_id(KeelCtx *c, KeelStr text, const Stream *s, bool strict, Id *id) {
    if (text.len == 1 && *text.ptr == '$') {
        *id = s ? s->last : ID_MIN;
        return true;
    }
    return strict ? id_strict_argument(c, text, id) : id_argument(c, text, 0, id);
}

void streams_xgroup_create(KeelCtx *c, const KeelStr *argv, int argc) {
    GroupOptions o;
    KeelKey key;
    Id id;
    if (!parse_options(c, argv, argc, true, &o)) return;
    if (!open_stream(c, argv[2], o.create, &key)) return;
    Stream *s = keel_key_exists(&key) ? keel_key_value(&key) : NULL;
    if (!parse_id(c, argv[4], s, true, &id)) return;
    if (argv[3].len > RADIX_KEY_MAX) {
        keel_reply_error(c, "ERR the name of the group is too long");
        return;
    }
    if (!s) {
        s = stream_new();
        keel_key_set_value(&key, &streams_type, s, KEEL_NO_EXPIRY);
        keel_key_changed(&key, KEEL_NOTIFY_STREAM, NULL);
    } else if (group_find(s, argv[3])) {
        keel_reply_error(c, "BUSYGROUP Consumer Group name already exists");
        return;
    } else {
        keel_dirty_add(c, 1);
    }
    group_add(s, argv[3], id, o.read);
    keel_key_notify(&key, KEEL_NOTIFY_STREAM, "xgroup-create");
    keel_reply_ok(c);
}

void streams_xgroup_setid(KeelCtx *c, const KeelStr *argv, int argc) {
    GroupOptions o;
    KeelKey key;
    Id id;
    if (!parse_options(c, argv, argc, false, &o)) return;
    Group *g = open_group(c, argv, &key);
    if (!g || !parse_id(c, argv[4], keel_key_value(&key), false, &id)) return;
    g->last = id;
    g->read = o.read;
    keel_dirty_add(c, 1);
    keel_key_notify(&key, KEEL_NOTIFY_STREAM, "xgroup-setid");
    keel_reply_ok(c);
}

void streams_xgroup_destroy(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    (void)argc;
    if (!open_stream(c, argv[2], false, &key)) return;
    bool removed = group_remove(keel_key_value(&key), argv[3]);
    if (removed) {
        keel_dirty_add(c, 1);
        keel_key_notify(&key, KEEL_NOTIFY_STREAM, "xgroup-destroy");
        keel_key_ready(c, keel_db(c), argv[2]); /* its readers learn that it is gone */
    }
    keel_reply_int(c, removed);
}

void streams_xgroup_createconsumer(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    bool added;
    (void)argc;
    Group *g = open_group(c, argv, &key);
    if (g && consumer_of(c, &key, g, argv[4], &added)) keel_reply_int(c, added);
}

void streams_xgroup_delconsumer(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    uint64_t pending = 0;
    (void)argc;
    Group *g = open_group(c, argv, &key);
    if (!g) return;
    Consumer *consumer = consumer_find(g, argv[4]);
    if (consumer) {
        pending = consumer->pending.count;
        consumer_remove(g, consumer);
        keel_dirty_add(c, 1);
        keel_key_notify(&key, KEEL_NOTIFY_STREAM, "xgroup-delconsumer");
    }
    keel_reply_int(c, (int64_t)pending);
}

void streams_xgroup_help(KeelCtx *c, const KeelStr *argv, int argc) {
    static const char *const lines[] = {
        "CREATE <key> <groupname> <id|$> [option]",
        "    Create a new consumer group. Options are:",
        "    * MKSTREAM",
        "      Create the empty stream if it does not exist.",
        "    * ENTRIESREAD entries_read",
        "      Set the group's entries_read counter (internal use).",
        "CREATECONSUMER <key> <groupname> <consumer>",
        "    Create a new consumer in the specified group.",
        "DELCONSUMER <key> <groupname> <consumer>",
        "    Remove the specified consumer.",
        "DESTROY <key> <groupname>",
        "    Remove the specified group.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
        "    Set the current group ID and entries_read counter.",
        NULL};
    (void)argv, (void)argc;
    keel_reply_help(c, lines);
}

void streams_xack(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    int64_t n = 0;
    bool there = keel_key_open(c, argv[1], KEEL_KEY_READ, &key);
    if (!stream_operations.check(c, &key)) return;
    Group *g = there ? group_find(keel_key_value(&key), argv[2]) : NULL;
    if (g) {
        const Id *ids = id_arguments(c, argv, 3, argc);
        if (!ids) return;
        for (int i = 0; i < argc - 3; i++) {
            Pending *p = pending_find(g, ids[i]);
            if (!p) continue;
            pending_remove(g, p, ids[i]);
            n++;
        }
        if (n) keel_dirty_add(c, (uint64_t)n);
    }
    keel_reply_int(c, n);
}
