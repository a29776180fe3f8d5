/* config_value.c - values of settings: read from words, shown as text, stored where rows say.
 *
 * The texts of refusals are those that clients of CONFIG SET and readers of start-up errors know;
 * tests compare them. A value is read completely before anything is stored, so a refusal leaves
 * the setting as it was. */
#include "setting.h"

#include <keel/memory.h>
#include <keel/text.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- growing text ---- */

static void out_room(KeelConfigOut *out, size_t more) {
    if (out->text && out->room - out->len > more) return;
    size_t room = (out->len + more + 1) * 2;
    out->text = keel_realloc(out->text, room);
    out->room = room;
}

void out_bytes(KeelConfigOut *out, const char *bytes, size_t len) {
    out_room(out, len);
    memcpy(out->text + out->len, bytes, len);
    out->len += len;
    out->text[out->len] = '\0';
}

static void out_format(KeelConfigOut *out, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0) return;
    out_room(out, (size_t)len);
    vsnprintf(out->text + out->len, (size_t)len + 1, format, args);
    out->len += (size_t)len;
}

/* Every byte survives a round through config_split(). */
void out_quoted(KeelConfigOut *out, KeelStr s) {
    out_bytes(out, "\"", 1);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char ch = (unsigned char)s.ptr[i];
        static const char pairs[] = "\\\\\"\"\nn\rr\tt\aa\bb"; /* byte, letter */
        const char *plain = NULL;
        for (const char *p = pairs; *p; p += 2) {
            if ((unsigned char)*p == ch) plain = p + 1;
        }
        char text[8];
        int len = plain ? snprintf(text, sizeof text, "\\%c", *plain)
                  : ch >= 32 && ch < 127 ? snprintf(text, sizeof text, "%c", ch)
                                         : snprintf(text, sizeof text, "\\x%02x", ch);
        out_bytes(out, text, (size_t)len);
    }
    out_bytes(out, "\"", 1);
}

char *out_take(KeelConfigOut *out, size_t *len) {
    if (!out->text) out_bytes(out, "", 0);
    if (len) *len = out->len;
    char *text = out->text;
    *out = (KeelConfigOut){0};
    return text;
}

void keel_config_write(KeelConfigOut *out, const char *format, ...) {
    va_list args;
    va_start(args, format);
    out_format(out, format, args);
    va_end(args);
}

void keel_config_line(KeelConfigOut *out, const char *format, ...) {
    va_list args;
    va_start(args, format);
    out_format(out, format, args);
    va_end(args);
    out_bytes(out, "\n", 1);
}

const char *keel_config_reason(const char *format, ...) {
    static char *last;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t room = len > 0 ? (size_t)len + 1 : 1; /* a user's word in full, however long it is */
    char *text = keel_alloc(room);
    text[0] = '\0';
    va_start(args, format);
    vsnprintf(text, room, format, args);
    va_end(args);
    keel_free(last); /* only now, as the new one may repeat it */
    last = text;
    return text;
}

/* ---- reading ---- */

static bool refuse(const char **reason, const char *text) {
    *reason = text;
    return false;
}

static bool read_bool(KeelStr s, bool *out, const char **reason) {
    if (!keel_is(s, "yes") && !keel_is(s, "no")) {
        return refuse(reason, "argument must be 'yes' or 'no'");
    }
    *out = keel_is(s, "yes");
    return true;
}

/* Digits and a unit; what does not fit is UINT64_MAX, which no setting's range admits. No digits at
 * all are 0, as they have always been. */
static bool read_size(KeelStr s, uint64_t *out) {
    static const struct {
        const char *name;
        uint64_t factor;
    } units[] = {{"", 1},         {"b", 1},        {"k", 1000},          {"kb", 1024},
                 {"m", 1000000},  {"mb", 1 << 20}, {"g", 1000000000},    {"gb", 1 << 30}};
    uint64_t v = 0;
    size_t i = 0;
    for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++) {
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v)) {
            v = UINT64_MAX;
            while (i + 1 < s.len && s.ptr[i + 1] >= '0' && s.ptr[i + 1] <= '9') i++;
        }
    }
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        if (!keel_is((KeelStr){s.ptr + i, s.len - i}, units[u].name)) continue;
        if (__builtin_mul_overflow(v, units[u].factor, out)) *out = UINT64_MAX;
        return true;
    }
    return false;
}

