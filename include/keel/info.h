/* keel/info.h - INFO: sections that modules write, and the server's counters. */
#ifndef KEEL_INFO_H
#define KEEL_INFO_H

#include <keel/base.h>

typedef struct KeelInfo KeelInfo;

typedef struct KeelInfoSection {
    const char *name;   /* "Memory"; asked for in either case */
    int rank;           /* order: Server 10, Clients 20, Memory 30, Persistence 40, Stats 50,
                           Replication 60, CPU 70, Modules 80, Commandstats 90, Errorstats 100,
                           Latencystats 110, Cluster 120, Keyspace 130, others 200;
                           from 1000 on only when asked for by name */
    bool on_demand;     /* only when asked for by name, "all" or "everything" */
    void (*write)(KeelInfo *info);
    bool several;       /* .write begins sections of its own, with keel_info_begin(): their names are
                           not known before */
} KeelInfoSection;

/* In the .write of a row that has .several: begins a section. False: nobody asked for it, under its
 * name, that of its `group`, "modules" or "everything"; then its fields are not to be written. */
KEEL_API bool keel_info_begin(KeelInfo *info, const char *name, const char *group);

/* Adds "name:value". Several modules may write to sections of one name: they are joined. */
KEEL_API void keel_info_field(KeelInfo *info, const char *name, const char *format, ...)
    KEEL_PRINTF(3, 4);
KEEL_API void keel_info_int(KeelInfo *info, const char *name, int64_t v);
/* Adds "name:bytes" and, for people, "name_human:1.50M". */
KEEL_API void keel_info_bytes(KeelInfo *info, const char *name, size_t bytes);
/* Builds the text for the named sections (none: the default ones). Free it with
 * keel_info_free(). */
KEEL_API char *keel_info_text(const KeelStr *names, int n, size_t *len);
KEEL_API void keel_info_free(char *text);

/* Counters of the host's, by INFO's names: "total_commands_processed", "keyspace_hits",
 * "expired_keys" ... 0 for unknown ones. */
KEEL_API int64_t keel_stat(const char *name);
/* Adds to "evicted_keys" and such, which modules count. */
KEEL_API void keel_stat_add(const char *name, int64_t n);

/* One error reply more under its first word, as errorstats shows. Replies do it by themselves. */
KEEL_API void keel_error_each(bool (*each)(const char *code, uint64_t count, void *data),
                              void *data);
#endif
