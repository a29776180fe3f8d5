/* config.c - settings of modules: RegisterBoolConfig and its kin, LoadConfigs.
 *
 * A module keeps its values itself and is asked for them through its callbacks, so to the host each
 * is a custom setting named "module.name". LoadConfigs, inside OnLoad, gives every one its default
 * or what file, command line or LOADEX say; when the host then takes the table over, it finds the
 * values already given and only learns the defaults, which CONFIG REWRITE compares with. */
#include "rm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOOL, NUMBER, STRING, ENUM };

typedef struct Setting {
    struct Setting *next;
    Mod *mod;
    char *name, *full_name;
    int type;
    unsigned flags;            /* REDISMODULE_CONFIG_* */
    union {
        RedisModuleConfigGetBoolFunc get_bool;
        RedisModuleConfigGetNumericFunc get_number;
        RedisModuleConfigGetStringFunc get_string;
        RedisModuleConfigGetEnumFunc get_enum;
    };
    union {
        RedisModuleConfigSetBoolFunc set_bool;
        RedisModuleConfigSetNumericFunc set_number;
        RedisModuleConfigSetStringFunc set_string;
        RedisModuleConfigSetEnumFunc set_enum;
    };
    RedisModuleConfigApplyFunc apply;
    void *data;
    long long number;          /* the default; of strings `text` */
    char *text;
    long long min, max;
    KeelWord *words;           /* of enums; ended by an empty one */
    bool changed;              /* since .apply was asked last */
    bool adopting;             /* the host takes it over: it asks for the default */
} Setting;

/* ---- values ---------------------------------------------------------------------------------- */

/* What a callback says is wrong, as the host keeps it. */
static bool verdict(int result, RedisModuleString *error, const char **reason) {
    if (result != REDISMODULE_ERR) {
        rm_string_release(error);
        return true;
    }
    *reason = error ? keel_config_reason("%s", error->ptr) : "";
    rm_string_release(error);
    return false;
}

static long long current_number(const Setting *s) {
    switch (s->type) {
    case BOOL: return s->get_bool(s->name, s->data);
    case ENUM: return s->get_enum(s->name, s->data);
    default: return s->get_number(s->name, s->data);
    }
}

static bool set_number(Setting *s, long long v, const char **reason) {
    RedisModuleString *error = NULL;
    int result = s->type == BOOL   ? s->set_bool(s->name, (int)v, s->data, &error)
                 : s->type == ENUM ? s->set_enum(s->name, (int)v, s->data, &error)
                                   : s->set_number(s->name, v, s->data, &error);
    return verdict(result, error, reason);
}

static bool set_text(Setting *s, KeelStr text, const char **reason) {
    RedisModuleString *error = NULL, *value = rm_string(text.ptr, text.len);
    int result = s->set_string(s->name, value, s->data, &error);
    rm_string_release(value);
    return verdict(result, error, reason);
}

static bool bad_word(const Setting *s, const char **reason) {
    char list[512] = "";
    size_t len = 0;
    for (const KeelWord *w = s->words; w->word && len < sizeof(list); w++) {
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "", w->word);
    }
    *reason = keel_config_reason("argument(s) must be one of the following: %s", list);
    return false;
}

/* One word, or with BITFLAGS several. */
static bool read_words(const Setting *s, const KeelStr *argv, int argc, long long *v,
                       const char **reason) {
    *v = 0;
    bool several = s->flags & REDISMODULE_CONFIG_BITFLAGS;
    if (several ? argc < 1 : argc != 1) return bad_word(s, reason);
    for (int i = 0; i < argc; i++) {
        const KeelWord *w = s->words;
        while (w->word && !keel_is(argv[i], w->word)) w++;
        if (!w->word) return bad_word(s, reason);
        *v |= w->value;
    }
    return true;
}

static bool read_number(const Setting *s, KeelStr text, long long *v, const char **reason) {
    int64_t number;
    if (s->flags & REDISMODULE_CONFIG_MEMORY) {
        if (!keel_parse_memory(text, &number)) {
            *reason = "argument must be a memory value";
            return false;
        }
    } else if (!keel_parse_int(text, &number)) {
        *reason = "argument couldn't be parsed into an integer";
        return false;
    }
    if (number < s->min || number > s->max) {
        *reason = keel_config_reason("argument must be between %lld and %lld inclusive", s->min,
                                     s->max);
        return false;
    }
    *v = number;
    return true;
}

/* `always`: also what is the value already. Those are not told to the module otherwise. */
static bool give(Setting *s, const KeelStr *argv, int argc, bool always, const char **reason) {
    long long v = 0;
    if (s->type == STRING) {
        KeelStr text = argc ? argv[0] : KEEL_LIT("");
        RedisModuleString *now = always ? NULL : s->get_string(s->name, s->data);
        if (now && keel_equal(rm_view(now), text)) return true;
        return (s->changed = set_text(s, text, reason));
    }
    switch (s->type) {
    case BOOL:
        if (argc != 1 || !(keel_is(argv[0], "yes") || keel_is(argv[0], "no"))) {
            *reason = "argument must be 'yes' or 'no'";
            return false;
        }
        v = keel_is(argv[0], "yes");
        break;
    case NUMBER:
        if (!read_number(s, argc ? argv[0] : KEEL_LIT(""), &v, reason)) return false;
        break;
    default:
        if (!read_words(s, argv, argc, &v, reason)) return false;
    }
    if (!always && current_number(s) == v) return true;
    return (s->changed = set_number(s, v, reason));
}