/* The row's range, or the whole one of its type. */
static void range_of(const KeelConfig *row, int64_t *min, int64_t *max) {
    *min = row->min;
    *max = row->max;
    if (row->min != 0 || row->max != 0) return;
    *min = row->type == KEEL_CONFIG_INT ? INT64_MIN : 0;
    *max = row->type == KEEL_CONFIG_OCTAL ? 0777 : INT64_MAX;
}

static bool in_range(const KeelConfig *row, int64_t v, bool too_large, const char **reason) {
    int64_t min, max;
    range_of(row, &min, &max);
    if (!too_large && v >= min && v <= max) return true;
    if (row->type == KEEL_CONFIG_OCTAL) {
        *reason = keel_config_reason("argument must be between %llo and %llo inclusive",
                                     (unsigned long long)min, (unsigned long long)max);
    } else {
        *reason = keel_config_reason("argument must be between %lld and %lld inclusive",
                                     (long long)min, (long long)max);
    }
    return false;
}

static bool read_percent(const KeelConfig *row, KeelStr s, int64_t *out, const char **reason) {
    int64_t v, limit = row->min < 0 ? -row->min : 100;
    if (!keel_parse_int((KeelStr){s.ptr, s.len - 1}, &v) || v < 0) {
        return refuse(reason, "argument must be a memory or percent value");
    }
    if (v > limit) {
        *reason = keel_config_reason("percentage argument must be less or equal to %lld",
                                     (long long)limit);
        return false;
    }
    *out = -v;
    return true;
}

static bool read_octal(const KeelConfig *row, KeelStr s, int64_t *out, const char **reason) {
    int64_t v = 0;
    bool too_large = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '7') {
            return refuse(reason, "argument couldn't be parsed as an octal number");
        }
        v = v * 8 + (s.ptr[i] - '0');
        if (v > INT_MAX) too_large = true, v = 0;
    }
    if (s.len == 0) return refuse(reason, "argument couldn't be parsed as an octal number");
    if (!in_range(row, v, too_large, reason)) return false;
    *out = v;
    return true;
}

static bool read_number(const KeelConfig *row, KeelStr s, int64_t *out, const char **reason) {
    int64_t v = 0;
    uint64_t size = 0;
    switch (row->type) {
    case KEEL_CONFIG_INT:
        if (!keel_parse_int(s, &v)) {
            return refuse(reason, "argument couldn't be parsed into an integer");
        }
        break;
    case KEEL_CONFIG_OCTAL:
        return read_octal(row, s, out, reason);
    default:
        if (row->type == KEEL_CONFIG_PERCENT_OR_MEMORY) {
            if (s.len > 1 && s.ptr[s.len - 1] == '%') return read_percent(row, s, out, reason);
            if (!read_size(s, &size)) {
                return refuse(reason, "argument must be a memory or percent value");
            }
        } else if (!read_size(s, &size)) {
            return refuse(reason, "argument must be a memory value");
        }
        v = size > INT64_MAX ? 0 : (int64_t)size;
    }
    if (!in_range(row, v, size > INT64_MAX, reason)) return false;
    *out = v;
    return true;
}

static bool read_words(const KeelConfig *row, const KeelStr *words, int count, int *out,
                       const char **reason) {
    int value = 0;
    bool good = count > 0;
    for (int i = 0; i < count && good; i++) {
        const KeelWord *w = row->words;
        while (w->word && !keel_is(words[i], w->word)) w++;
        good = w->word != NULL;
        if (good) value |= w->value;
    }
    if (good) {
        *out = value;
        return true;
    }
    char text[900];
    size_t len = 0;
    for (const KeelWord *w = row->words; w->word && len < sizeof text; w++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", w == row->words ? "" : ", ",
                                w->word);
    }
    *reason = keel_config_reason("argument(s) must be one of the following: %s", text);
    return false;
}

