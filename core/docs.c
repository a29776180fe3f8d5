/* docs.c - what COMMAND INFO and COMMAND DOCS tell of one command.
 *
 * The tree of arguments is not kept: it is parsed again for each DOCS reply, which takes
 * microseconds, where trees of all commands would take hundreds of kilobytes. */
#include "command.h"
#include "keyspec.h"

#include <keel/memory.h>
#include <keel/reply.h>
#include <keel/text.h>
#include <stdio.h>

/* COMMAND INFO's words, in its order. KEEL_TOUCHES_ARBITRARY_KEYS and KEEL_INTERNAL have none. */
static const struct {
    uint64_t flag;
    const char *word;
} flag_words[] = {
    {KEEL_WRITE, "write"}, {KEEL_READONLY, "readonly"}, {KEEL_DENYOOM, "denyoom"},
    {KEEL_FOREIGN, "module"}, {KEEL_ADMIN, "admin"}, {KEEL_PUBSUB, "pubsub"},
    {KEEL_NOSCRIPT, "noscript"}, {KEEL_BLOCKING, "blocking"}, {KEEL_LOADING, "loading"},
    {KEEL_STALE, "stale"}, {KEEL_SKIP_MONITOR, "skip_monitor"},
    {KEEL_SKIP_SLOWLOG, "skip_slowlog"}, {KEEL_ASKING, "asking"}, {KEEL_FAST, "fast"},
    {KEEL_NO_AUTH, "no_auth"}, {KEEL_MAY_REPLICATE, "may_replicate"},
    {KEEL_NO_MANDATORY_KEYS, "no_mandatory_keys"}, {KEEL_PROTECTED, "protected"},
    {KEEL_NO_ASYNC_LOADING, "no_async_loading"}, {KEEL_NO_MULTI, "no_multi"},
    {KEEL_MOVABLE_KEYS, "movablekeys"}, {KEEL_ALLOW_BUSY, "allow_busy"},
};
enum { FLAG_WORDS = sizeof(flag_words) / sizeof(flag_words[0]) };

/* --- texts with parts --- */

/* Takes the part up to `separator` off the front of *text; false when nothing is left. */
static bool next_part(const char **text, const char *separator, KeelStr *part) {
    if (!*text || !**text) return false;
    const char *end = strstr(*text, separator);
    *part = (KeelStr){*text, end ? (size_t)(end - *text) : strlen(*text)};
    *text = end ? end + strlen(separator) : NULL;
    return true;
}

static size_t count_parts(const char *text, const char *separator) {
    size_t n = 0;
    for (KeelStr part; next_part(&text, separator, &part);) n++;
    return n;
}

/* "6.0.0: Added KEEPTTL." cut at its colon; without one, all of it is the version. */
static void cut_version(KeelStr s, KeelStr *version, KeelStr *text) {
    const char *colon = memchr(s.ptr, ':', s.len);
    size_t len = colon ? (size_t)(colon - s.ptr) : s.len;
    *version = (KeelStr){s.ptr, len};
    *text = (KeelStr){s.ptr + len, s.len - len};
    while (text->len && strchr(": ", text->ptr[0])) *text = (KeelStr){text->ptr + 1, text->len - 1};
}

/* --- COMMAND INFO --- */

static void reply_flags(KeelCtx *c, uint64_t flags) {
    size_t n = 0;
    for (int i = 0; i < FLAG_WORDS; i++) n += (flags & flag_words[i].flag) != 0;
    keel_reply_set(c, n);
    for (int i = 0; i < FLAG_WORDS; i++) {
        if (flags & flag_words[i].flag) keel_reply_status(c, flag_words[i].word);
    }
}

static void reply_categories(KeelCtx *c, uint64_t categories) {
    char word[64];
    keel_reply_set(c, (size_t)__builtin_popcountll(categories));
    for (int i = 0; keel_category_name(i); i++) {
        if (!(categories & (1ull << i))) continue;
        snprintf(word, sizeof(word), "@%s", keel_category_name(i));
        keel_reply_status(c, word);
    }
}

static void reply_tips(KeelCtx *c, const char *tips) {
    KeelStr tip;
    keel_reply_set(c, count_parts(tips, " "));
    while (next_part(&tips, " ", &tip)) keel_reply_bulk(c, tip);
}

static void reply_key_flags(KeelCtx *c, uint32_t flags) {
    keel_reply_set(c, (size_t)__builtin_popcount(flags));
    for (int i = 0; keel_key_use_name(i); i++) {
        if (flags & (1u << i)) keel_reply_status(c, keel_key_use_name(i));
    }
}

static void reply_number(KeelCtx *c, const char *name, int64_t v) {
    keel_reply_cstr(c, name);
    keel_reply_int(c, v);
}

static void reply_text(KeelCtx *c, const char *name, KeelStr text) {
    keel_reply_cstr(c, name);
    keel_reply_bulk(c, text);
}

