/* stats.c - the host's counters: by name for modules, as rates for INFO, and errors by code.
 *
 * Whoever has something to count adds to a field of `stats`; nothing here is on a hot path but
 * stats_error(). Rates are the mean of the last 16 samples, one per 100 ms, so a burst shows for
 * 1.6 seconds whatever hz is. */
#include "stats.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <keel/db.h>
#include <keel/log.h>
#include <keel/memory.h>
#include <keel/text.h>

#include "rates.h"

/* Added to wherever things happen, by the loop's thread; the background thread adds to lazy_freed
 * atomically. */
Stats stats;

/* --- counters by name ----------------------------------------------------------------------- */

/* What modules may ask for and add to. The names are INFO's where INFO shows the very number. */
typedef struct Counter {
    const char *name;
    size_t offset;            /* of a uint64_t in Stats */
    bool reset;               /* by CONFIG RESETSTAT */
} Counter;

#define COUNTER(name, field, reset) {name, offsetof(Stats, field), reset}

static const Counter counters[] = {
    COUNTER("total_commands_processed", commands, true),
    COUNTER("total_connections_received", connections, true),
    COUNTER("rejected_connections", rejected_connections, true),
    COUNTER("total_net_input_bytes", bytes_in, true),
    COUNTER("total_net_output_bytes", bytes_out, true),
    COUNTER("total_reads_processed", reads, true),
    COUNTER("total_writes_processed", writes, true),
    COUNTER("keyspace_hits", keyspace_hits, true),
    COUNTER("keyspace_misses", keyspace_misses, true),
    COUNTER("expired_keys", expired_keys, true),
    COUNTER("expired_time_cap_reached_count", expired_time_cap, true),
    COUNTER("evicted_keys", evicted_keys, true),
    COUNTER("evicted_clients", evicted_clients, true),
    COUNTER("total_error_replies", error_replies, true),
    COUNTER("unexpected_error_replies", unexpected_errors, true),
    COUNTER("total_forks", forks, true),
    COUNTER("latest_fork_usec", last_fork_us, true),
    COUNTER("client_query_buffer_limit_disconnections", dropped_query_limit, true),
    COUNTER("client_output_buffer_limit_disconnections", dropped_output_limit, true),
    COUNTER("lazyfreed_objects", lazy_freed, true),
    COUNTER("eventloop_cycles", turns, true),
    COUNTER("used_memory_peak", peak_memory, false),
    COUNTER("used_memory_startup", startup_memory, false),
    COUNTER("expire_cycle_cpu_microseconds", expire_cycle_us, true),
    COUNTER("unblocked_clients", unblocked, true),
    COUNTER("eventloop_duration_ticks", turn_ticks, true),
    COUNTER("eventloop_duration_max_ticks", turn_ticks_max, true),
    COUNTER("eventloop_duration_cron_nanoseconds", cron_ns, true),
    COUNTER("eventloop_cmd_per_cycle_max", commands_per_turn_max, true),
    COUNTER("dirty", dirty, false),
};

static uint64_t *counter_find(const char *name) {
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        if (strcmp(counters[i].name, name) == 0) {
            return (uint64_t *)((char *)&stats + counters[i].offset);
        }
    }
    return NULL;
}

int64_t keel_stat(const char *name) {
    const uint64_t *counter = counter_find(name);
    return counter ? (int64_t)*counter : 0;
}

void keel_stat_add(const char *name, int64_t n) {
    uint64_t *counter = counter_find(name);
    if (counter) *counter += (uint64_t)n;
}

/* --- errors by code ------------------------------------------------------------------------- */

/* Scripts and modules can make up codes without end, so only the first 128 are told apart; all
 * others share one entry. The array is sorted by code, as INFO shows it. */
enum { ERROR_CODES = 128, ERROR_CODE_ROOM = 32 };
static const char error_overflow[] = "ERRORSTATS_OVERFLOW";

typedef struct ErrorCode {
    char code[ERROR_CODE_ROOM];
    uint64_t count;
} ErrorCode;
static ErrorCode error_codes[ERROR_CODES + 1];
static int error_code_count;

