/* rules.c - see rules.h.
 *
 * A user has passwords and selectors, the first of which is the one that plain words change; a call
 * that any selector lets pass is allowed. In a selector, rules about commands are kept in order and
 * the last that concerns a command wins; a rule drops those before it that it makes void, so the
 * list stays as short as what it says. Patterns are tried one by one: the modes of two are not added
 * up. */
#define _GNU_SOURCE /* memrchr */
#include "rules.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READS = 1u << 0, WRITES = 1u << 1, BOTH = READS | WRITES };

typedef struct Item {
    struct Item *next;
    unsigned modes;              /* of keys */
    bool allow;                  /* of commands */
    uint64_t category;           /* of commands: its bit; 0: `text` names a command */
    char text[];                 /* a pattern; "get", "config|get", "select|0", "@read" */
} Item;

typedef struct Selector {
    struct Selector *next;
    bool all_commands, all_keys, all_channels;
    Item *commands, *keys, *channels;
} Selector;

struct Rules {
    bool on, no_pass, lax;       /* lax: payloads of RESTORE are not checked */
    Item *passwords;             /* as digests */
    Selector *selectors;         /* never NULL */
};

/* ---- lists ----------------------------------------------------------------------------------- */

static Item *item_add(Item **at, KeelStr text) {
    while (*at) at = &(*at)->next;
    Item *item = *at = keel_zalloc(sizeof(*item) + text.len + 1);
    memcpy(item->text, text.ptr, text.len);
    return item;
}

static Item *item_find(Item *list, KeelStr text) {
    while (list && !keel_equal(keel_str(list->text), text)) list = list->next;
    return list;
}

static void items_free(Item **list) {
    for (Item *item = *list, *next; item; item = next) {
        next = item->next;
        keel_free(item);
    }
    *list = NULL;
}

static Item *items_copy(const Item *list) {
    Item *copy = NULL;
    for (; list; list = list->next) {
        Item *item = item_add(&copy, keel_str(list->text));
        item->modes = list->modes;
        item->allow = list->allow;
        item->category = list->category;
    }
    return copy;
}

static void selectors_free(Selector **list) {
    for (Selector *s = *list, *next; s; s = next) {
        next = s->next;
        items_free(&s->commands);
        items_free(&s->keys);
        items_free(&s->channels);
        keel_free(s);
    }
    *list = NULL;
}

Rules *rules_new(void) {
    Rules *rules = keel_zalloc(sizeof(*rules));
    rules->selectors = keel_zalloc(sizeof(*rules->selectors));
    return rules;
}

Rules *rules_all(void) {
    Rules *rules = rules_new();
    Selector *s = rules->selectors;
    rules->on = rules->no_pass = s->all_commands = s->all_keys = s->all_channels = true;
    return rules;
}

Rules *rules_copy(const Rules *from) {
    Rules *rules = keel_alloc(sizeof(*rules));
    *rules = *from;
    rules->passwords = items_copy(from->passwords);
    Selector **at = &rules->selectors;
    for (const Selector *s = from->selectors; s; s = s->next, at = &(*at)->next) {
        Selector *copy = *at = keel_alloc(sizeof(*copy));
        *copy = *s;
        copy->next = NULL;
        copy->commands = items_copy(s->commands);
        copy->keys = items_copy(s->keys);
        copy->channels = items_copy(s->channels);
    }
    return rules;
}

void rules_free(Rules *rules) {
    items_free(&rules->passwords);
    selectors_free(&rules->selectors);
    keel_free(rules);
}

bool rules_on(const Rules *rules) {
    return rules->on;
}

bool rules_password(const Rules *rules, KeelStr password) {
    char digest[65];
    if (rules->no_pass) return true;
    sha256_hex(password, digest);
    unsigned found = 0;
    for (const Item *item = rules->passwords; item; item = item->next) {
        unsigned different = 0;
        for (int i = 0; i < 64; i++) different |= (unsigned)(item->text[i] ^ digest[i]);
        found |= !different;
    }
    return found;
}

/* ---- one word about commands ----------------------------------------------------------------- */