/* The head of begin_search and find_keys: both are {type, spec}. */
static void reply_step(KeelCtx *c, const char *name, const char *type, size_t facts) {
    keel_reply_cstr(c, name);
    keel_reply_map(c, 2);
    keel_reply_cstr(c, "type");
    keel_reply_cstr(c, type);
    keel_reply_cstr(c, "spec");
    keel_reply_map(c, facts);
}

static void reply_begin(KeelCtx *c, const KeySpec *spec) {
    switch (spec->begin) {
    case BEGIN_INDEX:
        reply_step(c, "begin_search", "index", 1);
        reply_number(c, "index", spec->index);
        break;
    case BEGIN_KEYWORD:
        reply_step(c, "begin_search", "keyword", 2);
        reply_text(c, "keyword", spec->keyword);
        reply_number(c, "startfrom", spec->index);
        break;
    default:
        reply_step(c, "begin_search", "unknown", 0);
    }
}

static void reply_find(KeelCtx *c, const KeySpec *spec) {
    switch (spec->find) {
    case FIND_RANGE:
        reply_step(c, "find_keys", "range", 3);
        reply_number(c, "lastkey", spec->last);
        reply_number(c, "keystep", spec->step);
        reply_number(c, "limit", spec->limit);
        break;
    case FIND_COUNTED:
        reply_step(c, "find_keys", "keynum", 3);
        reply_number(c, "keynumidx", spec->count_at);
        reply_number(c, "firstkey", spec->first);
        reply_number(c, "keystep", spec->step);
        break;
    default:
        reply_step(c, "find_keys", "unknown", 0);
    }
}

static void reply_specs(KeelCtx *c, const KeelCommandRef *cmd) {
    keel_reply_set(c, (size_t)cmd->spec_count);
    for (int i = 0; i < cmd->spec_count; i++) {
        const KeySpec *spec = &cmd->specs[i];
        keel_reply_map(c, spec->notes.ptr ? 4 : 3);
        if (spec->notes.ptr) reply_text(c, "notes", spec->notes);
        keel_reply_cstr(c, "flags");
        reply_key_flags(c, spec->flags);
        reply_begin(c, spec);
        reply_find(c, spec);
    }
}

static size_t count_subcommands(const KeelCommandRef *cmd) {
    size_t n = 0;
    for (const KeelCommandRef *sub = cmd->first_sub; sub; sub = sub->next_sub) n++;
    return n;
}

void keel_command_reply_info(KeelCtx *c, const KeelCommandRef *cmd) {
    keel_reply_array(c, 10);
    keel_reply_cstr(c, cmd->name);
    keel_reply_int(c, cmd->arity);
    reply_flags(c, cmd->flags);
    keel_reply_int(c, cmd->first_key);
    keel_reply_int(c, cmd->last_key);
    keel_reply_int(c, cmd->key_step);
    reply_categories(c, cmd->categories);
    reply_tips(c, cmd->row->tips);
    reply_specs(c, cmd);
    /* Without subcommands an empty set, of all things: RESP3 clients have come to expect it. */
    if (cmd->first_sub) keel_reply_array(c, count_subcommands(cmd));
    else keel_reply_set(c, 0);
    for (const KeelCommandRef *sub = cmd->first_sub; sub; sub = sub->next_sub) {
        keel_command_reply_info(c, sub);
    }
}

/* --- COMMAND DOCS --- */

/* An argument's name in the form names have: lower case, dashes only. A group without one is called
 * after its token, or its members. Returns the length, cut at `room` - 1. */
static size_t arg_name(const Arg *arg, char *out, size_t room) {
    KeelStr written = arg->name.ptr ? arg->name : arg->token;
    size_t len = 0;
    if (written.ptr) {
        for (; len < written.len && len < room - 1; len++) {
            char letter = written.ptr[len];
            if (letter >= 'A' && letter <= 'Z') letter = (char)(letter + 'a' - 'A');
            out[len] = letter == ':' || letter == '_' ? '-' : letter;
        }
        out[len] = '\0';
        return len;
    }
    for (const Arg *member = arg->first; member && len < room - 2; member = member->next) {
        if (member != arg->first) out[len++] = '-';
        len += arg_name(member, out + len, room - len);
    }
    return len;
}

static void reply_optional_text(KeelCtx *c, const char *name, KeelStr text) {
    if (text.ptr) reply_text(c, name, text);
}

/* In capitals, but for modules that are not native, which spell them as they like. */
static void reply_token(KeelCtx *c, KeelStr token, bool exact) {
    char upper[64];
    if (exact) {
        reply_text(c, "token", token);
        return;
    }
    size_t len = token.len < sizeof(upper) ? token.len : sizeof(upper);
    for (size_t i = 0; i < len; i++) {
        char letter = token.ptr[i];
        upper[i] = letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
    }
    reply_text(c, "token", (KeelStr){upper, len});
}

static void reply_args(KeelCtx *c, const Arg *first, bool exact);

