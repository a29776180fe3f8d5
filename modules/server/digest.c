/* digest.c - DEBUG DIGEST, DIGEST-VALUE and the interface "digest".
 *
 * The sums are those of Redis, so a dataset can be compared across servers: 20 bytes that start as
 * zeros. What has no order is XORed in as its SHA1; what has order replaces the sum by the SHA1 of
 * itself XORed so. A key's sum mixes its name, its type's number and its value, which the type
 * does, and XORs in a mark if it expires (when does not matter). A database's is the XOR of its
 * keys', after its id was mixed in. */
#include "server.h"

#include <arpa/inet.h>
#include <sha1.h>
#include <stdio.h>
#include <string.h>

static void digest_xor(KeelDigest *d, const void *bytes, size_t len) {
    unsigned char sum[SHA1_DIGEST_LENGTH];
    SHA1_CTX context;
    SHA1Init(&context);
    SHA1Update(&context, bytes, len);
    SHA1Final(sum, &context);
    for (size_t i = 0; i < sizeof(sum); i++) d->sum[i] ^= sum[i];
}

static void digest_mix(KeelDigest *d, const void *bytes, size_t len) {
    SHA1_CTX context;
    digest_xor(d, bytes, len);
    SHA1Init(&context);
    SHA1Update(&context, d->sum, sizeof(d->sum));
    SHA1Final(d->sum, &context);
}

const KeelDigester server_digester = {.mix = digest_mix, .xor_ = digest_xor};

/* A type that cannot be digested counts with its number alone. */
static void digest_value(KeelDigest *d, const KeelValue *v, int64_t expiry) {
    uint32_t number = htonl(v->type->number);
    digest_mix(d, &number, sizeof(number));
    if (v->type->digest) v->type->digest(d, v);
    else if (v->type->bytes) digest_mix(d, v->bytes.ptr, v->bytes.len);
    if (expiry != KEEL_NO_EXPIRY) digest_xor(d, "!!expire!!", 10);
}

static bool digest_key(const KeelSeen *seen, void *data) {
    KeelDigest *all = data, one = {{0}};
    KeelValue v;
    keel_seen_value(seen, &v);
    digest_mix(&one, seen->name.ptr, seen->name.len);
    digest_value(&one, &v, seen->expiry);
    digest_xor(all, one.sum, sizeof(one.sum));
    return true;
}

static void digest_reply(KeelCtx *c, const KeelDigest *d) {
    char hex[2 * sizeof(d->sum) + 1];
    for (size_t i = 0; i < sizeof(d->sum); i++) snprintf(hex + 2 * i, 3, "%02x", d->sum[i]);
    keel_reply_status(c, hex);
}

void debug_digest(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    KeelDigest all = {{0}};
    for (int db = 0; db < keel_db_count(); db++) {
        if (!keel_db_size(db)) continue;
        uint32_t id = htonl((uint32_t)db);
        digest_mix(&all, &id, sizeof(id));
        keel_db_each(db, digest_key, &all);
    }
    digest_reply(c, &all);
}

void debug_digest_value(KeelCtx *c, const KeelStr *argv, int argc) {
    keel_reply_array(c, (size_t)(argc - 2));
    for (int i = 2; i < argc; i++) {
        KeelDigest one = {{0}};
        KeelKey key;
        KeelValue v;
        if (keel_key_open(c, argv[i], KEEL_KEY_NO_TOUCH | KEEL_KEY_NO_STATS | KEEL_KEY_EXPIRED_TOO,
                          &key)) {
            keel_key_view(&key, &v);
            digest_value(&one, &v, keel_key_expiry(&key));
        }
        digest_reply(c, &one);
    }
}