/* Adds a rule behind the others. The same one of before is void, and those of its subcommands. */
static void command_item(Selector *s, KeelStr text, bool allow, uint64_t category) {
    for (Item **at = &s->commands; *at;) {
        Item *old = *at;
        size_t len = strlen(old->text);
        bool same = len >= text.len && strncasecmp(old->text, text.ptr, text.len) == 0 &&
                    (len == text.len || old->text[text.len] == '|');
        if (!same) {
            at = &old->next;
            continue;
        }
        *at = old->next;
        keel_free(old);
    }
    Item *item = item_add(&s->commands, text);
    for (char *p = item->text; *p; p++) *p = (char)tolower((unsigned char)*p);
    item->allow = allow;
    item->category = category;
}

static int category_word(Selector *s, KeelStr word, bool allow) {
    KeelStr name = {word.ptr + 1, word.len - 1};
    if (keel_is(name, "all")) {
        items_free(&s->commands);
        s->all_commands = allow;
        return 0;
    }
    for (int bit = 0; keel_category_name(bit); bit++) {
        if (!keel_is(name, keel_category_name(bit))) continue;
        command_item(s, word, allow, 1ull << bit);
        return 0;
    }
    return ENOENT;
}

/* "name|word" of a command without subcommands allows it with that first argument only. */
static int first_argument_word(Selector *s, KeelStr text, const char *bar) {
    KeelStr name = {text.ptr, (size_t)(bar - text.ptr)};
    const KeelCommandRef *cmd = keel_command_find(name);
    if (!cmd) return ENOENT;
    if (strchr(keel_command_name(cmd), '|')) return ECHILD;
    if (bar + 1 == text.ptr + text.len) return EINVAL;
    if (keel_command_row(cmd)->subcommands && !keel_command_find(text)) return ENOENT;
    command_item(s, text, true, 0);
    return 0;
}

static int command_word(Selector *s, KeelStr word) {
    bool allow = *word.ptr == '+';
    KeelStr text = {word.ptr + 1, word.len - 1};
    if (text.len && *text.ptr == '@') return category_word(s, text, allow);
    const char *bar = memrchr(text.ptr, '|', text.len);
    if (allow && bar) return first_argument_word(s, text, bar);
    const KeelCommandRef *cmd = keel_command_find(text);
    if (!cmd) return ENOENT;
    command_item(s, keel_str(keel_command_name(cmd)), allow, 0);
    return 0;
}

/* ---- one word about keys and channels -------------------------------------------------------- */

static bool has_spaces(KeelStr s) {
    for (size_t i = 0; i < s.len; i++) {
        if (isspace((unsigned char)s.ptr[i]) || !s.ptr[i]) return true;
    }
    return false;
}

/* "~pattern", "%RW~pattern". */
static int key_word(Selector *s, KeelStr word) {
    unsigned modes = 0;
    size_t i = 1;
    if (s->all_keys) return EEXIST;
    if (*word.ptr == '~') {
        modes = BOTH;
    } else {
        for (; i < word.len && word.ptr[i] != '~'; i++) {
            int letter = toupper((unsigned char)word.ptr[i]);
            unsigned mode = letter == 'R' ? READS : letter == 'W' ? WRITES : 0u;
            if (!mode || modes & mode) return EINVAL;
            modes |= mode;
        }
        if (i++ >= word.len || !modes) return EINVAL;
    }
    KeelStr pattern = {word.ptr + i, word.len - i};
    if (has_spaces(pattern)) return EINVAL;
    Item *item = item_find(s->keys, pattern);
    if (!item) item = item_add(&s->keys, pattern);
    item->modes |= modes;
    return 0;
}

static int channel_word(Selector *s, KeelStr word) {
    KeelStr pattern = {word.ptr + 1, word.len - 1};
    if (s->all_channels) return EISDIR;
    if (has_spaces(pattern)) return EINVAL;
    if (!item_find(s->channels, pattern)) item_add(&s->channels, pattern);
    return 0;
}

