/* sets.c - the type "set", and the rows of SADD, SPOP, SINTER, SUNION, SDIFF, SSCAN ...
 *
 * A set is kept in one of three forms. Integers only, and at most set-max-intset-entries of them: a
 * sorted array (ds/intset.h). At most set-max-listpack-entries members of at most
 * set-max-listpack-value bytes: a listpack (ds/listpack.h). Otherwise a hash table (ds/dict.h),
 * whose elements are blocks of a length and the member's bytes. So a member costs 2 to 8 bytes, its
 * own bytes and 2, or its own bytes, 1 and about 13 of the table.
 *
 * On disk the first two forms are RDB types 11 and 20, byte for byte what they are in memory; the
 * table is type 2, a number of members and the members (rdb.c).
 *
 * value.c has the forms, members.c, random.c and algebra.c the commands. */
#include "sets.h"

#include <limits.h>
#include <string.h>

int64_t sets_max_ints, sets_max_packed, sets_max_packed_len;

/* ---- settings -------------------------------------------------------------------------------- */

/* -1: not asked yet since settings changed. */
static int lazy_server_del = -1;

bool sets_lazy(void) {
    if (__builtin_expect(lazy_server_del < 0, 0)) {
        char text[8];
        lazy_server_del =
            keel_config_get(KEEL_LIT("lazyfree-lazy-server-del"), text, sizeof(text), NULL) &&
            strcmp(text, "yes") == 0;
    }
    return lazy_server_del;
}

static void settings_changed(KeelCtx *c, const void *data) {
    (void)c;
    (void)data;
    lazy_server_del = -1;
}

/* ---- the type -------------------------------------------------------------------------------- */

static size_t type_free_effort(const KeelValue *v) {
    const Set *set = v->ptr;
    return set->form == SET_TABLE ? set_count(set) : 1;
}

static void *type_copy(const KeelValue *v) {
    return set_copy(v->ptr);
}

static void *type_defragment(const KeelValue *v, uint64_t *cursor) {
    return set_defragment(v->ptr, cursor);
}

static size_t type_length(const KeelValue *v) {
    return set_count(v->ptr);
}

static size_t type_memory(const KeelValue *v, size_t samples) {
    return set_memory(v->ptr, samples);
}

static void type_digest(KeelDigest *d, const KeelValue *v) {
    const KeelDigester *digester = keel_interface("digest", 100);
    SetWalk w;
    Member m;
    if (!digester) return;
    set_walk(&w, v->ptr);
    while (set_next(&w, &m)) {
        KeelStr s = member_str(&m);
        digester->xor_(d, s.ptr, s.len);
    }
}

static const char *type_encoding(const KeelKey *key, const KeelValue *v) {
    static const char *const names[] = {"intset", "listpack", "hashtable"};
    (void)key;
    return names[((const Set *)v->ptr)->form];
}

/* ---- the interface --------------------------------------------------------------------------- */

static void *ops_create(size_t members) {
    return set_new_for(KEEL_LIT("0"), members);
}

static size_t ops_length(const void *set) {
    return set_count(set);
}

static bool ops_has(const void *set, KeelStr member) {
    return set_has(set, member);
}

static bool ops_add(void *set, KeelStr member) {
    return set_add(set, member);
}

static bool ops_remove(void *set, KeelStr member) {
    return set_remove(set, member);
}

_Static_assert(sizeof(SetWalk) <= sizeof(KeelSetWalk), "a walk fits");

static void ops_walk(const void *set, KeelSetWalk *walk) {
    set_walk((SetWalk *)(void *)walk, set);
}

static void item_of(KeelSetItem *item, const Member *m) {
    item->member = m->str;
    if (m->str.ptr) return;
    item->member = (KeelStr){item->scratch, keel_format_int(item->scratch, m->number)};
}

static bool ops_next(KeelSetWalk *walk, KeelSetItem *item) {
    Member m;
    if (!set_next((SetWalk *)(void *)walk, &m)) return false;
    item_of(item, &m);
    return true;
}

static bool ops_random(const void *set, KeelSetItem *item) {
    Member m;
    if (set_count(set) == 0) return false;
    set_random(set, &m);
    item_of(item, &m);
    return true;
}

