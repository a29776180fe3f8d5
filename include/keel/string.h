/* keel/string.h - the interface "string": what the module that owns strings offers to modules that
 * keep values of their own in them, and that a replacement of it must bring too. */
#ifndef KEEL_STRING_H
#define KEEL_STRING_H

#include <keel/base.h>
#include <keel/type.h>

#define KEEL_STRING_VERSION 100

/* From keel_interface("string", KEEL_STRING_VERSION), and the type's `operations`. Contexts:
 * command. */
typedef struct KeelStringOps {
    uint32_t size;
    /* For keel_key_is(), keel_key_set_bytes() and keel_key_bytes_edit(). */
    const KeelType *type;
    /* True: the key holds a string or is missing. False: WRONGTYPE was replied. */
    bool (*check)(KeelCtx *c, const KeelKey *key);
    /* Whether the client may make a string of this many bytes (proto-max-bulk-len). False: an error
     * was replied. */
    bool (*fits)(KeelCtx *c, uint64_t len);
    /* keel_key_bytes_edit(), with an error replied where that returns NULL. */
    char *(*edit)(KeelCtx *c, KeelKey *key, size_t len);
    /* Ones in `len` bytes, at the processor's best speed. */
    uint64_t (*count_bits)(const void *bytes, size_t len);
} KeelStringOps;

#endif