static int selector_word(Selector *s, KeelStr word) {
    if (keel_is(word, "allkeys") || keel_is(word, "~*")) {
        s->all_keys = true;
        items_free(&s->keys);
    } else if (keel_is(word, "resetkeys")) {
        s->all_keys = false;
        items_free(&s->keys);
    } else if (keel_is(word, "allchannels") || keel_is(word, "&*")) {
        s->all_channels = true;
        items_free(&s->channels);
    } else if (keel_is(word, "resetchannels")) {
        s->all_channels = false;
        items_free(&s->channels);
    } else if (keel_is(word, "allcommands")) {
        return category_word(s, KEEL_LIT("@all"), true);
    } else if (keel_is(word, "nocommands")) {
        return category_word(s, KEEL_LIT("@all"), false);
    } else if (*word.ptr == '~' || *word.ptr == '%') {
        return key_word(s, word);
    } else if (*word.ptr == '&') {
        return channel_word(s, word);
    } else if (*word.ptr == '+' || *word.ptr == '-') {
        return command_word(s, word);
    } else {
        return EINVAL;
    }
    return 0;
}

/* ---- one word about the user ----------------------------------------------------------------- */

static bool is_digest(KeelStr s) {
    for (size_t i = 0; i < s.len; i++) {
        if (!memchr("0123456789abcdef", s.ptr[i], 16)) return false;
    }
    return s.len == 64;
}

/* ">password", "#digest" and their opposites '<' and '!'. */
static int password_word(Rules *rules, KeelStr word) {
    char digest[65];
    KeelStr secret = {word.ptr + 1, word.len - 1};
    if (*word.ptr == '>' || *word.ptr == '<') {
        sha256_hex(secret, digest);
        secret = keel_str(digest);
    } else if (!is_digest(secret)) {
        return EBADMSG;
    }
    if (*word.ptr == '>' || *word.ptr == '#') {
        if (!item_find(rules->passwords, secret)) item_add(&rules->passwords, secret);
        rules->no_pass = false;
        return 0;
    }
    Item **at = &rules->passwords, *found = item_find(*at, secret);
    if (!found) return ENODEV;
    while (*at != found) at = &(*at)->next;
    *at = found->next;
    keel_free(found);
    return 0;
}

/* The next word of a text. False: there is none. */
static bool next_word(KeelStr *rest, KeelStr *word) {
    while (rest->len && isspace((unsigned char)*rest->ptr)) rest->ptr++, rest->len--;
    size_t len = 0;
    while (len < rest->len && !isspace((unsigned char)rest->ptr[len])) len++;
    *word = (KeelStr){rest->ptr, len};
    rest->ptr += len;
    rest->len -= len;
    return len > 0;
}

static int selector_add(Rules *rules, KeelStr inside) {
    Selector *s = keel_zalloc(sizeof(*s)), **at = &rules->selectors;
    KeelStr word;
    int error = 0;
    while (!error && next_word(&inside, &word)) error = selector_word(s, word);
    if (error) {
        selectors_free(&s);
        return error;
    }
    while (*at) at = &(*at)->next;
    *at = s;
    return 0;
}

static void reset(Rules *rules) {
    items_free(&rules->passwords);
    selectors_free(&rules->selectors);
    *rules = (Rules){.selectors = keel_zalloc(sizeof(*rules->selectors))};
}

int rules_set(Rules *rules, KeelStr word) {
    if (!word.len) return 0;
    if (keel_is(word, "on") || keel_is(word, "off")) rules->on = word.len == 2;
    else if (keel_is(word, "skip-sanitize-payload")) rules->lax = true;
    else if (keel_is(word, "sanitize-payload")) rules->lax = false;
    else if (keel_is(word, "nopass") || keel_is(word, "resetpass")) {
        rules->no_pass = word.len == 6;
        items_free(&rules->passwords);
    } else if (strchr("><#!", *word.ptr)) {
        return password_word(rules, word);
    } else if (*word.ptr == '(' && word.ptr[word.len - 1] == ')') {
        return selector_add(rules, (KeelStr){word.ptr + 1, word.len - 2});
    } else if (keel_is(word, "clearselectors")) {
        selectors_free(&rules->selectors->next);
    } else if (keel_is(word, "reset")) {
        reset(rules);
    } else {
        return selector_word(rules->selectors, word);
    }
    return 0;
}

const char *rules_why(int error) {
    switch (error) {
    case ENOENT: return "Unknown command or category name in ACL";
    case EINVAL: return "Syntax error";
    case EEXIST:
        return "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does "
               "not have any effect. Try 'resetkeys' to start with an empty list of patterns";
    case EISDIR:
        return "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and "
               "does not have any effect. Try 'resetchannels' to start with an empty list of "
               "channels";
    case ENODEV: return "The password you are trying to remove from the user does not exist";
    case EBADMSG:
        return "The password hash must be exactly 64 characters and contain only lowercase "
               "hexadecimal characters";
    case ECHILD: return "Allowing first-arg of a subcommand is not supported";
    default: return "Wrong format";
    }
}

