/* command.h - COMMAND, as the server module's table needs it. */
#ifndef SERVER_COMMAND_H
#define SERVER_COMMAND_H

#include <keel.h>

/* COMMAND without a subcommand: its row has .arity = -1 and .categories = "@connection". */
KeelHandler server_command;
extern const KeelCommand command_subcommands[];

#endif
