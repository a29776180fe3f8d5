/* config_command.h - CONFIG's subcommands, for the module's command table. */
#ifndef SERVER_CONFIG_COMMAND_H
#define SERVER_CONFIG_COMMAND_H

#include <keel.h>

extern const KeelCommand config_subcommands[];

#endif