/* ---- texts ----------------------------------------------------------------------------------- */

typedef struct Text {
    char *bytes;
    size_t len, room;
    bool between;                /* the next word needs a space before it */
} Text;

static void say(Text *t, const char *bytes, size_t len) {
    if (t->room - t->len <= len) {
        t->room = (t->room + len) * 2 + 64;
        t->bytes = keel_realloc(t->bytes, t->room);
    }
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
    t->bytes[t->len] = '\0';
}

static void say_word(Text *t, const char *mark, const char *word) {
    if (t->between) say(t, " ", 1);
    say(t, mark, strlen(mark));
    say(t, word, strlen(word));
    t->between = true;
}

/* A selector in parentheses is one word, however many it consists of. False: it is not closed. */
static bool next_rule(KeelStr *rest, KeelStr *word) {
    if (!next_word(rest, word)) {
        word->len = 0;
        return true;
    }
    if (*word->ptr != '(') return true;
    KeelStr first = *word, more;
    while (word->ptr[word->len - 1] != ')') {
        if (!next_word(rest, &more)) {
            *word = first;
            return false;
        }
        word->len = (size_t)(more.ptr + more.len - word->ptr);
    }
    return true;
}

char *rules_set_text(Rules **rules, const char *text) {
    Rules *fresh = rules_copy(*rules);
    KeelStr rest = keel_str(text), word;
    Text complaint = {0};
    int error = 0;
    bool closed;
    do closed = next_rule(&rest, &word); while (closed && word.len);
    rest = keel_str(text);
    while (closed && !error && next_rule(&rest, &word) && word.len) error = rules_set(fresh, word);
    if (closed && !error) {
        rules_free(*rules);
        *rules = fresh;
        return NULL;
    }
    rules_free(fresh);
    const char *start = closed ? "Error in ACL SETUSER modifier '"
                               : "Unmatched parenthesis in selector definition starting at '";
    say(&complaint, start, strlen(start));
    say(&complaint, word.ptr, word.len);
    say(&complaint, closed ? "': " : "'", closed ? 3 : 1);
    if (closed) say(&complaint, rules_why(error), strlen(rules_why(error)));
    return complaint.bytes;
}

static void say_selector(Text *t, const Selector *s) {
    static const char *const marks[] = {"", "%R~", "%W~", "~"};
    if (s->all_keys) say_word(t, "~", "*");
    for (const Item *k = s->keys; k; k = k->next) say_word(t, marks[k->modes], k->text);
    if (s->all_channels) say_word(t, "&", "*");
    else say_word(t, "", "resetchannels");
    for (const Item *c = s->channels; c; c = c->next) say_word(t, "&", c->text);
    say_word(t, s->all_commands ? "+" : "-", "@all");
    for (const Item *c = s->commands; c; c = c->next) say_word(t, c->allow ? "+" : "-", c->text);
}

char *rules_text(const Rules *rules) {
    Text t = {0};
    say_word(&t, "", rules->on ? "on" : "off");
    if (rules->no_pass) say_word(&t, "", "nopass");
    say_word(&t, "", rules->lax ? "skip-sanitize-payload" : "sanitize-payload");
    for (const Item *p = rules->passwords; p; p = p->next) say_word(&t, "#", p->text);
    say_selector(&t, rules->selectors);
    for (const Selector *s = rules->selectors->next; s; s = s->next) {
        say_word(&t, "", "(");
        t.between = false;
        say_selector(&t, s);
        say(&t, ")", 1);
    }
    return t.bytes;
}

/* ---- judging --------------------------------------------------------------------------------- */

/* Whether a rule's text names the command: itself, its family, or it with this first argument. */
static bool names(const Item *rule, const char *name, const KeelStr *argv, int argc) {
    size_t len = strlen(rule->text);
    if (strncasecmp(name, rule->text, len) == 0 && (!name[len] || name[len] == '|')) return true;
    size_t own = strlen(name);
    return len > own && strncasecmp(name, rule->text, own) == 0 && rule->text[own] == '|' &&
           argc > 1 && keel_is(argv[1], rule->text + own + 1);
}

