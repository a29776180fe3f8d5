/* sections.c - INFO commandstats, errorstats and, only when asked for by name, modulestats.
 *
 * Lines of commandstats have Redis's five fields and no more: tools read them by position. Which
 * module a command is of is therefore summed up in a section of its own. */
#include "stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What would break the line apart is replaced. */
void field_name(char *out, size_t room, const char *prefix, const char *name) {
    snprintf(out, room, "%s%s", prefix, name);
    for (char *p = out; *p; p++) {
        if (strchr("#:\n\r", *p)) *p = '_';
    }
}

typedef struct Walk {
    CommandEach *each;
    void *data;
} Walk;

static bool walk_step(const KeelCommandRef *cmd, void *data) {
    Walk *walk = data;
    if (!walk->each(cmd, walk->data)) return false;
    keel_command_each(cmd, walk->each, walk->data);
    return true;
}

void command_walk(CommandEach *each, void *data) {
    Walk walk = {each, data};
    keel_command_each(NULL, walk_step, &walk);
}

/* Commands that nobody called, not even wrongly, are left out. */
static bool write_command(const KeelCommandRef *cmd, void *data) {
    KeelCommandStats s;
    char name[160];
    keel_command_stats(cmd, &s);
    if (!s.calls && !s.rejected && !s.failed) return true;
    field_name(name, sizeof(name), "cmdstat_", keel_command_name(cmd));
    double us = (double)s.nanoseconds / 1000;
    keel_info_field(data, name,
                    "calls=%" PRIu64 ",usec=%.0f,usec_per_call=%.2f,rejected_calls=%" PRIu64
                    ",failed_calls=%" PRIu64,
                    s.calls, us, s.calls ? us / (double)s.calls : 0, s.rejected, s.failed);
    return true;
}

void sections_commands(KeelInfo *info) {
    command_walk(write_command, info);
}

static bool write_error(const char *code, uint64_t count, void *data) {
    char name[80];
    field_name(name, sizeof(name), "errorstat_", code);
    keel_info_field(data, name, "count=%" PRIu64, count);
    return true;
}

void sections_errors(KeelInfo *info) {
    keel_error_each(write_error, info);
}

static bool write_module(const KeelModuleInfo *m, void *data) {
    char name[80];
    double us = (double)m->nanoseconds / 1000;
    if (!m->commands) return true;
    field_name(name, sizeof(name), "modulestat_", m->name);
    keel_info_field(data, name, "commands=%zu,calls=%" PRIu64 ",usec=%.0f,usec_per_call=%.2f,"
                    "failed_calls=%" PRIu64,
                    m->commands, m->calls, us, m->calls ? us / (double)m->calls : 0, m->failed);
    return true;
}

void sections_modules(KeelInfo *info) {
    keel_module_each(write_module, info);
}
