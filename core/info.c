/* info.c - INFO's text: sections of the host and of modules, put in order and joined.
 *
 * A section is a row: a name, a rank and a function that writes fields. Rows of one name form one
 * section, whoever they belong to, so a module that adds a feature adds its fields to "Stats" as
 * well as bringing a section of its own. The text is built anew for every request, as nobody asks
 * often enough for caching to pay. */
#include "stats.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <keel/memory.h>
#include <keel/text.h>

#include "crash.h"
#include "module.h"

enum { BY_NAME_RANK = 1000 };

/* The text while it is written. It ends with a NUL that `len` does not count. */
struct KeelInfo {
    char *bytes;
    size_t len, room;
    const KeelStr *names;     /* that are asked for */
    int count;
};

typedef struct Section {
    KeelInfoSection row;
    struct Module *module;    /* NULL: the host */
    uint32_t order;           /* of registration: ranks that are equal keep it */
    bool written;             /* in the text that is being built */
} Section;

static Section *sections;
static size_t section_count, section_room;
static uint32_t section_order;

/* --- the registry ------------------------------------------------------------------------- */

static int section_compare(const void *a, const void *b) {
    const Section *x = a, *y = b;
    if (x->row.rank != y->row.rank) return x->row.rank < y->row.rank ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static void section_add(const KeelInfoSection *row, struct Module *module) {
    if (section_count == section_room) {
        section_room = section_room ? section_room * 2 : 16;
        sections = keel_realloc(sections, section_room * sizeof(*sections));
    }
    sections[section_count++] =
        (Section){.row = *row, .module = module, .order = section_order++};
}

/* The host's own rows are there from the first use on, whoever comes first. */
static void sections_start(void) {
    if (section_count) return;
    for (const KeelInfoSection *row = info_rows; row->name; row++) section_add(row, NULL);
    qsort(sections, section_count, sizeof(*sections), section_compare);
}

int info_register(struct Module *module) {
    sections_start();
    if (module == &module_core || !module->decl.info) return 0;
    size_t size = module->decl.info_size;
    const char *at = (const char *)module->decl.info;
    for (;; at += size) {
        KeelInfoSection row = {0};
        memcpy(&row, at, size < sizeof(row) ? size : sizeof(row));
        if (!row.name) break;
        section_add(&row, module);
    }
    qsort(sections, section_count, sizeof(*sections), section_compare);
    return 0;
}

void info_unregister(struct Module *module) {
    size_t kept = 0;
    for (size_t i = 0; i < section_count; i++) {
        if (sections[i].module != module) sections[kept++] = sections[i];
    }
    section_count = kept;
}

/* --- fields ------------------------------------------------------------------------------- */

/* Room for `more` bytes and the NUL; doubling keeps long texts linear. */
static void info_room(KeelInfo *info, size_t more) {
    if (info->room - info->len > more) return;
    info->room = (info->room + more) * 2;
    info->bytes = keel_realloc(info->bytes, info->room);
}

static void info_bytes(KeelInfo *info, const char *bytes, size_t len) {
    info_room(info, len);
    memcpy(info->bytes + info->len, bytes, len);
    info->len += len;
    info->bytes[info->len] = '\0';
}

static void info_cstr(KeelInfo *info, const char *s) {
    info_bytes(info, s, strlen(s));
}

/* Formatted twice, first to learn its length: values are short and INFO is seldom asked for.
 * A value's line breaks would become fields of their own: they are made spaces. */
void keel_info_field(KeelInfo *info, const char *name, const char *format, ...) {
    va_list args;
    info_cstr(info, name);
    info_bytes(info, ":", 1);
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len > 0) {
        info_room(info, (size_t)len + 1);
        va_start(args, format);
        vsnprintf(info->bytes + info->len, (size_t)len + 1, format, args);
        va_end(args);
        for (char *p = info->bytes + info->len, *end = p + len; p < end; p++) {
            if (*p == '\r' || *p == '\n') *p = ' ';
        }
        info->len += (size_t)len;
    }
    info_bytes(info, "\r\n", 2);
}

void keel_info_int(KeelInfo *info, const char *name, int64_t v) {
    char digits[KEEL_INT_ROOM];
    info_cstr(info, name);
    info_bytes(info, ":", 1);
    size_t len = keel_format_int(digits, v);
    info_bytes(info, digits, len);
    info_bytes(info, "\r\n", 2);
}

/* --- the text ----------------------------------------------------------------------------- */

/* Runs one row's writer; a crash in it is then blamed on its module. */
static void section_write(KeelInfo *info, const Section *section) {
    const void *outer = crash_module;
    crash_module = section->module;
    section->row.write(info);
    crash_module = outer;
}

/* Which groups of sections the names ask for, and whether this row is named itself. */
static bool section_wanted(const Section *section, const KeelStr *names, int n, bool all,
                           bool usual) {
    bool in_groups = section->row.rank < BY_NAME_RANK;
    if (in_groups && (all || (usual && !section->row.on_demand))) return true;
    for (int i = 0; i < n; i++) {
        if (keel_is(names[i], section->row.name)) return true;
    }
    return false;
}

static void info_head(KeelInfo *info, const char *name) {
    if (info->len) info_bytes(info, "\r\n", 2);
    info_bytes(info, "# ", 2);
    info_cstr(info, name);
    info_bytes(info, "\r\n", 2);
}

bool keel_info_begin(KeelInfo *info, const char *name, const char *group) {
    bool wanted = false;
    for (int i = 0; i < info->count && !wanted; i++) {
        KeelStr asked = info->names[i];
        wanted = keel_is(asked, "everything") || keel_is(asked, "modules") || keel_is(asked, name) ||
                 keel_is(asked, group);
    }
    if (wanted) info_head(info, name);
    return wanted;
}

/* Rows stand sorted by rank; the first one of a name brings all others of that name with it, so a
 * section is in the place of its lowest rank. */
char *keel_info_text(const KeelStr *names, int n, size_t *len) {
    KeelInfo info = {.room = 8192, .names = names, .count = n};
    info.bytes = keel_alloc(info.room);
    info.bytes[0] = '\0';
    bool all = false, usual = n == 0;
    for (int i = 0; i < n; i++) {
        if (keel_is(names[i], "all") || keel_is(names[i], "everything")) all = true;
        if (keel_is(names[i], "default")) usual = true;
    }
    sections_start();
    for (size_t i = 0; i < section_count; i++) sections[i].written = false;
    for (size_t i = 0; i < section_count; i++) {
        if (sections[i].row.several) {
            section_write(&info, &sections[i]);
            continue;
        }
        if (sections[i].written || !section_wanted(&sections[i], names, n, all, usual)) continue;
        info_head(&info, sections[i].row.name);
        for (size_t j = i; j < section_count; j++) {
            if (strcasecmp(sections[j].row.name, sections[i].row.name) != 0) continue;
            sections[j].written = true;
            section_write(&info, &sections[j]);
        }
    }
    if (len) *len = info.len;
    return info.bytes;
}

void keel_info_free(char *text) {
    keel_free(text);
}
