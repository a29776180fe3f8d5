/* module_check.c - is this constant one that this host can use? Asked before any code of the module
 * runs.
 *
 * Three kinds of doubt. The sizes: the module was compiled against an older or newer header, so
 * shorter structs are read as if zeros followed, and longer ones are taken as long as what we do
 * not know is zero. The pointers: a constant of a damaged or hand-made library may point anywhere,
 * so each pointer is looked for in what the dynamic linker has mapped, text in readable segments,
 * handlers in executable ones, before it is followed. The contents: names, required fields,
 * duplicates. What a command, a type or a setting means is checked by the rooms that register
 * them. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "module_load.h"

#include <keel.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    ROW_SIZE_MAX = 4096,      /* nothing that we declare will ever be this large */
    ROWS_MAX = 10000,
    TEXT_MAX = 64 * 1024,
    SEGMENTS_MAX = 1024,
    SUBCOMMAND_DEPTH = 2,
};

/* Mapped parts of all shared objects. */
typedef struct Segment {
    uintptr_t low, high;
    unsigned flags;           /* PF_R, PF_W, PF_X; 0: what lies here the linker has protected */
} Segment;

typedef struct Check {
    const Module *module;
    Segment *segments;
    size_t count, last;       /* last: where the previous address was found */
    bool trusted;             /* tables made at run time by a loader: pointers are not checked */
    char *error;
    size_t room;
} Check;

static int fail(const Check *c, const char *format, ...) KEEL_PRINTF(2, 3);
static int fail(const Check *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(c->error, c->room, format, args);
    va_end(args);
    return -1;
}

static int gather(struct dl_phdr_info *object, size_t size, void *data) {
    (void)size;
    Check *c = data;
    for (int i = 0; i < object->dlpi_phnum && c->count < SEGMENTS_MAX; i++) {
        const ElfW(Phdr) *p = &object->dlpi_phdr[i];
        uintptr_t low = object->dlpi_addr + p->p_vaddr, high = low + p->p_memsz;
        if (p->p_type == PT_GNU_RELRO) {
            c->segments[c->count++] = (Segment){low, high & -(uintptr_t)sysconf(_SC_PAGESIZE), 0};
        } else if (p->p_type == PT_LOAD && (p->p_flags & PF_R)) {
            c->segments[c->count++] = (Segment){low, high, p->p_flags};
        }
    }
    return 0;
}

static bool is_protected(const Check *c, uintptr_t at) {
    for (size_t i = 0; i < c->count; i++) {
        const Segment *s = &c->segments[i];
        if (!s->flags && at >= s->low && at < s->high) return true;
    }
    return false;
}

/* The bytes from `p` to the end of its segment; 0: not an address of any shared object, or not of
 * one with these flags. */
static size_t readable(Check *c, const void *p, unsigned flags) {
    uintptr_t at = (uintptr_t)p;
    if ((flags & PF_W) && is_protected(c, at)) return 0;
    flags |= PF_R;
    for (size_t i = 0; i < c->count; i++) {
        const Segment *s = &c->segments[(c->last + i) % c->count];
        if (at < s->low || at >= s->high || (s->flags & flags) != flags) continue;
        c->last = (size_t)(s - c->segments);
        return s->high - at;
    }
    return 0;
}

static bool is_data(Check *c, const void *p, size_t len, unsigned flags) {
    return c->trusted || readable(c, p, flags) >= len;
}

static bool is_text(Check *c, const char *s) {
    if (c->trusted) return true;
    size_t room = readable(c, s, 0);
    return room && strnlen(s, room < TEXT_MAX ? room : TEXT_MAX) < room;
}

static bool is_code(Check *c, const void *p) {
    return c->trusted || readable(c, p, PF_X) > 0;
}

/* What a row of a table points to. */
typedef enum Kind { TEXT, CODE, DATA, WRITTEN } Kind;
typedef struct Field {
    const char *name;
    uint16_t offset;
    uint8_t kind, required;
} Field;
#define FIELD(type, member, kind, required) {#member, offsetof(type, member), kind, required}

static const Field command_fields[] = {
    FIELD(KeelCommand, name, TEXT, 1),       FIELD(KeelCommand, args, TEXT, 0),
    FIELD(KeelCommand, call, CODE, 0),       FIELD(KeelCommand, summary, TEXT, 0),
    FIELD(KeelCommand, since, TEXT, 0),      FIELD(KeelCommand, complexity, TEXT, 0),
    FIELD(KeelCommand, group, TEXT, 0),      FIELD(KeelCommand, keys, TEXT, 0),
    FIELD(KeelCommand, categories, TEXT, 0), FIELD(KeelCommand, tips, TEXT, 0),
    FIELD(KeelCommand, history, TEXT, 0),    FIELD(KeelCommand, deprecated, TEXT, 0),
    FIELD(KeelCommand, subcommands, DATA, 0), FIELD(KeelCommand, get_keys, CODE, 0), {0}};
