/* rename.c - RENAME, RENAMENX, MOVE and COPY: a value under another name or in another database.
 *
 * Renaming and moving hand the value over without copying it, whatever its size. What stood in the
 * new place is gone; who waits for a key of that name is told. */
#include "keys.h"

static void rename_generic(KeelCtx *c, const KeelStr *argv, bool only_new) {
    KeelKey from, to;
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &from)) {
        keel_reply_error(c, "ERR no such key");
        return;
    }
    bool same = keel_equal(argv[1], argv[2]);
    if (same || (keel_key_open(c, argv[2], KEEL_KEY_WRITE, &to) && only_new)) {
        if (only_new) {
            keel_reply_int(c, 0);
        } else {
            keel_reply_ok(c);
        }
        return;
    }
    keel_key_move(&from, &to);
    keel_key_ready(c, keel_db(c), argv[2]);
    keel_key_changed(&from, KEEL_NOTIFY_GENERIC, "rename_from");
    keys_also_changed(&to, keel_db(c), "rename_to");
    if (only_new) {
        keel_reply_int(c, 1);
    } else {
        keel_reply_ok(c);
    }
}

void keys_rename(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    rename_generic(c, argv, false);
}

void keys_renamenx(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    rename_generic(c, argv, true);
}

void keys_move(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey from, to;
    int db;
    if (!keys_db_argument(c, argv[2], &db)) return;
    if (db == keel_db(c)) {
        keel_reply_error(c, "ERR source and destination objects are the same");
        return;
    }
    if (!keel_key_open(c, argv[1], KEEL_KEY_WRITE, &from) ||
        keel_key_open_in(c, db, argv[1], KEEL_KEY_WRITE, &to)) {
        keel_reply_int(c, 0);
        return;
    }
    keel_key_move(&from, &to);
    keel_key_ready(c, db, argv[1]);
    keel_key_changed(&from, KEEL_NOTIFY_GENERIC, "move_from");
    keys_also_changed(&to, db, "move_to");
    keel_reply_int(c, 1);
}

typedef struct CopyOptions {
    int db;
    bool replace;
} CopyOptions;

static bool parse_options(KeelCtx *c, const KeelStr *argv, int argc, CopyOptions *o) {
    for (int i = 3; i < argc; i++) {
        if (keel_is(argv[i], "replace")) {
            o->replace = true;
        } else if (i + 1 < argc && keel_is(argv[i], "db")) {
            if (!keys_db_argument(c, argv[++i], &o->db)) return false;
        } else {
            keel_reply_syntax(c);
            return false;
        }
    }
    return true;
}

void keys_copy(KeelCtx *c, const KeelStr *argv, int argc) {
    CopyOptions o = {.db = keel_db(c)};
    KeelKey from, to;
    if (!parse_options(c, argv, argc, &o)) return;
    if (o.db == keel_db(c) && keel_equal(argv[1], argv[2])) {
        keel_reply_error(c, "ERR source and destination objects are the same");
        return;
    }
    bool found = keel_key_open(c, argv[1], KEEL_KEY_READ, &from), there = false;
    if (found) there = keel_key_open_in(c, o.db, argv[2], KEEL_KEY_WRITE, &to);
    if (!found || (there && !o.replace)) {
        keel_reply_int(c, 0);
        return;
    }
    if (!keel_key_copy(&from, &to)) {
        /* Bytes can always be copied, unless there is no room for them. */
        const KeelType *type = keel_key_type(&from);
        keel_reply_error(c, type->bytes  ? "ERR insufficient memory for a copy"
                            : type->copy ? "ERR module key failed to copy"
                                         : "ERR not supported for this module key");
        return;
    }
    keel_key_ready(c, o.db, argv[2]);
    /* What is replaced counts as removed, so the copy is a new key, as in Redis. */
    if (there) keel_key_notify(&to, KEEL_NOTIFY_NEW, "new");
    keel_key_changed(&to, KEEL_NOTIFY_GENERIC, "copy_to");
    keel_reply_int(c, 1);
}