/* ---- what the host asks ---------------------------------------------------------------------- */

static Setting *of_row(const KeelConfig *row) {
    return row->var;
}

/* Bits that several words share go to the first that has them all. */
static void write_words(const Setting *s, long long v, KeelConfigOut *out) {
    bool any = false;
    for (const KeelWord *w = s->words; w->word; w++) {
        if (!(s->flags & REDISMODULE_CONFIG_BITFLAGS)) {
            if (w->value != v) continue;
            keel_config_write(out, "%s", w->word);
            return;
        }
        if (!w->value ? v || any : (v & w->value) != w->value) continue;
        keel_config_write(out, "%s%s", any ? " " : "", w->word);
        v &= ~(long long)w->value;
        any = true;
    }
}

static void get(const KeelConfig *row, KeelConfigOut *out) {
    Setting *s = of_row(row);
    if (s->type == STRING) {
        RedisModuleString *now = s->adopting ? NULL : s->get_string(s->name, s->data);
        const char *text = s->adopting ? s->text : now ? now->ptr : "";
        keel_config_write(out, "%s", text ? text : "");
        return;
    }
    long long v = s->adopting ? s->number : current_number(s);
    if (s->type == BOOL) keel_config_write(out, "%s", v ? "yes" : "no");
    else if (s->type == NUMBER) keel_config_write(out, "%lld", v);
    else write_words(s, v, out);
}

static bool set(const KeelConfig *row, const KeelStr *argv, int argc, const char **reason) {
    Setting *s = of_row(row);
    if (s->adopting) return true;
    s->changed = false;
    return give(s, argv, argc, false, reason);
}

static bool apply(const KeelConfig *row, bool starting, const char **reason) {
    Setting *s = of_row(row);
    RedisModuleString *error = NULL;
    if (starting || !s->apply || !s->changed) return true;
    s->changed = false;
    RedisModuleCtx *ctx = rm_enter(s->mod, rm_callback_c(), RM_SILENT);
    int result = s->apply(ctx, s->data, &error);
    rm_leave(ctx);
    return verdict(result, error, reason);
}

/* ---- registering ----------------------------------------------------------------------------- */

static bool name_is_good(const char *name) {
    size_t len = strlen(name);
    return len && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
                      len;
}

static bool flags_are_good(unsigned flags, int type) {
    const unsigned known = REDISMODULE_CONFIG_IMMUTABLE | REDISMODULE_CONFIG_SENSITIVE |
                           REDISMODULE_CONFIG_HIDDEN | REDISMODULE_CONFIG_PROTECTED |
                           REDISMODULE_CONFIG_DENY_LOADING | REDISMODULE_CONFIG_MEMORY |
                           REDISMODULE_CONFIG_BITFLAGS;
    if (flags & ~known) return false;
    if (flags & REDISMODULE_CONFIG_MEMORY && type != NUMBER) return false;
    return !(flags & REDISMODULE_CONFIG_BITFLAGS) || type == ENUM;
}

/* NULL with errno when it cannot be registered. */
static Setting *setting_new(RedisModuleCtx *ctx, const char *name, unsigned flags, int type,
                            RedisModuleConfigApplyFunc apply_call, void *data) {
    Mod *mod = ctx->mod;
    int error = 0;
    if (!mod || !mod->loading) error = EBUSY;
    else if (!flags_are_good(flags, type) || !name_is_good(name)) error = EINVAL;
    Setting **at = mod ? &mod->settings : NULL;
    for (; !error && *at; at = &(*at)->next) {
        if (!strcasecmp((*at)->name, name)) error = EALREADY;
        if (error) break;
    }
    if (error) {
        errno = error;
        return NULL;
    }
    Setting *s = keel_zalloc(sizeof(*s));
    char full[256];
    snprintf(full, sizeof(full), "%s.%s", mod->name, name);
    s->name = keel_strdup(keel_str(name));
    s->full_name = keel_strdup(keel_str(full));
    s->mod = mod;
    s->type = type;
    s->flags = flags;
    s->apply = apply_call;
    s->data = data;
    *at = s;
    return s;
}

/* The getters and setters of the four kinds share their places in a setting, under the type of each. */
#define REGISTER(kind, getter, setter)                                                             \
    Setting *s = setting_new(ctx, name, flags, kind, apply_call, data);                            \
    if (!s) return REDISMODULE_ERR;                                                                \
    s->getter = get_call;                                                                          \
    s->setter = set_call

