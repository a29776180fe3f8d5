/* type.h - the registry of types: small numbers in entries, KeelTypes outside. */
#ifndef CORE_TYPE_H
#define CORE_TYPE_H

#include <keel/type.h>

struct Module;

typedef struct TypeSlot {
    KeelType type;            /* zero-extended copy that the host calls through */
    const KeelType *declared; /* the module's own: its identity in the API. NULL: slot is free */
    struct Module *module;
} TypeSlot;
extern TypeSlot types[256];   /* slot 0 is never used */

/* Adds a module's types after checking names and opcodes against those that are there. 0, -1 with a
 * message. */
int type_register(struct Module *module, char *error, size_t room);
void type_unregister(struct Module *module);
/* The slot number of a declared type, 0 when unknown. Cost: a short scan; memoised by callers. */
uint8_t type_number(const KeelType *declared);

#endif