/* The words with one space between, for .check and for strings of several words. */
static char *join(const KeelStr *words, int count, size_t *len) {
    KeelConfigOut out = {0};
    for (int i = 0; i < count; i++) {
        if (i) out_bytes(&out, " ", 1);
        out_bytes(&out, words[i].ptr, words[i].len);
    }
    return out_take(&out, len);
}

static bool check_agrees(const KeelConfig *row, KeelStr value, const char **reason) {
    if (row->check && !row->check(row, value, reason)) {
        if (!*reason) *reason = "argument is not valid";
        return false;
    }
    return true;
}

static bool store_string(const KeelConfig *row, char *text, size_t len, const char **reason) {
    if (memchr(text, '\0', len)) {
        keel_free(text);
        return refuse(reason, "argument can't contain a NUL byte");
    }
    char **var = row->var;
    keel_free(*var);
    if (len == 0 && (row->flags & KEEL_CONFIG_NULL_IF_EMPTY)) {
        keel_free(text);
        text = NULL;
    }
    *var = text;
    return true;
}

static bool store_custom(const KeelConfig *row, const KeelStr *words, int count,
                         const char **reason) {
    if (row->set(row, words, count, reason)) return true;
    if (!*reason) *reason = "argument is not valid";
    return false;
}

/* The check comes after the type's own, whose refusals are the clearer ones. */
static bool store(const KeelConfig *row, const KeelStr *words, int count, bool check,
                  const char **reason) {
    union {
        bool flag;
        int word;
        int64_t number;
    } v;
    size_t len;
    bool good = true;
    char *text = join(words, count, &len);
    KeelStr joined = {text, len};
    switch (row->type) {
    case KEEL_CONFIG_BOOL:
        good = read_bool(words[0], &v.flag, reason);
        break;
    case KEEL_CONFIG_ENUM:
    case KEEL_CONFIG_FLAGS:
        good = read_words(row, words, count, &v.word, reason);
        break;
    case KEEL_CONFIG_STRING:
    case KEEL_CONFIG_CUSTOM:
        break;
    default:
        good = read_number(row, words[0], &v.number, reason);
    }
    if (good && check) good = check_agrees(row, joined, reason);
    if (good) {
        switch (row->type) {
        case KEEL_CONFIG_BOOL:
            *(bool *)row->var = v.flag;
            break;
        case KEEL_CONFIG_ENUM:
        case KEEL_CONFIG_FLAGS:
            *(int *)row->var = v.word;
            break;
        case KEEL_CONFIG_STRING:
            return store_string(row, text, len, reason);
        case KEEL_CONFIG_CUSTOM:
            good = store_custom(row, words, count, reason);
            break;
        default:
            *(int64_t *)row->var = v.number;
        }
    }
    keel_free(text);
    return good;
}

bool setting_store(Setting *s, const KeelStr *words, int count, bool check, const char **reason) {
    *reason = NULL;
    if (!setting_is_list(s) && count != 1) return refuse(reason, "wrong number of arguments");
    return store(&s->row, words, count, check, reason);
}

/* Handlers may rely on the NUL behind each word, so the words are copies. */
KeelStr *setting_words(KeelStr text, bool list, int *count) {
    size_t room = 1;
    for (size_t i = 0; list && i < text.len; i++) room += text.ptr[i] == ' ';
    KeelStr *words = keel_alloc(room * sizeof *words);
    *count = 0;
    for (size_t at = 0; at <= text.len && !(list && text.len == 0);) {
        size_t end = at;
        while (end < text.len && !(list && text.ptr[end] == ' ')) end++;
        KeelStr word = {text.ptr + at, end - at};
        words[(*count)++] = (KeelStr){keel_strdup(word), word.len};
        at = end + 1;
    }
    return words;
}