static const Field type_fields[] = {
    FIELD(KeelType, name, TEXT, 1),     FIELD(KeelType, opcodes, DATA, 0),
    FIELD(KeelType, opcode, CODE, 0),   FIELD(KeelType, save, CODE, 0),
    FIELD(KeelType, load, CODE, 0),     FIELD(KeelType, rewrite, CODE, 0),
    FIELD(KeelType, free, CODE, 0),     FIELD(KeelType, free_effort, CODE, 0),
    FIELD(KeelType, copy, CODE, 0),     FIELD(KeelType, length, CODE, 0),
    FIELD(KeelType, memory, CODE, 0),   FIELD(KeelType, digest, CODE, 0),
    FIELD(KeelType, encoding, CODE, 0), FIELD(KeelType, defragment, CODE, 0),
    FIELD(KeelType, unlink, CODE, 0),   FIELD(KeelType, operations, DATA, 0),
    FIELD(KeelType, aux_save, CODE, 0), FIELD(KeelType, aux_load, CODE, 0), {0}};
static const Field config_fields[] = {
    FIELD(KeelConfig, name, TEXT, 1),    FIELD(KeelConfig, alias, TEXT, 0),
    FIELD(KeelConfig, var, WRITTEN, 0),  FIELD(KeelConfig, value, TEXT, 0),
    FIELD(KeelConfig, words, DATA, 0),   FIELD(KeelConfig, check, CODE, 0),
    FIELD(KeelConfig, apply, CODE, 0),   FIELD(KeelConfig, get, CODE, 0),
    FIELD(KeelConfig, set, CODE, 0),     FIELD(KeelConfig, rewrite, CODE, 0), {0}};
static const Field info_fields[] = {FIELD(KeelInfoSection, name, TEXT, 1),
                                    FIELD(KeelInfoSection, write, CODE, 1), {0}};
static const Field gate_fields[] = {
    FIELD(KeelGate, name, TEXT, 1), FIELD(KeelGate, id, WRITTEN, 1),
    FIELD(KeelGate, decide, CODE, 1), FIELD(KeelGate, refused, CODE, 0), {0}};
static const Field observer_fields[] = {FIELD(KeelObserver, name, TEXT, 1),
                                        FIELD(KeelObserver, id, WRITTEN, 1),
                                        FIELD(KeelObserver, seen, CODE, 1), {0}};
static const Field hook_fields[] = {FIELD(KeelHook, call, CODE, 1), {0}};
static const Field slot_fields[] = {FIELD(KeelSlot, name, TEXT, 1), FIELD(KeelSlot, id, WRITTEN, 1),
                                    FIELD(KeelSlot, free, CODE, 0), {0}};
static const Field subscriber_fields[] = {FIELD(KeelSubscriber, name, TEXT, 1),
                                          FIELD(KeelSubscriber, id, WRITTEN, 1),
                                          FIELD(KeelSubscriber, records, CODE, 1), {0}};
static const Field interface_fields[] = {FIELD(KeelInterface, name, TEXT, 1),
                                         FIELD(KeelInterface, functions, DATA, 1), {0}};
static const Field loader_fields[] = {
    FIELD(KeelLoader, name, TEXT, 1), FIELD(KeelLoader, symbol, TEXT, 1),
    FIELD(KeelLoader, load, CODE, 1), FIELD(KeelLoader, unload, CODE, 0),
    FIELD(KeelLoader, may_replace, CODE, 0), FIELD(KeelLoader, replace, CODE, 0),
    FIELD(KeelLoader, forget, CODE, 0), {0}};

/* The tables of a constant. Types are special: a list of pointers to rows. */
typedef struct Table {
    const char *name;
    uint16_t at, size_at;     /* of the pointer and of the row size in KeelModule */
    uint16_t row;             /* our row size */
    bool named;               /* rows begin with a name that no other row of the table has */
    const Field *fields;
} Table;
#define TABLE(member, size_member, type, named, fields)                                            \
    {"." #member, offsetof(KeelModule, member), offsetof(KeelModule, size_member), sizeof(type),   \
     named, fields}

static const Table command_table = TABLE(commands, command_size, KeelCommand, true, command_fields);
static const Table subcommand_table = {".subcommands", 0, 0, sizeof(KeelCommand), true,
                                       command_fields};
