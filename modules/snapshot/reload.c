/* reload.c - DEBUG RELOAD: the dataset to disk and back, so that tests see what a restart would do.
 *
 * The loading is done between turns while the asking client waits, so that others are served (and
 * refused) as they are at start. Where nobody may wait, in a transaction, it is done at once. */
#include "snapshot.h"

#include <string.h>

typedef struct Reload {
    bool save, flush, merge;
    bool ready, good;
    uint64_t block;
    bool gone;              /* nobody waits any more */
} Reload;

static bool parse(KeelCtx *c, const KeelStr *argv, int argc, Reload *r) {
    *r = (Reload){.save = true, .flush = true};
    for (int i = 2; i < argc; i++) {
        if (keel_is(argv[i], "merge")) r->merge = true;
        else if (keel_is(argv[i], "noflush")) r->flush = false;
        else if (keel_is(argv[i], "nosave")) r->save = false;
        else {
            keel_reply_error(c, "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE "
                                "options.");
            return false;
        }
    }
    return true;
}

static bool load(KeelCtx *c, const Reload *r) {
    if (r->flush) {
        kept_flush(c);
        keel_db_flush(c, -1, false);
    }
    int rc = store_load(c, r->merge);
    if (rc == 0) keel_log(KEEL_LOG_WARNING, "DB reloaded by DEBUG RELOAD");
    return rc == 0;
}

static void answer(KeelCtx *c, bool good) {
    if (good) keel_reply_ok(c);
    else keel_reply_error(c, "ERR Error trying to load the RDB dump, check server logs");
}

static void load_later(KeelCtx *c, void *data) {
    Reload *r = data;
    if (r->gone) {
        keel_free(r);
        return;
    }
    r->good = load(c, r);
    r->ready = true;
    if (r->gone) keel_free(r);
    else keel_unblock(r->block);
}

static bool retry(KeelCtx *c, const KeelStr *argv, int argc, KeelStr key, void *data) {
    (void)argv, (void)argc, (void)key;
    const Reload *r = data;
    if (r->ready) answer(c, r->good);
    return r->ready;
}

/* The work that was posted still has it, unless it is done. */
static void release(void *data) {
    Reload *r = data;
    if (r->ready) keel_free(r);
    else r->gone = true;
}

static void reload(KeelCtx *c, const KeelStr *argv, int argc) {
    Reload options;
    if (!parse(c, argv, argc, &options)) return;
    if (loading_now()) { /* aside, as the gate lets nobody come here else */
        keel_reply_error(c, "LOADING Redis is loading the dataset in memory");
        return;
    }
    if (options.save && store_save(c) != 0) {
        keel_reply_error(c, "ERR");
        return;
    }
    keel_journal_nothing(c);
    Reload *r = keel_alloc(sizeof(*r));
    *r = options;
    KeelBlock block = {.size = sizeof(block), .retry = retry, .free = release, .data = r};
    r->block = keel_block(c, &block);
    if (r->block) {
        keel_post(load_later, r);
    } else {
        answer(c, load(c, r));
        keel_free(r);
    }
}

static const char *const help[] = {
    "RELOAD [<option> ...]",
    "    Save the dataset and load it again. Options: MERGE (keys that are there are replaced),",
    "    NOFLUSH (what is in memory stays), NOSAVE (load what is on disk).",
    NULL,
};

const KeelDebug debug_reload = {
    .size = sizeof(KeelDebug), .call = reload, .help = help, .arity = -2};
