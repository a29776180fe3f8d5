/* type.c - the registry of types: modules declare them, entries hold their slot's number. */
#include "type.h"

#include <keel.h>
#include <stdio.h>
#include <string.h>

#include "module.h"

/* Types of foreign modules share a key type number and an opcode: what follows the opcode
 * tells them apart. */
#define FOREIGN_NUMBER 5

TypeSlot types[256];
static unsigned types_end = 1; /* no slot from here on was ever used */

uint8_t type_number(const KeelType *declared) {
    for (unsigned i = 1; i < types_end; i++) {
        if (types[i].declared == declared) return (uint8_t)i;
    }
    return 0;
}

static TypeSlot *slot_by_name(KeelStr name) {
    for (unsigned i = 1; i < types_end; i++) {
        if (!types[i].declared || types[i].module->replaced) continue;
        if (keel_equal(keel_str(types[i].type.name), name)) return &types[i];
    }
    return NULL;
}

static TypeSlot *slot_by_opcode(uint8_t opcode) {
    for (unsigned i = 1; i < types_end; i++) {
        if (!types[i].declared || types[i].module->replaced) continue;
        const uint8_t *p = types[i].type.opcodes;
        for (; p && *p != 255; p++) {
            if (*p == opcode) return &types[i];
        }
    }
    return NULL;
}

/* What is wrong with a type's row, or NULL; `clash` then may name the module that is in the way. */
static const char *row_fault(const KeelType *t, const char **clash) {
    *clash = NULL;
    if (!t->name || !*t->name) return "has no name";
    const TypeSlot *other = slot_by_name(keel_str(t->name));
    if (other) {
        *clash = other->module->name;
        return "has the name of a type that is there already";
    }
    if (!t->bytes && !t->free) return "has no .free";
    if (!t->opcodes || *t->opcodes == 255) return NULL;
    if (!t->save || !t->load) return "has opcodes but not both .save and .load";
    for (const uint8_t *p = t->opcodes; *p != 255; p++) {
        other = slot_by_opcode(*p);
        if (!other) continue;
        if (t->number == FOREIGN_NUMBER && other->type.number == FOREIGN_NUMBER) continue;
        *clash = other->module->name;
        return "has an opcode that is taken";
    }
    return NULL;
}

static TypeSlot *free_slot(void) {
    for (unsigned i = 1; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].declared) continue;
        if (i >= types_end) types_end = i + 1;
        return &types[i];
    }
    return NULL;
}

int type_register(struct Module *module, char *error, size_t room) {
    size_t size = module->decl.type_size;
    if (size > sizeof(KeelType)) size = sizeof(KeelType);
    for (const KeelType *const *p = module->decl.types; p && *p; p++) {
        const char *clash;
        TypeSlot row = {.declared = *p, .module = module};
        memcpy(&row.type, *p, size);
        const char *fault = row_fault(&row.type, &clash);
        TypeSlot *slot = fault ? NULL : free_slot();
        if (!slot) {
            snprintf(error, room, "type '%.64s' %s%s%s", row.type.name ? row.type.name : "",
                     fault ? fault : "is one too many: 255 are", clash ? ", of module " : "",
                     clash ? clash : "");
            type_unregister(module);
            return -1;
        }
        *slot = row;
    }
    return 0;
}

void type_unregister(struct Module *module) {
    for (unsigned i = 1; i < types_end; i++) {
        if (types[i].declared && types[i].module == module) types[i] = (TypeSlot){0};
    }
}

const KeelType *keel_type_by_name(KeelStr name) {
    const TypeSlot *slot = slot_by_name(name);
    return slot ? slot->declared : NULL;
}

const KeelType *keel_type_by_opcode(uint8_t opcode) {
    const TypeSlot *slot = slot_by_opcode(opcode);
    return slot ? slot->declared : NULL;
}

const char *keel_type_module(const KeelType *type) {
    return types[type_number(type)].module->name;
}
