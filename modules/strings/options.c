/* options.c - the options that SET and GETEX share: conditions and times.
 *
 * One parser serves both, and SET's key extraction knows the same words, so that what the access
 * rules saw is what the command does. An option may be repeated; one that contradicts an earlier
 * one is a syntax error. */
#include "strings.h"

typedef struct Option {
    KeelStr word;
    unsigned bit;
    unsigned against; /* what must not have come before */
    bool value;       /* the next word belongs to it */
} Option;

static const Option options[] = {
    {KEEL_LIT("EX"), OPT_EX, OPT_KEEPTTL | OPT_PERSIST | (OPT_TIMES & ~OPT_EX), true},
    {KEEL_LIT("PX"), OPT_PX, OPT_KEEPTTL | OPT_PERSIST | (OPT_TIMES & ~OPT_PX), true},
    {KEEL_LIT("NX"), OPT_NX, OPT_XX, false},
    {KEEL_LIT("XX"), OPT_XX, OPT_NX, false},
    {KEEL_LIT("GET"), OPT_GET, 0, false},
    {KEEL_LIT("KEEPTTL"), OPT_KEEPTTL, OPT_PERSIST | OPT_TIMES, false},
    {KEEL_LIT("PERSIST"), OPT_PERSIST, OPT_KEEPTTL | OPT_TIMES, false},
    {KEEL_LIT("EXAT"), OPT_EXAT, OPT_KEEPTTL | OPT_PERSIST | (OPT_TIMES & ~OPT_EXAT), true},
    {KEEL_LIT("PXAT"), OPT_PXAT, OPT_KEEPTTL | OPT_PERSIST | (OPT_TIMES & ~OPT_PXAT), true},
};

static const Option *option_find(KeelStr s) {
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        const Option *o = &options[i];
        if (s.len == o->word.len && strncasecmp(s.ptr, o->word.ptr, s.len) == 0) return o;
    }
    return NULL;
}

/* Linear in the arguments; the table is short and lengths are compared before letters. */
bool options_parse(KeelCtx *c, const KeelStr *argv, int argc, int first, unsigned allowed,
                   Options *out) {
    out->flags = 0;
    out->time = (KeelStr){"", 0};
    for (int i = first; i < argc; i++) {
        const Option *o = option_find(argv[i]);
        if (!o || !(o->bit & allowed) || (o->against & out->flags) || (o->value && i + 1 == argc)) {
            keel_reply_syntax(c);
            return false;
        }
        out->flags |= o->bit;
        if (o->value) out->time = argv[++i];
    }
    return true;
}

/* Zero and what is before 1970 is refused, what merely has passed is not. Seconds are turned into
 * milliseconds, and times to live into points in time, in checked arithmetic. */
bool options_expiry(KeelCtx *c, const Options *o, int64_t *ms) {
    int64_t t;
    if (!keel_arg_int(c, o->time, &t)) return false;
    bool seconds = o->flags & (OPT_EX | OPT_EXAT), relative = o->flags & (OPT_EX | OPT_PX);
    if (t <= 0 || (seconds && __builtin_mul_overflow(t, 1000, &t)) ||
        (relative && __builtin_add_overflow(t, keel_now_ms(), &t))) {
        keel_reply_errorf(c, "ERR invalid expire time in '%s' command",
                          keel_command_name(keel_command(c)));
        return false;
    }
    *ms = t;
    return true;
}

/* With GET the old value is read; without, it is only overwritten. */
int strings_set_keys(const KeelStr *argv, int argc, KeelKeyUse *uses, int room) {
    if (argc < 3) return -1;
    uint32_t flags = KEEL_USE_OW | KEEL_USE_UPDATE;
    for (int i = 3; i < argc; i++) {
        if (keel_is(argv[i], "get")) flags = KEEL_USE_RW | KEEL_USE_ACCESS | KEEL_USE_UPDATE;
    }
    if (room > 0) uses[0] = (KeelKeyUse){1, flags};
    return 1;
}
