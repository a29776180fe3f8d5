/* command_info.c - what a module says of its commands: SetCommandInfo and ACL categories.
 *
 * It becomes the texts of a native row, so that COMMAND INFO, DOCS, GETKEYS and LIST, ACL and
 * redis-cli's hints need no second source. An argument's tree is written in the notation of .args,
 * with every type and literal spelt out, and groups around what could be read as part of its neighbour.
 *
 * Arrays come with the sizes of their elements as the module knows them: they are walked by those. */
#include "rm.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct CommandInfo {
    char *summary, *complexity, *since, *tips;
};

/* A text that grows. */
typedef struct Text {
    char *bytes;
    size_t len, room;
} Text;

static void put(Text *t, const char *format, ...) KEEL_PRINTF(2, 3);
static void put(Text *t, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t len = (size_t)vsnprintf(NULL, 0, format, args);
    if (t->len + len + 1 > t->room) {
        t->room = (t->len + len + 1) * 2;
        t->bytes = keel_realloc(t->bytes, t->room);
    }
    vsnprintf(t->bytes + t->len, len + 1, format, again);
    t->len += len;
    va_end(again);
    va_end(args);
}

static char *copy_of(const char *s) {
    return s ? keel_strdup(keel_str(s)) : NULL;
}

/* ---- arrays of the module's own element size ------------------------------------------------- */

static RedisModuleCommandArg arg_at(const RedisModuleCommandArg *args, size_t i, size_t size) {
    RedisModuleCommandArg arg = {0};
    memcpy(&arg, (const char *)args + i * size, size < sizeof(arg) ? size : sizeof(arg));
    return arg;
}

static RedisModuleCommandKeySpec spec_at(const RedisModuleCommandInfo *info, size_t i) {
    RedisModuleCommandKeySpec spec = {0};
    size_t size = info->version->sizeof_keyspec;
    memcpy(&spec, (const char *)info->key_specs + i * size,
           size < sizeof(spec) ? size : sizeof(spec));
    return spec;
}

static RedisModuleCommandHistoryEntry history_at(const RedisModuleCommandInfo *info, size_t i) {
    RedisModuleCommandHistoryEntry entry = {0};
    size_t size = info->version->sizeof_historyentry;
    memcpy(&entry, (const char *)info->history + i * size,
           size < sizeof(entry) ? size : sizeof(entry));
    return entry;
}

/* ---- checks ---------------------------------------------------------------------------------- */

enum { DEPTH = 16 };

static bool is_group(const RedisModuleCommandArg *arg) {
    return arg->type == REDISMODULE_ARG_TYPE_ONEOF || arg->type == REDISMODULE_ARG_TYPE_BLOCK;
}

static bool args_are_good(const RedisModuleCommandArg *args, size_t size, int depth) {
    for (size_t i = 0;; i++) {
        RedisModuleCommandArg arg = arg_at(args, i, size);
        if (!arg.name) return true;
        if ((unsigned)arg.type > REDISMODULE_ARG_TYPE_BLOCK) return false;
        if (arg.flags & ~(_REDISMODULE_CMD_ARG_NEXT - 1)) return false;
        if (arg.type == REDISMODULE_ARG_TYPE_PURE_TOKEN && !arg.token) return false;
        if (!!arg.subargs != is_group(&arg)) return false;
        if (arg.subargs && (depth == DEPTH || !args_are_good(arg.subargs, size, depth + 1))) {
            return false;
        }
    }
}

/* Exactly one way of use, and at most one way of changing. */
static bool use_is_good(uint64_t flags) {
    uint64_t how = flags & (REDISMODULE_CMD_KEY_RO | REDISMODULE_CMD_KEY_RW |
                            REDISMODULE_CMD_KEY_OW | REDISMODULE_CMD_KEY_RM);
    uint64_t change = flags & (REDISMODULE_CMD_KEY_INSERT | REDISMODULE_CMD_KEY_DELETE |
                               REDISMODULE_CMD_KEY_UPDATE);
    return __builtin_popcountll(how) == 1 && __builtin_popcountll(change) <= 1;
}

