/* loading.c - the time while a dataset loads: a gate refuses what needs data, clients are served
 * every so many bytes, and INFO tells how far it is.
 *
 * A dataset that loads aside goes into a stage. The one in use stays whole, and may be served: then
 * another gate refuses only what must not happen meanwhile. */
#include "snapshot.h"

#include <time.h>

int loading_gate, async_loading_gate;

static struct {
    bool on, aside, serving;
    KeelCtx *c;
    const char *what;
    int64_t start;              /* seconds since 1970 */
    uint64_t total, done, next; /* bytes; clients are served at `next` */
    uint64_t memory;            /* that the data took where the file was written */
} state;

static uint64_t last_loaded, last_expired;

KeelVerdict loading_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)cmd, (void)argv, (void)argc;
    keel_reply_error(c, "LOADING Redis is loading the dataset in memory");
    return KEEL_ANSWERED;
}

static void tell(KeelCtx *c, KeelPhase phase) {
    KeelLoadingEvent event = {.phase = phase, .what = state.what, .total = state.total,
                              .aside = state.aside, .serving = state.serving};
    keel_event_send(c, KEEL_EVENT_LOADING, &event);
}

static void begin(KeelCtx *c, const char *what, uint64_t total, bool aside, bool serving) {
    state.on = true;
    state.aside = aside;
    state.serving = serving;
    state.c = c;
    state.what = what;
    state.start = time(NULL);
    state.total = total;
    state.done = state.memory = 0;
    state.next = (uint64_t)serve_interval;
    last_loaded = last_expired = 0;
    keel_gate_arm(serving ? async_loading_gate : loading_gate, true);
    tell(c, KEEL_BEFORE);
}

void loading_begin(KeelCtx *c, const char *what, uint64_t total) {
    begin(c, what, total, false, false);
}

bool loading_begin_aside(KeelCtx *c, const char *what, uint64_t total, bool serving) {
    if (state.on || kept_refused(true) || !keel_stage_begin()) return false;
    kept_stage(c, KEEL_STAGE_BEGIN);
    begin(c, what, total, true, serving);
    return true;
}

bool loading_now(void) {
    return state.on;
}

bool loading_aside(void) {
    return state.on && state.aside;
}

bool loading_progress(uint64_t done) {
    state.done = done;
    if (__builtin_expect(done < state.next, 1)) return false;
    state.next = done + (uint64_t)serve_interval;
    KeelLoadingEvent event = {.what = state.what, .done = done, .total = state.total,
                              .aside = state.aside, .serving = state.serving};
    /* The context of a load aside is in the stage: hooks get one of their own. */
    keel_event_send(state.aside ? NULL : state.c, KEEL_EVENT_LOADING_PROGRESS, &event);
    return keel_serve();
}

/* What was loaded in place is no change: it is on disk. The old dataset is freed when all have heard
 * that the new one has its place. */
void loading_end(KeelCtx *c, bool good) {
    if (state.aside) {
        kept_stage(c, good ? KEEL_STAGE_TAKE : KEEL_STAGE_DROP);
        if (good) keel_stage_swap(c);
    } else if (good) {
        store_saved_up_to_now();
    }
    state.on = false;
    keel_gate_arm(state.serving ? async_loading_gate : loading_gate, false);
    tell(c, good ? KEEL_AFTER : KEEL_FAILED);
    if (state.aside) keel_stage_end(true);
    state.aside = state.serving = false;
}

void loading_note_memory(uint64_t bytes) {
    state.memory = bytes;
}

void loading_note_counts(uint64_t loaded, uint64_t expired) {
    last_loaded = loaded;
    last_expired = expired;
}

/* --- INFO ----------------------------------------------------------------------------------- */

void loading_info_first(KeelInfo *info) {
    keel_info_int(info, "loading", state.on && !state.serving);
    keel_info_int(info, "async_loading", state.on && state.serving);
}

void loading_info_counts(KeelInfo *info) {
    keel_info_int(info, "rdb_last_load_keys_expired", (int64_t)last_expired);
    keel_info_int(info, "rdb_last_load_keys_loaded", (int64_t)last_loaded);
}

void loading_info_progress(KeelInfo *info) {
    if (!state.on) return;
    int64_t elapsed = time(NULL) - state.start, eta = 1;
    uint64_t total = state.total < state.done ? state.done : state.total;
    double share = total ? 100.0 * (double)state.done / (double)total : 0;
    if (elapsed && state.done) {
        eta = (int64_t)((double)elapsed * (double)(total - state.done) / (double)state.done);
    }
    keel_info_int(info, "loading_start_time", state.start);
    keel_info_int(info, "loading_total_bytes", (int64_t)state.total);
    keel_info_int(info, "loading_rdb_used_mem", (int64_t)state.memory);
    keel_info_int(info, "loading_loaded_bytes", (int64_t)state.done);
    keel_info_field(info, "loading_loaded_perc", "%.2f", share);
    keel_info_int(info, "loading_eta_seconds", eta);
}
