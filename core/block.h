/* block.h - clients that wait: for keys, for time, for other threads. */
#ifndef CORE_BLOCK_H
#define CORE_BLOCK_H

#include "client.h"

/* The client is going or is reset: its wait ends without a reply. */
void block_forget(KeelClient *client);
/* After commands: tries those that wait for keys that became ready, in Redis's order (keys in the
 * order they were signalled, clients in the order they blocked); again while trying makes keys
 * ready. Cheap when nothing is ready. */
void block_serve_ready(void);
extern bool block_ready_pending;   /* block_serve_ready() has something to do */
/* Clients whose time is up, and those that keel_unblock() named. */
void block_serve_timeouts(void);
/* Wall clock of the earliest deadline in ms, INT64_MAX: none. */
int64_t block_next_deadline(void);
/* A key went (deleted, expired, flushed, swapped) or changed its type: `on_delete` waiters are
 * tried. `name.ptr` NULL: all keys of the database. */
extern size_t block_on_delete;     /* 0: nobody wants to know */
void block_key_gone(int db, KeelStr name);
/* Two databases were exchanged: waiters of either are tried when their keys are there now. */
void block_databases_swapped(int a, int b);
/* Clients that wait until some time at most. */
size_t block_with_deadline(void);
size_t block_clients_of_module(const void *module);
/* The id under which the client waits, 0: it does not; and the client that waits under an id, unless
 * it is being answered right now. */
uint64_t block_id_of(const KeelClient *client);
KeelClient *block_client_of(uint64_t id);

#endif