bool setting_store_text(Setting *s, KeelStr text, bool check, const char **reason) {
    int count;
    if (text.len > INT_MAX / 2) return refuse(reason, "wrong number of arguments");
    KeelStr *words = setting_words(text, setting_is_list(s), &count);
    bool good = setting_store(s, words, count, check, reason);
    config_free_words(words, count);
    return good;
}

void setting_drop_value(Setting *s) {
    if (s->row.type != KEEL_CONFIG_STRING) return;
    keel_free(*(char **)s->row.var);
    *(char **)s->row.var = NULL;
}

/* ---- showing ---- */

static void words_text(const KeelConfig *row, KeelConfigOut *out) {
    int v = *(const int *)row->var;
    for (const KeelWord *w = row->words; w->word; w++) {
        if (w->value == v) {
            keel_config_write(out, "%s", w->word);
            return;
        }
    }
    bool first = true;
    for (const KeelWord *w = row->words; w->word; w++) {
        if (w->value == 0 || (v & w->value) != w->value) continue;
        keel_config_write(out, "%s%s", first ? "" : " ", w->word);
        first = false;
    }
    if (first) keel_config_write(out, "unknown");
}

void out_memory(KeelConfigOut *out, int64_t v) {
    static const char *const names[] = {"", "kb", "mb", "gb"};
    int unit = 0;
    while (v != 0 && unit < 3 && v % 1024 == 0) {
        v /= 1024;
        unit++;
    }
    keel_config_write(out, "%lld%s", (long long)v, names[unit]);
}

static void text_of(const Setting *s, bool file, KeelConfigOut *out) {
    const KeelConfig *row = &s->row;
    int64_t number = 0;
    if (row->type >= KEEL_CONFIG_INT && row->type <= KEEL_CONFIG_OCTAL) {
        number = *(const int64_t *)row->var;
    }
    switch (row->type) {
    case KEEL_CONFIG_BOOL:
        keel_config_write(out, "%s", *(const bool *)row->var ? "yes" : "no");
        break;
    case KEEL_CONFIG_INT:
        keel_config_write(out, "%lld", (long long)number);
        break;
    case KEEL_CONFIG_OCTAL:
        keel_config_write(out, "%llo", (unsigned long long)number);
        break;
    case KEEL_CONFIG_PERCENT_OR_MEMORY:
        if (number < 0) {
            keel_config_write(out, "%lld%%", -(long long)number);
            break;
        } /* fall through */
    case KEEL_CONFIG_MEMORY:
        if (file) {
            out_memory(out, number);
        } else {
            keel_config_write(out, "%lld", (long long)number);
        }
        break;
    case KEEL_CONFIG_ENUM:
    case KEEL_CONFIG_FLAGS:
        words_text(row, out);
        break;
    case KEEL_CONFIG_STRING: {
        const char *text = *(char *const *)row->var;
        KeelStr value = keel_str(text ? text : "");
        if (file) {
            out_quoted(out, value);
        } else {
            out_bytes(out, value.ptr, value.len);
        }
        break;
    }
    case KEEL_CONFIG_CUSTOM:
        row->get(row, out);
        break;
    }
}

void setting_text(const Setting *s, KeelConfigOut *out) {
    text_of(s, false, out);
}

/* A custom list is made of words that need no quotes; any other custom value is one word, which
 * may. */
void setting_file_text(const Setting *s, KeelConfigOut *out) {
    if (s->row.type != KEEL_CONFIG_CUSTOM) {
        text_of(s, true, out);
        return;
    }
    KeelConfigOut value = {0};
    text_of(s, true, &value);
    size_t len;
    char *text = out_take(&value, &len);
    if (len > 0 && setting_is_list(s)) {
        out_bytes(out, text, len);
    } else {
        out_quoted(out, (KeelStr){text, len});
    }
    keel_free(text);
}
