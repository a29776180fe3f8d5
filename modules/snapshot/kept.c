/* kept.c - the parts of a stream that belong to modules which may not be here: libraries of
 * functions, and what foreign modules say beside their keys.
 *
 * A module that knows them provides "snapshot.functions" or "snapshot.module-aux". While none does,
 * a file that has such parts still loads: they are kept as bytes and written again with the next
 * save, so that a file does not lose them by passing through this server. Those of a dataset that
 * loads aside are kept apart from those in use. */
#include "snapshot.h"

#include <stddef.h>
#include <string.h>

typedef struct Kept {
    KeelStr *items;
    size_t count;
} Kept;

typedef struct Set {
    Kept functions, aux_before, aux_after;
} Set;

static Set in_use, staged;
static Set *loads_into = &in_use;

static void keep(Kept *kept, KeelStr bytes) {
    kept->items = keel_realloc(kept->items, (kept->count + 1) * sizeof(*kept->items));
    kept->items[kept->count++] = (KeelStr){keel_strdup(bytes), bytes.len};
}

static void forget(Kept *kept) {
    for (size_t i = 0; i < kept->count; i++) keel_free((char *)(uintptr_t)kept->items[i].ptr);
    keel_free(kept->items);
    *kept = (Kept){0};
}

static const KeelSnapshotPart *part(const char *name) {
    return keel_interface(name, KEEL_SNAPSHOT_VERSION);
}

static void forget_set(Set *set) {
    forget(&set->functions);
    forget(&set->aux_before);
    forget(&set->aux_after);
}

void kept_flush(KeelCtx *c) {
    const KeelSnapshotPart *f = part("snapshot.functions"), *a = part("snapshot.module-aux");
    forget_set(&in_use);
    if (f && f->flush) f->flush(c);
    if (a && a->flush) a->flush(c);
}

/* --- aside ---------------------------------------------------------------------------------- */

#define HAS(part, field) \
    ((part)->size >= offsetof(KeelSnapshotPart, field) + sizeof((part)->field) && (part)->field)

static const char *part_refused(const char *name, bool aside) {
    const KeelSnapshotPart *p = part(name);
    if (!p) return NULL;
    if (aside && !HAS(p, stage)) return "there are modules that cannot load their data aside";
    return HAS(p, refused) ? p->refused(aside) : NULL;
}

const char *kept_refused(bool aside) {
    const char *why = part_refused("snapshot.module-aux", aside);
    return why ? why : part_refused("snapshot.functions", aside);
}

void kept_stage(KeelCtx *c, KeelStageStep step) {
    const KeelSnapshotPart *f = part("snapshot.functions"), *a = part("snapshot.module-aux");
    loads_into = step == KEEL_STAGE_BEGIN ? &staged : &in_use;
    if (step == KEEL_STAGE_TAKE) {
        forget_set(&in_use);
        in_use = staged;
        staged = (Set){0};
    }
    forget_set(&staged);
    if (f && HAS(f, stage)) f->stage(c, step);
    if (a && HAS(a, stage)) a->stage(c, step);
}

/* --- functions ------------------------------------------------------------------------------ */

static int emit_function(KeelSink *sink, KeelStr text) {
    keel_save_u8(sink, OP_FUNCTION2);
    return keel_save_string(sink, text);
}

int kept_save_functions(KeelSink *sink) {
    const KeelSnapshotPart *p = part("snapshot.functions");
    const Kept *kept = &in_use.functions;
    for (size_t i = 0; i < kept->count; i++) emit_function(sink, kept->items[i]);
    if (p) p->save(sink, false, emit_function);
    return sink->failed ? -1 : 0;
}

int kept_load_function(KeelCtx *c, KeelSource *source, bool merge) {
    const KeelSnapshotPart *p = part("snapshot.functions");
    char *text;
    size_t len;
    int rc = 0;
    if (keel_load_string(source, &text, &len) != 0) return -1;
    if (p) {
        rc = p->load(c, source, (KeelStr){text, len}, merge);
    } else {
        if (!loads_into->functions.count) {
            keel_log(KEEL_LOG_WARNING, "The file has functions, and no module for them is loaded: "
                                       "they are kept for the next save");
        }
        keep(&loads_into->functions, (KeelStr){text, len});
    }
    keel_free(text);
    return rc;
}

