/* keel/type.h - data types. A KeelType is all that the host knows of one; TYPE, OBJECT, DUMP,
 * RESTORE, COPY, UNLINK, MEMORY USAGE, SCAN TYPE and DEBUG DIGEST are written in terms of it. */
#ifndef KEEL_TYPE_H
#define KEEL_TYPE_H

#include <keel/base.h>

typedef struct KeelSink KeelSink;
typedef struct KeelSource KeelSource;
typedef struct KeelDigest KeelDigest;
typedef struct KeelType KeelType;
typedef struct KeelKey KeelKey;

/* A value as it is handed to and from type callbacks. For a type of bytes, `bytes` is its view
 * (and `scratch` may hold an integer's digits); for all others `ptr` is the module's. */
typedef struct KeelValue {
    const KeelType *type;
    void *ptr;
    KeelStr bytes;
    char scratch[KEEL_INT_ROOM];
    KeelStr name;              /* of the key that holds it; name.ptr NULL: it is in none */
    int db;                    /* where that key is */
    KeelStr to;                /* in copy(): the key that the copy is for; else ptr NULL */
    int to_db;
} KeelValue;

/* Callbacks may be NULL where the comment says what that means. `v->ptr` is never NULL. */
struct KeelType {
    const char *name;          /* what TYPE replies: "string", "list" */
    uint8_t number;            /* Redis's key type number; 5 for types of foreign modules */
    bool bytes;                /* values are bytes that the host stores itself */
    const uint8_t *opcodes;    /* the RDB value types that load() takes; the list ends with 255 */
    /* Writes the RDB value type to use now, without writing anything. NULL: opcodes[0]. */
    uint8_t (*opcode)(const KeelValue *v);
    /* Writes the value after its opcode. 0, or -1 when the sink failed. */
    int (*save)(KeelSink *sink, const KeelValue *v);
    /* Reads a value that `opcode` announced, trusting nothing: lengths, order, duplicates and
     * inner encodings are checked. Sets out->ptr (for bytes: calls keel_load_value_bytes). 0; -1
     * when malformed, with the reason in the source; 1 when the value is valid but empty, which
     * means that the key does not exist. */
    int (*load)(KeelSource *source, uint8_t opcode, KeelValue *out);
    /* Emits commands that make the value, through keel_rewrite_emit(). */
    int (*rewrite)(KeelSink *sink, KeelStr key, const KeelValue *v);
    /* Frees the value. May run on the host's background thread when free_effort was large. */
    void (*free)(void *ptr);
    /* About how many allocations free() walks; more than 64 sends an UNLINK to the background.
     * NULL: 1. */
    size_t (*free_effort)(const KeelValue *v);
    /* A deep copy of ptr; NULL refuses. Without it COPY is refused. */
    void *(*copy)(const KeelValue *v);
    /* Elements, as DEBUG OBJECT and scans see them. */
    size_t (*length)(const KeelValue *v);
    /* Bytes held beside the key's entry; `samples` elements are looked at, 0: all. */
    size_t (*memory)(const KeelValue *v, size_t samples);
    /* Adds the value to DEBUG DIGEST's sum. */
    void (*digest)(KeelDigest *d, const KeelValue *v);
    /* OBJECT ENCODING's word. */
    const char *(*encoding)(const KeelKey *key, const KeelValue *v);
    /* Moves the value's blocks to denser places with keel_move(), and returns where its ptr is now.
     * `cursor` NULL: all of them. Else the value is large, and a part is enough: from *cursor on
     * (0: the start) until keel_move_over(), leaving in *cursor where to go on, 0 when all is done.
     * The value may have changed since, or be another one: any cursor must do no harm. */
    void *(*defragment)(const KeelValue *v, uint64_t *cursor);
    /* Called on the loop's thread when a key that holds the value goes: before the value is freed,
     * perhaps elsewhere, or moved to another key. */
    void (*unlink)(const KeelValue *v);
    const void *operations;    /* the type's interface, for modules that work on its values */
    /* Aux fields of files: called before and after the keys are written. NULL: none. */
    int (*aux_save)(KeelSink *sink, bool after_keys);
    int (*aux_load)(KeelSource *source, bool after_keys);
    /* What a value looks like in memory, as a number of the author's, for MODULE RELOAD: values are
     * handed over to new code whose type has the same name and the same number. Another number is
     * due whenever the new code could misread the old one's values: fields, containers that are
     * linked into the module, pointers to its own code, constants or variables. 0: never the same;
     * they are saved by the old code and loaded by the new. Types of bytes need none. */
    uint32_t layout;
};

/* DEBUG DIGEST, with the real server's algorithm: a SHA1 chain for what has order, an XOR of
 * SHA1s for what has none. A provider of the "digest" interface owns the arithmetic. */
struct KeelDigest {
    unsigned char sum[20];
};
typedef struct KeelDigester {
    void (*mix)(KeelDigest *d, const void *bytes, size_t len);    /* ordered */
    void (*xor_)(KeelDigest *d, const void *bytes, size_t len);   /* unordered */
} KeelDigester;

/* The type of this name, or that takes this RDB opcode. NULL: none. */
KEEL_API const KeelType *keel_type_by_name(KeelStr name);
KEEL_API const KeelType *keel_type_by_opcode(uint8_t opcode);
/* The module that registered it. */
KEEL_API const char *keel_type_module(const KeelType *type);

#endif