int RM_RegisterBoolConfig(RedisModuleCtx *ctx, const char *name, int value, unsigned int flags,
                          RedisModuleConfigGetBoolFunc get_call, RedisModuleConfigSetBoolFunc set_call,
                          RedisModuleConfigApplyFunc apply_call, void *data) {
    REGISTER(BOOL, get_bool, set_bool);
    s->number = value;
    return REDISMODULE_OK;
}

int RM_RegisterNumericConfig(RedisModuleCtx *ctx, const char *name, long long value,
                             unsigned int flags, long long min, long long max,
                             RedisModuleConfigGetNumericFunc get_call,
                             RedisModuleConfigSetNumericFunc set_call,
                             RedisModuleConfigApplyFunc apply_call, void *data) {
    REGISTER(NUMBER, get_number, set_number);
    s->number = value;
    s->min = min;
    s->max = max;
    return REDISMODULE_OK;
}

int RM_RegisterStringConfig(RedisModuleCtx *ctx, const char *name, const char *value,
                            unsigned int flags, RedisModuleConfigGetStringFunc get_call,
                            RedisModuleConfigSetStringFunc set_call,
                            RedisModuleConfigApplyFunc apply_call, void *data) {
    REGISTER(STRING, get_string, set_string);
    s->text = keel_strdup(keel_str(value ? value : ""));
    return REDISMODULE_OK;
}

int RM_RegisterEnumConfig(RedisModuleCtx *ctx, const char *name, int value, unsigned int flags,
                          const char **words, const int *values, int count,
                          RedisModuleConfigGetEnumFunc get_call, RedisModuleConfigSetEnumFunc set_call,
                          RedisModuleConfigApplyFunc apply_call, void *data) {
    REGISTER(ENUM, get_enum, set_enum);
    s->number = value;
    s->words = keel_zalloc((size_t)(count + 1) * sizeof(*s->words));
    for (int i = 0; i < count; i++) {
        s->words[i] = (KeelWord){keel_strdup(keel_str(words[i])), values[i]};
    }
    return REDISMODULE_OK;
}
#undef REGISTER

/* ---- first values ---------------------------------------------------------------------------- */

static bool first_value(Setting *s, const char **reason) {
    const KeelStr *words;
    int count = keel_config_given(keel_str(s->full_name), &words);
    if (count) return give(s, words, count, true, reason);
    if (s->type == STRING) return set_text(s, keel_str(s->text), reason);
    return set_number(s, s->number, reason);
}

int RM_LoadConfigs(RedisModuleCtx *ctx) {
    Mod *mod = ctx->mod;
    if (!mod || !mod->loading) {
        errno = EBUSY;
        return REDISMODULE_ERR;
    }
    for (Setting *s = mod->settings; s; s = s->next) {
        const char *reason = "";
        if (first_value(s, &reason)) continue;
        keel_log(KEEL_LOG_WARNING, "Issue during loading of configuration %s : %s", s->full_name,
                 reason);
        return REDISMODULE_ERR;
    }
    mod->settings_loaded = true;
    return REDISMODULE_OK;
}

void rm_build_settings(Mod *mod) {
    size_t n = 0;
    for (Setting *s = mod->settings; s; s = s->next) n++;
    if (!n) return;
    KeelConfig *row = mod->setting_rows = keel_zalloc((n + 1) * sizeof(*row));
    for (Setting *s = mod->settings; s; s = s->next, row++) {
        unsigned flags = 0;
        if (s->flags & REDISMODULE_CONFIG_IMMUTABLE) flags |= KEEL_CONFIG_IMMUTABLE;
        if (s->flags & REDISMODULE_CONFIG_SENSITIVE) flags |= KEEL_CONFIG_SENSITIVE;
        if (s->flags & REDISMODULE_CONFIG_HIDDEN) flags |= KEEL_CONFIG_HIDDEN;
        if (s->flags & REDISMODULE_CONFIG_PROTECTED) flags |= KEEL_CONFIG_PROTECTED;
        if (s->flags & REDISMODULE_CONFIG_DENY_LOADING) flags |= KEEL_CONFIG_DENY_LOADING;
        if (s->flags & REDISMODULE_CONFIG_BITFLAGS) flags |= KEEL_CONFIG_MULTI;
        s->adopting = true;
        *row = (KeelConfig){.name = s->full_name, .type = KEEL_CONFIG_CUSTOM, .flags = flags,
                            .var = s, .get = get, .set = set, .apply = apply};
    }
}

void rm_settings_adopted(Mod *mod) {
    for (Setting *s = mod->settings; s; s = s->next) s->adopting = false;
}

void rm_forget_settings(Mod *mod) {
    for (Setting *s = mod->settings, *next; s; s = next) {
        next = s->next;
        for (KeelWord *w = s->words; w && w->word; w++) keel_free((char *)(uintptr_t)w->word);
        keel_free(s->words);
        keel_free(s->text);
        keel_free(s->name);
        keel_free(s->full_name);
        keel_free(s);
    }
    mod->settings = NULL;
    keel_free(mod->setting_rows);
    mod->setting_rows = NULL;
}