/* --- what modules say ----------------------------------------------------------------------- */

/* Parts of a module's data, each announced by its kind. */
enum { PART_END, PART_SIGNED, PART_UNSIGNED, PART_FLOAT, PART_DOUBLE, PART_STRING };

void module_type_name(uint64_t id, char name[10]) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (int i = 0; i < 9; i++) name[i] = letters[id >> (58 - 6 * i) & 63];
    name[9] = '\0';
}

static int copy_len(KeelSource *source, KeelSink *to, uint64_t *out) {
    if (keel_load_len(source, out, NULL) != 0) return -1;
    return keel_save_len(to, *out);
}

static int copy_raw(KeelSource *source, KeelSink *to, size_t len) {
    char bytes[8];
    if (keel_load_raw(source, bytes, len) != 0) return -1;
    return keel_save_raw(to, bytes, len);
}

static int copy_string(KeelSource *source, KeelSink *to) {
    char *bytes;
    size_t len;
    if (keel_load_string(source, &bytes, &len) != 0) return -1;
    keel_save_string(to, (KeelStr){bytes, len});
    keel_free(bytes);
    return 0;
}

/* Reads one module's parts up to their end, writing the same into `to`. */
static int copy_parts(KeelSource *source, KeelSink *to) {
    for (;;) {
        uint64_t kind, number;
        if (copy_len(source, to, &kind) != 0) return -1;
        int rc = 0;
        switch (kind) {
        case PART_END: return 0;
        case PART_SIGNED:
        case PART_UNSIGNED: rc = copy_len(source, to, &number); break;
        case PART_FLOAT: rc = copy_raw(source, to, 4); break;
        case PART_DOUBLE: rc = copy_raw(source, to, 8); break;
        case PART_STRING: rc = copy_string(source, to); break;
        default: return keel_load_fail(source, "unknown part of a module's data: %llu",
                                       (unsigned long long)kind);
        }
        if (rc != 0) return -1;
    }
}

static int keep_aux(KeelSource *source, KeelSink *to) {
    uint64_t id, kind, when;
    char name[10];
    if (copy_len(source, to, &id) != 0 || copy_len(source, to, &kind) != 0 ||
        copy_len(source, to, &when) != 0) {
        return -1;
    }
    if (kind != PART_UNSIGNED) return keel_load_fail(source, "bad when_opcode of a module's data");
    module_type_name(id, name);
    keel_log(KEEL_LOG_WARNING, "The file has data of the module type '%s', and no module for it is "
                               "loaded: they are kept for the next save", name);
    return copy_parts(source, to);
}

int kept_load_aux(KeelCtx *c, KeelSource *source, bool merge, bool after_keys) {
    const KeelSnapshotPart *p = part("snapshot.module-aux");
    if (p) return p->load(c, source, KEEL_LIT(""), merge);
    KeelMemorySink copy;
    keel_sink_memory(&copy);
    int rc = keep_aux(source, &copy.sink);
    Kept *kept = after_keys ? &loads_into->aux_after : &loads_into->aux_before;
    if (rc == 0) keep(kept, (KeelStr){copy.bytes, copy.len});
    keel_sink_free_memory(&copy);
    return rc;
}

static int emit_aux(KeelSink *sink, KeelStr bytes) {
    keel_save_u8(sink, OP_MODULE_AUX);
    return keel_save_raw(sink, bytes.ptr, bytes.len);
}

int kept_save_aux(KeelSink *sink, bool after_keys) {
    const KeelSnapshotPart *p = part("snapshot.module-aux");
    const Kept *kept = after_keys ? &in_use.aux_after : &in_use.aux_before;
    for (size_t i = 0; i < kept->count; i++) emit_aux(sink, kept->items[i]);
    if (p) p->save(sink, after_keys, emit_aux);
    return sink->failed ? -1 : 0;
}