static bool spec_is_good(const RedisModuleCommandKeySpec *spec) {
    switch (spec->begin_search_type) {
    case REDISMODULE_KSPEC_BS_UNKNOWN: break;
    case REDISMODULE_KSPEC_BS_INDEX: break;
    case REDISMODULE_KSPEC_BS_KEYWORD:
        if (!spec->bs.keyword.keyword) return false;
        break;
    default: return false;
    }
    return (unsigned)spec->find_keys_type <= REDISMODULE_KSPEC_FK_KEYNUM && use_is_good(spec->flags);
}

static bool info_is_good(const RedisModuleCommandInfo *info) {
    if (!info || !info->version || info->version->version != 1) return false;
    if (!info->version->sizeof_historyentry || !info->version->sizeof_keyspec ||
        !info->version->sizeof_arg) {
        return false;
    }
    for (size_t i = 0; info->key_specs; i++) {
        RedisModuleCommandKeySpec spec = spec_at(info, i);
        if (spec.begin_search_type == REDISMODULE_KSPEC_BS_INVALID) break;
        if (!spec_is_good(&spec)) return false;
    }
    for (size_t i = 0; info->history; i++) {
        RedisModuleCommandHistoryEntry entry = history_at(info, i);
        if (!entry.since) break;
        if (!entry.changes) return false;
    }
    return !info->args || args_are_good(info->args, info->version->sizeof_arg, 0);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static const char *const type_words[] = {"string", "integer", "double", "key", "pattern", "unix-time"};

static bool is_version(const char *s) {
    return s && *s && s[strspn(s, "0123456789.")] == '\0';
}

/* A name as a word of the notation: bytes that mean something there become "_". */
static void put_word(Text *t, const char *s) {
    for (; *s; s++) {
        put(t, "%c", *s <= ' ' || *s == 0x7f || strchr("[](){}|':", *s) ? '_' : *s);
    }
}

static void put_token(Text *t, const char *token) {
    put(t, "'");
    for (; *token; token++) put(t, "%c", *token == '\'' ? '_' : *token);
    put(t, "'");
}

static void put_args(Text *t, const RedisModuleCommandArg *args, size_t size, const char *between,
                     bool keys);

/* Without its token, and without saying whether it may miss or repeat. */
static void put_base(Text *t, const RedisModuleCommandArg *arg, size_t size, bool keys) {
    if (is_group(arg)) {
        put(t, "(");
        put_args(t, arg->subargs, size, arg->type == REDISMODULE_ARG_TYPE_ONEOF ? "|" : " ", keys);
        put(t, ")");
    } else if (arg->type == REDISMODULE_ARG_TYPE_PURE_TOKEN) {
        put_token(t, arg->token);
    } else {
        bool demoted = arg->type == REDISMODULE_ARG_TYPE_KEY && !keys;
        put_word(t, *arg->name ? arg->name : "_");
        put(t, ":%s", type_words[demoted ? REDISMODULE_ARG_TYPE_STRING : arg->type]);
    }
}

static void put_facts(Text *t, const RedisModuleCommandArg *arg, bool keys) {
    size_t before = t->len;
    put(t, "{");
    if (is_group(arg) || arg->type == REDISMODULE_ARG_TYPE_PURE_TOKEN) {
        put(t, " ");
        put_word(t, *arg->name ? arg->name : "_");
    }
    if (arg->type == REDISMODULE_ARG_TYPE_KEY && keys && arg->key_spec_index >= 0) {
        put(t, " #%d", arg->key_spec_index);
    }
    if (is_version(arg->since)) put(t, " %s", arg->since);
    if (is_version(arg->deprecated_since)) put(t, " -%s", arg->deprecated_since);
    if (arg->display_text && *arg->display_text) {
        put(t, " ~");
        put_word(t, arg->display_text);
    }
    if (arg->summary && !strchr(arg->summary, '}')) put(t, " = %s", arg->summary);
    if (t->len == before + 1) {
        t->len = before;
        t->bytes[before] = '\0';
    } else {
        put(t, "}");
    }
}

/* A group around it keeps literals from being taken for the token of what follows. */
static void put_arg(Text *t, const RedisModuleCommandArg *arg, size_t size, bool keys) {
    bool literal = arg->type == REDISMODULE_ARG_TYPE_PURE_TOKEN, token = arg->token && !literal;
    bool optional = arg->flags & REDISMODULE_CMD_ARG_OPTIONAL;
    bool grouped = optional || token || literal;
    if (grouped) put(t, optional ? "[" : "(");
    if (token) {
        put_token(t, arg->token);
        put(t, " ");
    }
    put_base(t, arg, size, keys);
    if (arg->flags & (REDISMODULE_CMD_ARG_MULTIPLE | REDISMODULE_CMD_ARG_MULTIPLE_TOKEN)) {
        put(t, " [");
        if (token && arg->flags & REDISMODULE_CMD_ARG_MULTIPLE_TOKEN) {
            put_token(t, arg->token);
            put(t, " ");
        }
        put_base(t, arg, size, keys);
        put(t, " ...]");
    }
    if (grouped) put(t, optional ? "]" : ")");
    put_facts(t, arg, keys);
}

static void put_args(Text *t, const RedisModuleCommandArg *args, size_t size, const char *between,
                     bool keys) {
    for (size_t i = 0;; i++) {
        RedisModuleCommandArg arg = arg_at(args, i, size);
        if (!arg.name) return;
        if (i) put(t, "%s", between);
        put_arg(t, &arg, size, keys);
    }
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void put_spec(Text *t, const RedisModuleCommandKeySpec *spec) {
    for (int bit = 0; keel_key_use_name(bit); bit++) {
        if (!(spec->flags & 1u << bit)) continue;
        for (const char *s = keel_key_use_name(bit); *s; s++) put(t, "%c", toupper(*s));
        put(t, " ");
    }
    t->len--; /* the last blank */
    switch (spec->begin_search_type) {
    case REDISMODULE_KSPEC_BS_INDEX: put(t, ": idx %d; ", spec->bs.index.pos); break;
    case REDISMODULE_KSPEC_BS_KEYWORD:
        put(t, ": kw %s %d; ", spec->bs.keyword.keyword, spec->bs.keyword.startfrom);
        break;
    default: put(t, ": unknown; ");
    }
    switch (spec->find_keys_type) {
    case REDISMODULE_KSPEC_FK_RANGE:
        put(t, "range %d %d %d", spec->fk.range.lastkey, spec->fk.range.keystep,
            spec->fk.range.limit);
        break;
    case REDISMODULE_KSPEC_FK_KEYNUM:
        put(t, "keynum %d %d %d", spec->fk.keynum.keynumidx, spec->fk.keynum.firstkey,
            spec->fk.keynum.keystep);
        break;
    case REDISMODULE_KSPEC_FK_OMITTED: put(t, "range 0 1 0"); break;
    default: put(t, "unknown");
    }
    if (spec->notes) put(t, " = %s", spec->notes);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void take_texts(RedisModuleCommand *cmd, const RedisModuleCommandInfo *info) {
    Text keys = {0}, args = {0}, history = {0};
    for (size_t i = 0; info->key_specs; i++) {
        RedisModuleCommandKeySpec spec = spec_at(info, i);
        if (spec.begin_search_type == REDISMODULE_KSPEC_BS_INVALID) break;
        if (i) put(&keys, " & ");
        put_spec(&keys, &spec);
    }
    for (size_t i = 0; info->history; i++) {
        RedisModuleCommandHistoryEntry entry = history_at(info, i);
        if (!entry.since) break;
        put(&history, "%s%s: %s", i ? " | " : "", entry.since, entry.changes);
    }
    bool has_keys = keys.bytes || cmd->first_key > 0;
    if (info->args) put_args(&args, info->args, info->version->sizeof_arg, " ", has_keys);
    cmd->keys = keys.bytes;
    cmd->args = args.bytes;
    cmd->history = history.bytes;
}

int RM_SetCommandInfo(RedisModuleCommand *cmd, const RedisModuleCommandInfo *info) {
    if (!cmd || !cmd->mod->loading || !info_is_good(info)) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    if (cmd->info) {
        errno = EEXIST;
        return REDISMODULE_ERR;
    }
    cmd->info = keel_alloc(sizeof(*cmd->info));
    *cmd->info = (struct CommandInfo){copy_of(info->summary), copy_of(info->complexity),
                                      copy_of(info->since), copy_of(info->tips)};
    if (info->arity) cmd->arity = info->arity;
    take_texts(cmd, info);
    return REDISMODULE_OK;
}

void rm_describe(RedisModuleCommand *cmd, KeelCommand *row) {
    if (!cmd->info) return;
    row->summary = cmd->info->summary;
    row->complexity = cmd->info->complexity;
    row->since = cmd->info->since;
    row->tips = cmd->info->tips;
}

void rm_forget_info(RedisModuleCommand *cmd) {
    if (!cmd->info) return;
    keel_free(cmd->info->summary);
    keel_free(cmd->info->complexity);
    keel_free(cmd->info->since);
    keel_free(cmd->info->tips);
    keel_free(cmd->info);
}

/* ---- ACL categories -------------------------------------------------------------------------- */

static bool is_category(KeelStr word) {
    for (int i = 0; keel_category_name(i); i++) {
        if (word.len && keel_is(word, keel_category_name(i))) return true;
    }
    return false;
}

/* A module that takes another's place shares its categories meanwhile. */
static bool take_category(Mod *mod, KeelStr name) {
    for (const Mod *old = rm_mods; old; old = old->next) {
        for (int bit = 0; old->replaced && bit < 64; bit++) {
            if (!(old->categories & 1ull << bit) || !keel_is(name, keel_category_name(bit))) continue;
            mod->categories |= 1ull << bit;
            return true;
        }
    }
    return false;
}

/* Outside OnLoad, bad names (EINVAL), names that are there (EBUSY) and no more room (ENOMEM). */
int RM_AddACLCategory(RedisModuleCtx *ctx, const char *name) {
    Mod *mod = ctx->mod;
    errno = EINVAL;
    if (!mod || !mod->loading || !name || !*name) return REDISMODULE_ERR;
    for (const char *s = name; *s; s++) {
        if (!isalnum((unsigned char)*s) && *s != '_' && *s != '-') return REDISMODULE_ERR;
    }
    if (take_category(mod, keel_str(name))) return REDISMODULE_OK;
    errno = EBUSY;
    if (is_category(keel_str(name))) return REDISMODULE_ERR;
    int bit = keel_category_add(keel_str(name));
    errno = ENOMEM;
    if (bit < 0) return REDISMODULE_ERR;
    mod->categories |= 1ull << bit;
    return REDISMODULE_OK;
}

void rm_forget_categories(Mod *mod) {
    uint64_t shared = 0;
    for (const Mod *other = rm_mods; other; other = other->next) {
        if (other != mod) shared |= other->categories;
    }
    for (int bit = 0; bit < 64; bit++) {
        if (mod->categories & ~shared & 1ull << bit) keel_category_remove(bit);
    }
}

/* Words separated by blanks, beside the categories that the flags give. */
int RM_SetCommandACLCategories(RedisModuleCommand *cmd, const char *words) {
    if (!cmd || !cmd->mod->loading) return REDISMODULE_ERR;
    Text text = {0};
    for (const char *at = words ? words : ""; *at;) {
        size_t len = strcspn(at, " ");
        if (len && !is_category((KeelStr){at, len})) {
            keel_log(KEEL_LOG_WARNING, "Unrecognized ACL category '%.*s'", (int)len, at);
            keel_free(text.bytes);
            return REDISMODULE_ERR;
        }
        if (len) put(&text, "%s@%.*s", text.len ? " " : "", (int)len, at);
        at += len + (at[len] == ' ');
    }
    keel_free(cmd->categories);
    cmd->categories = text.bytes;
    return REDISMODULE_OK;
}
