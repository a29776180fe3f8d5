/* setting.h - one setting as the registry holds it; shared by config*.c and settings.c only. */
#ifndef CORE_SETTING_H
#define CORE_SETTING_H

#include "config.h"

struct Module;

/* A growing text: what .get and .rewrite write into. */
struct KeelConfigOut {
    char *text; /* NUL-terminated once anything was written; NULL before */
    size_t len, room;
};

typedef struct Setting {
    KeelConfig row;          /* zero-extended copy of the module's row */
    struct Module *module;
    char *initial;           /* the default as CONFIG GET shows it */
    char *initial_lines;     /* and as .rewrite writes it; NULL without .rewrite */
    bool given;              /* by file or command line: acted upon when everything is loaded */
    KeelStr *words;          /* KEEL_CONFIG_LINES: the words of all lines so far */
    int word_count;
} Setting;

/* What a name, or an older name, stands for: sorted by name. */
typedef struct SettingName {
    const char *name;
    Setting *setting;
} SettingName;
extern SettingName *setting_names;
extern size_t setting_name_count;

/* By name or older name, in either case; NULL when there is none. */
SettingName *setting_find_name(KeelStr name);
Setting *setting_find(KeelStr name);

/* Whether a value is a list of words rather than one. */
static inline bool setting_is_list(const Setting *s) {
    return (s->row.flags & KEEL_CONFIG_MULTI) || s->row.type == KEEL_CONFIG_FLAGS;
}

/* Reads and stores a value; with `check` the row's check is asked first. Nothing is stored when it
 * returns false with *reason. */
bool setting_store(Setting *s, const KeelStr *words, int count, bool check, const char **reason);
/* The same from one text, as CONFIG SET has it: lists are cut at every space. */
bool setting_store_text(Setting *s, KeelStr text, bool check, const char **reason);
/* A text as the words of a value: lists are cut at every space, all else is one word. Freed with
 * config_free_words(). */
KeelStr *setting_words(KeelStr text, bool list, int *count);
/* Adds the value as CONFIG GET shows it. */
void setting_text(const Setting *s, KeelConfigOut *out);
/* Adds the value as a configuration file has it: units, quotes. */
void setting_file_text(const Setting *s, KeelConfigOut *out);
/* Gives back what the value holds, when its module goes. */
void setting_drop_value(Setting *s);

/* Calls .apply of the chosen settings, each function once. On failure *failed is the index. */
bool settings_apply(Setting *const *list, size_t count, bool starting, const char **reason,
                    size_t *failed);

void out_bytes(KeelConfigOut *out, const char *bytes, size_t len);
void out_quoted(KeelConfigOut *out, KeelStr s);
/* A size with the largest unit that divides it, as files have it. */
void out_memory(KeelConfigOut *out, int64_t v);
/* The text, never NULL, which the caller frees with keel_free(). */
char *out_take(KeelConfigOut *out, size_t *len);

/* Gives a new module's settings what the file or command line said about them. 0; -1 with a
 * message. */
int config_settle(struct Module *module, char *error, size_t room);

#endif
