/* poll.h - what epoll watches: clients, listeners, modules' descriptors. */
#ifndef CORE_POLL_H
#define CORE_POLL_H

#include "client.h"

int poll_init(void);
/* Both directions, edge-triggered, until the descriptor is closed. 0, -1 with errno. */
int poll_add_client(KeelClient *client);
int poll_add_listener(int fd);
void poll_remove(int fd);
/* Waits up to `ms` (-1: for ever) and hands readiness out: clients that can be read are gathered and
 * executed by batches. */
void poll_turn(int ms);
/* The same without waiting, and without letting threads work meanwhile: see keel_serve(). */
void poll_glance(void);
/* Whether we are inside one: clients that closed may still be among its events. */
bool poll_handling(void);
/* While a command runs: other clients that sent something, and those that connect. */
void poll_meanwhile(void);
/* Descriptors that a module watches. */
size_t poll_watch_count(const void *module_self);

#endif