static bool command_allowed(const Selector *s, const KeelCommandRef *cmd, const KeelStr *argv,
                            int argc) {
    bool allowed = s->all_commands;
    const char *name = keel_command_name(cmd);
    uint64_t categories = keel_command_categories(cmd);
    for (const Item *rule = s->commands; rule; rule = rule->next) {
        bool concerns = rule->category ? categories & rule->category
                                       : names(rule, name, argv, argc);
        if (concerns) allowed = rule->allow;
    }
    return allowed;
}

static bool key_allowed(const Selector *s, KeelStr key, uint32_t use) {
    unsigned modes = 0;
    if (s->all_keys) return true;
    if (use & KEEL_USE_ACCESS) modes |= READS;
    if (use & (KEEL_USE_UPDATE | KEEL_USE_INSERT | KEEL_USE_DELETE)) modes |= WRITES;
    for (const Item *k = s->keys; k; k = k->next) {
        if ((k->modes & modes) == modes && keel_match(keel_str(k->text), key, false)) return true;
    }
    return false;
}

/* A pattern to listen to must be one of the user's own, letter by letter. */
static bool channel_allowed(const Selector *s, KeelStr channel, bool pattern) {
    if (s->all_channels) return true;
    for (const Item *c = s->channels; c; c = c->next) {
        KeelStr text = keel_str(c->text);
        if (pattern ? keel_equal(text, channel) : keel_match(text, channel, false)) return true;
    }
    return false;
}

bool rules_key(const Rules *rules, KeelStr key, uint32_t use) {
    const Selector *s = rules->selectors;
    while (s && !key_allowed(s, key, use)) s = s->next;
    return s != NULL;
}

bool rules_channel(const Rules *rules, KeelStr channel, bool pattern) {
    const Selector *s = rules->selectors;
    while (s && !channel_allowed(s, channel, pattern)) s = s->next;
    return s != NULL;
}

typedef struct Call {
    const KeelCommandRef *cmd;
    const KeelStr *argv;
    int argc;
    const KeelKeyUse *uses;
    int use_count;
    const RulesChannel *channels;
    int channel_count;
} Call;

static RulesVerdict selector_judge(const Selector *s, const Call *call, int *position) {
    bool anybody = keel_command_flags(call->cmd) & KEEL_NO_AUTH;
    *position = 0;
    if (!anybody && !command_allowed(s, call->cmd, call->argv, call->argc)) return RULES_COMMAND;
    for (int i = 0; i < call->use_count; i++) {
        if (call->uses[i].flags & KEEL_USE_NOT_KEY) continue;
        *position = call->uses[i].position;
        if (!key_allowed(s, call->argv[*position], call->uses[i].flags)) return RULES_KEY;
    }
    for (int i = 0; i < call->channel_count; i++) {
        *position = call->channels[i].position;
        if (!channel_allowed(s, call->argv[*position], call->channels[i].pattern)) {
            return RULES_CHANNEL;
        }
    }
    return RULES_PASS;
}

RulesVerdict rules_judge(const Rules *rules, const KeelCommandRef *cmd, const KeelStr *argv, int argc,
                         const RulesChannel *channels, int channel_count, int *position) {
    enum { USES = 64 };
    KeelKeyUse few[USES], *uses = few;
    int n = keel_command_keys(cmd, argv, argc, uses, USES), at;
    if (n > USES) {
        uses = keel_alloc((size_t)n * sizeof(*uses));
        n = keel_command_keys(cmd, argv, argc, uses, n);
    }
    Call call = {cmd, argv, argc, uses, n, channels, channel_count};
    RulesVerdict worst = RULES_PASS;
    *position = 0;
    for (const Selector *s = rules->selectors; s; s = s->next) {
        RulesVerdict verdict = selector_judge(s, &call, &at);
        if (verdict == RULES_PASS) {
            worst = RULES_PASS;
            break;
        }
        if (verdict < worst || (verdict == worst && at <= *position)) continue;
        worst = verdict;
        *position = at;
    }
    if (uses != few) keel_free(uses);
    return worst;
}