/* Where `code` is, or where it belongs: *found tells which. */
static int error_place(const char *code, bool *found) {
    int low = 0, high = error_code_count;
    while (low < high) {
        int middle = (low + high) / 2, order = strcmp(code, error_codes[middle].code);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    *found = false;
    return low;
}

/* Names the codes, so that who made them up can be found. The log's words are those that tools look
 * for. */
static void log_overflow(void) {
    char codes[1024];
    size_t len = 0;
    for (int i = 0; i < error_code_count && len < sizeof(codes) - 1; i++) {
        int n = snprintf(codes + len, sizeof(codes) - len, "%s%s", i ? ", " : "",
                         error_codes[i].code);
        len += n > 0 ? (size_t)n : 0;
    }
    keel_log(KEEL_LOG_WARNING,
             "Errorstats stopped adding new errors because the number of errors reached the limit "
             "(%d): further ones are counted as %s.", ERROR_CODES, error_overflow);
    keel_log(KEEL_LOG_WARNING, "Current errors code list: %s%s", codes,
             len >= sizeof(codes) ? "..." : "");
}

/* Once the table is full, new codes go to the entry that all others share; so the last place is
 * kept for it. */
static void error_count(const char *code) {
    bool found;
    int at = error_place(code, &found);
    if (!found && error_code_count >= ERROR_CODES && strcmp(code, error_overflow) != 0) {
        error_count(error_overflow);
        return;
    }
    if (!found) {
        if (error_code_count == ERROR_CODES) {
            log_overflow();
        }
        memmove(&error_codes[at + 1], &error_codes[at],
                (size_t)(error_code_count - at) * sizeof(error_codes[0]));
        error_codes[at] = (ErrorCode){0};
        memcpy(error_codes[at].code, code, strlen(code) + 1);
        error_code_count++;
    }
    error_codes[at].count++;
}

/* The code is what stands before the first space of at most 31 bytes; a text without one counts as
 * ERR. */
void stats_error(KeelStr text) {
    stats.error_replies++;
    char code[ERROR_CODE_ROOM];
    size_t limit = text.len < sizeof(code) ? text.len : sizeof(code);
    const char *space = limit ? memchr(text.ptr, ' ', limit) : NULL;
    if (space && space > text.ptr && !memchr(text.ptr, '\0', (size_t)(space - text.ptr))) {
        size_t len = (size_t)(space - text.ptr);
        memcpy(code, text.ptr, len);
        code[len] = '\0';
    } else {
        memcpy(code, "ERR", 4);
    }
    error_count(code);
}

void keel_error_each(bool (*each)(const char *code, uint64_t count, void *data), void *data) {
    for (int i = 0; i < error_code_count; i++) {
        if (!each(error_codes[i].code, error_codes[i].count, data)) return;
    }
}

/* --- rates ---------------------------------------------------------------------------------- */

enum { SAMPLES = 16, SAMPLE_NS = 100 * 1000000 };

/* A counter as it was at the last sample, and what it gained per unit in the samples before. */
typedef struct RateTrack {
    uint64_t value, base;     /* at the last sample */
    double samples[SAMPLES];
} RateTrack;
static RateTrack rate_tracks[RATE_COUNT];
static int rate_next;
static int64_t rate_last_ns;

/* What a rate counts, and what it is divided by: time where `base` says NULL. */
static const struct {
    const uint64_t *value, *base;
} rate_sources[RATE_COUNT] = {
    [RATE_COMMANDS] = {&stats.commands, NULL},
    [RATE_BYTES_IN] = {&stats.bytes_in, NULL},
    [RATE_BYTES_OUT] = {&stats.bytes_out, NULL},
    [RATE_TURNS] = {&stats.turns, NULL},
    [RATE_TURN_TICKS] = {&stats.turn_ticks, &stats.turns},
};

void stats_sample(void) {
    uint64_t used = keel_mem_used();
    if (used > stats.peak_memory) stats.peak_memory = used;
    int64_t now = keel_monotonic_ns(), elapsed = now - rate_last_ns;
    if (rate_last_ns && elapsed < SAMPLE_NS) return;
    for (int i = 0; i < RATE_COUNT; i++) {
        RateTrack *track = &rate_tracks[i];
        uint64_t value = *rate_sources[i].value;
        uint64_t base = rate_sources[i].base ? *rate_sources[i].base : 0;
        /* A reset in between leaves the counters below the last sample's. */
        double gain = value >= track->value ? (double)(value - track->value) : 0;
        double over = rate_sources[i].base
                          ? (base > track->base ? (double)(base - track->base) : 0)
                          : (double)elapsed / 1e9;
        if (rate_last_ns) track->samples[rate_next] = over > 0 ? gain / over : 0;
        track->value = value;
        track->base = base;
    }
    if (rate_last_ns) rate_next = (rate_next + 1) % SAMPLES;
    rate_last_ns = now;
}

double rate_mean(Rate rate) {
    double sum = 0;
    for (int i = 0; i < SAMPLES; i++) sum += rate_tracks[rate].samples[i];
    return sum / SAMPLES;
}

/* --- reset ---------------------------------------------------------------------------------- */

/* The peak starts from what is in use, not from zero; what is no statistic (startup_memory, dirty)
 * stays. Commands' own counters are the command table's to reset. */
void stats_reset(void) {
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        uint64_t *counter = (uint64_t *)((char *)&stats + counters[i].offset);
        if (counters[i].reset) __atomic_store_n(counter, 0, __ATOMIC_RELAXED);
    }
    stats.expired_stale_percent = 0;
    stats.peak_memory = keel_mem_used();
    memset(rate_tracks, 0, sizeof(rate_tracks));
    error_code_count = 0;
}
