/* keel/config.h - settings: rows that CONFIG GET, SET and REWRITE, the configuration file and the
 * command line all serve. */
#ifndef KEEL_CONFIG_H
#define KEEL_CONFIG_H

#include <keel/base.h>

typedef enum KeelConfigType {
    KEEL_CONFIG_BOOL,   /* yes, no: var is bool * */
    KEEL_CONFIG_INT,    /* var is int64_t *, min and max hold */
    KEEL_CONFIG_MEMORY, /* the same with units: 64mb */
    KEEL_CONFIG_PERCENT_OR_MEMORY, /* "5%" is stored as -5 */
    KEEL_CONFIG_OCTAL,  /* a file mode */
    KEEL_CONFIG_ENUM,   /* var is int *, values from .words */
    KEEL_CONFIG_FLAGS,  /* several words at once: var is int * */
    KEEL_CONFIG_STRING, /* var is char ** of the host's; never NULL unless .null_if_empty */
    KEEL_CONFIG_CUSTOM, /* .get and .set do it */
} KeelConfigType;

enum {
    KEEL_CONFIG_IMMUTABLE = 1u << 0,   /* not by CONFIG SET */
    KEEL_CONFIG_PROTECTED = 1u << 1,   /* CONFIG SET only as enable-protected-configs allows */
    KEEL_CONFIG_SENSITIVE = 1u << 2,   /* never logged */
    KEEL_CONFIG_HIDDEN = 1u << 3,      /* not matched by patterns */
    KEEL_CONFIG_MULTI = 1u << 4,       /* takes several words, or none: .set sees them all */
    KEEL_CONFIG_DENY_LOADING = 1u << 5,
    KEEL_CONFIG_NULL_IF_EMPTY = 1u << 6, /* STRING: "" is kept as NULL */
    KEEL_CONFIG_LINES = 1u << 7,       /* with MULTI: several lines of a file add up. .set sees the
                                        * words of all, at each line; an empty value starts over */
};

typedef struct KeelWord {
    const char *word;
    int value;
} KeelWord;

typedef struct KeelConfig KeelConfig;
typedef struct KeelConfigOut KeelConfigOut;
struct KeelConfig {
    const char *name;    /* "maxmemory"; of a foreign module "module.name" */
    const char *alias;   /* an older name; NULL */
    KeelConfigType type;
    unsigned flags;
    void *var;           /* where the value lives; written by the host, default included */
    const char *value;   /* the default, as a user would write it */
    int64_t min, max;    /* both 0: the type's whole range, from 0 up for MEMORY */
    const KeelWord *words; /* ended by an empty one */
    /* Checks a new value before it is stored: *reason (static, or from keel_config_reason) says
     * what is wrong. NULL: nothing to check. */
    bool (*check)(const KeelConfig *config, KeelStr value, const char **reason);
    /* After all values of one CONFIG SET are stored: act on it. False with *reason: all of them are
     * set back, and act again. Settings that share a function have it called once, for the first
     * of them. Not called for defaults; called for the file's values once at the end of load with
     * `starting`. */
    bool (*apply)(const KeelConfig *config, bool starting, const char **reason);
    /* CUSTOM: the value as a user would write it, into a writer; and from one. Without MULTI there
     * is one word; with it an empty value has none. Changes nothing when it returns false. What
     * `get` writes must be good for `set`: values are put back so when another one is refused. */
    void (*get)(const KeelConfig *config, KeelConfigOut *out);
    bool (*set)(const KeelConfig *config, const KeelStr *argv, int argc, const char **reason);
    /* Rewrites itself: emits whole lines with keel_config_line(). NULL: "name value". */
    void (*rewrite)(const KeelConfig *config, KeelConfigOut *out);
};

KEEL_API void keel_config_write(KeelConfigOut *out, const char *format, ...) KEEL_PRINTF(2, 3);
KEEL_API void keel_config_line(KeelConfigOut *out, const char *format, ...) KEEL_PRINTF(2, 3);
/* A formatted reason that lives until the next one. */
KEEL_API const char *keel_config_reason(const char *format, ...) KEEL_PRINTF(1, 2);

/* Reads the setting of this name into `out` as CONFIG GET would. False: there is none. `out` holds
 * `room` bytes, NUL-terminated; *len (may be NULL) gets the full length. */
KEEL_API bool keel_config_get(KeelStr name, char *out, size_t room, size_t *len);
/* Sets several at once, or none: `n` pairs of name and value. False with *reason, and *which (may be
 * NULL) the index of the pair at fault, or -1 when the reason is the whole error but for "ERR". */
KEEL_API bool keel_config_set(KeelCtx *c, const KeelStr *pairs, int n, const char **reason,
                              int *which);
/* Calls `each` for all settings, in order of their names; false stops. */
KEEL_API void keel_config_each(bool (*each)(const KeelConfig *config, void *data), void *data);
KEEL_API const KeelConfig *keel_config_find(KeelStr name);
/* The value as CONFIG GET replies it: a block to free with keel_config_free(). Never NULL. */
KEEL_API char *keel_config_text(const KeelConfig *config, size_t *len);
KEEL_API void keel_config_free(char *text);
/* Writes all settings into the configuration file, keeping its comments and order: those that the
 * file has, and those that are not at their defaults (`all`: every one). NULL, or why not. */
KEEL_API const char *keel_config_rewrite(void);
KEEL_API const char *keel_config_rewrite_all(void);
/* The words that the configuration file, the command line or the load in progress give to a setting
 * that is not there yet: for loaders, whose modules want values before their tables are adopted.
 * Returns how many; 0: nothing was said of it. They live until the load is over. */
KEEL_API int keel_config_given(KeelStr name, const KeelStr **words);
/* The file's absolute path, "" without one. */
KEEL_API const char *keel_config_file(void);

#endif
