/* loading.c - the time while a dataset loads: a gate refuses what needs data, clients are served
 * every so many bytes, and INFO tells how far it is. */
#include "snapshot.h"

#include <time.h>

int loading_gate;

static struct {
    bool on;
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
    KeelLoadingEvent event = {.phase = phase, .what = state.what, .total = state.total};
    keel_event_send(c, KEEL_EVENT_LOADING, &event);
}

void loading_begin(KeelCtx *c, const char *what, uint64_t total) {
    state.on = true;
    state.c = c;
    state.what = what;
    state.start = time(NULL);
    state.total = total;
    state.done = state.memory = 0;
    state.next = (uint64_t)serve_interval;
    last_loaded = last_expired = 0;
    keel_gate_arm(loading_gate, true);
    tell(c, KEEL_BEFORE);
}

bool loading_progress(uint64_t done) {
    state.done = done;
    if (__builtin_expect(done < state.next, 1)) return false;
    state.next = done + (uint64_t)serve_interval;
    KeelLoadingEvent event = {.what = state.what, .done = done, .total = state.total};
    keel_event_send(state.c, KEEL_EVENT_LOADING_PROGRESS, &event);
    return keel_serve();
}

/* What was loaded is no change: it is on disk. */
void loading_end(KeelCtx *c, bool good) {
    if (good) store_saved_up_to_now();
    state.on = false;
    keel_gate_arm(loading_gate, false);
    tell(c, good ? KEEL_AFTER : KEEL_FAILED);
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
    keel_info_int(info, "loading", state.on);
    keel_info_int(info, "async_loading", 0);
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
