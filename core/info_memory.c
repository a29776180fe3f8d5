/* info_memory.c - where the memory is: for INFO's section and for modules that report on it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <keel/memory.h>
#include <keel/thread.h>

#include "client.h"
#include "keyspace.h"
#include "mem.h"
#include "stats.h"

/* --- facts -------------------------------------------------------------------------------- */

/* The pages that the system keeps in memory for us. */
static size_t resident_set(void) {
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (len <= 0) return 0;
    text[len] = '\0';
    char *second = strchr(text, ' ');
    return second ? strtoull(second, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Entries are data; buckets are not. */
void keel_db_overhead(int db, size_t *keys, size_t *expiring) {
    *keys = table_memory(&dbs[db].keys);
    *expiring = table_memory(&dbs[db].expiring);
}

/* `facts` may be shorter than our struct: what lies past its end is not written. */
void keel_memory_facts(KeelMemoryFacts *facts) {
    KeelMemoryFacts f = {.size = facts->size, .used = keel_mem_used(),
                         .startup = stats.startup_memory, .resident_set = resident_set()};
    if (f.used > stats.peak_memory) stats.peak_memory = f.used;
    f.peak = stats.peak_memory;
    mem_allocator_stats(&f.allocated, &f.active, &f.resident);
    if (!f.allocated) {
        /* The allocator cannot tell: what we asked for lies in what the system gave us. */
        f.allocated = f.used;
        f.active = f.resident = f.resident_set;
    }
    memcpy(f.clients, clients_memory, sizeof(f.clients));
    for (int db = 0; db < db_count; db++) {
        size_t keys, expiring;
        keel_db_overhead(db, &keys, &expiring);
        f.tables += keys + expiring;
    }
    f.allocator = mem_allocator_name();
    memcpy(facts, &f, facts->size < sizeof(f) ? facts->size : sizeof(f));
}

void keel_mem_purge(void) {
    mem_purge();
}

/* --- INFO's section ----------------------------------------------------------------------- */

static double ratio(size_t a, size_t b) {
    return b ? (double)a / (double)b : 0;
}

void keel_info_bytes(KeelInfo *info, const char *name, size_t bytes) {
    static const char units[] = "BKMGTP";
    char human[64];
    keel_info_int(info, name, (int64_t)bytes);
    snprintf(human, sizeof(human), "%s_human", name);
    int unit = 0;
    double scaled = (double)bytes;
    while (scaled >= 1024 && units[unit + 1]) {
        scaled /= 1024;
        unit++;
    }
    if (unit) keel_info_field(info, human, "%.2f%c", scaled, units[unit]);
    else keel_info_field(info, human, "%zuB", bytes);
}

/* Overhead is what an empty server takes, what connections take, and tables; the dataset is the
 * rest. Differences may be negative (pages that were never touched), so they are shown signed. */
void info_write_memory(KeelInfo *info) {
    KeelMemoryFacts f = {.size = sizeof(f)};
    keel_memory_facts(&f);
    size_t overhead = f.startup + f.tables;
    for (size_t i = 0; i < sizeof(f.clients) / sizeof(f.clients[0]); i++) overhead += f.clients[i];
    size_t net = f.used > f.startup ? f.used - f.startup : 0;
    size_t dataset = f.used > overhead ? f.used - overhead : 0;

    keel_info_bytes(info, "used_memory", f.used);
    keel_info_bytes(info, "used_memory_rss", f.resident_set);
    keel_info_bytes(info, "used_memory_peak", f.peak);
    keel_info_field(info, "used_memory_peak_perc", "%.2f%%", ratio(f.used, f.peak) * 100);
    keel_info_int(info, "used_memory_overhead", (int64_t)overhead);
    keel_info_int(info, "used_memory_startup", (int64_t)f.startup);
    keel_info_int(info, "used_memory_dataset", (int64_t)dataset);
    keel_info_field(info, "used_memory_dataset_perc", "%.2f%%", ratio(dataset, net) * 100);
    keel_info_int(info, "allocator_allocated", (int64_t)f.allocated);
    keel_info_int(info, "allocator_active", (int64_t)f.active);
    keel_info_int(info, "allocator_resident", (int64_t)f.resident);
    keel_info_bytes(info, "total_system_memory",
                    (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE));
    keel_info_field(info, "allocator_frag_ratio", "%.2f", ratio(f.active, f.allocated));
    keel_info_int(info, "allocator_frag_bytes", (int64_t)(f.active - f.allocated));
    keel_info_field(info, "allocator_rss_ratio", "%.2f", ratio(f.resident, f.active));
    keel_info_int(info, "allocator_rss_bytes", (int64_t)(f.resident - f.active));
    keel_info_field(info, "rss_overhead_ratio", "%.2f", ratio(f.resident_set, f.resident));
    keel_info_int(info, "rss_overhead_bytes", (int64_t)(f.resident_set - f.resident));
    keel_info_field(info, "mem_fragmentation_ratio", "%.2f", ratio(f.resident_set, f.used));
    keel_info_int(info, "mem_fragmentation_bytes", (int64_t)(f.resident_set - f.used));
    keel_info_int(info, "mem_clients_normal",
                  (int64_t)(f.clients[KEEL_CLIENT_NORMAL] + f.clients[KEEL_CLIENT_PUBSUB]));
    keel_info_field(info, "mem_allocator", "%s", f.allocator);
    keel_info_int(info, "lazyfree_pending_objects", (int64_t)keel_background_pending());
    keel_info_int(info, "lazyfreed_objects", (int64_t)stats.lazy_freed);
}
