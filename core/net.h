/* net.h - sockets: listening, accepting, reading requests in, writing replies out. */
#ifndef CORE_NET_H
#define CORE_NET_H

#include "client.h"
#include "dispatch.h"

/* Opens what bind, port and unixsocket say. 0; -1 with the reason logged. */
int net_init(void);
/* After port, bind or unixsocket changed. */
bool net_apply_listeners(const char **reason);
/* After maxclients changed: descriptors for so many. */
bool net_apply_maxclients(const char **reason);
void net_close_listeners(void);

/* Readiness of a listener: accepts what waits there. */
void net_accept(int fd);

/* Stroke 1: reads the client's socket and parses what is whole into the turn's requests. False when
 * this turn's room is used up: execute first, then again. */
bool net_gather(KeelClient *client);
/* Strokes 2 and 3: runs what was gathered. */
void net_execute(void);
/* Whether a client's command runs now. */
bool net_executing(void);
/* Stroke 4: journal, then every client's output. */
void net_flush(void);
/* A socket takes bytes again. */
void net_writable(KeelClient *client);

/* A client that waited (blocked, held) goes on with what it sent meanwhile: at the next turn. */
void net_resume(KeelClient *client);
/* Runs what resumed clients have waiting, and then what those have that they resume, before any new
 * input is read: as if all had happened at once. True: there was something. */
bool net_run_resumed(void);
/* The same without those who only have more to read or write. */
void net_run_unblocked(void);
/* A client has something to read while somebody's command runs: what it sent runs at once and is
 * answered, or is left for the next turn when the client is a part of this one. */
void net_serve_meanwhile(KeelClient *client);
bool net_has_resumed(void);
bool net_has_pending_output(void);
/* Whether anybody has some, held or not. */
bool net_has_output(void);
/* Writes what this client is owed, as far as its socket takes it. */
void net_send(KeelClient *client);
/* It has more to read, run or write: at the next turn, whether it waits or not. */
void net_queue_again(KeelClient *client);
/* In a fork child: the listeners are the parent's. */
void net_close_in_child(void);
/* The client goes: no queue may know it any more. */
void net_forget(KeelClient *client);
/* hz times a second: idle and slow clients. */
void net_cron(void);

#endif