static const Table type_table = TABLE(types, type_size, KeelType, true, type_fields);
static const Table tables[] = {
    TABLE(configs, config_size, KeelConfig, true, config_fields),
    TABLE(info, info_size, KeelInfoSection, false, info_fields),
    TABLE(gates, gate_size, KeelGate, true, gate_fields),
    TABLE(observers, observer_size, KeelObserver, true, observer_fields),
    TABLE(hooks, hook_size, KeelHook, false, hook_fields),
    TABLE(slots, slot_size, KeelSlot, true, slot_fields),
    TABLE(subscribers, subscriber_size, KeelSubscriber, true, subscriber_fields),
    TABLE(provides, interface_size, KeelInterface, false, interface_fields),
    TABLE(loaders, loader_size, KeelLoader, true, loader_fields),
};

static const void *pointer_at(const void *row, size_t offset) {
    const void *p;
    memcpy(&p, (const char *)row + offset, sizeof(p));
    return p;
}

static bool all_zero(const char *bytes, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        if (bytes[i]) return false;
    }
    return true;
}

/* How messages call a row: "row 3 of .commands (get)". The name is shown once it is known to be
 * one. */
static const char *row_name(Check *c, const Table *t, size_t i, const void *row) {
    static char text[160];
    const char *name = NULL;
    if (t->fields[0].kind == TEXT && row) name = pointer_at(row, t->fields[0].offset);
    if (name && is_text(c, name)) {
        snprintf(text, sizeof(text), "row %zu of %s (%.64s)", i + 1, t->name, name);
    } else {
        snprintf(text, sizeof(text), "row %zu of %s", i + 1, t->name);
    }
    return text;
}

static int check_fields(Check *c, const Table *t, size_t i, const void *row, size_t size) {
    for (const Field *f = t->fields; f->name; f++) {
        const void *p = f->offset + sizeof(p) <= size ? pointer_at(row, f->offset) : NULL;
        bool good = true;
        if (!p) {
            if (!f->required) continue;
            return fail(c, "%s has no .%s", row_name(c, t, i, row), f->name);
        }
        switch ((Kind)f->kind) {
        case TEXT: good = is_text(c, p); break;
        case CODE: good = is_code(c, p); break;
        case DATA: good = is_data(c, p, 1, 0); break;
        case WRITTEN: good = is_data(c, p, sizeof(int), PF_W); break;
        }
        static const char *const wanted[] = {[TEXT] = "text", [CODE] = "a function",
                                             [DATA] = "data", [WRITTEN] = "a variable"};
        if (!good) {
            return fail(c, ".%s of %s does not point to %s", f->name,
                        row_name(c, t, i, f->offset ? row : NULL), wanted[f->kind]);
        }
    }
    return 0;
}

/* One row: what we know of it, and that the rest is zero. */
static int check_row(Check *c, const Table *t, size_t i, const void *row, size_t size) {
    if (check_fields(c, t, i, row, size) != 0) return -1;
    if (!all_zero(row, t->row, size)) {
        return fail(c, "%s uses fields that this server does not know: it is for a newer one",
                    row_name(c, t, i, row));
    }
    return 0;
}

static int check_size(Check *c, const Table *t, size_t size) {
    if (size < sizeof(void *) || size > ROW_SIZE_MAX || size % sizeof(void *) != 0) {
        return fail(c, "the row size of %s is %zu, which cannot be: this server's is %u", t->name,
                    size, t->row);
    }
    return 0;
}

/* The rows of a table up to the empty one. The number of rows, or -1. */
static int count_rows(Check *c, const Table *t, const char *rows, size_t size) {
    size_t n = 0, known = size < t->row ? size : t->row;
    if (check_size(c, t, size) != 0) return -1;
    for (;; n++) {
        const char *row = rows + n * size;
        if (n > ROWS_MAX || !is_data(c, row, size, 0) || (uintptr_t)row % sizeof(void *) != 0) {
            return fail(c, "%s does not end: the last row must be empty", t->name);
        }
        if (all_zero(row, 0, known)) break;
        if (check_row(c, t, n, row, size) != 0) return -1;
    }
    if (n == 0) return fail(c, "%s is empty: leave it out, or add rows", t->name);
    for (size_t i = 0; t->named && i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            const char *name = pointer_at(rows + i * size, 0);
            if (strcasecmp(name, pointer_at(rows + k * size, 0)) != 0) continue;
            return fail(c, "%s has the name of row %zu", row_name(c, t, i, rows + i * size),
                        k + 1);
        }
    }
    return (int)n;
}

