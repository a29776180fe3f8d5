/* digest.c - what a type's digest callback adds to DEBUG DIGEST: elements are chained in a sum of
 * their own, and each finished sequence is added to the value's sum, in no order. */
#include "rm.h"

#include <string.h>

struct RedisModuleDigest {
    const KeelDigester *digester;
    KeelDigest sequence, all;
    RedisModuleString *key;
    int db;
};

void rm_type_digest(KeelDigest *d, const KeelValue *v) {
    const ModValue *held = v->ptr;
    RedisModuleDigest md = {.digester = keel_interface("digest", 100), .db = v->db};
    if (!md.digester) return;
    md.key = rm_key_name(v->name);
    held->cell->type->methods.digest(&md, held->value);
    rm_string_release(md.key);
    md.digester->xor_(d, md.all.sum, sizeof(md.all.sum));
}

void RM_DigestAddStringBuffer(RedisModuleDigest *md, const char *bytes, size_t len) {
    md->digester->mix(&md->sequence, bytes, len);
}

void RM_DigestAddLongLong(RedisModuleDigest *md, long long v) {
    char digits[KEEL_INT_ROOM];
    md->digester->mix(&md->sequence, digits, keel_format_int(digits, v));
}

void RM_DigestEndSequence(RedisModuleDigest *md) {
    md->digester->xor_(&md->all, md->sequence.sum, sizeof(md->sequence.sum));
    memset(&md->sequence, 0, sizeof(md->sequence));
}

int RM_GetDbIdFromDigest(RedisModuleDigest *md) {
    return md->db;
}
const RedisModuleString *RM_GetKeyNameFromDigest(RedisModuleDigest *md) {
    return md->key;
}
