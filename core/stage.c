/* stage.c - the stage: a second set of databases, which a dataset is put together in while the one
 * in use is served.
 *
 * A context enters it by pointing to a database of that set; keys that are opened through such a
 * context lie there, and the one word `staged` beside their tables keeps hooks, journal and waiting
 * clients from hearing of them. The exchange moves tables, not keys: it costs the same whatever they
 * hold, and entries, expiries, clocks and counts by type come along as they are. */
#include "block.h"
#include "hook.h"
#include "keyspace.h"

#include <keel/log.h>

Db *stage_dbs;

bool keel_stage_begin(void) {
    if (stage_dbs) return false;
    stage_dbs = keel_zalloc((size_t)db_count * sizeof(Db));
    for (int i = 0; i < db_count; i++) {
        db_init(&stage_dbs[i], i);
        stage_dbs[i].staged = true;
    }
    return true;
}

bool keel_stage_there(void) {
    return stage_dbs != NULL;
}

void keel_stage_enter(KeelCtx *c) {
    KEEL_ASSERT(stage_dbs != NULL);
    c->db = &stage_dbs[c->db->id];
}

void keel_stage_leave(KeelCtx *c) {
    c->db = &dbs[c->db->id];
}

void keel_stage_swap(KeelCtx *c) {
    KEEL_ASSERT(stage_dbs != NULL && !c->db->staged);
    KeelFlushEvent event = {.db = -1, .phase = KEEL_BEFORE, .lazy = true, .replaced = true};
    hooks_call(c, KEEL_EVENT_FLUSH, &event);
    for (int i = 0; i < db_count; i++) db_exchange(&dbs[i], &stage_dbs[i]);
    for (int i = 0; i < db_count; i++) {
        block_key_gone(i, (KeelStr){NULL, 0});
        block_databases_swapped(i, i);
    }
    event.phase = KEEL_AFTER;
    hooks_call(c, KEEL_EVENT_FLUSH, &event);
}

void keel_stage_end(bool lazy) {
    KEEL_ASSERT(stage_dbs != NULL);
    for (int i = 0; i < db_count; i++) {
        db_empty(&stage_dbs[i], lazy);
        table_release(&stage_dbs[i].keys);
        table_release(&stage_dbs[i].expiring);
    }
    keel_free(stage_dbs);
    stage_dbs = NULL;
}