static const KeelSetOps operations = {
    .size = sizeof(operations),
    .type = &sets_type,
    .create = ops_create,
    .free = set_free,
    .length = ops_length,
    .has = ops_has,
    .add = ops_add,
    .remove = ops_remove,
    .walk = ops_walk,
    .next = ops_next,
    .random = ops_random,
    .store = sets_store,
    .scan = sets_scan,
};

static const uint8_t opcodes[] = {2, 11, 20, 255};

const KeelType sets_type = {
    .name = "set",
    .number = 2,
    .opcodes = opcodes,
    .opcode = sets_opcode,
    .save = sets_save,
    .load = sets_load,
    .rewrite = sets_rewrite,
    .free = set_free,
    .free_effort = type_free_effort,
    .copy = type_copy,
    .defragment = type_defragment,
    .length = type_length,
    .memory = type_memory,
    .digest = type_digest,
    .encoding = type_encoding,
    .operations = &operations,
};

/* ---- tables ---------------------------------------------------------------------------------- */

static const KeelConfig configs[] = {
    { .name = "set-max-intset-entries", .type = KEEL_CONFIG_INT, .var = &sets_max_ints,
      .value = "512", .max = LONG_MAX },
    { .name = "set-max-listpack-entries", .type = KEEL_CONFIG_INT, .var = &sets_max_packed,
      .value = "128", .max = LONG_MAX },
    { .name = "set-max-listpack-value", .type = KEEL_CONFIG_INT, .var = &sets_max_packed_len,
      .value = "64", .max = LONG_MAX },
    { 0 }
};

#define READ_FAST (KEEL_READONLY | KEEL_FAST)
#define WRITE_FAST (KEEL_WRITE | KEEL_FAST)
#define WRITE_OOM (KEEL_WRITE | KEEL_DENYOOM)
#define ALL_MEMBERS "O(N) where N is the total number of elements in all given sets."
#define SMALLEST                                                                                   \
    "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets."
#define BY_COUNT(n)                                                                                \
    "Without the count argument O(1), otherwise O(N) where N is the " n " of the passed count."

