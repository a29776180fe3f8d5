/* config.c - the registry of settings: who owns which name, CONFIG GET and CONFIG SET.
 *
 * Every setting is a row that a module (or the host, settings.c) declared. The registry keeps a
 * copy of each row and one sorted index of names, in which an older name is a second entry for the
 * same setting; some hundred names make a binary search as good as anything. Values live in the
 * owner's variables, never here: reading a setting costs its owner a load.
 *
 * Setting several is all or nothing, in three passes: everything is looked up and permitted, then
 * stored, then acted upon. The values before are kept as text, and a refusal in the second or third
 * pass stores them again, and acts again. */
#include "setting.h"

#include "hook.h"
#include "module.h"

#include <keel/client.h>
#include <keel/db.h>
#include <keel/event.h>
#include <keel/memory.h>
#include <keel/text.h>
#include <stdio.h>
#include <string.h>

SettingName *setting_names;
size_t setting_name_count;
bool config_loading;
static size_t setting_name_room;

/* ---- the index ---- */

static int compare_names(KeelStr a, const char *b) {
    size_t len = strlen(b);
    int order = strncasecmp(a.ptr, b, a.len < len ? a.len : len);
    return order ? order : a.len < len ? -1 : a.len > len;
}

/* The first entry whose name is not before `name`. */
static size_t index_of(KeelStr name) {
    size_t low = 0, high = setting_name_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_names(name, setting_names[middle].name) > 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

SettingName *setting_find_name(KeelStr name) {
    size_t i = index_of(name);
    if (i == setting_name_count || compare_names(name, setting_names[i].name) != 0) return NULL;
    return &setting_names[i];
}

Setting *setting_find(KeelStr name) {
    SettingName *entry = setting_find_name(name);
    return entry ? entry->setting : NULL;
}

static void index_add(const char *name, Setting *s) {
    if (setting_name_count == setting_name_room) {
        setting_name_room = setting_name_room ? setting_name_room * 2 : 64;
        setting_names = keel_realloc(setting_names, setting_name_room * sizeof *setting_names);
    }
    size_t i = index_of(keel_str(name));
    memmove(&setting_names[i + 1], &setting_names[i],
            (setting_name_count - i) * sizeof *setting_names);
    setting_names[i] = (SettingName){name, s};
    setting_name_count++;
}

/* ---- registration ---- */

static bool good_name(const char *name) {
    size_t len = strlen(name);
    return len > 0 && len < 128 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == len;
}

/* What is wrong with a row; NULL: nothing. */
static const char *row_fault(const KeelConfig *row) {
    if (!good_name(row->name)) return "its name has other characters than letters, 0-9, '-', '_', '.'";
    if (row->alias && !good_name(row->alias)) return "its alias is no proper name";
    if (setting_find(keel_str(row->name))) return "there is a setting of this name already";
    if (row->alias && (setting_find(keel_str(row->alias)) || !strcmp(row->alias, row->name))) {
        return "there is a setting of its alias's name already";
    }
    if ((unsigned)row->type > KEEL_CONFIG_CUSTOM) return "its type is unknown";
    if (row->type == KEEL_CONFIG_CUSTOM) {
        return row->get && row->set ? NULL : "a custom setting needs .get and .set";
    }
    if (!row->var) return "it has no .var";
    bool words = row->type == KEEL_CONFIG_ENUM || row->type == KEEL_CONFIG_FLAGS;
    if (words && !(row->words && row->words[0].word)) return "it has no .words";
    if (row->min > row->max) return "its .min is above its .max";
    return NULL;
}

/* Only settings that keep a default of their own making may go without one. */
static const char *store_default(Setting *s) {
    const char *reason = NULL;
    if (!s->row.value && s->row.type != KEEL_CONFIG_CUSTOM && s->row.type != KEEL_CONFIG_STRING) {
        return "it has no default";
    }
    if (s->row.value || s->row.type == KEEL_CONFIG_STRING) {
        KeelStr value = keel_str(s->row.value ? s->row.value : "");
        if (!setting_store_text(s, value, false, &reason)) return reason;
    }
    KeelConfigOut out = {0};
    setting_text(s, &out);
    s->initial = out_take(&out, NULL);
    if (s->row.rewrite) {
        s->row.rewrite(&s->row, &out);
        s->initial_lines = out_take(&out, NULL);
    }
    return NULL;
}

static void free_setting(Setting *s) {
    config_free_words(s->words, s->word_count);
    keel_free(s->initial);
    keel_free(s->initial_lines);
    keel_free(s);
}

static const char *add_row(struct Module *module, const KeelConfig *row) {
    const char *fault = row_fault(row);
    if (fault) return fault;
    Setting *s = keel_zalloc(sizeof *s);
    s->row = *row;
    s->module = module;
    if ((fault = store_default(s)) != NULL) {
        free_setting(s);
        return fault;
    }
    index_add(s->row.name, s);
    if (s->row.alias) index_add(s->row.alias, s);
    return NULL;
}

int config_register(struct Module *module, const KeelConfig *rows, size_t row_size, char *error,
                    size_t room) {
    const char *at = (const char *)rows;
    for (; at; at += row_size) {
        KeelConfig row = {0};
        memcpy(&row, at, row_size < sizeof row ? row_size : sizeof row);
        if (!row.name) break;
        const char *fault = add_row(module, &row);
        if (fault) {
            snprintf(error, room, "setting '%s': %s", row.name, fault);
            config_unregister(module);
            return -1;
        }
    }
    if (config_settle(module, error, room) == 0) return 0;
    config_unregister(module);
    return -1;
}

void config_unregister(struct Module *module) {
    Setting **gone = keel_alloc((setting_name_count + 1) * sizeof *gone);
    size_t kept = 0, count = 0;
    for (size_t i = 0; i < setting_name_count; i++) {
        Setting *s = setting_names[i].setting;
        if (s->module != module) {
            setting_names[kept++] = setting_names[i];
        } else if (setting_names[i].name == s->row.name) {
            gone[count++] = s;
        }
    }
    setting_name_count = kept;
    for (size_t i = 0; i < count; i++) {
        setting_drop_value(gone[i]);
        free_setting(gone[i]);
    }
    keel_free(gone);
}

/* ---- while a module is replaced ---- */

static SettingName *hidden;
static size_t hidden_count;

void config_hide(struct Module *module) {
    size_t kept = 0;
    hidden = keel_alloc((setting_name_count + 1) * sizeof *hidden);
    for (size_t i = 0; i < setting_name_count; i++) {
        if (setting_names[i].setting->module == module) hidden[hidden_count++] = setting_names[i];
        else setting_names[kept++] = setting_names[i];
    }
    setting_name_count = kept;
}

/* Beside one of the same name, when that is its heir: the next call is config_unregister(). */
void config_show(struct Module *module) {
    (void)module;
    for (size_t i = 0; i < hidden_count; i++) index_add(hidden[i].name, hidden[i].setting);
    keel_free(hidden);
    hidden = NULL;
    hidden_count = 0;
}

KeptValue *config_keep(const struct Module *module, size_t *count) {
    KeptValue *kept = keel_zalloc((setting_name_count + 1) * sizeof *kept);
    *count = 0;
    for (size_t i = 0; i < setting_name_count; i++) {
        const Setting *s = setting_names[i].setting;
        if (s->module != module || setting_names[i].name != s->row.name) continue;
        KeptValue *k = &kept[(*count)++];
        KeelConfigOut out = {0};
        setting_text(s, &out);
        size_t len;
        char *text = out_take(&out, &len);
        k->name = keel_strdup(keel_str(s->row.name));
        if (s->row.alias) k->alias = keel_strdup(keel_str(s->row.alias));
        k->words = setting_words((KeelStr){text, len}, setting_is_list(s), &k->count);
        keel_free(text);
    }
    return kept;
}

void config_free_kept(KeptValue *kept, size_t count) {
    for (size_t i = 0; i < count; i++) {
        config_free_words(kept[i].words, kept[i].count);
        keel_free(kept[i].name);
        keel_free(kept[i].alias);
    }
    keel_free(kept);
}

int config_restore(struct Module *module, const KeptValue *kept, char *error, size_t room) {
    Setting *s = setting_find(keel_str(kept->name));
    const char *reason = NULL;
    if (!s && kept->alias) s = setting_find(keel_str(kept->alias));
    if (!s || s->module != module) return 0;
    if (setting_store(s, kept->words, kept->count, true, &reason)) {
        s->given = true;
        return 0;
    }
    snprintf(error, room, "setting '%s' does not take the value that it has now: %s", kept->name,
             reason ? reason : "");
    return -1;
}

/* ---- acting on new values ---- */

bool settings_apply(Setting *const *list, size_t count, bool starting, const char **reason,
                    size_t *failed) {
    for (size_t i = 0; i < count; i++) {
        bool again = false;
        for (size_t j = 0; j < i && !again; j++) again = list[j]->row.apply == list[i]->row.apply;
        if (again || !list[i]->row.apply) continue;
        *reason = NULL;
        if (list[i]->row.apply(&list[i]->row, starting, reason)) continue;
        if (!*reason) *reason = "the new value could not be put to use";
        *failed = i;
        return false;
    }
    return true;
}

int config_apply_given(struct Module *module, char *error, size_t room) {
    Setting **list = keel_alloc((setting_name_count + 1) * sizeof *list);
    size_t count = 0, failed = 0;
    for (size_t i = 0; i < setting_name_count; i++) {
        Setting *s = setting_names[i].setting;
        if (!s->given || (module && s->module != module)) continue;
        s->given = false;
        list[count++] = s;
    }
    const char *reason = NULL;
    bool good = settings_apply(list, count, true, &reason, &failed);
    if (!good) snprintf(error, room, "setting '%s': %s", list[failed]->row.name, reason);
    keel_free(list);
    return good ? 0 : -1;
}

/* ---- CONFIG SET ---- */

typedef struct Change {
    SettingName *name;
    KeelStr value;
    char *before;      /* the value as text */
    size_t before_len;
} Change;

/* Protected settings can make the server run code or write files anywhere. */
static bool may_set_protected(KeelCtx *c) {
    KeelClient *client = c ? keel_client(c) : NULL;
    if (settings.enable_protected_configs == ALLOW_YES || !client) return true;
    if (settings.enable_protected_configs == ALLOW_NO) return false;
    KeelClientInfo info = {.size = sizeof info};
    keel_client_info(client, &info);
    return (info.flags & KEEL_CF_UNIX) || !strncmp(info.addr, "127.0.0.1:", 10) ||
           !strncmp(info.addr, "[::1]:", 6);
}

/* The first pass. *which is -1 when the reason needs no name before it. */
static bool permit(KeelCtx *c, Change *list, int n, const KeelStr *pairs, const char **reason,
                   int *which) {
    for (int i = 0; i < n; i++) {
        KeelStr name = pairs[2 * i];
        *which = i;
        list[i] = (Change){.name = setting_find_name(name), .value = pairs[2 * i + 1]};
        if (!list[i].name) {
            *which = -1;
            *reason = keel_config_reason(
                "Unknown option or number of arguments for CONFIG SET - '%s'", name.ptr);
            return false;
        }
        unsigned flags = list[i].name->setting->row.flags;
        *reason = flags & KEEL_CONFIG_IMMUTABLE ? "can't set immutable config"
                  : (flags & KEEL_CONFIG_PROTECTED) && !may_set_protected(c)
                      ? "can't set protected config"
                      : NULL;
        if (*reason) return false;
        if ((flags & KEEL_CONFIG_DENY_LOADING) && (config_loading || keel_stage_there())) {
            *which = -1;
            *reason = "LOADING Redis is loading the dataset in memory";
            return false;
        }
        for (int j = 0; j < i; j++) {
            if (list[j].name != list[i].name) continue;
            *reason = "duplicate parameter";
            return false;
        }
    }
    return true;
}

/* Puts the first `n` back. What was accepted before is accepted again: a module that refuses its
 * own old value leaves that one setting where it is. */
static void put_back(Change *list, int n) {
    const char *reason;
    for (int i = n - 1; i >= 0; i--) {
        KeelStr before = {list[i].before, list[i].before_len};
        setting_store_text(list[i].name->setting, before, false, &reason);
    }
}

static bool store_all(Change *list, int n, const char **reason, int *which) {
    for (int i = 0; i < n; i++) {
        KeelConfigOut out = {0};
        setting_text(list[i].name->setting, &out);
        list[i].before = out_take(&out, &list[i].before_len);
    }
    for (int i = 0; i < n; i++) {
        if (setting_store_text(list[i].name->setting, list[i].value, true, reason)) continue;
        *which = i;
        put_back(list, i);
        return false;
    }
    return true;
}

/* The reason may be a text that acting a second time overwrites. */
static bool act_on_all(Change *list, int n, const char **reason, int *which) {
    Setting **chosen = keel_alloc((size_t)n * sizeof *chosen);
    for (int i = 0; i < n; i++) chosen[i] = list[i].name->setting;
    size_t failed = 0;
    bool good = settings_apply(chosen, (size_t)n, false, reason, &failed);
    if (!good) {
        char *kept = keel_strdup(keel_str(*reason));
        const char *ignored;
        size_t at;
        *which = (int)failed;
        put_back(list, n);
        for (size_t i = 0; i <= failed; i++) {
            settings_apply(&chosen[i], 1, false, &ignored, &at);
        }
        *reason = keel_config_reason("%s", kept);
        keel_free(kept);
    }
    keel_free(chosen);
    return good;
}

static void tell_change(KeelCtx *c, const Change *list, int n) {
    if (!c || !hooks_count[KEEL_EVENT_CONFIG]) return;
    const char **names = keel_alloc((size_t)n * sizeof *names);
    for (int i = 0; i < n; i++) names[i] = list[i].name->name;
    KeelConfigEvent event = {names, (size_t)n};
    hooks_call(c, KEEL_EVENT_CONFIG, &event);
    keel_free(names);
}

bool keel_config_set(KeelCtx *c, const KeelStr *pairs, int n, const char **reason, int *which) {
    int ignored;
    if (!which) which = &ignored;
    if (n <= 0) return true;
    Change *list = keel_zalloc((size_t)n * sizeof *list);
    bool good = permit(c, list, n, pairs, reason, which) && store_all(list, n, reason, which) &&
                act_on_all(list, n, reason, which);
    if (good) tell_change(c, list, n);
    for (int i = 0; i < n; i++) keel_free(list[i].before);
    keel_free(list);
    return good;
}

/* ---- CONFIG GET ---- */

const KeelConfig *keel_config_find(KeelStr name) {
    Setting *s = setting_find(name);
    return s ? &s->row : NULL;
}

/* Rows are handed out, settings are not: the row is a setting's first member. */
char *keel_config_text(const KeelConfig *config, size_t *len) {
    KeelConfigOut out = {0};
    setting_text((const Setting *)(const void *)config, &out);
    return out_take(&out, len);
}

void keel_config_free(char *text) {
    keel_free(text);
}

bool keel_config_get(KeelStr name, char *out, size_t room, size_t *len) {
    const KeelConfig *row = keel_config_find(name);
    if (!row) return false;
    size_t full;
    char *text = keel_config_text(row, &full);
    if (room > 0) {
        size_t part = full < room - 1 ? full : room - 1;
        memcpy(out, text, part);
        out[part] = '\0';
    }
    if (len) *len = full;
    keel_free(text);
    return true;
}

void keel_config_each(bool (*each)(const KeelConfig *config, void *data), void *data) {
    for (size_t i = 0; i < setting_name_count; i++) {
        const Setting *s = setting_names[i].setting;
        if (setting_names[i].name == s->row.name && !each(&s->row, data)) return;
    }
}
