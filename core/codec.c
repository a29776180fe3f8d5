/* codec.c - whole values: saved with their opcode, loaded by it, and as the payload of DUMP and
 * RESTORE, whose footer is the format's version and the checksum of all before it.
 *
 * What a value's bytes look like is its type's business: this file knows opcodes as numbers. */
#include <keel.h>
#include <string.h>

#include "keyspace.h"

#define FOOTER 10 /* 2 bytes of version, 8 of checksum */

static int rdb_version = 10;
static bool verify_checksums = true;

int keel_rdb_version(void) {
    return rdb_version;
}

void keel_rdb_set_version(int version) {
    rdb_version = version;
}

void keel_checksums_verified(bool on) {
    verify_checksums = on;
}

/* The callbacks of a value's type, whether it names the declared one or the registry's copy. */
static const KeelType *callbacks(const KeelType *type) {
    if (type >= &types[0].type && type <= &types[255].type) return type;
    return &types[type_number(type)].type;
}

/* The opcode that `v` is saved with now; -1 when its type cannot be saved. */
static int value_opcode(const KeelType *type, const KeelValue *v) {
    if (!type->save || !type->opcodes || *type->opcodes == 255) return -1;
    return type->opcode ? type->opcode(v) : *type->opcodes;
}

static int save_entry(KeelSink *sink, const KeelStr *name, const KeelValue *v) {
    const KeelType *type = callbacks(v->type);
    int opcode = value_opcode(type, v);
    if (opcode < 0) sink->failed = true;
    if (keel_save_u8(sink, (uint8_t)opcode) != 0) return -1;
    if (name && keel_save_string(sink, *name) != 0) return -1;
    if (type->save(sink, v) != 0) sink->failed = true;
    return sink->failed ? -1 : 0;
}

int keel_save_value(KeelSink *sink, const KeelValue *v) {
    return save_entry(sink, NULL, v);
}

int keel_save_key(KeelSink *sink, KeelStr name, const KeelValue *v) {
    return save_entry(sink, &name, v);
}

int keel_dump(KeelSink *sink, const KeelValue *v) {
    sink->checksum = true;
    sink->crc = 0;
    if (save_entry(sink, NULL, v) != 0) return -1;
    uint8_t version[2] = {(uint8_t)rdb_version, (uint8_t)(rdb_version >> 8)};
    keel_save_raw(sink, version, sizeof(version));
    if (keel_sink_flush(sink) != 0) return -1;
    return keel_save_ms(sink, (int64_t)sink->crc);
}

bool keel_undump(KeelStr payload, uint8_t *opcode, KeelStr *body) {
    if (payload.len < FOOTER) return false;
    const unsigned char *bytes = (const unsigned char *)payload.ptr;
    const unsigned char *footer = bytes + payload.len - FOOTER;
    if ((footer[0] | footer[1] << 8) > KEEL_RDB_NEWEST) return false;
    if (verify_checksums) {
        uint64_t crc = keel_crc64(0, bytes, payload.len - 8);
        for (int i = 2; i < FOOTER; i++, crc >>= 8) {
            if (footer[i] != (crc & 0xFF)) return false;
        }
    }
    bool empty = payload.len == FOOTER;
    *opcode = empty ? 255 : bytes[0];
    *body = (KeelStr){payload.ptr + !empty, payload.len - FOOTER - !empty};
    return true;
}

int keel_load_value(KeelSource *source, uint8_t opcode, KeelValue *out) {
    const KeelType *declared = keel_type_by_opcode(opcode);
    if (!declared) return keel_load_fail(source, "no module knows values of opcode %u", opcode);
    KeelValue v = {.type = declared, .name = source->name, .db = source->db};
    int rc = callbacks(declared)->load(source, opcode, &v);
    if (rc == 0 && source->failed) {
        keel_value_free(&v);
        rc = -1;
    }
    if (rc == 0) {
        *out = v;
        /* The view may be of the value itself, which has just moved. */
        if (v.bytes.ptr == v.scratch) out->bytes.ptr = out->scratch;
        return 0;
    }
    if (rc == 1) return 1;
    return keel_load_fail(source, "a malformed value of opcode %u", opcode);
}

void keel_value_free(KeelValue *v) {
    const KeelType *type = callbacks(v->type);
    if (type->bytes) {
        keel_free(v->ptr);
    } else if (v->ptr) {
        type->free(v->ptr);
    }
    v->ptr = NULL;
}

int keel_load_key(KeelSource *source, uint8_t opcode, struct KeelKey *key, int64_t expiry) {
    KeelValue v;
    source->name = key->name;
    source->db = key_db(key)->id;
    int rc = keel_load_value(source, opcode, &v);
    if (rc != 0) return rc;
    /* A load may have found the value to be of another type than its opcode's first one. */
    if (callbacks(v.type)->bytes) {
        keel_key_set_bytes(key, v.type, v.bytes, expiry);
        keel_value_free(&v);
    } else {
        keel_key_set_value(key, v.type, v.ptr, expiry);
    }
    return 0;
}
