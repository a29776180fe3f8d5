/* row.c - one row of a module's command table, checked and made into a command.
 *
 * Whatever can be wrong with a row is found here, before any code of its module runs; the caller
 * adds which row it was. A row is copied, since a module that was built against an older header has
 * a shorter one; the texts in it stay the module's, whose tables outlive its commands. */
#include "command.h"
#include "keyspec.h"
#include "module.h"

#include <keel/memory.h>
#include <stdarg.h>
#include <stdio.h>

/* What a row is judged by, beside itself. */
typedef struct Judge {
    const KeelCommand *row;
    bool sub;
    char *error;
    size_t room;
} Judge;

static int fault(const Judge *judge, const char *format, ...) KEEL_PRINTF(2, 3);
static int fault(const Judge *judge, const char *format, ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(judge->error, judge->room, format, values);
    va_end(values);
    return -1;
}

static int check_name(const Judge *judge) {
    const char *name = judge->row->name;
    bool foreign = judge->row->flags & KEEL_FOREIGN;
    size_t len = strlen(name);
    if (len > 127) return fault(judge, "its name is longer than 127 bytes");
    for (size_t i = 0; i < len; i++) {
        if (name[i] >= 'A' && name[i] <= 'Z' && !foreign) {
            return fault(judge, "its name has capitals: write it in lower case");
        }
        if (name[i] <= ' ' || name[i] == 0x7f || name[i] == '|') {
            return fault(judge, "its name has a byte that no name may have (0x%02x)",
                         (unsigned char)name[i]);
        }
    }
    return 0;
}

static int check_facts(const Judge *judge) {
    const KeelCommand *row = judge->row;
    if (row->flags & ~(uint64_t)KEEL_COMMAND_FLAGS) {
        return fault(judge, "it has flags that this server does not know (0x%llx)",
                     (unsigned long long)(row->flags & ~(uint64_t)KEEL_COMMAND_FLAGS));
    }
    if (!row->call && !row->subcommands) return fault(judge, "it has no handler (.call)");
    if (row->subcommands && judge->sub) {
        return fault(judge, "a subcommand cannot have subcommands");
    }
    /* Foreign rows state what their own host would have taken. */
    if (row->flags & KEEL_FOREIGN) return 0;
    if ((row->flags & KEEL_WRITE) && (row->flags & KEEL_READONLY)) {
        return fault(judge, "it is both KEEL_WRITE and KEEL_READONLY");
    }
    if (!row->summary || !row->summary[0]) return fault(judge, "it has no .summary");
    if (!row->since || !row->since[0]) return fault(judge, "it has no .since");
    if ((!row->complexity || !row->complexity[0]) && row->call) {
        return fault(judge, "it has no .complexity");
    }
    return 0;
}

/* The number of words, ours first: exact, or negative for "at least". */
static int derive_arity(const Judge *judge, const Syntax *syntax) {
    if (judge->row->arity) return judge->row->arity;
    if (judge->row->subcommands && !syntax->first) return judge->row->call ? -1 : -2;
    Span span = arg_span_from(syntax->first);
    int words = span.min + (judge->sub ? 2 : 1);
    return span.min == span.max ? words : -words;
}

/* No spec may point behind the last word that a call can have. */
static int check_reach(const Judge *judge, const KeelCommandRef *cmd, const Syntax *syntax) {
    int64_t words = cmd->arity > 0 ? cmd->arity : SPAN_MANY;
    if (cmd->arity < 0 && syntax->first) {
        words = (int64_t)arg_span_from(syntax->first).max + (judge->sub ? 2 : 1);
        if (words < -cmd->arity) words = SPAN_MANY; /* the row knows better than its .args */
    }
    for (int i = 0; i < cmd->spec_count; i++) {
        const KeySpec *spec = &cmd->specs[i];
        if (spec->begin == BEGIN_UNKNOWN) continue;
        int64_t reach = spec->index;
        if (spec->find == FIND_RANGE && spec->last > 0) reach += spec->last;
        if (reach < words) continue;
        return fault(judge, "key spec %d points at argument %lld, but a call has %lld at most", i,
                     (long long)reach, (long long)words - 1);
    }
    return 0;
}

static int read_syntax(const Judge *judge, KeelCommandRef *cmd) {
    const KeelCommand *row = judge->row;
    Syntax syntax;
    if (syntax_parse(&syntax, row->args ? row->args : "", judge->error, judge->room) < 0) {
        return -1;
    }
    cmd->arity = derive_arity(judge, &syntax);
    int result = keyspec_make(row->keys, &syntax, judge->sub ? 2 : 1, &cmd->specs, &cmd->spec_count,
                              judge->error, judge->room);
    bool foreign = row->flags & KEEL_FOREIGN;
    if (result == 0 && !foreign) result = check_reach(judge, cmd, &syntax);
    syntax_free(&syntax);
    if (result < 0) return -1;
    bool movable = keyspec_plain(cmd->specs, cmd->spec_count, &cmd->first_key, &cmd->last_key,
                                 &cmd->key_step);
    if (movable || (foreign && row->get_keys)) cmd->flags |= KEEL_MOVABLE_KEYS;
    return 0;
}

/* "config|get", or the plain name. */
static char *full_name(const KeelCommand *row, const KeelCommandRef *parent) {
    size_t len = strlen(row->name), front = parent ? strlen(parent->name) + 1 : 0;
    /* Fast lookup reads names 16 bytes at a time. */
    char *name = keel_zalloc(front + len + 16);
    if (parent) snprintf(name, front + len + 1, "%s|%s", parent->name, row->name);
    else memcpy(name, row->name, len);
    return name;
}

KeelCommandRef *command_make(struct Module *module, const KeelCommand *row, KeelCommandRef *parent,
                             char *error, size_t room) {
    Judge judge = {row, parent != NULL, error, room};
    KeelStr unknown = {.ptr = NULL};
    if (check_name(&judge) < 0 || check_facts(&judge) < 0) return NULL;
    uint64_t categories = category_of_row(row, &unknown);
    if (unknown.ptr) {
        fault(&judge, "'%.*s' in .categories is no ACL category", (int)unknown.len, unknown.ptr);
        return NULL;
    }
    KeelCommandRef *cmd = keel_zalloc(sizeof(*cmd));
    KeelCommand *copy = keel_alloc(sizeof(*copy));
    *copy = *row;
    cmd->row = copy;
    cmd->data = copy->data;
    cmd->module = module;
    cmd->call = row->call;
    cmd->flags = row->flags;
    cmd->categories = categories;
    cmd->parent = parent;
    cmd->has_subcommands = row->subcommands != NULL;
    cmd->name = full_name(row, parent);
    if (read_syntax(&judge, cmd) < 0) {
        command_free(cmd);
        return NULL;
    }
    return cmd;
}

void command_free(KeelCommandRef *cmd) {
    while (cmd->first_sub) {
        KeelCommandRef *sub = cmd->first_sub;
        cmd->first_sub = sub->next_sub;
        command_free(sub);
    }
    keel_free(cmd->latency);
    keel_free(cmd->specs);
    keel_free(cmd->name);
    keel_free((void *)cmd->row);
    keel_free(cmd);
}
