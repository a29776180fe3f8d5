/* ops.c - the interface "stream" (keel/stream.h): streams for other modules. */
#include "streams.h"

static Stream *stream_of(const KeelKey *key) {
    return keel_key_value(key);
}

static bool ops_check(KeelCtx *c, const KeelKey *key) {
    if (__builtin_expect(keel_key_is(key, &streams_type), 1)) return true;
    keel_reply_wrongtype(c);
    return false;
}

static void ops_create(KeelKey *key) {
    keel_key_set_value(key, &streams_type, stream_new(), KEEL_NO_EXPIRY);
}

static int ops_add(KeelKey *key, Id *id, bool generate, const KeelStr *fields, size_t pairs) {
    Stream *s = stream_of(key);
    Id next = generate ? id_next(s->last) : *id;
    if (id_compare(next, s->last) <= 0) return KEEL_STREAM_NOT_GREATER;
    const char *reason;
    if (!stream_append(s, next, fields, pairs, &reason)) return KEEL_STREAM_TOO_LARGE;
    *id = next;
    return KEEL_STREAM_OK;
}

static bool ops_remove(KeelKey *key, Id id) {
    return stream_remove(stream_of(key), id);
}

static uint64_t ops_length(const KeelKey *key) {
    return stream_of(key)->length;
}

static Id ops_last(const KeelKey *key) {
    return stream_of(key)->last;
}

/* An approximate trim for a command is limited in its work; this one is not. */
static uint64_t ops_trim_length(KeelKey *key, uint64_t keep, bool whole_nodes) {
    Trim trim = {.by = TRIM_LENGTH, .approximate = whole_nodes, .length = keep};
    return stream_trim(stream_of(key), &trim);
}

static uint64_t ops_trim_id(KeelKey *key, Id from, bool whole_nodes) {
    Trim trim = {.by = TRIM_ID, .approximate = whole_nodes, .id = from};
    return stream_trim(stream_of(key), &trim);
}

/* ---- walks ----------------------------------------------------------------------------------- */

struct KeelStreamWalk {
    Walk walk;
    char scratch[2][KEEL_INT_ROOM];
};

static KeelStreamWalk *ops_walk(const KeelKey *key, Id from, Id to, bool backwards) {
    KeelStreamWalk *walk = keel_alloc(sizeof(*walk));
    walk_begin(&walk->walk, stream_of(key), from, to, backwards);
    return walk;
}

static bool ops_walk_next(KeelStreamWalk *walk, Id *id, size_t *pairs) {
    if (!walk_next(&walk->walk)) return false;
    if (id) *id = walk->walk.entry.id;
    if (pairs) *pairs = (size_t)walk->walk.entry.pairs;
    return true;
}

static bool ops_walk_field(KeelStreamWalk *walk, KeelStr *field, KeelStr *value) {
    LpValue v[2];
    KeelStr *out[2] = {field, value};
    if (!walk_field(&walk->walk, &v[0], &v[1])) return false;
    for (int i = 0; i < 2; i++) {
        *out[i] = v[i].ptr ? (KeelStr){v[i].ptr, v[i].len}
                           : (KeelStr){walk->scratch[i],
                                       keel_format_int(walk->scratch[i], v[i].number)};
    }
    return true;
}

static void ops_walk_remove(KeelStreamWalk *walk) {
    Id id = walk->walk.entry.id;
    Stream *s = walk->walk.stream;
    walk_remove(&walk->walk);
    stream_removed(s, id);
}

static void ops_walk_end(KeelStreamWalk *walk) {
    walk_end(&walk->walk);
    keel_free(walk);
}

static bool ops_parse_id(KeelStr text, uint64_t seq, Id *id) {
    return id_parse(text, seq, true, NULL, id);
}

const KeelStreamOps stream_operations = {
    .size = sizeof(stream_operations),
    .type = &streams_type,
    .check = ops_check,
    .create = ops_create,
    .add = ops_add,
    .remove = ops_remove,
    .length = ops_length,
    .last = ops_last,
    .trim_length = ops_trim_length,
    .trim_id = ops_trim_id,
    .walk = ops_walk,
    .walk_next = ops_walk_next,
    .walk_field = ops_walk_field,
    .walk_remove = ops_walk_remove,
    .walk_end = ops_walk_end,
    .parse_id = ops_parse_id,
    .format_id = id_format,
};