static void reply_arg(KeelCtx *c, const Arg *arg, bool exact) {
    char name[128];
    KeelStr shown = {name, arg_name(arg, name, sizeof(name))};
    bool group = arg_is_group(arg);
    size_t flags = (size_t)arg->optional + arg->multiple + arg->multiple_token;
    keel_reply_map(c, 3 + (arg->key_spec >= 0) + (arg->token.ptr != NULL) +
                          (arg->summary.ptr != NULL) + (arg->since.ptr != NULL) +
                          (arg->deprecated.ptr != NULL) + (flags != 0));
    reply_text(c, "name", shown);
    reply_text(c, "type", keel_str(arg_type_name(arg->type)));
    if (arg->text.ptr) shown = arg->text;
    else if (arg->name.ptr) shown = arg->name;
    if (!group) reply_text(c, "display_text", shown);
    if (arg->key_spec >= 0) reply_number(c, "key_spec_index", arg->key_spec);
    if (arg->token.ptr) reply_token(c, arg->token, exact);
    reply_optional_text(c, "summary", arg->summary);
    reply_optional_text(c, "since", arg->since);
    reply_optional_text(c, "deprecated_since", arg->deprecated);
    if (flags) {
        keel_reply_cstr(c, "flags");
        keel_reply_set(c, flags);
        if (arg->optional) keel_reply_status(c, "optional");
        if (arg->multiple) keel_reply_status(c, "multiple");
        if (arg->multiple_token) keel_reply_status(c, "multiple_token");
    }
    if (!group) return;
    keel_reply_cstr(c, "arguments");
    reply_args(c, arg->first, exact);
}

static void reply_args(KeelCtx *c, const Arg *first, bool exact) {
    size_t n = 0;
    for (const Arg *arg = first; arg; arg = arg->next) n++;
    keel_reply_array(c, n);
    for (const Arg *arg = first; arg; arg = arg->next) reply_arg(c, arg, exact);
}

/* The tree of a row that was fine when it was registered. */
static void parse_again(const KeelCommandRef *cmd, Syntax *syntax) {
    char error[256];
    KeySpec *specs;
    int count;
    const char *text = cmd->row->args ? cmd->row->args : "";
    if (syntax_parse(syntax, text, error, sizeof(error)) < 0) return;
    keyspec_make(cmd->row->keys, syntax, cmd->parent ? 2 : 1, &specs, &count, error,
                 sizeof(error));
    keel_free(specs);
}

static void reply_history(KeelCtx *c, const char *history) {
    KeelStr entry, version, text;
    keel_reply_cstr(c, "history");
    keel_reply_set(c, count_parts(history, " | "));
    while (next_part(&history, " | ", &entry)) {
        cut_version(entry, &version, &text);
        keel_reply_array(c, 2);
        keel_reply_bulk(c, version);
        keel_reply_bulk(c, text);
    }
}

static size_t reply_doc_flags(KeelCtx *c, const KeelCommand *row) {
    size_t flags = (row->deprecated != NULL) + ((row->flags & KEEL_INTERNAL) != 0);
    if (!flags) return 0;
    keel_reply_cstr(c, "doc_flags");
    keel_reply_set(c, flags);
    if (row->deprecated) keel_reply_status(c, "deprecated");
    if (row->flags & KEEL_INTERNAL) keel_reply_status(c, "syscmd");
    return 1;
}

static size_t reply_deprecated(KeelCtx *c, const KeelCommand *row) {
    KeelStr version, instead;
    if (!row->deprecated) return 0;
    cut_version(keel_str(row->deprecated), &version, &instead);
    reply_text(c, "deprecated_since", version);
    if (!instead.len) return 1;
    reply_text(c, "replaced_by", instead);
    return 2;
}

static size_t reply_fact(KeelCtx *c, const char *name, const char *text) {
    if (!text || !text[0]) return 0;
    reply_text(c, name, keel_str(text));
    return 1;
}

void keel_command_reply_docs(KeelCtx *c, const KeelCommandRef *cmd) {
    const KeelCommand *row = cmd->row;
    Syntax syntax;
    parse_again(cmd, &syntax);
    KeelDeferred map = keel_reply_defer_map(c);
    size_t n = reply_fact(c, "summary", row->summary);
    n += reply_fact(c, "since", row->since);
    n += reply_fact(c, "group", row->group ? row->group : "module");
    n += reply_fact(c, "complexity", row->complexity);
    if (row->flags & KEEL_FOREIGN) n += reply_fact(c, "module", keel_command_module(cmd));
    n += reply_doc_flags(c, row);
    n += reply_deprecated(c, row);
    if (row->history && row->history[0]) {
        reply_history(c, row->history);
        n++;
    }
    if (syntax.first) {
        keel_reply_cstr(c, "arguments");
        reply_args(c, syntax.first, row->flags & KEEL_FOREIGN);
        n++;
    }
    syntax_free(&syntax);
    if (cmd->first_sub) {
        keel_reply_cstr(c, "subcommands");
        keel_reply_map(c, count_subcommands(cmd));
        for (const KeelCommandRef *sub = cmd->first_sub; sub; sub = sub->next_sub) {
            keel_reply_cstr(c, sub->name);
            keel_command_reply_docs(c, sub);
        }
        n++;
    }
    keel_reply_end(c, map, n);
}
