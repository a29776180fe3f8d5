/* bag.c - two data types for tests of the type registry and the codec.
 *
 *     BAG.ADD key word [word ...]   adds words to a bag, a list of words with a weight
 *     BAG.GET key                   the words
 *     BAG.FREED                     values freed so far, on whatever thread
 *     BAG.LIVE                      values that were made and not freed yet
 *     STATUE.SET key                a value that cannot be copied nor dumped
 *
 * A bag is saved as: number of words, the words as strings, the weight as a binary and as a decimal
 * double, the words' total length as a time. Opcodes above 200 are in nobody's use. */
#include <keel.h>
#include <math.h>
#include <string.h>

#define OPCODE_BAG 200
#define OPCODE_BAG_OLD 201 /* the same without the numbers behind the words */

typedef struct Bag {
    char **words;
    size_t *lens, count;
} Bag;

static int64_t made, freed;

static Bag *bag_new(void) {
    made++;
    return keel_zalloc(sizeof(Bag));
}

static void bag_free(void *ptr) {
    Bag *bag = ptr;
    for (size_t i = 0; i < bag->count; i++) keel_free(bag->words[i]);
    keel_free(bag->words);
    keel_free(bag->lens);
    keel_free(bag);
    __atomic_fetch_add(&freed, 1, __ATOMIC_RELAXED);
}

/* `word` becomes the bag's. */
static void bag_append(Bag *bag, char *word, size_t len) {
    if ((bag->count & (bag->count - 1)) == 0) {
        size_t room = bag->count ? bag->count * 2 : 1;
        bag->words = keel_realloc(bag->words, room * sizeof(*bag->words));
        bag->lens = keel_realloc(bag->lens, room * sizeof(*bag->lens));
    }
    bag->words[bag->count] = word;
    bag->lens[bag->count++] = len;
}

static int64_t bag_bytes(const Bag *bag) {
    int64_t bytes = 0;
    for (size_t i = 0; i < bag->count; i++) bytes += (int64_t)bag->lens[i];
    return bytes;
}

static uint8_t bag_opcode(const KeelValue *v) {
    const Bag *bag = v->ptr;
    return bag->count == 1 ? OPCODE_BAG_OLD : OPCODE_BAG;
}

static int bag_save(KeelSink *sink, const KeelValue *v) {
    const Bag *bag = v->ptr;
    keel_save_len(sink, bag->count);
    for (size_t i = 0; i < bag->count; i++) {
        keel_save_string(sink, (KeelStr){bag->words[i], bag->lens[i]});
    }
    if (bag_opcode(v) == OPCODE_BAG_OLD) return sink->failed ? -1 : 0;
    keel_save_double(sink, (double)bag->count / 2);
    keel_save_u8(sink, 3);
    keel_save_raw(sink, "2.5", 3);
    return keel_save_ms(sink, bag_bytes(bag));
}

static int load_words(KeelSource *source, Bag *bag) {
    uint64_t count;
    if (keel_load_len(source, &count, NULL) != 0) return -1;
    if (count > source->limit) return keel_load_fail(source, "a bag of more words than bytes");
    for (uint64_t i = 0; i < count; i++) {
        char *word;
        size_t len;
        if (keel_load_string(source, &word, &len) != 0) return -1;
        bag_append(bag, word, len);
    }
    return 0;
}

static int load_numbers(KeelSource *source, const Bag *bag) {
    double half, fixed;
    int64_t bytes;
    if (keel_load_double(source, &half) != 0 || keel_load_double_text(source, &fixed) != 0 ||
        keel_load_ms(source, &bytes) != 0) {
        return -1;
    }
    if (half != (double)bag->count / 2 || !(fixed == 2.5 || isnan(fixed) || isinf(fixed))) {
        return keel_load_fail(source, "a bag's weight is off");
    }
    return bytes == bag_bytes(bag) ? 0 : keel_load_fail(source, "a bag's length is off");
}

static int bag_load(KeelSource *source, uint8_t opcode, KeelValue *out) {
    Bag *bag = bag_new();
    int rc = load_words(source, bag);
    if (rc == 0 && opcode == OPCODE_BAG) rc = load_numbers(source, bag);
    if (rc == 0 && bag->count == 0) rc = 1;
    if (rc != 0) {
        bag_free(bag);
        return rc;
    }
    out->ptr = bag;
    return 0;
}

static void *bag_copy(const KeelValue *v) {
    const Bag *bag = v->ptr;
    Bag *copy = bag_new();
    for (size_t i = 0; i < bag->count; i++) {
        bag_append(copy, keel_strdup((KeelStr){bag->words[i], bag->lens[i]}), bag->lens[i]);
    }
    return copy;
}

/* The words of a large one in steps; the cursor is the number of the next. */
static void *bag_defragment(const KeelValue *v, uint64_t *cursor) {
    Bag *bag = v->ptr;
    size_t i = cursor ? *cursor : 0;
    if (i == 0) {
        bag = keel_move(bag);
        if (bag->words) bag->words = keel_move(bag->words);
        if (bag->lens) bag->lens = keel_move(bag->lens);
    }
    for (; i < bag->count; i++) {
        if (cursor && i % 64 == 63 && keel_move_over()) break;
        bag->words[i] = keel_move(bag->words[i]);
    }
    if (cursor) *cursor = i < bag->count ? i : 0;
    return bag;
}

