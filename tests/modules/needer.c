/* needer.c - a module that does nothing but need another. */
#include <keel.h>

KEEL_MODULE(.name = "needer", .version = "3", .summary = "Needs the module holder.",
            .needs = "strings holder");
