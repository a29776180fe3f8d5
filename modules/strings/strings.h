/* strings.h - what the files of the strings module share. */
#ifndef STRINGS_H
#define STRINGS_H

#include <keel.h>

extern const KeelType strings_type;

/* Handlers, by file. */
KeelHandler strings_get, strings_mget, strings_getset, strings_getdel, strings_getex;
KeelHandler strings_set, strings_setnx, strings_setex, strings_psetex, strings_mset, strings_msetnx;
KeelHandler strings_append, strings_strlen, strings_getrange, strings_setrange;
KeelHandler strings_incr, strings_decr, strings_incrby, strings_decrby, strings_incrbyfloat;
KeelHandler strings_lcs;
KeelHandler strings_getbit, strings_setbit, strings_bitcount, strings_bitpos;
KeelHandler strings_bitop;
KeelHandler strings_bitfield, strings_bitfield_ro;

KeelGetKeys strings_set_keys, strings_bitfield_keys;

/* Whether the key holds a string or nothing; otherwise WRONGTYPE has been replied. */
static inline bool strings_check(KeelCtx *c, const KeelKey *key) {
    if (__builtin_expect(keel_key_is(key, &strings_type), 1)) return true;
    keel_reply_wrongtype(c);
    return false;
}

/* Replies with the key's string, or null when it is missing: a read, which counts as a hit or a
 * miss as the look-up for a change does not. False: WRONGTYPE was replied. */
bool strings_reply_old(KeelCtx *c, KeelStr name);

/* Whether this client may make a string of `len` bytes (proto-max-bulk-len). What a primary sends
 * is always obeyed. */
bool strings_allows(KeelCtx *c, uint64_t len);
/* The same for `len` + `more`; false when an error was replied. */
bool strings_fits(KeelCtx *c, uint64_t len, uint64_t more);
/* The setting itself, which also bounds work memory. */
uint64_t strings_max(void);

/* keel_key_bytes_edit() for a size that a user chose: replies when memory is lacking. */
char *strings_edit(KeelCtx *c, KeelKey *key, size_t len);

/* SET's and GETEX's options. */
enum {
    OPT_NX = 1u << 0,
    OPT_XX = 1u << 1,
    OPT_GET = 1u << 2,
    OPT_KEEPTTL = 1u << 3,
    OPT_PERSIST = 1u << 4,
    OPT_EX = 1u << 5,
    OPT_PX = 1u << 6,
    OPT_EXAT = 1u << 7,
    OPT_PXAT = 1u << 8,
};
#define OPT_TIMES (OPT_EX | OPT_PX | OPT_EXAT | OPT_PXAT)
typedef struct Options {
    unsigned flags;
    KeelStr time;   /* the word after the time option, when there is one */
} Options;
/* Reads argv[first] and on; only options of `allowed` are known. False: an error was replied. */
bool options_parse(KeelCtx *c, const KeelStr *argv, int argc, int first, unsigned allowed,
                   Options *out);
/* The time that `o` states, as milliseconds since 1970. False: an error was replied. */
bool options_expiry(KeelCtx *c, const Options *o, int64_t *ms);

/* The bit offset that `s` states, "#n" meaning n * bits where bits is not 0. False: an error was
 * replied. */
bool bits_offset(KeelCtx *c, KeelStr s, unsigned bits, uint64_t *offset);
/* Ones in `len` bytes. */
uint64_t bits_count(const void *bytes, size_t len);

#endif