static const KeelCommand commands[] = {
    { .name = "sadd", .args = "key member [member ...]", .flags = WRITE_OOM | KEEL_FAST,
      .call = sets_sadd, .group = "set", .since = "1.0.0", .keys = "RW INSERT",
      .complexity = "O(1) for each element added, so O(N) to add N elements when the command is "
                    "called with multiple arguments.",
      .history = "2.4.0: Accepts multiple `member` arguments.",
      .summary = "Adds members to a set; a missing key counts as an empty one." },
    { .name = "scard", .args = "key", .flags = READ_FAST, .call = sets_scard, .group = "set",
      .since = "1.0.0", .complexity = "O(1)", .keys = "RO",
      .summary = "Counts the members of a set." },
    { .name = "sdiff", .args = "key [key ...]", .flags = KEEL_READONLY, .call = sets_sdiff,
      .group = "set", .since = "1.0.0", .complexity = ALL_MEMBERS, .keys = "RO ACCESS",
      .tips = "nondeterministic_output_order",
      .summary = "Returns the members of the first set that no other one has." },
    { .name = "sdiffstore", .args = "destination key [key ...]", .flags = WRITE_OOM,
      .call = sets_sdiffstore, .group = "set", .since = "1.0.0", .complexity = ALL_MEMBERS,
      .keys = "OW UPDATE & RO ACCESS",
      .summary = "Stores the members of the first set that no other one has." },
    { .name = "sinter", .args = "key [key ...]", .flags = KEEL_READONLY, .call = sets_sinter,
      .group = "set", .since = "1.0.0", .complexity = SMALLEST, .keys = "RO ACCESS",
      .tips = "nondeterministic_output_order",
      .summary = "Returns the members that all sets have." },
    { .name = "sintercard", .args = "numkeys key [key ...] [LIMIT limit:integer]",
      .flags = KEEL_READONLY, .call = sets_sintercard, .group = "set", .since = "7.0.0",
      .complexity = SMALLEST, .keys = "RO ACCESS",
      .summary = "Counts the members that all sets have." },
    { .name = "sinterstore", .args = "destination key [key ...]", .flags = WRITE_OOM,
      .call = sets_sinterstore, .group = "set", .since = "1.0.0", .complexity = SMALLEST,
      .keys = "RW UPDATE & RO ACCESS",
      .summary = "Stores the members that all sets have." },
    { .name = "sismember", .args = "key member", .flags = READ_FAST, .call = sets_sismember,
      .group = "set", .since = "1.0.0", .complexity = "O(1)", .keys = "RO",
      .summary = "Tells whether a set has a member." },
    { .name = "smembers", .args = "key", .flags = KEEL_READONLY, .call = sets_smembers,
      .group = "set", .since = "1.0.0", .complexity = "O(N) where N is the set cardinality.",
      .keys = "RO ACCESS", .tips = "nondeterministic_output_order",
      .summary = "Returns all members of a set." },
    { .name = "smismember", .args = "key member [member ...]", .flags = READ_FAST,
      .call = sets_smismember, .group = "set", .since = "6.2.0", .keys = "RO ACCESS",
      .complexity = "O(N) where N is the number of elements being checked for membership",
      .summary = "Tells for each of several members whether a set has it." },
    { .name = "smove", .args = "source destination member", .flags = WRITE_FAST,
      .call = sets_smove, .group = "set", .since = "1.0.0", .complexity = "O(1)",
      .keys = "RW ACCESS DELETE & RW INSERT",
      .summary = "Moves a member from one set to another." },
    { .name = "spop", .args = "key [count{3.2.0}]", .flags = WRITE_FAST, .call = sets_spop,
      .group = "set", .since = "1.0.0", .complexity = BY_COUNT("value"),
      .keys = "RW ACCESS DELETE", .tips = "nondeterministic_output",
      .history = "3.2.0: Added the `count` argument.",
      .summary = "Takes members out of a set at random and returns them." },
    { .name = "srandmember", .args = "key [count{2.6.0}]", .flags = KEEL_READONLY,
      .call = sets_srandmember, .group = "set", .since = "1.0.0",
      .complexity = BY_COUNT("absolute value"), .keys = "RO ACCESS",
      .tips = "nondeterministic_output", .history = "2.6.0: Added the optional `count` argument.",
      .summary = "Returns members of a set at random." },
    { .name = "srem", .args = "key member [member ...]", .flags = WRITE_FAST, .call = sets_srem,
      .group = "set", .since = "1.0.0", .keys = "RW DELETE",
      .complexity = "O(N) where N is the number of members to be removed.",
      .history = "2.4.0: Accepts multiple `member` arguments.",
      .summary = "Takes members out of a set; the key goes with the last one." },
    { .name = "sscan", .args = "key cursor [MATCH pattern] [COUNT count]", .flags = KEEL_READONLY,
      .call = sets_sscan, .group = "set", .since = "2.8.0", .keys = "RO ACCESS",
      .complexity = "O(1) for every call. O(N) for a complete iteration, including enough command "
                    "calls for the cursor to return back to 0. N is the number of elements inside "
                    "the collection.",
      .tips = "nondeterministic_output",
      .summary = "Returns the members of a set in steps." },
    { .name = "sunion", .args = "key [key ...]", .flags = KEEL_READONLY, .call = sets_sunion,
      .group = "set", .since = "1.0.0", .complexity = ALL_MEMBERS, .keys = "RO ACCESS",
      .tips = "nondeterministic_output_order",
      .summary = "Returns the members that any of the sets has." },
    { .name = "sunionstore", .args = "destination key [key ...]", .flags = WRITE_OOM,
      .call = sets_sunionstore, .group = "set", .since = "1.0.0", .complexity = ALL_MEMBERS,
      .keys = "OW UPDATE & RO ACCESS",
      .summary = "Stores the members that any of the sets has." },
    { 0 }
};

static const KeelHook hooks[] = {
    { .event = KEEL_EVENT_CONFIG, .call = settings_changed },
    { .call = NULL }
};

static const KeelInterface provides[] = {
    { .name = "set", .version = KEEL_SET_VERSION, .functions = &operations },
    { 0 }
};

KEEL_MODULE(.name = "sets", .version = "1.0.0",
            .summary = "Sets: SADD, SREM, SPOP, SINTER, SUNION, SDIFF, SSCAN ...",
            .commands = commands, .types = (const KeelType *const[]){&sets_type, NULL},
            .configs = configs, .hooks = hooks, .provides = provides);