static int check_commands(Check *c, const char *rows, size_t size, int depth) {
    const Table *t = depth > 1 ? &subcommand_table : &command_table;
    int n = count_rows(c, t, rows, size);
    for (int i = 0; i < n; i++) {
        const char *row = rows + (size_t)i * size;
        size_t at = offsetof(KeelCommand, subcommands);
        const void *sub = at + sizeof(sub) <= size ? pointer_at(row, at) : NULL;
        if (!sub) continue;
        if (depth == SUBCOMMAND_DEPTH) {
            return fail(c, "%s has subcommands of its own", row_name(c, t, (size_t)i, row));
        }
        if (check_commands(c, sub, size, depth + 1) != 0) return -1;
    }
    return n < 0 ? -1 : 0;
}

static int check_types(Check *c, const KeelType *const *list, size_t size) {
    if (check_size(c, &type_table, size) != 0) return -1;
    for (size_t i = 0;; i++) {
        if (i > ROWS_MAX || !is_data(c, list + i, sizeof(*list), 0)) {
            return fail(c, ".types does not end: the last pointer must be NULL");
        }
        const KeelType *type = list[i];
        if (!type) return i ? 0 : fail(c, ".types is empty: leave it out, or add types");
        if (!is_data(c, type, size, 0) || (uintptr_t)type % sizeof(void *) != 0) {
            return fail(c, "pointer %zu of .types does not point to a type", i + 1);
        }
        if (check_row(c, &type_table, i, type, size) != 0) return -1;
    }
}

static int check_hooks(Check *c, const KeelModule *d) {
    for (size_t i = 0;; i++) {
        const KeelHook *hook = (const void *)((const char *)d->hooks + i * d->hook_size);
        if (!hook->call) return 0;
        if ((unsigned)hook->event < KEEL_EVENT_COUNT) continue;
        return fail(c, "row %zu of .hooks asks for event %d, which this server does not have",
                    i + 1, (int)hook->event);
    }
}

/* Interfaces and entry symbols belong to one module only: who asks for them gets no choice. */
static int check_shared(Check *c, const KeelModule *d) {
    const KeelInterface *in;
    const KeelLoader *loader;
    for (size_t i = 0; (in = module_row(d->provides, d->interface_size, i)) != NULL; i++) {
        if (in->version < 1) {
            return fail(c, "the interface %s has version %d", in->name, in->version);
        }
        for (const Module *m = module_first; m; m = m->next) {
            const KeelInterface *other;
            if (m->replaced) continue;
            for (size_t k = 0;
                 (other = module_row(m->decl.provides, m->decl.interface_size, k)) != NULL; k++) {
                if (strcmp(other->name, in->name) != 0 || other->version != in->version) continue;
                return fail(c, "the interface %s %d is already provided by module %s", in->name,
                            in->version, m->name);
            }
        }
    }
    for (size_t i = 0; (loader = module_row(d->loaders, d->loader_size, i)) != NULL; i++) {
        const Module *owner;
        if (module_loader_of(loader->symbol, &owner)) {
            return fail(c, "objects that export %s are already loaded by module %s",
                        loader->symbol, owner->name);
        }
    }
    return 0;
}

/* Foreign modules were named before anybody asked for more than that lists of names can be read. */
static bool good_foreign_name(const char *s) {
    size_t len = strlen(s);
    for (size_t i = 0; i < len; i++) {
        if (s[i] <= ' ' || s[i] > '~' || strchr("\"',=[]|", s[i])) return false;
    }
    return len > 0 && len <= MODULE_NAME_MAX;
}

static bool good_name(const char *s) {
    size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_");
    return len > 0 && len <= MODULE_NAME_MAX && s[len] == '\0';
}

/* "1", "1.2" or "1.2.3". */
static bool good_version(const char *s) {
    for (int part = 0; part < 3; part++) {
        size_t digits = strspn(s, "0123456789");
        if (digits < 1 || digits > 4) return false;
        s += digits;
        if (*s == '\0') return true;
        if (*s++ != '.') return false;
    }
    return false;
}

