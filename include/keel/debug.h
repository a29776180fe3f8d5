/* keel/debug.h - subcommands of DEBUG that modules bring for what is theirs.
 *
 * DEBUG NAME asks for the interface "debug.name" (lower case) where it has no subcommand NAME
 * itself:
 *
 *     static const KeelDebug reload = {.size = sizeof(KeelDebug), .call = debug_reload,
 *                                      .help = reload_help};
 *     static const KeelInterface provides[] = {{"debug.reload", 100, &reload}, {0}}; */
#ifndef KEEL_DEBUG_H
#define KEEL_DEBUG_H

#include <keel/base.h>
#include <keel/command.h>

typedef struct KeelDebug {
    uint32_t size;
    KeelHandler *call;             /* argv[0] is "debug", argv[1] the subcommand's name */
    const char *const *help;       /* lines for DEBUG HELP, ended by NULL; NULL: none */
    int arity;                     /* as a command's, both names included; 0: not checked */
} KeelDebug;

#endif
