/* connection.h - what the files of the connection module share. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <keel.h>
#include <keel/pause.h>

/* auth.c: who a client is. */
extern char *requirepass;
extern int auth_gate;
KeelVerdict auth_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
bool auth_apply(const KeelConfig *config, bool starting, const char **reason);
void auth_client_event(KeelCtx *c, const void *data);
KeelHandler connection_auth, connection_hello;

/* client.c: CLIENT's subcommands about the caller's own connection. */
extern const KeelCommand client_subcommands[];
/* Whether a name may be shown in CLIENT LIST, where spaces and line ends separate. */
bool client_word_valid(KeelStr word);
/* For subcommands that can tell only themselves that they have too many arguments. */
void client_reply_arity(KeelCtx *c, KeelStr name);
/* KEEL_CLIENT_*; -1: no such kind. */
int client_kind_by_name(KeelStr name);

/* client_list.c: CLIENT's subcommands that describe and choose connections. */
KeelHandler client_list, client_info, client_kill;

/* pause.c */
extern int pause_gate;
KeelVerdict pause_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc);
void pause_end(void);          /* all of them */
extern const KeelPauseOps pause_operations;
KeelHandler client_pause, client_unpause;

#endif