/* Name, version and the like; the first that is wrong is told. */
static int check_identity(Check *c, const KeelModule *d) {
    if (!d->name || !is_text(c, d->name)) return fail(c, "the constant has no .name");
    if (c->trusted && !good_foreign_name(d->name)) {
        return fail(c, "the name '%.80s' is not 1 to %d visible characters, or has one of \"',=[]|",
                    d->name, MODULE_NAME_MAX);
    }
    if (!c->trusted && !good_name(d->name)) {
        return fail(c, "the name '%.80s' is not 1 to %d of a-z, 0-9, '-' and '_'", d->name,
                    MODULE_NAME_MAX);
    }
    if (!d->version || !is_text(c, d->version) || !good_version(d->version)) {
        return fail(c, "module %s has no .version like \"1.2.3\"", d->name);
    }
    if (!d->summary || !is_text(c, d->summary) || !*d->summary) {
        return fail(c, "module %s has no .summary", d->name);
    }
    if (d->needs && !is_text(c, d->needs)) return fail(c, ".needs points to nothing");
    if ((d->load && !is_code(c, (const void *)d->load)) ||
        (d->unload && !is_code(c, (const void *)d->unload))) {
        return fail(c, ".load or .unload of module %s is not code", d->name);
    }
    if (!d->self || !is_data(c, d->self, sizeof(KeelSelf), PF_W)) {
        return fail(c, "module %s has no .self: use KEEL_MODULE", d->name);
    }
    const Module *old = c->module->replaces;
    if (old && strcmp(old->name, d->name) != 0) {
        return fail(c, "it is module %s, which cannot take the place of module %s", d->name,
                    old->name);
    }
    Module *same = module_by_name(keel_str(d->name));
    if (same) {
        return fail(c, "module %s is already loaded, from %s: unload that one first", d->name,
                    *same->path ? same->path : "the server itself");
    }
    return 0;
}

static int check_tables(Check *c, const KeelModule *d) {
    if (d->commands && check_commands(c, (const char *)d->commands, d->command_size, 1) != 0) {
        return -1;
    }
    if (d->types && check_types(c, d->types, d->type_size) != 0) return -1;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        const Table *t = &tables[i];
        const char *rows = pointer_at(d, t->at);
        uint16_t size;
        memcpy(&size, (const char *)d + t->size_at, sizeof(size));
        if (rows && count_rows(c, t, rows, size) < 0) return -1;
    }
    if (d->hooks && check_hooks(c, d) != 0) return -1;
    return check_shared(c, d);
}

int module_check_abi(uint32_t size, uint32_t abi, char *error, size_t room) {
    if (abi != KEEL_ABI) {
        snprintf(error, room,
                 "it was built for version %u of the module interface, this server has version "
                 "%d: build it again with this server's keel.h", abi, KEEL_ABI);
        return -1;
    }
    if (size < offsetof(KeelModule, needs) || size > ROW_SIZE_MAX || size % sizeof(void *) != 0) {
        snprintf(error, room, "its constant says that it has %u bytes, which cannot be: this "
                 "server's has %zu", size, sizeof(KeelModule));
        return -1;
    }
    return 0;
}

/* Whether `words` of .needs are loaded. */
static int check_needs(Check *c, const KeelModule *d) {
    for (const char *at = d->needs; at && *at;) {
        size_t skip = strspn(at, " "), len = strcspn(at + skip, " ");
        KeelStr need = {at + skip, len};
        at += skip + len;
        if (!len || module_by_name(need)) continue;
        return fail(c, "module %s needs module %.*s, which is not loaded: %s", d->name,
                    (int)need.len, need.ptr,
                    module_is_queued(need) ? "put its loadmodule line first" : "load that first");
    }
    return 0;
}

int module_check(Module *m, const KeelModule *raw, bool trusted, char *error, size_t room) {
    Check c = {.module = m, .trusted = trusted, .error = error, .room = room};
    int result = -1;
    c.segments = keel_alloc(SEGMENTS_MAX * sizeof(Segment));
    if (!trusted) dl_iterate_phdr(gather, &c);
    if (!is_data(&c, raw, offsetof(KeelModule, needs), 0)) {
        fail(&c, "keel_module is not an object");
        goto out;
    }
    uint32_t size = raw->size;
    if (module_check_abi(size, raw->abi, error, room) != 0) goto out;
    if (!is_data(&c, raw, size, 0)) {
        fail(&c, "its constant is smaller than it says");
        goto out;
    }
    if (!all_zero((const char *)raw, sizeof(KeelModule), size)) {
        fail(&c, "its constant uses fields that this server does not know: it is for a newer one");
        goto out;
    }
    memset(&m->decl, 0, sizeof(m->decl));
    memcpy(&m->decl, raw, size < sizeof(KeelModule) ? size : sizeof(KeelModule));
    result = check_identity(&c, &m->decl) == 0 && check_needs(&c, &m->decl) == 0 &&
                     check_tables(&c, &m->decl) == 0 ? 0 : -1;
out:
    keel_free(c.segments);
    return result;
}