static size_t bag_effort(const KeelValue *v) {
    return ((const Bag *)v->ptr)->count;
}

static const char *bag_encoding(const KeelKey *key, const KeelValue *v) {
    (void)key;
    return ((const Bag *)v->ptr)->count > 1 ? "sack" : "purse";
}

static const uint8_t bag_opcodes[] = {OPCODE_BAG, OPCODE_BAG_OLD, 255};
static const KeelType bag_type = {
    .name = "bag",
    .number = 100,
    .opcodes = bag_opcodes,
    .opcode = bag_opcode,
    .save = bag_save,
    .load = bag_load,
    .free = bag_free,
    .free_effort = bag_effort,
    .copy = bag_copy,
    .defragment = bag_defragment,
    .encoding = bag_encoding,
};

static const KeelType statue_type = {.name = "statue", .number = 101, .free = keel_free};

static const KeelType *const types[] = {&bag_type, &statue_type, NULL};

static void bag_add(KeelCtx *c, const KeelStr *argv, int argc) {
    KeelKey key;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (!keel_key_is(&key, &bag_type)) {
        keel_reply_wrongtype(c);
        return;
    }
    Bag *bag = keel_key_exists(&key) ? keel_key_value(&key) : bag_new();
    for (int i = 2; i < argc; i++) bag_append(bag, keel_strdup(argv[i]), argv[i].len);
    if (!keel_key_exists(&key)) keel_key_set_value(&key, &bag_type, bag, KEEL_NO_EXPIRY);
    keel_key_changed(&key, KEEL_NOTIFY_MODULE, "bag.add");
    keel_reply_int(c, (int64_t)bag->count);
}

static void bag_get(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    if (!keel_key_open(c, argv[1], KEEL_KEY_READ, &key)) {
        keel_reply_null(c);
    } else if (!keel_key_is(&key, &bag_type)) {
        keel_reply_wrongtype(c);
    } else {
        const Bag *bag = keel_key_value(&key);
        keel_reply_array(c, bag->count);
        for (size_t i = 0; i < bag->count; i++) {
            keel_reply_bulk(c, (KeelStr){bag->words[i], bag->lens[i]});
        }
    }
}

static void bag_freed(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_int(c, __atomic_load_n(&freed, __ATOMIC_RELAXED));
}

static void bag_live(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv;
    (void)argc;
    keel_reply_int(c, made - __atomic_load_n(&freed, __ATOMIC_RELAXED));
}

static void statue_set(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    KeelKey key;
    keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    keel_key_set_value(&key, &statue_type, keel_alloc(16), KEEL_NO_EXPIRY);
    keel_key_changed(&key, KEEL_NOTIFY_MODULE, "statue.set");
    keel_reply_ok(c);
}

static KeelHandler bag_sign;

static const KeelCommand commands[] = {
    {.name = "bag.sign", .flags = KEEL_READONLY, .call = bag_sign,
     .summary = "Shows what moved that belongs to no key.", .since = "1.0.0",
     .complexity = "O(1)"},
    {.name = "bag.add", .args = "key word [word ...]", .flags = KEEL_WRITE, .call = bag_add,
     .summary = "Adds words to a bag.", .since = "1.0.0", .complexity = "O(N)",
     .keys = "RW UPDATE"},
    {.name = "bag.get", .args = "key", .flags = KEEL_READONLY, .call = bag_get,
     .summary = "Returns the words of a bag.", .since = "1.0.0", .complexity = "O(N)",
     .keys = "RO ACCESS"},
    {.name = "bag.freed", .flags = KEEL_READONLY, .call = bag_freed,
     .summary = "Counts the bags freed.", .since = "1.0.0", .complexity = "O(1)"},
    {.name = "bag.live", .flags = KEEL_READONLY, .call = bag_live,
     .summary = "Counts the bags that there are.", .since = "1.0.0", .complexity = "O(1)"},
    {.name = "statue.set", .args = "key", .flags = KEEL_WRITE, .call = statue_set,
     .summary = "Makes a value that cannot be copied.", .since = "1.0.0", .complexity = "O(1)",
     .keys = "OW UPDATE"},
    {0},
};

/* What a hook of a pass may do with memory that belongs to no key. */
static char *sign;
static int64_t passes;

static void defragmented(KeelCtx *c, const void *data) {
    (void)c;
    if (((const KeelDefragmentEvent *)data)->phase != KEEL_AFTER) return;
    sign = keel_move(sign);
    passes++;
}

static void bag_sign(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    char *before = sign;
    sign = keel_move(sign); /* a command runs: nothing moves */
    keel_reply_array(c, 3);
    keel_reply_cstr(c, sign);
    keel_reply_int(c, passes);
    keel_reply_int(c, before == sign && keel_move_over());
}

static const KeelHook hooks[] = {
    {.event = KEEL_EVENT_DEFRAGMENT, .call = defragmented}, {0}};

static int load(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c, (void)argv, (void)argc;
    sign = keel_strdup(KEEL_LIT("bags for all"));
    return 0;
}

static int unload(KeelCtx *c) {
    (void)c;
    keel_free(sign);
    return 0;
}

KEEL_MODULE(.name = "bag", .version = "1.0.0", .summary = "Data types for tests.",
            .commands = commands, .types = types, .hooks = hooks, .load = load,
            .unload = unload);
