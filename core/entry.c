/* entry.c - making entries and the buffers of long values. */
#include "entry.h"
#include "hash.h"

Entry *entry_new(KeelStr name, int64_t expiry, KeelForm form, size_t tail) {
    bool expires = expiry != KEEL_NO_EXPIRY, long_name = name.len >= 255;
    size_t size = sizeof(Entry) + (expires ? 8 : 0) + (long_name ? 4 : 0) + name.len + tail;
    Entry *e = mem_alloc_sized(size);
    e->type = 0;
    e->bits = (uint8_t)(form | (expires ? ENTRY_EXPIRES : 0) | (long_name ? ENTRY_LONG_NAME : 0));
    e->name_len = long_name ? 255 : (uint8_t)name.len;
    e->value_len = form == KEEL_FORM_EMBEDDED ? (uint16_t)tail : 0;
    char *p = e->data;
    if (expires) {
        memcpy(p, &expiry, 8);
        p += 8;
    }
    if (long_name) {
        uint32_t len = (uint32_t)name.len;
        memcpy(p, &len, 4);
        p += 4;
    }
    memcpy(p, name.ptr, name.len);
    return e;
}

uint64_t entry_hash(const void *entry) {
    KeelStr name = entry_name(entry);
    return hash_bytes(name.ptr, name.len);
}

Buffer *buffer_try_new(size_t len, size_t room) {
    if (room > PTRDIFF_MAX - sizeof(Buffer)) return NULL;
    Buffer *b = keel_try_alloc(sizeof(Buffer) + room);
    if (!b) return NULL;
    b->len = len;
    b->room = room;
    return b;
}

Buffer *buffer_new(size_t len, size_t room) {
    Buffer *b = buffer_try_new(len, room);
    if (!b) mem_exhausted(room);
    return b;
}

void buffer_free(Buffer *b) {
    keel_free(b);
}
